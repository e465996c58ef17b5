/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WhatsApp's chat connection: TCP 5222 or 443, or inside the WebSocket of web.whatsapp.com; found on any
 * port.
 *
 * Framing. The client begins with an optional routing header and an introduction, then both sides send
 * frames:
 *
 *     "ED" 00 01  length (24 bit)  routing information        optional
 *     "WA"  version  dictionary version                       client only
 *     length (24 bit)  payload                                repeated
 *
 * Since version 2 the first frames are a Noise XX handshake, protobuf HandshakeMessage: the client's has one
 * field, 2 (ClientHello), whose first field is the ephemeral key of 32 bytes, so it begins 12 <length> 0a 20.
 * After three messages all payloads are encrypted. Version 1 sent FunXMPP: binary XML, clear at first; its
 * first frame is a list (f8, count) whose first token is 01, stream start; the top bits of a length are flags
 * there (8: encrypted).
 *
 * A connection whose beginning was not seen is accepted on the server port 5222 only, when both directions
 * are chains of such frames with random payloads.
 *
 * Sources: github.com/tulir/whatsmeow socket/constants.go and noisehandshake.go (2026-08);
 * github.com/ooni/spec ts-018; nDPI whatsapp.c (prefixes seen in the field); FunXMPP as documented by
 * WHAnonymous/Chat-API. Routing headers and versions 1.5, 2.1, 5.2 and 6.3 are attested.
 */
#include "base/cursor.h"
#include "identify/parser.h"
#include "im/random.h"
#include <stdio.h>

enum {
    ROUTING_BYTES_MAX = 1024,
    HELLO_BYTES_MIN = 36, /* field, key */
    HELLO_BYTES_MAX = 8192,
    FRAME_BYTES_MIN = 17,      /* an AES-GCM tag and a byte */
    FRAME_BYTES_MAX = 1 << 18, /* when frames are guessed at */
    MIDSTREAM_FRAMES = 5,      /* eight zero bits each, and the ends must fit */
    CHAT_PORT = 5222,
};

struct whatsapp {
    bool introduced;
    unsigned frames; /* of the client */
    uint32_t skip;   /* of the client's payload under way */
};

extern const struct parser parser_whatsapp_noise;

static bool whatsapp_starts(uint8_t first, enum flow_dir from)
{
    return from == FROM_CLIENT && (first == 'E' || first == 'W');
}

/* Does `c` begin with `text`, as far as it goes? Takes it. */
static enum im_answer prefix(struct cursor *c, struct view text)
{
    struct view there = cursor_peek(c);

    if (!view_equal(view_slice(there, 0, text.len), view_slice(text, 0, there.len)))
        return IM_NO;
    if (there.len < text.len)
        return IM_MORE;
    cursor_skip(c, text.len);
    return IM_YES;
}

/* The routing header, where there is one. */
static enum im_answer take_routing(struct cursor *c)
{
    struct view there = cursor_peek(c);

    if (view_starts(there, VIEW("W")))
        return IM_YES;
    enum im_answer answer = prefix(c, VIEW("ED\0\1"));
    if (answer != IM_YES)
        return answer;
    uint32_t len = cursor_u24(c);
    if (!c->bad && len > ROUTING_BYTES_MAX)
        return IM_NO;
    cursor_skip(c, len);
    return c->bad ? IM_MORE : IM_YES;
}

/* A length of protobuf: seven bits an octet, least first; here two octets at most. */
static uint32_t take_varint(struct cursor *c)
{
    uint32_t low = cursor_u8(c);

    return low < 0x80 ? low : (low & 0x7f) | (uint32_t)cursor_u8(c) << 7;
}

/* The client's first frame, of which `c` holds the beginning. */
static enum im_answer hello(struct cursor *c, unsigned version)
{
    uint32_t len = cursor_u24(c);

    if (version == 1) {
        uint8_t list = cursor_u8(c);
        cursor_skip(c, 1);
        uint8_t token = cursor_u8(c);
        if (len >> 16 != 0 || (!c->bad && (list != 0xf8 || token != 0x01)))
            return IM_NO;
        return c->bad ? IM_MORE : IM_YES;
    }
    if (len > HELLO_BYTES_MAX)
        return IM_NO;
    size_t before = cursor_left(c);
    uint8_t field = cursor_u8(c);
    uint32_t body = take_varint(c);
    size_t head = before - cursor_left(c);
    uint16_t key = cursor_u16(c);
    if (c->bad)
        return IM_MORE;
    return len >= HELLO_BYTES_MIN && field == 0x12 && head + body == len && key == 0x0a20 ? IM_YES : IM_NO;
}

