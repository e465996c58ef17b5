/* SPDX-License-Identifier: Apache-2.0 */
#include "conversation.h"
#include "test.h"

extern const struct parser parser_gadu_gadu, parser_gadu_dcc;

static struct outcome out;

#define Z4 "\0\0\0\0"
#define Z20 Z4 Z4 Z4 Z4 Z4
#define WELCOME "\x01\0\0\0\x04\0\0\0\xaa\xbb\xcc\xdd"
/* Login 31 of number 1234567: language, SHA-1, 64 octets of hash, the rest of 96. */
#define LOGIN80 "\x31\0\0\0\x60\0\0\0\x87\xd6\x12\0pl\x02" Z20 Z20 Z20 Z4 "\x02\0\0\0" Z20 "\0"
/* An offer: id, from 1234567, to 7654321 (0x74cbb1), kind file, name of 255 octets, size 4096, hash. */
#define NAME255 "plan.doc" Z20 Z20 Z20 Z20 Z20 Z20 Z20 Z20 Z20 Z20 Z20 Z20 "\0\0\0\0\0\0\0"
#define OFFER                                                                                                \
    "\x20\0\0\0\x2f\x01\0\0"                                                                                 \
    "\1\2\3\4\5\6\7\x08"                                                                                     \
    "\x87\xd6\x12\0\xb1\xcb\x74\0\4\0\0\0" NAME255 "\0\x10\0\0\0\0\0\0" Z20
#define ROUTE(ip) "\x1f\0\0\0\x50\0\0\0\xb1\xcb\x74\0\1\0\0\0\1\2\3\4\5\6\7\x08" ip

static const struct step talk[] = {
    SERVER(WELCOME),
    CLIENT(LOGIN80),
    SERVER("\x35\0\0\0\x04\0\0\0\1\0\0\0"),
    CLIENT("\x12\0\0\0\0\0\0\0"),
    CLIENT("\x0b\0\0\0\x12\0\0\0\xb1\xcb\x74\0\1\0\0\0\x08\0\0\0hello\0"),
    SERVER("\x0a\0\0\0\x13\0\0\0\xb1\xcb\x74\0\2\0\0\0\0\0\0\1\x08\0\0\0hi\0"),
    SERVER("\x2e\0\0\0\x22\0\0\0\xb1\xcb\x74\0\3\0\0\0\0\0\0\1\x08\0\0\0\x1d\0\0\0\x22\0\0\0<b>x\0text\0"),
    CLIENT(OFFER),
    SERVER(ROUTE("192.0.2.77 1550\0") Z4 Z4 Z4 Z4 Z20 Z4 Z4 Z4),
};

