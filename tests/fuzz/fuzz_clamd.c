/* SPDX-License-Identifier: Apache-2.0 */
/* What clamd may answer: clean is only what ends as an answer that says so, and no control characters are
 * kept. */
#include "content/clamd.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char bytes[CLAMD_TEXT_BYTES];
    struct text t = TEXT(bytes);
    struct view v = view_of(data, size);

    if (clamd_reply(v, &t) == CLAMD_CLEAN &&
        (v.len < 4 || !view_equal(view_from(v, v.len - 4), VIEW(": OK"))))
        abort();
    for (size_t i = 0; i < t.len; i++)
        if ((uint8_t)t.at[i] < ' ')
            abort();
    (void)clamd_signature_time(v);
    return 0;
}
