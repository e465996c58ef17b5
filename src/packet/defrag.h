/* SPDX-License-Identifier: Apache-2.0 */
/* What the decoder asks of reassembly. */
#pragma once
#include "packet/packet.h"

struct fragment {
    struct ip_addr src, dst;
    uint64_t time_us;
    uint32_t id;
    uint32_t offset;  /* in bytes */
    uint8_t version;  /* 4, 6 */
    uint8_t protocol; /* of IPv4 or the next header of IPv6 */
    bool more;        /* not the last one */
    struct view bytes;
};

/*
 * Keep a fragment. True: it completes its datagram, whose bytes (borrowed until the next call) and protocol
 * are set. False: more must come, or it was dropped, which is counted.
 */
bool defrag_add(struct defrag *d, const struct fragment *f, struct view *out_bytes, uint8_t *out_protocol);
