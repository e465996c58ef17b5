/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles of files for gateways: made, signed, kept. */
#include "program/enforcement.h"
#include "base/file.h"
#include "base/text.h"
#include "policy/policy.h"
#include "program/exception.h"
#include "program/policy_people.h"
#include "program/when.h"
#include <dirent.h>
#include <errno.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { POLICY, PEOPLE, EXCEPTIONS, KEPT = 4, PATH_SIZE = 4096, FOLDERS = 64 };
const char *const enforcement_files[ENFORCEMENT_FILES] = { "policy.yaml", "people.csv", "exceptions.yaml" };

/* ---- making ---- */

static bool hash_hex(struct view bytes, char out[65], struct imw_error_info *err)
{
    uint8_t digest[32];
    struct text t = text_over(out, 65);

    if (EVP_Digest(bytes.at, bytes.len, digest, NULL, EVP_sha256(), NULL) != 1)
        return error_memory(err);
    for (unsigned i = 0; i < sizeof digest; i++)
        text_format(&t, "%02x", digest[i]);
    return true;
}

static bool read_policy(struct db *db, struct enforcement *e, bool *out_any, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct db_rows *rows;

    if (!db_query(db, "select id, text from policy_text where state = 'published' order by id desc limit 1",
                  DB_NONE, &rows, err))
        return false;
    *out_any = db_next(rows, &why);
    if (*out_any) {
        struct view text = db_get_text(rows, 1);
        e->policy = db_get_int(rows, 0);
        e->file[POLICY] = malloc(text.len + 1);
        if (e->file[POLICY] != NULL) {
            memcpy(e->file[POLICY], text.at, text.len);
            e->file[POLICY][text.len] = '\0';
            e->len[POLICY] = text.len;
        }
    }
    db_rows_end(rows);
    if (why.code != IMW_OK) {
        *err = why;
        return false;
    }
    return !*out_any || e->file[POLICY] != NULL || error_memory(err);
}

typedef bool write_file(struct db *db, const struct catalog *catalog, uint64_t now_us, struct enforcement *e,
                        FILE *to, struct imw_error_info *err);

static bool write_people(struct db *db, const struct catalog *catalog, uint64_t now_us, struct enforcement *e,
                         FILE *to, struct imw_error_info *err)
{
    struct people_duty *duty = NULL;
    struct policy *p = NULL;

    (void)now_us;
    if (!policy_parse_alone(view_of(e->file[POLICY], e->len[POLICY]), catalog, &p, err))
        return false;
    bool ok = people_duty_read(db, policy_edition(p), &duty, err) &&
              policy_people_write(db, NULL, duty, to, &e->left, err);
    people_duty_free(duty);
    policy_free(p);
    return ok;
}

static bool write_exceptions(struct db *db, const struct catalog *catalog, uint64_t now_us,
                             struct enforcement *e, FILE *to, struct imw_error_info *err)
{
    return exceptions_write(db, catalog, now_us, to, &e->exceptions, err);
}

static bool write_one(struct db *db, const struct catalog *catalog, uint64_t now_us, struct enforcement *e,
                      unsigned which, write_file *write, struct imw_error_info *err)
{
    FILE *to = open_memstream(&e->file[which], &e->len[which]);

    if (to == NULL)
        return error_memory(err);
    bool ok = write(db, catalog, now_us, e, to, err);
    if (fclose(to) != 0 && ok)
        ok = error_errno(err, enforcement_files[which]);
    return ok;
}

