/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs in the kernel (live_kernel.bpf.c) and we read and write alike: the tables of the bypass.
 */
#pragma once
#include <linux/types.h>

/*
 * The ends of a bypassed flow, the lower one first: addresses are compared as two words each, as they lie in
 * memory, then ports, as they lie in the packet. IPv4 is ::ffff:a.b.c.d as in struct ip_addr.
 */
struct live_key {
    __u64 addr[2][2];
    __u16 port[2];
    __u8 l4;
    __u8 zero[3];
};

/* By the end that sent, in the order of the key. */
struct live_count {
    __u64 packets[2], bytes[2];
    __u64 last_ns; /* CLOCK_MONOTONIC */
};

/* Of all flows, a CPU. */
struct live_total {
    __u64 packets, bytes;
};
