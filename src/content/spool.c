/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files without a name in the spool directory, written in pieces.
 *
 * What came is a list of ranges in order, which never touch; the gaps are what lies between them. The list
 * is bounded. A piece that would need one range more is written but not listed: its place then counts as a
 * gap, and a later piece may overwrite it. Such a file says more_gaps and is never taken for whole.
 *
 * Room is charged before bytes are written, and given back when the file is closed: a piece that lies alone
 * is charged two blocks of the file system more, since that is what it may take on disk; never more than
 * the whole extent. So bytes strewn thinly cannot fill the disk beyond what was allowed.
 *
 * The hash runs along while bytes come in order from the beginning. What it has seen never changes, since
 * the first bytes win. The rest is read back at the end.
 */
#include "content/spool.h"
#include "content/spool_name.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SPOOL_RANGES = SPOOL_GAPS + 1,
    SPOOL_FILES = 4096,    /* open at a time */
    SPOOL_COPIES = 9999,   /* files of one name that are saved */
    BLOCK_BYTES = 4096,    /* of the file system, for the account */
    COPY_BYTES = 64 << 10, /* read back at a time */
    THIN_BYTES = 1 << 20,  /* holes of so many bytes are no matter */
};

struct spool {
    char directory[256];
    int directory_fd;
    bool named_first; /* the file system has no files without a name */
    uint64_t file_bytes, all_bytes;
    _Atomic uint64_t used_bytes;
    _Atomic unsigned files;
};

struct spool_file {
    struct spool *spool;
    int fd;
    bool cut, failed, conflict, more_gaps;
    unsigned range_count;
    uint64_t extent, hashed, strewn_bytes, charged_bytes;
    EVP_MD_CTX *hash;
    struct spool_gap range[SPOOL_RANGES]; /* what came */
};

/* ---- the spool ---- */

