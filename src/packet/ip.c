/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPv4 (RFC 791) and IPv6 with its extension headers (RFC 8200; AH RFC 4302; mobility RFC 6275; HIP RFC 7401;
 * shim RFC 5533). Addresses go into the packet at once: the innermost stay.
 *
 * A length of 0 is what a capture shows of a packet that the network card will cut into segments (IPv4 and
 * IPv6), or a jumbogram (RFC 2675): then the frame's own length counts. Encrypted payload (ESP) is the end of
 * the walk. Of ICMPv6 only neighbour discovery is read (RFC 4861), for who has which hardware address.
 */
#include "packet/defrag.h"
#include "packet/walk.h"

enum {
    PROTOCOL_HOP_BY_HOP = 0,
    PROTOCOL_ROUTING = 43,
    PROTOCOL_FRAGMENT = 44,
    PROTOCOL_AH = 51,
    PROTOCOL_OPTIONS = 60,
    PROTOCOL_MOBILITY = 135,
    PROTOCOL_HIP = 139,
    PROTOCOL_SHIM6 = 140,
};

static const uint8_t protocols[256] = {
    [4] = LAYER_TUNNEL_IPV4,
    [6] = LAYER_TCP,
    [17] = LAYER_UDP,
    [41] = LAYER_TUNNEL_IPV6,
    [47] = LAYER_GRE,
    [58] = LAYER_ICMPV6,
    [97] = LAYER_ETHERIP,
    [115] = LAYER_L2TP3,
    [137] = LAYER_TUNNEL_MPLS,
    [PROTOCOL_HOP_BY_HOP] = LAYER_EXTENSION,
    [PROTOCOL_ROUTING] = LAYER_EXTENSION,
    [PROTOCOL_FRAGMENT] = LAYER_EXTENSION,
    [PROTOCOL_AH] = LAYER_EXTENSION,
    [PROTOCOL_OPTIONS] = LAYER_EXTENSION,
    [PROTOCOL_MOBILITY] = LAYER_EXTENSION,
    [PROTOCOL_HIP] = LAYER_EXTENSION,
    [PROTOCOL_SHIM6] = LAYER_EXTENSION,
};

enum layer walk_protocol(struct walk *w, uint8_t protocol)
{
    enum layer next = (enum layer)protocols[protocol];

    w->protocol = protocol;
    return next != LAYER_END ? next : walk_stop(w, COUNT_DECODE_OTHER);
}

/* The payload of the walk is a fragment. Goes on with the datagram that it completes. */
static enum layer fragment(struct walk *w, struct fragment *f)
{
    struct view whole;
    uint8_t protocol;

    if (w->defrag == NULL) {
        w->fragment = true;
        return LAYER_END;
    }
    count(w->counters, COUNT_FRAGMENTS);
    if (w->cut > 0) /* a part that was not captured would be a hole for ever */
        return walk_stop(w, COUNT_FRAGMENTS_DROPPED);
    f->src = w->out->src;
    f->dst = w->out->dst;
    f->time_us = w->time_us;
    f->bytes = cursor_rest(&w->c);
    if (!defrag_add(w->defrag, f, &whole, &protocol))
        return LAYER_END;
    w->plain = false;
    w->c = cursor_open(whole);
    w->cut = 0;
    return walk_protocol(w, protocol);
}

enum layer walk_ipv4(struct walk *w)
{
    uint64_t length = walk_length(w);
    struct cursor h = cursor_sub(&w->c, 20);

