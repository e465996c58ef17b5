/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DTLS 1.0, 1.2 and 1.3 (RFC 4347, 6347, 9147), and the form before 1.0 that OpenSSL had and AnyConnect still
 * speaks.
 *
 * Framing: a datagram holds whole records of type8 version16 epoch16 sequence48 length16 content. Types are
 * those of TLS; versions count downwards from fe ff (1.0), fe fd (1.2, and 1.3 on the wire). Epoch 0 is in
 * clear. Handshake content is fragments of messages:
 *
 *     type8 length24 message_seq16 fragment_offset24 fragment_length24 piece
 *
 * each in one record, in any order, repeated when lost. A ClientHello is answered by a HelloVerifyRequest and
 * sent again with a cookie; either tells the same. What follows the ServerHello in DTLS 1.3 is encrypted, and
 * its records have another head (first byte 001xxxxx), which is not read.
 *
 * Calls of browsers carry self-signed certificates without a host name; VPNs and IoT servers real ones.
 *
 * Limits: a message of ASSEMBLY_BYTES, one at a time; DATAGRAMS_MOST datagrams.
 */
#include "identify/dtls.h"
#include "identify/certificate.h"

enum {
    RECORD_CHANGE_CIPHER = 20,
    RECORD_HANDSHAKE = 22,
    RECORD_DATA = 23,

    VERSION_0_9 = 0x0100,
    VERSION_1_0 = 0xfeff,
    VERSION_1_2 = 0xfefd,
    VERSION_1_3 = 0xfefc,

    RECORD_MOST = 16384 + 2048,
    EPOCH_MOST = 255, /* one a rekeying: nobody does it often */
    HELLO_LEAST = 2 + 32 + 1,
    HELLO_VERIFY_LEAST = 2 + 1,
    DATAGRAMS_MOST = 48,
};

struct record {
    uint8_t type;
    uint16_t version, epoch;
    uint64_t sequence;
    struct view content;
};

struct fragment {
    uint8_t type;
    uint32_t len, offset; /* of the message; of the piece in it */
    uint16_t seq;
    struct view piece;
};

/* The next record. False: not one, or cut. */
static bool read_record(struct cursor *c, struct record *out)
{
    out->type = cursor_u8(c);
    out->version = cursor_u16(c);
    out->epoch = cursor_u16(c);
    out->sequence = (uint64_t)cursor_u16(c) << 32;
    out->sequence |= cursor_u32(c);
    out->content = cursor_take(c, cursor_u16(c));
    return !c->bad && out->type >= RECORD_CHANGE_CIPHER && out->type <= RECORD_DATA && out->content.len > 0 &&
           out->content.len <= RECORD_MOST &&
           (out->version == VERSION_1_0 || out->version == VERSION_1_2 || out->version == VERSION_0_9);
}

static bool read_fragment(struct cursor *c, struct fragment *out)
{
    out->type = cursor_u8(c);
    out->len = cursor_u24(c);
    out->seq = cursor_u16(c);
    out->offset = cursor_u24(c);
    out->piece = cursor_take(c, cursor_u24(c));
    return !c->bad && out->offset <= out->len && out->piece.len <= out->len - out->offset;
}

/* Handshake in clear whose first fragment is sound. */
static bool sound_handshake(const struct record *r)
{
    struct cursor c = cursor_open(r->content);
    struct fragment f;

    if (r->epoch != 0 || r->sequence > UINT16_MAX || !read_fragment(&c, &f) || f.len > UINT16_MAX)
        return false;
    if (f.type == HELLO_CLIENT || f.type == HELLO_SERVER)
        return f.len >= HELLO_LEAST;
    if (f.type == HELLO_VERIFY)
        return f.len >= HELLO_VERIFY_LEAST;
    return r->version != VERSION_0_9 && f.type >= HELLO_CERTIFICATE && f.type <= HELLO_FINISHED;
}

bool dtls_recognise(struct view datagram)
{
    struct cursor c = cursor_open(datagram);
    struct record r;

    if (!read_record(&c, &r))
        return false;
    if (r.type == RECORD_HANDSHAKE && r.epoch == 0)
        return sound_handshake(&r);
    /* encrypted: the records have to fill the datagram */
    while (r.version != VERSION_0_9 && r.epoch >= 1 && r.epoch <= EPOCH_MOST && r.sequence <= UINT32_MAX) {
        if (cursor_done(&c))
            return true;
        if (!read_record(&c, &r))
            return false;
    }
    return false;
}

