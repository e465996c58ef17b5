/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS 1.0 to 1.3 and SSL 3.0 on TCP: who is visited, with which program.
 *
 * Framing (RFC 8446 section 5.1, RFC 5246 section 6.2.1): records of type8 version16 length16 content; type
 * 20 change_cipher_spec, 21 alert, 22 handshake, 23 application_data. The handshake records of one direction,
 * laid end to end, are a stream of messages type8 length24 body. A message may be spread over records and a
 * record may hold many, so a ClientHello with post-quantum shares, or one that a circumvention tool has cut
 * into pieces, is the same here.
 *
 *     client                     server
 *     ClientHello          ->                          name, ALPN, fingerprint
 *                          <-    ServerHello           version; TLS 1.3 is dark from here on
 *                          <-    Certificate …         names, up to TLS 1.2
 *                          <-    ServerHelloDone
 *     ClientKeyExchange, change_cipher_spec …
 *
 * Both directions are read by the same rules and either may be missing from a capture. A message stays in the
 * stream until what is wanted of it has come whole; then it is read in place, or out of a buffer on the stack
 * where records cut it.
 *
 * Settled: when the name asked for is in the catalog; else after the ServerHello of TLS 1.3, after the
 * certificate, or at the first encrypted record of the server. A certificate is asked only when the client
 * named nobody, or another than the certificate is for.
 *
 * A first message in the format of SSL 2.0 (RFC 5246 appendix E.2): length16 with its highest bit set, then
 * type8 = 1, version16, three lengths16, cipher suites of three octets, session, challenge.
 *
 * A capture that begins inside a connection shows application data only: two records that follow each other,
 * by version and length, are enough to call it TLS (some 44 bits).
 *
 * Limits: a wanted message of MESSAGE_MOST octets, over RECORDS_MOST records.
 */
#include "identify/certificate.h"
#include "identify/hello.h"

enum {
    RECORD_CHANGE_CIPHER = 20,
    RECORD_ALERT = 21,
    RECORD_HANDSHAKE = 22,
    RECORD_DATA = 23,

    RECORD_HEAD = 5,
    RECORD_MOST = 16384 + 2048, /* RFC 5246 section 6.2.3; TLS 1.3 allows 256 more than 16384 */
    MESSAGE_HEAD = 4,
    MESSAGE_MOST = 12288,
    RECORDS_MOST = 64,

    HELLO_LEAST = 2 + 32 + 1, /* version, random, session: either hello has these and more */
    OLD_HEAD = 2,             /* SSL 2.0 record */
    OLD_HELLO_HEAD = 9,       /* type, version, three lengths */
    DARK_MOST = 16384, /* bytes of a client behind its ClientKeyExchange, while the server is waited for */
};

struct side {
    uint32_t record_left; /* of the handshake record in progress */
    uint32_t skip;        /* of the message in progress, not wanted */
    uint32_t ignore;      /* of a record that is not handshake */
    bool begun;
    bool server; /* has sent a ServerHello */
    bool dark;   /* encrypted from here on */
};

struct tls_state {
    struct side side[2];
    uint32_t dark_bytes;
    bool hello; /* ClientHello told */
    bool settled;
    uint8_t asked_len; /* the name that the client asked for */
    char asked[HELLO_NAME_BYTES + 1];
};

/* ---- recognising ---- */

struct record {
    uint8_t type;
    uint16_t version;
    uint16_t len;
};

/* The head of a record; IM_NO as soon as one of its bytes, of however few are there, cannot be. */
static enum im_answer read_record(struct cursor *c, struct record *out)
{
    struct view v = cursor_peek(c);

    if ((v.len > 0 && (v.at[0] < RECORD_CHANGE_CIPHER || v.at[0] > RECORD_DATA)) ||
        (v.len > 1 && v.at[1] != 3) || (v.len > 2 && v.at[2] > 4))
        return IM_NO;
    if (v.len < RECORD_HEAD)
        return IM_MORE;
    out->type = cursor_u8(c);
    out->version = cursor_u16(c);
    out->len = cursor_u16(c);
    return out->len <= RECORD_MOST ? IM_YES : IM_NO;
}

/* Does a stream of handshake bytes begin with a message of this type, a hello? */
static enum im_answer hello_begins(struct view message, uint8_t type)
{
    struct cursor c = cursor_open(message);

    if (message.len > 0 && cursor_u8(&c) != type)
        return IM_NO;
    uint32_t len = cursor_u24(&c);
    uint16_t version = cursor_u16(&c);
    if (c.bad)
        return message.len > 1 && message.at[1] != 0 ? IM_NO : IM_MORE;
    return len >= HELLO_LEAST && len <= UINT16_MAX && version >= 0x0300 && version <= 0x0304 ? IM_YES : IM_NO;
}

