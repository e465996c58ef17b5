/* SPDX-License-Identifier: Apache-2.0 */
/* Modules and questions of a course's draft. Their numbers are given once and stay, over all versions. */
#include "program/course.h"
#include <stdlib.h>

static bool number_of(struct act *a, const json_t *body, const char *key, int64_t min, int64_t max,
                      int64_t *out, struct imw_error_info *err)
{
    const json_t *value = json_object_get(body, key);

    if (!json_is_integer(value) || json_integer_value(value) < min || json_integer_value(value) > max)
        return act_no(a, err, ACT_WRONG, key, "a number from %lld to %lld is needed", (long long)min,
                      (long long)max);
    *out = json_integer_value(value);
    return true;
}

/* The number that a new row gets: `column` of the draft, which counts up. */
static bool next_number(struct act *a, int64_t version, bool module, int64_t *out, struct imw_error_info *err)
{
    return db_query_int(a->db,
                        module ? "select next_module from course_version where id = ?"
                               : "select next_question from course_version where id = ?",
                        DB_ARGS(db_int(version)), out, NULL, err) &&
           db_run(a->db,
                  module ? "update course_version set next_module = next_module + 1 where id = ?"
                         : "update course_version set next_question = next_question + 1 where id = ?",
                  DB_ARGS(db_int(version)), NULL, err);
}

static bool room_left(struct act *a, int64_t version, bool module, struct imw_error_info *err)
{
    const int most = module ? COURSE_MODULES : COURSE_QUESTIONS;
    int64_t count = 0;

    if (!db_query_int(a->db,
                      module ? "select count(*) from course_module where version = ?"
                             : "select count(*) from course_question where version = ?",
                      DB_ARGS(db_int(version)), &count, NULL, err))
        return false;
    return count < most ||
           act_no(a, err, ACT_LATE, "", "a course has at most %d %s", most, module ? "modules" : "questions");
}

static bool changed_one(struct act *a, uint64_t changed, const char *what, struct imw_error_info *err)
{
    return changed == 1 || act_no(a, err, ACT_MISSING, "", "the course has no such %s", what);
}

/* ---- modules ---- */

/* Put the module at this place of the order, 1 the first; the others stay in theirs. */
static bool place_module(struct act *a, int64_t version, int64_t number, int64_t place,
                         struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    int64_t order[COURSE_MODULES + 1];
    struct db_rows *rows;
    unsigned count = 0;

    if (!db_query(a->db,
                  "select number from course_module where version = ? and number <> ? order by place, number",
                  DB_ARGS(db_int(version), db_int(number)), &rows, err))
        return false;
    while (count < COURSE_MODULES && db_next(rows, &why)) {
        if ((int64_t)count + 1 == place)
            order[count++] = number;
        if (count < COURSE_MODULES)
            order[count++] = db_get_int(rows, 0);
    }
    if (!rows_done(rows, &why, err))
        return false;
    bool there = false;
    for (unsigned i = 0; i < count; i++)
        there = there || order[i] == number;
    if (!there)
        order[count++] = number;
    for (unsigned i = 0; i < count; i++)
        if (!db_run(a->db, "update course_module set place = ? where version = ? and number = ?",
                    DB_ARGS(db_int(i + 1), db_int(version), db_int(order[i])), NULL, err))
            return false;
    return true;
}

bool module_put(struct act *a, int64_t course, int64_t number, const json_t *body, struct imw_error_info *err)
{
    const json_t *place = json_object_get(body, "place");
    int64_t version, minutes, at = COURSE_MODULES;
    const bool is_new = number == 0;
    const char *title, *text;
    uint64_t changed = 1;

    if (!course_draft(a, course, &version, err) ||
        !course_text(a, body, "title", COURSE_TITLE_BYTES, &title, err) ||
        !course_text(a, body, "body", COURSE_BODY_BYTES, &text, err) ||
        !number_of(a, body, "minutes", 1, 240, &minutes, err) ||
        (place != NULL && !number_of(a, body, "place", 1, COURSE_MODULES, &at, err)))
        return false;
    if (is_new) {
        if (!room_left(a, version, true, err) || !next_number(a, version, true, &number, err) ||
            !db_run(a->db,
                    "insert into course_module (version, number, place, title, body, minutes) values "
                    "(?, ?, ?, ?, ?, ?)",
                    DB_ARGS(db_int(version), db_int(number), db_int(COURSE_MODULES), db_text(title),
                            db_text(text), db_int(minutes)),
                    NULL, err))
            return false;
    } else if (!db_run(
                   a->db,
                   "update course_module set title = ?, body = ?, minutes = ? where version = ? and "
                   "number = ?",
                   DB_ARGS(db_text(title), db_text(text), db_int(minutes), db_int(version), db_int(number)),
                   &changed, err) ||
               !changed_one(a, changed, "module", err)) {
        return false;
    }
    if ((is_new || place != NULL) && !place_module(a, version, number, at, err))
        return false;
    return course_touched(a, version, err) &&
           act_record(a, is_new ? "course.module.add" : "course.module.change", "course", course,
                      json_pack("{sI ss sI}", "module", (json_int_t)number, "title", title, "bytes",
                                (json_int_t)strlen(text)),
                      err);
}

