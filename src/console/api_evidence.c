/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence packages, and what regulations ask for: program/evidence.h, program/mapping.h. */
#include "console/answer_act.h"
#include "console/routes.h"
#include "program/evidence.h"
#include "program/evidence_make.h"
#include "program/mapping.h"
#include <stdio.h>

enum { LIMIT_FIRST = 25, LIMIT_MOST = 200 };

/* The key that signs, as the newest checkpoint has it. */
static bool add_key(struct call *c, json_t *page, struct imw_error_info *err)
{
    json_t *state = NULL;

    if (!audit_state(c->db, &state, err))
        return false;
    (void)json_object_set(page, "key", json_object_get(state, "key"));
    json_decref(state);
    return true;
}

void evidence_list_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *page = NULL;
    int64_t before, limit;

    if (!call_query_number(c, "cursor", 0, INT64_MAX, 0, &before) ||
        !call_query_number(c, "limit", 1, LIMIT_MOST, LIMIT_FIRST, &limit))
        return;
    bool ok = evidence_list(&a, before, (unsigned)limit, &page, &err) && add_key(c, page, &err);
    answer_made(c, &a, ok, 200, page, &err);
}

void evidence_show(struct call *c)
{
    answer_id(c, evidence_get);
}

void evidence_add(struct call *c)
{
    struct evidence_wish w = { .parts = json_object_get(c->body, "parts") };
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t id = 0;

    if (!call_text(c, "prepared_for", 4 * EVIDENCE_TEXT_BYTES, &w.prepared_for) ||
        !call_text(c, "purpose", 4 * EVIDENCE_TEXT_BYTES, &w.purpose) || !call_text(c, "from", 40, &w.from) ||
        !call_text(c, "until", 40, &w.until))
        return;
    if (!evidence_ask(&a, &w, &id, &err)) {
        answer_refused(c, &a, &err);
        return;
    }
    call_changed(c, CHANGE_EVIDENCE);
    call_wake(c, "evidence");
    answer_row(c, evidence_get, id, 201);
}

void evidence_drop(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t id;

    if (!call_id(c, 0, &id))
        return;
    if (!evidence_remove(&a, id, &err)) {
        answer_refused(c, &a, &err);
        return;
    }
    call_changed(c, CHANGE_EVIDENCE);
    call_wake(c, "evidence");
    call_nothing(c);
}

/* Piece by piece: it may be larger than the memory. */
static bool write_package(void *context, FILE *to, struct imw_error_info *err)
{
    const char *path = context;
    char buffer[16 * 1024];
    FILE *from = fopen(path, "re");
    size_t len;

    if (from == NULL)
        return error_set(err, IMW_ERROR_VALUE,
                         "the package's file is not there (it is in no backup): ask for it again");
    bool ok = true;
    while (ok && (len = fread(buffer, 1, sizeof buffer, from)) > 0)
        ok = fwrite(buffer, 1, len, to) == len;
    ok = ok && !ferror(from);
    fclose(from);
    return ok || error_errno(err, "a temporary file");
}

void evidence_file(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    char folder[512], path[600], name[64];
    int64_t id;

    if (!call_id(c, 0, &id) || !begin_again(c, true))
        return;
    if (!evidence_take(&a, id, name, &err) || !db_commit(c->db, &err)) {
        db_rollback(c->db);
        answer_refused(c, &a, &err);
        return;
    }
    call_changed(c, CHANGE_EVIDENCE);
    snprintf(folder, sizeof folder, "%s/spool/evidence", c->api->config->data);
    evidence_path(folder, id, path, sizeof path);
    call_file(c, "application/zip", name, write_package, path);
}

void evidence_mapping_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct mapping *all = NULL;
    char folder[512], line[768];

    snprintf(folder, sizeof folder, "%s/mapping", c->api->config->data);
    if (mapping_read(folder, &all, &err)) {
        json_t *tables = mapping_json(all);
        mapping_free(all);
        call_json(c, 200, json_pack("{s:o}", "tables", tables));
    } else if (err.code == IMW_ERROR_FORMAT) {
        call_problem(c, 422, NULL, "%s", error_format(&err, line, sizeof line));
    } else {
        call_failed(c, &err);
    }
}
