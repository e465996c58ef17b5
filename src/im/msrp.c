/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MSRP, the session of messages and files that SIP arranges (RFC 4975).
 *
 * Framing (section 7.1): a start line, headers, perhaps a body, and an end line that repeats the transaction:
 *
 *     MSRP a786hjs2 SEND              MSRP a786hjs2 200 OK
 *     To-Path: msrp://...             ...
 *     From-Path: msrp://...
 *     Content-Type: text/plain
 *
 *     text
 *     -------a786hjs2$                $ last chunk, + more to come, # given up
 *
 * Messages are text or CPIM; a file has another type or a Content-Disposition with its name, or the SIP that
 * arranged the session said so (RFC 5547 section 7): the token "msrp URI" of either path finds what it said
 * (sip.c), and who is at which end. Long messages and files come in pieces with one Message-ID; Byte-Range
 * "1-2048/8000" says where a piece belongs (section 7.1.1). Where its end is "*", the end line ends it.
 *
 * A loss within a piece of a file that told its length leaves a hole; after any other following ends.
 *
 * Recognised by the start line and To-Path behind it. Limits: headers of 4 KiB; text is told of pieces up to
 * 8 KiB, larger ones are skipped to their end line; of text in pieces JOINED_BYTES; one file at a time each
 * way.
 */
#include "base/hash.h"
#include "identify/parser.h"
#include "im/cpim.h"
#include "im/transcode.h"

enum {
    HEAD_BYTES = 4096,
    MESSAGE_BYTES = 8192,
    LINE_BYTES = 128,       /* of a start line */
    TRANSACTION_BYTES = 32, /* section 9: 4 to 32 characters */
    DASHES = 7,
    JOINED_BYTES = 3072,
    NAME_BYTES = 256,
    TOKEN_BYTES = 256,
};

struct msrp_message {
    struct view transaction, method, type, disposition, from, to, id;
    uint64_t first, last, total; /* of Byte-Range, from 1; last and total 0: not known */
    size_t head;                 /* octets up to the body, or up to the end line */
    bool has_body;
};

/* What one side sends. */
struct msrp_side {
    char within[TRANSACTION_BYTES + 1]; /* transaction whose body goes by, and whose end line is looked for */
    bool file_open, counted;            /* its body is of a file; its length is known */
    uint32_t file;                      /* of the session */
    uint64_t at, left;                  /* the place of the next byte; how many come before the end line */
    uint64_t file_id, joined_id;        /* hashes of Message-IDs */
    size_t joined;
    char text[JOINED_BYTES]; /* of a message in pieces */
};

struct msrp_state {
    struct msrp_side side[2];
    bool delivery_told;
};
_Static_assert(sizeof(struct msrp_state) <= PARSER_STATE_BYTES, "fits the slab");

/* One call of feed. */
struct msrp_talk {
    struct msrp_state *st;
    struct session *s;
    enum flow_dir from;
};

static bool read_start(struct view line, struct msrp_message *out)
{
    uint64_t code;

    if (!view_equal(view_token(&line, ' '), VIEW("MSRP")))
        return false;
    out->transaction = view_token(&line, ' ');
    out->method = view_token(&line, ' ');
    if (out->transaction.len < 4 || out->transaction.len > TRANSACTION_BYTES)
        return false;
    for (size_t i = 0; i < out->transaction.len; i++)
        if (out->transaction.at[i] <= ' ' || out->transaction.at[i] > '~')
            return false;
    return view_equal(out->method, VIEW("SEND")) || view_equal(out->method, VIEW("REPORT")) ||
           view_equal(out->method, VIEW("AUTH")) ||
           (view_decimal(out->method, 999, &code) && out->method.len == 3);
}

/* ---- recognition ---- */

static enum im_answer probe_side(struct view v, struct finding *out)
{
    struct msrp_message m = { 0 };
    struct view line, path = VIEW("To-Path: msrp");

    if (!view_starts(VIEW("MSRP "), view_slice(v, 0, 5)))
        return IM_NO;
    if (!view_line(&v, &line))
        return v.len < LINE_BYTES ? IM_MORE : IM_NO;
    if (!read_start(line, &m))
        return IM_NO;
    if (!view_starts_nocase(path, view_slice(v, 0, path.len)))
        return IM_NO;
    if (v.len < path.len)
        return IM_MORE;
    struct text value = TEXT(out->value);
    text_string(&value, "MSRP ");
    text_printable(&value, m.method);
    return IM_YES;
}

