/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server of the control socket: one thread, one poll loop, at most CONTROL_CLIENTS clients. What a
 * request means is in control_request.c; here are only bytes, lines and time.
 *
 * A client is in one of three states, each with a limit of time that starts with the state: silent
 * (SILENT_MS), in the middle of a line (LINE_MS), slow to take its answer (ANSWER_MS). While an answer waits,
 * nothing more is read, so a client costs one line and one answer of memory. At the end of its input (it may
 * have closed only its sending half) a client gets the answers to all it sent; a last line needs no line end.
 */
#include "base/json_value.h"
#include "base/thread.h"
#include "sensor/server.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    SILENT_MS = 30000,
    LINE_MS = 5000,
    ANSWER_MS = 5000,
    REST_MS = 1000, /* before the next try to accept, when descriptors ran out */
    BACKLOG = 32,
    LOCK_MS = 5000, /* another sensor puts its socket there */
    LOCK_STEP_MS = 10,
    PEER_GROUPS = 256, /* looked at */
};

struct client {
    int fd; /* -1: free */
    char *line;
    size_t len;
    char *answer; /* under way; NULL: none */
    size_t answer_len, sent;
    bool ended; /* no more input */
    bool close; /* once the answer is out */
    uint64_t since_ms;
};

struct control {
    int fd, wake;
    pthread_t thread;
    struct control_calls calls;
    gid_t group; /* of the socket file */
    dev_t dev;
    ino_t ino; /* of the file that we made */
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    uint64_t accept_after_ms;
    struct client clients[CONTROL_CLIENTS];
};

/* ---- clients ---- */

static void client_close(struct client *c)
{
    close(c->fd);
    free(c->line);
    free(c->answer);
    *c = (struct client){ .fd = -1 };
}

static void client_send(struct client *c, uint64_t now_ms)
{
    while (c->answer != NULL) {
        ssize_t n = send(c->fd, c->answer + c->sent, c->answer_len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n < 0) {
            client_close(c);
            return;
        }
        c->sent += (size_t)n;
        if (c->sent == c->answer_len) {
            free(c->answer);
            c->answer = NULL;
            c->since_ms = now_ms;
        }
    }
    if (c->close)
        client_close(c);
}

/* Owns `answer`. */
static void client_answer(struct client *c, char *answer)
{
    uint64_t now_ms = clock_ms(); /* a reload may have taken a while */

    if (answer == NULL) { /* no memory */
        client_close(c);
        return;
    }
    c->answer = answer;
    c->answer_len = strlen(answer);
    c->sent = 0;
    c->since_ms = now_ms;
    client_send(c, now_ms);
}

/* Is there a line to handle, or one that can never be? */
static bool client_is_ready(const struct client *c)
{
    struct view v = view_of(c->line, c->len);

    return c->answer == NULL && !c->close &&
           (view_find_byte(v, '\n', 0) < v.len || v.len > CONTROL_LINE_BYTES || c->ended);
}

static void client_handle(struct control *s, struct client *c)
{
    struct view rest = view_of(c->line, c->len), line;
    char *answer;

    if (c->len == 0) { /* the end */
        client_close(c);
        return;
    }
    if (!view_line(&rest, &line)) {
        line = rest; /* the last, without its end */
        rest = view_from(rest, rest.len);
        c->close = true;
    }
    if (line.len > CONTROL_LINE_BYTES) {
        if (s->calls.counts != NULL) {
            s->calls.counts->requests++;
            s->calls.counts->malformed++;
        }
        c->close = true; /* where the next line begins is not known */
        answer = strdup("{\"ok\":false,\"error\":\"a request has at most 65536 bytes\"}\n");
    } else {
        answer = control_handle(&s->calls, line);
    }
    memmove(c->line, rest.at, rest.len);
    c->len = rest.len;
    client_answer(c, answer);
}

static void client_read(struct client *c, uint64_t now_ms)
{
    ssize_t n = recv(c->fd, c->line + c->len, CONTROL_LINE_BYTES + 1 - c->len, MSG_DONTWAIT);

    if (n > 0) {
        c->since_ms = c->len == 0 ? now_ms : c->since_ms;
        c->len += (size_t)n;
    } else if (n == 0) {
        c->ended = true;
    } else if (errno != EAGAIN && errno != EINTR) {
        client_close(c);
    }
}

static uint64_t client_deadline_ms(const struct client *c)
{
    return c->since_ms + (c->answer != NULL ? ANSWER_MS : c->len > 0 ? LINE_MS : SILENT_MS);
}

/* ---- who may ---- */

