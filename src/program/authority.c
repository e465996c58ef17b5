/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and certificates by OpenSSL.
 *
 * Source: RFC 5280 section 4.2.1 (basic constraints, key usage, extended key usage, alternative name).
 */
#include "program/authority.h"
#include "base/text.h"
#include "event/collector_wire.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CA_DAYS = 3653,
    COLLECTOR_DAYS = 397,
    COLLECTOR_RENEW_DAYS = 90,
    EARLY_S = 3600, /* clocks differ */
    PATH_BYTES = 1024,
};

struct authority {
    X509 *certificate;
    EVP_PKEY *key;
};

static bool failed(struct imw_error_info *err, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return error_set(err, IMW_ERROR_SYSTEM, "%s: %s", what, reason != NULL ? reason : "OpenSSL failed");
}

/* ---- certificates ---- */

/* What a kind of certificate may do. */
struct kind {
    const char *basic, *usage, *extended; /* as OpenSSL's configuration has them; extended NULL: none */
    bool named;                           /* its name is also a DNS name in subjectAltName */
};
static const struct kind kind_ca = { "critical,CA:TRUE,pathlen:0", "critical,keyCertSign,cRLSign", NULL,
                                     false };
static const struct kind kind_collector = { "critical,CA:FALSE", "critical,digitalSignature", "serverAuth",
                                            true };
static const struct kind kind_sensor = { "critical,CA:FALSE", "critical,digitalSignature", "clientAuth",
                                         false };

static bool add_extension(X509 *x, X509 *issuer, int id, const char *value)
{
    X509V3_CTX context;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, id, value);
    bool ok = e != NULL && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

static bool set_serial(X509 *x)
{
    uint8_t octets[16];
    BIGNUM *n = NULL;

    if (RAND_bytes(octets, sizeof octets) != 1)
        return false;
    octets[0] = (uint8_t)((octets[0] & 0x7f) | 0x40); /* positive, and of one length */
    n = BN_bin2bn(octets, sizeof octets, NULL);
    bool ok = n != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL;
    BN_free(n);
    return ok;
}

static bool set_times(X509 *x, unsigned days, uint64_t now_us)
{
    time_t now = (time_t)(now_us / 1000000);

    return ASN1_TIME_adj(X509_getm_notBefore(x), now, 0, -(long)EARLY_S) != NULL &&
           ASN1_TIME_adj(X509_getm_notAfter(x), now, (int)days, 0) != NULL;
}

static bool set_names(X509 *x, X509 *issuer, const char *name)
{
    X509_NAME *subject = X509_get_subject_name(x);

    return X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_ASC, (const unsigned char *)"imward", -1, -1,
                                      0) == 1 &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) ==
               1 &&
           X509_set_issuer_name(x, X509_get_subject_name(issuer)) == 1;
}

static bool set_extensions(X509 *x, X509 *issuer, const struct kind *k, const char *name)
{
    char dns[AUTHORITY_SENSOR_NAME_BYTES + 8];

    snprintf(dns, sizeof dns, "DNS:%s", name);
    return add_extension(x, issuer, NID_basic_constraints, k->basic) &&
           add_extension(x, issuer, NID_key_usage, k->usage) &&
           (k->extended == NULL || add_extension(x, issuer, NID_ext_key_usage, k->extended)) &&
           (!k->named || add_extension(x, issuer, NID_subject_alt_name, dns)) &&
           add_extension(x, issuer, NID_subject_key_identifier, "hash") &&
           (x == issuer || add_extension(x, issuer, NID_authority_key_identifier, "keyid:always"));
}

/* A key and a certificate for it, signed by `by` (NULL: by itself). */
static bool make(const struct authority *by, const struct kind *k, const char *name, unsigned days,
                 uint64_t now_us, struct authority *out, struct imw_error_info *err)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509 *issuer = by != NULL ? by->certificate : x;

    if (key != NULL && x != NULL && X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) &&
        set_times(x, days, now_us) && set_names(x, issuer, name) && X509_set_pubkey(x, key) == 1 &&
        set_extensions(x, issuer, k, name) && X509_sign(x, by != NULL ? by->key : key, EVP_sha256()) > 0) {
        *out = (struct authority){ x, key };
        return true;
    }
    X509_free(x);
    EVP_PKEY_free(key);
    return failed(err, "a certificate could not be made");
}

