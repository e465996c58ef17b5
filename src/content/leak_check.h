/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checks behind the search for leaks: is what stands here a card number, an IBAN ...? Each looks around a
 * place that the search names, and reads a bounded number of bytes: LEAK_AROUND each way at most.
 */
#pragma once
#include "base/view.h"

enum {
    LEAK_CONTEXT = 64, /* how near the words must stand that some kinds ask for */
    LEAK_AROUND = 128, /* no check looks further */
};

struct leak_range {
    size_t from, to;
    const char *name; /* the issuer, the country; never NULL */
};

/* `end` is behind a run of four digits or more. True: a number of the kind ends here, or, where its last
 * group is shorter, soon behind. */
bool leak_card(struct view t, size_t end, struct leak_range *out) IMW_MUST_USE;
bool leak_ssn(struct view t, size_t end, struct leak_range *out) IMW_MUST_USE;
bool leak_aba(struct view t, size_t end, struct leak_range *out) IMW_MUST_USE;
bool leak_iban(struct view t, size_t end, struct leak_range *out) IMW_MUST_USE;

/* `end` is behind "swift" or "bic". The first code at or behind `from` that stands near. */
bool leak_bic(struct view t, size_t end, size_t from, struct leak_range *out) IMW_MUST_USE;

/* A character that words are made of ends before `at`, or begins there: ASCII letters, digits, the low line;
 * beyond ASCII all but marks, symbols and pictures. */
bool leak_word_before(struct view t, size_t at);
bool leak_word_at(struct view t, size_t at);
