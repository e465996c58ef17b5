/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of events into the database, each line once: how far a file is stored is kept in the transaction that
 * stores its lines (table file_position), so that after any break it goes on where it was. A file is known by
 * its head, not by its name: one that was renamed, copied or packed since is still the same.
 */
#pragma once
#include "store/event_store.h"

enum {
    FEED_HEAD_BYTES = 32,
    FEED_LINE_BYTES = 1 << 20, /* a longer line is left out, and counted as refused */
};

struct feed {
    struct db *db;
    struct ingest *ingest; /* of `sensor` */
    int64_t sensor;
    int64_t import;       /* import.id, whose progress is kept; 0: none */
    uint64_t import_size; /* its size, where that is another than the file's; 0: it is not */
    uint8_t head[FEED_HEAD_BYTES];
    const char *name; /* of the file, for people */
};

struct feed_progress {
    uint64_t position; /* in the unpacked file */
    uint64_t done;     /* octets of the file as it is */
    bool more;         /* the budget came to its end before the file did */
    struct ingest_counts counts;
};

/* Store the lines of `fd` that are not stored yet, some thousand in a transaction. `whole`: nothing will be
 * added to the file, so that its last line needs no end. At most about `budget` octets; 0: all. `tell` (may
 * be NULL) is called after each transaction; false ends it. False: err; what was stored until then stays. */
bool feed_file(const struct feed *f, int fd, bool whole, uint64_t budget,
               bool (*tell)(void *context, const struct feed_progress *p), void *context,
               struct feed_progress *out, struct imw_error_info *err) IMW_MUST_USE;

/* SHA-256 of the first line, unpacked. *out_found false: it has no end yet (or never: longer than
 * FEED_LINE_BYTES, *out_never). Moves the position of `fd`. */
bool feed_head(int fd, const char *name, uint8_t out[FEED_HEAD_BYTES], bool *out_found, bool *out_never,
               struct imw_error_info *err) IMW_MUST_USE;
/* SHA-256 of all octets of `fd`, from its beginning; and how many. */
bool feed_digest(int fd, const char *name, uint8_t out[FEED_HEAD_BYTES], uint64_t *out_size,
                 struct imw_error_info *err) IMW_MUST_USE;