static int open_unnamed(const struct spool *s)
{
    return openat(s->directory_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

/* For file systems without O_TMPFILE: the name is gone before a byte is written. */
static int open_named(const struct spool *s)
{
    char path[sizeof s->directory + 32];

    snprintf(path, sizeof path, "%s/imward-spool-XXXXXX", s->directory);
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0 && unlink(path) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Which of the two ways works is found out once. */
static bool try_directory(struct spool *s, struct imw_error_info *err)
{
    s->directory_fd = open(s->directory, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    if (s->directory_fd < 0)
        return error_errno(err, s->directory);
    int fd = open_unnamed(s);
    s->named_first = fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT || errno == EINVAL);
    if (s->named_first)
        fd = open_named(s);
    if (fd < 0)
        return error_errno(err, s->directory);
    close(fd);
    return true;
}

const char *spool_directory(const char *directory)
{
    if (directory == NULL)
        directory = getenv("TMPDIR");
    return directory != NULL && directory[0] != '\0' ? directory : "/tmp";
}

bool spool_new(const char *directory, uint64_t file_bytes, uint64_t all_bytes, struct spool **out,
               struct imw_error_info *err)
{
    struct spool *s = calloc(1, sizeof *s);

    directory = spool_directory(directory);
    if (s == NULL)
        return error_memory(err);
    s->file_bytes = file_bytes;
    s->all_bytes = all_bytes;
    s->directory_fd = -1;
    if (strlen(directory) >= sizeof s->directory) {
        free(s);
        return error_file(err, IMW_ERROR_VALUE, directory, "the path is longer than %zu bytes",
                          sizeof s->directory - 1);
    }
    snprintf(s->directory, sizeof s->directory, "%s", directory);
    if (!try_directory(s, err)) {
        spool_free(s);
        return false;
    }
    *out = s;
    return true;
}

void spool_free(struct spool *s)
{
    if (s == NULL)
        return;
    if (s->directory_fd >= 0)
        close(s->directory_fd);
    free(s);
}

/* Take room off the account; false: there is not as much. */
static bool account_charge(struct spool *s, uint64_t bytes)
{
    uint64_t used = atomic_load(&s->used_bytes);

    do {
        if (bytes > s->all_bytes || used > s->all_bytes - bytes)
            return false;
    } while (!atomic_compare_exchange_weak(&s->used_bytes, &used, used + bytes));
    return true;
}

/* ---- a file ---- */

struct spool_file *spool_open(struct spool *s)
{
    struct spool_file *f = NULL;

    if (atomic_load(&s->used_bytes) >= s->all_bytes || atomic_load(&s->files) >= SPOOL_FILES)
        return NULL;
    f = calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    f->spool = s;
    f->hash = EVP_MD_CTX_new();
    f->fd = s->named_first ? open_named(s) : open_unnamed(s);
    if (f->fd < 0 || f->hash == NULL || EVP_DigestInit_ex(f->hash, EVP_sha256(), NULL) != 1) {
        if (f->fd >= 0)
            close(f->fd);
        EVP_MD_CTX_free(f->hash);
        free(f);
        return NULL;
    }
    atomic_fetch_add(&s->files, 1);
    return f;
}

struct spool_file *spool_open_beside(const struct spool_file *f)
{
    return spool_open(f->spool);
}

void spool_close(struct spool_file *f)
{
    if (f == NULL)
        return;
    close(f->fd);
    EVP_MD_CTX_free(f->hash);
    atomic_fetch_sub(&f->spool->used_bytes, f->charged_bytes);
    atomic_fetch_sub(&f->spool->files, 1);
    free(f);
}

int spool_fd(const struct spool_file *f)
{
    return f->fd;
}

/* As many bytes as are there, up to `size`. */
static size_t read_at(int fd, uint64_t offset, uint8_t *out, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t n = pread(fd, out + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    return done;
}

/* As many bytes as the disk takes. */
static size_t write_at(int fd, uint64_t offset, struct view bytes)
{
    size_t done = 0;

    while (done < bytes.len) {
        ssize_t n = pwrite(fd, bytes.at + done, bytes.len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    return done;
}

/* ---- ranges ---- */

/* List [from, to), which touches no range but at its ends, as the one before `at` or as part of its
 * neighbours. */
static void range_add(struct spool_file *f, unsigned at, uint64_t from, uint64_t to)
{
    bool joins_last = at > 0 && f->range[at - 1].to == from;
    bool joins_next = at < f->range_count && f->range[at].from == to;

    if (joins_last && joins_next) {
        f->range[at - 1].to = f->range[at].to;
        f->range_count--;
        memmove(&f->range[at], &f->range[at + 1], (f->range_count - at) * sizeof f->range[0]);
    } else if (joins_last) {
        f->range[at - 1].to = to;
    } else if (joins_next) {
        f->range[at].from = from;
    } else if (f->range_count == SPOOL_RANGES) {
        f->more_gaps = true;
    } else {
        memmove(&f->range[at + 1], &f->range[at], (f->range_count - at) * sizeof f->range[0]);
        f->range[at] = (struct spool_gap){ from, to };
        f->range_count++;
    }
}

/* Room for [from, to), which nothing is written in yet. */
static bool charge(struct spool_file *f, unsigned at, uint64_t from, uint64_t to)
{
    bool alone = (at == 0 || f->range[at - 1].to != from) && from != 0;
    uint64_t extent = to > f->extent ? to : f->extent;
    uint64_t strewn = f->strewn_bytes + (to - from) + (alone ? 2 * BLOCK_BYTES : 0);
    uint64_t whole = strewn < extent + BLOCK_BYTES ? strewn : extent + BLOCK_BYTES;

    if (whole > f->charged_bytes) {
        if (!account_charge(f->spool, whole - f->charged_bytes))
            return false;
        f->charged_bytes = whole;
    }
    f->strewn_bytes = strewn;
    return true;
}

/* Write new bytes before range `at`. False: not all could be written. */
static bool write_new(struct spool_file *f, unsigned at, uint64_t offset, struct view bytes)
{
    if (!charge(f, at, offset, offset + bytes.len))
        return false;
    size_t done = write_at(f->fd, offset, bytes);
    if (done == 0)
        return false;
    if (offset + done > f->extent)
        f->extent = offset + done;
    range_add(f, at, offset, offset + done);
    bool listed = f->range[0].from == 0 && f->range[0].to >= offset + done;
    if (offset == f->hashed && listed) {
        EVP_DigestUpdate(f->hash, bytes.at, done);
        f->hashed += done;
    }
    return done == bytes.len;
}

/* Bytes of a place that is taken: are they those that came first? */
static bool same_again(const struct spool_file *f, uint64_t offset, struct view bytes)
{
    uint8_t first[4096];

    while (bytes.len > 0) {
        size_t n = bytes.len < sizeof first ? bytes.len : sizeof first;
        if (read_at(f->fd, offset, first, n) < n || memcmp(first, bytes.at, n) != 0)
            return false;
        bytes = view_from(bytes, n);
        offset += n;
    }
    return true;
}

bool spool_write(struct spool_file *f, uint64_t offset, struct view bytes)
{
    uint64_t limit = f->spool->file_bytes;

    if (f->failed)
        return false;
    if (bytes.len > 0 && (offset >= limit || bytes.len > limit - offset)) {
        f->cut = true;
        bytes = view_slice(bytes, 0, offset < limit ? (size_t)(limit - offset) : 0);
    }
    unsigned at = 0;
    if (f->range_count > 0 && f->range[f->range_count - 1].to <= offset)
        at = f->range_count; /* behind all: how most files come */
    while (bytes.len > 0) {
        while (at < f->range_count && f->range[at].to <= offset)
            at++;
        bool taken = at < f->range_count && f->range[at].from <= offset;
        uint64_t end = taken                 ? f->range[at].to
                       : at < f->range_count ? f->range[at].from
                                             : UINT64_MAX; /* of what is treated alike */
        struct view part =
            view_slice(bytes, 0, end - offset < bytes.len ? (size_t)(end - offset) : bytes.len);
        if (taken) {
            f->conflict = f->conflict || !same_again(f, offset, part);
        } else if (!write_new(f, at, offset, part)) {
            f->failed = true;
            return false;
        } else if (at > 0) {
            at--; /* it may have joined the one before */
        }
        offset += part.len;
        bytes = view_from(bytes, part.len);
    }
    return true;
}

/* ---- what is there ---- */

void spool_facts(const struct spool_file *f, uint64_t announced_size, struct spool_facts *out)
{
    uint64_t limit = f->spool->file_bytes, last = 0;
    uint64_t expected = announced_size < limit ? announced_size : limit;
    uint64_t end = f->extent > expected ? f->extent : expected;

    *out = (struct spool_facts){ .extent = f->extent,
                                 .cut = f->cut || announced_size > limit,
                                 .failed = f->failed,
                                 .conflict = f->conflict,
                                 .more_gaps = f->more_gaps };
    for (unsigned i = 0; i <= f->range_count; i++) {
        uint64_t from = i < f->range_count ? f->range[i].from : end;
        if (from > last && out->gap_count < SPOOL_GAPS)
            out->gap[out->gap_count++] = (struct spool_gap){ last, from };
        else if (from > last)
            out->more_gaps = true;
        if (i < f->range_count) {
            out->bytes += f->range[i].to - f->range[i].from;
            last = f->range[i].to;
        }
    }
}

bool spool_is_thin(const struct spool_facts *facts)
{
    return facts->extent > THIN_BYTES && (facts->extent - THIN_BYTES) / 2 > facts->bytes &&
           facts->gap_count > 0;
}

bool spool_sha256(struct spool_file *f, uint8_t out[SHA256_BYTES])
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    uint8_t *block = malloc(COPY_BYTES);
    bool ok = hash != NULL && block != NULL && EVP_MD_CTX_copy_ex(hash, f->hash) == 1;

    for (uint64_t at = f->hashed; ok && at < f->extent;) {
        size_t want = f->extent - at < COPY_BYTES ? (size_t)(f->extent - at) : COPY_BYTES;
        ok = read_at(f->fd, at, block, want) == want && EVP_DigestUpdate(hash, block, want) == 1;
        at += want;
    }
    ok = ok && EVP_DigestFinal_ex(hash, out, NULL) == 1;
    EVP_MD_CTX_free(hash);
    free(block);
    return ok;
}

/* ---- save ---- */

/* One stretch of what came: by the kernel where it can, else through a buffer. */
static bool copy_stretch(int from, int to, uint64_t at, uint64_t end)
{
    uint8_t block[16 << 10];
    loff_t in = (loff_t)at, out = (loff_t)at;

    while (at < end) {
        ssize_t n = copy_file_range(from, &in, to, &out, end - at, 0);
        if (n <= 0)
            break;
        at += (uint64_t)n;
    }
    while (at < end) {
        size_t want = end - at < sizeof block ? (size_t)(end - at) : sizeof block;
        if (read_at(from, at, block, want) < want || write_at(to, at, view_of(block, want)) < want)
            return false;
        at += want;
    }
    return true;
}

/* Holes stay holes: a file that is announced to be long takes no room for what never came. */
static bool copy_content(int from, int to, uint64_t bytes)
{
    uint64_t at = 0;

    if (ftruncate(to, (off_t)bytes) != 0)
        return false;
    while (at < bytes) {
        off_t data = lseek(from, (off_t)at, SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            return true; /* nothing but a hole is left */
        off_t hole = data < 0 ? -1 : lseek(from, data, SEEK_HOLE);
        uint64_t begin = data < 0 ? at : (uint64_t)data;
        uint64_t end = hole < 0 || (uint64_t)hole > bytes ? bytes : (uint64_t)hole;
        if (begin < bytes && !copy_stretch(from, to, begin, end))
            return false;
        at = end;
    }
    return true;
}

enum save_answer { SAVE_DONE, SAVE_NAME_TAKEN, SAVE_FAILED };

/* Another name of the same file, where spool and directory share a file system: nothing is copied. */
static enum save_answer save_linked(const struct spool_file *f, int directory, const char *name)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/self/fd/%d", f->fd);
    if (!f->spool->named_first && linkat(AT_FDCWD, path, directory, name, AT_SYMLINK_FOLLOW) == 0)
        return SAVE_DONE;
    return errno == EEXIST ? SAVE_NAME_TAKEN : SAVE_FAILED;
}

static enum save_answer save_copied(const struct spool_file *f, int directory, const char *name)
{
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return errno == EEXIST ? SAVE_NAME_TAKEN : SAVE_FAILED;
    bool ok = copy_content(f->fd, fd, f->extent);
    int why = errno;
    ok = close(fd) == 0 && ok;
    if (ok)
        return SAVE_DONE;
    unlinkat(directory, name, 0);
    errno = why;
    return SAVE_FAILED;
}

static enum save_answer save_as(const struct spool_file *f, int directory, const char *name)
{
    errno = 0;
    enum save_answer answer = save_linked(f, directory, name);
    return answer == SAVE_FAILED ? save_copied(f, directory, name) : answer;
}

static bool is_taken(int directory, struct view name, unsigned copy)
{
    char safe[SPOOL_NAME_BYTES + 1];
    struct text t = TEXT(safe);
    struct stat st;

    spool_name(name, copy, &t);
    return fstatat(directory, safe, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The first copy of a name that is free, found by halving: thousands of files may be sent under one name.
 * Where somebody took files away it is one of those that are free. */
static unsigned first_free(int directory, struct view name)
{
    unsigned taken = 0, is_free = 1;

    while (is_free <= SPOOL_COPIES && is_taken(directory, name, is_free)) {
        taken = is_free;
        is_free *= 2;
    }
    while (is_free - taken > 1) {
        unsigned middle = taken + (is_free - taken) / 2;
        if (middle <= SPOOL_COPIES && is_taken(directory, name, middle))
            taken = middle;
        else
            is_free = middle;
    }
    return is_free;
}

bool spool_save(struct spool_file *f, const char *directory, struct view name, char *out_name, size_t size,
                struct imw_error_info *err)
{
    char safe[SPOOL_NAME_BYTES + 1];
    enum save_answer answer = SAVE_NAME_TAKEN;
    int fd = open(directory, O_DIRECTORY | O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return error_errno(err, directory);
    for (unsigned copy = first_free(fd, name); copy <= SPOOL_COPIES && answer == SAVE_NAME_TAKEN; copy++) {
        struct text t = TEXT(safe);
        spool_name(name, copy, &t);
        answer = save_as(f, fd, safe);
    }
    if (answer == SAVE_FAILED)
        error_errno(err, directory);
    else if (answer == SAVE_NAME_TAKEN)
        error_file(err, IMW_ERROR_LIMIT, directory, "there are %d files of this name already", SPOOL_COPIES);
    else
        snprintf(out_name, size, "%s/%s", directory, safe);
    close(fd);
    return answer == SAVE_DONE;
}
