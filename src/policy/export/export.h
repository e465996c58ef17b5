/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy in the words of other programs: one file a target, one line in export/targets.def. Every target
 * writes from the same plan, and says in its head from which policy and catalog it was made, and what of the
 * policy it cannot express.
 *
 * What a plan keeps: rules in their order, flattened to what a firewall can know: names and addresses of
 * services by the role each plays, the client's networks. A rule with a condition that a target cannot ask
 * for (hours, acknowledged ...) is left out of an export for that target and told of; a rule of that kind
 * which *allows* makes the blocks behind it too strict, and one which blocks leaves a gap: the head says
 * which of both.
 */
#pragma once
#include "policy/policy.h"
#include <stdio.h>

struct export_plan;

/* The catalog must be the one that the policy was loaded with. Exceptions that ended before `now_us` are left
 * out. */
bool export_plan_new(const struct policy *p, const struct catalog *c, uint64_t now_us,
                     struct export_plan **out, struct imw_error_info *err) IMW_MUST_USE;
void export_plan_free(struct export_plan *plan);

struct export_options {
    const char *policy_path, *catalog_path; /* as given, for the head */
    uint64_t now_us;                        /* when it is made */
    bool bare;                              /* without the head */
    const char *block_page;                 /* where names of blocked services lead; NULL: nowhere */
    const char *proxy;                      /* HOST:PORT that a PAC file sends the rest to; NULL: directly */
};

struct export_target {
    const char *name;      /* "rpz" */
    const char *help;      /* one line, for --help */
    const char *file_name; /* usual name of what is written */
    bool (*write)(const struct export_plan *plan, const struct export_options *o, FILE *out,
                  struct imw_error_info *err);
};
const struct export_target *export_target_find(struct view name); /* NULL: none */
const struct export_target *export_target_at(unsigned number);    /* NULL: no more */
