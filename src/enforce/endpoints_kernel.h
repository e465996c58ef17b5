/* SPDX-License-Identifier: Apache-2.0 */
/* What the program in the kernel (endpoints_kernel.bpf.c) and endpoints.c read and write alike. */
#pragma once
#include <linux/types.h>

/* As in struct ip_addr: IPv4 is ::ffff:a.b.c.d. */
struct endpoints_key {
    __u64 addr[2];
};

struct endpoints_value {
    __u64 until_ns; /* CLOCK_MONOTONIC; afterwards it is as if it were not there */
};
