/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables to rows and back. What goes into a backup are the tables of the schema, in its order, and those of
 * the days that event_day lists; what can be made again from them (indexes, the index of words) is not.
 *
 * A part "rows/TABLE/000001" holds whole rows, each its columns in the manifest's order: an octet, the type
 * (0 null, 1 whole number, 2 real number, 3 text, 4 octets), then 8 octets, or a length of 4 octets and as
 * many octets. All in network byte order.
 *
 * It goes back as it was: the schema's steps up to the version of the backup are made, the rows put in, then
 * the other steps. References are looked at when all rows are there.
 */
#include "store/backup.h"
#include "base/cursor.h"
#include "base/text.h"
#include "store/backup_parts.h"
#include "store/db_driver.h"
#include "store/event_parts.h"
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_BYTES = 64, TABLES_MOST = 65536, COLUMNS_MOST = 64 };

struct table {
    char name[NAME_BYTES];
    char columns[COLUMNS_MOST][NAME_BYTES];
    unsigned count;
    int64_t next; /* the highest id that was ever given; 0: the table gives none */
    uint64_t rows;
};

/* ---- names ---- */

static bool is_name(struct view v)
{
    if (v.len == 0 || v.len >= NAME_BYTES)
        return false;
    for (size_t i = 0; i < v.len; i++)
        if ((v.at[i] < 'a' || v.at[i] > 'z') && v.at[i] != '_' && (i == 0 || v.at[i] < '0' || v.at[i] > '9'))
            return false;
    return true;
}

/* The day of a table of events; 0: it is none. */
static int table_day(const char *name)
{
    static const char *const kinds[] = { "event_", "chunk_", "word_" };
    uint64_t day = 0;

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const size_t length = strlen(kinds[i]);

        if (strncmp(name, kinds[i], length) == 0 && strlen(name) == length + 8 &&
            view_decimal(view_string(name + length), 99991231, &day))
            return (int)day;
    }
    return 0;
}

/* The n-th table that the steps up to `version` make. False: there are no more. */
static bool schema_table(unsigned version, unsigned n, char out[NAME_BYTES])
{
    static const char make[] = "create table ";

    for (const struct schema_step *s = schema_steps; s->sql != NULL && s->version <= version; s++)
        for (const char *at = s->sql; (at = strstr(at, make)) != NULL;) {
            at += sizeof make - 1;
            const size_t length = strcspn(at, " (");
            if (n-- == 0) {
                snprintf(out, NAME_BYTES, "%.*s", (int)length, at);
                return true;
            }
        }
    return false;
}

static bool is_table(unsigned version, const char *name)
{
    char known[NAME_BYTES];

    if (table_day(name) != 0)
        return true;
    for (unsigned n = 0; schema_table(version, n, known); n++)
        if (strcmp(known, name) == 0)
            return true;
    return false;
}

/* ---- out ---- */

struct writer {
    const struct backup_wish *wish;
    struct backup_facts *facts;
    struct db *db;
    struct backup_out *out;
    json_t *tables;
    uint8_t *rows; /* of the part */
    size_t len, size;
    unsigned part;
};

/* The columns of a table that is there, in their order. */
static bool read_columns(struct db *db, struct table *t, struct imw_error_info *err)
{
    struct db_rows *rows = NULL;
    struct imw_error_info why = { 0 };
    bool ok = true;

    if (!db_query(
            db,
            db_kind(db) == DB_SQLITE
                ? "select name from pragma_table_info(?) order by cid"
                : "select column_name::text from information_schema.columns where table_schema = 'imward' and "
                  "table_name = ? order by ordinal_position",
            DB_ARGS(db_text(t->name)), &rows, err))
        return false;
    while (ok && db_next(rows, &why)) {
        const struct view name = db_get_text(rows, 0);

        ok = is_name(name) && t->count < COLUMNS_MOST;
        if (ok)
            snprintf(t->columns[t->count++], NAME_BYTES, "%s", (const char *)name.at);
    }
    db_rows_end(rows);
    if (why.code != IMW_OK) {
        *err = why;
        return false;
    }
    return ok ||
           error_set(err, IMW_ERROR_FORMAT, "the table %s has columns that no table of ours has", t->name);
}

