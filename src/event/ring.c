/* SPDX-License-Identifier: Apache-2.0 */
/* The queue: indices count bytes from the beginning of time, their low bits are places. */
#include "event/ring.h"
#include <assert.h>
#include <stdlib.h>

enum { HEADER_BYTES = 8, SMALLEST_BYTES = 4096 };

bool ring_init(struct ring *r, size_t size, struct imw_error_info *err)
{
    size_t rounded = SMALLEST_BYTES;

    while (rounded < size)
        rounded *= 2;
    memset(r, 0, sizeof *r);
    r->size = rounded;
    r->bytes = aligned_alloc(CACHE_LINE, rounded);
    if (r->bytes == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for a ring of %zu bytes", rounded);
    memset(r->bytes, 0, rounded); /* its pages are there before the first packet comes */
    return true;
}

void ring_fini(struct ring *r)
{
    free(r->bytes);
    r->bytes = NULL;
}

/* The word in front of a record: its size with the word, 0: go on at the ring's start. */
static uint64_t *word(const struct ring *r, uint64_t at)
{
    return (uint64_t *)(void *)(r->bytes + (at & (r->size - 1)));
}

static void count_one(_Atomic uint64_t *n) /* one thread writes it */
{
    atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + 1, memory_order_relaxed);
}

void *ring_reserve(struct ring *r, size_t size)
{
    uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    uint64_t whole = (HEADER_BYTES + (uint64_t)size + 7) & ~(uint64_t)7;
    uint64_t to_end = r->size - (head & (r->size - 1));
    uint64_t passed_over = whole > to_end ? to_end : 0;

    assert(whole <= r->size / 2);
    if (head + passed_over + whole - r->tail_seen > r->size) {
        r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
        if (head + passed_over + whole - r->tail_seen > r->size) {
            count_one(&r->lost);
            return NULL;
        }
    }
    if (passed_over > 0)
        *word(r, head) = 0;
    head += passed_over;
    *word(r, head) = whole;
    r->reserved = head + whole;
    return word(r, head) + 1;
}

bool ring_has_room(struct ring *r)
{
    uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

    if (head - r->tail_seen > r->size / 2)
        r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
    return head - r->tail_seen <= r->size / 2;
}

void ring_commit(struct ring *r)
{
    count_one(&r->put);
    atomic_store_explicit(&r->head, r->reserved, memory_order_release);
}

const void *ring_next(struct ring *r)
{
    if (r->at == r->head_seen) {
        r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
        if (r->at == r->head_seen)
            return NULL;
    }
    if (*word(r, r->at) == 0)
        r->at += r->size - (r->at & (r->size - 1));
    const uint64_t *record = word(r, r->at);
    r->at += *record;
    return record + 1;
}

void ring_release(struct ring *r)
{
    atomic_store_explicit(&r->tail, r->at, memory_order_release);
}

uint64_t ring_mark(const struct ring *r)
{
    return atomic_load_explicit(&r->head, memory_order_acquire);
}

bool ring_passed(const struct ring *r, uint64_t mark)
{
    return atomic_load_explicit(&r->tail, memory_order_acquire) >= mark;
}

uint64_t ring_put(const struct ring *r)
{
    return atomic_load_explicit(&r->put, memory_order_relaxed);
}

uint64_t ring_lost(const struct ring *r)
{
    return atomic_load_explicit(&r->lost, memory_order_relaxed);
}
