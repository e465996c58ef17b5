/* SPDX-License-Identifier: Apache-2.0 */
/* People: questions, and changes by hand. */
#include "program/person.h"
#include "program/person_text.h"
#include "store/event_store.h"
#include "store/team.h"
#include <sodium.h>
#include <stdio.h>
#include <time.h>

const char *person_source_name(enum person_source s)
{
    static const char *const names[PERSON_SOURCES] = { "ldap", "csv", "hand" };

    return names[s];
}

void pseudonym_make(char out[PSEUDONYM_SIZE])
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* Crockford: no I, L, O, U */
    uint32_t random = randombytes_random();

    out[0] = 'P';
    out[1] = '-';
    for (unsigned i = 2; i < PSEUDONYM_SIZE - 1; i++, random >>= 5)
        out[i] = digits[random & 31];
    out[PSEUDONYM_SIZE - 1] = '\0';
}

/* ---- changes ---- */

static bool refuse(struct imw_error_info *err, const char *key, const char *text)
{
    error_set(err, IMW_ERROR_VALUE, "%s", text);
    if (err != NULL)
        snprintf(err->key, sizeof err->key, "%s", key);
    return false;
}

bool department_id(struct db *db, const char *name, int64_t *out, struct imw_error_info *err)
{
    bool found;

    if (!db_query_int(db, "select id from department where name = ?", DB_ARGS(db_text(name)), out, &found,
                      err))
        return false;
    return found || db_insert(db, "insert into department (name) values (?) returning id",
                              DB_ARGS(db_text(name)), out, err);
}

bool person_end(struct db *db, int64_t id, uint64_t now_us, struct imw_error_info *err)
{
    const struct db_value now = db_int((int64_t)now_us), person = db_int(id);

    return db_run(db, "update person set state = 'left', left_us = ?, changed_us = ? where id = ?",
                  DB_ARGS(now, now, person), NULL, err) &&
           db_run(db, "update person_alias set until_us = ? where person = ? and until_us is null",
                  DB_ARGS(now, person), NULL, err) &&
           db_run(db, "delete from session where account in (select id from account where person = ?)",
                  DB_ARGS(person), NULL, err) &&
           db_run(db,
                  "update token set revoked_us = ? where revoked_us is null and account in "
                  "(select id from account where person = ?)",
                  DB_ARGS(now, person), NULL, err) &&
           db_run(db, "update account set state = 'disabled' where person = ? and state = 'active'",
                  DB_ARGS(person), NULL, err);
}

/* A text member of a body. *out_there false: not there; *out "": null or empty, none. */
static bool member_text(json_t *body, const char *name, size_t most, char *out, size_t size, bool *out_there,
                        struct imw_error_info *err)
{
    json_t *v = json_object_get(body, name);

    *out_there = v != NULL;
    out[0] = '\0';
    if (v == NULL || json_is_null(v))
        return true;
    if (!json_is_string(v))
        return refuse(err, name, "a text is needed");
    if (!person_text_normal(view_of(json_string_value(v), json_string_length(v)), most, out, size))
        return refuse(err, name, "the text is too long");
    return true;
}

struct edit {
    char number[PERSON_NUMBER_MOST + 1], name[PERSON_TEXT_MOST + 1], email[PERSON_EMAIL_MOST + 1],
        title[PERSON_TEXT_MOST + 1], department[PERSON_TEXT_MOST + 1];
    bool has_number, has_name, has_email, has_title, has_department, has_manager;
    int64_t manager;
};

static bool read_edit(json_t *body, struct edit *e, struct imw_error_info *err)
{
    json_t *manager = json_object_get(body, "manager");

    *e = (struct edit){ .has_manager = manager != NULL };
    if (manager != NULL && !json_is_null(manager)) {
        e->manager = json_integer_value(manager);
        if (e->manager <= 0)
            return refuse(err, "manager", "the manager is a person's id");
    }
    return member_text(body, "number", PERSON_NUMBER_MOST, e->number, sizeof e->number, &e->has_number,
                       err) &&
           member_text(body, "name", PERSON_TEXT_MOST, e->name, sizeof e->name, &e->has_name, err) &&
           member_text(body, "email", PERSON_EMAIL_MOST, e->email, sizeof e->email, &e->has_email, err) &&
           member_text(body, "title", PERSON_TEXT_MOST, e->title, sizeof e->title, &e->has_title, err) &&
           member_text(body, "department", PERSON_TEXT_MOST, e->department, sizeof e->department,
                       &e->has_department, err);
}

