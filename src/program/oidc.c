/* SPDX-License-Identifier: Apache-2.0 */
/* OpenID Connect: sign-ins under way, and what is fetched from the provider, by libcurl. */
#include "program/oidc.h"
#include "base/text.h"
#include <curl/curl.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum { ANSWER_MOST = 1 << 20, WORD = 44 /* 32 octets in base64url, and a NUL */, GROUPS = 500 };
#define KNOWN_US (3600 * UINT64_C(1000000)) /* what is known of a provider is looked up anew after that */
#define AGAIN_US (10 * UINT64_C(1000000))   /* keys for an unknown name, at most so often */

struct pending {
    char state[WORD], nonce[WORD], verifier[WORD], browser[32] /* its hash */;
    uint64_t until_us; /* 0: free */
};
struct oidc {
    pthread_mutex_t lock;
    struct pending pending[OIDC_PENDING];
    /* The provider, as it was told for these settings. */
    char *issuer, *authorize, *token, *jwks_url;
    json_t *keys;
    uint64_t known_us, keys_us;
};

static bool untrue(struct imw_error_info *err, const char *text)
{
    return error_set(err, IMW_ERROR_TRUST, "%s", text);
}

/* ---- settings ---- */

static bool wrong(struct imw_error_info *err, const char *key, const char *text)
{
    error_set(err, IMW_ERROR_VALUE, "%s", text);
    if (err != NULL)
        snprintf(err->key, sizeof err->key, "oidc.%s", key);
    return false;
}

/* https:// and a name, no fragment, no account, nothing that a header could not carry. */
static bool is_https(const char *url, bool query)
{
    struct view v = view_string(url);

    if (!view_starts(v, VIEW("https://")) || v.len < 10 || v.len > 500 ||
        (!query && strchr(url, '?') != NULL) || strchr(url, '#') != NULL)
        return false;
    for (size_t i = 0; i < v.len; i++)
        if (v.at[i] <= 0x20 || v.at[i] >= 0x7f || v.at[i] == '"' || v.at[i] == '\\' || v.at[i] == '<' ||
            v.at[i] == '>' || v.at[i] == '@')
            return false;
    return url[8] != '/';
}

static bool ends_in(const char *text, const char *end)
{
    size_t len = strlen(text), n = strlen(end);

    return len >= n && strcmp(text + len - n, end) == 0;
}

static char *copy_or(const char *text, const char *usual)
{
    return strdup(text != NULL && text[0] != '\0' ? text : usual);
}

bool oidc_settings_init(struct oidc_settings *s, const struct oidc_texts *t, struct imw_error_info *err)
{
    *s = (struct oidc_settings){
        .issuer = copy_or(t->issuer, ""),
        .client = copy_or(t->client, ""),
        .secret = copy_or(t->secret, ""),
        .redirect = copy_or(t->redirect, ""),
        .scopes = copy_or(t->scopes, "openid profile email"),
        .ca = copy_or(t->ca, ""),
        .roles_claim = copy_or(t->roles_claim, "groups"),
    };
    bool good = false;
    if (s->issuer == NULL || s->client == NULL || s->secret == NULL || s->redirect == NULL ||
        s->scopes == NULL || s->ca == NULL || s->roles_claim == NULL)
        error_memory(err);
    else if (!is_https(s->issuer, false))
        wrong(err, "issuer",
              "the issuer is the provider's address, https://…, exactly as it writes it itself");
    else if (s->client[0] == '\0' || strlen(s->client) > 256)
        wrong(err, "client", "the client's name, as it is registered at the provider, is missing");
    else if (!is_https(s->redirect, false) || !ends_in(s->redirect, "/api/v1/session/oidc/return"))
        wrong(err, "redirect",
              "the address to come back to is https://THIS-CONSOLE/api/v1/session/oidc/return, and is "
              "registered at the provider");
    else if (!view_starts(view_string(s->scopes), VIEW("openid")) || strlen(s->scopes) > 256)
        wrong(err, "scopes", "the scopes begin with openid");
    else if (s->ca[0] != '\0' && strstr(s->ca, "-----BEGIN CERTIFICATE-----") == NULL)
        wrong(err, "ca", "the authority's certificate is PEM, beginning -----BEGIN CERTIFICATE-----");
    else
        good = true;
    if (!good)
        oidc_settings_fini(s);
    return good;
}

void oidc_settings_fini(struct oidc_settings *s)
{
    if (s->secret != NULL)
        explicit_bzero(s->secret, strlen(s->secret));
    free(s->issuer);
    free(s->client);
    free(s->secret);
    free(s->redirect);
    free(s->scopes);
    free(s->ca);
    free(s->roles_claim);
    *s = (struct oidc_settings){ 0 };
}

struct oidc *oidc_new(void)
{
    struct oidc *o = calloc(1, sizeof *o);

