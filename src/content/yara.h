/* SPDX-License-Identifier: Apache-2.0 */
/* YARA rules, compiled at the start, shared by threads. */
#pragma once
#include "base/text.h"
#include "content/settings.h"

enum yara_answer { YARA_CLEAN, YARA_FOUND, YARA_TIMED_OUT, YARA_FAILED };

struct yara;

/* Err names file and line of the first error. */
bool yara_new(const struct string_list *files, struct yara **out, struct imw_error_info *err) IMW_MUST_USE;
void yara_free(struct yara *y);
unsigned yara_rules(const struct yara *y);

/* `name`: the first rule that matches. Any thread. A time-out is rounded up to seconds. */
enum yara_answer yara_scan(const struct yara *y, struct view content, unsigned timeout_ms, struct text *name);
