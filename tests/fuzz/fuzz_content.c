/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of what content goes through between a parser and the search for leaks. The first octet chooses
 * the mark-up, and in its upper bits how the rest is cut into pieces; the rest is, one after the other,
 *
 *   a message: made plain and searched for leaks; no finding shows more than four characters or lies outside;
 *   a form with files (multipart, its boundary is "x"): in pieces it must tell what it tells whole;
 *   XML: every token is of some length, and within what was given;
 *   base64: in pieces it must give what it gives whole.
 */
#include "content/leak.h"
#include "content/plain.h"
#include "identify/multipart.h"
#include "im/transcode.h"
#include "im/xml.h"
#include "recorder.h"
#include <stdlib.h>

enum { FOUND = 64, PLAIN_BYTES = 1 << 16 };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct leak_search *search;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const struct leak_settings settings = { .kinds = LEAK_ALL };
    struct leak_rules *rules;

    (void)argc;
    (void)argv;
    if (!leak_rules_new(&settings, &rules, NULL) || !leak_search_new(rules, &search, NULL))
        abort();
    return 0;
}

static void check_message(enum markup markup, struct view v)
{
    static char plain[PLAIN_BYTES];
    struct leak_finding found[FOUND];
    struct text t = TEXT(plain);

    plain_text(&t, markup, v);
    unsigned n = leak_find(search, view_of(plain, t.len), found, FOUND);
    for (unsigned i = 0; i < n && i < FOUND; i++) {
        const char *masked = found[i].masked + strspn(found[i].masked, "*");
        unsigned shown = 0;
        for (; *masked != '\0'; masked++)
            shown += ((uint8_t)*masked & 0xc0) != 0x80;
        if (shown > 4 || found[i].offset >= t.len)
            abort();
    }
}

/* A piece as bytes of its own, so that a read past its end is caught. */
static struct view piece_of(struct view *rest, size_t most, uint8_t **out)
{
    size_t n = rest->len < most ? rest->len : most;

    *out = malloc(n > 0 ? n : 1);
    if (*out == NULL)
        abort();
    memcpy(*out, rest->at, n);
    *rest = view_from(*rest, n);
    return view_of(*out, n);
}

static void check_multipart(struct view v, size_t most)
{
    static uint8_t ascii[PLAIN_BYTES]; /* the recorder would show a character that is cut in two otherwise */
    static struct recorder whole, pieces;
    struct multipart m;
    uint8_t *bytes;

    for (size_t i = 0; i < v.len; i++)
        ascii[i] = v.at[i] & 0x7f;
    v.at = ascii;
    recorder_init(&whole);
    recorder_init(&pieces);
    multipart_begin(&m, VIEW("x"));
    multipart_feed(&m, recorder_session(&whole), true, v);
    multipart_end(&m, recorder_session(&whole));
    multipart_begin(&m, VIEW("x"));
    while (v.len > 0) {
        multipart_feed(&m, recorder_session(&pieces), true, piece_of(&v, most, &bytes));
        free(bytes);
    }
    multipart_end(&m, recorder_session(&pieces));
    if (strcmp(whole.text, pieces.text) != 0)
        abort();
}

static void check_xml(struct view v)
{
    while (v.len > 0) {
        struct xml_tag tag;
        struct xml_token token = xml_next(v, &tag);
        if (token.kind == XML_MORE || token.kind == XML_BROKEN || token.kind == XML_TOO_LONG)
            return;
        if (token.len == 0 || token.len > v.len || token.text.len > token.len ||
            (token.kind == XML_TAG && tag.attributes > XML_ATTRIBUTES))
            abort();
        v = view_from(v, token.len);
    }
}

static void check_base64(struct view v, size_t most)
{
    static uint8_t whole[PLAIN_BYTES], pieces[PLAIN_BYTES];
    struct base64 one = { 0 }, other = { 0 };
    struct view rest = v;
    size_t n = base64_decode(&one, &rest, whole, sizeof whole), at = 0;
    uint8_t *bytes;

    while (v.len > 0 && at < sizeof pieces) {
        struct view piece = piece_of(&v, most, &bytes);
        while (piece.len > 0 && at < sizeof pieces) {
            size_t before = piece.len, got = base64_decode(&other, &piece, pieces + at, sizeof pieces - at);
            at += got;
            if (got == 0 && piece.len == before)
                break; /* it ended */
        }
        free(bytes);
    }
    if (at != n || memcmp(whole, pieces, n) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > PLAIN_BYTES / 4)
        return 0;
    struct view v = view_of(data + 1, size - 1);
    size_t most = 1 + data[0] / 8;
    check_message((enum markup)(data[0] % MARKUP_COUNT), v);
    check_multipart(v, most);
    check_xml(v);
    check_base64(v, most);
    return 0;
}
