/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Approved channels and their counts in the database. People are found by going through the directory once
 * beside the names of the list, so that a file of 100,000 people costs two questions.
 */
#include "program/approved.h"
#include "program/roster.h"
#include "program/shape_list.h"
#include "store/event_store.h"
#include <stdio.h>
#include <stdlib.h>

const char *day_text(int64_t day, char out[DAY_TEXT])
{
    snprintf(out, DAY_TEXT, "%04d-%02d-%02d", (int)(day / 10000 % 10000), (int)(day / 100 % 100),
             (int)(day % 100));
    return out;
}

json_t *day_json(int64_t day)
{
    char text[DAY_TEXT];

    return day == 0 ? json_null() : json_pack("s", day_text(day, text));
}

/* ---- channels ---- */

/* A text of the body, trimmed. False: wrong. *out NULL: not there. */
static bool member(struct act *a, const json_t *body, const char *key, size_t least, size_t most,
                   struct view *out, bool *out_there, struct imw_error_info *err)
{
    const json_t *value = json_object_get(body, key);

    *out_there = value != NULL;
    *out = view_of("", 0);
    if (value == NULL || (json_is_null(value) && least == 0))
        return true;
    *out = view_trim(view_string(json_string_value(value)));
    return (json_is_string(value) && out->len >= least && out->len <= most) ||
           act_no(a, err, ACT_WRONG, key, "a text of %zu to %zu octets is needed", least, most);
}

static bool name_is_free(struct act *a, struct view name, int64_t but, struct imw_error_info *err)
{
    int64_t count = 0;

    if (!db_query_int(a->db, "select count(*) from approved_channel where lower(name) = lower(?) and id <> ?",
                      DB_ARGS(db_view(name), db_int(but)), &count, NULL, err))
        return false;
    return count == 0 || act_no(a, err, ACT_WRONG, "name", "a channel has this name already");
}

static struct db_value or_null(struct view v)
{
    return v.len > 0 ? db_view(v) : db_null();
}

bool channel_create(struct act *a, const json_t *body, int64_t *out_id, struct imw_error_info *err)
{
    struct view name, note, service;
    int64_t count = 0;
    bool there;

    if (!member(a, body, "name", 2, CHANNEL_NAME_BYTES, &name, &there, err) ||
        (!there && !act_no(a, err, ACT_WRONG, "name", "a name is needed")) ||
        !member(a, body, "note", 0, CHANNEL_NOTE_BYTES, &note, &there, err) ||
        !member(a, body, "service", 0, 64, &service, &there, err) || !name_is_free(a, name, 0, err) ||
        !db_query_int(a->db, "select count(*) from approved_channel", DB_NONE, &count, NULL, err))
        return false;
    if (count >= CHANNELS_MOST)
        return act_no(a, err, ACT_LATE, "", "at most %d channels", CHANNELS_MOST);
    const struct db_value now = db_int((int64_t)a->now_us);
    return db_insert(
               a->db,
               "insert into approved_channel (name, note, service, state, account, created_us, changed_us) "
               "values (?, ?, ?, 'active', ?, ?, ?) returning id",
               DB_ARGS(db_view(name), db_view(note), or_null(service),
                       a->actor->account != 0 ? db_int(a->actor->account) : db_null(), now, now),
               out_id, err) &&
           act_record(a, "channel.add", "channel", *out_id,
                      json_pack("{s:s%,s:s%}", "name", name.at, name.len, "service", service.at, service.len),
                      err);
}

