/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of fixed size that workers share: small keys to small values, each with an expiry. Readers take no
 * lock: a bucket carries a sequence number that is odd while it is being written, and a reader that met a
 * writer reads again. Writers of one bucket take turns. A full bucket gives up the entry that expires first,
 * so that memory is bounded and the oldest knowledge goes first.
 *
 * Time is the caller's, in microseconds; an entry whose expiry has passed is not found.
 */
#pragma once
#include "base/error.h"

enum {
    MAP_KEY_BYTES = 32,
    MAP_VALUE_BYTES = 80,
};

struct map;

/* `entries` is rounded up to a power of two; memory is touched only as entries come. NULL without memory. */
struct map *map_new(uint32_t entries, uint64_t seed);
void map_free(struct map *m);

/* Forget all entries. No other thread may use the map meanwhile. */
void map_clear(struct map *m);

/* Insert or replace. Keys up to MAP_KEY_BYTES, values up to MAP_VALUE_BYTES. */
void map_put(struct map *m, struct view key, struct view value, uint64_t now_us, uint64_t expiry_us);

/* Copy the value (MAP_VALUE_BYTES, zero-filled) of a key. False: not there, or expired. */
bool map_get(const struct map *m, struct view key, uint64_t now_us, uint8_t out[MAP_VALUE_BYTES]);

/* Nothing was ever put: a cheap test before look-ups that mostly fail. */
bool map_is_empty(const struct map *m);
