/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sums say. docs/usage-figures.md defines each figure; the sums are kept by sums.c.
 *
 * A span of up to three days is summed by hours (its ends rounded out to whole hours), a longer one by days
 * (whole days, UTC); "from" and "to" of the answer are what was summed. Who used something is kept by days
 * only: people of a span are those of the days it touches.
 *
 * Asked for certain clients, or for a team, the sums by client answer, which know no hours; for anything that
 * no sum tells apart (ports, words …) there is no overview, and the answer says so.
 */
#include "base/hash.h"
#include "base/text.h"
#include "store/usage_parts.h"
#include <stdlib.h>

enum { BUSIEST = 6, SERVICES = 256, HOURLY_DAYS = 3, PORTS = 60, SANKEY = 400 };

struct span span_of(const struct event_filter *f)
{
    struct span s = { .by_client = filter_is_of_clients(f) };
    int64_t from = f->from_us, to = f->to_us;

    s.hourly = !s.by_client && to - from <= HOURLY_DAYS * DAY_US;
    int64_t unit = s.hourly ? HOUR_US : DAY_US;
    s.from_us = from / unit * unit;
    s.to_us = to > INT64_MAX - unit ? to / unit * unit : (to + unit - 1) / unit * unit;
    return s;
}

/* "where …" over the table of a span, in its unit. */
static void of_span(struct ask *a, const struct event_filter *f, const struct span *s)
{
    if (s->hourly) {
        ask_add(a, " where hour >= ? and hour < ?");
        ask_arg(a, db_int(s->from_us / HOUR_US));
        ask_arg(a, db_int(s->to_us / HOUR_US));
    } else {
        ask_add(a, " where day >= ? and day <= ?");
        ask_arg(a, db_int(day_of(s->from_us)));
        ask_arg(a, db_int(day_of(s->to_us - 1)));
    }
    if (s->by_client)
        filter_sums_who(f, a);
    else
        filter_sums(f, a);
}

/* With departments, where there are any; the other two are short. */
static const char *table_of(const struct span *s)
{
    return s->by_client ? "usage_who" : s->hourly ? "usage_hour" : "usage_day";
}

static const char *short_table_of(const struct event_filter *f, const struct span *s)
{
    if (s->by_client || f->department.given)
        return table_of(s);
    return s->hourly ? "usage_service_hour" : "usage_service_day";
}

bool ask_new(struct ask **out, struct imw_error_info *err)
{
    *out = malloc(sizeof **out);
    return *out != NULL || error_set(err, IMW_ERROR_MEMORY, "no memory for sums");
}

json_t *text_value(struct view v)
{
    return json_stringn((const char *)v.at, v.len);
}

/* ---- totals, services, over time ---- */

struct service {
    int64_t id, n[SUM_COUNT], people;
    char slug[64];
};
struct step { /* flows of a service in an hour or a day */
    int64_t at, service, flows;
};
struct part {
    int64_t n[SUM_COUNT], people, used /* services */;
    struct service services[SERVICES]; /* the busiest first */
    unsigned count;
    struct step *steps; /* by time */
    size_t step_count;
};

static const char *const day_sums =
    "sum(events), sum(flows), sum(lookups), sum(messages), sum(files), sum(alerts), sum(stopped), sum(agile),"
    " sum(bytes_out), sum(bytes_in)";
static const char *const who_sums =
    "sum(events), sum(flows), 0, sum(messages), sum(files), sum(alerts), sum(stopped), 0, sum(bytes_out),"
    " sum(bytes_in)";

static struct service *service_at(struct part *p, int64_t id)
{
    for (unsigned i = 0; i < p->count; i++)
        if (p->services[i].id == id)
            return &p->services[i];
    if (p->count == SERVICES)
        return NULL; /* its flows are in the totals */
    p->services[p->count] = (struct service){ .id = id };
    return &p->services[p->count++];
}

static void take_people(void *context, int64_t service, int64_t people)
{
    struct part *p = context;

    if (service < 0)
        p->people = people;
    for (unsigned i = 0; i < p->count; i++)
        if (p->services[i].id == service)
            p->services[i].people = people;
}

static int busiest_first(const void *a, const void *b)
{
    const struct service *x = a, *y = b;

    if (x->n[SUM_FLOWS] != y->n[SUM_FLOWS])
        return x->n[SUM_FLOWS] > y->n[SUM_FLOWS] ? -1 : 1;
    return strcmp(x->slug, y->slug);
}

