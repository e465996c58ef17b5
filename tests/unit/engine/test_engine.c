/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine on captures made here: whatever the number of workers and wherever the bytes come from, the same
 * events come out; limits are kept; captures do not know of each other.
 */
#include "engine/engine.h"
#include "test.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- captures ---- */

enum { CAPTURE_BYTES = 24 << 20, FLOWS = 2000 };

struct making {
    uint8_t *bytes;
    size_t len;
    uint64_t time_us;
};

#include "making.h" /* behind what it is about */

static void make(struct making *m, uint64_t start_s)
{
    static const uint8_t head[24] = { 0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, [16] = 0xff, 0xff, [20] = 101 };

    *m = (struct making){ .bytes = malloc(CAPTURE_BYTES), .time_us = start_s * 1000000 };
    assert_non_null(m->bytes);
    put(m, head, sizeof head);
}

struct talk {
    uint32_t number;
    uint8_t l4;
    uint32_t next[2];
};

static bool is_irc(const struct talk *t)
{
    return t->number % 4 == 0;
}

static void put_ip(struct making *m, const struct talk *t, bool reply, size_t len, uint16_t fragmentation)
{
    uint32_t ends[2] = { 0x0a000000u + t->number, 0xc0000200u + t->number % 7 };

    put_le32(m, m->time_us / 1000000);
    put_le32(m, m->time_us % 1000000);
    put_le32(m, 20 + len);
    put_le32(m, 20 + len);
    m->time_us += 100;
    put16(m, 0x4500);
    put16(m, (uint32_t)(20 + len));
    put16(m, t->number & 0xffff);
    put16(m, fragmentation);
    put16(m, 0x4000u | t->l4);
    put16(m, 0);
    put32(m, ends[reply]);
    put32(m, ends[!reply]);
}

static void tcp(struct making *m, struct talk *t, bool reply, uint16_t flags, const char *text)
{
    size_t len = strlen(text);
    uint32_t port = is_irc(t) ? 6667 : 7000; /* what is on the same server and port is a neighbour */

    put_ip(m, t, reply, 20 + len, 0x4000);
    put16(m, reply ? port : 40000);
    put16(m, reply ? 40000 : port);
    put32(m, t->next[reply]);
    put32(m, t->next[!reply]);
    put16(m, 0x5000u | flags);
    put16(m, 65535);
    put32(m, 0);
    put(m, text, len);
    t->next[reply] += (uint32_t)len + ((flags & 3) != 0);
}

/* A datagram of 3,000 octets in three fragments, the last one first. */
static void udp_in_fragments(struct making *m, const struct talk *t)
{
    static uint8_t datagram[3000] = { 0x9c, 0x41, 0x13, 0xc4, 0x0b, 0xb8, 0,  0,
                                      'n',  'o',  't',  'h',  'i',  'n',  'g' };

    for (unsigned i = 3; i-- > 0;) {
        put_ip(m, t, false, 1000, (uint16_t)((i < 2 ? 0x2000 : 0) | i * 125));
        put(m, datagram + i * 1000, 1000);
    }
}

/* Many talks side by side: every fourth is IRC, every fifth UDP in fragments, the others nothing known. */
static struct making busy_capture(uint64_t start_s)
{
    static struct talk talks[FLOWS];
    struct making m;

    make(&m, start_s);
    for (uint32_t i = 0; i < FLOWS; i++)
        talks[i] = (struct talk){ i, i % 5 == 0 ? 17 : 6, { 1000 + i, UINT32_MAX - 20 } };
    for (unsigned round = 0; round < 6; round++) {
        for (uint32_t i = 0; i < FLOWS; i++) {
            struct talk *t = &talks[i];
            bool irc = is_irc(t);
            if (t->l4 == 17) {
                if (round < 2)
                    udp_in_fragments(&m, t);
                continue;
            }
            switch (round) {
            case 0: tcp(&m, t, false, 2, ""); break;
            case 1: tcp(&m, t, true, 0x12, ""); break;
            case 2:
                tcp(&m, t, false, 0x18, irc ? "NICK bob\r\nUSER bob 0 * :Bob\r\n" : "\1\2\3\4 nothing");
                break;
            case 3:
                tcp(&m, t, true, 0x18,
                    irc ? ":irc.example.net 001 bob :Welcome to the network, bob\r\n" : "\5\6\7");
                break;
            case 4: tcp(&m, t, false, 0x18, irc ? "PRIVMSG alice :hi\r\n" : "\1\1\1"); break;
            default: tcp(&m, t, i % 2, 0x11, ""); break;
            }
        }
    }
    return m;
}

