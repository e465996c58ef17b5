/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending: raw(7) and packet(7) sockets of Linux, all of them for sending only. A raw socket of the protocol
 * IPPROTO_RAW takes packets with their IP header and receives none; a packet socket of no protocol receives
 * no frames.
 */
#include "enforce/inject.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

/* -1: errno says why. */
static int open_one(int family, int type, int protocol, uint32_t mark)
{
    int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);

    if (fd >= 0 && mark != 0 && setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

bool inject_open(uint32_t mark, struct inject_grant *out, struct imw_error_info *err)
{
    struct inject_grant g = { -1, -1, -1 };

    g.raw4 = open_one(AF_INET, SOCK_RAW, IPPROTO_RAW, mark);
    if (g.raw4 >= 0)
        g.raw6 = open_one(AF_INET6, SOCK_RAW, IPPROTO_RAW, mark);
    if (g.raw6 >= 0 || (g.raw4 >= 0 && errno == EAFNOSUPPORT)) /* a kernel without IPv6 */
        g.packet = open_one(AF_PACKET, SOCK_DGRAM, 0, mark);   /* the kernel writes the header */
    if (g.packet >= 0) {
        *out = g;
        return true;
    }
    int why = errno;
    inject_close(&g);
    errno = why;
    if (why == EPERM)
        return error_set(
            err, IMW_ERROR_SYSTEM,
            "may not send packets of its own: needs CAP_NET_RAW and, to mark them, CAP_NET_ADMIN");
    return error_errno(err, "a socket for forged packets");
}

void inject_close(struct inject_grant *g)
{
    int *fds[INJECT_FDS] = { &g->raw4, &g->raw6, &g->packet };

    for (unsigned i = 0; i < INJECT_FDS; i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
}

/* The first packet of *rest, as its header says how long it is; taken off. Empty: it is none. */
static struct view take_packet(struct view *rest)
{
    size_t len = 0;

    if (rest->len >= 20 && rest->at[0] >> 4 == 4)
        len = view_u16(*rest, 2);
    else if (rest->len >= 40 && rest->at[0] >> 4 == 6)
        len = 40u + view_u16(*rest, 4);
    if (len < 20 || len > rest->len)
        len = 0;
    struct view v = view_slice(*rest, 0, len);
    *rest = view_from(*rest, len);
    return v;
}

static bool sent(ssize_t n, size_t len)
{
    if (n >= 0 && (size_t)n != len)
        errno = EMSGSIZE;
    return n >= 0 && (size_t)n == len;
}

static bool send_routed(const struct inject_grant *g, struct view ip)
{
    struct sockaddr_in to4 = { .sin_family = AF_INET };
    struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };

    if (ip.at[0] >> 4 == 4) {
        memcpy(&to4.sin_addr, ip.at + 16, 4);
        return sent(sendto(g->raw4, ip.at, ip.len, MSG_DONTWAIT, (const struct sockaddr *)&to4, sizeof to4),
                    ip.len);
    }
    memcpy(&to6.sin6_addr, ip.at + 24, 16);
    return sent(sendto(g->raw6, ip.at, ip.len, MSG_DONTWAIT, (const struct sockaddr *)&to6, sizeof to6),
                ip.len);
}

bool inject_routed(const struct inject_grant *g, struct view ip)
{
    do {
        struct view one = take_packet(&ip);
        if (one.len == 0) {
            errno = EINVAL;
            return false;
        }
        if (!send_routed(g, one))
            return false;
    } while (ip.len > 0);
    return true;
}

bool inject_on(const struct inject_grant *g, unsigned ifindex, const uint8_t to[6], struct view ip)
{
    struct sockaddr_ll link = { .sll_family = AF_PACKET, .sll_ifindex = (int)ifindex, .sll_halen = ETH_ALEN };

    memcpy(link.sll_addr, to, ETH_ALEN);
    do {
        struct view one = take_packet(&ip);
        if (one.len == 0) {
            errno = EINVAL;
            return false;
        }
        link.sll_protocol = htons(one.at[0] >> 4 == 4 ? ETH_P_IP : ETH_P_IPV6);
        ssize_t n =
            sendto(g->packet, one.at, one.len, MSG_DONTWAIT, (const struct sockaddr *)&link, sizeof link);
        if (!sent(n, one.len))
            return false;
    } while (ip.len > 0);
    return true;
}
