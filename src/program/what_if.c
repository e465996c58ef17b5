/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three steps: flows are counted by what the policy asks of them (struct combo); clients, and words that the
 * policy has names for, are fetched for those; each is judged and summed up.
 *
 * Rows are read in slices of their numbers, newest day first, so that the time is looked at between them.
 * PostgreSQL counts a slice by itself, since rows are dear on a socket; SQLite would sort for that, and is
 * quicker when it hands them over. Where time matters to the policy, rows come one by one.
 */
#include "program/what_if.h"
#include "base/hash.h"
#include "policy/policy.h"
#include "store/event_store.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    COMBOS = 400000, /* most that are told apart */
    SLICE = 100000,  /* numbers of events */
    ROWS_A_LOOK = 4096,
    BATCH = 64, /* numbers of one question */
    RULES_TOLD = 500,
    SERVICES_TOLD = 30,
    DIRECT_LEG = DELIVERY_PEER + 1,
    LOGIN_BYTES = 256,
};

/* What makes flows differ; all zero where the policy does not ask. */
struct combo_key {
    int64_t who, service, protocol, server_name, server;
    uint64_t period;
    uint8_t activity, delivery, agile, action;
    uint32_t zero; /* no padding: it is hashed as bytes */
};
_Static_assert(sizeof(struct combo_key) == 56, "no padding");

struct combo {
    struct combo_key key;
    uint64_t count, time_us; /* of one of them, the newest */
    int64_t event;
    int64_t person; /* or, not known, the client as a negative number */
    unsigned rule;
    uint8_t to;
    bool told; /* it counts: its rule is the one that was asked for */
};

/* Words and clients by number, in order of number. */
struct known_word {
    int64_t id;
    int number; /* of the catalog's service; 0: none */
    int class;  /* of a service that the catalog does not know, as its events say; CLASS_COUNT: not known */
    bool asked; /* for its class */
    char text[256];
};
struct known_client {
    int64_t id, person;
    bool has_address;
    struct ip_addr address;
    char login[LOGIN_BYTES];
};

struct judging {
    struct db *db;
    const struct catalog *catalog;
    struct policy *policy;
    uint32_t asked;
    bool by_time, grouped, full;
    uint64_t from_us, to_us, reached_us, deadline_us;
    struct combo *combos;
    uint32_t count, *slots, slot_mask;
    uint64_t last_minute, last_period; /* of the period that was worked out last */
    struct known_word *words;
    size_t word_count;
    struct known_client *clients;
    size_t client_count;
};

static uint64_t clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static bool asks(const struct judging *j, enum policy_key k)
{
    return (j->asked >> k & 1) != 0;
}

/* ---- counting ---- */

/* The place of a key; NULL: there is no more room. */
static struct combo *find_combo(struct judging *j, const struct combo_key *key)
{
    uint64_t hash = hash_bytes(view_of(key, sizeof *key), 0);

    for (uint32_t at = (uint32_t)hash & j->slot_mask;; at = (at + 1) & j->slot_mask) {
        if (j->slots[at] == 0) {
            if (j->count == COMBOS)
                return NULL;
            j->combos[j->count] = (struct combo){ .key = *key };
            j->slots[at] = ++j->count;
            return &j->combos[j->count - 1];
        }
        struct combo *c = &j->combos[j->slots[at] - 1];
        if (memcmp(&c->key, key, sizeof *key) == 0)
            return c;
    }
}

/* The period of a minute: flows of one come together. */
static uint64_t period_of(struct judging *j, uint64_t time_us)
{
    uint64_t minute = time_us / 60000000;

    if (minute != j->last_minute) {
        j->last_minute = minute;
        j->last_period = policy_period(j->policy, time_us);
    }
    return j->last_period;
}

