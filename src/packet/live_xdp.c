/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live capture by AF_XDP (the kernel's Documentation/networking/af_xdp.rst): a program before the kernel's
 * own network code (live_xdp) sends each frame to a socket, a socket a queue of the card, a queue a worker.
 * Frames are put into our memory; the rings shared with the kernel hold where:
 *
 *     fill       we give places for frames
 *     rx         the kernel tells what came in which place
 *     completion for sending; must be there, is not used
 *
 * What is to know before using it:
 *   - It takes the frames away: what comes in on that interface no longer reaches the host. So it is for a
 * mirror port, and never for the interface over which the sensor itself is reached. What goes out is not
 * seen.
 *   - The card spreads over queues. Its hash must be the same in both directions of a flow: `ethtool -X IF
 * hkey 6d:5a:6d:5a...`, 6d:5a again and again (or, where the card can: `ethtool -X IF xfrm symmetric-xor`).
 *   - Tags that the card takes out are lost: `ethtool -K IF rxvlan off`.
 *   - There are no times in frames: a batch has the time at which we took it.
 *   - A frame fits into 4096 octets less the 256 that the kernel keeps; longer ones are not captured.
 *   - Memory is locked: LimitMEMLOCK= of systemd, or `ulimit -l`, must allow the rings, or CAP_IPC_LOCK.
 *
 * Addresses and lengths in the rings are the kernel's own, yet they are checked.
 */
#include "packet/live_method.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_xdp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef SOL_XDP
#define SOL_XDP 283
#endif

enum {
    PLACE_BYTES = 4096, /* for one frame */
    PLACES_LEAST = 64,
    COMPLETION_ENTRIES = 64,
    BUSY_TRIES = 40,
    BUSY_MS = 25,
};

/* ---- with privilege ---- */

/* Queues that can receive. A driver that does not tell has one. */
static unsigned queues(int fd, const char *name)
{
    struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
    struct ifreq r = { .ifr_data = (void *)&channels };

    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", name);
    if (ioctl(fd, SIOCETHTOOL, &r) != 0)
        return 1;
    return channels.combined_count + channels.rx_count > 0 ? channels.combined_count + channels.rx_count : 1;
}

static bool xdp_grant(const struct live_config *config, const struct live_interface *interface,
                      struct live_grant *g, struct imw_error_info *err)
{
    g->control = live_packet_socket(config, interface->index, err);
    if (g->control < 0)
        return false;
    if (interface->link != LINK_ETHERNET)
        return error_set(err, IMW_ERROR_VALUE, "XDP is for Ethernet only: go without it on '%s'",
                         config->interface);
    unsigned have = queues(g->control, config->interface);
    if (have != config->workers)
        return error_set(
            err, IMW_ERROR_VALUE,
            "'%s' has %u receive queues, and XDP needs one a worker: use %u workers, or 'ethtool -L %s "
            "combined %u' where the card can (veth: 'rx %u')",
            config->interface, have, have, config->interface, config->workers, config->workers);
    for (unsigned i = 0; i < config->workers; i++) {
        g->sockets[i] = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
        if (g->sockets[i] < 0)
            return error_set(err, IMW_ERROR_SYSTEM,
                             errno == EPERM ? "no permission for AF_XDP: run as root, or with CAP_NET_RAW, "
                                              "CAP_NET_ADMIN and CAP_BPF"
                                            : "no AF_XDP in this kernel: go without XDP");
    }
    return live_load(config, interface, g, err);
}

/* ---- without: memory and rings ---- */

static bool ring_map(int fd, struct xdp_ring *r, const struct xdp_ring_offset *o, uint64_t page,
                     uint32_t entries, size_t entry_bytes)
{
    size_t bytes = (size_t)o->desc + entries * entry_bytes;
    uint8_t *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, (off_t)page);

    if (at == MAP_FAILED)
        return false;
    *r = (struct xdp_ring){
        .producer = (_Atomic uint32_t *)(void *)(at + o->producer),
        .consumer = (_Atomic uint32_t *)(void *)(at + o->consumer),
        .flags = (_Atomic uint32_t *)(void *)(at + o->flags),
        .entries = at + o->desc,
        .mask = entries - 1,
        .map = at,
        .map_bytes = bytes,
    };
    return true;
}

