/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding links: the text is cut into words at white space and quotes; of a word the tricks are undone, then
 * a scheme is searched, then "www.", then the form of a domain name.
 *
 * Not found: a link whose dots are spelt out with spaces ("example dot com"), one that is split over
 * messages, and the target of a mark-up link whose words are something else (the text comes without mark-up).
 */
#include "threat/url.h"
#include "base/hash.h"
#include "base/text.h"
#include <idn2.h>
#include <stdio.h>
#include <stdlib.h>

enum { LABEL_BYTES = 63 };

static bool is_space(uint8_t c)
{
    return c <= ' ' || c == '"' || c == '<' || c == '>' || c == '`';
}

/* Sequences that stand for another character, or for none. */
static const struct {
    struct view seen;
    const char *means;
    bool trick;
} tricks[] = {
    { { (const uint8_t *)"[.]", 3 }, ".", true },
    { { (const uint8_t *)"(.)", 3 }, ".", true },
    { { (const uint8_t *)"{.}", 3 }, ".", true },
    { { (const uint8_t *)"[dot]", 5 }, ".", true },
    { { (const uint8_t *)"(dot)", 5 }, ".", true },
    { { (const uint8_t *)"{dot}", 5 }, ".", true },
    { { (const uint8_t *)"[:]", 3 }, ":", true },
    { { (const uint8_t *)"[://]", 5 }, "://", true },
    { { (const uint8_t *)"[/]", 3 }, "/", true },
    { { (const uint8_t *)"\xe3\x80\x82", 3 }, ".", false }, /* U+3002, dots of UTS #46 */
    { { (const uint8_t *)"\xef\xbc\x8e", 3 }, ".", false }, /* U+FF0E */
    { { (const uint8_t *)"\xef\xbd\xa1", 3 }, ".", false }, /* U+FF61 */
    { { (const uint8_t *)"\xe2\x80\x8b", 3 }, "", true },   /* zero width space, joiners, word joiner */
    { { (const uint8_t *)"\xe2\x80\x8c", 3 }, "", true },
    { { (const uint8_t *)"\xe2\x80\x8d", 3 }, "", true },
    { { (const uint8_t *)"\xe2\x81\xa0", 3 }, "", true },
    { { (const uint8_t *)"\xef\xbb\xbf", 3 }, "", true },
    { { (const uint8_t *)"\xc2\xad", 2 }, "", true }, /* soft hyphen */
};

/* `word` without tricks. */
static void undo_tricks(struct view word, struct text *out, bool *out_hidden)
{
    while (word.len > 0) {
        unsigned i = 0, count = sizeof tricks / sizeof tricks[0];
        while (i < count && !view_starts_nocase(word, tricks[i].seen))
            i++;
        if (i < count) {
            text_string(out, tricks[i].means);
            *out_hidden |= tricks[i].trick;
            word = view_from(word, tricks[i].seen.len);
        } else {
            text_char(out, (char)word.at[0]);
            word = view_from(word, 1);
        }
    }
}

