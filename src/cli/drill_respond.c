/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other end of the drill: takes whatever comes at the ports of the methods, counts its bytes, answers
 * with one line; and tells the counts at the control port:
 *
 *     > count tcp 443            < tcp 443 1234
 *
 * One thread, one poll(). A connection is answered once and closed when the other end closes, or when it was
 * idle for IDLE_S; over CONNECTIONS the oldest goes.
 */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/drill.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    PORTS = DRILL_METHOD_COUNT + 2, /* of the methods, the odd one, the control port */
    CONNECTIONS = 256,
    IDLE_S = 60,
    LINE_BYTES = 64,
    PIECE_BYTES = 65536,
};

struct port {
    uint8_t l4;
    uint16_t number;
    int fd;
    uint64_t bytes;
};

struct connection {
    int fd; /* -1: free */
    unsigned port;
    bool answered;
    time_t since;
    char line[LINE_BYTES]; /* at the control port */
    size_t line_len;
};

struct responder {
    struct port ports[PORTS];
    unsigned port_count;
    struct connection connections[CONNECTIONS];
};

static const struct addrinfo *no_address(const char *address, int why)
{
    fprintf(stderr, "imward policy: --respond takes an address of this machine, not '%s': %s\n", address,
            gai_strerror(why));
    return NULL;
}

/* ---- opening ---- */

static bool open_port(struct port *p, const char *address)
{
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_PASSIVE,
                              .ai_socktype = p->l4 == 6 ? SOCK_STREAM : SOCK_DGRAM },
                    *at = NULL;
    char service[8];
    int yes = 1;

    snprintf(service, sizeof service, "%u", p->number);
    int why = getaddrinfo(address, service, &hints, &at);
    if (why != 0)
        return no_address(address, why) != NULL;
    p->fd = socket(at->ai_family, at->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool done = p->fd >= 0 && setsockopt(p->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
                bind(p->fd, at->ai_addr, at->ai_addrlen) == 0 && (p->l4 != 6 || listen(p->fd, 64) == 0);
    if (!done)
        fprintf(stderr, "imward policy: cannot listen on %s port %u: %s%s\n", p->l4 == 6 ? "TCP" : "UDP",
                p->number, strerror(errno),
                errno == EACCES       ? "; low ports need root or CAP_NET_BIND_SERVICE"
                : errno == EADDRINUSE ? "; the responder needs an address where nothing else listens"
                                      : "");
    freeaddrinfo(at);
    return done;
}

static void add_port(struct responder *r, uint8_t l4, uint16_t number)
{
    r->ports[r->port_count++] = (struct port){ l4, number, -1, 0 };
}

static bool open_all(struct responder *r, const char *address)
{
    for (unsigned i = 0; i < CONNECTIONS; i++)
        r->connections[i].fd = -1;
    add_port(r, 6, DRILL_CONTROL_PORT);
    add_port(r, 6, DRILL_ODD_PORT);
    for (unsigned m = 0; m < DRILL_METHOD_COUNT; m++)
        add_port(r, drill_way((enum drill_method)m)->l4, drill_way((enum drill_method)m)->port);
    for (unsigned i = 0; i < r->port_count; i++)
        if (!open_port(&r->ports[i], address))
            return false;
    return true;
}

/* ---- control ---- */

static void tell(struct responder *r, struct connection *c)
{
    char answer[LINE_BYTES] = "what?\n";
    struct view line = view_of(c->line, c->line_len), word = view_token(&line, ' '),
                l4 = view_token(&line, ' ');
    uint64_t number;

    c->line_len = 0;
    if (view_equal(word, VIEW("count")) && view_decimal(view_trim(line), 65535, &number))
        for (unsigned i = 0; i < r->port_count; i++)
            if (r->ports[i].number == number &&
                view_equal(l4, r->ports[i].l4 == 6 ? VIEW("tcp") : VIEW("udp")))
                snprintf(answer, sizeof answer, "%s %u %llu\n", r->ports[i].l4 == 6 ? "tcp" : "udp",
                         r->ports[i].number, (unsigned long long)r->ports[i].bytes);
    (void)send(c->fd, answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void control(struct responder *r, struct connection *c, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '\n')
            tell(r, c);
        else if (c->line_len < sizeof c->line)
            c->line[c->line_len++] = (char)bytes[i];
    }
}

/* ---- connections and datagrams ---- */

static void end(struct connection *c)
{
    close(c->fd);
    c->fd = -1;
}

static void take_connection(struct responder *r, unsigned port, time_t now)
{
    int fd = accept4(r->ports[port].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct connection *place = &r->connections[0];

    if (fd < 0)
        return;
    for (unsigned i = 0; i < CONNECTIONS && place->fd >= 0; i++)
        if (r->connections[i].fd < 0 || r->connections[i].since < place->since)
            place = &r->connections[i];
    if (place->fd >= 0)
        end(place);
    *place = (struct connection){ .fd = fd, .port = port, .since = now };
}

static void read_connection(struct responder *r, struct connection *c, time_t now)
{
    uint8_t bytes[PIECE_BYTES];
    ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);

    if (n <= 0) {
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            end(c);
        return;
    }
    c->since = now;
    if (r->ports[c->port].number == DRILL_CONTROL_PORT) {
        control(r, c, bytes, (size_t)n);
        return;
    }
    r->ports[c->port].bytes += (size_t)n;
    if (!c->answered)
        (void)send(c->fd, DRILL_ANSWER, strlen(DRILL_ANSWER), MSG_DONTWAIT | MSG_NOSIGNAL);
    c->answered = true;
}

static void read_datagram(struct port *p)
{
    uint8_t bytes[PIECE_BYTES];
    struct sockaddr_storage from;
    socklen_t len = sizeof from;
    ssize_t n = recvfrom(p->fd, bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)&from, &len);

    if (n <= 0)
        return;
    p->bytes += (size_t)n;
    /* Shorter than what it answers: of no use to flood others with. */
    if ((size_t)n >= strlen(DRILL_ANSWER))
        (void)sendto(p->fd, DRILL_ANSWER, strlen(DRILL_ANSWER), MSG_DONTWAIT, (const struct sockaddr *)&from,
                     len);
}

