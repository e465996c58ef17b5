/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nftables: a table of its own, replaced as a whole. What a firewall knows are addresses, so only services
 * with ranges of their own are in it.
 *
 * An address leads through an interval map (the narrowest range, as the catalog has it) to a chain of its
 * service and role; there stand the policy's rules in their order, each with the set of its clients, and the
 * first that fits decides. A packet costs two look-ups, whatever the number of rules and services. Both
 * directions are looked at: what a blocked service opens towards a client is the client's use of it, too.
 */
#include "policy/export/ranges.h"
#include "policy/export/targets.h"
#include <stdlib.h>

#define CAN PLAN_CLIENTS

struct writer {
    const struct export_plan *plan;
    const struct plan_range *ranges;
    unsigned range_count;
    bool *chained; /* by service and role: it has a chain */
    FILE *out;
};

static const char *const families[] = { "4", "6" };
static const char *const protocols[] = { "ip", "ip6" };

/* The decisive rows, if one of them blocks; else 0. */
static unsigned blocking_steps(const struct export_plan *p, uint16_t service, enum server_role role,
                               const struct plan_row *const **out)
{
    unsigned count = plan_steps(p, CAN, PROTOCOL_UNKNOWN, service, role, out), last = 0;

    for (unsigned i = 0; i < count; i++)
        if ((*out)[i]->action == POLICY_BLOCK)
            last = i + 1;
    return last; /* what passes behind the last block passes anyway */
}

/* "whatsapp_chat", a word of nftables. */
static void print_chain(FILE *out, const struct export_plan *p, uint16_t service, unsigned role,
                        const char *way)
{
    fputs("s_", out);
    for (const char *s = catalog_service(plan_catalog(p), service)->slug; *s != '\0'; s++)
        fputc(*s == '-' ? '_' : *s, out);
    fprintf(out, "_%s_%s", server_role_name((enum server_role)role), way);
}

/* A rule's name inside quotes, short enough for a comment of nftables. */
static void print_comment(FILE *out, const struct plan_row *r)
{
    enum { COMMENT_BYTES = 100 };
    char name[COMMENT_BYTES];
    struct text t = TEXT(name);

    for (const char *s = r->rule_name; *s != '\0'; s++)
        text_char(&t, *s > ' ' && *s < 127 && *s != '"' && *s != '\\' ? *s : ' ');
    fprintf(out, " comment \"rule %u: %s\"", r->rule, name);
}

/* --- sets of clients --- */

static bool has_family(const struct plan_row *r, unsigned family)
{
    for (unsigned i = 0; i < r->client_count; i++)
        if (ip_is_v4(&r->clients[i].ip) == (family == 0))
            return true;
    return false;
}

static void print_set(FILE *out, const struct plan_row *r, unsigned family)
{
    unsigned told = 0;

    if (!has_family(r, family))
        return;
    fprintf(out, "\tset rule%u_clients%s {\n\t\ttype ipv%s_addr\n\t\tflags interval\n\t\telements = {",
            r->rule, families[family], families[family]);
    for (unsigned i = 0; i < r->client_count; i++) {
        char name[80];
        struct text t = TEXT(name);
        if (ip_is_v4(&r->clients[i].ip) != (family == 0))
            continue;
        text_network(&t, &r->clients[i]);
        fprintf(out, "%s\n\t\t\t%s", told++ > 0 ? "," : "", name);
    }
    fputs("\n\t\t}\n\t}\n", out);
}

/* Rows of a rule have the same clients; a rule without a chain needs no set, but one does no harm. */
static void print_sets(const struct writer *w)
{
    unsigned count;
    const struct plan_row *rows = plan_rows(w->plan, &count);

    for (unsigned i = 0; i < count; i++) {
        if ((i > 0 && rows[i].rule == rows[i - 1].rule) || plan_row_for_all(&rows[i]) ||
            !plan_row_fits(&rows[i], CAN))
            continue;
        print_set(w->out, &rows[i], 0);
        print_set(w->out, &rows[i], 1);
    }
}

/* --- chains --- */

