/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong on the cold path: set at the first failure, passed up, printed once by who began the task.
 */
#pragma once
#include "base/view.h"

enum imw_error {
    IMW_OK = 0,
    IMW_ERROR_SYSTEM = 1, /* the operating system said no: text holds its words */
    IMW_ERROR_FORMAT = 2, /* a file is not what it should be */
    IMW_ERROR_VALUE = 3,  /* a setting or argument is wrong */
    IMW_ERROR_MEMORY = 4,
    IMW_ERROR_LIMIT = 5,
    IMW_ERROR_TRUST = 6, /* a signature is missing, wrong or too old */
};

struct imw_error_info {
    enum imw_error code;
    unsigned line, column; /* 1-based; 0: not about a line */
    uint64_t offset;       /* in bytes, of the file; 0 with has_offset false: not about an offset */
    bool has_offset;
    char text[256]; /* what is wrong and, where it helps, what to do */
    char file[256];
    char key[128]; /* the setting: "rules[2].match.service" */
};

/* Set `err` (which may be NULL) and return false, so that `return error_set(…)` reads well. */
bool error_set(struct imw_error_info *err, enum imw_error code, const char *format, ...) IMW_PRINTF(3, 4);
bool error_file(struct imw_error_info *err, enum imw_error code, const char *file, const char *format, ...)
    IMW_PRINTF(4, 5);
/* IMW_ERROR_VALUE about the setting or member `key`. */
bool error_key(struct imw_error_info *err, const char *key, const char *format, ...) IMW_PRINTF(3, 4);
bool error_errno(struct imw_error_info *err, const char *file);
bool error_memory(struct imw_error_info *err); /* "out of memory" */

/* "file:line: key: text" in as many parts as are known, into `out`. Returns `out`. */
const char *error_format(const struct imw_error_info *err, char *out, size_t size);
