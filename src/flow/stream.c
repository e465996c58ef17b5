/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP streams put in order (RFC 9293 section 3.4 for sequence numbers, 3.8.4 for keep-alives).
 *
 * A stream knows the sequence number of the next byte to deliver. A segment that starts there is delivered
 * where it lies: the common case. One that starts before repeats bytes: they are compared with the ring of
 * bytes delivered last and trimmed. One that starts after came early and is copied into pieces, a sorted list
 * without overlaps that grows only where nothing is kept yet, so that of two copies the first counts. A
 * difference between copies is how injected segments betray themselves.
 *
 *     delivered .....[ ring of the last window_bytes )[ hole )[ piece | piece ) hole [ piece )
 *                                                     ^ next
 *
 * A hole is given up, and its bytes counted as lost, when a piece finds no room, when the other side
 * acknowledges it, or at the end. Bytes that the capture cut off are absent: they take sequence numbers and
 * are lost from the start, so no later copy is waited for.
 *
 * FIN and RST change nothing here: they may be forged, and bytes that really follow must not be lost by that.
 * All comparisons are of distances modulo 2^32, at most 2^30 ahead (the largest window, RFC 7323 section
 * 2.3).
 */
#include "flow/flow.h"
#include <stdlib.h>

enum {
    PIECE_BYTES = 1520, /* a piece holds one Ethernet segment */
    FARTHEST = 1 << 30,
    LARGEST_WINDOW = 1 << 20,
    USUAL_WINDOW = 256, /* of a stream that is not guarded, where others are */
};

/* Kept bytes [seq, seq + len). Absent: they were cut off in the capture, there is no content. */
struct piece {
    uint32_t next; /* handle of the piece after it, 0: last */
    uint32_t seq;
    uint16_t len;
    bool absent;
    uint8_t data[PIECE_BYTES];
};

/* The object of the streams' slab; its ring follows it. The byte with number n lies at n modulo the ring. */
struct stream {
    uint32_t next;  /* sequence number of the next byte to deliver */
    uint32_t first; /* handle of the first kept piece, 0: none */
    uint32_t early_bytes, early_segments;
    uint32_t remembered; /* bytes before `next` that the ring holds */
    uint32_t acked;      /* by the receiver, all before it */
    uint64_t lost;       /* given up, not reported yet */
    uint32_t seal;       /* where it was sealed */
    bool started, sealed, guarded;
    uint8_t ring[];
};

struct stream_pool {
    struct slab streams, pieces;
    struct stream_limits limits;
    struct counters *counters;
    uint32_t ring_bytes; /* a power of two, or 0 */
};

/* One call from outside: what the steps below share. */
struct delivery {
    struct stream_pool *pool;
    struct stream *stream;
    stream_deliver *deliver;
    void *context;
    bool refused; /* strict: something found no room */
};

struct stream_pool *stream_pool_new(const struct stream_limits *limits, struct counters *counters,
                                    struct imw_error_info *err)
{
    struct stream_pool *p = calloc(1, sizeof *p);
    size_t pieces = limits->early_bytes_total / PIECE_BYTES;

    if (p == NULL) {
        error_set(err, IMW_ERROR_MEMORY, "no memory for the stream pool");
        return NULL;
    }
    p->limits = *limits;
    p->counters = counters;
    uint32_t wanted = limits->window_bytes < LARGEST_WINDOW ? limits->window_bytes : LARGEST_WINDOW;
    while (p->ring_bytes < wanted)
        p->ring_bytes = p->ring_bytes > 0 ? p->ring_bytes * 2 : 64;
    if (!slab_init(&p->streams, sizeof(struct stream) + p->ring_bytes, limits->max_streams, err) ||
        !slab_init(&p->pieces, sizeof(struct piece),
                   (uint32_t)(pieces < UINT32_MAX ? pieces : UINT32_MAX - 1), err)) {
        stream_pool_free(p);
        return NULL;
    }
    return p;
}

void stream_pool_free(struct stream_pool *p)
{
    if (p == NULL)
        return;
    slab_fini(&p->streams);
    slab_fini(&p->pieces);
    free(p);
}

uint32_t stream_get(struct stream_pool *p)
{
    uint32_t handle = slab_get(&p->streams);

    if (handle != 0)
        *(struct stream *)slab_at(&p->streams, handle) = (struct stream){ 0 };
    return handle;
}

