/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rule of a decision, as a clause of a document or as rules of a policy. Rules are asked in their order,
 * so what is narrow stands before what is broad: the clause comes before the first that has rules, and takes
 * the place of an earlier one of the same subject. Nothing that people wrote freely goes into it.
 */
#include "base/text.h"
#include "program/assessment.h"
#include "program/clause.h"
#include "program/document.h"
#include "program/policy_people.h"
#include "program/policy_text.h"
#include "program/shape_list.h"
#include "store/event_store.h"
#include <stdlib.h>

enum { YAML_BYTES = 8192, CLAUSE_BYTES = 16384 };
static const char fence[] = "```";

/* A name as words of a heading: letters, digits, dots and dashes, and what is no ASCII. */
static void plain_words(struct text *t, const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        const bool fine = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                          *c == '.' || *c == '-' || ((unsigned char)*c & 0x80) != 0;
        if (fine || (t->len > 0 && t->at[t->len - 1] != ' '))
            text_char(t, fine ? *c : ' ');
    }
}

struct rule_maker {
    const struct assessment_row *r;
    char yaml[YAML_BYTES];
    struct text t;
};

static void put_json(struct text *t, json_t *value)
{
    char *text = value != NULL ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

    text_string(t, text != NULL ? text : "{}");
    free(text);
    json_decref(value);
}

/* One rule: `more` is put into its match. */
static void put_rule(struct rule_maker *m, const char *what, json_t *more, const char *action)
{
    const struct assessment_row *r = m->r;
    json_t *match = json_pack("{}");
    char group[64] = "", name[400];
    struct text n = TEXT(name);

    text_string(&n, "risk: ");
    plain_words(&n, r->name);
    if (r->department != 0) {
        text_string(&n, " in ");
        plain_words(&n, r->department_name);
    }
    text_format(&n, ", %s", what);
    if (r->service[0] != '\0')
        json_object_set_new(match, "service", json_pack("s", r->service));
    else
        json_object_set_new(match, "class", json_pack("s", r->class));
    json_object_update(match, more);
    json_decref(more);
    policy_group_name(view_string(r->department_name), group, sizeof group);
    if (r->department != 0 && json_object_get(match, "group") == NULL)
        json_object_set_new(match, "group", json_pack("s", group));
    text_string(&m->t, "- name: ");
    put_json(&m->t, json_pack("s", name));
    text_string(&m->t, "\n  match: ");
    put_json(&m->t, match);
    text_format(&m->t, "\n  action: %s\n", action);
}

static json_t *groups_of(const json_t *departments)
{
    json_t *list = json_pack("[]");
    const json_t *one;
    char group[64];
    size_t i;

    json_array_foreach(departments, i, one)
    {
        policy_group_name(view_string(json_string_value(json_object_get(one, "name"))), group, sizeof group);
        json_array_append_new(list, json_pack("s", group));
    }
    return json_pack("{so}", "group", list);
}

static void make_rules(struct rule_maker *m, const json_t *departments)
{
    const char *c = m->r->conditions;

    if (strcmp(m->r->decision, "block") == 0) {
        put_rule(m, "blocked", NULL, "block");
        return;
    }
    if (strcmp(m->r->decision, "conditions") != 0) {
        put_rule(m, strcmp(m->r->decision, "accept") == 0 ? "risk accepted" : "allowed", NULL, "allow");
        return;
    }
    if (strstr(c, "acknowledged") != NULL)
        put_rule(m, "sign first", json_pack("{sb}", "acknowledged", 0), "block");
    if (strstr(c, "trained") != NULL)
        put_rule(m, "learn first", json_pack("{sb}", "trained", 0), "block");
    if (strstr(c, "no-files") != NULL)
        put_rule(m, "no files", json_pack("{ss}", "activity", "file"), "block");
    const bool some = strstr(c, "departments") != NULL && m->r->department == 0;
    if (strstr(c, "scan-files") != NULL && strstr(c, "no-files") == NULL) {
        json_t *more = some ? groups_of(departments) : json_pack("{}");
        json_object_set_new(more, "activity", json_pack("s", "file"));
        put_rule(m, "files are scanned", more, "scan");
    }
    put_rule(m, "allowed", some ? groups_of(departments) : NULL, "allow");
    if (some)
        put_rule(m, "others", NULL, "block");
}

