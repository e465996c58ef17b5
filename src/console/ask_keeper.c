/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the keeper and to the clerk. What is sealed is theirs: kept as the text that came. */
#include "console/ask_keeper.h"
#include "base/text.h"
#include "console/api.h"
#include "program/setting.h"
#include <stdio.h>
#include <stdlib.h>

enum { KEEPER_WAIT_MS = 20000, DIRECTORY_WAIT_MS = 15000, GROUPS_MOST = 500 };

static bool ask(struct api *api, json_t *question, json_t **out, struct imw_error_info *err)
{
    if (question == NULL)
        return error_memory(err);
    return role_ask(api->keeper, question, KEEPER_WAIT_MS, out, err);
}

/* A member's text, copied; false: it is none, or too long. */
static bool take_text(const json_t *answer, const char *name, char *out, size_t size,
                      struct imw_error_info *err)
{
    const char *text = json_string_value(json_object_get(answer, name));

    if (text == NULL || strlen(text) >= size)
        return error_set(err, IMW_ERROR_FORMAT, "the keeper's answer has no '%s'", name);
    snprintf(out, size, "%s", text);
    return true;
}

static bool ask_hash(void *context, const char *password, char out[ACCOUNT_HASH_SIZE],
                     struct imw_error_info *err)
{
    json_t *answer;

    if (!ask(context, json_pack("{s:s,s:s}", "ask", "hash", "password", password), &answer, err))
        return false;
    const bool ok = take_text(answer, "hash", out, ACCOUNT_HASH_SIZE, err);
    json_decref(answer);
    return ok;
}

static bool ask_check(void *context, const char *password, const char *hash, bool *out_right,
                      struct imw_error_info *err)
{
    json_t *answer;

    if (!ask(context, json_pack("{s:s,s:s,s:s}", "ask", "check", "password", password, "hash", hash), &answer,
             err))
        return false;
    *out_right = json_is_true(json_object_get(answer, "right"));
    json_decref(answer);
    return true;
}

static bool ask_totp_new(void *context, char secret[64], uint8_t sealed[ACCOUNT_SEALED_MOST], size_t *out_len,
                         struct imw_error_info *err)
{
    char text[ACCOUNT_SEALED_MOST];
    json_t *answer;

    if (!ask(context, json_pack("{s:s}", "ask", "totp-new"), &answer, err))
        return false;
    const bool ok =
        take_text(answer, "secret", secret, 64, err) && take_text(answer, "sealed", text, sizeof text, err);
    json_decref(answer);
    if (!ok)
        return false;
    *out_len = strlen(text);
    memcpy(sealed, text, *out_len);
    return true;
}

static bool ask_totp(void *context, struct view sealed, const char *code, uint64_t time_s, int64_t last,
                     bool *out_right, int64_t *out_step, struct imw_error_info *err)
{
    json_t *answer;

    if (!ask(context,
             json_pack("{s:s,s:s%,s:s,s:I,s:I}", "ask", "totp", "sealed", (const char *)sealed.at, sealed.len,
                       "code", code, "time_s", (json_int_t)time_s, "last", (json_int_t)last),
             &answer, err))
        return false;
    *out_step = json_integer_value(json_object_get(answer, "step"));
    *out_right = json_is_true(json_object_get(answer, "right")) && *out_step > last;
    json_decref(answer);
    return true;
}

bool ask_seal(void *context, const char *text, char **out, struct imw_error_info *err)
{
    json_t *answer;

    if (!ask(context, json_pack("{s:s,s:s}", "ask", "seal", "text", text), &answer, err))
        return false;
    const char *sealed = json_string_value(json_object_get(answer, "sealed"));
    *out = sealed != NULL ? strdup(sealed) : NULL;
    json_decref(answer);
    return *out != NULL || error_set(err, IMW_ERROR_FORMAT, "the keeper's answer has no 'sealed'");
}

/* ---- the directory ---- */

static void copy_text(const json_t *answer, const char *name, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(answer, name));

    snprintf(out, size, "%s", text != NULL ? text : "");
}

/* Roles by the groups that the directory names, of a setting's map. */
bool groups_roles(struct db *db, enum setting map, const json_t *groups, unsigned *out_roles,
                  struct imw_error_info *err)
{
    const char *names[GROUPS_MOST];
    size_t count = 0, i;
    const json_t *group;

    json_array_foreach(groups, i, group) if (count < GROUPS_MOST && json_is_string(group)) names[count++] =
        json_string_value(group);
    return setting_map_roles(db, map, names, count, out_roles, err);
}

static bool ask_directory(void *context, struct db *db, const char *name, const char *password,
                          bool *out_right, struct directory_person *out, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct api *api = context;
    json_t *answer,
        *question = json_pack("{s:s,s:s,s:s}", "ask", "ldap-login", "name", name, "password", password);

    *out_right = false;
    if (question == NULL)
        return error_memory(err);
    if (!role_ask(api->clerk, question, DIRECTORY_WAIT_MS, &answer, &why)) {
        if (why.code == IMW_ERROR_VALUE)
            return true; /* name or password is wrong */
        error_set(err, IMW_ERROR_SYSTEM, "%s", why.text);
        if (err != NULL)
            snprintf(err->key, sizeof err->key, "directory");
        return false;
    }
    *out = (struct directory_person){ 0 };
    copy_text(answer, "dn", out->subject, sizeof out->subject);
    copy_text(answer, "login", out->name, sizeof out->name);
    if (out->name[0] == '\0')
        snprintf(out->name, sizeof out->name, "%s", name);
    copy_text(answer, "name", out->full_name, sizeof out->full_name);
    copy_text(answer, "mail", out->email, sizeof out->email);
    const bool ok =
        groups_roles(db, SETTING_ID_LDAP_ROLES, json_object_get(answer, "groups"), &out->roles, err);
    json_decref(answer);
    *out_right = ok && out->subject[0] != '\0';
    return ok;
}

struct account_keeper ask_keeper(struct api *api)
{
    return (struct account_keeper){ .context = api,
                                    .hash = ask_hash,
                                    .check = ask_check,
                                    .totp_new = ask_totp_new,
                                    .totp = ask_totp,
                                    .directory = ask_directory };
}

void call_refused(struct call *c, const struct imw_error_info *err)
{
    if (err->code == IMW_ERROR_VALUE)
        call_problem(c, 422, err->key[0] != '\0' ? err->key : NULL, "%s", err->text);
    else
        call_failed(c, err);
}
