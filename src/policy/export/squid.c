/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Squid: a snippet of ACLs and http_access lines in the order of the rules; the first that fits decides, as
 * with us. Rules that let pass get a line only where a later rule blocks one of their names, and only for
 * clients inside: our lines never open the proxy to anybody.
 *
 * A rule's conditions are ACLs of its own, "imward_RULE_what"; those of one line must all hold. Whom a group
 * or user means is told by addresses (src) and by the name that the client proved to the proxy (proxy_auth):
 * a line each, addresses first, so that nobody is asked to log in for what his address decides.
 *
 * Names: what is blocked and exceptions below it alternate with the level (names.h), and each even level is a
 * line "these, but not those of the next level".
 *
 * Where TLS is intercepted, the server name decides before a request is seen; these lines stand behind
 * "#tls# ", since a Squid without OpenSSL does not know their words.
 */
#include "policy/export/names.h"
#include "policy/export/targets.h"
#include "policy/rules.h"
#include <stdlib.h>

enum { LEVELS_MOST = 16, WEEK_DAYS = 7, DAY_MINUTES = 1440 };

#define CAN (PLAN_CLIENTS | PLAN_BIT(HOURS) | PLAN_LOGINS)

/* Which ACLs there are of a rule. */
struct acls {
    bool names[LEVELS_MOST], starts[LEVELS_MOST]; /* by level */
    unsigned levels;
    bool time;
    bool network;           /* must hold */
    bool group, group_user; /* addresses of a group, people of it: either must hold */
    bool user, user_login;
};

struct squid {
    const struct export_plan *plan;
    const struct policy *policy;
    const struct plan_row *rows;
    unsigned row_count;
    FILE *out;
    struct imw_error_info *err;
};

/* ---- names ---- */

static void print_name_acl(const char *prefix, const char *acl, const char *type, unsigned level,
                           const struct export_names *names, FILE *out)
{
    for (unsigned i = 0; i < names->count; i++) {
        const struct export_name *e = &names->at[i];
        if (e->level == level && e->start.len == 0)
            fprintf(out, "%sacl %s_%u %s %s%.*s\n", prefix, acl, level, type, e->exact ? "" : ".",
                    (int)e->name.len, (const char *)e->name.at);
    }
}

static void print_regex_text(struct view v, FILE *out)
{
    for (size_t i = 0; i < v.len; i++)
        fprintf(out, "%s%c", v.at[i] == '.' ? "\\" : "", v.at[i]);
}

static void print_start_acl(const char *prefix, const char *acl, const char *type, unsigned level,
                            const struct export_names *names, FILE *out)
{
    for (unsigned i = 0; i < names->count; i++) {
        const struct export_name *e = &names->at[i];
        if (e->level != level || e->start.len == 0)
            continue;
        fprintf(out, "%sacl %s_%u_start %s -i ^", prefix, acl, level, type);
        print_regex_text(e->start, out);
        fputs(".*\\.", out);
        print_regex_text(e->name, out);
        fputs("$\n", out);
    }
}

/* The ACLs of names, named `acl`_LEVEL and `acl`_LEVEL_start. */
static void print_names(const char *prefix, const char *acl, bool tls, const struct export_names *names,
                        struct acls *a, FILE *out)
{
    for (unsigned i = 0; i < names->count; i++) {
        const struct export_name *e = &names->at[i];
        if (e->level >= LEVELS_MOST)
            continue;
        *(e->start.len > 0 ? &a->starts[e->level] : &a->names[e->level]) = true;
        if (e->level >= a->levels)
            a->levels = e->level + 1;
    }
    for (unsigned level = 0; level < a->levels; level++) {
        print_name_acl(prefix, acl, tls ? "ssl::server_name" : "dstdomain -n", level, names, out);
        print_start_acl(prefix, acl, tls ? "ssl::server_name_regex" : "dstdom_regex -n", level, names, out);
    }
}

/* ---- rules ---- */

static const struct rule *rule_of(const struct squid *s, unsigned number)
{
    return number > 0 ? &s->policy->rules[number - 1] : NULL;
}

static bool asks(const struct rule *r, enum policy_key key)
{
    return r != NULL && (r->keys >> key & 1) != 0;
}

static bool has_term(const struct squid *s, const struct rule *r, enum axis_id axis, uint32_t value)
{
    for (uint32_t i = r->first_term; i < r->first_term + r->term_count; i++)
        if (s->policy->terms[i] == term_of(axis, value))
            return true;
    return false;
}

static void print_network(const struct squid *s, unsigned rule, const char *what, const struct ip_addr *ip,
                          unsigned bits)
{
    char address[64];
    struct text t = TEXT(address);

    text_address(&t, ip);
    fprintf(s->out, "acl imward_%u_%s src %s/%u\n", rule, what, address, bits - (ip_is_v4(ip) ? 96 : 0));
}