bool channel_change(struct act *a, int64_t id, const json_t *body, struct imw_error_info *err)
{
    const char *state = json_string_value(json_object_get(body, "state"));
    struct view name, note, service;
    bool has_name, has_note, has_service;
    uint64_t changed = 0;

    if (!member(a, body, "name", 2, CHANNEL_NAME_BYTES, &name, &has_name, err) ||
        !member(a, body, "note", 0, CHANNEL_NOTE_BYTES, &note, &has_note, err) ||
        !member(a, body, "service", 0, 64, &service, &has_service, err) ||
        (has_name && !name_is_free(a, name, id, err)))
        return false;
    if (json_object_get(body, "state") != NULL &&
        (state == NULL || (strcmp(state, "active") != 0 && strcmp(state, "ended") != 0)))
        return act_no(a, err, ACT_WRONG, "state", "active and ended are known");
    if (!db_run(
            a->db,
            "update approved_channel set name = coalesce(?, name), note = coalesce(?, note), "
            "service = case when ? = 1 then ? else service end, state = coalesce(?, state), changed_us = ? "
            "where id = ?",
            DB_ARGS(has_name ? db_view(name) : db_text(NULL), has_note ? db_view(note) : db_text(NULL),
                    db_int(has_service), has_service && service.len > 0 ? db_view(service) : db_text(NULL),
                    db_text(state), db_int((int64_t)a->now_us), db_int(id)),
            &changed, err))
        return false;
    if (changed == 0)
        return act_no(a, err, ACT_MISSING, "", "there is no such channel");
    return act_record(
        a, "channel.change", "channel", id,
        json_pack("{s:s*,s:s*}", "name", json_string_value(json_object_get(body, "name")), "state", state),
        err);
}

static json_t *channel_row(const struct db_rows *rows, void *context)
{
    const uint64_t now_us = *(uint64_t *)context;
    const int64_t last = db_get_int(rows, 7);
    const bool active = view_equal(db_get_text(rows, 4), VIEW("active"));

    return json_pack(
        "{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:b}", "id", shape_int(rows, 0), "name",
        shape_text(rows, 1), "note", shape_text(rows, 2), "service", shape_text(rows, 3), "state",
        shape_text(rows, 4), "created", shape_time_of(rows, 5), "first", day_json(db_get_int(rows, 6)),
        "last", day_json(last), "days", shape_int(rows, 8), "people", json_integer(db_get_int(rows, 9)),
        "messages", json_integer(db_get_int(rows, 10)), "late",
        active && (last == 0 || day_start((int)last) + 8 * INT64_C(86400000000) < (int64_t)now_us));
}

bool channels_json(struct act *a, int64_t id, json_t **out, struct imw_error_info *err)
{
    return shape_list(
        a->db,
        "select c.id, c.name, c.note, c.service, c.state, c.created_us, s.first, s.last, coalesce(s.days, 0), "
        "d.people, d.messages from approved_channel c left join (select channel, min(day) as first, max(day) as "
        "last, count(*) as days from approved_day group by channel) s on s.channel = c.id left join approved_day d "
        "on d.channel = c.id and d.day = s.last where c.id = ? or ? = 0 order by c.name",
        DB_ARGS(db_int(id), db_int(id)), channel_row, &a->now_us, out, err);
}

/* ---- who is who ---- */

/* For each name of a list: whose it is, by each way that names somebody. */
struct owner {
    int64_t email, number, login; /* 0: nobody; -1: more than one */
};
struct finding {
    struct owner *of;   /* by name */
    uint32_t *login_of; /* by name: the first name with that login; UINT32_MAX: it can be none */
    struct text_index *logins;
    char (*login)[ALIAS_SIZE];
};

static void owner_set(int64_t *slot, int64_t person)
{
    *slot = *slot == 0 || *slot == person ? person : -1;
}

static void finding_free(struct finding *f)
{
    text_index_free(f->logins);
    free(f->of);
    free(f->login_of);
    free(f->login);
}

