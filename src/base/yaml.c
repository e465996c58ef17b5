/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small tree over libfyaml's event stream. Its own document tree is not used: what we refuse (aliases,
 * tags) is what makes such trees hard to bound.
 *
 * Nodes lie in one array and all text in another, linked by number while both grow. While reading, `open` is
 * the path of collections that are not closed yet; a mapping takes a key, then a value.
 */
#include "base/yaml.h"
#include "base/file.h"
#include "base/text.h"
#include <libfyaml.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct yaml_node {
    const struct yaml *document;
    uint32_t parent, next;       /* numbers of nodes; 0: none */
    uint32_t first, last, count; /* its values */
    uint32_t position;           /* among its parent's values */
    uint32_t line, column;
    uint32_t key_at, key_len, text_at, text_len; /* in yaml.text */
    enum yaml_kind kind;
    bool plain; /* a scalar without quotes */
};

struct yaml {
    char *name;
    struct yaml_node *nodes; /* [0] is not used, [1] is the root */
    uint32_t node_count, node_room;
    char *text;
    size_t text_len, text_room;
};

/* What is being read. */
struct reading {
    struct yaml *y;
    uint32_t open[YAML_DEPTH];
    unsigned depth;
    bool has_key;
    uint32_t key_at, key_len;
    struct imw_error_info *err;
};

static bool fail_at(struct reading *r, enum imw_error code, uint32_t line, uint32_t column,
                    const char *format, ...) IMW_PRINTF(5, 6);

static bool fail_at(struct reading *r, enum imw_error code, uint32_t line, uint32_t column,
                    const char *format, ...)
{
    char text[200];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    error_file(r->err, code, r->y->name, "%s", text);
    if (r->err != NULL) {
        r->err->line = line;
        r->err->column = column;
    }
    return false;
}

/* --- building the tree --- */

static bool text_keep(struct reading *r, struct view v, uint32_t *out_at)
{
    struct yaml *y = r->y;

    if (y->text_len + v.len + 1 > y->text_room) {
        size_t room = (y->text_len + v.len + 1) * 2;
        char *text = realloc(y->text, room);
        if (text == NULL)
            return fail_at(r, IMW_ERROR_MEMORY, 0, 0, "out of memory");
        y->text = text;
        y->text_room = room;
    }
    memcpy(y->text + y->text_len, v.at, v.len);
    y->text[y->text_len + v.len] = '\0';
    *out_at = (uint32_t)y->text_len;
    y->text_len += v.len + 1;
    return true;
}

static bool node_add(struct reading *r, enum yaml_kind kind, const struct fy_mark *mark, uint32_t *out)
{
    struct yaml *y = r->y;
    uint32_t line = (uint32_t)mark->line + 1, column = (uint32_t)mark->column + 1;

    if (y->node_count == YAML_NODES)
        return fail_at(r, IMW_ERROR_LIMIT, line, column, "more than %d values", YAML_NODES);
    if (y->node_count >= y->node_room) {
        uint32_t room = y->node_room == 0 ? 64 : y->node_room * 2;
        struct yaml_node *nodes = realloc(y->nodes, room * sizeof *nodes);
        if (nodes == NULL)
            return fail_at(r, IMW_ERROR_MEMORY, 0, 0, "out of memory");
        y->nodes = nodes;
        y->node_room = room;
    }
    uint32_t n = y->node_count++;
    struct yaml_node *node = &y->nodes[n];
    *node = (struct yaml_node){ .document = y, .kind = kind, .line = line, .column = column };
    if (r->depth > 0) {
        node->parent = r->open[r->depth - 1];
        struct yaml_node *parent = &y->nodes[node->parent];
        node->position = parent->count++;
        if (parent->last != 0)
            y->nodes[parent->last].next = n;
        else
            parent->first = n;
        parent->last = n;
        node->key_at = r->key_at;
        node->key_len = r->key_len;
    }
    r->has_key = false;
    r->key_at = r->key_len = 0;
    *out = n;
    return true;
}

static struct view node_key(const struct yaml_node *n)
{
    return view_of(n->document->text + n->key_at, n->key_len);
}

