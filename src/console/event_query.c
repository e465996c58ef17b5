/* SPDX-License-Identifier: Apache-2.0 */
/* The filter of a request, and whose events its caller may see: console/event_query.h. */
#include "console/event_query.h"
#include "program/team.h"

void event_query_failed(struct call *c, const struct imw_error_info *err)
{
    if (err->code == IMW_ERROR_VALUE)
        call_problem(c, 422, err->key[0] != '\0' ? err->key : NULL, "%s", err->text);
    else
        call_failed(c, err);
}

/* Managers see their team and nobody else, unless another role lets them see all. */
static bool is_cut(const struct actor *a)
{
    const unsigned all = 1u << ROLE_ENGINEER | 1u << ROLE_COMPLIANCE | 1u << ROLE_EXAMINER;

    return (a->roles & all) == 0;
}

bool event_query_begin(struct call *c, unsigned days, struct event_query *out)
{
    struct event_query q = { .manager = is_cut(&c->actor) ? c->actor.person : 0 };
    struct imw_error_info err = { 0 };
    const uint64_t day_us = 86400000000ull;

    if (is_cut(&c->actor) && c->actor.person == 0) {
        call_problem(c, 403, NULL,
                     "your account is not joined to a person, so your team is not known; "
                     "an administrator can set the account's person");
        return false;
    }
    if (!viewer_begin(c->db, &c->actor, c->now_us, &q.viewer, &err)) {
        call_failed(c, &err);
        return false;
    }
    if (!event_filter_new(c->db, c->query, &q.filter, &err) ||
        (q.manager != 0 && !event_filter_team(q.filter, c->db, q.manager, &err))) {
        event_query_failed(c, &err);
        event_query_end(&q);
        return false;
    }
    event_filter_permit(q.filter, viewer_sees(&q.viewer));
    if (days != 0)
        event_filter_span(q.filter, c->now_us - days * day_us, c->now_us);
    *out = q;
    return true;
}

void event_query_end(struct event_query *q)
{
    viewer_end(&q->viewer);
    event_filter_free(q->filter);
}

bool event_query_allows(struct call *c, const struct event_query *q, const json_t *raw_who)
{
    struct imw_error_info err = { 0 };
    int64_t person = json_integer_value(json_object_get(raw_who, "person"));
    bool below = false;

    if (q->manager == 0)
        return true;
    return person != 0 && team_has(c->db, q->manager, person, &below, &err) && below;
}

bool event_query_number(struct call *c, const char *name, unsigned min, unsigned max, unsigned usual,
                        unsigned *out)
{
    const char *text = call_query(c, name);
    uint64_t n = usual;

    if (text != NULL && (!view_decimal(view_string(text), max, &n) || n < min)) {
        call_problem(c, 422, name, "a number from %u to %u is expected", min, max);
        return false;
    }
    *out = (unsigned)n;
    return true;
}