void stream_put(struct stream_pool *p, uint32_t handle)
{
    struct stream *st = slab_at(&p->streams, handle);

    while (st->first != 0) {
        uint32_t piece = st->first;
        st->first = ((struct piece *)slab_at(&p->pieces, piece))->next;
        slab_put(&p->pieces, piece);
    }
    slab_put(&p->streams, handle);
}

/* How far `seq` lies after `from`; negative: before. */
static int32_t distance(uint32_t from, uint32_t seq)
{
    return (int32_t)(seq - from);
}

/* ---- the ring of delivered bytes ---- */

/* What is used of the ring: memory that is never touched costs nothing. */
static uint32_t ring_of(const struct stream_pool *p, const struct stream *st)
{
    return st->guarded || !p->limits.strict || p->ring_bytes < USUAL_WINDOW ? p->ring_bytes : USUAL_WINDOW;
}

/* Copy the end of what is delivered into the ring, before `next` moves over it. */
static void remember(const struct stream_pool *p, struct stream *st, struct view data)
{
    uint32_t size = ring_of(p, st);

    if (size == 0)
        return;
    struct view tail = view_from(data, data.len > size ? data.len - size : 0);
    uint32_t at = (st->next + (uint32_t)(data.len - tail.len)) & (size - 1);
    size_t until_end = tail.len < size - at ? tail.len : size - at;
    memcpy(st->ring + at, tail.at, until_end);
    memcpy(st->ring, view_from(tail, until_end).at, tail.len - until_end);
    st->remembered = data.len < size - st->remembered ? st->remembered + (uint32_t)data.len : size;
}

/* Do bytes from number `seq` on, all before `next`, differ from what the ring still holds of them? */
static bool differs_from_delivered(const struct stream_pool *p, const struct stream *st, uint32_t seq,
                                   struct view data)
{
    uint32_t back = st->next - seq; /* how far before `next` they start */

    if (back > st->remembered) {
        data = view_from(data, back - st->remembered);
        back = st->remembered;
    }
    if (data.len == 0)
        return false;
    uint32_t size = ring_of(p, st), at = (st->next - back) & (size - 1);
    size_t until_end = data.len < size - at ? data.len : size - at;
    return memcmp(st->ring + at, data.at, until_end) != 0 ||
           memcmp(st->ring, view_from(data, until_end).at, data.len - until_end) != 0;
}

/* ---- delivery ---- */

static struct piece *piece_at(const struct stream_pool *p, uint32_t handle)
{
    return handle != 0 ? slab_at(&p->pieces, handle) : NULL;
}

/* Give bytes that start at `next`. */
static void give(const struct delivery *d, struct view data)
{
    struct stream *st = d->stream;
    uint64_t lost = st->lost;

    if (data.len == 0)
        return;
    st->lost = 0;
    remember(d->pool, st, data);
    st->next += (uint32_t)data.len;
    d->deliver(d->context, data, lost);
}

/* Give up the `n` bytes from `next` on. */
static void lose(const struct delivery *d, uint32_t n)
{
    if (n == 0)
        return;
    count(d->pool->counters, COUNT_STREAM_GAPS);
    count_add(d->pool->counters, COUNT_STREAM_GAP_BYTES, n);
    d->stream->lost += n;
    d->stream->next += n;
    d->stream->remembered = 0;
}

/* Deliver the kept pieces that `next` has reached. */
static void drain(const struct delivery *d)
{
    struct stream *st = d->stream;

    for (struct piece *piece; (piece = piece_at(d->pool, st->first)) != NULL && piece->seq == st->next;) {
        uint32_t handle = st->first;
        st->first = piece->next;
        st->early_bytes -= piece->len;
        st->early_segments--;
        if (piece->absent)
            lose(d, piece->len);
        else
            give(d, view_of(piece->data, piece->len));
        slab_put(&d->pool->pieces, handle);
    }
}

/* Give up the hole before the first kept piece. */
static void skip_first_hole(const struct delivery *d)
{
    lose(d, piece_at(d->pool, d->stream->first)->seq - d->stream->next);
    drain(d);
}

/* ---- early segments ---- */

/* Part of a segment: `len` bytes from `seq` on, of which `data` holds all, or none where the capture cut them
 * off. */
struct span {
    uint32_t seq;
    uint32_t len;
    struct view data;
};

static struct span span_from(struct span s, uint32_t n)
{
    return (struct span){ s.seq + n, s.len - n, view_from(s.data, n) };
}

