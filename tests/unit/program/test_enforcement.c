/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles for gateways: what is in them, that they load as a gateway reads them, signatures, folders, 100,000
 * people. */
#include "identify/catalog.h"
#include "policy/policy.h"
#include "program/cases.h"
#include "program/enforcement.h"
#include "program/policy_text.h"
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char text[] =
    "version: 1\nedition: \"2026-11\"\ndefault: alert\npeople: people.csv\nexceptions: exceptions.yaml\n"
    "rules:\n  - {name: sign first, match: {class: im, acknowledged: false}, action: block}\n"
    "enforce: {page: elsewhere.html}\n";

static void add_alias(struct database *d, int64_t person, const char *kind, const char *value)
{
    good(d,
         db_run(d->db,
                "insert into person_alias (kind, value, person, source, from_us) values (?, ?, ?, 'hand', 0)",
                DB_ARGS(db_text(kind), db_text(value), db_int(person)), NULL, &d->err));
}

static void publish(struct database *d, const struct catalog *c)
{
    const struct actor eva = actor_of(add_account(d, "eva", "engineer", 0), "eva", "engineer");
    int64_t id;

    struct act a = act_by(d, &eva);
    good(d, DO(d, &a, policy_text_new(&a, c, text, 0, &id, &d->err)));
    good(d, DO(d, &a, policy_text_publish(&a, c, id, &d->err)));
}

static void grant(struct database *d, int64_t person, const char *why, uint64_t until_us)
{
    int64_t id;

    good(
        d,
        db_insert(
            d->db,
            "insert into exception (kind, state, service, activities, person, purpose, benefit, risk, asked_us, "
            "from_us, until_us, changed_us) values ('request', 'granted', 'whatsapp', 'chat file', ?, ?, '', "
            "'{}', 0, 0, ?, 0) returning id",
            DB_ARGS(db_int(person), db_text(why), db_int((int64_t)until_us)), &id, &d->err));
}

static bool make(struct database *d, const struct catalog *c, uint64_t now_us, struct enforcement *e,
                 bool *any)
{
    bool ok = db_begin(d->db, false, &d->err) && enforcement_make(d->db, c, now_us, e, any, &d->err);

    db_rollback(d->db);
    return ok;
}

static void test_a_bundle_is_what_a_gateway_reads(struct database *d)
{
    static const char hostile[] = "\"}\naction: [block]\n  - name: x # \\ {\xc3\xa9\xf0\x9f\x98\x80}";
    struct catalog *c = NULL;
    struct enforcement e, again;
    bool any = true;

    good(d, catalog_builtin(&c, &d->err));
    good(d, make(d, c, cases_now, &e, &any));
    assert_false(any);
    publish(d, c);
    const int64_t anna = add_person(d, "Anna"), bert = add_person(d, "Bert"), carl = add_person(d, "Carl");
    add_alias(d, anna, "user", "anna");
    add_alias(d, anna, "user", "a.adams");
    add_alias(d, anna, "address", "10.0.0.1");
    add_alias(d, bert, "address", "10.0.0.2"); /* without a login */
    add_alias(d, carl, "user", "odd,name");
    grant(d, anna, hostile, cases_now + 3600000000);
    grant(d, bert, "gone by then", cases_now);
    grant(d, carl, "nobody whom the network could know", cases_now + 1);
    good(d, make(d, c, cases_now, &e, &any));
    assert_true(any);
    assert_int_equal(e.people, 3);
    assert_int_equal(e.left, 1);
    assert_int_equal(e.exceptions, 1);
    assert_true(e.takes);
    assert_string_equal(e.file[0], text);
    assert_non_null(strstr(e.file[1], "a.adams,10.0.0.1,"));
    assert_non_null(strstr(e.file[1], "\nBert,10.0.0.2,")); /* the pseudonym; here it is the name */

    const struct policy_beside beside = { view_of(e.file[1], e.len[1]), view_of(e.file[2], e.len[2]) };
    struct policy *p = NULL;
    good(d, policy_parse_beside(view_of(e.file[0], e.len[0]), &beside, c, &p, &d->err));
    struct policy_facts f = { .service = catalog_find(c, VIEW("whatsapp")),
                              .activities = 1u << ACTIVITY_CHAT,
                              .user = VIEW("ANNA"),
                              .time_us = cases_now };
    struct policy_verdict v;
    policy_judge(p, &f, &v);
    assert_int_equal(v.action, POLICY_ALLOW);
    assert_int_equal(strncmp(v.rule, "exception ", 10), 0);
    f.time_us += 3600000000;
    policy_judge(p, &f, &v);
    assert_int_equal(v.action, POLICY_BLOCK);
    assert_string_equal(v.rule, "sign first");
    assert_true(v.expired);
    assert_string_equal(e.version, policy_version(p));
    policy_free(p);

    /* nothing new: the same; something new: another, with a higher number */
    good(d, enforcement_number(&e, 7, cases_now, &d->err));
    assert_int_equal(e.number, cases_now);
    json_t *manifest = enforcement_read_manifest(e.manifest, strlen(e.manifest));
    assert_non_null(manifest);
    good(d, make(d, c, cases_now, &again, &any));
    assert_false(enforcement_differs(&again, manifest));
    enforcement_fini(&again);
    good(d, make(d, c, cases_now + 3600000001, &again, &any)); /* the exception is over */
    assert_true(enforcement_differs(&again, manifest));
    good(d, enforcement_number(&again, cases_now + 10, cases_now, &d->err)); /* a clock that was put back */
    assert_int_equal(again.number, cases_now + 11);
    json_decref(manifest);
    enforcement_fini(&again);
    enforcement_fini(&e);
    catalog_close(c);
}