static bool take_row(struct judging *j, const struct db_rows *rows)
{
    struct combo_key key = { .who = db_get_int(rows, 2),
                             .service = db_get_int(rows, 3),
                             .action = (uint8_t)db_get_int(rows, 4),
                             .delivery = (uint8_t)db_get_int(rows, 5),
                             .protocol = db_get_int(rows, 6),
                             .activity = (uint8_t)(db_get_int(rows, 7) & ((1 << ACTIVITY_COUNT) - 1)),
                             .agile = (uint8_t)db_get_int(rows, 8),
                             .server = db_get_int(rows, 9),
                             .server_name = db_get_int(rows, 10) };
    uint64_t time_us = (uint64_t)db_get_int(rows, 1);

    if (!asks(j, POLICY_KEY_SERVER) && key.delivery != DIRECT_LEG)
        key.server = 0;
    if (!asks(j, POLICY_KEY_DELIVERY) && key.delivery != DIRECT_LEG)
        key.delivery = 0;
    if (j->by_time)
        key.period = period_of(j, time_us);
    struct combo *c = find_combo(j, &key);
    if (c == NULL)
        return false;
    c->count += (uint64_t)db_get_int(rows, 11);
    if (time_us < j->reached_us)
        j->reached_us = time_us;
    if (db_get_int(rows, 0) > c->event) {
        c->event = db_get_int(rows, 0);
        c->time_us = time_us;
    }
    return true;
}

/* Columns that nobody asks for are not read. */
static const char *column(const struct judging *j, enum policy_key k, const char *name)
{
    return asks(j, k) ? name : "0";
}

static void slice_sql(const struct judging *j, int day, char *out, size_t size)
{
    struct text t = text_over(out, size);

    text_format(&t,
                "select %s, %s, e.who, e.service, e.action, e.delivery, %s, %s, %s, e.server, %s, %s "
                "from event_%d e ",
                j->grouped ? "max(e.id)" : "e.id", j->grouped ? "max(e.time_us)" : "e.time_us",
                column(j, POLICY_KEY_PROTOCOL, "e.protocol"), column(j, POLICY_KEY_ACTIVITY, "e.activity"),
                column(j, POLICY_KEY_PORT_AGILE, "e.agile"), column(j, POLICY_KEY_SERVER, "e.server_name"),
                j->grouped ? "count(*)" : "1", day);
    text_format(&t,
                "where e.id > ? and e.id <= ? and e.kind = %d and e.service <> 0 and e.action <> 0 and "
                "e.time_us >= ? and e.time_us < ?",
                EVENT_FLOW);
    if (j->grouped)
        text_string(&t, " group by 3, 4, 5, 6, 7, 8, 9, 10, 11");
}

static bool is_late(const struct judging *j)
{
    return j->full || clock_us() >= j->deadline_us;
}

/* One slice. True with j->full where there was no time or room for all of it. */
static bool read_slice(struct judging *j, const char *sql, int64_t after, int64_t last,
                       struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    struct db_rows *rows;
    unsigned count = 0;

    if (!db_query(
            j->db, sql,
            DB_ARGS(db_int(after), db_int(last), db_int((int64_t)j->from_us), db_int((int64_t)j->to_us)),
            &rows, err))
        return false;
    while (!j->full && db_next(rows, &failed)) {
        j->full = !take_row(j, rows);
        if (++count % ROWS_A_LOOK == 0 && is_late(j))
            j->full = true;
    }
    db_rows_end(rows);
    if (failed.code != IMW_OK)
        *err = failed;
    return failed.code == IMW_OK;
}

struct day_span {
    int day;
    int64_t first_id, last_id;
};

static bool read_days(struct judging *j, struct day_span *out, unsigned *out_count,
                      struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    struct db_rows *rows;

    *out_count = 0;
    if (!db_query(j->db,
                  "select day, first_id, last_id from event_day "
                  "where events > 0 and last_us >= ? and first_us < ? order by day desc limit ?",
                  DB_ARGS(db_int((int64_t)j->from_us), db_int((int64_t)j->to_us), db_int(WHAT_IF_DAYS + 2)),
                  &rows, err))
        return false;
    while (db_next(rows, &failed))
        out[(*out_count)++] = (struct day_span){ .day = (int)db_get_int(rows, 0),
                                                 .first_id = db_get_int(rows, 1),
                                                 .last_id = db_get_int(rows, 2) };
    db_rows_end(rows);
    if (failed.code != IMW_OK)
        *err = failed;
    return failed.code == IMW_OK;
}

