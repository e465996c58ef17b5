/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts in the database. */
#include "program/account.h"
#include "base/text.h"
#include "program/person.h"
#include "program/session.h"
#include "program/setting.h"
#include "program/sign_in.h"
#include "program/totp.h"
#include "program/when.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY_US (UINT64_C(86400) * 1000000)
enum { EXAMINER_DAYS_MOST = 366, EXAMINER_DAYS_BY_GROUP = 90, NAME_TRIES = 100 };

static const char *const sources[] = { "local", "ldap", "oidc" };

const char *account_source_name(enum account_source s)
{
    return sources[s];
}

static struct db_value int_or_null(uint64_t number)
{
    return number == 0 ? db_null() : db_int((int64_t)number);
}

/* ---- looking up ---- */

#define COLUMNS                                                                                              \
    "id, name, full_name, email, source, subject, roles, person, state, expires_us, password, must_change, " \
    "totp, totp_step, created_us, seen_us"

static void column_copy(struct db_rows *rows, unsigned column, char *out, size_t size)
{
    snprintf(out, size, "%s", (const char *)db_get_text(rows, column).at);
}

static void read_row(struct db_rows *rows, struct account *out)
{
    const struct view source = db_get_text(rows, 4), totp = db_get_blob(rows, 12);

    *out = (struct account){ .id = db_get_int(rows, 0),
                             .person = db_get_int(rows, 7),
                             .disabled = !view_equal(db_get_text(rows, 8), VIEW("active")),
                             .must_change = db_get_int(rows, 11) != 0,
                             .has_totp = !db_is_null(rows, 12),
                             .totp_step = db_get_int(rows, 13),
                             .expires_us = (uint64_t)db_get_int(rows, 9),
                             .created_us = (uint64_t)db_get_int(rows, 14),
                             .seen_us = (uint64_t)db_get_int(rows, 15) };
    column_copy(rows, 1, out->name, sizeof out->name);
    column_copy(rows, 2, out->full_name, sizeof out->full_name);
    column_copy(rows, 3, out->email, sizeof out->email);
    column_copy(rows, 5, out->subject, sizeof out->subject);
    column_copy(rows, 10, out->hash, sizeof out->hash);
    for (unsigned s = 0; s < sizeof sources / sizeof sources[0]; s++)
        if (view_equal(source, view_string(sources[s])))
            out->source = (enum account_source)s;
    if (!roles_parse((const char *)db_get_text(rows, 6).at, &out->roles))
        out->roles = 0;
    if (totp.len <= sizeof out->totp) {
        memcpy(out->totp, totp.at, totp.len);
        out->totp_len = totp.len;
    }
}

static bool find(struct db *db, const char *sql, const struct db_value *args, unsigned count,
                 struct account *out, bool *out_found, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;

    *out_found = false;
    if (!db_query(db, sql, args, count, &rows, err))
        return false;
    if (db_next(rows, &why)) {
        read_row(rows, out);
        *out_found = true;
    }
    db_rows_end(rows);
    if (why.code != IMW_OK) {
        if (err != NULL)
            *err = why;
        return false;
    }
    return !*out_found || sign_in_locked(db, out->name, &out->locked_until_us, err);
}

bool account_get(struct db *db, int64_t id, struct account *out, bool *out_found, struct imw_error_info *err)
{
    return find(db, "select " COLUMNS " from account where id = ?", DB_ARGS(db_int(id)), out, out_found, err);
}

bool account_by_name(struct db *db, const char *name, struct account *out, bool *out_found,
                     struct imw_error_info *err)
{
    char folded[ACCOUNT_NAME_SIZE];

    *out_found = false;
    if (!account_name_fold(name, folded, NULL))
        return true;
    return find(db, "select " COLUMNS " from account where name = ?", DB_ARGS(db_text(folded)), out,
                out_found, err);
}

bool account_by_subject(struct db *db, enum account_source source, const char *subject, struct account *out,
                        bool *out_found, struct imw_error_info *err)
{
    return find(db, "select " COLUMNS " from account where source = ? and subject = ?",
                DB_ARGS(db_text(sources[source]), db_text(subject)), out, out_found, err);
}

