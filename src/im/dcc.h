/* SPDX-License-Identifier: Apache-2.0 */
/* DCC offers, as IRC (irc.c) and the chats that were agreed by it (dcc.c) carry them. */
#pragma once
#include "identify/session.h"

enum { DCC_OFFERS = 8 };

/* An offer that a later line may be about. */
struct dcc_offer {
    struct ip_addr addr;
    uint64_t offset; /* of a reversed one: where the file is to go on */
    uint64_t token;  /* of a reversed one */
    uint16_t port;   /* 0: reversed */
    bool own;        /* also expected at the client's own address */
};

/* The newest offers of a conversation, in a ring; begins zeroed. */
struct dcc_offers {
    struct dcc_offer offer[DCC_OFFERS];
    uint8_t next;
    bool broker_told;
};

/*
 * One request behind the word DCC ("SEND name address port size"): tells the activity, and announces and
 * expects the leg. `detail` says whose request it is; of it the file is filled in.
 */
void dcc_request(struct dcc_offers *offers, struct session *s, struct view request, struct im_detail *detail);
