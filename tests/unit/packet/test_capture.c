/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures: each format, byte order and packing, mapped and streamed; and everything that can be wrong with a
 * file.
 */
#include "frames.h"
#include "packet/packet.h"
#include "test.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

/* ---- files out of octets, built front to back ---- */

struct file {
    uint8_t *at;
    size_t len, room;
    bool little;
};

static struct file f;

static void file_begin(bool little)
{
    f.len = 0;
    f.little = little;
}

static void put(const void *bytes, size_t len)
{
    while (f.len + len > f.room) {
        f.room = f.room == 0 ? 4096 : f.room * 2;
        f.at = realloc(f.at, f.room);
        assert_non_null(f.at);
    }
    if (len > 0)
        memcpy(f.at + f.len, bytes, len);
    f.len += len;
}

#define PUT(literal) put((literal), sizeof(literal) - 1)

static void put16(unsigned n)
{
    uint8_t big[2] = { (uint8_t)(n >> 8), (uint8_t)n }, little[2] = { (uint8_t)n, (uint8_t)(n >> 8) };

    put(f.little ? little : big, 2);
}

static void put32(uint32_t n)
{
    put16(f.little ? n & 0xffff : n >> 16);
    put16(f.little ? n >> 16 : n & 0xffff);
}

static void put_zeros(size_t n)
{
    for (; n > 0; n--)
        put("", 1);
}

static void pcap_header(uint32_t magic, uint32_t link)
{
    put32(magic);
    put16(2);
    put16(4);
    put_zeros(8);
    put32(65535);
    put32(link);
}

static void pcap_record(uint32_t seconds, uint32_t fraction, uint32_t wire, struct view data)
{
    put32(seconds);
    put32(fraction);
    put32((uint32_t)data.len);
    put32(wire);
    put(data.at, data.len);
}

static void block(uint32_t type, struct view body)
{
    uint32_t padding = (uint32_t)(4 - body.len % 4) % 4;

    put32(type);
    put32((uint32_t)body.len + padding + 12);
    put(body.at, body.len);
    put_zeros(padding);
    put32((uint32_t)body.len + padding + 12);
}

/* A block whose body is what `rest` puts: begun, filled, ended. */
static size_t block_begin(uint32_t type)
{
    put32(type);
    put32(0);
    return f.len;
}

static void block_end(size_t begun)
{
    while (f.len % 4 != begun % 4)
        put_zeros(1);
    uint32_t total = (uint32_t)(f.len - begun) + 12;
    put32(total);
    memcpy(f.at + begun - 4, f.at + f.len - 4, 4);
}

static void section(bool little)
{
    f.little = little;
    size_t at = block_begin(0x0a0d0d0a);
    put32(0x1a2b3c4d);
    put16(1);
    put16(0);
    put32(0xffffffff);
    put32(0xffffffff);
    block_end(at);
}

/* `resolution` 0 and `offset` 0: without these options. */
static void interface(uint16_t link, uint32_t snap_len, uint8_t resolution, uint32_t offset)
{
    size_t at = block_begin(1);

    put16(link);
    put16(0);
    put32(snap_len);
    put16(2); /* a name, of no interest */
    put16(4);
    PUT("eth0");
    if (resolution != 0) {
        put16(9);
        put16(1);
        put(&resolution, 1);
        put_zeros(3);
    }
    if (offset != 0) {
        put16(14);
        put16(8);
        put32(f.little ? offset : 0);
        put32(f.little ? 0 : offset);
    }
    put16(0);
    put16(0);
    block_end(at);
}

static void enhanced(uint32_t id, uint64_t units, uint32_t wire, struct view data)
{
    size_t at = block_begin(6);

    put32(id);
    put32((uint32_t)(units >> 32));
    put32((uint32_t)units);
    put32((uint32_t)data.len);
    put32(wire);
    put(data.at, data.len);
    block_end(at);
}

static void simple(uint32_t wire, struct view data)
{
    size_t at = block_begin(3);

    put32(wire);
    put(data.at, data.len);
    block_end(at);
}

