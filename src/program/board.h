/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The board report of a quarter: one page (program/report.h) with a statement that compliance writes and
 * somebody else signs off. A statement that is changed is not signed off any more.
 */
#pragma once
#include "program/act.h"
#include "program/evidence_read.h"
#include "program/report.h"

enum { BOARD_STATEMENT_BYTES = 2400 };

/* "2026-Q4". False: it is none of 2000 to 2099. */
bool board_quarter(const char *text, int64_t *out_quarter, struct evidence_period *out_period) IMW_MUST_USE;

/* BoardReport of web/src/api/types.ts. */
bool board_get(struct act *a, const char *quarter, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
bool board_write(struct act *a, const char *quarter, const char *text,
                 struct imw_error_info *err) IMW_MUST_USE;
/* `sha256`: of the text that was read; who wrote at it may not. */
bool board_sign(struct act *a, const char *quarter, const char *sha256,
                struct imw_error_info *err) IMW_MUST_USE;
/* The page. Outside of transactions: one of its own, to read. `by`: who asks. */
bool board_draw(struct db *db, const char *quarter, const char *by, uint64_t now_us, report_sink *sink,
                void *context, struct imw_error_info *err) IMW_MUST_USE;
