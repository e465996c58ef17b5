/* SPDX-License-Identifier: Apache-2.0 */
/* The words for what scanners and the search for leaks say, out of their tables. */
#include "content/leak.h"
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

const char *leak_kind_name(enum leak_kind k)
{
#define X(id, number, name, ...) [LEAK_##id] = name,
    static const char *const names[] = { LEAK_KINDS(X) };
#undef X
    return names[k];
}
