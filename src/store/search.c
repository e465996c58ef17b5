/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to the events. Days are walked newest first; in a day there are two ways:
 *
 *     by words    chunks that hold all words asked for (word_D), those with the latest event first. Times of
 *                 chunks overlap, so that what was found counts only as far back as the next chunk ends
 *     by time     by the index of time, of the notable few, or of the client; 20,000 events at a time, and
 * only the hours in which the sums have something of that service, department and action
 *
 * Between the steps the clock is looked at. When the time is over the answer is what was found, and says up
 * to when that is everything; its cursor (TIME_US.ID) goes on from there.
 */
#include "base/text.h"
#include "store/event_parts.h"
#include <stdlib.h>
#include <time.h>
#include <zstd.h>

enum {
    SLICE = 20000,
    LIMIT_MOST = 1000,
    FLOW_EVENTS = 500,
    CHUNK_MOST = 2 << 20, /* bytes of a chunk's lines */
    EXPORT_STEP = 512,
    IDS_TOGETHER = 256,
};

struct found {
    int64_t number[EVENT_NUMBER_COUNT], word[EVENT_WORD_COUNT];
};

struct walk {
    struct db *db;
    const struct event_filter *f;
    int64_t upper_us, upper_id; /* what comes next is before this */
    unsigned limit, count, room;
    struct found *rows;
    uint64_t end_us; /* of the time, by the monotonic clock */
    bool out_of_time;
    unsigned steps; /* done: the first is done however little time there is, so that pages get on */
    struct ask ask;
};

static uint64_t clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static bool late(struct walk *w)
{
    w->out_of_time = w->out_of_time || (w->steps > 0 && clock_us() >= w->end_us);
    return w->out_of_time;
}

/* ---- rows ---- */

static struct found *found_more(struct walk *w)
{
    if (w->count == w->room) {
        unsigned room = w->room != 0 ? w->room * 2 : 256;
        struct found *rows = realloc(w->rows, room * sizeof *rows);
        if (rows == NULL)
            return NULL;
        w->rows = rows;
        w->room = room;
    }
    return &w->rows[w->count++];
}

static void row_read(const struct db_rows *rows, struct found *f)
{
    for (unsigned c = 0; c < EVENT_NUMBER_COUNT; c++)
        f->number[c] = db_get_int(rows, c);
    for (unsigned c = 0; c < EVENT_WORD_COUNT; c++)
        f->word[c] = db_get_int(rows, EVENT_NUMBER_COUNT + c);
}

/* Run w->ask and keep what comes. */
static bool take_rows(struct walk *w, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    bool memory = true;

    w->steps++;
    if (!ask_query(&w->ask, w->db, &rows, err))
        return false;
    while (memory && db_next(rows, &why)) {
        struct found *f = found_more(w);
        memory = f != NULL;
        if (memory)
            row_read(rows, f);
    }
    if (!rows_done(rows, &why, err))
        return false;
    return memory || error_set(err, IMW_ERROR_MEMORY, "no memory for events");
}

static int newest_first(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    if (x->number[NUMBER_TIME] != y->number[NUMBER_TIME])
        return x->number[NUMBER_TIME] > y->number[NUMBER_TIME] ? -1 : 1;
    return x->number[NUMBER_ID] > y->number[NUMBER_ID] ? -1 : x->number[NUMBER_ID] < y->number[NUMBER_ID];
}

/* All before this was not looked at yet. */
static void reached(struct walk *w, int64_t time_us, int64_t id)
{
    w->upper_us = time_us;
    w->upper_id = id;
}

/* ---- by time ---- */

