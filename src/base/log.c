/* SPDX-License-Identifier: Apache-2.0 */
/* One line at a time, at most one a second for a key, or one that is more urgent. */
#include "base/log.h"
#include "base/hash.h"
#include "base/text.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    KEYS = 64, /* remembered at a time; two keys that share a place only share their limit */
    LINE_BYTES = 1024,
};

static struct {
    pthread_mutex_t lock;
    enum log_level threshold;
    struct {
        time_t second; /* of the last line, monotonic */
        enum log_level level;
        unsigned left_out;
    } keys[KEYS];
} log_state = { PTHREAD_MUTEX_INITIALIZER, LEVEL_NOTICE, { { 0, LEVEL_NOTICE, 0 } } };

void log_threshold(enum log_level level)
{
    pthread_mutex_lock(&log_state.lock);
    log_state.threshold = level;
    pthread_mutex_unlock(&log_state.lock);
}

/* May this key have a line now? How many it lost since its last goes to *out_left_out. Under the lock. */
static bool may_write(enum log_level level, const char *key, unsigned *out_left_out)
{
    unsigned at = (unsigned)(hash_bytes(view_string(key), 0) % KEYS);
    struct timespec now;

    if (level > log_state.threshold)
        return false;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (log_state.keys[at].second == now.tv_sec + 1 && /* kept one ahead: 0 is never */
        level >= log_state.keys[at].level) {
        log_state.keys[at].left_out++;
        return false;
    }
    *out_left_out = log_state.keys[at].left_out;
    log_state.keys[at].second = now.tv_sec + 1;
    log_state.keys[at].level = level;
    log_state.keys[at].left_out = 0;
    return true;
}

void log_line(enum log_level level, const char *key, const char *format, ...)
{
    char facts[LINE_BYTES - 128], line[LINE_BYTES];
    struct text t = text_over(line, sizeof line - 1);
    unsigned left_out = 0;
    va_list args;

    va_start(args, format);
    vsnprintf(facts, sizeof facts, format, args);
    va_end(args);
    pthread_mutex_lock(&log_state.lock);
    if (may_write(level, key, &left_out)) {
        if (getenv("JOURNAL_STREAM") != NULL)
            text_format(&t, "<%d>", level);
        text_format(&t, "imward: %s: ", key);
        text_printable(&t, view_string(facts)); /* one line, whatever stands in a path or a name */
        if (left_out > 0)
            text_format(&t, " (and %u such lines left out)", left_out);
        line[t.len++] = '\n';
        if (write(STDERR_FILENO, line, t.len) < 0)
            log_state.keys[0].left_out++; /* nobody listens: nothing better to do than to count */
    }
    pthread_mutex_unlock(&log_state.lock);
}
