/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks of the policy nest, and the narrowest that holds an address says who is there. So the addresses
 * are cut at the borders of all networks, and each piece is asked once what its narrowest network and those
 * around it say: as choose_who() of match.c does for one address.
 */
#include "policy/export/plan_clients.h"

enum { NEST = 129 }; /* networks around one another, one for each length */

static bool asks_for(const struct policy *p, const struct rule *r, enum axis_id axis, uint32_t value)
{
    for (uint32_t i = 0; i < r->term_count; i++)
        if (p->terms[r->first_term + i] == term_of(axis, value))
            return true;
    return false;
}

/* The one user of the narrowest place that has users; an address that several share tells none. */
static uint32_t user_at(const struct places *places, const struct place *at)
{
    uint32_t user = NAME_NONE;

    for (; at != NULL && user == NAME_NONE; at = at->parent != NAME_NONE ? &places->places[at->parent] : NULL)
        for (uint32_t i = 0; i < at->count; i++) {
            const struct member *m = &places->members[at->first + i];
            if (m->axis == USER && user != NAME_NONE)
                return NAME_NONE;
            if (m->axis == USER)
                user = m->value;
        }
    return user;
}

/* Bits of the keys that hold at a place. */
static uint32_t keys_at(const struct policy *p, const struct rule *r, const struct place *narrowest)
{
    uint32_t user = user_at(&p->clients, narrowest), held = 0;

    for (const struct place *at = narrowest; at != NULL;
         at = at->parent != NAME_NONE ? &p->clients.places[at->parent] : NULL)
        for (uint32_t i = 0; i < at->count; i++) {
            const struct member *m = &p->clients.members[at->first + i];
            if (m->axis != USER && asks_for(p, r, (enum axis_id)m->axis, m->value))
                held |= m->axis == GROUP ? PLAN_BIT(GROUP) : PLAN_BIT(NETWORK);
        }
    if (user == NAME_NONE)
        return held;
    if (asks_for(p, r, USER, user))
        held |= PLAN_BIT(USER);
    const struct person *person = &p->persons[user];
    for (uint32_t i = 0; i < person->group_count; i++)
        if (asks_for(p, r, GROUP, p->memberships[person->first_group + i].group))
            held |= PLAN_BIT(GROUP);
    return held;
}

struct sweep {
    const struct policy *policy;
    const struct rule *rule;
    struct ip_spans *out;
    struct {
        hash_wide last;
        bool holds;
    } open[NEST];
    unsigned depth;
    hash_wide at; /* what lies before is done */
    bool ended;   /* with the very last address */
};

/* Up to `last`, which lies in the innermost open network. */
static bool pass(struct sweep *s, hash_wide last)
{
    bool ok = s->ended || s->at > last || !s->open[s->depth - 1].holds || ip_spans_add(s->out, s->at, last);

    s->ended = last == ~(hash_wide)0;
    s->at = last + 1;
    return ok;
}

static bool close_before(struct sweep *s, hash_wide first)
{
    for (; s->depth > 0 && s->open[s->depth - 1].last < first; s->depth--)
        if (s->at <= s->open[s->depth - 1].last && !pass(s, s->open[s->depth - 1].last))
            return false;
    return true;
}

bool plan_clients(const struct policy *p, const struct rule *r, struct ip_spans *out)
{
    struct sweep s = { .policy = p, .rule = r, .out = out };

    for (uint32_t i = 0; i < p->clients.place_count; i++) {
        const struct place *place = &p->clients.places[i];
        struct ip_span span = ip_network_span(&place->network, place->bits);
        if (!close_before(&s, span.first) || (s.depth > 0 && s.at < span.first && !pass(&s, span.first - 1)))
            return false;
        s.at = span.first;
        s.open[s.depth].last = span.last;
        s.open[s.depth++].holds = (keys_at(p, r, place) & r->keys & PLAN_CLIENTS) == (r->keys & PLAN_CLIENTS);
    }
    for (; s.depth > 0; s.depth--)
        if (!pass(&s, s.open[s.depth - 1].last))
            return false;
    return true;
}
