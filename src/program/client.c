/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clerk's sweep. What was stored since the last one (client_seen.hour) becomes installs, at most once an
 * hour for each; then deadlines and excuses that pass, what was not seen for long, sums, reminders. How far
 * it came is kept in the setting clients-swept: "HOUR PEOPLE CATALOG".
 */
#include "identify/catalog.h"
#include "program/client_parts.h"
#include "program/mail.h"
#include "program/when.h"
#include "store/event_store.h"
#include <stdlib.h>

enum { RECOUNT_S = 120, GONE_PAGE = 2000, REMIND_PRODUCTS = 20 };

/* ---- installs ---- */

struct other {
    int64_t id, last_us;
    char version[VERSION_BYTES + 1];
};
enum { OTHERS = 32 };

/* What the holder has of the product besides: the older ones that were not seen since are replaced. */
static bool replace_older(struct db *db, const struct client_sighting *s, int64_t id,
                          struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct other list[OTHERS];
    struct db_rows *rows;
    unsigned count = 0;

    if (!db_query(db,
                  "select i.id, i.last_us, v.version from client_install i join client_version v on v.id = "
                  "i.version where "
                  "i.holder = ? and i.product = ? and i.id <> ? and i.state not in ('replaced', 'gone')",
                  DB_ARGS(db_text(s->holder), db_text(s->product), db_int(id)), &rows, err))
        return false;
    while (count < OTHERS && db_next(rows, &why)) {
        struct text version = TEXT(list[count].version);
        list[count].id = db_get_int(rows, 0);
        list[count].last_us = db_get_int(rows, 1);
        text_add(&version, db_get_text(rows, 2));
        count++;
    }
    if (!rows_done(rows, &why, err))
        return false;
    const enum version_kind kind = s->package == PACKAGE_DEBIAN ? VERSION_PACKAGE : VERSION_PLAIN;
    for (unsigned i = 0; i < count; i++) {
        const int order = version_compare(kind, s->version, view_string(list[i].version));
        int64_t out = 0;
        if (order > 0 && (int64_t)s->last_us >= list[i].last_us)
            out = list[i].id;
        else if (order < 0 && list[i].last_us >= (int64_t)s->last_us)
            out = id;
        if (out != 0 && !db_run(db, "update client_install set state = 'replaced', due_us = 0 where id = ?",
                                DB_ARGS(db_int(out)), NULL, err))
            return false;
    }
    return true;
}

bool client_install_put(struct db *db, const struct client_sighting *s, uint64_t now_us,
                        struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    int64_t version, rank = 0, id = 0, due = 0;
    char state[16], has[16] = "";
    struct text t = TEXT(has);
    struct db_rows *rows;

    if (!client_version_row(db, s->product, s->version, s->package, now_us, &version, state, &rank, err) ||
        !db_query(db, "select id, state from client_install where holder = ? and version = ?",
                  DB_ARGS(db_text(s->holder), db_int(version)), &rows, err))
        return false;
    if (db_next(rows, &why)) {
        id = db_get_int(rows, 0);
        text_add(&t, db_get_text(rows, 1));
    }
    if (!rows_done(rows, &why, err))
        return false;
    const bool old = strcmp(state, "old") == 0,
               back = strcmp(has, "replaced") == 0 || strcmp(has, "gone") == 0;
    const struct db_value person = s->person != 0 ? db_int(s->person) : db_null(),
                          os = s->os != NULL && s->os[0] != '\0' ? db_text(s->os) : db_null(),
                          first = db_int((int64_t)s->first_us), last = db_int((int64_t)s->last_us);
    if (old && !client_due(db, rank, now_us, &due, err))
        return false;
    if (id == 0) {
        if (!db_insert(
                db,
                "insert into client_install (holder, version, product, who, machine, login, os, person, state, "
                "first_us, last_us, known_us, due_us) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "returning id",
                DB_ARGS(db_text(s->holder), db_int(version), db_text(s->product),
                        s->who != 0 ? db_int(s->who) : db_null(), db_text(s->machine), db_text(s->login), os,
                        person, db_text(state), first, last, old ? db_int((int64_t)now_us) : db_null(),
                        db_int(due)),
                &id, err))
            return false;
    } else if (
        !db_run(
            db,
            "update client_install set first_us = case when first_us > ? then ? else first_us end, last_us "
            "= case "
            "when last_us < ? then ? else last_us end, person = ?, os = coalesce(?, os) where id = ?",
            DB_ARGS(first, first, last, last, person, os, db_int(id)), NULL, err)) {
        return false;
    } else if (back &&
               !db_run(db, "update client_install set state = ?, known_us = ?, due_us = ? where id = ?",
                       DB_ARGS(db_text(state), old ? db_int((int64_t)now_us) : db_null(), db_int(due),
                               db_int(id)),
                       NULL, err)) {
        return false;
    }
    return replace_older(db, s, id, err);
}

