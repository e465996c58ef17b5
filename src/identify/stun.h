/* SPDX-License-Identifier: Apache-2.0 */
/* Following a flow that mixes STUN, TURN, DTLS and media (RFC 7983). For stun.c and rtp.c. */
#pragma once
#include "identify/parser.h"
#include "identify/rtp.h"

enum { STUN_PEERS = 8 };

struct stun_peer {
    struct ip_addr addr;
    uint16_t port;
};

struct stun {
    const char *service; /* slug of the strongest mark, NULL: none yet */
    uint8_t confidence;  /* of that mark */
    uint8_t framing;     /* TCP: enum framing in stun.c */
    uint8_t local;       /* 1 + enum flow_dir of the end that asks the server, 0: not known */
    uint8_t checked;     /* bit by enum flow_dir: sent an ICE connectivity check */
    uint8_t delivery;    /* enum delivery told so far */
    bool plain, called, client_told, local_told;
    uint8_t peers, peers_told; /* in peer[] */
    uint8_t seen, seen_known;  /* messages and datagrams in all, and since the service is known */
    uint8_t strange;           /* in a row that are nothing known */
    struct stun_peer peer[STUN_PEERS];
    struct rtp_head media[2]; /* by enum flow_dir: the last RTP datagram */
    bool media_seen[2];
};

/* A parser's feed, see parser.h. */
size_t stun_feed(void *state, struct session *s, enum flow_dir from, struct view in);
