/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes through IM, off the packet path. Each worker copies messages, pieces of files, contacts,
 * anomalies and ends of flows into a ring of its own; one thread takes them out, makes text plain, spools
 * files, searches for leaks and asks the threat detectors; files that are done go to a few threads that scan
 * them.
 *
 *     workers ==rings==> content thread ==queue==> scan threads
 *                            |   ^---------results------'
 *                            '--> alerts, fileinfo events
 *
 * While captures are read a worker waits for room; live, what finds no room is lost and counted, and the file
 * is marked.
 */
#pragma once
#include "content/document.h"
#include "content/settings.h"
#include "engine/rules.h"
#include "threat/graph.h"

struct pipeline;

enum {
    ENGINE_LANES = 64,      /* most workers */
    ENGINE_FILES = 1 << 26, /* numbers that each has for its files */
};

struct pipeline_config {
    unsigned workers;
    bool wait;                                 /* for room in the ring, rather than lose */
    const struct content_settings *settings;   /* copied; its strings live as long as the pipeline */
    const struct detector_settings *detectors; /* NULL: the usual ones; the same */
    bool files;                                /* spool and scan files; else nobody decodes them */
    bool threats;                              /* run the detectors */
    struct threat_world world;
    struct graph *graph; /* told of contacts, messages and files; borrowed until it stops. NULL: none */
    struct documents *documents; /* reads text out of them; NULL: plain text only is searched for leaks */
    const char *spool;           /* directory; NULL: $TMPDIR or /tmp */
    const char *extract;         /* save files here; NULL: nowhere */
    const struct rules *rules;   /* by which it judges and names services; until pipeline_use() */
    /* By the content thread. */
    void (*file)(void *context, const struct file_event *e);
    void (*alert)(void *context, const struct alert_event *e);
    /* The verdict on a file, by its number: file / ENGINE_FILES is the worker that carries it. NULL: not
     * wanted. */
    void (*judged)(void *context, uint32_t file, const struct scan_result *result);
    /* Something could not be saved or kept. */
    void (*problem)(void *context, const struct imw_error_info *err);
    void *context;
};

bool pipeline_new(const struct pipeline_config *config, struct pipeline **out,
                  struct imw_error_info *err) IMW_MUST_USE;
/* Work off all that was put, wait for all scans, end the threads. */
void pipeline_stop(struct pipeline *p);
void pipeline_free(struct pipeline *p);

/* Does it want the bytes of files? */
bool pipeline_wants_files(const struct pipeline *p);

/*
 * Judge by newer rules, whose catalog follows the one before; before any worker takes them up. Returns when
 * the old ones are not used any more.
 */
void pipeline_use(struct pipeline *p, const struct rules *rules);

/* ---- by the worker whose number it is; facts are copied ---- */

uint32_t pipeline_file_begin(struct pipeline *p, unsigned worker, const struct activity_event *where,
                             const struct im_file *f);
void pipeline_file_bytes(struct pipeline *p, unsigned worker, uint32_t file, uint64_t offset,
                         struct view bytes);
void pipeline_file_end(struct pipeline *p, unsigned worker, uint32_t file, uint64_t time_us, bool whole);
void pipeline_activity(struct pipeline *p, unsigned worker, const struct activity_event *e);
void pipeline_contact(struct pipeline *p, unsigned worker, const struct activity_event *where,
                      const struct im_contact *c);
void pipeline_anomaly(struct pipeline *p, unsigned worker, const struct activity_event *where, enum anomaly a,
                      struct view value);
void pipeline_ticket(struct pipeline *p, unsigned worker, const struct activity_event *where, uint64_t hash);
/* The flow ended: files that are still open are cut off. */
void pipeline_flow(struct pipeline *p, unsigned worker, const struct flow_event *e);

/* What it counts: name, in statistics and metrics behind "content_"; what it is. */
#define PIPELINE_COUNTS(X)                                                                                   \
    X(messages, "messages with a text that could be read")                                                   \
    X(files, "files whose bytes began to come")                                                              \
    X(file_bytes, "bytes of them")                                                                           \
    X(files_cut, "files that did not come whole, or were not taken")                                         \
    X(files_refused, "files not taken: too many at a time, or no room in the spool")                         \
    X(clean, "files that every scanner found clean")                                                         \
    X(infected, "files that a scanner, a rule or a list names")                                              \
    X(suspicious, "files that are archive bombs or the like")                                                \
    X(not_scanned, "files without a verdict")                                                                \
    X(leaks, "findings of data that should not leave")                                                       \
    X(not_searched, "files not searched for such data, or not all of their text")                            \
    X(kept, "messages and files put into the vault")                                                         \
    X(not_kept, "messages and files that the vault should have kept and could not")                          \
    X(alerts, "alerts of threat detectors")                                                                  \
    X(alerts_suppressed, "alerts held back: the same was told shortly before")

enum {
#define X(name, help) +1
    PIPELINE_COUNT_COUNT = PIPELINE_COUNTS(X)
#undef X
};

struct pipeline_status {
#define X(name, help) uint64_t name;
    PIPELINE_COUNTS(X)
#undef X
    uint64_t lost; /* records that found no room in a ring; COUNT_CONTENT_LOST */
    struct scanner_status scanners;
};
void pipeline_status(struct pipeline *p, struct pipeline_status *out);
