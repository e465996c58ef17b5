/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs that run in the kernel for each frame; compiled for its virtual machine while we are built,
 * and carried in our program.
 *
 *     live_fanout    AF_PACKET: the worker of a frame, by a hash that is the same in both directions
 *     live_filter    AF_PACKET: counts and drops frames of bypassed flows, lets all others pass
 *     live_xdp       AF_XDP: the same bypass, then the frame goes to the socket of its queue
 *
 * The spread looks behind VLAN tags, MPLS labels and PPPoE for IP. Ends are addresses and ports of TCP and
 * UDP. They are the addresses alone where ports are not in every packet (fragments) or are not those of the
 * flow (tunnels, of which each packet may carry another flow, yet what is in a tunnel must come to one
 * worker).
 *
 * The bypass reads only what is `plain` in struct packet: Ethernet, up to two VLAN tags in the frame (and any
 * that the card took out), IPv4 or IPv6, TCP or UDP, no fragments, no IPv6 extension headers. All else
 * passes. Counts of a flow that is being removed from the table may lose a packet, or give it to the flow
 * that gets its place in the same instant.
 *
 * Needs helpers of Linux 5.18; none of them asks for a licence.
 */
#include "live_kernel.h"
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

typedef _Bool bool;

/* Set before loading. */
const volatile __u64 seed;
const volatile __u8 ethernet;      /* frames begin with an Ethernet header; else with IP */
const volatile __u8 skip_outgoing; /* a loopback interface gives each frame twice */
const volatile __u8 bypass_on;     /* for live_xdp, which is there without a bypass too */

struct {
    __uint(type, BPF_MAP_TYPE_HASH); /* room is taken at start: adding never waits for memory */
    __uint(max_entries, 1);          /* set before loading */
    __type(key, struct live_key);
    __type(value, struct live_count);
} bypass SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct live_total);
} totals SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __uint(max_entries, 64); /* LIVE_WORKERS */
    __type(key, __u32);
    __type(value, __u32);
} sockets SEC(".maps");

enum {
    TYPE_IPV4 = 0x0800,
    TYPE_IPV6 = 0x86dd,
    TYPE_VLAN = 0x8100,
    TYPE_SERVICE_VLAN = 0x88a8,
    TYPE_OLD_VLAN = 0x9100,
    TYPE_OLD_VLAN2 = 0x9200,
    TYPE_MPLS = 0x8847,
    TYPE_MPLS_MULTICAST = 0x8848,
    TYPE_PPPOE = 0x8864,
    PPP_IPV4 = 0x0021,
    PPP_IPV6 = 0x0057,
    TCP = 6,
    UDP = 17,
    TCP_FLAGS_AT = 13,
    TCP_FIN_SYN_RST = 7,
    ETHERNET_BYTES = 14,
    PACKET_OUTGOING = 4,
    TAGS_BYPASS = 2,
    LAYERS_SPREAD = 6, /* tags, labels and PPPoE together */
};

struct ipv4_header {
    __u8 version_length, service;
    __be16 length, id, fragment;
    __u8 ttl, protocol;
    __u16 checksum;
    __be32 src, dst;
};

struct ipv6_header {
    __be32 version_flow;
    __be16 length;
    __u8 next, hops;
    __u64 src[2], dst[2];
};

/* Bytes of the frame; `xdp` is known when compiled. Negative: they are not there. */
static __always_inline long load(void *ctx, bool xdp, __u32 at, void *to, __u32 bytes)
{
    return xdp ? bpf_xdp_load_bytes(ctx, at, to, bytes) : bpf_skb_load_bytes(ctx, at, to, bytes);
}

static __always_inline bool is_vlan(__u16 type)
{
    return type == TYPE_VLAN || type == TYPE_SERVICE_VLAN || type == TYPE_OLD_VLAN || type == TYPE_OLD_VLAN2;
}

enum ends {
    ENDS_NONE,      /* not IP, or cut short */
    ENDS_ADDRESSES, /* no ports: a fragment, or no TCP or UDP next to the IP header */
    ENDS_PORTS,
};

