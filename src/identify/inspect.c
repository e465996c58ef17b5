/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inspection driver.
 *
 * A flow under inspection has one `struct inspection` with a stack of layers: the wire protocol, and what is carried
 * inside it (WebSocket payload, HTTP bodies). Each layer is either probing, with a set of candidate parsers, or fed
 * to the parser that said yes, or dead. Bytes are used in place; only what a parser could not use yet is copied
 * into the layer's buffers. The parsers talk back through session.h, which this file implements; what changes the
 * layers themselves (upgrade, settle) is noted and done when the parser has returned.
 *
 * When nothing more can be learnt the flow is settled and all of this is given back.
 */
#include "identify/inspect.h"
#include "identify/decide.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    LAYERS = 3,              /* carried in each other, at most */
    BUFFER_SMALL = 2048,
    BUFFER_LARGE = PARSER_MESSAGE_BYTES,
    PROBES_DATAGRAMS = SAMPLE_HEADS,
    DEFAULT_INSPECTIONS = 65536,
    DEFAULT_RECORDS = 1000000,
    STREAM_EARLY_BYTES = 65536,
    STREAM_EARLY_SEGMENTS = 64,
    STREAM_EARLY_TOTAL = 64 << 20,
    STREAM_WINDOW = 2048,
};
_Static_assert((int)SAMPLE_BYTES <= (int)BUFFER_LARGE, "a sample fits a buffer");

struct parser_set {
    uint64_t bits[INSPECT_PARSERS / 64];
};

struct side {
    uint32_t buffer; /* handle, 0: none */
    uint32_t len;
    bool large;
};

enum layer_state { LAYER_PROBING, LAYER_FED, LAYER_DEAD };

struct layer {
    struct parser_set candidates;
    const struct parser *parser;
    uint32_t inner;            /* layer carried in this one, 0: none */
    uint8_t state;             /* enum layer_state */
    uint8_t depth;
    bool started[2];           /* bytes came from this side */
    bool midstream;
    bool upgrade;              /* asked for during feed */
    uint16_t upgrade_to;
    struct side side[2];
    uint64_t memory[PARSER_STATE_BYTES / 8]; /* the parser's state */
};

struct inspection {
    uint32_t stream[2];        /* TCP reassembly, 0: not yet */
    uint32_t layer;
    uint8_t head_count;        /* UDP */
    bool settle;               /* asked for during feed */
    uint8_t held_parser;       /* UDP: said yes while one before it still waited; its number + 1, 0: none */
    struct finding held;
    struct finding_notes notes;
    struct datagram_head heads[SAMPLE_HEADS];
};

struct inspector {
    struct inspector_config config;
    struct counters *counters;
    struct slab inspections, layers, small, large, records;
    struct stream_pool *streams;
    /* Candidates by transport (0 TCP, 1 UDP), first sender and first byte; and all of a transport. */
    struct parser_set by_first[2][2][256];
    struct parser_set all[2];
};

/* What a parser holds while it is called. */
struct session {
    struct inspector *in;
    struct flow *flow;
    struct inspection *inspection;
    struct layer *layer;
    uint64_t now_us;
};

/* ---- making ---- */

static void set_add(struct parser_set *s, unsigned i)
{
    s->bits[i / 64] |= (uint64_t)1 << (i % 64);
}

static void set_remove(struct parser_set *s, unsigned i)
{
    s->bits[i / 64] &= ~((uint64_t)1 << (i % 64));
}

static bool set_empty(const struct parser_set *s)
{
    uint64_t any = 0;

    for (unsigned i = 0; i < INSPECT_PARSERS / 64; i++)
        any |= s->bits[i];
    return any == 0;
}

/* The first member at or after `from`, or INSPECT_PARSERS. */
static unsigned set_next(const struct parser_set *s, unsigned from)
{
    for (unsigned word = from / 64; word < INSPECT_PARSERS / 64; word++) {
        uint64_t bits = s->bits[word] & (word == from / 64 ? ~(uint64_t)0 << (from % 64) : ~(uint64_t)0);
        if (bits != 0)
            return word * 64 + (unsigned)__builtin_ctzll(bits);
    }
    return INSPECT_PARSERS;
}

static void build_dispatch(struct inspector *in)
{
    for (unsigned i = 0; i < in->config.parser_count; i++) {
        const struct parser *p = in->config.parsers[i];
        assert(p->state_size <= PARSER_STATE_BYTES);
        for (unsigned l4 = 0; l4 < 2; l4++) {
            if ((p->on & (l4 == 0 ? PARSER_TCP : PARSER_UDP)) == 0)
                continue;
            set_add(&in->all[l4], i);
            for (unsigned from = 0; from < 2; from++)
                for (unsigned byte = 0; byte < 256; byte++)
                    if (p->starts == NULL || p->starts((uint8_t)byte, (enum flow_dir)from))
                        set_add(&in->by_first[l4][from][byte], i);
        }
    }
}

