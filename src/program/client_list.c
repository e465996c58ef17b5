/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers about client software. Who it is: a pseudonym for everybody; machine and address for engineers; all
 * of it to whom a reveal was granted, as in the lists of use (who_label.h).
 */
#include "program/client_parts.h"
#include "program/shape_list.h"
#include "program/who_label.h"
#include "store/event_parts.h"

enum { LISTED = 200, WORST = 5, IMPORTS = 10, AFFECTED_VERSIONS = 200 };

static json_t *owner_of(const struct db_rows *rows, unsigned id, unsigned name)
{
    return db_is_null(rows, id)
               ? json_null()
               : json_pack("{s:o,s:o}", "id", shape_int(rows, id), "name", shape_text(rows, name));
}

static const struct client_product *product_of(const struct db_rows *rows, unsigned column)
{
    static const struct client_product none = { .key = "", .service = "", .title = "" };
    const struct client_product *p = client_product_find(db_get_text(rows, column));

    return p != NULL ? p : &none;
}

static json_t *text_or_null(const char *text)
{
    return text[0] != '\0' ? json_pack("s", text) : json_null();
}

/* ---- products ---- */

#define COUNTS "p.clients, p.old, p.overdue, p.excused, p.checks, p.safe, p.unknown, p.unlisted"
#define PRODUCTS                                                                                             \
    "select p.product, " COUNTS                                                                              \
    ", p.rank, p.next_due_us, p.safe_version, p.owner, a.full_name from client_product p "                   \
    "left join account a on a.id = p.owner "

static json_t *counts_of(const struct db_rows *rows, unsigned from)
{
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "clients", shape_int(rows, from), "old",
                     shape_int(rows, from + 1), "overdue", shape_int(rows, from + 2), "excused",
                     shape_int(rows, from + 3), "check", shape_int(rows, from + 4), "safe",
                     shape_int(rows, from + 5), "unknown", shape_int(rows, from + 6), "unlisted",
                     shape_int(rows, from + 7));
}

static json_t *product_row(const struct db_rows *rows, void *context)
{
    const struct client_product *p = product_of(rows, 0);
    const int64_t old = db_get_int(rows, 2), rank = db_get_int(rows, 9);

    (void)context;
    return json_pack(
        "{s:o,s:s,s:o,s:o,s:o,s:o,s:o,s:o}", "product", shape_text(rows, 0), "title", p->title, "service",
        text_or_null(p->service), "counts", counts_of(rows, 1), "safe", shape_text(rows, 11), "severity",
        old > 0 && rank >= 0 && rank < SEVERITY_COUNT ? json_pack("s", severity_names[rank]) : json_null(),
        "next_due", shape_time_of(rows, 10), "owner", owner_of(rows, 12, 13));
}

static json_t *import_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "id", shape_int(rows, 0), "kind",
                     shape_text(rows, 1), "name", shape_text(rows, 2), "by", shape_text(rows, 3), "time",
                     shape_time_of(rows, 4), "rows", shape_int(rows, 5), "taken", shape_int(rows, 6),
                     "skipped", shape_int(rows, 7));
}

static bool both(json_t **out, const char *x, json_t *a, const char *y, json_t *b, struct imw_error_info *err)
{
    *out = json_pack("{s:o,s:o}", x, a, y, b);
    return *out != NULL || error_memory(err);
}

bool client_products(struct act *a, json_t **out, struct imw_error_info *err)
{
    json_t *products = NULL, *imports = NULL;

    if (!shape_list(a->db,
                    PRODUCTS
                    "where p.clients > 0 order by p.overdue desc, p.old desc, p.checks desc, p.clients desc, "
                    "p.product limit ?",
                    DB_ARGS(db_int(CLIENT_PRODUCTS_MOST)), product_row, NULL, &products, err))
        return false;
    if (!shape_list(a->db,
                    "select i.id, i.kind, i.name, a.full_name, i.time_us, i.lines, i.taken, i.skipped from "
                    "client_import i left "
                    "join account a on a.id = i.account order by i.id desc limit ?",
                    DB_ARGS(db_int(IMPORTS)), import_row, NULL, &imports, err)) {
        json_decref(products);
        return false;
    }
    return both(out, "products", products, "imports", imports, err);
}

/* ---- advisories ---- */

