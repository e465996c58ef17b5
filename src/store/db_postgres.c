/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL, by libpq. Our tables lie in the schema "imward", so that the database may be shared.
 *
 * Turns of writers are advisory locks of the transaction: one for those who decide (db_begin), one for those
 * who store events (db_begin_feed); the transactions are READ COMMITTED, so that each statement after the
 * turn was given sees all that was committed before. Readers get one snapshot (REPEATABLE READ, READ ONLY).
 *
 * Statements are prepared under numbers, by their text and the types of their values: whole numbers are
 * always int8, so that `? + 1` has 64 bits here, too; the type of a null is left to the server. Values and
 * answers go over in binary form. Answers come row by row (single-row mode); another statement on the same
 * connection first takes those not read yet into memory. Bulk rows are gathered and go over by COPY, binary.
 *
 * A password in the URL is never told: libpq's words on a URL that it cannot read are not passed on, since
 * they hold parts of it, and from all others it is taken out.
 *
 * Sources: PostgreSQL 15 documentation, 34 (libpq), 55.2 (formats), COPY (binary format), 13.3.5 (advisory
 * locks), appendix A (SQLSTATE).
 */
#include "base/cursor.h"
#include "base/text.h"
#include "store/db_driver.h"
#include <endian.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

/* Types by their numbers for ever (src/include/catalog/pg_type.dat). */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_NUMERIC = 1700,
};

enum {
    BULK_BYTES = 4 << 20, /* gathered before they go over */
    OLDEST_SERVER = 130000,
    TURN_KEY = 0x696d77, /* our advisory locks: (this, which) */
    TURN_KEY_WRITE = 1,
    TURN_KEY_FEED = 2,
};

struct postgres {
    struct db db;
    PGconn *conn;
    char *secret; /* the password; NULL: none is known */
    uint32_t next_number;
    struct statements statements;
    struct postgres_rows *streaming; /* whose rows the server is sending */
};

struct postgres_rows {
    struct db_rows rows;
    PGresult *now;     /* the row */
    PGresult *last;    /* what came behind all rows */
    PGresult **parked; /* rows that were taken into memory, from `first` on */
    size_t first, count, size;
    char *words; /* numbers as text, WORD_BYTES a column */
    char sql[64];
};
enum { WORD_BYTES = 32 };

struct postgres_bulk {
    struct db_bulk bulk;
    char *copy; /* the statement */
    uint8_t *at;
    size_t len, size;
};

static struct postgres *postgres_of(struct db *db)
{
    return (struct postgres *)db;
}

/* ---- errors ---- */

/* Words of libpq in one line, without the password. */
static void clean_words(const struct postgres *p, const char *words, char *out, size_t size)
{
    struct view left = view_trim(view_string(words));
    const struct view secret = view_string(p->secret);
    struct text t = text_over(out, size);

    while (left.len > 0) {
        const size_t at = secret.len > 0 ? view_find(left, secret) : left.len;

        text_printable(&t, view_slice(left, 0, at));
        if (at < left.len)
            text_string(&t, "(password)");
        left = view_from(left, at + secret.len);
    }
}

static bool failed_words(const struct postgres *p, const char *state, const char *words, const char *sql,
                         struct imw_error_info *err)
{
    char clean[200];

    clean_words(p, words, clean, sizeof clean);
    if (strncmp(state, "23", 2) == 0)
        return error_set(err, IMW_ERROR_VALUE, "%s", clean);
    if (strcmp(state, "55P03") == 0 || strcmp(state, "57014") == 0 || strcmp(state, "40P01") == 0 ||
        strcmp(state, "40001") == 0)
        return error_set(err, IMW_ERROR_LIMIT, "the database is busy: %s; try again", clean);
    if (strcmp(state, "53200") == 0)
        return error_set(err, IMW_ERROR_MEMORY, "PostgreSQL: %s", clean);
    if (sql == NULL || PQstatus(p->conn) != CONNECTION_OK)
        return error_set(err, IMW_ERROR_SYSTEM, "PostgreSQL: %s", clean);
    return error_set(err, IMW_ERROR_SYSTEM, "PostgreSQL: %s (in: %.80s)", clean, sql);
}

