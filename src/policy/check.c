/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mistakes that a policy can hold and still be loaded. A rule is shadowed when an earlier one accepts all
 * that it accepts: on every axis it asks about, the earlier rule accepts each of its values, and on the
 * others the earlier does not ask. The sets that decide answer that too. Several earlier rules shadow it
 * together when they divide one axis among themselves: each of its values there is accepted by one of those
 * that accept everything else. Rules that divide two axes at once among themselves are not found, nor what a
 * group and a network have in common.
 */
#include "content/vault_key.h"
#include "policy/rules.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SOON_DAYS = 30, HINTS = 20 }; /* hints are looked for among all names: not for ever */

struct checking {
    const struct policy *policy;
    policy_warn *warn;
    void *context;
    unsigned told;
    int64_t now_s, day;  /* UTC; local */
    uint32_t *places[2]; /* of the values of NETWORK and SERVER; NAME_NONE: it is a name */
    uint64_t *cover;     /* rules that accept all that one does */
    uint64_t *accepting; /* … one value */
    bool *named_users;   /* told of already */
    unsigned hints;
};

static void tell(struct checking *c, uint16_t file, uint32_t line, const char *format, ...) IMW_PRINTF(4, 5);

static void tell(struct checking *c, uint16_t file, uint32_t line, const char *format, ...)
{
    char text[640];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    c->told++;
    c->warn(c->context, names_text(&c->policy->file_names, file), line, text);
}

static void tell_rule(struct checking *c, uint32_t r, const char *text, const char *name)
{
    const struct rule *rule = &c->policy->rules[r];

    tell(c, rule->file, rule->line, "rule '%s' %s%s%s%s", names_text(&c->policy->rule_names, r), text,
         name != NULL ? " '" : "", name != NULL ? name : "", name != NULL ? "'" : "");
}

/* --- shadowed rules --- */

/* Add the rules that name this value. */
static void add_naming(const struct checking *c, enum axis_id axis, uint32_t value)
{
    const struct policy *p = c->policy;
    const struct rule_set *s = &p->axes[axis].values[value];

    for (uint32_t i = 0; i < s->count; i++)
        c->accepting[p->lists[s->first + i] / 64] |= (uint64_t)1 << (p->lists[s->first + i] % 64);
}

/* Add the rules that name a wider network than this. */
static void add_wider(const struct checking *c, enum axis_id axis, uint32_t value)
{
    const struct places *places = axis == NETWORK ? &c->policy->clients : &c->policy->remotes;
    uint32_t at = c->places[axis == SERVER][value];

    while (at != NAME_NONE) {
        const struct place *place = &places->places[at];
        for (uint32_t i = 0; i < place->count; i++)
            if (places->members[place->first + i].axis == axis)
                add_naming(c, axis, places->members[place->first + i].value);
        at = place->parent;
    }
}

/* Add the rules that name a domain above this one. */
static void add_domains(const struct checking *c, uint32_t value)
{
    const struct names *servers = &c->policy->servers;
    struct view name = view_string(names_text(servers, value));

    if (c->places[1][value] != NAME_NONE)
        return;
    for ((void)view_token(&name, '.'); name.len > 0; (void)view_token(&name, '.')) {
        uint32_t above = names_find(servers, name);
        if (above != NAME_NONE)
            add_naming(c, SERVER, above);
    }
}

/* The rules that accept this value, whether they name it or do not ask; until the next call. */
static const uint64_t *accepting(const struct checking *c, uint32_t term)
{
    const struct policy *p = c->policy;
    enum axis_id axis = term_axis(term);

    if (axis >= SEVERAL) {
        const uint64_t *bits = p->axes[axis].values[term_value(term)].bits;
        return bits != NULL ? bits : p->axes[axis].any;
    }
    memcpy(c->accepting, p->axes[axis].any, p->words * sizeof *c->accepting);
    add_naming(c, axis, term_value(term));
    if (axis == NETWORK || axis == SERVER)
        add_wider(c, axis, term_value(term));
    if (axis == SERVER)
        add_domains(c, term_value(term));
    return c->accepting;
}