static void release(struct authority *a)
{
    X509_free(a->certificate);
    EVP_PKEY_free(a->key);
    *a = (struct authority){ 0 };
}

/* ---- files ---- */

static FILE *file_begin(const char *path, mode_t mode, struct imw_error_info *err)
{
    char part[PATH_BYTES + 8];

    snprintf(part, sizeof part, "%s.new", path);
    (void)unlink(part);
    int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (f == NULL) {
        error_errno(err, part);
        if (fd >= 0)
            close(fd);
    }
    return f;
}

static bool file_end(FILE *f, const char *path, bool written, struct imw_error_info *err)
{
    char part[PATH_BYTES + 8];

    snprintf(part, sizeof part, "%s.new", path);
    bool ok = written && fflush(f) == 0 && fsync(fileno(f)) == 0;
    ok &= fclose(f) == 0;
    if (ok && rename(part, path) == 0)
        return true;
    error_errno(err, path);
    (void)unlink(part);
    return false;
}

/* Either may be NULL. */
static bool file_write(const char *path, mode_t mode, X509 *certificate, EVP_PKEY *key,
                       struct imw_error_info *err)
{
    FILE *f = file_begin(path, mode, err);

    if (f == NULL)
        return false;
    bool ok = (certificate == NULL || PEM_write_X509(f, certificate) == 1) &&
              (key == NULL || PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1);
    return file_end(f, path, ok, err);
}

struct paths {
    char ca_folder[PATH_BYTES], folder[PATH_BYTES];
    char ca_key[PATH_BYTES], ca[PATH_BYTES], copy[PATH_BYTES], own[PATH_BYTES];
};

static bool paths_of(const char *folder, struct paths *out, struct imw_error_info *err)
{
    int most = (int)sizeof out->ca;

    if (snprintf(out->ca_folder, sizeof out->ca_folder, "%s/ca", folder) < most &&
        snprintf(out->folder, sizeof out->folder, "%s/collector", folder) < most &&
        snprintf(out->ca_key, sizeof out->ca_key, "%s/ca/ca.key", folder) < most &&
        snprintf(out->ca, sizeof out->ca, "%s/ca/ca.pem", folder) < most &&
        snprintf(out->copy, sizeof out->copy, "%s/collector/ca.pem", folder) < most &&
        snprintf(out->own, sizeof out->own, "%s/collector/collector.pem", folder) < most)
        return true;
    return error_set(err, IMW_ERROR_VALUE, "the path of the data folder is too long");
}

static bool folder_make(const char *path, struct imw_error_info *err)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST || error_errno(err, path);
}

/* A certificate out of a PEM file, NULL without one. */
static X509 *certificate_read(const char *path)
{
    FILE *f = fopen(path, "re");
    X509 *x = f != NULL ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

    if (f != NULL)
        fclose(f);
    ERR_clear_error();
    return x;
}

static bool lasts(const char *path, const struct authority *by, unsigned days, uint64_t now_us)
{
    X509 *x = certificate_read(path);
    time_t then = (time_t)(now_us / 1000000) + (time_t)days * 86400;
    bool ok = x != NULL && X509_cmp_time(X509_get0_notAfter(x), &then) > 0 && X509_verify(x, by->key) == 1;

    ERR_clear_error();
    X509_free(x);
    return ok;
}

static bool load(const struct paths *p, struct authority *out, struct imw_error_info *err)
{
    FILE *f = fopen(p->ca_key, "re");
    struct authority a = { 0 };

    if (f == NULL)
        return error_errno(err, p->ca_key);
    a.key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    fclose(f);
    a.certificate = certificate_read(p->ca);
    if (a.key != NULL && a.certificate != NULL && X509_check_private_key(a.certificate, a.key) == 1) {
        *out = a;
        return true;
    }
    ERR_clear_error();
    release(&a);
    return error_file(
        err, IMW_ERROR_FORMAT, p->ca_key,
        "key and certificate (ca.pem) of the sensors' authority do not belong together: bring both back "
        "from a backup; or remove both, and enrol every sensor anew");
}

