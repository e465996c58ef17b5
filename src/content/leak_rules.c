/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What to look for, compiled: one Vectorscan database of all words and patterns.
 *
 * What costs in such a database is what it reports, and what it must keep in mind. So it is asked for little:
 * "swift" or "bic", keywords (which are literals to it) and the institution's own patterns; all are told by
 * their ends only. Where they begin, and whether they are what they seem, is worked out by hand, at the few
 * places that are left. Runs of digits are not its business: "[0-9]{4}" alone halves its speed, and leak.c
 * finds them much faster, since of four digits in a row one stands at a place that four divides.
 */
#include "content/leak_rules.h"
#include "base/text.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

const char *leak_kind_name(enum leak_kind k)
{
    static const char *const names[] = {
#define X(id, number, name, help) [number] = name,
        LEAK_KINDS(X)
#undef X
    };

    return names[k];
}

/* ---- expressions ---- */

struct expressions {
    char **at;
    unsigned *flags, *ids;
    unsigned count, size;
};

static bool add(struct expressions *x, unsigned id, unsigned flags, const char *regex)
{
    if (x->count == x->size) {
        unsigned size = x->size * 2 + 64;
        char **at = reallocarray(x->at, size, sizeof *at);
        x->at = at != NULL ? at : x->at;
        unsigned *f = reallocarray(x->flags, size, sizeof *f);
        x->flags = f != NULL ? f : x->flags;
        unsigned *i = reallocarray(x->ids, size, sizeof *i);
        x->ids = i != NULL ? i : x->ids;
        if (at == NULL || f == NULL || i == NULL)
            return false;
        x->size = size;
    }
    x->at[x->count] = strdup(regex);
    x->flags[x->count] = flags;
    x->ids[x->count] = id;
    return x->at[x->count] != NULL && ++x->count;
}

static void expressions_free(struct expressions *x)
{
    for (unsigned i = 0; i < x->count; i++)
        free(x->at[i]);
    free(x->at);
    free(x->flags);
    free(x->ids);
}

static bool no_memory(struct imw_error_info *err)
{
    return error_set(err, IMW_ERROR_MEMORY, "no memory for the search for leaks");
}

/* ---- patterns of the institution's own ---- */

static bool pattern_wrong(struct imw_error_info *err, const struct leak_pattern *p, const char *why)
{
    error_set(err, IMW_ERROR_VALUE, "%s", why);
    if (err != NULL) {
        struct text key = TEXT(err->key);
        text_string(&key, "pattern ");
        text_printable(&key, view_string(p->name));
    }
    return false;
}

enum { OWN_FLAGS = HS_FLAG_MULTILINE };

static bool add_pattern(struct leak_rules *r, struct expressions *x, const struct leak_pattern *p,
                        struct imw_error_info *err)
{
    struct leak_own *own = &r->own[r->own_count];
    hs_compile_error_t *wrong = NULL;
    hs_expr_info_t *info = NULL;
    bool ok;

    if (hs_expression_info(p->regex, OWN_FLAGS, &info, &wrong) != HS_SUCCESS ||
        hs_compile(p->regex, OWN_FLAGS | HS_FLAG_SOM_LEFTMOST, HS_MODE_BLOCK, NULL, &own->exactly, &wrong) !=
            HS_SUCCESS) {
        ok = pattern_wrong(err, p, wrong != NULL ? wrong->message : "cannot be compiled");
        hs_free_compile_error(wrong);
    } else if (info->max_width > LEAK_PATTERN_MOST) {
        ok =
            pattern_wrong(err, p, "may match more than 1024 bytes; give its repeats a limit, as in .{0,100}");
    } else {
        own->longest = info->max_width;
        struct text name = TEXT(own->name);
        text_printable(&name, view_string(p->name));
        ok = add(x, EVENT_COUNT + r->own_count, OWN_FLAGS, p->regex) || no_memory(err);
    }
    free(info);
    r->own_count += own->exactly != NULL;
    return ok;
}

