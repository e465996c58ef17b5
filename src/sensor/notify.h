/* SPDX-License-Identifier: Apache-2.0 */
/* What systemd is told of us: sd_notify(3), over the socket that NOTIFY_SOCKET names. */
#pragma once
#include "base/view.h"

struct notify {
    int fd;               /* -1: nobody wants to know */
    uint64_t watchdog_us; /* a sign of life is wanted so often; 0: is not */
};

void notify_open(struct notify *n); /* connects, before the sandbox closes */
void notify_close(struct notify *n);

/* Assignments, one a line: "READY=1\nSTATUS=...". Never waits. */
void notify_send(const struct notify *n, const char *format, ...) IMW_PRINTF(2, 3);
void notify_reloading(const struct notify *n);