static bool wants_key(const struct reading *r)
{
    return r->depth > 0 && r->y->nodes[r->open[r->depth - 1]].kind == YAML_MAPPING && !r->has_key;
}

static bool take_key(struct reading *r, struct view key, const struct fy_mark *mark)
{
    const struct yaml_node *map = &r->y->nodes[r->open[r->depth - 1]];
    uint32_t line = (uint32_t)mark->line + 1, column = (uint32_t)mark->column + 1;

    if (key.len == 0)
        return fail_at(r, IMW_ERROR_FORMAT, line, column, "a key is empty");
    if (map->count == YAML_KEYS)
        return fail_at(r, IMW_ERROR_LIMIT, line, column, "more than %d keys in one mapping", YAML_KEYS);
    for (uint32_t i = map->first; i != 0; i = r->y->nodes[i].next)
        if (view_equal(node_key(&r->y->nodes[i]), key))
            return fail_at(r, IMW_ERROR_FORMAT, line, column, "the key '%.*s' was given already in line %u",
                           key.len < 60 ? (int)key.len : 60, (const char *)key.at, r->y->nodes[i].line);
    r->key_len = (uint32_t)key.len;
    r->has_key = true;
    return text_keep(r, key, &r->key_at);
}

/* Where a token starts: a quoted scalar at its quote, which libfyaml does not count. */
static struct fy_mark token_mark(struct fy_token *token)
{
    const struct fy_mark *known = token != NULL ? fy_token_start_mark(token) : NULL;
    struct fy_mark mark = { 0 };

    if (known == NULL)
        return mark;
    mark = *known;
    enum fy_scalar_style style = fy_token_scalar_style(token);
    if ((style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) && mark.column > 0)
        mark.column--;
    return mark;
}

static bool take_scalar(struct reading *r, struct fy_token *token)
{
    struct fy_mark place = token_mark(token), *mark = &place;
    size_t len = 0;
    const char *at = token != NULL ? fy_token_get_text(token, &len) : NULL;
    struct view v = view_of(at, len);
    uint32_t n = 0;

    if (view_find_byte(v, '\0', 0) != v.len)
        return fail_at(r, IMW_ERROR_FORMAT, (uint32_t)mark->line + 1, (uint32_t)mark->column + 1,
                       "a NUL character");
    if (wants_key(r))
        return take_key(r, v, mark);
    if (!node_add(r, YAML_SCALAR, mark, &n))
        return false;
    r->y->nodes[n].plain = token == NULL || fy_token_scalar_style(token) == FYSS_PLAIN;
    r->y->nodes[n].text_len = (uint32_t)v.len;
    uint32_t text_at;
    if (!text_keep(r, v, &text_at))
        return false;
    r->y->nodes[n].text_at = text_at;
    return true;
}

static bool take_open(struct reading *r, enum yaml_kind kind, struct fy_token *token)
{
    struct fy_mark place = token_mark(token), *mark = &place;
    uint32_t n = 0;

    if (wants_key(r))
        return fail_at(r, IMW_ERROR_FORMAT, (uint32_t)mark->line + 1, (uint32_t)mark->column + 1,
                       "a key must be plain text");
    if (r->depth == YAML_DEPTH)
        return fail_at(r, IMW_ERROR_LIMIT, (uint32_t)mark->line + 1, (uint32_t)mark->column + 1,
                       "nested deeper than %d", YAML_DEPTH);
    if (!node_add(r, kind, mark, &n))
        return false;
    r->open[r->depth++] = n;
    return true;
}

/* An anchor or a tag is refused where it stands. */
static bool refuse(struct reading *r, struct fy_token *token, const char *what)
{
    struct fy_mark mark = token_mark(token);

    return token == NULL || fail_at(r, IMW_ERROR_FORMAT, (uint32_t)mark.line + 1, (uint32_t)mark.column + 1,
                                    "%s are not allowed", what);
}

