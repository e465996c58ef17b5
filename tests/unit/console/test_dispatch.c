/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers within their transaction: what they did and its audit record stand or fall together, and nobody is
 * told of it before it stands. */
#include "console/dispatch.h"
#include "console/serve.h"
#include "program/keeper.h"
#include "program/setting.h"
#include "store/database.h"

#define NOW (UINT64_C(1790000000) * 1000000)
#define PASSWORD "correct horse battery"

/* ---- handlers ---- */

static bool act(struct call *c)
{
    struct imw_error_info err = { 0 };

    call_changed(c, CHANGE_POLICY);
    return call_audit(c, "setting.change", NULL, "setting:%d", 1) &&
           db_run(c->db, "update account set full_name = 'Changed'", DB_NONE, NULL, &err);
}

static void handle_done(struct call *c)
{
    assert_true(db_in_transaction(c->db) && act(c));
    assert_int_equal(changes_seen(c->api->changes, CHANGE_POLICY), 0); /* not before the commit */
    call_nothing(c);
}

static void handle_refused(struct call *c)
{
    assert_true(act(c));
    call_problem(c, 409, NULL, "somebody else was first");
}

static void handle_silent(struct call *c)
{
    assert_true(act(c));
}

static void handle_broken(struct call *c)
{
    struct imw_error_info err = { 0 };

    assert_true(act(c));
    assert_false(db_run(c->db, "insert into no_such_table values (1)", DB_NONE, NULL, &err));
    call_nothing(c); /* an answer that forgot to look: its commit is refused */
}

/* One that ends the dispatcher's transaction, waits for somebody, and has its own. */
static void handle_apart(struct call *c)
{
    struct imw_error_info err = { 0 };

    db_rollback(c->db);
    assert_true(db_begin(c->db, true, &err) && act(c) && db_commit(c->db, &err));
    call_nothing(c);
}

static void handle_apart_refused(struct call *c)
{
    db_rollback(c->db);
    call_problem(c, 502, NULL, "nobody answers");
}

/* ---- asking ---- */

struct asker {
    struct database *d;
    struct api api;
    char cookie[SESSION_SECRET_SIZE + 32], csrf[SESSION_SECRET_SIZE];
};

static void asker_begin(struct asker *a, struct database *d)
{
    const struct account_new anna = {
        .name = "anna", .full_name = "Anna", .hash = "$" PASSWORD, .roles = 1u << ROLE_ENGINEER
    };
    const struct sign_in in = { "anna", PASSWORD, NULL, "10.1.2.3", "test" };
    struct test_keeper k;
    struct sign_in_result r = { 0 };
    struct session s;
    int64_t id;
    bool found;

    *a = (struct asker){ .d = d, .api = { .changes = changes_new() } };
    assert_non_null(a->api.changes);
    test_keeper_init(&k);
    good(d, db_begin(d->db, true, &d->err));
    good(d, account_create(d->db, &anna, NOW, &id, &d->err));
    good(d, setting_set(d->db, SETTING_ID_SECOND_FACTOR, "", NOW, &d->err));
    good(d, db_commit(d->db, &d->err));
    good(d, session_sign_in(d->db, &k.table, &in, NOW, &r, &d->err));
    assert_int_equal(r.answer, SIGN_IN_DONE);
    good(d, session_actor(d->db, view_string(r.secret), NOW, &s, &found, &d->err));
    assert_true(found);
    snprintf(a->cookie, sizeof a->cookie, "a=b; __Host-imward=%s", r.secret);
    memcpy(a->csrf, s.csrf, sizeof a->csrf);
}

struct asked {
    enum method method;
    enum permission permission;
    void (*handle)(struct call *c);
    const char *site; /* Sec-Fetch-Site */
    bool stranger;    /* without the cookie */
};

static unsigned ask(struct asker *a, struct asked asked)
{
    const struct route route = { .method = asked.method,
                                 .path = "/api/v1/test",
                                 .permission = asked.permission,
                                 .handle = asked.handle,
                                 .name = "test" };
    const struct request_in in = { .route = &route,
                                   .address = "10.1.2.3",
                                   .cookie = asked.stranger ? NULL : a->cookie,
                                   .csrf = a->csrf,
                                   .fetch_site = asked.site };
    struct call_answer answer;

    answer_init(&answer);
    dispatch(&a->api, a->d->db, &in, NOW, &answer);
    unsigned status = answer.status;
    answer_fini(&answer);
    assert_false(db_in_transaction(a->d->db)); /* whatever the handler did */
    return status;
}

