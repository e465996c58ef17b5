/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event store under load: how many events a second go in, how long answers take.
 *
 *     bench_console URL EVENTS DAYS CLIENTS [BATCH]
 *
 * Lines are made beforehand for each batch, so that the time is that of parsing, storing and committing.
 * Events come in the order of time, spread evenly over the days, from 30 departments and 25 services; some
 * people and services come far more often than others. Where events are there already, none are added.
 * Then each kind of question is asked many times with changing values. CPU time is of this process and of the
 * database's process for it, where that runs on the same machine: it says something on a busy machine, too.
 */
#include "store/eve_lines.h"
#include "store/event_parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { DEPARTMENTS = 30 };

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Of the server's process for our connection, where it runs on this machine; 0: there is none, or elsewhere.
 */
static uint64_t server_cpu_us(const char *clock)
{
    unsigned long long ns = 0;
    FILE *f = clock[0] != '\0' ? fopen(clock, "r") : NULL;

    if (f == NULL)
        return 0;
    if (fscanf(f, "%llu", &ns) != 1)
        ns = 0;
    fclose(f);
    return ns / 1000;
}

/* CPU time of this process and of the server's. */
static uint64_t cpu_us(const char *clock)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (uint64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) + server_cpu_us(clock);
}

static void must(bool ok, const struct imw_error_info *err)
{
    if (!ok) {
        fprintf(stderr, "bench_console: %s\n", err->text);
        exit(1);
    }
}

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* The times of one kind of question. */
struct asked {
    uint64_t at[600], cpu;
    unsigned count;
};
struct bench {
    struct db *db;
    char clock[64]; /* where the kernel says the CPU time of the server's process */
    unsigned events, days, clients;
    uint64_t end_us; /* of the events */
};

/* One question from its begin to its end. */
struct watch {
    uint64_t from, cpu;
};
static struct watch watch_start(struct bench *b)
{
    struct imw_error_info err = { 0 };

    struct watch w = { .cpu = cpu_us(b->clock), .from = now_us() };
    must(db_begin(b->db, false, &err), &err);
    return w;
}

static void watch_stop(struct bench *b, struct watch w, struct asked *a)
{
    struct imw_error_info err = { 0 };

    must(db_commit(b->db, &err), &err);
    a->at[a->count++] = now_us() - w.from;
    a->cpu += cpu_us(b->clock) - w.cpu;
}

static void told(const char *name, struct asked *a, struct asked *all)
{
    qsort(a->at, a->count, sizeof *a->at, by_value);
    printf("%-34s median %7.1f ms   95%% %7.1f ms   worst %7.1f ms   CPU %6.1f ms each\n", name,
           (double)a->at[a->count / 2] / 1000, (double)a->at[a->count * 95 / 100] / 1000,
           (double)a->at[a->count - 1] / 1000, (double)a->cpu / a->count / 1000);
    for (unsigned i = 0; all != NULL && i < a->count && all->count < 600; i++)
        all->at[all->count++] = a->at[i];
    if (all != NULL)
        all->cpu += a->cpu;
    fflush(stdout);
}

static void people(struct db *db, unsigned clients)
{
    struct imw_error_info err = { 0 };
    char sql[512];

    must(db_begin(db, true, &err), &err);
    for (unsigned i = 0; i < clients; i++) {
        if (i < DEPARTMENTS) {
            snprintf(sql, sizeof sql, "insert into department (id, name) values (%u, 'Department %u')", i + 1,
                     i + 1);
            must(db_script(db, sql, &err), &err);
        }
        snprintf(
            sql, sizeof sql,
            "insert into person (id, pseudonym, name, department, source, state, joined_us, changed_us) values"
            " (%u, 'P-%u', 'Person %u', %u, 'hand', 'active', 0, 0);"
            "insert into person_alias (kind, value, person, source, from_us) values ('user', 'user%u', %u, 'hand', 0)",
            i + 1, i + 1, i + 1, i % DEPARTMENTS + 1, i, i + 1);
        must(db_script(db, sql, &err), &err);
    }
    must(db_commit(db, &err), &err);
}

