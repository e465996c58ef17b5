/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of policy documents: the input is the text. Whatever it is, it is read within bounds; what is
 * said to be right makes a policy that loads, whose rules all stand in the text, and whose blocks no clause
 * shows as words. */
#include "identify/catalog.h"
#include "policy/policy.h"
#include "program/clause.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_clauses(const struct clauses *c, struct view text)
{
    const json_t *clause, *rule;
    size_t i, j, rules = 0;

    json_array_foreach(c->list, i, clause)
    {
        json_array_foreach(json_object_get(clause, "rules"), j, rule)
        {
            const json_t *name = json_object_get(rule, "name");
            rules++;
            if (!json_is_string(name) || json_integer_value(json_object_get(rule, "line")) <= 0)
                abort();
        }
        if (json_string_length(json_object_get(clause, "text")) > text.len + 1)
            abort();
    }
    if (c->ok && rules != c->rules)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct catalog *catalog;
    struct imw_error_info err = { 0 };
    struct policy *p = NULL;
    struct clauses c;

    if (catalog == NULL && !catalog_builtin(&catalog, &err))
        abort();
    if (!clauses_read(view_of(data, size), "fuzz", "2026-11", catalog, 1795600000000000, &c, &err)) {
        if (err.code != IMW_ERROR_MEMORY)
            abort();
        return 0;
    }
    check_clauses(&c, view_of(data, size));
    if (c.policy != NULL && (!c.ok || !policy_parse_alone(view_string(c.policy), catalog, &p, &err)))
        abort();
    policy_free(p);
    clauses_fini(&c);
    return 0;
}
