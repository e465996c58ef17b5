/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow table of one worker.
 *
 * Entries lie in a slab of two cache lines each; an open-addressing index of (hash, handle) pairs, half empty
 * at most, finds them, so that a look-up costs one miss in the index and one in the entry, and both can be
 * fetched ahead. The index doubles when it is half full. Deletion shifts the following pairs back, so there
 * are no tombstones and look-ups stay short however many flows came and went.
 *
 * Timers: a wheel of one-second slots. A flow sits in one slot's list; when the slot comes up, the flow is
 * ended if it was idle long enough, else it goes to the slot of its next check. Packets never touch the
 * wheel.
 */
#include "base/hash.h"
#include "flow/flow.h"
#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
    WHEEL_SLOTS = 64,   /* seconds; a power of two */
    CHECK_AFTER_S = 16, /* how long a closed flow may wait for its check */
    INDEX_SLOTS_MIN = 4096,
    EVICT_SAMPLE = 16,        /* one of so many is ended when the table is full */
    EPOCH_BEFORE_S = 1 << 16, /* so far before the first packet, as captures are not always in order */
    EPOCH_MOVES_S = 1 << 21,  /* 24 days: the epoch moves, since a flow's time is 32 bits of ms, */
    EPOCH_KEEPS_S = 1 << 20,  /* to so much before now; a multiple of the wheel */
};

struct index_slot {
    uint32_t hash;
    uint32_t handle; /* 0: empty */
};

struct flow_table {
    struct slab flows;
    struct index_slot *slots;
    uint32_t mask; /* slots - 1 */
    uint32_t evict_hand;
    uint64_t epoch_us; /* time of last_ms 0; set by the first packet */
    uint32_t now_s;    /* seconds since the epoch up to which timers ran */
    uint32_t wheel[WHEEL_SLOTS];
    struct flow_table_config config;
    struct counters *counters;
    flow_ended *ended;
    void *context;
};

