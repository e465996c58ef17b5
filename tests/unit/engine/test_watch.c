/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers on live frames, with a kernel that follows a script: which frames come, when the interface goes
 * away, what is counted of bypassed flows. (With real interfaces: tests/check/watch.)
 */
#include "engine/engine.h"
#include "engine/gate.h"
#include "packet/live.h"
#include "test.h"
#include <errno.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ---- the kernel's part ---- */

enum { SCRIPT_FRAMES = 512, FRAME_BYTES = 256, BYPASSED = 8 };

struct live {
    unsigned count;
    atomic_uint given; /* frames of the script that were read */
    atomic_uint shown; /* frames that may be read */
    atomic_bool gone;
    struct frame frames[SCRIPT_FRAMES];
    uint8_t bytes[SCRIPT_FRAMES][FRAME_BYTES];
    bool can_bypass;
    atomic_uint bypassed_count, ended_count;
    struct live_flow bypassed[BYPASSED];
    struct live_bypassed counted;
};

enum live_answer live_read(struct live *l, unsigned worker, struct frame *out, unsigned max, int wait_ms,
                           unsigned *out_count)
{
    unsigned n = 0;

    (void)wait_ms;
    if (atomic_load(&l->gone))
        return LIVE_GONE;
    if (worker == 0)
        while (n < max && l->given + n < atomic_load(&l->shown)) {
            out[n] = l->frames[l->given + n];
            n++;
        }
    l->given += n;
    *out_count = n;
    if (n == 0)
        usleep(1000);
    return n > 0 ? LIVE_FRAMES : LIVE_QUIET;
}

bool live_can_bypass(const struct live *l)
{
    return l->can_bypass;
}

bool live_bypass(struct live *l, const struct live_flow *f)
{
    assert_true(l->bypassed_count < BYPASSED);
    l->bypassed[l->bypassed_count] = *f;
    l->bypassed_count++;
    return true;
}

bool live_bypass_read(struct live *l, const struct live_flow *f, bool end, struct live_bypassed *out)
{
    assert_true(ip_equal(&f->addr[0], &l->bypassed[0].addr[0]));
    l->ended_count += end;
    *out = l->counted;
    return true;
}

/* ---- frames ---- */

static uint64_t clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* The next TCP segment of the one conversation, Ethernet and IPv4 without checksums. */
static void put_tcp(struct live *l, uint64_t time_us, bool reply, uint8_t flags, uint32_t seq,
                    const char *text)
{
    size_t len = strlen(text);
    uint8_t *at = l->bytes[l->count];
    uint8_t head[54] = { [12] = 8, [14] = 0x45, [22] = 64, 6, [46] = 0x50, flags, 0xff, 0xff };

    assert_true(l->count < SCRIPT_FRAMES && sizeof head + len <= FRAME_BYTES);
    head[16] = (uint8_t)((40 + len) >> 8);
    head[17] = (uint8_t)(40 + len);
    memcpy(head + 26, reply ? "\xc6\x33\x64\x01\x0a\x00\x00\x05" : "\x0a\x00\x00\x05\xc6\x33\x64\x01", 8);
    memcpy(head + 34, reply ? "\x1a\x0b\x9c\x40" : "\x9c\x40\x1a\x0b", 4);
    for (unsigned i = 0; i < 4; i++)
        head[38 + i] = (uint8_t)(seq >> (24 - 8 * i));
    memcpy(at, head, sizeof head);
    memcpy(at + sizeof head, text, len);
    l->frames[l->count++] = (struct frame){ .time_us = time_us,
                                            .data = view_of(at, sizeof head + len),
                                            .wire_len = (uint32_t)(sizeof head + len),
                                            .link = 1 };
}

/* An IRC conversation's first packets. */
static void put_irc(struct live *l, uint64_t time_us)
{
    put_tcp(l, time_us, false, TCP_SYN, 999, "");
    put_tcp(l, time_us + 1000, true, TCP_SYN | TCP_ACK, 4999, "");
    put_tcp(l, time_us + 2000, false, TCP_ACK | TCP_PSH, 1000, "NICK bob\r\nUSER bob 0 * :Bob\r\n");
    put_tcp(l, time_us + 3000, true, TCP_ACK | TCP_PSH, 5000,
            ":irc.example.net 001 bob :Welcome to the network, bob\r\n");
}

