/* SPDX-License-Identifier: Apache-2.0 */
/* Names by four eyes: two persons, for a time, shown to who asked alone. */
#include "program/cases.h"
#include "program/reveal.h"
#include <pthread.h>

static const char why[] = "a customer complains about a message of this person";

struct world {
    int64_t subject, a, b, twin, admin;
    struct actor anna, bert, anna_too, root;
};

static struct world make(struct database *d)
{
    struct world w = { .subject = add_person(d, "Doris Doe") };
    int64_t anna = add_person(d, "Anna");

    w.a = add_account(d, "anna", "compliance", anna);
    w.b = add_account(d, "bert", "compliance", 0);
    w.twin = add_account(d, "anna2", "compliance administrator", anna);
    w.admin = add_account(d, "root", "administrator", w.subject);
    w.anna = actor_of(w.a, "anna", "compliance");
    w.bert = actor_of(w.b, "bert", "compliance");
    w.anna_too = actor_of(w.twin, "anna2", "compliance administrator");
    w.root = actor_of(w.admin, "root", "administrator");
    return w;
}

static int64_t ask(struct database *d, struct act *a, int64_t person)
{
    char object[32];
    int64_t id = 0;

    snprintf(object, sizeof object, "%lld", (long long)person);
    good(d, DO(d, a, reveal_ask(a, "person", object, why, 0, &id, &d->err)));
    return id;
}

static void test_a_granted_name_is_shown_to_who_asked_alone(struct database *d)
{
    struct world w = make(d);
    struct act anna = act_by(d, &w.anna), bert = act_by(d, &w.bert);
    int64_t id = ask(d, &anna, w.subject);
    json_t *shown = NULL;
    bool granted;
    char kind = 0;

    assert_false(DO(d, &anna, reveal_show(&anna, id, &kind, &shown, &d->err)));
    assert_int_equal(anna.problem, ACT_FORBIDDEN);
    good(d, reveal_granted(d->db, &w.anna, w.subject, 0, cases_now, &granted, &d->err));
    assert_false(granted);
    good(d, DO(d, &bert, reveal_decide(&bert, id, true, "", 24, &d->err)));
    good(d, DO(d, &anna, reveal_show(&anna, id, &kind, &shown, &d->err)));
    assert_int_equal(kind, 'p');
    assert_string_equal(json_string_value(json_object_get(shown, "name")), "Doris Doe");
    json_decref(shown);
    assert_int_equal(audit_count(d, "reveal.show"), 1);
    good(d, reveal_granted(d->db, &w.anna, w.subject, 0, cases_now, &granted, &d->err));
    assert_true(granted);
    good(d, reveal_granted(d->db, &w.bert, w.subject, 0, cases_now, &granted, &d->err));
    assert_false(granted);
    assert_false(DO(d, &bert, reveal_show(&bert, id, &kind, &shown, &d->err)));
    assert_int_equal(bert.problem, ACT_FORBIDDEN);

    /* the day after, it is over by itself */
    anna.now_us += UINT64_C(24) * HOUR_S * 1000000;
    assert_false(DO(d, &anna, reveal_show(&anna, id, &kind, &shown, &d->err)));
    good(d, reveal_granted(d->db, &w.anna, w.subject, 0, anna.now_us, &granted, &d->err));
    assert_false(granted);
    assert_int_equal(audit_count(d, "reveal.show"), 1);
}

static void test_nobody_decides_on_their_own(struct database *d)
{
    struct world w = make(d);
    struct act anna = act_by(d, &w.anna), bert = act_by(d, &w.bert), twin = act_by(d, &w.anna_too),
               root = act_by(d, &w.root);
    int64_t id = ask(d, &anna, w.subject);

    assert_false(DO(d, &anna, reveal_decide(&anna, id, true, "", 24, &d->err)));
    assert_int_equal(anna.problem, ACT_FORBIDDEN);
    /* a second account of the same person */
    assert_false(DO(d, &twin, reveal_decide(&twin, id, true, "", 24, &d->err)));
    assert_int_equal(twin.problem, ACT_FORBIDDEN);
    /* whom it is about */
    assert_false(DO(d, &root, reveal_decide(&root, id, true, "", 24, &d->err)));
    assert_int_equal(root.problem, ACT_FORBIDDEN);
    /* a token */
    w.bert.token = true;
    assert_false(DO(d, &bert, reveal_decide(&bert, id, true, "", 24, &d->err)));
    assert_int_equal(bert.problem, ACT_FORBIDDEN);
    w.bert.token = false;
    /* the session remembers a role that the account has lost */
    good(d, db_run(d->db, "update account set roles = 'engineer' where id = ?", DB_ARGS(db_int(w.b)), NULL,
                   &d->err));
    assert_false(DO(d, &bert, reveal_decide(&bert, id, true, "", 24, &d->err)));
    assert_int_equal(bert.problem, ACT_FORBIDDEN);
    good(d, db_run(d->db, "update account set roles = 'compliance' where id = ?", DB_ARGS(db_int(w.b)), NULL,
                   &d->err));
    /* who asked may not ask any more */
    good(d, db_run(d->db, "update account set state = 'disabled' where id = ?", DB_ARGS(db_int(w.a)), NULL,
                   &d->err));
    assert_false(DO(d, &bert, reveal_decide(&bert, id, true, "", 24, &d->err)));
    assert_int_equal(bert.problem, ACT_LATE);
    assert_int_equal(database_number(d, "select count(*) from reveal where state <> 'asked'"), 0);
    assert_int_equal(audit_count(d, "reveal.grant"), 0);
}