/* [low, upper) of a day, by statements over at most SLICE events. */
static bool walk_slices(struct walk *w, int day, int64_t low, int64_t high, struct imw_error_info *err)
{
    bool notable = filter_is_notable(w->f), clients = w->f->who.given;

    if (w->upper_us > high)
        reached(w, high, 0);
    while (w->upper_us > low || (w->upper_us == low && w->upper_id > 0)) {
        int64_t from = low;
        bool found = false;
        char sql[160];
        struct text t = TEXT(sql);

        if (w->count >= w->limit || late(w))
            return true;
        text_format(
            &t, "select time_us from event_%d where time_us <= ?%s order by time_us desc limit 1 offset %d",
            day, notable ? " and notable = 1" : "", SLICE);
        if (!clients && !db_query_int(w->db, sql, DB_ARGS(db_int(w->upper_us)), &from, &found, err))
            return false;
        if (!found || from < low)
            from = low;
        if (from == w->upper_us && from > low) /* so many at one time: all of them */
            from--;
        ask_begin(&w->ask);
        filter_with(w->f, w->db, &w->ask);
        ask_add(&w->ask,
                "select " EVENT_COLUMNS_TEXT " from event_%d where time_us >= ? and time_us <= ?"
                " and (time_us < ? or id < ?)",
                day);
        ask_arg(&w->ask, db_int(from));
        ask_arg(&w->ask, db_int(w->upper_us));
        ask_arg(&w->ask, db_int(w->upper_us));
        ask_arg(&w->ask, db_int(w->upper_id));
        filter_conditions(w->f, &w->ask);
        /* A sum is no index: the few of a client are sorted rather than all events read. */
        ask_add(&w->ask, " order by time_us%s desc, id desc limit ?", clients ? " + 0" : "");
        ask_arg(&w->ask, db_int(w->limit - w->count));
        if (!take_rows(w, err))
            return false;
        if (w->count >= w->limit)
            reached(w, w->rows[w->count - 1].number[NUMBER_TIME], w->rows[w->count - 1].number[NUMBER_ID]);
        else
            reached(w, from, 0);
    }
    return true;
}

/* The hours of a day that the sums have something in, newest first. */
static bool matching_hours(struct walk *w, int day, int64_t out[24], unsigned *out_count,
                           struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    int64_t first = day_start(day) / HOUR_US;

    *out_count = 0;
    ask_begin(&w->ask);
    ask_add(&w->ask, "select distinct hour from usage_hour where hour >= ? and hour < ?");
    ask_arg(&w->ask, db_int(first));
    ask_arg(&w->ask, db_int(first + 24));
    filter_sums(w->f, &w->ask);
    ask_add(&w->ask, " order by hour desc");
    if (!ask_query(&w->ask, w->db, &rows, err))
        return false;
    while (db_next(rows, &why))
        if (*out_count < 24)
            out[(*out_count)++] = db_get_int(rows, 0);
    return rows_done(rows, &why, err);
}

static bool has_sums(const struct event_filter *f)
{
    return f->department.given || f->words[WORD_SERVICE].given || f->actions != 0;
}

static bool walk_time(struct walk *w, int day, int64_t low, int64_t high, struct imw_error_info *err)
{
    int64_t hours[24];
    unsigned count;

    if (!has_sums(w->f))
        return walk_slices(w, day, low, high, err);
    if (!matching_hours(w, day, hours, &count, err))
        return false;
    for (unsigned i = 0; i < count; i++) {
        int64_t from = hours[i] * HOUR_US, to = from + HOUR_US;
        from = from > low ? from : low;
        to = to < high ? to : high;
        if (from < to && !walk_slices(w, day, from, to, err))
            return false;
        if (w->count >= w->limit || w->out_of_time)
            return true;
    }
    if (w->upper_us > low)
        reached(w, low, 0);
    return true;
}

/* ---- by words ---- */

struct zone {
    int64_t id, events, last_us;
};

