/* SPDX-License-Identifier: Apache-2.0 */
/* The protocol of sd_notify(3): a datagram of assignments to a Unix socket, a path or an abstract name. */
#include "sensor/notify.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

void notify_open(struct notify *n)
{
    const char *name = getenv("NOTIFY_SOCKET"), *watchdog = getenv("WATCHDOG_USEC");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t len = name != NULL ? strlen(name) : 0;

    *n = (struct notify){ .fd = -1 };
    if (len < 2 || len > sizeof address.sun_path || (name[0] != '/' && name[0] != '@'))
        return;
    memcpy(address.sun_path, name, len);
    if (name[0] == '@') /* an abstract name begins with NUL */
        address.sun_path[0] = '\0';
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (n->fd >= 0 && connect(n->fd, (const struct sockaddr *)&address,
                              (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) != 0)
        notify_close(n);
    if (watchdog == NULL || !view_decimal(view_string(watchdog), UINT64_MAX, &n->watchdog_us))
        n->watchdog_us = 0;
}

void notify_close(struct notify *n)
{
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
}

void notify_send(const struct notify *n, const char *format, ...)
{
    char text[512];
    va_list args;

    if (n->fd < 0)
        return;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len > 0 && len < (int)sizeof text)
        (void)!send(n->fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void notify_reloading(const struct notify *n)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    notify_send(n, "RELOADING=1\nMONOTONIC_USEC=%llu",
                (unsigned long long)t.tv_sec * 1000000 + (unsigned long long)t.tv_nsec / 1000);
}
