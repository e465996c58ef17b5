/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a version old? The vendor's: where a range of an advisory holds it. Debian's: where all ranges of an
 * advisory for Debian hold it, for each release of Debian has a range of its own, and which release it is
 * nobody told. A package without such ranges, whose upstream version is named, is "check": the distribution
 * may carry the fix. Better a missed hint than a false alarm.
 */
#include "identify/catalog.h"
#include "program/catalog_view.h"
#include "program/client_parts.h"
#include "program/when.h"
#include <stdlib.h>

struct range {
    int64_t advisory, rank;
    int package;
    char introduced[VERSION_BYTES + 2], fixed[VERSION_BYTES + 1], last[VERSION_BYTES + 1];
};
struct ranges {
    struct range *list;
    size_t count;
};

static bool ranges_load(struct db *db, const char *product, struct ranges *out, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct db_rows *rows;
    size_t room = 0;
    bool ok = true;

    *out = (struct ranges){ .list = NULL };
    if (!db_query(
            db,
            "select r.advisory, a.severity, r.package, r.introduced, r.fixed, r.last from client_range r join "
            "client_advisory a on a.id = r.advisory where r.product = ? and " CLIENT_RANGE_COUNTS
            " order by r.advisory",
            DB_ARGS(db_text(product)), &rows, err))
        return false;
    while (ok && db_next(rows, &why)) {
        if (out->count == room) {
            room = room != 0 ? room * 2 : 64;
            struct range *more = realloc(out->list, room * sizeof *more);
            ok = more != NULL;
            if (!ok)
                break;
            out->list = more;
        }
        struct range *r = &out->list[out->count++];
        char severity[16];
        struct text word = TEXT(severity), introduced = TEXT(r->introduced), fixed = TEXT(r->fixed),
                    last = TEXT(r->last);
        text_add(&word, db_get_text(rows, 1));
        text_add(&introduced, db_get_text(rows, 3));
        text_add(&fixed, db_get_text(rows, 4));
        text_add(&last, db_get_text(rows, 5));
        r->advisory = db_get_int(rows, 0);
        r->rank = severity_find(severity);
        r->package = (int)db_get_int(rows, 2);
    }
    const bool read = rows_done(rows, &why, err);
    if (ok && read)
        return true;
    free(out->list);
    *out = (struct ranges){ .list = NULL };
    return read ? error_memory(err) : false;
}

static bool holds(const struct range *r, struct view version)
{
    const enum version_kind kind = r->package == PACKAGE_DEBIAN ? VERSION_PACKAGE : VERSION_PLAIN;
    const bool behind = r->introduced[0] == '>';
    const struct view introduced = view_from(view_string(r->introduced), behind ? 1 : 0);

    if (introduced.len > 0) {
        const int order = version_compare(kind, version, introduced);
        if (order < 0 || (behind && order == 0))
            return false;
    }
    if (r->fixed[0] != '\0')
        return version_compare(kind, version, view_string(r->fixed)) < 0;
    return r->last[0] == '\0' || version_compare(kind, version, view_string(r->last)) <= 0;
}

struct verdict {
    const char *state;
    int64_t rank, advisory;       /* of the worst */
    char safe[VERSION_BYTES + 1]; /* the oldest safe version from there on; "": none is known */
};

/* The worst of the vendor's ranges that hold this version; NULL: none does. */
static const struct range *worst(const struct ranges *all, struct view version, const bool *skip)
{
    const struct range *found = NULL;

    for (size_t i = 0; i < all->count; i++) {
        const struct range *r = &all->list[i];
        if (r->package == PACKAGE_NONE && (skip == NULL || !skip[i]) &&
            (found == NULL || r->rank > found->rank) && holds(r, version))
            found = r;
    }
    return found;
}

/* Do all of Debian's ranges of this advisory hold the version? They lie together. */
static bool debian_holds(const struct ranges *all, size_t first, struct view version, size_t *out_end)
{
    bool held = true;
    size_t i = first;

    for (; i < all->count && all->list[i].advisory == all->list[first].advisory; i++)
        if (all->list[i].package == PACKAGE_DEBIAN)
            held = held && holds(&all->list[i], version);
    *out_end = i;
    return held;
}

static bool has_debian(const struct ranges *all, int64_t advisory)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->list[i].advisory == advisory && all->list[i].package == PACKAGE_DEBIAN)
            return true;
    return false;
}

