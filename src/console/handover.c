/* SPDX-License-Identifier: Apache-2.0 */
/* A connection handed from the front to the api. */
#include "console/handover.h"
#include "base/cursor.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAGIC = 0x696d7763 };

bool handover_send(int edge, int fd, const struct sockaddr_storage *from, bool *out_full)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    uint8_t bytes[HANDOVER_BYTES] = { MAGIC >> 24, MAGIC >> 16 & 255, MAGIC >> 8 & 255, MAGIC & 255 };
    const struct sockaddr_in *v4 = (const void *)from;
    const struct sockaddr_in6 *v6 = (const void *)from;

    bytes[4] = from->ss_family == AF_INET ? 4 : 6;
    memcpy(bytes + 5, from->ss_family == AF_INET ? &v4->sin_port : &v6->sin6_port, 2);
    if (from->ss_family == AF_INET)
        memcpy(bytes + 7, &v4->sin_addr, 4);
    else
        memcpy(bytes + 7, &v6->sin6_addr, 16);
    struct iovec part = { bytes, sizeof bytes };
    struct msghdr out = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room
    };
    struct cmsghdr *head = CMSG_FIRSTHDR(&out);
    *head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
                              .cmsg_level = SOL_SOCKET,
                              .cmsg_type = SCM_RIGHTS };
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
    bool sent = sendmsg(edge, &out, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof bytes;
    *out_full = !sent && (errno == EAGAIN || errno == EINTR || errno == ETOOMANYREFS);
    return sent;
}

bool handover_parse(struct view bytes, struct sockaddr_storage *out_from, socklen_t *out_size)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    struct cursor c = cursor_open(bytes);
    bool magic = cursor_u32(&c) == MAGIC;
    unsigned family = cursor_u8(&c);
    uint16_t port = cursor_u16(&c);
    struct view address = cursor_take(&c, 16);

    if (!magic || !cursor_done(&c) || (family != 4 && family != 6))
        return false;
    memset(out_from, 0, sizeof *out_from);
    if (family == 4) {
        v4.sin_port = htons(port);
        memcpy(&v4.sin_addr, address.at, 4);
        memcpy(out_from, &v4, sizeof v4);
        *out_size = sizeof v4;
    } else {
        v6.sin6_port = htons(port);
        memcpy(&v6.sin6_addr, address.at, 16);
        memcpy(out_from, &v6, sizeof v6);
        *out_size = sizeof v6;
    }
    return true;
}

/* One descriptor, of a stream socket; with others or none there is nothing to do. */
static int take_socket(struct msghdr *in)
{
    int found = -1;
    struct stat info;

    for (struct cmsghdr *h = CMSG_FIRSTHDR(in); h != NULL; h = CMSG_NXTHDR(in, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS ||
            h->cmsg_len != CMSG_LEN(sizeof(int)) || found >= 0)
            continue;
        memcpy(&found, CMSG_DATA(h), sizeof found);
    }
    if (found >= 0 && (fstat(found, &info) != 0 || !S_ISSOCK(info.st_mode))) {
        close(found);
        found = -1;
    }
    return found;
}

enum handover_answer handover_receive(int edge, int *out_fd, struct sockaddr_storage *out_from,
                                      socklen_t *out_size)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    uint8_t bytes[HANDOVER_BYTES + 1];
    struct iovec part = { bytes, sizeof bytes };
    struct msghdr in = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room
    };
    ssize_t n = recvmsg(edge, &in, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? HANDOVER_NOTHING : HANDOVER_CLOSED;
    int fd = take_socket(&in);
    if (n > 0 && fd >= 0 && (in.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 &&
        handover_parse(view_of(bytes, (size_t)n), out_from, out_size)) {
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
        *out_fd = fd;
        return HANDOVER_CONNECTION;
    }
    if (fd >= 0)
        close(fd);
    return n == 0 ? HANDOVER_CLOSED : HANDOVER_BAD;
}
