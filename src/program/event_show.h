/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as one who asks may see them. What the store gives (events_search() …) names people, addresses and
 * accounts: it goes to nobody but through here.
 *
 *     may see who it is   all of it but the text of messages, which only a reveal of that text shows
 *     engineers           addresses and machines; no logins, no accounts
 *     others              neither
 *
 * Of the EVE line only members are shown that are known not to name anybody; free text ("seen") is shown with
 * whatever the event knows as a name, account or address taken out of it.
 */
#pragma once
#include "program/who_label.h"

/* EventRow (web/src/api/types.ts) out of a raw event, in place. */
void event_show(const struct viewer *v, json_t *raw);
/* EventDetail: with "eve" as it may be seen, and "told". */
void event_show_detail(const struct viewer *v, json_t *raw);
/* The flags for event_filter_permit(). */
unsigned viewer_sees(const struct viewer *v);
