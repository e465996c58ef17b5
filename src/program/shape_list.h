/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the database as lists of the API. */
#pragma once
#include "program/shape.h"

/* One row as JSON; NULL: no memory. */
typedef json_t *shape_row(const struct db_rows *rows, void *context);
/* All rows of a question, a list. *out is the caller's. */
bool shape_list(struct db *db, const char *sql, const struct db_value *args, unsigned count, shape_row *row,
                void *context, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
/* The first row; *out NULL: there is none. */
bool shape_one(struct db *db, const char *sql, const struct db_value *args, unsigned count, shape_row *row,
               void *context, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
