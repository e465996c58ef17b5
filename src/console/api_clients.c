/* SPDX-License-Identifier: Apache-2.0 */
/* Client software and virus scanners: program/client.h. */
#include "base/file.h"
#include "console/answer_act.h"
#include "console/routes.h"
#include "program/client.h"
#include <openssl/sha.h>
#include <stdlib.h>

static const char *filled(struct call *c, const char *name)
{
    const char *text = call_query(c, name);

    return text != NULL && text[0] != '\0' ? text : NULL;
}

void client_list_show(struct call *c)
{
    answer_asked(c, client_products);
}

void client_summary_show(struct call *c)
{
    answer_asked(c, client_summary);
}

void client_owners_show(struct call *c)
{
    answer_asked(c, client_owners);
}

void client_installs_show(struct call *c)
{
    struct client_filter f = { .product = filled(c, "product"),
                               .state = filled(c, "state"),
                               .q = filled(c, "q"),
                               .cursor = filled(c, "cursor") };
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t limit;
    json_t *out = NULL;

    if (!call_query_number(c, "advisory", 1, INT64_MAX, 0, &f.advisory) ||
        !call_query_number(c, "version", 1, INT64_MAX, 0, &f.version) ||
        !call_query_number(c, "limit", 1, 200, 50, &limit))
        return;
    f.limit = (unsigned)limit;
    const bool made = client_installs(&a, &f, &out, &err);
    answer_made(c, &a, made, 200, out, &err);
}

static void answer_install(struct call *c, struct act *a, int64_t id)
{
    struct imw_error_info err = { 0 };
    json_t *out = NULL;

    call_changed(c, CHANGE_CLIENTS);
    const bool made = client_install_get(a, id, &out, &err);
    answer_made(c, a, made, 200, out, &err);
}

void client_excuse_add(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    const char *why, *until;
    int64_t id;

    if (!call_id(c, 0, &id) || !call_text(c, "why", CLIENT_WHY_BYTES, &why) ||
        !call_text(c, "until", 40, &until))
        return;
    if (client_excuse(&a, id, why, until, &err))
        answer_install(c, &a, id);
    else
        answer_refused(c, &a, &err);
}

void client_excuse_remove(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t id;

    if (!call_id(c, 0, &id))
        return;
    if (client_excuse_end(&a, id, &err))
        answer_install(c, &a, id);
    else
        answer_refused(c, &a, &err);
}

/* The file that came, and its hash; the caller frees. False: answered. */
static bool take_upload(struct call *c, size_t most, char **out, size_t *len,
                        uint8_t sha256[SHA256_DIGEST_LENGTH])
{
    struct imw_error_info err = { 0 };

    if (c->upload == NULL || c->upload_size == 0) {
        call_problem(c, 422, NULL, "a file is needed");
        return false;
    }
    if (c->upload_size > most) {
        call_problem(c, 422, NULL, "the file is over %zu MiB: bring it in parts", most >> 20);
        return false;
    }
    if (!file_read(c->upload, most, out, len, &err)) {
        call_failed(c, &err);
        return false;
    }
    SHA256((const unsigned char *)*out, *len, sha256);
    return true;
}

static void refuse_file(struct call *c, const struct imw_error_info *err)
{
    if (err->code == IMW_ERROR_FORMAT || err->code == IMW_ERROR_LIMIT)
        call_problem(c, 422, NULL, "%s", err->text);
    else
        call_failed(c, err);
}

void client_inventory_add(struct call *c)
{
    const char *whole = call_query(c, "whole"), *host = filled(c, "host"), *name = filled(c, "name");
    uint8_t sha256[SHA256_DIGEST_LENGTH];
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    struct inventory v;
    json_t *out = NULL;
    char *file = NULL;
    size_t len = 0;

    if (host != NULL && strlen(host) >= MACHINE_BYTES) {
        call_problem(c, 422, "host", "a shorter name is needed");
        return;
    }
    if (!take_upload(c, INVENTORY_MOST, &file, &len, sha256))
        return;
    const bool read = inventory_parse(view_of(file, len), host, &v, &err);
    free(file);
    if (!read) {
        refuse_file(c, &err);
        return;
    }
    const bool ok = client_inventory(&a, &v, name != NULL ? name : c->upload_name,
                                     whole != NULL && strcmp(whole, "1") == 0, view_of(sha256, sizeof sha256),
                                     &out, &err);
    inventory_free(&v);
    if (ok)
        call_changed(c, CHANGE_CLIENTS);
    answer_made(c, &a, ok, 201, out, &err);
}

void client_advisory_add(struct call *c)
{
    const char *name = filled(c, "name");
    uint8_t sha256[SHA256_DIGEST_LENGTH];
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    struct advisory_file f;
    json_t *out = NULL;
    char *file = NULL;
    size_t len = 0;

    if (!take_upload(c, ADVISORY_FILE_MOST, &file, &len, sha256))
        return;
    const bool read = advisory_file_parse(view_of(file, len), &f, &err);
    free(file);
    if (!read) {
        refuse_file(c, &err);
        return;
    }
    const bool ok = client_advisories(&a, &f, name != NULL ? name : c->upload_name,
                                      view_of(sha256, sizeof sha256), &out, &err);
    advisory_file_free(&f);
    if (ok)
        call_changed(c, CHANGE_CLIENTS);
    answer_made(c, &a, ok, 201, out, &err);
}

void client_advisory_list(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t limit, before;
    json_t *out = NULL;

    if (!call_query_number(c, "limit", 1, 200, 50, &limit) ||
        !call_query_number(c, "cursor", 1, INT64_MAX, 0, &before))
        return;
    const bool made = client_advisory_page(&a, filled(c, "q"), before, (unsigned)limit, &out, &err);
    answer_made(c, &a, made, 200, out, &err);
}

void client_advisory_show(struct call *c)
{
    answer_id(c, client_advisory_get);
}

void client_product_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *out = NULL;

    const bool made = client_product_get(&a, c->parts[0], &out, &err);
    answer_made(c, &a, made, 200, out, &err);
}

void client_product_patch(struct call *c)
{
    const json_t *owner = json_object_get(c->body, "owner");
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *out = NULL;
    int64_t account = 0;

    if (!json_is_null(owner) && !call_number(c, "owner", 1, INT64_MAX, &account))
        return;
    if (!client_set_owner(&a, c->parts[0], account, &err)) {
        answer_refused(c, &a, &err);
        return;
    }
    call_changed(c, CHANGE_CLIENTS);
    const bool made = client_product_get(&a, c->parts[0], &out, &err);
    answer_made(c, &a, made, 200, out, &err);
}

void virus_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t days;
    json_t *out = NULL;

    if (!call_query_number(c, "days", 7, 90, 30, &days))
        return;
    const bool made = virus_program(&a, days, &out, &err);
    answer_made(c, &a, made, 200, out, &err);
}
