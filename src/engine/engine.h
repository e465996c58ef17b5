/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: from frames to flow events. It owns the workers; each worker owns its flows and their
 * inspection.
 *
 *     struct engine *e;  engine_new(&config, &e, &err);
 *     engine_read(e, capture, "name.pcap", &err);      once a capture
 *     engine_free(e);
 *
 * With several workers, the frames of a capture are taken in chunks by whichever worker is free, decoded
 * there, and then handled by the worker that owns the flow, in the order of the capture. See
 * docs/architecture.md.
 */
#pragma once
#include "engine/gate.h"
#include "engine/pipeline.h"
#include "packet/packet.h"

struct engine;

enum { ENGINE_WORKERS_MAX = ENGINE_LANES };

struct engine_config {
    struct rules *rules;      /* in force at first; the engine owns them once it is made */
    unsigned workers;         /* 0: 1 */
    uint32_t max_flows;       /* of all workers; 0: 1,000,000 */
    uint32_t max_inspections; /* flows inspected at a time, of each worker; 0: 65,536 */
    uint64_t hash_seed;       /* random where strangers choose the flows; 0: the same in every run */
    bool all_flows;           /* report flows of no service too */
    bool inline_;             /* packets wait for what is decided on them: worker_guard() */
    const char *explain;      /* a flow to trace: see engine_explains(); NULL: none */

    /* Called by the workers' threads; borrowed facts. NULL: not wanted. */
    void (*flow)(void *context, const struct flow_event *e);
    void (*activity)(void *context, const struct activity_event *e);
    /* Something was stopped, by a worker with a gate. */
    void (*enforced)(void *context, const struct enforced_event *e);
    void (*trace)(void *context, const struct flow *flow, uint64_t time_us, const char *line);
    /* Called now and then while a capture is read; `size` 0: not known. */
    void (*progress)(void *context, uint64_t done, uint64_t size);
    /* Asked of both ends before an event: who is at an address, over what the traffic told (*known, which may
     * be empty), as from a list that someone keeps. True: *known names someone. NULL: nobody is asked. */
    bool (*who)(void *context, const struct ip_addr *addr, uint64_t now_us, struct known_who *known);
    /* Who gets what the flows carry; has as many lanes as there are workers. NULL: nobody. Borrowed. */
    struct pipeline *pipeline;
    void *context;
};

bool engine_new(const struct engine_config *config, struct engine **out,
                struct imw_error_info *err) IMW_MUST_USE;
void engine_free(struct engine *e);

/*
 * Read a capture to its end and end all its flows. `name` goes into the events. False: reading stopped early,
 * err says where and why; all before it was reported all the same.
 */
bool engine_read(struct engine *e, struct capture *c, const char *name, struct imw_error_info *err);

/*
 * Change over to other rules while packets flow. These four functions: by one thread at a time.
 *
 *     if (rules_load(catalog, policy, engine_rules(e), &next, &err))
 *         engine_use(e, next);
 *     ...
 *     (void)engine_tidy(e, drained, writer);      now and then, until it is true
 *
 * Every worker takes the new rules up between two batches of packets. A flow that lives meanwhile keeps what
 * was decided about it; what comes now is looked up in the new catalog, and its verdict is that of the rules
 * in force when it ends. Reloading again before all is tidied up is fine.
 */
void engine_use(struct engine *e, struct rules *take);
/* The newest; borrowed until newer ones are in use and engine_tidy() is called. */
const struct rules *engine_rules(const struct engine *e);

/* Do all workers judge by the newest rules? Waits for that, at most `wait_ms`. They take them up only while
 * they read or watch. */
bool engine_has_settled(const struct engine *e, unsigned wait_ms);

/*
 * Free rules that nothing refers to any more: all workers judge by newer ones, and events that name the old
 * catalog are written, for which `drained` is asked: event_writer_drained(). NULL: who is told of events
 * keeps nothing of them. Waits for each at most `wait_ms`. True: only the rules in force are left. What is
 * still there at engine_free() is freed then: stop the writer before.
 */
