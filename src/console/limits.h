/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often somebody may ask: token buckets, one for each kind and who it is. The table is of fixed size;
 * when it is full the bucket that was left alone longest is another's from then on, full as at first.
 * Any thread.
 */
#pragma once
#include "base/view.h"

/* id, name in the log, how many at once, how many a second more (thousandths) */
#define LIMITS(X)                                                                                            \
    X(ADDRESS, "requests of an address", 4000, 400000)                                                       \
    X(ACCOUNT, "requests of an account", 600, 60000)                                                         \
    X(SIGN_IN, "tries to sign in from an address", 60, 500)                                                  \
    X(NOBODY, "wrong sessions and tokens of an address", 60, 1000)
enum limit {
#define X(id, name, most, refill) LIMIT_##id,
    LIMITS(X)
#undef X
        LIMIT_COUNT
};

struct limits;
struct limits *limits_new(void); /* NULL without memory */
void limits_free(struct limits *l);
/* One more of `who`. False: too often; *out_retry_s says when again. l NULL: always. */
bool limits_take(struct limits *l, enum limit kind, struct view who, uint64_t now_ms, unsigned *out_retry_s);
