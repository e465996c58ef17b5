/* SPDX-License-Identifier: Apache-2.0 */
/* Job of the clerk: the sweep of the patch program. */
#include "console/clerk.h"
#include "program/catalog_view.h"
#include "program/client.h"

bool job_clients(struct clerk_task *t, struct imw_error_info *err)
{
    struct client_counts n = { .more = false };
    struct catalog *catalog = NULL;

    if (!catalog_view_open(t->clerk->context->config->catalog, &catalog, err))
        return false;
    const bool ok = clients_sweep(t->db, catalog, t->now_us, &n, err);
    catalog_view_close(catalog);
    if (!ok)
        return false;
    t->more = n.more;
    if (n.advisories + n.seen + n.gone + n.due_again > 0)
        changes_tell(t->clerk->context->changes, CHANGE_CLIENTS);
    return true;
}
