/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets. */
#include "base/listen.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

bool listen_read(const char *where, const char *usual, const char *examples, struct listen_at *out,
                 struct imw_error_info *err)
{
    struct view all = view_string(where), address = view_string(usual != NULL ? usual : ""), port = all;
    uint64_t number;

    for (size_t i = 0; i < all.len; i++)
        if (all.at[i] == ':') { /* the last one counts */
            address = view_slice(all, 0, i);
            port = view_from(all, i + 1);
        }
    if (address.len > 2 && address.at[0] == '[' && address.at[address.len - 1] == ']')
        address = view_slice(address, 1, address.len - 1);
    else if (view_find_byte(address, ':', 0) < address.len)
        address = VIEW(""); /* IPv6 without brackets: where does it end? */
    if (!view_decimal(port, 65535, &number) || (number == 0 && usual == NULL) || !ip_parse(address, &out->ip))
        return error_set(err, IMW_ERROR_VALUE, "'%s' is no address to listen on; write %s", where, examples);
    out->port = (uint16_t)number;
    return true;
}

bool listen_open(struct listen_at *at, bool both, const char *where, int *out_fd, struct imw_error_info *err)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(at->port) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(at->port) };
    const bool is_v4 = ip_is_v4(&at->ip);
    struct sockaddr *name = is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    socklen_t size = is_v4 ? sizeof v4 : sizeof v6;

    memcpy(&v4.sin_addr, at->ip.octet + 12, 4);
    memcpy(&v6.sin6_addr, at->ip.octet, 16);
    int fd = socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_errno(err, where);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    if (!is_v4)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ !both }, sizeof(int));
    if (bind(fd, name, size) != 0 || listen(fd, BACKLOG) != 0 || getsockname(fd, name, &size) != 0) {
        error_errno(err, where);
        close(fd);
        return false;
    }
    at->port = ntohs(is_v4 ? v4.sin_port : v6.sin6_port);
    *out_fd = fd;
    return true;
}
