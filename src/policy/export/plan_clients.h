/* SPDX-License-Identifier: Apache-2.0 */
/* Whose traffic a rule is about, as addresses; private to the folder. */
#pragma once
#include "policy/export/spans.h"
#include "policy/rules.h"

/* The addresses for which the rule's conditions on network, group and user hold, as policy_judge() finds them
 * with nothing but the client's address. False without memory. */
bool plan_clients(const struct policy *p, const struct rule *r, struct ip_spans *out) IMW_MUST_USE;
