/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a policy (docs/policy.md). The policy and the files that it includes are one list of groups and one
 * of rules: its own rules first, then those of each included file. Included files hold groups and rules only,
 * so there is one level and no circle. The file of exceptions, which holds nothing but rules with an
 * exception, comes before all of them. What is done with content comes first (content.c), then groups of all
 * files, people, rules.
 */
#include "base/file.h"
#include "base/yaml.h"
#include "policy/rules.h"
#include "policy/tenants.h"
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

enum { SERVICE_NAMED = 1, VENDOR_NAMED = 2, CLASS_NAMED = 4, VERSION_DIGITS = 12, PEOPLE_BYTES = 256 << 20 };

struct loading {
    struct policy *policy;
    const struct catalog *catalog;
    struct yaml *files[ALL_FILES]; /* [0] is the policy */
    unsigned file_count;
    unsigned file;                      /* being read */
    unsigned exceptions;                /* the file of them; 0: none */
    const char **slugs, **vendors;      /* of the catalog, with NULL at the end */
    uint8_t *what;                      /* by value of the axis WHAT: which keys of the rule allow it */
    uint8_t activities;                 /* bits that the rule lists */
    const struct policy_beside *beside; /* NULL: files that the console makes are not there */
    EVP_MD_CTX *sum;                    /* SHA-256 of all files so far */
    struct imw_error_info *err;
};

/* One value of a match key. */
typedef bool read_value(struct loading *l, const struct yaml_node *n, struct rule *r);

static bool out_of_memory(struct loading *l)
{
    return error_memory(l->err);
}

/* --- values --- */

#define X(id, name) name,
static const char *const action_words[] = { POLICY_ACTIONS(X) NULL };
static const char *const means_words[] = { POLICY_MEANS(X) NULL };
#undef X

/* Until when an exception holds: its last day, or a time. */
static bool read_until(struct loading *l, const struct yaml_node *n, struct rule *r)
{
    struct view v = view_of(NULL, 0);

    if (!yaml_string(n, &v, l->err))
        return false;
    r->timed = time_parse(v, &r->end_s);
    if (r->timed)
        r->last_day = floor_divide(zone_local(l->policy->zone, r->end_s - 1), DAY_S);
    else if (date_parse(v, &r->last_day))
        r->end_s = zone_utc(l->policy->zone, (r->last_day + 1) * DAY_S);
    else
        return yaml_error(n, l->err,
                          "a date such as 2027-01-31, or a time such as 2027-01-31T18:00:00Z is needed");
    return true;
}

/* A network under a number of its own, whatever its spelling. */
static bool number_network(struct loading *l, const struct ip_addr *ip, unsigned bits, struct names *names,
                           uint32_t *out)
{
    char name[64];
    struct text t = TEXT(name);

    text_address(&t, ip);
    text_format(&t, "/%u", bits);
    return names_add(names, view_string(name), out) || out_of_memory(l);
}

/* A value, or a list of them that is not empty. */
static bool read_values(struct loading *l, const struct yaml_node *n, read_value *read, struct rule *r)
{
    if (yaml_kind(n) != YAML_SEQUENCE)
        return read(l, n, r);
    if (yaml_count(n) == 0)
        return yaml_error(n, l->err, "an empty list matches nothing; leave the key out to match all");
    for (const struct yaml_node *v = yaml_first(n); v != NULL; v = yaml_next(v))
        if (!read(l, v, r))
            return false;
    return true;
}

static bool add_term(struct loading *l, struct rule *r, enum axis_id axis, uint32_t value)
{
    struct policy *p = l->policy;

    if (!policy_room(&p->terms, p->term_count, &p->term_room, sizeof *p->terms))
        return out_of_memory(l);
    p->terms[p->term_count++] = term_of(axis, value);
    r->term_count++;
    return true;
}

/* --- match keys --- */

static bool read_service(struct loading *l, const struct yaml_node *n, struct rule *r)
{
    struct view v = view_of(NULL, 0);

    (void)r;
    if (!yaml_string(n, &v, l->err))
        return false;
    uint16_t number = catalog_find(l->catalog, v);
    if (number == 0)
        return value_unknown(n, "service", v, l->slugs, l->err);
    l->what[number - 1] |= SERVICE_NAMED;
    return true;
}

/* A service that went from one vendor to another names both: "AOL, VK". */
static bool is_vendor(struct view named, const char *vendors)
{
    struct view rest = view_string(vendors);
    bool same = view_equal_nocase(named, rest);

    while (!same && rest.len > 0)
        same = view_equal_nocase(named, view_trim(view_token(&rest, ',')));
    return same;
}

