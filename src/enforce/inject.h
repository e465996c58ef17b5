/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending what was forged, never waiting: over raw sockets, which the kernel routes; or on one interface to a
 * given hardware address, where there is no route (a bridge, a port for answers beside a mirror port). It is
 * from the interface's own address: under that of another machine a switch would look for it at our port.
 * Opening needs CAP_NET_RAW, sending none.
 */
#pragma once
#include "packet/packet.h"

struct inject_grant {
    int raw4, raw6; /* -1: none */
    int packet;     /* AF_PACKET, for sending only */
};
enum { INJECT_FDS = 3 };

/* `mark`: on every packet, so that rules know them. */
bool inject_open(uint32_t mark, struct inject_grant *out, struct imw_error_info *err) IMW_MUST_USE;
void inject_close(struct inject_grant *g);

/* One packet or several, one right behind the other, from the IP header on. False: not all went out; errno
 * says why. */
bool inject_routed(const struct inject_grant *g, struct view ip);
bool inject_on(const struct inject_grant *g, unsigned ifindex, const uint8_t to[6], struct view ip);