/* The login form of each name ("anna" of "BANK\anna"). */
static bool finding_begin(struct finding *f, const struct approved_list *l)
{
    const size_t count = l->name_count > 0 ? l->name_count : 1;

    f->of = calloc(count, sizeof *f->of);
    f->login_of = calloc(count, sizeof *f->login_of);
    f->login = calloc(count, sizeof *f->login);
    f->logins = text_index_new(count);
    if (f->of == NULL || f->login_of == NULL || f->login == NULL || f->logins == NULL)
        return false;
    for (size_t i = 0; i < l->name_count; i++) {
        const char *why;
        f->login_of[i] = UINT32_MAX;
        if (!alias_normal(ALIAS_USER, view_string(l->names[i]), f->login[i], &why))
            continue;
        uint32_t *slot = text_index_put(f->logins, f->login[i]);
        if (slot == NULL)
            return false;
        if (*slot == UINT32_MAX)
            *slot = (uint32_t)i;
        f->login_of[i] = *slot;
    }
    return true;
}

static uint32_t lower_get(const struct text_index *index, struct view v)
{
    char key[APPROVED_NAME_MOST + 1];

    if (v.len == 0 || v.len > APPROVED_NAME_MOST)
        return UINT32_MAX;
    for (size_t i = 0; i < v.len; i++)
        key[i] = (char)ascii_lower(v.at[i]);
    key[v.len] = '\0';
    return text_index_get(index, key);
}

static bool find_people(struct db *db, const struct approved_list *l, struct finding *f,
                        struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;

    if (!db_query(db, "select id, email, number from person where state = 'active'", DB_NONE, &rows, err))
        return false;
    while (db_next(rows, &why)) {
        const uint32_t email = lower_get(l->index, db_get_text(rows, 1)),
                       number = lower_get(l->index, db_get_text(rows, 2));
        if (email != UINT32_MAX)
            owner_set(&f->of[email].email, db_get_int(rows, 0));
        if (number != UINT32_MAX)
            owner_set(&f->of[number].number, db_get_int(rows, 0));
    }
    if (!rows_done(rows, &why, err) ||
        !db_query(db, "select person, value from person_alias where kind = 'user' and until_us is null",
                  DB_NONE, &rows, err))
        return false;
    while (db_next(rows, &why)) {
        const uint32_t name = lower_get(f->logins, db_get_text(rows, 1));
        if (name != UINT32_MAX)
            owner_set(&f->of[name].login, db_get_int(rows, 0));
    }
    return rows_done(rows, &why, err);
}

/* Whose a name is: e-mail and number are theirs alone, a login may have lost its domain. */
static int64_t person_of(const struct finding *f, uint32_t name)
{
    const struct owner *o = &f->of[name];
    const int64_t login = f->login_of[name] != UINT32_MAX ? f->of[f->login_of[name]].login : 0;

    return o->email != 0 ? o->email : o->number != 0 ? o->number : login;
}

/* ---- storing ---- */

struct count {
    int64_t day, person, messages;
};
struct taking {
    struct count *at;
    size_t count, unknown;
    uint64_t messages, people, replaced;
    int64_t import;
};

static int by_day_and_person(const void *a, const void *b)
{
    const struct count *x = a, *y = b;

    if (x->day != y->day)
        return x->day < y->day ? -1 : 1;
    return x->person < y->person ? -1 : x->person > y->person;
}

/* One row a person and day, in order; problems of names that are nobody's, each once. */
static bool resolve(struct approved_list *l, const struct finding *f, struct taking *t,
                    struct imw_error_info *err)
{
    bool *told = calloc(l->name_count + 1, sizeof *told);
    size_t kept = 0;

