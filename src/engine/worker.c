/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's loop over packets, and what happens when a flow ends. */
#include "engine/worker.h"
#include "base/hash.h"
#include "engine/endpoint_feed.h"
#include "im/registry.h"
#include <stdatomic.h>
#include <stdlib.h>

enum {
    GROUP = 64,                /* packets whose memory is asked for together */
    STATE_AHEAD = 4,           /* packets ahead whose inspection is asked for */
    BYPASS_AFTER = 32,         /* packets: a bypass costs as much as some tens of packets */
    BYPASS_AGAIN_US = 1000000, /* after the kernel had no room for a flow */
};

struct worker {
    const struct engine_config *config;
    unsigned number;
    struct rules *_Atomic *newest; /* the engine's */
    const struct rules *rules;     /* by which we judge until we look again */
    _Atomic uint64_t serial;       /* of these */
    struct counters counters;
    struct decisions decisions;
    struct flow_table *flows;
    struct inspector *inspector;
    struct knowledge *knowledge;
    const char *name;
    uint64_t now_us;                 /* of this capture */
    uint64_t newest_us;              /* of those before */
    struct live *live;               /* where settled flows may be bypassed; NULL: nowhere */
    uint64_t bypass_from_us;         /* not before */
    struct gate *gate;               /* NULL: nothing is enforced */
    struct endpoint_feed *endpoints; /* learns addresses; NULL: nobody does */
    struct conntrack *connections;   /* where flows are that the gate handed to the kernel; NULL: nowhere */
};

uint64_t flow_number(const struct flow *f)
{
    const struct flow_key *k = &f->key;
    uint64_t ends =
        hash_words(k->addr[0].word[0] ^ k->addr[1].word[0], k->addr[0].word[1] ^ k->addr[1].word[1], 1);
    uint64_t ports = (uint64_t)(k->port[0] ^ k->port[1]) << 8 | k->l4;

    return hash_words(ends ^ ports, f->first_us, 2) >> 11; /* 53 bits: exact in every JSON reader */
}

static bool end_is_named(const struct flow_key *k, enum flow_dir d, struct view text)
{
    char end[64];

    for (unsigned brackets = 0; brackets < 2; brackets++) {
        struct text t = TEXT(end);
        text_string(&t, brackets ? "[" : "");
        text_address(&t, &k->addr[d]);
        text_string(&t, brackets ? "]" : "");
        text_format(&t, ":%u", k->port[d]);
        if (view_equal_nocase(view_string(end), text))
            return true;
    }
    return false;
}

bool flow_is_named(const struct flow *f, uint64_t flow_id, struct view text)
{
    char community_id[32];
    uint64_t number;

    if (view_decimal(text, UINT64_MAX, &number))
        return number == flow_id;
    flow_community_id(&f->key, community_id);
    if (view_equal(text, view_string(community_id)))
        return true;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] != ' ' && text.at[i] != ',' && text.at[i] != '-')
            continue;
        struct view a = view_slice(text, 0, i), b = view_from(text, i + 1);
        return (end_is_named(&f->key, FROM_CLIENT, a) && end_is_named(&f->key, FROM_SERVER, b)) ||
               (end_is_named(&f->key, FROM_CLIENT, b) && end_is_named(&f->key, FROM_SERVER, a));
    }
    return end_is_named(&f->key, FROM_CLIENT, text) || end_is_named(&f->key, FROM_SERVER, text);
}

/* TLS, QUIC and HTTP on ports of theirs hide nothing by the port; nor does what was not heard to speak at
 * all. */
static bool on_carrier_port(const struct flow *f)
{
    uint16_t port = f->key.port[FROM_SERVER];

    if (f->app == PROTOCOL_HTTP || f->app == PROTOCOL_UNKNOWN)
        return port == 80 || port == 8080 || (f->app == PROTOCOL_UNKNOWN && port == 443);
    return port == 443 && (f->app == PROTOCOL_TLS || f->app == PROTOCOL_QUIC);
}

/*
 * Direct legs and the media of calls take any port by design. Of a flow that was seen one way only, or from
 * its middle, who is the server is a guess: either port may be it.
 */