bool inspector_new(const struct inspector_config *config, struct counters *counters, struct inspector **out,
                   struct imw_error_info *err)
{
    struct inspector *in = calloc(1, sizeof *in);
    uint32_t inspections = config->max_inspections != 0 ? config->max_inspections : DEFAULT_INSPECTIONS;
    uint32_t records = config->max_records != 0 ? config->max_records : DEFAULT_RECORDS;

    if (in == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for inspection");
    assert(config->parser_count <= INSPECT_PARSERS);
    in->config = *config;
    in->counters = counters;
    struct stream_limits limits = {
        .max_streams = inspections * 2,
        .early_bytes = STREAM_EARLY_BYTES,
        .early_segments = STREAM_EARLY_SEGMENTS,
        .early_bytes_total = STREAM_EARLY_TOTAL,
        .window_bytes = STREAM_WINDOW,
    };
    in->streams = stream_pool_new(&limits, counters, err);
    if (in->streams == NULL || !slab_init(&in->inspections, sizeof(struct inspection), inspections, err) ||
        !slab_init(&in->layers, sizeof(struct layer), inspections * 2, err) ||
        !slab_init(&in->small, BUFFER_SMALL, inspections * 2, err) ||
        !slab_init(&in->large, BUFFER_LARGE, inspections / 2, err) ||
        !slab_init(&in->records, sizeof(struct record), records, err)) {
        inspector_free(in);
        return false;
    }
    build_dispatch(in);
    *out = in;
    return true;
}

void inspector_free(struct inspector *in)
{
    if (in == NULL)
        return;
    stream_pool_free(in->streams);
    slab_fini(&in->inspections);
    slab_fini(&in->layers);
    slab_fini(&in->small);
    slab_fini(&in->large);
    slab_fini(&in->records);
    free(in);
}

size_t inspector_bytes(const struct inspector *in)
{
    const struct slab *all[] = { &in->inspections, &in->layers, &in->small, &in->large, &in->records };
    size_t bytes = 0;

    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
        bytes += (size_t)all[i]->peak * all[i]->size;
    return bytes;
}

/* ---- records ---- */

static struct record *record_of(const struct inspector *in, const struct flow *f)
{
    return f->record != 0 ? slab_at(&in->records, f->record) : NULL;
}

const struct record *inspector_record(const struct inspector *in, const struct flow *flow)
{
    return record_of(in, flow);
}

void inspector_drop_record(struct inspector *in, struct flow *flow)
{
    if (flow->record != 0)
        slab_put(&in->records, flow->record);
    flow->record = 0;
}

/* The flow's record, made if need be; NULL when all are in use. */
static struct record *record_get(struct inspector *in, struct flow *f)
{
    if (f->record == 0) {
        f->record = slab_get(&in->records);
        if (f->record != 0)
            memset(slab_at(&in->records, f->record), 0, sizeof(struct record));
    }
    return record_of(in, f);
}

/* ---- tracing ---- */

static void trace_line(const struct session *s, const char *format, va_list args)
{
    char line[256];

    vsnprintf(line, sizeof line, format, args);
    s->in->config.trace(s->in->config.context, s->flow, s->now_us, line);
}

void session_trace(struct session *s, const char *format, ...)
{
    va_list args;

    if ((s->flow->flags & FLOW_TRACED) == 0 || s->in->config.trace == NULL)
        return;
    va_start(args, format);
    trace_line(s, format, args);
    va_end(args);
}

/* For values from the wire in trace lines. */
struct shown {
    char text[96];
};

static struct shown show(struct view v)
{
    struct shown out;
    struct text t = TEXT(out.text);

