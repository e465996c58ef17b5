/* SPDX-License-Identifier: Apache-2.0 */
/* Job of the clerk: off-channel signals, once a day and when counts came. */
#include "base/log.h"
#include "console/clerk.h"
#include "program/catalog_view.h"
#include "program/signal.h"
#include <inttypes.h>

bool job_signals(struct clerk_task *t, struct imw_error_info *err)
{
    struct signals_found n;
    struct catalog *catalog;

    if (!catalog_view_open(t->clerk->context->config->catalog, &catalog, err))
        return false;
    const bool ok = signals_find(t->db, catalog, t->now_us, &n, err);
    catalog_view_close(catalog);
    if (!ok)
        return false;
    if (n.judged)
        changes_tell(t->clerk->context->changes, CHANGE_SIGNALS);
    if (n.raised + n.ended > 0)
        log_notice("signals", "raised=%" PRIu64 " ended=%" PRIu64 " people=%" PRIu64, n.raised, n.ended,
                   n.people);
    return true;
}
