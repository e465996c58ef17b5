/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch's sums are made in memory, one entry for each key of each table, and go into the tables by one
 * "insert … on conflict do update" for up to 24 of them (512 values at most).
 */
#include "store/sums.h"
#include "base/hash.h"
#include "base/text.h"
#include <stdlib.h>

enum table {
    TABLE_HOUR,
    TABLE_DAY,
    TABLE_SERVICE_HOUR,
    TABLE_SERVICE_DAY,
    TABLE_PORT,
    TABLE_WHO,
    TABLE_SEEN,
    TABLE_SOURCE,
    TABLE_COUNT
};
enum { TOGETHER = 24, KEYS = 4, NUMBERS = SEEN_NUMBERS };
_Static_assert((int)NUMBERS >= (int)SUM_COUNT, "an entry has room for either");

#define BIT(id) (1u << SUM_##id)
#define OF_DAYS                                                                                              \
    (BIT(EVENTS) | BIT(FLOWS) | BIT(LOOKUPS) | BIT(MESSAGES) | BIT(FILES) | BIT(ALERTS) | BIT(STOPPED) |     \
     BIT(AGILE) | BIT(BYTES_OUT) | BIT(BYTES_IN))
static const struct {
    const char *name, *keys[KEYS];
    unsigned sums; /* bits */
} tables[TABLE_COUNT] = {
    [TABLE_HOUR] = { "usage_hour", { "hour", "department", "service", "action" }, OF_DAYS },
    [TABLE_DAY] = { "usage_day", { "day", "department", "service", "action" }, OF_DAYS },
    [TABLE_SERVICE_HOUR] = { "usage_service_hour", { "hour", "service", "action" }, OF_DAYS },
    [TABLE_SERVICE_DAY] = { "usage_service_day", { "day", "service", "action" }, OF_DAYS },
    [TABLE_SEEN] = { "usage_seen", { "day", "service", "action", "block" }, (1u << SEEN_NUMBERS) - 1 },
    [TABLE_PORT] = { "usage_port", { "day", "service", "port" }, BIT(FLOWS) | BIT(AGILE) },
    [TABLE_WHO] = { "usage_who",
                    { "day", "service", "who", "action" },
                    BIT(EVENTS) | BIT(FLOWS) | BIT(MESSAGES) | BIT(FILES) | BIT(ALERTS) | BIT(STOPPED) |
                        BIT(BYTES_OUT) | BIT(BYTES_IN) | BIT(LAST) },
    [TABLE_SOURCE] = { "usage_source", { "day", "sensor", "kind" }, BIT(EVENTS) },
};
static const char *const columns[SUM_COUNT] = {
#define X(id, column) #column,
    SUMS(X)
#undef X
};

static const char *const seen_columns[SEEN_NUMBERS] = {
    "b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8", "b9", "b10", "b11", "b12", "b13", "b14", "b15"
};

struct entry {
    int64_t table, key[KEYS], n[NUMBERS]; /* of TABLE_SEEN bits, else sums */
};
struct sums {
    struct entry *entries;
    uint32_t count, room, *places, mask;
};

struct sums *sums_new(void)
{
    return calloc(1, sizeof(struct sums));
}

void sums_free(struct sums *s)
{
    if (s == NULL)
        return;
    free(s->entries);
    free(s->places);
    free(s);
}

void sums_clear(struct sums *s)
{
    s->count = 0;
    if (s->places != NULL)
        memset(s->places, 0, (s->mask + 1) * sizeof *s->places);
}

static uint64_t key_hash(const struct entry *e)
{
    return hash_words((uint64_t)e->key[2] << 3 | (uint64_t)e->table, (uint64_t)e->key[3],
                      hash_words((uint64_t)e->key[0], (uint64_t)e->key[1], 1));
}

static bool same_key(const struct entry *a, const struct entry *b)
{
    return a->table == b->table && memcmp(a->key, b->key, sizeof a->key) == 0;
}

/* The place of a key in the table of places: its entry's number + 1, or 0. */
static uint32_t *place_of(struct sums *s, const struct entry *e)
{
    uint32_t at = (uint32_t)key_hash(e) & s->mask;

    while (s->places[at] != 0 && !same_key(&s->entries[s->places[at] - 1], e))
        at = (at + 1) & s->mask;
    return &s->places[at];
}

static bool grow(struct sums *s)
{
    uint32_t room = s->room != 0 ? s->room * 2 : 4096;
    struct entry *entries = realloc(s->entries, room * sizeof *entries);

    if (entries != NULL)
        s->entries = entries;
    uint32_t *places = calloc((size_t)room * 2, sizeof *places);
    if (entries == NULL || places == NULL) {
        free(places);
        return false;
    }
    free(s->places);
    s->places = places;
    s->room = room;
    s->mask = room * 2 - 1;
    for (uint32_t i = 0; i < s->count; i++)
        *place_of(s, &entries[i]) = i + 1;
    return true;
}

