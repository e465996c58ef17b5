/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pcapng format: blocks of type (4 octets), total length (4), body, and the total length again. Numbers
 * have the byte order of the section, which begins with a section header block; its type reads the same in
 * both orders and its first field tells the order.
 *
 *     0a0d0d0a  section header: order 1a2b3c4d, version 2+2, section length 8
 *     00000001  interface: link type 2, reserved 2, snap length 4, options (9 time resolution, 14 time
 *               offset)
 *     00000002  packet (obsolete): interface 2, drops 2, time 4+4, captured 4, wire 4, bytes
 *     00000003  simple packet: wire 4, bytes; of interface 0, without a time
 *     00000006  enhanced packet: interface 4, time 4+4, captured 4, wire 4, bytes
 *
 * Interfaces are numbered within their section. All other blocks (names, statistics, keys, custom) are
 * skipped. A simple packet gets the time of the packet before it. Packets of an interface that was never
 * described end the reading: their link type could only be guessed.
 *
 * Source: draft-ietf-opsawg-pcapng.
 */
#include "packet/capture_file.h"
#include <stdlib.h>

enum {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 2,
    BLOCK_SIMPLE = 3,
    BLOCK_ENHANCED = 6,

    BLOCK_OVERHEAD = 12, /* type and both lengths */

    OPTION_END = 0,
    OPTION_RESOLUTION = 9,
    OPTION_OFFSET = 14,
};

#define ALWAYS_INLINE __attribute__((always_inline)) static inline

static capture_reader read_little, read_big;

ALWAYS_INLINE uint16_t number16(struct cursor *c, bool little)
{
    return little ? cursor_le16(c) : cursor_u16(c);
}

ALWAYS_INLINE uint32_t number(struct cursor *c, bool little)
{
    return little ? cursor_le32(c) : cursor_u32(c);
}

/* Microseconds since 1970. */
ALWAYS_INLINE uint64_t time_of(const struct capture_interface *i, uint64_t units)
{
    if (i->base == 10)
        return i->offset_us + (i->exponent <= 6 ? units * i->power : units / i->power);
    uint64_t seconds = units >> i->exponent, fraction = units - (seconds << i->exponent);
    unsigned coarse = i->exponent > 40 ? i->exponent - 40u : 0; /* so that the product fits */
    return i->offset_us + seconds * 1000000 + ((fraction >> coarse) * 1000000 >> (i->exponent - coarse));
}

/* The two options that change times. Options are a list of code 2, length 2, value padded to 4. */
static void read_options(struct capture_interface *i, struct cursor options, bool little)
{
    while (cursor_left(&options) >= 4) {
        uint16_t code = number16(&options, little), len = number16(&options, little);
        struct cursor value = cursor_sub(&options, len);
        cursor_skip(&options, (4u - len % 4u) % 4u);
        if (code == OPTION_END || value.bad)
            break;
        if (code == OPTION_RESOLUTION && len == 1) {
            uint8_t resolution = cursor_u8(&value);
            i->base = (resolution & 0x80) != 0 ? 2 : 10;
            i->exponent = resolution & 0x7f;
        } else if (code == OPTION_OFFSET && len == 8) {
            uint64_t seconds = little ? cursor_le64(&value) : cursor_u64(&value);
            i->offset_us = seconds * 1000000;
        }
    }
}

/*
 * What a decimal time stamp is multiplied with, or divided by from an exponent of 6 on, to count
 * microseconds.
 */
static uint64_t power_of_ten(unsigned exponent)
{
    uint64_t power = 1;

    for (; exponent < 6; exponent++)
        power *= 10;
    for (; exponent > 6; exponent--)
        power *= 10;
    return power;
}

