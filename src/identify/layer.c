/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers: a stream within a flow (the flow itself, or what is carried inside it) on its way from candidates
 * to the parser that follows it. Bytes are used in place; only what a parser could not use yet is copied into
 * the layer's buffers. What a parser asks of its own layer while it is called (upgrade, settle) is done when
 * it has returned.
 */
#include "identify/driver.h"
#include <assert.h>

enum {
    ROUNDS = 4, /* changes of protocol within one stretch of bytes */
    AGAIN = 16, /* times that kept bytes are tried again without any being used */
};

/* A layer inside another, or 0 when all are in use. */
static uint32_t layer_new(struct inspector *in, unsigned depth)
{
    uint32_t handle = slab_get(&in->layers);

    if (handle != 0)
        *(struct layer *)slab_at(&in->layers, handle) = (struct layer){ .depth = (uint8_t)depth };
    return handle;
}

static uint8_t *side_bytes(const struct inspector *in, const struct side *side)
{
    return slab_at(side->large ? &in->large : &in->small, side->buffer);
}

static struct view side_view(const struct inspector *in, const struct side *side)
{
    return side->buffer != 0 ? view_of(side_bytes(in, side), side->len) : view_of(NULL, 0);
}

static void side_clear(struct inspector *in, struct side *side)
{
    if (side->buffer != 0 && is_tracked(in))
        origin_moved(in, side_view(in, side), side->len);
    if (side->buffer != 0)
        slab_put(side->large ? &in->large : &in->small, side->buffer);
    *side = (struct side){ 0 };
}

static void state_put(struct inspector *in, struct layer *l)
{
    if (l->memory != 0)
        slab_put(&in->states[l->memory_class], l->memory);
    l->memory = 0;
}

static void *state_of(const struct session *s)
{
    return s->layer->memory != 0 ? slab_at(&s->in->states[s->layer->memory_class], s->layer->memory) : NULL;
}

/* Put a parser in charge of the layer, with fresh state. False: no memory for it. */
static bool take_charge(struct session *s, const struct parser *p)
{
    static const size_t sizes[STATE_CLASSES] = { STATE_SMALL, STATE_MEDIUM, PARSER_STATE_BYTES };
    struct layer *l = s->layer;
    unsigned class = 0;

    state_put(s->in, l);
    l->parser = p;
    l->midway = 0;
    l->state = LAYER_DEAD;
    if (p->feed == NULL)
        return true;
    while (sizes[class] < p->state_size)
        class ++;
    l->memory = slab_get(&s->in->states[class]);
    l->memory_class = (uint8_t) class;
    if (l->memory == 0) {
        count(s->in->counters, COUNT_INSPECT_FULL);
        return false;
    }
    memset(state_of(s), 0, p->state_size);
    l->state = LAYER_FED;
    return true;
}

/* Give back an inner layer and those inside it; 0 is none. */
static void layer_free(struct inspector *in, uint32_t handle)
{
    while (handle != 0) {
        struct layer *l = slab_at(&in->layers, handle);
        uint32_t inner = l->inner;
        l->inner = 0;
        layer_fini(in, l);
        slab_put(&in->layers, handle);
        handle = inner;
    }
}

void layer_fini(struct inspector *in, struct layer *l)
{
    side_clear(in, &l->side[0]);
    side_clear(in, &l->side[1]);
    state_put(in, l);
    layer_free(in, l->inner);
    l->inner = 0;
}

/* Keep bytes behind those kept before. Returns how many found room; 0: the buffer is full or there is none.
 */
static size_t side_append(struct inspector *in, struct side *side, struct view v)
{
    if (side->buffer == 0 || (!side->large && side->len + v.len > BUFFER_SMALL)) {
        bool large = side->len + v.len > BUFFER_SMALL;
        uint32_t bigger = slab_get(large ? &in->large : &in->small);
        if (bigger == 0 && side->buffer == 0) {
            large = false;
            bigger = slab_get(&in->small);
        }
        if (bigger == 0 && side->buffer == 0)
            return 0;
        if (bigger != 0) {
            struct side old = *side;
            *side = (struct side){ bigger, old.len, large };
            if (old.buffer != 0) {
                memcpy(side_bytes(in, side), side_bytes(in, &old), old.len);
                if (is_tracked(in))
                    origin_copied(in, side_bytes(in, side), side_view(in, &old));
                side_clear(in, &old);
            }
        }
    }
    size_t room = (side->large ? BUFFER_LARGE : BUFFER_SMALL) - side->len;
    size_t n = v.len < room ? v.len : room;
    memcpy(side_bytes(in, side) + side->len, v.at, n);
    if (is_tracked(in))
        origin_copied(in, side_bytes(in, side) + side->len, view_slice(v, 0, n));
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
    if (is_tracked(in))
        origin_moved(in, side_view(in, side), n);
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
        if (l->body)
            set_keep(&l->candidates, &s->in->bodies);
    } else {
        for (unsigned i = 0; i < INSPECT_PARSERS / 64; i++)
            l->candidates.bits[i] &=
                s->in->by_first[l4][from][first].bits[i] | s->in->answering[l4][from].bits[i];
    }
}

