/* SPDX-License-Identifier: Apache-2.0 */
/* Some of the people. */
#include "program/people_set.h"

bool people_set_load(struct db *db, const char *select, struct db_value value, struct people_set *out,
                     struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    char sql[256];
    struct text t = TEXT(sql);
    struct db_rows *rows;
    unsigned count = 0;

    *out = (struct people_set){ .select = select, .value = value };
    text_format(&t, "select person from %s x limit ?", select);
    if (!db_query(db, sql, DB_ARGS(value, db_int(PEOPLE_SOME + 1)), &rows, err))
        return false;
    for (; db_next(rows, &why); count++)
        if (count < PEOPLE_FEW)
            out->ids[count] = db_get_int(rows, 0);
    out->few = count <= PEOPLE_FEW;
    out->many = count > PEOPLE_SOME;
    return rows_done(rows, &why, err);
}

void people_set_ask(const struct people_set *s, const char *column, struct text *sql, struct db_value *args,
                    unsigned *count)
{
    if (!s->few) {
        if (s->many)
            text_format(sql, "and exists (select 1 from %s x where x.person = %s) ", s->select, column);
        else
            text_format(sql, "and %s in %s ", column, s->select);
        args[(*count)++] = s->value;
        return;
    }
    text_format(sql, "and %s in ", column);
    for (unsigned i = 0; i < PEOPLE_FEW; i++) {
        text_string(sql, i == 0 ? "(?" : ",?");
        args[(*count)++] = db_int(s->ids[i]);
    }
    text_string(sql, ") ");
}