static bool read_next_id(struct db *db, struct table *t, struct imw_error_info *err)
{
    if (db_kind(db) == DB_SQLITE)
        return db_query_int(db, "select coalesce(max(seq), 0) from sqlite_sequence where name = ?",
                            DB_ARGS(db_text(t->name)), &t->next, NULL, err);
    if (strcmp(t->columns[0], "id") != 0)
        return true;
    return db_query_int(
        db, "select coalesce(pg_sequence_last_value(pg_get_serial_sequence(?, 'id')::regclass), 0)",
        DB_ARGS(db_text(t->name)), &t->next, NULL, err);
}

/* "a, b, c". False: it does not fit. */
static bool column_list(const struct table *t, char *out, size_t size)
{
    struct text list = text_over(out, size);

    for (unsigned i = 0; i < t->count; i++)
        text_format(&list, "%s\"%s\"", i > 0 ? ", " : "", t->columns[i]);
    return !list.cut;
}

static bool part_send(struct writer *w, const struct table *t, struct imw_error_info *err)
{
    char name[NAME_BYTES + 32];

    if (w->len == 0)
        return true;
    snprintf(name, sizeof name, "rows/%s/%06u", t->name, ++w->part);
    const bool ok = backup_out_part(w->out, name, 0600, (struct view){ w->rows, w->len }, err);
    w->len = 0;
    if (w->wish->progress != NULL)
        w->wish->progress(w->wish->context, w->facts->rows);
    return ok;
}

static bool room(struct writer *w, size_t more, struct imw_error_info *err)
{
    if (w->len + more <= w->size)
        return true;

    const size_t size = (w->len + more) * 2;
    uint8_t *rows = size <= BACKUP_PART_MOST ? realloc(w->rows, size) : NULL;
    if (rows == NULL)
        return error_memory(err);
    w->rows = rows;
    w->size = size;
    return true;
}

static bool put_value(struct writer *w, const struct db_rows *rows, unsigned column,
                      struct imw_error_info *err)
{
    static const uint8_t codes[] = {
        [DB_NULL] = 0, [DB_INT] = 1, [DB_REAL] = 2, [DB_TEXT] = 3, [DB_BLOB] = 4
    };
    const enum db_type type = db_get_type(rows, column);
    struct view bytes = view_of(NULL, 0);
    uint64_t number = 0;
    double real;

    if (type == DB_TEXT)
        bytes = db_get_text(rows, column);
    else if (type == DB_BLOB)
        bytes = db_get_blob(rows, column);
    else if (type == DB_INT)
        number = (uint64_t)db_get_int(rows, column);
    else if (type == DB_REAL) {
        real = db_get_real(rows, column);
        memcpy(&number, &real, sizeof number);
    }
    if (!room(w, 9 + bytes.len, err))
        return false;
    w->rows[w->len++] = codes[type];
    if (type == DB_INT || type == DB_REAL) {
        number = htobe64(number);
        memcpy(w->rows + w->len, &number, sizeof number);
        w->len += sizeof number;
    } else if (type == DB_TEXT || type == DB_BLOB) {
        const uint32_t length = htobe32((uint32_t)bytes.len);

        memcpy(w->rows + w->len, &length, sizeof length);
        memcpy(w->rows + w->len + sizeof length, bytes.at, bytes.len);
        w->len += sizeof length + bytes.len;
    }
    return true;
}

