/* SPDX-License-Identifier: Apache-2.0 */
/* The legs; the offers are tested with the lines that carry them (test_irc.c). */
#include "base/hash.h"
#include "conversation.h"
#include "test.h"

extern const struct parser parser_dcc;

static struct outcome out;

/* What the leg of the next conversation was announced as. */
static struct {
    const char *token;
    struct announced_file file;
} offer;

/* The leg is announced before its first byte, and given to the parser without being asked. */
static enum im_answer given_probe(const struct sample *s, struct finding *finding)
{
    (void)s;
    (void)finding;
    return IM_YES;
}

static size_t given_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct recorder *r = (struct recorder *)s;

    if (offer.token != NULL) {
        r->announced_token = hash_bytes(view_string(offer.token), 0);
        r->announced = offer.file;
    }
    return parser_dcc.feed(state, s, from, in);
}

static void leg(const struct step *steps, size_t count)
{
    struct parser given = parser_dcc;

    given.probe = given_probe;
    given.feed = given_feed;
    check_laws(&given, steps, count, &out);
}

static void announce(const char *token, const char *name, uint64_t size, uint64_t offset)
{
    offer.token = token;
    offer.file = (struct announced_file){ .size = size, .offset = offset };
    struct text t = TEXT(offer.file.name);
    text_string(&t, name);
}

#define LISTENS "192.0.2.1:5000"

static void test_a_file_is_what_the_listener_sends(void **state)
{
    static const struct step steps[] = { SERVER("hello "), CLIENT("\0\0\0\6"), SERVER("world"),
                                         CLIENT("\0\0\0\x0b") };

    (void)state;
    announce("dcc " LISTENS, "a.txt", 11, 0);
    leg(steps, 4);
    assert_string_equal(out.record.text, "file 1 name=a.txt size=11 in\n"
                                         "bytes 1 at 0 hello world\n"
                                         "file 1 whole\n");
}

static void test_a_reversed_file_is_what_the_other_side_sends(void **state)
{
    static const struct step steps[] = { CLIENT("hello "), SERVER("\0\0\0\0\0\0\0\6"), CLIENT("world") };

    (void)state;
    announce("dcc-reverse " LISTENS, "a.txt", 11, 0);
    leg(steps, 3);
    assert_string_equal(out.record.text, "file 1 name=a.txt size=11 in\n"
                                         "bytes 1 at 0 hello world\n"
                                         "file 1 whole\n");
}

static void test_a_resumed_file_begins_at_its_offset(void **state)
{
    static const struct step steps[] = { SERVER("world") };

    (void)state;
    announce("dcc " LISTENS, "a.txt", 5000000011, 5000000006);
    leg(steps, 1);
    assert_string_equal(out.record.text, "file 1 name=a.txt size=5000000011 offset=5000000006 in\n"
                                         "bytes 1 at 5000000006 world\n"
                                         "file 1 whole\n");
}

static void test_a_listener_may_be_the_flows_client(void **state)
{
    static const struct step steps[] = { CLIENT("hello"), SERVER("\0\0\0\5") };

    (void)state;
    announce("dcc 10.0.0.1:40000", "a.txt", 5, 0);
    leg(steps, 2);
    assert_true(recorder_has(&out.record, "bytes 1 at 0 hello"));
}

static void test_a_file_without_a_size_is_never_whole(void **state)
{
    static const struct step steps[] = { SERVER("hello") };

    (void)state;
    announce("dcc " LISTENS, "a.txt", 0, 0);
    leg(steps, 1);
    assert_string_equal(out.record.text, "file 1 name=a.txt in\n"
                                         "bytes 1 at 0 hello\n");
}

static void test_bytes_beyond_the_size_are_an_anomaly(void **state)
{
    static const struct step steps[] = { SERVER("hello world") };

    (void)state;
    announce("dcc " LISTENS, "a.txt", 5, 0);
    leg(steps, 1);
    assert_string_equal(out.record.text, "file 1 name=a.txt size=5 in\n"
                                         "bytes 1 at 0 hello\n"
                                         "file 1 whole\n"
                                         "anomaly overlong DCC file\n"
                                         "settle\n");
}

static void test_xmit_has_a_header_and_the_receiver_names_the_offset(void **state)
{
    static const struct step steps[] = { SERVER("\x60\0\0\0"), CLIENT("\0\0\0\6"), SERVER("world") };

    (void)state;
    announce("dcc-xmit " LISTENS, "a.txt", 11, 0);
    leg(steps, 3);
    assert_string_equal(out.record.text, "file 1 name=a.txt size=11 in\n"
                                         "bytes 1 at 6 world\n"
                                         "file 1 whole\n");
}

static void test_a_leg_that_nobody_announced_is_left(void **state)
{
    static const struct step steps[] = { SERVER("hello") };

    (void)state;
    offer.token = NULL;
    leg(steps, 1);
    assert_string_equal(out.record.text, "settle\n");
}

/* A ClientHello of 5 + 48 octets, and what is nearly one. */
#define HELLO "\x16\3\1\0\x30\1\0\0\x2c\3\3"