static bool add_patterns(struct leak_rules *r, struct expressions *x, const struct leak_settings *s,
                         struct imw_error_info *err)
{
    if ((r->kinds >> LEAK_PATTERN & 1) == 0 || s->pattern_count == 0)
        return true;
    if (s->pattern_count > LEAK_PATTERNS)
        return error_set(err, IMW_ERROR_LIMIT, "more than %d patterns", LEAK_PATTERNS);
    r->own = calloc(s->pattern_count, sizeof *r->own);
    if (r->own == NULL)
        return no_memory(err);
    for (unsigned i = 0; i < s->pattern_count; i++)
        if (!add_pattern(r, x, &s->patterns[i], err))
            return false;
    return true;
}

/* ---- keywords ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* A literal, with any white space where it has a blank: lines are broken anywhere. */
static void keyword_regex(const char *word, struct text *out)
{
    for (; *word != '\0'; word++) {
        if (is_blank(*word)) {
            while (is_blank(word[1]))
                word++;
            text_string(out, "\\s{1,3}");
        } else {
            if (strchr("\\^$.|?*+()[]{}-/#&~", *word) != NULL)
                text_char(out, '\\');
            text_char(out, *word);
        }
    }
}

static bool is_ascii(const char *word)
{
    while (*word != '\0' && (*word & 0x80) == 0)
        word++;
    return *word == '\0';
}

static bool add_keyword(struct leak_rules *r, struct expressions *x, struct view word, const char *name)
{
    char regex[LEAK_KEYWORD_MOST * 8], copy[LEAK_KEYWORD_MOST + 1];
    struct text t = TEXT(regex), c = TEXT(copy);

    if (r->keyword_count % 1024 == 0) {
        struct leak_keyword *k = reallocarray(r->keyword, r->keyword_count + 1024, sizeof *k);
        if (k == NULL)
            return false;
        r->keyword = k;
    }
    text_add(&c, word);
    keyword_regex(copy, &t);
    struct leak_keyword *k = &r->keyword[r->keyword_count];
    struct text n = TEXT(k->name);
    text_printable(&n, view_string(name));
    k->text = strdup(copy);
    return k->text != NULL && ++r->keyword_count &&
           add(x, EVENT_COUNT + r->own_count + r->keyword_count - 1,
               is_ascii(copy) ? HS_FLAG_CASELESS : HS_FLAG_CASELESS | HS_FLAG_UTF8, regex);
}

static bool is_utf8(struct view v)
{
    for (size_t n; v.len > 0; v = view_from(v, n)) {
        n = utf8_length(v);
        if (n == 0)
            return false;
    }
    return true;
}

/* "/etc/imward/projects.txt" is the list "projects". */
static void list_name(const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/'), *from = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(from, '.');
    struct text t = text_over(out, size);

    text_printable(&t, view_of(from, dot != NULL && dot > from ? (size_t)(dot - from) : strlen(from)));
}

static bool keyword_wrong(struct imw_error_info *err, const char *path, unsigned line, const char *why)
{
    error_file(err, IMW_ERROR_FORMAT, path, "%s", why);
    if (err != NULL)
        err->line = line;
    return false;
}

static bool add_line(struct leak_rules *r, struct expressions *x, struct view word, const char *path,
                     const char *name, unsigned line, struct imw_error_info *err)
{
    if (word.len == 0 || word.at[0] == '#')
        return true;
    if (word.len < 2 || word.len > LEAK_KEYWORD_MOST)
        return keyword_wrong(err, path, line, "a keyword has 2 to 200 bytes");
    if (!is_utf8(word) || memchr(word.at, '\0', word.len) != NULL)
        return keyword_wrong(err, path, line, "not UTF-8");
    if (r->keyword_count == LEAK_KEYWORDS)
        return keyword_wrong(err, path, line, "more than 100,000 keywords");
    return add_keyword(r, x, word, name) || no_memory(err);
}

static bool add_list(struct leak_rules *r, struct expressions *x, const char *path,
                     struct imw_error_info *err)
{
    FILE *f = fopen(path, "re");
    char name[LEAK_NAME_BYTES], *line = NULL;
    size_t size = 0;
    ssize_t n;
    bool ok = true;

