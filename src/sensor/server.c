/* SPDX-License-Identifier: Apache-2.0 */
/* A thread without signals, and the status with the servers' own counts. */
#include "sensor/server.h"
#include "base/json_value.h"
#include <errno.h>
#include <signal.h>
#include <time.h>

bool server_thread(pthread_t *out, const char *name, void *(*run)(void *), void *context,
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

void server_status(const struct control_calls *calls, struct sensor_status *out)
{
    *out = (struct sensor_status){ .method = "", .state = "" };
    calls->status(calls->context, out);
    if (calls->counts == NULL)
        return;
    out->control.requests = calls->counts->requests;
    out->control.malformed = calls->counts->malformed;
    out->control.refused = calls->counts->refused;
    out->control.slow = calls->counts->slow;
    out->control.scrapes = calls->counts->scrapes;
}

uint64_t server_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

json_t *server_text(const char *text)
{
    char clean[1024];
    struct text t = TEXT(clean);

    text_printable(&t, view_string(text));
    return json_stringn(clean, t.len);
}
