/* SPDX-License-Identifier: Apache-2.0 */
/* What HTTP/1 and HTTP/2 share: the host in an authority, the program in a user agent. */
#pragma once
#include "identify/session.h"

/* The host of "user@host:port" (RFC 3986 section 3.2), an IPv6 address without its brackets. */
static inline struct view authority_host(struct view authority)
{
    size_t at = view_find_byte(authority, '@', 0);
    struct view host = at < authority.len ? view_from(authority, at + 1) : authority;

    if (host.len > 0 && host.at[0] == '[')
        return view_slice(host, 1, view_find_byte(host, ']', 0));
    return view_slice(host, 0, view_find_byte(host, ':', 0));
}

/* Tell the client software: the first product of a user agent (RFC 9110 section 10.1.5). Every browser, and
 * what is built on one, calls itself Mozilla: that tells nothing. */
static inline void authority_client(struct session *s, struct view agent)
{
    struct view product = view_token(&agent, ' ');

    if (product.len > 0 && !view_starts(product, VIEW("Mozilla/")))
        session_client(s, product);
}