static bool failed(const struct postgres *p, const PGresult *r, const char *sql, struct imw_error_info *err)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *words = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);

    if (words == NULL || words[0] == '\0')
        words = PQresultErrorMessage(r);
    if (words == NULL || words[0] == '\0')
        words = PQerrorMessage(p->conn);
    return failed_words(p, state != NULL ? state : "", words, sql, err);
}

/* ---- rows that are on their way ---- */

static bool park(struct postgres_rows *rows, PGresult *r)
{
    if (rows->count == rows->size) {
        const size_t size = rows->size > 0 ? rows->size * 2 : 64;
        PGresult **parked = realloc(rows->parked, size * sizeof(PGresult *));

        if (parked == NULL)
            return false;
        rows->parked = parked;
        rows->size = size;
    }
    rows->parked[rows->count++] = r;
    return true;
}

/* Before anything else goes over the connection. Without memory rows are dropped, and that is told. */
static bool settle(struct postgres *p, struct imw_error_info *err)
{
    struct postgres_rows *rows = p->streaming;
    PGresult *r;
    bool ok = true;

    p->streaming = NULL;
    if (rows == NULL)
        return true;
    while ((r = PQgetResult(p->conn)) != NULL) {
        if (ok && !park(rows, r)) {
            ok = error_memory(err);
        }
        if (!ok)
            PQclear(r);
    }
    return ok;
}

/* ---- statements without values ---- */

static bool run_text(struct postgres *p, const char *sql, struct imw_error_info *err)
{
    PGresult *r = PQexec(p->conn, sql);
    const ExecStatusType status = PQresultStatus(r);
    const bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || failed(p, r, sql, err);

    PQclear(r);
    return ok;
}

static bool postgres_script(struct db *db, const char *sql, struct imw_error_info *err)
{
    return settle(postgres_of(db), err) && run_text(postgres_of(db), sql, err);
}

/* ---- preparing ---- */

static void forget_statements(struct postgres *p)
{
    for (unsigned i = 0; i < STATEMENTS_MOST; i++)
        statement_clear(&p->statements.at[i]);
}

/* Copy one quoted text or name, or a comment, and return its length; 0: none begins here. */
static size_t quoted_length(const char *sql)
{
    const char *end;

    if (sql[0] == '\'' || sql[0] == '"')
        end = strchr(sql + 1, sql[0]);
    else if (sql[0] == '-' && sql[1] == '-')
        end = strchr(sql, '\n');
    else
        return 0;
    return end != NULL ? (size_t)(end - sql) + 1 : strlen(sql);
}

/* `?` becomes `$1` and so on. Of a null whose type nothing tells ("? is null") it is said to be text. */
static char *number_places(const char *sql, const char *types)
{
    const size_t size = strlen(sql) + strlen(types) * 12 + 1;
    char *out = malloc(size);
    size_t at = 0;
    unsigned number = 0;

    if (out == NULL)
        return NULL;
    while (*sql != '\0') {
        const size_t quoted = quoted_length(sql);

        if (quoted > 0) {
            memcpy(out + at, sql, quoted);
            at += quoted;
            sql += quoted;
        } else if (*sql == '?' && number < strlen(types)) {
            const bool untyped = types[number] == 'n' && strncmp(sql + 1, " is ", 4) == 0;

            at += (size_t)snprintf(out + at, size - at, "$%u%s", ++number, untyped ? "::text" : "");
            sql++;
        } else {
            out[at++] = *sql++;
        }
    }
    out[at] = '\0';
    return out;
}

static void statement_name(char out[16], uint32_t number)
{
    snprintf(out, 16, "s%u", number);
}

static bool prepare(struct postgres *p, const char *sql, const char *types, unsigned count, const char *name,
                    struct imw_error_info *err)
{
    static const Oid numbers[128] = {
        ['i'] = OID_INT8, ['r'] = OID_FLOAT8, ['t'] = OID_TEXT, ['b'] = OID_BYTEA
    };
    Oid oids[DB_ARGS_MOST];
    char *numbered = number_places(sql, types);

    if (numbered == NULL)
        return error_memory(err);
    for (unsigned i = 0; i < count; i++)
        oids[i] = numbers[(unsigned char)types[i]];

    PGresult *r = PQprepare(p->conn, name, numbered, (int)count, oids);
    const bool ok = PQresultStatus(r) == PGRES_COMMAND_OK || failed(p, r, sql, err);