#define ADVISORIES                                                                                           \
    "select y.id, y.ident, y.source, y.title, y.severity, y.published_us, y.added_us, y.url from "           \
    "client_advisory y "

static json_t *advisory_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:[],s:i}", "id", shape_int(rows, 0), "ident",
                     shape_text(rows, 1), "source", shape_text(rows, 2), "title", shape_text(rows, 3),
                     "severity", shape_text(rows, 4), "published", shape_time_of(rows, 5), "added",
                     shape_time_of(rows, 6), "url", shape_text(rows, 7), "ranges", "affected", 0);
}

/* A range once, with who tells it: ours, OSV, NVD, the catalog. */
static const char RANGES[] =
    "select r.product, r.package, r.introduced, r.fixed, r.last, "
    "sum(case when r.source = 'ours' then 1 else 0 end), sum(case when r.source = 'osv' then 1 else 0 end), "
    "sum(case when r.source = 'nvd' then 1 else 0 end), (select count(*) from client_range c where c.advisory "
    "= r.advisory and c.product = r.product and c.package = r.package and c.source = 'catalog') from "
    "client_range r where r.advisory = ? and " CLIENT_RANGE_COUNTS
    " group by r.advisory, r.product, r.package, r.introduced, r.fixed, r.last order by r.product, r.package, "
    "r.introduced, r.fixed limit 200";

static json_t *range_row(const struct db_rows *rows, void *context)
{
    const char *keys[] = { "introduced", "fixed", "last" };
    static const char *const tellers[] = { "ours", "osv", "nvd", "catalog" };
    json_t *row = json_pack("{s:o,s:s,s:b,s:[]}", "product", shape_text(rows, 0), "title",
                            product_of(rows, 0)->title, "package", db_get_int(rows, 1) != 0, "sources");
    json_t *sources = json_object_get(row, "sources");

    (void)context;
    for (unsigned i = 0; row != NULL && i < sizeof tellers / sizeof tellers[0]; i++)
        if (db_get_int(rows, 5 + i) != 0)
            (void)json_array_append_new(sources, json_pack("s", tellers[i]));
    for (unsigned i = 0; row != NULL && i < 3; i++)
        (void)json_object_set_new(row, keys[i],
                                  db_get_text(rows, 2 + i).len > 0 ? shape_text(rows, 2 + i) : json_null());
    return row;
}

/* Add to each advisory its ranges, and how many run what it names. */
static bool fill(struct act *a, json_t *list, struct imw_error_info *err)
{
    json_t *row;
    size_t i;

    json_array_foreach(list, i, row)
    {
        const int64_t id = json_integer_value(json_object_get(row, "id"));
        int64_t versions[AFFECTED_VERSIONS], affected = 0;
        json_t *ranges = NULL;
        unsigned count = 0;
        if (!shape_list(a->db, RANGES, DB_ARGS(db_int(id)), range_row, NULL, &ranges, err))
            return false;
        (void)json_object_set_new(row, "ranges", ranges);
        if (!client_advisory_versions(a->db, id, versions, AFFECTED_VERSIONS, &count, err))
            return false;
        for (unsigned k = 0; k < count; k++) {
            int64_t n = 0;
            if (!db_query_int(
                    a->db,
                    "select count(*) from client_install where version = ? and state not in ('replaced', "
                    "'gone')",
                    DB_ARGS(db_int(versions[k])), &n, NULL, err))
                return false;
            affected += n;
        }
        (void)json_object_set_new(row, "affected", json_integer(affected));
    }
    return true;
}

bool client_advisory_page(struct act *a, const char *q, int64_t before, unsigned limit, json_t **out,
                          struct imw_error_info *err)
{
    struct db_value args[4];
    unsigned n = 0;
    char sql[900], like[260];
    struct text t = TEXT(sql), words = TEXT(like);
    json_t *list = NULL, *cursor = json_null();