static void obsolete(uint16_t id, uint64_t units, struct view data)
{
    size_t at = block_begin(2);

    put16(id);
    put16(77); /* drops */
    put32((uint32_t)(units >> 32));
    put32((uint32_t)units);
    put32((uint32_t)data.len);
    put32((uint32_t)data.len);
    put(data.at, data.len);
    block_end(at);
}

/* ---- ways to read them ---- */

static char path[64];
static int file_fd = -1;

static void file_close(void)
{
    if (file_fd >= 0)
        close(file_fd);
    file_fd = -1;
}

/* The bytes as a file in memory. */
static const char *as_file(struct view v)
{
    file_close();
    file_fd = memfd_create("capture", MFD_CLOEXEC);
    assert_true(file_fd >= 0);
    assert_int_equal(write(file_fd, v.at, v.len), v.len);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file_fd);
    return path;
}

static struct view written;
static int write_fd;

static void *write_slowly(void *unused)
{
    (void)unused;
    for (size_t at = 0; at < written.len;) { /* in pieces that divide nothing */
        size_t n = written.len - at < 1237 ? written.len - at : 1237;
        ssize_t done = write(write_fd, written.at + at, n);
        if (done <= 0)
            break;
        at += (size_t)done;
    }
    close(write_fd);
    return NULL;
}

enum { FRAMES = 4096 };

struct seen {
    unsigned count;
    bool opened, failed, stable;
    struct imw_error_info err;
    struct {
        uint64_t time_us;
        uint32_t wire_len;
        uint16_t link;
        uint32_t len;
        uint32_t crc; /* of the bytes */
    } frames[FRAMES];
};

static void read_all(const char *name, unsigned batch, struct seen *seen)
{
    struct capture *c;
    struct frame frames[64];
    unsigned n;

    memset(seen, 0, sizeof *seen);
    seen->opened = capture_open(name, &c, &seen->err);
    if (!seen->opened)
        return;
    seen->stable = capture_is_stable(c);
    while ((n = capture_read(c, frames, batch)) > 0) {
        assert_true(n <= batch);
        for (unsigned i = 0; i < n && seen->count < FRAMES; i++) {
            seen->frames[seen->count].time_us = frames[i].time_us;
            seen->frames[seen->count].wire_len = frames[i].wire_len;
            seen->frames[seen->count].link = frames[i].link;
            seen->frames[seen->count].len = (uint32_t)frames[i].data.len;
            seen->frames[seen->count].crc = (uint32_t)crc32(0, frames[i].data.at, (uInt)frames[i].data.len);
            seen->count++;
        }
    }
    assert_int_equal(capture_read(c, frames, batch), 0);
    seen->failed = capture_failed(c, &seen->err);
    capture_close(c);
}

static struct seen seen;

static void read_file(void)
{
    read_all(as_file(view_of(f.at, f.len)), 64, &seen);
}

static void read_pipe(struct view v, unsigned batch, struct seen *out)
{
    int ends[2];
    pthread_t writer;
    char name[64];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    written = v;
    write_fd = ends[1];
    assert_int_equal(pthread_create(&writer, NULL, write_slowly, NULL), 0);
    snprintf(name, sizeof name, "/proc/self/fd/%d", ends[0]);
    read_all(name, batch, out);
    close(ends[0]);
    pthread_join(writer, NULL);
}

static void check_frame(unsigned i, uint64_t time_us, uint32_t wire, uint16_t link, struct view data)
{
    assert_true(i < seen.count);
    assert_int_equal(seen.frames[i].time_us, time_us);
    assert_int_equal(seen.frames[i].wire_len, wire);
    assert_int_equal(seen.frames[i].link, link);
    assert_int_equal(seen.frames[i].len, data.len);
    assert_int_equal(seen.frames[i].crc, crc32(0, data.at, (uInt)data.len));
}

/* The end was clean, after so many frames. */
static void check_clean(unsigned frames)
{
    if (seen.failed || !seen.opened)
        fail_msg("%s", seen.err.text);
    assert_int_equal(seen.count, frames);
}

/* Reading stopped at `offset` after so many frames, with these words. */
static void check_failed(unsigned frames, uint64_t offset, const char *words)
{
    assert_true(seen.opened);
    assert_true(seen.failed);
    assert_int_equal(seen.count, frames);
    assert_true(seen.err.has_offset);
    assert_int_equal(seen.err.offset, offset);
    assert_int_equal(seen.err.code, IMW_ERROR_FORMAT);
    assert_true(seen.err.file[0] != '\0');
    if (strstr(seen.err.text, words) == NULL)
        fail_msg("'%s' does not tell '%s'", seen.err.text, words);
}

