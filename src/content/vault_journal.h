/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of a vault: what was done with which object, each line bound to the one before. */
#pragma once
#include "base/error.h"

enum { JOURNAL_ID_BYTES = 33, JOURNAL_HASH_BYTES = 32 };

#define JOURNAL_ACTS(X)                                                                                      \
    X(KEPT, "kept")                                                                                          \
    X(READ, "read")                                                                                          \
    X(EXPIRED, "expired") /* its time has come: from here on it may be there, harmed or gone */              \
    X(DELETED, "deleted")
#define X(id, ...) JOURNAL_##id,
enum journal_act { JOURNAL_ACTS(X) JOURNAL_ACT_COUNT };
#undef X

struct journal_line {
    enum journal_act act;
    char id[JOURNAL_ID_BYTES];
    uint64_t time_us;
    bool file; /* of KEPT, as the next */
    uint64_t expires_us, size;
    uint8_t sha256[JOURNAL_HASH_BYTES]; /* of the object as it lies there; of KEPT and DELETED */
};

/* What became of an object. */
struct journal_object {
    struct journal_line kept;
    enum journal_act last; /* KEPT, EXPIRED or DELETED */
};

struct journal;

/* Opens or makes the files in `directory_fd`, whose owner they get; `key` of 32 bytes is copied. */
bool journal_open(int directory_fd, const uint8_t key[32], struct journal **out, struct imw_error_info *err);
void journal_close(struct journal *j);

/* Nobody else, thread or process, writes between these two. */
bool journal_lock(struct journal *j, struct imw_error_info *err);
void journal_unlock(struct journal *j);

/* Add lines, all or none, on disk when this returns. Locked. */
bool journal_add(struct journal *j, const struct journal_line *lines, size_t count,
                 struct imw_error_info *err);

/* Read and check all lines: the objects, sorted by id; caller frees *out. Locked. */
bool journal_read(struct journal *j, struct journal_object **out, size_t *out_count,
                  struct imw_error_info *err);
const struct journal_object *journal_find(const struct journal_object *objects, size_t count, const char *id);
