/* SPDX-License-Identifier: Apache-2.0 */
/* A rule of the policy in plain words, for readers of the clause that it stands in. What a rule says and
 * these words leave out cannot be: a key that is not known here is told as it is written. */
#include "base/text.h"
#include "base/yaml.h"
#include "program/clause.h"

enum { LISTED = 12, WORD = 120 };

struct word {
    const char *key, *value, *said;
};
static const struct word values[] = {
    { "class", "im", "instant messaging" },
    { "class", "social", "social networks" },
    { "class", "workplace", "workplace chat" },
    { "class", "meeting", "online meetings" },
    { "class", "voice-chat", "voice chat" },
    { "activity", "lookup", "looking the service up" },
    { "activity", "login", "signing in" },
    { "activity", "presence", "being online" },
    { "activity", "chat", "messages" },
    { "activity", "file", "files" },
    { "activity", "call", "calls" },
    { "delivery", "peer", "straight between users" },
    { "delivery", "server-proxy", "by way of the vendor's server" },
    { "delivery", "server-broker", "arranged by the vendor's server" },
    { "port_agile", "true", "on ports of other protocols" },
    { "port_agile", "false", "on its own ports" },
    { "acknowledged", "false", "people who have not signed this policy" },
    { "acknowledged", "true", "people who have signed this policy" },
    { "trained", "false", "people whose training is not valid" },
    { "trained", "true", "people whose training is valid" },
};
/* How the values of a key are told; NULL: no words before. */
static const struct word keys[] = {
    { "class", NULL, "" },
    { "activity", NULL, "" },
    { "delivery", NULL, "" },
    { "port_agile", NULL, "" },
    { "acknowledged", NULL, "" },
    { "trained", NULL, "" },
    { "service", NULL, "the service " },
    { "vendor", NULL, "services of " },
    { "protocol", NULL, "the protocol " },
    { "group", NULL, "the group " },
    { "user", NULL, "" },
    { "network", NULL, "machines in " },
    { "server", NULL, "with " },
    { "hours", NULL, "at " },
    { "client_version_below", NULL, "programs older than " },
};
static const struct word actions[] = {
    { "action", "block", "Stopped" },
    { "action", "allow", "Allowed" },
    { "action", "alert", "Let pass and reported" },
    { "action", "scan", "Scanned before it passes" },
};

static struct view scalar(const struct yaml_node *n)
{
    struct view v;

    return n != NULL && yaml_kind(n) == YAML_SCALAR && yaml_string(n, &v, NULL) ? v : VIEW("");
}

static void add_value(struct text *t, struct view key, const struct yaml_node *n)
{
    struct view v = scalar(n);

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        if (view_equal(key, view_string(values[i].key)) && view_equal(v, view_string(values[i].value))) {
            text_string(t, values[i].said);
            return;
        }
    text_printable(t, view_slice(v, 0, WORD));
}

static void add_condition(struct text *t, const struct yaml_node *n)
{
    const struct view key = yaml_key(n);
    const char *before = NULL;
    unsigned told = 0;

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (view_equal(key, view_string(keys[i].key)))
            before = keys[i].said;
    if (before != NULL) {
        text_string(t, before);
    } else {
        text_printable(t, view_slice(key, 0, WORD));
        text_char(t, ' ');
    }
    if (yaml_kind(n) != YAML_SEQUENCE) {
        add_value(t, key, n);
        return;
    }
    for (const struct yaml_node *one = yaml_first(n); one != NULL && told < LISTED; one = yaml_next(one)) {
        const bool last = yaml_next(one) == NULL;
        text_string(t, told == 0 ? "" : last ? " or " : ", ");
        add_value(t, key, one);
        told++;
    }
    if (yaml_count(n) > told)
        text_format(t, " and %u more", yaml_count(n) - told);
}

static void add_member(struct text *t, const char *before, const struct yaml_node *map, const char *key,
                       const char *after)
{
    struct view v = scalar(yaml_get(map, key));

    if (v.len == 0)
        return;
    text_string(t, before);
    text_printable(t, view_slice(v, 0, WORD));
    text_string(t, after);
}

static void add_rule(struct text *t, const struct yaml_node *rule)
{
    const struct yaml_node *match = yaml_get(rule, "match"), *exception = yaml_get(rule, "exception");
    const struct view action = scalar(yaml_get(rule, "action"));
    const char *does = "Decided";

    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        if (view_equal(action, view_string(actions[i].value)))
            does = actions[i].said;
    text_format(t, "%s: ", does);
    if (match == NULL || yaml_first(match) == NULL)
        text_string(t, "everything that no rule before decides on");
    for (const struct yaml_node *n = match != NULL ? yaml_first(match) : NULL; n != NULL; n = yaml_next(n)) {
        text_string(t, n == yaml_first(match) ? "" : "; ");
        add_condition(t, n);
    }
    text_char(t, '.');
    if (exception != NULL) {
        add_member(t, " An exception until ", exception, "until", "");
        add_member(t, ", for ", exception, "purpose", "");
        add_member(t, ", approved by ", exception, "approved_by", ".");
    }
    const struct yaml_node *keep = yaml_get(rule, "keep");
    if (keep != NULL) {
        text_string(t, " Kept, encrypted:");
        add_member(t, " messages for ", keep, "messages", "");
        add_member(t, yaml_get(keep, "messages") != NULL ? ", files for " : " files for ", keep, "files", "");
        text_char(t, '.');
    }
    add_member(t, " Slowed to ", rule, "throttle", " a second.");
    add_member(t, " Stopped by: ", rule, "with", ".");
}

void rule_words(struct view yaml, char *out, size_t size)
{
    struct text t = text_over(out, size);
    struct yaml *y = NULL;

    if (!yaml_parse("rule", yaml, &y, NULL))
        return;
    const struct yaml_node *rule = yaml_first(yaml_root(y));
    if (rule != NULL)
        add_rule(&t, rule);
    yaml_free(y);
}
