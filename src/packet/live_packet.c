/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live capture by AF_PACKET, packet(7), with TPACKET_V3 rings (the kernel's Documentation/networking/
 * packet_mmap.rst): memory shared with the kernel, cut into blocks. The kernel fills a block with frames and
 * hands it over when it is full or some milliseconds old; we give it back when all of it was read. A block:
 *
 *     block header   status (whose it is), number of frames, offset of the first
 *     frame          struct tpacket3_hdr: offset of the next, time, lengths, VLAN tag; then the bytes
 *
 * Offsets and lengths are the kernel's own, yet they are checked against the block.
 *
 * Each worker has a socket; together they are a fanout group, over which a program of ours (live_fanout) or
 * else the kernel's own hash spreads the frames. A socket is bound with a filter on it that drops everything,
 * and that filter is changed for the real one only when all workers are there.
 *
 * A frame from or to the sensor's own host comes once in each direction, as on the wire. A loopback interface
 * shows each frame when it goes out and again when it comes in: there the first is dropped.
 *
 * The tag that the card takes out of a frame stands in the frame's header. Checksums and sizes are as the
 * host sees them: where a card joins segments (GRO), a frame may be up to 64 KiB long and is one frame here.
 */
#include "base/cursor.h"
#include "packet/live_method.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    /* Holds the longest frame. A slow network hands over a nearly empty block every RETIRE_MS, so many small
     * blocks let a worker be late for longer than few large ones: here 2.5 s with a ring of 64 MiB. */
    BLOCK_BYTES = 256 << 10,
    FRAME_BYTES = 2048,             /* a number that the kernel wants; frames may be longer */
    RETIRE_MS = 10,                 /* a block is handed over when it is so old */
    PROMPT_BLOCK_BYTES = 128 << 10, /* with `prompt`: late for 0.5 s */
    PROMPT_RETIRE_MS = 1,
    TAG_MOST = 2,
};

/* ---- with privilege ---- */

