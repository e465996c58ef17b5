/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers on live frames: each reads the frames that the kernel gives it, decodes and handles them, alone, in
 * batches. Nothing is shared but the knowledge.
 *
 *     frames   batch -> decode -> flows; timers run by the packets' time
 *     quiet    timers run by the clock, a little behind it: no packet older than that is still to come
 *     queue    in place of frames: packets that the kernel holds until they have a verdict (engine/gate.h)
 *     gone     the interface is no more: the flows stay, timers run by the clock, until watch_use()
 *     stop     what the kernel received before is still handled; when all workers have come that far, all
 *              flows end
 *
 * The kernel's time stamps are of the clock that is set and stepped. Ahead, flows end as after a pause. Back,
 * every flow would look as if it came from the future and no timer would run: then all flows are ended, and
 * counted anew.
 *
 * What other threads may know of a worker is published some times a second, number by number, so that the
 * packet path itself has no atomic operations.
 */
#include "engine/worker.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum {
    WAIT_MS = 50,
    HELD_WAIT_MS = 2, /* while packets wait for the scanner or for the end of a message */
    PUBLISH_US = 100000,
    BEHIND_US = 1000000, /* timers by the clock: later than any frame may wait in the kernel */
    STEP_US = 5000000,   /* so far back is a step of the clock, not disorder */
    DRAIN_US = 2000000,  /* a stop takes no longer for frames that came before it */
    DEFRAG_DATAGRAMS = 1024,
    DEFRAG_BYTES = 8 << 20,
    STATUS_WORDS = sizeof(struct watch_status) / sizeof(uint64_t),
};
_Static_assert(sizeof(struct watch_status) % sizeof(uint64_t) == 0, "numbers of 64 bits only");

struct watch_worker {
    _Alignas(64) struct watch *watch; /* no worker writes to another's cache lines */
    struct worker *worker;
    struct queue *queue;      /* in place of `live`; NULL: none */
    unsigned number, waiting; /* packets that the gate holds */
    pthread_t thread;
    struct defrag *defrag;
    struct counters defrag_counters;
    uint64_t published_us, clock_steps, beats;
    _Atomic(struct live *) live;  /* that it reads now */
    _Atomic enum watch_link link; /* as it last saw it */
    _Atomic uint64_t published[STATUS_WORDS];
};

struct watch {
    struct watch_config config;
    unsigned worker_count;
    _Atomic(struct live *) live; /* that all are to read; NULL: none for now */
    atomic_bool stop;
    _Atomic uint64_t stop_us;
    atomic_uint drained; /* workers that handled all that came before the stop */
    struct watch_worker workers[];
};

static uint64_t clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void pause_ms(unsigned ms)
{
    nanosleep(&(struct timespec){ .tv_nsec = (long)ms * 1000000 }, NULL);
}

/* ---- what is published ---- */

static void publish(struct watch_worker *me)
{
    struct engine_memory memory = worker_memory(me->worker);
    struct watch_status now = {
        .counters = *worker_counters(me->worker),
        .decisions = *worker_decisions(me->worker),
        .flows_live = worker_flows(me->worker),
        .flow_bytes = memory.flow_bytes,
        .inspect_bytes = memory.inspect_bytes,
        .flows_peak = memory.flows_peak,
        .inspect_used = memory.inspect_used,
        .now_us = worker_now_us(me->worker),
        .clock_steps = me->clock_steps,
        .beats = ++me->beats,
    };
    uint64_t words[STATUS_WORDS];

    counters_sum(&now.counters, &me->defrag_counters);
    memcpy(words, &now, sizeof words);
    for (unsigned i = 0; i < STATUS_WORDS; i++)
        atomic_store_explicit(&me->published[i], words[i], memory_order_relaxed);
}

void watch_status(const struct watch *w, unsigned worker, struct watch_status *out)
{
    uint64_t words[STATUS_WORDS];

    for (unsigned i = 0; i < STATUS_WORDS; i++)
        words[i] = atomic_load_explicit(&w->workers[worker].published[i], memory_order_relaxed);
    memcpy(out, words, sizeof *out);
}

enum watch_link watch_link(const struct watch *w)
{
    enum watch_link worst = WATCH_UP;

