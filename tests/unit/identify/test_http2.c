/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 in the clear: preface, frames, header blocks in fragments. HPACK itself: test_hpack.c. */
#include "conversation.h"
#include "test.h"

extern const struct parser parser_http2;

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64"
#define SETTINGS_ACK "\x00\x00\x00\x04\x01\x00\x00\x00\x00"

static struct outcome outcome;

static const char *told(const struct step *steps, size_t count)
{
    check_laws(&parser_http2, steps, count, &outcome);
    assert_int_equal(outcome.answer, IM_YES);
    return outcome.record.text;
}

static void test_requests_tell_authority_path_and_agent(void **state)
{
    static const struct step steps[] = {
        CLIENT(PREFACE SETTINGS
               /* :method GET, :scheme http, :path /, :authority www.example.com in Huffman code, user-agent
                  x/1 */
               "\x00\x00\x16\x01\x05\x00\x00\x00\x01\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab"
               "\x90\xf4\xff"
               "\x7a\x03x/1"),
        SERVER(SETTINGS SETTINGS_ACK "\x00\x00\x01\x01\x05\x00\x00\x00\x01\x88"),
        CLIENT(SETTINGS_ACK
               /* a POST whose authority and agent are in the dynamic table now; DATA; trailers */
               "\x00\x00\x05\x01\x04\x00\x00\x00\x03\x83\x86\x84\xbf\xbe"
               "\x00\x00\x04\x00\x00\x00\x00\x00\x03"
               "\x00\x00\x01\x01"
               "\x00\x00\x05\x01\x05\x00\x00\x00\x03\x00\x01t\x01v"),
    };

    (void)state;
    assert_string_equal(told(steps, COUNT(steps)), "name http-host www.example.com\nhttp GET / agent=x/1\n"
                                                   "name http-host www.example.com\nhttp POST / agent=x/1\n");
    assert_string_equal(outcome.finding.value, "HTTP/2 connection preface");
}

static void test_padding_priority_and_continuations(void **state)
{
    static const struct step steps[] = {
        CLIENT(PREFACE SETTINGS
               "\x00\x00\x0b\x01\x29\x00\x00\x00\x01\x02\x00\x00\x00\x00\x10\x82\x86\x84\x00\x00"
               "\x00\x00\x04\x09\x00\x00\x00\x00\x01\x41\x05"
               "a."
               "\x00\x00\x03\x09\x04\x00\x00\x00\x01"
               "b:1"),
    };

    (void)state;
    assert_string_equal(told(steps, COUNT(steps)), "name http-host a.b\nhttp GET /\n");
}

static void test_connect_is_a_tunnel_unless_it_names_a_protocol(void **state)
{
    static const struct step steps[] = {
        CLIENT(PREFACE SETTINGS
               "\x00\x00\x12\x01\x04\x00\x00\x00\x01\x42\x07"
               "CONNECT"
               "\x41\x07"
               "a.b:443"
               "\x00\x00\x18\x01\x04\x00\x00\x00\x03\xbf\x84\xbe\x00\x09:protocol\x09websocket"),
    };

    (void)state;
    assert_string_equal(told(steps, COUNT(steps)),
                        "name tunnel-target a.b\nhint proxy a.b:443\nhttp CONNECT\n"
                        "name http-host a.b\nhttp CONNECT /\n");
}

static void test_a_block_that_cannot_be_read_ends_following(void **state)
{
    static const struct step bad[] = {
        CLIENT(PREFACE "\x00\x00\x01\x01\x04\x00\x00\x00\x01\xbe"),     /* no such index */
        CLIENT(PREFACE "\x00\x00\x02\x01\x0c\x00\x00\x00\x01\x05\x82"), /* padding longer than the frame */
        CLIENT(PREFACE "\x00\x00\x01\x01\x00\x00\x00\x00\x01\x82" SETTINGS_ACK), /* not continued */
        CLIENT(
            PREFACE
            "\x00\x00\x01\x01\x00\x00\x00\x00\x01\x82\x00\x00\x01\x09\x04\x00\x00\x00\x03\x84"), /* by another
                                                                                                  */
        CLIENT(PREFACE "\x00\x20\x01\x01\x04\x00\x00\x00\x01"), /* 8193 octets */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_string_equal(told(&bad[i], 1), "settle\n");
}

static void test_inspection_ends_after_sixteen_requests_that_prove_nothing(void **state)
{
    static char stream[24 + 20 * 12];
    struct text t = TEXT(stream);

    (void)state;
    text_add(&t, VIEW(PREFACE));
    for (int i = 0; i < 19; i++)
        text_add(&t, VIEW("\x00\x00\x02\x01\x05\x00\x00\x00\x01\x82\x84"));
    struct step step = { FROM_CLIENT, view_of(t.at, t.len) };
    (void)told(&step, 1);
    assert_int_equal(recorder_count(&outcome.record, "http "), 16);
    assert_true(outcome.record.settled);
}

static void test_only_the_servers_loss_can_be_borne(void **state)
{
    (void)state;
    assert_true(parser_http2.gap(NULL, NULL, FROM_SERVER, 100));
    assert_false(parser_http2.gap(NULL, NULL, FROM_CLIENT, 100));
}

static void test_what_is_not_the_preface_is_refused(void **state)
{
    static const struct step server_first[] = { SERVER(SETTINGS), CLIENT(PREFACE) };
    static const struct step other_server[] = { SERVER("\x00\x00\x05\x06\x00\x00\x00\x00\x00") };

    (void)state;
    assert_int_equal(probe_bytes(&parser_http2, VIEW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r")), IM_MORE);
    assert_int_equal(probe_bytes(&parser_http2, VIEW("PRI * HTTP/2.0\r\n\r\nSM\r\n\rx")), IM_NO);
    assert_int_equal(probe_bytes(&parser_http2, VIEW("PRI * HTTP/1.1\r\n")), IM_NO);
    assert_int_equal(probe_bytes(&parser_http2, VIEW("PRIVMSG #a :b\r\n")), IM_NO);
    check_laws(&parser_http2, server_first, 2, &outcome);
    assert_int_equal(outcome.answer, IM_YES);
    check_laws(&parser_http2, other_server, 1, &outcome);
    assert_int_equal(outcome.answer, IM_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_tell_authority_path_and_agent),
        cmocka_unit_test(test_padding_priority_and_continuations),
        cmocka_unit_test(test_connect_is_a_tunnel_unless_it_names_a_protocol),
        cmocka_unit_test(test_a_block_that_cannot_be_read_ends_following),
        cmocka_unit_test(test_inspection_ends_after_sixteen_requests_that_prove_nothing),
        cmocka_unit_test(test_only_the_servers_loss_can_be_borne),
        cmocka_unit_test(test_what_is_not_the_preface_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