static bool services_name(struct db *db, struct part *p, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;

    for (unsigned i = 0; i < p->count; i++) {
        struct text slug = TEXT(p->services[i].slug);
        text_string(&slug, "none");
    }
    if (!db_query(db, "select id, value from term where kind = 'service'", DB_NONE, &rows, err))
        return false;
    while (db_next(rows, &why))
        for (unsigned i = 0; i < p->count; i++)
            if (p->services[i].id == db_get_int(rows, 0)) {
                struct text slug = TEXT(p->services[i].slug);
                text_add(&slug, db_get_text(rows, 1));
            }
    return rows_done(rows, &why, err);
}

/* One look at the sums of a span, by time and service; what is said of it is put together here. */
static bool part_read(struct db *db, const struct event_filter *f, const struct clients *clients,
                      const struct span *s, bool over_time, struct part *p, struct imw_error_info *err)
{
    const char *unit = !over_time ? "0" : s->hourly ? "hour" : "day";
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    struct ask *a;
    bool memory = true;

    if (!ask_new(&a, err))
        return false;
    ask_begin(a);
    ask_add(a, "select %s, service, %s from %s", unit, s->by_client ? who_sums : day_sums,
            short_table_of(f, s));
    of_span(a, f, s);
    ask_add(a, over_time ? " group by %s, service order by %s, service" : " group by service", unit, unit);
    bool ok = ask_query(a, db, &rows, err);
    free(a);
    if (!ok)
        return false;
    while (memory && db_next(rows, &why)) {
        int64_t id = db_get_int(rows, 1);
        struct service *to = service_at(p, id);
        for (unsigned i = 0; i < SUM_LAST; i++) {
            p->n[i] += db_get_int(rows, i + 2);
            if (to != NULL)
                to->n[i] += db_get_int(rows, i + 2);
        }
        if (!over_time)
            continue;
        struct step *more =
            p->step_count % 256 == 0 ? realloc(p->steps, (p->step_count + 256) * sizeof *more) : p->steps;
        memory = more != NULL;
        if (memory) {
            p->steps = more;
            p->steps[p->step_count++] =
                (struct step){ db_get_int(rows, 0), id, db_get_int(rows, 2 + SUM_FLOWS) };
        }
    }
    if (!rows_done(rows, &why, err))
        return false;
    if (!memory)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for an overview");
    for (unsigned i = 0; i < p->count; i++)
        p->used += p->services[i].id != 0 && p->services[i].n[SUM_FLOWS] > 0;
    if (p->n[SUM_EVENTS] > 0 &&
        !seen_people(db, f, clients, day_of(s->from_us), day_of(s->to_us - 1), take_people, p, err))
        return false;
    if (!services_name(db, p, err))
        return false;
    qsort(p->services, p->count, sizeof *p->services, busiest_first);
    return true;
}

static json_t *totals_json(const struct part *p)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "flows",
                     (json_int_t)p->n[SUM_FLOWS], "lookups", (json_int_t)p->n[SUM_LOOKUPS], "people",
                     (json_int_t)p->people, "services", (json_int_t)p->used, "messages",
                     (json_int_t)p->n[SUM_MESSAGES], "files", (json_int_t)p->n[SUM_FILES], "alerts",
                     (json_int_t)p->n[SUM_ALERTS], "stopped", (json_int_t)p->n[SUM_STOPPED], "agile",
                     (json_int_t)p->n[SUM_AGILE], "bytes_out", (json_int_t)p->n[SUM_BYTES_OUT], "bytes_in",
                     (json_int_t)p->n[SUM_BYTES_IN]);
}

static json_t *services_json(const struct part *p)
{
    json_t *list = json_pack("[]");

    for (unsigned i = 0; i < p->count && p->services[i].n[SUM_FLOWS] > 0; i++) {
        const struct service *s = &p->services[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "service", s->slug, "name",
                                        s->slug, "class", "", "flows", (json_int_t)s->n[SUM_FLOWS], "people",
                                        (json_int_t)s->people, "stopped", (json_int_t)s->n[SUM_STOPPED],
                                        "bytes", (json_int_t)(s->n[SUM_BYTES_OUT] + s->n[SUM_BYTES_IN])));
    }
    return list;
}

/* Flows of the busiest services and of all others, by time. */
static json_t *over_time_json(const struct part *p, bool hourly)
{
    json_t *list = json_pack("[]");

    for (size_t i = 0; i < p->step_count;) {
        int64_t at = p->steps[i].at, flows[BUSIEST + 1] = { 0 };
        char when[32];
        for (; i < p->step_count && p->steps[i].at == at; i++) {
            unsigned k = 0;
            while (k < BUSIEST && (k >= p->count || p->services[k].id != p->steps[i].service))
                k++;
            flows[k] += p->steps[i].flows;
        }
        time_text(hourly ? at * HOUR_US : day_start((int)at), when);
        for (unsigned k = 0; k <= BUSIEST; k++)
            if (flows[k] > 0)
                json_array_append_new(list, json_pack("{s:s, s:s, s:I}", "time", when, "service",
                                                      k < BUSIEST ? p->services[k].slug : "other", "flows",
                                                      (json_int_t)flows[k]));
    }
    return list;
}

