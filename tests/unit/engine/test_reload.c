/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Catalog and policy change while packets flow: no flow is lost, none changes its service, and nothing that
 * an event still names is freed. Runs under ThreadSanitizer, too (tests/check/threads).
 */
#include "../identify/catalog_folder.h"
#include "engine/engine.h"
#include "engine/worker.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

/* ---- catalogs ---- */

static void add_service(const struct folder *f, const char *slug)
{
    char name[64], text[256];

    snprintf(name, sizeof name, "%s.yaml", slug);
    snprintf(text, sizeof text,
             "slug: %s\nname: N\nvendor: Vendor %s\nclass: im\nend_to_end: true\nsummary: S\n"
             "domains:\n  - names: [%s.example]\n    role: chat\n",
             slug, slug, slug);
    folder_write(f, name, text);
}

static struct folder catalog_of(const char *const *slugs)
{
    struct folder f = folder_new();

    for (; *slugs != NULL; slugs++)
        add_service(&f, *slugs);
    return f;
}
#define CATALOG_OF(...) catalog_of((const char *const[]){ __VA_ARGS__, NULL })

static struct rules *load(const char *catalog, const char *policy, const struct rules *follow)
{
    struct imw_error_info err = { 0 };
    struct rules *r = NULL;

    if (!rules_load(catalog, policy, follow, &r, &err))
        fail_msg("%s:%u %s: %s", err.file, err.line, err.key, err.text);
    return r;
}

/* ---- packets of a flow to a worker ---- */

struct rig {
    struct rules *_Atomic rules;
    struct worker *worker;
    struct knowledge *knowledge;
    struct engine_config config;
    uint64_t now_us;
    uint16_t port; /* of servers */
    unsigned told;
    char service[32], action[16], rule[32]; /* of the last event */
    char line[EVE_LINE_BYTES];
};

static void on_told(void *context, const struct flow_event *e)
{
    struct rig *r = context;
    const struct catalog_service *s = catalog_service(e->catalog, e->flow->service);

    r->told++;
    snprintf(r->service, sizeof r->service, "%s", s != NULL ? s->slug : "");
    snprintf(r->action, sizeof r->action, "%s", e->verdict.action);
    snprintf(r->rule, sizeof r->rule, "%s", e->verdict.rule);
    r->line[eve_flow(e, r->line)] = '\0';
}

static void rig_init(struct rig *r, struct rules *rules)
{
    struct imw_error_info err;

    *r = (struct rig){ .now_us = 1700000000u * (uint64_t)1000000,
                       .port = 8080,
                       .knowledge = knowledge_new(0) };
    r->config = (struct engine_config){ .all_flows = true, .flow = on_told, .context = r };
    r->rules = rules;
    assert_non_null(r->knowledge);
    assert_true(worker_new(&r->config, 0, &r->rules, 100, r->knowledge, &r->worker, &err));
    worker_begin(r->worker, NULL);
}

static void rig_fini(struct rig *r)
{
    worker_end(r->worker, r->now_us);
    worker_free(r->worker);
    knowledge_free(r->knowledge);
}

/* Change over, as an engine does. */
static void rig_use(struct rig *r, struct rules *rules)
{
    r->rules = rules;
    worker_refresh(r->worker);
    assert_int_equal(worker_rules(r->worker), rules->serial);
}

static struct ip_addr server_of(unsigned client)
{
    const uint8_t octets[4] = { 192, 0, 2, (uint8_t)client };

    return ip_from_v4(octets);
}

static void send_tcp(struct rig *r, unsigned client, uint8_t flags, uint32_t seq, const char *text)
{
    const uint8_t octets[4] = { 10, 0, 0, (uint8_t)client };
    struct packet p = { .src = ip_from_v4(octets),
                        .dst = server_of(client),
                        .src_port = 40000,
                        .dst_port = r->port,
                        .l4 = L4_TCP,
                        .tcp_flags = flags,
                        .seq = seq,
                        .wire_len = (uint32_t)(60 + strlen(text)),
                        .payload_len = (uint32_t)strlen(text),
                        .time_us = r->now_us,
                        .payload = view_string(text) };
    uint32_t hash = flow_hash(&p, 0);

    worker_packets(r->worker, &p, &hash, 1);
    r->now_us += 1000;
}

