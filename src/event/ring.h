/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue of records from one thread to one other: no lock, no system call, no heap after ring_new().
 *
 * Records have any size and lie whole in the ring's bytes, eight-aligned, each behind a word with its size.
 * One that would not fit before the end of the ring begins anew at its start; a word of size 0 marks what is
 * passed over. Each side owns one index, on a cache line of its own, and keeps a copy of the other's, which
 * it refreshes only when the copy says full or empty.
 *
 * Full: the new record is refused and counted; those in the ring stay.
 */
#pragma once
#include "base/error.h"
#include <stdatomic.h>

enum { CACHE_LINE = 64 };

struct ring {
    _Alignas(CACHE_LINE) _Atomic uint64_t head; /* the producer's: bytes ever put */
    uint64_t tail_seen;
    uint64_t reserved; /* where the record at hand ends */
    _Atomic uint64_t put, lost;
    _Alignas(CACHE_LINE) _Atomic uint64_t tail; /* the consumer's: bytes ever released */
    uint64_t head_seen;
    uint64_t at; /* the next record to read */
    _Alignas(CACHE_LINE) uint8_t *bytes;
    uint64_t size; /* a power of two */
};

/* `size` in bytes is rounded up to a power of two of at least 4096. Caller's storage. */
bool ring_init(struct ring *r, size_t size, struct imw_error_info *err) IMW_MUST_USE;
void ring_fini(struct ring *r);

/* ---- the producer ---- */

/* Room for a record of `size` bytes (at most half the ring), eight-aligned, valid until ring_commit(). NULL:
 * full; counted. */
void *ring_reserve(struct ring *r, size_t size);
/* At least half of it is free, so that a record of any size has room; nothing is counted. */
bool ring_has_room(struct ring *r);
/* What was reserved is written and may be read by the other side. */
void ring_commit(struct ring *r);

/* ---- the consumer ---- */

/* The next record, or NULL; borrowed until ring_release(). Several may be taken before. */
const void *ring_next(struct ring *r);
/* All records taken so far are done with. */
void ring_release(struct ring *r);

/* ---- any thread ---- */

/* Bytes put so far; and: are all of them released? */
uint64_t ring_mark(const struct ring *r);
bool ring_passed(const struct ring *r, uint64_t mark);
uint64_t ring_put(const struct ring *r);
uint64_t ring_lost(const struct ring *r);
