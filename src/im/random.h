/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Do these bytes look encrypted? A cheap filter in front of costlier proofs, never evidence by itself. Text has
 * no byte above 0x7f, structured binary repeats few values; random bytes do neither.
 */
#pragma once
#include "base/view.h"

/* True for random bytes but once in some ten thousand times; for 16 to 64 bytes. */
static inline bool looks_random(struct view v)
{
    uint64_t seen[4] = { 0 };
    size_t different = 0, high = 0;

    for (size_t i = 0; i < v.len; i++) {
        uint64_t bit = (uint64_t)1 << (v.at[i] & 63);
        different += (seen[v.at[i] >> 6] & bit) == 0;
        seen[v.at[i] >> 6] |= bit;
        high += v.at[i] >> 7;
    }
    return different * 3 >= v.len * 2 && high * 8 >= v.len;
}
