/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each rule was good for, as JSON: {"command":"rules"} on the control socket. A policy may have more
 * rules than fit into one answer, so an answer holds a page of them and says where the next begins. `serial`
 * tells pages of one policy from those of the next.
 */
#include "base/json_value.h"
#include "sensor/server.h"
#include <stdlib.h>

struct page {
    uint64_t from;
    bool dead; /* only those that were good for nothing */
    json_t *out;
};

static json_t *row_of(const struct rules *r, unsigned number)
{
    const struct policy_place place =
        r->policy != NULL ? policy_rule_place(r->policy, number)
                          : (struct policy_place){ .name = "default", .action = POLICY_ALERT };
    struct rule_hits hits;
    json_t *row;

    rules_hits(r, number, &hits);
    row = json_pack("{s:i, s:o, s:s, s:I, s:I, s:I}", "number", (int)number, "name", server_text(place.name),
                    "action", policy_action_name(place.action), "hits", (json_int_t)hits.hits, "stopped",
                    (json_int_t)hits.stopped, "last_us", (json_int_t)hits.last_us);
    if (row != NULL && place.file != NULL &&
        (json_object_set_new(row, "file", server_text(place.file)) != 0 ||
         json_object_set_new(row, "line", json_integer(place.line)) != 0)) {
        json_decref(row);
        return NULL;
    }
    return row;
}

static bool is_dead(const struct rules *r, unsigned number)
{
    struct rule_hits hits;

    rules_hits(r, number, &hits);
    return hits.hits == 0 && hits.stopped == 0;
}

static void tell(void *to, const struct rules *r)
{
    struct page *p = to;
    unsigned count = rules_count(r), number = (unsigned)(p->from <= count ? p->from : count + 1);
    json_t *rows = json_pack("[]");
    bool ok = rows != NULL;

    for (; ok && number <= count && json_array_size(rows) < CONTROL_RULES; number++)
        if (!p->dead || (number > 0 && is_dead(r, number))) /* "default" is no rule that could be removed */
            ok = json_array_append_new(rows, row_of(r, number)) == 0;
    p->out = ok ? json_pack("{s:b, s:o, s:I, s:i, s:o}", "ok", 1, "policy",
                            server_text(r->policy != NULL ? policy_version(r->policy) : NULL), "serial",
                            (json_int_t)r->serial, "count", (int)count, "rules", rows)
                : NULL;
    if (!ok)
        json_decref(rows);
    if (p->out != NULL && number <= count)
        (void)json_object_set_new(p->out, "next", json_integer(number));
}

json_t *control_rules(const struct control_calls *calls, uint64_t from, bool dead)
{
    struct page p = { .from = from, .dead = dead };

    calls->rules(calls->context, tell, &p);
    return p.out;
}
