/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flows of the drill. Tests of one port of the responder follow each other, so that what it counted there
 * between two questions is what arrived of one test; ports are done at a time, a thread each.
 *
 * What came back says how a flow was stopped, and when; whether it was stopped, the responder alone says: not
 * a byte has arrived.
 */
#include "base/text.h"
#include "cli/drill.h"
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    SETTLE_MS = 50, /* for what is still under way when an answer has come */
    CONTROL_MS = 5000,
    ANSWER_BYTES = 2048,
    LANES = DRILL_METHOD_COUNT + 1,
    LINE_BYTES = 64,
    OWN_PORTS_FROM = 20000,
    OWN_PORTS = 40000,
};

const char *drill_outcome_name(enum drill_outcome o)
{
    static const char *const names[] = {
#define X(id, name) [DRILL_##id] = name,
        DRILL_OUTCOMES(X)
#undef X
    };
    return names[o];
}

uint16_t drill_port(const struct drill_test *t)
{
    return t->odd_port ? DRILL_ODD_PORT : drill_way(t->method)->port;
}

static uint64_t now_us(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

/* ---- sockets ---- */

/* Bind to the address that is wanted, and this port; 0: any. */
static bool bind_from(int fd, struct addrinfo *from, uint16_t port)
{
    struct sockaddr_in6 v6;
    struct sockaddr_in v4;

    if (from->ai_family == AF_INET6) {
        memcpy(&v6, from->ai_addr, sizeof v6);
        v6.sin6_port = htons(port);
        return bind(fd, (struct sockaddr *)&v6, sizeof v6) == 0;
    }
    memcpy(&v4, from->ai_addr, sizeof v4);
    v4.sin_port = htons(port);
    return bind(fd, (struct sockaddr *)&v4, sizeof v4) == 0;
}

static int open_with(const struct drill_run *run, const struct addrinfo *to, struct addrinfo *from,
                     uint16_t port)
{
    int fd = socket(to->ai_family, to->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    bool done = run->interface == NULL || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, run->interface,
                                                     (socklen_t)strlen(run->interface)) == 0;
    if (done && (done = bind_from(fd, from, port)) == false && errno == EADDRINUSE)
        done = bind_from(fd, from, 0);
    if (done && (connect(fd, to->ai_addr, to->ai_addrlen) == 0 || errno == EINPROGRESS))
        return fd;
    int kept = errno;
    close(fd);
    errno = kept;
    return -1;
}

/* A socket as the run wants it, connecting to the responder. -1: errno, or where it is 0, *why, says why not.
 */
static int open_to(const struct drill_run *run, uint8_t l4, uint16_t port, uint16_t own_port,
                   const char **why)
{
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_PASSIVE,
                              .ai_socktype = l4 == 6 ? SOCK_STREAM : SOCK_DGRAM },
                    *to = NULL, *from = NULL;
    char service[8];
    int fd = -1, kept = 0;

    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(run->to, service, &hints, &to) != 0) {
        *why = "--to takes an address";
        errno = 0;
        return -1;
    }
    hints.ai_family = to->ai_family;
    if (getaddrinfo(run->from, "0", &hints, &from) != 0) {
        *why = "--from takes an address of the same family as --to";
    } else {
        fd = open_with(run, to, from, own_port);
        kept = errno;
        freeaddrinfo(from);
    }
    freeaddrinfo(to);
    errno = kept;
    return fd;
}

/* Wait until it can be read or written. 0: it can; else an errno. */
static int wait_for(int fd, short events, uint64_t until_us)
{
    for (;;) {
        uint64_t now = now_us(CLOCK_MONOTONIC);
        struct pollfd p = { fd, events, 0 };
        int n = now < until_us ? poll(&p, 1, (int)((until_us - now + 999) / 1000)) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : ETIMEDOUT;
        int error = 0;
        socklen_t len = sizeof error;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
            return errno;
        return error;
    }
}

/* ---- asking the responder ---- */

