/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which days can be judged, and how much everybody wrote in them. A day counts when it is a working day
 * (Monday to Friday), every active channel was imported for it from that channel's first day on, and not
 * unusually few people wrote at all: so public holidays, outages of an archive and late imports are no
 * silence. Between the files of signals.
 */
#pragma once
#include "program/signal_judge.h"
#include "store/db.h"

enum {
    SIGNAL_DAYS = JUDGE_BASELINE + JUDGE_WINDOW,
    SIGNAL_LOOK_BACK = 120,     /* calendar days in which those are looked for */
    SIGNAL_PEOPLE_PERCENT = 40, /* of the people of a median day, for a day to count */
    SIGNAL_WINDOW_SPAN = 14,    /* calendar days that the newest may span */
    SIGNAL_LATE = 14,           /* calendar days old: nothing is said any more */
};

struct signal_days {
    int day[SIGNAL_DAYS]; /* oldest first; the last JUDGE_WINDOW are judged */
    unsigned count;
    char waits[200]; /* why none can be judged, in words; empty: they can */
};
bool signal_days_load(struct db *db, uint64_t now_us, struct signal_days *out,
                      struct imw_error_info *err) IMW_MUST_USE;
/* Its place, or -1. */
int signal_days_find(const struct signal_days *d, int64_t day);

/* What departments wrote in these days; the last is everybody. */
struct signal_peers {
    struct signal_department {
        int64_t id;      /* 0: of none */
        uint32_t people; /* of the best day */
        uint64_t messages[SIGNAL_DAYS];
    } * at;
    unsigned count;
};
bool signal_peers_load(struct db *db, const struct signal_days *d, struct signal_peers *out,
                       struct imw_error_info *err) IMW_MUST_USE;
void signal_peers_free(struct signal_peers *p);
/* Of 1000: the median day of the window against that before, of those of the department but one's own
 * messages. -1: nobody to compare with. */
int signal_peers_of(const struct signal_peers *p, const struct signal_days *d, int64_t department,
                    const uint32_t own[SIGNAL_DAYS], bool *out_institution);
