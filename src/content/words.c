/* SPDX-License-Identifier: Apache-2.0 */
/* The words for what scanners say, out of their tables. */
#include "content/scan.h"

const char *scan_state_name(enum scan_state s)
{
#define X(id, number, name, ...) [SCAN_##id] = name,
    static const char *const names[] = { SCAN_STATES(X) };
#undef X
    return names[s];
}

const char *scan_reason_text(enum scan_reason r)
{
#define X(id, number, text) [SCAN_REASON_##id] = text,
    static const char *const texts[] = { SCAN_REASONS(X) };
#undef X
    return texts[r];
}
