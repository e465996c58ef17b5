/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was observed of a subject, from sums (never from the events themselves), and what answers, facts and
 * controls suggest for the scores:
 *
 *     likelihood = 1 + 4 x the part of the answers that speak for the risk (partly: half; unknown: whole),
 *     rounded; at least 4 where it happened in the time; 3 where nothing was answered and nothing happened
 *     residual = the score as people rated it, less the steps of the controls in place; never below 1
 */
#include "base/text.h"
#include "identify/catalog.h"
#include "program/assessment.h"
#include "program/catalog_view.h"
#include "program/shape_list.h"
#include "store/event_store.h"
#include <stdlib.h>

enum { ACTION_SCAN = 4, USUAL = 3, HAPPENED = 4, WORST = 5 };

static bool has_word(const json_t *list, struct view word)
{
    const json_t *one;
    size_t i;

    json_array_foreach(list, i, one) if (view_equal(view_string(json_string_value(one)), word)) return true;
    return false;
}

/* The services of a subject: itself, or those of its class that were ever seen. */
static bool read_services(struct act *a, const struct catalog *catalog, const struct assessment_row *r,
                          json_t *out, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct db_rows *rows;

    if (r->service[0] != '\0')
        return json_array_append_new(out, json_pack("s", r->service)) == 0 || error_memory(err);
    if (!db_query(a->db, "select value from term where kind = 'service' order by value", DB_NONE, &rows, err))
        return false;
    while (db_next(rows, &why)) {
        const uint16_t n = catalog_find(catalog, db_get_text(rows, 0));
        if (n != 0 && strcmp(class_name(catalog_service(catalog, n)->class), r->class) == 0)
            json_array_append_new(out, shape_text(rows, 0));
    }
    return rows_done(rows, &why, err);
}

static bool read_totals(struct act *a, const struct assessment_row *r, const json_t *services,
                        uint64_t from_us, uint64_t until_us, json_t *out, struct imw_error_info *err)
{
    static const char *const keys[] = { "people",  "flows", "messages",  "files",   "alerts",
                                        "stopped", "agile", "bytes_out", "bytes_in" };
    struct event_filter *filter = NULL;
    json_t *use = NULL, *query = json_pack("{}");
    char slugs[8192] = "", department[24];
    struct text t = TEXT(slugs);
    const json_t *one;
    bool ok = true;
    size_t i;

    json_array_foreach(services, i, one) text_format(&t, "%s%s", i > 0 ? "," : "", json_string_value(one));
    json_object_set_new(query, "service", json_pack("[s]", slugs));
    snprintf(department, sizeof department, "%lld", (long long)r->department);
    if (r->department != 0)
        json_object_set_new(query, "department", json_pack("[s]", department));
    if (slugs[0] != '\0') {
        ok = event_filter_new(a->db, query, &filter, err);
        if (ok) {
            event_filter_span(filter, from_us, until_us);
            ok = usage_overview(a->db, filter, &use, err);
        }
        event_filter_free(filter);
    }
    for (i = 0; ok && i < sizeof keys / sizeof keys[0]; i++)
        json_object_set_new(
            out, keys[i],
            json_integer(json_integer_value(json_object_get(json_object_get(use, "totals"), keys[i]))));
    json_decref(use);
    json_decref(query);
    return ok;
}

/* A sum by service, of those that are meant. */
static bool sum_of(struct db *db, const json_t *services, const char *sql, const struct db_value *args,
                   unsigned count, int64_t *out, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct db_rows *rows;

    *out = 0;
    if (!db_query(db, sql, args, count, &rows, err))
        return false;
    while (db_next(rows, &why))
        if (has_word(services, db_get_text(rows, 0)))
            *out += db_get_int(rows, 1);
    return rows_done(rows, &why, err);
}

bool assessment_stopped(struct db *db, const json_t *services, int64_t department, uint64_t from_us,
                        int64_t *out, struct imw_error_info *err)
{
    const struct db_value day = db_int(day_of((int64_t)from_us));

    if (department != 0)
        return sum_of(db, services,
                      "select t.value, sum(u.stopped) from usage_day u join term t on t.id = u.service where "
                      "u.day >= ? and u.department = ? group by t.value",
                      DB_ARGS(day, db_int(department)), out, err);
    return sum_of(db, services,
                  "select t.value, sum(u.stopped) from usage_service_day u join term t on t.id = u.service "
                  "where u.day >= ? group by t.value",
                  DB_ARGS(day), out, err);
}

