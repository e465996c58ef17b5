/* SPDX-License-Identifier: Apache-2.0 */
/* Backups: what comes back is what was there, on the same kind of database and on the other; damage is told.
 */
#include "store/backup.h"
#include "store/database.h"
#include "store/event_parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint64_t now_us = (uint64_t)1795600000 * 1000000;

/* Rows that refer to each other in either order, empty and odd values, two days of events, ids given and
 * gone. */
static void fill(struct database *d)
{
    good(d, db_begin(d->db, true, &d->err));
    good(d,
         db_run(d->db, "insert into department (id, name) values (1, 'Treasury ✓')", DB_NONE, NULL, &d->err));
    good(
        d,
        db_run(
            d->db,
            "insert into person (id, pseudonym, name, email, department, manager, source, state, joined_us, "
            "changed_us) values (2, 'P-2', 'Boss', null, 1, null, 'hand', 'active', 1, 1), (1, 'P-1', '', '', "
            "1, 2, 'csv', 'left', -5, 9223372036854775807)",
            DB_NONE, NULL, &d->err));
    good(d, db_run(d->db, "update person set manager = 1 where id = 2", DB_NONE, NULL, &d->err));
    good(d, db_run(d->db, "insert into setting (name, value, changed_us) values ('quote', ?, 1)",
                   DB_ARGS(db_text("tab\t'quote' \\N \"x\"\n")), NULL, &d->err));
    int64_t id = 0;
    for (int i = 0; i < 5; i++)
        good(d, db_insert(d->db, "insert into term (kind, value) values ('service', ?) returning id",
                          DB_ARGS(db_text((const char *[]){ "a", "b", "c", "d", "e" }[i])), &id, &d->err));
    good(d, db_run(d->db, "delete from term where id = ?", DB_ARGS(db_int(id)), NULL, &d->err));
    for (int day = 20261122; day <= 20261123; day++) {
        struct db_bulk *b = NULL;
        char table[32], sql[160];

        good(d, partition_make(d->db, day, &d->err));
        snprintf(table, sizeof table, "event_%d", day);
        good(d, db_bulk_begin(d->db, table, EVENT_COLUMNS_TEXT, EVENT_COLUMN_COUNT, &b, &d->err));
        for (int i = 0; i < 30000; i++) {
            struct db_value values[EVENT_COLUMN_COUNT];

            for (int column = 0; column < EVENT_COLUMN_COUNT; column++)
                values[column] = db_int((int64_t)i * column * 977);
            values[0] = db_int(day * 100000LL + i);
            good(d, db_bulk_row(b, values, &d->err));
        }
        good(d, db_bulk_end(b, &d->err));
        snprintf(
            sql, sizeof sql,
            "insert into chunk_%d (id, events, first_us, last_us, data, digest) values (1, 2, 3, 4, ?, ?)",
            day);
        good(d, db_run(d->db, sql, DB_ARGS(db_blob(view_of("\0\1\0\377", 4)), db_blob(view_of("", 0))), NULL,
                       &d->err));
    }
    good(d, db_commit(d->db, &d->err));
}

/* All of it in one number that both databases give alike. */
static uint64_t contents(struct database *d, struct db *db)
{
    static const char *const questions[] = {
        "select id, name, parent from department order by id",
        "select id, pseudonym, name, email, manager, joined_us, changed_us from person order by id",
        "select name, value from setting order by name",
        "select id, kind, value from term order by id",
        "select day, events, digest from event_day order by day",
        "select * from event_20261122 order by id",
        "select * from event_20261123 order by id",
        "select id, data, digest from chunk_20261123 order by id",
        "select version, name from schema_version order by version",
    };
    uint64_t sum = 1;

    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        struct db_rows *rows = NULL;

        good(d, db_query(db, questions[i], DB_NONE, &rows, &d->err));
        d->err = (struct imw_error_info){ 0 };
        while (db_next(rows, &d->err)) {
            const unsigned columns = i == 5 || i == 6   ? EVENT_COLUMN_COUNT
                                     : i == 1           ? 7
                                     : i == 8 || i == 2 ? 2
                                                        : 3;

            for (unsigned column = 0; column < columns; column++) {
                const struct view v = db_get_text(rows, column);

                sum = sum * 1099511628211u + db_is_null(rows, column);
                for (size_t n = 0; n < v.len; n++)
                    sum = (sum ^ v.at[n]) * 1099511628211u;
            }
        }
        assert_int_equal(d->err.code, IMW_OK);
        db_rows_end(rows);
    }
    return sum;
}

