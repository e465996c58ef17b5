/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams, packed or not. Several gzip members or zstd frames in a row are one stream (so do gzip -d and zstd
 * -d); what follows a gzip member without being one is padding and ends the stream. Unpacked bytes that came
 * before a fault are given out before the fault is told.
 */
#include "packet/capture_input.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { RAW_BYTES = 256 << 10 };

struct packing {
    const char *name;
    bool (*begin)(struct input *in);
    bool (*unpack)(struct input *in, uint8_t *out, size_t max, size_t *out_len, struct imw_error_info *err);
};

struct input {
    int fd;
    const struct packing *packing; /* NULL: none */
    const char *name;
    uint64_t done;
    bool raw_ended;
    bool open; /* inside of a gzip member or zstd frame: the end must not come now */
    z_stream gzip;
    ZSTD_DStream *zstd;
    size_t raw_at, raw_len; /* of what lies in `raw` */
    uint8_t raw[RAW_BYTES];
};

/* Read once; a signal's interruption is no answer. False: err is set. *out_len 0: the end. */
static bool read_some(struct input *in, uint8_t *out, size_t max, size_t *out_len, struct imw_error_info *err)
{
    ssize_t n;

    do
        n = read(in->fd, out, max);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return error_errno(err, in->name);
    in->raw_ended = n == 0;
    in->done += (uint64_t)n;
    *out_len = (size_t)n;
    return true;
}

/* Have raw bytes at hand, or the end. */
static bool fill_raw(struct input *in, struct imw_error_info *err)
{
    if (in->raw_at < in->raw_len || in->raw_ended)
        return true;
    in->raw_at = in->raw_len = 0;
    return read_some(in, in->raw, sizeof in->raw, &in->raw_len, err);
}

static bool packing_fault(struct input *in, const char *what, struct imw_error_info *err)
{
    error_file(err, IMW_ERROR_FORMAT, in->name, "%s data are broken: %s", in->packing->name, what);
    if (err != NULL) {
        err->offset = in->done - (in->raw_len - in->raw_at);
        err->has_offset = true;
    }
    return false;
}

static bool gzip_begin(struct input *in)
{
    in->open = true;
    return inflateInit2(&in->gzip, 15 + 16) == Z_OK;
}

static bool gzip_unpack(struct input *in, uint8_t *out, size_t max, size_t *out_len,
                        struct imw_error_info *err)
{
    if (!in->open) { /* a member has ended: another one, padding, or the end */
        if (in->raw_at == in->raw_len || in->raw[in->raw_at] != 0x1f) {
            in->raw_at = in->raw_len;
            *out_len = 0;
            return true;
        }
        (void)inflateReset(&in->gzip);
        in->open = true;
    }
    in->gzip.next_in = in->raw + in->raw_at;
    in->gzip.avail_in = (uInt)(in->raw_len - in->raw_at);
    in->gzip.next_out = out;
    in->gzip.avail_out = (uInt)max;
    int answer = inflate(&in->gzip, Z_NO_FLUSH);
    in->raw_at = in->raw_len - in->gzip.avail_in;
    *out_len = max - in->gzip.avail_out;
    if (answer == Z_STREAM_END)
        in->open = false;
    else if (answer != Z_OK && answer != Z_BUF_ERROR && *out_len == 0)
        return packing_fault(in, in->gzip.msg != NULL ? in->gzip.msg : "cannot be unpacked", err);
    return true;
}

static bool zstd_begin(struct input *in)
{
    in->zstd = ZSTD_createDStream();
    return in->zstd != NULL;
}

static bool zstd_unpack(struct input *in, uint8_t *out, size_t max, size_t *out_len,
                        struct imw_error_info *err)
{
    ZSTD_inBuffer from = { in->raw, in->raw_len, in->raw_at };
    ZSTD_outBuffer to = { out, max, 0 };
    size_t answer = ZSTD_decompressStream(in->zstd, &to, &from);

    bool moved = from.pos > in->raw_at || to.pos > 0; /* else the answer only asks for another frame */
    in->raw_at = from.pos;
    *out_len = to.pos;
    if (ZSTD_isError(answer) && to.pos == 0)
        return packing_fault(in, ZSTD_getErrorName(answer), err);
    if (moved)
        in->open = answer != 0;
    return true;
}

static const struct packing gzip_packing = { "gzip", gzip_begin, gzip_unpack };
static const struct packing zstd_packing = { "zstd", zstd_begin, zstd_unpack };

/* A zstd stream may start with a skippable frame (RFC 8878 section 3.1.2). */
static const struct packing *packing_of(struct view start)
{
    if (view_starts(start, VIEW("\x1f\x8b\x08")))
        return &gzip_packing;
    bool skippable = start.len >= 4 && (start.at[0] & 0xf0) == 0x50 &&
                     view_starts(view_from(start, 1), VIEW("\x2a\x4d\x18"));
    return skippable || view_starts(start, VIEW("\x28\xb5\x2f\xfd")) ? &zstd_packing : NULL;
}

bool input_is_packed(struct view start)
{
    return packing_of(start) != NULL;
}

struct input *input_new(int fd, const char *name, struct imw_error_info *err)
{
    struct input *in = calloc(1, sizeof *in);

    if (in == NULL) {
        error_file(err, IMW_ERROR_MEMORY, name, "no memory to read it");
        return NULL;
    }
    in->fd = fd;
    in->name = name;
    while (in->raw_len < 4 && !in->raw_ended) {
        size_t n;
        if (!read_some(in, in->raw + in->raw_len, sizeof in->raw - in->raw_len, &n, err))
            goto fail;
        in->raw_len += n;
    }
    in->packing = packing_of(view_of(in->raw, in->raw_len));
    if (in->packing != NULL && !in->packing->begin(in)) {
        error_file(err, IMW_ERROR_MEMORY, name, "no memory to unpack it");
        goto fail;
    }
    return in;
fail:
    input_free(in);
    return NULL;
}

void input_free(struct input *in)
{
    if (in == NULL)
        return;
    if (in->packing == &gzip_packing)
        (void)inflateEnd(&in->gzip);
    (void)ZSTD_freeDStream(in->zstd);
    free(in);
}

bool input_read(struct input *in, uint8_t *out, size_t max, size_t *out_len, struct imw_error_info *err)
{
    if (in->packing == NULL) {
        if (in->raw_at == in->raw_len)
            return read_some(in, out, max, out_len, err);
        struct view v = view_slice(view_of(in->raw, in->raw_len), in->raw_at, in->raw_at + max);
        memcpy(out, v.at, v.len);
        in->raw_at += v.len;
        *out_len = v.len;
        return true;
    }
    for (;;) {
        if (!fill_raw(in, err))
            return false;
        bool drained = in->raw_at == in->raw_len; /* the unpacker may still hold bytes back */
        if (!in->packing->unpack(in, out, max, out_len, err))
            return false;
        if (*out_len > 0)
            return true;
        if (drained && in->raw_ended)
            break;
    }
    return in->open ? packing_fault(in, "they end too early", err) : true;
}

const char *input_packing(const struct input *in)
{
    return in->packing != NULL ? in->packing->name : NULL;
}

uint64_t input_done(const struct input *in)
{
    return in->done;
}
