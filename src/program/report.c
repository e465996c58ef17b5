/* SPDX-License-Identifier: Apache-2.0 */
/* What all reports are made of: runs, values, tables. Sections are in report_pages.c, the quarter's page in
 * report_board.c. */
#include "program/report.h"
#include "program/report_parts.h"
#include "store/event_store.h"
#include <cairo-pdf.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- values ---- */

/* A share of what nobody owes is no share: "0 %" would be read as a failing. */
static bool nothing_to_share(const struct evidence_data *of, const char *part, const char *name)
{
    static const char *const wholes[] = { "owed", "assigned" };

    for (unsigned i = 0; strcmp(name, "percent") == 0 && i < sizeof wholes / sizeof wholes[0]; i++) {
        const struct evidence_count *whole = evidence_find_figure(of, part, wholes[i]);

        if (whole != NULL && whole->value == 0)
            return true;
    }
    return false;
}

void report_value(const struct evidence_data *of, const char *part, const char *name, char out[32])
{
    const struct evidence_count *figure = of != NULL ? evidence_find_figure(of, part, name) : NULL;
    struct text t = text_over(out, 32);

    if (figure == NULL || nothing_to_share(of, part, name)) {
        text_string(&t, "–");
        return;
    }
    paper_number(&t, figure->value);
    if (strcmp(name, "percent") == 0)
        text_string(&t, " %");
}

void report_day(uint64_t us, char out[32])
{
    const int day = day_of((int64_t)us);

    snprintf(out, 32, "%04d-%02d-%02d", day / 10000, day / 100 % 100, day % 100);
}

void report_time(uint64_t us, char out[32])
{
    const int64_t minutes = (int64_t)us % DAY_US / 60000000;
    char day[32];

    report_day(us, day);
    snprintf(out, 32, "%.10s %02d:%02d", day, (int)(minutes / 60), (int)(minutes % 60));
}

void report_span(const struct evidence_period *period, char out[80])
{
    static const char *const months[] = { "January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December" };
    const int first = day_of((int64_t)period->from_us);
    const int last =
        day_of((int64_t)(period->until_us > period->from_us ? period->until_us - 1 : period->from_us));

    snprintf(out, 80, "%d %s %d to %d %s %d", first % 100, months[(first / 100 % 100 + 11) % 12],
             first / 10000, last % 100, months[(last / 100 % 100 + 11) % 12], last / 10000);
}

static bool ends(const char *name, const char *end)
{
    const size_t a = strlen(name), b = strlen(end);

    return a >= b && strcmp(name + a - b, end) == 0;
}

