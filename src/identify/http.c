/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1 (RFC 9110, RFC 9112): who is asked for what, by which program; and what hides behind it: a tunnel
 * (CONNECT), another protocol (Upgrade), or IM packets as bodies.
 *
 * Framing. Each direction is a sequence of messages: a start line (request "METHOD target HTTP/1.1" or status
 * "HTTP/1.1 200 OK"), header lines, an empty line, a body. How a body ends (RFC 9112 section 6.3): none for
 * 1xx, 204, 304 and answers to HEAD; chunks with Transfer-Encoding: chunked; Content-Length octets; else, in
 * answers, the end of the connection. `struct half` is one direction and its place in that grammar; lines are
 * used up one by one, so a message may be of any length. What requests mean for their answers (HEAD, CONNECT,
 * a carried body) waits in `answers`, oldest first.
 *
 * Parts. Which half asks is learnt from the first start line, not from who opened the connection, so a flow
 * whose beginning was not seen is followed too. After a loss, or a line that makes no sense, a half is
 * searched for the next start line of its part (RESYNC), also inside a line, since a body need not end with
 * one.
 *
 * Tunnels. After CONNECT, or a request with Upgrade, the client must wait, and so do we: bytes behind it are
 * left until the answer. 2xx or 101 changes over; any other answer, and HTTP goes on. Where the answer is not
 * in the capture, bytes that are no request say that the server agreed.
 *
 * Bodies. A POST body may be IM in disguise. By its media type it is passed inside, the first 64 KiB of it:
 *
 *     connection   application/x-msn-messenger (MSN gateway), text/xml and application/xml (BOSH, XEP-0124):
 *                  packets go on over all messages of the connection, which are one inner stream
 *     exchange     application/octet-stream (mmtls), application/x-www-form-urlencoded (Telegram's clients
 * say so of MTProto), none: a request and its answer are one inner stream; the next such request begins
 * another packets      text/plain (YMSG): the same, where the body begins as YMSG does. Other text that
 * people send is no protocol, even where it quotes one
 *
 * The answer is passed with its request, and an answer of the MSN gateway always (it is also polled with an
 * empty request). Compressed bodies are not passed.
 *
 * Files. A URL that another flow announced ("http HOST/PATH", the host in lower case and without its port) is
 * a file: what is put there, and what is fetched from there.
 *
 * Limits. A line over 8 KiB is a cookie, a token or an attack, never a host or a length: it is skipped. After
 * 100 header lines the rest of the header is not read, nor is the body's length believed. Inspection ends
 * after 16 messages that prove nothing, after 64 in all, and after 1024 where a connection carries packets. A
 * half that finds no start line in 1 MiB ends it too.
 *
 * Not HTTP/1, though it looks so: RTSP, SIP and ICY have their own version word; HTTP/0.9 has none.
 */
#include "identify/authority.h"
#include "identify/parser.h"

enum {
    LINE_BYTES = 8192,
    HEADER_LINES = 100,
    ANSWERS = 16,          /* requests sent ahead of their answers; RFC 9112 section 9.3.2 */
    CARRIED_BYTES = 65536, /* of one body */
    PACKET_FIRST = 'Y',    /* YMSG, YPNS, YHOO */
    MESSAGES_WITHOUT_HIT = 16,
    MESSAGES = 64,
    MESSAGES_CARRYING = 1024,
    RESYNC_BYTES = 1 << 20,
};

/* Places in the grammar of a half, each with the function that reads it. */
#define PLACES(X)                                                                                            \
    X(START, start)           /* before a start line */                                                      \
    X(HEADER, header)         /* header lines */                                                             \
    X(BODY, body)             /* Content-Length octets */                                                    \
    X(CHUNK_SIZE, chunk_size) /* "1a;extension" */                                                           \
    X(CHUNK, chunk)           /* octets of a chunk */                                                        \
    X(CHUNK_END, chunk_end)   /* the line end behind them */                                                 \
    X(TRAILER, trailer)       /* lines after the last chunk */                                               \
    X(TO_END, to_end)         /* a body that only the connection's end will end */                           \
    X(WAIT, wait)             /* behind CONNECT or Upgrade: whose bytes these are depends on the answer */   \
    X(RESYNC, resync)         /* lost: search for a start line */

