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
    bool has_file, port_agile, outgoing, again;
    struct parts_head parts; /* texts that are read as strings end with a NUL */
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
                      .has_file = e->file != NULL,
                      .port_agile = e->port_agile };
    char text[3][PACK_VALUE_BYTES + 1];
    const char *const source[3] = { e->verdict.action, e->verdict.rule, e->file };
    struct parts parts = { .record = e->record, .client = e->client, .server = e->server };

    for (unsigned i = 0; i < 3; i++)
        parts.text[i] = cut(source[i], text[i]);
    return parts_put(r, &h, sizeof h, &h.parts, &parts);
}

bool pack_activity(struct ring *r, const struct activity_event *e)
{
    const struct im_detail *d = e->detail;
    struct head h = { .type = PACKED_ACTIVITY,
                      .flow_id = e->flow_id,
                      .time_us = e->time_us,
                      .catalog = e->catalog,
                      .flow = *e->flow,
                      .size = d->size,
                      .sent_us = d->sent_us,
                      .extra = (uint32_t)e->activity,
                      .worker = e->worker,
                      .has_file = e->file != NULL,
                      .outgoing = d->outgoing,
                      .again = d->again };
    char file[PACK_VALUE_BYTES + 1];
    struct parts parts = {
        .record = e->record,
        .client = e->client,
        .text = { view_slice(d->account, 0, PACK_VALUE_BYTES), view_slice(d->peer, 0, PACK_VALUE_BYTES),
                  view_slice(d->room, 0, PACK_VALUE_BYTES), view_slice(d->file, 0, PACK_VALUE_BYTES),
                  view_slice(d->display, 0, PACK_VALUE_BYTES), cut(e->file, file) }
    };

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
                              .verdict = { (const char *)p->text[0].at, (const char *)p->text[1].at },
                              .client = p->client,
                              .server = p->server,
                              .worker = h->worker };
}

static void unpack_activity(const struct head *h, const struct parts *p, struct event *out)
{
    out->detail = (struct im_detail){ .account = p->text[0],
                                      .peer = p->text[1],
                                      .room = p->text[2],
                                      .file = p->text[3],
                                      .display = p->text[4],
                                      .size = h->size,
                                      .sent_us = h->sent_us,
                                      .again = h->again,
                                      .outgoing = h->outgoing };
    out->activity = (struct activity_event){
        .flow = &h->flow,
        .record = p->record,
        .catalog = h->catalog,
        .file = h->has_file ? (const char *)p->text[5].at : NULL,
        .flow_id = h->flow_id,
        .time_us = h->time_us,
        .activity = (enum activity)h->extra,
        .detail = &out->detail,
        .client = p->client,
        .worker = h->worker,
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
    } else {
        assert(out->type == PACKED_ACTIVITY);
        unpack_activity(h, &p, out);
    }
}
