/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of detectors: a text file, one entry a line, comments from '#' on where a line or a word begins with
 * it. Read whole at start; whoever reads says what a line means.
 */
#pragma once
#include "base/error.h"

enum { LIST_FILE_LINES = 1 << 22, LIST_FILE_BYTES = 1 << 28 };

/* One line, trimmed, not empty. False and *out_why: it is not an entry. */
typedef bool list_file_line(void *context, struct view line, unsigned number, const char **out_why);

/* False: err names the file, and the line where one is wrong. */
bool list_file_read(const char *path, list_file_line *each, void *context,
                    struct imw_error_info *err) IMW_MUST_USE;