bool account_any(struct db *db, bool *out_any, struct imw_error_info *err)
{
    int64_t count = 0;

    if (!db_query_int(db, "select count(*) from account", DB_NONE, &count, NULL, err))
        return false;
    *out_any = count > 0;
    return true;
}

bool account_usable(const struct account *a, uint64_t now_us)
{
    return !a->disabled && (a->expires_us == 0 || a->expires_us > now_us);
}

/* ---- what may be kept ---- */

bool account_name_fold(const char *name, char out[ACCOUNT_NAME_SIZE], struct imw_error_info *err)
{
    const size_t len = strlen(name);
    struct view left = view_of(name, len);
    bool right = len > 0 && len < ACCOUNT_NAME_SIZE && name[0] != '-';

    while (right && left.len > 0) {
        const size_t n = utf8_length(left);
        right = n > 1 || (n == 1 && left.at[0] > ' ' && left.at[0] != 0x7f &&
                          strchr("\"'\\<>,;:", left.at[0]) == NULL);
        left = view_from(left, n > 0 ? n : 1);
    }
    if (!right)
        return error_key(err, "name", "a name has 1 to %d bytes, without blanks, quotes, commas and colons",
                         ACCOUNT_NAME_SIZE - 1);
    for (size_t i = 0; i <= len; i++)
        out[i] = (char)ascii_lower((uint8_t)name[i]);
    return true;
}

static bool check_text(const char *key, const char *text, size_t size, bool may_be_empty,
                       struct imw_error_info *err)
{
    char shown[ACCOUNT_SUBJECT_SIZE];
    struct text t = TEXT(shown);
    const struct view v = view_string(text);

    text_shown(&t, v);
    if ((v.len == 0 && !may_be_empty) || v.len >= size || !view_equal(view_of(shown, t.len), v))
        return error_key(err, key, "%s has %s%zu bytes of text, on one line", key,
                         may_be_empty ? "at most " : "1 to ", size - 1);
    return true;
}

static bool check_expiry(unsigned roles, uint64_t expires_us, uint64_t now_us, struct imw_error_info *err)
{
    if ((roles >> ROLE_EXAMINER & 1) == 0)
        return true;
    if (expires_us == 0 || expires_us > now_us + EXAMINER_DAYS_MOST * DAY_US)
        return error_key(err, "expires", "an examiner's account needs a last day, at most a year from now");
    return true;
}

static void roles_text(unsigned roles, char *out, size_t size)
{
    struct text t = text_over(out, size);

    for (unsigned r = 0; r < ROLE_COUNT; r++)
        if ((roles >> r & 1) != 0)
            text_format(&t, "%s%s", t.len > 0 ? " " : "", role_name(r));
}

/* ---- making ---- */

bool account_create(struct db *db, const struct account_new *n, uint64_t now_us, int64_t *out_id,
                    struct imw_error_info *err)
{
    char name[ACCOUNT_NAME_SIZE], roles[128];
    bool taken;
    struct account other;

    if (!account_name_fold(n->name, name, err) ||
        !check_text("full_name", n->full_name, ACCOUNT_FULL_NAME_SIZE, false, err) ||
        (n->email != NULL && !check_text("email", n->email, ACCOUNT_EMAIL_SIZE, true, err)) ||
        (n->subject != NULL && !check_text("subject", n->subject, ACCOUNT_SUBJECT_SIZE, false, err)))
        return false;
    if (n->roles == 0)
        return error_key(err, "roles", "an account needs a role");
    if (n->expires_us != 0 && n->expires_us <= now_us)
        return error_key(err, "expires", "the last day is over already");
    if (!check_expiry(n->roles, n->expires_us, now_us, err) ||
        !account_by_name(db, name, &other, &taken, err))
        return false;
    if (taken)
        return error_key(err, "name", "there is an account '%s' already", name);
    roles_text(n->roles, roles, sizeof roles);
    return db_insert(
        db,
        "insert into account (name, full_name, email, source, subject, roles, person, state, expires_us, "
        "password, must_change, password_us, created_us) "
        "values (?, ?, ?, ?, ?, ?, ?, 'active', ?, ?, ?, ?, ?) returning id",
        DB_ARGS(db_text(name), db_text(n->full_name), db_text(n->email), db_text(sources[n->source]),
                db_text(n->subject), db_text(roles), int_or_null((uint64_t)n->person),
                int_or_null(n->expires_us), db_text(n->hash), db_int(n->must_change),
                n->hash != NULL ? db_int((int64_t)now_us) : db_null(), db_int((int64_t)now_us)),
        out_id, err);
}

