/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that no signal interrupts, and a clock that only goes forwards. */
#pragma once
#include "base/error.h"
#include <pthread.h>

/* Begin a thread with all signals blocked: those are for the thread that waits for them. `name`: 15
 * characters at most. */
bool thread_start(pthread_t *out, const char *name, void *(*run)(void *), void *context,
                  struct imw_error_info *err) IMW_MUST_USE;

/* Milliseconds of a clock that only goes forwards. */
uint64_t clock_ms(void);
/* Microseconds since 1970, as events and the database have them. */
uint64_t clock_us(void);
