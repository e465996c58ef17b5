/* SPDX-License-Identifier: Apache-2.0 */
/* The archive of an evidence package, written and read: program/evidence_zip.h. */
#include "program/evidence_zip.h"
#include "base/text.h"
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

enum {
    PIECE = 64 * 1024,
    END_BYTES = 22, /* the end record without its comment */
    LOCAL_BYTES = 30,
    CENTRAL_BYTES = 46,
    DESCRIPTOR_BYTES = 16,
    FLAG_DESCRIPTOR = 1 << 3,
    FLAG_UTF8 = 1 << 11,
    STORED = 0,
    DEFLATED = 8,
};

/* ---- signatures ---- */

void evidence_signed_text(const char *what, const char *sha256, char out[EVIDENCE_SIGNED_SIZE])
{
    snprintf(out, EVIDENCE_SIGNED_SIZE, EVIDENCE_SIGNED "%s\n%s\n", what, sha256);
}

bool evidence_is_signed(const char *what, const char *sha256, struct view signature, const uint8_t key[32])
{
    char text[EVIDENCE_SIGNED_SIZE], again[EVIDENCE_SIGNATURE_CHARS + 1];
    uint8_t octets[crypto_sign_BYTES];
    size_t count = 0;

    if (signature.len != EVIDENCE_SIGNATURE_CHARS ||
        sodium_base642bin(octets, sizeof octets, (const char *)signature.at, signature.len, NULL, &count,
                          NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
        count != sizeof octets)
        return false;
    sodium_bin2base64(again, sizeof again, octets, sizeof octets, sodium_base64_VARIANT_ORIGINAL);
    evidence_signed_text(what, sha256, text);
    return view_equal(view_string(again), signature) &&
           crypto_sign_verify_detached(octets, (const uint8_t *)text, strlen(text), key) == 0;
}

bool evidence_name_is_safe(struct view name)
{
    uint8_t before = '/';

    if (name.len == 0 || name.len >= EVIDENCE_NAME_BYTES || name.at[name.len - 1] == '/')
        return false;
    for (size_t i = 0; i < name.len; before = name.at[i++]) {
        const uint8_t c = name.at[i];
        const bool inner = c == '.' || c == '/' || c == '-';
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' && !inner &&
            !view_equal(name, VIEW("README.txt")))
            return false;
        if (before == '/' && inner)
            return false;
    }
    return true;
}

/* ---- writing ---- */

struct zip_writer {
    struct archive *archive;
    uint64_t bytes;
    char path[];
};

static bool failed(struct zip_writer *w, struct imw_error_info *err)
{
    const char *why = archive_error_string(w->archive);

    return error_file(err, IMW_ERROR_SYSTEM, w->path, "%s",
                      why != NULL ? why : "the archive cannot be written");
}

bool zip_begin(const char *path, struct zip_writer **out, struct imw_error_info *err)
{
    struct zip_writer *w = calloc(1, sizeof *w + strlen(path) + 1);

    *out = NULL;
    if (w == NULL || (w->archive = archive_write_new()) == NULL) {
        free(w);
        return error_memory(err);
    }
    memcpy(w->path, path, strlen(path) + 1);
    (void)archive_write_set_format_zip(w->archive);
    (void)archive_write_set_bytes_in_last_block(w->archive, 1);
    if (archive_write_set_options(w->archive, "zip:compression=deflate,zip:!zip64") != ARCHIVE_OK ||
        archive_write_open_filename(w->archive, path) != ARCHIVE_OK) {
        failed(w, err);
        zip_abandon(w);
        return false;
    }
    *out = w;
    return true;
}

static bool add_bytes(struct zip_writer *w, FILE *from, struct imw_error_info *err)
{
    uint8_t buffer[16 * 1024];
    size_t len;

    rewind(from);
    while ((len = fread(buffer, 1, sizeof buffer, from)) > 0)
        if (archive_write_data(w->archive, buffer, len) != (la_ssize_t)len)
            return failed(w, err);
    return !ferror(from) || error_errno(err, w->path);
}

