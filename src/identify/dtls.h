/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DTLS, for its own parser and for those that carry it: WebRTC calls run it beside STUN on one flow (RFC
 * 7983), TURN inside its channels.
 */
#pragma once
#include "identify/assembly.h"
#include "identify/hello.h"

/* A reader's place in one association. Zeroed before first use. */
struct dtls_state {
    uint32_t datagrams;
    uint32_t len;       /* of the message being put together */
    uint16_t seq;       /* its message_seq */
    uint8_t type, from; /* what it is; from: 1 + enum flow_dir, 0: none under way */
    bool hello, server; /* ClientHello told, ServerHello told */
    bool done;
    uint8_t asked_len;
    char asked[HELLO_NAME_BYTES + 1];
    struct assembly message;
};

/* Is this datagram DTLS and nothing else? Certain (over 60 bits) where it says yes. */
bool dtls_recognise(struct view datagram);

/*
 * Read one datagram: tells the session version, name and fingerprint as they come. Anything that is not DTLS
 * is passed over. Returns true when there is nothing more to learn; does not settle the session.
 */
bool dtls_read(struct dtls_state *d, struct session *s, enum flow_dir from, struct view datagram);
