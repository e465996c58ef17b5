/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to see a name or a text, in the table reveal. A change of state names the state that it comes
 * from ("… where id = ? and state = 'asked'"), so that of two who decide at once, or of one who decides while
 * the other withdraws, one changes a row and the other none, on any database.
 */
#include "program/reveal.h"
#include "program/shape.h"
#include <stdlib.h>

enum { LISTED = 500, OBJECT_BYTES = 128, WHY_BYTES = 2000 };
static const uint64_t hour_us = UINT64_C(3600000000);

/* An account as it is now. */
struct party {
    int64_t id, person;   /* person 0: tied to none */
    uint64_t permissions; /* none where it is disabled or over */
};

struct request {
    int64_t id, requester;
    char kind, state[16];
    char object[OBJECT_BYTES + 1];
    uint64_t until_us;
};

/* ---- who, and what ---- */

static void copy_text(char *out, size_t size, struct view v)
{
    struct text t = text_over(out, size);

    text_add(&t, v);
}

static bool load_party(struct act *c, int64_t id, struct party *out, struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    struct db_rows *rows;

    *out = (struct party){ .id = id };
    if (!db_query(c->db, "select roles, state, expires_us, person from account where id = ?",
                  DB_ARGS(db_int(id)), &rows, err))
        return false;
    bool found = db_next(rows, &failed);
    if (found) {
        char roles_text[256];
        unsigned roles = 0;
        copy_text(roles_text, sizeof roles_text, db_get_text(rows, 0));
        bool in_force = view_equal(db_get_text(rows, 1), VIEW("active")) &&
                        (db_is_null(rows, 2) || (uint64_t)db_get_int(rows, 2) > c->now_us);
        if (in_force && roles_parse(roles_text, &roles))
            out->permissions = permissions_of(roles);
        out->person = db_get_int(rows, 3);
    }
    db_rows_end(rows);
    if (!found && failed.code != IMW_OK) {
        *err = failed;
        return false;
    }
    return true;
}

static bool has(const struct party *p, enum permission permission)
{
    return (p->permissions >> permission & 1) != 0;
}

/* Who acts must be a person at a screen, who has the permission now, whatever the session remembers. */
static bool load_actor(struct act *c, enum permission permission, struct party *out,
                       struct imw_error_info *err)
{
    const struct actor *a = c->actor;

    if (a->token)
        return act_no(c, err, ACT_FORBIDDEN, "", "names and texts are not for tokens: sign in");
    if (a->account == 0 || a->restricted || !actor_may(a, permission))
        return act_no(c, err, ACT_FORBIDDEN, "", "this account may not do that");
    return load_party(c, a->account, out, err) &&
           (has(out, permission) || act_no(c, err, ACT_FORBIDDEN, "",
                                           "this account may not do that any more: its roles have changed"));
}

static bool load_request(struct act *c, int64_t id, struct request *out, struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    struct db_rows *rows;

    *out = (struct request){ .id = id };
    if (!db_query(c->db, "select requester, kind, state, object, until_us from reveal where id = ?",
                  DB_ARGS(db_int(id)), &rows, err))
        return false;
    bool found = db_next(rows, &failed);
    if (found) {
        out->requester = db_get_int(rows, 0);
        out->kind = view_equal(db_get_text(rows, 1), VIEW("text")) ? 't' : 'p';
        copy_text(out->state, sizeof out->state, db_get_text(rows, 2));
        copy_text(out->object, sizeof out->object, db_get_text(rows, 3));
        out->until_us = (uint64_t)db_get_int(rows, 4);
    }
    db_rows_end(rows);
    if (found)
        return true;
    if (failed.code == IMW_OK)
        return act_no(c, err, ACT_MISSING, "", "there is no such request");
    *err = failed;
    return false;
}

