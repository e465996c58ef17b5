/* SPDX-License-Identifier: Apache-2.0 */
/* DNS messages written by hand from RFC 1035, 6762 and 9460; and what only looks like them. */
#include "conversation.h"
#include "test.h"

extern const struct parser parser_dns;

static struct outcome out;

/* www.example.com, type A, class IN */
#define QUESTION "\3www\7example\3com\0\0\1\0\1"
#define QUERY "\x12\x34\1\0\0\1\0\0\0\0\0\0" QUESTION

/* www is an alias of edge.example.net, whose address comes first */
#define RESPONSE                                                                                             \
    "\x12\x34\x81\x80\0\1\0\3\0\0\0\0" QUESTION "\4edge\7example\3net\0\0\1\0\1\0\0\0\74\0\4\xc6\x33\x64\7"  \
    "\xc0\x0c\0\5\0\1\0\0\1\x2c\0\6\3cdn\xc0\x10"                                                            \
    "\3cdn\xc0\x10\0\5\0\1\0\0\1\x2c\0\2\xc0\x21"

/* One datagram on the given server port; the recorder keeps what it told. */
static enum im_answer on_port(uint16_t port, struct view message, bool known_names)
{
    static uint64_t state[64];
    struct datagram_head head = { .from = FROM_CLIENT, .len = (uint16_t)message.len };
    struct sample s = {
        .l4 = L4_UDP, .datagram = message, .heads = &head, .head_count = 1, .port = { 40000, port }
    };

    memset(&out, 0, sizeof out);
    memset(state, 0, sizeof state);
    recorder_init(&out.record);
    out.record.udp = true;
    out.record.port[FROM_SERVER] = port;
    out.record.known_names = known_names;
    out.answer = parser_dns.probe(&s, &out.finding);
    if (out.answer == IM_YES)
        parser_dns.feed(state, recorder_session(&out.record), FROM_CLIENT, message);
    return out.answer;
}

static void test_a_query_on_any_port_is_a_look_up(void **state)
{
    (void)state;
    assert_int_equal(on_port(4711, VIEW(QUERY), true), IM_YES);
    assert_string_equal(out.record.text, "name dns www.example.com\nactivity lookup\n");
    assert_int_equal(on_port(53, VIEW(QUERY), false), IM_YES);
    assert_string_equal(out.record.text, "name dns www.example.com\n");
}

static void test_addresses_are_learnt_for_the_name_asked_whatever_the_order(void **state)
{
    static const struct step steps[] = { CLIENT(QUERY), SERVER(RESPONSE) };

    (void)state;
    converse_udp(&parser_dns, steps, 2, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.record.text, "name dns www.example.com\nname dns www.example.com\n"
                                         "learn edge.example.net 198.51.100.7 60\n"
                                         "learn www.example.com 198.51.100.7 60\n");
}

static void test_an_answer_to_another_question_is_told_for_its_own_name_only(void **state)
{
    (void)state;
    assert_int_equal(on_port(53,
                             VIEW("\0\1\x81\x80\0\1\0\1\0\0\0\0" QUESTION
                                  "\3bad\7example\3org\0\0\1\0\1\0\0\0\5\0\4\xc6\x33\x64\7"),
                             false),
                     IM_YES);
    assert_string_equal(out.record.text, "name dns www.example.com\nlearn bad.example.org 198.51.100.7 5\n");
}

static void test_ipv6_answers_and_errors(void **state)
{
    (void)state;
    on_port(53,
            VIEW("\0\1\x81\x80\0\1\0\1\0\0\0\0\1v\3six\0\0\x1c\0\1\xc0\x0c\0\x1c\0\1\0\0\0\7\0\x10"
                 "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"),
            false);
    assert_true(recorder_has(&out.record, "learn v.six 2001:db8::1 7"));
    on_port(53, VIEW("\0\1\x81\x83\0\1\0\0\0\0\0\0" QUESTION),
            true); /* no such name: a look-up all the same */
    assert_true(recorder_has(&out.record, "activity lookup"));
}

#define HTTPS_ANSWER                                                                                         \
    "\0\1\x81\x80\0\1\0\1\0\0\0\0\3www\7example\3com\0\0\x41\0\1"                                            \
    "\xc0\x0c\0\x41\0\1\0\0\0\x0a\0\x32\0\1\0"                                                               \
    "\0\1\0\3\2h3"                                     /* alpn */                                            \
    "\0\4\0\x08\xc0\0\2\1\xc0\0\2\2"                   /* ipv4hint */                                        \
    "\0\5\0\4\1\2\3\4"                                 /* ech */                                             \
    "\0\6\0\x10\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2" /* ipv6hint */