/* Do the bytes of `s` differ from those that are kept? */
static bool differs_from_kept(const struct delivery *d, struct span s)
{
    for (struct piece *piece = piece_at(d->pool, d->stream->first); piece != NULL;
         piece = piece_at(d->pool, piece->next)) {
        int32_t before = distance(piece->seq, s.seq); /* the piece starts this much before the span */
        if (before <= -(int32_t)s.len)
            break;
        if (before >= piece->len || piece->absent)
            continue;
        struct view kept = view_of(piece->data, piece->len), came = s.data;
        if (before >= 0)
            kept = view_from(kept, (size_t)before);
        else
            came = view_from(came, (size_t)-before);
        size_t common = kept.len < came.len ? kept.len : came.len;
        if (memcmp(kept.at, came.at, common) != 0)
            return true;
    }
    return false;
}

/* Is there room for one more piece? */
static bool has_room(const struct delivery *d, uint32_t len)
{
    const struct stream_limits *limits = &d->pool->limits;

    return d->stream->early_segments < limits->early_segments && len <= limits->early_bytes &&
           d->stream->early_bytes <= limits->early_bytes - len;
}

/* Keep the front of an early span, or step over what of it is kept already. Returns how many bytes of it are
 * dealt with, 0: no room. */
static uint32_t keep(const struct delivery *d, struct span s)
{
    uint32_t *link = &d->stream->first;
    uint32_t len = s.len < PIECE_BYTES ? s.len : PIECE_BYTES;
    struct piece *after;

    for (; (after = piece_at(d->pool, *link)) != NULL; link = &after->next) {
        int32_t ahead = distance(s.seq, after->seq);
        if (ahead > 0) {
            len = len < (uint32_t)ahead ? len : (uint32_t)ahead;
            break;
        }
        if (-ahead < after->len) {
            uint32_t covered = after->len - (uint32_t)-ahead;
            return covered < s.len ? covered : s.len;
        }
    }
    uint32_t handle = has_room(d, len) ? slab_get(&d->pool->pieces) : 0;
    struct piece *piece = piece_at(d->pool, handle);
    if (piece == NULL)
        return 0;
    piece->next = *link;
    piece->seq = s.seq;
    piece->len = (uint16_t)len;
    piece->absent = s.data.len == 0;
    if (!piece->absent)
        memcpy(piece->data, s.data.at, len);
    *link = handle;
    d->stream->early_bytes += len;
    d->stream->early_segments++;
    return len;
}

/* Make room, or reach the early span that finds none, by giving up the lowest hole. */
static void give_up(const struct delivery *d, uint32_t seq)
{
    const struct piece *first = piece_at(d->pool, d->stream->first);

    if (first != NULL && distance(first->seq, seq) > 0)
        skip_first_hole(d);
    else
        lose(d, seq - d->stream->next);
}

/* ---- segments ---- */

/* Put a span where it belongs: before, at or after `next`. */
static void place(struct delivery *d, struct span s)
{
    struct stream *st = d->stream;

    while (s.len > 0) {
        int32_t ahead = distance(st->next, s.seq);
        if (ahead > 0) {
            uint32_t n = keep(d, s);
            if (n == 0 && st->guarded) {
                d->refused = true;
                return;
            }
            if (n == 0)
                give_up(d, s.seq);
            s = span_from(s, n);
            continue;
        }
        if ((uint32_t)-ahead >= s.len)
            return;
        s = span_from(s, (uint32_t)-ahead);
        uint32_t n = s.len;
        const struct piece *first = piece_at(d->pool, st->first);
        if (first != NULL && first->seq - st->next < n)
            n = first->seq - st->next; /* the first copy of what follows is the kept one */
        if (s.data.len > 0)
            give(d, view_slice(s.data, 0, n));
        else
            lose(d, n);
        s = span_from(s, n);
        drain(d);
    }
}

