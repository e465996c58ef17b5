/* SPDX-License-Identifier: Apache-2.0 */
/* Duties, attempts, certificates, who sees whose, and what training changed. */
#include "program/courses.h"
#include "program/evidence_read.h"
#include "program/training.h"
#include "program/when.h"
#include "store/team.h"
#include <stdlib.h>

static const uint64_t hour_us = UINT64_C(3600000000);

/* A bank: two desks, a lead of three, compliance. */
struct bank {
    int64_t desk, other, lead, anna, bert, cora, dora;
    struct actor compliance, manager, examiner, learner, second;
    struct act a;
    int64_t course;
};

static int64_t person(struct database *d, const char *name, int64_t department, int64_t manager)
{
    int64_t id = add_person(d, name);

    good(d, db_run(d->db, "update person set department = ?, manager = ? where id = ?",
                   DB_ARGS(department != 0 ? db_int(department) : db_null(),
                           manager != 0 ? db_int(manager) : db_null(), db_int(id)),
                   NULL, &d->err));
    good(d, team_move(d->db, id, &d->err));
    return id;
}

static struct actor account(struct database *d, const char *name, const char *roles, int64_t of)
{
    struct actor a = actor_of(add_account(d, name, roles, of), name, roles);

    a.person = of;
    return a;
}

static int64_t department(struct database *d, const char *name)
{
    int64_t id;

    good(d, db_insert(d->db, "insert into department (name) values (?) returning id", DB_ARGS(db_text(name)),
                      &id, &d->err));
    return id;
}

static void open_bank(struct database *d, struct bank *b, const char *rules)
{
    *b = (struct bank){ .desk = department(d, "Desk"), .other = department(d, "Other") };
    b->lead = person(d, "Lead", b->other, 0);
    b->anna = person(d, "Anna", b->desk, b->lead);
    b->bert = person(d, "Bert", b->desk, b->anna);
    b->cora = person(d, "Cora", b->other, b->lead);
    b->dora = person(d, "Dora", 0, 0);
    b->compliance = account(d, "compliance", "compliance", b->dora);
    b->manager = account(d, "manager", "manager", b->lead);
    b->examiner = account(d, "examiner", "examiner", 0);
    b->learner = account(d, "anna", "employee", b->anna);
    b->second = account(d, "bert", "employee", b->bert);
    b->a = act_by(d, &b->compliance);
    b->course = add_course(d, &b->a, "Safe chats", 12, rules);
}

static struct act as(const struct bank *b, const struct actor *who)
{
    struct act a = b->a;

    a.actor = who;
    a.problem = ACT_FINE;
    return a;
}

static int64_t assign(struct database *d, struct bank *b, const char *more)
{
    char text[512];
    int64_t id = 0;

    snprintf(text, sizeof text, "{'course':%lld,'due_days':20%s}", (long long)b->course, more);
    json_t *body = body_of(text);
    struct act *a = &b->a;
    good(d, DO(d, a, assignment_begin(a, body, &id, &d->err)));
    json_decref(body);
    return id;
}

static struct training_counts run(struct database *d, const struct bank *b)
{
    struct training_counts all = { 0 }, n;

    do {
        good(d, training_run(d->db, b->a.now_us, &n, &d->err));
        all.assigned += n.assigned;
        all.ended += n.ended;
        all.moved += n.moved;
        all.overdue += n.overdue;
        all.renewed += n.renewed;
        all.incidents += n.incidents;
        all.reminded += n.reminded;
        all.expired += n.expired;
    } while (n.more);
    /* whoever changed something kept the sums */
    assert_int_equal(
        database_number(d, "select count(*) from (select course, department, state, people from training_sum "
                           "where people <> 0 except select course, department, state, count(*) from "
                           "training_duty group by course, department, state) x"),
        0);
    assert_int_equal(database_number(d, "select coalesce(sum(people), 0) from training_sum"),
                     database_number(d, "select count(*) from training_duty"));
    return all;
}

static int64_t in_state(struct database *d, const char *state)
{
    int64_t n;

    good(d, db_query_int(d->db, "select count(*) from training_duty where state = ?", DB_ARGS(db_text(state)),
                         &n, NULL, &d->err));
    return n;
}

/* ---- the test ---- */

/* Answers: the options that begin with "right", or none of them. */
static json_t *answers_to(const json_t *attempt, bool right)
{
    json_t *all = json_pack("[]"), *question, *option;
    size_t i, k;

    json_array_foreach(json_object_get(attempt, "questions"), i, question)
    {
        json_t *chosen = json_pack("[]");
        json_array_foreach(json_object_get(question, "options"), k,
                           option) if (right && strncmp(json_string_value(option), "right", 5) == 0)
            json_array_append_new(chosen, json_integer((json_int_t)k));
        json_array_append_new(all, chosen);
    }
    return all;
}