static bool read_scanned(struct act *a, const struct assessment_row *r, const json_t *services,
                         uint64_t from_us, uint64_t until_us, json_t *out, struct imw_error_info *err)
{
    const struct db_value first = db_int(day_of((int64_t)from_us)), last = db_int(day_of((int64_t)until_us)),
                          scan = db_int(ACTION_SCAN);
    int64_t n = 0;

    const bool ok =
        r->department != 0
            ? sum_of(a->db, services,
                     "select t.value, sum(u.files) from usage_day u join term t on t.id = u.service where "
                     "u.day between ? and ? and u.action = ? and u.department = ? group by t.value",
                     DB_ARGS(first, last, scan, db_int(r->department)), &n, err)
            : sum_of(a->db, services,
                     "select t.value, sum(u.files) from usage_service_day u join term t on t.id = u.service "
                     "where u.day between ? and ? and u.action = ? group by t.value",
                     DB_ARGS(first, last, scan), &n, err);
    return ok && json_object_set_new(out, "scanned", json_integer(n)) == 0;
}

/* Incidents that are no false alarms, by detector. */
static bool read_incidents(struct act *a, const struct assessment_row *r, const json_t *services,
                           uint64_t from_us, uint64_t until_us, json_t *out, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    json_t *list = json_pack("[]"), *sum = NULL;
    struct db_rows *rows;

    json_object_set_new(out, "incidents", list);
    if (!db_query(
            a->db,
            "select i.detector, t.value, count(*), sum(i.alerts) from incident i join term t on t.id = i.service "
            "left join who w on w.id = i.who left join person p on p.id = w.person where i.last_us >= ? and "
            "i.first_us < ? and i.state <> 'false-alarm' and i.merged_into is null and (? = 0 or p.department = "
            "?) group by i.detector, t.value order by i.detector, t.value",
            DB_ARGS(db_int((int64_t)from_us), db_int((int64_t)until_us), db_int(r->department),
                    db_int(r->department)),
            &rows, err))
        return false;
    while (db_next(rows, &why)) {
        if (!has_word(services, db_get_text(rows, 1)))
            continue;
        if (sum == NULL || !view_equal(view_string(json_string_value(json_object_get(sum, "detector"))),
                                       db_get_text(rows, 0))) {
            sum = json_pack("{so si si}", "detector", shape_text(rows, 0), "incidents", 0, "alerts", 0);
            json_array_append_new(list, sum);
        }
        json_integer_set(json_object_get(sum, "incidents"),
                         json_integer_value(json_object_get(sum, "incidents")) + db_get_int(rows, 2));
        json_integer_set(json_object_get(sum, "alerts"),
                         json_integer_value(json_object_get(sum, "alerts")) + db_get_int(rows, 3));
    }
    return rows_done(rows, &why, err);
}

bool assessment_observe(struct act *a, const struct catalog *catalog, const struct assessment_row *r,
                        uint64_t from_us, uint64_t until_us, json_t **out, struct imw_error_info *err)
{
    json_t *facts =
        json_pack("{so so so s[] s[] sn}", "from", shape_time(from_us), "until", shape_time(until_us),
                  "taken", shape_time(a->now_us), "services", "catalog", "end_to_end");
    json_t *services = json_object_get(facts, "services"), *known = NULL;
    bool ok = facts != NULL || error_memory(err);

    ok = ok && read_services(a, catalog, r, services, err) &&
         read_totals(a, r, services, from_us, until_us, facts, err) &&
         read_scanned(a, r, services, from_us, until_us, facts, err) &&
         read_incidents(a, r, services, from_us, until_us, facts, err) &&
         (r->service[0] == '\0' || catalog_view_risk(catalog, r->service, &known, err));
    if (ok && known != NULL) {
        json_object_set(facts, "catalog", json_object_get(known, "risk"));
        json_object_set(facts, "end_to_end", json_object_get(known, "end_to_end"));
    }
    json_decref(known);
    if (ok)
        *out = facts;
    else
        json_decref(facts);
    return ok;
}

