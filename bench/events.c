/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts made-up flow events from several threads through the writer of events, and tells how it went. Also the
 * driver of tests/check/outputs.
 *
 *     bench_events [-t THREADS] [-n EVENTS | -s SECONDS] [-r EVENTS_A_SECOND] [-k KEEP_MS] [-c VERSIONS] [-a]
 *                  [-b ROTATE_BYTES] OUTPUT...
 *
 * -n is of each thread, -r of all together (0: as fast as they come, waiting where a ring is full); -k waits
 * before the writer stops, for outputs whose other side is late, with -a only until every output has all, as
 * a collector says when it acknowledges; with -c each flow names one of so many versions of a program. Each event's flow_id is its thread's number
 * times 2^32 and its own number, from 1.
 *
 * Output: JSON on one line.
 */
#include "event/writer.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 16 };

struct plan {
    unsigned threads;
    uint64_t events;
    double seconds, rate;
    unsigned keep_ms, versions; /* versions: of client software that flows name; 0: none does */
    bool until_all;
};

struct source {
    struct event_writer *writer;
    const struct plan *plan;
    const struct catalog *catalog;
    unsigned number;
    uint64_t offered, put, full;
    pthread_t thread;
};

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void pause_us(long us)
{
    nanosleep(&(struct timespec){ us / 1000000, us % 1000000 * 1000 }, NULL);
}

/* A flow of some service, with what flows of services mostly have. */
static void make(const struct source *s, uint64_t n, struct flow *flow, struct record *record)
{
    uint64_t us = (uint64_t)time(NULL) * 1000000 + n % 1000000;
    const uint8_t client[4] = { 10, 20, (uint8_t)(n >> 8), (uint8_t)n }, server[4] = { 198, 51, 100, 7 };
    static const uint8_t client6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 9 };
    bool v6 = n % 8 == 0;

    *flow = (struct flow){ .first_us = us - 5000000,
                           .service = (uint16_t)(1 + n % catalog_count(s->catalog)),
                           .app = PROTOCOL_TLS,
                           .protocol = PROTOCOL_TLS,
                           .activities = 1 << ACTIVITY_LOGIN | 1 << ACTIVITY_CHAT,
                           .delivery = DELIVERY_SERVER_PROXY,
                           .confidence = 100,
                           .bytes = { 1500 + n % 5000, 20000 + n % 70000 },
                           .packets = { 12, 25 } };
    flow->key =
        (struct flow_key){ .addr = { v6 ? ip_from_v6(client6) : ip_from_v4(client), ip_from_v4(server) },
                           .port = { (uint16_t)(1024 + n % 60000), 443 },
                           .l4 = L4_TCP };
    *record = (struct record){ .evidence_count = 1 };
    record->evidence[0].service = flow->service;
    record->evidence[0].kind = EVIDENCE_SNI;
    record->evidence[0].confidence = 100;
    memcpy(record->evidence[0].value, "chat.example.com", 17);
    memcpy(record->server_name, "chat.example.com", 17);
    if (s->plan->versions > 0)
        snprintf(record->client, sizeof record->client, "messenger/%u.0", (unsigned)(n % s->plan->versions));
    memcpy(record->ja4, "t13d1516h2_8daaf6152771_b186095e22b6", 37);
}

static void *offer(void *context)
{
    struct source *s = context;
    const struct plan *p = s->plan;
    struct known_who client = { .host = "laptop-17", .user = "a.person", .mac = { 2, 0, 0, 0, 0, 17 } };
    double start = now_s(), rate = p->rate / p->threads;
    static const char *const actions[] = { "alert", "block", "allow" };
    struct flow flow;
    struct record record;

    while (p->events > 0 ? s->offered < p->events : now_s() - start < p->seconds) {
        if (rate > 0 && (double)s->offered > (now_s() - start) * rate) {
            pause_us(500);
            continue;
        }
        make(s, ++s->offered, &flow, &record);
        struct flow_event e = { .flow = &flow,
                                .record = &record,
                                .catalog = s->catalog,
                                .flow_id = (uint64_t)s->number << 32 | s->offered,
                                .last_us = flow.first_us + 5000000,
                                .why = FLOW_END_CLOSED,
                                .verdict = { actions[s->offered % 3], "no files | over = public \\ IM" },
                                .client = &client,
                                .worker = s->number };
        bool put;
        while (!(put = event_put_flow(s->writer, s->number, &e))) {
            s->full++;
            if (rate > 0)
                break;
            pause_us(200);
        }
        s->put += put;
    }
    return NULL;
}

