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

static const struct msn_people alice_to_bob = { .account = { (const uint8_t *)"alice", 5 },
                                                .peer = { (const uint8_t *)"bob", 3 },
                                                .outgoing = true };
static const struct msn_people bob_to_alice = { .account = { (const uint8_t *)"alice", 5 },
                                                .peer = { (const uint8_t *)"bob", 3 } };

static void test_file_invitation_tells_name_and_size(void **state)
{
    struct recorder *r = &((struct outcome *)*state)->record;
    struct msn_p2p p2p = { .replace = 0 };

    assert_false(msn_slp_read(recorder_session(r), &p2p, &alice_to_bob, VIEW(INVITATION)));
    assert_string_equal(r->text, "activity file account=alice peer=bob file=a.txt size=70000 out\n"
                                 "announce msn 21 name=a.txt account=alice peer=bob size=70000 out\n");
}

static void test_invitation_cut_inside_the_name_is_read_as_far_as_it_goes(void **state)
{
    struct recorder *r = &((struct outcome *)*state)->record;
    struct msn_p2p p2p = { .replace = 0 };
    struct view cut = view_slice(VIEW(INVITATION), 0, sizeof INVITATION - 16);

    assert_false(msn_slp_read(recorder_session(r), &p2p, &alice_to_bob, cut));
    assert_string_equal(r->text, "activity file account=alice peer=bob file=a. size=70000 out\n"
                                 "announce msn 21 name=a. account=alice peer=bob size=70000 out\n");
}

static void test_webcam_is_a_call_and_a_display_picture_presence(void **state)
{
    struct recorder *r = &((struct outcome *)*state)->record;
    struct msn_p2p p2p = { .replace = 0 };

    msn_slp_read(
        recorder_session(r), &p2p, &alice_to_bob,
        VIEW("INVITE MSNMSGR:bob MSNSLP/1.0\r\n\r\nEUF-GUID: {4bd96fc0-ab17-4425-a14a-439185962dc8}\r\n"));
    msn_slp_read(
        recorder_session(r), &p2p, &alice_to_bob,
        VIEW("INVITE MSNMSGR:bob MSNSLP/1.0\r\n\r\nEUF-GUID: {A4268EEC-FEC5-49E5-95C3-F126696BDBF6}\r\n"));
    msn_slp_read(
        recorder_session(r), &p2p, &alice_to_bob,
        VIEW("INVITE MSNMSGR:bob MSNSLP/1.0\r\n\r\nEUF-GUID: {00000000-0000-0000-0000-000000000000}\r\n"));
    assert_string_equal(r->text, "activity call account=alice peer=bob out\nactivity presence\n");
}

static void test_listener_addresses_in_every_form(void **state)
{
    struct recorder *r = &((struct outcome *)*state)->record;
    struct msn_p2p p2p = { .replace = 0 };

    assert_true(
        msn_slp_read(recorder_session(r), &p2p, &alice_to_bob,
                     VIEW("MSNSLP/1.0 200 OK\r\n\r\nBridge: TCPv1\r\nListening: true\r\n"
                          "IPv4External-Addrs: 198.51.100.7\r\nIPv4External-Port: 6891\r\n"
                          "IPv4Internal-Addrs: 192.168.0.2 10.1.1.1\r\nIPv4Internal-Port: 3312\r\n\r\n")));
    assert_true(msn_slp_read(recorder_session(r), &p2p, &alice_to_bob,
                             VIEW("MSNSLP/1.0 200 OK\r\n\r\nsrddA-lanretnI4vPI: 2.0.861.291\r\n"
                                  "troP-lanretnI4vPI: 2133\r\n"
                                  "stroPdnAsrddAlanretxE4vPI: 1986:7.001.15.891\r\n\r\n")));
    assert_false(msn_slp_read(recorder_session(r), &p2p, &alice_to_bob,
                              VIEW("MSNSLP/1.0 200 OK\r\n\r\nIPv4Internal-Addrs: host 0.0.0.0\r\n"
                                   "IPv4Internal-Port: 1\r\n")));
    assert_string_equal(r->text, "expect tcp 192.168.0.2:3312 file msnslp\n"
                                 "expect tcp 198.51.100.7:6891 file msnslp\n"
                                 "expect tcp 192.168.0.2:3312 file msnslp\n"
                                 "expect tcp 198.51.100.7:6891 file msnslp\n");
}

