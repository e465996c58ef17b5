/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a capture, bringing its bytes to the format reader, and telling how it ended.
 *
 * A plain regular file is mapped and frames point into the mapping. Pages are made present some mebibytes
 * ahead in one call, which costs far less than a page fault for each few frames, and are given back some way
 * behind, so that a long file does not fill memory; a frame far behind stays valid, its page is then fetched
 * again.
 *
 * A file may change while it is read. What is appended is not read; where the last record is cut off because
 * the file is being written, that is a clean end. If it is cut shorter, the pages behind its new end are
 * lost: that is seen before each stretch is read and ends the reading, but a file cut inside of the stretch
 * under way raises SIGBUS, as with any mapping. Do not truncate a capture that is being read.
 *
 * Everything else (pipes, packed files) goes through one buffer that holds the longest record.
 */
#include "base/text.h"
#include "packet/capture_file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14; older kernels answer EINVAL and fault page by page */
#endif

enum {
    MAP_AHEAD_BYTES = 4 << 20,
    MAP_BEHIND_BYTES = 64 << 20,
    START_BYTES = 64, /* enough to tell what a file is */
};

/* ---- what a file is that is no capture ---- */

static const struct {
    struct view start;
    const char *is;
} known[] = {
#define KNOWN(bytes, is)                                                                                     \
    {                                                                                                        \
        { (const uint8_t *)(bytes), sizeof(bytes) - 1 }, (is)                                                \
    }
    KNOWN("\xfd"
          "7zXZ",
          "xz data"),
    KNOWN("BZh", "bzip2 data"),
    KNOWN("\x04\x22\x4d\x18", "lz4 data"),
    KNOWN("PK\x03\x04", "a zip archive"),
    KNOWN("7z\xbc\xaf", "a 7-Zip archive"),
    KNOWN("snoop\0\0\0", "a snoop capture"),
    KNOWN("GMBU", "a Microsoft Network Monitor capture"),
    KNOWN("RTSS", "a Microsoft Network Monitor capture"),
    KNOWN("XCP\0", "a NetXRay capture"),
    KNOWN("TRSNIFF data", "a Sniffer capture"),
    KNOWN("btsnoop\0", "a Bluetooth capture"),
    KNOWN("\x7f"
          "ELF",
          "a program"),
    KNOWN("SQLite format 3", "a database"),
    KNOWN("{", "JSON text"),
    KNOWN("[", "JSON text"),
    KNOWN("<", "XML or HTML text"),
#undef KNOWN
};

static bool not_a_capture(const struct capture *c, struct view start, struct imw_error_info *err)
{
    static const char expected[] = "pcap or pcapng is expected, plain or packed with gzip or zstd";
    const char *is = NULL;
    size_t printable = 0;

    for (size_t i = 0; i < sizeof known / sizeof known[0] && is == NULL; i++)
        if (view_starts(start, known[i].start))
            is = known[i].is;
    while (printable < start.len && ((start.at[printable] >= ' ' && start.at[printable] < 0x7f) ||
                                     (start.at[printable] >= '\t' && start.at[printable] <= '\r')))
        printable++;
    if (is == NULL && printable == start.len)
        is = "text";
    if (is != NULL)
        return error_file(err, IMW_ERROR_FORMAT, c->name, "this is not a capture, it looks like %s; %s", is,
                          expected);
    return error_file(err, IMW_ERROR_FORMAT, c->name, "this is not a capture; %s", expected);
}

unsigned capture_fail(struct capture *c, const char *format, ...)
{
    char text[sizeof c->err.text];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *packing = c->input != NULL ? input_packing(c->input) : NULL;
    (void)error_file(&c->err, IMW_ERROR_FORMAT, c->name, "%s%s", text,
                     packing != NULL ? " (offset when unpacked)" : "");
    c->err.offset = capture_offset(c);
    c->err.has_offset = true;
    c->failed = true;
    return 0;
}

/* ---- a mapped file ---- */

