/* SPDX-License-Identifier: Apache-2.0 */
/* Inventories, read: JSON by jansson, CSV field by field; what is known of rows is put into one form. */
#include "program/inventory.h"
#include "base/json_value.h"
#include "base/text.h"
#include <stdlib.h>

enum { COLUMNS = 64, FIELD_MOST = 4096 };

/* Where a row stands, and what stands around it. */
struct place {
    unsigned line;
    const char *host, *query;
    uint64_t seen_us;
    bool removed;
};
/* A row's members, wherever they come from. */
struct told {
    struct view host, login, name, second, third, version, os, status, release;
    bool mac, debian, rpm;
};

static bool no_memory(struct imw_error_info *err)
{
    return error_set(err, IMW_ERROR_MEMORY, "no memory for the inventory");
}

static void skip(struct inventory *v, unsigned line, const char *text)
{
    v->skipped++;
    line_problem_add(&v->problems, line, "%s", text);
}

static bool add_machine(struct inventory *v, const char *name, struct imw_error_info *err)
{
    if (v->machine_count > 0 && strcmp(v->machines[v->machine_count - 1], name) == 0)
        return true;
    if (v->machine_count == v->machine_room) {
        const size_t room = v->machine_room != 0 ? v->machine_room * 2 : 64;
        void *more = realloc(v->machines, room * sizeof *v->machines);
        if (more == NULL)
            return no_memory(err);
        v->machines = more;
        v->machine_room = room;
    }
    struct text t = TEXT(v->machines[v->machine_count]);
    text_string(&t, name);
    v->machine_count++;
    return true;
}

static void put(char *out, size_t size, struct view v)
{
    struct text t = text_over(out, size);

    text_printable(&t, view_trim(v));
    if (t.cut) /* never half a letter */
        while (t.len > 0 && utf8_length(view_from(view_of(out, t.len), t.len - 1)) == 0)
            out[--t.len] = '\0';
}

static bool is_installed(struct view status)
{
    return status.len == 0 || view_equal(status, VIEW("installed")) ||
           (status.len > 10 && view_equal(view_from(status, status.len - 10), VIEW(" installed")));
}

static const struct client_product *product_of(const struct told *t, struct view *version)
{
    *version = view_of(NULL, 0);
    if (t->debian || t->rpm)
        return client_product_package(t->name);
    const struct client_product *p = client_product_named(t->name, t->mac, version);
    if (p == NULL && t->second.len > 0)
        p = client_product_named(t->second, t->mac, version);
    if (p == NULL && t->third.len > 0)
        p = client_product_named(t->third, t->mac, version);
    return p;
}

static bool take(struct inventory *v, const struct told *t, const struct place *at,
                 struct imw_error_info *err)
{
    const struct view host = t->host.len > 0 ? t->host : view_string(at->host);
    struct inventory_row row = { .removed = at->removed, .seen_us = at->seen_us };
    struct view behind;

    v->lines++;
    if (view_trim(t->name).len == 0) {
        skip(v, at->line, "no name of a program");
        return true;
    }
    if (view_trim(host).len == 0) {
        skip(v, at->line, "no machine: a column host, or tell whose the file is");
        return true;
    }
    put(row.machine, sizeof row.machine, host);
    for (char *c = row.machine; *c != '\0'; c++)
        *c = (char)ascii_lower((uint8_t)*c);
    if (!add_machine(v, row.machine, err))
        return false;
    if (!is_installed(t->status)) {
        v->other++;
        return true;
    }
    row.product = product_of(t, &behind);
    if (row.product == NULL) {
        v->other++;
        return true;
    }
    const struct view version = view_trim(t->version.len > 0 ? t->version : behind);
    if (version.len > VERSION_BYTES) {
        skip(v, at->line, "a version of more than 64 characters");
        return true;
    }
    put(row.version, sizeof row.version, version);
    put(row.login, sizeof row.login, t->login);
    for (char *c = row.login; *c != '\0'; c++)
        *c = (char)ascii_lower((uint8_t)*c);
    put(row.os, sizeof row.os,
        t->os.len > 0 ? t->os
        : t->debian   ? VIEW("Debian")
        : t->mac      ? VIEW("macOS")
                      : t->os);
    row.package = t->debian ? PACKAGE_DEBIAN : t->rpm ? PACKAGE_OTHER : PACKAGE_NONE;
    if (v->count == INVENTORY_ROWS)
        return error_set(err, IMW_ERROR_LIMIT, "more than %d clients: cut the file", INVENTORY_ROWS);
    if (v->count == v->room) {
        const size_t room = v->room != 0 ? v->room * 2 : 256;
        struct inventory_row *more = realloc(v->rows, room * sizeof *more);
        if (more == NULL)
            return no_memory(err);
        v->rows = more;
        v->room = room;
    }
    row.order = v->count;
    v->rows[v->count++] = row;
    return true;
}

