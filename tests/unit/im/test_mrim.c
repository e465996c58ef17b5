/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"
#include "test.h"

extern const struct parser parser_mrim;

static struct outcome out;

#define Z4 "\0\0\0\0"
#define HEAD(minor, command, length)                                                                         \
    "\xef\xbe\xad\xde" minor "\0\1\0"                                                                        \
    "\1\0\0\0" command "\x10\0\0" length "\0\0\0" Z4 Z4 Z4 Z4 Z4 Z4

static const struct step talk[] = {
    CLIENT(HEAD("\x0e", "\x01", "\0")),
    SERVER(HEAD("\x0e", "\x02", "\4") "\x1e\0\0\0"),
    /* account, password, status */
    CLIENT(HEAD("\x0e", "\x38", "\x1a") "\x0a\0\0\0anna@ml.ru\4\0\0\0pass\1\0\0\0"),
    SERVER(HEAD("\x0e", "\x04", "\0")),
    CLIENT(HEAD("\x0e", "\x22", "\4") "\1\0\0\0"),
    CLIENT(HEAD("\x0e", "\x08", "\x1e") Z4 "\x09\0\0\0bob@ml.ru\4\0\0\0text\1\0\0\0 "),
    SERVER(HEAD("\x0e", "\x09", "\x1b") "\7\0\0\0\0\4\0\0\x09\0\0\0bob@ml.ru\2\0\0\0  "),
    SERVER(HEAD("\x0e", "\x09", "\x1b") "\7\0\0\0\0\0\0\0\x09\0\0\0bob@ml.ru\2\0\0\0hi"),
    CLIENT(HEAD("\x0e", "\x26", "\x48") "\x09\0\0\0bob@ml.ru\5\0\0\0\0\x10\0\0\x2f\0\0\0"
                                        "\x0b\0\0\0a.doc;4096;"
                                        "\0\0\0\0"
                                        "\x18\0\0\0"
                                        "10.0.0.1:2041;10.0.0.2:0"),
};

