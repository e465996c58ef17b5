/* SPDX-License-Identifier: Apache-2.0 */
/* Microsoft's TURN: multiplexed on UDP, framed on TCP. */
#include "builder.h"

extern const struct parser parser_teams_media;

static struct outcome out;
static struct builder a, b;

static void build_multiplexed(struct builder *to, uint64_t session, uint64_t first, size_t n)
{
    *to = (struct builder){ 0 };
    build_be(to, 2, 0xff10);
    build_be(to, 2, 8 + n);
    build_be(to, 8, session);
    build_be(to, 8, first);
    build_random(to, n - 8);
}

static enum im_answer talk(void)
{
    const struct step steps[] = { said(FROM_SERVER, &a), said(FROM_SERVER, &b) };

    converse_udp(&parser_teams_media, steps, 2, &out);
    return out.answer;
}

static void test_a_multiplexed_stun_message_is_a_call(void **state)
{
    (void)state;
    build_multiplexed(&a, 0x651f34ce2e7915fc, 0x010100442112a442, 88);
    b = a;
    assert_int_equal(talk(), IM_YES);
    assert_string_equal(out.record.text, "activity call\ndelivery server-proxy\nsettle\n");
    build_multiplexed(&a, 0x651f34ce2e7915fc, 0x010100442112a443, 88); /* cookie */
    assert_int_equal(talk(), IM_NO);
    build_multiplexed(&a, 0x651f34ce2e7915fc, 0x010100402112a442, 88); /* length */
    assert_int_equal(talk(), IM_NO);
}

static void test_multiplexed_media_needs_one_session_twice(void **state)
{
    (void)state;
    build_multiplexed(&a, 77, 0x8068123400001111, 90);
    build_multiplexed(&b, 77, 0x8068123500002222, 95);
    assert_int_equal(talk(), IM_YES);
    build_multiplexed(&b, 78, 0x8068123500002222, 95);
    assert_int_equal(talk(), IM_NO);
    b.bytes[3] ^= 1;
    assert_int_equal(talk(), IM_NO);
}

static void build_allocate(struct builder *to, size_t attributes, uint32_t cookie)
{
    *to = (struct builder){ 0 };
    build_be(to, 2, 0x0200);
    build_be(to, 2, 20 + attributes);
    build_be(to, 2, 0x0003);
    build_be(to, 2, attributes);
    build_random(to, 16);
    build_be(to, 4, 0x000f0004);
    build_be(to, 4, cookie);
    build_random(to, attributes - 8);
}

static void test_turn_over_tcp_is_known_by_its_first_attribute(void **state)
{
    (void)state;
    build_allocate(&a, 48, 0x72c64bc6);
    const struct step steps[] = { said(FROM_CLIENT, &a), SERVER("\2\0\0\x14\1\x13\0\0") };
    check_laws(&parser_teams_media, steps, 2, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_true(recorder_has(&out.record, "activity call"));
    build_allocate(&a, 48, 0x72c64bc7);
    assert_int_equal(probe_bytes(&parser_teams_media, built(&a)), IM_NO);
    assert_int_equal(probe_bytes(&parser_teams_media, VIEW("\2\1")), IM_NO);
    assert_int_equal(probe_bytes(&parser_teams_media, VIEW("\2\0\0\x40\0\3\0\x2d")), IM_NO);
}

static void test_decoys_say_no(void **state)
{
    (void)state;
    assert_no_yes_to_other_streams(&parser_teams_media);
    assert_no_yes_to_random_streams(&parser_teams_media);
    assert_no_yes_to_other_datagrams(&parser_teams_media);
    assert_no_yes_to_random_datagrams(&parser_teams_media);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_multiplexed_stun_message_is_a_call),
        cmocka_unit_test(test_multiplexed_media_needs_one_session_twice),
        cmocka_unit_test(test_turn_over_tcp_is_known_by_its_first_attribute),
        cmocka_unit_test(test_decoys_say_no),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