static bool zones_read(struct walk *w, int day, int64_t low, struct zone **out, unsigned *out_count,
                       struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    struct zone *zones = NULL;
    unsigned count = 0;
    bool memory = true;

    ask_begin(&w->ask);
    filter_with(w->f, w->db, &w->ask);
    ask_add(&w->ask,
            "select c.id, c.events, c.last_us from chunk_%d c where c.first_us <= ? and c.last_us >= ?", day);
    ask_arg(&w->ask, db_int(w->upper_us));
    ask_arg(&w->ask, db_int(low));
    filter_chunks(w->f, day, &w->ask);
    ask_add(&w->ask, " order by c.last_us desc, c.id desc");
    if (!ask_query(&w->ask, w->db, &rows, err))
        return false;
    while (memory && db_next(rows, &why)) {
        struct zone *more = count % 256 == 0 ? realloc(zones, (count + 256) * sizeof *zones) : zones;
        memory = more != NULL;
        if (memory) {
            zones = more;
            zones[count++] = (struct zone){ db_get_int(rows, 0), db_get_int(rows, 1), db_get_int(rows, 2) };
        }
    }
    bool ok = rows_done(rows, &why, err);
    if (!memory || !ok) {
        free(zones);
        return ok && error_set(err, IMW_ERROR_MEMORY, "no memory for chunks");
    }
    *out = zones;
    *out_count = count;
    return true;
}

static bool zone_rows(struct walk *w, int day, const struct zone *z, int64_t low, struct imw_error_info *err)
{
    ask_begin(&w->ask);
    filter_with(w->f, w->db, &w->ask);
    ask_add(&w->ask,
            "select " EVENT_COLUMNS_TEXT " from event_%d where id >= ? and id < ? and time_us >= ?"
            " and (time_us < ? or (time_us = ? and id < ?))",
            day);
    ask_arg(&w->ask, db_int(z->id));
    ask_arg(&w->ask, db_int(z->id + z->events));
    ask_arg(&w->ask, db_int(low));
    ask_arg(&w->ask, db_int(w->upper_us));
    ask_arg(&w->ask, db_int(w->upper_us));
    ask_arg(&w->ask, db_int(w->upper_id));
    filter_conditions(w->f, &w->ask);
    return take_rows(w, err);
}

/* How many of the rows from `from` on are later than this? They are sorted. */
static unsigned later_than(const struct walk *w, unsigned from, int64_t time_us)
{
    unsigned n = from;

    while (n < w->count && w->rows[n].number[NUMBER_TIME] > time_us)
        n++;
    return n;
}

static bool walk_words(struct walk *w, int day, int64_t low, int64_t high, struct imw_error_info *err)
{
    struct zone *zones = NULL;
    unsigned count = 0, from = w->count, i = 0;
    bool ok;

    if (w->upper_us > high)
        reached(w, high, 0);
    if (!zones_read(w, day, low, &zones, &count, err))
        return false;
    for (ok = true; ok && i < count; i++) {
        int64_t last_us = zones[i].last_us;
        if (i > 0 && last_us < w->upper_us) {
            /* All later than this chunk's end was found. */
            unsigned certain = later_than(w, from, last_us);
            if (certain >= w->limit || late(w)) {
                w->count = certain;
                if (certain < w->limit)
                    reached(w, last_us, INT64_MAX);
                break;
            }
        }
        ok = zone_rows(w, day, &zones[i], low, err);
        if (ok && w->count > from)
            qsort(w->rows + from, w->count - from, sizeof *w->rows, newest_first);
    }
    free(zones);
    if (!ok)
        return false;
    if (w->count >= w->limit) {
        w->count = w->limit;
        reached(w, w->rows[w->count - 1].number[NUMBER_TIME], w->rows[w->count - 1].number[NUMBER_ID]);
    } else if (i == count) {
        reached(w, low, 0);
    }
    return true;
}

/* ---- days ---- */

static bool days_read(struct db *db, struct ask *a, int **out, unsigned *out_count,
                      struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    int *days = NULL;
    unsigned count = 0;
    bool memory = true;

    if (!ask_query(a, db, &rows, err))
        return false;
    while (memory && db_next(rows, &why)) {
        int *more = count % 64 == 0 ? realloc(days, (count + 64) * sizeof *days) : days;
        memory = more != NULL;
        if (memory) {
            days = more;
            days[count++] = (int)db_get_int(rows, 0);
        }
    }
    bool ok = rows_done(rows, &why, err);
    if (!memory || !ok) {
        free(days);
        return ok && error_set(err, IMW_ERROR_MEMORY, "no memory for days");
    }
    *out = days;
    *out_count = count;
    return true;
}

