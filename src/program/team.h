/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom somebody sees in the lists of the written program (who signed, who is trained): compliance everybody,
 * by name; managers the people below them, by name; examiners and programs (tokens) everybody, as pseudonyms.
 */
#pragma once
#include "base/text.h"
#include "program/act.h"
#include "store/team.h"

enum { TEAM_FEW = 200, TEAM_SOME = 5000 };
struct team_view {
    bool names;
    int64_t manager;       /* only the people below this person; 0: everybody */
    bool few, many;        /* there are at most TEAM_FEW of them: these; more than TEAM_SOME */
    int64_t ids[TEAM_FEW]; /* 0: none */
};
/* False, too, for a manager whom no person of the directory is. */
bool team_view_of(struct act *a, struct team_view *out, struct imw_error_info *err) IMW_MUST_USE;

/* Is this person below that manager? */
bool team_has(struct db *db, int64_t manager, int64_t person, bool *out,
              struct imw_error_info *err) IMW_MUST_USE;

/* Cut a question to whom the view sees: "and COLUMN in (…) ". A few are named one by one, which any planner
 * reads right; of many each row is asked whether it is one, so that a page is read in its order; those
 * between are looked up. `args` has room for TEAM_FEW more. */
void team_ask(const struct team_view *v, const char *column, struct text *sql, struct db_value *args,
              unsigned *count);
