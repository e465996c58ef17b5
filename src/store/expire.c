/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Days that go, and persons found anew.
 *
 * A day goes by dropping its three tables. Words that only it had (names of servers, files, accounts) go with
 * it, so that nothing of it is left but the sums, which name clients by number; who uses no more (no sums
 * left) is removed by whoever removes the sums.
 *
 * Persons are found anew where people or aliases changed. A client that turns out to be another person's has
 * its events, and the sums of their days, moved to that person's department. A person who changes departments
 * keeps their past where it was.
 */
#include "base/text.h"
#include "store/sums.h"
#include "store/words.h"
#include <stdlib.h>

static bool count_up(struct db *db, const char *counter, struct imw_error_info *err)
{
    return db_run(db,
                  "insert into event_counter (name, value) values (?, 1)"
                  " on conflict (name) do update set value = event_counter.value + 1",
                  DB_ARGS(db_text(counter)), NULL, err);
}

struct day_row {
    int day;
    int64_t events;
    uint8_t digest[32];
};

static bool days_list(struct db *db, struct day_row **out, unsigned *out_count, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    struct day_row *days = NULL;
    unsigned count = 0;
    bool memory = true;

    if (!db_query(db, "select day, events, digest from event_day order by day", DB_NONE, &rows, err))
        return false;
    while (memory && db_next(rows, &why)) {
        struct day_row *more = count % 64 == 0 ? realloc(days, (count + 64) * sizeof *days) : days;
        memory = more != NULL;
        if (!memory)
            break;
        days = more;
        days[count] = (struct day_row){ .day = (int)db_get_int(rows, 0), .events = db_get_int(rows, 1) };
        struct view digest = db_get_blob(rows, 2);
        if (digest.len == sizeof days[count].digest)
            memcpy(days[count].digest, digest.at, digest.len);
        count++;
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

/* `format` has one or two %d, both the day. */
static bool of_day(struct db *db, const char *before, int day, const char *behind, struct imw_error_info *err)
{
    char sql[256];
    struct text t = TEXT(sql);

    text_format(&t, "%s%d%s", before, day, behind);
    return db_script(db, sql, err);
}

/* Words of the days that went, less those that a day which stays has. */
static bool words_expire(struct db *db, const struct day_row *days, unsigned gone, unsigned count,
                         struct imw_error_info *err)
{
    static const char *const removed =
        "delete from term where id in (select word from expired_word) and kind in"
        " ('server', 'account', 'file', 'sha256', 'signature', 'rule', 'address')";

    if (!db_script(
            db,
            "create temporary table if not exists expired_word (word bigint primary key); delete from expired_word;",
            err))
        return false;
    for (unsigned i = 0; i < gone; i++)
        if (!of_day(db, "insert into expired_word (word) select distinct word from word_", days[i].day,
                    " where true on conflict (word) do nothing", err))
            return false;
    for (unsigned i = gone; i < count; i++)
        if (!of_day(db, "delete from expired_word where word in (select word from word_", days[i].day, ")",
                    err))
            return false;
    if (db_kind(db) == DB_SQLITE &&
        !db_script(
            db,
            "insert into term_search (term_search, rowid, value) select 'delete', id, value from term where id in"
            " (select word from expired_word) and kind in ('server', 'account', 'file', 'sha256', 'rule', 'signature')",
            err))
        return false;
    return db_run(db, removed, DB_NONE, NULL, err) && count_up(db, "words", err);
}

bool events_expire(struct db *db, int day, uint64_t now_us,
                   bool (*told)(void *context, int day, uint64_t events, struct view digest), void *context,
                   struct imw_error_info *err)
{
    struct day_row *days = NULL;
    unsigned count = 0, gone = 0;

    if (!db_take_feed(db, err) || !days_list(db, &days, &count, err))
        return false;
    while (gone < count && days[gone].day < day)
        gone++;
    bool ok = gone == 0 || words_expire(db, days, gone, count, err);
    for (unsigned i = 0; ok && i < gone; i++) {
        const struct day_row *d = &days[i];
        struct view digest = view_of(d->digest, sizeof d->digest);
        ok =
            of_day(db, "drop table event_", d->day, "", err) &&
            of_day(db, "drop table chunk_", d->day, "", err) &&
            of_day(db, "drop table word_", d->day, "", err) &&
            db_run(db, "delete from event_day where day = ?", DB_ARGS(db_int(d->day)), NULL, err) &&
            db_run(
                db,
                "insert into retention_run (kind, before_us, removed, digest, time_us) values ('events', ?, ?, ?, ?)",
                DB_ARGS(db_int(day_start(d->day) + DAY_US), db_int(d->events), db_blob(digest),
                        db_int((int64_t)now_us)),
                NULL, err);
        if (ok && told != NULL && !told(context, d->day, (uint64_t)d->events, digest))
            ok = error_set(err, IMW_ERROR_SYSTEM, "the removal of events could not be written to the trail");
    }
    free(days);
    return ok;
}

/* ---- persons found anew ---- */

/* The sums of a day that know departments, counted again from its events. */
static bool recount_day(struct db *db, int day, struct imw_error_info *err)
{
    static const struct {
        const char *table, *unit;
    } tables[] = { { "usage_hour", "hour" }, { "usage_day", "day" } };
    int64_t first = day_start(day) / HOUR_US, policy = 0;
    char sql[2048], unit[64];
    bool ok = db_query_int(db, "select id from term where kind = 'detector' and value = 'policy'", DB_NONE,
                           &policy, NULL, err);

    for (unsigned i = 0; ok && i < 2; i++) {
        struct text t = TEXT(sql), u = TEXT(unit);
        bool hourly = i == 0;
        text_format(&u, hourly ? "time_us / %lld" : "%lld", hourly ? (long long)HOUR_US : (long long)day);
        text_format(&t, "delete from %s where %s >= ? and %s <= ?", tables[i].table, tables[i].unit,
                    tables[i].unit);
        ok = db_run(db, sql, DB_ARGS(db_int(hourly ? first : day), db_int(hourly ? first + 23 : day)), NULL,
                    err);
        t = TEXT(sql);
        text_format(
            &t,
            "insert into %s (%s, department, service, action, events, flows, lookups, messages, files, alerts,"
            " stopped, agile, bytes_out, bytes_in) select %s, department, service, action, count(*),"
            " sum(case when kind = 1 and activity <> 1 then 1 else 0 end),"
            " sum(case when kind = 1 and activity = 1 then 1 else 0 end),"
            " sum(case when kind = 2 and activity = 8 then 1 else 0 end),"
            " sum(case when kind = 4 then 1 else 0 end),"
            " sum(case when kind = 3 and (detector = 0 or detector <> %lld) then 1 else 0 end),"
            " sum(case when kind = 1 then stopped else 0 end), sum(case when kind = 1 then agile else 0 end),"
            " sum(case when kind = 1 then bytes_out else 0 end), sum(case when kind = 1 then bytes_in else 0 end)"
            " from event_%d group by %s, department, service, action",
            tables[i].table, tables[i].unit, unit, (long long)policy, day, hourly ? unit : "department");
        ok = ok && db_run(db, sql, DB_NONE, NULL, err);
    }
    return ok;
}

struct client {
    int64_t id, person;
    char address[64], login[256], host[256];
};

/* Clients that turn out to be of another person than was known: noted in a table of the transaction. */
static bool clients_match(struct db *db, uint64_t now_us, uint64_t *moved, struct imw_error_info *err)
{
    struct networks *networks = NULL;
    struct client *page = calloc(512, sizeof *page);
    int64_t after = 0;
    unsigned count;
    bool ok = page != NULL || error_set(err, IMW_ERROR_MEMORY, "no memory for clients");

    *moved = 0;
    ok = ok && networks_load(db, &networks, err);
    do {
        struct imw_error_info why = { 0 };
        struct db_rows *rows;
        count = 0;
        if (!ok ||
            !db_query(
                db,
                "select w.id, coalesce(w.person, 0), w.address, w.login, w.host from who w where w.id > ?"
                " order by w.id limit 512",
                DB_ARGS(db_int(after)), &rows, err)) {
            ok = false;
            break;
        }
        while (db_next(rows, &why)) {
            struct client *c = &page[count++];
            struct text address = TEXT(c->address), login = TEXT(c->login), host = TEXT(c->host);
            c->id = after = db_get_int(rows, 0);
            c->person = db_get_int(rows, 1);
            text_add(&address, db_get_text(rows, 2));
            text_add(&login, db_get_text(rows, 3));
            text_add(&host, db_get_text(rows, 4));
        }
        ok = rows_done(rows, &why, err);
        for (unsigned i = 0; ok && i < count; i++) {
            const struct client *c = &page[i];
            struct person_match m;
            int64_t last = (int64_t)now_us;
            bool found;
            /* Whose it was when it was seen last. */
            ok = db_query_int(db, "select coalesce(max(last_us), 0) from usage_who where who = ?",
                              DB_ARGS(db_int(c->id)), &last, &found, err) &&
                 person_find(db, networks, view_string(c->address), view_string(c->login),
                             view_string(c->host), last != 0 ? last : (int64_t)now_us, &m, err);
            if (!ok || m.person == c->person)
                continue;
            ++*moved;
            ok = db_run(db, "update who set person = ? where id = ?",
                        DB_ARGS(m.person != 0 ? db_int(m.person) : db_null(), db_int(c->id)), NULL, err) &&
                 db_run(db, "insert into moved_who (who, department) values (?, ?)",
                        DB_ARGS(db_int(c->id), db_int(m.department)), NULL, err);
        }
    } while (ok && count == 512);
    networks_free(networks);
    free(page);
    return ok;
}

bool events_rejoin(struct db *db, uint64_t now_us, struct imw_error_info *err)
{
    struct day_row *days = NULL;
    unsigned count = 0;
    uint64_t moved = 0;

    if (!db_script(
            db,
            "create temporary table if not exists moved_who (who bigint primary key, department bigint not null);"
            "delete from moved_who;",
            err) ||
        !clients_match(db, now_us, &moved, err) || !count_up(db, "people", err))
        return false;
    if (moved == 0)
        return true;
    bool ok = days_list(db, &days, &count, err);
    for (unsigned i = 0; ok && i < count; i++) {
        char sql[320];
        struct text t = TEXT(sql);
        uint64_t changed = 0;
        text_format(
            &t,
            "update event_%d set department = (select m.department from moved_who m where m.who = event_%d.who)"
            " where who in (select who from moved_who)",
            days[i].day, days[i].day);
        ok = db_run(db, sql, DB_NONE, &changed, err) && (changed == 0 || recount_day(db, days[i].day, err));
    }
    free(days);
    return ok;
}
