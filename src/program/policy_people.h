/* SPDX-License-Identifier: Apache-2.0 */
/* The policy's file of people (docs/policy.md, "Groups and people"), out of the directory of the console. */
#pragma once
#include "base/error.h"
#include "base/json_value.h"
#include "program/people_duty.h"
#include "store/db.h"
#include <stdio.h>

/* "treasury-desk" of "Treasury & Desk": what a department is called as a group of the policy. */
void policy_group_name(struct view department, char *out, size_t size);

/* Can the file of people carry this login? It has no quotes. */
bool policy_login_is_plain(struct view login);

/* Who signed and is trained, of a file of people as it was: {user: "ACKNOWLEDGED,TRAINED_UNTIL"}, by users in
 * lower case. The caller's. */
bool policy_people_read(struct view text, json_t **out, struct imw_error_info *err) IMW_MUST_USE;

/* A line for each login of each active person: the addresses with the first login, the department and those
 * above as groups; somebody without a login, but with addresses, is called by the pseudonym; who signed and
 * is trained of `kept`, or (NULL) of `duty`
 * (NULL: nobody). *out_left: logins left out, which such a file cannot carry. */
bool policy_people_write(struct db *db, const json_t *kept, struct people_duty *duty, FILE *to,
                         unsigned *out_left, struct imw_error_info *err) IMW_MUST_USE;
