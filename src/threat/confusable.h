/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that look alike: the skeleton of UTS #39 section 4 (Unicode's table of confusable characters, through
 * ICU), after folding case, with letters and digits on top that people confuse when case is folded.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"

struct confusable;

enum { CONFUSABLE_BYTES = 256 };

enum confusable_level {
    CONFUSABLE_LOOKS, /* characters of the same shape: 0 and o, 1 and l, rn and m, Cyrillic and Latin */
    CONFUSABLE_SWAPS, /* and digits that are written for letters: 1 i, 3 e, 4 a, 5 s, 7 t, 8 b; no separators
                       */
    CONFUSABLE_PLAIN, /* the name itself: only case and separators are folded */
};

bool confusable_new(struct confusable **out, struct imw_error_info *err) IMW_MUST_USE;
void confusable_free(struct confusable *c);

/* Two names look alike when their skeletons are equal, and are a trick when they are not equal as plain.
 * Names of more than CONFUSABLE_BYTES are cut. */
void confusable_skeleton(const struct confusable *c, struct view name, enum confusable_level level,
                         struct text *out);

/* Do two strings of UTF-8 differ by one character added, left out, replaced, or by two swapped? Equal: no. */
bool confusable_near(struct view a, struct view b);
