/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is an evidence package whole? Offline, of the file's octets alone: structure of the archive, its seal, the
 * manifest's signature, each part's size and SHA-256, that parts and manifest name the same, and the chain
 * and checkpoints of the audit trail in it. Everything that is wrong is told, up to a limit.
 */
#pragma once
#include "base/json_value.h"
#include "program/audit.h"

enum { EVIDENCE_FAULTS = 20, EVIDENCE_FAULT_BYTES = 300 };

struct evidence_result {
    unsigned faults; /* none: it is whole */
    char fault[EVIDENCE_FAULTS][EVIDENCE_FAULT_BYTES];
    unsigned parts;  /* that the manifest names, and are as it says */
    uint8_t key[32]; /* that signed */
    bool key_given;  /* by the caller: that it is the institution's own is proved */
    struct audit_result trail;
    json_t *manifest; /* NULL: it could not be read; evidence_result_fini() */
};

/* `key`: the 32 octets that must have signed; empty: those in the package, which whoever makes all of it anew
 * can choose. Never fails: what cannot be read is a fault. */
void evidence_verify(struct view file, struct view key, struct evidence_result *out);
void evidence_result_fini(struct evidence_result *r);
/* Does it begin like an archive (a trail does not)? */
bool evidence_is_package(const char *path);
/* A file; false: it could not be read at all. */
bool evidence_verify_file(const char *path, struct view key, struct evidence_result *out,
                          struct imw_error_info *err) IMW_MUST_USE;