bool assessment_rule(struct act *a, const struct assessment_row *r, json_t **out, struct imw_error_info *err)
{
    static const struct {
        const char *word, *text;
    } said[] = {
        { "allow", "may be used" },
        { "conditions", "may be used under conditions" },
        { "block", "is not used" },
        { "accept", "may be used; its risk is accepted" },
    };
    struct rule_maker *m;
    json_t *departments = NULL;
    char heading[512], text[1024];
    struct text h = TEXT(heading), t = TEXT(text);

    if (r->decision[0] == '\0') {
        *out = json_null();
        return true;
    }
    m = calloc(1, sizeof *m);
    if (m == NULL)
        return error_memory(err);
    m->r = r;
    m->t = TEXT(m->yaml);
    if (!assessment_departments(a->db, r->id, &departments, err)) {
        free(m);
        return false;
    }
    make_rules(m, departments);
    text_string(&h, "Risk decision: ");
    plain_words(&h, r->name);
    if (r->department != 0) {
        text_string(&h, " in ");
        plain_words(&h, r->department_name);
    }
    plain_words(&t, r->name);
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++)
        if (strcmp(said[i].word, r->decision) == 0)
            text_format(&t, " %s", said[i].text);
    text_format(&t, ": risk assessment %lld, version %lld.", (long long)r->id, (long long)r->number);
    if (strcmp(r->decision, "conditions") == 0) {
        static const char *const words[][2] = {
            { "acknowledged", "whoever uses it has signed the policy" },
            { "trained", "whoever uses it has passed the training" },
            { "no-files", "no files are sent or received" },
            { "scan-files", "files are scanned" },
            { "departments", "only the departments that are named use it" },
        };
        const char *sep = " ";
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
            if (strstr(r->conditions, words[i][0]) != NULL) {
                text_format(&t, "%s%s", sep[0] == ' ' ? " Conditions: " : sep, words[i][1]);
                sep = "; ";
            }
        text_char(&t, '.');
    }
    json_decref(departments);
    const bool cut = m->t.cut;
    *out = cut ? NULL : json_pack("{ss ss ss}", "heading", heading, "text", text, "yaml", m->yaml);
    free(m);
    return cut ? act_no(a, err, ACT_WRONG, "departments", "these are too many departments for one rule")
               : *out != NULL || error_memory(err);
}

/* ---- into a document ---- */

struct line {
    struct view text; /* with its end */
    size_t at;
    unsigned level; /* of a heading, outside fences */
    struct view title;
};

/* The next line of a Markdown text. `*in` counts whether we are in a fence. */
static bool next_line(struct view all, size_t *at, bool *in, struct line *out)
{
    size_t end = *at;

    if (*at >= all.len)
        return false;
    while (end < all.len && all.at[end] != '\n')
        end++;
    end += end < all.len;
    *out = (struct line){ .text = view_slice(all, *at, end), .at = *at };
    *at = end;
    if (view_starts(out->text, VIEW("```")) || view_starts(out->text, VIEW("~~~"))) {
        *in = !*in;
    } else if (!*in) {
        while (out->level < out->text.len && out->level < 7 && out->text.at[out->level] == '#')
            out->level++;
        if (out->level > 6 ||
            (out->level > 0 && out->level < out->text.len && out->text.at[out->level] != ' '))
            out->level = 0;
        if (out->level > 0)
            out->title = view_trim(view_from(out->text, out->level));
    }
    return true;
}

/* Where the clause goes: [*from, *until) is replaced. *out_level: of its heading; *out_split: what follows
 * needs a heading of its own. */
static void find_place(struct view all, const char *heading, size_t *from, size_t *until, unsigned *out_level,
                       bool *out_split)
{
    size_t at = 0, before = SIZE_MAX;
    bool in = false, rules = false, done = false;
    unsigned level = 0;
    struct line l;

    *from = *until = all.len;
    *out_level = 2;
    *out_split = false;
    while (next_line(all, &at, &in, &l)) {
        if (l.level == 0 || !view_equal(l.title, view_string(heading)))
            continue;
        *from = l.at;
        *out_level = l.level;
        while (next_line(all, &at, &in, &l))
            if (l.level > 0) {
                *until = l.at;
                return;
            }
        *until = all.len;
        return;
    }
    size_t block = 0;
    for (at = 0, in = false; !done && next_line(all, &at, &in, &l);) {
        if (l.level == 1 || l.level == 2) {
            before = l.at;
            level = l.level;
        } else if (in && view_starts(l.text, VIEW("```imward"))) {
            block = l.at;
            rules = true;
        } else if (in && rules) {
            const struct view v = view_trim(l.text);
            done = v.len > 0 && v.at[0] == '-';
            rules = v.len == 0 || v.at[0] == '#'; /* a block of rules begins with one */
        }
    }
    if (!done)
        return;
    *out_split = before == SIZE_MAX || level == 1;
    *from = *until = *out_split ? block : before;
}

