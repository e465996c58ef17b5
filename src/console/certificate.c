/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A certificate of our own: ECDSA on P-256, self-signed, for the names and addresses under which this host is
 * reached. Browsers ask once whether to trust it; its fingerprint is printed at the start.
 *
 * Sources: RFC 5280 sections 4.2.1.6 (names) and 4.2.1.9; RFC 9525: names are in subjectAltName alone.
 */
#include "console/certificate.h"
#include "base/log.h"
#include "base/text.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMES_BYTES = 2048, ADDRESSES = 24 };

void certificate_paths(const struct console_config *config, char cert[CERTIFICATE_PATH],
                       char key[CERTIFICATE_PATH])
{
    if (config->cert != NULL) {
        snprintf(cert, CERTIFICATE_PATH, "%s", config->cert);
        snprintf(key, CERTIFICATE_PATH, "%s", config->key != NULL ? config->key : config->cert);
        return;
    }
    snprintf(cert, CERTIFICATE_PATH, "%s/keys/front/cert.pem", config->data);
    snprintf(key, CERTIFICATE_PATH, "%s/keys/front/key.pem", config->data);
}

void certificate_folder(const char *path, char out[CERTIFICATE_PATH])
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);

    if (len == 0 || len >= CERTIFICATE_PATH) {
        snprintf(out, CERTIFICATE_PATH, ".");
        return;
    }
    memcpy(out, path, len);
    out[len] = '\0';
}

/* "DNS:host,DNS:localhost,IP:…": names that are none are left out, since the text has a grammar of its own.
 */
static void add_name(struct text *t, const char *name)
{
    uint8_t octets[16];
    bool address = inet_pton(AF_INET, name, octets) == 1 || inet_pton(AF_INET6, name, octets) == 1;

    for (const char *at = name; *at != '\0'; at++)
        if (!((*at | 0x20) >= 'a' && (*at | 0x20) <= 'z') && !(*at >= '0' && *at <= '9') && *at != '-' &&
            *at != '.' && !(address && *at == ':'))
            return;
    if (name[0] != '\0' && t->len + strlen(name) + 8 < t->size)
        text_format(t, "%s%s:%s", t->len > 0 ? "," : "", address ? "IP" : "DNS", name);
}

static void add_addresses(struct text *t)
{
    struct ifaddrs *all = NULL;
    unsigned count = 0;

    if (getifaddrs(&all) != 0)
        return;
    for (const struct ifaddrs *a = all; a != NULL && count < ADDRESSES; a = a->ifa_next) {
        char name[INET6_ADDRSTRLEN] = "";
        if (a->ifa_addr == NULL || (a->ifa_flags & IFF_LOOPBACK) != 0)
            continue;
        if (a->ifa_addr->sa_family == AF_INET)
            inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)a->ifa_addr)->sin_addr, name,
                      sizeof name);
        if (a->ifa_addr->sa_family == AF_INET6 &&
            !IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)(const void *)a->ifa_addr)->sin6_addr))
            inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)a->ifa_addr)->sin6_addr, name,
                      sizeof name);
        if (name[0] != '\0') {
            add_name(t, name);
            count++;
        }
    }
    freeifaddrs(all);
}

static bool add_extension(X509 *x, int what, const char *value)
{
    X509V3_CTX context;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, what, value);
    bool ok = e != NULL && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