static bool walk_days(struct walk *w, struct imw_error_info *err)
{
    int *days = NULL;
    unsigned count;
    bool ok = true;

    ask_begin(&w->ask);
    ask_add(&w->ask, "select day from event_day where first_us <= ? and last_us >= ?");
    ask_arg(&w->ask, db_int(w->upper_us));
    ask_arg(&w->ask, db_int(w->f->from_us));
    if (has_sums(w->f)) {
        ask_add(&w->ask, " and day in (select day from usage_day where 1 = 1");
        filter_sums(w->f, &w->ask);
        ask_add(&w->ask, ")");
    }
    if (w->f->who.given) {
        ask_add(&w->ask, " and day in (select day from usage_who where who");
        ask_in(&w->ask, w->f->who.at, w->f->who.count);
        ask_add(&w->ask, ")");
    }
    ask_add(&w->ask, " order by day desc");
    if (!days_read(w->db, &w->ask, &days, &count, err))
        return false;
    for (unsigned i = 0; ok && i < count; i++) {
        int64_t low = day_start(days[i]), high = low + DAY_US;
        low = low > w->f->from_us ? low : w->f->from_us;
        high = high < w->f->to_us ? high : w->f->to_us;
        if (i > 0)
            w->steps++; /* a day without any is a step, too */
        if (late(w))
            break;
        ok = filter_has_words(w->f) ? walk_words(w, days[i], low, high, err)
                                    : walk_time(w, days[i], low, high, err);
        if (w->count >= w->limit || w->out_of_time)
            break;
    }
    free(days);
    if (ok && w->count < w->limit && !w->out_of_time)
        reached(w, w->f->from_us, 0);
    return ok;
}

/* ---- as JSON ---- */

struct name {
    int64_t id;
    char *text;
};
struct names {
    struct name *at;
    size_t count;
};

static int by_id(const void *a, const void *b)
{
    int64_t x = ((const struct name *)a)->id, y = ((const struct name *)b)->id;

    return x < y ? -1 : x > y;
}

static void names_free(struct names *n)
{
    for (size_t i = 0; i < n->count; i++)
        free(n->at[i].text);
    free(n->at);
}

static const char *name_of(const struct names *n, int64_t id)
{
    struct name key = { .id = id };
    const struct name *at = n->count > 0 ? bsearch(&key, n->at, n->count, sizeof key, by_id) : NULL;

    return at != NULL ? at->text : NULL;
}

/* The texts of the ids in n->at, by a statement that selects id and text `where id`. */
static bool names_fill(struct db *db, struct names *n, const char *sql, struct imw_error_info *err)
{
    struct ask *a = malloc(sizeof *a);
    size_t unique = 0;
    bool ok = a != NULL || error_set(err, IMW_ERROR_MEMORY, "no memory for names");

    if (n->count > 0)
        qsort(n->at, n->count, sizeof *n->at, by_id);
    for (size_t i = 0; i < n->count; i++)
        if (n->at[i].id != 0 && (unique == 0 || n->at[unique - 1].id != n->at[i].id))
            n->at[unique++] = (struct name){ .id = n->at[i].id };
    n->count = unique;
    for (size_t from = 0; ok && from < n->count; from += IDS_TOGETHER) {
        struct imw_error_info why = { 0 };
        struct db_rows *rows;
        int64_t ids[IDS_TOGETHER];
        size_t some = n->count - from < IDS_TOGETHER ? n->count - from : IDS_TOGETHER;
        for (size_t i = 0; i < some; i++)
            ids[i] = n->at[from + i].id;
        ask_begin(a);
        ask_add(a, "%s", sql);
        ask_in(a, ids, some);
        ok = ask_query(a, db, &rows, err);
        if (!ok)
            break;
        while (db_next(rows, &why)) {
            struct name key = { .id = db_get_int(rows, 0) };
            struct name *at = bsearch(&key, n->at, n->count, sizeof key, by_id);
            struct view text = db_get_text(rows, 1);
            if (at != NULL && at->text == NULL)
                at->text = strndup((const char *)text.at, text.len);
        }
        ok = rows_done(rows, &why, err);
    }
    free(a);
    return ok;
}

