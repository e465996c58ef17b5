/* SPDX-License-Identifier: Apache-2.0 */
/* YMSG: login, messages, rooms, files, peers, the protocol before it, and text that mentions it. */
#include "build.h"
#include "conversation.h"
#include <stdio.h>
#include <stdlib.h>

extern const struct parser parser_ymsg;

#define COUNT(steps) (sizeof(steps) / sizeof((steps)[0]))

/* A frame from "key value key value …", fields split by '|'. */
static void put_status_frame(struct build *b, unsigned service, uint32_t status, const char *pairs)
{
    struct build body = { .len = 0 };
    struct view v = view_string(pairs);

    while (v.len > 0) {
        put(&body, view_token(&v, '|'));
        put(&body, VIEW("\xc0\x80"));
    }
    put_text(b, "YMSG");
    put16(b, 16);
    put16(b, 0);
    put16(b, (unsigned)body.len);
    put16(b, service);
    put32(b, status);
    put32(b, 0x5a5a);
    put(b, built(&body));
}

static void put_frame(struct build *b, unsigned service, const char *pairs)
{
    put_status_frame(b, service, 1, pairs);
}

static struct build *frame(struct build *b, unsigned service, const char *pairs)
{
    b->len = 0;
    put_frame(b, service, pairs);
    return b;
}

