/* SPDX-License-Identifier: Apache-2.0 */
/* Counts of an approved channel out of a file: approved_list.h. */
#include "program/approved_list.h"
#include "program/csv.h"
#include "program/roster.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct approved_list *approved_list_new(void)
{
    struct approved_list *l = calloc(1, sizeof *l);

    if (l != NULL && (l->index = text_index_new(64)) == NULL) {
        free(l);
        return NULL;
    }
    return l;
}

void approved_list_free(struct approved_list *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < l->name_count; i++)
        free(l->names[i]);
    text_index_free(l->index);
    free(l->names);
    free(l->at);
    line_problems_free(&l->problems);
    free(l);
}

/* Room for one more of `one` octets. */
static bool grow(void **at, size_t *size, size_t count, size_t one)
{
    if (count < *size)
        return true;
    const size_t larger = *size > 0 ? *size * 2 : 256;
    void *moved = realloc(*at, larger * one);
    if (moved == NULL)
        return false;
    *at = moved;
    *size = larger;
    return true;
}

int approved_day(struct view text)
{
    static const uint64_t month_days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    uint64_t year, month, day;

    if (text.len < 10 || text.at[4] != '-' || text.at[7] != '-' ||
        (text.len > 10 && text.at[10] != 'T' && text.at[10] != ' ') ||
        !view_decimal(view_slice(text, 0, 4), 2999, &year) ||
        !view_decimal(view_slice(text, 5, 7), 12, &month) || !view_decimal(view_slice(text, 8, 10), 31, &day))
        return 0;
    if (year < 2000 || month < 1 || day < 1 || day > month_days[month - 1] ||
        (month == 2 && day == 29 && (year % 4 != 0 || (year % 100 == 0 && year % 400 != 0))))
        return 0;
    return (int)(year * 10000 + month * 100 + day);
}

/* The number of a name; UINT32_MAX: out of memory. */
static uint32_t name_of(struct approved_list *l, struct view name)
{
    char key[APPROVED_NAME_MOST + 1];

    for (size_t i = 0; i < name.len; i++)
        key[i] = (char)ascii_lower(name.at[i]);
    key[name.len] = '\0';
    const uint32_t known = text_index_get(l->index, key);
    if (known != UINT32_MAX)
        return known;
    char *kept = strdup(key);
    if (kept == NULL || !grow((void **)&l->names, &l->name_size, l->name_count, sizeof *l->names)) {
        free(kept);
        return UINT32_MAX;
    }
    l->names[l->name_count++] = kept;
    uint32_t *slot = text_index_put(l->index, kept);
    if (slot == NULL)
        return UINT32_MAX;
    *slot = (uint32_t)(l->name_count - 1);
    return *slot;
}

static bool take_day(struct approved_list *l, int day)
{
    unsigned i = l->day_count;

    while (i > 0 && l->days[i - 1] != day) /* files are by day: the last is the likeliest */
        i--;
    if (i > 0)
        return true;
    if (l->day_count == APPROVED_DAYS_MOST)
        return false;
    l->days[l->day_count++] = day;
    return true;
}

static bool refuse(struct approved_list *l, unsigned line, const char *what, struct view said)
{
    char shown[80];
    struct text t = TEXT(shown);

    text_shown(&t, said);
    line_problem_add(&l->problems, line, "'%s' %s", shown, what);
    l->refused++;
    return true;
}

