/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layers below IP, but for 802.11 (wlan.c). Link types: tcpdump.org/linktypes.html.
 *
 *     Ethernet       IEEE 802.3: addresses 12, type 2; a type up to 1500 is a length, and LLC follows
 *     VLAN           IEEE 802.1Q/ad: tag 2, type 2; any number of them
 *     backbone       IEEE 802.1ah: tag 4, then an Ethernet frame
 *     FabricPath     of Cisco: an Ethernet header with type 8903, tag 2, then an Ethernet frame
 *     LLC            IEEE 802.2 with SNAP (RFC 1042), or with the number of IP itself (RFC 948)
 *     MPLS           RFC 3032: labels of 4, bit 8 of the last is set; nothing tells what follows
 *     PPPoE          RFC 2516: version and type 11, code 0, session 2, length 2, then PPP
 *     PPP            RFC 1661, RFC 1662: address ff, control 03 (both may be left out), protocol 2 (or 1,
 *                    odd)
 *     Cisco HDLC     address 0f or 8f, control 00, EtherType
 *     cooked         what Linux gives for "any": 16 octets with the EtherType last, or 20 with it first
 *     family         BSD loopback: the AF_INET or AF_INET6 of that system in 4 octets of either order
 *     NFLOG          Linux: family 1, version 1, 2, then length 2, type 2, value, padded to 4; type 9 is the
 *                    packet
 *     packet tap     macOS and iOS: length 4, type 4, link type 4, more
 *     ARP            RFC 826: hardware 2, protocol 2, lengths 1 and 1, operation 2, then the sender's
 * addresses and the target's per packet     PPI: version 1, flags 1, length 2, link type 4, more
 */
#include "packet/walk.h"

static const struct {
    uint32_t link;
    enum layer layer;
} links[] = {
    { 1, LAYER_ETHERNET },     { 0, LAYER_FAMILY },
    { 108, LAYER_FAMILY },     { 101, LAYER_IP },
    { 12, LAYER_IP },          { 14, LAYER_IP },
    { 228, LAYER_IPV4 },       { 229, LAYER_IPV6 },
    { 113, LAYER_COOKED },     { 276, LAYER_COOKED2 },
    { 9, LAYER_PPP },          { 50, LAYER_PPP },
    { 51, LAYER_PPPOE },       { 166, LAYER_PPP_DIRECTION },
    { 104, LAYER_CISCO_HDLC }, { 100, LAYER_LLC },
    { 105, LAYER_WLAN },       { 127, LAYER_RADIOTAP },
    { 119, LAYER_PRISM },      { 163, LAYER_PRISM },
    { 192, LAYER_PER_PACKET }, { 239, LAYER_NFLOG },
    { 258, LAYER_PACKET_TAP },
};

bool link_is_known(uint32_t link)
{
    bool known = false;

    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        known |= links[i].link == link;
    return known;
}

enum layer walk_link(struct walk *w, uint32_t link)
{
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        if (links[i].link == link)
            return links[i].layer;
    return walk_stop(w, COUNT_LINK_UNKNOWN);
}

enum {
    TYPE_LENGTH_MAX = 1500, /* in the place of an EtherType it is a length */
    TYPE_IPV4 = 0x0800,
    TYPE_IPV6 = 0x86dd,
    TYPE_ARP = 0x0806,
};

static const struct {
    uint16_t type;
    enum layer layer;
} types[] = {
    { 0x8100, LAYER_VLAN },     { 0x88a8, LAYER_VLAN },
    { 0x9100, LAYER_VLAN },     { 0x9200, LAYER_VLAN },
    { 0x8847, LAYER_MPLS },     { 0x8848, LAYER_MPLS },
    { 0x8864, LAYER_PPPOE },    { 0x880b, LAYER_PPP },
    { 0x6558, LAYER_ETHERNET }, /* bridged, RFC 1701 */
    { 0x88e7, LAYER_BACKBONE }, { 0x8903, LAYER_FABRIC_PATH },
    { 0x8870, LAYER_LLC }, /* LLC in jumbo frames */
    { TYPE_ARP, LAYER_ARP },
};

enum layer walk_ethertype(struct walk *w, uint16_t type)
{
    if (type == TYPE_IPV4)
        return LAYER_IPV4;
    if (type == TYPE_IPV6)
        return LAYER_IPV6;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].type == type)
            return types[i].layer;
    return walk_stop(w, COUNT_DECODE_OTHER);
}

static enum layer type_or_length(struct walk *w, uint16_t type)
{
    if (type > TYPE_LENGTH_MAX)
        return walk_ethertype(w, type);
    if (type > walk_length(w))
        return walk_stop(w, COUNT_DECODE_BAD);
    walk_trim(w, type);
    return LAYER_LLC;
}

enum layer walk_ethernet(struct walk *w)
{
    struct cursor h = cursor_sub(&w->c, 14);

