/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A roster becomes what the database says of the people of a source.
 *
 * All that is known is read once, compared in memory, and only differences are written: new people and new
 * aliases in bulk, changes one by one. New people are written after their managers, so that a reference
 * always has something to refer to; where managers lead in a circle, the circle is cut and told.
 *
 * An alias is one person's at a time. Two people of one roster who share one (a machine at a counter) get it
 * neither, which is told; an alias that was given by hand stays where it is; else it goes to whom the newer
 * list names.
 */
#include "base/text.h"
#include "program/person.h"
#include "program/person_text.h"
#include "store/event_store.h"
#include "store/team.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

/* A person of the database. */
struct known {
    int64_t id, department, manager; /* 0: none */
    const char *number, *name, *email, *title;
    enum person_source source;
    bool active, listed;
};
/* An alias that is somebody's now. */
struct open_alias {
    const char *key; /* the kind's digit, then the value */
    int64_t person, from_us;
    bool ours, by_hand, wanted, lost;
};
/* What is to be of a person of the roster. */
struct target {
    int64_t id, department, manager;
    uint32_t known;       /* UINT32_MAX: new */
    uint32_t chief;       /* the manager's place in the roster; UINT32_MAX: not in it */
    uint32_t depth;       /* managers above in the roster, and one; 0: not looked at yet */
    bool fields, aliases; /* changed */
};
struct texts {
    struct texts *before;
    char bytes[];
};

struct sync {
    struct db *db;
    struct roster *roster;
    const struct people_sync *how;
    uint64_t now_us;
    struct imw_error_info *err;

    struct texts *texts;
    struct known *known;
    size_t known_count;
    struct open_alias *open;
    size_t open_count;
    struct target *target;
    struct text_index *by_number, *listed, *listed_mail, *open_by_key, *departments, *pseudonyms, *wanted;
    uint64_t leavers;
    bool had_list; /* somebody is of a list, so this is not the first */
    bool moved;    /* somebody has another manager */
};

static bool no_memory(const struct sync *s)
{
    return error_memory(s->err);
}

/* A copy of a column that lives as long as the synchronisation; NULL: out of memory. */
static const char *copy(struct sync *s, const char *before, struct view v)
{
    size_t head = strlen(before);
    struct texts *t = malloc(sizeof *t + head + v.len + 1);

    if (t == NULL)
        return NULL;
    memcpy(t->bytes, before, head);
    memcpy(t->bytes + head, v.at, v.len);
    t->bytes[head + v.len] = '\0';
    t->before = s->texts;
    s->texts = t;
    return t->bytes;
}

static bool same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool put(struct sync *s, struct text_index *x, const char *key, size_t value)
{
    uint32_t *at = text_index_put(x, key);

    if (at == NULL)
        return no_memory(s);
    *at = (uint32_t)value;
    return true;
}

/* ---- what is there ---- */

static bool read_departments(struct sync *s)
{
    struct db_rows *rows;
    struct imw_error_info failed = { 0 };
    bool good = true;

    if (!db_query(s->db, "select id, name from department", DB_NONE, &rows, s->err))
        return false;
    while (good && db_next(rows, &failed)) {
        const char *name = copy(s, "", db_get_text(rows, 1));
        good = name != NULL ? put(s, s->departments, name, (size_t)db_get_int(rows, 0)) : no_memory(s);
    }
    db_rows_end(rows);
    if (failed.code != IMW_OK && s->err != NULL)
        *s->err = failed;
    return good && failed.code == IMW_OK;
}

