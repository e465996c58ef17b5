/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other side of a network output: a datagram or stream socket that is connected, comes and goes, and
 * never makes its caller wait.
 *
 *     away -> (resolving a name) -> connecting -> (TLS handshake) -> up
 *
 * Any failure leads back to away; the next try comes after half a second, then after twice as long each time,
 * 30 s at most, or what its owner says. A connection has 5 s to come up. Names are resolved when the peer is
 * made, in the caller's thread, and again at each new try in a thread of its own, since a resolver may take
 * its time; where that fails, the addresses of before are tried.
 *
 * TLS is at least 1.2; the server's certificate must lead to the given CA (or one the system trusts) and name
 * the host as written in the specification (RFC 5425 sections 5.2 and 5.3). With a bundle it is 1.3, and the
 * server's certificate must lead to the bundle's CA and bear `server_name`, at whatever address it is.
 */
#pragma once
#include "base/error.h"
#include <poll.h>
#include <sys/types.h>

enum peer_transport { PEER_UDP, PEER_TCP, PEER_TLS, PEER_UNIX };

struct peer_config {
    enum peer_transport transport;
    char host[256], port[8];
    char path[108];                       /* PEER_UNIX: a datagram socket's */
    char ca[1024], cert[1024], key[1024]; /* PEM files; empty: the system's CAs, no certificate of ours */
    char bundle[1024];       /* instead of them: our certificate, its key and the CA in one PEM */
    const char *server_name; /* with a bundle; a literal */
    bool receives;           /* the caller reads what comes, by peer_receive() */
    uint32_t retry_max_ms;   /* the longest between two tries; 0: 30 s */
};

struct peer;

bool peer_new(const struct peer_config *config, struct peer **out, struct imw_error_info *err) IMW_MUST_USE;
void peer_free(struct peer *p);

/* Go on as far as possible. True: up. */
bool peer_advance(struct peer *p, uint64_t now_ms);

/* Bytes taken by the other side's socket; 0: none now; -1: it went away, or (datagrams) refused this one. */
ssize_t peer_send(struct peer *p, const void *bytes, size_t n, uint64_t now_ms);

/* Bytes that came; 0: none now; -1: it went away. For a peer that `receives`. */
ssize_t peer_receive(struct peer *p, void *bytes, size_t size, uint64_t now_ms);

/* It said what it may not: the connection ends, and is tried again as after any failure. */
void peer_end(struct peer *p, uint64_t now_ms, const char *why);

/* What it said proves that the connection works: when it breaks, the next try comes soon. */
void peer_proved(struct peer *p);

/* When our certificate ends, in seconds since 1970; 0: we have none. */
uint64_t peer_certificate_end_s(const struct peer *p);

/* What it waits for; false: for time to pass. `sending`: the caller has bytes to send. */
bool peer_wants(const struct peer *p, bool sending, struct pollfd *out);

/* Why it is not up; empty: no failure yet. */
const char *peer_error(const struct peer *p);
