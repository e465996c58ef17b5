/* SPDX-License-Identifier: Apache-2.0 */
/* Retention: what is due goes, nothing else, and what went is proved. */
#include "program/audit.h"
#include "program/retention.h"
#include "store/database.h"
#include "store/event_parts.h"
#include <stdio.h>

static const uint64_t now_us = (uint64_t)1795600000 * 1000000; /* 2026-11-25 */

static void run(struct database *d, const char *sql, int64_t number)
{
    good(d, db_run(d->db, sql, DB_ARGS(db_int(number)), NULL, &d->err));
}

static void test_what_is_due_goes_and_nothing_else(struct database *d)
{
    const int64_t old_us = (int64_t)now_us - 3000 * DAY_US, new_us = (int64_t)now_us - 3 * DAY_US;
    const int old_day = day_of(old_us), new_day = day_of(new_us);
    uint64_t removed = 0;
    json_t *all = NULL;

    good(d, db_migrate(d->url, &d->err));
    good(d, partition_prepare(d->db, &d->err));
    good(d, db_begin(d->db, true, &d->err));
    good(d, partition_make(d->db, old_day, &d->err));
    good(d, partition_make(d->db, new_day, &d->err));
    run(d, "update event_day set events = 5 where day = ?", old_day);
    run(d, "insert into who (id, address, login, host) values (?, 'old', '', '')", 1);
    run(d, "insert into who (id, address, login, host) values (?, 'new', '', '')", 2);
    run(d, "insert into who (id, address, login, host) values (?, 'of an incident', '', '')", 3);
    static const char *const sums =
        "insert into usage_who (day, who, service, action, events, flows, messages, files, "
        "alerts, stopped, bytes_out, bytes_in, last_us) values (?, ?, 1, 1, 1, 1, 1, 1, 1, "
        "1, 1, 1, 1)";
    good(d, db_run(d->db, sums, DB_ARGS(db_int(old_day), db_int(1)), NULL, &d->err));
    good(d, db_run(d->db, sums, DB_ARGS(db_int(new_day), db_int(2)), NULL, &d->err));
    static const char *const incident =
        "insert into incident (title, detector, key, severity, state, who, first_us, last_us, alerts, changed_us, "
        "closed_us) values ('t', 'worm', 'k', 1, ?, 3, 1, 1, 1, 1, ?)";
    good(d, db_run(d->db, incident, DB_ARGS(db_text("closed"), db_int(old_us)), NULL, &d->err));
    good(d, db_run(d->db, incident, DB_ARGS(db_text("closed"), db_int(new_us)), NULL, &d->err));
    good(d, db_run(d->db, incident, DB_ARGS(db_text("open"), db_null()), NULL, &d->err));
    run(d,
        "insert into incident_note (incident, time_us, kind, text) select min(id), ?, 'note', 'n' from incident",
        1);
    static const char *const mail = "insert into mail (key, kind, address, subject, text, state, created_us, "
                                    "next_us, ended_us) values (?, 'k', 'a@b.example', 's', 't', ?, 1, 1, ?)";
    good(d, db_run(d->db, mail, DB_ARGS(db_text("1"), db_text("sent"), db_int(old_us)), NULL, &d->err));
    good(d, db_run(d->db, mail, DB_ARGS(db_text("2"), db_text("failed"), db_int(new_us)), NULL, &d->err));
    good(d, db_run(d->db, mail, DB_ARGS(db_text("3"), db_text("waiting"), db_null()), NULL, &d->err));
    good(d, db_commit(d->db, &d->err));

    good(d, retention_run(d->db, now_us, &removed, &d->err));
    assert_int_equal(removed, 5 + 1 + 1 + 1);
    assert_int_equal(database_number(d, "select count(*) from event_day"), 1);
    assert_int_equal(database_number(d, "select count(*) from usage_who"), 1);
    assert_int_equal(database_number(d, "select count(*) from who"), 2);
    assert_int_equal(database_number(d, "select count(*) from who where address = 'old'"), 0);
    assert_int_equal(database_number(d, "select count(*) from incident"), 2);
    assert_int_equal(database_number(d, "select count(*) from incident_note"), 0);
    assert_int_equal(database_number(d, "select count(*) from mail"), 2);
    assert_int_equal(database_number(d, "select count(*) from retention_run"), 4);
    assert_int_equal(database_number(d, "select count(*) from audit where act = 'retention.remove'"), 4);
    assert_int_equal(database_number(d, "select min(length(digest)) from retention_run"), 32);

    good(d, retention_run(d->db, now_us, &removed, &d->err)); /* nothing is due twice */
    assert_int_equal(removed, 0);
    assert_int_equal(database_number(d, "select count(*) from retention_run"), 4);

    good(d, retention_json(d->db, now_us, &all, &d->err));
    assert_int_equal(json_array_size(json_object_get(all, "kinds")), 14);
    assert_int_equal(json_array_size(json_object_get(all, "runs")), 4);
    json_decref(all);
}

static bool sign(void *context, struct view text, uint8_t out_signature[64], uint8_t out_key[32],
                 struct imw_error_info *err)
{
    (void)context, (void)text, (void)err; /* who signs is another test's */
    memset(out_signature, 1, 64);
    memset(out_key, 2, 32);
    return true;
}

static void add(struct database *d, uint64_t time_us)
{
    const struct actor actor = { .name = "anna" };

    good(d, db_begin(d->db, true, &d->err));
    good(d, audit_add(d->db, &actor, NULL, "session.begin", "anna", NULL, time_us, &d->err));
    good(d, db_commit(d->db, &d->err));
}

static void test_the_trail_goes_up_to_a_checkpoint_after_its_years(struct database *d)
{
    const uint64_t old_us = now_us - (uint64_t)(8 * 366 * DAY_US);
    uint64_t removed = 0;

    good(d, db_migrate(d->url, &d->err));
    add(d, old_us);
    add(d, old_us);
    good(d, audit_checkpoint(d->db, sign, NULL, old_us, &d->err));
    add(d, old_us); /* no checkpoint of its time is behind it */
    add(d, now_us);
    good(d, retention_run(d->db, now_us, &removed, &d->err));
    assert_int_equal(removed, 2);
    assert_int_equal(
        database_number(d, "select count(*) from retention_run where kind = 'audit' and removed = 2"), 1);
    assert_int_equal(database_number(d, "select count(*) from retention_run r join audit_checkpoint c on "
                                        "c.hash = r.digest"),
                     1);
    assert_int_equal(database_number(d, "select count(*) from audit where act = 'audit.expire'"), 1);
    assert_int_equal(database_number(d, "select min(seq) from audit"), 3);
    good(d, retention_run(d->db, now_us, &removed, &d->err));
    assert_int_equal(removed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { ON_BOTH(test_what_is_due_goes_and_nothing_else),
                                        ON_BOTH(test_the_trail_goes_up_to_a_checkpoint_after_its_years) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