static bool is_port_agile(const struct worker *w, const struct flow *f)
{
    bool lookup = f->activities == 1 << ACTIVITY_LOOKUP;
    bool media = f->key.l4 == L4_UDP && (f->activities >> ACTIVITY_CALL & 1) != 0;
    bool one_way = f->packets[FROM_CLIENT] == 0 || f->packets[FROM_SERVER] == 0;
    bool guess = (f->flags & FLOW_MIDSTREAM) != 0 || (f->key.l4 == L4_UDP && one_way);

    if (f->service == 0 || f->delivery == DELIVERY_PEER || lookup || media || on_carrier_port(f))
        return false;
    if (catalog_service(w->rules->catalog, f->service)->removed) /* and its ports are not known any more */
        return false;
    for (int d = FROM_SERVER; d >= (guess ? FROM_CLIENT : FROM_SERVER); d--)
        if (catalog_own_port(w->rules->catalog, f->service, f->key.l4, f->key.port[d]))
            return false;
    return true;
}

/* Who is at one end of a flow at this time; `out` is room for it. NULL: not known. */
static const struct known_who *who_is(const struct worker *w, const struct flow *f, enum flow_dir end,
                                      uint64_t now_us, struct known_who *out)
{
    const struct ip_addr *addr = &f->key.addr[end];
    bool known = knowledge_who(w->knowledge, addr, now_us, out);

    if (w->config->who != NULL) {
        if (!known)
            *out = (struct known_who){ 0 };
        known |= w->config->who(w->config->context, addr, now_us, out);
    }
    return known ? out : NULL;
}

/* ---- what is carried ---- */

/* Where and when something is carried; `client` is room for who is there. */
static struct activity_event where_of(const struct worker *w, const struct flow *flow,
                                      const struct record *record, uint64_t time_us, struct known_who *client)
{
    return (struct activity_event){ .flow = flow,
                                    .record = record,
                                    .catalog = w->rules->catalog,
                                    .file = w->name,
                                    .flow_id = flow_number(flow),
                                    .time_us = time_us,
                                    .client = who_is(w, flow, FROM_CLIENT, time_us, client),
                                    .worker = w->number };
}

static uint32_t carry_file_begin(void *context, const struct flow *flow, const struct record *record,
                                 uint64_t time_us, const struct im_file *f)
{
    struct worker *w = context;
    struct known_who client;
    struct activity_event where = where_of(w, flow, record, time_us, &client);

    count(&w->counters, COUNT_FILES);
    uint32_t number = pipeline_file_begin(w->config->pipeline, w->number, &where, f);
    if (w->gate != NULL)
        gate_file_begin(w->gate, flow, number, f->size, time_us);
    return number;
}

static void carry_file_bytes(void *context, uint32_t file, uint64_t offset, struct view bytes)
{
    struct worker *w = context;

    count_add(&w->counters, COUNT_FILE_BYTES, bytes.len);
    pipeline_file_bytes(w->config->pipeline, w->number, file, offset, bytes);
}

static void carry_file_end(void *context, uint32_t file, uint64_t time_us, bool whole)
{
    const struct worker *w = context;

    if (w->gate != NULL)
        gate_file_end(w->gate, file);
    pipeline_file_end(w->config->pipeline, w->number, file, time_us, whole);
}

static void carry_one_contact(void *context, const struct flow *flow, const struct record *record,
                              uint64_t time_us, const struct im_contact *c)
{
    const struct worker *w = context;
    struct known_who client;
    struct activity_event where = where_of(w, flow, record, time_us, &client);

    pipeline_contact(w->config->pipeline, w->number, &where, c);
}

static void carry_one_anomaly(void *context, const struct flow *flow, const struct record *record,
                              uint64_t time_us, enum anomaly a, struct view value)
{
    const struct worker *w = context;
    struct known_who client;
    struct activity_event where = where_of(w, flow, record, time_us, &client);

    pipeline_anomaly(w->config->pipeline, w->number, &where, a, value);
}

static void carry_one_ticket(void *context, const struct flow *flow, const struct record *record,
                             uint64_t time_us, uint64_t hash)
{
    const struct worker *w = context;
    struct known_who client;
    struct activity_event where = where_of(w, flow, record, time_us, &client);

    pipeline_ticket(w->config->pipeline, w->number, &where, hash);
}

