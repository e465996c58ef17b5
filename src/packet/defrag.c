/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reassembly of IP fragments (RFC 791 section 3.2, RFC 8200 section 4.5) in memory that is taken at the
 * start.
 *
 * A datagram under way is a chain of pieces in the order of their offsets, found by addresses, identification
 * and (IPv4) protocol. Overlapping fragments have been used to show a sensor another text than the receiver
 * sees, and no honest sender makes them: a fragment that overlaps kills its datagram (RFC 5722, here for IPv4
 * as well), and the dead datagram stays until its time is over so that what still comes of it is dropped too.
 * An exact repetition, as a network may make, is ignored.
 *
 * Bounds: datagrams, pieces, and pieces of one datagram, so that a flood of tiny fragments cannot fill memory
 * or make the chains long. What is full gives way to the new: the oldest datagram is dropped. So is a
 * datagram that is not complete 30 seconds after its first fragment, by the time of packets.
 */
#include "packet/defrag.h"
#include "base/hash.h"
#include "base/slab.h"
#include <stdlib.h>
#include <sys/random.h>

enum {
    TIMEOUT_US = 30 * 1000 * 1000,
    PIECE_BYTES = 1528,        /* a fragment on Ethernet fits into one; longer ones take several */
    PIECES_PER_DATAGRAM = 128, /* 64 KiB in fragments of 512 bytes */
    DATAGRAM_BYTES = 65535,
};

struct piece {
    uint32_t next; /* handle, 0 at the end */
    uint16_t offset, len;
    uint8_t data[PIECE_BYTES];
};

struct datagram {
    struct ip_addr src, dst;
    uint64_t first_us;
    uint32_t id;
    uint16_t kind;    /* version and, of IPv4, the protocol */
    uint8_t protocol; /* as the fragment of offset 0 says */
    bool dead;        /* had an overlap */
    bool has_end;
    uint32_t end;  /* length, once the last fragment is there */
    uint32_t held; /* bytes in pieces */
    uint32_t pieces, piece_count;
    uint32_t fragments; /* for counting what is dropped with it */
    uint32_t bucket_next;
    uint32_t older, newer; /* in order of arrival of first fragments */
};

struct defrag {
    struct slab datagrams, pieces;
    uint32_t oldest, newest;
    uint32_t bucket_mask;
    uint32_t *buckets;
    uint64_t seed;
    struct counters *counters;
    uint8_t whole[DATAGRAM_BYTES];
};

static struct datagram *datagram_at(const struct defrag *d, uint32_t handle)
{
    return slab_at(&d->datagrams, handle);
}

static struct piece *piece_at(const struct defrag *d, uint32_t handle)
{
    return slab_at(&d->pieces, handle);
}

struct defrag *defrag_new(uint32_t max_datagrams, size_t max_bytes, struct counters *counters)
{
    struct defrag *d = calloc(1, sizeof *d);
    size_t pieces = max_bytes / sizeof(struct piece);
    uint32_t buckets = 1;

    if (d == NULL)
        return NULL;
    while (buckets < max_datagrams && buckets < 1u << 24)
        buckets *= 2;
    d->counters = counters;
    d->bucket_mask = buckets - 1;
    d->buckets = calloc(buckets, sizeof *d->buckets);
    if (pieces > UINT32_MAX - 1)
        pieces = UINT32_MAX - 1;
    if (d->buckets == NULL || !slab_init(&d->datagrams, sizeof(struct datagram), max_datagrams, NULL) ||
        !slab_init(&d->pieces, sizeof(struct piece), (uint32_t)pieces, NULL) ||
        getrandom(&d->seed, sizeof d->seed, 0) != (ssize_t)sizeof d->seed) {
        defrag_free(d);
        return NULL;
    }
    return d;
}

void defrag_free(struct defrag *d)
{
    if (d == NULL)
        return;
    slab_fini(&d->datagrams);
    slab_fini(&d->pieces);
    free(d->buckets);
    free(d);
}

/* ---- datagrams under way ---- */

static uint16_t kind_of(const struct fragment *f)
{
    return f->version == 4 ? (uint16_t)(0x400 | f->protocol) : 0x600;
}