static void check_refused(const char *words)
{
    assert_false(seen.opened);
    assert_true(seen.err.file[0] != '\0');
    if (strstr(seen.err.text, words) == NULL)
        fail_msg("'%s' does not tell '%s'", seen.err.text, words);
}

/* A pcap with `count` frames of differing lengths, the longest over 60000 bytes. */
static void big_pcap(unsigned count)
{
    static uint8_t data[65536];

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * i >> 5);
    file_begin(true);
    pcap_header(0xa1b2c3d4, 1);
    for (unsigned i = 0; i < count; i++)
        pcap_record(1000 + i, i, 70000, view_of(data, (size_t)i * 7919 % 65000));
}

static void check_big_pcap(unsigned count)
{
    check_clean(count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(seen.frames[i].time_us, (1000ull + i) * 1000000 + i);
        assert_int_equal(seen.frames[i].len, (size_t)i * 7919 % 65000);
    }
}

/* ---- pcap ---- */

static void test_pcap_in_both_orders_and_all_fractions(void **state)
{
    static const struct {
        uint32_t magic;
        uint64_t time_us;
        size_t more; /* octets in the record header */
    } kinds[] = { { 0xa1b2c3d4, 1500000000123456, 0 },
                  { 0xa1b23c4d, 1500000000000123, 0 },
                  { 0xa1b2cd34, 1500000000123456, 8 } };

    (void)state;
    for (unsigned k = 0; k < 6; k++) {
        file_begin(k % 2 == 0);
        pcap_header(kinds[k / 2].magic, 113);
        put32(1500000000);
        put32(123456);
        put32(5);
        put32(1500);
        put_zeros(kinds[k / 2].more);
        PUT("frame");
        put32(1500000001);
        put32(0);
        put32(0);
        put32(0);
        put_zeros(kinds[k / 2].more);
        read_file();
        check_clean(2);
        assert_true(seen.stable);
        check_frame(0, kinds[k / 2].time_us, 1500, 113, VIEW("frame"));
        check_frame(1, 1500000001000000, 0, 113, VIEW(""));
    }
}

static void test_wire_length_is_at_least_the_captured_length(void **state)
{
    (void)state;
    file_begin(true);
    pcap_header(0xa1b2c3d4, 1);
    pcap_record(1, 2, 0, VIEW("frame"));
    read_file();
    check_frame(0, 1000002, 5, 1, VIEW("frame"));
}

/* The upper bits of the field tell of the frame check sequence. */
static void test_the_link_type_is_in_the_lower_bits(void **state)
{
    (void)state;
    file_begin(false);
    pcap_header(0xa1b2c3d4, 0x14000001);
    pcap_record(1, 2, 5, VIEW("frame"));
    read_file();
    check_frame(0, 1000002, 5, 1, VIEW("frame"));
}

static void test_a_link_type_that_is_not_known_is_told(void **state)
{
    struct imw_error_info err;
    struct capture *c;

    (void)state;
    for (unsigned link = 1; link <= 147; link += 146) {
        file_begin(true);
        pcap_header(0xa1b2c3d4, link);
        assert_true(capture_open(as_file(view_of(f.at, f.len)), &c, NULL));
        assert_int_equal(capture_is_foreign(c, &err), link == 147);
        capture_close(c);
    }
    assert_non_null(strstr(err.text, "link type 147"));
    assert_int_equal(err.offset, 20);
}

static void test_batches_of_any_size_give_the_same_frames(void **state)
{
    (void)state;
    big_pcap(300);
    for (unsigned batch = 1; batch <= 64; batch += 21) {
        read_all(as_file(view_of(f.at, f.len)), batch, &seen);
        check_big_pcap(300);
        read_pipe(view_of(f.at, f.len), batch, &seen);
        check_big_pcap(300);
        assert_false(seen.stable);
    }
}

