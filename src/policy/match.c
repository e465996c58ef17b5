/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking a policy. A flow's facts choose, on every axis that some rule asks about, the set of rules that they
 * satisfy; the sets are intersected word by word, and the first rule that is left and whose comparisons hold
 * decides.
 *
 * On axes of several values (groups, users, networks, servers) most rules are about others. Those that name
 * one of the flow's values are few: they are noted word by word, and only words with such a rule, or with one
 * that asks on none of these axes, are looked at. Where a value is named by so many rules that it has a set
 * of its own, all words are.
 *
 * The person of a flow is found by the client's address, or by the server's where only that lies in a
 * network, group or person's address of the policy: a direct leg that was opened from outside.
 */
#include "base/hash.h"
#include "policy/rules.h"
#include <stdlib.h>

enum { SERVER_LABELS = 32 };

/* Rules of one word that name values which the flow has, by axis. */
struct named {
    uint64_t axis[SEVERAL];
};

/* The rules that a flow's facts satisfy, axis by axis. */
struct choice {
    const struct policy *policy;
    const uint64_t *set[AXES]; /* and, on axes of several values, those named */
    struct named named[RULE_WORDS];
    uint64_t words[RULE_WORDS / 64 + 1]; /* bits of the words that have an entry in `named` */
    bool has_named[SEVERAL];
    uint64_t made[SEVERAL][RULE_WORDS]; /* sets that no value has by itself */
    bool everywhere;                    /* a set other than `any` stands on an axis of several values */
    uint32_t unknown;                   /* bits of enum policy_key */
    uint32_t what;                      /* value of the axis */
    bool has_time;
    int64_t now_s;   /* UTC */
    int64_t day;     /* local */
    uint32_t minute; /* of the week */
    bool has_version;
    struct version version;
};

const char *policy_action_name(enum policy_action a)
{
    static const char *const names[] = {
#define X(id, name) name,
        POLICY_ACTIONS(X)
#undef X
    };

    return names[a];
}

const char *policy_means_name(enum policy_means m)
{
    static const char *const names[] = {
#define X(id, name) name,
        POLICY_MEANS(X)
#undef X
    };

    return names[m];
}

const char *policy_key_name(enum policy_key k)
{
    static const char *const names[] = {
#define X(id, name) name,
        POLICY_KEYS(X)
#undef X
    };

    return names[k];
}

const char *policy_version(const struct policy *p)
{
    return p->version;
}

bool policy_takes_people(const struct policy *p)
{
    return p->has_people;
}

bool policy_takes_exceptions(const struct policy *p)
{
    return p->has_exceptions;
}

struct view policy_edition(const struct policy *p)
{
    return view_string(p->edition);
}

unsigned policy_rules(const struct policy *p)
{
    return p->rule_names.count;
}

const char *policy_rule_name(const struct policy *p, unsigned number)
{
    return number > 0 && number <= p->rule_names.count ? p->rules[number - 1].name : "default";
}

struct policy_place policy_rule_place(const struct policy *p, unsigned number)
{
    if (number == 0 || number > p->rule_names.count)
        return (struct policy_place){ .name = "default", .action = policy_default(p, CLASS_COUNT) };
    const struct rule *r = &p->rules[number - 1];
    return (struct policy_place){ .name = names_text(&p->rule_names, number - 1),
                                  .file = names_text(&p->file_names, r->file),
                                  .line = r->line,
                                  .action = (enum policy_action)r->action };
}

enum policy_action policy_default(const struct policy *p, enum service_class class)
{
    return (enum policy_action)p->fallback[(unsigned)class < CLASS_COUNT ? class : CLASS_COUNT];
}

uint32_t policy_asks(const struct policy *p, bool *out_until)
{
    uint32_t keys = 0;

    *out_until = false;
    for (unsigned n = 0; n < policy_rules(p); n++) {
        keys |= p->rules[n].keys;
        *out_until |= p->rules[n].exception;
    }
    return keys;
}

