/* SPDX-License-Identifier: Apache-2.0 */
/* The settings ldap.* and oidc.* out of the database, as the directory and OpenID Connect take them. */
#pragma once
#include "program/ldap.h"
#include "program/oidc.h"
#include "store/db.h"

/* A sealed secret's text (the keeper's "open"); the caller frees *out. */
typedef bool setting_open(void *context, const char *sealed, char **out, struct imw_error_info *err);

/* *out_on false: it is turned off, *out untouched. `open` NULL: secrets are only looked at, not opened, which
 * is enough to check the rest (IMW_ERROR_VALUE, err->key the setting). */
bool ldap_settings_load(struct db *db, setting_open *open, void *context, struct ldap_settings *out,
                        bool *out_on, struct imw_error_info *err) IMW_MUST_USE;
bool oidc_settings_load(struct db *db, setting_open *open, void *context, struct oidc_settings *out,
                        bool *out_on, struct imw_error_info *err) IMW_MUST_USE;
