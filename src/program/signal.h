/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Off-channel signals: who fell silent on the approved channels while active on public IM.
 *
 *     signal_judge.c   one person's days, judged: no database
 *     signal_days.c    which days can be judged, and what the others wrote
 *     signal_find.c    everybody's newest days: the clerk's job
 *     signal.c         what becomes of a signal
 *     signal_show.c    lists, one with its reasons, weeks
 *
 * A signal is no accusation. People are pseudonyms here; names are asked for by four eyes (reveal.h). What is
 * decided on a signal is decided by a person at a screen, never on themselves, with a reason, and is in the
 * trail:
 *
 *     open -> looked, dismissed, incident      looked -> open, dismissed, incident      dismissed -> open,
 * incident
 */
#pragma once
#include "program/act.h"

struct catalog;

enum { SIGNAL_WHY_LEAST = 5, SIGNAL_WHY_BYTES = 2000, SIGNAL_PAGE = 200, PUBLIC_IM_MOST = 256 };

/* ---- finding ---- */
struct signals_found {
    bool judged; /* there was something new to judge */
    uint64_t people, raised, ended;
    char waits[200]; /* why it could not; empty: it could */
};
/* Judge the newest days, where anything is new since the last time. In transactions of its own. */
bool signals_find(struct db *db, const struct catalog *catalog, uint64_t now_us, struct signals_found *out,
                  struct imw_error_info *err) IMW_MUST_USE;

/* What counts as public IM: services of the classes im, social and voice-chat that were seen, but for those
 * that are an approved channel. Numbers of table term, with -1 behind the last up to a multiple of eight. */
struct public_im {
    int64_t service[PUBLIC_IM_MOST];
    unsigned count, padded;
};
bool public_im_load(struct db *db, const struct catalog *catalog, struct public_im *out,
                    struct imw_error_info *err) IMW_MUST_USE;
/* "(?,?,…)" into `sql`, its arguments behind the *count that are there. */
struct text;
void public_im_ask(const struct public_im *p, struct text *sql, struct db_value *args, unsigned *count);

/* ---- deciding ---- */
/* `from`: the state that whoever decides saw. */
bool signal_triage(struct act *a, int64_t id, const char *from, const char *state, const char *why,
                   struct imw_error_info *err) IMW_MUST_USE;
/* `incident` 0: a new one. */
bool signal_take_up(struct act *a, int64_t id, int64_t incident, const char *why,
                    struct imw_error_info *err) IMW_MUST_USE;

/* ---- questions; shapes as in web/src/api/types.ts ---- */
struct signal_filter {
    const char *states, *levels, *text; /* NULL: any */
    int64_t department, before;         /* 0: any; the first page */
    bool going_on;
    unsigned limit;
};
bool signal_list(struct act *a, const struct signal_filter *f, json_t **out,
                 struct imw_error_info *err) IMW_MUST_USE;
bool signal_summary(struct act *a, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
bool signal_get(struct act *a, const struct catalog *catalog, int64_t id, json_t **out,
                struct imw_error_info *err) IMW_MUST_USE;
bool signal_weeks(struct act *a, const struct catalog *catalog, int64_t department, unsigned weeks,
                  json_t **out, struct imw_error_info *err) IMW_MUST_USE;