bool policy_keeps(const struct policy *p)
{
    for (unsigned n = 0; n < policy_rules(p); n++)
        if (p->rules[n].keep_messages_s != 0 || p->rules[n].keep_files_s != 0)
            return true;
    return false;
}

#define KEY(id) (1u << POLICY_KEY_##id)
#define WHAT_KEYS (KEY(SERVICE) | KEY(VENDOR) | KEY(CLASS))

/* Does the rule name the service, by whichever key, or all? */
static bool is_about(const struct policy *p, const struct rule *r, uint16_t service)
{
    if ((r->keys & WHAT_KEYS) == 0)
        return true;
    for (uint32_t i = 0; i < r->term_count; i++)
        if (p->terms[r->first_term + i] == term_of(WHAT, service - 1u))
            return true;
    return false;
}

bool policy_blocks_everybody(const struct policy *p, uint16_t service, enum service_class class,
                             unsigned *out_rule)
{
    for (unsigned n = 1; n <= policy_rules(p); n++) {
        const struct rule *r = &p->rules[n - 1];
        if (!is_about(p, r, service))
            continue;
        if (r->action != POLICY_BLOCK)
            return false;
        if ((r->keys & ~WHAT_KEYS) == 0 && !r->exception) {
            *out_rule = n;
            return true;
        }
    }
    *out_rule = 0;
    return policy_default(p, class) == POLICY_BLOCK;
}

/* --- versions --- */

/* Digits with points between them, at the start of *v, which is cut off. Returns how many numbers. */
static unsigned take_version(struct view *v, struct version *out)
{
    unsigned parts = 0;
    size_t at = 0;

    *out = (struct version){ 0 };
    for (;;) {
        uint64_t number = 0;
        size_t first = at;
        for (; at < v->len && v->at[at] >= '0' && v->at[at] <= '9'; at++)
            number = number < UINT32_MAX / 16 ? number * 10 + (v->at[at] - '0') : UINT32_MAX;
        if (at == first) {
            at -= parts > 0; /* the point behind the last number is none of ours */
            break;
        }
        if (parts < VERSION_PARTS)
            out->part[parts] = (uint32_t)number;
        parts++;
        if (at == v->len || v->at[at] != '.')
            break;
        at++;
    }
    *v = view_from(*v, at);
    return parts;
}

bool version_parse(struct view v, struct version *out)
{
    unsigned parts = take_version(&v, out);

    return parts > 0 && parts <= VERSION_PARTS && v.len == 0;
}

bool version_find(struct view text, struct version *out)
{
    struct version found;
    unsigned best = 0;

    while (text.len > 0 && best < 2) {
        unsigned parts = take_version(&text, &found);
        if (parts > best) {
            best = parts;
            *out = found;
        }
        if (parts == 0)
            text = view_from(text, 1);
    }
    return best > 0;
}

bool version_is_below(const struct version *a, const struct version *b)
{
    for (unsigned i = 0; i < VERSION_PARTS; i++)
        if (a->part[i] != b->part[i])
            return a->part[i] < b->part[i];
    return false;
}

/* --- choosing --- */

static void name_rule(struct choice *c, enum axis_id axis, uint32_t rule)
{
    uint32_t w = rule / 64;

    if (!bit_is_set(c->words, w)) {
        c->words[w / 64] |= (uint64_t)1 << (w % 64);
        c->named[w] = (struct named){ { 0 } };
    }
    c->named[w].axis[axis] |= (uint64_t)1 << (rule % 64);
}

