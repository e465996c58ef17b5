/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel counted of connections that pass without coming here: asked of its connection tracking, one
 * by one, over netlink (ctnetlink). Needs CAP_NET_ADMIN, and the sysctl nf_conntrack_acct.
 */
#pragma once
#include "packet/live.h"

struct conntrack;

bool conntrack_open(int *out_fd, struct imw_error_info *err) IMW_MUST_USE;
/* Takes the socket over, on success. */
bool conntrack_new(int fd, struct conntrack **out, struct imw_error_info *err) IMW_MUST_USE;
void conntrack_free(struct conntrack *c); /* NULL is fine */

/* Packets and bytes (from the IP header on) since the connection began, by the order of the ends in `f`;
 * last_us stays 0. False: it is not known, or not any more. Any thread; waits for the kernel's answer. */
bool conntrack_read(struct conntrack *c, const struct live_flow *f, struct live_bypassed *out);
