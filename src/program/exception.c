/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exceptions: asked for, decided, ended, closed out. A change of state names the state that it comes from, so
 * that of two who are at it at once one changes a row and the other none.
 */
#include "program/exception.h"
#include "identify/catalog.h"
#include "program/mail.h"
#include "program/setting.h"
#include "program/shape.h"
#include "program/team.h"
#include <stdlib.h>

enum { ACTIVITIES_BYTES = 128, LISTED = 200 };
static const uint64_t hour_us = UINT64_C(3600000000), day_us = UINT64_C(86400000000);

/* A row, as far as acts need it. */
struct row {
    int64_t id, person, department, asked_by, manager; /* manager: of the department */
    char kind, state[16];                              /* kind: 'r', 'e' */
    uint64_t until_us;
    bool closed;
};

static bool load_row(struct act *a, int64_t id, struct row *out, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct db_rows *rows;

    *out = (struct row){ .id = id };
    if (!db_query(
            a->db,
            "select e.kind, e.state, e.person, e.department, e.asked_by, e.until_us, e.closed_us, d.manager "
            "from exception e left join department d on d.id = e.department where e.id = ?",
            DB_ARGS(db_int(id)), &rows, err))
        return false;
    const bool found = db_next(rows, &why);
    if (found) {
        struct text t = TEXT(out->state);
        out->kind = view_equal(db_get_text(rows, 0), VIEW("emergency")) ? 'e' : 'r';
        text_add(&t, db_get_text(rows, 1));
        out->person = db_get_int(rows, 2);
        out->department = db_get_int(rows, 3);
        out->asked_by = db_get_int(rows, 4);
        out->until_us = (uint64_t)db_get_int(rows, 5);
        out->closed = !db_is_null(rows, 6);
        out->manager = db_get_int(rows, 7);
    }
    if (!rows_done(rows, &why, err))
        return false;
    return found || act_no(a, err, ACT_MISSING, "", "there is no such exception");
}

/* Is this person below whoever acts? */
static bool is_below(struct act *a, int64_t person, bool *out, struct imw_error_info *err)
{
    *out = false;
    if (a->actor->person == 0 || person == 0)
        return true;
    return team_has(a->db, a->actor->person, person, out, err);
}

/* Does whoever acts lead the person or the department of this row? */
static bool leads(struct act *a, const struct row *r, bool *out, struct imw_error_info *err)
{
    *out = r->department != 0 && a->actor->person != 0 && r->manager == a->actor->person;
    return *out || !actor_is(a->actor, ROLE_MANAGER) || is_below(a, r->person, out, err);
}

/* A mail of what became of it, to who asked and to whom it is about; in the transaction of what it is about.
 */
static bool tell_by_mail(struct act *a, int64_t id, const char *what, const char *words,
                         struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    char key[2][64], subject[80], text[EXCEPTION_TEXT_BYTES + 600], link[300], until[WHEN_SIZE];
    int64_t asker = 0, person = 0, asker_person = 0;
    struct text t = TEXT(text);
    struct db_rows *rows;

    if (!mail_link(a->db, "/mine/exceptions", link, sizeof link, err) ||
        !db_query(
            a->db,
            "select e.asked_by, e.person, q.person, coalesce(e.service, e.class), e.until_us from exception e left "
            "join account q on q.id = e.asked_by where e.id = ?",
            DB_ARGS(db_int(id)), &rows, err))
        return false;
    if (db_next(rows, &why)) {
        asker = db_get_int(rows, 0);
        person = db_get_int(rows, 1);
        asker_person = db_get_int(rows, 2);
        when_text((uint64_t)db_get_int(rows, 4), until);
        text_format(&t, "The exception %lld from the policy, for ", (long long)id);
        text_add(&t, db_get_text(rows, 3));
        text_format(&t, ", %s.\nIts end: %.16s (UTC).\n", what, until);
    }
    if (!rows_done(rows, &why, err))
        return false;
    if (words[0] != '\0')
        text_format(&t, "\n%s\n", words);
    if (link[0] != '\0')
        text_format(&t, "\n%s\n", link);
    snprintf(subject, sizeof subject, "Exception %lld %s", (long long)id, what);
    snprintf(key[0], sizeof key[0], "exception %lld %s asker", (long long)id, what);
    snprintf(key[1], sizeof key[1], "exception %lld %s person", (long long)id, what);
    const struct mail
        to_asker = { .account = asker, .kind = "exception", .key = key[0], .subject = subject, .text = text },
        to_person = {
            .person = person, .kind = "exception", .key = key[1], .subject = subject, .text = text
        };
    return (asker == 0 || mail_add(a, &to_asker, err)) &&
           (person == 0 || person == asker_person || mail_add(a, &to_person, err));
}

