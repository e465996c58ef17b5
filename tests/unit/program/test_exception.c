/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions: who asks for whom, who decides, how they end; emergencies and their close-out; who sees what.
 */
#include "identify/catalog.h"
#include "program/cases.h"
#include "program/exception.h"
#include "program/setting.h"
#include "store/team.h"

static const char purpose[] = "talks with the correspondent bank",
                  benefit[] = "the deal is made over WhatsApp";

struct world {
    struct catalog *catalog;
    int64_t desk, anna, bert, mona, carl;
    struct actor employee, colleague, manager, compliance, twin, second, examiner;
};

static struct actor person_actor(struct database *d, const char *name, const char *roles, int64_t person)
{
    struct actor a = actor_of(add_account(d, name, roles, person), name, roles);

    a.person = person;
    return a;
}

static struct world make(struct database *d)
{
    struct world w = { .mona = add_person(d, "Mona"), .carl = add_person(d, "Carl") };

    good(d, catalog_builtin(&w.catalog, &d->err));
    w.anna = add_person(d, "Anna");
    w.bert = add_person(d, "Bert");
    good(d, db_insert(d->db, "insert into department (name, manager) values ('Desk', ?) returning id",
                      DB_ARGS(db_int(w.mona)), &w.desk, &d->err));
    good(d, db_run(d->db, "update person set manager = ?, department = ? where id = ?",
                   DB_ARGS(db_int(w.mona), db_int(w.desk), db_int(w.anna)), NULL, &d->err));
    good(d, team_move(d->db, w.anna, &d->err));
    w.employee = person_actor(d, "anna", "employee", w.anna);
    w.colleague = person_actor(d, "bert", "employee", w.bert);
    w.manager = person_actor(d, "mona", "manager", w.mona);
    w.compliance = person_actor(d, "carl", "compliance", w.carl);
    w.twin = person_actor(d, "anna2", "compliance", w.anna);
    w.second = person_actor(d, "cora", "compliance", 0);
    w.examiner = person_actor(d, "exa", "examiner", 0);
    return w;
}

static struct exception_wish wish(void)
{
    return (struct exception_wish){ .service = "whatsapp",
                                    .activities = json_pack("[s]", "chat"),
                                    .purpose = purpose,
                                    .benefit = benefit,
                                    .until = "2026-12-24" };
}

static bool ask_as(struct database *d, struct world *w, struct act *a, struct exception_wish x, int64_t *id)
{
    bool ok = DO(d, a, exception_ask(a, w->catalog, &x, id, &d->err));

    json_decref((json_t *)(uintptr_t)x.activities);
    return ok;
}

static const char *state_of(struct database *d, struct act *a, int64_t id, json_t **row)
{
    good(d, exception_get(a, id, row, &d->err));
    return json_string_value(json_object_get(*row, "state"));
}

static void test_it_is_asked_for_and_decided_by_another(struct database *d)
{
    struct world w = make(d);
    struct act anna = act_by(d, &w.employee), carl = act_by(d, &w.compliance), twin = act_by(d, &w.twin);
    json_t *row = NULL;
    int64_t id = 0;

    good(d, ask_as(d, &w, &anna, wish(), &id));
    assert_string_equal(state_of(d, &anna, id, &row), "asked");
    assert_string_equal(json_string_value(json_object_get(json_object_get(row, "who"), "label")), "Anna");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(row, "risk"), "days")), 30);
    assert_true(json_array_size(json_object_get(json_object_get(row, "risk"), "risk")) > 0);
    json_decref(row);
    /* the second account of who asked */
    assert_false(DO(d, &twin, exception_decide(&twin, id, true, "", NULL, &d->err)));
    assert_int_equal(twin.problem, ACT_FORBIDDEN);
    /* who may not at all */
    assert_false(DO(d, &anna, exception_decide(&anna, id, true, "", NULL, &d->err)));
    assert_int_equal(anna.problem, ACT_FORBIDDEN);
    assert_false(DO(d, &carl, exception_decide(&carl, id, false, "", NULL, &d->err)));
    assert_int_equal(carl.problem, ACT_WRONG); /* a refusal says why */
    good(d, DO(d, &carl, exception_decide(&carl, id, true, "fine", "2026-12-01T12:00:00Z", &d->err)));
    assert_string_equal(state_of(d, &carl, id, &row), "granted");
    assert_string_equal(json_string_value(json_object_get(row, "until")), "2026-12-01T12:00:00.000000Z");
    json_decref(row);
    assert_false(DO(d, &carl, exception_decide(&carl, id, false, "too late", NULL, &d->err)));
    assert_int_equal(carl.problem, ACT_LATE);
    assert_int_equal(audit_count(d, "exception.ask"), 1);
    assert_int_equal(audit_count(d, "exception.grant"), 1);

    /* for oneself, whoever asked */
    struct exception_wish x = wish();
    int64_t own = 0;
    x.person = w.carl;
    good(d, ask_as(d, &w, &carl, x, &own));
    assert_false(DO(d, &carl, exception_decide(&carl, own, true, "", NULL, &d->err)));
    struct act second = act_by(d, &w.second);
    good(d, DO(d, &second, exception_decide(&second, own, false, "not needed", NULL, &d->err)));
    catalog_close(w.catalog);
}

