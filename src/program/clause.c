/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents read in one pass over their lines (CommonMark 0.30: sections 4.2 headings, 4.5 fences, 4.6 HTML
 * blocks), then the policy that their blocks make, with a map from its lines back to the document's.
 */
#include "program/clause.h"
#include "base/text.h"
#include "base/yaml.h"
#include "program/policy_report.h"
#include <stdio.h>
#include <stdlib.h>

enum { LINES = 10000, LEVELS = 6, NUMBER_SIZE = 40, SHOWN = 120 };

struct section {
    struct view title;
    char number[NUMBER_SIZE];
    unsigned level, line, first, end; /* lines of its text, from 0 */
};

struct block {
    unsigned first, end; /* lines between the fences */
    unsigned section;
    bool head;
};

struct reading {
    struct view lines[LINES];
    struct section sections[CLAUSES];
    struct block blocks[CLAUSE_BLOCKS];
    unsigned line_count, section_count, block_count;
    bool hidden[LINES]; /* a line of a rule block: not of the clause's text */
    unsigned origin[2 * LINES];
    unsigned origin_count; /* lines of the policy so far */
    json_t *problems;
    unsigned told, errors;
};

/* ---- problems ---- */

static void tell(struct reading *r, unsigned line, const char *level, const char *format, ...)
    IMW_PRINTF(4, 5);
static void tell(struct reading *r, unsigned line, const char *level, const char *format, ...)
{
    char raw[512], shown[600];
    struct text t = TEXT(shown);
    va_list args;

    va_start(args, format);
    vsnprintf(raw, sizeof raw, format, args);
    va_end(args);
    text_printable(&t, view_string(raw));
    r->errors += level[0] == 'e';
    if (r->told++ < CLAUSE_PROBLEMS)
        (void)json_array_append_new(
            r->problems, json_pack("{s:i,s:s,s:s}", "line", (int)line, "text", shown, "level", level));
}

/* ---- characters ---- */

/* What turns the direction of writing, or ends a line for some and not for others. */
static bool is_tricky(struct view at)
{
    return view_starts(at, VIEW("\xc2\x85")) ||
           (at.len >= 3 && at.at[0] == 0xe2 &&
            ((at.at[1] == 0x80 && at.at[2] >= 0xa8 && at.at[2] <= 0xae) ||
             (at.at[1] == 0x81 && at.at[2] >= 0xa6 && at.at[2] <= 0xa9)));
}

static void check_characters(struct reading *r, unsigned n)
{
    struct view v = r->lines[n];

    while (v.len > 0) {
        size_t len = utf8_length(v);
        if (len == 0) {
            tell(r, n + 1, "error", "this line is no UTF-8 text");
            return;
        }
        if ((v.at[0] < 0x20 && v.at[0] != '\t') || v.at[0] == 0x7f || is_tricky(v)) {
            tell(r, n + 1, "error",
                 "there is an invisible character in this line, which could show others another text");
            return;
        }
        v = view_from(v, len);
    }
}

