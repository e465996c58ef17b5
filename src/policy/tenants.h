/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The section `tenants` of a policy: which organizations at Microsoft, Google and Slack are the firm's own. A
 * proxy that tells these services so keeps people from signing in to others, their personal ones among them
 * (export/squid_tenants.c).
 */
#pragma once
#include "content/settings.h"
#include "policy/policy.h"

struct tenant_block;
struct yaml_node;

struct policy_tenants {
    struct string_list microsoft_domains;
    const char *microsoft_directory; /* UUID of the tenant that asks for it; NULL: no section */
    struct string_list google_domains;
    const char *slack_requester; /* NULL: no section */
    struct string_list slack_workspaces;
    struct tenant_block *blocks; /* memory of all strings */
};

/* NULL: the policy has no such section. Lives as long as the policy. */
const struct policy_tenants *policy_tenants(const struct policy *p);

/* For load.c: `n` is the section, NULL: none, then *out is NULL. Caller owns *out, tenants_free(). */
bool tenants_read(const struct yaml_node *n, struct policy_tenants **out,
                  struct imw_error_info *err) IMW_MUST_USE;
void tenants_free(struct policy_tenants *t); /* NULL is fine */