static bool table_write(struct writer *w, const char *name, struct imw_error_info *err)
{
    char columns[COLUMNS_MOST * (NAME_BYTES + 4)], sql[sizeof columns + NAME_BYTES + 32];
    struct table *t = calloc(1, sizeof *t);
    struct db_rows *rows = NULL;
    struct imw_error_info why = { 0 };
    bool ok = false;

    if (t == NULL)
        return error_memory(err);
    snprintf(t->name, sizeof t->name, "%s", name);
    w->part = 0;
    if (!read_columns(w->db, t, err) || !read_next_id(w->db, t, err))
        goto out;
    if (t->count == 0 || !column_list(t, columns, sizeof columns)) {
        error_set(err, IMW_ERROR_FORMAT, "the table %s is not there", name);
        goto out;
    }
    snprintf(sql, sizeof sql, "select %s from %s", columns, name);
    if (!db_query(w->db, sql, DB_NONE, &rows, err))
        goto out;
    ok = true;
    while (ok && db_next(rows, &why)) {
        for (unsigned i = 0; ok && i < t->count; i++)
            ok = put_value(w, rows, i, err);
        t->rows++;
        w->facts->rows++;
        if (ok && w->len >= BACKUP_PART_BYTES)
            ok = part_send(w, t, err);
    }
    db_rows_end(rows);
    if (ok && why.code != IMW_OK) {
        *err = why;
        ok = false;
    }
    ok = ok && part_send(w, t, err);
    if (ok) {
        json_t *list = json_pack("[]");

        for (unsigned i = 0; i < t->count; i++)
            json_array_append_new(list, json_pack("s", t->columns[i]));
        ok = json_array_append_new(w->tables,
                                   json_pack("{s:s,s:o,s:I,s:I}", "name", t->name, "columns", list, "rows",
                                             (json_int_t)t->rows, "last_id", (json_int_t)t->next)) == 0 ||
             error_memory(err);
        w->facts->tables++;
    }
out:
    free(t);
    return ok;
}

static bool days_write(struct writer *w, struct imw_error_info *err)
{
    static const char *const kinds[] = { "event", "chunk", "word" };
    int64_t day = 0;
    bool found = true, ok = true;

    while (ok) {
        ok = db_query_int(w->db, "select day from event_day where day > ? order by day limit 1",
                          DB_ARGS(db_int(day)), &day, &found, err);
        if (!ok || !found)
            break;
        for (size_t i = 0; ok && i < sizeof kinds / sizeof kinds[0]; i++) {
            char name[NAME_BYTES];

            snprintf(name, sizeof name, "%s_%d", kinds[i], (int)day);
            ok = table_write(w, name, err);
        }
    }
    return ok;
}

/* Files of DATA/keys and of the folders in it; `below` is "keys" at first. */
static bool keys_write(struct writer *w, const char *below, unsigned depth, struct imw_error_info *err)
{
    char path[4096], name[1024];
    struct dirent *e;
    bool ok = true;

    snprintf(path, sizeof path, "%s/%s", w->wish->data, below);
    DIR *folder = opendir(path);
    if (folder == NULL)
        return error_errno(err, path);
    while (ok && (e = readdir(folder)) != NULL) {
        struct stat st;
        uint8_t bytes[BACKUP_KEY_BYTES];

        /* Of the trail's checkpoints: it goes on while we write, and is of the trail there, not of one that
         * is put back. */
        if (e->d_name[0] == '.' || strcmp(e->d_name, "audit.signed") == 0)
            continue;
        if ((size_t)snprintf(name, sizeof name, "%s/%s", below, e->d_name) >= sizeof name ||
            (size_t)snprintf(path, sizeof path, "%s/%s", w->wish->data, name) >= sizeof path) {
            ok = error_file(err, IMW_ERROR_VALUE, e->d_name, "the path is too long");
            break;
        }
        const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) != 0) {
            ok = error_errno(err, path);
        } else if (S_ISDIR(st.st_mode) && depth < 2) {
            ok = keys_write(w, name, depth + 1, err);
        } else if (S_ISREG(st.st_mode)) {
            const ssize_t n = read(fd, bytes, sizeof bytes);

            ok = n < 0 || n != st.st_size || ++w->facts->keys > BACKUP_KEYS_MOST
                     ? error_file(err, IMW_ERROR_LIMIT, path, "this is no key")
                     : backup_out_part(w->out, name, st.st_mode & 0777, (struct view){ bytes, (size_t)n },
                                       err);
            explicit_bzero(bytes, sizeof bytes);
        }
        if (fd >= 0)
            close(fd);
    }
    closedir(folder);
    return ok;
}

/* A connection that may take as long as it does. */
static bool connect_patiently(const char *url, bool create, struct db **out, struct imw_error_info *err)
{
    if (!(create ? db_connect(url, true, out, err) : db_open(url, out, err)))
        return false;
    if (db_kind(*out) == DB_POSTGRES && !db_script(*out, "set statement_timeout = 0", err)) {
        db_close(*out);
        return false;
    }
    return true;
}

