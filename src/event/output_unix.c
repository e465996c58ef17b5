/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EVE lines for whoever connects to a Unix stream socket: every client gets the events from its connection
 * on. Each has a buffer of its own; where a client is slow it fills, and new events are lost for that client
 * alone, whole lines, counted. What a client sends is not read.
 */
#include "base/log.h"
#include "event/output.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { CLIENTS = 16, CLIENT_BYTES = 1024 * 1024, BACKLOG = 16 };

struct client {
    int fd;
    size_t from, len; /* what waits in the buffer: [from, from + len) */
    char *buffer;
};

struct output_unix {
    struct output base;
    struct sockaddr_un at;
    int fd;
    unsigned count;
    struct client clients[CLIENTS];
};

static struct output_unix *unix_of(struct output *o)
{
    return (struct output_unix *)(void *)o;
}

/* Lines that end in what waits first in a client's buffer. */
static uint64_t lines_in(const struct client *c, size_t len)
{
    struct view rest = view_of(c->buffer + c->from, len), line;
    uint64_t lines = 0;

    while (view_line(&rest, &line))
        lines++;
    return lines;
}

/* What still waits for it is lost. */
static void client_shut(struct output_unix *u, unsigned i)
{
    u->base.lost += lines_in(&u->clients[i], u->clients[i].len);
    close(u->clients[i].fd);
    free(u->clients[i].buffer);
    u->clients[i] = u->clients[--u->count];
}

static void client_accept(struct output_unix *u)
{
    for (;;) {
        int fd = accept4(u->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        char *buffer = u->count < CLIENTS ? malloc(CLIENT_BYTES) : NULL;
        if (buffer == NULL) {
            log_warning("event_client_refused", "output=%s clients=%u: no more than %d at a time",
                        u->base.name, u->count, CLIENTS);
            close(fd);
            continue;
        }
        u->clients[u->count++] = (struct client){ .fd = fd, .buffer = buffer };
    }
}

/* Send what waits. False: the client is gone. */
static bool client_send(struct output_unix *u, struct client *c)
{
    while (c->len > 0) {
        ssize_t n = send(c->fd, c->buffer + c->from, c->len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        u->base.written += lines_in(c, (size_t)n);
        c->from += (size_t)n;
        c->len -= (size_t)n;
        u->base.bytes += (uint64_t)n;
    }
    c->from = 0;
    return true;
}

static void unix_take(struct output *o, const struct message *m)
{
    struct output_unix *u = unix_of(o);
    struct view line = m->form[FORM_EVE];

    for (unsigned i = 0; i < u->count; i++) {
        struct client *c = &u->clients[i];
        if (line.len > CLIENT_BYTES - c->len) {
            o->lost++;
            continue;
        }
        if (line.len > CLIENT_BYTES - c->len - c->from) {
            memmove(c->buffer, c->buffer + c->from, c->len);
            c->from = 0;
        }
        memcpy(c->buffer + c->from + c->len, line.at, line.len);
        c->len += line.len;
    }
}

static void unix_tick(struct output *o, uint64_t now_ms, bool idle)
{
    struct output_unix *u = unix_of(o);

    (void)now_ms;
    for (unsigned i = u->count; i-- > 0;) {
        struct client *c = &u->clients[i];
        struct pollfd p = { .fd = c->fd };
        bool gone = idle && poll(&p, 1, 0) == 1; /* hung up: nothing else is asked for */
        if (gone || !client_send(u, c))
            client_shut(u, i);
    }
    client_accept(u);
}

static unsigned unix_wants(struct output *o, struct pollfd *out, unsigned room)
{
    const struct output_unix *u = unix_of(o);
    unsigned n = 0;

    for (unsigned i = 0; i < u->count && n < room; i++)
        if (u->clients[i].len > 0)
            out[n++] = (struct pollfd){ .fd = u->clients[i].fd, .events = POLLOUT };
    return n;
}

static void unix_reopen(struct output *o)
{
    (void)o;
}

static void unix_finish(struct output *o)
{
    struct output_unix *u = unix_of(o);

    while (u->count > 0)
        client_shut(u, u->count - 1);
    if (u->fd >= 0) {
        close(u->fd);
        unlink(u->at.sun_path);
    }
    u->fd = -1;
}

static void unix_free(struct output *o)
{
    unix_finish(o);
    free(o);
}

static const struct output_methods methods = { unix_take,   unix_tick,   unix_wants,
                                               unix_reopen, unix_finish, unix_free };

/* Is the socket at this path one that nobody listens on any more? Then it is in the way. */
static bool stale(const struct sockaddr_un *at)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct stat st;
    bool refused = fd >= 0 && lstat(at->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
                   connect(fd, (const struct sockaddr *)at, sizeof *at) != 0 && errno == ECONNREFUSED;

    if (fd >= 0)
        close(fd);
    return refused;
}

bool output_unix_new(const char *path, struct output **out, struct imw_error_info *err)
{
    struct output_unix *u = calloc(1, sizeof *u);

    if (u == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "output: no memory");
    u->base.methods = &methods;
    u->base.up = true;
    u->at.sun_family = AF_UNIX;
    u->fd = -1;
    if (path[0] == '\0' || strlen(path) >= sizeof u->at.sun_path) {
        free(u);
        return error_set(err, IMW_ERROR_VALUE, "output unix:%.64s: a path of 1 to %zu bytes is wanted", path,
                         sizeof u->at.sun_path - 1);
    }
    memcpy(u->at.sun_path, path, strlen(path));
    if (stale(&u->at))
        unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* The mode of the socket becomes that of the path. */
    if (fd < 0 || fchmod(fd, 0660) != 0 || bind(fd, (const struct sockaddr *)&u->at, sizeof u->at) != 0 ||
        listen(fd, BACKLOG) != 0) {
        error_errno(err, path);
        if (fd >= 0)
            close(fd);
        free(u);
        return false;
    }
    u->fd = fd;
    *out = &u->base;
    return true;
}
