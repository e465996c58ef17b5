/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Media of Microsoft Teams and Skype through their relays: UDP 3478 to 3481, TCP 443; found on any port.
 *
 * Microsoft's TURN differs from RFC 8656 in two ways that can be seen before any attribute:
 *
 *     multiplexed (UDP)  ff 10  length16  session64  STUN message, RTP or RTCP
 *     framed (TCP)       02 control, 03 data  00  length16  then for control a TURN message, whose first
 * attribute is Magic-Cookie: 000f 0004 72c64bc6
 *
 * A multiplexed STUN message is proof (constants, two lengths, cookie); RTP in it needs a second datagram of
 * the same session. Plain STUN with Microsoft's attributes is for the parser of STUN.
 *
 * Sources: [MS-TURN] 2.1.4 (framing), 2.2.3 (multiplexed TURN), 2.2.2.15 (Magic-Cookie).
 */
#include "base/cursor.h"
#include "im/call.h"
#include <stdio.h>

enum {
    CHANNEL = 0xff10,
    SESSION_BYTES = 8,
    CONTROL = 0x02,
    STUN_HEAD_BYTES = 20,
    STUN_COOKIE = 0x2112a442,
    MAGIC_COOKIE_ATTRIBUTE = 0x000f0004,
    MAGIC_COOKIE = 0x72c64bc6,
};

extern const struct parser parser_teams_media;

static bool teams_starts(uint8_t first, enum flow_dir from)
{
    return first == CHANNEL >> 8 || (first == CONTROL && from == FROM_CLIENT);
}

/* A whole STUN message with its cookie? */
static bool is_stun(struct view v)
{
    struct cursor c = cursor_open(v);
    uint16_t type = cursor_u16(&c), length = cursor_u16(&c);
    uint32_t cookie = cursor_u32(&c);

    return !c.bad && type >> 14 == 0 && length + (size_t)STUN_HEAD_BYTES == v.len && cookie == STUN_COOKIE;
}

/* The session of a multiplexed datagram, of which `v` holds the beginning and `len` is the length. */
static struct view take_session(struct view v, size_t len, struct view *out_inner)
{
    struct cursor c = cursor_open(v);
    uint16_t channel = cursor_u16(&c), length = cursor_u16(&c);
    struct view session = cursor_take(&c, SESSION_BYTES);

    *out_inner = cursor_rest(&c);
    return channel == CHANNEL && length + (size_t)4 == len ? session : view_of(NULL, 0);
}

static enum im_answer probe_udp(const struct sample *s, struct finding *out)
{
    struct view inner, first_inner;
    struct view session = take_session(s->datagram, s->datagram.len, &inner);
    struct view first = take_session(head_view(&s->heads[0]), s->heads[0].len, &first_inner);
    struct cursor c = cursor_open(inner);

    if (session.len == 0)
        return IM_NO;
    bool media = cursor_u8(&c) >> 6 == 2; /* RTP and RTCP, version 2 */
    if (!is_stun(inner) && !(media && view_equal(session, first)))
        return IM_NO;
    if (media && s->head_count < 2)
        return IM_MORE;
    snprintf(out->value, sizeof out->value, "multiplexed TURN of Microsoft");
    return IM_YES;
}

static enum im_answer probe_tcp(const struct sample *s, struct finding *out)
{
    struct cursor c = cursor_open(s->bytes[FROM_CLIENT]);

    if (cursor_left(&c) == 0 && s->bytes[FROM_SERVER].len > 0)
        return IM_NO;
    uint16_t type = cursor_u16(&c);
    bool wrong = !c.bad && type != CONTROL << 8;
    size_t frame = cursor_u16(&c);
    wrong |= !c.bad && frame < STUN_HEAD_BYTES + 8;
    cursor_skip(&c, 2);
    size_t message = cursor_u16(&c);
    wrong |= !c.bad && message + STUN_HEAD_BYTES != frame;
    cursor_skip(&c, 16);
    uint32_t attribute = cursor_u32(&c), value = cursor_u32(&c);
    if (wrong || (!c.bad && (attribute != MAGIC_COOKIE_ATTRIBUTE || value != MAGIC_COOKIE)))
        return IM_NO;
    if (c.bad)
        return IM_MORE;
    snprintf(out->value, sizeof out->value, "TURN of Microsoft over TCP");
    return IM_YES;
}

static enum im_answer teams_probe(const struct sample *s, struct finding *out)
{
    return s->l4 == L4_UDP ? probe_udp(s, out) : probe_tcp(s, out);
}

static size_t teams_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    (void)state;
    (void)from;
    return call_feed(s, DELIVERY_SERVER_PROXY, in);
}

const struct parser parser_teams_media = {
    .protocol = PROTOCOL_TEAMS_MEDIA,
    .service = "teams",
    .on = PARSER_TCP | PARSER_UDP,
    .starts = teams_starts,
    .probe = teams_probe,
    .feed = teams_feed,
};
