/* SPDX-License-Identifier: Apache-2.0 */
/* Searching and cutting borrowed bytes. */
#include "base/view.h"

bool view_equal_nocase(struct view a, struct view b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.at[i]) != ascii_lower(b.at[i]))
            return false;
    return true;
}

bool view_starts_nocase(struct view v, struct view with)
{
    return v.len >= with.len && view_equal_nocase(view_slice(v, 0, with.len), with);
}

size_t view_find_byte(struct view v, uint8_t byte, size_t from)
{
    if (from >= v.len)
        return v.len;
    const uint8_t *hit = memchr(v.at + from, byte, v.len - from);
    return hit != NULL ? (size_t)(hit - v.at) : v.len;
}

size_t view_find(struct view v, struct view needle)
{
    if (needle.len == 0)
        return 0;
    const uint8_t *hit = memmem(v.at, v.len, needle.at, needle.len);
    return hit != NULL ? (size_t)(hit - v.at) : v.len;
}

size_t view_find_nocase(struct view v, struct view needle)
{
    for (size_t i = 0; i + needle.len <= v.len; i++)
        if (view_equal_nocase(view_slice(v, i, i + needle.len), needle))
            return i;
    return v.len;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct view view_trim(struct view v)
{
    size_t from = 0, to = v.len;

    while (from < to && is_space(v.at[from]))
        from++;
    while (to > from && is_space(v.at[to - 1]))
        to--;
    return view_slice(v, from, to);
}

bool view_decimal(struct view v, uint64_t max, uint64_t *out)
{
    uint64_t n = 0;

    if (v.len == 0)
        return false;
    for (size_t i = 0; i < v.len; i++) {
        uint8_t digit = (uint8_t)(v.at[i] - '0');
        if (digit > 9 || n > (max - digit) / 10 || digit > max)
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return true;
}

bool view_line(struct view *v, struct view *out_line)
{
    size_t end = view_find_byte(*v, '\n', 0);

    if (end == v->len)
        return false;
    size_t len = end > 0 && v->at[end - 1] == '\r' ? end - 1 : end;
    *out_line = view_slice(*v, 0, len);
    *v = view_from(*v, end + 1);
    return true;
}

struct view view_token(struct view *v, uint8_t separator)
{
    size_t end = view_find_byte(*v, separator, 0);
    struct view token = view_slice(*v, 0, end);

    *v = view_from(*v, end < v->len ? end + 1 : end);
    return token;
}
