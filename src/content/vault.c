/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DIR/journal, DIR/head      what was done, vault_journal.c
 * DIR/objects/2027-01-31/ID  an object, under the day (UTC) on which it expires
 *
 * An object: 8 octets that say so, kind, time kept, time of expiry, size (8 octets each, little endian); the
 * object's own key in a crypto_box_seal to the vault's public key; the header of a crypto_secretstream; then
 * its messages, each behind its length in 4 octets: first the meta, then the content in pieces of 64 KiB, the
 * last tagged FINAL. What stands before the sealed key and the id are additional data of every message.
 * Without its own key nothing can be read: it is deleted by overwriting the sealed key.
 *
 * A seal does not say who sealed: that an object is the sensor's is said by its hash in the journal.
 *
 * Order of writing, so that a crash at any point leaves what can be told from tampering:
 *
 * Keep: ID.part is written, and locked as long as its writer lives. Some together, after a second at most,
 * are synced; "kept" with their SHA-256 goes to the journal; they are renamed to ID, under the journal's
 * lock. A part of which the journal knows is renamed by the next who opens the vault; one of which it does
 * not, and that nobody writes any more, is removed.
 *
 * Delete: some together, "expired" goes to the journal; the keys are overwritten and synced; the files
 * removed; "deleted" goes to the journal. The next expiry finishes what is "expired" and not "deleted".
 *
 * Together, since a disk syncs some tens or hundreds of times a second, and a chat may have more messages.
 */
#include "content/vault.h"
#include "base/cursor.h"
#include "base/text.h"
#include "content/vault_journal.h"
#include "content/vault_key.h"
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
    KEY_BYTES = crypto_secretstream_xchacha20poly1305_KEYBYTES,
    CHUNK_BYTES = 64 << 10,
    FACTS_BYTES = 40, /* the head up to the sealed key */
    SEALED_AT = FACTS_BYTES,
    SEALED_BYTES = KEY_BYTES + crypto_box_SEALBYTES,
    STREAM_AT = SEALED_AT + SEALED_BYTES,
    HEAD_BYTES = STREAM_AT + crypto_secretstream_xchacha20poly1305_HEADERBYTES,
    BOUND_BYTES = FACTS_BYTES + VAULT_ID_BYTES - 1, /* additional data */
    MORE_BYTES = crypto_secretstream_xchacha20poly1305_ABYTES,
    PATH_BYTES = 64,
    BATCH_OBJECTS = 128, /* each holds a descriptor */
    BATCH_BYTES = 32 << 20,
    BATCH_MS = 1000, /* what a crash may lose */
};

static const uint8_t object_mark[8] = { 'i', 'm', 'w', 'v', 'l', 't', 0, 2 };

/* Objects that are written, as parts, and of which the journal does not know yet. */
struct batch {
    struct journal_line lines[BATCH_OBJECTS];
    int fds[BATCH_OBJECTS];
    unsigned count;
    uint64_t bytes;
    int64_t since_ms;
};

struct vault {
    int fd, objects_fd;
    char path[256];
    struct vault_keys keys;
    struct journal *journal;
    pthread_mutex_t lock; /* of `pending` */
    struct batch pending;
    pthread_mutex_t commit_lock; /* of `batch`; taken before the other, and before the journal's */
    struct batch batch;          /* on its way to the disk */
};

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