static struct index_slot *slots_new(size_t count)
{
    void *p = mmap(NULL, count * sizeof(struct index_slot), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        return NULL;
    (void)madvise(p, count * sizeof(struct index_slot), MADV_HUGEPAGE);
    return p;
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

bool flow_table_new(const struct flow_table_config *config, struct counters *counters, flow_ended *ended,
                    void *context, struct flow_table **out, struct imw_error_info *err)
{
    struct flow_table *t = calloc(1, sizeof *t);

    if (t == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the flow table");
    t->config = (struct flow_table_config){
        .max_flows = or_default(config->max_flows, 1000000),
        .tcp_idle_s = or_default(config->tcp_idle_s, 3600),
        .opening_idle_s = or_default(config->opening_idle_s, 60),
        .udp_idle_s = or_default(config->udp_idle_s, 180),
        .closed_s = or_default(config->closed_s, 10),
        .refresh = config->refresh,
        .refresh_late = config->refresh_late,
    };
    t->counters = counters;
    t->ended = ended;
    t->context = context;
    t->mask = INDEX_SLOTS_MIN - 1;
    t->slots = slots_new(INDEX_SLOTS_MIN);
    if (t->slots == NULL || !slab_init(&t->flows, sizeof(struct flow), t->config.max_flows, err)) {
        flow_table_free(t);
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the flow table");
    }
    slab_use_huge_pages(&t->flows);
    *out = t;
    return true;
}

void flow_table_free(struct flow_table *t)
{
    if (t == NULL)
        return;
    if (t->slots != NULL)
        munmap(t->slots, ((size_t)t->mask + 1) * sizeof *t->slots);
    slab_fini(&t->flows);
    free(t);
}

static uint64_t endpoint_hash(const struct ip_addr *a, uint16_t port, uint64_t seed)
{
    return hash_words(a->word[0] ^ (uint64_t)port << 48, a->word[1] + port, seed);
}

uint32_t flow_hash(const struct packet *p, uint64_t seed)
{
    const uint64_t mixed = seed ^ 0x5851f42d4c957f2du;
    /* The sum of the ends' hashes does not depend on their order; the product spreads it over all bits. */
    uint64_t sum = endpoint_hash(&p->src, p->src_port, mixed) + endpoint_hash(&p->dst, p->dst_port, mixed);

    return (uint32_t)(hash_fold(sum ^ p->l4, 0x9fb21c651e98df25u) >> 16);
}

static struct flow *flow_at(const struct flow_table *t, uint32_t handle)
{
    return slab_at(&t->flows, handle);
}

void flow_table_prefetch(const struct flow_table *t, uint32_t hash)
{
    __builtin_prefetch(&t->slots[hash & t->mask]);
}

void flow_table_prefetch_entry(const struct flow_table *t, uint32_t hash)
{
    const struct index_slot *slot = &t->slots[hash & t->mask];

    if (slot->handle != 0) {
        const struct flow *f = flow_at(t, slot->handle);
        __builtin_prefetch(f, 1);
        __builtin_prefetch(&f->bytes, 1);
    }
}

const struct flow *flow_table_peek(const struct flow_table *t, uint32_t hash)
{
    const struct index_slot *slot = &t->slots[hash & t->mask];

    return slot->handle != 0 ? flow_at(t, slot->handle) : NULL;
}

/* ---- index ---- */

static void index_insert(struct index_slot *slots, uint32_t mask, uint32_t hash, uint32_t handle)
{
    uint32_t i = hash & mask;

    while (slots[i].handle != 0)
        i = (i + 1) & mask;
    slots[i] = (struct index_slot){ hash, handle };
}

/* Doubling fails only without memory; the table then goes on fuller than it likes, and is never entirely
 * full. */
static void index_grow(struct flow_table *t)
{
    size_t count = (size_t)t->mask + 1;
    struct index_slot *bigger = slots_new(count * 2);

    if (bigger == NULL)
        return;
    for (size_t i = 0; i < count; i++)
        if (t->slots[i].handle != 0)
            index_insert(bigger, (uint32_t)(count * 2 - 1), t->slots[i].hash, t->slots[i].handle);
    munmap(t->slots, count * sizeof *t->slots);
    t->slots = bigger;
    t->mask = (uint32_t)(count * 2 - 1);
}

static void index_remove(struct flow_table *t, uint32_t hash, uint32_t handle)
{
    uint32_t hole = hash & t->mask;

    while (t->slots[hole].handle != handle)
        hole = (hole + 1) & t->mask;
    for (uint32_t i = (hole + 1) & t->mask; t->slots[i].handle != 0; i = (i + 1) & t->mask) {
        uint32_t home = t->slots[i].hash & t->mask;
        /* The pair may move back unless its home lies after the hole. */
        if (((i - home) & t->mask) >= ((i - hole) & t->mask)) {
            t->slots[hole] = t->slots[i];
            hole = i;
        }
    }
    t->slots[hole].handle = 0;
}

/* ---- timers ---- */

static uint64_t since_epoch_ms(const struct flow_table *t, uint64_t time_us)
{
    return time_us > t->epoch_us ? (time_us - t->epoch_us) / 1000 : 0;
}

static void wheel_add(struct flow_table *t, uint32_t handle, uint32_t due_s)
{
    uint32_t soonest = t->now_s + 1, latest = t->now_s + WHEEL_SLOTS - 1;
    uint32_t at = due_s < soonest ? soonest : due_s > latest ? latest : due_s;
    uint32_t *slot = &t->wheel[at % WHEEL_SLOTS];

    flow_at(t, handle)->wheel_next = *slot;
    *slot = handle;
}

static bool is_closed(const struct flow *f)
{
    return (f->flags & FLOW_RST) != 0 ||
           (f->flags & (FLOW_FIN_CLIENT | FLOW_FIN_SERVER)) == (FLOW_FIN_CLIENT | FLOW_FIN_SERVER);
}

static uint32_t idle_limit_s(const struct flow_table *t, const struct flow *f)
{
    if (is_closed(f))
        return t->config.closed_s;
    if (f->key.l4 == L4_TCP)
        return f->payload[0] + f->payload[1] > 0 ? t->config.tcp_idle_s : t->config.opening_idle_s;
    return f->packets[0] + f->packets[1] > 1 ? t->config.udp_idle_s : t->config.opening_idle_s;
}

/* End a flow whose handle is in no timer list any more. */
static void flow_drop(struct flow_table *t, uint32_t handle, enum flow_end why)
{
    struct flow *f = flow_at(t, handle);

    t->ended(t->context, f, why);
    index_remove(t, f->hash, handle);
    f->key.l4 = 0;
    slab_put(&t->flows, handle);
}

static void wheel_turn(struct flow_table *t, uint32_t second)
{
    uint32_t handle = t->wheel[second % WHEEL_SLOTS];

    t->wheel[second % WHEEL_SLOTS] = 0;
    while (handle != 0) {
        struct flow *f = flow_at(t, handle);
        if (f->bypassed && f->key.l4 != 0 && t->config.refresh != NULL &&
            (!t->config.refresh_late || second >= f->last_ms / 1000 + idle_limit_s(t, f)))
            t->config.refresh(t->context, f);
        uint32_t next = f->wheel_next, last_s = f->last_ms / 1000, limit_s = idle_limit_s(t, f);

        if (f->key.l4 == 0) {
            slab_put(&t->flows, handle); /* ended early; only its place in this list was left */
        } else if (second >= last_s && second - last_s >= limit_s) {
            flow_drop(t, handle, is_closed(f) ? FLOW_END_CLOSED : FLOW_END_IDLE);
        } else {
            uint32_t due_s = last_s + limit_s;
            wheel_add(t, handle, due_s < second + CHECK_AFTER_S ? due_s : second + CHECK_AFTER_S);
        }
        handle = next;
    }
}

void flow_table_advance(struct flow_table *t, uint64_t now_us)
{
    uint64_t ms = since_epoch_ms(t, now_us);
    uint32_t now_s = ms / 1000 < UINT32_MAX ? (uint32_t)(ms / 1000) : UINT32_MAX;

    if (t->epoch_us == 0 || now_s <= t->now_s) /* before the first packet there is nothing to count from */
        return;
    if (now_s - t->now_s > WHEEL_SLOTS)
        t->now_s = now_s - WHEEL_SLOTS; /* a pause in the capture: one turn looks at every flow */
    while (t->now_s < now_s) {
        t->now_s++;
        wheel_turn(t, t->now_s);
    }
}

/* Bring the epoch so near to `now_us` that times of flows fit their 32 bits. */
static void epoch_move(struct flow_table *t, uint64_t now_us)
{
    flow_table_advance(t, now_us);
    uint32_t by_s = (t->now_s - EPOCH_KEEPS_S) / WHEEL_SLOTS * WHEEL_SLOTS;
    for (uint32_t handle = 1; t->flows.used > 0 && handle < t->flows.fresh; handle++) {
        struct flow *f = flow_at(t, handle);
        uint64_t last_ms = f->last_ms, by_ms = (uint64_t)by_s * 1000;
        if (f->key.l4 != 0)
            f->last_ms = last_ms > by_ms ? (uint32_t)(last_ms - by_ms) : 0;
    }
    t->epoch_us += (uint64_t)by_s * 1000000;
    t->now_s -= by_s;
}

/* End a flow at once. It stays in its timer list, marked by l4 0, until its slot comes up. */
static void flow_end_now(struct flow_table *t, uint32_t handle, enum flow_end why)
{
    struct flow *f = flow_at(t, handle);

    t->ended(t->context, f, why);
    index_remove(t, f->hash, handle);
    f->key.l4 = 0;
}

void flow_table_flush(struct flow_table *t)
{
    for (uint32_t handle = 1; handle < t->flows.fresh; handle++)
        if (flow_at(t, handle)->key.l4 != 0)
            flow_end_now(t, handle, is_closed(flow_at(t, handle)) ? FLOW_END_CLOSED : FLOW_END_SHUTDOWN);
    memset(t->wheel, 0, sizeof t->wheel);
    t->flows.free_first = 0;
    t->flows.fresh = 1;
    t->flows.used = 0;
    t->epoch_us = 0; /* what comes next is of another time */
    t->now_s = 0;
}

void flow_table_visit(struct flow_table *t, void (*visit)(void *context, struct flow *f), void *context)
{
    for (uint32_t handle = 1; t->flows.used > 0 && handle < t->flows.fresh; handle++)
        if (flow_at(t, handle)->key.l4 != 0)
            visit(context, flow_at(t, handle));
}

void flow_seen(const struct flow_table *t, struct flow *f, uint64_t time_us)
{
    uint64_t ms = since_epoch_ms(t, time_us);

    if (ms > f->last_ms && ms <= UINT32_MAX)
        f->last_ms = (uint32_t)ms;
}

/* ---- find and make ---- */

/* What is not settled, as all of a SYN flood, goes first, and messaging that was found goes last. */
static unsigned worth(const struct flow *f)
{
    return f->service != 0 ? 2 : f->state == FLOW_SETTLED;
}

/* Is it less of a loss to end `a` than `b`? Of those of the same worth, what was idle for longer. */
static bool goes_before(const struct flow *a, const struct flow *b)
{
    return worth(a) != worth(b) ? worth(a) < worth(b) : a->last_ms < b->last_ms;
}

/*
 * End one of a sample of flows when the slab is used up, and return its entry. The entry stays in its timer
 * list, so the flow that takes it over is not added to another. Entries of flows that ended early and wait
 * for their slot (l4 0) are taken first.
 */
static uint32_t make_room(struct flow_table *t)
{
    uint32_t victim = 0;

    for (unsigned seen = 0; seen < EVICT_SAMPLE; seen++) {
        t->evict_hand = t->evict_hand + 1 < t->flows.fresh ? t->evict_hand + 1 : 1;
        const struct flow *f = flow_at(t, t->evict_hand);
        if (f->key.l4 == 0)
            return t->evict_hand;
        if (victim == 0 || goes_before(f, flow_at(t, victim)))
            victim = t->evict_hand;
    }
    count(t->counters, COUNT_FLOWS_EVICTED);
    flow_end_now(t, victim, FLOW_END_EVICTED);
    return victim;
}

/* Who opened the flow, when its first packet does not say (no SYN): the end on a server-like port serves. */
static bool sender_serves(const struct packet *p)
{
    if (p->l4 == L4_TCP && (p->tcp_flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
        return true;
    if (p->l4 == L4_TCP && (p->tcp_flags & TCP_SYN) != 0)
        return false;
    if (p->src_port < 1024)
        return p->dst_port >= 1024;
    return p->l4 == L4_TCP && p->dst_port >= 32768 && p->src_port < 10000;
}

static void flow_begin(struct flow_table *t, struct flow *f, const struct packet *p, uint32_t hash)
{
    enum flow_dir from = sender_serves(p) ? FROM_SERVER : FROM_CLIENT;
    uint32_t wheel_next = f->wheel_next;

    memset(f, 0, sizeof *f);
    f->wheel_next = wheel_next;
    f->key.addr[from] = p->src;
    f->key.addr[dir_other(from)] = p->dst;
    f->key.port[from] = p->src_port;
    f->key.port[dir_other(from)] = p->dst_port;
    f->key.l4 = p->l4;
    f->key.vlan[0] = (uint8_t)(p->vlan[0] >> 4);
    f->key.vlan[1] = (uint8_t)(p->vlan[0] << 4 | p->vlan[1] >> 8);
    f->key.vlan[2] = (uint8_t)p->vlan[1];
    f->hash = hash;
    f->first_us = p->time_us;
    if (p->l4 == L4_TCP && (p->tcp_flags & TCP_SYN) == 0) {
        f->flags |= FLOW_MIDSTREAM;
        count(t->counters, COUNT_STREAM_MIDSTREAM);
    }
    count(t->counters, COUNT_FLOWS);
}

static bool key_is(const struct flow_key *k, const struct packet *p, enum flow_dir *out_from)
{
    if (k->l4 != p->l4)
        return false;
    if (k->port[0] == p->src_port && k->port[1] == p->dst_port && ip_equal(&k->addr[0], &p->src) &&
        ip_equal(&k->addr[1], &p->dst)) {
        *out_from = FROM_CLIENT;
        return true;
    }
    if (k->port[1] == p->src_port && k->port[0] == p->dst_port && ip_equal(&k->addr[1], &p->src) &&
        ip_equal(&k->addr[0], &p->dst)) {
        *out_from = FROM_SERVER;
        return true;
    }
    return false;
}

static uint32_t index_find(const struct flow_table *t, const struct packet *p, uint32_t hash,
                           enum flow_dir *out_from)
{
    for (uint32_t i = hash & t->mask; t->slots[i].handle != 0; i = (i + 1) & t->mask)
        if (t->slots[i].hash == hash && key_is(&flow_at(t, t->slots[i].handle)->key, p, out_from))
            return t->slots[i].handle;
    return 0;
}

/*
 * Where the streams begin. The server's SYN tells its own start, and by its acknowledgement which of the
 * client's SYNs it took; a SYN that comes later or beside it (a stray, or a forged one meant to mislead)
 * changes nothing.
 */
static void flow_start(struct flow *f, const struct packet *p, enum flow_dir from)
{
    if ((f->flags & FLOW_SYN_ACK) != 0)
        return;
    f->start_seq[from] = p->seq + 1;
    if ((p->tcp_flags & TCP_ACK) == 0) {
        f->flags |= FLOW_SYN;
    } else {
        f->flags |= FLOW_SYN_ACK;
        f->start_seq[dir_other(from)] = p->ack;
    }
}

static void flow_update(struct flow_table *t, struct flow *f, const struct packet *p, enum flow_dir from)
{
    f->last_ms = (uint32_t)since_epoch_ms(t, p->time_us);
    f->packets[from]++;
    f->bytes[from] += p->wire_len;
    f->payload[from] += p->payload_len;
    if (p->l4 != L4_TCP)
        return;
    if ((p->tcp_flags & TCP_SYN) != 0)
        flow_start(f, p, from);
    if ((p->tcp_flags & TCP_FIN) != 0)
        f->flags |= from == FROM_CLIENT ? FLOW_FIN_CLIENT : FLOW_FIN_SERVER;
    if ((p->tcp_flags & TCP_RST) != 0)
        f->flags |= FLOW_RST;
}

static uint32_t flow_make(struct flow_table *t, const struct packet *p, uint32_t hash)
{
    if (t->flows.used > t->mask - t->mask / 8) /* there was no memory to grow: look-ups must still end */
        (void)make_room(t);

    uint32_t handle = slab_get(&t->flows);
    bool in_wheel = false;

    if (handle == 0) {
        handle = make_room(t);
        in_wheel = true;
    }
    struct flow *f = flow_at(t, handle);
    flow_begin(t, f, p, hash);
    if (t->flows.used > t->mask / 2)
        index_grow(t);
    index_insert(t->slots, t->mask, hash, handle);
    if (!in_wheel)
        wheel_add(t, handle, t->now_s + CHECK_AFTER_S);
    return handle;
}

struct flow *flow_table_find(struct flow_table *t, const struct packet *p, uint32_t hash,
                             enum flow_dir *out_dir, bool *out_new)
{
    if (t->epoch_us == 0)
        t->epoch_us =
            p->time_us / 1000000 > EPOCH_BEFORE_S /* whole seconds: the same times in every worker's table */
                ? (p->time_us / 1000000 - EPOCH_BEFORE_S) * 1000000
                : 1;
    if (since_epoch_ms(t, p->time_us) > (uint64_t)EPOCH_MOVES_S * 1000)
        epoch_move(t, p->time_us);
    bool opens = p->l4 == L4_TCP && (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
    uint32_t handle = index_find(t, p, hash, out_dir);

    if (handle != 0 && opens && is_closed(flow_at(t, handle))) {
        flow_end_now(t, handle, FLOW_END_REUSED);
        handle = 0;
    }
    *out_new = handle == 0;
    if (handle == 0) {
        handle = flow_make(t, p, hash);
        *out_dir = sender_serves(p) ? FROM_SERVER : FROM_CLIENT;
    }
    struct flow *f = flow_at(t, handle);
    flow_update(t, f, p, *out_dir);
    return f;
}

void flow_reverse(struct flow *f)
{
#define SWAP(array)                                                                                          \
    do {                                                                                                     \
        __typeof__((array)[0]) kept = (array)[0];                                                            \
        (array)[0] = (array)[1];                                                                             \
        (array)[1] = kept;                                                                                   \
    } while (0)
    SWAP(f->key.addr);
    SWAP(f->key.port);
    SWAP(f->bytes);
    SWAP(f->packets);
    SWAP(f->payload);
    SWAP(f->start_seq);
    f->scale = 0;
    unsigned fin = f->flags & (FLOW_FIN_CLIENT | FLOW_FIN_SERVER);
    f->flags &= (uint8_t) ~(FLOW_FIN_CLIENT | FLOW_FIN_SERVER);
    f->flags |= (uint8_t)((fin & FLOW_FIN_CLIENT ? FLOW_FIN_SERVER : 0) |
                          (fin & FLOW_FIN_SERVER ? FLOW_FIN_CLIENT : 0));
#undef SWAP
}

uint32_t flow_table_used(const struct flow_table *t)
{
    return t->flows.used;
}

uint32_t flow_table_peak(const struct flow_table *t)
{
    return t->flows.peak;
}

size_t flow_table_bytes(const struct flow_table *t)
{
    return (size_t)t->flows.peak * t->flows.size + ((size_t)t->mask + 1) * sizeof *t->slots;
}

uint64_t flow_last_us(const struct flow_table *t, const struct flow *f)
{
    uint64_t last_us = t->epoch_us + (uint64_t)f->last_ms * 1000;

    return last_us > f->first_us ? last_us : f->first_us;
}

static const char *const end_names[] = {
#define X(id, name) name,
    FLOW_ENDS(X)
#undef X
};

const char *flow_end_name(enum flow_end why)
{
    return end_names[why];
}
