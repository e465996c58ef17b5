/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clerk: what takes time, or goes out. Its jobs and the questions that it answers are tables,
 * clerk_jobs.def and clerk_asks.def; a new one is a line there, and a function.
 *
 *     clerk.c          the tables, the threads, the role
 *     clerk_import.c   job "import": what lies in the spool
 *     clerk_folder.c   job "folders": what sensors and Suricata write into folders
 *     clerk_enforcement.c   jobs "enforcement", "exceptions": what gateways take
 *     clerk_retention.c   job "retention": what is kept no longer
 *     import_child.c   captures are analysed by a process of its own each
 */
#pragma once
#include "console/link.h"
#include "console/serve.h"
#include "program/oidc.h"
#include "store/db.h"
#include <stdatomic.h>

/* When the last bundle for gateways was made, and what it is of; its job's own. */
struct clerk_enforcement {
    bool made, woken;
    uint64_t seen, end_us, anyhow_ms, not_before_ms;
};

struct clerk {
    const struct role_context *context;
    struct role_link *keeper; /* NULL: none (tests) */
    struct import_child *importer;
    bool swept; /* the spool, since the start; the job's own */
    struct folder_watch *folders;
    struct oidc *oidc;    /* sign-ins under way */
    atomic_bool stopping; /* what takes long looks at it now and then */
    struct clerk_jobs *jobs;
    struct clerk_enforcement enforcement;
};

/* A run of a job. A thread of its own, never two runs of one job at a time. */
struct clerk_task {
    struct clerk *clerk;
    struct db *db; /* for the run; no transaction is begun */
    uint64_t now_us;
    bool woken; /* somebody said that there is something to do */
    bool more;  /* out: not done yet, go on soon */
};
/* False: err says why; it is logged, once for failures in a row in the audit trail, and tried again with a
 * pause that grows from 5 s to 10 minutes. A job makes its own audit records of what it does. */
typedef bool clerk_job(struct clerk_task *t, struct imw_error_info *err);

#define J(name, every_s, function) clerk_job function;
#include "console/clerk_jobs.def"
#undef J

/* What the api may ask; the context is the struct clerk. Answered by threads of their own; each opens what it
 * needs of the database itself. */
#define A(name, function) link_answer function;
#include "console/clerk_asks.def"
#undef A

/* The job of this name is to run soon. False: there is none. */
bool clerk_wake(struct clerk *c, const char *job);

/* The keeper's signature over a text that begins as it signs, and its public key. */
bool clerk_sign(struct clerk *c, struct view text, uint8_t out_signature[64], uint8_t out_key[32],
                struct imw_error_info *err);

/* ---- folders ---- */
bool folder_watch_new(const struct console_config *config, struct folder_watch **out,
                      struct imw_error_info *err);
void folder_watch_free(struct folder_watch *w);

/* ---- captures ---- */
/* Starts a helper, while there is one thread and no sandbox yet. */
bool import_child_new(const char *spool, struct import_child **out, struct imw_error_info *err);
void import_child_free(struct import_child *c);
/* Analyse SPOOL/import-ID into SPOOL/import-ID.json. False: err says why; what came before a fault is there
 * all the same (*out_some). */
bool import_child_run(struct import_child *c, int64_t id, bool *out_some, struct imw_error_info *err);
