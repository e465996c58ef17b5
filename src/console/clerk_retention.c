/* SPDX-License-Identifier: Apache-2.0 */
/* Job "retention": what is due goes. */
#include "base/log.h"
#include "console/clerk.h"
#include "program/retention.h"
#include <inttypes.h>

bool job_retention(struct clerk_task *t, struct imw_error_info *err)
{
    uint64_t removed = 0;

    if (!retention_run(t->db, t->now_us, &removed, err))
        return false;
    if (removed > 0) {
        log_notice("retention", "removed=%" PRIu64 " rows whose time was over", removed);
        changes_tell(t->clerk->context->changes, CHANGE_EVENTS);
        changes_tell(t->clerk->context->changes, CHANGE_INCIDENTS);
    }
    return true;
}
