/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three network namespaces of our own: a client, a gateway that forwards, a server.
 *
 *     client  10.71.1.2, fd71:1::2  --  10.71.1.1, fd71:1::1  gateway  10.71.2.1, fd71:2::1  --  server
 * 10.71.2.2, fd71:2::2
 *
 * The test is one process and sees them all: what it opens stays where it stood when it opened it. At the
 * gateway's interface to the client ("toclient") it reads what comes in, as a mirror port would show it, and
 * a rule may drop there what is then "seen before it arrives". Needs root.
 */
#pragma once
#include "enforce/inject.h"
#include "test.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum net_place { NET_CLIENT, NET_GATEWAY, NET_SERVER, NET_PLACES };
enum { NET_MARK = 0x71, NET_WAIT_MS = 3000, NET_FRAME_BYTES = 70000, LINK_ETHERNET = 1 };

static struct net {
    bool able;
    int places[NET_PLACES];
    int sniffer;
    struct inject_grant inject;
    uint8_t frame[NET_FRAME_BYTES];
    uint8_t client_mac[6], gateway_mac[6]; /* of the frame that was seen last */
    unsigned ifindex;                      /* of the gateway's interface to the client */
} net;

static inline void net_run(const char *command)
{
    if (system(command) != 0)
        fail_msg("%s", command);
}

static inline void net_go(enum net_place where)
{
    assert_int_equal(setns(net.places[where], CLONE_NEWNET), 0);
}

static inline bool net_make(void)
{
    char command[512];

    for (unsigned i = 0; i < NET_PLACES; i++) {
        if (unshare(CLONE_NEWNET) != 0)
            return false;
        net.places[i] = open("/proc/thread-self/ns/net", O_RDONLY);
        net_run("ip link set lo up; echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad");
    }
    net_go(NET_GATEWAY);
    static const char *const ends[][3] = { { "toclient", "10.71.1", "fd71:1" },
                                           { "toserver", "10.71.2", "fd71:2" } };
    for (unsigned i = 0; i < 2; i++) {
        snprintf(command, sizeof command,
                 "ip link add %s type veth peer name wire netns /proc/%d/fd/%d && ip link set %s up &&"
                 "ip addr add %s.1/24 dev %s && ip addr add %s::1/64 dev %s nodad",
                 ends[i][0], getpid(), net.places[i == 0 ? NET_CLIENT : NET_SERVER], ends[i][0], ends[i][1],
                 ends[i][0], ends[i][2], ends[i][0]);
        net_run(command);
    }
    net_run("echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding");
    for (unsigned i = 0; i < 2; i++) {
        net_go(i == 0 ? NET_CLIENT : NET_SERVER);
        snprintf(
            command, sizeof command,
            "ip link set wire up && ip addr add %s.2/24 dev wire && ip addr add %s::2/64 dev wire nodad &&"
            "ip route add default via %s.1 && ip -6 route add default via %s::1",
            ends[i][1], ends[i][2], ends[i][1], ends[i][2]);
        net_run(command);
    }
    return true;
}

/* For cmocka_run_group_tests(). */
static inline int net_enter(void **state)
{
    struct imw_error_info err;

    (void)state;
    net.able = geteuid() == 0 && net_make();
    if (!net.able) {
        print_message("nothing is sent: needs root and network namespaces\n");
        return 0;
    }
    net_go(NET_GATEWAY);
    net.ifindex = if_nametoindex("toclient");
    struct sockaddr_ll at = { .sll_family = AF_PACKET,
                              .sll_protocol = htons(ETH_P_ALL),
                              .sll_ifindex = (int)net.ifindex };
    net.sniffer = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    int room = 64 << 20; /* so that a fast connection is seen to its end on a busy machine, too */
    return setsockopt(net.sniffer, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) == 0 &&
                   bind(net.sniffer, (const struct sockaddr *)&at, sizeof at) == 0 &&
                   inject_open(NET_MARK, &net.inject, &err)
               ? 0
               : -1;
}

#define NET_NEEDED()                                                                                         \
    if (!net.able)                                                                                           \
    skip()

/* Rules of the gateway, in the words of nft; what the gateway sends itself must bear the mark. */
static inline void net_rules(const char *forward)
{
    char command[1024];

    net_go(NET_GATEWAY);
    snprintf(command, sizeof command,
             "nft -f - <<'END'\n"
             "table inet t\ndelete table inet t\n"
             "table inet t {\n"
             " chain f { type filter hook forward priority 0\n %s\n }\n"
             " chain o { type filter hook output priority 0\n"
             "  meta l4proto { tcp, udp } meta mark != %d drop\n }\n"
             "}\nEND",
             forward, NET_MARK);
    net_run(command);
}

