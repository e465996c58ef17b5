/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of files and alerts. They are rare, so their records have a fixed size: the structs as they are,
 * and an array for each text.
 */
#include "event/pack.h"

/* A text that is cut; known or not. */
struct packed_text {
    bool known;
    char at[PACK_VALUE_BYTES + 1];
};

struct packed_scene {
    uint64_t time_us, flow_id;
    const struct catalog *catalog;
    struct flow flow;
    struct known_who client, server;
    struct packed_text file;
    bool has_flow, has_client, has_server, port_agile;
};

struct packed_file {
    uint64_t type; /* enum packed_type */
    struct packed_scene scene;
    uint64_t size;
    bool outgoing, whole, has_hash, has_scan, has_leaks;
    struct packed_text name, from, to, room, stored, unsearched;
    uint8_t sha256[SHA256_BYTES];
    struct scan_result scan;
    struct spool_facts facts;
    unsigned finding_count, told;
    struct leak_finding findings[PACK_FINDINGS];
};

struct packed_alert {
    uint64_t type; /* enum packed_type */
    struct packed_scene scene;
    const struct detector *detector; /* a table of the program */
    unsigned kind;
    enum severity severity;
    uint64_t suppressed;
    struct packed_text title, subject, action, rule, policy;
    unsigned number; /* of the rule */
    enum enforced enforced;
    char seen[PACK_SENTENCE_BYTES + 1], why[PACK_SENTENCE_BYTES + 1], advice[PACK_SENTENCE_BYTES + 1];
    unsigned evidence_count;
    struct packed_text key[ALERT_EVIDENCE], value[ALERT_EVIDENCE];
};

/* ---- packing ---- */

static void put_bytes(char *out, size_t most, struct view v)
{
    if (v.len > most)
        v.len = most;
    if (v.len > 0)
        memcpy(out, v.at, v.len);
    out[v.len] = '\0';
}

static void put_view(struct packed_text *out, struct view v)
{
    size_t zero = view_find_byte(v, 0, 0); /* it is read as a string */

    out->known = true;
    put_bytes(out->at, PACK_VALUE_BYTES, view_slice(v, 0, zero));
}

static void put_string(struct packed_text *out, const char *text)
{
    out->known = text != NULL;
    put_bytes(out->at, PACK_VALUE_BYTES, view_of(text, text != NULL ? strnlen(text, PACK_VALUE_BYTES) : 0));
}

static void put_scene(struct packed_scene *out, const struct scene *s)
{
    out->time_us = s->time_us;
    out->flow_id = s->flow_id;
    out->catalog = s->catalog;
    out->has_flow = s->flow != NULL;
    out->has_client = s->client != NULL;
    out->has_server = s->server != NULL;
    out->port_agile = s->port_agile;
    if (out->has_flow)
        out->flow = *s->flow;
    if (out->has_client)
        out->client = *s->client;
    if (out->has_server)
        out->server = *s->server;
    put_string(&out->file, s->file);
}

bool pack_file(struct ring *r, const struct file_event *e)
{
    struct packed_file *p = ring_reserve(r, sizeof *p);
    const struct carried_file *f = e->file;

    if (p == NULL)
        return false;
    p->type = PACKED_FILE;
    put_scene(&p->scene, e->scene);
    p->size = f->size;
    p->outgoing = f->outgoing;
    p->whole = f->whole;
    put_view(&p->name, f->name);
    put_view(&p->from, f->from);
    put_view(&p->to, f->to);
    put_view(&p->room, f->room);
    put_string(&p->stored, e->stored);
    p->facts = *e->facts;
    p->has_hash = f->sha256 != NULL;
    if (p->has_hash)
        memcpy(p->sha256, f->sha256, SHA256_BYTES);
    p->has_scan = f->scan != NULL;
    if (p->has_scan)
        p->scan = *f->scan;
    p->has_leaks = e->leaks != NULL;
    p->finding_count = p->has_leaks ? e->leaks->count : 0;
    p->told = p->has_leaks ? e->leaks->told : 0;
    if (p->told > PACK_FINDINGS)
        p->told = PACK_FINDINGS;
    put_string(&p->unsearched, p->has_leaks ? e->leaks->unsearched : NULL);
    if (p->told > 0)
        memcpy(p->findings, e->leaks->finding, p->told * sizeof p->findings[0]);
    ring_commit(r);
    return true;
}

