/* SPDX-License-Identifier: Apache-2.0 */
/* Courses and their versions: course.h. */
#include "program/course.h"
#include "program/shape_list.h"
#include <sodium.h>
#include <stdlib.h>

void sha256_text(struct view bytes, char out[SHA256_TEXT])
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    struct text t = text_over(out, SHA256_TEXT);

    crypto_hash_sha256(hash, bytes.at, bytes.len);
    text_hex(&t, view_of(hash, sizeof hash));
}

bool course_text(struct act *a, const json_t *body, const char *key, size_t most, const char **out,
                 struct imw_error_info *err)
{
    const json_t *value = json_object_get(body, key);
    const char *text = json_string_value(value);

    if (text == NULL || strlen(text) != json_string_length(value) || view_trim(view_string(text)).len == 0)
        return act_no(a, err, ACT_WRONG, key, "a text is needed");
    if (strlen(text) > most)
        return act_no(a, err, ACT_WRONG, key, "at most %zu bytes", most);
    *out = text;
    return true;
}

/* ---- one course as it is ---- */

struct course {
    int64_t published, draft; /* numbers; 0: none */
    bool retired;
};

static bool load(struct act *a, int64_t id, struct course *out, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct db_rows *rows;

    if (!db_query(a->db, "select published, draft, state from course where id = ?", DB_ARGS(db_int(id)),
                  &rows, err))
        return false;
    bool found = db_next(rows, &why);
    if (found)
        *out = (struct course){ db_get_int(rows, 0), db_get_int(rows, 1),
                                view_equal(db_get_text(rows, 2), VIEW("retired")) };
    if (!rows_done(rows, &why, err))
        return false;
    return found || act_no(a, err, ACT_MISSING, "", "there is no such course");
}

static bool version_id(struct act *a, int64_t course, int64_t number, int64_t *out,
                       struct imw_error_info *err)
{
    bool found = false;

    if (!db_query_int(a->db, "select id from course_version where course = ? and number = ?",
                      DB_ARGS(db_int(course), db_int(number)), out, &found, err))
        return false;
    return found || act_no(a, err, ACT_MISSING, "", "the course has no such version");
}

bool course_touched(struct act *a, int64_t version, struct imw_error_info *err)
{
    return db_run(a->db, "update course_version set changed_us = ? where id = ?",
                  DB_ARGS(db_int((int64_t)a->now_us), db_int(version)), NULL, err);
}

static struct db_value account_of(const struct act *a)
{
    return a->actor->account != 0 ? db_int(a->actor->account) : db_null();
}

bool course_draft(struct act *a, int64_t course, int64_t *out_version, struct imw_error_info *err)
{
    int64_t from, number = 0, id;
    struct course c;

    if (!load(a, course, &c, err))
        return false;
    if (c.retired)
        return act_no(a, err, ACT_LATE, "", "the course is retired: take it back first");
    if (c.draft != 0)
        return version_id(a, course, c.draft, out_version, err);
    if (!version_id(a, course, c.published, &from, err) ||
        !db_query_int(a->db, "select max(number) + 1 from course_version where course = ?",
                      DB_ARGS(db_int(course)), &number, NULL, err) ||
        !db_insert(a->db,
                   "insert into course_version (course, number, state, title, summary, pass_percent, asked, "
                   "minutes_most, attempts_a_day, valid_months, must_read, next_module, next_question, "
                   "author, created_us, changed_us) select course, ?, 'draft', title, summary, pass_percent, "
                   "asked, minutes_most, attempts_a_day, valid_months, must_read, next_module, "
                   "next_question, cast(? as bigint), ?, ? from course_version where id = ? returning id",
                   DB_ARGS(db_int(number), account_of(a), db_int((int64_t)a->now_us),
                           db_int((int64_t)a->now_us), db_int(from)),
                   &id, err) ||
        !db_run(a->db,
                "insert into course_module (version, number, place, title, body, minutes) select ?, number, "
                "place, title, body, minutes from course_module where version = ?",
                DB_ARGS(db_int(id), db_int(from)), NULL, err) ||
        !db_run(a->db,
                "insert into course_question (version, number, module, kind, text, options, explanation) "
                "select ?, number, module, kind, text, options, explanation from course_question where "
                "version = ?",
                DB_ARGS(db_int(id), db_int(from)), NULL, err) ||
        !db_run(a->db, "update course set draft = ? where id = ?", DB_ARGS(db_int(number), db_int(course)),
                NULL, err))
        return false;
    *out_version = id;
    return true;
}