/* `where` picks the clients, or is empty. */
static void print_verdict(FILE *out, const char *where, const struct plan_row *r)
{
    bool reset = r->means == POLICY_MEANS_AUTO || r->means == POLICY_MEANS_RESET;

    if (r->action != POLICY_BLOCK || r->means == POLICY_MEANS_DROP) {
        fprintf(out, "\t\t%scounter %s", where, r->action != POLICY_BLOCK ? "accept" : "drop");
        print_comment(out, r);
        fputc('\n', out);
        return;
    }
    if (reset) {
        fprintf(out, "\t\t%smeta l4proto tcp counter reject with tcp reset", where);
        print_comment(out, r);
        fputc('\n', out);
    }
    fprintf(out, "\t\t%scounter reject with icmpx type admin-prohibited", where);
    print_comment(out, r);
    fputc('\n', out);
}

static void print_step(FILE *out, const struct plan_row *r, const char *side)
{
    if (plan_row_for_all(r)) {
        print_verdict(out, "", r);
        return;
    }
    for (unsigned family = 0; family < 2; family++) {
        char where[80];
        struct text t = TEXT(where);
        if (!has_family(r, family))
            continue;
        text_format(&t, "%s %s @rule%u_clients%s ", protocols[family], side, r->rule, families[family]);
        print_verdict(out, where, r);
    }
}

static void print_chains(const struct writer *w)
{
    for (unsigned s = 1; s <= catalog_count(plan_catalog(w->plan)); s++)
        for (unsigned role = 0; role < SERVER_ROLE_COUNT; role++) {
            const struct plan_row *const *steps;
            if (!w->chained[s * SERVER_ROLE_COUNT + role])
                continue;
            unsigned count = blocking_steps(w->plan, (uint16_t)s, (enum server_role)role, &steps);
            for (unsigned way = 0; way < 2; way++) {
                fputs("\tchain ", w->out);
                print_chain(w->out, w->plan, (uint16_t)s, role, way == 0 ? "out" : "in");
                fputs(" {\n", w->out);
                for (unsigned i = 0; i < count; i++)
                    print_step(w->out, steps[i], way == 0 ? "saddr" : "daddr");
                fputs("\t\taccept\n\t}\n", w->out);
            }
        }
}

/* --- maps --- */

static bool is_chained(const struct writer *w, const struct plan_range *r)
{
    return !r->shared && w->chained[r->service * (size_t)SERVER_ROLE_COUNT + r->role];
}

/* Is the piece in this map? One that decides nothing is, where it keeps some ports from a piece without
 * ports that follows. */
static bool in_map(const struct writer *w, unsigned number, unsigned family, bool ported)
{
    const struct plan_range *r = &w->ranges[number];
    struct ip_addr first = ip_of_number(r->span.first);

    if (r->ported != ported || ip_is_v4(&first) != (family == 0))
        return false;
    if (!r->ported || is_chained(w, r))
        return is_chained(w, r);
    while (number < w->range_count && w->ranges[number].ported)
        number++;
    return number < w->range_count && w->ranges[number].span.first == r->span.first &&
           is_chained(w, &w->ranges[number]);
}

static void print_element(const struct writer *w, const struct plan_range *r, const char *way, unsigned *told)
{
    struct plan_network networks[SPAN_NETWORKS];
    unsigned count = ip_span_networks(r->span, networks);

    for (unsigned i = 0; i < count; i++) {
        char name[80];
        struct text t = TEXT(name);
        text_network(&t, &networks[i]);
        fprintf(w->out, "%s\n\t\t\t%s", (*told)++ > 0 ? "," : "", name);
        if (r->ported)
            fprintf(w->out, " . %s . %u-%u", r->l4 == 6 ? "tcp" : "udp", r->first_port, r->last_port);
        if (!is_chained(w, r)) {
            fputs(" : accept", w->out);
            continue;
        }
        fputs(" : jump ", w->out);
        print_chain(w->out, w->plan, r->service, r->role, way);
    }
}

