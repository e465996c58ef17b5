/* SPDX-License-Identifier: Apache-2.0 */
/* Is an evidence package whole? program/evidence_verify.h */
#include "program/evidence_verify.h"
#include "base/text.h"
#include "program/audit_record.h"
#include "program/evidence_zip.h"
#include <fcntl.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MANIFEST_BYTES = 4 << 20,
    SIGNATURE_BYTES = 256,
    KEY_CHARS = 44, /* 32 octets in base64 */
    RATIO = 1100,   /* deflate cannot do more than 1032 */
};
#define UNPACKED_BYTES (8ull << 30)
static const char manifest_name[] = "manifest.json", signature_name[] = "manifest.sig",
                  trail_name[] = "audit/trail.ndjson";

static void fault(struct evidence_result *r, const char *format, ...) IMW_PRINTF(2, 3);

static void fault(struct evidence_result *r, const char *format, ...)
{
    va_list args;

    if (r->faults < EVIDENCE_FAULTS) {
        va_start(args, format);
        vsnprintf(r->fault[r->faults], EVIDENCE_FAULT_BYTES, format, args);
        va_end(args);
    }
    r->faults++;
}

static void sha256_hex(struct view v, char out[65])
{
    uint8_t digest[32] = { 0 };
    struct text t = text_over(out, 65);

    (void)EVP_Digest(v.at, v.len, digest, NULL, EVP_sha256(), NULL);
    text_hex(&t, view_of(digest, sizeof digest));
}

static const struct zip_entry *find(const struct zip_file *z, const char *name)
{
    for (unsigned i = 0; i < z->count; i++)
        if (view_equal(z->entries[i].name, view_string(name)))
            return &z->entries[i];
    return NULL;
}

/* ---- small parts, whole ---- */

struct collected {
    uint8_t *at;
    size_t len, size;
};

static bool collect(void *context, struct view piece)
{
    struct collected *c = context;

    if (piece.len > c->size - c->len)
        return false;
    if (piece.len > 0)
        memcpy(c->at + c->len, piece.at, piece.len);
    c->len += piece.len;
    return true;
}

/* NULL: told. The caller's. */
static char *read_small(const struct zip_file *z, const char *name, size_t most, size_t *out_len,
                        struct evidence_result *r)
{
    const struct zip_entry *e = find(z, name);
    struct imw_error_info err = { 0 };

    if (e == NULL || e->size > most) {
        fault(r, e == NULL ? "%s is missing" : "%s is larger than any package's", name);
        return NULL;
    }
    struct collected c = { .at = malloc(e->size + 1u), .size = e->size };
    if (c.at == NULL || !zip_read(e, collect, &c, &err)) {
        fault(r, "%s", c.at == NULL ? "out of memory" : err.text);
        free(c.at);
        return NULL;
    }
    c.at[c.len] = '\0';
    *out_len = c.len;
    return (char *)c.at;
}

/* ---- signatures ---- */

/* "SIGNATURE LF KEY LF". The package's key is r->key where none was given. */
static void check_signature(const struct zip_file *z, struct view manifest, struct evidence_result *r)
{
    char hex[65], again[KEY_CHARS + 1];
    uint8_t key[32];
    size_t len = 0, count = 0;
    char *text = read_small(z, signature_name, SIGNATURE_BYTES, &len, r);

    if (text == NULL)
        return;
    const struct view all = view_of(text, len),
                      said = view_slice(all, EVIDENCE_SIGNATURE_CHARS + 1, all.len - 1);
    bool ok = len == EVIDENCE_SIGNATURE_CHARS + 1 + KEY_CHARS + 1 &&
              all.at[EVIDENCE_SIGNATURE_CHARS] == '\n' && all.at[len - 1] == '\n' &&
              sodium_base642bin(key, sizeof key, (const char *)said.at, said.len, NULL, &count, NULL,
                                sodium_base64_VARIANT_ORIGINAL) == 0 &&
              count == sizeof key;
    if (ok)
        sodium_bin2base64(again, sizeof again, key, sizeof key, sodium_base64_VARIANT_ORIGINAL);
    if (!ok || !view_equal(view_string(again), said)) {
        fault(r, "%s is not as it is written", signature_name);
    } else {
        if (!r->key_given)
            memcpy(r->key, key, sizeof key);
        sha256_hex(manifest, hex);
        if (memcmp(r->key, key, sizeof key) != 0)
            fault(r, "the package is signed by another key than the one that was given");
        else if (!evidence_is_signed("manifest", hex, view_slice(all, 0, EVIDENCE_SIGNATURE_CHARS), key))
            fault(r, "the manifest's signature is wrong: %s was changed", manifest_name);
    }
    free(text);
}