static void fill(struct bench *b, unsigned batch)
{
    struct imw_error_info err = { 0 };
    struct lines_world w = { .state = 1, .clients = b->clients, .days = b->days, .lifelike = true };
    struct ingest_counts counts = { 0 };
    struct ingest *in;
    int64_t sensor;
    char *lines = malloc((size_t)batch * 1500);
    uint64_t spent = 0, own = 0, server = 0, span = (uint64_t)b->days * 86400000000ull;

    must(
        db_insert(
            b->db,
            "insert into sensor (name, kind, state, enrolled_us) values ('bench', 'sensor', 'active', 0) returning id",
            DB_NONE, &sensor, &err),
        &err);
    must(ingest_new(b->db, sensor, &in, &err), &err);
    for (unsigned done = 0; done < b->events; done += batch) {
        size_t len = 0;
        w.from_us = LINES_START_US + span / b->events * done;
        w.seconds = 1 + (unsigned)(span * batch / b->events / 1000000);
        for (unsigned i = 0; i < batch; i++)
            len += lines_make(&w, lines + len, 1500);
        uint64_t from = now_us(), from_own = cpu_us(""), from_server = server_cpu_us(b->clock);
        must(db_begin_feed(b->db, &err), &err);
        must(ingest_lines(in, view_of(lines, len), w.from_us + span, &counts, &err), &err);
        must(db_commit(b->db, &err), &err);
        spent += now_us() - from;
        own += cpu_us("") - from_own;
        server += server_cpu_us(b->clock) - from_server;
        if (done / batch % 50 == 49)
            fprintf(stderr, "%u events, %.0f a second\n", done + batch,
                    (done + batch) / ((double)spent / 1e6));
    }
    double stored = (double)counts.stored;
    printf(
        "%llu events stored in batches of %u: %.0f a second; %.1f us each, CPU %.1f us of this process and %.1f us"
        " of the server's; %.0f bytes a line, refused %llu\n",
        (unsigned long long)counts.stored, batch, stored / ((double)spent / 1e6), (double)spent / stored,
        (double)own / stored, (double)server / stored, (double)counts.bytes / stored,
        (unsigned long long)counts.refused);
    fflush(stdout);
    ingest_free(in);
    free(lines);
}

static struct event_filter *filter(struct db *db, json_t *query, uint64_t from_us, uint64_t to_us)
{
    struct imw_error_info err = { 0 };
    struct event_filter *f;

    must(event_filter_new(db, query, &f, &err), &err);
    event_filter_permit(f, EVENT_SEES_ADDRESSES);
    event_filter_span(f, from_us, to_us);
    json_decref(query);
    return f;
}

static const char *const services[] = { "whatsapp", "telegram", "signal", "oscar",
                                        "irc",      "wechat",   "line",   "viber" };

static json_t *is(const char *name, const char *value)
{
    return json_pack("{s:[s]}", name, value);
}

static json_t *is_number(const char *name, unsigned value)
{
    char text[16];

    snprintf(text, sizeof text, "%u", value);
    return is(name, text);
}

/* ---- from the sums: what the pages of a day, a week, a month ask ---- */

enum page { OVERVIEW, PEOPLE, FACETS, PERSON };

static void ask_page(struct bench *b, enum page page, const struct event_filter *f, unsigned n, json_t **out)
{
    struct imw_error_info err = { 0 };
    bool ok = page == OVERVIEW ? usage_overview(b->db, f, out, &err)
              : page == PEOPLE ? usage_people(b->db, f, n % 2 ? "flows" : "bytes", n % 3 * 50, 50, out, &err)
              : page == FACETS ? events_facets(b->db, f, out, &err)
                               : usage_of_who(b->db, 1 + n * 37 % b->clients, f, out, &err);

    must(ok, &err);
}

static void pages(struct bench *b, struct asked *all)
{
    static const struct {
        const char *name;
        enum page page;
        unsigned days, times;
        const char *filter;
    } kinds[] = {
        { "overview, a day", OVERVIEW, 1, 20, NULL },
        { "overview, a week", OVERVIEW, 7, 20, NULL },
        { "overview, a month", OVERVIEW, 30, 20, NULL },
        { "overview, a day, of a service", OVERVIEW, 1, 20, "service" },
        { "overview, a week, of a service", OVERVIEW, 7, 20, "service" },
        { "overview, a month, of a department", OVERVIEW, 30, 20, "department" },
        { "people, a day", PEOPLE, 1, 20, NULL },
        { "people, a week", PEOPLE, 7, 20, NULL },
        { "people, a month", PEOPLE, 30, 20, NULL },
        { "people, a week, of a service", PEOPLE, 7, 20, "service" },
        { "people, a week, of a department", PEOPLE, 7, 20, "department" },
        { "one person, a month", PERSON, 30, 20, NULL },
        { "facets, a day", FACETS, 1, 20, NULL },
        { "facets, a month", FACETS, 30, 20, NULL },
        { "facets, a week, of a service", FACETS, 7, 20, "service" },
    };

    for (unsigned k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        struct asked a = { .count = 0 };
        for (unsigned n = 0; n < kinds[k].times; n++) {
            json_t *out = NULL;
            struct watch w = watch_start(b);
            struct event_filter *f =
                filter(b->db,
                       kinds[k].filter == NULL              ? json_pack("{}")
                       : strcmp(kinds[k].filter, "service") ? is_number("department", 1 + n)
                                                            : is("service", services[n % 8]),
                       b->end_us - kinds[k].days * 86400000000ull, b->end_us);
            ask_page(b, kinds[k].page, f, n, &out);
            watch_stop(b, w, &a);
            json_decref(out);
            event_filter_free(f);
        }
        told(kinds[k].name, &a, all);
    }
}

