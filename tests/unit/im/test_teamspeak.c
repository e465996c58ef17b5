/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"
#include "test.h"

extern const struct parser parser_teamspeak;

static struct outcome out;

#define TS2_HEAD(type) "\xf4\xbe" type "\0\0\0\0\0\0\0\0\1\0\0\0\xaa\xbb\xcc\xdd"

static enum im_answer udp(const struct step *steps, size_t count)
{
    converse_udp(&parser_teamspeak, steps, count, &out);
    return out.answer;
}

static void test_teamspeak_3_is_known_by_its_first_packet(void **state)
{
    static const struct step client[] = { CLIENT("TS3INIT1\0\x65\0\0\x88\x09\x83\x8c\xcf\0") };
    static const struct step server[] = { SERVER("TS3INIT1\0\x65\x88\1\2\3\4\5") };

    (void)state;
    assert_int_equal(udp(client, 1), IM_YES);
    assert_string_equal(out.record.text, "delivery server-proxy\nactivity login\nsettle\n");
    assert_int_equal(udp(server, 1), IM_YES);
}

static void test_teamspeak_2_is_known_by_its_login_or_by_an_answer(void **state)
{
    static const struct step login[] = { CLIENT(TS2_HEAD("\3\0") "\x09TeamSpeak\0\0\0") };
    static const struct step asked[] = { CLIENT(TS2_HEAD("\3\0") "\x09Something\0\0\0"),
                                         SERVER(TS2_HEAD("\4\0") "\0") };
    static const struct step unasked[] = { CLIENT(TS2_HEAD("\4\0") "\0") };

    (void)state;
    assert_int_equal(udp(login, 1), IM_YES);
    assert_int_equal(udp(asked, 1), IM_MORE);
    assert_int_equal(udp(asked, 2), IM_YES);
    assert_int_equal(udp(unasked, 1), IM_NO);
}

static void test_teamspeak_query_greets_first(void **state)
{
    static const struct step steps[] = { SERVER("TS3\n\rWelcome\n\r"), CLIENT("login a b\n") };
    static const struct step other[] = { SERVER("TS3\r\n") };
    static const struct step client[] = { CLIENT("TS3\n\r") };

    (void)state;
    check_laws(&parser_teamspeak, steps, 2, &out);
    assert_int_equal(out.answer, IM_YES);
    converse(&parser_teamspeak, other, 1, &out);
    assert_int_equal(out.answer, IM_NO);
    converse(&parser_teamspeak, client, 1, &out);
    assert_int_equal(out.answer, IM_NO);
}

static void test_teamspeak_leaves_others_alone(void **state)
{
    static const struct step steps[] = {
        CLIENT("TS3INIT1"),
        CLIENT("TS3INIT2\0\x65\0\0\x88\1\2\3"),
        CLIENT("TS3INIT1\0\x66\0\0\x88\1\2\3"),
        CLIENT("TS3INIT1\0\x65\0\0\x81\1\2\3"),
        CLIENT("\xf4\xbe\5\0\0\0\0\0\0\0\0\0\1\0\0\0\1\1\1\1\0"),
        CLIENT("\xf4\xbe\3\0"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        assert_int_equal(udp(&steps[i], 1), IM_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_teamspeak_3_is_known_by_its_first_packet),
        cmocka_unit_test(test_teamspeak_2_is_known_by_its_login_or_by_an_answer),
        cmocka_unit_test(test_teamspeak_query_greets_first),
        cmocka_unit_test(test_teamspeak_leaves_others_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
