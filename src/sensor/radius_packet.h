/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One packet of RADIUS accounting (RFC 2866, RFC 2865 section 5):
 *
 *     code 1 (4: Accounting-Request, 5: -Response), identifier 1, length 2, authenticator 16, attributes
 *     attribute: type 1, length 1 with these two, value
 *
 * The authenticator of a request is the MD5 of the packet with 16 zeros in its place and the shared secret
 * behind it (RFC 2866 section 3); that of the answer is the same with the request's in its place.
 */
#pragma once
#include "base/address.h"

enum {
    RADIUS_HEADER_BYTES = 20,
    RADIUS_MOST_BYTES = 4096,
    RADIUS_AUTHENTICATOR_BYTES = 16,
    RADIUS_ADDRESSES = 4, /* of a session; more are passed over */
};

enum radius_status { /* RFC 2866 section 5.1 */
                     RADIUS_START = 1,
                     RADIUS_STOP = 2,
                     RADIUS_INTERIM = 3,
};

struct radius_request {
    uint8_t identifier;
    uint8_t authenticator[RADIUS_AUTHENTICATOR_BYTES];
    uint32_t status;  /* enum radius_status, or another; 0: none */
    uint32_t delay_s; /* it happened so long ago */
    struct view user; /* borrowed; empty: none */
    struct ip_addr address[RADIUS_ADDRESSES];
    unsigned addresses;
    bool has_mac; /* of who calls */
    uint8_t mac[6];
};

/* Read an Accounting-Request. False: it is none; *out is then not to be used. */
bool radius_read(struct view packet, struct radius_request *out);

/* Was it made by who knows the secret? `packet` is one that radius_read() took. */
bool radius_is_authentic(struct view packet, struct view secret);

/* The answer to a request. False: MD5 is not to be had. */
bool radius_answer(const struct radius_request *r, struct view secret, uint8_t out[RADIUS_HEADER_BYTES]);

/* A hardware address as access points and switches write it: 02-00-5E-00-53-01, with : or . or nothing. */
bool radius_parse_mac(struct view v, uint8_t out[6]);
