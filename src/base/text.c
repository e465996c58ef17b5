/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded text building. */
#include "base/text.h"
#include <stdarg.h>
#include <stdio.h>

void text_add(struct text *t, struct view v)
{
    size_t room = t->size > t->len ? t->size - t->len - 1 : 0;

    if (v.len > room) {
        v.len = room;
        t->cut = true;
    }
    if (t->size == 0 || v.len == 0)
        return;
    memcpy(t->at + t->len, v.at, v.len);
    t->len += v.len;
    t->at[t->len] = '\0';
}

void text_string(struct text *t, const char *s)
{
    text_add(t, view_string(s));
}

void text_decimal(struct text *t, uint64_t n)
{
    char digits[20];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    text_add(t, view_of(digits + at, sizeof digits - at));
}

void text_format(struct text *t, const char *format, ...)
{
    size_t room = t->size > t->len ? t->size - t->len : 0;
    va_list args;

    va_start(args, format);
    int n = vsnprintf(room > 0 ? t->at + t->len : NULL, room, format, args);
    va_end(args);
    if (n < 0)
        return;
    if ((size_t)n >= room) {
        t->cut = true;
        t->len += room > 0 ? room - 1 : 0;
    } else {
        t->len += (size_t)n;
    }
}

static int hex_digit(uint8_t c)
{
    c = ascii_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void text_percent(struct text *t, struct view v)
{
    for (size_t i = 0; i < v.len && !t->cut; i++) {
        int high = v.at[i] == '%' && v.len - i > 2 ? hex_digit(v.at[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(v.at[i + 2]) : -1;
        unsigned octet = low >= 0 ? (unsigned)(high << 4 | low) : v.at[i];

        text_add(t, view_of(&(uint8_t){ (uint8_t)octet }, 1));
        i += low >= 0 ? 2 : 0;
    }
}

void text_hex(struct text *t, struct view v)
{
    static const char digit[] = "0123456789abcdef";

    for (size_t i = 0; i < v.len; i++) {
        text_char(t, digit[v.at[i] >> 4]);
        text_char(t, digit[v.at[i] & 15]);
    }
}

static bool is_tail(struct view v, size_t i)
{
    return i < v.len && (v.at[i] & 0xc0) == 0x80;
}

size_t utf8_length(struct view v)
{
    if (v.len == 0)
        return 0;
    uint8_t a = v.at[0], b = v.len > 1 ? v.at[1] : 0;

    if (a < 0x80)
        return 1;
    if (a >= 0xc2 && a <= 0xdf)
        return is_tail(v, 1) ? 2 : 0;
    if (a >= 0xe0 && a <= 0xef) {
        bool fits = (a != 0xe0 || b >= 0xa0) && (a != 0xed || b <= 0x9f); /* no overlong form, no surrogate */
        return fits && is_tail(v, 1) && is_tail(v, 2) ? 3 : 0;
    }
    if (a >= 0xf0 && a <= 0xf4) {
        bool fits = (a != 0xf0 || b >= 0x90) && (a != 0xf4 || b <= 0x8f); /* up to U+10FFFF */
        return fits && is_tail(v, 1) && is_tail(v, 2) && is_tail(v, 3) ? 4 : 0;
    }
    return 0;
}

/* Printable ASCII at the front. */
static size_t plain_length(struct view v)
{
    size_t n = 0;

    while (n < v.len && v.at[n] >= 0x20 && v.at[n] < 0x7f)
        n++;
    return n;
}

/* Line and paragraph separators, and what turns the direction of writing: U+2028 to U+202E, U+2066 to U+2069
 * (Unicode Standard Annex 9). */
static bool turns_line(struct view v, size_t n)
{
    return n == 3 && v.at[0] == 0xe2 &&
           ((v.at[1] == 0x80 && v.at[2] >= 0xa8 && v.at[2] <= 0xae) ||
            (v.at[1] == 0x81 && v.at[2] >= 0xa6 && v.at[2] <= 0xa9));
}

static void add_printable(struct text *t, struct view v, bool turns_stay)
{
    while (v.len > 0 && !t->cut) {
        size_t plain = plain_length(v);
        text_add(t, view_slice(v, 0, plain));
        v = view_from(v, plain);
        if (v.len == 0)
            return;
        size_t n = utf8_length(v);
        bool control = n == 1 && (v.at[0] < 0x20 || v.at[0] == 0x7f);
        bool c1_control = n == 2 && v.at[0] == 0xc2 && v.at[1] < 0xa0;

        if (n == 0 || control || c1_control || (!turns_stay && turns_line(v, n))) {
            text_char(t, '?');
            n = n == 0 ? 1 : n;
        } else if (t->size - t->len > n) {
            text_add(t, view_slice(v, 0, n));
        } else {
            t->cut = true; /* never half a character */
        }
        v = view_from(v, n);
    }
}

void text_printable(struct text *t, struct view v)
{
    add_printable(t, v, true);
}

void text_shown(struct text *t, struct view v)
{
    add_printable(t, v, false);
}