    if (h.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    uint8_t first = cursor_u8(&h);
    unsigned header = (first & 15u) * 4;
    cursor_skip(&h, 1);
    uint64_t total = cursor_u16(&h);
    uint16_t id = cursor_u16(&h), fragmentation = cursor_u16(&h);
    w->out->ttl = cursor_u8(&h);
    uint8_t protocol = cursor_u8(&h);
    cursor_skip(&h, 2);
    w->out->src = ip_from_v4(cursor_take(&h, 4).at);
    w->out->dst = ip_from_v4(cursor_take(&h, 4).at);
    if (total == 0)
        total = length;
    if (first >> 4 != 4 || header < 20 || total < header)
        return walk_stop(w, COUNT_DECODE_BAD);
    cursor_skip(&w->c, header - 20);
    if (w->c.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    walk_trim(w, total - header);
    bool more = (fragmentation & 0x2000) != 0;
    if (!more && (fragmentation & 0x1fff) == 0)
        return walk_protocol(w, protocol);
    struct fragment f = {
        .version = 4, .id = id, .protocol = protocol, .offset = (fragmentation & 0x1fffu) * 8, .more = more
    };
    return fragment(w, &f);
}

enum layer walk_ipv6(struct walk *w)
{
    struct cursor h = cursor_sub(&w->c, 40);

    if (h.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    uint32_t first = cursor_u32(&h);
    uint16_t payload = cursor_u16(&h);
    uint8_t protocol = cursor_u8(&h);
    w->out->ttl = cursor_u8(&h);
    w->out->src = ip_from_v6(cursor_take(&h, 16).at);
    w->out->dst = ip_from_v6(cursor_take(&h, 16).at);
    if (first >> 28 != 6)
        return walk_stop(w, COUNT_DECODE_BAD);
    if (payload > 0)
        walk_trim(w, payload);
    return walk_protocol(w, protocol);
}

/*
 * A fragment header, RFC 8200 section 4.5. With no other fragments it is as if it were not there (RFC 6946).
 */
static enum layer fragment_header(struct walk *w)
{
    struct cursor h = cursor_sub(&w->c, 8);
    uint8_t protocol = cursor_u8(&h);
    cursor_skip(&h, 1);
    uint16_t fragmentation = cursor_u16(&h);
    uint32_t id = cursor_u32(&h);

    if (h.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    bool more = (fragmentation & 1) != 0;
    if (!more && fragmentation >> 3 == 0)
        return walk_protocol(w, protocol);
    struct fragment f = {
        .version = 6, .id = id, .protocol = protocol, .offset = fragmentation & 0xfff8u, .more = more
    };
    return fragment(w, &f);
}

enum layer walk_extension(struct walk *w)
{
    w->plain = false;
    if (w->protocol == PROTOCOL_FRAGMENT)
        return fragment_header(w);
    uint64_t length = walk_length(w);
    uint8_t protocol = cursor_u8(&w->c), units = cursor_u8(&w->c);
    /* In units of 8 octets without the first; AH counts in 4 and without the first two. */
    size_t bytes = w->protocol == PROTOCOL_AH ? (units + 2u) * 4 : (units + 1u) * 8;

    if (!w->c.bad && bytes > length)
        return walk_stop(w, COUNT_DECODE_BAD);
    cursor_skip(&w->c, bytes - 2);
    if (w->c.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    return walk_protocol(w, protocol);
}

enum { /* RFC 4861 sections 4.1, 4.3, 4.4, 4.6.1 */
       ND_ROUTER_SOLICITATION = 133,
       ND_SOLICITATION = 135,
       ND_ADVERTISEMENT = 136,
       ND_OPTION_SOURCE = 1,
       ND_OPTION_TARGET = 2,
       ND_HOP_LIMIT = 255, /* it comes from this link */
};

/*
 * Who solicits tells the hardware address of its source in option 1, who advertises that of the target in
 * option 2. Options are type 1, length 1 in units of 8 octets, value.
 */
enum layer walk_icmpv6(struct walk *w)
{
    uint8_t type = cursor_u8(&w->c), code = cursor_u8(&w->c);
    bool advertises = type == ND_ADVERTISEMENT;

    cursor_skip(&w->c, 6);
    if (w->c.bad || w->out->ttl != ND_HOP_LIMIT || code != 0 || ip_is_v4(&w->out->src) ||
        (!advertises && type != ND_SOLICITATION && type != ND_ROUTER_SOLICITATION))
        return walk_stop(w, COUNT_DECODE_OTHER);
    if (type != ND_ROUTER_SOLICITATION) {
        struct view target = cursor_take(&w->c, 16);
        if (advertises && target.len == 16)
            w->out->src = ip_from_v6(target.at);
    }
    while (cursor_left(&w->c) > 0) {
        uint8_t option = cursor_u8(&w->c), units = cursor_u8(&w->c);
        struct cursor value = cursor_sub(&w->c, units * 8u - (units > 0 ? 2 : 0));
        if (w->c.bad || units == 0)
            break;
        if (option == (advertises ? ND_OPTION_TARGET : ND_OPTION_SOURCE) && units == 1)
            return walk_neighbour(w, cursor_rest(&value));
    }
    return walk_stop(w, COUNT_DECODE_OTHER);
}

enum layer walk_ip(struct walk *w)
{
    struct cursor peek = w->c;
    uint8_t version = cursor_u8(&peek) >> 4;

    if (peek.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    if (version != 4 && version != 6)
        return walk_stop(w, COUNT_DECODE_BAD);
    return version == 4 ? LAYER_IPV4 : LAYER_IPV6;
}

bool looks_like_ip(struct view v, uint64_t length, bool exactly)
{
    struct cursor c = cursor_open(v);
    uint8_t first = cursor_u8(&c);
    uint64_t total, header;

    if (first >> 4 == 4) {
        struct cursor h = cursor_sub(&c, 19);
        cursor_skip(&h, 1);
        total = cursor_u16(&h);
        header = (first & 15u) * 4;
        if (h.bad || header < 20)
            return false;
    } else if (first >> 4 == 6) {
        struct cursor h = cursor_sub(&c, 39);
        cursor_skip(&h, 3);
        total = cursor_u16(&h) + 40u;
        header = 40;
        if (h.bad)
            return false;
    } else {
        return false;
    }
    return total >= header && (exactly ? total == length : total <= length);
}
