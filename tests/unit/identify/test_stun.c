/* SPDX-License-Identifier: Apache-2.0 */
/* STUN and TURN messages built from RFC 8489, 8656, 3489 and MS-TURN: services, relays, peers; and near
 * misses. */
#include "conversation.h"
#include "identify/stun.h"
#include "test.h"

extern const struct parser parser_stun;

static struct outcome out;

#define COOKIE "\x21\x12\xa4\x42"
#define ID "abcdefghijkl"

/* Attributes, ready made */
#define USERNAME_ICE "\0\6\0\7uA:uB12\0"
#define INTEGRITY                                                                                            \
    "\0\x08\0\x14"                                                                                           \
    "01234567890123456789"
#define REALM_SIGNAL "\0\x14\0\x0asignal.org\0\0"
#define PEER_OF_LAN "\0\x12\0\x08\0\1\xe2\x47\xe1\xba\xa5\x43" /* 192.168.1.1 port 50005 */

/* 198.51.100.7:30001 */
#define RELAYED "\0\x16\0\x08\0\1\x54\x23\xe7\x21\xc0\x45"

struct packet_maker {
    uint8_t bytes[4096];
    size_t at;
};

static struct packet_maker maker;

/* A message with its length filled in, modern or classic. */
static struct view message(uint16_t type, bool modern, struct view attributes)
{
    uint8_t *start = maker.bytes + maker.at;

    start[0] = (uint8_t)(type >> 8);
    start[1] = (uint8_t)type;
    start[2] = (uint8_t)(attributes.len >> 8);
    start[3] = (uint8_t)attributes.len;
    memcpy(start + 4, modern ? COOKIE : "wxyz", 4);
    memcpy(start + 8, ID, 12);
    memcpy(start + 20, attributes.at, attributes.len);
    maker.at += 20 + attributes.len;
    assert_true(maker.at < sizeof maker.bytes);
    return view_of(start, 20 + attributes.len);
}

static struct view prefixed(struct view head, struct view body)
{
    uint8_t *start = maker.bytes + maker.at;

    memcpy(start, head.at, head.len);
    memcpy(start + head.len, body.at, body.len);
    maker.at += head.len + body.len;
    assert_true(maker.at < sizeof maker.bytes);
    return view_of(start, head.len + body.len);
}

#define M(type, attributes) message(type, true, VIEW(attributes))

static int begin(void **state)
{
    (void)state;
    maker.at = 0;
    return 0;
}

static void test_a_plain_binding_is_a_server_that_introduces(void **state)
{
    struct step steps[] = { { FROM_CLIENT, M(0x0001, "") },
                            { FROM_SERVER, M(0x0101, "\0\x20\0\x08\0\1\x54\x23\xe7\x21\xc0\x45") } };

    (void)state;
    converse_udp(&parser_stun, steps, 2, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.finding.value, "STUN message");
    assert_null(out.finding.service);
    assert_string_equal(out.record.text, "delivery server-broker\n");
}

static void test_a_realm_names_the_service_and_peers_are_expected(void **state)
{
    struct step steps[] = {
        { FROM_CLIENT, M(0x0003, "\0\x19\0\4\x11\0\0\0") },
        { FROM_SERVER, M(0x0113, "\0\x09\0\4\0\0\4\1" REALM_SIGNAL) },
        { FROM_CLIENT, M(0x0003, "\0\x19\0\4\x11\0\0\0"
                                 "\0\6\0\1u\0\0\0" REALM_SIGNAL INTEGRITY) },
        { FROM_SERVER, M(0x0103, RELAYED) },
        { FROM_CLIENT, M(0x0008, PEER_OF_LAN REALM_SIGNAL INTEGRITY) },
        { FROM_CLIENT, M(0x0008, PEER_OF_LAN REALM_SIGNAL INTEGRITY) },
    };

    (void)state;
    converse_udp(&parser_stun, steps, 6, &out);
    assert_string_equal(out.record.text, "activity call\n"
                                         "evidence stun signal signal.org\n"
                                         "expect udp 10.0.0.1:40000 call stun signal\n"
                                         "delivery server-proxy\n"
                                         "expect udp 192.168.1.1:50005 with 10.0.0.1 call stun signal\n");
}

