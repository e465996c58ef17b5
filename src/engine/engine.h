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
#include "event/event.h"
#include "packet/packet.h"

struct engine;

enum { ENGINE_WORKERS_MAX = 64 };

struct engine_config {
    const struct catalog *catalog;
    unsigned workers;         /* 0: 1 */
    uint32_t max_flows;       /* of all workers; 0: 1,000,000 */
    uint32_t max_inspections; /* flows inspected at a time, of each worker; 0: 65,536 */
    bool all_flows;           /* report flows of no service too */
    const char *explain;      /* a flow to trace: see engine_explains(); NULL: none */

    /* Called by the workers' threads; borrowed facts. NULL: not wanted. */
    void (*flow)(void *context, const struct flow_event *e);
    void (*activity)(void *context, const struct activity_event *e);
    void (*trace)(void *context, const struct flow *flow, uint64_t time_us, const char *line);
    /* Called now and then while a capture is read; `size` 0: not known. */
    void (*progress)(void *context, uint64_t done, uint64_t size);
    /* What the policy says; NULL: "alert" by "default". */
    struct verdict (*judge)(void *context, const struct flow_event *e);
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

/* Does `text` name this flow: its flow_id, its community ID, or "address:port" of one end or of both,
 * separated by a space, comma or dash? */
bool flow_is_named(const struct flow *f, uint64_t flow_id, struct view text);

/* A number for a flow that is the same in every run. */
uint64_t flow_number(const struct flow *f);