static void opens(struct rig *r, unsigned client)
{
    send_tcp(r, client, TCP_SYN, 1000, "");
}

static void asks(struct rig *r, unsigned client, const char *host)
{
    char text[128];

    snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host);
    send_tcp(r, client, TCP_ACK | TCP_PSH, 1001, text);
}

/* What is told of the flow then. */
static const char *ends(struct rig *r, unsigned client)
{
    unsigned before = r->told;

    send_tcp(r, client, TCP_RST, 1001, "");
    for (unsigned i = 0; i < 100 && r->told == before; i++) { /* time passes */
        r->now_us += 10000000;
        worker_packets_of(r->worker, NULL, NULL, NULL, 0, r->now_us);
    }
    assert_int_equal(r->told, before + 1);
    return r->service;
}

static void write_policy(const struct folder *f, const char *rules)
{
    char text[512];

    snprintf(text, sizeof text, "version: 1\ndefault: alert\nrules:\n%s", rules);
    folder_write(f, "policy", text);
}

static void test_a_flow_of_a_service_that_is_gone_is_told_and_judged_as_what_it_was(void **state)
{
    struct folder before = CATALOG_OF("alpha", "beta"), after = CATALOG_OF("beta", "gamma");
    char policy[80];
    struct rig r;

    (void)state;
    write_policy(&before, "  - {name: all, match: {class: im}, action: block}\n");
    snprintf(policy, sizeof policy, "%s/policy", before.path);
    struct rules *first = load(before.path, NULL, NULL), *second = load(after.path, policy, first);
    rig_init(&r, first);
    for (unsigned client = 1; client <= 3; client++)
        opens(&r, client);
    asks(&r, 1, "alpha.example");
    asks(&r, 2, "beta.example");
    rig_use(&r, second);
    rules_free(first); /* nobody refers to it */

    assert_string_equal(ends(&r, 1), "alpha"); /* beta is what has its place in the new image */
    assert_string_equal(r.action, "block");    /* by the rules in force when the flow ends */
    assert_string_equal(r.rule, "all");
    assert_non_null(strstr(r.line, "\"vendor\":\"Vendor alpha\""));
    assert_non_null(strstr(r.line, "\"catalog\":\"alpha\""));
    assert_string_equal(ends(&r, 2), "beta");
    assert_non_null(strstr(r.line, "\"catalog\":\"beta\""));

    asks(&r, 3, "gamma.example"); /* began before */
    opens(&r, 4);
    asks(&r, 4, "gamma.example");
    opens(&r, 5);
    asks(&r, 5, "alpha.example");
    assert_string_equal(ends(&r, 3), "gamma");
    assert_string_equal(ends(&r, 4), "gamma");
    assert_string_equal(ends(&r, 5), "");
    rig_fini(&r);
    rules_free(second);
    folder_remove(&before);
    folder_remove(&after);
}

/* Whether a port is its own is not known of a service that is gone. */
static void test_the_policy_is_told_the_user_whom_the_traffic_named(void **state)
{
    struct folder f = CATALOG_OF("alpha");
    char policy[80];
    struct rig r;

    (void)state;
    write_policy(&f, "  - {name: her, match: {user: [alice]}, action: block}\n");
    snprintf(policy, sizeof policy, "%s/policy", f.path);
    struct rules *rules = load(f.path, policy, NULL);
    rig_init(&r, rules);
    const struct ip_addr her = ip_from_v4((const uint8_t[]){ 10, 0, 0, 1 });
    const struct ip_addr his = ip_from_v4((const uint8_t[]){ 10, 0, 0, 2 });
    knowledge_learn_user(r.knowledge, WHO_KERBEROS, &her, VIEW("alice"), 0, r.now_us);
    knowledge_learn_user(r.knowledge, WHO_KERBEROS, &his, VIEW("bob"), 0, r.now_us);
    for (unsigned client = 1; client <= 3; client++) {
        opens(&r, client);
        asks(&r, client, "alpha.example");
        assert_string_equal(ends(&r, client), "alpha");
        assert_string_equal(r.rule, client == 1 ? "her" : "default");
    }
    rig_fini(&r);
    rules_free(rules);
    folder_remove(&f);
}

