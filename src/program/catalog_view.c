/* SPDX-License-Identifier: Apache-2.0 */
/* Services out of the compiled catalog (catalog_each()), and what was seen out of the sums of usage. */
#include "program/catalog_view.h"
#include "base/text.h"
#include "identify/catalog.h"
#include "program/shape.h"
#include <stdlib.h>

bool catalog_view_open(const char *path, struct catalog **out, struct imw_error_info *err)
{
    return path != NULL ? catalog_open(path, out, err) : catalog_builtin(out, err);
}

void catalog_view_close(struct catalog *c)
{
    catalog_close(c);
}

/* ---- the catalog ---- */

struct parts {
    unsigned domain_count;
    json_t *domains, *addresses, *ports, *fingerprints, *clients, *risks, *risk; /* NULL: not wanted */
};

static json_t *text_of(struct view v)
{
    json_t *text = json_stringn((const char *)v.at, v.len);

    return text != NULL ? text : json_pack("s", "?");
}

static void add(json_t *list, json_t *value)
{
    if (list != NULL && json_array_size(list) < CATALOG_ENTRIES)
        (void)json_array_append_new(list, value);
    else
        json_decref(value);
}

/* What a fact means for those who answer for it; NULL: it is no risk. */
static const char *risk_of(struct view fact)
{
    static const struct {
        const char *fact, *text;
    } risks[] = {
        { "files: true", "files can be sent" },
        { "ephemeral: true", "messages can disappear by themselves" },
        { "remote_delete: true", "the sender can delete messages at the receiver's" },
        { "archive: false", "no archive of what was said can be had from the vendor" },
    };

    for (unsigned i = 0; i < sizeof risks / sizeof risks[0]; i++)
        if (view_equal(fact, view_string(risks[i].fact)))
            return risks[i].text;
    return NULL;
}

static void take_entry(void *context, const char *kind, enum server_role role, enum strength strength,
                       struct view entry, struct view source)
{
    struct parts *p = context;
    struct view kind_text = view_string(kind);

    if (view_equal(kind_text, VIEW("domain"))) {
        p->domain_count++;
        if (p->domains != NULL)
            add(p->domains,
                json_pack("{s:o,s:s,s:b,s:o}", "name", text_of(entry), "role", server_role_name(role),
                          "shared", strength == STRENGTH_SHARED, "source", text_of(source)));
    } else if (view_equal(kind_text, VIEW("range")) && p->addresses != NULL) {
        add(p->addresses,
            json_pack("{s:o,s:s,s:b,s:o}", "network", text_of(entry), "role", server_role_name(role),
                      "shared", strength == STRENGTH_SHARED, "source", text_of(source)));
    } else if (view_equal(kind_text, VIEW("port")) && p->ports != NULL) {
        add(p->ports, text_of(entry));
    } else if (view_equal(kind_text, VIEW("client")) && p->clients != NULL) {
        add(p->clients, json_pack("{s:o,s:o}", "text", text_of(entry), "source", text_of(source)));
    } else if (view_equal(kind_text, VIEW("fact"))) {
        const char *risk = risk_of(entry);
        if (risk != NULL && p->risk != NULL)
            add(p->risk, json_pack("s", risk));
        if (p->risks != NULL)
            add(p->risks, json_pack("{s:o,s:o}", "text", text_of(entry), "source", text_of(source)));
    } else if (p->fingerprints != NULL &&
               (view_equal(kind_text, VIEW("ja4")) || view_equal(kind_text, VIEW("agent")) ||
                view_equal(kind_text, VIEW("path")))) {
        add(p->fingerprints,
            json_pack("{s:s,s:o,s:o}", "kind", kind, "text", text_of(entry), "source", text_of(source)));
    }
}

/* ---- what was seen ---- */

/* Flows by slug, over all days that are kept. */
static bool read_flows(struct db *db, json_t *flows, struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    struct db_rows *rows;
    char slug[64];

    if (!db_query(
            db,
            "select t.value, sum(u.flows) from usage_day u join term t on t.id = u.service group by t.value",
            DB_NONE, &rows, err))
        return false;
    while (db_next(rows, &failed)) {
        struct text t = TEXT(slug);
        text_add(&t, db_get_text(rows, 0));
        (void)json_object_set_new(flows, slug, json_integer(db_get_int(rows, 1)));
    }
    db_rows_end(rows);
    if (failed.code != IMW_OK)
        *err = failed;
    return failed.code == IMW_OK;
}

/* {flows, people, last}: people are persons, and clients of whom nobody knows whose they are. */
static bool read_seen(struct db *db, const char *slug, json_t **out, struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    struct db_rows *rows;
    json_t *seen = NULL;

    if (!db_query(
            db,
            "select coalesce(sum(u.flows), 0), count(distinct coalesce(w.person, -w.id)), max(u.last_us) "
            "from usage_who u join who w on w.id = u.who "
            "where u.service = (select id from term where kind = 'service' and value = ?)",
            DB_ARGS(db_text(slug)), &rows, err))
        return false;
    if (db_next(rows, &failed))
        seen = json_pack("{s:o,s:o,s:o}", "flows", shape_int(rows, 0), "people", shape_int(rows, 1), "last",
                         shape_time_of(rows, 2));
    db_rows_end(rows);
    if (failed.code != IMW_OK) {
        *err = failed;
        json_decref(seen);
        return false;
    }
    *out = seen;
    return seen != NULL || error_memory(err);
}