/* Newest day first, and of a day the newest numbers first. */
static bool count_flows(struct judging *j, struct imw_error_info *err)
{
    static const struct day_span none;
    struct day_span days[WHAT_IF_DAYS + 2] = { none };
    unsigned count;
    char sql[1024];

    if (!read_days(j, days, &count, err))
        return false;
    j->reached_us = j->to_us;
    for (unsigned d = 0; d < count && !j->full; d++) {
        slice_sql(j, days[d].day, sql, sizeof sql);
        for (int64_t last = days[d].last_id; last >= days[d].first_id && !j->full; last -= SLICE) {
            int64_t after = last - SLICE >= days[d].first_id ? last - SLICE : days[d].first_id - 1;
            if (!read_slice(j, sql, after, last, err))
                return false;
            j->full |= after >= days[d].first_id && is_late(j);
        }
        j->full |= d + 1 < count && is_late(j);
    }
    if (!j->full)
        j->reached_us = j->from_us;
    return true;
}

/* ---- words and clients ---- */

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* In order, each once. */
static size_t sort_numbers(int64_t *ids, size_t count)
{
    size_t kept = 0;

    if (count > 0)
        qsort(ids, count, sizeof *ids, by_number);
    for (size_t i = 0; i < count; i++)
        if (ids[i] != 0 && (kept == 0 || ids[kept - 1] != ids[i]))
            ids[kept++] = ids[i];
    return kept;
}

typedef void take_known(struct judging *j, const struct db_rows *rows);

/* Ask for these numbers, many at a time; `sql` ends with " in (". */
static bool fetch(struct judging *j, const char *sql, const int64_t *ids, size_t count, take_known *take,
                  struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    struct db_value args[BATCH];
    char whole[512];
    struct text t = TEXT(whole);

    text_string(&t, sql);
    for (unsigned i = 0; i < BATCH; i++)
        text_string(&t, i == 0 ? "?" : ", ?");
    text_string(&t, ") order by 1");
    for (size_t at = 0; at < count; at += BATCH) {
        struct db_rows *rows;
        for (size_t i = 0; i < BATCH; i++)
            args[i] = db_int(ids[at + i < count ? at + i : count - 1]);
        if (!db_query(j->db, whole, args, BATCH, &rows, err))
            return false;
        while (db_next(rows, &failed))
            take(j, rows);
        db_rows_end(rows);
        if (failed.code != IMW_OK) {
            *err = failed;
            return false;
        }
    }
    return true;
}

static void take_word(struct judging *j, const struct db_rows *rows)
{
    struct known_word *w = &j->words[j->word_count++];
    struct text t = TEXT(w->text);

    w->id = db_get_int(rows, 0);
    text_add(&t, view_slice(db_get_text(rows, 1), 0, sizeof w->text - 1));
    w->number = catalog_find(j->catalog, view_string(w->text));
    w->class = CLASS_COUNT;
}

static void take_client(struct judging *j, const struct db_rows *rows)
{
    struct known_client *c = &j->clients[j->client_count++];
    struct text t = TEXT(c->login);

    c->id = db_get_int(rows, 0);
    c->has_address = ip_parse(db_get_text(rows, 1), &c->address);
    text_add(&t, view_slice(db_get_text(rows, 2), 0, sizeof c->login - 1));
    c->person = db_is_null(rows, 3) ? -c->id : db_get_int(rows, 3);
}

/* Both arrays come in order: each question does, and the questions do. */
static void *find_known(const void *at, size_t count, size_t size, int64_t id)
{
    return id != 0 && count > 0 ? bsearch(&id, at, count, size, by_number) : NULL;
}

