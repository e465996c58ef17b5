/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions, shown: lists by whom the caller may see, one with its history, and the risk of what is asked
 * for. */
#include "identify/catalog.h"
#include "program/assessment.h"
#include "program/catalog_view.h"
#include "program/exception.h"
#include "program/setting.h"
#include "program/shape.h"
#include "program/team.h"
#include "store/event_store.h"
#include <stdlib.h>

enum { DUE_DAYS = 14, LISTED = 200 };
static const uint64_t day_us = UINT64_C(86400000000);

/* Whose names and which rows the caller sees. */
struct sight {
    bool all, names;
    int64_t self, account;
    uint64_t read_us; /* of the newest bundle; 0: none, or its policy takes no exceptions */
};

static bool see(struct act *a, struct sight *out, struct imw_error_info *err)
{
    bool found = false;

    *out = (struct sight){ .all = actor_is(a->actor, ROLE_COMPLIANCE) || actor_is(a->actor, ROLE_ENGINEER) ||
                                  actor_is(a->actor, ROLE_EXAMINER),
                           .self = a->actor->person,
                           .account = a->actor->account };
    out->names = !a->actor->token && (actor_is(a->actor, ROLE_COMPLIANCE) || !out->all);
    int64_t read_us = 0;
    if (!db_query_int(a->db, "select read_us from enforcement where one = 1 and takes = 1", DB_NONE, &read_us,
                      &found, err))
        return false;
    out->read_us = (uint64_t)read_us;
    return true;
}

#define COLUMNS                                                                                              \
    "select e.id, e.kind, e.state, e.service, e.class, e.activities, e.person, e.department, "               \
    "coalesce(p.name, d.name), p.pseudonym, e.purpose, e.benefit, e.asked_us, q.name, e.from_us, "           \
    "e.until_us, e.decided_us, c.name, e.decided_why, e.ended_us, n.name, e.ended_why, e.closed_us, "        \
    "o.name, e.said, e.archived, e.asked_by, q.person, e.changed_us, e.risk from exception e "               \
    "left join person p on p.id = e.person left join department d on d.id = e.department "                   \
    "left join account q on q.id = e.asked_by left join account c on c.id = e.decided_by "                   \
    "left join account n on n.id = e.ended_by left join account o on o.id = e.closed_by "
enum column {
    ID,
    KIND,
    STATE,
    SERVICE,
    CLASS,
    ACTIVITIES,
    PERSON,
    DEPARTMENT,
    NAME,
    PSEUDONYM,
    PURPOSE,
    BENEFIT,
    ASKED,
    ASKED_BY,
    FROM,
    UNTIL,
    DECIDED,
    DECIDED_BY,
    DECIDED_WHY,
    ENDED,
    ENDED_BY,
    ENDED_WHY,
    CLOSED,
    CLOSED_BY,
    SAID,
    ARCHIVED,
    ASKER,
    ASKER_PERSON,
    CHANGED,
    RISK
};

static json_t *words_of(struct view text)
{
    json_t *list = json_pack("[]");

    while (text.len > 0) {
        struct view word = view_token(&text, ' ');
        (void)json_array_append_new(list, json_stringn((const char *)word.at, word.len));
    }
    return list;
}

