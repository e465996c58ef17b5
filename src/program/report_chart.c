/* SPDX-License-Identifier: Apache-2.0 */
/* Charts as vectors: every value stands beside its mark; parts differ in darkness and hatching, not in colour
 * alone. */
#include "program/report_ink.h"
#include "program/report_paper.h"
#include <stdio.h>

static void value_text(int64_t n, char out[32])
{
    struct text t = text_over(out, 32);

    paper_number(&t, n);
}

void paper_bars(struct paper *p, const struct paper_bar *bars, unsigned count)
{
    const double names = 150, height = 15, room = p->right - p->left - names - 70;
    int64_t most = 1;
    char value[32];

    for (unsigned i = 0; i < count; i++)
        most = bars[i].value > most ? bars[i].value : most;
    for (unsigned i = 0; i < count; i++) {
        const double length = room * (double)bars[i].value / (double)most;

        paper_need(p, height);
        cairo_tag_begin(p->cr, "P", NULL);
        paper_box(p, STYLE_CELL, INK_TEXT, ALIGN_RIGHT, p->left, p->y + 2, names - 8, 1, bars[i].name);
        paper_ink(p, INK_DARK);
        cairo_rectangle(p->cr, p->left + names, p->y + 2.5, length < 0.8 ? 0.8 : length, height - 5);
        cairo_fill(p->cr);
        value_text(bars[i].value, value);
        paper_box(p, STYLE_CELL, INK_TEXT, ALIGN_LEFT, p->left + names + length + 5, p->y + 2, 64, 1, value);
        cairo_tag_end(p->cr, "P");
        p->y += height;
    }
    p->y += 6;
}

/* Lines from lower left to upper right, within a box. */
static void hatch(struct paper *p, double x, double y, double w, double h)
{
    cairo_save(p->cr);
    cairo_rectangle(p->cr, x, y, w, h);
    cairo_clip_preserve(p->cr);
    paper_ink(p, INK_MID);
    cairo_fill(p->cr);
    paper_ink(p, INK_NAVY);
    cairo_set_line_width(p->cr, 0.7);
    for (double at = -h; at < w; at += 4) {
        cairo_move_to(p->cr, x + at, y + h);
        cairo_line_to(p->cr, x + at + h, y);
    }
    cairo_stroke(p->cr);
    cairo_restore(p->cr);
}

static void part_box(struct paper *p, unsigned part, double x, double y, double w, double h)
{
    if (h <= 0)
        return;
    if (part == 1) {
        hatch(p, x, y, w, h);
    } else {
        paper_ink(p, part == 0 ? INK_DARK : INK_PALE);
        cairo_rectangle(p->cr, x, y, w, h);
        cairo_fill(p->cr);
    }
    paper_ink(p, INK_NAVY);
    cairo_set_line_width(p->cr, 0.6);
    cairo_rectangle(p->cr, x, y, w, h);
    cairo_stroke(p->cr);
}

void paper_stacks(struct paper *p, const struct paper_stack *stacks, unsigned count,
                  const char *const legend[3], double height)
{
    const double width = p->right - p->left, step = count > 0 ? width / (double)count : width;
    const double bar = step * 0.62 > 44 ? 44 : step * 0.62;
    int64_t most = 1;
    char value[32];

    paper_need(p, height + 50);
    for (unsigned i = 0; i < count; i++) {
        const int64_t sum = stacks[i].parts[0] + stacks[i].parts[1] + stacks[i].parts[2];
        most = sum > most ? sum : most;
    }
    double x = p->left;
    for (unsigned i = 0; i < 3; i++)
        if (legend[i] != NULL) {
            double w;

            part_box(p, i, x, p->y + 2, 9, 8);
            paper_measure(p, STYLE_SMALL, 0, 0, legend[i], &w);
            paper_box(p, STYLE_SMALL, INK_TEXT, ALIGN_LEFT, x + 13, p->y, w + 1, 1, legend[i]);
            x += w + 32;
        }
    const double base = p->y + 22 + height;
    paper_ink(p, INK_GREY);
    cairo_set_line_width(p->cr, 0.8);
    cairo_move_to(p->cr, p->left, base);
    cairo_line_to(p->cr, p->right, base);
    cairo_stroke(p->cr);
    for (unsigned i = 0; i < count; i++) {
        const double middle = p->left + step * ((double)i + 0.5);
        double top = base;
        int64_t sum = 0;

        for (unsigned k = 0; k < 3; k++) {
            const double h = (height - 14) * (double)stacks[i].parts[k] / (double)most;

            sum += stacks[i].parts[k];
            part_box(p, k, middle - bar / 2, top - h, bar, h);
            top -= h;
        }
        value_text(sum, value);
        paper_box(p, STYLE_TINY, INK_TEXT, ALIGN_CENTRE, middle - step / 2, top - 11, step, 1, value);
        paper_box(p, STYLE_TINY, INK_GREY, ALIGN_CENTRE, middle - step / 2, base + 3, step, 1,
                  stacks[i].name);
    }
    p->y = base + 18;
}

void paper_share(struct paper *p, double x, double y, double width, int64_t percent)
{
    const double part = percent < 0 ? 0 : percent > 100 ? 100 : (double)percent;

    paper_ink(p, INK_DARK);
    cairo_rectangle(p->cr, x, y, width * part / 100, 5);
    cairo_fill(p->cr);
    paper_ink(p, INK_GREY);
    cairo_set_line_width(p->cr, 0.5);
    cairo_rectangle(p->cr, x, y, width, 5);
    cairo_stroke(p->cr);
}

void paper_matrix(struct paper *p, const char *title, unsigned counts[5][5], double x, double y, double size)
{
    const double cell = size / 5;
    char word[16];

    paper_box(p, STYLE_STRONG, INK_TEXT, ALIGN_CENTRE, x, y, size, 1, title);
    y += 18;
    for (unsigned likely = 0; likely < 5; likely++) {
        const double top = y + cell * (double)(4 - likely);

        snprintf(word, sizeof word, "%u", likely + 1);
        paper_box(p, STYLE_TINY, INK_GREY, ALIGN_RIGHT, x - 12, top + cell / 2 - 4, 8, 1, word);
        for (unsigned impact = 0; impact < 5; impact++) {
            const unsigned score = (likely + 1) * (impact + 1);
            const double left = x + cell * (double)impact;

            paper_ink(p, score >= 15 ? INK_DARK : score >= 8 ? INK_MID : INK_PALE);
            cairo_rectangle(p->cr, left, top, cell, cell);
            cairo_fill(p->cr);
            paper_ink(p, INK_WHITE);
            cairo_set_line_width(p->cr, 1.2);
            cairo_rectangle(p->cr, left, top, cell, cell);
            cairo_stroke(p->cr);
            if (counts[likely][impact] == 0)
                continue;
            snprintf(word, sizeof word, "%u", counts[likely][impact]);
            paper_box(p, STYLE_H2, score >= 15 ? INK_WHITE : INK_NAVY, ALIGN_CENTRE, left, top + cell / 2 - 8,
                      cell, 1, word);
        }
    }
    for (unsigned impact = 0; impact < 5; impact++) {
        snprintf(word, sizeof word, "%u", impact + 1);
        paper_box(p, STYLE_TINY, INK_GREY, ALIGN_CENTRE, x + cell * (double)impact, y + size + 3, cell, 1,
                  word);
    }
    paper_box(p, STYLE_TINY, INK_GREY, ALIGN_CENTRE, x - 30, y + size + 12, size + 60, 1,
              "Impact to the right, likelihood upwards; 5 is the most");
}
