/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exceptions in force as rules of the policy's language (docs/policy.md), for gateways:
 *
 *     - name: exception 12
 *       match: {"service":"whatsapp","activity":["chat"],"user":["adams"]}
 *       action: allow
 *       exception: {"purpose":"…","approved_by":"carla","until":"2026-11-23T18:00:00Z"}
 *
 * Values are JSON, which is YAML; text is never anything but a value. A person is known by their logins or,
 * without one, by their pseudonym, as in the file of people.
 */
#include "identify/catalog.h"
#include "policy/policy.h"
#include "program/exception.h"
#include "program/policy_people.h"
#include "program/when.h"

enum { RULES_MOST = POLICY_RULES / 2, LOGINS = 64 };

static json_t *json_of(struct view v)
{
    return json_stringn((const char *)v.at, v.len);
}

/* The service or class, and the activities. NULL: the catalog does not have it. */
static json_t *match_of(const struct db_rows *rows, const struct catalog *catalog)
{
    struct view activities = db_get_text(rows, 3);
    json_t *match = json_pack("{}");

    if (!db_is_null(rows, 1) && catalog_find(catalog, db_get_text(rows, 1)) == 0) {
        json_decref(match);
        return NULL;
    }
    if (!db_is_null(rows, 1))
        (void)json_object_set_new(match, "service", json_of(db_get_text(rows, 1)));
    else
        (void)json_object_set_new(match, "class", json_of(db_get_text(rows, 2)));
    if (activities.len > 0) {
        json_t *list = json_pack("[]");
        while (activities.len > 0)
            (void)json_array_append_new(list, json_of(view_token(&activities, ' ')));
        (void)json_object_set_new(match, "activity", list);
    }
    return match;
}

static bool write_json(FILE *to, const char *key, json_t *value)
{
    fprintf(to, "    %s: ", key);
    bool ok = value != NULL && json_dumpf(value, to, JSON_COMPACT) == 0;
    fputc('\n', to);
    json_decref(value);
    return ok;
}

static bool write_rule(const struct db_rows *rows, json_t *match, FILE *to)
{
    char until[WHEN_SIZE];

    when_text((uint64_t)db_get_int(rows, 5), until);
    fprintf(to, "  - name: exception %lld\n", (long long)db_get_int(rows, 0));
    bool ok = write_json(to, "match", match);
    fputs("    action: allow\n", to);
    return write_json(to, "exception",
                      json_pack("{s:o,s:o,s:s}", "purpose", json_of(db_get_text(rows, 4)), "approved_by",
                                json_of(db_is_null(rows, 6) ? VIEW("the system") : db_get_text(rows, 6)),
                                "until", until)) &&
           ok;
}

/* Names of each person with an exception, {id: [login, …]}. */
static bool read_users(struct db *db, uint64_t now_us, json_t **out, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    json_t *all = json_pack("{}");
    struct db_rows *rows;
    char id[24];

    if (!db_query(
            db,
            "select p.id, p.pseudonym, a.value from person p left join person_alias a on a.person = p.id and "
            "a.kind = 'user' and a.until_us is null where p.state = 'active' and p.id in (select person from "
            "exception where state = 'granted' and until_us > ?) order by p.id, a.value",
            DB_ARGS(db_int((int64_t)now_us)), &rows, err)) {
        json_decref(all);
        return false;
    }
    while (db_next(rows, &why)) {
        snprintf(id, sizeof id, "%lld", (long long)db_get_int(rows, 0));
        json_t *list = json_object_get(all, id);
        if (list == NULL) {
            list = json_pack("[]");
            (void)json_object_set_new(all, id, list);
        }
        struct view name = db_get_text(rows, db_is_null(rows, 2) ? 1 : 2);
        if (policy_login_is_plain(name) && json_array_size(list) < LOGINS)
            (void)json_array_append_new(list, json_of(name));
    }
    db_rows_end(rows);
    if (why.code != IMW_OK) {
        json_decref(all);
        *err = why;
        return false;
    }
    *out = all;
    return true;
}

bool exceptions_write(struct db *db, const struct catalog *catalog, uint64_t now_us, FILE *to,
                      unsigned *out_rules, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    const struct db_value now = db_int((int64_t)now_us);
    struct db_rows *rows;
    json_t *users;
    bool ok = true;

    *out_rules = 0;
    if (!read_users(db, now_us, &users, err))
        return false;
    if (!db_query(
            db,
            "select e.id, e.service, e.class, e.activities, e.purpose, e.until_us, c.name, e.person, d.name from "
            "exception e left join account c on c.id = e.decided_by left join department d on d.id = e.department "
            "where e.state = 'granted' and e.until_us > ? order by e.id limit ?",
            DB_ARGS(now, db_int(RULES_MOST)), &rows, err)) {
        json_decref(users);
        return false;
    }
    fputs("version: 1\nrules:\n", to);
    while (ok && db_next(rows, &why)) {
        char id[24], group[64] = "";
        json_t *match = match_of(rows, catalog), *logins;
        snprintf(id, sizeof id, "%lld", (long long)db_get_int(rows, 7));
        logins = json_object_get(users, id);
        policy_group_name(db_get_text(rows, 8), group, sizeof group);
        if (match == NULL || (json_array_size(logins) == 0 && group[0] == '\0')) {
            json_decref(match);
            continue;
        }
        if (group[0] != '\0')
            (void)json_object_set_new(match, "group", json_pack("s", group));
        else
            (void)json_object_set(match, "user", logins);
        ok = write_rule(rows, match, to);
        ++*out_rules;
    }
    db_rows_end(rows);
    json_decref(users);
    if (*out_rules == 0)
        fputs("  []\n", to);
    if (why.code != IMW_OK)
        *err = why;
    return why.code == IMW_OK && ((ok && !ferror(to)) || error_memory(err));
}
