/* SPDX-License-Identifier: Apache-2.0 */
/* The flow table: directions, timers by packet time, port reuse, eviction, growth. */
#include "flow/flow.h"
#include "test.h"

struct log {
    unsigned ended, by[8];
    struct flow last;
};

static void on_end(void *context, struct flow *f, enum flow_end why)
{
    struct log *log = context;

    log->ended++;
    log->by[why]++;
    log->last = *f;
}

static struct flow_table *table(const struct flow_table_config *config, struct counters *counters,
                                struct log *log)
{
    struct flow_table *t;
    struct imw_error_info err;

    assert_true(flow_table_new(config, counters, on_end, log, &t, &err));
    return t;
}

static struct packet packet(uint32_t client, uint16_t port, uint8_t l4, uint8_t flags, uint64_t second,
                            bool reply)
{
    uint8_t a[4] = { 10, (uint8_t)(client >> 16), (uint8_t)(client >> 8), (uint8_t)client },
            b[4] = { 192, 0, 2, 1 };
    struct packet p = { .src = ip_from_v4(reply ? b : a),
                        .dst = ip_from_v4(reply ? a : b),
                        .src_port = port,
                        .dst_port = 443,
                        .l4 = l4,
                        .tcp_flags = flags,
                        .wire_len = 60,
                        .time_us = (1000000000 + second) * 1000000,
                        .payload = view_of(NULL, 0) };
    if (reply) {
        p.src_port = 443;
        p.dst_port = port;
    }
    return p;
}

static struct flow *give(struct flow_table *t, const struct packet *p, enum flow_dir *from, bool *is_new)
{
    struct flow *f = flow_table_find(t, p, flow_hash(p, 0), from, is_new);

    flow_table_advance(t, p->time_us);
    return f;
}

static void test_both_directions_are_one_flow(void **state)
{
    struct counters counters = { 0 };
    struct log log = { 0 };
    struct flow_table *t = table(&(struct flow_table_config){ 0 }, &counters, &log);
    struct packet there = packet(1, 40000, L4_TCP, TCP_SYN, 0, false),
                  back = packet(1, 40000, L4_TCP, TCP_SYN | TCP_ACK, 0, true);
    enum flow_dir from;
    bool is_new;

    (void)state;
    assert_int_equal(flow_hash(&there, 0), flow_hash(&back, 0));
    assert_int_equal(flow_hash(&there, 42), flow_hash(&back, 42));
    assert_int_not_equal(flow_hash(&there, 0), flow_hash(&there, 42));
    struct flow *f = give(t, &there, &from, &is_new);
    assert_true(is_new);
    assert_int_equal(from, FROM_CLIENT);
    assert_ptr_equal(give(t, &back, &from, &is_new), f);
    assert_false(is_new);
    assert_int_equal(from, FROM_SERVER);
    assert_int_equal(f->packets[0], 1);
    assert_int_equal(f->packets[1], 1);
    assert_int_equal(f->key.port[FROM_SERVER], 443);
    flow_table_flush(t);
    assert_int_equal(log.ended, 1);
    flow_table_free(t);
}

static void test_syn_ack_first_still_finds_the_client(void **state)
{
    struct counters counters = { 0 };
    struct log log = { 0 };
    struct flow_table *t = table(&(struct flow_table_config){ 0 }, &counters, &log);
    struct packet p = packet(1, 40000, L4_TCP, TCP_SYN | TCP_ACK, 0, true);
    enum flow_dir from;
    bool is_new;

    (void)state;
    struct flow *f = give(t, &p, &from, &is_new);
    assert_int_equal(from, FROM_SERVER);
    assert_int_equal(f->key.port[FROM_CLIENT], 40000);
    flow_table_flush(t);
    flow_table_free(t);
}