/* For those who want to know of doings, but not of what files hold. */
static const struct tap tap_without_files = { .contact = carry_one_contact,
                                              .anomaly = carry_one_anomaly,
                                              .ticket = carry_one_ticket };
static const struct tap tap_all = { .file_begin = carry_file_begin,
                                    .file_bytes = carry_file_bytes,
                                    .file_end = carry_file_end,
                                    .contact = carry_one_contact,
                                    .anomaly = carry_one_anomaly,
                                    .ticket = carry_one_ticket };

static void report_activity(void *context, const struct flow *flow, const struct record *record,
                            uint64_t time_us, enum activity activity, const struct im_detail *detail)
{
    const struct worker *w = context;
    struct known_who client;

    if (w->config->activity == NULL && w->config->pipeline == NULL)
        return;
    struct activity_event e = where_of(w, flow, record, time_us, &client);
    e.activity = activity;
    e.detail = detail;
    if (w->config->pipeline != NULL)
        pipeline_activity(w->config->pipeline, w->number, &e);
    if (w->config->activity != NULL)
        w->config->activity(w->config->context, &e);
}

static void report_trace(void *context, const struct flow *flow, uint64_t time_us, const char *line)
{
    const struct worker *w = context;

    if (w->config->trace != NULL)
        w->config->trace(w->config->context, flow, time_us, line);
}

static bool forbids(void *context, const struct flow *flow, const struct record *record, uint64_t time_us,
                    enum activity activity, const struct im_detail *detail)
{
    const struct worker *w = context;

    (void)record;
    return w->gate != NULL && gate_forbids(w->gate, flow, time_us, activity, detail);
}

/* Of a flow that was stopped the rule that did it counts, whatever else the flow did before. */
static enum enforced what_was_done(const struct worker *w, const struct flow *f, const struct record *r,
                                   struct verdict *verdict)
{
    enum enforced how = r != NULL ? (enum enforced)r->gate.enforced : ENFORCED_NONE;

    if (how == ENFORCED_NONE)
        return ENFORCED_PASSED;
    if (f->gate == FLOW_BLOCKED && r->gate.rule <= policy_rules(w->rules->policy)) {
        verdict->action = policy_action_name(POLICY_BLOCK);
        verdict->rule = policy_rule_name(w->rules->policy, r->gate.rule);
        verdict->number = r->gate.rule;
    }
    return how;
}

static void report_flow(struct worker *w, struct flow *f, enum flow_end why)
{
    struct known_who client, server;
    struct flow_event e = {
        .flow = f,
        .record = inspector_record(w->inspector, f),
        .catalog = w->rules->catalog,
        .file = w->name,
        .flow_id = flow_number(f),
        .last_us = flow_last_us(w->flows, f),
        .why = why,
        .port_agile = is_port_agile(w, f),
        .worker = w->number,
    };

    e.client = who_is(w, f, FROM_CLIENT, e.last_us, &client);
    e.server = who_is(w, f, FROM_SERVER, e.last_us, &server);
    e.verdict = rules_judge(w->rules, &e);
    if (w->gate != NULL)
        e.verdict.enforced = what_was_done(w, f, e.record, &e.verdict);
    if (f->service != 0)
        rules_note_flow(w->rules, e.verdict.number, e.last_us);
    if (w->config->pipeline != NULL && (f->service != 0 || w->config->all_flows))
        pipeline_flow(w->config->pipeline, w->number, &e);
    if (w->config->flow != NULL)
        w->config->flow(w->config->context, &e);
}

/* ---- bypass ---- */

static struct live_flow live_flow_of(const struct flow *f)
{
    return (struct live_flow){ .addr = { f->key.addr[0], f->key.addr[1] },
                               .port = { f->key.port[0], f->key.port[1] },
                               .l4 = f->key.l4 };
}

/* A settled flow has nothing left to learn but counters, and the kernel counts for less. */
static void bypass(struct worker *w, struct flow *f)
{
    struct live_flow ends = live_flow_of(f);

    f->bypassed = live_bypass(w->live, &ends);
    if (f->bypassed)
        count(&w->counters, COUNT_FLOWS_BYPASSED);
    else
        w->bypass_from_us = w->now_us + BYPASS_AGAIN_US;
}

