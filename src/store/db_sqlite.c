/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite: one file, in WAL mode, so that readers and a writer do not wait for each other; a commit is on disk
 * when it returns (synchronous=FULL). Many processes have the file open.
 *
 * Turns of writers: SQLite's own lock goes to who asks at the right microsecond, and a bulk writer, which
 * commits and begins again at once, would keep a small one waiting for seconds. So writers first pass a
 * turnstile: the octets 0 (queue) and 1 (turn) of the file PATH-turn, locked with fcntl(F_OFD_SETLK), which
 * the kernel takes back from a process that was killed. Who wants the turn holds the queue until it has it;
 * who gives the turn back must stand in the queue before it gets it again, behind who waits there.
 *
 * What is deleted is overwritten (secure_delete). Nothing of the file is trusted to be a program: no views or
 * triggers that call functions, no extensions, no attached files. Source: SQLite's documentation of 3.40
 * (pragma.html, c3ref/c_dbconfig_defensive.html, wal.html).
 */
#include "store/db_driver.h"
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TURN_QUEUE, TURN_HELD }; /* octets of the turnstile */

struct sqlite {
    struct db db;
    sqlite3 *handle;
    int turn; /* the turnstile's file */
    bool has_turn;
    uint32_t random;
    struct statements statements;
};

struct sqlite_rows {
    struct db_rows rows;
    sqlite3_stmt *stmt;
    struct statement *kept; /* NULL: the statement is ours alone */
};

struct sqlite_bulk {
    struct db_bulk bulk;
    sqlite3_stmt *stmt;
};

static struct sqlite *sqlite_of(struct db *db)
{
    return (struct sqlite *)db;
}

/* ---- errors ---- */

static bool failed(struct sqlite *s, int code, const char *sql, struct imw_error_info *err)
{
    const char *words = s->handle != NULL ? sqlite3_errmsg(s->handle) : sqlite3_errstr(code);

    switch (code & 0xff) {
    case SQLITE_CONSTRAINT: return error_set(err, IMW_ERROR_VALUE, "%s", words);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return error_set(err, IMW_ERROR_LIMIT, "the database is busy: another program holds it; try again");
    case SQLITE_NOMEM: return error_memory(err);
    case SQLITE_FULL: return error_set(err, IMW_ERROR_SYSTEM, "the disk of the database is full");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return error_set(err, IMW_ERROR_FORMAT,
                         "the database is damaged (%s): put back a backup with `imward restore`", words);
    default: return error_set(err, IMW_ERROR_SYSTEM, "SQLite: %s (in: %.100s)", words, sql);
    }
}

/* ---- waiting ---- */

static void short_sleep(struct sqlite *s, unsigned most_us)
{
    s->random ^= s->random << 13; /* xorshift: any number will do, but not the same as others' */
    s->random ^= s->random >> 17;
    s->random ^= s->random << 5;

    const struct timespec pause = { .tv_nsec = (long)(100 + s->random % most_us) * 1000 };
    nanosleep(&pause, NULL);
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* SQLite asks when a lock is held by others: a recovery, a checkpoint, or a program that knows no turnstile.
 */
static int wait_busy(void *context, int times)
{
    struct sqlite *s = context;
    const unsigned most_us = times < 100 ? 1000 : 10000; /* on average 0.06 s, then 5 ms each */

    if (times > 100 && (uint32_t)times > 100 + s->db.wait_ms / 5)
        return 0;
    short_sleep(s, most_us);
    return 1;
}

static bool turnstile(const struct sqlite *s, short type, off_t octet)
{
    struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = octet, .l_len = 1 };

    return fcntl(s->turn, F_OFD_SETLK, &lock) == 0;
}

static bool wait_for(struct sqlite *s, off_t octet, uint64_t until_ms, struct imw_error_info *err)
{
    while (!turnstile(s, F_WRLCK, octet)) {
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            return error_errno(err, "the turnstile of the database");
        if (now_ms() >= until_ms)
            return error_set(err, IMW_ERROR_LIMIT,
                             "the database is busy: others wrote for %u s without a pause; try again",
                             s->db.wait_ms / 1000);
        short_sleep(s, 900);
    }
    return true;
}

