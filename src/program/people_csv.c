/* SPDX-License-Identifier: Apache-2.0 */
/*
 * People out of a CSV file.
 */
#include "program/people_csv.h"
#include "base/file.h"
#include "base/text.h"
#include "program/csv.h"
#include <stdlib.h>

enum meaning {
    NOTHING,
    NUMBER,
    NAME,
    FIRST_NAME,
    LAST_NAME,
    EMAIL,
    TITLE,
    DEPARTMENT,
    MANAGER,
    ALIAS /* and its kind */
};
static const struct heading {
    const char *word;
    enum meaning meaning;
    enum alias_kind kind;
} headings[] = {
    { "number", NUMBER, 0 },
    { "employee number", NUMBER, 0 },
    { "staff number", NUMBER, 0 },
    { "id", NUMBER, 0 },
    { "name", NAME, 0 },
    { "full name", NAME, 0 },
    { "first name", FIRST_NAME, 0 },
    { "last name", LAST_NAME, 0 },
    { "email", EMAIL, 0 },
    { "e-mail", EMAIL, 0 },
    { "mail", EMAIL, 0 },
    { "title", TITLE, 0 },
    { "department", DEPARTMENT, 0 },
    { "manager", MANAGER, 0 },
    { "login", ALIAS, ALIAS_USER },
    { "user", ALIAS, ALIAS_USER },
    { "host", ALIAS, ALIAS_HOST },
    { "address", ALIAS, ALIAS_ADDRESS },
    { "network", ALIAS, ALIAS_ADDRESS },
    { "account", ALIAS, ALIAS_ACCOUNT },
};

static bool wrong(struct imw_error_info *err, unsigned line, const char *text)
{
    error_set(err, IMW_ERROR_FORMAT, "%s", text);
    if (err != NULL)
        err->line = line;
    return false;
}

struct columns {
    const struct heading *of[CSV_COLUMNS]; /* NULL: none of ours */
    unsigned count;
    bool has[ALIAS + 1], has_login;
};

static const struct heading *find_heading(struct view field)
{
    char word[32];
    struct text t = TEXT(word);

    for (size_t i = 0; i < field.len; i++)
        text_char(&t, (char)(field.at[i] == '_' ? ' ' : field.at[i]));
    for (size_t i = 0; !t.cut && i < sizeof headings / sizeof headings[0]; i++)
        if (view_equal_nocase(view_string(word), view_string(headings[i].word)))
            return &headings[i];
    return NULL;
}

static bool read_headings(struct csv *c, struct roster *r, struct columns *columns,
                          struct imw_error_info *err)
{
    if (c->too_many || c->too_long || c->open_quote)
        return wrong(err, c->line,
                     "the first line is no line of headings: more than 64 columns, or a quote that is "
                     "not closed");
    for (unsigned i = 0; i < c->count; i++) {
        const struct heading *h = find_heading(c->field[i]);
        columns->of[i] = h;
        if (h == NULL) {
            char shown[64];
            struct text t = TEXT(shown);
            text_shown(&t, c->field[i]);
            roster_problem(r, c->line,
                           "the column '%s' is left out: it is none of number, name, email, title, "
                           "department, manager, login, host, address, account",
                           shown);
            continue;
        }
        if (h->meaning != ALIAS && columns->has[h->meaning])
            return wrong(err, c->line, "two columns have the same meaning: name each once");
        columns->has[h->meaning] = true;
        columns->has_login |= h->meaning == ALIAS && h->kind == ALIAS_USER;
    }
    columns->count = c->count;
    if (!columns->has[NAME] && !columns->has[LAST_NAME])
        return wrong(err, c->line,
                     "there is no column 'name': the first line names the columns, such as "
                     "number,name,email,department,manager,login,address");
    if (!columns->has[NUMBER] && !columns->has[EMAIL] && !columns->has_login)
        return wrong(err, c->line,
                     "there is no column 'number', 'login' or 'email' by which people are known from "
                     "file to file");
    return true;
}

