/* SPDX-License-Identifier: Apache-2.0 */
/* An event in plain words, for people who read evidence and not protocols. */
#pragma once
#include "base/json_value.h"

/* The sentences about an EVE line (docs/output.md), as it may be seen: a list of Told (web/src/api/types.ts):
 * {"what","text","value"?}. NULL: no memory. */
json_t *tell(const json_t *eve);
