/* SPDX-License-Identifier: Apache-2.0 */
/* Job "evidence": packages that were asked for are made; files of those that are gone go, too. */
#include "base/log.h"
#include "base/thread.h"
#include "console/clerk.h"
#include "program/evidence_make.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct actor the_system = { .name = "system" };

struct making {
    struct clerk_task *task;
    struct db *db; /* for progress, beside the one that reads */
};

static bool sign(void *context, struct view text, uint8_t out_signature[64], uint8_t out_key[32],
                 struct imw_error_info *err)
{
    const struct making *m = context;

    return clerk_sign(m->task->clerk, text, out_signature, out_key, err);
}

static void progress(void *context, int64_t id, unsigned percent)
{
    const struct making *m = context;
    struct imw_error_info ignored;

    if (!evidence_progress(m->db, id, percent, &ignored))
        db_rollback(m->db);
    changes_tell(m->task->clerk->context->changes, CHANGE_EVIDENCE);
}

/* What is no package any more, or half of one. */
static bool sweep(struct clerk_task *t, const char *folder, struct imw_error_info *err)
{
    DIR *dir = opendir(folder);
    bool ok = true;

    for (const struct dirent *e; dir != NULL && ok && (e = readdir(dir)) != NULL;) {
        const struct view name = view_string(e->d_name);
        const size_t dot = view_find_byte(name, '.', 0);
        char path[1024];
        uint64_t id = 0;
        bool keeps = false;

        if (e->d_name[0] == '.')
            continue;
        if (view_decimal(view_slice(name, 0, dot), INT64_MAX, &id) &&
            view_equal(view_from(name, dot), VIEW(".zip")))
            ok = evidence_keeps(t->db, (int64_t)id, &keeps, err);
        if (ok && !keeps) {
            snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
            (void)unlink(path);
        }
    }
    if (dir != NULL)
        closedir(dir);
    return ok;
}

static bool end(struct clerk_task *t, const struct evidence_order *o, const struct evidence_made *made,
                const char *why, struct imw_error_info *err)
{
    struct act a = { .db = t->db, .actor = &the_system, .now_us = clock_us() };

    return db_begin(t->db, true, err) && evidence_end(&a, o->id, made, why, err) && db_commit(t->db, err);
}

static bool make(struct clerk_task *t, const struct evidence_order *o, const char *folder,
                 struct imw_error_info *err)
{
    const struct console_config *config = t->clerk->context->config;
    struct making making = { .task = t };
    struct imw_error_info why = { .code = IMW_OK };
    struct evidence_made made;
    char mapping[512], line[768];

    snprintf(mapping, sizeof mapping, "%s/mapping", config->data);
    const struct evidence_maker maker = { .folder = folder,
                                          .mapping = mapping,
                                          .sign = sign,
                                          .context = &making,
                                          .progress = progress,
                                          .now_us = clock_us() };
    if (!db_open(config->database, &making.db, err))
        return false;
    progress(&making, o->id, 1);
    const bool ok = evidence_make(t->db, o, &maker, &made, &why);
    db_rollback(t->db);
    db_close(making.db);
    if (ok)
        log_info("evidence", "package=%lld bytes=%llu files=%u", (long long)o->id,
                 (unsigned long long)made.size, made.files);
    else
        log_warning("evidence_failed", "package=%lld: %s", (long long)o->id,
                    error_format(&why, line, sizeof line));
    return end(t, o, ok ? &made : NULL, ok ? NULL : line, err);
}

bool job_evidence(struct clerk_task *t, struct imw_error_info *err)
{
    struct evidence_order o;
    char folder[512];
    bool found;

    snprintf(folder, sizeof folder, "%s/spool/evidence", t->clerk->context->config->data);
    if (!sweep(t, folder, err) || !evidence_next(t->db, &o, &found, err))
        return false;
    if (!found)
        return true;
    t->more = true;
    const bool ok = make(t, &o, folder, err);
    changes_tell(t->clerk->context->changes, CHANGE_EVIDENCE);
    return ok;
}