/* Does a flow whose comparisons hold for `r` hold for `earlier` too, at whatever time? */
static bool covers_comparisons(const struct policy *p, const struct rule *earlier, const struct rule *r)
{
    const unsigned hours = 1u << POLICY_KEY_HOURS, version = 1u << POLICY_KEY_CLIENT_VERSION_BELOW;

    if (earlier->exception && !(r->exception && r->end_s <= earlier->end_s))
        return false;
    if ((earlier->keys & version) != 0 &&
        ((r->keys & version) == 0 || version_is_below(&earlier->version_below, &r->version_below)))
        return false;
    if ((earlier->keys & hours) == 0)
        return true;
    for (uint32_t i = 0; i < r->span_count; i++) {
        const struct span *s = &p->spans[r->first_span + i];
        bool held = false;
        for (uint32_t e = 0; e < earlier->span_count; e++)
            held |= p->spans[earlier->first_span + e].from <= s->from &&
                    p->spans[earlier->first_span + e].to >= s->to;
        if (!held)
            return false;
    }
    return (r->keys & hours) != 0;
}

/* Keep of c->cover what is in `set`. False: nothing is left. */
static bool keep(const struct checking *c, const uint64_t *set, uint32_t words)
{
    uint64_t some = 0;

    for (uint32_t w = 0; w < words; w++) {
        c->cover[w] &= set[w];
        some |= c->cover[w];
    }
    return some != 0;
}

/* Into c->cover: the rules before `r` that accept all that it does, on all axes but `left_out`. False: none.
 */
static bool collect_covering(const struct checking *c, uint32_t r, enum axis_id left_out)
{
    const struct policy *p = c->policy;
    const struct rule *rule = &p->rules[r];
    uint32_t asked = 0, words = r / 64 + 1;
    bool some = r > 0;

    memset(c->cover, 0, p->words * sizeof *c->cover);
    memcpy(c->cover, p->all, words * sizeof *c->cover);
    c->cover[r / 64] &= ((uint64_t)1 << (r % 64)) - 1;
    for (unsigned k = 0; k < POLICY_KEY_COUNT; k++)
        asked |= (rule->keys >> k & 1u) << policy_key_axis((enum policy_key)k);
    for (unsigned a = 0; a < AXES && some; a++)
        if ((asked >> a & 1) == 0 && a != left_out && p->axes[a].asked)
            some = keep(c, p->axes[a].any, words);
    for (uint32_t i = 0; i < rule->term_count && some; i++)
        if (term_axis(p->terms[rule->first_term + i]) != left_out)
            some = keep(c, accepting(c, p->terms[rule->first_term + i]), words);
    if (!some)
        return false;
    some = false;
    for (uint32_t w = 0; w < words; w++) {
        for (uint64_t left = c->cover[w] & p->compared[w]; left != 0; left &= left - 1)
            if (!covers_comparisons(p, &p->rules[w * 64 + (uint32_t)__builtin_ctzll(left)], rule))
                c->cover[w] &= ~(left & -left);
        some |= c->cover[w] != 0;
    }
    return some;
}

/* The first rule in c->cover, which is not empty. */
static uint32_t first_covering(const struct checking *c)
{
    uint32_t w = 0;

    while (c->cover[w] == 0)
        w++;
    return w * 64 + (uint32_t)__builtin_ctzll(c->cover[w]);
}

/* Is this value of the axis accepted by one of those in c->cover? *last: the last that is needed so far. */
static bool is_value_covered(const struct checking *c, uint32_t term, uint32_t *last)
{
    const struct policy *p = c->policy;

    const uint64_t *set = accepting(c, term);
    uint32_t w = 0;

    while (w < p->words && (set[w] & c->cover[w]) == 0)
        w++;
    if (w == p->words)
        return false;
    uint32_t first = w * 64 + (uint32_t)__builtin_ctzll(set[w] & c->cover[w]);
    if (first > *last || *last == NAME_NONE)
        *last = first;
    return true;
}

/* Is there more than one value to divide? */
static bool may_be_divided(const struct policy *p, const struct rule *r, enum axis_id axis)
{
    unsigned values = 0;

    for (uint32_t i = 0; i < r->term_count && values < 2; i++)
        values += term_axis(p->terms[r->first_term + i]) == axis ? 1 : 0;
    return values > 1 || (axis == PORT_AGILE && values == 0 && p->axes[axis].asked);
}

/* Do rules before `r` accept all that it does, dividing this axis? *last: the last of them. */
static bool is_divided(const struct checking *c, uint32_t r, enum axis_id axis, uint32_t *last)
{
    const struct policy *p = c->policy;
    const struct rule *rule = &p->rules[r];
    unsigned values = 0;

    *last = NAME_NONE;
    if (!collect_covering(c, r, axis))
        return false;
    for (uint32_t i = 0; i < rule->term_count; i++) {
        uint32_t term = p->terms[rule->first_term + i];
        if (term_axis(term) == axis && (values++, !is_value_covered(c, term, last)))
            return false;
    }
    if (values == 0 && axis == PORT_AGILE) /* always one of both */
        return is_value_covered(c, term_of(axis, 0), last) && is_value_covered(c, term_of(axis, 1), last);
    return values > 1;
}

