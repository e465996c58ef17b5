/* SPDX-License-Identifier: Apache-2.0 */
/* A listening socket from "ADDRESS:PORT". */
#include "console/listen.h"
#include "base/address.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

static bool parse(const char *where, struct ip_addr *out_ip, uint16_t *out_port, struct imw_error_info *err)
{
    struct view all = view_string(where), address = VIEW(""), port = VIEW("");
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
    if (!view_decimal(port, 65535, &number) || number == 0 || !ip_parse(address, out_ip))
        return error_set(err, IMW_ERROR_VALUE,
                         "'%s' is no address to listen on; write 0.0.0.0:8443 or [::]:8443", where);
    *out_port = (uint16_t)number;
    return true;
}

bool listen_check(const char *where, struct imw_error_info *err)
{
    struct ip_addr ip;
    uint16_t port;

    return parse(where, &ip, &port, err);
}

bool listen_bind(const char *where, int *out_fd, struct imw_error_info *err)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    struct ip_addr ip;
    uint16_t port;

    if (!parse(where, &ip, &port, err))
        return false;
    v4.sin_port = v6.sin6_port = htons(port);
    memcpy(&v4.sin_addr, ip.octet + 12, 4);
    memcpy(&v6.sin6_addr, ip.octet, 16);
    bool is_v4 = ip_is_v4(&ip);
    struct sockaddr *at = is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    socklen_t size = is_v4 ? sizeof v4 : sizeof v6;
    int fd = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_errno(err, where);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    if (!is_v4)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 0 }, sizeof(int));
    if (bind(fd, at, size) != 0 || listen(fd, BACKLOG) != 0) {
        error_errno(err, where);
        close(fd);
        return false;
    }
    *out_fd = fd;
    return true;
}
