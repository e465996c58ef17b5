/* SPDX-License-Identifier: Apache-2.0 */
/* What writing the audit trail (audit.c) and checking it (audit_verify.c) share. */
#pragma once
#include "program/audit.h"

enum {
    AUDIT_HASH_LEN = 32,
    AUDIT_KEY_LEN = 32,
    AUDIT_SIGNATURE_LEN = 64,
    AUDIT_RECORD_MOST = 65536,
    AUDIT_SIGNED_SIZE = 160,
};
#define AUDIT_ACT_EXPIRE "audit.expire" /* detail {"to": the last number that was removed} */

/* Nobody else adds until the transaction's end. */
bool audit_lock(struct db *db, struct imw_error_info *err);
bool audit_last(struct db *db, int64_t *out_seq, uint8_t out_hash[AUDIT_HASH_LEN],
                struct imw_error_info *err);
void audit_hash(const uint8_t before[AUDIT_HASH_LEN], struct view record, uint8_t out[AUDIT_HASH_LEN]);
void audit_signed_text(int64_t seq, uint64_t time_us, const uint8_t hash[AUDIT_HASH_LEN],
                       char out[AUDIT_SIGNED_SIZE]);
/* What audit_verify_file() does, over any stream. */
bool audit_verify_stream(FILE *from, struct view key, struct audit_result *out, struct imw_error_info *err);