static struct db_value text_or_null(const char *text)
{
    return text[0] != '\0' ? db_text(text) : db_null();
}

/* The number is nobody else's, the manager is somebody, and not below `id`. */
static bool check_edit(struct db *db, int64_t id, const struct edit *e, struct imw_error_info *err)
{
    int64_t other;
    bool found;

    if (e->number[0] != '\0') {
        if (!db_query_int(db, "select id from person where number = ? and id <> ?",
                          DB_ARGS(db_text(e->number), db_int(id)), &other, &found, err))
            return false;
        if (found)
            return refuse(err, "number", "somebody else has this number");
    }
    if (e->manager == 0)
        return true;
    if (!db_query_int(db, "select id from person where id = ?", DB_ARGS(db_int(e->manager)), &other, &found,
                      err))
        return false;
    if (!found)
        return refuse(err, "manager", "there is no such person");
    if (id == 0)
        return true;
    if (!db_query_int(
            db,
            "with recursive above(id) as (select cast(? as bigint) union "
            "select p.manager from person p join above a on p.id = a.id where p.manager is not null) "
            "select id from above where id = ?",
            DB_ARGS(db_int(e->manager), db_int(id)), &other, &found, err))
        return false;
    return !found || refuse(err, "manager", "a person cannot be above themselves");
}

static bool free_pseudonym(struct db *db, char out[PSEUDONYM_SIZE], struct imw_error_info *err)
{
    bool found = true;
    int64_t id;

    while (found) {
        pseudonym_make(out);
        if (!db_query_int(db, "select id from person where pseudonym = ?", DB_ARGS(db_text(out)), &id, &found,
                          err))
            return false;
    }
    return true;
}

bool person_add(struct db *db, json_t *body, uint64_t now_us, int64_t *out_id, struct imw_error_info *err)
{
    struct edit e;
    char pseudonym[PSEUDONYM_SIZE];
    int64_t department = 0;

    if (!read_edit(body, &e, err))
        return false;
    if (e.name[0] == '\0')
        return refuse(err, "name", "the name is missing");
    if (!check_edit(db, 0, &e, err) || !free_pseudonym(db, pseudonym, err) ||
        (e.department[0] != '\0' && !department_id(db, e.department, &department, err)))
        return false;
    if (!db_insert(db,
                   "insert into person (pseudonym, number, name, email, title, department, manager, source, "
                   "state, joined_us, changed_us) values (?, ?, ?, ?, ?, ?, ?, 'hand', 'active', ?, ?) "
                   "returning id",
                   DB_ARGS(db_text(pseudonym), text_or_null(e.number), db_text(e.name), text_or_null(e.email),
                           text_or_null(e.title), department != 0 ? db_int(department) : db_null(),
                           e.manager != 0 ? db_int(e.manager) : db_null(), db_int((int64_t)now_us),
                           db_int((int64_t)now_us)),
                   out_id, err))
        return false;
    return person_text_keep(db, *out_id, err) && (e.manager == 0 || team_move(db, *out_id, err));
}

/* Set one column of a person, and note its name. */
static bool set_column(struct db *db, int64_t id, const char *sql, const char *name, struct db_value value,
                       json_t *changed, struct imw_error_info *err)
{
    if (!db_run(db, sql, DB_ARGS(value, db_int(id)), NULL, err))
        return false;
    return json_array_append_new(changed, json_pack("s", name)) == 0 || error_memory(err);
}

static bool change_columns(struct db *db, int64_t id, const struct edit *e, json_t *changed,
                           struct imw_error_info *err)
{
    int64_t department = 0;

