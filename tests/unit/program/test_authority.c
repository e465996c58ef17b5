/* SPDX-License-Identifier: Apache-2.0 */
/* The authority of the sensors' certificates: who is accepted as what, and what is kept where. */
#include "../test.h"
#include "program/authority.h"
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static uint64_t now(void)
{
    return (uint64_t)time(NULL) * 1000000;
}

static X509 *read_one(BIO *b)
{
    X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);

    assert_non_null(x);
    return x;
}

/* May `x` be what `purpose` says, at this time? */
static bool passes(X509 *ca, X509 *x, int purpose, time_t at)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *c = X509_STORE_CTX_new();

    assert_int_equal(X509_STORE_add_cert(store, ca), 1);
    assert_int_equal(X509_STORE_CTX_init(c, store, x, NULL), 1);
    X509_STORE_CTX_set_purpose(c, purpose);
    X509_STORE_CTX_set_time(c, 0, at);
    bool ok = X509_verify_cert(c) == 1;
    X509_STORE_CTX_free(c);
    X509_STORE_free(store);
    return ok;
}

static void test_a_sensor_is_a_client_for_its_time_and_no_server(void **state)
{
    char folder[] = "/tmp/imward-authority-XXXXXX", path[128], command[128];
    struct imw_error_info err = { 0 };
    struct authority_issued issued;
    struct authority *a;
    struct stat st;
    time_t t = time(NULL);

    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_true(authority_make(folder, now(), &err));
    assert_true(authority_make(folder, now(), &err)); /* all is there */
    assert_true(authority_load(folder, &a, &err));
    snprintf(path, sizeof path, "%s/ca/ca.key", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(authority_issue(a, "vault-1", 30, now(), &issued, &err));
    BIO *b = BIO_new_mem_buf(issued.bundle, -1);
    X509 *own = read_one(b), *ca;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(b, NULL, NULL, NULL);
    assert_int_equal(X509_check_private_key(own, key), 1);
    ca = read_one(b);
    assert_true(passes(ca, own, X509_PURPOSE_SSL_CLIENT, t));
    assert_false(passes(ca, own, X509_PURPOSE_SSL_SERVER, t));
    assert_false(passes(ca, own, X509_PURPOSE_SSL_CLIENT, t + 31 * 86400));
    assert_false(passes(ca, own, X509_PURPOSE_SSL_CLIENT, t - 86400));
    uint8_t fingerprint[32];
    unsigned n = sizeof fingerprint;
    assert_int_equal(X509_digest(own, EVP_sha256(), fingerprint, &n), 1);
    assert_memory_equal(fingerprint, issued.fingerprint, sizeof fingerprint);

    snprintf(path, sizeof path, "%s/collector/collector.pem", folder);
    BIO *f = BIO_new_file(path, "r");
    X509 *collector = read_one(f);
    assert_true(passes(ca, collector, X509_PURPOSE_SSL_SERVER, t));
    assert_false(passes(ca, collector, X509_PURPOSE_SSL_CLIENT, t));
    assert_int_equal(X509_check_host(collector, "imward-collector", 0, 0, NULL), 1);
    BIO_free(f);

    /* 400 days later the collector's is made anew, the authority's stays. */
    assert_true(authority_make(folder, now() + 400ull * 86400 * 1000000, &err));
    f = BIO_new_file(path, "r");
    X509 *renewed = read_one(f);
    assert_true(passes(ca, renewed, X509_PURPOSE_SSL_SERVER, t + 401 * 86400));
    assert_false(authority_issue(a, "../x", 30, now(), &issued, &err));
    assert_false(authority_issue(a, "-x", 30, now(), &issued, &err));
    assert_false(authority_issue(a, "", 30, now(), &issued, &err));

    X509_free(renewed);
    X509_free(collector);
    X509_free(own);
    X509_free(ca);
    EVP_PKEY_free(key);
    BIO_free(f);
    BIO_free(b);
    free(issued.bundle);
    authority_free(a);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sensor_is_a_client_for_its_time_and_no_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