static bool is_alnum(uint8_t c)
{
    c = ascii_lower(c);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static struct view trim_marks(struct view v)
{
    while (v.len > 0 && memchr("([{<'*_~|,;:.!?", v.at[0], 15) != NULL)
        v = view_from(v, 1);
    while (v.len > 0 && memchr(")]}>'*_~|,;:.!?", v.at[v.len - 1], 15) != NULL) {
        if (v.at[v.len - 1] == ')' && view_find_byte(v, '(', 0) < v.len)
            break; /* belongs to the link */
        if (v.at[v.len - 1] == ']' && view_find_byte(v, '[', 0) < v.len)
            break;
        v.len--;
    }
    return v;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void percent_decode(struct view v, struct text *out)
{
    for (size_t i = 0; i < v.len; i++) {
        int high = i + 2 < v.len && v.at[i] == '%' ? hex_digit(v.at[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(v.at[i + 2]) : -1;
        if (low >= 0 && high * 16 + low > ' ') {
            text_char(out, (char)(high * 16 + low));
            i += 2;
        } else
            text_char(out, (char)v.at[i]);
    }
}

/* An IPv4 address in one of the forms that browsers take: four, or one, decimal, octal or hexadecimal numbers
 * (WHATWG URL, "IPv4 parser"; forms of two and three parts are left out). */
static bool ipv4_of(const char *host, char out[URL_HOST_BYTES], bool *out_number)
{
    uint64_t part[4];
    unsigned count = 0;
    const char *at = host;

    for (;;) {
        char *end;
        if (!is_alnum((uint8_t)*at) || count == 4)
            return false;
        part[count++] = strtoull(at, &end, 0);
        if (end - at > 12)
            return false;
        at = end;
        if (*at == '\0')
            break;
        if (*at++ != '.')
            return false;
    }
    if (count == 1 && part[0] > 0xffffff && part[0] <= 0xffffffff) {
        for (unsigned i = 4; i-- > 1;)
            part[i] = part[0] >> (8 * (3 - i)) & 255;
        part[0] >>= 24;
        *out_number = true;
    } else if (count != 4)
        return false;
    for (unsigned i = 0; i < 4; i++)
        if (part[i] > 255)
            return false;
    snprintf(out, URL_HOST_BYTES, "%u.%u.%u.%u", (unsigned)part[0], (unsigned)part[1], (unsigned)part[2],
             (unsigned)part[3]);
    return true;
}

/* Labels of letters, digits and hyphens, at least two of them, the last one letters (or an A-label). */
static bool is_domain(struct view host)
{
    unsigned labels = 0;
    struct view label = host;

    if (host.len == 0 || host.len > 253 || host.at[host.len - 1] == '.')
        return false;
    while (host.len > 0) {
        label = view_token(&host, '.');
        if (label.len == 0 || label.len > LABEL_BYTES || label.at[0] == '-' || label.at[label.len - 1] == '-')
            return false;
        for (size_t i = 0; i < label.len; i++)
            if (!is_alnum(label.at[i]) && label.at[i] != '-' && label.at[i] != '_')
                return false;
        labels++;
    }
    if (labels < 2 || label.len < 2)
        return false;
    if (view_starts(label, VIEW("xn--")))
        return true;
    for (size_t i = 0; i < label.len; i++)
        if (!(label.at[i] >= 'a' && label.at[i] <= 'z'))
            return false;
    return true;
}

/* The host as one string, in out->host. */
static bool host_of(struct view seen, bool scheme, struct url *out)
{
    char plain[URL_HOST_BYTES];
    struct text decoded = TEXT(plain), host = TEXT(out->host);
    char *ascii = NULL;
    bool letters = false;

    percent_decode(seen, &decoded);
    if (decoded.len > 0 && plain[decoded.len - 1] == '.')
        plain[--decoded.len] = '\0';
    if (decoded.cut || decoded.len == 0)
        return false;
    for (size_t i = 0; i < decoded.len; i++)
        letters |= (uint8_t)plain[i] >= 0x80;
    if (letters) {
        if (idn2_to_ascii_8z(plain, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) != IDN2_OK)
            return false;
        text_string(&host, ascii);
        idn2_free(ascii);
    } else
        for (size_t i = 0; i < decoded.len; i++)
            text_char(&host, (char)ascii_lower((uint8_t)plain[i]));
    char quad[URL_HOST_BYTES];
    bool number = false;
    if (ipv4_of(out->host, quad, &number)) {
        if (number && !scheme)
            return false; /* a number is no link */
        out->hidden |= number || strcmp(quad, out->host) != 0;
        host = TEXT(out->host);
        text_string(&host, quad);
        out->address = true;
        return true;
    }
    return is_domain(view_of(out->host, host.len));
}

/* Where the scheme's "://" is, and how long the scheme before it; v.len where there is none of ours. */
static size_t find_scheme(struct view v, size_t *out_begin, bool *out_hidden)
{
    static const struct {
        struct view name;
        bool hidden;
    } schemes[] = {
        { { (const uint8_t *)"https", 5 }, false }, { { (const uint8_t *)"http", 4 }, false },
        { { (const uint8_t *)"ftp", 3 }, false },   { { (const uint8_t *)"hxxps", 5 }, true },
        { { (const uint8_t *)"hxxp", 4 }, true },   { { (const uint8_t *)"fxp", 3 }, true },
    };
    size_t mark = view_find(v, VIEW("://")), begin = mark;

    if (mark == v.len)
        return v.len;
    while (begin > 0 && is_alnum(v.at[begin - 1]))
        begin--;
    for (unsigned i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (view_equal_nocase(view_slice(v, begin, mark), schemes[i].name)) {
            *out_begin = begin;
            *out_hidden |= schemes[i].hidden;
            return mark;
        }
    }
    return v.len;
}

/* Is there a link in this word? */
static bool url_of(struct view word, struct url *out)
{
    struct text text = TEXT(out->text);
    size_t begin = 0;

    *out = (struct url){ .from = word };
    text = TEXT(out->text);
    undo_tricks(word, &text, &out->hidden);
    struct view all = trim_marks(view_of(out->text, text.len)), rest;
    size_t mark = find_scheme(all, &begin, &out->hidden);
    bool scheme = mark < all.len;
    if (scheme)
        rest = view_from(all, mark + 3);
    else {
        rest = all;
        out->bare = !view_starts_nocase(all, VIEW("www."));
    }
    size_t end = 0;
    while (end < rest.len && memchr("/?#\\", rest.at[end], 4) == NULL)
        end++;
    struct view authority = view_slice(rest, 0, end), path = view_from(rest, end);
    for (size_t i = authority.len; i-- > 0;) { /* what stands before the last @ is a user's name */
        if (authority.at[i] != '@')
            continue;
        if (!scheme)
            return false; /* an address of mail or of a chat account */
        authority = view_from(authority, i + 1);
        break;
    }
    struct view host = authority;
    if (host.len > 0 && host.at[0] == '[')
        return false; /* IPv6 literals: nobody lures with them */
    host = view_token(&authority, ':');
    for (size_t i = 0; i < authority.len; i++)
        if (authority.at[i] < '0' || authority.at[i] > '9')
            return false;
    if (!host_of(host, scheme, out))
        return false;
    end = 0;
    while (end < path.len && path.at[end] != '?' && path.at[end] != '#')
        end++;
    out->path = view_slice(path, 0, end);
    out->host_seen = host;
    memmove(out->text, all.at + begin, all.len - begin);
    size_t moved = (size_t)(all.at + begin - (const uint8_t *)out->text);
    out->text[all.len - begin] = '\0';
    out->path.at -= moved;
    out->host_seen.at -= moved;
    return true;
}

bool url_next(struct view text, size_t *at, struct url *out)
{
    for (unsigned words = 0; words < URL_WORDS && *at < text.len; words++) {
        while (*at < text.len && is_space(text.at[*at]))
            ++*at;
        size_t from = *at;
        bool dot = false;
        while (*at < text.len && !is_space(text.at[*at])) {
            uint8_t c = text.at[*at];
            dot |= c == '.' || c == '/' || c >= 0x80 || c == '[' || c == '(' || c == '{';
            ++*at;
        }
        if (dot && *at - from >= 4 && url_of(view_slice(text, from, *at), out))
            return true;
    }
    return false;
}

uint64_t url_key(const struct url *u)
{
    uint64_t key = hash_bytes(view_string(u->host), 0);

    for (size_t i = 0; i < u->path.len; i++)
        if (u->path.at[i] < '0' || u->path.at[i] > '9')
            key = hash_words(u->path.at[i], 0, key);
    return key;
}
