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
    uint8_t vlan[3]; /* two 12-bit VLAN ids of the first packet, for the event: no part of the identity */
};

/* The VLAN id of the flow's first packet, `level` 0 the outer, 1 the inner tag; 0: none. */
static inline uint16_t flow_vlan(const struct flow_key *k, unsigned level)
{
    return (uint16_t)(level == 0 ? k->vlan[0] << 4 | k->vlan[1] >> 4 : (k->vlan[1] & 15) << 8 | k->vlan[2]);
}

enum flow_state {
    FLOW_NEW,     /* no payload yet */
    FLOW_INSPECT, /* bytes go to inspection */
    FLOW_WAITING, /* the same, and segments wait for bytes before them: acknowledgements matter too */
    FLOW_SETTLED, /* nothing left to learn but counters */
};

enum {
    FLOW_MIDSTREAM = 1,  /* TCP, beginning not seen */
    FLOW_TRACED = 2,     /* --explain tells this flow's story */
    FLOW_FIN_CLIENT = 4, /* FIN seen from the client */
    FLOW_FIN_SERVER = 8,
    FLOW_RST = 16,
    FLOW_SYN = 32,      /* SYN seen: the direction is sure */
    FLOW_CONFLICT = 64, /* repeated TCP bytes differed: a sign of injection */
    FLOW_SYN_ACK = 128, /* the server answered */
};

/* What whoever enforces has made of the flow (engine/gate.h). */
enum flow_gate {
    FLOW_UNJUDGED,
    FLOW_PASSES,
    FLOW_GUARDED, /* passes, but some activity on it may not */
    FLOW_BLOCKED,
};

struct flow {
    /* line 1: every packet */
    struct flow_key key; /* 40 bytes */
    uint32_t hash;
    uint32_t last_ms;    /* last packet, in ms since the table's epoch */
    uint32_t inspect;    /* handle of the inspection state, 0: none */
    uint32_t wheel_next; /* timer list */
    uint8_t state;       /* enum flow_state */
    uint8_t flags;       /* FLOW_ bits */
    uint16_t service;    /* catalog number, 0: none */
    uint32_t record;     /* handle of the decision's evidence, 0: none */

    /* line 2: counters and decision */
    uint64_t bytes[2]; /* of frames on the wire, by enum flow_dir */
    uint32_t packets[2];
    uint64_t payload[2];   /* transport payload bytes */
    uint64_t first_us;     /* first packet, since 1970 */
    uint16_t app;          /* outermost protocol found: enum protocol, 0 unknown */
    uint8_t protocol;      /* the IM's own protocol: enum protocol */
    uint8_t activities;    /* ACTIVITY_ bits */
    uint8_t delivery;      /* enum delivery */
    uint8_t confidence;    /* 0 to 100 */
    uint8_t role;          /* enum server_role of the name or address that decided */
    bool named : 1;        /* the client told a server name of its own */
    bool bypassed : 1;     /* its packets are counted elsewhere: flow_table_config.refresh */
    uint8_t gate : 2;      /* enum flow_gate */
    uint8_t scale : 4;     /* TCP, noted by the gate: of the windows that the server offers; 0: not known */
    uint32_t start_seq[2]; /* TCP: sequence number of the first byte, where SYN was seen */
};
_Static_assert(sizeof(struct flow) == 128, "a flow's entry is two cache lines");

/* ---- the table ---- */

struct flow_table;

struct flow_table_config {
    uint32_t max_flows;      /* 0: 1,000,000 */
    uint32_t tcp_idle_s;     /* open connections; 0: 3600 */
    uint32_t opening_idle_s; /* TCP without payload yet, UDP with one packet; 0: 60 */
    uint32_t udp_idle_s;     /* 0: 180 */
    uint32_t closed_s;       /* after FIN from both sides or RST; 0: 10 */
    /* Asked now and then, and before it may end for idling, of a flow that is `bypassed`: whoever counts its
     * packets says by flow_seen() when the last one came. NULL: nobody does. */
    void (*refresh)(void *context, struct flow *f);
    bool refresh_late; /* only before it may end: asking costs more than a look */
};

/* Why a flow ended. */
#define FLOW_ENDS(X)                                                                                         \
    X(IDLE, "timeout") X(CLOSED, "closed") X(REUSED, "reused") X(EVICTED, "evicted") X(SHUTDOWN, "shutdown")
enum flow_end {
#define X(id, name) FLOW_END_##id,
    FLOW_ENDS(X)
#undef X
};
const char *flow_end_name(enum flow_end why);

/* Told of every flow that ends, before its entry is used again. */
typedef void flow_ended(void *context, struct flow *flow, enum flow_end why);

bool flow_table_new(const struct flow_table_config *config, struct counters *counters, flow_ended *ended,
                    void *context, struct flow_table **out, struct imw_error_info *err) IMW_MUST_USE;
void flow_table_free(struct flow_table *t); /* does not end the flows: flow_table_flush() first */

/* Symmetric: both directions of a flow have one hash. Also spreads flows over workers. `seed`: a random one
 * where strangers choose the flows, so that they cannot choose ones that collide; 0 to have the same in every
 * run. */
uint32_t flow_hash(const struct packet *p, uint64_t seed);

/* Start loading what flow_table_find() will need for this hash. First step, then, some packets later, second.
 */
