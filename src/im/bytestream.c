/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SOCKS5 bytestreams of XMPP (XEP-0065, XEP-0260): a connection to the other user or to a proxy, which begins
 * with SOCKS 5 and carries one file behind it, nothing else.
 *
 * A leg that was announced by its address is this parser's from the first byte; that is SOCKS, so it is given
 * back to be recognised. Behind the CONNECT it comes here again (socks.c), and what was asked for, 40
 * hexadecimal digits, is the token of the announcement that signalling left (xmpp_file.c).
 *
 * The file is what the side sends that speaks first: the bytestream goes both ways, a file does not. So it is
 * with either side listening, and on both legs of a proxy. The end of the file is its announced size; one
 * whose size was not announced has no end that could be told from a broken connection. Lost bytes keep the
 * file's place.
 */
#include "identify/parser.h"

struct bytestream {
    bool begun, ended;
    uint8_t from; /* enum flow_dir of who sends the file */
    uint32_t file;
    uint64_t place, size;
};

/* Is it the name of a bytestream that was asked for on this flow? */
static bool is_hash(struct view name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = ascii_lower(name.at[i]);
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return name.len == 40;
}

/* False: nobody wants the file. */
static bool begin(struct bytestream *b, struct session *s, enum flow_dir from)
{
    struct announced_file a;
    struct im_file f = { .outgoing = from == FROM_CLIENT };

    b->begun = true;
    b->from = (uint8_t)from;
    if (!session_wants_files(s))
        return false;
    if (session_announced(s, session_server_name(s), &a)) {
        f = announced_view(&a);
        b->place = a.offset;
        b->size = a.size;
    }
    b->file = session_file_begin(s, &f);
    return b->file != 0;
}

static size_t bytestream_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct bytestream *b = state;

    if (!b->begun && !is_hash(session_server_name(s))) {
        session_upgrade(s, PROTOCOL_UNKNOWN); /* SOCKS is still to come */
        return 0;
    }
    if (!b->begun && !begin(b, s, from)) {
        session_settle(s);
        return in.len;
    }
    if (b->from != (uint8_t)from)
        return in.len;
    uint64_t left = b->size == 0 ? UINT64_MAX : b->size > b->place ? b->size - b->place : 0;
    struct view piece = view_slice(in, 0, left < in.len ? (size_t)left : in.len);
    session_file_bytes(s, b->file, b->place, piece);
    b->place += piece.len;
    if (b->size > 0 && b->place >= b->size && !b->ended) {
        session_file_end(s, b->file, true);
        b->ended = true;
    }
    if (piece.len < in.len) {
        session_anomaly(s, ANOMALY_OVERLONG, VIEW("bytestream"));
        session_settle(s);
    }
    return in.len;
}

static bool bytestream_gap(void *state, struct session *s, enum flow_dir from, uint64_t lost)
{
    struct bytestream *b = state;

    if (!b->begun && (!is_hash(session_server_name(s)) || !begin(b, s, from)))
        return false;
    if (b->from == (uint8_t)from)
        b->place += lost;
    return true;
}

extern const struct parser parser_bytestream;

const struct parser parser_bytestream = {
    .protocol = PROTOCOL_XMPP_BYTESTREAM,
    .service = "xmpp",
    .on = PARSER_TCP,
    .starts = parser_starts_never,
    .probe = parser_probes_never,
    .state_size = sizeof(struct bytestream),
    .feed = bytestream_feed,
    .gap = bytestream_gap,
};