/* The first octets of the first message, from as many records as they are spread over. */
static enum im_answer probe_records(struct view in, uint8_t type)
{
    struct cursor c = cursor_open(in);
    char head[MESSAGE_HEAD + 2 + 1];
    struct text begin = TEXT(head);

    for (unsigned i = 0; i < sizeof head; i++) {
        struct record r = { 0 };
        enum im_answer answer = read_record(&c, &r);
        if (answer != IM_YES)
            return answer;
        if (r.type == RECORD_ALERT && r.len == 2 && begin.len == 0 && type == HELLO_SERVER) {
            cursor_skip(&c, r.len); /* "unrecognized name" and the like are said before the ServerHello */
            continue;
        }
        if (r.type != RECORD_HANDSHAKE || r.len == 0)
            return IM_NO;
        struct view content = view_slice(cursor_peek(&c), 0, r.len);
        text_add(&begin, content);
        answer = hello_begins(view_of(head, begin.len), type);
        if (answer != IM_MORE || content.len < r.len)
            return answer;
        cursor_skip(&c, r.len);
    }
    return IM_NO;
}

/* A hello in the format of SSL 2.0. */
static enum im_answer probe_old(struct view in)
{
    struct cursor c = cursor_open(in);

    if (in.at[0] != 0x80 || (in.len > 2 && in.at[2] != HELLO_CLIENT) ||
        (in.len > 3 && in.at[3] != 3 && in.at[3] != 0))
        return IM_NO;
    if (in.len < OLD_HEAD + OLD_HELLO_HEAD)
        return IM_MORE;
    uint16_t len = cursor_u16(&c) & 0x7fff;
    (void)cursor_u8(&c);
    uint16_t version = cursor_u16(&c);
    uint16_t ciphers = cursor_u16(&c), session = cursor_u16(&c), challenge = cursor_u16(&c);
    bool sound = (version == 0x0002 || (version >= 0x0300 && version <= 0x0303)) && ciphers > 0 &&
                 ciphers % 3 == 0 && (session == 0 || session == 16) && challenge >= 16 && challenge <= 32 &&
                 OLD_HELLO_HEAD + ciphers + session + challenge == len;
    return sound ? IM_YES : IM_NO;
}

static enum im_answer probe_hello(struct view in, uint8_t type)
{
    if (in.len == 0)
        return IM_MORE;
    if (type == HELLO_CLIENT && (in.at[0] & 0x80) != 0)
        return probe_old(in);
    return probe_records(in, type);
}

/* Count records that follow each other from the beginning of `in` on, all of one version. False: something
 * else. */
static bool count_records(struct view in, uint16_t *version, unsigned *count)
{
    struct cursor c = cursor_open(in);
    unsigned n = 0;

    for (;;) {
        struct record r = { 0 };
        enum im_answer answer = read_record(&c, &r);
        if (answer == IM_MORE)
            break;
        if (answer == IM_NO || r.len == 0 || (*version != 0 && r.version != *version))
            return false;
        *version = r.version;
        n++;
        cursor_skip(&c, r.len);
    }
    *count += n;
    return true;
}

/* A conversation whose beginning was not seen. It may still begin with a hello, and who is the client is a
 * guess. */
static enum im_answer probe_midstream(const struct sample *s, struct finding *out)
{
    uint16_t version = 0;
    unsigned records = 0;
    bool could = false;

    for (unsigned d = 0; d < 2; d++) {
        struct view in = s->bytes[d];
        bool client = probe_hello(in, HELLO_CLIENT) == IM_YES;
        if (client || probe_hello(in, HELLO_SERVER) == IM_YES) {
            out->reversed = client == (d == FROM_SERVER);
            return IM_YES;
        }
        if (in.len > 0 && count_records(in, &version, &records))
            could = true;
    }
    return records >= 2 ? IM_YES : could ? IM_MORE : IM_NO;
}

static enum im_answer tls_probe(const struct sample *s, struct finding *out)
{
    enum im_answer answer[2];
    struct text value = TEXT(out->value);

    if (s->midstream) {
        text_string(&value, "TLS records");
        return probe_midstream(s, out);
    }
    answer[FROM_CLIENT] = probe_hello(s->bytes[FROM_CLIENT], HELLO_CLIENT);
    answer[FROM_SERVER] = probe_hello(s->bytes[FROM_SERVER], HELLO_SERVER);
    if (answer[FROM_CLIENT] == IM_YES || answer[FROM_SERVER] == IM_YES) {
        text_string(&value, answer[FROM_CLIENT] == IM_YES ? "TLS ClientHello" : "TLS ServerHello");
        return IM_YES;
    }
    return answer[FROM_CLIENT] == IM_NO || answer[FROM_SERVER] == IM_NO ? IM_NO : IM_MORE;
}

