/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket: frames, masks, fragments; and that no flow begins with it. */
#include "conversation.h"
#include "test.h"

extern const struct parser parser_websocket;

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct outcome outcome;

static enum im_answer in_charge(const struct sample *s, struct finding *out)
{
    (void)s;
    (void)out;
    return IM_YES;
}

/* The conversation behind a handshake, where the parser is in charge from the first byte. */
static const char *told(const struct step *steps, size_t count)
{
    struct parser upgraded = parser_websocket;

    upgraded.probe = in_charge;
    check_laws(&upgraded, steps, count, &outcome);
    return outcome.record.text;
}

static void test_examples_of_rfc_6455_section_5_7(void **state)
{
    static const struct step steps[] = {
        SERVER("\x81\x05"
               "Hello"),                                        /* unmasked text */
        CLIENT("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), /* masked text */
        SERVER("\x01\x03"
               "Hel"
               "\x89\x05"
               "Hello"
               "\x80\x02"
               "lo"),                                           /* fragments, a ping between them */
        CLIENT("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), /* pong */
    };

    (void)state;
    assert_string_equal(told(steps, COUNT(steps)),
                        "inner server Hello\ninner client Hello\ninner server Hello\n");
}

static void test_long_lengths_and_the_mask_over_several_pieces(void **state)
{
    static uint8_t frame[14 + 3000 + 10 + 5];
    static const uint8_t key[4] = { 1, 2, 3, 4 };
    static const uint8_t head[] = { 0x82, 0xfe, 3000 >> 8, 3000 & 0xff, 1, 2, 3, 4 };
    static const uint8_t second[] = { 0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 3, 4, 'h' ^ 1, 'i' ^ 2 };
    size_t len = sizeof head;

    (void)state;
    memcpy(frame, head, sizeof head);
    for (unsigned i = 0; i < 3000; i++)
        frame[len++] = (uint8_t)('a' + i % 26) ^ key[i % 4];
    memcpy(frame + len, second, sizeof second);
    struct step step = { FROM_CLIENT, view_of(frame, len + sizeof second) };
    const char *text = told(&step, 1);
    assert_int_equal(strlen(text), strlen("inner client ") + 3000 + 2 + 1);
    for (unsigned i = 0; i < 3000; i++)
        assert_int_equal(text[strlen("inner client ") + i], 'a' + i % 26);
}

static void test_empty_messages_are_nothing(void **state)
{
    static const struct step steps[] = { SERVER("\x82\x00\x82\x01x"), CLIENT("\x82\x80\x01\x02\x03\x04") };

    (void)state;
    assert_string_equal(told(steps, COUNT(steps)), "inner server x\n");
}

static void test_compression_and_broken_frames_end_following(void **state)
{
    static const struct step bad[] = {
        SERVER("\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"),      /* RSV1, RFC 7692 section 7.2.3.1 */
        SERVER("\xa1\x01x"),                                 /* RSV2 */
        SERVER("\x83\x01x"),                                 /* a reserved opcode */
        SERVER("\x8b\x01x"),                                 /* a reserved control opcode */
        SERVER("\x09\x01x"),                                 /* a control frame in fragments */
        SERVER("\x89\x7e\x00\x7exx"),                        /* a control frame of 126 octets */
        SERVER("\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00x"), /* a length of 64 bits with the first bit set */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_string_equal(told(&bad[i], 1), "settle\n");
}

static void test_no_flow_begins_as_websocket(void **state)
{
    struct sample s = { .l4 = L4_TCP,
                        .midstream = true,
                        .bytes = { VIEW("\x81\x80\x01\x02\x03\x04"), VIEW("\x81\x00") } };
    struct finding found = { 0 };

    (void)state;
    for (unsigned octet = 0; octet < 256; octet++)
        assert_false(parser_websocket.starts((uint8_t)octet, FROM_CLIENT));
    assert_int_equal(parser_websocket.probe(&s, &found), IM_NO);
    assert_int_equal(probe_bytes(&parser_websocket, VIEW("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58")),
                     IM_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples_of_rfc_6455_section_5_7),
        cmocka_unit_test(test_long_lengths_and_the_mask_over_several_pieces),
        cmocka_unit_test(test_empty_messages_are_nothing),
        cmocka_unit_test(test_compression_and_broken_frames_end_following),
        cmocka_unit_test(test_no_flow_begins_as_websocket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
