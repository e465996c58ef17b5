/* SPDX-License-Identifier: Apache-2.0 */
/* Targets of requests, routes, JSON bodies, and what headers name. */
#include "console/dispatch.h"
#include "test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool parses(const char *raw)
{
    struct target t;
    return target_parse(view_string(raw), &t);
}

static void test_a_path_is_decoded_once_and_by_segments(void **state)
{
    struct target t;

    (void)state;
    assert_true(target_parse(VIEW("/api/v1/a%20b/%C3%A4%252f?x=1&y=%2F"), &t));
    assert_int_equal(t.count, 4);
    assert_string_equal(t.segments[0], "api");
    assert_string_equal(t.segments[2], "a b");
    assert_string_equal(t.segments[3], "\xc3\xa4%2f");
    assert_true(view_equal(t.query, VIEW("x=1&y=%2F")));
    assert_true(target_parse(VIEW("/"), &t));
    assert_int_equal(t.count, 0);
    assert_int_equal(t.query.len, 0);
}

static void test_paths_that_are_tricks_are_none(void **state)
{
    static const char *const tricks[] = { "",         "x",           "//",     "/a//b",  "/a/",
                                          "/a/../b",  "/a/%2e%2e/b", "/./a",   "/a%2fb", "/a%5cb",
                                          "/a\\b",    "/a%00",       "/a%0ab", "/%ff",   "/%c0%af",
                                          "/a%",      "/a%2",        "/a%zz",  "/%7f",   "*",
                                          "http://x/" };

    (void)state;
    for (size_t i = 0; i < sizeof tricks / sizeof tricks[0]; i++)
        if (parses(tricks[i]))
            fail_msg("'%s' is taken for a path", tricks[i]);
    assert_true(parses("/%2e%2e%2e"));
    assert_true(parses("/..."));
}

static void test_a_path_has_at_most_so_many_segments_and_bytes(void **state)
{
    char text[TARGET_BYTES + 2] = "";
    size_t len = 0;

    (void)state;
    for (unsigned i = 0; i < TARGET_SEGMENTS; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "/a");
    assert_true(parses(text));
    snprintf(text + len, sizeof text - len, "/a");
    assert_false(parses(text));
    memset(text, 'a', sizeof text);
    text[0] = '/';
    text[TARGET_BYTES - TARGET_SEGMENTS - 1] = '\0';
    assert_true(parses(text));
    text[TARGET_BYTES - TARGET_SEGMENTS - 1] = 'a';
    text[TARGET_BYTES - TARGET_SEGMENTS] = '\0';
    assert_false(parses(text));
}

static void test_a_query_gives_lists_of_decoded_texts(void **state)
{
    json_t *q = query_parse(VIEW("q=a+b%26c&service=x&service=y&&empty=&flag"), NULL);

    (void)state;
    assert_non_null(q);
    assert_string_equal(json_string_value(json_array_get(json_object_get(q, "q"), 0)), "a b&c");
    assert_int_equal(json_array_size(json_object_get(q, "service")), 2);
    assert_string_equal(json_string_value(json_array_get(json_object_get(q, "empty"), 0)), "");
    assert_string_equal(json_string_value(json_array_get(json_object_get(q, "flag"), 0)), "");
    json_decref(q);
}

static void test_queries_over_a_limit_or_broken_are_refused(void **state)
{
    static const char *const bad[] = { "a=%", "a=%f", "a=%ff", "a=%00", "=x", "%01=x", "a=%c3" };
    struct imw_error_info err = { 0 };
    char text[QUERY_VALUE_BYTES + 200];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (query_parse(view_string(bad[i]), &err) != NULL)
            fail_msg("'%s' is taken for a query", bad[i]);
    memset(text, 'v', sizeof text);
    memcpy(text, "a=", 2);
    json_t *q = query_parse(view_of(text, QUERY_VALUE_BYTES + 2), &err);
    assert_non_null(q);
    json_decref(q);
    assert_null(query_parse(view_of(text, QUERY_VALUE_BYTES + 3), &err));
    for (unsigned i = 0; i < QUERY_PAIRS; i++)
        memcpy(text + 4 * i, "a=1&", 4);
    q = query_parse(view_of(text, 4 * QUERY_PAIRS), &err);
    assert_non_null(q);
    json_decref(q);
    memcpy(text + (size_t)4 * QUERY_PAIRS, "a=1", 3);
    assert_null(query_parse(view_of(text, 4 * QUERY_PAIRS + 3), &err));
}

