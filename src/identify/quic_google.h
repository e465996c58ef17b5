/* SPDX-License-Identifier: Apache-2.0 */
/* Google QUIC before it took over TLS: packets of Q024 to Q049, and the CHLO message up to Q050. */
#pragma once
#include "base/cursor.h"
#include "base/text.h"

struct google_packet {
    uint32_t number;     /* version, "Q043" as four octets */
    struct view content; /* behind connection ids and version */
};

/* A packet that shows its version: the first ones of a client. False: none of Q024 to Q049. */
bool google_packet_read(struct view datagram, struct google_packet *out);

/* "QUIC Q043". */
void google_version_name(uint32_t number, struct text *out);

/* What a CHLO says; empty views where it does not. */
struct google_hello {
    struct view name;  /* SNI */
    struct view agent; /* UAID: "Chrome/70.0.3538.77 Windows NT 10.0; Win64; x64" */
    bool complete;     /* all of it was there */
};

/* The CHLO in the content of a packet that is not encrypted. False: none there. */
bool google_hello_find(struct view content, struct google_hello *out);

/* A CHLO at the beginning of `message`, which may end before the CHLO does. False: something else. */
bool google_hello_read(struct view message, struct google_hello *out);