static void test_a_flow_of_a_service_that_is_gone_is_not_called_port_agile(void **state)
{
    struct folder before = CATALOG_OF("alpha", "irc"), after = CATALOG_OF("alpha");
    struct rules *first = load(before.path, NULL, NULL), *second = load(after.path, NULL, first);
    struct rig r;

    (void)state;
    rig_init(&r, first);
    r.port = 6000;
    for (unsigned client = 1; client <= 2; client++) {
        opens(&r, client);
        send_tcp(&r, client, TCP_ACK | TCP_PSH, 1001, "NICK bob\r\nUSER bob 0 * :Bob\r\n");
    }
    assert_string_equal(ends(&r, 1), "irc");
    assert_non_null(strstr(r.line, "\"port_agile\":true"));
    rig_use(&r, second);
    assert_string_equal(ends(&r, 2), "irc");
    assert_non_null(strstr(r.line, "\"port_agile\":false"));
    rig_fini(&r);
    rules_free(first);
    rules_free(second);
    folder_remove(&before);
    folder_remove(&after);
}

static void learn(struct rig *r, unsigned client, uint16_t service)
{
    struct ip_addr addr = server_of(client);
    struct known_address known = { .service = service, .name = "x.example" };

    knowledge_learn_address(r->knowledge, &addr, &known, 3600, r->now_us);
}

static void silent(struct rig *r, unsigned client)
{
    opens(r, client);
    send_tcp(r, client, TCP_ACK | TCP_PSH, 1001, "\1\2\3\4 nothing known");
}

static void test_what_other_flows_taught_gives_no_service_that_the_catalog_does_not_hold(void **state)
{
    struct folder before = CATALOG_OF("alpha", "beta"), after = CATALOG_OF("beta", "gamma");
    struct rules *first = load(before.path, NULL, NULL), *second = load(after.path, NULL, first);
    struct rig r;

    (void)state;
    rig_init(&r, first);
    for (unsigned number = 1; number <= 3; number++)
        learn(&r, number, (uint16_t)number); /* alpha, beta, and gamma: by a worker that is ahead of us */
    for (unsigned client = 1; client <= 3; client++)
        silent(&r, client);
    assert_string_equal(ends(&r, 1), "alpha");
    assert_string_equal(ends(&r, 2), "beta");
    assert_string_equal(ends(&r, 3), "");
    rig_use(&r, second);
    for (unsigned client = 1; client <= 3; client++)
        silent(&r, client);
    assert_string_equal(ends(&r, 1), ""); /* was taken out: no new flow of it */
    assert_string_equal(ends(&r, 2), "beta");
    assert_string_equal(ends(&r, 3), "gamma");
    rig_fini(&r);
    rules_free(first);
    rules_free(second);
    folder_remove(&before);
    folder_remove(&after);
}

static void test_rules_that_cannot_be_loaded_change_nothing(void **state)
{
    struct folder f = CATALOG_OF("alpha", "beta");
    struct rules *first = load(f.path, NULL, NULL), *next = first;
    struct imw_error_info err;
    char policy[80];

    (void)state;
    snprintf(policy, sizeof policy, "%s/policy", f.path);
    write_policy(&f, "  - {name: one, match: {service: [alpha]}, action: block}\n"
                     "  - {name: two, match: {service: [delta]}, action: block}\n");
    assert_false(rules_load(f.path, policy, first, &next, &err));
    assert_non_null(strstr(err.file, "/policy"));
    assert_int_equal(err.line, 5);
    assert_non_null(strstr(err.key, "service"));
    assert_ptr_equal(next, first);

    folder_write(&f, "beta.yaml",
                 "slug: beta\nname: N\nvendor: V\nclass: nonsense\nend_to_end: true\nsummary: S\n");
    assert_false(rules_load(f.path, NULL, first, &next, &err));
    assert_non_null(strstr(err.file, "/beta.yaml"));
    assert_int_equal(err.line, 4);
    assert_string_equal(err.key, "class");
    assert_ptr_equal(next, first);

    /* The same policy, and a catalog that knows its services. */
    folder_write(&f, "beta.yaml", HEAD("beta"));
    folder_write(&f, "delta.yaml", HEAD("delta"));
    next = load(f.path, policy, first);
    assert_int_equal(next->serial, first->serial + 1);
    assert_int_equal(catalog_find(next->catalog, VIEW("alpha")), 1);
    assert_int_equal(catalog_find(next->catalog, VIEW("delta")), 3);
    rules_free(next);
    rules_free(first);
    folder_remove(&f);
}

