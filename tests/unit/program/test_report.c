/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports as PDF: drawn from a filled store on both databases, the same octets each time, on as many pages as
 * it takes or on one; strangers' texts of every kind stay where they belong. REPORT_OUT=DIR keeps them.
 */
#include "base/hash.h"
#include "program/cases.h"
#include "program/report.h"
#include "program/report_parts.h"
#include <fontconfig/fontconfig.h>
#include <pango/pangocairo.h>
#include <stdlib.h>

static const uint64_t first_us = UINT64_C(1790812800000000); /* 2026-10-01 */
static const uint64_t last_us = UINT64_C(1798761600000000);  /* 2027-01-01 */

static void run_sql(struct database *d, const char *sql, const struct db_value *args, unsigned count)
{
    good(d, db_run(d->db, sql, args, count, NULL, &d->err));
}

/* Three services in three departments over a quarter. */
static void fill_usage(struct database *d)
{
    static const char *const services[] = { "whatsapp", "telegram", "an-unusually-long-service-name" };
    static const char *const departments[] = { "Retail Banking", "Trading", "Operations & Technology" };
    static const char zeros[] = ", ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)";
    char sql[300];

    for (unsigned i = 0; i < 3; i++) {
        run_sql(d, "insert into term (kind, value) values ('service', ?)", DB_ARGS(db_text(services[i])));
        run_sql(d, "insert into department (name) values (?)", DB_ARGS(db_text(departments[i])));
    }
    for (unsigned day = 0; day < 92; day++) {
        const int64_t start = (int64_t)first_us + day * DAY_US;

        for (int64_t service = 1; service <= 3; service++) {
            const int64_t id =
                database_number(d, "select min(id) from term where kind = 'service'") + service - 1;
            const int64_t action = 1 + (day + service) % 3, flows = 40 * (4 - service) + day % 7 * 9;
            const int64_t stopped = action == 3 ? flows - 3 : 0;
            static const char *const tables[][2] = { { "usage_service_day", "?" },
                                                     { "usage_service_hour", "?" },
                                                     { "usage_day", "?, ?" } };
            for (unsigned t = 0; t < 3; t++) {
                const int64_t at = t == 1 ? start / HOUR_US + 9 : day_of(start);
                struct db_value args[16];
                unsigned n = 0;

                snprintf(sql, sizeof sql, "insert into %s values (%s%s", tables[t][0], tables[t][1], zeros);
                args[n++] = db_int(at);
                if (t == 2)
                    args[n++] = db_int(service);
                args[n++] = db_int(id);
                args[n++] = db_int(action);
                args[n++] = db_int(flows * 3); /* events */
                args[n++] = db_int(flows);
                args[n++] = db_int(4);
                args[n++] = db_int(flows * 2); /* messages */
                args[n++] = db_int(day % 5);   /* files */
                args[n++] = db_int(day % 9 == 0);
                args[n++] = db_int(stopped);
                args[n++] = db_int(flows * 5000);
                args[n++] = db_int(flows * 90000);
                assert_int_equal(n, t == 2 ? 13 : 12);
                run_sql(d, sql, args, n);
            }
        }
    }
}

static const char *const hostile[] = {
    "Pneumonoultramicroscopicsilicovolcanoconiosispneumonoultramicroscopicsilicovolcanoconiosisandfurther",
    "\xe2\x80\xaetxet desrever\xe2\x80\xac \xe2\x81\xa6isolated",
    "שלום עולם, مرحبا بالعالم",
    "emoji 🙂👩‍👩‍👧‍👦 \xf0\x9f\x8f\xb4",
    "line\nend\ttab \x01\x02 bell\x07",
    "z\xcd\xa7\xcc\x91\xcc\x93\xcc\xa4\xcd\x94\xcd\xa7\xcc\x91\xcc\x93\xcc\xa4\xcd\x94 marks",
    "<b>markup</b> & =cmd()|' /C calc'!A0",
    "日本語の文章、とても長い日本語の文章、とても長い日本語の文章",
};
enum { HOSTILE = sizeof hostile / sizeof hostile[0] };