static void test_everybody_asks_for_whom_they_may(struct database *d)
{
    struct world w = make(d);
    struct act anna = act_by(d, &w.employee), mona = act_by(d, &w.manager), carl = act_by(d, &w.compliance);
    struct exception_wish x;
    int64_t id = 0;

    x = wish();
    x.person = w.bert;
    assert_false(ask_as(d, &w, &anna, x, &id));
    assert_int_equal(anna.problem, ACT_FORBIDDEN);
    x = wish();
    x.person = w.bert; /* not below her */
    assert_false(ask_as(d, &w, &mona, x, &id));
    assert_int_equal(mona.problem, ACT_FORBIDDEN);
    x = wish();
    x.person = w.anna;
    good(d, ask_as(d, &w, &mona, x, &id));
    x = wish();
    x.department = w.desk;
    good(d, ask_as(d, &w, &mona, x, &id));
    x = wish();
    x.department = w.desk;
    assert_false(ask_as(d, &w, &anna, x, &id));
    x = wish();
    x.department = w.desk;
    good(d, ask_as(d, &w, &carl, x, &id));

    static const struct {
        const char *service, *class, *until, *purpose, *key;
        int64_t person, department;
    } wrong[] = {
        { "no-such", NULL, "2026-12-24", purpose, "service", 0, 0 },
        { NULL, NULL, "2026-12-24", purpose, "service", 0, 0 },
        { "whatsapp", "im", "2026-12-24", purpose, "service", 0, 0 },
        { NULL, "mail", "2026-12-24", purpose, "class", 0, 0 },
        { "whatsapp", NULL, "2026-11-01", purpose, "until", 0, 0 },
        { "whatsapp", NULL, "2027-12-24", purpose, "until", 0, 0 },
        { "whatsapp", NULL, "soon", purpose, "until", 0, 0 },
        { "whatsapp", NULL, "2026-12-24", "work", "purpose", 0, 0 },
        { "whatsapp", NULL, "2026-12-24", purpose, "person", 999999, 0 },
        { "whatsapp", NULL, "2026-12-24", purpose, "department", 1, 1 },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        x = wish();
        x.service = wrong[i].service;
        x.class = wrong[i].class;
        x.until = wrong[i].until;
        x.purpose = wrong[i].purpose;
        x.person = wrong[i].person;
        x.department = wrong[i].department;
        if (ask_as(d, &w, &carl, x, &id) || carl.problem != ACT_WRONG ||
            strcmp(d->err.key, wrong[i].key) != 0)
            fail_msg("%zu: %s: %s", i, d->err.key, d->err.text);
    }
    w.employee.token = true;
    assert_false(ask_as(d, &w, &anna, wish(), &id));
    assert_int_equal(anna.problem, ACT_FORBIDDEN);
    catalog_close(w.catalog);
}