/* "12" or "person:12", a person, or "who:7", a client. */
static bool read_object(const char *object, int64_t *out_person, int64_t *out_who)
{
    struct view v = view_string(object);
    bool is_who = view_starts(v, VIEW("who:"));
    uint64_t number = 0;

    if (is_who)
        v = view_from(v, 4);
    else if (view_starts(v, VIEW("person:")))
        v = view_from(v, 7);
    if (!view_decimal(v, INT64_MAX, &number) || number == 0)
        return false;
    *out_person = is_who ? 0 : (int64_t)number;
    *out_who = is_who ? (int64_t)number : 0;
    return true;
}

/* ---- asking ---- */

static size_t characters(struct view v)
{
    size_t count = 0;

    for (size_t i = 0; i < v.len; i++)
        count += (v.at[i] & 0xc0) != 0x80;
    return count;
}

/* The object as it is kept: what belongs to a person is the person. */
static bool check_person(struct act *c, const char *object, char out[OBJECT_BYTES + 1],
                         struct imw_error_info *err)
{
    int64_t person, who, there = 0;
    bool found = false;

    if (!read_object(object, &person, &who))
        return act_no(c, err, ACT_WRONG, "object",
                      "a person's number is needed, or who: and a client's number");
    if (who != 0 && !db_query_int(c->db, "select coalesce(person, 0) from who where id = ?",
                                  DB_ARGS(db_int(who)), &person, &found, err))
        return false;
    if (who != 0 && !found)
        return act_no(c, err, ACT_WRONG, "object", "there is no such client");
    if (person == 0) {
        snprintf(out, OBJECT_BYTES + 1, "who:%lld", (long long)who);
        return true;
    }
    if (!db_query_int(c->db, "select id from person where id = ?", DB_ARGS(db_int(person)), &there, &found,
                      err))
        return false;
    snprintf(out, OBJECT_BYTES + 1, "%lld", (long long)person);
    return found || act_no(c, err, ACT_WRONG, "object", "there is no such person");
}

static bool check_text(struct act *c, const char *object, char out[OBJECT_BYTES + 1],
                       struct imw_error_info *err)
{
    size_t len = strlen(object);
    bool ok = len > 0 && len <= OBJECT_BYTES && object[0] != '.';

    for (size_t i = 0; ok && i < len; i++)
        ok = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", object[i]) != NULL;
    if (!ok)
        return act_no(c, err, ACT_WRONG, "object", "the vault's object is needed, as the event names it");
    memcpy(out, object, len + 1);
    return true;
}

static bool check_waiting(struct act *c, const char *kind, const char *object, struct imw_error_info *err)
{
    int64_t count = 0;

    if (!db_query_int(
            c->db,
            "select count(*) from reveal where requester = ? and kind = ? and object = ? and "
            "(state = 'asked' or (state = 'granted' and until_us > ?))",
            DB_ARGS(db_int(c->actor->account), db_text(kind), db_text(object), db_int((int64_t)c->now_us)),
            &count, NULL, err))
        return false;
    if (count > 0)
        return act_no(c, err, ACT_LATE, "object",
                      "you have asked for that already: see the list of requests");
    if (!db_query_int(c->db, "select count(*) from reveal where requester = ? and state = 'asked'",
                      DB_ARGS(db_int(c->actor->account)), &count, NULL, err))
        return false;
    return count < REVEAL_WAITING ||
           act_no(c, err, ACT_LATE, "", "too many requests of yours wait for an answer: withdraw some");
}