int live_packet_socket(const struct live_config *config, unsigned ifindex, struct imw_error_info *err)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        if (errno == EPERM || errno == EACCES)
            error_set(err, IMW_ERROR_SYSTEM,
                      "no permission to capture on '%s': run as root, or with CAP_NET_RAW (and CAP_BPF and "
                      "CAP_NET_ADMIN for the bypass)",
                      config->interface);
        else
            error_errno(err, config->interface);
        return -1;
    }
    struct packet_mreq all = { .mr_ifindex = (int)ifindex, .mr_type = PACKET_MR_PROMISC };
    if (config->promiscuous && setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) != 0) {
        error_set(err, IMW_ERROR_SYSTEM, "'%s' cannot be made promiscuous: %s", config->interface,
                  strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

static bool packet_grant(const struct live_config *config, const struct live_interface *interface,
                         struct live_grant *g, struct imw_error_info *err)
{
    for (unsigned i = 0; i < config->workers; i++) {
        g->sockets[i] = live_packet_socket(config, interface->index, err);
        if (g->sockets[i] < 0)
            return false;
    }
    return live_load(config, interface, g, err);
}

/* ---- without: the ring ---- */

static bool packet_begin(const struct live_config *config, struct live *l, unsigned worker,
                         struct imw_error_info *err)
{
    struct live_worker *w = &l->worker[worker];
    uint32_t mib = config->ring_mib > 0 ? config->ring_mib : LIVE_RING_MIB;
    struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog filter = { 1, &nothing };
    int version = TPACKET_V3;

    if (mib > 2047) /* the kernel counts in int */
        return error_set(err, IMW_ERROR_VALUE, "a ring of %u MiB: 2047 are possible", mib);
    w->block_bytes = config->prompt ? PROMPT_BLOCK_BYTES : BLOCK_BYTES;
    w->block_count = (uint32_t)(((uint64_t)mib << 20) / w->block_bytes);
    struct tpacket_req3 want = {
        .tp_block_size = w->block_bytes,
        .tp_block_nr = w->block_count,
        .tp_frame_size = FRAME_BYTES,
        .tp_frame_nr = w->block_bytes / FRAME_BYTES * w->block_count,
        .tp_retire_blk_tov = config->prompt ? PROMPT_RETIRE_MS : RETIRE_MS,
    };
    if (setsockopt(w->fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0 ||
        setsockopt(w->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) != 0)
        return error_errno(err, config->interface);
    size_t bytes = (size_t)w->block_bytes * w->block_count;
    if (setsockopt(w->fd, SOL_PACKET, PACKET_RX_RING, &want, sizeof want) != 0)
        return error_set(err, errno == ENOMEM ? IMW_ERROR_MEMORY : IMW_ERROR_SYSTEM,
                         "a ring of %u MiB for worker %u: %s%s", mib, worker, strerror(errno),
                         errno == ENOMEM ? "; ask for smaller ones, or for fewer workers" : "");
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, w->fd, 0);
    if (at == MAP_FAILED)
        return error_set(err, IMW_ERROR_SYSTEM, "a ring of %u MiB cannot be mapped: %s", mib,
                         strerror(errno));
    w->memory = at;
    w->memory_bytes = bytes;
    return true;
}

static void packet_end(struct live_worker *w)
{
    if (w->memory != NULL)
        munmap(w->memory, w->memory_bytes);
    w->memory = NULL;
}

/* The first worker makes the group, the others join it by its number. */
static bool fanout_join(struct live *l, struct live_worker *w)
{
    bool first = l->fanout < 0, ours = l->grant.fanout >= 0;
    uint32_t kind = ours ? PACKET_FANOUT_EBPF : PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_DEFRAG;
    uint32_t request =
        first ? (kind | PACKET_FANOUT_FLAG_UNIQUEID) << 16 : (kind << 16 | (uint32_t)l->fanout);
    int answer = 0;
    socklen_t size = sizeof answer;

    if (setsockopt(w->fd, SOL_PACKET, PACKET_FANOUT, &request, sizeof request) != 0)
        return false;
    if (!first)
        return true;
    if (getsockopt(w->fd, SOL_PACKET, PACKET_FANOUT, &answer, &size) != 0)
        return false;
    l->fanout = answer & 0xffff;
    return !ours ||
           setsockopt(w->fd, SOL_PACKET, PACKET_FANOUT_DATA, &l->grant.fanout, sizeof l->grant.fanout) == 0;
}

static bool packet_join(struct live *l, unsigned worker, struct imw_error_info *err)
{
    struct live_worker *w = &l->worker[worker];
    struct sockaddr_ll to = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ETH_P_ALL),
        .sll_ifindex = (int)l->interface.index,
    };

    if (bind(w->fd, (const struct sockaddr *)&to, sizeof to) != 0)
        return error_set(err, IMW_ERROR_SYSTEM, "the capture cannot be bound to its interface: %s",
                         strerror(errno));
    if (l->workers > 1 && !fanout_join(l, w))
        return error_set(err, IMW_ERROR_SYSTEM, "the kernel does not spread frames over %u workers: %s",
                         l->workers, strerror(errno));
    return true;
}

