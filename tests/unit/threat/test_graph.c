/* SPDX-License-Identifier: Apache-2.0 */
/* The graph of accounts: what is counted, what is written, and that it stays bounded. */
#include "test.h"
#include "threat/graph.h"
#include <jansson.h>
#include <stdlib.h>

static struct flow flow = { .service = 3 };

static struct scene at(uint64_t second)
{
    return (struct scene){ .time_us = (1780000000 + second) * 1000000, .flow = &flow };
}

static void message(struct graph *g, uint64_t second, const char *from, const char *to, const char *room,
                    const char *text, bool outgoing)
{
    struct scene s = at(second);
    graph_message(g, &s,
                  &(struct carried_message){ .from = view_string(from),
                                             .to = view_string(to),
                                             .room = view_string(room),
                                             .display = view_of(NULL, 0),
                                             .text = view_string(text),
                                             .outgoing = outgoing });
}

static void contact(struct graph *g, uint64_t second, const char *user, const char *peer, const char *display)
{
    struct scene s = at(second);
    graph_contact(g, &s,
                  &(struct im_contact){ .account = view_string(user),
                                        .peer = view_string(peer),
                                        .display = view_string(display),
                                        .presence = PRESENCE_AWAY });
}

static json_t *written(const struct graph *g)
{
    char *bytes = NULL;
    size_t len = 0;
    json_error_t error;
    FILE *out = open_memstream(&bytes, &len);
    assert_non_null(out);
    assert_true(graph_write(g, NULL, out));
    fclose(out);
    json_t *root = json_loadb(bytes, len, 0, &error);
    if (root == NULL)
        fail_msg("%s in %s", error.text, bytes);
    free(bytes);
    return root;
}

static json_t *find(json_t *array, const char *key, const char *value)
{
    size_t i;
    json_t *item;
    json_array_foreach(array, i, item) if (strcmp(json_string_value(json_object_get(item, key)), value) ==
                                           0) return item;
    return NULL;
}

static json_int_t number(json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void test_what_passes_is_counted_once(void **state)
{
    struct graph *g = NULL;
    (void)state;
    assert_true(graph_new(0, 0, &g, NULL));
    contact(g, 0, "al@x", "bob@x", "Bob \"the\" B\x01");
    message(g, 1, "al@x", "bob@x", "", "hello", true);
    message(g, 1, "AL@x", "bob@x", "", "hello", false); /* the receiver's leg */
    message(g, 9, "al@x", "bob@x", "", "hello", true);  /* said again */
    message(g, 10, "bob@x", "", "#room", "hi all", true);
    struct scene s = at(20);
    graph_file(g, &s,
               &(struct carried_file){ .from = VIEW("al@x"), .to = VIEW("bob@x"), .room = view_of(NULL, 0) });
    static const uint8_t hashes[2][SHA256_BYTES] = { { 1 }, { 2 } };
    const unsigned order[] = { 0, 1, 1, 0 }; /* both on both legs, as their scans end */
    for (unsigned i = 0; i < 4; i++)
        graph_file(
            g, &s,
            &(struct carried_file){ .from = VIEW("al@x"), .to = VIEW("bob@x"), .sha256 = hashes[order[i]] });

    json_t *root = written(g), *nodes = json_object_get(root, "nodes"),
           *edges = json_object_get(root, "edges");
    assert_int_equal(json_array_size(nodes), 3);
    assert_int_equal(json_array_size(edges), 2);
    json_t *al = find(nodes, "account", "al@x"), *bob = find(nodes, "account", "bob@x");
    json_t *room = find(nodes, "account", "#room");
    assert_true(json_is_true(json_object_get(room, "room")));
    assert_string_equal(json_string_value(json_object_get(bob, "display")), "Bob \"the\" B?");
    assert_string_equal(json_string_value(json_object_get(bob, "presence")), "away");
    assert_string_equal(json_string_value(json_object_get(bob, "service")), "3");
    size_t i;
    json_t *e;
    bool seen = false;
    json_array_foreach(edges, i, e)
    {
        if (number(e, "from") != number(al, "id"))
            continue;
        seen = true;
        assert_int_equal(number(e, "to"), number(bob, "id"));
        assert_int_equal(number(e, "messages"), 2);
        assert_int_equal(number(e, "files"), 3);
        assert_true(json_is_true(json_object_get(e, "contact")));
        assert_string_equal(json_string_value(json_object_get(e, "first")),
                            "2026-05-28T20:26:40.000000+0000");
        assert_string_equal(json_string_value(json_object_get(e, "last")), "2026-05-28T20:27:00.000000+0000");
    }
    assert_true(seen);
    json_decref(root);
    graph_free(g);
}

static void test_an_empty_graph_is_json_too(void **state)
{
    struct graph *g = NULL;
    (void)state;
    assert_true(graph_new(0, 0, &g, NULL));
    json_t *root = written(g);
    assert_int_equal(json_array_size(json_object_get(root, "nodes")), 0);
    json_decref(root);
    graph_free(g);
}

static void test_the_oldest_are_forgotten_and_counted(void **state)
{
    struct graph *g = NULL;
    struct graph_status status;
    (void)state;
    assert_true(graph_new(64, 64, &g, NULL));
    for (unsigned i = 0; i < 1000; i++) {
        char peer[32];
        snprintf(peer, sizeof peer, "peer%u@x", i);
        contact(g, i, "al@x", peer, "");
    }
    graph_status(g, &status);
    assert_true(status.nodes <= 64 && status.edges <= 64);
    assert_true(status.forgotten >= 1800);
    json_t *root = written(g), *nodes = json_object_get(root, "nodes");
    assert_int_equal(json_array_size(nodes), status.nodes);
    assert_non_null(find(nodes, "account", "peer999@x"));
    assert_non_null(find(nodes, "account", "al@x"));
    assert_int_equal(number(root, "forgotten"), status.forgotten);
    json_decref(root);
    graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_passes_is_counted_once),
        cmocka_unit_test(test_an_empty_graph_is_json_too),
        cmocka_unit_test(test_the_oldest_are_forgotten_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