    PQclear(r);
    free(numbered);
    return ok;
}

/* The name of the prepared statement, made where it is not there yet. */
static bool statement_take(struct postgres *p, const char *sql, const struct db_value *args, unsigned count,
                           char out_name[16], struct imw_error_info *err)
{
    static const char letters[] = {
        [DB_NULL] = 'n', [DB_INT] = 'i', [DB_REAL] = 'r', [DB_TEXT] = 't', [DB_BLOB] = 'b'
    };
    char types[DB_ARGS_MOST + 1];

    for (unsigned i = 0; i < count; i++)
        types[i] = letters[args[i].type];
    types[count] = '\0';

    struct statement *kept = statements_find(&p->statements, sql, types);
    if (kept != NULL) {
        statement_name(out_name, kept->number);
        return true;
    }

    kept = statements_place(&p->statements); /* never NULL: none is ever busy */
    if (kept->sql != NULL) {
        char deallocate[32];

        snprintf(deallocate, sizeof deallocate, "deallocate s%u", kept->number);
        if (!run_text(p, deallocate, err))
            return false;
        statement_clear(kept);
    }
    const uint32_t number = ++p->next_number;
    statement_name(out_name, number);
    if (!prepare(p, sql, types, count, out_name, err))
        return false;
    if (!statement_set(&p->statements, kept, sql, types))
        return error_memory(err);
    kept->number = number;
    return true;
}

/* ---- values ---- */

struct bound {
    const char *values[DB_ARGS_MOST];
    int lengths[DB_ARGS_MOST], formats[DB_ARGS_MOST];
    uint64_t numbers[DB_ARGS_MOST];
};

static uint64_t network_real(double real)
{
    uint64_t bits;

    memcpy(&bits, &real, sizeof bits);
    return htobe64(bits);
}

static bool bind(const struct db_value *args, unsigned count, struct bound *b, struct imw_error_info *err)
{
    for (unsigned i = 0; i < count; i++) {
        const struct db_value *v = &args[i];
        const bool number = v->type == DB_INT || v->type == DB_REAL;

        if (v->bytes.len > 1u << 30)
            return error_set(err, IMW_ERROR_LIMIT, "a value of more than 1 GiB");
        b->numbers[i] = v->type == DB_REAL ? network_real(v->real) : htobe64((uint64_t)v->number);
        b->values[i] = v->type == DB_NULL ? NULL
                       : number           ? (const char *)&b->numbers[i]
                                          : (const char *)v->bytes.at;
        b->lengths[i] = number ? (int)sizeof b->numbers[i] : (int)v->bytes.len;
        b->formats[i] = 1;
    }
    return true;
}

static bool postgres_run(struct db *db, const char *sql, const struct db_value *args, unsigned count,
                         uint64_t *out_changed, struct imw_error_info *err)
{
    struct postgres *p = postgres_of(db);
    struct bound b;
    char name[16];

    if (!settle(p, err) || !bind(args, count, &b, err) || !statement_take(p, sql, args, count, name, err))
        return false;

    PGresult *r = PQexecPrepared(p->conn, name, (int)count, b.values, b.lengths, b.formats, 1);
    const ExecStatusType status = PQresultStatus(r);
    const bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || failed(p, r, sql, err);

    if (ok && out_changed != NULL) {
        uint64_t changed = 0;

        if (strncmp(PQcmdStatus(r), "SELECT", 6) != 0)
            (void)view_decimal(view_string(PQcmdTuples(r)), INT64_MAX, &changed);
        *out_changed = changed;
    }
    PQclear(r);
    return ok;
}

static bool postgres_query(struct db *db, const char *sql, const struct db_value *args, unsigned count,
                           struct db_rows **out, struct imw_error_info *err)
{
    struct postgres *p = postgres_of(db);
    struct bound b;
    char name[16];

    if (!settle(p, err) || !bind(args, count, &b, err) || !statement_take(p, sql, args, count, name, err))
        return false;

    struct postgres_rows *rows = calloc(1, sizeof *rows);
    if (rows == NULL)
        return error_memory(err);
    if (!PQsendQueryPrepared(p->conn, name, (int)count, b.values, b.lengths, b.formats, 1)) {
        free(rows);
        return failed_words(p, "", PQerrorMessage(p->conn), sql, err);
    }
    PQsetSingleRowMode(p->conn);
    rows->rows.db = db;
    snprintf(rows->sql, sizeof rows->sql, "%s", sql);
    p->streaming = rows;
    *out = &rows->rows;
    return true;
}

