/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signs of tampering in packets, through the whole engine: Ethernet frames of an IRC session with somebody
 * else's segments in between, and the look-alikes that must stay silent.
 */
#include "engine/engine.h"
#include "test.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CAPTURE_BYTES = 1 << 20, TTL = 61 };

struct making {
    uint8_t bytes[CAPTURE_BYTES];
    size_t len;
    uint64_t time_us;
    uint32_t next[2]; /* sequence numbers */
    uint8_t ttl[2];
};

static void put(struct making *m, const void *bytes, size_t len)
{
    assert_true(m->len + len <= CAPTURE_BYTES);
    memcpy(m->bytes + m->len, bytes, len);
    m->len += len;
}

static void put_le32(struct making *m, uint64_t n)
{
    const uint8_t octets[4] = { (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), (uint8_t)(n >> 24) };

    put(m, octets, 4);
}

static void put16(struct making *m, uint32_t n)
{
    const uint8_t octets[2] = { (uint8_t)(n >> 8), (uint8_t)n };

    put(m, octets, 2);
}

static void put32(struct making *m, uint32_t n)
{
    put16(m, n >> 16);
    put16(m, n & 0xffff);
}

/* A segment as given, whoever sends it; the stream's numbers stay. */
static void segment(struct making *m, enum flow_dir from, uint32_t seq, uint8_t ttl, uint8_t flags,
                    const char *text)
{
    static const uint32_t ends[2] = { 0x0a000001, 0xc0000201 };
    static const uint16_t ports[2] = { 40000, 6667 };
    size_t len = strlen(text);

    put_le32(m, m->time_us / 1000000);
    put_le32(m, m->time_us % 1000000);
    put_le32(m, 54 + len);
    put_le32(m, 54 + len);
    m->time_us += 100000;
    put(m, "\2\0\0\0\0\1\2\0\0\0\0\2\x08\0", 14);
    put16(m, 0x4500);
    put16(m, (uint32_t)(40 + len));
    put32(m, 0x00014000);
    put16(m, (uint32_t)ttl << 8 | 6);
    put16(m, 0);
    put32(m, ends[from]);
    put32(m, ends[!from]);
    put16(m, ports[from]);
    put16(m, ports[!from]);
    put32(m, seq);
    put32(m, m->next[!from]);
    put16(m, 0x5000u | flags);
    put16(m, 65535);
    put32(m, 0);
    put(m, text, len);
}

/* What a side sends next. */
static void says(struct making *m, enum flow_dir from, uint8_t flags, const char *text)
{
    segment(m, from, m->next[from], m->ttl[from], flags, text);
    m->next[from] += (uint32_t)strlen(text) + ((flags & (TCP_SYN | TCP_FIN)) != 0);
}

static void chats(struct making *m, unsigned lines)
{
    while (lines-- > 0)
        says(m, FROM_CLIENT, 0x18, "PRIVMSG alice :hello again\r\n");
}

static struct making *session_at(uint32_t first_seq)
{
    static const uint8_t head[24] = { 0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, [16] = 0xff, 0xff, [20] = 1 };
    struct making *m = calloc(1, sizeof *m);

    assert_non_null(m);
    m->time_us = UINT64_C(1700000000) * 1000000;
    m->next[0] = first_seq;
    m->next[1] = 0xfffffff0; /* wraps at once */
    m->ttl[0] = m->ttl[1] = TTL;
    put(m, head, sizeof head);
    says(m, FROM_CLIENT, 2, "");
    says(m, FROM_SERVER, 0x12, "");
    says(m, FROM_CLIENT, 0x18, "NICK bob\r\nUSER bob 0 * :Bob\r\n");
    says(m, FROM_SERVER, 0x18, ":irc.example.net 001 bob :Welcome to the network, bob\r\n");
    return m;
}

static struct making *session(void)
{
    return session_at(1000);
}

