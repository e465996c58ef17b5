/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both databases for a test: each test runs on a new SQLite file, and on a new database of a real PostgreSQL
 * server that the test program starts for itself (as the user postgres, when it runs as root), in a temporary
 * folder and with a Unix socket only. The server ends with the program, however that ends.
 *
 *     static void test_a_thing_holds(struct database *d)
 *     {
 *         assert_true(db_begin(d->db, true, &d->err)) …
 *     }
 *     const struct CMUnitTest tests[] = { ON_BOTH(test_a_thing_holds), cmocka_unit_test(test_something_else)
 * };
 *
 * The schema is there already. Where PostgreSQL is not installed its half is skipped, with a word.
 */
#pragma once
#include "store/db.h"
#include "test.h"

struct database {
    enum db_kind kind;
    char url[256];
    char folder[64]; /* of this test, empty at first but for test.db; removed after it */
    struct db *db;   /* a connection; NULL in a test of ON_BOTH_EMPTY */
    struct imw_error_info err;
};

struct database_test {
    void (*run)(struct database *d);
    enum db_kind kind;
    bool empty;
};

#define ON_ONE_(test, name, kind, empty)                                                                     \
    {                                                                                                        \
#test " on " name, database_test_run, NULL, NULL, &(struct database_test)                            \
        {                                                                                                    \
            test, kind, empty                                                                                \
        }                                                                                                    \
    }
#define ON_SQLITE(test) ON_ONE_(test, "SQLite", DB_SQLITE, false)
#define ON_POSTGRES(test) ON_ONE_(test, "PostgreSQL", DB_POSTGRES, false)
#define ON_BOTH(test) ON_SQLITE(test), ON_POSTGRES(test)
/* Without the schema, and no connection open. */
#define ON_BOTH_EMPTY(test)                                                                                  \
    ON_ONE_(test, "SQLite", DB_SQLITE, true), ON_ONE_(test, "PostgreSQL", DB_POSTGRES, true)
void database_test_run(void **state);

/* A new empty database: its URL. False: no PostgreSQL here. `folder`: where the SQLite file lies. */
bool database_new(enum db_kind kind, const char *folder, char *out, size_t size);

/* Another connection to the same database; the test closes it. */
struct db *database_connect(struct database *d);

/* Fail with the words of the error where `call` is false: good(d, db_commit(d->db, &d->err)). */
#define good(d, call) database_good((call), &(d)->err, #call, __FILE__, __LINE__)
void database_good(bool ok, const struct imw_error_info *err, const char *call, const char *file, int line);
/* The number that a question without arguments gives; fails where there is no row. */
int64_t database_number(struct database *d, const char *sql);
