/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets inside of packets.
 *
 *     IP in IP       RFC 2003, 2473, 4213: protocols 4 and 41; MPLS in IP RFC 4023
 *     GRE            RFC 2784, 2890: flags 2 (checksum, key, sequence: 4 octets each), EtherType 2
 *     ERSPAN         draft-foschiano-erspan: in GRE, type II with 8 octets where GRE has a sequence number (I
 *                    without, and nothing added), III with 12, and 8 more where its last bit is set
 *     PPTP           RFC 2637: GRE version 1 with key (payload length 2, call 2), sequence and
 *                    acknowledgement; PPP
 *     EtherIP        RFC 3378: version 3 in 2 octets, Ethernet
 *     L2TPv3         RFC 3931: session 4, cookie of 0, 4 or 8 and sublayer of 0 or 4 as agreed; Ethernet
 *     VXLAN          RFC 7348: flags 08 (88 with a group policy), 3, network 3, 1; Ethernet
 *     VXLAN-GPE      draft-ietf-nvo3-vxlan-gpe: flags 0c, 2, protocol 1 (1 IPv4, 2 IPv6, 3 Ethernet), network
 *                    3, 1
 *     GENEVE         RFC 8926: version and options' length 1, flags 1, EtherType 2, network 3, 1, options
 *     GTP-U          3GPP TS 29.281 section 5: flags 1, message ff, length 2, tunnel 4, optional 4 and
 *                    extensions
 *     CAPWAP         RFC 5415 section 4.3: preamble 00, header length, flags, then Ethernet or 802.11; some
 *                    makers swap the octets of the latter's fields. Pieces are not joined.
 *     L2TP           RFC 2661 section 3.1: flags and version 2, length, tunnel and session 4, sequence,
 *                    offset; PPP
 *     Teredo         RFC 4380 section 5.1.1: authentication, origin, then IPv6 of 2001:0::/32
 *
 * The tunnels over UDP have ports that anyone may use for something else. So the port alone is no reason to
 * go in: the header must be strict, and an inner packet with lengths that fit must follow; else the datagram
 * is just UDP.
 */
#include "packet/walk.h"

enum {
    TYPE_IPV4 = 0x0800,
    TYPE_IPV6 = 0x86dd,
    TYPE_PPP = 0x880b,
    TYPE_BRIDGED = 0x6558,
    TYPE_ERSPAN2 = 0x88be,
    TYPE_ERSPAN3 = 0x22eb,
};

enum layer walk_tunnel_ipv4(struct walk *w)
{
    return walk_enter(w, LAYER_IPV4);
}
enum layer walk_tunnel_ipv6(struct walk *w)
{
    return walk_enter(w, LAYER_IPV6);
}
enum layer walk_tunnel_mpls(struct walk *w)
{
    return walk_enter(w, LAYER_MPLS);
}

/* ---- over IP ---- */

enum {
    GRE_CHECKSUM = 0x8000,
    GRE_ROUTING = 0x4000,
    GRE_KEY = 0x2000,
    GRE_SEQUENCE = 0x1000,
    GRE_ACKNOWLEDGEMENT = 0x0080,
    GRE_VERSION = 0x0007,
};

static enum layer pptp(struct walk *w, uint16_t flags)
{
    uint16_t length = cursor_u16(&w->c);

    cursor_skip(&w->c, 2);
    if ((flags & GRE_SEQUENCE) != 0)
        cursor_skip(&w->c, 4);
    if ((flags & GRE_ACKNOWLEDGEMENT) != 0)
        cursor_skip(&w->c, 4);
    if (w->c.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    if (length > walk_length(w))
        return walk_stop(w, COUNT_DECODE_BAD);
    if ((flags & GRE_SEQUENCE) == 0) /* only an acknowledgement */
        return walk_stop(w, COUNT_DECODE_OTHER);
    walk_trim(w, length);
    return walk_enter(w, LAYER_PPP);
}

/* Skip the ERSPAN header. */
static void erspan(struct walk *w, uint16_t type, uint16_t flags)
{
    if (type == TYPE_ERSPAN2) {
        if ((flags & GRE_SEQUENCE) != 0)
            cursor_skip(&w->c, 8);
        return;
    }
    cursor_skip(&w->c, 8);
    if ((cursor_u32(&w->c) & 1) != 0)
        cursor_skip(&w->c, 8);
}

enum layer walk_gre(struct walk *w)
{
    uint16_t flags = cursor_u16(&w->c), type = cursor_u16(&w->c);

