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
                                          "activity file account=bob@example.org size=12 in\n");
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
                                          "activity file peer=bob@example.org size=7 out\n");
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
        TEST(test_endless_line_ends_the_following),
        TEST(test_what_only_begins_like_it_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