/* To those who decide: somebody asks, or an emergency began. In plain words, without who it is for: a mail
 * goes through more hands than the console. */
static bool tell_deciders(struct act *a, int64_t id, bool emergency, const char *what, int64_t person,
                          uint64_t until_us, struct imw_error_info *err)
{
    char key[64], subject[120], text[1200], page[40], link[300], until[WHEN_SIZE];

    snprintf(page, sizeof page, "/exceptions/%lld", (long long)id);
    if (!mail_link(a->db, page, link, sizeof link, err))
        return false;
    when_text(until_us, until);
    snprintf(subject, sizeof subject,
             emergency ? "Emergency use of %s has begun" : "For your decision: an exception for %s", what);
    snprintf(
        text, sizeof text,
        emergency
            ? "%s started emergency use of %s, exception %lld, until %.16s (UTC).\n\nIt stays open until "
              "somebody closes it out with what was said and where that is archived.\n%s%s\n"
            : "%s asks for an exception for %s, number %lld, until %.16s (UTC).\n\nPurpose, benefit and "
              "risk are in the console. Nobody decides on their own request.\n%s%s\n",
        a->actor->name, what, (long long)id, until, link[0] != '\0' ? "\n" : "", link);
    snprintf(key, sizeof key, "exception %lld %s", (long long)id, emergency ? "began" : "asked");
    return mail_add_to_compliance(
        a, PERMISSION_EXCEPTION_DECIDE, person,
        &(struct mail){ .kind = "exception", .key = key, .subject = subject, .text = text }, err);
}

/* ---- asking ---- */

static bool good_text(struct act *a, const char *key, const char *text, size_t least,
                      struct imw_error_info *err)
{
    const struct view v = view_trim(view_string(text != NULL ? text : ""));
    size_t characters = 0;

    for (size_t i = 0; i < v.len; i++)
        characters += (v.at[i] & 0xc0) != 0x80;
    if (characters < least)
        return act_no(a, err, ACT_WRONG, key, "say it in %zu characters or more", least);
    return v.len <= EXCEPTION_TEXT_BYTES || act_no(a, err, ACT_WRONG, key, "a shorter text is needed");
}

static bool read_activities(struct act *a, const json_t *list, char out[ACTIVITIES_BYTES],
                            struct imw_error_info *err)
{
    struct text t = text_over(out, ACTIVITIES_BYTES);
    unsigned bits = 0;
    const json_t *word;
    size_t i;

    if (!json_is_array(list))
        return act_no(a, err, ACT_WRONG, "activities", "a list is needed; empty: all");
    json_array_foreach(list, i, word)
    {
        const char *name = json_string_value(word);
        const int number = name != NULL ? activity_find(view_string(name)) : -1;
        if (number < 0)
            return act_no(a, err, ACT_WRONG, "activities",
                          "lookup, login, presence, chat, file and call are known");
        bits |= 1u << number;
    }
    for (int n = 0; n < ACTIVITY_COUNT; n++)
        if ((bits >> n & 1) != 0)
            text_format(&t, "%s%s", t.len > 0 ? " " : "", activity_words[n]);
    return true;
}

