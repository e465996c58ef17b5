/* SPDX-License-Identifier: Apache-2.0 */
/* RTP and RTCP headers (RFC 3550), for the parsers whose flows carry them. Private to the room. */
#pragma once
#include "base/view.h"

struct rtp_head {
    uint8_t payload_type;
    uint16_t seq;
    uint32_t ssrc;
};

/* Does a datagram of `len` octets, which begins with `head`, look like RTP? */
bool rtp_read(struct view head, size_t len, struct rtp_head *out);

/* Does it look like RTCP? */
bool rtcp_looks(struct view head, size_t len);

/* Is `b` the next datagram of the stream of `a`, or the one after a small loss? */
bool rtp_follows(const struct rtp_head *a, const struct rtp_head *b);
