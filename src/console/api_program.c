/* SPDX-License-Identifier: Apache-2.0 */
/* The program in one look, and a team's state: program/desk.h. */
#include "console/answer_act.h"
#include "console/routes.h"
#include "program/desk.h"

void program_desk(struct call *c)
{
    answer_asked(c, desk_show);
}

void program_team(struct call *c)
{
    struct team_filter f = { .state = call_query(c, "state"), .text = call_query(c, "q") };
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *body = NULL;
    int64_t limit;

    if (!call_query_number(c, "limit", 1, TEAM_ROWS_MOST, 50, &limit) ||
        !call_query_number(c, "cursor", 0, INT64_MAX, 0, &f.after))
        return;
    f.limit = (unsigned)limit;
    bool ok = team_list(&a, &f, &body, &err);
    answer_made(c, &a, ok, 200, body, &err);
}