enum place {
#define X(id, name) id,
    PLACES(X)
#undef X
};

enum part { PART_UNKNOWN, PART_ASKS, PART_ANSWERS };

/* How packets ride in bodies. */
enum carriage { CARRY_NOT, CARRY_EXCHANGE, CARRY_CONNECTION, CARRY_PACKETS };

/* What a header says, as far as it is needed after it. */
struct message {
    uint16_t status; /* of an answer */
    uint16_t lines;
    uint64_t length;
    bool has_length, chunked; /* "chunked" is the last transfer coding */
    bool other_coding;        /* another one is */
    bool compressed;
    bool unsure;      /* where the body ends is not known */
    uint8_t carriage; /* enum carriage of its media type */
    bool msn;         /* it is the MSN gateway's */
    bool has_type, has_upgrade;
    uint8_t upgrade; /* enum protocol */
};

struct half {
    uint8_t place;    /* enum place */
    uint8_t part;     /* enum part */
    bool seen;        /* any byte */
    bool skipping;    /* inside a line that is too long */
    bool waits;       /* this message is a CONNECT or wants an upgrade */
    bool answer_lost; /* and its answer was in a hole */
    uint16_t messages;
    uint32_t carry;    /* octets of this body that may still be passed inside */
    uint32_t searched; /* octets of RESYNC */
    uint64_t left;     /* octets of a body or chunk that are still to come */
    uint32_t file;     /* whose bytes this body is, 0: none */
    uint64_t file_at;
    struct message message;
};

/* What a request means for its answer. */
struct answer {
    bool head, connect, waited, carried, announced;
};

struct http {
    struct half half[2]; /* by enum flow_dir */
    struct answer answers[ANSWERS];
    uint8_t answer_count;
    uint8_t inner;                                       /* enum carriage of the inner stream that is open */
    uint8_t wanted;                                      /* enum protocol of the newest Upgrade asked for */
    bool hit;                                            /* a service was proved */
    bool over;                                           /* settled or changed over */
    char method[24], host[256], target[512], agent[512]; /* of the request being read; cut */
    uint16_t method_len, host_len, target_len, agent_len;
};
_Static_assert(sizeof(struct http) <= PARSER_STATE_BYTES, "fits the state of a parser");

/* ---- start lines ---- */

/* RFC 9110 section 9; 5789; WebDAV 4918, 3253, 5323; UPnP events; RPC and BITS over HTTP. */
static const char *const methods[] = {
    "GET",         "POST",        "HEAD",         "PUT",       "DELETE",   "OPTIONS", "CONNECT",
    "PATCH",       "TRACE",       "PROPFIND",     "PROPPATCH", "MKCOL",    "COPY",    "MOVE",
    "LOCK",        "UNLOCK",      "REPORT",       "MERGE",     "SEARCH",   "NOTIFY",  "SUBSCRIBE",
    "UNSUBSCRIBE", "RPC_IN_DATA", "RPC_OUT_DATA", "BITS_POST", "CCM_POST",
};

enum { METHODS = sizeof methods / sizeof methods[0], METHOD_BYTES = 13 /* the longest, and a space */ };

struct request_line {
    struct view method, target;
};

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.0" or another minor version. */
static bool is_version(struct view v)
{
    return v.len == 8 && view_starts(v, VIEW("HTTP/1.")) && is_digit(v.at[7]);
}

/* Is the beginning of `in` a method and a space? IM_MORE: the beginning of one. */
static enum im_answer method_find(struct view in, struct view *out_method)
{
    size_t end = view_find_byte(view_slice(in, 0, METHOD_BYTES), ' ', 0);
    struct view word = view_slice(in, 0, end);

    for (unsigned i = 0; i < METHODS; i++) {
        struct view method = view_string(methods[i]);
        if (end < in.len ? view_equal(word, method) : view_starts(method, word)) {
            *out_method = word;
            return end < in.len ? IM_YES : IM_MORE;
        }
    }
    return IM_NO;
}

static bool has_control(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if (v.at[i] < 0x20 || v.at[i] == 0x7f)
            return true;
    return false;
}

