/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clerk's jobs: a table, and a few threads that do what is due.
 *
 * messages it takes: API_CLERK (api): those of clerk_asks.def. It asks the keeper for signatures and to open
 * what is sealed.
 */
#include "console/clerk.h"
#include "base/log.h"
#include "base/thread.h"
#include "program/audit.h"
#include "program/session.h"
#include <errno.h>
#include <openssl/evp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    THREADS = 3, /* so that a long import holds up neither folders nor the rest */
    ASK_THREADS = 4,
    FAILED_MS = 5000,
    FAILED_MAX_MS = 600000,
    ROUND_MS = 500,
    SIGN_MS = 10000,
};

static const struct job {
    const char *name;
    unsigned every_s;
    clerk_job *run;
} jobs[] = {
#define J(name, every_s, function) { name, every_s, function },
#include "console/clerk_jobs.def"
#undef J
};
enum { JOBS = sizeof jobs / sizeof jobs[0] };

static const struct link_ask asks[] = {
#define A(name, function) { name, function },
#include "console/clerk_asks.def"
#undef A
};

struct clerk_jobs {
    pthread_mutex_t lock;
    pthread_cond_t due;
    struct {
        uint64_t due_ms;
        bool running, woken, was_woken;
        unsigned failed; /* times in a row */
    } state[JOBS];
};

static const struct actor the_system = { .name = "system" };

/* ---- jobs ---- */

/* The failure of a job that went well before, for people who look later. */
static void failure_told(struct db *db, const struct job *j, const char *why)
{
    struct imw_error_info err = { 0 };
    json_t *detail = json_pack("{s:s}", "error", why);
    char object[64], line[768];

    snprintf(object, sizeof object, "job %s", j->name);
    if (!db_begin(db, true, &err) ||
        !audit_add(db, &the_system, NULL, "job.failed", object, detail, clock_us(), &err) ||
        !db_commit(db, &err)) {
        db_rollback(db);
        log_warning("clerk_audit", "%s", error_format(&err, line, sizeof line));
    }
    json_decref(detail);
}

static void job_ended(struct clerk *c, unsigned n, bool ok, bool more)
{
    struct clerk_jobs *all = c->jobs;
    uint64_t wait_ms = more ? 0 : (uint64_t)jobs[n].every_s * 1000;

    pthread_mutex_lock(&all->lock);
    all->state[n].failed = ok ? 0 : all->state[n].failed + 1;
    if (!ok) {
        unsigned shift = all->state[n].failed < 8 ? all->state[n].failed - 1 : 7;
        wait_ms = (uint64_t)FAILED_MS << shift;
        wait_ms = wait_ms < FAILED_MAX_MS ? wait_ms : FAILED_MAX_MS;
    }
    all->state[n].running = false;
    all->state[n].due_ms = clock_ms() + (all->state[n].woken && ok ? 0 : wait_ms);
    pthread_cond_signal(&all->due);
    pthread_mutex_unlock(&all->lock);
}

static void job_run(struct clerk *c, unsigned n, struct db **db)
{
    struct clerk_task task = { .clerk = c, .now_us = clock_us(), .woken = c->jobs->state[n].was_woken };
    struct imw_error_info err = { 0 };
    char line[768];
    bool ok = *db != NULL || db_open(c->context->config->database, db, &err);

    if (ok) {
        task.db = *db;
        ok = jobs[n].run(&task, &err);
        db_rollback(*db);
    }
    if (!ok) {
        log_error("clerk_job", "job=%s: %s; it is tried again", jobs[n].name,
                  error_format(&err, line, sizeof line));
        if (*db != NULL && c->jobs->state[n].failed == 0)
            failure_told(*db, &jobs[n], line);
        if (err.code == IMW_ERROR_SYSTEM) { /* perhaps the connection */
            db_close(*db);
            *db = NULL;
        }
    }
    job_ended(c, n, ok, task.more);
}

/* The one that is due for longest, which is then running. JOBS: none; *out_wait_ms until the next. */
static unsigned job_take(struct clerk_jobs *all, uint64_t *out_wait_ms)
{
    uint64_t now_ms = clock_ms(), first_ms = now_ms + ROUND_MS;
    unsigned found = JOBS;

    for (unsigned i = 0; i < JOBS; i++) {
        if (!all->state[i].running && all->state[i].due_ms < first_ms) {
            first_ms = all->state[i].due_ms;
            found = i;
        }
    }
    *out_wait_ms = first_ms > now_ms ? first_ms - now_ms : 0;
    if (found == JOBS || *out_wait_ms > 0)
        return JOBS;
    all->state[found].running = true;
    all->state[found].was_woken = all->state[found].woken;
    all->state[found].woken = false;
    return found;
}

static void *work(void *context)
{
    struct clerk *c = context;
    struct clerk_jobs *all = c->jobs;
    struct db *db = NULL;

    while (!atomic_load(&c->stopping)) {
        uint64_t wait_ms;
        pthread_mutex_lock(&all->lock);
        unsigned n = job_take(all, &wait_ms);
        if (n == JOBS) {
            struct timespec until;
            clock_gettime(CLOCK_REALTIME, &until);
            uint64_t ns = (uint64_t)until.tv_nsec + wait_ms * 1000000;
            until.tv_sec += (time_t)(ns / 1000000000);
            until.tv_nsec = (long)(ns % 1000000000);
            pthread_cond_timedwait(&all->due, &all->lock, &until);
        }
        pthread_mutex_unlock(&all->lock);
        if (n < JOBS)
            job_run(c, n, &db);
    }
    db_close(db);
    return NULL;
}