    if (e->has_department && e->department[0] != '\0' && !department_id(db, e->department, &department, err))
        return false;
    return (!e->has_number || set_column(db, id, "update person set number = ? where id = ?", "number",
                                         text_or_null(e->number), changed, err)) &&
           (!e->has_name || set_column(db, id, "update person set name = ? where id = ?", "name",
                                       db_text(e->name), changed, err)) &&
           (!e->has_email || set_column(db, id, "update person set email = ? where id = ?", "email",
                                        text_or_null(e->email), changed, err)) &&
           (!e->has_title || set_column(db, id, "update person set title = ? where id = ?", "title",
                                        text_or_null(e->title), changed, err)) &&
           (!e->has_department ||
            set_column(db, id, "update person set department = ? where id = ?", "department",
                       department != 0 ? db_int(department) : db_null(), changed, err)) &&
           (!e->has_manager || (set_column(db, id, "update person set manager = ? where id = ?", "manager",
                                           e->manager != 0 ? db_int(e->manager) : db_null(), changed, err) &&
                                team_move(db, id, err)));
}

static bool change_state(struct db *db, int64_t id, const char *state, uint64_t now_us, json_t *changed,
                         struct imw_error_info *err)
{
    if (strcmp(state, "left") == 0) {
        if (!person_end(db, id, now_us, err))
            return false;
    } else if (strcmp(state, "active") == 0) {
        if (!db_run(db, "update person set state = 'active', left_us = null where id = ?",
                    DB_ARGS(db_int(id)), NULL, err))
            return false;
    } else {
        return refuse(err, "state", "a state is active or left");
    }
    return json_array_append_new(changed, json_pack("s", "state")) == 0 || error_memory(err);
}

/* Is there such a person, and is `source` theirs? */
static bool source_of(struct db *db, int64_t id, bool *out_by_hand, struct imw_error_info *err)
{
    int64_t by_hand;
    bool found;

    if (!db_query_int(db, "select case when source = 'hand' then 1 else 0 end from person where id = ?",
                      DB_ARGS(db_int(id)), &by_hand, &found, err))
        return false;
    if (!found)
        return refuse(err, "id", "there is no such person");
    *out_by_hand = by_hand != 0;
    return true;
}

bool person_change(struct db *db, int64_t id, json_t *body, uint64_t now_us, json_t **out,
                   struct imw_error_info *err)
{
    struct edit e;
    bool by_hand;
    const json_t *state = json_object_get(body, "state");
    json_t *changed;

    if (!read_edit(body, &e, err) || !source_of(db, id, &by_hand, err))
        return false;
    bool more = e.has_number || e.has_name || e.has_email || e.has_title || e.has_department || e.has_manager;
    if (more && !by_hand)
        return refuse(err, "source",
                      "this person comes from the directory or a file: change it there, the next "
                      "synchronisation would undo it here");
    if (e.has_name && e.name[0] == '\0')
        return refuse(err, "name", "the name is missing");
    if (state != NULL && !json_is_string(state))
        return refuse(err, "state", "a state is active or left");
    if (!check_edit(db, id, &e, err))
        return false;
    changed = json_pack("[]");
    if (changed == NULL)
        return error_memory(err);
    if (!change_columns(db, id, &e, changed, err) ||
        (state != NULL && !change_state(db, id, json_string_value(state), now_us, changed, err)) ||
        !db_run(db, "update person set changed_us = ? where id = ?",
                DB_ARGS(db_int((int64_t)now_us), db_int(id)), NULL, err) ||
        !person_text_keep(db, id, err) || !events_rejoin(db, now_us, err)) {
        json_decref(changed);
        return false;
    }
    *out = changed;
    return true;
}

static bool normal_alias(const char *kind, const char *value, char out[ALIAS_SIZE],
                         struct imw_error_info *err)
{
    enum alias_kind k;
    const char *why;

    if (!alias_kind_parse(kind, &k))
        return refuse(err, "kind", "an alias is a user, host, address or account");
    return alias_normal(k, view_string(value), out, &why) || refuse(err, "value", why);
}

bool person_alias_add(struct db *db, int64_t id, const char *kind, const char *value, uint64_t now_us,
                      struct imw_error_info *err)
{
    char normal[ALIAS_SIZE];
    int64_t owner;
    bool found, by_hand;

    if (!normal_alias(kind, value, normal, err) || !source_of(db, id, &by_hand, err) ||
        !db_query_int(db, "select person from person_alias where kind = ? and value = ? and until_us is null",
                      DB_ARGS(db_text(kind), db_text(normal)), &owner, &found, err))
        return false;
    if (found)
        return refuse(err, "value",
                      owner == id ? "the person has this alias already"
                                  : "somebody else has this alias: end it there first");
    return db_run(
               db,
               "insert into person_alias (kind, value, person, source, from_us) values (?, ?, ?, 'hand', ?)",
               DB_ARGS(db_text(kind), db_text(normal), db_int(id), db_int((int64_t)now_us)), NULL, err) &&
           person_text_keep(db, id, err) && events_rejoin(db, now_us, err);
}

