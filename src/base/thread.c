/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that no signal interrupts, and a clock that only goes forwards. */
#include "base/thread.h"
#include <errno.h>
#include <signal.h>
#include <time.h>

bool thread_start(pthread_t *out, const char *name, void *(*run)(void *), void *context,
                  struct imw_error_info *err)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* the new thread inherits it */
    int failed = pthread_create(out, NULL, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        errno = failed;
        return error_errno(err, name);
    }
    pthread_setname_np(*out, name);
    return true;
}

uint64_t clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}