static void test_a_body_is_json_once_and_flat_enough(void **state)
{
    struct imw_error_info err = { 0 };
    char deep[2 * BODY_DEPTH + 2];

    (void)state;
    json_t *body = body_parse(VIEW("{\"a\":[1,\"[[[[\"]}"), &err);
    assert_non_null(body);
    json_decref(body);
    assert_null(body_parse(VIEW("{\"a\":1,\"a\":2}"), &err));
    assert_null(body_parse(VIEW("{\"a\":1} x"), &err));
    assert_null(body_parse(VIEW(""), &err));
    assert_null(body_parse(VIEW("\"text\""), &err));
    memset(deep, '[', BODY_DEPTH);
    memset(deep + BODY_DEPTH, ']', BODY_DEPTH);
    body = body_parse(view_of(deep, (size_t)2 * BODY_DEPTH), &err);
    assert_non_null(body);
    json_decref(body);
    memset(deep, '[', BODY_DEPTH + 1);
    memset(deep + BODY_DEPTH + 1, ']', BODY_DEPTH + 1);
    assert_null(body_parse(view_of(deep, (size_t)2 * BODY_DEPTH + 2), &err));
}

static const struct route *route_of(enum method m, const char *path, unsigned *out_allowed)
{
    static struct target t; /* the parts are in it */
    const char *parts[CALL_PARTS];

    return target_parse(view_string(path), &t) ? route_find(m, &t, parts, out_allowed) : NULL;
}

static void test_a_route_is_found_by_method_and_path(void **state)
{
    char list[64];
    unsigned allowed;

    (void)state;
    assert_string_equal(route_of(METHOD_GET, "/api/v1/health", &allowed)->name, "health_show");
    assert_string_equal(route_of(METHOD_DELETE, "/api/v1/tokens/17", &allowed)->name, "token_remove");
    assert_null(route_of(METHOD_GET, "/api/v1/health/x", &allowed));
    assert_int_equal(allowed, 0);
    assert_null(route_of(METHOD_GET, "/api/v1", &allowed));
    assert_int_equal(allowed, 0);
    assert_null(route_of(METHOD_PUT, "/api/v1/session", &allowed));
    allow_format(allowed, list, sizeof list);
    assert_string_equal(list, "GET, HEAD, POST, DELETE");
}

/* Every line of routes.def leads to itself: none hides another. */
static void test_no_route_hides_another(void **state)
{
    unsigned count, allowed;
    const struct route *all = routes(&count);

    (void)state;
    assert_true(count > 20);
    for (unsigned i = 0; i < count; i++) {
        const struct route *found = route_of(all[i].method, all[i].path, &allowed);
        assert_non_null(found);
        assert_string_equal(found->name, all[i].name);
    }
}

static void test_our_cookie_is_found_among_others(void **state)
{
    (void)state;
    assert_true(view_equal(cookie_find("a=b; __Host-imward=secret; c=d"), VIEW("secret")));
    assert_true(view_equal(cookie_find("__Host-imward=secret"), VIEW("secret")));
    assert_int_equal(cookie_find("x__Host-imward=secret").len, 0);
    assert_int_equal(cookie_find("a=__Host-imward=secret").len, 0);
    assert_int_equal(cookie_find(NULL).len, 0);
    assert_true(view_equal(bearer_find("bearer imw_x "), VIEW("imw_x")));
    assert_int_equal(bearer_find("Basic imw_x").len, 0);
    assert_int_equal(bearer_find(NULL).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_path_is_decoded_once_and_by_segments),
        cmocka_unit_test(test_paths_that_are_tricks_are_none),
        cmocka_unit_test(test_a_path_has_at_most_so_many_segments_and_bytes),
        cmocka_unit_test(test_a_query_gives_lists_of_decoded_texts),
        cmocka_unit_test(test_queries_over_a_limit_or_broken_are_refused),
        cmocka_unit_test(test_a_body_is_json_once_and_flat_enough),
        cmocka_unit_test(test_a_route_is_found_by_method_and_path),
        cmocka_unit_test(test_no_route_hides_another),
        cmocka_unit_test(test_our_cookie_is_found_among_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
