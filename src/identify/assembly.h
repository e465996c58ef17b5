/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message put together from pieces that come in any order, repeated or overlapping: the handshake bytes of
 * QUIC and DTLS. Which bytes are there is a bit each, so that no number of small pieces is too many. Zeroed
 * is empty.
 */
#pragma once
#include "base/view.h"

enum { ASSEMBLY_BYTES = 5120 }; /* a ClientHello with post-quantum shares has about 1,800 */

struct assembly {
    uint32_t front; /* bytes from the beginning on that are all there */
    uint32_t end;   /* nothing is there from this one on */
    uint8_t bytes[ASSEMBLY_BYTES];
    uint8_t have[ASSEMBLY_BYTES / 8];
};

/* Lay down a piece. The first copy of a byte stays. False: some of it lies beyond the limit and was dropped.
 */
static inline bool assembly_add(struct assembly *a, uint64_t offset, struct view piece)
{
    size_t at = offset < ASSEMBLY_BYTES ? (size_t)offset : ASSEMBLY_BYTES;

    if (at == a->front && at == a->end) { /* the usual piece: behind all that is there */
        struct view fits = view_slice(piece, 0, ASSEMBLY_BYTES - at);
        memcpy(a->bytes + at, fits.at, fits.len);
        for (size_t i = at; i < at + fits.len;) {
            size_t bits = i % 8 == 0 && at + fits.len - i >= 8 ? 8 : 1;
            a->have[i / 8] |= (uint8_t)(bits == 8 ? 0xff : 1u << i % 8);
            i += bits;
        }
        a->front = a->end = (uint32_t)(at + fits.len);
        return fits.len == piece.len && offset <= ASSEMBLY_BYTES;
    }
    if (at + piece.len > a->end)
        a->end = (uint32_t)(at + piece.len < ASSEMBLY_BYTES ? at + piece.len : ASSEMBLY_BYTES);
    for (size_t i = 0; i < piece.len && at < ASSEMBLY_BYTES; i++, at++) {
        uint8_t bit = (uint8_t)(1u << at % 8);
        if ((a->have[at / 8] & bit) != 0)
            continue;
        a->have[at / 8] |= bit;
        a->bytes[at] = piece.at[i];
    }
    while (a->front < ASSEMBLY_BYTES && (a->have[a->front / 8] & 1u << a->front % 8) != 0)
        a->front++;
    return offset <= ASSEMBLY_BYTES && piece.len <= ASSEMBLY_BYTES - offset;
}

/* What is there without a hole, from the beginning. */
static inline struct view assembly_front(const struct assembly *a)
{
    return view_of(a->bytes, a->front);
}

static inline void assembly_clear(struct assembly *a)
{
    a->front = a->end = 0;
    memset(a->have, 0, sizeof a->have);
}