static void test_https_records_give_address_hints(void **state)
{
    (void)state;
    assert_int_equal(on_port(853, VIEW(HTTPS_ANSWER), false), IM_YES);
    assert_string_equal(out.record.text,
                        "name dns www.example.com\nlearn www.example.com 192.0.2.1 10\n"
                        "learn www.example.com 192.0.2.2 10\nlearn www.example.com 2001:db8::2 10\n");
    assert_int_equal(on_port(853, VIEW(HTTPS_ANSWER "!"), false), IM_NO);
}

static void test_host_names_come_from_multicast_and_reverse_look_ups(void **state)
{
    (void)state;
    assert_int_equal(on_port(5353,
                             VIEW("\0\0\x84\0\0\0\0\1\0\0\0\1"
                                  "\x08_airplay\4_tcp\5local\0\0\x0c\0\1\0\0\0\x78\0\2\xc0\x0c"
                                  "\3mac\xc0\x1a\0\1\x80\1\0\0\0\x78\0\4\xc0\xa8\1\7"),
                             false),
                     IM_YES);
    assert_string_equal(out.record.text, "host 192.168.1.7 mac.local\n");
    assert_int_equal(on_port(5355,
                             VIEW("\0\7\x80\0\0\1\0\1\0\0\0\0\2pc\0\0\1\0\1"
                                  "\xc0\x0c\0\1\0\1\0\0\0\x1e\0\4\x0a\0\0\x0b"),
                             false),
                     IM_YES);
    assert_true(recorder_has(&out.record, "host 10.0.0.11 pc"));
    assert_int_equal(recorder_count(&out.record, "learn"), 0);
    on_port(53,
            VIEW("\0\7\x85\x80\0\1\0\1\0\0\0\0\1"
                 "5\1"
                 "0\1"
                 "0\2"
                 "10\7in-addr\4arpa\0\0\x0c\0\1"
                 "\xc0\x0c\0\x0c\0\1\0\0\0\x1e\0\x0b\4bobs\4corp\0"),
            false);
    assert_true(recorder_has(&out.record, "host 10.0.0.5 bobs.corp"));
    on_port(53,
            VIEW("\0\7\x85\x80\0\1\0\1\0\0\0\0\1"
                 "8\1"
                 "8\1"
                 "8\1"
                 "8\7in-addr\4arpa\0\0\x0c\0\1"
                 "\xc0\x0c\0\x0c\0\1\0\0\0\x1e\0\x0b\4bobs\4corp\0"),
            false);
    assert_int_equal(recorder_count(&out.record, "host"), 0); /* not one of ours */
}

static void test_labels_cannot_pretend_to_be_names(void **state)
{
    (void)state;
    assert_int_equal(on_port(53, VIEW("\0\1\1\0\0\1\0\0\0\0\0\0\x0fwww.example.com\4a\1b.\0\0\1\0\1"), false),
                     IM_YES);
    assert_string_equal(out.record.text, "name dns www?example?com.a?b?\n");
    assert_int_equal(on_port(54, VIEW("\0\1\1\0\0\1\0\0\0\0\0\0\x0fwww.example.com\4a\1b.\0\0\1\0\1"), false),
                     IM_NO);
}

static void test_pointers_do_not_loop(void **state)
{
    (void)state;
    assert_int_equal(on_port(53, VIEW("\0\1\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1"), false), IM_NO);
    assert_int_equal(on_port(53, VIEW("\0\1\1\0\0\1\0\0\0\0\0\0\1a\xc0\x0c\0\1\0\1"), false), IM_NO);
    assert_int_equal(on_port(53, VIEW("\0\1\1\0\0\1\0\0\0\0\0\0\1a\xc0\x30\0\1\0\1"), false), IM_NO);
    assert_int_equal(on_port(53,
                             VIEW("\0\1\1\0\0\1\0\0\0\0\0\0\x41"
                                  "a\0\0\1\0\1"),
                             false),
                     IM_NO);
    assert_int_equal(on_port(53, VIEW("\0\1\1\0\0\1\0\0\0\0\0\0\1a\xc0\0\0\1\0\1"), false),
                     IM_NO); /* the header */
}

static void test_near_misses_are_no_dns(void **state)
{
    (void)state;
    assert_int_equal(on_port(99, VIEW(QUERY "\0"), false), IM_NO); /* a byte too many */
    assert_int_equal(on_port(99, VIEW("\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\7"), false), IM_NO); /* class 7 */
    assert_int_equal(on_port(99, VIEW("\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\xee\1\0\1"), false),
                     IM_NO); /* odd type */
    assert_int_equal(on_port(53, VIEW("\0\1\x31\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1"), false),
                     IM_NO);                                                       /* opcode 6 */
    assert_int_equal(on_port(53, VIEW("\0\1\1\0\0\0\0\0\0\0\0\0"), false), IM_NO); /* asks nothing */
    assert_int_equal(on_port(53, VIEW("\0\1\1\0\0\1"), false), IM_NO);
    assert_int_equal(on_port(53, VIEW("GET / HTTP/1.1\r\nHost: dns\r\n\r\n"), false), IM_NO);
    /* NetBIOS name query and node status */
    assert_int_equal(on_port(137,
                             VIEW("\0\1\1\x10\0\1\0\0\0\0\0\0\x20"
                                  "CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\0\0\x21\0\1"),
                             false),
                     IM_NO);
    assert_int_equal(on_port(137,
                             VIEW("\0\1\1\x10\0\1\0\0\0\0\0\0\x20"
                                  "CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\0\0\x20\0\1"),
                             false),
                     IM_NO);
}