static bool everything_write(struct writer *w, struct imw_error_info *err)
{
    char name[NAME_BYTES];

    if (!db_begin(w->db, false, err))
        return false;
    for (unsigned n = 0; schema_table(schema_newest(), n, name); n++)
        if (!table_write(w, name, err))
            return false;
    return days_write(w, err) && db_commit(w->db, err) &&
           (!w->wish->with_keys || keys_write(w, "keys", 0, err));
}

bool backup_write(const struct backup_wish *wish, struct backup_facts *out, struct imw_error_info *err)
{
    struct backup_facts facts = { .time_us = wish->now_us, .schema = schema_newest() };
    struct writer w = { .wish = wish, .facts = &facts, .tables = json_pack("[]") };
    json_t *manifest = NULL;
    bool ok = false;

    if (w.tables == NULL)
        return error_memory(err);
    if (!connect_patiently(wish->url, false, &w.db, err) || !backup_out_new(wish->path, &w.out, err) ||
        !everything_write(&w, err))
        goto out;
    snprintf(facts.imward, sizeof facts.imward, "%s", wish->imward);
    snprintf(facts.from, sizeof facts.from, "%s", db_kind(w.db) == DB_SQLITE ? "sqlite" : "postgresql");
    manifest = json_pack("{s:i,s:s,s:i,s:I,s:s,s:O,s:i}", "format", BACKUP_FORMAT, "imward", facts.imward,
                         "schema", (int)facts.schema, "time_us", (json_int_t)facts.time_us, "from",
                         facts.from, "tables", w.tables, "keys", (int)facts.keys);
    ok = manifest != NULL ? backup_out_end(w.out, manifest, &facts.bytes, err) : error_memory(err);
    if (ok)
        *out = facts;
out:
    backup_out_free(w.out);
    db_close(w.db);
    json_decref(w.tables);
    json_decref(manifest);
    if (w.rows != NULL)
        explicit_bzero(w.rows, w.size);
    free(w.rows);
    return ok;
}

/* ---- checked ---- */

static uint64_t manifest_number(const json_t *object, const char *name)
{
    const json_int_t n = json_integer_value(json_object_get(object, name));

    return n > 0 ? (uint64_t)n : 0;
}

static bool not_ours(const char *path, const char *what, struct imw_error_info *err)
{
    return error_file(err, IMW_ERROR_FORMAT, path, "the backup's manifest is not one of imward: %s", what);
}

static bool manifest_facts(const char *path, const json_t *manifest, struct backup_facts *out,
                           struct imw_error_info *err)
{
    const char *imward = json_string_value(json_object_get(manifest, "imward"));
    const char *from = json_string_value(json_object_get(manifest, "from"));
    const json_t *tables = json_object_get(manifest, "tables");
    const uint64_t format = manifest_number(manifest, "format"), schema = manifest_number(manifest, "schema");

    if (imward == NULL || from == NULL || json_array_size(tables) == 0 ||
        json_array_size(tables) > TABLES_MOST)
        return not_ours(path, "its members", err);
    if (format != BACKUP_FORMAT || schema == 0 || schema > schema_newest())
        return error_file(
            err, IMW_ERROR_FORMAT, path,
            "the backup is of imward %.20s, which is newer (format %llu, tables %llu): restore it with "
            "that one",
            imward, (unsigned long long)format, (unsigned long long)schema);
    snprintf(out->imward, sizeof out->imward, "%s", imward);
    snprintf(out->from, sizeof out->from, "%s", from);
    out->schema = (unsigned)schema;
    out->time_us = manifest_number(manifest, "time_us");
    out->keys = (unsigned)manifest_number(manifest, "keys");
    out->tables = (unsigned)json_array_size(tables);
    out->rows = 0;
    for (size_t i = 0; i < json_array_size(tables); i++)
        out->rows += manifest_number(json_array_get(tables, i), "rows");
    return true;
}

bool backup_check(const char *path, struct backup_facts *out, struct imw_error_info *err)
{
    struct backup_facts facts = { 0 };
    json_t *manifest = NULL;

    if (!backup_in_check(path, &manifest, &facts.bytes, err))
        return false;
    const bool ok = manifest_facts(path, manifest, &facts, err);
    if (ok)
        *out = facts;
    json_decref(manifest);
    return ok;
}