    if (o != NULL)
        pthread_mutex_init(&o->lock, NULL);
    return o;
}

static void forget_provider(struct oidc *o)
{
    free(o->issuer);
    free(o->authorize);
    free(o->token);
    free(o->jwks_url);
    json_decref(o->keys);
    o->issuer = o->authorize = o->token = o->jwks_url = NULL;
    o->keys = NULL;
    o->known_us = o->keys_us = 0;
}

void oidc_free(struct oidc *o)
{
    if (o == NULL)
        return;
    forget_provider(o);
    pthread_mutex_destroy(&o->lock);
    explicit_bzero(o->pending, sizeof o->pending);
    free(o);
}

/* ---- fetching ---- */

struct answer {
    char *bytes;
    size_t len;
};

static size_t take(char *bytes, size_t size, size_t count, void *of)
{
    struct answer *a = of;

    if (size * count > ANSWER_MOST - a->len)
        return 0; /* ends the transfer */
    memcpy(a->bytes + a->len, bytes, size * count);
    a->len += size * count;
    return size * count;
}

/* A JSON object from the provider; `form` NULL: GET, else POST. No redirects: the provider said itself where
 * things are. */
static bool fetch(const struct oidc_settings *s, const char *url, const char *form, bool client_auth,
                  json_t **out, struct imw_error_info *err)
{
    struct answer a = { .bytes = malloc(ANSWER_MOST) };
    struct curl_blob ca = { .data = s->ca, .len = strlen(s->ca), .flags = CURL_BLOB_NOCOPY };
    struct curl_slist *headers = curl_slist_append(NULL, "Accept: application/json");
    CURL *c = curl_easy_init();
    char why[CURL_ERROR_SIZE] = "";
    long status = 0;
    json_t *j = NULL;

    if (a.bytes == NULL || c == NULL || headers == NULL) {
        error_memory(err);
        goto out;
    }
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 5L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT, 10L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_PROXY, ""); /* no environment decides where secrets go */
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &a);
    if (s->ca[0] != '\0') {
        curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &ca);
        curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
    }
    if (form != NULL)
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, form);
    if (client_auth && s->secret[0] != '\0') {
        curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(c, CURLOPT_USERNAME, s->client);
        curl_easy_setopt(c, CURLOPT_PASSWORD, s->secret);
    }
    CURLcode code = curl_easy_perform(c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK) {
        error_set(err, IMW_ERROR_SYSTEM, "the provider of sign-ins, %.80s: %.120s", url,
                  why[0] != '\0' ? why : curl_easy_strerror(code));
        goto out;
    }
    j = json_loadb(a.bytes, a.len, JSON_REJECT_DUPLICATES, NULL);
    if (status != 200 || !json_is_object(j)) {
        char said[80];
        struct text t = TEXT(said);
        const char *e = json_string_value(json_object_get(j, "error"));
        text_shown(&t, view_slice(view_string(e), 0, 60));
        error_set(err, status / 100 == 4 ? IMW_ERROR_TRUST : IMW_ERROR_SYSTEM,
                  "the provider of sign-ins, %.80s, answers %ld %s", url, status, said);
        json_decref(j);
        j = NULL;
    }
out:
    curl_slist_free_all(headers);
    curl_easy_cleanup(c);
    if (a.bytes != NULL)
        explicit_bzero(a.bytes, a.len);
    free(a.bytes);
    *out = j;
    return j != NULL;
}

/* Discovery: where things are. With the lock held. */
static bool know_provider(struct oidc *o, const struct oidc_settings *s, uint64_t now_us,
                          struct imw_error_info *err)
{
    char url[600];
    json_t *told;

    if (o->issuer != NULL && strcmp(o->issuer, s->issuer) == 0 && now_us - o->known_us < KNOWN_US)
        return true;
    size_t len = strlen(s->issuer);
    snprintf(url, sizeof url, "%s%s.well-known/openid-configuration", s->issuer,
             len > 0 && s->issuer[len - 1] == '/' ? "" : "/");
    if (!fetch(s, url, NULL, false, &told, err))
        return false;
    const char *issuer = json_string_value(json_object_get(told, "issuer")),
               *authorize = json_string_value(json_object_get(told, "authorization_endpoint")),
               *token = json_string_value(json_object_get(told, "token_endpoint")),
               *jwks = json_string_value(json_object_get(told, "jwks_uri"));
    bool good = false;
    if (issuer == NULL || strcmp(issuer, s->issuer) != 0)
        error_set(err, IMW_ERROR_TRUST,
                  "the provider calls itself %.100s, the setting oidc.issuer has %.100s",
                  issuer != NULL ? issuer : "nothing", s->issuer);
    else if (authorize == NULL || token == NULL || jwks == NULL || !is_https(authorize, true) ||
             !is_https(token, true) || !is_https(jwks, true))
        untrue(err, "the provider's description lacks an https:// address");
    else {
        forget_provider(o);
        o->issuer = strdup(issuer);
        o->authorize = strdup(authorize);
        o->token = strdup(token);
        o->jwks_url = strdup(jwks);
        o->known_us = now_us;
        good = (o->issuer != NULL && o->authorize != NULL && o->token != NULL && o->jwks_url != NULL) ||
               error_memory(err);
        if (!good)
            forget_provider(o);
    }
    json_decref(told);
    return good;
}

