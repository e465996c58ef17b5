/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offer_proxy PORT TO_PORT [ACTIVITY ...]: carries TCP connections from a port of this machine to another
 * one, as a gateway would that forbids these activities, and overwrites what the inspection driver says. What
 * is read at once is a packet. For tests/check/offers; says on standard output what it found:
 *
 *     ready           told file           refused file           cut
 */
#include "identify/inspect.h"
#include "im/registry.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CONNECTIONS = 32, PIECE_BYTES = 65536 };

struct connection {
    int fd[2]; /* of the client, of the server; 0: free */
    struct flow flow;
    uint32_t next[2];
};

struct proxy {
    struct inspector *in;
    unsigned forbidden;
    uint64_t now_us;
    struct connection connection[CONNECTIONS];
};

static bool forbids(void *context, const struct flow *flow, const struct record *record, uint64_t time_us,
                    enum activity activity, const struct im_detail *detail)
{
    const struct proxy *p = context;

    (void)flow;
    (void)record;
    (void)time_us;
    (void)detail;
    return (p->forbidden >> activity & 1) != 0;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int open_socket(bool listens, uint16_t port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
    int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0)
        fail("socket");
    if (listens ? bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 8) != 0
                : connect(fd, (struct sockaddr *)&at, sizeof at) != 0)
        fail(listens ? "listen" : "connect");
    return fd;
}

static void begin(struct proxy *p, int client, uint16_t to_port, uint16_t number)
{
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        struct connection *c = &p->connection[i];
        if (c->fd[0] != 0)
            continue;
        *c = (struct connection){ .fd = { client, open_socket(false, to_port) }, .next = { 1, 1 } };
        c->flow = (struct flow){ .first_us = p->now_us, .start_seq = { 1, 1 } };
        c->flow.key.addr[0] = c->flow.key.addr[1] = ip_from_v4((const uint8_t[]){ 127, 0, 0, 1 });
        c->flow.key.port[0] = number;
        c->flow.key.port[1] = to_port;
        c->flow.key.l4 = L4_TCP;
        c->flow.flags = FLOW_SYN | FLOW_SYN_ACK;
        return;
    }
    close(client);
}

static void end(struct proxy *p, struct connection *c)
{
    inspector_close(p->in, &c->flow, p->now_us);
    inspector_drop_record(p->in, &c->flow);
    close(c->fd[0]);
    close(c->fd[1]);
    c->fd[0] = 0;
}

static void say(const char *what, unsigned activities)
{
    for (unsigned a = 0; a < ACTIVITY_COUNT; a++)
        if ((activities >> a & 1) != 0)
            printf("%s %s\n", what, activity_name((enum activity)a));
}

/* Bytes from one side, with what is to be changed in them. False: the connection must not go on. */
static bool judge(struct proxy *p, struct connection *c, enum flow_dir from, uint8_t *bytes, size_t count)
{
    struct packet packet = { .l4 = L4_TCP,
                             .tcp_flags = TCP_ACK,
                             .seq = c->next[from],
                             .ack = c->next[dir_other(from)],
                             .payload_len = (uint32_t)count,
                             .time_us = p->now_us += 1000,
                             .payload = view_of(bytes, count) };

    c->next[from] += (uint32_t)count;
    if (c->flow.state == FLOW_SETTLED)
        return true;
    inspector_packet(p->in, &c->flow, from, &packet);
    const struct inspect_outcome *out = inspector_outcome(p->in);
    say("told", out->told);
    say("refused", out->refused);
    for (unsigned i = 0; i < out->spoil_count; i++)
        memset(bytes + out->spoils[i].offset, out->spoils[i].with, out->spoils[i].count);
    bool cut = out->cut || (out->told & p->forbidden & ~(unsigned)out->refused) != 0;
    if (cut)
        printf("cut\n");
    fflush(stdout);
    return !cut;
}

static void carry(struct proxy *p, struct connection *c, enum flow_dir from)
{
    static uint8_t bytes[PIECE_BYTES];
    ssize_t n = read(c->fd[from], bytes, sizeof bytes);

    if (n <= 0 || !judge(p, c, from, bytes, (size_t)n)) {
        end(p, c);
        return;
    }
    for (ssize_t sent = 0, more; sent < n; sent += more) {
        more = write(c->fd[dir_other(from)], bytes + sent, (size_t)(n - sent));
        if (more <= 0) {
            end(p, c);
            return;
        }
    }
}

static void serve(struct proxy *p, int listener, uint16_t to_port)
{
    for (uint16_t number = 20000;; number++) {
        struct pollfd fds[1 + 2 * CONNECTIONS] = { { .fd = listener, .events = POLLIN } };
        for (unsigned i = 0; i < CONNECTIONS; i++)
            for (unsigned d = 0; d < 2; d++) {
                fds[1 + 2 * i + d].fd = p->connection[i].fd[0] != 0 ? p->connection[i].fd[d] : -1;
                fds[1 + 2 * i + d].events = POLLIN;
            }
        if (poll(fds, sizeof fds / sizeof fds[0], -1) < 0 && errno != EINTR)
            fail("poll");
        for (unsigned i = 0; i < 2 * CONNECTIONS; i++) {
            struct connection *c = &p->connection[i / 2];
            if (fds[1 + i].revents != 0 && c->fd[0] != 0)
                carry(p, c, i % 2 == 0 ? FROM_CLIENT : FROM_SERVER);
        }
        if (fds[0].revents != 0)
            begin(p, accept(listener, NULL, NULL), to_port, number);
    }
}

int main(int argc, char **argv)
{
    static struct proxy p;
    static struct counters counters;
    struct catalog *catalog;
    struct imw_error_info err;
    struct inspector_config config = { .forbids = forbids, .context = &p };

    if (argc < 3) {
        fprintf(stderr, "offer_proxy PORT TO_PORT [ACTIVITY ...]\n");
        return 2;
    }
    for (int i = 3; i < argc; i++)
        for (unsigned a = 0; a < ACTIVITY_COUNT; a++)
            if (strcmp(argv[i], activity_name((enum activity)a)) == 0)
                p.forbidden |= 1u << a;
    p.now_us = UINT64_C(1700000000000000);
    config.parsers = parsers_all(&config.parser_count);
    config.knowledge = knowledge_new(0);
    if (!catalog_builtin(&catalog, &err))
        fail("catalog");
    config.catalog = catalog;
    if (config.knowledge == NULL || !inspector_new(&config, &counters, &p.in, &err))
        fail("inspector");
    int listener = open_socket(true, (uint16_t)strtoul(argv[1], NULL, 10));
    printf("ready\n");
    fflush(stdout);
    serve(&p, listener, (uint16_t)strtoul(argv[2], NULL, 10));
}
