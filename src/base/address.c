/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses as 16 octets. */
#include "base/address.h"
#include <arpa/inet.h>

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

bool ip_is_v4(const struct ip_addr *ip)
{
    return memcmp(ip->octet, mapped, sizeof mapped) == 0;
}

bool ip_is_zero(const struct ip_addr *ip)
{
    static const uint8_t zero[16];

    return memcmp(ip->octet, zero, 16) == 0 || (ip_is_v4(ip) && memcmp(ip->octet + 12, zero, 4) == 0);
}

bool ip_in_network(const struct ip_addr *ip, const struct ip_addr *net, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    if (bits > 128 || memcmp(ip->octet, net->octet, whole) != 0)
        return false;
    return rest == 0 || ((ip->octet[whole] ^ net->octet[whole]) >> (8 - rest)) == 0;
}

bool ip_is_private(const struct ip_addr *ip)
{
    const uint8_t *o = ip->octet;

    if (ip_is_v4(ip)) {
        o += 12;
        return o[0] == 10 || o[0] == 127 || o[0] == 0 || o[0] >= 224 ||
               (o[0] == 172 && (o[1] & 0xf0) == 16) || (o[0] == 192 && o[1] == 168) ||
               (o[0] == 169 && o[1] == 254) || (o[0] == 100 && (o[1] & 0xc0) == 64);
    }
    struct ip_addr loopback = { .octet = { [15] = 1 } };
    return ip_is_zero(ip) || ip_equal(ip, &loopback) || (o[0] & 0xfe) == 0xfc || o[0] == 0xff ||
           (o[0] == 0xfe && (o[1] & 0xc0) == 0x80);
}

void text_address(struct text *t, const struct ip_addr *ip)
{
    char name[INET6_ADDRSTRLEN];

    if (!ip_is_v4(ip)) {
        inet_ntop(AF_INET6, ip->octet, name, sizeof name);
        text_string(t, name);
        return;
    }
    for (unsigned i = 12; i < 16; i++) {
        if (i > 12)
            text_char(t, '.');
        text_decimal(t, ip->octet[i]);
    }
}

bool ip_parse(struct view v, struct ip_addr *out)
{
    char name[INET6_ADDRSTRLEN];
    uint8_t octets[16];
    struct text t = TEXT(name);

    text_add(&t, v);
    if (t.cut || strlen(name) != v.len)
        return false;
    if (inet_pton(AF_INET, name, octets) == 1)
        *out = ip_from_v4(octets);
    else if (inet_pton(AF_INET6, name, octets) == 1)
        *out = ip_from_v6(octets);
    else
        return false;
    return true;
}

bool ip_parse_network(struct view v, struct ip_addr *out, unsigned *out_bits)
{
    struct view rest = v, name = view_token(&rest, '/');
    struct ip_addr ip;

    if (!ip_parse(name, &ip))
        return false;
    bool v4 = ip_is_v4(&ip) && view_find_byte(name, ':', 0) == name.len;
    uint64_t bits = v4 ? 32 : 128;
    if (name.len < v.len && !view_decimal(rest, bits, &bits))
        return false;
    *out = ip;
    *out_bits = (unsigned)bits + (v4 ? 96 : 0);
    return true;
}