/* ---- names of members and columns ---- */

enum meaning {
    NOTHING,
    HOST,
    LOGIN,
    NAME,
    PACKAGE,
    SECOND,
    VERSION,
    SHORT_VERSION,
    OS,
    STATUS,
    BUNDLE,
    ARCH,
    RELEASE
};
static const struct {
    const char *word;
    enum meaning meaning;
} meanings[] = {
    { "host", HOST },
    { "hostname", HOST },
    { "machine", HOST },
    { "computer", HOST },
    { "computer name", HOST },
    { "host identifier", HOST },
    { "hostidentifier", HOST },
    { "user", LOGIN },
    { "login", LOGIN },
    { "username", LOGIN },
    { "name", NAME },
    { "program", NAME },
    { "software", NAME },
    { "product", NAME },
    { "package", PACKAGE },
    { "display name", SECOND },
    { "bundle name", SECOND },
    { "version", VERSION },
    { "bundle short version", SHORT_VERSION },
    { "os", OS },
    { "platform", OS },
    { "status", STATUS },
    { "bundle identifier", BUNDLE },
    { "arch", ARCH },
    { "architecture", ARCH },
    { "release", RELEASE },
    { "revision", ARCH },
};

static enum meaning meaning_of(struct view field)
{
    char word[32];
    struct text t = TEXT(word);

    field = view_trim(field);
    for (size_t i = 0; i < field.len; i++)
        text_char(&t, (char)(field.at[i] == '_' ? ' ' : ascii_lower(field.at[i])));
    for (size_t i = 0; !t.cut && i < sizeof meanings / sizeof meanings[0]; i++)
        if (strcmp(word, meanings[i].word) == 0)
            return meanings[i].meaning;
    return NOTHING;
}

static void tell(struct told *t, enum meaning m, struct view value)
{
    switch (m) {
    case HOST: t->host = value; break;
    case LOGIN: t->login = value; break;
    case PACKAGE: t->debian = true; /* fall through */
    case NAME: t->name = value; break;
    case SECOND: t->second = value; break;
    case BUNDLE:
        t->third = value;
        t->mac = true;
        break;
    case SHORT_VERSION: t->version = value; break;
    case VERSION:
        if (t->version.len == 0)
            t->version = value;
        break;
    case OS: t->os = value; break;
    case STATUS: t->status = value; break;
    case RELEASE: t->release = value; break;
    case ARCH:
    case NOTHING: break;
    }
}

/* ---- JSON ---- */

static struct view text_of(const json_t *value)
{
    return json_is_string(value) ? view_of(json_string_value(value), json_string_length(value))
                                 : view_of(NULL, 0);
}

static bool take_row(struct inventory *v, const json_t *row, const struct place *at,
                     struct imw_error_info *err)
{
    struct told t = { .name = view_of(NULL, 0) };
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)row, key, value)
    {
        const struct view text = text_of(value);
        if (text.len > 0 && text.len <= FIELD_MOST)
            tell(&t, meaning_of(view_string(key)), text);
    }
    if (at->query != NULL &&
        view_find_nocase(view_string(at->query), VIEW("deb_packages")) < strlen(at->query))
        t.debian = true;
    /* Only deb_packages has both of these columns; only rpm_packages a release. */
    if (!t.mac && json_object_get(row, "arch") != NULL && json_object_get(row, "revision") != NULL)
        t.debian = true;
    t.rpm = !t.debian && t.release.len > 0;
    return take(v, &t, at, err);
}

static bool take_rows(struct inventory *v, const json_t *list, struct place at, bool numbered,
                      struct imw_error_info *err)
{
    size_t i;
    const json_t *row;

    json_array_foreach(list, i, row)
    {
        if (numbered)
            at.line = (unsigned)i + 1;
        if (!json_is_object(row)) {
            v->lines++;
            skip(v, at.line, "a row that is no object");
        } else if (!take_row(v, row, &at, err)) {
            return false;
        }
    }
    return true;
}