static bool take_known(struct sync *s, struct db_rows *rows)
{
    if ((s->known_count & (s->known_count - 1)) == 0) {
        void *more = reallocarray(s->known, s->known_count == 0 ? 1 : s->known_count * 2, sizeof *s->known);
        if (more == NULL)
            return no_memory(s);
        s->known = more;
    }
    struct known *k = &s->known[s->known_count];
    struct view source = db_get_text(rows, 7), pseudonym = db_get_text(rows, 9);
    *k = (struct known){
        .id = db_get_int(rows, 0),
        .number = db_is_null(rows, 1) ? NULL : copy(s, "", db_get_text(rows, 1)),
        .name = copy(s, "", db_get_text(rows, 2)),
        .email = db_is_null(rows, 3) ? NULL : copy(s, "", db_get_text(rows, 3)),
        .title = db_is_null(rows, 4) ? NULL : copy(s, "", db_get_text(rows, 4)),
        .department = db_get_int(rows, 5),
        .manager = db_get_int(rows, 6),
        .active = view_equal(db_get_text(rows, 8), VIEW("active")),
    };
    k->source = view_equal(source, VIEW("ldap"))  ? PERSON_LDAP
                : view_equal(source, VIEW("csv")) ? PERSON_CSV
                                                  : PERSON_HAND;
    s->had_list = s->had_list || k->source != PERSON_HAND;
    const char *name = copy(s, "", pseudonym);
    if (k->name == NULL || name == NULL || !put(s, s->pseudonyms, name, 0))
        return no_memory(s);
    if (k->number != NULL && !put(s, s->by_number, k->number, s->known_count))
        return false;
    s->known_count++;
    return true;
}

static bool take_alias(struct sync *s, struct db_rows *rows)
{
    static const char *const mark[ALIAS_KINDS] = { "0", "1", "2", "3" };
    char kind[16];
    enum alias_kind k;
    struct text t = TEXT(kind);

    text_add(&t, db_get_text(rows, 0));
    if (!alias_kind_parse(kind, &k))
        return true;
    if ((s->open_count & (s->open_count - 1)) == 0) {
        void *more = reallocarray(s->open, s->open_count == 0 ? 1 : s->open_count * 2, sizeof *s->open);
        if (more == NULL)
            return no_memory(s);
        s->open = more;
    }
    struct view source = db_get_text(rows, 3);
    struct open_alias *a = &s->open[s->open_count];
    *a = (struct open_alias){
        .key = copy(s, mark[k], db_get_text(rows, 1)),
        .person = db_get_int(rows, 2),
        .ours = view_equal(source, view_string(person_source_name(s->how->source))),
        .by_hand = view_equal(source, VIEW("hand")),
        .from_us = db_get_int(rows, 4),
    };
    return a->key != NULL ? put(s, s->open_by_key, a->key, s->open_count++) : no_memory(s);
}

static bool read_rows(struct sync *s, const char *sql, bool (*take)(struct sync *s, struct db_rows *rows))
{
    struct db_rows *rows;
    struct imw_error_info failed = { 0 };
    bool good = true;

    if (!db_query(s->db, sql, DB_NONE, &rows, s->err))
        return false;
    while (good && db_next(rows, &failed))
        good = take(s, rows);
    db_rows_end(rows);
    if (failed.code != IMW_OK && s->err != NULL)
        *s->err = failed;
    return good && failed.code == IMW_OK;
}

/* ---- who is who ---- */

/* Each person of the roster and whom of the known it is; a number twice is a person too many. */
static bool match_people(struct sync *s)
{
    struct roster *r = s->roster;

    for (size_t i = 0; i < r->count; i++) {
        const struct roster_person *p = &r->people[i];
        uint32_t first = text_index_get(s->listed, p->number);
        if (first != UINT32_MAX) {
            roster_refuse(r, p->line, "number %s stands there twice, first in line %u", p->number,
                          r->people[first].line);
            s->target[i].known = UINT32_MAX;
            s->target[i].id = -1; /* no one: left out below */
            continue;
        }
        if (!put(s, s->listed, p->number, i))
            return false;
        if (p->email != NULL && !put(s, s->listed_mail, p->email, i))
            return false;
        uint32_t k = text_index_get(s->by_number, p->number);
        s->target[i] = (struct target){ .known = k, .chief = UINT32_MAX };
        if (k != UINT32_MAX) {
            s->known[k].listed = true;
            s->target[i].id = s->known[k].id;
        }
    }
    return true;
}