static json_t *row_value(const struct act *a, const struct sight *s, const struct db_rows *rows, bool detail)
{
    const bool is_person = !db_is_null(rows, PERSON),
               granted = view_equal(db_get_text(rows, STATE), VIEW("granted")),
               asked = view_equal(db_get_text(rows, STATE), VIEW("asked")),
               emergency = view_equal(db_get_text(rows, KIND), VIEW("emergency")),
               mine = db_get_int(rows, ASKER) == s->account && s->account != 0,
               self = is_person && db_get_int(rows, PERSON) == s->self,
               named = !is_person || s->names || self,
               decides = actor_may(a->actor, PERMISSION_EXCEPTION_DECIDE) && !a->actor->token,
               open = emergency && db_is_null(rows, CLOSED);
    const bool asker_is_self = is_person && db_get_int(rows, ASKER_PERSON) == db_get_int(rows, PERSON);
    const uint64_t until_us = (uint64_t)db_get_int(rows, UNTIL);
    char rule[40];

    snprintf(rule, sizeof rule, "exception %lld", (long long)db_get_int(rows, ID));
    json_t *row =
        json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:{s:s,s:o,s:o},s:o,s:o,s:o,s:o,s:o,s:o}", "id",
                  shape_int(rows, ID), "kind", shape_text(rows, KIND), "state", shape_text(rows, STATE),
                  "service", shape_text(rows, SERVICE), "class", shape_text(rows, CLASS), "activities",
                  words_of(db_get_text(rows, ACTIVITIES)), "who", "kind", is_person ? "person" : "department",
                  "id", shape_int(rows, is_person ? PERSON : DEPARTMENT), "label",
                  shape_text(rows, named ? NAME : PSEUDONYM), "purpose", shape_text(rows, PURPOSE), "benefit",
                  shape_text(rows, BENEFIT), "asked", shape_time_of(rows, ASKED), "asked_by",
                  shape_text(rows, asker_is_self && !named ? PSEUDONYM : ASKED_BY), "from",
                  shape_time_of(rows, FROM), "until", shape_time_of(rows, UNTIL));
    json_t *more =
        json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:b,s:o,s:o,s:o,s:o,s:s,s:b,s:b,s:{s:b,s:b,s:b}}", "decided",
                  shape_time_of(rows, DECIDED), "decided_by", shape_text(rows, DECIDED_BY), "decided_why",
                  shape_text(rows, DECIDED_WHY), "ended", shape_time_of(rows, ENDED), "ended_by",
                  shape_text(rows, ENDED_BY), "ended_why", shape_text(rows, ENDED_WHY), "open", open,
                  "closed", shape_time_of(rows, CLOSED), "closed_by", shape_text(rows, CLOSED_BY), "said",
                  shape_text(rows, SAID), "archived", shape_text(rows, ARCHIVED), "rule", rule, "enforced",
                  granted && until_us > a->now_us && s->read_us >= (uint64_t)db_get_int(rows, CHANGED),
                  "mine", mine, "may", "decide", asked && decides && !mine && !self, "end",
                  (asked && mine) || (granted && (mine || self || decides || !s->all)), "close",
                  open && (mine || decides));
    if (row == NULL || more == NULL || json_object_update(row, more) != 0) {
        json_decref(row);
        row = NULL;
    }
    json_decref(more);
    if (row != NULL && detail) {
        struct view risk = db_get_text(rows, RISK);
        json_t *shown = json_loadb((const char *)risk.at, risk.len, 0, NULL);
        if (shown == NULL || json_object_set_new(row, "risk", shown) != 0) {
            json_decref(row);
            row = NULL;
        }
    }
    return row;
}

static bool collect(struct act *a, const char *sql, const struct db_value *args, unsigned count,
                    const struct sight *s, bool detail, json_t **out, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    json_t *list = json_pack("[]");
    struct db_rows *rows;
    bool ok = list != NULL;

    if (!db_query(a->db, sql, args, count, &rows, err)) {
        json_decref(list);
        return false;
    }
    while (ok && db_next(rows, &why))
        ok = json_array_append_new(list, row_value(a, s, rows, detail)) == 0;
    db_rows_end(rows);
    if (!ok)
        error_memory(err);
    else if (why.code != IMW_OK)
        *err = why;
    if (ok && why.code == IMW_OK)
        *out = list;
    else
        json_decref(list);
    return ok && why.code == IMW_OK;
}

/* Rows that a manager sees: their own account's, about them, their departments', and those of people below.
 */
#define TEAM "(e.asked_by = ? or e.person = ? or d.manager = ? or e.person in " TEAM_BELOW ")"

static bool counts(struct act *a, const struct sight *s, json_t **out, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    const struct db_value soon = db_int((int64_t)(a->now_us + DUE_DAYS * day_us)), me = db_int(s->self);
    static const char what[] =
        "select coalesce(sum(case when e.state = 'asked' then 1 else 0 end), 0), "
        "coalesce(sum(case when e.state = 'granted' then 1 else 0 end), 0), "
        "coalesce(sum(case when e.kind = 'emergency' and e.closed_us is null then 1 else 0 end), 0), "
        "coalesce(sum(case when e.state = 'granted' and e.until_us <= ? then 1 else 0 end), 0) "
        "from exception e left join department d on d.id = e.department "
        "where (e.state in ('asked', 'granted') or (e.kind = 'emergency' and e.closed_us is null))";
    char sql[2000];
    struct db_rows *rows;

    snprintf(sql, sizeof sql, "%s%s", what, s->all ? "" : " and " TEAM);
    const struct db_value args[] = { soon, db_int(s->account), me, me, me };
    if (!db_query(a->db, sql, args, s->all ? 1 : 5, &rows, err))
        return false;
    if (db_next(rows, &why))
        *out = json_pack("{s:o,s:o,s:o,s:o}", "asked", shape_int(rows, 0), "granted", shape_int(rows, 1),
                         "open", shape_int(rows, 2), "due", shape_int(rows, 3));
    return rows_done(rows, &why, err);
}

