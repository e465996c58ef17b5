/* SPDX-License-Identifier: Apache-2.0 */
/* Problems by line: line_problem.h. */
#include "program/line_problem.h"
#include "base/text.h"
#include <stdio.h>
#include <stdlib.h>

static size_t kept(const struct line_problems *p)
{
    return p->at == NULL ? 0 : p->count < LINE_PROBLEMS ? p->count : LINE_PROBLEMS;
}

void line_problem_add_list(struct line_problems *p, unsigned line, const char *format, va_list args)
{
    if (p->count == 0)
        p->at = calloc(LINE_PROBLEMS, sizeof *p->at);
    if (p->at != NULL && p->count < LINE_PROBLEMS) {
        struct line_problem *one = &p->at[p->count];
        one->line = line;
        vsnprintf(one->text, sizeof one->text, format, args);
        /* A cut may fall into a letter: what is left of it goes, too. */
        const struct view v = view_string(one->text);
        size_t at = 0;
        while (at < v.len) {
            const size_t n = utf8_length(view_from(v, at));
            if (n == 0)
                break;
            at += n;
        }
        one->text[at] = '\0';
    }
    p->count++;
}

void line_problem_add(struct line_problems *p, unsigned line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    line_problem_add_list(p, line, format, args);
    va_end(args);
}

const char *line_problems_first(const struct line_problems *p, const char *none)
{
    return kept(p) > 0 ? p->at[0].text : none;
}

json_t *line_problems_json(const struct line_problems *p)
{
    json_t *list = json_pack("[]");

    for (size_t i = 0; list != NULL && i < kept(p); i++)
        if (json_array_append_new(list, json_pack("{s:I,s:s}", "line", (json_int_t)p->at[i].line, "text",
                                                  p->at[i].text)) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

void line_problems_free(struct line_problems *p)
{
    free(p->at);
    *p = (struct line_problems){ .at = NULL };
}
