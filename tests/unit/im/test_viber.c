/* SPDX-License-Identifier: Apache-2.0 */
/* Viber's hello, its packets in mid-stream, and its call legs. */
#include "builder.h"

extern const struct parser parser_viber;

static struct outcome out;
static struct builder client, server, more;

static void reset(void)
{
    client = server = more = (struct builder){ 0 };
}

static void build_hello(struct builder *b, uint32_t token, uint8_t kind, size_t n)
{
    build_le(b, 2, n);
    build_le(b, 4, token);
    build_be(b, 2, 0xfcff);
    build_be(b, 1, kind);
    build_be(b, 1, 0x80);
    build_le(b, 4, 0x000a0059);
    build_zero(b, 6);
    build_le(b, 4, token);
    build_random(b, n - 24);
}

static void build_packet(struct builder *b, uint16_t counter, size_t n)
{
    build_le(b, 2, n);
    build_le(b, 2, counter);
    build_zero(b, 2);
    build_random(b, n - 6);
}

static void test_a_hello_signs_in_and_packets_chat(void **state)
{
    (void)state;
    reset();
    build_hello(&client, 0x11223344, 3, 96);
    build_packet(&server, 18, 2800);
    build_packet(&more, 9, 101);
    const struct step steps[] = { said(FROM_CLIENT, &client), said(FROM_SERVER, &server),
                                  said(FROM_CLIENT, &more) };
    check_laws(&parser_viber, steps, 3, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.record.text, "activity login\ndelivery server-proxy\nactivity chat\nsettle\n");
}

static void test_the_shortest_hello_is_known(void **state)
{
    (void)state;
    reset();
    build_hello(&client, 0, 5, 24);
    assert_int_equal(probe_bytes(&parser_viber, built(&client)), IM_YES);
    client.bytes[15] = 1; /* one of the six zeros */
    assert_int_equal(probe_bytes(&parser_viber, built(&client)), IM_NO);
    assert_int_equal(probe_bytes(&parser_viber, VIEW("\x17\0\0\0\0\0\xfc\xff\5\x80")), IM_NO); /* length */
    assert_int_equal(probe_bytes(&parser_viber, VIEW("\x18\0\0\0\0\0\xfc\xfe\5\x80")), IM_NO);
    assert_int_equal(probe_bytes(&parser_viber, VIEW("\x18\0\0\0\0\0\xfc\xff\5\x81")), IM_NO);
}

static enum im_answer answer_midstream(uint16_t port)
{
    struct finding finding = { 0 };
    struct sample s = {
        .l4 = L4_TCP, .midstream = true, .port = { 40000, port }, .bytes = { built(&client), built(&server) }
    };

    return parser_viber.probe(&s, &finding);
}

static void test_a_chain_in_mid_stream_needs_the_port(void **state)
{
    (void)state;
    reset();
    build_packet(&client, 10, 101);
    build_packet(&server, 14, 76);
    build_packet(&client, 11, 56);
    build_packet(&client, 12, 442);
    assert_int_equal(answer_midstream(4244), IM_MORE);
    build_packet(&client, 13, 97);
    assert_int_equal(answer_midstream(4244), IM_YES);
    assert_int_equal(answer_midstream(443), IM_NO);
    build_packet(&server, 14, 60); /* the counter must go up */
    assert_int_equal(answer_midstream(4244), IM_NO);
}

/* Datagrams of a call leg: the token at the place of each type. */
static void build_leg(struct builder *b, uint16_t id, uint8_t type, size_t token_at, const char *token,
                      size_t n)
{
    *b = (struct builder){ .seed = 3 };
    build_be(b, 2, id);
    build_be(b, 1, type);
    build_be(b, 1, 0);
    if (type == 1)
        build_be(b, 2, 0x0500);
    build_random(b, token_at - b->len);
    build_view(b, view_of(token, 8));
    build_random(b, n - b->len);
}

static enum im_answer answer_to_legs(void)
{
    const struct step steps[] = { said(FROM_CLIENT, &client), said(FROM_SERVER, &server) };

    converse_udp(&parser_viber, steps, 2, &out);
    return out.answer;
}

static void test_two_datagrams_that_share_a_token_are_a_call(void **state)
{
    (void)state;
    build_leg(&client, 0xedf6, 0x01, 6, "\xac\x19\x35\x8c\x8f\x64\xe4\x47", 257);
    build_leg(&server, 0xedf6, 0x0c, 6, "\xac\x19\x35\x8c\x8f\x64\xe4\x47", 76);
    assert_int_equal(answer_to_legs(), IM_YES);
    assert_string_equal(out.record.text, "activity call\nsettle\n");
    build_leg(&client, 0xedf6, 0x19, 4, "\xac\x19\x35\x8c\x8f\x64\xe4\x47", 34);
    build_leg(&server, 0xedf6, 0x1a, 4, "\xac\x19\x35\x8c\x8f\x64\xe4\x47", 20);
    assert_int_equal(answer_to_legs(), IM_YES);
    build_leg(&client, 0xedf6, 0x09, 4, "\xae\x39\x92\x91\x63\x01\0\0", 20);
    build_leg(&server, 0xedf6, 0x0b, 4, "\xae\x39\x92\x91\x63\x01\0\0", 34);
    assert_int_equal(answer_to_legs(), IM_YES);
}

static void test_another_token_identifier_or_length_is_none(void **state)
{
    (void)state;
    build_leg(&client, 0xedf6, 0x19, 4, "\xac\x19\x35\x8c\x8f\x64\xe4\x47", 34);
    build_leg(&server, 0xedf6, 0x1a, 4, "\xac\x19\x35\x8c\x8f\x64\xe4\x48", 20);
    assert_int_equal(answer_to_legs(), IM_MORE);
    build_leg(&server, 0xedf7, 0x1a, 4, "\xac\x19\x35\x8c\x8f\x64\xe4\x47", 20);
    assert_int_equal(answer_to_legs(), IM_NO);
    build_leg(&server, 0xedf6, 0x1a, 4, "\xac\x19\x35\x8c\x8f\x64\xe4\x47", 21);
    assert_int_equal(answer_to_legs(), IM_MORE);
    const struct step one = said(FROM_CLIENT, &client), again[] = { one, one, one, one, one, one, one, one };
    converse_udp(&parser_viber, again, 8, &out);
    assert_int_equal(out.answer, IM_NO);
}

static void test_decoys_say_no(void **state)
{
    (void)state;
    assert_no_yes_to_other_streams(&parser_viber);
    assert_no_yes_to_random_streams(&parser_viber);
    assert_no_yes_to_other_datagrams(&parser_viber);
    assert_no_yes_to_random_datagrams(&parser_viber);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_hello_signs_in_and_packets_chat),
        cmocka_unit_test(test_the_shortest_hello_is_known),
        cmocka_unit_test(test_a_chain_in_mid_stream_needs_the_port),
        cmocka_unit_test(test_two_datagrams_that_share_a_token_are_a_call),
        cmocka_unit_test(test_another_token_identifier_or_length_is_none),
        cmocka_unit_test(test_decoys_say_no),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
