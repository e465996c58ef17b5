/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ClientHello and ServerHello of TLS, which DTLS and QUIC carry as well: reading them, the JA4
 * fingerprint of the first, and telling the session what a hello says of the service. Bodies are given whole,
 * without the four octets (DTLS: twelve) of handshake header; all views borrow from them.
 */
#pragma once
#include "base/cursor.h"
#include "identify/parser.h"

/* What carries the hello: the first letter of its JA4. */
enum hello_carrier { HELLO_TLS = 't', HELLO_DTLS = 'd', HELLO_QUIC = 'q' };

enum {
    HELLO_CLIENT =
        1, /* handshake message types: RFC 8446 section 4, RFC 5246 section 7.4, RFC 6347 section 4.3.2 */
    HELLO_SERVER = 2,
    HELLO_VERIFY = 3,
    HELLO_CERTIFICATE = 11,
    HELLO_SERVER_DONE = 14,
    HELLO_CLIENT_KEY = 16,
    HELLO_FINISHED = 20,

    HELLO_NAME_BYTES = 255, /* longest domain name */
    HELLO_JA4_BYTES = 37,   /* "t13d1516h2_8daaf6152771_e5627efa2ab1" and its NUL */
};

/* A ClientHello. Lists are kept as they stand in the message; GREASE (RFC 8701) is still in them. */
struct client_hello {
    enum hello_carrier carrier;
    uint16_t version;       /* the highest that is offered */
    struct view ciphers;    /* 16-bit numbers */
    struct view extensions; /* type, length, content */
    struct view signatures; /* 16-bit numbers of signature_algorithms */
    struct view protocols;  /* ALPN: each a length octet and a name */
    struct view transport;  /* QUIC transport parameters */
    struct view name;       /* host name of server_name; empty: none */
    bool has_name;          /* the extension is there, be it empty or broken */
    bool has_ech, has_esni;
    bool old_format; /* SSL 2.0 format: no extensions */
};

/* False: not a ClientHello. */
bool client_hello_read(struct view body, enum hello_carrier carrier, struct client_hello *out);

/* The same for the SSL 2.0 format (RFC 5246 appendix E.2): `body` is the record's content from msg_type on.
 */
bool client_hello_read_v2(struct view body, struct client_hello *out);

/*
 * JA4, the fingerprint of TLS clients, as FoxIO describes it (BSD 3-Clause part of JA4+). False, and nothing
 * written, when a list is longer than any client's.
 */
bool client_hello_ja4(const struct client_hello *h, char out[HELLO_JA4_BYTES]);

/*
 * Tell the session: fingerprint, version, server name (as `kind`), hints, and evidence that ALPN gives.
 * Returns true when the name is one of a service in the catalog.
 */
bool client_hello_tell(const struct client_hello *h, struct session *s, enum evidence_kind kind);

struct server_hello {
    uint16_t version;      /* the one that was chosen */
    struct view protocols; /* ALPN: the one that was chosen, empty in TLS 1.3 */
};

/* False: not a ServerHello. */
bool server_hello_read(struct view body, struct server_hello *out);

/* Does ALPN itself name a service? Tells the session; for a ServerHello whose ClientHello was not seen. */
void hello_tell_protocols(struct session *s, struct view protocols);

/* "TLSv1.3", "DTLSv1.2" … ; NULL: no such version. */
const char *hello_version_name(uint16_t version);

/* 0x0a0a, 0x1a1a … 0xfafa: values that a client sends so that servers keep ignoring unknown ones. */
static inline bool hello_is_grease(uint16_t value)
{
    return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}
