/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a frame to its innermost TCP segment or UDP datagram: a loop over layers (walk.h). link.c and wlan.c
 * know the layers below IP, ip.c IP, tunnel.c what carries packets inside of packets; TCP (RFC 9293) and UDP
 * (RFC 768) are here.
 *
 * The most usual frames, Ethernet with IP with TCP or UDP, take their layers by direct calls before the loop.
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
    out->tcp_flags = cursor_u8(&h) & (TCP_FIN | TCP_SYN | TCP_RST | TCP_PSH | TCP_ACK);
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

/* The usual layers by direct call; any other way through a frame goes on in the loop of decode(). */
static inline enum layer walk_usual(struct walk *w)
{
    enum layer next = walk_ethernet(w);

    if (next == LAYER_IPV4)
        next = walk_ipv4(w);
    else if (next == LAYER_IPV6)
        next = walk_ipv6(w);
    if (next == LAYER_TCP)
        return walk_tcp(w);
    return next == LAYER_UDP ? walk_udp(w) : next;
}

enum decode_answer decode(const struct frame *frame, struct defrag *d, struct counters *counters,
                          struct packet *out)
{
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
    enum layer next = frame->link == LINK_ETHERNET ? walk_usual(&w) : walk_link(&w, frame->link);
    for (unsigned steps = 0; next > LAYER_PACKET; steps++)
        next = steps < LAYER_LIMIT ? layers[next](&w) : walk_stop(&w, COUNT_DECODE_DEPTH);
    if (w.fragment)
        return DECODE_FRAGMENT;
    count(counters, COUNT_FRAMES);
    count_add(counters, COUNT_FRAME_BYTES, frame->wire_len);
    if (cut)
        count(counters, COUNT_FRAMES_CUT);
    if (next == LAYER_END)
        return DECODE_NONE;
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
