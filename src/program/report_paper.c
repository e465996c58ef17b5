/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The paper: fonts, pages, text, tables. Fonts are taken from files that are named here (Debian's
 * fonts-noto-core, else fonts-dejavu-core), never by the machine's settings, so that a report looks the same
 * everywhere. PDF tags say what is a heading, a table, a cell (ISO 32000-1, 14.8).
 */
#include "program/report_paper.h"
#include "program/report_ink.h"
#include <cairo-pdf.h>
#include <fontconfig/fontconfig.h>
#include <pango/pangocairo.h>
#include <pango/pangofc-fontmap.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- fonts ---- */

struct paper_fonts {
    FcConfig *config;
    PangoFontMap *map;
    PangoContext *context;
    PangoFontDescription *styles[STYLE_COUNT];
};

static const struct {
    double size;
    bool bold;
} style_facts[STYLE_COUNT] = {
    [STYLE_TITLE] = { 30, true },  [STYLE_H1] = { 18, true },      [STYLE_H2] = { 11.5, true },
    [STYLE_BODY] = { 9.5, false }, [STYLE_STRONG] = { 9.5, true }, [STYLE_SMALL] = { 8, false },
    [STYLE_TINY] = { 6.5, false }, [STYLE_CELL] = { 7.5, false },  [STYLE_HEAD] = { 7.5, true },
    [STYLE_NUMBER] = { 20, true },
};

bool paper_fonts_new(struct paper_fonts **out, struct imw_error_info *err)
{
    static const char noto[] = "/usr/share/fonts/truetype/noto/",
                      dejavu[] = "/usr/share/fonts/truetype/dejavu/";
    static const char *const files[] = {
        "NotoSans-Regular.ttf",         "NotoSans-Bold.ttf",
        "NotoSansArabic-Regular.ttf",   "NotoSansHebrew-Regular.ttf",
        "NotoSansThai-Regular.ttf",     "NotoSansDevanagari-Regular.ttf",
        "NotoSansArmenian-Regular.ttf", "NotoSansGeorgian-Regular.ttf",
        "NotoSansSymbols-Regular.ttf",  "NotoSansSymbols2-Regular.ttf",
        "NotoSansMath-Regular.ttf",
    };
    static const char *const others[] = { "DejaVuSans.ttf", "DejaVuSans-Bold.ttf" };
    struct paper_fonts *f = calloc(1, sizeof *f);
    unsigned found = 0;
    char path[256];

    if (f == NULL || (f->config = FcConfigCreate()) == NULL) {
        free(f);
        return error_memory(err);
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0] + sizeof others / sizeof others[0]; i++) {
        const size_t own = sizeof files / sizeof files[0];

        snprintf(path, sizeof path, "%s%s", i < own ? noto : dejavu, i < own ? files[i] : others[i - own]);
        if (access(path, R_OK) == 0 && FcConfigAppFontAddFile(f->config, (const FcChar8 *)path))
            found++;
    }
    if (found < 2) {
        paper_fonts_free(f);
        return error_set(err, IMW_ERROR_SYSTEM,
                         "there are no fonts for reports: install Debian's package fonts-noto-core");
    }
    f->map = pango_cairo_font_map_new_for_font_type(CAIRO_FONT_TYPE_FT);
    pango_fc_font_map_set_config(PANGO_FC_FONT_MAP(f->map), f->config);
    pango_cairo_font_map_set_resolution(PANGO_CAIRO_FONT_MAP(f->map), 72);
    f->context = pango_font_map_create_context(f->map);
    pango_context_set_language(f->context, pango_language_from_string("en"));
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    pango_cairo_context_set_font_options(f->context, options);
    cairo_font_options_destroy(options);
    for (unsigned i = 0; i < STYLE_COUNT; i++) {
        f->styles[i] = pango_font_description_new();
        pango_font_description_set_family_static(f->styles[i], "Noto Sans,DejaVu Sans");
        pango_font_description_set_size(f->styles[i], (int)(style_facts[i].size * PANGO_SCALE));
        pango_font_description_set_weight(f->styles[i],
                                          style_facts[i].bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    }
    *out = f;
    return true;
}

void paper_fonts_free(struct paper_fonts *f)
{
    if (f == NULL)
        return;
    for (unsigned i = 0; i < STYLE_COUNT; i++)
        if (f->styles[i] != NULL)
            pango_font_description_free(f->styles[i]);
    if (f->context != NULL)
        g_object_unref(f->context);
    if (f->map != NULL) {
        pango_fc_font_map_set_config(PANGO_FC_FONT_MAP(f->map), NULL); /* else it keeps the fonts for good */
        g_object_unref(f->map);
    }
    FcConfigDestroy(f->config);
    free(f);
}