/* ---- changing ---- */

/* Somebody must be left who may change accounts. */
static bool check_administrator(struct db *db, uint64_t now_us, struct imw_error_info *err)
{
    int64_t left = 0;

    if (!db_query_int(
            db,
            "select count(*) from account where state = 'active' and roles like '%administrator%' and "
            "(expires_us is null or expires_us > ?) and (source <> 'local' or password is not null)",
            DB_ARGS(db_int((int64_t)now_us)), &left, NULL, err))
        return false;
    return left > 0 ||
           error_key(err, "roles", "this is the last administrator who can sign in: make another one first");
}

struct change {
    struct account a; /* as it is to be */
    json_t *changes;
    bool ends; /* sessions */
    uint64_t now_us;
};

/* Note before and after (both taken over). */
static bool note(struct change *c, const char *key, json_t *before, json_t *after, struct imw_error_info *err)
{
    return json_object_set_new(c->changes, key, json_pack("[o,o]", before, after)) == 0 || error_memory(err);
}

static bool change_text(struct change *c, const char *key, const json_t *value, char *at, size_t size,
                        bool may_be_empty, struct imw_error_info *err)
{
    const char *text = json_is_null(value) && may_be_empty ? "" : json_string_value(value);

    if (text == NULL)
        return error_key(err, key, "%s is a text", key);
    if (!check_text(key, text, size, may_be_empty, err))
        return false;
    if (strcmp(at, text) == 0)
        return true;
    if (!note(c, key, json_pack("s", at), json_pack("s", text), err))
        return false;
    snprintf(at, size, "%s", text);
    return true;
}

bool roles_read(const json_t *list, unsigned *out_roles)
{
    unsigned found = 0, one;
    const json_t *word;
    size_t i;

    if (!json_is_array(list))
        return false;
    json_array_foreach(list, i, word)
    {
        const char *text = json_string_value(word);
        if (text == NULL || strchr(text, ' ') != NULL || !roles_parse(text, &one))
            return false;
        found |= one;
    }
    *out_roles = found;
    return true;
}

static bool change_roles(struct change *c, const json_t *value, struct imw_error_info *err)
{
    char before[128], after[128];
    unsigned roles;

    if (!roles_read(value, &roles) || roles == 0)
        return error_key(err, "roles", "roles is a list of one role at least");
    if (roles == c->a.roles)
        return true;
    roles_text(c->a.roles, before, sizeof before);
    roles_text(roles, after, sizeof after);
    c->a.roles = roles;
    c->ends = true;
    return note(c, "roles", json_pack("s", before), json_pack("s", after), err);
}

static bool change_state(struct change *c, const json_t *value, struct imw_error_info *err)
{
    const char *text = json_string_value(value);

    if (text == NULL || (strcmp(text, "active") != 0 && strcmp(text, "disabled") != 0))
        return error_key(err, "state", "state is active or disabled");
    const bool disabled = strcmp(text, "disabled") == 0;
    if (disabled == c->a.disabled)
        return true;
    c->a.disabled = disabled;
    c->ends = true;
    return note(c, "state", json_pack("s", disabled ? "active" : "disabled"), json_pack("s", text), err);
}

static bool change_expiry(struct change *c, const json_t *value, struct imw_error_info *err)
{
    uint64_t expires = 0;

    if (!json_is_null(value) && (!json_is_string(value) || !when_read(json_string_value(value), &expires)))
        return error_key(err, "expires", "expires is a time such as 2026-11-23T00:00:00Z, or null");
    if (expires == c->a.expires_us)
        return true;
    json_t *before = when_json(c->a.expires_us);
    c->a.expires_us = expires;
    c->ends = true;
    return note(c, "expires", before, when_json(expires), err);
}

