/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV files. A file is walked once, field by field; each is written out into a buffer of its line, without
 * its quotes and in UTF-8.
 */
#include "program/csv.h"
#include <stdlib.h>

static bool is_utf8(struct view v)
{
    for (size_t at = 0, n; at < v.len; at += n) {
        n = utf8_length(view_from(v, at));
        if (n == 0)
            return false;
    }
    return true;
}

/* One octet of the file into the text; above 0x7f it is itself, or a Latin-1 letter of two octets in UTF-8.
 * 0x80 to 0x9f, which Windows gives punctuation, are '?': no name has them. */
static void put(struct csv *c, uint8_t octet)
{
    if (!c->latin1 || octet < 0x80) {
        text_char(&c->text, (char)octet);
    } else if (octet < 0xa0) {
        text_char(&c->text, '?');
    } else {
        text_char(&c->text, (char)(0xc0 | octet >> 6));
        text_char(&c->text, (char)(0x80 | (octet & 0x3f)));
    }
}

/* The next field; true while more of its record follow. */
static bool next_field(struct csv *c)
{
    size_t start = c->text.len, at = 0;
    struct view v = c->left;
    bool quoted = v.len > 0 && v.at[0] == '"', closed = false;

    if (quoted)
        at = 1;
    for (; at < v.len; at++) {
        uint8_t octet = v.at[at];
        if (quoted && !closed) {
            if (octet == '"' && at + 1 < v.len && v.at[at + 1] == '"') {
                at++;
            } else if (octet == '"') {
                closed = true;
                continue;
            }
            if (octet == '\n')
                c->next_line++;
        } else {
            if (octet == (uint8_t)c->separator || octet == '\n' || octet == '\r')
                break;
            if (closed && octet != ' ')
                c->after_quote = true;
        }
        put(c, octet);
    }
    c->open_quote |= quoted && !closed;
    c->too_long |= c->text.cut || c->text.len - start > CSV_FIELD_MOST;
    if (c->count < CSV_COLUMNS)
        c->field[c->count++] = view_trim(view_of(c->text.at + start, c->text.len - start));
    else
        c->too_many = true;
    bool more = at < v.len && v.at[at] == (uint8_t)c->separator;
    if (more) {
        c->left = view_from(v, at + 1);
        return true;
    }
    at += at + 1 < v.len && v.at[at] == '\r' && v.at[at + 1] == '\n';
    c->left = view_from(v, at + 1);
    c->next_line++;
    return false;
}

bool csv_next(struct csv *c)
{
    while (c->left.len > 0) {
        c->line = c->next_line;
        c->count = 0;
        c->too_many = c->open_quote = c->after_quote = c->too_long = false;
        c->text = text_over(c->room, sizeof c->room);
        while (next_field(c))
            ;
        bool empty = true;
        for (unsigned i = 0; i < c->count; i++)
            empty = empty && c->field[i].len == 0;
        if (!empty)
            return true;
    }
    return false;
}

/* What separates fields: whichever of the three the first line has most of, outside quotes. */
static char find_separator(struct view v)
{
    unsigned commas = 0, semicolons = 0, tabs = 0;
    bool quoted = false;

    for (size_t i = 0; i < v.len && (quoted || (v.at[i] != '\n' && v.at[i] != '\r')); i++) {
        if (v.at[i] == '"')
            quoted = !quoted;
        if (quoted)
            continue;
        commas += v.at[i] == ',';
        semicolons += v.at[i] == ';';
        tabs += v.at[i] == '\t';
    }
    return (char)(semicolons > commas && semicolons >= tabs ? ';' : tabs > commas ? '\t' : ',');
}

static struct csv *no_csv(struct imw_error_info *err, enum imw_error code, const char *text)
{
    error_set(err, code, "%s", text);
    return NULL;
}

struct csv *csv_open(struct view file, struct imw_error_info *err)
{
    if (file.len >= 2 &&
        ((file.at[0] == 0xff && file.at[1] == 0xfe) || (file.at[0] == 0xfe && file.at[1] == 0xff)))
        return no_csv(err, IMW_ERROR_FORMAT, "the file is UTF-16: save it as CSV UTF-8");
    if (file.len > 0 && memchr(file.at, '\0', file.len) != NULL)
        return no_csv(err, IMW_ERROR_FORMAT,
                      "the file is no text (it may be a spreadsheet: save it as CSV UTF-8)");
    if (view_starts(file, VIEW("\xef\xbb\xbf")))
        file = view_from(file, 3);
    struct csv *c = calloc(1, sizeof *c);
    if (c == NULL)
        return no_csv(err, IMW_ERROR_MEMORY, "out of memory");
    c->left = file;
    c->next_line = 1;
    c->separator = find_separator(file);
    c->latin1 = !is_utf8(file);
    return c;
}