static int setup(void **state)
{
    *state = malloc(sizeof(struct outcome));
    return *state == NULL;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

/* One frame of each side behind a login of "alice". */
static void logged_in(struct outcome *out, unsigned service, const char *client, const char *server)
{
    struct build hello = { .len = 0 }, c = { .len = 0 }, s = { .len = 0 };

    put_frame(&hello, 0x57, "1|alice");
    put_frame(&c, service, client);
    put_frame(&s, service, server);
    struct step steps[] = { { FROM_CLIENT, built(&hello) },
                            { FROM_CLIENT, client != NULL ? built(&c) : VIEW("") },
                            { FROM_SERVER, server != NULL ? built(&s) : VIEW("") } };
    check_laws(&parser_ymsg, steps, COUNT(steps), out);
    assert_int_equal(out->answer, IM_YES);
}

static void test_login_tells_account_client_and_version(void **state)
{
    struct outcome *out = *state;
    struct build client = { .len = 0 }, server = { .len = 0 }, answer = { .len = 0 }, list = { .len = 0 };

    put_frame(&client, 0x4c, "");
    put_frame(&client, 0x57, "1|alice");
    put_frame(&server, 0x57, "1|alice|94|challenge|13|2");
    put_frame(&answer, 0x54, "1|alice|0|alice|277|y|278|t|307|h|244|4194239|2|1|135|9.0.0.2162");
    put_frame(&list, 0xf1, "302|318|300|318|65|Friends|302|319|300|319|7|bob");
    struct step steps[] = { { FROM_CLIENT, built(&client) },
                            { FROM_SERVER, built(&server) },
                            { FROM_CLIENT, built(&answer) },
                            { FROM_SERVER, built(&list) } };
    check_laws(&parser_ymsg, steps, COUNT(steps), out);
    assert_int_equal(out->answer, IM_YES);
    assert_string_equal(out->finding.value, "YMSG version 16, service 4c");
    assert_string_equal(out->record.text, "version YMSG16\n"
                                          "delivery server-proxy\n"
                                          "activity login\n"
                                          "activity login account=alice out\n"
                                          "activity login\n"
                                          "client Yahoo! Messenger 9.0.0.2162\n"
                                          "activity presence\n"
                                          "contact account=alice peer=bob group=Friends\n");
}

static void test_messages_both_ways(void **state)
{
    struct outcome *out = *state;

    logged_in(out, 0x06, "1|alice|5|bob|14|caf\xe9?|97|0|63|;0|64|0",
              "4|bob|5|alice|14|oui \xe2\x82\xac|97|1");
    assert_true(
        recorder_has(&out->record, "activity chat account=alice peer=bob out yahoo text=caf\xc3\xa9?"));
    assert_true(
        recorder_has(&out->record, "activity chat account=alice peer=bob in yahoo text=oui \xe2\x82\xac"));
    logged_in(out, 0x4b, "49|TYPING|1|alice|14| |13|1|5|bob", NULL);
    assert_int_equal(recorder_count(&out->record, "activity chat"), 0);
    assert_true(recorder_has(&out->record, "activity presence"));
}

static void test_several_offline_messages_in_one_frame(void **state)
{
    struct outcome *out = *state;

    logged_in(out, 0x06, NULL,
              "31|6|32|6|4|bob|5|alice|14|one|15|1100000000|31|6|32|6|4|carol|5|alice|14|two");
    assert_true(recorder_has(&out->record, "activity chat account=alice peer=bob in yahoo text=one"));
    assert_true(recorder_has(&out->record, "activity chat account=alice peer=carol in yahoo text=two"));
    assert_int_equal(recorder_count(&out->record, "activity chat"), 2);
}

static void test_kept_messages_tell_when_they_were_written(void **state)
{
    struct outcome *out = *state;
    struct build hello = { .len = 0 }, kept = { .len = 0 };

    put_frame(&hello, 0x57, "1|alice");
    put_status_frame(
        &kept, 6, 5,
        "31|6|32|6|5|alice|4|bob|15|1100000000|14|one|97|1|31|6|32|6|5|alice|4|carol|15|1100000060|14|two");
    put_frame(&kept, 6, "5|alice|4|bob|15|1100000120|14|now");
    struct step steps[] = { { FROM_CLIENT, built(&hello) }, { FROM_SERVER, built(&kept) } };
    check_laws(&parser_ymsg, steps, COUNT(steps), out);
    assert_true(recorder_has(&out->record,
                             "activity chat account=alice peer=bob sent=1100000000000000 in yahoo text=one"));
    assert_true(recorder_has(
        &out->record, "activity chat account=alice peer=carol sent=1100000060000000 in yahoo text=two"));
    assert_true(recorder_has(&out->record, "activity chat account=alice peer=bob in yahoo text=now"));
}

static void test_buddy_lists_of_both_kinds(void **state)
{
    struct outcome *out = *state;

    logged_in(out, 0x55, NULL, "87|Friends:bob,carol\nWork:dave\n|88|eve|89|alice");
    assert_true(recorder_has(&out->record, "contact account=alice peer=bob group=Friends"));
    assert_true(recorder_has(&out->record, "contact account=alice peer=carol group=Friends"));
    assert_true(recorder_has(&out->record, "contact account=alice peer=dave group=Work"));
    assert_true(recorder_has(&out->record, "contact account=alice peer=eve removed"));
    assert_int_equal(recorder_count(&out->record, "contact"), 4);
    logged_in(
        out, 0xf1, NULL,
        "302|318|300|318|65|Friends|302|319|300|319|7|bob|301|319|300|319|7|carol|303|319|301|318|300|318|65|Work|"
        "302|319|300|319|7|dave|301|319|303|319|301|318|303|318|302|320|300|320|7|eve|301|320|303|320");
    assert_true(recorder_has(&out->record, "contact account=alice peer=bob group=Friends"));
    assert_true(recorder_has(&out->record, "contact account=alice peer=carol group=Friends"));
    assert_true(recorder_has(&out->record, "contact account=alice peer=dave group=Work"));
    assert_true(recorder_has(&out->record, "contact account=alice peer=eve removed"));
    assert_int_equal(recorder_count(&out->record, "contact"), 4);
}

static void test_presence_of_several_buddies_and_changes_of_the_list(void **state)
{
    struct outcome *out = *state;

    logged_in(out, 0xf0, NULL,
              "0|alice|1|alice|8|7|7|a|10|0|13|1|7|b|10|2|13|1|7|c|10|999|13|1|7|d|10|99|19|hi|47|0|13|1|"
              "7|e|10|99|47|1|13|1|7|f|10|0|13|0|7|g|10|1515563606|13|1");
    const char *told[] = { "a online", "b busy", "c away", "d online", "e away", "f offline", "g offline" };
    for (size_t i = 0; i < COUNT(told); i++) {
        char line[64];
        snprintf(line, sizeof line, "contact account=alice peer=%s", told[i]);
        assert_true(recorder_has(&out->record, line));
    }
    assert_int_equal(recorder_count(&out->record, "contact"), COUNT(told));
    logged_in(out, 0x02, NULL, "0|alice|1|alice|8|1|7|bob|10|0|13|1");
    assert_true(recorder_has(&out->record, "contact account=alice peer=bob offline"));
    logged_in(out, 0x83, "1|alice|7|dora|65|Work", "1|alice|7|dora|65|Work|66|0");
    assert_true(recorder_has(&out->record, "contact account=alice peer=dora group=Work"));
    assert_int_equal(recorder_count(&out->record, "contact"), 1);
    logged_in(out, 0x84, "1|alice|7|dora|65|Work", NULL);
    assert_true(recorder_has(&out->record, "contact account=alice peer=dora group=Work removed"));
    logged_in(out, 0x85, "1|alice|7|eve|13|1", NULL);
    assert_true(recorder_has(&out->record, "contact account=alice peer=eve removed"));
    logged_in(out, 0x85, "1|alice|7|eve|13|2", NULL);
    assert_true(recorder_has(&out->record, "contact account=alice peer=eve"));
}

static void test_own_words_that_a_room_repeats_are_told_as_such(void **state)
{
    struct outcome *out = *state;

    logged_in(out, 0xa8, NULL, "104|Linux:1|109|alice|117|hi all|124|1");
    assert_true(recorder_has(
        &out->record, "activity chat account=alice peer=alice room=Linux:1 in again yahoo text=hi all"));
}

static void test_upload_is_a_frame_with_bytes_behind_it(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 };

    put_frame(&b, 0x46, "0|alice|5|bob|28|12|27|a.doc|14|");
    put(&b, VIEW("29\xc0\x80YMSG \xff bytes"));
    put_frame(&b, 0x06, "1|alice|5|bob|14|next");
    struct step steps[] = { { FROM_CLIENT, built(&b) } };
    check_laws(&parser_ymsg, steps, 1, out);
    assert_string_equal(out->record.text, "version YMSG16\n"
                                          "delivery server-proxy\n"
                                          "activity file account=alice peer=bob file=a.doc size=12 out\n"
                                          "file 1 name=a.doc account=alice peer=bob size=12 out\n"
                                          "bytes 1 at 0 YMSG ? bytes\n"
                                          "file 1 whole\n"
                                          "activity chat account=alice peer=bob out yahoo text=next\n");
}

