/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One database, two kinds: SQLite (a file in the data folder) and PostgreSQL (by URL). Everything above
 * speaks the SQL that both have, written once: placeholders are `?`, integers are 64 bits, times are
 * microseconds since 1970, text is UTF-8. What differs is behind this header (db_sqlite.c, db_postgres.c) or
 * asked of db_kind(). Made alike: `like` minds upper and lower case; text is compared octet by octet, lower()
 * knows ASCII; text in double quotes is a name, never a value; a transaction to read refuses to write; text
 * that is no valid UTF-8, or holds a NUL, is refused.
 *
 * A struct db is one connection, used by one thread at a time, never by a child of fork(). Statements are
 * prepared once and kept. A failed call inside a transaction leaves it to be rolled back: whatever follows in
 * it is refused, and so is its commit. Nothing is retried behind the caller's back but for waiting: a writer
 * waits up to 10 s for its turn. A connection to PostgreSQL that was lost fails the call that meets it;
 * db_begin() connects anew.
 */
#pragma once
#include "base/error.h"

struct db;
struct db_rows;

enum db_kind { DB_SQLITE, DB_POSTGRES };

/* `url`: "sqlite:PATH" or "postgresql://…" (libpq's). The schema must be there already: db_migrate(). */
bool db_open(const char *url, struct db **out, struct imw_error_info *err) IMW_MUST_USE;
/* That of a console: of `url`, or, where that is NULL, the one in its data folder, which `imward serve` has
 * made. */
bool db_open_data(const char *url, const char *data, struct db **out,
                  struct imw_error_info *err) IMW_MUST_USE;
void db_close(struct db *db); /* NULL is fine */
enum db_kind db_kind(const struct db *db);

/* Bring the schema to this program's version, each step in a transaction of its own, steps by other processes
 * waited for. False also where the database is of a newer program: it is not touched. Opens and closes a
 * connection of its own. */
bool db_migrate(const char *url, struct imw_error_info *err) IMW_MUST_USE;

/* ---- values in ---- */
enum db_type { DB_NULL, DB_INT, DB_REAL, DB_TEXT, DB_BLOB };
struct db_value {
    enum db_type type;
    int64_t number;
    double real;
    struct view bytes; /* the caller's, for the call */
};
struct db_value db_null(void);
struct db_value db_int(int64_t number);
struct db_value db_real(double number);
struct db_value db_text(const char *text); /* NULL: null */
struct db_value db_view(struct view text);
struct db_value db_blob(struct view bytes);
/* The arguments of a call: db_run(db, "…", DB_ARGS(db_int(5), db_text(name)), &changed, err). None: DB_NONE.
 */
#define DB_ARGS(...)                                                                                         \
    (const struct db_value[]){ __VA_ARGS__ },                                                                \
        (unsigned)(sizeof((const struct db_value[]){ __VA_ARGS__ }) / sizeof(struct db_value))
#define DB_NONE NULL, 0

/* ---- transactions ---- */
/* `write`: takes the writer's turn now, so that what is read in it stays true until the commit; else a
 * consistent view to read. Not nested. */
bool db_begin(struct db *db, bool write, struct imw_error_info *err) IMW_MUST_USE;
/* To write, in the turn of those who store events: one at a time, but (PostgreSQL) beside a writer of
 * db_begin(). So one of these owns only what no other writes: event and chunk tables, event_day,
 * event_counter, term, who, usage_…, client_seen, scan_day, and the counts of its own sensor. It adds no
 * audit records. SQLite: the same turn as every writer's. */
bool db_begin_feed(struct db *db, struct imw_error_info *err) IMW_MUST_USE;
/* In a transaction of db_begin() to write: take the turn of those who store events as well, before touching
 * what is theirs (expiry of events, persons found anew). Never the other way round. */
bool db_take_feed(struct db *db, struct imw_error_info *err) IMW_MUST_USE;
bool db_commit(struct db *db, struct imw_error_info *err) IMW_MUST_USE; /* on disk when it returns true */
void db_rollback(struct db *db);                                        /* without a transaction: nothing */
bool db_in_transaction(const struct db *db);

/* ---- statements ---- */
/* One statement without an answer; *out_changed (may be NULL): rows it changed. IMW_ERROR_VALUE where it
 * hurts a constraint (unique, foreign key, check), or text is no text, which callers tell from failures;
 * IMW_ERROR_LIMIT where others held what it needs for too long: the same may go well later. The transaction
 * is lost on all of them. */
bool db_run(struct db *db, const char *sql, const struct db_value *args, unsigned count,
            uint64_t *out_changed, struct imw_error_info *err) IMW_MUST_USE;
/* Insert and give the new row's id: `sql` ends in "returning id". */
bool db_insert(struct db *db, const char *sql, const struct db_value *args, unsigned count, int64_t *out_id,
               struct imw_error_info *err) IMW_MUST_USE;
/* Many statements, without arguments: schema and the like. Text of ours only. */
bool db_script(struct db *db, const char *sql, struct imw_error_info *err) IMW_MUST_USE;

/* Ask: rows are fetched one by one; db_rows_end() always, and before the end of the transaction. Other
 * statements may run meanwhile (PostgreSQL: the rows not fetched yet are then kept in memory). */
bool db_query(struct db *db, const char *sql, const struct db_value *args, unsigned count,
              struct db_rows **out, struct imw_error_info *err) IMW_MUST_USE;
/* The next row. False: there is none, or (then err is set, else untouched) it failed. */
bool db_next(struct db_rows *rows, struct imw_error_info *err);
void db_rows_end(struct db_rows *rows); /* NULL is fine */
/* After a loop over db_next(&why): end the rows, pass on why it failed. */
bool rows_done(struct db_rows *rows, const struct imw_error_info *why,
               struct imw_error_info *err) IMW_MUST_USE;
/* The columns of the answer and their names, once db_next() was called, also where it gave no row. */
unsigned db_column_count(const struct db_rows *rows);
const char *db_column_name(const struct db_rows *rows, unsigned column);
/* Columns from 0, of the row that db_next() gave, until the next db_next(). */
bool db_is_null(const struct db_rows *rows, unsigned column);
enum db_type db_get_type(const struct db_rows *rows, unsigned column); /* of this value */
int64_t db_get_int(const struct db_rows *rows, unsigned column);       /* null: 0 */
double db_get_real(const struct db_rows *rows, unsigned column);
struct view db_get_text(const struct db_rows *rows,
                        unsigned column); /* null: empty; a NUL stands behind it */
struct view db_get_blob(const struct db_rows *rows, unsigned column);
/* The first column of the first row; *out_found (may be NULL) false and *out untouched where there is no row.
 */
bool db_query_int(struct db *db, const char *sql, const struct db_value *args, unsigned count, int64_t *out,
                  bool *out_found, struct imw_error_info *err) IMW_MUST_USE;

/* Many rows into one table, the quickest way there is (SQLite: one prepared insert; PostgreSQL: COPY,
 * binary, for columns of the types {int}, {blob}, text and double precision). In a transaction. `columns`:
 * "a, b, c". Rows may lie in memory until db_bulk_end(), which sends the rest and frees; false when any row
 * failed, also before. NULL is fine there, and true. */
struct db_bulk;
bool db_bulk_begin(struct db *db, const char *table, const char *columns, unsigned count,
                   struct db_bulk **out, struct imw_error_info *err) IMW_MUST_USE;
bool db_bulk_row(struct db_bulk *b, const struct db_value *values, struct imw_error_info *err) IMW_MUST_USE;
bool db_bulk_end(struct db_bulk *b, struct imw_error_info *err) IMW_MUST_USE;