static bool enforced(struct act *a, json_t **out, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct db_rows *rows;

    if (!db_query(a->db, "select number, takes from enforcement where one = 1", DB_NONE, &rows, err))
        return false;
    if (db_next(rows, &why))
        *out = json_pack("{s:o,s:b}", "number", shape_int(rows, 0), "takes", db_get_int(rows, 1) != 0);
    else
        *out = json_pack("{s:n,s:b}", "number", "takes", false);
    return rows_done(rows, &why, err);
}

static bool is_word(const char *word, const char *const *words)
{
    while (word != NULL && *words != NULL && strcmp(word, *words) != 0)
        words++;
    return word == NULL || *words != NULL;
}

bool exception_list(struct act *a, const struct exception_filter *f, json_t **out, struct imw_error_info *err)
{
    static const char
        *const states[] = { "asked", "granted", "refused", "withdrawn", "expired", "ended", NULL },
               *const kinds[] = { "request", "emergency", NULL };
    const unsigned limit = f->limit > 0 && f->limit < LISTED ? f->limit : LISTED;
    json_t *list = NULL, *sums = NULL, *now = NULL;
    struct db_value args[16];
    unsigned n = 0;
    char sql[4000], like[300];
    struct text t = TEXT(sql), words = TEXT(like);
    struct sight s;

    if (!is_word(f->state, states))
        return act_no(a, err, ACT_WRONG, "state",
                      "asked, granted, refused, withdrawn, expired and ended are known");
    if (!is_word(f->kind, kinds))
        return act_no(a, err, ACT_WRONG, "kind", "request and emergency are known");
    if (!see(a, &s, err))
        return false;
    text_string(&t, COLUMNS "where 1 = 1");
    if (!s.all) {
        text_string(&t, " and " TEAM);
        args[n++] = db_int(s.account);
        for (unsigned i = 0; i < 3; i++)
            args[n++] = db_int(s.self);
    }
    if (f->state != NULL) {
        text_string(&t, " and e.state = ?");
        args[n++] = db_text(f->state);
    }
    if (f->kind != NULL) {
        text_string(&t, " and e.kind = ?");
        args[n++] = db_text(f->kind);
    }
    if (f->open)
        text_string(&t, " and e.kind = 'emergency' and e.closed_us is null");
    if (f->due_days > 0) {
        text_string(&t, " and e.state = 'granted' and e.until_us <= ?");
        args[n++] = db_int((int64_t)(a->now_us + (uint64_t)f->due_days * day_us));
    }
    if (f->text != NULL &&
        f->text[0] != '\0') { /* purposes name people now and then: what one sees is searched */
        for (struct view v = view_slice(view_string(f->text), 0, 100); v.len > 0; v = view_from(v, 1))
            text_format(&words, "%s%c",
                        v.at[0] == '%' || v.at[0] == '_' || v.at[0] == '\\' ? "\\"
                        : words.len == 0                                    ? "%"
                                                                            : "",
                        (char)ascii_lower(v.at[0]));
        text_char(&words, '%');
        text_string(&t, " and (lower(e.purpose) like ? escape '\\' or e.service like ? escape '\\')");
        args[n++] = db_text(like);
        args[n++] = db_text(like);
    }
    if (f->before > 0) {
        text_string(&t, " and e.id < ?");
        args[n++] = db_int(f->before);
    }
    text_string(&t, " order by e.id desc limit ?");
    args[n++] = db_int(limit + 1);
    bool ok = collect(a, sql, args, n, &s, false, &list, err) && counts(a, &s, &sums, err) &&
              enforced(a, &now, err);
    if (ok) {
        json_t *cursor = json_null();
        if (json_array_size(list) > limit) {
            (void)json_array_remove(list, limit);
            cursor = json_sprintf("%lld", (long long)json_integer_value(
                                              json_object_get(json_array_get(list, limit - 1), "id")));
        }
        *out = json_pack("{s:O,s:o,s:O,s:O}", "exceptions", list, "cursor", cursor, "counts", sums,
                         "enforced", now);
        ok = *out != NULL || error_memory(err);
    }
    json_decref(list);
    json_decref(sums);
    json_decref(now);
    return ok;
}

