/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a kind of database does, behind db.h. db.c checks what is alike (arguments, transactions that are
 * lost) and calls the driver; a driver's struct begins with a struct db, its rows and bulks with theirs.
 */
#pragma once
#include "store/db.h"

enum {
    DB_ARGS_MOST = 512,    /* of one statement */
    DB_COLUMNS_MOST = 128, /* of a bulk */
    STATEMENTS_MOST = 192, /* kept prepared by a connection */
    DB_WAIT_MS = 10000,    /* for one's turn */
};

enum db_turn { TURN_READ, TURN_WRITE, TURN_FEED };

struct db_driver {
    enum db_kind kind;
    void (*close)(struct db *db);
    bool (*begin)(struct db *db, enum db_turn turn, struct imw_error_info *err);
    bool (*take_feed)(struct db *db, struct imw_error_info *err);
    bool (*commit)(struct db *db, struct imw_error_info *err);
    void (*rollback)(struct db *db);
    bool (*run)(struct db *db, const char *sql, const struct db_value *args, unsigned count,
                uint64_t *out_changed, struct imw_error_info *err);
    bool (*script)(struct db *db, const char *sql, struct imw_error_info *err);
    bool (*query)(struct db *db, const char *sql, const struct db_value *args, unsigned count,
                  struct db_rows **out, struct imw_error_info *err);
    /* *out: there is a row. */
    bool (*next)(struct db_rows *rows, bool *out, struct imw_error_info *err);
    void (*rows_end)(struct db_rows *rows);
    unsigned (*columns)(const struct db_rows *rows);
    const char *(*name)(const struct db_rows *rows, unsigned column);
    enum db_type (*type)(const struct db_rows *rows, unsigned column);
    int64_t (*get_int)(const struct db_rows *rows, unsigned column);
    double (*get_real)(const struct db_rows *rows, unsigned column);
    struct view (*get_bytes)(const struct db_rows *rows, unsigned column);
    bool (*bulk_begin)(struct db *db, const char *table, const char *columns, unsigned count,
                       struct db_bulk **out, struct imw_error_info *err);
    bool (*bulk_row)(struct db_bulk *b, const struct db_value *values, struct imw_error_info *err);
    bool (*bulk_send)(struct db_bulk *b, struct imw_error_info *err);
    void (*bulk_free)(struct db_bulk *b);
};

struct db {
    const struct db_driver *driver;
    bool open; /* a transaction */
    bool lost; /* a call in it failed: it can only be rolled back */
    uint32_t wait_ms;
};
struct db_rows {
    struct db *db;
};
struct db_bulk {
    struct db *db;
    unsigned count; /* of columns */
    bool failed;
    struct imw_error_info why;
};

/* One file of SQLite, or one connection to PostgreSQL. `create`: make the file (the folder for our tables)
 * where there is none. */
bool sqlite_open(const char *path, bool create, struct db **out, struct imw_error_info *err) IMW_MUST_USE;
bool postgres_open(const char *url, bool create, struct db **out, struct imw_error_info *err) IMW_MUST_USE;
/* By URL, without a look at the version of what is in it. */
bool db_connect(const char *url, bool create, struct db **out, struct imw_error_info *err) IMW_MUST_USE;

/* ---- statements that are kept prepared (statements.c) ---- */
struct statement {
    uint64_t hash, used;
    char *sql;
    char *types;     /* of its arguments, a letter each; "" where the driver does not mind */
    void *handle;    /* sqlite3_stmt */
    uint32_t number; /* the name that PostgreSQL knows it by */
    bool busy;       /* its rows are being read */
};
struct statements {
    struct statement at[STATEMENTS_MOST];
    uint64_t clock;
};
/* NULL: not there. */
struct statement *statements_find(struct statements *s, const char *sql, const char *types);
/* A place for a new one: free, or (sql not NULL) that of the one not used for longest, which the driver ends
 * before it calls statement_set(). NULL: all are busy. */
struct statement *statements_place(struct statements *s);
/* False: without memory; the place is free then. */
bool statement_set(struct statements *s, struct statement *at, const char *sql, const char *types);
void statement_clear(struct statement *at);

/* ---- versions of the schema (migrate.c) ---- */
struct schema_step {
    unsigned version;
    const char *name, *sql;
};
/* Made at build time from src/store/schema: in order, `sql` NULL at the end. */
extern const struct schema_step schema_steps[];
unsigned schema_newest(void);
/* The version that the database is at; 0: it is empty. False: it is not ours, or could not be read. */
bool schema_version(struct db *db, unsigned *out, struct imw_error_info *err) IMW_MUST_USE;
/* Up to `version`. Within the caller's transaction: all in it; else each step in one of its own. */
bool schema_upgrade(struct db *db, unsigned version, struct imw_error_info *err) IMW_MUST_USE;