static bool tls_starts(uint8_t first, enum flow_dir from)
{
    return first == RECORD_HANDSHAKE || (from == FROM_CLIENT ? first == 0x80 : first == RECORD_ALERT);
}

/* ---- following ---- */

/*
 * Walk over `n` octets of handshake stream that begin inside a record with `left` octets to come; add them to
 * `out` unless that is NULL. IM_MORE: not all there. IM_NO: something else stands between.
 */
static enum im_answer walk(struct view in, size_t left, size_t n, struct text *out)
{
    struct cursor c = cursor_open(in);

    for (unsigned records = 0; records < RECORDS_MOST; records++) {
        size_t here = n < left ? n : left;
        if (cursor_left(&c) < here)
            return IM_MORE;
        struct view part = cursor_take(&c, here);
        if (out != NULL)
            text_add(out, part);
        n -= here;
        if (n == 0)
            return IM_YES;
        struct record r = { 0 };
        enum im_answer answer = read_record(&c, &r);
        if (answer != IM_YES)
            return answer;
        if (r.type != RECORD_HANDSHAKE)
            return IM_NO;
        left = r.len;
    }
    return IM_NO;
}

struct scratch {
    char bytes[MESSAGE_MOST + 1];
};

/* The next `n` octets of handshake stream in one piece: in place, or in `scratch` where records cut them. */
static enum im_answer gather(const struct side *side, struct view in, size_t n, struct scratch *scratch,
                             struct view *out)
{
    if (n > MESSAGE_MOST)
        return IM_NO;
    enum im_answer answer = walk(in, side->record_left, n, NULL);
    if (answer != IM_YES)
        return answer;
    if (n <= side->record_left) {
        *out = view_slice(in, 0, n);
        return IM_YES;
    }
    struct text whole = TEXT(scratch->bytes);
    (void)walk(in, side->record_left, n, &whole);
    *out = view_of(scratch->bytes, n);
    return IM_YES;
}

static void settle(struct tls_state *t, struct session *s)
{
    t->settled = true;
    session_settle(s);
}

static void tell_client_hello(struct tls_state *t, struct session *s, const struct client_hello *h)
{
    if (t->hello)
        return; /* the second one, after a HelloRetryRequest */
    t->hello = true;
    struct text asked = TEXT(t->asked);
    text_add(&asked, h->name);
    t->asked_len = (uint8_t)asked.len;
    if (client_hello_tell(h, s, EVIDENCE_SNI))
        settle(t, s);
}

static void on_client_hello(struct tls_state *t, struct session *s, struct side *side, struct view body)
{
    struct client_hello h;

    (void)side;
    if (client_hello_read(body, HELLO_TLS, &h))
        tell_client_hello(t, s, &h);
    else
        settle(t, s);
}

static void on_server_hello(struct tls_state *t, struct session *s, struct side *side, struct view body)
{
    struct server_hello h;

    side->server = true;
    if (!server_hello_read(body, &h)) {
        settle(t, s);
        return;
    }
    session_version(s, view_string(hello_version_name(h.version)));
    if (!t->hello)
        hello_tell_protocols(s, h.protocols);
    if (h.version == 0x0304)
        settle(t, s);
}

/* `body` ends with the first certificate of the chain, the server's own. */
static void on_certificate(struct tls_state *t, struct session *s, struct side *side, struct view body)
{
    struct cursor c = cursor_open(body);

    if (!side->server)
        return; /* the client's own */
    cursor_skip(&c, 3);
    struct cursor own = cursor_block24(&c);
    (void)certificate_tell(cursor_peek(&own), view_of(t->asked, t->asked_len), s);
    settle(t, s);
}

static void on_server_done(struct tls_state *t, struct session *s, struct side *side, struct view body)
{
    (void)side;
    (void)body;
    settle(t, s);
}

static void on_client_key(struct tls_state *t, struct session *s, struct side *side, struct view body)
{
    (void)t;
    (void)s;
    (void)body;
    side->dark = true;
}

static const struct {
    uint8_t type;
    bool whole; /* the body is wanted; of a certificate, the first of the chain */
    void (*on)(struct tls_state *t, struct session *s, struct side *side, struct view body);
} messages[] = {
    { HELLO_CLIENT, true, on_client_hello },     { HELLO_SERVER, true, on_server_hello },
    { HELLO_CERTIFICATE, true, on_certificate }, { HELLO_SERVER_DONE, false, on_server_done },
    { HELLO_CLIENT_KEY, false, on_client_key },
};