static uint32_t *bucket_of(const struct defrag *d, const struct ip_addr *src, const struct ip_addr *dst,
                           uint32_t id, uint16_t kind)
{
    uint64_t h = hash_words(src->word[0], src->word[1], d->seed);

    h = hash_words(dst->word[0] ^ h, dst->word[1], d->seed);
    h = hash_words(h, (uint64_t)id << 16 | kind, d->seed);
    return &d->buckets[h & d->bucket_mask];
}

static void free_pieces(struct defrag *d, struct datagram *g)
{
    while (g->pieces != 0) {
        uint32_t handle = g->pieces;
        g->pieces = piece_at(d, handle)->next;
        slab_put(&d->pieces, handle);
    }
    g->piece_count = g->held = 0;
}

/* Take a datagram out of all lists and give its memory back. */
static void remove_datagram(struct defrag *d, uint32_t handle)
{
    struct datagram *g = datagram_at(d, handle);
    uint32_t *link = bucket_of(d, &g->src, &g->dst, g->id, g->kind);

    while (*link != handle)
        link = &datagram_at(d, *link)->bucket_next;
    *link = g->bucket_next;
    *(g->older != 0 ? &datagram_at(d, g->older)->newer : &d->oldest) = g->newer;
    *(g->newer != 0 ? &datagram_at(d, g->newer)->older : &d->newest) = g->older;
    free_pieces(d, g);
    slab_put(&d->datagrams, handle);
}

static void drop_datagram(struct defrag *d, uint32_t handle)
{
    count_add(d->counters, COUNT_FRAGMENTS_DROPPED, datagram_at(d, handle)->fragments);
    remove_datagram(d, handle);
}

/* What has been dropped of it is counted; what still comes will be. */
static void kill_datagram(struct defrag *d, struct datagram *g)
{
    count_add(d->counters, COUNT_FRAGMENTS_DROPPED, g->fragments);
    g->fragments = 0;
    g->dead = true;
    free_pieces(d, g);
}

static uint32_t find_datagram(const struct defrag *d, const struct fragment *f)
{
    uint16_t kind = kind_of(f);
    uint32_t handle = *bucket_of(d, &f->src, &f->dst, f->id, kind);

    for (; handle != 0; handle = datagram_at(d, handle)->bucket_next) {
        const struct datagram *g = datagram_at(d, handle);
        if (g->id == f->id && g->kind == kind && ip_equal(&g->src, &f->src) && ip_equal(&g->dst, &f->dst))
            break;
    }
    return handle;
}

/* A new datagram; the oldest makes room. 0: there is no room at all. */
static uint32_t add_datagram(struct defrag *d, const struct fragment *f)
{
    uint32_t handle = slab_get(&d->datagrams);

    if (handle == 0 && d->oldest != 0) {
        drop_datagram(d, d->oldest);
        handle = slab_get(&d->datagrams);
    }
    if (handle == 0)
        return 0;
    uint32_t *bucket = bucket_of(d, &f->src, &f->dst, f->id, kind_of(f));
    *datagram_at(d, handle) = (struct datagram){
        .src = f->src,
        .dst = f->dst,
        .id = f->id,
        .kind = kind_of(f),
        .first_us = f->time_us,
        .bucket_next = *bucket,
        .older = d->newest,
    };
    *bucket = handle;
    *(d->newest != 0 ? &datagram_at(d, d->newest)->newer : &d->oldest) = handle;
    d->newest = handle;
    return handle;
}

static void expire(struct defrag *d, uint64_t now_us)
{
    while (d->oldest != 0) {
        const struct datagram *g = datagram_at(d, d->oldest);
        if (now_us < g->first_us || now_us - g->first_us <= TIMEOUT_US)
            break;
        drop_datagram(d, d->oldest);
    }
}

/* ---- pieces ---- */

enum placing {
    PLACED,
    PLACED_BEFORE, /* an exact repetition */
    OVERLAPS,
    NO_ROOM,
};

/* A free piece; other datagrams give way, the oldest first. */
static uint32_t get_piece(struct defrag *d, uint32_t for_datagram)
{
    uint32_t handle = slab_get(&d->pieces);

    for (uint32_t victim = d->oldest; handle == 0 && victim != 0;) {
        uint32_t newer = datagram_at(d, victim)->newer;
        if (victim != for_datagram) { /* also a dead one, or a row of them would be walked again and again */
            drop_datagram(d, victim);
            handle = slab_get(&d->pieces);
        }
        victim = newer;
    }
    return handle;
}