/* Do two rules have the same conditions? */
static bool is_same_match(const struct policy *p, const struct rule *a, const struct rule *b)
{
    if (a->keys != b->keys || a->term_count != b->term_count || a->span_count != b->span_count ||
        memcmp(&a->version_below, &b->version_below, sizeof a->version_below) != 0)
        return false;
    for (uint32_t i = 0; i < a->term_count; i++) { /* in any order */
        uint32_t k = 0;
        while (k < b->term_count && p->terms[b->first_term + k] != p->terms[a->first_term + i])
            k++;
        if (k == b->term_count)
            return false;
    }
    return a->span_count == 0 ||
           memcmp(&p->spans[a->first_span], &p->spans[b->first_span], a->span_count * sizeof *p->spans) == 0;
}

static void check_reached(struct checking *c, uint32_t r)
{
    const struct policy *p = c->policy;
    const struct rule *rule = &p->rules[r];
    uint32_t last;

    if (collect_covering(c, r, AXES)) {
        uint32_t earlier = first_covering(c);
        bool same = p->rules[earlier].action == rule->action;
        bool repeated = is_same_match(p, &p->rules[earlier], rule);
        tell_rule(c, r,
                  same && repeated ? "is never reached: it repeats"
                  : repeated       ? "is never reached, and contradicts the rule of the same conditions"
                  : same           ? "is never reached, and has the same action as the rule that covers it,"
                                   : "is never reached: all that it matches is decided before by",
                  policy_rule_name(p, earlier + 1));
        return;
    }
    for (unsigned a = 0; a < AXES; a++)
        if (may_be_divided(p, rule, (enum axis_id)a) && is_divided(c, r, (enum axis_id)a, &last)) {
            tell_rule(c, r,
                      "is never reached: all that it matches is decided before by several rules, the last is",
                      policy_rule_name(p, last + 1));
            return;
        }
}

/* --- single rules --- */

static bool matches_nothing(const struct policy *p, const struct rule *r)
{
    const uint32_t what = 1u << POLICY_KEY_SERVICE | 1u << POLICY_KEY_VENDOR | 1u << POLICY_KEY_CLASS;

    for (uint32_t i = 0; i < r->term_count; i++)
        if (term_axis(p->terms[r->first_term + i]) == WHAT)
            return false;
    return (r->keys & what) != 0;
}

/* The name that is probably meant, or NULL: one that somebody is in, or who is listed. */
static const char *nearest_name(struct checking *c, const struct names *names, uint32_t number, bool groups)
{
    const struct policy *p = c->policy;
    const char **known = c->hints++ < HINTS ? malloc((names->count + 1) * sizeof *known) : NULL;
    uint32_t count = 0;

    if (known == NULL)
        return NULL;
    for (uint32_t i = 0; i < names->count; i++)
        if (i != number && (groups ? p->group[i].line != 0 || p->group[i].filled : p->persons[i].listed))
            known[count++] = names_text(names, i);
    known[count] = NULL;
    const char *hint = yaml_nearest(view_string(names_text(names, number)), known);
    free(known);
    return hint;
}

static void check_groups(struct checking *c, uint32_t r)
{
    const struct policy *p = c->policy;
    const struct rule *rule = &p->rules[r];

    for (uint32_t i = 0; i < rule->term_count && !p->apart; i++) {
        uint32_t term = p->terms[rule->first_term + i], g = term_value(term);
        if (term_axis(term) != GROUP || p->group[g].filled)
            continue;
        bool unknown = p->group[g].line == 0;
        const char *hint = unknown ? nearest_name(c, &p->groups, g, true) : NULL;
        tell(c, rule->file, rule->line, "rule '%s' never matches the %s '%s'%s%s%s",
             names_text(&p->rule_names, r), unknown ? "unknown group" : "group without members",
             names_text(&p->groups, g), hint != NULL ? "; is '" : "", hint != NULL ? hint : "",
             hint != NULL ? "' meant?" : "");
    }
}

