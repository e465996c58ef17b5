/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of messages inside SIP and MSRP.
 *
 *     From: Alice <im:alice@example.org>       headers of the envelope
 *     To: <im:bob@example.org>
 *                                              an empty line
 *     Content-Type: text/plain; charset=utf-8  headers of the content
 *                                              an empty line
 *     text
 *
 * Source: RFC 3862 sections 2 and 4. Limit: HEADERS lines of headers.
 */
#include "im/cpim.h"

enum { HEADERS = 32 };

struct view sip_person(struct view header)
{
    size_t open = view_find_byte(header, '<', 0);
    struct view uri = open < header.len ? view_from(header, open + 1) : header;

    uri = view_slice(uri, 0, view_find_byte(uri, '>', 0));
    uri = view_slice(uri, 0, view_find_byte(uri, ';', 0));
    return view_trim(
        view_from(uri, view_find_byte(uri, ':', 0) < uri.len ? view_find_byte(uri, ':', 0) + 1 : 0));
}

/* Headers up to the empty line, which go off the front of *v. */
static bool read_headers(struct view *v, struct sip_message_text *out)
{
    struct view line;

    for (unsigned n = 0; n < HEADERS && view_line(v, &line); n++) {
        if (line.len == 0)
            return true;
        struct view name = view_trim(view_token(&line, ':'));
        if (view_equal_nocase(name, VIEW("From")))
            out->from = sip_person(line);
        else if (view_equal_nocase(name, VIEW("To")))
            out->to = sip_person(line);
        else if (view_equal_nocase(name, VIEW("Content-Type")))
            out->type = view_trim(line);
    }
    return false;
}

bool sip_message_text(struct view type, struct view body, struct sip_message_text *out)
{
    *out = (struct sip_message_text){ .type = type };
    if (view_starts_nocase(type, VIEW("message/cpim"))) {
        out->type = VIEW("text/plain");
        if (!read_headers(&body, out) || !read_headers(&body, out))
            return false;
    }
    out->content = body;
    out->markup = view_starts_nocase(out->type, VIEW("text/html")) ? MARKUP_HTML : MARKUP_NONE;
    return view_starts_nocase(out->type, VIEW("text/"));
}

void msrp_token(struct text *t, struct view path)
{
    path = view_trim(path);
    while (view_find_byte(path, ' ', 0) < path.len)
        (void)view_token(&path, ' ');
    text_string(t, "msrp ");
    text_add(t, path);
}