/* RFC 9112 section 3. `line` is without its end. Spaces inside the target are wrong but common. */
static bool request_line_read(struct view line, struct request_line *out)
{
    if (line.len < 9 || !is_version(view_from(line, line.len - 8)) || line.at[line.len - 9] != ' ')
        return false;
    if (method_find(line, &out->method) != IM_YES || out->method.len + 9 >= line.len)
        return false;
    out->target = view_trim(view_slice(line, out->method.len + 1, line.len - 9));
    return out->target.len > 0 && !has_control(out->target);
}

/* RFC 9112 section 4: "HTTP/1.1 200", then a space and any reason, or nothing. */
static bool status_line_read(struct view line, uint16_t *out_status)
{
    uint64_t status;

    if (line.len < 12 || !is_version(view_slice(line, 0, 8)) || line.at[8] != ' ')
        return false;
    if (line.len > 12 && line.at[12] != ' ')
        return false;
    if (!view_decimal(view_slice(line, 9, 12), 599, &status) || status < 100)
        return false;
    *out_status = (uint16_t)status;
    return true;
}

/* ---- recognising ---- */

static bool http_starts(uint8_t first, enum flow_dir from)
{
    if (from == FROM_SERVER)
        return first == 'H';
    for (unsigned i = 0; i < METHODS; i++)
        if (first == (uint8_t)methods[i][0])
            return true;
    return false;
}

static enum im_answer request_begins(struct view in, struct request_line *out)
{
    struct view rest = view_slice(in, 0, LINE_BYTES), line;
    enum im_answer answer = in.len == 0 ? IM_MORE : method_find(in, &out->method);

    if (answer != IM_YES)
        return answer;
    if (view_line(&rest, &line))
        return request_line_read(line, out) ? IM_YES : IM_NO;
    if (in.len >= LINE_BYTES)
        return IM_NO;
    if (in.at[in.len - 1] == '\r')
        in.len--;
    return has_control(in) ? IM_NO : IM_MORE;
}

static enum im_answer status_begins(struct view in)
{
    static const char shape[] = "HTTP/1.d ddd";
    uint16_t status;

    for (size_t i = 0; i < sizeof shape - 1 && i < in.len; i++)
        if (shape[i] == 'd' ? !is_digit(in.at[i]) : in.at[i] != (uint8_t)shape[i])
            return IM_NO;
    if (in.len < sizeof shape)
        return IM_MORE;
    bool line_ends = in.at[12] == '\r' || in.at[12] == '\n';
    return status_line_read(view_slice(in, 0, line_ends ? 12 : 13), &status) ? IM_YES : IM_NO;
}

static void found_request(const struct request_line *request, struct finding *out)
{
    struct text value = TEXT(out->value);

    text_string(&value, "HTTP/1 request ");
    text_add(&value, request->method);
}

static void found_status(struct finding *out)
{
    struct text value = TEXT(out->value);

    text_string(&value, "HTTP/1 answer");
}

/* A flow whose beginning was not seen: either side may be the one that asks. */
static enum im_answer midstream_probe(const struct sample *s, struct finding *out)
{
    bool possible = true;

    for (unsigned d = 0; d < 2; d++) {
        struct request_line request;
        enum im_answer asks = request_begins(s->bytes[d], &request);
        enum im_answer answers = status_begins(s->bytes[d]);

        if (asks == IM_YES)
            found_request(&request, out);
        else if (answers == IM_YES)
            found_status(out);
        if (asks == IM_YES || answers == IM_YES) {
            out->reversed = (asks == IM_YES) == (d == FROM_SERVER);
            return IM_YES;
        }
        possible = possible && (asks == IM_MORE || answers == IM_MORE);
    }
    return possible ? IM_MORE : IM_NO;
}

static enum im_answer http_probe(const struct sample *s, struct finding *out)
{
    struct request_line request;

    if (s->midstream)
        return midstream_probe(s, out);
    if (s->bytes[FROM_CLIENT].len == 0) { /* the capture may lack the client's side */
        enum im_answer answer = status_begins(s->bytes[FROM_SERVER]);
        if (answer == IM_YES)
            found_status(out);
        return answer;
    }
    enum im_answer answer = request_begins(s->bytes[FROM_CLIENT], &request);
    if (answer == IM_YES)
        found_request(&request, out);
    return answer;
}