/* The entry of a key; NULL: no memory. */
static struct entry *entry_of(struct sums *s, enum table table, int64_t a, int64_t b, int64_t c, int64_t d)
{
    struct entry e = { .table = table, .key = { a, b, c, d } };

    if (s->count >= s->room && !grow(s))
        return NULL;
    uint32_t *place = place_of(s, &e);
    if (*place == 0) {
        s->entries[s->count++] = e;
        *place = s->count;
    }
    return &s->entries[*place - 1];
}

static bool add(struct sums *s, enum table table, int64_t a, int64_t b, int64_t c, int64_t d,
                const int64_t n[SUM_COUNT])
{
    struct entry *into = entry_of(s, table, a, b, c, d);

    if (into == NULL)
        return false;
    for (unsigned i = 0; i < SUM_LAST; i++)
        into->n[i] += n[i];
    if (n[SUM_LAST] > into->n[SUM_LAST])
        into->n[SUM_LAST] = n[SUM_LAST];
    return true;
}

static bool add_seen(struct sums *s, int64_t day, int64_t service, int64_t action, int64_t who)
{
    struct entry *into = entry_of(s, TABLE_SEEN, day, service, action, who / SEEN_CLIENTS);

    if (into != NULL)
        into->n[who % SEEN_CLIENTS / 64] |= (int64_t)((uint64_t)1 << who % 64);
    return into != NULL;
}

void sums_of(const int64_t number[EVENT_NUMBER_COUNT], int64_t detector, int64_t policy,
             int64_t out[SUM_COUNT])
{
    int64_t kind = number[NUMBER_KIND], activity = number[NUMBER_ACTIVITY];
    bool flow = kind == EVENT_FLOW;

    out[SUM_EVENTS] = 1;
    out[SUM_FLOWS] = flow && activity != ACTIVITY_LOOKUP_ONLY;
    out[SUM_LOOKUPS] = flow && activity == ACTIVITY_LOOKUP_ONLY;
    out[SUM_MESSAGES] = kind == EVENT_IM && activity == ACTIVITY_CHAT_BIT;
    out[SUM_FILES] = kind == EVENT_FILEINFO;
    out[SUM_ALERTS] = kind == EVENT_ALERT && (detector == 0 || detector != policy);
    out[SUM_STOPPED] = flow && number[NUMBER_STOPPED] != 0;
    out[SUM_AGILE] = flow && number[NUMBER_AGILE] != 0;
    out[SUM_BYTES_OUT] = flow ? number[NUMBER_BYTES_OUT] : 0;
    out[SUM_BYTES_IN] = flow ? number[NUMBER_BYTES_IN] : 0;
    out[SUM_LAST] = number[NUMBER_TIME];
}

bool sums_add(struct sums *s, const int64_t number[EVENT_NUMBER_COUNT], const int64_t word[EVENT_WORD_COUNT],
              int64_t policy)
{
    int64_t n[SUM_COUNT], day = day_of(number[NUMBER_TIME]), hour = number[NUMBER_TIME] / HOUR_US,
                          service = word[WORD_SERVICE], action = number[NUMBER_ACTION];

    sums_of(number, word[WORD_DETECTOR], policy, n);
    return add(s, TABLE_HOUR, hour, number[NUMBER_DEPARTMENT], service, action, n) &&
           add(s, TABLE_DAY, day, number[NUMBER_DEPARTMENT], service, action, n) &&
           add(s, TABLE_SERVICE_HOUR, hour, service, action, 0, n) &&
           add(s, TABLE_SERVICE_DAY, day, service, action, 0, n) &&
           (n[SUM_FLOWS] == 0 || add(s, TABLE_PORT, day, service, number[NUMBER_SERVER_PORT], 0, n)) &&
           (number[NUMBER_WHO] == 0 || (add(s, TABLE_WHO, day, service, number[NUMBER_WHO], action, n) &&
                                        add_seen(s, day, service, action, number[NUMBER_WHO]))) &&
           add(s, TABLE_SOURCE, day, number[NUMBER_SENSOR], number[NUMBER_KIND], 0, n);
}

static int by_key(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->table != y->table)
        return x->table < y->table ? -1 : 1;
    for (unsigned i = 0; i < KEYS; i++)
        if (x->key[i] != y->key[i])
            return x->key[i] < y->key[i] ? -1 : 1;
    return 0;
}