    for (unsigned i = 0; i < w->worker_count; i++) {
        enum watch_link link = atomic_load(&w->workers[i].link);
        worst = link > worst ? link : worst;
    }
    return worst;
}

/* ---- a worker ---- */

/* Go over to the frames that all are to read now. */
static struct live *follow(struct watch_worker *me)
{
    struct live *live = atomic_load(&me->watch->live);

    if (live != atomic_load_explicit(&me->live, memory_order_relaxed)) {
        bool bypass = live != NULL && me->watch->config.bypass && live_can_bypass(live);
        worker_bypass(me->worker, bypass ? live : NULL);
        atomic_store(&me->link, live != NULL ? WATCH_UP : WATCH_GONE);
        atomic_store(&me->live, live);
    }
    return live;
}

static void handle_frames(struct watch_worker *me, const struct frame *frames, unsigned count)
{
    if (frames[0].time_us + STEP_US < worker_now_us(me->worker)) {
        me->clock_steps++;
        worker_restart(me->worker);
    }
    worker_frames(me->worker, me->defrag, frames, count);
}

/* One batch of packets that wait for a verdict. What waits for the scanner is looked after often. */
static enum live_answer step_queue(struct watch_worker *me, uint64_t *out_newest_us)
{
    struct queued packets[QUEUE_BATCH];
    unsigned count = 0;

    if (clock_us() + STEP_US < worker_now_us(me->worker)) { /* also while nothing comes: packets may wait */
        me->clock_steps++;
        worker_restart(me->worker);
    }
    enum queue_answer answer =
        queue_read(me->queue, packets, QUEUE_BATCH, me->waiting > 0 ? HELD_WAIT_MS : WAIT_MS, &count);

    if (answer == QUEUE_GONE) { /* which ends the program: nobody can open it again */
        atomic_store_explicit(&me->link, WATCH_GONE, memory_order_relaxed);
        pause_ms(WAIT_MS);
        return LIVE_GONE;
    }
    if (answer == QUEUE_PACKETS)
        worker_queue(me->worker, me->defrag, packets, count);
    me->waiting = worker_tend(me->worker, clock_us()); /* sends the verdicts */
    if (answer == QUEUE_QUIET)
        return LIVE_QUIET;
    *out_newest_us = packets[count - 1].frame.time_us;
    return LIVE_FRAMES;
}

/* One batch, or a wait for it. */
static enum live_answer step(struct watch_worker *me, struct live *live, uint64_t *out_newest_us)
{
    struct frame frames[WORKER_FRAMES];
    unsigned count = 0;

    if (me->queue != NULL)
        return step_queue(me, out_newest_us);
    enum live_answer answer =
        live != NULL ? live_read(live, me->number, frames, WORKER_FRAMES, WAIT_MS, &count) : LIVE_GONE;

    if (answer == LIVE_FRAMES) {
        handle_frames(me, frames, count);
        *out_newest_us = frames[count - 1].time_us;
    } else if (answer != LIVE_QUIET) {
        pause_ms(WAIT_MS);
    }
    if (live != NULL)
        atomic_store_explicit(&me->link,
                              answer == LIVE_GONE   ? WATCH_GONE
                              : answer == LIVE_DOWN ? WATCH_DOWN
                                                    : WATCH_UP,
                              memory_order_relaxed);
    return answer;
}

static void run(struct watch_worker *me)
{
    uint64_t newest_us;

    while (!atomic_load_explicit(&me->watch->stop, memory_order_relaxed)) {
        enum live_answer answer = step(me, follow(me), &newest_us);
        uint64_t now_us = clock_us();
        if (answer != LIVE_FRAMES)
            worker_tick(me->worker, now_us - BEHIND_US);
        if (now_us - me->published_us >= PUBLISH_US) { /* also when the clock was set back */
            publish(me);
            me->published_us = now_us;
        }
    }
}

/* What the kernel received before the stop: until nothing comes, or what came after it, or time is up. */
static void drain(struct watch_worker *me)
{
    uint64_t stop_us = atomic_load(&me->watch->stop_us), newest_us = 0;
    struct live *live = follow(me); /* the stop may have come before the first look */

    while ((live != NULL || me->queue != NULL) && newest_us <= stop_us && clock_us() - stop_us < DRAIN_US)
        if (step(me, live, &newest_us) != LIVE_FRAMES)
            break;
}