static bool is_member(const struct squid *s, const struct rule *r, uint32_t user)
{
    const struct person *person = &s->policy->persons[user];

    for (uint32_t i = person->first_group; i < person->first_group + person->group_count; i++)
        if (has_term(s, r, GROUP, s->policy->memberships[i].group))
            return true;
    return false;
}

/* Networks that a key of the rule names; of a group also its people's addresses. */
static bool print_networks(const struct squid *s, unsigned number, const char *what, enum axis_id axis)
{
    const struct places *p = &s->policy->clients;
    const struct member *last = NULL; /* sorted, the wider first: what follows may lie in it */

    for (uint32_t i = 0; i < p->member_count; i++) {
        const struct member *m = &p->members[i];
        bool own = m->axis == axis && has_term(s, rule_of(s, number), axis, m->value);
        bool of_person = axis == GROUP && m->axis == USER && is_member(s, rule_of(s, number), m->value);
        if (!own && !of_person)
            continue;
        if (last != NULL && last->bits <= m->bits && ip_in_network(&m->network, &last->network, last->bits))
            continue;
        print_network(s, number, what, &m->network, m->bits);
        last = m;
    }
    return last != NULL;
}

/* A name with a space or a quote cannot stand in an ACL. */
static bool print_login(const struct squid *s, unsigned number, const char *what, uint32_t user)
{
    const char *name = names_text(&s->policy->users, user), *c;
    char shown[NAME_BYTES + 1];
    struct text t = TEXT(shown);

    text_printable(&t, view_string(name));
    for (c = name; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == '"' || *c == '\'' || *c == '%' || *c == '#' || *c == '\\')
            break;
    bool sayable = *c == '\0';
    fprintf(s->out,
            sayable ? "acl imward_%u_%s proxy_auth -i %s\n" : "# not expressed, imward_%u_%s: the login %s\n",
            number, what, shown);
    return sayable;
}

static bool print_group_logins(const struct squid *s, unsigned number)
{
    bool any = false;

    for (uint32_t user = 0; user < s->policy->users.count; user++)
        if (is_member(s, rule_of(s, number), user))
            any |= print_login(s, number, "member", user);
    return any;
}

static bool print_logins(const struct squid *s, unsigned number)
{
    bool any = false;

    for (uint32_t user = 0; user < s->policy->users.count; user++)
        if (has_term(s, rule_of(s, number), USER, user))
            any |= print_login(s, number, "login", user);
    return any;
}

/* Of one day; hours over midnight were cut. Squid's are up to the end of the last minute. */
static void print_hours(const struct squid *s, unsigned number, unsigned days, unsigned from, unsigned to)
{
    static const char letters[WEEK_DAYS + 1] = "MTWHFAS";

    fprintf(s->out, "acl imward_%u_hours time ", number);
    for (unsigned d = 0; d < WEEK_DAYS; d++)
        if ((days >> d & 1) != 0)
            fputc(letters[d], s->out);
    fprintf(s->out, " %02u:%02u-%02u:%02u\n", from / 60, from % 60, (to - 1) / 60, (to - 1) % 60);
}

struct stretch {
    unsigned from, to, days;
};

static void add_stretch(struct stretch *all, unsigned *count, unsigned day, unsigned from, unsigned to)
{
    unsigned i = 0;

    while (i < *count && (all[i].from != from || all[i].to != to))
        i++;
    if (i == *count)
        all[(*count)++] = (struct stretch){ from, to, 0 };
    all[i].days |= 1u << (day % WEEK_DAYS);
}

static bool print_time(struct squid *s, unsigned number)
{
    const struct rule *r = rule_of(s, number);
    struct stretch *all = calloc(2 * (size_t)r->span_count + 1, sizeof *all);
    unsigned count = 0;

    if (all == NULL)
        return error_memory(s->err);
    for (uint32_t i = r->first_span; i < r->first_span + r->span_count; i++) {
        struct span span = s->policy->spans[i];
        unsigned day = span.from / DAY_MINUTES, from = span.from % DAY_MINUTES,
                 to = span.to - day * DAY_MINUTES;
        add_stretch(all, &count, day, from, to < DAY_MINUTES ? to : DAY_MINUTES);
        if (to > DAY_MINUTES)
            add_stretch(all, &count, day + 1, 0, to - DAY_MINUTES);
    }
    for (unsigned i = 0; i < count; i++)
        print_hours(s, number, all[i].days, all[i].from, all[i].to);
    free(all);
    return true;
}

/* ---- lines ---- */