static void test_over_tcp_several_messages_follow_each_other(void **state)
{
    static const struct step steps[] = {
        CLIENT("\0\x21" QUERY "\0\x21" QUERY),
        SERVER("\0\x65" RESPONSE),
        CLIENT("\0\x21" QUERY),
        SERVER("\0\x65" RESPONSE),
    };

    (void)state;
    assert_int_equal(sizeof RESPONSE - 1, 0x65);
    check_laws(&parser_dns, steps, 4, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_int_equal(recorder_count(&out.record, "name dns www.example.com"), 5);
    assert_int_equal(recorder_count(&out.record, "learn www.example.com 198.51.100.7 60"), 2);
    assert_false(out.record.settled);
}

static void test_nonsense_ends_it_but_one_bad_message_does_not(void **state)
{
    static const struct step once[] = { CLIENT("\0\x21" QUERY "\0\5abcde\0\x21" QUERY) };
    static const struct step often[] = { CLIENT("\0\x21" QUERY "\0\1a\0\1b\0\1c\0\x21" QUERY) };

    (void)state;
    check_laws(&parser_dns, once, 1, &out);
    assert_int_equal(recorder_count(&out.record, "name"), 2);
    assert_false(out.record.settled);
    check_laws(&parser_dns, often, 1, &out);
    assert_int_equal(recorder_count(&out.record, "name"), 1);
    assert_true(out.record.settled);
}

static void test_a_zone_transfer_is_passed_over(void **state)
{
    static uint8_t zone[2 + 40000] = { 40000 >> 8, 40000 & 255 };
    static uint64_t memory[64];
    struct recorder *r = &out.record;
    size_t at = 0;

    (void)state;
    recorder_init(r);
    memset(memory, 0, sizeof memory);
    while (at < sizeof zone) {
        struct view part = view_slice(view_of(zone, sizeof zone), at, at + 1000);
        size_t used = parser_dns.feed(memory, recorder_session(r), FROM_SERVER, part);
        assert_true(used > 0);
        at += used;
    }
    assert_int_equal(parser_dns.feed(memory, recorder_session(r), FROM_SERVER, VIEW("\0\x21" QUERY)), 35);
    assert_string_equal(r->text, "name dns www.example.com\n");
}

static void test_other_streams_are_no_dns(void **state)
{
    (void)state;
    assert_int_equal(probe_bytes(&parser_dns, VIEW("GET / HTTP/1.1\r\n")), IM_NO);
    assert_int_equal(probe_bytes(&parser_dns, VIEW("\0\3abc")), IM_NO);
    assert_int_equal(probe_bytes(&parser_dns, VIEW("\0\x21\x12\x34\x99\0\0\1\0\0\0\0\0\0")), IM_NO);
    assert_int_equal(probe_bytes(&parser_dns, VIEW("\0\x22" QUERY)), IM_MORE);
    assert_int_equal(probe_bytes(&parser_dns, VIEW("\0\x22" QUERY "x")), IM_NO);
    assert_int_equal(probe_bytes(&parser_dns, VIEW("220 mail.example.com\r\n")), IM_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_query_on_any_port_is_a_look_up),
        cmocka_unit_test(test_addresses_are_learnt_for_the_name_asked_whatever_the_order),
        cmocka_unit_test(test_an_answer_to_another_question_is_told_for_its_own_name_only),
        cmocka_unit_test(test_ipv6_answers_and_errors),
        cmocka_unit_test(test_https_records_give_address_hints),
        cmocka_unit_test(test_host_names_come_from_multicast_and_reverse_look_ups),
        cmocka_unit_test(test_labels_cannot_pretend_to_be_names),
        cmocka_unit_test(test_pointers_do_not_loop),
        cmocka_unit_test(test_near_misses_are_no_dns),
        cmocka_unit_test(test_over_tcp_several_messages_follow_each_other),
        cmocka_unit_test(test_nonsense_ends_it_but_one_bad_message_does_not),
        cmocka_unit_test(test_a_zone_transfer_is_passed_over),
        cmocka_unit_test(test_other_streams_are_no_dns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
