/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report of a period: cover, contents, a summary, a section for each part of the data, what maps it to
 * regulations, method and limits, and all figures with their names. Parts that no section names come behind
 * the others, so that nothing in the data is left out.
 */
#include "base/error.h"
#include "program/mapping.h"
#include "program/report_parts.h"
#include <stdio.h>

enum { PARTS_MOST = 6 };
struct section {
    const char *title, *intro;
    const char *parts[PARTS_MOST];
};
static const struct section sections[] = {
    { "Use of instant messaging",
      "What the sensors saw on the network. A conversation is one connection or flow of an instant messaging "
      "service; people of the directory and machines of nobody known are counted alike.",
      { "usage", "people" } },
    { "Enforcement of the policy",
      "What the policy in force said of these conversations, and how many were kept from getting through.",
      { "enforcement", "policy" } },
    { "Policy documents and signatures",
      "The documents that were in force, who agreed to them, and who signed the exact text.",
      { "documents", "signatures" } },
    { "Training",
      "Courses, certificates and what is still owed. Tests are drawn at random and graded by the server.",
      { "training" } },
    { "Risk assessment",
      "Risks are rated by likelihood and impact, 1 to 5 each, before and after controls.",
      { "risks", "risk", "assessments", "assessment", "products", "security" } },
    { "Exceptions and emergencies",
      "Every exception ends by a date; an emergency stays open until somebody says what was said and where it "
      "is kept.",
      { "exceptions" } },
    { "Virus and patch programs",
      "Files that were looked at, and client versions against the oldest that is safe.",
      { "files", "virus", "clients", "client", "patch", "patches" } },
    { "Off-channel signal",
      "Counts of the approved channel beside what the network sees of public messengers. A signal is a reason "
      "to ask, not proof: people are away, change their work, or use other means; encrypted content and private "
      "phones are not seen, shared addresses may be another's, counts are as good as they were brought in.",
      { "signal", "signals", "off_channel", "channel" } },
    { "Incidents",
      "What the detectors or people found, how bad it was, and how long it took to close.",
      { "incidents" } },
    { "Coverage of the sensors",
      "What was not seen cannot be told. Days without events of a sensor are gaps in what this report says.",
      { "sensors" } },
    { "Accounts and access",
      "Who may use the console, and who asked to see the name behind a pseudonym. Nobody decides on their own "
      "request.",
      { "accounts" } },
    { "Reports to the board",
      "Statements of compliance by quarter, each signed off by another person.",
      { "board" } },
    { "Changes",
      "Every act of a person or of the system is a record of the audit trail, which is part of the package.",
      { "changes" } },
};
enum { SECTIONS = sizeof sections / sizeof sections[0] };

static bool is_of(const struct section *s, const char *part)
{
    for (unsigned i = 0; i < PARTS_MOST && s->parts[i] != NULL; i++)
        if (strcmp(s->parts[i], part) == 0)
            return true;
    return false;
}

static bool is_known(const char *part)
{
    for (unsigned i = 0; i < SECTIONS; i++)
        if (is_of(&sections[i], part))
            return true;
    return false;
}

/* Is there anything of this section (NULL: of no section)? */
static bool has_data(const struct report *r, const struct section *s)
{
    for (size_t i = 0; i < r->data->table_count; i++) {
        const char *part = r->data->tables[i].item->part;

        if (s != NULL ? is_of(s, part) : !is_known(part))
            return true;
    }
    for (size_t i = 0; i < r->data->figure_count; i++) {
        const char *part = r->data->figures[i].item->part;

        if (s != NULL ? is_of(s, part) : !is_known(part))
            return true;
    }
    return false;
}

/* ---- cover and contents ---- */