/* ---- events ---- */

struct events {
    pthread_mutex_t lock;
    char **line;
    size_t count, size;
    uint64_t first_us, last_us; /* of the last flow told */
};

static void on_flow(void *context, const struct flow_event *e)
{
    struct events *out = context;
    char line[EVE_LINE_BYTES];
    size_t len = eve_flow(e, line);

    pthread_mutex_lock(&out->lock);
    if (out->count == out->size) {
        out->size = out->size * 2 + 64;
        out->line = realloc(out->line, out->size * sizeof *out->line);
    }
    out->line[out->count++] = strndup(line, len);
    out->first_us = e->flow->first_us;
    out->last_us = e->last_us;
    pthread_mutex_unlock(&out->lock);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void events_free(struct events *e)
{
    for (size_t i = 0; i < e->count; i++)
        free(e->line[i]);
    free(e->line);
    *e = (struct events){ .lock = PTHREAD_MUTEX_INITIALIZER };
}

static struct engine *engine(unsigned workers, uint32_t max_flows, struct events *out)
{
    struct engine_config config = {
        .workers = workers, .max_flows = max_flows, .all_flows = true, .flow = on_flow, .context = out
    };
    struct imw_error_info err;
    struct engine *e;

    *out = (struct events){ .lock = PTHREAD_MUTEX_INITIALIZER };
    assert_true(rules_load(NULL, NULL, NULL, &config.rules, &err));
    assert_true(engine_new(&config, &e, &err));
    return e;
}

static void read_fd(struct engine *e, int fd)
{
    struct imw_error_info err;
    struct capture *c;
    char path[32];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    assert_true(capture_open(path, &c, &err));
    assert_true(engine_read(e, c, "test.pcap", &err));
    capture_close(c);
    close(fd);
    assert_int_equal(engine_memory(e).inspect_used, 0);
}

static int file_of(const struct making *m)
{
    int fd = memfd_create("capture", MFD_CLOEXEC);

    assert_true(fd >= 0 && write(fd, m->bytes, m->len) == (ssize_t)m->len);
    return fd;
}

struct pouring {
    const struct making *from;
    int fd;
};

static void *pour(void *argument)
{
    const struct pouring *p = argument;

    for (size_t at = 0; at < p->from->len;) {
        ssize_t n = write(p->fd, p->from->bytes + at, p->from->len - at);
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    close(p->fd);
    return NULL;
}

static void assert_same(struct events *a, struct events *b)
{
    qsort(a->line, a->count, sizeof *a->line, by_text);
    qsort(b->line, b->count, sizeof *b->line, by_text);
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++)
        assert_string_equal(a->line[i], b->line[i]);
}

static void test_any_number_of_workers_tells_the_same(void **state)
{
    static const unsigned workers[] = { 1, 2, 3, 8 };
    struct making m = busy_capture(1700000000);
    struct events alone = { .lock = PTHREAD_MUTEX_INITIALIZER };

    (void)state;
    for (unsigned i = 0; i < sizeof workers / sizeof workers[0]; i++) {
        for (unsigned piped = 0; piped < 2; piped++) {
            struct events out;
            struct engine *e = engine(workers[i], 0, &out);
            struct counters sum;
            pthread_t thread;
            int ends[2];
            if (piped) {
                assert_int_equal(pipe(ends), 0);
                struct pouring p = { &m, ends[1] };
                assert_int_equal(pthread_create(&thread, NULL, pour, &p), 0);
                read_fd(e, ends[0]);
                pthread_join(thread, NULL);
            } else {
                read_fd(e, file_of(&m));
            }
            engine_counters(e, &sum);
            assert_int_equal(sum.n[COUNT_FLOWS], FLOWS);
            assert_int_equal(sum.n[COUNT_FRAGMENTS_JOINED], 2 * FLOWS / 5);
            assert_int_equal(sum.n[COUNT_FRAGMENTS_DROPPED], 0);
            assert_int_equal(sum.n[COUNT_FLOWS_IM], FLOWS / 4 - FLOWS / 20);
            assert_int_equal(out.count, FLOWS);
            if (i == 0 && !piped)
                alone = out;
            else
                assert_same(&alone, &out);
            if (alone.line != out.line)
                events_free(&out);
            engine_free(e);
        }
    }
    events_free(&alone);
    free(m.bytes);
}

static void test_a_full_table_ends_flows_early_but_tells_of_all(void **state)
{
    struct making m = busy_capture(1700000000);
    struct events out;

    (void)state;
    for (unsigned workers = 1; workers <= 3; workers += 2) {
        struct engine *e = engine(workers, 500, &out);
        struct counters sum;
        read_fd(e, file_of(&m));
        engine_counters(e, &sum);
        assert_true(sum.n[COUNT_FLOWS_EVICTED] > 0);
        assert_true(sum.n[COUNT_FLOWS] >= FLOWS);
        assert_int_equal(out.count, sum.n[COUNT_FLOWS]);
        assert_in_range(engine_memory(e).flows_peak, 1, 500 + workers);
        engine_free(e);
        events_free(&out);
    }
    free(m.bytes);
}

static void test_captures_of_any_times_may_follow_each_other(void **state)
{
    static const uint64_t starts[] = { 1700000000, 1000000000, 1800000000 };
    struct events out;
    struct engine *e = engine(1, 0, &out);

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct making m;
        struct talk t = { 1, 6, { 1000, 5000 } };
        make(&m, starts[i]);
        tcp(&m, &t, false, 2, "");
        tcp(&m, &t, true, 0x12, "");
        m.time_us += 5000000;
        tcp(&m, &t, false, 0x18, "hello");
        read_fd(e, file_of(&m));
        free(m.bytes);
        assert_int_equal(out.count, i + 1);
        assert_int_equal(out.first_us / 1000000, starts[i]);
        assert_int_equal(out.last_us / 1000000, starts[i] + 5);
    }
    assert_int_equal(engine_now_us(e) / 1000000, 1800000005);
    engine_free(e);
    events_free(&out);
}

