/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists that a firewall fetches, one entry a line: external dynamic lists of PAN-OS and threat feeds of
 * FortiOS. They know neither clients nor ports; what must pass is left out, with all that would cover it.
 *
 * PAN-OS ("Formatting Guidelines for an External Dynamic List"): in a list of domains `*.rest` is every name
 * below, `^name` the name alone, which is all that is said where a name below it must pass; a '*' is a
 * whole label. In a list of URLs an entry ends with '/', or it
 * would be found in longer names, too. In a list of addresses a comment may follow behind a space. FortiOS
 * ("Threat feeds"): a domain a line, with '*' anywhere; an address, range or network a line.
 *
 * The head stands in lines that begin with '#'. Neither vendor promises comments in lists of names: PAN-OS
 * counts such a line as an entry that is not valid, and skips it. `--bare` leaves them out.
 */
#include "policy/export/ranges.h"
#include "policy/export/targets.h"
#include <stdlib.h>

enum kind { PALOALTO_DOMAINS, PALOALTO_URLS, FORTINET_DOMAINS };

static void print_pair(FILE *out, const char *before, struct view name, const char *behind)
{
    fprintf(out, "%s%.*s%s\n", before, (int)name.len, (const char *)name.at, behind);
}

static void print_below(FILE *out, enum kind kind, const struct plan_name *n)
{
    const char *end = kind == PALOALTO_URLS ? "/" : "";

    if (n->form == PLAN_NAME_BELOW)
        print_pair(out, "*.", n->name, end);
    print_pair(out, n->form == PLAN_NAME_EXACT && kind == PALOALTO_DOMAINS ? "^" : "", n->name, end);
}

/* Domains are seen where they are looked up, URLs where they are opened. */
static uint32_t can_ask(enum kind kind)
{
    return kind == PALOALTO_URLS ? 0 : PLAN_LOOKUPS;
}

static bool is_left_out(enum kind kind, const struct plan_name *n)
{
    return n->divided || (n->form == PLAN_NAME_START && kind != FORTINET_DOMAINS);
}

static void print_starts(const struct plan_name *names, unsigned count, FILE *out)
{
    for (unsigned i = 0; i < count; i++)
        if (names[i].row != NULL && !names[i].covered && names[i].form == PLAN_NAME_START)
            fprintf(out, "#   name %.*s: left out, a part of a label cannot be said; a gap\n",
                    (int)names[i].name.len, (const char *)names[i].name.at);
}

static bool export_domains(const struct export_plan *plan, const struct export_options *o, const char *target,
                           enum kind kind, FILE *out)
{
    const struct plan_name *names;
    unsigned count;

    plan_print_head(plan, o, target, can_ask(kind), "# ", out);
    count = plan_names(plan, can_ask(kind), &names);
    if (!o->bare) {
        plan_print_divided(names, count, "# ", out);
        if (kind != FORTINET_DOMAINS)
            print_starts(names, count, out);
    }
    for (unsigned i = 0; i < count; i++) {
        const struct plan_name *n = &names[i];
        bool above = n->covered; /* said by a name above, unless that is left out */
        if (n->row != NULL && n->divided && n->form == PLAN_NAME_BELOW && kind == PALOALTO_DOMAINS)
            print_pair(out, "^", n->name, "");
        if (n->row == NULL || is_left_out(kind, n))
            continue;
        for (unsigned k = 0; above && k < count; k++)
            above = names[k].row == NULL || !is_left_out(kind, &names[k]) ||
                    !plan_is_below(n->name, names[k].name);
        if (!above)
            print_below(out, kind, n);
    }
    return true;
}

bool export_paloalto_domains(const struct export_plan *plan, const struct export_options *o, FILE *out,
                             struct imw_error_info *err)
{
    (void)err;
    return export_domains(plan, o, "paloalto-domains", PALOALTO_DOMAINS, out);
}

bool export_paloalto_urls(const struct export_plan *plan, const struct export_options *o, FILE *out,
                          struct imw_error_info *err)
{
    (void)err;
    return export_domains(plan, o, "paloalto-urls", PALOALTO_URLS, out);
}

bool export_fortinet_domains(const struct export_plan *plan, const struct export_options *o, FILE *out,
                             struct imw_error_info *err)
{
    (void)err;
    return export_domains(plan, o, "fortinet-domains", FORTINET_DOMAINS, out);
}

/* --- addresses --- */

static void print_place(const struct export_plan *plan, const struct plan_place *place, bool comments,
                        FILE *out)
{
    struct plan_network networks[SPAN_NETWORKS];
    unsigned count = ip_span_networks(place->span, networks);

    for (unsigned i = 0; i < count; i++) {
        char name[64];
        struct text t = TEXT(name);
        text_network(&t, &networks[i]);
        fputs(name, out);
        if (comments)
            fprintf(out, " # %s, rule %u", catalog_service(plan_catalog(plan), place->row->service)->slug,
                    place->row->rule);
        fputc('\n', out);
    }
}

static bool export_addresses(const struct export_plan *plan, const struct export_options *o,
                             const char *target, bool comments, FILE *out, struct imw_error_info *err)
{
    struct plan_place *places;
    const struct plan_row *rows;
    unsigned count, ported;

    plan_print_head(plan, o, target, 0, "# ", out);
    (void)plan_blocked(plan, 0, &rows);
    if (!plan_blocked_addresses(plan, &places, &count, &ported))
        return error_memory(err);
    if (ported > 0 && !o->bare)
        fprintf(
            out,
            "#   %u ranges of calls serve a blocked service on some ports only: left out, since other ports "
            "must pass; a gap\n",
            ported);
    for (unsigned i = 0; i < count; i++)
        print_place(plan, &places[i], comments && !o->bare, out);
    free(places);
    return true;
}

bool export_paloalto_addresses(const struct export_plan *plan, const struct export_options *o, FILE *out,
                               struct imw_error_info *err)
{
    return export_addresses(plan, o, "paloalto-addresses", true, out, err);
}

bool export_fortinet_addresses(const struct export_plan *plan, const struct export_options *o, FILE *out,
                               struct imw_error_info *err)
{
    return export_addresses(plan, o, "fortinet-addresses", false, out, err);
}