static void accept(struct session *s, const struct parser *p, const struct finding *finding)
{
    struct layer *l = s->layer;
    struct flow *f = s->flow;
    const char *slug = finding->service != NULL ? finding->service : p->service;

    session_trace(s, "protocol %s%s%s", protocol_name(p->protocol), finding->value[0] != '\0' ? ": " : "",
                  finding->value);
    if (!take_charge(s, p))
        session_trace(s, "no memory to follow it");
    if (f->app == PROTOCOL_UNKNOWN)
        f->app = (uint16_t)p->protocol;
    if (finding->reversed && (f->flags & (FLOW_SYN | FLOW_SYN_ACK)) == 0)
        s->inspection->notes.reversed = true;
    if (l->state == LAYER_DEAD && l->depth == 0)
        s->inspection->settle = true;
    if (slug == NULL)
        return;
    f->protocol = (uint8_t)p->protocol;
    session_adopt(s, session_service(s, slug), EVIDENCE_PAYLOAD,
                  finding->confidence != 0 ? finding->confidence : evidence_worth(EVIDENCE_PAYLOAD),
                  finding->value[0] != '\0' ? view_string(finding->value)
                                            : view_string(protocol_name(p->protocol)));
}

/*
 * Ask the candidates in order. The first yes counts when all before it have said no; with `final` (no more
 * bytes to come, or the limit reached) a "need more" is a no. Returns the layer's new state.
 */
static enum layer_state ask(struct session *s, const struct sample *sample, bool final)
{
    struct layer *l = s->layer;
    bool waiting = false;