/* Put at most PIECE_BYTES bytes into their place in the chain. */
static enum placing place(struct defrag *d, uint32_t handle, uint32_t offset, struct view bytes)
{
    struct datagram *g = datagram_at(d, handle);
    uint32_t *link = &g->pieces;

    for (; *link != 0; link = &piece_at(d, *link)->next) {
        const struct piece *p = piece_at(d, *link);
        if (p->offset == offset && view_equal(view_of(p->data, p->len), bytes))
            return PLACED_BEFORE;
        if (p->offset >= offset + bytes.len)
            break;
        if (p->offset + p->len > offset)
            return OVERLAPS;
    }
    if (g->piece_count == PIECES_PER_DATAGRAM)
        return NO_ROOM;
    uint32_t fresh = get_piece(d, handle);
    if (fresh == 0)
        return NO_ROOM;
    struct piece *p = piece_at(d, fresh);
    p->next = *link;
    p->offset = (uint16_t)offset;
    p->len = (uint16_t)bytes.len;
    memcpy(p->data, bytes.at, bytes.len);
    *link = fresh;
    g->piece_count++;
    g->held += p->len;
    return PLACED;
}

/* Offsets and lengths that a fragment can have at all. */
static bool makes_sense(const struct fragment *f)
{
    return f->bytes.len > 0 && f->offset + f->bytes.len <= DATAGRAM_BYTES &&
           (!f->more || f->bytes.len % 8 == 0);
}

/* What the fragment says of the datagram's end must agree with all the others. */
static bool ends_agree(const struct defrag *d, struct datagram *g, const struct fragment *f)
{
    uint32_t end = f->offset + (uint32_t)f->bytes.len;

    if (g->has_end && (f->more ? end > g->end : end != g->end))
        return false;
    if (!f->more && !g->has_end) {
        for (uint32_t handle = g->pieces; handle != 0; handle = piece_at(d, handle)->next) {
            const struct piece *p = piece_at(d, handle);
            if ((uint32_t)p->offset + p->len > end)
                return false;
        }
        g->has_end = true;
        g->end = end;
    }
    return true;
}

static enum placing place_all(struct defrag *d, uint32_t handle, const struct fragment *f)
{
    enum placing answer = PLACED;

    if (!ends_agree(d, datagram_at(d, handle), f))
        return OVERLAPS;
    for (size_t at = 0; at < f->bytes.len && answer <= PLACED_BEFORE; at += PIECE_BYTES)
        answer = place(d, handle, f->offset + (uint32_t)at, view_slice(f->bytes, at, at + PIECE_BYTES));
    return answer;
}

/* All bytes are there and none twice, so their number tells. */
static struct view join(struct defrag *d, const struct datagram *g)
{
    for (uint32_t handle = g->pieces; handle != 0; handle = piece_at(d, handle)->next) {
        const struct piece *p = piece_at(d, handle);
        memcpy(d->whole + p->offset, p->data, p->len);
    }
    return view_of(d->whole, g->end);
}

bool defrag_add(struct defrag *d, const struct fragment *f, struct view *out_bytes, uint8_t *out_protocol)
{
    expire(d, f->time_us);
    uint32_t handle = makes_sense(f) ? find_datagram(d, f) : 0;
    if (handle == 0 && makes_sense(f))
        handle = add_datagram(d, f);
    if (handle == 0 || datagram_at(d, handle)->dead) {
        count(d->counters, COUNT_FRAGMENTS_DROPPED);
        return false;
    }
    struct datagram *g = datagram_at(d, handle);
    enum placing placing = place_all(d, handle, f);
    if (placing == OVERLAPS)
        count(d->counters, COUNT_FRAGMENTS_OVERLAP);
    g->fragments += placing != OVERLAPS;
    if (placing > PLACED_BEFORE) {
        kill_datagram(d, g);
        return false;
    }
    if (f->offset == 0)
        g->protocol = f->protocol;
    if (!g->has_end || g->held < g->end)
        return false;
    *out_bytes = join(d, g);
    *out_protocol = g->protocol;
    count(d->counters, COUNT_FRAGMENTS_JOINED);
    remove_datagram(d, handle);
    return true;
}
