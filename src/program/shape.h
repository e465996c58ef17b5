/* SPDX-License-Identifier: Apache-2.0 */
/* Parts that answers of the API have in common (web/src/api/types.ts): times, and what may be null. */
#pragma once
#include "base/json_value.h"
#include "base/text.h"
#include "program/when.h"
#include "store/db.h"

static inline json_t *shape_time(uint64_t us)
{
    char text[WHEN_SIZE];

    when_text(us, text);
    return json_pack("s", text);
}

/* A column as text, number or time; null where it is null. Text that is not UTF-8 is made so. */
static inline json_t *shape_text(const struct db_rows *rows, unsigned column)
{
    struct view v = db_get_text(rows, column);

    if (db_is_null(rows, column))
        return json_null();
    json_t *whole = json_stringn((const char *)v.at, v.len);
    if (whole != NULL)
        return whole;
    char shown[1024];
    struct text t = TEXT(shown);
    text_printable(&t, v);
    return json_pack("s", shown);
}
static inline json_t *shape_int(const struct db_rows *rows, unsigned column)
{
    return db_is_null(rows, column) ? json_null() : json_integer(db_get_int(rows, column));
}
static inline json_t *shape_time_of(const struct db_rows *rows, unsigned column)
{
    return db_is_null(rows, column) ? json_null() : shape_time((uint64_t)db_get_int(rows, column));
}