static bool read_vendor(struct loading *l, const struct yaml_node *n, struct rule *r)
{
    struct view v = view_of(NULL, 0);
    bool found = false;

    (void)r;
    if (!yaml_string(n, &v, l->err))
        return false;
    for (unsigned i = 0; i < catalog_count(l->catalog); i++) {
        const struct catalog_service *s = catalog_service(l->catalog, (uint16_t)(i + 1));
        if (is_vendor(v, s->vendor)) {
            l->what[i] |= VENDOR_NAMED;
            found |= !s->removed; /* a policy is good or not whatever catalog was there before */
        }
    }
    return found || value_unknown(n, "vendor", v, l->vendors, l->err);
}

static bool read_class(struct loading *l, const struct yaml_node *n, struct rule *r)
{
    unsigned services = catalog_count(l->catalog);
    uint32_t class = 0;

    (void)r;
    if (!value_word(n, "class", class_words, &class, l->err))
        return false;
    for (unsigned i = 0; i < services; i++)
        if (catalog_service(l->catalog, (uint16_t)(i + 1))->class == class)
            l->what[i] |= CLASS_NAMED;
    l->what[services + class] |= CLASS_NAMED;
    return true;
}

static bool read_protocol(struct loading *l, const struct yaml_node *n, struct rule *r)
{
    struct view v = view_of(NULL, 0);

    if (!yaml_string(n, &v, l->err))
        return false;
    int number = protocol_find(v);
    if (number <= PROTOCOL_UNKNOWN)
        return value_unknown(n, "protocol", v, protocol_words + 1, l->err);
    return add_term(l, r, PROTOCOL, (uint32_t)number);
}

static bool read_activity(struct loading *l, const struct yaml_node *n, struct rule *r)
{
    uint32_t number = 0;

    (void)r;
    if (!value_word(n, "activity", activity_words, &number, l->err))
        return false;
    l->activities |= (uint8_t)(1u << number);
    return true;
}

static bool read_delivery(struct loading *l, const struct yaml_node *n, struct rule *r)
{
    uint32_t number = 0; /* without "unknown", which is no fact */

    return value_word(n, "delivery", delivery_words + 1, &number, l->err) &&
           add_term(l, r, DELIVERY, number + 1);
}

static bool read_flag(struct loading *l, const struct yaml_node *n, struct rule *r, enum axis_id axis)
{
    bool wanted = false;

    return yaml_bool(n, &wanted, l->err) && add_term(l, r, axis, wanted);
}

static bool read_port_agile(struct loading *l, const struct yaml_node *n, struct rule *r)
{
    return read_flag(l, n, r, PORT_AGILE);
}

static bool read_acknowledged(struct loading *l, const struct yaml_node *n, struct rule *r)
{
    return read_flag(l, n, r, ACKNOWLEDGED);
}

static bool read_trained(struct loading *l, const struct yaml_node *n, struct rule *r)
{
    return read_flag(l, n, r, TRAINED);
}

static bool read_group(struct loading *l, const struct yaml_node *n, struct rule *r)
{
    struct view v = view_of(NULL, 0);
    uint32_t number;

    if (!yaml_one_line(n, NAME_BYTES, &v, l->err))
        return false;
    return policy_add_group(l->policy, v, &number) ? add_term(l, r, GROUP, number) : out_of_memory(l);
}

static bool read_user(struct loading *l, const struct yaml_node *n, struct rule *r)
{
    struct view v = view_of(NULL, 0);
    uint32_t number;

    if (!yaml_one_line(n, NAME_BYTES, &v, l->err))
        return false;
    return policy_add_user(l->policy, v, &number) ? add_term(l, r, USER, number) : out_of_memory(l);
}

static bool add_network(struct loading *l, struct rule *r, const struct ip_addr *ip, unsigned bits,
                        enum axis_id axis)
{
    struct policy *p = l->policy;
    struct names *names = axis == NETWORK ? &p->networks : &p->servers;
    uint32_t before = names->count, number;

    if (!number_network(l, ip, bits, names, &number))
        return false;
    if (number == before &&
        !policy_add_member(axis == NETWORK ? &p->clients : &p->remotes, ip, bits, axis, number))
        return out_of_memory(l);
    return add_term(l, r, axis, number);
}

static bool read_client_network(struct loading *l, const struct yaml_node *n, struct rule *r)
{
    struct ip_addr ip;
    unsigned bits;

    return value_network(n, &ip, &bits, l->err) && add_network(l, r, &ip, bits, NETWORK);
}