static void test_place_in_an_upload_survives_a_loss(void **state)
{
    struct outcome *out = *state;
    uint64_t memory[PARSER_STATE_BYTES / 8] = { 0 };
    struct session *s = recorder_session(&out->record);
    struct build b = { .len = 0 };

    recorder_init(&out->record);
    put_frame(&b, 0x46, "0|alice|5|bob|28|10|27|a.doc");
    put(&b, VIEW("29\xc0\x80"
                 "abc"));
    assert_int_equal(parser_ymsg.feed(memory, s, FROM_CLIENT, built(&b)), b.len);
    assert_true(parser_ymsg.gap(memory, s, FROM_CLIENT, 4));
    (void)parser_ymsg.feed(memory, s, FROM_CLIENT, VIEW("hij"));
    assert_true(recorder_has(&out->record, "bytes 1 at 7 hij"));
    assert_true(recorder_has(&out->record, "file 1 whole"));
}

static void test_offer_and_where_it_is_are_put_together(void **state)
{
    struct outcome *out = *state;
    struct build hello = { .len = 0 }, offer = { .len = 0 }, relay = { .len = 0 };

    logged_in(out, 0x46, NULL, "4|bob|5|alice|20|http://FS.example.org:80/bob/a.doc?x|27|a.doc|28|4711");
    assert_true(recorder_has(
        &out->record,
        "announce http fs.example.org/bob/a.doc?x name=a.doc account=alice peer=bob size=4711 in"));
    put_frame(&hello, 0x57, "1|alice");
    put_frame(&offer, 0xdc, "1|alice|5|bob|265|id1$|222|1|27|b.pdf|28|99");
    put_frame(&relay, 0xdd, "1|alice|5|bob|265|id1$|27|b.pdf|249|3|250|198.51.100.30|251|to%24ken$");
    struct step steps[] = { { FROM_CLIENT, built(&hello) },
                            { FROM_CLIENT, built(&offer) },
                            { FROM_CLIENT, built(&relay) } };
    check_laws(&parser_ymsg, steps, COUNT(steps), out);
    assert_true(recorder_has(&out->record,
                             "announce yahoo offer id1$ name=b.pdf account=alice peer=bob size=99 out"));
    assert_true(recorder_has(&out->record, "announce yahoo to$ken$ name=b.pdf size=99 out"));
    relay.len = 0;
    put_frame(&relay, 0xdd, "1|alice|5|bob|265|id1$|27|c.pdf|249|1|250|http://198.51.100.7:5101/x/c.pdf");
    steps[2].bytes = built(&relay);
    check_laws(&parser_ymsg, steps, COUNT(steps), out);
    assert_true(recorder_has(&out->record, "announce http 198.51.100.7/x/c.pdf name=c.pdf out"));
}

