/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a console. */
#include "console/keys.h"
#include "base/file.h"
#include "base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 512 };

static bool folder_ensure(const char *path, struct imw_error_info *err)
{
    struct stat info;

    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_errno(err, path);
    if (stat(path, &info) != 0)
        return error_errno(err, path);
    if (!S_ISDIR(info.st_mode))
        return error_file(err, IMW_ERROR_VALUE, path, "is no folder");
    if (info.st_uid != geteuid())
        return error_file(err, IMW_ERROR_VALUE, path,
                          "belongs to another user: chown it to the one that serves");
    if ((info.st_mode & 0077) != 0)
        return error_file(err, IMW_ERROR_VALUE, path, "is open to others: chmod 0700 it");
    return true;
}

static bool write_key(const char *path, const uint8_t *key, mode_t mode, struct imw_error_info *err)
{
    char hex[2 * KEY_BYTES + 2], fresh[PATH_SIZE + 8];
    struct text t = TEXT(hex);

    text_hex(&t, view_of(key, KEY_BYTES));
    text_char(&t, '\n');
    snprintf(fresh, sizeof fresh, "%s.new", path);
    (void)unlink(fresh);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    bool ok = fd >= 0 && write(fd, hex, t.len) == (ssize_t)t.len && fsync(fd) == 0;
    if (fd >= 0)
        ok = close(fd) == 0 && ok;
    ok = ok && rename(fresh, path) == 0;
    explicit_bzero(hex, sizeof hex);
    return ok || error_errno(err, path);
}

static bool read_key(const char *path, uint8_t *out, struct imw_error_info *err)
{
    struct stat info;
    char *text;
    size_t len, got = 0;

    if (stat(path, &info) != 0)
        return error_errno(err, path);
    if ((info.st_mode & 0077) != 0)
        return error_file(err, IMW_ERROR_VALUE, path, "the key is open to others: chmod 0600 it");
    if (!file_read(path, 1024, &text, &len, err))
        return false;
    bool ok = sodium_hex2bin(out, KEY_BYTES, text, len, "\r\n ", &got, NULL) == 0 && got == KEY_BYTES;
    explicit_bzero(text, len);
    free(text);
    return ok ||
           error_file(err, IMW_ERROR_FORMAT, path,
                      "is no key: put it back from a backup; without it sealed settings cannot be read");
}

/* A new random key, unless it is there. */
static bool key_ensure(const char *path, struct imw_error_info *err)
{
    uint8_t key[KEY_BYTES];

    if (access(path, F_OK) == 0) {
        bool ok = read_key(path, key, err);
        explicit_bzero(key, sizeof key);
        return ok;
    }
    randombytes_buf(key, sizeof key);
    bool ok = write_key(path, key, 0600, err);
    explicit_bzero(key, sizeof key);
    return ok;
}

bool keys_ensure(const char *data, struct imw_error_info *err)
{
    static const char *const folders[] = { "", "/keys", "/keys/front", "/spool", "/db", "/mapping" };
    char path[PATH_SIZE];
    struct console_keys k;

    if (sodium_init() < 0)
        return error_set(err, IMW_ERROR_SYSTEM, "libsodium does not start");
    if (strlen(data) > PATH_SIZE - 64)
        return error_file(err, IMW_ERROR_VALUE, data, "the path is too long");
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        snprintf(path, sizeof path, "%s%s", data, folders[i]);
        if (!folder_ensure(path, err))
            return false;
    }
    snprintf(path, sizeof path, "%s/keys/seal", data);
    if (!key_ensure(path, err))
        return false;
    snprintf(path, sizeof path, "%s/keys/audit", data);
    if (!key_ensure(path, err) || !keys_read(data, &k, err))
        return false;
    snprintf(path, sizeof path, "%s/keys/audit.pub", data);
    bool ok = access(path, F_OK) == 0 || write_key(path, k.audit_public, 0644, err);
    explicit_bzero(&k, sizeof k);
    return ok;
}

bool keys_read(const char *data, struct console_keys *out, struct imw_error_info *err)
{
    char path[PATH_SIZE];
    uint8_t seed[KEY_BYTES];

    if (sodium_init() < 0)
        return error_set(err, IMW_ERROR_SYSTEM, "libsodium does not start");
    snprintf(path, sizeof path, "%s/keys/seal", data);
    if (!read_key(path, out->seal, err))
        return false;
    snprintf(path, sizeof path, "%s/keys/audit", data);
    if (!read_key(path, seed, err))
        return false;
    crypto_sign_seed_keypair(out->audit_public, out->audit_secret, seed);
    explicit_bzero(seed, sizeof seed);
    return true;
}
