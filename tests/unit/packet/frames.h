/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames for tests, built from the inside to the outside: a payload first, then each wrap_ function puts a
 * header before what is there, with the lengths that fit.
 */
#pragma once
#include "base/view.h"
#include <assert.h>

enum { BUILD_BYTES = 80000 };

struct build {
    size_t at; /* the bytes from here to the end are the frame */
    uint8_t bytes[BUILD_BYTES];
};

static inline void build_start(struct build *b, struct view payload)
{
    b->at = BUILD_BYTES - payload.len;
    memcpy(b->bytes + b->at, payload.at, payload.len);
}

static inline struct view build_view(const struct build *b)
{
    return view_of(b->bytes + b->at, BUILD_BYTES - b->at);
}

static inline size_t build_len(const struct build *b)
{
    return BUILD_BYTES - b->at;
}

static inline void wrap(struct build *b, const void *bytes, size_t len)
{
    assert(len <= b->at);
    b->at -= len;
    memcpy(b->bytes + b->at, bytes, len);
}

/* A string literal before it. */
#define WRAP(b, literal) wrap((b), (literal), sizeof(literal) - 1)

static inline void wrap16(struct build *b, size_t n)
{
    uint8_t octets[2] = { (uint8_t)(n >> 8), (uint8_t)n };

    wrap(b, octets, 2);
}

static inline void wrap32(struct build *b, size_t n)
{
    wrap16(b, n & 0xffff);
    wrap16(b, n >> 16);
}

static inline void wrap_le16(struct build *b, size_t n)
{
    uint8_t octets[2] = { (uint8_t)n, (uint8_t)(n >> 8) };

    wrap(b, octets, 2);
}

static inline void wrap_le32(struct build *b, size_t n)
{
    wrap_le16(b, n >> 16);
    wrap_le16(b, n & 0xffff);
}

/* Bytes behind the frame. */
static inline void append(struct build *b, struct view tail)
{
    assert(tail.len <= b->at);
    memmove(b->bytes + b->at - tail.len, b->bytes + b->at, build_len(b));
    b->at -= tail.len;
    memcpy(b->bytes + BUILD_BYTES - tail.len, tail.at, tail.len);
}

static inline void wrap_udp(struct build *b, uint16_t src, uint16_t dst)
{
    wrap16(b, 0);
    wrap16(b, build_len(b) - 2 + 8);
    wrap16(b, dst);
    wrap16(b, src);
}

/* With 12 octets of options; PSH and ACK; sequence 0x01020304, acknowledgement 0x05060708. */
static inline void wrap_tcp(struct build *b, uint16_t src, uint16_t dst)
{
    WRAP(b, "\x01\x02\x03\x04\x05\x06\x07\x08\x80\x18\x20\x00\x00\x00\x00\x00"
            "\x01\x01\x08\x0a\x00\x00\x00\x01\x00\x00\x00\x02");
    wrap16(b, dst);
    wrap16(b, src);
}

/* `fragmentation`: the field with flags and offset. */
static inline void wrap_ipv4_part(struct build *b, uint8_t protocol, const char *src, const char *dst,
                                  uint16_t id, uint16_t fragmentation)
{
    uint8_t ttl[2] = { 61, protocol };
    size_t total = build_len(b) + 20;

    wrap(b, dst, 4);
    wrap(b, src, 4);
    wrap16(b, 0);
    wrap(b, ttl, 2);
    wrap16(b, fragmentation);
    wrap16(b, id);
    wrap16(b, total);
    WRAP(b, "\x45\x00");
}

static inline void wrap_ipv4(struct build *b, uint8_t protocol, const char *src, const char *dst)
{
    wrap_ipv4_part(b, protocol, src, dst, 7, 0x4000);
}

static inline void wrap_ipv6(struct build *b, uint8_t next, const char *src, const char *dst)
{
    uint8_t hop[2] = { next, 62 };
    size_t payload = build_len(b);

    wrap(b, dst, 16);
    wrap(b, src, 16);
    wrap(b, hop, 2);
    wrap16(b, payload);
    WRAP(b, "\x60\x00\x00\x00");
}

static inline void wrap_ethernet(struct build *b, uint16_t type)
{
    wrap16(b, type);
    WRAP(b, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02");
}
