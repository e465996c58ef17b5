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
 * Messages are text or CPIM; a file has another type or a Content-Disposition with its name (RFC 5547 section
 * 7).
 *
 * Recognised by the start line and To-Path behind it. Limits: headers of 4 KiB; text is told of messages up
 * to 8 KiB, larger ones are skipped to their end line.
 */
#include "identify/parser.h"

enum {
    HEAD_BYTES = 4096,
    MESSAGE_BYTES = 8192,
    LINE_BYTES = 128,       /* of a start line */
    TRANSACTION_BYTES = 32, /* section 9: 4 to 32 characters */
    DASHES = 7,
};

struct msrp_message {
    struct view transaction, method, type, disposition, from, to;
    size_t head; /* octets up to the body, or up to the end line */
    bool has_body;
};

struct msrp_state {
    char skipping[2][TRANSACTION_BYTES + 1]; /* transaction whose end is looked for, by enum flow_dir */
    bool delivery_told;
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

/* Start line and headers. False: not all there. *out_bad: this is not MSRP. */
static bool read_head(struct view in, struct msrp_message *out, bool *out_bad)
{
    struct msrp_message m = { 0 };
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

static void follow(struct msrp_state *st, struct session *s, const struct msrp_message *m, struct view text,
                   bool outgoing)
{
    struct im_detail detail = { .account = outgoing ? m->from : m->to,
                                .peer = outgoing ? m->to : m->from,
                                .outgoing = outgoing };

    if (!view_equal(m->method, VIEW("SEND")) || m->type.len == 0)
        return;
    if (!st->delivery_told)
        session_delivery(s, DELIVERY_PEER);
    st->delivery_told = true;
    if (view_starts_nocase(m->type, VIEW("application/im-iscomposing+xml"))) {
        session_activity(s, ACTIVITY_PRESENCE, &detail);
        return;
    }
    bool file = view_find_nocase(m->disposition, VIEW("filename")) < m->disposition.len ||
                view_starts_nocase(m->disposition, VIEW("attachment"));
    bool chat =
        view_starts_nocase(m->type, VIEW("text/")) || view_starts_nocase(m->type, VIEW("message/cpim"));
    if (file || !chat) {
        detail.file = file_name(m->disposition);
        session_activity(s, ACTIVITY_FILE, &detail);
        return;
    }
    detail.text = text;
    session_activity(s, ACTIVITY_CHAT, &detail);
}

/* Skip to the end line of a large message. Returns how many octets can go. */
static size_t skip(char *transaction, struct view v)
{
    struct view name = view_string(transaction);
    size_t longest = DASHES + name.len;
    size_t at = find_end(v, name);

    if (at == v.len)
        return v.len >= longest ? v.len - longest + 1 : 0;
    size_t end = view_find_byte(v, '\n', at);
    if (end == v.len)
        return at;
    transaction[0] = '\0';
    return end + 1;
}

/* Take one message off the front. Returns its length, 0: not all there. */
static size_t take_message(struct msrp_state *st, struct session *s, enum flow_dir from, struct view v)
{
    struct msrp_message m;
    bool bad;

    if (st->skipping[from][0] != '\0')
        return skip(st->skipping[from], v);
    if (!read_head(view_slice(v, 0, HEAD_BYTES), &m, &bad)) {
        if (bad || v.len >= HEAD_BYTES)
            session_settle(s);
        return 0;
    }
    struct view window = view_slice(v, 0, MESSAGE_BYTES);
    struct view rest = view_from(window, m.head);
    size_t at = find_end(rest, m.transaction);
    size_t end = view_find_byte(rest, '\n', at);
    if (end < rest.len) {
        struct view text =
            view_slice(rest, 0, at >= 2 && m.has_body ? at - 2 : 0); /* CR LF belongs to the end line */
        follow(st, s, &m, text, from == FROM_CLIENT);
        return m.head + end + 1;
    }
    if (v.len < MESSAGE_BYTES)
        return 0;
    struct text transaction = TEXT(st->skipping[from]);
    text_add(&transaction, m.transaction);
    follow(st, s, &m, view_of(NULL, 0), from == FROM_CLIENT);
    return m.head;
}

static size_t msrp_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct view left = in;

    while (left.len > 0) {
        size_t n = take_message(state, s, from, left);
        if (n == 0)
            break;
        left = view_from(left, n);
    }
    return in.len - left.len;
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
};
