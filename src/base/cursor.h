/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checked window through which all received bytes are read. A read past the end gives zero (or an empty
 * view) and sets `bad`, which stays: read all fields, test once. An announced length opens a sub-cursor,
 * which must end used up (cursor_done) unless a comment says why not.
 */
#pragma once
#include "base/view.h"

struct cursor {
    const uint8_t *at, *end;
    bool bad;
};

static inline struct cursor cursor_open(struct view v)
{
    return (struct cursor){ v.at, v.at + v.len, false };
}

/* Bytes not read yet. */
static inline size_t cursor_left(const struct cursor *c)
{
    return c->bad ? 0 : (size_t)(c->end - c->at);
}

/* All read, and nothing read past the end. */
static inline bool cursor_done(const struct cursor *c)
{
    return !c->bad && c->at == c->end;
}

/* Take the next `n` bytes, or an empty view and `bad`. */
static inline struct view cursor_take(struct cursor *c, size_t n)
{
    if (c->bad || n > (size_t)(c->end - c->at)) {
        c->bad = true;
        return (struct view){ c->end, 0 };
    }
    struct view v = { c->at, n };
    c->at += n;
    return v;
}

/* Take all that is left. */
static inline struct view cursor_rest(struct cursor *c)
{
    return cursor_take(c, cursor_left(c));
}

/* What is left, without moving. */
static inline struct view cursor_peek(const struct cursor *c)
{
    return (struct view){ c->at, cursor_left(c) };
}

static inline void cursor_skip(struct cursor *c, size_t n)
{
    (void)cursor_take(c, n);
}

/* Skip all octets of this value that come next. */
static inline void cursor_skip_run(struct cursor *c, uint8_t octet)
{
    const uint64_t eight = octet * (uint64_t)0x0101010101010101u;
    uint64_t word = eight;

    while (!c->bad && (size_t)(c->end - c->at) >= sizeof word) {
        memcpy(&word, c->at, sizeof word);
        if (word != eight)
            break;
        c->at += sizeof word;
    }
    while (!c->bad && c->at < c->end && *c->at == octet)
        c->at++;
}

/* Skip as many of *left bytes as are there, and count them off: for what is longer than the bytes at hand. */
static inline void cursor_drain(struct cursor *c, uint32_t *left)
{
    size_t n = cursor_left(c) < *left ? cursor_left(c) : *left;
    cursor_skip(c, n);
    *left -= (uint32_t)n;
}

/* A sub-cursor over the next `n` bytes, which are used up; bad when they are not there. */
static inline struct cursor cursor_sub(struct cursor *c, size_t n)
{
    struct view v = cursor_take(c, n);
    return (struct cursor){ v.at, v.at + v.len, c->bad };
}

static inline uint8_t cursor_u8(struct cursor *c)
{
    struct view v = cursor_take(c, 1);
    return v.len == 1 ? v.at[0] : 0;
}

static inline uint16_t cursor_u16(struct cursor *c)
{
    struct view v = cursor_take(c, 2);
    uint32_t n = v.len == 2 ? (uint32_t)v.at[0] << 8 | v.at[1] : 0;
    return (uint16_t)n;
}

static inline uint32_t cursor_u24(struct cursor *c)
{
    struct view v = cursor_take(c, 3);
    return v.len == 3 ? (uint32_t)v.at[0] << 16 | (uint32_t)v.at[1] << 8 | v.at[2] : 0;
}

static inline uint32_t cursor_u32(struct cursor *c)
{
    struct view v = cursor_take(c, 4);
    return v.len == 4 ? (uint32_t)v.at[0] << 24 | (uint32_t)v.at[1] << 16 | (uint32_t)v.at[2] << 8 | v.at[3]
                      : 0;
}

static inline uint64_t cursor_u64(struct cursor *c)
{
    uint64_t high = cursor_u32(c);
    uint64_t low = cursor_u32(c);
    return c->bad ? 0 : high << 32 | low;
}

static inline uint16_t cursor_le16(struct cursor *c)
{
    struct view v = cursor_take(c, 2);
    uint32_t n = v.len == 2 ? (uint32_t)v.at[1] << 8 | v.at[0] : 0;
    return (uint16_t)n;
}

static inline uint32_t cursor_le32(struct cursor *c)
{
    struct view v = cursor_take(c, 4);
    return v.len == 4 ? (uint32_t)v.at[3] << 24 | (uint32_t)v.at[2] << 16 | (uint32_t)v.at[1] << 8 | v.at[0]
                      : 0;
}

static inline uint64_t cursor_le64(struct cursor *c)
{
    uint64_t low = cursor_le32(c);
    uint64_t high = cursor_le32(c);
    return c->bad ? 0 : high << 32 | low;
}

/* Sub-cursors over a block that starts with its length in 1, 2 or 3 octets. */
static inline struct cursor cursor_block8(struct cursor *c)
{
    return cursor_sub(c, cursor_u8(c));
}

static inline struct cursor cursor_block16(struct cursor *c)
{
    return cursor_sub(c, cursor_u16(c));
}

static inline struct cursor cursor_block24(struct cursor *c)
{
    return cursor_sub(c, cursor_u24(c));
}
