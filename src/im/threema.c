/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threema's chat server connection: TCP 5222 (and 443, where it is not looked for).
 *
 * Turns of the handshake (NaCl boxes, no constant anywhere), then frames in both directions:
 *
 *     client  32 key, 16 cookie                           48 bytes, exactly
 *     server  16 cookie, box of 64                        80 bytes, exactly
 *     client  login box of 144, with extensions more
 *     server  login ack                                   32 bytes
 *     both    length16 (little-endian)  box               at least 20 bytes: 16 of authentication, 4 of type
 *
 * A box from the server of 20 bytes is housekeeping; one of 36 acknowledges a message that the user sent
 * (type, id, peer's identity), and larger ones are messages.
 *
 * There is nothing to verify without the keys. The proof is who speaks when and how much to the byte (48, 80,
 * at least 144, 32 and a whole frame), all of it random, and as that alone is not worth a yes, the port 5222.
 * Hence the lower confidence; the catalog's address range says it better.
 *
 * Sources: Threema Cryptography Whitepaper, "Chat protocol"; github.com/threema-ch/threema-protocols
 * csp-handshake; nDPI threema.c.
 */
#include "base/cursor.h"
#include "identify/parser.h"
#include "im/random.h"
#include <stdio.h>

enum {
    CLIENT_HELLO_BYTES = 48,
    SERVER_HELLO_BYTES = 80,
    LOGIN_BYTES_MIN = 144,
    LOGIN_ACK_BYTES = 32,
    FRAME_BYTES_MIN = 20,
    FRAME_BYTES_MAX = 8192,
    MESSAGE_ACK_BYTES = 36,
    CHAT_PORT = 5222,
};

struct threema {
    bool login;
    uint32_t skip; /* bytes of the server that say nothing */
};

extern const struct parser parser_threema;

static bool threema_starts(uint8_t first, enum flow_dir from)
{
    (void)first; /* may be any */
    return from == FROM_CLIENT;
}

/* Has each side waited for the other as the handshake wants it? */
static bool turns_fit(size_t client, size_t server)
{
    if (server == 0)
        return client <= CLIENT_HELLO_BYTES;
    if (server < SERVER_HELLO_BYTES)
        return client == CLIENT_HELLO_BYTES;
    if (server == SERVER_HELLO_BYTES)
        return client >= CLIENT_HELLO_BYTES;
    return client >= CLIENT_HELLO_BYTES + LOGIN_BYTES_MIN;
}

static enum im_answer threema_probe(const struct sample *s, struct finding *out)
{
    struct view client = s->bytes[FROM_CLIENT], server = s->bytes[FROM_SERVER];

    if (s->midstream || s->port[FROM_SERVER] != CHAT_PORT || !turns_fit(client.len, server.len))
        return IM_NO;
    if ((client.len == CLIENT_HELLO_BYTES && !looks_random(client)) ||
        (server.len == SERVER_HELLO_BYTES && !looks_random(view_slice(server, 0, 64))))
        return IM_NO;
    struct cursor c = cursor_open(server);
    cursor_skip(&c, SERVER_HELLO_BYTES + LOGIN_ACK_BYTES);
    uint16_t frame = cursor_le16(&c);
    if (!c.bad && (frame < FRAME_BYTES_MIN || frame > FRAME_BYTES_MAX))
        return IM_NO;
    struct view box = cursor_take(&c, frame);
    if (c.bad)
        return IM_MORE;
    if (!looks_random(view_slice(client, 0, CLIENT_HELLO_BYTES)) ||
        !looks_random(view_slice(server, 0, 64)) || !looks_random(view_slice(box, 0, FRAME_BYTES_MIN)))
        return IM_NO;
    out->confidence = 80;
    snprintf(out->value, sizeof out->value, "turns and frames of the chat protocol");
    return IM_YES;
}

static size_t threema_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct threema *t = state;
    struct cursor c = cursor_open(in);

    if (!t->login) {
        session_activity(s, ACTIVITY_LOGIN, NULL);
        session_delivery(s, DELIVERY_SERVER_PROXY);
        t->skip = SERVER_HELLO_BYTES + LOGIN_ACK_BYTES;
    }
    t->login = true;
    if (from == FROM_CLIENT)
        return in.len;
    for (;;) {
        struct view rest = view_slice(cursor_peek(&c), 0, t->skip);
        cursor_skip(&c, rest.len);
        t->skip -= (uint32_t)rest.len;
        if (t->skip > 0 || cursor_left(&c) < 2)
            return in.len - cursor_left(&c);
        t->skip = cursor_le16(&c);
        if (t->skip < MESSAGE_ACK_BYTES)
            continue;
        session_activity(s, ACTIVITY_CHAT, NULL);
        session_settle(s);
        return in.len;
    }
}

const struct parser parser_threema = {
    .protocol = PROTOCOL_THREEMA,
    .service = "threema",
    .on = PARSER_TCP,
    .starts = threema_starts,
    .probe = threema_probe,
    .state_size = sizeof(struct threema),
    .feed = threema_feed,
};