static json_t *attempt_of(struct database *d, struct act *a, int64_t id)
{
    json_t *attempt = NULL;

    a->problem = ACT_FINE;
    good(d, attempt_json(a, id, &attempt, &d->err));
    return attempt;
}

/* Take the test. Returns whether it was passed. */
static bool take(struct database *d, struct act *a, int64_t course, bool right)
{
    bool passed = false;
    int64_t id = 0;

    good(d, DO(d, a, attempt_begin(a, course, &id, &d->err)));
    json_t *attempt = attempt_of(d, a, id), *answers = answers_to(attempt, right);
    good(d, DO(d, a, attempt_hand_in(a, id, answers, &passed, &d->err)));
    json_decref(attempt);
    json_decref(answers);
    return passed;
}

static const char *word(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s != NULL ? s : "";
}

#define RULES "{'rules':{'asked':8,'must_read':false,'attempts_a_day':3,'minutes_most':30,'valid_months':12}}"

static void test_answers_are_told_when_it_is_over(struct database *d)
{
    struct bank b;
    struct act me, other;
    bool passed;
    int64_t id = 0, again = 0;

    open_bank(d, &b, RULES);
    me = as(&b, &b.learner);
    other = as(&b, &b.second);
    good(d, DO(d, &me, attempt_begin(&me, b.course, &id, &d->err)));
    good(d, DO(d, &me, attempt_begin(&me, b.course, &again, &d->err)));
    assert_int_equal(id, again); /* one at a time */
    json_t *attempt = attempt_of(d, &me, id), *second = attempt_of(d, &me, id), *answers;
    assert_true(json_equal(attempt, second));
    assert_int_equal(json_array_size(json_object_get(attempt, "questions")), 8);
    char *text = json_dumps(json_object_get(attempt, "questions"), 0);
    assert_null(strstr(text, "Because"));
    assert_null(strstr(text, "\"right\": ["));
    free(text);
    json_decref(second);
    /* another's attempt is none */
    assert_false(attempt_json(&other, id, &second, &d->err));
    assert_int_equal(other.problem, ACT_MISSING);
    answers = answers_to(attempt, true);
    assert_false(DO(d, &other, attempt_hand_in(&other, id, answers, &passed, &d->err)));
    assert_int_equal(other.problem, ACT_MISSING);
    /* what is no answer is refused and can be set right */
    static const char *const wrong[] = { "[]", "[[0],[0],[0],[0],[0],[0],[0],[9]]",
                                         "[[0,0],[],[],[],[],[],[],[]]", "[0,0,0,0,0,0,0,0]",
                                         "[[-1],[],[],[],[],[],[],[]]" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        json_t *bad = body_of(wrong[i]);
        assert_false(DO(d, &me, attempt_hand_in(&me, id, bad, &passed, &d->err)));
        assert_int_equal(me.problem, ACT_WRONG);
        json_decref(bad);
    }
    good(d, DO(d, &me, attempt_hand_in(&me, id, answers, &passed, &d->err)));
    assert_true(passed);
    assert_false(DO(d, &me, attempt_hand_in(&me, id, answers, &passed, &d->err)));
    assert_int_equal(me.problem, ACT_LATE);
    json_decref(attempt);
    attempt = attempt_of(d, &me, id);
    assert_string_equal(word(attempt, "state"), "passed");
    assert_int_equal(json_integer_value(json_object_get(attempt, "score")), 8);
    text = json_dumps(json_object_get(attempt, "questions"), 0);
    assert_non_null(strstr(text, "Because"));
    assert_null(strstr(text, "false"));
    free(text);
    json_decref(answers);
    /* its certificate names the version and has its hash */
    json_t *row = json_object_get(attempt, "certificate"), *certificate = NULL, *document;
    char hash[SHA256_TEXT];
    good(d, certificate_json(&me, json_integer_value(json_object_get(row, "id")), &certificate, &d->err));
    sha256_text(view_string(word(certificate, "document")), hash);
    assert_string_equal(hash, word(row, "hash"));
    document = json_loads(word(certificate, "document"), 0, NULL);
    assert_string_equal(word(json_object_get(document, "person"), "name"), "Anna");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(document, "course"), "version")), 1);
    assert_int_equal(strlen(word(json_object_get(document, "course"), "sha256")), 64);
    assert_string_equal(word(row, "valid_until"), word(document, "valid_until"));
    assert_memory_equal(word(row, "valid_until"), "2027-11-25", 10);
    json_decref(document);
    json_decref(certificate);
    assert_false(
        certificate_json(&other, json_integer_value(json_object_get(row, "id")), &certificate, &d->err));
    json_t *look = NULL;
    struct act examiner = as(&b, &b.examiner), manager = as(&b, &b.manager);
    good(d, certificate_look(&examiner, word(row, "number"), &look, &d->err));
    assert_true(json_is_true(json_object_get(look, "whole")));
    json_decref(look);
    good(d, certificate_look(&manager, word(row, "number"), &look, &d->err));
    json_decref(look);
    /* a changed document is told */
    good(d, db_run(d->db, "update training_certificate set document = replace(document, 'Anna', 'Bert')",
                   DB_NONE, NULL, &d->err));
    good(d, certificate_look(&examiner, word(row, "number"), &look, &d->err));
    assert_false(json_is_true(json_object_get(look, "whole")));
    json_decref(look);
    json_decref(attempt);
    /* who has it needs no other */
    assert_false(DO(d, &me, attempt_begin(&me, b.course, &id, &d->err)));
    assert_int_equal(me.problem, ACT_LATE);
}

