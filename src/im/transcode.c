/* SPDX-License-Identifier: Apache-2.0 */
/* Old encodings into UTF-8. */
#include "im/transcode.h"
#include "base/cursor.h"

enum { REPLACEMENT = 0xfffd };

void text_character(struct text *t, uint32_t c)
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
        text_character(t, v.at[i]);
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

/* Code pages of Windows from octet 80 on; what they have from a0 on as ISO 8859-1 has it is left out. */
static const uint16_t windows_1250[128] = {
    0x20ac, 0xfffd, 0x201a, 0xfffd, 0x201e, 0x2026, 0x2020, 0x2021, 0xfffd, 0x2030, 0x0160, 0x2039, 0x015a,
    0x0164, 0x017d, 0x0179, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0xfffd, 0x2122,
    0x0161, 0x203a, 0x015b, 0x0165, 0x017e, 0x017a, 0x00a0, 0x02c7, 0x02d8, 0x0141, 0x00a4, 0x0104, 0x00a6,
    0x00a7, 0x00a8, 0x00a9, 0x015e, 0x00ab, 0x00ac, 0x00ad, 0x00ae, 0x017b, 0x00b0, 0x00b1, 0x02db, 0x0142,
    0x00b4, 0x00b5, 0x00b6, 0x00b7, 0x00b8, 0x0105, 0x015f, 0x00bb, 0x013d, 0x02dd, 0x013e, 0x017c, 0x0154,
    0x00c1, 0x00c2, 0x0102, 0x00c4, 0x0139, 0x0106, 0x00c7, 0x010c, 0x00c9, 0x0118, 0x00cb, 0x011a, 0x00cd,
    0x00ce, 0x010e, 0x0110, 0x0143, 0x0147, 0x00d3, 0x00d4, 0x0150, 0x00d6, 0x00d7, 0x0158, 0x016e, 0x00da,
    0x0170, 0x00dc, 0x00dd, 0x0162, 0x00df, 0x0155, 0x00e1, 0x00e2, 0x0103, 0x00e4, 0x013a, 0x0107, 0x00e7,
    0x010d, 0x00e9, 0x0119, 0x00eb, 0x011b, 0x00ed, 0x00ee, 0x010f, 0x0111, 0x0144, 0x0148, 0x00f3, 0x00f4,
    0x0151, 0x00f6, 0x00f7, 0x0159, 0x016f, 0x00fa, 0x0171, 0x00fc, 0x00fd, 0x0163, 0x02d9,
};
static const uint16_t windows_1251[128] = {
    0x0402, 0x0403, 0x201a, 0x0453, 0x201e, 0x2026, 0x2020, 0x2021, 0x20ac, 0x2030, 0x0409, 0x2039, 0x040a,
    0x040c, 0x040b, 0x040f, 0x0452, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0xfffd, 0x2122,
    0x0459, 0x203a, 0x045a, 0x045c, 0x045b, 0x045f, 0x00a0, 0x040e, 0x045e, 0x0408, 0x00a4, 0x0490, 0x00a6,
    0x00a7, 0x0401, 0x00a9, 0x0404, 0x00ab, 0x00ac, 0x00ad, 0x00ae, 0x0407, 0x00b0, 0x00b1, 0x0406, 0x0456,
    0x0491, 0x00b5, 0x00b6, 0x00b7, 0x0451, 0x2116, 0x0454, 0x00bb, 0x0458, 0x0405, 0x0455, 0x0457, 0x0410,
    0x0411, 0x0412, 0x0413, 0x0414, 0x0415, 0x0416, 0x0417, 0x0418, 0x0419, 0x041a, 0x041b, 0x041c, 0x041d,
    0x041e, 0x041f, 0x0420, 0x0421, 0x0422, 0x0423, 0x0424, 0x0425, 0x0426, 0x0427, 0x0428, 0x0429, 0x042a,
    0x042b, 0x042c, 0x042d, 0x042e, 0x042f, 0x0430, 0x0431, 0x0432, 0x0433, 0x0434, 0x0435, 0x0436, 0x0437,
    0x0438, 0x0439, 0x043a, 0x043b, 0x043c, 0x043d, 0x043e, 0x043f, 0x0440, 0x0441, 0x0442, 0x0443, 0x0444,
    0x0445, 0x0446, 0x0447, 0x0448, 0x0449, 0x044a, 0x044b, 0x044c, 0x044d, 0x044e, 0x044f,
};
static const uint16_t windows_1252[32] = {
    0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178,
};

/* Turkish: windows-1252 but for two letters that it has not and six that are others. */
static uint32_t windows_1254_letter(uint8_t octet)
{
    switch (octet) {
    case 0x8e:
    case 0x9e: return REPLACEMENT;
    case 0xd0: return 0x011e;
    case 0xdd: return 0x0130;
    case 0xde: return 0x015e;
    case 0xf0: return 0x011f;
    case 0xfd: return 0x0131;
    case 0xfe: return 0x015f;
    default: return 0;
    }
}

uint32_t windows_character(unsigned page, uint8_t octet)
{
    if (octet < 0x80)
        return octet;
    if (page == 1250)
        return windows_1250[octet - 0x80];
    if (page == 1251)
        return windows_1251[octet - 0x80];
    uint32_t turkish = page == 1254 ? windows_1254_letter(octet) : 0;
    if (turkish != 0)
        return turkish;
    return octet < 0xa0 ? windows_1252[octet - 0x80] : octet;
}

void text_windows(struct text *t, unsigned page, struct view v)
{
    for (size_t i = 0; i < v.len && !t->cut; i++)
        text_character(t, windows_character(page, v.at[i]));
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
            text_character(t, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
            high = 0;
            continue;
        }
        if (high != 0)
            text_character(t, REPLACEMENT);
        high = 0;
        if (unit == 0)
            return;
        if (is_surrogate(unit, 0xd800))
            high = unit;
        else
            text_character(t, is_surrogate(unit, 0xdc00) ? REPLACEMENT : unit);
    }
    if (high != 0 && !t->cut)
        text_character(t, REPLACEMENT);
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

size_t base64_decode(struct base64 *b, struct view *in, uint8_t *out, size_t size)
{
    size_t used = 0, made = 0;

    for (; used < in->len && made < size; used++) {
        uint8_t c = in->at[used];
        int digit = base64_digit(c);
        if (c == '\n' || c == '\r' || c == ' ' || c == '\t')
            continue;
        b->ended |= digit < 0;
        if (b->ended)
            continue;
        b->bits = (b->bits << 6 | (uint32_t)digit) & 0xffff;
        b->held = (uint8_t)(b->held + 6);
        if (b->held >= 8) {
            b->held = (uint8_t)(b->held - 8);
            out[made++] = (uint8_t)(b->bits >> b->held);
        }
    }
    *in = view_from(*in, used);
    return made;
}