    text_printable(&t, v);
    return out;
}

/* ---- evidence ---- */

static struct decision_context decision_context(struct session *s)
{
    return (struct decision_context){ .catalog = s->in->config.catalog, .knowledge = s->in->config.knowledge,
                                      .now_us = s->now_us };
}

/* Add evidence and decide anew. */
static void adopt(struct session *s, uint16_t service, enum evidence_kind kind, unsigned confidence, struct view value)
{
    struct record *r = service != 0 ? record_get(s->in, s->flow) : NULL;

    if (r == NULL)
        return;
    session_trace(s, "evidence %s \"%s\" for %s, worth %u", evidence_name(kind), show(value).text,
                  catalog_service(s->in->config.catalog, service)->slug, confidence);
    uint16_t before = s->flow->service;
    record_add(r, service, kind, confidence, value);
    decide(s->flow, r);
    if (s->flow->service != before)
        session_trace(s, "decided: %s, confidence %u",
                      catalog_service(s->in->config.catalog, s->flow->service)->slug, s->flow->confidence);
}

static uint16_t service_number(const struct session *s, const char *slug)
{
    if (slug == NULL && s->layer != NULL && s->layer->parser != NULL)
        slug = s->layer->parser->service;
    return slug != NULL ? catalog_find(s->in->config.catalog, view_string(slug)) : 0;
}

void session_evidence(struct session *s, const struct evidence *e)
{
    adopt(s, service_number(s, e->service), e->kind, e->confidence != 0 ? e->confidence : evidence_worth(e->kind),
          e->value);
}

static void adopt_hit(struct session *s, enum evidence_kind kind, const struct catalog_hit *hit, struct view value)
{
    unsigned worth = evidence_worth(kind);

    adopt(s, hit->service, kind, hit->strength == STRENGTH_PROOF ? worth : worth / 3, value);
    if (hit->strength == STRENGTH_PROOF && kind != EVIDENCE_DNS_QUERY)
        flow_role(s->flow, hit->role);
}

bool session_name(struct session *s, enum evidence_kind kind, struct view host)
{
    struct finding_notes *notes = &s->inspection->notes;
    struct catalog_hit hit;

    count(s->in->counters, COUNT_NAMES);
    if (kind != EVIDENCE_DNS_QUERY && kind != EVIDENCE_CERTIFICATE) {
        if (notes->server_name[0] != '\0' && kind == EVIDENCE_HTTP_HOST && name_is_fronted(notes->server_name, host))
            session_hint(s, HINT_FRONTING, host);
        notes->named = true;
    }
    if (notes->server_name[0] == '\0') {
        struct text t = TEXT(notes->server_name);
        text_printable(&t, host);
    }
    if (!catalog_match_name(s->in->config.catalog, host, &hit)) {
        session_trace(s, "name %s \"%s\": not in the catalog", evidence_name(kind), show(host).text);
        return false;
    }
    adopt_hit(s, kind, &hit, host);
    return hit.strength == STRENGTH_PROOF;
}

bool session_http(struct session *s, struct view method, struct view path, struct view agent)
{
    struct catalog_hit hit;
    bool proved = false;

    session_trace(s, "HTTP %s %s, agent \"%s\"", show(method).text, show(path).text, show(agent).text);
    if (catalog_match_path(s->in->config.catalog, path, &hit)) {
        adopt_hit(s, EVIDENCE_HTTP_PATH, &hit, path);
        proved = hit.strength == STRENGTH_PROOF;
    }
    if (catalog_match_agent(s->in->config.catalog, agent, &hit)) {
        adopt_hit(s, EVIDENCE_HTTP_AGENT, &hit, agent);
        proved |= hit.strength == STRENGTH_PROOF;
    }
    return proved;
}

/* ---- what else parsers tell ---- */

static void note(char *out, size_t size, struct view v)
{
    struct text t = text_over(out, size);

    text_printable(&t, v);
}

void session_activity(struct session *s, enum activity a, const struct im_detail *detail)
{
    s->flow->activities |= (uint8_t)(1 << a);
    if (detail == NULL)
        return;
    struct record *r = record_get(s->in, s->flow);
    if (r == NULL)
        return;
    if (r->account[0] == '\0' && detail->account.len > 0)
        note(r->account, sizeof r->account, detail->account);
    r->messages += a == ACTIVITY_CHAT;
    r->files += a == ACTIVITY_FILE;
    r->calls += a == ACTIVITY_CALL;
    session_trace(s, "activity %s%s%s", activity_name(a), detail->account.len > 0 ? " of " : "",
                  show(detail->account).text);
    if (s->in->config.activity != NULL && s->flow->service != 0)
        s->in->config.activity(s->in->config.context, s->flow, r, s->now_us, a, detail);
}

void session_delivery(struct session *s, enum delivery d)
{
    /* A flow that brokers a direct leg is a broker from then on, whatever else it carries. */
    if (s->flow->delivery != DELIVERY_SERVER_BROKER)
        s->flow->delivery = (uint8_t)d;
}

void session_version(struct session *s, struct view version)
{
    note(s->inspection->notes.version, sizeof s->inspection->notes.version, version);
}

void session_client(struct session *s, struct view software)
{
    if (s->inspection->notes.client[0] == '\0')
        note(s->inspection->notes.client, sizeof s->inspection->notes.client, software);
}

void session_ja4(struct session *s, struct view ja4)
{
    struct catalog_hit hit;

    note(s->inspection->notes.ja4, sizeof s->inspection->notes.ja4, ja4);
    if (catalog_match_ja4(s->in->config.catalog, ja4, &hit))
        adopt_hit(s, EVIDENCE_FINGERPRINT, &hit, ja4);
}

void session_hint(struct session *s, enum hint h, struct view value)
{
    struct finding_notes *notes = &s->inspection->notes;

    notes->hints |= (uint16_t)(1 << h);
    if (notes->hint_value[0] == '\0')
        note(notes->hint_value, sizeof notes->hint_value, value);
    session_trace(s, "hint %s \"%s\"", hint_name(h), show(value).text);
}

void session_expect(struct session *s, const struct expectation *e)
{
    uint16_t service = e->service != NULL ? service_number(s, e->service) : s->flow->service;

    if (service == 0)
        service = service_number(s, NULL);
    if (service == 0)
        return;
    count(s->in->counters, COUNT_EXPECTATIONS);
    knowledge_expect(s->in->config.knowledge, e, service, (uint8_t)evidence_worth(EVIDENCE_EXPECTED), s->now_us);
}

void session_learn_address(struct session *s, struct view name, const struct ip_addr *addr, uint32_t ttl_s)
{
    struct known_address known = { 0 };
    struct catalog_hit hit;

    if (catalog_match_name(s->in->config.catalog, name, &hit) && hit.strength == STRENGTH_PROOF) {
        known.service = hit.service;
        known.role = (uint8_t)hit.role;
    }
    note(known.name, sizeof known.name, name);
    count(s->in->counters, COUNT_ADDRESSES_LEARNT);
    knowledge_learn_address(s->in->config.knowledge, addr, &known, ttl_s, s->now_us);
}

void session_learn_host(struct session *s, const struct ip_addr *addr, struct view name)
{
    knowledge_learn_host(s->in->config.knowledge, addr, name, s->now_us);
}

void session_upgrade(struct session *s, enum protocol hint)
{
    s->layer->upgrade = true;
    s->layer->upgrade_to = (uint16_t)hint;
}

void session_settle(struct session *s)
{
    if (s->layer->depth == 0)
        s->inspection->settle = true;
    s->layer->state = LAYER_DEAD;
}

const struct ip_addr *session_address(const struct session *s, bool server)
{
    return &s->flow->key.addr[server ? FROM_SERVER : FROM_CLIENT];
}

uint16_t session_port(const struct session *s, bool server)
{
    return s->flow->key.port[server ? FROM_SERVER : FROM_CLIENT];
}

bool session_is_udp(const struct session *s)
{
    return s->flow->key.l4 == L4_UDP;
}

uint64_t session_now_us(const struct session *s)
{
    return s->now_us;
}

/* ---- layers ---- */

static uint32_t layer_new(struct inspector *in, unsigned depth, bool midstream)
{
    uint32_t handle = slab_get(&in->layers);

    if (handle == 0)
        return 0;
    struct layer *l = slab_at(&in->layers, handle);
    memset(l, 0, offsetof(struct layer, memory));
    l->depth = (uint8_t)depth;
    l->midstream = midstream;
    return handle;
}

static void side_clear(struct inspector *in, struct side *side)
{
    if (side->buffer != 0)
        slab_put(side->large ? &in->large : &in->small, side->buffer);
    *side = (struct side){ 0 };
}

static void layer_free(struct inspector *in, uint32_t handle)
{
    while (handle != 0) {
        struct layer *l = slab_at(&in->layers, handle);
        uint32_t inner = l->inner;
        side_clear(in, &l->side[0]);
        side_clear(in, &l->side[1]);
        slab_put(&in->layers, handle);
        handle = inner;
    }
}

static uint8_t *side_bytes(const struct inspector *in, const struct side *side)
{
    return slab_at(side->large ? &in->large : &in->small, side->buffer);
}

static struct view side_view(const struct inspector *in, const struct side *side)
{
    return side->buffer != 0 ? view_of(side_bytes(in, side), side->len) : view_of(NULL, 0);
}

/* Keep bytes behind those kept before. Returns how many found room; 0: the buffer is full or there is none. */
static size_t side_append(struct inspector *in, struct side *side, struct view v)
{
    if (side->buffer == 0 || (!side->large && side->len + v.len > BUFFER_SMALL)) {
        bool large = side->len + v.len > BUFFER_SMALL;
        uint32_t bigger = slab_get(large ? &in->large : &in->small);
        if (bigger == 0 && side->buffer == 0)
            return 0;
        if (bigger != 0) {
            struct side old = *side;
            *side = (struct side){ bigger, old.len, large };
            if (old.buffer != 0) {
                memcpy(side_bytes(in, side), side_bytes(in, &old), old.len);
                slab_put(&in->small, old.buffer);
            }
        }
    }
    size_t room = (side->large ? BUFFER_LARGE : BUFFER_SMALL) - side->len;
    size_t n = v.len < room ? v.len : room;
    memcpy(side_bytes(in, side) + side->len, v.at, n);
    side->len += (uint32_t)n;
    return n;
}

/* Drop the first `n` kept bytes. */
static void side_consume(struct inspector *in, struct side *side, size_t n)
{
    if (n >= side->len) {
        side_clear(in, side);
        return;
    }
    uint8_t *bytes = side_bytes(in, side);
    memmove(bytes, bytes + n, side->len - n);
    side->len -= (uint32_t)n;
}

/* ---- probing ---- */

static unsigned l4_index(const struct flow *f)
{
    return f->key.l4 == L4_UDP;
}

/* The candidates for a layer whose first bytes are here. */
static void layer_start(struct session *s, enum flow_dir from, uint8_t first)
{
    struct layer *l = s->layer;
    unsigned l4 = l4_index(s->flow);
    bool other_started = l->started[dir_other(from)];

    l->started[from] = true;
    if (l->state != LAYER_PROBING)
        return;
    if (l->midstream) {
        if (!other_started)
            l->candidates = s->in->all[l4];
    } else if (!other_started) {
        l->candidates = s->in->by_first[l4][from][first];
    } else {
        for (unsigned i = 0; i < INSPECT_PARSERS / 64; i++)
            l->candidates.bits[i] &= s->in->by_first[l4][from][first].bits[i];
    }
}

static void accept(struct session *s, const struct parser *p, const struct finding *finding)
{
    struct layer *l = s->layer;
    struct flow *f = s->flow;
    const char *slug = finding->service != NULL ? finding->service : p->service;

    session_trace(s, "protocol %s%s%s", protocol_name(p->protocol), finding->value[0] != '\0' ? ": " : "",
                  finding->value);
    l->parser = p;
    l->state = p->feed != NULL ? LAYER_FED : LAYER_DEAD;
    memset(l->memory, 0, p->state_size);
    if (f->app == PROTOCOL_UNKNOWN)
        f->app = (uint16_t)p->protocol;
    if (p->feed == NULL && l->depth == 0)
        s->inspection->settle = true;
    if (slug == NULL)
        return;
    f->protocol = (uint8_t)p->protocol;
    adopt(s, service_number(s, slug), EVIDENCE_PAYLOAD,
          finding->confidence != 0 ? finding->confidence : evidence_worth(EVIDENCE_PAYLOAD),
          finding->value[0] != '\0' ? view_string(finding->value) : view_string(protocol_name(p->protocol)));
}

/* Swap the ends of a flow whose first packet misled (mid-stream). */
static void flow_reverse(struct flow *f)
{
#define SWAP(array) do { __typeof__((array)[0]) kept = (array)[0]; (array)[0] = (array)[1]; (array)[1] = kept; } while (0)
    SWAP(f->key.addr);
    SWAP(f->key.port);
    SWAP(f->bytes);
    SWAP(f->packets);
    SWAP(f->payload);
    SWAP(f->start_seq);
    unsigned fin = f->flags & (FLOW_FIN_CLIENT | FLOW_FIN_SERVER);
    f->flags &= (uint8_t)~(FLOW_FIN_CLIENT | FLOW_FIN_SERVER);
    f->flags |= (uint8_t)((fin & FLOW_FIN_CLIENT ? FLOW_FIN_SERVER : 0) | (fin & FLOW_FIN_SERVER ? FLOW_FIN_CLIENT : 0));
#undef SWAP
}

/*
 * Ask the candidates in order. The first yes counts when all before it have said no; with `final` (no more bytes to
 * come, or the limit reached) a "need more" is a no. Returns the layer's new state.
 */
static enum layer_state ask(struct session *s, const struct sample *sample, bool final)
{
    struct layer *l = s->layer;
    bool waiting = false;