static void test_attempts_have_limits(struct database *d)
{
    struct bank b;
    struct act me;
    int64_t id = 0;
    bool passed;

    open_bank(d, &b, RULES);
    me = as(&b, &b.learner);
    for (unsigned i = 0; i < 3; i++)
        assert_false(take(d, &me, b.course, false));
    assert_false(DO(d, &me, attempt_begin(&me, b.course, &id, &d->err)));
    assert_int_equal(me.problem, ACT_LATE);
    json_t *course = NULL;
    me.problem = ACT_FINE;
    good(d, learn_course(&me, b.course, &course, &d->err));
    assert_int_equal(json_integer_value(json_object_get(course, "attempts_left")), 0);
    assert_true(json_is_string(json_object_get(course, "next_attempt")));
    json_decref(course);
    me.now_us += 25 * hour_us;
    good(d, DO(d, &me, attempt_begin(&me, b.course, &id, &d->err)));
    json_t *attempt = attempt_of(d, &me, id), *answers = answers_to(attempt, true);
    json_decref(attempt);
    me.now_us += 31 * 60 * UINT64_C(1000000);
    assert_false(DO(d, &me, attempt_hand_in(&me, id, answers, &passed, &d->err)));
    assert_int_equal(me.problem, ACT_LATE);
    attempt = attempt_of(d, &me, id);
    assert_string_equal(word(attempt, "state"), "expired");
    json_decref(attempt);
    json_decref(answers);
    assert_true(take(d, &me, b.course, true));
    assert_int_equal(database_number(d, "select count(*) from training_attempt where state = 'expired'"), 1);
    assert_int_equal(database_number(d, "select count(*) from training_certificate"), 1);
    /* an account of nobody has no test */
    struct actor nobody = b.learner;
    nobody.person = 0;
    struct act n = as(&b, &nobody);
    assert_false(DO(d, &n, attempt_begin(&n, b.course, &id, &d->err)));
    assert_int_equal(n.problem, ACT_LATE);
}

static void test_all_is_to_be_read_first(struct database *d)
{
    struct bank b;
    struct act me;
    int64_t id = 0;

    open_bank(d, &b, "{'rules':{'asked':5,'must_read':true}}");
    me = as(&b, &b.learner);
    assert_false(DO(d, &me, attempt_begin(&me, b.course, &id, &d->err)));
    assert_int_equal(me.problem, ACT_LATE);
    assert_false(DO(d, &me, learn_read(&me, b.course, 7, &d->err)));
    assert_int_equal(me.problem, ACT_MISSING);
    good(d, DO(d, &me, learn_read(&me, b.course, 1, &d->err)));
    good(d, DO(d, &me, learn_read(&me, b.course, 1, &d->err)));
    assert_true(take(d, &me, b.course, true));
}

static void test_what_is_drawn_differs(struct database *d)
{
    struct bank b;
    struct act me;
    char seen[12][4000];
    unsigned different = 0;

    open_bank(d, &b, "{'rules':{'asked':6,'must_read':false,'attempts_a_day':0}}");
    me = as(&b, &b.learner);
    for (unsigned i = 0; i < 12; i++) {
        int64_t id = 0;
        bool passed;
        good(d, DO(d, &me, attempt_begin(&me, b.course, &id, &d->err)));
        json_t *attempt = attempt_of(d, &me, id), *none = answers_to(attempt, false);
        char *text = json_dumps(json_object_get(attempt, "questions"), JSON_COMPACT);
        snprintf(seen[i], sizeof seen[i], "%s", text);
        free(text);
        good(d, DO(d, &me, attempt_hand_in(&me, id, none, &passed, &d->err)));
        json_decref(attempt);
        json_decref(none);
        for (unsigned k = 0; k < i; k++)
            different += strcmp(seen[i], seen[k]) != 0;
    }
    assert_int_equal(different, 66); /* alike by chance: once in 10 to the 13 runs */
}

