/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exceptions from the policy: somebody asks, with purpose and benefit, for a person or a department; somebody
 * of compliance who is another person decides; it ends by itself, and then the rules behind it decide again.
 *
 *     asked -> granted, refused, withdrawn      granted -> expired (its time is over), ended (by somebody)
 *
 * An emergency is granted when it starts, for hours, by compliance or (setting exceptions.managers_start) the
 * team's manager, never for oneself; it stays open until it is closed out with what was said and where that
 * is archived. Nothing has to run for an end: the rule that gateways have carries the time. The clerk notes
 * it.
 *
 * Who asks for whom: everybody for themselves; managers for people below them and departments that they lead;
 * compliance for all. What of it is seen by whom: exception_list().
 */
#pragma once
#include "program/act.h"
#include <stdio.h>

struct catalog;

enum {
    EXCEPTION_TEXT_BYTES = 4000,
    EXCEPTION_WHY_LEAST = 15,
    EXCEPTION_RISK_DAYS = 30,
    EXCEPTIONS_WAITING = 20
};

struct exception_wish {
    const char *service, *class; /* one of them; the other NULL */
    const json_t *activities;    /* list of words; empty: all */
    int64_t person, department;  /* neither: whoever asks */
    const char *purpose, *benefit;
    const char *until; /* of a request: a day or a time */
    int64_t hours;     /* of an emergency */
};
/* One of the two, the other NULL, and one that there is? ACT_WRONG: not so. */
bool exception_of_what(struct act *a, const struct catalog *catalog, const char *service, const char *class,
                       struct imw_error_info *err) IMW_MUST_USE;
bool exception_ask(struct act *a, const struct catalog *catalog, const struct exception_wish *w,
                   int64_t *out_id, struct imw_error_info *err) IMW_MUST_USE;
bool exception_start_emergency(struct act *a, const struct catalog *catalog, const struct exception_wish *w,
                               int64_t *out_id, struct imw_error_info *err) IMW_MUST_USE;
/* `until` NULL: as it was asked for. */
bool exception_decide(struct act *a, int64_t id, bool grant, const char *why, const char *until,
                      struct imw_error_info *err) IMW_MUST_USE;
/* Withdraw (who asked), end (who asked, the person, their manager, compliance). */
bool exception_end(struct act *a, int64_t id, const char *why, struct imw_error_info *err) IMW_MUST_USE;
bool exception_close(struct act *a, int64_t id, const char *said, const char *archived,
                     struct imw_error_info *err) IMW_MUST_USE;
/* Those whose time is over, as the system. *out_count: how many of at most `most`. */
bool exception_expire(struct act *a, unsigned most, unsigned *out_count,
                      struct imw_error_info *err) IMW_MUST_USE;

/* ---- questions; shapes as in web/src/api/types.ts ---- */
struct exception_filter {
    const char *state, *kind, *text; /* NULL: any */
    bool open;                       /* emergencies that are not closed out */
    int64_t due_days;                /* granted, and ending within so many days; 0: any */
    int64_t before;                  /* cursor: the last id of the page before; 0: the first */
    unsigned limit;
};
/* ExceptionPage. Managers see their team's and their own; names are for compliance, managers, and oneself. */
bool exception_list(struct act *a, const struct exception_filter *f, json_t **out,
                    struct imw_error_info *err) IMW_MUST_USE;
/* ExceptionDetail; `mine`: also one that the caller asked for or that is about them. */
bool exception_get(struct act *a, int64_t id, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
/* {exceptions, most_days} */
bool exception_mine(struct act *a, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
/* ExceptionRisk. ACT_WRONG: there is no such service or class. */
bool exception_risk(struct act *a, const struct catalog *catalog, const char *service, const char *class,
                    json_t **out, struct imw_error_info *err) IMW_MUST_USE;

/* ExceptionChoices: what the caller may ask for, and for whom. */
bool exception_choices(struct act *a, const struct catalog *catalog, json_t **out,
                       struct imw_error_info *err) IMW_MUST_USE;

/* ---- for gateways ---- */
/* The file of exceptions in force (docs/policy.md). *out_rules: how many. Those that name what the catalog
 * does not have, or nobody whom the network could know, are left out. */
bool exceptions_write(struct db *db, const struct catalog *catalog, uint64_t now_us, FILE *to,
                      unsigned *out_rules, struct imw_error_info *err) IMW_MUST_USE;
