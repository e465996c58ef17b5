/* SPDX-License-Identifier: Apache-2.0 */
/* What changed from one text to another, line by line: the longest common subsequence of their lines, between
 * what is the same at both ends. Texts that are too long for its table differ as a whole in between. */
#pragma once
#include "base/error.h"

enum { DIFF_TEXT_LINES = 20000 };

/* '=' a line of both, '-' of the old one only, '+' of the new one only; numbers from 1, 0: it has none. */
typedef void line_diff_visit(void *context, char sign, unsigned old, unsigned new, struct view line);
/* False: out of memory. */
bool line_diff(struct view before, struct view after, line_diff_visit *visit, void *context) IMW_MUST_USE;