void flow_table_prefetch(const struct flow_table *t, uint32_t hash);
void flow_table_prefetch_entry(const struct flow_table *t, uint32_t hash);
/* The flow that probably has this hash, or NULL; for fetching ahead what hangs on it. */
const struct flow *flow_table_peek(const struct flow_table *t, uint32_t hash);

/*
 * The flow of a packet, made if it is new; counters and flags are brought up to date. When the table is full
 * one of a few flows is ended to make room: one that is not settled, else of no service, else any; of
 * those the idlest. Never NULL.
 * *out_new: this packet opened it.
 */
struct flow *flow_table_find(struct flow_table *t, const struct packet *p, uint32_t hash,
                             enum flow_dir *out_dir, bool *out_new);

/* End the flows that were idle too long at `now_us` (the newest packet's time). Cheap when nothing is due. */
void flow_table_advance(struct flow_table *t, uint64_t now_us);

/* End all flows. */
void flow_table_flush(struct flow_table *t);

/* Call `visit` for every flow; it may change the flow's counters, and ends none. */
void flow_table_visit(struct flow_table *t, void (*visit)(void *context, struct flow *f), void *context);

/* A packet of the flow came at `time_us`, and was not seen here. */
void flow_seen(const struct flow_table *t, struct flow *f, uint64_t time_us);

uint32_t flow_table_used(const struct flow_table *t);
uint32_t flow_table_peak(const struct flow_table *t); /* most flows at a time */
size_t flow_table_bytes(const struct flow_table *t);  /* memory of entries at their peak, and the index */

/* Time of a flow's last packet, microseconds since 1970. */
uint64_t flow_last_us(const struct flow_table *t, const struct flow *f);

/* Swap the ends of a flow whose first packet misled about who opened it (mid-stream). */
void flow_reverse(struct flow *f);

/* Community ID v1 (corelight/community-id-spec), seed 0: "1:" and 28 characters. `out` holds 31 bytes or
 * more. */
void flow_community_id(const struct flow_key *key, char *out);

/* ---- TCP stream reassembly ---- */

/*
 * One direction of a TCP stream, put in order. Delivered bytes go to a callback at once and in place where
 * they came in order; only segments that came early are copied, up to a limit.
 */
struct stream;

/* Shared by all streams of a worker: the memory for early segments and the limits on it. */
struct stream_pool;

struct stream_limits {
    uint32_t max_streams;
    uint32_t early_bytes; /* kept out of order, one direction of one flow */
    uint32_t early_segments;
    size_t early_bytes_total; /* of all flows */
    uint32_t window_bytes;    /* delivered bytes kept to compare retransmissions with */
    /* There are streams that are guarded: what is refused of these does not go on to the receiver: nothing
     * that it may take is given up or goes unread. At most window_bytes are taken that it has not
     * acknowledged, so all that it may still take again can be compared. */
    bool strict;
};

struct stream_pool *stream_pool_new(const struct stream_limits *limits, struct counters *counters,
                                    struct imw_error_info *err);
void stream_pool_free(struct stream_pool *p);

/* A handle for one direction, 0: none left. Content starts at the first segment given. */
uint32_t stream_get(struct stream_pool *p);
void stream_put(struct stream_pool *p, uint32_t stream);

/*
 * What a stream gives, in order: never empty, and `lost` bytes are missing before `data`, which is borrowed
 * for the call. It must not push to, flush or put the stream that calls it.
 */
typedef void stream_deliver(void *context, struct view data, uint64_t lost);

struct stream_segment {
    uint32_t seq;
    uint8_t tcp_flags;
    uint32_t payload_len; /* on the wire: more than data.len means that the frame was cut */
    struct view data;
};

enum stream_answer {
    STREAM_TAKEN,
    STREAM_DIFFERS, /* from bytes that came before (COUNT_STREAM_CONFLICT) */
    STREAM_REFUSED, /* strict: no room for it, or for some of it */
};

/*
 * Take a segment. SYN sets the start; without one the first segment with data does (mid-stream). Calls
 * `deliver` for what is now in order, never for bytes twice: of bytes that come twice, the first copy counts.
 * The rest of a segment that was cut is lost at once. Where an early limit is reached the first hole is given
 * up, or, strict, the rest of the segment is refused.
 */
enum stream_answer stream_push(struct stream_pool *p, uint32_t stream, const struct stream_segment *s,
                               stream_deliver *deliver, void *context);

/* Do segments wait for bytes before them? */
bool stream_waits(const struct stream_pool *p, uint32_t stream);

/* The other side has acknowledged all before `ack`: what is still missing there was received by it but not by
 * us, and does not come any more. Costs a compare while nothing is kept. */
void stream_acked(struct stream_pool *p, uint32_t stream, uint32_t ack, stream_deliver *deliver,
                  void *context);

/* Before its first segment: this one is guarded. */
void stream_guard(struct stream_pool *p, uint32_t stream);

/* Nothing is read of what comes from now on, only what was delivered is still compared. And: has the
 * receiver acknowledged all of that? */
void stream_seal(struct stream_pool *p, uint32_t stream);
bool stream_is_taken(const struct stream_pool *p, uint32_t stream);

/* Give up all holes and deliver what is kept: at the flow's end. */
void stream_flush(struct stream_pool *p, uint32_t stream, stream_deliver *deliver, void *context);