static bool change_person(struct change *c, const json_t *value, struct imw_error_info *err)
{
    const int64_t person = json_integer_value(value);

    if (!json_is_null(value) && person <= 0)
        return error_key(err, "person", "person is the number of one, or null");
    if (person == c->a.person)
        return true;
    json_t *before = c->a.person != 0 ? json_integer(c->a.person) : json_null();
    c->a.person = person;
    c->ends = true;
    return note(c, "person", before, json_deep_copy(value), err);
}

static bool change_member(struct change *c, const char *key, const json_t *value, struct imw_error_info *err)
{
    if (strcmp(key, "full_name") == 0)
        return change_text(c, key, value, c->a.full_name, sizeof c->a.full_name, false, err);
    if (strcmp(key, "email") == 0)
        return change_text(c, key, value, c->a.email, sizeof c->a.email, true, err);
    if (strcmp(key, "roles") == 0)
        return c->a.source == SOURCE_LOCAL
                   ? change_roles(c, value, err)
                   : error_key(err, key, "the roles of this account come from its groups");
    if (strcmp(key, "state") == 0)
        return change_state(c, value, err);
    if (strcmp(key, "expires") == 0)
        return change_expiry(c, value, err);
    if (strcmp(key, "person") == 0)
        return change_person(c, value, err);
    return error_key(err, key, "an account has no '%.40s' that could be changed", key);
}

static bool change_store(struct db *db, const struct change *c, struct imw_error_info *err)
{
    const struct account *a = &c->a;
    char roles[128];

    roles_text(a->roles, roles, sizeof roles);
    return db_run(
               db,
               "update account set full_name = ?, email = ?, roles = ?, state = ?, expires_us = ?, person = ? "
               "where id = ?",
               DB_ARGS(db_text(a->full_name), db_text(a->email[0] != '\0' ? a->email : NULL), db_text(roles),
                       db_text(a->disabled ? "disabled" : "active"), int_or_null(a->expires_us),
                       int_or_null((uint64_t)a->person), db_int(a->id)),
               NULL, err) &&
           (!c->ends || session_end_all(db, a->id, err)) && check_administrator(db, c->now_us, err);
}

bool account_change(struct db *db, int64_t id, json_t *patch, uint64_t now_us, json_t **out,
                    struct imw_error_info *err)
{
    struct change c = { .changes = json_pack("{}"), .now_us = now_us };
    bool found, ok = c.changes != NULL || error_memory(err);
    const char *key;
    json_t *value;

    if (ok && account_get(db, id, &c.a, &found, err))
        ok = found || error_key(err, "id", "there is no such account");
    else
        ok = false;
    json_object_foreach(patch, key, value) ok = ok && change_member(&c, key, value, err);
    ok = ok && check_expiry(c.a.roles, c.a.expires_us, now_us, err) &&
         (json_object_size(c.changes) == 0 || change_store(db, &c, err));
    if (ok && out != NULL)
        *out = json_incref(c.changes);
    json_decref(c.changes);
    return ok;
}

bool account_set_password(struct db *db, int64_t id, const char *hash, bool must_change, uint64_t now_us,
                          struct imw_error_info *err)
{
    struct account a;
    bool found;

    if (!account_get(db, id, &a, &found, err))
        return false;
    if (!found || a.source != SOURCE_LOCAL)
        return error_key(err, "id", "this account has no password here");
    return db_run(db, "update account set password = ?, must_change = ?, password_us = ? where id = ?",
                  DB_ARGS(db_text(hash), db_int(must_change), db_int((int64_t)now_us), db_int(id)), NULL,
                  err) &&
           session_end_all(db, id, err) && sign_in_unlock(db, a.name, err);
}

bool account_set_totp(struct db *db, int64_t id, struct view sealed, int64_t step, struct imw_error_info *err)
{
    return db_run(db, "update account set totp = ?, totp_step = ? where id = ?",
                  DB_ARGS(sealed.len > 0 ? db_blob(sealed) : db_null(), db_int(step), db_int(id)), NULL, err);
}

