/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many people there were, of usage_seen: the bits of all days of a service are put together, then each
 * client's bit counts for the person that it belongs to now. That way a month of 5,000 people is some
 * thousand rows to read, not one for each person, day, service and action.
 */
#include "store/sums.h"
#include <stdlib.h>

enum { GROUPS = 257, BLOCKS_MOST = 1 << 16 }; /* all, and by service; 64 million clients */

struct group {
    int64_t service, blocks;
    uint64_t *bits;
};

struct seen {
    const struct clients *clients;
    struct group groups[GROUPS];
    unsigned count;
    uint32_t *stamp; /* by person: counted last for this group */
};

static void seen_free(struct seen *s)
{
    for (unsigned i = 0; i < s->count; i++)
        free(s->groups[i].bits);
    free(s->stamp);
    free(s);
}

static struct group *group_of(struct seen *s, int64_t service)
{
    for (unsigned i = 0; i < s->count; i++)
        if (s->groups[i].service == service)
            return &s->groups[i];
    if (s->count == GROUPS)
        return NULL;
    s->groups[s->count] = (struct group){ .service = service };
    return &s->groups[s->count++];
}

static bool group_add(struct seen *s, int64_t service, int64_t block, const int64_t bits[SEEN_NUMBERS])
{
    struct group *g = group_of(s, service);

    if (g == NULL || block < 0 || block >= BLOCKS_MOST)
        return true; /* more services than are listed: they are in the first group */
    if (block >= g->blocks) {
        uint64_t *more = realloc(g->bits, (size_t)(block + 1) * SEEN_NUMBERS * sizeof *more);
        if (more == NULL)
            return false;
        memset(more + g->blocks * SEEN_NUMBERS, 0,
               (size_t)(block + 1 - g->blocks) * SEEN_NUMBERS * sizeof *more);
        g->bits = more;
        g->blocks = block + 1;
    }
    for (unsigned i = 0; i < SEEN_NUMBERS; i++)
        g->bits[block * SEEN_NUMBERS + i] |= (uint64_t)bits[i];
    return true;
}

static bool bits_read(struct seen *s, struct db *db, const struct event_filter *f, int first, int last,
                      struct ask *a, struct imw_error_info *err)
{
    bool together = db_kind(db) == DB_POSTGRES, memory = true; /* SQLite has no bit_or() */
    struct imw_error_info why = { 0 };
    struct db_rows *rows;

    ask_begin(a);
    ask_add(a, "select service, block");
    for (unsigned i = 0; i < SEEN_NUMBERS; i++)
        ask_add(a, together ? ", bit_or(b%u)" : ", b%u", i);
    ask_add(a, " from usage_seen where day >= ? and day <= ?");
    ask_arg(a, db_int(first));
    ask_arg(a, db_int(last));
    filter_sums_seen(f, a);
    if (together)
        ask_add(a, " group by service, block");
    if (!ask_query(a, db, &rows, err))
        return false;
    while (memory && db_next(rows, &why)) {
        int64_t bits[SEEN_NUMBERS], block = db_get_int(rows, 1);
        for (unsigned i = 0; i < SEEN_NUMBERS; i++)
            bits[i] = db_get_int(rows, i + 2);
        memory = group_add(s, -1, block, bits) && group_add(s, db_get_int(rows, 0), block, bits);
    }
    return rows_done(rows, &why, err) && (memory || error_set(err, IMW_ERROR_MEMORY, "no memory for people"));
}

static int64_t group_count(struct seen *s, unsigned number)
{
    const struct group *g = &s->groups[number];
    int64_t people = 0;

    for (int64_t i = 0; i < g->blocks * SEEN_NUMBERS; i++)
        for (uint64_t rest = g->bits[i]; rest != 0; rest &= rest - 1) {
            int64_t who = i * 64 + __builtin_ctzll(rest);
            uint32_t person = who < s->clients->count ? s->clients->person[who] : 0;
            if (person != 0 && s->stamp[person] != number + 1) {
                s->stamp[person] = number + 1;
                people++;
            }
        }
    return people;
}

bool seen_people(struct db *db, const struct event_filter *f, const struct clients *clients, int first,
                 int last, void (*take)(void *context, int64_t service, int64_t people), void *context,
                 struct imw_error_info *err)
{
    struct seen *s = calloc(1, sizeof *s);
    struct ask *a = malloc(sizeof *a);

    if (s != NULL) {
        s->clients = clients;
        s->stamp = calloc((size_t)clients->persons + 1, sizeof *s->stamp);
    }
    bool ok = (s != NULL && a != NULL && s->stamp != NULL) ||
              error_set(err, IMW_ERROR_MEMORY, "no memory for people");
    ok = ok && bits_read(s, db, f, first, last, a, err);
    for (unsigned i = 0; ok && i < s->count; i++)
        take(context, s->groups[i].service, group_count(s, i));
    free(a);
    if (s != NULL)
        seen_free(s);
    return ok;
}