/* Labels of letters, digits, '-' and '_': a name and all below it. */
static bool is_domain(struct view v)
{
    uint8_t before = '.';

    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = ascii_lower(v.at[i]);
        bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!word && (c != '.' || before == '.'))
            return false;
        before = c;
    }
    return before != '.';
}

static bool read_server(struct loading *l, const struct yaml_node *n, struct rule *r)
{
    struct view v = view_of(NULL, 0);
    struct ip_addr ip;
    unsigned bits;
    uint32_t number;

    if (!yaml_one_line(n, NAME_BYTES, &v, l->err))
        return false;
    if (ip_parse_network(v, &ip, &bits))
        return value_network(n, &ip, &bits, l->err) && add_network(l, r, &ip, bits, SERVER);
    if (!is_domain(v))
        return yaml_error(n, l->err,
                          "a network, or a name such as example.com (with all below it) is needed");
    return names_add(&l->policy->servers, v, &number) ? add_term(l, r, SERVER, number) : out_of_memory(l);
}

/* "mon-fri,sun" as bits; a range may go over the week's end. */
static bool take_days(struct view v, unsigned *out)
{
    *out = 0;
    while (v.len > 0) {
        struct view last = view_token(&v, ','), first = view_token(&last, '-');
        unsigned from, to;
        if (!weekday_parse(first, &from) || !weekday_parse(last.len > 0 ? last : first, &to))
            return false;
        for (unsigned day = from;; day = (day + 1) % 7) {
            *out |= 1u << day;
            if (day == to)
                break;
        }
    }
    return *out != 0;
}

/* "mon-fri 08:00-18:00", or every day "22:00-06:00": hours over midnight belong to the day on which they
 * begin. */
static bool read_hours(struct loading *l, const struct yaml_node *n, struct rule *r)
{
    struct policy *p = l->policy;
    struct view v = view_of(NULL, 0), days;
    unsigned mask = 0x7f;
    uint32_t from, to;

    if (!yaml_string(n, &v, l->err))
        return false;
    size_t space = view_find_byte(v, ' ', 0);
    days = view_slice(v, 0, space);
    struct view end = space < v.len ? view_trim(view_from(v, space)) : v, begin = view_token(&end, '-');
    if ((space < v.len && !take_days(days, &mask)) || !clock_parse(begin, &from) || !clock_parse(end, &to) ||
        from == to || from == 24 * 60)
        return yaml_error(n, l->err, "days and hours such as \"mon-fri 08:00-18:00\" are needed");
    for (unsigned day = 0; day < 7; day++) {
        if ((mask >> day & 1) == 0)
            continue;
        if (!policy_room(&p->spans, p->span_count, &p->span_room, sizeof *p->spans))
            return out_of_memory(l);
        p->spans[p->span_count++] = (struct span){
            (uint16_t)(day * 1440 + from),
            (uint16_t)(day * 1440 + to + (to < from ? 1440 : 0)),
        };
        r->span_count++;
    }
    return true;
}

static bool read_version(struct loading *l, const struct yaml_node *n, struct rule *r)
{
    struct view v = view_of(NULL, 0);

    if (!yaml_string(n, &v, l->err))
        return false;
    return version_parse(v, &r->version_below) ||
           yaml_error(n, l->err, "a version of one to %d numbers such as \"6.5.1\" is needed", VERSION_PARTS);
}

/* By enum policy_key. `single`: a list makes no sense. */
static const struct match_key {
    read_value *read;
    bool single;
} match_keys[POLICY_KEY_COUNT] = {
    [POLICY_KEY_SERVICE] = { read_service, false },
    [POLICY_KEY_VENDOR] = { read_vendor, false },
    [POLICY_KEY_CLASS] = { read_class, false },
    [POLICY_KEY_PROTOCOL] = { read_protocol, false },
    [POLICY_KEY_ACTIVITY] = { read_activity, false },
    [POLICY_KEY_DELIVERY] = { read_delivery, false },
    [POLICY_KEY_PORT_AGILE] = { read_port_agile, true },
    [POLICY_KEY_GROUP] = { read_group, false },
    [POLICY_KEY_USER] = { read_user, false },
    [POLICY_KEY_NETWORK] = { read_client_network, false },
    [POLICY_KEY_SERVER] = { read_server, false },
    [POLICY_KEY_HOURS] = { read_hours, false },
    [POLICY_KEY_ACKNOWLEDGED] = { read_acknowledged, true },
    [POLICY_KEY_TRAINED] = { read_trained, true },
    [POLICY_KEY_CLIENT_VERSION_BELOW] = { read_version, true },
};