/* The smallest version, from this one on, with which `fixed` of no range is missing. */
static void find_safe(const struct ranges *all, int package, struct view version, struct verdict *v)
{
    const enum version_kind kind = package == PACKAGE_DEBIAN ? VERSION_PACKAGE : VERSION_PLAIN;
    const char *best = NULL;
    struct text safe = TEXT(v->safe);

    for (size_t i = 0; i < all->count; i++) {
        const struct range *r = &all->list[i];
        const struct view fixed = view_string(r->fixed);
        bool fine = r->package == package && fixed.len > 0 &&
                    (version.len == 0 || version_compare(kind, fixed, version) >= 0) &&
                    (best == NULL || version_compare(kind, fixed, view_string(best)) < 0);
        for (size_t k = 0; fine && k < all->count; k++)
            fine = all->list[k].package != package || !holds(&all->list[k], fixed);
        if (fine)
            best = r->fixed;
    }
    if (best != NULL)
        text_string(&safe, best);
}

static struct verdict judge(const struct ranges *all, struct view version, enum package package)
{
    struct verdict v = { .state = "unlisted" };

    if (!version_is(version)) {
        v.state = "unknown";
        return v;
    }
    if (all->count == 0)
        return v;
    v.state = "safe";
    if (package == PACKAGE_NONE) {
        const struct range *r = worst(all, version, NULL);
        bool any = false;
        for (size_t i = 0; i < all->count; i++)
            any |= all->list[i].package == PACKAGE_NONE;
        if (!any)
            v.state = "unlisted";
        if (r != NULL) {
            v = (struct verdict){ .state = "old", .rank = r->rank, .advisory = r->advisory };
            find_safe(all, PACKAGE_NONE, version, &v);
        }
        return v;
    }
    for (size_t i = 0, end; package == PACKAGE_DEBIAN && i < all->count; i = end) {
        const bool held = debian_holds(all, i, version, &end);
        if (held && has_debian(all, all->list[i].advisory) &&
            (v.advisory == 0 || all->list[i].rank > v.rank)) {
            v = (struct verdict){ .state = "old",
                                  .rank = all->list[i].rank,
                                  .advisory = all->list[i].advisory };
        }
    }
    if (v.advisory != 0) {
        find_safe(all, PACKAGE_DEBIAN, version, &v);
        return v;
    }
    for (size_t i = 0; i < all->count; i++) {
        const struct range *r = &all->list[i];
        if (r->package == PACKAGE_NONE && (package != PACKAGE_DEBIAN || !has_debian(all, r->advisory)) &&
            (v.advisory == 0 || r->rank > v.rank) && holds(r, version_upstream(version)))
            v = (struct verdict){ .state = "check", .rank = r->rank, .advisory = r->advisory };
    }
    if (v.advisory != 0)
        find_safe(all, PACKAGE_NONE, version_upstream(version), &v);
    return v;
}

bool client_due(struct db *db, int64_t rank, uint64_t from_us, int64_t *out_us, struct imw_error_info *err)
{
    static const enum setting settings[SEVERITY_COUNT] = { SETTING_ID_CLIENT_LOW, SETTING_ID_CLIENT_MEDIUM,
                                                           SETTING_ID_CLIENT_HIGH,
                                                           SETTING_ID_CLIENT_CRITICAL };
    int64_t days = 0;

    if (!setting_number(db, settings[rank >= 0 && rank < SEVERITY_COUNT ? rank : SEVERITY_MEDIUM], &days,
                        err))
        return false;
    *out_us = (int64_t)(from_us + (uint64_t)days * client_day_us);
    return true;
}

static struct db_value advisory_value(const struct verdict *v)
{
    return v->advisory != 0 ? db_int(v->advisory) : db_null();
}

bool client_version_row(struct db *db, const char *product, struct view version, enum package package,
                        uint64_t now_us, int64_t *out_id, char *out_state, int64_t *out_rank,
                        struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct text state = text_over(out_state, 16);
    struct ranges all;
    struct db_rows *rows;

    (void)now_us;
    if (!db_query(
            db,
            "select id, state, rank from client_version where product = ? and version = ? and package = ?",
            DB_ARGS(db_text(product), db_view(version), db_int(package)), &rows, err))
        return false;
    const bool found = db_next(rows, &why);
    if (found) {
        *out_id = db_get_int(rows, 0);
        text_add(&state, db_get_text(rows, 1));
        *out_rank = db_get_int(rows, 2);
    }
    if (!rows_done(rows, &why, err))
        return false;
    if (found)
        return true;
    if (!ranges_load(db, product, &all, err))
        return false;
    const struct verdict v = judge(&all, version, package);
    free(all.list);
    text_string(&state, v.state);
    *out_rank = v.rank;
    return db_insert(
        db,
        "insert into client_version (product, version, package, state, severity, rank, advisory, safe) values "
        "(?, ?, ?, ?, ?, ?, ?, ?) returning id",
        DB_ARGS(db_text(product), db_view(version), db_int(package), db_text(v.state),
                db_text(v.advisory != 0 ? severity_names[v.rank] : NULL), db_int(v.rank), advisory_value(&v),
                db_text(v.safe[0] != '\0' ? v.safe : NULL)),
        out_id, err);
}

