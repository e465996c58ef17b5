/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers and how packets reach them.
 *
 * One worker reads, decodes and handles frames in batches, in its caller's thread. Several share the work in
 * chunks:
 *
 *     take     under a lock, a free worker takes the next chunk of frames and a ticket for it
 *     decode   without a lock, and says which packets belong to which worker
 *     handle   each worker handles its packets of every chunk, in the order of the tickets
 *
 * so that nothing but the taking is serial, each flow has one owner, and packets of a flow stay in order.
 * Fragments are put together in the order of the tickets, too; they are rare.
 */
#include "engine/engine.h"
#include "engine/worker.h"
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum {
    CHUNK_FRAMES = 1024,
    CHUNK_COPY_BYTES = 4 << 20, /* at first: frames of captures whose bytes do not stay, joined datagrams */
    RING_CHUNKS = 16,
    DEFRAG_DATAGRAMS = 1024,
    DEFRAG_BYTES = 8 << 20,
    DEFAULT_FLOWS = 1000000,
    PROGRESS_FRAMES = 1 << 16,
};

struct engine {
    struct engine_config config;
    struct rules *_Atomic rules; /* in force; all that is older hangs behind it */
    unsigned worker_count;
    struct worker *workers[ENGINE_WORKERS_MAX];
    struct knowledge *knowledge;
    struct defrag *defrag;
    struct counters defrag_counters;
};

/* A list of rules. */
static void free_rules(struct rules *r)
{
    while (r != NULL) {
        struct rules *older = r->older;
        rules_free(r);
        r = older;
    }
}

void engine_free(struct engine *e)
{
    if (e == NULL)
        return;
    for (unsigned i = 0; i < e->worker_count; i++)
        worker_free(e->workers[i]);
    free_rules(atomic_load(&e->rules));
    knowledge_free(e->knowledge);
    defrag_free(e->defrag);
    free(e);
}

