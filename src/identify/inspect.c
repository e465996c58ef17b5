/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inspection driver: flows.
 *
 * A flow under inspection has one `struct inspection` with a stack of layers: the wire protocol, and what is
 * carried inside it (WebSocket payload, HTTP bodies). Each layer is either probing, with a set of candidate
 * parsers, or fed to the parser that said yes, or dead (layer.c). The parsers talk back through session.h
 * (session.c).
 *
 * When nothing more can be learnt the flow is settled and all of this is given back.
 */
#include "identify/driver.h"
#include <assert.h>
#include <stdlib.h>

enum {
    DEFAULT_INSPECTIONS = 65536,
    DEFAULT_RECORDS = 1000000,
    STREAM_EARLY_BYTES = 65536,
    STREAM_EARLY_SEGMENTS = 64,
    STREAM_EARLY_TOTAL = 64 << 20,
    STREAM_WINDOW = 256,
};

static void build_dispatch(struct inspector *in)
{
    for (unsigned i = 0; i < in->config.parser_count; i++) {
        const struct parser *p = in->config.parsers[i];
        assert(p->state_size <= PARSER_STATE_BYTES);
        bool never_asked = true;

        if ((p->on & PARSER_BODY) != 0)
            set_add(&in->bodies, i);
        for (unsigned l4 = 0; l4 < 2; l4++) {
            if ((p->on & (l4 == 0 ? PARSER_TCP : PARSER_UDP)) == 0)
                continue;
            set_add(&in->all[l4], i);
            for (unsigned from = 0; from < 2; from++) {
                bool begins = false;
                for (unsigned byte = 0; byte < 256; byte++) {
                    if (p->starts != NULL && !p->starts((uint8_t)byte, (enum flow_dir)from))
                        continue;
                    set_add(&in->by_first[l4][from][byte], i);
                    begins = true;
                }
                if (!begins)
                    set_add(&in->answering[l4][from], i);
                never_asked &= !begins;
            }
        }
        if (never_asked)
            set_add(&in->given, i);
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
        .window_bytes = config->inline_ ? INSPECT_WINDOW_BYTES : STREAM_WINDOW,
        .strict = config->inline_,
    };
    in->streams = stream_pool_new(&limits, counters, err);
    if (in->streams == NULL || !slab_init(&in->inspections, sizeof(struct inspection), inspections, err) ||
        !slab_init(&in->layers, sizeof(struct layer), inspections, err) ||
        !slab_init(&in->heads, sizeof(struct datagram_head) * SAMPLE_HEADS, inspections, err) ||
        !slab_init(&in->states[0], STATE_SMALL, inspections * 2, err) ||
        !slab_init(&in->states[1], STATE_MEDIUM, inspections, err) ||
        !slab_init(&in->states[2], PARSER_STATE_BYTES, inspections / 2, err) ||
        !slab_init(&in->small, BUFFER_SMALL, inspections * 2, err) ||
        !slab_init(&in->large, BUFFER_LARGE, inspections / 2, err) ||
        !slab_init(&in->spoiled, sizeof(struct spoiled), inspections, err) ||
        !slab_init(&in->records, sizeof(struct record), records, err)) {
        inspector_free(in);
        return false;
    }
    struct slab *dense[] = { &in->inspections, &in->heads,     &in->records,
                             &in->states[0],   &in->states[1], &in->small };
    for (unsigned i = 0; i < sizeof dense / sizeof dense[0]; i++)
        slab_use_huge_pages(dense[i]);
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
    slab_fini(&in->heads);
    slab_fini(&in->small);
    slab_fini(&in->large);
    slab_fini(&in->spoiled);
    slab_fini(&in->records);
    for (unsigned i = 0; i < STATE_CLASSES; i++)
        slab_fini(&in->states[i]);
    free(in);
}

void inspector_use(struct inspector *in, const struct catalog *catalog)
{
    in->config.catalog = catalog;
}

enum { SLABS = 7 + STATE_CLASSES };

static void slabs_of(const struct inspector *in, const struct slab *out[SLABS])
{
    const struct slab *all[] = { &in->inspections, &in->layers,   &in->heads,   &in->small,
                                 &in->large,       &in->records,  &in->spoiled, &in->states[0],
                                 &in->states[1],   &in->states[2] };

    memcpy(out, all, sizeof all);
}

size_t inspector_bytes(const struct inspector *in)
{
    const struct slab *all[SLABS];
    size_t bytes = 0;

    slabs_of(in, all);
    for (unsigned i = 0; i < SLABS; i++)
        bytes += (size_t)all[i]->peak * all[i]->size;
    return bytes;
}