/* ---- both ---- */

static json_t *row_value(const struct catalog_service *s, struct parts *p, json_int_t flows)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:i,s:b,s:o,s:I}", "service", s->slug, "name", s->name, "vendor",
                     s->vendor, "class", class_name(s->class), "domains", (int)p->domain_count, "end_to_end",
                     s->end_to_end, "risk", p->risk, "flows", flows);
}

static bool has_text(const char *text, const char *q)
{
    struct view v = view_string(text);

    return view_find_nocase(v, view_string(q)) < v.len;
}

static bool is_wanted(const struct catalog_service *s, const char *q, const char *class)
{
    if (s->removed || (class != NULL && class[0] != '\0' && strcmp(class, class_name(s->class)) != 0))
        return false;
    return q == NULL || q[0] == '\0' || has_text(s->slug, q) || has_text(s->name, q) ||
           has_text(s->vendor, q);
}

static int by_name(const void *a, const void *b)
{
    const struct catalog_service *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

bool catalog_view_list(struct db *db, const struct catalog *c, const char *q, const char *class, json_t **out,
                       struct imw_error_info *err)
{
    json_t *list = json_pack("[]"), *flows = json_pack("{}");
    const struct catalog_service **sorted = malloc((catalog_count(c) + 1) * sizeof *sorted);
    unsigned count = 0;
    bool ok = (list != NULL && flows != NULL && sorted != NULL) || error_memory(err);

    ok = ok && read_flows(db, flows, err);
    for (unsigned i = 1; ok && i <= catalog_count(c); i++)
        if (is_wanted(catalog_service(c, (uint16_t)i), q, class))
            sorted[count++] = catalog_service(c, (uint16_t)i);
    if (count > 0)
        qsort(sorted, count, sizeof *sorted, by_name);
    for (unsigned i = 0; ok && i < count; i++) {
        struct parts p = { .risk = json_pack("[]") };
        catalog_each(c, catalog_find(c, view_string(sorted[i]->slug)), take_entry, &p);
        ok = json_array_append_new(
                 list, row_value(sorted[i], &p,
                                 json_integer_value(json_object_get(flows, sorted[i]->slug)))) == 0 ||
             error_memory(err);
    }
    free(sorted);
    json_decref(flows);
    if (ok)
        ok = (*out = json_pack("{s:O}", "services", list)) != NULL || error_memory(err);
    json_decref(list);
    return ok;
}

bool catalog_view_get(struct db *db, const struct catalog *c, const char *slug, json_t **out,
                      struct imw_error_info *err)
{
    uint16_t number = catalog_find(c, view_string(slug));
    json_t *seen = NULL;

    *out = NULL;
    if (number == 0)
        return true;
    if (!read_seen(db, slug, &seen, err))
        return false;
    const struct catalog_service *s = catalog_service(c, number);
    struct parts p = { .domains = json_pack("[]"),
                       .addresses = json_pack("[]"),
                       .ports = json_pack("[]"),
                       .fingerprints = json_pack("[]"),
                       .clients = json_pack("[]"),
                       .risks = json_pack("[]"),
                       .risk = json_pack("[]") };
    catalog_each(c, number, take_entry, &p);
    json_t *row = row_value(s, &p, json_integer_value(json_object_get(seen, "flows")));
    const struct {
        const char *key;
        json_t *value;
    } more[] = { { "domains", p.domains },
                 { "addresses", p.addresses },
                 { "ports", p.ports },
                 { "fingerprints", p.fingerprints },
                 { "clients", p.clients },
                 { "risks", p.risks },
                 { "seen", seen },
                 { "summary", json_pack("s", s->summary) },
                 { "country", json_pack("s", s->vendor_country) } };
    bool ok = row != NULL;
    for (unsigned i = 0; i < sizeof more / sizeof more[0]; i++)
        ok = (ok ? json_object_set_new(row, more[i].key, more[i].value) == 0
                 : (json_decref(more[i].value), false)) &&
             ok;
    if (ok) {
        *out = row;
        return true;
    }
    json_decref(row);
    return error_memory(err);
}

bool catalog_view_risk(const struct catalog *c, const char *slug, json_t **out, struct imw_error_info *err)
{
    const uint16_t number = catalog_find(c, view_string(slug));
    struct parts p = { .risk = json_pack("[]") };

    *out = NULL;
    if (number == 0) {
        json_decref(p.risk);
        return true;
    }
    catalog_each(c, number, take_entry, &p);
    *out = json_pack("{s:o,s:b}", "risk", p.risk, "end_to_end", catalog_service(c, number)->end_to_end);
    return *out != NULL || error_memory(err);
}
