/* SPDX-License-Identifier: Apache-2.0 */
/* OSCAR's peer legs: a file sent, resumed and refused, direct messages, and both through the proxy. */
#include "build.h"
#include "conversation.h"
#include <stdlib.h>

extern const struct parser parser_oft, parser_odc, parser_oscar_proxy;

#define SEND_FILE VIEW("\x09\x46\x13\x43\x4c\x7f\x11\xd1\x82\x22\x44\x45\x53\x54\x00\x00")

static void put_oft(struct build *b, unsigned type, uint32_t size, uint32_t received, const char *name)
{
    size_t name_bytes = strlen(name) < 64 ? 64 : strlen(name) + 1;

    put_text(b, "OFT2");
    put16(b, (unsigned)(192 + name_bytes));
    put16(b, type);
    put_text(b, "COOKIE12");
    put_zeros(b, 4); /* encryption, compression */
    put16(b, 1);
    put16(b, 1);
    put16(b, 1);
    put16(b, 1);
    put32(b, size);
    put32(b, size);
    put_zeros(b, 24); /* times, checksums, resource fork */
    put32(b, received);
    put_zeros(b, 4);
    put_text(b, "Cool FileXfer");
    put_zeros(b, 32 - strlen("Cool FileXfer"));
    put(b, VIEW("\x20\x1c\x11"));
    put_zeros(b, 69 + 16 + 4);
    put_text(b, name);
    put_zeros(b, name_bytes - strlen(name));
}

static void put_odc(struct build *b, const char *name, unsigned charset, struct view payload)
{
    put_text(b, "ODC2");
    put16(b, 76);
    put16(b, 1);
    put16(b, 6);
    put16(b, 0);
    put_text(b, "COOKIE12");
    put_zeros(b, 8);
    put32(b, (uint32_t)payload.len);
    put16(b, 0);
    put16(b, charset);
    put_zeros(b, 8);
    put_text(b, name);
    put_zeros(b, 32 - strlen(name));
    put(b, payload);
}