/* A new interface. False: reading has failed. */
static bool add_interface(struct capture *c, struct cursor body, bool little)
{
    struct capture_interface i = { .base = 10, .exponent = 6 };

    i.link = number16(&body, little);
    cursor_skip(&body, 2);
    i.snap_len = number(&body, little);
    if (body.bad)
        return capture_fail(c, "an interface block is too short");
    read_options(&i, body, little);
    if (i.exponent > (i.base == 10 ? 25 : 63))
        return capture_fail(c, "a time stamp resolution of %u to the power of -%u cannot be used", i.base,
                            i.exponent);
    i.power = power_of_ten(i.exponent);
    if (c->interface_count == c->interface_room) {
        uint32_t room = c->interface_room == 0 ? 16 : c->interface_room * 2;
        struct capture_interface *more = NULL;
        if (room <= CAPTURE_INTERFACES)
            more = realloc(c->interfaces, room * sizeof *more);
        if (more == NULL)
            return capture_fail(c, "a section has more than %u interfaces", c->interface_count);
        c->interfaces = more;
        c->interface_room = room;
    }
    capture_note_link(c, i.link, capture_offset(c));
    c->interfaces[c->interface_count++] = i;
    return true;
}

/* A section header, whole. Its length field is not needed: a section ends where the next one begins. */
static bool begin_section(struct capture *c, struct cursor body)
{
    bool little = view_starts(cursor_peek(&body), VIEW("\x4d\x3c\x2b\x1a"));

    cursor_skip(&body, 4);
    unsigned major = number16(&body, little);
    cursor_skip(&body, 10);
    if (body.bad)
        return capture_fail(c, "a section header is too short");
    if (major != 1)
        return capture_fail(c, "pcapng version %u is not known, only 1 is", major);
    c->interface_count = 0;
    c->reader = little ? read_little : read_big;
    return true;
}

enum block {
    BLOCK_TAKEN, /* `next` is behind it */
    BLOCK_FRAME, /* and *out is filled */
    BLOCK_STOP,  /* failed, or not all of it is there */
};

/* Fill *out from the body of a packet block of any kind. */
ALWAYS_INLINE enum block read_packet(struct capture *c, uint32_t type, struct cursor body, struct frame *out,
                                     bool little)
{
    const struct capture_interface *i;
    uint32_t id = 0, captured, wire;
    uint64_t time_us;

    if (type == BLOCK_ENHANCED)
        id = number(&body, little);
    else if (type == BLOCK_PACKET)
        id = number(&body, little) >> (little ? 0 : 16) & 0xffff;
    if (id >= c->interface_count) {
        (void)capture_fail(c, "a packet of interface %u, of which the section does not tell", id);
        return BLOCK_STOP;
    }
    i = &c->interfaces[id];
    if (type == BLOCK_SIMPLE) {
        wire = captured = number(&body, little);
        if (i->snap_len != 0 && captured > i->snap_len)
            captured = i->snap_len;
        if (captured > cursor_left(&body))
            captured = (uint32_t)cursor_left(&body);
        time_us = c->last_us;
    } else {
        uint64_t high = number(&body, little), low = number(&body, little);
        time_us = time_of(i, high << 32 | low);
        captured = number(&body, little);
        wire = number(&body, little);
    }
    struct view data = cursor_take(&body, captured);
    if (body.bad || captured > CAPTURE_FRAME_BYTES) {
        (void)capture_fail(
            c, "a packet says it holds %u bytes, which its block or the limit of %d does not allow", captured,
            CAPTURE_FRAME_BYTES);
        return BLOCK_STOP;
    }
    c->last_us = time_us;
    *out = (struct frame){
        .time_us = time_us, .data = data, .wire_len = wire > captured ? wire : captured, .link = i->link
    };
    return BLOCK_FRAME;
}

/* Is the block of the next section header all there, and does it make sense? The order may change here. */
static enum block take_section(struct capture *c)
{
    struct cursor at = c->next, peek = c->next;

    cursor_skip(&peek, 8);
    struct view order = cursor_take(&peek, 4);
    if (peek.bad)
        return BLOCK_STOP;
    bool little = view_equal(order, VIEW("\x4d\x3c\x2b\x1a"));
    if (!little && !view_equal(order, VIEW("\x1a\x2b\x3c\x4d"))) {
        (void)capture_fail(c, "a section header without the byte order mark");
        return BLOCK_STOP;
    }
    cursor_skip(&at, 4);
    uint32_t total = number(&at, little);
    if (total < BLOCK_OVERHEAD + 16 || total > CAPTURE_BLOCK_BYTES) {
        (void)capture_fail(c, "a section header of %u bytes", total);
        return BLOCK_STOP;
    }
    struct cursor body = cursor_sub(&at, total - BLOCK_OVERHEAD);
    uint32_t again = number(&at, little);
    if (at.bad)
        return BLOCK_STOP;
    if (again != total) {
        (void)capture_fail(c, "a block has the lengths %u and %u: the file is damaged here", total, again);
        return BLOCK_STOP;
    }
    if (!begin_section(c, body))
        return BLOCK_STOP;
    c->next = at;
    return BLOCK_TAKEN;
}

