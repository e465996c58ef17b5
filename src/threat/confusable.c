/* SPDX-License-Identifier: Apache-2.0 */
/* Skeletons by ICU's spoof checker, which is read only once it is made. */
#include "threat/confusable.h"
#include <stdlib.h>
#include <unicode/uchar.h>
#include <unicode/uspoof.h>
#include <unicode/utf8.h>

struct confusable {
    USpoofChecker *checker;
};

bool confusable_new(struct confusable **out, struct imw_error_info *err)
{
    struct confusable *c = calloc(1, sizeof *c);
    UErrorCode status = U_ZERO_ERROR;

    if (c == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for look-alike names");
    c->checker = uspoof_open(&status);
    if (U_FAILURE(status)) {
        free(c);
        return error_set(err, IMW_ERROR_SYSTEM, "ICU's table of confusable characters: %s",
                         u_errorName(status));
    }
    *out = c;
    return true;
}

void confusable_free(struct confusable *c)
{
    if (c == NULL)
        return;
    uspoof_close(c->checker);
    free(c);
}

/* A capital I that people read as l: among small letters, and not where a word begins. */
static bool is_false_l(int32_t before, int32_t c, int32_t after)
{
    return c == 'I' && u_isalpha(before) && (u_islower(before) || u_islower(after));
}

/* Case folded, one character by one; what is no UTF-8 or is not seen is left out. `false_l`: what stands for
 * an I that people read as l. */
static size_t fold(struct view name, char false_l, char out[CONFUSABLE_BYTES])
{
    int32_t at = 0, len = 0, before = ' ', size = (int32_t)name.len;
    bool full = false;

    while (at < size && !full) {
        int32_t c, next = at, after = ' ';
        U8_NEXT(name.at, at, size, c);
        if (c < 0 || u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT))
            continue;
        next = at;
        if (next < size)
            U8_NEXT(name.at, next, size, after);
        uint32_t folded = (uint32_t)u_foldCase(c, U_FOLD_CASE_DEFAULT);
        if (is_false_l(before, c, after))
            folded = (uint32_t)false_l;
        U8_APPEND((uint8_t *)out, len, CONFUSABLE_BYTES - 1, folded, full);
        before = c;
    }
    return (size_t)len;
}

static char look_of(char c, enum confusable_level level)
{
    static const char digits[] = "345785", letters[] = "eastbs";

    if (c >= 'A' && c <= 'Z')
        c = (char)(c | 0x20);
    if (level == CONFUSABLE_PLAIN)
        return c;
    if (c == '1' || c == '|' || (c == 'i' && level == CONFUSABLE_SWAPS))
        return 'l';
    if (c == '0')
        return 'o';
    if (level == CONFUSABLE_SWAPS) {
        const char *digit = c != '\0' ? memchr(digits, c, sizeof digits - 1) : NULL;
        if (digit != NULL)
            return letters[digit - digits];
        if (c == '@' || c == '$')
            return c == '@' ? 'a' : 's';
    }
    return c;
}

void confusable_skeleton(const struct confusable *c, struct view name, enum confusable_level level,
                         struct text *out)
{
    bool plain = level == CONFUSABLE_PLAIN;
    char folded[CONFUSABLE_BYTES], skeleton[4 * CONFUSABLE_BYTES];
    UErrorCode status = U_ZERO_ERROR;
    int32_t len = (int32_t)fold(view_slice(name, 0, CONFUSABLE_BYTES), plain ? '1' : 'l', folded);
    const char *from = folded;

    if (!plain) {
        len = uspoof_getSkeletonUTF8(c->checker, 0, folded, len, skeleton, sizeof skeleton, &status);
        from = skeleton;
    }
    if (U_FAILURE(status))
        return;
    for (int32_t i = 0; i < len; i++)
        if (level == CONFUSABLE_LOOKS || memchr(" ._-'", from[i], 5) == NULL)
            text_char(out, look_of(from[i], level));
}

enum { NEAR_CHARACTERS = 64 };

static unsigned characters_of(struct view v, int32_t out[NEAR_CHARACTERS])
{
    int32_t at = 0;
    unsigned count = 0;

    while (at < (int32_t)v.len && count < NEAR_CHARACTERS) {
        int32_t c;
        U8_NEXT(v.at, at, (int32_t)v.len, c);
        out[count++] = c;
    }
    return count;
}

bool confusable_near(struct view a, struct view b)
{
    int32_t x[NEAR_CHARACTERS], y[NEAR_CHARACTERS];
    unsigned m = characters_of(a, x), n = characters_of(b, y), same = 0, tail = 0;

    if (m > n + 1 || n > m + 1)
        return false;
    while (same < m && same < n && x[same] == y[same])
        same++;
    if (same == m && same == n)
        return false;
    while (tail < m - same && tail < n - same && x[m - 1 - tail] == y[n - 1 - tail])
        tail++;
    unsigned p = m - same - tail, q = n - same - tail;
    return (p <= 1 && q <= 1) || (p == 2 && q == 2 && x[same] == y[same + 1] && x[same + 1] == y[same]);
}
