/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zeek's intelligence framework: a table of tab-separated columns after a line #fields, which
 * Intel::read_files loads (docs.zeek.org, "Intelligence Framework"); other lines that begin with '#' are
 * passed over. It reports, and blocks nothing. An Intel::DOMAIN is compared whole, not with the names above
 * it, so that every name of the catalog is a line, also where a name above it is one.
 */
#include "policy/export/ranges.h"
#include "policy/export/targets.h"
#include <stdlib.h>

#define CAN PLAN_LOOKUPS

/* Words of people's making in a column: no tab, no line end; '\' begins an escape. */
static void print_column(FILE *out, const char *s)
{
    char shown[512];
    struct text t = TEXT(shown);

    text_printable(&t, view_string(s));
    for (const char *c = shown; *c != '\0'; c++)
        fputc(*c == '\\' ? '/' : *c, out);
}

static void print_line(const struct export_plan *plan, const char *indicator, const char *type,
                       const struct plan_row *row, FILE *out)
{
    const struct catalog_service *s = catalog_service(plan_catalog(plan), row->service);

    fprintf(out, "%s\t%s\timward\t%s: rule %u, ", indicator, type, s->slug, row->rule);
    print_column(out, row->rule_name);
    fputs("\t-\tT\n", out);
}

static void print_names(const struct export_plan *plan, bool bare, FILE *out)
{
    const struct plan_name *names;
    unsigned count = plan_names(plan, CAN, &names);

    for (unsigned i = 0; i < count && !bare; i++)
        if (names[i].row != NULL && names[i].form == PLAN_NAME_START)
            fprintf(out, "#   name %.*s: left out, a part of a name cannot be said; a gap\n",
                    (int)names[i].name.len, (const char *)names[i].name.at);
    if (!bare)
        fputs("#   names below those listed are not found by Zeek; a gap\n", out);
    fputs("#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc\tmeta.url\tmeta.do_notice\n", out);
    for (unsigned i = 0; i < count; i++) {
        char name[256];
        struct text t = TEXT(name);
        if (names[i].row == NULL || names[i].form == PLAN_NAME_START)
            continue;
        text_add(&t, names[i].name);
        print_line(plan, name, "Intel::DOMAIN", names[i].row, out);
    }
}

bool export_zeek(const struct export_plan *plan, const struct export_options *o, FILE *out,
                 struct imw_error_info *err)
{
    struct plan_place *places;
    unsigned count, ported;

    plan_print_head(plan, o, "zeek", CAN, "# ", out);
    print_names(plan, o->bare, out);
    if (!plan_blocked_addresses(plan, &places, &count, &ported))
        return error_memory(err);
    for (unsigned i = 0; i < count; i++) {
        struct plan_network networks[SPAN_NETWORKS];
        unsigned n = ip_span_networks(places[i].span, networks);
        for (unsigned k = 0; k < n; k++) {
            char name[64];
            struct text t = TEXT(name);
            text_network(&t, &networks[k]);
            print_line(plan, name, networks[k].bits == 128 ? "Intel::ADDR" : "Intel::SUBNET", places[i].row,
                       out);
        }
    }
    free(places);
    return true;
}