struct version_row {
    int64_t id, rank, advisory;
    int package;
    char version[VERSION_BYTES + 1], state[16], safe[VERSION_BYTES + 1];
};

static bool versions_load(struct db *db, const char *product, struct version_row **out, size_t *out_count,
                          struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct db_rows *rows;
    size_t room = 0;
    bool ok = true;

    *out = NULL;
    *out_count = 0;
    if (!db_query(
            db,
            "select id, package, version, state, rank, advisory, safe from client_version where product = ?",
            DB_ARGS(db_text(product)), &rows, err))
        return false;
    while (ok && db_next(rows, &why)) {
        if (*out_count == room) {
            room = room != 0 ? room * 2 : 64;
            struct version_row *more = realloc(*out, room * sizeof *more);
            ok = more != NULL;
            if (!ok)
                break;
            *out = more;
        }
        struct version_row *r = &(*out)[(*out_count)++];
        struct text version = TEXT(r->version), state = TEXT(r->state), safe = TEXT(r->safe);
        r->id = db_get_int(rows, 0);
        r->package = (int)db_get_int(rows, 1);
        text_add(&version, db_get_text(rows, 2));
        text_add(&state, db_get_text(rows, 3));
        r->rank = db_get_int(rows, 4);
        r->advisory = db_get_int(rows, 5);
        text_add(&safe, db_get_text(rows, 6));
    }
    const bool read = rows_done(rows, &why, err);
    if (ok && read)
        return true;
    free(*out);
    *out = NULL;
    return read ? error_memory(err) : false;
}

/* A version got another verdict: so do its installs. What was old stays old since then; of what becomes worse
 * the nearer deadline counts. */
static bool pass_on(struct db *db, const struct version_row *r, const struct verdict *v, uint64_t now_us,
                    struct imw_error_info *err)
{
    int64_t due = 0;

    if (!db_run(
            db,
            "update client_version set state = ?, severity = ?, rank = ?, advisory = ?, safe = ? where id = ?",
            DB_ARGS(db_text(v->state), db_text(v->advisory != 0 ? severity_names[v->rank] : NULL),
                    db_int(v->rank), advisory_value(v), db_text(v->safe[0] != '\0' ? v->safe : NULL),
                    db_int(r->id)),
            NULL, err))
        return false;
    if (strcmp(v->state, "old") != 0)
        return db_run(
            db,
            "update client_install set state = ?, known_us = null, due_us = 0, excused_by = null, excused_us = "
            "null, excused_until_us = null, excused_why = null where version = ? and state not in ('replaced', "
            "'gone')",
            DB_ARGS(db_text(v->state), db_int(r->id)), NULL, err);
    return client_due(db, v->rank, now_us, &due, err) &&
           db_run(db,
                  "update client_install set state = 'old', known_us = ?, due_us = ? where version = ? and "
                  "state in "
                  "('safe', 'check', 'unknown', 'unlisted')",
                  DB_ARGS(db_int((int64_t)now_us), db_int(due), db_int(r->id)), NULL, err) &&
           db_run(
               db,
               "update client_install set due_us = ? where version = ? and state in ('old', 'excused') and "
               "due_us > ?",
               DB_ARGS(db_int(due), db_int(r->id), db_int(due)), NULL, err);
}