static enum im_answer msrp_probe(const struct sample *s, struct finding *out)
{
    for (int d = 0; d < 2; d++) {
        enum im_answer answer = s->bytes[d].len > 0 ? probe_side(s->bytes[d], out) : IM_MORE;
        if (answer != IM_MORE)
            return answer;
    }
    return IM_MORE;
}

static bool msrp_starts(uint8_t first, enum flow_dir from)
{
    (void)from;
    return first == 'M';
}

/* ---- following ---- */

/* Offset of "-------transaction" in `v`, or v.len. */
static size_t find_end(struct view v, struct view transaction)
{
    char mark[DASHES + TRANSACTION_BYTES + 1];
    struct text t = TEXT(mark);

    text_string(&t, "-------");
    text_add(&t, transaction);
    return view_find(v, view_of(mark, t.len));
}

/* "1-2048/8000", the last two perhaps "*". */
static void read_range(struct view v, struct msrp_message *m)
{
    struct view first = view_token(&v, '-'), last = view_token(&v, '/');
    uint64_t n;

    if (view_decimal(first, INT64_MAX, &n) && n > 0)
        m->first = n;
    if (view_decimal(last, INT64_MAX, &n) && n + 1 >= m->first)
        m->last = n;
    if (view_decimal(v, INT64_MAX, &n))
        m->total = n;
}

/* Start line and headers. False: not all there. *out_bad: this is not MSRP. */
static bool read_head(struct view in, struct msrp_message *out, bool *out_bad)
{
    struct msrp_message m = { .first = 1 };
    struct view left = in, line;

    *out_bad = false;
    if (!view_line(&left, &line))
        return false;
    if (!read_start(line, &m)) {
        *out_bad = true;
        return false;
    }
    for (struct view before = left; view_line(&left, &line); before = left) {
        m.has_body = line.len == 0;
        m.head = in.len - (m.has_body ? left.len : before.len);
        if (m.has_body || view_starts(line, VIEW("-------"))) {
            *out = m;
            return true;
        }
        struct view name = view_token(&line, ':');
        if (view_equal_nocase(name, VIEW("Content-Type")))
            m.type = view_trim(line);
        else if (view_equal_nocase(name, VIEW("Content-Disposition")))
            m.disposition = view_trim(line);
        else if (view_equal_nocase(name, VIEW("To-Path")))
            m.to = view_trim(line);
        else if (view_equal_nocase(name, VIEW("From-Path")))
            m.from = view_trim(line);
        else if (view_equal_nocase(name, VIEW("Message-ID")))
            m.id = view_trim(line);
        else if (view_equal_nocase(name, VIEW("Byte-Range")))
            read_range(view_trim(line), &m);
    }
    return false;
}

static struct view file_name(struct view disposition)
{
    size_t at = view_find_nocase(disposition, VIEW("filename=\""));

    if (at == disposition.len)
        return view_of(NULL, 0);
    disposition = view_from(disposition, at + 10);
    return view_token(&disposition, '"');
}

/* What SIP said of this session, and which end the sender is. */
static bool find_announced(const struct msrp_talk *t, const struct msrp_message *m,
                           struct announced_file *told, bool *out_outgoing)
{
    char buffer[TOKEN_BYTES], other[TOKEN_BYTES];
    struct text from = TEXT(buffer), to = TEXT(other);

    msrp_token(&from, m->from);
    msrp_token(&to, m->to);
    if (session_announced(t->s, view_of(buffer, from.len), told)) {
        *out_outgoing = told->outgoing;
        return true;
    }
    if (session_announced(t->s, view_of(other, to.len), told)) {
        *out_outgoing = !told->outgoing;
        return true;
    }
    return false;
}

static uint64_t message_hash(const struct msrp_message *m)
{
    return hash_bytes(view_of(m->id.at, m->id.len), 1) | 1; /* 0 is none */
}

