/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Somebody does something in the program: who, from where, when, and in which database. What may not be is
 * said by IMW_ERROR_VALUE with words for people (err->key: the member that is wrong), and by `problem`; all
 * else that fails is a failure of ours. Either way the caller rolls back.
 */
#pragma once
#include "program/audit.h"
#include "store/db.h"

enum act_problem {
    ACT_FINE,
    ACT_WRONG,     /* a member of the question */
    ACT_FORBIDDEN, /* not by who asks */
    ACT_MISSING,   /* there is no such */
    ACT_LATE       /* somebody was quicker, or its state does not allow it any more */
};

struct act {
    struct db *db; /* in a transaction of the caller; to write, where something is changed */
    const struct actor *actor;
    const char *address; /* of the client; NULL: none */
    uint64_t now_us;
    enum act_problem problem;
};

/* It may not be. Returns false. */
bool act_no(struct act *a, struct imw_error_info *err, enum act_problem problem, const char *key,
            const char *format, ...) IMW_PRINTF(5, 6);

/* An audit record of it: "incident.close" of "incident 7". `detail` is taken over; NULL: out of memory. */
bool act_record(struct act *a, const char *word, const char *kind, int64_t id, json_t *detail,
                struct imw_error_info *err) IMW_MUST_USE;

/* Is whoever asks somebody else than the owner of this account? Two accounts of one person of the directory
 * are one person; so nobody agrees with themselves. */
bool act_is_other(struct act *a, int64_t account, bool *out_other, struct imw_error_info *err) IMW_MUST_USE;
