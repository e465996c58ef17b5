/* SPDX-License-Identifier: Apache-2.0 */
/* ID tokens, signed here by keys of ours: what is true is taken, and each thing that is wrong is refused. */
#include "base/text.h"
#include "program/oidc.h"
#include "test.h"
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define ISSUER "https://login.bank.example"
#define NOW_S 1700000000
static const uint64_t now_us = NOW_S * UINT64_C(1000000);

struct keys {
    EVP_PKEY *rsa, *ec, *other;
    json_t *set;
};

static void encode(const void *bytes, size_t len, char *out, size_t size)
{
    sodium_bin2base64(out, size, bytes, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static void number_text(EVP_PKEY *key, const char *name, int size, char *out, size_t out_size)
{
    BIGNUM *n = NULL;
    uint8_t bytes[512];

    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &n), 1);
    int len = size > 0 ? BN_bn2binpad(n, bytes, size) : BN_bn2bin(n, bytes);
    encode(bytes, (size_t)len, out, out_size);
    BN_free(n);
}

static int make_keys(void **state)
{
    static struct keys k;
    char n[600], e[16], x[64], y[64];

    k.rsa = EVP_RSA_gen(2048);
    k.other = EVP_RSA_gen(2048);
    k.ec = EVP_EC_gen("P-256");
    number_text(k.rsa, OSSL_PKEY_PARAM_RSA_N, 0, n, sizeof n);
    number_text(k.rsa, OSSL_PKEY_PARAM_RSA_E, 0, e, sizeof e);
    number_text(k.ec, OSSL_PKEY_PARAM_EC_PUB_X, 32, x, sizeof x);
    number_text(k.ec, OSSL_PKEY_PARAM_EC_PUB_Y, 32, y, sizeof y);
    k.set = json_pack("{s:[{ssssssssss},{ssssssssss}]}", "keys", "kty", "RSA", "kid", "r", "use", "sig", "n",
                      n, "e", e, "kty", "EC", "kid", "e", "crv", "P-256", "x", x, "y", y);
    *state = &k;
    return k.set == NULL;
}

static int free_keys(void **state)
{
    struct keys *k = *state;

    EVP_PKEY_free(k->rsa);
    EVP_PKEY_free(k->ec);
    EVP_PKEY_free(k->other);
    json_decref(k->set);
    return 0;
}

/* A token of this header and these claims; `key` NULL: an HMAC with "secret". */
static void make_token(EVP_PKEY *key, bool ec, const char *header, const char *claims, char *out, size_t size)
{
    uint8_t signature[512], raw[64];
    size_t len = sizeof signature;

    encode(header, strlen(header), out, size);
    size_t head = strlen(out);
    out[head] = (char)46;
    out[head + 1] = 0;
    encode(claims, strlen(claims), out + strlen(out), size - strlen(out));
    if (key == NULL) {
        unsigned mac = 0;
        HMAC(EVP_sha256(), "secret", 6, (unsigned char *)out, strlen(out), signature, &mac);
        len = mac;
    } else {
        EVP_MD_CTX *c = EVP_MD_CTX_new();
        assert_int_equal(EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, key), 1);
        assert_int_equal(EVP_DigestSign(c, signature, &len, (unsigned char *)out, strlen(out)), 1);
        EVP_MD_CTX_free(c);
    }
    const uint8_t *given = signature;
    if (ec) {
        const unsigned char *at = signature;
        ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &at, (long)len);
        BN_bn2binpad(ECDSA_SIG_get0_r(s), raw, 32);
        BN_bn2binpad(ECDSA_SIG_get0_s(s), raw + 32, 32);
        ECDSA_SIG_free(s);
        given = raw;
        len = sizeof raw;
    }
    size_t used = strlen(out);
    out[used] = '.';
    encode(given, len, out + used + 1, size - used - 1);
}

#define RS "{\"alg\":\"RS256\",\"kid\":\"r\"}"
#define CLAIMS(iss, aud, exp, iat, nonce, more)                                                              \
    "{\"iss\":\"" iss "\",\"aud\":" aud ",\"exp\":" exp ",\"iat\":" iat ",\"nonce\":\"" nonce                \
    "\",\"sub\":\"u1\"" more "}"
#define RIGHT CLAIMS(ISSUER, "\"imward\"", "1700000300", "1700000000", "n", "")

static bool takes(struct keys *k, EVP_PKEY *key, bool ec, const char *header, const char *claims)
{
    char token[4096], issuer[] = ISSUER, client[] = "imward";
    const struct oidc_settings s = { .issuer = issuer, .client = client };
    struct imw_error_info err = { 0 };
    json_t *out = NULL;
    bool unknown;

    make_token(key, ec, header, claims, token, sizeof token);
    bool taken = oidc_token_check(&s, view_string(token), k->set, "n", now_us, &out, &unknown, &err);
    assert_true(taken || err.code == IMW_ERROR_TRUST);
    json_decref(out);
    return taken;
}