static double cover_line(struct paper *p, double y, const char *label, const char *text)
{
    char clean[400];
    struct text t = TEXT(clean);

    paper_clean(&t, view_string(text), 300);
    if (clean[0] == '\0')
        return y;
    cairo_tag_begin(p->cr, "P", NULL);
    paper_box(p, STYLE_SMALL, INK_GREY, ALIGN_LEFT, p->left, y + 1.5, 110, 1, label);
    const double height =
        paper_box(p, STYLE_BODY, INK_TEXT, ALIGN_LEFT, p->left + 116, y, p->right - p->left - 116, 3, clean);
    cairo_tag_end(p->cr, "P");
    return y + height + 7;
}

static void cover(struct report *r)
{
    struct paper *p = &r->paper;
    const struct report_scope *s = r->scope;
    char clean[400], span[80], when[40];
    struct text t = TEXT(clean);
    const double width = p->right - p->left;

    paper_page(p);
    p->plain = true;
    paper_ink(p, INK_NAVY);
    cairo_rectangle(p->cr, 0, 0, 596, 250);
    cairo_fill(p->cr);
    paper_clean(&t, view_string(s->institution), 200);
    paper_box(p, STYLE_BODY, INK_WHITE, ALIGN_LEFT, p->left, 74, width, 2,
              clean[0] != '\0' ? clean : "Institution not named in the settings");
    cairo_tag_begin(p->cr, "H1", NULL);
    paper_box(p, STYLE_TITLE, INK_WHITE, ALIGN_LEFT, p->left, 108, width, 2,
              "Instant messaging program:\nreport and evidence");
    cairo_tag_end(p->cr, "H1");
    report_span(&s->period, span);
    paper_box(p, STYLE_BODY, INK_WHITE, ALIGN_LEFT, p->left, 204, width, 1, span);
    double y = 292;
    report_time(s->asked_us, when);
    text_string(&(struct text){ when, strlen(when), sizeof when, false }, " UTC");
    y = cover_line(p, y, "Prepared for", s->prepared_for);
    y = cover_line(p, y, "Prepared by", s->prepared_by);
    y = cover_line(p, y, "Asked for", when);
    y = cover_line(p, y, "Package", s->package);
    y = cover_line(p, y, "Key that signs it", s->key);
    y += 16;
    paper_box(p, STYLE_H2, INK_NAVY, ALIGN_LEFT, p->left, y, width, 1, "What this is");
    p->y = y + 22;
    paper_paragraph(
        p, STYLE_BODY, INK_TEXT,
        "This report belongs to an evidence package. It shows how the institution governs public "
        "and consumer instant messaging: what is used, what the policy allows and stops, who has "
        "signed the policy and been trained, which risks were assessed, which exceptions were made, "
        "and what happened.");
    paper_paragraph(
        p, STYLE_BODY, INK_TEXT,
        "Every number is a figure or a cell of the package's data. Names in small print, such as "
        "usage.flows, are the names of figures in data/figures.csv, which also has the question that "
        "each one answers. People are pseudonyms.");
    paper_paragraph(
        p, STYLE_BODY, INK_TEXT,
        "Whether the package is whole is shown by: imward evidence verify FILE.zip --key audit.pub, "
        "on any machine and without a network. Compare the key above with the one that the "
        "institution gave you by another way.");
    paper_box(p, STYLE_TINY, INK_GREY, ALIGN_LEFT, p->left, 790, width, 1,
              "Confidential. Made by imward " IMWARD_VERSION ".");
}

static void contents(struct report *r)
{
    struct paper *p = &r->paper;
    char page[16], place[64];

    paper_heading(p, 1, "Contents");
    for (unsigned i = 0; i < p->known_headings; i++) {
        const struct paper_heading *h = &p->known[i];

        if (h->level != 1 || strcmp(h->title, "Contents") == 0)
            continue;
        snprintf(place, sizeof place, "dest='s%u'", i);
        snprintf(page, sizeof page, "%u", h->page);
        paper_need(p, 20);
        cairo_tag_begin(p->cr, CAIRO_TAG_LINK, place);
        paper_box(p, STYLE_BODY, INK_TEXT, ALIGN_LEFT, p->left, p->y, p->right - p->left - 40, 1, h->title);
        paper_box(p, STYLE_BODY, INK_TEXT, ALIGN_RIGHT, p->right - 40, p->y, 40, 1, page);
        cairo_tag_end(p->cr, CAIRO_TAG_LINK);
        p->y += 18;
        paper_ink(p, INK_RULE);
        cairo_set_line_width(p->cr, 0.4);
        cairo_move_to(p->cr, p->left, p->y - 2.5);
        cairo_line_to(p->cr, p->right, p->y - 2.5);
        cairo_stroke(p->cr);
        p->y += 2;
    }
}

