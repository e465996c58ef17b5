/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resets from beside.
 *
 * A limit is one number, the time at which all that was let through will have been paid for (the generic cell
 * rate algorithm of ITU-T I.371): a reset costs a second divided by the limit, and is let through while the
 * debt is at most a second. Clients' numbers lie in a table of fixed size, by a hash that is seeded, four
 * places to a row; a new client takes the place whose debt is paid for longest, so that who is busy stays
 * limited.
 */
#include "enforce/passive.h"
#include "base/hash.h"
#include "enforce/forge.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>

enum {
    ROWS = 2048,
    WAYS = 4,
    SECOND_US = 1000000,
    USUAL_MOST = 1000,
    USUAL_OF_CLIENT = 100,
    LIMIT_MOST = 100000,
};

struct client {
    _Atomic uint64_t key; /* hash of the address; 0: free */
    _Atomic uint64_t paid_us;
};

struct passive {
    struct passive_config config;
    uint64_t seed;
    struct passive_network never[PASSIVE_NETWORKS];
    _Atomic uint64_t paid_us;
    _Atomic uint64_t resets, packets, protected, limited, limited_client, failed;
    struct client clients[ROWS][WAYS];
};

bool passive_new(const struct passive_config *config, struct passive **out, struct imw_error_info *err)
{
    if (config->never_count > PASSIVE_NETWORKS)
        return error_set(err, IMW_ERROR_LIMIT, "%u networks that are never reset: at most %d",
                         config->never_count, PASSIVE_NETWORKS);
    if (config->most > LIMIT_MOST || config->most_of_client > LIMIT_MOST)
        return error_set(err, IMW_ERROR_VALUE, "resets a second: at most %d", LIMIT_MOST);
    struct passive *p = calloc(1, sizeof *p);
    if (p == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the limits of resets");
    if (getrandom(&p->seed, sizeof p->seed, 0) != (ssize_t)sizeof p->seed) {
        free(p);
        return error_errno(err, "random numbers");
    }
    p->config = *config;
    if (p->config.most == 0)
        p->config.most = USUAL_MOST;
    if (p->config.most_of_client == 0)
        p->config.most_of_client = USUAL_OF_CLIENT;
    for (unsigned i = 0; i < config->never_count; i++)
        p->never[i] = config->never[i];
    p->config.never = p->never;
    *out = p;
    return true;
}

void passive_free(struct passive *p)
{
    free(p);
}

static void add(_Atomic uint64_t *n, uint64_t more)
{
    atomic_fetch_add_explicit(n, more, memory_order_relaxed);
}

/* ---- limits ---- */

/* May one more go, at `most` a second? */
static bool take(_Atomic uint64_t *paid_us, uint64_t now_us, uint32_t most)
{
    uint64_t old = atomic_load_explicit(paid_us, memory_order_relaxed), next;

    do {
        /* A debt of more than it can come to was made before the clock was set back. */
        uint64_t from = old > now_us && old - now_us <= SECOND_US ? old : now_us;
        next = from + SECOND_US / most;
        if (next > now_us + SECOND_US)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(paid_us, &old, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

static _Atomic uint64_t *limit_of(struct passive *p, const struct ip_addr *client)
{
    uint64_t key = hash_words(client->word[0], client->word[1], p->seed) | 1;
    struct client *row = p->clients[key >> 32 & (ROWS - 1)], *least = row;

    for (unsigned i = 0; i < WAYS; i++) {
        if (atomic_load_explicit(&row[i].key, memory_order_relaxed) == key)
            return &row[i].paid_us;
        if (atomic_load_explicit(&row[i].paid_us, memory_order_relaxed) <
            atomic_load_explicit(&least->paid_us, memory_order_relaxed))
            least = &row[i];
    }
    /* Two threads may do so at once: then two clients share a limit for a while. */
    atomic_store_explicit(&least->key, key, memory_order_relaxed);
    atomic_store_explicit(&least->paid_us, 0, memory_order_relaxed);
    return &least->paid_us;
}

static bool is_protected(const struct passive *p, const struct packet *seen)
{
    for (unsigned i = 0; i < p->config.never_count; i++)
        if (ip_in_network(&seen->src, &p->never[i].addr, p->never[i].bits) ||
            ip_in_network(&seen->dst, &p->never[i].addr, p->never[i].bits))
            return true;
    return false;
}

/* ---- resets ---- */

static bool send_one(struct passive *p, const struct packet *seen, enum forge_way way, bool reached)
{
    const struct passive_config *c = &p->config;
    uint8_t made[FORGE_BYTES];
    struct view ip = view_of(made, forge_reset(seen, way, reached, made));

    return c->ifindex == 0 ? inject_routed(&c->inject, ip) : inject_on(&c->inject, c->ifindex, c->to, ip);
}

static unsigned send_all(struct passive *p, const struct packet *seen)
{
    struct packet ahead = *seen; /* one more like it, from either end */
    unsigned sent = 0;

    /* First to the sender: it is he who would go on. */
    sent += send_one(p, seen, FORGE_TO_SENDER, true);
    if (seen->payload_len == 0)
        return sent + send_one(p, seen, FORGE_TO_RECEIVER, true);
    sent += send_one(p, seen, FORGE_TO_RECEIVER, false);
    sent += send_one(p, seen, FORGE_TO_RECEIVER, true);
    ahead.seq += seen->payload_len;
    ahead.ack += seen->payload_len;
    sent += send_one(p, &ahead, FORGE_TO_RECEIVER, true);
    sent += send_one(p, &ahead, FORGE_TO_SENDER, true);
    return sent;
}

enum passive_answer passive_reset(struct passive *p, const struct packet *seen, const struct ip_addr *client)
{
    uint8_t made[FORGE_BYTES];

    if (is_protected(p, seen)) {
        add(&p->protected, 1);
        return PASSIVE_PROTECTED;
    }
    if (forge_reset(seen, FORGE_TO_SENDER, true, made) == 0)
        return PASSIVE_NONE;
    if (!take(limit_of(p, client), seen->time_us, p->config.most_of_client)) {
        add(&p->limited_client, 1);
        return PASSIVE_LIMITED;
    }
    if (!take(&p->paid_us, seen->time_us, p->config.most)) {
        add(&p->limited, 1);
        return PASSIVE_LIMITED;
    }
    unsigned sent = p->config.dry_run ? 0 : send_all(p, seen);
    if (sent == 0 && !p->config.dry_run) {
        add(&p->failed, 1);
        return PASSIVE_FAILED;
    }
    add(&p->resets, 1);
    add(&p->packets, sent);
    return PASSIVE_DONE;
}

void passive_counters(const struct passive *p, struct passive_counters *out)
{
    *out = (struct passive_counters){
        .resets = atomic_load_explicit(&p->resets, memory_order_relaxed),
        .packets = atomic_load_explicit(&p->packets, memory_order_relaxed),
        .protected = atomic_load_explicit(&p->protected, memory_order_relaxed),
        .limited = atomic_load_explicit(&p->limited, memory_order_relaxed),
        .limited_client = atomic_load_explicit(&p->limited_client, memory_order_relaxed),
        .failed = atomic_load_explicit(&p->failed, memory_order_relaxed),
    };
}
