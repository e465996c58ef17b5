/* SPDX-License-Identifier: Apache-2.0 */
/* Policies for people who write them: problems, rules with their text, differences of two texts. */
#include "program/policy_report.h"
#include "base/text.h"
#include "policy/policy.h"
#include "program/line_diff.h"
#include <stdlib.h>

/* ---- lines ---- */

enum { LINES = 20000, LINE_SHOWN = 200 };

static unsigned split_lines(struct view text, struct view *out, unsigned room)
{
    unsigned count = 0;

    while (text.len > 0 && count < room) {
        struct view line;
        if (!view_line(&text, &line)) {
            line = text;
            text.len = 0;
        }
        out[count++] = line;
    }
    return count;
}

static bool is_blank(struct view line)
{
    struct view v = view_trim(line);

    return v.len == 0 || v.at[0] == '#';
}

static size_t indent_of(struct view line)
{
    size_t n = 0;

    while (n < line.len && line.at[n] == ' ')
        n++;
    return n;
}

static json_t *text_of(struct view v)
{
    json_t *text = json_stringn((const char *)v.at, v.len);

    return text != NULL ? text : json_pack("s", "?");
}

/* A rule's own lines: from its dash to the next line that is not deeper. */
static struct view rule_text(const struct view *lines, unsigned count, unsigned first)
{
    size_t indent;
    unsigned last = first;

    while (first > 0 && view_trim(lines[first]).len > 0 && view_trim(lines[first]).at[0] != '-')
        first--; /* a rule may begin a line before its first key */
    indent = indent_of(lines[first]);
    for (unsigned i = first + 1; i < count && (is_blank(lines[i]) || indent_of(lines[i]) > indent); i++)
        last = is_blank(lines[i]) ? last : i;
    return view_of(lines[first].at, (size_t)(lines[last].at + lines[last].len - lines[first].at));
}

/* ---- what it says ---- */

struct report {
    json_t *problems;
    unsigned told;
};

static void add_problem(struct report *r, unsigned line, unsigned column, const char *key, const char *text,
                        const char *level)
{
    if (r->told++ < POLICY_PROBLEMS)
        (void)json_array_append_new(r->problems,
                                    json_pack("{s:i,s:i,s:o,s:o,s:s}", "line", (int)line, "column",
                                              (int)column, "key", text_of(view_string(key)), "text",
                                              text_of(view_string(text)), "level", level));
}

static void on_warning(void *context, const char *file, unsigned line, const char *text)
{
    (void)file;
    add_problem(context, line, 0, "", text, "warning");
}

static bool add_rules(const struct policy *p, struct view text, json_t *rules)
{
    struct view *lines = malloc(LINES * sizeof *lines);
    unsigned count = lines != NULL ? split_lines(text, lines, LINES) : 0;
    bool ok = lines != NULL;

    for (unsigned n = 1; ok && n <= policy_rules(p); n++) {
        struct policy_place place = policy_rule_place(p, n);
        struct view said =
            place.line > 0 && place.line <= count ? rule_text(lines, count, place.line - 1) : VIEW("");
        ok = json_array_append_new(rules,
                                   json_pack("{s:o,s:s,s:i,s:o}", "name", text_of(view_string(place.name)),
                                             "action", policy_action_name(place.action), "line",
                                             (int)place.line, "text", text_of(said))) == 0;
    }
    free(lines);
    return ok;
}

bool policy_report(struct view text, const struct catalog *catalog, uint64_t now_us, json_t **out,
                   struct imw_error_info *err)
{
    struct report r = { .problems = json_pack("[]") };
    json_t *rules = json_pack("[]"), *version = NULL;
    struct policy *p = NULL;
    struct imw_error_info why = { .code = IMW_OK };
    bool fits = text.len <= POLICY_TEXT_BYTES, failed = r.problems == NULL || rules == NULL;

    if (!failed && !fits)
        add_problem(&r, 0, 0, "", "a policy of at most 200 KiB is needed", "error");
    if (!failed && fits && !policy_parse_alone(text, catalog, &p, &why)) {
        failed = why.code == IMW_ERROR_MEMORY;
        add_problem(&r, why.line, why.column, why.key, why.text, "error");
    }
    if (!failed && p != NULL) {
        (void)policy_check(p, now_us, on_warning, &r);
        failed = !add_rules(p, text, rules);
        version = json_pack("s", policy_version(p));
    }
    if (!failed)
        *out = json_pack("{s:b,s:O,s:O,s:O}", "ok", p != NULL, "version",
                         version != NULL ? version : json_null(), "problems", r.problems, "rules", rules);
    policy_free(p);
    json_decref(version);
    json_decref(r.problems);
    json_decref(rules);
    return (!failed && *out != NULL) || error_memory(err);
}

/* ---- what changed ---- */

struct change_list {
    json_t *list;
    unsigned most, told;
};

static void add_change(void *context, char sign, unsigned old, unsigned new, struct view text)
{
    struct change_list *c = context;
    char shown[LINE_SHOWN + 32];
    struct text t = TEXT(shown);

    if (sign == '=' || c->told > c->most)
        return;
    c->told++;
    text_format(&t, "%c%u ", sign, old != 0 ? old : new);
    text_printable(&t, view_slice(text, 0, LINE_SHOWN));
    (void)json_array_append_new(c->list,
                                c->told > c->most ? json_pack("s", "…") : text_of(view_of(t.at, t.len)));
}

json_t *policy_lines_changed(struct view before, struct view after, unsigned most)
{
    struct change_list c = { .list = json_pack("[]"), .most = most };

    if (c.list == NULL || !line_diff(before, after, add_change, &c)) {
        json_decref(c.list);
        return NULL;
    }
    return c.list;
}
