/* SPDX-License-Identifier: Apache-2.0 */
/* People in the database: joiners, changes, leavers, aliases, what is refused, and a hundred thousand of
 * them. */
#include "program/people_csv.h"
#include "program/person.h"
#include "store/database.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const struct actor system_actor = { .name = "system" };
static const char heads[] = "number,name,email,department,manager,login,address\n";

/* Synchronise with what a CSV file says. */
static bool sync_as(struct database *d, enum person_source source, const char *lines, uint64_t now_us,
                    bool force, bool dry, struct people_counts *out, size_t *out_problems)
{
    char text[8192];
    struct roster *r = roster_new();
    const struct people_sync how = {
        .source = source, .actor = &system_actor, .force = force, .dry = dry, .some_refused = false
    };

    snprintf(text, sizeof text, "%s%s", heads, lines);
    assert_non_null(r);
    bool ok = people_csv_parse(view_string(text), r, &d->err);
    if (ok) {
        good(d, db_begin(d->db, true, &d->err));
        ok = people_sync(d->db, r, &how, now_us, out, &d->err);
        if (ok)
            good(d, db_commit(d->db, &d->err));
        else
            db_rollback(d->db);
    }
    if (out_problems != NULL)
        *out_problems = r->problems.count;
    roster_free(r);
    return ok;
}

static struct people_counts sync_now(struct database *d, const char *lines, uint64_t now_us)
{
    struct people_counts c;

    good(d, sync_as(d, PERSON_CSV, lines, now_us, false, false, &c, NULL));
    return c;
}

static void counts_are(struct people_counts c, unsigned added, unsigned changed, unsigned left,
                       unsigned unchanged)
{
    assert_int_equal(c.added, added);
    assert_int_equal(c.changed, changed);
    assert_int_equal(c.left, left);
    assert_int_equal(c.unchanged, unchanged);
}

#define FIVE                                                                                                 \
    "1,Anna,anna@b.example,Compliance,,anna,10.0.0.1\n"                                                      \
    "2,Bert,bert@b.example,IT,anna@b.example,bert,10.0.0.2\n"                                                \
    "3,Cora,,IT,2,cora,10.0.0.3\n"                                                                           \
    "4,Dora,,IT,2,dora,10.0.0.4\n"                                                                           \
    "5,Emil,,Desk,2,emil,10.0.0.5\n"

static void test_joiners_have_managers_departments_aliases_and_pseudonyms(struct database *d)
{
    counts_are(sync_now(d, FIVE, 1000), 5, 0, 0, 0);
    counts_are(sync_now(d, FIVE, 2000), 0, 0, 0, 5);
    assert_int_equal(
        database_number(d, "select count(*) from person where length(pseudonym) = 8 and pseudonym like "
                           "'P-%' and state = 'active' and joined_us = 1000"),
        5);
    assert_int_equal(database_number(d, "select count(distinct pseudonym) from person"), 5);
    assert_int_equal(database_number(d,
                                     "select count(*) from person p join person m on m.id = p.manager where "
                                     "p.number = '2' and m.number = '1'"),
                     1);
    assert_int_equal(database_number(d,
                                     "select count(*) from person p join person m on m.id = p.manager where "
                                     "m.number = '2'"),
                     3);
    assert_int_equal(database_number(d, "select count(*) from department"), 3);
    assert_int_equal(
        database_number(d, "select count(*) from person_alias where until_us is null and from_us = 0 "
                           "and source = 'csv'"),
        10);
    assert_int_equal(database_number(d, "select count(*) from audit where act = 'people.sync'"), 2);
}

static void test_changes_and_moved_addresses(struct database *d)
{
    sync_now(d, FIVE, 1000);
    counts_are(sync_now(d,
                        "1,Anna Adler,anna@b.example,Compliance,,anna,10.0.0.1\n"
                        "2,Bert,bert@b.example,IT,1,bert,10.0.0.2\n"
                        "3,Cora,,Desk,2,cora,10.0.0.4\n"
                        "4,Dora,,IT,2,dora,\n"
                        "5,Emil,,Desk,2,emil,10.0.0.5\n",
                        2000),
               0, 3, 0, 2);
    /* 10.0.0.4 was Dora's until 2000 and is Cora's since; 10.0.0.3 is nobody's. */
    assert_int_equal(
        database_number(d, "select count(*) from person_alias a join person p on p.id = a.person where "
                           "a.value = '10.0.0.4' and p.number = '4' and a.until_us = 2000"),
        1);
    assert_int_equal(
        database_number(d, "select count(*) from person_alias a join person p on p.id = a.person where "
                           "a.value = '10.0.0.4' and p.number = '3' and a.until_us is null and a.from_us = "
                           "2000"),
        1);
    assert_int_equal(
        database_number(d, "select count(*) from person_alias where value = '10.0.0.3' and until_us is "
                           "null"),
        0);
    assert_int_equal(
        database_number(d, "select count(*) from person where number = '1' and name = 'Anna Adler'"), 1);
}

