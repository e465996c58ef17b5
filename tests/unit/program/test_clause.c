/* SPDX-License-Identifier: Apache-2.0 */
/* Documents: clauses, the policy that their blocks make, what is refused, rules in words, differences. */
#include "identify/catalog.h"
#include "program/clause.h"
#include "program/document.h"
#include "program/line_diff.h"
#include "test.h"
#include <stdlib.h>

static const uint64_t now_us = UINT64_C(1795600000000000); /* 2026-11-25 */

static struct catalog *catalog(void)
{
    struct imw_error_info err;
    struct catalog *c;

    assert_true(catalog_builtin(&c, &err));
    return c;
}

static struct clauses read_text(const char *text)
{
    struct imw_error_info err = { 0 };
    struct catalog *c = catalog();
    struct clauses out;

    if (!clauses_read(view_string(text), "A policy", "2026-11", c, now_us, &out, &err))
        fail_msg("%s", err.text);
    catalog_close(c);
    return out;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s != NULL ? s : "";
}

static const json_t *clause(const struct clauses *c, size_t n)
{
    return json_array_get(c->list, n);
}

static const char good[] = "# Messaging\n"
                           "\n"
                           "```imward\n"
                           "default: {im: block, else: alert}\n"
                           "```\n"
                           "Intro.\n"
                           "\n"
                           "## Use\n"
                           "Words.\n"
                           "### 7.3. Files ##\n"
                           "No files.\n"
                           "```imward\n"
                           "  - name: no files\n"
                           "    match: {class: im, activity: file}\n"
                           "    action: block\n"
                           "```\n"
                           "More words.\n"
                           "## Calls\n"
                           "~~~ imward\n"
                           "# who calls\n"
                           "- name: calls\n"
                           "  match: {service: [whatsapp, signal], activity: call}\n"
                           "  action: allow\n"
                           "~~~\n";

static void test_clauses_have_their_rules(void **state)
{
    struct clauses c = read_text(good);
    const json_t *files, *rule;

    (void)state;
    assert_true(c.ok);
    assert_int_equal(json_array_size(c.problems), 0);
    assert_int_equal(json_array_size(c.list), 4);
    assert_string_equal(text_of(clause(&c, 0), "title"), "Messaging");
    assert_string_equal(text_of(clause(&c, 0), "number"), "");
    assert_string_equal(text_of(clause(&c, 0), "text"), "Intro.");
    assert_string_equal(text_of(clause(&c, 1), "number"), "1");
    files = clause(&c, 2);
    assert_string_equal(text_of(files, "number"), "7.3");
    assert_string_equal(text_of(files, "title"), "Files");
    assert_string_equal(text_of(files, "text"), "No files.\nMore words.");
    assert_int_equal(json_array_size(json_object_get(files, "rules")), 1);
    rule = json_array_get(json_object_get(files, "rules"), 0);
    assert_string_equal(text_of(rule, "name"), "no files");
    assert_string_equal(text_of(rule, "action"), "block");
    assert_int_equal(json_integer_value(json_object_get(rule, "line")), 13);
    assert_string_equal(text_of(rule, "yaml"),
                        "- name: no files\n  match: {class: im, activity: file}\n  action: block");
    assert_string_equal(text_of(rule, "words"), "Stopped: instant messaging; files.");
    assert_string_equal(text_of(clause(&c, 3), "number"), "2");
    assert_int_equal(c.rules, 2);
    clauses_fini(&c);
}

static void test_the_policy_is_head_edition_and_rules(void **state)
{
    struct clauses c = read_text(good);

    (void)state;
    assert_string_equal(c.policy,
                        "# Made of the document \"A policy\": its clauses carry these rules. Change them "
                        "there.\n"
                        "version: 1\n"
                        "default: {im: block, else: alert}\n"
                        "edition: \"2026-11\"\n"
                        "rules:\n"
                        "  # clause 7.3 Files\n"
                        "  - name: no files\n"
                        "    match: {class: im, activity: file}\n"
                        "    action: block\n"
                        "  # clause 2 Calls\n"
                        "  # who calls\n"
                        "  - name: calls\n"
                        "    match: {service: [whatsapp, signal], activity: call}\n"
                        "    action: allow\n");
    clauses_fini(&c);
}

