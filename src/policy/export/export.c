/* SPDX-License-Identifier: Apache-2.0 */
/* The table of targets. */
#include "policy/export/export.h"
#include "policy/export/targets.h"

static const struct export_target targets[] = {
#define TARGET(name, stem, file_name, help) { name, help, file_name, export_##stem },
#include "policy/export/targets.def"
#undef TARGET
};

const struct export_target *export_target_at(unsigned number)
{
    return number < sizeof targets / sizeof targets[0] ? &targets[number] : NULL;
}

const struct export_target *export_target_find(struct view name)
{
    for (unsigned i = 0; i < sizeof targets / sizeof targets[0]; i++)
        if (view_equal(view_string(targets[i].name), name))
            return &targets[i];
    return NULL;
}
