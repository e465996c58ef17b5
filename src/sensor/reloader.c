/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that reloads. It alone calls engine_use() and engine_tidy().
 *
 * A request is a number one higher than the last; a reload answers all that were made before it began.
 */
#include "sensor/reloader.h"
#include "base/log.h"
#include "base/text.h"
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum {
    SETTLE_MS = 5000, /* a worker takes new rules up within a batch; longer, and it is stuck */
    TIDY_MS = 200,
};

struct reloader {
    struct reloader_config config;
    pthread_t thread;
    pthread_mutex_t rules; /* held while they change or are freed, and while somebody is told of them */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stop;
    uint64_t asked, answered;
    bool ok; /* of the last */
    struct imw_error_info err;
    struct reloader_status status;
};

static uint64_t clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* What is told of the rules in force. Under the lock. */
static void note_rules(struct reloader *r)
{
    const struct catalog *catalog = engine_rules(r->config.engine)->catalog;
    struct text version = TEXT(r->status.catalog_version);

    text_printable(&version, catalog_version(catalog));
    r->status.catalog_built_s = catalog_built(catalog);
}

static void settle(struct reloader *r, unsigned wait_ms)
{
    if (engine_has_settled(r->config.engine, wait_ms) && r->config.settled != NULL)
        r->config.settled(r->config.context);
}

static bool load(struct reloader *r, struct imw_error_info *err)
{
    struct engine *e = r->config.engine;
    const struct rules_files files = { r->config.catalog, r->config.overrides, r->config.policy };
    struct rules *next;

    settle(r, 0); /* where a worker was late with the reload before */
    if (!rules_load_files(&files, engine_rules(e), &next, err))
        return false;
    if (r->config.also != NULL && !r->config.also(r->config.context, err)) {
        rules_free(next);
        return false;
    }
    pipeline_use(r->config.pipeline, next);
    pthread_mutex_lock(&r->rules);
    engine_use(e, next);
    pthread_mutex_unlock(&r->rules);
    settle(r, SETTLE_MS);
    return true;
}

static void reload(struct reloader *r)
{
    struct imw_error_info err = { .code = IMW_OK };
    char line[768];

    notify_reloading(r->config.notify);
    bool ok = load(r, &err);
    pthread_mutex_lock(&r->lock);
    r->ok = ok;
    r->err = err;
    struct text error = TEXT(r->status.error);
    if (ok) {
        note_rules(r);
        r->status.reloads++;
        r->status.reloaded_us = clock_us();
        log_notice("reloaded", "catalog=%s version=%s policy=%s",
                   r->config.catalog != NULL ? r->config.catalog : "built-in", r->status.catalog_version,
                   r->config.policy != NULL ? r->config.policy : "none");
    } else {
        r->status.failed++;
        text_string(&error, error_format(&err, line, sizeof line));
        log_error("reload_failed", "%s: what was in force stays; mend it and reload again", line);
    }
    pthread_mutex_unlock(&r->lock);
    notify_send(r->config.notify, "READY=1\nSTATUS=%s",
                ok ? "watching; reloaded" : "watching; the last reload failed, see the log");
}

static bool drained(void *context, unsigned wait_ms)
{
    return event_writer_drained(context, wait_ms);
}

static void wait_a_while(struct reloader *r)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (long)TIDY_MS * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_cond_timedwait(&r->changed, &r->lock, &until);
}

static void *reloader_thread(void *argument)
{
    struct reloader *r = argument;
    bool tidy = true;

    pthread_mutex_lock(&r->lock);
    while (!r->stop) {
        if (r->asked > r->answered) {
            uint64_t asked = r->asked;
            pthread_mutex_unlock(&r->lock);
            reload(r);
            pthread_mutex_lock(&r->lock);
            r->answered = asked;
            tidy = false;
            pthread_cond_broadcast(&r->changed);
        } else if (!tidy) {
            wait_a_while(r);
            pthread_mutex_unlock(&r->lock);
            pthread_mutex_lock(&r->rules);
            tidy = engine_tidy(r->config.engine, drained, r->config.writer, TIDY_MS);
            pthread_mutex_unlock(&r->rules);
            pthread_mutex_lock(&r->lock);
        } else {
            (void)pthread_cond_wait(&r->changed, &r->lock);
        }
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

bool reloader_new(const struct reloader_config *config, struct reloader **out, struct imw_error_info *err)
{
    struct reloader *r = calloc(1, sizeof *r);

    if (r == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory to reload");
    r->config = *config;
    pthread_mutex_init(&r->rules, NULL);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    note_rules(r);
    if (pthread_create(&r->thread, NULL, reloader_thread, r) != 0) {
        free(r);
        return error_set(err, IMW_ERROR_SYSTEM, "cannot start the thread that reloads");
    }
    (void)pthread_setname_np(r->thread, "reloader");
    *out = r;
    return true;
}

void reloader_free(struct reloader *r)
{
    if (r == NULL)
        return;
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    pthread_mutex_destroy(&r->rules);
    free(r);
}

void reloader_ask(struct reloader *r)
{
    pthread_mutex_lock(&r->lock);
    r->asked++;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

bool reloader_wait(struct reloader *r, struct imw_error_info *err)
{
    pthread_mutex_lock(&r->lock);
    uint64_t mine = ++r->asked;
    pthread_cond_broadcast(&r->changed);
    while (r->answered < mine && !r->stop)
        (void)pthread_cond_wait(&r->changed, &r->lock);
    bool answered = r->answered >= mine, ok = answered && r->ok;
    if (!ok && answered)
        *err = r->err;
    pthread_mutex_unlock(&r->lock);
    if (!answered)
        return error_set(err, IMW_ERROR_SYSTEM, "the sensor is stopping");
    return ok;
}

void reloader_rules(struct reloader *r, void (*tell)(void *to, const struct rules *rules), void *to)
{
    pthread_mutex_lock(&r->rules);
    tell(to, engine_rules(r->config.engine));
    pthread_mutex_unlock(&r->rules);
}

void reloader_status(struct reloader *r, struct reloader_status *out)
{
    pthread_mutex_lock(&r->lock);
    *out = r->status;
    pthread_mutex_unlock(&r->lock);
}