static void test_true_tokens_are_taken(void **state)
{
    struct keys *k = *state;

    assert_true(takes(k, k->rsa, false, RS, RIGHT));
    assert_true(takes(k, k->ec, true, "{\"alg\":\"ES256\",\"kid\":\"e\"}", RIGHT));
    assert_true(takes(k, k->rsa, false, "{\"alg\":\"RS256\"}", RIGHT));
    assert_true(
        takes(k, k->rsa, false, RS,
              CLAIMS(ISSUER, "[\"imward\",\"x\"]", "1700000300", "1700000000", "n", ",\"azp\":\"imward\"")));
}

static void test_signatures_that_prove_nothing_are_refused(void **state)
{
    struct keys *k = *state;

    assert_false(takes(k, k->other, false, RS, RIGHT));
    assert_false(takes(k, NULL, false, "{\"alg\":\"HS256\",\"kid\":\"r\"}", RIGHT));
    assert_false(takes(k, NULL, false, RS, RIGHT));
    assert_false(takes(k, k->rsa, false, "{\"alg\":\"none\"}", RIGHT));
    assert_false(takes(k, k->rsa, false, "{\"alg\":\"RS384\",\"kid\":\"r\"}", RIGHT));
    assert_false(takes(k, k->rsa, false, "{\"kid\":\"r\"}", RIGHT));
    assert_false(takes(k, k->rsa, false, "{\"alg\":\"RS256\",\"kid\":\"z\"}", RIGHT));
    assert_false(takes(k, k->rsa, false, "{\"alg\":\"ES256\",\"kid\":\"r\"}", RIGHT));
    assert_false(takes(k, k->rsa, false, "{\"alg\":\"RS256\",\"kid\":\"r\",\"crit\":[\"b64\"]}", RIGHT));
    assert_false(takes(k, k->ec, false, "{\"alg\":\"ES256\",\"kid\":\"e\"}", RIGHT)); /* DER, not raw */
}

static void test_claims_that_are_not_for_us_are_refused(void **state)
{
    struct keys *k = *state;

    assert_false(takes(k, k->rsa, false, RS,
                       CLAIMS("https://evil.example", "\"imward\"", "1700000300", "1700000000", "n", "")));
    assert_false(
        takes(k, k->rsa, false, RS, CLAIMS(ISSUER "/", "\"imward\"", "1700000300", "1700000000", "n", "")));
    assert_false(
        takes(k, k->rsa, false, RS, CLAIMS(ISSUER, "\"other\"", "1700000300", "1700000000", "n", "")));
    assert_false(takes(k, k->rsa, false, RS,
                       CLAIMS(ISSUER, "[\"imward\",\"x\"]", "1700000300", "1700000000", "n", "")));
    assert_false(takes(k, k->rsa, false, RS,
                       CLAIMS(ISSUER, "\"imward\"", "1700000300", "1700000000", "n", ",\"azp\":\"x\"")));
    assert_false(
        takes(k, k->rsa, false, RS, CLAIMS(ISSUER, "\"imward\"", "1699999000", "1699998000", "n", "")));
    assert_false(
        takes(k, k->rsa, false, RS, CLAIMS(ISSUER, "\"imward\"", "1700009000", "1700001000", "n", "")));
    assert_false(
        takes(k, k->rsa, false, RS, CLAIMS(ISSUER, "\"imward\"", "1700000300", "1700000000", "m", "")));
    assert_false(
        takes(k, k->rsa, false, RS, CLAIMS(ISSUER, "\"imward\"", "1700000300", "1700000000", "", "")));
    assert_false(
        takes(k, k->rsa, false, RS, CLAIMS(ISSUER, "\"imward\"", "\"1700000300\"", "1700000000", "n", "")));
    assert_false(takes(k, k->rsa, false, RS, "{}"));
}

static void test_a_token_with_one_octet_changed_is_refused(void **state)
{
    struct keys *k = *state;
    char token[4096], issuer[] = ISSUER, client[] = "imward";
    const struct oidc_settings s = { .issuer = issuer, .client = client };
    json_t *out = NULL;
    bool unknown;

    make_token(k->rsa, false, RS, RIGHT, token, sizeof token);
    size_t len = strlen(token);
    for (size_t i = 0; i + 1 < len; i += 3) { /* the last letter has bits that say nothing */
        char was = token[i];
        token[i] = was == 'A' ? 'B' : 'A';
        assert_false(oidc_token_check(&s, view_of(token, len), k->set, "n", now_us, &out, &unknown, NULL));
        token[i] = was;
    }
    for (size_t i = 0; i < len; i += 7)
        assert_false(oidc_token_check(&s, view_of(token, i), k->set, "n", now_us, &out, &unknown, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_true_tokens_are_taken),
        cmocka_unit_test(test_signatures_that_prove_nothing_are_refused),
        cmocka_unit_test(test_claims_that_are_not_for_us_are_refused),
        cmocka_unit_test(test_a_token_with_one_octet_changed_is_refused),
    };

    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