/* ---- back ---- */

struct reader {
    const struct backup_wish *wish;
    struct backup_facts facts;
    struct db *db;
    json_t *manifest;
    struct table table; /* the one that rows come for */
    struct db_bulk *bulk;
    char keys[4096 + 16]; /* where keys are put at first; empty: there are none */
    bool keys_stay;       /* there, since they could not get their name: the database is restored */
};

static const json_t *manifest_table(const struct reader *r, const char *name)
{
    const json_t *tables = json_object_get(r->manifest, "tables");

    for (size_t i = 0; i < json_array_size(tables); i++) {
        const json_t *t = json_array_get(tables, i);
        const char *is = json_string_value(json_object_get(t, "name"));

        if (is != NULL && strcmp(is, name) == 0)
            return t;
    }
    return NULL;
}

/* The rows of a table are over: as many as were promised. */
static bool table_done(struct reader *r, struct imw_error_info *err)
{
    struct db_bulk *bulk = r->bulk;

    r->bulk = NULL;
    if (bulk == NULL)
        return true;
    if (!db_bulk_end(bulk, err))
        return false;
    if (r->table.rows != manifest_number(manifest_table(r, r->table.name), "rows"))
        return not_ours(r->wish->path, "a table has another number of rows", err);
    return true;
}

static bool table_begin(struct reader *r, const char *name, struct imw_error_info *err)
{
    char columns[COLUMNS_MOST * (NAME_BYTES + 4)];
    const json_t *list = json_object_get(manifest_table(r, name), "columns");
    struct table *t = &r->table, there = { 0 };

    if (!table_done(r, err))
        return false;
    *t = (struct table){ 0 };
    if (!is_name(view_string(name)) || !is_table(r->facts.schema, name) || json_array_size(list) == 0 ||
        json_array_size(list) > COLUMNS_MOST)
        return not_ours(r->wish->path, "a table that it does not list", err);
    snprintf(t->name, sizeof t->name, "%s", name);
    snprintf(there.name, sizeof there.name, "%s", name);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *column = json_string_value(json_array_get(list, i));

        if (column == NULL || !is_name(view_string(column)))
            return not_ours(r->wish->path, "a column's name", err);
        snprintf(t->columns[t->count++], NAME_BYTES, "%s", column);
    }
    if (!read_columns(r->db, &there, err))
        return false;
    bool same = there.count == t->count;
    for (unsigned i = 0; same && i < t->count; i++)
        same = strcmp(there.columns[i], t->columns[i]) == 0;
    if (!same || !column_list(t, columns, sizeof columns))
        return not_ours(r->wish->path, "a table has other columns", err);
    return db_bulk_begin(r->db, t->name, columns, t->count, &r->bulk, err);
}

static bool rows_put(struct reader *r, struct view part, struct imw_error_info *err)
{
    struct cursor c = cursor_open(part);
    struct db_value values[COLUMNS_MOST];

    while (cursor_left(&c) > 0) {
        for (unsigned i = 0; i < r->table.count; i++) {
            const uint8_t code = cursor_u8(&c);
            uint64_t number;
            double real;

            switch (code) {
            case 0: values[i] = db_null(); break;
            case 1:
            case 2:
                number = cursor_u64(&c);
                memcpy(&real, &number, sizeof real);
                values[i] = code == 1 ? db_int((int64_t)number) : db_real(real);
                break;
            case 3: values[i] = db_view(cursor_take(&c, cursor_u32(&c))); break;
            case 4: values[i] = db_blob(cursor_take(&c, cursor_u32(&c))); break;
            default: return not_ours(r->wish->path, "a row", err);
            }
        }
        if (c.bad)
            return not_ours(r->wish->path, "a row", err);
        if (!db_bulk_row(r->bulk, values, err))
            return false;
        r->table.rows++;
    }
    return true;
}

/* "keys/seal", "keys/front/key.pem" */
static bool is_key_name(const char *name)
{
    const char *at = name;

    for (const char *s = name; *s != '\0'; s++) {
        if (*s == '/' && (s == at || s[1] == '.'))
            return false;
        if (*s == '/')
            at = s + 1;
        else if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", *s) == NULL)
            return false;
    }
    return *at != '\0' && strlen(name) < 200;
}

