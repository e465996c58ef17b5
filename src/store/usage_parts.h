/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of usage share. Private to store. */
#pragma once
#include "store/sums.h"

/* What is summed, rounded out to whole hours or days. */
struct span {
    int64_t from_us, to_us;
    bool hourly, by_client;
};
struct span span_of(const struct event_filter *f);

bool ask_new(struct ask **out, struct imw_error_info *err) IMW_MUST_USE;
json_t *text_value(struct view v);
