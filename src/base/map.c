/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shared table: buckets of four entries, each entry sixteen words that are read and written atomically. A
 * word of tags, sixteen bits of each entry's hash, lies beside the sequence number, so that looking up what
 * is not there touches one cache line.
 */
#include "base/map.h"
#include "base/hash.h"
#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
    WAYS = 4,
    FILTER_WORDS = 1 << 10, /* 8 KiB: stays in the nearest cache */
    KEY_WORDS = MAP_KEY_BYTES / 8,
    VALUE_WORDS = MAP_VALUE_BYTES / 8,
    ENTRY_WORDS = 1 + 1 + KEY_WORDS + VALUE_WORDS, /* expiry, key length + 1, key, value */
};

struct bucket {
    _Atomic uint64_t sequence; /* odd: being written */
    _Atomic uint64_t tags;     /* by way, 16 bits each; 0: empty */
    _Atomic uint64_t words[WAYS][ENTRY_WORDS];
};

struct map {
    struct bucket *buckets;
    uint64_t mask, seed;
    atomic_bool used;
    _Atomic uint64_t filter[FILTER_WORDS]; /* a bit for each hash ever put: most look-ups end here */
};

struct entry {
    uint64_t expiry_us, key_len;
    uint64_t key[KEY_WORDS], value[VALUE_WORDS];
};
_Static_assert(sizeof(struct entry) == ENTRY_WORDS * 8, "an entry is its words");

struct map *map_new(uint32_t entries, uint64_t seed)
{
    struct map *m = calloc(1, sizeof *m);
    uint64_t count = 1;

    while (count * WAYS < entries)
        count *= 2;
    if (m == NULL)
        return NULL;
    void *p = mmap(NULL, count * sizeof(struct bucket), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        free(m);
        return NULL;
    }
    m->buckets = p;
    m->mask = count - 1;
    m->seed = seed;
    return m;
}

void map_free(struct map *m)
{
    if (m == NULL)
        return;
    munmap(m->buckets, (m->mask + 1) * sizeof(struct bucket));
    free(m);
}

void map_clear(struct map *m)
{
    if (!atomic_load_explicit(&m->used, memory_order_relaxed))
        return;
    (void)madvise(m->buckets, (m->mask + 1) * sizeof(struct bucket), MADV_DONTNEED); /* reads as zero again */
    for (unsigned i = 0; i < FILTER_WORDS; i++)
        atomic_store_explicit(&m->filter[i], 0, memory_order_relaxed);
    atomic_store(&m->used, false);
}

bool map_is_empty(const struct map *m)
{
    return !atomic_load_explicit(&m->used, memory_order_relaxed);
}

/* Bits of the hash that choose neither bucket nor tag. */
static bool filter_has(const struct map *m, uint64_t hash)
{
    uint64_t word = atomic_load_explicit(&m->filter[hash >> 26 & (FILTER_WORDS - 1)], memory_order_relaxed);

    return (word >> (hash >> 36 & 63) & 1) != 0;
}

static void filter_add(struct map *m, uint64_t hash)
{
    if (!filter_has(m, hash)) /* no write to a line that others read, as long as it can be helped */
        atomic_fetch_or_explicit(&m->filter[hash >> 26 & (FILTER_WORDS - 1)],
                                 (uint64_t)1 << (hash >> 36 & 63), memory_order_relaxed);
}

static uint64_t tag_of(uint64_t hash)
{
    return hash >> 48 | 1; /* never 0 */
}

static void entry_load(const struct bucket *b, unsigned way, struct entry *out)
{
    uint64_t words[ENTRY_WORDS];

    for (unsigned i = 0; i < ENTRY_WORDS; i++)
        words[i] = atomic_load_explicit(&b->words[way][i], memory_order_relaxed);
    memcpy(out, words, sizeof *out);
}

