/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A quarter on one page for the board: the institution's position on instant messaging, as the cover letter
 * of FIL-84-2004 asks management for. Nothing flows here: each block has its place, and what is too long is
 * cut.
 */
#include "program/report_parts.h"
#include <stdio.h>

static const struct tile {
    const char *label, *part, *name;
} tiles[] = {
    { "people used instant messaging", "usage", "people" },
    { "conversations were seen", "usage", "flows" },
    { "were kept from getting through", "enforcement", "stopped" },
    { "services were used", "usage", "services" },
    { "of signatures owed are given", "signatures", "percent" },
    { "of training duties are done", "training", "percent" },
    { "exceptions in force", "exceptions", "in_force" },
    { "emergencies not closed out", "exceptions", "open" },
    { "incidents began", "incidents", "began" },
    { "… of the highest severity", "incidents", "severe" },
    { "incidents open at the end", "incidents", "open" },
    { "rules of the policy in force", "policy", "rules" },
};

/* The first rows of a table's columns as lines: "WhatsApp: 1,204 of 1,310 conversations". */
static double services(struct report *r, double x, double y, double width)
{
    const struct evidence_rows *t = evidence_find_table(r->data, "enforcement", "services");
    struct paper *p = &r->paper;
    static const char *const verdicts[][2] = { { "Allowed:", "allowed" },
                                               { "told of:", "alerted" },
                                               { "forbidden:", "blocked" } };
    char line[300], said[300], value[32];
    struct text all = TEXT(said);

    paper_box(p, STYLE_H2, INK_NAVY, ALIGN_LEFT, x, y, width, 1, "What is allowed and what is stopped");
    y += 18;
    for (unsigned i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
        struct text words = TEXT(line);

        report_value(r->data, "enforcement", verdicts[i][1], value);
        text_format(&words, "%s%s %s", i > 0 ? " · " : "", verdicts[i][0], value);
        text_string(&all, line);
    }
    paper_box(p, STYLE_SMALL, INK_TEXT, ALIGN_LEFT, x, y, width, 1, said);
    y += 13;
    if (t == NULL || t->kept == 0) {
        paper_box(p, STYLE_SMALL, INK_TEXT, ALIGN_LEFT, x, y, width, 1,
                  "Nothing was stopped in this quarter.");
        return y + 12;
    }
    const unsigned name = evidence_find_column(t, "service"), stopped = evidence_find_column(t, "stopped"),
                   flows = evidence_find_column(t, "flows");
    for (size_t i = 0; i < t->kept && i < 3; i++) {
        const struct evidence_cell *row = t->cells + i * t->column_count;
        struct text words = TEXT(line);

        paper_clean(&words, view_string(row[name].text != NULL ? row[name].text : "–"), 80);
        text_string(&words, ": ");
        paper_number(&words, row[stopped].number);
        text_string(&words, " of ");
        paper_number(&words, row[flows].number);
        text_string(&words, " stopped");
        paper_box(p, STYLE_SMALL, INK_TEXT, ALIGN_LEFT, x, y, width, 1, line);
        y += 13;
    }
    return y;
}

/* The worst of the first table that knows residual risks. */
static double risks(struct report *r, double x, double y, double width)
{
    struct paper *p = &r->paper;
    unsigned shown = 0;
    char line[300];

    paper_box(p, STYLE_H2, INK_NAVY, ALIGN_LEFT, x, y, width, 1, "Top risks that remain, from 1 to 5");
    y += 18;
    for (size_t i = 0; shown == 0 && i < r->data->table_count; i++) {
        const struct evidence_rows *t = &r->data->tables[i];
        const unsigned a = evidence_find_column(t, "residual_likelihood"),
                       b = evidence_find_column(t, "residual_impact");

        if (a == t->column_count || b == t->column_count)
            continue;
        for (int64_t score = 25; score > 0 && shown < 4; score--)
            for (size_t k = 0; k < t->kept && shown < 4; k++) {
                const struct evidence_cell *row = t->cells + k * t->column_count;
                struct text words = TEXT(line);

                if (row[a].number * row[b].number != score)
                    continue;
                for (unsigned c = 0, said = 0; c < t->column_count && said < 2; c++)
                    if (row[c].type == EVIDENCE_TEXT) {
                        text_string(&words, said++ > 0 ? ", " : "");
                        paper_clean(&words, view_string(row[c].text), words.len + 70);
                    }
                text_format(&words, ": likelihood %lld, impact %lld", (long long)row[a].number,
                            (long long)row[b].number);
                paper_box(p, STYLE_SMALL, INK_TEXT, ALIGN_LEFT, x, y, width, 1, line);
                y += 13;
                shown++;
            }
    }
    if (shown == 0)
        paper_box(p, STYLE_SMALL, INK_TEXT, ALIGN_LEFT, x, y, width, 1, "No risk was rated in this time.");
    return y;
}