/* ---- texts ---- */

/* Characters that no line may have: they turn its direction, end it, or are none. */
static bool is_harmful(struct view c)
{
    if (c.len == 2 && c.at[0] == 0xc2 && c.at[1] < 0xa0)
        return true; /* C1 */
    if (c.len == 2 && c.at[0] == 0xd8 && c.at[1] == 0x9c)
        return true; /* U+061C */
    if (c.len == 3 && c.at[0] == 0xe2 && c.at[1] == 0x80)
        return (c.at[2] >= 0xa8 && c.at[2] <= 0xae) || c.at[2] == 0x8e || c.at[2] == 0x8f;
    if (c.len == 3 && c.at[0] == 0xe2 && c.at[1] == 0x81)
        return c.at[2] >= 0xa6 && c.at[2] <= 0xaf;
    if (c.len == 3 && c.at[0] == 0xef && c.at[1] == 0xbf)
        return c.at[2] >= 0xb9; /* U+FFF9 and further: what annotates, and what is no character */
    return c.len == 3 && c.at[0] == 0xef && c.at[1] == 0xbb && c.at[2] == 0xbf;
}

void paper_clean(struct text *t, struct view v, size_t most)
{
    static const char cut[] = "…";
    bool space = false;

    while (v.len > 0 && t->len < most && !t->cut) {
        const size_t length = utf8_length(v);
        const struct view c = view_slice(v, 0, length == 0 ? 1 : length);

        v = view_from(v, c.len);
        if (length == 1 && (c.at[0] == ' ' || c.at[0] == '\t' || c.at[0] == '\n' || c.at[0] == '\r')) {
            space = t->len > 0;
            continue;
        }
        if (t->size - t->len < c.len + sizeof cut + 2)
            break;
        if (space)
            text_char(t, ' ');
        space = false;
        if (length == 0 || (length == 1 && (c.at[0] < 0x20 || c.at[0] == 0x7f)) || is_harmful(c))
            text_char(t, '?');
        else
            text_add(t, c);
    }
    if (v.len > 0)
        text_string(t, cut);
}