static void entry_store(struct bucket *b, unsigned way, const struct entry *e)
{
    uint64_t words[ENTRY_WORDS];

    memcpy(words, e, sizeof words);
    for (unsigned i = 0; i < ENTRY_WORDS; i++)
        atomic_store_explicit(&b->words[way][i], words[i], memory_order_relaxed);
}

/* The same, without copying an entry that is not it. */
static bool word_is(const struct bucket *b, unsigned way, struct view key)
{
    uint64_t words[KEY_WORDS] = { 0 };

    if (atomic_load_explicit(&b->words[way][1], memory_order_relaxed) != key.len + 1)
        return false;
    for (unsigned i = 0; i < (key.len + 7) / 8; i++)
        words[i] = atomic_load_explicit(&b->words[way][2 + i], memory_order_relaxed);
    return memcmp(words, key.at, key.len) == 0;
}

static bool entry_is(const struct entry *e, struct view key)
{
    return e->key_len == key.len + 1 && memcmp(e->key, key.at, key.len) == 0;
}

void map_put(struct map *m, struct view key, struct view value, uint64_t now_us, uint64_t expiry_us)
{
    uint64_t hash = hash_bytes(key, m->seed);
    struct bucket *b = &m->buckets[hash & m->mask];
    struct entry fresh = { .expiry_us = expiry_us, .key_len = key.len + 1 }, old;
    uint64_t sequence = atomic_load_explicit(&b->sequence, memory_order_relaxed), soonest = UINT64_MAX;
    unsigned victim = 0;

    assert(key.len <= MAP_KEY_BYTES && value.len <= MAP_VALUE_BYTES);
    memcpy(fresh.key, key.at, key.len);
    memcpy(fresh.value, value.at, value.len);
    do {
        sequence &= ~(uint64_t)1; /* wait until even */
    } while (!atomic_compare_exchange_weak_explicit(&b->sequence, &sequence, sequence + 1,
                                                    memory_order_acquire, memory_order_relaxed));
    atomic_thread_fence(memory_order_release);
    for (unsigned way = 0; way < WAYS; way++) {
        entry_load(b, way, &old);
        if (entry_is(&old, key)) {
            victim = way;
            break;
        }
        uint64_t expiry = old.key_len == 0 || old.expiry_us < now_us ? 0 : old.expiry_us;
        if (expiry < soonest) {
            soonest = expiry;
            victim = way;
        }
    }
    entry_store(b, victim, &fresh);
    uint64_t tags = atomic_load_explicit(&b->tags, memory_order_relaxed) & ~((uint64_t)0xffff << victim * 16);
    atomic_store_explicit(&b->tags, tags | tag_of(hash) << victim * 16, memory_order_relaxed);
    atomic_store_explicit(&b->sequence, sequence + 2, memory_order_release);
    filter_add(m, hash);
    atomic_store_explicit(&m->used, true, memory_order_relaxed);
}

bool map_get(const struct map *m, struct view key, uint64_t now_us, uint8_t out[MAP_VALUE_BYTES])
{
    uint64_t hash = hash_bytes(key, m->seed), tag = tag_of(hash);
    const struct bucket *b = &m->buckets[hash & m->mask];
    struct entry e;

    assert(key.len <= MAP_KEY_BYTES);
    if (!filter_has(m, hash))
        return false;
    for (;;) {
        uint64_t before = atomic_load_explicit(&b->sequence, memory_order_acquire);
        uint64_t tags = atomic_load_explicit(&b->tags, memory_order_relaxed);
        bool found = false;

        for (unsigned way = 0; way < WAYS && !found; way++) {
            if ((tags >> way * 16 & 0xffff) != tag || !word_is(b, way, key))
                continue;
            entry_load(b, way, &e);
            found = e.expiry_us >= now_us;
        }
        atomic_thread_fence(memory_order_acquire);
        if ((before & 1) == 0 && atomic_load_explicit(&b->sequence, memory_order_relaxed) == before) {
            if (found)
                memcpy(out, e.value, MAP_VALUE_BYTES);
            return found;
        }
    }
}