static bool key_put(struct reader *r, const char *name, unsigned mode, struct view part,
                    struct imw_error_info *err)
{
    char path[4096 + 256];
    struct stat owner;

    if (!is_key_name(name) || r->keys[0] == '\0')
        return not_ours(r->wish->path, "a key's name", err);
    snprintf(path, sizeof path, "%s/", r->keys);
    const size_t below = strlen(path);
    snprintf(path + below, sizeof path - below, "%s", name);
    if (stat(r->wish->data, &owner) != 0)
        return error_errno(err, r->wish->data);
    for (char *slash = path + below; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
        *slash = '\0';
        if ((mkdir(path, 0700) != 0 && errno != EEXIST) ||
            (geteuid() == 0 && chown(path, owner.st_uid, owner.st_gid) != 0))
            return error_errno(err, path);
    }
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_errno(err, path);
    const bool ok = write(fd, part.at, part.len) == (ssize_t)part.len && fchmod(fd, mode & 0777) == 0 &&
                    (geteuid() != 0 || fchown(fd, owner.st_uid, owner.st_gid) == 0) && fsync(fd) == 0;
    if (!ok)
        error_errno(err, path);
    close(fd);
    return ok;
}

static bool part_put(void *context, const char *name, unsigned mode, struct view part,
                     struct imw_error_info *err)
{
    struct reader *r = context;
    char table[NAME_BYTES];

    if (strncmp(name, "keys/", 5) == 0)
        return key_put(r, name + 5, mode, part, err);
    const char *slash = strncmp(name, "rows/", 5) == 0 ? strchr(name + 5, '/') : NULL;
    if (slash == NULL || slash - (name + 5) >= NAME_BYTES)
        return not_ours(r->wish->path, "a part's name", err);
    snprintf(table, sizeof table, "%.*s", (int)(slash - (name + 5)), name + 5);
    if ((r->bulk == NULL || strcmp(table, r->table.name) != 0) && !table_begin(r, table, err))
        return false;
    if (!rows_put(r, part, err))
        return false;
    if (r->wish->progress != NULL)
        r->wish->progress(r->wish->context, r->table.rows);
    return true;
}

/* PostgreSQL looks at references at the end of each statement; rows of one table refer to each other. */
static bool references_later(struct db *db, bool later, struct imw_error_info *err)
{
    if (db_kind(db) == DB_SQLITE)
        return !later || db_script(db, "pragma defer_foreign_keys = on", err);
    if (!later && !db_script(db, "set constraints all immediate", err))
        return false;
    return db_script(
        db,
        later
            ? "do $$ declare c record; begin for c in select conrelid::regclass as t, conname as n from pg_constraint "
              "where contype = 'f' and connamespace = 'imward'::regnamespace loop execute format('alter table %s "
              "alter constraint %I deferrable initially deferred', c.t, c.n); end loop; end $$"
            : "do $$ declare c record; begin for c in select conrelid::regclass as t, conname as n from pg_constraint "
              "where contype = 'f' and connamespace = 'imward'::regnamespace loop execute format('alter table %s "
              "alter constraint %I not deferrable', c.t, c.n); end loop; end $$",
        err);
}

/* Tables of days, empty, and none that the rows will bring. */
static bool days_make(struct reader *r, struct imw_error_info *err)
{
    const json_t *tables = json_object_get(r->manifest, "tables");

    for (size_t i = 0; i < json_array_size(tables); i++) {
        const char *name = json_string_value(json_object_get(json_array_get(tables, i), "name"));
        const int day = name != NULL ? table_day(name) : 0;

        if (day != 0 && !partition_make(r->db, day, err))
            return false;
    }
    return db_run(r->db, "delete from event_day", DB_NONE, NULL, err);
}