/* What nobody knows, of many packets: it settles, and may be bypassed. */
static void put_unknown(struct live *l, uint64_t time_us, unsigned packets)
{
    char text[64];

    put_tcp(l, time_us, false, TCP_SYN, 999, "");
    put_tcp(l, time_us, true, TCP_SYN | TCP_ACK, 4999, "");
    for (unsigned i = 0; i < packets; i++) {
        snprintf(text, sizeof text, "\x01\x02\x03 nothing that is known to anybody, number %04u\n", i);
        put_tcp(l, time_us + i, i % 2, TCP_ACK, (i % 2 ? 5000 : 1000) + i / 2 * (uint32_t)strlen(text), text);
    }
}

/* ---- the engine's part ---- */

struct told {
    pthread_mutex_t lock;
    unsigned flows, irc;
    enum flow_end why;
    uint64_t packets[2], bytes[2], payload[2], last_us;
};

static void on_flow(void *context, const struct flow_event *e)
{
    struct told *t = context;

    pthread_mutex_lock(&t->lock);
    t->flows++;
    t->irc += e->flow->service != 0;
    t->why = e->why;
    t->last_us = e->last_us;
    for (unsigned d = 0; d < 2; d++) {
        t->packets[d] = e->flow->packets[d];
        t->bytes[d] = e->flow->bytes[d];
        t->payload[d] = e->flow->payload[d];
    }
    pthread_mutex_unlock(&t->lock);
}

struct stage {
    struct engine *engine;
    struct live *live;
    struct watch *watch;
    struct told told;
};

static void scene_open(struct stage *s, unsigned workers)
{
    struct engine_config config = { .workers = workers, .all_flows = true, .flow = on_flow };
    struct imw_error_info err;

    *s = (struct stage){ .told.lock = PTHREAD_MUTEX_INITIALIZER, .live = calloc(1, sizeof *s->live) };
    assert_non_null(s->live);
    assert_true(rules_load(NULL, NULL, NULL, &config.rules, &err));
    config.context = &s->told;
    assert_true(engine_new(&config, &s->engine, &err));
}

static void scene_start(struct stage *s, bool bypass)
{
    struct watch_config config = { .bypass = bypass };
    struct imw_error_info err;

    for (unsigned i = 0; i < ENGINE_WORKERS_MAX; i++)
        config.cpus[i] = -1;
    atomic_store(&s->live->shown, s->live->count);
    assert_true(engine_watch(s->engine, s->live, &config, &s->watch, &err));
}

static void scene_close(struct stage *s)
{
    watch_stop(s->watch);
    engine_free(s->engine);
    free(s->live);
}

static unsigned flows_told(struct stage *s)
{
    pthread_mutex_lock(&s->told.lock);
    unsigned n = s->told.flows;
    pthread_mutex_unlock(&s->told.lock);
    return n;
}

/* Wait for it, ten seconds at most. */
#define eventually(condition)                                                                                \
    do {                                                                                                     \
        for (unsigned tries_ = 0; tries_ < 1000 && !(condition); tries_++)                                   \
            usleep(10000);                                                                                   \
        assert_true(condition);                                                                              \
    } while (0)

static uint64_t counter(struct stage *s, enum counter which)
{
    struct watch_status status;

    watch_status(s->watch, 0, &status);
    return status.counters.n[which];
}

/* ---- tests ---- */

static void test_a_stop_handles_what_came_before_and_ends_all_flows(void **state)
{
    struct stage s;

    (void)state;
    scene_open(&s, 3);
    put_irc(s.live, clock_us());
    scene_start(&s, false);
    watch_stop(s.watch); /* at once */
    s.watch = NULL;
    assert_int_equal(s.told.flows, 1);
    assert_int_equal(s.told.irc, 1);
    assert_int_equal(s.told.why, FLOW_END_SHUTDOWN);
    assert_int_equal(s.told.packets[0] + s.told.packets[1], 4);
    assert_int_equal(engine_memory(s.engine).inspect_used, 0);
    scene_close(&s);
}

