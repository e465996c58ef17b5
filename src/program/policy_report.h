/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a policy that somebody wrote says, and what is wrong with it. The text is a user's: it is at most
 * POLICY_TEXT_BYTES, may reach no files (policy_parse_alone()), and is read within the limits of the
 * language.
 */
#pragma once
#include "base/error.h"
#include "base/json_value.h"

struct catalog;

enum { POLICY_TEXT_BYTES = 200 << 10, POLICY_PROBLEMS = 200 /* warnings that are told */ };

/* {ok, version (null: it is wrong), problems: [{line, column, key, text, level}], rules: [{name, action,
 * line, text}]}. False only where we failed. */
bool policy_report(struct view text, const struct catalog *catalog, uint64_t now_us, json_t **out,
                   struct imw_error_info *err) IMW_MUST_USE;

/* What changed from one text to another, line by line: "-12 old", "+12 new", at most `most` lines, then "…".
 * NULL: out of memory. */
json_t *policy_lines_changed(struct view before, struct view after, unsigned most);
