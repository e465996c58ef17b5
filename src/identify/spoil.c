/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where bytes that a parser looks at stand in the packet at hand, so that an offer in them can be made void.
 *
 * A parser is given bytes in place, or out of a layer's buffer (layer.c). The payload and each stretch of a
 * buffer that was copied out of it are kept as origins: addresses and the offset in the payload. What is in
 * no origin came with an earlier packet, out of the reassembly's store, or was decoded, and cannot be changed
 * here. Nothing is kept while nobody enforces.
 *
 * A sender sends again what got lost, with the octets as it wrote them: what was changed is kept by sequence
 * number until the other end has acknowledged it, and changed again.
 */
#include "identify/driver.h"

/* ---- origins ---- */

static void origin_add(struct inspector *in, const uint8_t *at, size_t count, uint32_t offset)
{
    struct tracked *now = &in->tracked;

    for (unsigned i = 0; i < now->count; i++) {
        struct origin *o = &now->origin[i];
        if (o->at + o->count == at && o->offset + o->count == offset) {
            o->count += (uint32_t)count;
            return;
        }
    }
    if (now->count < ORIGINS) /* else it cannot be changed: the flow is cut */
        now->origin[now->count++] = (struct origin){ at, (uint32_t)count, offset };
}

/* The part of `v` that is in an origin. False: none. */
static bool origin_part(const struct origin *o, struct view v, const uint8_t **out_at, size_t *out_count)
{
    uintptr_t from = (uintptr_t)v.at, to = from + v.len;
    uintptr_t begin = (uintptr_t)o->at, end = begin + o->count;

    from = from > begin ? from : begin;
    to = to < end ? to : end;
    if (from >= to)
        return false;
    *out_at = o->at + (from - begin);
    *out_count = to - from;
    return true;
}

void origin_copied(struct inspector *in, const uint8_t *to, struct view from)
{
    const uint8_t *at;
    size_t count;
    unsigned known = in->tracked.count;

    for (unsigned i = 0; i < known; i++) {
        struct origin o = in->tracked.origin[i];
        if (origin_part(&o, from, &at, &count))
            origin_add(in, to + (at - from.at), count, o.offset + (uint32_t)(at - o.at));
    }
}

void origin_moved(struct inspector *in, struct view buffer, size_t back)
{
    struct tracked *now = &in->tracked;
    const uint8_t *at;
    size_t count;
    unsigned left = 0;

    for (unsigned i = 0; i < now->count; i++) {
        struct origin o = now->origin[i];
        if (origin_part(&o, buffer, &at, &count)) {
            struct view kept = view_from(buffer, back);
            if (!origin_part(&o, kept, &at, &count))
                continue;
            o.offset += (uint32_t)(at - o.at);
            o.at = at - back;
            o.count = (uint32_t)count;
        }
        now->origin[left++] = o;
    }
    now->count = (uint8_t)left;
}

/* ---- what was changed before ---- */

static uint32_t first_number(const struct packet *p)
{
    return p->seq + ((p->tcp_flags & TCP_SYN) != 0);
}

static bool outcome_spoil(struct inspect_outcome *out, uint32_t offset, uint32_t count, uint8_t with)
{
    if (out->spoil_count >= OUTCOME_SPOILS)
        return false;
    out->spoils[out->spoil_count].offset = offset;
    out->spoils[out->spoil_count].count = count;
    out->spoils[out->spoil_count++].with = with;
    return true;
}

/* The packet holds again what was changed in an earlier one. */
static void spoil_again(struct inspector *in, const struct spoiled *s, enum flow_dir from,
                        const struct packet *p)
{
    for (unsigned i = 0; i < s->count; i++) {
        const struct spoiled_bytes *b = &s->of[i];
        int64_t at = (int32_t)(b->seq - first_number(p)), end = at + b->count;
        at = at > 0 ? at : 0;
        end = end < (int64_t)p->payload.len ? end : (int64_t)p->payload.len;
        if (b->from == from && at < end &&
            !outcome_spoil(&in->outcome, (uint32_t)at, (uint32_t)(end - at), b->with))
            in->outcome.cut = true;
    }
}

static void forget_acked(struct spoiled *s, enum flow_dir from, const struct packet *p)
{
    unsigned left = 0;

    for (unsigned i = 0; i < s->count; i++) {
        struct spoiled_bytes b = s->of[i];
        bool acked =
            b.from != from && (p->tcp_flags & TCP_ACK) != 0 && (int32_t)(p->ack - (b.seq + b.count)) >= 0;
        if (!acked)
            s->of[left++] = b;
    }
    s->count = (uint8_t)left;
}

