/* SPDX-License-Identifier: Apache-2.0 */
/* MSNSLP invitations, P2P frames and the direct leg. */
#include "build.h"
#include "conversation.h"
#include "im/msnslp.h"
#include <stdlib.h>

extern const struct parser parser_msnslp;

/* size 70000, name "a.txt" */
#define CONTEXT "PgIAAAIAAABwEQEAAAAAAAEAAABhAC4AdAB4AHQAAAA="

#define INVITATION                                                                                           \
    "INVITE MSNMSGR:bob@example.org MSNSLP/1.0\r\n"                                                          \
    "To: <msnmsgr:bob@example.org>\r\nFrom: <msnmsgr:alice@example.org>\r\nCSeq: 0\r\n"                      \
    "Content-Type: application/x-msnmsgr-sessionreqbody\r\nContent-Length: 326\r\n\r\n"                      \
    "EUF-GUID: {5D3E02AB-6190-11D3-BBBB-00C04F795683}\r\nSessionID: 21\r\nAppID: 2\r\n"                      \
    "Context: " CONTEXT "\r\n\r\n\0"

static void put_frame(struct build *b, uint32_t session, uint64_t offset, uint64_t size, uint32_t flags,
                      struct view piece)
{
    put_le32(b, session);
    put_le32(b, 1000);
    put_le64(b, offset);
    put_le64(b, size);
    put_le32(b, (uint32_t)piece.len);
    put_le32(b, flags);
    put_zeros(b, 16);
    put(b, piece);
}

static void put_block(struct build *b, const struct build *frame)
{
    put_le32(b, (uint32_t)frame->len);
    put(b, built(frame));
}