static void test_its_end_is_noted_once(struct database *d)
{
    struct world w = make(d);
    struct act anna = act_by(d, &w.employee), carl = act_by(d, &w.compliance), bert = act_by(d, &w.colleague);
    struct actor nobody = { .name = "system" };
    struct act sys = act_by(d, &nobody);
    int64_t id = 0, other = 0;
    unsigned count = 9;
    json_t *row = NULL;

    good(d, ask_as(d, &w, &anna, wish(), &id));
    good(d, DO(d, &carl, exception_decide(&carl, id, true, "", "2026-12-01T12:00:00Z", &d->err)));
    good(d, DO(d, &sys, exception_expire(&sys, 10, &count, &d->err)));
    assert_int_equal(count, 0);
    sys.now_us = UINT64_C(1796126400000000); /* then */
    good(d, DO(d, &sys, exception_expire(&sys, 10, &count, &d->err)));
    assert_int_equal(count, 1);
    good(d, DO(d, &sys, exception_expire(&sys, 10, &count, &d->err)));
    assert_int_equal(count, 0);
    assert_string_equal(state_of(d, &carl, id, &row), "expired");
    json_decref(row);
    assert_int_equal(audit_count(d, "exception.expire"), 1);
    /* granted and over: a mail each, to one person with one account */
    assert_int_equal(database_number(d, "select count(*) from mail where kind = 'exception'"), 2);
    assert_int_equal(database_number(d, "select count(*) from mail where subject like '% is over'"), 1);

    good(d, ask_as(d, &w, &anna, wish(), &other));
    assert_false(
        DO(d, &carl, exception_end(&carl, other, "no", &d->err))); /* a request is refused, not ended */
    good(d, DO(d, &anna, exception_end(&anna, other, "", &d->err)));
    assert_string_equal(state_of(d, &anna, other, &row), "withdrawn");
    json_decref(row);
    good(d, ask_as(d, &w, &anna, wish(), &other));
    good(d, DO(d, &carl, exception_decide(&carl, other, true, "", NULL, &d->err)));
    assert_false(DO(d, &bert, exception_end(&bert, other, "not his", &d->err)));
    assert_int_equal(bert.problem, ACT_FORBIDDEN);
    good(d, DO(d, &anna, exception_end(&anna, other, "done with it", &d->err)));
    assert_false(DO(d, &anna, exception_end(&anna, other, "again", &d->err)));
    assert_int_equal(anna.problem, ACT_LATE);
    catalog_close(w.catalog);
}

static bool start(struct database *d, struct world *w, struct act *a, int64_t person, int64_t hours,
                  int64_t *id)
{
    struct exception_wish x = wish();

    x.person = person;
    x.hours = hours;
    bool ok = DO(d, a, exception_start_emergency(a, w->catalog, &x, id, &d->err));
    json_decref((json_t *)(uintptr_t)x.activities);
    return ok;
}

static void test_an_emergency_stays_open_until_it_is_closed_out(struct database *d)
{
    static const char said[] = "the counterparty asked for a new date, agreed by phone";
    struct world w = make(d);
    struct act carl = act_by(d, &w.compliance), mona = act_by(d, &w.manager), bert = act_by(d, &w.colleague),
               anna = act_by(d, &w.employee);
    struct exception_filter open = { .open = true };
    int64_t id = 0, other = 0;
    json_t *row = NULL, *page = NULL;

    assert_false(start(d, &w, &carl, w.anna, 13, &id));
    assert_string_equal(d->err.key, "hours");
    assert_false(start(d, &w, &carl, w.carl, 2, &id)); /* not for oneself */
    assert_int_equal(carl.problem, ACT_FORBIDDEN);
    assert_false(start(d, &w, &mona, w.anna, 2, &id)); /* the settings do not say so */
    assert_int_equal(mona.problem, ACT_FORBIDDEN);
    assert_false(start(d, &w, &anna, w.anna, 2, &id));
    good(d, DO(d, &carl, setting_set(d->db, SETTING_ID_EXCEPTION_MANAGERS, "1", cases_now, &d->err)));
    good(d, start(d, &w, &mona, w.anna, 2, &id));
    good(d, start(d, &w, &carl, w.anna, 2, &other));
    assert_string_equal(state_of(d, &mona, id, &row), "granted");
    assert_true(json_is_true(json_object_get(row, "open")));
    json_decref(row);
    good(d, exception_list(&carl, &open, &page, &d->err));
    assert_int_equal(json_array_size(json_object_get(page, "exceptions")), 2);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(page, "counts"), "open")), 2);
    json_decref(page);
    assert_false(DO(d, &bert, exception_close(&bert, id, said, "archive 7", &d->err)));
    assert_int_equal(bert.problem, ACT_FORBIDDEN);
    assert_false(DO(d, &mona, exception_close(&mona, id, "talk", "archive 7", &d->err)));
    assert_int_equal(mona.problem, ACT_WRONG);
    good(d, DO(d, &mona, exception_close(&mona, id, said, "archive 7", &d->err)));
    assert_string_equal(state_of(d, &mona, id, &row), "ended"); /* it does not go on behind what was told */
    assert_false(json_is_true(json_object_get(row, "open")));
    assert_string_equal(json_string_value(json_object_get(row, "said")), said);
    json_decref(row);
    assert_false(DO(d, &mona, exception_close(&mona, id, said, "archive 7", &d->err)));
    assert_int_equal(mona.problem, ACT_LATE);
    assert_int_equal(audit_count(d, "exception.emergency"), 2);
    assert_int_equal(audit_count(d, "exception.close"), 1);
    catalog_close(w.catalog);
}

