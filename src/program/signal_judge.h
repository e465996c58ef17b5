/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Did somebody fall silent on the approved channels while active on public IM? One person's days, judged.
 * Pure: numbers in, numbers out. The method, and what it cannot see, is docs/off-channel.md.
 *
 * Days here are working days on which every channel was imported and the institution as a whole wrote about
 * as usual (signal_days.h), so holidays and outages are none. The newest JUDGE_WINDOW of them are judged
 * against the JUDGE_BASELINE before: the person's median day, lessened by as much as the others wrote less,
 * too.
 */
#pragma once
#include "base/error.h"

enum {
    JUDGE_WINDOW = 5,
    JUDGE_BASELINE = 40,
    JUDGE_BASELINE_LEAST = 20,  /* days, before anything is said */
    JUDGE_HABIT = 5,            /* messages of a median day: who wrote less had no habit to break */
    JUDGE_HABIT_PERCENT = 60,   /* of days before with any message */
    JUDGE_ACTIVE_DAYS = 3,      /* of the window, on public IM */
    JUDGE_ACTIVE_FLOWS = 3,     /* connections that make a day active, where no message was seen … */
    JUDGE_ACTIVE_BYTES = 10000, /* … and octets sent */
    JUDGE_PEERS_LEAST = 500,    /* of 1000: below, everybody went quiet */
    JUDGE_PEERS = 5,            /* people that a department must have to be compared with */
};

/* A day of one person. Public IM: what was let through; `stopped` are tries that were not. */
struct judge_day {
    uint32_t approved, messages, flows, stopped;
    uint64_t bytes_out;
};
struct judge_case {
    struct judge_day before[JUDGE_BASELINE], now[JUDGE_WINDOW]; /* oldest first */
    unsigned before_count, now_count;
    int peers;         /* of 1000: the others' median day now against before; -1: nobody to compare with */
    bool public_known; /* the network was seen in the days before, too */
    bool excepted;     /* an exception lets them use public IM */
};

enum judge_verdict {
    JUDGE_SIGNAL,
    JUDGE_TOO_FEW_DAYS, /* not enough was imported */
    JUDGE_NO_HABIT,     /* hardly wrote there before */
    JUDGE_NOT_SILENT,
    JUDGE_NOT_ACTIVE,  /* no public IM in these days: absent, or silent on both */
    JUDGE_LESS_ACTIVE, /* less public IM than their usual, too: a machine that was left on */
    JUDGE_PEERS_QUIET, /* the others went quiet as well */
    JUDGE_WAS_SO,      /* such weeks were there before */
    JUDGE_VERDICTS
};
struct judge_finding {
    enum judge_verdict verdict;
    unsigned level;                   /* 1 strong, 2 medium, 3 weak; 0: no signal */
    uint32_t usual10, expected, seen; /* usual10: tenths of messages a day */
    unsigned active_days;
    uint32_t messages, flows, stopped; /* public IM, in the window */
    int32_t public_usual10;            /* tenths of connections a day; -1: not known */
};
void signal_judge(const struct judge_case *c, struct judge_finding *out);
/* A signal that was raised with this usual day: do the newest days still show it? */
bool signal_goes_on(uint32_t usual10, const struct judge_case *c, struct judge_finding *out);
const char *judge_verdict_name(enum judge_verdict v);

/* Tenths of the median; 0 where there are none. Sorts `values`. */
uint32_t judge_median10(uint32_t *values, unsigned count);
