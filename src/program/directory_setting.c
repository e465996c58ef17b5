/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of the directory and of OpenID Connect. */
#include "program/directory_setting.h"
#include "program/setting.h"
#include <stdlib.h>

enum { TEXTS = 10 };

/* Several settings at once, freed together. False: none is left. */
static bool get_all(struct db *db, const enum setting *which, unsigned count, char *out[TEXTS],
                    struct imw_error_info *err)
{
    for (unsigned i = 0; i < count; i++)
        if (!setting_get(db, which[i], &out[i], err)) {
            while (i > 0)
                free(out[--i]);
            return false;
        }
    return true;
}

static void free_all(char *texts[TEXTS], unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        free(texts[i]);
}

/* The secret's text: opened, or anything where it is only looked at; "" where there is none. */
static bool open_secret(const char *sealed, setting_open *open, void *context, char **out,
                        struct imw_error_info *err)
{
    if (sealed[0] != '\0' && open != NULL)
        return open(context, sealed, out, err);
    *out = strdup(sealed[0] != '\0' ? "sealed" : "");
    return *out != NULL || error_memory(err);
}

static void forget(char *secret)
{
    if (secret != NULL)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

bool ldap_settings_load(struct db *db, setting_open *open, void *context, struct ldap_settings *out,
                        bool *out_on, struct imw_error_info *err)
{
    static const enum setting which[] = { SETTING_ID_LDAP_KIND,      SETTING_ID_LDAP_URL,
                                          SETTING_ID_LDAP_CA,        SETTING_ID_LDAP_BIND_DN,
                                          SETTING_ID_LDAP_BASE,      SETTING_ID_LDAP_FILTER,
                                          SETTING_ID_LDAP_GROUPS,    SETTING_ID_LDAP_PASSWORD,
                                          SETTING_ID_LDAP_ATTRIBUTES };
    enum { COUNT = sizeof which / sizeof which[0] };
    char *t[TEXTS] = { NULL }, *secret = NULL;
    int64_t on, start_tls, plain;

    if (!setting_number(db, SETTING_ID_LDAP_ON, &on, err) ||
        !setting_number(db, SETTING_ID_LDAP_START_TLS, &start_tls, err) ||
        !setting_number(db, SETTING_ID_LDAP_PLAIN, &plain, err))
        return false;
    *out_on = on != 0;
    if (on == 0)
        return true;
    if (!get_all(db, which, COUNT, t, err))
        return false;
    bool good = open_secret(t[7], open, context, &secret, err);
    if (good) {
        json_t *attributes = json_loads(t[8], 0, NULL);
        const struct ldap_texts texts = {
            .kind = t[0],
            .url = t[1],
            .ca = t[2],
            .bind_dn = t[3],
            .password = secret,
            .base = t[4],
            .filter = t[5],
            .group_base = t[6],
            .attributes = attributes,
            .start_tls = start_tls != 0,
            .plain = plain != 0,
        };
        good = ldap_settings_init(out, &texts, err);
        json_decref(attributes);
    }
    forget(secret);
    free_all(t, COUNT);
    return good;
}

bool oidc_settings_load(struct db *db, setting_open *open, void *context, struct oidc_settings *out,
                        bool *out_on, struct imw_error_info *err)
{
    static const enum setting which[] = { SETTING_ID_OIDC_ISSUER,   SETTING_ID_OIDC_CLIENT,
                                          SETTING_ID_OIDC_REDIRECT, SETTING_ID_OIDC_SCOPES,
                                          SETTING_ID_OIDC_CA,       SETTING_ID_OIDC_CLAIM,
                                          SETTING_ID_OIDC_SECRET };
    enum { COUNT = sizeof which / sizeof which[0] };
    char *t[TEXTS] = { NULL }, *secret = NULL;
    int64_t on;

    if (!setting_number(db, SETTING_ID_OIDC_ON, &on, err))
        return false;
    *out_on = on != 0;
    if (on == 0)
        return true;
    if (!get_all(db, which, COUNT, t, err))
        return false;
    bool good = open_secret(t[6], open, context, &secret, err);
    const struct oidc_texts texts = { .issuer = t[0],
                                      .client = t[1],
                                      .redirect = t[2],
                                      .scopes = t[3],
                                      .ca = t[4],
                                      .secret = secret,
                                      .roles_claim = t[5] };
    good = good && oidc_settings_init(out, &texts, err);
    forget(secret);
    free_all(t, COUNT);
    return good;
}
