/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events in the database, and questions to them.
 *
 *     ingest.c      EVE lines in: parsed, words become numbers (table term), the line itself goes into a
 * packed chunk partition.c   the tables of each day, made when its first event comes, dropped when its time
 * is over search.c      events by filter, newest first, page by page usage.c       sums: what the overview
 * and the lists of people are drawn from
 *
 * An event is a row of the day on which it happened (UTC), so that a day is removed by dropping two tables.
 * Columns of event_YYYYMMDD (numbers; those of words are term.id, 0: none):
 *
 *     id         given in the order of storing, unique over all days     chunk, line   where its JSON line is
 *     time_us    of the event        kind       enum event_kind          sensor        sensor.id
 *     flow       flow_id             who        who.id of the client     department    of who's person when
 * stored service, protocol, server_name, account, peer, file, sha256, rule, signature   words client_port,
 * server (word: address), server_port, udp activity   ACTIVITY_ bits      action     enum policy_action + 1,
 * 0: none     stopped   1: enforced "blocked" agile      port-agile          severity   of an alert, else 0
 * scan          enum scan state + 1, 0: none bytes_out, bytes_in            delivery
 *
 * chunk_YYYYMMDD: id, first_id, events, data (zstd of its lines), digest (SHA-256 of data).
 */
#pragma once
#include "base/json_value.h"
#include "store/db.h"

/* ---- kinds, days ---- */
/* Numbers reach the database and are never reused. */
#define EVENT_KINDS(X)                                                                                       \
    X(FLOW, 1, "flow")                                                                                       \
    X(IM, 2, "im") X(ALERT, 3, "alert") X(FILEINFO, 4, "fileinfo") X(CONTROL_TEST, 5, "control_test")
enum event_kind {
#define X(id, number, name) EVENT_##id = number,
    EVENT_KINDS(X)
#undef X
        EVENT_KIND_COUNT
};

#define HOUR_US ((int64_t)3600 * 1000000)
#define DAY_US (24 * HOUR_US)
int day_of(int64_t time_us); /* 20261123 */
int64_t day_start(int day);
/* "2026-11-23T09:00:00.000000Z". Returns `out`. */
const char *time_text(int64_t time_us, char out[32]);

/* ---- in ---- */
struct ingest;
/* `sensor`: sensor.id under which the events are stored. The connection is the ingest's alone, meanwhile. */
bool ingest_new(struct db *db, int64_t sensor, struct ingest **out, struct imw_error_info *err) IMW_MUST_USE;
/* Of another sensor's events, by the same connection: what is learnt of words and clients is learnt once. */
bool ingest_new_beside(struct ingest *other, int64_t sensor, struct ingest **out,
                       struct imw_error_info *err) IMW_MUST_USE;
void ingest_free(struct ingest *i);
struct ingest_counts {
    uint64_t lines, stored, refused /* not an event: counted, the first reason kept */, bytes;
    int64_t last_id;
    char refusal[160];
};
/* Store whole lines, in the open (write) transaction of the caller, who commits, and may store with it what
 * the batch was (sensor.batch). After a rollback: ingest_forget(). Counts are added to. */
bool ingest_lines(struct ingest *i, struct view lines, uint64_t now_us, struct ingest_counts *counts,
                  struct imw_error_info *err) IMW_MUST_USE;
/* Likewise lines of several sensors, all beside each other, each at most once: stored as one batch. */
struct ingest_batch {
    struct ingest *ingest;
    struct view lines;
    struct ingest_counts *counts;
};
bool ingest_batches(const struct ingest_batch *list, unsigned count, uint64_t now_us,
                    struct imw_error_info *err) IMW_MUST_USE;
/* The transaction was rolled back: words learnt in it are not in the database. */
void ingest_forget(struct ingest *i);

/* Find persons anew for all of `who`, after people or aliases changed, and put the sums of departments right.
 * In a transaction of the caller. */
bool events_rejoin(struct db *db, uint64_t now_us, struct imw_error_info *err) IMW_MUST_USE;

