/* SPDX-License-Identifier: Apache-2.0 */
/* WhatsApp's introduction in its versions, and what only begins like it. */
#include "builder.h"

extern const struct parser parser_whatsapp_noise;

static struct outcome out;
static struct builder client, server, more;

static void reset(void)
{
    client = server = more = (struct builder){ 0 };
}

/* Introduction, and the first message of Noise: field 2, within it the key of 32 bytes and a rest. */
static void build_hello(struct builder *b, const char *versions, size_t rest)
{
    size_t body = 2 + 32 + rest;

    build_bytes(b, "WA");
    build_view(b, view_of(versions, 2));
    build_be(b, 3, (body < 128 ? 2 : 3) + body);
    build_be(b, 1, 0x12);
    if (body < 128)
        build_be(b, 1, body);
    else
        build_be(b, 2, (0x80 | (body & 0x7f)) << 8 | body >> 7);
    build_be(b, 2, 0x0a20);
    build_random(b, 32 + rest);
}

static void build_frame(struct builder *b, size_t n)
{
    build_be(b, 3, n);
    build_random(b, n);
}

static void test_a_conversation_with_routing_header_signs_in_and_chats(void **state)
{
    (void)state;
    reset();
    build_bytes(&client, "ED\0\1\0\0\4\x08\x02\x08\x03");
    build_hello(&client, "\6\3", 200);
    build_frame(&server, 320);
    build_frame(&more, 150);
    build_frame(&more, 90);
    const struct step steps[] = { said(FROM_CLIENT, &client), said(FROM_SERVER, &server),
                                  said(FROM_CLIENT, &more) };
    check_laws(&parser_whatsapp_noise, steps, 3, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.finding.value, "WhatsApp introduction, version 6.3");
    assert_string_equal(out.record.text, "activity login\ndelivery server-proxy\nactivity chat\nsettle\n");
}

static void test_a_hello_without_routing_header_is_enough(void **state)
{
    static const char *const versions[] = { "\2\1", "\5\2", "\5\3", "\6\3" };

    (void)state;
    for (size_t i = 0; i < 4; i++)
        for (size_t rest = 0; rest < 300; rest += 75) {
            reset();
            build_hello(&client, versions[i], rest);
            assert_int_equal(probe_bytes(&parser_whatsapp_noise, built(&client)), IM_YES);
        }
}

static void test_the_clear_protocol_of_version_1_is_known(void **state)
{
    const struct step steps[] = {
        CLIENT("WA\1\2\0\0\x10\xf8\5\1\xc8\xab\xa5\xfc\x08"
               "S40-2.12"),
        SERVER("\0\0\5\xf8\3\1\x9c\xab"),
        CLIENT("\0\0\4\xf8\2\x19\x9c\x80\0\3xyz"),
    };

    (void)state;
    check_laws(&parser_whatsapp_noise, steps, 3, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.finding.value, "WhatsApp introduction, version 1.2");
    assert_true(recorder_has(&out.record, "activity chat"));
}