/* ---- under load ---- */

enum { TALKS = 1200, CAPTURE_BYTES = 2 << 20, SLICE_BYTES = 8 << 10 };

struct making {
    uint8_t bytes[CAPTURE_BYTES];
    size_t len;
    uint64_t time_us;
};

#include "making.h" /* behind what it is about */

struct talk {
    uint32_t number, next[2];
};

/* A segment as a record of a pcap file of IP packets. */
static void segment(struct making *m, struct talk *t, bool reply, uint16_t flags, const char *text)
{
    uint32_t len = (uint32_t)strlen(text), ends[2] = { 0x0a000000u + t->number, 0xc0000200u + t->number % 4 };
    uint32_t port = 7000 + t->number % 4; /* each service has a server and port of its own */

    put_le32(m, m->time_us / 1000000);
    put_le32(m, m->time_us % 1000000);
    put_le32(m, 40 + len);
    put_le32(m, 40 + len);
    m->time_us += 100;
    put16(m, 0x4500);
    put16(m, 40 + len);
    put32(m, 0x4000);
    put32(m, 0x40060000);
    put32(m, ends[reply]);
    put32(m, ends[!reply]);
    put16(m, reply ? port : 40000);
    put16(m, reply ? 40000 : port);
    put32(m, t->next[reply]);
    put32(m, t->next[!reply]);
    put16(m, 0x5000u | flags);
    put16(m, 65535);
    put32(m, 0);
    put(m, text, len);
    t->next[reply] += len + ((flags & 3) != 0);
}

/* Talks side by side, from the first packet to the last: of two names, of IRC, and of nothing known. */
static struct making *busy_capture(void)
{
    static const uint8_t head[24] = { 0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, [16] = 0xff, 0xff, [20] = 101 };
    static const char *const says[4][2] = {
        { "GET / HTTP/1.1\r\nHost: www.alpha.example\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n" },
        { "GET / HTTP/1.1\r\nHost: beta.example\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n" },
        { "NICK bob\r\nUSER bob 0 * :Bob\r\n", ":irc.example.net 001 bob :Welcome, bob\r\n" },
        { "\1\2\3\4 nothing", "\5\6\7" },
    };
    static struct talk talks[TALKS];
    struct making *m = calloc(1, sizeof *m);

    assert_non_null(m);
    m->time_us = 1700000000u * (uint64_t)1000000;
    put(m, head, sizeof head);
    for (uint32_t i = 0; i < TALKS; i++)
        talks[i] = (struct talk){ i, { 1000 + i, UINT32_MAX - 20 } };
    for (unsigned round = 0; round < 6; round++) {
        for (uint32_t i = 0; i < TALKS; i++) {
            struct talk *t = &talks[i];
            switch (round) {
            case 0: segment(m, t, false, TCP_SYN, ""); break;
            case 1: segment(m, t, true, TCP_SYN | TCP_ACK, ""); break;
            case 2: segment(m, t, false, TCP_PSH | TCP_ACK, says[i % 4][0]); break;
            case 3: segment(m, t, true, TCP_PSH | TCP_ACK, says[i % 4][1]); break;
            default: segment(m, t, round == 5, TCP_FIN | TCP_ACK, ""); break;
            }
        }
    }
    return m;
}

/* What is told, as text at once; and, as a writer off the packet path does, by the catalog later. */
struct told {
    pthread_mutex_t lock;
    char *line[TALKS + 1];
    unsigned count;
    struct {
        const struct catalog *catalog;
        uint16_t service;
        char slug[32];
    } waiting[TALKS + 1];
    unsigned waiting_count;
};