static bool take_event(struct reading *r, const struct fy_event *event)
{
    switch (event->type) {
    case FYET_ALIAS: return refuse(r, event->alias.anchor, "aliases");
    case FYET_SCALAR:
        return refuse(r, event->scalar.anchor, "anchors") && refuse(r, event->scalar.tag, "tags") &&
               take_scalar(r, event->scalar.value);
    case FYET_SEQUENCE_START:
        return refuse(r, event->sequence_start.anchor, "anchors") &&
               refuse(r, event->sequence_start.tag, "tags") &&
               take_open(r, YAML_SEQUENCE, event->sequence_start.sequence_start);
    case FYET_MAPPING_START:
        return refuse(r, event->mapping_start.anchor, "anchors") &&
               refuse(r, event->mapping_start.tag, "tags") &&
               take_open(r, YAML_MAPPING, event->mapping_start.mapping_start);
    case FYET_SEQUENCE_END:
    case FYET_MAPPING_END:
        if (r->depth == 0 || r->has_key)
            return fail_at(r, IMW_ERROR_FORMAT, 0, 0, "a collection ends where none is open");
        r->depth--;
        return true;
    case FYET_DOCUMENT_START:
        if (r->y->node_count > 1)
            return fail_at(r, IMW_ERROR_FORMAT, 0, 0, "more than one document");
        return true;
    default: return true;
    }
}

/* Pass on what libfyaml says of a syntax error. */
static bool fail_syntax(struct reading *r, struct fy_diag *diag)
{
    void *place = NULL;
    const struct fy_diag_error *e = fy_diag_errors_iterate(diag, &place);

    if (e == NULL)
        return fail_at(r, IMW_ERROR_FORMAT, 0, 0, "not well-formed YAML");
    return fail_at(r, IMW_ERROR_FORMAT, e->line > 0 ? (uint32_t)e->line : 0,
                   e->column > 0 ? (uint32_t)e->column : 0, "%s", e->msg);
}

static bool read_events(struct reading *r, struct fy_parser *parser, struct fy_diag *diag)
{
    for (bool more = true; more;) {
        struct fy_event *event = fy_parser_parse(parser);
        if (event == NULL)
            return fail_syntax(r, diag);
        more = event->type != FYET_STREAM_END;
        bool ok = take_event(r, event);
        fy_parser_event_free(parser, event);
        if (!ok)
            return false;
    }
    if (r->y->node_count < 2)
        return fail_at(r, IMW_ERROR_FORMAT, 0, 0, "nothing in it");
    return true;
}

/* Text only: UTF-8 without control characters, so that nothing strange reaches the YAML reader or an error.
 */
static bool check_text(struct reading *r, struct view text)
{
    uint32_t line = 1;

    for (size_t at = 0; at < text.len;) {
        uint8_t c = text.at[at];
        size_t len = c < 0x80 ? 1 : utf8_length(view_from(text, at));
        if (len == 0 || (c < ' ' && c != '\n' && c != '\r' && c != '\t') || c == 0x7f)
            return fail_at(r, IMW_ERROR_FORMAT, line, 0, "not UTF-8 text (byte 0x%02x)", c);
        line += c == '\n';
        at += len;
    }
    return true;
}

bool yaml_parse(const char *name, struct view text, struct yaml **out, struct imw_error_info *err)
{
    struct yaml *y = calloc(1, sizeof *y);
    struct fy_diag *diag = NULL;
    struct fy_parser *parser = NULL;
    struct reading r = { .y = y, .err = err };
    bool ok = false;

    if (y == NULL || (y->name = strdup(name)) == NULL) {
        error_memory(err);
        goto out;
    }
    y->node_count = 1;
    if (text.len == 0 || text.len > YAML_BYTES) {
        fail_at(&r, IMW_ERROR_LIMIT, 0, 0, text.len == 0 ? "an empty file" : "longer than %d bytes",
                YAML_BYTES);
        goto out;
    }
    if (!check_text(&r, text))
        goto out;

    struct fy_diag_cfg diag_cfg;
    fy_diag_cfg_default(&diag_cfg);
    diag_cfg.fp = NULL;
    diag_cfg.colorize = false;
    diag = fy_diag_create(&diag_cfg);
    if (diag != NULL)
        fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg cfg = { .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_DEFAULT_VERSION_1_2,
                                .diag = diag };
    parser = diag != NULL ? fy_parser_create(&cfg) : NULL;
    if (parser == NULL || fy_parser_set_string(parser, (const char *)text.at, text.len) != 0) {
        error_memory(err);
        goto out;
    }
    ok = read_events(&r, parser, diag);
    if (ok) {
        *out = y;
        y = NULL;
    }
out:
    if (parser != NULL)
        fy_parser_destroy(parser);
    if (diag != NULL)
        fy_diag_destroy(diag);
    yaml_free(y);
    return ok;
}

