/* SPDX-License-Identifier: Apache-2.0 */
/* Job of the clerk: duties of training, reminders, and once a day what training changed. */
#include "console/clerk.h"
#include "program/training.h"

bool job_training(struct clerk_task *t, struct imw_error_info *err)
{
    struct training_counts n;

    if (!training_run(t->db, t->now_us, &n, err) || !training_effect_count(t->db, t->now_us, err))
        return false;
    t->more = n.more;
    /* Gateways may ask who is trained (policy: `trained`). */
    if (n.assigned + n.ended + n.moved + n.overdue + n.renewed + n.incidents > 0)
        changes_tell(t->clerk->context->changes, CHANGE_TRAINING);
    return true;
}