/* ---- duties ---- */

static void test_duties_follow_people(struct database *d)
{
    struct bank b;

    open_bank(d, &b, RULES);
    assign(d, &b, "");
    assert_int_equal(run(d, &b).assigned, 5);
    assert_int_equal(run(d, &b).assigned, 0);
    assert_int_equal(in_state(d, "open"), 5);
    /* a joiner, one who leaves, one who moves */
    person(d, "Emil", b.desk, b.lead);
    good(d, db_run(d->db, "update person set state = 'left', changed_us = changed_us + 1 where id = ?",
                   DB_ARGS(db_int(b.bert)), NULL, &d->err));
    good(d, db_run(d->db, "update person set department = ?, changed_us = changed_us + 1 where id = ?",
                   DB_ARGS(db_int(b.desk), db_int(b.cora)), NULL, &d->err));
    struct training_counts n = run(d, &b);
    assert_int_equal(n.assigned, 1);
    assert_int_equal(n.ended, 1);
    assert_int_equal(n.moved, 1);
    struct act me = as(&b, &b.learner);
    assert_true(take(d, &me, b.course, true));
    assert_int_equal(in_state(d, "done"), 1);
    b.a.now_us += 21 * DAY_OF_US;
    assert_int_equal(run(d, &b).overdue, 4);
    assert_int_equal(in_state(d, "overdue"), 4);
    assert_int_equal(in_state(d, "done"), 1);
    /* near its end the certificate is to be renewed, and counts until then */
    b.a.now_us += 320 * DAY_OF_US;
    assert_int_equal(run(d, &b).renewed, 1);
    assert_int_equal(in_state(d, "renew"), 1);
    me.now_us = b.a.now_us;
    assert_true(take(d, &me, b.course, true));
    assert_int_equal(in_state(d, "done"), 1);
    b.a.now_us += 340 * DAY_OF_US;
    assert_int_equal(run(d, &b).renewed, 1);
    b.a.now_us += 30 * DAY_OF_US;
    assert_int_equal(run(d, &b).overdue, 1);
    assert_int_equal(in_state(d, "overdue"), 5);
    /* it ends: nobody owes anything, and what was learnt stays */
    struct act *a = &b.a;
    good(d, DO(d, a, assignment_stop(a, 1, &d->err)));
    assert_int_equal(run(d, &b).ended, 5);
    assert_int_equal(database_number(d, "select count(*) from training_certificate"), 2);
    assert_int_equal(database_number(d, "select count(*) from training_certificate where first = 1"), 1);
}

static void test_an_assignment_is_to_departments_and_people(struct database *d)
{
    struct bank b;
    char more[200];

    open_bank(d, &b, RULES);
    snprintf(more, sizeof more, ",'departments':[%lld],'people':[%lld],'repeat_months':6", (long long)b.desk,
             (long long)b.dora);
    assign(d, &b, more);
    assert_int_equal(run(d, &b).assigned, 3);
    struct act me = as(&b, &b.learner);
    assert_true(take(d, &me, b.course, true));
    /* the assignment's months are shorter than the certificate's */
    assert_int_equal(database_number(d, "select valid_until_us from training_duty where state = 'done'"),
                     (int64_t)months_after(cases_now, 6));
    good(d, db_run(d->db, "update person set department = ?, changed_us = changed_us + 1 where id = ?",
                   DB_ARGS(db_int(b.other), db_int(b.bert)), NULL, &d->err));
    assert_int_equal(run(d, &b).ended, 1);
    static const char *const wrong[] = { "{'course':99,'due_days':3}",
                                         "{'due_days':3}",
                                         "{'course':1}",
                                         "{'course':1,'due_days':-1}",
                                         "{'course':1,'due_days':3,'people':[999]}",
                                         "{'course':1,'due_days':3,'departments':[999]}",
                                         "{'course':1,'due_days':3,'repeat_months':0}",
                                         "{'course':1,'due_days':3,'remind_days':['a']}" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        json_t *body = body_of(wrong[i]);
        struct act *a = &b.a;
        int64_t id;
        assert_false(DO(d, a, assignment_begin(a, body, &id, &d->err)));
        assert_int_equal(a->problem, ACT_WRONG);
        json_decref(body);
    }
    assert_int_equal(database_number(d, "select count(*) from training_assignment"), 1);
}

static void test_months(void **state)
{
    uint64_t from, to;

    (void)state;
    assert_true(when_read("2027-08-31", &from) && when_read("2028-02-29", &to));
    assert_true(months_after(from, 6) == to);
    assert_true(when_read("2026-12-15", &from) && when_read("2028-01-15", &to));
    assert_true(months_after(from, 13) == to);
    assert_true(months_after(from + hour_us, 13) == to + hour_us);
}

