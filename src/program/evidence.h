/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence packages: who asked for one, for whom, of which time; what became of it. They are made by the
 * clerk (evidence_make.h), one at a time.
 *
 *     waiting -> making -> ready, failed      ready, failed -> removed (its file is gone, the row stays)
 */
#pragma once
#include "program/act.h"

enum { EVIDENCE_TEXT_BYTES = 200, EVIDENCE_PARTS_BYTES = 400, EVIDENCE_WAITING = 5 };

struct evidence_wish {
    const char *prepared_for, *purpose;
    const char *from, *until; /* days or times; the end is not in it */
    const json_t *parts;      /* list of words; empty or NULL: all */
};
bool evidence_ask(struct act *a, const struct evidence_wish *w, int64_t *out_id,
                  struct imw_error_info *err) IMW_MUST_USE;
/* Its file goes with the clerk's next look. */
bool evidence_remove(struct act *a, int64_t id, struct imw_error_info *err) IMW_MUST_USE;
/* Somebody takes it away: counted, in the audit trail. `name` is what the file is called. */
bool evidence_take(struct act *a, int64_t id, char name[64], struct imw_error_info *err) IMW_MUST_USE;

/* Shapes as in web/src/api/types.ts. `before`: the last id of the page before; 0: the first. */
bool evidence_get(struct act *a, int64_t id, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
bool evidence_list(struct act *a, int64_t before, unsigned limit, json_t **out,
                   struct imw_error_info *err) IMW_MUST_USE;
/* Names of parts that there are tables or figures of, in their order. */
json_t *evidence_part_names(void);

/* ---- for the clerk ---- */
struct evidence_order {
    int64_t id;
    uint64_t from_us, until_us, asked_us;
    char prepared_for[EVIDENCE_TEXT_BYTES * 4 + 1], purpose[EVIDENCE_TEXT_BYTES * 4 + 1],
        parts[EVIDENCE_PARTS_BYTES], asked_by[256];
};
/* The first that waits, or was being made when the clerk ended. */
bool evidence_next(struct db *db, struct evidence_order *out, bool *out_found,
                   struct imw_error_info *err) IMW_MUST_USE;
struct evidence_made {
    uint64_t size;
    char sha256[65];
    unsigned files;
};
/* `made` NULL: it failed, `why`. With its audit record; in the caller's transaction. */
bool evidence_end(struct act *a, int64_t id, const struct evidence_made *made, const char *why,
                  struct imw_error_info *err) IMW_MUST_USE;
bool evidence_progress(struct db *db, int64_t id, unsigned percent, struct imw_error_info *err) IMW_MUST_USE;
/* Is there a package of this number whose file is to be kept? */
bool evidence_keeps(struct db *db, int64_t id, bool *out, struct imw_error_info *err) IMW_MUST_USE;
