/* SPDX-License-Identifier: Apache-2.0 */
/* Who is trained, and who is to be: program/training.h. */
#include "console/answer_act.h"
#include "console/routes.h"
#include "program/training.h"

/* Gateways may ask who is trained (policy: `trained`). */
static void duties_changed(struct call *c)
{
    call_changed(c, CHANGE_TRAINING);
    call_wake(c, "training");
}

/* ?course, 0: none. False: answered. */
static bool course_of(struct call *c, int64_t *out)
{
    return call_query_number(c, "course", 1, INT64_MAX, 0, out);
}

void training_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *body = NULL;
    int64_t course;

    if (course_of(c, &course)) {
        bool ok = training_overview(&a, course, &body, &err);
        answer_made(c, &a, ok, 200, body, &err);
    }
}

void training_people_list(struct call *c)
{
    struct training_filter f = { .state = call_query(c, "state"),
                                 .department = call_query(c, "department"),
                                 .q = call_query(c, "q"),
                                 .cursor = call_query(c, "cursor") };
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *body = NULL;
    int64_t limit;

    if (!course_of(c, &f.course) || !call_query_number(c, "limit", 0, UINT32_MAX, 0, &limit))
        return;
    f.limit = (unsigned)limit;
    bool ok = training_people(&a, &f, &body, &err);
    answer_made(c, &a, ok, 200, body, &err);
}

void training_person_show(struct call *c)
{
    answer_id(c, training_person);
}

void training_excuse(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *body = NULL;
    int64_t person;

    if (call_id(c, 0, &person)) {
        bool ok = training_let_off(&a, person, c->body, &body, &err);
        duties_changed(c);
        answer_made(c, &a, ok, 200, body, &err);
    }
}

void training_excuse_end(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *body = NULL;
    int64_t person, course;

    if (call_id(c, 0, &person) && call_id(c, 1, &course)) {
        bool ok = training_owe_again(&a, person, course, &body, &err);
        duties_changed(c);
        answer_made(c, &a, ok, 200, body, &err);
    }
}

void assignment_list(struct call *c)
{
    answer_asked(c, assignments_json);
}

void assignment_add(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *body = NULL;
    int64_t id;
    bool ok = assignment_begin(&a, c->body, &id, &err) && assignment_json(&a, id, &body, &err);

    duties_changed(c);
    answer_made(c, &a, ok, 201, body, &err);
}

void assignment_end(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *body = NULL;
    int64_t id;

    if (call_id(c, 0, &id)) {
        bool ok = assignment_stop(&a, id, &err) && assignment_json(&a, id, &body, &err);
        duties_changed(c);
        answer_made(c, &a, ok, 200, body, &err);
    }
}

void certificate_check(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *body = NULL;
    bool ok = certificate_look(&a, c->parts[0], &body, &err);

    answer_made(c, &a, ok, 200, body, &err);
}

void training_effect_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *body = NULL;
    int64_t course;

    if (course_of(c, &course)) {
        bool ok = training_effect(&a, course, &body, &err);
        answer_made(c, &a, ok, 200, body, &err);
    }
}
