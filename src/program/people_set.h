/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of people to cut a list to: the people below a manager (program/team.h), or those in whose text a
 * word is (program/person_text.h). How a list is read fast depends on how many they are, which neither
 * database guesses right: a few are named one by one; of many each row of the list is asked whether it is of
 * one, so that a page is read in its order; those between are looked up.
 */
#pragma once
#include "base/text.h"
#include "store/db.h"

enum { PEOPLE_FEW = 200, PEOPLE_SOME = 5000 };
struct people_set {
    const char *select;      /* "(select person from … ?)" */
    struct db_value value;   /* its argument; what it points to is the caller's */
    bool few, many;          /* at most PEOPLE_FEW; more than PEOPLE_SOME */
    int64_t ids[PEOPLE_FEW]; /* where they are few; 0: none */
};
bool people_set_load(struct db *db, const char *select, struct db_value value, struct people_set *out,
                     struct imw_error_info *err) IMW_MUST_USE;

/* "and COLUMN in (…) ", COLUMN with the name of its table. `args` has room for PEOPLE_FEW more. */
void people_set_ask(const struct people_set *s, const char *column, struct text *sql, struct db_value *args,
                    unsigned *count);
