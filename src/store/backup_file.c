/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a backup: written, checked and read. Its form is in backup_parts.h. */
#include "base/cursor.h"
#include "base/text.h"
#include "store/backup_parts.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD_BYTES = 24, TAIL_BYTES = 56, DIGEST_BYTES = 32, BLOCK = 1 << 16 };

/* Skippable frames: RFC 8878 section 3.1.2. */
static const uint8_t head[HEAD_BYTES + 1] = "\x50\x2a\x4d\x18\x10\0\0\0imward backup 1\n";
static const uint8_t tail[TAIL_BYTES - DIGEST_BYTES + 1] = "\x51\x2a\x4d\x18\x30\0\0\0imward sha256 1\n";

struct backup_out {
    char path[4096], temporary[4096 + 16];
    int fd;
    bool named; /* it has its name: nothing to remove */
    struct archive *archive;
    EVP_MD_CTX *digest;
    uint64_t bytes;
    json_t *parts;
};

static void sha256_text(struct view bytes, char out[2 * DIGEST_BYTES + 1])
{
    uint8_t digest[DIGEST_BYTES] = { 0 };
    struct text t = text_over(out, 2 * DIGEST_BYTES + 1);

    EVP_Digest(bytes.at, bytes.len, digest, NULL, EVP_sha256(), NULL);
    text_hex(&t, (struct view){ digest, sizeof digest });
}

/* ---- writing ---- */