static size_t seen_by(struct database *d, struct act *a, struct exception_filter f, char *label, size_t size)
{
    json_t *page = NULL;

    good(d, exception_list(a, &f, &page, &d->err));
    json_t *list = json_object_get(page, "exceptions");
    const char *text =
        json_string_value(json_object_get(json_object_get(json_array_get(list, 0), "who"), "label"));
    const size_t count = json_array_size(list);
    snprintf(label, size, "%s", text != NULL ? text : "");
    json_decref(page);
    return count;
}

static void test_everybody_sees_what_they_may(struct database *d)
{
    struct world w = make(d);
    struct act anna = act_by(d, &w.employee), bert = act_by(d, &w.colleague), mona = act_by(d, &w.manager),
               carl = act_by(d, &w.compliance), exa = act_by(d, &w.examiner);
    struct exception_filter all = { 0 }, words = { .text = "CORRESPONDENT" }, none = { .text = "100%" };
    int64_t of_anna = 0, of_bert = 0;
    json_t *row = NULL;
    char label[64];

    good(d, db_run(d->db, "update person set pseudonym = 'P-ANNA11' where id = ?", DB_ARGS(db_int(w.anna)),
                   NULL, &d->err));
    good(d, db_run(d->db, "update person set pseudonym = 'P-BERT22' where id = ?", DB_ARGS(db_int(w.bert)),
                   NULL, &d->err));
    good(d, ask_as(d, &w, &bert, wish(), &of_bert));
    good(d, ask_as(d, &w, &anna, wish(), &of_anna));
    assert_int_equal(seen_by(d, &carl, all, label, sizeof label), 2);
    assert_string_equal(label, "Anna");
    assert_int_equal(seen_by(d, &exa, all, label, sizeof label), 2);
    assert_string_equal(label, "P-ANNA11");
    assert_int_equal(seen_by(d, &mona, all, label, sizeof label), 1);
    assert_string_equal(label, "Anna");
    good(d, exception_get(&exa, of_anna, &row, &d->err)); /* nor by who asked */
    assert_string_equal(json_string_value(json_object_get(row, "asked_by")), "P-ANNA11");
    json_decref(row);
    assert_false(exception_get(&mona, of_bert, &row, &d->err));
    assert_int_equal(mona.problem, ACT_MISSING);
    assert_int_equal(seen_by(d, &carl, words, label, sizeof label), 2);
    assert_int_equal(seen_by(d, &carl, none, label, sizeof label), 0);
    all.limit = 1;
    assert_int_equal(seen_by(d, &carl, all, label, sizeof label), 1);
    all.before = of_anna;
    assert_int_equal(seen_by(d, &carl, all, label, sizeof label), 1);
    assert_string_equal(label, "Bert");
    good(d, exception_mine(&bert, &row, &d->err));
    assert_int_equal(json_array_size(json_object_get(row, "exceptions")), 1);
    json_decref(row);
    struct exception_filter wrong = { .state = "later" };
    assert_false(exception_list(&carl, &wrong, &row, &d->err));
    catalog_close(w.catalog);
}

static int64_t mails_to(struct database *d, const char *key)
{
    int64_t n = -1;

    good(d, db_query_int(d->db, "select count(*) from mail where key like ?", DB_ARGS(db_text(key)), &n, NULL,
                         &d->err));
    return n;
}

/* Carl and Cora decide; "anna2" is Anna herself. */
static void test_those_who_decide_are_told(struct database *d)
{
    struct world w = make(d);
    struct act anna = act_by(d, &w.employee), carl = act_by(d, &w.compliance);
    struct exception_wish emergency = wish();
    int64_t id;

    good(d, ask_as(d, &w, &anna, wish(), &id));
    assert_int_equal(mails_to(d, "exception % asked %"), 0); /* mail is turned off */
    good(d, db_run(d->db, "insert into setting (name, value, changed_us) values ('mail.on', '1', 0)", DB_NONE,
                   NULL, &d->err));
    good(d, ask_as(d, &w, &anna, wish(), &id));
    assert_int_equal(mails_to(d, "exception % asked %"), 2);
    emergency.until = NULL;
    emergency.hours = 2;
    emergency.person = w.anna;
    good(d, DO(d, &carl, exception_start_emergency(&carl, w.catalog, &emergency, &id, &d->err)));
    json_decref((json_t *)(uintptr_t)emergency.activities);
    assert_int_equal(mails_to(d, "exception % began %"), 1); /* to Cora: Carl did it, it is for Anna */
    catalog_close(w.catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_it_is_asked_for_and_decided_by_another),
        ON_BOTH(test_everybody_asks_for_whom_they_may),
        ON_BOTH(test_its_end_is_noted_once),
        ON_BOTH(test_an_emergency_stays_open_until_it_is_closed_out),
        ON_BOTH(test_everybody_sees_what_they_may),
        ON_BOTH(test_those_who_decide_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
