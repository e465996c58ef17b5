/* SPDX-License-Identifier: Apache-2.0 */
/* What gateways take: program/enforcement.h. The clerk makes the bundles; here they are read. */
#include "console/api.h"
#include "console/routes.h"
#include "program/enforcement.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void folder_of(const struct call *c, char out[512])
{
    snprintf(out, 512, "%s/spool/enforcement", c->api->config != NULL ? c->api->config->data : "");
}

static json_t *text_of(const char *text, size_t len)
{
    while (len > 0 && text[len - 1] == '\n')
        len--;
    return json_stringn(text, len);
}

/* The answer out of both files. */
static json_t *answer_of(const char *text, size_t len, const json_t *manifest, const char *signature,
                         size_t signature_len)
{
    struct view rest = view_of(signature, signature_len), first = view_token(&rest, '\n');
    const json_t *policy = json_object_get(manifest, "policy");

    return json_pack("{s:O,s:O,s:o,s:o,s:o,s:O?,s:O,s:O,s:O}", "number", json_object_get(manifest, "number"),
                     "made", json_object_get(manifest, "time"), "manifest", json_stringn(text, len),
                     "signature", text_of((const char *)first.at, first.len), "key",
                     text_of((const char *)rest.at, rest.len), "policy", policy, "people",
                     json_object_get(manifest, "people"), "exceptions",
                     json_object_get(manifest, "exceptions"), "files", json_object_get(manifest, "files"));
}

/* False: there is none. */
static bool read_newest(const char *folder, uint64_t *out_number, json_t **out)
{
    char *text = NULL, *signature = NULL;
    size_t len, signature_len;
    struct imw_error_info ignored;
    json_t *manifest = NULL;

    *out = NULL;
    if (enforcement_load(folder, 0, "manifest.json", &text, &len, &ignored) &&
        (manifest = enforcement_read_manifest(text, len)) != NULL) {
        *out_number = (uint64_t)json_integer_value(json_object_get(manifest, "number"));
        /* By its number: what is current may be the next by now. */
        if (enforcement_load(folder, *out_number, "manifest.sig", &signature, &signature_len, &ignored))
            *out = answer_of(text, len, manifest, signature, signature_len);
    }
    json_decref(manifest);
    free(text);
    free(signature);
    return *out != NULL;
}

void enforcement_show(struct call *c)
{
    const uint64_t seen = changes_seen(c->api->changes, CHANGE_BUNDLE);
    const char *after_text = call_query(c, "after");
    uint64_t after = 0, number = 0;
    char folder[512];
    json_t *answer;

    if (after_text != NULL && !view_decimal(view_string(after_text), INT64_MAX, &after)) {
        call_problem(c, 422, "after", "the number of a bundle is needed");
        return;
    }
    folder_of(c, folder);
    const bool any = read_newest(folder, &number, &answer);
    if (any && (after_text == NULL || number > after)) {
        call_json(c, 200, answer);
        return;
    }
    json_decref(answer);
    if (after_text == NULL)
        call_problem(c, 404, NULL, "there is no bundle yet: publish a policy first");
    else if (!call_wait(c, CHANGE_BUNDLE, seen))
        call_nothing(c);
}

void enforcement_file(struct call *c)
{
    const char *name = c->parts[0];
    struct imw_error_info err = { 0 };
    bool known = false;
    int64_t number;
    char folder[512], *text;
    size_t len;

    for (unsigned i = 0; i < ENFORCEMENT_FILES; i++)
        known |= strcmp(name, enforcement_files[i]) == 0;
    if (!call_query_number(c, "number", 0, INT64_MAX, 0, &number))
        return;
    folder_of(c, folder);
    if (!known || !enforcement_load(folder, (uint64_t)number, name, &text, &len, &err)) {
        call_problem(c, 404, NULL,
                     known ? "this bundle is gone, or there is none yet: take the newest"
                           : "policy.yaml, people.csv and exceptions.yaml are the files");
        return;
    }
    call_bytes(c, "application/octet-stream", view_of(text, len));
    free(text);
}
