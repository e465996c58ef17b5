/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of a backup, and the tables that go into it. Private to store.
 *
 *     frame   24 octets, which zstd skips: 0x184D2A50, length 16, "imward backup 1\n"
 *     tar     compressed by zstd: parts as they come, at the end manifest.json
 *     frame   56 octets: 0x184D2A51, length 48, "imward sha256 1\n", SHA-256 of all before this frame
 *
 * So any octet that changes is found, and `tar --zstd -tf` reads it all the same. The manifest repeats the
 * size and SHA-256 of each part.
 */
#pragma once
#include "base/json_value.h"
#include "store/db.h"

enum {
    BACKUP_FORMAT = 1,
    BACKUP_PART_BYTES = 4 << 20,  /* rows are cut into parts of about this size … */
    BACKUP_PART_MOST = 1 << 30,   /* … but a row is never cut */
    BACKUP_PARTS_MOST = 10000000, /* of one file */
    BACKUP_KEY_BYTES = 64 << 10,
    BACKUP_KEYS_MOST = 64,
};

/* ---- writing ---- */
struct backup_out;
bool backup_out_new(const char *path, struct backup_out **out, struct imw_error_info *err) IMW_MUST_USE;
bool backup_out_part(struct backup_out *o, const char *name, unsigned mode, struct view bytes,
                     struct imw_error_info *err) IMW_MUST_USE;
/* Write the manifest, to which the parts are added here, and give the file its name. */
bool backup_out_end(struct backup_out *o, json_t *manifest, uint64_t *out_bytes,
                    struct imw_error_info *err) IMW_MUST_USE;
void backup_out_free(struct backup_out *o); /* not ended: nothing stays */

/* ---- reading ---- */
/* False from `take` ends the reading. `part` lives for the call. */
typedef bool backup_take(void *context, const char *name, unsigned mode, struct view part,
                         struct imw_error_info *err);
/* The checksum over the whole file, and each part's. *out_manifest is the caller's. */
bool backup_in_check(const char *path, json_t **out_manifest, uint64_t *out_bytes,
                     struct imw_error_info *err) IMW_MUST_USE;
/* Each part but the manifest, in order. */
bool backup_in_read(const char *path, backup_take *take, void *context,
                    struct imw_error_info *err) IMW_MUST_USE;
