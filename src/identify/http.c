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
 * Files. Where somebody wants files, bodies are told as files on flows that a name, path or program proved,
 * or whose URL was announced ("http HOST/PATH", the host in lower case and without its port; Yahoo's relay:
 * "yahoo TOKEN"). Of requests these are the parts of multipart/form-data with a file name (multipart.c), and
 * pictures, sound, films and files of applications that PUT or POST bring; plain octets may be a protocol,
 * and are told with PUT, and to hosts for files, only. Of answers, what has a file name
 * (Content-Disposition), and pictures and so on from a host for files. What was announced is told either way,
 * whatever its type.
 *
 * The name is the announced one, that of Content-Disposition, or the URL's last component. Content-Range
 * tells the place. Chunks are taken off; a Content-Encoding is left on: a file comes as it was sent. Bodies
 * are never kept. A body that only the connection's end will end counts as cut, unless its size was
 * announced. A loss inside a body leaves the place in it known.
 *
 * Limits. A line over 8 KiB is a cookie, a token or an attack, never a host or a length: it is skipped. After
 * 100 header lines the rest of the header is not read, nor is the body's length believed. Inspection ends
 * after 16 messages that prove nothing, after 64 in all, and after 1024 where a connection carries packets or
 * may carry files that are wanted; never inside a file. A half that finds no start line in 1 MiB ends it too.
 *
 * Not HTTP/1, though it looks so: RTSP, SIP and ICY have their own version word; HTTP/0.9 has none.
 */
#include "identify/authority.h"
#include "identify/multipart.h"
#include "identify/parser.h"

enum {
    LINE_BYTES = 8192,
    HEADER_LINES = 100,
    ANSWERS = 16,          /* requests sent ahead of their answers; RFC 9112 section 9.3.2 */
    CARRIED_BYTES = 65536, /* of one body */
    KIND_BYTES = 72,       /* of a media type, or a boundary */
    TOKEN_BYTES = 800,
    STATE_BYTES = 1536, /* a flow of HTTP must not cost a larger state */
    PACKET_FIRST = 'Y', /* YMSG, YPNS, YHOO */
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
    uint64_t length;
    uint16_t status; /* of an answer */
    uint8_t lines;
    uint8_t carriage; /* enum carriage of its media type */
    uint8_t upgrade;  /* enum protocol */
    bool has_length : 1;
    bool chunked : 1;      /* "chunked" is the last transfer coding */
    bool other_coding : 1; /* another one is */
    bool compressed : 1;
    bool unsure : 1; /* where the body ends is not known */
    bool msn : 1;    /* it is the MSN gateway's */
    bool has_type : 1, has_upgrade : 1;
    bool is_form : 1, is_file : 1, is_octets : 1, has_kind : 1,
        named : 1; /* by media type, and Content-Disposition */
};

/* How a body is told. */
enum telling { TOLD_NOT, TOLD_FILE, TOLD_PARTS };

struct half {
    uint8_t place;        /* enum place */
    uint8_t part;         /* enum part */
    bool seen : 1;        /* any byte */
    bool skipping : 1;    /* inside a line that is too long */
    bool waits : 1;       /* this message is a CONNECT or wants an upgrade */
    bool answer_lost : 1; /* and its answer was in a hole */
    uint8_t told;         /* enum telling of this body */
    uint16_t messages;
    uint32_t carry; /* octets of this body that may still be passed inside */
    uint32_t file;  /* of session_file_begin */
    uint64_t left;  /* octets of a body or chunk that are still to come; in RESYNC those that were searched */
    uint64_t at;    /* place in the file */
    uint64_t file_size; /* where it ends; 0: not known */
    struct message message;
};

/* What a request means for its answer. */
struct answer {
    bool head : 1, connect : 1, waited : 1, carried : 1;
};

struct http {
    struct half half[2]; /* by enum flow_dir */
    struct answer answers[ANSWERS];
    uint8_t answer_count;
    uint8_t inner;                 /* enum carriage of the inner stream that is open */
    uint8_t wanted;                /* enum protocol of the newest Upgrade asked for */
    bool hit : 1;                  /* a service was proved */
    bool over : 1;                 /* settled or changed over */
    bool files : 1;                /* somebody wants files */
    uint64_t range_at, range_size; /* Content-Range of the header being read */
    uint8_t kind_len;              /* media type or boundary of the header being read */
    uint16_t method_len, host_len, target_len, agent_len; /* of what is kept below */
    char kind[KIND_BYTES];
    char method[16], host[256], target[512]; /* of the request being read; cut */
    union {
        char agent[512];
        struct multipart parts; /* of the request whose header is read, and whose agent is told */
        char name[256];         /* that an answer gives its file */
    };
};
_Static_assert(sizeof(struct http) <= STATE_BYTES, "fits the middle state of a parser");

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
    half->left = 0;
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
    if (m->status == 0) /* in an answer it has no meaning, and its place may be taken */
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

