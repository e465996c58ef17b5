/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A filter of the API as conditions on events and on sums. Names become numbers here, once; a name that no
 * event has matches nothing.
 */
#include "base/address.h"
#include "base/text.h"
#include "store/eve_scan.h"
#include "store/event_parts.h"
#include "store/team.h"
#include <stdlib.h>

static bool wrong(struct imw_error_info *err, const char *key, const char *what)
{
    error_set(err, IMW_ERROR_VALUE, "%s", what);
    if (err != NULL) {
        struct text t = TEXT(err->key);
        text_string(&t, key);
    }
    return false;
}

static bool list_add(struct id_list *l, int64_t id, const char *key, struct imw_error_info *err)
{
    if (l->count == FILTER_IDS)
        return wrong(err, key, "too many values; name at most 128");
    l->at[l->count++] = id;
    return true;
}

/* ---- one value of one name ---- */

static bool add_number(struct id_list *l, const char *key, struct view v, uint64_t most, bool none,
                       struct imw_error_info *err)
{
    uint64_t n = 0;

    l->given = true;
    if (!(none && view_equal(v, VIEW("none"))) && !view_decimal(v, most, &n))
        return wrong(err, key, "a number is expected");
    return list_add(l, (int64_t)n, key, err);
}

static bool add_name(unsigned *bits, const char *key, struct view v, const char *const *names, unsigned count,
                     struct imw_error_info *err)
{
    for (unsigned i = 0; i < count; i++)
        if (view_equal(v, names[i] != NULL ? view_string(names[i]) : VIEW("none"))) {
            *bits |= 1u << i;
            return true;
        }
    return wrong(err, key, "no such value");
}

static bool add_word(struct db *db, struct event_filter *f, enum event_word w, const char *key, struct view v,
                     struct imw_error_info *err)
{
    int64_t id = 0;
    bool found = w == WORD_SERVICE && view_equal(v, VIEW("none"));

    f->words[w].given = true;
    if (!found && !db_query_int(db, "select id from term where kind = ? and value = ?",
                                DB_ARGS(db_text(event_words[w].kind), db_view(v)), &id, &found, err))
        return false;
    return !found || list_add(&f->words[w], id, key, err);
}

/* Clients by a condition with one argument. */
static bool add_clients(struct db *db, struct event_filter *f, const char *sql, struct db_value arg,
                        const char *key, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    bool ok = true;

    f->who.given = true;
    if (!db_query(db, sql, DB_ARGS(arg), &rows, err))
        return false;
    while (ok && db_next(rows, &why))
        ok = list_add(&f->who, db_get_int(rows, 0), key, err);
    return rows_done(rows, &why, ok ? err : NULL) && ok;
}

static bool add_address(struct db *db, struct event_filter *f, struct view v, struct imw_error_info *err)
{
    char text[64];
    struct text t = TEXT(text);
    struct ip_addr ip;

    f->wanted |= EVENT_SEES_ADDRESSES;
    if (!ip_parse(v, &ip))
        return wrong(err, "address", "not an IP address");
    text_address(&t, &ip);
    return add_clients(db, f, "select id from who where address = ? order by id desc limit 129",
                       db_text(text), "address", err);
}

static bool add_sensor(struct db *db, struct event_filter *f, struct view v, struct imw_error_info *err)
{
    uint64_t n;
    int64_t id;
    bool found;

    f->sensor.given = true;
    if (view_decimal(v, INT64_MAX, &n))
        return list_add(&f->sensor, (int64_t)n, "sensor", err);
    if (!db_query_int(db, "select id from sensor where name = ?", DB_ARGS(db_view(v)), &id, &found, err))
        return false;
    return !found || list_add(&f->sensor, id, "sensor", err);
}