    if (w->c.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    if ((flags & GRE_VERSION) == 1)
        return type == TYPE_PPP && (flags & GRE_KEY) != 0 ? pptp(w, flags) : walk_stop(w, COUNT_DECODE_OTHER);
    if ((flags & (GRE_VERSION | GRE_ROUTING)) != 0)
        return walk_stop(w, COUNT_DECODE_OTHER);
    for (uint16_t flag = GRE_CHECKSUM; flag >= GRE_SEQUENCE; flag >>= 1)
        if ((flags & flag) != 0)
            cursor_skip(&w->c, 4);
    if (type == TYPE_ERSPAN2 || type == TYPE_ERSPAN3) {
        erspan(w, type, flags);
        type = TYPE_BRIDGED;
    }
    if (w->c.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    enum layer inner = walk_ethertype(w, type);
    return inner != LAYER_END ? walk_enter(w, inner) : LAYER_END;
}

enum layer walk_etherip(struct walk *w)
{
    uint16_t version = cursor_u16(&w->c);

    if (w->c.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    return version == 0x3000 ? walk_enter(w, LAYER_ETHERNET) : walk_stop(w, COUNT_DECODE_OTHER);
}

/* Move *c to the Ethernet frame behind an L2TPv3 session number: what stands between is agreed, not told. */
static bool find_l2tp3_frame(const struct walk *w, struct cursor *c)
{
    for (unsigned tries = 0; tries < 4; tries++, cursor_skip(c, 4))
        if (looks_like_ethernet(cursor_peek(c), cursor_left(c) + w->cut))
            return true;
    return false;
}

enum layer walk_l2tp3(struct walk *w)
{
    uint32_t session = cursor_u32(&w->c);

    if (w->c.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    if (session == 0 || !find_l2tp3_frame(w, &w->c)) /* 0: a control message */
        return walk_stop(w, COUNT_DECODE_OTHER);
    return walk_enter(w, LAYER_ETHERNET);
}

/*
 * ---- over UDP: each moves *c to the inner packet and tells its layer, or says LAYER_PACKET: it is no tunnel
 * ----
 */

/* Length of what *c stands before, captured or not. */
static uint64_t length_at(const struct walk *w, const struct cursor *c)
{
    return cursor_left(c) + w->cut;
}

static enum layer ethernet_at(const struct walk *w, const struct cursor *c)
{
    return looks_like_ethernet(cursor_peek(c), length_at(w, c)) ? LAYER_ETHERNET : LAYER_PACKET;
}

static enum layer ip_at(const struct walk *w, const struct cursor *c, bool exactly)
{
    return looks_like_ip(cursor_peek(c), length_at(w, c), exactly) ? LAYER_IP : LAYER_PACKET;
}

static enum layer look_vxlan(const struct walk *w, struct cursor *c)
{
    uint8_t flags = cursor_u8(c), more = cursor_u8(c);
    uint16_t group = cursor_u16(c);
    uint8_t last = cursor_u32(c) & 0xff;

    if (last != 0 || (flags == 0x08 ? more != 0 || group != 0 : flags != 0x88 || (more & ~0x48) != 0))
        return LAYER_PACKET;
    return ethernet_at(w, c);
}

static enum layer look_vxlan_gpe(const struct walk *w, struct cursor *c)
{
    enum { GPE_IPV4 = 1, GPE_IPV6 = 2, GPE_ETHERNET = 3 };
    uint8_t flags = cursor_u8(c);
    uint16_t reserved = cursor_u16(c);
    uint8_t protocol = cursor_u8(c);
    uint8_t last = cursor_u32(c) & 0xff;

    if (flags != 0x0c || reserved != 0 || last != 0)
        return LAYER_PACKET;
    if (protocol == GPE_ETHERNET)
        return ethernet_at(w, c);
    return protocol == GPE_IPV4 || protocol == GPE_IPV6 ? ip_at(w, c, true) : LAYER_PACKET;
}

static enum layer look_geneve(const struct walk *w, struct cursor *c)
{
    uint8_t first = cursor_u8(c), flags = cursor_u8(c);
    uint16_t type = cursor_u16(c);
    uint8_t last = cursor_u32(c) & 0xff;

    if (first >> 6 != 0 || (flags & 0x3f) != 0 || last != 0)
        return LAYER_PACKET;
    cursor_skip(c, (first & 0x3fu) * 4);
    if (type == TYPE_BRIDGED)
        return ethernet_at(w, c);
    return type == TYPE_IPV4 || type == TYPE_IPV6 ? ip_at(w, c, true) : LAYER_PACKET;
}

static enum layer look_capwap(const struct walk *w, struct cursor *c)
{
    enum { BINDING_WLAN = 1, NATIVE = 0x100, NOT_HERE = 0x0cf }; /* pieces, keep-alives, reserved bits */
    uint8_t preamble = cursor_u8(c);
    uint32_t header = cursor_u24(c), piece = cursor_u32(c), words = header >> 19;

    if (preamble != 0 || (header & NOT_HERE) != 0 || piece != 0 || words < 2)
        return LAYER_PACKET;
    cursor_skip(c, words * 4 - 8);
    if ((header & NATIVE) == 0)
        return ethernet_at(w, c);
    if ((header >> 9 & 0x1f) != BINDING_WLAN || !skip_wlan(c))
        return LAYER_PACKET;
    return looks_like_llc(cursor_peek(c), length_at(w, c)) ? LAYER_LLC : LAYER_PACKET;
}

static enum layer look_gtp(const struct walk *w, struct cursor *c)
{
    enum { EXTENSION = 0x04, OPTIONAL = 0x07, USER_PACKET = 0xff };
    uint8_t flags = cursor_u8(c), message = cursor_u8(c);
    uint16_t length = cursor_u16(c);

    cursor_skip(c, 4);
    /* Version 1, GTP and not GTP', the spare bit 0. */
    if ((flags & 0xf8) != 0x30 || message != USER_PACKET || length != length_at(w, c))
        return LAYER_PACKET;
    if ((flags & OPTIONAL) != 0) {
        cursor_skip(c, 3);
        uint8_t next = cursor_u8(c);
        while ((flags & EXTENSION) != 0 && next != 0 && !c->bad) {
            size_t units = cursor_u8(c); /* of 4 octets, this one and the next type counted */
            if (units == 0)
                return LAYER_PACKET;
            cursor_skip(c, units * 4 - 2);
            next = cursor_u8(c);
        }
    }
    return ip_at(w, c, true);
}

/* Version 2 data: PPP with an IP packet that fills it. */
static enum layer look_l2tp2(const struct walk *w, struct cursor *c, uint16_t flags)
{
    enum { LENGTH = 0x4000, SEQUENCE = 0x0800, OFFSET = 0x0200 };

    if ((flags & LENGTH) != 0) {
        uint16_t length = cursor_u16(c);
        if (length != length_at(w, c) + 4)
            return LAYER_PACKET;
    }
    cursor_skip(c, 4);
    if ((flags & SEQUENCE) != 0)
        cursor_skip(c, 4);
    if ((flags & OFFSET) != 0)
        cursor_skip(c, cursor_u16(c));
    if (view_starts(cursor_peek(c), VIEW("\xff\x03")))
        cursor_skip(c, 2);
    uint16_t protocol = cursor_u8(c);
    if (protocol == 0)
        protocol = cursor_u8(c);
    return protocol == 0x21 || protocol == 0x57 ? ip_at(w, c, true) : LAYER_PACKET;
}

static enum layer look_l2tp(const struct walk *w, struct cursor *c)
{
    enum { RESERVED_AND_CONTROL = 0xb4f0, VERSION = 0x000f };
    uint16_t flags = cursor_u16(c);

    if ((flags & RESERVED_AND_CONTROL) != 0)
        return LAYER_PACKET;
    if ((flags & VERSION) == 2)
        return look_l2tp2(w, c, flags);
    uint16_t reserved = cursor_u16(c);
    uint32_t session = cursor_u32(c);
    if (flags != 3 || reserved != 0 || session == 0)
        return LAYER_PACKET;
    return find_l2tp3_frame(w, c) ? LAYER_ETHERNET : LAYER_PACKET;
}

/* An IPv6 packet with a Teredo address, as Teredo hosts also send each other on any port. */
static enum layer look_teredo(const struct walk *w, struct cursor *c)
{
    static const uint8_t prefix[4] = { 0x20, 0x01, 0, 0 };
    struct view packet = cursor_peek(c);
    struct view teredo = view_of(prefix, sizeof prefix);

    if (packet.len < 40 || packet.at[0] >> 4 != 6)
        return LAYER_PACKET;
    if (!view_starts(view_from(packet, 8), teredo) && !view_starts(view_from(packet, 24), teredo))
        return LAYER_PACKET;
    return ip_at(w, c, true);
}

/* Through or from a Teredo server: with the indications before the packet. */
static enum layer look_teredo_server(const struct walk *w, struct cursor *c)
{
    if (view_starts(cursor_peek(c), VIEW("\0\1"))) {
        cursor_skip(c, 2);
        uint8_t client = cursor_u8(c), value = cursor_u8(c);
        cursor_skip(c, client + (size_t)value + 9); /* and nonce and confirmation */
    }
    if (view_starts(cursor_peek(c), VIEW("\0\0")))
        cursor_skip(c, 8);
    return look_teredo(w, c);
}

static const struct {
    uint16_t port;
    bool also_source; /* what comes back has the port as its source */
    enum layer (*look)(const struct walk *w, struct cursor *c);
} tunnels[] = {
    { 4789, false, look_vxlan },     { 8472, false, look_vxlan }, /* of Linux before the number was assigned
                                                                   */
    { 4790, false, look_vxlan_gpe }, { 6081, false, look_geneve }, { 2152, true, look_gtp },
    { 5247, true, look_capwap },     { 1701, true, look_l2tp },    { 3544, true, look_teredo_server },
};

enum layer walk_udp_tunnel(struct walk *w)
{
    uint16_t src = w->out->src_port, dst = w->out->dst_port;
    enum layer inner = LAYER_PACKET;
    struct cursor c = w->c;

    for (size_t i = 0; i < sizeof tunnels / sizeof tunnels[0] && inner == LAYER_PACKET; i++) {
        if (tunnels[i].port != dst && (!tunnels[i].also_source || tunnels[i].port != src))
            continue;
        c = w->c;
        inner = tunnels[i].look(w, &c);
    }
    if (inner == LAYER_PACKET) {
        c = w->c;
        inner = look_teredo(w, &c);
    }
    if (inner == LAYER_PACKET)
        return inner;
    w->c = c;
    return walk_enter(w, inner);
}