bool clerk_wake(struct clerk *c, const char *job)
{
    struct clerk_jobs *all = c->jobs;

    for (unsigned i = 0; i < JOBS; i++) {
        if (strcmp(jobs[i].name, job) != 0)
            continue;
        pthread_mutex_lock(&all->lock);
        all->state[i].woken = true;
        all->state[i].due_ms = 0;
        pthread_cond_signal(&all->due);
        pthread_mutex_unlock(&all->lock);
        return true;
    }
    return false;
}

bool ask_wake(void *context, const json_t *question, json_t **out, struct imw_error_info *err)
{
    const char *what;

    *out = NULL;
    return ask_text(question, "what", 32, &what, err) &&
           (clerk_wake(context, what) || error_set(err, IMW_ERROR_VALUE, "the clerk has no such job"));
}

/* ---- the trail's checkpoints ---- */

/* Octets of standard base64 of exactly `size`. */
static bool octets(const json_t *text, uint8_t *out, size_t size)
{
    const char *at = json_string_value(text);
    uint8_t buffer[128];
    size_t len = at != NULL ? strlen(at) : 0;
    size_t padding = len > 2 ? (size_t)(at[len - 1] == '=') + (size_t)(at[len - 2] == '=') : 0;

    if (len == 0 || len % 4 != 0 || len / 4 * 3 > sizeof buffer || len / 4 * 3 - padding != size ||
        EVP_DecodeBlock(buffer, (const unsigned char *)at, (int)len) < 0)
        return false;
    memcpy(out, buffer, size);
    return true;
}

bool clerk_sign(struct clerk *c, struct view text, uint8_t out_signature[64], uint8_t out_key[32],
                struct imw_error_info *err)
{
    json_t *answer = NULL;

    if (c->keeper == NULL)
        return error_set(err, IMW_ERROR_SYSTEM, "there is no keeper to sign");
    if (!role_ask(c->keeper, json_pack("{s:s, s:s%}", "ask", "sign", "text", (const char *)text.at, text.len),
                  SIGN_MS, &answer, err))
        return false;
    bool ok = octets(json_object_get(answer, "signature"), out_signature, 64) &&
              octets(json_object_get(answer, "key"), out_key, 32);
    json_decref(answer);
    return ok || error_set(err, IMW_ERROR_SYSTEM, "the keeper's signature is none");
}

static bool sign(void *context, struct view text, uint8_t out_signature[64], uint8_t out_key[32],
                 struct imw_error_info *err)
{
    return clerk_sign(context, text, out_signature, out_key, err);
}

bool job_checkpoint(struct clerk_task *t, struct imw_error_info *err)
{
    return audit_checkpoint(t->db, sign, t->clerk, t->now_us, err);
}

/* Now, for whoever takes the trail away: answered once it is there. */
bool ask_checkpoint(void *context, const json_t *question, json_t **out, struct imw_error_info *err)
{
    struct clerk *c = context;
    struct db *db = NULL;

    (void)question;
    *out = NULL;
    if (!db_open(c->context->config->database, &db, err))
        return false;
    bool ok = audit_checkpoint(db, sign, c, clock_us(), err);
    db_close(db);
    return ok;
}

/* What is over is no session any more before this, too; here its row goes. */
bool job_sessions(struct clerk_task *t, struct imw_error_info *err)
{
    return db_begin(t->db, true, err) && session_expire(t->db, t->now_us, err) && db_commit(t->db, err);
}

/* ---- the role ---- */

static bool threads_start(struct clerk *c, pthread_t threads[THREADS], struct imw_error_info *err)
{
    for (unsigned i = 0; i < THREADS; i++) {
        int error = pthread_create(&threads[i], NULL, work, c);
        if (error != 0) {
            errno = error;
            return error_errno(err, "thread of the clerk");
        }
    }
    return true;
}

static bool begin(struct clerk *c, struct link_service *service, struct imw_error_info *err)
{
    const struct role_context *context = c->context;
    char spool[512];

    *service =
        (struct link_service){ context->edges[EDGE_API_CLERK], "api", asks, sizeof asks / sizeof asks[0], c };
    snprintf(spool, sizeof spool, "%s/spool", context->config->data);
    c->jobs = calloc(1, sizeof *c->jobs);
    c->oidc = oidc_new();
    if (c->jobs == NULL || c->oidc == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the clerk");
    pthread_mutex_init(&c->jobs->lock, NULL);
    pthread_cond_init(&c->jobs->due, NULL);
    return import_child_new(spool, &c->importer, err) &&
           folder_watch_new(context->config, &c->folders, err) && role_confine(context, NULL, 0, err) &&
           link_new(context->edges[EDGE_CLERK_KEEPER], "keeper", &c->keeper, err) &&
           link_serve(service, ASK_THREADS, err);
}

int clerk_main(const struct role_context *context)
{
    struct clerk c = { .context = context };
    struct link_service service;
    struct imw_error_info err = { 0 };
    pthread_t threads[THREADS];
    char line[768];
    int signals = role_signals(&err);

    if (signals < 0 || !begin(&c, &service, &err) || !threads_start(&c, threads, &err)) {
        log_error("role_start", "role=clerk: %s", error_format(&err, line, sizeof line));
        return ROLE_FAILED;
    }
    struct pollfd wait = { .fd = signals, .events = POLLIN };
    while (role_signal(signals) != SIGTERM) {
        changes_alive(context->changes, CONSOLE_CLERK, clock_ms());
        (void)poll(&wait, 1, ROUND_MS);
    }
    atomic_store(&c.stopping, true);
    pthread_mutex_lock(&c.jobs->lock);
    pthread_cond_broadcast(&c.jobs->due);
    pthread_mutex_unlock(&c.jobs->lock);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    import_child_free(c.importer);
    folder_watch_free(c.folders);
    oidc_free(c.oidc);
    return ROLE_DONE;
}
