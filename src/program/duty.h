/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Duties: who owes the signature of which document. One row a person and document (table duty), for the
 * newest published version that asks for signatures; made when it is published, done when the person signs,
 * and kept as people come, move and go: the clerk compares with the directory. Sums by department are kept
 * beside, of everybody (duty_sum) and of the people below each manager (duty_team_sum), so that no question
 * counts people. After managers changed the latter are not used until the clerk has made them anew
 * (document.team_sums); then a team is counted.
 *
 * Reminders: a mail when somebody comes to owe it, so many days before it is due, on the day, and then every
 * so many days (settings of the document). After so many days overdue the manager hears, once, one mail a
 * day and document with all of them. All of it waits while mail is turned off; what was missed meanwhile is
 * one mail, not many.
 *
 *     duty.c          rows and sums
 *     duty_list.c     for those who look
 *     duty_remind.c   mail
 */
#pragma once
#include "program/act.h"

enum { DUTY_LIMIT = 500 };

/* Everybody in the document's audience owes this version now. */
bool duty_begin(struct act *a, int64_t document, int64_t version, struct imw_error_info *err) IMW_MUST_USE;
/* As the directory and the document's audience are now. `document` 0: all. *out_changed may be NULL. In the
 * caller's write transaction. */
bool duty_refresh(struct db *db, int64_t document, uint64_t now_us, bool *out_changed,
                  struct imw_error_info *err) IMW_MUST_USE;
/* Would that change anything? Reads only. */
bool duty_is_stale(struct db *db, bool *out, struct imw_error_info *err) IMW_MUST_USE;
/* This person signed it. */
bool duty_done(struct act *a, int64_t document, int64_t person, struct imw_error_info *err) IMW_MUST_USE;

/* ---- questions ---- */
struct duty_filter {
    int64_t document, department; /* 0: all; department -1: of none */
    const char *state;            /* "open", "overdue", "signed", "excused"; NULL: open */
    const char *text;             /* part of a name or pseudonym; NULL: all */
    const char *cursor;           /* of the page before; NULL: the first */
    unsigned limit;
};
bool duty_list(struct act *a, const struct duty_filter *f, json_t **out,
               struct imw_error_info *err) IMW_MUST_USE;
bool duty_get(struct act *a, int64_t document, int64_t person, json_t **out,
              struct imw_error_info *err) IMW_MUST_USE;
bool duty_summary(struct act *a, json_t **out, struct imw_error_info *err) IMW_MUST_USE;

/* ---- acts ---- */
/* Somebody is away: no reminders, and not overdue, until then. `until_us` 0: no more. */
bool duty_excuse(struct act *a, int64_t document, int64_t person, uint64_t until_us, const char *why,
                 struct imw_error_info *err) IMW_MUST_USE;
/* Remind now: these people (NULL: all) of those who have not signed. */
bool duty_remind(struct act *a, int64_t document, const json_t *people, unsigned *out_queued,
                 unsigned *out_without_address, struct imw_error_info *err) IMW_MUST_USE;

/* ---- the clerk ---- */
/* Put mails that are due into the queue, some hundred in a transaction of their own; *out_more: there are
 * more. */
bool duty_remind_due(struct db *db, uint64_t now_us, unsigned *out_mails, bool *out_more,
                     struct imw_error_info *err) IMW_MUST_USE;