static void test_a_grant_ends_with_the_role_of_who_asked(struct database *d)
{
    struct world w = make(d);
    struct act anna = act_by(d, &w.anna), bert = act_by(d, &w.bert);
    int64_t id = ask(d, &anna, w.subject);
    json_t *shown;
    bool granted;
    char kind;

    good(d, DO(d, &bert, reveal_decide(&bert, id, true, "", 72, &d->err)));
    good(d, db_run(d->db, "update account set roles = 'engineer' where id = ?", DB_ARGS(db_int(w.a)), NULL,
                   &d->err));
    assert_false(DO(d, &anna, reveal_show(&anna, id, &kind, &shown, &d->err)));
    good(d, reveal_granted(d->db, &w.anna, w.subject, 0, cases_now, &granted, &d->err));
    assert_false(granted);
}

static void test_questions_that_are_refused(struct database *d)
{
    static const struct {
        const char *kind, *object, *reason, *key;
    } wrong[] = {
        { "person", "1", "fourteen chars", "reason" },
        { "person", "1", "              x         ", "reason" },
        { "person", "77", why, "object" },
        { "person", "who:9", why, "object" },
        { "person", "x", why, "object" },
        { "text", "../../etc/passwd", why, "object" },
        { "text", "", why, "object" },
        { "face", "1", why, "kind" },
    };
    struct world w = make(d);
    struct act anna = act_by(d, &w.anna), bert = act_by(d, &w.bert);
    int64_t id;

    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(DO(d, &anna,
                        reveal_ask(&anna, wrong[i].kind, wrong[i].object, wrong[i].reason, 0, &id, &d->err)));
        assert_int_equal(anna.problem, ACT_WRONG);
        assert_string_equal(d->err.key, wrong[i].key);
    }
    id = ask(d, &anna, w.subject);
    assert_false(DO(d, &anna, reveal_ask(&anna, "person", "1", why, 0, &id, &d->err))); /* asked already */
    assert_int_equal(anna.problem, ACT_LATE);
    assert_false(DO(d, &bert, reveal_decide(&bert, id, true, "", 73, &d->err)));
    assert_int_equal(bert.problem, ACT_WRONG);
    assert_false(DO(d, &bert, reveal_decide(&bert, id, false, " ", 0, &d->err)));
    assert_int_equal(bert.problem, ACT_WRONG);
    good(d, DO(d, &bert, reveal_decide(&bert, id, false, "not needed for that", 0, &d->err)));
    assert_false(DO(d, &bert, reveal_decide(&bert, id, true, "", 24, &d->err)));
    assert_int_equal(bert.problem, ACT_LATE);
}

static void test_a_withdrawn_one_is_not_decided_nor_shown(struct database *d)
{
    struct world w = make(d);
    struct act anna = act_by(d, &w.anna), bert = act_by(d, &w.bert);
    int64_t id = ask(d, &anna, w.subject);
    json_t *list = NULL, *shown;
    char kind;

    assert_false(DO(d, &bert, reveal_withdraw(&bert, id, &d->err)));
    assert_int_equal(bert.problem, ACT_FORBIDDEN);
    good(d, DO(d, &bert, reveal_decide(&bert, id, true, "", 24, &d->err)));
    good(d, DO(d, &anna, reveal_withdraw(&anna, id, &d->err)));
    assert_false(DO(d, &anna, reveal_show(&anna, id, &kind, &shown, &d->err)));
    good(d, reveal_list(&anna, "withdrawn", &list, &d->err));
    const json_t *row = json_array_get(list, 0);
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(json_string_value(json_object_get(row, "requester")), "anna");
    assert_true(json_is_true(json_object_get(row, "mine")));
    json_decref(list);
}