static void on_flow(void *context, const struct flow_event *e)
{
    struct told *t = context;
    const struct catalog_service *s = catalog_service(e->catalog, e->flow->service);
    char line[EVE_LINE_BYTES];
    size_t len = eve_flow(e, line);

    pthread_mutex_lock(&t->lock);
    if (t->count > TALKS)
        abort(); /* not the thread of the test */
    t->line[t->count++] = strndup(line, len);
    if (s != NULL) {
        t->waiting[t->waiting_count].catalog = e->catalog;
        t->waiting[t->waiting_count].service = e->flow->service;
        snprintf(t->waiting[t->waiting_count++].slug, sizeof t->waiting[0].slug, "%s", s->slug);
    }
    pthread_mutex_unlock(&t->lock);
}

static bool drain(void *context, unsigned wait_ms)
{
    struct told *t = context;

    (void)wait_ms;
    pthread_mutex_lock(&t->lock);
    for (unsigned i = 0; i < t->waiting_count; i++)
        assert_string_equal(catalog_service(t->waiting[i].catalog, t->waiting[i].service)->slug,
                            t->waiting[i].slug);
    t->waiting_count = 0;
    pthread_mutex_unlock(&t->lock);
    return true;
}

static bool not_yet(void *context, unsigned wait_ms)
{
    (void)context, (void)wait_ms;
    return false;
}

struct reading {
    struct engine *engine;
    int fd;
    bool ok;
};

static void *read_pipe(void *argument)
{
    struct reading *r = argument;
    struct imw_error_info err;
    struct capture *c;
    char path[32];

    snprintf(path, sizeof path, "/proc/self/fd/%d", r->fd);
    if (capture_open(path, &c, &err)) {
        r->ok = engine_read(r->engine, c, "test.pcap", &err);
        capture_close(c);
    }
    return NULL;
}