void report_board(struct report *r)
{
    struct paper *p = &r->paper;
    const struct report_scope *s = r->scope;
    const double width = p->right - p->left, gap = 8, tile = (width - 3 * gap) / 4, half = (width - 20) / 2;
    char words[400], span[80], day[32], statement[4200];
    struct text t = TEXT(words);
    unsigned shown = 0;

    paper_page(p);
    p->plain = true;
    paper_ink(p, INK_NAVY);
    cairo_rectangle(p->cr, 0, 0, 596, 104);
    cairo_fill(p->cr);
    paper_clean(&t, view_string(s->institution), 150);
    paper_box(p, STYLE_SMALL, INK_WHITE, ALIGN_LEFT, p->left, 26, width, 1,
              words[0] != '\0' ? words : "Institution not named in the settings");
    cairo_tag_begin(p->cr, "H1", NULL);
    paper_box(p, STYLE_H1, INK_WHITE, ALIGN_LEFT, p->left, 40, width, 1,
              "Board report: our position on instant messaging");
    cairo_tag_end(p->cr, "H1");
    report_span(&s->period, span);
    t = TEXT(words);
    text_string(&t, span);
    if (s->asked_us < s->period.until_us) {
        report_day(s->asked_us, day);
        text_format(&t, "; the quarter is not over: as of %s", day);
    }
    paper_box(p, STYLE_SMALL, INK_WHITE, ALIGN_LEFT, p->left, 71, width, 1, words);
    p->y = 122;
    for (size_t i = 0; i < sizeof tiles / sizeof tiles[0]; i++) {
        if (evidence_find_figure(r->data, tiles[i].part, tiles[i].name) == NULL)
            continue;
        report_tile(r, p->left + (tile + gap) * (shown % 4), p->y + (REPORT_TILE_HEIGHT + gap) * (shown / 4),
                    tile, tiles[i].label, tiles[i].part, tiles[i].name);
        shown++;
    }
    p->y += (REPORT_TILE_HEIGHT + gap) * ((shown + 3) / 4) + 8;
    services(r, p->left, p->y, half);
    risks(r, p->left + half + 20, p->y, half);
    p->y += 84;
    const struct evidence_rows *weeks = evidence_find_table(r->data, "usage", "weeks");
    if (weeks != NULL && weeks->kept > 1) {
        paper_box(p, STYLE_H2, INK_NAVY, ALIGN_LEFT, p->left, p->y, width, 1, "Conversations by week");
        p->y += 18;
        report_weeks(r, 76, false);
        p->y += 8;
    }

    paper_box(p, STYLE_H2, INK_NAVY, ALIGN_LEFT, p->left, p->y, width, 1,
              "Statement of compliance, and what the board is asked to decide");
    p->y += 20;
    t = TEXT(statement);
    for (struct view rest = view_string(s->statement); rest.len > 0;) { /* line by line: they stay lines */
        struct view line;

        if (!view_line(&rest, &line)) {
            line = rest;
            rest.len = 0;
        }
        if (t.len > 0)
            text_char(&t, '\n');
        paper_clean(&t, line, t.len + 2000);
    }
    const double foot = 800, room = foot - 34 - p->y;
    enum paper_style style = STYLE_BODY;
    const char *shown_words = statement[0] != '\0' ? statement : "No statement was written for this quarter.";
    while (style != STYLE_TINY && paper_measure(p, style, width, 0, shown_words, NULL) > room)
        style = style == STYLE_BODY ? STYLE_SMALL : STYLE_TINY;
    const double line = paper_measure(p, style, width, 1, "X", NULL) * 1.05;
    cairo_tag_begin(p->cr, "P", NULL);
    paper_lines(p, style, INK_TEXT, p->left, p->y, width, (unsigned)(room / line), shown_words);
    cairo_tag_end(p->cr, "P");

    t = TEXT(words);
    paper_clean(&t, view_string(s->statement_by), 250);
    paper_box(p, STYLE_SMALL, INK_GREY, ALIGN_LEFT, p->left, foot - 24, width, 1, words);
    paper_ink(p, INK_RULE);
    cairo_set_line_width(p->cr, 0.6);
    cairo_move_to(p->cr, p->left, foot - 8);
    cairo_line_to(p->cr, p->right, foot - 8);
    cairo_stroke(p->cr);
    paper_box(
        p, STYLE_TINY, INK_GREY, ALIGN_LEFT, p->left, foot - 3, width, 2,
        "Names below the numbers are those of figures in data/figures.csv of an evidence package of the same "
        "time; \"before\" is the quarter before. Signatures and training are as of the day on which this was "
        "made. Page 1 of 1.");
}