/* ---- following: what all places need ---- */

static void settle(struct http *h, struct session *s)
{
    h->over = true;
    session_settle(s);
}

static void change_over(struct http *h, struct session *s, unsigned protocol)
{
    h->over = true;
    session_upgrade(s, (enum protocol)protocol);
}

enum cut { CUT_MORE, CUT_LINE, CUT_LONG };

/* Cut one line off *in, or, of a line that is too long, its first LINE_BYTES. */
static enum cut line_cut(struct view *in, struct view *out_line)
{
    struct view head = view_slice(*in, 0, LINE_BYTES), rest = head;

    if (view_line(&rest, out_line)) {
        *in = view_from(*in, head.len - rest.len);
        return CUT_LINE;
    }
    if (head.len < LINE_BYTES)
        return CUT_MORE;
    *in = view_from(*in, LINE_BYTES);
    return CUT_LONG;
}

static void lose(struct half *half)
{
    half->place = RESYNC;
    half->searched = 0;
    half->skipping = false;
    half->waits = false;
}

/* The whole message is read. */
static void message_done(struct half *half)
{
    half->place = half->waits ? WAIT : START;
}

static void keep(char *buffer, size_t size, uint16_t *len, struct view v)
{
    struct text t = text_over(buffer, size);

    text_add(&t, v);
    *len = (uint16_t)t.len;
}

#define KEEP(h, name, v) keep((h)->name, sizeof(h)->name, &(h)->name##_len, v)
#define KEPT(h, name) view_of((h)->name, (h)->name##_len)

/* ---- header lines ---- */

static void read_host(struct http *h, struct message *m, struct view value)
{
    (void)m;
    if (h->host_len == 0) /* an absolute target counts more: RFC 9112 section 3.2.2 */
        KEEP(h, host, value);
}

static void read_agent(struct http *h, struct message *m, struct view value)
{
    (void)m;
    KEEP(h, agent, value);
}

static void read_length(struct http *h, struct message *m, struct view value)
{
    uint64_t length;

    (void)h;
    if (!view_decimal(value, INT64_MAX, &length) || (m->has_length && m->length != length)) {
        m->unsure = true;
        return;
    }
    m->has_length = true;
    m->length = length;
}

static void read_transfer(struct http *h, struct message *m, struct view value)
{
    struct view last = value;

    (void)h;
    while (view_find_byte(last, ',', 0) < last.len)
        (void)view_token(&last, ',');
    m->chunked = view_equal_nocase(view_trim(last), VIEW("chunked"));
    m->other_coding = !m->chunked;
    m->compressed |= last.len < value.len;
}

static void read_content_coding(struct http *h, struct message *m, struct view value)
{
    (void)h;
    m->compressed |= value.len > 0 && !view_equal_nocase(value, VIEW("identity"));
}

static void read_type(struct http *h, struct message *m, struct view value)
{
    static const struct {
        const char *type;
        enum carriage carriage;
    } types[] = {
        { "application/x-msn-messenger", CARRY_CONNECTION },
        { "text/xml", CARRY_CONNECTION },
        { "application/xml", CARRY_CONNECTION },
        { "application/octet-stream", CARRY_EXCHANGE },
        { "application/x-www-form-urlencoded", CARRY_EXCHANGE },
        { "text/plain", CARRY_PACKETS },
    };
    struct view type = view_trim(view_token(&value, ';'));

    (void)h;
    m->has_type = true;
    m->carriage = CARRY_NOT;
    for (unsigned i = 0; i < sizeof types / sizeof types[0]; i++)
        if (view_equal_nocase(type, view_string(types[i].type)))
            m->carriage = (uint8_t)types[i].carriage;
    m->msn = view_equal_nocase(type, view_string(types[0].type));
}

static void read_upgrade(struct http *h, struct message *m, struct view value)
{
    struct view first = view_trim(view_token(&value, ','));

    (void)h;
    m->has_upgrade = first.len > 0;
    m->upgrade = view_equal_nocase(first, VIEW("websocket")) ? PROTOCOL_WEBSOCKET
                 : view_equal_nocase(first, VIEW("h2c"))     ? PROTOCOL_HTTP2
                                                             : PROTOCOL_UNKNOWN;
}