/* ---- sums ---- */

bool client_recount(struct db *db, const char *product, uint64_t now_us, struct imw_error_info *err)
{
    /* One walk over the index (product, state, due_us). */
    static const char sums[] =
        "insert into client_product (product, clients, old, overdue, excused, checks, safe, unknown, "
        "unlisted, next_due_us, "
        "rank, counted_us) select i.product, count(*), sum(case when i.state = 'old' then 1 else 0 end), "
        "sum(case when "
        "i.state = 'old' and i.due_us < ? then 1 else 0 end), sum(case when i.state = 'excused' then 1 else "
        "0 end), sum(case "
        "when i.state = 'check' then 1 else 0 end), sum(case when i.state = 'safe' then 1 else 0 end), "
        "sum(case when i.state "
        "= 'unknown' then 1 else 0 end), sum(case when i.state = 'unlisted' then 1 else 0 end), min(case "
        "when i.state = 'old' "
        "then i.due_us else null end), coalesce((select max(v.rank) from client_version v where v.product = "
        "i.product and "
        "v.state = 'old' and exists (select 1 from client_install x where x.version = v.id and x.state = "
        "'old')), 0), ? from "
        "client_install i where i.state not in ('replaced', 'gone') %s group by i.product on conflict "
        "(product) do update set "
        "clients = excluded.clients, old = excluded.old, overdue = excluded.overdue, excused = "
        "excluded.excused, checks = "
        "excluded.checks, safe = excluded.safe, unknown = excluded.unknown, unlisted = excluded.unlisted, "
        "next_due_us = "
        "excluded.next_due_us, rank = excluded.rank, counted_us = excluded.counted_us";
    const struct db_value now = db_int((int64_t)now_us);
    char sql[2000];

    char zero[300];

    snprintf(
        zero, sizeof zero,
        "update client_product set clients = 0, old = 0, overdue = 0, excused = 0, checks = 0, safe = 0, "
        "unknown = 0, "
        "unlisted = 0, rank = 0, next_due_us = null%s",
        product != NULL ? " where product = ?" : "");
    snprintf(sql, sizeof sql, sums, product != NULL ? "and i.product = ?" : "");
    const struct db_value args[] = { now, now, db_text(product) };
    return db_run(db, zero, &args[2], product != NULL ? 1 : 0, NULL, err) &&
           db_run(db, sql, args, product != NULL ? 3 : 2, NULL, err);
}

/* ---- the sweep ---- */

struct swept {
    int64_t hour, people;
    char catalog[80];
};

static bool swept_load(struct db *db, struct swept *out, struct imw_error_info *err)
{
    uint64_t hour = 0, people = 0;
    char *text;

    *out = (struct swept){ .people = -1 };
    if (!setting_get(db, SETTING_ID_CLIENT_SWEPT, &text, err))
        return false;
    struct view left = view_string(text);
    struct text catalog = TEXT(out->catalog);
    if (view_decimal(view_token(&left, ' '), INT64_MAX, &hour) &&
        view_decimal(view_token(&left, ' '), INT64_MAX, &people)) {
        out->hour = (int64_t)hour;
        out->people = (int64_t)people;
        text_add(&catalog, left);
    }
    free(text);
    return true;
}

static bool swept_store(struct db *db, const struct swept *s, uint64_t now_us, struct imw_error_info *err)
{
    char text[200];

    snprintf(text, sizeof text, "%lld %lld %s", (long long)s->hour, (long long)s->people, s->catalog);
    return setting_set(db, SETTING_ID_CLIENT_SWEPT, text, now_us, err);
}