static inline uint64_t net_now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* The next packet of the gateway's interface to the client, within the time; `both`: what goes to the client,
 * too. *out borrows from net.frame. */
static inline bool net_mirrored(struct packet *out, int within_ms, bool both)
{
    struct counters counters = { 0 };
    uint64_t until_us = net_now_us() + (uint64_t)within_ms * 1000;

    for (uint64_t now_us = 0; (now_us = net_now_us()) < until_us;) {
        struct pollfd ready = { net.sniffer, POLLIN, 0 };
        struct sockaddr_ll from = { 0 };
        socklen_t from_len = sizeof from;
        if (poll(&ready, 1, (int)((until_us - now_us) / 1000) + 1) <= 0)
            continue;
        ssize_t n = recvfrom(net.sniffer, net.frame, sizeof net.frame, MSG_DONTWAIT, (struct sockaddr *)&from,
                             &from_len);
        if (n < 14 || (from.sll_pkttype == PACKET_OUTGOING && !both))
            continue;
        struct frame frame = { .data = view_of(net.frame, (size_t)n),
                               .wire_len = (uint32_t)n,
                               .link = LINK_ETHERNET,
                               .time_us = net_now_us() };
        if (decode(&frame, NULL, &counters, out) == DECODE_PACKET) {
            bool back = from.sll_pkttype == PACKET_OUTGOING;
            memcpy(back ? net.client_mac : net.gateway_mac, net.frame, 6);
            memcpy(back ? net.gateway_mac : net.client_mac, net.frame + 6, 6);
            return true;
        }
    }
    return false;
}

/* The next packet that comes to the gateway from the client. */
static inline bool net_seen(struct packet *out, int within_ms)
{
    return net_mirrored(out, within_ms, false);
}

/* The next one with payload to this port. */
static inline struct packet net_payload(uint16_t port)
{
    struct packet p = { 0 };

    for (unsigned i = 0; i < 1000 && net_seen(&p, NET_WAIT_MS); i++)
        if (p.dst_port == port && p.payload_len > 0)
            return p;
    fail_msg("no payload to port %u came by", port);
    return p;
}

/* What came by before is forgotten. */
static inline void net_forget(void)
{
    while (recv(net.sniffer, net.frame, sizeof net.frame, MSG_DONTWAIT) >= 0)
        ;
}

/* ---- sockets ---- */

struct net_address {
    struct sockaddr_storage at;
    socklen_t len;
};

static inline struct net_address net_address(const char *text, uint16_t port)
{
    struct net_address a = { .len = sizeof(struct sockaddr_in) };
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        memcpy(&a.at, &v4, sizeof v4);
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
        memcpy(&a.at, &v6, sizeof v6);
        a.len = sizeof v6;
    }
    return a;
}

static inline int net_socket(enum net_place where, int type, const char *address)
{
    struct net_address a = net_address(address, 0);

    net_go(where);
    int fd = socket(a.at.ss_family, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    return fd;
}

static inline int net_listen(const char *address, uint16_t port)
{
    struct net_address a = net_address(address, port);
    int fd = net_socket(NET_SERVER, SOCK_STREAM, address), yes = 1;

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes), 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&a.at, a.len), 0);
    assert_int_equal(listen(fd, 16), 0);
    return fd;
}

static inline bool net_connect(int fd, const char *address, uint16_t port)
{
    struct net_address a = net_address(address, port);

    return connect(fd, (const struct sockaddr *)&a.at, a.len) == 0;
}

/* A connection that is open at both ends. */
struct net_connection {
    int client, server;
};

static inline struct net_connection net_open(const char *address, uint16_t port)
{
    int listener = net_listen(address, port);
    struct net_connection c = { .client = net_socket(NET_CLIENT, SOCK_STREAM, address) };

    assert_true(net_connect(c.client, address, port));
    c.server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(c.server >= 0);
    close(listener);
    return c;
}

static inline void net_close(struct net_connection *c)
{
    close(c->client);
    close(c->server);
}

/* What the socket comes to within the time: an error of errno; 0: its other end closed, -1: nothing. Bytes
 * that come are added to *got. */
static inline int net_fate(int fd, int within_ms, size_t *got)
{
    static uint8_t bytes[65536];

    for (;;) {
        struct pollfd ready = { fd, POLLIN, 0 };
        if (poll(&ready, 1, within_ms) <= 0)
            return -1;
        ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n <= 0)
            return n == 0 ? 0 : errno;
        if (got != NULL)
            *got += (size_t)n;
    }
}