/* A day, with all of it, or a time. */
static bool read_until(struct act *a, const char *text, uint64_t *out, struct imw_error_info *err)
{
    int64_t most = 0;

    if (text == NULL || !when_read(text, out))
        return act_no(a, err, ACT_WRONG, "until",
                      "a day such as 2027-01-31, or a time such as 2027-01-31T18:00:00Z");
    if (strlen(text) == strlen("2027-01-31"))
        *out += day_us;
    if (!setting_number(a->db, SETTING_ID_EXCEPTION_DAYS, &most, err))
        return false;
    if (*out <= a->now_us)
        return act_no(a, err, ACT_WRONG, "until", "that is past");
    return *out <= a->now_us + ((uint64_t)most + 1) * day_us ||
           act_no(a, err, ACT_WRONG, "until", "an exception ends after %lld days at most: ask anew then",
                  (long long)most);
}

/* Whom it is for: *person or *department. Whether the caller may ask that. */
static bool read_whom(struct act *a, const struct exception_wish *w, int64_t *person, int64_t *department,
                      struct imw_error_info *err)
{
    struct row r = { .person = w->person, .department = w->department };
    bool found = false, lead = false;
    int64_t id = 0;

    if (w->person != 0 && w->department != 0)
        return act_no(a, err, ACT_WRONG, "department", "for a person or for a department, not both");
    if (w->person == 0 && w->department == 0)
        r.person = a->actor->person;
    if (r.person == 0 && r.department == 0)
        return act_no(
            a, err, ACT_WRONG, "person",
            "your account is not joined to a person of the directory: an administrator can do that");
    if (r.person != 0 && !db_query_int(a->db, "select id from person where id = ? and state = 'active'",
                                       DB_ARGS(db_int(r.person)), &id, &found, err))
        return false;
    if (r.department != 0 && !db_query_int(a->db, "select coalesce(manager, 0) from department where id = ?",
                                           DB_ARGS(db_int(r.department)), &r.manager, &found, err))
        return false;
    if (!found)
        return act_no(a, err, ACT_WRONG, r.person != 0 ? "person" : "department",
                      "there is none of that number");
    *person = r.person;
    *department = r.department;
    if (actor_may(a->actor, PERMISSION_EXCEPTION_DECIDE) || (r.person != 0 && r.person == a->actor->person))
        return true;
    if (!leads(a, &r, &lead, err))
        return false;
    return (lead && actor_is(a->actor, ROLE_MANAGER)) ||
           act_no(a, err, ACT_FORBIDDEN, r.person != 0 ? "person" : "department",
                  "ask for yourself; managers ask for their team");
}

bool exception_of_what(struct act *a, const struct catalog *catalog, const char *service, const char *name,
                       struct imw_error_info *err)
{
    int class = -1;

    if ((service != NULL) == (name != NULL))
        return act_no(a, err, ACT_WRONG, "service", "a service or a class of services is needed");
    if (service != NULL)
        return catalog_find(catalog, view_string(service)) != 0 ||
               act_no(a, err, ACT_WRONG, "service", "the catalog has no such service");
    for (int c = 0; c < CLASS_COUNT; c++)
        class = strcmp(class_words[c], name) == 0 ? c : class;
    return class >= 0 ||
           act_no(a, err, ACT_WRONG, "class", "im, social, workplace, meeting and voice-chat are known");
}