    limit = limit > 0 && limit < LISTED ? limit : 50;
    text_string(&t, ADVISORIES "where exists (select 1 from client_range r where r.advisory = y.id)");
    if (q != NULL && q[0] != '\0') {
        text_char(&words, '%');
        for (struct view v = view_slice(view_string(q), 0, 100); v.len > 0; v = view_from(v, 1)) {
            if (v.at[0] == '%' || v.at[0] == '_' || v.at[0] == '\\')
                text_char(&words, '\\');
            text_char(&words, (char)ascii_lower(v.at[0]));
        }
        text_char(&words, '%');
        text_string(&t, " and (lower(y.ident) like ? escape '\\' or lower(y.title) like ? escape '\\')");
        args[n++] = db_text(like);
        args[n++] = db_text(like);
    }
    if (before > 0) {
        text_string(&t, " and y.id < ?");
        args[n++] = db_int(before);
    }
    text_string(&t, " order by y.id desc limit ?");
    args[n++] = db_int(limit + 1);
    if (!shape_list(a->db, sql, args, n, advisory_row, NULL, &list, err))
        return false;
    if (json_array_size(list) > limit) {
        (void)json_array_remove(list, limit);
        cursor = json_sprintf(
            "%lld", (long long)json_integer_value(json_object_get(json_array_get(list, limit - 1), "id")));
    }
    if (!fill(a, list, err)) {
        json_decref(list);
        json_decref(cursor);
        return false;
    }
    return both(out, "advisories", list, "cursor", cursor, err);
}

bool client_advisory_get(struct act *a, int64_t id, json_t **out, struct imw_error_info *err)
{
    json_t *list = NULL;

    if (!shape_list(a->db, ADVISORIES "where y.id = ?", DB_ARGS(db_int(id)), advisory_row, NULL, &list, err))
        return false;
    bool ok = json_array_size(list) == 1 || act_no(a, err, ACT_MISSING, "", "there is no such advisory");
    ok = ok && fill(a, list, err);
    if (ok)
        *out = json_incref(json_array_get(list, 0));
    json_decref(list);
    return ok;
}

/* ---- one product ---- */

static json_t *version_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{s:o,s:o,s:b,s:o,s:o,s:o,s:o,s:o}", "id", shape_int(rows, 0), "version",
                     shape_text(rows, 1), "package", db_get_int(rows, 2) != 0, "state", shape_text(rows, 3),
                     "severity", shape_text(rows, 4), "advisory", shape_text(rows, 5), "safe",
                     shape_text(rows, 6), "clients", shape_int(rows, 7));
}

bool client_product_get(struct act *a, const char *product, json_t **out, struct imw_error_info *err)
{
    const struct client_product *p = client_product_find(view_string(product));
    json_t *row = NULL, *versions = NULL, *advisories = NULL;

    if (p == NULL)
        return act_no(a, err, ACT_MISSING, "", "there is no such product");
    if (!shape_one(a->db, PRODUCTS "where p.product = ?", DB_ARGS(db_text(product)), product_row, NULL, &row,
                   err))
        return false;
    if (row == NULL)
        row = json_pack("{s:s,s:s,s:o,s:{s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i},s:n,s:n,s:n,s:n}", "product",
                        p->key, "title", p->title, "service", text_or_null(p->service), "counts", "clients",
                        0, "old", 0, "overdue", 0, "excused", 0, "check", 0, "safe", 0, "unknown", 0,
                        "unlisted", 0, "safe", "severity", "next_due", "owner");
    bool ok =
        row != NULL &&
        shape_list(
            a->db,
            "select v.id, v.version, v.package, v.state, v.severity, y.ident, v.safe, (select count(*) from "
            "client_install i where i.version = v.id and i.state not in ('replaced', 'gone')) as n from "
            "client_version v left join client_advisory y on y.id = v.advisory where v.product = ? order by "
            "n desc, "
            "v.version limit ?",
            DB_ARGS(db_text(product), db_int(LISTED)), version_row, NULL, &versions, err) &&
        shape_list(a->db,
                   ADVISORIES "where y.id in (select advisory from client_range where product = ?) order by "
                              "y.published_us desc, y.id desc limit ?",
                   DB_ARGS(db_text(product), db_int(LISTED)), advisory_row, NULL, &advisories, err) &&
        fill(a, advisories, err);
    if (ok && json_object_set(row, "versions", versions) == 0 &&
        json_object_set(row, "advisories", advisories) == 0)
        *out = json_incref(row);
    json_decref(row);
    json_decref(versions);
    json_decref(advisories);
    return ok;
}

/* ---- installs ---- */