struct sighted {
    int64_t who, person, word, service;
    uint64_t first_us, last_us;
    char program[64];
};

/* A page of what was seen in an hour, behind `after`, which moves on. While the hour lasts only what is new
 * is taken: the rest of it when it is over. *out_rows: how many there were. */
static bool take_seen(struct db *db, int64_t hour, bool over, struct sighted *after, uint64_t now_us,
                      unsigned *out_rows, struct imw_error_info *err)
{
    static const char ask[] =
        "select s.who, coalesce(w.person, 0), s.first_us, s.last_us, t.value, s.program, s.service from "
        "client_seen s join who "
        "w on w.id = s.who join term t on t.id = s.program where s.hour = ? and (s.who, s.program, "
        "s.service) > (?, ?, ?) %s "
        "order by s.who, s.program, s.service limit ?";
    char sql[800];
    struct imw_error_info why = { .code = IMW_OK };
    struct sighted *page = calloc(CLIENTS_PAGE, sizeof *page);
    struct db_rows *rows;
    unsigned count = 0;

    if (page == NULL)
        return error_memory(err);
    snprintf(sql, sizeof sql, ask,
             over ? ""
                  : "and not exists (select 1 from client_install i where i.who = s.who and i.last_us >= "
                    "s.first_us)");
    if (!db_query(db, sql,
                  DB_ARGS(db_int(hour), db_int(after->who), db_int(after->word), db_int(after->service),
                          db_int(CLIENTS_PAGE)),
                  &rows, err)) {
        free(page);
        return false;
    }
    while (count < CLIENTS_PAGE && db_next(rows, &why)) {
        struct sighted *s = &page[count++];
        struct text program = TEXT(s->program);
        s->who = db_get_int(rows, 0);
        s->person = db_get_int(rows, 1);
        s->first_us = (uint64_t)db_get_int(rows, 2);
        s->last_us = (uint64_t)db_get_int(rows, 3);
        text_add(&program, db_get_text(rows, 4));
        s->word = db_get_int(rows, 5);
        s->service = db_get_int(rows, 6);
        *after = *s;
    }
    bool ok = rows_done(rows, &why, err);
    for (unsigned i = 0; ok && i < count; i++) {
        struct client_sighting s = { .who = page[i].who,
                                     .person = page[i].person,
                                     .first_us = page[i].first_us,
                                     .last_us = page[i].last_us };
        const struct client_product *p = client_product_wire(view_string(page[i].program), &s.version, &s.os);
        char holder[32];
        snprintf(holder, sizeof holder, "w%lld", (long long)s.who);
        s.holder = holder;
        if (p == NULL)
            continue;
        s.product = p->key;
        ok = client_install_put(db, &s, now_us, err);
    }
    free(page);
    *out_rows = count;
    return ok;
}

/* Persons found anew. Of inventories: by login, else by machine. */
static bool rejoin(struct db *db, uint64_t now_us, struct imw_error_info *err)
{
    static const char alias[] =
        "(select max(a.person) from person_alias a where a.kind = '%s' and a.value = client_install.%s and "
        "a.from_us <= ? and "
        "(a.until_us is null or a.until_us > ?))";
    const struct db_value now = db_int((int64_t)now_us);
    char user[300], host[300], sql[1200];

    snprintf(user, sizeof user, alias, "user", "login");
    snprintf(host, sizeof host, alias, "host", "machine");
    snprintf(sql, sizeof sql, "update client_install set person = coalesce(%s, %s) where who is null", user,
             host);
    return db_run(db,
                  "update client_install set person = (select w.person from who w where w.id = "
                  "client_install.who) where who "
                  "is not null and coalesce(person, 0) <> coalesce((select w.person from who w where w.id = "
                  "client_install.who), 0)",
                  DB_NONE, NULL, err) &&
           db_run(db, sql, DB_ARGS(now, now, now, now), NULL, err);
}

static bool let_go(struct db *db, uint64_t now_us, unsigned *out_gone, unsigned *out_due,
                   struct imw_error_info *err)
{
    int64_t days = 0;
    uint64_t gone = 0, due = 0;