static void test_rooms_and_conferences(void **state)
{
    struct outcome *out = *state;

    logged_in(out, 0xa8, "1|alice|104|Linux:1|117|hi all|124|1", "104|Linux:1|109|bob|117|hi alice|124|1");
    assert_true(recorder_has(&out->record, "activity chat account=alice room=Linux:1 out yahoo text=hi all"));
    assert_true(recorder_has(&out->record,
                             "activity chat account=alice peer=bob room=Linux:1 in yahoo text=hi alice"));
    logged_in(out, 0x1d, "1|alice|53|bob|57|alice-1|14|to all|97|1", "57|alice-1|3|bob|14|to you|97|1");
    assert_true(recorder_has(&out->record, "activity chat account=alice room=alice-1 out yahoo text=to all"));
    assert_true(
        recorder_has(&out->record, "activity chat account=alice peer=bob room=alice-1 in yahoo text=to you"));
    logged_in(out, 0x98, "1|alice|104|Linux:1|129|0|62|2", NULL);
    assert_true(recorder_has(&out->record, "activity chat account=alice room=Linux:1 out"));
}

static void test_calls(void **state)
{
    struct outcome *out = *state;

    logged_in(out, 0x4a, "1|alice|5|bob|57|room|13|1", NULL);
    assert_true(recorder_has(&out->record, "activity call account=alice peer=bob room=room out"));
    logged_in(out, 0x50, NULL, "4|bob|5|alice|102|wc.example.org");
    assert_true(recorder_has(&out->record, "activity call account=alice peer=bob in"));
}

static void test_file_by_http_at_the_server_and_at_the_sender(void **state)
{
    struct outcome *out = *state;

    logged_in(out, 0x46, NULL, "4|bob|5|alice|20|http://fs.example.org/bob/.tmp/a.doc?x|27|a.doc|28|4711");
    assert_true(recorder_has(&out->record, "activity file account=alice peer=bob file=a.doc size=4711 in"));
    assert_int_equal(recorder_count(&out->record, "expect"), 0);
    logged_in(out, 0x4d, NULL,
              "4|bob|5|alice|49|FILEXFER|20|http://198.51.100.7:4444/Messenger.1.2.3?A=1|27|a.doc|28|4711");
    assert_true(recorder_has(&out->record, "expect tcp 198.51.100.7:4444 file ymsg-peer"));
    assert_true(recorder_has(&out->record, "delivery server-broker"));
}