/* "http_access deny" for each way in which the conditions can hold. */
static void print_line(const struct squid *s, unsigned number, bool deny, const struct acls *a,
                       unsigned level, bool start, const char *who, const char *login)
{
    FILE *out = s->out;

    fprintf(out, "http_access %s imward_%u_%u%s", deny ? "deny" : "allow", number, level,
            start ? "_start" : "");
    if (level + 1 < a->levels && a->names[level + 1])
        fprintf(out, " !imward_%u_%u", number, level + 1);
    if (level + 1 < a->levels && a->starts[level + 1])
        fprintf(out, " !imward_%u_%u_start", number, level + 1);
    if (a->time)
        fprintf(out, " imward_%u_hours", number);
    if (a->network)
        fprintf(out, " imward_%u_network", number);
    if (who[0] != '\0')
        fprintf(out, " imward_%u_%s", number, who);
    if (login[0] != '\0')
        fprintf(out, " imward_%u_%s", number, login);
    fputs(deny ? " imward_blocked\n" : " imward_inside\n", out);
}

static void print_lines(const struct squid *s, unsigned number, bool deny, const struct acls *a)
{
    const struct rule *r = rule_of(s, number);
    const char *groups[] = { a->group ? "group" : NULL, a->group_user ? "member" : NULL };
    const char *users[] = { a->user ? "user" : NULL, a->user_login ? "login" : NULL };

    if (!asks(r, POLICY_KEY_GROUP))
        groups[0] = "";
    if (!asks(r, POLICY_KEY_USER))
        users[0] = "";
    for (unsigned level = 0; level < a->levels; level += 2)
        for (unsigned start = 0; start < 2; start++)
            for (unsigned g = 0; g < 2; g++)
                for (unsigned u = 0; u < 2; u++)
                    if ((start == 1 ? a->starts : a->names)[level] && groups[g] != NULL && users[u] != NULL)
                        print_line(s, number, deny, a, level, start == 1, groups[g], users[u]);
}

/* Do later rules block something that this one lets pass? */
static bool is_needed(const struct squid *s, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++)
        for (unsigned k = first + count; k < s->row_count; k++)
            if (s->rows[k].action == POLICY_BLOCK && plan_row_fits(&s->rows[k], CAN) &&
                s->rows[k].service == s->rows[i].service && (s->rows[k].roles & s->rows[i].roles) != 0)
                return true;
    return false;
}

/* The rows [first, first + count) of one rule. */
static bool print_rule(struct squid *s, unsigned first, unsigned count)
{
    const struct plan_row *row = &s->rows[first];
    const struct catalog *c = plan_catalog(s->plan);
    const struct rule *r = rule_of(s, row->rule);
    bool deny = row->action == POLICY_BLOCK;
    struct export_names names = { 0 };
    struct acls a = { 0 };
    char shown[300], acl[40];
    struct text t = TEXT(shown), name = TEXT(acl);

    if (!plan_row_fits(row, CAN) || (!deny && !is_needed(s, first, count)))
        return true;
    uint32_t *roles = calloc(catalog_count(c) + 1, sizeof *roles);
    if (roles == NULL)
        return error_memory(s->err);
    for (unsigned i = first; i < first + count; i++)
        roles[s->rows[i].service] |= s->rows[i].roles;
    bool ok = export_names_new(c, export_take_roles, roles, &names, s->err);
    free(roles);
    if (!ok)
        return false;
    text_printable(&t, view_string(row->rule_name));
    fprintf(s->out, "\n# %u: %s\n", row->rule, shown);
    text_format(&name, "imward_%u", row->rule);
    print_names("", acl, false, &names, &a, s->out);
    export_names_free(&names);
    a.time = asks(r, POLICY_KEY_HOURS);
    if (a.time && !print_time(s, row->rule))
        return false;
    a.network = asks(r, POLICY_KEY_NETWORK) && print_networks(s, row->rule, "network", NETWORK);
    if (asks(r, POLICY_KEY_GROUP)) {
        a.group = print_networks(s, row->rule, "group", GROUP);
        a.group_user = print_group_logins(s, row->rule);
    }
    if (asks(r, POLICY_KEY_USER)) {
        a.user = print_networks(s, row->rule, "user", USER);
        a.user_login = print_logins(s, row->rule);
    }
    print_lines(s, row->rule, deny, &a);
    return true;
}

static void print_inside(const struct squid *s)
{
    static const char *const private[] = { "10.0.0.0/8",     "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
                                           "192.168.0.0/16", "::1",         "fc00::/7",       "fe80::/10" };
    const struct policy_content *c = s->policy->content;
    char address[64];
    struct ip_addr ip;
    unsigned bits;

    fputs("\n# clients inside, as the policy has it; only they are let pass by our lines\n", s->out);
    for (unsigned i = 0; i < sizeof private / sizeof private[0]; i++)
        fprintf(s->out, "acl imward_inside src %s\n", private[i]);
    for (unsigned i = 0; i < c->inside_count; i++) {
        struct text t = TEXT(address);
        bool told = false;
        for (unsigned k = 0; k < sizeof private / sizeof private[0]; k++)
            told |= ip_parse_network(view_string(private[k]), &ip, &bits) && bits <= c->inside[i].bits &&
                    ip_in_network(&c->inside[i].ip, &ip, bits);
        if (told)
            continue; /* Squid minds being told twice */
        text_address(&t, &c->inside[i].ip);
        fprintf(s->out, "acl imward_inside src %s/%u\n", address,
                c->inside[i].bits - (ip_is_v4(&c->inside[i].ip) ? 96 : 0));
    }
}