#define INSTALLS                                                                                             \
    "select i.id, i.product, v.version, i.who, i.machine, i.os, i.person, i.state, i.first_us, "             \
    "i.last_us, i.known_us, i.due_us, v.severity, y.ident, v.safe, e.pseudonym, e.name, d.name, w.address, " \
    "w.host, p.owner, o.full_name, x.full_name, i.excused_why, i.excused_until_us, o.person from "           \
    "client_install i join client_version v on v.id = i.version left join client_advisory y on y.id = "      \
    "v.advisory left join person e on e.id = i.person left join department d on d.id = e.department left "   \
    "join who w on w.id = i.who left join client_product p on p.product = i.product left join account o on " \
    "o.id = p.owner left join account x on x.id = i.excused_by "
enum column {
    ID,
    PRODUCT,
    VERSION,
    WHO,
    MACHINE,
    OS,
    PERSON,
    STATE,
    FIRST,
    LAST,
    KNOWN,
    DUE,
    SEVERITY,
    IDENT,
    SAFE,
    PSEUDONYM,
    NAME,
    DEPARTMENT,
    ADDRESS,
    HOST,
    OWNER,
    OWNER_NAME,
    EXCUSER,
    EXCUSED_WHY,
    EXCUSED_UNTIL,
    OWNER_PERSON
};

struct sight {
    struct act *a;
    struct viewer viewer;
};

static json_t *install_row(const struct db_rows *rows, void *context)
{
    struct sight *s = context;
    const struct actor *me = s->a->actor;
    const int64_t who = db_get_int(rows, WHO), person = db_get_int(rows, PERSON),
                  owner = db_get_int(rows, OWNER), owner_person = db_get_int(rows, OWNER_PERSON);
    const bool wire = !db_is_null(rows, WHO),
               known = viewer_knows(&s->viewer, who, person) && (who != 0 || person != 0),
               technical = s->viewer.technical || known,
               old = view_equal(db_get_text(rows, STATE), VIEW("old")),
               excused = view_equal(db_get_text(rows, STATE), VIEW("excused"));
    const bool mine =
        (person != 0 && person == me->person) ||
        (owner != 0 && (owner == me->account || (owner_person != 0 && owner_person == me->person)));
    const unsigned machine = wire ? HOST : MACHINE;
    char label[40];
    json_t *shown;

    if (known && !db_is_null(rows, NAME)) {
        shown = shape_text(rows, NAME);
    } else if (!db_is_null(rows, PSEUDONYM)) {
        shown = shape_text(rows, PSEUDONYM);
    } else {
        snprintf(label, sizeof label, wire ? "client %llx" : "machine %llx",
                 (unsigned long long)(wire ? who : db_get_int(rows, ID)));
        shown = json_pack("s", label);
    }
    json_t *row =
        json_pack("{s:o,s:o,s:s,s:o,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "id", shape_int(rows, ID), "product",
                  shape_text(rows, PRODUCT), "title", product_of(rows, PRODUCT)->title, "version",
                  shape_text(rows, VERSION), "told", wire ? "wire" : "inventory", "label", shown, "pseudonym",
                  shape_text(rows, PSEUDONYM), "department", shape_text(rows, DEPARTMENT), "who",
                  shape_int(rows, WHO), "person", shape_int(rows, PERSON), "machine",
                  technical && db_get_text(rows, machine).len > 0 ? shape_text(rows, machine) : json_null(),
                  "address", technical && wire ? shape_text(rows, ADDRESS) : json_null());
    json_t *more = json_pack(
        "{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:b,s:o,s:o,s:b}", "os", shape_text(rows, OS), "state",
        shape_text(rows, STATE), "severity", shape_text(rows, SEVERITY), "advisory", shape_text(rows, IDENT),
        "safe", shape_text(rows, SAFE), "first", shape_time_of(rows, FIRST), "last",
        shape_time_of(rows, LAST), "known", shape_time_of(rows, KNOWN), "due",
        db_get_int(rows, DUE) > 0 ? shape_time_of(rows, DUE) : json_null(), "overdue",
        old && db_get_int(rows, DUE) < (int64_t)s->a->now_us, "owner", owner_of(rows, OWNER, OWNER_NAME),
        "excused",
        excused ? json_pack("{s:o,s:o,s:o}", "by", shape_text(rows, EXCUSER), "why",
                            shape_text(rows, EXCUSED_WHY), "until", shape_time_of(rows, EXCUSED_UNTIL))
                : json_null(),
        "may_excuse", (old || excused) && !mine && !me->token && actor_may(me, PERMISSION_CLIENT_WRITE));
    if (row == NULL || more == NULL || json_object_update(row, more) != 0) {
        json_decref(row);
        row = NULL;
    }
    json_decref(more);
    return row;
}

