/* SPDX-License-Identifier: Apache-2.0 */
/* What the parsers of call media have in common: once the protocol is proved there is one thing to tell. */
#pragma once
#include "identify/parser.h"

/* Body of a `feed` that tells of a call and is done. */
static inline size_t call_feed(struct session *s, enum delivery d, struct view in)
{
    session_activity(s, ACTIVITY_CALL, NULL);
    if (d != DELIVERY_UNKNOWN)
        session_delivery(s, d);
    session_settle(s);
    return in.len;
}

/* The kept part of an earlier datagram. */
static inline struct view head_view(const struct datagram_head *h)
{
    return view_of(h->data, h->kept);
}