    for (unsigned i = set_next(&l->candidates, 0); i < s->in->config.parser_count;
         i = set_next(&l->candidates, i + 1)) {
        const struct parser *p = s->in->config.parsers[i];
        bool held = sample->l4 == L4_UDP && s->inspection->held_parser == i + 1;
        struct finding finding = { 0 };
        enum im_answer answer = IM_YES;

        if (held) {
            finding = s->inspection->held; /* of an earlier datagram: not asked again */
        } else {
            answer = p->probe(sample, &finding);
            count(s->in->counters, COUNT_PROBES);
        }
        if (answer == IM_YES && !waiting) {
            accept(s, p, &finding);
            return l->state;
        }
        if (answer == IM_NO || (answer == IM_MORE && final)) {
            session_trace(s, "not %s", protocol_name(p->protocol));
            set_remove(&l->candidates, i);
        } else {
            waiting = true;
            if (answer == IM_YES && sample->l4 == L4_UDP) {
                s->inspection->held_parser = (uint8_t)(i + 1);
                s->inspection->held = finding;
                break; /* those after it come too late */
            }
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

/* The parser of a protocol that is announced, never recognised; NULL: there is none. */
static const struct parser *given(const struct inspector *in, enum protocol protocol)
{
    for (unsigned i = set_next(&in->given, 0); i < in->config.parser_count; i = set_next(&in->given, i + 1))
        if (in->config.parsers[i]->protocol == protocol)
            return in->config.parsers[i];
    return NULL;
}

bool layer_is_given(const struct inspector *in, enum protocol protocol)
{
    return given(in, protocol) != NULL;
}

bool layer_give(struct session *s, enum protocol protocol)
{
    const struct parser *p = given(s->in, protocol);

    if (p != NULL && !take_charge(s, p))
        session_settle(s);
    return p != NULL;
}

static void upgrade(struct session *s)
{
    struct layer *l = s->layer;

    session_trace(s, "upgrade%s%s", l->upgrade_to != PROTOCOL_UNKNOWN ? " to " : "",
                  l->upgrade_to != PROTOCOL_UNKNOWN ? protocol_name((enum protocol)l->upgrade_to) : "");
    session_inner_end(s);
    l->upgrade = false;
    l->parser = NULL;
    l->again = 0;
    l->started[0] = l->started[1] = l->midstream = false;
    l->state = LAYER_PROBING;
    s->inspection->notes.upgraded = l->upgrade_to;
    (void)layer_give(s, (enum protocol)l->upgrade_to);
}

/* Feed from `in` until the parser is satisfied or waits for more. Returns how many bytes were used up. */
static size_t feed(struct session *s, enum flow_dir from, struct view in)
{
    size_t used = 0;

    while (used < in.len && s->layer->state == LAYER_FED && !s->inspection->settle) {
        size_t n = s->layer->parser->feed(state_of(s), s, from, view_from(in, used));
        assert(n <= in.len - used);
        used += n;
        if (s->layer->upgrade)
            upgrade(s); /* what follows may have its parser at once */
        else if (n == 0)
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
 * Take what is in order from one side: all that is kept and new, beginning at the first byte not used up.
 * Returns how many bytes are used up.
 */
static size_t layer_step(struct session *s, enum flow_dir from, struct view in)
{
    struct layer *l = s->layer;
    size_t used = 0;

    /* An upgrade in the middle of the bytes makes another round. */
    for (unsigned round = 0; round < ROUNDS && used < in.len && !s->inspection->settle; round++) {
        struct view rest = view_from(in, used);
        if (!l->started[from])
            layer_start(s, from, rest.at[0]);
        if (l->state == LAYER_PROBING) {
            struct sample sample = sample_of(s, from);
            sample.bytes[from] = rest;
            sample.bytes[dir_other(from)] = side_view(s->in, &l->side[dir_other(from)]);
            if (ask(s, &sample, rest.len >= SAMPLE_BYTES) == LAYER_PROBING)
                return used;
            if (from == FROM_SERVER)
                layer_feed_kept(s, FROM_CLIENT);
        }
        if (l->state == LAYER_FED)
            used += feed(s, from, rest);
        if (l->state == LAYER_FED)
            break;
        if (l->state == LAYER_DEAD)
            return in.len;
    }
    return s->inspection->settle ? in.len : used;
}

/*
 * What is kept of the other side may be of use now: the parser waited for this side's answer, or there was an
 * upgrade. Not for ever: a parser that does not move gets it again a few times only.
 */
static void layer_other(struct session *s, enum flow_dir other)
{
    struct layer *l = s->layer;
    struct side *side = &l->side[other];

    if (side->buffer == 0 || l->state == LAYER_DEAD || s->inspection->settle || l->again >= AGAIN)
        return;
    if (l->state == LAYER_PROBING && l->started[other])
        return; /* asked with it already */
    size_t used = layer_step(s, other, side_view(s->in, side));
    l->again = used > 0 ? 0 : (uint8_t)(l->again + 1);
    side_consume(s->in, side, used);
}

/* Ask for the last time, with all that is kept. */
static void layer_ask_last(struct session *s)
{
    struct sample sample = sample_of(s, FROM_CLIENT);

    for (unsigned d = 0; d < 2; d++)
        sample.bytes[d] = side_view(s->in, &s->layer->side[d]);
    if (ask(s, &sample, true) == LAYER_FED) {
        layer_feed_kept(s, FROM_CLIENT);
        layer_feed_kept(s, FROM_SERVER);
    }
}

/* The buffer is full and the parser cannot use it. */
static void layer_overflow(struct session *s, enum flow_dir from)
{
    struct layer *l = s->layer;
    struct side *side = &l->side[from];

    if (l->state == LAYER_PROBING) { /* only where no large buffer was left */
        count(s->in->counters, COUNT_INSPECT_FULL);
        layer_ask_last(s);
    } else if (l->state == LAYER_FED) {
        count(s->in->counters, side->large ? COUNT_PARSER_FULL : COUNT_INSPECT_FULL);
        session_trace(s, "a message of %s is longer than %u bytes", protocol_name(l->parser->protocol),
                      side->len);
        uint32_t dropped = side->len;
        side_clear(s->in, side);
        session_anomaly(s, ANOMALY_OVERLONG, view_string(protocol_name(l->parser->protocol)));
        if (l->parser->gap == NULL || !l->parser->gap(state_of(s), s, from, dropped))
            session_settle(s);
    }
    if (l->state == LAYER_DEAD)
        side_clear(s->in, side);
}

void layer_bytes(struct session *s, enum flow_dir from, struct view in)
{
    struct layer *l = s->layer;
    struct side *side = &l->side[from];

    while (in.len > 0 && l->state != LAYER_DEAD && !s->inspection->settle) {
        if (side->buffer == 0) {
            in = view_from(in, layer_step(s, from, in));
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
            size_t used = layer_step(s, from, side_view(s->in, side));
            side_consume(s->in, side, used);
            if (used > 0)
                l->again = 0;
            if (kept == 0 && used == 0)
                layer_overflow(s, from);
        }
    }
    layer_other(s, dir_other(from));
}

static void lost_here(struct session *s, enum flow_dir from, uint64_t lost)
{
    struct layer *l = s->layer;

    lost += l->side[from].len; /* kept, but of no use without what should follow */
    side_clear(s->in, &l->side[from]);
    l->midway &= (uint8_t) ~(1u << from);
    if (l->state == LAYER_FED && (l->parser->gap == NULL || !l->parser->gap(state_of(s), s, from, lost))) {
        session_trace(s, "bytes lost: %s is not followed further", protocol_name(l->parser->protocol));
        session_settle(s);
    } else if (l->state == LAYER_PROBING) {
        /* What comes next starts anywhere: judge it as a stream that was joined late. */
        l->midstream = true;
        l->candidates = s->in->all[l4_index(s->flow)];
        if (l->body)
            set_keep(&l->candidates, &s->in->bodies);
    }
}

/* The layer that is carried in the session's own, or NULL; none is of interest in a dead one. */
static struct layer *layer_inside(const struct session *s)
{
    const struct layer *l = s->layer;

    return l->inner != 0 && l->state == LAYER_FED ? slab_at(&s->in->layers, l->inner) : NULL;
}

void layer_lost(struct session *s, enum flow_dir from, uint64_t lost)
{
    struct layer *outermost = s->layer;

    s->inspection->refused[from] = 0;
    lost_here(s, from, lost);
    while ((s->layer = layer_inside(s)) != NULL)
        lost_here(s, from, lost);
    s->layer = outermost;
}

void session_inner(struct session *s, enum flow_dir from, struct view bytes)
{
    struct layer *outer = s->layer;

    if (outer->inner == 0) {
        if (outer->depth + 1 >= LAYERS) {
            count(s->in->counters, COUNT_LAYERS_DEEP);
            return;
        }
        outer->inner = layer_new(s->in, outer->depth + 1u);
        if (outer->inner == 0) {
            count(s->in->counters, COUNT_INSPECT_FULL);
            return;
        }
        struct layer *inner = slab_at(&s->in->layers, outer->inner);
        inner->body = outer->parser->protocol == PROTOCOL_HTTP;
    }
    s->layer = slab_at(&s->in->layers, outer->inner);
    layer_bytes(s, from, bytes);
    s->layer = outer;
}

/* No more bytes come to this layer and those inside it. */
static void finish_from(struct session *s)
{
    struct layer *outermost = s->layer;

    do {
        struct layer *l = s->layer;
        if (l->state == LAYER_PROBING && (l->side[0].len > 0 || l->side[1].len > 0))
            layer_ask_last(s);
    } while ((s->layer = layer_inside(s)) != NULL);
    s->layer = outermost;
}

void session_inner_end(struct session *s)
{
    struct layer *outer = s->layer;

    if (outer->inner == 0)
        return;
    s->layer = slab_at(&s->in->layers, outer->inner);
    finish_from(s);
    s->layer = outer;
    layer_free(s->in, outer->inner);
    outer->inner = 0;
}

/* ---- datagrams ---- */

void layer_datagram(struct session *s, enum flow_dir from, struct view datagram, uint32_t wire_len)
{
    struct inspection *i = s->inspection;
    struct layer *l = s->layer;

    if (l->state == LAYER_PROBING && i->heads == 0) {
        i->heads = slab_get(&s->in->heads);
        if (i->heads == 0) {
            count(s->in->counters, COUNT_INSPECT_FULL);
            session_settle(s);
        }
    }
    if (l->state == LAYER_PROBING) {
        struct datagram_head *heads = slab_at(&s->in->heads, i->heads), *h = &heads[i->head_count++];
        h->from = (uint8_t)from;
        h->len = (uint16_t)(wire_len < UINT16_MAX ? wire_len : UINT16_MAX);
        h->kept = (uint8_t)(datagram.len < SAMPLE_HEAD_BYTES ? datagram.len : SAMPLE_HEAD_BYTES);
        memcpy(h->data, datagram.at, h->kept);

        struct sample sample = sample_of(s, from);
        if (!l->started[0] && !l->started[1])
            layer_start(s, from, datagram.at[0]);
        sample.datagram = datagram;
        sample.heads = heads;
        sample.head_count = i->head_count;
        (void)ask(s, &sample, i->head_count == SAMPLE_HEADS);
    }
    if (l->state != LAYER_PROBING && i->heads != 0) {
        slab_put(&s->in->heads, i->heads);
        i->heads = 0;
    }
    if (l->state == LAYER_FED)
        (void)l->parser->feed(state_of(s), s, from, datagram);
}

bool layer_resume(struct session *s, enum protocol protocol)
{
    for (unsigned i = 0; i < s->in->config.parser_count; i++)
        if (s->in->config.parsers[i]->protocol == protocol && s->in->config.parsers[i]->stateless)
            return take_charge(s, s->in->config.parsers[i]);
    return false;
}

void layer_finish(struct session *s)
{
    struct inspection *i = s->inspection;

    if (i->settle)
        return;
    if (s->flow->key.l4 != L4_UDP)
        finish_from(s);
    else if (s->layer->state == LAYER_PROBING &&
             i->held_parser != 0) /* its datagram is gone, but not what was found */
        accept(s, s->in->config.parsers[i->held_parser - 1], &i->held);
}
