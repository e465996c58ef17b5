/* SPDX-License-Identifier: Apache-2.0 */
/* Inventories and advisories that are brought in, owners, excuses. */
#include "program/client_parts.h"
#include "program/mail.h"
#include "program/shape.h"
#include <stdlib.h>

/* ---- imports ---- */

static bool record_import(struct act *a, const char *kind, const char *name, uint64_t lines, uint64_t taken,
                          uint64_t skipped, struct view sha256, int64_t *out_id, struct imw_error_info *err)
{
    char clean[200], hash[65];
    struct text t = TEXT(clean), h = TEXT(hash);

    text_printable(&t, view_string(name != NULL && name[0] != '\0' ? name : kind));
    text_hex(&h, sha256);
    return db_insert(
               a->db,
               "insert into client_import (kind, name, account, time_us, lines, taken, skipped, sha256) "
               "values (?, ?, ?, "
               "?, ?, ?, ?, ?) returning id",
               DB_ARGS(db_text(kind), db_text(clean),
                       a->actor->account != 0 ? db_int(a->actor->account) : db_null(),
                       db_int((int64_t)a->now_us), db_int((int64_t)lines), db_int((int64_t)taken),
                       db_int((int64_t)skipped), db_text(hash)),
               out_id, err) &&
           act_record(a, strcmp(kind, "inventory") == 0 ? "clients.inventory" : "clients.advisories",
                      "client import", *out_id,
                      json_pack("{s:s,s:s,s:I,s:I,s:I}", "name", clean, "sha256", hash, "lines",
                                (json_int_t)lines, "taken", (json_int_t)taken, "skipped",
                                (json_int_t)skipped),
                      err);
}

static bool told(int64_t id, uint64_t lines, uint64_t taken, uint64_t skipped, uint64_t other,
                 uint64_t machines, uint64_t gone, json_t *problems, json_t **out, struct imw_error_info *err)
{
    *out = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "id", (json_int_t)id, "rows", (json_int_t)lines,
                     "taken", (json_int_t)taken, "skipped", (json_int_t)skipped, "other", (json_int_t)other,
                     "machines", (json_int_t)machines, "gone", (json_int_t)gone, "problems", problems);
    return *out != NULL || error_memory(err);
}

/* Whose is it: by login, else by machine, at this time. */
static bool person_of(struct act *a, const struct inventory_row *r, int64_t *out, struct imw_error_info *err)
{
    static const char ask[] =
        "select person from person_alias where kind = ? and value = ? and from_us <= ? and (until_us is "
        "null or until_us > ?) "
        "order by from_us desc limit 1";
    const struct db_value now = db_int((int64_t)a->now_us);
    bool found = false;

    *out = 0;
    if (r->login[0] != '\0' &&
        !db_query_int(a->db, ask, DB_ARGS(db_text("user"), db_text(r->login), now, now), out, &found, err))
        return false;
    return found ||
           db_query_int(a->db, ask, DB_ARGS(db_text("host"), db_text(r->machine), now, now), out, NULL, err);
}

static bool put_row(struct act *a, const struct inventory_row *r, uint64_t *gone, struct imw_error_info *err)
{
    char holder[MACHINE_BYTES + 72];
    uint64_t changed = 0;

    snprintf(holder, sizeof holder, "h%s/%s", r->machine, r->login);
    if (r->removed) {
        if (!db_run(
                a->db,
                "update client_install set state = 'gone', due_us = 0, known_us = null where holder = ? and "
                "state not in "
                "('gone', 'replaced') and version in (select id from client_version where product = ? and "
                "version = ? and "
                "package = ?)",
                DB_ARGS(db_text(holder), db_text(r->product->key), db_text(r->version), db_int(r->package)),
                &changed, err))
            return false;
        *gone += changed;
        return true;
    }
    struct client_sighting s = { .holder = holder,
                                 .product = r->product->key,
                                 .machine = r->machine,
                                 .login = r->login[0] != '\0' ? r->login : NULL,
                                 .os = r->os,
                                 .version = view_string(r->version),
                                 .package = r->package };
    s.last_us = r->seen_us != 0 && r->seen_us < a->now_us ? r->seen_us : a->now_us;
    s.first_us = s.last_us;
    return person_of(a, r, &s.person, err) && client_install_put(a->db, &s, a->now_us, err);
}

