/* SPDX-License-Identifier: Apache-2.0 */
/* Whom somebody sees. */
#include "program/team.h"

void team_ask(const struct team_view *v, const char *column, struct text *sql, struct db_value *args,
              unsigned *count)
{
    if (v->manager != 0)
        people_set_ask(&v->people, column, sql, args, count);
}

bool team_has(struct db *db, int64_t manager, int64_t person, bool *out, struct imw_error_info *err)
{
    int64_t count = 0;

    if (!db_query_int(db, "select count(*) from person where id = ? and id in " TEAM_BELOW,
                      DB_ARGS(db_int(person), db_int(manager)), &count, NULL, err))
        return false;
    *out = count > 0;
    return true;
}

bool team_view_of(struct act *a, struct team_view *out, struct imw_error_info *err)
{
    const struct actor *actor = a->actor;
    const bool all =
        actor_is(actor, ROLE_COMPLIANCE) || actor_is(actor, ROLE_EXAMINER) || actor->account == 0;

    *out = (struct team_view){ .names = !actor->token && (actor_is(actor, ROLE_COMPLIANCE) || !all),
                               .manager = all ? 0 : actor->person };
    if (!all && actor->person != 0 &&
        !people_set_load(a->db, TEAM_BELOW, db_int(out->manager), &out->people, err))
        return false;
    return all || actor->person != 0 ||
           act_no(
               a, err, ACT_LATE, "",
               "your account is not joined to a person, so your team is not known: an administrator can do that");
}
