/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the gate, shared by gate.c (decides), gate_act.c (acts) and gate_hold.c (waits). */
#pragma once
#include "engine/gate.h"
#include <pthread.h>
#include <stdatomic.h>

enum {
    GATE_HELD_OF_FLOW = 64, /* packets of one flow that wait, at most */
    GATE_HELD_OF_CLIENT = GATE_HELD_MOST / 4,
    GATE_MESSAGE_WAIT_US = 2000000, /* for the rest of a message */
    GATE_TRIES = 8,                 /* packets of a blocked flow that are answered with a reset */
    GATE_BUCKETS = 65536,
    GATE_COPIES = 256, /* packets with offers made void that wait */
};

/* A packet that waits. Its bytes are not kept: the kernel has them. */
struct held {
    const struct flow *flow;
    uint32_t id;
    uint32_t copy, copy_bytes; /* with its offers overwritten, 0: as it is */
    enum flow_dir from;
    bool paced; /* of a flow that is throttled: until it has a share again */
    bool piece; /* of a message whose end is not here yet */
    uint64_t since_us;
    struct packet packet; /* without payload, for a reset */
};

/* A file that is to be scanned before it is whole at the other end. */
struct scanned_file {
    uint32_t file; /* 0: the place is free */
    const struct flow *flow;
    bool ended; /* its last byte is in a packet that waits */
};

struct gate_answer {
    uint32_t file;
    enum scan_state state;
    char reason[192];
};

/* What flows at `rate` bytes a second may still send, each way. */
struct bucket {
    uint32_t rate;
    int64_t left[2];
    uint64_t at_us[2];
};

/* What an offer says of itself, copied: the parser's own lives for its call only. */
struct offered {
    struct im_detail detail;
    char account[ANNOUNCED_ACCOUNT_BYTES], peer[ANNOUNCED_ACCOUNT_BYTES], room[ANNOUNCED_ACCOUNT_BYTES];
    char file[ANNOUNCED_NAME_BYTES];
};

/* What is to be done with the packet at hand. */
struct stop {
    struct judgement judged;
    int activity; /* -1: the flow as a whole */
    const char *reason;
    const struct im_detail *detail; /* NULL: not known */
};

struct gate {
    struct gate_config config;
    const struct rules *rules; /* by which it judges now */
    struct slab buckets, copies;

    struct held held[GATE_HELD_MOST]; /* in the order in which they came */
    unsigned held_count;
    struct scanned_file scans[GATE_SCANS_MOST];
    unsigned scan_count;

    /* told during the inspection of the packet at hand */
    bool forbidden;          /* something was: */
    struct stop last;        /* the last of it */
    struct offered offered;  /* to which it points */
    const char *unscannable; /* a file begins that cannot be scanned: why */

    pthread_mutex_t lock; /* of what follows, which the content thread fills */
    struct gate_answer answers[GATE_SCANS_MOST];
    atomic_uint answer_count;
};

static inline struct judgement gate_judge(const struct gate *g, const struct flow *f, uint8_t activities,
                                          uint64_t time_us)
{
    return g->config.judge(g->config.context, f, activities, time_us);
}

/* Its notes; NULL: it has no record, and so none. */
static inline struct record *gate_notes(const struct gate *g, const struct flow *f)
{
    return f->record != 0 ? g->config.note(g->config.context, f) : NULL;
}

/* Inspection lends its flows as const; they are our worker's. */
static inline struct flow *gate_own(const struct flow *f)
{
    return (struct flow *)(uintptr_t)f;
}

static inline void gate_count(const struct gate *g, enum counter which)
{
    count(g->config.counters, which);
}

/* ---- gate.c ---- */

/* May what the packet holds not go on, since it was not read, or could be read otherwise? */
bool gate_is_unread(const struct gate *g, const struct inspect_outcome *o);
/* Of a flow that is throttled, NULL: it is not. */
struct bucket *gate_bucket(const struct gate *g, const struct flow *f);
/* False: it has had its share for now. */
bool gate_take_share(struct bucket *b, enum flow_dir from, uint32_t bytes, uint64_t now_us);

/* ---- gate_act.c ---- */

/* Tell that something was stopped, or that it was not. */
void gate_tell(struct gate *g, const struct flow *f, uint64_t time_us, const struct stop *s,
               enum enforced how);

/* Verdicts on the packet at hand; in passive mode there are none to give. */
void gate_accept(struct gate *g, const struct gate_packet *p, bool settled);
void gate_drop(struct gate *g, const struct gate_packet *p, bool for_good);

/* Stop the flow at this packet, by the means of the rule. */
void gate_block(struct gate *g, const struct gate_packet *p, const struct stop *s);
/* A packet of a flow that is blocked. */
void gate_block_again(struct gate *g, const struct gate_packet *p);
/* The same where the packets at hand are those that wait. `p`: the one behind them, NULL: there is none. */
void gate_block_held(struct gate *g, struct flow *f, const struct gate_packet *p, const struct stop *s,
                     uint64_t now_us);
/* A question to DNS for a name that is blocked. */
void gate_refuse_name(struct gate *g, const struct gate_packet *p, const struct flow *asked,
                      const struct stop *s);
/* The packet goes on with its offers overwritten. */
void gate_spoil(struct gate *g, const struct gate_packet *p);
/* Its bytes with the offers overwritten. 0: that cannot be done. */
size_t gate_overwrite(const struct gate_packet *p, uint8_t out[QUEUE_PACKET_BYTES]);

/* ---- gate_hold.c ---- */

/* Let the packet wait. False: there is no room. */
bool gate_hold(struct gate *g, const struct gate_packet *p, bool paced, bool piece);
/* Do packets of this direction wait, for anything but a share? */
bool gate_holds(const struct gate *g, const struct flow *f, enum flow_dir from);
/* Bytes of this direction that wait for a share. */
uint64_t gate_paces(const struct gate *g, const struct flow *f, enum flow_dir from);
/* Let those of one direction go on. */
void gate_release(struct gate *g, const struct flow *f, enum flow_dir from);
/* Drop those of a flow; of one direction the first, which the receiver waits for, is copied to *first. */
bool gate_discard(struct gate *g, const struct flow *f, struct held *first);
/* Verdicts for all of a flow, or of all flows (NULL). */
void gate_end_held(struct gate *g, const struct flow *f, bool pass);
/* What could not be scanned: is it blocked? */
bool gate_block_unscanned(const struct gate *g);
/* Is the flow waiting for the scanner? */
bool gate_waits_for_scan(const struct gate *g, const struct flow *f);
/* Is any of its files to be scanned, one that still comes too? */
bool gate_has_scans(const struct gate *g, const struct flow *f);
/* Forget the files of a flow; with `ended` those only that are waited for. */
void gate_forget_scans(struct gate *g, const struct flow *f, bool ended);
