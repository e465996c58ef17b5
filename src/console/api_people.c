/* SPDX-License-Identifier: Apache-2.0 */
/* People, departments, lists of people, and the directory. Names are for administrators; others see those
 * that were revealed to them. */
#include "console/api.h"
#include "console/ask_keeper.h"
#include "console/routes.h"
#include "program/people_csv.h"
#include "program/person.h"
#include <stdlib.h>

enum { PAGE_USUAL = 50, PAGE_MOST = 500, SYNC_WAIT_MS = 300000 };

static struct people_view view_of_call(const struct call *c)
{
    return (struct people_view){ .actor = &c->actor,
                                 .names = actor_is(&c->actor, ROLE_ADMINISTRATOR),
                                 .now_us = c->now_us };
}

void people_show(struct call *c)
{
    const struct people_view view = view_of_call(c);
    const char *department = call_query(c, "department");
    struct people_filter f = { .text = call_query(c, "q"), .state = call_query(c, "state") };
    struct imw_error_info err = { 0 };
    int64_t limit;
    json_t *out;

    if (!call_query_number(c, "limit", 0, PAGE_MOST, PAGE_USUAL, &limit) ||
        !call_query_number(c, "cursor", 0, INT64_MAX, 0, &f.after))
        return;
    if (department != NULL && strcmp(department, "none") == 0)
        f.department = -1;
    else if (!call_query_number(c, "department", 0, INT64_MAX, 0, &f.department))
        return;
    f.limit = limit > 0 ? (unsigned)limit : PAGE_USUAL;
    if (people_list(c->db, &view, &f, &out, &err))
        call_json(c, 200, out);
    else
        call_failed(c, &err);
}

/* The person of this id is the answer. */
static void answer_person(struct call *c, unsigned status, int64_t id)
{
    const struct people_view view = view_of_call(c);
    struct imw_error_info err = { 0 };
    json_t *out = NULL;

    if (!person_get(c->db, &view, id, &out, &err))
        call_failed(c, &err);
    else if (out == NULL)
        call_problem(c, 404, NULL, "there is no such person");
    else
        call_json(c, status, out);
}

void person_show(struct call *c)
{
    int64_t id;

    if (call_id(c, 0, &id))
        answer_person(c, 200, id);
}

/* Who comes, moves or goes owes other signatures. */
static void people_changed(struct call *c)
{
    call_changed(c, CHANGE_PEOPLE);
    call_wake(c, "duties");
}

void person_create(struct call *c)
{
    struct imw_error_info err = { 0 };
    int64_t id;

    if (!person_add(c->db, c->body, c->now_us, &id, &err))
        call_refused(c, &err);
    else if (call_audit(c, "person.add", NULL, "person %lld", (long long)id)) {
        answer_person(c, 201, id);
        people_changed(c);
    }
}

void person_patch(struct call *c)
{
    struct imw_error_info err = { 0 };
    json_t *changed = NULL;
    int64_t id;

    if (!call_id(c, 0, &id))
        return;
    if (!person_change(c->db, id, c->body, c->now_us, &changed, &err)) {
        if (strcmp(err.key, "id") == 0)
            call_problem(c, 404, NULL, "there is no such person");
        else
            call_refused(c, &err);
    } else if (call_audit(c, "person.change", changed, "person %lld", (long long)id)) {
        answer_person(c, 200, id);
        people_changed(c);
    }
    json_decref(changed);
}

/* kind and value of an alias of the person in the path. */
static bool read_alias(struct call *c, int64_t *id, const char **kind, const char **value)
{
    return call_id(c, 0, id) && call_text(c, "kind", 16, kind) && call_text(c, "value", 255, value);
}

static bool audit_alias(struct call *c, const char *act, int64_t id, const char *kind, const char *value)
{
    json_t *detail = json_pack("{s:s,s:s}", "kind", kind, "value", value);
    bool good = call_audit(c, act, detail, "person %lld", (long long)id);

    json_decref(detail);
    return good;
}

