/* SPDX-License-Identifier: Apache-2.0 */
/* Points in time as messages write them. */
#pragma once
#include "base/view.h"

/*
 * Microseconds since 1970 of "2026-01-31T23:59:59.123Z" (RFC 3339, also with an offset instead of the Z), and
 * of the older "20260131T23:59:59" (XEP-0091). 0: it is neither, or before 1970.
 */
uint64_t stamp_us(struct view v);