static bool turn_take(struct sqlite *s, struct imw_error_info *err)
{
    const uint64_t until_ms = now_ms() + s->db.wait_ms;

    if (!wait_for(s, TURN_QUEUE, until_ms, err))
        return false;
    s->has_turn = wait_for(s, TURN_HELD, until_ms, err);
    turnstile(s, F_UNLCK, TURN_QUEUE);
    return s->has_turn;
}

static void turn_give(struct sqlite *s)
{
    if (s->has_turn)
        turnstile(s, F_UNLCK, TURN_HELD);
    s->has_turn = false;
}

/* ---- statements ---- */

static bool run_text(struct sqlite *s, const char *sql, struct imw_error_info *err)
{
    const int code = sqlite3_exec(s->handle, sql, NULL, NULL, NULL);

    return code == SQLITE_OK || failed(s, code, sql, err);
}

static bool prepare(struct sqlite *s, const char *sql, unsigned flags, sqlite3_stmt **out,
                    struct imw_error_info *err)
{
    const char *rest = NULL;
    const int code = sqlite3_prepare_v3(s->handle, sql, -1, flags, out, &rest);

    if (code != SQLITE_OK)
        return failed(s, code, sql, err);
    if (*out == NULL)
        return error_set(err, IMW_ERROR_SYSTEM, "no statement: %.100s", sql);
    if (rest[0] != '\0') {
        sqlite3_finalize(*out);
        return error_set(err, IMW_ERROR_SYSTEM, "more than one statement: %.100s", sql);
    }
    return true;
}

/* A statement to use now. *out_kept NULL: it is ours alone, and ended with sqlite3_finalize(). */
static bool statement_take(struct sqlite *s, const char *sql, sqlite3_stmt **out, struct statement **out_kept,
                           struct imw_error_info *err)
{
    struct statement *kept = statements_find(&s->statements, sql, "");

    *out_kept = NULL;
    if (kept != NULL && !kept->busy) {
        *out = kept->handle;
    } else {
        const bool keep = kept == NULL; /* else its rows are being read: a second one for the while */

        if (!prepare(s, sql, keep ? SQLITE_PREPARE_PERSISTENT : 0, out, err))
            return false;
        kept = keep ? statements_place(&s->statements) : NULL;
        if (kept == NULL)
            return true;
        if (kept->sql != NULL) {
            sqlite3_finalize(kept->handle);
            statement_clear(kept);
        }
        if (!statement_set(&s->statements, kept, sql, ""))
            return true;
        kept->handle = *out;
    }
    kept->busy = true;
    *out_kept = kept;
    return true;
}

static void statement_give(sqlite3_stmt *stmt, struct statement *kept)
{
    if (kept == NULL) {
        sqlite3_finalize(stmt);
        return;
    }
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    kept->busy = false;
}

/* `how`: SQLITE_STATIC where the statement ends before the caller's bytes do. */
static int bind_value(sqlite3_stmt *stmt, int at, const struct db_value *v, sqlite3_destructor_type how)
{
    switch (v->type) {
    case DB_NULL: return sqlite3_bind_null(stmt, at);
    case DB_INT: return sqlite3_bind_int64(stmt, at, v->number);
    case DB_REAL: return sqlite3_bind_double(stmt, at, v->real);
    case DB_TEXT:
        return sqlite3_bind_text64(stmt, at, (const char *)v->bytes.at, v->bytes.len, how, SQLITE_UTF8);
    case DB_BLOB: return sqlite3_bind_blob64(stmt, at, v->bytes.at, v->bytes.len, how);
    }
    return SQLITE_MISUSE;
}

static bool bind(struct sqlite *s, sqlite3_stmt *stmt, const char *sql, const struct db_value *args,
                 unsigned count, sqlite3_destructor_type how, struct imw_error_info *err)
{
    if (sqlite3_bind_parameter_count(stmt) != (int)count)
        return error_set(err, IMW_ERROR_SYSTEM, "%u values for %d places: %.100s", count,
                         sqlite3_bind_parameter_count(stmt), sql);
    for (unsigned i = 0; i < count; i++) {
        const int code = bind_value(stmt, (int)i + 1, &args[i], how);

        if (code != SQLITE_OK)
            return failed(s, code, sql, err);
    }
    return true;
}