/* Make the next pages present, and let those go that are far behind. */
static void map_advance(struct capture *c)
{
    size_t at = (size_t)capture_offset(c), ready = at + MAP_AHEAD_BYTES;

    if (ready > c->map_size)
        ready = c->map_size;
    if (c->map_ready < ready) {
        size_t from = c->map_ready;
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        /* A stretch of twice the distance, so that this is done once a stretch. */
        ready = c->map_size - ready > MAP_AHEAD_BYTES ? ready + MAP_AHEAD_BYTES : c->map_size;
        ready -= ready < c->map_size ? ready % page : 0;
        c->map_ready = ready;
        if (madvise(c->map + from, ready - from, MADV_POPULATE_READ) != 0 && errno == EFAULT)
            (void)capture_fail(c, "the file was cut shorter while it was being read");
    }
    if (at > c->map_dropped + 2 * (size_t)MAP_BEHIND_BYTES) {
        (void)madvise(c->map + c->map_dropped, MAP_BEHIND_BYTES, MADV_DONTNEED);
        c->map_dropped += MAP_BEHIND_BYTES;
    }
}

static bool map_open(struct capture *c, size_t size, struct imw_error_info *err)
{
    void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, c->fd, 0);

    if (map == MAP_FAILED)
        return error_errno(err, c->name);
    (void)madvise(map, size, MADV_SEQUENTIAL);
    c->map = map;
    c->map_size = size;
    c->next = cursor_open(view_of(map, size));
    c->window_end = size;
    return true;
}

/* ---- a stream ---- */

/*
 * Move what is left to the front of the buffer and read more behind it. False: the end, or reading has
 * failed.
 */
static bool stream_more(struct capture *c)
{
    struct view left = cursor_peek(&c->next);
    struct imw_error_info err;
    size_t n;

    memmove(c->buffer, left.at, left.len);
    c->next = cursor_open(view_of(c->buffer, left.len));
    do {
        if (!input_read(c->input, c->buffer + left.len, CAPTURE_BLOCK_BYTES - left.len, &n, &err)) {
            c->err = err;
            c->failed = true;
            return false;
        }
        size_t drop = c->skip < n ? (size_t)c->skip : n;
        c->skip -= drop;
        c->window_end += n;
        if (drop > 0) { /* nothing is left in the buffer then */
            memmove(c->buffer, c->buffer + drop, n - drop);
            n -= drop;
            if (n == 0)
                continue;
        }
        c->next = cursor_open(view_of(c->buffer, left.len + n));
        return n > 0;
    } while (true);
}

static bool stream_open(struct capture *c, struct imw_error_info *err)
{
    c->buffer = malloc(CAPTURE_BLOCK_BYTES);
    c->input = input_new(c->fd, c->name, err);
    if (c->input == NULL)
        return false;
    if (c->buffer == NULL)
        return error_file(err, IMW_ERROR_MEMORY, c->name, "no memory to read it");
    c->next = cursor_open(view_of(c->buffer, 0));
    while (cursor_left(&c->next) < START_BYTES && stream_more(c))
        ;
    if (c->failed && err != NULL)
        *err = c->err;
    return !c->failed;
}

/* ---- both ---- */

/* The size of a plain regular file that can be mapped from its start, else 0. */
static bool mappable(const struct capture *c, struct view start, const struct stat *st)
{
    return S_ISREG(st->st_mode) && st->st_size > 0 && !input_is_packed(start) &&
           lseek(c->fd, 0, SEEK_CUR) == 0;
}

static bool begin(struct capture *c, struct imw_error_info *err)
{
    struct view start = view_slice(cursor_peek(&c->next), 0, START_BYTES);

    if (start.len == 0)
        return error_file(err, IMW_ERROR_FORMAT, c->name, "the file is empty");
    if (pcap_is(start))
        return pcap_begin(c, err);
    if (pcapng_is(start)) {
        while (!pcapng_begin(c, err)) {
            if (c->failed || c->buffer == NULL || !stream_more(c))
                return false;
        }
        return true;
    }
    return not_a_capture(c, start, err);
}