static void header_line(struct http *h, struct message *m, struct view line)
{
    static const struct {
        const char *name;
        void (*read)(struct http *h, struct message *m, struct view value);
    } fields[] = {
        { "host", read_host },
        { "user-agent", read_agent },
        { "content-length", read_length },
        { "content-type", read_type },
        { "transfer-encoding", read_transfer },
        { "content-encoding", read_content_coding },
        { "upgrade", read_upgrade },
    };
    struct view name = view_token(&line, ':');

    for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (view_equal_nocase(name, view_string(fields[i].name)))
            fields[i].read(h, m, view_trim(line));
}

/* ---- bodies ---- */

/* Begin the body that the header announced; `to_end`: with no length it goes on to the connection's end. */
static void body_begin(struct half *half, bool to_end)
{
    const struct message *m = &half->message;

    half->left = m->length;
    if (m->unsure)
        lose(half);
    else if (m->chunked)
        half->place = CHUNK_SIZE;
    else if (m->other_coding || (!m->has_length && to_end))
        half->place = TO_END;
    else if (m->has_length && m->length > 0)
        half->place = BODY;
    else
        message_done(half);
}

/* This body is passed inside. A new inner stream begins unless it goes on over the connection. */
static void carry(struct http *h, struct session *s, struct half *half, enum carriage how)
{
    if (h->inner != CARRY_NOT && (how != CARRY_CONNECTION || h->inner != CARRY_CONNECTION))
        session_inner_end(s);
    h->inner = (uint8_t)how;
    half->carry = CARRIED_BYTES;
}

/* ---- files that another flow announced ---- */

static bool http_file_announced(const struct http *h, struct session *s, struct announced_file *out)
{
    char buffer[sizeof h->host + sizeof h->target];
    struct text token = TEXT(buffer);
    struct view host = authority_host(KEPT(h, host));

    if (!session_wants_files(s) || host.len == 0 || h->target_len + 1u >= sizeof h->target)
        return false;
    text_string(&token, "http ");
    for (size_t i = 0; i < host.len; i++)
        text_char(&token, (char)ascii_lower(host.at[i]));
    text_add(&token, KEPT(h, target));
    return !token.cut && session_announced(s, view_of(buffer, token.len), out);
}

/* Where the URL is an announced one, the body that comes is its file. */
static bool http_file_begin(struct http *h, struct session *s, struct half *half)
{
    struct announced_file a;

    half->file = 0;
    half->file_at = 0;
    if (half->message.compressed || !http_file_announced(h, s, &a))
        return false;
    struct im_file f = announced_view(&a);
    half->file = session_file_begin(s, &f);
    return true;
}

static void http_file_bytes(struct session *s, struct half *half, struct view bytes)
{
    session_file_bytes(s, half->file, half->file_at, bytes);
    half->file_at += bytes.len;
}

/* The body came to its end. */
static void http_file_end(struct session *s, struct half *half)
{
    session_file_end(s, half->file, true);
    half->file = 0;
}

/* Lost bytes of a body of known length, which is a file: it goes on behind them. */
static bool http_file_survives(struct half *half, uint64_t lost)
{
    if (half->file == 0 || half->place != BODY || lost >= half->left)
        return false;
    half->left -= lost;
    half->file_at += lost;
    return true;
}

/* Use up to `left` octets of *in as body. */
static size_t body_take(struct session *s, enum flow_dir from, struct half *half, struct view *in,
                        uint64_t left)
{
    size_t n = in->len < left ? in->len : (size_t)left;

    if (half->message.carriage == CARRY_PACKETS && half->carry == CARRIED_BYTES && n > 0 &&
        in->at[0] != PACKET_FIRST)
        half->carry = 0;
    size_t inside = n < half->carry ? n : half->carry;

    if (half->file != 0)
        http_file_bytes(s, half, view_slice(*in, 0, n));
    if (inside > 0)
        session_inner(s, from, view_slice(*in, 0, inside));
    half->carry -= (uint32_t)inside;
    *in = view_from(*in, n);
    return n;
}

/* ---- the end of a header ---- */

static void answer_push(struct http *h, struct answer a)
{
    if (h->answer_count == ANSWERS) { /* answers are not in the capture: forget the oldest */
        h->answer_count--;
        memmove(h->answers, h->answers + 1, h->answer_count * sizeof h->answers[0]);
    }
    h->answers[h->answer_count++] = a;
}