bool engine_tidy(struct engine *e, bool (*drained)(void *context, unsigned wait_ms), void *context,
                 unsigned wait_ms);
/* Where those tell who is at an address who learn it elsewhere (RADIUS, the control socket). Lives as long as
 * the engine; forgets all at the end of engine_read(). */
struct knowledge *engine_knowledge(struct engine *e);

/* Counters of all workers. */
void engine_counters(const struct engine *e, struct counters *out);

/* Time of the newest packet so far, microseconds since 1970. */
uint64_t engine_now_us(const struct engine *e);

struct engine_memory {
    size_t flow_bytes;    /* table entries and index, at their peak */
    size_t inspect_bytes; /* inspection and records, at their peak */
    uint32_t flows_peak;
    uint32_t inspect_used; /* objects of inspection in use now: none between captures */
};
struct engine_memory engine_memory(const struct engine *e);

/* Decisions (a service, or that there is none) by what they took: bucket i counts those of at most 2^i
 * packets, 2^(i+4) bytes of payload; not cumulative; the last one also all above. */
enum { DECISION_BUCKETS = 16 };
struct decisions {
    uint64_t packets[DECISION_BUCKETS], bytes[DECISION_BUCKETS];
    uint64_t packets_sum, bytes_sum;
};
void decisions_sum(struct decisions *sum, const struct decisions *add);
/* Of all workers; not while they read. */
struct decisions engine_decisions(const struct engine *e);

/* ---- frames off an interface ---- */

struct live;
struct watch;

struct watch_config {
    int cpus[ENGINE_WORKERS_MAX]; /* that each worker is pinned to; -1: to none */
    bool bypass;                  /* where `live` can */
    /* Enforcement: engine/gate.h; what the worker knows itself is left zero. NULL: none. */
    const struct gate_config *gate;
    struct queue *queues[ENGINE_WORKERS_MAX]; /* of each worker, in place of `live`; NULL: none. Borrowed */
};

/*
 * Handle the frames of `live`, or the packets of queues, a thread a worker, until watch_stop(). Time is that
 * of the kernel's time stamps, and the clock's while nothing comes. Borrows `live`.
 */
bool engine_watch(struct engine *e, struct live *live, const struct watch_config *config, struct watch **out,
                  struct imw_error_info *err) IMW_MUST_USE;

/* Any thread: the scanner's verdict on a file of the pipeline's (pipeline_config.judged). */
void watch_scanned(struct watch *w, uint32_t file, const struct scan_result *result);

enum watch_link { WATCH_UP, WATCH_DOWN, WATCH_GONE };
enum watch_link watch_link(const struct watch *w);

/*
 * Go on with `live`, or, NULL, with none for now: flows stay. Waits until no worker uses the one before,
 * which may then be freed.
 */
void watch_use(struct watch *w, struct live *live);

/* Handle what was received before now, end all flows, end the threads, free `w`. */
void watch_stop(struct watch *w);

/* One worker, at most some tenths of a second ago. Any thread. Numbers of 64 bits only: they are published
 * one by one. */
struct watch_status {
    struct counters counters;
    struct decisions decisions;
    uint64_t flows_live, flow_bytes, inspect_bytes, flows_peak, inspect_used;
    uint64_t now_us;      /* of its newest packet */
    uint64_t beats;       /* grows while the worker is alive, several times a second */
    uint64_t clock_steps; /* times the clock was set back, and flows were ended because of it */
};
void watch_status(const struct watch *w, unsigned worker, struct watch_status *out);

/* Does `text` name this flow: its flow_id, its community ID, or "address:port" of one end or of both,
 * separated by a space, comma or dash? */
bool flow_is_named(const struct flow *f, uint64_t flow_id, struct view text);

/* A number for a flow that is the same in every run. */
uint64_t flow_number(const struct flow *f);