    t->at = calloc(l->count + 1, sizeof *t->at);
    if (t->at == NULL || told == NULL) {
        free(told);
        return error_memory(err);
    }
    for (size_t i = 0; i < l->count; i++) {
        const struct approved_entry *e = &l->at[i];
        const int64_t person = person_of(f, e->name);
        if (person > 0) {
            t->at[t->count++] = (struct count){ e->day, person, e->messages };
        } else if (!told[e->name]) {
            char shown[100];
            struct text text = TEXT(shown);
            text_shown(&text, view_string(l->names[e->name]));
            line_problem_add(&l->problems, e->line,
                             person < 0 ? "'%s' is more than one person of the directory"
                                        : "'%s' is nobody in the directory",
                             shown);
            told[e->name] = true;
            t->unknown++;
        }
    }
    free(told);
    qsort(t->at, t->count, sizeof *t->at, by_day_and_person);
    for (size_t i = 0; i < t->count; i++)
        if (kept > 0 && by_day_and_person(&t->at[kept - 1], &t->at[i]) == 0)
            t->at[kept - 1].messages += t->at[i].messages;
        else
            t->at[kept++] = t->at[i];
    t->count = kept;
    for (size_t i = 0; i < kept; i++)
        t->messages += (uint64_t)t->at[i].messages;
    return true;
}

/* The counts of a day: instead of what is there, or beside it. */
static bool store_counts(struct db *db, int64_t channel, const struct count *at, size_t count, bool beside,
                         struct imw_error_info *err)
{
    struct db_bulk *bulk;
    bool ok = true;

    if (beside) {
        for (size_t i = 0; ok && i < count; i++)
            ok = db_run(
                db,
                "insert into approved_count (day, channel, person, messages) values (?, ?, ?, ?) on "
                "conflict (day, channel, person) do update set messages = excluded.messages",
                DB_ARGS(db_int(at[i].day), db_int(channel), db_int(at[i].person), db_int(at[i].messages)),
                NULL, err);
        return ok;
    }
    if (!db_run(db, "delete from approved_count where day = ? and channel = ?",
                DB_ARGS(db_int(at->day), db_int(channel)), NULL, err) ||
        !db_bulk_begin(db, "approved_count", "day, channel, person, messages", 4, &bulk, err))
        return false;
    for (size_t i = 0; ok && i < count; i++) {
        const struct db_value row[] = { db_int(at[i].day), db_int(channel), db_int(at[i].person),
                                        db_int(at[i].messages) };
        ok = db_bulk_row(bulk, row, err);
    }
    return db_bulk_end(bulk, ok ? err : NULL) && ok;
}

static bool store_day(struct act *a, int64_t channel, const struct count *at, size_t count,
                      const struct approved_how *how, struct taking *t, struct imw_error_info *err)
{
    const struct db_value day = db_int(at->day), of = db_int(channel);
    int64_t there = 0;

    if (!db_query_int(a->db, "select count(*) from approved_day where day = ? and channel = ?",
                      DB_ARGS(day, of), &there, NULL, err))
        return false;
    t->replaced += there > 0;
    return store_counts(a->db, channel, at, count, how->beside, err) &&
           db_run(a->db, "delete from approved_department where day = ? and channel = ?", DB_ARGS(day, of),
                  NULL, err) &&
           db_run(
               a->db,
               "insert into approved_department (day, channel, department, people, messages) "
               "select c.day, c.channel, coalesce(p.department, 0), sum(case when c.messages > 0 then 1 else 0 "
               "end), sum(c.messages) from approved_count c join person p on p.id = c.person where c.day = ? and "
               "c.channel = ? group by c.day, c.channel, coalesce(p.department, 0)",
               DB_ARGS(day, of), NULL, err) &&
           db_run(a->db, "delete from approved_day where day = ? and channel = ?", DB_ARGS(day, of), NULL,
                  err) &&
           db_run(
               a->db,
               "insert into approved_day (day, channel, whole, people, messages, import) select ?, ?, ?, "
               "coalesce(sum(people), 0), coalesce(sum(messages), 0), ? from approved_department where day = ? "
               "and channel = ?",
               DB_ARGS(day, of, db_int(how->more ? 0 : 1), db_int(t->import), day, of), NULL, err);
}

