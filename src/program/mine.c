/* SPDX-License-Identifier: Apache-2.0 */
/* What is known about whoever asks. */
#include "program/mine.h"
#include "identify/catalog.h"
#include "policy/policy.h"
#include "program/approved.h"
#include "program/when.h"
#include <stdio.h>

enum { ALIASES_MOST = 500, DAYS_MOST = 90, REVEALS_MOST = 200 };

static const char *column(struct db_rows *rows, unsigned i)
{
    return db_is_null(rows, i) ? NULL : (const char *)db_get_text(rows, i).at;
}

/* All rows of a question about `person`, each made JSON by `row`, as a list. */
static bool rows_json(struct db *db, const char *sql, const struct db_value *args, unsigned count,
                      json_t *(*row)(struct db_rows *rows), json_t **out, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    json_t *list = json_pack("[]");
    bool ok = list != NULL;

    if (!db_query(db, sql, args, count, &rows, err)) {
        json_decref(list);
        return false;
    }
    while (ok && db_next(rows, &why))
        ok = json_array_append_new(list, row(rows)) == 0;
    db_rows_end(rows);
    if (ok && why.code == IMW_OK) {
        *out = list;
        return true;
    }
    json_decref(list);
    if (why.code == IMW_OK)
        return error_memory(err);
    if (err != NULL)
        *err = why;
    return false;
}

static json_t *person_row(struct db_rows *rows)
{
    return json_pack("{s:{s:s?,s:s?,s:s?},s:s?}", "person", "name", column(rows, 0), "department",
                     column(rows, 1), "manager", column(rows, 2), "pseudonym", column(rows, 3));
}

static json_t *alias_row(struct db_rows *rows)
{
    return json_pack("{s:s?,s:s?}", "kind", column(rows, 0), "value", column(rows, 1));
}

static json_t *service_row(struct db_rows *rows)
{
    const int64_t action = db_get_int(rows, 3);

    return json_pack("{s:s?,s:I,s:I,s:s}", "service", column(rows, 0), "flows",
                     (json_int_t)db_get_int(rows, 1), "bytes", (json_int_t)db_get_int(rows, 2), "action",
                     policy_action_name(action > 0 ? (enum policy_action)(action - 1) : POLICY_ALLOW));
}

static json_t *day_row(struct db_rows *rows)
{
    const int64_t day = db_get_int(rows, 0);
    char text[16];

    snprintf(text, sizeof text, "%04d-%02d-%02d", (int)(day / 10000 % 10000), (int)(day / 100 % 100),
             (int)(day % 100));
    return json_pack("{s:s,s:I,s:I}", "day", text, "flows", (json_int_t)db_get_int(rows, 1), "alerts",
                     (json_int_t)db_get_int(rows, 2));
}

static json_t *reveal_row(struct db_rows *rows)
{
    return json_pack("{s:o,s:s?,s:s?}", "when", when_json((uint64_t)db_get_int(rows, 0)), "by",
                     column(rows, 1), "reason", column(rows, 2));
}

/* Each service by its name beside its slug. */
static void name_services(json_t *services, const struct catalog *names)
{
    json_t *one;
    size_t i;

    json_array_foreach(services, i, one)
    {
        const char *slug = json_string_value(json_object_get(one, "service"));
        const struct catalog_service *s =
            names != NULL ? catalog_service(names, catalog_find(names, view_string(slug))) : NULL;

        (void)json_object_set_new(one, "name", json_pack("s", s != NULL ? s->name : slug));
    }
}

/* What the network saw of all this person's machines. *out null: nothing. */
static bool use_json(struct db *db, const struct catalog *names, int64_t person, const json_t *entry,
                     json_t **out, struct imw_error_info *err)
{
    json_t *services = NULL, *days = NULL;
    int64_t who = 0;
    bool found;

    *out = json_null();
    if (!db_query_int(db, "select id from who where person = ? order by id limit 1", DB_ARGS(db_int(person)),
                      &who, &found, err))
        return false;
    if (!found)
        return true;
    if (!rows_json(db,
                   "select t.value, sum(u.flows), sum(u.bytes_out + u.bytes_in), u.action from usage_who u "
                   "join who w on w.id = u.who join term t on t.id = u.service where w.person = ? "
                   "group by t.value, u.action order by 2 desc, 1 limit 200",
                   DB_ARGS(db_int(person)), service_row, &services, err) ||
        !rows_json(db,
                   "select u.day, sum(u.flows), sum(u.alerts) from usage_who u join who w on w.id = u.who "
                   "where w.person = ? group by u.day order by u.day desc limit ?",
                   DB_ARGS(db_int(person), db_int(DAYS_MOST)), day_row, &days, err)) {
        json_decref(services);
        return false;
    }
    name_services(services, names);
    const json_t *self = json_object_get(entry, "person");
    *out = json_pack("{s:{s:I,s:O?,s:O?,s:s,s:n,s:n,s:O?,s:I},s:o,s:o}", "who", "id", (json_int_t)who,
                     "label", json_object_get(self, "name"), "pseudonym", json_object_get(entry, "pseudonym"),
                     "address", "", "login", "host", "department", json_object_get(self, "department"),
                     "person", (json_int_t)person, "services", services, "days", days);
    return *out != NULL || error_memory(err);
}

bool mine_json(struct db *db, const struct catalog *names, int64_t person, json_t **out,
               struct imw_error_info *err)
{
    json_t *people = NULL, *aliases = NULL, *reveals = NULL, *use = NULL, *approved = NULL;
    char object[32];
    bool ok = false;

    snprintf(object, sizeof object, "%lld", (long long)person);
    if (!rows_json(
            db,
            "select p.name, d.name, m.name, p.pseudonym from person p left join department d on d.id = "
            "p.department left join person m on m.id = p.manager where p.id = ?",
            DB_ARGS(db_int(person)), person_row, &people, err) ||
        !rows_json(
            db,
            "select kind, value from person_alias where person = ? and until_us is null order by kind, value "
            "limit ?",
            DB_ARGS(db_int(person), db_int(ALIASES_MOST)), alias_row, &aliases, err) ||
        !rows_json(
            db,
            "select r.decided_us, a.name, r.reason from reveal r join account a on a.id = r.requester "
            "where r.kind = 'person' and r.object = ? and r.state = 'granted' order by r.decided_us desc limit ?",
            DB_ARGS(db_text(object), db_int(REVEALS_MOST)), reveal_row, &reveals, err) ||
        !approved_mine(db, person, &approved, err))
        goto out;
    json_t *entry = json_array_get(people, 0);
    if (entry == NULL)
        use = json_null();
    else if (!use_json(db, names, person, entry, &use, err))
        goto out;
    *out = json_pack("{s:O?,s:O,s:O,s:O,s:O}", "person", json_object_get(entry, "person"), "aliases", aliases,
                     "use", use, "approved", approved, "reveals", reveals);
    ok = *out != NULL || error_memory(err);
out:
    json_decref(people);
    json_decref(aliases);
    json_decref(reveals);
    json_decref(approved);
    json_decref(use);
    return ok;
}
