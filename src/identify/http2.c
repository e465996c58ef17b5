/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/2 in the clear (RFC 9113): who is asked for what, as in http.c.
 *
 * The client opens with 24 octets that no HTTP/1 server understands, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", then
 * both sides send frames: length24 type8 flags8 stream32, payload. A request is a HEADERS frame and
 * CONTINUATION frames up to the flag END_HEADERS; its payload, without padding and priority, is an HPACK
 * block (hpack.c).
 *
 * Only the client's header blocks are read. All its other frames, and all that the server sends, are passed
 * over by their length: bodies are not looked into, since no IM that speaks clear text ever used HTTP/2.
 *
 * Limits   a header block of more than 8 KiB, or one in more than 8 frames, ends following: the tables are
 *          out of step after it. A flow whose beginning was not seen is not recognised, for the same reason.
 * Sources  RFC 9113 sections 3.4, 4.1, 6.2, 6.10; RFC 7541; RFC 8441 (:protocol, which makes CONNECT an
 *          upgrade)
 */
#include "base/cursor.h"
#include "identify/authority.h"
#include "identify/hpack.h"
#include "identify/parser.h"

enum {
    FRAME_HEAD = 9,
    FRAME_HEADERS = 1,
    FRAME_SETTINGS = 4,
    FRAME_CONTINUATION = 9,
    FLAG_END_HEADERS = 0x04,
    FLAG_PADDED = 0x08,
    FLAG_PRIORITY = 0x20,
    PRIORITY_BYTES = 5,
    BLOCK_BYTES = 8192,
    BLOCK_FRAMES = 8,
    REQUESTS_WITHOUT_HIT = 16, /* as in http.c */
    REQUESTS = 64,
};

