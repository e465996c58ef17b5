/* SPDX-License-Identifier: Apache-2.0 */
/* Settings files: what is accepted, and that each error names the place. */
#include "base/text.h"
#include "base/yaml.h"
#include "test.h"
#include <stdio.h>
#include <stdlib.h>

static struct yaml *parse(const char *text)
{
    struct imw_error_info err = { 0 };
    struct yaml *y = NULL;

    if (!yaml_parse("t.yaml", view_string(text), &y, &err))
        fail_msg("%s", err.text);
    return y;
}

/* The error of `text`, as it is printed. */
static const char *refused(struct view text)
{
    static char line[1024];
    struct imw_error_info err = { 0 };
    struct yaml *y = NULL;

    if (yaml_parse("t.yaml", text, &y, &err)) {
        yaml_free(y);
        fail_msg("accepted: %.*s", (int)text.len, (const char *)text.at);
    }
    assert_null(y);
    return error_format(&err, line, sizeof line);
}

static void assert_refused(const char *text, const char *place, const char *words)
{
    const char *line = refused(view_string(text));

    if (strncmp(line, place, strlen(place)) != 0 || strstr(line, words) == NULL)
        fail_msg("'%s' is not '%s … %s'", line, place, words);
}

static void assert_view(struct view v, const char *text)
{
    assert_int_equal(v.len, strlen(text));
    assert_memory_equal(v.at, text, v.len);
    assert_int_equal(v.at[v.len], '\0');
}

static void test_a_file_is_a_tree_of_values(void **state)
{
    struct yaml *y = parse("# comment\n"
                           "name: desk\n"
                           "rules:\n"
                           "  - {action: block, ports: [80, 443]}\n"
                           "  - action: \"al\\u00e9rt\"\n"
                           "empty: []\n");
    const struct yaml_node *root = yaml_root(y), *rules, *n;
    struct view v;
    int64_t port;

    (void)state;
    assert_int_equal(yaml_count(root), 3);
    assert_true(yaml_need(root, "name", &n, NULL) && yaml_string(n, &v, NULL));
    assert_view(v, "desk");
    assert_int_equal(yaml_line(n), 2);
    rules = yaml_get(root, "rules");
    assert_true(yaml_expect(rules, YAML_SEQUENCE, NULL));
    n = yaml_get(yaml_first(rules), "ports");
    assert_int_equal(yaml_count(n), 2);
    assert_true(yaml_integer(yaml_next(yaml_first(n)), 1, 65535, &port, NULL));
    assert_int_equal(port, 443);
    assert_true(yaml_string(yaml_get(yaml_next(yaml_first(rules)), "action"), &v, NULL));
    assert_view(v, "al\xc3\xa9rt");
    assert_null(yaml_next(yaml_next(yaml_first(rules))));
    assert_null(yaml_first(yaml_get(root, "empty")));
    assert_null(yaml_get(root, "nothing"));
    assert_null(yaml_get(n, "not a mapping"));
    yaml_free(y);
}

static void test_a_key_given_twice_is_refused_with_both_lines(void **state)
{
    (void)state;
    assert_refused("a: 1\nb: 2\na: 3\n", "t.yaml:3:1: ", "'a' was given already in line 1");
}

static void test_anchors_aliases_and_tags_are_refused(void **state)
{
    (void)state;
    assert_refused("a: &x 1\nb: *x\n", "t.yaml:1:", "anchors are not allowed");
    assert_refused("a: *x\n", "t.yaml:1:", "aliases are not allowed");
    assert_refused("a: !!int 1\n", "t.yaml:1:", "tags are not allowed");
    assert_refused("a: !!map {}\n", "t.yaml:1:", "tags are not allowed");
}