#define X(id, name) name,
static const char *const match_words[] = { POLICY_KEYS(X) NULL };
#undef X

/* The services that service, vendor and class allow together. */
static bool add_what(struct loading *l, struct rule *r)
{
    uint8_t wanted = 0;

    if ((r->keys >> POLICY_KEY_SERVICE & 1) != 0)
        wanted |= SERVICE_NAMED;
    if ((r->keys >> POLICY_KEY_VENDOR & 1) != 0)
        wanted |= VENDOR_NAMED;
    if ((r->keys >> POLICY_KEY_CLASS & 1) != 0)
        wanted |= CLASS_NAMED;
    for (uint32_t i = 0; wanted != 0 && i < l->policy->what_count; i++)
        if (l->what[i] == wanted && !add_term(l, r, WHAT, i))
            return false;
    return true;
}

/* Every set of activities that has one of those listed. */
static bool add_activities(struct loading *l, struct rule *r)
{
    for (uint32_t set = 1; set < ACTIVITY_SETS; set++)
        if ((set & l->activities) != 0 && !add_term(l, r, ACTIVITY, set))
            return false;
    return true;
}

static bool read_match(struct loading *l, const struct yaml_node *match, struct rule *r)
{
    struct policy *p = l->policy;

    if (!yaml_known_keys(match, match_words, l->err))
        return false;
    memset(l->what, 0, p->what_count);
    l->activities = 0;
    r->first_term = p->term_count;
    r->first_span = p->span_count;
    for (unsigned k = 0; k < POLICY_KEY_COUNT; k++) {
        const struct yaml_node *n = yaml_get(match, match_words[k]);
        if (n == NULL)
            continue;
        r->keys |= (uint16_t)(1u << k);
        if (!(match_keys[k].single ? match_keys[k].read(l, n, r) : read_values(l, n, match_keys[k].read, r)))
            return false;
    }
    return add_what(l, r) && add_activities(l, r);
}

/* --- rules and groups --- */

static bool read_exception(struct loading *l, const struct yaml_node *n, struct rule *r)
{
    static const char *const keys[] = { "purpose", "approved_by", "until", NULL };
    struct view text = view_of(NULL, 0);
    const struct yaml_node *purpose, *approver, *until;

    r->exception = true;
    return yaml_known_keys(n, keys, l->err) && yaml_need(n, "purpose", &purpose, l->err) &&
           yaml_string(purpose, &text, l->err) && yaml_need(n, "approved_by", &approver, l->err) &&
           yaml_string(approver, &text, l->err) && yaml_need(n, "until", &until, l->err) &&
           read_until(l, until, r);
}

static bool read_rule_name(struct loading *l, const struct yaml_node *rule)
{
    struct policy *p = l->policy;
    const struct yaml_node *node;
    struct view name = view_of(NULL, 0);
    uint32_t before = p->rule_names.count, number;

    if (!yaml_need(rule, "name", &node, l->err) || !yaml_one_line(node, NAME_BYTES, &name, l->err))
        return false;
    if (view_equal_nocase(name, VIEW("default")))
        return yaml_error(node, l->err,
                          "'default' stands for flows that no rule matches; give the rule another name");
    if (!names_add(&p->rule_names, name, &number))
        return out_of_memory(l);
    if (number < before)
        return yaml_error(node, l->err, "a rule of this name was given already in %s:%u",
                          names_text(&p->file_names, p->rules[number].file), p->rules[number].line);
    return true;
}

/* How a flow is stopped, or slowed down: each for the actions that do so. */
static bool read_how(struct loading *l, const struct yaml_node *rule, struct rule *r)
{
    const struct yaml_node *with = yaml_get(rule, "with"), *throttle = yaml_get(rule, "throttle");
    uint32_t means = POLICY_MEANS_AUTO;
    uint64_t rate = 0;

    if (with != NULL && !value_word(with, "means", means_words, &means, l->err))
        return false;
    if (with != NULL && r->action != POLICY_BLOCK)
        return yaml_error(with, l->err, "says how a flow is stopped, so the action must be 'block'");
    if (throttle != NULL && !value_size(throttle, 1 << 10, 1 << 30, &rate, l->err))
        return false;
    if (throttle != NULL && r->action == POLICY_BLOCK)
        return yaml_error(throttle, l->err,
                          "slows down what passes: the action must be 'allow', 'alert' or 'scan'");
    r->means = (uint8_t)means;
    r->throttle = (uint32_t)rate;
    return true;
}