static struct answer answer_pop(struct http *h)
{
    struct answer a = { .head = false };

    if (h->answer_count > 0) {
        a = h->answers[0];
        h->answer_count--;
        memmove(h->answers, h->answers + 1, h->answer_count * sizeof h->answers[0]);
    }
    return a;
}

/* Has this half said enough? */
static bool enough(const struct http *h, const struct half *half)
{
    return half->messages >= (h->inner == CARRY_CONNECTION ? MESSAGES_CARRYING
                              : h->hit                     ? MESSAGES
                                                           : MESSAGES_WITHOUT_HIT);
}

static void request_tell(struct http *h, struct session *s, bool connect)
{
    struct view host = authority_host(KEPT(h, host)), agent = KEPT(h, agent);

    if (host.len > 0)
        h->hit |= session_name(s, connect ? EVIDENCE_TUNNEL_TARGET : EVIDENCE_HTTP_HOST, host);
    if (connect)
        session_hint(s, HINT_PROXY, KEPT(h, host));
    if (session_http(s, KEPT(h, method), KEPT(h, target), agent)) {
        h->hit = true;
        authority_client(s, agent);
    }
}

static void request_done(struct http *h, struct session *s, struct half *half)
{
    struct message *m = &half->message;
    struct answer a = { .head = view_equal(KEPT(h, method), VIEW("HEAD")),
                        .connect = view_equal(KEPT(h, method), VIEW("CONNECT")) };

    half->messages++;
    half->waits = a.waited = a.connect || m->has_upgrade;
    half->answer_lost = false;
    h->wanted = m->upgrade;
    request_tell(h, s, a.connect);
    half->carry = 0;
    if (!m->has_type)
        m->carriage = CARRY_EXCHANGE;
    a.carried = m->carriage != CARRY_NOT && !m->compressed && view_equal(KEPT(h, method), VIEW("POST"));
    if (a.carried)
        carry(h, s, half, (enum carriage)m->carriage);
    struct announced_file file;
    half->file = 0;
    if (view_equal(KEPT(h, method), VIEW("PUT")))
        h->hit |= http_file_begin(h, s, half);
    else if (view_equal(KEPT(h, method), VIEW("GET")))
        h->hit |= a.announced = http_file_announced(h, s, &file);
    answer_push(h, a);
    if (a.connect) /* RFC 9110 section 9.3.6: no body */
        message_done(half);
    else
        body_begin(half, false);
    if (enough(h, half) && !half->waits)
        settle(h, s);
}

static void answer_done(struct http *h, struct session *s, struct half *half, struct half *asker)
{
    const struct message *m = &half->message;

    half->carry = 0;
    half->file = 0;
    if (m->status / 100 == 1 && m->status != 101) { /* interim: the answer is still to come */
        message_done(half);
        return;
    }
    struct answer a = answer_pop(h);
    half->messages++;
    if (m->status == 101 || (a.connect && m->status / 100 == 2)) {
        change_over(h, s, m->status == 101 ? m->upgrade : PROTOCOL_UNKNOWN);
        return;
    }
    if (a.waited) {
        asker->waits = false;
        if (asker->place == WAIT)
            asker->place = START;
    }
    if (!m->compressed && m->msn)
        carry(h, s, half, CARRY_CONNECTION);
    else if (!m->compressed && a.carried)
        half->carry = CARRIED_BYTES;
    if (a.announced && m->status == 200)
        (void)http_file_begin(h, s, half);
    if (a.head || m->status == 204 || m->status == 304)
        message_done(half);
    else
        body_begin(half, true);
    /* An answer to the connection's end, of no interest, and nothing more is asked: HTTP/1.0. */
    bool last = half->place == TO_END && half->carry == 0 && half->file == 0 && h->answer_count == 0 &&
                asker->place == START;
    if (last || enough(h, half))
        settle(h, s);
}

/* ---- places: each uses up some of *in and returns true, or waits for more and returns false ---- */