/* ---- from where to where, ports ---- */

/* What flows from a department through a service to a verdict. */
struct edge {
    int64_t department, service, action, flows;
};
struct edges {
    struct edge *at;
    uint32_t count, room, *places; /* twice `room`: the number of an edge + 1, or 0 */
};

static bool edges_grow(struct edges *e)
{
    uint32_t room = e->room != 0 ? e->room * 2 : 1024;
    struct edge *at = realloc(e->at, room * sizeof *at);

    if (at != NULL)
        e->at = at;
    uint32_t *places = calloc((size_t)room * 2, sizeof *places);
    if (at == NULL || places == NULL) {
        free(places);
        return false;
    }
    free(e->places);
    e->places = places;
    e->room = room;
    return true;
}

static uint32_t *edge_place(const struct edges *e, const struct edge *key)
{
    uint32_t mask = e->room * 2 - 1,
             at = (uint32_t)hash_words((uint64_t)key->department << 3 | (uint64_t)key->action,
                                       (uint64_t)key->service, 1) &
                  mask;

    for (; e->places[at] != 0; at = (at + 1) & mask) {
        const struct edge *there = &e->at[e->places[at] - 1];
        if (there->department == key->department && there->service == key->service &&
            there->action == key->action)
            break;
    }
    return &e->places[at];
}

static bool edges_add(struct edges *e, const struct edge *more)
{
    if (e->count == e->room) {
        if (!edges_grow(e))
            return false;
        for (uint32_t i = 0; i < e->count; i++)
            *edge_place(e, &e->at[i]) = i + 1;
    }
    uint32_t *place = edge_place(e, more);
    if (*place != 0) {
        e->at[*place - 1].flows += more->flows;
    } else {
        e->at[e->count++] = *more;
        *place = e->count;
    }
    return true;
}

static int widest_first(const void *a, const void *b)
{
    const struct edge *x = a, *y = b;

    if (x->flows != y->flows)
        return x->flows > y->flows ? -1 : 1;
    if (x->department != y->department)
        return x->department < y->department ? -1 : 1;
    return x->service != y->service ? x->service < y->service ? -1 : 1 : (int)(x->action - y->action);
}

/* By clients, the department is who's now. */
static bool edges_read(struct db *db, const struct event_filter *f, const struct span *s, struct edges *e,
                       struct imw_error_info *err)
{
    /* SQLite sorts all rows for a "group by", PostgreSQL does as we do here. */
    bool grouped = s->by_client || db_kind(db) == DB_POSTGRES, memory = true;
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    struct ask *a;

    if (!ask_new(&a, err))
        return false;
    ask_begin(a);
    ask_add(a, "select %s as department, service, action, %s from %s",
            s->by_client
                ? "(select coalesce(p.department, 0) from who w left join person p on p.id = w.person"
                  " where w.id = usage_who.who)"
                : "department",
            grouped ? "sum(flows)" : "flows", table_of(s));
    of_span(a, f, s);
    ask_add(a, " and flows > 0 and action > 0");
    if (grouped)
        ask_add(a, " group by %s, service, action", s->by_client ? "1" : "department");
    bool ok = ask_query(a, db, &rows, err);
    free(a);
    if (!ok)
        return false;
    while (memory && db_next(rows, &why))
        memory = edges_add(e, &(struct edge){ db_get_int(rows, 0), db_get_int(rows, 1), db_get_int(rows, 2),
                                              db_get_int(rows, 3) });
    if (e->count > 0)
        qsort(e->at, e->count, sizeof *e->at, widest_first);
    return rows_done(rows, &why, err) &&
           (memory || error_set(err, IMW_ERROR_MEMORY, "no memory for an overview"));
}

