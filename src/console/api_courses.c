/* SPDX-License-Identifier: Apache-2.0 */
/* Courses: program/course.h. What changes one answers the course as it is then. */
#include "console/answer_act.h"
#include "console/answer_asset.h"
#include "console/routes.h"

static void answer_course(struct call *c, int64_t id, int64_t version, unsigned status)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *course;

    if (course_json(&a, id, version, &course, &err))
        call_json(c, status, course);
    else
        answer_refused(c, &a, &err);
}

static void answer_done(struct call *c, const struct act *a, bool ok, int64_t id, unsigned status,
                        const struct imw_error_info *err)
{
    if (!ok) {
        answer_refused(c, a, err);
        return;
    }
    call_changed(c, CHANGE_TRAINING);
    answer_course(c, id, 0, status);
}

void course_list(struct call *c)
{
    answer_asked(c, courses_json);
}

void course_add(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t id = 0;

    bool ok = course_begin(&a, c->body, &id, &err);
    answer_done(c, &a, ok, id, 201, &err);
}

void course_show(struct call *c)
{
    int64_t id, version;

    if (call_id(c, 0, &id) && call_query_number(c, "version", 1, INT64_MAX, 0, &version))
        answer_course(c, id, version, 200);
}

void course_patch(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t id;

    if (call_id(c, 0, &id)) {
        bool ok = course_change(&a, id, c->body, &err);
        call_wake(c, "training"); /* a retired one is owed no longer */
        answer_done(c, &a, ok, id, 200, &err);
    }
}

void course_draft_remove(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t id;

    if (call_id(c, 0, &id)) {
        bool ok = course_undraft(&a, id, &err);
        answer_done(c, &a, ok, id, 200, &err);
    }
}

void course_publish(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t id;

    if (call_id(c, 0, &id) && call_strong(c)) {
        bool ok = course_put_out(&a, id, &err);
        answer_done(c, &a, ok, id, 200, &err);
    }
}

/* ---- modules and questions ---- */

typedef bool put_part(struct act *a, int64_t course, int64_t number, const json_t *body,
                      struct imw_error_info *err);
typedef bool drop_part(struct act *a, int64_t course, int64_t number, struct imw_error_info *err);

static void put(struct call *c, bool is_new, put_part *function)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t id, number = 0;

    if (call_id(c, 0, &id) && (is_new || call_id(c, 1, &number))) {
        bool ok = function(&a, id, number, c->body, &err);
        answer_done(c, &a, ok, id, is_new ? 201 : 200, &err);
    }
}

static void drop(struct call *c, drop_part *function)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t id, number;

    if (call_id(c, 0, &id) && call_id(c, 1, &number)) {
        bool ok = function(&a, id, number, &err);
        answer_done(c, &a, ok, id, 200, &err);
    }
}

void course_module_add(struct call *c)
{
    put(c, true, module_put);
}

void course_module_set(struct call *c)
{
    put(c, false, module_put);
}

void course_module_remove(struct call *c)
{
    drop(c, module_drop);
}

void course_question_add(struct call *c)
{
    put(c, true, question_put);
}

void course_question_set(struct call *c)
{
    put(c, false, question_put);
}

void course_question_remove(struct call *c)
{
    drop(c, question_drop);
}

/* ---- pictures and films ---- */

void course_asset_add(struct call *c)
{
    const char *name = c->upload_name != NULL && c->upload_name[0] != '\0' ? c->upload_name : "file";
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *asset;
    int64_t id;

    if (!call_id(c, 0, &id))
        return;
    if (c->upload == NULL || c->upload_size == 0) {
        call_problem(c, 422, "file",
                     "the file is empty: choose a picture (PNG, JPEG, SVG) or a film (MP4, WebM)");
        return;
    }
    if (!asset_keep(&a, id, name, c->upload, &asset, &err)) {
        answer_refused(c, &a, &err);
        return;
    }
    call_changed(c, CHANGE_TRAINING);
    call_json(c, 201, asset);
}

void course_asset_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    struct course_asset asset;
    int64_t id;

    if (!call_id(c, 0, &id))
        return;
    if (asset_find(&a, id, c->parts[1], false, &asset, &err))
        answer_asset(c, &asset);
    else
        answer_refused(c, &a, &err);
}

void course_asset_remove(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t id;

    if (!call_id(c, 0, &id))
        return;
    if (!asset_drop(&a, id, c->parts[1], &err)) {
        answer_refused(c, &a, &err);
        return;
    }
    call_changed(c, CHANGE_TRAINING);
    call_nothing(c);
}