bool approved_list_add(struct approved_list *l, struct view day, struct view person, struct view messages,
                       unsigned line, struct imw_error_info *err)
{
    const int number = approved_day(day);
    uint64_t count = 0;

    l->lines++;
    if (number == 0)
        return refuse(l, line, "is no day: it is written 2026-11-23", day);
    if (person.len == 0 || person.len > APPROVED_NAME_MOST || utf8_length(person) == 0 ||
        memchr(person.at, '\0', person.len) != NULL)
        return refuse(l, line, "is nobody: a login, an e-mail address or a staff number is needed", person);
    if (!view_decimal(messages, APPROVED_MESSAGES_MOST, &count))
        return refuse(l, line, "is no count of messages: a number from 0 to 1000000", messages);
    if (l->count >= APPROVED_LINES_MOST)
        return error_set(err, IMW_ERROR_FORMAT, "more than %d lines: bring it in parts", APPROVED_LINES_MOST);
    if (!take_day(l, number))
        return error_set(err, IMW_ERROR_FORMAT, "more than %d days: bring it in parts", APPROVED_DAYS_MOST);
    const uint32_t name = name_of(l, person);
    if (name == UINT32_MAX || !grow((void **)&l->at, &l->size, l->count, sizeof *l->at))
        return error_memory(err);
    l->at[l->count++] = (struct approved_entry){ name, number, (uint32_t)count, line };
    return true;
}

/* ---- CSV ---- */

enum meaning { DAY, PERSON, MESSAGES, MEANINGS };
static const struct {
    const char *word;
    enum meaning meaning;
} headings[] = {
    { "day", DAY },           { "date", DAY },
    { "person", PERSON },     { "user", PERSON },
    { "login", PERSON },      { "email", PERSON },
    { "e-mail", PERSON },     { "mail", PERSON },
    { "number", PERSON },     { "staff number", PERSON },
    { "messages", MESSAGES }, { "count", MESSAGES },
    { "sent", MESSAGES },
};

static bool wrong(struct imw_error_info *err, unsigned line, const char *text)
{
    error_set(err, IMW_ERROR_FORMAT, "%s", text);
    if (err != NULL)
        err->line = line;
    return false;
}

/* Which column has what. */
static bool read_headings(const struct csv *c, int column[MEANINGS], struct imw_error_info *err)
{
    if (c->too_many || c->too_long || c->open_quote)
        return wrong(
            err, c->line,
            "the first line is no line of headings: more than 64 columns, or a quote that is not closed");
    for (unsigned m = 0; m < MEANINGS; m++)
        column[m] = -1;
    for (unsigned i = 0; i < c->count; i++)
        for (size_t h = 0; h < sizeof headings / sizeof headings[0]; h++) {
            if (!view_equal_nocase(c->field[i], view_string(headings[h].word)))
                continue;
            if (column[headings[h].meaning] >= 0)
                return wrong(err, c->line, "two columns have the same meaning: name each once");
            column[headings[h].meaning] = (int)i;
        }
    return (column[DAY] >= 0 && column[PERSON] >= 0 && column[MESSAGES] >= 0) ||
           wrong(
               err, c->line,
               "the first line names the columns: day,person,messages (person: login, e-mail or staff number)");
}

static bool parse(struct csv *c, struct approved_list *l, struct imw_error_info *err)
{
    int column[MEANINGS];
    unsigned columns;

    if (!csv_next(c))
        return wrong(err, 0, "the file is empty: its first line is day,person,messages");
    columns = c->count;
    if (!read_headings(c, column, err))
        return false;
    while (csv_next(c)) {
        if (c->open_quote)
            return wrong(err, c->line, "a quote is opened in this line and never closed");
        if (c->too_long || c->too_many || c->after_quote || c->count != columns) {
            line_problem_add(&l->problems, c->line,
                             c->count != columns ? "%u fields, but %u headings"
                                                 : "a field is too long, or wrongly quoted",
                             c->count, columns);
            l->lines++;
            l->refused++;
        } else if (!approved_list_add(l, c->field[column[DAY]], c->field[column[PERSON]],
                                      c->field[column[MESSAGES]], c->line, err)) {
            return false;
        }
    }
    return l->lines > 0 || wrong(err, 0, "the file has no counts: only its line of headings is there");
}

bool approved_csv_parse(struct view file, struct approved_list *l, struct imw_error_info *err)
{
    struct csv *c = csv_open(file, err);

    if (c == NULL)
        return false;
    bool good = parse(c, l, err);
    free(c);
    return good;
}
