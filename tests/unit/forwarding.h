/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network namespace of our own that forwards between two others, "near" and "far", each behind an interface
 * port1, port2. Sockets of both ends are opened by the test, each in its namespace; there is no name of a
 * namespace to leave behind.
 */
#pragma once
#include "base/view.h"
#include "test.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SOON_MS = 1000, NOT_MS = 150, TRANSFER_BYTES = 4 << 20 };
#define NEAR "10.9.1.2"
#define FAR "10.9.2.2"
#define NEAR6 "fd09:1::2"
#define FAR6 "fd09:2::2"

static bool able;
static int here = -1, near_ns = -1, far_ns = -1;

IMW_PRINTF(1, 2) static inline void run(const char *format, ...)
{
    char command[512];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    if (system(command) != 0)
        fail_msg("%s", command);
}

static inline int own_namespace(void)
{
    return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* A new one, which we stay in. */
static inline int make_namespace(void)
{
    if (unshare(CLONE_NEWNET) != 0)
        return -1;
    /* Addresses of IPv6 are of use at once. */
    return system("echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad") == 0 ? own_namespace() : -1;
}

/* The namespaces, where we may make them: `able`. `also`: a command that must work in them. */
static inline void forwarding_start(const char *also)
{
    int pid = getpid();

    near_ns = geteuid() == 0 ? make_namespace() : -1;
    far_ns = near_ns >= 0 ? make_namespace() : -1;
    here = far_ns >= 0 ? make_namespace() : -1;
    able = here >= 0 && system(also) == 0;
    if (!able) {
        print_message("not tested: needs root, network namespaces, nft and iptables-nft\n");
        return;
    }
    run("ip link set lo up; sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 "
        "net.ipv4.conf.all.rp_filter=0");
    for (int i = 1; i <= 2; i++) {
        int ns = i == 1 ? near_ns : far_ns;
        run("ip link add port%d type veth peer name eth0 netns /proc/%d/fd/%d && "
            "ip link set port%d up && ip addr add 10.9.%d.1/24 dev port%d && "
            "ip addr add fd09:%d::1/64 dev port%d nodad",
            i, pid, ns, i, i, i, i, i);
        run("nsenter --net=/proc/%d/fd/%d sh -c 'ip link set lo up; ip link set eth0 up && "
            "ip addr add 10.9.%d.2/24 dev eth0 && ip route add default via 10.9.%d.1 && "
            "ip addr add fd09:%d::2/64 dev eth0 nodad && ip route add default via fd09:%d::1'",
            pid, ns, i, i, i, i);
    }
}

#define NEEDS_ROOT()                                                                                         \
    if (!able)                                                                                               \
    skip()

/* ---- both ends ---- */

/* An address and a port of either family; returns the size of what is used. */
static inline socklen_t end_address(const char *address, uint16_t port, struct sockaddr_storage *out)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    bool is_v4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;

    assert_true(is_v4 || inet_pton(AF_INET6, address, &v6.sin6_addr) == 1);
    memset(out, 0, sizeof *out);
    memcpy(out, is_v4 ? (const void *)&v4 : &v6, is_v4 ? sizeof v4 : sizeof v6);
    return is_v4 ? sizeof v4 : sizeof v6;
}

static inline int end_socket(int ns, int type, const char *address, uint16_t port)
{
    struct sockaddr_storage own;
    socklen_t size = end_address(address, port, &own);
    int yes = 1;

    assert_int_equal(setns(ns, CLONE_NEWNET), 0);
    int fd = socket(own.ss_family, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setns(here, CLONE_NEWNET), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes), 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&own, size), 0);
    return fd;
}

static inline void send_to(int fd, const char *address, uint16_t port, const void *bytes, size_t len)
{
    struct sockaddr_storage to;
    socklen_t size = end_address(address, port, &to);

    assert_int_equal(sendto(fd, bytes, len, 0, (const struct sockaddr *)&to, size), (ssize_t)len);
}

static inline void expect_text(int fd, const char *text)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    char bytes[4096];

    if (poll(&p, 1, SOON_MS) != 1)
        fail_msg("'%s' did not arrive", text);
    ssize_t n = recv(fd, bytes, sizeof bytes - 1, 0);
    assert_true(n >= 0);
    bytes[n] = '\0';
    assert_string_equal(bytes, text);
}

static inline void expect_nothing(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    assert_int_equal(poll(&p, 1, NOT_MS), 0);
}

static inline uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 2654435761u >> 13);
}

/* Ends of a connection in two processes: one sends, one checks and tells by its exit status. */
static inline void connection(uint16_t port, pid_t pid[2])
{
    int listening = end_socket(far_ns, SOCK_STREAM, FAR, port);
    int client = end_socket(near_ns, SOCK_STREAM, NEAR, 0);
    static uint8_t bytes[TRANSFER_BYTES];

    assert_int_equal(listen(listening, 1), 0);
    pid[0] = fork();
    if (pid[0] == 0) {
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
        size_t sent = 0;
        ssize_t n = 0;

        inet_pton(AF_INET, FAR, &to.sin_addr);
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = pattern(i);
        if (connect(client, (const struct sockaddr *)&to, sizeof to) != 0)
            _exit(1);
        while (sent < sizeof bytes && (n = send(client, bytes + sent, sizeof bytes - sent, 0)) > 0)
            sent += (size_t)n;
        _exit(sent == sizeof bytes ? 0 : 2);
    }
    pid[1] = fork();
    if (pid[1] == 0) {
        int fd = accept(listening, NULL, NULL);
        size_t have = 0;
        ssize_t n = 0;

        while (have < sizeof bytes && (n = recv(fd, bytes + have, sizeof bytes - have, 0)) > 0)
            have += (size_t)n;
        for (size_t i = 0; i < have; i++)
            if (bytes[i] != pattern(i))
                _exit(3);
        _exit(have == sizeof bytes ? 0 : 4);
    }
    close(client);
    close(listening);
}

/* Have both ended? Their exit statuses. */
static inline bool ended(pid_t pid[2], int status[2])
{
    for (unsigned i = 0; i < 2; i++)
        if (pid[i] != 0 && waitpid(pid[i], &status[i], WNOHANG) == pid[i])
            pid[i] = 0;
    return pid[0] == 0 && pid[1] == 0;
}

static inline void expect_ended(const pid_t pid[2], const int status[2])
{
    for (unsigned i = 0; i < 2; i++)
        if (pid[i] != 0)
            kill(pid[i], SIGKILL);
    assert_int_equal(status[0], 0);
    assert_int_equal(status[1], 0);
}
