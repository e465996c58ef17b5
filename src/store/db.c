/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What both databases have alike: arguments are checked, and a transaction in which a call failed is lost.
 * PostgreSQL would say so by itself, SQLite would go on with half of it; here both refuse, so that what is
 * tested on one holds on the other.
 */
#include "base/text.h"
#include "store/db_driver.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char sqlite_scheme[] = "sqlite:";

bool db_connect(const char *url, bool create, struct db **out, struct imw_error_info *err)
{
    if (strncmp(url, sqlite_scheme, sizeof sqlite_scheme - 1) == 0)
        return sqlite_open(url + sizeof sqlite_scheme - 1, create, out, err);
    if (strncmp(url, "postgresql://", 13) == 0 || strncmp(url, "postgres://", 11) == 0)
        return postgres_open(url, create, out, err);
    return error_set(err, IMW_ERROR_VALUE, /* not with the URL itself: there may be a password in it */
                     "the database's URL begins with neither 'sqlite:' nor 'postgresql://'");
}

bool db_open(const char *url, struct db **out, struct imw_error_info *err)
{
    struct db *db = NULL;
    unsigned version = 0;

    if (!db_connect(url, false, &db, err))
        return false;
    if (!schema_version(db, &version, err)) {
        db_close(db);
        return false;
    }
    if (version != schema_newest()) {
        db_close(db);
        return error_set(err, IMW_ERROR_FORMAT,
                         "the database's tables are of version %u, this program's of version %u: start "
                         "`imward serve` of this version once, it brings them up to date",
                         version, schema_newest());
    }
    *out = db;
    return true;
}

bool db_open_data(const char *url, const char *data, struct db **out, struct imw_error_info *err)
{
    static const char scheme[] = "sqlite:";
    char own[600];

    if (url != NULL)
        return db_open(url, out, err);
    snprintf(own, sizeof own, "%s%s/db/imward.db", scheme, data);
    if (access(own + strlen(scheme), F_OK) != 0)
        return error_file(
            err, IMW_ERROR_VALUE, data,
            "no data folder of imward serve (no db/imward.db in it); of a PostgreSQL give the URL");
    return db_open(own, out, err);
}

void db_close(struct db *db)
{
    if (db == NULL)
        return;
    db_rollback(db);
    db->driver->close(db);
}

enum db_kind db_kind(const struct db *db)
{
    return db->driver->kind;
}

/* ---- values ---- */

struct db_value db_null(void)
{
    return (struct db_value){ .type = DB_NULL };
}

struct db_value db_int(int64_t number)
{
    return (struct db_value){ .type = DB_INT, .number = number };
}

struct db_value db_real(double number)
{
    return (struct db_value){ .type = DB_REAL, .real = number };
}

struct db_value db_text(const char *text)
{
    return text != NULL ? db_view(view_string(text)) : db_null();
}

struct db_value db_view(struct view text)
{
    return (struct db_value){ .type = DB_TEXT, .bytes = view_of(text.at, text.len) };
}

struct db_value db_blob(struct view bytes)
{
    return (struct db_value){ .type = DB_BLOB, .bytes = view_of(bytes.at, bytes.len) };
}

