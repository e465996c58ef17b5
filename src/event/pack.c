/* SPDX-License-Identifier: Apache-2.0 */
/* A record: a head of fixed size, then the structs that are there, then the texts. */
#include "event/pack.h"
#include "event/parts.h"
#include <assert.h>

struct head {
    uint64_t type; /* enum packed_type */
    uint64_t flow_id, time_us;
    const struct catalog *catalog;
    struct flow flow;
    uint64_t size; /* of a file */
    uint64_t sent_us;
    uint32_t extra; /* enum flow_end or enum activity */
    uint32_t worker;
    uint32_t rule; /* number of the rule that decided */
    uint8_t enforced;
    bool has_file, port_agile, outgoing, again, has_detail, has_activity;
    struct parts_head parts; /* texts that are read as strings end with a NUL */
};

/* Texts of an activity and of what was stopped. */
enum {
    TEXT_ACCOUNT,
    TEXT_PEER,
    TEXT_ROOM,
    TEXT_FILE,
    TEXT_DISPLAY,
    TEXT_CAPTURE,
    TEXT_ACTION,
    TEXT_RULE,
    TEXT_POLICY,
    TEXT_REASON,
    TEXT_PERSON,
    TEXT_JUDGED = 5, /* from TEXT_ACTION on */
};

/* A text, cut, with a NUL behind it. */
static struct view cut(const char *text, char out[PACK_VALUE_BYTES + 1])
{
    struct view v = view_of(text, text != NULL ? strnlen(text, PACK_VALUE_BYTES) : 0);

    memcpy(out, v.at, v.len);
    out[v.len] = '\0';
    return view_of(out, v.len + 1);
}

bool pack_flow(struct ring *r, const struct flow_event *e)
{
    struct head h = { .type = PACKED_FLOW,
                      .flow_id = e->flow_id,
                      .time_us = e->last_us,
                      .catalog = e->catalog,
                      .flow = *e->flow,
                      .extra = (uint32_t)e->why,
                      .worker = e->worker,
                      .rule = e->verdict.number,
                      .enforced = (uint8_t)e->verdict.enforced,
                      .has_file = e->file != NULL,
                      .port_agile = e->port_agile };
    char text[TEXT_JUDGED][PACK_VALUE_BYTES + 1];
    const char *const source[TEXT_JUDGED] = { e->verdict.action, e->verdict.rule, e->file, e->verdict.policy,
                                              e->verdict.person };
    struct parts parts = { .record = e->record, .client = e->client, .server = e->server };

    for (unsigned i = 0; i < TEXT_JUDGED; i++)
        parts.text[i] = cut(source[i], text[i]);
    return parts_put(r, &h, sizeof h, &h.parts, &parts);
}

/* Head and parts of something that happened; `file` is room for the capture's name. */
static void put_activity(struct head *h, struct parts *parts, const struct activity_event *e,
                         char file[PACK_VALUE_BYTES + 1])
{
    static const struct im_detail none;
    const struct im_detail *d = e->detail != NULL ? e->detail : &none;

    *h = (struct head){ .type = PACKED_ACTIVITY,
                        .flow_id = e->flow_id,
                        .time_us = e->time_us,
                        .catalog = e->catalog,
                        .flow = *e->flow,
                        .size = d->size,
                        .sent_us = d->sent_us,
                        .extra = (uint32_t)e->activity,
                        .worker = e->worker,
                        .has_file = e->file != NULL,
                        .has_detail = e->detail != NULL,
                        .outgoing = d->outgoing,
                        .again = d->again };
    *parts = (struct parts){ .record = e->record,
                             .client = e->client,
                             .text = { [TEXT_ACCOUNT] = view_slice(d->account, 0, PACK_VALUE_BYTES),
                                       [TEXT_PEER] = view_slice(d->peer, 0, PACK_VALUE_BYTES),
                                       [TEXT_ROOM] = view_slice(d->room, 0, PACK_VALUE_BYTES),
                                       [TEXT_FILE] = view_slice(d->file, 0, PACK_VALUE_BYTES),
                                       [TEXT_DISPLAY] = view_slice(d->display, 0, PACK_VALUE_BYTES),
                                       [TEXT_CAPTURE] = cut(e->file, file) } };
}

bool pack_activity(struct ring *r, const struct activity_event *e)
{
    char file[PACK_VALUE_BYTES + 1];
    struct head h;
    struct parts parts;

    put_activity(&h, &parts, e, file);
    return parts_put(r, &h, sizeof h, &h.parts, &parts);
}

