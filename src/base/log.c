/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines: "imward: level: key: facts". */
#include "base/log.h"
#include <stdarg.h>
#include <stdio.h>

static enum log_level threshold = LOG_WARN;

void log_threshold(enum log_level most_detailed)
{
    threshold = most_detailed;
}

void log_line(enum log_level level, const char *key, const char *format, ...)
{
    static const char *const name[] = { "error", "warning", "info", "debug" };
    char facts[512];
    va_list args;

    if (level > threshold)
        return;
    va_start(args, format);
    vsnprintf(facts, sizeof facts, format, args);
    va_end(args);
    fprintf(stderr, "imward: %s: %s: %s\n", name[level], key, facts);
}
