/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one who asks may see of the people in events: the one place where it is decided.
 *
 * Everybody sees the pseudonym ("P-7K3QWX"; of clients that nobody knows "client 3f") and the department.
 * Engineers see the address and the name of the machine, too; never a login or a person's name. Who was
 * granted a reveal of this person or client sees all of it until it ends, and everybody all of themselves;
 * programs (tokens) never do.
 *
 * Accounts of services ("annie", "+4912345") are people's names as well: but for reveals they are "account
 * 3f2a", the same in every event.
 */
#pragma once
#include "base/json_value.h"
#include "program/reveal.h"

struct viewer {
    int64_t account, self /* person; 0: nobody's */;
    bool technical;             /* addresses and machines */
    struct reveal_set *reveals; /* to them, now (program/reveal.h) */
};

/* What this actor may see now. viewer_end() always, after success. */
bool viewer_begin(struct db *db, const struct actor *actor, uint64_t now_us, struct viewer *out,
                  struct imw_error_info *err) IMW_MUST_USE;
void viewer_end(struct viewer *v);
/* May they see who it is? `person` 0: not known who. */
bool viewer_knows(const struct viewer *v, int64_t who, int64_t person);

/* Who (web/src/api/types.ts) out of what the store says of a client (events_who()). NULL: no memory. */
json_t *who_label(const struct viewer *v, const json_t *raw);
/* The same by its id; *out is null where there is none. */
bool who_label_of(struct db *db, const struct viewer *v, int64_t who, json_t **out,
                  struct imw_error_info *err) IMW_MUST_USE;
/* "account 3f2a": what stands for an account, by its number in table term. Returns `out`. */
const char *account_label(int64_t term, char out[40]);
