/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Do these bytes look encrypted? A cheap filter in front of costlier proofs, never evidence by itself. Text
 * has no byte above 0x7f, structured binary repeats few values; random bytes do neither.
 */
#pragma once
#include "base/cursor.h"

/* True for random bytes but once in some ten thousand times; for 16 to 64 bytes. */
static inline bool looks_random(struct view v)
{
    struct cursor c = cursor_open(v);
    uint64_t seen[4] = { 0 };
    size_t different = 0, high = 0;

    while (cursor_left(&c) > 0) {
        uint8_t byte = cursor_u8(&c);
        uint64_t bit = (uint64_t)1 << (byte & 63);
        different += (seen[byte >> 6] & bit) == 0;
        seen[byte >> 6] |= bit;
        high += byte >> 7;
    }
    return different * 3 >= v.len * 2 && high * 8 >= v.len;
}