    for (unsigned i = set_next(&l->candidates, 0); i < s->in->config.parser_count; i = set_next(&l->candidates, i + 1)) {
        const struct parser *p = s->in->config.parsers[i];
        struct finding finding = { 0 };
        enum im_answer answer = p->probe(sample, &finding);

        count(s->in->counters, COUNT_PROBES);
        if (answer == IM_YES && !waiting) {
            accept(s, p, &finding);
            if (finding.reversed && (s->flow->flags & FLOW_SYN) == 0)
                s->inspection->notes.reversed = true;
            return l->state;
        }
        if (answer == IM_NO || (answer == IM_MORE && final)) {
            session_trace(s, "not %s", protocol_name(p->protocol));
            set_remove(&l->candidates, i);
        } else {
            if (answer == IM_YES && s->inspection->held_parser == 0) {
                s->inspection->held_parser = (uint8_t)(i + 1);
                s->inspection->held = finding;
            }
            waiting = true;
        }
    }
    if (set_empty(&l->candidates)) {
        l->state = LAYER_DEAD;
        if (l->depth == 0)
            s->inspection->settle = true;
    }
    return l->state;
}

static struct sample sample_of(const struct session *s, enum flow_dir from)
{
    struct sample sample = { .l4 = s->flow->key.l4, .midstream = s->layer->midstream, .from = from };

