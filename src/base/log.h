/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of a long-running process: one line on standard error, "imward: KEY: facts", with the priority
 * prefix "<N>" of sd-daemon(3) when systemd's journal reads it (JOURNAL_STREAM is set).
 *
 * `key` is stable and greppable ("flow_table_full"); the facts carry units and, where someone can do
 * something, what to do. One line a second for a key at most, but for one that is more urgent; the next one
 * says how many were left out. Any thread may log. Nothing from the packet path: that counts, and whoever
 * reads the counters logs. No message text, password or nickname ever.
 */
#pragma once
#include "base/view.h"

enum log_level {
    LEVEL_ERROR = 3,
    LEVEL_WARNING = 4,
    LEVEL_NOTICE = 5,
    LEVEL_INFO = 6
}; /* RFC 5424 section 6.2.1 */

/* Lines less urgent than `level` are not written; LEVEL_NOTICE at first. */
void log_threshold(enum log_level level);

void log_line(enum log_level level, const char *key, const char *format, ...) IMW_PRINTF(3, 4);

#define log_error(...) log_line(LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LEVEL_INFO, __VA_ARGS__)