static void test_idle_flows_end_by_packet_time(void **state)
{
    struct counters counters = { 0 };
    struct log log = { 0 };
    struct flow_table *t =
        table(&(struct flow_table_config){ .udp_idle_s = 100, .opening_idle_s = 30 }, &counters, &log);
    enum flow_dir from;
    bool is_new;

    (void)state;
    struct packet a = packet(1, 1000, L4_UDP, 0, 0, false), b = packet(2, 1001, L4_UDP, 0, 0, false);
    give(t, &a, &from, &is_new);
    give(t, &a, &from, &is_new); /* two packets: the longer limit */
    give(t, &b, &from, &is_new);
    struct packet later = packet(3, 1002, L4_UDP, 0, 60, false);
    give(t, &later, &from, &is_new);
    assert_int_equal(log.by[FLOW_END_IDLE], 1);
    assert_int_equal(log.last.key.port[FROM_CLIENT], 1001);
    later = packet(3, 1002, L4_UDP, 0, 130, false);
    give(t, &later, &from, &is_new);
    assert_int_equal(log.by[FLOW_END_IDLE], 2);
    later = packet(4, 1003, L4_UDP, 0, 1000000, false); /* a pause of days */
    give(t, &later, &from, &is_new);
    assert_int_equal(log.by[FLOW_END_IDLE], 3);
    assert_int_equal(flow_table_used(t), 1);
    flow_table_free(t);
}

/* A sensor on a quiet interface is told the time before its first packet comes, and after each flush. */
static void test_flows_end_in_time_after_a_time_without_any(void **state)
{
    struct counters counters = { 0 };
    struct log log = { 0 };
    struct flow_table *t = table(&(struct flow_table_config){ .opening_idle_s = 30 }, &counters, &log);
    enum flow_dir from;
    bool is_new;

    (void)state;
    for (unsigned round = 1; round <= 2; round++) {
        struct packet p = packet(1, 40000, L4_TCP, TCP_SYN, round * 1000, false);
        flow_table_advance(t, p.time_us - 5000000);
        give(t, &p, &from, &is_new);
        flow_table_advance(t, p.time_us + 60000000);
        assert_int_equal(log.by[FLOW_END_IDLE], round);
        flow_table_flush(t);
    }
    flow_table_free(t);
}

static void test_a_new_syn_on_a_closed_flow_is_another_flow(void **state)
{
    struct counters counters = { 0 };
    struct log log = { 0 };
    struct flow_table *t = table(&(struct flow_table_config){ 0 }, &counters, &log);
    enum flow_dir from;
    bool is_new;

    (void)state;
    struct packet syn = packet(1, 40000, L4_TCP, TCP_SYN, 0, false),
                  rst = packet(1, 40000, L4_TCP, TCP_RST, 1, true);
    give(t, &syn, &from, &is_new);
    give(t, &rst, &from, &is_new);
    struct packet again = packet(1, 40000, L4_TCP, TCP_SYN, 2, false);
    give(t, &again, &from, &is_new);
    assert_true(is_new);
    assert_int_equal(log.by[FLOW_END_REUSED], 1);
    struct packet other = packet(2, 40000, L4_TCP, TCP_SYN, 2, false),
                  end = packet(2, 40000, L4_TCP, TCP_RST, 2, true);
    give(t, &other, &from, &is_new);
    give(t, &end, &from, &is_new);
    flow_table_flush(t); /* closed is closed, though its time to linger had not run out */
    assert_int_equal(log.ended, 3);
    assert_int_equal(log.by[FLOW_END_CLOSED], 1);
    assert_int_equal(log.by[FLOW_END_SHUTDOWN], 1);
    flow_table_free(t);
}

static void test_a_full_table_ends_idle_flows_and_counts_them(void **state)
{
    struct counters counters = { 0 };
    struct log log = { 0 };
    struct flow_table *t = table(&(struct flow_table_config){ .max_flows = 100 }, &counters, &log);
    enum flow_dir from;
    bool is_new;

    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        struct packet p = packet(i, 40000, L4_TCP, TCP_SYN, i / 100, false);
        struct flow *f = give(t, &p, &from, &is_new);
        assert_true(is_new);
        assert_non_null(f);
    }
    assert_int_equal(counters.n[COUNT_FLOWS_EVICTED], 900);
    assert_int_equal(flow_table_used(t), 100);
    flow_table_flush(t);
    assert_int_equal(log.ended, 1000);
    flow_table_free(t);
}