static bool add_aliases(struct roster *r, enum alias_kind kind, struct view values,
                        struct imw_error_info *err)
{
    while (values.len > 0) {
        size_t end = 0;
        while (end < values.len && values.at[end] != ';' && values.at[end] != '|')
            end++;
        if (!roster_alias(r, kind, view_slice(values, 0, end), err))
            return false;
        values = view_from(values, end + 1);
    }
    return true;
}

static bool read_person(struct csv *c, struct roster *r, const struct columns *columns,
                        struct imw_error_info *err)
{
    const struct view none = view_of(NULL, 0);
    struct view of[ALIAS + 1], login = none;
    char name[PERSON_TEXT_MOST * 2 + 2];
    bool taken;

    for (unsigned i = 0; i <= ALIAS; i++)
        of[i] = none;
    for (unsigned i = 0; i < c->count; i++) {
        const struct heading *h = columns->of[i];
        if (h == NULL)
            continue;
        if (h->meaning != ALIAS)
            of[h->meaning] = c->field[i];
        else if (h->kind == ALIAS_USER && login.len == 0)
            login = c->field[i];
    }
    if (of[NAME].len == 0 && of[LAST_NAME].len > 0) {
        struct text t = TEXT(name);
        text_add(&t, of[FIRST_NAME]);
        text_char(&t, ' ');
        text_add(&t, of[LAST_NAME]);
        of[NAME] = view_of(name, t.len);
    }
    /* Without numbers a login or, next, a mail is what a person is known by. */
    if (!columns->has[NUMBER]) {
        size_t end = 0;
        while (end < login.len && login.at[end] != ';' && login.at[end] != '|')
            end++;
        of[NUMBER] = end > 0 ? view_slice(login, 0, end) : of[EMAIL];
    }
    const struct roster_entry e = { of[NUMBER],     of[NAME],    of[EMAIL], of[TITLE],
                                    of[DEPARTMENT], of[MANAGER], c->line };
    if (!roster_add(r, &e, &taken, err))
        return false;
    for (unsigned i = 0; taken && i < c->count; i++)
        if (columns->of[i] != NULL && columns->of[i]->meaning == ALIAS &&
            !add_aliases(r, columns->of[i]->kind, c->field[i], err))
            return false;
    return true;
}

static bool parse(struct csv *c, struct roster *r, struct imw_error_info *err)
{
    struct columns columns = { 0 };

    if (!csv_next(c))
        return wrong(err, 0,
                     "the file is empty: its first line names the columns, then follows a line for each "
                     "person");
    if (!read_headings(c, r, &columns, err))
        return false;
    while (csv_next(c)) {
        if (c->open_quote)
            return wrong(err, c->line, "a quote is opened in this line and never closed");
        if (c->too_long)
            roster_refuse(r, c->line, "a field is longer than %d bytes", CSV_FIELD_MOST);
        else if (c->after_quote)
            roster_refuse(r, c->line,
                          "text stands behind a closing quote; a quote within quotes is written twice");
        else if (c->too_many || c->count != columns.count)
            roster_refuse(r, c->line, "%u fields, but %u headings", c->count, columns.count);
        else if (!read_person(c, r, &columns, err))
            return false;
    }
    return r->count > 0 || r->refused > 0 ||
           wrong(err, 0, "the file names nobody: only its line of headings is there");
}

bool people_csv_parse(struct view file, struct roster *r, struct imw_error_info *err)
{
    struct csv *c = csv_open(file, err);
    if (c == NULL)
        return false;
    if (c->latin1)
        roster_problem(r, 0,
                       "the file is not UTF-8, so it was read as Latin-1: look at letters with accents");
    bool good = parse(c, r, err);
    free(c);
    return good;
}

bool people_csv_load(const char *path, struct roster *r, struct imw_error_info *err)
{
    char *text;
    size_t len;

    if (!file_read(path, PEOPLE_CSV_MOST, &text, &len, err))
        return false;
    bool good = people_csv_parse(view_of(text, len), r, err);
    free(text);
    return good;
}