static void test_a_flow_ends_by_the_clock_though_no_packet_comes(void **state)
{
    struct stage s;

    (void)state;
    scene_open(&s, 1);
    put_tcp(s.live, clock_us() - 58000000, false, TCP_SYN, 999, ""); /* it has two seconds left of sixty */
    scene_start(&s, false);
    eventually(flows_told(&s) == 1);
    assert_int_equal(s.told.why, FLOW_END_IDLE);
    scene_close(&s);
}

static void test_flows_outlive_an_interface(void **state)
{
    struct stage s;
    struct live *second = calloc(1, sizeof *second);

    (void)state;
    scene_open(&s, 2);
    put_irc(s.live, clock_us());
    scene_start(&s, false);
    eventually(counter(&s, COUNT_FRAMES) == 4);
    assert_int_equal(watch_link(s.watch), WATCH_UP);
    atomic_store(&s.live->gone, true);
    eventually(watch_link(s.watch) == WATCH_GONE);
    watch_use(s.watch, NULL);
    memset(s.live, 0xee, sizeof *s.live); /* nobody looks at it any more */
    assert_int_equal(watch_link(s.watch), WATCH_GONE);
    assert_int_equal(flows_told(&s), 0);
    put_tcp(second, clock_us(), false, TCP_ACK | TCP_FIN, 1030, "");
    atomic_store(&second->shown, 1);
    watch_use(s.watch, second);
    eventually(counter(&s, COUNT_FRAMES) == 5);
    assert_int_equal(watch_link(s.watch), WATCH_UP);
    watch_stop(s.watch);
    s.watch = NULL;
    assert_int_equal(s.told.flows, 1);
    assert_int_equal(s.told.packets[0] + s.told.packets[1], 5);
    free(second);
    scene_close(&s);
}

static void test_a_bypassed_flow_ends_with_the_counters_of_the_kernel(void **state)
{
    struct stage s;
    uint64_t now_us = clock_us();

    (void)state;
    scene_open(&s, 1);
    s.live->can_bypass = true;
    s.live->counted = (struct live_bypassed){ { 1000, 10 }, { 1000000, 660 }, now_us + 500000 };
    put_unknown(s.live, now_us, 120);
    scene_start(&s, true);
    eventually(atomic_load(&s.live->bypassed_count) > 0);
    watch_stop(s.watch);
    s.watch = NULL;
    assert_int_equal(s.live->bypassed_count, 1);
    assert_int_equal(s.live->ended_count, 1);
    assert_int_equal(s.live->bypassed[0].l4, L4_TCP);
    assert_int_equal(s.live->bypassed[0].port[0], 40000);
    assert_int_equal(s.told.packets[0] + s.told.packets[1], 122 + 1010);
    uint64_t seen = 0;
    for (unsigned i = 0; i < s.live->count; i++)
        seen += s.live->frames[i].wire_len;
    assert_int_equal(s.told.bytes[0] + s.told.bytes[1], seen + 1000660);
    assert_true(s.told.payload[0] > 900000 && s.told.payload[0] < 1000000);
    assert_int_equal(s.told.last_us / 1000, (now_us + 500000) / 1000);
    scene_close(&s);
}

static void test_a_bypassed_flow_does_not_idle_out_while_the_kernel_counts(void **state)
{
    struct stage s;
    uint64_t now_us = clock_us(), old_us = now_us - 3700ull * 1000000; /* open connections idle for an hour */

    (void)state;
    scene_open(&s, 1);
    s.live->can_bypass = true;
    s.live->counted = (struct live_bypassed){ { 1, 0 }, { 60, 0 }, now_us };
    put_unknown(s.live, old_us, 120);
    scene_start(&s, true);
    eventually(atomic_load(&s.live->bypassed_count) > 0);
    usleep(500000); /* timers have run to the clock's time many times over */
    assert_int_equal(flows_told(&s), 0);
    scene_close(&s);
}

static void test_no_flow_is_bypassed_unless_it_is_wanted(void **state)
{
    struct stage s;

    (void)state;
    scene_open(&s, 1);
    s.live->can_bypass = true;
    put_unknown(s.live, clock_us(), 120);
    scene_start(&s, false);
    eventually(counter(&s, COUNT_FRAMES) == 122);
    assert_int_equal(s.live->bypassed_count, 0);
    scene_close(&s);
}