/* Somebody whom the file of people does not have; told once. `of` names the rule or group. */
static void check_user(struct checking *c, uint16_t file, uint32_t line, const char *what, const char *of,
                       uint32_t user)
{
    const struct policy *p = c->policy;

    if (!p->has_people || p->apart || p->persons[user].listed || c->named_users[user])
        return;
    c->named_users[user] = true;
    const char *hint = nearest_name(c, &p->users, user, false);
    tell(c, file, line, "%s '%s' names '%s', who is not in the file of people%s%s%s", what, of,
         names_text(&p->users, user), hint != NULL ? "; is '" : "", hint != NULL ? hint : "",
         hint != NULL ? "' meant?" : "");
}

static void check_users(struct checking *c, uint32_t r)
{
    const struct policy *p = c->policy;
    const struct rule *rule = &p->rules[r];

    for (uint32_t i = 0; i < rule->term_count; i++)
        if (term_axis(p->terms[rule->first_term + i]) == USER)
            check_user(c, rule->file, rule->line, "rule", names_text(&p->rule_names, r),
                       term_value(p->terms[rule->first_term + i]));
}

static bool asks_for(const struct policy *p, const struct rule *r, enum axis_id axis, uint32_t value)
{
    for (uint32_t i = 0; i < r->term_count; i++)
        if (p->terms[r->first_term + i] == term_of(axis, value))
            return true;
    return false;
}

static bool has_signer(const struct policy *p)
{
    for (uint32_t u = 0; u < p->users.count; u++)
        if (p->persons[u].acknowledged)
            return true;
    return false;
}

static void check_people(struct checking *c, uint32_t r)
{
    const struct policy *p = c->policy;
    uint16_t keys = p->rules[r].keys;

    if (p->alone) { /* the console gives it the file of people */
        if ((keys >> POLICY_KEY_ACKNOWLEDGED & 1) != 0 && !p->has_edition)
            tell_rule(c, r, "never matches: 'acknowledged' is not known without the key 'edition'", NULL);
        return;
    }
    if ((keys >> POLICY_KEY_ACKNOWLEDGED & 1) != 0 && (!p->has_people || !p->has_edition))
        tell_rule(c, r, "never matches: 'acknowledged' is not known without the keys 'people' and 'edition'",
                  NULL);
    else if (!p->apart && asks_for(p, &p->rules[r], ACKNOWLEDGED, true) && !has_signer(p))
        tell_rule(c, r, "never matches: nobody in the file of people has signed the policy's edition", NULL);
    if ((keys >> POLICY_KEY_TRAINED & 1) != 0 && !p->has_people)
        tell_rule(c, r, "never matches: 'trained' is not known without the key 'people'", NULL);
}

/* Does a rule hold for a flow of which just this activity is known? */
static bool accepts_activity(const struct policy *p, const struct rule *r, enum activity a)
{
    if ((r->keys >> POLICY_KEY_ACTIVITY & 1) == 0)
        return true;
    for (uint32_t i = 0; i < r->term_count; i++)
        if (p->terms[r->first_term + i] == term_of(ACTIVITY, (uint32_t)1 << a))
            return true;
    return false;
}

static void check_keep(struct checking *c, uint32_t r)
{
    const struct rule *rule = &c->policy->rules[r];

    if (rule->keep_messages_s > 0 && !accepts_activity(c->policy, rule, ACTIVITY_CHAT))
        tell_rule(c, r, "keeps no message: its activities do not list 'chat'", NULL);
    if (rule->keep_files_s > 0 && !accepts_activity(c->policy, rule, ACTIVITY_FILE))
        tell_rule(c, r, "keeps no file: its activities do not list 'file'", NULL);
}

static void check_exception(struct checking *c, uint32_t r)
{
    const struct rule *rule = &c->policy->rules[r];
    int64_t left = rule->last_day - c->day;

    if (!rule->exception || left > SOON_DAYS)
        return;
    if (exception_is_over(rule, c->now_s, c->day))
        tell_rule(c, r, "does not match any more: its exception has expired", NULL);
    else if (rule->timed && left <= 0)
        tell_rule(c, r, "does not match any more later today: its exception ends", NULL);
    else if (left == 0)
        tell_rule(c, r, "does not match any more from tomorrow on: its exception ends today", NULL);
    else
        tell(c, rule->file, rule->line, "rule '%s': its exception ends in %d day%s",
             names_text(&c->policy->rule_names, r), (int)left, left > 1 ? "s" : "");
}

static void check_rule(struct checking *c, uint32_t r)
{
    check_exception(c, r);
    check_groups(c, r);
    check_users(c, r);
    check_people(c, r);
    check_keep(c, r);
    if (matches_nothing(c->policy, &c->policy->rules[r]))
        tell_rule(c, r, "never matches: no service fits its service, vendor and class together", NULL);
    else
        check_reached(c, r);
}

/* --- groups --- */