/* ---- summary ---- */

static const struct tile {
    const char *label, *part, *name;
} tiles[] = {
    { "people used instant messaging", "usage", "people" },
    { "services were used", "usage", "services" },
    { "conversations were seen", "usage", "flows" },
    { "conversations were stopped", "enforcement", "stopped" },
    { "of signatures owed are given", "signatures", "percent" },
    { "of training duties are done", "training", "percent" },
    { "exceptions in force at the end", "exceptions", "in_force" },
    { "emergencies not closed out", "exceptions", "open" },
    { "incidents began", "incidents", "began" },
    { "incidents open at the end", "incidents", "open" },
    { "days of the period with events", "sensors", "days" },
    { "records of the audit trail", "changes", "records" },
};

static void summary(struct report *r)
{
    struct paper *p = &r->paper;
    const double gap = 10, width = (p->right - p->left - 2 * gap) / 3;
    unsigned shown = 0;

    paper_heading(p, 1, "Summary of the program");
    paper_paragraph(
        p, STYLE_BODY, INK_TEXT,
        "The key figures of the period. Those that say how things are (signatures, training) are of "
        "the day on which the package was made.");
    for (size_t i = 0; i < sizeof tiles / sizeof tiles[0]; i++) {
        if (evidence_find_figure(r->data, tiles[i].part, tiles[i].name) == NULL)
            continue;
        report_tile(r, p->left + (width + gap) * (shown % 3), p->y + (REPORT_TILE_HEIGHT + gap) * (shown / 3),
                    width, tiles[i].label, tiles[i].part, tiles[i].name);
        shown++;
    }
    p->y += (REPORT_TILE_HEIGHT + gap) * ((shown + 2) / 3) + 8;
}

/* ---- charts of what is known ---- */

static void chart_bars(struct report *r, const char *part, const char *name, const char *label,
                       const char *value, const char *title)
{
    enum { BARS = 10 };
    const struct evidence_rows *t = evidence_find_table(r->data, part, name);
    struct paper_bar bars[BARS];
    char names[BARS][80];
    unsigned count = 0;

    if (t == NULL || t->kept == 0)
        return;
    for (size_t i = 0; i < t->kept && count < BARS; i++) {
        const struct evidence_cell *c = report_cell_of(t, i, label);
        struct text words = TEXT(names[count]);

        paper_clean(&words, view_string(c->text != NULL ? c->text : "–"), 60);
        bars[count] = (struct paper_bar){ names[count], report_cell_of(t, i, value)->number };
        count++;
    }
    paper_heading(&r->paper, 2, title);
    paper_bars(&r->paper, bars, count);
}

static void chart_risks(struct report *r, const struct section *s)
{
    static const char *const pairs[][3] = {
        { "Inherent", "inherent_likelihood", "inherent_impact" },
        { "Inherent", "likelihood", "impact" },
        { "Residual, after controls", "residual_likelihood", "residual_impact" },
    };
    struct paper *p = &r->paper;

    for (size_t i = 0; i < r->data->table_count; i++) {
        const struct evidence_rows *t = &r->data->tables[i];
        unsigned counts[5][5];
        double x = p->left + 20;

        if (!is_of(s, t->item->part) || !report_ratings(t, pairs[2][1], pairs[2][2], counts) || t->kept == 0)
            continue;
        paper_heading(p, 2, "Risk matrix");
        paper_need(p, 220);
        for (unsigned k = 0; k < 3; k++)
            if (report_ratings(t, pairs[k][1], pairs[k][2], counts)) {
                paper_matrix(p, pairs[k][0], counts, x, p->y, 165);
                x += 240;
            }
        p->y += 218;
        return;
    }
}