static bool add_time(int64_t *out, const char *key, struct view v, struct imw_error_info *err)
{
    char text[64];
    struct text t = TEXT(text);
    uint64_t us;

    text_add(&t, v);
    if (v.len == 10)
        text_string(&t, "T00:00:00Z");
    if (t.cut || !eve_time(view_of(text, t.len), &us))
        return wrong(err, key, "a time is expected, such as 2026-11-23T09:00:00Z");
    *out = (int64_t)us;
    return true;
}

/* Words with blanks between. */
static bool add_q(struct event_filter *f, struct view v, struct imw_error_info *err)
{
    unsigned n = 0;

    while (n < FILTER_WORDS && f->q[n][0] != '\0')
        n++;
    while (v.len > 0) {
        struct view word = view_trim(view_token(&v, ' '));
        if (word.len == 0)
            continue;
        if (n == FILTER_WORDS || word.len >= sizeof f->q[0])
            return wrong(err, "q", "too much to search for; at most three words");
        unsigned letters = 0;
        struct text t = TEXT(f->q[n]);
        for (size_t i = 0; i < word.len; i++) {
            letters += (word.at[i] & 0xc0) != 0x80;
            text_char(&t, (char)ascii_lower(word.at[i]));
        }
        if (letters < 3) {
            f->q[n][0] = '\0';
            return wrong(err, "q", "give at least three letters of each word");
        }
        n++;
    }
    return true;
}

static bool add_flag(bool *out, const char *key, struct view v, struct imw_error_info *err)
{
    if (!view_equal(v, VIEW("1")) && !view_equal(v, VIEW("0")))
        return wrong(err, key, "1 or nothing is expected");
    *out = *out || v.at[0] == '1';
    return true;
}

static bool add_severity(struct event_filter *f, struct view v, struct imw_error_info *err)
{
    uint64_t n;

    if (!view_decimal(v, 31, &n) || n == 0)
        return wrong(err, "severity", "a number is expected: 1 is the worst, 3 the least");
    f->severities |= 1u << n;
    return true;
}

static bool add_value(struct db *db, struct event_filter *f, const char *key, struct view v,
                      struct imw_error_info *err)
{
    struct view k = view_string(key);
    uint64_t n;

    if (view_equal(k, VIEW("kind")))
        return add_name(&f->kinds, key, v, event_kind_names, EVENT_KIND_COUNT, err);
    if (view_equal(k, VIEW("service")))
        return add_word(db, f, WORD_SERVICE, key, v, err);
    if (view_equal(k, VIEW("department")))
        return add_number(&f->department, key, v, INT64_MAX, true, err);
    if (view_equal(k, VIEW("action")))
        return add_name(&f->actions, key, v, event_action_names, 5, err);
    if (view_equal(k, VIEW("activity")))
        return add_name(&f->activity, key, v, event_activity_names, 6, err);
    if (view_equal(k, VIEW("port")))
        return add_number(&f->port, key, v, 65535, false, err);
    if (view_equal(k, VIEW("port_agile")))
        return add_flag(&f->agile, key, v, err);
    if (view_equal(k, VIEW("stopped")))
        return add_flag(&f->stopped, key, v, err);
    if (view_equal(k, VIEW("sensor")))
        return add_sensor(db, f, v, err);
    if (view_equal(k, VIEW("who")))
        return add_number(&f->who, key, v, INT64_MAX, false, err);
    if (view_equal(k, VIEW("person")))
        return view_decimal(v, INT64_MAX, &n)
                   ? add_clients(db, f, "select id from who where person = ? order by id desc limit 129",
                                 db_int((int64_t)n), key, err)
                   : wrong(err, key, "a number is expected");
    if (view_equal(k, VIEW("address")))
        return add_address(db, f, v, err);
    if (view_equal(k, VIEW("server")))
        return add_word(db, f, WORD_SERVER, key, v, err);
    if (view_equal(k, VIEW("rule")))
        return add_word(db, f, WORD_RULE, key, v, err);
    if (view_equal(k, VIEW("detector")))
        return add_word(db, f, WORD_DETECTOR, key, v, err);
    if (view_equal(k, VIEW("sha256")))
        return add_word(db, f, WORD_SHA256, key, v, err);
    if (view_equal(k, VIEW("severity")))
        return add_severity(f, v, err);
    if (view_equal(k, VIEW("scan")))
        return add_name(&f->scans, key, v, event_scan_names, 5, err);
    return wrong(err, key, "no such filter; docs/openapi.yaml lists them");
}