static bool postgres_next(struct db_rows *base, bool *out, struct imw_error_info *err)
{
    struct postgres_rows *rows = (struct postgres_rows *)base;
    struct postgres *p = postgres_of(base->db);
    PGresult *r = NULL;

    PQclear(rows->now);
    rows->now = NULL;
    if (rows->first < rows->count)
        r = rows->parked[rows->first++];
    else if (p->streaming == rows)
        r = PQgetResult(p->conn);
    if (r == NULL) {
        p->streaming = p->streaming == rows ? NULL : p->streaming;
        *out = false;
        return true;
    }

    const ExecStatusType status = PQresultStatus(r);
    *out = status == PGRES_SINGLE_TUPLE;
    if (*out) {
        rows->now = r;
        return true;
    }
    const bool ok = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || failed(p, r, rows->sql, err);
    PQclear(rows->last);
    rows->last = r; /* the end: a result without rows, that has the columns' names, then none */
    return ok && (p->streaming != rows || settle(p, err));
}

static void postgres_rows_end(struct db_rows *base)
{
    struct postgres_rows *rows = (struct postgres_rows *)base;
    struct postgres *p = postgres_of(base->db);
    PGresult *r;

    if (p->streaming == rows) {
        p->streaming = NULL;
        while ((r = PQgetResult(p->conn)) != NULL)
            PQclear(r);
    }
    for (size_t i = rows->first; i < rows->count; i++)
        PQclear(rows->parked[i]);
    PQclear(rows->now);
    PQclear(rows->last);
    free(rows->parked);
    free(rows->words);
    free(rows);
}

/* ---- values of a row ---- */

static bool postgres_is_null(const struct db_rows *base, unsigned column)
{
    const PGresult *r = ((const struct postgres_rows *)base)->now;

    return r == NULL || PQgetisnull(r, 0, (int)column);
}

static const PGresult *columns_of(const struct db_rows *base)
{
    const struct postgres_rows *rows = (const struct postgres_rows *)base;

    return rows->now != NULL ? rows->now : rows->last;
}

static unsigned postgres_columns(const struct db_rows *base)
{
    return (unsigned)PQnfields(columns_of(base));
}

static const char *postgres_name(const struct db_rows *base, unsigned column)
{
    const char *name = PQfname(columns_of(base), (int)column);

    return name != NULL ? name : "";
}

static enum db_type postgres_type(const struct db_rows *base, unsigned column)
{
    if (postgres_is_null(base, column))
        return DB_NULL;
    switch (PQftype(((const struct postgres_rows *)base)->now, (int)column)) {
    case OID_INT8:
    case OID_INT4:
    case OID_INT2:
    case OID_BOOL: return DB_INT;
    case OID_FLOAT8:
    case OID_FLOAT4:
    case OID_NUMERIC: return DB_REAL;
    case OID_BYTEA: return DB_BLOB;
    default: return DB_TEXT;
    }
}

static struct view value_view(const PGresult *r, unsigned column)
{
    return view_of(PQgetvalue(r, 0, (int)column), (size_t)PQgetlength(r, 0, (int)column));
}

static uint64_t read_u64(struct view v)
{
    return (uint64_t)view_u32(v, 0) << 32 | view_u32(v, 4);
}

static double read_real(uint64_t bits)
{
    double real;

    memcpy(&real, &bits, sizeof real);
    return real;
}

static double read_float(uint32_t bits)
{
    float real;

    memcpy(&real, &bits, sizeof real);
    return (double)real;
}

/* numeric, what sum() of int8 is: digits to the base of 10000, the first of which counts 10000^weight
 * (src/backend/utils/adt/numeric.c, numeric_send). */