static void ring_unmap(struct xdp_ring *r)
{
    if (r->map != NULL)
        munmap(r->map, r->map_bytes);
    r->map = NULL;
}

static void xdp_end(struct live_worker *w)
{
    ring_unmap(&w->fill);
    ring_unmap(&w->rx);
    ring_unmap(&w->completion);
    if (w->memory != NULL)
        munmap(w->memory, w->memory_bytes);
    w->memory = NULL;
}

/* As much memory as may be locked; the caller may be allowed more than it has asked for so far. */
static void raise_lock_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_MEMLOCK, &limit);
    }
}

static bool memory_lend(struct live_worker *w, struct imw_error_info *err)
{
    struct xdp_umem_reg lend = { .addr = (uintptr_t)w->memory,
                                 .len = w->memory_bytes,
                                 .chunk_size = PLACE_BYTES };

    if (setsockopt(w->fd, SOL_XDP, XDP_UMEM_REG, &lend, sizeof lend) == 0)
        return true;
    if (errno == ENOBUFS || errno == ENOMEM)
        return error_set(
            err, IMW_ERROR_LIMIT,
            "the process may not lock the %zu MiB of an XDP ring: raise the limit (LimitMEMLOCK= in the "
            "systemd unit, ulimit -l), or ask for smaller rings",
            w->memory_bytes >> 20);
    return error_set(err, IMW_ERROR_SYSTEM, "memory for XDP: %s", strerror(errno));
}

static bool rings_make(struct live_worker *w, uint32_t places, struct imw_error_info *err)
{
    uint32_t completion = COMPLETION_ENTRIES;
    struct xdp_mmap_offsets at;
    socklen_t size = sizeof at;

    if (setsockopt(w->fd, SOL_XDP, XDP_UMEM_FILL_RING, &places, sizeof places) != 0 ||
        setsockopt(w->fd, SOL_XDP, XDP_UMEM_COMPLETION_RING, &completion, sizeof completion) != 0 ||
        setsockopt(w->fd, SOL_XDP, XDP_RX_RING, &places, sizeof places) != 0 ||
        getsockopt(w->fd, SOL_XDP, XDP_MMAP_OFFSETS, &at, &size) != 0 ||
        !ring_map(w->fd, &w->fill, &at.fr, XDP_UMEM_PGOFF_FILL_RING, places, sizeof(uint64_t)) ||
        !ring_map(w->fd, &w->completion, &at.cr, XDP_UMEM_PGOFF_COMPLETION_RING, completion,
                  sizeof(uint64_t)) ||
        !ring_map(w->fd, &w->rx, &at.rx, XDP_PGOFF_RX_RING, places, sizeof(struct xdp_desc)))
        return error_set(err, IMW_ERROR_SYSTEM, "rings for XDP: %s", strerror(errno));
    return true;
}

/* Give the kernel `n` places, made by `place`. There is always room: the ring has an entry for each place. */
static void fill_put(struct live_worker *w, uint32_t index, uint64_t place)
{
    memcpy(w->fill.entries + (size_t)(index & w->fill.mask) * sizeof place, &place, sizeof place);
}

static bool xdp_begin(const struct live_config *config, struct live *l, unsigned worker,
                      struct imw_error_info *err)
{
    struct live_worker *w = &l->worker[worker];
    uint64_t want = (uint64_t)(config->ring_mib > 0 ? config->ring_mib : LIVE_RING_MIB) << 20;
    uint32_t places = PLACES_LEAST;

    while ((uint64_t)places * 2 * PLACE_BYTES <= want && places < 1u << 20) /* a power of two */
        places *= 2;
    raise_lock_limit();
    size_t bytes = (size_t)places * PLACE_BYTES;
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for an XDP ring of %zu MiB", bytes >> 20);
    w->memory = at;
    w->memory_bytes = bytes;
    if (!memory_lend(w, err) || !rings_make(w, places, err))
        return false;
    for (uint32_t i = 0; i < places; i++)
        fill_put(w, i, (uint64_t)i * PLACE_BYTES);
    atomic_store_explicit(w->fill.producer, places, memory_order_release);
    return true;
}

