/* SPDX-License-Identifier: Apache-2.0 */
/* Statements put together from parts of ours; values are always bound. */
#include "store/event_parts.h"
#include <stdio.h>

void ask_begin(struct ask *a)
{
    a->sql[0] = '\0';
    a->len = 0;
    a->count = 0;
    a->full = false;
}

void ask_add(struct ask *a, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    int n = vsnprintf(a->sql + a->len, sizeof a->sql - a->len, format, list);
    va_end(list);
    if (n < 0 || (size_t)n >= sizeof a->sql - a->len)
        a->full = true;
    else
        a->len += (size_t)n;
}

void ask_arg(struct ask *a, struct db_value v)
{
    if (a->count == ASK_ARGS)
        a->full = true;
    else
        a->args[a->count++] = v;
}

void ask_in(struct ask *a, const int64_t *ids, size_t count)
{
    size_t places = 1;

    if (count == 0) {
        ask_add(a, " in (-1)"); /* no id is that */
        return;
    }
    while (places < count)
        places *= 2;
    ask_add(a, " in (");
    for (size_t i = 0; i < places; i++) {
        ask_add(a, "%s", i > 0 ? ",?" : "?");
        ask_arg(a, db_int(ids[i < count ? i : count - 1]));
    }
    ask_add(a, ")");
}

static bool fits(const struct ask *a, struct imw_error_info *err)
{
    return !a->full || error_set(err, IMW_ERROR_VALUE, "the filter names too many values; name fewer");
}

bool ask_query(struct ask *a, struct db *db, struct db_rows **out, struct imw_error_info *err)
{
    return fits(a, err) && db_query(db, a->sql, a->args, a->count, out, err);
}

bool ask_run(struct ask *a, struct db *db, struct imw_error_info *err)
{
    return fits(a, err) && db_run(db, a->sql, a->args, a->count, NULL, err);
}
