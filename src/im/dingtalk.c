/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DingTalk's long connection: TCP 443 without TLS; found on any port.
 *
 * The client's first message carries tagged fields, of which the first three do not change:
 *
 *     10  length  87 80   01 0001 00   02 0002 "dk"   03 0020 <32 bytes: the client's key>   ...
 *
 * that is tag8, length16, value. All that follows is encrypted, so nothing can be said of what is done there.
 *
 * Source: nDPI dingtalk.c (2024: the constants at offsets 0 to 15; read here as tagged fields).
 */
#include "base/cursor.h"
#include "identify/parser.h"
#include <stdio.h>

enum { FIRST_BYTE = 0x10, KEY_BYTES = 32 };

extern const struct parser parser_dingtalk;

static bool dingtalk_starts(uint8_t first, enum flow_dir from)
{
    return from == FROM_CLIENT && first == FIRST_BYTE;
}

static enum im_answer dingtalk_probe(const struct sample *s, struct finding *out)
{
    const struct view fields = VIEW("\x87\x80\x01\x00\x01\x00\x02\x00\x02"
                                    "dk\x03\x00\x20");
    struct cursor c = cursor_open(s->bytes[FROM_CLIENT]);

    if (cursor_left(&c) == 0 && s->bytes[FROM_SERVER].len > 0)
        return IM_NO;
    if (cursor_u8(&c) != FIRST_BYTE)
        return c.bad ? IM_MORE : IM_NO;
    cursor_skip(&c, 1);
    struct view there = view_slice(cursor_peek(&c), 0, fields.len);
    if (!view_starts(fields, there))
        return IM_NO;
    cursor_skip(&c, fields.len + KEY_BYTES);
    if (c.bad)
        return IM_MORE;
    snprintf(out->value, sizeof out->value, "DingTalk key exchange");
    return IM_YES;
}

static size_t dingtalk_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    (void)state;
    (void)from;
    session_activity(s, ACTIVITY_LOGIN, NULL);
    session_delivery(s, DELIVERY_SERVER_PROXY);
    session_settle(s);
    return in.len;
}

const struct parser parser_dingtalk = {
    .protocol = PROTOCOL_DINGTALK,
    .service = "dingtalk",
    .on = PARSER_TCP,
    .starts = dingtalk_starts,
    .probe = dingtalk_probe,
    .feed = dingtalk_feed,
};
