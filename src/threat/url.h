/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links in the text of a message: with a scheme (RFC 3986), beginning with www., or a bare domain name; also
 * as people write them to get past filters (hxxp://, example[.]com), percent-encoded, and with international
 * letters, which become A-labels (RFC 5891, through libidn2), so that one host is one string.
 */
#pragma once
#include "base/view.h"

enum {
    URL_TEXT_BYTES = 1024, /* of a word that holds a link; a longer one is cut */
    URL_HOST_BYTES = 256,
    URL_WORDS = 4096, /* words of a message that are looked at */
};

struct url {
    char text[URL_TEXT_BYTES]; /* from the scheme on, without obfuscation; not lower-cased */
    char host[URL_HOST_BYTES]; /* lower case, A-labels; an IPv4 address as a dotted quad */
    struct view host_seen;     /* the host as it was written, in `text` */
    struct view path;          /* in `text`, without query and fragment; empty or from the slash on */
    struct view from;          /* the word it was found in: bytes of the message */
    bool bare;                 /* no scheme, no www.: perhaps the name of a file */
    bool address;              /* the host is an IP address */
    bool hidden;               /* hxxp, [.], a number in place of an address */
};

/* The next link at or after *at; *at moves behind it. False: there is none. */
bool url_next(struct view text, size_t *at, struct url *out);

/* Host and path, digits of the path left out: what is the same in links that differ by a number or a query.
 */
uint64_t url_key(const struct url *u);