/* Ids go on where they stopped, also where the last rows had been deleted. */
static bool ids_go_on(struct reader *r, struct imw_error_info *err)
{
    const json_t *tables = json_object_get(r->manifest, "tables");

    for (size_t i = 0; i < json_array_size(tables); i++) {
        const json_t *t = json_array_get(tables, i);
        const char *name = json_string_value(json_object_get(t, "name"));
        const int64_t last = (int64_t)manifest_number(t, "last_id");

        if (last == 0 || table_day(name) != 0)
            continue;
        if (!is_table(r->facts.schema, name))
            return not_ours(r->wish->path, "a table that it does not list", err);
        if (db_kind(r->db) == DB_POSTGRES) {
            if (!db_run(r->db, "select setval(pg_get_serial_sequence(?, 'id'), ?)",
                        DB_ARGS(db_text(name), db_int(last)), NULL, err))
                return false;
        } else if (!db_run(r->db, "delete from sqlite_sequence where name = ?", DB_ARGS(db_text(name)), NULL,
                           err) ||
                   !db_run(r->db, "insert into sqlite_sequence (name, seq) values (?, ?)",
                           DB_ARGS(db_text(name), db_int(last)), NULL, err)) {
            return false;
        }
    }
    return true;
}

/* Each table has what the manifest says, also those of which no part came. */
static bool counts_hold(struct reader *r, struct imw_error_info *err)
{
    const json_t *tables = json_object_get(r->manifest, "tables");

    for (size_t i = 0; i < json_array_size(tables); i++) {
        const json_t *t = json_array_get(tables, i);
        const char *name = json_string_value(json_object_get(t, "name"));
        char sql[NAME_BYTES + 40];
        int64_t count = 0;

        if (name == NULL || !is_table(r->facts.schema, name))
            return not_ours(r->wish->path, "a table that none should be", err);
        snprintf(sql, sizeof sql, "select count(*) from %s", name);
        if (!db_query_int(r->db, sql, DB_NONE, &count, NULL, err))
            return false;
        if ((uint64_t)count != manifest_number(t, "rows"))
            return not_ours(r->wish->path, "a table has another number of rows", err);
    }
    return true;
}

static bool everything_put(struct reader *r, struct imw_error_info *err)
{
    unsigned there = 0;

    if (!db_begin(r->db, true, err) || !db_take_feed(r->db, err) || !schema_version(r->db, &there, err))
        return false;
    if (there != 0)
        return error_set(
            err, IMW_ERROR_VALUE,
            "the database is not empty: restore into a new one, or drop its schema imward first");
    return schema_upgrade(r->db, r->facts.schema, err) && days_make(r, err) &&
           references_later(r->db, true, err) && backup_in_read(r->wish->path, part_put, r, err) &&
           table_done(r, err) && counts_hold(r, err) && ids_go_on(r, err) &&
           references_later(r->db, false, err) && schema_upgrade(r->db, schema_newest(), err) &&
           db_commit(r->db, err) && partition_prepare(r->db, err);
}

/* Rolls back what was not committed. */
static void reader_close(struct reader *r)
{
    const bool was_open = r->bulk != NULL && db_bulk_end(r->bulk, NULL);

    (void)was_open;
    r->bulk = NULL;
    db_close(r->db);
    r->db = NULL;
}

/* ---- into a new place ---- */

static bool sync_path(const char *path, struct imw_error_info *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const bool ok = fd >= 0 && fsync(fd) == 0;

    if (!ok)
        error_errno(err, path);
    if (fd >= 0)
        close(fd);
    return ok;
}

static void remove_sqlite(const char *path)
{
    static const char *const ends[] = { "", "-wal", "-shm", "-turn" };
    char name[4096 + 16];

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
}

/* Folders on the way to the file. */
static bool make_folder_of(const char *path, struct imw_error_info *err)
{
    char folder[4096];

    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash == NULL || slash == folder)
        return true;
    *slash = '\0';
    if (mkdir(folder, 0700) == 0 || errno == EEXIST)
        return true;
    return error_errno(err, folder);
}

