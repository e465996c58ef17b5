/* SPDX-License-Identifier: Apache-2.0 */
/* What the routes of events and of usage share: the filter of a request, cut to what its caller may see. */
#pragma once
#include "console/call.h"
#include "program/event_show.h"
#include "store/event_store.h"

struct event_query {
    struct viewer viewer;
    struct event_filter *filter;
    int64_t manager; /* only their team; 0: everybody */
};
/* `days`: the span where the request names none; 0: all. False: answered. */
bool event_query_begin(struct call *c, unsigned days, struct event_query *out);
void event_query_end(struct event_query *q);
/* 422 for what is wrong with the question, else 500. */
void event_query_failed(struct call *c, const struct imw_error_info *err);
/* May the caller see events of this raw client? */
bool event_query_allows(struct call *c, const struct event_query *q, const json_t *raw_who);
/* "limit" and the like of the request, within [min, max]; `usual` where it names none. False: answered. */
bool event_query_number(struct call *c, const char *name, unsigned min, unsigned max, unsigned usual,
                        unsigned *out);