static void test_leavers_lose_aliases_accounts_sessions_and_tokens(struct database *d)
{
    sync_now(d, FIVE, 1000);
    good(d,
         db_script(d->db,
                   "insert into account (name, full_name, source, roles, person, state, created_us) select "
                   "'emil', 'Emil', 'local', 'compliance', id, 'active', 1 from person where number = '5';"
                   "insert into token (account, name, hash, scopes, created_us, expires_us) select id, 't', "
                   "'x', 'usage:read', 1, 2 from account",
                   &d->err));
    good(d,
         db_run(
             d->db,
             "insert into session (hash, account, csrf, created_us, seen_us, expires_us, strong_us, address, "
             "agent) select 'h', id, 'c', 1, 1, 9, 1, 'a', 'b' from account",
             DB_NONE, NULL, &d->err));
    counts_are(sync_now(d,
                        "1,Anna,anna@b.example,Compliance,,anna,10.0.0.1\n"
                        "2,Bert,bert@b.example,IT,anna@b.example,bert,10.0.0.2\n"
                        "3,Cora,,IT,2,cora,10.0.0.3\n"
                        "4,Dora,,IT,2,dora,10.0.0.4\n",
                        3000),
               0, 0, 1, 4);
    assert_int_equal(
        database_number(d, "select count(*) from person where number = '5' and state = 'left' and left_us "
                           "= 3000"),
        1);
    assert_int_equal(database_number(d, "select count(*) from person_alias where until_us = 3000"), 2);
    assert_int_equal(database_number(d, "select count(*) from account where state = 'disabled'"), 1);
    assert_int_equal(database_number(d, "select count(*) from session"), 0);
    assert_int_equal(database_number(d, "select count(*) from token where revoked_us = 3000"), 1);
    /* Back again, with the same pseudonym; the account stays as it is. */
    counts_are(sync_now(d, FIVE, 4000), 0, 1, 0, 4);
    assert_int_equal(
        database_number(d, "select count(*) from person where state = 'active' and left_us is null"), 5);
    assert_int_equal(database_number(d, "select count(*) from person_alias where until_us is null"), 10);
    assert_int_equal(database_number(d, "select count(*) from account where state = 'disabled'"), 1);
}

static void test_a_list_that_is_too_short_changes_nothing(struct database *d)
{
    struct people_counts c;

    sync_now(d, FIVE, 1000);
    assert_false(
        sync_as(d, PERSON_CSV, "1,Anna,,,,,\n2,Bert,,,,,\n3,Cora,,,,,\n", 2000, false, false, &c, NULL));
    assert_int_equal(d->err.code, IMW_ERROR_VALUE);
    assert_non_null(strstr(d->err.text, "2 of 5"));
    assert_int_equal(
        database_number(d, "select count(*) from person where state = 'active' and changed_us = 1000"), 5);
    good(d, sync_as(d, PERSON_CSV, "1,Anna,,,,,\n2,Bert,,,,,\n3,Cora,,,,,\n", 2000, true, false, &c, NULL));
    counts_are(c, 0, 3, 2, 0);
}

static void test_a_list_with_a_person_that_cannot_be_taken_changes_nothing(struct database *d)
{
    struct people_counts c;
    size_t problems;

    sync_now(d, FIVE, 1000);
    assert_false(
        sync_as(d, PERSON_CSV, FIVE "6,,nameless@b.example,,,,\n", 2000, false, false, &c, &problems));
    assert_non_null(strstr(d->err.text, "line 7"));
    assert_int_equal(problems, 1);
    assert_false(sync_as(d, PERSON_CSV, FIVE "5,Emil again,,,,,\n", 2000, false, false, &c, &problems));
    assert_int_equal(database_number(d, "select count(*) from person where changed_us = 1000"), 5);
}

