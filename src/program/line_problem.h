/* SPDX-License-Identifier: Apache-2.0 */
/* What a list that somebody brought in says that cannot be taken, by its line: people, counts, inventories.
 */
#pragma once
#include "base/error.h"
#include <jansson.h>
#include <stdarg.h>
#include <stddef.h>

enum { LINE_PROBLEMS = 1000 }; /* that are kept; all are counted */

struct line_problem {
    unsigned line; /* 0: of none */
    char text[200];
};
struct line_problems {
    struct line_problem *at; /* the first LINE_PROBLEMS of them */
    size_t count;            /* may be more than are kept */
};

/* UTF-8, also where the text is cut. Without memory the problem is counted, and not kept. */
void line_problem_add(struct line_problems *p, unsigned line, const char *format, ...) IMW_PRINTF(3, 4);
void line_problem_add_list(struct line_problems *p, unsigned line, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
/* The text of the first; `none` where there is none. */
const char *line_problems_first(const struct line_problems *p, const char *none);
/* [{"line", "text"}]; NULL without memory. */
json_t *line_problems_json(const struct line_problems *p);
void line_problems_free(struct line_problems *p);