bool exception_get(struct act *a, int64_t id, json_t **out, struct imw_error_info *err)
{
    json_t *list = NULL;
    struct sight s;

    if (!see(a, &s, err))
        return false;
    const struct db_value me = db_int(s.self), args[] = { db_int(id), db_int(s.account), me, me, me };
    if (!collect(a, s.all ? COLUMNS "where e.id = ?" : COLUMNS "where e.id = ? and " TEAM, args,
                 s.all ? 1 : 5, &s, true, &list, err))
        return false;
    *out = json_incref(json_array_get(list, 0));
    json_decref(list);
    return *out != NULL || act_no(a, err, ACT_MISSING, "", "there is no such exception");
}

bool exception_mine(struct act *a, json_t **out, struct imw_error_info *err)
{
    json_t *list = NULL;
    int64_t most = 0;
    struct sight s;

    if (!see(a, &s, err) || !setting_number(a->db, SETTING_ID_EXCEPTION_DAYS, &most, err) ||
        !collect(a, COLUMNS "where e.asked_by = ? or e.person = ? order by e.id desc limit ?",
                 DB_ARGS(db_int(s.account), db_int(s.self != 0 ? s.self : -1), db_int(LISTED)), &s, false,
                 &list, err))
        return false;
    *out = json_pack("{s:o,s:I}", "exceptions", list, "most_days", (json_int_t)most);
    return *out != NULL || error_memory(err);
}

/* ---- risk ---- */

/* The services of a class that were ever seen, "whatsapp,telegram". */
static bool seen_of_class(struct db *db, const struct catalog *catalog, const char *class, struct text *out,
                          struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct db_rows *rows;

    if (!db_query(db, "select value from term where kind = 'service'", DB_NONE, &rows, err))
        return false;
    while (db_next(rows, &why)) {
        const struct view slug = db_get_text(rows, 0);
        const uint16_t number = catalog_find(catalog, slug);
        if (number == 0 || strcmp(class_words[catalog_service(catalog, number)->class], class) != 0)
            continue;
        if (out->len > 0)
            text_char(out, ',');
        text_add(out, slug);
    }
    return rows_done(rows, &why, err);
}

static json_int_t figure(const json_t *totals, const char *name)
{
    return json_integer_value(json_object_get(totals, name));
}

bool exception_risk(struct act *a, const struct catalog *catalog, const char *service, const char *class,
                    json_t **out, struct imw_error_info *err)
{
    struct event_filter *filter = NULL;
    json_t *facts = NULL, *use = NULL, *assessed = NULL;
    char services[8192] = "";
    struct text t = TEXT(services);
    bool ok = exception_of_what(a, catalog, service, class, err);

    if (ok && service != NULL) {
        text_string(&t, service);
        ok = catalog_view_risk(catalog, service, &facts, err);
    } else if (ok) {
        ok = seen_of_class(a->db, catalog, class, &t, err);
    }
    if (ok && t.len > 0) {
        json_t *query = json_pack("{s:[s]}", "service", services);
        ok = event_filter_new(a->db, query, &filter, err);
        json_decref(query);
        if (ok) {
            event_filter_span(filter, a->now_us - EXCEPTION_RISK_DAYS * day_us, a->now_us);
            ok = usage_overview(a->db, filter, &use, err);
        }
        event_filter_free(filter);
    }
    if (ok && service != NULL) { /* where the service has none of its own, that of its class */
        const struct catalog_service *known =
            catalog_service(catalog, catalog_find(catalog, view_string(service)));
        ok = assessment_of(a->db, service, class_name(known->class), &assessed, err);
    } else if (ok) {
        ok = assessment_of(a->db, NULL, class, &assessed, err);
    }
    if (ok) {
        const json_t *totals = json_object_get(use, "totals");
        json_t *risks = facts != NULL ? json_incref(json_object_get(facts, "risk")) : json_pack("[]");
        *out = json_pack(
            "{s:s?,s:s?,s:o,s:O,s:i,s:I,s:I,s:I,s:I,s:I,s:O}", "service", service, "class", class, "risk",
            risks, "end_to_end", facts != NULL ? json_object_get(facts, "end_to_end") : json_null(), "days",
            EXCEPTION_RISK_DAYS, "flows", figure(totals, "flows"), "people", figure(totals, "people"),
            "files", figure(totals, "files"), "alerts", figure(totals, "alerts"), "stopped",
            figure(totals, "stopped"), "assessment", assessed);
        ok = *out != NULL || error_memory(err);
    }
    json_decref(facts);
    json_decref(use);
    json_decref(assessed);
    return ok;
}