static void test_a_dry_run_counts_and_changes_nothing(struct database *d)
{
    struct people_counts c;

    sync_now(d, FIVE, 1000);
    int64_t trail = database_number(d, "select count(*) from audit");
    good(d, sync_as(d, PERSON_CSV, "1,Anna,anna@b.example,New,,anna,10.0.0.1\n7,Gerd,,New,1,gerd,10.0.0.5\n",
                    2000, false, true, &c, NULL));
    counts_are(c, 1, 1, 4, 0);
    assert_int_equal(database_number(d, "select count(*) from person where changed_us = 1000"), 5);
    assert_int_equal(database_number(d, "select count(*) from department"), 3);
    assert_int_equal(database_number(d, "select count(*) from person_alias where until_us is null"), 10);
    assert_int_equal(database_number(d, "select count(*) from audit"), trail);
}

static void test_shared_addresses_and_circles_of_managers_are_told(struct database *d)
{
    struct people_counts c;
    size_t problems;

    good(d, sync_as(d, PERSON_CSV,
                    "1,Anna,,,3,,10.0.0.9\n2,Bert,,,1,,10.0.0.9\n3,Cora,,,2,,10.0.0.3\n4,Dora,,,4,,\n"
                    "5,Emil,,,99,,\n",
                    1000, false, false, &c, &problems));
    counts_are(c, 5, 0, 0, 0);
    assert_int_equal(problems, 3); /* the address, the circle, the manager 99 */
    assert_int_equal(database_number(d, "select count(*) from person_alias"), 1);
    assert_int_equal(database_number(d, "select count(*) from person where manager is not null"), 2);
}

static void test_sources_side_by_side(struct database *d)
{
    struct people_counts c;

    sync_now(d, FIVE, 1000);
    /* The directory knows two of them and one more: they are its from then on, and the others do not leave.
     */
    good(d, sync_as(d, PERSON_LDAP,
                    "1,Anna,anna@b.example,Compliance,,anna,\n2,Bert,bert@b.example,IT,1,bert,\n"
                    "8,Hans,,IT,2,hans,\n",
                    2000, false, false, &c, NULL));
    counts_are(c, 1, 2, 0, 0);
    assert_int_equal(database_number(d, "select count(*) from person where state = 'active'"), 6);
    assert_int_equal(database_number(d, "select count(*) from person where source = 'ldap'"), 3);
}

/* Somebody who was added by hand before does not make the first list a later one. */
static void test_the_first_list_tells_of_the_past(struct database *d)
{
    json_t *body = json_pack("{ss}", "name", "Root");
    int64_t root;

    good(d, db_begin(d->db, true, &d->err));
    good(d, person_add(d->db, body, 1000, &root, &d->err));
    good(d, person_alias_add(d->db, root, "address", "10.0.0.9", 1000, &d->err));
    good(d, db_commit(d->db, &d->err));
    json_decref(body);
    sync_now(d, FIVE, 2000);
    assert_int_equal(database_number(d, "select count(*) from person_alias where from_us = 0"), 10);
    assert_int_equal(database_number(d, "select count(*) from person_alias where from_us = 1000"), 1);
    sync_now(d, FIVE "6,Fred,,Desk,2,fred,10.0.0.6\n", 3000);
    assert_int_equal(database_number(d, "select count(*) from person_alias where from_us = 3000"), 2);
}

static void test_changes_by_hand(struct database *d)
{
    int64_t anna, bert;
    json_t *body = json_pack("{ss ss ss}", "name", "Anna", "number", "1", "department", "IT"),
           *changed = NULL;
    bool found;

    good(d, db_begin(d->db, true, &d->err));
    good(d, person_add(d->db, body, 1000, &anna, &d->err));
    good(d, db_commit(d->db, &d->err));
    good(d, db_begin(d->db, true, &d->err));
    assert_false(person_add(d->db, body, 1000, &bert, &d->err)); /* the number is taken */
    assert_string_equal(d->err.key, "number");
    db_rollback(d->db);
    json_decref(body);
    body = json_pack("{ss sI}", "name", "Bert", "manager", (json_int_t)anna);
    good(d, db_begin(d->db, true, &d->err));
    good(d, person_add(d->db, body, 1000, &bert, &d->err));
    good(d, person_alias_add(d->db, bert, "user", "BANK\\Bert", 1000, &d->err));
    good(d, person_alias_add(d->db, bert, "address", "10.1.2.77/24", 1000, &d->err));
    assert_false(person_alias_add(d->db, anna, "user", "bert@bank.example", 1000, &d->err));
    assert_false(person_alias_add(d->db, anna, "address", "10.0.0.0/4", 1000, &d->err));
    assert_false(person_alias_add(d->db, anna, "shoe", "42", 1000, &d->err));
    good(d, db_commit(d->db, &d->err));
    json_decref(body);
    assert_int_equal(
        database_number(d, "select count(*) from person_alias where value in ('bert', '10.1.2.0/24')"), 2);
    good(d, db_begin(d->db, true, &d->err));
    body = json_pack("{sI}", "manager", (json_int_t)bert);
    assert_false(person_change(d->db, anna, body, 2000, &changed, &d->err)); /* Bert is below Anna */
    assert_string_equal(d->err.key, "manager");
    json_decref(body);
    good(d, person_alias_end(d->db, bert, "user", "bert", 2000, &found, &d->err));
    assert_true(found);
    body = json_pack("{ss sn}", "state", "left", "manager");
    good(d, person_change(d->db, bert, body, 3000, &changed, &d->err));
    good(d, db_commit(d->db, &d->err));
    json_decref(body);
    json_decref(changed);
    assert_int_equal(
        database_number(d, "select count(*) from person where state = 'left' and manager is null"), 1);
    assert_int_equal(database_number(d, "select count(*) from person_alias where until_us is null"), 0);
}