/* The flow has this value: rules that accept it may match. */
static void choose(struct choice *c, enum axis_id axis, uint32_t value)
{
    const struct policy *p = c->policy;

    if (!p->axes[axis].asked)
        return;
    const struct rule_set *s = &p->axes[axis].values[value];
    if (s->count == 0)
        return;
    if (s->bits == NULL) { /* so it is an axis of several values */
        c->has_named[axis] = true;
        for (uint32_t i = 0; i < s->count; i++)
            name_rule(c, axis, p->lists[s->first + i]);
        return;
    }
    c->everywhere |= axis < SEVERAL;
    if (c->set[axis] == p->axes[axis].any) {
        c->set[axis] = s->bits;
        return;
    }
    uint64_t *made = c->made[axis]; /* a second value, so it is an axis of several */
    if (c->set[axis] != made)
        memcpy(made, c->set[axis], p->words * sizeof *made);
    c->set[axis] = made;
    for (uint32_t w = 0; w < p->words; w++)
        made[w] |= s->bits[w];
}

static void unknown(struct choice *c, enum policy_key key)
{
    c->unknown |= (uint32_t)1 << key;
}

static void choose_what(struct choice *c, const struct policy_facts *f)
{
    uint32_t services = c->policy->what_count - CLASS_COUNT - 1;

    if (f->service > 0 && f->service <= services) {
        c->what = f->service - 1u;
        choose(c, WHAT, c->what);
        return;
    }
    unknown(c, POLICY_KEY_SERVICE);
    unknown(c, POLICY_KEY_VENDOR);
    c->what = services + ((unsigned)f->class < CLASS_COUNT ? (uint32_t)f->class : CLASS_COUNT);
    if ((unsigned)f->class >= CLASS_COUNT)
        unknown(c, POLICY_KEY_CLASS);
    else
        choose(c, WHAT, c->what);
}

static void choose_words(struct choice *c, const struct policy_facts *f)
{
    if (f->protocol == PROTOCOL_UNKNOWN)
        unknown(c, POLICY_KEY_PROTOCOL);
    else
        choose(c, PROTOCOL, (uint32_t)f->protocol);
    if (f->activities == 0)
        unknown(c, POLICY_KEY_ACTIVITY);
    choose(c, ACTIVITY, f->activities % ACTIVITY_SETS);
    if (f->delivery == DELIVERY_UNKNOWN)
        unknown(c, POLICY_KEY_DELIVERY);
    else
        choose(c, DELIVERY, (uint32_t)f->delivery);
    choose(c, PORT_AGILE, f->port_agile);
}

/* A person, with the groups and the signatures that belong to him or her. */
static void choose_user(struct choice *c, uint32_t user)
{
    const struct policy *p = c->policy;
    const struct person *person = &p->persons[user];

    if (person->asked)
        choose(c, USER, user);
    for (uint32_t i = 0; i < person->group_count; i++)
        choose(c, GROUP,
               i < NEAR_GROUPS ? person->near_groups[i] : p->memberships[person->first_group + i].group);
    if (!person->listed)
        return;
    if (p->has_edition) {
        c->unknown &= ~((uint32_t)1 << POLICY_KEY_ACKNOWLEDGED);
        choose(c, ACKNOWLEDGED, person->acknowledged);
    }
    if (!c->has_time)
        return;
    c->unknown &= ~((uint32_t)1 << POLICY_KEY_TRAINED);
    choose(c, TRAINED, person->trained_until >= c->day);
}

/* Every group, network or server that a place and the places around it belong to. */
static void choose_places(struct choice *c, const struct places *places, const struct place_slot *slot)
{
    uint32_t at = slot != NULL ? slot->around : NAME_NONE;

    for (; at != NAME_NONE; at = places->places[at].parent)
        for (uint32_t i = 0; i < places->places[at].count; i++) {
            const struct member *m = &places->members[places->places[at].first + i];
            if (m->axis != USER)
                choose(c, (enum axis_id)m->axis, m->value);
        }
}

/* Where the flow's person is, or NULL. */
static const struct place_slot *place_of(const struct policy *p, const struct policy_facts *f)
{
    const struct place_slot *at = NULL;

    if (f->client != NULL)
        at = places_look(&p->clients, f->client);
    if (at == NULL && f->server != NULL)
        at = places_look(&p->clients, f->server);
    return at;
}