static void test_near_misses_say_no(void **state)
{
    (void)state;
    assert_int_equal(probe_bytes(&parser_whatsapp_noise, VIEW("WATER")), IM_NO);
    assert_int_equal(probe_bytes(&parser_whatsapp_noise, VIEW("EDITOR")), IM_NO);
    assert_int_equal(probe_bytes(&parser_whatsapp_noise, VIEW("ED\0\1\1\0\0")), IM_NO);
    assert_int_equal(probe_bytes(&parser_whatsapp_noise, VIEW("ED\0\1\0\0\2\x08\x02WB\6\3")), IM_NO);
    assert_int_equal(probe_bytes(&parser_whatsapp_noise, VIEW("WA\6\3\0\0\x24\x12\x23\x0a\x20")),
                     IM_NO); /* length */
    assert_int_equal(probe_bytes(&parser_whatsapp_noise, VIEW("WA\6\3\0\0\x24\x12\x22\x0a\x21")),
                     IM_NO); /* key */
    assert_int_equal(probe_bytes(&parser_whatsapp_noise, VIEW("WA\6\3\0\0\x24\x1a\x22\x0a\x20")),
                     IM_NO); /* field */
    assert_int_equal(probe_bytes(&parser_whatsapp_noise, VIEW("WA\0\3\0\0\x24\x12\x22\x0a\x20")),
                     IM_NO); /* version */
    assert_int_equal(probe_bytes(&parser_whatsapp_noise, VIEW("WA\1\5\0\0\x24\xf8\5\2")), IM_NO);
    assert_int_equal(probe_bytes(&parser_whatsapp_noise, VIEW("WA\6\3\0\0\x24\x12\x22\x0a")), IM_MORE);
    const struct step speaks_first[] = { SERVER("WA\6\3\0\0\x24\x12\x22\x0a\x20") };
    converse(&parser_whatsapp_noise, speaks_first, 1, &out);
    assert_int_equal(out.answer, IM_NO);
}

/* The probe's answer to both streams as they are, the beginning not seen. */
static enum im_answer answer_midstream(uint16_t port, struct finding *finding)
{
    struct sample s = {
        .l4 = L4_TCP, .midstream = true, .port = { 40000, port }, .bytes = { built(&client), built(&server) }
    };

    *finding = (struct finding){ 0 };
    return parser_whatsapp_noise.probe(&s, finding);
}

static void test_frames_in_mid_stream_need_a_chain_and_the_port(void **state)
{
    struct finding finding;

    (void)state;
    reset();
    for (size_t i = 0; i < 3; i++) {
        build_frame(&client, 60 + 13 * i);
        build_frame(&server, 70 + 31 * i);
    }
    assert_int_equal(answer_midstream(5222, &finding), IM_YES);
    assert_true(finding.confidence < 100);
    assert_int_equal(answer_midstream(5000, &finding), IM_NO);
    client.bytes[63] = 0x40; /* the second length, beyond reason */
    assert_int_equal(answer_midstream(5222, &finding), IM_NO);
}

static void test_an_introduction_is_known_where_the_syn_was_not_seen(void **state)
{
    struct finding finding;

    (void)state;
    reset();
    build_hello(&client, "\6\3", 40);
    assert_int_equal(answer_midstream(5000, &finding), IM_YES);
    assert_int_equal(finding.confidence, 0);
}

static void test_frames_of_version_1_are_flagged_in_mid_stream(void **state)
{
    struct finding finding;

    (void)state;
    reset();
    for (size_t i = 0; i < 3; i++) {
        build_be(&client, 3, 0x800000 | (18 + i));
        build_random(&client, 18 + i);
        build_be(&server, 3, 0x800000 | (40 + i));
        build_random(&server, 40 + i);
    }
    assert_int_equal(answer_midstream(5222, &finding), IM_YES);
    client.bytes[0] = 0x40; /* another flag */
    assert_int_equal(answer_midstream(5222, &finding), IM_NO);
}

static void test_decoys_say_no(void **state)
{
    (void)state;
    assert_no_yes_to_other_streams(&parser_whatsapp_noise);
    assert_no_yes_to_random_streams(&parser_whatsapp_noise);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_conversation_with_routing_header_signs_in_and_chats),
        cmocka_unit_test(test_a_hello_without_routing_header_is_enough),
        cmocka_unit_test(test_the_clear_protocol_of_version_1_is_known),
        cmocka_unit_test(test_near_misses_say_no),
        cmocka_unit_test(test_frames_in_mid_stream_need_a_chain_and_the_port),
        cmocka_unit_test(test_an_introduction_is_known_where_the_syn_was_not_seen),
        cmocka_unit_test(test_frames_of_version_1_are_flagged_in_mid_stream),
        cmocka_unit_test(test_decoys_say_no),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