static int setup(void **state)
{
    *state = malloc(sizeof(struct outcome));
    recorder_init(&((struct outcome *)*state)->record);
    return *state == NULL;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static const struct msn_people alice_to_bob = { { (const uint8_t *)"alice", 5 },
                                                { (const uint8_t *)"bob", 3 },
                                                true };

static void test_file_invitation_tells_name_and_size(void **state)
{
    struct recorder *r = &((struct outcome *)*state)->record;

    assert_false(msn_slp_read(recorder_session(r), &alice_to_bob, VIEW(INVITATION)));
    assert_string_equal(r->text, "activity file account=alice peer=bob file=a.txt size=70000 out\n");
}

static void test_invitation_cut_inside_the_name_is_read_as_far_as_it_goes(void **state)
{
    struct recorder *r = &((struct outcome *)*state)->record;
    struct view cut = view_slice(VIEW(INVITATION), 0, sizeof INVITATION - 16);

    assert_false(msn_slp_read(recorder_session(r), &alice_to_bob, cut));
    assert_string_equal(r->text, "activity file account=alice peer=bob file=a. size=70000 out\n");
}

static void test_webcam_is_a_call_and_a_display_picture_presence(void **state)
{
    struct recorder *r = &((struct outcome *)*state)->record;

    msn_slp_read(
        recorder_session(r), &alice_to_bob,
        VIEW("INVITE MSNMSGR:bob MSNSLP/1.0\r\n\r\nEUF-GUID: {4bd96fc0-ab17-4425-a14a-439185962dc8}\r\n"));
    msn_slp_read(
        recorder_session(r), &alice_to_bob,
        VIEW("INVITE MSNMSGR:bob MSNSLP/1.0\r\n\r\nEUF-GUID: {A4268EEC-FEC5-49E5-95C3-F126696BDBF6}\r\n"));
    msn_slp_read(
        recorder_session(r), &alice_to_bob,
        VIEW("INVITE MSNMSGR:bob MSNSLP/1.0\r\n\r\nEUF-GUID: {00000000-0000-0000-0000-000000000000}\r\n"));
    assert_string_equal(r->text, "activity call account=alice peer=bob out\nactivity presence\n");
}

static void test_listener_addresses_in_every_form(void **state)
{
    struct recorder *r = &((struct outcome *)*state)->record;

    assert_true(
        msn_slp_read(recorder_session(r), &alice_to_bob,
                     VIEW("MSNSLP/1.0 200 OK\r\n\r\nBridge: TCPv1\r\nListening: true\r\n"
                          "IPv4External-Addrs: 198.51.100.7\r\nIPv4External-Port: 6891\r\n"
                          "IPv4Internal-Addrs: 192.168.0.2 10.1.1.1\r\nIPv4Internal-Port: 3312\r\n\r\n")));
    assert_true(msn_slp_read(recorder_session(r), &alice_to_bob,
                             VIEW("MSNSLP/1.0 200 OK\r\n\r\nsrddA-lanretnI4vPI: 2.0.861.291\r\n"
                                  "troP-lanretnI4vPI: 2133\r\n"
                                  "stroPdnAsrddAlanretxE4vPI: 1986:7.001.15.891\r\n\r\n")));
    assert_false(msn_slp_read(recorder_session(r), &alice_to_bob,
                              VIEW("MSNSLP/1.0 200 OK\r\n\r\nIPv4Internal-Addrs: host 0.0.0.0\r\n"
                                   "IPv4Internal-Port: 1\r\n")));
    assert_string_equal(r->text, "expect tcp 192.168.0.2:3312 file msnslp\n"
                                 "expect tcp 198.51.100.7:6891 file msnslp\n"
                                 "expect tcp 192.168.0.2:3312 file msnslp\n"
                                 "expect tcp 198.51.100.7:6891 file msnslp\n");
}

static void test_direct_leg_carries_a_file(void **state)
{
    struct outcome *out = *state;
    struct build client = { .len = 0 }, server = { .len = 0 }, nonce = { .len = 0 }, invite = { .len = 0 };
    struct build first = { .len = 0 }, second = { .len = 0 }, picture = { .len = 0 };

    put_frame(&nonce, 0, 0, 0, 0x100, view_of(NULL, 0));
    put(&client, VIEW("\x04\0\0\0foo\0"));
    put_block(&client, &nonce);
    put_block(&server, &nonce);
    put_frame(&invite, 0, 0, sizeof INVITATION - 1, 0, VIEW(INVITATION));
    put_block(&server, &invite);
    put_frame(&first, 21, 0, 8, 0x01000030, VIEW("half"));
    put_frame(&second, 21, 4, 8, 0x01000030, VIEW("rest"));
    put_block(&server, &first);
    put_block(&server, &second);
    put_frame(&picture, 22, 0, 4, 0x20, VIEW("jpeg"));
    put_block(&server, &picture);
    struct step steps[] = { { FROM_CLIENT, built(&client) }, { FROM_SERVER, built(&server) } };
    check_laws(&parser_msnslp, steps, 2, out);
    assert_int_equal(out->answer, IM_YES);
    assert_string_equal(out->record.text, "delivery peer\n"
                                          "activity file file=a.txt size=70000 in\n"
                                          "activity file size=8 in\n");
}

static void test_long_block_is_skipped_and_nonsense_ends_the_following(void **state)
{
    struct outcome *out = *state;
    struct build b = { .len = 0 }, frame = { .len = 0 };

    put(&b, VIEW("\x04\0\0\0foo\0"));
    put_le32(&b, 9000);
    put_zeros(&b, 9000);
    put_frame(&frame, 9, 0, 2, 0x30, VIEW("ok"));
    put_block(&b, &frame);
    put_text(&b, "GET / HTTP/1.1");
    struct step steps[] = { { FROM_CLIENT, built(&b) } };
    check_laws(&parser_msnslp, steps, 1, out);
    assert_string_equal(out->record.text, "delivery peer\nactivity file size=2 out\nsettle\n");
}

static void test_near_misses_are_refused(void **state)
{
    (void)state;
    assert_int_equal(probe_bytes(&parser_msnslp, VIEW("\x04\0\0\0fop\0")), IM_NO);
    assert_int_equal(probe_bytes(&parser_msnslp, VIEW("\x04\x01\x00\x50\x7f\x00\x00\x01")),
                     IM_NO); /* SOCKS4 */
    assert_int_equal(probe_bytes(&parser_msnslp, VIEW("\x04\0\0\0foo")), IM_MORE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_file_invitation_tells_name_and_size),
        TEST(test_invitation_cut_inside_the_name_is_read_as_far_as_it_goes),
        TEST(test_webcam_is_a_call_and_a_display_picture_presence),
        TEST(test_listener_addresses_in_every_form),
        TEST(test_direct_leg_carries_a_file),
        TEST(test_long_block_is_skipped_and_nonsense_ends_the_following),
        TEST(test_near_misses_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