static void test_a_leg_inside_tls_changes_over(void **state)
{
    static const struct step steps[] = { CLIENT(HELLO) };
    static const struct step file[] = { SERVER("\x16\3\1\0\x30\1\0\0\x2d\3\3") };
    static const struct step short_file[] = { SERVER("\x16!") };

    (void)state;
    announce("dcc " LISTENS, "a.txt", 11, 0);
    leg(steps, 1);
    assert_string_equal(out.record.text, "upgrade tls\n");
    leg(file, 1);
    assert_true(recorder_has(&out.record, "file 1 whole"));
    announce("dcc " LISTENS, "a.txt", 2, 0);
    leg(short_file, 1);
    assert_true(recorder_has(&out.record, "file 1 whole"));
}

static void test_lines_of_a_chat_are_messages(void **state)
{
    static const struct step steps[] = {
        CLIENT("good \002morning\002\r\n"),
        SERVER("\001ACTION waves\001\n"),
        SERVER("CTCP_MESSAGE \001ACTION nods\001\n"),
        CLIENT("\001PING 1\001\n\ngr\374n\n"),
        CLIENT("\001DCC SEND b.txt 167772161 4001 7\001\n"),
    };

    (void)state;
    announce("dcc-chat " LISTENS, "", 0, 0);
    struct text account = TEXT(offer.file.account), peer = TEXT(offer.file.peer);
    text_string(&account, "alice");
    text_string(&peer, "bob");
    leg(steps, 5);
    assert_string_equal(out.record.text,
                        "activity chat account=alice peer=bob out irc text=good ?morning?\n"
                        "activity chat account=alice peer=bob in irc text=waves\n"
                        "activity chat account=alice peer=bob in irc text=nods\n"
                        "activity chat account=alice peer=bob out irc text=gr\303\274n\n"
                        "delivery server-broker\n"
                        "activity file account=alice peer=bob file=b.txt size=7 out\n"
                        "announce dcc 10.0.0.1:4001 name=b.txt account=alice peer=bob size=7 out\n"
                        "expect tcp 10.0.0.1:4001 file dcc\n");
    offer.file.outgoing = true; /* the local user listens */
    leg(steps, 1);
    assert_string_equal(out.record.text, "activity chat account=alice peer=bob in irc text=good ?morning?\n");
}

static void test_a_chat_goes_on_behind_an_endless_line(void **state)
{
    static char flood[9000];
    struct step steps[] = { { FROM_CLIENT, { (const uint8_t *)flood, sizeof flood } },
                            CLIENT("end\r\nnext\r\n") };

    (void)state;
    memset(flood, 'x', sizeof flood);
    announce("dcc-chat " LISTENS, "", 0, 0);
    leg(steps, 2);
    assert_string_equal(out.record.text, "activity chat out irc text=next\n");
}

static void test_a_file_keeps_its_place_over_lost_bytes(void **state)
{
    static struct recorder r;
    static uint64_t memory[PARSER_STATE_BYTES / 8];

    (void)state;
    announce("dcc " LISTENS, "a.txt", 20, 0);
    recorder_init(&r);
    r.announced_token = hash_bytes(view_string(offer.token), 0);
    r.announced = offer.file;
    struct session *s = recorder_session(&r);
    assert_int_equal(parser_dcc.feed(memory, s, FROM_SERVER, VIEW("hello")), 5);
    assert_true(parser_dcc.gap(memory, s, FROM_CLIENT, 4)); /* an acknowledgement */
    assert_true(parser_dcc.gap(memory, s, FROM_SERVER, 10));
    assert_int_equal(parser_dcc.feed(memory, s, FROM_SERVER, VIEW("world")), 5);
    assert_string_equal(r.text, "file 1 name=a.txt size=20 in\n"
                                "bytes 1 at 0 hello\n"
                                "bytes 1 at 15 world\n"
                                "file 1 whole\n");
}

static void test_nobody_is_asked_for_a_leg(void **state)
{
    struct finding finding = { 0 };
    struct sample s = { .l4 = L4_TCP, .midstream = true, .bytes = { VIEW("x"), VIEW("x") } };

    (void)state;
    for (unsigned byte = 0; byte < 256; byte++)
        assert_false(parser_dcc.starts((uint8_t)byte, FROM_CLIENT) ||
                     parser_dcc.starts((uint8_t)byte, FROM_SERVER));
    assert_int_equal(parser_dcc.probe(&s, &finding), IM_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_is_what_the_listener_sends),
        cmocka_unit_test(test_a_reversed_file_is_what_the_other_side_sends),
        cmocka_unit_test(test_a_resumed_file_begins_at_its_offset),
        cmocka_unit_test(test_a_listener_may_be_the_flows_client),
        cmocka_unit_test(test_a_file_without_a_size_is_never_whole),
        cmocka_unit_test(test_bytes_beyond_the_size_are_an_anomaly),
        cmocka_unit_test(test_xmit_has_a_header_and_the_receiver_names_the_offset),
        cmocka_unit_test(test_a_leg_that_nobody_announced_is_left),
        cmocka_unit_test(test_a_leg_inside_tls_changes_over),
        cmocka_unit_test(test_lines_of_a_chat_are_messages),
        cmocka_unit_test(test_a_chat_goes_on_behind_an_endless_line),
        cmocka_unit_test(test_a_file_keeps_its_place_over_lost_bytes),
        cmocka_unit_test(test_nobody_is_asked_for_a_leg),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
