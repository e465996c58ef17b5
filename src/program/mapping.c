/* SPDX-License-Identifier: Apache-2.0 */
/* Mapping tables, read: program/mapping.h. */
#include "program/mapping.h"
#include "base/file.h"
#include "base/text.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

enum { FIELDS = 5, NAME_BYTES = 64 };
/* Made of src/program/mapping by embed.py; a NULL ends it. */
struct mapping_ours {
    const char *name, *text;
};
extern const struct mapping_ours mapping_ours[];

void mapping_table_fini(struct mapping_table *t)
{
    free(t->rows);
    free(t->text);
    *t = (struct mapping_table){ 0 };
}

static bool wrong(struct imw_error_info *err, const char *name, unsigned line, const char *what)
{
    error_file(err, IMW_ERROR_FORMAT, name, "%s", what);
    if (err != NULL)
        err->line = line;
    return false;
}

/* "# title: words" */
static void read_head(char *line, struct mapping_table *out)
{
    char *at = line + 1 + strspn(line + 1, " ");

    if (strncmp(at, "title: ", 7) == 0)
        out->title = at + 7;
    else if (strncmp(at, "source: ", 8) == 0)
        out->source = at + 8;
}

/* Are these words that the package's parts could be called by? */
static bool are_parts(const char *parts)
{
    return parts[0] == '\0' || strspn(parts, "abcdefghijklmnopqrstuvwxyz0123456789_-/. ") == strlen(parts);
}

static bool read_row(const char *name, unsigned number, char *line, struct mapping_table *out,
                     struct imw_error_info *err)
{
    const char *fields[FIELDS];
    unsigned count = 0;

    for (char *at = line, *end = line; end != NULL; at = end + 1) {
        end = strchr(at, '\t');
        if (end != NULL)
            *end = '\0';
        if (count < FIELDS)
            fields[count] = strcmp(at, "-") == 0 ? "" : at;
        count++;
        if (end == NULL)
            break;
    }
    if (count != FIELDS)
        return wrong(
            err, name, number,
            "five fields are needed, a tab between them: section, what it asks, parts, what shows it, what "
            "is not covered ('-': nothing)");
    if (fields[0][0] == '\0' || fields[1][0] == '\0')
        return wrong(err, name, number, "the section and what it asks for must be said");
    if (!are_parts(fields[2]))
        return wrong(err, name, number, "parts are names as training/certificates, a space between them");
    if (out->count == MAPPING_ROWS)
        return wrong(err, name, number, "a table has 512 rows at most");
    struct mapping_row *rows = realloc(out->rows, (out->count + 1) * sizeof *rows);
    if (rows == NULL)
        return error_memory(err);
    out->rows = rows;
    rows[out->count++] = (struct mapping_row){ fields[0], fields[1], fields[2], fields[3], fields[4] };
    return true;
}

static bool is_text(struct view v)
{
    for (size_t length; v.len > 0; v = view_from(v, length))
        if ((length = utf8_length(v)) == 0 || (v.at[0] < ' ' && v.at[0] != '\n' && v.at[0] != '\t'))
            return false;
    return true;
}

bool mapping_parse(const char *name, struct view text, struct mapping_table *out, struct imw_error_info *err)
{
    unsigned number = 0;

    *out = (struct mapping_table){ .title = "", .source = "" };
    if (text.len > MAPPING_FILE_BYTES)
        return wrong(err, name, 0, "a mapping table has 1 MiB at most");
    if ((out->text = malloc(text.len + 1)) == NULL)
        return error_memory(err);
    memcpy(out->text, text.at, text.len);
    out->text[text.len] = '\0';
    for (char *at = out->text, *end; at != NULL && *at != '\0'; at = end) {
        end = strchr(at, '\n');
        if (end != NULL)
            *end++ = '\0';
        number++;
        const size_t len = strlen(at);
        if (len > 0 && at[len - 1] == '\r')
            at[len - 1] = '\0';
        if (!is_text(view_string(at)))
            return wrong(err, name, number, "this line is not UTF-8 text");
        if (at[0] == '#')
            read_head(at, out);
        else if (at[0] != '\0' && !read_row(name, number, at, out, err))
            return false;
    }
    if (memchr(text.at, 0, text.len) != NULL)
        return wrong(err, name, number, "this is no text: it has a NUL");
    if (out->title[0] == '\0')
        return wrong(err, name, 1, "a line '# title: …' is needed, which says what the table is");
    return out->count > 0 || wrong(err, name, number, "the table has no row");
}

