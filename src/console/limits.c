/* SPDX-License-Identifier: Apache-2.0 */
/* Token buckets, in thousandths of a request, in sets of WAYS that a hash chooses. */
#include "console/limits.h"
#include "base/hash.h"
#include "base/log.h"
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

enum { SETS = 1024, WAYS = 8 };

struct bucket {
    uint64_t key; /* hash; 0: free */
    uint64_t at_ms;
    uint64_t left;
};

struct limits {
    pthread_mutex_t lock;
    uint64_t seed; /* nobody outside can make two hashes meet */
    struct bucket sets[SETS][WAYS];
};

static const struct {
    const char *name;
    uint64_t most, refill;
} kinds[] = {
#define X(id, name, most, refill) { name, most * 1000ull, refill },
    LIMITS(X)
#undef X
};

struct limits *limits_new(void)
{
    struct limits *l = calloc(1, sizeof *l);

    if (l != NULL && getrandom(&l->seed, sizeof l->seed, 0) != (ssize_t)sizeof l->seed) {
        free(l);
        return NULL;
    }
    if (l != NULL)
        pthread_mutex_init(&l->lock, NULL);
    return l;
}

void limits_free(struct limits *l)
{
    free(l);
}

/* The bucket of this key; a new one takes the place of the one that was left alone longest. */
static struct bucket *bucket_find(struct bucket *set, uint64_t key, uint64_t most, uint64_t now_ms)
{
    struct bucket *oldest = &set[0];

    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].key == key)
            return &set[i];
        if (set[i].at_ms < oldest->at_ms)
            oldest = &set[i];
    }
    *oldest = (struct bucket){ key, now_ms, most };
    return oldest;
}

bool limits_take(struct limits *l, enum limit kind, struct view who, uint64_t now_ms, unsigned *out_retry_s)
{
    const uint64_t most = kinds[kind].most, refill = kinds[kind].refill;

    if (l == NULL)
        return true;
    uint64_t key = hash_bytes(who, l->seed + (uint64_t)kind) | 1;
    pthread_mutex_lock(&l->lock);
    struct bucket *b = bucket_find(l->sets[(key >> 32) % SETS], key, most, now_ms);
    uint64_t passed_ms = now_ms > b->at_ms ? now_ms - b->at_ms : 0;
    uint64_t more = passed_ms > 3600000 ? most : passed_ms * refill / 1000;
    b->left = b->left + more > most ? most : b->left + more;
    b->at_ms = more > 0 || passed_ms == 0 ? now_ms : b->at_ms;
    bool ok = b->left >= 1000;
    if (ok)
        b->left -= 1000;
    else
        *out_retry_s = (unsigned)((1000 - b->left + refill - 1) / refill) + (refill == 0);
    pthread_mutex_unlock(&l->lock);
    if (!ok)
        log_warning("rate_limit", "%s: over the limit, told to come again in %u s", kinds[kind].name,
                    *out_retry_s);
    return ok;
}