static bool put_clause(struct view all, const json_t *rule, char **out)
{
    const char *heading = json_string_value(json_object_get(rule, "heading"));
    size_t from, until;
    unsigned level;
    bool split;

    find_place(all, heading, &from, &until, &level, &split);
    const size_t size = all.len + CLAUSE_BYTES;
    char *text = malloc(size);
    if (text == NULL)
        return false;
    struct text t = text_over(text, size);
    text_add(&t, view_slice(all, 0, from));
    if (from > 0 && all.at[from - 1] != '\n')
        text_char(&t, '\n');
    if (from == all.len && from > 0)
        text_char(&t, '\n');
    for (unsigned i = 0; i < level; i++)
        text_char(&t, '#');
    text_format(&t, " %s\n\n%s\n\n%simward\n%s%s\n\n", heading,
                json_string_value(json_object_get(rule, "text")), fence,
                json_string_value(json_object_get(rule, "yaml")), fence);
    if (split)
        text_string(&t, "## Rules\n\n");
    text_add(&t, view_from(all, until));
    *out = text;
    return true;
}

/* The document that carries the policy, now or in a draft, and its version that is being written. 0: none. */
static bool find_document(struct act *a, int64_t *document, int64_t *open, char state[16],
                          struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct text t = text_over(state, 16);
    struct db_rows *rows;

    *document = *open = 0;
    if (!db_query_int(
            a->db,
            "select document from document_version where has_rules = 1 and state <> 'replaced' order "
            "by case when state = 'published' then 0 else 1 end, id desc limit 1",
            DB_NONE, document, NULL, err) ||
        !db_query(a->db,
                  "select id, state from document_version where document = ? and state in ('draft', "
                  "'proposed', 'approved')",
                  DB_ARGS(db_int(*document)), &rows, err))
        return false;
    if (db_next(rows, &why)) {
        *open = db_get_int(rows, 0);
        text_add(&t, db_get_text(rows, 1));
    }
    return rows_done(rows, &why, err);
}

static bool draft_in_document(struct act *a, const struct catalog *catalog, int64_t document, int64_t open,
                              const char *state, const json_t *rule, int64_t *out_version,
                              struct imw_error_info *err)
{
    struct version v;
    char *text = NULL;

    if (open != 0 && strcmp(state, "draft") != 0)
        return act_no(a, err, ACT_LATE, "",
                      "the document that carries the policy waits for its approval: publish or withdraw that "
                      "version first");
    *out_version = open;
    if ((open == 0 && !document_version_new(a, catalog, document, 0, NULL, out_version, err)) ||
        !version_load(a, document, *out_version, &v, err))
        return false;
    const struct version_wish wish = { .base = v.sha256, .sign = -1 };
    bool ok = put_clause(view_string(v.text), rule, &text) || error_memory(err);
    struct version_wish w = wish;
    w.text = text;
    ok = ok && document_version_change(a, catalog, document, *out_version, &w, err);
    free(text);
    version_fini(&v);
    return ok;
}

/* ---- into a policy ---- */

static struct view policy_line(struct view all, size_t *at)
{
    const size_t from = *at;

    while (*at < all.len && all.at[*at] != '\n')
        ++*at;
    *at += *at < all.len;
    return view_slice(all, from, *at);
}

/* The policy's text with these rules before all others, in the place of those that the subject had. */
static bool put_rules(struct view all, const char *heading, const char *yaml, char **out)
{
    const size_t size = all.len + 3 * YAML_BYTES;
    char begin[600], end[600], *text = malloc(size);
    size_t at = 0, indent = 2;
    bool skip = false, done = false;

    if (text == NULL)
        return false;
    struct text t = text_over(text, size);
    snprintf(begin, sizeof begin, "# %s", heading);
    snprintf(end, sizeof end, "# end of: %s", heading);
    for (size_t n = 0; n < all.len;) { /* how far its rules stand in */
        const struct view line = policy_line(all, &n), v = view_trim(line);
        if (done && v.len > 0 && v.at[0] == '-') {
            indent = (size_t)(v.at - line.at);
            break;
        }
        done = done || view_starts(line, VIEW("rules:"));
    }
    done = false;
    while (at < all.len) {
        const struct view line = policy_line(all, &at), v = view_trim(line);
        if (view_equal(v, view_string(begin)))
            skip = true;
        if (!skip && !(view_starts(line, VIEW("rules:")) && !done))
            text_add(&t, line);
        if (view_equal(v, view_string(end)))
            skip = false;
        if (!view_starts(line, VIEW("rules:")) || done)
            continue;
        done = true;
        text_string(&t, "rules:\n");
        text_format(&t, "%*s%s\n", (int)indent, "", begin);
        for (struct view rest = view_string(yaml); rest.len > 0;) {
            text_format(&t, "%*s", (int)indent, "");
            text_add(&t, view_token(&rest, '\n'));
            text_char(&t, '\n');
        }
        text_format(&t, "%*s%s\n", (int)indent, "", end);
    }
    *out = text;
    return done;
}