static void test_a_capture_without_frames_ends_cleanly(void **state)
{
    (void)state;
    file_begin(true);
    pcap_header(0xa1b2c3d4, 1);
    read_file();
    check_clean(0);
    file_begin(true);
    section(true);
    read_file();
    check_clean(0);
}

static void test_a_record_cut_off_by_the_end_is_told_with_its_offset(void **state)
{
    (void)state;
    for (unsigned cut = 1; cut < 16 + 5; cut++) {
        file_begin(true);
        pcap_header(0xa1b2c3d4, 1);
        pcap_record(1, 2, 5, VIEW("whole"));
        pcap_record(1, 2, 5, VIEW("frame"));
        f.len -= cut;
        read_file();
        check_failed(1, 24 + 21, "ends inside a record");
        read_pipe(view_of(f.at, f.len), 64, &seen);
        check_failed(1, 24 + 21, "ends inside a record");
    }
}

static void test_a_record_longer_than_any_frame_is_told(void **state)
{
    (void)state;
    for (unsigned little = 0; little < 2; little++) {
        file_begin(little != 0);
        pcap_header(0xa1b2c3d4, 1);
        pcap_record(1, 2, 5, VIEW("whole"));
        put32(1);
        put32(2);
        put32(0x7fffffff);
        put32(5);
        put_zeros(100);
        read_file();
        check_failed(1, 24 + 21, "2147483647 bytes");
        read_pipe(view_of(f.at, f.len), 64, &seen);
        check_failed(1, 24 + 21, "2147483647 bytes");
    }
}

static void test_the_longest_frame_is_read_from_a_pipe(void **state)
{
    (void)state;
    static uint8_t data[256 << 10];
    file_begin(true);
    pcap_header(0xa1b2c3d4, 1);
    for (unsigned i = 0; i < 3; i++)
        pcap_record(i, 0, sizeof data, view_of(data, sizeof data));
    read_pipe(view_of(f.at, f.len), 64, &seen);
    check_clean(3);
    check_frame(2, 2000000, sizeof data, 1, view_of(data, sizeof data));
}

static void test_every_prefix_gives_whole_frames_and_then_an_answer(void **state)
{
    (void)state;
    for (unsigned format = 0; format < 2; format++) {
        file_begin(true);
        if (format == 0) {
            pcap_header(0xa1b2c3d4, 1);
            pcap_record(1, 2, 5, VIEW("frame"));
            pcap_record(1, 2, 5, VIEW("other"));
        } else {
            section(true);
            interface(1, 0, 9, 5);
            enhanced(0, 12345678, 5, VIEW("frame"));
            section(false);
            interface(1, 0, 0, 0);
            simple(5, VIEW("other"));
        }
        size_t whole = f.len;
        static struct seen piped;
        for (f.len = 0; f.len <= whole; f.len++) {
            read_file();
            read_pipe(view_of(f.at, f.len), 3, &piped);
            assert_int_equal(piped.opened, seen.opened);
            assert_int_equal(piped.failed, seen.failed);
            assert_int_equal(piped.count, seen.count);
            assert_true(seen.count < 2 || f.len == whole);
            if (seen.failed)
                assert_int_equal(piped.err.offset, seen.err.offset);
        }
        check_clean(2);
    }
}

/* ---- pcapng ---- */

static void test_pcapng_packets_of_every_kind_in_both_orders(void **state)
{
    (void)state;
    for (unsigned little = 0; little < 2; little++) {
        file_begin(little != 0);
        section(little != 0);
        interface(1, 4, 0, 0);
        interface(101, 0, 9, 0);
        enhanced(1, 1500000000123456789, 60, VIEW("enhanced"));
        simple(9, VIEW("simp"));
        block(0x0bad, VIEW("a block of some other kind"));
        obsolete(0, 1500000001000001, VIEW("old"));
        simple(2, VIEW("si"));
        read_file();
        check_clean(4);
        check_frame(0, 1500000000123456, 60, 101, VIEW("enhanced"));
        check_frame(1, 1500000000123456, 9, 1, VIEW("simp"));
        check_frame(2, 1500000001000001, 3, 1, VIEW("old"));
        check_frame(3, 1500000001000001, 2, 1, VIEW("si"));
        read_pipe(view_of(f.at, f.len), 1, &seen);
        check_clean(4);
    }
}