/* ---- the whole ---- */

/* Names that are no filter, but may stand beside one. */
static bool is_other(struct view key)
{
    static const char *const others[] = { "limit", "cursor", "sort", "offset", "format" };

    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++)
        if (view_equal(key, view_string(others[i])))
            return true;
    return false;
}

static bool add_values(struct db *db, struct event_filter *f, const char *key, struct view v,
                       struct imw_error_info *err)
{
    if (strcmp(key, "q") == 0)
        return add_q(f, v, err);
    if (strcmp(key, "from") == 0)
        return add_time(&f->from_us, key, v, err);
    if (strcmp(key, "to") == 0)
        return add_time(&f->to_us, key, v, err);
    if (strcmp(key, "rule") == 0) /* their names have commas */
        return add_value(db, f, key, v, err);
    while (v.len > 0) {
        struct view one = view_trim(view_token(&v, ','));
        if (one.len > 0 && !add_value(db, f, key, one, err))
            return false;
    }
    return true;
}

bool event_filter_new(struct db *db, json_t *query, struct event_filter **out, struct imw_error_info *err)
{
    struct event_filter *f = calloc(1, sizeof *f);
    const char *key;
    json_t *values, *value;
    size_t i;
    bool ok = f != NULL || error_set(err, IMW_ERROR_MEMORY, "no memory for a filter");

    if (f != NULL)
        f->to_us = INT64_MAX;
    if (query != NULL && ok) {
        json_object_foreach(query, key, values)
        {
            if (is_other(view_string(key)))
                continue;
            if (json_is_string(values))
                ok = ok && add_values(db, f, key,
                                      view_of(json_string_value(values), json_string_length(values)), err);
            json_array_foreach(values, i, value)
            {
                ok = ok && add_values(db, f, key,
                                      view_of(json_string_value(value), json_string_length(value)), err);
            }
            if (!ok)
                break;
        }
    }
    if (!ok) {
        event_filter_free(f);
        return false;
    }
    *out = f;
    return true;
}

void event_filter_free(struct event_filter *f)
{
    free(f);
}

void event_filter_permit(struct event_filter *f, unsigned sees)
{
    f->permitted = sees;
}

void event_filter_span(struct event_filter *f, uint64_t from_us, uint64_t to_us)
{
    if (f->from_us == 0)
        f->from_us = (int64_t)from_us;
    if (f->to_us == INT64_MAX)
        f->to_us = (int64_t)to_us;
}

bool event_filter_team(struct event_filter *f, struct db *db, int64_t manager, struct imw_error_info *err)
{
    (void)db;
    if (manager <= 0)
        return error_set(err, IMW_ERROR_VALUE,
                         "whose team is not known: an account of a manager names its person");
    f->manager = manager;
    return true;
}

bool filter_is_permitted(const struct event_filter *f, struct imw_error_info *err)
{
    return (f->wanted & ~f->permitted) == 0 ||
           wrong(err, "address",
                 "addresses may be searched for by engineers only; search by client or person");
}

static bool has_q(const struct event_filter *f)
{
    return f->q[0][0] != '\0';
}

static bool has_named_words(const struct event_filter *f)
{
    for (unsigned w = WORD_SERVER_NAME; w < EVENT_WORD_COUNT; w++)
        if (w != WORD_DETECTOR && f->words[w].given)
            return true;
    return false;
}

bool filter_has_words(const struct event_filter *f)
{
    return has_named_words(f) || has_q(f);
}

