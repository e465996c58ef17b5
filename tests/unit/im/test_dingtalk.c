/* SPDX-License-Identifier: Apache-2.0 */
/* DingTalk's first message. */
#include "builder.h"

extern const struct parser parser_dingtalk;

static struct outcome out;

static void test_the_key_exchange_is_known(void **state)
{
    static struct builder client, server;

    (void)state;
    build_bytes(&client, "\x10\x8a\x87\x80\1\0\1\0\2\0\2"
                         "dk\3\0\x20");
    build_random(&client, 96);
    build_random(&server, 80);
    const struct step steps[] = { said(FROM_CLIENT, &client), said(FROM_SERVER, &server) };
    check_laws(&parser_dingtalk, steps, 2, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.record.text, "activity login\ndelivery server-proxy\nsettle\n");
}

static void test_near_misses_say_no(void **state)
{
    (void)state;
    assert_int_equal(probe_bytes(&parser_dingtalk, VIEW("\x10\x8a\x87\x81")), IM_NO);
    assert_int_equal(probe_bytes(&parser_dingtalk, VIEW("\x10\x8a\x87\x80\1\0\1\0\2\0\2"
                                                        "dj")),
                     IM_NO);
    assert_int_equal(probe_bytes(&parser_dingtalk, VIEW("\x10\x8a\x87\x80\1\0\1\0\2\0\2"
                                                        "dk\3\0\x20")),
                     IM_MORE);
    assert_no_yes_to_other_streams(&parser_dingtalk);
    assert_no_yes_to_random_streams(&parser_dingtalk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_key_exchange_is_known),
        cmocka_unit_test(test_near_misses_say_no),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
