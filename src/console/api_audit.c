/* SPDX-License-Identifier: Apache-2.0 */
/* The audit trail: read, checked, taken away as a file. */
#include "console/api.h"
#include "console/ask_keeper.h"
#include "console/routes.h"

enum { LIMIT_FIRST = 50, LIMIT_MOST = 500, CHECKPOINT_WAIT_MS = 10000 };

void audit_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    int64_t limit, cursor;
    json_t *list;

    if (!call_query_number(c, "limit", 0, LIMIT_MOST, LIMIT_FIRST, &limit) ||
        !call_query_number(c, "cursor", 0, INT64_MAX, 0, &cursor))
        return;
    if (audit_list(c->db, call_query(c, "actor"), call_query(c, "act"), call_query(c, "object"),
                   call_query(c, "q"), cursor, limit > 0 ? (unsigned)limit : 1, &list, &err))
        call_json(c, 200, list);
    else
        call_failed(c, &err);
}

void audit_state_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    json_t *state;

    if (audit_state(c->db, &state, &err))
        call_json(c, 200, state);
    else
        call_failed(c, &err);
}

/* The act alone, in a transaction of its own: what follows only reads, and long. False: answered. */
static bool audit_alone(struct call *c, const char *act)
{
    struct imw_error_info err = { 0 };

    db_rollback(c->db);
    if (!db_begin(c->db, true, &err)) {
        call_failed(c, &err);
        return false;
    }
    if (!call_audit(c, act, NULL, "audit"))
        return false;
    if (db_commit(c->db, &err))
        return true;
    db_rollback(c->db);
    call_failed(c, &err);
    return false;
}

void audit_check(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct audit_result r;

    if (!audit_alone(c, "audit.verify"))
        return;
    if (!audit_verify(c->db, VIEW(""), &r, &err))
        call_failed(c, &err);
    else
        call_json(c, 200,
                  json_pack("{s:b,s:I,s:I,s:I,s:s?}", "whole", r.wrong_seq == 0, "records",
                            (json_int_t)r.records, "checkpoints", (json_int_t)r.checkpoints, "unsigned",
                            (json_int_t)r.unsigned_records, "wrong", r.wrong_seq != 0 ? r.wrong : NULL));
}

static bool write_trail(void *context, FILE *to, struct imw_error_info *err)
{
    return audit_export(context, to, err);
}

void audit_export_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    json_t *answer = NULL;

    if (!audit_alone(c, "audit.export"))
        return;
    /* A checkpoint over all of it, where the clerk is there; what is behind the last one is told as such. */
    if (role_ask(c->api->clerk, json_pack("{s:s}", "ask", "checkpoint"), CHECKPOINT_WAIT_MS, &answer, &err))
        json_decref(answer);
    call_file(c, "application/x-ndjson", "audit.ndjson", write_trail, c->db);
}