bool engine_new(const struct engine_config *config, struct engine **out, struct imw_error_info *err)
{
    struct engine *e = calloc(1, sizeof *e);
    unsigned workers = config->workers > 0 ? config->workers : 1;
    uint32_t max_flows = config->max_flows > 0 ? config->max_flows : DEFAULT_FLOWS;

    if (e == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the engine");
    if (workers > ENGINE_WORKERS_MAX) {
        free(e);
        return error_set(err, IMW_ERROR_VALUE, "at most %d workers", ENGINE_WORKERS_MAX);
    }
    e->config = *config;
    atomic_init(&e->rules, config->rules);
    e->knowledge = knowledge_new(config->hash_seed);
    e->defrag = defrag_new(DEFRAG_DATAGRAMS, DEFRAG_BYTES, &e->defrag_counters);
    bool ok = e->knowledge != NULL && e->defrag != NULL;
    if (!ok)
        error_set(err, IMW_ERROR_MEMORY, "no memory for the engine's tables");
    while (ok && e->worker_count < workers) {
        ok = worker_new(&e->config, e->worker_count, &e->rules, max_flows / workers + 1, e->knowledge,
                        &e->workers[e->worker_count], err);
        e->worker_count += ok;
    }
    if (!ok) {
        atomic_store(&e->rules, NULL); /* they stay the caller's */
        engine_free(e);
        return false;
    }
    *out = e;
    return true;
}

unsigned engine_worker_count(const struct engine *e)
{
    return e->worker_count;
}

struct worker *engine_worker(const struct engine *e, unsigned number)
{
    return e->workers[number];
}

/* ---- rules ---- */

void engine_use(struct engine *e, struct rules *take)
{
    take->older = atomic_load(&e->rules);
    atomic_store_explicit(&e->rules, take, memory_order_release);
}

const struct rules *engine_rules(const struct engine *e)
{
    return atomic_load(&e->rules);
}

bool engine_has_settled(const struct engine *e, unsigned wait_ms)
{
    uint64_t serial = engine_rules(e)->serial;

    for (unsigned i = 0; i < e->worker_count; i++) {
        for (; worker_rules(e->workers[i]) != serial; wait_ms--) {
            if (wait_ms == 0)
                return false;
            nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        }
    }
    return true;
}

bool engine_tidy(struct engine *e, bool (*drained)(void *context, unsigned wait_ms), void *context,
                 unsigned wait_ms)
{
    struct rules *r = atomic_load(&e->rules);

    if (r->older == NULL)
        return true;
    /* In this order: once no worker uses the old rules, no new event names them. */
    if (!engine_has_settled(e, wait_ms) || (drained != NULL && !drained(context, wait_ms)))
        return false;
    free_rules(r->older);
    r->older = NULL;
    return true;
}

/* ---- counters ---- */

struct knowledge *engine_knowledge(struct engine *e)
{
    return e->knowledge;
}

void engine_counters(const struct engine *e, struct counters *out)
{
    *out = e->defrag_counters;
    for (unsigned i = 0; i < e->worker_count; i++)
        counters_sum(out, worker_counters(e->workers[i]));
}

uint64_t engine_now_us(const struct engine *e)
{
    uint64_t now_us = 0;

    for (unsigned i = 0; i < e->worker_count; i++)
        if (worker_now_us(e->workers[i]) > now_us)
            now_us = worker_now_us(e->workers[i]);
    return now_us;
}

void decisions_sum(struct decisions *sum, const struct decisions *add)
{
    for (unsigned b = 0; b < DECISION_BUCKETS; b++) {
        sum->packets[b] += add->packets[b];
        sum->bytes[b] += add->bytes[b];
    }
    sum->packets_sum += add->packets_sum;
    sum->bytes_sum += add->bytes_sum;
}

struct decisions engine_decisions(const struct engine *e)
{
    struct decisions sum = { 0 };

    for (unsigned i = 0; i < e->worker_count; i++)
        decisions_sum(&sum, worker_decisions(e->workers[i]));
    return sum;
}

struct engine_memory engine_memory(const struct engine *e)
{
    struct engine_memory sum = { 0 };

    for (unsigned i = 0; i < e->worker_count; i++) {
        struct engine_memory m = worker_memory(e->workers[i]);
        sum.flow_bytes += m.flow_bytes;
        sum.inspect_bytes += m.inspect_bytes;
        sum.flows_peak += m.flows_peak;
        sum.inspect_used += m.inspect_used;
    }
    return sum;
}

static void report_progress(const struct engine *e, const struct capture *c, uint64_t *frames, unsigned more)
{
    uint64_t before = *frames / PROGRESS_FRAMES, done, size;

    *frames += more;
    if (e->config.progress == NULL || *frames / PROGRESS_FRAMES == before)
        return;
    capture_progress(c, &done, &size);
    e->config.progress(e->config.context, done, size);
}

/* ---- one worker ---- */

static void read_alone(struct engine *e, struct capture *c)
{
    struct worker *w = e->workers[0];
    struct frame frames[WORKER_FRAMES];
    uint64_t total = 0;
    unsigned n;

    while ((n = capture_read(c, frames, WORKER_FRAMES)) > 0) {
        worker_frames(w, e->defrag, frames, n);
        report_progress(e, c, &total, n);
    }
    worker_end(w, worker_now_us(w));
}

/* ---- several workers ---- */

struct chunk {
    atomic_bool pending;   /* taken, and not handled by all workers yet */
    atomic_uint unhandled; /* by so many workers */
    atomic_ulong decoded;  /* ticket + 1 once decoded */
    unsigned frame_count, packet_count;
    uint64_t last_us; /* its newest packet */
    uint8_t *copy;    /* bytes that would not stay */
    size_t copy_size, copy_used;
    struct frame frames[CHUNK_FRAMES];
    struct packet packets[CHUNK_FRAMES];
    uint32_t hashes[CHUNK_FRAMES];
    uint16_t order_count[ENGINE_WORKERS_MAX];
    uint16_t order[ENGINE_WORKERS_MAX][CHUNK_FRAMES];
};

struct sharing {
    struct engine *engine;
    struct capture *capture;
    bool stable;
    atomic_bool no_memory; /* that is why reading ended */
    pthread_mutex_t take_lock;
    unsigned long next_ticket;   /* under take_lock */
    uint64_t frames;             /* under take_lock */
    _Atomic uint64_t handled_us; /* newest packet of the chunks that all workers have handled */
    atomic_ulong end_ticket;     /* first ticket that does not exist; ULONG_MAX while reading */
    struct chunk *ring[RING_CHUNKS];
};

struct shared_worker {
    struct sharing *sharing;
    unsigned number;
    pthread_t thread;
};

/* Bytes into the chunk's own memory; an empty view when there is none. */
static struct view chunk_keep(struct chunk *c, struct view v)
{
    if (v.len > c->copy_size - c->copy_used)
        return view_of(NULL, 0);
    uint8_t *at = c->copy + c->copy_used;
    memcpy(at, v.at, v.len);
    c->copy_used += v.len;
    return view_of(at, v.len);
}

/* Copy the frames of a capture whose bytes end with the next read. */
static bool chunk_keep_frames(struct chunk *c)
{
    size_t need = 0;

    for (unsigned i = 0; i < c->frame_count; i++)
        need += c->frames[i].data.len;
    need += CHUNK_COPY_BYTES;
    if (need > c->copy_size) {
        uint8_t *bigger = realloc(c->copy, need);
        if (bigger == NULL)
            return false;
        c->copy = bigger;
        c->copy_size = need;
    }
    for (unsigned i = 0; i < c->frame_count; i++)
        c->frames[i].data = chunk_keep(c, c->frames[i].data);
    return true;
}

/* Take the next chunk, or NULL: none free, or the end. */
static struct chunk *take(struct sharing *s, unsigned long *out_ticket)
{
    struct chunk *c = NULL;

    if (atomic_load(&s->end_ticket) != ULONG_MAX || pthread_mutex_trylock(&s->take_lock) != 0)
        return NULL;
    struct chunk *next = s->ring[s->next_ticket % RING_CHUNKS];
    if (atomic_load(&s->end_ticket) == ULONG_MAX && !atomic_load(&next->pending)) {
        next->copy_used = 0;
        next->frame_count = capture_read(s->capture, next->frames, CHUNK_FRAMES);
        if (next->frame_count > 0 && (s->stable || chunk_keep_frames(next))) {
            report_progress(s->engine, s->capture, &s->frames, next->frame_count);
            c = next;
            *out_ticket = s->next_ticket++;
            atomic_store(&c->unhandled, s->engine->worker_count);
            atomic_store(&c->pending, true);
        } else {
            unsigned long reading = ULONG_MAX;
            atomic_store(&s->no_memory, next->frame_count > 0);
            atomic_compare_exchange_strong(&s->end_ticket, &reading, s->next_ticket);
        }
    }
    pthread_mutex_unlock(&s->take_lock);
    return c;
}

/*
 * Fragments are put together in the order of the capture: the first of a chunk waits until all chunks before
 * it are decoded. That also makes one thread at a time use the table of datagrams.
 */
static void wait_for_turn(const struct sharing *s, unsigned long ticket)
{
    unsigned long oldest = ticket < RING_CHUNKS ? 0 : ticket - RING_CHUNKS + 1;

    for (unsigned long before = oldest; before < ticket; before++)
        while (atomic_load_explicit(&s->ring[before % RING_CHUNKS]->decoded, memory_order_acquire) <= before)
            sched_yield();
}

static enum decode_answer decode_fragment(const struct sharing *s, const struct frame *f, struct chunk *c,
                                          struct counters *counters, struct packet *p)
{
    enum decode_answer answer = decode(f, s->engine->defrag, counters, p);

    if (answer == DECODE_PACKET && !borrows_from(p, f)) {
        struct view kept = chunk_keep(c, p->payload);
        if (kept.len < p->payload.len) {
            count(counters, COUNT_FRAGMENTS_DROPPED);
            answer = DECODE_NONE;
        }
        p->payload = kept;
    }
    return answer;
}

static void decode_chunk(const struct sharing *s, struct chunk *c, unsigned long ticket,
                         struct counters *counters)
{
    unsigned workers = s->engine->worker_count;
    bool in_turn = false;

    c->packet_count = 0;
    c->last_us = 0;
    memset(c->order_count, 0, workers * sizeof c->order_count[0]);
    for (unsigned i = 0; i < c->frame_count; i++) {
        struct packet *p = &c->packets[c->packet_count];
        enum decode_answer answer = decode(&c->frames[i], NULL, counters, p);
        if (answer == DECODE_FRAGMENT) {
            if (!in_turn)
                wait_for_turn(s, ticket);
            in_turn = true;
            answer = decode_fragment(s, &c->frames[i], c, counters, p);
        }
        if (answer == DECODE_NEIGHBOUR)
            knowledge_learn_mac(s->engine->knowledge, &p->src, p->payload.at, p->time_us);
        if (answer != DECODE_PACKET)
            continue;
        uint32_t hash = flow_hash(p, s->engine->config.hash_seed);
        /* The table's index uses the low bits; the owner comes from the high ones. */
        unsigned owner = (unsigned)((uint64_t)hash * workers >> 32);
        if (p->time_us > c->last_us)
            c->last_us = p->time_us;
        c->hashes[c->packet_count] = hash;
        c->order[owner][c->order_count[owner]++] = (uint16_t)c->packet_count;
        c->packet_count++;
    }
}

/*
 * Wait until all workers have handled all chunks: the flows that are ended next may be told apart by what
 * another worker learnt last.
 */
static void wait_for_all(struct sharing *s)
{
    unsigned long end;

    while ((end = atomic_load(&s->end_ticket)) > 0 && atomic_load(&s->ring[(end - 1) % RING_CHUNKS]->pending))
        sched_yield();
}

static void *share(void *argument)
{
    struct shared_worker *me = argument;
    struct sharing *s = me->sharing;
    struct worker *w = s->engine->workers[me->number];
    unsigned long next = 0; /* ticket to handle */

    while (next < atomic_load(&s->end_ticket)) {
        struct chunk *c = s->ring[next % RING_CHUNKS];
        unsigned long ticket;

        if (atomic_load_explicit(&c->decoded, memory_order_acquire) == next + 1) {
            uint64_t last_us = c->last_us;
            worker_packets_of(w, c->packets, c->hashes, c->order[me->number], c->order_count[me->number],
                              atomic_load(&s->handled_us));
            if (atomic_fetch_sub(&c->unhandled, 1) == 1) { /* chunks are completed in their order */
                if (last_us > atomic_load(&s->handled_us))
                    atomic_store(&s->handled_us, last_us);
                atomic_store(&c->pending, false);
            }
            next++;
        } else if ((c = take(s, &ticket)) != NULL) {
            decode_chunk(s, c, ticket, worker_counters(w));
            atomic_store_explicit(&c->decoded, ticket + 1, memory_order_release);
        } else {
            worker_refresh(w);
            sched_yield();
        }
    }
    wait_for_all(s);
    worker_end(w, atomic_load(&s->handled_us));
    return NULL;
}

static void ring_free(struct sharing *s)
{
    for (unsigned i = 0; i < RING_CHUNKS; i++) {
        if (s->ring[i] != NULL)
            free(s->ring[i]->copy);
        free(s->ring[i]);
    }
}

static bool ring_new(struct sharing *s, struct imw_error_info *err)
{
    for (unsigned i = 0; i < RING_CHUNKS; i++) {
        s->ring[i] = calloc(1, sizeof *s->ring[i]);
        if (s->ring[i] != NULL)
            s->ring[i]->copy = malloc(CHUNK_COPY_BYTES);
        if (s->ring[i] == NULL || s->ring[i]->copy == NULL) {
            ring_free(s);
            return error_set(err, IMW_ERROR_MEMORY, "no memory for packet buffers");
        }
        s->ring[i]->copy_size = CHUNK_COPY_BYTES;
    }
    return true;
}

static bool read_shared(struct engine *e, struct capture *c, struct imw_error_info *err)
{
    struct sharing s = { .engine = e, .capture = c, .stable = capture_is_stable(c), .end_ticket = ULONG_MAX };
    struct shared_worker workers[ENGINE_WORKERS_MAX];
    unsigned started = 0;

    if (!ring_new(&s, err))
        return false;
    pthread_mutex_init(&s.take_lock, NULL);
    for (unsigned i = 1; i < e->worker_count; i++) {
        workers[i] = (struct shared_worker){ &s, i, 0 };
        if (pthread_create(&workers[i].thread, NULL, share, &workers[i]) != 0)
            break;
        started = i;
    }
    bool ok = started + 1 == e->worker_count;
    if (ok) {
        workers[0] = (struct shared_worker){ &s, 0, 0 };
        share(&workers[0]);
    } else {
        atomic_store(&s.end_ticket, 0);
        error_set(err, IMW_ERROR_SYSTEM, "cannot start %u threads", e->worker_count);
    }
    for (unsigned i = 1; i <= started; i++)
        pthread_join(workers[i].thread, NULL);
    pthread_mutex_destroy(&s.take_lock);
    ring_free(&s);
    if (ok && atomic_load(&s.no_memory))
        ok = error_set(err, IMW_ERROR_MEMORY, "no memory to keep frames: what came before was analysed");
    return ok;
}

bool engine_read(struct engine *e, struct capture *c, const char *name, struct imw_error_info *err)
{
    bool ok = true;

    for (unsigned i = 0; i < e->worker_count; i++)
        worker_begin(e->workers[i], name);
    if (e->worker_count == 1)
        read_alone(e, c);
    else
        ok = read_shared(e, c, err);
    knowledge_forget(e->knowledge);
    return ok && !capture_failed(c, err);
}