static bool sqlite_run(struct db *db, const char *sql, const struct db_value *args, unsigned count,
                       uint64_t *out_changed, struct imw_error_info *err)
{
    struct sqlite *s = sqlite_of(db);
    sqlite3_stmt *stmt = NULL;
    struct statement *kept = NULL;

    if (!statement_take(s, sql, &stmt, &kept, err))
        return false;

    bool ok = bind(s, stmt, sql, args, count, SQLITE_STATIC, err);
    if (ok) {
        const sqlite3_int64 before = sqlite3_total_changes64(s->handle);
        int code;

        while ((code = sqlite3_step(stmt)) == SQLITE_ROW)
            ;
        if (code != SQLITE_DONE)
            ok = failed(s, code, sql, err);
        else if (out_changed != NULL) /* that of the statement before, where this one changed nothing */
            *out_changed =
                sqlite3_total_changes64(s->handle) != before ? (uint64_t)sqlite3_changes64(s->handle) : 0;
    }
    statement_give(stmt, kept);
    return ok;
}

static bool sqlite_script(struct db *db, const char *sql, struct imw_error_info *err)
{
    return run_text(sqlite_of(db), sql, err);
}

static bool sqlite_query(struct db *db, const char *sql, const struct db_value *args, unsigned count,
                         struct db_rows **out, struct imw_error_info *err)
{
    struct sqlite *s = sqlite_of(db);
    struct sqlite_rows *rows = calloc(1, sizeof *rows);

    if (rows == NULL)
        return error_memory(err);
    rows->rows.db = db;
    if (!statement_take(s, sql, &rows->stmt, &rows->kept, err)) {
        free(rows);
        return false;
    }
    if (!bind(s, rows->stmt, sql, args, count, SQLITE_TRANSIENT, err)) {
        statement_give(rows->stmt, rows->kept);
        free(rows);
        return false;
    }
    *out = &rows->rows;
    return true;
}

static bool sqlite_next(struct db_rows *base, bool *out, struct imw_error_info *err)
{
    struct sqlite_rows *rows = (struct sqlite_rows *)base;
    const int code = sqlite3_step(rows->stmt);

    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return failed(sqlite_of(base->db), code, sqlite3_sql(rows->stmt), err);
    *out = code == SQLITE_ROW;
    if (!*out)
        sqlite3_reset(rows->stmt); /* so that it holds up no checkpoint */
    return true;
}

static void sqlite_rows_end(struct db_rows *base)
{
    struct sqlite_rows *rows = (struct sqlite_rows *)base;

    statement_give(rows->stmt, rows->kept);
    free(rows);
}

static unsigned sqlite_columns(const struct db_rows *rows)
{
    return (unsigned)sqlite3_column_count(((const struct sqlite_rows *)rows)->stmt);
}

static const char *sqlite_name(const struct db_rows *rows, unsigned column)
{
    const char *name = sqlite3_column_name(((const struct sqlite_rows *)rows)->stmt, (int)column);

    return name != NULL ? name : "";
}

static enum db_type sqlite_type(const struct db_rows *rows, unsigned column)
{
    switch (sqlite3_column_type(((const struct sqlite_rows *)rows)->stmt, (int)column)) {
    case SQLITE_INTEGER: return DB_INT;
    case SQLITE_FLOAT: return DB_REAL;
    case SQLITE_TEXT: return DB_TEXT;
    case SQLITE_BLOB: return DB_BLOB;
    default: return DB_NULL;
    }
}

static int64_t sqlite_get_int(const struct db_rows *rows, unsigned column)
{
    return sqlite3_column_int64(((const struct sqlite_rows *)rows)->stmt, (int)column);
}

static double sqlite_get_real(const struct db_rows *rows, unsigned column)
{
    return sqlite3_column_double(((const struct sqlite_rows *)rows)->stmt, (int)column);
}

static struct view sqlite_get_bytes(const struct db_rows *rows, unsigned column)
{
    sqlite3_stmt *stmt = ((const struct sqlite_rows *)rows)->stmt;
    const void *at = sqlite3_column_type(stmt, (int)column) == SQLITE_BLOB
                         ? sqlite3_column_blob(stmt, (int)column)
                         : sqlite3_column_text(stmt, (int)column);

    return view_of(at, at != NULL ? (size_t)sqlite3_column_bytes(stmt, (int)column) : 0);
}

/* ---- transactions ---- */

