/* SPDX-License-Identifier: Apache-2.0 */
/* What parsers tell of a conversation (session.h), turned into evidence, notes, knowledge and events. */
#include "base/hash.h"
#include "identify/driver.h"
#include <stdarg.h>
#include <stdio.h>

/* ---- records ---- */

struct record *record_of(const struct inspector *in, const struct flow *f)
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

struct record *record_get(struct inspector *in, struct flow *f)
{
    if (f->record == 0) {
        f->record = slab_get(&in->records);
        if (f->record != 0)
            memset(slab_at(&in->records, f->record), 0, sizeof(struct record));
    }
    return record_of(in, f);
}

struct record *inspector_note(struct inspector *in, struct flow *flow)
{
    return record_get(in, flow);
}

/* ---- tracing ---- */

IMW_PRINTF(2, 0)
static void trace_line(const struct session *s, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

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

    text_shown(&t, v);
    return out;
}

/* ---- evidence ---- */

struct decision_context decision_context(const struct session *s)
{
    return (struct decision_context){ .catalog = s->in->config.catalog,
                                      .knowledge = s->in->config.knowledge,
                                      .now_us = s->now_us };
}

void session_adopt(struct session *s, uint16_t service, enum evidence_kind kind, unsigned confidence,
                   struct view value)
{
    /* What is known of other flows may name a service that our catalog does not hold: not yet, when another
     * worker has taken up a new catalog before us, or not any more. */
    const struct catalog_service *of = catalog_service(s->in->config.catalog, service);
    bool held = of != NULL && !of->removed;
    struct record *r = held ? record_get(s->in, s->flow) : NULL;

    if (r == NULL) {
        if (held)
            count(s->in->counters, COUNT_INSPECT_FULL);
        return;
    }
    session_trace(s, "evidence %s \"%s\" for %s, worth %u", evidence_name(kind), show(value).text, of->slug,
                  confidence);
    uint16_t before = s->flow->service;
    record_add(r, service, kind, confidence, value);
    decide(s->flow, r);
    if (s->flow->service != before)
        session_trace(s, "decided: %s, confidence %u",
                      catalog_service(s->in->config.catalog, s->flow->service)->slug, s->flow->confidence);
}

uint16_t session_service(const struct session *s, const char *slug)
{
    if (slug == NULL && s->layer != NULL && s->layer->parser != NULL)
        slug = s->layer->parser->service;
    return slug != NULL ? catalog_find(s->in->config.catalog, view_string(slug)) : 0;
}

void session_evidence(struct session *s, const struct evidence *e)
{
    session_adopt(s, session_service(s, e->service), e->kind,
                  e->confidence != 0 ? e->confidence : evidence_worth(e->kind), e->value);
}

/* One packet may ask for several names. */
static void outcome_asked(struct inspect_outcome *out, uint16_t service)
{
    for (unsigned i = 0; i < out->asked_count; i++)
        if (out->asked[i] == service)
            return;
    if (out->asked_count < OUTCOME_NAMES)
        out->asked[out->asked_count++] = service;
    else
        out->unread = true;
}

static void adopt_hit(struct session *s, enum evidence_kind kind, const struct catalog_hit *hit,
                      struct view value)
{
    unsigned worth = evidence_worth(kind);

    session_adopt(s, hit->service, kind, hit->strength == STRENGTH_PROOF ? worth : worth / 3, value);
    if (hit->strength == STRENGTH_PROOF && kind != EVIDENCE_DNS_QUERY) {
        flow_role(s->flow, hit->role);
        s->in->outcome.told |= role_activities(hit->role);
    } else if (hit->strength == STRENGTH_PROOF && s->in->tracked.packet != NULL &&
               s->in->tracked.from == FROM_CLIENT) { /* an answer repeats the question */
        outcome_asked(&s->in->outcome, hit->service);
    }
}