static bool installs(struct act *a, struct ask *q, json_t **out, struct imw_error_info *err)
{
    struct sight s = { .a = a };

    if (!viewer_begin(a->db, a->actor, a->now_us, &s.viewer, err))
        return false;
    const bool ok = shape_list(a->db, q->sql, q->args, q->count, install_row, &s, out, err);
    viewer_end(&s.viewer);
    return ok;
}

bool client_install_get(struct act *a, int64_t id, json_t **out, struct imw_error_info *err)
{
    json_t *list = NULL;
    struct ask q;

    ask_begin(&q);
    ask_add(&q, INSTALLS "where i.id = ?");
    ask_arg(&q, db_int(id));
    if (!installs(a, &q, &list, err))
        return false;
    const bool ok = json_array_size(list) == 1 || act_no(a, err, ACT_MISSING, "", "there is no such client");
    if (ok)
        *out = json_incref(json_array_get(list, 0));
    json_decref(list);
    return ok;
}

static bool known_state(const char *state)
{
    static const char *const states[] = { "old",     "overdue",  "excused",  "check", "safe",
                                          "unknown", "unlisted", "replaced", "gone" };

    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (strcmp(state, states[i]) == 0)
            return true;
    return false;
}

/* "DUE.ID" of the last one of the page before. */
static bool read_cursor(const char *text, int64_t *due, int64_t *id)
{
    struct view left = view_string(text);
    const struct view first = view_token(&left, '.');
    uint64_t a, b;

    if (!view_decimal(first, INT64_MAX, &a) || !view_decimal(left, INT64_MAX, &b) || b == 0)
        return false;
    *due = (int64_t)a;
    *id = (int64_t)b;
    return true;
}

bool client_installs(struct act *a, const struct client_filter *f, json_t **out, struct imw_error_info *err)
{
    const unsigned limit = f->limit > 0 && f->limit < LISTED ? f->limit : 50;
    int64_t due = 0, id = 0;
    json_t *list = NULL, *cursor = json_null();
    struct viewer viewer;
    char like[300];
    struct ask q;

    if (f->state != NULL && !known_state(f->state))
        return act_no(a, err, ACT_WRONG, "state",
                      "old, overdue, excused, check, safe, unknown, unlisted, replaced and gone are known");
    if (f->cursor != NULL && f->cursor[0] != '\0' && !read_cursor(f->cursor, &due, &id))
        return act_no(a, err, ACT_WRONG, "cursor", "that is no cursor of an answer");
    ask_begin(&q);
    ask_add(&q, INSTALLS "where 1 = 1");
    if (f->product != NULL) {
        ask_add(&q, " and i.product = ?");
        ask_arg(&q, db_text(f->product));
    }
    if (f->state != NULL && strcmp(f->state, "overdue") == 0) {
        ask_add(&q, " and i.state = 'old' and i.due_us < ?");
        ask_arg(&q, db_int((int64_t)a->now_us));
    } else if (f->state != NULL) {
        ask_add(&q, " and i.state = ?");
        ask_arg(&q, db_text(f->state));
    } else {
        ask_add(&q, " and i.state in ('old', 'excused', 'check', 'safe', 'unknown', 'unlisted')");
    }
    if (f->version != 0) {
        ask_add(&q, " and i.version = ?");
        ask_arg(&q, db_int(f->version));
    }
    if (f->advisory != 0) {
        int64_t versions[AFFECTED_VERSIONS];
        unsigned count = 0;
        if (!client_advisory_versions(a->db, f->advisory, versions, AFFECTED_VERSIONS, &count, err))
            return false;
        if (count == 0)
            versions[count++] = 0;
        ask_add(&q, " and i.version");
        ask_in(&q, versions, count);
    }
    if (f->q != NULL && f->q[0] != '\0') {
        if (!viewer_begin(a->db, a->actor, a->now_us, &viewer, err))
            return false;
        const bool technical = viewer.technical;
        struct text words = TEXT(like);
        viewer_end(&viewer);
        text_char(&words, '%');
        for (struct view v = view_slice(view_string(f->q), 0, 100); v.len > 0; v = view_from(v, 1)) {
            if (v.at[0] == '%' || v.at[0] == '_' || v.at[0] == '\\')
                text_char(&words, '\\');
            text_char(&words, (char)ascii_lower(v.at[0]));
        }
        text_char(&words, '%');
        ask_add(
            &q,
            technical
                ? " and (e.pseudonym = ? or i.machine like ? escape '\\' or lower(w.host) like ? escape '\\')"
                : " and e.pseudonym = ?");
        ask_arg(&q, db_text(f->q));
        if (technical) {
            ask_arg(&q, db_text(like));
            ask_arg(&q, db_text(like));
        }
    }
    if (id != 0) {
        ask_add(&q, " and (i.due_us, i.id) > (?, ?)");
        ask_arg(&q, db_int(due));
        ask_arg(&q, db_int(id));
    }
    ask_add(&q, " order by i.due_us, i.id limit ?");
    ask_arg(&q, db_int(limit + 1));
    if (!installs(a, &q, &list, err))
        return false;
    if (json_array_size(list) > limit) {
        (void)json_array_remove(list, limit);
        id = json_integer_value(json_object_get(json_array_get(list, limit - 1), "id"));
        int64_t last = 0;
        if (!db_query_int(a->db, "select due_us from client_install where id = ?", DB_ARGS(db_int(id)), &last,
                          NULL, err)) {
            json_decref(list);
            json_decref(cursor);
            return false;
        }
        cursor = json_sprintf("%lld.%lld", (long long)last, (long long)id);
    }
    return both(out, "installs", list, "cursor", cursor, err);
}