    if (!setting_number(db, SETTING_ID_CLIENT_GONE, &days, err) ||
        !db_run(
            db,
            "update client_install set state = 'gone', due_us = 0, known_us = null where id in (select id from "
            "client_install where last_us < ? and state not in ('gone', 'replaced') order by last_us limit ?)",
            DB_ARGS(db_int((int64_t)now_us - days * (int64_t)client_day_us), db_int(GONE_PAGE)), &gone,
            err) ||
        !db_run(db,
                "update client_install set state = 'old', excused_by = null, excused_us = null, "
                "excused_until_us = null, "
                "excused_why = null where state = 'excused' and excused_until_us <= ?",
                DB_ARGS(db_int((int64_t)now_us)), &due, err))
        return false;
    *out_gone = (unsigned)gone;
    *out_due = (unsigned)due;
    return true;
}

/* ---- reminders ---- */

struct reminder {
    int64_t account, old, overdue, next_us;
    char product[64];
};

static bool remind(struct db *db, uint64_t now_us, unsigned *out_mails, struct imw_error_info *err)
{
    static const struct actor the_system = { .name = "system" };
    struct act a = { .db = db, .actor = &the_system, .now_us = now_us };
    struct imw_error_info why = { .code = IMW_OK };
    struct reminder list[CLIENT_PRODUCTS_MOST];
    unsigned count = 0;
    int64_t before = 0;
    struct db_rows *rows;
    char link[300];
    bool on = false;

    *out_mails = 0;
    if (!mail_is_on(db, &on, err))
        return false;
    if (!on)
        return true;
    if (!setting_number(db, SETTING_ID_CLIENT_REMIND, &before, err) ||
        !mail_link(db, "/clients", link, sizeof link, err) ||
        !db_query(
            db,
            "select owner, product, old, overdue, next_due_us from client_product where owner is not null "
            "and old > 0 and "
            "next_due_us < ? order by owner, next_due_us",
            DB_ARGS(db_int((int64_t)now_us + before * (int64_t)client_day_us)), &rows, err))
        return false;
    while (count < CLIENT_PRODUCTS_MOST && db_next(rows, &why)) {
        struct reminder *r = &list[count++];
        struct text product = TEXT(r->product);
        r->account = db_get_int(rows, 0);
        text_add(&product, db_get_text(rows, 1));
        r->old = db_get_int(rows, 2);
        r->overdue = db_get_int(rows, 3);
        r->next_us = db_get_int(rows, 4);
    }
    if (!rows_done(rows, &why, err))
        return false;
    for (unsigned i = 0, end; i < count; i = end) {
        char text[6000], key[64], subject[120];
        struct text t = TEXT(text);
        bool queued = false;
        int64_t overdue = 0;
        text_string(&t,
                    "You see to these clients of messaging services. Some must be brought up to date:\n\n");
        for (end = i; end < count && list[end].account == list[i].account; end++) {
            const struct client_product *p = client_product_find(view_string(list[end].product));
            char day[WHEN_SIZE];
            when_text((uint64_t)list[end].next_us, day);
            overdue += list[end].overdue;
            if (end - i < REMIND_PRODUCTS)
                text_format(&t, "  %s: %lld old, %lld overdue; the first is due on %.10s\n",
                            p != NULL ? p->title : list[end].product, (long long)list[end].old,
                            (long long)list[end].overdue, day);
        }
        if (link[0] != '\0')
            text_format(&t, "\n%s\n", link);
        /* Once a week. */
        snprintf(key, sizeof key, "clients %lld %llu", (long long)list[i].account,
                 (unsigned long long)(now_us / (7 * client_day_us)));
        snprintf(subject, sizeof subject,
                 overdue > 0 ? "Clients are overdue for an update" : "Clients are due for an update");
        const struct mail m = {
            .account = list[i].account, .kind = "clients", .key = key, .subject = subject, .text = text
        };
        if (!mail_add_told(&a, &m, &queued, err))
            return false;
        *out_mails += queued;
    }
    return true;
}

/* ---- all of it ---- */

