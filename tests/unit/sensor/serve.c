/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sensor_serve SOCKET LISTEN [BROKEN]: the real control socket and metrics listener before a pretended sensor
 * whose numbers grow by the clock, for tests/check/control and for looking at `imward status`. While the file
 * BROKEN exists, reloads fail and an output is down. Prints "ready", then what it learns; ends by stop.
 */
#include "sensor/pretend.h"
#include <stdlib.h>
#include <time.h>

static void tick(struct pretend *p, const char *broken)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    p->now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    p->broken = p->output_down = broken != NULL && access(broken, F_OK) == 0;
}

int main(int argc, char **argv)
{
    static struct pretend p = { .workers = 4, .services = 24 };
    struct control_calls calls = pretend_calls(&p);
    struct imw_error_info err = { .code = IMW_OK };
    struct control *control = NULL;
    struct metrics *metrics = NULL;
    unsigned learnt = 0;
    char line[768];
    int status = 1;

    if (argc < 3)
        return 2;
    const char *broken = argc > 3 ? argv[3] : NULL;
    p.rules = pretend_rules_new(NULL);
    tick(&p, broken);
    p.started_us = p.now_us - 3600 * UINT64_C(1000000);
    if (!control_new(argv[1], &calls, &control, &err) || !metrics_new(argv[2], &calls, &metrics, &err)) {
        fprintf(stderr, "%s\n", error_format(&err, line, sizeof line));
        goto out;
    }
    printf("ready on port %u\n", metrics_port(metrics));
    fflush(stdout);
    while (!p.stopped) {
        nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
        tick(&p, broken);
        if (p.learnt != learnt) {
            learnt = p.learnt;
            printf("learnt %s\n", p.last_learnt);
            fflush(stdout);
        }
    }
    status = 0;
out:
    metrics_free(metrics);
    control_free(control);
    rules_free(p.rules);
    return status;
}
