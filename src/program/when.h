/* SPDX-License-Identifier: Apache-2.0 */
/* Times as the API and the audit trail have them: 2026-11-23T09:00:00.000000Z, microseconds since 1970. */
#pragma once
#include "base/json_value.h"
#include "base/view.h"

enum { WHEN_SIZE = 32 };

/* "" for a time that no calendar has. */
void when_text(uint64_t time_us, char out[WHEN_SIZE]);
/* As JSON; 0: null. */
json_t *when_json(uint64_t time_us);
/* RFC 3339 with "Z", with or without a fraction; or a day alone, which is its midnight. */
bool when_read(const char *text, uint64_t *out_us) IMW_MUST_USE;