bool yaml_load(const char *path, struct yaml **out, struct imw_error_info *err)
{
    char *data;
    size_t len;

    if (!file_read(path, YAML_BYTES, &data, &len, err))
        return false;
    bool ok = yaml_parse(path, view_of(data, len), out, err);
    free(data);
    return ok;
}

void yaml_free(struct yaml *y)
{
    if (y == NULL)
        return;
    free(y->name);
    free(y->nodes);
    free(y->text);
    free(y);
}

/* --- walking it --- */

static const struct yaml_node *node_at(const struct yaml_node *n, uint32_t number)
{
    return number != 0 ? &n->document->nodes[number] : NULL;
}

static struct view node_text(const struct yaml_node *n)
{
    return view_of(n->document->text + n->text_at, n->text_len);
}

const struct yaml_node *yaml_root(const struct yaml *y)
{
    return &y->nodes[1];
}
const char *yaml_name(const struct yaml *y)
{
    return y->name;
}
const struct yaml_node *yaml_first(const struct yaml_node *n)
{
    return node_at(n, n->first);
}
const struct yaml_node *yaml_next(const struct yaml_node *n)
{
    return node_at(n, n->next);
}
unsigned yaml_count(const struct yaml_node *n)
{
    return n->count;
}
unsigned yaml_line(const struct yaml_node *n)
{
    return n->line;
}
enum yaml_kind yaml_kind(const struct yaml_node *n)
{
    return n->kind;
}

struct view yaml_key(const struct yaml_node *n)
{
    return n->key_len > 0 ? node_key(n) : view_of(NULL, 0);
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    struct view wanted = view_string(key);

    for (const struct yaml_node *n = yaml_first(map); n != NULL; n = yaml_next(n))
        if (view_equal(yaml_key(n), wanted))
            return n;
    return NULL;
}

/* "rules[2].match.service" */
static void write_path(const struct yaml_node *n, struct text *t)
{
    const struct yaml_node *path[YAML_DEPTH + 1];
    unsigned count = 0;

    for (; n->parent != 0 && count < YAML_DEPTH + 1; n = node_at(n, n->parent))
        path[count++] = n;
    while (count-- > 0) {
        n = path[count];
        if (n->key_len == 0) {
            text_format(t, "[%u]", n->position);
            continue;
        }
        if (t->len > 0)
            text_char(t, '.');
        text_printable(t, node_key(n));
    }
}

bool yaml_error(const struct yaml_node *n, struct imw_error_info *err, const char *format, ...)
{
    char text[256];
    va_list args;

    if (err == NULL)
        return false;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    error_file(err, IMW_ERROR_VALUE, n->document->name, "%s", text);
    err->line = n->line;
    err->column = n->column;
    struct text path = TEXT(err->key);
    write_path(n, &path);
    return false;
}

/* --- typed values --- */

static const char *kind_name(enum yaml_kind kind)
{
    static const char *const names[] = { "a single value", "a list", "keys with values" };

    return names[kind];
}

bool yaml_expect(const struct yaml_node *n, enum yaml_kind kind, struct imw_error_info *err)
{
    if (n->kind == kind)
        return true;
    return yaml_error(n, err, "%s is needed here, not %s", kind_name(kind), kind_name(n->kind));
}