/* <msnobj Creator="bob@example.org" Size="11" Type="3" Location="TFR1.tmp" Friendly="YwBhAHQAAAA="/> */
#define PICTURE                                                                                                  \
    "PG1zbm9iaiBDcmVhdG9yPSJib2JAZXhhbXBsZS5vcmciIFNpemU9IjExIiBUeXBlPSIzIiBMb2NhdGlvbj0iVEZSMS50bXAiIEZyaWVuZG" \
    "x5PSJZd0JoQUhRQUFBQT0iLz4="

static void test_display_picture_comes_from_who_is_asked(void **state)
{
    struct recorder *r = &((struct outcome *)*state)->record;
    struct msn_p2p p2p = { .replace = 0 };
    struct build prepare = { .len = 0 }, data = { .len = 0 };

    msn_slp_read(
        recorder_session(r), &p2p, &alice_to_bob,
        VIEW("INVITE MSNMSGR:bob MSNSLP/1.0\r\n\r\nEUF-GUID: {A4268EEC-FEC5-49E5-95C3-F126696BDBF6}\r\n"
             "SessionID: 77\r\nAppID: 12\r\nContext: " PICTURE "\r\n"));
    put_frame(&prepare, 77, 0, 4, 0, VIEW("\0\0\0\0"));
    put_frame(&data, 77, 0, 11, 0x20, VIEW("\x89PNG picture"));
    msn_p2p_read(recorder_session(r), &p2p, &bob_to_alice, built(&prepare), MSN_APP_OBJECT);
    msn_p2p_read(recorder_session(r), &p2p, &bob_to_alice, view_slice(built(&data), 0, data.len - 1), 12);
    assert_string_equal(r->text, "activity presence\n"
                                 "announce msn 77 name=cat account=alice peer=bob size=11 in\n");
    data.len = 0;
    put_frame(&data, 77, 0, 11, 0x20, VIEW("PNG picture"));
    msn_p2p_read(recorder_session(r), &p2p, &bob_to_alice, built(&data), 12);
    assert_true(recorder_has(r, "file 1 name=cat account=alice peer=bob size=11 in"));
    assert_true(recorder_has(r, "bytes 1 at 0 PNG picture"));
    assert_true(recorder_has(r, "file 1 whole"));
}

static void give(struct recorder *r, struct msn_p2p *p2p, uint32_t session, uint64_t offset, uint64_t size,
                 struct view piece)
{
    struct build b = { .len = 0 };

    put_frame(&b, session, offset, size, 0x1000030, piece);
    msn_p2p_read(recorder_session(r), p2p, &alice_to_bob, built(&b), MSN_APP_FILE);
}

static void test_frames_mixed_reordered_and_sent_again(void **state)
{
    struct recorder *r = &((struct outcome *)*state)->record;
    struct msn_p2p p2p = { .replace = 0 };

    give(r, &p2p, 5, 0, 8, VIEW("ab"));
    give(r, &p2p, 6, 0, 4, VIEW("AB"));
    give(r, &p2p, 5, 4, 8, VIEW("ef"));
    give(r, &p2p, 5, 6, 8, VIEW("gh"));
    give(r, &p2p, 5, 0, 8, VIEW("ab"));
    give(r, &p2p, 6, 2, 4, VIEW("CD"));
    give(r, &p2p, 5, 2, 8, VIEW("cd"));
    give(r, &p2p, 5, 2, 8, VIEW("cd"));
    assert_string_equal(r->text, "activity file account=alice peer=bob size=8 out\n"
                                 "file 1 account=alice peer=bob size=8 out\n"
                                 "bytes 1 at 0 ab\n"
                                 "activity file account=alice peer=bob size=4 out\n"
                                 "file 2 account=alice peer=bob size=4 out\n"
                                 "bytes 2 at 0 AB\n"
                                 "bytes 1 at 4 efgh\n"
                                 "bytes 1 at 0 ab\n"
                                 "bytes 2 at 2 CD\n"
                                 "file 2 whole\n"
                                 "bytes 1 at 2 cd\n"
                                 "file 1 whole\n");
}