static bool ask(int control, uint8_t l4, uint16_t port, uint64_t *out)
{
    char line[LINE_BYTES], want[LINE_BYTES];
    size_t len = 0;
    uint64_t until_us = now_us(CLOCK_MONOTONIC) + (uint64_t)CONTROL_MS * 1000;
    int n = snprintf(line, sizeof line, "count %s %u\n", l4 == 6 ? "tcp" : "udp", port);

    if (send(control, line, (size_t)n, MSG_NOSIGNAL) != n)
        return false;
    while (len == 0 || line[len - 1] != '\n') {
        if (len == sizeof line || wait_for(control, POLLIN, until_us) != 0)
            return false;
        ssize_t got = recv(control, line + len, sizeof line - len, 0);
        if (got <= 0)
            return false;
        len += (size_t)got;
    }
    n = snprintf(want, sizeof want, "%s %u ", l4 == 6 ? "tcp" : "udp", port);
    struct view answer = view_of(line, len - 1);
    return view_starts(answer, view_of(want, (size_t)n)) &&
           view_decimal(view_from(answer, (size_t)n), UINT64_MAX, out);
}

static int open_control(const struct drill_run *run, const char **why)
{
    int fd = open_to(run, 6, DRILL_CONTROL_PORT, 0, why), error;

    if (fd < 0)
        return -1;
    error = wait_for(fd, POLLOUT, now_us(CLOCK_MONOTONIC) + (uint64_t)CONTROL_MS * 1000);
    if (error == 0)
        return fd;
    close(fd);
    errno = error;
    return -1;
}

/* ---- one test ---- */

static enum drill_outcome outcome_of(int error, bool open)
{
    switch (error) {
    case ETIMEDOUT: return DRILL_SILENT;
    case ECONNRESET:
    case EPIPE: return open ? DRILL_RESET : DRILL_REFUSED;
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EACCES: return DRILL_REFUSED;
    default: return DRILL_FAILED;
    }
}

static enum drill_outcome outcome_of_answer(const struct drill_test *t, struct view answer)
{
    if (view_starts(answer, VIEW(DRILL_ANSWER)))
        return DRILL_ARRIVED;
    if (t->method == DRILL_DNS)
        return DRILL_NO_NAME;
    return view_starts(answer, VIEW("HTTP/1.")) ? DRILL_PAGE : DRILL_RESET;
}

/* Send and wait. Returns an errno; 0: there was an answer, and *outcome is set. */
static int try_flow(struct drill_test *t, int fd, bool *open, uint64_t wait_us, enum drill_outcome *outcome)
{
    const struct drill_way *way = drill_way(t->method);
    uint64_t begin_us = now_us(CLOCK_MONOTONIC);
    uint8_t opening[DRILL_OPENING_BYTES], answer[ANSWER_BYTES];
    size_t len = drill_opening(t->method, t->name, t->neutral, opening);
    int error = wait_for(fd, POLLOUT, begin_us + wait_us);

    if (error != 0)
        return error;
    *open = way->l4 == 6;
    if (len == 0)
        return EIO;
    for (unsigned tries = way->l4 == 6 ? 1 : 2; tries > 0; tries--) { /* a datagram may be lost */
        if (send(fd, opening, len, MSG_NOSIGNAL) != (ssize_t)len)
            return errno;
        begin_us = now_us(CLOCK_MONOTONIC);
        error = wait_for(fd, POLLIN, begin_us + wait_us / tries);
        if (error != ETIMEDOUT)
            break;
    }
    /* What came before a reset is there yet. */
    ssize_t n = error == ETIMEDOUT ? -1 : recv(fd, answer, sizeof answer, 0);
    if (n < 0)
        return error != 0 ? error : errno;
    if (n == 0)
        return ECONNRESET; /* the responder does not close first */
    *outcome = outcome_of_answer(t, view_of(answer, (size_t)n));
    return 0;
}

static void fail(struct drill_test *t, const char *what, int error)
{
    t->outcome = DRILL_FAILED;
    t->stopped = false;
    snprintf(t->why, sizeof t->why, "%s%s%s", what, error != 0 ? ": " : "",
             error != 0 ? strerror(error) : "");
}

static void note_port(struct drill_test *t, int fd)
{
    struct sockaddr_storage own;
    socklen_t len = sizeof own;
    char port[8] = "";
    uint64_t number = 0;

    if (getsockname(fd, (struct sockaddr *)&own, &len) == 0 &&
        getnameinfo((struct sockaddr *)&own, len, NULL, 0, port, sizeof port, NI_NUMERICSERV) == 0 &&
        view_decimal(view_string(port), 65535, &number))
        t->src_port = (uint16_t)number;
}