/* ---- owners, summary ---- */

static json_t *named_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{s:o,s:o}", "id", shape_int(rows, 0), "name", shape_text(rows, 1));
}

bool client_owners(struct act *a, json_t **out, struct imw_error_info *err)
{
    json_t *list = NULL;

    if (!shape_list(
            a->db,
            "select id, full_name from account where state = 'active' and (roles like '%engineer%' or roles "
            "like "
            "'%compliance%') order by full_name, id limit 500",
            DB_NONE, named_row, NULL, &list, err))
        return false;
    *out = json_pack("{s:o}", "owners", list);
    return *out != NULL || error_memory(err);
}

static json_t *sums_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return counts_of(rows, 0);
}

static json_t *time_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return shape_time_of(rows, 0);
}

bool client_summary(struct act *a, json_t **out, struct imw_error_info *err)
{
    json_t *counts = NULL, *worst = NULL, *inventory = NULL, *virus = NULL;
    int64_t no_owner = 0;
    const bool ok =
        shape_one(a->db,
                  "select coalesce(sum(p.clients), 0), coalesce(sum(p.old), 0), coalesce(sum(p.overdue), 0), "
                  "coalesce(sum(p.excused), 0), coalesce(sum(p.checks), 0), coalesce(sum(p.safe), 0), "
                  "coalesce(sum(p.unknown), 0), coalesce(sum(p.unlisted), 0) from client_product p",
                  DB_NONE, sums_row, NULL, &counts, err) &&
        shape_list(a->db,
                   PRODUCTS
                   "where p.old > 0 order by p.overdue desc, p.rank desc, p.old desc, p.product limit ?",
                   DB_ARGS(db_int(WORST)), product_row, NULL, &worst, err) &&
        db_query_int(a->db, "select count(*) from client_product where old > 0 and owner is null", DB_NONE,
                     &no_owner, NULL, err) &&
        shape_one(a->db, "select max(time_us) from client_import where kind = 'inventory'", DB_NONE, time_row,
                  NULL, &inventory, err) &&
        virus_summary(a, &virus, err);
    if (ok)
        *out = json_pack("{s:O,s:O,s:I,s:O,s:O}", "counts", counts, "worst", worst, "no_owner",
                         (json_int_t)no_owner, "last_inventory", inventory, "virus", virus);
    json_decref(counts);
    json_decref(worst);
    json_decref(inventory);
    json_decref(virus);
    return ok && (*out != NULL || error_memory(err));
}
