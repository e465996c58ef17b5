/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept for how long, and its end. How many days is a setting (retention.…, settings.def); what is
 * due goes, each kind in a transaction of its own with a row in retention_run and an audit record, which hold
 * how many rows went and a digest of them: proof of what was removed, and when, without what it said.
 *
 *     kind        what                                                     for
 *     events      events with their lines, by whole days (UTC)             retention.events_days
 *     usage       sums by client, then clients that nothing names          retention.events_days
 *     imports     what was imported, when it ended                         retention.events_days
 *     sums        sums by department, port and sensor, which name nobody   retention.incidents_days
 *     incidents   those closed, with notes and links, since they were      retention.incidents_days
 *     counts      counts of approved channels, by day                      retention.events_days
 *     signals     off-channel signals, decided and over, since they were   retention.incidents_days
 *     attempts    attempts at tests, but for those of certificates         retention.incidents_days
 *     exceptions  those that are over, and closed out, since they were     retention.incidents_days
 *     sessions    sessions, tokens and wrong tries that are over           retention.sessions_days
 *     audit       the trail, up to a signed checkpoint, which stays and   retention.audit_years
 *                 from which the rest is verified
 *
 * The digest of a kind is SHA-256 over a line a row (its key and numbers, a line feed), in order. That of
 * events is the day's, which event_day had: chained over its chunks; that of the trail its checkpoint's hash.
 */
#pragma once
#include "base/json_value.h"
#include "store/db.h"

/* Remove what is due. Outside of a transaction. *out_removed (may be NULL): rows. */
bool retention_run(struct db *db, uint64_t now_us, uint64_t *out_removed,
                   struct imw_error_info *err) IMW_MUST_USE;
/* {"kinds":[{"kind","days","oldest","bytes","next"}],"runs":[{"kind","before","removed","digest","time"}]},
 * the last 100 runs, newest first. `days`: null for what is never removed; `oldest`, `next`: null where there
 * is nothing; `bytes`: null where nobody counts them. */
bool retention_json(struct db *db, uint64_t now_us, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