static void fill_incidents(struct database *d, unsigned count)
{
    static const char *const states[] = { "new", "open", "contained", "closed", "false-alarm" };
    static const char *const detectors[] = { "malware", "leaks", "worm", "links", "enforcement" };

    for (unsigned i = 0; i < count; i++) {
        const int64_t at = (int64_t)first_us + i * DAY_US / 2;
        const bool closed = i % 5 >= 3;

        run_sql(d,
                "insert into incident (title, detector, key, severity, state, first_us, last_us, alerts, "
                "changed_us, closed_us, outcome) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                DB_ARGS(db_text(hostile[i % HOSTILE]), db_text(detectors[i % 5]), db_text("k"),
                        db_int(1 + i % 3), db_text(states[i % 5]), db_int(at), db_int(at + HOUR_US),
                        db_int(i + 1), db_int(at + HOUR_US), closed ? db_int(at + 30 * HOUR_US) : db_null(),
                        closed ? db_text("The machine was cleaned and the user told.") : db_null()));
    }
}

static struct evidence_data *read_all(struct database *d, uint64_t from, uint64_t until)
{
    const struct evidence_period period = { from, until };
    struct evidence_data *data;

    good(d, evidence_data_new(&period, 200, &data, &d->err));
    const struct evidence_reader reader = evidence_data_reader(data), *const readers[] = { &reader };
    good(d, evidence_read(d->db, &period, readers, 1, &d->err));
    return data;
}

struct drawn {
    char *at;
    size_t len, pieces, fail_at;
};
static bool take_piece(void *context, struct view bytes, struct imw_error_info *err)
{
    struct drawn *o = context;

    if (o->fail_at != 0 && ++o->pieces == o->fail_at)
        return error_set(err, IMW_ERROR_LIMIT, "the disk is full");
    o->at = realloc(o->at, o->len + bytes.len);
    assert_non_null(o->at);
    memcpy(o->at + o->len, bytes.at, bytes.len);
    o->len += bytes.len;
    return true;
}

static unsigned count_of(const struct drawn *o, const char *word)
{
    struct view rest = view_of(o->at, o->len);
    unsigned n = 0;

    for (size_t at; (at = view_find(rest, view_string(word))) < rest.len; n++)
        rest = view_from(rest, at + 1);
    return n;
}

static void keep(const struct drawn *o, const char *name)
{
    const char *folder = getenv("REPORT_OUT");
    char path[300];

    if (folder == NULL)
        return;
    snprintf(path, sizeof path, "%s/%s.pdf", folder, name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(o->at, 1, o->len, f), o->len);
    fclose(f);
}

static struct report_scope scope_of(const struct evidence_data *data)
{
    return (struct report_scope){
        .period = data->period,
        .asked_us = last_us + 9 * (uint64_t)HOUR_US,
        .institution = "First Example Bank of Springfield, N.A.",
        .prepared_for = "Federal Deposit Insurance Corporation, Field Office Chicago",
        .prepared_by = "Carla Compliance",
        .package = "42",
        .key = "3b6a27bcceb6a42d62a3a8d02a6f0d73 653215771de243a63ac048a18b59da29",
        .statement = "",
        .statement_by = "",
    };
}

