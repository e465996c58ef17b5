/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A listener for RADIUS accounting (RFC 2866): switches, access points and VPN gateways tell who signed in at
 * which address, and when he left. Make it one of their accounting servers, or let the one in use send on.
 *
 * The file of secrets (net_list.h; not open to everybody) has a line a client: ADDRESS-or-NETWORK SECRET.
 * Who is not in it gets no answer, nor does who does not know the secret; both are counted. A request that is
 * sent again is answered again, and changes nothing.
 *
 * User-Name is the user; it is a machine's where it is "host/NAME" or ends in $, and nobody's where it is a
 * hardware address (MAC authentication). The addresses are those of Framed-IP-Address, Framed-IPv6-Address
 * and a Framed-IPv6-Prefix of 128 bits; Calling-Station-Id is taken for the hardware address if it is one.
 * Start and Interim-Update teach, Stop ends. Acct-Delay-Time is taken off.
 */
#pragma once
#include "identify/knowledge.h"

struct radius;

struct radius_counters {
    uint64_t requests;  /* authentic ones that were answered */
    uint64_t repeated;  /* of them, sent again */
    uint64_t users;     /* of them, that told of a user or machine, or of the end of a session */
    uint64_t unknown;   /* dropped: from who is not in the file */
    uint64_t forged;    /* dropped: the secret is another */
    uint64_t malformed; /* dropped: no Accounting-Request */
};

/*
 * Listen on "ADDRESS:PORT" ("[ADDRESS]:PORT" of IPv6; port 0: any that is free) with a thread of its own,
 * which tells `k`. `now_us` is the clock, in microseconds since 1970. With several addresses on the machine,
 * listen on that one to which the clients send. Caller owns *out, radius_free() before `k` goes.
 */
bool radius_new(const char *listen, const char *secrets_path, struct knowledge *k, uint64_t (*now_us)(void),
                struct radius **out, struct imw_error_info *err) IMW_MUST_USE;
void radius_free(struct radius *r); /* ends the thread */

/* Read the file of secrets again; any thread, one at a time. False: those in force stay. */
bool radius_reload(struct radius *r, const char *secrets_path, struct imw_error_info *err) IMW_MUST_USE;

/* The port that it listens on. */
uint16_t radius_port(const struct radius *r);
void radius_counters(const struct radius *r, struct radius_counters *out);