static void test_sections_have_their_own_order_and_interfaces(void **state)
{
    (void)state;
    file_begin(true);
    section(true);
    interface(1, 0, 0, 0);
    enhanced(0, 1000000, 3, VIEW("one"));
    section(false);
    interface(113, 0, 0, 0);
    interface(276, 0, 0, 0);
    enhanced(1, 2000000, 3, VIEW("two"));
    section(false);
    interface(228, 0, 0, 0);
    enhanced(0, 3000000, 5, VIEW("three"));
    section(true);
    interface(229, 0, 0, 0);
    enhanced(0, 4000000, 4, VIEW("four"));
    read_file();
    check_clean(4);
    check_frame(0, 1000000, 3, 1, VIEW("one"));
    check_frame(1, 2000000, 3, 276, VIEW("two"));
    check_frame(2, 3000000, 5, 228, VIEW("three"));
    check_frame(3, 4000000, 4, 229, VIEW("four"));
}

static void test_time_stamps_of_each_resolution(void **state)
{
    static const struct {
        uint8_t resolution;
        uint32_t offset;
        uint64_t units, time_us;
    } times[] = {
        { 0, 0, 1500000000123456, 1500000000123456 },
        { 3, 0, 1500000000123, 1500000000123000 },
        { 6, 1000, 1500000000123456, 1500001000123456 },
        { 9, 0, 1500000000123456789, 1500000000123456 },
        { 12, 0, 1500000000123456789, 1500000000123 },
        { 0x80, 0, 1500000000, 1500000000000000 },
        { 0x80 | 1, 0, 3, 1500000 },
        { 0x80 | 20, 7, (5ull << 20) + (1 << 19), 12500000 },
        { 0x80 | 32, 0, (1500000000ull << 32) + (1ull << 30), 1500000000250000 },
        { 0x80 | 63, 0, 3ull << 62, 1500000 },
    };

    (void)state;
    for (unsigned little = 0; little < 2; little++) {
        file_begin(little != 0);
        section(little != 0);
        for (unsigned i = 0; i < sizeof times / sizeof times[0]; i++) {
            interface(1, 0, times[i].resolution, times[i].offset);
            enhanced(i, times[i].units, 1, VIEW("x"));
        }
        read_file();
        check_clean(sizeof times / sizeof times[0]);
        for (unsigned i = 0; i < sizeof times / sizeof times[0]; i++)
            check_frame(i, times[i].time_us, 1, 1, VIEW("x"));
    }
}

static void test_many_interfaces(void **state)
{
    (void)state;
    file_begin(true);
    section(true);
    for (unsigned i = 0; i < 1000; i++)
        interface((uint16_t)i, 0, 0, 0);
    enhanced(999, 5, 1, VIEW("x"));
    read_file();
    check_clean(1);
    check_frame(0, 5, 1, 999, VIEW("x"));
}

/* Keys and names may be long; in a stream they never enter the buffer as a whole. */
static void test_a_block_of_no_interest_may_be_longer_than_the_buffer(void **state)
{
    (void)state;
    uint8_t *names = calloc(1, 3 << 20);
    assert_non_null(names);
    file_begin(false);
    section(false);
    interface(1, 0, 0, 0);
    block(4, view_of(names, 3 << 20));
    enhanced(0, 5, 1, VIEW("x"));
    read_file();
    check_clean(1);
    read_pipe(view_of(f.at, f.len), 64, &seen);
    check_clean(1);
    f.len -= 100 + 36; /* the end inside of it */
    read_file();
    assert_true(seen.failed);
    read_pipe(view_of(f.at, f.len), 64, &seen);
    assert_true(seen.failed);
    free(names);
}

/* The offset of the block begun last, and the file so far. */
static size_t pcapng_begun(void)
{
    file_begin(true);
    section(true);
    interface(1, 0, 0, 0);
    enhanced(0, 5, 5, VIEW("whole"));
    return f.len;
}

static void read_failing(size_t offset, const char *words)
{
    read_file();
    check_failed(1, offset, words);
    read_pipe(view_of(f.at, f.len), 64, &seen);
    check_failed(1, offset, words);
}

