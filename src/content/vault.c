/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DIR/journal, DIR/head      what was done, vault_journal.c
 * DIR/objects/2027-01-31/ID  an object, under the day (UTC) on which it expires
 *
 * An object: 8 octets that say so, kind, time kept, time of expiry, size (8 octets each, little endian); a
 * nonce and the object's own key in a crypto_secretbox under a key derived from the vault's; the header of a
 * crypto_secretstream; then its messages, each behind its length in 4 octets: first the meta, then the
 * content in pieces of 64 KiB, the last tagged FINAL. What stands before the nonce and the id are additional
 * data of every message. Without its own key nothing can be read: it is deleted by overwriting the sealed
 * key.
 *
 * Order of writing, so that a crash at any point leaves what can be told from tampering:
 *   keep     ID.part is written and synced; "kept" with its SHA-256 goes to the journal; it is renamed to ID.
 *            Both under the journal's lock. A part of which the journal knows is renamed by the next who
 *            opens the vault, one that nobody writes any more is removed.
 *   delete   "expired" to the journal; the key overwritten and synced; the file removed; "deleted" to the
 *            journal. The next expiry finishes what is "expired" and not "deleted".
 */
#include "content/vault.h"
#include "base/cursor.h"
#include "base/text.h"
#include "content/vault_journal.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    KEY_BYTES = 32,
    CHUNK_BYTES = 64 << 10,
    FACTS_BYTES = 40, /* the head up to the nonce */
    NONCE_AT = FACTS_BYTES,
    SEALED_AT = NONCE_AT + crypto_secretbox_NONCEBYTES,
    SEALED_BYTES = KEY_BYTES + crypto_secretbox_MACBYTES,
    STREAM_AT = SEALED_AT + SEALED_BYTES,
    HEAD_BYTES = STREAM_AT + crypto_secretstream_xchacha20poly1305_HEADERBYTES,
    BOUND_BYTES = FACTS_BYTES + VAULT_ID_BYTES - 1, /* additional data */
    MORE_BYTES = crypto_secretstream_xchacha20poly1305_ABYTES,
    PATH_BYTES = 64,
};

static const uint8_t object_mark[8] = { 'i', 'm', 'w', 'v', 'l', 't', 0, 1 };

struct vault {
    int fd, objects_fd;
    char path[256];
    uint8_t seal_key[KEY_BYTES];
    struct journal *journal;
};

/* ---- keys ---- */

static bool parse_key(struct view text, uint8_t out[KEY_BYTES])
{
    size_t n = 0;

    if (text.len == KEY_BYTES) {
        memcpy(out, text.at, KEY_BYTES);
        return true;
    }
    text = view_trim(text);
    return text.len == 2 * KEY_BYTES &&
           sodium_hex2bin(out, KEY_BYTES, (const char *)text.at, text.len, NULL, &n, NULL) == 0 &&
           n == KEY_BYTES;
}

static bool read_key(const char *path, uint8_t out[KEY_BYTES], struct imw_error_info *err)
{
    uint8_t bytes[2 * KEY_BYTES + 8];
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) != 0) {
        error_errno(err, path);
        if (fd >= 0)
            close(fd);
        return false;
    }
    ssize_t n = read(fd, bytes, sizeof bytes);
    close(fd);
    bool ok = false;
    if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0)
        error_file(err, IMW_ERROR_TRUST, path, "others may read or change the key: chmod 600 it");
    else if (st.st_uid != geteuid() && st.st_uid != 0)
        error_file(err, IMW_ERROR_TRUST, path, "the key belongs to somebody else");
    else if (n < 0 || !parse_key(view_of(bytes, (size_t)n), out))
        error_file(err, IMW_ERROR_FORMAT, path,
                   "a key is 32 bytes or 64 hexadecimal digits; imward vault key makes one");
    else
        ok = true;
    sodium_memzero(bytes, sizeof bytes);
    return ok;
}

bool vault_key_new(const char *path, struct imw_error_info *err)
{
    uint8_t key[KEY_BYTES];
    char line[2 * KEY_BYTES + 2];

    if (sodium_init() < 0)
        return error_set(err, IMW_ERROR_SYSTEM, "libsodium does not start");
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_errno(err, path);
    randombytes_buf(key, sizeof key);
    sodium_bin2hex(line, sizeof line, key, sizeof key);
    memcpy(line + sizeof line - 2, "\n", 2);
    bool ok = write(fd, line, sizeof line - 1) == (ssize_t)sizeof line - 1 && fsync(fd) == 0;
    if (!ok) {
        error_errno(err, path);
        unlink(path);
    }
    close(fd);
    sodium_memzero(key, sizeof key);
    sodium_memzero(line, sizeof line);
    return ok;
}