static bool read_rule(struct loading *l, const struct yaml_node *n)
{
    static const char *const keys[] = { "name", "match", "action",   "exception",
                                        "keep", "with",  "throttle", NULL };
    struct policy *p = l->policy;
    struct rule r = { .line = yaml_line(n), .file = (uint16_t)l->file };
    const struct yaml_node *match, *action, *exception, *keep;
    uint32_t number = 0;

    if (p->rule_names.count == POLICY_RULES)
        return yaml_error(n, l->err, "more than %d rules", POLICY_RULES);
    if (!policy_room(&p->rules, p->rule_names.count, &p->rule_room, sizeof *p->rules))
        return out_of_memory(l);
    if (!yaml_known_keys(n, keys, l->err) || !read_rule_name(l, n) ||
        !yaml_need(n, "match", &match, l->err) || !read_match(l, match, &r) ||
        !yaml_need(n, "action", &action, l->err) ||
        !value_word(action, "action", action_words, &number, l->err))
        return false;
    r.action = (uint8_t)number;
    if (!read_how(l, n, &r))
        return false;
    exception = yaml_get(n, "exception");
    if (exception != NULL && !read_exception(l, exception, &r))
        return false;
    if (exception == NULL && l->file == l->exceptions && l->exceptions != 0)
        return yaml_error(
            n, l->err,
            "a rule of the file of exceptions must say its 'exception'; put others into the policy");
    keep = yaml_get(n, "keep");
    if (keep != NULL && !content_read_keep(keep, p->content, &r, l->err))
        return false;
    p->rules[p->rule_names.count - 1] = r;
    return true;
}

static bool read_rules(struct loading *l, const struct yaml_node *root)
{
    const struct yaml_node *rules = yaml_get(root, "rules");

    if (rules == NULL)
        return true;
    if (!yaml_expect(rules, YAML_SEQUENCE, l->err))
        return false;
    for (const struct yaml_node *n = yaml_first(rules); n != NULL; n = yaml_next(n))
        if (!read_rule(l, n))
            return false;
    return true;
}

static bool read_group_networks(struct loading *l, const struct yaml_node *list, uint32_t group)
{
    struct ip_addr ip;
    unsigned bits;

    if (list == NULL)
        return true;
    if (!yaml_expect(list, YAML_SEQUENCE, l->err))
        return false;
    for (const struct yaml_node *n = yaml_first(list); n != NULL; n = yaml_next(n)) {
        if (!value_network(n, &ip, &bits, l->err))
            return false;
        if (!policy_add_member(&l->policy->clients, &ip, bits, GROUP, group))
            return out_of_memory(l);
        l->policy->group[group].filled = true;
    }
    return true;
}

static bool read_group_users(struct loading *l, const struct yaml_node *list, uint32_t group)
{
    struct view name = view_of(NULL, 0);
    uint32_t user;

    if (list == NULL)
        return true;
    if (!yaml_expect(list, YAML_SEQUENCE, l->err))
        return false;
    for (const struct yaml_node *n = yaml_first(list); n != NULL; n = yaml_next(n)) {
        if (!yaml_one_line(n, NAME_BYTES, &name, l->err))
            return false;
        if (!policy_add_user(l->policy, name, &user) || !policy_add_membership(l->policy, user, group))
            return out_of_memory(l);
    }
    return true;
}

static bool read_group_of_file(struct loading *l, const struct yaml_node *n)
{
    static const char *const keys[] = { "networks", "users", "directory", NULL };
    struct policy *p = l->policy;
    const struct yaml_node *directory;
    struct view name = yaml_key(n);
    uint32_t group;

    if (!yaml_known_keys(n, keys, l->err))
        return false;
    if (name.len > NAME_BYTES)
        return yaml_error(n, l->err, "a name of at most %d bytes is needed", NAME_BYTES);
    if (!policy_add_group(p, name, &group))
        return out_of_memory(l);
    if (p->group[group].line != 0)
        return yaml_error(n, l->err, "this group was given already in %s:%u",
                          names_text(&p->file_names, p->group[group].file), p->group[group].line);
    p->group[group].line = yaml_line(n);
    p->group[group].file = (uint16_t)l->file;
    directory = yaml_get(n, "directory");
    return (directory == NULL || yaml_string(directory, &name, l->err)) &&
           read_group_networks(l, yaml_get(n, "networks"), group) &&
           read_group_users(l, yaml_get(n, "users"), group);
}

