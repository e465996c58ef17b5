/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs of the clerk: bundles of files for gateways (program/enforcement.h), and exceptions whose time is
 * over.
 *
 * A bundle is due when something was told that it depends on, when an exception ends, and now and then,
 * should nobody have told. It is not made while nothing is due, nor more often than a third of the time would
 * go into it: what changes meanwhile waits for the next, all at once.
 */
#include "base/log.h"
#include "base/thread.h"
#include "console/clerk.h"
#include "program/catalog_view.h"
#include "program/enforcement.h"
#include "program/exception.h"
#include <stdio.h>
#include <stdlib.h>

enum { ANYHOW_MS = 300000, LEAST_MS = 1000, BATCH = 100 };

static const struct actor the_system = { .name = "system" };

/* What bundles depend on was told so many times. */
static uint64_t told(const struct clerk *c)
{
    static const enum change inputs[] = { CHANGE_ENFORCEMENT, CHANGE_POLICY, CHANGE_PEOPLE, CHANGE_DUTIES,
                                          CHANGE_TRAINING };
    uint64_t sum = 0;

    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++)
        sum += changes_seen(c->context->changes, inputs[i]);
    return sum;
}

/* The next end of an exception in the bundle; 0: none. */
static bool next_end(struct db *db, uint64_t now_us, uint64_t *out, struct imw_error_info *err)
{
    int64_t us = 0;

    if (!db_query_int(
            db, "select coalesce(min(until_us), 0) from exception where state = 'granted' and until_us > ?",
            DB_ARGS(db_int((int64_t)now_us)), &us, NULL, err))
        return false;
    *out = (uint64_t)us;
    return true;
}

static json_t *read_last(const char *folder, uint64_t *out_number)
{
    struct imw_error_info ignored;
    json_t *manifest = NULL;
    char *text;
    size_t len;

    *out_number = 0;
    if (!enforcement_load(folder, 0, "manifest.json", &text, &len, &ignored))
        return NULL;
    manifest = enforcement_read_manifest(text, len);
    free(text);
    if (manifest != NULL)
        *out_number = (uint64_t)json_integer_value(json_object_get(manifest, "number"));
    return manifest;
}

/* Signed, stored, noted, told. */
static bool publish(struct clerk_task *t, struct enforcement *e, const char *folder, uint64_t last,
                    struct imw_error_info *err)
{
    char text[ENFORCEMENT_SIGNED_SIZE];
    uint8_t signature[64], key[32];

    if (!enforcement_number(e, last, clock_us(), err))
        return false;
    enforcement_signed(e->number, e->manifest, strlen(e->manifest), text);
    if (!clerk_sign(t->clerk, view_string(text), signature, key, err) ||
        !enforcement_store(e, folder, signature, key, err) || !db_begin(t->db, true, err) ||
        !enforcement_note(t->db, e, clock_us(), err) || !db_commit(t->db, err))
        return false;
    changes_tell(t->clerk->context->changes, CHANGE_BUNDLE);
    log_info("enforcement", "number=%llu people=%u exceptions=%u policy=%s", (unsigned long long)e->number,
             e->people, e->exceptions, e->version);
    if (e->left > 0)
        log_warning("enforcement_people",
                    "%u logins cannot stand in the file of people: a comma, a quote or more than "
                    "63 bytes",
                    e->left);
    return true;
}

static bool make(struct clerk_task *t, struct imw_error_info *err)
{
    const struct console_config *config = t->clerk->context->config;
    struct catalog *catalog = NULL;
    struct enforcement e;
    bool any = false;
    unsigned written = 0;
    uint64_t last;
    char folder[512];

    snprintf(folder, sizeof folder, "%s/spool/enforcement", config->data);
    if (!catalog_view_open(config->catalog, &catalog, err))
        return false;
    bool ok = db_begin(t->db, false, err) && enforcement_make(t->db, catalog, t->now_us, &e, &any, err);
    db_rollback(t->db);
    catalog_view_close(catalog);
    if (!ok || !any)
        return ok;
    json_t *manifest = read_last(folder, &last);
    if (enforcement_differs(&e, manifest))
        ok = publish(t, &e, folder, last, err);
    json_decref(manifest);
    if (ok && config->policy_file != NULL)
        ok = enforcement_store_beside(&e, config->policy_file, &written, err);
    if (written > 0)
        log_info("policy_file", "file=%s: %u files were written", config->policy_file, written);
    enforcement_fini(&e);
    return ok;
}

bool job_enforcement(struct clerk_task *t, struct imw_error_info *err)
{
    struct clerk_enforcement *s = &t->clerk->enforcement;
    const uint64_t now_ms = clock_ms(), seen = told(t->clerk);

    s->woken = s->woken || t->woken;
    if (s->made && !s->woken && seen == s->seen && now_ms < s->anyhow_ms &&
        (s->end_us == 0 || t->now_us < s->end_us))
        return true;
    if (s->made && now_ms < s->not_before_ms) {
        t->more = now_ms + 200 > s->not_before_ms;
        return true;
    }
    if (!make(t, err) || !next_end(t->db, t->now_us, &s->end_us, err))
        return false;
    const uint64_t took_ms = clock_ms() - now_ms;
    *s = (struct clerk_enforcement){ .made = true,
                                     .seen = seen,
                                     .end_us = s->end_us,
                                     .anyhow_ms = now_ms + ANYHOW_MS,
                                     .not_before_ms =
                                         now_ms + took_ms + (took_ms > LEAST_MS ? took_ms : LEAST_MS) };
    return true;
}

/* The gateway knows the end by itself; here it is noted. */
bool job_exceptions(struct clerk_task *t, struct imw_error_info *err)
{
    struct act a = { .db = t->db, .actor = &the_system, .now_us = t->now_us };
    unsigned count = 0;
    int64_t due = 0;

    if (!db_query_int(t->db, "select count(*) from exception where state = 'granted' and until_us <= ?",
                      DB_ARGS(db_int((int64_t)t->now_us)), &due, NULL, err))
        return false;
    if (due == 0)
        return true;
    if (!db_begin(t->db, true, err) || !exception_expire(&a, BATCH, &count, err) || !db_commit(t->db, err))
        return false;
    t->more = count == BATCH;
    changes_tell(t->clerk->context->changes, CHANGE_EXCEPTIONS);
    changes_tell(t->clerk->context->changes, CHANGE_ENFORCEMENT);
    return true;
}