static bool request_start(struct http *h, struct half *half, struct view line)
{
    struct request_line request;

    if (!request_line_read(line, &request))
        return false;
    half->part = PART_ASKS;
    h->host_len = h->agent_len = 0;
    KEEP(h, method, request.method);
    if (view_equal(request.method, VIEW("CONNECT"))) { /* the target is an authority */
        KEEP(h, host, request.target);
        request.target.len = 0;
    }
    size_t scheme = view_find(request.target, VIEW("://"));
    if (scheme < view_find_byte(request.target, '/', 0)) { /* absolute form, as to a proxy */
        struct view authority = view_from(request.target, scheme + 3);
        size_t end = view_find_byte(authority, '/', 0), query = view_find_byte(authority, '?', 0);
        end = query < end ? query : end;
        KEEP(h, host, view_slice(authority, 0, end));
        request.target = view_from(authority, end);
    }
    KEEP(h, target, request.target);
    return true;
}

static bool at_start(struct http *h, struct session *s, enum flow_dir from, struct view *in)
{
    struct half *half = &h->half[from], *other = &h->half[dir_other(from)];
    struct view rest = *in, line;
    enum cut cut = line_cut(&rest, &line);
    uint16_t status = 0;

    (void)s;
    if (cut == CUT_MORE)
        return false;
    if (cut == CUT_LINE && line.len == 0) { /* RFC 9112 section 2.2 */
        *in = rest;
        return true;
    }
    if (cut == CUT_LINE && half->part != PART_ANSWERS && request_start(h, half, line)) {
        other->part = PART_ANSWERS;
    } else if (cut == CUT_LINE && half->part != PART_ASKS && status_line_read(line, &status)) {
        half->part = PART_ANSWERS;
        other->part = PART_ASKS;
    } else {
        lose(half);
        return true;
    }
    *in = rest;
    half->message = (struct message){ .status = status };
    half->place = HEADER;
    return true;
}

static bool at_header(struct http *h, struct session *s, enum flow_dir from, struct view *in)
{
    struct half *half = &h->half[from];
    struct view line;
    enum cut cut = line_cut(in, &line);

    if (cut == CUT_MORE)
        return false;
    if (cut == CUT_LONG || half->skipping) {
        half->skipping = cut == CUT_LONG;
        return true;
    }
    if (line.len > 0) {
        if (half->message.lines < HEADER_LINES) {
            half->message.lines++;
            header_line(h, &half->message, line);
        } else {
            half->message.unsure = true;
        }
        return true;
    }
    if (half->part == PART_ASKS)
        request_done(h, s, half);
    else
        answer_done(h, s, half, &h->half[dir_other(from)]);
    return true;
}

static bool at_body(struct http *h, struct session *s, enum flow_dir from, struct view *in)
{
    struct half *half = &h->half[from];

    half->left -= body_take(s, from, half, in, half->left);
    if (half->left == 0) {
        http_file_end(s, half);
        message_done(half);
    }
    return true;
}

