/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zoom's media: UDP 8801 to 8810 of its servers (SFU), or directly between two participants; found on any
 * port.
 *
 *     hello      01  00 ....  16 random bytes  ...         and the answer 02 with the same 16 bytes
 *     SFU        05  sequence16  session32  direction (00 to, 04 from the server)  media
 *     media      type8 (13 and 30 screen, 15 audio, 16 video, 33 to 35 RTCP)  ...  RTP or RTCP
 *     direct     1f 02 ...  port16  length32 address-text  length32 = 36 UUID-text  ...
 *     STUN       without a cookie: 0001 0018 <transaction> 0101 0014 "1234567890123456789" 00
 *
 * Proof: the echo of the hello (128 bits); two SFU packets of one session whose bytes of direction and type
 * fit; a direct check whose two texts parse; the constant attribute of the STUN request.
 *
 * Sources: O. Michel et al., "Enabling Passive Measurement of Zoom Performance in Production Networks", IMC
 * 2022, and github.com/Princeton-Cabernet/zoom-analysis wireshark/zoom.lua; packets compared with each other
 * for the hello and the direct check.
 */
#include "base/cursor.h"
#include "im/call.h"
#include "im/random.h"
#include <stdio.h>

enum {
    HELLO = 0x01,
    HELLO_ANSWER = 0x02,
    SFU = 0x05,
    DIRECT = 0x1f,
    ECHO_AT = 4,
    ECHO_BYTES = 16,
    TEXT_ADDRESS_MAX = 45,
    TEXT_UUID_BYTES = 36,
    SFU_PACKETS = 3, /* of one session that make a yes */
    DATAGRAMS_MAX = 8,
};

extern const struct parser parser_zoom_media;

static bool zoom_starts(uint8_t first, enum flow_dir from)
{
    (void)from;
    return first == HELLO || first == SFU || first == DIRECT || first == 0x00;
}

static bool is_media_type(uint8_t type)
{
    return type == 13 || type == 15 || type == 16 || type == 30 || (type >= 33 && type <= 35);
}

/* The datagram answers a hello of the other side? */
static bool is_hello_answer(const struct sample *s)
{
    struct view echo = view_slice(s->datagram, ECHO_AT, ECHO_AT + ECHO_BYTES);

    for (unsigned i = 0; i + 1 < s->head_count; i++) {
        struct cursor c = cursor_open(head_view(&s->heads[i]));
        bool hello = cursor_u8(&c) == HELLO;
        cursor_skip(&c, ECHO_AT - 1);
        struct view random = cursor_take(&c, ECHO_BYTES);
        if (hello && s->heads[i].from != s->from && looks_random(random) && view_equal(random, echo))
            return true;
    }
    return false;
}

/* The session of an SFU packet, 0 where it is none. */
static uint32_t sfu_session(const struct datagram_head *h)
{
    struct cursor c = cursor_open(head_view(h));
    uint8_t type = cursor_u8(&c);

    cursor_skip(&c, 2);
    uint32_t session = cursor_u32(&c);
    uint8_t direction = cursor_u8(&c);
    uint8_t media = cursor_u8(&c);
    bool good = !c.bad && type == SFU && (direction == 0 || direction == 4) && is_media_type(media);
    return good ? session : 0;
}

/* Do enough packets belong to one SFU session? */
static bool is_sfu_talk(const struct sample *s)
{
    uint32_t session = sfu_session(&s->heads[s->head_count - 1]);
    unsigned n = 0;

    for (unsigned i = 0; i < s->head_count; i++)
        n += sfu_session(&s->heads[i]) == session;
    return session != 0 && n >= SFU_PACKETS;
}

/* A direct check: address and UUID as text, each after its length. */
static bool is_direct(struct view v)
{
    struct cursor c = cursor_open(v);
    struct ip_addr ip;

    if (cursor_u8(&c) != DIRECT || cursor_u8(&c) != 2)
        return false;
    cursor_skip(&c, 22);
    uint32_t len = cursor_u32(&c);
    struct view address = cursor_take(&c, len <= TEXT_ADDRESS_MAX ? len : 0);
    uint32_t uuid_len = cursor_u32(&c);
    struct view uuid = cursor_take(&c, TEXT_UUID_BYTES);
    return !c.bad && ip_parse(address, &ip) && uuid_len == TEXT_UUID_BYTES &&
           view_find_byte(uuid, '-', 0) == 8 && view_find_byte(uuid, '-', 9) == 13;
}

static bool is_stun(struct view v)
{
    struct cursor c = cursor_open(v);

    if (cursor_u32(&c) != 0x00010018)
        return false;
    cursor_skip(&c, 16);
    return view_equal(cursor_rest(&c), VIEW("\x01\x01\x00\x14"
                                            "1234567890123456789\0"));
}

static enum im_answer zoom_probe(const struct sample *s, struct finding *out)
{
    struct cursor c = cursor_open(s->datagram);
    uint8_t first = cursor_u8(&c);
    const char *what = NULL;

    if (first == HELLO_ANSWER && is_hello_answer(s))
        what = "Zoom server hello";
    else if (first == SFU && s->head_count > 0 && is_sfu_talk(s))
        what = "Zoom SFU session";
    else if (is_direct(s->datagram))
        what = "Zoom direct check";
    else if (is_stun(s->datagram))
        what = "Zoom STUN request";
    if (what != NULL) {
        snprintf(out->value, sizeof out->value, "%s", what);
        return IM_YES;
    }
    bool hello = first == HELLO && s->datagram.len > ECHO_AT + ECHO_BYTES;
    bool wait = hello || (first == SFU && sfu_session(&s->heads[0]) != 0);
    return wait && s->head_count < DATAGRAMS_MAX ? IM_MORE : IM_NO;
}

static size_t zoom_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    (void)state;
    (void)from;
    return call_feed(s, is_direct(in) ? DELIVERY_PEER : DELIVERY_SERVER_PROXY, in);
}

const struct parser parser_zoom_media = {
    .protocol = PROTOCOL_ZOOM_MEDIA,
    .service = "zoom",
    .on = PARSER_UDP,
    .starts = zoom_starts,
    .probe = zoom_probe,
    .feed = zoom_feed,
};