static const struct view preface = { (const uint8_t *)"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24 };

struct http2 {
    struct hpack hpack;
    uint32_t skip; /* bytes left of a frame that is passed over */
    uint16_t requests;
    bool begun, hit; /* the preface is read; a service was proved */
    bool over;       /* settled */
};
_Static_assert(sizeof(struct http2) <= PARSER_STATE_BYTES, "fits the state of a parser");

struct frame_head {
    uint32_t len, stream;
    uint8_t type, flags;
};

static struct frame_head frame_read(struct cursor *c)
{
    struct frame_head f = { .len = cursor_u24(c) };

    f.type = cursor_u8(c);
    f.flags = cursor_u8(c);
    f.stream = cursor_u32(c) & 0x7fffffff;
    return f;
}

/* ---- recognising ---- */

static bool http2_starts(uint8_t first, enum flow_dir from)
{
    return from == FROM_CLIENT ? first == 'P' : first == 0; /* the length of SETTINGS is small */
}

/* The server's first frame may come before the client's preface: it is SETTINGS, on stream 0. */
static enum im_answer server_begins(struct view in)
{
    struct cursor c = cursor_open(in);
    struct frame_head f = frame_read(&c);

    if (c.bad)
        return in.len == 0 || in.at[0] == 0 ? IM_MORE : IM_NO;
    bool settings = f.type == FRAME_SETTINGS && f.len % 6 == 0 && f.stream == 0 && f.flags == 0;
    return settings ? IM_MORE : IM_NO;
}

static enum im_answer http2_probe(const struct sample *s, struct finding *out)
{
    struct view client = s->bytes[FROM_CLIENT];

    if (client.len == 0)
        return server_begins(s->bytes[FROM_SERVER]);
    if (!view_starts(preface, view_slice(client, 0, preface.len)))
        return IM_NO;
    if (client.len < preface.len)
        return IM_MORE;
    struct text value = TEXT(out->value);
    text_string(&value, "HTTP/2 connection preface");
    return IM_YES;
}

/* ---- following ---- */

/* One request, while its header block is read. */
struct request {
    char host[256], path[512], agent[512], method[32];
    struct text field[HPACK_AGENT + 1];
    bool has_protocol;
};

static void request_field(void *context, enum hpack_name name, struct view value)
{
    struct request *r = context;

    if (name == HPACK_HOST) /* section 8.3.1: the same as :authority */
        name = HPACK_AUTHORITY;
    if (name == HPACK_PROTOCOL)
        r->has_protocol = true;
    else if (r->field[name].len == 0)
        text_add(&r->field[name], value);
}

static struct view field_of(const struct request *r, enum hpack_name name)
{
    return view_of(r->field[name].at, r->field[name].len);
}

static void settle(struct http2 *h, struct session *s)
{
    h->over = true;
    session_settle(s);
}

static void request_tell(struct http2 *h, struct session *s, const struct request *r)
{
    struct view method = field_of(r, HPACK_METHOD), authority = field_of(r, HPACK_AUTHORITY);
    struct view agent = field_of(r, HPACK_AGENT);
    bool tunnel = view_equal(method, VIEW("CONNECT")) && !r->has_protocol;

    enum evidence_kind kind = tunnel ? EVIDENCE_TUNNEL_TARGET : EVIDENCE_HTTP_HOST;

    if (authority.len > 0)
        h->hit |= session_name(s, kind, authority_host(authority));
    if (tunnel)
        session_hint(s, HINT_PROXY, authority);
    if (session_http(s, method, field_of(r, HPACK_PATH), agent)) {
        h->hit = true;
        authority_client(s, agent);
    }
    h->requests++;
    if (h->requests >= (h->hit ? REQUESTS : REQUESTS_WITHOUT_HIT))
        settle(h, s);
}

static bool request_read(struct http2 *h, struct session *s, struct view block)
{
    struct request r = { .has_protocol = false };

    r.field[HPACK_AUTHORITY] = TEXT(r.host);
    r.field[HPACK_METHOD] = TEXT(r.method);
    r.field[HPACK_PATH] = TEXT(r.path);
    r.field[HPACK_AGENT] = TEXT(r.agent);
    if (!hpack_block(&h->hpack, block, request_field, &r))
        return false;
    if (r.field[HPACK_METHOD].len > 0) /* else trailers */
        request_tell(h, s, &r);
    return true;
}

/* Add the fragment in the payload of a HEADERS frame, between priority and padding (section 6.2). */
static bool headers_add(struct frame_head f, struct view payload, struct text *block)
{
    struct cursor c = cursor_open(payload);
    size_t padding = (f.flags & FLAG_PADDED) != 0 ? cursor_u8(&c) : 0;

    if ((f.flags & FLAG_PRIORITY) != 0)
        cursor_skip(&c, PRIORITY_BYTES);
    if (c.bad || padding > cursor_left(&c))
        return false;
    text_add(block, cursor_take(&c, cursor_left(&c) - padding));
    return true;
}

enum gathered { BLOCK_SHORT, BLOCK_BAD, BLOCK_WHOLE };

/* Read the frames of one header block, from HEADERS to END_HEADERS, into `block`. */
static enum gathered block_gather(struct cursor *c, struct text *block)
{
    uint32_t stream = 0;

    for (unsigned frames = 0; frames < BLOCK_FRAMES; frames++) {
        struct frame_head f = frame_read(c);

        if (c->bad)
            return BLOCK_SHORT;
        if (frames == 0)
            stream = f.stream;
        else if (f.type != FRAME_CONTINUATION || f.stream != stream)
            return BLOCK_BAD;
        if (f.len > BLOCK_BYTES)
            return BLOCK_BAD;
        struct view payload = cursor_take(c, f.len);
        if (c->bad)
            return BLOCK_SHORT;
        if (frames > 0)
            text_add(block, payload);
        else if (!headers_add(f, payload, block))
            return BLOCK_BAD;
        if (block->cut)
            return BLOCK_BAD;
        if ((f.flags & FLAG_END_HEADERS) != 0)
            return BLOCK_WHOLE;
    }
    return BLOCK_BAD;
}

/* One step of the client's side: bytes used, 0 for "more is needed" or the end of following. */
static size_t client_step(struct http2 *h, struct session *s, struct view in)
{
    struct cursor c = cursor_open(in), look = c;

    if (!h->begun) {
        cursor_skip(&c, preface.len);
        if (c.bad)
            return 0;
        h->begun = true;
        hpack_init(&h->hpack);
        return preface.len;
    }
    if (h->skip > 0) {
        uint32_t n = in.len < h->skip ? (uint32_t)in.len : h->skip;
        h->skip -= n;
        return n;
    }
    struct frame_head f = frame_read(&look);
    if (look.bad)
        return 0;
    if (f.type != FRAME_HEADERS) {
        h->skip = f.len;
        return FRAME_HEAD;
    }
    char buffer[BLOCK_BYTES + 1];
    struct text block = TEXT(buffer);
    enum gathered got = block_gather(&c, &block);
    if (got == BLOCK_SHORT)
        return 0;
    if (got == BLOCK_BAD || !request_read(h, s, view_of(block.at, block.len))) {
        session_trace(s, "http2: header block of stream %u cannot be read", f.stream);
        settle(h, s);
        return 0;
    }
    return in.len - cursor_left(&c);
}

static size_t http2_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct http2 *h = state;
    size_t used = 0, n;

    if (from == FROM_SERVER)
        return in.len;
    do {
        n = client_step(h, s, view_from(in, used));
        used += n;
    } while (n > 0 && used < in.len && !h->over);
    return used;
}

/* What the client lost may have been part of the table. */
static bool http2_gap(void *state, struct session *s, enum flow_dir from, uint64_t lost)
{
    (void)s;
    (void)lost;
    (void)state;
    return from == FROM_SERVER;
}

extern const struct parser parser_http2;
const struct parser parser_http2 = {
    .protocol = PROTOCOL_HTTP2,
    .on = PARSER_TCP,
    .starts = http2_starts,
    .probe = http2_probe,
    .state_size = sizeof(struct http2),
    .feed = http2_feed,
    .gap = http2_gap,
};