static bool fetch_all(struct judging *j, struct imw_error_info *err)
{
    enum { WORDS_EACH = 4 };
    int64_t *ids = calloc((size_t)j->count * WORDS_EACH + 1, sizeof *ids);
    size_t count = 0;

    if (ids == NULL)
        return error_memory(err);
    for (uint32_t i = 0; i < j->count; i++) {
        const struct combo_key *k = &j->combos[i].key;
        const int64_t words[WORDS_EACH] = { k->service, k->protocol, k->server_name, k->server };
        memcpy(&ids[count], words, sizeof words);
        count += WORDS_EACH;
    }
    count = sort_numbers(ids, count);
    j->words = calloc(count + 1, sizeof *j->words);
    bool ok = (j->words != NULL || error_memory(err)) &&
              fetch(j, "select id, value from term where id in (", ids, count, take_word, err);
    count = 0;
    for (uint32_t i = 0; ok && i < j->count; i++)
        ids[count++] = j->combos[i].key.who;
    count = sort_numbers(ids, count);
    j->clients = ok ? calloc(count + 1, sizeof *j->clients) : NULL;
    ok = ok && (j->clients != NULL || error_memory(err)) &&
         fetch(j, "select id, address, login, person from who where id in (", ids, count, take_client, err);
    free(ids);
    return ok;
}

/* ---- judging ---- */

static struct known_word *word_of(const struct judging *j, int64_t id)
{
    return find_known(j->words, j->word_count, sizeof *j->words, id);
}

/* The class of a service that is not in this catalog stands in the lines of its events alone: one is read. */
static bool find_class(struct judging *j, const struct combo *c, struct imw_error_info *err)
{
    struct known_word *service = word_of(j, c->key.service);
    json_t *event = NULL;

    if (service == NULL || service->number != 0 || service->asked)
        return true;
    if (!events_get(j->db, c->event, &event, err))
        return false;
    const char *class =
        json_string_value(json_object_get(json_object_get(json_object_get(event, "eve"), "im"), "class"));
    int number = class != NULL ? class_find(view_string(class)) : -1;
    service->class = number >= 0 ? number : CLASS_COUNT;
    service->asked = true;
    json_decref(event);
    return true;
}

static const char *text_of(const struct known_word *w)
{
    return w != NULL ? w->text : "";
}

static void judge(struct judging *j, struct combo *c, const char *rule)
{
    const struct combo_key *k = &c->key;
    const struct known_word *service = word_of(j, k->service), *protocol = word_of(j, k->protocol);
    const struct known_client *client = find_known(j->clients, j->client_count, sizeof *j->clients, k->who);
    int spoken = protocol != NULL ? protocol_find(view_string(protocol->text)) : -1;
    struct ip_addr server;
    bool has_server = ip_parse(view_string(text_of(word_of(j, k->server))), &server);
    struct policy_facts facts = {
        .client = client != NULL && client->has_address ? &client->address : NULL,
        .server = has_server ? &server : NULL,
        .service = service != NULL ? (uint16_t)service->number : 0,
        .class = service != NULL ? (enum service_class)service->class : CLASS_COUNT,
        .protocol = spoken >= 0 ? (enum protocol)spoken : PROTOCOL_UNKNOWN,
        .activities = k->activity,
        .delivery = k->delivery > 0 ? (enum delivery)(k->delivery - 1) : DELIVERY_UNKNOWN,
        .port_agile = k->agile != 0,
        .server_name = view_string(text_of(word_of(j, k->server_name))),
        .client_version = VIEW(""),
        .user = view_string(client != NULL ? client->login : ""),
        .time_us = c->time_us,
    };
    struct policy_verdict v;

    policy_judge(j->policy, &facts, &v);
    c->rule = v.number;
    c->to = (uint8_t)v.action;
    c->person = client != NULL ? client->person : 0;
    c->told = rule == NULL || strcmp(v.rule, rule) == 0;
}

