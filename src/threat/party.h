/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who says something to whom, as the detectors count it: an account of a service, as a number for tables and
 * as text for people. Where the account is not known the machine stands in: its user, else its address.
 */
#pragma once
#include "threat/threat.h"

enum { PARTY_NAME_BYTES = 64 };

struct party {
    uint64_t key; /* never 0 where somebody is known */
    char name[PARTY_NAME_BYTES];
};

/* An account of the flow's service; `inside`: it is at the flow's client. False: nothing is known of it. */
bool party_of(const struct scene *s, struct view account, bool inside, struct party *out);

/* The two ends of a message or file that goes from one to one; false: a room, or an end is not known. */
bool party_pair(const struct scene *s, struct view from, struct view to, struct view room, bool outgoing,
                struct party *out_from, struct party *out_to);

/* Of a name, ASCII case folded: for lists. */
uint64_t hash_folded(struct view name);

/* The time of day in UTC, "10:20:30". */
void text_clock(struct text *t, uint64_t time_us);