/* ---- paths of objects ---- */

/* "2027-01-31/ID", below objects. */
static void object_path(char out[PATH_BYTES], uint64_t expires_us, const char *id, const char *end)
{
    time_t t = (time_t)(expires_us / 1000000);
    struct tm tm;

    if (gmtime_r(&t, &tm) == NULL || tm.tm_year > 9999 - 1900)
        tm = (struct tm){ .tm_year = 9999 - 1900, .tm_mon = 11, .tm_mday = 31 };
    size_t n = strftime(out, PATH_BYTES, "%Y-%m-%d", &tm);
    if (id != NULL)
        snprintf(out + n, PATH_BYTES - n, "/%s%s", id, end);
}

static bool is_id(const char *name)
{
    return strlen(name) == VAULT_ID_BYTES - 1 && strspn(name, "0123456789abcdef") == VAULT_ID_BYTES - 1;
}

/* Visit all files of all days; `visit` returns false to end it, and so does this. */
typedef bool visit_file(void *context, struct vault *v, const char *path, const char *name);

static bool visit_day(struct vault *v, const char *day, visit_file *visit, void *context)
{
    char path[PATH_BYTES + 256];
    int fd = openat(v->objects_fd, day, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    bool ok = true;

    if (d == NULL) {
        if (fd >= 0)
            close(fd);
        return visit(context, v, day, day); /* a file among the days */
    }
    for (struct dirent *e; ok && (e = readdir(d)) != NULL;) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%.32s/%s", day, e->d_name);
        ok = visit(context, v, path, e->d_name);
    }
    closedir(d);
    return ok;
}

