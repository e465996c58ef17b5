/* SPDX-License-Identifier: Apache-2.0 */
/* One's own learning: courses, the test, certificates. All of it is the person's whom the account belongs to.
 */
#include "console/answer_act.h"
#include "console/answer_asset.h"
#include "console/routes.h"
#include "program/training.h"

void mine_training_show(struct call *c)
{
    answer_asked(c, learn_all);
}

void mine_course_show(struct call *c)
{
    answer_id(c, learn_course);
}

void mine_module_read(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t course, module;

    if (!call_id(c, 0, &course) || !call_id(c, 1, &module))
        return;
    if (learn_read(&a, course, module, &err))
        call_nothing(c);
    else
        answer_refused(c, &a, &err);
}

void mine_asset_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    struct course_asset asset;
    int64_t course;

    if (!call_id(c, 0, &course))
        return;
    if (asset_find(&a, course, c->parts[1], true, &asset, &err))
        answer_asset(c, &asset);
    else
        answer_refused(c, &a, &err);
}

void mine_attempt_begin(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *body = NULL;
    int64_t course, id;

    if (call_id(c, 0, &course)) {
        bool ok = attempt_begin(&a, course, &id, &err) && attempt_json(&a, id, &body, &err);
        answer_made(c, &a, ok, 201, body, &err);
    }
}

void mine_attempt_show(struct call *c)
{
    answer_id(c, attempt_json);
}

void mine_attempt_end(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *body = NULL;
    bool certified = false;
    int64_t id;

    if (!call_id(c, 0, &id))
        return;
    bool ok = attempt_hand_in(&a, id, json_object_get(c->body, "answers"), &certified, &err) &&
              attempt_json(&a, id, &body, &err);
    if (ok && certified) /* gateways may ask who is trained (policy: `trained`) */
        call_changed(c, CHANGE_TRAINING);
    answer_made(c, &a, ok, 200, body, &err);
}

void mine_certificate_show(struct call *c)
{
    answer_id(c, certificate_json);
}