static bool write_all(int fd, const uint8_t *at, size_t len)
{
    while (len > 0) {
        const ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static la_ssize_t archive_out(struct archive *a, void *context, const void *bytes, size_t len)
{
    struct backup_out *o = context;

    EVP_DigestUpdate(o->digest, bytes, len);
    o->bytes += len;
    if (write_all(o->fd, bytes, len))
        return (la_ssize_t)len;
    archive_set_error(a, errno, "%s", strerror(errno));
    return -1;
}

static bool archive_failed(struct archive *a, const char *path, struct imw_error_info *err)
{
    const char *words = archive_error_string(a);

    return error_file(err, IMW_ERROR_SYSTEM, path, "%s", words != NULL ? words : "the backup failed");
}

bool backup_out_new(const char *path, struct backup_out **out, struct imw_error_info *err)
{
    struct backup_out *o = calloc(1, sizeof *o);

    if (o == NULL)
        return error_memory(err);
    o->fd = -1;
    if ((size_t)snprintf(o->path, sizeof o->path, "%s", path) >= sizeof o->path) {
        error_file(err, IMW_ERROR_VALUE, path, "the path is too long");
        goto fail;
    }
    if (access(path, F_OK) == 0) {
        error_file(err, IMW_ERROR_VALUE, path, "there is a file already: give another name");
        goto fail;
    }
    snprintf(o->temporary, sizeof o->temporary, "%s.part", path);
    o->fd = open(o->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    o->digest = EVP_MD_CTX_new();
    o->parts = json_pack("[]");
    o->archive = archive_write_new();
    if (o->fd < 0) {
        error_errno(err, o->temporary);
        goto fail;
    }
    if (o->digest == NULL || o->parts == NULL || o->archive == NULL ||
        EVP_DigestInit_ex(o->digest, EVP_sha256(), NULL) != 1) {
        error_memory(err);
        goto fail;
    }
    EVP_DigestUpdate(o->digest, head, HEAD_BYTES);
    o->bytes = HEAD_BYTES;
    if (!write_all(o->fd, head, HEAD_BYTES)) {
        error_errno(err, o->temporary);
        goto fail;
    }
    archive_write_set_format_pax_restricted(o->archive);
    archive_write_set_bytes_per_block(o->archive, BLOCK);
    archive_write_set_bytes_in_last_block(o->archive, 1);
    if (archive_write_add_filter_zstd(o->archive) != ARCHIVE_OK ||
        archive_write_open(o->archive, o, NULL, archive_out, NULL) != ARCHIVE_OK) {
        archive_failed(o->archive, o->temporary, err);
        goto fail;
    }
    *out = o;
    return true;
fail:
    backup_out_free(o);
    return false;
}

static bool write_entry(struct backup_out *o, const char *name, unsigned mode, struct view bytes,
                        struct imw_error_info *err)
{
    struct archive_entry *e = archive_entry_new();

    if (e == NULL)
        return error_memory(err);
    archive_entry_set_pathname(e, name);
    archive_entry_set_size(e, (la_int64_t)bytes.len);
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_perm(e, (mode_t)mode);

    const bool ok =
        archive_write_header(o->archive, e) == ARCHIVE_OK &&
        (bytes.len == 0 || archive_write_data(o->archive, bytes.at, bytes.len) == (la_ssize_t)bytes.len);
    archive_entry_free(e);
    return ok || archive_failed(o->archive, o->temporary, err);
}

bool backup_out_part(struct backup_out *o, const char *name, unsigned mode, struct view bytes,
                     struct imw_error_info *err)
{
    char digest[2 * DIGEST_BYTES + 1];

    sha256_text(bytes, digest);
    if (json_array_append_new(o->parts, json_pack("{s:s,s:I,s:s}", "name", name, "size",
                                                  (json_int_t)bytes.len, "sha256", digest)) != 0)
        return error_memory(err);
    return write_entry(o, name, mode, bytes, err);
}

/* So that the name, too, is on the disk. */
static bool sync_folder(const char *path, struct imw_error_info *err)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');

    snprintf(folder, sizeof folder, "%.*s", slash != NULL ? (int)(slash - path) + 1 : 1,
             slash != NULL ? path : ".");
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool ok = fd >= 0 && fsync(fd) == 0;

    if (!ok)
        error_errno(err, folder);
    if (fd >= 0)
        close(fd);
    return ok;
}

bool backup_out_end(struct backup_out *o, json_t *manifest, uint64_t *out_bytes, struct imw_error_info *err)
{
    uint8_t digest[DIGEST_BYTES];

    if (json_object_set(manifest, "parts", o->parts) != 0)
        return error_memory(err);
    char *text = json_dumps(manifest, JSON_INDENT(1));
    if (text == NULL)
        return error_memory(err);
    bool ok = write_entry(o, "manifest.json", 0600, view_string(text), err);
    free(text);
    if (!ok)
        return false;
    if (archive_write_close(o->archive) != ARCHIVE_OK)
        return archive_failed(o->archive, o->temporary, err);

    EVP_DigestFinal_ex(o->digest, digest, NULL);
    if (!write_all(o->fd, tail, TAIL_BYTES - DIGEST_BYTES) || !write_all(o->fd, digest, sizeof digest) ||
        fsync(o->fd) != 0)
        return error_errno(err, o->temporary);
    /* link, not rename: it must not take the place of another */
    if (link(o->temporary, o->path) != 0)
        return error_errno(err, o->path);
    o->named = true;
    unlink(o->temporary);
    *out_bytes = o->bytes + TAIL_BYTES;
    return sync_folder(o->path, err);
}

void backup_out_free(struct backup_out *o)
{
    if (o == NULL)
        return;
    archive_write_free(o->archive);
    EVP_MD_CTX_free(o->digest);
    json_decref(o->parts);
    if (o->fd >= 0) {
        close(o->fd);
        if (!o->named)
            unlink(o->temporary);
    }
    free(o);
}

/* ---- reading ---- */

struct input {
    int fd;
    uint64_t left; /* of the tar */
    uint8_t block[BLOCK];
};

static bool damaged(const char *path, const char *what, struct imw_error_info *err)
{
    return error_file(err, IMW_ERROR_FORMAT, path,
                      "the backup is damaged (%s); nothing was changed: take another one", what);
}

static bool read_all(int fd, uint8_t *at, size_t len)
{
    while (len > 0) {
        const ssize_t n = read(fd, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

/* Head, tail and the checksum over all. The file is left where the tar begins. */
static bool check_whole(const char *path, struct input *in, uint64_t *out_bytes, struct imw_error_info *err)
{
    uint8_t first[HEAD_BYTES], last[TAIL_BYTES], digest[DIGEST_BYTES];
    struct stat st;

    if (fstat(in->fd, &st) != 0)
        return error_errno(err, path);
    if (!S_ISREG(st.st_mode) || st.st_size < HEAD_BYTES || !read_all(in->fd, first, sizeof first) ||
        memcmp(first, head, HEAD_BYTES) != 0)
        return error_file(err, IMW_ERROR_FORMAT, path,
                          "this is no backup of imward, or its beginning is damaged");
    if (st.st_size < HEAD_BYTES + TAIL_BYTES)
        return damaged(path, "it is cut short", err);

    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(context);
        return error_memory(err);
    }
    EVP_DigestUpdate(context, first, sizeof first);
    in->left = (uint64_t)st.st_size - HEAD_BYTES - TAIL_BYTES;
    bool ok = true;
    for (uint64_t left = in->left; ok && left > 0;) {
        const size_t n = left < sizeof in->block ? (size_t)left : sizeof in->block;

        ok = read_all(in->fd, in->block, n);
        EVP_DigestUpdate(context, in->block, n);
        left -= n;
    }
    ok = ok && read_all(in->fd, last, sizeof last);
    EVP_DigestFinal_ex(context, digest, NULL);
    EVP_MD_CTX_free(context);
    if (!ok)
        return error_errno(err, path);
    if (memcmp(last, tail, TAIL_BYTES - DIGEST_BYTES) != 0)
        return damaged(path, "it is cut short", err);
    if (memcmp(last + TAIL_BYTES - DIGEST_BYTES, digest, DIGEST_BYTES) != 0)
        return damaged(path, "its checksum is another", err);
    if (lseek(in->fd, HEAD_BYTES, SEEK_SET) < 0)
        return error_errno(err, path);
    *out_bytes = (uint64_t)st.st_size;
    return true;
}

static la_ssize_t archive_in(struct archive *a, void *context, const void **out)
{
    struct input *in = context;
    const size_t n = in->left < sizeof in->block ? (size_t)in->left : sizeof in->block;

    *out = in->block;
    if (!read_all(in->fd, in->block, n)) {
        archive_set_error(a, errno, "cannot be read");
        return -1;
    }
    in->left -= n;
    return (la_ssize_t)n;
}

static bool read_entry(struct archive *a, struct archive_entry *e, const char *path, uint8_t **buffer,
                       size_t *size, struct view *out, struct imw_error_info *err)
{
    const la_int64_t length = archive_entry_size(e);

    if (archive_entry_filetype(e) != AE_IFREG || length < 0 || length > BACKUP_PART_MOST ||
        archive_entry_pathname(e) == NULL)
        return damaged(path, "a part that none should be", err);
    if ((size_t)length > *size) {
        uint8_t *larger = realloc(*buffer, (size_t)length);

        if (larger == NULL)
            return error_memory(err);
        *buffer = larger;
        *size = (size_t)length;
    }
    if (length > 0 && archive_read_data(a, *buffer, (size_t)length) != length)
        return damaged(path, "a part is cut short", err);
    *out = view_of(*buffer, (size_t)length);
    return true;
}

/* Each entry, the manifest too, from where the tar begins. */
static bool read_entries(const char *path, struct input *in, backup_take *take, void *context,
                         struct imw_error_info *err)
{
    struct archive *a = archive_read_new();
    struct archive_entry *e = NULL;
    uint8_t *buffer = NULL;
    size_t size = 0;
    bool ok = false;
    unsigned entries = 0;
    int code = ARCHIVE_OK;

    if (a == NULL)
        return error_memory(err);
    archive_read_support_filter_zstd(a);
    archive_read_support_format_tar(a);
    if (archive_read_open(a, in, NULL, archive_in, NULL) != ARCHIVE_OK) {
        damaged(path, "it cannot be unpacked", err);
        goto out;
    }
    while ((code = archive_read_next_header(a, &e)) == ARCHIVE_OK) {
        struct view part;

        if (entries++ == BACKUP_PARTS_MOST) {
            damaged(path, "too many parts", err);
            goto out;
        }
        if (!read_entry(a, e, path, &buffer, &size, &part, err) ||
            !take(context, archive_entry_pathname(e), (unsigned)archive_entry_perm(e) & 0777, part, err))
            goto out;
    }
    ok = code == ARCHIVE_EOF || damaged(path, "it cannot be unpacked", err);
out:
    archive_read_free(a);
    free(buffer);
    return ok;
}

struct check {
    const char *path;
    json_t *parts, *manifest;
};

/* Note what is there; the manifest comes last and says what should be. */
static bool check_part(void *context, const char *name, unsigned mode, struct view part,
                       struct imw_error_info *err)
{
    struct check *c = context;
    char digest[2 * DIGEST_BYTES + 1];

    (void)mode;
    if (c->manifest != NULL)
        return damaged(c->path, "something stands behind its manifest", err);
    if (strcmp(name, "manifest.json") == 0) {
        c->manifest = json_loadb((const char *)part.at, part.len, 0, NULL);
        return c->manifest != NULL || damaged(c->path, "its manifest cannot be read", err);
    }
    sha256_text(part, digest);
    if (json_array_append_new(c->parts, json_pack("{s:s,s:I,s:s}", "name", name, "size", (json_int_t)part.len,
                                                  "sha256", digest)) != 0)
        return error_memory(err);
    return true;
}

bool backup_in_check(const char *path, json_t **out_manifest, uint64_t *out_bytes, struct imw_error_info *err)
{
    struct check c = { .path = path, .parts = json_pack("[]") };
    struct input *in = calloc(1, sizeof *in);
    bool ok = false;

    if (in == NULL || c.parts == NULL) {
        error_memory(err);
        free(in);
        json_decref(c.parts);
        return false;
    }
    in->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0)
        error_errno(err, path);
    else if (check_whole(path, in, out_bytes, err) && read_entries(path, in, check_part, &c, err)) {
        if (c.manifest == NULL)
            damaged(path, "it has no manifest", err);
        else if (!json_equal(json_object_get(c.manifest, "parts"), c.parts))
            damaged(path, "its parts are not those of its manifest", err);
        else
            ok = true;
    }
    if (in->fd >= 0)
        close(in->fd);
    free(in);
    json_decref(c.parts);
    if (ok)
        *out_manifest = c.manifest;
    else
        json_decref(c.manifest);
    return ok;
}

struct only_parts {
    backup_take *take;
    void *context;
};

static bool take_part(void *context, const char *name, unsigned mode, struct view part,
                      struct imw_error_info *err)
{
    const struct only_parts *o = context;

    return strcmp(name, "manifest.json") == 0 || o->take(o->context, name, mode, part, err);
}

bool backup_in_read(const char *path, backup_take *take, void *context, struct imw_error_info *err)
{
    struct only_parts o = { take, context };
    struct input *in = calloc(1, sizeof *in);
    uint64_t bytes;
    bool ok = false;

    if (in == NULL)
        return error_memory(err);
    in->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0)
        error_errno(err, path);
    else /* checked again: it is the same file only if it has the same checksum */
        ok = check_whole(path, in, &bytes, err) && read_entries(path, in, take_part, &o, err);
    if (in->fd >= 0)
        close(in->fd);
    free(in);
    return ok;
}
