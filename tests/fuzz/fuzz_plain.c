/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of message text made plain: the first octet chooses the mark-up, the rest is the message. What
 * comes out must be valid UTF-8 without a control character but LF, must fit, and must not change when it is
 * made plain again.
 */
#include "content/plain.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct view v)
{
    while (v.len > 0) {
        size_t n = utf8_length(v);
        if (n == 0 || (v.at[0] < ' ' && v.at[0] != '\n') || v.at[0] == 0x7f)
            abort();
        v = view_from(v, n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char first[70000], second[70000]; /* three octets for one that is not valid */
    struct text once = TEXT(first), again = TEXT(second);

    if (size == 0 || size > sizeof first / 4)
        return 0;
    plain_text(&once, (enum markup)(data[0] % MARKUP_COUNT), view_of(data + 1, size - 1));
    check(view_of(first, once.len));
    plain_text(&again, MARKUP_NONE, view_of(first, once.len));
    if (!view_equal(view_of(first, once.len), view_of(second, again.len)))
        abort();
    char small[16];
    struct text cut = TEXT(small);
    plain_text(&cut, (enum markup)(data[0] % MARKUP_COUNT), view_of(data + 1, size - 1));
    check(view_of(small, cut.len));
    return 0;
}
