/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WebSocket (RFC 6455): take the payload out of its frames and hand it on as a stream of its own.
 *
 * A frame is FIN, RSV1 to RSV3 and opcode in one octet; MASK and a length of 7 bits in the next (126: 16 bits
 * follow, 127: 64 bits); a masking key of 4 octets where MASK is set, which it is for all that a client
 * sends; the payload. Opcodes 0 to 2 are data (continuation, text, binary), 8 to 10 control (close, ping,
 * pong).
 *
 * The inner stream is the payload of all data frames of a direction, one after the other: MTProto, WhatsApp's
 * Noise and MQTT treat WebSocket as a stream, and XMPP (RFC 7395) can be read as one.
 *
 * No flow begins as WebSocket: two octets of header would match anything. The HTTP parser has seen the
 * handshake (101 and Upgrade) and puts this parser in charge, so `starts` and `probe` refuse all.
 *
 * Limits   a compressed message (RSV1: permessage-deflate, RFC 7692) ends following: without its bytes the
 *          inner stream has a hole. So does a frame that breaks the rules, and lost bytes.
 */
#include "base/cursor.h"
#include "identify/parser.h"

enum {
    RSV1 = 0x40,
    RSV2_RSV3 = 0x30,
    FIN = 0x80,
    OPCODE = 0x0f,
    OPCODE_DATA_LAST = 2,
    OPCODE_CLOSE = 8,
    OPCODE_CONTROL_LAST = 10,
    MASK = 0x80,
    LENGTH = 0x7f,
    LENGTH_16 = 126,
    LENGTH_64 = 127,
    CONTROL_MAX = 125,
    PIECE_BYTES = 1024,
};

struct websocket {
    struct {
        uint64_t left; /* payload bytes of the frame that are still to come */
        uint8_t key[4];
        uint8_t phase; /* which octet of the key is next */
        bool masked, data;
    } half[2];
    bool over;
};

/* Hand on `in`, of a data frame, without its mask. */
static void payload(struct websocket *w, struct session *s, enum flow_dir from, struct view in)
{
    if (!w->half[from].masked) {
        session_inner(s, from, in);
        return;
    }
    struct cursor c = cursor_open(in);
    uint8_t clear[PIECE_BYTES];
    while (cursor_left(&c) > 0) {
        size_t n = 0;
        while (n < sizeof clear && cursor_left(&c) > 0) {
            clear[n++] = cursor_u8(&c) ^ w->half[from].key[w->half[from].phase];
            w->half[from].phase = (w->half[from].phase + 1) & 3;
        }
        session_inner(s, from, view_of(clear, n));
    }
}

/* Do the rules allow this frame (sections 5.2 and 5.5)? */
static bool frame_fits(uint8_t first, uint64_t len)
{
    uint8_t opcode = first & OPCODE;

    if ((first & RSV2_RSV3) != 0 || len >> 63 != 0)
        return false;
    if (opcode >= OPCODE_CLOSE)
        return opcode <= OPCODE_CONTROL_LAST && len <= CONTROL_MAX && (first & FIN) != 0;
    return opcode <= OPCODE_DATA_LAST;
}

static void stop(struct websocket *w, struct session *s, const char *why)
{
    session_trace(s, "websocket: %s", why);
    session_settle(s);
    w->over = true;
}

/* Read a frame's header. Returns its size, 0: more is needed, or following is over. */
static size_t frame_begin(struct websocket *w, struct session *s, enum flow_dir from, struct view in)
{
    struct cursor c = cursor_open(in);
    uint8_t first = cursor_u8(&c), second = cursor_u8(&c);
    uint64_t len = second & LENGTH;

    if (len == LENGTH_16)
        len = cursor_u16(&c);
    else if (len == LENGTH_64)
        len = cursor_u64(&c);
    bool masked = (second & MASK) != 0;
    struct cursor key = masked ? cursor_sub(&c, sizeof w->half[from].key) : cursor_open(view_of(NULL, 0));
    if (c.bad)
        return 0;
    if (!frame_fits(first, len)) {
        stop(w, s, "not a frame");
        return 0;
    }
    if ((first & RSV1) != 0) {
        stop(w, s, "compressed message");
        return 0;
    }
    w->half[from].left = len;
    w->half[from].masked = masked;
    w->half[from].data = (first & OPCODE) < OPCODE_CLOSE;
    w->half[from].phase = 0;
    for (unsigned i = 0; i < sizeof w->half[from].key; i++)
        w->half[from].key[i] = cursor_u8(&key);
    return in.len - cursor_left(&c);
}

static size_t websocket_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct websocket *w = state;
    size_t used = 0;

    while (used < in.len && !w->over) {
        if (w->half[from].left == 0) {
            size_t n = frame_begin(w, s, from, view_from(in, used));
            if (n == 0)
                break;
            used += n;
            continue;
        }
        struct view piece = view_from(in, used);
        if (piece.len > w->half[from].left)
            piece = view_slice(piece, 0, (size_t)w->half[from].left);
        if (w->half[from].data)
            payload(w, s, from, piece);
        w->half[from].left -= piece.len;
        used += piece.len;
    }
    return used;
}

extern const struct parser parser_websocket;
const struct parser parser_websocket = {
    .protocol = PROTOCOL_WEBSOCKET,
    .on = PARSER_TCP,
    .starts = parser_starts_never,
    .probe = parser_probes_never,
    .state_size = sizeof(struct websocket),
    .feed = websocket_feed,
};