bool person_alias_end(struct db *db, int64_t id, const char *kind, const char *value, uint64_t now_us,
                      bool *out_found, struct imw_error_info *err)
{
    char normal[ALIAS_SIZE];
    uint64_t changed;

    if (!normal_alias(kind, value, normal, err) ||
        !db_run(
            db,
            "update person_alias set until_us = ? where kind = ? and value = ? and person = ? and until_us "
            "is null",
            DB_ARGS(db_int((int64_t)now_us), db_text(kind), db_text(normal), db_int(id)), &changed, err))
        return false;
    *out_found = changed > 0;
    return changed == 0 || (person_text_keep(db, id, err) && events_rejoin(db, now_us, err));
}

/* The one person that a question is answered with; 0: none, or several. */
static bool only_person(struct db *db, const char *sql, const char *value, int64_t *out,
                        struct imw_error_info *err)
{
    struct db_rows *rows;
    struct imw_error_info failed = { 0 };
    unsigned count = 0;

    *out = 0;
    if (!db_query(db, sql, DB_ARGS(db_text(value)), &rows, err))
        return false;
    for (; db_next(rows, &failed); count++)
        *out = db_get_int(rows, 0);
    db_rows_end(rows);
    if (count > 1)
        *out = 0;
    if (failed.code != IMW_OK && err != NULL)
        *err = failed;
    return failed.code == IMW_OK;
}

bool person_by_login(struct db *db, const char *login, const char *email, int64_t *out_person,
                     struct imw_error_info *err)
{
    char normal[ALIAS_SIZE];
    const char *why;

    *out_person = 0;
    if (login != NULL && alias_normal(ALIAS_USER, view_string(login), normal, &why) &&
        !only_person(db,
                     "select person from person_alias where kind = 'user' and value = ? and until_us is null",
                     normal, out_person, err))
        return false;
    return *out_person != 0 || email == NULL || email[0] == '\0' ||
           only_person(db, "select id from person where lower(email) = lower(?) and state = 'active' limit 2",
                       email, out_person, err);
}

/* ---- questions ---- */

/* Whose grants count: a token has none. */
static int64_t grants_of(const struct people_view *view)
{
    return view->actor->token ? 0 : view->actor->account;
}

static json_t *json_of(struct view v)
{
    return json_stringn((const char *)v.at, v.len);
}

static json_t *column(const struct db_rows *rows, unsigned at)
{
    return db_is_null(rows, at) ? json_null() : json_of(db_get_text(rows, at));
}

static json_t *time_of(const struct db_rows *rows, unsigned at)
{
    char out[40];
    struct tm tm;
    int64_t us = db_get_int(rows, at);
    time_t s = us / 1000000;

    if (db_is_null(rows, at) || gmtime_r(&s, &tm) == NULL)
        return json_null();
    size_t n = strftime(out, sizeof out, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, sizeof out - n, ".%06uZ", (unsigned)(us % 1000000));
    return json_pack("s", out);
}

/* What a person looks like; the last column says whether the name may be seen. */
#define PERSON_COLUMNS                                                                                       \
    "select p.id, p.pseudonym, p.name, p.email, p.number, p.title, p.department, d.name, p.manager, "        \
    "m.pseudonym, m.name, p.source, p.state, p.joined_us, p.left_us, "                                       \
    "case when cast(? as bigint) = 1 or exists (select 1 from reveal v where v.kind = 'person' "             \
    "and v.object = cast(p.id as text) and v.state = 'granted' and v.requester = ? and v.until_us > ?) "     \
    "then 1 else 0 end"
#define PERSON_JOINS                                                                                         \
    " from person p left join department d on d.id = p.department left join person m on m.id = p.manager "

