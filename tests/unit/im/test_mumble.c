/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"
#include "test.h"

extern const struct parser parser_mumble;

static struct outcome out;

#define IDENT "\x5a\x10\x9c\x33\x41\x77\x02\xee"
#define NUMBERS "\0\0\0\3\0\0\0\x64\0\1\x19\x40"

static enum im_answer udp(const struct step *steps, size_t count)
{
    converse_udp(&parser_mumble, steps, count, &out);
    return out.answer;
}

static void test_mumble_ping_and_its_answer_are_known(void **state)
{
    static const struct step steps[] = { CLIENT("\0\0\0\0" IDENT), SERVER("\0\1\5\2" IDENT NUMBERS) };

    (void)state;
    assert_int_equal(udp(steps, 1), IM_MORE);
    assert_int_equal(udp(steps, 2), IM_YES);
    assert_string_equal(out.record.text, "version 1.5.2\nactivity presence\nsettle\n");
}

static void test_mumble_needs_request_and_answer_that_fit(void **state)
{
    static const struct step alone[] = { SERVER("\0\1\5\2" IDENT NUMBERS) };
    static const struct step same_side[] = { CLIENT("\0\0\0\0" IDENT), CLIENT("\0\1\5\2" IDENT NUMBERS) };
    static const struct step ident[] = { CLIENT("\0\0\0\0" IDENT),
                                         SERVER("\0\1\5\2"
                                                "\x5a\x10\x9c\x33\x41\x77\x02\xef" NUMBERS) };
    static const struct step crowd[] = { CLIENT("\0\0\0\0" IDENT),
                                         SERVER("\0\1\5\2" IDENT "\0\0\0\3\0\0\0\2\0\1\x19\x40") };
    static const struct step version[] = { CLIENT("\0\0\0\0" IDENT), SERVER("\0\x0a\5\2" IDENT NUMBERS) };
    static const struct step longer[] = { CLIENT("\0\0\0\0" IDENT), SERVER("\0\1\5\2" IDENT NUMBERS "\0") };
    static const struct step other[] = { CLIENT("\0\0\0\1" IDENT) };

    (void)state;
    assert_int_equal(udp(alone, 1), IM_NO);
    assert_int_equal(udp(same_side, 2), IM_NO);
    assert_int_equal(udp(ident, 2), IM_NO);
    assert_int_equal(udp(crowd, 2), IM_NO);
    assert_int_equal(udp(version, 2), IM_NO);
    assert_int_equal(udp(longer, 2), IM_NO);
    assert_int_equal(udp(other, 1), IM_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mumble_ping_and_its_answer_are_known),
        cmocka_unit_test(test_mumble_needs_request_and_answer_that_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