/* ---- sections ---- */

static void figures_of(struct report *r, const struct section *s)
{
    struct paper *p = &r->paper;
    struct paper_column columns[3] = { { .title = "What is counted", .natural = 330 },
                                       { .title = "Number", .align = ALIGN_RIGHT, .natural = 60 },
                                       { .title = "Figure", .natural = 110 } };
    bool any = false;
    unsigned row = 0;

    for (size_t i = 0; i < r->data->figure_count; i++) {
        const struct evidence_item *item = r->data->figures[i].item;
        char value[32], name[160], counts[300];
        struct text t = TEXT(name), c = TEXT(counts);

        if (s != NULL ? !is_of(s, item->part) : is_known(item->part))
            continue;
        if (!any) {
            paper_columns_fit(columns, 3, p->right - p->left);
            cairo_tag_begin(p->cr, "Table", NULL);
            paper_table_head(p, columns, 3);
        }
        any = true;
        report_value(r->data, item->part, item->name, value);
        text_format(&t, "%s.%s", item->part, item->name);
        paper_clean(&c, view_string(item->title), 250);
        if (counts[0] >= 'a' && counts[0] <= 'z')
            counts[0] = (char)(counts[0] - 32);
        paper_table_row(p, columns, 3, (const char *const[]){ counts, value, name }, row++ % 2 == 1);
    }
    if (any) {
        cairo_tag_end(p->cr, "Table");
        p->y += 12;
    }
}

static void section(struct report *r, const struct section *s)
{
    struct paper *p = &r->paper;
    char words[2000];
    struct text empty = TEXT(words);

    if (!has_data(r, s))
        return;
    paper_heading(p, 1, s != NULL ? s->title : "Further parts");
    if (s != NULL)
        paper_paragraph(p, STYLE_BODY, INK_TEXT, s->intro);
    paper_gap(p, 4);
    figures_of(r, s);
    if (s != NULL && is_of(s, "usage")) {
        report_weeks(r, 150, true);
        chart_bars(r, "usage", "services", "service", "flows", "The services most used, in conversations");
        chart_bars(r, "usage", "departments", "department", "flows", "Departments, in conversations");
    }
    if (s != NULL && is_of(s, "enforcement")) {
        chart_bars(r, "enforcement", "verdicts", "verdict", "flows", "Verdicts, in conversations");
        chart_bars(r, "enforcement", "services", "service", "stopped", "Stopped, by service");
    }
    if (s != NULL && is_of(s, "incidents"))
        chart_bars(r, "incidents", "detectors", "detector", "incidents", "Incidents by what found them");
    if (s != NULL && is_of(s, "risks"))
        chart_risks(r, s);
    for (size_t i = 0; i < r->data->table_count; i++) {
        const struct evidence_rows *t = &r->data->tables[i];

        if (s != NULL ? !is_of(s, t->item->part) : is_known(t->item->part))
            continue;
        if (t->rows > 0)
            report_table(r, t);
        else
            text_format(&empty, "%s%s", empty.len > 0 ? "; " : "Nothing in this time: ", t->item->title);
    }
    if (empty.len > 0) {
        text_char(&empty, '.');
        paper_gap(p, 6);
        paper_paragraph(p, STYLE_SMALL, INK_GREY, words);
    }
}

