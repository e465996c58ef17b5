/* SPDX-License-Identifier: Apache-2.0 */
/* Entries are sorted by key when the batch is stored, those of one key put together, then written many at a
 * time. */
#include "store/programs.h"
#include "base/text.h"
#include <stdlib.h>

enum { KEYS = 6, TOGETHER = 64, SOME = 8 };

/* key[0] 0: who, program, service; 1: day, sensor, state, engine, reason. */
struct entry {
    int64_t key[KEYS], count, first_us, last_us, signatures_us;
};
struct programs {
    struct entry *list;
    size_t count, room;
};

struct programs *programs_new(void)
{
    return calloc(1, sizeof(struct programs));
}

void programs_free(struct programs *p)
{
    if (p != NULL)
        free(p->list);
    free(p);
}

void programs_clear(struct programs *p)
{
    p->count = 0;
}

static bool add(struct programs *p, struct entry e)
{
    /* Lines of one conversation follow each other. */
    for (size_t i = p->count; i > 0 && i + 8 > p->count; i--) {
        struct entry *at = &p->list[i - 1];
        if (memcmp(at->key, e.key, sizeof e.key) != 0)
            continue;
        at->count++;
        at->first_us = e.first_us < at->first_us ? e.first_us : at->first_us;
        at->last_us = e.last_us > at->last_us ? e.last_us : at->last_us;
        at->signatures_us = e.signatures_us > at->signatures_us ? e.signatures_us : at->signatures_us;
        return true;
    }
    if (p->count == p->room) {
        const size_t room = p->room != 0 ? p->room * 2 : 256;
        struct entry *more = realloc(p->list, room * sizeof *more);
        if (more == NULL)
            return false;
        p->list = more;
        p->room = room;
    }
    p->list[p->count++] = e;
    return true;
}

bool programs_seen(struct programs *p, int64_t who, int64_t service, int64_t program, int64_t time_us)
{
    return who == 0 || program == 0 ||
           add(p, (struct entry){ { 0, who, program, service }, 1, time_us, time_us, 0 });
}

bool programs_scanned(struct programs *p, const int64_t number[EVENT_NUMBER_COUNT], int64_t engine,
                      int64_t reason, int64_t signatures_us)
{
    const int64_t time_us = number[NUMBER_TIME];

    return add(
        p, (struct entry){ { 1, day_of(time_us), number[NUMBER_SENSOR], number[NUMBER_SCAN], engine, reason },
                           1,
                           time_us,
                           time_us,
                           signatures_us });
}

static int by_key(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    for (unsigned i = 0; i < KEYS; i++)
        if (x->key[i] != y->key[i])
            return x->key[i] < y->key[i] ? -1 : 1;
    return 0;
}

#define LEAST(table, column)                                                                                 \
#column " = case when excluded." #column " < " table "." #column " then excluded." #column               \
            " else " table "." #column " end"
#define MOST(table, column)                                                                                  \
#column " = case when excluded." #column " > " table "." #column " then excluded." #column               \
            " else " table "." #column " end"

static bool store_some(struct db *db, const struct entry *e, unsigned count, int64_t hour,
                       struct imw_error_info *err)
{
    struct db_value values[TOGETHER * 9];
    const bool scan = e->key[0] == 1;
    unsigned n = 0;
    char sql[2400];
    struct text t = TEXT(sql);

    text_string(
        &t, scan
                ? "insert into scan_day (day, sensor, state, engine, reason, files, first_us, last_us, "
                  "signatures_us) values "
                : "insert into client_seen (who, program, service, first_us, last_us, events, hour) values ");
    for (unsigned k = 0; k < count; k++) {
        text_string(&t, k > 0 ? "," : "");
        text_string(&t, scan ? "(?,?,?,?,?,?,?,?,?)" : "(?,?,?,?,?,?,?)");
        for (unsigned i = 1; i < (scan ? 6u : 4u); i++)
            values[n++] = db_int(e[k].key[i]);
        if (scan)
            values[n++] = db_int(e[k].count);
        values[n++] = db_int(e[k].first_us);
        values[n++] = db_int(e[k].last_us);
        values[n++] = db_int(scan ? e[k].signatures_us : e[k].count);
        if (!scan)
            values[n++] = db_int(hour);
    }
    text_string(
        &t, scan ? " on conflict (day, sensor, state, engine, reason) do update set files = scan_day.files + "
                   "excluded.files, " LEAST("scan_day", first_us) ", " MOST("scan_day", last_us) ", " MOST(
                       "scan_day", signatures_us)
                 : " on conflict (who, program, service) do update set events = client_seen.events + "
                   "excluded.events, " LEAST("client_seen", first_us) ", " MOST(
                       "client_seen", last_us) ", hour = excluded.hour");
    return db_run(db, sql, values, n, NULL, err);
}

bool programs_store(struct programs *p, struct db *db, uint64_t now_us, struct imw_error_info *err)
{
    size_t kept = 0;

    if (p->count == 0)
        return true;
    qsort(p->list, p->count, sizeof *p->list, by_key);
    for (size_t i = 1; i < p->count; i++) {
        struct entry *to = &p->list[kept], *from = &p->list[i];
        if (by_key(to, from) != 0) {
            p->list[++kept] = *from;
            continue;
        }
        to->count += from->count;
        to->first_us = from->first_us < to->first_us ? from->first_us : to->first_us;
        to->last_us = from->last_us > to->last_us ? from->last_us : to->last_us;
        to->signatures_us = from->signatures_us > to->signatures_us ? from->signatures_us : to->signatures_us;
    }
    p->count = kept + 1;
    for (size_t i = 0; i < p->count;) {
        size_t end = i;
        while (end < p->count && end - i < TOGETHER && p->list[end].key[0] == p->list[i].key[0])
            end++;
        /* Few texts of statements. */
        const unsigned n = end - i == TOGETHER ? TOGETHER : end - i >= SOME ? SOME : 1;
        if (!store_some(db, &p->list[i], n, (int64_t)(now_us / 3600000000u), err))
            return false;
        i += n;
    }
    p->count = 0;
    return true;
}
