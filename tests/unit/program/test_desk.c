/* SPDX-License-Identifier: Apache-2.0 */
/* What is open, counted; what waits for whom; and a team's people with what they owe. */
#include "program/cases.h"
#include "program/desk.h"
#include "store/team.h"

static const int64_t day = INT64_C(86400000000);

static void run(struct database *d, const char *sql)
{
    good(d, db_run(d->db, sql, DB_NONE, NULL, &d->err));
}

struct world {
    int64_t mona, anna, bert, carl, author;
    struct actor manager, compliance, other, examiner;
};

static struct actor person_actor(struct database *d, const char *name, const char *roles, int64_t person)
{
    struct actor a = actor_of(add_account(d, name, roles, person), name, roles);

    a.person = person;
    return a;
}

/* Anna and Bert report to Mona; Carl to nobody. Anna owes a signature, overdue; Bert one that is excused. */
static struct world make(struct database *d)
{
    const int64_t now = (int64_t)cases_now;
    struct world w = { .mona = add_person(d, "Mona"), .carl = add_person(d, "Carl") };
    int64_t document, version, course, assignment;

    w.anna = add_person(d, "Anna");
    w.bert = add_person(d, "Bert");
    good(d, db_run(d->db, "update person set manager = ? where id in (?, ?)",
                   DB_ARGS(db_int(w.mona), db_int(w.anna), db_int(w.bert)), NULL, &d->err));
    good(d, team_rebuild(d->db, &d->err));
    w.manager = person_actor(d, "mona", "manager", w.mona);
    w.compliance = person_actor(d, "carl", "compliance", w.carl);
    w.other = person_actor(d, "carl2", "compliance", w.carl);
    w.examiner = person_actor(d, "exa", "examiner", 0);
    w.author = w.compliance.account;
    good(d, db_insert(
                d->db,
                "insert into document (title, audience, due_days, remind_before, remind_every, "
                "escalate_after, created_us, changed_us) values ('Policy', 'everybody', 14, 3, 7, 0, 0, 0) "
                "returning id",
                DB_NONE, &document, &d->err));
    for (unsigned i = 0; i < 2; i++)
        good(d, db_insert(d->db,
                          "insert into document_version (document, edition, text, sha256, state, created_us, "
                          "changed_us, published_us) values (?, ?, 'text', 'x', ?, 0, 0, ?) returning id",
                          DB_ARGS(db_int(document), db_text(i == 0 ? "1" : "2"),
                                  db_text(i == 0 ? "published" : "proposed"),
                                  i == 0 ? db_int(now - 400 * day) : db_null()),
                          &version, &d->err));
    good(d, db_run(d->db, "insert into document_author (version, account) values (?, ?)",
                   DB_ARGS(db_int(version), db_int(w.author)), NULL, &d->err));
    const struct {
        int64_t person, due, excused;
    } duties[] = { { w.anna, now - day, 0 }, { w.bert, now - day, now + day }, { w.carl, now + day, 0 } };
    for (unsigned i = 0; i < 3; i++) {
        good(
            d,
            db_run(d->db,
                   "insert into duty (document, person, version, department, since_us, due_us, excused_us) "
                   "values (?, ?, ?, 0, 0, ?, ?)",
                   DB_ARGS(db_int(document), db_int(duties[i].person), db_int(version), db_int(duties[i].due),
                           duties[i].excused != 0 ? db_int(duties[i].excused) : db_null()),
                   NULL, &d->err));
        good(
            d,
            db_run(
                d->db,
                "insert into duty_sum (document, department, due_us, people) values (?, 0, ?, 1) on conflict "
                "(document, due_us, department) do update set people = duty_sum.people + 1",
                DB_ARGS(db_int(document), db_int(duties[i].due)), NULL, &d->err));
    }
    good(d, db_insert(d->db, "insert into course (state, created_us) values ('published', 0) returning id",
                      DB_NONE, &course, &d->err));
    good(d, db_insert(
                d->db,
                "insert into training_assignment (course, everybody, due_days, after_incident, remind_days, "
                "state, created_us) values (?, 1, 30, 0, '', 'active', 0) returning id",
                DB_ARGS(db_int(course)), &assignment, &d->err));
    good(
        d,
        db_run(
            d->db,
            "insert into training_duty (course, person, assignment, state, reason, assigned_us, due_us) values (?, ?, ?, "
            "'overdue', 'assigned', 0, 1)",
            DB_ARGS(db_int(course), db_int(w.bert), db_int(assignment)), NULL, &d->err));
    good(d, db_run(d->db,
                   "insert into training_sum (course, department, state, people) values (?, 0, 'overdue', 1)",
                   DB_ARGS(db_int(course)), NULL, &d->err));
    return w;
}

