/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of overrides of the catalog: the input is the file. What loads is whole: each record says what,
 * who, when and why, and what is ended was ended by a later one of the same. */
#include "identify/catalog_overrides.h"
#include "library_leaks.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct imw_error_info err = { 0 };
    struct overrides *o;

    if (!overrides_parse("fuzz", view_of(data, size), &o, &err))
        return err.code == IMW_OK ? abort(), 0 : 0;
    for (unsigned i = 0; i < overrides_count(o); i++) {
        const struct override *r = overrides_get(o, i);
        struct override again;
        if (r->by.len == 0 || r->at.len < 10 || r->why.len == 0 || !override_read_what(r->what, &again) ||
            again.is_network != r->is_network || (!r->trust && r->ended != NULL) ||
            (r->ended != NULL && (r->ended <= r || r->ended->trust)))
            abort();
    }
    overrides_free(o);
    return 0;
}