static void check_seal(const struct zip_file *z, struct evidence_result *r)
{
    const struct view opens = VIEW(EVIDENCE_SEAL);
    char hex[65];

    sha256_hex(z->sealed, hex);
    if (!view_starts(z->seal, opens))
        fault(r, "the archive has no seal: it was packed anew, or changed");
    else if (!evidence_is_signed("archive", hex, view_from(z->seal, opens.len), r->key))
        fault(r, "the archive's seal is broken: an octet of the file was changed, in a part or beside them");
}

/* ---- parts ---- */

struct measured {
    EVP_MD_CTX *sum;
    FILE *copy; /* NULL: none is needed */
};

static bool measure(void *context, struct view piece)
{
    struct measured *m = context;

    return EVP_DigestUpdate(m->sum, piece.at, piece.len) == 1 &&
           (m->copy == NULL || fwrite(piece.at, 1, piece.len, m->copy) == piece.len);
}

static void check_trail(FILE *trail, struct evidence_result *r)
{
    struct imw_error_info err = { 0 };

    rewind(trail);
    if (!audit_verify_stream(trail, view_of(r->key, sizeof r->key), &r->trail, &err))
        fault(r, "%s: %s", trail_name, err.text);
    else if (r->trail.wrong_seq != 0)
        fault(r, "%s: %s", trail_name, r->trail.wrong);
    else if (r->trail.unsigned_records != 0)
        fault(r, "%s: its last %llu records are not signed", trail_name,
              (unsigned long long)r->trail.unsigned_records);
}

static void check_part(const struct zip_entry *e, const char *name, uint64_t size, const char *sha256,
                       struct evidence_result *r)
{
    const bool is_trail = strcmp(name, trail_name) == 0;
    struct measured m = { .sum = EVP_MD_CTX_new(), .copy = is_trail ? tmpfile() : NULL };
    struct imw_error_info err = { 0 };
    uint8_t digest[32] = { 0 };
    char hex[65] = "";
    struct text t = TEXT(hex);

    if (m.sum == NULL || (is_trail && m.copy == NULL) || EVP_DigestInit_ex(m.sum, EVP_sha256(), NULL) != 1) {
        fault(r, "%s: no memory, or no room for temporary files", name);
    } else if (!zip_read(e, measure, &m, &err)) {
        fault(r, "%s", err.text);
    } else {
        EVP_DigestFinal_ex(m.sum, digest, NULL);
        text_hex(&t, view_of(digest, sizeof digest));
        if (e->size != size || strcmp(hex, sha256) != 0)
            fault(r, "%s was changed: the manifest has another SHA-256 of it", name);
        else
            r->parts++;
        if (is_trail)
            check_trail(m.copy, r);
    }
    if (m.copy != NULL)
        fclose(m.copy);
    EVP_MD_CTX_free(m.sum);
}

static bool is_named(const json_t *parts, struct view name)
{
    const json_t *part;
    size_t i;

    json_array_foreach(parts, i,
                       part) if (view_equal(view_string(json_string_value(json_object_get(part, "name"))),
                                            name)) return true;
    return false;
}

