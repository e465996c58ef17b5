/* SPDX-License-Identifier: Apache-2.0 */
/* MSNFTP: a file on its direct connection, broken off, and lines that only begin like it. */
#include "build.h"
#include "conversation.h"
#include <stdlib.h>

extern const struct parser parser_msnftp;

static int setup(void **state)
{
    *state = malloc(sizeof(struct outcome));
    return *state == NULL;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static void test_file_received_by_the_client(void **state)
{
    struct outcome *out = *state;
    struct step steps[] = {
        CLIENT("VER MSNFTP\r\n"),
        SERVER("VER MSNFTP\r\n"),
        CLIENT("USR bob@example.org 93301\r\n"),
        SERVER("FIL 12\r\n"),
        CLIENT("TFR\r\n"),
        SERVER("\x00\x08\x00"
               "BYE FIL\n"),
        SERVER("\x00\x04\x00"
               "end\n"
               "\x01\x00\x00"),
        CLIENT("BYE 16777989\r\n"),
    };
    check_laws(&parser_msnftp, steps, sizeof steps / sizeof steps[0], out);
    assert_int_equal(out->answer, IM_YES);
    assert_string_equal(out->record.text, "delivery peer\n"
                                          "activity file account=bob@example.org size=12 in\n"
                                          "file 1 account=bob@example.org size=12 in\n"
                                          "bytes 1 at 0 BYE FIL?end?\n"
                                          "file 1 whole\n");
}

static void announce(struct recorder *r, struct view token, const char *name)
{
    struct im_file f = { .name = view_string(name), .size = 2, .outgoing = true };

    session_announce(recorder_session(r), token, &f);
}

static void test_cookie_and_account_tell_the_name(void **state)
{
    struct recorder *r = &((struct outcome *)*state)->record;
    const struct view tokens[] = { VIEW("msnftp 93301 bob@example.org"), VIEW("msnftp 93301"),
                                   VIEW("msnftp 933") };

    for (unsigned i = 0; i < 3; i++) {
        uint64_t memory[PARSER_STATE_BYTES / 8] = { 0 };
        recorder_init(r);
        announce(r, tokens[i], "plan.doc");
        (void)parser_msnftp.feed(memory, recorder_session(r), FROM_CLIENT,
                                 VIEW("VER MSNFTP\r\nUSR bob@example.org 93301\r\n"));
        (void)parser_msnftp.feed(memory, recorder_session(r), FROM_SERVER,
                                 VIEW("FIL 3\r\n\x00\x03\x00xyz\x01\x00\x00"));
        assert_int_equal(recorder_count(r, "file 1 name=plan.doc size=3 out"), i < 2);
        assert_true(recorder_has(r, "bytes 1 at 0 xyz"));
        assert_true(recorder_has(r, "file 1 whole"));
    }
}

/* Four blocks of four octets and one of two, as a stream. */
static const struct view blocks = { (const uint8_t *)"\0\4\0abcd\0\4\0efgh\0\4\0ijkl\0\4\0mnop\0\2\0qr\1\0\0",
                                    36 };

static void test_place_survives_every_loss(void **state)
{
    struct recorder *r = &((struct outcome *)*state)->record;
    const char *all = "abcdefghijklmnopqr";
    unsigned followed = 0;

    for (size_t from = 7; from < blocks.len; from++)
        for (size_t to = from + 1; to < blocks.len; to++) {
            uint64_t memory[PARSER_STATE_BYTES / 8] = { 0 };
            struct session *s = recorder_session(r);

            recorder_init(r);
            (void)parser_msnftp.feed(memory, s, FROM_CLIENT, VIEW("FIL 18\r\n"));
            size_t used = parser_msnftp.feed(memory, s, FROM_CLIENT, view_slice(blocks, 0, from));
            if (!parser_msnftp.gap(memory, s, FROM_CLIENT, to - used))
                continue;
            (void)parser_msnftp.feed(memory, s, FROM_CLIENT, view_from(blocks, to));
            assert_false(r->settled);
            followed++;
            /* what is given stands at its own place */
            for (const char *at = strstr(r->text, "bytes 1 at "); at != NULL;
                 at = strstr(at + 1, "bytes 1 at ")) {
                unsigned place = (unsigned)atoi(at + 11);
                const char *given = strchr(at + 11, ' ') + 1;
                assert_int_equal(strncmp(given, all + place, strcspn(given, "\n")), 0);
            }
            assert_true(recorder_count(r, "bytes 1 at ") <= 2);
        }
    assert_true(followed > 300); /* of 406; not those that lose the end of the file */
}

static void test_loss_among_blocks_of_several_lengths_ends_the_following(void **state)
{
    struct recorder *r = &((struct outcome *)*state)->record;
    uint64_t memory[PARSER_STATE_BYTES / 8] = { 0 };
    struct session *s = recorder_session(r);

    recorder_init(r);
    (void)parser_msnftp.feed(memory, s, FROM_CLIENT, VIEW("FIL 180\r\n\0\4\0abcd\0\3\0efg\0\4\0hi"));
    assert_true(parser_msnftp.gap(memory, s, FROM_CLIENT, 2));
    assert_false(parser_msnftp.gap(memory, s, FROM_CLIENT, 2));
}

static void test_file_sent_by_the_client_and_cancelled_between_blocks(void **state)
{
    struct outcome *out = *state;
    struct step steps[] = {
        SERVER("VER MSNFTP\r\n"),
        CLIENT("VER MSNFTP\r\n"),
        SERVER("USR bob@example.org 93301\r\n"),
        CLIENT("FIL 5000000\r\n"),
        SERVER("TFR\r\n"),
        CLIENT("\x00\x02\x00xx"
               "CCL\r\n"
               "FIL 7\r\n"),
    };
    check_laws(&parser_msnftp, steps, sizeof steps / sizeof steps[0], out);
    assert_string_equal(out->record.text, "delivery peer\n"
                                          "activity file peer=bob@example.org size=5000000 out\n"
                                          "file 1 peer=bob@example.org size=5000000 out\n"
                                          "bytes 1 at 0 xx\n"
                                          "file 1 cut\n"
                                          "activity file peer=bob@example.org size=7 out\n"
                                          "file 2 peer=bob@example.org size=7 out\n");
}

static void test_endless_line_ends_the_following(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 };

    put_text(&b, "VER MSNFTP\r\n");
    for (unsigned i = 0; i < 600; i++)
        put8(&b, 'x');
    struct step steps[] = { { FROM_CLIENT, built(&b) } };
    check_laws(&parser_msnftp, steps, 1, out);
    assert_true(recorder_has(&out->record, "settle"));
}

static void test_what_only_begins_like_it_is_refused(void **state)
{
    struct outcome *out = *state;
    struct step http[] = { CLIENT("VER "), SERVER("HTTP/1.1 400 Bad Request\r\n") };

    assert_int_equal(probe_bytes(&parser_msnftp, VIEW("VER 1 MSNP8 CVR0\r\n")), IM_NO);
    assert_int_equal(probe_bytes(&parser_msnftp, VIEW("VERSION MSNFTP")), IM_NO);
    assert_int_equal(probe_bytes(&parser_msnftp, VIEW("GET /VER MSNFTP HTTP/1.0\r\n")), IM_NO);
    assert_int_equal(probe_bytes(&parser_msnftp, VIEW("VER MSNFT")), IM_MORE);
    converse(&parser_msnftp, http, 2, out);
    assert_int_equal(out->answer, IM_NO);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_file_received_by_the_client),
        TEST(test_file_sent_by_the_client_and_cancelled_between_blocks),
        TEST(test_cookie_and_account_tell_the_name),
        TEST(test_place_survives_every_loss),
        TEST(test_loss_among_blocks_of_several_lengths_ends_the_following),
        TEST(test_endless_line_ends_the_following),
        TEST(test_what_only_begins_like_it_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
