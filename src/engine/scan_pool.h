/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that look into files which came to their end: hash, type, archives, viruses, leaks, the copy that
 * the analyst wants. They wait for scanners, and so nobody else does. Private to the room.
 */
#pragma once
#include "content/document.h"
#include "content/leak.h"
#include "content/scan.h"
#include "threat/threat.h"

enum { TRANSFER_NAME_BYTES = 512, TRANSFER_LEAKS = 16 };

/* A file under way: filled by the content thread, then a scan thread's, then the content thread's again. */
struct transfer {
    struct transfer *next;
    uint64_t turn; /* in which it was handed over to the scan threads */
    uint32_t number;
    uint64_t last_us;   /* of its newest byte, traffic's time */
    uint64_t announced; /* size, 0: not told */
    /* The flow as it was when the file began. */
    struct flow flow;
    struct record record;
    struct known_who client;
    bool has_record, has_client;
    struct scene scene; /* points to the three above */
    char name[TRANSFER_NAME_BYTES], from[TRANSFER_NAME_BYTES], to[TRANSFER_NAME_BYTES],
        room[TRANSFER_NAME_BYTES];
    bool outgoing, whole;
    struct spool_file *spool;
    struct spool_facts facts;

    bool hashed;
    uint8_t sha256[SHA256_BYTES];
    struct scan_result scan;
    unsigned leak_count, leaks_told;
    struct leak_finding leak[TRANSFER_LEAKS];
    const char *unsearched;           /* why not all of its text was searched for leaks; NULL: it was */
    char stored[TRANSFER_NAME_BYTES]; /* where it was saved; empty: nowhere */
    struct imw_error_info problem;    /* why it could not be saved; code IMW_OK: it could */
};

struct scan_pool;

struct scan_pool_config {
    const struct content_settings *settings;
    const struct leak_rules *leaks; /* NULL: not searched */
    struct documents *documents;    /* NULL: plain text only is searched */
    const char *extract;            /* directory for copies; NULL: none */
    /* Give files back in the order in which they came, so that two runs say the same; else as they are done,
     * so that a slow one holds nobody up. */
    bool ordered;
};

bool scan_pool_new(const struct scan_pool_config *config, struct scan_pool **out,
                   struct imw_error_info *err) IMW_MUST_USE;
/* Ends the threads; all transfers were taken back before. */
void scan_pool_free(struct scan_pool *p);

/* Hand a file over. False: too many wait. */
bool scan_pool_put(struct scan_pool *p, struct transfer *t);
/* One that is done, or NULL. `wait_ms`: for one to be done, where some are under way. */
struct transfer *scan_pool_take(struct scan_pool *p, unsigned wait_ms);
/* One that nobody began with, or NULL: it will not be looked into. */
struct transfer *scan_pool_withdraw(struct scan_pool *p);
/* Files handed over and not taken back. */
unsigned scan_pool_pending(struct scan_pool *p);
/* Have one of the threads ask how the scanners are; and what was answered last. False: never was. */
void scan_pool_ask(struct scan_pool *p);
bool scan_pool_status(struct scan_pool *p, struct scanner_status *out);
