/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fast keyed hashing for tables that a stranger fills: 64 by 64 to 128 bit multiplication folded by exclusive
 * or (the construction of wyhash and its kin, public domain). Seed it at start so that collisions cannot be
 * prepared.
 */
#pragma once
#include "base/view.h"

__extension__ typedef unsigned __int128 hash_wide;

static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
    hash_wide product = (hash_wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_words(uint64_t a, uint64_t b, uint64_t seed)
{
    return hash_fold(a ^ seed ^ 0x9e3779b97f4a7c15u, b ^ 0xe7037ed1a0b428dbu ^ (seed << 32 | seed >> 32));
}

/* Any bytes. */
uint64_t hash_bytes(struct view v, uint64_t seed);
