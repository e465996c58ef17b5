/* SPDX-License-Identifier: Apache-2.0 */
/* Resets from beside: the limits; and how much gets through before a connection ends, on real ones. */
#include "enforce/passive.h"
#include "net.h"
#include <pthread.h>
#include <stdatomic.h>

static struct packet packet_of(const char *src, const char *dst, uint64_t time_us)
{
    struct packet p = { .l4 = 6,
                        .src_port = 40000,
                        .dst_port = 5222,
                        .tcp_flags = TCP_ACK | TCP_PSH,
                        .seq = 1000,
                        .ack = 2000,
                        .payload_len = 10,
                        .time_us = time_us };

    assert_true(ip_parse(view_string(src), &p.src));
    assert_true(ip_parse(view_string(dst), &p.dst));
    return p;
}

static struct passive *passive_of(struct passive_config config)
{
    struct passive *p = NULL;
    struct imw_error_info err;

    assert_true(passive_new(&config, &p, &err));
    return p;
}

static unsigned done(struct passive *p, const struct packet *seen, unsigned tries)
{
    unsigned n = 0;

    for (unsigned i = 0; i < tries; i++)
        n += passive_reset(p, seen, &seen->src) == PASSIVE_DONE;
    return n;
}

static struct passive_counters counters_of(const struct passive *p)
{
    struct passive_counters c;

    passive_counters(p, &c);
    return c;
}

static void test_passive_limits_a_client_and_all(void **state)
{
    const uint64_t second = 1000000, now = 1700000000 * second;
    struct passive *p =
        passive_of((struct passive_config){ .dry_run = true, .most = 50, .most_of_client = 8 });

    (void)state;
    struct packet seen = packet_of("10.0.0.1", "192.0.2.1", now);
    assert_int_equal(done(p, &seen, 100), 8);
    assert_int_equal(counters_of(p).limited_client, 92);
    seen.time_us += second / 2;
    assert_int_equal(done(p, &seen, 100), 4);
    seen.time_us += 60 * second;
    assert_int_equal(done(p, &seen, 100), 8); /* nothing is saved up */
    for (unsigned i = 2; i < 100; i++) {
        char client[20];
        snprintf(client, sizeof client, "10.0.0.%u", i);
        struct packet other = packet_of(client, "192.0.2.1", seen.time_us);
        assert_int_equal(done(p, &other, 1), i < 44);
    }
    assert_int_equal(counters_of(p).limited, 56);
    assert_int_equal(counters_of(p).resets, 8 + 4 + 8 + 42);
    assert_int_equal(counters_of(p).packets, 0);
    passive_free(p);
}

/* Who is busy stays limited, however many others there are; and so it is when the clock is set back. */
static void test_passive_limits_hold_in_a_crowd(void **state)
{
    const uint64_t second = 1000000, now = 1700000000 * second;
    struct passive *p =
        passive_of((struct passive_config){ .dry_run = true, .most = 100000, .most_of_client = 5 });

    (void)state;
    struct packet busy = packet_of("2001:db8::1", "2001:db8:ffff::1", now);
    assert_int_equal(done(p, &busy, 10), 5);
    for (unsigned i = 0; i < 2000; i++) {
        struct packet other = packet_of("2001:db8::2", "2001:db8:ffff::1", now);
        memcpy(other.src.octet + 8, &i, sizeof i);
        assert_int_equal(done(p, &other, 1), 1);
    }
    assert_int_equal(done(p, &busy, 10), 0);
    busy.time_us -= 3600 * second;
    assert_int_equal(done(p, &busy, 10), 5);
    assert_int_equal(done(p, &busy, 10), 0);
    passive_free(p);
}

static void test_passive_never_touches_what_is_protected(void **state)
{
    struct passive_network never[2] = { 0 };

    (void)state;
    assert_true(ip_parse_network(VIEW("192.0.2.0/24"), &never[0].addr, &never[0].bits));
    assert_true(ip_parse_network(VIEW("2001:db8::/32"), &never[1].addr, &never[1].bits));
    struct passive *p =
        passive_of((struct passive_config){ .dry_run = true, .never = never, .never_count = 2 });
    static const struct {
        const char *src, *dst;
        enum passive_answer want;
    } tries[] = {
        { "10.0.0.1", "192.0.2.255", PASSIVE_PROTECTED }, { "192.0.2.1", "10.0.0.1", PASSIVE_PROTECTED },
        { "10.0.0.1", "192.0.3.1", PASSIVE_DONE },        { "2001:db8::1", "2001:db9::1", PASSIVE_PROTECTED },
        { "2001:db9::2", "2001:db9::1", PASSIVE_DONE },
    };
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        struct packet seen = packet_of(tries[i].src, tries[i].dst, 1);
        assert_int_equal(passive_reset(p, &seen, &seen.src), tries[i].want);
    }
    assert_int_equal(counters_of(p).protected, 3);
    passive_free(p);
}