/* Is the flow over soon, and not worth it? */
static bool is_closing(const struct flow *f)
{
    return (f->flags & (FLOW_FIN_CLIENT | FLOW_FIN_SERVER | FLOW_RST)) != 0;
}

/* The kernel's connection tracking counts all, what we saw too. True: more than before. */
static bool follow_connection(struct worker *w, struct flow *f)
{
    struct live_flow ends = live_flow_of(f);
    struct live_bypassed counted;
    uint64_t header_bytes = (ip_is_v4(&f->key.addr[0]) ? 20u : 40u) + (f->key.l4 == L4_TCP ? 32u : 8u);
    bool more = false;

    if (!conntrack_read(w->connections, &ends, &counted))
        return false;
    for (unsigned d = 0; d < 2; d++) {
        if (counted.packets[d] <= f->packets[d] || counted.bytes[d] <= f->bytes[d])
            continue;
        uint64_t headers = (counted.packets[d] - f->packets[d]) * header_bytes;
        uint64_t bytes = counted.bytes[d] - f->bytes[d];
        f->payload[d] += bytes > headers ? bytes - headers : 0;
        f->packets[d] = (uint32_t)counted.packets[d];
        f->bytes[d] = counted.bytes[d];
        more = true;
    }
    return more;
}

/* When was the last packet of a bypassed flow? The table asks at its timer. */
static void bypass_refresh(void *context, struct flow *f)
{
    struct worker *w = context;
    struct live_flow ends = live_flow_of(f);
    struct live_bypassed counted;

    if (w->connections != NULL && follow_connection(w, f))
        flow_seen(w->flows, f, w->now_us); /* some time since it was asked last */
    if (w->live != NULL && live_bypass_read(w->live, &ends, false, &counted) && counted.last_us != 0)
        flow_seen(w->flows, f, counted.last_us);
}

/*
 * End a flow's bypass and add what the kernel counted. It does not read headers for that, so the payload is
 * reckoned with those that nearly every packet has: Ethernet, IP, TCP with time stamps or UDP.
 */
static void bypass_merge(void *context, struct flow *f)
{
    struct worker *w = context;
    struct live_flow ends = live_flow_of(f);
    struct live_bypassed counted;
    bool v4 = ip_is_v4(&f->key.addr[0]);
    uint64_t header_bytes = 14u + (v4 ? 20u : 40u) + (f->key.l4 == L4_TCP ? 32u : 8u);

    if (!f->bypassed)
        return;
    f->bypassed = false;
    if (w->connections != NULL && (f->service != 0 || w->config->all_flows)) /* else nobody is told */
        (void)follow_connection(w, f);
    if (w->live == NULL || !live_bypass_read(w->live, &ends, true, &counted))
        return;
    for (unsigned d = 0; d < 2; d++) {
        uint64_t headers = counted.packets[d] * header_bytes;
        f->packets[d] += (uint32_t)counted.packets[d];
        f->bytes[d] += counted.bytes[d];
        f->payload[d] += counted.bytes[d] > headers ? counted.bytes[d] - headers : 0;
    }
    if (counted.last_us != 0)
        flow_seen(w->flows, f, counted.last_us);
}

void worker_bypass(struct worker *w, struct live *live)
{
    if (w->live != NULL)
        flow_table_visit(w->flows, bypass_merge, w);
    w->live = live;
    w->bypass_from_us = 0;
}

/* ---- flows ---- */

static void flow_ends(void *context, struct flow *f, enum flow_end why)
{
    struct worker *w = context;

    bypass_merge(w, f);
    inspector_close(w->inspector, f, flow_last_us(w->flows, f)); /* what was known then, not after a pause */
    if (f->service != 0)
        count(&w->counters, COUNT_FLOWS_IM);
    if ((f->flags & FLOW_TRACED) != 0 && w->config->trace != NULL)
        w->config->trace(w->config->context, f, flow_last_us(w->flows, f), flow_end_name(why));
    if (f->service != 0 || w->config->all_flows)
        report_flow(w, f, why);
    if (w->gate != NULL)
        gate_flow_ended(w->gate, f, inspector_record(w->inspector, f));
    inspector_drop_record(w->inspector, f);
}