bool yaml_need(const struct yaml_node *map, const char *key, const struct yaml_node **out,
               struct imw_error_info *err)
{
    if (!yaml_expect(map, YAML_MAPPING, err))
        return false;
    const struct yaml_node *n = yaml_get(map, key);
    if (n == NULL)
        return yaml_error(map, err, "the key '%s' is missing", key);
    *out = n;
    return true;
}

bool yaml_known_keys(const struct yaml_node *n, const char *const *known, struct imw_error_info *err)
{
    if (!yaml_expect(n, YAML_MAPPING, err))
        return false;
    for (const struct yaml_node *value = yaml_first(n); value != NULL; value = yaml_next(value)) {
        const char *const *k = known;
        while (*k != NULL && !view_equal(view_string(*k), node_key(value)))
            k++;
        if (*k != NULL)
            continue;
        const char *hint = yaml_nearest(node_key(value), known);
        return hint != NULL ? yaml_error(value, err, "unknown key; is '%s' meant?", hint)
                            : yaml_error(value, err, "unknown key");
    }
    return true;
}

static bool is_null(const struct yaml_node *n)
{
    struct view v = node_text(n);

    return n->plain && (v.len == 0 || view_equal(v, VIEW("~")) || view_equal(v, VIEW("null")));
}

bool yaml_string(const struct yaml_node *n, struct view *out, struct imw_error_info *err)
{
    if (!yaml_expect(n, YAML_SCALAR, err))
        return false;
    if (n->text_len == 0 || is_null(n))
        return yaml_error(n, err, "text is needed here");
    *out = node_text(n);
    return true;
}

bool yaml_one_line(const struct yaml_node *n, size_t most, struct view *out, struct imw_error_info *err)
{
    struct view v = view_of(NULL, 0);

    if (!yaml_string(n, &v, err))
        return false;
    if (v.len > most || view_find_byte(v, '\n', 0) < v.len)
        return yaml_error(n, err, "must be one line of at most %zu bytes", most);
    *out = v;
    return true;
}

bool yaml_integer(const struct yaml_node *n, int64_t min, int64_t max, int64_t *out,
                  struct imw_error_info *err)
{
    if (!yaml_expect(n, YAML_SCALAR, err))
        return false;
    struct view v = node_text(n);
    bool minus = v.len > 1 && v.at[0] == '-';
    uint64_t magnitude;

    if (!n->plain || !view_decimal(view_from(v, minus), INT64_MAX, &magnitude))
        return yaml_error(n, err, "a whole number is needed here");
    int64_t number = minus ? -(int64_t)magnitude : (int64_t)magnitude;
    if (number < min || number > max)
        return yaml_error(n, err, "must be from %lld to %lld", (long long)min, (long long)max);
    *out = number;
    return true;
}

bool yaml_bool(const struct yaml_node *n, bool *out, struct imw_error_info *err)
{
    if (!yaml_expect(n, YAML_SCALAR, err))
        return false;
    bool yes = view_equal(node_text(n), VIEW("true"));

    if (!n->plain || (!yes && !view_equal(node_text(n), VIEW("false"))))
        return yaml_error(n, err, "true or false is needed here");
    *out = yes;
    return true;
}

/* --- hints --- */

enum { HINT_LENGTH = 32 };

/* Insertions, deletions and replacements that make `a` of `b` (Levenshtein). Both at most HINT_LENGTH long.
 */
static unsigned distance(struct view a, struct view b)
{
    unsigned row[HINT_LENGTH + 1];

    for (unsigned j = 0; j <= b.len; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            unsigned best = diagonal + (ascii_lower(a.at[i - 1]) != ascii_lower(b.at[j - 1]));
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[b.len];
}

const char *yaml_nearest(struct view v, const char *const *known)
{
    const char *nearest = NULL;
    unsigned least = 3; /* two slips at most */

    for (; *known != NULL; known++) {
        struct view k = view_string(*known);
        if (v.len > HINT_LENGTH || k.len > HINT_LENGTH)
            continue;
        unsigned d = distance(v, k);
        if (d < least && d < k.len) {
            least = d;
            nearest = *known;
        }
    }
    return nearest;
}
