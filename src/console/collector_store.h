/* SPDX-License-Identifier: Apache-2.0 */
/* The collector's way to the database: jobs in, in order, and what came of them out; see collector_store.c.
 */
#pragma once
#include "console/role.h"

enum { FINGERPRINT_BYTES = 32 };

/* What a connection wants stored. `link` is the connection's number, which is never used again. */
enum job_type { JOB_HELLO, JOB_BATCH, JOB_STATUS };
struct collector_job {
    struct collector_job *next;
    enum job_type type;
    uint64_t link;
    int64_t sensor;                         /* 0: JOB_HELLO */
    uint64_t number;                        /* of a batch */
    uint64_t lost, waiting, end_us;         /* JOB_STATUS; when the certificate ends */
    uint8_t fingerprint[FINGERPRINT_BYTES]; /* JOB_HELLO */
    char software[64], address[64];         /* JOB_HELLO, JOB_STATUS */
    uint32_t lines;
    size_t size;
    uint8_t plain[]; /* lines */
};

enum result_type { RESULT_WELCOME, RESULT_REFUSED, RESULT_STORED, RESULT_CUT };
struct collector_result {
    struct collector_result *next;
    enum result_type type;
    uint64_t link;   /* RESULT_CUT: 0 */
    int64_t sensor;  /* RESULT_WELCOME, RESULT_CUT */
    uint64_t number; /* of the last batch that is stored */
    char text[128];  /* name of the sensor, or why not */
};

struct collector_store;
/* `wake` (an eventfd) is written when there are results. Opens the database when its thread starts, and again
 * whenever it is away. */
bool collector_store_new(const char *database, int wake, struct changes *changes,
                         struct collector_store **out, struct imw_error_info *err) IMW_MUST_USE;
bool collector_store_start(struct collector_store *s, struct imw_error_info *err) IMW_MUST_USE;
/* Ends when the transaction under way has ended; what waits is not stored. NULL is fine. */
void collector_store_free(struct collector_store *s);

/* NULL: no memory. */
struct collector_job *collector_job_new(enum job_type type, uint64_t link, size_t size);
/* Takes the job. */
void collector_store_put(struct collector_store *s, struct collector_job *job);
/* Is there room for more? A full queue takes one more batch of each connection all the same. */
bool collector_store_has_room(struct collector_store *s);
/* All results there are, oldest first; the caller's, free() each. */
struct collector_result *collector_store_results(struct collector_store *s);