static bool is_part(const char *name)
{
    char id[VAULT_ID_BYTES];

    snprintf(id, sizeof id, "%.32s", name);
    return is_id(id) && strcmp(name + VAULT_ID_BYTES - 1, ".part") == 0;
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
    if (fd >= 0 && is_part(name) && flock(fd, LOCK_EX | LOCK_NB) == 0) {
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
    struct stat st;
    if (v->objects_fd < 0 || fstat(v->fd, &st) != 0 || /* root may come before the sensor's first start */
        (geteuid() == 0 && fchown(v->objects_fd, st.st_uid, st.st_gid) != 0))
        return error_errno(err, path);
    snprintf(v->path, sizeof v->path, "%s", path);
    return true;
}

bool vault_open(const struct vault_settings *settings, struct vault **out, struct imw_error_info *err)
{
    struct vault_keys keys;

    if (!vault_keys_read(settings->key, settings->public_only, &keys, err))
        return false;
    struct vault *v = calloc(1, sizeof *v);
    if (v == NULL)
        return error_memory(err);
    v->fd = v->objects_fd = -1;
    v->keys = keys;
    vault_keys_forget(&keys);
    pthread_mutex_init(&v->lock, NULL);
    pthread_mutex_init(&v->commit_lock, NULL);
    if (!open_directory(v, settings->path, err) || !journal_open(v->fd, v->keys.journal, &v->journal, err) ||
        !recover(v, err)) {
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
    if (v->journal != NULL)
        (void)!vault_commit(v, true, NULL); /* who wants to know calls it before */
    for (unsigned i = 0; i < v->batch.count; i++)
        close(v->batch.fds[i]);
    for (unsigned i = 0; i < v->pending.count; i++)
        close(v->pending.fds[i]);
    journal_close(v->journal);
    if (v->objects_fd >= 0)
        close(v->objects_fd);
    if (v->fd >= 0)
        close(v->fd);
    pthread_mutex_destroy(&v->lock);
    pthread_mutex_destroy(&v->commit_lock);
    vault_keys_forget(&v->keys);
    free(v);
}

/* ---- keep ---- */

struct writing {
    int fd;
    bool failed;
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
    w->failed = crypto_box_seal(head + SEALED_AT, key, sizeof key, v->keys.public_key) != 0;
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
        if (fd < 0 && errno != ENOENT)
            return -1;
        struct stat st;
        if (fd >= 0 && flock(fd, LOCK_EX) == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0)
            return fd;
        if (fd >= 0)
            close(fd); /* who tidied up found it before we had it locked */
    }
    return -1;
}

static void remove_part(struct vault *v, const struct journal_line *l, int fd)
{
    char path[PATH_BYTES];

    object_path(path, l->expires_us, l->id, ".part");
    unlinkat(v->objects_fd, path, 0);
    close(fd);
}

/*
 * Parts and their folders to the disk: the whole file system in one call, since an fsync for each is a
 * transaction for each. Where that fails (on Linux before 5.8 it does not say so), the parts are asked one by
 * one; one that cannot be written is lost, since a second fsync would not tell of the first one's failure.
 */
static bool sync_parts(struct vault *v, struct batch *b, struct imw_error_info *err)
{
    unsigned n = 0;
    bool ok = true;

    if (syncfs(v->fd) == 0)
        return true;
    for (unsigned i = 0; i < b->count; i++) {
        if (fsync(b->fds[i]) != 0) {
            ok = error_errno(err, v->path);
            remove_part(v, &b->lines[i], b->fds[i]);
            continue;
        }
        b->lines[n] = b->lines[i];
        b->fds[n++] = b->fds[i];
    }
    b->count = n;
    return ok;
}

/* Into the journal, and under their names. False: what is still in the batch is to be tried again. */
static bool publish(struct vault *v, struct batch *b, struct imw_error_info *err)
{
    char part[PATH_BYTES], path[PATH_BYTES];

    if (b->count == 0)
        return true;
    if (!journal_lock(v->journal, err))
        return false;
    bool ok = journal_add(v->journal, b->lines, b->count, err);
    for (unsigned i = 0; ok && i < b->count; i++) {
        object_path(part, b->lines[i].expires_us, b->lines[i].id, ".part");
        object_path(path, b->lines[i].expires_us, b->lines[i].id, "");
        (void)!renameat(v->objects_fd, part, v->objects_fd, path); /* else the next who opens the vault */
    }
    journal_unlock(v->journal);
    for (unsigned i = 0; ok && i < b->count; i++)
        close(b->fds[i]);
    if (ok)
        b->count = 0;
    return ok;
}

static int64_t monotonic_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Fill the batch, unless one waits to be tried again. False: nothing is due. */
static bool take_pending(struct vault *v, bool all)
{
    pthread_mutex_lock(&v->lock);
    bool due =
        v->batch.count > 0 || (v->pending.count > 0 && (all || v->pending.count >= BATCH_OBJECTS / 4 ||
                                                        monotonic_ms() - v->pending.since_ms >= BATCH_MS));
    if (due && v->batch.count == 0) {
        v->batch = v->pending;
        v->pending.count = 0;
        v->pending.bytes = 0;
    }
    pthread_mutex_unlock(&v->lock);
    return due;
}

bool vault_commit(struct vault *v, bool all, struct imw_error_info *err)
{
    bool ok = true;

    pthread_mutex_lock(&v->commit_lock);
    while (ok && take_pending(v, all)) {
        ok = sync_parts(v, &v->batch, err);
        struct imw_error_info ignored;
        ok = publish(v, &v->batch, ok ? err : &ignored) && ok; /* the first error is told */
    }
    pthread_mutex_unlock(&v->commit_lock);
    return ok;
}

/* A part that is whole waits for its commit. */
static bool queue_part(struct vault *v, const struct journal_line *l, int fd, struct imw_error_info *err)
{
    struct batch *b = &v->pending;

    pthread_mutex_lock(&v->lock);
    while (b->count == BATCH_OBJECTS || b->bytes >= BATCH_BYTES) {
        pthread_mutex_unlock(&v->lock);
        if (!vault_commit(v, true, err))
            return false;
        pthread_mutex_lock(&v->lock);
    }
    if (b->count == 0)
        b->since_ms = monotonic_ms();
    b->lines[b->count] = *l;
    b->fds[b->count++] = fd;
    b->bytes += l->size;
    pthread_mutex_unlock(&v->lock);
    return true;
}

static bool write_object(struct vault *v, struct writing *w, struct journal_line *l, struct view meta,
                         struct view bytes, int fd, struct imw_error_info *err)
{
    write_head(v, w, l);
    write_message(w, meta, false);
    if (!write_content(w, bytes, fd, l->size))
        return error_errno(err, v->path);
    crypto_hash_sha256_final(&w->hash, l->sha256);
    return queue_part(v, l, w->fd, err);
}

bool vault_put(struct vault *v, bool file, uint64_t now_us, uint64_t expires_us, struct view meta,
               struct view bytes, int fd, char out_id[VAULT_ID_BYTES], struct imw_error_info *err)
{
    struct journal_line l = {
        .act = JOURNAL_KEPT, .time_us = now_us, .file = file, .expires_us = expires_us
    };
    uint8_t id[16];
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
        return error_memory(err);
    w->fd = part_new(v, &l);
    bool ok = w->fd >= 0 ? write_object(v, w, &l, meta, bytes, fd, err) : error_errno(err, v->path);
    if (!ok && w->fd >= 0)
        remove_part(v, &l, w->fd);
    sodium_memzero(w, sizeof *w);
    free(w);
    if (ok)
        memcpy(out_id, l.id, sizeof l.id);
    return ok;
}

/* ---- read ---- */

static uint64_t clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
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

static bool unseal(const struct vault *v, const uint8_t sealed[SEALED_BYTES], uint8_t out_key[KEY_BYTES])
{
    return crypto_box_seal_open(out_key, sealed, SEALED_BYTES, v->keys.public_key, v->keys.private_key) == 0;
}

static bool read_head(struct vault *v, struct unsealing *u, const char *id, uint64_t *out_size)
{
    uint8_t head[HEAD_BYTES], key[KEY_BYTES];

    if (!read_exactly(u, head, sizeof head) || memcmp(head, object_mark, sizeof object_mark) != 0 ||
        !unseal(v, head + SEALED_AT, key))
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

static bool is_same(int fd, const struct journal_line *kept)
{
    uint8_t sha256[32];

    return hash_file(fd, sha256) && sodium_memcmp(sha256, kept->sha256, sizeof sha256) == 0;
}

/* Look an object up and note in the journal that it is read, before its first byte is. Locked. */
static bool open_object(struct vault *v, const char *id, struct journal_line *out, int *out_fd,
                        struct imw_error_info *err)
{
    struct journal_line l = { .act = JOURNAL_READ, .time_us = clock_us() };
    struct journal_object *objects;
    char path[PATH_BYTES];
    size_t count;

    if (!journal_read(v->journal, &objects, &count, err))
        return false;
    const struct journal_object *o = is_id(id) ? journal_find(objects, count, id) : NULL;
    bool is_kept = o != NULL && o->last == JOURNAL_KEPT;
    if (is_kept)
        *out = o->kept;
    free(objects);
    if (!is_kept)
        return error_file(err, IMW_ERROR_VALUE, v->path, "there is no object '%.40s'", id);
    object_path(path, out->expires_us, out->id, "");
    *out_fd = openat(v->objects_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (*out_fd < 0)
        return error_file(err, IMW_ERROR_TRUST, v->path, "object %s is missing", out->id);
    memcpy(l.id, out->id, sizeof l.id);
    return journal_add(v->journal, &l, 1, err);
}

bool vault_get(struct vault *v, const char *id, void (*take)(void *context, bool is_meta, struct view bytes),
               void *context, struct imw_error_info *err)
{
    struct journal_line kept;
    struct unsealing *u;
    int fd = -1;

    if (!v->keys.has_private)
        return error_file(err, IMW_ERROR_VALUE, v->path,
                          "the public key does not read: give the private one, the file without .pub");
    if (!vault_commit(v, true, err) || !journal_lock(v->journal, err))
        return false;
    bool ok = open_object(v, id, &kept, &fd, err);
    journal_unlock(v->journal);
    /* Everybody with the public key can make an object: the hash says that the sensor made this one. */
    if (ok && !is_same(fd, &kept))
        ok = error_file(err, IMW_ERROR_TRUST, v->path, "object %s was changed", id);
    u = ok ? calloc(1, sizeof *u) : NULL;
    if (u != NULL) {
        u->fd = fd;
        ok = read_object(v, u, id, take, context) ||
             error_file(err, IMW_ERROR_TRUST, v->path, "object %s is not sealed to this key", id);
        sodium_memzero(u, sizeof *u);
        free(u);
    } else if (ok) {
        ok = error_memory(err);
    }
    if (fd >= 0)
        close(fd);
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

    if (!vault_commit(v, true, err) || !read_journal(v, &objects, &count, err))
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

struct due {
    char day[PATH_BYTES];
    bool found;
};

static bool find_due(void *context, struct vault *v, const char *path, const char *name)
{
    struct due *d = context;

    (void)v;
    (void)name;
    d->found = strncmp(path, d->day, strlen(d->day)) <= 0;
    return !d->found;
}

bool vault_due(struct vault *v, uint64_t now_us)
{
    struct due d = { .found = false };

    object_path(d.day, now_us, NULL, NULL);
    visit_files(v, find_due, &d);
    return d.found;
}

/* Overwrite the sealed key. False: it is not there, or cannot be changed. */
static bool overwrite(struct vault *v, const struct journal_line *kept, uint8_t out_sha256[32])
{
    uint8_t noise[SEALED_BYTES];
    char path[PATH_BYTES];

    object_path(path, kept->expires_us, kept->id, "");
    int fd = openat(v->objects_fd, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    randombytes_buf(noise, sizeof noise);
    bool ok = hash_file(fd, out_sha256) && pwrite(fd, noise, sizeof noise, SEALED_AT) == sizeof noise;
    close(fd);
    return ok;
}

/* Remove their files, and the folder of a day behind its last. */
static bool remove_files(struct vault *v, const struct journal_line *lines, unsigned count)
{
    char path[PATH_BYTES];

    for (unsigned i = 0; i < count; i++) {
        object_path(path, lines[i].expires_us, lines[i].id, "");
        if (unlinkat(v->objects_fd, path, 0) != 0 && errno != ENOENT)
            return false;
        object_path(path, lines[i].expires_us, NULL, NULL);
        unlinkat(v->objects_fd, path, AT_REMOVEDIR);
    }
    return true;
}

struct expiring {
    struct journal_object objects[BATCH_OBJECTS];
    struct journal_line lines[BATCH_OBJECTS];
    unsigned count;
};

/* Leave out what is not there: it cannot be deleted, and whoever took it away is to be looked for. */
static bool find_missing(struct vault *v, struct expiring *x, struct imw_error_info *err)
{
    char path[PATH_BYTES];
    unsigned n = 0;
    bool ok = true;

    for (unsigned i = 0; i < x->count; i++) {
        const struct journal_line *kept = &x->objects[i].kept;
        object_path(path, kept->expires_us, kept->id, "");
        if (x->objects[i].last == JOURNAL_KEPT && faccessat(v->objects_fd, path, F_OK, 0) != 0)
            ok = error_file(err, IMW_ERROR_TRUST, v->path, "object %s is missing: it cannot be deleted",
                            kept->id);
        else
            x->objects[n++] = x->objects[i];
    }
    x->count = n;
    return ok;
}

static bool add_acts(struct vault *v, struct expiring *x, enum journal_act act, uint64_t now_us,
                     struct imw_error_info *err)
{
    unsigned n = 0;

    for (unsigned i = 0; i < x->count; i++) {
        if (act == JOURNAL_EXPIRED && x->objects[i].last == JOURNAL_EXPIRED)
            continue;
        x->lines[n] = x->objects[i].kept;
        x->lines[n].act = act;
        x->lines[n++].time_us = now_us;
    }
    return n == 0 || journal_add(v->journal, x->lines, n, err);
}

/* Delete some. What an earlier try left undone is finished: then the journal's own hash is told. Locked. */
static bool expire_some(struct vault *v, struct expiring *x, uint64_t now_us, struct imw_error_info *err)
{
    uint8_t sha256[32];

    if (!add_acts(v, x, JOURNAL_EXPIRED, now_us, err))
        return false;
    for (unsigned i = 0; i < x->count; i++) {
        struct journal_object *o = &x->objects[i];
        bool done = overwrite(v, &o->kept, sha256);
        if (!done && o->last == JOURNAL_KEPT)
            return error_errno(err, v->path); /* the next expiry goes on here */
        if (o->last == JOURNAL_KEPT)
            memcpy(o->kept.sha256, sha256, sizeof sha256);
        x->lines[i] = o->kept;
    }
    if (syncfs(v->fd) != 0 || !remove_files(v, x->lines, x->count) || syncfs(v->fd) != 0)
        return error_errno(err, v->path);
    return add_acts(v, x, JOURNAL_DELETED, now_us, err);
}

/* The journal is free between two lots, so that what is to be kept meanwhile need not wait for all. */
static bool expire_due(struct vault *v, struct expiring *x, const struct journal_object *objects,
                       size_t count, uint64_t now_us, unsigned *out_deleted, struct imw_error_info *err)
{
    struct imw_error_info ignored;
    size_t i = 0;
    bool ok = true, going_on = true;

    while (going_on && i < count) {
        for (x->count = 0; i < count && x->count < BATCH_OBJECTS; i++)
            if (objects[i].last != JOURNAL_DELETED && objects[i].kept.expires_us <= now_us)
                x->objects[x->count++] = objects[i];
        if (!find_missing(v, x, ok ? err : &ignored)) /* the first error is told */
            ok = false;
        if (x->count == 0)
            continue;
        going_on = journal_lock(v->journal, ok ? err : &ignored);
        if (going_on) {
            going_on = expire_some(v, x, now_us, ok ? err : &ignored);
            journal_unlock(v->journal);
        }
        ok = ok && going_on;
        if (going_on)
            *out_deleted += x->count;
    }
    return ok;
}

bool vault_expire(struct vault *v, uint64_t now_us, unsigned *out_deleted, struct imw_error_info *err)
{
    struct journal_object *objects;
    struct expiring *x;
    size_t count;
    bool ok = false;

    *out_deleted = 0;
    if (!vault_commit(v, true, err))
        return false;
    if (flock(v->fd, LOCK_EX) != 0) /* one who expires at a time */
        return error_errno(err, v->path);
    if (read_journal(v, &objects, &count, err)) {
        x = malloc(sizeof *x);
        ok = x != NULL ? expire_due(v, x, objects, count, now_us, out_deleted, err) : error_memory(err);
        free(x);
        free(objects);
    }
    flock(v->fd, LOCK_UN);
    return ok;
}

/* ---- verify ---- */

struct verifying {
    const struct journal_object *objects;
    size_t count;
    bool *seen; /* beside them: found right in the first round */
    const struct verifying *first;
    struct imw_error_info *err;
};

/* Is it as it was, and, as far as we can tell, sealed to our key? NULL: yes. */
static const char *check_object(struct vault *v, const char *path, const struct journal_line *kept)
{
    uint8_t sealed[SEALED_BYTES], key[KEY_BYTES];
    int fd = openat(v->objects_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    const char *wrong = fd >= 0 && is_same(fd, kept) ? NULL : "was changed";

    if (wrong == NULL && v->keys.has_private &&
        (pread(fd, sealed, sizeof sealed, SEALED_AT) != sizeof sealed || !unseal(v, sealed, key)))
        wrong = "is not sealed to this key";
    sodium_memzero(key, sizeof key);
    if (fd >= 0)
        close(fd);
    return wrong;
}

/* First round, while others write: note what is right. */
static bool note_right(void *context, struct vault *v, const char *path, const char *name)
{
    struct verifying *x = context;
    const struct journal_object *o = is_id(name) ? journal_find(x->objects, x->count, name) : NULL;

    if (o != NULL && o->last == JOURNAL_KEPT && check_object(v, path, &o->kept) == NULL)
        x->seen[o - x->objects] = true;
    return true;
}

static bool was_right(const struct verifying *first, const char *id)
{
    const struct journal_object *o = journal_find(first->objects, first->count, id);

    return o != NULL && first->seen[o - first->objects];
}

/* One file of the vault: is it one that the journal has as kept, where it should be, and as it was? */
static bool verify_file(void *context, struct vault *v, const char *path, const char *name)
{
    struct verifying *x = context;
    const struct journal_object *o = is_id(name) ? journal_find(x->objects, x->count, name) : NULL;
    char right[PATH_BYTES];

    if (o == NULL && is_part(name))
        return true; /* those that nobody writes were removed when we opened the vault */
    if (o == NULL)
        return error_file(x->err, IMW_ERROR_TRUST, v->path, "objects/%s is not in the journal", path);
    if (o->last == JOURNAL_EXPIRED)
        return true; /* is being deleted */
    if (o->last == JOURNAL_DELETED)
        return error_file(x->err, IMW_ERROR_TRUST, v->path, "object %s was deleted and is there again", name);
    object_path(right, o->kept.expires_us, name, "");
    if (strcmp(path, right) != 0)
        return error_file(x->err, IMW_ERROR_TRUST, v->path, "object %s lies under another day", name);
    const char *wrong = was_right(x->first, name) ? NULL : check_object(v, path, &o->kept);
    return wrong == NULL || error_file(x->err, IMW_ERROR_TRUST, v->path, "object %s %s", name, wrong);
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

/* Second round. Locked: nothing changes meanwhile. */
static bool verify(struct vault *v, const struct verifying *first, struct imw_error_info *err)
{
    struct verifying x = { .first = first, .err = err };
    struct journal_object *objects;

    if (!journal_read(v->journal, &objects, &x.count, err))
        return false;
    x.objects = objects;
    bool ok = visit_files(v, verify_file, &x) && verify_missing(v, &x);
    free(objects);
    return ok;
}

/* Hashing takes long, so it is done before the lock is taken; then names, and what was not right or is new.
 */
bool vault_verify(struct vault *v, struct imw_error_info *err)
{
    struct verifying first = { .err = err };
    struct journal_object *objects;

    if (!vault_commit(v, true, err) || !read_journal(v, &objects, &first.count, err))
        return false;
    first.objects = objects;
    first.seen = calloc(first.count + 1, sizeof *first.seen);
    bool ok = first.seen != NULL || error_memory(err);
    if (ok)
        (void)visit_files(v, note_right, &first);
    ok = ok && journal_lock(v->journal, err);
    if (ok) {
        ok = verify(v, &first, err);
        journal_unlock(v->journal);
    }
    free(first.seen);
    free(objects);
    return ok;
}