static int64_t figure(struct database *d, const struct actor *actor, const char *part, const char *name)
{
    struct act a = act_by(d, actor);
    json_t *desk = NULL;

    good(d, desk_show(&a, &desk, &d->err));
    const json_t *value = json_object_get(json_object_get(desk, part), name);
    assert_true(json_is_integer(value));
    const int64_t n = json_integer_value(value);
    json_decref(desk);
    return n;
}

static int64_t exception_by(struct database *d, int64_t account, int64_t person, const char *kind,
                            int64_t until)
{
    const bool emergency = strcmp(kind, "emergency") == 0;
    int64_t id;

    good(
        d,
        db_insert(
            d->db,
            "insert into exception (kind, state, service, activities, person, purpose, benefit, risk, asked_by, "
            "asked_us, until_us, changed_us) values (?, ?, 'whatsapp', '', ?, 'p', 'b', '{}', ?, 0, ?, 0) "
            "returning id",
            DB_ARGS(db_text(kind), db_text(emergency ? "granted" : "asked"), db_int(person), db_int(account),
                    db_int(until)),
            &id, &d->err));
    return id;
}

static void test_what_is_open_is_counted(struct database *d)
{
    const struct world w = make(d);

    assert_int_equal(figure(d, &w.compliance, "signatures", "owed"), 3);
    assert_int_equal(figure(d, &w.compliance, "signatures", "open"), 3);
    assert_int_equal(figure(d, &w.compliance, "signatures", "overdue"), 1); /* who is excused is not */
    assert_int_equal(figure(d, &w.compliance, "training", "overdue"), 1);
    assert_int_equal(figure(d, &w.compliance, "documents", "in_force"), 1);
    assert_int_equal(figure(d, &w.compliance, "documents", "old"), 1);
    assert_int_equal(figure(d, &w.compliance, "exceptions", "asked"), 0);
    run(d,
        "insert into mail (key, kind, address, subject, text, state, created_us, next_us) values ('k', 'x', "
        "'', 's', 't', 'failed', 0, 0)");
    run(d, "insert into mail_problem (id, since_us, text) values (1, 0, 'no route')");
    assert_int_equal(figure(d, &w.compliance, "mail", "failed"), 1);
    struct act a = act_by(d, &w.examiner);
    json_t *desk;
    good(d, desk_show(&a, &desk, &d->err));
    assert_string_equal(json_string_value(json_object_get(json_object_get(desk, "mail"), "problem")),
                        "no route");
    json_decref(desk);
}

/* What somebody wrote or asked for does not wait for them, nor for another account of the same person. */
static void test_what_waits_is_what_one_may_decide(struct database *d)
{
    const struct world w = make(d);
    const struct actor third = actor_of(add_account(d, "cora", "compliance", 0), "cora", "compliance");

    assert_int_equal(figure(d, &w.compliance, "documents", "waiting"), 0);
    assert_int_equal(figure(d, &w.other, "documents", "waiting"), 0);
    assert_int_equal(figure(d, &third, "documents", "waiting"), 1);
    (void)exception_by(d, w.compliance.account, w.anna, "request", (int64_t)cases_now + day);
    assert_int_equal(figure(d, &w.compliance, "exceptions", "waiting"), 0);
    assert_int_equal(figure(d, &w.other, "exceptions", "waiting"), 0);
    assert_int_equal(figure(d, &third, "exceptions", "waiting"), 1);
    assert_int_equal(figure(d, &third, "exceptions", "asked"), 1);
    (void)exception_by(d, third.account, w.carl, "emergency", (int64_t)cases_now + day);
    assert_int_equal(figure(d, &third, "exceptions", "open"), 1);
    assert_int_equal(figure(d, &third, "exceptions", "due"), 1);
    (void)exception_by(d, w.manager.account, w.carl, "request",
                       (int64_t)cases_now + day); /* for Carl himself */
    assert_int_equal(figure(d, &w.compliance, "exceptions", "waiting"), 0);
    assert_int_equal(figure(d, &third, "exceptions", "waiting"), 2);
}

