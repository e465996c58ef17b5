/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wireless LAN frames (IEEE 802.11) and the headers that capture adds before them.
 *
 * Frame: control 2 (little-endian; version 0, type 2 is data), duration 2, three addresses 18, sequence 2, a
 * fourth address 6 between access points, QoS 2, HT control 4; then LLC. Encrypted frames are skipped, and so
 * are frames that carry a piece only. Of several packets in one frame (A-MSDU) the first is decoded.
 *
 * radiotap (radiotap.org): version 1, pad 1, length 2, present 4 (bit 31: 4 more), fields; all little-endian.
 * Of the fields only the flags count: they follow the time stamp, which is aligned to 8. AVS: magic 8021100x,
 * length 4, more; big-endian. Prism: code 4, length 4, more, in the order of its machine.
 */
#include "packet/walk.h"

enum {
    CONTROL_TYPE = 0x000f, /* with the version */
    CONTROL_DATA = 0x0008,
    CONTROL_NULL = 0x0040, /* no data */
    CONTROL_QOS = 0x0080,
    CONTROL_TWO_SYSTEMS = 0x0300, /* from and to a distribution system: a fourth address */
    CONTROL_MORE_PIECES = 0x0400,
    CONTROL_PROTECTED = 0x4000,
    CONTROL_ORDER = 0x8000,

    SEQUENCE_PIECE = 0x000f,
    QOS_AGGREGATE = 0x0080,

    RADIOTAP_TIME = 1 << 0,
    RADIOTAP_FLAGS = 1 << 1,
    FLAG_PADDED = 0x20,
    FLAG_BROKEN = 0x40, /* the check sequence was wrong */
};

/* Does a frame with this control field carry a whole packet in clear? */
static bool carries(uint16_t control)
{
    return (control & CONTROL_TYPE) == CONTROL_DATA &&
           (control & (CONTROL_NULL | CONTROL_MORE_PIECES | CONTROL_PROTECTED)) == 0;
}

/*
 * Skip what comes after the control field of such a frame, giving the QoS field. False: the last piece of
 * many.
 */
static bool skip_addresses(struct cursor *c, uint16_t control, bool swapped, uint16_t *out_qos)
{
    cursor_skip(c, 20);
    uint16_t sequence = swapped ? cursor_u16(c) : cursor_le16(c);
    if ((control & CONTROL_TWO_SYSTEMS) == CONTROL_TWO_SYSTEMS)
        cursor_skip(c, 6);
    *out_qos = 0;
    if ((control & CONTROL_QOS) != 0)
        *out_qos = swapped ? cursor_u16(c) : cursor_le16(c);
    if ((control & CONTROL_QOS) != 0 && (control & CONTROL_ORDER) != 0)
        cursor_skip(c, 4);
    return (sequence & SEQUENCE_PIECE) == 0;
}

enum layer walk_wlan(struct walk *w)
{
    struct cursor h = w->c;
    uint16_t control = cursor_le16(&h), qos;

    if (!h.bad && !carries(control))
        return walk_stop(w, COUNT_DECODE_OTHER);
    bool whole = skip_addresses(&h, control, false, &qos);
    if (w->wlan_padded && !h.bad)
        cursor_skip(&h, (cursor_left(&h) - cursor_left(&w->c)) % 4);
    if (h.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    if (!whole)
        return walk_stop(w, COUNT_DECODE_OTHER);
    w->c = h;
    if ((qos & QOS_AGGREGATE) != 0) {
        cursor_skip(&w->c, 12);
        uint16_t length = cursor_u16(&w->c);
        if (length > walk_length(w))
            return walk_stop(w, COUNT_DECODE_BAD);
        walk_trim(w, length);
    }
    return LAYER_LLC;
}

bool skip_wlan(struct cursor *c)
{
    struct cursor other = *c;
    uint16_t control = cursor_le16(c), qos;

    bool swapped = !carries(control);

    if (swapped)
        control = cursor_u16(&other);
    return carries(control) && skip_addresses(c, control, swapped, &qos) && (qos & QOS_AGGREGATE) == 0;
}

enum layer walk_radiotap(struct walk *w)
{
    struct cursor h = w->c;
    uint8_t version = cursor_u8(&h), flags = 0;

    cursor_skip(&h, 1);
    uint16_t length = cursor_le16(&h);
    struct cursor header = cursor_sub(&w->c, length);
    if (h.bad || header.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    if (version != 0)
        return walk_stop(w, COUNT_DECODE_BAD);
    cursor_skip(&header, 4);
    uint32_t present = cursor_le32(&header), more = present;
    while ((more & 0x80000000u) != 0)
        more = cursor_le32(&header);
    if ((present & RADIOTAP_TIME) != 0)
        cursor_skip(&header, 8 + (length - cursor_left(&header)) % 8);
    if ((present & RADIOTAP_FLAGS) != 0)
        flags = cursor_u8(&header);
    if (header.bad || (flags & FLAG_BROKEN) != 0)
        return walk_stop(w, COUNT_DECODE_BAD);
    w->wlan_padded = (flags & FLAG_PADDED) != 0;
    return LAYER_WLAN;
}

/* Both of these come under the one link type, and AVS under one of its own as well. */
enum layer walk_prism(struct walk *w)
{
    struct cursor h = cursor_sub(&w->c, 8), other = h;
    bool avs = cursor_u32(&h) >> 4 == 0x8021100;
    uint32_t length = cursor_u32(&h);

    cursor_skip(&other, 4);
    uint32_t swapped = cursor_le32(&other);
    if (h.bad)
        return walk_stop(w, COUNT_DECODE_SHORT);
    if (!avs && swapped < length)
        length = swapped;
    if (length < 8)
        return walk_stop(w, COUNT_DECODE_BAD);
    cursor_skip(&w->c, length - 8);
    return LAYER_WLAN;
}
