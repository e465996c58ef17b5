/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Discord's voice and video: UDP, ports 50000 to 65535 of its servers; found on any port.
 *
 *     IP discovery   type16 (1 request, 2 answer)  length16 = 70  ssrc32  address[64]  port16     74 bytes
 *     keep-alive     13 37 ca fe  counter32 (little-endian)                                       8 bytes
 *
 * The request's address is zero (its port is not always), the answer's a dotted quad padded with NULs. Then
 * RTP follows, with keep-alives every few seconds. In the form before 2021 discovery has no type and length:
 * 70 bytes, ssrc first. All media passes Discord's servers.
 *
 * Where a capture begins inside a call, RTP is waited through for a keep-alive.
 *
 * Sources: docs.discord.com topics/voice-connections "IP Discovery" (2026), its form of 2020; nDPI discord.c
 * for the keep-alive.
 */
#include "base/cursor.h"
#include "im/call.h"
#include <stdio.h>

enum {
    DISCOVERY_BYTES = 74,
    OLD_DISCOVERY_BYTES = 70,
    KEEP_ALIVE_BYTES = 8,
    ADDRESS_BYTES = 64,
    REQUEST = 1,
    ANSWER = 2,
    RTP_FIRST = 0x80, /* version 2; padding and extension may be set */
    RTP_MASK = 0xc0,
};

extern const struct parser parser_discord_voice;

static bool discord_starts(uint8_t first, enum flow_dir from)
{
    (void)from;
    return first == 0x00 || first == 0x13 || (first & RTP_MASK) == RTP_FIRST;
}

static bool is_zero(struct view v)
{
    struct cursor c = cursor_open(v);

    while (cursor_left(&c) > 0)
        if (cursor_u8(&c) != 0)
            return false;
    return true;
}

/* A dotted quad, then NULs only? */
static bool is_padded_quad(struct view field)
{
    struct view text = view_slice(field, 0, view_find_byte(field, 0, 0));
    struct ip_addr ip;

    return text.len < field.len && ip_parse(text, &ip) && ip_is_v4(&ip) &&
           is_zero(view_from(field, text.len));
}

static bool is_discovery(struct view v)
{
    struct cursor c = cursor_open(v);
    uint16_t type = cursor_u16(&c), length = cursor_u16(&c);

    cursor_skip(&c, 4);
    struct view address = cursor_take(&c, ADDRESS_BYTES);
    cursor_skip(&c, 2);
    if (!cursor_done(&c) || length != DISCOVERY_BYTES - 4)
        return false;
    return type == REQUEST ? is_zero(address) : type == ANSWER && is_padded_quad(address);
}

/* The old answer is proof together with its request: the same ssrc, then zeros. */
static bool is_old_discovery(const struct sample *s)
{
    struct cursor c = cursor_open(s->datagram);
    struct view ssrc = cursor_take(&c, 4), address = cursor_take(&c, ADDRESS_BYTES);

    if (s->head_count < 2 || s->datagram.len != OLD_DISCOVERY_BYTES || !is_padded_quad(address))
        return false;
    const struct datagram_head *request = &s->heads[0];
    struct view head = head_view(request);
    return request->len == OLD_DISCOVERY_BYTES && request->from != s->from && view_starts(head, ssrc) &&
           is_zero(view_from(head, 4));
}

/* RTP of a dynamic payload type, or RTCP (RFC 3550 section 5.1, RFC 5761 section 4). */
static bool is_media(struct view v)
{
    struct cursor c = cursor_open(v);
    bool version = (cursor_u8(&c) & RTP_MASK) == RTP_FIRST;
    uint8_t type = cursor_u8(&c);

    return version && !c.bad && ((type & 0x7f) >= 96 || (type >= 200 && type <= 207));
}

static enum im_answer discord_probe(const struct sample *s, struct finding *out)
{
    struct cursor c = cursor_open(s->datagram);
    const char *what = NULL;

    if (s->datagram.len == KEEP_ALIVE_BYTES && cursor_u32(&c) == 0x1337cafe)
        what = "Discord keep-alive";
    else if (is_discovery(s->datagram))
        what = "Discord IP discovery";
    else if (is_old_discovery(s))
        what = "Discord IP discovery, old form";
    if (what != NULL) {
        snprintf(out->value, sizeof out->value, "%s", what);
        return IM_YES;
    }
    bool media = is_media(head_view(&s->heads[0]));
    bool old_request = s->head_count == 1 && s->heads[0].len == OLD_DISCOVERY_BYTES &&
                       is_zero(view_from(head_view(&s->heads[0]), 4));
    return (media && s->head_count < SAMPLE_HEADS) || old_request ? IM_MORE : IM_NO;
}

static size_t discord_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    (void)state;
    (void)from;
    return call_feed(s, DELIVERY_SERVER_PROXY, in);
}

const struct parser parser_discord_voice = {
    .protocol = PROTOCOL_DISCORD_VOICE,
    .service = "discord",
    .on = PARSER_UDP,
    .starts = discord_starts,
    .probe = discord_probe,
    .feed = discord_feed,
};