static void test_lengths_that_lie_in_pcapng(void **state)
{
    (void)state;
    size_t at = pcapng_begun();
    enhanced(0, 5, 5, VIEW("frame"));
    f.at[f.len - 4] ^= 4; /* the second length */
    read_failing(at, "lengths");
    at = pcapng_begun();
    enhanced(0, 5, 5, VIEW("frame"));
    f.at[at + 4] = 8; /* shorter than any block */
    read_failing(at, "8 bytes long");
    f.at[at + 4] = 33; /* not a multiple of 4 */
    read_failing(at, "33 bytes long");
    at = pcapng_begun();
    enhanced(0, 5, 5, VIEW("frame"));
    f.at[at + 20] = 9; /* captured length beyond the block */
    read_failing(at, "9 bytes");
    at = pcapng_begun();
    put32(6);
    put32(0x7ffffffc);
    put_zeros(100);
    read_failing(at, "limit");
    at = pcapng_begun();
    enhanced(1, 5, 5, VIEW("frame"));
    read_failing(at, "interface 1");
    at = pcapng_begun();
    interface(1, 0, 0x80 | 64, 0);
    read_failing(at, "resolution");
    at = pcapng_begun();
    block(1, VIEW("four"));
    read_failing(at, "too short");
    at = pcapng_begun();
    block(6, VIEW("four"));
    read_failing(at, "interface");
    at = pcapng_begun();
    block(0x0a0d0d0a, VIEW("this is no section header"));
    read_failing(at, "byte order mark");
}

static void test_a_simple_packet_without_any_interface(void **state)
{
    (void)state;
    file_begin(true);
    section(true);
    simple(5, VIEW("frame"));
    read_file();
    check_failed(0, 28, "interface 0");
}

static void test_versions_that_are_not_known(void **state)
{
    (void)state;
    file_begin(true);
    pcap_header(0xa1b2c3d4, 1);
    f.at[4] = 3;
    read_file();
    check_refused("version 3");
    file_begin(true);
    section(true);
    f.at[12] = 2;
    read_file();
    check_refused("version 2");
}

/* ---- packed ---- */

static struct view gzip_of(struct view v, uint8_t *out, size_t room)
{
    z_stream z = { 0 };

    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)v.at;
    z.avail_in = (uInt)v.len;
    z.next_out = out;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return view_of(out, room - z.avail_out);
}

static struct view zstd_of(struct view v, uint8_t *out, size_t room)
{
    size_t n = ZSTD_compress(out, room, v.at, v.len, 3);

    assert_false(ZSTD_isError(n));
    return view_of(out, n);
}

typedef struct view packer(struct view v, uint8_t *out, size_t room);
static packer *const packers[] = { gzip_of, zstd_of };

static void test_packed_captures_from_files_and_pipes(void **state)
{
    (void)state;
    big_pcap(200);
    size_t room = f.len + 4096;
    uint8_t *packed = malloc(room);
    assert_non_null(packed);
    for (unsigned p = 0; p < 2; p++) {
        struct view v = packers[p](view_of(f.at, f.len), packed, room);
        read_all(as_file(v), 64, &seen);
        check_big_pcap(200);
        assert_false(seen.stable);
        read_pipe(v, 64, &seen);
        check_big_pcap(200);
    }
    free(packed);
}

/* As made by packing a file in pieces, or with `cat`. */
static void test_several_packed_members_are_one_capture(void **state)
{
    (void)state;
    big_pcap(50);
    size_t room = 2 * (f.len + 4096);
    uint8_t *packed = malloc(room);
    assert_non_null(packed);
    for (unsigned p = 0; p < 2; p++) {
        size_t half = f.len / 2;
        struct view first = packers[p](view_of(f.at, half), packed, room);
        struct view second =
            packers[p](view_of(f.at + half, f.len - half), packed + first.len, room - first.len);
        size_t len = first.len + second.len;
        if (p == 0) { /* padding behind gzip, as on tapes */
            memset(packed + len, 0, 512);
            len += 512;
        }
        read_all(as_file(view_of(packed, len)), 64, &seen);
        check_big_pcap(50);
    }
    free(packed);
}

