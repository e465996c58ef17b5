/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk through the headers of a frame, known to the decoding files only. A layer reads its header off the
 * front of the walk's cursor and names the layer that follows. No layer calls another, so the depth of a
 * hostile frame costs steps, which are limited, and never stack.
 *
 * Lengths: `cut` is how much of the present layer the headers announce but the capture does not hold (snap
 * length). A layer that announces its length trims the walk to it: what lies behind (Ethernet padding, check
 * sequences) is not part of it. A length beyond the layer around is believed as long as that one is the
 * frame, since wire lengths in captures are often wrong, and the missing part counts as cut.
 *
 * Checksums are not verified: on the sender's own machine they are filled in by the network card, after
 * capture.
 */
#pragma once
#include "base/cursor.h"
#include "packet/packet.h"

/* layer, function */
#define LAYERS(X)                                                                                            \
    X(ETHERNET, ethernet)                                                                                    \
    X(VLAN, vlan)                                                                                            \
    X(FABRIC_PATH, fabric_path)                                                                              \
    X(BACKBONE, backbone)                                                                                    \
    X(LLC, llc)                                                                                              \
    X(MPLS, mpls)                                                                                            \
    X(PPPOE, pppoe)                                                                                          \
    X(PPP, ppp)                                                                                              \
    X(PPP_DIRECTION, ppp_direction)                                                                          \
    X(CISCO_HDLC, cisco_hdlc)                                                                                \
    X(COOKED, cooked)                                                                                        \
    X(COOKED2, cooked2)                                                                                      \
    X(FAMILY, family)                                                                                        \
    X(NFLOG, nflog)                                                                                          \
    X(PACKET_TAP, packet_tap)                                                                                \
    X(PER_PACKET, per_packet)                                                                                \
    X(PRISM, prism)                                                                                          \
    X(RADIOTAP, radiotap)                                                                                    \
    X(WLAN, wlan)                                                                                            \
    X(IP, ip)                                                                                                \
    X(IPV4, ipv4)                                                                                            \
    X(IPV6, ipv6)                                                                                            \
    X(EXTENSION, extension)                                                                                  \
    X(TCP, tcp)                                                                                              \
    X(UDP, udp)                                                                                              \
    X(GRE, gre)                                                                                              \
    X(ETHERIP, etherip)                                                                                      \
    X(L2TP3, l2tp3)                                                                                          \
    X(TUNNEL_IPV4, tunnel_ipv4)                                                                              \
    X(TUNNEL_IPV6, tunnel_ipv6)                                                                              \
    X(TUNNEL_MPLS, tunnel_mpls)                                                                              \
    X(ARP, arp)                                                                                              \
    X(ICMPV6, icmpv6)

enum layer {
    LAYER_END,    /* nothing for a flow; it is counted why */
    LAYER_PACKET, /* walk.out is a packet */
#define X(id, name) LAYER_##id,
    LAYERS(X)
#undef X
        LAYER_COUNT
};

struct walk {
    struct cursor c; /* the bytes of the present layer that were captured */
    uint64_t cut;    /* and how many more of it there were on the wire */
    struct packet *out;
    struct defrag *defrag;
    struct counters *counters;
    uint64_t time_us;
    uint8_t tunnels;
    uint8_t protocol; /* what an IPv6 extension header announced, for LAYER_EXTENSION */
    bool fragment;    /* ended at a fragment that nobody can put together */
    bool neighbour;   /* ended at an ARP or ND message that tells a hardware address: see DECODE_NEIGHBOUR */
    bool wlan_padded; /* 802.11 headers are padded to 4 octets, says radiotap */
    bool plain;       /* see struct packet */
    uint16_t vlan[2]; /* the two outermost tags of the frame itself */
};

enum { WALK_TUNNELS = 8 };

#define X(id, name) enum layer walk_##name(struct walk *w);
LAYERS(X)
#undef X

/* End the walk, counting why. */
static inline enum layer walk_stop(struct walk *w, enum counter why)
{
    count(w->counters, why);
    return LAYER_END;
}

/* Ports of tunnels over UDP: see tunnel.c. */
#define WALK_TUNNEL_PORTS(P) (P(4789) | P(8472) | P(4790) | P(6081) | P(2152) | P(5247) | P(1701) | P(3544))

/* Bytes of the present layer, captured or not. */
static inline uint64_t walk_length(const struct walk *w)
{
    return cursor_left(&w->c) + w->cut;
}

/* The present layer is `length` bytes long. */
static inline void walk_trim(struct walk *w, uint64_t length)
{
    size_t left = cursor_left(&w->c);

    if (length <= left)
        w->c = cursor_sub(&w->c, (size_t)length);
    w->cut = length <= left ? 0 : length - left;
}

/* Note the VLAN id of an 802.1Q tag of the frame itself. */
static inline void walk_tag(struct walk *w, uint16_t tag)
{
    uint16_t id = tag & 0x0fff;

    if (w->vlan[0] == 0)
        w->vlan[0] = id;
    else if (w->vlan[1] == 0)
        w->vlan[1] = id;
}

/* Go into an encapsulation. */
static inline enum layer walk_enter(struct walk *w, enum layer inner)
{
    if (w->tunnels == WALK_TUNNELS)
        return walk_stop(w, COUNT_DECODE_DEPTH);
    w->tunnels++;
    w->plain = false;
    return inner;
}

/* Go on with what an EtherType or an IP protocol number tells; stop where that leads to no TCP or UDP. */
enum layer walk_ethertype(struct walk *w, uint16_t type);
enum layer walk_protocol(struct walk *w, uint8_t protocol);

/* End the walk at a message that tells the hardware address of walk.out->src. */
static inline enum layer walk_neighbour(struct walk *w, struct view mac)
{
    w->neighbour = true;
    w->out->payload = mac;
    return walk_stop(w, COUNT_DECODE_OTHER);
}

/* Go on with what a link type of the registry holds. */
enum layer walk_link(struct walk *w, uint32_t link);

/* Can a datagram be such a tunnel? False: it is none; the usual ports are told apart by one multiplication.
 */
static inline bool walk_may_tunnel(uint16_t src_port, uint16_t dst_port, struct view payload)
{
    enum { SPREAD = 59 };
#define PORT(n) ((uint64_t)1 << (n) % SPREAD)
    const uint64_t ports = WALK_TUNNEL_PORTS(PORT);

    return (ports >> src_port % SPREAD & 1) != 0 || (ports >> dst_port % SPREAD & 1) != 0 ||
           (payload.len >= 40 && payload.at[0] >> 4 == 6); /* Teredo between hosts: IPv6 on any port */
#undef PORT
}

/* Go on inside of a UDP tunnel, if ports and content say it is one; else LAYER_PACKET. */
enum layer walk_udp_tunnel(struct walk *w);

/*
 * Is `v`, of `length` bytes with its cut part, an IP packet by version and lengths? `exactly`: with nothing
 * behind it. Or an Ethernet frame that holds such a packet or an address resolution?
 */
bool looks_like_ip(struct view v, uint64_t length, bool exactly);
bool looks_like_ethernet(struct view v, uint64_t length);

/* The same of LLC with SNAP that holds an IP packet. */
bool looks_like_llc(struct view v, uint64_t length);

/* Skip the header of an 802.11 frame whose fields may be in either byte order. False: no packet in it. */
bool skip_wlan(struct cursor *c);
