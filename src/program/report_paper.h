/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paper for reports: pages of A4 in PDF by cairo, text by pango, in points from the upper left corner. What
 * is written flows down the page and goes on on the next. Private to program/report*.c.
 *
 * A report is drawn twice: first for nobody, which tells how many pages it has and where its headings are,
 * then in earnest. Texts are of strangers as often as not: each is made harmless by paper_clean(), wrapped
 * anywhere if need be, cut to some lines, and clipped to its place.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"
#include <cairo.h>
#include <pango/pango.h>

enum { PAPER_HEADINGS = 256, PAPER_TITLE = 160, PAPER_CELLS = 16 };

enum paper_style {
    STYLE_TITLE, /* of the cover */
    STYLE_H1,
    STYLE_H2,
    STYLE_BODY,
    STYLE_STRONG,
    STYLE_SMALL, /* captions */
    STYLE_TINY,  /* names of figures, footers */
    STYLE_CELL,
    STYLE_HEAD,   /* of a table */
    STYLE_NUMBER, /* a key figure */
    STYLE_COUNT
};
enum paper_align { ALIGN_LEFT, ALIGN_RIGHT, ALIGN_CENTRE };
enum paper_ink { INK_TEXT, INK_NAVY, INK_GREY, INK_RULE, INK_PALE, INK_MID, INK_DARK, INK_WHITE, INK_COUNT };

struct paper_heading {
    char title[PAPER_TITLE];
    unsigned level, page;
};
struct paper {
    cairo_surface_t *surface;
    cairo_t *cr;
    struct paper_fonts *fonts;
    double y; /* where the next thing goes */
    double left, right, top, bottom;
    unsigned page, pages; /* pages: 0 in the first run */
    struct paper_heading headings[PAPER_HEADINGS];
    unsigned heading_count, known_headings; /* known: of the run before */
    struct paper_heading known[PAPER_HEADINGS];
    char head[200], foot[200];
    bool plain;          /* the page has neither head nor foot: a cover */
    unsigned cell_lines; /* at most so many in a cell of a table; 0: four */
};

/* Fonts, read once for a report. False: there are none. */
struct paper_fonts;
bool paper_fonts_new(struct paper_fonts **out, struct imw_error_info *err) IMW_MUST_USE;
void paper_fonts_free(struct paper_fonts *f);

/* What may stand in a line: valid UTF-8 of at most `most` octets, without control characters, line ends, and
 * characters that turn the direction of what follows. */
void paper_clean(struct text *t, struct view v, size_t most);

void paper_page(struct paper *p); /* begin the next page */
void paper_end_page(struct paper *p);
/* Room for this much, on this page or the next. */
void paper_need(struct paper *p, double height);
void paper_ink(struct paper *p, enum paper_ink ink);
void paper_gap(struct paper *p, double height);

/* A text in a box at most `lines` high (0: as many as it takes); returns its height. Nothing flows. */
double paper_box(struct paper *p, enum paper_style style, enum paper_ink ink, enum paper_align align,
                 double x, double y, double width, unsigned lines, const char *text);
/* Of a text of many lines at most so many lines, all paragraphs together. */
double paper_lines(struct paper *p, enum paper_style style, enum paper_ink ink, double x, double y,
                   double width, unsigned lines, const char *text);
/* The height and, out_width not NULL, the width that it takes. */
double paper_measure(struct paper *p, enum paper_style style, double width, unsigned lines, const char *text,
                     double *out_width);
/* A paragraph: flows. */
void paper_paragraph(struct paper *p, enum paper_style style, enum paper_ink ink, const char *text);
/* A heading of the outline (level 1 or 2); 1 begins a page. */
void paper_heading(struct paper *p, unsigned level, const char *title);

/* ---- tables ---- */
struct paper_column {
    char title[64];
    enum paper_align align;
    double natural, width; /* natural: the widest cell */
};
/* Widths that fit `room` from the natural ones. */
void paper_columns_fit(struct paper_column *columns, unsigned count, double room);
void paper_table_head(struct paper *p, const struct paper_column *columns, unsigned count);
/* A row; where the page is full the next one begins with the head. */
void paper_table_row(struct paper *p, const struct paper_column *columns, unsigned count,
                     const char *const *cells, bool shaded);

/* ---- charts ---- */
struct paper_bar {
    const char *name;
    int64_t value;
};
/* Lying bars with their values. */
void paper_bars(struct paper *p, const struct paper_bar *bars, unsigned count);
/* Standing columns, each of up to three parts from the bottom (dark, hatched, light); values above. */
struct paper_stack {
    char name[24];
    int64_t parts[3];
};
void paper_stacks(struct paper *p, const struct paper_stack *stacks, unsigned count,
                  const char *const legend[3], double height);
/* A share as a bar: `part` of 100. */
void paper_share(struct paper *p, double x, double y, double width, int64_t percent);
/* 5 by 5: likelihood upwards, impact to the right; counts[likelihood - 1][impact - 1]. */
void paper_matrix(struct paper *p, const char *title, unsigned counts[5][5], double x, double y, double size);
/* 12345 as "12,345". */
void paper_number(struct text *t, int64_t n);
