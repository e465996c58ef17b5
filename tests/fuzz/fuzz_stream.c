/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of TCP reassembly: the input is a script of segments within 4 KB of sequence numbers, checked
 * against a model that knows for each number the first copy that was given. Eight bytes a segment: flags (bit
 * 0 SYN first, bit 1 flush, bit 2 acknowledge, bit 3 cut in the capture, bit 4 wild number), offset in two
 * bytes, length in two, how much of it was captured, the byte that fills it, start of the numbers (first
 * segment only).
 */
#include "base/cursor.h"
#include "flow/flow.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SPACE = 4096, ABSENT = 256, NEVER = -1 };

struct model {
    int16_t first[SPACE]; /* the first copy of each byte, ABSENT, or NEVER */
    size_t at;            /* of the next byte to come */
};

static void require(bool truth)
{
    if (!truth)
        abort();
}

static void check(void *context, struct view given, uint64_t lost)
{
    struct model *m = context;

    require(given.len > 0);
    m->at += lost;
    require(m->at + given.len <= SPACE);
    for (size_t i = 0; i < given.len; i++)
        require(m->first[m->at + i] == given.at[i]);
    m->at += given.len;
}

/* Enter a segment into the model; true when it differs from a first copy. */
static bool enter(struct model *m, size_t offset, struct view bytes, size_t len)
{
    bool differs = false;

    for (size_t i = offset; i < offset + len; i++) {
        int16_t copy = i - offset < bytes.len ? (int16_t)bytes.at[i - offset] : ABSENT;
        if (m->first[i] == NEVER)
            m->first[i] = copy;
        else if (m->first[i] != copy && m->first[i] != ABSENT && copy != ABSENT)
            differs = true;
    }
    return differs;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stream_limits limits = { .max_streams = 2,
                                    .early_bytes = 1000,
                                    .early_segments = 6,
                                    .early_bytes_total = 5 * 1520,
                                    .window_bytes = 256 };
    struct counters counters = { 0 };
    struct stream_pool *p = stream_pool_new(&limits, &counters, NULL);
    struct model m = { .at = 0 };
    struct cursor c = cursor_open(view_of(data, size));
    uint8_t block[SPACE];

    require(p != NULL);
    uint32_t st = stream_get(p), start = size > 7 ? (uint32_t)data[7] - 128 : 0;
    for (size_t i = 0; i < SPACE; i++)
        m.first[i] = NEVER;
    stream_push(p, st, &(struct stream_segment){ start - 1, TCP_SYN, 0, VIEW("") }, check, &m);
    while (cursor_left(&c) >= 8) {
        uint8_t flags = cursor_u8(&c);
        size_t offset = cursor_u16(&c) % SPACE, len = cursor_u16(&c) % (SPACE - offset),
               captured = cursor_u8(&c);
        memset(block, cursor_u8(&c), len);
        cursor_skip(&c, 1);
        struct view bytes = view_slice(view_of(block, len), 0, (flags & 8) != 0 ? captured : len);
        struct stream_segment s = { start + (uint32_t)offset, TCP_ACK, (uint32_t)len, bytes };
        if ((flags & 16) != 0) {
            s.seq += 0x60000000;
            require(!stream_push(p, st, &s, check, &m));
            continue;
        }
        bool differs = enter(&m, offset, bytes, len), conflict = stream_push(p, st, &s, check, &m);
        require(differs || !conflict);
        if ((flags & 4) != 0)
            stream_acked(p, st, start + (uint32_t)offset, check, &m);
        if ((flags & 2) != 0)
            stream_flush(p, st, check, &m);
    }
    stream_flush(p, st, check, &m);
    require(counters.n[COUNT_STREAM_GAP_BYTES] <= SPACE);
    stream_put(p, st);
    stream_pool_free(p);
    return 0;
}
