/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Borrowed bytes. A view owns nothing, is not NUL-terminated and dies with its source. An empty view still
 * points somewhere, since NULL plus zero is undefined in C: make views with view_of() and friends.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define IMW_MUST_USE __attribute__((warn_unused_result))
#define IMW_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

struct view {
    const uint8_t *at;
    size_t len;
};

/* A view of a string literal. */
#define VIEW(literal) ((struct view){ (const uint8_t *)(literal), sizeof(literal) - 1 })

static inline struct view view_of(const void *at, size_t len)
{
    return (struct view){ at != NULL ? (const uint8_t *)at : (const uint8_t *)"", at != NULL ? len : 0 };
}

static inline struct view view_string(const char *text)
{
    return view_of(text, text != NULL ? strlen(text) : 0);
}

/* The bytes [from, to) of `v`; both ends are clipped to what is there. */
static inline struct view view_slice(struct view v, size_t from, size_t to)
{
    if (to > v.len)
        to = v.len;
    if (from > to)
        from = to;
    return (struct view){ from > 0 ? v.at + from : v.at, to - from }; /* a zeroed view stays one */
}

static inline struct view view_from(struct view v, size_t from)
{
    return view_slice(v, from, v.len);
}

/* Numbers in network byte order at an offset, 0 where they are not all there. Behind a test of the length the
 * compiler drops the check. */
static inline uint16_t view_u16(struct view v, size_t at)
{
    unsigned n = v.len >= 2 && at <= v.len - 2 ? (unsigned)v.at[at] << 8 | v.at[at + 1] : 0;
    return (uint16_t)n;
}

static inline uint32_t view_u32(struct view v, size_t at)
{
    if (v.len < 4 || at > v.len - 4)
        return 0;
    return (uint32_t)v.at[at] << 24 | (uint32_t)v.at[at + 1] << 16 | (uint32_t)v.at[at + 2] << 8 |
           v.at[at + 3];
}

static inline bool view_equal(struct view a, struct view b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline bool view_starts(struct view v, struct view with)
{
    return v.len >= with.len && (with.len == 0 || memcmp(v.at, with.at, with.len) == 0);
}

static inline uint8_t ascii_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/* Equal, ASCII letters of either case alike. */
bool view_equal_nocase(struct view a, struct view b);
bool view_starts_nocase(struct view v, struct view with);

/* Offset of the first `byte` at or after `from`, or v.len where there is none. */
size_t view_find_byte(struct view v, uint8_t byte, size_t from);

/* Offset of the first `needle`, or v.len where there is none; the second form folds ASCII case. */
size_t view_find(struct view v, struct view needle);
size_t view_find_nocase(struct view v, struct view needle);

/* `v` without ASCII white space (space, tab, CR, LF) at its ends. */
struct view view_trim(struct view v);

/* A decimal number that fills all of `v`. False: empty, another character, or above `max`; *out untouched. */
bool view_decimal(struct view v, uint64_t max, uint64_t *out);

/*
 * Cut one line off the front of *v: *out_line is the line without its CR LF or LF, *v what follows.
 * False: no line end yet; both untouched.
 */
bool view_line(struct view *v, struct view *out_line);

/* Cut the part before the first `separator` (or all) off the front of *v. */
struct view view_token(struct view *v, uint8_t separator);