bool session_name(struct session *s, enum evidence_kind kind, struct view host)
{
    struct finding_notes *notes = &s->inspection->notes;
    struct catalog_hit hit;

    count(s->in->counters, COUNT_NAMES);
    if (kind != EVIDENCE_DNS_QUERY && kind != EVIDENCE_CERTIFICATE) {
        if (notes->asked_outside && kind == EVIDENCE_HTTP_HOST && name_is_fronted(notes->server_name, host))
            session_hint(s, HINT_FRONTING, host);
        notes->named = true;
    }
    if (notes->server_name[0] == '\0') {
        struct text t = TEXT(notes->server_name);
        text_printable(&t, host);
        notes->asked_outside =
            kind == EVIDENCE_SNI || kind == EVIDENCE_QUIC_SNI || kind == EVIDENCE_TUNNEL_TARGET;
    }
    if (!catalog_match_name(s->in->config.catalog, host, &hit)) {
        session_trace(s, "name %s \"%s\": %s", evidence_name(kind), show(host).text,
                      catalog_trusts_name(s->in->config.catalog, host, 0) ? "trusted by an override"
                                                                          : "not in the catalog");
        return false;
    }
    /* A server may prove more names than the one that was asked for. */
    if (kind == EVIDENCE_CERTIFICATE &&
        catalog_trusts_name(s->in->config.catalog, view_string(notes->server_name), hit.service)) {
        session_trace(s, "name %s \"%s\": the name asked for is trusted by an override", evidence_name(kind),
                      show(host).text);
        return false;
    }
    session_trace(s, "name %s \"%s\": catalog entry \"%s\"", evidence_name(kind), show(host).text,
                  show(hit.entry).text);
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
    s->in->outcome.told |= (uint8_t)(1 << a);
    if (s->in->tracked.packet != NULL)
        spoil_told(s, a);
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

void session_midway(struct session *s, enum flow_dir from, bool midway)
{
    unsigned bit = 1u << from;

    s->layer->midway = (uint8_t)(midway ? s->layer->midway | bit : s->layer->midway & ~bit);
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

bool session_wants_ja4(const struct session *s)
{
    return s->flow->service != 0 || s->in->config.keep_records || catalog_has_ja4(s->in->config.catalog) ||
           (s->flow->flags & FLOW_TRACED) != 0;
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
    uint16_t service = e->service != NULL ? session_service(s, e->service) : s->flow->service;

    if (service == 0)
        service = session_service(s, NULL);
    if (service == 0)
        return;
    count(s->in->counters, COUNT_EXPECTATIONS);
    knowledge_expect(s->in->config.knowledge, e, service, (uint8_t)evidence_worth(EVIDENCE_EXPECTED),
                     s->now_us);
}

void session_call(struct session *s, struct view fragments)
{
    struct decision_context context = decision_context(s);
    struct known_evidence known;

    uint64_t call = call_digest(fragments);
    if (call == 0)
        return;
    s->inspection->notes.call = call;
    if (s->flow->service == 0 &&
        (decide_by_call(&context, call, &known) || decide_by_neighbour(&context, s->flow, &known)))
        session_adopt(s, known.service, known.kind, known.confidence, view_string(known.value));
    if (s->flow->service != 0)
        knowledge_prove_call(context.knowledge, call, s->flow->service, s->flow->protocol, s->now_us);
}

void session_learn_address(struct session *s, struct view name, struct view canonical,
                           const struct ip_addr *addr, uint32_t ttl_s)
{
    struct known_address known = { 0 };
    struct catalog_hit hit;

    bool hits = catalog_match_name(s->in->config.catalog, name, &hit);
    if (!hits &&
        !catalog_trusts_name(
            s->in->config.catalog, name,
            0)) { /* one answer, one verdict: the names of a chain must not make each other ambiguous */
        name = canonical;
        hits = catalog_match_name(s->in->config.catalog, name, &hit);
    }
    if (hits && hit.strength == STRENGTH_PROOF) {
        known.service = hit.service;
        known.role = (uint8_t)hit.role;
    }
    note(known.name, sizeof known.name, name);
    count(s->in->counters, COUNT_ADDRESSES_LEARNT);
    knowledge_learn_address(s->in->config.knowledge, addr, &known, ttl_s, s->now_us);
    if (s->in->config.learnt == NULL)
        return;
    if (!knowledge_address(s->in->config.knowledge, addr, s->now_us, &known))
        known.service = 0;
    s->in->config.learnt(s->in->config.context, s->flow, s->now_us, addr, &known, ttl_s);
}

void session_learn_host(struct session *s, enum who_source source, const struct ip_addr *addr,
                        struct view name, uint32_t for_s)
{
    session_trace(s, "machine \"%s\", says %s", show(name).text, who_source_name(source));
    knowledge_learn_host(s->in->config.knowledge, source, addr, name, for_s, s->now_us);
}

void session_learn_user(struct session *s, enum who_source source, const struct ip_addr *addr,
                        struct view name, uint32_t for_s)
{
    session_trace(s, "user \"%s\", says %s", show(name).text, who_source_name(source));
    knowledge_learn_user(s->in->config.knowledge, source, addr, name, for_s, s->now_us);
}

void session_learn_mac(struct session *s, const struct ip_addr *addr, const uint8_t mac[6])
{
    knowledge_learn_mac(s->in->config.knowledge, addr, mac, s->now_us);
}

void session_forget_who(struct session *s, const struct ip_addr *addr)
{
    knowledge_forget_who(s->in->config.knowledge, addr, s->now_us);
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

/* ---- what is carried ---- */

void session_contact(struct session *s, const struct im_contact *c)
{
    const struct tap *tap = s->in->config.tap;

    if (tap != NULL && s->flow->service != 0)
        tap->contact(s->in->config.context, s->flow, record_of(s->in, s->flow), s->now_us, c);
}

bool session_wants_files(const struct session *s)
{
    return s->in->config.tap != NULL && s->in->config.tap->file_begin != NULL;
}

bool session_is_media(const struct session *s)
{
    return s->flow->role == ROLE_MEDIA;
}

uint32_t session_file_begin(struct session *s, const struct im_file *f)
{
    const struct tap *tap = s->in->config.tap;

    session_trace(s, "file \"%s\", %llu bytes", show(f->name).text, (unsigned long long)f->size);
    if (tap == NULL || tap->file_begin == NULL || s->flow->service == 0)
        return 0;
    return tap->file_begin(s->in->config.context, s->flow, record_of(s->in, s->flow), s->now_us, f);
}

void session_file_bytes(struct session *s, uint32_t file, uint64_t offset, struct view bytes)
{
    if (file != 0 && bytes.len > 0)
        s->in->config.tap->file_bytes(s->in->config.context, file, offset, bytes);
}

void session_file_end(struct session *s, uint32_t file, bool whole)
{
    if (file != 0)
        s->in->config.tap->file_end(s->in->config.context, file, s->now_us, whole);
}

static void keep_text(char *out, size_t size, struct view v)
{
    struct text t = text_over(out, size);

    text_printable(&t, v);
}

void session_announce(struct session *s, struct view token, const struct im_file *f)
{
    struct announced_file a = { .since_us = s->now_us,
                                .size = f->size,
                                .offset = f->offset,
                                .service =
                                    s->flow->service != 0 ? s->flow->service : session_service(s, NULL),
                                .outgoing = f->outgoing };

    keep_text(a.name, sizeof a.name, f->name);
    keep_text(a.type, sizeof a.type, f->type);
    keep_text(a.account, sizeof a.account, f->account);
    keep_text(a.peer, sizeof a.peer, f->peer);
    keep_text(a.room, sizeof a.room, f->room);
    session_trace(s, "a file under \"%s\"", show(token).text);
    knowledge_announce(s->in->config.knowledge, token, &a);
}

bool session_announced(struct session *s, struct view token, struct announced_file *out)
{
    if (!knowledge_announced(s->in->config.knowledge, token, s->now_us, out))
        return false;
    if (s->flow->service == 0 && out->service != 0)
        session_adopt(s, out->service, EVIDENCE_EXPECTED, evidence_worth(EVIDENCE_EXPECTED), token);
    return true;
}

struct view session_server_name(const struct session *s)
{
    return view_string(s->inspection->notes.server_name);
}

void session_anomaly(struct session *s, enum anomaly a, struct view value)
{
    const struct tap *tap = s->in->config.tap;
    struct record *r = record_of(s->in, s->flow);

    if (s->inspection->holes && (a == ANOMALY_MALFORMED || a == ANOMALY_OVERLONG))
        return; /* a parser that lost its place sees breaches everywhere */
    session_trace(s, "anomaly %s \"%s\"", anomaly_name(a), show(value).text);
    count(s->in->counters, COUNT_ANOMALIES);
    if (r == NULL)
        return; /* of no service so far */
    r->anomalies |= (uint16_t)(1 << a);
    if (r->anomaly_count < UINT16_MAX)
        r->anomaly_count++;
    if (tap != NULL && s->flow->service != 0)
        tap->anomaly(s->in->config.context, s->flow, r, s->now_us, a, value);
}

/* What is shorter is no secret. */
enum { TICKET_BYTES = 16 };

void session_ticket(struct session *s, struct view ticket)
{
    const struct tap *tap = s->in->config.tap;

    if (tap != NULL && tap->ticket != NULL && s->flow->service != 0 && ticket.len >= TICKET_BYTES)
        tap->ticket(s->in->config.context, s->flow, record_of(s->in, s->flow), s->now_us,
                    hash_bytes(ticket, 0));
}