static void test_packed_data_that_are_cut_or_broken_are_told(void **state)
{
    (void)state;
    big_pcap(50);
    size_t room = f.len + 4096;
    uint8_t *packed = malloc(room);
    assert_non_null(packed);
    for (unsigned p = 0; p < 2; p++) {
        struct view v = packers[p](view_of(f.at, f.len), packed, room);
        read_all(as_file(view_slice(v, 0, v.len - 9)), 64, &seen);
        assert_true(seen.opened && seen.failed);
        assert_true(seen.count > 0 && seen.count <= 50);
        assert_non_null(strstr(seen.err.text, "end too early"));
        /* gzip: the check sum at the end; zstd: a reserved bit in front. */
        packed[p == 0 ? v.len - 8 : 4] ^= 0x08;
        read_all(as_file(v), 64, &seen);
        assert_int_equal(seen.opened, p == 0);
        assert_int_equal(seen.failed, p == 0);
        assert_int_equal(seen.count, p == 0 ? 50 : 0);
        assert_non_null(strstr(seen.err.text, "broken"));
        assert_true(seen.err.has_offset);
    }
    free(packed);
}

static void test_packed_text_is_no_capture(void **state)
{
    (void)state;
    uint8_t packed[1000];
    read_all(as_file(gzip_of(VIEW("{\"event\":1}"), packed, sizeof packed)), 64, &seen);
    check_refused("JSON");
}

/* ---- what is not a capture ---- */

static void test_files_that_are_no_captures_are_told_what_they_are(void **state)
{
    static const struct {
        struct view bytes;
        const char *words;
    } files[] = {
#define F(bytes, words) { { (const uint8_t *)(bytes), sizeof(bytes) - 1 }, (words) }
        F("", "empty"),
        F("{\"timestamp\":1}\n", "JSON text"),
        F("<html>", "HTML"),
        F("just some words\n", "text"),
        F("\xfd\x37zXZ\0xxxxx", "xz"),
        F("PK\x03\x04zzzz", "zip"),
        F("\x01\x02\x03\x04\x05\x06", "not a capture"),
        F("\xd4\xc3\xb2\xa1\x02\x00", "ends inside"),
        F("\x0a\x0d\x0d\x0a\x1c\x00\x00\x00\x4d\x3c\x2b\x1a\x01", "ends inside"),
#undef F
    };

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        read_all(as_file(files[i].bytes), 64, &seen);
        check_refused(files[i].words);
        read_pipe(files[i].bytes, 64, &seen);
        check_refused(files[i].words);
    }
}

static void test_no_file_and_a_directory(void **state)
{
    (void)state;
    read_all("/nonexistent/capture.pcap", 64, &seen);
    check_refused("No such file");
    assert_int_equal(seen.err.code, IMW_ERROR_SYSTEM);
    read_all("/", 64, &seen);
    check_refused("directory");
}

static void test_standard_input_may_be_a_pipe_or_a_file(void **state)
{
    int ends[2], saved = dup(STDIN_FILENO);
    struct capture *c;
    struct frame frame;

    (void)state;
    file_begin(true);
    pcap_header(0xa1b2c3d4, 1);
    pcap_record(1, 2, 5, VIEW("frame"));
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], f.at, f.len), f.len);
    close(ends[1]);
    assert_true(dup2(ends[0], STDIN_FILENO) >= 0);
    close(ends[0]);
    read_all("-", 64, &seen);
    check_clean(1);
    (void)as_file(view_of(f.at, f.len));
    assert_int_equal(lseek(file_fd, 0, SEEK_SET), 0);
    assert_true(dup2(file_fd, STDIN_FILENO) >= 0);
    assert_true(capture_open("-", &c, NULL));
    assert_true(capture_is_stable(c));
    assert_int_equal(capture_read(c, &frame, 1), 1);
    capture_close(c);
    dup2(saved, STDIN_FILENO);
    close(saved);
}

/* ---- files that change ---- */

