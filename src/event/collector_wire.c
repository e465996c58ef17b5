/* SPDX-License-Identifier: Apache-2.0 */
/* Frames between a sensor and the collector: read with the cursor, written into fixed buffers. */
#include "event/collector_wire.h"
#include "base/cursor.h"
#include <zstd.h>

static const uint8_t magic[4] = { 'i', 'm', 'w', 'c' };

/* ---- in ---- */

static bool is_printable(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if (v.at[i] < 0x20 || v.at[i] > 0x7e)
            return false;
    return true;
}

static bool hello_parse(struct cursor *c, struct collector_frame *f)
{
    struct view first = cursor_take(c, sizeof magic);

    f->version = cursor_u8(c);
    f->name = cursor_take(c, cursor_u8(c));
    f->software = cursor_take(c, cursor_u8(c));
    return !c->bad && view_equal(first, view_of(magic, sizeof magic)) && f->name.len > 0 &&
           f->name.len < COLLECTOR_NAME_BYTES && f->software.len < COLLECTOR_NAME_BYTES &&
           is_printable(f->name) && is_printable(f->software);
}

static bool batch_parse(struct cursor *c, struct collector_frame *f)
{
    f->number = cursor_u64(c);
    f->lines = cursor_u32(c);
    f->plain = cursor_u32(c);
    f->packed = cursor_rest(c);
    return !c->bad && f->number > 0 && f->number <= INT64_MAX && f->lines > 0 && f->lines <= f->plain &&
           f->plain <= COLLECTOR_PLAIN_BYTES && f->packed.len > 0 && f->packed.len <= COLLECTOR_PACKED_BYTES;
}

static bool body_parse(struct cursor *c, struct collector_frame *f)
{
    switch (f->type) {
    case COLLECTOR_HELLO: return hello_parse(c, f);
    case COLLECTOR_BATCH: return batch_parse(c, f);
    case COLLECTOR_STATUS:
        f->lost = cursor_u64(c);
        f->waiting = cursor_u64(c);
        return true;
    case COLLECTOR_WELCOME:
        f->version = cursor_u8(c);
        f->number = cursor_u64(c);
        return f->number <= INT64_MAX;
    case COLLECTOR_ACK: f->number = cursor_u64(c); return f->number > 0 && f->number <= INT64_MAX;
    case COLLECTOR_REFUSED: f->why = cursor_rest(c); return true;
    }
    return false;
}

static bool type_is_of(uint8_t type, bool from_sensor)
{
    switch (type) {
#define X(id, number, of_sensor)                                                                             \
    case number: return of_sensor == from_sensor;
        COLLECTOR_FRAMES(X)
#undef X
    default: return false;
    }
}

enum wire_answer collector_frame_parse(struct view in, bool from_sensor, struct collector_frame *out,
                                       size_t *out_used)
{
    size_t most = from_sensor ? COLLECTOR_FRAME_BYTES : COLLECTOR_REPLY_BYTES;
    struct cursor c = cursor_open(in);
    struct collector_frame f = { 0 };

    if (in.len < COLLECTOR_HEAD_BYTES)
        return WIRE_MORE;
    uint32_t length = cursor_u32(&c);
    uint8_t type = view_slice(in, 4, 5).at[0];
    if (length == 0 || length > most - 4 || !type_is_of(type, from_sensor))
        return WIRE_BAD;
    if (cursor_left(&c) < length)
        return WIRE_MORE;
    struct cursor body = cursor_sub(&c, length);
    f.type = (enum collector_frame_type)cursor_u8(&body);
    if (!body_parse(&body, &f) || !cursor_done(&body))
        return WIRE_BAD;
    *out = f;
    *out_used = 4 + (size_t)length;
    return WIRE_FRAME;
}

bool collector_unpack(const struct collector_frame *batch, uint8_t *out, struct view *out_lines)
{
    unsigned long long told = ZSTD_getFrameContentSize(batch->packed.at, batch->packed.len);
    uint32_t lines = 0;

    if (told != batch->plain) /* it says so itself, which bounds what follows */
        return false;
    size_t n = ZSTD_decompress(out, batch->plain, batch->packed.at, batch->packed.len);
    if (ZSTD_isError(n) || n != batch->plain || out[n - 1] != '\n' || memchr(out, '\0', n) != NULL)
        return false;
    for (size_t at = 0; at < n; at++)
        lines += out[at] == '\n';
    *out_lines = view_of(out, n);
    return lines == batch->lines;
}

/* ---- out ---- */

struct writer {
    uint8_t *at;
    size_t len;
};

static void put(struct writer *w, uint64_t n, unsigned octets)
{
    for (unsigned i = octets; i-- > 0;)
        w->at[w->len++] = (uint8_t)(n >> (8 * i));
}

static void put_view(struct writer *w, struct view v, size_t most)
{
    size_t n = v.len < most ? v.len : most;

    memcpy(w->at + w->len, v.at, n);
    w->len += n;
}

static void put_block8(struct writer *w, struct view v)
{
    struct view cut = view_slice(v, 0, COLLECTOR_NAME_BYTES - 1);

    put(w, cut.len, 1);
    put_view(w, cut, cut.len);
}

size_t collector_frame_write(const struct collector_frame *f, uint8_t *out)
{
    struct writer w = { out, 4 };

    put(&w, f->type, 1);
    switch (f->type) {
    case COLLECTOR_HELLO:
        put_view(&w, view_of(magic, sizeof magic), sizeof magic);
        put(&w, f->version, 1);
        put_block8(&w, f->name);
        put_block8(&w, f->software);
        break;
    case COLLECTOR_STATUS:
        put(&w, f->lost, 8);
        put(&w, f->waiting, 8);
        break;
    case COLLECTOR_WELCOME:
        put(&w, f->version, 1);
        put(&w, f->number, 8);
        break;
    case COLLECTOR_ACK: put(&w, f->number, 8); break;
    case COLLECTOR_REFUSED: put_view(&w, f->why, COLLECTOR_REPLY_BYTES - COLLECTOR_HEAD_BYTES); break;
    case COLLECTOR_BATCH: break;
    }
    struct writer head = { out, 0 };
    put(&head, w.len - 4, 4);
    return w.len;
}

void collector_batch_head(uint8_t out[COLLECTOR_BATCH_HEAD_BYTES], uint64_t number, uint32_t lines,
                          uint32_t plain, size_t packed)
{
    struct writer w = { out, 0 };

    put(&w, COLLECTOR_BATCH_HEAD_BYTES - 4 + packed, 4);
    put(&w, COLLECTOR_BATCH, 1);
    put(&w, number, 8);
    put(&w, lines, 4);
    put(&w, plain, 4);
}