/* ---- what it suggests ---- */

/* How often what says that the threat came true was counted. */
static int64_t happened(const struct risk_threat *t, const json_t *facts)
{
    struct view words = view_string(t->happened);
    const json_t *one;
    int64_t n = 0;
    size_t i;

    while (words.len > 0) {
        struct view word = view_token(&words, ' ');
        if (!view_starts(word, VIEW("incident:"))) {
            char key[32];
            struct text k = TEXT(key);
            text_add(&k, word);
            n += json_integer_value(json_object_get(facts, key));
            continue;
        }
        for (word = view_from(word, strlen("incident:")); word.len > 0;) {
            const struct view detector = view_token(&word, ',');
            json_array_foreach(
                json_object_get(facts, "incidents"), i,
                one) if (view_equal(view_string(json_string_value(json_object_get(one, "detector"))),
                                    detector)) n += json_integer_value(json_object_get(one, "incidents"));
        }
    }
    return n;
}

static const char *answer_to(const json_t *answers, const char *question)
{
    const json_t *one;
    size_t i;

    json_array_foreach(answers, i,
                       one) if (strcmp(json_string_value(json_object_get(one, "question")), question) ==
                                0) return json_string_value(json_object_get(one, "answer"));
    return NULL;
}

static json_t *suggest(const struct risk_threat *t, const json_t *risk, const json_t *answers,
                       const json_t *controls, const json_t *facts)
{
    int halves = 0, asked = 0;
    int64_t likelihood, fewer = 0, less = 0;
    const int64_t times = happened(t, facts);
    char because[200];
    const json_t *one;
    size_t k;

    for (unsigned i = 0; i < risk_questions_count; i++) {
        const struct risk_question *q = &risk_questions[i];
        const char *answer = strcmp(q->threat, t->key) == 0 ? answer_to(answers, q->key) : NULL;
        if (answer == NULL || strcmp(answer, "none") == 0)
            continue;
        asked++;
        halves += strcmp(answer, q->good) == 0 ? 0 : strcmp(answer, "partly") == 0 ? 1 : 2;
    }
    likelihood = asked > 0 ? 1 + (4 * halves + asked) / (2 * asked) : USUAL;
    if (times > 0 && likelihood < HAPPENED)
        likelihood = HAPPENED;
    if (asked == 0)
        snprintf(because, sizeof because, "nothing is answered yet%s", times > 0 ? "; it happened" : "");
    else
        snprintf(because, sizeof because, "%d of %d answers speak for it%s", (halves + 1) / 2, asked,
                 times > 0 ? "; it happened in this time" : "");
    json_array_foreach(controls, k, one)
    {
        if (strcmp(json_string_value(json_object_get(one, "threat")), t->key) != 0 ||
            strcmp(json_string_value(json_object_get(one, "state")), "in place") != 0)
            continue;
        fewer += json_integer_value(json_object_get(one, "likelihood"));
        less += json_integer_value(json_object_get(one, "impact"));
    }
    const json_t *rated = json_object_get(risk, "likelihood"), *hurt = json_object_get(risk, "impact");
    const int64_t l = (json_is_integer(rated) ? json_integer_value(rated) : likelihood) - fewer,
                  i = (json_is_integer(hurt) ? json_integer_value(hurt) : t->impact) - less;
    return json_pack("{sI si sI sI ss}", "likelihood", (json_int_t)likelihood, "impact", t->impact,
                     "residual_likelihood", (json_int_t)(l < 1 ? 1 : l), "residual_impact",
                     (json_int_t)(i < 1 ? 1 : i), "because", because);
}

bool assessment_suggest(json_t *risks, const json_t *answers, const json_t *controls, const json_t *facts)
{
    json_t *one;
    size_t i;

    json_array_foreach(risks, i, one)
    {
        const char *key = json_string_value(json_object_get(one, "threat"));
        for (unsigned t = 0; t < risk_threats_count; t++)
            if (strcmp(risk_threats[t].key, key) == 0 &&
                json_object_set_new(one, "suggested",
                                    suggest(&risk_threats[t], one, answers, controls, facts)) != 0)
                return false;
    }
    return true;
}