static void test_a_file_that_is_being_written_ends_cleanly_at_its_last_whole_record(void **state)
{
    struct capture *c;
    struct frame frames[4];

    (void)state;
    file_begin(true);
    pcap_header(0xa1b2c3d4, 1);
    pcap_record(1, 2, 5, VIEW("whole"));
    size_t whole = f.len;
    pcap_record(1, 2, 5, VIEW("frame"));
    assert_true(capture_open(as_file(view_of(f.at, whole + 7)), &c, NULL));
    assert_int_equal(write(file_fd, f.at + whole + 7, f.len - whole - 7), f.len - whole - 7);
    assert_int_equal(capture_read(c, frames, 4), 1);
    assert_int_equal(capture_read(c, frames, 4), 0);
    assert_false(capture_failed(c, NULL));
    capture_close(c);
}

static void test_a_file_cut_shorter_while_it_is_read_is_told(void **state)
{
    struct capture *c;
    struct frame frames[64];
    struct imw_error_info err;
    unsigned n, all = 0;

    (void)state;
    big_pcap(600); /* 19 MB: several stretches */
    assert_true(capture_open(as_file(view_of(f.at, f.len)), &c, NULL));
    assert_true(capture_read(c, frames, 1) == 1);
    assert_int_equal(ftruncate(file_fd, 12 << 20), 0);
    while ((n = capture_read(c, frames, 1)) > 0)
        all += n;
    assert_true(all > 100 && all < 599);
    assert_true(capture_failed(c, &err));
    assert_non_null(strstr(err.text, "cut shorter"));
    capture_close(c);
}

static void test_progress_counts_the_bytes_of_the_file(void **state)
{
    struct capture *c;
    struct frame frames[64];
    uint64_t done, size;

    (void)state;
    big_pcap(100);
    assert_true(capture_open(as_file(view_of(f.at, f.len)), &c, NULL));
    capture_progress(c, &done, &size);
    assert_int_equal(done, 24);
    assert_int_equal(size, f.len);
    while (capture_read(c, frames, 64) > 0)
        ;
    capture_progress(c, &done, &size);
    assert_int_equal(done, size);
    capture_close(c);
    capture_close(NULL);
}

static int teardown(void **state)
{
    (void)state;
    file_close();
    free(f.at);
    f = (struct file){ 0 };
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pcap_in_both_orders_and_all_fractions),
        cmocka_unit_test(test_wire_length_is_at_least_the_captured_length),
        cmocka_unit_test(test_the_link_type_is_in_the_lower_bits),
        cmocka_unit_test(test_a_link_type_that_is_not_known_is_told),
        cmocka_unit_test(test_batches_of_any_size_give_the_same_frames),
        cmocka_unit_test(test_a_capture_without_frames_ends_cleanly),
        cmocka_unit_test(test_a_record_cut_off_by_the_end_is_told_with_its_offset),
        cmocka_unit_test(test_a_record_longer_than_any_frame_is_told),
        cmocka_unit_test(test_the_longest_frame_is_read_from_a_pipe),
        cmocka_unit_test(test_every_prefix_gives_whole_frames_and_then_an_answer),
        cmocka_unit_test(test_pcapng_packets_of_every_kind_in_both_orders),
        cmocka_unit_test(test_sections_have_their_own_order_and_interfaces),
        cmocka_unit_test(test_time_stamps_of_each_resolution),
        cmocka_unit_test(test_many_interfaces),
        cmocka_unit_test(test_a_block_of_no_interest_may_be_longer_than_the_buffer),
        cmocka_unit_test(test_lengths_that_lie_in_pcapng),
        cmocka_unit_test(test_a_simple_packet_without_any_interface),
        cmocka_unit_test(test_versions_that_are_not_known),
        cmocka_unit_test(test_packed_captures_from_files_and_pipes),
        cmocka_unit_test(test_several_packed_members_are_one_capture),
        cmocka_unit_test(test_packed_data_that_are_cut_or_broken_are_told),
        cmocka_unit_test(test_packed_text_is_no_capture),
        cmocka_unit_test(test_files_that_are_no_captures_are_told_what_they_are),
        cmocka_unit_test(test_no_file_and_a_directory),
        cmocka_unit_test(test_standard_input_may_be_a_pipe_or_a_file),
        cmocka_unit_test(test_a_file_that_is_being_written_ends_cleanly_at_its_last_whole_record),
        cmocka_unit_test(test_a_file_cut_shorter_while_it_is_read_is_told),
        cmocka_unit_test(test_progress_counts_the_bytes_of_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