static void test_a_period_is_drawn_the_same_each_time(struct database *d)
{
    struct drawn one = { 0 }, two = { 0 };

    good(d, db_begin(d->db, true, &d->err));
    fill_usage(d);
    fill_incidents(d, 60);
    good(d, db_commit(d->db, &d->err));
    struct evidence_data *data = read_all(d, first_us, last_us);
    assert_int_equal(evidence_find_figure(data, "usage", "flows")->value,
                     database_number(d, "select cast(sum(flows) as bigint) from usage_service_day"));
    assert_int_equal(evidence_find_table(data, "usage", "weeks")->rows, 14);
    assert_int_equal(evidence_find_table(data, "usage", "departments")->rows, 3);
    char value[32];
    report_value(data, "signatures", "percent", value); /* nobody owes any */
    assert_string_equal(value, "–");
    report_value(data, "signatures", "owed", value);
    assert_string_equal(value, "0");
    const struct report_scope scope = scope_of(data);
    good(d, report_draw(REPORT_PERIOD, &scope, data, NULL, take_piece, &one, &d->err));
    good(d, report_draw(REPORT_PERIOD, &scope, data, NULL, take_piece, &two, &d->err));
    assert_int_equal(one.len, two.len);
    assert_memory_equal(one.at, two.at, one.len);
    assert_memory_equal(one.at, "%PDF-1.", 7);
    keep(&one, d->kind == DB_SQLITE ? "period-sqlite" : "period-postgres");
    assert_true(count_of(&one, "/Type /Page %") > 12);
    free(one.at);
    free(two.at);
    evidence_data_free(data);
}

static void test_the_board_reads_one_page(struct database *d)
{
    struct drawn o = { 0 };
    char statement[4001];

    good(d, db_begin(d->db, true, &d->err));
    fill_usage(d);
    fill_incidents(d, 20);
    good(d, db_commit(d->db, &d->err));
    struct evidence_data *data = read_all(d, first_us, last_us);
    struct evidence_data *before = read_all(d, first_us - 92 * (uint64_t)DAY_US, first_us);
    struct report_scope scope = scope_of(data);
    scope.statement =
        "Public messengers stay blocked in every department but Trading, where WhatsApp is allowed for "
        "contact with clients through the archived gateway.\n\nThe board is asked:\n1. to confirm the "
        "policy of 1 October;\n2. to accept the risk of voice calls until March;\n3. to fund the "
        "replacement of the two gateways.";
    scope.statement_by =
        "Written by Carla Compliance on 2027-01-04, signed off by Otto Officer on 2027-01-05.";
    good(d, report_draw(REPORT_BOARD, &scope, data, before, take_piece, &o, &d->err));
    keep(&o, "board");
    assert_int_equal(count_of(&o, "/Type /Page %"), 1);
    o.len = 0;
    for (size_t i = 0; i < sizeof statement - 1; i++)
        statement[i] = i % 40 == 39 ? '\n' : i % 7 == 6 ? ' ' : 'm';
    statement[sizeof statement - 1] = '\0';
    scope.statement = statement;
    good(d, report_draw(REPORT_BOARD, &scope, data, before, take_piece, &o, &d->err));
    assert_int_equal(count_of(&o, "/Type /Page %"), 1);
    keep(&o, "board-long");
    scope.statement = "";
    o.len = 0;
    good(d, report_draw(REPORT_BOARD, &scope, data, NULL, take_piece, &o, &d->err));
    assert_int_equal(count_of(&o, "/Type /Page %"), 1);
    free(o.at);
    evidence_data_free(data);
    evidence_data_free(before);
}

static void test_what_cannot_be_written_is_told(struct database *d)
{
    struct drawn o = { .fail_at = 2 };
    struct evidence_data *data = read_all(d, first_us, last_us);
    const struct report_scope scope = scope_of(data);

    assert_false(report_draw(REPORT_PERIOD, &scope, data, NULL, take_piece, &o, &d->err));
    assert_string_equal(d->err.text, "the disk is full");
    free(o.at);
    evidence_data_free(data);
}

/* What the libraries keep for themselves goes, so that a leak of ours is seen. */
static int end_libraries(void **state)
{
    (void)state;
    cairo_debug_reset_static_data();
    FcFini();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_a_period_is_drawn_the_same_each_time),
        ON_BOTH(test_the_board_reads_one_page),
        ON_SQLITE(test_what_cannot_be_written_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, end_libraries);
}