/* Managers: of the roster by number or mail, else somebody of another source by number. */
static void match_managers(struct sync *s)
{
    struct roster *r = s->roster;

    for (size_t i = 0; i < r->count; i++) {
        const struct roster_person *p = &r->people[i];
        struct target *t = &s->target[i];
        if (t->id < 0 || p->manager == NULL)
            continue;
        t->chief = text_index_get(s->listed, p->manager);
        if (t->chief == UINT32_MAX)
            t->chief = text_index_get(s->listed_mail, p->manager);
        if (t->chief == i) { /* whoever leads all is often written down as their own manager */
            t->chief = UINT32_MAX;
            continue;
        }
        if (t->chief != UINT32_MAX)
            continue;
        uint32_t k = text_index_get(s->by_number, p->manager);
        if (k != UINT32_MAX && s->known[k].active)
            t->manager = s->known[k].id;
        else
            roster_problem(r, p->line, "the manager of %s, %s, is not in the list", p->number, p->manager);
    }
}

/* How many are above each; a circle is cut where it closes. The way up is walked twice, no stack needed. */
static void find_depths(struct sync *s)
{
    struct roster *r = s->roster;
    static const uint32_t under_way = UINT32_MAX;

    for (size_t i = 0; i < r->count; i++) {
        uint32_t above = 0, steps = 0;
        size_t at = i;
        if (s->target[i].id < 0 || s->target[i].depth != 0)
            continue;
        for (;;) {
            struct target *t = &s->target[at];
            t->depth = under_way;
            steps++;
            if (t->chief == UINT32_MAX)
                break;
            struct target *up = &s->target[t->chief];
            if (up->depth == under_way) {
                roster_problem(r, r->people[at].line,
                               "the managers above %s lead in a circle; it is cut there",
                               r->people[at].number);
                t->chief = UINT32_MAX;
                break;
            }
            if (up->depth != 0) {
                above = up->depth;
                break;
            }
            at = t->chief;
        }
        at = i;
        for (uint32_t left = steps; left > 0; left--) {
            s->target[at].depth = above + left;
            at = s->target[at].chief;
        }
    }
}

static void count_leavers(struct sync *s, uint64_t *out_active)
{
    *out_active = 0;
    s->leavers = 0;
    for (size_t k = 0; k < s->known_count; k++) {
        if (!s->known[k].active || s->known[k].source != s->how->source)
            continue;
        ++*out_active;
        s->leavers += !s->known[k].listed;
    }
}

/* A list that is suspiciously short is an accident of its source, not the end of the institution. */
static bool check_sanity(struct sync *s)
{
    uint64_t active;

    count_leavers(s, &active);
    if (s->roster->refused > 0 && !s->how->some_refused && !s->how->dry) {
        const struct line_problem *p = s->roster->problems.at;
        return error_set(
            s->err, IMW_ERROR_VALUE,
            "%zu people cannot be taken, so nothing was changed; the first problem: line %u: %.100s",
            s->roster->refused, p != NULL ? p->line : 0, p != NULL ? p->text : "out of memory");
    }
    if (s->how->force || s->how->dry)
        return true;
    if (s->roster->count == 0)
        return error_set(s->err, IMW_ERROR_VALUE, "the list names nobody, so nothing was changed");
    if (s->leavers > 1 && s->leavers * 5 > active)
        return error_set(
            s->err, IMW_ERROR_VALUE,
            "%llu of %llu people would leave, more than a fifth, so nothing was changed; where that "
            "is right, do it again with force",
            (unsigned long long)s->leavers, (unsigned long long)active);
    return true;
}

/* ---- what changes ---- */

static bool find_department(struct sync *s, const char *name, int64_t *out)
{
    *out = 0;
    if (name == NULL)
        return true;
    uint32_t id = text_index_get(s->departments, name);
    if (id != UINT32_MAX) {
        *out = id;
        return true;
    }
    if (s->how->dry) {
        *out = -1; /* a new one */
        return true;
    }
    return department_id(s->db, name, out, s->err) && put(s, s->departments, name, (size_t)*out);
}