/* ---- what there is ---- */

static json_t *course_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so so so so so so so so so so}", "id", shape_int(rows, 0), "key",
                     shape_text(rows, 1), "title", shape_text(rows, 2), "summary", shape_text(rows, 3),
                     "state", shape_text(rows, 4), "version", shape_int(rows, 5), "draft", shape_int(rows, 6),
                     "published", shape_time_of(rows, 7), "modules", shape_int(rows, 8), "questions",
                     shape_int(rows, 9), "minutes", shape_int(rows, 10));
}

bool courses_json(struct act *a, json_t **out, struct imw_error_info *err)
{
    json_t *courses = NULL, *templates = NULL;

    if (!shape_list(a->db,
                    "select c.id, c.key, v.title, v.summary, c.state, c.published, c.draft, v.published_us, "
                    "(select count(*) from course_module m where m.version = v.id), "
                    "(select count(*) from course_question q where q.version = v.id), "
                    "(select coalesce(sum(minutes), 0) from course_module m where m.version = v.id) "
                    "from course c join course_version v on v.course = c.id and "
                    "v.number = coalesce(c.published, c.draft) order by v.title, c.id",
                    DB_NONE, course_row, NULL, &courses, err) ||
        !course_templates(&templates, err)) {
        json_decref(courses);
        return false;
    }
    *out = json_pack("{so so}", "courses", courses, "templates", templates);
    return *out != NULL || error_memory(err);
}

static json_t *module_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so so so}", "number", shape_int(rows, 0), "title", shape_text(rows, 1), "body",
                     shape_text(rows, 2), "minutes", shape_int(rows, 3));
}

/* The body is longer than what shape_text() makes printable where it must; ours is UTF-8 always. */
static json_t *question_row(const struct db_rows *rows, void *context)
{
    const bool *answers = context;
    struct view text = db_get_text(rows, 4);
    json_t *options = json_loadb((const char *)text.at, text.len, 0, NULL), *option;
    size_t i;

    if (!*answers)
        json_array_foreach(options, i, option) json_object_set_new(option, "right", json_null());
    return json_pack("{so so so so so so}", "number", shape_int(rows, 0), "module", shape_int(rows, 1),
                     "kind", shape_text(rows, 2), "text", shape_text(rows, 3), "options", options,
                     "explanation", *answers ? shape_text(rows, 5) : json_null());
}

static json_t *asset_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so so so so so}", "name", shape_text(rows, 0), "type", shape_text(rows, 1), "size",
                     shape_int(rows, 2), "sha256", shape_text(rows, 3), "created", shape_time_of(rows, 4),
                     "by", shape_text(rows, 5));
}

static json_t *version_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so so so so so so so so}", "number", shape_int(rows, 0), "state",
                     shape_text(rows, 1), "title", shape_text(rows, 2), "author", shape_text(rows, 3),
                     "created", shape_time_of(rows, 4), "changed", shape_time_of(rows, 5), "published",
                     shape_time_of(rows, 6), "published_by", shape_text(rows, 7), "sha256",
                     shape_text(rows, 8));
}

static json_t *head_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so so so so so s{so so so so so sb}}", "id", shape_int(rows, 0), "key",
                     shape_text(rows, 1), "state", shape_text(rows, 2), "shown", shape_int(rows, 3), "title",
                     shape_text(rows, 4), "summary", shape_text(rows, 5), "rules", "pass_percent",
                     shape_int(rows, 6), "asked", shape_int(rows, 7), "minutes_most", shape_int(rows, 8),
                     "attempts_a_day", shape_int(rows, 9), "valid_months", shape_int(rows, 10), "must_read",
                     db_get_int(rows, 11) != 0);
}