static bool print_map(const struct writer *w, const char *way, unsigned family, bool ported)
{
    unsigned told = 0;

    for (unsigned i = 0; i < w->range_count; i++)
        told += in_map(w, i, family, ported);
    if (told == 0)
        return false;
    fprintf(w->out, "\tmap %s%s%s {\n\t\ttype ipv%s_addr%s : verdict\n\t\tflags interval\n\t\telements = {",
            way, families[family], ported ? "_ports" : "", families[family],
            ported ? " . inet_proto . inet_service" : "");
    told = 0;
    for (unsigned i = 0; i < w->range_count; i++)
        if (in_map(w, i, family, ported))
            print_element(w, &w->ranges[i], way, &told);
    fputs("\n\t\t}\n\t}\n", w->out);
    return true;
}

static void print_table(const struct writer *w)
{
    bool there[2][2][2]; /* way, family, ported */

    fputs("table inet imward_export\ndelete table inet imward_export\ntable inet imward_export {\n", w->out);
    print_sets(w);
    print_chains(w);
    for (unsigned i = 0; i < 8; i++)
        there[i / 4][i / 2 % 2][i % 2] = print_map(w, i / 4 == 0 ? "out" : "in", i / 2 % 2, i % 2 == 0);
    fputs("\tchain forward {\n\t\ttype filter hook forward priority filter; policy accept;\n", w->out);
    for (unsigned i = 0; i < 8; i++) {
        const char *ip = protocols[i / 2 % 2], *number = families[i / 2 % 2];
        const char *side = i / 4 == 0 ? "daddr" : "saddr", *way = i / 4 == 0 ? "out" : "in";
        if (!there[i / 4][i / 2 % 2][i % 2])
            continue;
        if (i % 2 == 0)
            fprintf(w->out, "\t\tmeta l4proto { tcp, udp } %s %s . meta l4proto . th %s vmap @%s%s_ports\n",
                    ip, side, i / 4 == 0 ? "dport" : "sport", way, number);
        else
            fprintf(w->out, "\t\t%s %s vmap @%s%s\n", ip, side, way, number);
    }
    fputs("\t}\n}\n", w->out);
}

/* --- what is not in it --- */

static void print_silent(const struct writer *w)
{
    const struct plan_row *const *steps;
    unsigned told = 0;

    for (unsigned s = 1; s <= catalog_count(plan_catalog(w->plan)); s++) {
        bool blocked = false, here = false;
        for (unsigned role = 0; role < SERVER_ROLE_COUNT; role++) {
            here |= w->chained[s * SERVER_ROLE_COUNT + role];
            blocked |= blocking_steps(w->plan, (uint16_t)s, (enum server_role)role, &steps) > 0;
        }
        if (blocked && !here)
            fprintf(w->out, "%s%s",
                    told++ == 0 ? "# No addresses of their own, so not blocked here; a gap: " : ", ",
                    catalog_service(plan_catalog(w->plan), (uint16_t)s)->slug);
    }
    if (told > 0)
        fputc('\n', w->out);
}

bool export_nftables(const struct export_plan *plan, const struct export_options *o, FILE *out,
                     struct imw_error_info *err)
{
    size_t services = (size_t)catalog_count(plan_catalog(plan)) + 1;
    struct plan_range *ranges = NULL;
    const struct plan_row *const *steps;
    struct writer w = { .plan = plan, .out = out };

    w.chained = calloc(services * SERVER_ROLE_COUNT, sizeof *w.chained);
    if (w.chained == NULL || !plan_ranges(plan_catalog(plan), &ranges, &w.range_count)) {
        free(w.chained);
        return error_memory(err);
    }
    w.ranges = ranges;
    for (unsigned i = 0; i < w.range_count; i++)
        if (!ranges[i].shared && blocking_steps(plan, ranges[i].service, ranges[i].role, &steps) > 0)
            w.chained[ranges[i].service * (size_t)SERVER_ROLE_COUNT + ranges[i].role] = true;
    plan_print_head(plan, o, "nftables", CAN, "# ", out);
    if (!o->bare)
        print_silent(&w);
    print_table(&w);
    free(ranges);
    free(w.chained);
    return true;
}
