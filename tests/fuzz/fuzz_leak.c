/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of the search for leaks: the input is a text. Whole and in pieces it must give the same, and no
 * finding may show more than four characters. */
#include "content/leak.h"
#include <stdlib.h>

enum { FOUND = 200 };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct leak_search *search;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const struct leak_pattern patterns[] = { { "account", "\\bACC-[0-9]{4,8}" },
                                                    { "line", "^secret .{0,20}$" } };
    static const struct leak_settings settings = { .kinds = LEAK_ALL,
                                                   .patterns = patterns,
                                                   .pattern_count = 2 };
    struct leak_rules *rules;

    (void)argc;
    (void)argv;
    if (!leak_rules_new(&settings, &rules, NULL) || !leak_search_new(rules, &search, NULL))
        abort();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct leak_finding whole[FOUND], pieces[FOUND];
    struct view text = view_of(data, size);
    unsigned n = leak_find(search, text, whole, FOUND);

    leak_begin(search, pieces, FOUND);
    for (size_t at = 0, piece; at < size; at += piece) {
        piece = 1 + data[at] % 64u;
        leak_more(search, view_slice(text, at, at + piece));
    }
    if (leak_end(search) != n)
        abort();
    for (unsigned i = 0; i < n && i < FOUND; i++) {
        const char *masked = whole[i].masked + strspn(whole[i].masked, "*");
        unsigned shown = 0;
        for (; *masked != '\0'; masked++)
            shown += ((uint8_t)*masked & 0xc0) != 0x80;
        if (shown > 4 || whole[i].offset >= size || whole[i].kind != pieces[i].kind ||
            whole[i].offset != pieces[i].offset || strcmp(whole[i].masked, pieces[i].masked) != 0)
            abort();
    }
    return 0;
}
