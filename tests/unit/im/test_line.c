/* SPDX-License-Identifier: Apache-2.0 */
/* LINE's call signalling: lengths that fit and numbers that count. */
#include "builder.h"

extern const struct parser parser_line_call;

static struct outcome out;
static struct builder packets[4];

static void build_packet(struct builder *b, uint8_t kind, uint16_t sequence, size_t n)
{
    *b = (struct builder){ .seed = sequence + 1u };
    build_be(b, 2, (uint64_t)kind << 11 | (n - 4));
    build_be(b, 2, sequence);
    build_random(b, n - 4);
}

static void build_old(struct builder *b, uint8_t type, size_t n)
{
    *b = (struct builder){ .seed = n };
    build_be(b, 1, 0xb6);
    build_be(b, 1, type);
    build_be(b, 2, n - 4);
    build_random(b, n - 4);
}

static enum im_answer talk(void)
{
    const struct step steps[] = { said(FROM_CLIENT, &packets[0]), said(FROM_SERVER, &packets[1]),
                                  said(FROM_CLIENT, &packets[2]), said(FROM_SERVER, &packets[3]) };

    converse_udp(&parser_line_call, steps, 4, &out);
    return out.answer;
}

static void build_call(void)
{
    build_packet(&packets[0], 0x1b, 185, 872);
    build_packet(&packets[1], 0x1b, 102, 242);
    build_packet(&packets[2], 0x1a, 186, 135);
    build_packet(&packets[3], 0x1a, 103, 303);
}

static void test_signalling_of_both_sides_is_a_call(void **state)
{
    (void)state;
    build_call();
    assert_int_equal(talk(), IM_YES);
    assert_string_equal(out.record.text, "activity call\nsettle\n");
}

static void test_media_may_lie_between(void **state)
{
    (void)state;
    build_call();
    packets[1] = (struct builder){ .seed = 4 };
    build_be(&packets[1], 4, 0x80e50001);
    build_random(&packets[1], 40);
    assert_int_equal(talk(), IM_YES);
}

static void test_a_length_or_number_that_does_not_fit_is_none(void **state)
{
    (void)state;
    build_call();
    packets[1].bytes[1] ^= 1;
    assert_int_equal(talk(), IM_NO);
    build_call();
    build_packet(&packets[3], 0x1a, 105, 303);
    build_packet(&packets[2], 0x1a, 188, 135);
    assert_int_equal(talk(), IM_MORE);
}

static void test_the_older_form_needs_three_packets_of_two_types(void **state)
{
    (void)state;
    build_old(&packets[0], 0x18, 110);
    build_old(&packets[1], 0x07, 8);
    build_old(&packets[2], 0x09, 16);
    build_old(&packets[3], 0x07, 8);
    assert_int_equal(talk(), IM_YES);
    for (unsigned i = 0; i < 4; i++)
        build_old(&packets[i], 0x07, 8);
    assert_int_equal(talk(), IM_MORE);
}

static void test_decoys_say_no(void **state)
{
    (void)state;
    assert_no_yes_to_other_datagrams(&parser_line_call);
    assert_no_yes_to_random_datagrams(&parser_line_call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signalling_of_both_sides_is_a_call),
        cmocka_unit_test(test_media_may_lie_between),
        cmocka_unit_test(test_a_length_or_number_that_does_not_fit_is_none),
        cmocka_unit_test(test_the_older_form_needs_three_packets_of_two_types),
        cmocka_unit_test(test_decoys_say_no),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