bool reveal_ask(struct act *c, const char *kind, const char *object, const char *reason, int64_t incident,
                int64_t *out_id, struct imw_error_info *err)
{
    bool is_person = strcmp(kind, "person") == 0, found = false;
    struct view why = view_trim(view_string(reason));
    char kept[OBJECT_BYTES + 1];
    struct party me;
    int64_t id = 0;

    if (!load_actor(c, PERMISSION_REVEAL_ASK, &me, err))
        return false;
    if (!is_person && strcmp(kind, "text") != 0)
        return act_no(c, err, ACT_WRONG, "kind", "it is person or text");
    if (characters(why) < REVEAL_REASON_LEAST)
        return act_no(c, err, ACT_WRONG, "reason",
                      "say why, in 15 characters or more: who decides has nothing else to go by");
    if (why.len > REVEAL_REASON_BYTES)
        return act_no(c, err, ACT_WRONG, "reason", "a shorter reason is needed");
    if (!(is_person ? check_person(c, object, kept, err) : check_text(c, object, kept, err)) ||
        !check_waiting(c, kind, kept, err))
        return false;
    if (incident != 0) {
        if (!db_query_int(c->db, "select id from incident where id = ?", DB_ARGS(db_int(incident)), &id,
                          &found, err))
            return false;
        if (!found)
            return act_no(c, err, ACT_WRONG, "incident", "there is no such incident");
    }
    if (!db_insert(c->db,
                   "insert into reveal (requester, kind, object, incident, reason, state, asked_us) "
                   "values (?, ?, ?, ?, ?, 'asked', ?) returning id",
                   DB_ARGS(db_int(me.id), db_text(kind), db_text(kept),
                           incident != 0 ? db_int(incident) : db_null(), db_view(why),
                           db_int((int64_t)c->now_us)),
                   &id, err))
        return false;
    json_t *detail = json_pack("{s:s,s:s,s:s#}", "kind", kind, "object", kept, "reason", (const char *)why.at,
                               (int)why.len);
    if (!act_record(c, "reveal.ask", "reveal", id, detail, err))
        return false;
    *out_id = id;
    return true;
}

/* ---- deciding ---- */

/* Two accounts, two persons, neither of whom it is about; and who asked may still ask. */
static bool check_two(struct act *c, const struct request *r, const struct party *me,
                      struct imw_error_info *err)
{
    struct party other;
    int64_t person = 0, who = 0;

    if (r->requester == me->id)
        return act_no(c, err, ACT_FORBIDDEN, "", "one's own request is decided by another person");
    if (!load_party(c, r->requester, &other, err))
        return false;
    if (me->person != 0 && me->person == other.person)
        return act_no(c, err, ACT_FORBIDDEN, "", "both accounts are yours: another person must decide");
    if (!has(&other, PERMISSION_REVEAL_ASK))
        return act_no(c, err, ACT_LATE, "",
                      "who asked may not ask any more: the account is disabled or its roles have changed");
    if (r->kind == 'p' && me->person != 0 && read_object(r->object, &person, &who) && person == me->person)
        return act_no(c, err, ACT_FORBIDDEN, "", "it is about yourself: another person must decide");
    return true;
}

bool reveal_decide(struct act *c, int64_t id, bool grant, const char *why, unsigned hours,
                   struct imw_error_info *err)
{
    struct view words = view_trim(view_string(why));
    struct request r;
    struct party me;
    uint64_t changed = 0;

    if (!load_actor(c, PERMISSION_REVEAL_DECIDE, &me, err) || !load_request(c, id, &r, err))
        return false;
    if (!grant && words.len == 0)
        return act_no(c, err, ACT_WRONG, "why", "say why it is refused");
    if (words.len > WHY_BYTES)
        return act_no(c, err, ACT_WRONG, "why", "a shorter text is needed");
    if (grant && (hours < 1 || hours > REVEAL_HOURS))
        return act_no(c, err, ACT_WRONG, "hours", "from 1 to 72 hours");
    if (strcmp(r.state, "asked") != 0)
        return act_no(c, err, ACT_LATE, "", "it was decided or withdrawn already");
    if (!check_two(c, &r, &me, err))
        return false;
    if (!db_run(c->db,
                "update reveal set state = ?, decider = ?, decided_us = ?, decided_why = ?, until_us = ? "
                "where id = ? and state = 'asked'",
                DB_ARGS(db_text(grant ? "granted" : "refused"), db_int(me.id), db_int((int64_t)c->now_us),
                        words.len > 0 ? db_view(words) : db_null(),
                        grant ? db_int((int64_t)(c->now_us + hours * hour_us)) : db_null(), db_int(id)),
                &changed, err))
        return false;
    if (changed != 1)
        return act_no(c, err, ACT_LATE, "", "it was decided or withdrawn already");
    json_t *detail = json_pack("{s:I,s:s#}", "hours", (json_int_t)(grant ? hours : 0), "why",
                               (const char *)words.at, (int)words.len);
    return act_record(c, grant ? "reveal.grant" : "reveal.refuse", "reveal", id, detail, err);
}

