/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit trail: every act of every person and of the system, each record chained to the one before by
 * SHA-256, and at times a checkpoint over the whole of it, signed by the keeper (Ed25519). A record is
 * written in the transaction of the act: neither is there without the other.
 *
 * A record is JSON with its members in this order:
 *   {"seq":12,"time":"2026-11-23T09:00:00.000000Z","actor":"anna","address":"10.1.2.3","act":"incident.close",
 *    "object":"incident 7","detail":{…}}
 * hash = SHA-256 (hash before (32 bytes; zeros at first), the record's bytes).
 * An act that writes other rows, too, adds its record last: on PostgreSQL the trail is locked from then to
 * the commit.
 *
 * A checkpoint signs "imward audit checkpoint 1\n" SEQ "\n" TIME_US "\n" HASH-IN-HEX "\n".
 */
#pragma once
#include "base/json_value.h"
#include "program/permission.h"
#include "store/db.h"
#include <stdio.h>

/* Add one, in the caller's write transaction. `act` is a word of ours ("session.begin", "policy.publish"),
 * `object` what it was about ("policy 3"), `detail` (may be NULL; not taken over) what changed. Never a
 * password, a text or a token. */
bool audit_add(struct db *db, const struct actor *actor, const char *address, const char *act,
               const char *object, const json_t *detail, uint64_t now_us,
               struct imw_error_info *err) IMW_MUST_USE;

/* Sign what is there, where it is more than the last checkpoint has. `sign` is the keeper's: 64 bytes over
 * the text, and its public key. In a transaction of its own. */
typedef bool audit_sign(void *context, struct view text, uint8_t out_signature[64], uint8_t out_key[32],
                        struct imw_error_info *err);
bool audit_checkpoint(struct db *db, audit_sign *sign, void *context, uint64_t now_us,
                      struct imw_error_info *err) IMW_MUST_USE;

struct audit_result {
    uint64_t records, checkpoints, unsigned_records; /* behind the last checkpoint */
    uint64_t wrong_seq;                              /* the first that is wrong; 0: none */
    char wrong[200];
    bool part;          /* of a trail: it begins with a checkpoint, and what was before it is elsewhere */
    uint64_t first_seq; /* of the records; 0: there are none */
};
/* The public key that verifies, out of 64 hexadecimal digits, or of a file that has them: keys/audit.pub. */
bool audit_key_read(const char *word, uint8_t out[32], struct imw_error_info *err) IMW_MUST_USE;

/* Check all of it: order, hashes, repeated columns, signatures; `key` (32 bytes) is the one that must have
 * signed, empty: that of the first checkpoint. True: it could be read; out->wrong_seq says whether it is
 * whole. */
bool audit_verify(struct db *db, struct view key, struct audit_result *out,
                  struct imw_error_info *err) IMW_MUST_USE;
/* The trail as lines (records and checkpoints, with hashes in hex), for people who verify it elsewhere; and
 * the same check over such a file. */
bool audit_export(struct db *db, FILE *to, struct imw_error_info *err) IMW_MUST_USE;
/* The records of a time, with those around them that lie between the checkpoints before and behind, so that
 * the chain begins and ends signed. */
bool audit_export_part(struct db *db, uint64_t from_us, uint64_t until_us, FILE *to,
                       struct imw_error_info *err) IMW_MUST_USE;
bool audit_verify_file(const char *path, struct view key, struct audit_result *out,
                       struct imw_error_info *err) IMW_MUST_USE;
/* The keeper's own list of what it signed (audit_signed.c). Add a checkpoint's text and signature; */
bool audit_signed_add(const char *path, struct view text, const uint8_t signature[64],
                      struct imw_error_info *err) IMW_MUST_USE;
/* are they all in this database? Asked of a trail that audit_verify() found whole; without such a file it
 * stays so. */
bool audit_verify_signed(struct db *db, const char *path, struct view key, struct audit_result *out,
                         struct imw_error_info *err) IMW_MUST_USE;
/* Remove what is older than `before_us`, up to the last checkpoint before that, which stays and from which
 * the rest is verified; with a record that says so. *out_removed 0: nothing was old enough. In the caller's
 * transaction. */
bool audit_expire(struct db *db, uint64_t before_us, uint64_t now_us, uint64_t *out_removed,
                  struct imw_error_info *err) IMW_MUST_USE;
/* {"records","checkpoints","unsigned","last_checkpoint","key"} */
bool audit_state(struct db *db, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
/* Records by filter, newest first: {"records":[…],"cursor":…}. Any of the filters may be NULL. */
bool audit_list(struct db *db, const char *actor, const char *act, const char *object, const char *text,
                int64_t before_seq, unsigned limit, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