/* The provider's keys, fetched where they are old or `anew` (not too often). With the lock held. */
static bool know_keys(struct oidc *o, const struct oidc_settings *s, bool anew, uint64_t now_us,
                      struct imw_error_info *err)
{
    json_t *keys;
    uint64_t age = now_us - o->keys_us;

    if (o->keys != NULL && (anew ? age < AGAIN_US : age < KNOWN_US))
        return true;
    if (!fetch(s, o->jwks_url, NULL, false, &keys, err))
        return false;
    json_decref(o->keys);
    o->keys = keys;
    o->keys_us = now_us;
    return true;
}

/* ---- sign-ins under way ---- */

static void random_word(char out[WORD])
{
    uint8_t random[32];

    randombytes_buf(random, sizeof random);
    sodium_bin2base64(out, WORD, random, sizeof random, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static void hash_word(const char *word, char out[32])
{
    SHA256((const unsigned char *)word, strlen(word), (unsigned char *)out);
}

/* A free place, or that of the oldest. */
static struct pending *pending_place(struct oidc *o, uint64_t now_us)
{
    struct pending *oldest = &o->pending[0];

    for (unsigned i = 0; i < OIDC_PENDING; i++) {
        struct pending *p = &o->pending[i];
        if (p->until_us <= now_us)
            return p;
        if (p->until_us < oldest->until_us)
            oldest = p;
    }
    return oldest;
}

/* Take the one of this state and this browser out. False: there is none. */
static bool pending_take(struct oidc *o, const char *state, const char *browser, uint64_t now_us,
                         struct pending *out)
{
    char hash[32];

    hash_word(browser, hash);
    for (unsigned i = 0; i < OIDC_PENDING; i++) {
        struct pending *p = &o->pending[i];
        if (p->until_us <= now_us || strlen(state) != WORD - 1 ||
            sodium_memcmp(p->state, state, WORD - 1) != 0)
            continue;
        *out = *p;
        explicit_bzero(p, sizeof *p);
        return sodium_memcmp(hash, out->browser, sizeof hash) == 0;
    }
    return false;
}

/* "&name=value", escaped as a form is. */
static void form_add(struct text *t, const char *name, const char *value)
{
    if (t->len > 0 && t->at[t->len - 1] != '?')
        text_char(t, '&');
    text_string(t, name);
    text_char(t, '=');
    for (const char *c = value; *c != '\0'; c++)
        if ((*c >= '0' && *c <= '9') ||
            (ascii_lower((uint8_t)*c) >= 'a' && ascii_lower((uint8_t)*c) <= 'z') ||
            strchr("-._~", *c) != NULL)
            text_char(t, *c);
        else
            text_format(t, "%%%02X", (unsigned)(uint8_t)*c);
}

bool oidc_begin(struct oidc *o, const struct oidc_settings *s, const char *browser, uint64_t now_us,
                char **out_url, struct imw_error_info *err)
{
    char url[4096], challenge[WORD];
    uint8_t hash[SHA256_DIGEST_LENGTH];
    struct text t = TEXT(url);

    if (browser[0] == '\0' || strlen(browser) > OIDC_WORD_MOST)
        return error_set(err, IMW_ERROR_VALUE, "the browser has no word of its own");
    pthread_mutex_lock(&o->lock);
    if (!know_provider(o, s, now_us, err)) {
        pthread_mutex_unlock(&o->lock);
        return false;
    }
    struct pending *p = pending_place(o, now_us);
    random_word(p->state);
    random_word(p->nonce);
    random_word(p->verifier);
    hash_word(browser, p->browser);
    p->until_us = now_us + OIDC_PENDING_S * UINT64_C(1000000);
    SHA256((const unsigned char *)p->verifier, WORD - 1, hash);
    sodium_bin2base64(challenge, sizeof challenge, hash, sizeof hash,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    text_string(&t, o->authorize);
    if (strchr(o->authorize, '?') == NULL)
        text_char(&t, '?');
    form_add(&t, "response_type", "code");
    form_add(&t, "client_id", s->client);
    form_add(&t, "redirect_uri", s->redirect);
    form_add(&t, "scope", s->scopes);
    form_add(&t, "state", p->state);
    form_add(&t, "nonce", p->nonce);
    form_add(&t, "code_challenge", challenge);
    form_add(&t, "code_challenge_method", "S256");
    pthread_mutex_unlock(&o->lock);
    if (t.cut)
        return error_set(err, IMW_ERROR_LIMIT, "the provider's address is too long");
    *out_url = strdup(url);
    return *out_url != NULL || error_memory(err);
}

/* A claim as text for people: printable, cut. */
static void claim_text(const json_t *claims, const char *name, char *out, size_t size)
{
    struct text t = text_over(out, size);

    text_printable(&t,
                   view_slice(view_string(json_string_value(json_object_get(claims, name))), 0, size - 1));
}

/* The claim of roles: a text, a list of texts, or within objects by dots ("realm_access.roles"). */
static json_t *claim_groups(const json_t *claims, const char *path)
{
    json_t *list = json_pack("[]");
    const json_t *at = json_object_get(claims, path), *one;
    struct view left = view_string(path);
    size_t i;

    if (at == NULL)
        for (at = claims; at != NULL && left.len > 0;) {
            char name[128];
            struct text t = TEXT(name);
            text_add(&t, view_token(&left, '.'));
            at = json_object_get(at, name);
        }
    if (json_is_string(at))
        json_array_append_new(list, json_pack("s", json_string_value(at)));
    json_array_foreach(at, i, one)
    {
        if (i < GROUPS && json_is_string(one))
            json_array_append_new(list, json_pack("s", json_string_value(one)));
    }
    return list;
}

static bool read_identity(const struct oidc_settings *s, const json_t *claims, struct oidc_identity *out,
                          struct imw_error_info *err)
{
    struct oidc_identity who = { 0 };
    struct text t = TEXT(who.subject);

    text_format(&t, "%s %s", s->issuer, json_string_value(json_object_get(claims, "sub")));
    if (t.cut)
        return error_set(err, IMW_ERROR_LIMIT, "the provider's names are too long");
    claim_text(claims, "preferred_username", who.name, sizeof who.name);
    claim_text(claims, "name", who.full_name, sizeof who.full_name);
    /* A mail address that nobody verified could be anybody's. */
    if (json_is_true(json_object_get(claims, "email_verified")))
        claim_text(claims, "email", who.email, sizeof who.email);
    if (who.name[0] == '\0')
        claim_text(claims, who.email[0] != '\0' ? "email" : "sub", who.name, sizeof who.name);
    who.groups = claim_groups(claims, s->roles_claim);
    if (who.groups == NULL)
        return error_memory(err);
    *out = who;
    return true;
}

bool oidc_end(struct oidc *o, const struct oidc_settings *s, const char *browser, const char *state,
              const char *code, const char *iss, uint64_t now_us, struct oidc_identity *out,
              struct imw_error_info *err)
{
    struct pending p;
    char form[8192];
    struct text t = TEXT(form);
    json_t *answer = NULL, *claims = NULL;
    bool unknown, good = false;

    if (strlen(code) > 4096 || code[0] == '\0')
        return untrue(err, "the provider sent no code");
    pthread_mutex_lock(&o->lock);
    bool pending = pending_take(o, state, browser, now_us, &p);
    bool known = pending && know_provider(o, s, now_us, err);
    char *token_url = known ? strdup(o->token) : NULL;
    pthread_mutex_unlock(&o->lock);
    if (!pending)
        return untrue(
            err, "this sign-in was not begun by this browser, or took longer than ten minutes: begin anew");
    if (!known)
        return false;
    if (token_url == NULL)
        return error_memory(err);
    if (iss != NULL && strcmp(iss, s->issuer) != 0) {
        free(token_url);
        return untrue(err, "the answer is of another provider");
    }
    form_add(&t, "grant_type", "authorization_code");
    form_add(&t, "code", code);
    form_add(&t, "redirect_uri", s->redirect);
    form_add(&t, "code_verifier", p.verifier);
    if (s->secret[0] == '\0')
        form_add(&t, "client_id", s->client);
    bool fetched = !t.cut && fetch(s, token_url, form, true, &answer, err);
    free(token_url);
    explicit_bzero(form, sizeof form);
    if (!fetched)
        return t.cut ? untrue(err, "the provider's code is too long") : false;
    const char *token = json_string_value(json_object_get(answer, "id_token"));
    pthread_mutex_lock(&o->lock);
    if (token == NULL)
        untrue(err, "the provider sent no ID token: is the scope openid allowed for this client?");
    else
        for (unsigned try = 0; try < 2 && !good && know_keys(o, s, try > 0, now_us, err); try++) {
            good = oidc_token_check(s, view_string(token), o->keys, p.nonce, now_us, &claims, &unknown, err);
            if (!unknown)
                break;
        }
    pthread_mutex_unlock(&o->lock);
    json_decref(answer);
    good = good && read_identity(s, claims, out, err);
    json_decref(claims);
    return good;
}