bool client_rejudge(struct db *db, const char *product, uint64_t now_us, struct imw_error_info *err)
{
    struct version_row *rows = NULL;
    size_t count = 0;
    struct ranges all;

    if (!ranges_load(db, product, &all, err))
        return false;
    bool ok = versions_load(db, product, &rows, &count, err);
    for (size_t i = 0; ok && i < count; i++) {
        const struct verdict v = judge(&all, view_string(rows[i].version), (enum package)rows[i].package);
        if (strcmp(v.state, rows[i].state) != 0 || v.rank != rows[i].rank || v.advisory != rows[i].advisory ||
            strcmp(v.safe, rows[i].safe) != 0)
            ok = pass_on(db, &rows[i], &v, now_us, err);
    }
    struct verdict oldest = { .state = "safe" };
    find_safe(&all, PACKAGE_NONE, view_of(NULL, 0), &oldest);
    ok = ok &&
         db_run(db,
                "insert into client_product (product, safe_version) values (?, ?) on conflict (product) do "
                "update set "
                "safe_version = excluded.safe_version",
                DB_ARGS(db_text(product), db_text(oldest.safe[0] != '\0' ? oldest.safe : NULL)), NULL, err);
    free(rows);
    free(all.list);
    return ok;
}

bool client_advisory_versions(struct db *db, int64_t advisory, int64_t *out, unsigned room,
                              unsigned *out_count, struct imw_error_info *err)
{
    *out_count = 0;
    for (unsigned n = 0; client_product_at(n) != NULL; n++) {
        const char *product = client_product_at(n)->key;
        struct version_row *rows = NULL;
        struct ranges all, its = { .list = NULL };
        size_t count = 0;
        int64_t has = 0;
        if (!db_query_int(db, "select count(*) from client_range where product = ? and advisory = ?",
                          DB_ARGS(db_text(product), db_int(advisory)), &has, NULL, err))
            return false;
        if (has == 0)
            continue;
        if (!ranges_load(db, product, &all, err))
            return false;
        its.list = all.list;
        for (size_t i = 0; i < all.count; i++)
            if (all.list[i].advisory == advisory)
                its.list[its.count++] = all.list[i];
        const bool ok = versions_load(db, product, &rows, &count, err);
        for (size_t i = 0; ok && i < count && *out_count < room; i++) {
            const struct verdict v = judge(&its, view_string(rows[i].version), (enum package)rows[i].package);
            if (v.advisory != 0)
                out[(*out_count)++] = rows[i].id;
        }
        free(rows);
        free(all.list);
        if (!ok)
            return false;
    }
    return true;
}

/* ---- putting advisories in ---- */

