/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures: somebody read the exact version of a document and signed it, by typing their name (that of the
 * directory, case and spaces aside) right after they proved who they are.
 *
 * Each has a receipt: JSON in one form (members sorted, no white space, all beyond ASCII as \uXXXX), so that
 * its SHA-256 can be computed by anybody: `sha256sum` of the file that the console gives out is the number
 * that it shows, which the audit trail has, too (docs/documents.md). Nobody changes a signature.
 */
#pragma once
#include "program/act.h"
#include "program/clause.h"

enum {
    SIGNATURE_STRONG_MINUTES = 5,
    SIGNATURE_NAME_BYTES = 400,
    RECEIPT_BYTES = 8192,
    SIGNATURES_MOST = 500
};

/* Was who it is proved in the last five minutes? */
bool signature_is_fresh(const struct actor *a, uint64_t now_us);
/* The same name, case and spaces aside (Unicode: NFKC_Casefold). */
bool names_equal(const char *a, const char *b);

/* What the caller is to sign, and signed: {documents, name}. */
bool mine_documents(struct act *a, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
bool mine_document(struct act *a, const struct catalog *catalog, int64_t document, json_t **out,
                   struct imw_error_info *err) IMW_MUST_USE;
/* The caller has asked who it is (signature_is_fresh()). */
bool signature_add(struct act *a, int64_t document, int64_t version, const char *sha256, const char *name,
                   int64_t *out_id, struct imw_error_info *err) IMW_MUST_USE;
bool mine_signatures(struct act *a, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
/* The receipt's exact text; the caller frees. Of one's own only. */
bool mine_receipt(struct act *a, int64_t id, char **out, struct imw_error_info *err) IMW_MUST_USE;

struct signature_filter {
    int64_t document, version, before; /* 0: all; before: cursor */
    const char *text;                  /* NULL: all */
    unsigned limit;
};
bool signature_list(struct act *a, const struct signature_filter *f, json_t **out,
                    struct imw_error_info *err) IMW_MUST_USE;
/* Also one's own, by whoever signed it. */
bool signature_get(struct act *a, int64_t id, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
/* {valid, why, signature} */
bool signature_verify(struct act *a, const char *receipt, json_t **out,
                      struct imw_error_info *err) IMW_MUST_USE;