static void test_broken_files_are_refused(void **state)
{
    (void)state;
    assert_refused("", "t.yaml: ", "empty file");
    assert_refused("# only a comment\n", "t.yaml: ", "nothing in it");
    assert_refused("a: [1, 2\n", "t.yaml", "");
    assert_refused("a: \"open\n", "t.yaml", "");
    assert_refused("a: b: c\n", "t.yaml:1:", "");
    assert_refused("a:\n\t- b\n", "t.yaml", "");
    assert_refused("a: 1\n--- \nb: 2\n", "t.yaml", "more than one document");
    assert_refused("[1, 2]: x\n", "t.yaml:1:", "key must be plain text");
    assert_refused("\"\": x\n", "t.yaml:1:1: ", "a key is empty");
    assert_refused("a: \"\\0\"\n", "t.yaml:1:", "NUL");
}

static void test_bytes_that_are_no_text_are_refused(void **state)
{
    (void)state;
    assert_non_null(strstr(refused(VIEW("a: 1\nb: \xff\n")), "t.yaml:2: not UTF-8"));
    assert_non_null(strstr(refused(VIEW("a: \xed\xa0\x80\n")), "not UTF-8"));
    assert_non_null(strstr(refused(VIEW("a: \x1b[31m\n")), "not UTF-8"));
    assert_non_null(strstr(refused(VIEW("a: 1\0b: 2\n")), "not UTF-8"));
}

static void test_depth_is_limited(void **state)
{
    char text[2 * YAML_DEPTH + 8];
    struct text t = TEXT(text);
    struct yaml *y;

    (void)state;
    for (int i = 0; i < YAML_DEPTH; i++)
        text_char(&t, '[');
    for (int i = 0; i < YAML_DEPTH; i++)
        text_char(&t, ']');
    y = parse(text);
    yaml_free(y);
    t = TEXT(text);
    for (int i = 0; i < YAML_DEPTH + 1; i++)
        text_char(&t, '[');
    for (int i = 0; i < YAML_DEPTH + 1; i++)
        text_char(&t, ']');
    assert_refused(text, "t.yaml:1:33: ", "nested deeper than 32");
}

static void test_the_number_of_keys_is_limited(void **state)
{
    static char text[YAML_KEYS * 8 + 64];
    struct text t = TEXT(text);

    (void)state;
    for (int i = 0; i < YAML_KEYS; i++)
        text_format(&t, "k%d: 1\n", i);
    yaml_free(parse(text));
    text_string(&t, "one: more\n");
    assert_false(t.cut);
    assert_refused(text, "t.yaml:1025:1: ", "more than 1024 keys");
}

static void assert_error(const struct imw_error_info *err, const char *expected)
{
    char line[1024];

    assert_string_equal(error_format(err, line, sizeof line), expected);
}

static void test_errors_name_the_key_path(void **state)
{
    struct yaml *y = parse("rules:\n  - match: {}\n  - match:\n      services: [a, [b]]\n");
    const struct yaml_node *n = yaml_get(yaml_root(y), "rules");
    struct imw_error_info err = { 0 };
    struct view v;

    (void)state;
    n = yaml_get(yaml_get(yaml_next(yaml_first(n)), "match"), "services");
    assert_false(yaml_string(yaml_next(yaml_first(n)), &v, &err));
    assert_error(&err, "t.yaml:4:21: rules[1].match.services[1]: a single value is needed here, not a list");
    assert_false(yaml_need(yaml_root(y), "version", &n, &err));
    assert_error(&err, "t.yaml:1:1: the key 'version' is missing");
    yaml_free(y);
}

static void test_an_unknown_key_gets_a_hint(void **state)
{
    static const char *const keys[] = { "service", "vendor", "class", NULL };
    struct yaml *y = parse("vendor: x\nservise: y\n"), *z = parse("colour: x\n"), *scalar = parse("x\n");
    struct imw_error_info err = { 0 };

    (void)state;
    assert_false(yaml_known_keys(yaml_root(y), keys, &err));
    assert_error(&err, "t.yaml:2:10: servise: unknown key; is 'service' meant?");
    assert_false(yaml_known_keys(yaml_root(z), keys, &err));
    assert_error(&err, "t.yaml:1:9: colour: unknown key");
    assert_false(yaml_known_keys(yaml_root(scalar), keys, &err));
    yaml_free(y);
    yaml_free(z);
    yaml_free(scalar);
}