/* A client that a person was found for is that person; one of nobody is kept as a client. */
static void test_clients_without_a_person(struct database *d)
{
    struct world w = make(d);
    struct act anna = act_by(d, &w.anna), bert = act_by(d, &w.bert);
    int64_t known, stranger, id;
    bool granted;
    char object[32];

    good(d,
         db_insert(
             d->db,
             "insert into who (address, login, host, person) values ('10.0.0.1', 'dd', 'pc', ?) returning id",
             DB_ARGS(db_int(w.subject)), &known, &d->err));
    good(d, db_insert(d->db,
                      "insert into who (address, login, host) values ('10.0.0.2', 'xx', 'pc') returning id",
                      DB_NONE, &stranger, &d->err));
    snprintf(object, sizeof object, "who:%lld", (long long)known);
    good(d, DO(d, &anna, reveal_ask(&anna, "person", object, why, 0, &id, &d->err)));
    good(d, DO(d, &bert, reveal_decide(&bert, id, true, "", 24, &d->err)));
    good(d, reveal_granted(d->db, &w.anna, w.subject, 0, cases_now, &granted, &d->err));
    assert_true(granted);
    good(d, reveal_granted(d->db, &w.anna, 0, stranger, cases_now, &granted, &d->err));
    assert_false(granted);
    snprintf(object, sizeof object, "who:%lld", (long long)stranger);
    good(d, DO(d, &anna, reveal_ask(&anna, "person", object, why, 0, &id, &d->err)));
    good(d, DO(d, &bert, reveal_decide(&bert, id, true, "", 24, &d->err)));
    good(d, reveal_granted(d->db, &w.anna, 0, stranger, cases_now, &granted, &d->err));
    assert_true(granted);
}

/* ---- races ---- */

struct racer {
    struct db *db;
    const struct actor *actor;
    pthread_barrier_t *start;
    int64_t id;
    bool withdraws, ok;
};

static void *race(void *context)
{
    struct racer *r = context;
    struct imw_error_info err = { 0 };
    struct act a = { .db = r->db, .actor = r->actor, .now_us = cases_now };

    pthread_barrier_wait(r->start);
    if (db_begin(r->db, true, &err)) {
        r->ok =
            r->withdraws ? reveal_withdraw(&a, r->id, &err) : reveal_decide(&a, r->id, true, "", 24, &err);
        if (r->ok)
            r->ok = db_commit(r->db, &err);
        else
            db_rollback(r->db);
    }
    return NULL;
}

static unsigned run_race(struct database *d, struct racer racers[2])
{
    pthread_barrier_t start;
    pthread_t threads[2];

    pthread_barrier_init(&start, NULL, 2);
    for (unsigned i = 0; i < 2; i++) {
        racers[i].start = &start;
        racers[i].ok = false;
        racers[i].db = database_connect(d);
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        db_close(racers[i].db);
    }
    pthread_barrier_destroy(&start);
    return (unsigned)racers[0].ok + (unsigned)racers[1].ok;
}

static void test_of_two_who_decide_at_once_one_does(struct database *d)
{
    struct world w = make(d);
    struct act anna = act_by(d, &w.anna);
    int64_t c = add_account(d, "carl", "compliance", 0);
    struct actor carl = actor_of(c, "carl", "compliance");

    for (int i = 1; i <= 10; i++) {
        int64_t id = ask(d, &anna, add_person(d, (char[]){ 'p', (char)('a' + i), 0 }));
        struct racer racers[2] = { { .actor = &w.bert, .id = id }, { .actor = &carl, .id = id } };
        assert_int_equal(run_race(d, racers), 1);
        assert_int_equal(audit_count(d, "reveal.grant"), i);
    }
}

static void test_a_decision_while_it_is_withdrawn(struct database *d)
{
    struct world w = make(d);
    struct act anna = act_by(d, &w.anna);

    for (int i = 1; i <= 10; i++) {
        int64_t id = ask(d, &anna, add_person(d, (char[]){ 'p', (char)('a' + i), 0 }));
        struct racer racers[2] = { { .actor = &w.bert, .id = id },
                                   { .actor = &w.anna, .id = id, .withdraws = true } };
        bool granted;
        /* first the decision, then both hold; else the decision comes too late: withdrawn it is at any rate
         */
        assert_true(run_race(d, racers) >= 1);
        assert_true(racers[1].ok);
        good(d, reveal_granted(d->db, &w.anna, w.subject, 0, cases_now, &granted, &d->err));
        assert_false(granted);
    }
    assert_int_equal(database_number(d, "select count(*) from reveal where state <> 'withdrawn'"), 0);
    assert_int_equal(audit_count(d, "reveal.withdraw"), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_a_granted_name_is_shown_to_who_asked_alone),
        ON_BOTH(test_nobody_decides_on_their_own),
        ON_BOTH(test_a_grant_ends_with_the_role_of_who_asked),
        ON_BOTH(test_questions_that_are_refused),
        ON_BOTH(test_a_withdrawn_one_is_not_decided_nor_shown),
        ON_BOTH(test_clients_without_a_person),
        ON_BOTH(test_of_two_who_decide_at_once_one_does),
        ON_BOTH(test_a_decision_while_it_is_withdrawn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
