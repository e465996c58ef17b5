/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each client did in a day, all services together (usage_client): what lists of people are sorted by.
 * 64 clients share a row, so that a month of 5,000 clients is some 2,400 rows to read and a batch of 10,000
 * events some 80 to change, where a row for each would be sixty times that.
 *
 * The row's data is a list of clients in order: the client's place in the block, then its sums in the order
 * of CLIENT_SUMS, each as a number of seven bits an octet, the least first (LEB128). The last time is kept as
 * microseconds since the day began.
 */
#include "store/sums.h"
#include <stdlib.h>

enum {
    BLOCK_CLIENTS = 64,
    PACKED_MOST = (1 + (int)CLIENT_SUM_COUNT) * 10, /* of a client */
    TOGETHER = 16,                                  /* blocks in one statement */
};

struct block {
    int64_t number;
    uint64_t there; /* a bit for each client */
    int64_t n[BLOCK_CLIENTS][CLIENT_SUM_COUNT];
};

/* ---- packed ---- */

static size_t number_put(uint8_t *to, int64_t value)
{
    uint64_t rest = (uint64_t)value;
    size_t n = 0;

    for (; rest >= 0x80; rest >>= 7)
        to[n++] = (uint8_t)(rest | 0x80);
    to[n++] = (uint8_t)rest;
    return n;
}

static bool number_get(struct view *from, int64_t *out)
{
    uint64_t value = 0;

    for (unsigned shift = 0; from->len > 0 && shift < 64; shift += 7) {
        uint8_t octet = from->at[0];
        *from = view_from(*from, 1);
        value |= (uint64_t)(octet & 0x7f) << shift;
        if (octet < 0x80) {
            *out = (int64_t)value;
            return true;
        }
    }
    return false;
}

static size_t block_pack(const struct block *b, uint8_t out[BLOCK_CLIENTS * PACKED_MOST])
{
    size_t len = 0;

    for (unsigned i = 0; i < BLOCK_CLIENTS; i++) {
        if ((b->there >> i & 1) == 0)
            continue;
        len += number_put(out + len, i);
        for (unsigned k = 0; k < CLIENT_SUM_COUNT; k++)
            len += number_put(out + len, b->n[i][k]);
    }
    return len;
}

/* Each client of packed data; false: it is broken. */
static bool each_client(struct view data, int64_t block,
                        void (*take)(void *context, int64_t who, const int64_t n[CLIENT_SUM_COUNT]),
                        void *context)
{
    while (data.len > 0) {
        int64_t place, n[CLIENT_SUM_COUNT];
        if (!number_get(&data, &place) || place < 0 || place >= BLOCK_CLIENTS)
            return false;
        for (unsigned k = 0; k < CLIENT_SUM_COUNT; k++)
            if (!number_get(&data, &n[k]))
                return false;
        take(context, block * BLOCK_CLIENTS + place, n);
    }
    return true;
}

static bool broken(struct imw_error_info *err)
{
    return error_set(err, IMW_ERROR_FORMAT, "a row of usage_client cannot be read: the database is damaged");
}

/* ---- adding ---- */

void client_sums_add(int64_t to[CLIENT_SUM_COUNT], const int64_t more[CLIENT_SUM_COUNT])
{
    for (unsigned k = 0; k < CLIENT_SUM_COUNT; k++)
        if (k != CLIENT_LAST)
            to[k] += more[k];
        else if (more[k] > to[k])
            to[k] = more[k];
}

static void block_add(struct block *b, unsigned place, const int64_t n[CLIENT_SUM_COUNT])
{
    b->there |= (uint64_t)1 << place;
    client_sums_add(b->n[place], n);
}

static void take_stored(void *context, int64_t who, const int64_t n[CLIENT_SUM_COUNT])
{
    block_add(context, (unsigned)(who % BLOCK_CLIENTS), n);
}

/* What is stored of `count` blocks of a day, added to them. */
static bool blocks_read(struct db *db, int64_t day, struct block *blocks, unsigned count, struct ask *a,
                        struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    int64_t numbers[TOGETHER];
    bool whole = true;

    for (unsigned i = 0; i < count; i++)
        numbers[i] = blocks[i].number;
    ask_begin(a);
    ask_add(a, "select block, data from usage_client where day = ? and block");
    ask_arg(a, db_int(day));
    ask_in(a, numbers, count);
    if (!ask_query(a, db, &rows, err))
        return false;
    while (whole && db_next(rows, &why))
        for (unsigned i = 0; i < count; i++)
            if (blocks[i].number == db_get_int(rows, 0))
                whole = each_client(db_get_blob(rows, 1), blocks[i].number, take_stored, &blocks[i]);
    return rows_done(rows, &why, err) && (whole || broken(err));
}