static double numeric_read(struct view v, int64_t *out_whole)
{
    struct cursor c = cursor_open(v);
    const unsigned digits = cursor_u16(&c);
    const int weight = (int16_t)cursor_u16(&c);
    const bool negative = cursor_u16(&c) == 0x4000;
    double real = 0, unit = 1;
    uint64_t whole = 0;

    cursor_skip(&c, 2); /* how many decimals are shown */
    for (int i = 0; i <= weight && i < 16; i++) {
        const uint16_t digit = (unsigned)i < digits ? cursor_u16(&c) : 0;

        whole = whole * 10000 + digit;
        real = real * 10000 + digit;
    }
    for (int i = weight; i < -1; i++)
        unit /= 10000;
    for (unsigned i = weight < 0 ? 0 : (unsigned)weight + 1; i < digits && i < 16; i++) {
        unit /= 10000;
        real += unit * cursor_u16(&c);
    }
    *out_whole = (int64_t)(negative ? 0 - whole : whole);
    return negative ? -real : real;
}

static int64_t postgres_get_int(const struct db_rows *base, unsigned column)
{
    const PGresult *r = ((const struct postgres_rows *)base)->now;
    int64_t whole = 0;

    if (postgres_is_null(base, column))
        return 0;

    const struct view v = value_view(r, column);
    switch (PQftype(r, (int)column)) {
    case OID_INT8: return (int64_t)read_u64(v);
    case OID_INT4: return (int32_t)view_u32(v, 0);
    case OID_INT2: return (int16_t)view_u16(v, 0);
    case OID_BOOL: return v.len > 0 && v.at[0] != 0;
    case OID_FLOAT8: return (int64_t)read_real(read_u64(v));
    case OID_FLOAT4: return (int64_t)read_float(view_u32(v, 0));
    case OID_NUMERIC: numeric_read(v, &whole); return whole;
    default: return strtoll(PQgetvalue(r, 0, (int)column), NULL, 10);
    }
}

static double postgres_get_real(const struct db_rows *base, unsigned column)
{
    const PGresult *r = ((const struct postgres_rows *)base)->now;
    int64_t whole = 0;

    if (postgres_is_null(base, column))
        return 0;

    const struct view v = value_view(r, column);
    switch (PQftype(r, (int)column)) {
    case OID_FLOAT8: return read_real(read_u64(v));
    case OID_FLOAT4: return read_float(view_u32(v, 0));
    case OID_NUMERIC: return numeric_read(v, &whole);
    case OID_INT8:
    case OID_INT4:
    case OID_INT2:
    case OID_BOOL: return (double)postgres_get_int(base, column);
    default: return strtod(PQgetvalue(r, 0, (int)column), NULL);
    }
}

/* A number as text lies in `words`, which is made at the first. */
static struct view number_text(const struct db_rows *base, unsigned column)
{
    struct postgres_rows *rows = (struct postgres_rows *)(uintptr_t)base;
    const Oid type = PQftype(rows->now, (int)column);

    if (rows->words == NULL)
        rows->words = calloc((size_t)PQnfields(rows->now), WORD_BYTES);
    if (rows->words == NULL)
        return view_of(NULL, 0);

    char *word = rows->words + (size_t)column * WORD_BYTES;
    const int length = type == OID_FLOAT4 || type == OID_FLOAT8
                           ? snprintf(word, WORD_BYTES, "%.15g", postgres_get_real(base, column))
                           : snprintf(word, WORD_BYTES, "%lld", (long long)postgres_get_int(base, column));
    return view_of(word, (size_t)length);
}

static struct view postgres_get_bytes(const struct db_rows *base, unsigned column)
{
    const PGresult *r = ((const struct postgres_rows *)base)->now;

    if (postgres_is_null(base, column))
        return view_of(NULL, 0);
    switch (PQftype(r, (int)column)) {
    case OID_INT8:
    case OID_INT4:
    case OID_INT2:
    case OID_BOOL:
    case OID_FLOAT8:
    case OID_FLOAT4:
    case OID_NUMERIC: return number_text(base, column);
    default: return value_view(r, column);
    }
}

/* ---- transactions ---- */

