/* SPDX-License-Identifier: Apache-2.0 */
/* Files of events, read from where they were left, packed or not. */
#include "store/feed.h"
#include "base/thread.h"
#include "packet/capture_input.h"
#include <openssl/evp.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    CHUNK_BYTES = 4 << 20, /* of a transaction, with room for a line */
    READ_BYTES = 256 * 1024,
};
_Static_assert((int)CHUNK_BYTES >= 2 * (int)FEED_LINE_BYTES, "room for the longest line");

/* ---- digests ---- */

bool feed_digest(int fd, const char *name, uint8_t out[FEED_HEAD_BYTES], uint64_t *out_size,
                 struct imw_error_info *err)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    uint8_t *buffer = malloc(READ_BYTES);
    uint64_t size = 0;
    ssize_t n = -1;
    bool ok = md != NULL && buffer != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;

    if (!ok)
        error_set(err, IMW_ERROR_MEMORY, "no memory to read %s", name);
    if (ok && lseek(fd, 0, SEEK_SET) != 0)
        ok = error_errno(err, name);
    while (ok && (n = read(fd, buffer, READ_BYTES)) > 0) {
        ok = EVP_DigestUpdate(md, buffer, (size_t)n) == 1;
        size += (uint64_t)n;
    }
    if (ok && n < 0)
        ok = error_errno(err, name);
    if (ok && EVP_DigestFinal_ex(md, out, NULL) == 1)
        *out_size = size;
    EVP_MD_CTX_free(md);
    free(buffer);
    return ok;
}

bool feed_head(int fd, const char *name, uint8_t out[FEED_HEAD_BYTES], bool *out_found, bool *out_never,
               struct imw_error_info *err)
{
    uint8_t *line = malloc(FEED_LINE_BYTES);
    size_t len = 0, n = 1, end = 0;
    struct input *in = NULL;

    *out_found = *out_never = false;
    bool ok = line != NULL && lseek(fd, 0, SEEK_SET) == 0;
    if (line == NULL)
        error_set(err, IMW_ERROR_MEMORY, "no memory to read %s", name);
    else if (!ok)
        error_errno(err, name);
    else
        ok = (in = input_new(fd, name, err)) != NULL;
    while (ok && n > 0 && len < FEED_LINE_BYTES && end == len) {
        ok = input_read(in, line + len, FEED_LINE_BYTES - len, &n, err);
        if (ok) {
            end = view_find_byte(view_of(line, len + n), '\n', len);
            len += n;
        }
    }
    if (ok && end < len)
        *out_found = EVP_Digest(line, end, out, NULL, EVP_sha256(), NULL) == 1;
    *out_never = ok && !*out_found && len == FEED_LINE_BYTES;
    input_free(in);
    free(line);
    return ok;
}

/* ---- positions ---- */

static bool position_get(const struct feed *f, uint64_t *out, bool *out_known, struct imw_error_info *err)
{
    int64_t position = 0;

    if (!db_query_int(f->db, "select position from file_position where sensor = ? and head = ?",
                      DB_ARGS(db_int(f->sensor), db_blob(view_of(f->head, sizeof f->head))), &position,
                      out_known, err))
        return false;
    *out = *out_known ? (uint64_t)position : 0;
    return true;
}

static bool position_move(const struct feed *f, bool known, uint64_t from, uint64_t to, uint64_t now_us,
                          struct imw_error_info *err)
{
    struct view head = view_of(f->head, sizeof f->head);
    uint64_t changed = 0;
    bool ok =
        known
            ? db_run(
                  f->db,
                  "update file_position set position = ?, name = ?, changed_us = ? where sensor = ? and head = ? "
                  "and position = ?",
                  DB_ARGS(db_int((int64_t)to), db_text(f->name), db_int((int64_t)now_us), db_int(f->sensor),
                          db_blob(head), db_int((int64_t)from)),
                  &changed, err)
            : db_run(
                  f->db,
                  "insert into file_position (sensor, head, name, position, changed_us) values (?, ?, ?, ?, ?) "
                  "on conflict (sensor, head) do nothing",
                  DB_ARGS(db_int(f->sensor), db_blob(head), db_text(f->name), db_int((int64_t)to),
                          db_int((int64_t)now_us)),
                  &changed, err);

    return ok && (changed == 1 || error_set(err, IMW_ERROR_LIMIT,
                                            "%s is being stored by another process, which goes on", f->name));
}

/* ---- lines ---- */

/* One transaction: these lines, and that the file is stored up to `to`. */
static bool store(const struct feed *f, bool known, struct view lines, uint64_t from, uint64_t to,
                  uint64_t done, struct ingest_counts *counts, struct imw_error_info *err)
{
    struct ingest_counts sum = *counts;
    uint64_t now_us = clock_us();

    if (!db_begin_feed(f->db, err))
        return false;
    bool ok = position_move(f, known, from, to, now_us, err) &&
              (lines.len == 0 || ingest_lines(f->ingest, lines, now_us, &sum, err)) &&
              db_run(f->db, "update sensor set seen_us = ? where id = ?",
                     DB_ARGS(db_int((int64_t)now_us), db_int(f->sensor)), NULL, err) &&
              (f->import == 0 || db_run(f->db, "update import set events = events + ?, done = ? where id = ?",
                                        DB_ARGS(db_int((int64_t)(sum.stored - counts->stored)),
                                                db_int((int64_t)done), db_int(f->import)),
                                        NULL, err)) &&
              db_commit(f->db, err);
    if (!ok) {
        db_rollback(f->db);
        ingest_forget(f->ingest);
        return false;
    }
    *counts = sum;
    return true;
}

