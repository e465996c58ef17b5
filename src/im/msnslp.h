/* SPDX-License-Identifier: Apache-2.0 */
/* What MSN's server leg (msnp.c) and direct leg (msnslp.c) share: header lines, invitations, P2P frames. */
#pragma once
#include "identify/session.h"

/* Who sends to whom; empty views where not known. */
struct msn_people {
    struct view account, peer;
    bool outgoing; /* from the flow's client */
};

/* The value of the first line "name: value", ASCII case of the name folded; empty where there is none. */
struct view msn_field(struct view lines, struct view name);

/* What an application GUID ("{5D3E02AB-…}", braces or not) stands for, ACTIVITY_COUNT: not known. */
enum activity msn_application(struct view guid);

/* Expect a direct leg at each of the addresses, "a b" or "a:1 b:2". True: there was one. */
bool msn_expect(struct session *s, struct view addresses, struct view port, enum protocol protocol);

/* An MSNSLP message (text, may be cut). True: it announced a direct leg. */
bool msn_slp_read(struct session *s, const struct msn_people *who, struct view text);

enum { MSN_APP_UNKNOWN = 0, MSN_APP_OBJECT = 1, MSN_APP_FILE = 2 };

/*
 * A P2P frame: a header of 48 octets, then a piece of an MSNSLP message (session 0) or of a file. `app` is
 * the number that stands behind the frame in a switchboard. True: it announced a direct leg.
 */
bool msn_p2p_read(struct session *s, const struct msn_people *who, struct view frame, uint32_t app);
