/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses: always 16 octets, IPv4 as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2). */
#pragma once
#include "base/text.h"

struct ip_addr {
    union {
        uint8_t octet[16];
        uint64_t word[2]; /* for comparing and hashing only */
    };
};

static inline bool ip_equal(const struct ip_addr *a, const struct ip_addr *b)
{
    return a->word[0] == b->word[0] && a->word[1] == b->word[1];
}

static inline struct ip_addr ip_from_v4(const uint8_t octets[4])
{
    struct ip_addr ip = { .octet = { [10] = 0xff, [11] = 0xff } };

    memcpy(ip.octet + 12, octets, 4);
    return ip;
}

static inline struct ip_addr ip_from_v6(const uint8_t octets[16])
{
    struct ip_addr ip;

    memcpy(ip.octet, octets, 16);
    return ip;
}
bool ip_is_v4(const struct ip_addr *ip);
bool ip_is_zero(const struct ip_addr *ip); /* 0.0.0.0 or :: */

/* Not routed on the public internet: RFC 1918, loopback, link-local, unique local, multicast, unspecified. */
bool ip_is_private(const struct ip_addr *ip);

/* RFC 5952 form; IPv4 as dotted quad. Needs up to 46 bytes. */
void text_address(struct text *t, const struct ip_addr *ip);

/* Parse either family. False: not an address; *out untouched. */
bool ip_parse(struct view v, struct ip_addr *out);

/* Parse "address/bits" or a bare address. *out_bits counts from the front of the 16 octets (IPv4 adds 96). */
bool ip_parse_network(struct view v, struct ip_addr *out, unsigned *out_bits);

/* Does `ip` lie in the network of the first `bits` bits of `net`? */
bool ip_in_network(const struct ip_addr *ip, const struct ip_addr *net, unsigned bits);
