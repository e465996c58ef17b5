/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Incidents: what somebody has to look at, out of alerts and by hand.
 *
 *     incident.c         states, notes, links, merging
 *     incident_list.c    lists; one with all that belongs to it
 *     incident_alerts.c  alerts of the event store become incidents
 *     incident_words.c   titles and advice by detector
 *
 * An incident is what one detector told about one subject on one service, as long as the next alert comes
 * within a window (usually a day) and nobody closed it. Seen again after that, it is a new one that links the
 * old. A merged one lives on in the one that it was merged into: what belongs to it comes there.
 *
 *     new -> open, contained, closed, false-alarm     open -> contained, closed, false-alarm
 *     contained -> open, closed, false-alarm          closed, false-alarm -> open
 *
 * Whoever changes one names the version that he or she saw; an older one is refused. Notes, links and alerts
 * that join do not count as versions. Every act is in the audit trail; changes are told by the caller.
 */
#pragma once
#include "program/act.h"

enum {
    INCIDENT_TITLE_BYTES = 200,
    INCIDENT_TEXT_BYTES = 8000,   /* of a note or an outcome */
    INCIDENT_LINKED_EVENTS = 200, /* alerts that are linked to one incident; later ones are counted */
    INCIDENT_MERGED = 50,         /* most at a time */
    INCIDENT_PAGE = 200,          /* most of a list */
};

/* ---- states ---- */

/* NULL: there are no more. */
const char *incident_state_word(unsigned state);
/* Less than 0: no such state. */
int incident_state_find(struct view word);

/* ---- out of alerts ---- */

/* What one call did. `last_event`: alerts are seen up to here. */
struct incident_counts {
    uint64_t alerts, opened,
        joined; /* alerts that came; incidents that are new; alerts of one that was there */
    int64_t last_event;
    bool more; /* call again: it took as many as one transaction should */
};
/* Take alerts that are stored and were not taken before: each exactly once, for what came out and how far it
 * came is one transaction, which this begins and commits. Those of detectors, of drills, of enforcement that
 * failed, and infected files; what was stopped as the policy says is none. */
bool incident_take_alerts(struct db *db, uint64_t window_us, uint64_t now_us, struct incident_counts *out,
                          struct imw_error_info *err) IMW_MUST_USE;

/* ---- by people ---- */

/* {title, severity, events?: [id], note?} */
bool incident_open(struct act *a, const json_t *body, int64_t *out_id,
                   struct imw_error_info *err) IMW_MUST_USE;
/* {version, state?, assignee? (null: nobody), severity?, title?, outcome?}. Closing needs an outcome. */
bool incident_change(struct act *a, int64_t id, const json_t *body, struct imw_error_info *err) IMW_MUST_USE;
bool incident_note(struct act *a, int64_t id, const char *text, struct imw_error_info *err) IMW_MUST_USE;
/* `object`: a number or, of a file, its SHA-256 in hexadecimal. */
bool incident_link(struct act *a, int64_t id, const char *kind, const char *object,
                   struct imw_error_info *err) IMW_MUST_USE;
bool incident_unlink(struct act *a, int64_t id, const char *kind, const char *object,
                     struct imw_error_info *err) IMW_MUST_USE;
bool incident_merge(struct act *a, int64_t into, const int64_t *from, unsigned count,
                    struct imw_error_info *err) IMW_MUST_USE;

/* ---- what there is: IncidentRow and IncidentDetail of the API, but that `who` is the number of a client,
 * for the caller to put in words ---- */

/* Any may be NULL. state: "new,open"; assignee: an account's number, "none" or "me"; severity: "1,2"; q:
 * words of the title, a detector, or a number. {incidents, cursor, counts}. */
struct incident_filter {
    const char *state, *assignee, *severity, *q, *cursor;
    unsigned limit;
};
bool incident_list(struct act *a, const struct incident_filter *f, json_t **out,
                   struct imw_error_info *err) IMW_MUST_USE;
bool incident_get(struct act *a, int64_t id, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
/* {"assignees":[{id, name}]}: accounts that an incident may be given to, by name. */
bool incident_assignees(struct act *a, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
/* [{id, title}] of those that link one of these events. */
bool incidents_of_events(struct db *db, const int64_t *events, unsigned count, json_t **out,
                         struct imw_error_info *err) IMW_MUST_USE;

/* ---- words ---- */
/* `signature_id` 0: not known. Never NULL. */
const char *incident_title(const char *detector, unsigned signature_id);
const char *incident_advice(const char *detector, unsigned signature_id);

/* ---- between the files of this ---- */

/* An event as far as incidents need it; numbers of words are those of table term, 0: none. */
struct incident_event {
    int64_t id, who, service, sha256;
    uint64_t time_us;
    unsigned severity;   /* 1 is the worst, 0: none */
    bool is_alert;       /* else an infected file */
    char signature[200]; /* what it says, for people */
};
bool incident_event_find(struct db *db, int64_t id, struct incident_event *out, bool *out_found,
                         struct imw_error_info *err) IMW_MUST_USE;
/* What to do first: what the newest linked alert says, else what is said of the detector. */
bool incident_advice_of(struct db *db, int64_t incident, const char *detector, char *out, size_t size,
                        struct imw_error_info *err) IMW_MUST_USE;