/* Told by every worker's inspector; only one with a gate that blocks addresses cares. */
static void learns_address(void *context, const struct flow *f, uint64_t time_us, const struct ip_addr *addr,
                           const struct known_address *known, uint32_t ttl_s)
{
    const struct worker *w = context;

    if (w->endpoints != NULL)
        endpoint_feed_learnt(w->endpoints, w->rules, f, addr, known, ttl_s, time_us);
}

bool worker_new(const struct engine_config *config, unsigned number, struct rules *_Atomic *rules,
                uint32_t max_flows, struct knowledge *knowledge, struct worker **out,
                struct imw_error_info *err)
{
    struct worker *w = calloc(1, sizeof *w);
    struct flow_table_config table = { .max_flows = max_flows,
                                       .refresh = bypass_refresh,
                                       .refresh_late = config->inline_ };
    struct inspector_config inspection = {
        .catalog = atomic_load(rules)->catalog,
        .knowledge = knowledge,
        .keep_records = config->all_flows,
        .inline_ = config->inline_,
        .max_inspections = config->max_inspections,
        .max_records = max_flows,
        .activity = report_activity,
        .tap = config->pipeline == NULL                 ? NULL
               : pipeline_wants_files(config->pipeline) ? &tap_all
                                                        : &tap_without_files,
        .forbids = config->enforced != NULL ? forbids : NULL,
        .learnt = config->enforced != NULL ? learns_address : NULL,
        .trace = report_trace,
        .context = w,
    };

