/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the database as lists of the API: a loop over rows, and what may go wrong in it, written once. */
#include "program/shape_list.h"

bool shape_list(struct db *db, const char *sql, const struct db_value *args, unsigned count, shape_row *row,
                void *context, json_t **out, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    json_t *list = json_pack("[]");
    struct db_rows *rows;
    bool ok = list != NULL;

    if (!db_query(db, sql, args, count, &rows, err)) {
        json_decref(list);
        return false;
    }
    while (ok && db_next(rows, &why))
        ok = json_array_append_new(list, row(rows, context)) == 0;
    bool done = rows_done(rows, &why, err);
    if (ok && done) {
        *out = list;
        return true;
    }
    json_decref(list);
    return done ? error_memory(err) : false;
}

bool shape_one(struct db *db, const char *sql, const struct db_value *args, unsigned count, shape_row *row,
               void *context, json_t **out, struct imw_error_info *err)
{
    json_t *list;

    if (!shape_list(db, sql, args, count, row, context, &list, err))
        return false;
    *out = json_incref(json_array_get(list, 0));
    json_decref(list);
    return true;
}