static void on_flow(void *context, const struct flow_event *e)
{
    unsigned *anomalies = context;

    assert_non_null(e->record);
    assert_string_equal(catalog_service(e->catalog, e->flow->service)->slug, "irc");
    *anomalies |= e->record->anomalies;
    *anomalies |= (unsigned)e->record->anomaly_count << 16;
}

/* Bits of the anomalies found in it; frees it. */
static unsigned anomalies_of(struct making *m, unsigned *out_count)
{
    unsigned anomalies = 0;
    struct engine_config config = { .workers = 1, .flow = on_flow, .context = &anomalies };
    struct imw_error_info err;
    struct engine *e;
    struct capture *c;
    char path[32];
    int fd = memfd_create("capture", MFD_CLOEXEC);

    assert_true(fd >= 0 && write(fd, m->bytes, m->len) == (ssize_t)m->len);
    free(m);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    assert_true(rules_load(NULL, NULL, NULL, &config.rules, &err));
    assert_true(engine_new(&config, &e, &err));
    assert_true(capture_open(path, &c, &err));
    assert_true(engine_read(e, c, "test.pcap", &err));
    capture_close(c);
    close(fd);
    engine_free(e);
    *out_count = anomalies >> 16;
    return anomalies & 0xffff;
}

static void expect(struct making *m, unsigned anomalies, unsigned times)
{
    unsigned n, found = anomalies_of(m, &n);

    assert_int_equal(found, anomalies);
    assert_int_equal(n, times);
}

#define BIT(anomaly) (1u << ANOMALY_##anomaly)

static void test_an_undisturbed_session_shows_nothing(void **state)
{
    struct making *m = session_at(0xffffff00); /* wraps after some lines */

    (void)state;
    chats(m, 40);
    says(m, FROM_CLIENT, 0x11, "");
    says(m, FROM_SERVER, 0x11, "");
    expect(m, 0, 0);
}

static void test_bytes_sent_twice_that_differ(void **state)
{
    struct making *m = session();

    (void)state;
    uint32_t at = m->next[0];
    chats(m, 1);
    segment(m, FROM_CLIENT, at, TTL, 0x18, "PRIVMSG alice :send money \r\n");
    chats(m, 1);
    expect(m, BIT(TCP_CONFLICT), 1);
}

static void test_a_retransmission_in_other_pieces_is_no_conflict(void **state)
{
    struct making *m = session();

    (void)state;
    uint32_t at = m->next[0];
    chats(m, 2);
    segment(m, FROM_CLIENT, at, TTL, 0x18, "PRIVMSG ");
    segment(m, FROM_CLIENT, at + 8, TTL, 0x18, "alice :hello again\r\nPRIVMSG alice :hello again\r\n");
    segment(m, FROM_CLIENT, m->next[0] - 1, TTL, 0x10, "z"); /* a keep-alive */
    chats(m, 3);
    expect(m, 0, 0);
}

static void test_a_ttl_that_comes_and_goes(void **state)
{
    struct making *m = session();

    (void)state;
    chats(m, 15);
    m->ttl[0] = 52;
    chats(m, 1);
    m->ttl[0] = TTL;
    chats(m, 2);
    expect(m, BIT(TTL_CHANGE), 1);
}

static void test_a_ttl_one_hop_away_must_come_twice(void **state)
{
    (void)state;
    for (unsigned times = 1; times <= 2; times++) {
        struct making *m = session();
        chats(m, 15);
        for (unsigned i = 0; i < times; i++) {
            m->ttl[0] = TTL - 1;
            chats(m, 1);
            m->ttl[0] = TTL;
            chats(m, 2);
        }
        expect(m, times > 1 ? BIT(TTL_CHANGE) : 0, times - 1);
    }
}

static void test_another_route_is_no_tampering(void **state)
{
    struct making *m = session();

    (void)state;
    chats(m, 15);
    m->ttl[0] = 57;
    chats(m, 20);
    m->ttl[0] = TTL; /* and back */
    chats(m, 20);
    expect(m, 0, 0);
}