/* Names of pictures that a text shows and the course has not, and what else would make a bad course. */
static bool find_problems(json_t *course, json_t *list)
{
    const json_t *modules = json_object_get(course, "modules"), *assets = json_object_get(course, "assets"),
                 *questions = json_object_get(course, "questions"), *one, *asset;
    int64_t asked = json_integer_value(json_object_get(json_object_get(course, "rules"), "asked"));
    char line[300];
    size_t i, k;
    bool ok = true;

    if (json_array_size(modules) == 0)
        ok = json_array_append_new(list, json_pack("s", "it has no module")) == 0;
    if ((int64_t)json_array_size(questions) < asked) {
        snprintf(line, sizeof line, "an attempt asks %lld questions, and the pool has %zu", (long long)asked,
                 json_array_size(questions));
        ok = ok && json_array_append_new(list, json_pack("s", line)) == 0;
    }
    json_array_foreach(modules, i, one)
    {
        const char *at = json_string_value(json_object_get(one, "body"));
        while (ok && at != NULL && (at = strstr(at, "](asset:")) != NULL) {
            at += strlen("](asset:");
            size_t len = strcspn(at, ") \n\"");
            bool there = false;
            json_array_foreach(assets, k, asset)
            {
                const char *name = json_string_value(json_object_get(asset, "name"));
                there = there || (name != NULL && strlen(name) == len && strncmp(name, at, len) == 0);
            }
            if (there)
                continue;
            snprintf(line, sizeof line, "module %lld shows \"%.*s\", which the course has not",
                     (long long)json_integer_value(json_object_get(one, "number")), len < 80 ? (int)len : 80,
                     at);
            ok = json_array_append_new(list, json_pack("s", line)) == 0;
        }
    }
    return ok;
}

static bool sees_answers(const struct actor *who)
{
    return actor_may(who, PERMISSION_COURSE_WRITE) || (actor_is(who, ROLE_EXAMINER) && !who->token);
}

static bool course_whole(struct act *a, int64_t id, int64_t number, bool answers, json_t **out,
                         struct imw_error_info *err)
{
    json_t *course = NULL, *modules = NULL, *questions = NULL, *assets = NULL, *versions = NULL,
           *problems = json_pack("[]");
    int64_t version;

    if (problems == NULL)
        return error_memory(err);
    if (!version_id(a, id, number, &version, err) ||
        !shape_one(a->db,
                   "select c.id, c.key, c.state, v.number, v.title, v.summary, v.pass_percent, v.asked, "
                   "v.minutes_most, v.attempts_a_day, v.valid_months, v.must_read from course c join "
                   "course_version v on v.course = c.id where v.id = ?",
                   DB_ARGS(db_int(version)), head_row, NULL, &course, err) ||
        !shape_list(a->db,
                    "select number, title, body, minutes from course_module where version = ? order by "
                    "place, number",
                    DB_ARGS(db_int(version)), module_row, NULL, &modules, err) ||
        !shape_list(a->db,
                    "select number, module, kind, text, options, explanation from course_question where "
                    "version = ? order by number",
                    DB_ARGS(db_int(version)), question_row, &answers, &questions, err) ||
        !shape_list(a->db,
                    "select s.name, s.type, s.size, s.sha256, s.created_us, x.name from course_asset s left "
                    "join account x on x.id = s.account where s.course = ? order by s.name",
                    DB_ARGS(db_int(id)), asset_row, NULL, &assets, err) ||
        !shape_list(a->db,
                    "select v.number, v.state, v.title, x.name, v.created_us, v.changed_us, v.published_us, "
                    "y.name, v.sha256 from course_version v left join account x on x.id = v.author left join "
                    "account y on y.id = v.published_by where v.course = ? order by v.number desc limit 200",
                    DB_ARGS(db_int(id)), version_row, NULL, &versions, err))
        goto failed;
    if (json_object_set(course, "modules", modules) != 0 ||
        json_object_set(course, "questions", questions) != 0 ||
        json_object_set(course, "assets", assets) != 0 ||
        json_object_set(course, "versions", versions) != 0 || !find_problems(course, problems) ||
        json_object_set(course, "problems", problems) != 0) {
        error_memory(err);
        goto failed;
    }
    json_decref(modules);
    json_decref(questions);
    json_decref(assets);
    json_decref(versions);
    json_decref(problems);
    *out = course;
    return true;
failed:
    json_decref(course);
    json_decref(modules);
    json_decref(questions);
    json_decref(assets);
    json_decref(versions);
    json_decref(problems);
    return false;
}

bool course_json(struct act *a, int64_t id, int64_t version, json_t **out, struct imw_error_info *err)
{
    struct course c;

    if (!load(a, id, &c, err))
        return false;
    if (version == 0)
        version = c.draft != 0 ? c.draft : c.published;
    return course_whole(a, id, version, sees_answers(a->actor), out, err);
}

/* ---- writing ---- */

