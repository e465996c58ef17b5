/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of what the program does, on standard error: a stable key, then facts with units. Never per packet;
 * never message text, passwords or account names.
 */
#pragma once
#include "base/view.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_threshold(enum log_level most_detailed);
void log_line(enum log_level level, const char *key, const char *format, ...) IMW_PRINTF(3, 4);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
