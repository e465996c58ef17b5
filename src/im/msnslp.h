/* SPDX-License-Identifier: Apache-2.0 */
/* What MSN's server leg (msnp.c) and direct leg (msnslp.c) share: header lines, invitations, P2P frames. */
#pragma once
#include "identify/session.h"

/* Who sends to whom; empty views where not known. */
struct msn_people {
    struct view account, peer;
    bool outgoing;       /* from the flow's client */
    struct view room;    /* the others of a conversation of several */
    struct view display; /* the sender's name as shown */
};

/* The files that P2P sessions of one flow carry. */
enum { MSN_TRANSFERS = 8 };

enum { MSN_NO_APPLICATION = '0' }; /* digits of an application that no client has */
struct msn_transfer {
    uint64_t call;             /* hash of the invitation's Call-ID, by which BYE names it; 0: not seen */
    uint64_t size;             /* 0: not known */
    uint64_t next;             /* all before it came */
    uint64_t early, early_end; /* a stretch that came before its turn */
    uint64_t came;             /* octets, those sent anew too */
    uint32_t session, file;
    bool offered;     /* the invitation was on this flow */
    bool begun, done; /* bytes came; nothing more is expected */
};
struct msn_p2p {
    struct msn_transfer transfer[MSN_TRANSFERS]; /* session 0: free */
    uint8_t replace;                             /* the next to go where all are taken */
};

/* The value of the first line "name: value", ASCII case of the name folded; empty where there is none. */
struct view msn_field(struct view lines, struct view name);

/* What an application GUID ("{5D3E02AB-…}", braces or not) stands for, ACTIVITY_COUNT: not known. */
enum activity msn_application(struct view guid);

/* Expect a direct leg at each of the addresses, "a b" or "a:1 b:2". True: there was one. */
bool msn_expect(struct session *s, struct view addresses, struct view port, enum protocol protocol);

/* An MSNSLP message (text, may be cut). True: it announced a direct leg. */
bool msn_slp_read(struct session *s, struct msn_p2p *p2p, const struct msn_people *who, struct view text);

enum {
    MSN_APP_UNKNOWN = 0,
    MSN_APP_OBJECT = 1,
    MSN_APP_FILE = 2,
    MSN_APP_EMOTICON = 11,
    MSN_APP_PICTURE = 12
};

/*
 * A P2P frame of either version: a header, then a piece of an MSNSLP message (session 0) or of a file. `app`
 * is the number that stands behind the frame in a switchboard. True: it announced a direct leg.
 */
bool msn_p2p_read(struct session *s, struct msn_p2p *p2p, const struct msn_people *who, struct view frame,
                  uint32_t app);

/* Does a frame with bytes of a transfer that is known begin here? For a leg that lost its place. `frame` is
 * what is there of it, `len` its whole length. */
bool msn_p2p_known(const struct msn_p2p *p2p, struct view frame, size_t len);
