/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Octets of a capture that a test makes. Included behind the test's own `struct making`, which has at least
 * `bytes`, room for CAPTURE_BYTES, and `len`, how many are there.
 */
#pragma once
#include "base/view.h"
#include "test.h"

static inline void put(struct making *m, const void *bytes, size_t len)
{
    assert_true(m->len + len <= CAPTURE_BYTES);
    memcpy(m->bytes + m->len, bytes, len);
    m->len += len;
}

static inline void put_le32(struct making *m, uint64_t n)
{
    const uint8_t octets[4] = { (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), (uint8_t)(n >> 24) };

    put(m, octets, 4);
}

static inline void put16(struct making *m, uint32_t n)
{
    const uint8_t octets[2] = { (uint8_t)(n >> 8), (uint8_t)n };

    put(m, octets, 2);
}

static inline void put32(struct making *m, uint32_t n)
{
    put16(m, n >> 16);
    put16(m, n & 0xffff);
}