static void test_gadu_conversation_keeps_the_laws(void **state)
{
    (void)state;
    check_laws(&parser_gadu_gadu, talk, sizeof talk / sizeof talk[0], &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(
        out.record.text,
        "activity login account=1234567 out\n"
        "activity presence\n"
        "delivery server-proxy\n"
        "activity chat account=1234567 peer=7654321 out text=hello\n"
        "activity chat account=1234567 peer=7654321 in text=hi\n"
        "activity chat account=1234567 peer=7654321 in html text=<b>x\n"
        "activity file account=1234567 peer=7654321 file=plan.doc size=4096 out\n"
        "announce gg 0102030405060708 name=plan.doc account=1234567 peer=7654321 size=4096 out\n"
        "delivery server-broker\n"
        "expect tcp 192.0.2.77:1550 file gadu-gadu\n");
}

/* A conversation that the server greets and the client logs into, then these packets of the server. */
static void received(struct view packets)
{
    struct step steps[] = {
        SERVER(WELCOME), CLIENT(LOGIN80), SERVER("\x35\0\0\0\x04\0\0\0\1\0\0\0"), { FROM_SERVER, packets }
    };

    check_laws(&parser_gadu_gadu, steps, 4, &out);
    assert_int_equal(out.answer, IM_YES);
}

static void test_gadu_text_of_windows_1250_that_waited(void **state)
{
    (void)state;
    received(VIEW("\x0a\0\0\0\x15\0\0\0\xb1\xcb\x74\0\2\0\0\0\xc0\x43\x99\x3f\x09\0\0\0\xbf\xf3\xb3w\0"));
    assert_true(recorder_has(&out.record,
                             "activity chat account=1234567 peer=7654321 sent=1067008960000000 in "
                             "text=\xc5\xbc\xc3\xb3\xc5\x82w"));
}

static void test_gadu_message_between_programs_is_none(void **state)
{
    (void)state;
    received(VIEW("\x0a\0\0\0\x12\0\0\0\xb1\xcb\x74\0\2\0\0\0\xc0\x43\x99\x3f\x10\0\0\0\2\0"));
    assert_int_equal(recorder_count(&out.record, "activity chat"), 0);
}

static void test_gadu_80_without_html_has_plain_text(void **state)
{
    (void)state;
    received(
        VIEW("\x2e\0\0\0\x1c\0\0\0\xb1\xcb\x74\0\3\0\0\0\0\0\0\1\x08\0\0\0\x18\0\0\0\x1c\0\0\0t\xb9k\0"));
    assert_true(recorder_has(&out.record, "activity chat account=1234567 peer=7654321 in text=t\xc4\x85k"));
}

static void test_gadu_110_is_a_protocol_buffer(void **state)
{
    (void)state;
    received(VIEW("\x7e\0\0\0\x21\0\0\0\x0a\x09\0\x07"
                  "7654321"
                  "\x10\x08\x18\x05\x25\xc0\x43\x99\x3f\x2a\2hi\x32\x07<b>hi</"));
    assert_true(recorder_has(&out.record, "activity chat account=1234567 peer=7654321 in html text=<b>hi</"));
}

static void test_gadu_contacts_of_both_lists(void **state)
{
    static const struct step steps[] = {
        SERVER(WELCOME),
        CLIENT(LOGIN80),
        SERVER("\x35\0\0\0\x04\0\0\0\1\0\0\0"),
        CLIENT("\x10\0\0\0\x0a\0\0\0\xb1\xcb\x74\0\3\x01\0\0\0\4"),
        CLIENT("\x0e\0\0\0\x05\0\0\0\xb1\xcb\x74\0\3"),
        SERVER("\x10\0\0\0\x2e\0\0\0\6Jan;N;jn;Ja\xb3;555;Praca;7654321;a@b;0\r\nbad;;\r\n"),
        SERVER("\x37\0\0\0\x3d\0\0\0\xb1\xcb\x74\0\5\0\0\0" Z4 Z4 Z4 Z4
               "\5\0\0\0later\2\0\0\0\x02\0\0\0" Z4 Z4 Z4 Z4 Z4),
        SERVER("\x02\0\0\0\x08\0\0\0\xb1\xcb\x74\0\1\0\0\0"),
    };

    (void)state;
    check_laws(&parser_gadu_gadu, steps, sizeof steps / sizeof steps[0], &out);
    assert_string_equal(strstr(out.record.text, "activity presence"),
                        "activity presence\n"
                        "contact account=1234567 peer=7654321\n"
                        "contact account=1234567 peer=1 removed\n"
                        "activity presence\n"
                        "contact account=1234567 peer=7654321 removed\n"
                        "activity presence\n"
                        "contact account=1234567 peer=7654321 display=Ja\xc5\x82 group=Praca\n"
                        "activity presence\n"
                        "contact account=1234567 peer=7654321 away\n"
                        "contact account=1234567 peer=2 online\n"
                        "activity presence\n"
                        "contact account=1234567 peer=7654321 offline\n");
}

#define ID "\1\2\3\4\5\6\7\x08"

static void feed_leg(const struct parser *p, uint64_t *memory, enum flow_dir from, struct view bytes)
{
    assert_int_equal(p->feed(memory, recorder_session(&out.record), from, bytes), bytes.len);
}

static void announced(uint64_t offset)
{
    recorder_init(&out.record);
    session_announce(
        recorder_session(&out.record), VIEW("gg 0102030405060708"),
        &(struct im_file){ .name = VIEW("a.doc"), .size = 20, .offset = offset, .outgoing = true });
    strcpy(out.record.announced.account, "1");
    strcpy(out.record.announced.peer, "2");
}

static void test_gadu_direct_leg_carries_what_was_announced(void **state)
{
    uint64_t memory[PARSER_STATE_BYTES / 8] = { 0 };

    (void)state;
    announced(4);
    feed_leg(&parser_gadu_dcc, memory, FROM_CLIENT, VIEW(ID));
    feed_leg(&parser_gadu_dcc, memory, FROM_SERVER, VIEW(ID "abc"));
    assert_true(parser_gadu_dcc.gap(memory, recorder_session(&out.record), FROM_SERVER, 3));
    feed_leg(&parser_gadu_dcc, memory, FROM_SERVER, VIEW("0123456789 more than was announced"));
    assert_false(parser_gadu_dcc.gap(memory, recorder_session(&out.record), FROM_SERVER, 3));
    assert_string_equal(strstr(out.record.text, "delivery"),
                        "delivery peer\n"
                        "activity file\n"
                        "file 1 name=a.doc account=1 peer=2 size=20 offset=4 out\n"
                        "bytes 1 at 4 abc\n"
                        "bytes 1 at 10 0123456789\n"
                        "file 1 whole\n");
}

static void test_gadu_leg_of_another_id_is_left_alone(void **state)
{
    uint64_t memory[PARSER_STATE_BYTES / 8] = { 0 };

    (void)state;
    announced(0);
    feed_leg(&parser_gadu_dcc, memory, FROM_CLIENT, VIEW("\1\2\3\4\5\6\7\x09 bytes"));
    assert_int_equal(recorder_count(&out.record, "file"), 0);
    assert_true(recorder_has(&out.record, "settle"));
    assert_int_equal(probe_bytes(&parser_gadu_dcc, VIEW(ID)), IM_NO);
}

static void test_gadu_relay_carries_what_was_announced(void **state)
{
    uint64_t memory[PARSER_STATE_BYTES / 8] = { 0 };

    (void)state;
    announced(0);
    feed_leg(&parser_gadu_gadu, memory, FROM_CLIENT, VIEW("\xbe\xba\xde\xc0" ID));
    feed_leg(&parser_gadu_gadu, memory, FROM_SERVER, VIEW("\xbe\xba\xde\xc0" ID));
    feed_leg(&parser_gadu_gadu, memory, FROM_CLIENT, VIEW("abcdefghij"));
    feed_leg(&parser_gadu_gadu, memory, FROM_SERVER, VIEW("not of the file"));
    feed_leg(&parser_gadu_gadu, memory, FROM_CLIENT, VIEW("abcdefghij"));
    assert_true(recorder_has(&out.record, "delivery server-proxy"));
    assert_true(recorder_has(&out.record, "bytes 1 at 0 abcdefghijabcdefghij"));
    assert_true(recorder_has(&out.record, "file 1 whole"));
}

static void test_gadu_login_alone_is_enough(void **state)
{
    (void)state;
    assert_int_equal(probe_bytes(&parser_gadu_gadu, VIEW(LOGIN80)), IM_YES);
}

static void test_gadu_login_105_names_the_account(void **state)
{
    static const struct step steps[] = {
        SERVER(WELCOME),
        CLIENT("\x83\0\0\0\x24\0\0\0\x0a\x02pl\x12\x09\0\x07"
               "1234567"
               "\x1a\x13"
               "aaaaaaaaaaaaaaaaaaa"),
        SERVER("\x84\0\0\0\x02\0\0\0\x08\1"),
    };

    (void)state;
    check_laws(&parser_gadu_gadu, steps, 3, &out);
    assert_string_equal(out.record.text, "activity login account=1234567 out\n");
}

static void test_gadu_relay_greeting_is_a_file_by_the_server(void **state)
{
    static const struct step steps[] = { CLIENT("\xbe\xba\xde\xc0\1\2\3\4\5\6\7\x08") };

    (void)state;
    check_laws(&parser_gadu_gadu, steps, 1, &out);
    assert_string_equal(out.record.text, "delivery server-proxy\nactivity file\nsettle\n");
}

static void test_gadu_bad_route_leaves_no_expectation(void **state)
{
    static const struct step steps[] = {
        SERVER(WELCOME),
        CLIENT(LOGIN80),
        SERVER(ROUTE("192.0.2.777 1550") Z4 Z4 Z4 Z4 Z20 Z4 Z4 Z4),
        SERVER(ROUTE("192.0.2.7 99999\0") Z4 Z4 Z4 Z4 Z20 Z4 Z4 Z4),
        SERVER(ROUTE("192.0.2.7\0\0\0\0\0\0\0") Z4 Z4 Z4 Z4 Z20 Z4 Z4 Z4),
    };

    (void)state;
    check_laws(&parser_gadu_gadu, steps, 5, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_int_equal(recorder_count(&out.record, "expect"), 0);
}

static void test_gadu_greeting_alone_is_not_enough(void **state)
{
    static const struct step greeting[] = { SERVER(WELCOME) };
    static const struct step other[] = { SERVER(WELCOME), CLIENT("\x0c\0\0\0\x04\0\0\0abcd") };

    (void)state;
    converse(&parser_gadu_gadu, greeting, 1, &out);
    assert_int_equal(out.answer, IM_MORE);
    converse(&parser_gadu_gadu, other, 2, &out); /* too short for a login */
    assert_int_equal(out.answer, IM_NO);
}

static void test_gadu_midstream_needs_three_packets_with_bodies(void **state)
{
#define MESSAGE "\x0b\0\0\0\x12\0\0\0\xb1\xcb\x74\0\1\0\0\0\x08\0\0\0hello\0"
    struct finding finding = { 0 };
    struct sample s = { .l4 = L4_TCP, .midstream = true };

    (void)state;
    s.bytes[1] = view_of(NULL, 0);
    s.bytes[0] = VIEW(MESSAGE MESSAGE);
    assert_int_equal(parser_gadu_gadu.probe(&s, &finding), IM_MORE);
    s.bytes[0] = VIEW(MESSAGE MESSAGE MESSAGE);
    assert_int_equal(parser_gadu_gadu.probe(&s, &finding), IM_YES);
    s.bytes[0] = VIEW("\x08\0\0\0\0\0\0\0\x08\0\0\0\0\0\0\0\x08\0\0\0\0\0\0\0");
    assert_int_not_equal(parser_gadu_gadu.probe(&s, &finding), IM_YES);
}

static void test_gadu_leaves_other_binary_protocols_alone(void **state)
{
    (void)state;
    assert_int_equal(probe_bytes(&parser_gadu_gadu, VIEW("\x01\0\0\0")),
                     IM_NO); /* a client never begins so */
    assert_int_equal(probe_bytes(&parser_gadu_gadu, VIEW("\x31\0\0\0\x60\0\0\1")), IM_NO);
    assert_int_equal(probe_bytes(&parser_gadu_gadu, VIEW("\x31\0\1")), IM_NO);
    assert_int_equal(probe_bytes(&parser_gadu_gadu, VIEW("GET / HTTP/1.1\r\n")), IM_NO);
    assert_int_equal(probe_bytes(&parser_gadu_gadu, VIEW("\xbe\xba\xde\xc1\1\2\3\4\5\6\7\x08")), IM_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gadu_conversation_keeps_the_laws),
        cmocka_unit_test(test_gadu_relay_carries_what_was_announced),
        cmocka_unit_test(test_gadu_leg_of_another_id_is_left_alone),
        cmocka_unit_test(test_gadu_direct_leg_carries_what_was_announced),
        cmocka_unit_test(test_gadu_contacts_of_both_lists),
        cmocka_unit_test(test_gadu_110_is_a_protocol_buffer),
        cmocka_unit_test(test_gadu_80_without_html_has_plain_text),
        cmocka_unit_test(test_gadu_message_between_programs_is_none),
        cmocka_unit_test(test_gadu_text_of_windows_1250_that_waited),
        cmocka_unit_test(test_gadu_login_alone_is_enough),
        cmocka_unit_test(test_gadu_login_105_names_the_account),
        cmocka_unit_test(test_gadu_relay_greeting_is_a_file_by_the_server),
        cmocka_unit_test(test_gadu_bad_route_leaves_no_expectation),
        cmocka_unit_test(test_gadu_greeting_alone_is_not_enough),
        cmocka_unit_test(test_gadu_midstream_needs_three_packets_with_bodies),
        cmocka_unit_test(test_gadu_leaves_other_binary_protocols_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
