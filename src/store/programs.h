/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a batch of events says of programs: which client says it is what (table client_seen), and what
 * scanners did (scan_day). Few rows of a batch do; those of the same key become one. Private to store.
 */
#pragma once
#include "store/event_parts.h"

struct programs;
struct programs *programs_new(void); /* NULL: no memory */
void programs_free(struct programs *p);
void programs_clear(struct programs *p);
/* False: no memory. */
bool programs_seen(struct programs *p, int64_t who, int64_t service, int64_t program,
                   int64_t time_us) IMW_MUST_USE;
bool programs_scanned(struct programs *p, const int64_t number[EVENT_NUMBER_COUNT], int64_t engine,
                      int64_t reason, int64_t signatures_us) IMW_MUST_USE;
bool programs_store(struct programs *p, struct db *db, uint64_t now_us,
                    struct imw_error_info *err) IMW_MUST_USE;