static void test_names_are_for_those_who_may_see_them(struct database *d)
{
    struct actor compliance = { .name = "carl", .account = 1 };
    struct people_view view = { .actor = &compliance, .now_us = 5000 };
    struct people_filter all = { .limit = 3 }, by_name = { .text = "CORA", .limit = 10 };
    json_t *out;

    sync_now(d, FIVE, 1000);
    good(d, people_list(d->db, &view, &all, &out, &d->err));
    char *text = json_dumps(out, 0);
    assert_null(strstr(text, "Anna"));
    assert_null(strstr(text, "10.0.0.1"));
    assert_null(strstr(text, "anna"));
    assert_int_equal(json_integer_value(json_object_get(out, "total")), 5);
    assert_int_equal(json_array_size(json_object_get(out, "people")), 3);
    assert_true(json_is_string(json_object_get(out, "cursor")));
    free(text);
    json_decref(out);
    /* Nor may names be found by guessing. */
    good(d, people_list(d->db, &view, &by_name, &out, &d->err));
    assert_int_equal(json_integer_value(json_object_get(out, "total")), 0);
    json_decref(out);
    view.names = true;
    good(d, people_list(d->db, &view, &by_name, &out, &d->err));
    assert_int_equal(json_integer_value(json_object_get(out, "total")), 1);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(json_object_get(out, "people"), 0), "name")),
        "Cora");
    json_decref(out);
    by_name.text = "%";
    good(d, people_list(d->db, &view, &by_name, &out, &d->err));
    assert_int_equal(json_integer_value(json_object_get(out, "total")), 0);
    json_decref(out);
    /* A grant shows one. */
    good(d, db_script(
                d->db,
                "insert into account (id, name, full_name, source, roles, state, created_us) values (1, "
                "'carl', 'Carl', 'local', 'compliance', 'active', 1);"
                "insert into reveal (requester, kind, object, reason, state, asked_us, until_us) select 1, "
                "'person', cast(id as text), 'r', 'granted', 1, 6000 from person where number = '3'",
                &d->err));
    view.names = false;
    int64_t cora = database_number(d, "select id from person where number = '3'");
    good(d, person_get(d->db, &view, cora, &out, &d->err));
    assert_string_equal(json_string_value(json_object_get(out, "name")), "Cora");
    json_decref(out);
    view.now_us = 7000;
    good(d, person_get(d->db, &view, cora, &out, &d->err));
    assert_true(json_is_null(json_object_get(out, "name")));
    json_decref(out);
    good(d, departments_list(d->db, &view, &out, &d->err));
    assert_int_equal(json_array_size(json_object_get(out, "departments")), 3);
    json_decref(out);
}

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_a_hundred_thousand_people_in_seconds(struct database *d)
{
    enum { PEOPLE = 100000 };
    size_t size = (size_t)PEOPLE * 120 + 100, len;
    char *text = malloc(size);
    const struct people_sync how = { .source = PERSON_CSV, .actor = &system_actor };

    assert_non_null(text);
    for (unsigned round = 0; round < 3; round++) {
        struct roster *r = roster_new();
        struct people_counts c;
        len = (size_t)snprintf(text, size, "%s", heads);
        for (unsigned i = 0; i < PEOPLE; i++)
            len += (size_t)snprintf(text + len, size - len,
                                    "%u,Person %u%s,p%u@bank.example,Desk %u,%u,login%u,10.%u.%u.%u\n", i, i,
                                    round == 2 && i % 10 == 0 ? " changed" : "", i, i % 500, i / 10, i,
                                    i >> 16, i >> 8 & 255, i & 255);
        double from = seconds_now();
        good(d, people_csv_parse(view_of(text, len), r, &d->err));
        good(d, db_begin(d->db, true, &d->err));
        good(d, people_sync(d->db, r, &how, 1000 * (round + 1), &c, &d->err));
        good(d, db_commit(d->db, &d->err));
        print_message("# %s: %s %.2f s\n", d->kind == DB_SQLITE ? "SQLite" : "PostgreSQL",
                      round == 0   ? "100,000 joined in"
                      : round == 1 ? "nothing changed in"
                                   : "10,000 changed in",
                      seconds_now() - from);
        counts_are(c, round == 0 ? PEOPLE : 0, round == 2 ? PEOPLE / 10 : 0, 0,
                   round == 0 ? 0 : PEOPLE - (round == 2 ? PEOPLE / 10 : 0));
        roster_free(r);
    }
    free(text);
}