/* Each test has a port of its own: one that was used before in this run may belong to a flow that the gateway
 * knows, and has let pass. */
static uint16_t own_port(const struct drill_run *run, const struct drill_test *t)
{
    return (uint16_t)(OWN_PORTS_FROM + (run->first_port + (size_t)(t - run->tests)) % OWN_PORTS);
}

static void do_test(const struct drill_run *run, int control, struct drill_test *t)
{
    uint8_t l4 = drill_way(t->method)->l4;
    uint64_t before, after, begin_us;
    const char *why = "cannot open a socket";
    bool open = false;

    t->began_us = now_us(CLOCK_REALTIME);
    if (!ask(control, l4, drill_port(t), &before)) {
        fail(t, "the responder does not answer", 0);
        return;
    }
    begin_us = now_us(CLOCK_MONOTONIC);
    int fd = open_to(run, l4, drill_port(t), own_port(run, t), &why), error = errno;
    if (fd >= 0) {
        note_port(t, fd);
        error = try_flow(t, fd, &open, (uint64_t)run->wait_ms * 1000, &t->outcome);
    }
    t->took_us = now_us(CLOCK_MONOTONIC) - begin_us;
    if (error != 0)
        t->outcome = outcome_of(error, open);
    if (fd < 0 && (error == 0 || t->outcome == DRILL_FAILED)) {
        fail(t, why, error);
        return;
    }
    pause_ms(SETTLE_MS);
    if (fd >= 0)
        close(fd);
    if (!ask(control, l4, drill_port(t), &after)) {
        fail(t, "the responder does not answer any more", 0);
        return;
    }
    t->arrived = after - before;
    if (t->outcome == DRILL_FAILED)
        fail(t, "the flow broke off", error);
    else
        t->stopped = t->arrived == 0 && t->outcome != DRILL_ARRIVED;
}

/* ---- lanes ---- */

struct lane {
    const struct drill_run *run;
    uint8_t l4;
    uint16_t port;
    int control;
    pthread_t thread;
    bool started;
};

static void *drive(void *context)
{
    struct lane *lane = context;

    for (unsigned i = 0; i < lane->run->count; i++) {
        struct drill_test *t = &lane->run->tests[i];
        if (drill_way(t->method)->l4 == lane->l4 && drill_port(t) == lane->port)
            do_test(lane->run, lane->control, t);
    }
    return NULL;
}

static unsigned make_lanes(struct drill_run *run, struct lane lanes[LANES])
{
    unsigned count = 0;

    for (unsigned i = 0; i < run->count; i++) {
        uint8_t l4 = drill_way(run->tests[i].method)->l4;
        uint16_t port = drill_port(&run->tests[i]);
        unsigned at = 0;
        while (at < count && (lanes[at].l4 != l4 || lanes[at].port != port))
            at++;
        if (at == count && count < LANES)
            lanes[count++] = (struct lane){ .run = run, .l4 = l4, .port = port, .control = -1 };
    }
    return count;
}

bool drill_do(struct drill_run *run, struct imw_error_info *err)
{
    struct lane lanes[LANES];
    unsigned count = make_lanes(run, lanes);
    const char *why = NULL;
    bool ready = getrandom(&run->first_port, sizeof run->first_port, 0) > 0;

    for (unsigned i = 0; ready && i < count; i++) {
        lanes[i].control = open_control(run, &why);
        ready = lanes[i].control >= 0;
    }
    if (!ready)
        (void)error_set(
            err, IMW_ERROR_SYSTEM,
            "no answer from %s port %d: %s; is imward policy drill --respond running there, and does "
            "the gateway let this port pass?",
            run->to, DRILL_CONTROL_PORT, errno == 0 && why != NULL ? why : strerror(errno));
    for (unsigned i = 0; ready && i < count; i++) {
        lanes[i].started = pthread_create(&lanes[i].thread, NULL, drive, &lanes[i]) == 0;
        if (!lanes[i].started)
            drive(&lanes[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        if (lanes[i].started)
            pthread_join(lanes[i].thread, NULL);
        if (lanes[i].control >= 0)
            close(lanes[i].control);
    }
    return ready;
}