    if (w == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for a worker");
    w->config = config;
    w->number = number;
    w->newest = rules;
    w->rules = atomic_load(rules);
    atomic_init(&w->serial, w->rules->serial);
    w->knowledge = knowledge;
    inspection.parsers = parsers_all(&inspection.parser_count);
    if (!flow_table_new(&table, &w->counters, flow_ends, w, &w->flows, err) ||
        !inspector_new(&inspection, &w->counters, &w->inspector, err)) {
        worker_free(w);
        return false;
    }
    *out = w;
    return true;
}

void worker_free(struct worker *w)
{
    if (w == NULL)
        return;
    flow_table_free(w->flows);
    inspector_free(w->inspector);
    gate_free(w->gate);
    free(w);
}

/* Judged by rules that are not in force any more: the next packet asks anew. */
static void forget_judgement(void *context, struct flow *f)
{
    (void)context;
    f->gate = FLOW_UNJUDGED;
}

void worker_refresh(struct worker *w)
{
    const struct rules *rules = atomic_load_explicit(w->newest, memory_order_acquire);

    if (rules == w->rules)
        return;
    w->rules = rules;
    inspector_use(w->inspector, rules->catalog);
    if (w->gate != NULL)
        flow_table_visit(w->flows, forget_judgement, NULL);
    atomic_store_explicit(&w->serial, rules->serial, memory_order_release);
}

uint64_t worker_rules(const struct worker *w)
{
    return atomic_load_explicit(&w->serial, memory_order_acquire);
}

void worker_begin(struct worker *w, const char *name)
{
    worker_refresh(w);
    w->name = name;
    w->now_us = 0; /* captures need not follow each other in time */
}

static void begin_flow(struct worker *w, struct flow *f)
{
    if (w->config->explain != NULL && flow_is_named(f, flow_number(f), view_string(w->config->explain)))
        f->flags |= FLOW_TRACED;
    inspector_open(w->inspector, f, w->now_us);
}

/* Buckets double: the one for `n`, where the first holds all up to 2 to the `first`. */
static unsigned bucket(uint64_t n, unsigned first)
{
    unsigned bits = n > 1 ? 64u - (unsigned)__builtin_clzll(n - 1) : 0;

    return bits <= first ? 0 : bits - first < DECISION_BUCKETS ? bits - first : DECISION_BUCKETS - 1;
}

/* A service was found, or it was found that there is none: after how many packets and bytes? */
static void note_decision(struct worker *w, const struct flow *f)
{
    uint64_t packets = (uint64_t)f->packets[0] + f->packets[1], bytes = f->payload[0] + f->payload[1];

    w->decisions.packets[bucket(packets, 0)]++;
    w->decisions.bytes[bucket(bytes, 4)]++;
    w->decisions.packets_sum += packets;
    w->decisions.bytes_sum += bytes;
}

static void inspect(struct worker *w, struct flow *f, enum flow_dir from, const struct packet *p, bool is_new)
{
    bool decided = !is_new && f->service != 0;

    inspector_packet(w->inspector, f, from, p);
    if (!decided && (f->service != 0 || f->state == FLOW_SETTLED))
        note_decision(w, f);
}

/* What rules ask of a flow, but for its activities, as a number. */
static uint64_t facts_of(const struct flow *f)
{
    return (uint64_t)f->service << 32 | (uint64_t)f->app << 16 | (uint64_t)f->protocol << 8 | f->delivery;
}

static void handle(struct worker *w, const struct packet *p, uint32_t hash, const struct queued *queued)
{
    enum flow_dir from;
    bool is_new;
    struct flow *f = flow_table_find(w->flows, p, hash, &from, &is_new);
    uint64_t facts = facts_of(f);
    bool inspected = f->state != FLOW_SETTLED;

    count(&w->counters, COUNT_PACKETS);
    if (p->time_us > w->now_us)
        w->now_us = p->time_us;
    if (is_new)
        begin_flow(w, f);
    if (inspected)
        inspect(w, f, from, p, is_new);
    if (w->gate != NULL) {
        const struct inspect_outcome *outcome = inspected ? inspector_outcome(w->inspector) : NULL;
        bool noted = outcome != NULL && outcome->noted;
        const struct gate_packet decided = { .queued = queued,
                                             .packet = p,
                                             .flow = f,
                                             .from = from,
                                             .changed = noted || facts_of(f) != facts,
                                             .outcome = outcome };
        gate_packet(w->gate, w->rules, &decided);
    }
    if (inspected)
        return;
    if (w->live != NULL && !f->bypassed && p->plain && f->packets[0] + f->packets[1] >= BYPASS_AFTER &&
        !is_closing(f) && w->now_us >= w->bypass_from_us)
        bypass(w, f);
}

/*
 * Memory is waited for once a group, not once a packet: first the index slots of all packets are asked for,
 * then the entries that these lead to, then, some packets ahead, the inspection that hangs on an entry.
 */
static void handle_group(struct worker *w, const struct packet *packets, const uint32_t *hashes,
                         const uint16_t *order, unsigned count)
{
#define AT(n) (order != NULL ? order[n] : (n))
    for (unsigned i = 0; i < count; i++)
        flow_table_prefetch(w->flows, hashes[AT(i)]);
    for (unsigned i = 0; i < count; i++)
        flow_table_prefetch_entry(w->flows, hashes[AT(i)]);
    for (unsigned i = 0; i < count; i++) {
        if (i + STATE_AHEAD < count) {
            const struct flow *f = flow_table_peek(w->flows, hashes[AT(i + STATE_AHEAD)]);
            if (f != NULL)
                inspector_prefetch(w->inspector, f);
        }
        handle(w, &packets[AT(i)], hashes[AT(i)], NULL);
    }
#undef AT
}

void worker_packets(struct worker *w, const struct packet *packets, const uint32_t *hashes, unsigned count)
{
    worker_refresh(w);
    handle_group(w, packets, hashes, NULL, count);
    flow_table_advance(w->flows, w->now_us);
}

void worker_frames(struct worker *w, struct defrag *d, const struct frame *frames, unsigned count)
{
    struct packet packets[WORKER_FRAMES];
    uint32_t hashes[WORKER_FRAMES];
    unsigned ready = 0;

    for (unsigned i = 0; i < count; i++) {
        struct packet *p = &packets[ready];
        enum decode_answer answer = decode(&frames[i], d, &w->counters, p);
        if (answer == DECODE_NEIGHBOUR)
            knowledge_learn_mac(w->knowledge, &p->src, p->payload.at, p->time_us);
        if (answer != DECODE_PACKET)
            continue;
        hashes[ready++] = flow_hash(p, w->config->hash_seed);
        if (!borrows_from(p, &frames[i])) { /* a joined datagram lives until the next decode only */
            worker_packets(w, packets, hashes, ready);
            ready = 0;
        }
    }
    worker_packets(w, packets, hashes, ready);
}

/* ---- the gate ---- */

static struct judgement gate_asks(void *context, const struct flow *f, uint8_t activities, uint64_t time_us)
{
    const struct worker *w = context;
    struct known_who client;
    const struct scene s = { .time_us = time_us,
                             .flow = f,
                             .record = inspector_record(w->inspector, f),
                             .catalog = w->rules->catalog,
                             .client = who_is(w, f, FROM_CLIENT, time_us, &client),
                             .port_agile = is_port_agile(w, f) };