static bool sqlite_begin(struct db *db, enum db_turn turn, struct imw_error_info *err)
{
    struct sqlite *s = sqlite_of(db);

    if (turn == TURN_READ)
        return run_text(s, "begin; pragma query_only = on", err);
    if (!turn_take(s, err))
        return false;
    if (run_text(s, "begin immediate", err))
        return true;
    turn_give(s);
    return false;
}

static bool sqlite_take_feed(struct db *db, struct imw_error_info *err)
{
    (void)db;
    (void)err;
    return true;
}

static bool sqlite_commit(struct db *db, struct imw_error_info *err)
{
    struct sqlite *s = sqlite_of(db);

    /* Without a transaction SQLite gave it up by itself, after an error of the disk. */
    if (sqlite3_get_autocommit(s->handle) || !run_text(s, "commit", err))
        return sqlite3_get_autocommit(s->handle)
                   ? error_set(err, IMW_ERROR_SYSTEM, "SQLite gave the transaction up: is the disk full?")
                   : false;
    if (s->has_turn)
        turn_give(s);
    else
        (void)run_text(s, "pragma query_only = off", NULL);
    return true;
}

static void sqlite_rollback(struct db *db)
{
    struct sqlite *s = sqlite_of(db);

    if (!sqlite3_get_autocommit(s->handle))
        (void)run_text(s, "rollback", NULL);
    (void)run_text(s, "pragma query_only = off", NULL);
    turn_give(s);
}

/* ---- bulk ---- */

static bool sqlite_bulk_begin(struct db *db, const char *table, const char *columns, unsigned count,
                              struct db_bulk **out, struct imw_error_info *err)
{
    struct sqlite_bulk *b = calloc(1, sizeof *b);
    const size_t size = strlen(table) + strlen(columns) + 2 * (size_t)count + 32;
    char *sql = malloc(size);
    bool ok = false;

    if (b == NULL || sql == NULL) {
        error_memory(err);
        goto out;
    }
    size_t at = (size_t)snprintf(sql, size, "insert into %s (%s) values (", table, columns);
    for (unsigned i = 0; i < count; i++)
        at += (size_t)snprintf(sql + at, size - at, i > 0 ? ",?" : "?");
    snprintf(sql + at, size - at, ")");
    b->bulk.db = db;
    b->bulk.count = count;
    if (!prepare(sqlite_of(db), sql, 0, &b->stmt, err))
        goto out;
    *out = &b->bulk;
    b = NULL;
    ok = true;
out:
    free(sql);
    free(b);
    return ok;
}

static bool sqlite_bulk_row(struct db_bulk *base, const struct db_value *values, struct imw_error_info *err)
{
    struct sqlite *s = sqlite_of(base->db);
    sqlite3_stmt *stmt = ((struct sqlite_bulk *)base)->stmt;

    if (!bind(s, stmt, sqlite3_sql(stmt), values, base->count, SQLITE_STATIC, err))
        return false;

    const int code = sqlite3_step(stmt);
    const bool ok = code == SQLITE_DONE || failed(s, code, sqlite3_sql(stmt), err);

    sqlite3_reset(stmt);
    return ok;
}

static bool sqlite_bulk_send(struct db_bulk *base, struct imw_error_info *err)
{
    (void)base; /* each row is there already */
    (void)err;
    return true;
}

static void sqlite_bulk_free(struct db_bulk *base)
{
    sqlite3_finalize(((struct sqlite_bulk *)base)->stmt);
    free(base);
}

/* ---- the connection ---- */

static void sqlite_close(struct db *db)
{
    struct sqlite *s = sqlite_of(db);

    for (unsigned i = 0; i < STATEMENTS_MOST; i++)
        if (s->statements.at[i].sql != NULL) {
            sqlite3_finalize(s->statements.at[i].handle);
            statement_clear(&s->statements.at[i]);
        }
    sqlite3_close(s->handle);
    if (s->turn >= 0)
        close(s->turn);
    free(s);
}

static const struct db_driver sqlite_driver = {
    .kind = DB_SQLITE,
    .close = sqlite_close,
    .begin = sqlite_begin,
    .take_feed = sqlite_take_feed,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .run = sqlite_run,
    .script = sqlite_script,
    .query = sqlite_query,
    .next = sqlite_next,
    .rows_end = sqlite_rows_end,
    .columns = sqlite_columns,
    .name = sqlite_name,
    .type = sqlite_type,
    .get_int = sqlite_get_int,
    .get_real = sqlite_get_real,
    .get_bytes = sqlite_get_bytes,
    .bulk_begin = sqlite_bulk_begin,
    .bulk_row = sqlite_bulk_row,
    .bulk_send = sqlite_bulk_send,
    .bulk_free = sqlite_bulk_free,
};