static void put_proxy(struct build *b, unsigned type, const struct build *body)
{
    put16(b, (unsigned)(10 + body->len));
    put16(b, 0x044a);
    put16(b, type);
    put32(b, 0);
    put16(b, 0x0220);
    put(b, built(body));
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

static void test_two_files_one_after_the_other(void **state)
{
    struct outcome *out = *state;
    struct build first = { .len = 0 }, ack = { .len = 0 }, data = { .len = 0 }, second = { .len = 0 };
    struct build done = { .len = 0 };

    put_oft(&first, 0x0101, 24, 0, "plan.doc");
    put_oft(&ack, 0x0202, 24, 0, "plan.doc");
    put_text(&data, "OFT2 may stand in a file");
    put_oft(&done, 0x0204, 24, 24, "plan.doc");
    put_oft(&second, 0x0101, 5, 0, "a name that is longer than the sixty-four octets it is padded to.txt");
    struct step steps[] = { { FROM_SERVER, built(&first) },
                            { FROM_CLIENT, built(&ack) },
                            { FROM_SERVER, built(&data) },
                            { FROM_CLIENT, built(&done) },
                            { FROM_SERVER, built(&second) } };
    check_laws(&parser_oft, steps, 5, out);
    assert_int_equal(out->answer, IM_YES);
    assert_string_equal(out->finding.value, "OFT2 header, type 0101");
    assert_string_equal(out->record.text, "delivery peer\n"
                                          "activity file file=plan.doc size=24 in\n"
                                          "file 1 name=plan.doc size=24 in\n"
                                          "bytes 1 at 0 OFT2 may stand in a file\n"
                                          "file 1 whole\n"
                                          "activity file file=a name that is longer than the sixty-four "
                                          "octets it is padded to.txt size=5 in\n");
}

static void test_resumed_file_sends_only_the_rest(void **state)
{
    struct outcome *out = *state;
    struct build prompt = { .len = 0 }, resume = { .len = 0 }, agree = { .len = 0 }, go = { .len = 0 };
    struct build data = { .len = 0 };

    put_oft(&prompt, 0x0101, 100, 0, "a.zip");
    put_oft(&resume, 0x0205, 100, 60, "a.zip");
    put_oft(&agree, 0x0106, 100, 60, "a.zip");
    put_oft(&go, 0x0207, 100, 60, "a.zip");
    put_text(&data, "these are forty octets, of one hundred..");
    put_oft(&data, 0x0101, 7, 0, "b.zip");
    struct step steps[] = { { FROM_CLIENT, built(&prompt) },
                            { FROM_SERVER, built(&resume) },
                            { FROM_CLIENT, built(&agree) },
                            { FROM_SERVER, built(&go) },
                            { FROM_CLIENT, built(&data) } };
    check_laws(&parser_oft, steps, 5, out);
    assert_string_equal(out->record.text, "delivery peer\n"
                                          "activity file file=a.zip size=100 out\n"
                                          "file 1 name=a.zip size=100 offset=60 out\n"
                                          "bytes 1 at 60 these are forty octets, of one hundred..\n"
                                          "file 1 whole\n"
                                          "activity file file=b.zip size=7 out\n");
    assert_false(out->record.settled);
}

static void test_direct_message_typing_and_picture(void **state)
{
    struct outcome *out = *state;
    struct build client = { .len = 0 }, server = { .len = 0 };

    put_odc(&client, "alice", 0, VIEW(""));
    put_odc(&server, "bob", 2, VIEW("\x00h\x00i"));
    put_odc(
        &client, "alice", 0,
        VIEW(
            "<HTML>look <IMG SRC=\"me.jpg\" ID=\"1\" DATASIZE=\"9\"></HTML><BINARY><DATA ID=\"1\" SIZE=\"9\">"
            "123456789</DATA></BINARY>"));
    struct step steps[] = { { FROM_SERVER, built(&server) }, { FROM_CLIENT, built(&client) } };
    check_laws(&parser_odc, steps, 2, out);
    assert_string_equal(
        out->record.text,
        "delivery peer\n"
        "activity chat peer=bob in html text=hi\n"
        "activity presence\n"
        "activity chat account=alice out html text=<HTML>look <IMG SRC=\"me.jpg\" ID=\"1\" DATASIZE=\"9\">"
        "</HTML>\n"
        "activity file account=alice file=me.jpg size=9 out\n"
        "file 1 name=me.jpg size=9 out\n"
        "bytes 1 at 0 123456789\n"
        "file 1 whole\n");
}

static void test_pictures_of_one_message_have_their_own_names(void **state)
{
    struct outcome *out = *state;
    struct build payload = { .len = 0 }, client = { .len = 0 };

    put_text(&payload,
             "<IMG SRC=\"a.gif\" ID=\"1\" DATASIZE=\"3\"><IMG SRC=\"b.gif\" ID=\"2\" DATASIZE=\"9000\">"
             "<BINARY><DATA ID=\"2\" SIZE=\"9000\">");
    for (unsigned i = 0; i < 9000; i++)
        put8(&payload, i == 4000 ? '<' : 'b');
    put_text(&payload, "</DATA><DATA ID=\"1\" SIZE=\"3\">aaa</DATA></BINARY>");
    put_odc(&client, "alice", 0, built(&payload));
    put_odc(&client, "alice", 0, VIEW("next"));
    struct step steps[] = { { FROM_CLIENT, built(&client) } };
    check_laws(&parser_odc, steps, 1, out);
    assert_true(recorder_has(&out->record, "file 1 name=b.gif size=9000 out"));
    assert_true(recorder_has(&out->record, "file 1 whole"));
    assert_true(recorder_has(&out->record, "file 2 name=a.gif size=3 out"));
    assert_true(recorder_has(&out->record, "bytes 2 at 0 aaa"));
    assert_true(recorder_has(&out->record, "file 2 whole"));
    assert_true(recorder_has(&out->record, "activity chat account=alice out html text=next"));
}

static void test_long_picture_is_skipped_and_the_next_message_read(void **state)
{
    struct outcome *out = *state;
    struct build payload = { .len = 0 }, client = { .len = 0 };

    put_text(&payload, "<IMG SRC=\"x\" DATASIZE=\"9999\"><BINARY>");
    put_zeros(&payload, 9999);
    put_odc(&client, "alice", 0, built(&payload));
    put_odc(&client, "alice", 0, VIEW("next"));
    struct step steps[] = { { FROM_CLIENT, built(&client) } };
    check_laws(&parser_odc, steps, 1, out);
    assert_true(recorder_has(&out->record, "activity chat account=alice out html text=next"));
}

static void test_picture_that_claims_more_than_its_message_holds_is_none(void **state)
{
    struct outcome *out = *state;
    struct build client = { .len = 0 };

    put_odc(&client, "alice", 0,
            VIEW("<IMG SRC=\"x\" ID=\"1\"><BINARY><DATA ID=\"1\" SIZE=\"99\">abc</DATA></BINARY>"));
    put_odc(&client, "alice", 0, VIEW("next"));
    struct step steps[] = { { FROM_CLIENT, built(&client) } };
    check_laws(&parser_odc, steps, 1, out);
    assert_int_equal(recorder_count(&out->record, "file "), 0);
    assert_true(recorder_has(&out->record, "activity chat account=alice out html text=next"));
}

/* Feed steps to a parser that knows what was announced of the cookie "COOKIE12". */
static void feed_announced(const struct parser *p, const struct step *steps, size_t count, struct recorder *r)
{
    static uint64_t state[PARSER_STATE_BYTES / 8];

    memset(state, 0, sizeof state);
    recorder_init(r);
    session_announce(recorder_session(r), VIEW("oft 434f4f4b49453132"),
                     &(struct im_file){ .outgoing = true });
    strcpy(r->announced.account, "Alice Jones");
    strcpy(r->announced.peer, "bob");
    for (size_t i = 0; i < count; i++) {
        size_t used = p->feed(state, recorder_session(r), steps[i].from, steps[i].bytes);
        assert_int_equal(used, steps[i].bytes.len);
    }
}

static void test_who_sends_to_whom_is_known_by_the_cookie(void **state)
{
    struct outcome *out = *state;
    struct build prompt = { .len = 0 }, ack = { .len = 0 };

    put_oft(&prompt, 0x0101, 3, 0, "sub\x01plan.doc");
    memset(prompt.at + 8, 0, 8); /* the prompt has none */
    put_oft(&ack, 0x0202, 3, 0, "sub\x01plan.doc");
    struct step steps[] = { { FROM_SERVER, built(&prompt) }, { FROM_CLIENT, built(&ack) }, SERVER("abc") };
    feed_announced(&parser_oft, steps, 3, &out->record);
    assert_true(
        recorder_has(&out->record, "file 1 name=sub/plan.doc account=Alice Jones peer=bob size=3 out"));
    assert_true(recorder_has(&out->record, "bytes 1 at 0 abc"));
}

static void test_direct_message_knows_both_by_the_cookie(void **state)
{
    struct outcome *out = *state;
    struct build own = { .len = 0 }, other = { .len = 0 };

    put_odc(&own, "alicejones", 0, VIEW("mine"));
    put_odc(&other, "bob", 0, VIEW("yours"));
    struct step steps[] = { { FROM_SERVER, built(&own) }, { FROM_CLIENT, built(&other) } };
    feed_announced(&parser_odc, steps, 2, &out->record);
    assert_true(recorder_has(&out->record, "activity chat account=Alice Jones peer=bob out html text=mine"));
    assert_true(recorder_has(&out->record, "activity chat account=Alice Jones peer=bob in html text=yours"));
}

static void test_name_in_utf16(void **state)
{
    struct outcome *out = *state;
    struct build prompt = { .len = 0 };

    put_oft(&prompt, 0x0101, 3, 0, "");
    memcpy(prompt.at + 188, "\x00\x02\x00\x00\x04\x16\x00.\x00x", 10);
    struct step steps[] = { { FROM_CLIENT, built(&prompt) } };
    check_laws(&parser_oft, steps, 1, out);
    assert_true(recorder_has(&out->record, "activity file file=\xd0\x96.x size=3 out"));
}

static void test_file_of_no_bytes_is_whole_at_once(void **state)
{
    struct outcome *out = *state;
    struct build prompt = { .len = 0 }, ack = { .len = 0 }, next = { .len = 0 };

    put_oft(&prompt, 0x0101, 0, 0, "empty");
    put_oft(&ack, 0x0202, 0, 0, "empty");
    put_oft(&next, 0x0101, 7, 0, "next");
    struct step steps[] = { { FROM_CLIENT, built(&prompt) },
                            { FROM_SERVER, built(&ack) },
                            { FROM_CLIENT, built(&next) } };
    check_laws(&parser_oft, steps, 3, out);
    assert_true(recorder_has(&out->record, "file 1 whole"));
    assert_true(recorder_has(&out->record, "activity file file=next size=7 out"));
}

static void test_file_whose_receiver_is_not_seen(void **state)
{
    struct outcome *out = *state;
    struct build client = { .len = 0 };

    put_oft(&client, 0x0101, 9, 0, "a.txt");
    put_text(&client, "nine here");
    put_oft(&client, 0x0101, 7, 0, "b.txt");
    struct step steps[] = { { FROM_CLIENT, built(&client) } };
    check_laws(&parser_oft, steps, 1, out);
    assert_true(recorder_has(&out->record, "bytes 1 at 0 nine here"));
    assert_true(recorder_has(&out->record, "activity file file=b.txt size=7 out"));
}

static void test_loss_within_a_file_leaves_a_hole(void **state)
{
    struct outcome *out = *state;
    struct build prompt = { .len = 0 }, ack = { .len = 0 }, next = { .len = 0 };
    static uint64_t leg[PARSER_STATE_BYTES / 8];
    struct session *s = recorder_session(&out->record);

    recorder_init(&out->record);
    memset(leg, 0, sizeof leg);
    put_oft(&prompt, 0x0101, 20, 0, "a.txt");
    put_oft(&ack, 0x0202, 20, 0, "a.txt");
    put_oft(&next, 0x0101, 5, 0, "b.txt");
    parser_oft.feed(leg, s, FROM_CLIENT, built(&prompt));
    assert_false(parser_oft.gap(leg, s, FROM_SERVER, 10)); /* a header is lost */
    parser_oft.feed(leg, s, FROM_SERVER, built(&ack));
    parser_oft.feed(leg, s, FROM_CLIENT, VIEW("abcde"));
    assert_true(parser_oft.gap(leg, s, FROM_CLIENT, 10));
    parser_oft.feed(leg, s, FROM_CLIENT, VIEW("pqrst"));
    parser_oft.feed(leg, s, FROM_CLIENT, built(&next));
    parser_oft.feed(leg, s, FROM_SERVER, built(&ack));
    parser_oft.feed(leg, s, FROM_CLIENT, VIEW("ab"));
    assert_false(parser_oft.gap(leg, s, FROM_CLIENT, 4));
    assert_string_equal(strstr(out->record.text, "file 1"), "file 1 name=a.txt size=20 out\n"
                                                            "bytes 1 at 0 abcde\n"
                                                            "bytes 1 at 15 pqrst\n"
                                                            "file 1 whole\n"
                                                            "activity file file=b.txt size=5 out\n"
                                                            "file 2 name=b.txt size=5 out\n"
                                                            "bytes 2 at 0 ab\n"
                                                            "file 2 cut\n");
}

static void test_loss_within_a_picture_and_behind_it(void **state)
{
    struct outcome *out = *state;
    struct build payload = { .len = 0 }, message = { .len = 0 };
    static uint64_t leg[PARSER_STATE_BYTES / 8];
    struct session *s = recorder_session(&out->record);

    recorder_init(&out->record);
    memset(leg, 0, sizeof leg);
    put_text(&payload, "<BINARY><DATA ID=\"1\" SIZE=\"9000\">");
    for (unsigned i = 0; i < 9000; i++)
        put8(&payload, 'b');
    put_text(&payload, "</DATA></BINARY>");
    put_odc(&message, "alice", 0, built(&payload));
    size_t end = message.len - strlen("</DATA></BINARY>");
    parser_odc.feed(leg, s, FROM_CLIENT, view_slice(built(&message), 0, end - 500));
    assert_true(parser_odc.gap(leg, s, FROM_CLIENT, 497));
    parser_odc.feed(leg, s, FROM_CLIENT, view_slice(built(&message), end - 3, end + 7));
    assert_true(recorder_has(&out->record, "bytes 1 at 8997 bbb"));
    assert_true(recorder_has(&out->record, "file 1 whole"));
    assert_true(parser_odc.gap(leg, s, FROM_CLIENT, 9)); /* the end of the message */
    assert_false(parser_odc.gap(leg, s, FROM_CLIENT, 1));
}

static void test_file_through_the_proxy_is_not_a_peer_leg(void **state)
{
    struct outcome *out = *state;
    struct build body = { .len = 0 }, create = { .len = 0 }, created = { .len = 0 }, ready = { .len = 0 };
    struct build nothing = { .len = 0 }, address = { .len = 0 }, prompt = { .len = 0 };

    put_block8(&body, "alice");
    put_text(&body, "COOKIE12");
    put_tlv(&body, 1, SEND_FILE);
    put_proxy(&create, 2, &body);
    put(&address, VIEW("\x12\x34\xc0\x00\x02\x01"));
    put_proxy(&created, 3, &address);
    put_proxy(&ready, 5, &nothing);
    put_oft(&prompt, 0x0101, 4, 0, "a.txt");
    struct step steps[] = { { FROM_CLIENT, built(&create) },
                            { FROM_SERVER, built(&created) },
                            { FROM_SERVER, built(&ready) },
                            { FROM_CLIENT, built(&prompt) } };
    check_laws(&parser_oscar_proxy, steps, 4, out);
    assert_string_equal(out->record.text, "delivery server-proxy\n"
                                          "activity file account=alice out\n"
                                          "activity file file=a.txt size=4 out\n");
}

static void test_joining_the_proxy_has_a_password_before_the_cookie(void **state)
{
    struct outcome *out = *state;
    struct build body = { .len = 0 }, join = { .len = 0 };

    put_block8(&body, "bob");
    put16(&body, 0x1234);
    put_text(&body, "COOKIE12");
    put_tlv(&body, 1, SEND_FILE);
    put_proxy(&join, 4, &body);
    struct step steps[] = { { FROM_CLIENT, built(&join) } };
    check_laws(&parser_oscar_proxy, steps, 1, out);
    assert_true(recorder_has(&out->record, "activity file account=bob out"));
}

static void test_nonsense_ends_the_following(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 };

    put_oft(&b, 0x0101, 4, 0, "a.txt");
    put(&b, VIEW("OFT2\x01\x00\x09\x99"));
    struct step steps[] = { { FROM_CLIENT, built(&b) } };
    check_laws(&parser_oft, steps, 1, out);
    assert_true(recorder_has(&out->record, "settle"));
}