static unsigned count_lines(struct view text)
{
    unsigned count = 0;

    for (const uint8_t *at = text.at, *end = text.at + text.len;
         (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++)
        count++;
    return count;
}

/* As the gateway will read it. */
static bool check(struct enforcement *e, const struct catalog *catalog, struct imw_error_info *err)
{
    const struct policy_beside beside = { .people = view_of(e->file[PEOPLE], e->len[PEOPLE]),
                                          .exceptions = view_of(e->file[EXCEPTIONS], e->len[EXCEPTIONS]) };
    struct policy *p = NULL;

    if (!policy_parse_beside(view_of(e->file[POLICY], e->len[POLICY]), &beside, catalog, &p, err))
        return false;
    e->takes = policy_takes_exceptions(p);
    snprintf(e->version, sizeof e->version, "%s", policy_version(p));
    policy_free(p);
    return true;
}

bool enforcement_make(struct db *db, const struct catalog *catalog, uint64_t now_us, struct enforcement *out,
                      bool *out_any, struct imw_error_info *err)
{
    *out = (struct enforcement){ .read_us = now_us };
    bool ok = read_policy(db, out, out_any, err);
    if (ok && *out_any)
        ok = write_one(db, catalog, now_us, out, PEOPLE, write_people, err) &&
             write_one(db, catalog, now_us, out, EXCEPTIONS, write_exceptions, err) &&
             check(out, catalog, err);
    for (unsigned i = 0; ok && *out_any && i < ENFORCEMENT_FILES; i++)
        ok = hash_hex(view_of(out->file[i], out->len[i]), out->sha256[i], err);
    if (ok && *out_any)
        out->people = count_lines(view_of(out->file[PEOPLE], out->len[PEOPLE])) - 1;
    if (!ok || !*out_any)
        enforcement_fini(out);
    return ok;
}

void enforcement_fini(struct enforcement *e)
{
    for (unsigned i = 0; i < ENFORCEMENT_FILES; i++) {
        free(e->file[i]);
        e->file[i] = NULL;
    }
}

static const char *member(const json_t *of, const char *name)
{
    const char *text = json_string_value(json_object_get(of, name));

    return text != NULL ? text : "";
}

bool enforcement_differs(const struct enforcement *e, const json_t *manifest)
{
    const json_t *files = json_object_get(manifest, "files");

    for (unsigned i = 0; i < ENFORCEMENT_FILES; i++)
        if (strcmp(member(json_array_get(files, i), "name"), enforcement_files[i]) != 0 ||
            strcmp(member(json_array_get(files, i), "sha256"), e->sha256[i]) != 0)
            return true;
    return false;
}

bool enforcement_number(struct enforcement *e, uint64_t last, uint64_t now_us, struct imw_error_info *err)
{
    json_t *files = json_pack("[]");
    char when[WHEN_SIZE];

    e->number = now_us > last ? now_us : last + 1;
    when_text(now_us, when);
    for (unsigned i = 0; i < ENFORCEMENT_FILES; i++)
        (void)json_array_append_new(files, json_pack("{s:s,s:I,s:s}", "name", enforcement_files[i], "size",
                                                     (json_int_t)e->len[i], "sha256", e->sha256[i]));
    json_t *manifest =
        json_pack("{s:I,s:s,s:s,s:i,s:i,s:o}", "number", (json_int_t)e->number, "time", when, "policy",
                  e->version, "people", (int)e->people, "exceptions", (int)e->exceptions, "files", files);
    char *text = manifest != NULL ? json_dumps(manifest, JSON_COMPACT) : NULL;
    json_decref(manifest);
    bool ok = text != NULL && strlen(text) < sizeof e->manifest;
    if (ok)
        memcpy(e->manifest, text, strlen(text) + 1);
    free(text);
    return ok || error_memory(err);
}

/* ---- signatures ---- */

void enforcement_signed(uint64_t number, const char *manifest, size_t len, char out[ENFORCEMENT_SIGNED_SIZE])
{
    char hex[65] = "";

    (void)hash_hex(view_of(manifest, len), hex, NULL);
    snprintf(out, ENFORCEMENT_SIGNED_SIZE, ENFORCEMENT_SIGNED "%llu\n%s\n", (unsigned long long)number, hex);
}

json_t *enforcement_read_manifest(const char *text, size_t len)
{
    json_t *m =
        len <= ENFORCEMENT_MANIFEST_BYTES ? json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    bool ok = json_is_integer(json_object_get(m, "number")) &&
              json_integer_value(json_object_get(m, "number")) > 0 &&
              json_array_size(json_object_get(m, "files")) == ENFORCEMENT_FILES;

    for (unsigned i = 0; ok && i < ENFORCEMENT_FILES; i++) {
        const json_t *f = json_array_get(json_object_get(m, "files"), i);
        const json_int_t size = json_integer_value(json_object_get(f, "size"));
        ok = strcmp(member(f, "name"), enforcement_files[i]) == 0 &&
             json_is_integer(json_object_get(f, "size")) && size >= 0 && size <= ENFORCEMENT_FILE_BYTES &&
             strlen(member(f, "sha256")) == 64;
    }
    if (!ok) {
        json_decref(m);
        m = NULL;
    }
    return m;
}

bool enforcement_is_signed(const char *manifest, size_t len, uint64_t number, struct view signature,
                           const uint8_t key[32])
{
    char text[ENFORCEMENT_SIGNED_SIZE];
    uint8_t octets[crypto_sign_BYTES];
    size_t count = 0;
    struct view line = view_trim(view_token(&signature, '\n'));

    enforcement_signed(number, manifest, len, text);
    return sodium_base642bin(octets, sizeof octets, (const char *)line.at, line.len, NULL, &count, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           count == sizeof octets &&
           crypto_sign_verify_detached(octets, (const uint8_t *)text, strlen(text), key) == 0;
}

/* ---- files ---- */

/* A new file; the folder is not one that anybody reads yet. */
static bool store_one(const char *folder, const char *name, struct view text, struct imw_error_info *err)
{
    char path[PATH_SIZE];

    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
        return error_set(err, IMW_ERROR_VALUE, "a shorter path is needed");
    FILE *to = fopen(path, "we");
    bool ok = to != NULL && fwrite(text.at, 1, text.len, to) == text.len && fflush(to) == 0 &&
              fsync(fileno(to)) == 0;
    ok = (to == NULL || fclose(to) == 0) && ok;
    return ok || error_errno(err, path);
}

static void remove_bundle(const char *folder, uint64_t number)
{
    static const char *const names[] = { "policy.yaml", "people.csv", "exceptions.yaml", "manifest.json",
                                         "manifest.sig" };
    char path[PATH_SIZE];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%llu/%s", folder, (unsigned long long)number, names[i]);
        (void)unlink(path);
    }
    snprintf(path, sizeof path, "%s/%llu", folder, (unsigned long long)number);
    (void)rmdir(path);
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x < *y) - (*x > *y);
}

