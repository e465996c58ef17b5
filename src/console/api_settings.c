/* SPDX-License-Identifier: Apache-2.0 */
/* Settings, and whether those of OpenID Connect lead to a provider. */
#include "console/api.h"
#include "console/ask_keeper.h"
#include "console/routes.h"
#include "program/directory_setting.h"
#include "program/mail.h"

enum { TEST_WAIT_MS = 30000 };

void setting_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    json_t *all;

    if (settings_json(c->db, &all, &err))
        call_json(c, 200, all);
    else
        call_failed(c, &err);
}

/* What is turned on must fit together; secrets stay sealed. */
static bool check_together(struct db *db, struct imw_error_info *err)
{
    struct ldap_settings ldap = { 0 };
    struct oidc_settings oidc = { 0 };
    struct mail_server mail = { 0 };
    bool ldap_on = false, oidc_on = false, mail_on = false;
    const bool good = ldap_settings_load(db, NULL, NULL, &ldap, &ldap_on, err) &&
                      oidc_settings_load(db, NULL, NULL, &oidc, &oidc_on, err) &&
                      mail_server_load(db, NULL, NULL, &mail, &mail_on, err);

    ldap_settings_fini(&ldap);
    oidc_settings_fini(&oidc);
    mail_server_fini(&mail);
    return good;
}

void setting_patch(struct call *c)
{
    struct imw_error_info err = { 0 };
    json_t *changes = NULL;

    if (!call_strong(c))
        return;
    if (!json_is_object(c->body))
        call_problem(c, 422, NULL, "an object of settings is needed");
    else if (!settings_patch(c->db, c->body, ask_seal, c->api, c->now_us, &changes, &err) ||
             !check_together(c->db, &err))
        call_refused(c, &err);
    else if (json_object_size(changes) == 0 || call_audit(c, "setting.change", changes, "settings"))
        setting_show(c);
    json_decref(changes);
}

/* As far as one can go without a person: the provider is asked what it is, and an address to sign in made. */
void setting_oidc_test(struct call *c)
{
    struct imw_error_info err = { 0 };
    json_t *answer = NULL;

    db_rollback(c->db); /* the clerk goes out: nobody waits for that with a transaction open */
    if (!role_ask(c->api->clerk, json_pack("{s:s,s:s}", "ask", "oidc-begin", "browser", "test"), TEST_WAIT_MS,
                  &answer, &err)) {
        call_problem(c, err.code == IMW_ERROR_VALUE ? 422 : 502, NULL, "%s", err.text);
        return;
    }
    call_json(c, 200, json_pack("{s:O}", "url", json_object_get(answer, "url")));
    json_decref(answer);
}
