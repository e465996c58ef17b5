/* SPDX-License-Identifier: Apache-2.0 */
/* Messages put together field by field, so that lengths in fixtures are always right. */
#pragma once
#include "base/view.h"
#include "test.h"

struct build {
    uint8_t at[20000];
    size_t len;
};

static inline struct view built(const struct build *b)
{
    return view_of(b->at, b->len);
}

static inline void put(struct build *b, struct view v)
{
    assert_true(b->len + v.len <= sizeof b->at);
    memcpy(b->at + b->len, v.at, v.len);
    b->len += v.len;
}

static inline void put_text(struct build *b, const char *text)
{
    put(b, view_string(text));
}

static inline void put8(struct build *b, unsigned n)
{
    uint8_t octet = (uint8_t)n;
    put(b, view_of(&octet, 1));
}

static inline void put16(struct build *b, unsigned n)
{
    put8(b, n >> 8);
    put8(b, n & 0xff);
}

static inline void put32(struct build *b, uint32_t n)
{
    put16(b, n >> 16);
    put16(b, n & 0xffff);
}

static inline void put_le16(struct build *b, unsigned n)
{
    put8(b, n & 0xff);
    put8(b, n >> 8);
}

static inline void put_le32(struct build *b, uint32_t n)
{
    put_le16(b, n & 0xffff);
    put_le16(b, n >> 16);
}

static inline void put_le64(struct build *b, uint64_t n)
{
    put_le32(b, (uint32_t)n);
    put_le32(b, (uint32_t)(n >> 32));
}

static inline void put_zeros(struct build *b, size_t n)
{
    while (n-- > 0)
        put8(b, 0);
}

/* A block with its length in one octet in front. */
static inline void put_block8(struct build *b, const char *text)
{
    put8(b, (unsigned)strlen(text));
    put_text(b, text);
}

/* Type, length, value. */
static inline void put_tlv(struct build *b, unsigned type, struct view v)
{
    put16(b, type);
    put16(b, (unsigned)v.len);
    put(b, v);
}