static int64_t insert(struct database *d, const char *sql)
{
    int64_t id = 0;

    good(d, db_insert(d->db, sql, DB_NONE, &id, &d->err));
    return id;
}

static void run_format(struct database *d, const char *format, ...) IMW_PRINTF(2, 3);
static void run_format(struct database *d, const char *format, ...)
{
    char sql[1000];
    va_list args;

    va_start(args, format);
    vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    good(d, db_script(d->db, sql, &d->err));
}

static void sign(struct database *d, int64_t person, int64_t version)
{
    run_format(
        d,
        "insert into signature (person, document, version, typed_name, proof, proved_us, time_us, sha256, receipt, "
        "receipt_sha256) values (%lld, 1, %lld, '', 'password', 0, 0, '', '', 'r%lld-%lld')",
        (long long)person, (long long)version, (long long)person, (long long)version);
}

static void owe(struct database *d, int64_t person, int64_t course, const char *state,
                const char *certificate, const char *until)
{
    run_format(
        d,
        "insert into training_duty (course, person, assignment, state, reason, assigned_us, due_us, certificate, "
        "valid_until_us) values (%lld, %lld, 1, '%s', 'assigned', 0, 0, %s, %s)",
        (long long)course, (long long)person, state, certificate, until);
}

/* What everybody signed and learnt, as the file of people has it. */
static void test_duties_become_what_the_policy_asks_for(struct database *d)
{
    static const char version[] =
        "insert into document_version (document, edition, text, sha256, state, has_rules, sign, "
        "created_us, changed_us) values (1, '%s', '', '', '%s', %d, %d, 0, 0)";
    static const char *const expected[] = { "\nann,,2026-11,2027-06-30,\n", "\nbob,,2026-11,,\n",
                                            "\ncid,,2026-10,,\n",           "\ndan,,,,\n",
                                            "\neve,,,9998-12-31,\n",        "\nfay,,,2027-01-31,\n" };
    const char *const until = "1814400000000000"; /* 2027-07-01 */
    struct catalog *c = NULL;
    struct enforcement e;
    int64_t people[6];
    bool any;

    good(d, catalog_builtin(&c, &d->err));
    publish(d, c); /* edition 2026-11 */
    for (unsigned i = 0; i < 6; i++) {
        char name[4] = { "abcdef"[i], "noiava"[i], "nbdney"[i] };
        people[i] = add_person(d, name);
        add_alias(d, people[i], "user", (const char *[]){ "ann", "bob", "cid", "dan", "eve", "fay" }[i]);
    }
    assert_int_equal(
        insert(
            d,
            "insert into document (title, audience, due_days, remind_before, remind_every, escalate_after, "
            "created_us, changed_us) values ('IM', 'everybody', 30, 7, 7, 7, 0, 0) returning id"),
        1);
    /* 1: the first; 2: asks for signatures; 3: in force, a change of words that asks for none; 4: a draft */
    run_format(d, version, "2026-09", "replaced", 1, 1);
    run_format(d, version, "2026-10", "replaced", 1, 1);
    run_format(d, version, "2026-11", "published", 1, 0);
    run_format(d, version, "2027-01", "draft", 1, 1);
    sign(d, people[0], 2);
    sign(d, people[0], 1);
    sign(d, people[1], 3);
    assert_int_equal(insert(d, "insert into course (state, created_us) values ('published', 0) returning id"),
                     1);
    assert_int_equal(insert(d, "insert into course (state, created_us) values ('published', 0) returning id"),
                     2);
    run_format(
        d,
        "insert into training_assignment (course, everybody, due_days, after_incident, remind_days, state, "
        "created_us) values (1, 1, 30, 0, '', 'active', 0)");
    owe(d, people[0], 1, "done", "1", until);
    owe(d, people[0], 2, "done", "1", "1830000000000000"); /* later */
    owe(d, people[1], 1, "overdue", "1", until);
    owe(d, people[2], 1, "done", "1", until);
    owe(d, people[2], 2, "open", "null", "null");
    owe(d, people[3], 1, "open", "null", "null");
    owe(d, people[4], 1, "done", "1", "null");
    owe(d, people[5], 1, "excused", "null", "null");
    owe(d, people[5], 2, "renew", "1", "1801440000000000"); /* 2027-02-01 */
    good(d, make(d, c, cases_now, &e, &any));
    for (unsigned i = 0; i < 6; i++)
        if (i != 2 && strstr(e.file[1], expected[i]) == NULL)
            fail_msg("%u: %s is not in\n%s", i, expected[i], e.file[1]);
    assert_non_null(strstr(e.file[1], "\ncid,,,,\n"));
    enforcement_fini(&e);
    /* the version in force asks for a new signature: who signed the one before is behind */
    good(d, db_script(d->db, "update document_version set sign = 1 where edition = '2026-11'", &d->err));
    sign(d, people[2], 2);
    good(d, make(d, c, cases_now, &e, &any));
    assert_non_null(strstr(e.file[1], "\nann,,2026-10,2027-06-30,\n"));
    assert_non_null(strstr(e.file[1], "\nbob,,2026-11,,\n"));
    assert_non_null(strstr(e.file[1], expected[2]));
    enforcement_fini(&e);
    catalog_close(c);
}

