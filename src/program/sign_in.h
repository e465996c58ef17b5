/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong tries at names, whether there is such an account or not: counted before the password is looked at. A
 * name is kept as its SHA-256, since what people type there may be anything. In the caller's write
 * transaction. */
#pragma once
#include "store/db.h"

struct sign_in_try {
    char key[65];
    int64_t failed;    /* with this one */
    uint64_t until_us; /* locked until then by this try; 0: not */
    unsigned retry_s;  /* refused: locked for so long still; 0: go on */
};
/* Count a try. */
bool sign_in_count(struct db *db, const char *name, uint64_t now_us, struct sign_in_try *out,
                   struct imw_error_info *err) IMW_MUST_USE;
/* It was no wrong one: as if it had not been. */
bool sign_in_uncount(struct db *db, const struct sign_in_try *t, struct imw_error_info *err) IMW_MUST_USE;
/* 0: not locked, or not any more when it was last tried. */
bool sign_in_locked(struct db *db, const char *name, uint64_t *out_until_us,
                    struct imw_error_info *err) IMW_MUST_USE;
bool sign_in_expire(struct db *db, uint64_t now_us, struct imw_error_info *err) IMW_MUST_USE;