static struct spoiled *spoiled_of(const struct inspector *in, const struct inspection *i)
{
    return i->spoiled != 0 ? slab_at(&in->spoiled, i->spoiled) : NULL;
}

static bool spoil_remember(struct session *s, uint32_t offset, uint32_t count, uint8_t with)
{
    const struct packet *p = s->in->tracked.packet;
    struct inspection *i = s->inspection;

    if (p->l4 != L4_TCP)
        return true;
    if (i->spoiled == 0) {
        i->spoiled = slab_get(&s->in->spoiled);
        if (i->spoiled == 0)
            return false;
        spoiled_of(s->in, i)->count = 0;
    }
    struct spoiled *kept = spoiled_of(s->in, i);
    if (kept->count >= SPOILED)
        return false;
    kept->of[kept->count++] =
        (struct spoiled_bytes){ first_number(p) + offset, count, (uint8_t)s->in->tracked.from, with };
    return true;
}

/* ---- packets ---- */

void spoil_begin(struct inspector *in, const struct inspection *i, enum flow_dir from, const struct packet *p)
{
    in->outcome.refused = in->outcome.spoil_count = 0;
    in->outcome.cut = in->outcome.midway = in->outcome.unread = in->outcome.full = false;
    in->outcome.asked_count = 0;
    in->tracked.packet = p;
    in->tracked.from = from;
    in->tracked.count = in->tracked.unasked = 0;
    if (p->payload.len > 0)
        origin_add(in, p->payload.at, p->payload.len, 0);
    struct spoiled *s = i != NULL ? spoiled_of(in, i) : NULL;
    if (s != NULL) {
        forget_acked(s, from, p);
        spoil_again(in, s, from, p);
    }
}

void spoil_end(struct inspector *in)
{
    in->tracked.packet = NULL;
    in->tracked.count = 0;
}

static void refused(struct inspector *in, uint8_t bit)
{
    in->outcome.refused |= bit & (uint8_t)~in->tracked.unasked;
}

void spoil_told(struct session *s, enum activity a)
{
    uint8_t *untold = &s->inspection->refused[s->in->tracked.from], bit = (uint8_t)(1 << a);

    if ((*untold & bit) == 0) {
        s->in->tracked.unasked |= bit;
        s->in->outcome.refused &= (uint8_t)~bit;
    }
    refused(s->in, *untold & bit); /* in this packet, or in an earlier one of the same message */
    *untold &= (uint8_t)~bit;
}

bool layers_are_midway(const struct session *s, enum flow_dir from)
{
    const struct layer *l = &s->inspection->layer;

    while (l->state == LAYER_FED) {
        if (l->side[from].len > 0 || (l->midway & 1u << from) != 0)
            return true;
        if (l->inner == 0)
            return false;
        l = slab_at(&s->in->layers, l->inner);
    }
    return false;
}

/* Overwrite what the packet holds of the token. False: none of it, or no room to remember it. */
static bool spoil_token(struct session *s, struct view token, uint8_t with)
{
    bool spoiled = false;

    for (unsigned i = 0; i < s->in->tracked.count; i++) {
        const struct origin *o = &s->in->tracked.origin[i];
        const uint8_t *at;
        size_t count;
        if (!origin_part(o, token, &at, &count))
            continue;
        bool changes = false;
        for (size_t n = 0; n < count; n++)
            changes |= at[n] != with;
        uint32_t offset = o->offset + (uint32_t)(at - o->at);
        if (!changes)
            continue;
        if (!spoil_remember(s, offset, (uint32_t)count, with) ||
            !outcome_spoil(&s->in->outcome, offset, (uint32_t)count, with))
            return false;
        spoiled = true;
    }
    return spoiled;
}

bool session_forbidden(struct session *s, enum activity a, const struct im_detail *detail, struct view token,
                       uint8_t with)
{
    const struct inspector_config *config = &s->in->config;

    if (config->forbids == NULL || s->flow->service == 0)
        return false;
    const struct record *r = record_get(s->in, s->flow);
    if (r == NULL || !config->forbids(config->context, s->flow, r, s->now_us, a, detail))
        return false;
    bool spoiled = spoil_token(s, token, with);
    session_trace(s, "forbidden: %s, %s", activity_name(a), spoiled ? "the offer is made void" : "to be cut");
    if (!spoiled) {
        s->in->outcome.cut = true;
        return true;
    }
    refused(s->in, (uint8_t)(1 << a));
    s->inspection->refused[s->in->tracked.from] |= (uint8_t)(1 << a);
    return true;
}