void person_alias_create(struct call *c)
{
    struct imw_error_info err = { 0 };
    const char *kind, *value;
    int64_t id;

    if (!read_alias(c, &id, &kind, &value))
        return;
    if (!person_alias_add(c->db, id, kind, value, c->now_us, &err)) {
        call_refused(c, &err);
    } else if (audit_alias(c, "person.alias.add", id, kind, value)) {
        answer_person(c, 201, id);
        call_changed(c, CHANGE_PEOPLE);
    }
}

void person_alias_remove(struct call *c)
{
    struct imw_error_info err = { 0 };
    const char *kind, *value;
    int64_t id;
    bool found;

    if (!read_alias(c, &id, &kind, &value))
        return;
    if (!person_alias_end(c->db, id, kind, value, c->now_us, &found, &err)) {
        call_refused(c, &err);
    } else if (!found) {
        call_problem(c, 404, NULL, "the person has no such alias");
    } else if (audit_alias(c, "person.alias.end", id, kind, value)) {
        answer_person(c, 200, id);
        call_changed(c, CHANGE_PEOPLE);
    }
}

void department_list(struct call *c)
{
    const struct people_view view = view_of_call(c);
    struct imw_error_info err = { 0 };
    json_t *out;

    if (departments_list(c->db, &view, &out, &err))
        call_json(c, 200, out);
    else
        call_failed(c, &err);
}

void people_import(struct call *c)
{
    struct people_sync how = { .source = PERSON_CSV, .actor = &c->actor, .address = c->address };
    const char *dry = call_query(c, "dry"), *force = call_query(c, "force");
    struct imw_error_info err = { 0 };
    struct people_counts n;
    struct roster *r = roster_new();

    how.dry = dry != NULL && strcmp(dry, "1") == 0;
    how.force = force != NULL && strcmp(force, "1") == 0;
    if (r == NULL || c->upload == NULL) {
        call_problem(c, r == NULL ? 500 : 422, NULL, "%s",
                     r == NULL ? "out of memory" : "a CSV file is needed");
    } else if (!people_csv_load(c->upload, r, &err)) {
        if (err.line > 0)
            call_problem(c, 422, NULL, "line %u: %s", err.line, err.text);
        else
            call_problem(c, 422, NULL, "%s", err.text);
    } else if (!people_sync(c->db, r, &how, c->now_us, &n, &err)) {
        call_refused(c, &err);
    } else {
        call_json(c, 200,
                  json_pack("{s:I,s:I,s:I,s:I,s:o}", "added", (json_int_t)n.added, "changed",
                            (json_int_t)n.changed, "left", (json_int_t)n.left, "unchanged",
                            (json_int_t)n.unchanged, "problems", line_problems_json(&r->problems)));
        if (!how.dry)
            people_changed(c);
    }
    roster_free(r);
}

void people_sync_now(struct call *c)
{
    struct imw_error_info err = { 0 };
    json_t *answer = NULL;
    const char *force = call_query(c, "force"), *dry = call_query(c, "dry");

    db_rollback(c->db); /* the clerk writes: nobody waits for it with a transaction open */
    if (role_ask(c->api->clerk,
                 json_pack("{s:s,s:s,s:s,s:b,s:b}", "ask", "ldap-sync", "actor", c->actor.name, "address",
                           c->address, "force", force != NULL && strcmp(force, "1") == 0, "dry",
                           dry != NULL && strcmp(dry, "1") == 0),
                 SYNC_WAIT_MS, &answer, &err)) {
        json_object_del(answer, "id");
        json_object_del(answer, "ok");
        call_json(c, 200, answer);
    } else if (err.code == IMW_ERROR_VALUE) {
        call_problem(c, 422, NULL, "%s", err.text);
    } else {
        call_problem(c, 502, NULL, "%s; what is known of people stays as it was", err.text);
    }
}
