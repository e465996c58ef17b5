/* SPDX-License-Identifier: Apache-2.0 */
/* What is known about whoever asks: their entry in the directory, the names the network sees them by, what
 * they used, and who was shown their name, when and why. Nothing of anybody else. */
#pragma once
#include "base/json_value.h"
#include "store/db.h"

struct catalog;
/* As in web/src/api/types.ts (Mine). `person` 0: nothing is known. `names` tells what services are called
 * (who asks may not read the catalog); NULL: by their slugs. */
bool mine_json(struct db *db, const struct catalog *names, int64_t person, json_t **out,
               struct imw_error_info *err) IMW_MUST_USE;