static bool set_up(struct postgres *p, struct imw_error_info *err)
{
    char sql[700];

    if (PQserverVersion(p->conn) < OLDEST_SERVER)
        return error_set(err, IMW_ERROR_VALUE, "PostgreSQL %d is too old: imward needs %d or newer",
                         PQserverVersion(p->conn) / 10000, OLDEST_SERVER / 10000);
    if (strcmp(PQparameterStatus(p->conn, "server_encoding"), "UTF8") != 0)
        return error_set(err, IMW_ERROR_VALUE,
                         "the database is encoded in %.30s: make one with `create database … template "
                         "template0 encoding 'UTF8'`",
                         PQparameterStatus(p->conn, "server_encoding"));
    snprintf(sql, sizeof sql,
             "set client_encoding = 'UTF8'; set standard_conforming_strings = on;"
             "set search_path = imward; set synchronous_commit = on; set timezone = 'UTC';"
             "set default_transaction_isolation = 'read committed'; set default_transaction_read_only = off;"
             "set lock_timeout = %u; set statement_timeout = '10min';"
             "set idle_in_transaction_session_timeout = '10min'; set random_page_cost = 1.1;"
             "set work_mem = '32MB'; set jit = off",
             p->db.wait_ms);
    return run_text(p, sql, err);
}

/* A new connection in place of one that was lost. */
static bool revive(struct postgres *p, struct imw_error_info *err)
{
    forget_statements(p);
    PQreset(p->conn);
    if (PQstatus(p->conn) != CONNECTION_OK)
        return failed_words(p, "", PQerrorMessage(p->conn), NULL, err);
    return set_up(p, err);
}

static bool postgres_begin(struct db *db, enum db_turn turn, struct imw_error_info *err)
{
    struct postgres *p = postgres_of(db);
    char sql[160];

    if (turn == TURN_READ)
        snprintf(sql, sizeof sql, "begin isolation level repeatable read read only");
    else
        snprintf(sql, sizeof sql, "begin; select pg_advisory_xact_lock(%d, %d)", TURN_KEY,
                 turn == TURN_WRITE ? TURN_KEY_WRITE : TURN_KEY_FEED);
    if (!settle(p, err))
        return false;
    if (PQstatus(p->conn) != CONNECTION_OK && !revive(p, err))
        return false;
    if (run_text(p, sql, err))
        return true;
    if (PQstatus(p->conn) == CONNECTION_OK) {
        (void)run_text(p, "rollback", NULL);
        return false;
    }
    /* It was lost while nobody looked; nothing has happened yet, so a new one is as good. */
    return revive(p, err) && run_text(p, sql, err);
}

static bool postgres_take_feed(struct db *db, struct imw_error_info *err)
{
    struct postgres *p = postgres_of(db);
    char sql[80];

    snprintf(sql, sizeof sql, "select pg_advisory_xact_lock(%d, %d)", TURN_KEY, TURN_KEY_FEED);
    return settle(p, err) && run_text(p, sql, err);
}

static bool postgres_commit(struct db *db, struct imw_error_info *err)
{
    struct postgres *p = postgres_of(db);

    if (!settle(p, err))
        return false;

    PGresult *r = PQexec(p->conn, "commit");
    bool ok = PQresultStatus(r) == PGRES_COMMAND_OK || failed(p, r, "commit", err);

    if (ok && strcmp(PQcmdStatus(r), "COMMIT") != 0) /* "ROLLBACK" is how it says that it could not */
        ok = error_set(err, IMW_ERROR_SYSTEM, "PostgreSQL rolled the transaction back");
    PQclear(r);
    return ok;
}

static void postgres_rollback(struct db *db)
{
    struct postgres *p = postgres_of(db);

    (void)settle(p, NULL);
    if (PQtransactionStatus(p->conn) != PQTRANS_IDLE && PQstatus(p->conn) == CONNECTION_OK)
        (void)run_text(p, "rollback", NULL);
}

/* ---- bulk ---- */

static const uint8_t copy_head[19] = "PGCOPY\n\377\r\n"; /* with its NUL, then no flags, no extension */

static bool postgres_bulk_begin(struct db *db, const char *table, const char *columns, unsigned count,
                                struct db_bulk **out, struct imw_error_info *err)
{
    struct postgres_bulk *b = calloc(1, sizeof *b);
    const size_t size = strlen(table) + strlen(columns) + 64;

    if (b != NULL)
        b->copy = malloc(size);
    if (b == NULL || b->copy == NULL) {
        free(b);
        return error_memory(err);
    }
    snprintf(b->copy, size, "copy %s (%s) from stdin (format binary)", table, columns);
    b->bulk.db = db;
    b->bulk.count = count;
    *out = &b->bulk;
    return true;
}