/* The ends in an IP packet at `at`, the sender's first. *l4_at: where TCP or UDP begins, with ENDS_PORTS. */
static __always_inline enum ends read_ends(void *ctx, bool xdp, __u32 at, __u16 type, struct live_key *k,
                                           __u32 *l4_at)
{
    bool fragment = 0;

    if (type == TYPE_IPV4) {
        struct ipv4_header h;

        if (load(ctx, xdp, at, &h, sizeof h) < 0 || h.version_length >> 4 != 4 || (h.version_length & 15) < 5)
            return ENDS_NONE;
        __be32 src[2] = { bpf_htonl(0xffff), h.src }, dst[2] = { bpf_htonl(0xffff), h.dst };
        __builtin_memcpy(&k->addr[0][1], src, sizeof src);
        __builtin_memcpy(&k->addr[1][1], dst, sizeof dst);
        k->l4 = h.protocol;
        fragment = (h.fragment & bpf_htons(0x3fff)) != 0;
        at += (h.version_length & 15) * 4u;
    } else if (type == TYPE_IPV6) {
        struct ipv6_header h;

        if (load(ctx, xdp, at, &h, sizeof h) < 0 || (bpf_ntohl(h.version_flow) >> 28) != 6)
            return ENDS_NONE;
        __builtin_memcpy(k->addr[0], h.src, sizeof h.src);
        __builtin_memcpy(k->addr[1], h.dst, sizeof h.dst);
        k->l4 = h.next;
        at += sizeof h;
    } else {
        return ENDS_NONE;
    }
    if (fragment || (k->l4 != TCP && k->l4 != UDP) || load(ctx, xdp, at, k->port, sizeof k->port) < 0)
        return ENDS_ADDRESSES;
    *l4_at = at;
    return ENDS_PORTS;
}

/* ---- the spread ---- */

/* Ports of tunnels that src/packet/tunnel.c opens. */
static __always_inline bool is_tunnel_port(__be16 port)
{
    switch (bpf_ntohs(port)) {
    case 1701: /* L2TP */
    case 2152: /* GTP-U */
    case 3544: /* Teredo */
    case 4789: /* VXLAN */
    case 4790: /* VXLAN-GPE */
    case 5247: /* CAPWAP */
    case 6081: /* GENEVE */
    case 8472: /* VXLAN, before it had a port */ return 1;
    default: return 0;
    }
}

static __always_inline __u64 mix(__u64 n)
{
    n ^= n >> 32;
    n *= 0x9e3779b97f4a7c15;
    return n ^ n >> 29;
}

static __always_inline __u64 mix_end(const struct live_key *k, int i)
{
    return mix(mix(mix(k->addr[i][0] ^ seed) + k->addr[i][1]) + k->port[i]);
}

/* Move over one tag, label or PPPoE header. False: there is none. */
static __always_inline bool next_layer(struct __sk_buff *skb, __u32 *at, __u16 *type)
{
    __be16 inner;
    __be32 label;
    __u8 version;

    if (is_vlan(*type)) {
        if (bpf_skb_load_bytes(skb, *at + 2, &inner, sizeof inner) < 0)
            return 0;
        *type = bpf_ntohs(inner);
        *at += 4;
        return 1;
    }
    if (*type == TYPE_PPPOE) {
        if (bpf_skb_load_bytes(skb, *at + 6, &inner, sizeof inner) < 0)
            return 0;
        inner = bpf_ntohs(inner);
        *type = inner == PPP_IPV4 ? TYPE_IPV4 : inner == PPP_IPV6 ? TYPE_IPV6 : 0;
        *at += 8;
        return 1;
    }
    if (*type == TYPE_MPLS || *type == TYPE_MPLS_MULTICAST) {
        if (bpf_skb_load_bytes(skb, *at, &label, sizeof label) < 0)
            return 0;
        *at += 4;
        if ((bpf_ntohl(label) & 0x100) == 0)
            return 1;
        if (bpf_skb_load_bytes(skb, *at, &version, sizeof version) < 0)
            return 0;
        *type = version >> 4 == 4 ? TYPE_IPV4 : version >> 4 == 6 ? TYPE_IPV6 : 0;
        return 1;
    }
    return 0;
}

