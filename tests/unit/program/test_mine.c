/* SPDX-License-Identifier: Apache-2.0 */
/* What is known about me: mine, all of it, and nobody else's. */
#include "program/mine.h"
#include "store/database.h"
#include <stdlib.h>

static void script(struct database *d, const char *sql)
{
    good(d, db_begin(d->db, true, &d->err));
    good(d, db_script(d->db, sql, &d->err));
    good(d, db_commit(d->db, &d->err));
}

static const char people[] =
    "insert into department (id, name) values (1, 'Desk');"
    "insert into person (id, pseudonym, name, department, source, state, joined_us, changed_us) values "
    "(1, 'P-AAAAAA', 'Boss', 1, 'hand', 'active', 1, 1), (2, 'P-BBBBBB', 'Anna', 1, 'hand', 'active', 1, 1);"
    "update person set manager = 1 where id = 2;"
    "insert into person_alias (kind, value, person, source, from_us, until_us) values "
    "('user', 'anna', 2, 'hand', 1, null), ('host', 'old', 2, 'hand', 1, 5), ('user', 'boss', 1, 'hand', 1, null);"
    "insert into account (id, name, full_name, source, roles, state, created_us) values "
    "(1, 'carla', 'Carla', 'local', 'compliance', 'active', 1);"
    "insert into reveal (requester, kind, object, reason, state, decided_us, asked_us) values "
    "(1, 'person', '2', 'a complaint of a customer', 'granted', 7000000, 1),"
    "(1, 'person', '2', 'curiosity', 'refused', 7000000, 1), (1, 'person', '1', 'another', 'granted', 7000000, 1);";

static void test_i_see_what_is_known_of_me_and_who_looked(struct database *d)
{
    json_t *mine;

    script(d, people);
    good(d, mine_json(d->db, NULL, 2, &mine, &d->err));
    char *text = json_dumps(mine, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(
        text, "{\"aliases\":[{\"kind\":\"user\",\"value\":\"anna\"}],\"approved\":[],"
              "\"person\":{\"department\":\"Desk\",\"manager\":\"Boss\",\"name\":\"Anna\"},\"reveals\":[{\"by\":\"carla\",\"reason\":"
              "\"a complaint of a customer\",\"when\":\"1970-01-01T00:00:07.000000Z\"}],\"use\":null}");
    free(text);
    json_decref(mine);
}

static void test_nobody_known_has_nothing(struct database *d)
{
    json_t *mine;

    script(d, people);
    good(d, mine_json(d->db, NULL, 0, &mine, &d->err));
    assert_true(json_is_null(json_object_get(mine, "person")));
    assert_int_equal(json_array_size(json_object_get(mine, "aliases")), 0);
    json_decref(mine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_i_see_what_is_known_of_me_and_who_looked),
        ON_BOTH(test_nobody_known_has_nothing),
    };

    return cmocka_run_group_tests_name("mine", tests, NULL, NULL);
}
