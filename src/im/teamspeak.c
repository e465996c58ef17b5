/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TeamSpeak 2 and 3.
 *
 * Version 3 begins a voice connection over UDP with packets of the type Init1 (8), whose authentication code
 * is the text "TS3INIT1" and whose packet id is 101; everything behind the handshake is encrypted.
 *
 *     client  "TS3INIT1" 0065 client id[2] flags|type 88 version[4] step ...
 *     server  "TS3INIT1" 0065 flags|type 88 step ...
 *
 * Its query interface greets over TCP with "TS3" LF CR and a sentence, or "TS3 Client".
 *
 * Version 2 has, in each packet, le16 BEF4 (f4 be) and a type: 0003 connection requests, 0004 answers. A
 * login holds zero session and client numbers and, behind counter and checksum, the client's name with its
 * length before it.
 *
 * Sources: the reverse engineered handshake (ReSpeak/tsdeclarations, ts3protocol.md); nDPI's and IMFirewall's
 * notes on version 2.
 */
#include "base/cursor.h"
#include "identify/parser.h"

enum {
    INIT_PACKET = 101,
    INIT_TYPE = 8,
    TS2_NAME_AT = 20, /* octets before the client's name in a login of version 2 */
};

/* "TS3INIT1", the packet id and the type. The type lies behind a client id in what a client sends. */
static bool is_init(struct view v)
{
    struct cursor c = cursor_open(v);
    struct view code = cursor_take(&c, 8);
    uint16_t packet = cursor_u16(&c);
    struct view rest = cursor_take(&c, 3);

    if (c.bad || !view_equal(code, VIEW("TS3INIT1")) || packet != INIT_PACKET)
        return false;
    return (rest.at[0] & 0x0f) == INIT_TYPE || (rest.at[2] & 0x0f) == INIT_TYPE;
}

static bool is_ts2(struct view v, uint16_t type)
{
    struct cursor c = cursor_open(v);

    return v.len > TS2_NAME_AT && cursor_le16(&c) == 0xbef4 && cursor_le16(&c) == type;
}

static bool is_ts2_login(struct view v)
{
    static const uint8_t zero[8];
    struct cursor c = cursor_open(v);

    if (!is_ts2(v, 3))
        return false;
    cursor_skip(&c, 4);
    bool fresh = view_equal(cursor_take(&c, sizeof zero), view_of(zero, sizeof zero));
    cursor_skip(&c, TS2_NAME_AT - 12);
    struct cursor name = cursor_block8(&c);
    return fresh && view_starts(cursor_peek(&name), VIEW("TeamSpeak"));
}

/* An answer of version 2 to a request that the other side sent before. */
static bool answers_ts2(const struct sample *s)
{
    if (!is_ts2(s->datagram, 4))
        return false;
    for (unsigned i = 0; i < s->head_count; i++)
        if (s->heads[i].from != s->from && is_ts2(view_of(s->heads[i].data, s->heads[i].kept), 3))
            return true;
    return false;
}

static enum im_answer probe_datagram(const struct sample *s, struct text *value)
{
    if (is_init(s->datagram)) {
        text_string(value, "TS3INIT1");
        return IM_YES;
    }
    if (is_ts2_login(s->datagram) || answers_ts2(s)) {
        text_string(value, "TeamSpeak 2 connection");
        return IM_YES;
    }
    return is_ts2(s->datagram, 3) && s->head_count < SAMPLE_HEADS ? IM_MORE : IM_NO;
}

static enum im_answer probe_stream(const struct sample *s, struct text *value)
{
    static const char *const greetings[] = { "TS3\n\r", "TS3 Client\n\r" };
    struct view v = s->bytes[FROM_SERVER];
    bool part = v.len == 0;

    for (size_t i = 0; i < sizeof greetings / sizeof greetings[0]; i++) {
        struct view greeting = view_string(greetings[i]);
        if (view_starts(v, greeting)) {
            text_string(value, "query greeting");
            return IM_YES;
        }
        part |= view_starts(greeting, v);
    }
    return part && s->bytes[FROM_CLIENT].len == 0 ? IM_MORE : IM_NO;
}

static enum im_answer teamspeak_probe(const struct sample *s, struct finding *out)
{
    struct text value = TEXT(out->value);

    return s->l4 == L4_UDP ? probe_datagram(s, &value) : probe_stream(s, &value);
}

static bool teamspeak_starts(uint8_t first, enum flow_dir from)
{
    (void)from;
    return first == 'T' || first == 0xf4;
}

/* Connecting is all that can be seen. */
static size_t teamspeak_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    (void)state;
    (void)from;
    session_delivery(s, DELIVERY_SERVER_PROXY);
    session_activity(s, ACTIVITY_LOGIN, NULL);
    session_settle(s);
    return in.len;
}

extern const struct parser parser_teamspeak;

const struct parser parser_teamspeak = {
    .protocol = PROTOCOL_TEAMSPEAK,
    .service = "teamspeak",
    .on = PARSER_TCP | PARSER_UDP,
    .starts = teamspeak_starts,
    .probe = teamspeak_probe,
    .feed = teamspeak_feed,
};