static bool read_groups(struct loading *l, const struct yaml_node *root)
{
    const struct yaml_node *groups = yaml_get(root, "groups");

    if (groups == NULL)
        return true;
    if (!yaml_expect(groups, YAML_MAPPING, l->err))
        return false;
    for (const struct yaml_node *n = yaml_first(groups); n != NULL; n = yaml_next(n))
        if (!read_group_of_file(l, n))
            return false;
    return true;
}

/* --- files --- */

static bool read_version_of_file(struct loading *l, const struct yaml_node *root)
{
    const struct yaml_node *n;
    int64_t version;

    if (!yaml_need(root, "version", &n, l->err) || !yaml_integer(n, 1, INT32_MAX, &version, l->err))
        return false;
    return version == 1 || yaml_error(n, l->err, "this program reads version 1 of the language");
}

static bool add_to_sum(struct loading *l, struct view bytes)
{
    return EVP_DigestUpdate(l->sum, bytes.at, bytes.len) == 1 || out_of_memory(l);
}

/* "2026-11-5f2d…" */
static bool write_version(struct loading *l, struct view edition)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    struct text t = TEXT(l->policy->version);

    if (EVP_DigestFinal_ex(l->sum, digest, NULL) != 1)
        return out_of_memory(l);
    text_add(&t, edition);
    if (edition.len > 0)
        text_char(&t, '-');
    for (unsigned i = 0; i < VERSION_DIGITS / 2; i++)
        text_format(&t, "%02x", digest[i]);
    return true;
}

static bool load_yaml(struct loading *l, const char *path, struct yaml **out)
{
    char *data;
    size_t len;

    if (!file_read(path, YAML_BYTES, &data, &len, l->err))
        return false;
    bool ok = add_to_sum(l, view_of(data, len)) && yaml_parse(path, view_of(data, len), out, l->err);
    free(data);
    return ok;
}

static bool add_file(struct loading *l, struct yaml *y)
{
    uint32_t number;

    l->files[l->file_count++] = y;
    return (names_add(&l->policy->file_names, view_slice(view_string(yaml_name(y)), 0, NAME_BYTES),
                      &number) &&
            number == l->file_count - 1) ||
           error_file(l->err, IMW_ERROR_VALUE, yaml_name(y), "this file was included already");
}

static bool read_includes(struct loading *l, const struct yaml_node *list)
{
    static const char *const keys[] = { "version", "groups", "rules", NULL };
    char path[NAME_BYTES + 1];
    struct yaml *y;

    if (list == NULL)
        return true;
    if (l->policy->alone)
        return yaml_error(list, l->err, "a policy that is written here is one text: put the rules into it");
    if (!yaml_expect(list, YAML_SEQUENCE, l->err))
        return false;
    for (const struct yaml_node *n = yaml_first(list); n != NULL; n = yaml_next(n)) {
        if (l->file_count == POLICY_FILES)
            return yaml_error(n, l->err, "more than %d files", POLICY_FILES - 1);
        if (!value_path(n, yaml_name(l->files[0]), path, sizeof path, l->err) || !load_yaml(l, path, &y))
            return false;
        if (!add_file(l, y) || !yaml_known_keys(yaml_root(y), keys, l->err) ||
            !read_version_of_file(l, yaml_root(y)))
            return false;
    }
    return true;
}

/* A file that somebody else makes beside a policy which may reach no files: of this name, and not read. */
static bool is_named(struct loading *l, const struct yaml_node *n, const char *name)
{
    struct view given = view_of(NULL, 0);

    return yaml_string(n, &given, l->err) &&
           (view_equal(given, view_string(name)) ||
            yaml_error(n, l->err, "the console writes this file beside the policy: its name must be %s",
                       name));
}

static bool load_beside(struct loading *l, const char *name, struct view text, struct yaml **out)
{
    return add_to_sum(l, text) && yaml_parse(name, text, out, l->err);
}

static bool read_exceptions(struct loading *l, const struct yaml_node *n)
{
    static const char *const keys[] = { "version", "rules", NULL };
    char path[NAME_BYTES + 1];
    struct yaml *y;

    l->policy->has_exceptions = n != NULL;
    if (n == NULL)
        return true;
    if (l->policy->alone && !is_named(l, n, "exceptions.yaml"))
        return false;
    if (l->policy->alone && l->beside == NULL)
        return true;
    if (!(l->policy->alone
              ? load_beside(l, "exceptions.yaml", l->beside->exceptions, &y)
              : value_path(n, yaml_name(l->files[0]), path, sizeof path, l->err) && load_yaml(l, path, &y)))
        return false;
    l->exceptions = l->file_count;
    return add_file(l, y) && yaml_known_keys(yaml_root(y), keys, l->err) &&
           read_version_of_file(l, yaml_root(y));
}