static json_t *person_of(const struct db_rows *rows, bool all_names)
{
    bool seen = db_get_int(rows, 15) != 0;
    json_t *p = json_pack("{sI so so so so so so so so so so s[]}", "id", (json_int_t)db_get_int(rows, 0),
                          "pseudonym", column(rows, 1), "name", seen ? column(rows, 2) : json_null(), "email",
                          seen ? column(rows, 3) : json_null(), "number",
                          seen ? column(rows, 4) : json_null(), "title", seen ? column(rows, 5) : json_null(),
                          "source", column(rows, 11), "state", column(rows, 12), "joined", time_of(rows, 13),
                          "left", time_of(rows, 14), "department", json_null(), "aliases");

    if (p == NULL)
        return NULL;
    if (!db_is_null(rows, 6) && json_object_set_new(p, "department",
                                                    json_pack("{sIso}", "id", (json_int_t)db_get_int(rows, 6),
                                                              "name", column(rows, 7))) != 0)
        goto lost;
    if (json_object_set_new(p, "manager",
                            db_is_null(rows, 8) ? json_null()
                                                : json_pack("{sIso}", "id", (json_int_t)db_get_int(rows, 8),
                                                            "label", column(rows, all_names ? 10 : 9))) != 0)
        goto lost;
    return p;
lost:
    json_decref(p);
    return NULL;
}

/* Aliases of those on the page: names of machines and logins name people, so only where the name is seen. */
static bool add_aliases(struct db *db, json_t *person, struct imw_error_info *err)
{
    struct db_rows *rows;
    struct imw_error_info failed = { 0 };
    json_t *list = json_object_get(person, "aliases");
    bool good = true;

    if (!json_is_string(json_object_get(person, "name")))
        return true;
    if (!db_query(db,
                  "select kind, value, source, until_us from person_alias where person = ? "
                  "order by until_us is not null, kind, value, from_us limit 200",
                  DB_ARGS(db_int(json_integer_value(json_object_get(person, "id")))), &rows, err))
        return false;
    while (good && db_next(rows, &failed))
        good = json_array_append_new(list, json_pack("{sososo so}", "kind", column(rows, 0), "value",
                                                     column(rows, 1), "source", column(rows, 2), "until",
                                                     time_of(rows, 3))) == 0;
    db_rows_end(rows);
    if (failed.code != IMW_OK) {
        if (err != NULL)
            *err = failed;
        return false;
    }
    return good || error_memory(err);
}

/* Rows of PERSON_COLUMNS into a list; of the column behind these, where there is one, *out_total. */
static bool read_people(struct db *db, const struct people_view *view, const char *sql,
                        const struct db_value *args, unsigned count, json_t *list, int64_t *out_total,
                        struct imw_error_info *err)
{
    struct db_rows *rows;
    struct imw_error_info failed = { 0 };
    bool good = true;
    size_t i;
    json_t *p;

    if (!db_query(db, sql, args, count, &rows, err))
        return false;
    while (good && db_next(rows, &failed)) {
        good = json_array_append_new(list, person_of(rows, view->names)) == 0;
        if (out_total != NULL)
            *out_total = db_get_int(rows, 16);
    }
    db_rows_end(rows);
    if (failed.code != IMW_OK) {
        if (err != NULL)
            *err = failed;
        return false;
    }
    if (!good)
        return error_memory(err);
    json_array_foreach(list, i, p)
    {
        if (!add_aliases(db, p, err))
            return false;
    }
    return true;
}

struct question {
    char sql[3072];
    struct text text;
    struct db_value args[16];
    unsigned count;
};

static void ask(struct question *q, const char *sql, struct db_value value)
{
    text_string(&q->text, sql);
    q->args[q->count++] = value;
}

static void ask_matches(struct question *q, const struct people_view *view, const struct people_filter *f,
                        struct db_value pattern)
{
    text_string(&q->text, "from person p where 1 = 1 ");
    if (f->state != NULL && f->state[0] != '\0')
        ask(q, "and p.state = ? ", db_text(f->state));
    if (f->department > 0)
        ask(q, "and p.department = ? ", db_int(f->department));
    else if (f->department < 0)
        text_string(&q->text, "and p.department is null ");
    if (f->text != NULL && f->text[0] != '\0') {
        text_format(&q->text, "and p.id in %s ", person_text_select(view->names));
        q->args[q->count++] = pattern;
    }
}

/* A text is searched for once, for the page and the total; without one both are read from indexes. */
bool people_list(struct db *db, const struct people_view *view, const struct people_filter *f, json_t **out,
                 struct imw_error_info *err)
{
    const bool searched = f->text != NULL && f->text[0] != '\0';
    struct question q = { .count = 0 };
    char pattern[PERSON_PATTERN_SIZE], cursor[24];
    const struct db_value like = person_text_pattern(searched ? f->text : "", pattern);
    json_t *list = json_pack("[]");
    int64_t total = 0, last = 0;