static void put(const char *folder, const char *name, const char *text)
{
    char path[200];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

struct place {
    char data[128], other[128], path[160], url[256];
    struct backup_wish wish;
};

/* A data folder with keys, another without, and a database of `kind` to restore into. */
static void place_make(struct database *d, enum db_kind kind, struct place *p)
{
    char name[200];

    snprintf(p->data, sizeof p->data, "%s/data", d->folder);
    snprintf(p->other, sizeof p->other, "%s/other", d->folder);
    snprintf(p->path, sizeof p->path, "%s/backup", d->folder);
    mkdir(p->data, 0700);
    mkdir(p->other, 0700);
    snprintf(name, sizeof name, "%s/keys", p->data);
    mkdir(name, 0700);
    snprintf(name, sizeof name, "%s/keys/front", p->data);
    mkdir(name, 0700);
    put(p->data, "keys/seal", "secret");
    put(p->data, "keys/front/key.pem", "also secret");
    assert_true(database_new(kind, p->other, p->url, sizeof p->url));
    p->wish = (struct backup_wish){
        .path = p->path, .url = d->url, .data = p->data, .now_us = now_us, .imward = "1.2.3"
    };
}

static struct backup_wish back(const struct place *p)
{
    struct backup_wish wish = p->wish;

    wish.url = p->url;
    wish.data = p->other;
    return wish;
}

static void comes_back_into(struct database *d, enum db_kind kind)
{
    struct place p;
    struct backup_facts facts = { 0 }, again = { 0 };
    struct db *other = NULL;
    int64_t id = 0, seen = 0;

    fill(d);
    place_make(d, kind, &p);
    p.wish.with_keys = true;
    good(d, backup_write(&p.wish, &facts, &d->err));
    assert_true(facts.rows > 60000);
    assert_int_equal(facts.keys, 2);
    good(d, backup_check(p.path, &again, &d->err));
    assert_int_equal(again.rows, facts.rows);
    assert_int_equal(again.time_us, now_us);
    assert_string_equal(again.imward, "1.2.3");
    struct stat st;
    assert_int_equal(stat(p.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, facts.bytes);

    const struct backup_wish wish = back(&p);
    good(d, backup_restore(&wish, &again, &d->err));
    assert_int_equal(again.rows, facts.rows);
    good(d, db_open(p.url, &other, &d->err));
    assert_true(contents(d, d->db) == contents(d, other));

    /* An id that was given and deleted is not given again; references hold again; events find their index. */
    good(d, db_insert(other, "insert into term (kind, value) values ('service', 'new') returning id", DB_NONE,
                      &id, &d->err));
    assert_int_equal(id, 6);
    assert_false(db_run(other, "update person set department = 77", DB_NONE, NULL, &d->err));
    assert_int_equal(d->err.code, IMW_ERROR_VALUE);
    good(d, db_query_int(other, "select id from event_20261123 where time_us = ?",
                         DB_ARGS(db_int(3 * 977 * 7)), &seen, NULL, &d->err));
    assert_int_equal(seen, 20261123LL * 100000 + 7);
    db_close(other);
    char key[200];
    snprintf(key, sizeof key, "%s/keys/front/key.pem", p.other);
    assert_int_equal(stat(key, &st), 0);
    assert_int_equal(st.st_size, strlen("also secret"));

    /* Now it is not empty: neither the database nor the keys. */
    assert_false(backup_restore(&wish, &again, &d->err));
    struct backup_wish bare = wish;
    bare.data = d->folder;
    assert_false(backup_restore(&bare, &again, &d->err));
    assert_true(strstr(d->err.text, "empty") != NULL);
    snprintf(key, sizeof key, "%s/keys", d->folder);
    assert_int_not_equal(access(key, F_OK), 0);
    /* A backup is never written over. */
    assert_false(backup_write(&p.wish, &facts, &d->err));
}

static void test_it_comes_back_into_sqlite(struct database *d)
{
    comes_back_into(d, DB_SQLITE);
}

static void test_it_comes_back_into_postgresql(struct database *d)
{
    comes_back_into(d, DB_POSTGRES);
}

static void test_without_keys_there_are_none(struct database *d)
{
    struct place p;
    struct backup_facts facts = { 0 };
    char command[400];

    place_make(d, DB_SQLITE, &p);
    good(d, backup_write(&p.wish, &facts, &d->err));
    assert_int_equal(facts.keys, 0);
    /* Any tar of Debian lists it. */
    snprintf(command, sizeof command,
             "tar --zstd -tf %s | grep -q manifest.json && ! tar --zstd -tf %s | grep keys/", p.path, p.path);
    assert_int_equal(system(command), 0);
}

static bool restores(struct database *d, struct place *p, struct view bytes)
{
    const struct backup_wish wish = back(p);
    struct backup_facts facts = { 0 };
    FILE *f = fopen(p->path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes.at, 1, bytes.len, f), bytes.len);
    fclose(f);
    d->err = (struct imw_error_info){ 0 };
    return backup_restore(&wish, &facts, &d->err);
}

/* Each octet of the beginning and of the end, many between, and every kind of cut. */
static void test_damage_is_told_and_nothing_written(struct database *d)
{
    static uint8_t bytes[1 << 20];
    struct place p;
    struct backup_facts facts = { 0 };
    char path[200];

    good(d, db_run(d->db, "insert into department (name) values ('x')", DB_NONE, NULL, &d->err));
    place_make(d, DB_SQLITE, &p);
    p.wish.with_keys = true;
    good(d, backup_write(&p.wish, &facts, &d->err));
    FILE *f = fopen(p.path, "r");
    assert_non_null(f);
    const size_t size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    assert_int_equal(size, facts.bytes);

    for (size_t at = 0; at < size; at += at < 600 || at + 100 > size ? 1 : 13) {
        bytes[at] ^= (uint8_t)(1u << (at % 8));
        if (restores(d, &p, (struct view){ bytes, size }))
            fail_msg("octet %zu may change", at);
        bytes[at] ^= (uint8_t)(1u << (at % 8));
        assert_int_equal(d->err.code, IMW_ERROR_FORMAT);
        assert_true(strstr(d->err.text, "damaged") != NULL || strstr(d->err.text, "no backup") != NULL);
    }
    for (size_t length = 0; length < size; length += length < 200 || length + 100 > size ? 1 : 29) {
        assert_false(restores(d, &p, (struct view){ bytes, length }));
        assert_int_equal(d->err.code, IMW_ERROR_FORMAT);
    }
    snprintf(path, sizeof path, "%s/test.db", p.other);
    assert_int_not_equal(access(path, F_OK), 0);
    snprintf(path, sizeof path, "%s/keys", p.other);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_true(restores(d, &p, (struct view){ bytes, size }));
}

/* What is written meanwhile is in it as a whole or not at all. */
static void test_a_backup_is_one_moment(struct database *d)
{
    struct place p;
    struct backup_facts facts = { 0 };
    struct db *other = NULL;
    int64_t a = -1, b = -2;

    place_make(d, DB_SQLITE, &p);
    good(d, db_begin(d->db, true, &d->err));
    good(d,
         db_run(d->db, "insert into event_counter (name, value) values ('half', 1)", DB_NONE, NULL, &d->err));
    good(d, backup_write(&p.wish, &facts, &d->err)); /* beside a writer that has not committed */
    good(d, db_run(d->db, "insert into term (kind, value) values ('half', 'two')", DB_NONE, NULL, &d->err));
    good(d, db_commit(d->db, &d->err));
    const struct backup_wish wish = back(&p);
    good(d, backup_restore(&wish, &facts, &d->err));
    good(d, db_open(p.url, &other, &d->err));
    good(d, db_query_int(other, "select count(*) from event_counter where name = 'half'", DB_NONE, &a, NULL,
                         &d->err));
    good(d, db_query_int(other, "select count(*) from term where kind = 'half'", DB_NONE, &b, NULL, &d->err));
    assert_int_equal(a, 0);
    assert_int_equal(b, 0);
    db_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_it_comes_back_into_sqlite),   ON_BOTH(test_it_comes_back_into_postgresql),
        ON_BOTH(test_without_keys_there_are_none), ON_BOTH(test_damage_is_told_and_nothing_written),
        ON_BOTH(test_a_backup_is_one_moment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