static void test_messaging_that_was_found_outlives_a_flood(void **state)
{
    struct counters counters = { 0 };
    struct log log = { 0 };
    struct flow_table *t = table(&(struct flow_table_config){ .max_flows = 100 }, &counters, &log);
    struct packet session = packet(1000000, 40000, L4_TCP, TCP_SYN, 0, false);
    enum flow_dir from;
    bool is_new;

    (void)state;
    give(t, &session, &from, &is_new)->service = 1;
    for (uint32_t i = 0; i < 1000; i++) { /* of which each tenth is settled, and all are younger */
        struct packet p = packet(i, 40000, L4_TCP, TCP_SYN, 1 + i / 100, false);
        struct flow *f = give(t, &p, &from, &is_new);
        f->state = i % 10 == 0 ? FLOW_SETTLED : f->state;
    }
    assert_int_equal(counters.n[COUNT_FLOWS_EVICTED], 901);
    give(t, &session, &from, &is_new);
    assert_false(is_new);
    flow_table_free(t);
}

static void test_every_flow_is_found_again_and_ends_once(void **state)
{
    enum { N = 50000 };
    struct counters counters = { 0 };
    struct log log = { 0 };
    struct flow_table *t = table(&(struct flow_table_config){ 0 }, &counters, &log);
    enum flow_dir from;
    bool is_new;

    (void)state;
    for (unsigned round = 0; round < 2; round++)
        for (uint32_t i = 0; i < N; i++) {
            struct packet p = packet(i, (uint16_t)(i % 7 + 1), L4_UDP, 0, round, round == 1);
            give(t, &p, &from, &is_new);
            assert_int_equal(is_new, round == 0);
        }
    /* A third are forgotten in between: ends by time-out must not lose or double the others. */
    for (uint32_t i = 0; i < N; i += 3) {
        struct packet p = packet(i, (uint16_t)(i % 7 + 1), L4_UDP, 0, 150, false);
        give(t, &p, &from, &is_new);
        assert_false(is_new);
    }
    struct packet p = packet(N + 1, 9, L4_UDP, 0, 200, false);
    give(t, &p, &from, &is_new);
    assert_int_equal(flow_table_used(t), (N + 2) / 3 + 1);
    flow_table_flush(t);
    assert_int_equal(log.ended, N + 1);
    flow_table_free(t);
}

static void test_a_table_that_was_flushed_takes_flows_of_an_earlier_time(void **state)
{
    struct counters counters = { 0 };
    struct log log = { 0 };
    struct flow_table *t = table(&(struct flow_table_config){ .opening_idle_s = 30 }, &counters, &log);
    struct packet late = packet(1, 1000, L4_UDP, 0, 400000000, false),
                  early = packet(2, 1001, L4_UDP, 0, 0, false);
    enum flow_dir from;
    bool is_new;

    (void)state;
    give(t, &late, &from, &is_new);
    flow_table_flush(t);
    struct flow *f = give(t, &early, &from, &is_new);
    assert_int_equal(flow_last_us(t, f), early.time_us);
    struct packet later = packet(3, 1002, L4_UDP, 0, 60, false);
    give(t, &later, &from, &is_new);
    assert_int_equal(log.by[FLOW_END_IDLE], 1);
    flow_table_free(t);
}

