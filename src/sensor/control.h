/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket: a Unix stream socket on which whoever may open it (its mode, and SO_PEERCRED: root or
 * the sensor's own user or group) asks and orders. One JSON object a line each way:
 *
 *     {"command":"status"}                       the whole of struct sensor_status
 *     {"command":"reload"}                       catalog and policy; answers when in force, or why not
 *     {"command":"reopen"}                       event files, after they were moved away
 *     {"command":"learn","address":"10.1.2.3","user":"alice","host":"pc-17","for_s":3600}
 *     {"command":"rules","from":0,"dead":false}  what each rule was good for: a page of at most 1000
 *     {"command":"stop"}                         as SIGTERM
 *
 * answers {"ok":true,...} or {"ok":false,"error":"..."}. And the HTTP listener for /metrics (Prometheus text
 * format 0.0.4) and /healthz.
 *
 * Limits: 16 clients, 64 KiB a line, a line whole within 5 s, an answer taken within 5 s, 30 s of silence. A
 * request that is wrong is answered, counted and forgotten: no client can end or stop the server. One request
 * is handled at a time, so during a reload the others wait.
 */
#pragma once
#include "sensor/status.h"
#include <stdatomic.h>

enum {
    CONTROL_CLIENTS = 16,
    CONTROL_LINE_BYTES = 65536,
    CONTROL_RULES = 1000, /* rules of one answer, and of the metrics */
};
#define CONTROL_PATH "/run/imward/control.sock"

/* What clients did so far. */
struct control_counts {
    _Atomic uint64_t requests, malformed; /* lines; malformed: of them, answered with an error of form */
    _Atomic uint64_t refused, slow;       /* clients sent away: not allowed or one too many; by a time-out */
    _Atomic uint64_t scrapes;             /* HTTP requests */
};

/*
 * What the servers call, each from its own thread: status() may run in two threads at a time. The struct is
 * copied; `context` and `counts` must live until both are freed.
 */
struct control_calls {
    void (*status)(void *context, struct sensor_status *out);
    bool (*reload)(void *context, struct imw_error_info *err);
    void (*reopen)(void *context);
    void (*stop)(void *context);
    bool (*learn)(void *context, const struct ip_addr *addr, struct view user, struct view host,
                  uint32_t for_s, struct imw_error_info *err);
    /* Call `tell` with the rules in force, which stay while it runs. */
    void (*rules)(void *context, void (*tell)(void *to, const struct rules *r), void *to);
    void *context;
    struct control_counts *counts; /* the caller's, zeroed; one for both servers */
};

struct control;

/*
 * Bind and listen (while it may), path NULL: no socket; and start the thread. The file has mode 0660. One
 * that a dead process left is replaced; where one answers, err says which process that is.
 */
bool control_new(const char *path, const struct control_calls *calls, struct control **out,
                 struct imw_error_info *err) IMW_MUST_USE;
void control_free(struct control *c); /* ends the thread, removes the socket */

/*
 * Answer one request line (without its line end; any bytes): what the server does with it, apart from the
 * socket. The answer is malloc'd, one line with its newline; NULL without memory.
 */
char *control_handle(const struct control_calls *calls, struct view line);

/* ---- the client's side ---- */

/* Send one request line, get the answer line (malloc'd, caller frees); waits for a minute at most. */
bool control_ask(const char *path, const char *request, char **out_answer,
                 struct imw_error_info *err) IMW_MUST_USE;

/* The same for who has other things to poll() for: begin, then more() whenever `fd` is readable. */
struct control_question {
    int fd; /* -1: none under way */
    char *answer;
    size_t len;
};
enum control_progress { CONTROL_WAIT, CONTROL_ANSWER, CONTROL_FAILED };

bool control_question_begin(struct control_question *q, const char *path, const char *request,
                            struct imw_error_info *err) IMW_MUST_USE;
/* CONTROL_ANSWER: *out_answer is the caller's; after it and after CONTROL_FAILED the question is ended. */
enum control_progress control_question_more(struct control_question *q, char **out_answer,
                                            struct imw_error_info *err) IMW_MUST_USE;
void control_question_end(struct control_question *q); /* also where none is under way */

struct json_t; /* jansson's */

/* The answer as an object (json_decref() it); NULL: no answer of ours, or {"ok":false}: err has its error. */
struct json_t *control_answer(const char *answer, struct imw_error_info *err) IMW_MUST_USE;

/* ---- metrics ---- */

struct metrics;

/*
 * Listen on "ADDRESS:PORT", "[ADDRESS]:PORT" or "PORT" (of 127.0.0.1; 0: any free one) with a thread of its
 * own. At most 32 connections, 8 from one address, 10 s each.
 */
bool metrics_new(const char *listen, const struct control_calls *calls, struct metrics **out,
                 struct imw_error_info *err) IMW_MUST_USE;
void metrics_free(struct metrics *m);
uint16_t metrics_port(const struct metrics *m);

/* ---- the forms of a status ---- */

/* As malloc'd text, NULL without memory. */
char *status_json(const struct sensor_status *s);
char *status_prometheus(const struct sensor_status *s);
/* What each rule was good for, the first CONTROL_RULES of them. */
char *rules_prometheus(const struct rules *r);
/* Is the sensor well? Interface up, outputs up, catalog not older than half a year. *out_why: one line. */
bool status_is_healthy(const struct sensor_status *s, char out_why[256]);

/* As an object, and back: what is missing stays zero, what is not known is left out. NULL without memory. */
struct json_t *status_object(const struct sensor_status *s);
void status_read(const struct json_t *object, struct sensor_status *out);

uint64_t status_output_lost(const struct sensor_status *s); /* events, of all outputs */

/* Everything that is lost has its line here. cause, of what, how many, what it means and what to do */
#define DROPS(X)                                                                                             \
    X("kernel_ring", "packets", s->live.dropped, "no room in a ring: more workers, or bigger rings")         \
    X("link_unknown", "frames", s->counters.n[COUNT_LINK_UNKNOWN], "of a link type that is not decoded")     \
    X("frames_cut", "frames", s->counters.n[COUNT_FRAMES_CUT], "cut by a snap length")                       \
    X("decode_short", "frames", s->counters.n[COUNT_DECODE_SHORT], "end inside a header")                    \
    X("decode_bad", "frames", s->counters.n[COUNT_DECODE_BAD], "headers that contradict each other")         \
    X("decode_depth", "frames", s->counters.n[COUNT_DECODE_DEPTH], "too many tunnels around each other")     \
    X("fragments_dropped", "fragments", s->counters.n[COUNT_FRAGMENTS_DROPPED], "late, too many, or bad")    \
    X("fragments_overlap", "fragments", s->counters.n[COUNT_FRAGMENTS_OVERLAP], "overlap: an evasion?")      \
    X("flows_evicted", "flows", s->counters.n[COUNT_FLOWS_EVICTED], "table full: raise --max-flows")         \
    X("inspect_full", "flows", s->counters.n[COUNT_INSPECT_FULL], "not inspected: no inspection memory")     \
    X("stream_dropped", "segments", s->counters.n[COUNT_STREAM_DROPPED], "too many out of order")            \
    X("stream_gaps", "gaps", s->counters.n[COUNT_STREAM_GAPS], "bytes that never came, lost before us")      \
    X("parser_full", "messages", s->counters.n[COUNT_PARSER_FULL], "longer than the buffer for them")        \
    X("content_ring", "records", s->counters.n[COUNT_CONTENT_LOST], "messages, file pieces: no room")        \
    X("files_refused", "files", s->content.files_refused, "too many at a time, or the spool is full")        \
    X("event_ring", "events", s->events.lost, "an event ring was full: slow disk or output?")                \
    X("output", "events", status_output_lost(s), "an output was down or too slow")

enum {
#define X(cause, unit, count, help) +1
    STATUS_DROPS = DROPS(X)
#undef X
};
struct status_drop {
    const char *cause, *unit, *help;
    uint64_t count;
};
void status_drops(const struct sensor_status *s, struct status_drop out[STATUS_DROPS]);