static bool store(struct act *a, int64_t channel, const struct approved_how *how, struct taking *t,
                  struct imw_error_info *err)
{
    for (size_t from = 0, to; from < t->count; from = to) {
        for (to = from + 1; to < t->count && t->at[to].day == t->at[from].day; to++)
            ;
        if (to - from > t->people)
            t->people = to - from;
        if (!store_day(a, channel, t->at + from, to - from, how, t, err))
            return false;
    }
    return true;
}

/* ---- importing ---- */

static bool channel_takes(struct act *a, int64_t channel, struct imw_error_info *err)
{
    int64_t active = 0;
    bool found = false;

    if (!db_query_int(
            a->db, "select case when state = 'active' then 1 else 0 end from approved_channel where id = ?",
            DB_ARGS(db_int(channel)), &active, &found, err))
        return false;
    if (!found)
        return act_no(a, err, ACT_MISSING, "", "there is no such channel");
    return active != 0 || act_no(a, err, ACT_LATE, "", "the channel was ended: take it up again first");
}

/* Would it do more harm than good? */
static bool is_sound(struct act *a, const struct approved_list *l, const struct taking *t,
                     struct imw_error_info *err)
{
    const char *first = line_problems_first(&l->problems, "it is empty");
    const int64_t newest = day_of((int64_t)a->now_us + INT64_C(86400000000));

    if (t->count == 0)
        return act_no(a, err, ACT_WRONG, "", "none of %zu lines can be taken; the first problem: %s",
                      l->lines, first);
    if (t->unknown * 2 > l->name_count)
        return act_no(a, err, ACT_WRONG, "",
                      "%zu of %zu people are not in the directory, so nothing was taken; the first: %s",
                      t->unknown, l->name_count, first);
    return t->at[t->count - 1].day <= newest ||
           act_no(a, err, ACT_WRONG, "", "a day in it is still to come: look at how days are written");
}

static json_t *import_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "id",
                     shape_int(rows, 0), "channel", shape_int(rows, 1), "channel_name", shape_text(rows, 2),
                     "source", shape_text(rows, 3), "name", shape_text(rows, 4), "by", shape_text(rows, 5),
                     "time", shape_time_of(rows, 6), "first", day_json(db_get_int(rows, 7)), "last",
                     day_json(db_get_int(rows, 8)), "days", shape_int(rows, 9), "people", shape_int(rows, 10),
                     "messages", shape_int(rows, 11), "lines", shape_int(rows, 12), "unknown",
                     shape_int(rows, 13), "refused", shape_int(rows, 14), "replaced", shape_int(rows, 15));
}
#define IMPORTS                                                                                              \
    "select i.id, i.channel, c.name, i.source, i.name, x.name, i.time_us, i.first_day, i.last_day, i.days, " \
    "i.people, i.messages, i.lines, i.unknown, i.refused, i.replaced from approved_import i "                \
    "join approved_channel c on c.id = i.channel left join account x on x.id = i.account "

static bool import_begin(struct act *a, int64_t channel, const struct approved_how *how, struct taking *t,
                         struct imw_error_info *err)
{
    return db_insert(
        a->db,
        "insert into approved_import (channel, source, name, account, sha256, days, people, messages, "
        "lines, unknown, refused, replaced, time_us) values (?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0, 0, ?) "
        "returning id",
        DB_ARGS(db_int(channel), db_text(how->source), db_text(how->name),
                a->actor->account != 0 ? db_int(a->actor->account) : db_null(), db_text(how->sha256),
                db_int((int64_t)a->now_us)),
        &t->import, err);
}

static bool import_end(struct act *a, const struct approved_list *l, const struct taking *t, unsigned days,
                       struct imw_error_info *err)
{
    return db_run(
        a->db,
        "update approved_import set first_day = ?, last_day = ?, days = ?, people = ?, messages = ?, lines "
        "= ?, unknown = ?, refused = ?, replaced = ? where id = ?",
        DB_ARGS(db_int(t->at[0].day), db_int(t->at[t->count - 1].day), db_int(days),
                db_int((int64_t)t->people), db_int((int64_t)t->messages), db_int((int64_t)l->lines),
                db_int((int64_t)t->unknown), db_int((int64_t)l->refused), db_int((int64_t)t->replaced),
                db_int(t->import)),
        NULL, err);
}