/* What only events know. */
static bool has_events_only(const struct event_filter *f)
{
    return has_named_words(f) || f->words[WORD_PROTOCOL].given || f->words[WORD_DETECTOR].given ||
           f->sensor.given || f->port.given || f->kinds != 0 || f->scans != 0 || f->severities != 0 ||
           f->activity != 0 || f->agile || f->stopped;
}

static bool has_rest(const struct event_filter *f)
{
    return has_events_only(f) || has_q(f);
}

bool filter_is_of_people(const struct event_filter *f)
{
    return !has_events_only(f);
}

bool filter_is_of_sums(const struct event_filter *f)
{
    return !has_rest(f) && !f->who.given && f->manager == 0;
}

bool filter_is_of_clients(const struct event_filter *f)
{
    return !has_rest(f) && (f->who.given || f->manager != 0);
}

bool filter_is_notable(const struct event_filter *f)
{
    const unsigned kinds = 1u << EVENT_ALERT | 1u << EVENT_FILEINFO | 1u << EVENT_CONTROL_TEST;

    return (f->kinds != 0 && (f->kinds & ~kinds) == 0) || f->stopped || f->agile || f->severities != 0 ||
           f->words[WORD_DETECTOR].given || (f->scans != 0 && (f->scans & 1) == 0);
}

/* ---- as conditions ---- */

static void in_list(struct ask *a, const char *column, const struct id_list *l)
{
    if (!l->given)
        return;
    ask_add(a, " and %s", column);
    ask_in(a, l->at, l->count);
}

static void in_bits(struct ask *a, const char *column, unsigned bits)
{
    if (bits == 0)
        return;
    ask_add(a, " and %s in (", column);
    for (unsigned i = 0, first = 1; i < 32; i++)
        if ((bits >> i & 1) != 0) {
            ask_add(a, "%s%u", first ? "" : ",", i);
            first = 0;
        }
    ask_add(a, ")");
}

static void in_team(struct ask *a, const struct event_filter *f)
{
    if (f->manager == 0)
        return;
    ask_add(a, " and who in (select w.id from who w where w.person in " TEAM_BELOW ")");
    ask_arg(a, db_int(f->manager));
}

static const char *searched_kinds(const struct event_filter *f)
{
    return (f->permitted & EVENT_SEES_ACCOUNTS) != 0
               ? "('server', 'file', 'sha256', 'rule', 'signature', 'account')"
               : "('server', 'file', 'sha256', 'rule', 'signature')";
}

/* "%word%" for `like`: its own signs do not count as such. */
static void like_pattern(struct text *t, const char *word)
{
    text_char(t, '%');
    for (const char *c = word; *c != '\0'; c++) {
        if (*c == '%' || *c == '_' || *c == '\\')
            text_char(t, '\\');
        text_char(t, *c);
    }
    text_char(t, '%');
}

void filter_called(const struct event_filter *f, struct ask *a)
{
    for (unsigned i = 0; i < FILTER_WORDS && f->q[i][0] != '\0'; i++) {
        struct text t = TEXT(a->pattern[i]);

        like_pattern(&t, f->q[i]);
        ask_add(a, " and who in (select w.id from who w left join person p on p.id = w.person"
                   " where lower(p.pseudonym) like ? escape '\\'");
        ask_arg(a, db_view(view_of(t.at, t.len)));
        if ((f->permitted & EVENT_SEES_ADDRESSES) != 0) {
            ask_add(a, " or lower(w.address) like ? escape '\\' or lower(w.host) like ? escape '\\'");
            ask_arg(a, db_view(view_of(t.at, t.len)));
            ask_arg(a, db_view(view_of(t.at, t.len)));
        }
        ask_add(a, ")");
    }
}

