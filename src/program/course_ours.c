/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Courses that come with the program: files of src/program/courses/KEY, built in.
 *
 *     course.md       "# TITLE", an empty line, and what it is about
 *     NN-NAME.md      a module, in the order of the names: "# TITLE", "minutes: N", an empty line, Markdown
 *     questions.txt   the pool; a question is "? MODULE TEXT" (one answer is right) or "?? MODULE TEXT" (some
 *                     are), behind it "+ RIGHT ANSWER", "- WRONG ANSWER", and last "= EXPLANATION"
 *     NAME.svg        drawings
 *
 * They are data of ours, so what is wrong in them is a failure; a unit test fills a course with each.
 */
#include "program/course.h"
#include <stdlib.h>

static bool ends(const char *name, const char *ending)
{
    size_t n = strlen(name), m = strlen(ending);
    return n > m && strcmp(name + n - m, ending) == 0;
}

static bool is_module(const struct course_file *f)
{
    return f->name[0] >= '0' && f->name[0] <= '9' && ends(f->name, ".md");
}

static struct view bytes_of(const struct course_file *f)
{
    return view_of(f->bytes, f->len);
}

/* "# TITLE\n…": the title, and what stands behind it. */
static bool take_title(const struct course_file *f, struct view *out_title, struct view *out_rest,
                       struct imw_error_info *err)
{
    struct view rest = bytes_of(f), line = view_token(&rest, '\n');

    if (!view_starts(line, VIEW("# ")))
        return error_set(err, IMW_ERROR_FORMAT, "%s/%s: its first line is no title", f->course, f->name);
    *out_title = view_trim(view_from(line, 2));
    *out_rest = rest;
    return true;
}

/* "minutes: N\n…" */
static bool take_minutes(const struct course_file *f, struct view *rest, uint64_t *out,
                         struct imw_error_info *err)
{
    struct view line = view_token(rest, '\n');
    const struct view word = VIEW("minutes: ");

    *out = 0;
    return (view_starts(line, word) && view_decimal(view_trim(view_from(line, word.len)), 240, out) &&
            *out > 0) ||
           error_set(err, IMW_ERROR_FORMAT, "%s/%s: its second line is not \"minutes: N\"", f->course,
                     f->name);
}

static json_t *text_of(struct view v)
{
    return json_stringn((const char *)v.at, v.len);
}

/* ---- what there is ---- */

bool course_templates(json_t **out, struct imw_error_info *err)
{
    json_t *list = json_pack("[]");
    bool ok = list != NULL;

    for (unsigned i = 0; ok && i < course_files_count; i++) {
        const struct course_file *head = &course_files[i];
        struct view title, about, unused;
        uint64_t modules = 0, minutes = 0, questions = 0, n;
        if (strcmp(head->name, "course.md") != 0)
            continue;
        if (!take_title(head, &title, &about, err)) {
            json_decref(list);
            return false;
        }
        for (unsigned k = 0; k < course_files_count; k++) {
            const struct course_file *f = &course_files[k];
            struct view rest = bytes_of(f);
            if (strcmp(f->course, head->course) != 0)
                continue;
            if (is_module(f) && take_title(f, &unused, &rest, NULL) && take_minutes(f, &rest, &n, NULL)) {
                modules++;
                minutes += n;
            }
            while (strcmp(f->name, "questions.txt") == 0 && rest.len > 0)
                questions += view_starts(view_token(&rest, '\n'), VIEW("?"));
        }
        ok = json_array_append_new(
                 list, json_pack("{ss so so sI sI sI}", "key", head->course, "title", text_of(title),
                                 "summary", text_of(view_trim(about)), "modules", (json_int_t)modules,
                                 "questions", (json_int_t)questions, "minutes", (json_int_t)minutes)) == 0;
    }
    if (ok) {
        *out = list;
        return true;
    }
    json_decref(list);
    return error_memory(err);
}

