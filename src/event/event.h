/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine reports, and its forms: one JSON object a line, a superset of Suricata's EVE (eve.c), and a
 * table for people (table.c). The facts are borrowed for the call.
 */
#pragma once
#include "threat/threat.h"
#include <stdio.h>

/* What was done about it on the wire. The numbers reach signature ids and are never reused. */
#define ENFORCED(X)                                                                                          \
    X(NONE, "none")     /* nobody enforces: a sensor */                                                      \
    X(PASSED, "passed") /* it was let through, as the policy says */                                         \
    X(DROPPED, "dropped")                                                                                    \
    X(RESET, "reset")                                                                                        \
    X(UNREACHABLE, "unreachable")                                                                            \
    X(PAGE, "page")            /* an HTTP answer in the server's place */                                    \
    X(NO_NAME, "no-such-name") /* to DNS */                                                                  \
    X(SPOILED, "spoiled")      /* the offer was made void, the conversation goes on */                       \
    X(CUT, "cut")              /* a transfer was stopped before its end */                                   \
    X(THROTTLED, "throttled")                                                                                \
    X(FAILED, "failed") /* should have been stopped and was not: the reason says why */
enum enforced {
#define X(id, name) ENFORCED_##id,
    ENFORCED(X)
#undef X
};
const char *enforced_name(enum enforced e);
/* Did it keep something from getting through? */
bool enforced_stops(enum enforced e);

struct verdict {
    const char *action; /* "allow", "alert", "block", "scan" */
    const char *rule;   /* name of the rule that decided, "default" where none did */
    const char *policy; /* version of the policy; NULL: none */
    const char *person; /* whom the policy takes the client for, by its file of people; NULL: not known */
    unsigned number;    /* of the rule, from 1; 0: none */
    enum enforced enforced;
};

/* A flow that ended. */
struct flow_event {
    const struct flow *flow;
    const struct record *record; /* NULL: nothing was noted */
    const struct catalog *catalog;
    const char *file; /* capture's name without folders; NULL when live */
    uint64_t flow_id, last_us;
    enum flow_end why;
    bool port_agile;
    struct verdict verdict;
    const struct known_who *client, *server; /* who is at the ends; NULL: not known */
    unsigned worker;                         /* that reports it */
};

/* Something that happened on an IM flow. */
struct activity_event {
    const struct flow *flow;
    const struct record *record;
    const struct catalog *catalog;
    const char *file;
    uint64_t flow_id, time_us;
    enum activity activity;
    const struct im_detail *detail;
    const struct known_who *client;
    unsigned worker;
    const char *plain; /* the message's text without mark-up, where the analyst asked for it; else NULL */
};

/* A file that an IM flow carried came to its end. */
struct file_event {
    const struct scene *scene;
    const struct carried_file *file;
    const struct spool_facts *facts;
    const char *stored;         /* saved under this name, or in the vault under this id; NULL: not kept */
    const struct leaked *leaks; /* NULL: nobody searched, or all was searched and nothing found */
};

struct alert_event {
    const struct scene *scene;
    const struct alert *alert;
    uint64_t suppressed;    /* the same, held back since it was told last */
    struct verdict verdict; /* its action NULL: it is about no flow */
};

/* Something was stopped, now: an `alert` event with "action": "blocked" and the verdict beside it. */
struct enforced_event {
    const struct activity_event *where; /* its activity is what was stopped; detail NULL: not known */
    bool has_activity;                  /* false: the flow as a whole */
    struct verdict verdict;             /* its number is not in the event */
    /* Why a file was stopped or let through, where that is not the rule alone: "infected: Eicar-Test",
     * "not scanned: too large", "not inspected: end-to-end encrypted"; NULL: the rule says it all. */
    const char *reason;
};

/*
 * Why nobody looks into what a flow of a service carries: "end-to-end-encrypted", "encrypted" (to the
 * vendor's server), "not-decoded" (a protocol whose messages are not read), "not-recognised" (no protocol was
 * found). NULL: it is looked into, or there is nothing in it (a look-up). So that silence is never read as
 * "clean".
 */
const char *flow_not_inspected(const struct flow *f, const struct record *r, const struct catalog *c);

/* ---- EVE ---- */

/* Room for the longest event: a message's text of EVE_TEXT_BYTES, or two dozen values of 256 bytes, at six
 * bytes an escaped byte, and what is bounded by itself. */
enum { EVE_LINE_BYTES = 65536, EVE_TEXT_BYTES = 4096 };

/* The signature_id of an enforced_event is this and its enum enforced; detectors have theirs below. */
enum { ENFORCED_SIGNATURE = 9000 };

/* One line, newline included, into `out`. Returns its length. */
size_t eve_flow(const struct flow_event *e, char out[EVE_LINE_BYTES]);
size_t eve_activity(const struct activity_event *e, char out[EVE_LINE_BYTES]);
/* `fileinfo` and `alert` as Suricata has them, with what is ours beside. */
size_t eve_file(const struct file_event *e, char out[EVE_LINE_BYTES]);
size_t eve_alert(const struct alert_event *e, char out[EVE_LINE_BYTES]);
size_t eve_enforced(const struct enforced_event *e, char out[EVE_LINE_BYTES]);

/* What others than the workers count, behind the counters. */
struct named_count {
    const char *name, *help;
    uint64_t n;
};
size_t eve_stats(const struct counters *counters, const struct named_count *others, unsigned other_count,
                 uint64_t time_us, char out[EVE_LINE_BYTES]);

/* ---- the table ---- */

struct table;

/* Rows are kept until table_print(); `colour`: flags and services in colour. NULL without memory. */
struct table *table_new(bool colour);
void table_free(struct table *t);
/* False without memory. Several threads may add. */
bool table_add(struct table *t, const struct flow_event *e);
bool table_add_alert(struct table *t, const struct alert_event *e);
bool table_add_file(struct table *t, const struct file_event *e);
/* A message with its text (activity_event.plain; NULL: none is shown). */
bool table_add_message(struct table *t, const struct activity_event *e);
/* The flows in the order in which they began, and a summary by service; then alerts, files and messages,
 * where there are any. `several`: name the capture in each row. */
void table_print(struct table *t, FILE *out, bool several);
/* Flows added so far. */
size_t table_rows(const struct table *t);
