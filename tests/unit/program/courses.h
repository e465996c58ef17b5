/* SPDX-License-Identifier: Apache-2.0 */
/* Courses for tests: one that is published, of as many questions as are wanted, whose right answer is
 * "right". */
#pragma once
#include "program/cases.h"
#include "program/course.h"

/* A body of a request, by json_loads(): single quotes stand for double ones. */
static inline json_t *body_of(const char *text)
{
    char json[4096];
    size_t n = 0;

    for (; text[n] != '\0' && n < sizeof json - 1; n++)
        json[n] = text[n] == '\'' ? '"' : text[n];
    json[n] = '\0';
    json_t *body = json_loads(json, 0, NULL);
    assert_non_null(body);
    return body;
}

static inline void add_question(struct database *d, struct act *a, int64_t course, unsigned n)
{
    char text[512];
    bool multiple = n % 3 == 2;

    snprintf(text, sizeof text,
             "{'module':1,'kind':'%s','text':'Question %u?','explanation':'Because of %u.','options':["
             "{'text':'right %u','right':true},{'text':'wrong a','right':false},"
             "{'text':'%s b','right':%s},{'text':'wrong c','right':false}]}",
             multiple ? "multiple" : "single", n, n, n, multiple ? "right" : "wrong",
             multiple ? "true" : "false");
    json_t *body = body_of(text);
    good(d, DO(d, a, question_put(a, course, 0, body, &d->err)));
    json_decref(body);
}

static inline int64_t add_course(struct database *d, struct act *a, const char *title, unsigned questions,
                                 const char *rules)
{
    json_t *body = json_pack("{ss}", "title", title);
    int64_t id = 0;

    good(d, DO(d, a, course_begin(a, body, &id, &d->err)));
    json_decref(body);
    body = body_of("{'title':'First','body':'Read this.','minutes':3}");
    good(d, DO(d, a, module_put(a, id, 0, body, &d->err)));
    json_decref(body);
    for (unsigned i = 0; i < questions; i++)
        add_question(d, a, id, i);
    body = body_of(rules);
    good(d, DO(d, a, course_change(a, id, body, &d->err)));
    json_decref(body);
    good(d, DO(d, a, course_put_out(a, id, &d->err)));
    return id;
}
