/* SPDX-License-Identifier: Apache-2.0 */
/* The limits that hold where the policy sets none. */
#include "content/settings.h"
#include "content/leak.h"

void settings_default(struct content_settings *s)
{
    *s = (struct content_settings){
        .scan = { .parallel = 4,
                  .timeout_ms = 30000,
                  .signature_age_h = 72,
                  .file_bytes = (uint64_t)64 << 20,
                  .spool_bytes = (uint64_t)2 << 30,
                  .archive_depth = 4,
                  .archive_members = 2000,
                  .archive_bytes = (uint64_t)256 << 20,
                  .archive_ratio = 200 },
        .leaks = { .kinds = LEAK_ALL, .least = 1 },
    };
}