/* The number of the flow's person; NAME_NONE: nobody of the policy. */
static uint32_t user_of(const struct policy *p, const struct policy_facts *f, const struct place_slot *at,
                        uint64_t fetched)
{
    if (f->user.len > 0)
        return names_find_fetched(&p->users, f->user, fetched);
    return at != NULL ? at->user : NAME_NONE;
}

static void choose_who(struct choice *c, const struct policy_facts *f, uint64_t fetched)
{
    const struct policy *p = c->policy;
    const struct place_slot *at = place_of(p, f);

    unknown(c, POLICY_KEY_ACKNOWLEDGED);
    unknown(c, POLICY_KEY_TRAINED);
    choose_places(c, &p->clients, at);
    uint32_t user = user_of(p, f, at, fetched);
    if (user != NAME_NONE)
        choose_user(c, user);
    bool addressed = f->client != NULL || f->server != NULL, named = f->user.len > 0 || user != NAME_NONE;
    if (!named)
        unknown(c, POLICY_KEY_USER);
    if (!addressed)
        unknown(c, POLICY_KEY_NETWORK);
    if (!addressed && !named)
        unknown(c, POLICY_KEY_GROUP);
}

static void choose_server(struct choice *c, const struct policy_facts *f)
{
    const struct policy *p = c->policy;
    struct view name = f->server_name;

    if (!p->axes[SERVER].asked)
        return;
    if (f->server == NULL && name.len == 0)
        unknown(c, POLICY_KEY_SERVER);
    if (f->server != NULL)
        choose_places(c, &p->remotes, places_look(&p->remotes, f->server));
    if (name.len > 0 && name.at[name.len - 1] == '.')
        name.len--;
    for (unsigned label = 0; name.len > 0 && label < SERVER_LABELS; label++) {
        uint32_t number = names_find(&p->servers, name);
        if (number != NAME_NONE)
            choose(c, SERVER, number);
        (void)view_token(&name, '.'); /* the domain above */
    }
}

static void choose_time(struct choice *c, const struct policy_facts *f)
{
    c->now_s = (int64_t)(f->time_us / 1000000);
    const int64_t local = zone_local(c->policy->zone, c->now_s);

    c->day = floor_divide(local, DAY_S);
    c->minute = day_of_week(c->day) * (DAY_S / 60) + (uint32_t)((local - c->day * DAY_S) / 60);
    c->has_time = f->time_us != 0;
    if (!c->has_time)
        unknown(c, POLICY_KEY_HOURS);
}

static void choose_all(struct choice *c, const struct policy *p, const struct policy_facts *f)
{
    uint64_t fetched = f->user.len > 0 ? names_fetch(&p->users, f->user) : 0;

    if (f->client != NULL)
        places_fetch(&p->clients, f->client);
    c->policy = p;
    c->unknown = 0;
    c->everywhere = false;
    memset(c->words, 0, sizeof c->words);
    memset(c->has_named, 0, sizeof c->has_named);
    for (unsigned a = 0; a < AXES; a++)
        c->set[a] = p->axes[a].any;
    choose_time(c, f);
    choose_what(c, f);
    choose_words(c, f);
    choose_server(c, f);
    choose_who(c, f, fetched); /* what it needs was asked for in the beginning */
    c->has_version = version_find(f->client_version, &c->version);
    if (!c->has_version)
        unknown(c, POLICY_KEY_CLIENT_VERSION_BELOW);
}

/* --- deciding --- */

static bool hours_hold(const struct choice *c, const struct rule *r)
{
    if (!c->has_time)
        return false;
    for (uint32_t i = 0; i < r->span_count; i++) {
        const struct span *s = &c->policy->spans[r->first_span + i];
        if ((c->minute >= s->from && c->minute < s->to) || c->minute + WEEK_MINUTES < s->to)
            return true;
    }
    return false;
}