static void test_folders_lead_to_the_newest(struct database *d)
{
    uint8_t key[32], secret[64], signature[64];
    char folder[128], path[256], said[ENFORCEMENT_SIGNED_SIZE], *got;
    struct catalog *c = NULL;
    struct enforcement e;
    struct stat s;
    size_t len;
    bool any;

    assert_true(sodium_init() >= 0);
    crypto_sign_keypair(key, secret);
    snprintf(folder, sizeof folder, "%s/bundles", d->folder);
    good(d, catalog_builtin(&c, &d->err));
    publish(d, c);
    for (uint64_t n = 1; n <= 6; n++) {
        good(d, make(d, c, cases_now, &e, &any));
        good(d, enforcement_number(&e, 0, n, &d->err));
        enforcement_signed(n, e.manifest, strlen(e.manifest), said);
        crypto_sign_detached(signature, NULL, (const uint8_t *)said, strlen(said), secret);
        good(d, enforcement_store(&e, folder, signature, key, &d->err));
        enforcement_fini(&e);
    }
    good(d, enforcement_load(folder, 0, "manifest.json", &got, &len, &d->err));
    json_t *manifest = enforcement_read_manifest(got, len);
    assert_int_equal(json_integer_value(json_object_get(manifest, "number")), 6);
    json_decref(manifest);
    char *sig;
    size_t sig_len;
    good(d, enforcement_load(folder, 6, "manifest.sig", &sig, &sig_len, &d->err));
    assert_true(enforcement_is_signed(got, len, 6, view_of(sig, sig_len), key));
    assert_false(enforcement_is_signed(got, len, 7, view_of(sig, sig_len), key));
    key[3] ^= 1;
    assert_false(enforcement_is_signed(got, len, 6, view_of(sig, sig_len), key));
    key[3] ^= 1;
    for (size_t i = 0; i < len; i += 7) {
        got[i] ^= 1;
        assert_false(enforcement_is_signed(got, len, 6, view_of(sig, sig_len), key));
        got[i] ^= 1;
    }
    free(got);
    free(sig);
    snprintf(path, sizeof path, "%s/2", folder);
    assert_int_not_equal(stat(path, &s), 0); /* the oldest went */
    snprintf(path, sizeof path, "%s/3", folder);
    assert_int_equal(stat(path, &s), 0);

    /* beside a policy's file */
    unsigned written = 9;
    good(d, make(d, c, cases_now, &e, &any));
    snprintf(path, sizeof path, "%s/policy.yaml", d->folder);
    good(d, enforcement_store_beside(&e, path, &written, &d->err));
    assert_int_equal(written, 3);
    good(d, enforcement_store_beside(&e, path, &written, &d->err));
    assert_int_equal(written, 0);
    assert_int_equal(chmod(path, 0640), 0);
    e.file[0][0] = '#';
    good(d, enforcement_store_beside(&e, path, &written, &d->err));
    assert_int_equal(written, 1);
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0640);
    assert_false(enforcement_store_beside(&e, "/no/such/folder/policy.yaml", &written, &d->err));
    enforcement_fini(&e);
    catalog_close(c);
}