bool course_begin(struct act *a, const json_t *body, int64_t *out_id, struct imw_error_info *err)
{
    const json_t *key = json_object_get(body, "template");
    const char *title = "New course", *from = json_string_value(key);
    int64_t id, version, there = 0;
    bool found;

    if (key != NULL && !json_is_null(key) && from == NULL)
        return act_no(a, err, ACT_WRONG, "template", "the key of one of the templates is needed");
    if (from == NULL && !course_text(a, body, "title", COURSE_TITLE_BYTES, &title, err))
        return false;
    if (from != NULL) {
        if (!db_query_int(a->db, "select id from course where key = ?", DB_ARGS(db_text(from)), &there,
                          &found, err))
            return false;
        if (found)
            return act_no(a, err, ACT_LATE, "template", "this course is there already: it is number %lld",
                          (long long)there);
    }
    if (!db_insert(a->db,
                   "insert into course (key, state, draft, created_us, author) values (?, 'draft', 1, ?, ?) "
                   "returning id",
                   DB_ARGS(db_text(from), db_int((int64_t)a->now_us), account_of(a)), &id, err) ||
        !db_insert(a->db,
                   "insert into course_version (course, number, state, title, summary, pass_percent, asked, "
                   "minutes_most, attempts_a_day, valid_months, must_read, author, created_us, changed_us) "
                   "values (?, 1, 'draft', ?, '', 80, 10, 30, 3, 12, 1, ?, ?, ?) returning id",
                   DB_ARGS(db_int(id), db_text(title), account_of(a), db_int((int64_t)a->now_us),
                           db_int((int64_t)a->now_us)),
                   &version, err) ||
        (from != NULL && !course_fill(a, id, from, err)))
        return false;
    *out_id = id;
    return act_record(a, "course.begin", "course", id,
                      json_pack("{ss ss?}", "title", title, "template", from), err);
}

static const struct {
    const char *name;
    int64_t min, max;
} rule_bounds[] = {
    { "pass_percent", 1, 100 },   { "asked", 1, 100 },        { "minutes_most", 0, 600 },
    { "attempts_a_day", 0, 100 }, { "valid_months", 0, 120 },
};
enum { RULES = sizeof rule_bounds / sizeof rule_bounds[0] };

static bool change_rules(struct act *a, int64_t version, const json_t *rules, struct imw_error_info *err)
{
    static const char *const sql[RULES] = {
        "update course_version set pass_percent = ? where id = ?",
        "update course_version set asked = ? where id = ?",
        "update course_version set minutes_most = ? where id = ?",
        "update course_version set attempts_a_day = ? where id = ?",
        "update course_version set valid_months = ? where id = ?",
    };
    const json_t *read = json_object_get(rules, "must_read");

    if (!json_is_object(rules))
        return act_no(a, err, ACT_WRONG, "rules", "an object is needed");
    for (unsigned i = 0; i < RULES; i++) {
        const json_t *value = json_object_get(rules, rule_bounds[i].name);
        int64_t n = json_integer_value(value);
        if (value == NULL)
            continue;
        if (!json_is_integer(value) || n < rule_bounds[i].min || n > rule_bounds[i].max)
            return act_no(a, err, ACT_WRONG, rule_bounds[i].name, "a number from %lld to %lld is needed",
                          (long long)rule_bounds[i].min, (long long)rule_bounds[i].max);
        if (!db_run(a->db, sql[i], DB_ARGS(db_int(n), db_int(version)), NULL, err))
            return false;
    }
    if (read != NULL && !json_is_boolean(read))
        return act_no(a, err, ACT_WRONG, "must_read", "true or false is needed");
    return read == NULL || db_run(a->db, "update course_version set must_read = ? where id = ?",
                                  DB_ARGS(db_int(json_is_true(read)), db_int(version)), NULL, err);
}

static bool retire(struct act *a, int64_t id, const json_t *value, struct imw_error_info *err)
{
    if (!json_is_boolean(value))
        return act_no(a, err, ACT_WRONG, "retired", "true or false is needed");
    return db_run(a->db,
                  "update course set state = case when ? = 1 then 'retired' when published is null then "
                  "'draft' else 'published' end where id = ?",
                  DB_ARGS(db_int(json_is_true(value)), db_int(id)), NULL, err);
}