static PangoLayout *layout(struct paper *p, enum paper_style style, enum paper_align align, double width,
                           unsigned lines, const char *text)
{
    static const PangoAlignment aligns[] = { PANGO_ALIGN_LEFT, PANGO_ALIGN_RIGHT, PANGO_ALIGN_CENTER };
    PangoLayout *l = pango_layout_new(p->fonts->context);

    pango_layout_set_font_description(l, p->fonts->styles[style]);
    pango_layout_set_auto_dir(l, align == ALIGN_LEFT ? TRUE : FALSE);
    pango_layout_set_wrap(l, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_alignment(l, aligns[align]);
    if (width > 0)
        pango_layout_set_width(l, (int)(width * PANGO_SCALE));
    if (lines > 0) {
        pango_layout_set_height(l, -(int)lines);
        pango_layout_set_ellipsize(l, PANGO_ELLIPSIZE_END);
    }
    if (style == STYLE_BODY)
        pango_layout_set_line_spacing(l, 1.15F);
    pango_layout_set_text(l, text, -1);
    return l;
}

double paper_measure(struct paper *p, enum paper_style style, double width, unsigned lines, const char *text,
                     double *out_width)
{
    PangoLayout *l = layout(p, style, ALIGN_LEFT, width, lines, text);
    int w, h;

    pango_layout_get_size(l, &w, &h);
    g_object_unref(l);
    if (out_width != NULL)
        *out_width = (double)w / PANGO_SCALE;
    return (double)h / PANGO_SCALE;
}

double paper_box(struct paper *p, enum paper_style style, enum paper_ink ink, enum paper_align align,
                 double x, double y, double width, unsigned lines, const char *text)
{
    PangoLayout *l = layout(p, style, align, width, lines, text);
    int w, h;

    pango_layout_get_size(l, &w, &h);
    const double height = (double)h / PANGO_SCALE;
    cairo_save(p->cr);
    cairo_rectangle(p->cr, x - 1, y - 1, width + 2, height + 2); /* marks piled up do not leave it */
    cairo_clip(p->cr);
    paper_ink(p, ink);
    cairo_move_to(p->cr, x, y);
    pango_cairo_show_layout(p->cr, l);
    cairo_restore(p->cr);
    g_object_unref(l);
    return height;
}

/* pango's own limit counts lines of each paragraph: here the height ends it. */
double paper_lines(struct paper *p, enum paper_style style, enum paper_ink ink, double x, double y,
                   double width, unsigned lines, const char *text)
{
    PangoLayout *l = layout(p, style, ALIGN_LEFT, width, 0, text);
    double height = 0;

    paper_ink(p, ink);
    for (int i = 0; i < pango_layout_get_line_count(l) && (unsigned)i < lines; i++) {
        PangoLayoutLine *line = pango_layout_get_line_readonly(l, i);
        PangoRectangle box;

        pango_layout_line_get_extents(line, NULL, &box);
        cairo_move_to(p->cr, x, y + height - (double)box.y / PANGO_SCALE);
        pango_cairo_show_layout_line(p->cr, line);
        height += (double)box.height / PANGO_SCALE * 1.05;
    }
    g_object_unref(l);
    return height;
}

void paper_paragraph(struct paper *p, enum paper_style style, enum paper_ink ink, const char *text)
{
    const double width = p->right - p->left;

    paper_need(p, paper_measure(p, style, width, 0, text, NULL));
    cairo_tag_begin(p->cr, "P", NULL);
    p->y += paper_box(p, style, ink, ALIGN_LEFT, p->left, p->y, width, 0, text);
    cairo_tag_end(p->cr, "P");
    p->y += style_facts[style].size * 0.55;
}

void paper_number(struct text *t, int64_t n)
{
    char digits[24];
    const int length = snprintf(digits, sizeof digits, "%lld", (long long)n);

    for (int i = 0; i < length; i++) {
        text_char(t, digits[i]);
        if ((length - i - 1) % 3 == 0 && i != length - 1 && digits[i] != '-')
            text_char(t, ',');
    }
}

/* ---- pages ---- */

void paper_ink(struct paper *p, enum paper_ink ink)
{
    const double *c = report_inks[ink];

    cairo_set_source_rgb(p->cr, c[0], c[1], c[2]);
}

void paper_gap(struct paper *p, double height)
{
    p->y += height;
}

void paper_end_page(struct paper *p)
{
    char words[80];

    if (!p->plain) {
        const double width = p->right - p->left;

        paper_ink(p, INK_RULE);
        cairo_set_line_width(p->cr, 0.6);
        cairo_move_to(p->cr, p->left, p->top - 14);
        cairo_line_to(p->cr, p->right, p->top - 14);
        cairo_move_to(p->cr, p->left, p->bottom + 14);
        cairo_line_to(p->cr, p->right, p->bottom + 14);
        cairo_stroke(p->cr);
        paper_box(p, STYLE_TINY, INK_GREY, ALIGN_LEFT, p->left, p->top - 28, width, 1, p->head);
        snprintf(words, sizeof words, "Page %u of %u", p->page, p->pages);
        paper_box(p, STYLE_TINY, INK_GREY, ALIGN_LEFT, p->left, p->bottom + 20, width - 90, 1, p->foot);
        paper_box(p, STYLE_TINY, INK_GREY, ALIGN_RIGHT, p->right - 80, p->bottom + 20, 80, 1, words);
    }
    cairo_show_page(p->cr);
}

void paper_page(struct paper *p)
{
    if (p->page > 0)
        paper_end_page(p);
    p->page++;
    p->plain = false;
    p->y = p->top;
}

void paper_need(struct paper *p, double height)
{
    if (p->y + height > p->bottom && p->y > p->top + 1)
        paper_page(p);
}

void paper_heading(struct paper *p, unsigned level, const char *title)
{
    char place[32];

    if (level == 1)
        paper_page(p);
    else
        paper_need(p, 90); /* never the last thing on a page */
    if (level == 2 && p->y > p->top + 1)
        p->y += 8;
    if (p->heading_count < PAPER_HEADINGS) {
        struct paper_heading *h = &p->headings[p->heading_count];

        snprintf(h->title, sizeof h->title, "%s", title);
        h->level = level;
        h->page = p->page;
        snprintf(place, sizeof place, "name='s%u'", p->heading_count);
        p->heading_count++;
        cairo_tag_begin(p->cr, CAIRO_TAG_DEST, place);
        cairo_tag_end(p->cr, CAIRO_TAG_DEST);
    }
    cairo_tag_begin(p->cr, level == 1 ? "H1" : "H2", NULL);
    p->y += paper_box(p, level == 1 ? STYLE_H1 : STYLE_H2, INK_NAVY, ALIGN_LEFT, p->left, p->y,
                      p->right - p->left, 2, title);
    cairo_tag_end(p->cr, level == 1 ? "H1" : "H2");
    if (level == 1) {
        paper_ink(p, INK_NAVY);
        cairo_rectangle(p->cr, p->left, p->y + 3, 42, 2.2);
        cairo_fill(p->cr);
        p->y += 12;
    }
    p->y += 4;
}

/* ---- tables ---- */

enum { CELL_LINES = 4 };
static const double cell_gap = 7, cell_pad = 2.6;

void paper_columns_fit(struct paper_column *columns, unsigned count, double room)
{
    double fixed = 0, left = room - cell_gap * (double)count;
    bool set[PAPER_CELLS] = { false };
    unsigned open = count;

    /* Narrow ones get what they want, the others share the rest. */
    for (bool again = true; again && open > 0;) {
        const double share = (left - fixed) / open;

        again = false;
        for (unsigned i = 0; i < count; i++)
            if (!set[i] && columns[i].natural <= share) {
                columns[i].width = columns[i].natural;
                fixed += columns[i].natural;
                set[i] = again = true;
                open--;
            }
    }
    for (unsigned i = 0; i < count; i++) {
        if (!set[i])
            columns[i].width = (left - fixed) / open;
        else if (open == 0) /* there is room left: the first has half of it */
            columns[i].width += (left - fixed) * (i == 0 ? 0.4 : 0.6 / (count > 1 ? count - 1 : 1));
    }
}

static unsigned cell_lines(const struct paper *p)
{
    return p->cell_lines != 0 ? p->cell_lines : CELL_LINES;
}

static void row_cells(struct paper *p, enum paper_style style, enum paper_ink ink, const char *tag,
                      const struct paper_column *columns, unsigned count, const char *const *cells)
{
    double x = p->left + cell_gap / 2;

    cairo_tag_begin(p->cr, "TR", NULL);
    for (unsigned i = 0; i < count; i++) {
        cairo_tag_begin(p->cr, tag, NULL);
        paper_box(p, style, ink, columns[i].align, x, p->y + cell_pad, columns[i].width, cell_lines(p),
                  cells[i]);
        cairo_tag_end(p->cr, tag);
        x += columns[i].width + cell_gap;
    }
    cairo_tag_end(p->cr, "TR");
}

static double row_height(struct paper *p, enum paper_style style, const struct paper_column *columns,
                         unsigned count, const char *const *cells)
{
    double most = 0;

    for (unsigned i = 0; i < count; i++) {
        const double h = paper_measure(p, style, columns[i].width, cell_lines(p), cells[i], NULL);

        most = h > most ? h : most;
    }
    return most + 2 * cell_pad;
}

static double table_width(const struct paper_column *columns, unsigned count)
{
    double width = cell_gap * (double)count;

    for (unsigned i = 0; i < count; i++)
        width += columns[i].width;
    return width;
}

void paper_table_head(struct paper *p, const struct paper_column *columns, unsigned count)
{
    const char *titles[PAPER_CELLS];

    for (unsigned i = 0; i < count; i++)
        titles[i] = columns[i].title;
    const double height = row_height(p, STYLE_HEAD, columns, count, titles);
    paper_need(p, height + 16);
    paper_ink(p, INK_NAVY);
    cairo_rectangle(p->cr, p->left, p->y, table_width(columns, count), height);
    cairo_fill(p->cr);
    row_cells(p, STYLE_HEAD, INK_WHITE, "TH", columns, count, titles);
    p->y += height;
}

void paper_table_row(struct paper *p, const struct paper_column *columns, unsigned count,
                     const char *const *cells, bool shaded)
{
    const double height = row_height(p, STYLE_CELL, columns, count, cells);
    const double width = table_width(columns, count);

    if (p->y + height > p->bottom) {
        paper_page(p);
        paper_table_head(p, columns, count);
    }
    if (shaded) {
        paper_ink(p, INK_PALE);
        cairo_rectangle(p->cr, p->left, p->y, width, height);
        cairo_fill(p->cr);
    }
    row_cells(p, STYLE_CELL, INK_TEXT, "TD", columns, count, cells);
    p->y += height;
    paper_ink(p, INK_RULE);
    cairo_set_line_width(p->cr, 0.4);
    cairo_move_to(p->cr, p->left, p->y);
    cairo_line_to(p->cr, p->left + width, p->y);
    cairo_stroke(p->cr);
}