/* `count` entries of one table. */
static bool store_some(const struct entry *e, unsigned count, struct db *db, struct imw_error_info *err)
{
    const char *name = tables[e->table].name;
    bool seen = e->table == TABLE_SEEN;
    const char *const *names = seen ? seen_columns : columns;
    unsigned sums = tables[e->table].sums, keys = 0, args = 0;
    char sql[8192], places[128];
    struct text t = TEXT(sql), p = TEXT(places), list;
    char key_list[128];
    struct db_value values[TOGETHER * (KEYS + NUMBERS)];

    list = TEXT(key_list);
    for (; keys < KEYS && tables[e->table].keys[keys] != NULL; keys++)
        text_format(&list, "%s%s", keys > 0 ? ", " : "", tables[e->table].keys[keys]);
    for (unsigned i = 0; i < keys; i++)
        text_string(&p, i > 0 ? ",?" : "(?");
    text_format(&t, "insert into %s (%s", name, key_list);
    for (unsigned i = 0; i < NUMBERS; i++)
        if ((sums >> i & 1) != 0) {
            text_format(&t, ", %s", names[i]);
            text_string(&p, ",?");
        }
    text_string(&p, ")");
    text_string(&t, ") values ");
    for (unsigned k = 0; k < count; k++) {
        text_format(&t, "%s%s", k > 0 ? "," : "", places);
        for (unsigned i = 0; i < keys; i++)
            values[args++] = db_int(e[k].key[i]);
        for (unsigned i = 0; i < NUMBERS; i++)
            if ((sums >> i & 1) != 0)
                values[args++] = db_int(e[k].n[i]);
    }
    text_format(&t, " on conflict (%s) do update set ", key_list);
    for (unsigned i = 0, first = 1; i < NUMBERS; i++) {
        if ((sums >> i & 1) == 0)
            continue;
        if (!seen && i == SUM_LAST)
            text_format(
                &t,
                ", last_us = case when excluded.last_us > %s.last_us then excluded.last_us else %s.last_us end",
                name, name);
        else
            text_format(&t, "%s%s = %s.%s %c excluded.%s", first ? "" : ", ", names[i], name, names[i],
                        seen ? '|' : '+', names[i]);
        first = 0;
    }
    return db_run(db, sql, values, args, NULL, err);
}

static int by_day_and_client(const void *a, const void *b)
{
    const struct client_day *x = a, *y = b;

    if (x->day != y->day)
        return x->day < y->day ? -1 : 1;
    return x->who < y->who ? -1 : x->who > y->who;
}

/* What an entry of usage_who adds to its client's day. */
static void client_day_of(const struct entry *e, struct client_day *out)
{
    static const enum sum sums[CLIENT_SUM_COUNT] = {
#define X(id, from) [CLIENT_##id] = from,
        CLIENT_SUMS(X)
#undef X
    };

    *out = (struct client_day){ .day = e->key[0], .who = e->key[2] };
    for (unsigned k = 0; k < CLIENT_SUM_COUNT; k++)
        out->n[k] = k == CLIENT_BYTES ? e->n[SUM_BYTES_OUT] + e->n[SUM_BYTES_IN] : e->n[sums[k]];
}

/* The entries of usage_who once more, all services and actions of a client together. */
static bool store_clients(const struct sums *s, struct db *db, struct imw_error_info *err)
{
    size_t count = 0, kept = 0;
    struct client_day *list = malloc(s->count * sizeof *list);

    if (list == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the sums of clients");
    for (uint32_t i = 0; i < s->count; i++)
        if (s->entries[i].table == TABLE_WHO)
            client_day_of(&s->entries[i], &list[count++]);
    if (count > 0)
        qsort(list, count, sizeof *list, by_day_and_client);
    for (size_t i = 0; i < count; i++)
        if (kept > 0 && by_day_and_client(&list[kept - 1], &list[i]) == 0)
            client_sums_add(list[kept - 1].n, list[i].n);
        else
            list[kept++] = list[i];
    bool ok = kept == 0 || client_days_add(db, list, kept, err);
    free(list);
    return ok;
}

bool sums_store(struct sums *s, struct db *db, struct imw_error_info *err)
{
    if (s->count == 0)
        return true;
    qsort(s->entries, s->count, sizeof *s->entries, by_key);
    for (uint32_t i = 0; i < s->count;) {
        uint32_t end = i;
        while (end < s->count && end - i < TOGETHER && s->entries[end].table == s->entries[i].table)
            end++;
        uint32_t n = end - i == TOGETHER ? TOGETHER : end - i >= 8 ? 8 : 1;
        if (!store_some(&s->entries[i], n, db, err))
            return false;
        i += n;
    }
    if (!store_clients(s, db, err))
        return false;
    sums_clear(s); /* sorted: the places are no more true */
    return true;
}