/* From department through service to verdict; `p` knows the services' names. */
static bool sankey(struct db *db, const struct event_filter *f, const struct span *s, const struct part *p,
                   json_t **out, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct edges e = { 0 };
    struct db_rows *rows;
    json_t *list = NULL, *names = NULL;
    bool ok =
        edges_read(db, f, s, &e, err) && db_query(db, "select id, name from department", DB_NONE, &rows, err);

    if (ok) {
        list = json_pack("[]");
        names = json_pack("{}");
        while (db_next(rows, &why)) {
            char id[24];
            struct text t = TEXT(id);
            text_format(&t, "%lld", (long long)db_get_int(rows, 0));
            json_object_set_new(names, id, text_value(db_get_text(rows, 1)));
        }
        ok = rows_done(rows, &why, err);
    }
    for (uint32_t i = 0; ok && i < e.count && i < SANKEY; i++) {
        const struct edge *x = &e.at[i];
        const char *slug = "none";
        char id[24];
        struct text t = TEXT(id);
        for (unsigned k = 0; k < p->count; k++)
            if (p->services[k].id == x->service)
                slug = p->services[k].slug;
        text_format(&t, "%lld", (long long)x->department);
        json_t *name = json_object_get(names, id);
        json_array_append_new(
            list, json_pack("{s:s, s:I, s:O?, s:o, s:s}", "action", event_action_names[x->action % 5],
                            "flows", (json_int_t)x->flows, "department", name, "department_id",
                            name != NULL ? json_integer(x->department) : json_null(), "service", slug));
        if (name == NULL)
            json_object_set_new(json_array_get(list, i), "department", json_pack("s", ""));
    }
    free(e.at);
    free(e.places);
    json_decref(names);
    if (ok)
        *out = list;
    else
        json_decref(list);
    return ok;
}

/* Services by port, of whole days, whoever it was: kept by day and service only. */
static bool ports(struct db *db, const struct event_filter *f, const struct span *s, json_t **out,
                  struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    struct ask *a;
    json_t *list = json_pack("[]");

    *out = list;
    if (s->by_client || f->department.given || f->actions != 0)
        return true; /* that is not known, and nothing else is said in its place */
    if (!ask_new(&a, err)) {
        json_decref(list);
        return false;
    }
    ask_begin(a);
    ask_add(
        a,
        "select t.value, u.port, u.flows, u.agile from (select service, port, sum(flows) as flows, sum(agile) as"
        " agile from usage_port where day >= ? and day <= ?");
    ask_arg(a, db_int(day_of(s->from_us)));
    ask_arg(a, db_int(day_of(s->to_us - 1)));
    if (f->words[WORD_SERVICE].given) {
        ask_add(a, " and service");
        ask_in(a, f->words[WORD_SERVICE].at, f->words[WORD_SERVICE].count);
    }
    ask_add(
        a,
        " group by service, port) u join term t on t.id = u.service order by u.flows desc, u.port, u.service limit ?");
    ask_arg(a, db_int(PORTS));
    bool ok = ask_query(a, db, &rows, err);
    free(a);
    if (ok) {
        while (db_next(rows, &why)) {
            json_t *o = json_pack("{s:I, s:I, s:b}", "port", (json_int_t)db_get_int(rows, 1), "flows",
                                  (json_int_t)db_get_int(rows, 2), "agile", db_get_int(rows, 3) > 0);
            json_object_set_new(o, "service", text_value(db_get_text(rows, 0)));
            json_array_append_new(list, o);
        }
        ok = rows_done(rows, &why, err);
    }
    if (!ok)
        json_decref(list);
    return ok;
}

bool usage_overview(struct db *db, const struct event_filter *f, json_t **out, struct imw_error_info *err)
{
    struct span s = span_of(f), before = s;
    struct part *now = calloc(2, sizeof *now), *then = now + 1;
    struct clients clients = { 0 };
    json_t *flow = NULL, *port = NULL;
    char from[32], to[32];
    bool ok = false;

    if (now == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for an overview");
    if (!filter_is_of_sums(f) && !filter_is_of_clients(f)) {
        error_set(err, IMW_ERROR_VALUE,
                  "the overview can be cut by time, service, department, action, who and person; "
                  "for anything else look at the list of events");
        goto out;
    }
    if (!filter_is_permitted(f, err))
        goto out;
    before.to_us = s.from_us;
    before.from_us = s.from_us - (s.to_us - s.from_us);
    bool has_before = before.from_us > 0;
    if (!clients_read(db, f, &clients, err) || !part_read(db, f, &clients, &s, true, now, err) ||
        (has_before && !part_read(db, f, &clients, &before, false, then, err)) ||
        !sankey(db, f, &s, now, &flow, err) || !ports(db, f, &s, &port, err))
        goto out;
    *out = json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "from", time_text(s.from_us, from), "to",
        time_text(s.to_us, to), "step", s.hourly ? "hour" : "day", "totals", totals_json(now), "before",
        has_before && then->n[SUM_EVENTS] > 0 ? totals_json(then) : json_null(), "services",
        services_json(now), "over_time", over_time_json(now, s.hourly), "sankey", flow, "ports", port);
    flow = port = NULL;
    ok = *out != NULL || error_set(err, IMW_ERROR_MEMORY, "no memory for an overview");
out:
    json_decref(flow);
    json_decref(port);
    clients_free(&clients);
    free(now->steps);
    free(now);
    return ok;
}