bool account_use_step(struct db *db, int64_t id, int64_t step, bool *out_fresh, struct imw_error_info *err)
{
    uint64_t changed = 0;

    if (!db_run(db, "update account set totp_step = ? where id = ? and totp_step < ?",
                DB_ARGS(db_int(step), db_int(id), db_int(step)), &changed, err))
        return false;
    *out_fresh = changed == 1;
    return true;
}

/* ---- of a directory or a provider ---- */

/* `name` as an account's that nobody has yet. */
static bool free_name(struct db *db, const char *name, char out[ACCOUNT_NAME_SIZE],
                      struct imw_error_info *err)
{
    char folded[ACCOUNT_NAME_SIZE];
    struct account other;
    bool taken = true;

    if (!account_name_fold(name, folded, NULL))
        snprintf(folded, sizeof folded, "user");
    for (unsigned i = 1; taken && i < NAME_TRIES; i++) {
        if (i == 1)
            memcpy(out, folded, sizeof folded);
        else
            snprintf(out, ACCOUNT_NAME_SIZE, "%.58s-%u", folded, i);
        if (!account_by_name(db, out, &other, &taken, err))
            return false;
    }
    return !taken || error_key(err, "name", "too many accounts are called '%s'", folded);
}

/* Text of others as it may be kept. */
static void tidy(const char *text, const char *otherwise, char *out, size_t size)
{
    struct text t = text_over(out, size);

    text_shown(&t, view_string(text));
    if (t.len == 0)
        text_string(&t, otherwise);
}

static bool refresh(struct db *db, const struct account *a, const char *full_name, const char *email,
                    unsigned roles, struct imw_error_info *err)
{
    char text[128];

    roles_text(roles, text, sizeof text);
    return (roles == a->roles || session_end_all(db, a->id, err)) &&
           db_run(db, "update account set full_name = ?, email = ?, roles = ? where id = ?",
                  DB_ARGS(db_text(full_name), db_text(email[0] != '\0' ? email : NULL), db_text(text),
                          db_int(a->id)),
                  NULL, err);
}

bool account_from_source(struct db *db, enum account_source source, const char *subject, const char *name,
                         const char *full_name, const char *email, unsigned roles, uint64_t now_us,
                         struct account *out, struct imw_error_info *err)
{
    char whole[ACCOUNT_FULL_NAME_SIZE], mail[ACCOUNT_EMAIL_SIZE], own[ACCOUNT_NAME_SIZE];
    struct account a = { 0 };
    bool found;
    int64_t id;

    tidy(full_name != NULL ? full_name : "", name, whole, sizeof whole);
    tidy(email != NULL ? email : "", "", mail, sizeof mail);
    if (!account_by_subject(db, source, subject, &a, &found, err))
        return false;
    if (found && !refresh(db, &a, whole, mail, roles, err))
        return false;
    id = a.id;
    if (!found && roles != 0) {
        const bool examiner = (roles >> ROLE_EXAMINER & 1) != 0;
        if (!free_name(db, name, own, err) ||
            !account_create(db,
                            &(struct account_new){
                                .name = own,
                                .full_name = whole,
                                .email = mail,
                                .source = source,
                                .subject = subject,
                                .roles = roles,
                                .expires_us = examiner ? now_us + EXAMINER_DAYS_BY_GROUP * DAY_US : 0 },
                            now_us, &id, err))
            return false;
    }
    return roles == 0 || account_get(db, id, out, &found, err);
}

bool account_tie_person(struct db *db, struct account *a, const char *login, const char *email,
                        struct imw_error_info *err)
{
    int64_t person = 0;

    if (a->person != 0)
        return true;
    if (!person_by_login(db, login, email, &person, err))
        return false;
    if (person != 0 && !db_run(db, "update account set person = ? where id = ?",
                               DB_ARGS(db_int(person), db_int(a->id)), NULL, err))
        return false;
    a->person = person;
    return true;
}

/* ---- shown ---- */

json_t *roles_json(unsigned roles)
{
    json_t *list = json_pack("[]");

    for (unsigned r = 0; r < ROLE_COUNT; r++)
        if ((roles >> r & 1) != 0)
            json_array_append_new(list, json_pack("s", role_name(r)));
    return list;
}