static X509 *make_certificate(EVP_PKEY *key, const char *host, const char *names)
{
    X509 *x = X509_new();
    BIGNUM *serial = BN_new();
    bool ok = x != NULL && serial != NULL && X509_set_version(x, 2) == 1 &&
              BN_rand(serial, 120, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
              BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x)) != NULL &&
              X509_gmtime_adj(X509_getm_notBefore(x), -3600) != NULL &&
              X509_time_adj_ex(X509_getm_notAfter(x), CERTIFICATE_DAYS, 0, NULL) != NULL &&
              X509_set_pubkey(x, key) == 1;

    if (ok) {
        X509_NAME *subject = X509_get_subject_name(x);
        ok = X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, (const unsigned char *)"imward", -1, -1,
                                        0) == 1 &&
             X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)host,
                                        (int)strnlen(host, 64), -1, 0) == 1 &&
             X509_set_issuer_name(x, subject) == 1 && add_extension(x, NID_subject_alt_name, names) &&
             add_extension(x, NID_basic_constraints, "critical,CA:FALSE") &&
             add_extension(x, NID_key_usage, "critical,digitalSignature") &&
             add_extension(x, NID_ext_key_usage, "serverAuth") &&
             add_extension(x, NID_subject_key_identifier, "hash") && X509_sign(x, key, EVP_sha256()) > 0;
    }
    BN_free(serial);
    if (!ok) {
        X509_free(x);
        return NULL;
    }
    return x;
}

/* A new file in place of the old one, 0600. */
static bool write_pem(const char *path, X509 *x, EVP_PKEY *key, struct imw_error_info *err)
{
    char fresh[CERTIFICATE_PATH + 8];

    snprintf(fresh, sizeof fresh, "%s.new", path);
    (void)unlink(fresh);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (f == NULL) {
        if (fd >= 0)
            close(fd);
        return error_errno(err, fresh);
    }
    bool ok = x != NULL ? PEM_write_X509(f, x) == 1
                        : PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1;
    ok = fflush(f) == 0 && ok && fsync(fd) == 0;
    ok = fclose(f) == 0 && ok && rename(fresh, path) == 0;
    return ok || error_errno(err, path);
}

static X509 *read_certificate(const char *path)
{
    FILE *f = fopen(path, "re");
    X509 *x = f != NULL ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

    if (f != NULL)
        fclose(f);
    return x;
}

/* Is there one that holds for a while? */
static bool is_good(const char *cert, const char *key)
{
    X509 *x = read_certificate(cert);
    time_t soon = time(NULL) + CERTIFICATE_RENEW_DAYS * 86400;
    bool good = x != NULL && X509_cmp_time(X509_get0_notAfter(x), &soon) > 0 && access(key, R_OK) == 0;

    X509_free(x);
    return good;
}

bool certificate_ensure(const struct console_config *config, struct imw_error_info *err)
{
    char cert[CERTIFICATE_PATH], key_path[CERTIFICATE_PATH], folder[CERTIFICATE_PATH], names[NAMES_BYTES],
        host[256] = "";
    struct text t = TEXT(names);

    certificate_paths(config, cert, key_path);
    if (config->cert != NULL || is_good(cert, key_path))
        return true;
    if (config->name != NULL)
        snprintf(host, sizeof host, "%s", config->name);
    else if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0')
        snprintf(host, sizeof host, "localhost");
    add_name(&t, host);
    add_name(&t, "localhost");
    add_name(&t, "127.0.0.1");
    add_name(&t, "::1");
    add_addresses(&t);
    certificate_folder(cert, folder);
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return error_errno(err, folder);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = key != NULL ? make_certificate(key, host, names) : NULL;
    bool ok = x != NULL ? write_pem(key_path, NULL, key, err) && write_pem(cert, x, NULL, err)
                        : error_set(err, IMW_ERROR_SYSTEM, "the certificate could not be made");
    X509_free(x);
    EVP_PKEY_free(key);
    if (ok)
        log_notice("certificate", "made %s for %s", cert, names);
    return ok;
}

bool certificate_fingerprint(const struct console_config *config, char out[96])
{
    char cert[CERTIFICATE_PATH], key[CERTIFICATE_PATH];
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct text t = text_over(out, 96);

    certificate_paths(config, cert, key);
    X509 *x = read_certificate(cert);
    bool ok = x != NULL && X509_digest(x, EVP_sha256(), digest, &len) == 1;
    for (unsigned i = 0; ok && i < len; i++)
        text_format(&t, "%s%02X", i > 0 ? ":" : "", digest[i]);
    X509_free(x);
    return ok;
}