static void test_flows_are_named_in_several_ways(void **state)
{
    const uint8_t a[4] = { 10, 0, 0, 1 }, b[4] = { 192, 0, 2, 1 };
    struct flow f = { .key = {
                          .addr = { ip_from_v4(a), ip_from_v4(b) }, .port = { 40000, 443 }, .l4 = L4_TCP } };
    char community_id[32];

    (void)state;
    flow_community_id(&f.key, community_id);
    assert_true(flow_is_named(&f, 77, VIEW("77")));
    assert_false(flow_is_named(&f, 77, VIEW("78")));
    assert_true(flow_is_named(&f, 77, view_string(community_id)));
    assert_true(flow_is_named(&f, 77, VIEW("10.0.0.1:40000")));
    assert_true(flow_is_named(&f, 77, VIEW("192.0.2.1:443,10.0.0.1:40000")));
    assert_false(flow_is_named(&f, 77, VIEW("192.0.2.1:443,10.0.0.1:40001")));
    assert_false(flow_is_named(&f, 77, VIEW("10.0.0.1")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_number_of_workers_tells_the_same),
        cmocka_unit_test(test_a_full_table_ends_flows_early_but_tells_of_all),
        cmocka_unit_test(test_captures_of_any_times_may_follow_each_other),
        cmocka_unit_test(test_flows_are_named_in_several_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
