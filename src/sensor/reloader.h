/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reloading catalog and policy while packets flow, in a thread of its own: loading takes tenths of a second,
 * which no worker waits for. A file that is broken changes nothing.
 */
#pragma once
#include "engine/engine.h"
#include "event/writer.h"
#include "sensor/notify.h"

struct reloader;

struct reloader_config {
    struct engine *engine;
    struct event_writer *writer;
    struct pipeline *pipeline; /* takes new rules up before any worker does */
    const struct notify *notify;
    const char *catalog, *overrides, *policy; /* NULL: the built-in one; none; none */
    /* Whatever else is read again with them: also() puts the new in the place of the old, or fails and
     * changes nothing; settled() is called when no worker is still with the old. NULL: nothing. */
    bool (*also)(void *context, struct imw_error_info *err);
    void (*settled)(void *context);
    void *context;
};

bool reloader_new(const struct reloader_config *config, struct reloader **out,
                  struct imw_error_info *err) IMW_MUST_USE;
void reloader_free(struct reloader *r); /* waits for a reload that is under way */

/* Any thread: reload soon. Requests that come while one is under way are one more reload together. */
void reloader_ask(struct reloader *r);

/* Any thread: reload, and come back when it is in force; or false, and err says why not. */
bool reloader_wait(struct reloader *r, struct imw_error_info *err) IMW_MUST_USE;

/* Any thread: call `tell` with the rules in force, which stay while it runs; a reload waits meanwhile. */
void reloader_rules(struct reloader *r, void (*tell)(void *to, const struct rules *rules), void *to);

struct reloader_status {
    char catalog_version[32];
    uint64_t catalog_built_s; /* since 1970 */
    uint64_t reloads, failed; /* reloads: that worked */
    uint64_t reloaded_us;     /* the last that worked, since 1970; 0: none yet */
    char error[512];          /* of the last that failed; empty once one worked */
};
void reloader_status(struct reloader *r, struct reloader_status *out);