    for (unsigned d = 0; d < 2; d++) {
        sample.port[d] = s->flow->key.port[d];
        sample.addr[d] = s->flow->key.addr[d];
        sample.bytes[d] = view_of(NULL, 0);
    }
    sample.datagram = view_of(NULL, 0);
    return sample;
}

/* ---- feeding streams ---- */

static void upgrade(struct session *s)
{
    struct layer *l = s->layer;

    session_trace(s, "upgrade%s%s", l->upgrade_to != PROTOCOL_UNKNOWN ? " to " : "",
                  l->upgrade_to != PROTOCOL_UNKNOWN ? protocol_name((enum protocol)l->upgrade_to) : "");
    l->upgrade = false;
    l->parser = NULL;
    l->started[0] = l->started[1] = l->midstream = false;
    l->state = LAYER_PROBING;
    s->inspection->notes.upgraded = l->upgrade_to;
    for (unsigned i = 0; l->upgrade_to == PROTOCOL_WEBSOCKET && i < s->in->config.parser_count; i++) {
        if (s->in->config.parsers[i]->protocol == PROTOCOL_WEBSOCKET) {
            l->parser = s->in->config.parsers[i];
            l->state = LAYER_FED;
            memset(l->memory, 0, l->parser->state_size);
        }
    }
}

/* Feed from `in` until the parser is satisfied or waits for more. Returns how many bytes were used up. */
static size_t feed(struct session *s, enum flow_dir from, struct view in)
{
    size_t used = 0;

    while (used < in.len && s->layer->state == LAYER_FED && !s->inspection->settle) {
        size_t n = s->layer->parser->feed(s->layer->memory, s, from, view_from(in, used));
        assert(n <= in.len - used);
        used += n;
        if (s->layer->upgrade) {
            upgrade(s);
            break;
        }
        if (n == 0)
            break;
    }
    return s->layer->state == LAYER_DEAD ? in.len : used;
}

static void layer_feed_kept(struct session *s, enum flow_dir from)
{
    struct side *side = &s->layer->side[from];

    if (side->buffer != 0 && s->layer->state == LAYER_FED)
        side_consume(s->in, side, feed(s, from, side_view(s->in, side)));
}

/*
 * Take what is in order from one side: all that is kept and new, beginning at the first byte not used up. Returns
 * how many bytes are used up.
 */
static size_t layer_step(struct session *s, enum flow_dir from, struct view in, bool final)
{
    struct layer *l = s->layer;
    size_t used = 0;

    /* An upgrade in the middle of the bytes makes a second round; each round needs a parser's yes, so they end. */
    for (unsigned round = 0; round < 4 && used < in.len && !s->inspection->settle; round++) {
        struct view rest = view_from(in, used);
        if (!l->started[from])
            layer_start(s, from, rest.at[0]);
        if (l->state == LAYER_PROBING) {
            struct sample sample = sample_of(s, from);
            sample.bytes[from] = rest;
            sample.bytes[dir_other(from)] = side_view(s->in, &l->side[dir_other(from)]);
            if (ask(s, &sample, final || rest.len >= SAMPLE_BYTES) == LAYER_PROBING)
                return used;
            if (l->state == LAYER_FED && from == FROM_SERVER)
                layer_feed_kept(s, FROM_CLIENT);
        }
        if (l->state == LAYER_DEAD)
            return in.len;
        bool probing = l->state == LAYER_PROBING; /* an upgrade by the other side's kept bytes */
        if (!probing)
            used += feed(s, from, rest);
        if (from == FROM_CLIENT && !s->inspection->settle)
            layer_feed_kept(s, FROM_SERVER);
        if (l->state != LAYER_PROBING)
            break;
    }
    return s->inspection->settle ? in.len : used;
}

/* The buffer is full and the parser cannot use it. */
static void layer_overflow(struct session *s, enum flow_dir from)
{
    struct layer *l = s->layer;

    if (l->state == LAYER_PROBING) {
        struct sample sample = sample_of(s, from);
        sample.bytes[0] = side_view(s->in, &l->side[0]);
        sample.bytes[1] = side_view(s->in, &l->side[1]);
        (void)ask(s, &sample, true);
    } else if (l->state == LAYER_FED) {
        count(s->in->counters, COUNT_PARSER_FULL);
        session_trace(s, "a message of %s is longer than %u bytes", protocol_name(l->parser->protocol), BUFFER_LARGE);
        if (l->parser->gap == NULL || !l->parser->gap(l->memory, from))
            session_settle(s);
    }
    if (l->state != LAYER_PROBING)
        side_clear(s->in, &l->side[from]);
}

/* Bytes of one side of a layer, in order. */
static void layer_bytes(struct session *s, enum flow_dir from, struct view in)
{
    struct layer *l = s->layer;
    struct side *side = &l->side[from];

    while (in.len > 0 && l->state != LAYER_DEAD && !s->inspection->settle) {
        if (side->buffer == 0) {
            in = view_from(in, layer_step(s, from, in, false));
            if (in.len == 0 || l->state == LAYER_DEAD || s->inspection->settle)
                break;
            size_t kept = side_append(s->in, side, in);
            if (kept == 0) {
                count(s->in->counters, COUNT_INSPECT_FULL);
                session_settle(s);
            }
            in = view_from(in, kept);
        } else {
            size_t kept = side_append(s->in, side, in);
            in = view_from(in, kept);
            size_t used = layer_step(s, from, side_view(s->in, side), false);
            side_consume(s->in, side, used);
            if (kept == 0 && used == 0)
                layer_overflow(s, from);
        }
    }
}

/* Bytes were lost on one side of a layer. */
static void layer_lost(struct session *s, enum flow_dir from)
{
    struct layer *l = s->layer;

    side_clear(s->in, &l->side[from]);
    if (l->state == LAYER_FED && (l->parser->gap == NULL || !l->parser->gap(l->memory, from))) {
        session_trace(s, "bytes lost: %s is not followed further", protocol_name(l->parser->protocol));
        session_settle(s);
    } else if (l->state == LAYER_PROBING) {
        /* What comes next starts anywhere: judge it as a stream that was joined late. */
        l->midstream = true;
        l->candidates = s->in->all[l4_index(s->flow)];
    }
}

void session_inner(struct session *s, enum flow_dir from, struct view bytes)
{
    struct layer *outer = s->layer;

    if (outer->inner == 0) {
        if (outer->depth + 1 >= LAYERS) {
            count(s->in->counters, COUNT_LAYERS_DEEP);
            return;
        }
        outer->inner = layer_new(s->in, outer->depth + 1u, false);
        if (outer->inner == 0) {
            count(s->in->counters, COUNT_INSPECT_FULL);
            return;
        }
    }
    s->layer = slab_at(&s->in->layers, outer->inner);
    layer_bytes(s, from, bytes);
    s->layer = outer;
}

void session_inner_end(struct session *s)
{
    layer_free(s->in, s->layer->inner);
    s->layer->inner = 0;
}

/* ---- flows ---- */

static struct inspection *inspection_of(const struct inspector *in, const struct flow *f)
{
    return f->inspect != 0 ? slab_at(&in->inspections, f->inspect) : NULL;
}

static struct session session_of(struct inspector *in, struct flow *f, uint64_t now_us)
{
    struct inspection *inspection = inspection_of(in, f);