static void test_passive_resets_tcp_only(void **state)
{
    struct passive *p = passive_of((struct passive_config){ .dry_run = true });

    (void)state;
    struct packet seen = packet_of("10.0.0.1", "192.0.2.1", 1);
    seen.l4 = 17;
    assert_int_equal(passive_reset(p, &seen, &seen.src), PASSIVE_NONE);
    seen = packet_of("10.0.0.1", "192.0.2.1", 1);
    seen.tcp_flags = TCP_RST;
    assert_int_equal(passive_reset(p, &seen, &seen.src), PASSIVE_NONE);
    seen = packet_of("10.0.0.1", "192.0.2.1", 1);
    seen.tunnels = 1;
    assert_int_equal(passive_reset(p, &seen, &seen.src), PASSIVE_NONE);
    assert_int_equal(counters_of(p).resets, 0);
    passive_free(p);
}

static void test_passive_refuses_wrong_settings(void **state)
{
    static struct passive_network never[PASSIVE_NETWORKS + 1];
    struct passive_config many = { .never = never, .never_count = PASSIVE_NETWORKS + 1 },
                          fast = { .most = 100001 };
    struct passive *p = NULL;
    struct imw_error_info err;

    (void)state;
    assert_false(passive_new(&many, &p, &err));
    assert_non_null(strstr(err.text, "at most 256"));
    assert_false(passive_new(&fast, &p, &err));
    assert_null(p);
}

/* ---- on real connections ---- */

struct ends {
    struct net_connection c;
    uint32_t pace; /* bytes a second; 0: as fast as it goes */
    _Atomic size_t got;
    _Atomic int client_fate, server_fate; /* errno; 0: lives */
    _Atomic uint64_t client_end_us;
};

/* Sends until the connection ends. */
static void *keep_sending(void *context)
{
    static const uint8_t bytes[16384] = "something";
    struct ends *e = context;

    if (e->pace > 0)
        setsockopt(e->c.client, SOL_SOCKET, SO_MAX_PACING_RATE, &e->pace, sizeof e->pace);
    while (send(e->c.client, bytes, sizeof bytes, MSG_NOSIGNAL) > 0)
        ;
    int fate = errno;
    e->client_end_us = net_now_us();
    e->client_fate = fate;
    return NULL;
}

static void *keep_reading(void *context)
{
    static uint8_t bytes[65536];
    struct ends *e = context;
    ssize_t n;

    while ((n = recv(e->c.server, bytes, sizeof bytes, 0)) > 0)
        e->got += (size_t)n;
    e->server_fate = n < 0 ? errno : EPIPE;
    return NULL;
}

struct through {
    size_t bytes;
    uint64_t us; /* from the decision to the end of the client */
    unsigned resets;
};

/* One connection, of whose packets with payload that one decides. From then on all of its packets are shown
 * to `p`, as a mirror port shows them. */
static struct through stop_one(struct passive *p, const char *server, uint32_t pace, unsigned which)
{
    struct ends e = { .c = net_open(server, 7010), .pace = pace };
    struct timeval patience = { 5, 0 };
    struct through t = { 0 };
    struct packet seen;
    pthread_t client, reader;
    uint32_t first = 0, decided = 0;
    uint64_t begin_us = 0;
    unsigned payloads = 0;