static void test_a_manifest_is_ours_or_none(void **state)
{
    static const char *const wrong[] = {
        "",
        "[]",
        "{}",
        "{\"number\":1}",
        "{\"number\":1,\"files\":[]}",
        "{\"number\":1,\"files\":[{\"name\":\"../../etc/passwd\",\"size\":1,\"sha256\":\"00\"},{},{}]}",
        "{\"number\":-1,\"number\":2,\"files\":[]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_null(enforcement_read_manifest(wrong[i], strlen(wrong[i])));
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* How long a bundle takes: printed, and bounded far above what it takes without sanitizers. */
static void test_many_people_are_made_fast(struct database *d)
{
    const char *wanted = getenv("ENFORCEMENT_PEOPLE");
    const int64_t people = wanted != NULL ? atoll(wanted) : 5000;
    struct catalog *c = NULL;
    struct enforcement e;
    bool any;

    good(d, catalog_builtin(&c, &d->err));
    publish(d, c);
    good(d, db_begin(d->db, true, &d->err));
    good(d, db_script(
                d->db,
                "insert into department (name) values ('Bank'); insert into department (name, parent) select "
                "'Desk', id from department",
                &d->err));
    char sql[900];
    snprintf(
        sql, sizeof sql,
        "insert into person (pseudonym, name, department, source, state, joined_us, changed_us) "
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < %lld) "
        "select 'P-' || i, 'Person ' || i, (select max(id) from department), 'csv', 'active', 0, 0 from n",
        (long long)people);
    good(d, db_script(d->db, sql, &d->err));
    good(
        d,
        db_script(
            d->db,
            "insert into person_alias (kind, value, person, source, from_us) select 'user', 'user' || id, id, "
            "'csv', 0 from person; insert into person_alias (kind, value, person, source, from_us) select "
            "'address', '10.' || (id / 65536) || '.' || (id / 256 % 256) || '.' || (id % 256), id, 'csv', 0 from "
            "person",
            &d->err));
    good(d, db_commit(d->db, &d->err));
    const double begun = seconds();
    const clock_t worked = clock();
    good(d, make(d, c, cases_now, &e, &any));
    const double took = seconds() - begun;
    assert_int_equal(e.people, people);
    printf("%lld people on %s: %.2f s, %.2f s of them at work, %zu bytes\n", (long long)people,
           d->kind == DB_SQLITE ? "SQLite" : "PostgreSQL", took, (double)(clock() - worked) / CLOCKS_PER_SEC,
           e.len[1]);
    assert_true(took < 30);
    enforcement_fini(&e);
    catalog_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_a_bundle_is_what_a_gateway_reads), ON_BOTH(test_duties_become_what_the_policy_asks_for),
        ON_BOTH(test_folders_lead_to_the_newest),       cmocka_unit_test(test_a_manifest_is_ours_or_none),
        ON_BOTH(test_many_people_are_made_fast),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
