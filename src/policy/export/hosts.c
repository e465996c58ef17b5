/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hosts file: names of blocked services lead to the block page's address, or nowhere (0.0.0.0 and ::, to
 * which no connection succeeds). A line stands for one name and no other, so what lies below a name of the
 * catalog is not held; exceptions below it need no line.
 */
#include "policy/export/names.h"
#include "policy/export/targets.h"
#include <stdlib.h>

static void print_lines(const char *address, const struct export_names *names, FILE *out)
{
    for (unsigned i = 0; i < names->count; i++) {
        const struct export_name *e = &names->at[i];
        if (e->taken && e->start.len == 0)
            fprintf(out, "%s %.*s\n", address, (int)e->name.len, (const char *)e->name.at);
    }
}

static void print_head(const struct export_plan *plan, const struct export_options *o,
                       const struct export_names *names, FILE *out)
{
    if (o->bare)
        return;
    plan_print_head(plan, o, "hosts", PLAN_LOOKUPS, "# ", out);
    fputs("# not expressed: sub-domains. A hosts file knows exact names only; most services use names below\n"
          "# these, too. Where a resolver can be set, take the target rpz.\n",
          out);
    export_print_starts(names, "# ", out);
}

bool export_hosts(const struct export_plan *plan, const struct export_options *o, FILE *out,
                  struct imw_error_info *err)
{
    struct export_names names = { 0 };
    struct ip_addr page;

    if (o->block_page != NULL && !ip_parse(view_string(o->block_page), &page))
        return error_set(err, IMW_ERROR_VALUE,
                         "a hosts file leads to addresses: the block page must be one, not '%s'",
                         o->block_page);
    uint32_t *roles = export_roles(plan, PLAN_LOOKUPS, POLICY_BLOCK);
    if (roles == NULL)
        return error_memory(err);
    bool ok = export_names_all(plan_catalog(plan), export_take_roles, roles, &names, err);
    free(roles);
    if (!ok)
        return false;
    print_head(plan, o, &names, out);
    if (o->block_page != NULL) {
        print_lines(o->block_page, &names, out);
    } else {
        print_lines("0.0.0.0", &names, out);
        print_lines("::", &names, out);
    }
    export_names_free(&names);
    return true;
}