static void test_peers_named_before_the_service_are_kept(void **state)
{
    struct step steps[] = {
        { FROM_CLIENT,
          M(0x0016, "\0\x12\0\x14\0\2\x01\x9b\x01\x13\xa9\xfa\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6d"
                    "\0\x13\0\2hi\0\0") },
        { FROM_CLIENT, M(0x0001, "\x80\x2f\0\x18"
                                 "https://web.telegram.org") },
    };

    (void)state;
    converse_udp(&parser_stun, steps, 2, &out);
    assert_string_equal(out.record.text, "delivery server-proxy\n"
                                         "evidence stun telegram https://web.telegram.org\n"
                                         "expect udp 2001:db8::1:8329 with 10.0.0.1 call stun telegram\n"
                                         "expect udp 10.0.0.1:40000 call stun telegram\n");
}

static void test_names_count_on_label_boundaries_only(void **state)
{
    const struct {
        struct view attribute;
        bool signal;
    } cases[] = {
        { VIEW("\0\x14\0\x0fturn.signal.org\0"), true },
        { VIEW("\0\x14\0\x0aSIGNAL.ORG\0\0"), true },
        { VIEW("\0\x14\0\x0cmysignal.org"), false },
        { VIEW("\0\x14\0\x12signal.org.example\0\0"), false },
        { VIEW("\0\x14\0\x07"
               "example\0"),
          false },
        { VIEW("\x80\x22\0\x0cx/signal.org"), true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct step step = { FROM_SERVER, message(0x0113, true, cases[i].attribute) };
        converse_udp(&parser_stun, &step, 1, &out);
        assert_int_equal(out.answer, IM_YES);
        assert_int_equal(recorder_count(&out.record, "evidence stun signal "), cases[i].signal);
    }
}

static void test_private_attributes_and_types_are_marks(void **state)
{
    const struct {
        uint16_t type;
        struct view attribute;
        const char *line;
    } cases[] = {
        { 0x0003, VIEW("\x40\0\0\4abcd"), "evidence stun whatsapp attribute 4000" },
        { 0x0103, VIEW("\x40\2\0\4abcd"), "evidence stun whatsapp attribute 4002" },
        { 0x0800, VIEW(""), "evidence stun whatsapp message type of its own" },
        { 0x0001, VIEW("\xff\3\0\4abcd"), "evidence stun google-meet attribute ff03" },
        { 0x0003, VIEW("\x80\x08\0\4\0\0\0\6"), "evidence stun teams attribute 8008" },
        { 0x0003, VIEW("\x80\x55\0\4\0\2\0\0"), "evidence stun teams attribute 8055" },
        { 0x0001, VIEW("\x80\x70\0\4\0\0\0\3"), "evidence stun teams attribute 8070" },
        { 0x0001, VIEW("\1\1\0\4abcd"), "evidence stun zoom attribute 0101" },
    };
    const struct {
        uint16_t type;
        struct view attribute;
    } near[] = {
        { 0x0001, VIEW("\x80\x08\0\4\0\0\0\7") }, { 0x0001, VIEW("\x80\x08\0\x08\0\0\0\1\0\0\0\1") },
        { 0x0001, VIEW("\x40\5\0\4abcd") },       { 0x0001, VIEW("\xc0\x57\0\4abcd") },
        { 0x0001, VIEW("\x80\x70\0\4\1\0\0\3") }, { 0x0001, VIEW("\0\x06\0\4\x40\0\x40\0") },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct step step = { FROM_CLIENT, message(cases[i].type, true, cases[i].attribute) };
        converse_udp(&parser_stun, &step, 1, &out);
        assert_int_equal(out.answer, IM_YES);
        assert_true(recorder_has(&out.record, cases[i].line));
        assert_true(recorder_has(&out.record, "activity call"));
    }
    for (size_t i = 0; i < sizeof near / sizeof near[0]; i++) {
        struct step step = { FROM_CLIENT, message(near[i].type, true, near[i].attribute) };
        converse_udp(&parser_stun, &step, 1, &out);
        assert_int_equal(out.answer, IM_YES);
        assert_string_equal(out.record.text, "");
    }
}

static void test_the_program_that_asks_is_told(void **state)
{
    struct step steps[] = { { FROM_CLIENT, M(0x0003, "\x80\x22\0\4pion") },
                            { FROM_SERVER, M(0x0113, "\x80\x22\0\4None") } };

    (void)state;
    converse_udp(&parser_stun, steps, 2, &out);
    assert_string_equal(out.record.text, "client pion\nactivity call\n");
    converse_udp(&parser_stun, steps + 1, 1, &out);
    assert_string_equal(out.record.text, "");
}

static void test_weak_marks_do_not_add_up(void **state)
{
    struct step steps[] = {
        { FROM_CLIENT, M(0x0001, "\xff\3\0\4abcd"
                                 "\x80\6\0\4abcd"
                                 "\x80\x08\0\4\0\0\0\6") },
        { FROM_CLIENT, M(0x0001, "\x80\x55\0\4\0\2\0\0"
                                 "\x80\x36\0\4\0\0\0\1") },
    };

    (void)state;
    converse_udp(&parser_stun, steps, 2, &out);
    /* the first, and the one stronger than it */
    assert_int_equal(recorder_count(&out.record, "evidence"), 2);
    assert_true(recorder_has(&out.record, "evidence stun google-meet attribute ff03"));
    assert_true(recorder_has(&out.record, "evidence stun teams attribute 8008"));
}

static void test_checks_from_both_ends_are_a_direct_call(void **state)
{
    struct step steps[] = {
        { FROM_CLIENT, M(0x0001, USERNAME_ICE INTEGRITY) },
        { FROM_SERVER, M(0x0101, INTEGRITY) },
        { FROM_SERVER, M(0x0001, USERNAME_ICE INTEGRITY) },
    };

    (void)state;
    converse_udp(&parser_stun, steps, 2, &out);
    assert_string_equal(out.record.text,
                        "call uA:uB12\nactivity call\n"); /* a server of ICE-lite does not ask */
    converse_udp(&parser_stun, steps, 3, &out);
    assert_string_equal(out.record.text, "call uA:uB12\nactivity call\ncall uA:uB12\ndelivery peer\n");
}

#define RTP(seq)                                                                                             \
    "\x80\x6f\0" seq "\0\0\0\1"                                                                              \
    "ssrc"                                                                                                   \
    "voice..."

static void test_media_in_the_flow_is_a_call(void **state)
{
    static const struct step relayed[] = { CLIENT("\x40\1\0\x14" RTP("\1")),
                                           CLIENT("\x40\1\0\x14" RTP("\2")) };
    static const struct step direct[] = { SERVER(RTP("\7")), SERVER("\x80\xc8\0\1ssrc"),
                                          SERVER(RTP("\x09")) };
    static const struct step others[] = { SERVER(RTP("\7")), CLIENT(RTP("\x8")), SERVER(RTP("\7")) };
    struct step steps[4] = { { FROM_CLIENT, M(0x0011, "") } };

    (void)state;
    memcpy(steps + 1, relayed, sizeof relayed);
    converse_udp(&parser_stun, steps, 3, &out);
    assert_string_equal(out.record.text, "delivery server-proxy\nactivity call\n");
    memcpy(steps + 1, direct, sizeof direct);
    converse_udp(&parser_stun, steps, 4, &out);
    assert_string_equal(out.record.text, "activity call\n");
    memcpy(steps + 1, others, sizeof others);
    converse_udp(&parser_stun, steps, 4, &out);
    assert_string_equal(out.record.text, "");
}

static void test_what_is_relayed_inside_a_message_is_looked_at_once(void **state)
{
    /* a relayed check does not make the flow to the relay a peer's */
    struct view check = M(0x0001, USERNAME_ICE "\x80\x70\0\4\0\0\0\3");
    struct view head = M(0x0017, "\0\x13\0\x28");
    struct view data = prefixed(head, check);
    struct step steps[] = { { FROM_SERVER, data } };

    (void)state;
    assert_int_equal(check.len, 20 + 12 + 8);
    ((uint8_t *)(uintptr_t)data.at)[3] = (uint8_t)(data.len - 20);
    converse_udp(&parser_stun, steps, 1, &out);
    assert_string_equal(out.record.text, "delivery server-proxy\nevidence stun teams attribute 8070\n"
                                         "activity call\n");
}

static void test_old_messages_need_a_mark_or_a_matching_answer(void **state)
{
    struct step zoom = { FROM_CLIENT, message(0x0001, false,
                                              VIEW("\1\1\0\x14"
                                                   "12345678901234567890")) };
    struct step pair[] = { { FROM_CLIENT, message(0x0001, false, VIEW("")) },
                           { FROM_SERVER,
                             message(0x0101, false, VIEW("\0\1\0\x08\0\1\x75\x31\xc6\x33\x64\7")) } };
    struct step other[] = { pair[0], { FROM_SERVER, message(0x0103, false, VIEW("")) } };
    struct step same_side[] = { pair[0], { FROM_CLIENT, pair[1].bytes } };
    struct step alone[] = { pair[0], pair[0], pair[0], pair[0] };

    (void)state;
    converse_udp(&parser_stun, &zoom, 1, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_true(recorder_has(&out.record, "evidence stun zoom attribute 0101"));
    converse_udp(&parser_stun, pair, 1, &out);
    assert_int_equal(out.answer, IM_MORE);
    converse_udp(&parser_stun, pair, 2, &out);
    assert_int_equal(out.answer, IM_YES);
    converse_udp(&parser_stun, other, 2, &out);
    assert_int_equal(out.answer, IM_MORE);
    converse_udp(&parser_stun, same_side, 2, &out);
    assert_int_equal(out.answer, IM_MORE);
    converse_udp(&parser_stun, alone, 4, &out);
    assert_int_equal(out.answer, IM_NO);
    /* other private attributes prove nothing without the cookie */
    struct step weak = { FROM_CLIENT, message(0x0001, false, VIEW("\x40\0\0\4abcd")) };
    converse_udp(&parser_stun, &weak, 1, &out);
    assert_int_equal(out.answer, IM_MORE);
}

static void test_microsoft_does_not_pad_and_multiplexes(void **state)
{
    struct view plain = M(0x0113, "\x80\x08\0\4\0\0\0\6"
                                  "\0\x09\0\5\0\0\4\1n"
                                  "\0\x14\0\3rtc");
    struct step unpadded = { FROM_SERVER, plain };
    struct view check = M(0x0001, USERNAME_ICE);
    struct step multiplexed = { FROM_CLIENT, prefixed(VIEW("\xff\x10\0\x28sessions"), check) };
    struct step wrong = { FROM_CLIENT, prefixed(VIEW("\xff\x10\0\x29sessions"), check) };

    (void)state;
    converse_udp(&parser_stun, &unpadded, 1, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_true(recorder_has(&out.record, "evidence stun teams attribute 8008"));
    assert_int_equal(check.len, 0x20);
    converse_udp(&parser_stun, &multiplexed, 1, &out);
    assert_int_equal(out.answer, IM_YES);
    converse_udp(&parser_stun, &wrong, 1, &out);
    assert_int_equal(out.answer, IM_NO);
}

static void test_over_tcp_in_each_of_the_three_framings(void **state)
{
    struct view ask = M(0x0003, "\0\x19\0\4\x11\0\0\0"), refused = M(0x0113, REALM_SIGNAL);
    struct view heads[3][2] = { { VIEW(""), VIEW("") },
                                { VIEW("\0\x1c"), VIEW("\0\x24") },
                                { VIEW("\2\0\0\x1c"), VIEW("\2\0\0\x24") } };

    (void)state;
    assert_int_equal(ask.len, 0x1c);
    assert_int_equal(refused.len, 0x24);
    for (int i = 0; i < 3; i++) {
        struct step steps[] = { { FROM_CLIENT, prefixed(heads[i][0], ask) },
                                { FROM_SERVER, prefixed(heads[i][1], refused) },
                                { FROM_CLIENT, prefixed(heads[i][0], ask) } };
        check_laws(&parser_stun, steps, 3, &out);
        assert_int_equal(out.answer, IM_YES);
        assert_string_equal(out.record.text, "activity call\nevidence stun signal signal.org\n");
    }
}

static void test_channels_over_tcp_are_padded(void **state)
{
    struct step steps[] = { { FROM_CLIENT, M(0x0003, "") },
                            CLIENT("\x40\1\0\x15" RTP("\1") "!\0\0\0"),
                            CLIENT("\x40\1\0\x14" RTP("\2")),
                            { FROM_CLIENT, M(0x0001, REALM_SIGNAL) } };

    (void)state;
    check_laws(&parser_stun, steps, 4, &out);
    assert_string_equal(out.record.text,
                        "activity call\ndelivery server-proxy\nevidence stun signal signal.org\n");
}

static void test_a_bound_connection_is_handed_on(void **state)
{
    struct step steps[] = { { FROM_CLIENT, M(0x000b, "\0\x2a\0\4abcd") },
                            { FROM_SERVER, M(0x010b, "") },
                            SERVER("SSH-2.0-x\r\n") };

    (void)state;
    check_laws(&parser_stun, steps, 3, &out);
    assert_string_equal(out.record.text, "delivery server-proxy\nupgrade unknown\n");
}

static void test_it_settles_when_there_is_nothing_more_to_learn(void **state)
{
    struct step many[40], known[40], strange[12];

    (void)state;
    for (int i = 0; i < 40; i++) {
        maker.at = 0;
        many[i] = (struct step){ FROM_CLIENT, M(0x0011, "") };
    }
    struct view marked = M(0x0001, REALM_SIGNAL);
    for (int i = 0; i < 40; i++)
        known[i] = (struct step){ FROM_CLIENT, marked };
    strange[0] = many[0];
    for (int i = 1; i < 12; i++)
        strange[i] = (struct step)CLIENT("\7what");
    converse_udp(&parser_stun, many, 31, &out);
    assert_false(out.record.settled);
    converse_udp(&parser_stun, many, 32, &out);
    assert_true(out.record.settled);
    converse_udp(&parser_stun, known, 15, &out);
    assert_false(out.record.settled);
    converse_udp(&parser_stun, known, 16, &out);
    assert_true(out.record.settled);
    converse_udp(&parser_stun, strange, 8, &out);
    assert_false(out.record.settled);
    converse_udp(&parser_stun, strange, 9, &out);
    assert_true(out.record.settled);
}

static void test_at_most_eight_peers_are_expected(void **state)
{
    struct step steps[13];

    (void)state;
    steps[0] = (struct step){ FROM_SERVER, M(0x0113, REALM_SIGNAL) };
    for (uint8_t i = 1; i < 13; i++) {
        uint8_t attribute[] = { 0, 0x12, 0, 8, 0, 1, 0xe2, i, 0xe1, 0xba, 0xa5, 0x43 };
        steps[i] = (struct step){ FROM_CLIENT, message(0x0008, true, view_of(attribute, sizeof attribute)) };
    }
    converse_udp(&parser_stun, steps, 13, &out);
    assert_int_equal(recorder_count(&out.record, "expect udp 192.168.1.1:"), 8);
}

static enum im_answer datagram(struct view v)
{
    struct step step = { FROM_CLIENT, v };

    converse_udp(&parser_stun, &step, 1, &out);
    return out.answer;
}

static void test_near_misses_are_no_stun(void **state)
{
    struct view good = M(0x0001, USERNAME_ICE INTEGRITY), long_length = M(0x0001, "\0\6\0\x09short");

    (void)state;
    assert_int_equal(datagram(good), IM_YES);
    for (size_t len = 0; len < good.len; len++)
        assert_int_equal(datagram(view_slice(good, 0, len)), IM_NO);
    assert_int_equal(datagram(prefixed(good, VIEW("!"))), IM_NO);
    assert_int_equal(datagram(M(0x000d, "")), IM_NO); /* no such method */
    assert_int_equal(datagram(M(0x4001, "")), IM_NO);
    assert_int_equal(datagram(long_length), IM_NO); /* an attribute beyond the end */
    assert_int_equal(probe_bytes(&parser_stun, VIEW("\0\1\0\x08\x21\x12\xa4\x43")), IM_NO);
    assert_int_equal(probe_bytes(&parser_stun, VIEW("\0\1\0\x08\x21\x12\xa4\x42")), IM_MORE);
    assert_int_equal(probe_bytes(&parser_stun, VIEW("\0\1\x7f\x08\x21\x12\xa4\x42")), IM_NO);
    assert_int_equal(probe_bytes(&parser_stun, long_length), IM_NO);
    assert_int_equal(probe_bytes(&parser_stun, VIEW("\0\x1d\0\1\0\x08\x21\x12\xa4\x42")),
                     IM_NO); /* lengths differ */
    assert_int_equal(probe_bytes(&parser_stun, VIEW("GET /stun HTTP/1.1\r\n")), IM_NO);
    assert_int_equal(probe_bytes(&parser_stun, VIEW("\5\1\0")), IM_MORE);
    assert_int_equal(probe_bytes(&parser_stun, VIEW("\5\1\0\5\1\0\3\x0fwww.example.com\1\xbb")), IM_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_plain_binding_is_a_server_that_introduces, begin),
        cmocka_unit_test_setup(test_a_realm_names_the_service_and_peers_are_expected, begin),
        cmocka_unit_test_setup(test_peers_named_before_the_service_are_kept, begin),
        cmocka_unit_test_setup(test_names_count_on_label_boundaries_only, begin),
        cmocka_unit_test_setup(test_private_attributes_and_types_are_marks, begin),
        cmocka_unit_test_setup(test_the_program_that_asks_is_told, begin),
        cmocka_unit_test_setup(test_weak_marks_do_not_add_up, begin),
        cmocka_unit_test_setup(test_checks_from_both_ends_are_a_direct_call, begin),
        cmocka_unit_test_setup(test_media_in_the_flow_is_a_call, begin),
        cmocka_unit_test_setup(test_what_is_relayed_inside_a_message_is_looked_at_once, begin),
        cmocka_unit_test_setup(test_old_messages_need_a_mark_or_a_matching_answer, begin),
        cmocka_unit_test_setup(test_microsoft_does_not_pad_and_multiplexes, begin),
        cmocka_unit_test_setup(test_over_tcp_in_each_of_the_three_framings, begin),
        cmocka_unit_test_setup(test_channels_over_tcp_are_padded, begin),
        cmocka_unit_test_setup(test_a_bound_connection_is_handed_on, begin),
        cmocka_unit_test_setup(test_it_settles_when_there_is_nothing_more_to_learn, begin),
        cmocka_unit_test_setup(test_at_most_eight_peers_are_expected, begin),
        cmocka_unit_test_setup(test_near_misses_are_no_stun, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