bool zip_add(struct zip_writer *w, const char *name, FILE *from, struct imw_error_info *err)
{
    struct archive_entry *entry = archive_entry_new();
    long size;

    if (fseek(from, 0, SEEK_END) != 0 || (size = ftell(from)) < 0) {
        archive_entry_free(entry);
        return error_errno(err, name);
    }
    w->bytes += (uint64_t)size;
    if (w->bytes >= EVIDENCE_BYTES || !evidence_name_is_safe(view_string(name))) {
        archive_entry_free(entry);
        return error_set(err, IMW_ERROR_LIMIT,
                         "the package would have more than 2 GiB: choose a shorter period, or fewer parts");
    }
    if (entry == NULL)
        return error_memory(err);
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, size);
    bool ok = archive_write_header(w->archive, entry) == ARCHIVE_OK || failed(w, err);
    archive_entry_free(entry);
    ok = ok && add_bytes(w, from, err);
    return ok && (archive_write_finish_entry(w->archive) == ARCHIVE_OK || failed(w, err));
}

void zip_abandon(struct zip_writer *w)
{
    if (w == NULL)
        return;
    (void)archive_write_free(w->archive);
    free(w);
}

static void digest_hex(EVP_MD_CTX *sum, char out[65])
{
    uint8_t digest[32];
    struct text t = text_over(out, 65);

    EVP_DigestFinal_ex(sum, digest, NULL);
    text_hex(&t, view_of(digest, sizeof digest));
}

/* The end record says that a comment follows; then all of it is hashed. */
static bool make_room(const char *path, char out_sha256[65], struct imw_error_info *err)
{
    static const char room[EVIDENCE_SEAL_BYTES] = EVIDENCE_SEAL;
    const uint8_t length[2] = { EVIDENCE_SEAL_BYTES & 0xff, EVIDENCE_SEAL_BYTES >> 8 };
    uint8_t buffer[16 * 1024], end[END_BYTES];
    EVP_MD_CTX *sum = EVP_MD_CTX_new();
    FILE *file = fopen(path, "r+e");
    size_t len;

    bool ok = sum != NULL && file != NULL && fseek(file, -END_BYTES, SEEK_END) == 0 &&
              fread(end, 1, END_BYTES, file) == END_BYTES && memcmp(end, "PK\5\6", 4) == 0 &&
              fseek(file, -2, SEEK_END) == 0 && fwrite(length, 1, 2, file) == 2 && fflush(file) == 0 &&
              EVP_DigestInit_ex(sum, EVP_sha256(), NULL) == 1;
    if (ok) {
        rewind(file);
        while ((len = fread(buffer, 1, sizeof buffer, file)) > 0)
            EVP_DigestUpdate(sum, buffer, len);
        digest_hex(sum, out_sha256);
        ok = fseek(file, 0, SEEK_END) == 0 && fwrite(room, 1, sizeof room, file) == sizeof room;
    }
    if (file != NULL && fclose(file) != 0)
        ok = false;
    EVP_MD_CTX_free(sum);
    return ok || error_errno(err, path);
}

bool zip_end(struct zip_writer *w, char out_sha256[65], struct imw_error_info *err)
{
    const bool ok =
        archive_write_close(w->archive) == ARCHIVE_OK ? make_room(w->path, out_sha256, err) : failed(w, err);
    zip_abandon(w);
    return ok;
}

bool zip_seal(const char *path, const uint8_t signature[64], struct imw_error_info *err)
{
    char text[EVIDENCE_SIGNATURE_CHARS + 1];
    FILE *file = fopen(path, "r+e");

    sodium_bin2base64(text, sizeof text, signature, 64, sodium_base64_VARIANT_ORIGINAL);
    bool ok = file != NULL && fseek(file, -EVIDENCE_SIGNATURE_CHARS, SEEK_END) == 0 &&
              fwrite(text, 1, EVIDENCE_SIGNATURE_CHARS, file) == EVIDENCE_SIGNATURE_CHARS &&
              fflush(file) == 0 && fsync(fileno(file)) == 0;
    if (file != NULL && fclose(file) != 0)
        ok = false;
    return ok || error_errno(err, path);
}

/* ---- reading: numbers are little-endian ---- */

static uint32_t le16(struct view v, size_t at)
{
    return at + 2 <= v.len ? (uint32_t)v.at[at] | (uint32_t)v.at[at + 1] << 8 : 0;
}

static uint32_t le32(struct view v, size_t at)
{
    return le16(v, at) | le16(v, at + 2) << 16;
}

