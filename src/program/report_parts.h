/* SPDX-License-Identifier: Apache-2.0 */
/* What the reports of a period and of a quarter share. Private to program/report*.c. */
#pragma once
#include "program/report.h"
#include "program/report_paper.h"

enum { REPORT_TEXT = 700, REPORT_ROWS = 40 };

struct report {
    struct paper paper;
    const struct report_scope *scope;
    const struct evidence_data *data, *before;
};

/* A figure's value as text, a share with its sign; "–" where there is none of that name, or of nothing. `of`:
 * data or before. */
void report_value(const struct evidence_data *of, const char *part, const char *name, char out[32]);
/* 2026-11-23, and with the minute. */
void report_day(uint64_t us, char out[32]);
void report_time(uint64_t us, char out[32]);
/* "1 October 2026 to 31 December 2026". */
void report_span(const struct evidence_period *period, char out[80]);
/* A cell as a report shows it. */
void report_cell(struct text *t, const struct evidence_column *column, const struct evidence_cell *cell,
                 bool first);
void report_table(struct report *r, const struct evidence_rows *rows);
/* How often each pair of ratings comes in a table's two columns. False: it has not both. */
bool report_ratings(const struct evidence_rows *rows, const char *likelihood, const char *impact,
                    unsigned counts[5][5]);
/* A key figure in a box: value, label, the figure's name; with `before` also what it was. */
void report_tile(struct report *r, double x, double y, double width, const char *label, const char *part,
                 const char *name);
enum { REPORT_TILE_HEIGHT = 62 };

/* A cell by its column's name; null where there is no such column. */
const struct evidence_cell *report_cell_of(const struct evidence_rows *t, size_t row, const char *column);
/* Conversations by week as columns of this height. */
void report_weeks(struct report *r, double height, bool heading);

void report_pages(struct report *r); /* of a period */
void report_board(struct report *r); /* of a quarter */