static void check_parts(const struct zip_file *z, struct evidence_result *r)
{
    const json_t *parts = json_object_get(r->manifest, "parts"), *part;
    size_t i;

    json_array_foreach(parts, i, part)
    {
        const char *name = json_string_value(json_object_get(part, "name")),
                   *sha256 = json_string_value(json_object_get(part, "sha256"));
        const json_int_t size = json_integer_value(json_object_get(part, "size"));
        if (name == NULL || sha256 == NULL || size < 0 || !evidence_name_is_safe(view_string(name))) {
            fault(r, "part %zu of the manifest is not as it is written", i + 1);
            continue;
        }
        const struct zip_entry *e = find(z, name);
        if (e == NULL)
            fault(r, "%s is missing from the archive", name);
        else
            check_part(e, name, (uint64_t)size, sha256, r);
    }
    for (unsigned k = 0; k < z->count; k++) {
        const struct view name = z->entries[k].name;
        if (!view_equal(name, view_string(manifest_name)) && !view_equal(name, view_string(signature_name)) &&
            !is_named(parts, name))
            fault(r, "%.*s is in the archive, and not in the manifest", (int)name.len, (const char *)name.at);
    }
    if (json_array_size(parts) + 2 != z->count && r->faults == 0)
        fault(r, "the manifest names another number of parts than the archive has");
    if (!is_named(parts, view_string(trail_name)))
        fault(r, "%s is missing: a package has the audit trail of its time", trail_name);
}

static void check_manifest(const struct zip_file *z, struct evidence_result *r)
{
    size_t len = 0;
    char *text = read_small(z, manifest_name, MANIFEST_BYTES, &len, r);

    if (text == NULL)
        return;
    check_signature(z, view_of(text, len), r);
    check_seal(z, r);
    r->manifest = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    const char *kind = json_string_value(json_object_get(r->manifest, "evidence"));
    if (kind == NULL || strcmp(kind, "imward evidence package 1") != 0) {
        fault(r, "%s is not that of an evidence package", manifest_name);
        json_decref(r->manifest);
        r->manifest = NULL;
    }
    free(text);
    if (r->manifest != NULL)
        check_parts(z, r);
}

void evidence_verify(struct view file, struct view key, struct evidence_result *out)
{
    struct imw_error_info err = { 0 };
    struct zip_file z;
    uint64_t unpacked = 0;

    *out = (struct evidence_result){ .key_given = key.len == sizeof out->key };
    if (out->key_given)
        memcpy(out->key, key.at, sizeof out->key);
    if (!zip_open(file, &z, &err)) {
        fault(out, "%s", err.text);
    } else {
        for (unsigned i = 0; i < z.count; i++)
            unpacked += z.entries[i].size;
        if (unpacked > UNPACKED_BYTES || unpacked / RATIO > file.len)
            fault(out, "the archive claims to unpack to %llu octets, which no package does",
                  (unsigned long long)unpacked);
        else
            check_manifest(&z, out);
    }
    zip_close(&z);
}

void evidence_result_fini(struct evidence_result *r)
{
    json_decref(r->manifest);
    r->manifest = NULL;
}

/* ---- files ---- */

bool evidence_is_package(const char *path)
{
    uint8_t head[4] = { 0 };
    FILE *file = fopen(path, "re");
    const size_t len = file != NULL ? fread(head, 1, sizeof head, file) : 0;

    if (file != NULL)
        fclose(file);
    const size_t name = strlen(path);
    return view_starts(view_of(head, len), VIEW("PK")) || (name > 4 && strcmp(path + name - 4, ".zip") == 0);
}

bool evidence_verify_file(const char *path, struct view key, struct evidence_result *out,
                          struct imw_error_info *err)
{
    struct stat info;
    void *map = NULL;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &info) != 0) {
        if (fd >= 0)
            close(fd);
        return error_errno(err, path);
    }
    const bool plain = S_ISREG(info.st_mode);
    const size_t len = plain && info.st_size > 0 ? (size_t)info.st_size : 0;
    if (len > 0)
        map = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (!plain || map == MAP_FAILED)
        return error_file(err, IMW_ERROR_VALUE, path, "this is no file that can be read");
    evidence_verify(view_of(map, len), key, out);
    if (map != NULL)
        munmap(map, len);
    return true;
}
