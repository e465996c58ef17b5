/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the event store share: columns, days, words, statements in the making. Private to store.
 */
#pragma once
#include "store/event_store.h"

/* Columns that hold words: column, kind of the word, member of an event's JSON. `searched`: "q" looks in it
 * (2: only for those who may see accounts). */
#define EVENT_WORDS(X)                                                                                       \
    X(SERVICE, service, "service", 0)                                                                        \
    X(PROTOCOL, protocol, "protocol", 0)                                                                     \
    X(SERVER_NAME, server_name, "server", 1)                                                                 \
    X(ACCOUNT, account, "account", 2)                                                                        \
    X(PEER, peer, "account", 2)                                                                              \
    X(FILE, file, "file", 1)                                                                                 \
    X(SHA256, sha256, "sha256", 1)                                                                           \
    X(RULE, rule, "rule", 1)                                                                                 \
    X(SIGNATURE, signature, "signature", 1)                                                                  \
    X(DETECTOR, detector, "detector", 0)                                                                     \
    X(SERVER, server, "address", 0)
enum event_word {
#define X(id, column, kind, searched) WORD_##id,
    EVENT_WORDS(X)
#undef X
        EVENT_WORD_COUNT
};
struct event_word_fact {
    const char *column, *kind;
    int searched;
};
extern const struct event_word_fact event_words[EVENT_WORD_COUNT];

/* Behind them all numbers: column, and whether it is there. */
#define EVENT_NUMBERS(X)                                                                                     \
    X(ID, id)                                                                                                \
    X(CHUNK, chunk)                                                                                          \
    X(LINE, line)                                                                                            \
    X(TIME, time_us) X(KIND, kind) X(SENSOR, sensor) X(FLOW, flow) X(WHO, who) X(DEPARTMENT, department)     \
        X(CLIENT_PORT, client_port) X(SERVER_PORT, server_port) X(UDP, udp) X(ACTIVITY, activity)            \
            X(ACTION, action) X(STOPPED, stopped) X(AGILE, agile) X(SEVERITY, severity) X(SCAN, scan)        \
                X(BYTES_OUT, bytes_out) X(BYTES_IN, bytes_in) X(DELIVERY, delivery) X(NOTABLE, notable)
enum event_number {
#define X(id, column) NUMBER_##id,
    EVENT_NUMBERS(X)
#undef X
        EVENT_NUMBER_COUNT
};
/* All columns in one order, numbers first: for statements. */
#define EVENT_COLUMNS_TEXT                                                                                             \
    "id, chunk, line, time_us, kind, sensor, flow, who, department, client_port, server_port, udp, activity, action, " \
    "stopped, agile, severity, scan, bytes_out, bytes_in, delivery, notable, service, protocol, server_name, "         \
    "account, peer, file, sha256, rule, signature, detector, server"
enum { EVENT_COLUMN_COUNT = (int)EVENT_NUMBER_COUNT + (int)EVENT_WORD_COUNT };

/* activity's bits are those of identify/words.h, and this: a copy of a message that was sent before. */
enum { ACTIVITY_AGAIN = 0x80, ACTIVITY_LOOKUP_ONLY = 1, ACTIVITY_CHAT_BIT = 8 };
/* udp: 0 not told, 1 TCP, 2 UDP. */

extern const char *const event_kind_names[EVENT_KIND_COUNT];
extern const char *const event_action_names[5];   /* by the column: [0] NULL */
extern const char *const event_scan_names[5];     /* likewise */
extern const char *const event_delivery_names[5]; /* likewise */
extern const char *const event_activity_names[6]; /* by bit */

/* ---- partition.c ---- */
/* The tables of a day, where they are not there yet. */
bool partition_make(struct db *db, int day, struct imw_error_info *err) IMW_MUST_USE;
/* What is no table of the schema: search in words. Outside of a transaction; what cannot be had is done
 * without. */
bool partition_prepare(struct db *db, struct imw_error_info *err) IMW_MUST_USE;

/* ---- statements in the making (ask.c) ---- */
enum { ASK_ARGS = 512, ASK_BYTES = 16384, ASK_PATTERNS = 3 };
struct ask {
    char sql[ASK_BYTES];
    size_t len;
    unsigned count;
    bool full;
    struct db_value args[ASK_ARGS];
    char pattern[ASK_PATTERNS][272]; /* texts of ours that are bound */
};
void ask_begin(struct ask *a);
void ask_add(struct ask *a, const char *format, ...) IMW_PRINTF(2, 3);
void ask_arg(struct ask *a, struct db_value v); /* the value of a `?` that is in the text */
/* " in (?, ?, …)": as many as the next power of two, the last repeated, so that few texts are made. */
void ask_in(struct ask *a, const int64_t *ids, size_t count);
bool ask_query(struct ask *a, struct db *db, struct db_rows **out, struct imw_error_info *err) IMW_MUST_USE;
bool ask_run(struct ask *a, struct db *db, struct imw_error_info *err) IMW_MUST_USE;

/* ---- filters (filter.c) ---- */
enum { FILTER_IDS = 128, FILTER_WORDS = 3 };
struct id_list {
    int64_t at[FILTER_IDS];
    unsigned count;
    bool given; /* the filter names it: with no ids nothing matches */
};
struct event_filter {
    int64_t from_us, to_us; /* [from, to) */
    struct id_list sensor, department, who, port, words[EVENT_WORD_COUNT];
    int64_t manager;                /* only their team; 0: everybody */
    unsigned kinds, actions, scans; /* bits of the columns' values; 0: any */
    unsigned severities, activity;  /* likewise; of activity any bit will do */
    bool agile, stopped;
    char q[FILTER_WORDS][128];  /* each must be part of a word of the event; lower case; empty: none */
    unsigned permitted, wanted; /* EVENT_SEES_ */
};
/* What a question by q needs in front: "with m0(id) as (…) ". */
void filter_with(const struct event_filter *f, struct db *db, struct ask *a);
/* " and …" for columns of an event table, in a statement with filter_with(). */
void filter_conditions(const struct event_filter *f, struct ask *a);
/* " and …" for the sums that have department, service and action; `who`: that have who, service and action.
 */
void filter_sums(const struct event_filter *f, struct ask *a);
void filter_sums_who(const struct event_filter *f, struct ask *a);
/* Of these the parts: for sums that have service and action; and for what has `who`. */
void filter_sums_seen(const struct event_filter *f, struct ask *a);
void filter_clients(const struct event_filter *f, struct ask *a);
/* Clients whose pseudonym, or, as far as that may be searched for, address or machine has the words. */
void filter_called(const struct event_filter *f, struct ask *a);
/* " and …" for chunks c of a day: those that hold the words asked for. */
void filter_chunks(const struct event_filter *f, int day, struct ask *a);
/* Does it ask for nothing but time, and what the sums by department, or those by client, tell apart? */
bool filter_is_of_sums(const struct event_filter *f);
bool filter_is_of_people(const struct event_filter *f); /* and words: who is called so (filter_called()) */
bool filter_is_of_clients(const struct event_filter *f);
bool filter_has_words(const struct event_filter *f);  /* those that lie in the index of chunks */
bool filter_is_notable(const struct event_filter *f); /* all that match have notable = 1 */
bool filter_is_permitted(const struct event_filter *f, struct imw_error_info *err) IMW_MUST_USE;