static void *watch_thread(void *argument)
{
    struct watch_worker *me = argument;
    struct watch *w = me->watch;

    run(me);
    drain(me);
    atomic_fetch_add(&w->drained, 1);
    while (atomic_load(&w->drained) <
           w->worker_count) /* flows may be told apart by what another learnt last */
        pause_ms(1);
    worker_end(me->worker, clock_us() - BEHIND_US);
    if (me->queue != NULL)
        (void)worker_tend(me->worker, clock_us()); /* the verdicts on what waited go out */
    worker_bypass(me->worker, NULL);
    counters_sum(worker_counters(me->worker), &me->defrag_counters); /* for engine_counters() */
    return NULL;
}

/* ---- all workers ---- */

/* The gate through which the worker's packets go, where there is to be one. */
static bool guard(struct watch_worker *me, struct imw_error_info *err)
{
    const struct watch_config *c = &me->watch->config;
    struct gate_config gate;

    me->queue = c->queues[me->number];
    if (c->gate == NULL)
        return true;
    gate = *c->gate;
    gate.queue = me->queue;
    return worker_guard(me->worker, &gate, err);
}

static bool start(struct watch_worker *me, struct imw_error_info *err)
{
    int cpu = me->watch->config.cpus[me->number];
    char name[16];

    if (!guard(me, err))
        return false;

    me->defrag = defrag_new(DEFRAG_DATAGRAMS, DEFRAG_BYTES, &me->defrag_counters);
    if (me->defrag == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the table of fragments");
    worker_begin(me->worker, NULL);
    publish(me);
    if (pthread_create(&me->thread, NULL, watch_thread, me) != 0)
        return error_set(err, IMW_ERROR_SYSTEM, "cannot start %u threads", me->watch->worker_count);
    struct text t = TEXT(name);
    text_format(&t, "worker-%u", me->number);
    (void)pthread_setname_np(me->thread, name);
    if (cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((unsigned)cpu, &set);
        (void)pthread_setaffinity_np(me->thread, sizeof set, &set); /* a CPU taken away meanwhile: unpinned */
    }
    return true;
}

static void watch_free(struct watch *w)
{
    for (unsigned i = 0; i < w->worker_count; i++)
        defrag_free(w->workers[i].defrag);
    free(w);
}

bool engine_watch(struct engine *e, struct live *live, const struct watch_config *config, struct watch **out,
                  struct imw_error_info *err)
{
    unsigned count = engine_worker_count(e), started = 0;
    size_t size = sizeof(struct watch) + count * sizeof(struct watch_worker);
    struct watch *w = aligned_alloc(_Alignof(struct watch), size);
    bool ok = true;

    if (w == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the workers");
    memset(w, 0, size);
    w->config = *config;
    w->worker_count = count;
    atomic_store(&w->live, live);
    for (unsigned i = 0; i < count; i++) {
        w->workers[i].watch = w;
        w->workers[i].worker = engine_worker(e, i);
        w->workers[i].number = i;
    }
    while (ok && started < count) {
        ok = start(&w->workers[started], err);
        started += ok;
    }
    if (!ok) {
        atomic_store(&w->drained, count - started);
        atomic_store(&w->stop, true);
        for (unsigned i = 0; i < started; i++)
            pthread_join(w->workers[i].thread, NULL);
        watch_free(w);
        return false;
    }
    *out = w;
    return true;
}

void watch_scanned(struct watch *w, uint32_t file, const struct scan_result *result)
{
    unsigned worker = file / ENGINE_FILES;

    if (worker < w->worker_count && worker_gate(w->workers[worker].worker) != NULL)
        gate_scanned(worker_gate(w->workers[worker].worker), file, result);
}

void watch_use(struct watch *w, struct live *live)
{
    atomic_store(&w->live, live);
    for (unsigned i = 0; i < w->worker_count; i++)
        while (atomic_load(&w->workers[i].live) != live)
            pause_ms(1);
}

void watch_stop(struct watch *w)
{
    if (w == NULL)
        return;
    atomic_store(&w->stop_us, clock_us());
    atomic_store(&w->stop, true);
    for (unsigned i = 0; i < w->worker_count; i++)
        pthread_join(w->workers[i].thread, NULL);
    watch_free(w);
}
