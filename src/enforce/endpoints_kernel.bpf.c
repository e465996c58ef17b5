/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs in the kernel for each frame that comes in at one interface: drops what is from or to an address in
 * its table. Compiled for the kernel's virtual machine while we are built, and carried in our program.
 *
 * Reads Ethernet, up to two VLAN tags in the frame, the fixed header of IPv4 or IPv6; all else passes. Needs
 * a helper of Linux 5.18; none asks for a licence.
 */
#include "endpoints_kernel.h"
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

typedef _Bool bool;

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1); /* set before loading */
    __type(key, struct endpoints_key);
    __type(value, struct endpoints_value);
} blocked SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} dropped SEC(".maps");

enum {
    ETHERNET_BYTES = 14,
    TYPE_IPV4 = 0x0800,
    TYPE_IPV6 = 0x86dd,
    TYPE_VLAN = 0x8100,
    TYPE_SERVICE_VLAN = 0x88a8,
    TAGS = 2,
    IPV4_SRC = 12, /* where the addresses begin, the receiver's behind the sender's */
    IPV6_SRC = 8,
};

static __always_inline bool is_blocked(const struct endpoints_key *k)
{
    const struct endpoints_value *v = bpf_map_lookup_elem(&blocked, k);

    return v && v->until_ns > bpf_ktime_get_ns();
}

static __always_inline bool has_blocked(struct xdp_md *ctx)
{
    struct endpoints_key k[2] = { 0 };
    __u32 at = ETHERNET_BYTES;
    __be16 type;

    if (bpf_xdp_load_bytes(ctx, 12, &type, sizeof type) < 0)
        return 0;
    for (int i = 0; i < TAGS; i++) {
        if (bpf_ntohs(type) != TYPE_VLAN && bpf_ntohs(type) != TYPE_SERVICE_VLAN)
            break;
        if (bpf_xdp_load_bytes(ctx, at + 2, &type, sizeof type) < 0)
            return 0;
        at += 4;
    }
    if (bpf_ntohs(type) == TYPE_IPV4) {
        __be32 addr[2];

        if (bpf_xdp_load_bytes(ctx, at + IPV4_SRC, addr, sizeof addr) < 0)
            return 0;
        for (int i = 0; i < 2; i++) {
            __be32 low[2] = { bpf_htonl(0xffff), addr[i] };
            __builtin_memcpy(&k[i].addr[1], low, sizeof low);
        }
    } else if (bpf_ntohs(type) != TYPE_IPV6 || bpf_xdp_load_bytes(ctx, at + IPV6_SRC, k, sizeof k) < 0) {
        return 0;
    }
    return is_blocked(&k[0]) || is_blocked(&k[1]);
}

SEC("xdp") int endpoints_xdp(struct xdp_md *ctx)
{
    __u32 zero = 0;

    if (!has_blocked(ctx))
        return XDP_PASS;
    __u64 *count = bpf_map_lookup_elem(&dropped, &zero);
    if (count)
        __sync_fetch_and_add(count, 1);
    return XDP_DROP;
}

char _license[] SEC("license") = "Apache-2.0";