/* The kernel took the queue away, or our permission. The workers say so, and do not spin. */
static void test_a_queue_that_is_gone_is_told(void **state)
{
    const struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
    } refused = { { .nlmsg_len = sizeof refused, .nlmsg_type = NLMSG_ERROR }, { .error = -EPERM } };
    struct engine_config engine = { .workers = 1 };
    const struct gate_config gate = { .generation = 1, .fail_open = true };
    struct watch_config config = { .gate = &gate, .cpus = { -1 } };
    struct watch *watch = NULL;
    struct engine *e = NULL;
    struct imw_error_info err;
    struct timespec used;
    int fd[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd), 0);
    assert_true(queue_new(fd[0], 1, &config.queues[0], &err));
    assert_true(rules_load(NULL, NULL, NULL, &engine.rules, &err));
    assert_true(engine_new(&engine, &e, &err));
    assert_true(engine_watch(e, NULL, &config, &watch, &err));
    usleep(200000);
    assert_int_equal(watch_link(watch), WATCH_UP);
    assert_int_equal(send(fd[1], &refused, sizeof refused, 0), sizeof refused);
    for (unsigned i = 0; i < 100 && watch_link(watch) != WATCH_GONE; i++)
        usleep(20000);
    assert_int_equal(watch_link(watch), WATCH_GONE);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    int64_t before_ms = used.tv_sec * 1000 + used.tv_nsec / 1000000;
    usleep(300000);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    assert_true(used.tv_sec * 1000 + used.tv_nsec / 1000000 - before_ms < 150);
    watch_stop(watch);
    engine_free(e);
    queue_free(config.queues[0]);
    close(fd[1]);
}

static void test_a_clock_set_back_ends_flows_and_begins_anew(void **state)
{
    struct stage s;
    struct watch_status status;

    (void)state;
    scene_open(&s, 1);
    put_irc(s.live, clock_us() + 7200ull * 1000000);
    scene_start(&s, false);
    eventually(counter(&s, COUNT_FRAMES) == 4);
    put_tcp(s.live, clock_us(), false, TCP_ACK, 1030, "PING x\r\n");
    atomic_store(&s.live->shown, s.live->count);
    eventually(counter(&s, COUNT_FRAMES) == 5);
    watch_status(s.watch, 0, &status);
    assert_int_equal(status.clock_steps, 1);
    assert_int_equal(flows_told(&s), 1);
    assert_true(status.now_us < clock_us() + 1000000);
    scene_close(&s);
}

static void test_a_decision_is_noted_by_packets_and_bytes(void **state)
{
    struct stage s;
    struct watch_status status;
    uint64_t packets = 0, bytes = 0;

    (void)state;
    scene_open(&s, 1);
    put_irc(s.live, clock_us());
    scene_start(&s, false);
    eventually(counter(&s, COUNT_FRAMES) == 4);
    watch_status(s.watch, 0, &status);
    for (unsigned i = 0; i < DECISION_BUCKETS; i++) {
        packets += status.decisions.packets[i];
        bytes += status.decisions.bytes[i];
    }
    assert_int_equal(packets, 1);
    assert_int_equal(bytes, 1);
    assert_int_equal(status.decisions.packets[2], 1);                           /* 3 or 4 packets */
    assert_int_equal(status.decisions.bytes[1] + status.decisions.bytes[3], 1); /* 29 bytes, or 84 */
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stop_handles_what_came_before_and_ends_all_flows),
        cmocka_unit_test(test_a_flow_ends_by_the_clock_though_no_packet_comes),
        cmocka_unit_test(test_flows_outlive_an_interface),
        cmocka_unit_test(test_a_bypassed_flow_ends_with_the_counters_of_the_kernel),
        cmocka_unit_test(test_a_bypassed_flow_does_not_idle_out_while_the_kernel_counts),
        cmocka_unit_test(test_no_flow_is_bypassed_unless_it_is_wanted),
        cmocka_unit_test(test_a_queue_that_is_gone_is_told),
        cmocka_unit_test(test_a_clock_set_back_ends_flows_and_begins_anew),
        cmocka_unit_test(test_a_decision_is_noted_by_packets_and_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