static void test_a_flow_does_not_end_before_it_began(void **state)
{
    struct counters counters = { 0 };
    struct log log = { 0 };
    struct flow_table *t = table(&(struct flow_table_config){ 0 }, &counters, &log);
    struct flow_table *other = table(&(struct flow_table_config){ 0 }, &counters, &log);
    struct packet early = packet(1, 1, L4_UDP, 0, 0, false), p = packet(2, 2, L4_UDP, 0, 5, false);
    enum flow_dir from;
    bool is_new;

    (void)state;
    early.time_us += 777; /* the first packet of a table, within a millisecond */
    (void)give(t, &early, &from, &is_new);
    p.time_us += 1234;
    struct flow *f = give(t, &p, &from, &is_new);
    assert_int_equal(flow_last_us(t, f), p.time_us);
    p.time_us += 2000;
    f = give(t, &p, &from, &is_new);
    uint64_t last = flow_last_us(t, f);
    assert_int_equal(last % 1000, 0);
    p.time_us -= 2000;
    (void)give(other, &p, &from, &is_new);
    p.time_us += 2000;
    f = give(other, &p, &from, &is_new);
    assert_int_equal(flow_last_us(other, f), last); /* whichever packet a table saw first */
    flow_table_flush(t);
    flow_table_flush(other);
    flow_table_free(t);
    flow_table_free(other);
}

static void test_streams_start_where_both_ends_agreed(void **state)
{
    struct counters counters = { 0 };
    struct log log = { 0 };
    struct flow_table *t = table(&(struct flow_table_config){ 0 }, &counters, &log);
    struct packet syn = packet(1, 40000, L4_TCP, TCP_SYN, 0, false),
                  answer = packet(1, 40000, L4_TCP, TCP_SYN | TCP_ACK, 0, true);
    enum flow_dir from;
    bool is_new;

    (void)state;
    syn.seq = 1000;
    give(t, &syn, &from, &is_new);
    syn.seq = 0x50000000; /* beside it: an attempt that was given up, or one made to mislead */
    struct flow *f = give(t, &syn, &from, &is_new);
    assert_int_equal(f->start_seq[FROM_CLIENT], 0x50000001);
    answer.seq = 7000;
    answer.ack = 1001;
    give(t, &answer, &from, &is_new);
    assert_int_equal(f->start_seq[FROM_CLIENT], 1001);
    assert_int_equal(f->start_seq[FROM_SERVER], 7001);
    syn.seq = 0x60000000; /* after it: nobody takes it */
    give(t, &syn, &from, &is_new);
    answer.seq = 0x70000000;
    give(t, &answer, &from, &is_new);
    assert_int_equal(f->start_seq[FROM_CLIENT], 1001);
    assert_int_equal(f->start_seq[FROM_SERVER], 7001);
    flow_table_flush(t);
    flow_table_free(t);
}

static void test_times_are_right_however_far_apart(void **state)
{
    static const uint64_t seconds[] = { 0, 3000000, 6000000, 6000010, 200000000, 3000000000 };
    struct counters counters = { 0 };
    struct log log = { 0 };
    struct flow_table *t = table(&(struct flow_table_config){ 0 }, &counters, &log);
    enum flow_dir from;
    bool is_new;

    (void)state;
    for (unsigned i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        struct packet p = packet(1, (uint16_t)(1000 + i), L4_UDP, 0, seconds[i], false);
        const struct flow *f = give(t, &p, &from, &is_new);
        assert_int_equal(flow_last_us(t, f) / 1000, p.time_us / 1000);
        assert_int_equal(f->first_us, p.time_us);
    }
    assert_int_equal(log.by[FLOW_END_IDLE], 5);
    flow_table_flush(t);
    /* The next capture is of another time. */
    struct packet before = packet(1, 5000, L4_UDP, 0, 0, false);
    before.time_us = UINT64_C(500000000) * 1000000;
    assert_int_equal(flow_last_us(t, give(t, &before, &from, &is_new)), before.time_us);
    before.time_us -= UINT64_C(5000000); /* out of order */
    assert_int_equal(flow_last_us(t, give(t, &before, &from, &is_new)), before.time_us + 5000000);
    before.dst_port = 1;
    assert_int_equal(flow_last_us(t, give(t, &before, &from, &is_new)), before.time_us);
    flow_table_flush(t);
    flow_table_free(t);
}