/* ---- from the events ---- */

static const char *const questions[] = { "newest events",
                                         "of a service",
                                         "of a service and an action",
                                         "alerts",
                                         "of a client",
                                         "of a department",
                                         "q= part of a server's name",
                                         "q= part of a file's name",
                                         "of a SHA-256",
                                         "stopped",
                                         "infected",
                                         "of a port",
                                         "q= what no event has" };

static json_t *question(const struct bench *b, unsigned q, unsigned n)
{
    char text[80];

    switch (q) {
    case 1: return is("service", services[n % 8]);
    case 2:
        return json_pack("{s:[s], s:[s]}", "service", services[n % 8], "action", n % 2 ? "block" : "scan");
    case 3: return is("kind", "alert");
    case 4: return is_number("who", 1 + n * 37 % b->clients);
    case 5: return is_number("department", 1 + n % DEPARTMENTS);
    case 6: snprintf(text, sizeof text, "s%u.%s", n % 30, services[n % 8]); return is("q", text);
    case 7: snprintf(text, sizeof text, "invoice-%u.pdf", n * 3 % 100); return is("q", text);
    case 8: snprintf(text, sizeof text, "%064x", n * 3 % 100); return is("sha256", text);
    case 9: return is("stopped", "1");
    case 10: return is("scan", "infected");
    case 11: return is("port", "80");
    case 12: return is("q", "nothing-has-it");
    default: return json_pack("{}");
    }
}

static void lists(struct bench *b, struct asked *all)
{
    struct imw_error_info err = { 0 };

    for (unsigned q = 0; q < sizeof questions / sizeof questions[0]; q++) {
        struct asked a = { .count = 0 };
        for (unsigned n = 0; n < 20; n++) {
            json_t *out = NULL;
            uint64_t cut = b->end_us - (uint64_t)((n * 7919) % (b->days * 24)) * 3600000000ull;
            struct watch w = watch_start(b);
            struct event_filter *f = filter(b->db, question(b, q, n), 0, cut);
            must(events_search(b->db, f, NULL, 50, 35000, &out, &err), &err);
            watch_stop(b, w, &a);
            json_decref(out);
            event_filter_free(f);
        }
        told(questions[q], &a, all);
    }
    struct asked one = { .count = 0 }, flow = { .count = 0 };
    for (unsigned n = 0; n < 20; n++) {
        json_t *event = NULL, *events = NULL;
        struct watch w = watch_start(b);
        must(events_get(b->db, 1 + (int64_t)n * 7919 * 31 % b->events, &event, &err), &err);
        watch_stop(b, w, &one);
        w = watch_start(b);
        must(events_of_flow(b->db, (uint64_t)json_integer_value(json_object_get(event, "flow_id")), &events,
                            &err),
             &err);
        watch_stop(b, w, &flow);
        json_decref(event);
        json_decref(events);
    }
    told("one event", &one, all);
    told("one flow", &flow, all);
}

int main(int argc, char **argv)
{
    struct imw_error_info err = { 0 };
    struct bench b = { .db = NULL };
    struct asked all = { .count = 0 };
    int64_t there = 0, pid = 0;

    if (argc < 5) {
        fprintf(stderr, "bench_console URL EVENTS DAYS CLIENTS [BATCH]\n");
        return 2;
    }
    b.events = (unsigned)strtoul(argv[2], NULL, 10);
    b.days = (unsigned)strtoul(argv[3], NULL, 10);
    b.clients = (unsigned)strtoul(argv[4], NULL, 10);
    unsigned batch = argc > 5 ? (unsigned)strtoul(argv[5], NULL, 10) : 10000;
    b.end_us = LINES_START_US + (uint64_t)b.days * 86400000000ull;
    must(db_migrate(argv[1], &err), &err);
    must(db_open(argv[1], &b.db, &err), &err);
    if (db_kind(b.db) == DB_POSTGRES) {
        must(db_query_int(b.db, "select pg_backend_pid()", DB_NONE, &pid, NULL, &err), &err);
        snprintf(b.clock, sizeof b.clock, "/proc/%lld/schedstat", (long long)pid);
    }
    must(db_query_int(b.db, "select count(*) from event_day", DB_NONE, &there, NULL, &err), &err);
    if (there == 0) {
        people(b.db, b.clients);
        fill(&b, batch);
    }
    pages(&b, &all);
    lists(&b, &all);
    told("all", &all, NULL);
    db_close(b.db);
    return 0;
}
