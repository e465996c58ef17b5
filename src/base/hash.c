/* SPDX-License-Identifier: Apache-2.0 */
/* Hashing of byte strings. */
#include "base/hash.h"

uint64_t hash_bytes(struct view v, uint64_t seed)
{
    uint64_t h = seed ^ v.len * 0x9e3779b97f4a7c15u;
    size_t at = 0;

    for (; at + 16 <= v.len; at += 16) {
        uint64_t w[2];
        memcpy(w, v.at + at, 16);
        h = hash_words(w[0], w[1], h);
    }
    uint64_t tail[2] = { 0, 0 };
    memcpy(tail, v.at + at, v.len - at);
    return hash_words(tail[0], tail[1], h);
}