bool course_change(struct act *a, int64_t id, const json_t *body, struct imw_error_info *err)
{
    const json_t *title = json_object_get(body, "title"), *summary = json_object_get(body, "summary"),
                 *rules = json_object_get(body, "rules"), *retired = json_object_get(body, "retired");
    const char *text = NULL;
    struct course c;
    int64_t version;

    if (!load(a, id, &c, err) || (retired != NULL && !retire(a, id, retired, err)))
        return false;
    if (title != NULL || summary != NULL || rules != NULL) {
        if (!course_draft(a, id, &version, err) || !course_touched(a, version, err))
            return false;
        if (title != NULL && (!course_text(a, body, "title", COURSE_TITLE_BYTES, &text, err) ||
                              !db_run(a->db, "update course_version set title = ? where id = ?",
                                      DB_ARGS(db_text(text), db_int(version)), NULL, err)))
            return false;
        if (summary != NULL && (!course_text(a, body, "summary", COURSE_SUMMARY_BYTES, &text, err) ||
                                !db_run(a->db, "update course_version set summary = ? where id = ?",
                                        DB_ARGS(db_text(text), db_int(version)), NULL, err)))
            return false;
        if (rules != NULL && !change_rules(a, version, rules, err))
            return false;
    }
    json_t *detail = json_deep_copy(body);
    return act_record(a, "course.change", "course", id, detail, err);
}

bool course_undraft(struct act *a, int64_t id, struct imw_error_info *err)
{
    struct course c;
    int64_t version;

    if (!load(a, id, &c, err))
        return false;
    if (c.draft == 0)
        return act_no(a, err, ACT_LATE, "", "there is no draft");
    if (c.published == 0)
        return act_no(a, err, ACT_LATE, "", "nothing of the course is published yet: retire it instead");
    return version_id(a, id, c.draft, &version, err) &&
           db_run(a->db, "delete from course_version where id = ?", DB_ARGS(db_int(version)), NULL, err) &&
           db_run(a->db, "update course set draft = null where id = ?", DB_ARGS(db_int(id)), NULL, err) &&
           act_record(a, "course.undraft", "course", id, json_pack("{sI}", "version", (json_int_t)c.draft),
                      err);
}

/* SHA-256 over all that a learner meets, in one order. */
static bool course_hash(const json_t *course, char out[SHA256_TEXT], struct imw_error_info *err)
{
    json_t *names = json_pack("[]"), *asset;
    size_t i;

    json_array_foreach(json_object_get(course, "assets"), i, asset)
        json_array_append_new(names, json_pack("{sO sO}", "name", json_object_get(asset, "name"), "sha256",
                                               json_object_get(asset, "sha256")));
    json_t *all = json_pack("{sO sO sO sO sO so}", "title", json_object_get(course, "title"), "summary",
                            json_object_get(course, "summary"), "rules", json_object_get(course, "rules"),
                            "modules", json_object_get(course, "modules"), "questions",
                            json_object_get(course, "questions"), "assets", names);
    char *text = all != NULL ? json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(all);
    if (text == NULL)
        return error_memory(err);
    sha256_text(view_string(text), out);
    free(text);
    return true;
}

bool course_put_out(struct act *a, int64_t id, struct imw_error_info *err)
{
    char hash[SHA256_TEXT];
    struct course c;
    json_t *course;
    int64_t version;

    if (!load(a, id, &c, err))
        return false;
    if (c.draft == 0)
        return act_no(a, err, ACT_LATE, "", "there is no draft: what there is, is published");
    if (c.retired)
        return act_no(a, err, ACT_LATE, "", "the course is retired: take it back first");
    if (!course_whole(a, id, c.draft, true, &course, err))
        return false;
    const char *problem = json_string_value(json_array_get(json_object_get(course, "problems"), 0));
    bool ok = problem != NULL ? act_no(a, err, ACT_WRONG, "", "%s", problem) : course_hash(course, hash, err);
    json_decref(course);
    return ok && version_id(a, id, c.draft, &version, err) &&
           db_run(a->db,
                  "update course_version set state = 'replaced' where course = ? and state = 'published'",
                  DB_ARGS(db_int(id)), NULL, err) &&
           db_run(
               a->db,
               "update course_version set state = 'published', published_us = ?, published_by = ?, sha256 = "
               "? where id = ?",
               DB_ARGS(db_int((int64_t)a->now_us), account_of(a), db_text(hash), db_int(version)), NULL,
               err) &&
           db_run(a->db, "update course set published = ?, draft = null, state = 'published' where id = ?",
                  DB_ARGS(db_int(c.draft), db_int(id)), NULL, err) &&
           act_record(a, "course.publish", "course", id,
                      json_pack("{sI ss}", "version", (json_int_t)c.draft, "sha256", hash), err);
}
