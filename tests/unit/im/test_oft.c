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

    put_oft(&first, 0x0101, 300, 0, "plan.doc");
    put_oft(&ack, 0x0202, 300, 0, "plan.doc");
    put_text(&data, "OFT2 may stand in a file");
    put_zeros(&data, 300 - data.len);
    put_oft(&done, 0x0204, 300, 300, "plan.doc");
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
                                          "activity file file=plan.doc size=300 in\n"
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
    put_zeros(&data, 40);
    put_oft(&data, 0x0101, 7, 0, "b.zip");
    struct step steps[] = { { FROM_CLIENT, built(&prompt) },
                            { FROM_SERVER, built(&resume) },
                            { FROM_CLIENT, built(&agree) },
                            { FROM_SERVER, built(&go) },
                            { FROM_CLIENT, built(&data) } };
    check_laws(&parser_oft, steps, 5, out);
    assert_true(recorder_has(&out->record, "activity file file=b.zip size=7 out"));
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
        "activity chat peer=bob in text=hi\n"
        "activity presence\n"
        "activity chat account=alice out text=<HTML>look <IMG SRC=\"me.jpg\" ID=\"1\" DATASIZE=\"9\">"
        "</HTML>\n"
        "activity file account=alice file=me.jpg size=9 out\n");
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
    assert_true(recorder_has(&out->record, "activity chat account=alice out text=next"));
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
        TEST(test_long_picture_is_skipped_and_the_next_message_read),
        TEST(test_file_through_the_proxy_is_not_a_peer_leg),
        TEST(test_joining_the_proxy_has_a_password_before_the_cookie),
        TEST(test_nonsense_ends_the_following),
        TEST(test_near_misses_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