static void close_incident(struct database *d, const struct bank *b, int64_t object, const char *kind,
                           const char *state, uint64_t first_us, uint64_t closed_us)
{
    int64_t id;

    (void)b;
    good(d,
         db_insert(d->db,
                   "insert into incident (title, detector, key, severity, state, first_us, last_us, alerts, "
                   "changed_us, closed_us) values ('t', 'worm', '', 2, ?, ?, ?, 1, ?, ?) returning id",
                   DB_ARGS(db_text(state), db_int((int64_t)first_us), db_int((int64_t)first_us),
                           db_int((int64_t)closed_us), db_int((int64_t)closed_us)),
                   &id, &d->err));
    good(d, db_run(d->db, "insert into incident_link (incident, kind, object, time_us) values (?, ?, ?, 0)",
                   DB_ARGS(db_int(id), db_text(kind), db_int(object)), NULL, &d->err));
}

static void test_after_an_incident_it_is_taken_again(struct database *d)
{
    struct bank b;
    int64_t who;

    open_bank(d, &b, RULES);
    assign(d, &b, ",'after_incident':true");
    run(d, &b);
    struct act me = as(&b, &b.learner), other = as(&b, &b.second);
    assert_true(take(d, &me, b.course, true));
    assert_true(take(d, &other, b.course, true));
    good(d, db_insert(
                d->db,
                "insert into who (address, login, host, person) values ('10.0.0.1', '', '', ?) returning id",
                DB_ARGS(db_int(b.anna)), &who, &d->err));
    b.a.now_us += hour_us;
    close_incident(d, &b, b.bert, "person", "false-alarm", b.a.now_us, b.a.now_us);
    assert_int_equal(run(d, &b).incidents, 0);
    close_incident(d, &b, who, "who", "closed", b.a.now_us, b.a.now_us);
    close_incident(d, &b, b.dora, "person", "closed", b.a.now_us, b.a.now_us); /* owes it anyhow */
    assert_int_equal(run(d, &b).incidents, 1);
    assert_int_equal(run(d, &b).incidents, 0); /* once */
    assert_int_equal(
        database_number(d, "select count(*) from training_duty where reason = 'incident' and state = "
                           "'renew' and incident is not null"),
        1);
    b.a.now_us += 21 * DAY_OF_US;
    run(d, &b);
    assert_int_equal(in_state(d, "done"), 1); /* Bert */
    me.now_us = b.a.now_us;
    assert_true(take(d, &me, b.course, true));
    assert_int_equal(in_state(d, "done"), 2);
    assert_int_equal(run(d, &b).incidents, 0);
    assert_int_equal(audit_count(d, "training.repeat"), 1);
}

static void test_reminders_have_their_days(struct database *d)
{
    struct bank b;

    open_bank(d, &b, RULES);
    assign(d, &b, ",'people':[2],'remind_days':[10,2],'escalate_days':3");
    assert_int_equal(run(d, &b).reminded, 1); /* at once */
    assert_int_equal(run(d, &b).reminded, 0);
    static const struct {
        unsigned day, reminded;
    } days[] = { { 9, 0 },  { 10, 1 }, { 11, 0 }, { 18, 1 }, { 19, 0 }, { 20, 1 },
                 { 22, 0 }, { 23, 1 }, { 24, 0 }, { 30, 1 }, { 31, 0 } };
    for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
        b.a.now_us = cases_now + days[i].day * DAY_OF_US;
        const uint64_t got = run(d, &b).reminded;
        if (got != days[i].reminded)
            fail_msg("on day %u: %llu", days[i].day, (unsigned long long)got);
    }
    assert_int_equal(database_number(d, "select escalated_us from training_duty"),
                     (int64_t)(cases_now + 23 * DAY_OF_US));
}

static void test_nobody_excuses_themselves(struct database *d)
{
    struct bank b;
    json_t *row = NULL, *body;
    char text[128];

    open_bank(d, &b, RULES);
    assign(d, &b, "");
    run(d, &b);
    struct act *a = &b.a;
    snprintf(text, sizeof text, "{'course':%lld,'why':'on leave until spring','until':'2027-03-01'}",
             (long long)b.course);
    body = body_of(text);
    assert_false(DO(d, a, training_let_off(a, b.dora, body, &row, &d->err)));
    assert_int_equal(a->problem, ACT_FORBIDDEN);
    good(d, DO(d, a, training_let_off(a, b.anna, body, &row, &d->err)));
    assert_string_equal(word(row, "state"), "excused");
    assert_string_equal(word(json_object_get(row, "excused"), "by"), "compliance");
    json_decref(row);
    json_decref(body);
    run(d, &b);
    b.a.now_us += 30 * DAY_OF_US;
    assert_int_equal(run(d, &b).overdue, 4);
    b.a.now_us += 90 * DAY_OF_US;
    run(d, &b);
    assert_int_equal(in_state(d, "excused"), 0);
    assert_int_equal(in_state(d, "open"), 1);
    assert_false(DO(d, a, training_owe_again(a, b.anna, b.course, &row, &d->err)));
    assert_int_equal(a->problem, ACT_LATE);
    assert_int_equal(audit_count(d, "training.excuse"), 1);
}

