/* SPDX-License-Identifier: Apache-2.0 */
/* Who acts. */
#include "console/caller.h"
#include "program/token.h"

bool caller_find(struct db *db, struct view cookie, struct view bearer, uint64_t now_us, struct caller *out,
                 struct imw_error_info *err)
{
    *out = (struct caller){ .token = VIEW("") };
    if (bearer.len > 0) {
        out->token = bearer;
        return token_actor(db, bearer, now_us, &out->actor, &out->touch, &out->found, err);
    }
    if (cookie.len == 0)
        return true;
    if (!session_actor(db, cookie, now_us, &out->session, &out->found, err))
        return false;
    out->is_session = out->found;
    if (out->found) {
        out->actor = out->session.actor;
        out->touch = out->session.touch;
    }
    return true;
}

bool caller_touch(struct db *db, const struct caller *c, uint64_t now_us, struct imw_error_info *err)
{
    return c->is_session ? session_touch(db, c->session.hash, now_us, err)
                         : token_touch(db, c->token, now_us, err);
}