/* Bits of the keys that compare and do not hold. */
static uint32_t failed_comparisons(const struct choice *c, const struct rule *r)
{
    uint32_t failed = 0;

    if ((r->keys >> POLICY_KEY_HOURS & 1) != 0 && !hours_hold(c, r))
        failed |= (uint32_t)1 << POLICY_KEY_HOURS;
    if ((r->keys >> POLICY_KEY_CLIENT_VERSION_BELOW & 1) != 0 &&
        !(c->has_version && version_is_below(&c->version, &r->version_below)))
        failed |= (uint32_t)1 << POLICY_KEY_CLIENT_VERSION_BELOW;
    return failed;
}

static bool is_expired(const struct choice *c, const struct rule *r)
{
    return r->exception && (!c->has_time || exception_is_over(r, c->now_s, c->day));
}

static void decide(const struct choice *c, unsigned number, struct policy_verdict *out)
{
    const struct policy *p = c->policy;

    out->number = number;
    out->rule = policy_rule_name(p, number);
    out->action = policy_default(p, (enum service_class)p->classes[c->what]);
    if (number == 0)
        return;
    const struct rule *r = &p->rules[number - 1];
    out->action = (enum policy_action)r->action;
    out->means = (enum policy_means)r->means;
    out->throttle = r->throttle;
    out->keep_messages_s = r->keep_messages_s;
    out->keep_files_s = r->keep_files_s;
}

/* Of the rules that are left in one word, the first whose comparisons hold. False: none. */
static bool judge_word(const struct choice *c, uint32_t first, uint64_t left, struct policy_verdict *out)
{
    for (; left != 0; left &= left - 1) {
        uint32_t r = first + (uint32_t)__builtin_ctzll(left);
        const struct rule *rule = &c->policy->rules[r];
        bool compared = bit_is_set(c->policy->compared, r);
        if (compared && failed_comparisons(c, rule) != 0)
            continue;
        if (!compared || !is_expired(c, rule)) {
            decide(c, r + 1, out);
            return true;
        }
        out->expired = true;
    }
    return false;
}

/* Of these rules of word `w`, those that the flow satisfies on all axes. */
static uint64_t intersect(const struct choice *c, uint32_t w, uint64_t left)
{
    const struct policy *p = c->policy;

    for (unsigned a = SEVERAL; a < AXES && left != 0; a++)
        if (p->axes[a].asked)
            left &= c->set[a][w];
    bool named = left != 0 && bit_is_set(c->words, w);
    for (unsigned a = 0; a < SEVERAL && left != 0; a++)
        left &= c->set[a][w] | (named ? c->named[w].axis[a] : 0);
    return left;
}

static bool judge_named(const struct choice *c, struct policy_verdict *out)
{
    const struct policy *p = c->policy;

    for (uint32_t group = 0; group * 64 < p->words; group++)
        for (uint64_t words = c->words[group] | p->quiet_words[group]; words != 0; words &= words - 1) {
            uint32_t w = group * 64 + (uint32_t)__builtin_ctzll(words);
            uint64_t left = p->quiet[w];
            for (unsigned a = 0; bit_is_set(c->words, w) && a < SEVERAL; a++)
                left |= c->named[w].axis[a];
            if (judge_word(c, w * 64, intersect(c, w, left), out))
                return true;
        }
    return false;
}

static bool judge_everywhere(const struct choice *c, struct policy_verdict *out)
{
    const struct policy *p = c->policy;

    for (uint32_t w = 0; w < p->words; w += STRIDE_WORDS) {
        uint64_t left[STRIDE_WORDS];
        memcpy(left, p->all + w, sizeof left);
        for (unsigned a = 0; a < AXES; a++) {
            const uint64_t *set = c->set[a] + w;
            if (p->axes[a].asked && !(a < SEVERAL && c->has_named[a]))
                for (unsigned i = 0; i < STRIDE_WORDS; i++)
                    left[i] &= set[i];
        }
        for (unsigned i = 0; i < STRIDE_WORDS; i++)
            if (left[i] != 0 && judge_word(c, (w + i) * 64, intersect(c, w + i, left[i]), out))
                return true;
    }
    return false;
}

