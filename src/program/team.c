/* SPDX-License-Identifier: Apache-2.0 */
/* Whom somebody sees. */
#include "program/team.h"

/* Those who report to `manager`, behind the `*count` that are known; *out_fits false: too many. */
static bool add_reports(struct db *db, struct team_view *v, int64_t manager, unsigned *count, bool *out_fits,
                        struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;

    if (!db_query(db, "select id from person where manager = ? limit ?",
                  DB_ARGS(db_int(manager), db_int(TEAM_FEW + 1)), &rows, err))
        return false;
    while (*out_fits && db_next(rows, &why)) {
        const int64_t id = db_get_int(rows, 0);
        unsigned i = 0;
        while (i < *count && v->ids[i] != id)
            i++;
        *out_fits = i < TEAM_FEW;
        if (i == *count && *out_fits)
            v->ids[(*count)++] = id;
    }
    return rows_done(rows, &why, err);
}

static bool load_few(struct db *db, struct team_view *v, struct imw_error_info *err)
{
    unsigned count = 0;
    bool fits = true, ok = add_reports(db, v, v->manager, &count, &fits, err);

    for (unsigned i = 0; ok && fits && i < count; i++)
        ok = add_reports(db, v, v->ids[i], &count, &fits, err);
    v->few = fits;
    return ok;
}

void team_ask(const struct team_view *v, const char *column, struct text *sql, struct db_value *args,
              unsigned *count)
{
    if (v->manager == 0)
        return;
    text_format(sql, "and %s in ", column);
    if (!v->few) {
        text_string(sql, TEAM_BELOW " ");
        args[(*count)++] = db_int(v->manager);
        return;
    }
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
    if (!all && actor->person != 0 && !load_few(a->db, out, err))
        return false;
    return all || actor->person != 0 ||
           act_no(
               a, err, ACT_LATE, "",
               "your account is not joined to a person, so your team is not known: an administrator can do that");
}