/* An empty file that only its owner may read: SQLite would ask the umask, and gives its other files the
 * rights of this one. */
static bool make_file(const char *path, struct imw_error_info *err)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return error_errno(err, path);
    close(fd);
    return true;
}

/* The turnstile, beside the database and with its owner: `imward backup` may run as root. */
static bool open_turnstile(struct sqlite *s, const char *path, struct imw_error_info *err)
{
    char name[4096];
    struct stat st;

    if ((size_t)snprintf(name, sizeof name, "%s-turn", path) >= sizeof name)
        return error_file(err, IMW_ERROR_VALUE, path, "the path is too long");
    s->turn = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->turn < 0)
        return error_errno(err, name);
    if (geteuid() == 0 && stat(path, &st) == 0 && fchown(s->turn, st.st_uid, st.st_gid) != 0)
        return error_errno(err, name);
    return true;
}

static bool configure(struct sqlite *s, bool create, struct imw_error_info *err)
{
    static const struct {
        int option, on;
    } options[] = {
        { SQLITE_DBCONFIG_DEFENSIVE, 1 },
        { SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
        { SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
        { SQLITE_DBCONFIG_ENABLE_FKEY, 1 },
        { SQLITE_DBCONFIG_DQS_DML, 0 },
        { SQLITE_DBCONFIG_DQS_DDL, 0 },
    };

    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        const int code = sqlite3_db_config(s->handle, options[i].option, options[i].on, NULL);

        if (code != SQLITE_OK)
            return failed(s, code, "configuration", err);
    }
    sqlite3_limit(s->handle, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_busy_handler(s->handle, wait_busy, s);

    /* 0x696d7764: "imwd", what file(1) may tell it by. */
    if (create && !run_text(s, "pragma page_size = 8192; pragma application_id = 0x696d7764", err))
        return false;
    return run_text(s,
                    "pragma journal_mode = wal;"
                    "pragma synchronous = full;"
                    "pragma secure_delete = on;"
                    "pragma case_sensitive_like = on;"
                    "pragma temp_store = memory;"       /* nothing beside the database's own files */
                    "pragma cache_size = -32768;"       /* 32 MiB a connection */
                    "pragma mmap_size = 268435456;"     /* 256 MiB, shared by all of them */
                    "pragma wal_autocheckpoint = 2000;" /* of 8 KiB pages */
                    "pragma journal_size_limit = 67108864",
                    err);
}

bool sqlite_open(const char *path, bool create, struct db **out, struct imw_error_info *err)
{
    struct stat st;

    if (path[0] == '\0' || path[0] == ':')
        return error_set(err, IMW_ERROR_VALUE, "sqlite: needs the path of a file behind it");

    const bool empty = stat(path, &st) != 0 || st.st_size == 0;
    if (empty && !create)
        return error_file(err, IMW_ERROR_SYSTEM, path, "there is no database; `imward serve` makes it");
    if (empty && !make_file(path, err))
        return false;

    struct sqlite *s = calloc(1, sizeof *s);
    if (s == NULL)
        return error_memory(err);
    s->db = (struct db){ .driver = &sqlite_driver, .wait_ms = DB_WAIT_MS };
    s->turn = -1;
    s->random = (uint32_t)getpid() * 2654435761u ^ (uint32_t)(uintptr_t)s ^ (uint32_t)now_ms();
    s->random |= 1; /* xorshift stays at 0 */

    /* SQLITE_OPEN_NOFOLLOW would refuse a link in any part of the path */
    const int code = sqlite3_open_v2(path, &s->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK) {
        failed(s, code, "open", err);
        sqlite_close(&s->db);
        return false;
    }
    sqlite3_extended_result_codes(s->handle, 1);
    /* Two that make it at the same time do so one after the other. */
    bool ok = open_turnstile(s, path, err) && (!empty || turn_take(s, err)) && configure(s, empty, err);
    turn_give(s);
    if (!ok) {
        sqlite_close(&s->db);
        return false;
    }
    *out = &s->db;
    return true;
}
