/* SPDX-License-Identifier: Apache-2.0 */
/* SOCKS conversations from RFC 1928, 1929, 1961 and the SOCKS 4 notes: the carried stream begins at the right
 * byte. */
#include "conversation.h"
#include "test.h"

extern const struct parser parser_socks;

static struct outcome out;

#define GREETING "\5\1\0"
#define CONNECT5                                                                                             \
    "\5\1\0\3\x0f"                                                                                           \
    "www.example.com\1\xbb"
#define GRANTED5 "\5\0\0\1\0\0\0\0\0\0"

#define TOLD5                                                                                                \
    "version SOCKS5\nhint proxy www.example.com:443\nname tunnel-target www.example.com\nupgrade unknown\n"

static void test_version_5_without_a_password(void **state)
{
    static const struct step steps[] = {
        CLIENT(GREETING), SERVER("\5\0"), CLIENT(CONNECT5), SERVER(GRANTED5), CLIENT("\x16\3\1"),
    };

    (void)state;
    check_laws(&parser_socks, steps, 5, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_int_equal(out.asked_bytes, 5);
    assert_string_equal(out.record.text, TOLD5);
}

static void test_version_5_with_a_password_which_is_not_told(void **state)
{
    static const struct step steps[] = {
        CLIENT("\5\2\0\2"),
        SERVER("\5\2"),
        CLIENT("\1\3bob\6secret"),
        SERVER("\1\0"),
        CLIENT("\5\1\0\1\xc6\x33\x64\7\0\x50"),
        SERVER("\5\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\x50"),
    };

    (void)state;
    check_laws(&parser_socks, steps, 6, &out);
    assert_string_equal(out.record.text, "version SOCKS5\nhint proxy 198.51.100.7:80\n"
                                         "name tunnel-target 198.51.100.7\nupgrade unknown\n");
}

static void test_gssapi_frames_are_passed_over(void **state)
{
    static const struct step plain[] = {
        CLIENT("\5\2\1\0"),   SERVER("\5\1"),       CLIENT("\1\1\0\4toke"), SERVER("\1\1\0\2ok"),
        CLIENT("\1\2\0\1\0"), SERVER("\1\2\0\1\0"), CLIENT(CONNECT5),       SERVER(GRANTED5),
    };
    static const struct step encrypted[] = {
        CLIENT("\5\2\1\0"), SERVER("\5\1"), CLIENT("\1\1\0\4toke"), SERVER("\1\1\0\2ok"), CLIENT("\1\3\0\1x"),
    };

    (void)state;
    check_laws(&parser_socks, plain, 8, &out);
    assert_string_equal(out.record.text, TOLD5);
    check_laws(&parser_socks, encrypted, 5, &out);
    assert_string_equal(out.record.text, "settle\n");
}

/* Feed pieces by hand; returns how many bytes of the last one were used. */
static size_t feed(void *memory, enum flow_dir from, struct view in)
{
    return parser_socks.feed(memory, recorder_session(&out.record), from, in);
}

static void test_payload_sent_ahead_stays_for_the_next_protocol(void **state)
{
    static uint64_t memory[16];

    (void)state;
    recorder_init(&out.record);
    memset(memory, 0, sizeof memory);
    assert_int_equal(feed(memory, FROM_CLIENT, VIEW(GREETING CONNECT5 "\x16\3\1")), 3 + 22);
    assert_int_equal(feed(memory, FROM_CLIENT, VIEW("\x16\3\1\2\0")), 0);
    assert_false(out.record.upgraded);
    assert_int_equal(feed(memory, FROM_SERVER, VIEW("\5\0" GRANTED5 "\x16\3\3")), 12);
    assert_string_equal(out.record.text, TOLD5);
}

static void test_an_answer_that_is_seen_before_its_request(void **state)
{
    static uint64_t memory[16];

    (void)state;
    recorder_init(&out.record);
    memset(memory, 0, sizeof memory);
    assert_int_equal(feed(memory, FROM_SERVER, VIEW("\5\0" GRANTED5 "hello")), 12);
    assert_int_equal(feed(memory, FROM_SERVER, VIEW("hello again")), 0);
    assert_int_equal(feed(memory, FROM_CLIENT, VIEW(GREETING CONNECT5 "data")), 3 + 22);
    assert_string_equal(out.record.text, TOLD5);
}

static void test_version_4_by_address_and_4a_by_name(void **state)
{
    static const struct step by_address[] = {
        CLIENT("\4\1\0\x50\xc6\x33\x64\7bob\0"),
        SERVER("\0\x5a\0\0\0\0\0\0"),
        SERVER("SSH-2.0-x\r\n"),
    };
    static const struct step by_name[] = {
        CLIENT("\4\1\x14\x46\0\0\0\1\0chat.example.org\0"),
        SERVER("\0\x5a\0\0\0\0\0\0"),
    };

    (void)state;
    check_laws(&parser_socks, by_address, 3, &out);
    assert_string_equal(out.record.text, "version SOCKS4\nhint proxy 198.51.100.7:80\n"
                                         "name tunnel-target 198.51.100.7\nupgrade unknown\n");
    check_laws(&parser_socks, by_name, 2, &out);
    assert_string_equal(out.record.text, "version SOCKS4\nhint proxy chat.example.org:5190\n"
                                         "name tunnel-target chat.example.org\nupgrade unknown\n");
}

static void test_a_refused_request_ends_it(void **state)
{
    static const struct step four[] = { CLIENT("\4\1\0\x50\xc6\x33\x64\7\0"), SERVER("\0\x5b\0\0\0\0\0\0") };
    static const struct step five[] = { CLIENT(GREETING), SERVER("\5\0"), CLIENT(CONNECT5),
                                        SERVER("\5\5\0\1\0\0\0\0\0\0") };

    (void)state;
    check_laws(&parser_socks, four, 2, &out);
    assert_true(out.record.settled && !out.record.upgraded);
    check_laws(&parser_socks, five, 4, &out);
    assert_true(out.record.settled && !out.record.upgraded);
}

static void test_bind_and_udp_associate_carry_no_stream(void **state)
{
    static const struct step steps[] = { CLIENT(GREETING), SERVER("\5\0"), CLIENT("\5\3\0\1\0\0\0\0\0\0"),
                                         SERVER(GRANTED5) };

    (void)state;
    check_laws(&parser_socks, steps, 4, &out);
    assert_true(out.record.settled && !out.record.upgraded);
}

static void test_a_hash_as_target_is_an_xmpp_file_transfer(void **state)
{
    static const struct step steps[] = {
        CLIENT(GREETING),
        SERVER("\5\0"),
        CLIENT("\5\1\0\3\x28"
               "0123456789abcdef0123456789abcdef01234567\0\0"),
        SERVER("\5\0\0\3\x28"
               "0123456789abcdef0123456789abcdef01234567\0\0"),
        SERVER("file"),
    };
    static const struct step with_port[] = {
        CLIENT(GREETING),
        SERVER("\5\0"),
        CLIENT("\5\1\0\3\x28"
               "0123456789abcdef0123456789abcdef01234567\0\1"),
    };

    (void)state;
    check_laws(&parser_socks, steps, 5, &out);
    assert_string_equal(out.record.text, "version SOCKS5\nevidence payload xmpp SOCKS5 bytestream\n"
                                         "name tunnel-target 0123456789abcdef0123456789abcdef01234567\n"
                                         "activity file\nupgrade xmpp-bytestream\n");
    check_laws(&parser_socks, with_port, 3, &out);
    assert_int_equal(recorder_count(&out.record, "evidence"), 0);
}

static void test_near_misses_are_no_socks(void **state)
{
    static const struct step wrong_choice[] = { CLIENT("\5\1\0"), SERVER("\5\2") };
    static const struct step other_answer[] = { CLIENT("\5\1\0"), SERVER("HTTP/1.1 400") };
    static const struct step server_first[] = { SERVER("\5\0"), CLIENT("\5\1\0") };
    static const struct step wrong_reply[] = { CLIENT("\4\1\0\x50\xc6\x33\x64\7\0"),
                                               SERVER("\0\x60\0\0\0\0\0\0") };

    (void)state;
    converse(&parser_socks, wrong_choice, 2, &out);
    assert_int_equal(out.answer, IM_NO);
    converse(&parser_socks, other_answer, 2, &out);
    assert_int_equal(out.answer, IM_NO);
    converse(&parser_socks, server_first, 2, &out);
    assert_int_equal(out.answer, IM_NO);
    converse(&parser_socks, wrong_reply, 2, &out);
    assert_int_equal(out.answer, IM_NO);
    assert_int_equal(probe_bytes(&parser_socks, VIEW("\5\0")), IM_NO);
    assert_int_equal(probe_bytes(&parser_socks, VIEW("\5\2\0\0")), IM_NO);
    assert_int_equal(probe_bytes(&parser_socks, VIEW("\5\1\0\5\1\0\2")), IM_NO);
    assert_int_equal(probe_bytes(&parser_socks, VIEW("\5\1\0\1\3bob\6secret")), IM_MORE);
    assert_int_equal(probe_bytes(&parser_socks, VIEW("\4\1\0\0\1\2\3\4\0")), IM_NO);
    assert_int_equal(probe_bytes(&parser_socks, VIEW("\4\1\0\x50\0\0\0\1\0not a host\0")), IM_NO);
    assert_int_equal(probe_bytes(&parser_socks, VIEW("\4\1\0\x50\xc6\x33\x64\7bob\0")), IM_MORE);
    assert_int_equal(probe_bytes(&parser_socks, VIEW("CONNECT www.example.com:443 HTTP/1.1\r\n")), IM_NO);
}

static void test_a_stream_begun_before_the_capture_is_not_asked(void **state)
{
    struct sample s = { .l4 = L4_TCP, .midstream = true, .bytes = { VIEW("\5\1\0"), VIEW("\5\0") } };
    struct finding finding = { 0 };

    (void)state;
    assert_int_equal(parser_socks.probe(&s, &finding), IM_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_5_without_a_password),
        cmocka_unit_test(test_version_5_with_a_password_which_is_not_told),
        cmocka_unit_test(test_gssapi_frames_are_passed_over),
        cmocka_unit_test(test_payload_sent_ahead_stays_for_the_next_protocol),
        cmocka_unit_test(test_an_answer_that_is_seen_before_its_request),
        cmocka_unit_test(test_version_4_by_address_and_4a_by_name),
        cmocka_unit_test(test_a_refused_request_ends_it),
        cmocka_unit_test(test_bind_and_udp_associate_carry_no_stream),
        cmocka_unit_test(test_a_hash_as_target_is_an_xmpp_file_transfer),
        cmocka_unit_test(test_near_misses_are_no_socks),
        cmocka_unit_test(test_a_stream_begun_before_the_capture_is_not_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
