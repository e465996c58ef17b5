/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inspection driver: gives a flow's bytes to the candidate parsers, collects evidence and decides which
 * service the flow belongs to. One inspector a worker; the catalog and the knowledge are shared.
 */
#pragma once
#include "identify/catalog.h"
#include "identify/knowledge.h"
#include "identify/parser.h"

enum {
    RECORD_EVIDENCE = 4,
    RECORD_VALUE_BYTES = 60,
};

/* Why a flow was given its service, and what else its parsers told. Kept from the first evidence to the
 * flow's end. */
struct record {
    struct {
        uint16_t service;
        uint8_t kind; /* enum evidence_kind */
        uint8_t confidence;
        char value[RECORD_VALUE_BYTES];
    } evidence[RECORD_EVIDENCE];
    uint8_t evidence_count;
    uint16_t hints;       /* bits by enum hint */
    uint16_t upgraded;    /* protocol of the layer inside (TLS after STARTTLS), 0: none */
    char hint_value[48];  /* of the first hint that has one */
    char server_name[64]; /* the first name the client asked for */
    char version[24];
    char client[48];
    char account[48];
    char ja4[40];
    uint32_t messages, files, calls; /* im events told, by activity */
    uint16_t anomalies;              /* bits by enum anomaly */
    uint16_t anomaly_count;          /* of all kinds; stays at its largest */
    struct {
        uint16_t rule;    /* that stopped it, or something on it; 0: none, or the default */
        uint8_t enforced; /* what was done; 0: nothing */
        uint8_t held;     /* its packets that wait */
        uint8_t tries;    /* packets that came though it was stopped; stays at its largest */
        uint32_t bucket;  /* of a flow that is throttled, 0: none */
    } gate;               /* notes of whoever enforces: engine/gate.h */
};

/* What the last inspector_packet() found that matters to whoever decides what becomes of the packet. */
enum { OUTCOME_SPOILS = 8, OUTCOME_NAMES = 8 };
struct inspect_outcome {
    uint8_t told; /* ACTIVITY_ bits told of in this packet */
    uint8_t
        refused; /* those that are forbidden and whose offers are void: by `spoils`, or in a packet before */
    bool cut;    /* something forbidden that cannot be made void so: the flow must not go on */
    bool midway; /* a message or an offer has begun and is not over */
    bool noted;  /* the server's name or the client's version became known, and is in the record */
    /* Of an inline inspection: the receiver could read something else than was read here, or something that
     * was not; the packet must not go on, and its sender sends it again. */
    bool unread;
    bool full; /* the same, for want of memory: nothing was read of it */
    uint8_t asked_count;
    uint16_t asked[OUTCOME_NAMES]; /* DNS: services of names that the packet asks for */
    /* To overwrite before the packet goes on, whatever else is decided: bytes of an offer, also those of an
     * earlier packet's that the sender sends again. */
    uint8_t spoil_count;
    struct {
        uint32_t offset, count; /* in the packet's payload */
        uint8_t with;
    } spoils[OUTCOME_SPOILS];
};

struct inspector;

/* Where a flow's files, contacts and anomalies go, in the order in which they come. All views are borrowed
 * for the call. `context` is inspector_config's. file_begin NULL: nobody wants files, and the next two are
 * not called. */
struct tap {
    uint32_t (*file_begin)(void *context, const struct flow *flow, const struct record *record,
                           uint64_t time_us, const struct im_file *f);
    void (*file_bytes)(void *context, uint32_t file, uint64_t offset, struct view bytes);
    void (*file_end)(void *context, uint32_t file, uint64_t time_us, bool whole);
    void (*contact)(void *context, const struct flow *flow, const struct record *record, uint64_t time_us,
                    const struct im_contact *c);
    void (*anomaly)(void *context, const struct flow *flow, const struct record *record, uint64_t time_us,
                    enum anomaly anomaly, struct view value);
    /* Hash of a ticket that the client showed; NULL: not wanted. */
    void (*ticket)(void *context, const struct flow *flow, const struct record *record, uint64_t time_us,
                   uint64_t hash);
};

struct inspector_config {
    const struct parser *const *parsers; /* in the order of asking */
    unsigned parser_count;
    const struct catalog *catalog;
    struct knowledge *knowledge;
    bool keep_records;        /* a record for every flow (--all-flows) */
    bool inline_;             /* packets wait for the outcome: see its `unread` */
    uint32_t max_inspections; /* flows inspected at a time; 0: 65,536 */
    uint32_t max_records;     /* 0: 1,000,000 */
    /* Told of activities with a detail, while they happen. */
    void (*activity)(void *context, const struct flow *flow, const struct record *record, uint64_t time_us,
                     enum activity activity, const struct im_detail *detail);
    /* Who wants what is carried (NULL: nobody): see session_file_begin() and those after it. */
    const struct tap *tap;
    /* Does the policy forbid this on this flow? Asked before an offer goes on: session_forbidden(). NULL:
     * nobody enforces. */
    bool (*forbids)(void *context, const struct flow *flow, const struct record *record, uint64_t time_us,
                    enum activity activity, const struct im_detail *detail);
    /* A flow of DNS told what an address stands for: `known` is what is known of it now. NULL: nobody asks.
     */
    void (*learnt)(void *context, const struct flow *flow, uint64_t time_us, const struct ip_addr *addr,
                   const struct known_address *known, uint32_t ttl_s);
    /* A line of a traced flow's story. */
    void (*trace)(void *context, const struct flow *flow, uint64_t time_us, const char *line);
    void *context;
};

enum {
    INSPECT_PARSERS = 128, /* most parsers */
    INSPECT_WINDOW_BYTES =
        65536, /* inline: of a client's, that the server has not acknowledged; more is `unread` */
};

bool inspector_new(const struct inspector_config *config, struct counters *counters, struct inspector **out,
                   struct imw_error_info *err) IMW_MUST_USE;
void inspector_free(struct inspector *in);

/* Between two packets: from now on look things up in `catalog`, which follows the one before
 * (catalog_follow()). What was decided stays. */
void inspector_use(struct inspector *in, const struct catalog *catalog);

/* A flow began: is it a leg that was announced? */
void inspector_open(struct inspector *in, struct flow *flow, uint64_t now_us);

/* Start loading what inspector_packet() will need for a flow. */
void inspector_prefetch(const struct inspector *in, const struct flow *flow);

/* A packet of a flow that is not settled. */
void inspector_packet(struct inspector *in, struct flow *flow, enum flow_dir from, const struct packet *p);

/* Of the last inspector_packet(); zero where that had nothing to look at. Without config.forbids only `told`
 * is kept. */
const struct inspect_outcome *inspector_outcome(const struct inspector *in);

/* The flow ended with its packet of `last_us`: use what is left over, decide for good, give inspection memory
 * back. The record stays. */
void inspector_close(struct inspector *in, struct flow *flow, uint64_t last_us);

/* The record of a flow, or NULL; and its return after the flow's event is written. */
const struct record *inspector_record(const struct inspector *in, const struct flow *flow);
/* The same to write notes into, made if need be; NULL when all are in use. */
struct record *inspector_note(struct inspector *in, struct flow *flow);
void inspector_drop_record(struct inspector *in, struct flow *flow);

/* Memory that inspection and records take at their peak, bytes. */
size_t inspector_bytes(const struct inspector *in);

/* Objects of all kinds that are in use now: none when all flows are closed and their records dropped. */
uint32_t inspector_used(const struct inspector *in);
