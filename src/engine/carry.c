/* SPDX-License-Identifier: Apache-2.0 */
/* A record: a head, the structs that are there, then the texts. Bytes of files have a small head of their
 * own. */
#include "engine/carry.h"
#include "event/parts.h"

struct head {
    uint32_t type, file;
    uint64_t time_us, flow_id;
    const char *capture;
    struct flow flow;
    uint64_t size, offset, sent_us;
    uint8_t word; /* activity, anomaly or presence */
    uint8_t markup;
    bool port_agile, outgoing, again, removed;
    struct parts_head parts;
};

struct bytes_head {
    uint32_t type, file;
    uint64_t time_us, offset; /* an end has a time, bytes have an offset */
    uint32_t len;
    bool whole;
};

static struct head head_of(enum carry_type type, const struct activity_event *where)
{
    return (struct head){ .type = type,
                          .time_us = where->time_us,
                          .flow_id = where->flow_id,
                          .capture = where->file,
                          .flow = *where->flow };
}

static bool put(struct ring *r, struct head *h, const struct activity_event *where, struct parts parts)
{
    parts.record = where->record;
    parts.client = where->client;
    return parts_put(r, h, sizeof *h, &h->parts, &parts);
}

static struct view cut(struct view v)
{
    return view_slice(v, 0, CARRY_VALUE_BYTES);
}

bool carry_activity(struct ring *r, const struct activity_event *e)
{
    const struct im_detail *d = e->detail;
    struct head h = head_of(CARRY_ACTIVITY, e);
    struct parts parts = { .text = { cut(d->account), cut(d->peer), cut(d->room), cut(d->file),
                                     cut(d->display), view_slice(d->text, 0, CARRY_TEXT_BYTES) } };

    h.word = (uint8_t)e->activity;
    h.markup = (uint8_t)d->markup;
    h.size = d->size;
    h.sent_us = d->sent_us;
    h.outgoing = d->outgoing;
    h.again = d->again;
    return put(r, &h, e, parts);
}

bool carry_contact(struct ring *r, const struct activity_event *where, const struct im_contact *c)
{
    struct head h = head_of(CARRY_CONTACT, where);
    struct parts parts = { .text = { cut(c->account), cut(c->peer), cut(c->display), cut(c->group) } };

    h.word = (uint8_t)c->presence;
    h.removed = c->removed;
    return put(r, &h, where, parts);
}

bool carry_anomaly(struct ring *r, const struct activity_event *where, enum anomaly a, struct view value)
{
    struct head h = head_of(CARRY_ANOMALY, where);
    struct parts parts = { .text = { cut(value) } };

    h.word = (uint8_t)a;
    return put(r, &h, where, parts);
}

bool carry_ticket(struct ring *r, const struct activity_event *where, uint64_t hash)
{
    struct head h = head_of(CARRY_TICKET, where);

    h.size = hash;
    return put(r, &h, where, (struct parts){ 0 });
}

bool carry_flow(struct ring *r, const struct flow_event *e)
{
    struct head h = { .type = CARRY_FLOW,
                      .time_us = e->last_us,
                      .flow_id = e->flow_id,
                      .capture = e->file,
                      .flow = *e->flow,
                      .port_agile = e->port_agile };
    struct parts parts = { .record = e->record, .client = e->client, .server = e->server };

    return parts_put(r, &h, sizeof h, &h.parts, &parts);
}

bool carry_begin(struct ring *r, const struct activity_event *where, uint32_t file, const struct im_file *f)
{
    struct head h = head_of(CARRY_BEGIN, where);
    struct parts parts = { .text = { cut(f->name), cut(f->type), cut(f->account), cut(f->peer),
                                     cut(f->room) } };

    h.file = file;
    h.size = f->size;
    h.offset = f->offset;
    h.outgoing = f->outgoing;
    return put(r, &h, where, parts);
}

bool carry_bytes(struct ring *r, uint32_t file, uint64_t offset, struct view bytes)
{
    struct bytes_head *h = ring_reserve(r, sizeof *h + bytes.len);

    if (h == NULL)
        return false;
    *h = (struct bytes_head){
        .type = CARRY_BYTES, .file = file, .offset = offset, .len = (uint32_t)bytes.len
    };
    memcpy(h + 1, bytes.at, bytes.len);
    ring_commit(r);
    return true;
}

bool carry_end(struct ring *r, uint32_t file, uint64_t time_us, bool whole)
{
    struct bytes_head *h = ring_reserve(r, sizeof *h);

    if (h == NULL)
        return false;
    *h = (struct bytes_head){ .type = CARRY_END, .file = file, .time_us = time_us, .whole = whole };
    ring_commit(r);
    return true;
}

static void read_texts(const struct head *h, const struct view t[PARTS_TEXTS], struct carried *out)
{
    switch (out->type) {
    case CARRY_ACTIVITY:
        out->activity = (enum activity)h->word;
        out->detail = (struct im_detail){ .account = t[0],
                                          .peer = t[1],
                                          .room = t[2],
                                          .file = t[3],
                                          .display = t[4],
                                          .text = t[5],
                                          .size = h->size,
                                          .markup = (enum markup)h->markup,
                                          .sent_us = h->sent_us,
                                          .again = h->again,
                                          .outgoing = h->outgoing };
        break;
    case CARRY_CONTACT:
        out->contact = (struct im_contact){ .account = t[0],
                                            .peer = t[1],
                                            .display = t[2],
                                            .group = t[3],
                                            .presence = (enum presence)h->word,
                                            .removed = h->removed };
        break;
    case CARRY_ANOMALY:
        out->anomaly = (enum anomaly)h->word;
        out->value = t[0];
        break;
    case CARRY_TICKET: out->ticket = h->size; break;
    case CARRY_BEGIN:
        out->begin = (struct im_file){ .name = t[0],
                                       .type = t[1],
                                       .account = t[2],
                                       .peer = t[3],
                                       .room = t[4],
                                       .size = h->size,
                                       .offset = h->offset,
                                       .outgoing = h->outgoing };
        break;
    default: break;
    }
}

void carry_read(const void *record, struct carried *out)
{
    const struct head *h = record;
    const struct bytes_head *b = record;
    struct parts parts;

    *out = (struct carried){ .type = (enum carry_type)h->type, .file = h->file, .time_us = h->time_us };
    if (out->type == CARRY_BYTES || out->type == CARRY_END) {
        out->offset = b->offset;
        out->bytes = view_of(b + 1, b->len);
        out->whole = b->whole;
        return;
    }
    parts_read(h, sizeof *h, &h->parts, &parts);
    out->scene = (struct scene){ .time_us = h->time_us,
                                 .flow_id = h->flow_id,
                                 .flow = &h->flow,
                                 .record = parts.record,
                                 .client = parts.client,
                                 .server = parts.server,
                                 .file = h->capture,
                                 .port_agile = h->port_agile };
    read_texts(h, parts.text, out);
}