/* A line of osquery's log, or a row. */
static bool take_object(struct inventory *v, const json_t *o, struct place at, struct imw_error_info *err)
{
    const char *host = json_string_value(json_object_get(o, "hostIdentifier")),
               *action = json_string_value(json_object_get(o, "action"));
    const json_t *columns = json_object_get(o, "columns"), *snapshot = json_object_get(o, "snapshot"),
                 *diff = json_object_get(o, "diffResults"), *rows = json_object_get(o, "rows");
    const json_int_t seconds = json_integer_value(json_object_get(o, "unixTime"));
    char clean[MACHINE_BYTES];

    if (!json_is_object(columns) && !json_is_array(snapshot) && !json_is_object(diff) && !json_is_array(rows))
        return take_row(v, o, &at, err);
    if (host == NULL)
        host = json_string_value(json_object_get(o, "host"));
    if (host != NULL) {
        at.host = host;
        put(clean, sizeof clean, view_string(host));
        for (char *c = clean; *c != '\0'; c++)
            *c = (char)ascii_lower((uint8_t)*c);
        if (clean[0] != '\0' && !add_machine(v, clean, err))
            return false;
    }
    at.query = json_string_value(json_object_get(o, "name"));
    if (seconds > 0 && seconds < INT64_C(7258118400))
        at.seen_us = (uint64_t)seconds * 1000000;
    if (json_is_object(columns)) {
        at.removed = action != NULL && strcmp(action, "removed") == 0;
        return take_row(v, columns, &at, err);
    }
    if (json_is_array(snapshot))
        return take_rows(v, snapshot, at, false, err);
    if (json_is_array(rows))
        return take_rows(v, rows, at, false, err);
    struct place gone = at;
    gone.removed = true;
    return take_rows(v, json_object_get(diff, "removed"), gone, false, err) &&
           take_rows(v, json_object_get(diff, "added"), at, false, err);
}

static json_t *load(struct view text)
{
    return json_depth(text, INVENTORY_DEPTH + 1) <= INVENTORY_DEPTH
               ? json_loadb((const char *)text.at, text.len, 0, NULL)
               : NULL;
}

static bool take_lines(struct inventory *v, struct view file, const struct place *from,
                       struct imw_error_info *err)
{
    struct place at = *from;
    struct view line;

    for (at.line = 1; file.len > 0; at.line++) {
        if (!view_line(&file, &line)) {
            line = file;
            file = view_from(file, file.len);
        }
        if (view_trim(line).len == 0)
            continue;
        json_t *o = load(line);
        bool ok = true;
        if (json_is_object(o)) {
            ok = take_object(v, o, at, err);
        } else {
            v->lines++;
            skip(v, at.line, "no JSON object on this line");
        }
        json_decref(o);
        if (!ok)
            return false;
    }
    return true;
}

static bool take_json(struct inventory *v, struct view file, const struct place *at,
                      struct imw_error_info *err)
{
    struct view rest = file, first;
    json_t *o;

    if (file.at[0] == '{' && view_line(&rest, &first)) {
        o = load(first);
        const bool lines = json_is_object(o);
        json_decref(o);
        if (lines)
            return take_lines(v, file, at, err);
    }
    o = load(file);
    if (o == NULL)
        return error_set(
            err, IMW_ERROR_FORMAT,
            "this is no JSON that can be read: a list of rows, or an object a line, as osquery writes it");
    const bool ok = json_is_array(o) ? take_rows(v, o, *at, true, err) : take_object(v, o, *at, err);
    json_decref(o);
    return ok;
}

/* ---- CSV ---- */

struct csv {
    struct view left;
    char separator;
    unsigned line, next_line;
    struct view field[COLUMNS];
    unsigned count;
    char room[FIELD_MOST * 4]; /* fields that had quotes */
    struct text text;
    const char *wrong;
};

/* The next field; true while more of its record follow. */
static bool next_field(struct csv *c)
{
    const struct view v = c->left;
    const bool quoted = v.len > 0 && v.at[0] == '"';
    const size_t start = c->text.len;
    size_t at = quoted ? 1 : 0;
    bool closed = !quoted;
    struct view field;

    for (; at < v.len; at++) {
        const char octet = (char)v.at[at];
        if (!closed) {
            if (octet == '"' && at + 1 < v.len && v.at[at + 1] == '"') {
                at++;
            } else if (octet == '"') {
                closed = true;
                continue;
            } else if (octet == '\n') {
                c->next_line++;
            }
            text_char(&c->text, octet);
        } else if (octet == c->separator || octet == '\n' || octet == '\r') {
            break;
        }
    }
    field = quoted ? view_of(c->text.at + start, c->text.len - start) : view_slice(v, 0, at);
    if (!closed)
        c->wrong = "a quote that is not closed";
    else if (c->text.cut || field.len > FIELD_MOST)
        c->wrong = "a field of more than 4 KiB";
    else if (c->count == COLUMNS)
        c->wrong = "more than 64 columns";
    else
        c->field[c->count++] = view_trim(field);
    if (at < v.len && (char)v.at[at] == c->separator) {
        c->left = view_from(v, at + 1);
        return true;
    }
    at += at + 1 < v.len && v.at[at] == '\r' && v.at[at + 1] == '\n';
    c->left = view_from(v, at + 1);
    c->next_line++;
    return false;
}

static bool next_record(struct csv *c)
{
    while (c->left.len > 0) {
        bool empty = true;
        c->line = c->next_line;
        c->count = 0;
        c->wrong = NULL;
        c->text = TEXT(c->room);
        while (next_field(c))
            ;
        for (unsigned i = 0; i < c->count; i++)
            empty = empty && c->field[i].len == 0;
        if (!empty || c->wrong != NULL)
            return true;
    }
    return false;
}