static bool people_now(struct db *db, int64_t *out, struct imw_error_info *err)
{
    *out = 0;
    return db_query_int(db, "select value from event_counter where name = 'people'", DB_NONE, out, NULL, err);
}

/* The hour to go on with, where there is one: the first since `from` that has rows. */
static bool next_hour(struct db *db, int64_t from, int64_t *out, bool *found, struct imw_error_info *err)
{
    int64_t hour = 0;
    bool any = false;

    if (!db_query_int(db, "select coalesce(min(hour), 0) from client_seen where hour >= ?",
                      DB_ARGS(db_int(from)), &hour, &any, err))
        return false;
    *found = any && hour != 0;
    *out = hour;
    return true;
}

/* Pages of an hour, each in a transaction of its own. */
static bool sweep_seen(struct db *db, struct swept *s, uint64_t now_us, unsigned *out_seen, bool *out_more,
                       struct imw_error_info *err)
{
    const int64_t this_hour = (int64_t)(now_us / UINT64_C(3600000000));
    struct sighted after = { .who = 0 };
    unsigned rows;
    int64_t hour = 0;
    bool found = false;

    if (!db_begin(db, false, err))
        return false;
    const bool ok = next_hour(db, s->hour, &hour, &found, err);
    db_rollback(db);
    if (!ok || !found)
        return ok;
    do {
        if (!db_begin(db, true, err))
            return false;
        if (!take_seen(db, hour, hour < this_hour, &after, now_us, &rows, err) || !db_commit(db, err)) {
            db_rollback(db);
            return false;
        }
        *out_seen += rows;
    } while (rows == CLIENTS_PAGE);
    *out_more = hour < this_hour;
    s->hour = hour < this_hour ? hour + 1 : hour;
    return true;
}

static bool finish(struct db *db, const struct catalog *catalog, struct swept *s, bool recount,
                   uint64_t now_us, struct client_counts *out, struct imw_error_info *err)
{
    const struct view edition = catalog_version(catalog);
    int64_t people = 0, counted = 0;
    char mark[80];
    unsigned gone = 0, due = 0;

    snprintf(mark, sizeof mark, "%.*s/" IMWARD_VERSION, (int)(edition.len < 40 ? edition.len : 40),
             (const char *)edition.at);
    if (strcmp(mark, s->catalog) != 0) {
        if (!client_builtin(db, catalog, now_us, &out->advisories, err))
            return false;
        snprintf(s->catalog, sizeof s->catalog, "%s", mark);
        recount = true;
    }
    if (!people_now(db, &people, err) || (people != s->people && !rejoin(db, now_us, err)) ||
        !let_go(db, now_us, &gone, &due, err) ||
        !db_query_int(db, "select coalesce(max(counted_us), 0) from client_product", DB_NONE, &counted, NULL,
                      err))
        return false;
    s->people = people;
    out->gone = gone;
    out->due_again = due;
    out->more = out->more || gone == GONE_PAGE;
    if ((recount || gone + due > 0 || counted + RECOUNT_S * INT64_C(1000000) < (int64_t)now_us) &&
        !client_recount(db, NULL, now_us, err))
        return false;
    return remind(db, now_us, &out->mails, err) && swept_store(db, s, now_us, err);
}

bool clients_sweep(struct db *db, const struct catalog *catalog, uint64_t now_us, struct client_counts *out,
                   struct imw_error_info *err)
{
    struct swept s;

    *out = (struct client_counts){ .more = false };
    if (!db_begin(db, false, err))
        return false;
    bool ok = swept_load(db, &s, err);
    db_rollback(db);
    /* Advisories first: what is seen is judged by them. */
    if (ok && s.catalog[0] == '\0') {
        ok = db_begin(db, true, err) && finish(db, catalog, &s, true, now_us, out, err) && db_commit(db, err);
        if (!ok) {
            db_rollback(db);
            return false;
        }
    }
    if (!ok || !sweep_seen(db, &s, now_us, &out->seen, &out->more, err) || !db_begin(db, true, err))
        return false;
    if (finish(db, catalog, &s, out->seen > 0, now_us, out, err) && db_commit(db, err))
        return true;
    db_rollback(db);
    return false;
}
