/* SPDX-License-Identifier: Apache-2.0 */
/* The sums that are kept as events come (docs/usage-figures.md defines each). Private to store. */
#pragma once
#include "store/event_parts.h"

/* What is summed up; the columns of the tables usage_… are some of them. */
#define SUMS(X)                                                                                              \
    X(EVENTS, events)                                                                                        \
    X(FLOWS, flows)                                                                                          \
    X(LOOKUPS, lookups)                                                                                      \
    X(MESSAGES, messages)                                                                                    \
    X(FILES, files) X(ALERTS, alerts) X(STOPPED, stopped) X(AGILE, agile) X(BYTES_OUT, bytes_out)            \
        X(BYTES_IN, bytes_in) X(LAST, last_us)
enum sum {
#define X(id, column) SUM_##id,
    SUMS(X)
#undef X
        SUM_COUNT
};

/* What an event adds, from its columns; `policy`: term.id of the detector "policy", whose alerts only repeat
 * what was stopped. */
void sums_of(const int64_t number[EVENT_NUMBER_COUNT], int64_t detector, int64_t policy,
             int64_t out[SUM_COUNT]);

/* usage_seen: who has an event, a bit each. */
enum { SEEN_NUMBERS = 16, SEEN_CLIENTS = SEEN_NUMBERS * 64 };

struct sums;
struct sums *sums_new(void);
void sums_free(struct sums *s);
void sums_clear(struct sums *s);
/* False: no memory. */
bool sums_add(struct sums *s, const int64_t number[EVENT_NUMBER_COUNT], const int64_t word[EVENT_WORD_COUNT],
              int64_t policy) IMW_MUST_USE;
/* Into the tables, in the order of their keys. */
bool sums_store(struct sums *s, struct db *db, struct imw_error_info *err) IMW_MUST_USE;

/* ---- whose the clients are (clients.c) ---- */
/* Of the clients that a filter lets through (by client, team and department of today), in memory. */
struct clients {
    int64_t count;    /* clients below this are in `person` */
    uint32_t *person; /* by client: a number from 1 on; 0: the filter leaves it out, or there is none */
    int64_t *keys;    /* by that number: person.id, of a client of nobody known -who.id */
    uint32_t persons;
};
bool clients_read(struct db *db, const struct event_filter *f, struct clients *out,
                  struct imw_error_info *err) IMW_MUST_USE;
void clients_free(struct clients *c);

/* ---- what clients did in a day (client_days.c) ---- */
#define CLIENT_SUMS(X)                                                                                       \
    X(FLOWS, SUM_FLOWS)                                                                                      \
    X(MESSAGES, SUM_MESSAGES)                                                                                \
    X(FILES, SUM_FILES) X(ALERTS, SUM_ALERTS) X(STOPPED, SUM_STOPPED) X(BYTES, SUM_COUNT) X(LAST, SUM_LAST)
enum client_sum {
#define X(id, from) CLIENT_##id,
    CLIENT_SUMS(X)
#undef X
        CLIENT_SUM_COUNT
};
struct client_day {
    int64_t day, who, n[CLIENT_SUM_COUNT]; /* CLIENT_LAST: the latest, the others are added up */
};
void client_sums_add(int64_t to[CLIENT_SUM_COUNT], const int64_t more[CLIENT_SUM_COUNT]);
/* Add to what is stored. `list`: by day, and by client. */
bool client_days_add(struct db *db, const struct client_day *list, size_t count,
                     struct imw_error_info *err) IMW_MUST_USE;
/* Those of days [first, last], in any order; a client comes once for each day. */
bool client_days_read(struct db *db, int first, int last,
                      void (*take)(void *context, int64_t who, const int64_t n[CLIENT_SUM_COUNT]),
                      void *context, struct imw_error_info *err) IMW_MUST_USE;

/* seen.c: distinct people (clients of nobody known count each) of days [first, last], in all (service -1) and
 * by service. */
bool seen_people(struct db *db, const struct event_filter *f, const struct clients *clients, int first,
                 int last, void (*take)(void *context, int64_t service, int64_t people), void *context,
                 struct imw_error_info *err) IMW_MUST_USE;
