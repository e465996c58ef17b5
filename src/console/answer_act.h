/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to an act of the program (program/act.h), and from what it said to the answer. */
#pragma once
#include "console/api.h"
#include "console/call.h"
#include "program/act.h"
#include "program/catalog_view.h"

static inline struct act act_of(const struct call *c)
{
    return (struct act){ .db = c->db, .actor = &c->actor, .address = c->address, .now_us = c->now_us };
}

/* It may not be, or it failed. */
static inline void answer_refused(struct call *c, const struct act *a, const struct imw_error_info *err)
{
    static const unsigned status[] = {
        [ACT_FINE] = 422, [ACT_WRONG] = 422, [ACT_FORBIDDEN] = 403, [ACT_MISSING] = 404, [ACT_LATE] = 409,
    };

    if (err->code == IMW_ERROR_VALUE && a->problem != ACT_FINE)
        call_problem(c, status[a->problem], err->key[0] != '\0' ? err->key : NULL, "%s", err->text);
    else
        call_failed(c, err);
}

/* What an act made, or why not. `body` is taken over. */
static inline void answer_made(struct call *c, const struct act *a, bool ok, unsigned status, json_t *body,
                               const struct imw_error_info *err)
{
    if (ok)
        call_json(c, status, body);
    else
        answer_refused(c, a, err);
}

/* Questions of the program: one that asks for nothing but who asks, and one for a row by its number. */
typedef bool act_ask(struct act *a, json_t **out, struct imw_error_info *err);
typedef bool act_get(struct act *a, int64_t id, json_t **out, struct imw_error_info *err);

/* GET of what needs no more. */
static inline void answer_asked(struct call *c, act_ask *ask)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *body = NULL;
    const bool ok = ask(&a, &body, &err);

    answer_made(c, &a, ok, 200, body, &err);
}

/* The row `id`, as it is now. */
static inline void answer_row(struct call *c, act_get *get, int64_t id, unsigned status)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *row = NULL;
    const bool ok = get(&a, id, &row, &err);

    answer_made(c, &a, ok, status, row, &err);
}

/* What was done to the row `id`, or why not; then the row as it is now. */
static inline void answer_done_to(struct call *c, const struct act *a, bool ok, act_get *get, int64_t id,
                                  unsigned status, const struct imw_error_info *err)
{
    if (ok)
        answer_row(c, get, id, status);
    else
        answer_refused(c, a, err);
}

/* GET of the row whose number is the route's first part. */
static inline void answer_id(struct call *c, act_get *get)
{
    int64_t id;

    if (call_id(c, 0, &id))
        answer_row(c, get, id, 200);
}

/* The catalog of this call, for catalog_view_close(). NULL: answered. */
static inline struct catalog *call_catalog(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct catalog *catalog = NULL;

    if (!catalog_view_open(c->api != NULL && c->api->config != NULL ? c->api->config->catalog : NULL,
                           &catalog, &err))
        call_failed(c, &err);
    return catalog;
}

/* End the transaction that the dispatcher began, and begin another in its place: what only reads must not
 * take the writer's turn from others while it works, and what shows something must write that down first. */
static inline bool begin_again(struct call *c, bool write)
{
    struct imw_error_info err;

    db_rollback(c->db);
    if (db_begin(c->db, write, &err))
        return true;
    call_failed(c, &err);
    return false;
}