bool pack_alert(struct ring *r, const struct alert_event *e)
{
    struct packed_alert *p = ring_reserve(r, sizeof *p);
    const struct alert *a = e->alert;

    if (p == NULL)
        return false;
    p->type = PACKED_ALERT;
    put_scene(&p->scene, e->scene);
    p->detector = a->detector;
    p->kind = a->kind;
    p->severity = a->severity;
    p->suppressed = e->suppressed;
    put_string(&p->title, a->title);
    put_string(&p->subject, a->subject);
    put_string(&p->action, e->verdict.action);
    put_string(&p->rule, e->verdict.rule);
    put_string(&p->policy, e->verdict.policy);
    p->number = e->verdict.number;
    p->enforced = e->verdict.enforced;
    put_bytes(p->seen, PACK_SENTENCE_BYTES, view_string(a->seen));
    put_bytes(p->why, PACK_SENTENCE_BYTES, view_string(a->why));
    put_bytes(p->advice, PACK_SENTENCE_BYTES, view_string(a->advice));
    p->evidence_count = a->evidence_count < ALERT_EVIDENCE ? a->evidence_count : ALERT_EVIDENCE;
    for (unsigned i = 0; i < p->evidence_count; i++) {
        put_string(&p->key[i], a->evidence[i].key);
        put_string(&p->value[i], a->evidence[i].value);
    }
    ring_commit(r);
    return true;
}

/* ---- unpacking ---- */

static const char *string_of(const struct packed_text *t)
{
    return t->known ? t->at : NULL;
}

static void unpack_scene(const struct packed_scene *p, struct scene *out)
{
    *out = (struct scene){ .time_us = p->time_us,
                           .flow_id = p->flow_id,
                           .flow = p->has_flow ? &p->flow : NULL,
                           .catalog = p->catalog,
                           .client = p->has_client ? &p->client : NULL,
                           .server = p->has_server ? &p->server : NULL,
                           .file = string_of(&p->file),
                           .port_agile = p->port_agile };
}

static void unpack_file(const struct packed_file *p, struct event *out)
{
    unpack_scene(&p->scene, &out->scene);
    out->carried = (struct carried_file){ .name = view_string(p->name.at),
                                          .from = view_string(p->from.at),
                                          .to = view_string(p->to.at),
                                          .room = view_string(p->room.at),
                                          .size = p->size,
                                          .sha256 = p->has_hash ? p->sha256 : NULL,
                                          .scan = p->has_scan ? &p->scan : NULL,
                                          .outgoing = p->outgoing,
                                          .whole = p->whole };
    out->leaked = (struct leaked){ .file = &out->carried,
                                   .finding = p->findings,
                                   .count = p->finding_count,
                                   .told = p->told,
                                   .unsearched = string_of(&p->unsearched) };
    out->file = (struct file_event){ .scene = &out->scene,
                                     .file = &out->carried,
                                     .facts = &p->facts,
                                     .stored = string_of(&p->stored),
                                     .leaks = p->has_leaks ? &out->leaked : NULL };
}

static void unpack_alert(const struct packed_alert *p, struct event *out)
{
    unpack_scene(&p->scene, &out->scene);
    out->raised = (struct alert){ .detector = p->detector,
                                  .kind = p->kind,
                                  .severity = p->severity,
                                  .title = string_of(&p->title),
                                  .seen = p->seen,
                                  .why = p->why,
                                  .advice = p->advice,
                                  .evidence_count = p->evidence_count,
                                  .subject = string_of(&p->subject) };
    for (unsigned i = 0; i < p->evidence_count; i++) {
        out->raised.evidence[i].key = p->key[i].at;
        out->raised.evidence[i].value = string_of(&p->value[i]);
    }
    out->alert = (struct alert_event){ .scene = &out->scene,
                                       .alert = &out->raised,
                                       .suppressed = p->suppressed,
                                       .verdict = { .action = string_of(&p->action),
                                                    .rule = string_of(&p->rule),
                                                    .policy = string_of(&p->policy),
                                                    .number = p->number,
                                                    .enforced = p->enforced } };
}

void unpack_content(const void *record, struct event *out)
{
    if (out->type == PACKED_FILE)
        unpack_file(record, out);
    else
        unpack_alert(record, out);
}