/* Numbers for new people, from where the database takes them. */
static bool take_ids(struct sync *s)
{
    size_t wanted = 0, at = 0;
    struct db_rows *rows;
    struct imw_error_info failed = { 0 };

    for (size_t i = 0; i < s->roster->count; i++)
        wanted += s->target[i].id == 0;
    if (wanted == 0)
        return true;
    if (db_kind(s->db) == DB_SQLITE) {
        int64_t next;
        if (!db_query_int(s->db, "select coalesce(max(id), 0) + 1 from person", DB_NONE, &next, NULL, s->err))
            return false;
        for (size_t i = 0; i < s->roster->count; i++)
            if (s->target[i].id == 0)
                s->target[i].id = next++;
        return true;
    }
    if (!db_query(s->db, "select nextval(pg_get_serial_sequence('person', 'id')) from generate_series(1, ?)",
                  DB_ARGS(db_int((int64_t)wanted)), &rows, s->err))
        return false;
    while (db_next(rows, &failed)) {
        while (at < s->roster->count && s->target[at].id != 0)
            at++;
        if (at < s->roster->count)
            s->target[at].id = db_get_int(rows, 0);
    }
    db_rows_end(rows);
    if (failed.code != IMW_OK && s->err != NULL)
        *s->err = failed;
    return failed.code == IMW_OK;
}

static struct db_value id_or_null(int64_t id)
{
    return id != 0 ? db_int(id) : db_null();
}

static bool new_pseudonym(struct sync *s, const char **out)
{
    char made[PSEUDONYM_SIZE];

    do
        pseudonym_make(made);
    while (text_index_get(s->pseudonyms, made) != UINT32_MAX);
    *out = copy(s, "", view_string(made));
    return *out != NULL ? put(s, s->pseudonyms, *out, 0) : no_memory(s);
}

/* Those that are new, of one depth after the other. */
static bool insert_people(struct sync *s)
{
    struct roster *r = s->roster;
    uint32_t deepest = 0;
    struct db_bulk *bulk = NULL;
    bool good = true;
    size_t *start, *order;

    for (size_t i = 0; i < r->count; i++)
        if (s->target[i].known == UINT32_MAX && s->target[i].id > 0 && s->target[i].depth > deepest)
            deepest = s->target[i].depth;
    if (deepest == 0)
        return true;
    start = calloc((size_t)deepest + 2, sizeof *start);
    order = calloc(r->count, sizeof *order);
    if (start == NULL || order == NULL) {
        free(start);
        free(order);
        return no_memory(s);
    }
    for (size_t i = 0; i < r->count; i++)
        if (s->target[i].known == UINT32_MAX && s->target[i].id > 0)
            start[s->target[i].depth + 1]++;
    for (uint32_t d = 1; d <= deepest + 1; d++)
        start[d] += start[d - 1];
    size_t all = start[deepest + 1];
    for (size_t i = 0; i < r->count; i++)
        if (s->target[i].known == UINT32_MAX && s->target[i].id > 0)
            order[start[s->target[i].depth]++] = i;
    good = db_bulk_begin(s->db, "person",
                         "id, pseudonym, number, name, email, title, department, manager, source, state, "
                         "joined_us, changed_us",
                         12, &bulk, s->err);
    for (size_t n = 0; good && n < all; n++) {
        const struct roster_person *p = &r->people[order[n]];
        const struct target *t = &s->target[order[n]];
        const char *pseudonym;
        good = new_pseudonym(s, &pseudonym);
        if (!good)
            break;
        const struct db_value row[] = {
            db_int(t->id),
            db_text(pseudonym),
            db_text(p->number),
            db_text(p->name),
            db_text(p->email),
            db_text(p->title),
            id_or_null(t->department),
            id_or_null(t->manager),
            db_text(person_source_name(s->how->source)),
            db_text("active"),
            db_int((int64_t)s->now_us),
            db_int((int64_t)s->now_us),
        };
        good = db_bulk_row(bulk, row, s->err);
        if (!good)
            break;
    }
    struct imw_error_info ended = { 0 };
    if (bulk != NULL && !db_bulk_end(bulk, &ended) && good) {
        *s->err = ended;
        good = false;
    }
    free(start);
    free(order);
    return good;
}