/* ---- questions ---- */
/* A filter, as the API has it: names and values of the query string ("service=whatsapp,telegram",
 * "action=block", "from=2026-11-01T00:00:00Z", "q=invoice"); docs/openapi.yaml lists them. Repeated values
 * are alternatives, different names must all hold. */
struct event_filter;
bool event_filter_new(struct db *db, json_t *query, struct event_filter **out, struct imw_error_info *err)
    IMW_MUST_USE; /* IMW_ERROR_VALUE: key and text say what is wrong */
void event_filter_free(struct event_filter *f);
/* What may be searched for besides: without it a filter by "address" is refused, and "q" looks past accounts,
 * since who may not see a thing must not find out by asking for it. */
enum { EVENT_SEES_ADDRESSES = 1, EVENT_SEES_ACCOUNTS = 2 };
void event_filter_permit(struct event_filter *f, unsigned sees);
/* Where the query named no time: from and to (not included). */
void event_filter_span(struct event_filter *f, uint64_t from_us, uint64_t to_us);
/* Only of people of this manager (person.id), with those below. */
bool event_filter_team(struct event_filter *f, struct db *db, int64_t manager, struct imw_error_info *err);

/* Events that match, newest first, at most `limit`, from `cursor` (of an answer before; 0: from the newest).
 * It looks no longer than `budget_us`: then *out says up to when it came, and its cursor goes on there. *out:
 *   {"events":[{…}], "cursor":"…"|null, "searched_to":"2026-11-20T…", "complete":true|false} */
bool events_search(struct db *db, const struct event_filter *f, const char *cursor, unsigned limit,
                   uint64_t budget_us, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
/* One event: its columns in words and its EVE line ("eve"). *out null: there is none. */
bool events_get(struct db *db, int64_t id, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
/* All events of a flow, oldest first, with their lines; at most 500. */
bool events_of_flow(struct db *db, uint64_t flow_id, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
/* How many for each value of a facet ("service", "department", "action", "port", "kind", "sensor"), from the
 * sums. */
bool events_facets(struct db *db, const struct event_filter *f, json_t **out,
                   struct imw_error_info *err) IMW_MUST_USE;
/* What is known of these clients (who.id), for src/program/who_label.c only, which decides who may see what
 * of it: {"5":{"id","address","login","host","person","pseudonym","name","department"}}. */
bool events_who(struct db *db, const int64_t *ids, unsigned count, json_t **out,
                struct imw_error_info *err) IMW_MUST_USE;
/* Every line that matches, oldest day first, for exports: `take` false ends it. */
bool events_export(struct db *db, const struct event_filter *f, bool (*take)(void *context, json_t *event),
                   void *context, struct imw_error_info *err) IMW_MUST_USE;

/* ---- sums ---- */
/* The overview for a filter of time, service, department, action: {"totals":{…},"over_time":[…],"sankey":{…},
 * "ports":[…],"services":[…]}, shapes in docs/openapi.yaml. */
bool usage_overview(struct db *db, const struct event_filter *f, json_t **out,
                    struct imw_error_info *err) IMW_MUST_USE;
/* People (or, not known who, addresses) by use, the busiest first. */
bool usage_people(struct db *db, const struct event_filter *f, const char *sort, unsigned offset,
                  unsigned limit, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
bool usage_of_who(struct db *db, int64_t who, const struct event_filter *f, json_t **out,
                  struct imw_error_info *err) IMW_MUST_USE;
/* Who infected whom: alerts of the detectors of worms and of malware as a graph over time:
 * {"nodes":[…],"edges":[…]}. */
bool usage_propagation(struct db *db, const struct event_filter *f, json_t **out,
                       struct imw_error_info *err) IMW_MUST_USE;

/* ---- the end ---- */
/* Drop the days before `day` (20261123), each with a row in retention_run and its digest. The caller writes
 * the audit trail: `told` is called for each, in the caller's transaction. */
bool events_expire(struct db *db, int day, uint64_t now_us,
                   bool (*told)(void *context, int day, uint64_t events, struct view digest), void *context,
                   struct imw_error_info *err) IMW_MUST_USE;
