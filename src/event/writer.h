/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events off the packet path: each worker puts records into a ring of its own (single producer, single
 * consumer, no lock, no system call, no text), and so does the content pipeline; one thread takes them out of
 * all rings, makes text of them and writes it to the outputs (outputs.c).
 *
 * A ring that is full loses the new event, and counts it: packets never wait. A worker's events keep their
 * order.
 */
#pragma once
#include "event/event.h"

struct event_writer;

struct event_writer_config {
    unsigned workers;
    uint32_t ring_mib; /* of each worker; 0: 16 */
    /* "file:PATH", "syslog:udp://HOST:PORT", "syslog:tls://HOST:PORT?ca=FILE&format=cef", "syslog:unix:PATH",
     * "unix:PATH" (a stream that others connect to) ...: docs/output.md */
    const char *const *outputs;
    unsigned output_count;
    uint64_t rotate_bytes; /* of EVE files; 0: not by size */
    uint32_t rotate_s;     /* 0: not by time */
    uint32_t rotate_keep;  /* old files kept; 0: all */
};

/* Opens all outputs; their targets may be away for now where they are a network's. */
bool event_writer_new(const struct event_writer_config *config, struct event_writer **out,
                      struct imw_error_info *err) IMW_MUST_USE;
/* Start the thread; stop: write out all that is in the rings, flush, end the thread. */
bool event_writer_start(struct event_writer *w, struct imw_error_info *err) IMW_MUST_USE;
void event_writer_stop(struct event_writer *w);
void event_writer_free(struct event_writer *w);

/* Any thread: make every file output begin a new file at the same path (after logrotate moved it away). */
void event_writer_reopen(struct event_writer *w);

/* By the worker whose ring it is. Facts are copied. False: lost and counted. */
bool event_put_flow(struct event_writer *w, unsigned worker, const struct flow_event *e);
bool event_put_activity(struct event_writer *w, unsigned worker, const struct activity_event *e);
bool event_put_enforced(struct event_writer *w, unsigned worker, const struct enforced_event *e);

/* By the worker, where no packet waits for it, as at the end of all flows: returns when its ring has room.
 * The writer must run; it never waits for an output, so this does not either. */
void event_writer_wait_for_room(struct event_writer *w, unsigned worker);

/* By one thread at a time, whichever: a file or an alert, from a ring of their own. */
bool event_put_file(struct event_writer *w, const struct file_event *e);
bool event_put_alert(struct event_writer *w, const struct alert_event *e);
/* By the same, where no packet waits for it: returns when there is room for one. The writer must run. */
void event_writer_wait_for_content(struct event_writer *w);

/* By any one thread, the same always: counters as a `stats` event. */
bool event_put_stats(struct event_writer *w, const struct counters *counters, uint64_t time_us);

/*
 * Catalogs that events name are borrowed: one may be closed once all events put before are written. Waits for
 * that, at most `wait_ms`; any thread but the writer's. False: not yet.
 */
bool event_writer_drained(struct event_writer *w, unsigned wait_ms);

/* ---- what the writer knows, for metrics and status; any thread ---- */

enum { OUTPUTS_MAX = 8, TOP_SERVICES = 128 };

struct event_writer_status {
    uint64_t written, lost; /* events; lost: a ring was full */
    uint64_t files, alerts; /* of those written; alerts of detectors */
    uint64_t stopped;       /* events of what was stopped */
    uint64_t bytes;
    unsigned output_count;
    struct {
        char name[96]; /* as configured, without secrets */
        bool up;
        uint64_t written, lost;
        uint64_t certificate_end_s; /* of ours, since 1970; 0: it has none */
        char error[160];            /* the last; empty: none since it is up */
    } outputs[OUTPUTS_MAX];
    unsigned service_count;
    struct { /* by service, of flows written */
        char slug[32];
        uint64_t flows, bytes, blocked, alerted;
    } services[TOP_SERVICES];
};
void event_writer_status(struct event_writer *w, struct event_writer_status *out);
