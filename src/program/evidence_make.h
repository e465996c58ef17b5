/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An evidence package is made: README.txt, figures and tables as CSV and JSON, the report, the audit trail of
 * the time, what regulations ask for, the manifest and its signature; all of one look at the database.
 */
#pragma once
#include "program/audit.h"
#include "program/evidence.h"

struct evidence_maker {
    const char *folder;  /* DATA/spool/evidence; made where it is not there */
    const char *mapping; /* DATA/mapping; NULL: none */
    audit_sign *sign;    /* the keeper's */
    void *context;
    void (*progress)(void *context, int64_t id, unsigned percent); /* may be NULL */
    uint64_t now_us;
};
/* FOLDER/ID.zip, there whole or not at all. Outside of transactions. */
bool evidence_make(struct db *db, const struct evidence_order *o, const struct evidence_maker *m,
                   struct evidence_made *out, struct imw_error_info *err) IMW_MUST_USE;
void evidence_path(const char *folder, int64_t id, char *out, size_t size);
