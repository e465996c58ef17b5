/* SPDX-License-Identifier: Apache-2.0 */
/* Drafts, checks, publication, and the file that sensors read. */
#include "identify/catalog.h"
#include "program/cases.h"
#include "program/policy_text.h"
#include <stdlib.h>

static const char good_text[] = "version: 1\n"
                                "edition: \"2026-11\"\n"
                                "default: alert\n"
                                "rules:\n"
                                "  - name: no WhatsApp\n"
                                "    match: {service: whatsapp}\n"
                                "    action: block\n"
                                "  # files\n"
                                "  - name: no files\n"
                                "    match:\n"
                                "      class: im\n"
                                "      activity: file\n"
                                "    action: block\n"
                                "enforce: {contact: \"ext. 4711\"}\n";
static const char other_text[] = "version: 1\n"
                                 "default: alert\n"
                                 "rules:\n"
                                 "  - name: no WhatsApp\n"
                                 "    match: {service: whatsapp}\n"
                                 "    action: alert\n";

static struct catalog *catalog(void)
{
    struct imw_error_info err;
    struct catalog *c;

    assert_true(catalog_builtin(&c, &err));
    return c;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s != NULL ? s : "";
}

static void test_a_report_lists_rules_and_problems(void **state)
{
    struct catalog *c = catalog();
    struct imw_error_info err;
    json_t *r;

    (void)state;
    assert_true(policy_report(view_string(good_text), c, cases_now, &r, &err));
    const json_t *rules = json_object_get(r, "rules");
    assert_true(json_is_true(json_object_get(r, "ok")));
    assert_int_equal(strncmp(text_of(r, "version"), "2026-11-", 8), 0);
    assert_int_equal(json_array_size(rules), 2);
    assert_string_equal(text_of(json_array_get(rules, 0), "text"),
                        "  - name: no WhatsApp\n    match: {service: whatsapp}\n    action: block");
    assert_string_equal(
        text_of(json_array_get(rules, 1), "text"),
        "  - name: no files\n    match:\n      class: im\n      activity: file\n    action: block");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(rules, 1), "line")), 9);
    json_decref(r);

    /* a rule that is never reached is a warning */
    static const char shadowed[] =
        "version: 1\ndefault: alert\nrules:\n  - {name: a, match: {}, action: block}\n"
        "  - {name: b, match: {service: whatsapp}, action: allow}\n";
    assert_true(policy_report(view_string(shadowed), c, cases_now, &r, &err));
    const json_t *problem = json_array_get(json_object_get(r, "problems"), 0);
    assert_true(json_is_true(json_object_get(r, "ok")));
    assert_string_equal(text_of(problem, "level"), "warning");
    assert_int_equal(json_integer_value(json_object_get(problem, "line")), 5);
    json_decref(r);

    static const char wrong[] =
        "version: 1\ndefault: alert\nrules:\n  - name: a\n    match: {service: whatsup}\n    action: block\n";
    assert_true(policy_report(view_string(wrong), c, cases_now, &r, &err));
    problem = json_array_get(json_object_get(r, "problems"), 0);
    assert_false(json_is_true(json_object_get(r, "ok")));
    assert_true(json_is_null(json_object_get(r, "version")));
    assert_string_equal(text_of(problem, "level"), "error");
    assert_int_equal(json_integer_value(json_object_get(problem, "line")), 5);
    assert_non_null(strstr(text_of(problem, "text"), "whatsapp")); /* what was meant */
    json_decref(r);
    catalog_close(c);
}

/* What a user writes reaches no file: neither is one read, nor told whether it is there. */
static void test_a_text_reaches_no_files(void **state)
{
    static const struct {
        const char *text;
        bool ok;
    } of[] = {
        { "version: 1\ndefault: alert\ninclude: [/etc/passwd]\n", false },
        { "version: 1\ndefault: alert\npeople: /etc/passwd\n", false },
        { "version: 1\ndefault: alert\nscan: {yara: [/no/such/file]}\n", true },
        { "version: 1\ndefault: alert\nscan: {hashes: [/etc/passwd]}\n", true },
        { "version: 1\ndefault: alert\nenforce: {page: /etc/shadow}\n", true },
        { "version: 1\ndefault: alert\nvault: {path: /no, key: /no/such}\n", true },
        { "version: 1\ndefault: alert\nscan: {clamd: \"unix:/no/such\"}\n", true },
    };
    struct catalog *c = catalog();
    struct imw_error_info err;
    json_t *r;

    (void)state;
    for (unsigned i = 0; i < sizeof of / sizeof of[0]; i++) {
        assert_true(policy_report(view_string(of[i].text), c, cases_now, &r, &err));
        assert_int_equal(json_is_true(json_object_get(r, "ok")), of[i].ok);
        char *all = json_dumps(r, 0);
        assert_null(strstr(all, "No such file"));
        assert_null(strstr(all, "root:"));
        free(all);
        json_decref(r);
    }
    catalog_close(c);
}

