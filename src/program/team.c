/* SPDX-License-Identifier: Apache-2.0 */
/* Whom somebody sees. */
#include "program/team.h"

/* How many they are, and who, if they are few. */
static bool load_size(struct db *db, struct team_view *v, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    unsigned count = 0;

    if (!db_query(db, "select person from team where manager = ? limit ?",
                  DB_ARGS(db_int(v->manager), db_int(TEAM_SOME + 1)), &rows, err))
        return false;
    for (; db_next(rows, &why); count++)
        if (count < TEAM_FEW)
            v->ids[count] = db_get_int(rows, 0);
    v->few = count <= TEAM_FEW;
    v->many = count > TEAM_SOME;
    return rows_done(rows, &why, err);
}

void team_ask(const struct team_view *v, const char *column, struct text *sql, struct db_value *args,
              unsigned *count)
{
    if (v->manager == 0)
        return;
    if (!v->few) {
        text_format(sql,
                    v->many ? "and exists (select 1 from team b where b.manager = ? and b.person = %s) "
                            : "and %s in " TEAM_BELOW " ",
                    column);
        args[(*count)++] = db_int(v->manager);
        return;
    }
    text_format(sql, "and %s in ", column);
    for (unsigned i = 0; i < TEAM_FEW; i++) {
        text_string(sql, i == 0 ? "(?" : ",?");
        args[(*count)++] = db_int(v->ids[i]);
    }
    text_string(sql, ") ");
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
    if (!all && actor->person != 0 && !load_size(a->db, out, err))
        return false;
    return all || actor->person != 0 ||
           act_no(
               a, err, ACT_LATE, "",
               "your account is not joined to a person, so your team is not known: an administrator can do that");
}
