/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom somebody sees in the lists of the written program (who signed, who is trained): compliance everybody,
 * by name; managers the people below them, by name; examiners and programs (tokens) everybody, as pseudonyms.
 */
#pragma once
#include "program/act.h"
#include "program/people_set.h"
#include "store/team.h"

struct team_view {
    bool names;
    int64_t manager;          /* only the people below this person; 0: everybody */
    struct people_set people; /* these */
};
/* False, too, for a manager whom no person of the directory is. */
bool team_view_of(struct act *a, struct team_view *out, struct imw_error_info *err) IMW_MUST_USE;

/* Is this person below that manager? */
bool team_has(struct db *db, int64_t manager, int64_t person, bool *out,
              struct imw_error_info *err) IMW_MUST_USE;

/* Cut a question to whom the view sees, as people_set_ask() does. */
void team_ask(const struct team_view *v, const char *column, struct text *sql, struct db_value *args,
              unsigned *count);