/* Every output has, or has lost, all that was put. */
static bool has_all(struct event_writer *w, const struct source *sources, const struct plan *p)
{
    struct event_writer_status st;
    uint64_t put = 0;

    for (unsigned i = 0; i < p->threads; i++)
        put += sources[i].put;
    event_writer_status(w, &st);
    for (unsigned i = 0; i < st.output_count; i++)
        if (st.outputs[i].written + st.outputs[i].lost < put)
            return false;
    return true;
}

static void keep(struct event_writer *w, const struct source *sources, const struct plan *p)
{
    enum { ROUND_MS = 20 };

    for (unsigned ms = 0; ms < p->keep_ms && !(p->until_all && has_all(w, sources, p)); ms += ROUND_MS)
        pause_us(ROUND_MS * 1000L);
}

static void report(const struct event_writer_status *st, const struct source *sources, const struct plan *p,
                   double took)
{
    uint64_t offered = 0, full = 0;

    for (unsigned i = 0; i < p->threads; i++) {
        offered += sources[i].offered;
        full += sources[i].full;
    }
    printf("{\"offered\":%llu,\"ring_full\":%llu,\"written\":%llu,\"seconds\":%.3f,\"per_second\":%.0f,"
           "\"bytes\":%llu,\"outputs\":[",
           (unsigned long long)offered, (unsigned long long)full, (unsigned long long)st->written, took,
           (double)st->written / took, (unsigned long long)st->bytes);
    for (unsigned i = 0; i < st->output_count; i++)
        printf("%s{\"name\":\"%s\",\"up\":%s,\"written\":%llu,\"lost\":%llu,\"error\":\"%s\"}",
               i > 0 ? "," : "", st->outputs[i].name, st->outputs[i].up ? "true" : "false",
               (unsigned long long)st->outputs[i].written, (unsigned long long)st->outputs[i].lost,
               st->outputs[i].error);
    printf("]}\n");
}

int main(int argc, char **argv)
{
    struct plan plan = { .threads = 2, .seconds = 10 };
    struct event_writer_config config = { 0 };
    struct source sources[THREADS] = { 0 };
    struct event_writer_status status;
    struct imw_error_info err = { 0 };
    struct event_writer *w = NULL;
    struct catalog *catalog = NULL;
    char text[600];

    for (int c; (c = getopt(argc, argv, "t:n:s:r:k:c:ab:")) != -1;) {
        double value = optarg != NULL ? strtod(optarg, NULL) : 0;
        if (c == 't')
            plan.threads = (unsigned)value < THREADS ? (unsigned)value : THREADS;
        else if (c == 'n')
            plan.events = (uint64_t)value;
        else if (c == 's')
            plan.seconds = value;
        else if (c == 'r')
            plan.rate = value;
        else if (c == 'k')
            plan.keep_ms = (unsigned)value;
        else if (c == 'c')
            plan.versions = (unsigned)value;
        else if (c == 'a')
            plan.until_all = true;
        else if (c == 'b')
            config.rotate_bytes = (uint64_t)value;
        else
            return 2;
    }
    config.workers = plan.threads;
    config.outputs = (const char *const *)(argv + optind);
    config.output_count = (unsigned)(argc - optind);
    if (!catalog_builtin(&catalog, &err) || !event_writer_new(&config, &w, &err) ||
        !event_writer_start(w, &err)) {
        fprintf(stderr, "bench_events: %s\n", error_format(&err, text, sizeof text));
        event_writer_free(w);
        catalog_close(catalog);
        return 1;
    }
    double start = now_s();
    for (unsigned i = 0; i < plan.threads; i++) {
        sources[i] = (struct source){ .writer = w, .plan = &plan, .catalog = catalog, .number = i };
        pthread_create(&sources[i].thread, NULL, offer, &sources[i]);
    }
    for (unsigned i = 0; i < plan.threads; i++)
        pthread_join(sources[i].thread, NULL);
    keep(w, sources, &plan);
    event_writer_stop(w);
    event_writer_status(w, &status);
    report(&status, sources, &plan, now_s() - start);
    event_writer_free(w);
    catalog_close(catalog);
    return 0;
}
