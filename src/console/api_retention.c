/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept for how long, and what was removed. */
#include "console/api.h"
#include "console/routes.h"
#include "program/retention.h"

void retention_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    json_t *all = NULL;

    if (retention_json(c->db, c->now_us, &all, &err))
        call_json(c, 200, all);
    else
        call_failed(c, &err);
}