/* ---- telling ---- */

static uint8_t from_of(const struct combo *c)
{
    return (uint8_t)(c->key.action - 1);
}

static int by_change(const void *a, const void *b)
{
    const struct combo *x = *(const struct combo *const *)a, *y = *(const struct combo *const *)b;

    if (from_of(x) != from_of(y))
        return from_of(x) < from_of(y) ? -1 : 1;
    if (x->to != y->to)
        return x->to < y->to ? -1 : 1;
    return x->person < y->person ? -1 : x->person > y->person;
}

static int by_rule(const void *a, const void *b)
{
    const struct combo *x = *(const struct combo *const *)a, *y = *(const struct combo *const *)b;
    /* the default, number 0, comes last */
    unsigned m = x->rule - 1, n = y->rule - 1;

    if (m != n)
        return m < n ? -1 : 1;
    if (x->to != y->to) /* the default may do this and that, by class */
        return x->to < y->to ? -1 : 1;
    return x->person < y->person ? -1 : x->person > y->person;
}

/* Flows and people of those that are alike, from `at` on; *at goes behind them. */
static void sum(struct combo **list, size_t count, size_t *at, bool by_rules, uint64_t *flows,
                uint64_t *people)
{
    const struct combo *first = list[*at];
    int64_t last = 0;

    *flows = *people = 0;
    for (; *at < count; (*at)++) {
        const struct combo *c = list[*at];
        if (by_rules ? c->rule != first->rule || c->to != first->to
                     : from_of(c) != from_of(first) || c->to != first->to)
            break;
        *flows += c->count;
        *people += *flows == c->count || c->person != last;
        last = c->person;
    }
}

static const char *action_of(uint8_t number)
{
    return policy_action_name((enum policy_action)number);
}

static void tell_changes(struct combo **list, size_t count, json_t *out)
{
    uint64_t flows, people;

    for (size_t at = 0; at < count;) {
        const struct combo *first = list[at];
        sum(list, count, &at, false, &flows, &people);
        if (from_of(first) != first->to)
            (void)json_array_append_new(out, json_pack("{s:s,s:s,s:I,s:I}", "from", action_of(from_of(first)),
                                                       "to", action_of(first->to), "flows", (json_int_t)flows,
                                                       "people", (json_int_t)people));
    }
}

static json_t *services_of(const struct judging *j, struct combo **list, size_t from, size_t to)
{
    json_t *slugs = json_pack("[]"), *seen = json_pack("{}");

    for (size_t i = from; i < to && json_array_size(slugs) < SERVICES_TOLD; i++) {
        const char *slug = text_of(word_of(j, list[i]->key.service));
        if (json_object_get(seen, slug) == NULL && json_object_set_new(seen, slug, json_true()) == 0)
            (void)json_array_append_new(slugs, json_pack("s", slug));
    }
    json_decref(seen);
    return slugs;
}

static void tell_rules(const struct judging *j, struct combo **list, size_t count, json_t *out)
{
    uint64_t flows, people;

    for (size_t at = 0; at < count && json_array_size(out) < RULES_TOLD;) {
        const struct combo *first = list[at];
        size_t begin = at;
        sum(list, count, &at, true, &flows, &people);
        (void)json_array_append_new(
            out, json_pack("{s:s,s:s,s:I,s:I,s:o}", "rule", policy_rule_name(j->policy, first->rule),
                           "action", action_of(first->to), "flows", (json_int_t)flows, "people",
                           (json_int_t)people, "services", services_of(j, list, begin, at)));
    }
}