static void test_a_text_without_blocks_makes_no_policy(void **state)
{
    struct clauses c = read_text("# Words\n\n```yaml\n- name: x\n```\n## One\n");

    (void)state;
    assert_true(c.ok);
    assert_false(c.has_rules);
    assert_null(c.policy);
    assert_string_equal(text_of(clause(&c, 0), "text"), "```yaml\n- name: x\n```");
    clauses_fini(&c);
}

/* What could show a reader another text than is enforced, and what is no policy. */
static void test_what_is_refused(void **state)
{
    static const struct {
        const char *text, *said;
        unsigned line;
    } of[] = {
        { "# A\n<!--\n```imward\n- {name: a}\n```\n-->\n", "HTML", 2 },
        { "# A\na <b>word</b>\n", "HTML", 2 },
        { "# A\n- item\n  ```imward\n  - name: a\n  ```\n", "line's start", 3 },
        { "# A\n> ```imward\n> - name: a\n> ```\n", "line's start", 2 },
        { "# A\n- ```\n", "line's start", 2 },
        { "# A\n````\n```imward\n- name: a\n```\n````\n", "inside the block", 3 },
        { "# A\n```imward\n- name: a\n", "has no end", 2 },
        { "# A\n```imward\n```\n", "empty", 2 },
        { "# A\n```imward\njust words\n```\n", "a list of rules", 2 },
        { "# A\n```imward\n[{name: a, match: {}, action: block}]\n```\n", "a list of rules", 2 },
        { "# A\n```imward\nedition: x\n```\n", "edition", 3 },
        { "# A\n```imward\ndefault: alert\nrules: []\n```\n", "rules stand in blocks", 4 },
        { "# A\n```imward\ndefault: alert\n```\n```imward\ndefault: block\n```\n", "only one", 5 },
        { "# A\n```imward\n- name: a\n  match: {service: whatsup}\n  action: block\n```\n", "whatsapp", 4 },
        { "# A\n```imward\n- name: a\n   b: c\n```\n", "", 3 },
        { "# A\n[x](javascript:alert(1))\n", "links", 2 },
        { "# A\n[x]: data:text/html,x\n", "links", 2 },
        { "# A\n<javascript:x>\n", "HTML", 2 },
        { "# A\nabc \xe2\x80\xae cba\n", "invisible", 2 },
        { "# A\nabc \x01\n", "invisible", 2 },
        { "# A\nabc \xff\n", "UTF-8", 2 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        struct clauses c = read_text(of[i].text);
        const json_t *problem = json_array_get(c.problems, 0);
        if (c.ok || c.policy != NULL || strstr(text_of(problem, "text"), of[i].said) == NULL ||
            json_integer_value(json_object_get(problem, "line")) != of[i].line)
            fail_msg("%zu: %d, line %lld: %s", i, c.ok,
                     (long long)json_integer_value(json_object_get(problem, "line")),
                     text_of(problem, "text"));
        clauses_fini(&c);
    }
}

static void test_what_is_fine(void **state)
{
    static const char *const of[] = {
        "",
        "words only\n",
        "# A\n<https://bank.example> [x](mailto:a@b) [y](#part) [z](/mine) a < b, <3\n",
        "# A\n| a | b |\n| --- | --- |\n| 1 | 2 |\n",
        "####### no heading\n",
        "# A\n```\nunclosed? no\n```\n",
        "# \xc3\x9c"
        "ber Messenger\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        struct clauses c = read_text(of[i]);
        if (!c.ok)
            fail_msg("%zu: %s", i, text_of(json_array_get(c.problems, 0), "text"));
        clauses_fini(&c);
    }
}

static void test_limits_hold(void **state)
{
    char *text = malloc(DOCUMENT_TEXT_BYTES + 2);
    struct clauses c;

    (void)state;
    assert_non_null(text);
    memset(text, 'a', DOCUMENT_TEXT_BYTES + 1);
    text[DOCUMENT_TEXT_BYTES + 1] = '\0';
    c = read_text(text);
    assert_false(c.ok);
    clauses_fini(&c);
    memset(text, '\n', DOCUMENT_TEXT_BYTES);
    text[DOCUMENT_TEXT_BYTES] = '\0';
    c = read_text(text);
    assert_false(c.ok);
    clauses_fini(&c);
    text[0] = '\0';
    for (unsigned i = 0; i < CLAUSES + 2; i++)
        memcpy(text + (size_t)i * 4, "# A\n", 5);
    c = read_text(text);
    assert_false(c.ok);
    assert_int_equal(json_array_size(c.list), CLAUSES);
    clauses_fini(&c);
    free(text);
}

/* What we give people to begin with is right, and its clauses say what its rules say. */
static void test_templates_are_good(void **state)
{
    (void)state;
    for (const struct document_template *t = document_templates; t->name != NULL; t++) {
        struct clauses c = read_text(t->text);
        if (!c.ok || json_array_size(c.problems) > 0)
            fail_msg("%s: line %lld: %s", t->name,
                     (long long)json_integer_value(json_object_get(json_array_get(c.problems, 0), "line")),
                     text_of(json_array_get(c.problems, 0), "text"));
        assert_non_null(c.policy);
        assert_true(c.rules >= 5);
        assert_string_equal(text_of(clause(&c, 0), "title"), t->title);
        assert_ptr_equal(document_template(t->name), t);
        clauses_fini(&c);
    }
    assert_null(document_template("none"));
}

static void test_rules_in_words(void **state)
{
    static const struct {
        const char *yaml, *words;
    } of[] = {
        { "- name: a\n  match: {}\n  action: alert\n",
          "Let pass and reported: everything that no rule before decides on." },
        { "- name: a\n  match: {class: [im, social], acknowledged: false}\n  action: block\n  with: drop\n",
          "Stopped: instant messaging or social networks; people who have not signed this policy. Stopped by: drop." },
        { "- name: a\n  match: {service: whatsapp, user: [adams, baker, carol], hours: \"mon-fri 08:00-18:00\"}\n"
          "  action: allow\n  exception: {purpose: talks, approved_by: counsel, until: 2099-03-31}\n"
          "  keep: {messages: 30d}\n  throttle: 64KiB\n",
          "Allowed: the service whatsapp; adams, baker or carol; at mon-fri 08:00-18:00. An exception until 2099-03-31, "
          "for talks, approved by counsel. Kept, encrypted: messages for 30d. Slowed to 64KiB a second." },
        { "- name: a\n  match: {new_key: x}\n  action: scan\n", "Scanned before it passes: new_key x." },
        { "nothing", "" },
        { "- [", "" },
    };
    char words[1024];

    (void)state;
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        rule_words(view_string(of[i].yaml), words, sizeof words);
        assert_string_equal(words, of[i].words);
    }
}

