/* SPDX-License-Identifier: Apache-2.0 */
/* The program in one look, and a team's state: program/desk.h. */
#include "console/answer_act.h"
#include "console/routes.h"
#include "program/desk.h"

void program_desk(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *body = NULL;

    bool ok = desk_show(&a, &body, &err);
    answer_made(c, &a, ok, 200, body, &err);
}

void program_team(struct call *c)
{
    const char *limit = call_query(c, "limit"), *cursor = call_query(c, "cursor");
    struct team_filter f = { .state = call_query(c, "state"), .text = call_query(c, "q") };
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    uint64_t most = 50, after = 0;
    json_t *body = NULL;

    if (limit != NULL && (!view_decimal(view_string(limit), TEAM_ROWS_MOST, &most) || most == 0)) {
        call_problem(c, 422, "limit", "a number from 1 to %d is needed", TEAM_ROWS_MOST);
        return;
    }
    if (cursor != NULL && !view_decimal(view_string(cursor), INT64_MAX, &after)) {
        call_problem(c, 422, "cursor", "that is no cursor of ours");
        return;
    }
    f.limit = (unsigned)most;
    f.after = (int64_t)after;
    bool ok = team_list(&a, &f, &body, &err);
    answer_made(c, &a, ok, 200, body, &err);
}
