/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The institution's policy as it is written and published in the console: drafts, which anybody who may write
 * policies changes, and versions, which nobody changes any more. One is published at a time; the one before
 * it is then 'replaced'.
 *
 * The database has the truth. What gateways have of it are bundles of files: program/enforcement.h.
 */
#pragma once
#include "program/act.h"
#include "program/policy_report.h"

/* PolicyVersion of the API: {id, version, state, author, created, changed, published, rules}; one has `text`,
 * too. */
bool policy_text_list(struct act *a, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
bool policy_text_get(struct act *a, int64_t id, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
/* A draft need not be right. `from`: the version that it was made of; 0: none. */
bool policy_text_new(struct act *a, const struct catalog *catalog, const char *text, int64_t from,
                     int64_t *out_id, struct imw_error_info *err) IMW_MUST_USE;
bool policy_text_change(struct act *a, const struct catalog *catalog, int64_t id, const char *text,
                        struct imw_error_info *err) IMW_MUST_USE;
/* A draft becomes the policy in force; it must be right. The caller has asked who it is (call_strong()). While
 * a document carries the policy in its clauses (program/document.h), that is refused. */
bool policy_text_publish(struct act *a, const struct catalog *catalog, int64_t id,
                         struct imw_error_info *err) IMW_MUST_USE;

/* The policy that a document's clauses make, in force at once. `author`: account; 0: nobody. */
bool policy_text_enact(struct act *a, const struct catalog *catalog, const char *text, int64_t author,
                       int64_t *out_id, struct imw_error_info *err) IMW_MUST_USE;