/* What was done and its record, and who was told: all of it, or nothing. */
static void expect(struct asker *a, bool done, unsigned told)
{
    struct database *d = a->d;

    assert_int_equal(database_number(d, "select count(*) from account where full_name = 'Changed'"), done);
    assert_int_equal(database_number(d, "select count(*) from audit where act = 'setting.change'"), done);
    assert_int_equal(changes_seen(a->api.changes, CHANGE_POLICY), told);
    assert_int_equal(changes_seen(a->api.changes, CHANGE_EVENTS), 0);
}

/* ---- tests ---- */

static void test_what_was_done_stands_below_400(struct database *d)
{
    struct asker a;

    asker_begin(&a, d);
    assert_int_equal(ask(&a, (struct asked){ METHOD_POST, PERMISSION_SELF, handle_done, NULL, false }), 204);
    expect(&a, true, 1);
}

static void test_what_was_refused_leaves_nothing(struct database *d)
{
    static const struct {
        void (*handle)(struct call *c);
        unsigned status;
    } cases[] = {
        { handle_refused, 409 }, { handle_silent, 500 }, { handle_broken, 500 }, { handle_apart_refused, 502 }
    };
    struct asker a;

    asker_begin(&a, d);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(ask(&a, (struct asked){ METHOD_PUT, PERMISSION_SELF, cases[i].handle, NULL, false }),
                         cases[i].status);
        expect(&a, false, 0);
    }
    /* The connection is as good as before. */
    assert_int_equal(ask(&a, (struct asked){ METHOD_PUT, PERMISSION_SELF, handle_done, NULL, false }), 204);
    expect(&a, true, 1);
}

static void test_a_handler_may_have_its_own_transaction(struct database *d)
{
    struct asker a;

    asker_begin(&a, d);
    assert_int_equal(ask(&a, (struct asked){ METHOD_POST, PERMISSION_SELF, handle_apart, NULL, false }), 204);
    expect(&a, true, 1);
}

/* A question by POST, as a policy that is only checked: it reads, and no more. */
static void handle_question(struct call *c)
{
    struct imw_error_info err = { 0 };

    db_rollback(c->db);
    assert_true(db_begin(c->db, false, &err));
    call_json(c, 200, json_pack("{}"));
}

static void test_who_asks_is_active_also_where_nothing_is_written(struct database *d)
{
    struct asker a;

    asker_begin(&a, d);
    for (unsigned i = 0; i < 2; i++) {
        good(d, db_run(d->db, "update session set seen_us = ?", DB_ARGS(db_int((int64_t)(NOW - 120000000))),
                       NULL, &d->err));
        const struct asked asked = { METHOD_POST, PERMISSION_SELF, i == 0 ? handle_question : handle_refused,
                                     NULL, false };
        assert_int_equal(ask(&a, asked), i == 0 ? 200 : 409);
        assert_int_equal(database_number(d, "select seen_us from session"), (int64_t)NOW);
    }
}

static void handle_read(struct call *c)
{
    call_json(c, 200, json_pack("{}"));
}

static void test_who_may_not_does_not_reach_the_handler(struct database *d)
{
    struct asker a;

    asker_begin(&a, d);
    assert_int_equal(ask(&a, (struct asked){ METHOD_POST, PERMISSION_SELF, handle_done, NULL, true }), 401);
    assert_int_equal(
        ask(&a, (struct asked){ METHOD_POST, PERMISSION_SELF, handle_done, "cross-site", false }), 403);
    assert_int_equal(
        ask(&a, (struct asked){ METHOD_POST, PERMISSION_ACCOUNT_WRITE, handle_done, NULL, false }), 403);
    a.csrf[3] ^= 1;
    assert_int_equal(ask(&a, (struct asked){ METHOD_POST, PERMISSION_SELF, handle_done, NULL, false }), 403);
    expect(&a, false, 0);
}

/* Back from an OpenID provider a browser says that another site sent it. */
static void test_a_public_page_may_be_reached_from_another_site(struct database *d)
{
    struct asker a;

    asker_begin(&a, d);
    assert_int_equal(
        ask(&a, (struct asked){ METHOD_GET, PERMISSION_PUBLIC, handle_read, "cross-site", true }), 200);
    assert_int_equal(
        ask(&a, (struct asked){ METHOD_POST, PERMISSION_PUBLIC, handle_done, "cross-site", true }), 403);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_what_was_done_stands_below_400),
        ON_BOTH(test_what_was_refused_leaves_nothing),
        ON_BOTH(test_a_handler_may_have_its_own_transaction),
        ON_BOTH(test_who_asks_is_active_also_where_nothing_is_written),
        ON_BOTH(test_who_may_not_does_not_reach_the_handler),
        ON_BOTH(test_a_public_page_may_be_reached_from_another_site),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