static bool load_people(struct loading *l, const char *path, struct view edition)
{
    char *data;
    size_t len;

    if (!file_read(path, PEOPLE_BYTES, &data, &len, l->err))
        return false;
    bool ok = add_to_sum(l, view_of(data, len)) &&
              people_parse(path, view_of(data, len), edition, l->policy, l->err);
    free(data);
    return ok;
}

static bool read_people(struct loading *l, const struct yaml_node *root)
{
    const struct yaml_node *edition = yaml_get(root, "edition"), *people = yaml_get(root, "people");
    struct view in_force = view_of(NULL, 0);
    char path[NAME_BYTES + 1];

    if (edition != NULL && !yaml_one_line(edition, EDITION_BYTES, &in_force, l->err))
        return false;
    memcpy(l->policy->edition, in_force.at != NULL ? (const char *)in_force.at : "", in_force.len);
    l->policy->has_edition = edition != NULL;
    l->policy->has_people = people != NULL;
    if (people != NULL && l->policy->alone) {
        if (!is_named(l, people, "people.csv") ||
            (l->beside != NULL &&
             !(add_to_sum(l, l->beside->people) &&
               people_parse("people.csv", l->beside->people, in_force, l->policy, l->err))))
            return false;
        l->policy->apart = l->beside == NULL;
        return write_version(l, in_force);
    }
    return (people == NULL || (value_path(people, yaml_name(l->files[0]), path, sizeof path, l->err) &&
                               load_people(l, path, in_force))) &&
           write_version(l, in_force);
}

static bool read_zone(struct loading *l, const struct yaml_node *n)
{
    struct view name = view_of(NULL, 0);
    struct imw_error_info why;

    if (n == NULL)
        return true;
    if (!yaml_string(n, &name, l->err))
        return false;
    return view_equal(name, VIEW("UTC")) || zone_load((const char *)name.at, &l->policy->zone, &why) ||
           yaml_error(n, l->err, "%s", why.text);
}

/* One action for all, or one a class. */
static bool read_default(struct loading *l, const struct yaml_node *root)
{
    const char *keys[CLASS_COUNT + 2];
    const struct yaml_node *n, *otherwise;
    uint32_t action = 0;

    if (!yaml_need(root, "default", &n, l->err))
        return false;
    for (unsigned c = 0; c < CLASS_COUNT; c++)
        keys[c] = class_words[c];
    keys[CLASS_COUNT] = "else";
    keys[CLASS_COUNT + 1] = NULL;
    otherwise = n;
    if (yaml_kind(n) == YAML_MAPPING &&
        (!yaml_known_keys(n, keys, l->err) || !yaml_need(n, "else", &otherwise, l->err)))
        return false;
    if (!value_word(otherwise, "action", action_words, &action, l->err))
        return false;
    memset(l->policy->fallback, (int)action, sizeof l->policy->fallback);
    for (unsigned c = 0; c < CLASS_COUNT; c++) {
        const struct yaml_node *of_class = yaml_get(n, class_words[c]);
        if (of_class != NULL && !value_word(of_class, "action", action_words, &action, l->err))
            return false;
        if (of_class != NULL)
            l->policy->fallback[c] = (uint8_t)action;
    }
    return true;
}

static bool read_policy(struct loading *l, const struct yaml_node *root)
{
    static const char *const keys[] = { "version", "edition", "default",    "time_zone",
                                        "include", "people",  "exceptions", "groups",
                                        "rules",   "tenants", CONTENT_KEYS, NULL };

    if (!yaml_known_keys(root, keys, l->err) || !read_version_of_file(l, root) || !read_default(l, root) ||
        !read_zone(l, yaml_get(root, "time_zone")) ||
        !content_read(root, yaml_name(l->files[0]), l->policy, l->err) ||
        !tenants_read(yaml_get(root, "tenants"), &l->policy->tenants, l->err) ||
        !read_includes(l, yaml_get(root, "include")) || !read_exceptions(l, yaml_get(root, "exceptions")))
        return false;
    for (l->file = 0; l->file < l->file_count; l->file++)
        if (!read_groups(l, yaml_root(l->files[l->file])))
            return false;
    if (!read_people(l, root))
        return false;
    l->file = l->exceptions;
    if (l->exceptions != 0 && !read_rules(l, yaml_root(l->files[l->exceptions])))
        return false;
    for (l->file = 0; l->file < l->file_count; l->file++)
        if ((l->file == 0 || l->file != l->exceptions) && !read_rules(l, yaml_root(l->files[l->file])))
            return false;
    return policy_compile(l->policy) || out_of_memory(l);
}

