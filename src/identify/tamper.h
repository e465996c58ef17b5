/* SPDX-License-Identifier: Apache-2.0 */
/* Signs in the headers of a TCP connection that somebody else sends in the name of one side (tamper.c). */
#pragma once
#include "flow/flow.h"
#include "identify/words.h"

/* Of one side; zero at the start. */
struct tamper_side {
    uint64_t reset_us; /* when it reset the connection, 0: not */
    uint32_t reset_seq;
    uint32_t end;         /* sequence number behind its newest byte, strays not counted */
    uint32_t far_end;     /* behind the last stray */
    uint8_t far;          /* strays that followed each other */
    uint8_t strays;       /* places at which there were some, since it last went on */
    uint8_t ttl, same;    /* of its data, and how many segments had it */
    uint8_t odd_ttl, odd; /* another that came in between, and how many had it */
    uint8_t moves;        /* how often it was another */
    uint8_t near_returns; /* returns from another that differed by one */
    bool started;
};

struct tamper {
    struct tamper_side side[2]; /* by enum flow_dir */
};

enum { TAMPER_STRAYS = 8 };

/* What a segment with data showed; `value` for people. */
struct tamper_found {
    unsigned count;
    struct {
        enum anomaly anomaly;
        int64_t by; /* bytes of a jump, negative: back; hops of a TTL; ms since the reset */
    } of[TAMPER_STRAYS + 2];
};

/* A segment that holds data. Costs some compares. */
void tamper_segment(struct tamper *t, enum flow_dir from, const struct packet *p, struct tamper_found *out);

/* A segment with RST. */
void tamper_reset(struct tamper *t, enum flow_dir from, const struct packet *p);