static void test_a_flow_never_ends_before_it_began(void **state)
{
    struct counters counters = { 0 };
    struct log log = { 0 };
    struct flow_table *t = table(&(struct flow_table_config){ 0 }, &counters, &log);
    struct packet p = packet(1, 1000, L4_UDP, 0, 0, false);
    enum flow_dir from;
    bool is_new;

    (void)state;
    p.time_us += 999; /* less than the millisecond that entries keep */
    const struct flow *f = give(t, &p, &from, &is_new);
    assert_true(flow_last_us(t, f) >= f->first_us);
    flow_table_flush(t);
    flow_table_free(t);
}

static unsigned asked; /* how often */

static void on_refresh(void *context, struct flow *f)
{
    (void)context;
    (void)f;
    asked++;
}

/* Of a flow that others count: now and then, or only when its time is up. */
static unsigned asked_within(bool late, uint64_t seconds)
{
    struct counters counters = { 0 };
    struct log log = { 0 };
    const struct flow_table_config config = { .refresh = on_refresh, .refresh_late = late };
    struct flow_table *t = table(&config, &counters, &log);
    struct packet there = packet(1, 40000, L4_UDP, 0, 0, false), back = packet(1, 40000, L4_UDP, 0, 0, true);
    enum flow_dir from;
    bool is_new;

    asked = 0;
    give(t, &there, &from, &is_new)->bypassed = true;
    (void)give(t, &back, &from, &is_new);
    for (uint64_t second = 1; second <= seconds; second++)
        flow_table_advance(t, (1000000000 + second) * 1000000);
    assert_int_equal(log.ended, seconds > 200 ? 1 : 0);
    flow_table_flush(t);
    flow_table_free(t);
    return asked;
}

static void test_who_counts_a_flow_is_asked_of_it(void **state)
{
    (void)state;
    assert_true(asked_within(false, 170) >= 5);
    assert_int_equal(asked_within(true, 170), 0);
    assert_int_equal(asked_within(true, 210), 1);
}

static void test_community_id_of_the_specification(void **state)
{
    /* Baseline values of the specification's own test captures. */
    static const struct {
        const char *a, *b;
        uint16_t a_port, b_port;
        uint8_t l4;
        const char *id;
    } known[] = {
        { "128.232.110.120", "66.35.250.204", 34855, 80, L4_TCP, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=" },
        { "66.35.250.204", "128.232.110.120", 80, 34855, L4_TCP, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=" },
        { "192.168.1.52", "8.8.8.8", 54585, 53, L4_UDP, "1:d/FP5EW3wiY1vCndhwleRRKHowQ=" },
        { "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 63943, 25, L4_TCP,
          "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=" },
    };
    char id[32];

    (void)state;
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct flow_key k = { .port = { known[i].a_port, known[i].b_port }, .l4 = known[i].l4 };
        assert_true(ip_parse(view_string(known[i].a), &k.addr[0]));
        assert_true(ip_parse(view_string(known[i].b), &k.addr[1]));
        flow_community_id(&k, id);
        assert_string_equal(id, known[i].id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_directions_are_one_flow),
        cmocka_unit_test(test_syn_ack_first_still_finds_the_client),
        cmocka_unit_test(test_idle_flows_end_by_packet_time),
        cmocka_unit_test(test_flows_end_in_time_after_a_time_without_any),
        cmocka_unit_test(test_a_new_syn_on_a_closed_flow_is_another_flow),
        cmocka_unit_test(test_a_full_table_ends_idle_flows_and_counts_them),
        cmocka_unit_test(test_messaging_that_was_found_outlives_a_flood),
        cmocka_unit_test(test_every_flow_is_found_again_and_ends_once),
        cmocka_unit_test(test_a_table_that_was_flushed_takes_flows_of_an_earlier_time),
        cmocka_unit_test(test_a_flow_does_not_end_before_it_began),
        cmocka_unit_test(test_streams_start_where_both_ends_agreed),
        cmocka_unit_test(test_times_are_right_however_far_apart),
        cmocka_unit_test(test_a_flow_never_ends_before_it_began),
        cmocka_unit_test(test_who_counts_a_flow_is_asked_of_it),
        cmocka_unit_test(test_community_id_of_the_specification),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