static void write_all(int fd, const uint8_t *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = write(fd, bytes + at, len - at);
        assert_true(n > 0);
        at += (size_t)n;
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum { CATALOGS = 3 };

/* Read the capture through a pipe; with `reload`, change the rules after every slice of it. */
static void read_under(const struct making *m, unsigned workers, char catalogs[CATALOGS][96],
                       const char *policy, bool reload, struct told *out)
{
    struct engine_config config = { .rules = load(catalogs[0], policy, NULL),
                                    .workers = workers,
                                    .all_flows = true,
                                    .flow = on_flow,
                                    .context = out };
    struct imw_error_info err;
    struct reading reading = { .ok = false };
    unsigned serial = 1, tidied = 0;
    pthread_t thread;
    int pipe_ends[2];

    *out = (struct told){ .lock = PTHREAD_MUTEX_INITIALIZER };
    assert_true(engine_new(&config, &reading.engine, &err));
    assert_int_equal(pipe(pipe_ends), 0);
    reading.fd = pipe_ends[0];
    assert_int_equal(pthread_create(&thread, NULL, read_pipe, &reading), 0);
    for (size_t at = 0; at < m->len; at += SLICE_BYTES) {
        write_all(pipe_ends[1], m->bytes + at, m->len - at < SLICE_BYTES ? m->len - at : SLICE_BYTES);
        if (!reload)
            continue;
        assert_true(serial == 1 || !engine_tidy(reading.engine, not_yet, NULL, 0));
        /* Mostly nobody waits. A worker that waits for frames of the pipe takes nothing up meanwhile; one
         * that works alone has its part of what was just written before long. */
        bool wait = serial % 4 == 0;
        bool tidy = engine_tidy(reading.engine, drain, out, !wait ? 0 : workers == 1 ? 20000 : 100);
        assert_true(tidy || !wait || workers > 1);
        tidied += tidy;
        engine_use(reading.engine, load(catalogs[serial % CATALOGS], policy, engine_rules(reading.engine)));
        assert_int_equal(engine_rules(reading.engine)->serial, ++serial);
    }
    close(pipe_ends[1]);
    pthread_join(thread, NULL);
    close(pipe_ends[0]);
    assert_true(reading.ok && (tidied > 0 || !reload));
    assert_true(engine_has_settled(reading.engine, 0)); /* the last flows were ended by the newest rules */
    assert_true(engine_tidy(reading.engine, drain, out, 0));
    assert_true(drain(out, 0));
    engine_free(reading.engine);
    qsort(out->line, out->count, sizeof *out->line, by_text);
}

static unsigned lines_with(const struct told *t, const char *text)
{
    unsigned n = 0;

    for (unsigned i = 0; i < t->count; i++)
        n += strstr(t->line[i], text) != NULL;
    return n;
}

static void told_free(struct told *t)
{
    for (unsigned i = 0; i < t->count; i++)
        free(t->line[i]);
    free(t);
}

static void test_overrides_are_reloaded_and_a_broken_one_changes_nothing(void **state)
{
    struct folder f = CATALOG_OF("alpha", "beta");
    struct folder other = folder_new();
    char path[80];
    struct rules_files files = { .catalog = f.path, .overrides = path };
    struct rules *first = NULL, *next = NULL;
    struct imw_error_info err = { 0 };
    struct catalog_hit hit;

    (void)state;
    snprintf(path, sizeof path, "%s/overrides", other.path);
    folder_write(&other, "overrides", "# none yet\n");
    assert_true(rules_load_files(&files, NULL, &first, &err));
    assert_true(catalog_match_name(first->catalog, VIEW("alpha.example"), &hit));

    folder_write(&other, "overrides",
                 "- trust: alpha.example\n  not: alhpa\n  by: a\n  at: 2026-11-23\n  why: b\n");
    assert_false(rules_load_files(&files, first, &next, &err));
    assert_null(next);
    assert_int_equal(err.line, 1);
    assert_non_null(strstr(err.text, "unknown service 'alhpa'"));

    /* Services keep their numbers over a reload, and overrides are of these numbers. */
    add_service(&f, "aaa");
    folder_write(&other, "overrides",
                 "- trust: alpha.example\n  not: alpha\n  by: a\n  at: 2026-11-23\n  why: b\n");
    assert_true(rules_load_files(&files, first, &next, &err));
    assert_false(catalog_match_name(next->catalog, VIEW("www.alpha.example"), &hit));
    assert_true(catalog_match_name(next->catalog, VIEW("aaa.example"), &hit));
    assert_true(catalog_match_name(next->catalog, VIEW("beta.example"), &hit));
    assert_true(catalog_match_name(first->catalog, VIEW("alpha.example"), &hit)); /* as it was */
    rules_free(first);
    rules_free(next);
    folder_remove(&other);
    folder_remove(&f);
}

static void assert_hits(const struct rules *r, unsigned number, uint64_t hits, uint64_t stopped,
                        uint64_t last_us)
{
    struct rule_hits is;

    rules_hits(r, number, &is);
    assert_int_equal(is.hits, hits);
    assert_int_equal(is.stopped, stopped);
    assert_int_equal(is.last_us, last_us);
}

static void test_rules_go_on_counting_under_their_names(void **state)
{
    struct folder f = CATALOG_OF("alpha", "beta");
    char policy[80];

    (void)state;
    snprintf(policy, sizeof policy, "%s/policy", f.path);
    write_policy(&f, "  - {name: one, match: {service: [alpha]}, action: block}\n"
                     "  - {name: two, match: {service: [beta]}, action: block}\n");
    struct rules *first = load(f.path, policy, NULL);
    assert_int_equal(rules_count(first), 2);
    rules_note_flow(first, 1, 100);
    rules_note_flow(first, 2, 300);
    rules_note_stopped(first, 2, 200); /* time never goes back */
    rules_note_flow(first, 0, 50);
    rules_note_flow(first, 99, 60); /* no such rule: as none */
    assert_hits(first, 1, 1, 0, 100);
    assert_hits(first, 2, 1, 1, 300);
    assert_hits(first, 0, 2, 0, 60);

    /* "two" is the first now, "one" is gone, "three" is new; workers are still with the old for a while. */
    write_policy(&f, "  - {name: two, match: {service: [alpha]}, action: block}\n"
                     "  - {name: three, match: {service: [beta]}, action: allow}\n");
    struct rules *second = load(f.path, policy, first);
    rules_note_flow(first, 2, 400);
    assert_hits(second, 1, 2, 1, 400);
    assert_hits(second, 2, 0, 0, 0);
    assert_hits(second, 0, 2, 0, 60);
    rules_free(first);
    rules_note_stopped(second, 1, 500);
    assert_hits(second, 1, 2, 2, 500);
    assert_string_equal(policy_rule_place(second->policy, 2).name, "three");
    assert_int_equal(policy_rule_place(second->policy, 2).action, POLICY_ALLOW);
    assert_int_equal(policy_rule_place(second->policy, 2).line, 5);
    assert_non_null(strstr(policy_rule_place(second->policy, 2).file, "policy"));
    assert_null(policy_rule_place(second->policy, 0).file);

    /* Without a policy there is the default alone. */
    struct rules *third = load(f.path, NULL, second);
    assert_int_equal(rules_count(third), 0);
    assert_hits(third, 0, 2, 0, 60);
    rules_free(second);
    rules_free(third);
    folder_remove(&f);
}

static void test_a_reload_under_load_changes_no_event(void **state)
{
    struct folder folders[CATALOGS] = {
        CATALOG_OF("alpha", "beta", "irc", "kilo"),
        CATALOG_OF("aardvark", "alpha", "able", "beta", "hotel", "irc", "zulu"),
        CATALOG_OF("alpha", "beta", "irc"),
    };
    char catalogs[CATALOGS][96], policy[80];
    struct making *m = busy_capture();
    struct told *alone = malloc(sizeof *alone), *out = malloc(sizeof *out);
    struct imw_error_info err;

    (void)state;
    assert_true(alone != NULL && out != NULL);
    for (unsigned i = 0; i < CATALOGS; i++) {
        snprintf(catalogs[i], sizeof catalogs[i], "%s/compiled", folders[i].path);
        assert_true(catalog_compile(folders[i].path, catalogs[i], &err));
    }
    snprintf(policy, sizeof policy, "%s/policy", folders[0].path);
    write_policy(&folders[0], "  - {name: talk, match: {service: [irc]}, action: block}\n"
                              "  - {name: first, match: {service: [alpha]}, action: allow}\n");
    read_under(m, 1, catalogs, policy, false, alone);
    assert_int_equal(alone->count, TALKS);
    assert_int_equal(lines_with(alone, "\"verdict\":{\"action\":\"block\",\"rule\":\"talk\",\"policy\":\""),
                     TALKS / 4);
    assert_int_equal(lines_with(alone, "\"service\":\"alpha\""), TALKS / 4);
    assert_int_equal(lines_with(alone, "\"service\":\"beta\""), TALKS / 4);
    for (unsigned workers = 1; workers <= 3; workers++) {
        read_under(m, workers, catalogs, policy, true, out);
        assert_int_equal(out->count, alone->count);
        for (unsigned i = 0; i < out->count; i++)
            assert_string_equal(out->line[i], alone->line[i]);
        for (unsigned i = 0; i < out->count; i++)
            free(out->line[i]);
    }
    free(out);
    told_free(alone);
    free(m);
    for (unsigned i = 0; i < CATALOGS; i++)
        folder_remove(&folders[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_flow_of_a_service_that_is_gone_is_told_and_judged_as_what_it_was),
        cmocka_unit_test(test_the_policy_is_told_the_user_whom_the_traffic_named),
        cmocka_unit_test(test_a_flow_of_a_service_that_is_gone_is_not_called_port_agile),
        cmocka_unit_test(test_what_other_flows_taught_gives_no_service_that_the_catalog_does_not_hold),
        cmocka_unit_test(test_rules_that_cannot_be_loaded_change_nothing),
        cmocka_unit_test(test_overrides_are_reloaded_and_a_broken_one_changes_nothing),
        cmocka_unit_test(test_rules_go_on_counting_under_their_names),
        cmocka_unit_test(test_a_reload_under_load_changes_no_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
