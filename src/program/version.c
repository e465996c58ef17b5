/* SPDX-License-Identifier: Apache-2.0 */
/* Versions, compared part by part. */
#include "program/version.h"

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
    return (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

bool version_is(struct view text)
{
    bool digit = false;

    for (size_t i = 0; i < text.len; i++)
        digit |= is_digit(text.at[i]);
    return digit && text.len <= VERSION_BYTES;
}

/* Two runs of digits. */
static int compare_numbers(struct view a, struct view b)
{
    while (a.len > 0 && a.at[0] == '0')
        a = view_from(a, 1);
    while (b.len > 0 && b.at[0] == '0')
        b = view_from(b, 1);
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    const int order = a.len > 0 ? memcmp(a.at, b.at, a.len) : 0;
    return order < 0 ? -1 : order > 0;
}

/* ---- what vendors write ---- */

enum part { PART_END, PART_NUMBER, PART_WORD };

static struct view core(struct view v)
{
    v = view_trim(v);
    if (v.len > 1 && ascii_lower(v.at[0]) == 'v' && is_digit(v.at[1]))
        v = view_from(v, 1);
    for (size_t i = 0; i < v.len; i++)
        if (v.at[i] == '+' || v.at[i] == ' ' || v.at[i] == '(' || v.at[i] == '\t')
            return view_slice(v, 0, i);
    return v;
}

static enum part next_part(struct view *v, struct view *out)
{
    size_t n = 0;

    while (v->len > 0 && !is_digit(v->at[0]) && !is_letter(v->at[0]) && v->at[0] != '~')
        *v = view_from(*v, 1);
    if (v->len == 0)
        return PART_END;
    const bool number = is_digit(v->at[0]);
    if (v->at[0] == '~')
        n = 1;
    else
        while (n < v->len && (number ? is_digit(v->at[n]) : is_letter(v->at[n])))
            n++;
    *out = view_slice(*v, 0, n);
    *v = view_from(*v, n);
    return number ? PART_NUMBER : PART_WORD;
}

/* Of a word that stands before a release, its place among them; 0: it stands behind. */
static int before_release(struct view word)
{
    static const struct {
        const char *word;
        int place;
    } words[] = { { "~", 1 },    { "dev", 2 }, { "nightly", 2 }, { "a", 3 }, { "alpha", 3 }, { "b", 4 },
                  { "beta", 4 }, { "pre", 5 }, { "preview", 5 }, { "c", 6 }, { "rc", 6 } };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (view_equal_nocase(word, view_string(words[i].word)))
            return words[i].place;
    return 0;
}

static bool is_zeros(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if (v.at[i] != '0')
            return false;
    return true;
}

/* A version that goes on with `kind` and `part` beside one that has ended: is it the older one (-1), the
 * newer (1), or not told apart by this part (0)? */
static int beyond_end(enum part kind, struct view part)
{
    if (kind == PART_NUMBER)
        return is_zeros(part) ? 0 : 1;
    return before_release(part) != 0 ? -1 : 1;
}

static int compare_words(struct view a, struct view b)
{
    const int x = before_release(a), y = before_release(b);

    if (x != y)
        return x == 0 ? 1 : y == 0 ? -1 : x < y ? -1 : 1;
    for (size_t i = 0; x == 0 && i < a.len && i < b.len; i++)
        if (ascii_lower(a.at[i]) != ascii_lower(b.at[i]))
            return ascii_lower(a.at[i]) < ascii_lower(b.at[i]) ? -1 : 1;
    return x != 0 || a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}

static int compare_plain(struct view a, struct view b)
{
    struct view x = { 0 }, y = { 0 };

    a = core(a);
    b = core(b);
    for (;;) {
        const struct view at_a = a, at_b = b;
        const enum part of_a = next_part(&a, &x), of_b = next_part(&b, &y);
        int order;
        if (of_a == PART_END && of_b == PART_END)
            return 0;
        if (of_a == PART_END)
            order = -beyond_end(of_b, y);
        else if (of_b == PART_END)
            order = beyond_end(of_a, x);
        else if (of_a == PART_NUMBER && of_b == PART_NUMBER)
            order = compare_numbers(x, y);
        else if (of_a == PART_WORD && of_b == PART_WORD)
            order = compare_words(x, y);
        else if (of_a == PART_WORD && is_zeros(y)) { /* "1.0rc1" beside "1.0.0-rc1" */
            a = at_a;
            order = 0;
        } else if (of_b == PART_WORD && is_zeros(x)) {
            b = at_b;
            order = 0;
        } else /* beside another number a word is older */
            order = of_a == PART_WORD ? -1 : 1;
        if (order != 0)
            return order;
    }
}

/* ---- Debian's ---- */

static void split(struct view v, struct view *epoch, struct view *upstream, struct view *revision)
{
    v = view_trim(v);
    const size_t colon = view_find_byte(v, ':', 0);
    size_t dash = v.len;

    *epoch = view_slice(v, 0, colon < v.len ? colon : 0);
    if (colon < v.len)
        v = view_from(v, colon + 1);
    dash = v.len;
    for (size_t i = 0; i < v.len; i++)
        if (v.at[i] == '-')
            dash = i;
    *upstream = view_slice(v, 0, dash);
    *revision = view_from(v, dash < v.len ? dash + 1 : v.len);
}

struct view version_upstream(struct view package)
{
    struct view epoch, upstream, revision;

    split(package, &epoch, &upstream, &revision);
    return upstream;
}

/* "~" is before the end, the end before letters, letters before all else. */
static int weight(struct view v, size_t at)
{
    if (at >= v.len || is_digit(v.at[at]))
        return 0;
    return v.at[at] == '~' ? -1 : is_letter(v.at[at]) ? v.at[at] : v.at[at] + 256;
}

static int compare_text(struct view a, struct view b)
{
    while (a.len > 0 || b.len > 0) {
        size_t i = 0, n = 0, m = 0;
        for (; (i < a.len && !is_digit(a.at[i])) || (i < b.len && !is_digit(b.at[i])); i++) {
            const int x = weight(a, i), y = weight(b, i);
            if (x != y)
                return x < y ? -1 : 1;
        }
        a = view_from(a, i);
        b = view_from(b, i);
        while (n < a.len && is_digit(a.at[n]))
            n++;
        while (m < b.len && is_digit(b.at[m]))
            m++;
        const int order = compare_numbers(view_slice(a, 0, n), view_slice(b, 0, m));
        if (order != 0)
            return order;
        a = view_from(a, n);
        b = view_from(b, m);
    }
    return 0;
}

int version_compare(enum version_kind kind, struct view a, struct view b)
{
    struct view x[3], y[3];
    int order = 0;

    if (kind == VERSION_PLAIN)
        return compare_plain(a, b);
    split(a, &x[0], &x[1], &x[2]);
    split(b, &y[0], &y[1], &y[2]);
    for (unsigned i = 0; i < 3 && order == 0; i++)
        order = compare_text(x[i], y[i]);
    return order;
}