static bool update_people(struct sync *s)
{
    struct roster *r = s->roster;

    for (size_t i = 0; i < r->count; i++) {
        const struct roster_person *p = &r->people[i];
        const struct target *t = &s->target[i];
        if (t->known == UINT32_MAX || !t->fields)
            continue;
        if (!db_run(
                s->db,
                "update person set name = ?, email = ?, title = ?, department = ?, manager = ?, source = ?, "
                "state = 'active', left_us = null, changed_us = ? where id = ?",
                DB_ARGS(db_text(p->name), db_text(p->email), db_text(p->title), id_or_null(t->department),
                        id_or_null(t->manager), db_text(person_source_name(s->how->source)),
                        db_int((int64_t)s->now_us), db_int(t->id)),
                NULL, s->err))
            return false;
    }
    return true;
}

/* What is different in those who are known. */
static void compare_people(struct sync *s)
{
    struct roster *r = s->roster;

    for (size_t i = 0; i < r->count; i++) {
        const struct roster_person *p = &r->people[i];
        struct target *t = &s->target[i];
        if (t->chief != UINT32_MAX) {
            t->manager = s->target[t->chief].id;
            if (t->manager == 0)
                t->manager = -1; /* somebody new, in a dry run */
        }
        s->moved |= t->manager != (t->known != UINT32_MAX ? s->known[t->known].manager : 0);
        if (t->known == UINT32_MAX)
            continue;
        const struct known *k = &s->known[t->known];
        t->fields = !k->active || k->source != s->how->source || !same(k->name, p->name) ||
                    !same(k->email, p->email) || !same(k->title, p->title) ||
                    k->department != t->department || k->manager != t->manager;
    }
}

static bool leave(struct sync *s)
{
    for (size_t k = 0; k < s->known_count; k++) {
        const struct known *p = &s->known[k];
        if (p->active && p->source == s->how->source && !p->listed &&
            !person_end(s->db, p->id, s->now_us, s->err))
            return false;
    }
    return true;
}

/* ---- aliases ---- */

static bool end_alias(struct sync *s, struct open_alias *a)
{
    char kind[16];
    struct text t = TEXT(kind);

    text_string(&t, alias_kind_name((enum alias_kind)(a->key[0] - '0')));
    return s->how->dry ||
           db_run(s->db, "update person_alias set until_us = ? where kind = ? and value = ? and from_us = ?",
                  DB_ARGS(db_int((int64_t)s->now_us), db_text(kind), db_text(a->key + 1), db_int(a->from_us)),
                  NULL, s->err);
}

