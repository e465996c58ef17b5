/* SPDX-License-Identifier: Apache-2.0 */
/* A record: a head of fixed size, then the structs that are there, then the texts. */
#include "event/pack.h"
#include <assert.h>

/* The texts of a record; those that are read as strings end with a NUL. */
enum { TEXTS = 6 };

struct head {
    uint64_t type; /* enum packed_type */
    uint64_t flow_id, time_us;
    const struct catalog *catalog;
    struct flow flow;
    uint64_t size; /* of a file */
    uint64_t sent_us;
    uint32_t extra; /* enum flow_end or enum activity */
    uint32_t worker;
    bool has_record, has_client, has_server, has_file, port_agile, outgoing, again;
    uint16_t text_len[TEXTS];
};

/* Where the parts lie; the same sums for both sides. */
struct parts {
    size_t client, server, record, texts, end;
};

static size_t up8(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

static struct parts parts_of(const struct head *h)
{
    struct parts p;

    p.client = up8(sizeof *h);
    p.server = p.client + (h->has_client ? up8(sizeof(struct known_who)) : 0);
    p.record = p.server + (h->has_server ? up8(sizeof(struct known_who)) : 0);
    p.texts = p.record + (h->has_record ? up8(sizeof(struct record)) : 0);
    p.end = p.texts;
    for (unsigned i = 0; i < TEXTS; i++)
        p.end += h->text_len[i];
    return p;
}

static bool put(struct ring *r, struct head *h, const struct view texts[TEXTS], const struct record *record,
                const struct known_who *client, const struct known_who *server)
{
    h->has_record = record != NULL;
    h->has_client = client != NULL;
    h->has_server = server != NULL;
    for (unsigned i = 0; i < TEXTS; i++)
        h->text_len[i] = (uint16_t)texts[i].len;
    struct parts p = parts_of(h);
    uint8_t *out = ring_reserve(r, p.end);
    if (out == NULL)
        return false;
    memcpy(out, h, sizeof *h);
    if (client != NULL)
        memcpy(out + p.client, client, sizeof *client);
    if (server != NULL)
        memcpy(out + p.server, server, sizeof *server);
    if (record != NULL)
        memcpy(out + p.record, record, sizeof *record);
    uint8_t *at = out + p.texts;
    for (unsigned i = 0; i < TEXTS; i++) {
        if (texts[i].len > 0)
            memcpy(at, texts[i].at, texts[i].len);
        at += texts[i].len;
    }
    ring_commit(r);
    return true;
}

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
    struct view texts[TEXTS] = { 0 };

    for (unsigned i = 0; i < 3; i++)
        texts[i] = cut(source[i], text[i]);
    return put(r, &h, texts, e->record, e->client, e->server);
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
    struct view texts[TEXTS] = {
        view_slice(d->account, 0, PACK_VALUE_BYTES), view_slice(d->peer, 0, PACK_VALUE_BYTES),
        view_slice(d->room, 0, PACK_VALUE_BYTES),    view_slice(d->file, 0, PACK_VALUE_BYTES),
        view_slice(d->display, 0, PACK_VALUE_BYTES), cut(e->file, file),
    };

    return put(r, &h, texts, e->record, e->client, NULL);
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
    const uint8_t *base = (const uint8_t *)h;
    const char *text = (const char *)(base + p->texts);

    *e = (struct flow_event){ .flow = &h->flow,
                              .record = h->has_record ? (const void *)(base + p->record) : NULL,
                              .catalog = h->catalog,
                              .flow_id = h->flow_id,
                              .last_us = h->time_us,
                              .why = (enum flow_end)h->extra,
                              .port_agile = h->port_agile,
                              .client = h->has_client ? (const void *)(base + p->client) : NULL,
                              .server = h->has_server ? (const void *)(base + p->server) : NULL,
                              .worker = h->worker };
    e->verdict.action = text;
    e->verdict.rule = text + h->text_len[0];
    e->file = h->has_file ? text + h->text_len[0] + h->text_len[1] : NULL;
}

static void unpack_activity(const struct head *h, const struct parts *p, struct event *out)
{
    const uint8_t *base = (const uint8_t *)h, *text = base + p->texts;
    struct view *const views[TEXTS - 1] = { &out->detail.account, &out->detail.peer, &out->detail.room,
                                            &out->detail.file, &out->detail.display };

    out->detail = (struct im_detail){
        .size = h->size, .sent_us = h->sent_us, .again = h->again, .outgoing = h->outgoing
    };
    for (unsigned i = 0; i < TEXTS - 1; i++) {
        *views[i] = view_of(text, h->text_len[i]);
        text += h->text_len[i];
    }
    out->detail.text = view_of(NULL, 0);
    out->activity = (struct activity_event){
        .flow = &h->flow,
        .record = h->has_record ? (const void *)(base + p->record) : NULL,
        .catalog = h->catalog,
        .file = h->has_file ? (const char *)text : NULL,
        .flow_id = h->flow_id,
        .time_us = h->time_us,
        .activity = (enum activity)h->extra,
        .detail = &out->detail,
        .client = h->has_client ? (const void *)(base + p->client) : NULL,
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
    struct parts p = parts_of(h);
    if (out->type == PACKED_FLOW) {
        unpack_flow(h, &p, &out->flow);
    } else {
        assert(out->type == PACKED_ACTIVITY);
        unpack_activity(h, &p, out);
    }
}