static bool no(struct imw_error_info *err, uint64_t offset, const char *what)
{
    error_set(err, IMW_ERROR_FORMAT, "the archive's structure is wrong at octet %llu: %s",
              (unsigned long long)offset, what);
    return false;
}

/* Where the end record is: of a file with our comment, or without any. */
static bool find_end(struct view file, size_t *out_at)
{
    const size_t comments[] = { EVIDENCE_SEAL_BYTES, 0 };

    for (size_t i = 0; i < sizeof comments / sizeof comments[0]; i++) {
        if (file.len < END_BYTES + comments[i])
            continue;
        *out_at = file.len - END_BYTES - comments[i];
        if (view_starts(view_from(file, *out_at), VIEW("PK\5\6")) && le16(file, *out_at + 20) == comments[i])
            return true;
    }
    return false;
}

/* The header before an entry's octets says what the directory does; *out_next is behind the entry. */
static bool read_local(struct view file, struct view central, size_t at, struct zip_entry *e,
                       size_t *out_next, struct imw_error_info *err)
{
    const uint32_t packed = le32(central, 20), flags = le16(central, 8);
    const struct view local = view_from(file, at);

    if (!view_starts(local, VIEW("PK\3\4")) || local.len < LOCAL_BYTES)
        return no(err, at, "an entry is expected here");
    const size_t data = LOCAL_BYTES + le16(local, 26) + le16(local, 28);
    const bool behind = (flags & FLAG_DESCRIPTOR) != 0;
    if (!view_equal(view_slice(local, LOCAL_BYTES, LOCAL_BYTES + le16(local, 26)), e->name))
        return no(err, at, "an entry has another name than in the directory");
    /* Flags, method, time; then CRC and sizes, or zeros where these stand behind the octets. */
    if (!view_equal(view_slice(local, 6, 14), view_slice(central, 8, 16)))
        return no(err, at, "an entry and the directory differ");
    const struct view sums = view_slice(central, 16, 28);
    if (!view_equal(view_slice(local, 14, 26), sums) &&
        !(behind && le32(local, 14) == 0 && (le32(local, 18) == 0 || le32(local, 18) == packed) &&
          (le32(local, 22) == 0 || le32(local, 22) == e->size)))
        return no(err, at, "an entry and the directory have other sums");
    if (data > local.len || packed > local.len - data)
        return no(err, at, "an entry is longer than the file");
    e->packed = view_slice(local, data, data + packed);
    *out_next = at + data + packed;
    if (behind) {
        const struct view descriptor = view_slice(file, *out_next, *out_next + DESCRIPTOR_BYTES);
        if (!view_starts(descriptor, VIEW("PK\7\x08")) || !view_equal(view_from(descriptor, 4), sums))
            return no(err, *out_next, "what stands behind an entry is not its sums");
        *out_next += DESCRIPTOR_BYTES;
    }
    return true;
}

static bool is_double(const struct zip_file *z, struct view name)
{
    for (unsigned i = 0; i < z->count; i++)
        if (view_equal(z->entries[i].name, name))
            return true;
    return false;
}

static bool read_directory(struct view file, size_t start, size_t end, struct zip_file *out,
                           struct imw_error_info *err)
{
    const unsigned count = le16(file, end + 10);
    size_t at = start, next = 0;

    for (unsigned i = 0; i < count; i++) {
        const struct view central = view_slice(file, at, end);
        struct zip_entry *e = &out->entries[i];
        if (central.len < CENTRAL_BYTES || !view_starts(central, VIEW("PK\1\2")))
            return no(err, at, "the directory is expected to go on here");
        const size_t name = le16(central, 28), extra = le16(central, 30);
        const uint32_t method = le16(central, 10), flags = le16(central, 8);
        *e = (struct zip_entry){ .name = view_slice(central, CENTRAL_BYTES, CENTRAL_BYTES + name),
                                 .crc = le32(central, 16),
                                 .size = le32(central, 24),
                                 .deflated = method == DEFLATED };
        if (e->name.len != name || !evidence_name_is_safe(e->name))
            return no(err, at, "a name is not one of a package");
        if (is_double(out, e->name))
            return no(err, at, "a name is there twice");
        if ((method != DEFLATED && method != STORED) ||
            (flags & ~(uint32_t)(FLAG_DESCRIPTOR | FLAG_UTF8)) != 0 || le16(central, 32) != 0 ||
            le16(central, 34) != 0)
            return no(err, at, "an entry is packed in a way that packages are not");
        if (le32(central, 42) != next)
            return no(err, at, "an entry is not where the one before it ends");
        if (!read_local(view_slice(file, 0, start), central, next, e, &next, err))
            return false;
        at += CENTRAL_BYTES + name + extra;
        out->count++;
    }
    if (next != start)
        return no(err, next, "there is something between the entries and the directory");
    return at == end || no(err, at, "there is something behind the directory");
}