bool authority_make(const char *folder, uint64_t now_us, struct imw_error_info *err)
{
    struct authority ca = { 0 }, own = { 0 };
    struct paths p;
    bool ok;

    if (!paths_of(folder, &p, err) || !folder_make(folder, err) || !folder_make(p.ca_folder, err) ||
        !folder_make(p.folder, err))
        return false;
    if (access(p.ca_key, F_OK) == 0)
        ok = load(&p, &ca, err);
    else /* the key last: with it, all is there */
        ok = make(NULL, &kind_ca, "imward sensors", CA_DAYS, now_us, &ca, err) &&
             file_write(p.ca, 0644, ca.certificate, NULL, err) &&
             file_write(p.ca_key, 0600, NULL, ca.key, err);
    if (ok && !lasts(p.own, &ca, COLLECTOR_RENEW_DAYS, now_us))
        ok = make(&ca, &kind_collector, COLLECTOR_NAME, COLLECTOR_DAYS, now_us, &own, err) &&
             file_write(p.copy, 0644, ca.certificate, NULL, err) &&
             file_write(p.own, 0600, own.certificate, own.key, err);
    release(&own);
    release(&ca);
    return ok;
}

bool authority_load(const char *folder, struct authority **out, struct imw_error_info *err)
{
    struct authority *a = calloc(1, sizeof *a);
    struct paths p;

    if (a == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the sensors' authority");
    if (!paths_of(folder, &p, err) || !load(&p, a, err)) {
        free(a);
        return false;
    }
    *out = a;
    return true;
}

void authority_free(struct authority *a)
{
    if (a != NULL)
        release(a);
    free(a);
}

/* ---- sensors ---- */

bool authority_name_is_good(const char *name)
{
    size_t n = strlen(name);

    if (n == 0 || n >= AUTHORITY_SENSOR_NAME_BYTES)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = name[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && (i == 0 || (c != '.' && c != '-' && c != '_')))
            return false;
    }
    return true;
}

static char *bundle_of(const struct authority *own, const struct authority *ca)
{
    BIO *b = BIO_new(BIO_s_mem());
    char *text, *out = NULL;

    if (b != NULL && PEM_write_bio_X509(b, own->certificate) == 1 &&
        PEM_write_bio_PKCS8PrivateKey(b, own->key, NULL, NULL, 0, NULL, NULL) == 1 &&
        PEM_write_bio_X509(b, ca->certificate) == 1) {
        long n = BIO_get_mem_data(b, &text);
        out = n > 0 ? strndup(text, (size_t)n) : NULL;
    }
    BIO_free(b);
    return out;
}

bool authority_issue(const struct authority *a, const char *name, unsigned days, uint64_t now_us,
                     struct authority_issued *out, struct imw_error_info *err)
{
    struct authority own = { 0 };
    struct authority_issued issued = { .end_us = now_us + (uint64_t)days * 86400 * 1000000 };
    unsigned n = sizeof issued.fingerprint;

    if (!authority_name_is_good(name))
        return error_set(err, IMW_ERROR_VALUE,
                         "a sensor's name has letters, digits, '.', '-' and '_', at most %d, and "
                         "begins with a letter or digit",
                         AUTHORITY_SENSOR_NAME_BYTES - 1);
    if (!make(a, &kind_sensor, name, days, now_us, &own, err))
        return false;
    issued.bundle = bundle_of(&own, a);
    bool ok =
        issued.bundle != NULL && X509_digest(own.certificate, EVP_sha256(), issued.fingerprint, &n) == 1;
    release(&own);
    if (!ok) {
        free(issued.bundle);
        return failed(err, "a certificate could not be written");
    }
    *out = issued;
    return true;
}