static bool open_file(struct capture *c, const char *path, struct imw_error_info *err)
{
    bool standard_input = strcmp(path, "-") == 0;
    struct stat st;
    uint8_t start[4];
    struct text name = TEXT(c->name);

    text_string(&name, standard_input ? "standard input" : path);
    c->fd = standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);
    if (c->fd < 0 || fstat(c->fd, &st) != 0)
        return error_errno(err, c->name);
    if (S_ISDIR(st.st_mode))
        return error_file(err, IMW_ERROR_FORMAT, c->name, "this is a directory; name a capture");
    ssize_t n = S_ISREG(st.st_mode) ? pread(c->fd, start, sizeof start, 0) : 0;
    bool opened = mappable(c, view_of(start, n > 0 ? (size_t)n : 0), &st)
                      ? map_open(c, (size_t)st.st_size, err)
                      : stream_open(c, err);
    return opened && begin(c, err);
}

bool capture_open(const char *path, struct capture **out, struct imw_error_info *err)
{
    struct capture *c = calloc(1, sizeof *c);

    if (c == NULL)
        return error_file(err, IMW_ERROR_MEMORY, path, "no memory to read it");
    c->fd = -1;
    if (!open_file(c, path, err)) {
        capture_close(c);
        return false;
    }
    *out = c;
    return true;
}

void capture_close(struct capture *c)
{
    if (c == NULL)
        return;
    if (c->map != NULL)
        munmap(c->map, c->map_size);
    if (c->fd >= 0)
        close(c->fd);
    input_free(c->input);
    free(c->buffer);
    free(c->interfaces);
    free(c);
}

/* A last record that is cut off is an error, except where the file has grown since: it is being written. */
static void at_end(struct capture *c)
{
    struct stat st;
    size_t left = cursor_left(&c->next);

    if (c->failed || (left == 0 && c->skip == 0))
        return;
    if (c->map != NULL && fstat(c->fd, &st) == 0 && (uint64_t)st.st_size > c->map_size)
        return;
    (void)capture_fail(c, "the file ends inside a record, of which it holds %zu bytes", left);
}

unsigned capture_read(struct capture *c, struct frame *out, unsigned max)
{
    while (!c->failed && max > 0) {
        if (c->map != NULL)
            map_advance(c);
        capture_reader *reader = c->reader;
        unsigned n = c->failed ? 0 : reader(c, out, max);
        if (n > 0)
            return n;
        if (c->reader != reader) /* a section of the other byte order */
            continue;
        if (c->failed || c->map != NULL || !stream_more(c)) {
            at_end(c);
            break;
        }
    }
    return 0;
}

void capture_note_link(struct capture *c, uint16_t link, uint64_t offset)
{
    if (c->foreign || link_is_known(link))
        return;
    c->foreign = true;
    (void)error_file(&c->foreign_err, IMW_ERROR_FORMAT, c->name,
                     "link type %u is not known, its frames are left out", link);
    c->foreign_err.offset = offset;
    c->foreign_err.has_offset = true;
}

bool capture_is_foreign(const struct capture *c, struct imw_error_info *err)
{
    if (c->foreign)
        *err = c->foreign_err;
    return c->foreign;
}

bool capture_is_stable(const struct capture *c)
{
    return c->map != NULL;
}

bool capture_failed(const struct capture *c, struct imw_error_info *err)
{
    if (c->failed && err != NULL)
        *err = c->err;
    return c->failed;
}

void capture_progress(const struct capture *c, uint64_t *out_done, uint64_t *out_size)
{
    struct stat st;
    bool regular = fstat(c->fd, &st) == 0 && S_ISREG(st.st_mode);

    *out_size = c->map != NULL ? c->map_size : regular ? (uint64_t)st.st_size : 0;
    *out_done = c->map != NULL ? capture_offset(c) : input_done(c->input);
}