bool reveal_withdraw(struct act *c, int64_t id, struct imw_error_info *err)
{
    struct request r;
    uint64_t changed = 0;

    if (c->actor->token || c->actor->account == 0)
        return act_no(c, err, ACT_FORBIDDEN, "", "names and texts are not for tokens: sign in");
    if (!load_request(c, id, &r, err))
        return false;
    if (r.requester != c->actor->account)
        return act_no(c, err, ACT_FORBIDDEN, "", "only who asked withdraws a request");
    if (!db_run(c->db, "update reveal set state = 'withdrawn' where id = ? and state in ('asked', 'granted')",
                DB_ARGS(db_int(id)), &changed, err))
        return false;
    if (changed != 1)
        return act_no(c, err, ACT_LATE, "", "it was refused or withdrawn already");
    return act_record(c, "reveal.withdraw", "reveal", id, json_pack("{s:s}", "was", r.state), err);
}

/* ---- showing ---- */

static bool load_names(struct act *c, const char *object, json_t **out, struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    int64_t person = 0, who = 0;
    struct db_rows *rows;

    (void)read_object(object, &person, &who);
    if (!db_query(c->db,
                  person != 0
                      ? "select p.name, (select a.value from person_alias a where a.person = p.id and "
                        "a.kind = 'user' order by a.from_us desc limit 1), p.email, d.name "
                        "from person p left join department d on d.id = p.department where p.id = ?"
                      : "select w.host, w.login, null, null from who w where w.id = ?",
                  DB_ARGS(db_int(person != 0 ? person : who)), &rows, err))
        return false;
    bool found = db_next(rows, &failed);
    if (found)
        *out = json_pack("{s:o,s:o,s:o,s:o}", "name", shape_text(rows, 0), "login", shape_text(rows, 1),
                         "email", shape_text(rows, 2), "department", shape_text(rows, 3));
    db_rows_end(rows);
    if (found)
        return *out != NULL || error_memory(err);
    if (failed.code == IMW_OK)
        return act_no(c, err, ACT_MISSING, "", "the person is not in the directory any more");
    *err = failed;
    return false;
}

bool reveal_show(struct act *c, int64_t id, char *out_kind, json_t **out, struct imw_error_info *err)
{
    struct request r;
    struct party me;
    json_t *shown = NULL;

    if (!load_actor(c, PERMISSION_REVEAL_ASK, &me, err) || !load_request(c, id, &r, err))
        return false;
    if (r.requester != me.id)
        return act_no(c, err, ACT_FORBIDDEN, "", "it is shown only to who asked");
    if (strcmp(r.state, "granted") != 0)
        return act_no(c, err, ACT_FORBIDDEN, "", "it is not granted");
    if (r.until_us <= c->now_us)
        return act_no(c, err, ACT_FORBIDDEN, "", "the time for which it was granted is over: ask again");
    if ((r.kind == 'p' && !load_names(c, r.object, &shown, err)) ||
        !act_record(c, "reveal.show", "reveal", id,
                    json_pack("{s:s,s:s}", "kind", r.kind == 'p' ? "person" : "text", "object", r.object),
                    err)) {
        json_decref(shown);
        return false;
    }
    *out_kind = r.kind;
    *out = shown;
    return true;
}

/* ---- lists ---- */