static void bytes_text(struct text *t, int64_t n)
{
    static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB" };
    double value = (double)n;
    unsigned unit = 0;

    while (value >= 1000 && unit < 5) {
        value /= 1000;
        unit++;
    }
    text_format(t, value < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

void report_cell(struct text *t, const struct evidence_column *column, const struct evidence_cell *cell,
                 bool first)
{
    char word[32];

    switch (cell->type) {
    case EVIDENCE_NULL: text_string(t, "–"); break;
    case EVIDENCE_REAL: text_format(t, "%.2f", cell->real); break;
    case EVIDENCE_TIME:
        if (cell->number % DAY_US == 0)
            report_day((uint64_t)cell->number, word);
        else
            report_time((uint64_t)cell->number, word);
        text_string(t, word);
        break;
    case EVIDENCE_NUMBER:
        if ((strcmp(column->name, "day") == 0 || ends(column->name, "_day")) && cell->number > 10000101)
            text_format(t, "%04d-%02d-%02d", (int)(cell->number / 10000), (int)(cell->number / 100 % 100),
                        (int)(cell->number % 100));
        else if (strcmp(column->name, "quarter") == 0)
            text_format(t, "%lld-Q%lld", (long long)cell->number / 10, (long long)cell->number % 10);
        else if (strncmp(column->name, "bytes", 5) == 0)
            bytes_text(t, cell->number);
        else if (first || ends(column->name, "_id") || strcmp(column->name, "incident") == 0)
            text_format(t, "%lld", (long long)cell->number);
        else
            paper_number(t, cell->number);
        break;
    case EVIDENCE_TEXT:
        if (ends(column->name, "sha256") && strlen(cell->text) > 16)
            text_format(t, "%.12s…", cell->text);
        else
            paper_clean(t, view_string(cell->text), REPORT_TEXT / 2);
        break;
    }
}

bool report_ratings(const struct evidence_rows *rows, const char *likelihood, const char *impact,
                    unsigned counts[5][5])
{
    const unsigned a = evidence_find_column(rows, likelihood), b = evidence_find_column(rows, impact);

    if (a == rows->column_count || b == rows->column_count)
        return false;
    memset(counts, 0, sizeof(unsigned) * 25);
    for (size_t i = 0; i < rows->kept; i++) {
        const struct evidence_cell *row = rows->cells + i * rows->column_count;

        if (row[a].number >= 1 && row[a].number <= 5 && row[b].number >= 1 && row[b].number <= 5)
            counts[row[a].number - 1][row[b].number - 1]++;
    }
    return true;
}

/* ---- tables ---- */

/* "right_answers" as "Right answers", "due_us" as "Due". */
static void column_title(struct text *t, const struct evidence_column *column)
{
    size_t length = strlen(column->name) - (column->time ? 3 : 0);

    for (size_t i = 0; i < length; i++) {
        const char c = column->name[i];

        text_char(t, c == '_' ? ' ' : i == 0 && c >= 'a' && c <= 'z' ? (char)(c - 32) : c);
    }
}

/* Which columns fit on paper: the least telling go first. */
static unsigned columns_shown(const struct evidence_rows *rows, unsigned shown[PAPER_CELLS])
{
    static const char *const first_to_go[] = { "inherent_likelihood",
                                               "inherent_impact",
                                               "residual_likelihood",
                                               "residual_impact",
                                               "benefit_level",
                                               "conditions",
                                               "proposed_by",
                                               "proposed_us",
                                               "replaced_us",
                                               "receipt_sha256",
                                               "proved_us",
                                               "proof",
                                               "excused_until_us",
                                               "excused_by",
                                               "reminded_us",
                                               "escalated_us",
                                               "reminders",
                                               "repeat_months",
                                               "bytes_out",
                                               "bytes_in",
                                               "sha256",
                                               "until_us",
                                               "activities",
                                               "outcome",
                                               "assignee",
                                               "ended_why",
                                               "benefit",
                                               "asked_by",
                                               "decided_why",
                                               "signed_by_people",
                                               "created_by",
                                               "owner",
                                               "reason",
                                               "signed_us",
                                               "version" };
    enum { MOST = 9 };
    bool out[EVIDENCE_COLUMNS_MOST] = { false };
    unsigned left = rows->column_count, count = 0;
    const unsigned facts = evidence_find_column(rows, "facts"); /* JSON is for programs */

    if (facts < rows->column_count) {
        out[facts] = true;
        left--;
    }
    for (size_t i = 0; left > MOST && i < sizeof first_to_go / sizeof first_to_go[0]; i++) {
        const unsigned c = evidence_find_column(rows, first_to_go[i]);

        if (c < rows->column_count) {
            out[c] = true;
            left--;
        }
    }
    for (unsigned c = 0; c < rows->column_count && count < MOST; c++)
        if (!out[c])
            shown[count++] = c;
    return count;
}

void report_table(struct report *r, const struct evidence_rows *rows)
{
    struct paper *p = &r->paper;
    struct paper_column columns[PAPER_CELLS];
    unsigned shown[PAPER_CELLS];
    const unsigned count = columns_shown(rows, shown);
    const size_t most = rows->kept < REPORT_ROWS ? rows->kept : REPORT_ROWS;
    char(*cells)[REPORT_TEXT] = calloc(PAPER_CELLS, sizeof *cells), words[300];

    if (cells == NULL)
        return;
    paper_heading(p, 2, rows->item->title);
    for (unsigned c = 0; c < count; c++) {
        struct text t = TEXT(columns[c].title);
        bool numbers = true, any = false;
        double width;

        column_title(&t, &rows->columns[shown[c]]);
        paper_measure(p, STYLE_HEAD, 0, 0, columns[c].title, &columns[c].natural);
        for (size_t i = 0; i < most; i++) {
            const struct evidence_cell *cell = &rows->cells[i * rows->column_count + shown[c]];
            struct text v = text_over(cells[0], REPORT_TEXT);

            numbers = numbers && (cell->type == EVIDENCE_NUMBER || cell->type == EVIDENCE_REAL ||
                                  cell->type == EVIDENCE_NULL);
            any = any || cell->type != EVIDENCE_NULL;
            report_cell(&v, &rows->columns[shown[c]], cell, shown[c] == 0);
            paper_measure(p, STYLE_CELL, 0, 0, cells[0], &width);
            columns[c].natural = width > columns[c].natural ? width : columns[c].natural;
        }
        columns[c].natural = columns[c].natural + 1 > 230 ? 230 : columns[c].natural + 1;
        columns[c].align = numbers && any && shown[c] != 0 ? ALIGN_RIGHT : ALIGN_LEFT;
    }
    struct text t = TEXT(words);
    if (rows->rows > most) {
        text_format(&t, "%zu of ", most);
        paper_number(&t, (int64_t)rows->rows);
        text_string(&t, " rows. ");
    }
    if (rows->rows > most || count < rows->column_count)
        text_string(&t, count < rows->column_count ? "All rows and columns: " : "All rows: ");
    text_format(&t, "data/%s/%s.csv", rows->item->part, rows->item->name);
    p->y += paper_box(p, STYLE_TINY, INK_GREY, ALIGN_LEFT, p->left, p->y, p->right - p->left, 2, words) + 4;
    paper_columns_fit(columns, count, p->right - p->left);
    cairo_tag_begin(p->cr, "Table", NULL);
    paper_table_head(p, columns, count);
    for (size_t i = 0; i < most; i++) {
        const char *texts[PAPER_CELLS];

        for (unsigned c = 0; c < count; c++) {
            struct text v = text_over(cells[c], REPORT_TEXT);

            report_cell(&v, &rows->columns[shown[c]], &rows->cells[i * rows->column_count + shown[c]],
                        shown[c] == 0);
            texts[c] = cells[c];
        }
        paper_table_row(p, columns, count, texts, i % 2 == 1);
    }
    cairo_tag_end(p->cr, "Table");
    p->y += 10;
    free(cells);
}

void report_tile(struct report *r, double x, double y, double width, const char *label, const char *part,
                 const char *name)
{
    struct paper *p = &r->paper;
    char value[32], words[160];
    struct text t = TEXT(words);

    paper_ink(p, INK_PALE);
    cairo_rectangle(p->cr, x, y, width, REPORT_TILE_HEIGHT);
    cairo_fill(p->cr);
    paper_ink(p, INK_DARK);
    cairo_rectangle(p->cr, x, y, 2.2, REPORT_TILE_HEIGHT);
    cairo_fill(p->cr);
    report_value(r->data, part, name, value);
    text_string(&t, value);
    cairo_tag_begin(p->cr, "P", NULL);
    paper_box(p, STYLE_NUMBER, INK_NAVY, ALIGN_LEFT, x + 10, y + 1, width - 14, 1, words);
    paper_box(p, STYLE_SMALL, INK_TEXT, ALIGN_LEFT, x + 10, y + 28, width - 14, 2, label);
    t = TEXT(words);
    text_format(&t, "%s.%s", part, name);
    paper_box(p, STYLE_TINY, INK_GREY, ALIGN_LEFT, x + 10, y + 50, width - 14, 1, words);
    if (r->before != NULL) {
        t = TEXT(words);
        report_value(r->before, part, name, value);
        text_format(&t, "before: %s", value);
        paper_box(p, STYLE_TINY, INK_GREY, ALIGN_RIGHT, x + 50, y + 14, width - 56, 1, words);
    }
    cairo_tag_end(p->cr, "P");
}

const struct evidence_cell *report_cell_of(const struct evidence_rows *t, size_t row, const char *column)
{
    static const struct evidence_cell none = { .type = EVIDENCE_NULL };
    const unsigned c = evidence_find_column(t, column);

    return c < t->column_count ? &t->cells[row * t->column_count + c] : &none;
}

void report_weeks(struct report *r, double height, bool heading)
{
    enum { WEEKS = 27 };
    static const char *const legend[3] = { "went on", "told of (alert)", "stopped" };
    const struct evidence_rows *t = evidence_find_table(r->data, "usage", "weeks");
    struct paper_stack stacks[WEEKS];
    unsigned count = 0;
    char day[32];

    if (t == NULL || t->kept < 2)
        return;
    for (size_t i = t->kept > WEEKS ? t->kept - WEEKS : 0; i < t->kept; i++) {
        const int64_t flows = report_cell_of(t, i, "flows")->number,
                      alerted = report_cell_of(t, i, "alerted")->number,
                      stopped = report_cell_of(t, i, "stopped")->number;
        struct paper_stack *s = &stacks[count++];

        report_day((uint64_t)report_cell_of(t, i, "week_us")->number, day);
        snprintf(s->name, sizeof s->name, "%.5s", day + 5);
        s->parts[0] = flows > alerted + stopped ? flows - alerted - stopped : 0;
        s->parts[1] = alerted;
        s->parts[2] = stopped;
    }
    if (heading)
        paper_heading(&r->paper, 2, "Conversations by week, from the first day of the period");
    paper_stacks(&r->paper, stacks, count, legend, height);
    paper_gap(&r->paper, 6);
}

/* ---- runs ---- */

struct out {
    report_sink *sink;
    void *context;
    struct imw_error_info err;
    bool failed;
};

static cairo_status_t write_out(void *closure, const unsigned char *at, unsigned length)
{
    struct out *o = closure;

    if (!o->failed && !o->sink(o->context, view_of(at, length), &o->err))
        o->failed = true;
    return o->failed ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_SUCCESS;
}

static cairo_status_t write_nowhere(void *closure, const unsigned char *at, unsigned length)
{
    (void)closure;
    (void)at;
    (void)length;
    return CAIRO_STATUS_SUCCESS;
}

static void describe(struct report *r, enum report_kind kind)
{
    cairo_surface_t *s = r->paper.surface;
    char when[32], title[300], span[80], institution[160];
    struct text t = TEXT(institution);

    paper_clean(&t, view_string(r->scope->institution), 120);
    report_span(&r->scope->period, span);
    snprintf(title, sizeof title, "%s, %s%s%s",
             kind == REPORT_BOARD ? "Board report on instant messaging"
                                  : "Report on the instant messaging program",
             span, institution[0] != '\0' ? ", " : "", institution);
    report_time(r->scope->asked_us, when);
    when[10] = 'T';
    struct text w = { when, strlen(when), sizeof when, false };
    text_string(&w, ":00Z");
    cairo_pdf_surface_set_metadata(s, CAIRO_PDF_METADATA_TITLE, title);
    cairo_pdf_surface_set_metadata(s, CAIRO_PDF_METADATA_AUTHOR,
                                   institution[0] != '\0' ? institution : "imward");
    cairo_pdf_surface_set_metadata(s, CAIRO_PDF_METADATA_CREATOR, "imward " IMWARD_VERSION);
    cairo_pdf_surface_set_metadata(s, CAIRO_PDF_METADATA_CREATE_DATE, when);
}

static void outline(struct paper *p)
{
    int parent = CAIRO_PDF_OUTLINE_ROOT;
    char place[32];

    for (unsigned i = 0; i < p->heading_count; i++) {
        const bool chapter = p->headings[i].level == 1;

        snprintf(place, sizeof place, "dest='s%u'", i);
        const int at =
            cairo_pdf_surface_add_outline(p->surface, chapter ? CAIRO_PDF_OUTLINE_ROOT : parent,
                                          p->headings[i].title, place, (cairo_pdf_outline_flags_t)0);
        if (chapter)
            parent = at;
    }
}

static bool draw(struct report *r, enum report_kind kind, struct out *o, struct imw_error_info *err)
{
    struct paper *p = &r->paper;
    const double width = 595.28, height = 841.89; /* A4 */

    p->surface = cairo_pdf_surface_create_for_stream(o != NULL ? write_out : write_nowhere, o, width, height);
    p->cr = cairo_create(p->surface);
    p->left = 54;
    p->right = width - 54;
    p->top = 76;
    p->bottom = height - 66;
    p->page = 0;
    memcpy(p->known, p->headings, sizeof p->known);
    p->known_headings = p->heading_count;
    p->heading_count = 0;
    describe(r, kind);
    cairo_tag_begin(p->cr, "Document", NULL);
    if (kind == REPORT_BOARD)
        report_board(r);
    else
        report_pages(r);
    paper_end_page(p);
    cairo_tag_end(p->cr, "Document");
    p->pages = p->page;
    outline(p);
    cairo_destroy(p->cr);
    cairo_surface_finish(p->surface);
    const cairo_status_t status = cairo_surface_status(p->surface);
    cairo_surface_destroy(p->surface);
    if (o != NULL && o->failed) {
        if (err != NULL)
            *err = o->err;
        return false;
    }
    return status == CAIRO_STATUS_SUCCESS ||
           error_set(err, IMW_ERROR_SYSTEM, "the report could not be drawn: %s",
                     cairo_status_to_string(status));
}

bool report_draw(enum report_kind kind, const struct report_scope *scope, const struct evidence_data *data,
                 const struct evidence_data *before, report_sink *sink, void *context,
                 struct imw_error_info *err)
{
    struct report *r = calloc(1, sizeof *r);
    struct out o = { .sink = sink, .context = context };

    if (r == NULL)
        return error_memory(err);
    r->scope = scope;
    r->data = data;
    r->before = before;
    bool ok = paper_fonts_new(&r->paper.fonts, err);
    ok = ok && draw(r, kind, NULL, err); /* once for nobody, to know the pages */
    ok = ok && draw(r, kind, &o, err);
    paper_fonts_free(r->paper.fonts);
    free(r);
    return ok;
}