bool events_who(struct db *db, const int64_t *ids, unsigned count, json_t **out, struct imw_error_info *err)
{
    struct ask *a = malloc(sizeof *a);
    json_t *all = json_pack("{}");
    bool ok = (a != NULL && all != NULL) || error_set(err, IMW_ERROR_MEMORY, "no memory for clients");

    for (unsigned from = 0; ok && from < count; from += IDS_TOGETHER) {
        struct imw_error_info why = { 0 };
        struct db_rows *rows;
        ask_begin(a);
        ask_add(
            a,
            "select w.id, w.address, w.login, w.host, w.person, p.pseudonym, p.name, d.name from who w"
            " left join person p on p.id = w.person left join department d on d.id = p.department where w.id");
        ask_in(a, ids + from, count - from < IDS_TOGETHER ? count - from : IDS_TOGETHER);
        ok = ask_query(a, db, &rows, err);
        if (!ok)
            break;
        while (db_next(rows, &why)) {
            static const char *const keys[] = { "address",   "login", "host",      NULL,
                                                "pseudonym", "name",  "department" };
            char id[24];
            struct text t = TEXT(id);
            text_format(&t, "%lld", (long long)db_get_int(rows, 0));
            json_t *who = json_pack("{s:I, s:I}", "id", (json_int_t)db_get_int(rows, 0), "person",
                                    (json_int_t)db_get_int(rows, 4));
            for (unsigned c = 0; c < 7; c++) {
                struct view v = db_get_text(rows, c + 1);
                if (keys[c] != NULL && !db_is_null(rows, c + 1))
                    json_object_set_new(who, keys[c], json_stringn((const char *)v.at, v.len));
            }
            json_object_set_new(all, id, who);
        }
        ok = rows_done(rows, &why, err);
    }
    free(a);
    if (!ok) {
        json_decref(all);
        return false;
    }
    *out = all;
    return true;
}

static json_t *text_or_null(const char *s)
{
    return s != NULL && s[0] != '\0' ? json_pack("s", s) : json_null();
}

static json_t *number_or_null(int64_t n)
{
    return n != 0 ? json_integer(n) : json_null();
}

static void set(json_t *o, const char *key, json_t *value)
{
    json_object_set_new(o, key, value);
}

static json_t *event_json(const struct found *f, const struct names *words, const struct names *sensors,
                          const json_t *who)
{
    const int64_t *n = f->number;
    json_t *o = json_pack("{}"), *activity = json_pack("[]");
    char text[32];
    struct text t;

    set(o, "id", json_integer(n[NUMBER_ID]));
    set(o, "time", json_pack("s", time_text(n[NUMBER_TIME], text)));
    set(o, "kind", json_pack("s", event_kind_names[n[NUMBER_KIND] % EVENT_KIND_COUNT]));
    const char *sensor = name_of(sensors, n[NUMBER_SENSOR]);
    set(o, "sensor", json_pack("s", sensor != NULL ? sensor : ""));
    set(o, "flow_id", number_or_null(n[NUMBER_FLOW]));
    t = TEXT(text);
    text_format(&t, "%lld", (long long)n[NUMBER_WHO]);
    json_t *client = json_object_get(who, text);
    set(o, "who", client != NULL ? json_incref(client) : json_null());
    for (unsigned w = 0; w < EVENT_WORD_COUNT; w++)
        set(o, event_words[w].column, text_or_null(name_of(words, f->word[w])));
    set(o, "account_id", json_integer(f->word[WORD_ACCOUNT]));
    set(o, "peer_id", json_integer(f->word[WORD_PEER]));
    set(o, "server_port", number_or_null(n[NUMBER_SERVER_PORT]));
    set(o, "proto", text_or_null(n[NUMBER_UDP] == 2 ? "UDP" : n[NUMBER_UDP] == 1 ? "TCP" : NULL));
    for (unsigned bit = 0; bit < 6; bit++)
        if ((n[NUMBER_ACTIVITY] >> bit & 1) != 0)
            json_array_append_new(activity, json_pack("s", event_activity_names[bit]));
    set(o, "activity", activity);
    set(o, "delivery", text_or_null(event_delivery_names[n[NUMBER_DELIVERY] % 5]));
    set(o, "action", text_or_null(event_action_names[n[NUMBER_ACTION] % 5]));
    set(o, "stopped", json_boolean(n[NUMBER_STOPPED] != 0));
    set(o, "port_agile", json_boolean(n[NUMBER_AGILE] != 0));
    set(o, "severity", number_or_null(n[NUMBER_SEVERITY]));
    set(o, "scan", text_or_null(event_scan_names[n[NUMBER_SCAN] % 5]));
    set(o, "bytes_out", json_integer(n[NUMBER_BYTES_OUT]));
    set(o, "bytes_in", json_integer(n[NUMBER_BYTES_IN]));
    return o;
}

