/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses the kernel is told to drop by itself (enforce/endpoints.h). A whole address, for everybody:
 * a mistake stops somebody's business, and nothing of it would be seen here. So one goes in only where
 *
 *     its service is blocked for everybody, always, in all that it does (rules_blocks_everybody()), and
 *     a client inside named the service in clear to it (SNI of TLS or QUIC) and was blocked, or a DNS answer
 *         to somebody inside gave it for a name of the service, and
 *     DNS told of no other name at it, nor did a connection of anything else pass to it within a day, and
 *     it is neither inside, nor private, nor a resolver's, nor a proxy's, nor another user's.
 *
 * One that turns out to stand for something else is released at once. It stays for the answer's time to live
 * or a fixed time, whichever is shorter; then the next connection is judged anew.
 *
 * What cannot be known: whoever is inside may name a service to an address that is not its (a forged SNI, a
 * resolver of his own). What others used within the day is safe from that; the rest is not. So nothing of
 * this is done unasked.
 */
#pragma once
#include "enforce/endpoints.h"
#include "enforce/passive.h"
#include "engine/rules.h"
#include "identify/knowledge.h"

struct endpoint_feed;

struct endpoint_feed_config {
    struct endpoints *endpoints;          /* borrowed */
    const struct knowledge *knowledge;    /* borrowed */
    const struct passive_network *inside; /* besides private ones; borrowed */
    unsigned inside_count;
    uint32_t for_s; /* at most */
};

bool endpoint_feed_new(const struct endpoint_feed_config *config, struct endpoint_feed **out,
                       struct imw_error_info *err) IMW_MUST_USE;
void endpoint_feed_free(struct endpoint_feed *e);

/* ---- any worker ---- */

/* A flow was blocked; `note` may be NULL. */
void endpoint_feed_blocked(struct endpoint_feed *e, const struct rules *rules, const struct flow *f,
                           const struct record *note, uint64_t now_us);
/* A flow passes, whatever it is: its server's address stands for something that is not blocked. */
void endpoint_feed_passed(struct endpoint_feed *e, const struct flow *f, uint64_t now_us);
/* A flow of DNS told of an address; `known`: what it stands for, all in all. */
void endpoint_feed_learnt(struct endpoint_feed *e, const struct rules *rules, const struct flow *f,
                          const struct ip_addr *addr, const struct known_address *known, uint32_t ttl_s,
                          uint64_t now_us);

/* ---- who keeps house ---- */

/* One thread at a time. All workers judge by these from now on: what was fed by others is taken out. */
void endpoint_feed_follow(struct endpoint_feed *e, const struct rules *rules);
/* By one thread, some times a second: tell the kernel, and the log. */
void endpoint_feed_tend(struct endpoint_feed *e);