static void test_file_of_version_15_by_relay_and_from_peer_to_peer(void **state)
{
    struct outcome *out = *state;

    logged_in(out, 0xdc, "1|alice|5|bob|265|id|222|1|266|1|302|268|300|268|27|b.pdf|28|99",
              "4|bob|5|alice|265|id|222|3");
    assert_true(recorder_has(&out->record, "activity file account=alice peer=bob file=b.pdf size=99 out"));
    assert_int_equal(recorder_count(&out->record, "activity file"), 1);
    logged_in(out, 0xdd, "1|alice|5|bob|265|id|27|b.pdf|249|3|250|198.51.100.30", NULL);
    assert_true(recorder_has(&out->record, "expect tcp 198.51.100.30:80 file http"));
    assert_int_equal(recorder_count(&out->record, "delivery server-broker"), 0);
    logged_in(out, 0xdd, NULL, "4|bob|5|alice|265|id|27|b.pdf|249|1|250|198.51.100.7:5101");
    assert_true(recorder_has(&out->record, "expect tcp 198.51.100.7:5101 file ymsg-peer"));
    assert_true(recorder_has(&out->record, "delivery server-broker"));
}

static void test_peer_address_is_base64_of_a_number_with_its_octets_reversed(void **state)
{
    struct outcome *out = *state;

    /* 192.0.2.7 is 0x070200c0, 117571776; as a signed number 198.51.100.200 is -932957242 */
    logged_in(out, 0x4f, "1|alice|4|alice|12|MTE3NTcxNzc2|61|0|2||5|bob|13|0|49|PEERTOPEER", NULL);
    assert_true(recorder_has(&out->record, "expect tcp 192.0.2.7:5101 chat ymsg-peer"));
    assert_true(recorder_has(&out->record, "delivery server-broker"));
    logged_in(out, 0x4f, NULL, "4|bob|12|LTkzMjk1NzI0Mg==|5|alice|49|PEERTOPEER");
    assert_true(recorder_has(&out->record, "expect tcp 198.51.100.200:5101 chat ymsg-peer"));
}

static void test_direct_connection_is_a_peer_leg(void **state)
{
    struct outcome *out = *state;
    struct build client = { .len = 0 }, server = { .len = 0 };

    put_frame(&client, 0x4d, "4|alice|5|bob|241|0|49|PEERTOPEER|13|1");
    put_frame(&server, 0x4d, "4|bob|5|alice|241|0|49|PEERTOPEER|13|5");
    put_frame(&server, 0x06, "4|bob|5|alice|14|directly|97|1");
    struct step steps[] = { { FROM_CLIENT, built(&client) }, { FROM_SERVER, built(&server) } };
    check_laws(&parser_ymsg, steps, COUNT(steps), out);
    assert_string_equal(out->record.text, "version YMSG16\n"
                                          "delivery peer\n"
                                          "activity chat account=alice peer=bob in yahoo text=directly\n");
}

static void test_version_written_the_other_way_round(void **state)
{
    struct outcome *out = *state;
    struct step steps[] = { CLIENT("YMSG\x09\x00\x00\x00\x00\x00\x00\x4c\x00\x00\x00\x00\x00\x00\x00\x00") };

    check_laws(&parser_ymsg, steps, 1, out);
    assert_int_equal(out->answer, IM_YES);
    assert_true(recorder_has(&out->record, "version YMSG9"));
}

static void put_yhoo(struct build *b, const char *mark, unsigned service, const char *nick, const char *text)
{
    put_text(b, mark);
    put8(b, 0);
    put_le32(b, (uint32_t)(104 + strlen(text) + 1));
    put_le32(b, service);
    put_zeros(b, 16);
    put_text(b, nick);
    put_zeros(b, 72 - strlen(nick));
    put_text(b, text);
    put8(b, 0);
}

