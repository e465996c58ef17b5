/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate: what becomes of each packet. One a worker, after inspection has seen the packet and before the
 * kernel lets it go on (inline), or beside the wire (passive).
 *
 *     not identified yet   passes; what decides is seen in the first bytes, before any message
 *     of no service        passes; once nothing is left to learn the kernel passes the rest by itself
 *     of a service         the policy is asked: for the flow as a whole, then for each activity told on it
 *       allowed            passes; as above
 *       blocked            the packet is dropped; both ends are told, by means of the rule's choice
 *       an offer           that is forbidden, on a flow that is not: it is made void in the packet
 *       a message          in pieces, where some activity is forbidden: the pieces wait for its end
 *       a file             that is to be scanned: the packet that completes it waits for the verdict
 *
 * Questions to DNS are judged one by one, since one socket asks for many names.
 *
 * What is done is told at once, by an event for each thing that was stopped, and once more by the flow's.
 */
#pragma once
#include "enforce/inject.h"
#include "engine/rules.h"
#include "packet/conntrack.h"
#include "packet/queue.h"

struct gate;
struct passive;
struct endpoint_feed;

enum { GATE_HELD_MOST = 1024, GATE_SCANS_MOST = 512 };

struct gate_config {
    struct queue *queue;               /* NULL: passive */
    const struct inject_grant *inject; /* for what is sent back; NULL: nothing is */
    struct passive *passive;           /* resets from beside the wire; NULL: inline */
    struct conntrack *connections;     /* counts what the kernel passes; NULL: nobody does */
    struct endpoint_feed *endpoints;   /* learns what the kernel may drop by itself; NULL: nothing */
    unsigned generation;               /* of the rules with serial 1: enforce/mark.h */
    bool dry_run;                      /* `passive` counts only */
    bool fail_open;                    /* what waits too long passes; false: its flow is cut */
    bool bridge;                       /* answers go out on the port where the packet came in */
    bool files;                        /* somebody scans files */
    uint64_t file_bytes;               /* longer ones are not scanned */
    uint32_t scan_wait_ms;             /* for the verdict on one; 0: 60,000 */

    /* What the policy says of a flow with these activities; and the facts for an event about it, whose client
     * may be put into *who. */
    struct judgement (*judge)(void *context, const struct flow *f, uint8_t activities, uint64_t time_us);
    struct activity_event (*where)(void *context, const struct flow *f, uint64_t time_us,
                                   struct known_who *who);
    /* A flow's record, for notes; NULL: there is no room. */
    struct record *(*note)(void *context, const struct flow *f);
    void (*enforced)(void *context, const struct enforced_event *e);
    struct counters *counters;
    void *context;
};

/* That of other rules, where those with serial 1 have `first`. */
unsigned gate_generation(unsigned first, const struct rules *rules);

bool gate_new(const struct gate_config *config, struct gate **out, struct imw_error_info *err) IMW_MUST_USE;
void gate_free(struct gate *g); /* what it holds passes or is dropped, as of fail_open */

struct gate_packet {
    const struct queued *queued; /* NULL: passive */
    const struct packet *packet;
    struct flow *flow;
    enum flow_dir from;
    bool changed;                          /* this packet told what the flow is, or told it otherwise */
    const struct inspect_outcome *outcome; /* NULL: it was not inspected any more */
};
/* Decide, and act: after inspection. `rules`: by which the flow is judged. */
void gate_packet(struct gate *g, const struct rules *rules, const struct gate_packet *p);
/* A packet that belongs to no flow. */
void gate_pass(struct gate *g, const struct queued *q);

/* During inspection: inspector_config.forbids; files that begin and end on a flow. */
bool gate_forbids(struct gate *g, const struct flow *f, uint64_t time_us, enum activity a,
                  const struct im_detail *detail);
void gate_file_begin(struct gate *g, const struct flow *f, uint32_t file, uint64_t size, uint64_t time_us);
void gate_file_end(struct gate *g, uint32_t file);

/* Any thread: the verdict on a file. */
void gate_scanned(struct gate *g, uint32_t file, const struct scan_result *result);

/* Now and then, and between two reads: verdicts that came, packets that waited long enough. Returns how many
 * packets wait. */
unsigned gate_tend(struct gate *g, const struct rules *rules, uint64_t now_us);

/* A flow's entry goes. */
void gate_flow_ended(struct gate *g, const struct flow *f, const struct record *note);