/* ---- the loop ---- */

static void serve_once(struct responder *r, int signals, bool *stopped)
{
    struct pollfd fds[1 + PORTS + CONNECTIONS];
    unsigned of[1 + PORTS + CONNECTIONS], count = 0;
    time_t now = time(NULL);

    fds[count++] = (struct pollfd){ signals, POLLIN, 0 };
    for (unsigned i = 0; i < r->port_count; i++)
        fds[count++] = (struct pollfd){ r->ports[i].fd, POLLIN, 0 };
    unsigned first = count;
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        struct connection *c = &r->connections[i];
        if (c->fd >= 0 && now - c->since > IDLE_S && r->ports[c->port].number != DRILL_CONTROL_PORT)
            end(c);
        if (c->fd < 0)
            continue;
        of[count] = i;
        fds[count++] = (struct pollfd){ c->fd, POLLIN, 0 };
    }
    if (poll(fds, count, 1000 * IDLE_S) <= 0)
        return;
    *stopped = fds[0].revents != 0;
    for (unsigned i = first; i < count; i++)
        if (fds[i].revents != 0)
            read_connection(r, &r->connections[of[i]], now);
    for (unsigned i = 0; i < r->port_count; i++) {
        if (fds[1 + i].revents == 0)
            continue;
        if (r->ports[i].l4 == 6)
            take_connection(r, i, now);
        else
            read_datagram(&r->ports[i]);
    }
}

int drill_respond(const char *address)
{
    struct responder *r = calloc(1, sizeof *r);
    bool stopped = false;
    sigset_t set;

    if (r == NULL) {
        fputs("imward: no memory\n", stderr);
        return EXIT_FAILED;
    }
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int signals = signalfd(-1, &set, SFD_CLOEXEC);
    bool ready = signals >= 0 && open_all(r, address);
    if (ready) {
        printf("responds at %s; control at TCP port %d\n", address, DRILL_CONTROL_PORT);
        fflush(stdout);
    }
    while (ready && !stopped)
        serve_once(r, signals, &stopped);
    for (unsigned i = 0; i < r->port_count; i++)
        if (r->ports[i].fd >= 0)
            close(r->ports[i].fd);
    for (unsigned i = 0; ready && i < CONNECTIONS; i++)
        if (r->connections[i].fd >= 0)
            end(&r->connections[i]);
    if (signals >= 0)
        close(signals);
    free(r);
    return ready ? EXIT_DONE : EXIT_FAILED;
}
