/* SPDX-License-Identifier: Apache-2.0 */
/* Old encodings into UTF-8. */
#include "im/transcode.h"
#include "base/cursor.h"

enum { REPLACEMENT = 0xfffd };

static void add_character(struct text *t, uint32_t c)
{
    uint8_t octets[4];
    size_t n = 0;

    if (c < 0x80) {
        octets[n++] = (uint8_t)c;
    } else if (c < 0x800) {
        octets[n++] = (uint8_t)(0xc0 | c >> 6);
        octets[n++] = (uint8_t)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        octets[n++] = (uint8_t)(0xe0 | c >> 12);
        octets[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        octets[n++] = (uint8_t)(0x80 | (c & 0x3f));
    } else {
        octets[n++] = (uint8_t)(0xf0 | c >> 18);
        octets[n++] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
        octets[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        octets[n++] = (uint8_t)(0x80 | (c & 0x3f));
    }
    if (t->len + n < t->size)
        text_add(t, view_of(octets, n));
    else
        t->cut = true; /* never half a character */
}

void text_latin1(struct text *t, struct view v)
{
    for (size_t i = 0; i < v.len && !t->cut; i++)
        add_character(t, v.at[i]);
}

static bool is_utf8(struct view v)
{
    while (v.len > 0) {
        size_t n = utf8_length(v);
        if (n == 0)
            return false;
        v = view_from(v, n);
    }
    return true;
}

void text_8bit(struct text *t, struct view v)
{
    if (!is_utf8(v)) {
        text_latin1(t, v);
        return;
    }
    while (v.len > 0 && !t->cut) {
        size_t n = utf8_length(v);
        if (t->len + n < t->size)
            text_add(t, view_slice(v, 0, n));
        else
            t->cut = true;
        v = view_from(v, n);
    }
}

static bool is_surrogate(uint32_t unit, uint32_t first)
{
    return unit >= first && unit < first + 0x400;
}

void text_utf16(struct text *t, struct view v, bool big_endian)
{
    struct cursor c = cursor_open(v);
    uint32_t high = 0; /* a first half that waits for its second */

    while (cursor_left(&c) >= 2 && !t->cut) {
        uint32_t unit = big_endian ? cursor_u16(&c) : cursor_le16(&c);

        if (high != 0 && is_surrogate(unit, 0xdc00)) {
            add_character(t, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
            high = 0;
            continue;
        }
        if (high != 0)
            add_character(t, REPLACEMENT);
        high = 0;
        if (unit == 0)
            return;
        if (is_surrogate(unit, 0xd800))
            high = unit;
        else
            add_character(t, is_surrogate(unit, 0xdc00) ? REPLACEMENT : unit);
    }
    if (high != 0 && !t->cut)
        add_character(t, REPLACEMENT);
}

static int base64_digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

void text_base64(struct text *t, struct view v)
{
    uint32_t bits = 0;
    unsigned held = 0;

    for (size_t i = 0; i < v.len && !t->cut; i++) {
        int digit = base64_digit(v.at[i]);
        if (digit < 0)
            return;
        bits = (bits << 6 | (uint32_t)digit) & 0xffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            uint8_t octet = (uint8_t)(bits >> held);
            text_add(t, view_of(&octet, 1));
        }
    }
}
