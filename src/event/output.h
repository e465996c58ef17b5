/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where events go. An output is made from its specification, then belongs to the writer's thread alone, which
 * gives it every event and, after each round and at least every few milliseconds, the time. None of these
 * calls may wait for anybody: an output keeps what it cannot pass on at once, up to a limit, and from there
 * on loses and counts.
 *
 *     output_file.c    file:PATH, or just PATH
 *     output_syslog.c  syslog:udp://  syslog:tcp://  syslog:tls://  syslog:unix:
 *     output_unix.c    unix:PATH
 *     output_collector.c  collector:HOST:PORT,bundle=FILE
 *
 * docs/output.md has the specifications as a user writes them.
 */
#pragma once
#include "event/siem.h"
#include "event/writer.h"
#include <poll.h>

/* The forms of an event: id, name in specifications. */
#define EVENT_FORMS(X) X(EVE, "eve") X(CEF, "cef") X(LEEF, "leef")
enum event_form {
#define X(id, name) FORM_##id,
    EVENT_FORMS(X)
#undef X
        FORM_COUNT
};

/* One event as text, for the call. */
struct message {
    const char *type; /* "flow", "im", "stats", "fileinfo", "alert" */
    uint64_t time_us;
    unsigned severity;            /* RFC 5424 section 6.2.1 */
    struct view form[FORM_COUNT]; /* EVE with its line end; those that no output wants are empty */
};

struct output;

struct output_methods {
    void (*take)(struct output *o, const struct message *m);
    /* Time passes, in ms on a clock that only grows; `idle`: no event is waiting. */
    void (*tick)(struct output *o, uint64_t now_ms, bool idle);
    /* What it waits for before it can go on, at most `room`; returns how many. */
    unsigned (*wants)(struct output *o, struct pollfd *out, unsigned room);
    void (*reopen)(struct output *o);
    /* The end: write what can be written at once, count the rest as lost. */
    void (*finish)(struct output *o);
    void (*free)(struct output *o);
};

/* The head of every output; the writer reads it between calls. */
struct output {
    const struct output_methods *methods;
    enum event_form form;
    char name[96]; /* as configured, without secrets */
    bool up;
    uint64_t written, lost, bytes;
    uint64_t lost_before; /* `lost` when it went down */
    char error[160];
    uint64_t certificate_end_s; /* of ours, since 1970; 0: it has none */
};

/* From a specification. A network target may be away; a file must open. */
bool output_new(const char *spec, const struct event_writer_config *config, struct output **out,
                struct imw_error_info *err) IMW_MUST_USE;

bool output_file_new(const char *path, const struct event_writer_config *config, struct output **out,
                     struct imw_error_info *err) IMW_MUST_USE;
/* `target`: what follows "syslog:". */
bool output_syslog_new(const char *target, struct output **out, struct imw_error_info *err) IMW_MUST_USE;
/* `target`: what follows "collector:". */
bool output_collector_new(const char *target, struct output **out, struct imw_error_info *err) IMW_MUST_USE;
bool output_unix_new(const char *path, struct output **out, struct imw_error_info *err) IMW_MUST_USE;

/* ---- for outputs ---- */

/* It is down: said once in the log, and in the status until it is up again. */
void output_down(struct output *o, const char *format, ...) IMW_PRINTF(2, 3);
void output_up(struct output *o);

/* As text with its NUL. False: it does not fit. */
bool output_copy(struct view v, char *out, size_t size);
/* HOST, HOST:PORT, [V6], [V6]:PORT */
struct peer_config;
bool output_host(struct view v, const char *usual_port, struct peer_config *c, struct imw_error_info *err);