static bool is_one_of(struct view type, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (view_equal_nocase(type, view_string(list[i])))
            return true;
    return false;
}

/* Is this the media type of a file that people send, and not of a page or of what programs say to each other?
 */
static bool is_file_type(struct view type)
{
    static const char *const spoken[] = {
        "application/json",         "application/xml",           "application/javascript",
        "application/x-javascript", "application/octet-stream",  "application/x-www-form-urlencoded",
        "application/x-protobuf",   "application/grpc",          "application/x-msn-messenger",
        "application/ocsp-request", "application/ocsp-response",
    };
    struct view suffix = view_from(type, view_find_byte(type, '+', 0));

    if (view_starts_nocase(type, VIEW("image/")) || view_starts_nocase(type, VIEW("audio/")) ||
        view_starts_nocase(type, VIEW("video/")))
        return true;
    return view_starts_nocase(type, VIEW("application/")) && !view_equal_nocase(suffix, VIEW("+json")) &&
           !view_equal_nocase(suffix, VIEW("+xml")) &&
           !is_one_of(type, spoken, sizeof spoken / sizeof spoken[0]);
}

/* Is the other side's header being read too? What only one can have is then left alone. */
static bool other_header(const struct http *h, const struct message *m)
{
    return h->half[&h->half[FROM_CLIENT].message == m ? FROM_SERVER : FROM_CLIENT].place == HEADER;
}

/* Keep of a Content-Type what telling the body will need. */
static void read_kind(struct http *h, struct message *m, struct view type, struct view parameters)
{
    struct text kind = TEXT(h->kind);

    m->has_kind = true;
    m->is_form = view_equal_nocase(type, VIEW("multipart/form-data"));
    m->is_octets = view_equal_nocase(type, VIEW("application/octet-stream"));
    m->is_file = is_file_type(type);
    text_add(&kind, m->is_form ? multipart_boundary(parameters) : type);
    h->kind_len = (uint8_t)kind.len;
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

    m->has_type = true;
    m->carriage = CARRY_NOT;
    for (unsigned i = 0; i < sizeof types / sizeof types[0]; i++)
        if (view_equal_nocase(type, view_string(types[i].type)))
            m->carriage = (uint8_t)types[i].carriage;
    m->msn = view_equal_nocase(type, view_string(types[0].type));
    if (h->files && !other_header(h, m))
        read_kind(h, m, type, value);
}

/* "attachment; filename=..." of an answer. It is kept where the request's program was. */
static void read_disposition(struct http *h, struct message *m, struct view value)
{
    const struct half *asker =
        &h->half[FROM_CLIENT].message == m ? &h->half[FROM_SERVER] : &h->half[FROM_CLIENT];
    if (!h->files || m->status == 0 || asker->place == HEADER || asker->told == TOLD_PARTS)
        return;
    struct text name = TEXT(h->name); /* not before: the place may be taken */
    disposition_name(&name, value);
    h->agent_len = (uint16_t)name.len;
    m->named = name.len > 0;
}

