/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ID tokens: a JWS in its compact form (RFC 7515 section 7.1), signed with RS256 or ES256 (RFC 7518) by a key
 * of a JWK set (RFC 7517). The algorithm is not the token's to choose: it must be one of the two, and the one
 * that the key is for.
 */
#include "base/text.h"
#include "program/oidc.h"
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <sodium.h>
#include <stdlib.h>

enum {
    TOKEN_MOST = 64 << 10,
    KEYS = 16,
    RSA_LEAST = 256 /* octets: 2048 bits */,
    RSA_MOST = 1024,
    P256 = 32
};
#define DOUBT_S 120

static bool untrue(struct imw_error_info *err, const char *text)
{
    return error_set(err, IMW_ERROR_TRUST, "the provider's ID token is refused: %s", text);
}

/* base64url without padding. False: it is none, or longer than `size`. */
static bool decode(struct view v, uint8_t *out, size_t size, size_t *out_len)
{
    const char *end;

    return sodium_base642bin(out, size, (const char *)v.at, v.len, NULL, out_len, &end,
                             sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
           end == (const char *)v.at + v.len;
}

/* A part of the token as JSON. NULL: it is no object. */
static json_t *decode_json(struct view part)
{
    uint8_t *bytes = malloc(part.len + 1);
    size_t len;
    json_t *j = NULL;

    if (bytes != NULL && decode(part, bytes, part.len, &len))
        j = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);
    free(bytes);
    if (json_is_object(j))
        return j;
    json_decref(j);
    return NULL;
}

static const char *text_of(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));

    return text != NULL ? text : "";
}

/* A number of a key, big-endian. */
static BIGNUM *number_of(const json_t *key, const char *name, size_t least, size_t most)
{
    uint8_t bytes[RSA_MOST];
    size_t len;

    if (!decode(view_string(text_of(key, name)), bytes, sizeof bytes, &len) || len < least || len > most)
        return NULL;
    return BN_bin2bn(bytes, (int)len, NULL);
}

static EVP_PKEY *key_from(const char *type, OSSL_PARAM_BLD *build)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

    if (parameters == NULL || context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    return key;
}

static EVP_PKEY *rsa_key(const json_t *jwk)
{
    BIGNUM *n = number_of(jwk, "n", RSA_LEAST, RSA_MOST), *e = number_of(jwk, "e", 1, 8);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;

    if (n != NULL && e != NULL && build != NULL &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        key = key_from("RSA", build);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    return key;
}

static EVP_PKEY *ec_key(const json_t *jwk)
{
    uint8_t point[1 + 2 * P256] = { POINT_CONVERSION_UNCOMPRESSED };
    size_t x, y;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;

    if (build != NULL && strcmp(text_of(jwk, "crv"), "P-256") == 0 &&
        decode(view_string(text_of(jwk, "x")), point + 1, P256, &x) && x == P256 &&
        decode(view_string(text_of(jwk, "y")), point + 1 + P256, P256, &y) && y == P256 &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) == 1)
        key = key_from("EC", build);
    OSSL_PARAM_BLD_free(build);
    return key;
}

/* A signature of ES256 is the two numbers side by side (RFC 7518 section 3.4); OpenSSL wants DER. */
static bool ec_signature(const uint8_t *raw, uint8_t *out, size_t size, size_t *out_len)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, P256, NULL), *s = BN_bin2bn(raw + P256, P256, NULL);
    bool good = false;

    if (sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
        r = s = NULL;
        int len = i2d_ECDSA_SIG(sig, NULL);
        if (len > 0 && (size_t)len <= size) {
            *out_len = (size_t)i2d_ECDSA_SIG(sig, &out);
            good = true;
        }
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    return good;
}

static bool verify(EVP_PKEY *key, struct view text, const uint8_t *signature, size_t len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool right = context != NULL && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
                 EVP_DigestVerify(context, signature, len, text.at, text.len) == 1;

    EVP_MD_CTX_free(context);
    return right;
}

/* Is this key one for the token? */
static bool key_fits(const json_t *jwk, const char *kid, bool rsa)
{
    const char *use = text_of(jwk, "use"), *alg = text_of(jwk, "alg");

    return strcmp(text_of(jwk, "kty"), rsa ? "RSA" : "EC") == 0 &&
           (use[0] == '\0' || strcmp(use, "sig") == 0) &&
           (alg[0] == '\0' || strcmp(alg, rsa ? "RS256" : "ES256") == 0) &&
           (kid[0] == '\0' || strcmp(text_of(jwk, "kid"), kid) == 0);
}

