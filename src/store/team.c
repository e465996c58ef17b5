/* SPDX-License-Identifier: Apache-2.0 */
/* Who is above whom, kept as pairs. */
#include "store/team.h"

/* Sums of what teams owe (duty_team_sum) are of other teams now. */
static bool sums_are_old(struct db *db, struct imw_error_info *err)
{
    return db_run(db, "update document set team_sums = 0 where team_sums <> 0", DB_NONE, NULL, err);
}

bool team_rebuild(struct db *db, struct imw_error_info *err)
{
    return db_run(db, "delete from team", DB_NONE, NULL, err) &&
           db_run(
               db,
               "insert into team (manager, person) with recursive up(manager, person) as (select manager, id "
               "from person where manager is not null union select p.manager, u.person from up u join person "
               "p on p.id = u.manager where p.manager is not null) select manager, person from up order by "
               "manager, person",
               DB_NONE, NULL, err) &&
           sums_are_old(db, err);
}

bool team_move(struct db *db, int64_t person, struct imw_error_info *err)
{
    const struct db_value who = db_int(person);

    return db_run(
               db,
               "delete from team where manager in (select manager from team where person = ?) and (person = ? "
               "or person in " TEAM_BELOW ")",
               DB_ARGS(who, who, who), NULL, err) &&
           db_run(
               db,
               "insert into team (manager, person) select a.id, b.id from (select manager as id from person "
               "where id = ? and manager is not null union select t.manager from person p join team t on "
               "t.person = p.manager where p.id = ?) a cross join (select cast(? as bigint) as id union "
               "select person from team where manager = ?) b",
               DB_ARGS(who, who, who, who), NULL, err) &&
           sums_are_old(db, err);
}