static bool in_groups(int fd, gid_t group)
{
    gid_t groups[PEER_GROUPS];
    socklen_t size = sizeof groups;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0)
        return false;
    for (size_t i = 0; i < size / sizeof groups[0]; i++)
        if (groups[i] == group)
            return true;
    return false;
}

static bool peer_may(const struct control *s, int fd)
{
    struct ucred who;
    socklen_t size = sizeof who;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
        return false;
    if (who.uid == 0 || who.uid == geteuid() || who.gid == s->group || in_groups(fd, s->group))
        return true;
    log_warning("control_refused", "pid=%d uid=%u gid=%u: not root, the sensor's user or in group %u",
                who.pid, who.uid, who.gid, s->group);
    return false;
}

static void refuse(struct control *s, int fd, const char *answer)
{
    if (s->calls.counts != NULL)
        s->calls.counts->refused++;
    (void)!send(fd, answer, strlen(answer), MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

static void accept_one(struct control *s, uint64_t now_ms)
{
    int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct client *c = NULL;

    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            s->accept_after_ms = now_ms + REST_MS;
        return;
    }
    for (unsigned i = 0; i < CONTROL_CLIENTS && c == NULL; i++)
        if (s->clients[i].fd < 0)
            c = &s->clients[i];
    if (!peer_may(s, fd)) {
        refuse(s, fd, "{\"ok\":false,\"error\":\"only root, the sensor's user and its group may ask\"}\n");
        return;
    }
    char *line = c != NULL ? malloc(CONTROL_LINE_BYTES + 1) : NULL;
    if (line == NULL) {
        refuse(s, fd, "{\"ok\":false,\"error\":\"too many clients: try again\"}\n");
        return;
    }
    *c = (struct client){ .fd = fd, .line = line, .since_ms = now_ms };
}

/* ---- the loop ---- */

/* What to wait for; the time to wait, in ms, -1 for ever. */
static int loop_wait(struct control *s, struct pollfd fds[CONTROL_CLIENTS + 2], uint64_t now_ms)
{
    uint64_t until = UINT64_MAX;

    fds[0] = (struct pollfd){ .fd = s->wake, .events = POLLIN };
    fds[1] = (struct pollfd){ .fd = s->accept_after_ms > now_ms ? -1 : s->fd, .events = POLLIN };
    if (s->accept_after_ms > now_ms)
        until = s->accept_after_ms;
    for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
        const struct client *c = &s->clients[i];
        fds[i + 2] = (struct pollfd){ .fd = c->fd, .events = c->answer != NULL ? POLLOUT : POLLIN };
        if (c->fd < 0)
            continue;
        if (client_is_ready(c))
            until = now_ms;
        else if (client_deadline_ms(c) < until)
            until = client_deadline_ms(c);
    }
    return until == UINT64_MAX ? -1 : until <= now_ms ? 0 : (int)(until - now_ms) + 1;
}

/* One line at most, so that none keeps the others waiting. */
static void loop_client(struct control *s, struct client *c, short events)
{
    uint64_t now_ms = clock_ms();

    if (c->fd >= 0 && c->answer != NULL && (events & (POLLOUT | POLLERR | POLLHUP)) != 0)
        client_send(c, now_ms);
    else if (c->fd >= 0 && events != 0 && !client_is_ready(c))
        client_read(c, now_ms);
    if (c->fd >= 0 && client_is_ready(c))
        client_handle(s, c);
    if (c->fd >= 0 && !client_is_ready(c) && client_deadline_ms(c) < now_ms) {
        if (s->calls.counts != NULL && (c->answer != NULL || c->len > 0))
            s->calls.counts->slow++;
        client_close(c);
    }
}

static void *loop(void *context)
{
    struct control *s = context;
    struct pollfd fds[CONTROL_CLIENTS + 2];

    for (;;) {
        int wait_ms = loop_wait(s, fds, clock_ms());
        if (poll(fds, CONTROL_CLIENTS + 2, wait_ms) < 0)
            continue; /* EINTR: no signal comes here, but a debugger may */
        if (fds[0].revents != 0)
            return NULL;
        for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
            if (s->clients[i].fd >= 0)
                loop_client(s, &s->clients[i], fds[i + 2].revents);
        if (fds[1].revents != 0)
            accept_one(s, clock_ms());
    }
}

/* ---- the socket ---- */