#define REVEAL_COLUMNS                                                                                       \
    "select r.id, r.kind, r.object, r.reason, r.incident, q.name, r.state, r.asked_us, d.name, "             \
    "r.decided_us, r.decided_why, r.until_us, r.requester from reveal r "                                    \
    "join account q on q.id = r.requester left join account d on d.id = r.decider "

static json_t *row_value(const struct act *c, const struct db_rows *rows)
{
    json_t *row = json_pack("{s:o,s:o,s:o,s:s,s:o,s:o,s:o,s:o,s:o,s:o}", "id", shape_int(rows, 0), "kind",
                            shape_text(rows, 1), "object", shape_text(rows, 2), "label", "", "reason",
                            shape_text(rows, 3), "incident", shape_int(rows, 4), "requester",
                            shape_text(rows, 5), "state", shape_text(rows, 6), "asked",
                            shape_time_of(rows, 7), "decider", shape_text(rows, 8));

    if (row != NULL && json_object_set_new(row, "decided", shape_time_of(rows, 9)) == 0 &&
        json_object_set_new(row, "decided_why", shape_text(rows, 10)) == 0 &&
        json_object_set_new(row, "until", shape_time_of(rows, 11)) == 0 &&
        json_object_set_new(row, "mine", json_boolean(db_get_int(rows, 12) == c->actor->account)) == 0)
        return row;
    json_decref(row);
    return NULL;
}

/* What is asked for, without saying it: the pseudonym, the client's number, the vault's object. */
static bool add_label(struct act *c, json_t *row, struct imw_error_info *err)
{
    const char *object = json_string_value(json_object_get(row, "object"));
    bool is_text = strcmp(json_string_value(json_object_get(row, "kind")), "text") == 0;
    struct imw_error_info failed = { .code = IMW_OK };
    int64_t person = 0, who = 0;
    struct db_rows *rows;
    char label[OBJECT_BYTES + 1];

    snprintf(label, sizeof label, "%s", object);
    (void)read_object(object, &person, &who);
    if (!is_text && who != 0)
        snprintf(label, sizeof label, "Machine %lld", (long long)who);
    if (!is_text && person != 0) {
        if (!db_query(c->db, "select pseudonym from person where id = ?", DB_ARGS(db_int(person)), &rows,
                      err))
            return false;
        if (db_next(rows, &failed))
            copy_text(label, sizeof label, db_get_text(rows, 0));
        db_rows_end(rows);
    }
    if (failed.code != IMW_OK) {
        *err = failed;
        return false;
    }
    return json_object_set_new(row, "label", json_pack("s", label)) == 0 || error_memory(err);
}

static bool collect(struct act *c, const char *sql, const struct db_value *args, unsigned count, json_t **out,
                    struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    json_t *list = json_pack("[]");
    struct db_rows *rows;
    bool ok = list != NULL;

    if (!db_query(c->db, sql, args, count, &rows, err)) {
        json_decref(list);
        return false;
    }
    while (ok && db_next(rows, &failed)) {
        json_t *row = row_value(c, rows);
        ok = row != NULL && json_array_append_new(list, row) == 0;
    }
    db_rows_end(rows);
    if (!ok)
        error_memory(err);
    else if (failed.code != IMW_OK)
        *err = failed;
    ok = ok && failed.code == IMW_OK;
    for (size_t i = 0; ok && i < json_array_size(list); i++)
        ok = add_label(c, json_array_get(list, i), err);
    if (ok)
        *out = list;
    else
        json_decref(list);
    return ok;
}