/* From here on frames come. */
static bool packet_open(struct live *l, unsigned worker, struct imw_error_info *err)
{
    struct live_worker *w = &l->worker[worker];
    struct sock_filter incoming[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    struct sock_fprog filter = { sizeof incoming / sizeof incoming[0], incoming };
    int none = 0, failed;

    if (l->grant.filter >= 0)
        failed = setsockopt(w->fd, SOL_SOCKET, SO_ATTACH_BPF, &l->grant.filter, sizeof l->grant.filter);
    else if (l->interface.loopback)
        failed = setsockopt(w->fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
    else
        failed = setsockopt(w->fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none);
    return failed == 0 || error_set(err, IMW_ERROR_SYSTEM, "the capture's filter: %s", strerror(errno));
}

/* ---- frames ---- */

static struct view block_view(const struct live_worker *w)
{
    return view_of(w->memory + (size_t)w->block * w->block_bytes, w->block_bytes);
}

/* The status is the one word of a block that the kernel and we write both. */
static _Atomic uint32_t *block_status(const struct live_worker *w)
{
    size_t at = offsetof(struct tpacket_block_desc, hdr.bh1.block_status);

    return (_Atomic uint32_t *)(void *)(w->memory + (size_t)w->block * w->block_bytes + at);
}

/* The next block, where it is ours by now. */
static bool block_take(struct live_worker *w)
{
    struct tpacket_block_desc head;

    if ((atomic_load_explicit(block_status(w), memory_order_acquire) & TP_STATUS_USER) == 0)
        return false;
    memcpy(&head, block_view(w).at, sizeof head);
    w->held = true;
    w->left = head.hdr.bh1.num_pkts;
    w->at = head.hdr.bh1.offset_to_first_pkt;
    return true;
}

static void block_give(struct live_worker *w)
{
    atomic_store_explicit(block_status(w), TP_STATUS_KERNEL, memory_order_release);
    w->block = w->block + 1 < w->block_count ? w->block + 1 : 0;
    w->held = false;
}

/* One frame of the block. False: it does not lie in it. */
static bool block_frame(const struct live *l, struct live_worker *w, struct view block, struct frame *out)
{
    struct tpacket3_hdr h;
    struct cursor c = cursor_open(view_from(block, w->at));
    struct view head = cursor_take(&c, sizeof h);

    if (c.bad)
        return false;
    memcpy(&h, head.at, sizeof h);
    uint32_t from = h.tp_mac, len = h.tp_snaplen, wire = h.tp_len;
    if (l->interface.link == LINK_RAW && h.tp_net > from) { /* what some interfaces put before IP */
        uint32_t skip = h.tp_net - from < len ? h.tp_net - from : len;
        from += skip;
        len -= skip;
        wire -= skip < wire ? skip : wire;
    }
    struct cursor body = cursor_open(view_from(block, w->at));
    cursor_skip(&body, from);
    *out = (struct frame){
        .time_us = h.tp_sec * UINT64_C(1000000) + h.tp_nsec / 1000,
        .data = cursor_take(&body, len),
        .wire_len = wire > len ? wire : len,
        .link = l->interface.link,
    };
    if ((h.tp_status & TP_STATUS_VLAN_VALID) != 0)
        out->vlan[0] = (uint16_t)(h.hv1.tp_vlan_tci | FRAME_TAGGED);
    if (body.bad || (h.tp_next_offset == 0 && w->left > 1))
        return false;
    w->at += h.tp_next_offset;
    __builtin_prefetch(block.at + (w->at < block.len ? w->at : 0));
    return true;
}

static unsigned block_frames(const struct live *l, struct live_worker *w, struct frame *out, unsigned max)
{
    struct view block = block_view(w);
    unsigned n = 0;

    for (; n < max && w->left > 0; n++, w->left--)
        if (!block_frame(l, w, block, &out[n])) {
            atomic_fetch_add_explicit(&w->broken, w->left, memory_order_relaxed);
            w->left = 0;
            break;
        }
    return n;
}

static unsigned packet_take(struct live *l, struct live_worker *w, struct frame *out, unsigned max)
{
    if (w->held && w->left == 0)
        block_give(w);
    return w->held || block_take(w) ? block_frames(l, w, out, max) : 0;
}

/* The kernel's counters begin anew whenever they are read, and tp_packets counts the dropped ones too. */
static void packet_count(struct live *l, struct live_counters *c)
{
    for (unsigned i = 0; i < l->workers; i++) {
        struct tpacket_stats_v3 s = { 0 };
        socklen_t size = sizeof s;

        if (getsockopt(l->worker[i].fd, SOL_PACKET, PACKET_STATISTICS, &s, &size) != 0)
            continue;
        c->received += s.tp_packets - s.tp_drops;
        c->dropped += s.tp_drops;
        c->freezes += s.tp_freeze_q_cnt;
    }
}

const struct live_methods live_packet_methods = {
    packet_grant, packet_begin, packet_join, packet_open, packet_take, packet_count, packet_end,
};
