/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Google QUIC, as Chrome and Android spoke it from 2013 to 2021 and old programs still do.
 *
 *     up to Q043   flags8 connection-id[8] version[4] number hash[12] frames        flags 1: version follows,
 *                                                                                   8: id there, 2: reset
 *     Q044 to Q049 first8 version[4] lengths8 ids number hash[12] frames            first bit 80; lengths: a
 * nibble each, 0 or the length less 3 Q050         see quic_initial.c: encrypted, with the message below in
 * its CRYPTO frames
 *
 * Before keys are agreed, packets carry a checksum only. The client's first message stands in a STREAM or
 * CRYPTO frame at the beginning; heads of frames changed from version to version, so it is found by its tag:
 *
 *     "CHLO" entries16le 0[2] { tag[4] end32le }[entries] values            end counts from the first value
 * on
 *
 * "SNI\0" is the server's name, "UAID" the program. Values come in the order of the entries; PAD comes first,
 * so that the others lie at the message's end.
 *
 * Source: QUIC Wire Layout Specification and QUIC Crypto (Chromium project design documents).
 */
#include "identify/quic_google.h"

enum {
    FLAG_VERSION = 0x01,
    FLAG_RESET = 0x02,
    FLAG_ID = 0x08,
    FLAGS_OTHER = 0xc0, /* not used by these versions: multipath, reserved */
    LONG_HEADER = 0x80,

    FIRST_VERSION = 24,
    LAST_FLAGS_VERSION = 43,
    LAST_VERSION = 49,
    CHLO_WITHIN = 48, /* number, hash and frame head come before it: at most 6, 12 (and 2 more), 14 octets */
    ENTRIES_MOST = 128, /* QUIC Crypto: the limit of the format */
};

/* 43 of "Q043"; 0: not one of these. */
static unsigned version_of(uint32_t number)
{
    unsigned tens = (number >> 8 & 0xff) - '0', ones = (number & 0xff) - '0';

    if (number >> 16 != ('Q' << 8 | '0') || tens > 9 || ones > 9)
        return 0;
    unsigned v = tens * 10 + ones;
    return v >= FIRST_VERSION && v <= LAST_VERSION ? v : 0;
}

bool google_packet_read(struct view datagram, struct google_packet *out)
{
    struct cursor c = cursor_open(datagram);
    uint8_t first = cursor_u8(&c);

    if ((first & LONG_HEADER) != 0) {
        out->number = cursor_u32(&c);
        uint8_t lengths = cursor_u8(&c);
        cursor_skip(&c, lengths >> 4 > 0 ? (size_t)(lengths >> 4) + 3 : 0);
        cursor_skip(&c, (lengths & 15) > 0 ? (size_t)(lengths & 15) + 3 : 0);
        if (c.bad || lengths == 0 || version_of(out->number) <= LAST_FLAGS_VERSION)
            return false;
    } else {
        cursor_skip(&c, 8);
        out->number = cursor_u32(&c);
        unsigned v = version_of(out->number);
        if (c.bad ||
            (first & (FLAG_VERSION | FLAG_RESET | FLAG_ID | FLAGS_OTHER)) != (FLAG_VERSION | FLAG_ID) ||
            v == 0 || v > LAST_FLAGS_VERSION)
            return false;
    }
    out->content = cursor_peek(&c);
    return out->content.len > 0;
}

void google_version_name(uint32_t number, struct text *out)
{
    text_format(out, "QUIC Q%03u", version_of(number));
}

bool google_hello_find(struct view content, struct google_hello *out)
{
    size_t at = view_find(view_slice(content, 0, CHLO_WITHIN), VIEW("CHLO"));

    return google_hello_read(view_from(content, at), out);
}

bool google_hello_read(struct view message, struct google_hello *out)
{
    struct cursor c = cursor_open(message);
    struct google_hello h = { .name = view_of(NULL, 0), .agent = view_of(NULL, 0) };
    uint32_t from = 0;

    if (!view_equal(cursor_take(&c, 4), VIEW("CHLO")))
        return false;
    unsigned count = cursor_le16(&c);
    uint16_t zero = cursor_u16(&c);
    struct cursor entries = cursor_sub(&c, (size_t)count * 8);
    struct view values = cursor_peek(&c);
    if (c.bad || count == 0 || count > ENTRIES_MOST || zero != 0)
        return false;
    for (unsigned i = 0; i < count; i++) {
        struct view tag = cursor_take(&entries, 4);
        uint32_t to = cursor_le32(&entries);
        if (to < from)
            return false;
        struct view value = view_slice(values, from, to);
        if (to <= values.len && view_equal(tag, VIEW("SNI\0")))
            h.name = value;
        else if (to <= values.len && view_equal(tag, VIEW("UAID")))
            h.agent = value;
        from = to;
    }
    h.complete = from <= values.len;
    *out = h;
    return true;
}