bool client_advisory_put(struct db *db, const struct client_advisory *y, const struct advisory_range *ranges,
                         size_t count, uint64_t now_us, struct imw_error_info *err)
{
    int64_t id = 0;
    bool found = false;
    const struct db_value now = db_int((int64_t)now_us),
                          published = y->published_us != 0 ? db_int((int64_t)y->published_us) : db_null();

    if (!db_query_int(db, "select id from client_advisory where ident = ?", DB_ARGS(db_text(y->ident)), &id,
                      &found, err))
        return false;
    if (!found) {
        if (!db_insert(db,
                       "insert into client_advisory (ident, source, title, severity, published_us, added_us, "
                       "changed_us, url) "
                       "values (?, ?, ?, ?, ?, ?, ?, ?) returning id",
                       DB_ARGS(db_text(y->ident), db_text(y->source), db_text(y->title),
                               db_text(severity_names[y->severity]), published, now, now, db_text(y->url)),
                       &id, err))
            return false;
    } else if (strcmp(y->source, "catalog") != 0) { /* the catalog has a version and a number only */
        if (!db_run(
                db,
                "update client_advisory set source = ?, title = ?, severity = ?, published_us = coalesce(?, "
                "published_us), "
                "changed_us = ?, url = coalesce(?, url) where id = ?",
                DB_ARGS(db_text(y->source), db_text(y->title), db_text(severity_names[y->severity]),
                        published, now, db_text(y->url), db_int(id)),
                NULL, err))
            return false;
    }
    if (!db_run(db, "delete from client_range where advisory = ? and source = ?",
                DB_ARGS(db_int(id), db_text(y->source)), NULL, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!db_run(db,
                    "insert into client_range (advisory, product, source, package, introduced, fixed, last) "
                    "values (?, ?, ?, "
                    "?, ?, ?, ?)",
                    DB_ARGS(db_int(id), db_text(ranges[i].product->key), db_text(y->source),
                            db_int(ranges[i].package), db_text(ranges[i].introduced),
                            db_text(ranges[i].fixed), db_text(ranges[i].last)),
                    NULL, err))
            return false;
    return true;
}

static const struct {
    const char *ident, *product, *introduced, *fixed, *last, *severity, *published, *source, *title;
} ours[] = {
#define A(ident, product, introduced, fixed, last, severity, published, source, title)                       \
    { ident, product, introduced, fixed, last, severity, published, source, title },
#include "program/client_advisories.def"
#undef A
};
enum { OURS = sizeof ours / sizeof ours[0] };

/* Entries of one number follow each other by product, or are apart: each number is put in once, with all its
 * ranges. */
static bool put_ours(struct db *db, uint64_t now_us, struct imw_error_info *err)
{
    for (size_t i = 0; i < OURS; i++) {
        struct advisory_range ranges[OURS];
        size_t count = 0;
        bool before = false;
        for (size_t k = 0; k < i; k++)
            before |= strcmp(ours[k].ident, ours[i].ident) == 0;
        if (before)
            continue;
        for (size_t k = i; k < OURS; k++) {
            if (strcmp(ours[k].ident, ours[i].ident) != 0)
                continue;
            struct advisory_range *r = &ranges[count++];
            *r = (struct advisory_range){ .product = client_product_find(view_string(ours[k].product)) };
            if (r->product == NULL)
                return error_set(err, IMW_ERROR_FORMAT, "client_advisories.def: no product %s",
                                 ours[k].product);
            struct text introduced = TEXT(r->introduced), fixed = TEXT(r->fixed), last = TEXT(r->last);
            text_string(&introduced, ours[k].introduced);
            text_string(&fixed, ours[k].fixed);
            text_string(&last, ours[k].last);
        }
        struct client_advisory y = { .ident = ours[i].ident,
                                     .source = "ours",
                                     .title = ours[i].title,
                                     .url = ours[i].source,
                                     .severity = (enum severity)severity_find(ours[i].severity) };
        if (!when_read(ours[i].published, &y.published_us) ||
            !client_advisory_put(db, &y, ranges, count, now_us, err))
            return false;
    }
    return true;
}

struct put_catalog {
    struct db *db;
    struct view service;
    uint64_t now_us;
    struct imw_error_info *err;
    bool ok;
};

/* "android 10.14.5 CVE-2024-7014" */
static void put_entry(void *context, const char *kind, enum server_role role, enum strength strength,
                      struct view entry, struct view source)
{
    struct put_catalog *p = context;
    struct view left = entry;
    const struct view platform = view_token(&left, ' '), minimum = view_token(&left, ' ');
    struct advisory_range r = { .product = client_product_platform(p->service, platform) };
    struct text fixed = TEXT(r.fixed);
    char ident[64], title[160], url[300];
    struct text i = TEXT(ident), t = TEXT(title), u = TEXT(url);

    (void)role;
    (void)strength;
    if (strcmp(kind, "client") != 0 || r.product == NULL || !p->ok || !version_is(minimum))
        return;
    text_add(&fixed, minimum);
    text_printable(&i, left);
    text_printable(&u, source);
    text_format(&t, "%s before %s", r.product->title, r.fixed);
    const struct client_advisory y = {
        .ident = ident, .source = "catalog", .title = title, .url = url, .severity = SEVERITY_HIGH
    };
    /* Of one advisory that the catalog names for several platforms, the ranges of the others stay. */
    int64_t id = 0;
    bool found = false;
    p->ok = db_query_int(p->db, "select id from client_advisory where ident = ?", DB_ARGS(db_text(ident)),
                         &id, &found, p->err);
    if (p->ok && found)
        p->ok = db_run(
            p->db,
            "insert into client_range (advisory, product, source, package, introduced, fixed, last) values "
            "(?, ?, "
            "'catalog', 0, '', ?, '')",
            DB_ARGS(db_int(id), db_text(r.product->key), db_text(r.fixed)), NULL, p->err);
    else if (p->ok)
        p->ok = client_advisory_put(p->db, &y, &r, 1, p->now_us, p->err);
}

bool client_builtin(struct db *db, const struct catalog *catalog, uint64_t now_us, unsigned *out_changed,
                    struct imw_error_info *err)
{
    struct put_catalog p = { .db = db, .now_us = now_us, .err = err, .ok = true };

    *out_changed = OURS;
    /* All of both anew: what this version no longer says does not count. */
    if (!db_run(db, "delete from client_range where source in ('ours', 'catalog')", DB_NONE, NULL, err) ||
        !put_ours(db, now_us, err))
        return false;
    for (unsigned i = 1; p.ok && i <= catalog_count(catalog); i++) {
        p.service = view_string(catalog_service(catalog, (uint16_t)i)->slug);
        catalog_each(catalog, (uint16_t)i, put_entry, &p);
    }
    for (unsigned n = 0; p.ok && client_product_at(n) != NULL; n++)
        p.ok = client_rejudge(db, client_product_at(n)->key, now_us, err);
    return p.ok;
}
