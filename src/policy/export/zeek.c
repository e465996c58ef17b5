/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zeek's intelligence framework: a table of tab-separated columns after a line #fields, which
 * Intel::read_files loads (docs.zeek.org, "Intelligence Framework"). It reports and does not block. An
 * Intel::DOMAIN is compared whole, not with the names above it, so that only the names themselves are found.
 */
#include "policy/export/targets.h"

bool export_zeek(const struct export_plan *plan, const struct export_options *o, FILE *out,
                 struct imw_error_info *err)
{
    const struct plan_name *names;
    unsigned count = plan_names(plan, 0, &names);

    (void)err;
    plan_print_head(plan, o, "zeek", 0, "# ", out);
    fputs("#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc\n", out);
    for (unsigned i = 0; i < count; i++) {
        const struct plan_name *n = &names[i];
        if (n->row == NULL || n->form == PLAN_NAME_START)
            continue;
        fprintf(out, "%.*s\tIntel::DOMAIN\timward\t%s\n", (int)n->name.len, (const char *)n->name.at,
                catalog_service(plan_catalog(plan), n->service)->name);
    }
    return true;
}
