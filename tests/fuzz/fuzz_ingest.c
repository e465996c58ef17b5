/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of the scanner of EVE lines: what it takes, jansson takes as well, but for escapes of half
 * characters; texts that it gives are valid and lie in the line or in the scratch. */
#include "base/json_value.h"
#include "base/text.h"
#include "store/eve_scan.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *scratch = malloc(size + 1);
    struct eve e;
    uint64_t us;

    if (scratch == NULL)
        return 0;
    if (eve_scan(view_of(data, size), scratch, &e)) {
        for (unsigned i = 0; i < EVE_FIELD_COUNT; i++)
            for (size_t at = 0; at < e.text[i].len;) {
                size_t n = utf8_length(view_from(e.text[i], at));
                if (n == 0 || e.text[i].at[at] < 0x20)
                    abort();
                at += n;
            }
        (void)eve_time(e.text[EVE_TOP_TIMESTAMP], &us);
    } else if (e.refused == NULL) {
        abort();
    }
    json_decref(json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL));
    free(scratch);
    return 0;
}
