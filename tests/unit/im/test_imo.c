/* SPDX-License-Identifier: Apache-2.0 */
/* imo's datagrams, of which two must answer each other. */
#include "builder.h"

extern const struct parser parser_imo;

static struct outcome out;
static struct builder big;

static void test_a_request_and_its_answer_are_a_call(void **state)
{
    const struct step steps[] = { CLIENT("\x09\x02"
                                         "abcdefgh"),
                                  SERVER("\0\x09\x03"
                                         "ijklmnop") };

    (void)state;
    converse_udp(&parser_imo, steps, 2, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.record.text, "activity call\nsettle\n");
}

static void test_one_shape_alone_is_not_enough(void **state)
{
    const struct step again[] = { CLIENT("\x09\x02"
                                         "abcdefgh"),
                                  CLIENT("\x09\x02"
                                         "abcdefgi"),
                                  SERVER("\x01") };
    const struct step one_side[] = { CLIENT("\x09\x02"
                                            "abcdefgh"),
                                     CLIENT("\0\x09\x03"
                                            "ijklmnop") };
    const struct step longer[] = { CLIENT("\x09\x02"
                                          "abcdefghi") };
    struct step bytes[8];

    (void)state;
    converse_udp(&parser_imo, again, 3, &out);
    assert_int_equal(out.answer, IM_MORE);
    converse_udp(&parser_imo, one_side, 2, &out);
    assert_int_equal(out.answer, IM_MORE);
    converse_udp(&parser_imo, longer, 1, &out);
    assert_int_equal(out.answer, IM_NO);
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (struct step)CLIENT("\x31"); /* what nDPI takes for imo */
    converse_udp(&parser_imo, bytes, 8, &out);
    assert_int_equal(out.answer, IM_NO);
}

static void test_the_long_datagram_needs_another(void **state)
{
    (void)state;
    build_bytes(&big, "\x88\x49\x1a\0");
    build_random(&big, 1095);
    const struct step steps[] = { said(FROM_CLIENT, &big), SERVER("\0\x09\x03"
                                                                  "ijklmnop") };
    converse_udp(&parser_imo, steps, 1, &out);
    assert_int_equal(out.answer, IM_MORE);
    converse_udp(&parser_imo, steps, 2, &out);
    assert_int_equal(out.answer, IM_YES);
}

static void test_decoys_say_no(void **state)
{
    (void)state;
    assert_no_yes_to_other_datagrams(&parser_imo);
    assert_no_yes_to_random_datagrams(&parser_imo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_and_its_answer_are_a_call),
        cmocka_unit_test(test_one_shape_alone_is_not_enough),
        cmocka_unit_test(test_the_long_datagram_needs_another),
        cmocka_unit_test(test_decoys_say_no),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
