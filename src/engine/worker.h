/* SPDX-License-Identifier: Apache-2.0 */
/* One worker: flows and inspection of its shard. Private to the room. */
#pragma once
#include "engine/engine.h"
#include "engine/gate.h"
#include "packet/live.h"

struct worker;

/* The worker `number`, for up to `max_flows` flows. `knowledge` is shared; `rules` is where the newest rules
 * are found. */
bool worker_new(const struct engine_config *config, unsigned number, struct rules *_Atomic *rules,
                uint32_t max_flows, struct knowledge *knowledge, struct worker **out,
                struct imw_error_info *err) IMW_MUST_USE;
void worker_free(struct worker *w);

/* The capture that events name from now on. */
void worker_begin(struct worker *w, const char *name);

/* Does the packet lie in the frame, and not in a datagram joined from fragments? */
static inline bool borrows_from(const struct packet *p, const struct frame *f)
{
    return p->payload.at >= f->data.at && p->payload.at <= f->data.at + f->data.len;
}

enum { WORKER_FRAMES = 64 };

/* Decode up to WORKER_FRAMES frames and handle what is in them. */
void worker_frames(struct worker *w, struct defrag *d, const struct frame *frames, unsigned count);

/* Take up the newest rules. The functions that handle packets do so first; a worker that has none for now
 * calls this, so that the old ones can be freed. Costs a load where nothing is new. */
void worker_refresh(struct worker *w);
/* The serial number of the rules by which it judges; any thread. */
uint64_t worker_rules(const struct worker *w);

/* Handle packets in order; `hashes` are flow_hash() of each. */
void worker_packets(struct worker *w, const struct packet *packets, const uint32_t *hashes, unsigned count);

/*
 * The same for the packets that `order` names. Timers run up to `timers_us` only: to where all workers have
 * come, so that a flow is not ended before another worker has learnt what tells about it.
 */
void worker_packets_of(struct worker *w, const struct packet *packets, const uint32_t *hashes,
                       const uint16_t *order, unsigned count, uint64_t timers_us);

/* The capture ends, with its newest packet at `newest_us`: end all flows. */
void worker_end(struct worker *w, uint64_t newest_us);

/* The clock says `now_us`, and no packet comes: end the flows that were idle too long. */
void worker_tick(struct worker *w, uint64_t now_us);

/* The clock was set back: end all flows and begin anew. */
void worker_restart(struct worker *w);

/* From now on what settled may be bypassed in `live`. NULL: no more; what the kernel counted is merged, and
 * the flows' packets come here again. */
void worker_bypass(struct worker *w, struct live *live);

/* From now on its packets go through a gate; `config` but for what the worker itself fills in. NULL: none any
 * more. */
bool worker_guard(struct worker *w, const struct gate_config *config,
                  struct imw_error_info *err) IMW_MUST_USE;
struct gate *worker_gate(const struct worker *w); /* NULL: none */
/* Handle packets of the gate's queue, in order, and give each its verdict, or keep it waiting. */
void worker_queue(struct worker *w, struct defrag *d, const struct queued *packets, unsigned count);
/* What waits: verdicts of the scanner, time. Returns how many packets do. */
unsigned worker_tend(struct worker *w, uint64_t now_us);

/* Flows in the table, and the histograms of decisions. */
uint32_t worker_flows(const struct worker *w);
const struct decisions *worker_decisions(const struct worker *w);

struct counters *worker_counters(struct worker *w);
uint64_t worker_now_us(const struct worker *w);
struct engine_memory worker_memory(const struct worker *w);

/* The parts of an engine, for engine_watch(). */
unsigned engine_worker_count(const struct engine *e);
struct worker *engine_worker(const struct engine *e, unsigned number);
