/* SPDX-License-Identifier: Apache-2.0 */
/* The functions behind targets.def; private to the folder. Each writes one file from a plan. */
#pragma once
#include "policy/export/plan.h"

#define TARGET(name, stem, file_name, help)                                                                  \
    bool export_##stem(const struct export_plan *plan, const struct export_options *o, FILE *out,            \
                       struct imw_error_info *err);
#include "policy/export/targets.def"
#undef TARGET