static json_t *policy_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so}", "id", shape_int(rows, 0), "text", shape_text(rows, 1));
}

static bool draft_in_policy(struct act *a, const struct catalog *catalog, const json_t *rule,
                            int64_t *out_policy, struct imw_error_info *err)
{
    static const char first[] = "version: 1\ndefault: alert\nrules:\n";
    json_t *policy = NULL;
    char *text = NULL;

    if (!shape_one(a->db,
                   "select id, text from policy_text where state = 'published' order by id desc limit 1",
                   DB_NONE, policy_row, NULL, &policy, err))
        return false;
    const char *old = json_string_value(json_object_get(policy, "text")), *use = old != NULL ? old : first;
    char *longer = NULL;
    bool ok = true;
    if (strncmp(use, "rules:", 6) != 0 && strstr(use, "\nrules:") == NULL) {
        longer = malloc(strlen(use) + 16);
        ok = longer != NULL || error_memory(err);
        if (ok)
            snprintf(longer, strlen(use) + 16, "%s\nrules:\n", use);
        use = longer;
    }
    ok =
        ok &&
        (put_rules(view_string(use), json_string_value(json_object_get(rule, "heading")),
                   json_string_value(json_object_get(rule, "yaml")), &text) ||
         error_memory(err)) &&
        policy_text_new(a, catalog, text, json_integer_value(json_object_get(policy, "id")), out_policy, err);
    free(longer);
    free(text);
    json_decref(policy);
    return ok;
}

static bool may(struct act *a, enum permission p, struct imw_error_info *err)
{
    return actor_may(a->actor, p) ||
           act_no(a, err, ACT_FORBIDDEN, "", "its rule is drafted by somebody with the permission %s",
                  permission_name(p));
}

bool assessment_draft_rule(struct act *a, const struct catalog *catalog, int64_t id,
                           struct imw_error_info *err)
{
    struct assessment_row r;
    int64_t document = 0, open = 0, version = 0, policy = 0;
    json_t *rule = NULL;
    char state[16] = "";

    if (!assessment_load(a, id, &r, err))
        return false;
    if (strcmp(r.state, "signed") != 0)
        return act_no(a, err, ACT_LATE, "",
                      "its rule is drafted once it is signed off, and while it is in force");
    if (r.drafted)
        return act_no(a, err, ACT_LATE, "", "its rule is drafted already");
    if (!assessment_rule(a, &r, &rule, err) || !find_document(a, &document, &open, state, err)) {
        json_decref(rule);
        return false;
    }
    const bool ok =
        document != 0
            ? may(a, PERMISSION_DOCUMENT_WRITE, err) &&
                  draft_in_document(a, catalog, document, open, state, rule, &version, err)
            : may(a, PERMISSION_POLICY_WRITE, err) && draft_in_policy(a, catalog, rule, &policy, err);
    json_decref(rule);
    return ok &&
           db_run(a->db,
                  "update assessment set document = ?, document_version = ?, policy = ?, drafted_by = ?, "
                  "drafted_us = ? where id = ?",
                  DB_ARGS(version != 0 ? db_int(document) : db_null(),
                          version != 0 ? db_int(version) : db_null(),
                          policy != 0 ? db_int(policy) : db_null(),
                          a->actor->account != 0 ? db_int(a->actor->account) : db_null(),
                          db_int((int64_t)a->now_us), db_int(id)),
                  NULL, err) &&
           assessment_step(a, id, "draft rule", "", err) &&
           act_record(a, "assessment.rule", "assessment", id,
                      json_pack("{s:I,s:I,s:I}", "document", (json_int_t)document, "version",
                                (json_int_t)version, "policy", (json_int_t)policy),
                      err);
}
