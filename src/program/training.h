/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is to learn what, and who has: duties, attempts, certificates.
 *
 *     training.c           the state of all: overview, people, excuses
 *     training_assign.c    assignments, and what the clerk makes of them
 *     training_learn.c     one's own: modules to read, what one owes
 *     training_attempt.c   the test: drawn, graded, certified
 *     training_effect.c    incidents before and after the certificate
 *     training_mail.c      reminders
 *
 * A duty is one person and one course:
 *
 *     open      owed, not due yet                    done      certified, nothing owed
 *     renew     owed again, the certificate counts   excused   by somebody, with a reason
 *     overdue   was due
 *
 * An assignment (to everybody, departments or people) makes duties; the clerk makes and ends them as people
 * join, move and leave, marks what is overdue, and makes people renew when a certificate comes to its end,
 * when the assignment's months are over, or when an incident that they were linked to was closed as real.
 * Trained is who has a duty in state done or renew, and none in another but excused.
 *
 * A test is drawn at random from the pool, with its options in random order, by the server; it knows what was
 * asked, and tells right answers and explanations only when the attempt is over. Attempts belong to people,
 * not to accounts.
 *
 * The sums of all duties (training_sum) are kept by whoever changes one, sum_move(), or many, sums_stale().
 */
#pragma once
#include "program/act.h"

enum {
    TRAINING_PAGE = 200,
    TRAINING_WHY_BYTES = 2000,
    TRAINING_AUDIENCE = 2000, /* departments or people of one assignment */
    TRAINING_AHEAD_DAYS = 30, /* before a certificate's end it is to be renewed */
    TRAINING_EFFECT_DAYS = 90,
    TRAINING_LEAST = 5, /* people of a group whose sums are shown */
};
#define DAY_OF_US UINT64_C(86400000000)

/* ---- the state of all: shapes of web/src/api/types.ts; managers are cut to their team ---- */
bool training_overview(struct act *a, int64_t course, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
struct training_filter {
    int64_t course;                              /* 0: all */
    const char *state, *department, *q, *cursor; /* NULL: any */
    unsigned limit;
};
bool training_people(struct act *a, const struct training_filter *f, json_t **out,
                     struct imw_error_info *err) IMW_MUST_USE;
bool training_person(struct act *a, int64_t person, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
/* {course, why, until?}; not oneself. */
bool training_let_off(struct act *a, int64_t person, const json_t *body, json_t **out,
                      struct imw_error_info *err) IMW_MUST_USE;
bool training_owe_again(struct act *a, int64_t person, int64_t course, json_t **out,
                        struct imw_error_info *err) IMW_MUST_USE;
/* By its number: CertificateCheck. */
bool certificate_look(struct act *a, const char *number, json_t **out,
                      struct imw_error_info *err) IMW_MUST_USE;

/* ---- assignments ---- */
bool assignments_json(struct act *a, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
bool assignment_json(struct act *a, int64_t id, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
bool assignment_begin(struct act *a, const json_t *body, int64_t *out_id,
                      struct imw_error_info *err) IMW_MUST_USE;
bool assignment_stop(struct act *a, int64_t id, struct imw_error_info *err) IMW_MUST_USE;

/* ---- the clerk's part, in transactions of its own ---- */
struct training_counts {
    uint64_t assigned, ended, moved, overdue, renewed, incidents, reminded, expired;
    bool more; /* call again: it did as many as one transaction should */
};
bool training_run(struct db *db, uint64_t now_us, struct training_counts *out,
                  struct imw_error_info *err) IMW_MUST_USE;
/* Count the effect anew, where that was last done a day ago. */
bool training_effect_count(struct db *db, uint64_t now_us, struct imw_error_info *err) IMW_MUST_USE;
bool training_effect(struct act *a, int64_t course, json_t **out, struct imw_error_info *err) IMW_MUST_USE;

/* ---- one's own ---- */
bool learn_all(struct act *a, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
bool learn_course(struct act *a, int64_t course, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
bool learn_read(struct act *a, int64_t course, int64_t module, struct imw_error_info *err) IMW_MUST_USE;
/* The running attempt, or a new one. */
bool attempt_begin(struct act *a, int64_t course, int64_t *out_id, struct imw_error_info *err) IMW_MUST_USE;
bool attempt_json(struct act *a, int64_t id, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
/* answers: [[place of an option]], a list for each question. *out_certified: who it is is trained now. */
bool attempt_hand_in(struct act *a, int64_t id, const json_t *answers, bool *out_certified,
                     struct imw_error_info *err) IMW_MUST_USE;
bool certificate_json(struct act *a, int64_t id, json_t **out, struct imw_error_info *err) IMW_MUST_USE;

/* ---- between the files of this ---- */
bool sum_move(struct db *db, int64_t course, int64_t department, const char *from, const char *to,
              struct imw_error_info *err) IMW_MUST_USE;
/* Many changed at once, in the caller's transaction: they are counted anew, if need be after a crash, by
 * sums_recount(), in a transaction of its own. */
bool sums_stale(struct db *db, struct imw_error_info *err) IMW_MUST_USE;
bool sums_recount(struct db *db, struct imw_error_info *err) IMW_MUST_USE;
/* CertificateRow out of these columns. */
#define CERTIFICATE_COLUMNS                                                                                  \
    "c.id, c.number, c.course, v.title, v.number, c.issued_us, c.valid_until_us, c.score, c.total, c.hash"
#define CERTIFICATE_FROM "training_certificate c join course_version v on v.id = c.version"
json_t *certificate_row(const struct db_rows *rows, void *now_us); /* const uint64_t * */
/* When months after a time are over (UTC): the same day of the month, or its last. */
uint64_t months_after(uint64_t time_us, int64_t months);
/* A reminder to whoever owes, or (escalate) to their manager. */
struct training_reminder {
    int64_t person, manager, course;
    const char *title, *state, *reason, *name;
    uint64_t due_us;
    int64_t number; /* of this duty's reminders: 0 the first */
    bool escalate;
};
bool training_mail(struct act *a, const struct training_reminder *r, struct imw_error_info *err) IMW_MUST_USE;