static void mapping(struct report *r)
{
    struct paper *p = &r->paper;
    const struct mapping *m = r->scope->mapping;

    if (m == NULL || m->count == 0)
        return;
    paper_heading(p, 1, "Annex A: what regulations ask for, and where it is shown");
    paper_paragraph(
        p, STYLE_BODY, INK_TEXT,
        "The last column says what this program does not cover. It is an aid to reading, not legal "
        "advice.");
    p->cell_lines = 20; /* what a rule asks is not cut */
    for (unsigned k = 0; k < m->count; k++) {
        const struct mapping_table *t = &m->tables[k];
        struct paper_column columns[5] = { { .title = "Section", .natural = 55 },
                                           { .title = "What it asks", .natural = 140 },
                                           { .title = "Parts", .natural = 70 },
                                           { .title = "What shows it", .natural = 110 },
                                           { .title = "Not covered", .natural = 90 } };
        char title[PAPER_TITLE], words[REPORT_TEXT];
        struct text w = TEXT(title), source = TEXT(words);

        paper_clean(&w, view_string(t->title), 120);
        paper_heading(p, 2, title);
        paper_clean(&source, view_string(t->source), REPORT_TEXT / 2);
        if (source.len > 0)
            paper_paragraph(p, STYLE_SMALL, INK_GREY, words);
        paper_columns_fit(columns, 5, p->right - p->left);
        cairo_tag_begin(p->cr, "Table", NULL);
        paper_table_head(p, columns, 5);
        for (unsigned i = 0; i < t->count; i++) {
            const struct mapping_row *row = &t->rows[i];
            const char *from[5] = { row->section, row->asks, row->parts, row->shows, row->not_covered };
            char cells[5][REPORT_TEXT];

            for (unsigned c = 0; c < 5; c++) {
                struct text v = TEXT(cells[c]);
                paper_clean(&v, view_string(from[c][0] != '\0' ? from[c] : "–"), REPORT_TEXT / 2);
            }
            paper_table_row(p, columns, 5,
                            (const char *const[]){ cells[0], cells[1], cells[2], cells[3], cells[4] },
                            i % 2 == 1);
        }
        cairo_tag_end(p->cr, "Table");
        paper_gap(p, 12);
    }
    p->cell_lines = 0;
}

static void method(struct report *r)
{
    static const char *const words[] = {
        "All figures and tables of the package were read from the console's database in one transaction: they are "
        "of one moment. data/figures.csv has the question of each figure as it was asked.",
        "Use is counted from what the sensors saw. Traffic that passed no sensor, and gaps in a sensor's work, are "
        "in no figure; the section on coverage says which days there are. Times are UTC, days and weeks begin at "
        "midnight UTC, and weeks are counted from the first day of the period.",
        "Sums of use are kept by day: where the period begins or ends within a day, the whole day is counted. What "
        "was deleted because its time of retention was over is in no figure.",
        "Figures that say how things are (signatures owed, training duties, accounts) are of the moment at which "
        "the package was made, even where the period ended before.",
        "People are shown by pseudonyms. Who is behind one is told by the institution, to whom it may, after two "
        "people agreed.",
        "Octets are rounded to two or three digits, hashes are shortened, long texts and long tables are cut on "
        "paper; the files under data/ have all of it.",
        "A detector can be wrong in both directions. Alerts are counted before anybody looked at them; incidents "
        "that turned out to be nothing are counted as false alarms.",
    };

    paper_heading(&r->paper, 1, "Method and limits");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        paper_paragraph(&r->paper, STYLE_BODY, INK_TEXT, words[i]);
}

void report_pages(struct report *r)
{
    struct paper *p = &r->paper;
    char span[80];
    struct text t = TEXT(p->head);

    paper_clean(&t, view_string(r->scope->institution), 100);
    report_span(&r->scope->period, span);
    text_format(&t, "%sInstant messaging program, %s", t.len > 0 ? " · " : "", span);
    t = TEXT(p->foot);
    if (r->scope->package[0] != '\0') {
        text_string(&t, "Package ");
        paper_clean(&t, view_string(r->scope->package), 60);
    }
    cover(r);
    contents(r);
    summary(r);
    for (unsigned i = 0; i < SECTIONS; i++)
        section(r, &sections[i]);
    section(r, NULL);
    method(r);
    mapping(r);
}