/* What these machines had by inventories, and the file does not tell of. */
static bool drop_missing(struct act *a, const struct inventory *v, uint64_t *gone, struct imw_error_info *err)
{
    size_t first, end = 0;

    for (size_t m = 0; m < v->machine_count; m++) { /* both in the order of the machines */
        struct imw_error_info why = { .code = IMW_OK };
        for (first = end; end < v->count && strcmp(v->rows[end].machine, v->machines[m]) == 0;)
            end++;
        int64_t missing[256];
        unsigned count = 0;
        struct db_rows *rows;
        char low[MACHINE_BYTES + 4], high[MACHINE_BYTES + 4];
        snprintf(low, sizeof low, "h%s/", v->machines[m]);
        snprintf(high, sizeof high, "h%s0", v->machines[m]); /* '0' is behind '/' */
        if (!db_query(
                a->db,
                "select i.id, coalesce(i.login, ''), i.product, v.version, v.package from client_install i "
                "join "
                "client_version v on v.id = i.version where i.holder >= ? and i.holder < ? and i.state not "
                "in ('gone', "
                "'replaced')",
                DB_ARGS(db_text(low), db_text(high)), &rows, err))
            return false;
        while (count < 256 && db_next(rows, &why)) {
            bool there = false;
            for (size_t i = first; !there && i < end; i++)
                there = !v->rows[i].removed &&
                        view_equal(db_get_text(rows, 1), view_string(v->rows[i].login)) &&
                        view_equal(db_get_text(rows, 2), view_string(v->rows[i].product->key)) &&
                        view_equal(db_get_text(rows, 3), view_string(v->rows[i].version)) &&
                        db_get_int(rows, 4) == (int64_t)v->rows[i].package;
            if (!there)
                missing[count++] = db_get_int(rows, 0);
        }
        if (!rows_done(rows, &why, err))
            return false;
        for (unsigned i = 0; i < count; i++)
            if (!db_run(a->db,
                        "update client_install set state = 'gone', due_us = 0, known_us = null where id = ?",
                        DB_ARGS(db_int(missing[i])), NULL, err))
                return false;
        *gone += count;
    }
    return true;
}

bool client_inventory(struct act *a, const struct inventory *v, const char *name, bool whole,
                      struct view sha256, json_t **out, struct imw_error_info *err)
{
    uint64_t gone = 0;
    int64_t id;

    *out = NULL;
    for (size_t i = 0; i < v->count; i++)
        if (!put_row(a, &v->rows[i], &gone, err))
            return false;
    return (!whole || drop_missing(a, v, &gone, err)) && client_recount(a->db, NULL, a->now_us, err) &&
           record_import(a, "inventory", name, v->lines, v->count, v->skipped, sha256, &id, err) &&
           told(id, v->lines, v->count, v->skipped, v->other, v->machine_count, gone,
                line_problems_json(&v->problems), out, err);
}

bool client_advisories(struct act *a, const struct advisory_file *f, const char *name, struct view sha256,
                       json_t **out, struct imw_error_info *err)
{
    bool touched[CLIENT_PRODUCTS_MOST] = { false };
    int64_t id;

    *out = NULL;
    for (size_t i = 0; i < f->count; i++) {
        const struct advisory *y = &f->list[i];
        const struct client_advisory put = { .ident = y->ident,
                                             .source = f->source,
                                             .title = y->title,
                                             .url = y->url[0] != '\0' ? y->url : NULL,
                                             .severity = y->severity,
                                             .published_us = y->published_us };
        if (!client_advisory_put(a->db, &put, &f->ranges[y->first], y->count, a->now_us, err))
            return false;
        for (size_t k = y->first; k < y->first + y->count; k++)
            for (unsigned n = 0; client_product_at(n) != NULL; n++)
                touched[n] |= client_product_at(n) == f->ranges[k].product;
    }
    for (unsigned n = 0; client_product_at(n) != NULL; n++)
        if (touched[n] && !client_rejudge(a->db, client_product_at(n)->key, a->now_us, err))
            return false;
    return client_recount(a->db, NULL, a->now_us, err) &&
           record_import(a, "advisories", name, f->entries, f->count, f->skipped, sha256, &id, err) &&
           told(id, f->entries, f->count, f->skipped, f->other, 0, 0, line_problems_json(&f->problems), out,
                err);
}

/* ---- owners ---- */

bool client_set_owner(struct act *a, const char *product, int64_t account, struct imw_error_info *err)
{
    int64_t found_id = 0;
    bool found = false;

    if (client_product_find(view_string(product)) == NULL)
        return act_no(a, err, ACT_MISSING, "", "there is no such product");
    if (account != 0) {
        if (!db_query_int(
                a->db,
                "select id from account where id = ? and state = 'active' and (roles like '%engineer%' or "
                "roles like "
                "'%compliance%')",
                DB_ARGS(db_int(account)), &found_id, &found, err))
            return false;
        if (!found)
            return act_no(a, err, ACT_WRONG, "owner",
                          "an active account of an engineer or of compliance is needed");
    }
    return db_run(
               a->db,
               "insert into client_product (product, owner, owner_by, owner_us) values (?, ?, ?, ?) on "
               "conflict (product) do "
               "update set owner = excluded.owner, owner_by = excluded.owner_by, owner_us = excluded.owner_us",
               DB_ARGS(db_text(product), account != 0 ? db_int(account) : db_null(),
                       a->actor->account != 0 ? db_int(a->actor->account) : db_null(),
                       db_int((int64_t)a->now_us)),
               NULL, err) &&
           audit_add(a->db, a->actor, a->address, "clients.owner", product, NULL, a->now_us, err);
}

