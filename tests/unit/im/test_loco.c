/* SPDX-License-Identifier: Apache-2.0 */
/* KakaoTalk's LOCO: key exchange, bare packets, and answers that repeat requests. */
#include "builder.h"

extern const struct parser parser_loco;

static struct outcome out;
static struct builder client, server, more;

static void reset(void)
{
    client = server = more = (struct builder){ 0 };
}

static void build_hello(struct builder *b, uint32_t encryption, uint32_t cipher)
{
    build_le(b, 4, 256);
    build_le(b, 4, encryption);
    build_le(b, 4, cipher);
    build_random(b, 256);
}

static void build_packet(struct builder *b, size_t n)
{
    build_le(b, 4, n);
    build_random(b, n);
}

/* A bare packet with a BSON body of `n` bytes. */
static void build_bare(struct builder *b, struct view method, size_t n)
{
    build_le(b, 4, 1000);
    build_le(b, 2, 0);
    build_view(b, method);
    build_zero(b, 11 - method.len);
    build_le(b, 1, 0);
    build_le(b, 4, n);
    build_le(b, 4, n);
    build_random(b, n - 4);
}

static void test_a_key_exchange_signs_in_and_chats(void **state)
{
    (void)state;
    reset();
    build_hello(&client, 15, 2);
    build_packet(&client, 300);
    build_packet(&server, 120);
    build_packet(&more, 70);
    build_packet(&more, 80);
    const struct step steps[] = { said(FROM_CLIENT, &client), said(FROM_SERVER, &server),
                                  said(FROM_CLIENT, &more) };
    check_laws(&parser_loco, steps, 3, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.finding.value, "LOCO key exchange, types 15 and 2");
    assert_string_equal(out.record.text, "activity login\ndelivery server-proxy\nactivity chat\nsettle\n");
}

static void test_all_types_of_keys_are_known(void **state)
{
    (void)state;
    for (uint32_t encryption = 5; encryption <= 16; encryption++)
        for (uint32_t cipher = 2; cipher <= 3; cipher++) {
            reset();
            build_hello(&client, encryption, cipher);
            build_packet(&client, 60);
            assert_int_equal(probe_bytes(&parser_loco, built(&client)), IM_YES);
        }
}

static void test_a_key_exchange_is_known_where_the_syn_was_not_seen(void **state)
{
    struct finding finding = { 0 };

    (void)state;
    reset();
    build_hello(&client, 15, 2);
    build_packet(&client, 300);
    struct sample s = { .l4 = L4_TCP, .midstream = true, .bytes = { built(&client), view_of(NULL, 0) } };
    assert_int_equal(parser_loco.probe(&s, &finding), IM_YES);
}

static void test_a_key_that_is_not_random_says_no(void **state)
{
    (void)state;
    reset();
    build_le(&client, 4, 256);
    build_le(&client, 4, 12);
    build_le(&client, 4, 2);
    for (unsigned i = 0; i < 256; i++)
        build_be(&client, 1, i & 15);
    build_packet(&client, 60);
    assert_int_equal(probe_bytes(&parser_loco, built(&client)), IM_NO);
}

static void test_bare_packets_are_known_by_their_method(void **state)
{
    (void)state;
    reset();
    build_bare(&client, VIEW("LOGINLIST"), 50);
    build_bare(&more, VIEW("WRITE"), 30);
    build_bare(&more, VIEW("WRITE"), 30);
    const struct step steps[] = { said(FROM_CLIENT, &client), said(FROM_CLIENT, &more) };
    check_laws(&parser_loco, steps, 2, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.finding.value, "LOCO LOGINLIST");
    assert_true(recorder_has(&out.record, "activity chat"));
    reset();
    build_bare(&client, VIEW("LOGINLIFT"), 50);
    assert_int_equal(probe_bytes(&parser_loco, built(&client)), IM_NO);
}

/* Requests and answers whose first 16 bytes are alike: id, then what does not change. */
static enum im_answer answer_midstream(unsigned pairs, bool same_id, bool same_status)
{
    struct builder constant = { .seed = 7 };
    struct finding finding = { 0 };

    reset();
    build_random(&constant, 12);
    for (unsigned i = 0; i < pairs; i++) {
        struct builder id = { .seed = same_id ? 5 : 100 + i };
        build_random(&id, 4);
        constant.bytes[0] = (uint8_t)(same_status ? 0x5a : 0x5a + i);
        for (unsigned d = 0; d < 2; d++) {
            struct builder *b = d == 0 ? &client : &server;
            build_le(b, 4, 60 + 40 * d);
            build_view(b, built(&id));
            build_view(b, built(&constant));
            build_random(b, 44 + 40 * d);
        }
    }
    struct sample s = { .l4 = L4_TCP, .midstream = true, .bytes = { built(&client), built(&server) } };
    return parser_loco.probe(&s, &finding);
}

static void test_answers_that_repeat_their_requests_prove_a_mid_stream(void **state)
{
    (void)state;
    assert_int_equal(answer_midstream(2, false, true), IM_YES);
    assert_int_equal(answer_midstream(1, false, true), IM_MORE);
    assert_int_equal(answer_midstream(3, true, true), IM_MORE);
    assert_int_equal(answer_midstream(2, false, false), IM_NO); /* a GUID for an id would do so */
}

static void test_decoys_say_no(void **state)
{
    (void)state;
    assert_no_yes_to_other_streams(&parser_loco);
    assert_no_yes_to_random_streams(&parser_loco);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_exchange_signs_in_and_chats),
        cmocka_unit_test(test_all_types_of_keys_are_known),
        cmocka_unit_test(test_a_key_exchange_is_known_where_the_syn_was_not_seen),
        cmocka_unit_test(test_a_key_that_is_not_random_says_no),
        cmocka_unit_test(test_bare_packets_are_known_by_their_method),
        cmocka_unit_test(test_answers_that_repeat_their_requests_prove_a_mid_stream),
        cmocka_unit_test(test_decoys_say_no),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
