/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the file of people says of everybody's duties: which edition they signed, until when they are trained.
 * The one place where signatures and certificates become that:
 *
 *     acknowledged    the policy's edition, where they signed a version of this edition or, of the document
 * whose clauses are the policy, the newest version that asks for a signature, or one behind it; else the
 * edition that they signed last trained_until   the last day on which every course that they owe is done: the
 * first end of their certificates; nothing while one is missing or overdue. Who owes none: the last end of
 * the certificates that they have
 */
#pragma once
#include "base/error.h"
#include "store/db.h"

struct people_duty;

/* `edition`: of the policy in force; empty: it has none. */
bool people_duty_read(struct db *db, struct view edition, struct people_duty **out,
                      struct imw_error_info *err) IMW_MUST_USE;
void people_duty_free(struct people_duty *d); /* NULL is fine */
/* "2026-11,2027-06-30", either may be empty. Asked in the order of persons' ids. */
const char *people_duty_of(struct people_duty *d, int64_t person);