/* ---- into a draft ---- */

static bool fill_head(struct act *a, int64_t course, const struct course_file *f, struct imw_error_info *err)
{
    struct view title, about;

    if (!take_title(f, &title, &about, err))
        return false;
    json_t *body = json_pack("{so so}", "title", text_of(title), "summary", text_of(view_trim(about)));
    bool ok = body != NULL ? course_change(a, course, body, err) : error_memory(err);
    json_decref(body);
    return ok;
}

static bool fill_module(struct act *a, int64_t course, const struct course_file *f,
                        struct imw_error_info *err)
{
    struct view title, rest;
    uint64_t minutes;

    if (!take_title(f, &title, &rest, err) || !take_minutes(f, &rest, &minutes, err))
        return false;
    json_t *body = json_pack("{so so sI}", "title", text_of(title), "body", text_of(view_trim(rest)),
                             "minutes", (json_int_t)minutes);
    bool ok = body != NULL ? module_put(a, course, 0, body, err) : error_memory(err);
    json_decref(body);
    return ok;
}

/* One question's lines. Modules are numbered from 1, in the order that they were filled in. */
static json_t *read_question(struct view *rest)
{
    json_t *q = NULL, *options = json_pack("[]");

    while (rest->len > 0) {
        struct view line = view_trim(view_token(rest, '\n'));
        if (line.len == 0)
            continue;
        if (line.at[0] == '?') {
            const bool multiple = view_starts(line, VIEW("??"));
            struct view words = view_trim(view_from(line, multiple ? 2 : 1));
            struct view module = view_token(&words, ' ');
            uint64_t n = 0;
            if (q != NULL || !view_decimal(module, COURSE_MODULES, &n))
                break;
            q = json_pack("{sI ss so}", "module", (json_int_t)n, "kind", multiple ? "multiple" : "single",
                          "text", text_of(view_trim(words)));
        } else if (q != NULL && (line.at[0] == '+' || line.at[0] == '-')) {
            json_array_append_new(options,
                                  json_pack("{so sb}", "text", text_of(view_trim(view_from(line, 1))),
                                            "right", line.at[0] == '+'));
        } else if (q != NULL && line.at[0] == '=') {
            json_object_set_new(q, "explanation", text_of(view_trim(view_from(line, 1))));
            json_object_set(q, "options", options);
            json_decref(options);
            return q;
        } else {
            break;
        }
    }
    json_decref(q);
    json_decref(options);
    return NULL;
}

static bool fill_questions(struct act *a, int64_t course, const struct course_file *f,
                           struct imw_error_info *err)
{
    struct view rest = view_trim(bytes_of(f));
    unsigned number = 0;

    while (rest.len > 0) {
        json_t *q = read_question(&rest);
        number++;
        if (q == NULL)
            return error_set(err, IMW_ERROR_FORMAT, "%s/%s: question %u is none", f->course, f->name, number);
        bool ok = question_put(a, course, 0, q, err);
        json_decref(q);
        if (!ok)
            return false;
    }
    return true;
}

bool course_fill(struct act *a, int64_t course, const char *key, struct imw_error_info *err)
{
    bool found = false;

    /* In the order of the names: the head and the modules lie before the questions. */
    for (unsigned i = 0; i < course_files_count; i++) {
        const struct course_file *f = &course_files[i];
        if (strcmp(f->course, key) != 0)
            continue;
        found = true;
        if (strcmp(f->name, "course.md") == 0 ? !fill_head(a, course, f, err)
            : is_module(f)                    ? !fill_module(a, course, f, err)
            : strcmp(f->name, "questions.txt") == 0
                ? !fill_questions(a, course, f, err)
                : ends(f->name, ".svg") && !asset_keep_bytes(a, course, f->name, bytes_of(f), err))
            return false;
    }
    return found || act_no(a, err, ACT_WRONG, "template", "there is no such course of ours");
}