uint32_t inspector_used(const struct inspector *in)
{
    const struct slab *all[SLABS];
    uint32_t used = 0;

    slabs_of(in, all);
    for (unsigned i = 0; i < SLABS; i++)
        used += all[i]->used;
    return used;
}

static struct inspection *inspection_of(const struct inspector *in, const struct flow *f)
{
    return f->inspect != 0 ? slab_at(&in->inspections, f->inspect) : NULL;
}

static struct session session_of(struct inspector *in, struct flow *f, uint64_t now_us)
{
    struct inspection *inspection = inspection_of(in, f);

    return (struct session){ in, f, inspection, inspection != NULL ? &inspection->layer : NULL, now_us };
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
    layer_fini(s->in, &i->layer);
    if (i->heads != 0)
        slab_put(&s->in->heads, i->heads);
    if (i->spoiled != 0)
        slab_put(&s->in->spoiled, i->spoiled);
    slab_put(&s->in->inspections, s->flow->inspect);
    s->flow->inspect = 0;
}

/* Inspection ends: decide with what addresses tell, and give everything back. */
static void conclude(struct session *s)
{
    const struct finding_notes *notes = &s->inspection->notes;
    struct flow *f = s->flow;
    struct decision_context context = decision_context(s);
    uint8_t before = f->activities;

    if (notes->reversed)
        flow_reverse(f);
    f->named |= notes->named;
    f->state = FLOW_SETTLED;
    decide_by_payload_ends(&context, f, record_of(s->in, f));
    if (f->service == 0) {
        struct known_evidence known;
        if (decide_by_address(&context, f, &known) || decide_by_call(&context, notes->call, &known))
            session_adopt(s, known.service, known.kind, known.confidence, view_string(known.value));
    }
    if (notes->call != 0 && f->service != 0)
        knowledge_prove_call(context.knowledge, notes->call, f->service, f->protocol, context.now_us);
    s->in->outcome.told |= f->activities & (uint8_t)~before;
    keep_notes(s);
    release(s);
    s->inspection = NULL;
    s->layer = NULL;
}

static void settle(struct session *s)
{
    conclude(s);
    count(s->in->counters, COUNT_FLOWS_SETTLED);
    session_trace(s, "settled: nothing more to learn from the bytes of this flow");
}

static bool begin(struct inspector *in, struct flow *f)
{
    f->inspect = slab_get(&in->inspections);
    if (f->inspect == 0)
        return false;
    struct inspection *i = inspection_of(in, f);
    memset(i, 0, sizeof *i);
    i->layer.midstream = i->holes = (f->flags & FLOW_MIDSTREAM) != 0;
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
    d->session.inspection->holes |= lost > 0;
    if (lost > 0)
        layer_lost(&d->session, d->from, lost);
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
        /* A server has much on the way, and seldom the wish to mislead. */
        if (*stream != 0 && s->in->config.inline_ && from == FROM_CLIENT)
            stream_guard(s->in->streams, *stream);
        if (*stream != 0 && (s->flow->flags & syn) != 0) {
            struct stream_segment start = { s->flow->start_seq[from] - 1, TCP_SYN, 0, view_of(NULL, 0) };
            (void)stream_push(s->in->streams, *stream, &start, deliver, NULL);
        }
    }
    return *stream;
}

static bool waits(const struct session *s, enum flow_dir from)
{
    uint32_t stream = s->inspection->stream[from];

    return stream != 0 && stream_waits(s->in->streams, stream);
}

/* They cost a look at every segment. */
static bool wants_signs(const struct session *s)
{
    return s->in->config.tap != NULL || (s->flow->flags & FLOW_TRACED) != 0;
}

/* Signs of somebody else who sends in the name of a side. */
static void report_signs(struct session *s, enum flow_dir from, const struct tamper_found *signs)
{
    static const char *const units[ANOMALY_COUNT] = {
        [ANOMALY_SEQUENCE_JUMP] = "bytes", [ANOMALY_TTL_CHANGE] = "hops", [ANOMALY_RESET_IGNORED] = "ms"
    };

    for (unsigned i = 0; i < signs->count; i++) {
        char value[64];
        struct text t = TEXT(value);
        text_format(&t, "%s %+lld %s", from == FROM_CLIENT ? "client" : "server", (long long)signs->of[i].by,
                    units[signs->of[i].anomaly]);
        session_anomaly(s, signs->of[i].anomaly, view_string(value));
    }
}

/*
 * What ends read differently: an urgent octet is taken out of the stream by some and not by others (RFC 6093
 * section 3), and what comes before the server has answered (RFC 7413) may belong to an opening that the
 * server never saw.
 */
static bool misleads(const struct flow *f, enum flow_dir from, const struct packet *p)
{
    bool early = from == FROM_CLIENT && (f->flags & (FLOW_SYN | FLOW_SYN_ACK)) == FLOW_SYN;

    return early || (p->tcp_flags & TCP_URG) != 0;
}

