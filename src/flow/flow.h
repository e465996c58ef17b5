/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the flow room offers: the flow table, its timers and TCP stream reassembly.
 *
 * A flow is one TCP connection or UDP conversation. Its entry is two cache lines: the first holds what every
 * packet touches, the second counters and the decision. All that inspection needs lives elsewhere (room
 * identify) behind the handle `inspect`, and is given back at the decision.
 */
#pragma once
#include "base/slab.h"
#include "packet/packet.h"

/* Who sent it: the client opened the flow. */
enum flow_dir { FROM_CLIENT = 0, FROM_SERVER = 1 };

static inline enum flow_dir dir_other(enum flow_dir d)
{
    return d == FROM_CLIENT ? FROM_SERVER : FROM_CLIENT;
}

enum { L4_TCP = 6, L4_UDP = 17 };

struct flow_key {
    struct ip_addr addr[2]; /* by enum flow_dir: addr[FROM_CLIENT] is the client's */
    uint16_t port[2];
    uint8_t l4;
};

enum flow_state {
    FLOW_NEW,     /* no payload yet */
    FLOW_INSPECT, /* bytes go to inspection */
    FLOW_SETTLED, /* nothing left to learn but counters */
};

enum {
    FLOW_MIDSTREAM = 1,  /* TCP, beginning not seen */
    FLOW_TRACED = 2,     /* --explain tells this flow's story */
    FLOW_FIN_CLIENT = 4, /* FIN seen from the client */
    FLOW_FIN_SERVER = 8,
    FLOW_RST = 16,
    FLOW_SYN = 32,       /* SYN seen: the direction is sure */
    FLOW_CONFLICT = 64,  /* repeated TCP bytes differed: a sign of injection */
    FLOW_TUNNELLED = 128,
};

struct flow {
    /* line 1: every packet */
    struct flow_key key;   /* 40 bytes */
    uint32_t hash;
    uint32_t last_ms;      /* last packet, in ms since the table's epoch */
    uint32_t inspect;      /* handle of the inspection state, 0: none */
    uint32_t wheel_next;   /* timer list */
    uint8_t state;         /* enum flow_state */
    uint8_t flags;         /* FLOW_ bits */
    uint16_t service;      /* catalog number, 0: none */
    uint32_t record;       /* handle of the decision's evidence, 0: none */

    /* line 2: counters and decision */
    uint64_t bytes[2];     /* of frames on the wire, by enum flow_dir */
    uint32_t packets[2];
    uint64_t payload[2];   /* transport payload bytes */
    uint64_t first_us;     /* first packet, since 1970 */
    uint16_t app;          /* outermost protocol found: enum protocol, 0 unknown */
    uint8_t protocol;      /* the IM's own protocol: enum protocol */
    uint8_t activities;    /* ACTIVITY_ bits */
    uint8_t delivery;      /* enum delivery */
    uint8_t confidence;    /* 0 to 100 */
    uint32_t wheel_due_s;  /* when its timer looks at it, in seconds since the table's epoch */
};
_Static_assert(sizeof(struct flow) == 128, "a flow's entry is two cache lines");

/* ---- TCP stream reassembly ---- */

/*
 * One direction of a TCP stream, put in order. Delivered bytes go to a callback at once and in place where they
 * came in order; only segments that came early are copied, up to a limit.
 */
struct stream;

/* Shared by all streams of a worker: the memory for early segments and the limits on it. */
struct stream_pool;

struct stream_limits {
    uint32_t max_streams;
    uint32_t early_bytes;        /* kept out of order, one direction of one flow */
    uint32_t early_segments;
    size_t early_bytes_total;    /* of all flows */
    uint32_t window_bytes;       /* delivered bytes kept to compare retransmissions with */
};

struct stream_pool *stream_pool_new(const struct stream_limits *limits, struct counters *counters,
                                    struct imw_error_info *err);
void stream_pool_free(struct stream_pool *p);

/* A handle for one direction, 0: none left. Content starts at the first segment given. */
uint32_t stream_get(struct stream_pool *p);
void stream_put(struct stream_pool *p, uint32_t stream);

/* What a stream gives, in order. `lost` bytes are missing before `data`; `data` is borrowed for the call. */
typedef void stream_deliver(void *context, struct view data, uint64_t lost);

struct stream_segment {
    uint32_t seq;
    uint8_t tcp_flags;
    uint32_t payload_len; /* on the wire: more than data.len means that the frame was cut */
    struct view data;
};

/*
 * Take a segment. SYN sets the start; without one the first segment does (mid-stream). Calls `deliver` for what
 * is now in order, never for bytes twice. A hole is given up when the early limit is reached.
 * Returns true when repeated bytes differed from those seen before (COUNT_STREAM_CONFLICT).
 */
bool stream_push(struct stream_pool *p, uint32_t stream, const struct stream_segment *s, stream_deliver *deliver,
                 void *context);

/* Give up holes and deliver what is kept: at FIN with all missing, at the flow's end, or when the other side has
 * acknowledged bytes that this capture never saw. */
void stream_flush(struct stream_pool *p, uint32_t stream, stream_deliver *deliver, void *context);