static void test_bye_ends_a_file_and_an_acknowledgement_of_all_does(void **state)
{
    struct recorder *r = &((struct outcome *)*state)->record;
    struct msn_p2p p2p = { .replace = 0 };
    struct build ack = { .len = 0 };

    msn_slp_read(
        recorder_session(r), &p2p, &alice_to_bob,
        VIEW("INVITE MSNMSGR:bob MSNSLP/1.0\r\nCall-ID: {C1}\r\n\r\n"
             "EUF-GUID: {5D3E02AB-6190-11D3-BBBB-00C04F795683}\r\nSessionID: 5\r\nContext: " CONTEXT));
    give(r, &p2p, 5, 0, 70000, VIEW("some"));
    msn_slp_read(recorder_session(r), &p2p, &bob_to_alice,
                 VIEW("BYE MSNMSGR:alice MSNSLP/1.0\r\nCall-ID: {C2}\r\n\r\n"));
    assert_int_equal(recorder_count(r, "file 1 cut"), 0);
    msn_slp_read(recorder_session(r), &p2p, &bob_to_alice,
                 VIEW("BYE MSNMSGR:alice MSNSLP/1.0\r\nCall-ID: {C1}\r\n\r\n"));
    assert_int_equal(recorder_count(r, "file 1 cut"), 1);
    give(r, &p2p, 6, 4, 8, VIEW("late"));
    put_le32(&ack, 6);
    put_le32(&ack, 9);
    put_le64(&ack, 0);
    put_le64(&ack, 8);
    put_le32(&ack, 0);
    put_le32(&ack, 2);
    put_le64(&ack, 1);
    put_le64(&ack, 8);
    msn_p2p_read(recorder_session(r), &p2p, &bob_to_alice, built(&ack), MSN_APP_FILE);
    assert_int_equal(recorder_count(r, "file 2 whole"), 1);
}

/* A frame of version 2. */
static void put_v2(struct build *b, unsigned kind, uint32_t session, uint64_t remaining, struct view piece)
{
    unsigned data_len = remaining > 0 ? 20 : 8;

    put8(b, 8);
    put8(b, 0);
    put16(b, (unsigned)(data_len + piece.len));
    put32(b, 1000);
    put8(b, data_len);
    put8(b, kind);
    put16(b, 1);
    put32(b, session);
    if (remaining > 0) {
        put8(b, 1);
        put8(b, 8);
        put32(b, (uint32_t)(remaining >> 32));
        put32(b, (uint32_t)remaining);
        put_zeros(b, 2);
    }
    put(b, piece);
}

static void give_v2(struct recorder *r, struct msn_p2p *p2p, unsigned kind, uint32_t session,
                    uint64_t remaining, struct view piece)
{
    struct build b = { .len = 0 };

    put_v2(&b, kind, session, remaining, piece);
    msn_p2p_read(recorder_session(r), p2p, &alice_to_bob, built(&b), MSN_APP_FILE);
}

static void test_second_version_of_frames_is_placed_by_what_remains(void **state)
{
    struct recorder *r = &((struct outcome *)*state)->record;
    struct msn_p2p p2p = { .replace = 0 };

    give_v2(r, &p2p, 1, 0, 0,
            VIEW("INVITE MSNMSGR:bob MSNSLP/1.0\r\n\r\nEUF-GUID: {5D3E02AB-6190-11D3-BBBB-00C04F795683}\r\n"
                 "SessionID: 5\r\nContext: " CONTEXT "\r\n"));
    give_v2(r, &p2p, 7, 5, 4, VIEW("abcd"));
    give_v2(r, &p2p, 6, 5, 2, VIEW("ef"));
    give_v2(r, &p2p, 6, 5, 0, VIEW("gh"));
    give_v2(r, &p2p, 6, 8, 2, VIEW("its beginning was not seen"));
    assert_string_equal(r->text, "activity file account=alice peer=bob file=a.txt size=70000 out\n"
                                 "announce msn 5 name=a.txt account=alice peer=bob size=70000 out\n"
                                 "file 1 name=a.txt account=alice peer=bob size=8 out\n"
                                 "bytes 1 at 0 abcdefgh\n"
                                 "file 1 whole\n"
                                 "activity file account=alice peer=bob out\n"
                                 "file 2 account=alice peer=bob out\n");
}