static void tcp_packet(struct session *s, enum flow_dir from, const struct packet *p)
{
    struct delivery_context context = { *s, from };
    struct stream_segment segment = { p->seq, p->tcp_flags, p->payload_len, p->payload };
    struct tamper_found signs = { .count = 0 };

    if (s->in->config.inline_ && misleads(s->flow, from, p)) {
        s->in->outcome.unread = true;
        return;
    }
    uint32_t stream = stream_of(s, from);
    if (stream == 0) {
        count(s->in->counters, COUNT_INSPECT_FULL);
        s->in->outcome.full = s->in->config.inline_;
        s->inspection->settle = !s->in->config.inline_;
        return;
    }
    if (wants_signs(s))
        tamper_segment(&s->inspection->tamper, from, p, &signs);
    enum stream_answer answer = stream_push(s->in->streams, stream, &segment, deliver, &context);
    s->in->outcome.unread |= s->in->config.inline_ && answer != STREAM_TAKEN;
    if (answer == STREAM_DIFFERS) {
        s->flow->flags |= FLOW_CONFLICT;
        session_anomaly(s, ANOMALY_TCP_CONFLICT, view_string(from == FROM_CLIENT ? "client" : "server"));
    }
    if (signs.count > 0)
        report_signs(s, from, &signs);
    s->flow->state = waits(s, FROM_CLIENT) || waits(s, FROM_SERVER) ? FLOW_WAITING : FLOW_INSPECT;
}

/* A flow of a parser that keeps nothing between datagrams gives its memory back after each. */
static void udp_packet(struct session *s, enum flow_dir from, const struct packet *p)
{
    if (s->flow->app != PROTOCOL_UNKNOWN && s->layer->state == LAYER_PROBING)
        (void)layer_resume(s, (enum protocol)s->flow->app);
    layer_datagram(s, from, p->payload, p->payload_len);
    if (s->layer->state == LAYER_FED && s->layer->parser->stateless && !s->inspection->settle) {
        keep_notes(s);
        release(s);
        s->inspection = NULL;
    }
}

/*
 * Has the other end what the decision was made from? Until then the sender may say something else in its
 * place, and the kernel, to which a settled flow is left, would not see that.
 */
static bool is_sure(struct session *s)
{
    struct inspection *i = s->inspection;
    bool sure = true;

    for (unsigned d = 0; d < 2 && s->in->config.inline_; d++) {
        if (i->stream[d] == 0)
            continue;
        if (!i->sealed)
            stream_seal(s->in->streams, i->stream[d]);
        sure &= stream_is_taken(s->in->streams, i->stream[d]);
    }
    i->sealed = true;
    return sure;
}

/* An acknowledgement: what the other side still misses here will not come any more. */
static void tcp_acked(struct session *s, enum flow_dir from, const struct packet *p)
{
    struct delivery_context context = { *s, dir_other(from) };
    uint32_t stream = s->inspection->stream[dir_other(from)];

    if (stream != 0 && (p->tcp_flags & TCP_ACK) != 0 && (!s->inspection->settle || s->in->config.inline_))
        stream_acked(s->in->streams, stream, p->ack, deliver, &context);
}

/* Bytes that still wait: for a hole to be filled, or for a parser that asked for more. */
static void finish(struct session *s)
{
    for (unsigned d = 0; d < 2 && s->flow->key.l4 == L4_TCP; d++) {
        struct delivery_context context = { *s, (enum flow_dir)d };
        if (s->inspection->stream[d] != 0)
            stream_flush(s->in->streams, s->inspection->stream[d], deliver, &context);
    }
    layer_finish(s);
}

/* A leg that was announced and whose protocol has no signature: its parser is known, and only that. */
static void take_announced(struct session *s)
{
    const struct flow *f = s->flow;

    if (layer_give(s, (enum protocol)f->protocol))
        session_trace(s, "announced as %s", protocol_name((enum protocol)f->protocol));
}

void inspector_prefetch(const struct inspector *in, const struct flow *flow)
{
    if (flow->inspect != 0)
        __builtin_prefetch(inspection_of(in, flow), 1);
}

/* Whoever enforces judges by what is known now. */
static void note_early(struct session *s)
{
    const struct finding_notes *notes = &s->inspection->notes;
    struct record *r = record_of(s->in, s->flow);

    if (s->in->config.forbids == NULL || s->flow->service == 0 || r == NULL)
        return;
    s->in->outcome.noted = memcmp(r->server_name, notes->server_name, sizeof r->server_name) != 0 ||
                           memcmp(r->client, notes->client, sizeof r->client) != 0;
    if (s->in->outcome.noted)
        record_note(r, notes);
}