bool zip_open(struct view file, struct zip_file *out, struct imw_error_info *err)
{
    size_t end;

    *out = (struct zip_file){ .seal = VIEW("") };
    if (file.len > EVIDENCE_BYTES)
        return error_set(err, IMW_ERROR_LIMIT, "a file of more than 2 GiB is no evidence package");
    if (!find_end(file, &end))
        return error_set(
            err, IMW_ERROR_FORMAT,
            "this is no evidence package, or its end is cut off: there is no end record of a ZIP");
    const unsigned count = le16(file, end + 10);
    const size_t bytes = le32(file, end + 12), start = le32(file, end + 16);
    if (le16(file, end + 4) != 0 || le16(file, end + 6) != 0 || le16(file, end + 8) != count)
        return no(err, end, "the end record is not that of one file");
    if (count == 0 || count > EVIDENCE_PARTS)
        return no(err, end, "so many parts has no package");
    if (start > end || bytes != end - start)
        return no(err, end, "the directory is not where the end record says");
    out->sealed = view_slice(file, 0, end + END_BYTES);
    out->seal = view_from(file, end + END_BYTES);
    out->entries = calloc(count, sizeof *out->entries);
    return out->entries != NULL ? read_directory(file, start, end, out, err) : error_memory(err);
}

void zip_close(struct zip_file *z)
{
    free(z->entries);
    *z = (struct zip_file){ .seal = VIEW("") };
}

struct unpacked {
    uint64_t bytes;
    uint32_t crc;
};

static bool pass_on(struct unpacked *u, const struct zip_entry *e, struct view piece, zip_piece *take,
                    void *context)
{
    u->bytes += piece.len;
    u->crc = (uint32_t)crc32(u->crc, piece.at, (uInt)piece.len);
    return u->bytes <= e->size && take(context, piece);
}

static bool read_stored(const struct zip_entry *e, struct unpacked *u, zip_piece *take, void *context)
{
    for (size_t at = 0; at < e->packed.len; at += PIECE)
        if (!pass_on(u, e, view_slice(e->packed, at, at + PIECE), take, context))
            return false;
    return true;
}

static bool read_deflated(const struct zip_entry *e, struct unpacked *u, zip_piece *take, void *context)
{
    z_stream z = { .next_in = (Bytef *)(uintptr_t)e->packed.at, .avail_in = (uInt)e->packed.len };
    uint8_t *buffer = malloc(PIECE);
    int state = Z_OK;

    if (buffer == NULL || inflateInit2(&z, -MAX_WBITS) != Z_OK) {
        free(buffer);
        return false;
    }
    bool ok = true;
    while (ok && state == Z_OK) {
        z.next_out = buffer;
        z.avail_out = PIECE;
        state = inflate(&z, Z_NO_FLUSH);
        ok = (state == Z_OK || state == Z_STREAM_END) &&
             pass_on(u, e, view_of(buffer, PIECE - z.avail_out), take, context);
    }
    ok = ok && state == Z_STREAM_END && z.avail_in == 0;
    inflateEnd(&z);
    free(buffer);
    return ok;
}

bool zip_read(const struct zip_entry *e, zip_piece *piece, void *context, struct imw_error_info *err)
{
    struct unpacked u = { .crc = (uint32_t)crc32(0, NULL, 0) };
    const bool read = e->deflated ? read_deflated(e, &u, piece, context) : read_stored(e, &u, piece, context);

    return (read && u.bytes == e->size && u.crc == e->crc) ||
           error_set(err, IMW_ERROR_FORMAT, "%.*s cannot be unpacked, or its checksum is wrong",
                     (int)e->name.len, (const char *)e->name.at);
}