    if (h.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    cursor_skip(&h, 12);
    return type_or_length(w, cursor_u16(&h));
}

/* The sender's addresses of a request or an answer. An address of zero asks whether it is free (RFC 5227). */
enum layer walk_arp(struct walk *w)
{
    struct cursor h = cursor_sub(&w->c, 28);
    uint16_t hardware = cursor_u16(&h), protocol = cursor_u16(&h), lengths = cursor_u16(&h),
             operation = cursor_u16(&h);
    struct view mac = cursor_take(&h, 6), address = cursor_take(&h, 4);

    if (h.bad || hardware != 1 || protocol != TYPE_IPV4 || lengths != 0x0604 || operation < 1 ||
        operation > 2)
        return walk_stop(w, COUNT_DECODE_OTHER);
    w->out->src = ip_from_v4(address.at);
    return walk_neighbour(w, mac);
}

enum layer walk_vlan(struct walk *w)
{
    uint16_t tag = cursor_u16(&w->c), type = cursor_u16(&w->c);

    if (w->tunnels == 0)
        walk_tag(w, tag);
    return w->c.bad ? walk_stop(w, COUNT_DECODE_SHORT) : type_or_length(w, type);
}

enum layer walk_backbone(struct walk *w)
{
    cursor_skip(&w->c, 4);
    return walk_enter(w, LAYER_ETHERNET);
}

enum layer walk_fabric_path(struct walk *w)
{
    cursor_skip(&w->c, 2);
    return walk_enter(w, LAYER_ETHERNET);
}

enum layer walk_llc(struct walk *w)
{
    struct cursor h = w->c;
    uint32_t service = cursor_u24(&h);