static unsigned found(struct database *d, const char *text, bool names)
{
    struct actor actor = { .account = 1 };
    const struct people_view view = { .actor = &actor, .names = names, .now_us = 5000 };
    json_t *out;

    good(d, people_list(d->db, &view, &(struct people_filter){ .text = text, .limit = 10 }, &out, &d->err));
    const unsigned n = (unsigned)json_integer_value(json_object_get(out, "total"));
    assert_int_equal(json_array_size(json_object_get(out, "people")), n);
    json_decref(out);
    return n;
}

static void test_people_are_found_by_all_that_they_are_called(struct database *d)
{
    json_t *changed, *out,
        *one = json_pack("{s:s,s:s,s:s}", "name", "Zoe 100% O'Neill", "email", "z_o@Bank.example", "number",
                         "Q77");
    struct actor actor = { .account = 1 };
    const struct people_view view = { .actor = &actor, .names = true, .now_us = 5000 };
    int64_t id;
    bool there;

    sync_now(d, FIVE, 1000);
    good(d, person_add(d->db, one, 2000, &id, &d->err));
    good(d, person_alias_add(d->db, id, "host", "Desk-42.bank.example", 2000, &d->err));
    json_decref(one);
    assert_int_equal(found(d, "o'NEI", true), 1);
    assert_int_equal(found(d, "100%", true), 1);
    assert_int_equal(found(d, "1%0", true), 0);
    assert_int_equal(found(d, "z_o@bank", true), 1);
    assert_int_equal(found(d, "z-o@bank", true), 0);
    assert_int_equal(found(d, "q77", true), 1);
    assert_int_equal(found(d, "desk-42", true), 1);
    assert_int_equal(found(d, "10.0.0.1", true), 1); /* of a list */
    assert_int_equal(found(d, "p-", true), 6);
    assert_int_equal(found(d, "p-", false), 6);
    assert_int_equal(found(d, "desk-42", false), 0);
    assert_int_equal(found(d, "neill", false), 0);

    good(d, people_list(d->db, &view, &(struct people_filter){ .text = "p-", .after = id, .limit = 10 }, &out,
                        &d->err));
    assert_int_equal(json_array_size(json_object_get(out, "people")), 0);
    assert_int_equal(json_integer_value(json_object_get(out, "total")), 6); /* behind the last page, too */
    json_decref(out);

    one = json_pack("{s:s}", "name", "Zara");
    good(d, person_change(d->db, id, one, 3000, &changed, &d->err));
    json_decref(changed);
    json_decref(one);
    good(d, person_alias_end(d->db, id, "host", "desk-42.bank.example", 3000, &there, &d->err));
    assert_true(there);
    assert_int_equal(found(d, "neill", true), 0);
    assert_int_equal(found(d, "zara", true), 1);
    assert_int_equal(found(d, "desk-42", true), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_joiners_have_managers_departments_aliases_and_pseudonyms),
        ON_BOTH(test_changes_and_moved_addresses),
        ON_BOTH(test_leavers_lose_aliases_accounts_sessions_and_tokens),
        ON_BOTH(test_a_list_that_is_too_short_changes_nothing),
        ON_BOTH(test_a_list_with_a_person_that_cannot_be_taken_changes_nothing),
        ON_BOTH(test_a_dry_run_counts_and_changes_nothing),
        ON_BOTH(test_shared_addresses_and_circles_of_managers_are_told),
        ON_BOTH(test_sources_side_by_side),
        ON_BOTH(test_the_first_list_tells_of_the_past),
        ON_BOTH(test_changes_by_hand),
        ON_BOTH(test_names_are_for_those_who_may_see_them),
        ON_BOTH(test_people_are_found_by_all_that_they_are_called),
        ON_BOTH(test_a_hundred_thousand_people_in_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