/* ---- who sees what ---- */

static json_t *people_of(struct database *d, const struct bank *b, const struct actor *who,
                         const struct training_filter *f)
{
    struct act a = as(b, who);
    json_t *page = NULL;

    good(d, training_people(&a, f, &page, &d->err));
    return page;
}

static void test_managers_see_their_team_and_examiners_pseudonyms(struct database *d)
{
    const struct training_filter all = { 0 };
    struct bank b;
    json_t *page, *list;

    open_bank(d, &b, RULES);
    good(d, db_run(d->db, "update person set pseudonym = 'P-' || id", DB_NONE, NULL, &d->err));
    assign(d, &b, "");
    run(d, &b);
    page = people_of(d, &b, &b.compliance, &all);
    assert_int_equal(json_array_size(json_object_get(page, "people")), 5);
    json_decref(page);
    page = people_of(d, &b, &b.manager, &all); /* those below those below, too; not themselves */
    list = json_object_get(page, "people");
    assert_int_equal(json_array_size(list), 3);
    assert_string_equal(word(json_array_get(list, 0), "label"), "Anna");
    json_decref(page);
    page = people_of(d, &b, &b.examiner, &all);
    list = json_object_get(page, "people");
    assert_int_equal(json_array_size(list), 5);
    for (size_t i = 0; i < 5; i++)
        assert_memory_equal(word(json_array_get(list, i), "label"), "P-", 2);
    json_decref(page);
    struct actor program = b.compliance;
    program.token = true;
    page = people_of(d, &b, &program, &all);
    assert_memory_equal(word(json_array_get(json_object_get(page, "people"), 0), "label"), "P-", 2);
    json_decref(page);
    struct act manager = as(&b, &b.manager);
    json_t *one = NULL;
    good(d, training_person(&manager, b.bert, &one, &d->err));
    assert_string_equal(word(one, "label"), "Bert");
    json_decref(one);
    assert_false(training_person(&manager, b.dora, &one, &d->err));
    assert_int_equal(manager.problem, ACT_MISSING);
    manager.problem = ACT_FINE;
    good(d, training_overview(&manager, 0, &one, &d->err));
    json_t *counts = json_object_get(json_array_get(json_object_get(one, "courses"), 0), "counts");
    assert_int_equal(json_integer_value(json_object_get(counts, "people")), 3);
    assert_int_equal(json_integer_value(json_object_get(counts, "open")), 3);
    assert_true(json_is_true(json_object_get(one, "team")));
    json_decref(one);
    good(d, training_overview(&b.a, b.course, &one, &d->err));
    counts = json_object_get(json_array_get(json_object_get(one, "courses"), 0), "counts");
    assert_int_equal(json_integer_value(json_object_get(counts, "people")), 5);
    assert_int_equal(json_array_size(json_object_get(one, "departments")), 3);
    json_decref(one);
    struct actor teamless = b.manager;
    teamless.person = 0;
    struct act t = as(&b, &teamless);
    assert_false(training_overview(&t, 0, &one, &d->err));
    assert_int_equal(t.problem, ACT_FORBIDDEN);
}