static void add_sign(void *context, char sign, unsigned old, unsigned new, struct view line)
{
    char *out = context, part[64];

    snprintf(part, sizeof part, "%c%u,%u %.*s|", sign, old, new, (int)line.len, (const char *)line.at);
    snprintf(out + strlen(out), 256 - strlen(out), "%s", part);
}

static void test_differences_have_all_lines(void **state)
{
    char out[256] = "";

    (void)state;
    assert_true(line_diff(VIEW("a\nb\nc\nd\n"), VIEW("a\nc\nx\nd\n"), add_sign, out));
    assert_string_equal(out, "=1,1 a|-2,0 b|=3,2 c|+0,3 x|=4,4 d|");
    out[0] = '\0';
    assert_true(line_diff(VIEW(""), VIEW("a\n"), add_sign, out));
    assert_string_equal(out, "+0,1 a|");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clauses_have_their_rules),
        cmocka_unit_test(test_the_policy_is_head_edition_and_rules),
        cmocka_unit_test(test_a_text_without_blocks_makes_no_policy),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_what_is_fine),
        cmocka_unit_test(test_limits_hold),
        cmocka_unit_test(test_templates_are_good),
        cmocka_unit_test(test_rules_in_words),
        cmocka_unit_test(test_differences_have_all_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