static void test_values_have_the_type_that_is_asked_for(void **state)
{
    struct yaml *y =
        parse("[true, \"true\", yes, 12, -3, 0x10, 1e3, 99999999999999999999, ~, null, \"\", \"null\"]\n");
    const struct yaml_node *n[12], *at = yaml_first(yaml_root(y));
    struct view v;
    int64_t number = 77;
    bool flag = false;

    (void)state;
    for (int i = 0; i < 12; i++, at = yaml_next(at))
        n[i] = at;
    assert_true(yaml_bool(n[0], &flag, NULL) && flag);
    assert_false(yaml_bool(n[1], &flag, NULL) || yaml_bool(n[2], &flag, NULL));
    assert_true(yaml_integer(n[3], 0, 12, &number, NULL));
    assert_int_equal(number, 12);
    assert_true(yaml_integer(n[4], -3, 0, &number, NULL));
    assert_int_equal(number, -3);
    assert_false(yaml_integer(n[3], 0, 11, &number, NULL));
    for (int i = 5; i <= 7; i++)
        assert_false(yaml_integer(n[i], INT64_MIN, INT64_MAX, &number, NULL));
    assert_int_equal(number, -3);
    assert_true(yaml_string(n[3], &v, NULL));
    assert_view(v, "12");
    for (int i = 8; i <= 10; i++)
        assert_false(yaml_string(n[i], &v, NULL));
    assert_true(yaml_string(n[11], &v, NULL));
    yaml_free(y);
}

static void test_every_prefix_and_every_broken_byte_is_harmless(void **state)
{
    static const char text[] =
        "a: {b: [1, \"x\\ty\", 'z'], c: |\n  two\n  lines\n}\nd:\n  - e: f\n    g: >-\n      folded\n";
    static const char broken[] = { '\0', '"', '[', '}', ':', '\n', '&', '\x80', ' ' };
    char copy[sizeof text];

    (void)state;
    for (size_t len = 0; len < sizeof text; len++) {
        struct yaml *y = NULL;
        char *tight = malloc(len > 0 ? len : 1);
        memcpy(tight, text, len);
        if (yaml_parse("t.yaml", view_of(tight, len), &y, NULL))
            yaml_free(y);
        free(tight);
    }
    for (size_t i = 0; i + 1 < sizeof text; i++) {
        for (size_t k = 0; k < sizeof broken; k++) {
            struct yaml *y = NULL;
            memcpy(copy, text, sizeof text);
            copy[i] = broken[k];
            if (yaml_parse("t.yaml", view_of(copy, sizeof text - 1), &y, NULL))
                yaml_free(y);
        }
    }
}

static void test_a_file_that_is_not_there_says_so(void **state)
{
    struct imw_error_info err = { 0 };
    struct yaml *y = NULL;

    (void)state;
    assert_false(yaml_load("/nonexistent/policy.yaml", &y, &err));
    assert_error(&err, "/nonexistent/policy.yaml: No such file or directory");
    assert_false(yaml_load("/", &y, &err));
    assert_int_equal(err.code, IMW_ERROR_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_is_a_tree_of_values),
        cmocka_unit_test(test_a_key_given_twice_is_refused_with_both_lines),
        cmocka_unit_test(test_anchors_aliases_and_tags_are_refused),
        cmocka_unit_test(test_broken_files_are_refused),
        cmocka_unit_test(test_bytes_that_are_no_text_are_refused),
        cmocka_unit_test(test_depth_is_limited),
        cmocka_unit_test(test_the_number_of_keys_is_limited),
        cmocka_unit_test(test_errors_name_the_key_path),
        cmocka_unit_test(test_an_unknown_key_gets_a_hint),
        cmocka_unit_test(test_values_have_the_type_that_is_asked_for),
        cmocka_unit_test(test_every_prefix_and_every_broken_byte_is_harmless),
        cmocka_unit_test(test_a_file_that_is_not_there_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
