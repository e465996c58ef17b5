/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message text in the encodings of the old protocols, turned into UTF-8. Text that does not fit is cut
 * between characters; what is no character becomes U+FFFD.
 */
#pragma once
#include "base/text.h"

/* ISO 8859-1: each octet is a character. */
void text_latin1(struct text *t, struct view v);

/* One character; U+FFFD is for the caller to put in the place of what is none. */
void text_character(struct text *t, uint32_t c);

/* A code page of Windows: 1250, 1251, 1254; any other number is 1252. What it leaves open is U+FFFD. */
uint32_t windows_character(unsigned page, uint8_t octet);
void text_windows(struct text *t, unsigned page, struct view v);

/* UTF-8 where all of it is valid, else ISO 8859-1: for protocols that do not say. */
void text_8bit(struct text *t, struct view v);

/* UTF-16 (RFC 2781), up to the first NUL character. A last odd octet is ignored. */
void text_utf16(struct text *t, struct view v, bool big_endian);

/* The octets that base64 stands for (RFC 4648 section 4), up to the first character that is not of its
 * alphabet. */
void text_base64(struct text *t, struct view v);

/* Base64 that comes in pieces; begins zeroed. */
struct base64 {
    uint32_t bits;
    uint8_t held; /* of bits */
    bool ended;   /* by padding, or by what is no digit */
};

/* Decode from the front of *in, which is used up as far as `out` has room. White space is passed over.
 * Returns how many octets came out. */
size_t base64_decode(struct base64 *b, struct view *in, uint8_t *out, size_t size);