static bool prepare(struct loading *l)
{
    unsigned services = catalog_count(l->catalog);

    l->policy->what_count = services + CLASS_COUNT + 1;
    l->slugs = calloc(services + 1, sizeof *l->slugs);
    l->vendors = calloc(services + 1, sizeof *l->vendors);
    l->what = calloc(l->policy->what_count, 1);
    l->policy->classes = malloc(l->policy->what_count);
    if (l->slugs == NULL || l->vendors == NULL || l->what == NULL || l->policy->classes == NULL)
        return out_of_memory(l);
    for (unsigned c = 0; c <= CLASS_COUNT; c++)
        l->policy->classes[services + c] = (uint8_t)c;
    for (unsigned i = 0, n = 0; i < services; i++) {
        const struct catalog_service *s = catalog_service(l->catalog, (uint16_t)(i + 1));
        l->policy->classes[i] = (uint8_t)s->class;
        if (s->removed)
            continue;
        l->slugs[n] = s->slug;
        l->vendors[n++] = s->vendor;
    }
    return true;
}

/* Read a policy from its file or, where `text` is not NULL, from memory. */
static bool load(const char *name, const struct view *text, bool alone, const struct policy_beside *beside,
                 const struct catalog *catalog, struct policy **out, struct imw_error_info *err)
{
    struct loading l = { .policy = calloc(1, sizeof *l.policy),
                         .sum = EVP_MD_CTX_new(),
                         .catalog = catalog,
                         .beside = beside,
                         .err = err };
    struct yaml *y;
    bool ok = false;

    if (l.policy != NULL)
        l.policy->alone = alone;
    if (l.policy == NULL || l.sum == NULL || EVP_DigestInit_ex(l.sum, EVP_sha256(), NULL) != 1)
        (void)out_of_memory(&l);
    else if (text != NULL ? add_to_sum(&l, *text) && yaml_parse(name, *text, &y, err)
                          : load_yaml(&l, name, &y))
        ok = add_file(&l, y) && prepare(&l) && read_policy(&l, yaml_root(y));
    for (unsigned i = 0; i < l.file_count; i++)
        yaml_free(l.files[i]);
    EVP_MD_CTX_free(l.sum);
    free(l.slugs);
    free(l.vendors);
    free(l.what);
    if (ok)
        *out = l.policy;
    else
        policy_free(l.policy);
    return ok;
}

bool policy_load(const char *path, const struct catalog *catalog, struct policy **out,
                 struct imw_error_info *err)
{
    return load(path, NULL, false, NULL, catalog, out, err);
}

bool policy_parse(const char *name, struct view text, const struct catalog *catalog, struct policy **out,
                  struct imw_error_info *err)
{
    return load(name, &text, false, NULL, catalog, out, err);
}

bool policy_parse_alone(struct view text, const struct catalog *catalog, struct policy **out,
                        struct imw_error_info *err)
{
    return load("policy", &text, true, NULL, catalog, out, err);
}

bool policy_parse_beside(struct view text, const struct policy_beside *beside, const struct catalog *catalog,
                         struct policy **out, struct imw_error_info *err)
{
    return load("policy", &text, true, beside, catalog, out, err);
}

void policy_free(struct policy *p)
{
    if (p == NULL)
        return;
    names_fini(&p->file_names);
    names_fini(&p->rule_names);
    names_fini(&p->groups);
    names_fini(&p->users);
    names_fini(&p->networks);
    names_fini(&p->servers);
    zone_free(p->zone);
    content_free(p->content);
    tenants_free(p->tenants);
    for (unsigned a = 0; a < AXES; a++)
        free(p->axes[a].values);
    void *const owned[] = { p->rules,           p->group,         p->persons,         p->memberships,
                            p->spans,           p->terms,         p->clients.members, p->clients.places,
                            p->remotes.members, p->clients.slots, p->remotes.slots,   p->remotes.places,
                            p->lists,           p->bits,          p->classes };
    for (unsigned i = 0; i < sizeof owned / sizeof owned[0]; i++)
        free(owned[i]);
    free(p);
}