/* RFC 9112 section 7.1: hexadecimal digits, then perhaps ";extension". */
static bool chunk_size_read(struct view line, uint64_t *out)
{
    struct view digits = view_trim(view_token(&line, ';'));

    *out = 0;
    if (digits.len == 0 || digits.len > 15)
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        uint8_t c = ascii_lower(digits.at[i]);
        if (!is_digit(c) && (c < 'a' || c > 'f'))
            return false;
        *out = *out << 4 | (uint64_t)(is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    return true;
}

static bool at_chunk_size(struct http *h, struct session *s, enum flow_dir from, struct view *in)
{
    struct half *half = &h->half[from];
    struct view rest = *in, line;
    enum cut cut = line_cut(&rest, &line);

    (void)s;
    if (cut == CUT_MORE)
        return false;
    if (cut == CUT_LONG || !chunk_size_read(line, &half->left)) {
        lose(half);
        return true;
    }
    *in = rest;
    half->message.lines = 0;
    half->place = half->left > 0 ? CHUNK : TRAILER;
    return true;
}

static bool at_chunk(struct http *h, struct session *s, enum flow_dir from, struct view *in)
{
    struct half *half = &h->half[from];

    half->left -= body_take(s, from, half, in, half->left);
    if (half->left == 0)
        half->place = CHUNK_END;
    return true;
}

static bool at_chunk_end(struct http *h, struct session *s, enum flow_dir from, struct view *in)
{
    struct half *half = &h->half[from];
    struct view line;

    (void)s;
    if (!view_starts(VIEW("\r\n"), view_slice(*in, 0, 2)) && in->at[0] != '\n') {
        lose(half);
        return true;
    }
    if (!view_line(in, &line))
        return false;
    half->place = CHUNK_SIZE;
    return true;
}

static bool at_trailer(struct http *h, struct session *s, enum flow_dir from, struct view *in)
{
    struct half *half = &h->half[from];
    struct view line;
    enum cut cut = line_cut(in, &line);

    if (cut == CUT_MORE)
        return false;
    if (cut == CUT_LONG || ++half->message.lines > HEADER_LINES) {
        lose(half);
    } else if (line.len == 0) {
        http_file_end(s, half);
        message_done(half);
    }
    return true;
}

static bool at_to_end(struct http *h, struct session *s, enum flow_dir from, struct view *in)
{
    (void)body_take(s, from, &h->half[from], in, in->len);
    return true;
}

static bool at_wait(struct http *h, struct session *s, enum flow_dir from, struct view *in)
{
    struct request_line request;

    if (h->half[dir_other(from)].seen && !h->half[from].answer_lost)
        return false;
    enum im_answer answer = request_begins(*in, &request);
    if (answer == IM_NO) {
        change_over(h, s, h->wanted);
        return false;
    }
    if (answer == IM_YES) {
        h->half[from].waits = false;
        h->half[from].place = START;
    }
    return answer == IM_YES;
}

/* Offset of a start line of this half's part inside `line`, or line.len. */
static size_t start_find(const struct half *half, struct view line)
{
    struct request_line request;
    uint16_t status;
    size_t at = view_find(line, VIEW("HTTP/1."));

    if (half->part != PART_ASKS && status_line_read(view_from(line, at), &status))
        return at;
    if (half->part == PART_ANSWERS || line.len < 8 || !is_version(view_from(line, line.len - 8)))
        return line.len;
    for (unsigned i = 0; i < METHODS; i++) {
        at = view_find(line, view_string(methods[i]));
        if (request_line_read(view_from(line, at), &request) &&
            (request.target.at[0] == '/' || view_starts_nocase(request.target, VIEW("http://"))))
            return at;
    }
    return line.len;
}

static bool at_resync(struct http *h, struct session *s, enum flow_dir from, struct view *in)
{
    struct half *half = &h->half[from];
    struct view rest = *in, line;
    enum cut cut = line_cut(&rest, &line);

    if (cut == CUT_MORE)
        return false;
    if (cut == CUT_LINE) {
        size_t at = start_find(half, line);
        if (at < line.len) {
            half->place = START;
            *in = view_from(*in, at);
            return true;
        }
    }
    half->searched += (uint32_t)(in->len - rest.len);
    *in = rest;
    if (half->searched > RESYNC_BYTES)
        settle(h, s);
    return true;
}

static bool (*const places[])(struct http *h, struct session *s, enum flow_dir from, struct view *in) = {
#define X(id, name) [id] = at_##name,
    PLACES(X)
#undef X
};

static size_t http_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct http *h = state;
    struct view left = in;

    h->half[from].seen = true;
    while (!h->over && left.len > 0 && places[h->half[from].place](h, s, from, &left))
        ;
    return in.len - left.len;
}

/* What the lost bytes held is not known, so no length can be trusted, nor which answer is whose. */
static bool http_gap(void *state, struct session *s, enum flow_dir from, uint64_t lost)
{
    struct http *h = state;
    struct half *other = &h->half[dir_other(from)];

    (void)s;
    if (http_file_survives(&h->half[from], lost))
        return true;
    h->answer_count = 0;
    h->half[from].carry = 0;
    h->half[from].file = 0;
    if (h->half[from].place != TO_END)
        lose(&h->half[from]);
    other->answer_lost = other->waits;
    return true;
}

extern const struct parser parser_http;
const struct parser parser_http = {
    .protocol = PROTOCOL_HTTP,
    .on = PARSER_TCP,
    .starts = http_starts,
    .probe = http_probe,
    .state_size = sizeof(struct http),
    .feed = http_feed,
    .gap = http_gap,
};
