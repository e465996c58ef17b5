/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of live capture: what live.c, which opens and watches, and the two ways to get frames
 * (live_packet.c, live_xdp.c) know of each other.
 *
 * A worker comes into use in two steps: it joins (from then on the kernel counts on it, but gives it
 * nothing), and when all have joined each opens. So no frame is given to the wrong worker because another was
 * not there yet. Where the interface is down both wait until it is up.
 */
#pragma once
#include "packet/live.h"
#include <pthread.h>
#include <stdatomic.h>

enum {
    LIVE_CPUS = 8192, /* that a kernel can have */
    LIVE_RING_MIB = 64,
    LIVE_BYPASS_FLOWS = 262144,
    LINK_ETHERNET = 1,
    LINK_RAW = 101,
};

/* What is known of an interface before it is opened. */
struct live_interface {
    unsigned index;
    uint16_t link; /* LINKTYPE_ */
    bool loopback, up;
    bool joins; /* other interfaces to one, as a bond does */
};

/* A ring shared with the kernel (AF_XDP): entries between consumer and producer are in it. */
struct xdp_ring {
    _Atomic uint32_t *producer, *consumer, *flags;
    uint8_t *entries;
    uint32_t mask;
    uint8_t *map;
    size_t map_bytes;
};

/* Touched by its thread only, but for `received`. */
struct live_worker {
    _Alignas(64) int fd;
    bool joined, open;
    enum live_answer state; /* of the interface, when it was last looked at */
    uint64_t state_ms;      /* when; 0: never */

    uint8_t *memory; /* AF_PACKET: the ring of blocks; AF_XDP: where frames are put */
    size_t memory_bytes;

    /* AF_PACKET */
    uint32_t block_bytes, block_count;
    uint32_t block; /* the one being read, or the next */
    bool held;      /* it is ours */
    uint32_t left;  /* frames in it that were not given out */
    size_t at;      /* of the next one, from the start of the block */

    /* AF_XDP */
    struct xdp_ring fill, rx, completion;
    uint32_t given; /* frames of the last answer */

    _Atomic uint64_t received; /* AF_XDP; the kernel counts for AF_PACKET */
    _Atomic uint64_t broken;   /* frames whose place in the ring makes no sense */
};

struct live {
    const struct live_methods *methods;
    struct live_grant grant;
    struct live_interface interface;
    unsigned workers;
    int control; /* a packet socket of the grant, for questions about the interface */
    struct live_worker *worker;

    _Atomic uint32_t joined; /* workers 0 to this - 1 have joined */
    _Atomic int fanout;      /* the group that worker 0 made */

    _Atomic bool bypass_off; /* the kernel refused later on */
    _Atomic uint64_t bypassed_flows, bypass_full;

    pthread_mutex_t counting;      /* the kernel's counters are cleared when read */
    struct live_counters counters; /* up to now */
    struct live_total *totals;     /* room for what the kernel tells, one a CPU */
};

struct live_methods {
    /* With privilege. On failure the caller closes what is in `g`. */
    bool (*grant)(const struct live_config *config, const struct live_interface *interface,
                  struct live_grant *g, struct imw_error_info *err);
    /* Without. A worker's memory. On failure the caller calls `end`. */
    bool (*begin)(const struct live_config *config, struct live *l, unsigned worker,
                  struct imw_error_info *err);
    bool (*join)(struct live *l, unsigned worker, struct imw_error_info *err);
    bool (*open)(struct live *l, unsigned worker, struct imw_error_info *err);
    /* Give back what was read, and the frames that are there now: how many, 0 too. */
    unsigned (*take)(struct live *l, struct live_worker *w, struct frame *out, unsigned max);
    /* Add what the kernel counted since the last call (AF_PACKET), or put what it counted ever (AF_XDP). */
    void (*count)(struct live *l, struct live_counters *c);
    void (*end)(struct live_worker *w);
};
extern const struct live_methods live_packet_methods, live_xdp_methods;

/* A packet socket that gets nothing until it is bound; with `promiscuous` the interface gives everything as
 * long as it is open. -1: err is set. */
int live_packet_socket(const struct live_config *config, unsigned ifindex, struct imw_error_info *err);

/* Load the programs and tables into the kernel that the method needs, as far as the kernel can; the rest is
 * in g->note. False: err is set; for AF_XDP only, which does not work without. (live_load.c) */
bool live_load(const struct live_config *config, const struct live_interface *interface, struct live_grant *g,
               struct imw_error_info *err);

/* Add to c what was bypassed. (live_bypass.c) */
void live_bypass_begin(struct live *l);
void live_bypass_count(struct live *l, struct live_counters *c);