static bool import_found(struct act *a, int64_t channel, struct approved_list *l,
                         const struct approved_how *how, struct taking *t, json_t **out,
                         struct imw_error_info *err)
{
    json_t *row = NULL;
    unsigned days = 0;

    if (!is_sound(a, l, t, err) || !import_begin(a, channel, how, t, err) || !store(a, channel, how, t, err))
        return false;
    for (size_t i = 0; i < t->count; i++)
        days += i == 0 || t->at[i].day != t->at[i - 1].day;
    if (!import_end(a, l, t, days, err) ||
        !shape_one(a->db, IMPORTS "where i.id = ?", DB_ARGS(db_int(t->import)), import_row, NULL, &row, err))
        return false;
    *out = json_pack("{s:o,s:o}", "import", row, "problems", line_problems_json(&l->problems));
    return (*out != NULL || error_memory(err)) &&
           act_record(a, "channel.import", "channel", channel,
                      json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:s}", "source", how->source, "days",
                                (json_int_t)days, "replaced", (json_int_t)t->replaced, "messages",
                                (json_int_t)t->messages, "unknown", (json_int_t)t->unknown, "refused",
                                (json_int_t)l->refused, "sha256", how->sha256),
                      err);
}

bool approved_import(struct act *a, int64_t channel, struct approved_list *l, const struct approved_how *how,
                     json_t **out, struct imw_error_info *err)
{
    struct finding f = { 0 };
    struct taking t = { 0 };

    *out = NULL;
    bool ok = channel_takes(a, channel, err);
    if (ok && !finding_begin(&f, l))
        ok = error_memory(err);
    ok = ok && find_people(a->db, l, &f, err) && resolve(l, &f, &t, err) &&
         import_found(a, channel, l, how, &t, out, err);
    finding_free(&f);
    free(t.at);
    if (!ok) {
        json_decref(*out);
        *out = NULL;
    }
    return ok;
}

bool approved_imports_json(struct act *a, int64_t channel, int64_t before, unsigned limit, json_t **out,
                           struct imw_error_info *err)
{
    json_t *list = NULL, *cursor = json_null();

    limit = limit > 0 && limit < APPROVED_PAGE ? limit : APPROVED_PAGE;
    if (!shape_list(
            a->db,
            IMPORTS "where (i.channel = ? or ? = 0) and (i.id < ? or ? = 0) order by i.id desc limit ?",
            DB_ARGS(db_int(channel), db_int(channel), db_int(before), db_int(before), db_int(limit + 1)),
            import_row, NULL, &list, err))
        return false;
    if (json_array_size(list) > limit) {
        (void)json_array_remove(list, limit);
        cursor = json_sprintf(
            "%lld", (long long)json_integer_value(json_object_get(json_array_get(list, limit - 1), "id")));
    }
    *out = json_pack("{s:o,s:o}", "imports", list, "cursor", cursor);
    return *out != NULL || error_memory(err);
}

static json_t *mine_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{s:o,s:o,s:o,s:o,s:o}", "channel", shape_text(rows, 0), "first",
                     day_json(db_get_int(rows, 1)), "last", day_json(db_get_int(rows, 2)), "days",
                     shape_int(rows, 3), "messages", shape_int(rows, 4));
}

bool approved_mine(struct db *db, int64_t person, json_t **out, struct imw_error_info *err)
{
    return shape_list(
        db,
        "select h.name, min(c.day), max(c.day), count(*), sum(c.messages) from approved_count c join "
        "approved_channel h on h.id = c.channel where c.person = ? group by h.name order by h.name",
        DB_ARGS(db_int(person)), mine_row, NULL, out, err);
}