/* The kernel takes the answer modulo the number of workers. */
SEC("socket") int live_fanout(struct __sk_buff *skb)
{
    struct live_key k = { 0 };
    __u32 at = 0, l4_at;
    __u16 type = bpf_ntohs(skb->protocol);

    /* Here a frame that came in begins behind its Ethernet header, one that goes out begins with it. */
    if (skb->pkt_type == PACKET_OUTGOING && ethernet) {
        __be16 outer;

        if (bpf_skb_load_bytes(skb, 12, &outer, sizeof outer) < 0)
            return 0;
        type = bpf_ntohs(outer);
        at = ETHERNET_BYTES;
    }
    /* Unrolled: of a loop the verifier follows what a CPU would do ahead of time, which never ends. */
#pragma clang loop unroll(full)
    for (int i = 0; i < LAYERS_SPREAD; i++)
        if (!next_layer(skb, &at, &type))
            break;
    enum ends ends = read_ends(skb, 0, at, type, &k, &l4_at);
    if (ends == ENDS_NONE)
        return 0;
    if (ends != ENDS_PORTS || (k.l4 == UDP && (is_tunnel_port(k.port[0]) || is_tunnel_port(k.port[1]))))
        k.port[0] = k.port[1] = 0;
    __u64 hash = mix(mix_end(&k, 0) + mix_end(&k, 1)); /* the sum: either order gives the same */
    return (int)(hash >> 33);
}

/* ---- the bypass ---- */

/* Put the lower end first. True: that was the receiver. */
static __always_inline bool order(struct live_key *k)
{
    bool swap = k->addr[0][0] != k->addr[1][0]   ? k->addr[0][0] > k->addr[1][0]
                : k->addr[0][1] != k->addr[1][1] ? k->addr[0][1] > k->addr[1][1]
                                                 : k->port[0] > k->port[1];

    if (swap) {
        __u64 high = k->addr[0][0], low = k->addr[0][1];
        __u16 port = k->port[0];

        k->addr[0][0] = k->addr[1][0];
        k->addr[0][1] = k->addr[1][1];
        k->port[0] = k->port[1];
        k->addr[1][0] = high;
        k->addr[1][1] = low;
        k->port[1] = port;
    }
    return swap;
}

static __always_inline void count(struct live_count *c, bool second, __u32 bytes)
{
    __u32 zero = 0;
    struct live_total *t = bpf_map_lookup_elem(&totals, &zero);

    if (second) {
        barrier_var(c); /* or both branches become one, with a sum that takes CAP_PERFMON */
        __sync_fetch_and_add(&c->packets[1], 1);
        __sync_fetch_and_add(&c->bytes[1], bytes);
    } else {
        __sync_fetch_and_add(&c->packets[0], 1);
        __sync_fetch_and_add(&c->bytes[0], bytes);
    }
    c->last_ns = bpf_ktime_get_ns();
    if (t) {
        t->packets++;
        t->bytes += bytes;
    }
}

/* A frame of `bytes`, Ethernet, is of a bypassed flow and nobody needs to see it; it is counted. */
static __always_inline bool is_bypassed(void *ctx, bool xdp, __u32 bytes)
{
    struct live_key k = { 0 };
    __u32 at = ETHERNET_BYTES, l4_at;
    __be16 type;
    __u8 flags;

    if (load(ctx, xdp, 12, &type, sizeof type) < 0)
        return 0;
    for (int i = 0; i < TAGS_BYPASS; i++) {
        if (!is_vlan(bpf_ntohs(type)))
            break;
        if (load(ctx, xdp, at + 2, &type, sizeof type) < 0)
            return 0;
        at += 4;
    }
    if (read_ends(ctx, xdp, at, bpf_ntohs(type), &k, &l4_at) != ENDS_PORTS)
        return 0;
    bool second = order(&k);
    struct live_count *c = bpf_map_lookup_elem(&bypass, &k);
    if (!c)
        return 0;
    if (k.l4 == TCP &&
        (load(ctx, xdp, l4_at + TCP_FLAGS_AT, &flags, sizeof flags) < 0 || (flags & TCP_FIN_SYN_RST) != 0))
        return 0;
    count(c, second, bytes);
    return 1;
}

/* Bytes of the frame to keep: all, or none. */
SEC("socket") int live_filter(struct __sk_buff *skb)
{
    if (skip_outgoing && skb->pkt_type == PACKET_OUTGOING)
        return 0;
    return is_bypassed(skb, 0, skb->len) ? 0 : -1;
}

/* A queue that nobody reads goes to the host as before. */
SEC("xdp") int live_xdp(struct xdp_md *ctx)
{
    if (bypass_on && is_bypassed(ctx, 1, (__u32)bpf_xdp_get_buff_len(ctx)))
        return XDP_DROP;
    return (int)bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS);
}

char _license[] SEC("license") = "Apache-2.0";
