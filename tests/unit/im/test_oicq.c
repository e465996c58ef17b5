/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"
#include "test.h"

extern const struct parser parser_oicq;

static struct outcome out;

#define BLOCK "\x91\x82\x73\x64\x55\x46\x37\x28"
#define P(version, command, sequence) "\x02" version command sequence "\x00\x01\xe2\x40" /* number 123456 */
#define LOGOUT P("\x11\x1d", "\0\x01", "\x10\x01") "\0\0\0\0\0\0\0\0" BLOCK BLOCK "\x03"

static void udp(const struct step *steps, size_t count)
{
    converse_udp(&parser_oicq, steps, count, &out);
}

static void test_oicq_logout_is_known_by_itself(void **state)
{
    static const struct step steps[] = { CLIENT(LOGOUT) };

    (void)state;
    udp(steps, 1);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.record.text, "version 111d\nactivity login account=123456 out\n");
}

static void test_oicq_newer_clients_are_known_by_their_marks(void **state)
{
    static const struct step steps[] = {
        CLIENT(P("\x34\x4b", "\x08\x25", "\1\2") "\x03\0\0\0\1\1\1\0\0\x68\x1c" BLOCK BLOCK "\x03"),
        CLIENT(P("\x34\x4b", "\0\xcd", "\1\3") "\x02\0\0\0\1\1\1\0\0\x68\x1c" BLOCK BLOCK "\x03"),
    };

    (void)state;
    udp(steps, 2);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.record.text, "version 344b\n"
                                         "activity login account=123456 out\n"
                                         "delivery server-proxy\n"
                                         "activity chat account=123456 out\n");
}

static void test_oicq_old_packets_need_company(void **state)
{
    static const struct step one[] = { CLIENT(P("\x11\x1d", "\0\x16", "\1\2") BLOCK BLOCK "\x03") };
    static const struct step again[] = {
        CLIENT(P("\x11\x1d", "\0\x16", "\1\2") BLOCK BLOCK "\x03"),
        CLIENT(P("\x11\x1d", "\0\x02", "\1\3") BLOCK BLOCK "\x03"),
    };
    static const struct step answer[] = {
        CLIENT(P("\x11\x1d", "\0\x62", "\1\2") "\0\x03"),
        SERVER("\x02\x01\0\0\x62\1\2\0\x18" BLOCK BLOCK BLOCK "\x03"),
    };
    static const struct step same[] = {
        CLIENT(P("\x11\x1d", "\0\x16", "\1\2") BLOCK BLOCK "\x03"),
        CLIENT(P("\x11\x1d", "\0\x16", "\1\2") BLOCK BLOCK "\x03"),
    };

    (void)state;
    udp(one, 1);
    assert_int_equal(out.answer, IM_MORE);
    udp(again, 2);
    assert_int_equal(out.answer, IM_YES);
    assert_int_equal(recorder_count(&out.record, "activity"), 1); /* of the datagram that brought the yes */
    udp(answer, 2);
    assert_int_equal(out.answer, IM_YES);
    udp(same, 2); /* a repeated datagram says nothing new */
    assert_int_equal(out.answer, IM_MORE);
}

static void test_oicq_over_tcp_keeps_the_laws(void **state)
{
    static const struct step steps[] = {
        CLIENT("\0\x0f" P("\x11\x1d", "\0\x62", "\1\2") "\0\x03"),
        SERVER("\0\x24\x02\x01\0\0\x62\1\2\0\x18" BLOCK BLOCK BLOCK "\x03"),
        CLIENT("\0\x1e" P("\x11\x1d", "\0\x16", "\1\3") BLOCK BLOCK "\x03"),
    };

    (void)state;
    check_laws(&parser_oicq, steps, 3, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.record.text, "version 111d\n"
                                         "activity login account=123456 out\n"
                                         "delivery server-proxy\n"
                                         "activity chat account=123456 out\n");
}

static void test_oicq_midstream_is_known_by_two_packets_of_one_side(void **state)
{
    const struct view of_server = VIEW("\0\x1e" P("\1\0", "\0\x22", "\1\2") BLOCK BLOCK
                                       "\x03"
                                       "\0\x1e" P("\1\0", "\0\x02", "\1\3") BLOCK BLOCK "\x03");
    const struct view stranger = VIEW("\0\x1e" P("\x11\x1d", "\0\x02", "\1\3") BLOCK BLOCK "\x03");
    struct sample s = { .l4 = L4_TCP, .midstream = true, .bytes = { view_of(NULL, 0), of_server } };
    struct finding f = { 0 };

    (void)state;
    assert_int_equal(parser_oicq.probe(&s, &f), IM_YES);
    s.bytes[FROM_CLIENT] = stranger;
    s.bytes[FROM_SERVER] = view_slice(of_server, 0, of_server.len / 2);
    assert_int_equal(parser_oicq.probe(&s, &f),
                     IM_MORE); /* answers to what was asked before may come first */
    s.midstream = false;
    assert_int_equal(parser_oicq.probe(&s, &f), IM_NO);
}

static void test_oicq_leaves_others_alone(void **state)
{
    static const struct step dns[] = {
        CLIENT("\x02\x11\x01\0\0\1\0\0\0\0\0\0\2qq\3com\0\0\1\0\1"),
        CLIENT("\x02\x11\x01\0\0\1\0\0\0\0\0\0\2qq\3com\0\0\1\0\1"),
    };
    static const struct step no_end[] = { CLIENT(
        P("\x11\x1d", "\0\x01", "\1\2") "\0\0\0\0\0\0\0\0" BLOCK BLOCK "\x04") };
    static const struct step odd[] = { CLIENT(P("\x11\x1d", "\0\x01", "\1\2") "\0\0\0\0\0\0\0\0" BLOCK BLOCK
                                                                              "\1\x03") };
    static const struct step command[] = { CLIENT(P("\x11\x1d", "\0\x99", "\1\2") BLOCK BLOCK "\x03") };
    static const struct step frames[] = { CLIENT("\x02"
                                                 "0123456789ABCDEF"
                                                 "\x03"),
                                          CLIENT("\x02"
                                                 "0123456789ABCDEG"
                                                 "\x03") };

    (void)state;
    udp(dns, 2);
    assert_int_equal(out.answer, IM_NO);
    udp(no_end, 1);
    assert_int_equal(out.answer, IM_NO);
    udp(odd, 1); /* not whole blocks: needs company */
    assert_int_equal(out.answer, IM_MORE);
    udp(command, 1);
    assert_int_equal(out.answer, IM_NO);
    udp(frames, 2); /* STX and ETX around text */
    assert_int_equal(out.answer, IM_NO);
    assert_int_equal(probe_bytes(&parser_oicq, VIEW("\0\x0f\x03")), IM_NO);
    assert_int_equal(probe_bytes(&parser_oicq, VIEW("\0\2\x02")), IM_NO);
    assert_int_equal(probe_bytes(&parser_oicq, VIEW("\x05\1\0")), IM_NO); /* SOCKS */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oicq_logout_is_known_by_itself),
        cmocka_unit_test(test_oicq_newer_clients_are_known_by_their_marks),
        cmocka_unit_test(test_oicq_old_packets_need_company),
        cmocka_unit_test(test_oicq_over_tcp_keeps_the_laws),
        cmocka_unit_test(test_oicq_midstream_is_known_by_two_packets_of_one_side),
        cmocka_unit_test(test_oicq_leaves_others_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