    if (f == NULL)
        return error_errno(err, path);
    list_name(path, name, sizeof name);
    for (unsigned number = 1; ok && (n = getline(&line, &size, f)) >= 0; number++) {
        struct view word = view_of(line, (size_t)n);
        if (number == 1 && view_starts(word, VIEW("\xef\xbb\xbf")))
            word = view_from(word, 3);
        ok = add_line(r, x, view_trim(word), path, name, number, err);
    }
    if (ok && ferror(f) != 0)
        ok = error_errno(err, path);
    free(line);
    fclose(f);
    return ok;
}

/* ---- all of it ---- */

static bool add_built_in(struct leak_rules *r, struct expressions *x)
{
    uint32_t numbers = 1u << LEAK_CARD | 1u << LEAK_SSN | 1u << LEAK_ABA | 1u << LEAK_IBAN;

    r->run = (r->kinds & numbers) != 0 ? 4 : 0;
    if (r->exact != NULL && exact_run(r->exact) > 0) {
        r->run = exact_run(r->exact);
        r->pairs = true; /* as telephone numbers are written in many countries */
    }
    r->mail = r->exact != NULL && exact_has_mail(r->exact);
    return (r->kinds >> LEAK_BIC & 1) == 0 ||
           (add(x, EVENT_BIC, HS_FLAG_CASELESS, "swift") && add(x, EVENT_BIC, HS_FLAG_CASELESS, "bic"));
}

static bool compile(struct leak_rules *r, const struct expressions *x, struct imw_error_info *err)
{
    hs_compile_error_t *wrong = NULL;

    if (x->count == 0)
        return true;
    if (hs_compile_multi((const char *const *)x->at, x->flags, x->ids, x->count, HS_MODE_BLOCK, NULL,
                         &r->database, &wrong) != HS_SUCCESS) {
        error_set(err, IMW_ERROR_VALUE, "what to look for cannot be compiled: %s%s%s", wrong->message,
                  wrong->expression >= 0 ? ": " : "", wrong->expression >= 0 ? x->at[wrong->expression] : "");
        hs_free_compile_error(wrong);
        return false;
    }
    bool ok = hs_alloc_scratch(r->database, &r->scratch) == HS_SUCCESS;
    for (unsigned i = 0; ok && i < r->own_count; i++)
        ok = hs_alloc_scratch(r->own[i].exactly, &r->scratch) == HS_SUCCESS;
    return ok || no_memory(err);
}

bool leak_rules_new(const struct leak_settings *settings, struct leak_rules **out, struct imw_error_info *err)
{
    struct leak_rules *r = calloc(1, sizeof *r);
    struct expressions x = { 0 };
    bool ok = true;

    if (r == NULL)
        return no_memory(err);
    r->kinds = settings->kinds;
    if (settings->exact != NULL && (r->kinds >> LEAK_EXACT & 1) != 0)
        ok = exact_open(settings->exact, settings->salt, &r->exact, err);
    ok = ok && (add_built_in(r, &x) || no_memory(err)) && add_patterns(r, &x, settings, err);
    for (unsigned i = 0; ok && (r->kinds >> LEAK_KEYWORD & 1) != 0 && i < settings->keywords.count; i++)
        ok = add_list(r, &x, settings->keywords.at[i], err);
    ok = ok && compile(r, &x, err);
    expressions_free(&x);
    if (ok)
        *out = r;
    else
        leak_rules_free(r);
    return ok;
}

void leak_rules_free(struct leak_rules *r)
{
    if (r == NULL)
        return;
    hs_free_scratch(r->scratch);
    hs_free_database(r->database);
    for (unsigned i = 0; i < r->own_count; i++)
        hs_free_database(r->own[i].exactly);
    for (unsigned i = 0; i < r->keyword_count; i++)
        free(r->keyword[i].text);
    free(r->own);
    free(r->keyword);
    exact_close(r->exact);
    free(r);
}