/* Frames of a chain from the first byte, 0 when it is none. The last may be incomplete. */
static unsigned chain(struct view v)
{
    struct cursor c = cursor_open(v);
    unsigned frames = 0;

    while (cursor_left(&c) >= 3 + 16) {
        uint32_t len = cursor_u24(&c);
        if (len >> 20 == 8) /* encrypted, version 1 */
            len &= 0x0fffff;
        struct view start = view_slice(cursor_peek(&c), 0, len < 32 ? len : 32);
        if (len < FRAME_BYTES_MIN || len > FRAME_BYTES_MAX || !looks_random(start))
            return 0;
        frames++;
        if (len > cursor_left(&c))
            break;
        cursor_skip(&c, len);
    }
    return frames;
}

static enum im_answer probe_midstream(const struct sample *s, struct finding *out)
{
    unsigned of_client = chain(s->bytes[FROM_CLIENT]), of_server = chain(s->bytes[FROM_SERVER]);

    if (s->port[FROM_CLIENT] != CHAT_PORT && s->port[FROM_SERVER] != CHAT_PORT)
        return IM_NO;
    if ((of_client == 0 && s->bytes[FROM_CLIENT].len >= 3 + 16) ||
        (of_server == 0 && s->bytes[FROM_SERVER].len >= 3 + 16))
        return IM_NO;
    if (of_client == 0 || of_server == 0 || of_client + of_server < MIDSTREAM_FRAMES)
        return IM_MORE;
    out->confidence = 80;
    out->reversed = s->port[FROM_CLIENT] == CHAT_PORT;
    snprintf(out->value, sizeof out->value, "chain of WhatsApp frames");
    return IM_YES;
}

static enum im_answer whatsapp_probe(const struct sample *s, struct finding *out)
{
    struct cursor c = cursor_open(s->bytes[FROM_CLIENT]);

    if (cursor_left(&c) == 0 && !s->midstream)
        return s->bytes[FROM_SERVER].len > 0 ? IM_NO : IM_MORE;
    enum im_answer answer = take_routing(&c);
    if (answer == IM_YES)
        answer = prefix(&c, VIEW("WA"));
    if (s->midstream && (answer == IM_NO || cursor_left(&c) == 0))
        return probe_midstream(s, out);
    if (answer != IM_YES)
        return answer;
    unsigned version = cursor_u8(&c), dictionary = cursor_u8(&c);
    if (version > 31 || dictionary > 31 || (!c.bad && version == 0))
        return IM_NO;
    answer = hello(&c, version);
    if (answer == IM_YES)
        snprintf(out->value, sizeof out->value, "WhatsApp introduction, version %u.%u", version, dictionary);
    return answer;
}

/* Take the introduction of the client. False: not whole yet. */
static bool introduction(struct whatsapp *w, struct cursor *c)
{
    struct cursor at = *c;

    if (whatsapp_starts(cursor_u8(&at), FROM_CLIENT)) { /* else mid-stream: frames from the first byte */
        at = *c;
        if (take_routing(&at) != IM_YES || prefix(&at, VIEW("WA")) != IM_YES)
            return false;
        cursor_skip(&at, 2);
        if (at.bad)
            return false;
        *c = at;
    }
    w->introduced = true;
    return true;
}

/* The client's first two frames are the handshake, the third is the first message. */
static void count_frame(struct whatsapp *w, struct session *s)
{
    w->frames++;
    if (w->frames == 1) {
        session_activity(s, ACTIVITY_LOGIN, NULL);
        session_delivery(s, DELIVERY_SERVER_PROXY);
    } else if (w->frames == 3) {
        session_activity(s, ACTIVITY_CHAT, NULL);
        session_settle(s);
    }
}

static size_t whatsapp_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct whatsapp *w = state;
    struct cursor c = cursor_open(in);

    if (from == FROM_SERVER)
        return in.len;
    if (!w->introduced && !introduction(w, &c))
        return 0;
    while (w->frames < 3) {
        struct view rest = view_slice(cursor_peek(&c), 0, w->skip);
        cursor_skip(&c, rest.len);
        w->skip -= (uint32_t)rest.len;
        if (w->skip > 0 || cursor_left(&c) < 3)
            break;
        w->skip = cursor_u24(&c) & 0x0fffff; /* the top four bits are flags in version 1 */
        count_frame(w, s);
    }
    return in.len - cursor_left(&c);
}

const struct parser parser_whatsapp_noise = {
    .protocol = PROTOCOL_WHATSAPP_NOISE,
    .service = "whatsapp",
    .on = PARSER_TCP,
    .starts = whatsapp_starts,
    .probe = whatsapp_probe,
    .state_size = sizeof(struct whatsapp),
    .feed = whatsapp_feed,
};
