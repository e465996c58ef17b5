/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing in by an OpenID Connect provider: the authorization code flow with PKCE.
 *
 * oidc_begin() makes the address that the browser is sent to, and what must be remembered until it comes
 * back: the state, the nonce, the PKCE verifier, and the browser's own word, which it has in a cookie.
 * oidc_end() takes what it came back with, fetches the ID token from the provider over TLS, and checks it.
 * Both are the clerk's: it alone goes out, and holds what is remembered, in memory, for ten minutes and a
 * thousand sign-ins at most. The console's answers between api and clerk:
 *
 *     "oidc-begin"  browser (a word of the api's, in the browser's cookie)  -> url
 *     "oidc-end"    browser, state, code, iss?                              -> subject, name, full_name,
 * email, groups
 *
 * What an ID token must have: a signature by a key of the provider, RS256 or ES256 and no other; iss, exactly
 * the settings'; aud, this client, and azp where there are several; exp ahead and iat not ahead (two minutes
 * of doubt); the nonce. Keys are fetched again when a token names one that is not known, once in ten seconds
 * at most.
 *
 * Sources: OpenID Connect Core 1.0 sections 3.1.2, 3.1.3.7; Discovery 1.0 section 4; RFC 7515, 7517, 7518,
 * 7519; RFC 7636 (PKCE); RFC 9207 (iss in the answer); RFC 9700 (state, mix-up). Limits: an answer of 1 MiB,
 * 16 keys, 10 s each.
 */
#pragma once
#include "base/error.h"
#include "base/json_value.h"

struct oidc_settings {
    /* Owned; never NULL after oidc_settings_init(). */
    char *issuer, *client, *secret /* "": a public client */, *redirect, *scopes, *ca, *roles_claim;
};
struct oidc_texts {
    const char *issuer, *client, *secret, *redirect, *scopes, *ca, *roles_claim; /* NULL or "": as usual */
};
/* IMW_ERROR_VALUE: err->key is the setting ("oidc.issuer"). */
bool oidc_settings_init(struct oidc_settings *s, const struct oidc_texts *texts,
                        struct imw_error_info *err) IMW_MUST_USE;
void oidc_settings_fini(struct oidc_settings *s);

struct oidc; /* sign-ins under way, and the provider's keys; any thread */
struct oidc *oidc_new(void);
void oidc_free(struct oidc *o);

enum { OIDC_PENDING = 1000, OIDC_PENDING_S = 600, OIDC_WORD_MOST = 512 };
/* *out_url: the caller's (free). */
bool oidc_begin(struct oidc *o, const struct oidc_settings *s, const char *browser, uint64_t now_us,
                char **out_url, struct imw_error_info *err) IMW_MUST_USE;

struct oidc_identity {
    char subject[513] /* "ISSUER SUB" */, name[129], full_name[201],
        email[255]; /* email only where verified */
    json_t *groups; /* texts of the roles claim; the caller's */
};
/* IMW_ERROR_TRUST: what came back proves nothing; IMW_ERROR_SYSTEM: the provider cannot be asked. The words
 * are for the log and for administrators. */
bool oidc_end(struct oidc *o, const struct oidc_settings *s, const char *browser, const char *state,
              const char *code, const char *iss, uint64_t now_us, struct oidc_identity *out,
              struct imw_error_info *err) IMW_MUST_USE;

/* ---- for tests: one token against one set of keys ({"keys":[…]}) ---- */
bool oidc_token_check(const struct oidc_settings *s, struct view token, json_t *keys, const char *nonce,
                      uint64_t now_us, json_t **out_claims, bool *out_unknown_key,
                      struct imw_error_info *err) IMW_MUST_USE;
