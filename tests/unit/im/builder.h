/* SPDX-License-Identifier: Apache-2.0 */
/* Byte fixtures built field by field, as the specification draws them. */
#pragma once
#include "decoys.h"

enum { BUILDER_BYTES = 1 << 16 };

struct builder {
    uint8_t bytes[BUILDER_BYTES];
    size_t len;
    uint64_t seed; /* of the random bytes; 0 stands for 1 */
};

static inline void build_view(struct builder *b, struct view v)
{
    assert_true(v.len <= sizeof b->bytes - b->len);
    memcpy(b->bytes + b->len, v.at, v.len);
    b->len += v.len;
}

#define build_bytes(b, literal) build_view((b), VIEW(literal))

static inline void build_be(struct builder *b, unsigned octets, uint64_t value)
{
    for (unsigned i = octets; i > 0; i--)
        build_view(b, view_of(&(uint8_t){ (uint8_t)(value >> 8 * (i - 1)) }, 1));
}

static inline void build_le(struct builder *b, unsigned octets, uint64_t value)
{
    for (unsigned i = 0; i < octets; i++)
        build_view(b, view_of(&(uint8_t){ (uint8_t)(value >> 8 * i) }, 1));
}

static inline void build_random(struct builder *b, size_t n)
{
    b->seed += b->seed == 0;
    assert_true(n <= sizeof b->bytes - b->len);
    decoy_fill(&b->seed, b->bytes + b->len, n);
    b->len += n;
}

static inline void build_zero(struct builder *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        build_be(b, 1, 0);
}

static inline struct view built(const struct builder *b)
{
    return view_of(b->bytes, b->len);
}

static inline struct step said(enum flow_dir from, const struct builder *b)
{
    return (struct step){ from, built(b) };
}