struct reader {
    const struct feed *feed;
    struct input *in;
    bool known, ended, skipping; /* skipping: inside of a line that is too long */
    uint64_t base;               /* octets of the descriptor that were not read through `in` */
    size_t len;
    uint8_t *buffer; /* CHUNK_BYTES */
};

/* Begin at the position: a seek where the file is not packed, else by reading up to there. */
static bool reader_begin(struct reader *r, int fd, uint64_t position, struct imw_error_info *err)
{
    uint8_t start[8];
    ssize_t n = pread(fd, start, sizeof start, 0);
    bool packed = n > 0 && input_is_packed(view_of(start, (size_t)n));

    r->base = packed ? 0 : position;
    if (n < 0 || lseek(fd, (off_t)r->base, SEEK_SET) < 0)
        return error_errno(err, r->feed->name);
    r->in = input_new(fd, r->feed->name, err);
    if (r->in == NULL)
        return false;
    for (uint64_t left = packed ? position : 0; left > 0;) {
        size_t got;
        if (!input_read(r->in, r->buffer, left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES, &got, err))
            return false;
        if (got == 0)
            return error_file(err, IMW_ERROR_FORMAT, r->feed->name, "is shorter than what was stored of it");
        left -= got;
    }
    return true;
}

/* Fill the buffer as far as possible now. */
static bool reader_fill(struct reader *r, struct imw_error_info *err)
{
    while (!r->ended && r->len < CHUNK_BYTES) {
        size_t n;
        if (!input_read(r->in, r->buffer + r->len, CHUNK_BYTES - r->len, &n, err))
            return false;
        r->ended = n == 0;
        r->len += n;
    }
    return true;
}

static size_t last_line_end(struct view v)
{
    while (v.len > 0 && v.at[v.len - 1] != '\n')
        v.len--;
    return v.len;
}

/* What of the buffer is stored now: whole lines. *out_used may be more: a line that is too long, left out. */
static struct view reader_lines(struct reader *r, bool whole, size_t *out_used, struct ingest_counts *counts)
{
    struct view all = view_of(r->buffer, r->len);
    size_t end = last_line_end(all);

    if (r->skipping) {
        size_t first = view_find_byte(all, '\n', 0);
        *out_used = first < all.len ? first + 1 : all.len;
        r->skipping = first == all.len && !r->ended;
        return view_of(NULL, 0);
    }
    if (end == 0 && all.len == CHUNK_BYTES) {
        r->skipping = true;
        counts->refused++;
        *out_used = all.len;
        return view_of(NULL, 0);
    }
    if (end < all.len && whole && r->ended && all.len < CHUNK_BYTES) {
        *out_used = all.len;
        r->buffer[r->len] = '\n';
        return view_of(r->buffer, r->len + 1);
    }
    *out_used = end;
    return view_of(r->buffer, end);
}

bool feed_file(const struct feed *f, int fd, bool whole, uint64_t budget,
               bool (*tell)(void *context, const struct feed_progress *p), void *context,
               struct feed_progress *out, struct imw_error_info *err)
{
    struct reader r = { .feed = f, .buffer = malloc(CHUNK_BYTES) };
    uint64_t begun, size = (uint64_t)lseek(fd, 0, SEEK_END);
    bool ok;

    *out = (struct feed_progress){ 0 };
    if (r.buffer == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory to read %s", f->name);
    ok = position_get(f, &out->position, &r.known, err) && reader_begin(&r, fd, out->position, err);
    begun = out->position;
    while (ok) {
        size_t used = 0;
        ok = reader_fill(&r, err);
        if (!ok)
            break;
        struct view lines = reader_lines(&r, whole, &used, &out->counts);
        out->done = r.base + input_done(r.in);
        if (f->import_size > 0 && size > 0)
            out->done = (uint64_t)((double)out->done / (double)size * (double)f->import_size);
        if (used == 0 && (r.known || !r.ended))
            break;
        if (used > 0 || !r.known)
            ok = store(f, r.known, lines, out->position, out->position + used, out->done, &out->counts, err);
        if (!ok)
            break;
        r.known = true;
        out->position += used;
        memmove(r.buffer, r.buffer + used, r.len - used);
        r.len -= used;
        if (tell != NULL && !tell(context, out))
            break;
        out->more = budget > 0 && out->position - begun >= budget && !r.ended;
        if (out->more || used == 0)
            break;
    }
    input_free(r.in);
    free(r.buffer);
    return ok;
}