static bool is_letter(uint8_t c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* "https:", "mailto:" … at the start of `v`; 0: no scheme. */
static size_t scheme_length(struct view v)
{
    size_t i = 0;

    while (i < v.len && i < 32 &&
           (is_letter(v.at[i]) ||
            (i > 0 && (is_digit(v.at[i]) || v.at[i] == '+' || v.at[i] == '-' || v.at[i] == '.'))))
        i++;
    return i > 0 && i < v.len && v.at[i] == ':' ? i + 1 : 0;
}

static bool is_fine_address(struct view v)
{
    return view_starts_nocase(v, VIEW("https://")) || view_starts_nocase(v, VIEW("http://")) ||
           view_starts_nocase(v, VIEW("mailto:"));
}

static void check_html_and_links(struct reading *r, unsigned n)
{
    const struct view line = r->lines[n];

    for (size_t i = 0; i < line.len; i++) {
        struct view rest = view_from(line, i + 1);
        uint8_t next = rest.len > 0 ? rest.at[0] : 0;
        if (line.at[i] == '<' && (is_letter(next) || next == '/' || next == '!' || next == '?') &&
            !is_fine_address(rest)) {
            tell(r, n + 1, "error", "HTML is not shown to readers: write &lt; for the character <");
            return;
        }
        if (line.at[i] != ']' || (next != '(' && next != ':'))
            continue;
        rest = view_from(rest, 1);
        while (rest.len > 0 && (rest.at[0] == ' ' || rest.at[0] == '<' || rest.at[0] == '\t'))
            rest = view_from(rest, 1);
        if (scheme_length(rest) > 0 && !is_fine_address(rest)) {
            tell(r, n + 1, "error", "links lead to http, https or mailto");
            return;
        }
    }
}

/* ---- fences and headings ---- */

static size_t spaces(struct view v)
{
    size_t n = 0;

    while (n < v.len && v.at[n] == ' ')
        n++;
    return n;
}

/* The run of ` or ~ at the start of `v` that opens or closes a fence; 0: none. */
static size_t fence_run(struct view v)
{
    size_t n = 0;

    if (v.len == 0 || (v.at[0] != '`' && v.at[0] != '~'))
        return 0;
    while (n < v.len && v.at[n] == v.at[0])
        n++;
    if (n < 3 || (v.at[0] == '`' && view_find_byte(v, '`', n) < v.len))
        return 0;
    return n;
}

/* Behind the marks of lists and quotations. */
static struct view behind_marks(struct view v)
{
    size_t i = 0;

    while (i < v.len &&
           (v.at[i] == ' ' || v.at[i] == '\t' || v.at[i] == '>' || v.at[i] == '*' || v.at[i] == '+' ||
            v.at[i] == '-' || is_digit(v.at[i]) || v.at[i] == '.' || v.at[i] == ')'))
        i++;
    return view_from(v, i);
}

static bool is_rules(struct view info)
{
    info = view_trim(info);
    return view_equal(view_token(&info, ' '), VIEW("imward"));
}

/* A heading's level; its title is in *out. 0: it is none. */
static unsigned heading(struct view line, struct view *out)
{
    size_t at = spaces(line);
    unsigned level = 0;

    if (at > 3)
        return 0;
    struct view v = view_from(line, at);
    while (level < v.len && v.at[level] == '#')
        level++;
    if (level == 0 || level > LEVELS || (level < v.len && v.at[level] != ' ' && v.at[level] != '\t'))
        return 0;
    v = view_trim(view_from(v, level));
    size_t end = v.len;
    while (end > 0 && v.at[end - 1] == '#')
        end--;
    if (end < v.len && (end == 0 || v.at[end - 1] == ' ' || v.at[end - 1] == '\t'))
        v = view_trim(view_slice(v, 0, end));
    *out = v;
    return level;
}

/* "4.2 Files" has its number; else it is counted. */
static bool own_number(struct section *s)
{
    size_t i = 0;

    while (i < s->title.len && i < NUMBER_SIZE - 1 && (is_digit(s->title.at[i]) || s->title.at[i] == '.'))
        i++;
    if (i == 0 || !is_digit(s->title.at[0]) || i >= s->title.len ||
        (s->title.at[i] != ' ' && s->title.at[i] != '\t'))
        return false;
    size_t len = i;
    while (len > 0 && s->title.at[len - 1] == '.')
        len--;
    snprintf(s->number, sizeof s->number, "%.*s", (int)len, (const char *)s->title.at);
    s->title = view_trim(view_from(s->title, i));
    return true;
}

static void number_sections(struct reading *r)
{
    unsigned counts[LEVELS + 1] = { 0 }, tops = 0;

    for (unsigned i = 0; i < r->section_count; i++)
        tops += r->sections[i].level == 1;
    unsigned base = tops == 1 ? 2 : 1; /* a single top heading is the document's title */
    for (unsigned i = 0; i < r->section_count; i++) {
        struct section *s = &r->sections[i];
        struct text t = text_over(s->number, sizeof s->number);
        if (s->level < base)
            continue;
        counts[s->level]++;
        for (unsigned l = s->level + 1; l <= LEVELS; l++)
            counts[l] = 0;
        if (own_number(s))
            continue;
        for (unsigned l = base; l <= s->level; l++)
            text_format(&t, "%s%u", l > base ? "." : "", counts[l]);
    }
}

static struct section *section_begin(struct reading *r, unsigned level, struct view title, unsigned n)
{
    if (r->section_count > 0)
        r->sections[r->section_count - 1].end = n;
    if (r->section_count == CLAUSES) {
        tell(r, n + 1, "error", "a document has at most %d headings", CLAUSES);
        return NULL;
    }
    struct section *s = &r->sections[r->section_count++];
    *s = (struct section){
        .title = title, .level = level, .line = n + 1, .first = level > 0 ? n + 1 : n, .end = r->line_count
    };
    return s;
}

struct fence {
    bool open, rules;
    uint8_t mark;
    size_t len;
    unsigned line; /* of its first line, from 0 */
};

static void fence_begin(struct reading *r, struct fence *f, unsigned n)
{
    const struct view line = r->lines[n];
    size_t run = fence_run(line);

    *f = (struct fence){ true, is_rules(view_from(line, run)), line.at[0], run, n };
    if (!f->rules)
        return;
    r->hidden[n] = true;
    if (r->block_count == CLAUSE_BLOCKS) {
        tell(r, n + 1, "error", "a document has at most %d blocks of rules", CLAUSE_BLOCKS);
        f->rules = false;
        return;
    }
    if (r->section_count == 0)
        (void)section_begin(r, 0, VIEW(""), n);
    r->blocks[r->block_count++] =
        (struct block){ .first = n + 1, .end = n + 1, .section = r->section_count - 1 };
}

static void fence_line(struct reading *r, struct fence *f, unsigned n)
{
    struct view v = r->lines[n];
    size_t at = spaces(v), run;

    r->hidden[n] = f->rules;
    if (f->rules)
        r->blocks[r->block_count - 1].end = n;
    v = at <= 3 ? view_from(v, at) : VIEW("");
    run = fence_run(v);
    if (run >= f->len && v.at[0] == f->mark && view_trim(view_from(v, run)).len == 0) {
        f->open = false;
        return;
    }
    v = behind_marks(r->lines[n]);
    if (fence_run(v) > 0 && is_rules(view_from(v, fence_run(v))))
        tell(r, n + 1, "error", "a block of rules stands inside the block that begins in line %u",
             f->line + 1);
}

static bool is_underline(struct view line)
{
    struct view v = view_trim(line);
    size_t n = 0;

    while (n < v.len && v.at[n] == v.at[0] && (v.at[0] == '=' || v.at[0] == '-'))
        n++;
    return n > 0 && n == v.len;
}

static void plain_line(struct reading *r, unsigned n)
{
    const struct view line = r->lines[n];
    struct view title, marked = behind_marks(line);
    unsigned level = heading(line, &title);

    check_html_and_links(r, n);
    if (level > 0)
        (void)section_begin(r, level, title, n);
    else if (r->section_count == 0 && view_trim(line).len > 0)
        (void)section_begin(r, 0, VIEW(""), n);
    if (fence_run(marked) > 0)
        tell(r, n + 1, "error", "a fence begins at the line's start, not inside a list or a quotation");
    if (n > 0 && is_underline(line) && r->lines[n - 1].len > 0 &&
        (is_letter(r->lines[n - 1].at[0]) || is_digit(r->lines[n - 1].at[0])))
        tell(r, n + 1, "warning",
             "this makes a heading of the line before, but no clause: write ## before it");
}

static void read_lines(struct reading *r)
{
    struct fence f = { 0 };

    for (unsigned n = 0; n < r->line_count; n++) {
        check_characters(r, n);
        if (f.open)
            fence_line(r, &f, n);
        else if (fence_run(r->lines[n]) > 0)
            fence_begin(r, &f, n);
        else
            plain_line(r, n);
    }
    if (f.open)
        tell(r, f.line + 1, "error", "the block that begins here has no end");
    if (f.open && f.rules)
        r->blocks[r->block_count - 1].end = r->line_count;
    number_sections(r);
}

static bool split(struct reading *r, struct view text)
{
    while (text.len > 0) {
        struct view line;
        if (r->line_count == LINES)
            return false;
        if (!view_line(&text, &line)) {
            line = text;
            text.len = 0;
        }
        r->lines[r->line_count++] = line;
    }
    return true;
}

/* ---- the policy ---- */

static struct view block_text(const struct reading *r, const struct block *b)
{
    const struct view *last = &r->lines[b->end > b->first ? b->end - 1 : b->first - 1];

    if (b->end <= b->first)
        return VIEW("");
    return view_of(r->lines[b->first].at, (size_t)(last->at + last->len - r->lines[b->first].at));
}

static bool is_blank(struct view line)
{
    struct view v = view_trim(line);

    return v.len == 0 || v.at[0] == '#';
}

/* How far all lines of a block stand in. */
static size_t indent_of(const struct reading *r, const struct block *b)
{
    size_t least = SIZE_MAX;

    for (unsigned n = b->first; n < b->end; n++)
        if (!is_blank(r->lines[n]) && spaces(r->lines[n]) < least)
            least = spaces(r->lines[n]);
    return least != SIZE_MAX ? least : 0;
}

/* The first octet that says something; 0: there is none. *out_next: the one behind it. */
static uint8_t first_octet(const struct reading *r, const struct block *b, uint8_t *out_next)
{
    for (unsigned n = b->first; n < b->end; n++) {
        struct view v = view_trim(r->lines[n]);
        if (is_blank(r->lines[n]))
            continue;
        *out_next = v.len > 1 ? v.at[1] : ' ';
        return v.at[0];
    }
    return 0;
}

/* Keys that the document gives, or that no text of a user may have. */
static void check_head(struct reading *r, const struct block *b, const struct yaml_node *root)
{
    static const struct {
        const char *key, *why;
    } no[] = {
        { "rules", "rules stand in blocks of their own, as a list, each in its clause" },
        { "edition", "the edition is the document's: leave it out" },
        { "include", "a policy that is written here is one text: put the rules into it" },
    };

    for (unsigned i = 0; i < sizeof no / sizeof no[0]; i++) {
        const struct yaml_node *n = yaml_get(root, no[i].key);
        if (n != NULL)
            tell(r, b->first + yaml_line(n), "error", "%s: %s", no[i].key, no[i].why);
    }
}

static void check_block(struct reading *r, struct block *b, unsigned *heads)
{
    struct imw_error_info why = { 0 };
    uint8_t next = ' ', first = first_octet(r, b, &next);
    struct yaml *y = NULL;

    if (first == 0) {
        tell(r, b->first, "error", "this block of rules is empty");
        return;
    }
    if (!yaml_parse("block", block_text(r, b), &y, &why)) {
        tell(r, b->first + (why.line > 0 ? why.line : 1), "error", "%s", why.text);
        return;
    }
    b->head = yaml_kind(yaml_root(y)) == YAML_MAPPING;
    if (yaml_kind(yaml_root(y)) == YAML_SCALAR || first == '{' || first == '[' || first == '%' ||
        (first == '-') != !b->head || (!b->head && next != ' ')) {
        tell(
            r, b->first, "error",
            "a block is a list of rules (\"- name: …\"), or the policy's head (\"default: …\"), a line each");
    } else if (b->head && (*heads)++ > 0) {
        tell(r, b->first, "error", "only one block may be the policy's head; the others are lists of rules");
    } else if (b->head) {
        check_head(r, b, yaml_root(y));
    }
    yaml_free(y);
}

static void policy_line(struct reading *r, FILE *to, unsigned origin, const char *indent, struct view line)
{
    if (r->origin_count < 2 * LINES)
        r->origin[r->origin_count++] = origin;
    fprintf(to, "%s%.*s\n", line.len > 0 ? indent : "", (int)line.len, (const char *)line.at);
}

static void policy_block(struct reading *r, FILE *to, const struct block *b, const char *indent)
{
    size_t in = indent_of(r, b);

    for (unsigned n = b->first; n < b->end; n++) {
        struct view line = r->lines[n];
        size_t own = spaces(line);
        policy_line(r, to, n + 1, indent, view_from(line, own < in ? own : in));
    }
}

static void section_name(const struct section *s, char *out, size_t size)
{
    struct text t = text_over(out, size);

    text_string(&t, s->number);
    text_string(&t, s->number[0] != '\0' && s->title.len > 0 ? " " : "");
    text_printable(&t, view_slice(s->title, 0, SHOWN));
}

static bool head_has(const struct reading *r, const char *key)
{
    bool has = false;

    for (unsigned i = 0; i < r->block_count; i++) {
        struct yaml *y = NULL;
        if (!r->blocks[i].head || !yaml_parse("block", block_text(r, &r->blocks[i]), &y, NULL))
            continue;
        has = yaml_get(yaml_root(y), key) != NULL;
        yaml_free(y);
    }
    return has;
}

static void policy_head(struct reading *r, FILE *to, const char *title, const char *edition)
{
    char line[2 * SHOWN + 64];
    struct text t = TEXT(line);

    text_string(&t, "# Made of the document \"");
    text_printable(&t, view_slice(view_string(title), 0, SHOWN));
    text_string(&t, "\": its clauses carry these rules. Change them there.");
    policy_line(r, to, 0, "", view_of(line, t.len));
    if (!head_has(r, "version"))
        policy_line(r, to, 0, "", VIEW("version: 1"));
    if (!head_has(r, "default"))
        policy_line(r, to, 0, "", VIEW("default: alert"));
    for (unsigned i = 0; i < r->block_count; i++)
        if (r->blocks[i].head)
            policy_block(r, to, &r->blocks[i], "");
    if (edition != NULL && edition[0] != '\0') {
        t = TEXT(line);
        text_string(&t, "edition: \"");
        text_printable(&t, view_string(edition));
        text_string(&t, "\"");
        policy_line(r, to, 0, "", view_of(line, t.len));
    }
}

static bool policy_make(struct reading *r, const char *title, const char *edition, char **out,
                        size_t *out_len, struct imw_error_info *err)
{
    char name[SHOWN * 2 + NUMBER_SIZE], comment[sizeof name + 32];
    FILE *to = open_memstream(out, out_len);
    bool begun = false;

    if (to == NULL)
        return error_memory(err);
    policy_head(r, to, title != NULL ? title : "draft", edition);
    for (unsigned i = 0; i < r->block_count; i++) {
        const struct block *b = &r->blocks[i];
        if (b->head)
            continue;
        if (!begun)
            policy_line(r, to, 0, "", VIEW("rules:"));
        begun = true;
        section_name(&r->sections[b->section], name, sizeof name);
        snprintf(comment, sizeof comment, "# clause %s", name);
        policy_line(r, to, 0, "  ", view_string(comment));
        policy_block(r, to, b, "  ");
    }
    bool ok = fflush(to) == 0;
    ok = fclose(to) == 0 && ok;
    return ok || error_memory(err);
}

static unsigned origin_of(const struct reading *r, json_int_t line)
{
    return line >= 1 && line <= (json_int_t)r->origin_count ? r->origin[line - 1] : 0;
}

/* Lines that all stand in by two, without that. */
static json_t *outdented(const char *text)
{
    char *out = strdup(text);
    size_t to = 0;

    if (out == NULL)
        return NULL;
    for (size_t at = 0; text[at] != '\0';) {
        for (unsigned i = 0; i < 2 && text[at] == ' '; i++)
            at++;
        while (text[at] != '\0' && text[at] != '\n')
            out[to++] = text[at++];
        if (text[at] == '\n')
            out[to++] = text[at++];
    }
    json_t *made = json_stringn(out, to);
    free(out);
    return made;
}

/* The rules of a report, each to the clause whose block it stands in. */
static bool hand_out(const struct reading *r, const json_t *report, json_t *list)
{
    const json_t *rule;
    size_t i;

    json_array_foreach(json_object_get(report, "rules"), i, rule)
    {
        unsigned line = origin_of(r, json_integer_value(json_object_get(rule, "line")));
        for (unsigned n = 0; n < r->block_count; n++) {
            const struct block *b = &r->blocks[n];
            if (line <= b->first || line > b->end)
                continue;
            json_t *yaml = outdented(json_string_value(json_object_get(rule, "text")));
            char words[1024];
            rule_words(view_string(json_string_value(yaml)), words, sizeof words);
            json_t *into = json_object_get(json_array_get(list, b->section), "rules");
            json_t *one =
                json_pack("{s:O,s:O,s:i,s:o,s:s}", "name", json_object_get(rule, "name"), "action",
                          json_object_get(rule, "action"), "line", (int)line, "yaml", yaml, "words", words);
            if (one == NULL || json_array_append_new(into, one) != 0)
                return false;
            break;
        }
    }
    return true;
}

static bool take_report(struct reading *r, const json_t *report, json_t *list)
{
    const json_t *problem;
    size_t i;

    json_array_foreach(json_object_get(report, "problems"), i, problem)
    {
        const char *key = json_string_value(json_object_get(problem, "key"));
        const char *text = json_string_value(json_object_get(problem, "text"));
        tell(r, origin_of(r, json_integer_value(json_object_get(problem, "line"))),
             json_string_value(json_object_get(problem, "level")), "%s%s%s", key != NULL ? key : "",
             key != NULL && key[0] != '\0' ? ": " : "", text != NULL ? text : "");
    }
    return hand_out(r, report, list);
}

/* ---- clauses ---- */

static bool add_section(const struct reading *r, const struct section *s, json_t *list, char *buffer)
{
    char title[2 * SHOWN];
    struct text t = TEXT(title);
    size_t len = 0;

    text_printable(&t, view_slice(s->title, 0, 2 * SHOWN - 4));
    for (unsigned n = s->first; n < s->end; n++) {
        if (r->hidden[n])
            continue;
        if (r->lines[n].len > 0)
            memcpy(buffer + len, r->lines[n].at, r->lines[n].len);
        len += r->lines[n].len;
        buffer[len++] = '\n';
    }
    struct view body = view_of(buffer, len);
    while (body.len > 0 && body.at[0] == '\n')
        body = view_from(body, 1);
    while (body.len > 0 && body.at[body.len - 1] == '\n')
        body.len--;
    json_t *text = json_stringn((const char *)body.at, body.len);
    if (text == NULL)
        text = json_pack("s", ""); /* no UTF-8: told as a problem */
    return json_array_append_new(list, json_pack("{s:s,s:s,s:i,s:i,s:o,s:[]}", "number", s->number, "title",
                                                 title, "level", (int)s->level, "line", (int)s->line, "text",
                                                 text, "rules")) == 0;
}

static bool make_list(const struct reading *r, json_t *list)
{
    char *buffer = malloc(DOCUMENT_TEXT_BYTES + LINES);
    bool ok = buffer != NULL;

    for (unsigned i = 0; ok && i < r->section_count; i++)
        ok = add_section(r, &r->sections[i], list, buffer);
    free(buffer);
    return ok;
}

static bool read_rules(struct reading *r, const char *title, const char *edition,
                       const struct catalog *catalog, uint64_t now_us, struct clauses *out,
                       struct imw_error_info *err)
{
    unsigned heads = 0;
    json_t *report = NULL;
    size_t len = 0;

    for (unsigned i = 0; i < r->block_count; i++)
        check_block(r, &r->blocks[i], &heads);
    if (r->block_count == 0 || r->errors > 0)
        return true;
    if (!policy_make(r, title, edition, &out->policy, &len, err) ||
        !policy_report(view_of(out->policy, len), catalog, now_us, &report, err))
        return false;
    bool ok = take_report(r, report, out->list) || error_memory(err);
    out->rules = (unsigned)json_array_size(json_object_get(report, "rules"));
    if (!json_is_true(json_object_get(report, "ok"))) {
        free(out->policy);
        out->policy = NULL;
    }
    json_decref(report);
    return ok;
}

bool clauses_read(struct view text, const char *title, const char *edition, const struct catalog *catalog,
                  uint64_t now_us, struct clauses *out, struct imw_error_info *err)
{
    struct reading *r = calloc(1, sizeof *r);
    bool fits;

    *out = (struct clauses){ .list = json_pack("[]"), .problems = json_pack("[]") };
    if (r == NULL || out->list == NULL || out->problems == NULL) {
        free(r);
        clauses_fini(out);
        return error_memory(err);
    }
    r->problems = out->problems;
    fits = text.len <= DOCUMENT_TEXT_BYTES && split(r, text);
    if (!fits)
        tell(r, 0, "error", "a document has at most 128 KiB and %d lines", LINES);
    else
        read_lines(r);
    bool ok = !fits || ((make_list(r, out->list) || error_memory(err)) &&
                        read_rules(r, title, edition, catalog, now_us, out, err));
    out->has_rules = r->block_count > 0;
    out->ok = ok && r->errors == 0;
    if (!out->ok) {
        free(out->policy);
        out->policy = NULL;
    }
    free(r);
    if (!ok)
        clauses_fini(out);
    return ok;
}

void clauses_fini(struct clauses *c)
{
    json_decref(c->list);
    json_decref(c->problems);
    free(c->policy);
    *c = (struct clauses){ 0 };
}
