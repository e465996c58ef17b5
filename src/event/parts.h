/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What records in a ring have behind a head of their own: who is at the ends, the flow's notes, texts. One
 * form for the rings of events (event/pack.c) and for that to the content thread (engine/carry.c).
 */
#pragma once
#include "event/ring.h"
#include "identify/inspect.h"

enum { PARTS_TEXTS = 11 };

/* Which parts there are; within the head. */
struct parts_head {
    uint32_t text_len[PARTS_TEXTS];
    bool has_record, has_client, has_server;
};

/* NULL: not known. */
struct parts {
    const struct record *record;
    const struct known_who *client, *server;
    struct view text[PARTS_TEXTS];
};

/* Put a record: a head of `size` bytes, and the parts, which `in_head` within it is made to tell of. False:
 * no room; counted by the ring. */
bool parts_put(struct ring *r, const void *head, size_t size, struct parts_head *in_head,
               const struct parts *parts);
/* The parts behind a head; they point into the record. */
void parts_read(const void *head, size_t size, const struct parts_head *in_head, struct parts *out);
