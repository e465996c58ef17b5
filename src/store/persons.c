/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose client is this: by table person_alias. Who signed in counts before the machine's name, that before
 * its address, that before a network it lies in (the smallest one). An alias counts from from_us to until_us.
 */
#include "base/address.h"
#include "store/words.h"
#include <stdlib.h>

enum { NETWORKS = 65536 };

struct network {
    struct ip_addr net;
    unsigned bits;
    int64_t person, department, from_us, until_us;
};
enum { ALIAS_USER, ALIAS_HOST, ALIAS_ADDRESS, ALIAS_KINDS };
static const char *const alias_kinds[ALIAS_KINDS] = { "user", "host", "address" };
struct networks {
    struct network *at;
    size_t count;
    bool any[ALIAS_KINDS]; /* there are aliases of that kind: else none is asked for */
};

void networks_free(struct networks *n)
{
    if (n != NULL)
        free(n->at);
    free(n);
}

static bool kinds_load(struct db *db, struct networks *n, struct imw_error_info *err)
{
    for (unsigned k = 0; k < ALIAS_KINDS; k++) {
        int64_t one;
        if (!db_query_int(db, "select 1 from person_alias where kind = ? limit 1",
                          DB_ARGS(db_text(alias_kinds[k])), &one, &n->any[k], err))
            return false;
    }
    return true;
}

bool networks_load(struct db *db, struct networks **out, struct imw_error_info *err)
{
    struct networks *n = calloc(1, sizeof *n);
    struct db_rows *rows = NULL;
    struct imw_error_info why = { 0 };
    bool memory = n != NULL;

    if (memory && !db_query(db,
                            "select a.value, a.person, coalesce(p.department, 0), a.from_us, a.until_us"
                            " from person_alias a join person p on p.id = a.person"
                            " where a.kind = 'address' and a.value like '%/%' order by a.from_us limit ?",
                            DB_ARGS(db_int(NETWORKS)), &rows, err)) {
        free(n);
        return false;
    }
    while (memory && db_next(rows, &why)) {
        struct network net = { .person = db_get_int(rows, 1),
                               .department = db_get_int(rows, 2),
                               .from_us = db_get_int(rows, 3),
                               .until_us = db_is_null(rows, 4) ? INT64_MAX : db_get_int(rows, 4) };
        if (!ip_parse_network(db_get_text(rows, 0), &net.net, &net.bits))
            continue; /* the directory says so where it is written */
        struct network *more = n->count % 64 == 0 ? realloc(n->at, (n->count + 64) * sizeof *more) : n->at;
        memory = more != NULL;
        if (memory) {
            n->at = more;
            n->at[n->count++] = net;
        }
    }
    db_rows_end(rows);
    if (memory && why.code == IMW_OK && kinds_load(db, n, &why)) {
        *out = n;
        return true;
    }
    networks_free(n);
    if (!memory)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the networks of people");
    if (err != NULL)
        *err = why;
    return false;
}

/* The person of an alias at that time. Where there is none, until when that is so is narrowed. */
static bool by_alias(struct db *db, const struct networks *n, unsigned kind, struct view value,
                     int64_t time_us, struct person_match *m, struct imw_error_info *err)
{
    char folded[256];
    struct text lower = TEXT(folded);
    struct db_rows *rows = NULL;
    struct imw_error_info why = { 0 };

    if (value.len == 0 || (n != NULL && !n->any[kind]))
        return true;
    for (size_t i = 0; i < value.len; i++)
        text_char(&lower, (char)ascii_lower(value.at[i]));
    if (!db_query(db,
                  "select a.person, coalesce(p.department, 0), a.from_us, a.until_us from person_alias a"
                  " join person p on p.id = a.person where a.kind = ? and a.value in (?, ?)"
                  " order by a.from_us desc",
                  DB_ARGS(db_text(alias_kinds[kind]), db_view(value), db_text(folded)), &rows, err))
        return false;
    while (m->person == 0 && db_next(rows, &why)) {
        int64_t from = db_get_int(rows, 2), until = db_is_null(rows, 3) ? INT64_MAX : db_get_int(rows, 3);
        if (from <= time_us && time_us < until) {
            m->person = db_get_int(rows, 0);
            m->department = db_get_int(rows, 1);
            m->from_us = from > m->from_us ? from : m->from_us;
            m->until_us = until < m->until_us ? until : m->until_us;
        } else if (from > time_us) { /* not theirs yet */
            m->until_us = from < m->until_us ? from : m->until_us;
        } else { /* no more */
            m->from_us = until > m->from_us ? until : m->from_us;
        }
    }
    db_rows_end(rows);
    if (why.code != IMW_OK && err != NULL)
        *err = why;
    return why.code == IMW_OK;
}

static void by_network(const struct networks *n, struct view address, int64_t time_us, struct person_match *m)
{
    const struct network *best = NULL;
    struct ip_addr ip;

    if (n == NULL || !ip_parse(address, &ip))
        return;
    for (size_t i = 0; i < n->count; i++) {
        const struct network *at = &n->at[i];
        if (!ip_in_network(&ip, &at->net, at->bits))
            continue;
        if (at->from_us <= time_us && time_us < at->until_us) {
            if (best == NULL || at->bits >= best->bits)
                best = at;
        } else if (at->from_us > time_us) {
            m->until_us = at->from_us < m->until_us ? at->from_us : m->until_us;
        } else {
            m->from_us = at->until_us > m->from_us ? at->until_us : m->from_us;
        }
    }
    if (best == NULL)
        return;
    m->person = best->person;
    m->department = best->department;
    m->from_us = best->from_us > m->from_us ? best->from_us : m->from_us;
    m->until_us = best->until_us < m->until_us ? best->until_us : m->until_us;
}

bool person_find(struct db *db, const struct networks *n, struct view address, struct view login,
                 struct view host, int64_t time_us, struct person_match *out, struct imw_error_info *err)
{
    struct person_match m = { .from_us = 0, .until_us = INT64_MAX };

    if (!by_alias(db, n, ALIAS_USER, login, time_us, &m, err) ||
        (m.person == 0 && !by_alias(db, n, ALIAS_HOST, host, time_us, &m, err)) ||
        (m.person == 0 && !by_alias(db, n, ALIAS_ADDRESS, address, time_us, &m, err)))
        return false;
    if (m.person == 0)
        by_network(n, address, time_us, &m);
    *out = m;
    return true;
}