/* A new file beside where it shall be, then renamed. */
static bool restore_sqlite(struct reader *r, const char *path, struct imw_error_info *err)
{
    char temporary[4096], url[4096 + 16], folder[4096];
    struct stat st, owner;

    if ((size_t)snprintf(temporary, sizeof temporary, "%s.restore", path) >= sizeof temporary)
        return error_file(err, IMW_ERROR_VALUE, path, "the path is too long");
    if (stat(path, &st) == 0 && st.st_size > 0)
        return error_file(
            err, IMW_ERROR_VALUE, path,
            "there is a database already: restore into an empty data folder, or move this one away");
    if (!make_folder_of(path, err))
        return false;
    remove_sqlite(temporary); /* of a restore that was killed */
    snprintf(url, sizeof url, "sqlite:%s", temporary);
    bool ok = connect_patiently(url, true, &r->db, err) &&
              db_script(r->db, "pragma synchronous = off", err) && /* it counts only when it has its name */
              everything_put(r, err);
    reader_close(r);
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    snprintf(slash != NULL ? slash + 1 : folder, 2, "%s", slash != NULL ? "" : ".");
    if (ok && geteuid() == 0 && stat(folder, &owner) == 0 &&
        chown(temporary, owner.st_uid, owner.st_gid) != 0)
        ok = error_errno(err, temporary);
    ok = ok && sync_path(temporary, err);
    if (ok && rename(temporary, path) != 0)
        ok = error_errno(err, path);
    remove_sqlite(temporary);
    return ok && sync_path(folder, err);
}

static bool restore_postgres(struct reader *r, struct imw_error_info *err)
{
    const bool ok = connect_patiently(r->wish->url, true, &r->db, err) && everything_put(r, err);

    reader_close(r);
    return ok;
}

/* Where keys go until the database is there; and no others in their place. */
static bool keys_begin(struct reader *r, struct imw_error_info *err)
{
    char path[4096];

    if (r->facts.keys == 0)
        return true;
    if (r->wish->data == NULL ||
        (size_t)snprintf(path, sizeof path, "%s/keys", r->wish->data) >= sizeof path - 16)
        return error_set(err, IMW_ERROR_VALUE, "the backup has keys: --data says where they go");
    if (rmdir(path) != 0 && errno != ENOENT)
        return error_file(err, IMW_ERROR_VALUE, path,
                          "there are keys already: restore into an empty data folder, or move them away");
    snprintf(r->keys, sizeof r->keys, "%s.restore", path);
    if (mkdir(r->keys, 0700) != 0)
        return error_file(err, IMW_ERROR_SYSTEM, r->keys,
                          "%s: is it of a restore that was ended? Then remove it", strerror(errno));
    struct stat owner;
    if (geteuid() == 0 &&
        (stat(r->wish->data, &owner) != 0 || chown(r->keys, owner.st_uid, owner.st_gid) != 0))
        return error_errno(err, r->keys);
    return true;
}

static void remove_keys(const char *folder)
{
    DIR *d = opendir(folder);
    struct dirent *e;

    while (d != NULL && (e = readdir(d)) != NULL) {
        char path[4096 + 300];

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (unlink(path) != 0 && errno == EISDIR)
            remove_keys(path);
    }
    if (d != NULL)
        closedir(d);
    rmdir(folder);
}

bool backup_restore(const struct backup_wish *wish, struct backup_facts *out, struct imw_error_info *err)
{
    struct reader *r = calloc(1, sizeof *r);
    char path[4096];
    bool ok = false;

    if (r == NULL)
        return error_memory(err);
    r->wish = wish;
    if (!backup_in_check(wish->path, &r->manifest, &r->facts.bytes, err) ||
        !manifest_facts(wish->path, r->manifest, &r->facts, err) || !keys_begin(r, err))
        goto out;
    ok = strncmp(wish->url, "sqlite:", 7) == 0 ? restore_sqlite(r, wish->url + 7, err)
                                               : restore_postgres(r, err);
    if (ok && r->keys[0] != '\0') {
        snprintf(path, sizeof path, "%s/keys", wish->data);
        r->keys_stay = rename(r->keys, path) != 0;
        if (r->keys_stay)
            ok = error_file(err, IMW_ERROR_SYSTEM, r->keys,
                            "the database is restored, but the keys are here still (%s): move them to %.80s",
                            strerror(errno), path);
    }
    if (ok)
        *out = r->facts;
out:
    if (!ok && r->keys[0] != '\0' && !r->keys_stay)
        remove_keys(r->keys);
    json_decref(r->manifest);
    free(r);
    return ok;
}