void inspector_packet(struct inspector *in, struct flow *flow, enum flow_dir from, const struct packet *p)
{
    in->outcome.told = 0;
    in->outcome.noted = false;
    if (in->config.forbids != NULL)
        spoil_begin(in, inspection_of(in, flow), from, p);
    bool ends = (p->tcp_flags & (TCP_FIN | TCP_RST)) != 0 && flow->inspect != 0;
    bool acks = in->config.inline_ && flow->key.l4 == L4_TCP && flow->inspect != 0;
    if (p->payload.len == 0 && flow->state != FLOW_WAITING && !ends && !acks)
        return;
    bool first = flow->inspect == 0;
    if (first && !begin(in, flow)) {
        count(in->counters, COUNT_INSPECT_FULL);
        in->outcome.full = in->config.inline_;
        if (!in->config.inline_)
            flow->state = FLOW_SETTLED;
        return;
    }
    struct session s = session_of(in, flow, p->time_us);
    if (first && flow->service != 0 && flow->protocol != PROTOCOL_UNKNOWN)
        take_announced(&s);
    if (flow->key.l4 == L4_TCP) {
        if (flow->state == FLOW_WAITING || acks)
            tcp_acked(&s, from, p);
        if ((p->tcp_flags & TCP_RST) != 0 && wants_signs(&s))
            tamper_reset(&s.inspection->tamper, from, p);
        if (p->payload_len > 0 && (!s.inspection->settle || in->config.inline_))
            tcp_packet(&s, from, p);
    } else {
        udp_packet(&s, from, p);
    }
    if (s.inspection == NULL)
        return;
    bool closed = (flow->flags & (FLOW_FIN_CLIENT | FLOW_FIN_SERVER)) == (FLOW_FIN_CLIENT | FLOW_FIN_SERVER);
    if (flow->key.l4 == L4_TCP && closed && flow->state == FLOW_INSPECT) {
        finish(&s);
        s.inspection->settle = true;
    }
    note_early(&s);
    if (s.inspection->settle && is_sure(&s))
        settle(&s);
    else if (in->tracked.packet != NULL && flow->service != 0)
        in->outcome.midway = layers_are_midway(&s, from);
}

const struct inspect_outcome *inspector_outcome(const struct inspector *in)
{
    return &in->outcome;
}

void inspector_open(struct inspector *in, struct flow *flow, uint64_t now_us)
{
    spoil_end(in);
    struct session s = session_of(in, flow, now_us);
    struct decision_context context = decision_context(&s);
    struct known_evidence known;

    if (decide_by_expectation(&context, flow, &known)) {
        count(in->counters, COUNT_EXPECTATIONS_MET);
        session_adopt(&s, known.service, EVIDENCE_EXPECTED, known.confidence, view_string(known.value));
    }
}

/*
 * What was announced by a flow of another worker that has come so far only now; for a silent UDP flow, also
 * what was announced while it lived: checks of a way (ICE) may begin before both sides have told their
 * addresses.
 */
static void meet_late(struct session *s)
{
    const struct record *r = record_of(s->in, s->flow);
    struct decision_context context = decision_context(s);
    struct known_evidence known;

    for (unsigned i = 0; r != NULL && i < r->evidence_count; i++)
        if (r->evidence[i].kind == EVIDENCE_EXPECTED)
            return;
    if (s->flow->service != 0 || s->flow->key.l4 == L4_TCP)
        context.now_us = s->flow->first_us;
    if (decide_by_expectation(&context, s->flow, &known)) {
        count(s->in->counters, COUNT_EXPECTATIONS_MET);
        session_adopt(s, known.service, EVIDENCE_EXPECTED, known.confidence, view_string(known.value));
    }
}

void inspector_close(struct inspector *in, struct flow *flow, uint64_t last_us)
{
    struct session s = session_of(in, flow, last_us);

    spoil_end(in);
    if (s.inspection != NULL) {
        finish(&s);
        conclude(&s);
    }
    s.layer = NULL;
    if (flow->service != 0 || flow_is_silent(flow))
        meet_late(&s);
    if (flow->service == 0 && flow_is_silent(flow)) {
        struct decision_context context = decision_context(&s);
        struct known_evidence known;
        if (decide_by_address(&context, flow, &known) || decide_by_neighbour(&context, flow, &known))
            session_adopt(&s, known.service, known.kind, known.confidence, view_string(known.value));
    }
    if (flow->service == 0)
        return;
    decide_rest(flow, record_of(in, flow), last_us);
    if (flow->app == PROTOCOL_UNKNOWN && layer_is_given(in, (enum protocol)flow->protocol))
        flow->app = flow->protocol; /* announced in time or not: nobody else can tell */
}
