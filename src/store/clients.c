/* SPDX-License-Identifier: Apache-2.0 */
/* Whose the clients are now: what was summed up by client is put together by person in memory. */
#include "store/sums.h"
#include <stdlib.h>

enum { CLIENTS_MOST = 1 << 26 };

void clients_free(struct clients *c)
{
    free(c->person);
    free(c->keys);
    *c = (struct clients){ 0 };
}

/* The next number is this person's. */
static bool person_next(struct clients *c, int64_t key)
{
    if ((c->persons & (c->persons + 1)) == 0) { /* 0, 1, 3, 7 …: the array is full */
        int64_t *keys = realloc(c->keys, ((size_t)c->persons + 1) * 2 * sizeof *keys);
        if (keys == NULL)
            return false;
        c->keys = keys;
    }
    c->keys[++c->persons] = key;
    return true;
}

static bool persons_read(struct db *db, const struct event_filter *f, struct clients *c, struct ask *a,
                         struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    bool memory = true;

    ask_begin(a);
    ask_add(a, "select who, person from (select id as who, coalesce(person, -id) as person from who) u"
               " where who < ?");
    ask_arg(a, db_int(c->count));
    filter_clients(f, a);
    filter_called(f, a);
    ask_add(a, " order by person");
    if (!ask_query(a, db, &rows, err))
        return false;
    while (memory && db_next(rows, &why)) {
        int64_t who = db_get_int(rows, 0), key = db_get_int(rows, 1);
        if (c->persons == 0 || c->keys[c->persons] != key)
            memory = person_next(c, key);
        if (memory && who > 0 && who < c->count)
            c->person[who] = c->persons;
    }
    return rows_done(rows, &why, err) && (memory || error_set(err, IMW_ERROR_MEMORY, "no memory for people"));
}

bool clients_read(struct db *db, const struct event_filter *f, struct clients *out,
                  struct imw_error_info *err)
{
    struct ask *a = malloc(sizeof *a);
    int64_t last = 0;

    *out = (struct clients){ 0 };
    bool ok = (a != NULL || error_set(err, IMW_ERROR_MEMORY, "no memory for people")) &&
              db_query_int(db, "select coalesce(max(id), 0) from who", DB_NONE, &last, NULL, err);
    if (ok) {
        out->count = (last < CLIENTS_MOST ? last : CLIENTS_MOST) + 1;
        out->person = calloc((size_t)out->count, sizeof *out->person);
        ok = (out->person != NULL || error_set(err, IMW_ERROR_MEMORY, "no memory for people")) &&
             persons_read(db, f, out, a, err);
    }
    free(a);
    if (!ok)
        clients_free(out);
    return ok;
}