bool module_drop(struct act *a, int64_t course, int64_t number, struct imw_error_info *err)
{
    uint64_t changed = 0;
    int64_t version;

    return course_draft(a, course, &version, err) &&
           db_run(a->db, "delete from course_module where version = ? and number = ?",
                  DB_ARGS(db_int(version), db_int(number)), &changed, err) &&
           changed_one(a, changed, "module", err) &&
           db_run(a->db, "update course_question set module = null where version = ? and module = ?",
                  DB_ARGS(db_int(version), db_int(number)), NULL, err) &&
           course_touched(a, version, err) &&
           act_record(a, "course.module.remove", "course", course,
                      json_pack("{sI}", "module", (json_int_t)number), err);
}

/* ---- questions ---- */

/* Options as they are kept: [{"text", "right"}]. One of them is right, or, of kind multiple, some are. */
static bool take_options(struct act *a, const json_t *body, bool single, char **out,
                         struct imw_error_info *err)
{
    const json_t *given = json_object_get(body, "options"), *one, *right;
    json_t *list = json_pack("[]");
    unsigned good = 0;
    const char *text;
    size_t i;
    bool ok = list != NULL;

    if (!json_is_array(given) || json_array_size(given) < 2 || json_array_size(given) > COURSE_OPTIONS) {
        json_decref(list);
        return act_no(a, err, ACT_WRONG, "options", "from 2 to %d answers to choose from are needed",
                      COURSE_OPTIONS);
    }
    json_array_foreach(given, i, one)
    {
        right = json_object_get(one, "right");
        if (!course_text(a, one, "text", COURSE_OPTION_BYTES, &text, err) || !json_is_boolean(right)) {
            json_decref(list);
            return act_no(a, err, ACT_WRONG, "options", "each answer has a text, and is right or not");
        }
        good += json_is_true(right);
        ok = ok && json_array_append_new(
                       list, json_pack("{ss sb}", "text", text, "right", json_is_true(right))) == 0;
    }
    if (single ? good != 1 : good < 1) {
        json_decref(list);
        return act_no(a, err, ACT_WRONG, "options",
                      single ? "exactly one answer is the right one" : "at least one answer is right");
    }
    *out = ok ? json_dumps(list, JSON_COMPACT) : NULL;
    json_decref(list);
    return *out != NULL || error_memory(err);
}

static bool take_module(struct act *a, int64_t version, const json_t *body, int64_t *out,
                        struct imw_error_info *err)
{
    const json_t *module = json_object_get(body, "module");
    int64_t there;
    bool found = false;

    *out = 0;
    if (module == NULL || json_is_null(module))
        return true;
    if (!number_of(a, body, "module", 1, INT64_MAX, out, err) ||
        !db_query_int(a->db, "select number from course_module where version = ? and number = ?",
                      DB_ARGS(db_int(version), db_int(*out)), &there, &found, err))
        return false;
    return found || act_no(a, err, ACT_WRONG, "module", "the course has no such module");
}

bool question_put(struct act *a, int64_t course, int64_t number, const json_t *body,
                  struct imw_error_info *err)
{
    const char *kind = json_string_value(json_object_get(body, "kind")), *text, *explanation;
    int64_t version, module;
    const bool is_new = number == 0;
    char *options = NULL;
    uint64_t changed = 1;

    if (!course_draft(a, course, &version, err))
        return false;
    if (kind == NULL || (strcmp(kind, "single") != 0 && strcmp(kind, "multiple") != 0))
        return act_no(a, err, ACT_WRONG, "kind", "it is single or multiple");
    if (!course_text(a, body, "text", COURSE_QUESTION_BYTES, &text, err) ||
        !course_text(a, body, "explanation", COURSE_QUESTION_BYTES, &explanation, err) ||
        !take_module(a, version, body, &module, err) ||
        !take_options(a, body, strcmp(kind, "single") == 0, &options, err))
        return false;
    const struct db_value of = module != 0 ? db_int(module) : db_null();
    bool ok = is_new ? room_left(a, version, false, err) && next_number(a, version, false, &number, err) &&
                           db_run(a->db,
                                  "insert into course_question (version, number, module, kind, text, "
                                  "options, explanation) values (?, ?, ?, ?, ?, ?, ?)",
                                  DB_ARGS(db_int(version), db_int(number), of, db_text(kind), db_text(text),
                                          db_text(options), db_text(explanation)),
                                  NULL, err)
                     : db_run(a->db,
                              "update course_question set module = ?, kind = ?, text = ?, options = ?, "
                              "explanation = ? where version = ? and number = ?",
                              DB_ARGS(of, db_text(kind), db_text(text), db_text(options),
                                      db_text(explanation), db_int(version), db_int(number)),
                              &changed, err) &&
                           changed_one(a, changed, "question", err);
    free(options);
    return ok && course_touched(a, version, err) &&
           act_record(a, is_new ? "course.question.add" : "course.question.change", "course", course,
                      json_pack("{sI}", "question", (json_int_t)number), err);
}

bool question_drop(struct act *a, int64_t course, int64_t number, struct imw_error_info *err)
{
    uint64_t changed = 0;
    int64_t version;

    return course_draft(a, course, &version, err) &&
           db_run(a->db, "delete from course_question where version = ? and number = ?",
                  DB_ARGS(db_int(version), db_int(number)), &changed, err) &&
           changed_one(a, changed, "question", err) && course_touched(a, version, err) &&
           act_record(a, "course.question.remove", "course", course,
                      json_pack("{sI}", "question", (json_int_t)number), err);
}