void policy_judge(const struct policy *p, const struct policy_facts *facts, struct policy_verdict *out)
{
    struct choice c;

    choose_all(&c, p, facts);
    *out = (struct policy_verdict){ .expired = false };
    if (!(c.everywhere ? judge_everywhere(&c, out) : judge_named(&c, out)))
        decide(&c, 0, out);
}

/* --- for those who ask about the policy --- */

const char *policy_person(const struct policy *p, const struct policy_facts *facts)
{
    uint32_t user = user_of(p, facts, place_of(p, facts), names_fetch(&p->users, facts->user));

    return user != NAME_NONE ? names_text(&p->users, user) : NULL;
}

bool policy_member(const struct policy *p, struct view group, struct view *user, struct ip_addr *address)
{
    uint32_t number = names_find(&p->groups, group);

    *user = view_of(NULL, 0);
    for (uint32_t i = 0; i < p->membership_count; i++)
        if (p->memberships[i].group == number) {
            *user = view_string(names_text(&p->users, p->memberships[i].user));
            return true;
        }
    for (uint32_t i = 0; i < p->clients.member_count; i++)
        if (p->clients.members[i].axis == GROUP && p->clients.members[i].value == number) {
            *address = p->clients.members[i].network;
            return true;
        }
    return false;
}

int64_t policy_local(const struct policy *p, uint64_t time_us)
{
    return zone_local(p->zone, (int64_t)(time_us / 1000000));
}

uint64_t policy_time(const struct policy *p, int64_t local_s)
{
    int64_t utc = zone_utc(p->zone, local_s);

    return utc > 0 ? (uint64_t)utc * 1000000 : 0;
}

uint64_t policy_period(const struct policy *p, uint64_t time_us)
{
    const struct policy_facts when = { .time_us = time_us };
    struct choice c;

    c.policy = p;
    c.unknown = 0;
    choose_time(&c, &when);
    uint64_t period = p->axes[TRAINED].asked ? (uint64_t)c.day : 0;
    for (uint32_t r = 0; r < p->rule_names.count; r++) {
        const struct rule *rule = &p->rules[r];
        bool by_hours = (rule->keys >> POLICY_KEY_HOURS & 1) != 0;
        if (by_hours || rule->exception)
            period = hash_words(period, (by_hours && hours_hold(&c, rule)) * 2u + is_expired(&c, rule), r);
    }
    return period;
}

/* --- explaining --- */

/* Keys with an axis that do not hold, as bits. Service, vendor and class share one: all that are asked are
 * named. */
static uint32_t failed_axes(const struct choice *c, uint32_t number)
{
    uint32_t failed = 0;

    for (unsigned k = 0; k < POLICY_KEY_COUNT; k++) {
        enum axis_id a = policy_key_axis((enum policy_key)k);
        if (a == COMPARED || (c->policy->rules[number].keys >> k & 1) == 0)
            continue;
        bool named = a < SEVERAL && bit_is_set(c->words, number / 64) &&
                     (c->named[number / 64].axis[a] >> (number % 64) & 1) != 0;
        if (!named && !bit_is_set(c->set[a], number))
            failed |= (uint32_t)1 << k;
    }
    return failed;
}

void policy_explain(const struct policy *p, const struct policy_facts *facts, policy_visit *visit,
                    void *context, struct policy_verdict *out)
{
    struct choice c;

    policy_judge(p, facts, out);
    choose_all(&c, p, facts);
    for (uint32_t r = 0; r < p->rule_names.count && r + 1 != out->number; r++) {
        struct policy_reason reason = {
            .number = r + 1,
            .rule = policy_rule_name(p, r + 1),
            .failed = failed_axes(&c, r) | failed_comparisons(&c, &p->rules[r]),
            .expired = is_expired(&c, &p->rules[r]),
        };
        reason.unknown = reason.failed & c.unknown;
        visit(context, &reason);
    }
}