static void test_mrim_conversation_keeps_the_laws(void **state)
{
    (void)state;
    check_laws(&parser_mrim, talk, sizeof talk / sizeof talk[0], &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(
        out.record.text,
        "version 1.14\n"
        "activity login account=anna@ml.ru out\n"
        "activity presence\n"
        "delivery server-proxy\n"
        "activity chat account=anna@ml.ru peer=bob@ml.ru out text=text\n"
        "activity presence account=anna@ml.ru peer=bob@ml.ru in\n"
        "activity chat account=anna@ml.ru peer=bob@ml.ru in text=hi\n"
        "announce mrim anna@ml.ru a.doc name=a.doc account=anna@ml.ru peer=bob@ml.ru size=4096 out\n"
        "activity file account=anna@ml.ru peer=bob@ml.ru file=a.doc size=4096 out\n"
        "delivery server-broker\n"
        "expect tcp 10.0.0.1:2041 file mrim\n");
}

static void test_mrim_text_of_newer_versions_is_wide(void **state)
{
    static const struct step steps[] = {
        CLIENT(HEAD("\x16", "\x08", "\x1e") Z4 "\x09\0\0\0bob@ml.ru\4\0\0\0o\0k\0" Z4 " "),
    };

    (void)state;
    check_laws(&parser_mrim, steps, 1, &out);
    assert_true(recorder_has(&out.record, "activity chat peer=bob@ml.ru out text=ok"));
}

static void test_mrim_text_in_both_character_sets(void **state)
{
    static const struct step old[] = {
        CLIENT(HEAD("\x0e", "\x08", "\x1d") Z4 "\x09\0\0\0bob@ml.ru\3\0\0\0\xcf\xf0\xe8\1\0\0\0 "),
    };
    static const struct step wide[] = {
        CLIENT(HEAD("\x16", "\x08", "\x1e") Z4 "\x09\0\0\0bob@ml.ru\4\0\0\0\x1f\4\x40\4" Z4 " "),
    };

    (void)state;
    check_laws(&parser_mrim, old, 1, &out);
    assert_true(recorder_has(&out.record, "activity chat peer=bob@ml.ru out text=\xd0\x9f\xd1\x80\xd0\xb8"));
    check_laws(&parser_mrim, wide, 1, &out);
    assert_true(recorder_has(&out.record, "activity chat peer=bob@ml.ru out text=\xd0\x9f\xd1\x80"));
}

static void test_mrim_contact_list_by_its_masks(void **state)
{
    static const struct step steps[] = {
        CLIENT(HEAD("\x0e", "\x38", "\x1a") "\x0a\0\0\0anna@ml.ru\4\0\0\0pass\1\0\0\0"),
        SERVER(HEAD("\x0e", "\x37", "\x67") Z4
               "\1\0\0\0\2\0\0\0us\7\0\0\0uussuuz"
               "\0\0\0\0\4\0\0\0Desk"
               "\0\0\0\0\0\0\0\0\x09\0\0\0bob@ml.ru\3\0\0\0Bob\0\0\0\0\2\0\0\0x\0"
               "\0\0\0\0\7\0\0\0\3\0\0\0e@m\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    };

    (void)state;
    check_laws(&parser_mrim, steps, 2, &out);
    assert_string_equal(strstr(out.record.text, "contact"),
                        "contact account=anna@ml.ru peer=bob@ml.ru display=Bob group=Desk away\n"
                        "contact account=anna@ml.ru peer=e@m offline\n");
}

static void test_mrim_file_leg_is_the_peer(void **state)
{
    static const struct step steps[] = {
        CLIENT("MRA_FT_HELLO bob@ml.ru\0"),
        SERVER("MRA_FT_HELLO anna@ml.ru\0"),
        CLIENT("MRA_FT_GET_FILE a.doc\0"),
        SERVER("any octets"),
    };

    (void)state;
    check_laws(&parser_mrim, steps, 4, &out);
    assert_true(recorder_has(&out.record, "delivery peer"));
    assert_true(recorder_has(&out.record, "activity file file=a.doc in"));
}

static void test_mrim_file_leg_carries_what_was_announced(void **state)
{
    static const struct step steps[] = {
        CLIENT("MRA_FT_HELLO bob@ml.ru\0"),    SERVER("MRA_FT_HELLO anna@ml.ru\0"),
        CLIENT("MRA_FT_GET_FILE a.doc\0"),     SERVER("MRA_ is in the file"),
        CLIENT("MRA_FT_GET_FILE other.doc\0"),
    };
    static uint64_t memory[PARSER_STATE_BYTES / 8];
    struct session *s = recorder_session(&out.record);

    (void)state;
    recorder_init(&out.record);
    session_announce(s, VIEW("mrim anna@ml.ru a.doc"),
                     &(struct im_file){ .name = VIEW("a.doc"), .size = 29, .outgoing = true });
    strcpy(out.record.announced.peer, "bob@ml.ru");
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(parser_mrim.feed(memory, s, steps[i].from, steps[i].bytes), steps[i].bytes.len);
    assert_true(parser_mrim.gap(memory, s, FROM_SERVER, 5));
    parser_mrim.feed(memory, s, FROM_SERVER, VIEW("vwxyz"));
    assert_false(parser_mrim.gap(memory, s, FROM_SERVER, 1));
    parser_mrim.feed(memory, s, steps[4].from, steps[4].bytes);
    assert_string_equal(strstr(out.record.text, "activity"), "activity file file=a.doc in\n"
                                                             "file 1 name=a.doc peer=bob@ml.ru size=29 out\n"
                                                             "bytes 1 at 0 MRA_ is in the file\n"
                                                             "bytes 1 at 24 vwxyz\n"
                                                             "file 1 whole\n"
                                                             "activity file file=other.doc in\n"
                                                             "settle\n");
}

static void test_mrim_changes_over_to_tls(void **state)
{
    static const struct step steps[] = {
        CLIENT(HEAD("\x16", "\x86", "\0")),
        SERVER(HEAD("\x16", "\x87", "\0")),
    };

    (void)state;
    check_laws(&parser_mrim, steps, 2, &out);
    assert_true(recorder_has(&out.record, "upgrade tls"));
}

static void test_mrim_large_body_is_skipped(void **state)
{
    static char body[20000];
    struct step steps[] = {
        CLIENT("\xef\xbe\xad\xde\x0e\0\1\0\1\0\0\0\x08\x10\0\0\x20\x4e\0\0" Z4 Z4 Z4 Z4 Z4 Z4),
        { FROM_CLIENT, { (const uint8_t *)body, sizeof body } },
        CLIENT(HEAD("\x0e", "\x22", "\4") "\1\0\0\0"),
    };

    (void)state;
    check_laws(&parser_mrim, steps, 3, &out);
    assert_string_equal(out.record.text, "version 1.14\nactivity presence\n");
}

static void test_mrim_leaves_others_alone(void **state)
{
    (void)state;
    assert_int_equal(probe_bytes(&parser_mrim, VIEW("\xef\x10\1\2\3\4")), IM_NO); /* Telegram, abridged */
    assert_int_equal(probe_bytes(&parser_mrim, VIEW("\xef\xbe\xad\xde\0\0\2\0\0\0\0\0\1\x10\0\0\0\0\0\0")),
                     IM_NO);
    assert_int_equal(probe_bytes(&parser_mrim, VIEW("\xef\xbe\xad\xde\x0e\0\1\0\0\0\0\0\1\x20\0\0\0\0\0\0")),
                     IM_NO);
    assert_int_equal(
        probe_bytes(&parser_mrim, VIEW("\xef\xbe\xad\xde\x0e\0\1\0\0\0\0\0\1\x10\0\0\0\0\0\x7f")), IM_NO);
    assert_int_equal(probe_bytes(&parser_mrim, VIEW("MRA_FT_HELP")), IM_NO);
    assert_int_equal(probe_bytes(&parser_mrim, VIEW("MAIL FROM:<a@mail.ru>\r\n")), IM_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mrim_conversation_keeps_the_laws),
        cmocka_unit_test(test_mrim_text_of_newer_versions_is_wide),
        cmocka_unit_test(test_mrim_text_in_both_character_sets),
        cmocka_unit_test(test_mrim_contact_list_by_its_masks),
        cmocka_unit_test(test_mrim_file_leg_is_the_peer),
        cmocka_unit_test(test_mrim_file_leg_carries_what_was_announced),
        cmocka_unit_test(test_mrim_changes_over_to_tls),
        cmocka_unit_test(test_mrim_large_body_is_skipped),
        cmocka_unit_test(test_mrim_leaves_others_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
