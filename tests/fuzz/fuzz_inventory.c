/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of inventories and advisories: the input is the file, read as either. What is kept belongs to a
 * product, holds its limits, and versions that came with it are in one order whichever way round they are
 * compared. */
#include "program/advisory_file.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(enum version_kind kind, const char *a, const char *b)
{
    const int one = version_compare(kind, view_string(a), view_string(b)),
              other = version_compare(kind, view_string(b), view_string(a));

    if ((one < 0) != (other > 0) || (one == 0) != (other == 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct imw_error_info err = { 0 };
    struct advisory_file f;
    struct inventory v;

    if (inventory_parse(view_of(data, size), size % 2 == 0 ? "host" : NULL, &v, &err)) {
        for (size_t i = 0; i < v.count; i++) {
            if (v.rows[i].product == NULL || v.rows[i].machine[0] == '\0')
                abort();
            compare(VERSION_PLAIN, v.rows[i].version, v.rows[0].version);
            compare(VERSION_PACKAGE, v.rows[i].version, v.rows[0].version);
        }
        inventory_free(&v);
    } else if (err.code == IMW_OK) {
        abort();
    }
    err = (struct imw_error_info){ 0 };
    if (advisory_file_parse(view_of(data, size), &f, &err)) {
        for (size_t i = 0; i < f.count; i++)
            if (f.list[i].count == 0 || f.list[i].first + f.list[i].count > f.range_count ||
                f.list[i].ident[0] == '\0')
                abort();
        for (size_t i = 0; i < f.range_count; i++)
            if (f.ranges[i].product == NULL)
                abort();
        advisory_file_free(&f);
    } else if (err.code == IMW_OK) {
        abort();
    }
    return 0;
}