/* Send what was gathered, as one COPY. */
static bool postgres_bulk_send(struct db_bulk *base, struct imw_error_info *err)
{
    struct postgres_bulk *b = (struct postgres_bulk *)base;
    struct postgres *p = postgres_of(base->db);

    if (b->len == 0)
        return true;
    if (!settle(p, err))
        return false;

    PGresult *r = PQexec(p->conn, b->copy);
    if (PQresultStatus(r) != PGRES_COPY_IN) {
        failed(p, r, b->copy, err);
        PQclear(r);
        return false;
    }
    PQclear(r);
    bool ok = PQputCopyData(p->conn, (const char *)copy_head, sizeof copy_head) == 1 &&
              PQputCopyData(p->conn, (const char *)b->at, (int)b->len) == 1 &&
              PQputCopyData(p->conn, "\377\377", 2) == 1 && PQputCopyEnd(p->conn, NULL) == 1;
    if (!ok)
        failed_words(p, "", PQerrorMessage(p->conn), b->copy, err);
    while ((r = PQgetResult(p->conn)) != NULL) {
        if (ok && PQresultStatus(r) != PGRES_COMMAND_OK)
            ok = failed(p, r, b->copy, err);
        PQclear(r);
        if (PQstatus(p->conn) != CONNECTION_OK)
            break;
    }
    b->len = 0;
    return ok;
}

static void put_u32(uint8_t **at, uint32_t n)
{
    n = htobe32(n);
    memcpy(*at, &n, sizeof n);
    *at += sizeof n;
}

static void put_value(uint8_t **at, const struct db_value *v)
{
    uint64_t number;

    switch (v->type) {
    case DB_NULL: put_u32(at, UINT32_MAX); return;
    case DB_INT:
    case DB_REAL:
        number = v->type == DB_REAL ? network_real(v->real) : htobe64((uint64_t)v->number);
        put_u32(at, sizeof number);
        memcpy(*at, &number, sizeof number);
        *at += sizeof number;
        return;
    case DB_TEXT:
    case DB_BLOB:
        put_u32(at, (uint32_t)v->bytes.len);
        memcpy(*at, v->bytes.at, v->bytes.len);
        *at += v->bytes.len;
        return;
    }
}

static bool postgres_bulk_row(struct db_bulk *base, const struct db_value *values, struct imw_error_info *err)
{
    struct postgres_bulk *b = (struct postgres_bulk *)base;
    size_t most = 2;

    for (unsigned i = 0; i < base->count; i++) {
        if (values[i].bytes.len > 1u << 30)
            return error_set(err, IMW_ERROR_LIMIT, "a value of more than 1 GiB");
        most += 12 + (values[i].type == DB_TEXT || values[i].type == DB_BLOB ? values[i].bytes.len : 0);
    }
    if (b->len > 0 && b->len + most > BULK_BYTES && !postgres_bulk_send(base, err))
        return false;
    if (b->len + most > b->size) {
        const size_t size = b->len + most > BULK_BYTES ? b->len + most
                            : b->size == 0             ? (size_t)64 << 10
                                                       : BULK_BYTES;
        uint8_t *at = realloc(b->at, size > b->len + most ? size : b->len + most);

        if (at == NULL)
            return error_memory(err);
        b->at = at;
        b->size = size > b->len + most ? size : b->len + most;
    }

    uint8_t *at = b->at + b->len;
    *at++ = (uint8_t)(base->count >> 8);
    *at++ = (uint8_t)base->count;
    for (unsigned i = 0; i < base->count; i++)
        put_value(&at, &values[i]);
    b->len = (size_t)(at - b->at);
    return true;
}

static void postgres_bulk_free(struct db_bulk *base)
{
    struct postgres_bulk *b = (struct postgres_bulk *)base;

    free(b->copy);
    free(b->at);
    free(b);
}

/* ---- the connection ---- */

static void postgres_close(struct db *db)
{
    struct postgres *p = postgres_of(db);

    PQfinish(p->conn);
    forget_statements(p);
    if (p->secret != NULL)
        explicit_bzero(p->secret, strlen(p->secret));
    free(p->secret);
    free(p);
}

