/* SPDX-License-Identifier: Apache-2.0 */
/* Skype's refusals and what is sent again. */
#include "builder.h"

extern const struct parser parser_skype;

static struct outcome out;

static enum im_answer talk(struct view refusal, struct view again)
{
    struct step steps[13] = { CLIENT("\xa1\xb2\x02\x11\x22\x33\x44\x55\x66\x77\x88"
                                     "0123456789"),
                              { FROM_SERVER, refusal },
                              { FROM_CLIENT, again } };

    for (unsigned i = 3; i < 13; i++)
        steps[i] = (struct step)SERVER("\xc3\xd4\x0d"
                                       "sound, obfuscated");
    converse_udp(&parser_skype, steps, 13, &out);
    return out.answer;
}

static void test_a_payload_refused_and_sent_again(void **state)
{
    (void)state;
    assert_int_equal(talk(VIEW("\xa1\xb2\x77\xc0\0\2\x63\x5a\x6b\x7c\x8d"),
                          VIEW("\xa1\xb2\x23\1\x5a\x6b\x7c\x8d\x99\x98\x97\x96"
                               "0123456789")),
                     IM_YES);
    assert_string_equal(out.record.text, "activity presence\nactivity call\nsettle\n");
}

static void test_a_refusal_that_names_the_client(void **state)
{
    const struct step steps[] = { CLIENT("\xa1\xb2\x02\x11\x22\x33\x44\x55\x66\x77\x88"
                                         "0123456789"),
                                  SERVER("\xa1\xb2\x67\x0a\0\0\1\x5a\x6b\x7c\x8d") };

    (void)state;
    converse_udp(&parser_skype, steps, 2, &out);
    assert_int_equal(out.answer, IM_YES); /* 10.0.0.1 is the recorder's client */
}

static void test_another_seed_id_or_length_is_none(void **state)
{
    const struct view again = VIEW("\xa1\xb2\x23\1\x5a\x6b\x7c\x8d\x99\x98\x97\x96"
                                   "0123456789");

    (void)state;
    assert_int_not_equal(talk(VIEW("\xa1\xb2\x77\xc0\0\2\x63\x5a\x6b\x7c\x8e"), again), IM_YES);
    assert_int_not_equal(talk(VIEW("\xa1\xb3\x77\xc0\0\2\x63\x5a\x6b\x7c\x8d"), again), IM_YES);
    assert_int_equal(talk(VIEW("\xa1\xb2\x77\xc0\0\2\x63\x5a\x6b\x7c\x8d\0"), again), IM_NO);
    assert_int_not_equal(talk(VIEW("\xa1\xb2\x75\xc0\0\2\x63\x5a\x6b\x7c\x8d"), again), IM_YES);
}

static void test_decoys_say_no(void **state)
{
    (void)state;
    assert_no_yes_to_other_datagrams(&parser_skype);
    assert_no_yes_to_random_datagrams(&parser_skype);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_payload_refused_and_sent_again),
        cmocka_unit_test(test_a_refusal_that_names_the_client),
        cmocka_unit_test(test_another_seed_id_or_length_is_none),
        cmocka_unit_test(test_decoys_say_no),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