/* Is the file at `path` of no use any more? False: err says why it is not to be replaced. */
static bool is_stale(const struct sockaddr_un *address, struct imw_error_info *err)
{
    const char *path = address->sun_path;
    struct ucred who = { .pid = 0 };
    socklen_t size = sizeof who;
    struct stat st;

    if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
        return error_file(err, IMW_ERROR_VALUE, path,
                          "is not a socket, and is not overwritten; "
                          "give another path for the control socket");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_errno(err, path);
    int failed = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ? 0 : errno;
    if (failed == 0)
        (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size);
    close(fd);
    if (failed == ECONNREFUSED || failed == ENOENT)
        return true;
    if (failed != 0 && failed != EAGAIN) { /* EAGAIN: its queue is full, so it lives */
        errno = failed;
        return error_errno(err, path);
    }
    return error_file(err, IMW_ERROR_VALUE, path,
                      "another sensor (pid %d) answers there; stop it, or give another path", who.pid);
}

/* The folder of the socket, locked while a socket is put there: between bind() and listen() one that lives
 * looks dead, and another sensor would put its own in the place. -1: err. */
static int folder_lock(const char *path, struct imw_error_info *err)
{
    const char *slash = strrchr(path, '/');
    int length = slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path);
    char folder[sizeof((struct control *)0)->path];

    (void)snprintf(folder, sizeof folder, "%.*s", length, slash == NULL ? "." : path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        (void)error_errno(err, path);
        return -1;
    }
    for (unsigned waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waited_ms += LOCK_STEP_MS) {
        if (waited_ms >= LOCK_MS) {
            error_file(err, IMW_ERROR_SYSTEM, path,
                       "another process has locked its folder; give the socket a folder of its own");
            close(fd);
            return -1;
        }
        (void)poll(NULL, 0, LOCK_STEP_MS);
    }
    return fd;
}

static bool socket_bind(struct control *s, struct imw_error_info *err)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct stat st;

    memcpy(address.sun_path, s->path, sizeof address.sun_path);
    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->fd < 0 || fchmod(s->fd, 0660) != 0) /* before bind(): the file is never more open than this */
        return error_errno(err, s->path);
    if (bind(s->fd, (struct sockaddr *)&address, sizeof address) != 0) {
        if (errno != EADDRINUSE)
            return error_errno(err, s->path);
        if (!is_stale(&address, err))
            return false;
        if (unlink(s->path) != 0 || bind(s->fd, (struct sockaddr *)&address, sizeof address) != 0)
            return error_errno(err, s->path);
    }
    if (chmod(s->path, 0660) != 0 || stat(s->path, &st) != 0 || listen(s->fd, BACKLOG) != 0) {
        error_errno(err, s->path);
        unlink(s->path);
        return false;
    }
    s->dev = st.st_dev;
    s->ino = st.st_ino;
    s->group = st.st_gid;
    return true;
}

/* Remove the file, unless another took its place meanwhile. */
static void socket_unlink(const struct control *s)
{
    struct stat st;

    if (s->ino != 0 && stat(s->path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino)
        unlink(s->path);
}

bool control_new(const char *path, const struct control_calls *calls, struct control **out,
                 struct imw_error_info *err)
{
    if (path == NULL) {
        *out = NULL;
        return true;
    }
    struct control *s = calloc(1, sizeof *s);
    if (s == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the control socket");
    s->fd = s->wake = -1;
    for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
        s->clients[i].fd = -1;
    s->calls = *calls;
    json_object_seed(0); /* now, while /dev/urandom may still be opened */
    size_t length = strlen(path);
    if (length >= sizeof s->path) {
        error_file(err, IMW_ERROR_VALUE, path, "is too long for a socket: at most %zu bytes",
                   sizeof s->path - 1);
        goto failed;
    }
    memcpy(s->path, path, length);
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->wake < 0) {
        error_errno(err, "eventfd");
        goto failed;
    }
    int lock = folder_lock(s->path, err);
    bool bound = lock >= 0 && socket_bind(s, err);
    if (lock >= 0)
        close(lock);
    if (!bound || !thread_start(&s->thread, "control", loop, s, err))
        goto failed;
    *out = s;
    return true;

failed:
    socket_unlink(s);
    if (s->fd >= 0)
        close(s->fd);
    if (s->wake >= 0)
        close(s->wake);
    free(s);
    return false;
}

void control_free(struct control *s)
{
    if (s == NULL)
        return;
    (void)!write(s->wake, &(uint64_t){ 1 }, sizeof(uint64_t));
    pthread_join(s->thread, NULL);
    for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
        if (s->clients[i].fd >= 0)
            client_close(&s->clients[i]);
    socket_unlink(s);
    close(s->fd);
    close(s->wake);
    free(s);
}
