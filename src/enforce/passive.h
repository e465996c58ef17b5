/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stopping connections from beside: a sensor at a mirror port, which can hold nothing back, resets TCP
 * connections at both ends.
 *
 * An end takes a reset only with the exact number of what it waits for. A packet seen here has arrived, or
 * the reset overtakes it, or more are under way by then. So its receiver gets three resets: with the number
 * of the packet, with that behind it, and with that behind one more like it; its sender gets two.
 *
 * None of them may be right. An end that waits for less answers with an acknowledgement (RFC 5961
 * section 3.2) and one that is further on keeps still, but acknowledges what it got: either comes by here
 * with the exact number. So ask again with each packet of the connection, those without data and of both
 * directions, until it ends: a sender that is reset sends nothing more, and then the receiver's are all that
 * come. A mirror that shows one direction only leaves some connections half open. What came through until
 * then is the price of standing beside; the gateway stands in the way.
 *
 * A mistake here disturbs others: limits, networks that are never touched, and a dry run.
 */
#pragma once
#include "enforce/inject.h"

struct passive;

struct passive_network {
    struct ip_addr addr;
    unsigned bits; /* from the front of the 16 octets: ip_parse_network() */
};
enum { PASSIVE_NETWORKS = 256 };

struct passive_config {
    bool dry_run; /* count, send nothing */
    /* Packets answered with resets (five at most) a second: of all, of one client; as many at a time. A fast
     * connection takes up to forty. 0: 1,000, 100. */
    uint32_t most, most_of_client;
    const struct passive_network *never; /* no reset where either end is in one; copied */
    unsigned never_count;
    /* How resets go out: 0, by the routes of this machine; else on this interface, to this next hop. */
    unsigned ifindex;
    uint8_t to[6];
    struct inject_grant inject; /* borrowed; none is used in a dry run */
};

/* False: too many networks, limits out of range, or no memory. Caller owns *out. */
bool passive_new(const struct passive_config *config, struct passive **out,
                 struct imw_error_info *err) IMW_MUST_USE;
void passive_free(struct passive *p); /* NULL is fine */

enum passive_answer {
    PASSIVE_DONE,      /* resets were sent (in a dry run: would have been) */
    PASSIVE_NONE,      /* it is no TCP, in a tunnel, or a reset itself */
    PASSIVE_PROTECTED, /* an end lies in a network that is never touched */
    PASSIVE_LIMITED,   /* more than may be in a second */
    PASSIVE_FAILED,    /* nothing could be sent; errno says why */
};

/* A packet of a connection that is to be stopped, and which of its ends is the client. Any thread; never
 * waits. Time is the packet's. */
enum passive_answer passive_reset(struct passive *p, const struct packet *seen, const struct ip_addr *client);

struct passive_counters {
    uint64_t resets;  /* answered with PASSIVE_DONE */
    uint64_t packets; /* that were sent for them */
    uint64_t protected, limited, limited_client, failed;
};
void passive_counters(const struct passive *p, struct passive_counters *out);