static void test_packets_spread_over_two_ways_are_no_tampering(void **state)
{
    struct making *m = session();

    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        m->ttl[0] = i * 2654435761u >> 31 ? TTL : 57;
        chats(m, 1);
    }
    expect(m, 0, 0);
}

static void test_keep_alives_and_resets_of_boxes_on_the_way(void **state)
{
    struct making *m = session();

    (void)state;
    chats(m, 15);
    segment(m, FROM_CLIENT, m->next[0] - 1, 255, 0x10, "z");
    chats(m, 2);
    segment(m, FROM_CLIENT, m->next[0] - 1, 255, 0x10, "");
    chats(m, 2);
    segment(m, FROM_CLIENT, m->next[0], 255, 0x14, "");
    expect(m, 0, 0);
}

static void test_a_segment_far_away_and_back(void **state)
{
    struct making *m = session();

    (void)state;
    chats(m, 3);
    segment(m, FROM_CLIENT, m->next[0] + 0x20000000, TTL, 0x18, "QUIT\r\n");
    chats(m, 3);
    segment(m, FROM_CLIENT, m->next[0] - 0x30000000, TTL, 0x18, "QUIT\r\n");
    chats(m, 3);
    expect(m, BIT(SEQUENCE_JUMP), 2);
}

static void test_bytes_that_the_capture_lost_are_no_jump(void **state)
{
    struct making *m = session();

    (void)state;
    chats(m, 3);
    m->next[0] += 40 << 20;
    chats(m, 20);
    segment(m, FROM_CLIENT, m->next[0] - (4 << 20), TTL, 0x18, "an old piece"); /* within a window */
    chats(m, 1);
    expect(m, 0, 0);
}

static void test_a_stray_after_bytes_were_lost(void **state)
{
    struct making *m = session();

    (void)state;
    chats(m, 3);
    m->next[0] += 40 << 20;
    chats(m, 5);
    segment(m, FROM_CLIENT, m->next[0] + 0x20000000, TTL, 0x18, "QUIT\r\n");
    chats(m, 3);
    expect(m, BIT(SEQUENCE_JUMP), 1);
}

static void test_a_side_that_goes_on_after_its_reset(void **state)
{
    struct making *m = session();

    (void)state;
    chats(m, 3);
    segment(m, FROM_CLIENT, m->next[0], 64, 0x14, "");
    m->time_us += 2000000;
    chats(m, 3);
    expect(m, BIT(RESET_IGNORED), 1);
}

static void test_what_was_on_its_way_at_the_reset_is_nothing(void **state)
{
    struct making *m = session();

    (void)state;
    chats(m, 3);
    uint32_t end = m->next[0];
    segment(m, FROM_CLIENT, end, TTL, 0x14, "");
    chats(m, 1); /* a tenth of a second later */
    m->time_us += 2000000;
    segment(m, FROM_CLIENT, end - 28, TTL, 0x18, "PRIVMSG alice :hello again\r\n"); /* nothing new */
    says(m, FROM_SERVER, 0x18, "PING :the other side knows nothing of it\r\n");
    expect(m, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_undisturbed_session_shows_nothing),
        cmocka_unit_test(test_bytes_sent_twice_that_differ),
        cmocka_unit_test(test_a_retransmission_in_other_pieces_is_no_conflict),
        cmocka_unit_test(test_a_ttl_that_comes_and_goes),
        cmocka_unit_test(test_a_ttl_one_hop_away_must_come_twice),
        cmocka_unit_test(test_another_route_is_no_tampering),
        cmocka_unit_test(test_packets_spread_over_two_ways_are_no_tampering),
        cmocka_unit_test(test_keep_alives_and_resets_of_boxes_on_the_way),
        cmocka_unit_test(test_a_segment_far_away_and_back),
        cmocka_unit_test(test_bytes_that_the_capture_lost_are_no_jump),
        cmocka_unit_test(test_a_stray_after_bytes_were_lost),
        cmocka_unit_test(test_a_side_that_goes_on_after_its_reset),
        cmocka_unit_test(test_what_was_on_its_way_at_the_reset_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
