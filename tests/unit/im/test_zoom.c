/* SPDX-License-Identifier: Apache-2.0 */
/* Zoom's hello, server packets, direct checks and STUN. */
#include "builder.h"

extern const struct parser parser_zoom_media;

static struct outcome out;
static struct builder a, b, c;

static void build_hello(struct builder *to, uint8_t type, uint64_t seed)
{
    *to = (struct builder){ .seed = seed };
    build_be(to, 1, type);
    build_be(to, 3, 0x0003c2);
    build_random(to, 16);
    build_be(to, 4, type * 0x004f8378);
    build_random(to, 20);
}

static void build_sfu(struct builder *to, uint16_t sequence, uint32_t session, uint8_t direction,
                      uint8_t media)
{
    *to = (struct builder){ .seed = sequence };
    build_be(to, 1, 5);
    build_be(to, 2, sequence);
    build_be(to, 4, session);
    build_be(to, 1, direction);
    build_be(to, 1, media);
    build_random(to, 100);
}

static enum im_answer talk(const struct step *steps, size_t n)
{
    converse_udp(&parser_zoom_media, steps, n, &out);
    return out.answer;
}

static void test_a_hello_and_its_answer_are_a_call(void **state)
{
    (void)state;
    build_hello(&a, 1, 5);
    build_hello(&b, 2, 5);
    const struct step steps[] = { said(FROM_CLIENT, &a), said(FROM_CLIENT, &a), said(FROM_SERVER, &b) };
    assert_int_equal(talk(steps, 2), IM_MORE);
    assert_int_equal(talk(steps, 3), IM_YES);
    assert_string_equal(out.record.text, "activity call\ndelivery server-proxy\nsettle\n");
    build_hello(&b, 2, 6);
    const struct step other[] = { said(FROM_CLIENT, &a), said(FROM_SERVER, &b) };
    assert_int_equal(talk(other, 2), IM_NO);
}

static void test_three_packets_of_one_session_are_a_call(void **state)
{
    (void)state;
    build_sfu(&a, 7, 0x004f8378, 0, 15);
    build_sfu(&b, 9, 0x004f8378, 4, 16);
    build_sfu(&c, 8, 0x004f8378, 0, 33);
    const struct step steps[] = { said(FROM_CLIENT, &a), said(FROM_SERVER, &b), said(FROM_CLIENT, &c) };
    assert_int_equal(talk(steps, 2), IM_MORE);
    assert_int_equal(talk(steps, 3), IM_YES);
    build_sfu(&c, 8, 0x004f8379, 0, 33);
    const struct step session[] = { steps[0], steps[1], said(FROM_CLIENT, &c) };
    assert_int_equal(talk(session, 3), IM_MORE);
    build_sfu(&a, 7, 0x004f8378, 1, 15);
    const struct step direction[] = { said(FROM_CLIENT, &a) };
    assert_int_equal(talk(direction, 1), IM_NO);
    build_sfu(&a, 7, 0x004f8378, 0, 17);
    const struct step media[] = { said(FROM_CLIENT, &a) };
    assert_int_equal(talk(media, 1), IM_NO);
}

static void build_direct(struct builder *to, struct view address, struct view uuid)
{
    *to = (struct builder){ 0 };
    build_bytes(to, "\x1f\2\1\0\x08\0\1\0\4\0");
    build_random(to, 4);
    build_be(to, 4, 100);
    build_be(to, 4, 98);
    build_be(to, 2, 41036);
    build_be(to, 4, address.len);
    build_view(to, address);
    build_be(to, 4, uuid.len);
    build_view(to, uuid);
    build_zero(to, 4);
}

static void test_a_direct_check_names_its_peer(void **state)
{
    (void)state;
    build_direct(&a, VIEW("192.0.2.226"), VIEW("0A1B2C3D-4E5F-6071-8293-A4B5C6D7E8F9"));
    const struct step steps[] = { said(FROM_CLIENT, &a) };
    assert_int_equal(talk(steps, 1), IM_YES);
    assert_string_equal(out.record.text, "activity call\ndelivery peer\nsettle\n");
    build_direct(&a, VIEW("2001:db8::77"), VIEW("0A1B2C3D-4E5F-6071-8293-A4B5C6D7E8F9"));
    const struct step six[] = { said(FROM_CLIENT, &a) };
    assert_int_equal(talk(six, 1), IM_YES);
    build_direct(&a, VIEW("192.0.2.x26"), VIEW("0A1B2C3D-4E5F-6071-8293-A4B5C6D7E8F9"));
    const struct step text[] = { said(FROM_CLIENT, &a) };
    assert_int_equal(talk(text, 1), IM_NO);
    build_direct(&a, VIEW("192.0.2.226"), VIEW("0A1B2C3D+4E5F-6071-8293-A4B5C6D7E8F9"));
    const struct step uuid[] = { said(FROM_CLIENT, &a) };
    assert_int_equal(talk(uuid, 1), IM_NO);
}

static void test_the_stun_request_without_cookie(void **state)
{
    const struct step good[] = { CLIENT("\0\1\0\x18"
                                        "abcdefghijklmnop"
                                        "\1\1\0\x14"
                                        "1234567890123456789\0") };
    const struct step other[] = { CLIENT("\0\1\0\x18"
                                         "abcdefghijklmnop"
                                         "\1\1\0\x14"
                                         "1234567890123456788\0") };

    (void)state;
    assert_int_equal(talk(good, 1), IM_YES);
    assert_int_equal(talk(other, 1), IM_NO);
}

static void test_decoys_say_no(void **state)
{
    (void)state;
    assert_no_yes_to_other_datagrams(&parser_zoom_media);
    assert_no_yes_to_random_datagrams(&parser_zoom_media);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_hello_and_its_answer_are_a_call),
        cmocka_unit_test(test_three_packets_of_one_session_are_a_call),
        cmocka_unit_test(test_a_direct_check_names_its_peer),
        cmocka_unit_test(test_the_stun_request_without_cookie),
        cmocka_unit_test(test_decoys_say_no),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
