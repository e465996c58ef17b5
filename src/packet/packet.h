/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the packet room offers: frames out of captures, and the TCP or UDP packet inside a frame.
 *
 *     capture (file, pipe)  ->  struct frame  ->  decode  ->  struct packet
 *
 * Frames and packets borrow their bytes; see each source for how long they live.
 */
#pragma once
#include "base/address.h"
#include "base/counters.h"
#include "base/error.h"

/* One frame as captured. `link` is a LINKTYPE_ number of the pcap registry (tcpdump.org/linktypes.html). */
struct frame {
    uint64_t time_us;  /* since 1970 */
    struct view data;  /* what was captured */
    uint32_t wire_len; /* what was on the wire, at least data.len */
    uint16_t link;
    uint16_t vlan[2]; /* tags that the network card took out (802.1Q TCI | FRAME_TAGGED), outermost first */
};
enum { FRAME_TAGGED = 0x1000 }; /* in the place of the drop-eligible bit: a tag of VLAN 0 is a tag */

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32 };

/* A TCP segment or UDP datagram: the innermost one of a tunnel. */
struct packet {
    struct ip_addr src, dst;
    uint16_t src_port, dst_port;
    uint8_t l4;           /* 6 TCP, 17 UDP */
    uint8_t tcp_flags;    /* TCP_ bits */
    uint8_t ttl;          /* or hop limit */
    uint8_t tunnels;      /* encapsulations around it (VLAN and MPLS not counted) */
    bool plain;           /* Ethernet, VLAN tags, an IP header, TCP or UDP, no fragment: a filter in the
                             kernel finds the same ends where we do */
    uint16_t vlan[2];     /* the two outermost VLAN ids, 0: none */
    uint32_t seq, ack;    /* TCP only */
    uint32_t wire_len;    /* of the frame */
    uint32_t payload_len; /* as the headers say; payload.len is less where the frame was cut */
    uint64_t time_us;
    struct view payload;
};

/* ---- captures ---- */

struct capture;

/*
 * Open a pcap or pcapng capture, plain or compressed with gzip or zstd; "-" is standard input. Plain files
 * are mapped. False: err says what the file is instead. True: caller owns *out, capture_close().
 */
bool capture_open(const char *path, struct capture **out, struct imw_error_info *err) IMW_MUST_USE;
void capture_close(struct capture *c);

/*
 * Fill up to `max` frames. They live until the next capture_read, or until capture_close where
 * capture_is_stable(). Returns how many; 0 at the end, be it the clean end or a broken one:
 * capture_failed() tells them apart.
 */
unsigned capture_read(struct capture *c, struct frame *out, unsigned max);

/* Frames stay valid until capture_close (a mapped file). Otherwise the next capture_read ends them. */
bool capture_is_stable(const struct capture *c);

/* True when reading stopped before the end of the file: *err says why, with the offset. All before was given.
 */
bool capture_failed(const struct capture *c, struct imw_error_info *err);

/* Is this a link type that is decoded? */
bool link_is_known(uint32_t link);

/* True when frames of the file may be of a link type that decode does not know: *err says which, and where it
 * stands. */
bool capture_is_foreign(const struct capture *c, struct imw_error_info *err);

/* Bytes read of the file and its size, for progress; size 0 when not known (a pipe). */
void capture_progress(const struct capture *c, uint64_t *out_done, uint64_t *out_size);

/* ---- fragments ---- */

struct defrag;

/* Reassembly of IPv4 and IPv6 fragments with at most `max_datagrams` under way and `max_bytes` held. */
struct defrag *defrag_new(uint32_t max_datagrams, size_t max_bytes, struct counters *counters);
void defrag_free(struct defrag *d);

/* ---- decoding ---- */

enum decode_answer {
    DECODE_PACKET,   /* *out holds a TCP or UDP packet */
    DECODE_NONE,     /* nothing for a flow in it; why is counted */
    DECODE_FRAGMENT, /* a fragment, and `d` is NULL: decode again with one; nothing was counted */
    /* ARP or ND: the machine at out->src has the hardware address out->payload, six octets; of the rest of
     * *out, only time_us is set */
    DECODE_NEIGHBOUR,
};

/*
 * Find the innermost TCP or UDP packet in a frame. Reads headers through the checked cursor only. Fragments
 * are kept in `d` and a datagram completed by this frame is decoded in its place; out->payload then borrows
 * from `d` until the next decode with it. With `d` NULL the answer to a fragment is DECODE_FRAGMENT.
 */
enum decode_answer decode(const struct frame *frame, struct defrag *d, struct counters *counters,
                          struct packet *out);