/* The rows in words. */
static bool rows_json(struct db *db, const struct found *rows, unsigned count, json_t **out,
                      struct imw_error_info *err)
{
    struct names words = { 0 }, sensors = { 0 };
    json_t *list = json_pack("[]"), *who = NULL;
    int64_t *clients = calloc(count + 1, sizeof *clients);
    bool ok = false;

    words.at = calloc((size_t)count * EVENT_WORD_COUNT + 1, sizeof *words.at);
    sensors.at = calloc(count + 1, sizeof *sensors.at);
    if (list == NULL || clients == NULL || words.at == NULL || sensors.at == NULL) {
        error_set(err, IMW_ERROR_MEMORY, "no memory for events");
        goto out;
    }
    for (unsigned i = 0; i < count; i++) {
        for (unsigned w = 0; w < EVENT_WORD_COUNT; w++)
            words.at[words.count++].id = rows[i].word[w];
        sensors.at[sensors.count++].id = rows[i].number[NUMBER_SENSOR];
        clients[i] = rows[i].number[NUMBER_WHO];
    }
    if (!names_fill(db, &words, "select id, value from term where id", err) ||
        !names_fill(db, &sensors, "select id, name from sensor where id", err) ||
        !events_who(db, clients, count, &who, err))
        goto out;
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(list, event_json(&rows[i], &words, &sensors, who));
    *out = list;
    list = NULL;
    ok = true;
out:
    names_free(&words);
    names_free(&sensors);
    free(clients);
    json_decref(list);
    json_decref(who);
    return ok;
}

static bool cursor_read(const char *cursor, int64_t *time_us, int64_t *id)
{
    struct view v = view_string(cursor), first = view_token(&v, '.');
    uint64_t a, b;

    if (!view_decimal(first, INT64_MAX, &a) || !view_decimal(v, INT64_MAX, &b))
        return false;
    *time_us = (int64_t)a;
    *id = (int64_t)b;
    return true;
}