/* What is blocked for everybody, for a Squid that looks at server names of TLS. */
static bool print_tls(const struct squid *s)
{
    struct export_names names = { 0 };
    struct acls a = { 0 };
    uint32_t *roles = export_roles(s->plan, 0, POLICY_BLOCK);

    if (roles == NULL)
        return error_memory(s->err);
    bool ok = export_names_new(plan_catalog(s->plan), export_take_roles, roles, &names, s->err);
    free(roles);
    if (!ok)
        return false;
    fputs("\n# Intercepted TLS, for squid-openssl: what is blocked for everybody, by server name.\n"
          "# Take it with: sed 's/^#tls# //'\n"
          "#tls# acl imward_tls_step1 at_step SslBump1\n",
          s->out);
    print_names("#tls# ", "imward_tls", true, &names, &a, s->out);
    export_names_free(&names);
    fputs("#tls# ssl_bump peek imward_tls_step1\n", s->out);
    for (unsigned level = 0; level < a.levels; level += 2)
        for (unsigned start = 0; start < 2; start++) {
            if (!(start == 1 ? a.starts : a.names)[level])
                continue;
            fprintf(s->out, "#tls# ssl_bump terminate imward_tls_%u%s", level, start == 1 ? "_start" : "");
            if (level + 1 < a.levels && a.names[level + 1])
                fprintf(s->out, " !imward_tls_%u", level + 1);
            if (level + 1 < a.levels && a.starts[level + 1])
                fprintf(s->out, " !imward_tls_%u_start", level + 1);
            fputs("\n", s->out);
        }
    return true;
}

static void print_head(const struct squid *s, const struct export_options *o)
{
    uint32_t asked = 0;

    for (unsigned i = 0; i < s->row_count; i++)
        if (plan_row_fits(&s->rows[i], CAN))
            asked |= s->rows[i].asked;
    if (o->bare)
        return;
    plan_print_head(s->plan, o, "squid", CAN, "# ", s->out);
    fputs("# not expressed: clients that connect to an address, or around the proxy.\n"
          "# Include it behind the lines that keep out strangers and odd ports, before those that allow:\n"
          "#     http_access deny !Safe_ports\n"
          "#     include /etc/squid/imward-squid.conf\n"
          "#     http_access allow localnet\n",
          s->out);
    if ((asked & (PLAN_BIT(USER) | PLAN_BIT(GROUP))) != 0)
        fputs(
            "# Rules on people who log in need auth_param before the include; who has not logged in is asked to,\n"
            "# where such a rule is about what he wants.\n",
            s->out);
    if ((asked & PLAN_BIT(HOURS)) != 0)
        fputs("# Hours are those of the proxy's clock: it must be in the policy's time zone.\n", s->out);
}

/* What denies ends with an ACL that always holds: it is no login, which Squid would ask for anew, and it is
 * what a page of one's own hangs on. */
static void print_blocked(const struct squid *s, const char *page)
{
    bool v6 = page != NULL && view_find_byte(view_string(page), ':', 0) < strlen(page);

    fputs("\n# ends each line that denies\nacl imward_blocked src all\n", s->out);
    if (page != NULL)
        fprintf(s->out, "deny_info 302:http://%s%s%s/ imward_blocked\n", v6 ? "[" : "", page, v6 ? "]" : "");
}

bool export_squid(const struct export_plan *plan, const struct export_options *o, FILE *out,
                  struct imw_error_info *err)
{
    struct squid s = { .plan = plan, .policy = plan_policy(plan), .out = out, .err = err };
    struct ip_addr ip;

    if (o->block_page != NULL && !export_is_host(view_string(o->block_page)) &&
        !ip_parse(view_string(o->block_page), &ip))
        return error_set(err, IMW_ERROR_VALUE, "the block page must be a host name or an address, not '%s'",
                         o->block_page);
    s.rows = plan_rows(plan, &s.row_count);
    print_head(&s, o);
    print_inside(&s);
    print_blocked(&s, o->block_page);
    for (unsigned i = 0, next; i < s.row_count; i = next) {
        for (next = i + 1; next < s.row_count && s.rows[next].rule == s.rows[i].rule; next++)
            ;
        if (!print_rule(&s, i, next - i))
            return false;
    }
    return print_tls(&s);
}
