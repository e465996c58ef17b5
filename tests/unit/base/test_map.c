/* SPDX-License-Identifier: Apache-2.0 */
/* The shared map: expiry, replacement, bounded memory, and readers beside writers. */
#include "base/map.h"
#include "test.h"
#include <pthread.h>
#include <stdatomic.h>

static struct view key_of(const uint32_t *n)
{
    return view_of(n, sizeof *n);
}

static void test_entries_are_found_until_they_expire(void **state)
{
    struct map *m = map_new(64, 1);
    uint8_t value[MAP_VALUE_BYTES];
    uint32_t key = 7;

    (void)state;
    assert_true(map_is_empty(m));
    assert_false(map_get(m, key_of(&key), 0, value));
    map_put(m, key_of(&key), VIEW("one"), 0, 100);
    map_put(m, key_of(&key), VIEW("two"), 0, 100);
    assert_true(map_get(m, key_of(&key), 100, value));
    assert_string_equal((char *)value, "two");
    assert_false(map_get(m, key_of(&key), 101, value));
    map_clear(m);
    assert_false(map_get(m, key_of(&key), 50, value));
    map_free(m);
}

static void test_a_full_map_forgets_what_expires_first(void **state)
{
    struct map *m = map_new(4, 1); /* one bucket */
    uint8_t value[MAP_VALUE_BYTES];

    (void)state;
    for (uint32_t i = 0; i < 8; i++)
        map_put(m, key_of(&i), VIEW("x"), 0, 100 + i);
    for (uint32_t i = 0; i < 8; i++)
        assert_int_equal(map_get(m, key_of(&i), 0, value), i >= 4);
    map_free(m);
}

struct race {
    struct map *map;
    atomic_bool stop;
    atomic_uint torn;
};

static void *read_all(void *argument)
{
    struct race *r = argument;
    uint8_t value[MAP_VALUE_BYTES];

    while (!atomic_load(&r->stop)) {
        for (uint32_t i = 0; i < 8; i++) {
            if (!map_get(r->map, key_of(&i), 0, value))
                continue;
            for (unsigned b = 1; b < MAP_VALUE_BYTES; b++)
                if (value[b] != value[0])
                    atomic_fetch_add(&r->torn, 1);
        }
    }
    return NULL;
}

static void test_readers_never_see_half_a_value(void **state)
{
    struct race r = { .map = map_new(16, 1) };
    uint8_t value[MAP_VALUE_BYTES];
    pthread_t reader;

    (void)state;
    assert_int_equal(pthread_create(&reader, NULL, read_all, &r), 0);
    for (uint32_t i = 0; i < 200000; i++) {
        uint32_t key = i % 8;
        memset(value, (int)(i & 0xff), sizeof value);
        map_put(r.map, key_of(&key), view_of(value, sizeof value), 0, 1);
    }
    atomic_store(&r.stop, true);
    pthread_join(reader, NULL);
    assert_int_equal(atomic_load(&r.torn), 0);
    map_free(r.map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_are_found_until_they_expire),
        cmocka_unit_test(test_a_full_map_forgets_what_expires_first),
        cmocka_unit_test(test_readers_never_see_half_a_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