/* The table takes the place of one of the same name; *t is taken over, and so is its name. */
static bool add(struct mapping *m, const char *name, struct mapping_table *t, struct imw_error_info *err)
{
    unsigned at = 0;
    char *copy = strdup(name);

    t->name = copy;
    while (at < m->count && strcmp(m->tables[at].name, name) < 0)
        at++;
    const bool same = at < m->count && strcmp(m->tables[at].name, name) == 0;
    if (copy == NULL || (!same && m->count == MAPPING_FILES)) {
        free(copy);
        mapping_table_fini(t);
        return error_set(err, IMW_ERROR_LIMIT, "there are more than %d mapping tables", MAPPING_FILES);
    }
    if (same) {
        free((void *)(uintptr_t)m->tables[at].name);
        mapping_table_fini(&m->tables[at]);
    } else {
        memmove(&m->tables[at + 1], &m->tables[at], (m->count - at) * sizeof m->tables[0]);
        m->count++;
    }
    m->tables[at] = *t;
    return true;
}

static bool add_text(struct mapping *m, const char *name, const char *path, struct view text, bool ours,
                     struct imw_error_info *err)
{
    struct mapping_table t;

    if (!mapping_parse(path, text, &t, err)) {
        mapping_table_fini(&t);
        return false;
    }
    t.ours = ours;
    return add(m, name, &t, err);
}

static bool read_folder(struct mapping *m, const char *folder, struct imw_error_info *err)
{
    DIR *dir = opendir(folder);
    bool ok = true;

    if (dir == NULL)
        return errno == ENOENT || error_errno(err, folder);
    for (const struct dirent *e; ok && (e = readdir(dir)) != NULL;) {
        char path[4096], name[NAME_BYTES], *text;
        const size_t len = strlen(e->d_name);
        if (e->d_name[0] == '.' || len < 5 || len - 4 >= sizeof name ||
            strcmp(e->d_name + len - 4, ".tsv") != 0)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(len - 4), e->d_name);
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        size_t size;
        ok = file_read(path, MAPPING_FILE_BYTES, &text, &size, err);
        if (ok) {
            ok = add_text(m, name, path, view_of(text, size), false, err);
            free(text);
        }
    }
    closedir(dir);
    return ok;
}

bool mapping_read(const char *folder, struct mapping **out, struct imw_error_info *err)
{
    struct mapping *m = calloc(1, sizeof *m);
    bool ok = m != NULL || error_memory(err);

    for (const struct mapping_ours *o = mapping_ours; ok && o->name != NULL; o++)
        ok = add_text(m, o->name, o->name, view_string(o->text), true, err);
    if (ok && folder != NULL)
        ok = read_folder(m, folder, err);
    if (!ok) {
        mapping_free(m);
        m = NULL;
    }
    *out = m;
    return ok;
}

void mapping_free(struct mapping *m)
{
    for (unsigned i = 0; m != NULL && i < m->count; i++) {
        free((void *)(uintptr_t)m->tables[i].name);
        mapping_table_fini(&m->tables[i]);
    }
    free(m);
}

static json_t *words(const char *text)
{
    json_t *list = json_pack("[]");

    for (struct view v = view_string(text); v.len > 0;) {
        const struct view one = view_token(&v, ' ');
        if (one.len > 0)
            (void)json_array_append_new(list, json_stringn((const char *)one.at, one.len));
    }
    return list;
}

json_t *mapping_json(const struct mapping *m)
{
    json_t *list = json_pack("[]");

    for (unsigned i = 0; i < m->count; i++) {
        const struct mapping_table *t = &m->tables[i];
        json_t *rows = json_pack("[]");
        for (unsigned k = 0; k < t->count; k++) {
            const struct mapping_row *r = &t->rows[k];
            (void)json_array_append_new(rows, json_pack("{s:s,s:s,s:o,s:s,s:s}", "section", r->section,
                                                        "asks", r->asks, "parts", words(r->parts), "shows",
                                                        r->shows, "not_covered", r->not_covered));
        }
        (void)json_array_append_new(list,
                                    json_pack("{s:s,s:s,s:s,s:b,s:o}", "name", t->name, "title", t->title,
                                              "source", t->source, "ours", t->ours, "rows", rows));
    }
    return list;
}