    return (struct session){ in, f, inspection,
                             inspection != NULL && inspection->layer != 0 ? slab_at(&in->layers, inspection->layer) : NULL,
                             now_us };
}

/* Hand the notes of the parsers over to the record, which outlives the inspection. */
static void keep_notes(struct session *s)
{
    const struct finding_notes *notes = &s->inspection->notes;
    struct record *r = record_of(s->in, s->flow);

    if (r == NULL && (s->in->config.keep_records || notes->hints != 0))
        r = record_get(s->in, s->flow);
    if (r != NULL)
        record_note(r, notes);
}

static void release(struct session *s)
{
    struct inspection *i = s->inspection;

    for (unsigned d = 0; d < 2; d++)
        if (i->stream[d] != 0)
            stream_put(s->in->streams, i->stream[d]);
    layer_free(s->in, i->layer);
    slab_put(&s->in->inspections, s->flow->inspect);
    s->flow->inspect = 0;
}

/* Nothing more to learn: decide with what addresses tell, and give everything back. */
static void settle(struct session *s)
{
    struct flow *f = s->flow;
    struct decision_context context = decision_context(s);
    bool reversed = s->inspection->notes.reversed;

    keep_notes(s);
    bool named = s->inspection->notes.named;
    release(s);
    if (reversed)
        flow_reverse(f);
    f->state = FLOW_SETTLED;
    if (named)
        f->named = true;
    decide_by_payload_ends(&context, f, record_of(s->in, f));
    if (f->service == 0) {
        struct known_evidence known;
        if (decide_by_address(&context, f, &known))
            adopt(s, known.service, known.kind, known.confidence, view_string(known.value));
    }
    count(s->in->counters, COUNT_FLOWS_SETTLED);
    s->inspection = NULL;
    session_trace(s, "settled: nothing more to learn from the bytes of this flow");
}

static bool begin(struct inspector *in, struct flow *f)
{
    f->inspect = slab_get(&in->inspections);
    if (f->inspect == 0)
        return false;
    struct inspection *i = inspection_of(in, f);
    memset(i, 0, offsetof(struct inspection, heads));
    i->layer = layer_new(in, 0, (f->flags & FLOW_MIDSTREAM) != 0);
    if (i->layer == 0) {
        slab_put(&in->inspections, f->inspect);
        f->inspect = 0;
        return false;
    }
    f->state = FLOW_INSPECT;
    return true;
}

struct delivery_context {
    struct session session;
    enum flow_dir from;
};

static void deliver(void *context, struct view data, uint64_t lost)
{
    struct delivery_context *d = context;

    if (d->session.inspection->settle)
        return;
    if (lost > 0)
        layer_lost(&d->session, d->from);
    if (data.len > 0 && !d->session.inspection->settle)
        layer_bytes(&d->session, d->from, data);
}

/* A stream of the flow, started at its SYN where that was seen. */
static uint32_t stream_of(struct session *s, enum flow_dir from)
{
    uint32_t *stream = &s->inspection->stream[from];
    unsigned syn = from == FROM_CLIENT ? FLOW_SYN : FLOW_SYN_ACK;

    if (*stream == 0) {
        *stream = stream_get(s->in->streams);
        if (*stream != 0 && (s->flow->flags & syn) != 0) {
            struct stream_segment start = { s->flow->start_seq[from] - 1, TCP_SYN, 0, view_of(NULL, 0) };
            (void)stream_push(s->in->streams, *stream, &start, deliver, NULL);
        }
    }
    return *stream;
}

static void tcp_packet(struct session *s, enum flow_dir from, const struct packet *p)
{
    struct delivery_context context = { *s, from };
    struct stream_segment segment = { p->seq, p->tcp_flags, p->payload_len, p->payload };
    uint32_t stream = stream_of(s, from);

    if (stream == 0) {
        count(s->in->counters, COUNT_INSPECT_FULL);
        s->inspection->settle = true;
    } else if (stream_push(s->in->streams, stream, &segment, deliver, &context)) {
        s->flow->flags |= FLOW_CONFLICT;
    }
}

static void udp_packet(struct session *s, enum flow_dir from, const struct packet *p)
{
    struct inspection *i = s->inspection;
    struct layer *l = s->layer;

    if (i->head_count < SAMPLE_HEADS && l->state == LAYER_PROBING) {
        struct datagram_head *h = &i->heads[i->head_count++];
        h->from = (uint8_t)from;
        h->len = (uint16_t)(p->payload_len < UINT16_MAX ? p->payload_len : UINT16_MAX);
        h->kept = (uint8_t)(p->payload.len < SAMPLE_HEAD_BYTES ? p->payload.len : SAMPLE_HEAD_BYTES);
        memcpy(h->data, p->payload.at, h->kept);
    }
    if (l->state == LAYER_PROBING) {
        struct sample sample = sample_of(s, from);
        if (!l->started[0] && !l->started[1])
            layer_start(s, from, p->payload.at[0]);
        sample.datagram = p->payload;
        sample.heads = i->heads;
        sample.head_count = i->head_count;
        (void)ask(s, &sample, i->head_count == SAMPLE_HEADS);
    }
    if (l->state == LAYER_FED)
        (void)l->parser->feed(l->memory, s, from, p->payload);
}

void inspector_packet(struct inspector *in, struct flow *flow, enum flow_dir from, const struct packet *p)
{
    if (p->payload.len == 0)
        return;
    if (flow->inspect == 0 && !begin(in, flow)) {
        count(in->counters, COUNT_INSPECT_FULL);
        flow->state = FLOW_SETTLED;
        return;
    }
    struct session s = session_of(in, flow, p->time_us);
    if (flow->key.l4 == L4_TCP)
        tcp_packet(&s, from, p);
    else
        udp_packet(&s, from, p);
    if (s.inspection->settle)
        settle(&s);
}

void inspector_open(struct inspector *in, struct flow *flow, uint64_t now_us)
{
    struct session s = session_of(in, flow, now_us);
    struct decision_context context = decision_context(&s);
    struct known_evidence known;

    if (decide_by_expectation(&context, flow, &known)) {
        count(in->counters, COUNT_EXPECTATIONS_MET);
        adopt(&s, known.service, EVIDENCE_EXPECTED, known.confidence, view_string(known.value));
    }
}

/* Bytes that still wait: for a hole to be filled, or for a parser that asked for more. */
static void finish(struct session *s)
{
    for (unsigned d = 0; d < 2 && s->flow->key.l4 == L4_TCP; d++) {
        struct delivery_context context = { *s, (enum flow_dir)d };
        if (s->inspection->stream[d] != 0)
            stream_flush(s->in->streams, s->inspection->stream[d], deliver, &context);
    }
    if (s->layer->state != LAYER_PROBING || s->inspection->settle)
        return;
    if (s->flow->key.l4 == L4_UDP) {
        if (s->inspection->held_parser != 0) /* its datagram is gone, but not what was found */
            accept(s, s->in->config.parsers[s->inspection->held_parser - 1], &s->inspection->held);
        return;
    }
    struct sample sample = sample_of(s, FROM_CLIENT);
    for (unsigned d = 0; d < 2; d++)
        sample.bytes[d] = side_view(s->in, &s->layer->side[d]);
    if (ask(s, &sample, true) == LAYER_FED) {
        layer_feed_kept(s, FROM_CLIENT);
        layer_feed_kept(s, FROM_SERVER);
    }
}

void inspector_close(struct inspector *in, struct flow *flow, uint64_t now_us)
{
    struct session s = session_of(in, flow, now_us);

    if (s.inspection != NULL) {
        finish(&s);
        settle(&s);
    }
    if (flow->service == 0) {
        struct decision_context context = decision_context(&s);
        struct known_evidence known;
        s.layer = NULL;
        if (decide_by_expectation(&context, flow, &known) || decide_by_address(&context, flow, &known) ||
            decide_by_neighbour(&context, flow, &known))
            adopt(&s, known.service, known.kind, known.confidence, view_string(known.value));
    }
    if (flow->service != 0)
        decide_rest(flow, record_of(in, flow), now_us);
}
