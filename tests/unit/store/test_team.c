/* SPDX-License-Identifier: Apache-2.0 */
/* The pairs of team are what a walk down person.manager finds, however people move. */
#include "store/database.h"
#include "store/team.h"
#include <stdlib.h>

enum { PEOPLE = 60, MOVES = 80 };

#define WALK                                                                                                 \
    "(with recursive t(manager, person) as (select manager, id from person where manager is not null union " \
    "select t.manager, p.id from t join person p on p.manager = t.person) select manager, person from t)"

static void is_as_walked(struct database *d)
{
    assert_int_equal(database_number(d,
                                     "select count(*) from (select manager, person from team except select * "
                                     "from " WALK " x) y"),
                     0);
    assert_int_equal(database_number(d,
                                     "select count(*) from (select * from " WALK " x except select manager, "
                                     "person from team) y"),
                     0);
}

static void set_manager(struct database *d, int64_t person, int64_t manager)
{
    good(d, db_run(d->db, "update person set manager = ? where id = ?",
                   DB_ARGS(manager != 0 ? db_int(manager) : db_null(), db_int(person)), NULL, &d->err));
}

static void test_teams_follow_whoever_moves(struct database *d)
{
    unsigned seed = 7;

    good(d,
         db_script(
             d->db,
             "insert into person (pseudonym, name, source, state, joined_us, changed_us) with recursive "
             "n(i) as (select 1 union all select i + 1 from n where i < 60) select 'P-' || i, 'N', 'hand', "
             "'active', 0, 0 from n",
             &d->err));
    for (int64_t i = 2; i <= PEOPLE; i++)
        set_manager(d, i, 1 + rand_r(&seed) % (i - 1));
    good(d, team_rebuild(d->db, &d->err));
    is_as_walked(d);
    assert_int_equal(database_number(d, "select count(*) from team where manager = 1"), PEOPLE - 1);
    for (unsigned i = 0; i < MOVES; i++) {
        int64_t who = 1 + rand_r(&seed) % PEOPLE, to = rand_r(&seed) % (PEOPLE + 1), below = 0;
        good(d, db_query_int(d->db, "select count(*) from team where manager = ? and person = ?",
                             DB_ARGS(db_int(who), db_int(to)), &below, NULL, &d->err));
        if (below > 0 || who == to)
            continue;
        set_manager(d, who, to);
        good(d, team_move(d->db, who, &d->err));
        is_as_walked(d);
    }
    assert_true(database_number(d, "select count(*) from team") > PEOPLE);
    good(d, db_run(d->db, "update person set manager = null", DB_NONE, NULL, &d->err));
    good(d, team_rebuild(d->db, &d->err));
    assert_int_equal(database_number(d, "select count(*) from team"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { ON_BOTH(test_teams_follow_whoever_moves) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