/* The bytes of a piece come next: of a file that goes on, or of a new one. */
static void begin_file(const struct msrp_talk *t, const struct msrp_message *m, struct im_detail *detail,
                       const struct announced_file *told)
{
    struct msrp_side *side = &t->st->side[t->from];
    uint64_t id = message_hash(m);
    struct im_file file = { .type = m->type,
                            .account = detail->account,
                            .peer = detail->peer,
                            .size = m->total > 0 ? m->total : told->size,
                            .outgoing = detail->outgoing };

    side->file_open = true;
    side->counted = m->last > 0;
    side->at = m->first - 1;
    side->left = m->last > 0 ? m->last - side->at : 0;
    if (side->file_id == id)
        return;
    if (side->file_id != 0)
        session_file_end(t->s, side->file, false);
    char name[NAME_BYTES];
    struct text text = TEXT(name);
    text_8bit(&text, file_name(m->disposition));
    file.name = text.len > 0 ? view_of(name, text.len) : view_string(told->name);
    detail->file = file.name;
    detail->size = file.size;
    session_activity(t->s, ACTIVITY_FILE, detail);
    side->file_id = id;
    side->file = session_file_begin(t->s, &file);
}

/* A message, or a piece of one: `flag` is how its end line says that it ends. */
static void tell_text(const struct msrp_talk *t, const struct msrp_message *m, struct im_detail *detail,
                      struct view body, uint8_t flag)
{
    struct msrp_side *side = &t->st->side[t->from];
    uint64_t id = message_hash(m);
    struct sip_message_text said;
    char buffer[MESSAGE_BYTES];
    struct text text = TEXT(buffer);
    struct text joined = { side->text, side->joined, sizeof side->text, false };

    if (m->first == 1 && flag == '+') {
        joined.len = 0;
        side->joined_id = id;
    }
    if (side->joined_id == id && m->id.len > 0) {
        text_add(&joined, body);
        side->joined = joined.len;
        if (flag == '+' && !joined.cut)
            return;
        body = view_of(side->text, side->joined);
        side->joined_id = 0;
    } else if (m->first > 1) {
        return; /* more of one that was told as far as it fits */
    }
    if (!sip_message_text(m->type, body, &said))
        return;
    if (said.from.len > 0) {
        detail->account = detail->outgoing ? said.from : said.to;
        detail->peer = detail->outgoing ? said.to : said.from;
    }
    text_8bit(&text, said.content);
    detail->text = view_of(buffer, text.len);
    detail->markup = said.markup;
    session_activity(t->s, ACTIVITY_CHAT, detail);
}

static bool is_file(const struct msrp_message *m, const struct announced_file *told)
{
    bool chat =
        view_starts_nocase(m->type, VIEW("text/")) || view_starts_nocase(m->type, VIEW("message/cpim"));

    return !chat || told->name[0] != '\0' ||
           view_find_nocase(m->disposition, VIEW("filename")) < m->disposition.len ||
           view_starts_nocase(m->disposition, VIEW("attachment"));
}

/* Is this a SEND with a body that somebody sees? *detail and *told are who and what it is about. */
static bool read_people(const struct msrp_talk *t, const struct msrp_message *m, struct im_detail *detail,
                        struct announced_file *told)
{
    bool outgoing = t->from == FROM_CLIENT;

    if (!view_equal(m->method, VIEW("SEND")) || m->type.len == 0 || !m->has_body)
        return false;
    if (!t->st->delivery_told)
        session_delivery(t->s, DELIVERY_PEER);
    t->st->delivery_told = true;
    bool known = find_announced(t, m, told, &outgoing);
    detail->outgoing = outgoing;
    detail->account = outgoing ? m->from : m->to;
    detail->peer = outgoing ? m->to : m->from;
    if (known) {
        detail->account = view_string(told->account);
        detail->peer = view_string(told->peer);
    }
    if (view_starts_nocase(m->type, VIEW("application/im-iscomposing+xml"))) {
        session_activity(t->s, ACTIVITY_PRESENCE, detail);
        return false;
    }
    return true;
}

static void file_bytes(const struct msrp_talk *t, struct view bytes)
{
    struct msrp_side *side = &t->st->side[t->from];

    session_file_bytes(t->s, side->file, side->at, bytes);
    side->at += bytes.len;
}

/* The end line of a piece: $ the last one, + more to come, # given up. */
static void piece_ends(const struct msrp_talk *t, uint8_t flag)
{
    struct msrp_side *side = &t->st->side[t->from];

    if (side->file_open && flag != '+') {
        session_file_end(t->s, side->file, flag == '$');
        side->file_id = 0;
    }
    side->file_open = side->counted = false;
    side->within[0] = '\0';
}