/* ---- following ---- */

static void on_client_hello(struct dtls_state *d, struct session *s, struct view body)
{
    struct client_hello h;

    if (d->hello || !client_hello_read(body, HELLO_DTLS, &h))
        return;
    d->hello = true;
    struct text asked = TEXT(d->asked);
    text_add(&asked, h.name);
    d->asked_len = (uint8_t)asked.len;
    d->done = client_hello_tell(&h, s, EVIDENCE_SNI);
}

static void on_server_hello(struct dtls_state *d, struct session *s, struct view body)
{
    struct server_hello h;

    if (d->server || !server_hello_read(body, &h))
        return;
    d->server = true;
    session_version(s, view_string(hello_version_name(h.version)));
    if (!d->hello)
        hello_tell_protocols(s, h.protocols);
    d->done = h.version == VERSION_1_3;
}

/* The certificate at the front of the list, as soon as it is there whole. */
static void on_certificate(struct dtls_state *d, struct session *s, struct view body)
{
    struct cursor c = cursor_open(body);

    cursor_skip(&c, 3);
    struct cursor own = cursor_block24(&c);
    if (own.bad)
        return;
    (void)certificate_tell(cursor_peek(&own), view_of(d->asked, d->asked_len), s);
    d->done = true;
}

/* A message of which the front is there, all of it where `whole`. */
static void on_message(struct dtls_state *d, struct session *s, uint8_t type, struct view front, bool whole)
{
    if (type == HELLO_CLIENT && whole)
        on_client_hello(d, s, front);
    else if (type == HELLO_SERVER && whole)
        on_server_hello(d, s, front);
    else if (type == HELLO_CERTIFICATE)
        on_certificate(d, s, front);
}

static void on_fragment(struct dtls_state *d, struct session *s, enum flow_dir from, const struct fragment *f)
{
    bool wanted = (f->type == HELLO_CLIENT && !d->hello) || (f->type == HELLO_SERVER && !d->server) ||
                  (f->type == HELLO_CERTIFICATE && d->server);

    if (f->type == HELLO_SERVER_DONE)
        d->done = true;
    if (!wanted)
        return;
    if (f->piece.len == f->len) {
        on_message(d, s, f->type, f->piece, true);
        return;
    }
    bool same = d->from == 1 + (unsigned)from && d->type == f->type && d->seq == f->seq && d->len == f->len;
    if (!same) {
        assembly_clear(&d->message);
        d->from = (uint8_t)(1 + (unsigned)from);
        d->type = f->type;
        d->seq = f->seq;
        d->len = f->len;
    }
    (void)assembly_add(&d->message, f->offset, f->piece);
    on_message(d, s, d->type, assembly_front(&d->message), d->message.front == d->len);
}

bool dtls_read(struct dtls_state *d, struct session *s, enum flow_dir from, struct view datagram)
{
    struct cursor c = cursor_open(datagram);
    struct record r;

    while (!d->done && cursor_left(&c) > 0 && read_record(&c, &r)) {
        struct cursor in = cursor_open(r.content);
        struct fragment f;
        if (r.epoch > 0)
            d->done = true; /* nothing in clear follows */
        while (r.epoch == 0 && r.type == RECORD_HANDSHAKE && !d->done && cursor_left(&in) > 0 &&
               read_fragment(&in, &f))
            on_fragment(d, s, from, &f);
    }
    if (++d->datagrams >= DATAGRAMS_MOST)
        d->done = true;
    return d->done;
}

static enum im_answer dtls_probe(const struct sample *s, struct finding *out)
{
    struct text value = TEXT(out->value);

    if (!dtls_recognise(s->datagram))
        return IM_NO;
    text_string(&value, "DTLS record");
    return IM_YES;
}

static bool dtls_starts(uint8_t first, enum flow_dir from)
{
    (void)from;
    return first >= RECORD_CHANGE_CIPHER && first <= RECORD_DATA;
}

static size_t dtls_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    if (dtls_read(state, s, from, in))
        session_settle(s);
    return in.len;
}

extern const struct parser parser_dtls;
const struct parser parser_dtls = {
    .protocol = PROTOCOL_DTLS,
    .on = PARSER_UDP,
    .starts = dtls_starts,
    .probe = dtls_probe,
    .state_size = sizeof(struct dtls_state),
    .feed = dtls_feed,
};
