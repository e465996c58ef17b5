/* SPDX-License-Identifier: Apache-2.0 */
/* Views that people keep: a page of the console with its filter (a query string), by name; shared ones are
 * seen by everybody, changed by their owner. */
#pragma once
#include "base/json_value.h"
#include "store/db.h"

enum { SAVED_VIEW_MOST = 200 /* of one account */ };

/* {"views":[{id,name,page,query,shared,mine}]}; `page` NULL: all pages. */
bool saved_view_list(struct db *db, int64_t account, const char *page, json_t **out,
                     struct imw_error_info *err) IMW_MUST_USE;
/* One of that name on that page is replaced. */
bool saved_view_keep(struct db *db, int64_t account, const char *name, const char *page, const char *query,
                     bool shared, uint64_t now_us, int64_t *out_id, struct imw_error_info *err) IMW_MUST_USE;
bool saved_view_remove(struct db *db, int64_t account, int64_t id, bool *out_found,
                       struct imw_error_info *err) IMW_MUST_USE;