    w->plain = false;
    if (h.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    if (service == 0x060603) {
        w->c = h;
        return LAYER_IPV4;
    }
    if (service != 0xaaaa03)
        return walk_stop(w, COUNT_DECODE_OTHER);
    uint32_t organisation = cursor_u24(&h);
    uint16_t type = cursor_u16(&h);
    if (h.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    if (organisation != 0 && organisation != 0x0000f8) /* EtherTypes, and those of 802.1H bridges */
        return walk_stop(w, COUNT_DECODE_OTHER);
    w->c = h;
    return walk_ethertype(w, type);
}

/*
 * After the labels: an IP packet, or the Ethernet frame of a pseudowire, with or without its control word
 * (RFC 4385). Only lengths that fit decide, an address could start with the digit of any of them.
 */
enum layer walk_mpls(struct walk *w)
{
    uint32_t label;

    w->plain = false;
    do
        label = cursor_u32(&w->c);
    while (!w->c.bad && (label & 0x100) == 0);
    struct cursor behind_word = w->c;
    uint32_t word = cursor_u32(&behind_word) >> 28;
    if (w->c.bad || behind_word.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    if (looks_like_ip(cursor_peek(&w->c), walk_length(w), false))
        return LAYER_IP;
    if (word == 0 && looks_like_ethernet(cursor_peek(&behind_word), walk_length(w) - 4)) {
        w->c = behind_word;
        return LAYER_ETHERNET;
    }
    if (looks_like_ethernet(cursor_peek(&w->c), walk_length(w)))
        return LAYER_ETHERNET;
    return walk_stop(w, COUNT_DECODE_OTHER);
}

enum layer walk_pppoe(struct walk *w)
{
    struct cursor h = cursor_sub(&w->c, 6);
    uint8_t version = cursor_u8(&h), code = cursor_u8(&h);

    cursor_skip(&h, 2);
    uint16_t length = cursor_u16(&h);
    if (h.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    if (version != 0x11 || length > walk_length(w))
        return walk_stop(w, COUNT_DECODE_BAD);
    if (code != 0)
        return walk_stop(w, COUNT_DECODE_OTHER);
    walk_trim(w, length);
    return walk_enter(w, LAYER_PPP);
}

enum layer walk_ppp(struct walk *w)
{
    static const struct {
        uint16_t protocol;
        enum layer layer;
    } known[] = {
        { 0x0021, LAYER_IPV4 },
        { 0x0057, LAYER_IPV6 },
        { 0x0281, LAYER_MPLS },
        { 0x0283, LAYER_MPLS },
    };
    struct view start = cursor_peek(&w->c);

    if (view_starts(start, VIEW("\x0f\0")) || view_starts(start, VIEW("\x8f\0")))
        return LAYER_CISCO_HDLC; /* PPP links with this framing instead */
    if (view_starts(start, VIEW("\xff\x03")))
        cursor_skip(&w->c, 2);
    uint16_t protocol = cursor_u8(&w->c);
    if ((protocol & 1) == 0)
        protocol = (uint16_t)(protocol << 8 | cursor_u8(&w->c));
    if (w->c.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].protocol == protocol)
            return known[i].layer;
    return walk_stop(w, COUNT_DECODE_OTHER);
}

/* One octet of direction stands before the frame or in the place of its address. */
enum layer walk_ppp_direction(struct walk *w)
{
    cursor_skip(&w->c, 1);
    if (view_starts(cursor_peek(&w->c), VIEW("\x03")))
        cursor_skip(&w->c, 1);
    return LAYER_PPP;
}

enum layer walk_cisco_hdlc(struct walk *w)
{
    uint8_t address = cursor_u8(&w->c), control = cursor_u8(&w->c);
    uint16_t type = cursor_u16(&w->c);

    if (w->c.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    if ((address != 0x0f && address != 0x8f) || control != 0)
        return walk_stop(w, COUNT_DECODE_OTHER);
    return walk_ethertype(w, type);
}

/* A cooked header stands for any link below; where that was 802.2 the type says 4. */
static enum layer cooked_type(struct walk *w, uint16_t type)
{
    if (w->c.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    return type == 4 ? LAYER_LLC : walk_ethertype(w, type);
}

enum layer walk_cooked(struct walk *w)
{
    cursor_skip(&w->c, 14);
    return cooked_type(w, cursor_u16(&w->c));
}

enum layer walk_cooked2(struct walk *w)
{
    uint16_t type = cursor_u16(&w->c);

    cursor_skip(&w->c, 18);
    return cooked_type(w, type);
}

/* AF_INET6 is 10 in Linux, 24 in NetBSD and OpenBSD, 28 in FreeBSD, 30 in Darwin, 23 in Windows. */
enum layer walk_family(struct walk *w)
{
    struct cursor h = cursor_sub(&w->c, 4), again = h;
    uint32_t family = cursor_u32(&h);

    if (h.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    if (family > 0xffff)
        family = cursor_le32(&again);
    if (family == 2)
        return LAYER_IPV4;
    if (family == 10 || family == 23 || family == 24 || family == 28 || family == 30)
        return LAYER_IPV6;
    return walk_stop(w, COUNT_DECODE_OTHER);
}

enum layer walk_nflog(struct walk *w)
{
    enum { NFLOG_PAYLOAD = 9 };

    cursor_skip(&w->c, 4);
    for (;;) {
        uint16_t length = cursor_le16(&w->c), type = cursor_le16(&w->c);
        if (w->c.bad)
            return walk_stop(w, COUNT_DECODE_SHORT);
        if (length < 4)
            return walk_stop(w, COUNT_DECODE_BAD);
        if (type == NFLOG_PAYLOAD) {
            walk_trim(w, length - 4u);
            return LAYER_IP;
        }
        cursor_skip(&w->c, (length - 4u + 3u) / 4 * 4);
    }
}

enum layer walk_packet_tap(struct walk *w)
{
    struct cursor h = w->c;
    uint32_t length = cursor_le32(&h);

    cursor_skip(&h, 4);
    uint32_t link = cursor_le32(&h);
    cursor_skip(&w->c, length);
    if (h.bad || w->c.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    return length >= 12 ? walk_link(w, link) : walk_stop(w, COUNT_DECODE_BAD);
}

enum layer walk_per_packet(struct walk *w)
{
    struct cursor h = w->c;

    cursor_skip(&h, 2);
    uint16_t length = cursor_le16(&h);
    uint32_t link = cursor_le32(&h);
    cursor_skip(&w->c, length);
    if (h.bad || w->c.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    return length >= 8 ? walk_link(w, link) : walk_stop(w, COUNT_DECODE_BAD);
}

/* Is `inner`, behind an EtherType, the IP packet that this says? */
static bool looks_like_typed_ip(uint16_t type, struct view inner, uint64_t length)
{
    uint8_t version = type == TYPE_IPV4 ? 4 : type == TYPE_IPV6 ? 6 : 0;

    return version != 0 && inner.len > 0 && inner.at[0] >> 4 == version &&
           looks_like_ip(inner, length, false);
}

/* An ARP packet for Ethernet and IPv4 (RFC 826): its four fixed fields. */
static bool looks_like_arp(struct view v)
{
    return view_starts(v, VIEW("\x00\x01\x08\x00\x06\x04"));
}

bool looks_like_ethernet(struct view v, uint64_t length)
{
    struct cursor c = cursor_open(v);

    cursor_skip(&c, 12);
    uint16_t type = cursor_u16(&c);
    for (unsigned tags = 0; tags < 2 && (type == 0x8100 || type == 0x88a8); tags++) {
        cursor_skip(&c, 2);
        type = cursor_u16(&c);
    }
    struct view inner = cursor_peek(&c);
    if (type == TYPE_ARP)
        return looks_like_arp(inner);
    return looks_like_typed_ip(type, inner, length - (v.len - inner.len));
}

bool looks_like_llc(struct view v, uint64_t length)
{
    struct cursor c = cursor_open(v);
    bool snap = view_starts(v, VIEW("\xaa\xaa\x03\0\0\0"));

    cursor_skip(&c, 6);
    uint16_t type = cursor_u16(&c);
    return snap && looks_like_typed_ip(type, cursor_peek(&c), length - 8);
}