static bool insert(struct act *a, const struct catalog *catalog, const struct exception_wish *w,
                   const char *kind, uint64_t until_us, int64_t *out_id, struct imw_error_info *err)
{
    const bool emergency = strcmp(kind, "emergency") == 0;
    char activities[ACTIVITIES_BYTES] = "";
    int64_t person, department, waiting = 0;
    json_t *risk = NULL;

    if (a->actor->token || a->actor->account == 0)
        return act_no(a, err, ACT_FORBIDDEN, "", "people ask for exceptions: sign in");
    if (!exception_of_what(a, catalog, w->service, w->class, err) ||
        !read_activities(a, w->activities, activities, err) ||
        !good_text(a, "purpose", w->purpose, EXCEPTION_WHY_LEAST, err) ||
        (!emergency && !good_text(a, "benefit", w->benefit, EXCEPTION_WHY_LEAST, err)) ||
        !read_whom(a, w, &person, &department, err))
        return false;
    if (emergency && person != 0 && person == a->actor->person)
        return act_no(a, err, ACT_FORBIDDEN, "person", "another person starts an emergency for you");
    if (!db_query_int(a->db, "select count(*) from exception where asked_by = ? and state = 'asked'",
                      DB_ARGS(db_int(a->actor->account)), &waiting, NULL, err))
        return false;
    if (!emergency && waiting >= EXCEPTIONS_WAITING)
        return act_no(a, err, ACT_LATE, "", "%d of your requests wait for an answer: withdraw some",
                      EXCEPTIONS_WAITING);
    if (!exception_risk(a, catalog, w->service, w->class, &risk, err))
        return false;
    char *shown = json_dumps(risk, JSON_COMPACT);
    json_decref(risk);
    if (shown == NULL)
        return error_memory(err);
    const struct db_value now = db_int((int64_t)a->now_us), me = db_int(a->actor->account);
    bool ok = db_insert(
        a->db,
        "insert into exception (kind, state, service, class, activities, person, department, purpose, benefit, risk, "
        "asked_by, asked_us, from_us, until_us, decided_by, decided_us, changed_us) "
        "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) returning id",
        DB_ARGS(db_text(kind), db_text(emergency ? "granted" : "asked"), db_text(w->service),
                db_text(w->class), db_text(activities), person != 0 ? db_int(person) : db_null(),
                department != 0 ? db_int(department) : db_null(), db_view(view_trim(view_string(w->purpose))),
                db_view(view_trim(view_string(w->benefit != NULL ? w->benefit : ""))), db_text(shown), me,
                now, emergency ? now : db_null(), db_int((int64_t)until_us), emergency ? me : db_null(),
                emergency ? now : db_null(), now),
        out_id, err);
    free(shown);
    char until[WHEN_SIZE];
    when_text(until_us, until);
    return ok &&
           tell_deciders(a, *out_id, emergency, w->service != NULL ? w->service : w->class, person, until_us,
                         err) &&
           act_record(a, emergency ? "exception.emergency" : "exception.ask", "exception", *out_id,
                      json_pack("{s:s?,s:s?,s:s,s:I,s:I,s:s,s:s}", "service", w->service, "class", w->class,
                                "activities", activities, "person", (json_int_t)person, "department",
                                (json_int_t)department, "purpose", w->purpose, "until", until),
                      err);
}

bool exception_ask(struct act *a, const struct catalog *catalog, const struct exception_wish *w,
                   int64_t *out_id, struct imw_error_info *err)
{
    uint64_t until_us = 0;

    return read_until(a, w->until, &until_us, err) && insert(a, catalog, w, "request", until_us, out_id, err);
}

bool exception_start_emergency(struct act *a, const struct catalog *catalog, const struct exception_wish *w,
                               int64_t *out_id, struct imw_error_info *err)
{
    int64_t most = 0, managers = 0;

    if (!setting_number(a->db, SETTING_ID_EXCEPTION_HOURS, &most, err) ||
        !setting_number(a->db, SETTING_ID_EXCEPTION_MANAGERS, &managers, err))
        return false;
    if (w->hours < 1 || w->hours > most)
        return act_no(a, err, ACT_WRONG, "hours", "from 1 to %lld hours", (long long)most);
    if (!actor_may(a->actor, PERMISSION_EXCEPTION_DECIDE) &&
        (managers == 0 || !actor_is(a->actor, ROLE_MANAGER)))
        return act_no(a, err, ACT_FORBIDDEN, "", "compliance starts an emergency%s",
                      actor_is(a->actor, ROLE_MANAGER) ? "; the settings do not let managers do it" : "");
    return insert(a, catalog, w, "emergency", a->now_us + (uint64_t)w->hours * hour_us, out_id, err);
}