void filter_with(const struct event_filter *f, struct db *db, struct ask *a)
{
    for (unsigned i = 0; i < FILTER_WORDS && f->q[i][0] != '\0'; i++) {
        struct text t = TEXT(a->pattern[i]);
        bool sqlite = db_kind(db) == DB_SQLITE;

        if (sqlite) {
            text_char(&t, '"');
            for (const char *c = f->q[i]; *c != '\0'; c++) {
                if (*c == '"')
                    text_char(&t, '"');
                text_char(&t, *c);
            }
            text_char(&t, '"');
        } else {
            like_pattern(&t, f->q[i]);
        }
        ask_add(a, "%sm%u(id) as materialized (", i == 0 ? "with " : ", ", i);
        if (sqlite)
            ask_add(a,
                    "select t.id from term_search s join term t on t.id = s.rowid where s.term_search match ?"
                    " and t.kind in %s) ",
                    searched_kinds(f));
        else
            ask_add(a, "select t.id from term t where lower(t.value) like ? and t.kind in %s) ",
                    searched_kinds(f));
        ask_arg(a, db_view(view_of(t.at, t.len)));
    }
}

void filter_conditions(const struct event_filter *f, struct ask *a)
{
    in_list(a, "sensor", &f->sensor);
    in_list(a, "department", &f->department);
    in_list(a, "who", &f->who);
    in_list(a, "server_port", &f->port);
    for (unsigned w = 0; w < EVENT_WORD_COUNT; w++)
        in_list(a, event_words[w].column, &f->words[w]);
    in_team(a, f);
    in_bits(a, "kind", f->kinds);
    in_bits(a, "action", f->actions);
    in_bits(a, "scan", f->scans);
    in_bits(a, "severity", f->severities);
    if (f->activity != 0)
        ask_add(a, " and (activity & %u) <> 0", f->activity);
    if (f->agile)
        ask_add(a, " and agile = 1");
    if (f->stopped)
        ask_add(a, " and stopped = 1");
    if (filter_is_notable(f))
        ask_add(a, " and notable = 1");
    for (unsigned i = 0; i < FILTER_WORDS && f->q[i][0] != '\0'; i++) {
        const char *before = " and (";
        for (unsigned w = 0; w < EVENT_WORD_COUNT; w++) {
            if (event_words[w].searched == 0 ||
                (event_words[w].searched == 2 && (f->permitted & EVENT_SEES_ACCOUNTS) == 0))
                continue;
            ask_add(a, "%s%s in (select id from m%u)", before, event_words[w].column, i);
            before = " or ";
        }
        ask_add(a, ")");
    }
}

void filter_sums(const struct event_filter *f, struct ask *a)
{
    in_list(a, "department", &f->department);
    in_list(a, "service", &f->words[WORD_SERVICE]);
    in_bits(a, "action", f->actions);
}

void filter_sums_seen(const struct event_filter *f, struct ask *a)
{
    in_list(a, "service", &f->words[WORD_SERVICE]);
    in_bits(a, "action", f->actions);
}

void filter_clients(const struct event_filter *f, struct ask *a)
{
    in_list(a, "who", &f->who);
    in_team(a, f);
    if (f->department.given) {
        ask_add(a, " and who in (select w.id from who w left join person p on p.id = w.person"
                   " where coalesce(p.department, 0)");
        ask_in(a, f->department.at, f->department.count);
        ask_add(a, ")");
    }
}

void filter_sums_who(const struct event_filter *f, struct ask *a)
{
    filter_clients(f, a);
    filter_sums_seen(f, a);
}

void filter_chunks(const struct event_filter *f, int day, struct ask *a)
{
    for (unsigned w = WORD_SERVER_NAME; w < EVENT_WORD_COUNT; w++) {
        if (w == WORD_DETECTOR || !f->words[w].given)
            continue;
        ask_add(a, " and c.id in (select chunk from word_%d where word", day);
        ask_in(a, f->words[w].at, f->words[w].count);
        ask_add(a, ")");
    }
    for (unsigned i = 0; i < FILTER_WORDS && f->q[i][0] != '\0'; i++)
        ask_add(a, " and c.id in (select chunk from word_%d where word in (select id from m%u))", day, i);
}