bool pack_enforced(struct ring *r, const struct enforced_event *e)
{
    char file[PACK_VALUE_BYTES + 1], text[TEXT_JUDGED][PACK_VALUE_BYTES + 1];
    const char *const source[TEXT_JUDGED] = { e->verdict.action, e->verdict.rule, e->verdict.policy,
                                              e->reason, e->verdict.person };
    struct head h;
    struct parts parts;

    put_activity(&h, &parts, e->where, file);
    h.type = PACKED_ENFORCED;
    h.rule = e->verdict.number;
    h.enforced = (uint8_t)e->verdict.enforced;
    h.has_activity = e->has_activity;
    for (unsigned i = 0; i < TEXT_JUDGED; i++)
        parts.text[TEXT_ACTION + i] = cut(source[i], text[i]);
    return parts_put(r, &h, sizeof h, &h.parts, &parts);
}

struct packed_stats {
    uint64_t type, time_us;
    struct counters counters;
};

bool pack_stats(struct ring *r, const struct counters *counters, uint64_t time_us)
{
    struct packed_stats *s = ring_reserve(r, sizeof *s);

    if (s == NULL)
        return false;
    *s = (struct packed_stats){ PACKED_STATS, time_us, *counters };
    ring_commit(r);
    return true;
}

/* A string of a record; empty: not known. */
static const char *known(const struct parts *p, unsigned i)
{
    return p->text[i].at[0] != 0 ? (const char *)p->text[i].at : NULL;
}

static struct verdict verdict_of(const struct head *h, const char *action, const char *rule,
                                 const char *policy, const char *person)
{
    return (struct verdict){ .action = action,
                             .rule = rule,
                             .policy = policy,
                             .person = person,
                             .number = h->rule,
                             .enforced = (enum enforced)h->enforced };
}

static void unpack_flow(const struct head *h, const struct parts *p, struct flow_event *e)
{
    *e = (struct flow_event){ .flow = &h->flow,
                              .record = p->record,
                              .catalog = h->catalog,
                              .file = h->has_file ? (const char *)p->text[2].at : NULL,
                              .flow_id = h->flow_id,
                              .last_us = h->time_us,
                              .why = (enum flow_end)h->extra,
                              .port_agile = h->port_agile,
                              .verdict = verdict_of(h, (const char *)p->text[0].at,
                                                    (const char *)p->text[1].at, known(p, 3), known(p, 4)),
                              .client = p->client,
                              .server = p->server,
                              .worker = h->worker };
}

static void unpack_activity(const struct head *h, const struct parts *p, struct im_detail *detail,
                            struct activity_event *out)
{
    *detail = (struct im_detail){ .account = p->text[TEXT_ACCOUNT],
                                  .peer = p->text[TEXT_PEER],
                                  .room = p->text[TEXT_ROOM],
                                  .file = p->text[TEXT_FILE],
                                  .display = p->text[TEXT_DISPLAY],
                                  .size = h->size,
                                  .sent_us = h->sent_us,
                                  .again = h->again,
                                  .outgoing = h->outgoing };
    *out = (struct activity_event){
        .flow = &h->flow,
        .record = p->record,
        .catalog = h->catalog,
        .file = h->has_file ? (const char *)p->text[TEXT_CAPTURE].at : NULL,
        .flow_id = h->flow_id,
        .time_us = h->time_us,
        .activity = (enum activity)h->extra,
        .detail = h->has_detail ? detail : NULL,
        .client = p->client,
        .worker = h->worker,
    };
}

static void unpack_enforced(const struct head *h, const struct parts *p, struct event *out)
{
    unpack_activity(h, p, &out->detail, &out->where);
    out->enforced = (struct enforced_event){
        .where = &out->where,
        .has_activity = h->has_activity,
        .verdict = verdict_of(h, known(p, TEXT_ACTION), known(p, TEXT_RULE), known(p, TEXT_POLICY),
                              known(p, TEXT_PERSON)),
        .reason = known(p, TEXT_REASON),
    };
}

void unpack(const void *record, struct event *out)
{
    const struct head *h = record;

    out->type = (enum packed_type)h->type;
    if (out->type == PACKED_STATS) {
        const struct packed_stats *s = record;
        out->stats.counters = &s->counters;
        out->stats.time_us = s->time_us;
        return;
    }
    if (out->type == PACKED_FILE || out->type == PACKED_ALERT) {
        unpack_content(record, out);
        return;
    }
    struct parts p;
    parts_read(h, sizeof *h, &h->parts, &p);
    if (out->type == PACKED_FLOW) {
        unpack_flow(h, &p, &out->flow);
    } else if (out->type == PACKED_ENFORCED) {
        unpack_enforced(h, &p, out);
    } else {
        assert(out->type == PACKED_ACTIVITY);
        unpack_activity(h, &p, &out->detail, &out->activity);
    }
}