/* ---- deciding, ending ---- */

bool exception_decide(struct act *a, int64_t id, bool grant, const char *why, const char *until,
                      struct imw_error_info *err)
{
    bool other = false;
    uint64_t changed = 0, until_us;
    struct row r;

    if (a->actor->token || !actor_may(a->actor, PERMISSION_EXCEPTION_DECIDE))
        return act_no(a, err, ACT_FORBIDDEN, "", "compliance decides on exceptions");
    if (!load_row(a, id, &r, err))
        return false;
    if (strcmp(r.state, "asked") != 0)
        return act_no(a, err, ACT_LATE, "", "it was decided or withdrawn already");
    if (!act_is_other(a, r.asked_by, &other, err))
        return false;
    if (!other)
        return act_no(a, err, ACT_FORBIDDEN, "", "one's own request is decided by another person");
    if (r.person != 0 && r.person == a->actor->person)
        return act_no(a, err, ACT_FORBIDDEN, "", "it is for yourself: another person must decide");
    until_us = r.until_us;
    if ((!grant && !good_text(a, "why", why, 3, err)) || (grant && strlen(why) > EXCEPTION_TEXT_BYTES))
        return grant ? act_no(a, err, ACT_WRONG, "why", "a shorter text is needed") : false;
    if (grant && until != NULL && !read_until(a, until, &until_us, err))
        return false;
    if (grant && until_us <= a->now_us)
        return act_no(a, err, ACT_WRONG, "until", "its time is past already: give another end");
    if (!db_run(
            a->db,
            "update exception set state = ?, decided_by = ?, decided_us = ?, decided_why = ?, from_us = ?, "
            "until_us = ?, changed_us = ? where id = ? and state = 'asked'",
            DB_ARGS(db_text(grant ? "granted" : "refused"), db_int(a->actor->account),
                    db_int((int64_t)a->now_us), db_text(why), grant ? db_int((int64_t)a->now_us) : db_null(),
                    db_int((int64_t)until_us), db_int((int64_t)a->now_us), db_int(id)),
            &changed, err))
        return false;
    if (changed != 1)
        return act_no(a, err, ACT_LATE, "", "it was decided or withdrawn already");
    char end[WHEN_SIZE];
    when_text(until_us, end);
    return tell_by_mail(a, id, grant ? "was granted" : "was refused", why, err) &&
           act_record(a, grant ? "exception.grant" : "exception.refuse", "exception", id,
                      json_pack("{s:s,s:s}", "why", why, "until", end), err);
}

bool exception_end(struct act *a, int64_t id, const char *why, struct imw_error_info *err)
{
    uint64_t changed = 0;
    bool lead = false;
    struct row r;

    if (a->actor->token || a->actor->account == 0)
        return act_no(a, err, ACT_FORBIDDEN, "", "people end exceptions: sign in");
    if (!load_row(a, id, &r, err) || !leads(a, &r, &lead, err))
        return false;
    const bool asked = strcmp(r.state, "asked") == 0, mine = r.asked_by == a->actor->account,
               about_me = r.person != 0 && r.person == a->actor->person;
    if (!asked && strcmp(r.state, "granted") != 0)
        return act_no(a, err, ACT_LATE, "", "it is over already");
    if (asked && !mine)
        return act_no(a, err, ACT_FORBIDDEN, "", "who asked withdraws a request; compliance refuses it");
    if (!asked && !mine && !about_me && !lead && !actor_may(a->actor, PERMISSION_EXCEPTION_DECIDE))
        return act_no(a, err, ACT_FORBIDDEN, "",
                      "compliance, the manager and who asked for it end an exception");
    if (!asked && !good_text(a, "why", why, 3, err))
        return false;
    if (!db_run(a->db,
                "update exception set state = ?, ended_by = ?, ended_us = ?, ended_why = ?, changed_us = ? "
                "where id = ? and state = ?",
                DB_ARGS(db_text(asked ? "withdrawn" : "ended"), db_int(a->actor->account),
                        db_int((int64_t)a->now_us), db_text(why), db_int((int64_t)a->now_us), db_int(id),
                        db_text(r.state)),
                &changed, err))
        return false;
    if (changed != 1)
        return act_no(a, err, ACT_LATE, "", "somebody was quicker: load it again");
    return (asked || tell_by_mail(a, id, "was ended", why, err)) &&
           act_record(a, asked ? "exception.withdraw" : "exception.end", "exception", id,
                      json_pack("{s:s}", "why", why), err);
}