    return rules_judge_scene(w->rules, &s, activities);
}

static struct activity_event gate_where(void *context, const struct flow *f, uint64_t time_us,
                                        struct known_who *who)
{
    return where_of(context, f, inspector_record(((struct worker *)context)->inspector, f), time_us, who);
}

static struct record *gate_note(void *context, const struct flow *f)
{
    return inspector_note(((struct worker *)context)->inspector, (struct flow *)(uintptr_t)f);
}

static void gate_tells(void *context, const struct enforced_event *e)
{
    const struct worker *w = context;

    if (w->config->enforced != NULL)
        w->config->enforced(w->config->context, e);
}

bool worker_guard(struct worker *w, const struct gate_config *config, struct imw_error_info *err)
{
    struct gate_config own;

    gate_free(w->gate);
    w->gate = NULL;
    w->connections = NULL;
    w->endpoints = NULL;
    if (config == NULL)
        return true;
    w->endpoints = config->endpoints;
    w->connections = config->connections;
    own = *config;
    own.judge = gate_asks;
    own.where = gate_where;
    own.note = gate_note;
    own.enforced = gate_tells;
    own.counters = &w->counters;
    own.context = w;
    return gate_new(&own, &w->gate, err);
}

struct gate *worker_gate(const struct worker *w)
{
    return w->gate;
}

void worker_queue(struct worker *w, struct defrag *d, const struct queued *packets, unsigned count)
{
    worker_refresh(w);
    for (unsigned i = 0; i < count; i++) {
        struct packet p;
        if (decode(&packets[i].frame, d, &w->counters, &p) == DECODE_PACKET)
            handle(w, &p, flow_hash(&p, w->config->hash_seed), &packets[i]);
        else
            gate_pass(w->gate, &packets[i]);
    }
    flow_table_advance(w->flows, w->now_us);
}

unsigned worker_tend(struct worker *w, uint64_t now_us)
{
    return gate_tend(w->gate, w->rules, now_us);
}

void worker_tick(struct worker *w, uint64_t now_us)
{
    worker_refresh(w);
    flow_table_advance(w->flows, now_us);
}

void worker_packets_of(struct worker *w, const struct packet *packets, const uint32_t *hashes,
                       const uint16_t *order, unsigned count, uint64_t timers_us)
{
    worker_refresh(w);
    for (unsigned i = 0; i < count; i += GROUP)
        handle_group(w, packets, hashes, order + i, count - i < GROUP ? count - i : GROUP);
    flow_table_advance(w->flows, timers_us);
}

void worker_end(struct worker *w, uint64_t newest_us)
{
    worker_refresh(w);
    flow_table_advance(w->flows, newest_us);
    flow_table_flush(w->flows);
    if (w->now_us > w->newest_us)
        w->newest_us = w->now_us;
    w->now_us = 0;
}

uint32_t worker_flows(const struct worker *w)
{
    return flow_table_used(w->flows);
}

const struct decisions *worker_decisions(const struct worker *w)
{
    return &w->decisions;
}

void worker_restart(struct worker *w)
{
    flow_table_flush(w->flows);
    w->now_us = w->newest_us = 0;
    w->bypass_from_us = 0;
}

struct counters *worker_counters(struct worker *w)
{
    return &w->counters;
}

uint64_t worker_now_us(const struct worker *w)
{
    return w->now_us > w->newest_us ? w->now_us : w->newest_us;
}

struct engine_memory worker_memory(const struct worker *w)
{
    return (struct engine_memory){ flow_table_bytes(w->flows), inspector_bytes(w->inspector),
                                   flow_table_peak(w->flows), inspector_used(w->inspector) };
}