static void test_the_protocol_before_it(void **state)
{
    struct outcome *out = *state;
    struct build client = { .len = 0 }, server = { .len = 0 };

    put_yhoo(&client, "YPNS1.1", 1, "alice", "alice\1alice");
    put_yhoo(&server, "YHOO1.0", 6, "alice", "bob,,hello");
    struct step steps[] = { { FROM_CLIENT, built(&client) }, { FROM_SERVER, built(&server) } };
    check_laws(&parser_ymsg, steps, COUNT(steps), out);
    assert_int_equal(out->answer, IM_YES);
    assert_string_equal(out->record.text, "version YHOO1\n"
                                          "delivery server-proxy\n"
                                          "activity login account=alice out\n"
                                          "activity chat account=alice in yahoo text=bob,,hello\n");
}

static void test_broken_pairs_and_long_frames_do_not_stop_the_next_frame(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 }, next = { .len = 0 };

    put_frame(&b, 0x06, "1|alice|5");
    put_frame(&b, 0x06, "1|alice|x|y|14|hidden");
    put(&b, VIEW("YMSG\x00\x10\x00\x00\x40\x00\x00\x55\x00\x00\x00\x00\x00\x00\x00\x00"));
    for (unsigned i = 0; i < 0x4000; i++)
        put8(&b, '0');
    put(&b, VIEW("no frame at all "));
    put_frame(&next, 0x06, "1|alice|5|bob|14|still here");
    put(&b, built(&next));
    struct step steps[] = { { FROM_CLIENT, built(&b) } };
    check_laws(&parser_ymsg, steps, 1, out);
    assert_int_equal(recorder_count(&out->record, "activity chat"), 1);
    assert_true(recorder_has(&out->record, "activity chat account=alice peer=bob out yahoo text=still here"));
    assert_int_equal(recorder_count(&out->record, "anomaly malformed YMSG header"), 1);
}

/* Found by fuzzing: fields that are missing were NULL views. */
static void test_frames_without_their_fields(void **state)
{
    static const unsigned service[] = { 0x06, 0x18, 0x46, 0x4d, 0x4f, 0x50, 0x54, 0xa8, 0xdc, 0xdd, 0xde };
    struct outcome *out = *state;

    for (size_t i = 0; i < COUNT(service); i++) {
        struct build b = { .len = 0 };
        put_frame(&b, service[i], i % 2 == 0 ? "" : "99|x");
        struct step steps[] = { { FROM_SERVER, built(&b) } };
        check_laws(&parser_ymsg, steps, 1, out);
        assert_int_equal(out->answer, IM_YES);
        assert_int_equal(recorder_count(&out->record, "expect"), 0);
        assert_int_equal(recorder_count(&out->record, "delivery server-broker"), 0);
    }
}

static void test_frames_are_found_again_after_a_gap(void **state)
{
    struct outcome *out = *state;
    uint64_t memory[PARSER_STATE_BYTES / 8] = { 0 };
    struct build b = { .len = 0 };

    put_text(&b, "rest of a text that says YMSG and Yes");
    put_frame(&b, 0x06, "1|alice|5|bob|14|back");
    put_text(&b, "YMSG");
    recorder_init(&out->record);
    assert_true(parser_ymsg.gap(memory, NULL, FROM_CLIENT, 100));
    assert_int_equal(parser_ymsg.feed(memory, recorder_session(&out->record), FROM_CLIENT, built(&b)),
                     b.len - 4);
    assert_true(recorder_has(&out->record, "activity chat account=alice peer=bob out yahoo text=back"));
}

static enum im_answer midstream(struct view client, struct view server, struct finding *out)
{
    struct sample s = { .l4 = L4_TCP, .midstream = true, .bytes = { client, server } };

    memset(out, 0, sizeof *out);
    return parser_ymsg.probe(&s, out);
}

