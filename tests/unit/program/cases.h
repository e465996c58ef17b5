/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts, persons and events for the tests of incidents, reveals and policies. */
#pragma once
#include "program/act.h"
#include "program/person_text.h"
#include "store/database.h"
#include "store/event_store.h"

enum { HOUR_S = 3600 };
static const uint64_t cases_now = UINT64_C(1795600000000000); /* 2026-11-25 */

static inline int64_t add_person(struct database *d, const char *name)
{
    int64_t id;

    good(d, db_insert(d->db,
                      "insert into person (pseudonym, name, email, source, state, joined_us, changed_us) "
                      "values (?, ?, ?, 'hand', 'active', 0, 0) returning id",
                      DB_ARGS(db_text(name), db_text(name), db_text("a@b")), &id, &d->err));
    good(d, person_text_keep(d->db, id, &d->err));
    return id;
}

static inline int64_t add_account(struct database *d, const char *name, const char *roles, int64_t person)
{
    int64_t id;

    good(d, db_insert(d->db,
                      "insert into account (name, full_name, source, roles, person, state, created_us) "
                      "values (?, ?, 'local', ?, ?, 'active', 0) returning id",
                      DB_ARGS(db_text(name), db_text(name), db_text(roles),
                              person != 0 ? db_int(person) : db_null()),
                      &id, &d->err));
    return id;
}

static inline struct actor actor_of(int64_t account, const char *name, const char *roles)
{
    struct actor a = { .account = account };

    snprintf(a.name, sizeof a.name, "%s", name);
    assert_true(roles_parse(roles, &a.roles));
    a.permissions = permissions_of(a.roles);
    return a;
}

static inline struct act act_by(struct database *d, const struct actor *actor)
{
    return (struct act){ .db = d->db, .actor = actor, .address = "192.0.2.1", .now_us = cases_now };
}

/* Run in a transaction of its own, as a request is: what failed is rolled back. */
#define DO(d, a, call)                                                                                       \
    (db_begin((a)->db, true, &(d)->err) &&                                                                   \
     (((a)->problem = ACT_FINE, (call)) ? db_commit((a)->db, &(d)->err) : (db_rollback((a)->db), false)))

static inline int64_t audit_count(struct database *d, const char *act)
{
    int64_t n = -1;

    good(d, db_query_int(d->db, "select count(*) from audit where act = ?", DB_ARGS(db_text(act)), &n, NULL,
                         &d->err));
    return n;
}

/* Store lines as a sensor's. */
static inline void store_lines(struct database *d, const char *lines)
{
    struct ingest_counts counts = { 0 };
    struct ingest *i;
    int64_t sensor = 0;
    bool found;

    good(d, db_query_int(d->db, "select id from sensor", DB_NONE, &sensor, &found, &d->err));
    if (!found)
        good(d, db_insert(
                    d->db,
                    "insert into sensor (name, kind, state, enrolled_us) values ('s', 'sensor', 'active', 0) "
                    "returning id",
                    DB_NONE, &sensor, &d->err));
    good(d, ingest_new(d->db, sensor, &i, &d->err));
    good(d, db_begin(d->db, true, &d->err));
    good(d, ingest_lines(i, view_string(lines), cases_now, &counts, &d->err));
    good(d, db_commit(d->db, &d->err));
    ingest_free(i);
    if (counts.refused > 0)
        fail_msg("refused: %s", counts.refusal);
}