json_t *account_json(const struct account *a, uint64_t now_us)
{
    return json_pack("{s:I,s:s,s:s,s:s?,s:o,s:s,s:s,s:o,s:b,s:b,s:o,s:o}", "id", (json_int_t)a->id, "name",
                     a->name, "full_name", a->full_name, "email", a->email[0] != '\0' ? a->email : NULL,
                     "roles", roles_json(a->roles), "source", sources[a->source], "state",
                     a->disabled ? "disabled" : "active", "expires", when_json(a->expires_us),
                     "second_factor", a->has_totp, "locked", a->locked_until_us > now_us, "seen",
                     when_json(a->seen_us), "person", a->person != 0 ? json_integer(a->person) : json_null());
}

/* Who asks and who decides must not be one, nor who reads and who makes accounts. */
static void warn_of(json_t *warnings, const struct account *a, uint64_t now_us)
{
    const unsigned both = 1u << ROLE_COMPLIANCE | 1u << ROLE_ADMINISTRATOR;

    if (account_usable(a, now_us) && (a->roles & both) == both)
        json_array_append_new(
            warnings,
            json_sprintf("%s is compliance and administrator at once: whoever looks into people's use should "
                         "not make accounts, too. Give one of the roles to somebody else.",
                         a->name));
}

bool account_list(struct db *db, uint64_t now_us, json_t **out, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    json_t *accounts = json_pack("[]"), *warnings = json_pack("[]");
    struct db_rows *rows;
    bool ok = db_query(db, "select " COLUMNS " from account order by name", DB_NONE, &rows, err);

    if (ok) {
        struct account a;
        while (ok && db_next(rows, &why)) {
            read_row(rows, &a);
            ok = sign_in_locked(db, a.name, &a.locked_until_us, err) &&
                 (json_array_append_new(accounts, account_json(&a, now_us)) == 0 || error_memory(err));
            warn_of(warnings, &a, now_us);
        }
        db_rows_end(rows);
    }
    if (why.code != IMW_OK) {
        ok = false;
        if (err != NULL)
            *err = why;
    }
    if (ok) {
        *out = json_pack("{s:O,s:O}", "accounts", accounts, "warnings", warnings);
        ok = *out != NULL || error_memory(err);
    }
    json_decref(accounts);
    json_decref(warnings);
    return ok;
}

/* ---- the first start ---- */

static void hash_hex(const char *text, char out[65])
{
    uint8_t hash[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(hash, (const unsigned char *)text, strlen(text));
    sodium_bin2hex(out, 65, hash, sizeof hash);
}

bool start_token(struct db *db, uint64_t now_us, char out[START_TOKEN_SIZE], bool *out_needed,
                 struct imw_error_info *err)
{
    uint8_t secret[20];
    char hex[65];
    bool any;

    if (!db_begin(db, true, err))
        return false;
    if (!account_any(db, &any, err))
        goto failed;
    randombytes_buf(secret, sizeof secret);
    base32_write(view_of(secret, sizeof secret), out, START_TOKEN_SIZE);
    sodium_memzero(secret, sizeof secret);
    hash_hex(out, hex);
    if (!setting_set(db, SETTING_ID_FIRST_START, any ? NULL : hex, now_us, err) || !db_commit(db, err))
        goto failed;
    *out_needed = !any;
    if (any)
        out[0] = '\0';
    return true;
failed:
    db_rollback(db);
    return false;
}

bool start_token_right(struct db *db, const char *token, bool *out_right, struct imw_error_info *err)
{
    char hex[65], *kept;
    bool any;

    if (!account_any(db, &any, err) || !setting_get(db, SETTING_ID_FIRST_START, &kept, err))
        return false;
    hash_hex(token, hex);
    *out_right = !any && strlen(kept) == 64 && sodium_memcmp(kept, hex, 64) == 0;
    free(kept);
    return true;
}

bool start_token_take(struct db *db, const char *token, bool *out_right, struct imw_error_info *err)
{
    return start_token_right(db, token, out_right, err) &&
           (!*out_right || setting_set(db, SETTING_ID_FIRST_START, NULL, 0, err));
}