static void test_pages_have_everybody_once(struct database *d)
{
    struct bank b;
    char cursor[128] = "";
    bool seen[64] = { false };
    unsigned rows = 0;

    open_bank(d, &b, RULES);
    for (unsigned i = 0; i < 20; i++) {
        char name[32];
        snprintf(name, sizeof name, "Person %02u", i);
        person(d, name, i % 2 == 0 ? b.desk : 0, 0);
    }
    assign(d, &b, "");
    run(d, &b);
    for (;;) {
        const struct training_filter f = {
            .course = b.course, .state = "open", .cursor = cursor[0] != '\0' ? cursor : NULL, .limit = 7
        };
        json_t *page = people_of(d, &b, &b.compliance, &f), *row;
        size_t i;
        json_array_foreach(json_object_get(page, "people"), i, row)
        {
            const json_int_t id = json_integer_value(json_object_get(row, "person"));
            assert_in_range(id, 1, 63);
            assert_false(seen[id]);
            seen[id] = true;
            rows++;
        }
        const char *next = json_string_value(json_object_get(page, "cursor"));
        snprintf(cursor, sizeof cursor, "%s", next != NULL ? next : "");
        json_decref(page);
        if (cursor[0] == '\0')
            break;
    }
    assert_int_equal(rows, 25);
    struct training_filter f = { .q = "PERSON 1" };
    json_t *page = people_of(d, &b, &b.compliance, &f);
    assert_int_equal(json_array_size(json_object_get(page, "people")), 10);
    json_decref(page);
    f = (struct training_filter){ .q = "Person 0" };
    page = people_of(d, &b, &b.examiner, &f); /* names are not for them: a whole pseudonym, or nobody */
    assert_int_equal(json_array_size(json_object_get(page, "people")), 0);
    json_decref(page);
    f = (struct training_filter){ .q = "Person 07" };
    page = people_of(d, &b, &b.examiner, &f);
    assert_int_equal(json_array_size(json_object_get(page, "people")), 1);
    json_decref(page);
    f = (struct training_filter){ .department = "none" };
    page = people_of(d, &b, &b.compliance, &f);
    assert_int_equal(json_array_size(json_object_get(page, "people")), 11);
    json_decref(page);
    static const struct training_filter wrong[] = { { .state = "late" },
                                                    { .department = "x" },
                                                    { .cursor = "1.2" } };
    for (size_t i = 0; i < 3; i++) {
        struct act a = as(&b, &b.compliance);
        assert_false(training_people(&a, &wrong[i], &page, &d->err));
        assert_int_equal(a.problem, ACT_WRONG);
    }
}

/* ---- effect ---- */

static json_t *effect_of(struct database *d, struct act *a)
{
    json_t *all = NULL, *one;

    a->problem = ACT_FINE;
    good(d, training_effect(a, 0, &all, &d->err));
    one = json_incref(json_array_get(json_object_get(all, "effects"), 0));
    json_decref(all);
    return one;
}

static void test_the_effect_hides_small_groups(struct database *d)
{
    struct bank b;
    struct act *a = &b.a;
    int64_t third, one = 0;

    open_bank(d, &b, RULES);
    third = department(d, "Third");
    /* an incident long ago: from then on it was watched */
    close_incident(d, &b, b.dora, "person", "closed", cases_now - 300 * DAY_OF_US, cases_now);
    for (unsigned i = 0; i < 20; i++) { /* 10 of Desk, 8 of Other, 2 of Third */
        char name[32];
        snprintf(name, sizeof name, "Learner %u", i);
        int64_t id = person(d, name, i < 10 ? b.desk : i < 18 ? b.other : third, 0);
        struct actor who = account(d, name, "employee", id);
        struct act me = as(&b, &who);
        assert_true(take(d, &me, b.course, true));
        if (i < 6) /* each had one before; three of them one after */
            close_incident(d, &b, id, "person", "closed", cases_now - 10 * DAY_OF_US, cases_now);
        if (i < 3)
            close_incident(d, &b, id, "person", "open", cases_now + 5 * DAY_OF_US, cases_now);
        if (i == 7) { /* these do not count: a false alarm, and one too long ago */
            close_incident(d, &b, id, "person", "false-alarm", cases_now - 5 * DAY_OF_US, cases_now);
            close_incident(d, &b, id, "person", "closed", cases_now - 95 * DAY_OF_US, cases_now);
        }
        one = id;
    }
    /* the spans are not over yet */
    good(d, training_effect_count(d->db, cases_now + 30 * DAY_OF_US, &d->err));
    json_t *e = effect_of(d, a);
    assert_int_equal(json_array_size(json_object_get(e, "rows")), 0);
    json_decref(e);
    good(d, training_effect_count(d->db, cases_now + 100 * DAY_OF_US, &d->err));
    e = effect_of(d, a);
    json_t *rows = json_object_get(e, "rows"), *all = json_array_get(rows, 0),
           *desk = json_array_get(rows, 1);
    /* Third has two people, so the next smallest is hidden with it: else it could be had by subtraction */
    assert_int_equal(json_array_size(rows), 2);
    assert_int_equal(json_integer_value(json_object_get(e, "hidden")), 2);
    assert_string_equal(word(all, "name"), "All");
    assert_int_equal(json_integer_value(json_object_get(all, "people")), 20);
    assert_int_equal(json_integer_value(json_object_get(all, "before")), 6);
    assert_int_equal(json_integer_value(json_object_get(all, "after")), 3);
    assert_int_equal(json_integer_value(json_object_get(all, "before_per_1000")), 300);
    assert_string_equal(word(desk, "name"), "Desk");
    assert_int_equal(json_integer_value(json_object_get(desk, "people")), 10);
    assert_int_equal(json_integer_value(json_object_get(desk, "before")), 6);
    assert_true(json_array_size(json_object_get(e, "limits")) >= 4);
    json_decref(e);
    struct act manager = as(&b, &b.manager);
    e = effect_of(d, &manager);
    assert_int_equal(json_array_size(json_object_get(e, "rows")), 1);
    json_decref(e);
    (void)one;
}