static bool xdp_join(struct live *l, unsigned worker, struct imw_error_info *err)
{
    struct sockaddr_xdp to = {
        .sxdp_family = AF_XDP,
        .sxdp_flags = XDP_USE_NEED_WAKEUP,
        .sxdp_ifindex = l->interface.index,
        .sxdp_queue_id = worker,
    };
    int failed = -1;

    /* The kernel lets go of a queue some time after its last socket was closed: of ours, before a restart. */
    for (unsigned i = 0; i < BUSY_TRIES && failed != 0; i++) {
        if (i > 0)
            (void)poll(NULL, 0, BUSY_MS);
        failed = bind(l->worker[worker].fd, (const struct sockaddr *)&to, sizeof to);
        if (failed != 0 && errno != EBUSY)
            break;
    }
    return failed == 0 || error_set(err, IMW_ERROR_SYSTEM, "XDP on queue %u: %s%s", worker, strerror(errno),
                                    errno == EBUSY ? "; another program has it" : "");
}

/* Once in the table the socket gets the frames of its queue. */
static bool xdp_open(struct live *l, unsigned worker, struct imw_error_info *err)
{
    int failed = bpf_map_update_elem(l->grant.xsk_map, &worker, &l->worker[worker].fd, BPF_ANY);

    return failed == 0 ||
           error_set(err, IMW_ERROR_SYSTEM, "XDP on queue %u: the kernel's table of sockets: %s", worker,
                     strerror(-failed));
}

/* ---- frames ---- */

static struct xdp_desc rx_at(const struct live_worker *w, uint32_t index)
{
    struct xdp_desc d;

    memcpy(&d, w->rx.entries + (size_t)(index & w->rx.mask) * sizeof d, sizeof d);
    return d;
}

/* The places of the last answer go back to the kernel. */
static void places_give(struct live_worker *w)
{
    uint32_t consumer = atomic_load_explicit(w->rx.consumer, memory_order_relaxed);
    uint32_t producer = atomic_load_explicit(w->fill.producer, memory_order_relaxed);

    for (uint32_t i = 0; i < w->given; i++)
        fill_put(w, producer + i, rx_at(w, consumer + i).addr & ~(uint64_t)(PLACE_BYTES - 1));
    atomic_store_explicit(w->fill.producer, producer + w->given, memory_order_release);
    atomic_store_explicit(w->rx.consumer, consumer + w->given, memory_order_release);
    w->given = 0;
}

/* The descriptors of what it gives stay in the ring until places_give(). */
static unsigned xdp_take(struct live *l, struct live_worker *w, struct frame *out, unsigned max)
{
    (void)l;
    if (w->given > 0)
        places_give(w);
    uint32_t consumer = atomic_load_explicit(w->rx.consumer, memory_order_relaxed);
    uint32_t there = atomic_load_explicit(w->rx.producer, memory_order_acquire) - consumer;
    struct view memory = view_of(w->memory, w->memory_bytes);
    struct timespec now;
    unsigned n = 0;

    w->given = there < max ? there : max;
    if (w->given == 0)
        return 0;
    clock_gettime(CLOCK_REALTIME, &now);
    for (uint32_t i = 0; i < w->given; i++) {
        struct xdp_desc d = rx_at(w, consumer + i);
        struct view data = view_slice(memory, d.addr, d.addr + d.len);

        if (data.len != d.len) {
            atomic_fetch_add_explicit(&w->broken, 1, memory_order_relaxed);
            continue;
        }
        out[n++] = (struct frame){
            .time_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000,
            .data = data,
            .wire_len = d.len,
            .link = LINK_ETHERNET,
        };
    }
    atomic_fetch_add_explicit(&w->received, n, memory_order_relaxed);
    return n;
}

/* Counted since the socket was made. A frame that found no place is in rx_dropped too. */
static void xdp_count(struct live *l, struct live_counters *c)
{
    c->received = c->dropped = c->freezes = 0;
    for (unsigned i = 0; i < l->workers; i++) {
        struct xdp_statistics s = { 0 };
        socklen_t size = sizeof s;

        c->received += atomic_load_explicit(&l->worker[i].received, memory_order_relaxed);
        if (getsockopt(l->worker[i].fd, SOL_XDP, XDP_STATISTICS, &s, &size) != 0)
            continue;
        c->dropped += s.rx_dropped + s.rx_ring_full;
        c->freezes += s.rx_fill_ring_empty_descs;
    }
}

const struct live_methods live_xdp_methods = {
    xdp_grant, xdp_begin, xdp_join, xdp_open, xdp_take, xdp_count, xdp_end,
};