static bool blocks_store(struct db *db, int64_t day, const struct block *blocks, unsigned count,
                         struct ask *a, struct imw_error_info *err)
{
    uint8_t *data = malloc((size_t)count * BLOCK_CLIENTS * PACKED_MOST), *to = data;

    if (data == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for sums");
    ask_begin(a);
    ask_add(a, "insert into usage_client (day, block, data) values ");
    for (unsigned i = 0; i < count; i++) {
        size_t len = block_pack(&blocks[i], to);
        ask_add(a, "%s(?,?,?)", i > 0 ? "," : "");
        ask_arg(a, db_int(day));
        ask_arg(a, db_int(blocks[i].number));
        ask_arg(a, db_blob(view_of(to, len)));
        to += len;
    }
    ask_add(a, " on conflict (day, block) do update set data = excluded.data");
    bool ok = ask_run(a, db, err);
    free(data);
    return ok;
}

/* The blocks in which `list` begins, up to TOGETHER of its first day. Gives how many entries they are. */
static size_t blocks_begin(const struct client_day *list, size_t count, struct block *blocks,
                           unsigned *out_blocks)
{
    int64_t start = day_start((int)list[0].day);
    unsigned n = 0;
    size_t i = 0;

    for (; i < count && list[i].day == list[0].day; i++) {
        int64_t number = list[i].who / BLOCK_CLIENTS, sums[CLIENT_SUM_COUNT];
        if (n == 0 || blocks[n - 1].number != number) {
            if (n == TOGETHER)
                break;
            memset(&blocks[n], 0, sizeof blocks[n]);
            blocks[n++].number = number;
        }
        memcpy(sums, list[i].n, sizeof sums);
        sums[CLIENT_LAST] -= start;
        block_add(&blocks[n - 1], (unsigned)(list[i].who % BLOCK_CLIENTS), sums);
    }
    *out_blocks = n;
    return i;
}

bool client_days_add(struct db *db, const struct client_day *list, size_t count, struct imw_error_info *err)
{
    struct block *blocks = malloc(TOGETHER * sizeof *blocks);
    struct ask *a = malloc(sizeof *a);
    bool ok = (blocks != NULL && a != NULL) ||
              error_set(err, IMW_ERROR_MEMORY, "no memory for the sums of clients");

    for (size_t at = 0; ok && at < count;) {
        int64_t day = list[at].day;
        unsigned n;
        at += blocks_begin(list + at, count - at, blocks, &n);
        ok = blocks_read(db, day, blocks, n, a, err);
        for (unsigned from = 0, some; ok && from < n; from += some) { /* few texts of statements */
            for (some = TOGETHER; some > n - from;)
                some /= 2;
            ok = blocks_store(db, day, blocks + from, some, a, err);
        }
    }
    free(a);
    free(blocks);
    return ok;
}

/* ---- reading ---- */

struct taking {
    void (*take)(void *context, int64_t who, const int64_t n[CLIENT_SUM_COUNT]);
    void *context;
    int64_t start_us;
};

static void take_day(void *context, int64_t who, const int64_t n[CLIENT_SUM_COUNT])
{
    const struct taking *t = context;
    int64_t sums[CLIENT_SUM_COUNT];

    memcpy(sums, n, sizeof sums);
    sums[CLIENT_LAST] += t->start_us;
    t->take(t->context, who, sums);
}

bool client_days_read(struct db *db, int first, int last,
                      void (*take)(void *context, int64_t who, const int64_t n[CLIENT_SUM_COUNT]),
                      void *context, struct imw_error_info *err)
{
    struct taking t = { take, context, 0 };
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    bool whole = true;

    if (!db_query(db, "select day, block, data from usage_client where day >= ? and day <= ?",
                  DB_ARGS(db_int(first), db_int(last)), &rows, err))
        return false;
    while (whole && db_next(rows, &why)) {
        t.start_us = day_start((int)db_get_int(rows, 0));
        whole = each_client(db_get_blob(rows, 2), db_get_int(rows, 1), take_day, &t);
    }
    return rows_done(rows, &why, err) && (whole || broken(err));
}