static void test_what_one_learns_oneself(struct database *d)
{
    struct bank b;
    json_t *mine = NULL;

    open_bank(d, &b, RULES);
    struct act me = as(&b, &b.learner);
    good(d, learn_all(&me, &mine, &d->err));
    assert_int_equal(json_array_size(json_object_get(mine, "duties")), 0);
    assert_int_equal(json_array_size(json_object_get(mine, "offered")), 1);
    json_decref(mine);
    assign(d, &b, "");
    run(d, &b);
    good(d, DO(d, &me, learn_read(&me, b.course, 1, &d->err)));
    assert_true(take(d, &me, b.course, true));
    good(d, learn_all(&me, &mine, &d->err));
    json_t *duty = json_array_get(json_object_get(mine, "duties"), 0);
    assert_string_equal(word(duty, "state"), "done");
    assert_int_equal(json_integer_value(json_object_get(duty, "read")), 1);
    assert_int_equal(json_array_size(json_object_get(mine, "certificates")), 1);
    assert_int_equal(json_array_size(json_object_get(mine, "offered")), 0);
    json_decref(mine);
    struct actor nobody = b.learner;
    nobody.person = 0;
    struct act n = as(&b, &nobody);
    good(d, learn_all(&n, &mine, &d->err));
    assert_true(json_is_false(json_object_get(mine, "person")));
    json_decref(mine);
    /* what is retired is nothing to learn */
    struct act *a = &b.a;
    json_t *body = body_of("{'retired':true}");
    good(d, DO(d, a, course_change(a, b.course, body, &d->err)));
    json_decref(body);
    assert_false(learn_course(&me, b.course, &mine, &d->err));
    assert_int_equal(me.problem, ACT_MISSING);
    assert_int_equal(run(d, &b).ended, 5);
}

/* ---- evidence ---- */

/* Each question of a package about training runs on both databases, and finds what was done. */
static void test_evidence_of_training(struct database *d)
{
    struct bank b;

    open_bank(d, &b, RULES);
    assign(d, &b, ",'after_incident':true");
    run(d, &b);
    struct act me = as(&b, &b.learner), other = as(&b, &b.second);
    assert_true(take(d, &me, b.course, true));
    assert_false(take(d, &other, b.course, false));
    close_incident(d, &b, b.anna, "person", "closed", cases_now, cases_now + 5);
    b.a.now_us += 10;
    run(d, &b);
    const struct evidence_period period = { cases_now - DAY_OF_US, cases_now + DAY_OF_US };
    struct evidence_data *data;
    good(d, evidence_data_new(&period, 10, &data, &d->err));
    const struct evidence_reader reader = evidence_data_reader(data), *const readers[] = { &reader };
    good(d, evidence_read(d->db, &period, readers, 1, &d->err));
    size_t tables = 0;
    for (size_t i = 0; i < data->table_count; i++) {
        const struct evidence_rows *t = &data->tables[i];
        if (strcmp(t->item->part, "training") != 0)
            continue;
        tables++;
        if (strcmp(t->item->name, "effect") != 0 && t->rows == 0)
            fail_msg("%s is empty", t->item->name);
    }
    assert_int_equal(tables, 7);
    assert_int_equal(evidence_find_figure(data, "training", "certificates")->value, 1);
    assert_int_equal(evidence_find_figure(data, "training", "failed")->value, 1);
    evidence_data_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_answers_are_told_when_it_is_over),
        ON_BOTH(test_attempts_have_limits),
        ON_BOTH(test_all_is_to_be_read_first),
        ON_BOTH(test_what_is_drawn_differs),
        ON_BOTH(test_duties_follow_people),
        ON_BOTH(test_an_assignment_is_to_departments_and_people),
        cmocka_unit_test(test_months),
        ON_BOTH(test_after_an_incident_it_is_taken_again),
        ON_BOTH(test_reminders_have_their_days),
        ON_BOTH(test_nobody_excuses_themselves),
        ON_BOTH(test_managers_see_their_team_and_examiners_pseudonyms),
        ON_BOTH(test_pages_have_everybody_once),
        ON_BOTH(test_the_effect_hides_small_groups),
        ON_BOTH(test_what_one_learns_oneself),
        ON_BOTH(test_evidence_of_training),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
