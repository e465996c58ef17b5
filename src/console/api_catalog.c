/* SPDX-License-Identifier: Apache-2.0 */
/* The catalog browser: program/catalog_view.h. */
#include "console/answer_act.h"
#include "console/routes.h"
#include "program/catalog_view.h"

static void answer(struct call *c, bool ok, json_t *value, const struct imw_error_info *err)
{
    if (!ok)
        call_failed(c, err);
    else if (value == NULL)
        call_problem(c, 404, NULL, "there is no such service in the catalog");
    else
        call_json(c, 200, value);
}

void catalog_list_show(struct call *c)
{
    struct catalog *catalog = call_catalog(c);
    struct imw_error_info err = { 0 };
    json_t *list = NULL;

    if (catalog == NULL)
        return;
    bool ok = catalog_view_list(c->db, catalog, call_query(c, "q"), call_query(c, "class"), &list, &err);
    catalog_view_close(catalog);
    answer(c, ok, list, &err);
}

void catalog_service_show(struct call *c)
{
    struct catalog *catalog = call_catalog(c);
    struct imw_error_info err = { 0 };
    json_t *one = NULL;

    if (catalog == NULL)
        return;
    bool ok = catalog_view_get(c->db, catalog, c->parts[0], &one, &err);
    catalog_view_close(catalog);
    answer(c, ok, one, &err);
}