bool reveal_list(struct act *c, const char *state, json_t **out, struct imw_error_info *err)
{
    static const char *const states[] = { "asked", "granted", "refused", "withdrawn" };
    bool known = state == NULL;

    for (unsigned i = 0; i < sizeof states / sizeof states[0]; i++)
        known |= state != NULL && strcmp(state, states[i]) == 0;
    if (!known)
        return act_no(c, err, ACT_WRONG, "state", "it is asked, granted, refused or withdrawn");
    if (state == NULL)
        return collect(c, REVEAL_COLUMNS "order by r.id desc limit ?", DB_ARGS(db_int(LISTED)), out, err);
    return collect(c,
                   REVEAL_COLUMNS "where r.state = ? and (r.state <> 'granted' or r.until_us > ?) "
                                  "order by r.id desc limit ?",
                   DB_ARGS(db_text(state), db_int((int64_t)c->now_us), db_int(LISTED)), out, err);
}

bool reveal_get(struct act *c, int64_t id, json_t **out, struct imw_error_info *err)
{
    json_t *list = NULL;

    if (!collect(c, REVEAL_COLUMNS "where r.id = ?", DB_ARGS(db_int(id)), &list, err))
        return false;
    json_t *row = json_incref(json_array_get(list, 0));
    json_decref(list);
    if (row == NULL)
        return act_no(c, err, ACT_MISSING, "", "there is no such request");
    *out = row;
    return true;
}

/* ---- whose names are seen ---- */

struct reveal_set {
    int64_t *objects; /* persons, and clients as negative numbers */
    size_t count, room;
};

static bool add_object(struct reveal_set *s, int64_t object)
{
    if (s->count == s->room) {
        size_t room = s->room == 0 ? 16 : s->room * 2;
        int64_t *grown = realloc(s->objects, room * sizeof *grown);
        if (grown == NULL)
            return false;
        s->objects = grown;
        s->room = room;
    }
    s->objects[s->count++] = object;
    return true;
}

void reveal_set_free(struct reveal_set *s)
{
    if (s != NULL)
        free(s->objects);
    free(s);
}

bool reveal_set_has(const struct reveal_set *s, int64_t person, int64_t who)
{
    for (size_t i = 0; s != NULL && i < s->count; i++)
        if ((person != 0 && s->objects[i] == person) || (who != 0 && s->objects[i] == -who))
            return true;
    return false;
}

static bool load_set(struct reveal_set *s, struct act *c, struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    struct db_rows *rows;
    struct party me;
    bool ok = true;

    if (c->actor->token || c->actor->account == 0 || c->actor->restricted)
        return true;
    if (!load_party(c, c->actor->account, &me, err))
        return false;
    if (!has(&me, PERMISSION_REVEAL_ASK))
        return true;
    if (!db_query(
            c->db,
            "select object from reveal where requester = ? and kind = 'person' and state = 'granted' and "
            "until_us > ?",
            DB_ARGS(db_int(me.id), db_int((int64_t)c->now_us)), &rows, err))
        return false;
    while (ok && db_next(rows, &failed)) {
        int64_t person = 0, who = 0;
        if (read_object((const char *)db_get_text(rows, 0).at, &person, &who))
            ok = add_object(s, person != 0 ? person : -who);
    }
    db_rows_end(rows);
    if (!ok)
        return error_memory(err);
    if (failed.code != IMW_OK)
        *err = failed;
    return failed.code == IMW_OK;
}

bool reveal_set_load(struct db *db, const struct actor *actor, uint64_t now_us, struct reveal_set **out,
                     struct imw_error_info *err)
{
    struct act c = { .db = db, .actor = actor, .now_us = now_us };
    struct reveal_set *s = calloc(1, sizeof *s);

    if (s == NULL)
        return error_memory(err);
    if (!load_set(s, &c, err)) {
        reveal_set_free(s);
        return false;
    }
    *out = s;
    return true;
}

bool reveal_granted(struct db *db, const struct actor *actor, int64_t person, int64_t who, uint64_t now_us,
                    bool *out, struct imw_error_info *err)
{
    struct reveal_set *s;

    if (!reveal_set_load(db, actor, now_us, &s, err))
        return false;
    *out = reveal_set_has(s, person, who);
    reveal_set_free(s);
    return true;
}
