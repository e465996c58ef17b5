/* SPDX-License-Identifier: Apache-2.0 */
/* Imports: captures and files of events that people give us; the clerk does them. */
#include "console/routes.h"
#include "program/import.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

void import_list(struct call *c)
{
    struct imw_error_info err = { 0 };
    json_t *all;

    if (imports_list(c->db, 0, &all, &err))
        call_json(c, 200, json_pack("{s:o}", "imports", all));
    else
        call_failed(c, &err);
}

void import_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    json_t *one;
    int64_t id;

    if (!call_id(c, 0, &id))
        return;
    if (!imports_list(c->db, id, &one, &err)) {
        call_failed(c, &err);
    } else if (json_is_null(one)) {
        json_decref(one);
        call_problem(c, 404, NULL, "There is no such import.");
    } else {
        call_json(c, 200, one);
    }
}

void import_add(struct call *c)
{
    struct imw_error_info err = { 0 };
    const char *name = c->upload_name != NULL && c->upload_name[0] != '\0' ? c->upload_name : "upload";
    char path[600];
    json_t *one;
    int64_t id;

    if (c->upload == NULL || c->upload_size == 0) {
        call_problem(c, 422, NULL,
                     "The file is empty. Choose a capture (pcap, pcapng) or a file of EVE events.");
        return;
    }
    if (!imports_add(c->db, c->actor.account, 0, name, c->upload_size, c->now_us, &id, &err)) {
        call_failed(c, &err);
        return;
    }
    snprintf(path, sizeof path, "%s/spool/import-%" PRId64, c->api->config->data, id);
    if (!call_audit(c, "import.add", NULL, "import %" PRId64, id))
        return;
    if (rename(c->upload, path) != 0) {
        error_errno(&err, path);
        call_failed(c, &err);
        return;
    }
    if (!imports_list(c->db, id, &one, &err)) {
        call_failed(c, &err);
        return;
    }
    call_wake(c, "import");
    call_changed(c, CHANGE_IMPORTS);
    call_json(c, 201, one);
}
