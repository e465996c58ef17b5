/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text built into a buffer of fixed size. Text that does not fit is cut and `cut` is set; the buffer is
 * always NUL-terminated. Received bytes enter through text_printable(), which leaves no control character
 * behind.
 */
#pragma once
#include "base/view.h"

struct text {
    char *at;
    size_t len, size; /* size counts the NUL */
    bool cut;
};

/* A text over an array: `struct text t = TEXT(buffer);` */
#define TEXT(array) text_over((array), sizeof(array))

static inline struct text text_over(char *buffer, size_t size)
{
    if (size > 0)
        buffer[0] = '\0';
    return (struct text){ buffer, 0, size, false };
}

static inline void text_char(struct text *t, char c)
{
    if (t->size < 2 || t->len >= t->size - 1) {
        t->cut = true;
        return;
    }
    t->at[t->len++] = c;
    t->at[t->len] = '\0';
}

void text_add(struct text *t, struct view v);
void text_string(struct text *t, const char *s);
void text_decimal(struct text *t, uint64_t n);
void text_format(struct text *t, const char *format, ...) IMW_PRINTF(2, 3);

/* Lower-case hexadecimal, two digits an octet. */
void text_hex(struct text *t, struct view v);

/* Received bytes for people: valid UTF-8 is kept, anything else and control characters become '?'. */
void text_printable(struct text *t, struct view v);
/* The same for a terminal: what turns the direction of writing (and with it the rest of a line) is '?', too.
 */
void text_shown(struct text *t, struct view v);

/* The octets that "%41" and the like stand for (RFC 3986 section 2.1); a percent sign without two digits stays. */
void text_percent(struct text *t, struct view v);

/* Length in bytes of the valid UTF-8 sequence at the start of `v` (RFC 3629 section 4), 0 where there is
 * none. */
size_t utf8_length(struct view v);