/* The body of a file or of a large message goes by, up to the end line. Returns how many octets can go. */
static size_t pass(const struct msrp_talk *t, struct view v)
{
    struct msrp_side *side = &t->st->side[t->from];
    struct view name = view_string(side->within);
    size_t longest = 2 + DASHES + name.len; /* CR LF belongs to the end line */

    if (side->counted && side->left > 0) {
        v = view_slice(v, 0, side->left < v.len ? (size_t)side->left : v.len);
        file_bytes(t, v);
        side->left -= v.len;
        return v.len;
    }
    size_t at = find_end(v, name);
    bool found = at < v.len;
    size_t end = view_find_byte(v, '\n', at);
    size_t body = found ? (at >= 2 ? at - 2 : 0) : v.len >= longest ? v.len - longest + 1 : 0;
    if (side->file_open && !side->counted)
        file_bytes(t, view_slice(v, 0, body));
    if (end == v.len)
        return body;
    piece_ends(t, at + DASHES + name.len < v.len ? v.at[at + DASHES + name.len] : '#');
    return end + 1;
}

/* Let the body of this message go by. */
static void enter(const struct msrp_talk *t, const struct msrp_message *m)
{
    struct text transaction = TEXT(t->st->side[t->from].within);

    text_add(&transaction, m->transaction);
}

/* Take one message, or the head of one, off the front. Returns its length, 0: not all there. */
static size_t take_message(const struct msrp_talk *t, struct view v)
{
    struct msrp_message m;
    struct im_detail detail = { 0 };
    struct announced_file told = { 0 };
    bool bad;

    if (t->st->side[t->from].within[0] != '\0')
        return pass(t, v);
    if (!read_head(view_slice(v, 0, HEAD_BYTES), &m, &bad)) {
        if (bad || v.len >= HEAD_BYTES)
            session_settle(t->s);
        return 0;
    }
    struct view rest = view_from(view_slice(v, 0, MESSAGE_BYTES), m.head);
    size_t at = find_end(rest, m.transaction);
    size_t end = view_find_byte(rest, '\n', at);
    bool whole = end < rest.len;
    bool file_comes = view_equal(m.method, VIEW("SEND")) && m.has_body && m.type.len > 0;
    if (!whole && v.len < MESSAGE_BYTES && !file_comes)
        return 0;
    if (file_comes && find_announced(t, &m, &told, &bad))
        file_comes = is_file(&m, &told);
    else
        file_comes = file_comes && is_file(&m, &told);
    bool typing = view_starts_nocase(m.type, VIEW("application/im-iscomposing+xml"));
    if (!whole && v.len < MESSAGE_BYTES && (!file_comes || typing))
        return 0;
    if (!read_people(t, &m, &detail, &told)) {
        if (!whole)
            enter(t, &m);
        return whole ? m.head + end + 1 : m.head;
    }
    if (file_comes) {
        begin_file(t, &m, &detail, &told);
        enter(t, &m);
        return m.head;
    }
    if (whole) {
        size_t flag = at + DASHES + m.transaction.len;
        tell_text(t, &m, &detail, view_slice(rest, 0, at >= 2 ? at - 2 : 0), rest.at[flag]);
        return m.head + end + 1;
    }
    tell_text(t, &m, &detail, view_of(NULL, 0), '$');
    enter(t, &m);
    return m.head;
}

static size_t msrp_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct msrp_talk t = { state, s, from };
    struct view left = in;

    while (left.len > 0) {
        size_t n = take_message(&t, left);
        if (n == 0)
            break;
        left = view_from(left, n);
    }
    session_midway(s, from, t.st->side[from].joined_id != 0);
    return in.len - left.len;
}

/* Only where so many bytes of a file were still to come is the place known. */
static bool msrp_gap(void *state, struct session *s, enum flow_dir from, uint64_t lost)
{
    struct msrp_state *st = state;
    struct msrp_side *side = &st->side[from];

    if (side->within[0] != '\0' && side->counted && lost <= side->left) {
        side->at += lost;
        side->left -= lost;
        return true;
    }
    if (side->file_id != 0)
        session_file_end(s, side->file, false);
    side->file_id = 0;
    return false;
}

extern const struct parser parser_msrp;

const struct parser parser_msrp = {
    .protocol = PROTOCOL_MSRP,
    .service = "simple",
    .on = PARSER_TCP,
    .starts = msrp_starts,
    .probe = msrp_probe,
    .state_size = sizeof(struct msrp_state),
    .feed = msrp_feed,
    .gap = msrp_gap,
};