static char separator_of(struct view v)
{
    size_t commas = 0, semicolons = 0, tabs = 0;

    for (size_t i = 0; i < v.len && v.at[i] != '\n'; i++) {
        commas += v.at[i] == ',';
        semicolons += v.at[i] == ';';
        tabs += v.at[i] == '\t';
    }
    return (char)(semicolons > commas && semicolons >= tabs ? ';' : tabs > commas ? '\t' : ',');
}

static bool take_csv(struct inventory *v, struct view file, const struct place *from,
                     struct imw_error_info *err)
{
    struct csv *c = calloc(1, sizeof *c);
    enum meaning columns[COLUMNS] = { NOTHING };
    unsigned count;
    bool has[RELEASE + 1] = { false }, ok = true;

    if (c == NULL)
        return no_memory(err);
    *c = (struct csv){ .left = file, .separator = separator_of(file), .next_line = 1 };
    if (!next_record(c) || c->wrong != NULL) {
        free(c);
        return error_set(err, IMW_ERROR_FORMAT,
                         "the first line is no line of headings: host, user, name, version, os");
    }
    count = c->count;
    for (unsigned i = 0; i < count; i++)
        has[columns[i] = meaning_of(c->field[i])] = true;
    if ((!has[NAME] && !has[PACKAGE]) || (!has[VERSION] && !has[SHORT_VERSION]) ||
        (!has[HOST] && from->host == NULL)) {
        free(c);
        return error_set(err, IMW_ERROR_FORMAT,
                         "the first line must name the columns host, name (or package) and version%s",
                         has[HOST] ? "" : "; or tell whose the file is");
    }
    while (ok && next_record(c)) {
        struct place at = *from;
        struct told t = { .name = view_of(NULL, 0) };
        at.line = c->line;
        if (c->wrong != NULL || c->count != count) {
            v->lines++;
            skip(v, at.line, c->wrong != NULL ? c->wrong : "not as many fields as the first line has");
            continue;
        }
        for (unsigned i = 0; i < count; i++)
            if (c->field[i].len > 0)
                tell(&t, columns[i], c->field[i]);
        t.mac = t.mac && t.third.len > 0;
        t.rpm = !t.debian && t.release.len > 0;
        ok = take(v, &t, &at, err);
    }
    free(c);
    return ok;
}

/* ---- all of it ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int by_machine(const void *a, const void *b)
{
    const struct inventory_row *x = a, *y = b;

    const int order = strcmp(x->machine, y->machine);
    return order != 0 ? order : x->order < y->order ? -1 : x->order > y->order;
}

static bool is_utf8(struct view v)
{
    for (size_t at = 0, n; at < v.len; at += n) {
        n = utf8_length(view_from(v, at));
        if (n == 0 || v.at[at] == '\0')
            return false;
    }
    return true;
}

bool inventory_parse(struct view file, const char *host, struct inventory *out, struct imw_error_info *err)
{
    const struct place at = { .line = 1, .host = host };
    bool ok;

    *out = (struct inventory){ .rows = NULL };
    if (file.len > INVENTORY_MOST)
        return error_set(err, IMW_ERROR_LIMIT, "the file is over 32 MiB: bring it in parts");
    if (view_starts(file, VIEW("\xef\xbb\xbf")))
        file = view_from(file, 3);
    while (file.len > 0 &&
           (file.at[0] == ' ' || file.at[0] == '\n' || file.at[0] == '\r' || file.at[0] == '\t'))
        file = view_from(file, 1);
    if (file.len == 0)
        return error_set(err, IMW_ERROR_FORMAT, "the file is empty");
    if (!is_utf8(file))
        return error_set(err, IMW_ERROR_FORMAT, "the file is not UTF-8: save it as UTF-8 and bring it again");
    ok = file.at[0] == '{' || file.at[0] == '[' ? take_json(out, file, &at, err)
                                                : take_csv(out, file, &at, err);
    if (ok && out->count > 1)
        qsort(out->rows, out->count, sizeof *out->rows, by_machine);
    if (ok && out->machine_count > 0) {
        size_t kept = 1;
        qsort(out->machines, out->machine_count, sizeof *out->machines, by_name);
        for (size_t i = 1; i < out->machine_count; i++)
            if (strcmp(out->machines[kept - 1], out->machines[i]) != 0 && kept++ != i)
                memcpy(out->machines[kept - 1], out->machines[i], sizeof *out->machines);
        out->machine_count = kept;
    }
    if (!ok)
        inventory_free(out);
    return ok;
}

void inventory_free(struct inventory *v)
{
    free(v->rows);
    free(v->machines);
    line_problems_free(&v->problems);
    *v = (struct inventory){ .rows = NULL };
}
