/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program in one look: for compliance what is open in all of it, for a manager who of the team owes what.
 * Sums come from tables that their writers keep (duty_sum, training_sum) and from indices, so that it stays
 * fast with 100,000 people; a row of a team asks for one person at a time.
 */
#pragma once
#include "program/act.h"

enum { DESK_DUE_DAYS = 14, DESK_REVIEW_DAYS = 365, TEAM_ROWS_MOST = 200 };

/* Desk of the API. What waits is what the caller may decide. */
bool desk_show(struct act *a, json_t **out, struct imw_error_info *err) IMW_MUST_USE;

struct team_filter {
    const char *state, *text; /* state: NULL, "owes", "overdue", "exception" */
    int64_t after;            /* the cursor of the page before; 0: the first */
    unsigned limit;
};
/* TeamPage: compliance sees everybody, a manager those below (program/team.h). */
bool team_list(struct act *a, const struct team_filter *f, json_t **out,
               struct imw_error_info *err) IMW_MUST_USE;