/* All but the newest. */
static void tidy(const char *folder)
{
    uint64_t numbers[FOLDERS], number;
    unsigned count = 0;
    DIR *d = opendir(folder);

    for (const struct dirent *at; d != NULL && count < FOLDERS && (at = readdir(d)) != NULL;)
        if (view_decimal(view_string(at->d_name), INT64_MAX, &number))
            numbers[count++] = number;
    if (d != NULL)
        closedir(d);
    qsort(numbers, count, sizeof numbers[0], by_number);
    for (unsigned i = KEPT; i < count; i++)
        remove_bundle(folder, numbers[i]);
}

bool enforcement_store(const struct enforcement *e, const char *folder, const uint8_t signature[64],
                       const uint8_t key[32], struct imw_error_info *err)
{
    char path[PATH_SIZE], name[32], signed_text[ENFORCEMENT_SIGNATURE_SIZE], one[128], two[64];

    sodium_bin2base64(one, sizeof one, signature, 64, sodium_base64_VARIANT_ORIGINAL);
    sodium_bin2base64(two, sizeof two, key, 32, sodium_base64_VARIANT_ORIGINAL);
    snprintf(signed_text, sizeof signed_text, "%s\n%s\n", one, two);
    snprintf(name, sizeof name, "%llu", (unsigned long long)e->number);
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path - 64)
        return error_set(err, IMW_ERROR_VALUE, "a shorter path is needed");
    if ((mkdir(folder, 0750) != 0 && errno != EEXIST) || (mkdir(path, 0750) != 0 && errno != EEXIST))
        return error_errno(err, path);
    for (unsigned i = 0; i < ENFORCEMENT_FILES; i++)
        if (!store_one(path, enforcement_files[i], view_of(e->file[i], e->len[i]), err))
            return false;
    if (!store_one(path, "manifest.json", view_string(e->manifest), err) ||
        !store_one(path, "manifest.sig", view_string(signed_text), err))
        return false;
    snprintf(path, sizeof path, "%s/current", folder);
    if (!file_replace(path, view_string(name), err))
        return false;
    tidy(folder);
    return true;
}

static bool is_same(const char *path, struct view text)
{
    struct imw_error_info ignored;
    char *was;
    size_t len;

    if (!file_read(path, ENFORCEMENT_FILE_BYTES, &was, &len, &ignored))
        return false;
    bool same = view_equal(view_of(was, len), text);
    free(was);
    return same;
}

bool enforcement_store_beside(const struct enforcement *e, const char *policy_file, unsigned *out_written,
                              struct imw_error_info *err)
{
    const char *slash = strrchr(policy_file, '/');
    const int folder = slash != NULL ? (int)(slash - policy_file) + 1 : 0;
    char path[PATH_SIZE];

    *out_written = 0;
    for (unsigned i = ENFORCEMENT_FILES; i-- > 0;) { /* the policy last: it names the others */
        if ((size_t)(i == POLICY ? snprintf(path, sizeof path, "%s", policy_file)
                                 : snprintf(path, sizeof path, "%.*s%s", folder, policy_file,
                                            enforcement_files[i])) >= sizeof path)
            return error_set(err, IMW_ERROR_VALUE, "a shorter path of the policy's file is needed");
        const struct view text = view_of(e->file[i], e->len[i]);
        if (is_same(path, text))
            continue;
        if (!file_replace(path, text, err))
            return false;
        ++*out_written;
    }
    return true;
}

bool enforcement_load(const char *folder, uint64_t number, const char *name, char **out, size_t *out_len,
                      struct imw_error_info *err)
{
    char path[PATH_SIZE], *current;
    size_t len;

    if (number == 0) {
        snprintf(path, sizeof path, "%s/current", folder);
        if (!file_read(path, 32, &current, &len, err))
            return false;
        const bool good = view_decimal(view_of(current, len), INT64_MAX, &number);
        free(current);
        if (!good)
            return error_file(err, IMW_ERROR_FORMAT, path, "this is no number");
    }
    snprintf(path, sizeof path, "%s/%llu/%s", folder, (unsigned long long)number, name);
    return file_read(path, ENFORCEMENT_FILE_BYTES, out, out_len, err);
}

bool enforcement_note(struct db *db, const struct enforcement *e, uint64_t now_us, struct imw_error_info *err)
{
    char hex[65];

    return hash_hex(view_string(e->manifest), hex, err) &&
           db_run(db, "delete from enforcement where one = 1", DB_NONE, NULL, err) &&
           db_run(
               db,
               "insert into enforcement (one, number, read_us, made_us, policy, version, people, exceptions, takes, "
               "manifest_sha256) values (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
               DB_ARGS(db_int((int64_t)e->number), db_int((int64_t)e->read_us), db_int((int64_t)now_us),
                       db_int(e->policy), db_text(e->version), db_int(e->people), db_int(e->exceptions),
                       db_int(e->takes), db_text(hex)),
               NULL, err);
}
