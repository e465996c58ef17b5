/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports as PDF, drawn from struct evidence_data and from nothing else: every number that is printed is a
 * figure or a cell of it, and stands beside its name or in the list of figures behind.
 */
#pragma once
#include "program/evidence_read.h"

struct mapping; /* program/mapping.h */

enum report_kind {
    REPORT_PERIOD, /* report.pdf of an evidence package: all parts, over as many pages as it takes */
    REPORT_BOARD,  /* a quarter on one page */
};

struct report_scope {
    struct evidence_period period;
    uint64_t asked_us;             /* when it was asked for: the date that it bears */
    const char *institution;       /* setting "institution"; "": none is set */
    const char *prepared_for;      /* "" where nobody is named */
    const char *prepared_by;       /* the account's full name */
    const char *package;           /* number or name of the package; "" where there is none */
    const char *key;               /* fingerprint of the key that signs the package; "" where there is none */
    const struct mapping *mapping; /* NULL: without the annex */
    const char *statement;    /* of compliance, Markdown without HTML; board report; "" where there is none */
    const char *statement_by; /* who wrote it, and who signed it off; "" */
};

/* What is drawn goes here piece by piece. */
typedef bool report_sink(void *context, struct view bytes, struct imw_error_info *err);

/* `before`: the same figures for the time of the same length before; NULL where there are none. The same
 * data give the same octets. */
bool report_draw(enum report_kind kind, const struct report_scope *scope, const struct evidence_data *data,
                 const struct evidence_data *before, report_sink *sink, void *context,
                 struct imw_error_info *err) IMW_MUST_USE;