static json_t *team(struct database *d, const struct actor *actor, struct team_filter f)
{
    struct act a = act_by(d, actor);
    json_t *page = NULL;

    good(d, team_list(&a, &f, &page, &d->err));
    return page;
}

static const char *label(const json_t *page, size_t i)
{
    return json_string_value(json_object_get(json_array_get(json_object_get(page, "people"), i), "label"));
}

static void test_a_team_is_below_its_manager(struct database *d)
{
    const struct world w = make(d);

    json_t *page = team(d, &w.manager, (struct team_filter){ .limit = 10 });
    assert_int_equal(json_array_size(json_object_get(page, "people")), 2);
    assert_string_equal(label(page, 0), "Anna");
    assert_string_equal(label(page, 1), "Bert");
    assert_true(json_is_true(json_object_get(page, "team")));
    const json_t *anna = json_array_get(json_object_get(page, "people"), 0);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(anna, "signatures"), "overdue")), 1);
    const json_t *bert = json_array_get(json_object_get(page, "people"), 1);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(bert, "signatures"), "open")), 0);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(bert, "training"), "overdue")), 1);
    json_decref(page);
    page = team(d, &w.manager, (struct team_filter){ .limit = 1 });
    const int64_t after = strtoll(json_string_value(json_object_get(page, "cursor")), NULL, 10);
    json_decref(page);
    page = team(d, &w.manager, (struct team_filter){ .limit = 1, .after = after });
    assert_string_equal(label(page, 0), "Bert");
    assert_true(json_is_null(json_object_get(page, "cursor")));
    json_decref(page);
    page = team(d, &w.manager, (struct team_filter){ .limit = 9, .text = "carl" });
    assert_int_equal(json_array_size(json_object_get(page, "people")), 0);
    json_decref(page);
}

static void test_everybody_is_seen_as_may_be(struct database *d)
{
    const struct world w = make(d);

    json_t *page = team(d, &w.compliance, (struct team_filter){ .limit = 9, .state = "overdue" });
    assert_int_equal(json_array_size(json_object_get(page, "people")), 2);
    json_decref(page);
    (void)exception_by(d, w.manager.account, w.bert, "request", (int64_t)cases_now + day);
    page = team(d, &w.compliance, (struct team_filter){ .limit = 9, .state = "exception" });
    assert_int_equal(json_array_size(json_object_get(page, "people")), 1);
    json_decref(page);
    page = team(d, &w.compliance, (struct team_filter){ .limit = 9, .state = "owes", .text = "CARL" });
    assert_string_equal(label(page, 0), "Carl");
    json_decref(page);
    run(d, "update person set pseudonym = 'P-' || pseudonym");
    page = team(d, &w.examiner, (struct team_filter){ .limit = 9 });
    assert_int_equal(json_array_size(json_object_get(page, "people")), 4);
    assert_string_equal(label(page, 0), "P-Mona");
    json_decref(page);
    page = team(d, &w.compliance, (struct team_filter){ .limit = 3 });
    const int64_t after = strtoll(json_string_value(json_object_get(page, "cursor")), NULL, 10);
    json_decref(page);
    page = team(d, &w.compliance, (struct team_filter){ .limit = 3, .after = after });
    assert_int_equal(json_array_size(json_object_get(page, "people")), 1);
    json_decref(page);
    struct act a = act_by(d, &w.compliance);
    assert_false(team_list(&a, &(struct team_filter){ .state = "late" }, &page, &d->err));
    assert_int_equal(a.problem, ACT_WRONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_what_is_open_is_counted),
        ON_BOTH(test_what_waits_is_what_one_may_decide),
        ON_BOTH(test_a_team_is_below_its_manager),
        ON_BOTH(test_everybody_is_seen_as_may_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