/* Was `text` signed by one of the keys that fit? *out_known: there is one that fits. */
static bool signed_by(json_t *keys, const char *kid, bool rsa, struct view text, struct view signature,
                      bool *out_known)
{
    uint8_t raw[RSA_MOST], der[96];
    size_t len, i;
    json_t *jwk;
    bool right = false;

    *out_known = false;
    if (!decode(signature, raw, sizeof raw, &len) || (!rsa && len != 2 * (size_t)P256))
        return false;
    const uint8_t *given = raw;
    if (!rsa) {
        if (!ec_signature(raw, der, sizeof der, &len))
            return false;
        given = der;
    }
    json_array_foreach(json_object_get(keys, "keys"), i, jwk)
    {
        if (i >= KEYS || right)
            break;
        if (!key_fits(jwk, kid, rsa))
            continue;
        *out_known = true;
        EVP_PKEY *key = rsa ? rsa_key(jwk) : ec_key(jwk);
        right = key != NULL && verify(key, text, given, len);
        EVP_PKEY_free(key);
    }
    return right;
}

static bool check_audience(const struct oidc_settings *s, const json_t *claims)
{
    const json_t *aud = json_object_get(claims, "aud"), *azp = json_object_get(claims, "azp"), *one;
    bool ours = json_is_string(aud) && strcmp(json_string_value(aud), s->client) == 0;
    size_t i;

    if (json_is_array(aud)) {
        json_array_foreach(aud, i, one) ours =
            ours || (json_is_string(one) && strcmp(json_string_value(one), s->client) == 0);
        if (json_array_size(aud) > 1 && azp == NULL)
            return false;
    }
    return ours && (azp == NULL || (json_is_string(azp) && strcmp(json_string_value(azp), s->client) == 0));
}

static bool check_claims(const struct oidc_settings *s, const json_t *claims, const char *nonce,
                         uint64_t now_us, struct imw_error_info *err)
{
    const json_t *exp = json_object_get(claims, "exp"), *iat = json_object_get(claims, "iat"),
                 *nbf = json_object_get(claims, "nbf");
    double now = (double)(now_us / 1000000);
    const char *given = text_of(claims, "nonce"), *sub = text_of(claims, "sub");

    if (strcmp(text_of(claims, "iss"), s->issuer) != 0)
        return untrue(err, "its issuer is another");
    if (!check_audience(s, claims))
        return untrue(err, "it is for another client");
    if (!json_is_number(exp) || json_number_value(exp) <= now - DOUBT_S)
        return untrue(err, "it is over, or has no end; is the clock right?");
    if (!json_is_number(iat) || json_number_value(iat) > now + DOUBT_S ||
        (json_is_number(nbf) && json_number_value(nbf) > now + DOUBT_S))
        return untrue(err, "it is of the future; is the clock right?");
    if (strlen(given) != strlen(nonce) || sodium_memcmp(given, nonce, strlen(nonce)) != 0)
        return untrue(err, "its nonce is another");
    if (sub[0] == '\0' || strlen(sub) > 255 || strpbrk(sub, " \t\r\n") != NULL)
        return untrue(err, "it names nobody");
    return true;
}

bool oidc_token_check(const struct oidc_settings *s, struct view token, json_t *keys, const char *nonce,
                      uint64_t now_us, json_t **out_claims, bool *out_unknown_key, struct imw_error_info *err)
{
    struct view left = token;

    *out_unknown_key = false;
    if (token.len > TOKEN_MOST)
        return untrue(err, "it is too long");
    struct view head = view_token(&left, '.'), body = view_token(&left, '.'), signature = left;
    struct view text = view_slice(token, 0, head.len + 1 + body.len);
    if (head.len == 0 || body.len == 0 || signature.len == 0 ||
        view_find_byte(signature, '.', 0) < signature.len)
        return untrue(err, "it has no three parts");
    json_t *header = decode_json(head), *claims = decode_json(body);
    bool rsa = strcmp(text_of(header, "alg"), "RS256") == 0,
         ec = strcmp(text_of(header, "alg"), "ES256") == 0, known;
    bool good = false;

    if (header == NULL || claims == NULL)
        untrue(err, "it is not readable");
    else if (!rsa && !ec)
        untrue(err, "it is signed with neither RS256 nor ES256: set that for this client at the provider");
    else if (json_object_get(header, "crit") != NULL)
        untrue(err, "it has a critical extension that is not known");
    else if (!signed_by(keys, text_of(header, "kid"), rsa, text, signature, &known)) {
        *out_unknown_key = !known;
        untrue(err, known ? "its signature is wrong" : "its key is none of the provider's");
    } else
        good = check_claims(s, claims, nonce, now_us, err);
    json_decref(header);
    if (good)
        *out_claims = claims;
    else
        json_decref(claims);
    return good;
}