/* Read the message that begins at `in`. IM_YES: read, its octets are to be skipped. */
static enum im_answer read_message(struct tls_state *t, struct session *s, struct side *side, struct view in)
{
    struct scratch scratch;
    struct view v = in;
    enum im_answer answer = gather(side, in, MESSAGE_HEAD, &scratch, &v);

    if (answer != IM_YES)
        return answer;
    struct cursor c = cursor_open(v);
    uint8_t type = cursor_u8(&c);
    size_t len = cursor_u24(&c);
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        if (messages[i].type != type)
            continue;
        size_t wanted = messages[i].whole ? len : 0;
        if (type == HELLO_CERTIFICATE && len >= 6) {
            answer = gather(side, in, MESSAGE_HEAD + 6, &scratch, &v);
            if (answer != IM_YES)
                return answer;
            c = cursor_open(view_from(v, MESSAGE_HEAD + 3));
            size_t first = 6 + (size_t)cursor_u24(&c);
            wanted = first < len ? first : len;
        }
        answer = gather(side, in, MESSAGE_HEAD + wanted, &scratch, &v);
        if (answer != IM_YES)
            return answer;
        messages[i].on(t, s, side, view_from(v, MESSAGE_HEAD));
        break;
    }
    side->skip = (uint32_t)(MESSAGE_HEAD + len);
    return IM_YES;
}

/* A whole hello in the format of SSL 2.0. Returns the octets used. */
static size_t read_old(struct tls_state *t, struct session *s, struct view in)
{
    struct cursor c = cursor_open(in);
    struct client_hello h;

    struct view body = cursor_take(&c, cursor_u16(&c) & 0x7fff);
    if (c.bad)
        return 0;
    if (client_hello_read_v2(body, &h))
        tell_client_hello(t, s, &h);
    else
        settle(t, s);
    return OLD_HEAD + body.len;
}

/* Begin the record at the front of `in`. Returns the octets used, 0: not all there. */
static size_t read_head(struct tls_state *t, struct session *s, struct side *side, struct view in)
{
    struct cursor c = cursor_open(in);
    struct record r = { 0 };

    if (!side->begun && (in.at[0] & 0x80) != 0)
        return read_old(t, s, in);
    enum im_answer answer = read_record(&c, &r);
    if (answer == IM_MORE)
        return 0;
    if (answer == IM_NO) {
        settle(t, s);
        return 0;
    }
    if (r.type == RECORD_HANDSHAKE)
        side->record_left = r.len;
    else
        side->ignore = r.len;
    side->dark = side->dark || r.type == RECORD_CHANGE_CIPHER;
    if (r.type == RECORD_DATA || (side->dark && side->server))
        settle(t, s);
    return RECORD_HEAD;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* One step along one direction. Returns the octets used, 0: more is needed, or all is known. */
static size_t step(struct tls_state *t, struct session *s, struct side *side, struct view in)
{
    size_t n;

    if (side->ignore > 0) {
        n = least(side->ignore, in.len);
        side->ignore -= (uint32_t)n;
        return n;
    }
    if (side->record_left == 0) {
        n = read_head(t, s, side, in);
        side->begun = side->begun || n > 0;
        return n;
    }
    if (side->skip == 0) {
        enum im_answer answer = read_message(t, s, side, in);
        if (answer == IM_NO)
            settle(t, s);
        if (answer != IM_YES)
            return 0;
    }
    n = least(least(side->skip, side->record_left), in.len);
    side->skip -= (uint32_t)n;
    side->record_left -= (uint32_t)n;
    return n;
}

static size_t tls_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct tls_state *t = state;
    struct side *side = &t->side[from];
    size_t used = 0;

    while (used < in.len && !side->dark && !t->settled) {
        size_t n = step(t, s, side, view_from(in, used));
        if (n == 0)
            return used;
        used += n;
    }
    if (side->dark && !t->settled) {
        t->dark_bytes += (uint32_t)(in.len - used);
        if (t->dark_bytes > DARK_MOST)
            settle(t, s);
    }
    return in.len;
}

extern const struct parser parser_tls;
const struct parser parser_tls = {
    .protocol = PROTOCOL_TLS,
    .on = PARSER_TCP,
    .starts = tls_starts,
    .probe = tls_probe,
    .state_size = sizeof(struct tls_state),
    .feed = tls_feed,
};