/* ---- facets ---- */

static bool facet(struct db *db, struct ask *a, const char *const *names, unsigned name_count, json_t *into,
                  const char *key, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    json_t *list = json_pack("[]");

    if (!ask_query(a, db, &rows, err)) {
        json_decref(list);
        return false;
    }
    while (db_next(rows, &why)) {
        char value[32];
        struct text t = TEXT(value);
        int64_t id = db_get_int(rows, 0);
        struct view label = db_get_text(rows, 1);
        if (names != NULL) {
            label = (uint64_t)id < name_count && names[id] != NULL ? view_string(names[id]) : VIEW("none");
            text_add(&t, label);
        } else if (label.len == 0) {
            label = VIEW("none");
            text_add(&t, label);
        } else if (strcmp(key, "service") == 0) {
            text_add(&t, label);
        } else {
            text_format(&t, "%lld", (long long)id);
        }
        json_t *o = json_pack("{s:s, s:I}", "value", value, "count", (json_int_t)db_get_int(rows, 2));
        json_object_set_new(o, "label", text_value(label));
        json_array_append_new(list, o);
    }
    json_object_set_new(into, key, list);
    return rows_done(rows, &why, err);
}

bool events_facets(struct db *db, const struct event_filter *f, json_t **out, struct imw_error_info *err)
{
    struct span s = span_of(f);
    json_t *all = json_pack("{}");
    struct ask *a;
    bool ok = filter_is_permitted(f, err);

    if (!ok || !ask_new(&a, err)) {
        json_decref(all);
        return false;
    }
    /* What no sum tells apart is not counted, and nothing is said of it. */
    if (filter_is_of_sums(f) || filter_is_of_clients(f)) {
        ask_begin(a);
        ask_add(a, "select u.service, t.value, u.n from (select service, sum(events) as n from %s",
                short_table_of(f, &s));
        of_span(a, f, &s);
        ask_add(a, " group by service) u left join term t on t.id = u.service"
                   " order by 3 desc, coalesce(u.service, 0) limit 100");
        ok = facet(db, a, NULL, 0, all, "service", err);
        ask_begin(a);
        ask_add(a, "select action, '', sum(events) from %s", short_table_of(f, &s));
        of_span(a, f, &s);
        ask_add(a, " group by action order by 3 desc, 1");
        ok = ok && facet(db, a, event_action_names, 5, all, "action", err);
    }
    if (ok && filter_is_of_sums(f)) {
        ask_begin(a);
        ask_add(a, "select u.department, d.name, u.n from (select department, sum(events) as n from %s",
                table_of(&s));
        of_span(a, f, &s);
        ask_add(a, " group by department) u left join department d on d.id = u.department"
                   " order by 3 desc, coalesce(u.department, 0) limit 200");
        ok = facet(db, a, NULL, 0, all, "department", err);
    }
    if (ok && filter_is_of_sums(f) && !f->department.given && f->actions == 0 &&
        !f->words[WORD_SERVICE].given) {
        int first = day_of(s.from_us), last = day_of(s.to_us - 1);
        ask_begin(a);
        ask_add(a, "select kind, '', sum(events) from usage_source where day >= ? and day <= ? group by kind"
                   " order by 3 desc, 1");
        ask_arg(a, db_int(first));
        ask_arg(a, db_int(last));
        ok = facet(db, a, event_kind_names, EVENT_KIND_COUNT, all, "kind", err);
        ask_begin(a);
        ask_add(
            a,
            "select u.sensor, s.name, u.n from (select sensor, sum(events) as n from usage_source where day >= ?"
            " and day <= ? group by sensor) u left join sensor s on s.id = u.sensor"
            " order by 3 desc, coalesce(u.sensor, 0) limit 200");
        ask_arg(a, db_int(first));
        ask_arg(a, db_int(last));
        ok = ok && facet(db, a, NULL, 0, all, "sensor", err);
        ask_begin(a);
        ask_add(
            a,
            "select port, cast(port as text), sum(flows) from usage_port where day >= ? and day <= ? group by port"
            " order by 3 desc, 1 limit 30");
        ask_arg(a, db_int(first));
        ask_arg(a, db_int(last));
        ok = ok && facet(db, a, NULL, 0, all, "port", err);
    }
    free(a);
    if (!ok) {
        json_decref(all);
        return false;
    }
    *out = all;
    return true;
}