/* ---- excuses ---- */

struct install {
    int64_t id, person, owner;
    char state[16], product[64];
};

static bool load(struct act *a, int64_t id, struct install *out, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct db_rows *rows;

    *out = (struct install){ .id = id };
    if (!db_query(
            a->db,
            "select i.state, i.product, coalesce(i.person, 0), coalesce(p.owner, 0) from client_install i "
            "left join "
            "client_product p on p.product = i.product where i.id = ?",
            DB_ARGS(db_int(id)), &rows, err))
        return false;
    const bool found = db_next(rows, &why);
    if (found) {
        struct text state = TEXT(out->state), product = TEXT(out->product);
        text_add(&state, db_get_text(rows, 0));
        text_add(&product, db_get_text(rows, 1));
        out->person = db_get_int(rows, 2);
        out->owner = db_get_int(rows, 3);
    }
    if (!rows_done(rows, &why, err))
        return false;
    return found || act_no(a, err, ACT_MISSING, "", "there is no such client");
}

bool client_excuse(struct act *a, int64_t id, const char *why, const char *until, struct imw_error_info *err)
{
    const struct view reason = view_trim(view_string(why));
    uint64_t until_us = 0, changed = 0;
    struct install i;
    bool other = true;

    if (a->actor->token || a->actor->account == 0)
        return act_no(a, err, ACT_FORBIDDEN, "", "people excuse: sign in");
    if (!load(a, id, &i, err))
        return false;
    if (reason.len < CLIENT_WHY_LEAST || reason.len > CLIENT_WHY_BYTES)
        return act_no(a, err, ACT_WRONG, "why", "say why, in %d to %d characters", CLIENT_WHY_LEAST,
                      CLIENT_WHY_BYTES);
    if (!when_read(until, &until_us))
        return act_no(a, err, ACT_WRONG, "until",
                      "a day such as 2027-01-31, or a time such as 2027-01-31T18:00:00Z");
    if (strlen(until) == strlen("2027-01-31"))
        until_us += client_day_us; /* with all of it */
    if (until_us <= a->now_us || until_us > a->now_us + (CLIENT_EXCUSE_DAYS + 1) * client_day_us)
        return act_no(a, err, ACT_WRONG, "until", "a day within the next %d days", CLIENT_EXCUSE_DAYS);
    if (i.person != 0 && i.person == a->actor->person)
        return act_no(a, err, ACT_FORBIDDEN, "", "it is your own: another person must excuse it");
    if (i.owner != 0 && !act_is_other(a, i.owner, &other, err))
        return false;
    if (!other)
        return act_no(a, err, ACT_FORBIDDEN, "", "you see to this product: another person must excuse it");
    if (!db_run(
            a->db,
            "update client_install set state = 'excused', excused_by = ?, excused_us = ?, excused_until_us "
            "= ?, excused_why "
            "= ? where id = ? and state in ('old', 'excused')",
            DB_ARGS(db_int(a->actor->account), db_int((int64_t)a->now_us), db_int((int64_t)until_us),
                    db_view(reason), db_int(id)),
            &changed, err))
        return false;
    if (changed != 1)
        return act_no(a, err, ACT_LATE, "", "only what is old is excused: load it again");
    char end[WHEN_SIZE];
    when_text(until_us, end);
    return client_recount(a->db, i.product, a->now_us, err) &&
           act_record(a, "clients.excuse", "client", id,
                      json_pack("{s:s,s:s%,s:s}", "product", i.product, "why", (const char *)reason.at,
                                reason.len, "until", end),
                      err);
}

bool client_excuse_end(struct act *a, int64_t id, struct imw_error_info *err)
{
    uint64_t changed = 0;
    struct install i;

    if (a->actor->token || a->actor->account == 0)
        return act_no(a, err, ACT_FORBIDDEN, "", "people end an excuse: sign in");
    if (!load(a, id, &i, err) ||
        !db_run(a->db,
                "update client_install set state = 'old', excused_by = null, excused_us = null, "
                "excused_until_us = null, "
                "excused_why = null where id = ? and state = 'excused'",
                DB_ARGS(db_int(id)), &changed, err))
        return false;
    if (changed != 1)
        return act_no(a, err, ACT_LATE, "", "it is not excused");
    return client_recount(a->db, i.product, a->now_us, err) &&
           act_record(a, "clients.excuse.end", "client", id, json_pack("{s:s}", "product", i.product), err);
}