    if (list == NULL)
        return error_memory(err);
    q.text = TEXT(q.sql);
    text_format(&q.text, "with hit as %smaterialized (select p.id ", searched ? "" : "not ");
    ask_matches(&q, view, f, like);
    ask(&q, ") " PERSON_COLUMNS ", (select count(*) from hit)" PERSON_JOINS, db_int(view->names));
    q.args[q.count++] = db_int(grants_of(view));
    q.args[q.count++] = db_int((int64_t)view->now_us);
    ask(&q, "where p.id in (select id from hit where id > ? order by id ", db_int(f->after));
    ask(&q, "limit ?) order by p.id", db_int(f->limit));
    bool good = read_people(db, view, q.sql, q.args, q.count, list, &total, err);
    const size_t count = json_array_size(list);
    if (good && count == 0 && f->after > 0) { /* no row that has the total */
        q.count = 0;
        q.text = TEXT(q.sql);
        text_string(&q.text, "select count(*) ");
        ask_matches(&q, view, f, like);
        good = db_query_int(db, q.sql, q.args, q.count, &total, NULL, err);
    }
    if (!good) {
        json_decref(list);
        return false;
    }
    if (count == f->limit && count > 0)
        last = json_integer_value(json_object_get(json_array_get(list, count - 1), "id"));
    snprintf(cursor, sizeof cursor, "%lld", (long long)last);
    *out = json_pack("{sosIso}", "people", list, "total", (json_int_t)total, "cursor",
                     last != 0 ? json_pack("s", cursor) : json_null());
    return *out != NULL || error_memory(err);
}

bool person_get(struct db *db, const struct people_view *view, int64_t id, json_t **out,
                struct imw_error_info *err)
{
    json_t *list = json_pack("[]");

    if (list == NULL)
        return error_memory(err);
    bool good = read_people(
        db, view, PERSON_COLUMNS PERSON_JOINS "where p.id = ?",
        DB_ARGS(db_int(view->names), db_int(grants_of(view)), db_int((int64_t)view->now_us), db_int(id)),
        list, NULL, err);
    if (good)
        *out = json_incref(json_array_get(list, 0));
    json_decref(list);
    return good;
}

bool departments_list(struct db *db, const struct people_view *view, json_t **out, struct imw_error_info *err)
{
    struct db_rows *rows;
    struct imw_error_info failed = { 0 };
    json_t *list = json_pack("[]");
    bool good = list != NULL;

    if (!good)
        return error_memory(err);
    /* Who leads it: as it is set, else the one person in it whose manager is in another, or who has none. */
    if (!db_query(db,
                  "select d.id, d.name, d.parent, m.pseudonym, m.name, coalesce(c.n, 0) from department d "
                  "left join (select department, count(*) as n from person where state = 'active' "
                  "group by department) c on c.department = d.id "
                  "left join (select p.department, min(p.id) as lead from person p "
                  "left join person b on b.id = p.manager where p.state = 'active' "
                  "and (b.id is null or b.department is null or b.department <> p.department) "
                  "group by p.department having count(*) = 1) l on l.department = d.id "
                  "left join person m on m.id = coalesce(d.manager, l.lead) order by d.name",
                  DB_NONE, &rows, err)) {
        json_decref(list);
        return false;
    }
    while (good && db_next(rows, &failed))
        good = json_array_append_new(
                   list,
                   json_pack("{sIsososo sI}", "id", (json_int_t)db_get_int(rows, 0), "name", column(rows, 1),
                             "parent", db_is_null(rows, 2) ? json_null() : json_integer(db_get_int(rows, 2)),
                             "manager", column(rows, view->names ? 4 : 3), "people",
                             (json_int_t)db_get_int(rows, 5))) == 0;
    db_rows_end(rows);
    if (failed.code != IMW_OK || !good) {
        json_decref(list);
        if (failed.code != IMW_OK && err != NULL)
            *err = failed;
        return failed.code == IMW_OK ? error_memory(err) : false;
    }
    *out = json_pack("{so}", "departments", list);
    return *out != NULL || error_memory(err);
}