/* They lie in the order of their ids. */
static const struct known *known_by_id(const struct sync *s, int64_t id)
{
    size_t low = 0, high = s->known_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->known[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->known_count && s->known[low].id == id ? &s->known[low] : NULL;
}

static bool is_leaving(const struct sync *s, int64_t id)
{
    const struct known *k = known_by_id(s, id);

    return k != NULL && k->source == s->how->source && !k->listed;
}

/* Whether this alias of the roster is to be begun; *out_good false: failed. */
static bool alias_is_new(struct sync *s, const struct roster_alias *a, const char *key, bool *out_good)
{
    struct target *t = &s->target[a->person];
    uint32_t at = text_index_get(s->open_by_key, key);

    *out_good = true;
    if (at == UINT32_MAX)
        return true;
    struct open_alias *o = &s->open[at];
    bool theirs = o->person == t->id && t->known != UINT32_MAX;
    o->wanted = true;
    if (theirs)
        return false;
    if (o->by_hand && !is_leaving(s, o->person)) {
        roster_problem(s->roster, s->roster->people[a->person].line,
                       "%s '%s' was given to somebody else by hand, and stays there",
                       alias_kind_name(a->kind), a->value);
        return false;
    }
    o->lost = true;
    *out_good = end_alias(s, o);
    return true;
}

/* Ours that are in the roster no more end. Those of leavers are ended with them. */
static bool end_unwanted(struct sync *s)
{
    for (size_t i = 0; i < s->open_count; i++) {
        struct open_alias *a = &s->open[i];
        if (a->wanted || !a->ours)
            continue;
        a->lost = true;
        if (!end_alias(s, a))
            return false;
    }
    return true;
}

static bool sync_aliases(struct sync *s)
{
    static const char marks[] = "0123";
    struct roster *r = s->roster;
    struct db_bulk *bulk = NULL;
    const char **keys = calloc(r->alias_count + 1, sizeof *keys);
    bool *fresh = calloc(r->alias_count + 1, sizeof *fresh);
    bool good = keys != NULL && fresh != NULL;
    size_t begun = 0;

    if (!good)
        no_memory(s);
    /* A value that two people claim is neither's: the second claim spoils the first. */
    for (size_t i = 0; good && i < r->alias_count; i++) {
        const char mark[2] = { marks[r->aliases[i].kind], '\0' };
        keys[i] = copy(s, mark, view_string(r->aliases[i].value));
        uint32_t *owner = keys[i] != NULL ? text_index_put(s->wanted, keys[i]) : NULL;
        good = owner != NULL || no_memory(s);
        if (!good || s->target[r->aliases[i].person].id < 0)
            continue;
        if (*owner == UINT32_MAX) {
            *owner = r->aliases[i].person;
        } else if (*owner != r->aliases[i].person) {
            roster_problem(r, r->people[r->aliases[i].person].line,
                           "%s '%s' is that of several people, so it tells of none",
                           alias_kind_name(r->aliases[i].kind), r->aliases[i].value);
            *owner = UINT32_MAX - 1;
        }
    }
    for (size_t i = 0; good && i < r->alias_count; i++) {
        if (text_index_get(s->wanted, keys[i]) != r->aliases[i].person)
            continue;
        fresh[i] = alias_is_new(s, &r->aliases[i], keys[i], &good);
        if (fresh[i]) {
            s->target[r->aliases[i].person].aliases = true;
            begun++;
        }
    }
    if (good)
        good = end_unwanted(s);
    if (good && begun > 0 && !s->how->dry) {
        good = db_bulk_begin(s->db, "person_alias", "kind, value, person, source, from_us", 5, &bulk, s->err);
        bool row_good = true;
        for (size_t i = 0; good && row_good && i < r->alias_count; i++) {
            const struct roster_alias *a = &r->aliases[i];
            const struct db_value row[] = {
                db_text(alias_kind_name(a->kind)),
                db_text(a->value),
                db_int(s->target[a->person].id),
                db_text(person_source_name(s->how->source)),
                db_int(s->had_list ? (int64_t)s->now_us : 0), /* the first list tells of the past, too */
            };
            if (fresh[i])
                row_good = db_bulk_row(bulk, row, s->err);
        }
        struct imw_error_info ended = { 0 };
        if (good && !db_bulk_end(bulk, &ended)) {
            if (row_good && s->err != NULL)
                *s->err = ended;
            good = false;
        }
        good = good && row_good;
    }
    free(keys);
    free(fresh);
    return good;
}

/* People who lost an alias have changed, too. */
static void mark_losers(struct sync *s)
{
    for (size_t i = 0; i < s->open_count; i++) {
        const struct open_alias *a = &s->open[i];
        const struct known *k = a->lost ? known_by_id(s, a->person) : NULL;
        uint32_t listed = k != NULL && k->number != NULL ? text_index_get(s->listed, k->number) : UINT32_MAX;
        if (listed != UINT32_MAX)
            s->target[listed].aliases = true;
    }
}

static void count_people(const struct sync *s, struct people_counts *out)
{
    *out = (struct people_counts){ .left = s->leavers };
    for (size_t i = 0; i < s->roster->count; i++) {
        const struct target *t = &s->target[i];
        if (t->id < 0)
            continue;
        if (t->known == UINT32_MAX)
            out->added++;
        else if (t->fields || t->aliases)
            out->changed++;
        else
            out->unchanged++;
    }
}

static bool tell_audit(struct sync *s, const struct people_counts *c)
{
    json_t *detail =
        json_pack("{sIsIsIsIsb}", "added", (json_int_t)c->added, "changed", (json_int_t)c->changed, "left",
                  (json_int_t)c->left, "unchanged", (json_int_t)c->unchanged, "forced", s->how->force);
    char object[32];
    struct text t = TEXT(object);

    text_format(&t, "people %s", person_source_name(s->how->source));
    bool good = detail != NULL ? audit_add(s->db, s->how->actor, s->how->address, "people.sync", object,
                                           detail, s->now_us, s->err)
                               : no_memory(s);
    json_decref(detail);
    return good;
}

static bool run(struct sync *s, struct people_counts *out)
{
    struct roster *r = s->roster;
    struct people_counts counts;

    s->target = calloc(r->count + 1, sizeof *s->target);
    s->by_number = text_index_new(r->count);
    s->listed = text_index_new(r->count);
    s->listed_mail = text_index_new(r->count);
    s->open_by_key = text_index_new(r->alias_count);
    s->wanted = text_index_new(r->alias_count);
    s->departments = text_index_new(64);
    s->pseudonyms = text_index_new(r->count);
    if (s->target == NULL || s->by_number == NULL || s->listed == NULL || s->listed_mail == NULL ||
        s->open_by_key == NULL || s->wanted == NULL || s->departments == NULL || s->pseudonyms == NULL)
        return no_memory(s);
    if (!read_departments(s) ||
        !read_rows(s,
                   "select id, number, name, email, title, department, manager, source, state, pseudonym "
                   "from person order by id",
                   take_known) ||
        !read_rows(s, "select kind, value, person, source, from_us from person_alias where until_us is null",
                   take_alias) ||
        !match_people(s) || !check_sanity(s))
        return false;
    match_managers(s);
    find_depths(s);
    for (size_t i = 0; i < r->count; i++)
        if (s->target[i].id >= 0 && !find_department(s, r->people[i].department, &s->target[i].department))
            return false;
    if (!s->how->dry && !take_ids(s))
        return false;
    compare_people(s);
    if (!s->how->dry &&
        (!leave(s) || !insert_people(s) || !update_people(s) || (s->moved && !team_rebuild(s->db, s->err))))
        return false;
    if (!sync_aliases(s))
        return false;
    mark_losers(s);
    count_people(s, &counts);
    if (!s->how->dry &&
        ((counts.added + counts.changed + counts.left > 0 &&
          (!person_text_keep(s->db, 0, s->err) || !events_rejoin(s->db, s->now_us, s->err))) ||
         !tell_audit(s, &counts)))
        return false;
    *out = counts;
    return true;
}

bool people_sync(struct db *db, struct roster *r, const struct people_sync *how, uint64_t now_us,
                 struct people_counts *out, struct imw_error_info *err)
{
    struct imw_error_info spare;
    struct sync s = {
        .db = db, .roster = r, .how = how, .now_us = now_us, .err = err != NULL ? err : &spare
    };
    bool good = run(&s, out);

    for (struct texts *t = s.texts, *before; t != NULL; t = before) {
        before = t->before;
        free(t);
    }
    text_index_free(s.by_number);
    text_index_free(s.listed);
    text_index_free(s.listed_mail);
    text_index_free(s.open_by_key);
    text_index_free(s.wanted);
    text_index_free(s.departments);
    text_index_free(s.pseudonyms);
    free(s.known);
    free(s.open);
    free(s.target);
    return good;
}