bool exception_close(struct act *a, int64_t id, const char *said, const char *archived,
                     struct imw_error_info *err)
{
    uint64_t changed = 0;
    struct row r;

    if (a->actor->token || a->actor->account == 0)
        return act_no(a, err, ACT_FORBIDDEN, "", "people close an emergency out: sign in");
    if (!load_row(a, id, &r, err))
        return false;
    if (r.kind != 'e')
        return act_no(a, err, ACT_LATE, "", "only an emergency is closed out");
    if (r.asked_by != a->actor->account && !actor_may(a->actor, PERMISSION_EXCEPTION_DECIDE))
        return act_no(a, err, ACT_FORBIDDEN, "", "who started it, or compliance, closes it out");
    if (r.closed)
        return act_no(a, err, ACT_LATE, "", "it was closed out already");
    if (!good_text(a, "said", said, EXCEPTION_WHY_LEAST, err) || !good_text(a, "archived", archived, 3, err))
        return false;
    /* What goes on would not be in what was just told. */
    if (strcmp(r.state, "granted") == 0 && r.until_us > a->now_us && !exception_end(a, id, "closed out", err))
        return false;
    if (!db_run(a->db,
                "update exception set closed_by = ?, closed_us = ?, said = ?, archived = ?, changed_us = ? "
                "where id = ? and closed_us is null",
                DB_ARGS(db_int(a->actor->account), db_int((int64_t)a->now_us), db_text(said),
                        db_text(archived), db_int((int64_t)a->now_us), db_int(id)),
                &changed, err))
        return false;
    if (changed != 1)
        return act_no(a, err, ACT_LATE, "", "it was closed out already");
    return act_record(a, "exception.close", "exception", id,
                      json_pack("{s:s,s:s}", "said", said, "archived", archived), err);
}

bool exception_expire(struct act *a, unsigned most, unsigned *out_count, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct db_rows *rows;
    int64_t ids[LISTED];
    unsigned count = 0;

    *out_count = 0;
    most = most < LISTED ? most : LISTED;
    if (!db_query(
            a->db,
            "select id from exception where state = 'granted' and until_us <= ? order by until_us limit ?",
            DB_ARGS(db_int((int64_t)a->now_us), db_int(most)), &rows, err))
        return false;
    while (count < most && db_next(rows, &why))
        ids[count++] = db_get_int(rows, 0);
    if (!rows_done(rows, &why, err))
        return false;
    for (unsigned i = 0; i < count; i++)
        if (!db_run(
                a->db,
                "update exception set state = 'expired', ended_us = until_us, changed_us = ? where id = ? and "
                "state = 'granted'",
                DB_ARGS(db_int((int64_t)a->now_us), db_int(ids[i])), NULL, err))
            return false;
    for (unsigned i = 0; i < count; i++)
        if (!tell_by_mail(a, ids[i], "is over", "", err) ||
            !act_record(a, "exception.expire", "exception", ids[i], json_pack("{}"), err))
            return false;
    *out_count = count;
    return true;
}
