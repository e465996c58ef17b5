/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames off an interface, for several workers: AF_PACKET with TPACKET_V3 rings (live_packet.c) or AF_XDP
 * sockets (live_xdp.c), and the bypass: flows that the kernel counts and keeps from us (live_bypass.c; the
 * programs in the kernel are live_kernel.bpf.c).
 *
 * What needs privilege is apart from what reads bytes from strangers:
 *
 *     live_grant_open()   with CAP_NET_RAW, CAP_NET_ADMIN, CAP_BPF: sockets, maps, programs. A grant is
 *                         a set of descriptors; they may be sent to another process.
 *     live_new()          without any: rings over the grant's sockets.
 *
 * Each worker calls the functions that take its number from its own thread, and no others share its state.
 * Flows are spread over workers by a symmetric hash of their outer ends (of a tunnel: its addresses alone).
 */
#pragma once
#include "packet/packet.h"

enum {
    LIVE_WORKERS = 64,
    LIVE_GRANT_FDS = 2 * LIVE_WORKERS + 8,
};

enum live_method {
    LIVE_PACKET,
    LIVE_XDP, /* takes what comes in away from the host, so for mirror ports only: live_xdp.c */
};

struct live_config {
    char interface[16];
    enum live_method method;
    unsigned workers;
    uint32_t ring_mib; /* of each worker; 0: 64 */
    bool promiscuous;
    bool prompt;           /* frames come within a millisecond, for who answers them */
    bool bypass;           /* where the kernel can */
    uint32_t bypass_flows; /* at a time; 0: 262,144 */
};

/* Descriptors, -1: none. Plain data but for them: live_grant_fds(). */
struct live_grant {
    unsigned ifindex;
    bool bypass; /* the kernel can, and it was asked for */
    int sockets[LIVE_WORKERS];
    int bypass_map, bypass_totals;
    int filter;            /* program that skips bypassed flows (AF_PACKET) */
    int fanout;            /* program that spreads over workers (AF_PACKET); -1: the kernel's own hash */
    int xsk_map, xdp_link; /* AF_XDP */
    int control;           /* AF_XDP: a packet socket that gets nothing, for questions about the interface */
    char note[128];        /* why there is no bypass, or less than was asked for; empty: all is there */
};

/* False: err says what is missing and what to do ("no permission: run as root or with CAP_NET_RAW"; "there is
 * no interface 'eth7'; there are: lo, eth0"). */
bool live_grant_open(const struct live_config *config, struct live_grant *out,
                     struct imw_error_info *err) IMW_MUST_USE;
void live_grant_close(struct live_grant *g);

/* Where the descriptors of a grant stand, -1 among them, always in the same order: to send it to another
 * process, or to put in those that were received. Returns how many, at most LIVE_GRANT_FDS. */
unsigned live_grant_fds(struct live_grant *g, int *out[LIVE_GRANT_FDS]);

struct live;

/* Takes the grant's descriptors over, on success. */
bool live_new(const struct live_config *config, struct live_grant *take, struct live **out,
              struct imw_error_info *err) IMW_MUST_USE;
void live_free(struct live *l);

enum live_answer {
    LIVE_FRAMES, /* *out_count frames, at least one */
    LIVE_QUIET,  /* nothing for `wait_ms` */
    LIVE_DOWN,   /* the interface is down; it may come back: go on calling */
    LIVE_GONE,   /* the interface is no more: a new grant is needed, live_free() */
};

/*
 * The next frames of a worker. They live until its next call. The kernel's time of each frame; VLAN tags that
 * the card took out are in frame.vlan.
 */
enum live_answer live_read(struct live *l, unsigned worker, struct frame *out, unsigned max, int wait_ms,
                           unsigned *out_count);

/* Of all workers since live_new(), read from the kernel; any thread. */
struct live_counters {
    uint64_t received, dropped; /* by the kernel: no room in a ring */
    uint64_t freezes;           /* times a ring was full */
    uint64_t bypassed_packets, bypassed_bytes, bypassed_flows,
        bypass_full; /* full: flows the map had no room for */
};
void live_counters(struct live *l, struct live_counters *out);

/* ---- bypass ---- */

/* Ends of a plain flow (struct packet), in whichever order. */
struct live_flow {
    struct ip_addr addr[2];
    uint16_t port[2];
    uint8_t l4;
};

/* What the kernel counted of a bypassed flow, by the order of the ends in live_flow. */
struct live_bypassed {
    uint64_t packets[2], bytes[2];
    uint64_t last_us; /* since 1970; 0: nothing came */
};

bool live_can_bypass(const struct live *l);

/*
 * From now on the kernel counts the flow's packets and drops them from the capture, all but those with SYN,
 * FIN or RST. False: no room; the flow goes on as before.
 */
bool live_bypass(struct live *l, const struct live_flow *f);

/* What was counted so far; with `end`, the bypass of the flow ends with this. False: not bypassed. */
bool live_bypass_read(struct live *l, const struct live_flow *f, bool end, struct live_bypassed *out);