static const struct db_driver postgres_driver = {
    .kind = DB_POSTGRES,
    .close = postgres_close,
    .begin = postgres_begin,
    .take_feed = postgres_take_feed,
    .commit = postgres_commit,
    .rollback = postgres_rollback,
    .run = postgres_run,
    .script = postgres_script,
    .query = postgres_query,
    .next = postgres_next,
    .rows_end = postgres_rows_end,
    .columns = postgres_columns,
    .name = postgres_name,
    .type = postgres_type,
    .get_int = postgres_get_int,
    .get_real = postgres_get_real,
    .get_bytes = postgres_get_bytes,
    .bulk_begin = postgres_bulk_begin,
    .bulk_row = postgres_bulk_row,
    .bulk_send = postgres_bulk_send,
    .bulk_free = postgres_bulk_free,
};

/* An @ or / that stands in the password as it is cuts the URL where it should not be cut, and a piece of the
 * password becomes a host or a port, which libpq's words then tell. */
static bool url_is_plain(const char *url)
{
    const char *from = strstr(url, "://");
    const size_t length = from != NULL ? strcspn(from + 3, "?") : 0;
    const struct view authority = view_of(from != NULL ? from + 3 : "", length);
    const size_t at = view_find_byte(authority, '@', 0);

    return at == authority.len || (view_find_byte(authority, '/', 0) > at &&
                                   view_find_byte(authority, '@', at + 1) == authority.len);
}

static bool no_url(struct imw_error_info *err)
{
    return error_set(
        err, IMW_ERROR_VALUE,
        "the database's URL cannot be read: postgresql://USER@HOST:PORT/NAME?OPTION=VALUE, and a "
        "password in it with its @ : / ? %% written as %%40 %%3A %%2F %%3F %%25");
}

/* The URL's parts with ours behind them, which win. */
static bool connect_url(struct postgres *p, const char *url, struct imw_error_info *err)
{
    enum { PARTS_MOST = 96 };
    const char *keys[PARTS_MOST], *values[PARTS_MOST];
    PQconninfoOption *options = url_is_plain(url) ? PQconninfoParse(url, NULL) : NULL;
    unsigned count = 0;
    bool timeout = false;

    if (options == NULL)
        return no_url(err);
    for (const PQconninfoOption *o = options; o->keyword != NULL && count < PARTS_MOST - 5; o++) {
        if (o->val == NULL)
            continue;
        if (strcmp(o->keyword, "password") == 0)
            p->secret = strdup(o->val);
        timeout = timeout || strcmp(o->keyword, "connect_timeout") == 0;
        keys[count] = o->keyword;
        values[count++] = o->val;
    }
    keys[count] = "application_name";
    values[count++] = "imward";
    keys[count] = "client_encoding";
    values[count++] = "UTF8";
    if (!timeout) {
        keys[count] = "connect_timeout";
        values[count++] = "10";
    }
    keys[count] = values[count] = NULL;
    p->conn = PQconnectdbParams(keys, values, 0);
    PQconninfoFree(options);
    if (PQstatus(p->conn) != CONNECTION_OK)
        return failed_words(p, "", PQerrorMessage(p->conn), NULL, err);
    return true;
}

/* "relation exists already, skipped" and the like; what matters is an error. */
static void drop_notice(void *context, const PGresult *r)
{
    (void)context;
    (void)r;
}

bool postgres_open(const char *url, bool create, struct db **out, struct imw_error_info *err)
{
    struct postgres *p = calloc(1, sizeof *p);

    if (p == NULL)
        return error_memory(err);
    p->db = (struct db){ .driver = &postgres_driver, .wait_ms = DB_WAIT_MS };
    if (!connect_url(p, url, err))
        goto fail;
    PQsetNoticeReceiver(p->conn, drop_notice, NULL);
    if (!set_up(p, err))
        goto fail;
    if (create) { /* two at a time: the second finds it */
        int64_t there = 0;

        if (!postgres_begin(&p->db, TURN_WRITE, err))
            goto fail;
        p->db.open = true;
        if (!db_query_int(&p->db, "select count(*) from pg_namespace where nspname = 'imward'", DB_NONE,
                          &there, NULL, err) ||
            (there == 0 && !db_script(&p->db, "create schema imward", err)) || !db_commit(&p->db, err)) {
            db_rollback(&p->db);
            goto fail;
        }
    }
    *out = &p->db;
    return true;
fail:
    postgres_close(&p->db);
    return false;
}