/* Of every kind of change up to three, those of the newest events. */
static void tell_examples(const struct judging *j, struct combo **list, size_t count, json_t *out)
{
    enum { EACH = 3 };

    for (size_t at = 0; at < count && json_array_size(out) < WHAT_IF_EXAMPLES;) {
        size_t begin = at;
        const struct combo *best[EACH] = { NULL };
        for (; at < count && from_of(list[at]) == from_of(list[begin]) && list[at]->to == list[begin]->to;
             at++) {
            const struct combo *c = list[at];
            for (unsigned b = 0; b < EACH && c != NULL; b++)
                if (best[b] == NULL || c->event > best[b]->event) {
                    const struct combo *moved = best[b];
                    best[b] = c;
                    c = moved;
                }
        }
        for (unsigned b = 0; b < EACH && best[b] != NULL && from_of(best[b]) != best[b]->to; b++)
            (void)json_array_append_new(
                out, json_pack("{s:I,s:s,s:s,s:s}", "event", (json_int_t)best[b]->event, "from",
                               action_of(from_of(best[b])), "to", action_of(best[b]->to), "rule",
                               policy_rule_name(j->policy, best[b]->rule)));
    }
}

static bool tell(struct judging *j, json_t **out, struct imw_error_info *err)
{
    json_t *changed = json_pack("[]"), *rules = json_pack("[]"), *examples = json_pack("[]");
    struct combo **list = malloc(((size_t)j->count + 1) * sizeof(struct combo *));
    char from[32], to[32];
    uint64_t flows = 0;
    size_t count = 0;

    for (uint32_t i = 0; list != NULL && i < j->count; i++)
        if (j->combos[i].told) {
            list[count++] = &j->combos[i];
            flows += j->combos[i].count;
        }
    if (count > 0) {
        qsort(list, count, sizeof *list, by_change);
        tell_changes(list, count, changed);
        tell_examples(j, list, count, examples);
        qsort(list, count, sizeof *list, by_rule);
        tell_rules(j, list, count, rules);
    }
    json_t *all = list == NULL ? NULL
                               : json_pack("{s:s,s:s,s:I,s:b,s:O,s:O,s:O}", "from",
                                           time_text((int64_t)j->reached_us, from), "to",
                                           time_text((int64_t)j->to_us, to), "flows", (json_int_t)flows,
                                           "complete", !j->full && !asks(j, POLICY_KEY_CLIENT_VERSION_BELOW),
                                           "changed", changed, "by_rule", rules, "examples", examples);
    free(list);
    json_decref(changed);
    json_decref(rules);
    json_decref(examples);
    *out = all;
    return all != NULL || error_memory(err);
}

/* ---- the whole ---- */

static bool run(struct judging *j, const char *rule, json_t **out, struct imw_error_info *err)
{
    bool until;

    j->asked = policy_asks(j->policy, &until);
    j->by_time = until || asks(j, POLICY_KEY_HOURS) || asks(j, POLICY_KEY_TRAINED);
    j->grouped = db_kind(j->db) == DB_POSTGRES && !j->by_time;
    j->combos = malloc(COMBOS * sizeof *j->combos);
    j->slot_mask = (1u << 20) - 1;
    j->slots = calloc((size_t)j->slot_mask + 1, sizeof *j->slots);
    if (j->combos == NULL || j->slots == NULL)
        return error_memory(err);
    if (!count_flows(j, err) || !fetch_all(j, err))
        return false;
    for (uint32_t i = 0; i < j->count; i++) {
        if (!find_class(j, &j->combos[i], err))
            return false;
        judge(j, &j->combos[i], rule);
    }
    return tell(j, out, err);
}

bool what_if(struct db *db, struct view text, const struct catalog *catalog, const char *rule, unsigned days,
             uint64_t now_us, uint64_t budget_us, json_t **out, struct imw_error_info *err)
{
    struct judging j = { .db = db,
                         .catalog = catalog,
                         .to_us = now_us,
                         .from_us = now_us - (uint64_t)days * (uint64_t)DAY_US,
                         .deadline_us = clock_us() + budget_us };

    if (!policy_parse_alone(text, catalog, &j.policy, err))
        return false;
    bool ok = run(&j, rule, out, err);
    policy_free(j.policy);
    free(j.combos);
    free(j.slots);
    free(j.words);
    free(j.clients);
    return ok;
}
