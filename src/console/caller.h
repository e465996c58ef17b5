/* SPDX-License-Identifier: Apache-2.0 */
/* Who acts: what a request's cookie or token says, out of the database. */
#pragma once
#include "program/session.h"

struct caller {
    struct actor actor;
    struct session session; /* where is_session */
    struct view token;      /* as it came, or empty */
    bool is_session, found;
    bool touch; /* it is to be noted that it was used */
};
/* Reads only. A token goes before a cookie. True with found false: nobody. */
bool caller_find(struct db *db, struct view cookie, struct view bearer, uint64_t now_us, struct caller *out,
                 struct imw_error_info *err) IMW_MUST_USE;
/* In the caller's write transaction. */
bool caller_touch(struct db *db, const struct caller *c, uint64_t now_us,
                  struct imw_error_info *err) IMW_MUST_USE;
