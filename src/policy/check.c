/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mistakes that a policy can hold and still be loaded. A rule is shadowed when an earlier one accepts all
 * that it accepts: on every axis it asks about, the earlier rule accepts each of its values, and on the
 * others the earlier does not ask. The sets that decide answer that too. Several earlier rules that only
 * together cover a rule are not found.
 */
#include "content/vault_key.h"
#include "policy/rules.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct checking {
    const struct policy *policy;
    policy_warn *warn;
    void *context;
    unsigned told;
    int64_t day;
    uint64_t *cover;
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

static void keep_accepting(struct checking *c, uint32_t term)
{
    const struct policy *p = c->policy;
    const struct axis *axis = &p->axes[term_axis(term)];
    const struct rule_set *s = &axis->values[term_value(term)];
    uint32_t at = 0;

    for (uint32_t w = 0; w < p->words; w++) {
        uint64_t accepting = s->bits != NULL ? s->bits[w] : axis->any[w];
        for (; s->bits == NULL && at < s->count && p->lists[s->first + at] / 64 == w; at++)
            accepting |= (uint64_t)1 << (p->lists[s->first + at] % 64);
        c->cover[w] &= accepting;
    }
}

/* Does it hold at every hour, with every client, for ever? */
static bool is_lasting(const struct rule *r)
{
    return !r->exception && (r->keys & (1u << POLICY_KEY_HOURS | 1u << POLICY_KEY_CLIENT_VERSION_BELOW)) == 0;
}

/* The first lasting rule before `r` that accepts all that it does, or r itself. */
static uint32_t covering_rule(struct checking *c, uint32_t r)
{
    const struct policy *p = c->policy;
    const struct rule *rule = &p->rules[r];
    bool asked[AXES] = { false };

    memcpy(c->cover, p->all, p->words * sizeof *c->cover);
    for (uint32_t i = 0; i < rule->term_count; i++) {
        asked[term_axis(p->terms[rule->first_term + i])] = true;
        keep_accepting(c, p->terms[rule->first_term + i]);
    }
    for (unsigned a = 0; a < AXES; a++)
        for (uint32_t w = 0; !asked[a] && p->axes[a].asked && w < p->words; w++)
            c->cover[w] &= p->axes[a].any[w];
    for (uint32_t earlier = 0; earlier < r; earlier++)
        if (bit_is_set(c->cover, earlier) && is_lasting(&p->rules[earlier]))
            return earlier;
    return r;
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

static void check_groups(struct checking *c, uint32_t r)
{
    const struct policy *p = c->policy;
    const struct rule *rule = &p->rules[r];

    for (uint32_t i = 0; i < rule->term_count; i++) {
        uint32_t term = p->terms[rule->first_term + i];
        if (term_axis(term) != GROUP || p->group[term_value(term)].filled)
            continue;
        tell_rule(c, r,
                  p->group[term_value(term)].line == 0 ? "never matches the unknown group"
                                                       : "never matches the group without members",
                  names_text(&p->groups, term_value(term)));
    }
}

static void check_people(struct checking *c, uint32_t r)
{
    const struct policy *p = c->policy;
    uint16_t keys = p->rules[r].keys;

    if ((keys >> POLICY_KEY_ACKNOWLEDGED & 1) != 0 && (!p->has_people || !p->has_edition))
        tell_rule(c, r, "never matches: 'acknowledged' is not known without the keys 'people' and 'edition'",
                  NULL);
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

static void check_rule(struct checking *c, uint32_t r)
{
    const struct policy *p = c->policy;

    if (p->rules[r].exception && c->day > p->rules[r].last_day)
        tell_rule(c, r, "does not match any more: its exception has expired", NULL);
    check_groups(c, r);
    check_people(c, r);
    check_keep(c, r);
    if (matches_nothing(p, &p->rules[r])) {
        tell_rule(c, r, "never matches: no service fits its service, vendor and class together", NULL);
        return;
    }
    uint32_t earlier = covering_rule(c, r);
    if (earlier == r)
        return;
    bool same = p->rules[earlier].action == p->rules[r].action;
    tell_rule(c, r,
              same ? "is never reached, and has the same action as the rule that covers it,"
                   : "is never reached: all that it matches is decided before by",
              policy_rule_name(p, earlier + 1));
}

/* --- groups --- */

static void check_unfilled(struct checking *c)
{
    const struct policy *p = c->policy;

    for (uint32_t g = 0; g < p->groups.count; g++)
        if (p->group[g].line != 0 && !p->group[g].filled)
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
    if (access(s->key, R_OK) != 0 && errno == EACCES)
        return; /* who checks need not be who runs the sensor */
    if (vault_keys_read(s->key, true, &keys, &err))
        vault_keys_forget(&keys);
    else
        tell(c, 0, content->vault_line, "the vault's key: %s", error_format(&err, text, sizeof text));
}

unsigned policy_check(const struct policy *p, uint64_t now_us, policy_warn *warn, void *context)
{
    struct checking c = { .policy = p, .warn = warn, .context = context };

    c.day = floor_divide(zone_local(p->zone, (int64_t)(now_us / 1000000)), DAY_S);
    c.cover = malloc(p->words * sizeof *c.cover);
    if (c.cover == NULL)
        return 0;
    check_scan(&c);
    check_vault(&c);
    check_unfilled(&c);
    for (uint32_t r = 0; r < p->rule_names.count; r++)
        check_rule(&c, r);
    free(c.cover);
    return c.told;
}
