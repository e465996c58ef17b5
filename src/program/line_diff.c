/* SPDX-License-Identifier: Apache-2.0 */
/* Differences of two texts by their lines. */
#include "program/line_diff.h"
#include <stdlib.h>

enum { CELLS = 4 << 20 };

static unsigned split_lines(struct view text, struct view *out)
{
    unsigned count = 0;

    while (text.len > 0 && count < DIFF_TEXT_LINES) {
        struct view line;
        if (!view_line(&text, &line)) {
            line = text;
            text.len = 0;
        }
        out[count++] = line;
    }
    return count;
}

/* Without room for the table, all of one goes and all of the other comes. */
static bool visit_middle(const struct view *a, unsigned n, const struct view *b, unsigned m, unsigned offset,
                         line_diff_visit *visit, void *context)
{
    bool small = (uint64_t)(n + 1) * (m + 1) <= CELLS;
    uint16_t *cell = small ? calloc((size_t)(n + 1) * (m + 1), sizeof *cell) : NULL;
    unsigned i = 0, j = 0;

    if (small && cell == NULL)
        return false;
#define CELL(x, y) cell[(size_t)(x) * (m + 1) + (y)]
    for (unsigned x = n; small && x-- > 0;)
        for (unsigned y = m; y-- > 0;)
            CELL(x, y) = view_equal(a[x], b[y])            ? (uint16_t)(CELL(x + 1, y + 1) + 1)
                         : CELL(x + 1, y) > CELL(x, y + 1) ? CELL(x + 1, y)
                                                           : CELL(x, y + 1);
    while (i < n || j < m) {
        if (small && i < n && j < m && view_equal(a[i], b[j])) {
            visit(context, '=', offset + i + 1, offset + j + 1, a[i]);
            i++;
            j++;
        } else if (i < n && (j == m || !small || CELL(i + 1, j) >= CELL(i, j + 1))) {
            visit(context, '-', offset + i + 1, 0, a[i]);
            i++;
        } else {
            visit(context, '+', 0, offset + j + 1, b[j]);
            j++;
        }
    }
#undef CELL
    free(cell);
    return true;
}

bool line_diff(struct view before, struct view after, line_diff_visit *visit, void *context)
{
    struct view *lines = malloc(2 * DIFF_TEXT_LINES * sizeof *lines);

    if (lines == NULL)
        return false;
    struct view *a = lines, *b = lines + DIFF_TEXT_LINES;
    unsigned n = split_lines(before, a), m = split_lines(after, b), same = 0, tail = 0;
    while (same < n && same < m && view_equal(a[same], b[same])) {
        visit(context, '=', same + 1, same + 1, a[same]);
        same++;
    }
    while (n - tail > same && m - tail > same && view_equal(a[n - tail - 1], b[m - tail - 1]))
        tail++;
    bool ok = visit_middle(a + same, n - tail - same, b + same, m - tail - same, same, visit, context);
    for (unsigned i = tail; ok && i > 0; i--)
        visit(context, '=', n - i + 1, m - i + 1, a[n - i]);
    free(lines);
    return ok;
}