/* Drop a block of no interest, which may be longer than what is at hand. */
static enum block skip_block(struct capture *c, uint32_t total)
{
    size_t left = cursor_left(&c->next);

    if (c->buffer == NULL && total > left)
        return BLOCK_STOP;
    c->skip = total > left ? total - left : 0;
    cursor_skip(&c->next, total > left ? left : total);
    return BLOCK_TAKEN;
}

ALWAYS_INLINE bool is_packet(uint32_t type)
{
    return type == BLOCK_ENHANCED || type == BLOCK_SIMPLE || type == BLOCK_PACKET;
}

/* Take one block off the front of `next`. */
ALWAYS_INLINE enum block take_block(struct capture *c, struct frame *out, bool little)
{
    struct cursor at = c->next;
    uint32_t type = number(&at, little), total = number(&at, little);

    if (at.bad)
        return BLOCK_STOP;
    if (type == BLOCK_SECTION)
        return take_section(c);
    if (total < BLOCK_OVERHEAD || total % 4 != 0) {
        (void)capture_fail(c, "a block says it is %u bytes long: the file is damaged here", total);
        return BLOCK_STOP;
    }
    if (!is_packet(type) && type != BLOCK_INTERFACE)
        return skip_block(c, total);
    if (total > CAPTURE_BLOCK_BYTES) {
        (void)capture_fail(c, "a block of %u bytes, the limit is %d", total, CAPTURE_BLOCK_BYTES);
        return BLOCK_STOP;
    }
    struct cursor body = cursor_sub(&at, total - BLOCK_OVERHEAD);
    uint32_t again = number(&at, little);
    if (at.bad)
        return BLOCK_STOP;
    if (again != total) {
        (void)capture_fail(c, "a block has the lengths %u and %u: the file is damaged here", total, again);
        return BLOCK_STOP;
    }
    enum block answer;
    if (is_packet(type))
        answer = read_packet(c, type, body, out, little);
    else
        answer = add_interface(c, body, little) ? BLOCK_TAKEN : BLOCK_STOP;
    if (answer != BLOCK_STOP) {
        capture_ask_ahead(c, &at);
        c->next = at;
    }
    return answer;
}

/* Blocks of this byte order, until a section of the other order begins. */
ALWAYS_INLINE unsigned read_blocks(struct capture *c, struct frame *out, unsigned max, bool little)
{
    capture_reader *self = little ? read_little : read_big;
    unsigned n = 0;

    while (n < max && c->reader == self) {
        enum block block = take_block(c, &out[n], little);
        if (block == BLOCK_STOP)
            return n;
        n += block == BLOCK_FRAME;
    }
    return n;
}

static unsigned read_little(struct capture *c, struct frame *out, unsigned max)
{
    return read_blocks(c, out, max, true);
}

static unsigned read_big(struct capture *c, struct frame *out, unsigned max)
{
    return read_blocks(c, out, max, false);
}

bool pcapng_is(struct view start)
{
    struct view order = view_slice(start, 8, 12);

    return view_starts(start, VIEW("\x0a\x0d\x0d\x0a")) &&
           (view_equal(order, VIEW("\x4d\x3c\x2b\x1a")) || view_equal(order, VIEW("\x1a\x2b\x3c\x4d")));
}

bool pcapng_begin(struct capture *c, struct imw_error_info *err)
{
    enum block block = take_section(c);

    if (block == BLOCK_STOP && !c->failed)
        return error_file(err, IMW_ERROR_FORMAT, c->name, "the file ends inside the pcapng section header");
    if (block == BLOCK_STOP && err != NULL)
        *err = c->err;
    return block != BLOCK_STOP;
}