static void test_near_misses_are_refused(void **state)
{
    (void)state;
    assert_int_equal(probe_bytes(&parser_oft, VIEW("OFTEN we write OFT2 in a text")), IM_NO);
    assert_int_equal(probe_bytes(&parser_oft, VIEW("OFT2 is a file transfer")), IM_NO);
    assert_int_equal(probe_bytes(&parser_oft, VIEW("OFT2\x01\x00\x01\x02")), IM_NO);
    assert_int_equal(probe_bytes(&parser_oft, VIEW("OFT2\x00\x40\x01\x01")), IM_NO);
    assert_int_equal(probe_bytes(&parser_oft, VIEW("OFT2\x01\x00\x01")), IM_MORE);
    assert_int_equal(probe_bytes(&parser_odc, VIEW("ODC2\x00\x4c\x00\x02")), IM_NO);
    assert_int_equal(probe_bytes(&parser_odc, VIEW("ODC2\x00\x4c\x00")), IM_MORE);
    assert_int_equal(probe_bytes(&parser_oscar_proxy, VIEW("\x00\x2e\x04\x4a\x00\x06\x00\x00\x00\x00")),
                     IM_NO);
    assert_int_equal(probe_bytes(&parser_oscar_proxy, VIEW("\x00\x2e\x04\x4a\x00\x02\x00\x00\x00\x01")),
                     IM_NO);
    assert_int_equal(probe_bytes(&parser_oscar_proxy, VIEW("\x00\x2e\x04\x4b")), IM_NO);
    assert_int_equal(probe_bytes(&parser_oscar_proxy, VIEW("\x00\x05")), IM_NO);
    assert_int_equal(probe_bytes(&parser_oscar_proxy, VIEW("\x00\x2e\x04\x4a\x00\x02\x00\x00\x00")), IM_MORE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_two_files_one_after_the_other),
        TEST(test_resumed_file_sends_only_the_rest),
        TEST(test_direct_message_typing_and_picture),
        TEST(test_loss_within_a_picture_and_behind_it),
        TEST(test_loss_within_a_file_leaves_a_hole),
        TEST(test_file_whose_receiver_is_not_seen),
        TEST(test_file_of_no_bytes_is_whole_at_once),
        TEST(test_name_in_utf16),
        TEST(test_direct_message_knows_both_by_the_cookie),
        TEST(test_who_sends_to_whom_is_known_by_the_cookie),
        TEST(test_picture_that_claims_more_than_its_message_holds_is_none),
        TEST(test_pictures_of_one_message_have_their_own_names),
        TEST(test_long_picture_is_skipped_and_the_next_message_read),
        TEST(test_file_through_the_proxy_is_not_a_peer_leg),
        TEST(test_joining_the_proxy_has_a_password_before_the_cookie),
        TEST(test_nonsense_ends_the_following),
        TEST(test_near_misses_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
