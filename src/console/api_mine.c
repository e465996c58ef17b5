/* SPDX-License-Identifier: Apache-2.0 */
/* What is known about whoever asks. */
#include "console/answer_act.h"
#include "console/routes.h"
#include "program/catalog_view.h"
#include "program/mine.h"

void mine_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct catalog *catalog = call_catalog(c);
    json_t *mine;

    if (catalog == NULL)
        return;
    if (mine_json(c->db, catalog, c->actor.person, &mine, &err))
        call_json(c, 200, mine);
    else
        call_failed(c, &err);
    catalog_view_close(catalog);
}