static void test_differences_of_two_texts(void **state)
{
    json_t *diff = policy_lines_changed(VIEW("a\nb\nc\nd\n"), VIEW("a\nc\nx\nd\n"), 10);

    (void)state;
    assert_int_equal(json_array_size(diff), 2);
    assert_string_equal(json_string_value(json_array_get(diff, 0)), "-2 b");
    assert_string_equal(json_string_value(json_array_get(diff, 1)), "+3 x");
    json_decref(diff);
    diff = policy_lines_changed(VIEW("1\n2\n3\n4\n"), VIEW(""), 2);
    assert_int_equal(json_array_size(diff), 3);
    assert_string_equal(json_string_value(json_array_get(diff, 2)), "…");
    json_decref(diff);
}

static void test_a_version_is_published_once_and_replaces(struct database *d)
{
    int64_t me = add_account(d, "eva", "engineer", 0), first, second;
    struct actor eva = actor_of(me, "eva", "engineer");
    struct act a = act_by(d, &eva);
    struct catalog *c = catalog();
    json_t *list = NULL, *row = NULL;

    good(d, DO(d, &a, policy_text_new(&a, c, good_text, 0, &first, &d->err)));
    good(d, DO(d, &a, policy_text_new(&a, c, other_text, first, &second, &d->err)));
    good(d, DO(d, &a, policy_text_publish(&a, c, first, &d->err)));
    assert_false(DO(d, &a, policy_text_publish(&a, c, first, &d->err)));
    assert_int_equal(a.problem, ACT_LATE);
    assert_false(
        DO(d, &a, policy_text_change(&a, c, first, other_text, &d->err))); /* nobody changes a version */
    assert_int_equal(a.problem, ACT_LATE);
    /* a wrong draft is kept, but not published */
    good(d, DO(d, &a, policy_text_change(&a, c, second, "version: 2\n", &d->err)));
    assert_false(DO(d, &a, policy_text_publish(&a, c, second, &d->err)));
    assert_int_equal(a.problem, ACT_WRONG);
    assert_string_equal(d->err.key, "text");
    good(d, DO(d, &a, policy_text_change(&a, c, second, other_text, &d->err)));
    eva.token = true;
    assert_false(DO(d, &a, policy_text_publish(&a, c, second, &d->err)));
    assert_int_equal(a.problem, ACT_FORBIDDEN);
    eva.token = false;
    good(d, DO(d, &a, policy_text_publish(&a, c, second, &d->err)));
    good(d, policy_text_list(&a, &list, &d->err));
    const json_t *rows = json_object_get(list, "policies");
    assert_string_equal(text_of(json_array_get(rows, 0), "state"), "published");
    assert_string_equal(text_of(json_array_get(rows, 1), "state"), "replaced");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, 1), "rules")), 2);
    assert_null(json_object_get(json_array_get(rows, 1), "text"));
    json_decref(list);
    good(d, policy_text_get(&a, first, &row, &d->err));
    assert_string_equal(text_of(row, "text"), good_text);
    assert_string_equal(text_of(row, "author"), "eva");
    json_decref(row);
    assert_int_equal(audit_count(d, "policy.publish"), 2);
    assert_int_equal(
        database_number(d, "select count(*) from audit where act = 'policy.publish' and record like '%-7 %'"),
        1);
    catalog_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_report_lists_rules_and_problems),
        cmocka_unit_test(test_a_text_reaches_no_files),
        cmocka_unit_test(test_differences_of_two_texts),
        ON_BOTH(test_a_version_is_published_once_and_replaces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