static void check_unfilled(struct checking *c)
{
    const struct policy *p = c->policy;

    for (uint32_t g = 0; g < p->groups.count; g++)
        if (p->group[g].line != 0 && !p->group[g].filled && !p->apart)
            tell(
                c, p->group[g].file, p->group[g].line,
                "group '%s' has no members: it has no networks and users, and the file of people names it nowhere "
                "(directories are not read yet)",
                names_text(&p->groups, g));
}

/* --- content --- */

static void check_scan(struct checking *c)
{
    const struct policy_content *content = c->policy->content;
    const struct scan_settings *s = &content->settings.scan;

    if (s->wanted && s->clamd.count + s->yara.count + s->hashes.count == 0)
        tell(c, 0, content->scan_line, "no scanner is named (clamd, yara, hashes): no file gets a verdict");
    for (unsigned i = 0; i < s->clamd.count; i++) {
        const char *path = s->clamd.at[i] + strlen("unix:");
        struct stat status;
        if (!view_starts(view_string(s->clamd.at[i]), VIEW("unix:")))
            continue;
        if (c->policy->alone)
            continue;
        if (stat(path, &status) != 0)
            tell(c, 0, content->clamd_lines[i], "clamd's socket %.400s: %s", path, strerror(errno));
        else if (!S_ISSOCK(status.st_mode))
            tell(c, 0, content->clamd_lines[i], "clamd's socket %.400s is no socket", path);
    }
}

static void check_vault(struct checking *c)
{
    const struct policy_content *content = c->policy->content;
    const struct vault_settings *s = &content->settings.vault;
    bool kept = false;

    for (uint32_t r = 0; r < c->policy->rule_names.count; r++)
        kept |= c->policy->rules[r].keep_messages_s > 0 || c->policy->rules[r].keep_files_s > 0;
    if (s->path == NULL)
        return;
    if (!kept)
        tell(c, 0, content->vault_line, "nothing is put into the vault: no rule has 'keep'");
    struct vault_keys keys;
    struct imw_error_info err;
    char text[768];
    if (c->policy->alone)
        return;
    if (access(s->key, R_OK) != 0 && errno == EACCES)
        return; /* who checks need not be who runs the sensor */
    if (vault_keys_read(s->key, true, &keys, &err))
        vault_keys_forget(&keys);
    else
        tell(c, 0, content->vault_line, "the vault's key: %s", error_format(&err, text, sizeof text));
}

/* Where the networks among the values of an axis lie. False without memory. */
static bool find_places(struct checking *c, enum axis_id axis)
{
    const struct places *places = axis == NETWORK ? &c->policy->clients : &c->policy->remotes;
    uint32_t count = c->policy->axes[axis].value_count;
    uint32_t *out = malloc((count + 1) * sizeof *out);

    c->places[axis == SERVER] = out;
    if (out == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++)
        out[i] = NAME_NONE;
    for (uint32_t at = 0; at < places->place_count; at++)
        for (uint32_t i = 0; i < places->places[at].count; i++) {
            const struct member *m = &places->members[places->places[at].first + i];
            if (m->axis == axis)
                out[m->value] = at;
        }
    return true;
}

static void check_all(struct checking *c)
{
    const struct policy *p = c->policy;

    check_scan(c);
    check_vault(c);
    check_unfilled(c);
    for (uint32_t i = 0; i < p->membership_count; i++) {
        const struct group *g = &p->group[p->memberships[i].group];
        if (g->line != 0)
            check_user(c, g->file, g->line, "group", names_text(&p->groups, p->memberships[i].group),
                       p->memberships[i].user);
    }
    for (uint32_t r = 0; r < p->rule_names.count; r++)
        check_rule(c, r);
}

unsigned policy_check(const struct policy *p, uint64_t now_us, policy_warn *warn, void *context)
{
    struct checking c = { .policy = p, .warn = warn, .context = context };
    uint64_t *sets = malloc(2 * p->words * sizeof *sets);

    c.now_s = (int64_t)(now_us / 1000000);
    c.day = floor_divide(zone_local(p->zone, c.now_s), DAY_S);
    c.named_users = calloc(p->users.count + 1, sizeof *c.named_users);
    c.cover = sets;
    c.accepting = sets != NULL ? sets + p->words : NULL;
    if (sets != NULL && c.named_users != NULL && find_places(&c, NETWORK) && find_places(&c, SERVER))
        check_all(&c);
    free(c.places[0]);
    free(c.places[1]);
    free(c.named_users);
    free(sets);
    return c.told;
}