static void test_midstream_behind_the_tail_of_a_frame_and_with_roles_mistaken(void **state)
{
    struct build b = { .len = 0 };
    struct view nothing = view_of(NULL, 0);
    struct finding f;
    uint8_t noise[300];

    (void)state;
    put_text(&b, "tail");
    put_frame(&b, 0x06, "4|bob|5|alice|14|hi");
    assert_int_equal(midstream(nothing, built(&b), &f), IM_YES);
    assert_false(f.reversed);
    assert_int_equal(midstream(built(&b), nothing, &f), IM_YES);
    assert_true(f.reversed);
    assert_int_equal(midstream(VIEW("short"), built(&b), &f), IM_YES);
    memset(noise, 'Y', sizeof noise);
    assert_int_equal(midstream(view_of(noise, 255), nothing, &f), IM_MORE);
    assert_int_equal(midstream(view_of(noise, 256), nothing, &f), IM_NO);
    assert_int_equal(probe_bytes(&parser_ymsg, built(&b)), IM_NO);
}

static void test_text_that_mentions_it_and_near_misses_are_refused(void **state)
{
    struct build b = { .len = 0 };

    (void)state;
    assert_int_equal(probe_bytes(&parser_ymsg, VIEW("YMSG is the protocol of Yahoo")), IM_NO);
    assert_int_equal(probe_bytes(&parser_ymsg, VIEW("YMSX")), IM_NO);
    assert_int_equal(probe_bytes(&parser_ymsg, VIEW("HTTP/1.1 200 OK\r\n\r\nYMSG\x00\x10")), IM_NO);
    assert_int_equal(probe_bytes(&parser_ymsg, VIEW("YMSG\x00\x10\x00\x00\x00\x04\x00\x00")), IM_NO);
    assert_int_equal(probe_bytes(&parser_ymsg, VIEW("YMSG\x01\x10")), IM_NO);
    assert_int_equal(probe_bytes(&parser_ymsg, VIEW("YHOO1.0\0\x10\0\0\0\x01\0\0\0")), IM_NO);
    frame(&b, 0x06, "x");
    assert_int_equal(probe_bytes(&parser_ymsg, built(&b)), IM_NO);
    frame(&b, 0x06, "1|a");
    assert_int_equal(probe_bytes(&parser_ymsg, view_slice(built(&b), 0, 20)), IM_MORE);
    assert_int_equal(probe_bytes(&parser_ymsg, view_slice(built(&b), 0, 21)), IM_YES);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_login_tells_account_client_and_version),
        TEST(test_messages_both_ways),
        TEST(test_several_offline_messages_in_one_frame),
        TEST(test_kept_messages_tell_when_they_were_written),
        TEST(test_buddy_lists_of_both_kinds),
        TEST(test_presence_of_several_buddies_and_changes_of_the_list),
        TEST(test_own_words_that_a_room_repeats_are_told_as_such),
        TEST(test_upload_is_a_frame_with_bytes_behind_it),
        TEST(test_place_in_an_upload_survives_a_loss),
        TEST(test_offer_and_where_it_is_are_put_together),
        TEST(test_rooms_and_conferences),
        TEST(test_calls),
        TEST(test_file_by_http_at_the_server_and_at_the_sender),
        TEST(test_file_of_version_15_by_relay_and_from_peer_to_peer),
        TEST(test_peer_address_is_base64_of_a_number_with_its_octets_reversed),
        TEST(test_direct_connection_is_a_peer_leg),
        TEST(test_version_written_the_other_way_round),
        TEST(test_the_protocol_before_it),
        TEST(test_broken_pairs_and_long_frames_do_not_stop_the_next_frame),
        TEST(test_frames_without_their_fields),
        TEST(test_frames_are_found_again_after_a_gap),
        TEST(test_midstream_behind_the_tail_of_a_frame_and_with_roles_mistaken),
        TEST(test_text_that_mentions_it_and_near_misses_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
