/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of a day, and days as numbers.
 *
 *     event_D   one row an event; by id, by time, by client, by flow; and by time those few that are looked
 * for alone (column notable: alerts, files, what was stopped, what runs on foreign ports) chunk_D   512 lines
 * packed; id is that of its first event, whose ids follow each other word_D    which word is in which chunk:
 * what finds an event by a word, at a tenth of the cost of an index for each column of words
 *
 * Words are found by part: SQLite by a table for its trigram index (term_search), PostgreSQL by pg_trgm where
 * that may be had, else by reading all of term.
 */
#include "base/log.h"
#include "base/text.h"
#include "store/event_parts.h"

const struct event_word_fact event_words[EVENT_WORD_COUNT] = {
#define X(id, column, kind, searched) { #column, kind, searched },
    EVENT_WORDS(X)
#undef X
};
const char *const event_kind_names[EVENT_KIND_COUNT] = {
#define X(id, number, name) [number] = name,
    EVENT_KINDS(X)
#undef X
};
const char *const event_action_names[5] = { NULL, "allow", "alert", "block", "scan" };
const char *const event_scan_names[5] = { NULL, "clean", "infected", "not-scanned", "suspicious" };
const char *const event_delivery_names[5] = { NULL, "unknown", "server-proxy", "server-broker", "peer" };
const char *const event_activity_names[6] = { "lookup", "login", "presence", "chat", "file", "call" };

/* Years count from March, so that a leap day ends one: days since 1970 to a date and back. */
int day_of(int64_t time_us)
{
    int64_t days = time_us / DAY_US + 719468;
    int64_t era = days / 146097, of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t part = (5 * of_year + 2) / 153, day = of_year - (153 * part + 2) / 5 + 1;
    int64_t month = part < 10 ? part + 3 : part - 9;

    return (int)((year + era * 400 + (month <= 2)) * 10000 + month * 100 + day);
}

int64_t day_start(int day)
{
    int64_t year = day / 10000, month = day / 100 % 100;

    year -= month <= 2;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day % 100 - 1;
    return (year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719468) * DAY_US;
}

const char *time_text(int64_t time_us, char out[32])
{
    struct text t = text_over(out, 32);
    int day = day_of(time_us);
    int64_t of_day = time_us % DAY_US;

    text_format(&t, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", day / 10000, day / 100 % 100, day % 100,
                (int)(of_day / HOUR_US), (int)(of_day / 60000000 % 60), (int)(of_day / 1000000 % 60),
                (int)(of_day % 1000000));
    return out;
}

bool partition_make(struct db *db, int day, struct imw_error_info *err)
{
    bool sqlite = db_kind(db) == DB_SQLITE;
    char sql[4096];
    struct text t = TEXT(sql);
    int64_t there;
    bool found;

    if (!db_query_int(db, "select 1 from event_day where day = ?", DB_ARGS(db_int(day)), &there, &found, err))
        return false;
    if (found)
        return true;
    text_format(&t, "create table event_%d (id %s primary key", day, sqlite ? "integer" : "bigint");
    for (struct view rest = VIEW(EVENT_COLUMNS_TEXT); rest.len > 0;) {
        struct view column = view_trim(view_token(&rest, ','));
        if (view_equal(column, VIEW("id")))
            continue;
        text_string(&t, ", ");
        text_add(&t, column);
        text_string(&t, sqlite ? " integer not null" : " bigint not null");
    }
    text_format(&t,
                ");create index event_%d_time on event_%d (time_us, id);"
                "create index event_%d_who on event_%d (who, time_us);"
                "create index event_%d_flow on event_%d%s (flow);"
                "create index event_%d_notable on event_%d (time_us) where notable = 1;",
                day, day, day, day, day, day, sqlite ? "" : " using hash", day, day);
    text_format(&t,
                "create table chunk_%d (id %s primary key, events %s not null, first_us %s not null,"
                " last_us %s not null, data %s not null, digest %s not null);"
                "create table word_%d (word %s not null, chunk %s not null, primary key (word, chunk))%s;",
                day, sqlite ? "integer" : "bigint", sqlite ? "integer" : "bigint",
                sqlite ? "integer" : "bigint", sqlite ? "integer" : "bigint", sqlite ? "blob" : "bytea",
                sqlite ? "blob" : "bytea", day, sqlite ? "integer" : "bigint", sqlite ? "integer" : "bigint",
                sqlite ? " without rowid" : "");
    return db_script(db, sql, err) &&
           db_run(db, "insert into event_day (day, events, bytes, digest) values (?, 0, 0, ?)",
                  DB_ARGS(db_int(day), db_blob(view_of((const uint8_t[32]){ 0 }, 32))), NULL, err);
}

bool partition_prepare(struct db *db, struct imw_error_info *err)
{
    struct imw_error_info ignored = { 0 };
    int64_t there;
    bool found;

    if (db_kind(db) == DB_SQLITE) {
        if (!db_begin(db, true, err))
            return false;
        if (!db_query_int(db, "select 1 from sqlite_master where name = 'term_search'", DB_NONE, &there,
                          &found, err) ||
            (!found &&
             !db_script(db,
                        "create virtual table term_search using fts5"
                        " (value, content='term', content_rowid='id', tokenize='trigram');"
                        "insert into term_search (rowid, value) select id, value from term where kind in"
                        " ('server', 'account', 'file', 'sha256', 'rule', 'signature');",
                        err))) {
            db_rollback(db);
            return false;
        }
        return db_commit(db, err);
    }
    /* Not everybody may make extensions: without it, all words are read. */
    if (!db_query_int(db, "select 1 from pg_class where relname = 'term_value_trigrams'", DB_NONE, &there,
                      &found, err))
        return false;
    if (found)
        return true;
    if (!db_begin(db, true, err))
        return false;
    if (!db_script(
            db,
            "create extension if not exists pg_trgm;"
            "create index if not exists term_value_trigrams on term using gin (lower(value) gin_trgm_ops);",
            &ignored)) {
        db_rollback(db);
        log_warning("store_search",
                    "search in names is slow: the database may not make the extension pg_trgm; "
                    "have its administrator say: create extension pg_trgm");
        return true;
    }
    return db_commit(db, err);
}
