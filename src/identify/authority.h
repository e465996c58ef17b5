/* SPDX-License-Identifier: Apache-2.0 */
/* What those share who meet URLs: the host in an authority, the token of an announced file, the program in a
 * user agent. */
#pragma once
#include "base/text.h"
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

/* The token under which a file at a URL is announced and found (session_announce()): "http HOST/PATH", the
 * host in lower case and without its port, the path with its query. */
static inline void authority_token(struct text *out, struct view host, struct view path)
{
    text_string(out, "http ");
    for (size_t i = 0; i < host.len; i++)
        text_char(out, (char)ascii_lower(host.at[i]));
    text_add(out, path);
}

/* The same of a whole URL; `host` and `path` are its parts. False: it is none of plain HTTP. */
static inline bool authority_of_url(struct view url, struct view *host, struct view *path)
{
    const struct view scheme = VIEW("http://");

    if (!view_starts_nocase(url, scheme))
        return false;
    url = view_from(url, scheme.len);
    size_t end = view_find_byte(url, '/', 0);
    *host = authority_host(view_slice(url, 0, end));
    *path = view_from(url, end);
    return host->len > 0;
}

/* Tell the client software: the first product of a user agent (RFC 9110 section 10.1.5). Every browser, and
 * what is built on one, calls itself Mozilla: that tells nothing. */
static inline void authority_client(struct session *s, struct view agent)
{
    struct view product = view_token(&agent, ' ');

    if (product.len > 0 && !view_starts(product, VIEW("Mozilla/")))
        session_client(s, product);
}
