/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The long header of QUIC, and opening Initial packets: their keys come from the connection id that stands in
 * them, so that everyone on the path can read them.
 */
#pragma once
#include "base/cursor.h"
#include "base/text.h"

enum {
    QUIC_CID_BYTES = 20,     /* RFC 9000 section 17.2; versions to come may have more */
    QUIC_PLAIN_BYTES = 2048, /* of an Initial's content: longer datagrams than Ethernet's are not opened */
};

/* One version, or several numbers that differ in name only. */
struct quic_version {
    uint32_t first, last;
    const char *name;   /* of a draft, its number follows */
    const char *salt;   /* 20 octets */
    bool second;        /* packet types and key labels of QUIC version 2 */
    bool google_frames; /* frames and handshake framing of Google QUIC */
};

/* NULL: not known, or a version that is not encrypted so. */
const struct quic_version *quic_version_find(uint32_t number);

/* Could this be a version, as far as its number tells: known, reserved for greasing, or in a range of drafts?
 */
bool quic_version_plausible(uint32_t number);

/* "QUIC v1", "QUIC draft-29". */
void quic_version_name(const struct quic_version *v, uint32_t number, struct text *out);

enum quic_type { QUIC_INITIAL, QUIC_ZERO_RTT, QUIC_HANDSHAKE, QUIC_RETRY };

/* The part of a long header that all versions share (RFC 8999 section 5.1). */
struct quic_invariant {
    uint8_t first;
    uint32_t number;
    struct view dcid, scid;
};

bool quic_invariant_read(struct cursor *c, struct quic_invariant *out);

/* A packet with a long header. */
struct quic_packet {
    struct quic_invariant head;
    const struct quic_version *version;
    enum quic_type type;
    struct view token;
    struct view clear;   /* from the first byte up to the packet number */
    struct view guarded; /* packet number, content, tag */
};

/* The next packet of a datagram. False: none, not a known version, or lengths that do not fit. */
bool quic_packet_read(struct cursor *c, struct quic_packet *out);

struct quic_keys {
    uint8_t key[16], iv[12], guard[16];
};

/* Keys of the Initial packets of the client, or of the server, of the connection that began with this id. */
void quic_keys_derive(const struct quic_version *v, struct view dcid, bool server, struct quic_keys *out);

/* Open an Initial. False: not made with these keys. *out_plain borrows from `buffer`. */
bool quic_packet_open(const struct quic_keys *keys, const struct quic_packet *p,
                      uint8_t buffer[QUIC_PLAIN_BYTES], struct view *out_plain);

/* A variable-length integer (RFC 9000 section 16). */
uint64_t quic_varint(struct cursor *c);