    setsockopt(e.c.client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(e.c.server, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    net_forget();
    assert_int_equal(pthread_create(&reader, NULL, keep_reading, &e), 0);
    assert_int_equal(pthread_create(&client, NULL, keep_sending, &e), 0);
    while (e.client_fate == 0 || e.server_fate == 0) {
        if (!net_mirrored(&seen, 20, true) || seen.l4 != 6)
            continue;
        bool onward = seen.dst_port == 7010;
        if (!onward && seen.src_port != 7010)
            continue;
        if (onward && seen.payload_len > 0 && ++payloads == 1)
            first = seen.seq;
        if (payloads == which && begin_us == 0) {
            begin_us = net_now_us();
            decided = seen.seq + seen.payload_len - first;
        }
        if (begin_us != 0)
            t.resets += passive_reset(p, &seen, onward ? &seen.src : &seen.dst) == PASSIVE_DONE;
    }
    assert_int_equal(pthread_join(client, NULL), 0);
    assert_int_equal(pthread_join(reader, NULL), 0);
    if (e.client_fate != ECONNRESET || e.server_fate != ECONNRESET)
        fail_msg("not reset: client %s, server %s, after %u resets", strerror(e.client_fate),
                 strerror(e.server_fate), t.resets);
    t.us = e.client_end_us - begin_us;
    t.bytes = e.got > decided ? e.got - decided : 0;
    net_close(&e.c);
    return t;
}

static int by_size(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;

    return (x > y) - (x < y);
}

/* The connections end at both ends, and this much got through. */
static void measure(const char *what, const char *server, uint32_t pace, unsigned which)
{
    enum { RUNS = 20, MIDDLE = RUNS / 2 };
    struct passive *p =
        passive_of((struct passive_config){ .most_of_client = 10000, .most = 10000, .inject = net.inject });
    size_t bytes[RUNS], us[RUNS];
    unsigned resets = 0;

    for (unsigned i = 0; i < RUNS; i++) {
        struct through t = stop_one(p, server, pace, which);
        bytes[i] = t.bytes;
        us[i] = (size_t)t.us;
        resets += t.resets;
    }
    qsort(bytes, RUNS, sizeof bytes[0], by_size);
    qsort(us, RUNS, sizeof us[0], by_size);
    print_message("%s: median %zu bytes through (most %zu), client ends after %zu us (most %zu), %u packets "
                  "answered in %d runs\n",
                  what, bytes[MIDDLE], bytes[RUNS - 1], us[MIDDLE], us[RUNS - 1], resets, RUNS);
    assert_int_equal(counters_of(p).failed, 0);
    assert_in_range(bytes[MIDDLE], 0, pace > 0 ? 1u << 18 : 16u << 20);
    passive_free(p);
}

static void test_passive_ends_connections_soon(void **state)
{
    (void)state;
    NET_NEEDED();
    net_rules("");
    measure("10 Mbit/s, third packet", "10.71.2.2", 1250000, 3);
    measure("100 Mbit/s, third packet", "10.71.2.2", 12500000, 3);
    measure("100 Mbit/s, third packet, IPv6", "fd71:2::2", 12500000, 3);
    measure("100 Mbit/s, 100th packet", "10.71.2.2", 12500000, 100);
    measure("as fast as it goes, third packet", "10.71.2.2", 0, 3);
    measure("as fast as it goes, 100th packet", "10.71.2.2", 0, 100);
}

/* The packet has not reached its receiver yet, and no other will come, not of its sender's own resets either.
 */
static void test_passive_overtakes_the_packet(void **state)
{
    (void)state;
    NET_NEEDED();
    net_rules("tcp dport 7013 tcp flags & (psh | rst) != 0 drop");
    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct passive *p = passive_of((struct passive_config){ .inject = net.inject });
        struct net_connection c = net_open(v6 != 0 ? "fd71:2::2" : "10.71.2.2", 7013);
        net_forget();
        assert_int_equal(send(c.client, "hello", 5, 0), 5);
        struct packet seen = net_payload(7013);
        assert_int_equal(passive_reset(p, &seen, &seen.src), PASSIVE_DONE);
        assert_int_equal(counters_of(p).packets, 5);
        assert_int_equal(net_fate(c.client, NET_WAIT_MS, NULL), ECONNRESET);
        assert_int_equal(net_fate(c.server, NET_WAIT_MS, NULL), ECONNRESET);
        net_close(&c);
        passive_free(p);
    }
}

/* A dry run sends nothing. */
static void test_passive_dry_run_disturbs_nobody(void **state)
{
    (void)state;
    NET_NEEDED();
    net_rules("");
    struct passive *p = passive_of((struct passive_config){ .dry_run = true, .inject = net.inject });
    struct net_connection c = net_open("10.71.2.2", 7011);
    net_forget();
    assert_int_equal(send(c.client, "hello", 5, 0), 5);
    struct packet seen = net_payload(7011);
    assert_int_equal(passive_reset(p, &seen, &seen.src), PASSIVE_DONE);
    size_t got = 0;
    assert_int_equal(net_fate(c.server, 100, &got), -1);
    assert_int_equal(got, 5);
    assert_int_equal(net_fate(c.client, 1, NULL), -1);
    net_close(&c);
    passive_free(p);
}

/* Out of an interface, to given hardware addresses. */
static void test_passive_without_a_route(void **state)
{
    (void)state;
    NET_NEEDED();
    net_rules("");
    struct net_connection c = net_open("10.71.2.2", 7012);
    net_forget();
    assert_int_equal(send(c.client, "hello", 5, 0), 5);
    struct packet seen = net_payload(7012);
    struct passive_config config = { .ifindex = net.ifindex, .inject = net.inject };
    memcpy(config.to, net.client_mac, 6);
    struct passive *p = passive_of(config);
    assert_int_equal(passive_reset(p, &seen, &seen.src), PASSIVE_DONE);
    assert_int_equal(net_fate(c.client, NET_WAIT_MS, NULL), ECONNRESET);
    passive_free(p);
    config.ifindex = 9999; /* none */
    p = passive_of(config);
    assert_int_equal(passive_reset(p, &seen, &seen.src), PASSIVE_FAILED);
    assert_int_equal(counters_of(p).failed, 1);
    passive_free(p);
    net_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passive_limits_a_client_and_all),
        cmocka_unit_test(test_passive_limits_hold_in_a_crowd),
        cmocka_unit_test(test_passive_never_touches_what_is_protected),
        cmocka_unit_test(test_passive_resets_tcp_only),
        cmocka_unit_test(test_passive_refuses_wrong_settings),
        cmocka_unit_test(test_passive_dry_run_disturbs_nobody),
        cmocka_unit_test(test_passive_without_a_route),
        cmocka_unit_test(test_passive_overtakes_the_packet),
        cmocka_unit_test(test_passive_ends_connections_soon),
    };

    return cmocka_run_group_tests(tests, net_enter, NULL);
}