static void test_more_sessions_than_places_cut_the_oldest(void **state)
{
    struct recorder *r = &((struct outcome *)*state)->record;
    struct msn_p2p p2p = { .replace = 0 };

    for (uint32_t i = 0; i <= MSN_TRANSFERS; i++)
        give(r, &p2p, 100 + i, 0, 9, VIEW("x"));
    assert_int_equal(recorder_count(r, "file 1 cut"), 1);
    assert_int_equal(recorder_count(r, "activity"), MSN_TRANSFERS + 1);
}

static void test_what_is_told_of_lengths_must_fit(void **state)
{
    struct recorder *r = &((struct outcome *)*state)->record;
    struct msn_p2p p2p = { .replace = 0 };

    give(r, &p2p, 5, 7, 8, VIEW("beyond the end"));
    give(r, &p2p, 5, UINT64_MAX, 8, VIEW("x"));
    msn_p2p_read(recorder_session(r), &p2p, &alice_to_bob, VIEW("\x08\x00\x00\x09\0\0\0\0\xff"),
                 MSN_APP_FILE);
    msn_p2p_read(recorder_session(r), &p2p, &alice_to_bob, VIEW(""), MSN_APP_FILE);
    assert_string_equal(r->text, "");
}

static void test_leg_goes_on_behind_a_loss(void **state)
{
    struct outcome *out = *state;
    struct recorder *r = &out->record;
    uint64_t memory[PARSER_STATE_BYTES / 8] = { 0 };
    struct build a = { .len = 0 }, b = { .len = 0 }, first = { .len = 0 }, third = { .len = 0 };

    put_frame(&first, 21, 0, 12, 0x1000030, VIEW("abcd"));
    put_frame(&third, 21, 8, 12, 0x1000030, VIEW("ijkl"));
    put_block(&a, &first);
    put_text(&b, "efgh\4\0\0 what is left of some block");
    put_block(&b, &third);
    assert_int_equal(parser_msnslp.feed(memory, recorder_session(r), FROM_CLIENT, built(&a)), a.len);
    assert_true(parser_msnslp.gap(memory, recorder_session(r), FROM_CLIENT, 30));
    assert_int_equal(parser_msnslp.feed(memory, recorder_session(r), FROM_CLIENT, built(&b)), b.len);
    assert_true(recorder_has(r, "bytes 1 at 0 abcd"));
    assert_true(recorder_has(r, "bytes 1 at 8 ijkl"));
    /* a loss inside a block whose length was seen: the next is at its place */
    assert_int_equal(
        parser_msnslp.feed(memory, recorder_session(r), FROM_CLIENT, view_slice(built(&a), 0, 20)), 0);
    assert_true(parser_msnslp.gap(memory, recorder_session(r), FROM_CLIENT, 50));
    b.len = 0;
    put_zeros(&b, a.len - 50);
    put_frame((third.len = 0, &third), 22, 0, 2, 0x30, VIEW("ok"));
    put_block(&b, &third);
    assert_int_equal(parser_msnslp.feed(memory, recorder_session(r), FROM_CLIENT, built(&b)), b.len);
    assert_true(recorder_has(r, "bytes 2 at 0 ok"));
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
                                          "announce msn 21 name=a.txt size=70000 in\n"
                                          "file 1 name=a.txt size=8 in\n"
                                          "bytes 1 at 0 halfrest\n"
                                          "file 1 whole\n"
                                          "activity file size=4 in\n"
                                          "file 2 size=4 in\n"
                                          "bytes 2 at 0 jpeg\n"
                                          "file 2 whole\n");
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
    assert_string_equal(out->record.text, "delivery peer\n"
                                          "activity file size=2 out\n"
                                          "file 1 size=2 out\n"
                                          "bytes 1 at 0 ok\n"
                                          "file 1 whole\n"
                                          "settle\n");
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
        TEST(test_display_picture_comes_from_who_is_asked),
        TEST(test_frames_mixed_reordered_and_sent_again),
        TEST(test_bye_ends_a_file_and_an_acknowledgement_of_all_does),
        TEST(test_second_version_of_frames_is_placed_by_what_remains),
        TEST(test_more_sessions_than_places_cut_the_oldest),
        TEST(test_what_is_told_of_lengths_must_fit),
        TEST(test_leg_goes_on_behind_a_loss),
        TEST(test_direct_leg_carries_a_file),
        TEST(test_long_block_is_skipped_and_nonsense_ends_the_following),
        TEST(test_near_misses_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