/* RFC 9110 section 14.4: "bytes 0-499/1234". */
static void read_range(struct http *h, struct message *m, struct view value)
{
    struct view size = value;

    if (!h->files || other_header(h, m) || !view_starts_nocase(value, VIEW("bytes ")))
        return;
    struct view range = view_from(view_token(&size, '/'), 6), first = view_token(&range, '-');
    if (!view_decimal(view_trim(first), INT64_MAX, &h->range_at))
        return;
    (void)view_decimal(view_trim(size), INT64_MAX, &h->range_size);
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
        { "content-disposition", read_disposition },
        { "content-range", read_range },
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

/* Pass octets of the body on as what they were told to be. */
static void tell_bytes(struct http *h, struct session *s, enum flow_dir from, struct view v)
{
    struct half *half = &h->half[from];

    if (half->told == TOLD_PARTS) {
        multipart_feed(&h->parts, s, from == FROM_CLIENT, v);
    } else if (half->told == TOLD_FILE) {
        session_file_bytes(s, half->file, half->at, v);
        half->at += v.len;
    }
}

/* The body is over, or what follows it is not known. */
static void tell_end(struct http *h, struct session *s, struct half *half, bool whole)
{
    if (half->told == TOLD_PARTS)
        multipart_end(&h->parts, s);
    else if (half->told == TOLD_FILE)
        session_file_end(s, half->file, whole && (half->file_size == 0 || half->at == half->file_size));
    half->told = TOLD_NOT;
}

/* Use up to `left` octets of *in as body. */
static size_t body_take(struct http *h, struct session *s, enum flow_dir from, struct view *in, uint64_t left)
{
    struct half *half = &h->half[from];
    size_t n = in->len < left ? in->len : (size_t)left;

    if (half->message.carriage == CARRY_PACKETS && half->carry == CARRIED_BYTES && n > 0 &&
        in->at[0] != PACKET_FIRST)
        half->carry = 0;
    size_t inside = n < half->carry ? n : half->carry;

    if (inside > 0)
        session_inner(s, from, view_slice(*in, 0, inside));
    half->carry -= (uint32_t)inside;
    if (half->told != TOLD_NOT)
        tell_bytes(h, s, from, view_slice(*in, 0, n));
    *in = view_from(*in, n);
    return n;
}

/* ---- bodies as files ---- */

static bool has_body(const struct message *m, bool to_end)
{
    return !m->unsure && (m->chunked || (m->has_length ? m->length > 0 : to_end));
}

/* Was this URL announced? */
static bool find_url(struct http *h, struct session *s, struct announced_file *out)
{
    const struct view relay = VIEW("/relay?token=");
    struct view host = authority_host(KEPT(h, host)), target = KEPT(h, target);
    char buffer[TOKEN_BYTES];
    struct text token = TEXT(buffer);

    if (view_starts(target, relay)) {
        struct view id = view_from(target, relay.len);
        text_string(&token, "yahoo ");
        text_percent(&token, view_token(&id, '&'));
        if (session_announced(s, view_of(buffer, token.len), out))
            return true;
        token = TEXT(buffer);
    }
    authority_token(&token, host, target);
    return session_announced(s, view_of(buffer, token.len), out);
}

/* The last component of the URL's path. */
static struct view url_name(const struct http *h, char *buffer, size_t size)
{
    struct view path = KEPT(h, target), name = path;
    struct text t = text_over(buffer, size);

    path = view_token(&path, '?');
    while (path.len > 0)
        name = view_token(&path, '/');
    if (view_find_byte(name, '?', 0) == name.len)
        text_percent(&t, name);
    return view_of(buffer, t.len);
}

/* This body is a file. `f` has what was announced, or nothing. */
static void tell_file(struct http *h, struct session *s, struct half *half, struct im_file f, bool announced)
{
    const struct message *m = &half->message;
    char buffer[ANNOUNCED_NAME_BYTES];

    if (m->named && f.name.len == 0)
        f.name = KEPT(h, agent);
    if (f.name.len == 0)
        f.name = url_name(h, buffer, sizeof buffer);
    if (f.type.len == 0 && m->has_kind)
        f.type = KEPT(h, kind);
    if (!announced)
        f.outgoing = half == &h->half[FROM_CLIENT];
    if (m->has_length && !m->chunked)
        f.size = h->range_size > 0 ? h->range_size : h->range_at + m->length;
    f.offset = h->range_at;
    half->told = TOLD_FILE;
    half->at = f.offset;
    half->file_size = m->has_length && !m->chunked ? h->range_at + m->length : announced ? f.size : 0;
    if (announced)
        session_activity(s, ACTIVITY_FILE, NULL);
    half->file = session_file_begin(s, &f);
    half->carry = 0; /* it is no packet */
}

/* Is the body of a request a file? Called when the header is read. */
static void request_file(struct http *h, struct session *s, struct half *half)
{
    const struct message *m = &half->message;
    bool put = view_equal(KEPT(h, method), VIEW("PUT")), post = view_equal(KEPT(h, method), VIEW("POST"));
    struct announced_file a;

    bool announced = find_url(h, s, &a);
    h->hit |= announced;
    if ((!put && !post) || !has_body(m, false))
        return;
    if (h->hit && m->is_form) {
        struct view boundary = KEPT(h, kind);
        multipart_begin(&h->parts, boundary);
        h->agent_len = 0;
        half->told = TOLD_PARTS;
    } else if (announced) {
        tell_file(h, s, half, announced_view(&a), true);
    } else if (h->hit && (m->is_file || (m->is_octets && (put || session_is_media(s))))) {
        tell_file(h, s, half, (struct im_file){ .size = 0 }, false);
    }
}

/* Is the body of an answer a file? Octets that answer packets (`carried`) are packets. The request is known
 * only where no other was sent since. */
static void answer_file(struct http *h, struct session *s, struct half *half, const struct half *asker,
                        bool carried)
{
    const struct message *m = &half->message;
    bool asked = h->answer_count == 0 && asker->place != HEADER && asker->place != RESYNC;
    struct announced_file a;

    if ((m->status != 200 && m->status != 203 && m->status != 206) || !has_body(m, true) || !asked)
        return;
    if (view_equal(KEPT(h, method), VIEW("GET")) && find_url(h, s, &a))
        tell_file(h, s, half, announced_view(&a), true);
    else if (h->hit && (m->named || ((m->is_file || (m->is_octets && !carried)) && session_is_media(s))))
        tell_file(h, s, half, (struct im_file){ .size = 0 }, false);
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
    if (h->half[FROM_CLIENT].told != TOLD_NOT || h->half[FROM_SERVER].told != TOLD_NOT)
        return false;
    return half->messages >= (h->inner == CARRY_CONNECTION || (h->hit && h->files) ? MESSAGES_CARRYING
                              : h->hit                                             ? MESSAGES
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
    if (h->files)
        request_file(h, s, half);
    a.carried = half->told == TOLD_NOT && m->carriage != CARRY_NOT && !m->compressed &&
                view_equal(KEPT(h, method), VIEW("POST"));
    if (a.carried)
        carry(h, s, half, (enum carriage)m->carriage);
    if (a.carried && h->files && view_starts(KEPT(h, target), VIEW("/notifyft")))
        half->carry = UINT32_MAX; /* Yahoo's uploads: a packet, then the file (ymsg.c) */
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
    if (h->files && !a.head)
        answer_file(h, s, half, asker, a.carried);
    if (!m->compressed && m->msn)
        carry(h, s, half, CARRY_CONNECTION);
    else if (!m->compressed && a.carried && half->told == TOLD_NOT)
        half->carry = CARRIED_BYTES;
    if (a.head || m->status == 204 || m->status == 304)
        message_done(half);
    else
        body_begin(half, true);
    /* An answer to the connection's end, of no interest, and nothing more is asked: HTTP/1.0. */
    bool last = half->place == TO_END && half->carry == 0 && half->told == TOLD_NOT && h->answer_count == 0 &&
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
    tell_end(h, s, half, false); /* of a body that was lost */
    h->files = session_wants_files(s);
    if (other->place != HEADER) {
        h->range_at = h->range_size = 0;
        h->kind_len = 0;
    }
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

    half->left -= body_take(h, s, from, in, half->left);
    if (half->left == 0) {
        tell_end(h, s, half, true);
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

    half->left -= body_take(h, s, from, in, half->left);
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
    tell_end(h, s, half, true);
    if (cut == CUT_LONG || ++half->message.lines > HEADER_LINES)
        lose(half);
    else if (line.len == 0)
        message_done(half);
    return true;
}

static bool at_to_end(struct http *h, struct session *s, enum flow_dir from, struct view *in)
{
    struct half *half = &h->half[from];

    (void)body_take(h, s, from, in, in->len);
    if (half->told == TOLD_FILE && half->file_size > 0 && half->at == half->file_size)
        tell_end(h, s, half, true); /* as announced */
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
    half->left += in->len - rest.len;
    *in = rest;
    if (half->left > RESYNC_BYTES)
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

/* A file whose body goes on behind the loss keeps its place; the rest of that body is known too. */
static bool lost_inside(struct http *h, enum flow_dir from, uint64_t lost)
{
    struct half *half = &h->half[from];
    bool counted = half->place == BODY || half->place == CHUNK;

    if (half->told == TOLD_NOT || !(half->place == TO_END || (counted && lost < half->left)))
        return false;
    if (half->told == TOLD_PARTS)
        multipart_lost(&h->parts, lost);
    half->at += lost;
    half->left -= counted ? lost : 0;
    return true;
}

/* Outside of files no length is trusted any more, nor which answer is whose. */
static bool http_gap(void *state, struct session *s, enum flow_dir from, uint64_t lost)
{
    struct http *h = state;
    struct half *other = &h->half[dir_other(from)];

    if (lost_inside(h, from, lost))
        return true;
    tell_end(h, s, &h->half[from], false);
    h->answer_count = 0;
    h->half[from].carry = 0;
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
