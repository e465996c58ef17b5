/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets that the kernel holds until we say what becomes of them: NFQUEUE (nfnetlink_queue), over netlink
 * with libmnl. One queue a worker; which packets come is said by rules (enforce/ruleset.h).
 *
 * Opening a queue and giving verdicts both need CAP_NET_ADMIN: the kernel asks for it at every message.
 */
#pragma once
#include "packet/packet.h"

enum {
    QUEUES_MAX = 64,
    QUEUE_BATCH = 64,           /* packets read at a time, at most */
    QUEUE_PACKET_BYTES = 65535, /* of one: the kernel hands over what a card would cut into segments (GSO) */
};

struct queue_config {
    uint16_t number; /* NFQUEUE number */
    uint32_t length; /* packets that wait, at most; 0: 8192 */
    bool fail_open;  /* what finds no room passes; false: it is dropped */
};

struct queue;

/* A socket bound to the queue, with its buffers. False: err says why and what to do (no permission; another
 * program has this queue: its pid where /proc tells it; no NFQUEUE in this kernel). */
bool queue_open(const struct queue_config *config, int *out_fd, struct imw_error_info *err) IMW_MUST_USE;
/* Takes the socket over, on success; it may come from another process. */
bool queue_new(int fd, uint16_t number, struct queue **out, struct imw_error_info *err) IMW_MUST_USE;
void queue_free(
    struct queue *q); /* the kernel drops what had no verdict; what comes later: as the rules say */

/* One packet. It lives until the next queue_read(); what is still to be judged then is copied by who holds
 * it.
 */
struct queued {
    uint32_t id;
    struct frame frame; /* link 101 (raw IP): begins with the IP header */
    uint32_t mark;
    uint32_t in, out;           /* interfaces, by index; 0: none */
    uint32_t phys_in, phys_out; /* the bridge's ports, where it is bridged */
    uint8_t mac[6];             /* of the sender on the last hop; zero: not told */
    bool no_checksum;           /* the checksum is still to be worked out by a card */
};

enum queue_answer { QUEUE_PACKETS, QUEUE_QUIET /* nothing for `wait_ms` */, QUEUE_GONE };
/* `wait_ms` 0: only what is there. */
enum queue_answer queue_read(struct queue *q, struct queued *out, unsigned max, int wait_ms,
                             unsigned *out_count);

/* Verdicts are gathered and go out by queue_flush(), or when there is no more room. `mark`: the packet's new
 * mark; 0: as it is. */
void queue_accept(struct queue *q, uint32_t id, uint32_t mark);
void queue_drop(struct queue *q, uint32_t id);
/* It goes on with other bytes, from the IP header on, checksums and all; of any length. */
void queue_replace(struct queue *q, uint32_t id, uint32_t mark, struct view packet);
void queue_flush(struct queue *q);

struct queue_counters {
    uint64_t received, accepted, dropped, replaced;
    uint64_t overrun; /* packets that found no room: of the kernel's queue, and of the socket */
};
void queue_counters(struct queue *q, struct queue_counters *out); /* any thread */