/* Valid UTF-8 without a NUL. Mostly ASCII: eight octets at a time, of which none is 0 or above 0x7f. */
static bool is_text(struct view v)
{
    const uint64_t high = 0x8080808080808080u, low = 0x0101010101010101u;
    size_t at = 0;

    while (at < v.len) {
        uint64_t word;

        if (v.len - at >= sizeof word) {
            memcpy(&word, v.at + at, sizeof word);
            if (((word | (word - low)) & high) == 0) {
                at += sizeof word;
                continue;
            }
        }
        const size_t length = v.at[at] != 0 ? utf8_length(view_from(v, at)) : 0;
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

static bool check_values(const struct db_value *values, unsigned count, struct imw_error_info *err)
{
    for (unsigned i = 0; i < count; i++)
        if (values[i].type == DB_TEXT && !is_text(values[i].bytes))
            return error_set(err, IMW_ERROR_VALUE, "value %u is not text: no valid UTF-8, or a NUL in it",
                             i + 1);
    return true;
}

/* ---- transactions ---- */

/* Whether a call may be made now; the arguments are good. */
static bool ready(struct db *db, const struct db_value *args, unsigned count, struct imw_error_info *err)
{
    if (db->lost)
        return error_set(err, IMW_ERROR_SYSTEM,
                         "a call before failed: its transaction can only be rolled back");
    if (count > DB_ARGS_MOST)
        return error_set(err, IMW_ERROR_LIMIT, "more than %d values in one statement", DB_ARGS_MOST);
    if (!check_values(args, count, err)) {
        db->lost = db->open;
        return false;
    }
    return true;
}

/* The end of a call. */
static bool done(struct db *db, bool ok)
{
    if (!ok)
        db->lost = db->open;
    return ok;
}

static bool begin(struct db *db, enum db_turn turn, struct imw_error_info *err)
{
    if (db->open)
        return error_set(err, IMW_ERROR_SYSTEM, "a transaction in a transaction");
    if (!db->driver->begin(db, turn, err))
        return false;
    db->open = true;
    db->lost = false;
    return true;
}

bool db_begin(struct db *db, bool write, struct imw_error_info *err)
{
    return begin(db, write ? TURN_WRITE : TURN_READ, err);
}

bool db_begin_feed(struct db *db, struct imw_error_info *err)
{
    return begin(db, TURN_FEED, err);
}

bool db_take_feed(struct db *db, struct imw_error_info *err)
{
    return ready(db, DB_NONE, err) && done(db, db->driver->take_feed(db, err));
}

bool db_commit(struct db *db, struct imw_error_info *err)
{
    if (!db->open)
        return error_set(err, IMW_ERROR_SYSTEM, "no transaction is open");
    if (db->lost || !db->driver->commit(db, err)) {
        const bool lost = db->lost;

        db_rollback(db);
        return lost ? error_set(err, IMW_ERROR_SYSTEM, "a call before failed: the transaction is rolled back")
                    : false;
    }
    db->open = false;
    return true;
}

void db_rollback(struct db *db)
{
    if (!db->open)
        return;
    db->driver->rollback(db);
    db->open = db->lost = false;
}

bool db_in_transaction(const struct db *db)
{
    return db->open;
}

/* ---- statements ---- */

bool db_run(struct db *db, const char *sql, const struct db_value *args, unsigned count,
            uint64_t *out_changed, struct imw_error_info *err)
{
    return ready(db, args, count, err) && done(db, db->driver->run(db, sql, args, count, out_changed, err));
}

bool db_script(struct db *db, const char *sql, struct imw_error_info *err)
{
    return ready(db, DB_NONE, err) && done(db, db->driver->script(db, sql, err));
}

bool db_query(struct db *db, const char *sql, const struct db_value *args, unsigned count,
              struct db_rows **out, struct imw_error_info *err)
{
    return ready(db, args, count, err) && done(db, db->driver->query(db, sql, args, count, out, err));
}

static bool next_row(struct db_rows *rows, bool *out, struct imw_error_info *err)
{
    return done(rows->db, rows->db->driver->next(rows, out, err));
}

bool db_next(struct db_rows *rows, struct imw_error_info *err)
{
    bool more = false;

    return next_row(rows, &more, err) && more;
}

void db_rows_end(struct db_rows *rows)
{
    if (rows != NULL)
        rows->db->driver->rows_end(rows);
}

bool rows_done(struct db_rows *rows, const struct imw_error_info *why, struct imw_error_info *err)
{
    db_rows_end(rows);
    if (why->code == IMW_OK)
        return true;
    if (err != NULL)
        *err = *why;
    return false;
}

unsigned db_column_count(const struct db_rows *rows)
{
    return rows->db->driver->columns(rows);
}

const char *db_column_name(const struct db_rows *rows, unsigned column)
{
    return rows->db->driver->name(rows, column);
}

bool db_is_null(const struct db_rows *rows, unsigned column)
{
    return db_get_type(rows, column) == DB_NULL;
}

enum db_type db_get_type(const struct db_rows *rows, unsigned column)
{
    return rows->db->driver->type(rows, column);
}

int64_t db_get_int(const struct db_rows *rows, unsigned column)
{
    return rows->db->driver->get_int(rows, column);
}

double db_get_real(const struct db_rows *rows, unsigned column)
{
    return rows->db->driver->get_real(rows, column);
}

struct view db_get_text(const struct db_rows *rows, unsigned column)
{
    return rows->db->driver->get_bytes(rows, column);
}

struct view db_get_blob(const struct db_rows *rows, unsigned column)
{
    return rows->db->driver->get_bytes(rows, column);
}

bool db_query_int(struct db *db, const char *sql, const struct db_value *args, unsigned count, int64_t *out,
                  bool *out_found, struct imw_error_info *err)
{
    struct db_rows *rows = NULL;
    bool found = false;

    if (!db_query(db, sql, args, count, &rows, err))
        return false;
    const bool ok = next_row(rows, &found, err);
    if (ok && found)
        *out = db_get_int(rows, 0);
    db_rows_end(rows);
    if (ok && out_found != NULL)
        *out_found = found;
    return ok;
}

/* The row is all there before its id is asked for: both databases insert first and answer then. */
bool db_insert(struct db *db, const char *sql, const struct db_value *args, unsigned count, int64_t *out_id,
               struct imw_error_info *err)
{
    bool found = false;

    if (!db_query_int(db, sql, args, count, out_id, &found, err))
        return false;
    if (!found)
        return done(db, error_set(err, IMW_ERROR_SYSTEM, "an insert gave no id: %.80s", sql));
    return true;
}

/* ---- bulk ---- */

bool db_bulk_begin(struct db *db, const char *table, const char *columns, unsigned count,
                   struct db_bulk **out, struct imw_error_info *err)
{
    if (!ready(db, DB_NONE, err))
        return false;
    if (!db->open || count == 0 || count > DB_COLUMNS_MOST)
        return done(
            db, error_set(err, IMW_ERROR_SYSTEM, "bulk outside of a transaction, or with %u columns", count));
    return done(db, db->driver->bulk_begin(db, table, columns, count, out, err));
}

bool db_bulk_row(struct db_bulk *b, const struct db_value *values, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };

    if (!b->failed && ready(b->db, values, b->count, &why) &&
        done(b->db, b->db->driver->bulk_row(b, values, &why)))
        return true;
    if (!b->failed)
        b->why = why;
    b->failed = true;
    if (err != NULL)
        *err = b->why;
    return false;
}

bool db_bulk_end(struct db_bulk *b, struct imw_error_info *err)
{
    if (b == NULL)
        return true;

    struct db *db = b->db;
    const bool ok = !b->failed && ready(db, DB_NONE, err) && done(db, db->driver->bulk_send(b, err));

    if (b->failed && err != NULL)
        *err = b->why;
    db->driver->bulk_free(b);
    return ok;
}
