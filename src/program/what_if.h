/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What would this policy have done? Stored flows of the last days, judged by policy_judge() as if it had been
 * in force, against what was decided then. Flows that are the same to the policy are judged once: those whose
 * columns are equal as far as its rules ask for them.
 *
 * Two facts are not in columns: the version of the client program, so that a rule on that does not hold here
 * and the answer is not `complete`; and when a flow began, for which its end stands. The server's address
 * counts where the policy asks for servers, and on direct legs, which may have been opened from outside.
 */
#pragma once
#include "base/error.h"
#include "base/json_value.h"
#include "store/db.h"

struct catalog;

enum { WHAT_IF_DAYS = 366, WHAT_IF_EXAMPLES = 12 };

/* `rule`: only flows on which this rule decides; NULL: all. It looks no longer than `budget_us`, from the
 * newest flow back: `complete` is false then, and `from` is how far it came. *out is WhatIf of the API, but
 * that `event` of an example is its number. IMW_ERROR_VALUE: the policy is wrong, err has line and key. In a
 * transaction of the caller, to read. */
bool what_if(struct db *db, struct view text, const struct catalog *catalog, const char *rule, unsigned days,
             uint64_t now_us, uint64_t budget_us, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
