/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a signal: signal.h. A change names the state that it comes from, so of two at once one
 * counts. */
#include "program/signal.h"
#include "base/text.h"
#include "program/incident.h"
#include <stdio.h>

struct row {
    int64_t id, person;
    unsigned level;
    char state[16];
};

static bool load_row(struct act *a, int64_t id, struct row *out, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;

    *out = (struct row){ .id = id };
    if (!db_query(a->db, "select person, level, state from signal where id = ?", DB_ARGS(db_int(id)), &rows,
                  err))
        return false;
    const bool found = db_next(rows, &why);
    if (found) {
        struct text t = TEXT(out->state);
        out->person = db_get_int(rows, 0);
        out->level = (unsigned)db_get_int(rows, 1);
        text_add(&t, db_get_text(rows, 2));
    }
    return rows_done(rows, &why, err) &&
           (found || act_no(a, err, ACT_MISSING, "", "there is no such signal"));
}

/* May this actor decide on it, and have they said why? */
static bool may_decide(struct act *a, const struct row *r, const char *why, struct imw_error_info *err)
{
    const struct view reason = view_trim(view_string(why));

    if (a->actor->token || a->actor->account == 0)
        return act_no(a, err, ACT_FORBIDDEN, "", "people decide on signals: sign in");
    if (r->person == a->actor->person)
        return act_no(a, err, ACT_FORBIDDEN, "", "it is about yourself: another person must decide");
    return (reason.len >= SIGNAL_WHY_LEAST && reason.len <= SIGNAL_WHY_BYTES) ||
           act_no(a, err, ACT_WRONG, "why", "say why, in %d characters or more", SIGNAL_WHY_LEAST);
}

static bool step_add(struct act *a, int64_t id, const char *step, const char *why, struct imw_error_info *err)
{
    return db_run(a->db,
                  "insert into signal_step (signal, account, time_us, step, why) values (?, ?, ?, ?, ?)",
                  DB_ARGS(db_int(id), db_int(a->actor->account), db_int((int64_t)a->now_us), db_text(step),
                          db_view(view_trim(view_string(why)))),
                  NULL, err);
}

static bool set_state(struct act *a, const struct row *r, const char *state, int64_t incident,
                      const char *why, struct imw_error_info *err)
{
    uint64_t changed = 0;

    if (!db_run(a->db, "update signal set state = ?, incident = ?, changed_us = ? where id = ? and state = ?",
                DB_ARGS(db_text(state), incident != 0 ? db_int(incident) : db_null(),
                        db_int((int64_t)a->now_us), db_int(r->id), db_text(r->state)),
                &changed, err))
        return false;
    if (changed != 1)
        return act_no(a, err, ACT_LATE, "", "somebody was quicker: load it again");
    return step_add(a, r->id, state, why, err);
}

bool signal_triage(struct act *a, int64_t id, const char *from, const char *state, const char *why,
                   struct imw_error_info *err)
{
    struct row r;

    if (strcmp(state, "open") != 0 && strcmp(state, "looked") != 0 && strcmp(state, "dismissed") != 0)
        return act_no(a, err, ACT_WRONG, "state", "open, looked and dismissed are known");
    if (!load_row(a, id, &r, err) || !may_decide(a, &r, why, err))
        return false;
    if (strcmp(r.state, from) != 0)
        return act_no(a, err, ACT_LATE, "", "somebody was quicker: load it again");
    if (strcmp(r.state, "incident") == 0)
        return act_no(a, err, ACT_LATE, "", "it was taken up as an incident: work on that");
    if (strcmp(r.state, state) == 0 || (strcmp(r.state, "dismissed") == 0 && strcmp(state, "open") != 0))
        return act_no(a, err, ACT_WRONG, "state", "it is %s already", r.state);
    return set_state(a, &r, state, 0, why, err) &&
           act_record(a, "signal.triage", "signal", id,
                      json_pack("{s:s,s:s,s:s}", "from", r.state, "state", state, "why", why), err);
}

static bool is_open_incident(struct act *a, int64_t id, struct imw_error_info *err)
{
    int64_t there = 0;

    if (!db_query_int(
            a->db,
            "select count(*) from incident where id = ? and state in ('new', 'open', 'contained') and "
            "merged_into is null",
            DB_ARGS(db_int(id)), &there, NULL, err))
        return false;
    return there > 0 || act_no(a, err, ACT_WRONG, "incident", "there is no open incident of that number");
}

static bool incident_of(struct act *a, const struct row *r, const char *why, int64_t *out,
                        struct imw_error_info *err)
{
    char title[80];

    snprintf(title, sizeof title, "Off-channel signal %lld", (long long)r->id);
    json_t *body = json_pack("{s:s,s:i,s:s}", "title", title, "severity", r->level == 1 ? 2 : 3, "note", why);
    const bool ok = body != NULL ? incident_open(a, body, out, err) : error_memory(err);

    json_decref(body);
    return ok;
}

bool signal_take_up(struct act *a, int64_t id, int64_t incident, const char *why, struct imw_error_info *err)
{
    char person[32], note[SIGNAL_WHY_BYTES + 64];
    struct row r;

    if (!load_row(a, id, &r, err) || !may_decide(a, &r, why, err))
        return false;
    if (strcmp(r.state, "incident") == 0)
        return act_no(a, err, ACT_LATE, "", "it was taken up already");
    if (incident == 0 && !incident_of(a, &r, why, &incident, err))
        return false;
    snprintf(person, sizeof person, "%lld", (long long)r.person);
    snprintf(note, sizeof note, "Off-channel signal %lld: %s", (long long)id, why);
    return is_open_incident(a, incident, err) && incident_link(a, incident, "person", person, err) &&
           incident_note(a, incident, note, err) && set_state(a, &r, "incident", incident, why, err) &&
           act_record(a, "signal.incident", "signal", id,
                      json_pack("{s:I,s:s}", "incident", (json_int_t)incident, "why", why), err);
}