bool events_search(struct db *db, const struct event_filter *f, const char *cursor, unsigned limit,
                   uint64_t budget_us, json_t **out, struct imw_error_info *err)
{
    struct walk *w = calloc(1, sizeof *w);
    json_t *events = NULL;
    char text[64], when[32];
    struct text t = TEXT(text);
    bool ok = false;

    if (w == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for a search");
    *w = (struct walk){ .db = db, .f = f, .upper_us = f->to_us, .limit = limit < 1 ? 1 : limit };
    w->limit = w->limit > LIMIT_MOST ? LIMIT_MOST : w->limit;
    w->end_us = clock_us() + budget_us;
    if (cursor != NULL && cursor[0] != '\0') {
        int64_t at, id;
        if (!cursor_read(cursor, &at, &id)) {
            error_set(err, IMW_ERROR_VALUE, "the cursor is none of ours; begin without one");
            goto out;
        }
        if (at < w->upper_us)
            reached(w, at, id);
    }
    if (!filter_is_permitted(f, err) || (w->upper_us > f->from_us && !walk_days(w, err)) ||
        !rows_json(db, w->rows, w->count, &events, err))
        goto out;
    bool complete = w->count < w->limit && !w->out_of_time;
    text_format(&t, "%lld.%lld", (long long)w->upper_us, (long long)w->upper_id);
    *out =
        json_pack("{s:o, s:s?, s:s, s:b}", "events", events, "cursor", complete ? NULL : text, "searched_to",
                  time_text(complete ? f->from_us : w->upper_us, when), "complete", complete);
    ok = *out != NULL || error_set(err, IMW_ERROR_MEMORY, "no memory for events");
out:
    free(w->rows);
    free(w);
    return ok;
}

/* ---- lines ---- */

/* A chunk that was unpacked. */
struct lines {
    int day;
    int64_t chunk;
    char *text;
    size_t len;
};

static bool lines_open(struct db *db, struct lines *l, int day, int64_t chunk, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    char sql[64];
    struct text t = TEXT(sql);

    if (l->text != NULL && l->day == day && l->chunk == chunk)
        return true;
    free(l->text);
    *l = (struct lines){ .day = day, .chunk = chunk };
    text_format(&t, "select data from chunk_%d where id = ?", day);
    if (!db_query(db, sql, DB_ARGS(db_int(chunk)), &rows, err))
        return false;
    if (db_next(rows, &why)) {
        struct view data = db_get_blob(rows, 0);
        unsigned long long size = ZSTD_getFrameContentSize(data.at, data.len);
        l->text = size <= CHUNK_MOST ? malloc((size_t)size + 1) : NULL;
        size_t n = l->text != NULL ? ZSTD_decompress(l->text, (size_t)size, data.at, data.len) : 0;
        l->len = l->text != NULL && !ZSTD_isError(n) ? n : 0;
    }
    return rows_done(rows, &why, err);
}

/* The object of a line; empty where it cannot be read. */
static json_t *line_json(const struct lines *l, int64_t number)
{
    struct view rest = view_of(l->text, l->len), line = view_of(NULL, 0);

    for (int64_t i = 0; i <= number; i++)
        if (!view_line(&rest, &line))
            return json_pack("{}");
    json_t *o = json_loadb((const char *)line.at, line.len, JSON_ALLOW_NUL, NULL);
    return json_is_object(o) ? o : (json_decref(o), json_pack("{}"));
}

/* Add its line to each event. */
static bool add_lines(struct db *db, const struct found *rows, unsigned count, json_t *events,
                      struct lines *l, struct imw_error_info *err)
{
    for (unsigned i = 0; i < count; i++) {
        const int64_t *n = rows[i].number;
        if (!lines_open(db, l, day_of(n[NUMBER_TIME]), n[NUMBER_CHUNK], err))
            return false;
        json_object_set_new(json_array_get(events, i), "eve", line_json(l, n[NUMBER_LINE]));
    }
    return true;
}

/* Events of the days in w->ask by a condition with one number. */
static bool by_number(struct walk *w, const char *condition, int64_t value, struct imw_error_info *err)
{
    int *days = NULL;
    unsigned count = 0;
    bool ok = days_read(w->db, &w->ask, &days, &count, err);

    for (unsigned i = 0; ok && i < count && w->count < w->limit; i++) {
        ask_begin(&w->ask);
        ask_add(&w->ask,
                "select " EVENT_COLUMNS_TEXT " from event_%d where %s order by time_us + 0, id limit ?",
                days[i], condition);
        ask_arg(&w->ask, db_int(value));
        ask_arg(&w->ask, db_int(w->limit - w->count));
        ok = take_rows(w, err);
    }
    free(days);
    return ok;
}

bool events_get(struct db *db, int64_t id, json_t **out, struct imw_error_info *err)
{
    struct walk *w = calloc(1, sizeof *w);
    struct lines l = { 0 };
    json_t *events = NULL;
    bool ok = false;

    if (w == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for an event");
    *w = (struct walk){ .db = db, .limit = 1 };
    ask_begin(&w->ask);
    ask_add(&w->ask, "select day from event_day where first_id <= ? and last_id >= ?");
    ask_arg(&w->ask, db_int(id));
    ask_arg(&w->ask, db_int(id));
    if (by_number(w, "id = ?", id, err) && rows_json(db, w->rows, w->count, &events, err) &&
        add_lines(db, w->rows, w->count, events, &l, err)) {
        *out = w->count > 0 ? json_incref(json_array_get(events, 0)) : json_null();
        ok = true;
    }
    json_decref(events);
    free(l.text);
    free(w->rows);
    free(w);
    return ok;
}

bool events_of_flow(struct db *db, uint64_t flow_id, json_t **out, struct imw_error_info *err)
{
    struct walk *w = calloc(1, sizeof *w);
    struct lines l = { 0 };
    json_t *events = NULL;

    if (w == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for a flow");
    *w = (struct walk){ .db = db, .limit = FLOW_EVENTS };
    ask_begin(&w->ask);
    ask_add(&w->ask, "select day from event_day order by day");
    bool ok = by_number(w, "flow = ?", (int64_t)(flow_id & INT64_MAX), err) &&
              rows_json(db, w->rows, w->count, &events, err) &&
              add_lines(db, w->rows, w->count, events, &l, err);
    if (ok)
        *out = events;
    else
        json_decref(events);
    free(l.text);
    free(w->rows);
    free(w);
    return ok;
}

/* ---- exports ---- */

/* The next rows of a day behind `after`, as JSON with their lines. */
static bool export_some(struct walk *w, int day, int64_t *after, struct lines *l, json_t **out,
                        struct imw_error_info *err)
{
    w->count = 0;
    ask_begin(&w->ask);
    filter_with(w->f, w->db, &w->ask);
    ask_add(&w->ask,
            "select " EVENT_COLUMNS_TEXT " from event_%d where id > ? and time_us >= ? and time_us < ?", day);
    ask_arg(&w->ask, db_int(*after));
    ask_arg(&w->ask, db_int(w->f->from_us));
    ask_arg(&w->ask, db_int(w->f->to_us));
    filter_conditions(w->f, &w->ask);
    ask_add(&w->ask, " order by id limit ?");
    ask_arg(&w->ask, db_int(EXPORT_STEP));
    if (!take_rows(w, err) || !rows_json(w->db, w->rows, w->count, out, err))
        return false;
    if (!add_lines(w->db, w->rows, w->count, *out, l, err)) {
        json_decref(*out);
        return false;
    }
    if (w->count > 0)
        *after = w->rows[w->count - 1].number[NUMBER_ID];
    return true;
}

bool events_export(struct db *db, const struct event_filter *f, bool (*take)(void *context, json_t *event),
                   void *context, struct imw_error_info *err)
{
    struct walk *w = calloc(1, sizeof *w);
    struct lines l = { 0 };
    int *days = NULL;
    unsigned count = 0;
    bool ok, more = true;

    if (w == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for an export");
    *w = (struct walk){ .db = db, .f = f };
    ask_begin(&w->ask);
    ask_add(&w->ask, "select day from event_day where first_us < ? and last_us >= ? order by day");
    ask_arg(&w->ask, db_int(f->to_us));
    ask_arg(&w->ask, db_int(f->from_us));
    ok = filter_is_permitted(f, err) && days_read(db, &w->ask, &days, &count, err);
    for (unsigned i = 0; ok && more && i < count; i++) {
        int64_t after = 0;
        do {
            json_t *events = NULL, *event;
            size_t k;
            ok = export_some(w, days[i], &after, &l, &events, err);
            if (!ok)
                break;
            json_array_foreach(events, k, event)
            {
                if (more)
                    more = take(context, event);
            }
            json_decref(events);
        } while (more && w->count == EXPORT_STEP);
    }
    free(days);
    free(l.text);
    free(w->rows);
    free(w);
    return ok;
}