static bool visit_files(struct vault *v, visit_file *visit, void *context)
{
    int fd = openat(v->objects_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    bool ok = d != NULL;

    for (struct dirent *e; ok && (e = readdir(d)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            ok = visit_day(v, e->d_name, visit, context);
    if (d != NULL)
        closedir(d);
    return ok;
}

static bool hash_file(int fd, uint8_t out[32])
{
    crypto_hash_sha256_state hash;
    uint8_t *block = malloc(CHUNK_BYTES);
    off_t at = 0;
    ssize_t n = -1;

    crypto_hash_sha256_init(&hash);
    while (block != NULL && (n = pread(fd, block, CHUNK_BYTES, at)) > 0) {
        crypto_hash_sha256_update(&hash, block, (size_t)n);
        at += n;
    }
    free(block);
    crypto_hash_sha256_final(&hash, out);
    return n == 0;
}

/* ---- opened ---- */

struct recovery {
    const struct journal_object *objects;
    size_t count;
};

/* A part whose writer is gone: renamed where the journal has it as kept, else removed. */
static bool recover_part(void *context, struct vault *v, const char *path, const char *name)
{
    const struct recovery *r = context;
    char id[VAULT_ID_BYTES], whole[PATH_BYTES];
    int fd = openat(v->objects_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    snprintf(id, sizeof id, "%.32s", name);
    if (fd >= 0 && strlen(name) == VAULT_ID_BYTES - 1 + 5 && is_id(id) && strcmp(name + 32, ".part") == 0 &&
        flock(fd, LOCK_EX | LOCK_NB) == 0) {
        const struct journal_object *o = journal_find(r->objects, r->count, id);
        if (o != NULL && o->last == JOURNAL_KEPT) {
            object_path(whole, o->kept.expires_us, id, "");
            (void)!renameat(v->objects_fd, path, v->objects_fd, whole);
        } else {
            unlinkat(v->objects_fd, path, 0);
        }
    }
    if (fd >= 0)
        close(fd);
    return true;
}

static bool find_part(void *context, struct vault *v, const char *path, const char *name)
{
    size_t len = strlen(name);

    (void)v;
    (void)path;
    *(bool *)context = len > 5 && strcmp(name + len - 5, ".part") == 0;
    return !*(bool *)context;
}

/* Finish what a crash left; the journal is read only where there is something. A journal that is wrong is for
 * vault_verify to tell. */
static bool recover(struct vault *v, struct imw_error_info *err)
{
    struct recovery r = { 0 };
    struct journal_object *objects = NULL;
    bool found = false;

    if (!journal_lock(v->journal, err))
        return false;
    visit_files(v, find_part, &found);
    if (found && journal_read(v->journal, &objects, &r.count, NULL)) {
        r.objects = objects;
        visit_files(v, recover_part, &r);
    }
    journal_unlock(v->journal);
    free(objects);
    return true;
}

static bool open_directory(struct vault *v, const char *path, struct imw_error_info *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_errno(err, path);
    v->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (v->fd < 0 || (mkdirat(v->fd, "objects", 0700) != 0 && errno != EEXIST))
        return error_errno(err, path);
    v->objects_fd = openat(v->fd, "objects", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (v->objects_fd < 0)
        return error_errno(err, path);
    snprintf(v->path, sizeof v->path, "%s", path);
    return true;
}

bool vault_open(const struct vault_settings *settings, struct vault **out, struct imw_error_info *err)
{
    uint8_t key[KEY_BYTES], journal_key[KEY_BYTES];

    if (sodium_init() < 0)
        return error_set(err, IMW_ERROR_SYSTEM, "libsodium does not start");
    if (!read_key(settings->key, key, err))
        return false;
    struct vault *v = calloc(1, sizeof *v);
    if (v == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "out of memory");
    v->fd = v->objects_fd = -1;
    crypto_kdf_derive_from_key(v->seal_key, sizeof v->seal_key, 1, "imwvault", key);
    crypto_kdf_derive_from_key(journal_key, sizeof journal_key, 2, "imwvault", key);
    bool ok = open_directory(v, settings->path, err) && journal_open(v->fd, journal_key, &v->journal, err) &&
              recover(v, err);
    sodium_memzero(key, sizeof key);
    sodium_memzero(journal_key, sizeof journal_key);
    if (!ok) {
        vault_close(v);
        return false;
    }
    *out = v;
    return true;
}

void vault_close(struct vault *v)
{
    if (v == NULL)
        return;
    journal_close(v->journal);
    if (v->objects_fd >= 0)
        close(v->objects_fd);
    if (v->fd >= 0)
        close(v->fd);
    sodium_memzero(v->seal_key, sizeof v->seal_key);
    free(v);
}

/* ---- keep ---- */

struct writing {
    int fd;
    bool failed, journaled;
    crypto_hash_sha256_state hash;
    crypto_secretstream_xchacha20poly1305_state stream;
    uint8_t bound[BOUND_BYTES];
    uint8_t out[4 + CHUNK_BYTES + MORE_BYTES];
};

static void put_le64(uint8_t *out, uint64_t n)
{
    for (unsigned i = 0; i < 8; i++)
        out[i] = (uint8_t)(n >> (8 * i));
}

static void write_bytes(struct writing *w, struct view bytes)
{
    crypto_hash_sha256_update(&w->hash, bytes.at, bytes.len);
    while (bytes.len > 0 && !w->failed) {
        ssize_t n = write(w->fd, bytes.at, bytes.len);
        w->failed = n < 0 && errno != EINTR;
        bytes = view_from(bytes, n > 0 ? (size_t)n : 0);
    }
}

static void write_message(struct writing *w, struct view message, bool last)
{
    unsigned long long len = 0;
    uint8_t tag = last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL : 0;

    crypto_secretstream_xchacha20poly1305_push(&w->stream, w->out + 4, &len, message.at, message.len,
                                               w->bound, sizeof w->bound, tag);
    for (unsigned i = 0; i < 4; i++)
        w->out[i] = (uint8_t)(len >> (8 * i));
    write_bytes(w, view_of(w->out, 4 + (size_t)len));
}

static void write_head(struct vault *v, struct writing *w, const struct journal_line *l)
{
    uint8_t head[HEAD_BYTES] = { 0 }, key[KEY_BYTES];

    memcpy(head, object_mark, sizeof object_mark);
    head[8] = l->file;
    put_le64(head + 16, l->time_us);
    put_le64(head + 24, l->expires_us);
    put_le64(head + 32, l->size);
    memcpy(w->bound, head, FACTS_BYTES);
    memcpy(w->bound + FACTS_BYTES, l->id, VAULT_ID_BYTES - 1);
    crypto_secretstream_xchacha20poly1305_keygen(key);
    randombytes_buf(head + NONCE_AT, crypto_secretbox_NONCEBYTES);
    crypto_secretbox_easy(head + SEALED_AT, key, sizeof key, head + NONCE_AT, v->seal_key);
    crypto_secretstream_xchacha20poly1305_init_push(&w->stream, head + STREAM_AT, key);
    sodium_memzero(key, sizeof key);
    crypto_hash_sha256_init(&w->hash);
    write_bytes(w, view_of(head, sizeof head));
}

/* The content in messages, from memory or a descriptor of which the size was told. */
static bool write_content(struct writing *w, struct view bytes, int fd, uint64_t size)
{
    uint8_t *block = malloc(CHUNK_BYTES);
    uint64_t at = 0;

    while (block != NULL && !w->failed) {
        size_t want = size - at < CHUNK_BYTES ? (size_t)(size - at) : CHUNK_BYTES, have = 0;
        struct view chunk = fd < 0 ? view_slice(bytes, (size_t)at, (size_t)at + want) : view_of(block, want);
        while (fd >= 0 && have < want) {
            ssize_t n = pread(fd, block + have, want - have, (off_t)(at + have));
            if (n <= 0)
                break;
            have += (size_t)n;
        }
        if (fd >= 0 && have < want) {
            w->failed = true;
            break;
        }
        at += want;
        write_message(w, chunk, at == size);
        if (at == size)
            break;
    }
    bool ok = block != NULL && !w->failed;
    free(block);
    return ok;
}

/* A part that is locked while it is written. */
static int part_new(struct vault *v, const struct journal_line *l)
{
    char day[PATH_BYTES], path[PATH_BYTES];

    object_path(day, l->expires_us, NULL, NULL);
    object_path(path, l->expires_us, l->id, ".part");
    for (unsigned i = 0; i < 3; i++) { /* expiry may remove an empty day under our hands */
        if (mkdirat(v->objects_fd, day, 0700) != 0 && errno != EEXIST)
            return -1;
        int fd = openat(v->objects_fd, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd >= 0)
            flock(fd, LOCK_EX);
        if (fd >= 0 || errno != ENOENT)
            return fd;
    }
    return -1;
}

static bool sync_day(struct vault *v, uint64_t expires_us)
{
    char day[PATH_BYTES];

    object_path(day, expires_us, NULL, NULL);
    int fd = openat(v->objects_fd, day, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok && fsync(v->objects_fd) == 0;
}

/* The part is whole: into the journal, and under its name. */
static bool publish(struct vault *v, struct writing *w, const struct journal_line *l,
                    struct imw_error_info *err)
{
    char part[PATH_BYTES], path[PATH_BYTES];

    object_path(part, l->expires_us, l->id, ".part");
    object_path(path, l->expires_us, l->id, "");
    if (!journal_lock(v->journal, err))
        return false;
    bool ok = sync_day(v, l->expires_us) || error_errno(err, v->path);
    ok = ok && journal_add(v->journal, l, err);
    w->journaled = ok;
    if (ok && (renameat(v->objects_fd, part, v->objects_fd, path) != 0 || !sync_day(v, l->expires_us)))
        ok = error_errno(err, v->path); /* the next who opens the vault finds it */
    journal_unlock(v->journal);
    return ok;
}

static bool write_object(struct vault *v, struct writing *w, struct journal_line *l, struct view meta,
                         struct view bytes, int fd, struct imw_error_info *err)
{
    write_head(v, w, l);
    write_message(w, meta, false);
    if (!write_content(w, bytes, fd, l->size) || fsync(w->fd) != 0)
        return error_errno(err, v->path);
    crypto_hash_sha256_final(&w->hash, l->sha256);
    return publish(v, w, l, err);
}

bool vault_put(struct vault *v, bool file, uint64_t now_us, uint64_t expires_us, struct view meta,
               struct view bytes, int fd, char out_id[VAULT_ID_BYTES], struct imw_error_info *err)
{
    struct journal_line l = {
        .act = JOURNAL_KEPT, .time_us = now_us, .file = file, .expires_us = expires_us
    };
    uint8_t id[16];
    char path[PATH_BYTES];
    struct stat st;

    if (meta.len > CHUNK_BYTES)
        return error_set(err, IMW_ERROR_LIMIT, "vault: meta of more than %d bytes", CHUNK_BYTES);
    if (fd >= 0 && fstat(fd, &st) != 0)
        return error_errno(err, v->path);
    l.size = fd >= 0 ? (uint64_t)st.st_size : bytes.len;
    randombytes_buf(id, sizeof id);
    sodium_bin2hex(l.id, sizeof l.id, id, sizeof id);
    struct writing *w = calloc(1, sizeof *w);
    if (w == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "out of memory");
    w->fd = part_new(v, &l);
    bool ok = w->fd >= 0 ? write_object(v, w, &l, meta, bytes, fd, err) : error_errno(err, v->path);
    if (!ok && w->fd >= 0 && !w->journaled) {
        object_path(path, expires_us, l.id, ".part");
        unlinkat(v->objects_fd, path, 0);
    }
    if (w->fd >= 0)
        close(w->fd);
    sodium_memzero(w, sizeof *w);
    free(w);
    if (ok)
        memcpy(out_id, l.id, sizeof l.id);
    return ok;
}

/* ---- read ---- */

static bool add_act(struct vault *v, enum journal_act act, const char *id, uint64_t now_us,
                    const uint8_t *sha256, struct imw_error_info *err)
{
    struct journal_line l = { .act = act, .time_us = now_us };

    snprintf(l.id, sizeof l.id, "%s", id);
    if (sha256 != NULL)
        memcpy(l.sha256, sha256, sizeof l.sha256);
    return journal_add(v->journal, &l, err);
}

static uint64_t clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

struct finding {
    const char *id;
    int fd;
};

static bool find_object(void *context, struct vault *v, const char *path, const char *name)
{
    struct finding *f = context;

    if (strcmp(name, f->id) != 0)
        return true;
    f->fd = openat(v->objects_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return false;
}

struct unsealing {
    int fd;
    off_t at;
    crypto_secretstream_xchacha20poly1305_state stream;
    uint8_t bound[BOUND_BYTES];
    uint8_t in[CHUNK_BYTES + MORE_BYTES], out[CHUNK_BYTES];
};

static bool read_exactly(struct unsealing *u, uint8_t *out, size_t len)
{
    size_t have = 0;

    while (have < len) {
        ssize_t n = pread(u->fd, out + have, len - have, u->at + (off_t)have);
        if (n <= 0)
            return false;
        have += (size_t)n;
    }
    u->at += (off_t)len;
    return true;
}

static bool read_head(struct vault *v, struct unsealing *u, const char *id, uint64_t *out_size)
{
    uint8_t head[HEAD_BYTES], key[KEY_BYTES];

    if (!read_exactly(u, head, sizeof head) || memcmp(head, object_mark, sizeof object_mark) != 0 ||
        crypto_secretbox_open_easy(key, head + SEALED_AT, SEALED_BYTES, head + NONCE_AT, v->seal_key) != 0)
        return false;
    memcpy(u->bound, head, FACTS_BYTES);
    memcpy(u->bound + FACTS_BYTES, id, VAULT_ID_BYTES - 1);
    struct cursor c = cursor_open(view_slice(view_of(head, sizeof head), 32, 40));
    *out_size = cursor_le64(&c);
    bool ok = crypto_secretstream_xchacha20poly1305_init_pull(&u->stream, head + STREAM_AT, key) == 0;
    sodium_memzero(key, sizeof key);
    return ok;
}

static bool read_message(struct unsealing *u, struct view *out, bool *out_last)
{
    uint8_t length[4], tag = 0;
    unsigned long long len = 0;

    if (!read_exactly(u, length, sizeof length))
        return false;
    struct cursor c = cursor_open(view_of(length, sizeof length));
    uint32_t n = cursor_le32(&c);
    if (n < MORE_BYTES || n > sizeof u->in || !read_exactly(u, u->in, n) ||
        crypto_secretstream_xchacha20poly1305_pull(&u->stream, u->out, &len, &tag, u->in, n, u->bound,
                                                   sizeof u->bound) != 0)
        return false;
    *out = view_of(u->out, (size_t)len);
    *out_last = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    return true;
}

/* True: all was there and right. */
static bool read_object(struct vault *v, struct unsealing *u, const char *id,
                        void (*take)(void *context, bool is_meta, struct view bytes), void *context)
{
    uint64_t size, came = 0;
    struct view message;
    bool last = false;
    uint8_t more;

    if (!read_head(v, u, id, &size) || !read_message(u, &message, &last) || last)
        return false;
    take(context, true, message);
    while (!last) {
        if (!read_message(u, &message, &last))
            return false;
        came += message.len;
        if (message.len > 0)
            take(context, false, message);
    }
    return came == size && pread(u->fd, &more, 1, u->at) == 0;
}

bool vault_get(struct vault *v, const char *id, void (*take)(void *context, bool is_meta, struct view bytes),
               void *context, struct imw_error_info *err)
{
    struct finding f = { id, -1 };
    struct unsealing *u;

    if (is_id(id))
        visit_files(v, find_object, &f);
    if (f.fd < 0)
        return error_file(err, IMW_ERROR_VALUE, v->path, "there is no object '%.40s'", id);
    /* Who reads is in the journal before the first byte is read. */
    bool ok = journal_lock(v->journal, err);
    if (ok) {
        ok = add_act(v, JOURNAL_READ, id, clock_us(), NULL, err);
        journal_unlock(v->journal);
    }
    u = ok ? calloc(1, sizeof *u) : NULL;
    if (u != NULL) {
        u->fd = f.fd;
        ok = read_object(v, u, id, take, context) ||
             error_file(err, IMW_ERROR_TRUST, v->path, "object %s is damaged, or the key is another", id);
        sodium_memzero(u, sizeof *u);
        free(u);
    } else if (ok) {
        ok = error_set(err, IMW_ERROR_MEMORY, "out of memory");
    }
    close(f.fd);
    return ok;
}

/* ---- list, expire ---- */

static bool read_journal(struct vault *v, struct journal_object **out, size_t *out_count,
                         struct imw_error_info *err)
{
    if (!journal_lock(v->journal, err))
        return false;
    bool ok = journal_read(v->journal, out, out_count, err);
    journal_unlock(v->journal);
    return ok;
}

static int compare_time(const void *a, const void *b)
{
    const struct journal_object *x = a, *y = b;

    return (x->kept.time_us > y->kept.time_us) - (x->kept.time_us < y->kept.time_us);
}

bool vault_list(struct vault *v, void (*visit)(void *context, const struct vault_object *o), void *context,
                struct imw_error_info *err)
{
    struct journal_object *objects;
    size_t count;

    if (!read_journal(v, &objects, &count, err))
        return false;
    if (count > 0)
        qsort(objects, count, sizeof objects[0], compare_time);
    for (size_t i = 0; i < count; i++) {
        const struct journal_line *l = &objects[i].kept;
        struct vault_object o = {
            .file = l->file, .kept_us = l->time_us, .expires_us = l->expires_us, .size = l->size
        };
        memcpy(o.id, l->id, sizeof o.id);
        if (objects[i].last == JOURNAL_KEPT)
            visit(context, &o);
    }
    free(objects);
    return true;
}

/* Overwrite the sealed key and remove the file. False: it is not there. */
static bool destroy(struct vault *v, const char *path, uint8_t out_sha256[32])
{
    uint8_t noise[SEALED_BYTES];
    int fd = openat(v->objects_fd, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return false;
    (void)hash_file(fd, out_sha256);
    randombytes_buf(noise, sizeof noise);
    (void)!pwrite(fd, noise, sizeof noise, SEALED_AT);
    (void)!fsync(fd);
    close(fd);
    return unlinkat(v->objects_fd, path, 0) == 0;
}

/* Delete one object. What an earlier try left undone is finished: then the journal's own hash is told. */
static bool expire_one(struct vault *v, const struct journal_object *o, uint64_t now_us,
                       struct imw_error_info *err)
{
    char path[PATH_BYTES];
    uint8_t sha256[32];

    memcpy(sha256, o->kept.sha256, sizeof sha256);
    object_path(path, o->kept.expires_us, o->kept.id, "");
    if (o->last == JOURNAL_KEPT) {
        if (faccessat(v->objects_fd, path, F_OK, 0) != 0)
            return error_file(err, IMW_ERROR_TRUST, v->path, "object %s is missing: it cannot be deleted",
                              o->kept.id);
        if (!add_act(v, JOURNAL_EXPIRED, o->kept.id, now_us, NULL, err) || !destroy(v, path, sha256))
            return error_errno(err, v->path);
    } else {
        uint8_t ignored[32];
        (void)destroy(v, path, ignored);
    }
    if (!sync_day(v, o->kept.expires_us))
        return error_errno(err, v->path);
    if (!add_act(v, JOURNAL_DELETED, o->kept.id, now_us, sha256, err))
        return false;
    object_path(path, o->kept.expires_us, NULL, NULL);
    unlinkat(v->objects_fd, path, AT_REMOVEDIR); /* where it was the last of its day */
    return true;
}

bool vault_expire(struct vault *v, uint64_t now_us, unsigned *out_deleted, struct imw_error_info *err)
{
    struct journal_object *objects;
    struct imw_error_info ignored;
    size_t count;
    bool ok = true;

    *out_deleted = 0;
    if (!journal_lock(v->journal, err))
        return false;
    if (!journal_read(v->journal, &objects, &count, err)) {
        journal_unlock(v->journal);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (objects[i].last == JOURNAL_DELETED || objects[i].kept.expires_us > now_us)
            continue;
        if (expire_one(v, &objects[i], now_us, ok ? err : &ignored)) /* the first error is told */
            ++*out_deleted;
        else
            ok = false;
    }
    journal_unlock(v->journal);
    free(objects);
    return ok;
}

/* ---- verify ---- */

struct verifying {
    const struct journal_object *objects;
    size_t count, seen;
    struct imw_error_info *err;
};

/* One file of the vault: is it one that the journal has as kept, where it should be, and as it was? */
static bool verify_file(void *context, struct vault *v, const char *path, const char *name)
{
    struct verifying *x = context;
    const struct journal_object *o = is_id(name) ? journal_find(x->objects, x->count, name) : NULL;
    char right[PATH_BYTES];
    uint8_t sha256[32];
    size_t len = strlen(name);

    if (o == NULL && len > 5 && strcmp(name + len - 5, ".part") == 0) {
        int fd = openat(v->objects_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        bool busy = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;
        if (fd >= 0)
            close(fd);
        if (busy)
            return true; /* is being written */
    }
    if (o == NULL)
        return error_file(x->err, IMW_ERROR_TRUST, v->path, "objects/%s is not in the journal", path);
    if (o->last == JOURNAL_EXPIRED)
        return true; /* is being deleted */
    if (o->last == JOURNAL_DELETED)
        return error_file(x->err, IMW_ERROR_TRUST, v->path, "object %s was deleted and is there again", name);
    object_path(right, o->kept.expires_us, name, "");
    if (strcmp(path, right) != 0)
        return error_file(x->err, IMW_ERROR_TRUST, v->path, "object %s lies under another day", name);
    int fd = openat(v->objects_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool same = fd >= 0 && hash_file(fd, sha256) && sodium_memcmp(sha256, o->kept.sha256, sizeof sha256) == 0;
    if (fd >= 0)
        close(fd);
    if (!same)
        return error_file(x->err, IMW_ERROR_TRUST, v->path, "object %s was changed", name);
    x->seen++;
    return true;
}

static bool verify_missing(struct vault *v, const struct verifying *x)
{
    char path[PATH_BYTES];

    for (size_t i = 0; i < x->count; i++) {
        object_path(path, x->objects[i].kept.expires_us, x->objects[i].kept.id, "");
        if (x->objects[i].last == JOURNAL_KEPT &&
            faccessat(v->objects_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
            return error_file(x->err, IMW_ERROR_TRUST, v->path, "object %s is missing",
                              x->objects[i].kept.id);
    }
    return true;
}

/* Locked: nothing changes meanwhile. */
static bool verify(struct vault *v, struct imw_error_info *err)
{
    struct verifying x = { .err = err };
    struct journal_object *objects;

    if (!journal_read(v->journal, &objects, &x.count, err))
        return false;
    x.objects = objects;
    bool ok = visit_files(v, verify_file, &x) && verify_missing(v, &x);
    free(objects);
    return ok;
}

bool vault_verify(struct vault *v, struct imw_error_info *err)
{
    if (!journal_lock(v->journal, err))
        return false;
    bool ok = verify(v, err);
    journal_unlock(v->journal);
    return ok;
}
