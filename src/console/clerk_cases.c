/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs of the clerk: incidents out of alerts. */
#include "console/clerk.h"
#include "program/incident.h"

enum { BATCHES = 20 }; /* of one run: then others have their turn */
static const uint64_t window_us = UINT64_C(24) * 3600 * 1000000;

bool job_incidents(struct clerk_task *t, struct imw_error_info *err)
{
    struct incident_counts counts = { .more = true };
    uint64_t alerts = 0;
    bool ok = true;

    for (unsigned i = 0; ok && counts.more && i < BATCHES && !atomic_load(&t->clerk->stopping); i++) {
        ok = incident_take_alerts(t->db, window_us, t->now_us, &counts, err);
        alerts += ok ? counts.alerts : 0;
    }
    t->more = ok && counts.more;
    if (alerts > 0)
        changes_tell(t->clerk->context->changes, CHANGE_INCIDENTS);
    return ok;
}
