/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes through IM, as records in a ring from a worker to the content thread: all facts copied, so that
 * nothing borrowed outlives the packet but the capture's name. Unlike the rings of events (event/pack.h)
 * these hold the text of messages; nothing but the content thread reads them.
 */
#pragma once
#include "event/event.h"
#include "event/ring.h"

enum carry_type {
    CARRY_ACTIVITY,
    CARRY_CONTACT,
    CARRY_ANOMALY,
    CARRY_TICKET,
    CARRY_FLOW,
    CARRY_BEGIN,
    CARRY_BYTES,
    CARRY_END
};

enum { CARRY_VALUE_BYTES = 512, CARRY_TEXT_BYTES = 16384, CARRY_PIECE_BYTES = 65536 };

/* One record, taken out: it points into the ring. What is not of its type is zero. */
struct carried {
    enum carry_type type;
    uint64_t time_us;
    struct scene scene; /* but of bytes and ends of files; the catalog is for the reader to fill in */
    uint32_t file;      /* number, of the files' records */
    uint64_t offset;    /* BYTES */
    struct view bytes;  /* BYTES */
    bool whole;         /* END */
    enum activity activity;
    struct im_detail detail;   /* ACTIVITY */
    struct im_contact contact; /* CONTACT */
    enum anomaly anomaly;
    struct view value;    /* ANOMALY */
    uint64_t ticket;      /* TICKET */
    struct im_file begin; /* BEGIN */
};

/* By the worker. False: no room; counted by the ring. `where` says on which flow, and when. */
bool carry_activity(struct ring *r, const struct activity_event *e);
bool carry_contact(struct ring *r, const struct activity_event *where, const struct im_contact *c);
bool carry_anomaly(struct ring *r, const struct activity_event *where, enum anomaly a, struct view value);
bool carry_ticket(struct ring *r, const struct activity_event *where, uint64_t hash);
bool carry_flow(struct ring *r, const struct flow_event *e);
bool carry_begin(struct ring *r, const struct activity_event *where, uint32_t file, const struct im_file *f);
bool carry_bytes(struct ring *r, uint32_t file, uint64_t offset,
                 struct view bytes); /* CARRY_PIECE_BYTES at most */
bool carry_end(struct ring *r, uint32_t file, uint64_t time_us, bool whole);

/* By the content thread: what a record of ring_next() says. */
void carry_read(const void *record, struct carried *out);
