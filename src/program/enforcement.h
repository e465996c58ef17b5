/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What gateways take: the published policy, the people (whose addresses, who signed which edition, who is
 * trained until when, in which groups) and the exceptions that are in force, as one bundle of files.
 *
 * A bundle is made from one look at the database, and checked as the gateway will read it: one that would not
 * load is no bundle. Its manifest names each file by size and SHA-256:
 *
 *     {"number":N,"time":"2026-11-23T09:00:00.000000Z","policy":VERSION,"people":LINES,"exceptions":RULES,
 *      "files":[{"name":"policy.yaml","size":612,"sha256":HEX},…]}
 *
 * and the keeper signs "imward enforcement bundle 1\n" NUMBER "\n" SHA-256 OF THE MANIFEST IN HEX "\n".
 * Numbers grow: they are the time at which the bundle was made, in microseconds, so that a console that was
 * put back from a backup does not begin anew; who follows them takes no lower one.
 *
 * On disk: FOLDER/NUMBER/ with the files, manifest.json and manifest.sig, and FOLDER/current, which holds
 * the number of the newest; the few before it stay for who is still reading them.
 */
#pragma once
#include "base/error.h"
#include "base/json_value.h"
#include "store/db.h"

struct catalog;

#define ENFORCEMENT_SIGNED "imward enforcement bundle 1\n"
enum {
    ENFORCEMENT_FILES = 3,
    ENFORCEMENT_SIGNED_SIZE = 160,
    ENFORCEMENT_MANIFEST_BYTES = 16 << 10,
    ENFORCEMENT_FILE_BYTES = 256 << 20,
    ENFORCEMENT_SIGNATURE_SIZE = 256, /* of manifest.sig: signature and key in base64, a line each */
};
extern const char
    *const enforcement_files[ENFORCEMENT_FILES]; /* "policy.yaml", "people.csv", "exceptions.yaml" */

struct enforcement {
    char *file[ENFORCEMENT_FILES];
    size_t len[ENFORCEMENT_FILES];
    char sha256[ENFORCEMENT_FILES][65];
    int64_t policy; /* in policy_text */
    char version[96];
    unsigned people, exceptions, left; /* lines, rules; logins that such a file cannot carry */
    bool takes;                        /* the policy names exceptions.yaml */
    uint64_t read_us, number;
    char manifest[2048]; /* enforcement_number() */
};

/* As of now, in the caller's transaction to read. *out_any false: no policy is published. */
bool enforcement_make(struct db *db, const struct catalog *catalog, uint64_t now_us, struct enforcement *out,
                      bool *out_any, struct imw_error_info *err) IMW_MUST_USE;
void enforcement_fini(struct enforcement *e);
/* Do its files differ from those of this manifest (JSON; NULL: there is none)? */
bool enforcement_differs(const struct enforcement *e, const json_t *manifest);
/* Give it a number above `last`, and its manifest. */
bool enforcement_number(struct enforcement *e, uint64_t last, uint64_t now_us,
                        struct imw_error_info *err) IMW_MUST_USE;
/* The text that is signed. */
void enforcement_signed(uint64_t number, const char *manifest, size_t len, char out[ENFORCEMENT_SIGNED_SIZE]);

/* What `manifest` says, if it is one of ours. The caller's. */
json_t *enforcement_read_manifest(const char *text, size_t len);
/* Is this its signature, by this key? `signature` as manifest.sig has it. */
bool enforcement_is_signed(const char *manifest, size_t len, uint64_t number, struct view signature,
                           const uint8_t key[32]);

/* FOLDER/NUMBER/, then FOLDER/current; all but the last few go. `signature`, `key`: the keeper's. */
bool enforcement_store(const struct enforcement *e, const char *folder, const uint8_t signature[64],
                       const uint8_t key[32], struct imw_error_info *err) IMW_MUST_USE;
/* The same files beside a policy file: each at once and whole, the policy last. *out_written: how many
 * changed. */
bool enforcement_store_beside(const struct enforcement *e, const char *policy_file, unsigned *out_written,
                              struct imw_error_info *err) IMW_MUST_USE;
/* A file of FOLDER/NUMBER/, or (0) of the newest. False: it is not there. The caller frees. */
bool enforcement_load(const char *folder, uint64_t number, const char *name, char **out, size_t *out_len,
                      struct imw_error_info *err) IMW_MUST_USE;
/* Note it in the table enforcement; in the caller's write transaction. */
bool enforcement_note(struct db *db, const struct enforcement *e, uint64_t now_us,
                      struct imw_error_info *err) IMW_MUST_USE;
