/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a frame to its innermost TCP segment or UDP datagram: a loop over layers (walk.h). link.c and wlan.c
 * know the layers below IP, ip.c IP, tunnel.c what carries packets inside of packets; TCP (RFC 9293) and UDP
 * (RFC 768) are here.
 *
 * The most usual frames, Ethernet with IP with TCP or UDP, are read at fixed places before the loop is tried.
 */
#include "packet/walk.h"

enum {
    LAYER_LIMIT = 64, /* headers in a frame: far more than any network stacks, few enough to be quick */
    LINK_ETHERNET = 1,
};

static enum layer (*const layers[LAYER_COUNT])(struct walk *) = {
#define X(id, name) [LAYER_##id] = walk_##name,
    LAYERS(X)
#undef X
};

/* What is left is payload: the walk has arrived. */
static enum layer arrive(struct walk *w)
{
    w->out->payload_len = (uint32_t)walk_length(w);
    w->out->payload = cursor_rest(&w->c);
    return LAYER_PACKET;
}

enum layer walk_tcp(struct walk *w)
{
    struct packet *out = w->out;
    uint64_t length = walk_length(w);
    struct cursor h = cursor_sub(&w->c, 20);

    if (h.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    out->l4 = 6;
    out->src_port = cursor_u16(&h);
    out->dst_port = cursor_u16(&h);
    out->seq = cursor_u32(&h);
    out->ack = cursor_u32(&h);
    unsigned header = (cursor_u8(&h) >> 4) * 4u;
    out->tcp_flags = cursor_u8(&h) & (TCP_FIN | TCP_SYN | TCP_RST | TCP_PSH | TCP_ACK | TCP_URG);
    if (header < 20 || header > length)
        return walk_stop(w, COUNT_DECODE_BAD);
    cursor_skip(&w->c, header - 20);
    if (w->c.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    return arrive(w);
}

enum layer walk_udp(struct walk *w)
{
    struct packet *out = w->out;
    uint64_t length = walk_length(w);
    struct cursor h = cursor_sub(&w->c, 8);

    if (h.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    out->l4 = 17;
    out->src_port = cursor_u16(&h);
    out->dst_port = cursor_u16(&h);
    out->seq = out->ack = 0;
    out->tcp_flags = 0;
    uint16_t announced = cursor_u16(&h);
    if (announced != 0) { /* 0: a jumbogram, RFC 2675 section 4 */
        if (announced < 8 || announced > length)
            return walk_stop(w, COUNT_DECODE_BAD);
        walk_trim(w, announced - 8u);
    }
    enum layer inner = walk_udp_tunnel(w);
    return inner != LAYER_PACKET ? inner : arrive(w);
}

/* ---- the usual frame at once ---- */

enum {
    ETHERNET_BYTES = 14,
    TYPE_AT = 12,
    VLAN_BYTES = 4,
    TYPE_VLAN = 0x8100,
    TYPE_IPV4 = 0x0800,
    TYPE_IPV6 = 0x86dd,
    IPV4_BYTES = 20,
    IPV6_BYTES = 40,
    TCP_BYTES = 20,
    UDP_BYTES = 8,
};

/* `segment` is all of the IP payload. False: not usual. */
static inline bool usual_segment(uint8_t protocol, struct view segment, struct packet *out)
{
    size_t header;

    if (protocol == 6) {
        if (segment.len < TCP_BYTES)
            return false;
        header = (segment.at[12] >> 4) * 4u;
        if (header < TCP_BYTES || header > segment.len)
            return false;
        out->seq = view_u32(segment, 4);
        out->ack = view_u32(segment, 8);
        out->tcp_flags = segment.at[13] & (TCP_FIN | TCP_SYN | TCP_RST | TCP_PSH | TCP_ACK | TCP_URG);
    } else if (protocol == 17) {
        header = UDP_BYTES;
        if (segment.len < UDP_BYTES || view_u16(segment, 4) != segment.len)
            return false;
        if (walk_may_tunnel(view_u16(segment, 0), view_u16(segment, 2), view_from(segment, UDP_BYTES)))
            return false;
        out->seq = out->ack = 0;
        out->tcp_flags = 0;
    } else {
        return false;
    }
    out->l4 = protocol;
    out->src_port = view_u16(segment, 0);
    out->dst_port = view_u16(segment, 2);
    out->payload = (struct view){ segment.at + header, segment.len - header };
    out->payload_len = (uint32_t)(segment.len - header);
    return true;
}

static inline bool usual_ipv4(struct view ip, struct packet *out)
{
    if (ip.len < IPV4_BYTES)
        return false;
    size_t total = view_u16(ip, 2);
    if (ip.at[0] != 0x45 || (view_u16(ip, 6) & 0x3fff) != 0 || total > ip.len || total < IPV4_BYTES)
        return false;
    out->ttl = ip.at[8];
    out->src = ip_from_v4(ip.at + 12);
    out->dst = ip_from_v4(ip.at + 16);
    return usual_segment(ip.at[9], view_slice(ip, IPV4_BYTES, total), out);
}

static inline bool usual_ipv6(struct view ip, struct packet *out)
{
    if (ip.len < IPV6_BYTES)
        return false;
    size_t length = view_u16(ip, 4);
    if (ip.at[0] >> 4 != 6 || length == 0 || length > ip.len - IPV6_BYTES)
        return false;
    out->ttl = ip.at[7];
    out->src = ip_from_v6(ip.at + 8);
    out->dst = ip_from_v6(ip.at + 24);
    return usual_segment(ip.at[6], view_slice(ip, IPV6_BYTES, IPV6_BYTES + length), out);
}

/*
 * Whole Ethernet frames with at most one VLAN tag, an IP header without options, TCP or UDP, no fragment and
 * no tunnel: nearly all of them, read at fixed places. False for every other, of which nothing was counted:
 * the walk below takes it, and comes to the same for these.
 */
static inline bool usual(const struct frame *frame, struct packet *out)
{
    struct view v = frame->data;

    if (v.len < ETHERNET_BYTES + IPV4_BYTES + UDP_BYTES || frame->wire_len > v.len)
        return false;
    uint16_t type = view_u16(v, TYPE_AT);
    out->vlan[0] = frame->vlan[0] & 0x0fff;
    out->vlan[1] = frame->vlan[1] & 0x0fff;
    if (type == TYPE_VLAN && out->vlan[0] == 0) {
        out->vlan[0] = view_u16(v, ETHERNET_BYTES) & 0x0fff;
        v = view_from(v, VLAN_BYTES);
        type = view_u16(v, TYPE_AT);
    }
    struct view ip = view_from(v, ETHERNET_BYTES);
    if (!(type == TYPE_IPV4 ? usual_ipv4(ip, out) : type == TYPE_IPV6 && usual_ipv6(ip, out)))
        return false;
    out->tunnels = 0;
    out->plain = true;
    out->wire_len = frame->wire_len;
    out->time_us = frame->time_us;
    return true;
}

/* ---- any frame ---- */

enum decode_answer decode(const struct frame *frame, struct defrag *d, struct counters *counters,
                          struct packet *out)
{
    if (frame->link == LINK_ETHERNET && usual(frame, out)) {
        count(counters, COUNT_FRAMES);
        count_add(counters, COUNT_FRAME_BYTES, frame->wire_len);
        return DECODE_PACKET;
    }
    struct walk w = {
        .c = cursor_open(frame->data),
        .cut = frame->wire_len > frame->data.len ? frame->wire_len - frame->data.len : 0,
        .out = out,
        .defrag = d,
        .counters = counters,
        .time_us = frame->time_us,
        .plain = frame->link == LINK_ETHERNET,
        .vlan = { frame->vlan[0] & 0x0fff, frame->vlan[1] & 0x0fff },
    };

    bool cut = w.cut > 0;
    enum layer next = walk_link(&w, frame->link);
    for (unsigned steps = 0; next > LAYER_PACKET; steps++)
        next = steps < LAYER_LIMIT ? layers[next](&w) : walk_stop(&w, COUNT_DECODE_DEPTH);
    if (w.fragment)
        return DECODE_FRAGMENT;
    count(counters, COUNT_FRAMES);
    count_add(counters, COUNT_FRAME_BYTES, frame->wire_len);
    if (cut)
        count(counters, COUNT_FRAMES_CUT);
    if (next == LAYER_END) {
        out->time_us = frame->time_us;
        return w.neighbour ? DECODE_NEIGHBOUR : DECODE_NONE;
    }
    out->tunnels = w.tunnels;
    out->plain = w.plain;
    out->vlan[0] = w.vlan[0];
    out->vlan[1] = w.vlan[1];
    out->wire_len = frame->wire_len;
    out->time_us = frame->time_us;
    if (w.tunnels > 0)
        count(counters, COUNT_TUNNELLED);
    return DECODE_PACKET;
}