/* A segment that is not simply the next one. */
static enum stream_answer place_segment(struct delivery *d, uint32_t seq, struct view data,
                                        uint32_t payload_len)
{
    struct stream *st = d->stream;
    struct counters *counters = d->pool->counters;
    int32_t ahead = distance(st->next, seq);

    if (payload_len >= FARTHEST || ahead >= FARTHEST - (int32_t)payload_len || ahead <= -FARTHEST) {
        count(counters, COUNT_STREAM_DROPPED);
        return st->guarded ? STREAM_REFUSED : STREAM_TAKEN;
    }
    if (ahead == -1 && payload_len == 1 && (!st->guarded || distance(seq, st->acked) > 0))
        return STREAM_TAKEN; /* a keep-alive: its byte is garbage by design */
    struct span s = { seq, (uint32_t)data.len, data };
    bool conflict =
        ahead < 0 && differs_from_delivered(d->pool, st, seq, view_slice(data, 0, (size_t) - (int64_t)ahead));
    conflict = differs_from_kept(d, s) || conflict;
    if (conflict)
        count(counters, COUNT_STREAM_CONFLICT);
    if (ahead < 0 && (uint32_t)-ahead >= payload_len)
        count(counters, COUNT_STREAM_RETRANSMITTED);
    else if (ahead > 0)
        count(counters, COUNT_STREAM_OUT_OF_ORDER);
    place(d, s);
    place(d, (struct span){ seq + (uint32_t)data.len, payload_len - (uint32_t)data.len, view_of(NULL, 0) });
    return d->refused ? STREAM_REFUSED : conflict ? STREAM_DIFFERS : STREAM_TAKEN;
}

/* Could a later copy of these bytes not be compared with them any more, while the receiver may take it? */
static bool is_too_far(const struct stream_pool *p, const struct stream *st, uint32_t end)
{
    return st->guarded && st->started && distance(st->acked, end) > (int32_t)p->ring_bytes;
}

enum stream_answer stream_push(struct stream_pool *p, uint32_t handle, const struct stream_segment *s,
                               stream_deliver *deliver, void *context)
{
    struct stream *st = slab_at(&p->streams, handle);
    struct delivery d = { p, st, deliver, context, false };

    if (st->sealed && distance(st->seal, s->seq) >= 0)
        return STREAM_TAKEN;
    if (is_too_far(p, st, s->seq + s->payload_len))
        return STREAM_REFUSED;

    if (s->seq == st->next && st->first == 0 && st->started && s->payload_len == s->data.len &&
        (s->tcp_flags & (TCP_SYN | TCP_RST)) == 0) {
        give(&d, s->data);
        return STREAM_TAKEN;
    }
    uint32_t seq = s->seq + ((s->tcp_flags & TCP_SYN) != 0); /* SYN takes a number (RFC 9293 section 3.4) */
    uint32_t payload_len = s->payload_len > s->data.len ? s->payload_len : (uint32_t)s->data.len;
    if ((s->tcp_flags & TCP_RST) != 0)
        return STREAM_TAKEN; /* its text, if any, is not the stream's */
    if (!st->started && (payload_len > 0 || (s->tcp_flags & TCP_SYN) != 0)) {
        st->started = true;
        st->next = st->acked = seq;
    }
    return payload_len > 0 ? place_segment(&d, seq, s->data, payload_len) : STREAM_TAKEN;
}

bool stream_waits(const struct stream_pool *p, uint32_t handle)
{
    const struct stream *st = slab_at(&p->streams, handle);

    return st->first != 0;
}

void stream_acked(struct stream_pool *p, uint32_t handle, uint32_t ack, stream_deliver *deliver,
                  void *context)
{
    struct stream *st = slab_at(&p->streams, handle);
    const struct delivery d = { p, st, deliver, context, false };

    if (st->started && distance(st->acked, ack) > 0)
        st->acked = ack;
    for (const struct piece *piece;
         (piece = piece_at(p, st->first)) != NULL && distance(piece->seq, ack) >= 0;)
        skip_first_hole(&d);
}

void stream_guard(struct stream_pool *p, uint32_t handle)
{
    ((struct stream *)slab_at(&p->streams, handle))->guarded = p->limits.strict;
}

void stream_seal(struct stream_pool *p, uint32_t handle)
{
    struct stream *st = slab_at(&p->streams, handle);

    st->sealed = true;
    st->seal = st->next;
}

bool stream_is_taken(const struct stream_pool *p, uint32_t handle)
{
    const struct stream *st = slab_at(&p->streams, handle);

    return !st->started || distance(st->seal, st->acked) >= 0;
}

void stream_flush(struct stream_pool *p, uint32_t handle, stream_deliver *deliver, void *context)
{
    struct stream *st = slab_at(&p->streams, handle);
    const struct delivery d = { p, st, deliver, context, false };

    while (st->first != 0)
        skip_first_hole(&d);
}
