/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key files are text, a fixed number of lines, so that a person sees what a file is:
 *
 *   imward vault private key 1        imward vault public key 1
 *   public 64 HEXADECIMAL DIGITS      public ...
 *   journal ...                       journal ...
 *   private ...
 *
 * The public half is not for everybody's eyes (0640): the journal's key in it is what a forged line needs.
 * Keys are X25519's, as crypto_box_seal() of libsodium takes them.
 */
#include "content/vault_key.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEX_BYTES = 2 * VAULT_KEY_BYTES + 1, FILE_BYTES = 512, PATH_BYTES = 4096 };

static const char private_mark[] = "imward vault private key 1\n",
                  public_mark[] = "imward vault public key 1\n";

/* ---- written ---- */

static bool add_line(char out[FILE_BYTES], const char *name, const uint8_t key[VAULT_KEY_BYTES])
{
    size_t len = strlen(out);
    char hex[HEX_BYTES];

    sodium_bin2hex(hex, sizeof hex, key, VAULT_KEY_BYTES);
    int n = snprintf(out + len, FILE_BYTES - len, "%s %s\n", name, hex);
    sodium_memzero(hex, sizeof hex);
    return n > 0 && (size_t)n < FILE_BYTES - len;
}

static bool write_keys(const char *path, const struct vault_keys *keys, bool with_private,
                       struct imw_error_info *err)
{
    char text[FILE_BYTES] = "";
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return error_errno(err, path);
    snprintf(text, sizeof text, "%s", with_private ? private_mark : public_mark);
    bool ok = add_line(text, "public", keys->public_key) && add_line(text, "journal", keys->journal) &&
              (!with_private || add_line(text, "private", keys->private_key)) &&
              fchmod(fd, with_private ? 0600 : 0640) == 0 &&
              write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fsync(fd) == 0;
    if (!ok) {
        error_errno(err, path);
        unlink(path);
    }
    close(fd);
    sodium_memzero(text, sizeof text);
    return ok;
}

bool vault_keys_new(const char *path, struct imw_error_info *err)
{
    char public_path[PATH_BYTES];
    struct vault_keys keys = { .has_private = true };

    if (sodium_init() < 0)
        return error_set(err, IMW_ERROR_SYSTEM, "libsodium does not start");
    if ((size_t)snprintf(public_path, sizeof public_path, "%s.pub", path) >= sizeof public_path)
        return error_set(err, IMW_ERROR_VALUE, "the name of the key's file is too long");
    crypto_box_keypair(keys.public_key, keys.private_key);
    randombytes_buf(keys.journal, sizeof keys.journal);
    bool ok = write_keys(path, &keys, true, err);
    if (ok && !write_keys(public_path, &keys, false, err)) {
        unlink(path); /* half a pair is of no use, and would be in the way of the next try */
        ok = false;
    }
    vault_keys_forget(&keys);
    return ok;
}

void vault_keys_forget(struct vault_keys *keys)
{
    sodium_memzero(keys, sizeof *keys);
}

/* ---- read ---- */

/* "NAME HEX\n" off the front. */
static bool take_line(struct view *text, const char *name, uint8_t out[VAULT_KEY_BYTES])
{
    struct view word = view_string(name);
    size_t n = 0, end = view_find_byte(*text, '\n', 0);
    struct view line = view_slice(*text, 0, end), hex = view_from(line, word.len + 1);

    *text = view_from(*text, end + 1);
    return view_starts(line, word) && line.len == word.len + HEX_BYTES && line.at[word.len] == ' ' &&
           sodium_hex2bin(out, VAULT_KEY_BYTES, (const char *)hex.at, hex.len, NULL, &n, NULL) == 0 &&
           n == VAULT_KEY_BYTES;
}

static bool parse(struct view text, struct vault_keys *out)
{
    uint8_t right[VAULT_KEY_BYTES];

    out->has_private = view_starts(text, VIEW(private_mark));
    if (!out->has_private && !view_starts(text, VIEW(public_mark)))
        return false;
    text = view_from(text, out->has_private ? sizeof private_mark - 1 : sizeof public_mark - 1);
    if (!take_line(&text, "public", out->public_key) || !take_line(&text, "journal", out->journal) ||
        (out->has_private && !take_line(&text, "private", out->private_key)))
        return false;
    if (out->has_private && (crypto_scalarmult_base(right, out->private_key) != 0 ||
                             sodium_memcmp(right, out->public_key, sizeof right) != 0))
        return false; /* objects would be sealed to a key that this one does not open */
    return text.len == 0;
}

static bool read_text(const char *path, uint8_t out[FILE_BYTES], size_t *out_len, struct stat *st,
                      bool public_only, struct imw_error_info *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe does not hold us up */

    if (fd < 0 && errno == EACCES && public_only)
        return error_file(
            err, IMW_ERROR_SYSTEM, path,
            "may not be read: a policy names the public key, FILE.pub of imward vault key, which "
            "the sensor's user or group can read");
    if (fd < 0 || fstat(fd, st) != 0) {
        error_errno(err, path);
        if (fd >= 0)
            close(fd);
        return false;
    }
    ssize_t n = S_ISREG(st->st_mode) ? read(fd, out, FILE_BYTES) : 0;
    close(fd);
    *out_len = n > 0 ? (size_t)n : 0;
    return n >= 0 || error_errno(err, path);
}

/* What is wrong with these keys where they lie; NULL: nothing. */
static const char *distrust(const struct vault_keys *keys, const struct stat *st, bool public_only)
{
    if (keys->has_private && public_only)
        return "this is a private key, with which a sensor that is taken over could read all that was ever "
               "kept: name the public one, FILE.pub, and keep this one elsewhere";
    if (keys->has_private && (st->st_mode & 077) != 0)
        return "others may read or change the private key: chmod 600 it";
    if ((st->st_mode & 027) != 0)
        return "others may read the key, or its group change it: chmod 640 it";
    if (st->st_uid != geteuid() && st->st_uid != 0 && geteuid() != 0)
        return "the key belongs to somebody else";
    return NULL;
}

bool vault_keys_read(const char *path, bool public_only, struct vault_keys *out, struct imw_error_info *err)
{
    uint8_t bytes[FILE_BYTES];
    struct stat st;
    size_t len = 0;

    *out = (struct vault_keys){ 0 };
    if (sodium_init() < 0)
        return error_set(err, IMW_ERROR_SYSTEM, "libsodium does not start");
    if (!read_text(path, bytes, &len, &st, public_only, err))
        return false;
    bool ok = parse(view_of(bytes, len), out);
    sodium_memzero(bytes, sizeof bytes);
    const char *wrong = ok ? distrust(out, &st, public_only) : NULL;
    if (!ok)
        error_file(err, IMW_ERROR_FORMAT, path, "is no key of a vault: imward vault key makes a pair");
    else if (wrong != NULL)
        ok = error_file(err, IMW_ERROR_TRUST, path, "%s", wrong);
    if (!ok)
        vault_keys_forget(out);
    return ok;
}
