/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pcap format: a file header of 24 octets (magic, version 2 octets major and 2 minor, 8 octets unused,
 * snap length, link type), then records of a header (seconds, fraction, captured length, wire length; 4
 * octets each) and the captured bytes. The magic number tells the byte order of all numbers, and the
 * fraction's unit:
 *
 *     a1b2c3d4  microseconds          a1b23c4d  nanoseconds
 *     a1b2cd34  microseconds, record headers with 8 octets more (interface, protocol; "modified" pcap of old
 *               Linux)
 *
 * The reader is made once for each combination, so that its loop is a few loads and compares a record.
 * Source: draft-ietf-opsawg-pcap.
 */
#include "packet/capture_file.h"

enum { RECORD_BYTES = 16, RECORD_BYTES_MODIFIED = 24 };

#define ALWAYS_INLINE __attribute__((always_inline)) static inline

ALWAYS_INLINE uint32_t number(struct cursor *c, bool little)
{
    return little ? cursor_le32(c) : cursor_u32(c);
}

/* Called where no whole record is left: is its length a lie, or is the rest to come? */
static unsigned stuck(struct capture *c, bool little, size_t header_bytes)
{
    struct cursor at = c->next, h = cursor_sub(&at, header_bytes);

    cursor_skip(&h, 8);
    uint32_t captured = number(&h, little);
    if (captured > CAPTURE_FRAME_BYTES)
        return capture_fail(c, "a record says it holds %u bytes, the limit is %d: the file is damaged here",
                            captured, CAPTURE_FRAME_BYTES);
    return 0;
}

ALWAYS_INLINE unsigned read_records(struct capture *c, struct frame *out, unsigned max, bool little,
                                    bool nano, size_t header_bytes)
{
    struct cursor at = c->next;
    uint16_t link = c->link;
    unsigned n = 0;

    for (; n < max; n++) {
        struct cursor record = at, h = cursor_sub(&record, header_bytes);
        uint32_t seconds = number(&h, little), fraction = number(&h, little);
        uint32_t captured = number(&h, little), wire = number(&h, little);
        if (captured > CAPTURE_FRAME_BYTES)
            break;
        struct view data = cursor_take(&record, captured);
        if (record.bad)
            break;
        capture_ask_ahead(c, &record);
        out[n].time_us = (uint64_t)seconds * 1000000 + (nano ? fraction / 1000 : fraction);
        out[n].data = data;
        out[n].wire_len = wire > captured ? wire : captured;
        out[n].link = link;
        out[n].vlan[0] = out[n].vlan[1] = 0;
        at = record;
    }
    c->next = at;
    return n > 0 || max == 0 ? n : stuck(c, little, header_bytes);
}

#define READER(name, little, nano, header_bytes)                                                             \
    static unsigned name(struct capture *c, struct frame *out, unsigned max)                                 \
    {                                                                                                        \
        return read_records(c, out, max, little, nano, header_bytes);                                        \
    }
READER(read_little, true, false, RECORD_BYTES)
READER(read_little_nano, true, true, RECORD_BYTES)
READER(read_little_modified, true, false, RECORD_BYTES_MODIFIED)
READER(read_big, false, false, RECORD_BYTES)
READER(read_big_nano, false, true, RECORD_BYTES)
READER(read_big_modified, false, false, RECORD_BYTES_MODIFIED)

static const struct flavour {
    char magic[5];
    bool little;
    capture_reader *reader;
} flavours[] = {
    { "\xd4\xc3\xb2\xa1", true, read_little },          { "\xa1\xb2\xc3\xd4", false, read_big },
    { "\x4d\x3c\xb2\xa1", true, read_little_nano },     { "\xa1\xb2\x3c\x4d", false, read_big_nano },
    { "\x34\xcd\xb2\xa1", true, read_little_modified }, { "\xa1\xb2\xcd\x34", false, read_big_modified },
};

static const struct flavour *flavour_of(struct view start)
{
    for (size_t i = 0; i < sizeof flavours / sizeof flavours[0]; i++)
        if (view_starts(start, view_string(flavours[i].magic)))
            return &flavours[i];
    return NULL;
}

bool pcap_is(struct view start)
{
    return flavour_of(start) != NULL;
}

bool pcap_begin(struct capture *c, struct imw_error_info *err)
{
    const struct flavour *flavour = flavour_of(cursor_peek(&c->next));
    struct cursor h = cursor_sub(&c->next, PCAP_HEADER_BYTES);

    if (h.bad)
        return error_file(err, IMW_ERROR_FORMAT, c->name, "the file ends inside the pcap file header");
    cursor_skip(&h, 4);
    unsigned major = flavour->little ? cursor_le16(&h) : cursor_u16(&h);
    if (major != 2)
        return error_file(err, IMW_ERROR_FORMAT, c->name, "pcap version %u is not known, only 2 is", major);
    cursor_skip(&h, 14);
    /*
     * The upper bits tell the length of a frame check sequence, which the lengths inside the frame cut off.
     */
    c->link = (uint16_t)number(&h, flavour->little);
    capture_note_link(c, c->link, LINK_AT);
    c->reader = flavour->reader;
    return true;
}
