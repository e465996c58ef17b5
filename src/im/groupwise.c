/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Novell (OpenText) GroupWise Messenger, where it does not use TLS.
 *
 * Framing: the client's requests look like HTTP with a form, but are not: no Content-Length, no type, and the
 * fields begin with '&' and end with CR LF.
 *
 *     POST /sendmessage HTTP/1.0 CR LF
 *     Host: server:8300 CR LF CR LF                        (login only)
 *     &tag=NM_A_SZ_USERID&cmd=0&val=alice&type=10&tag=... CR LF
 *
 * Values are escaped as in URLs. A field of type 9 or 12 holds others, which simply follow. The server
 * answers in binary, which is not read here.
 *
 * Source: names and order of fields as open clients send them (libpurple and Kopete, facts only).
 *
 * Recognised by all of: a request word of the table, HTTP/1.0, no header but Host, and NM_A_ in the first
 * tag. It is asked before HTTP, so it says no at the first octet that differs. Limits: a request of 12 KiB.
 */
#include "identify/parser.h"
#include "im/transcode.h"

/* A view of a literal as an initialiser of static data. */
#define WORD(literal)                                                                                        \
    {                                                                                                        \
        (const uint8_t *)(literal), sizeof(literal) - 1                                                      \
    }

enum {
    REQUEST_BYTES = 12288,
    HOST_BYTES = 300,
    VALUE_BYTES = 512,
    TEXT_BYTES = 8192,
};

static const struct groupwise_request {
    struct view word;
    int8_t activity; /* enum activity, or -1 */
} groupwise_requests[] = {
    { WORD("login"), ACTIVITY_LOGIN },
    { WORD("logout"), ACTIVITY_LOGIN },
    { WORD("sendmessage"), ACTIVITY_CHAT },
    { WORD("sendinvite"), ACTIVITY_CHAT },
    { WORD("createconf"), ACTIVITY_CHAT },
    { WORD("joinconf"), ACTIVITY_CHAT },
    { WORD("leaveconf"), ACTIVITY_CHAT },
    { WORD("rejectconf"), ACTIVITY_CHAT },
    { WORD("sendtyping"), ACTIVITY_PRESENCE },
    { WORD("setstatus"), ACTIVITY_PRESENCE },
    { WORD("getstatus"), ACTIVITY_PRESENCE },
    { WORD("getdetails"), ACTIVITY_PRESENCE },
    { WORD("ping"), ACTIVITY_PRESENCE },
    { WORD("createcontact"), ACTIVITY_PRESENCE },
    { WORD("deletecontact"), ACTIVITY_PRESENCE },
    { WORD("movecontact"), ACTIVITY_PRESENCE },
    { WORD("createfolder"), ACTIVITY_PRESENCE },
    { WORD("updateitem"), ACTIVITY_PRESENCE },
    { WORD("createblock"), -1 },
    { WORD("updateblocks"), -1 },
    { WORD("createsearch"), -1 },
    { WORD("getresults"), -1 },
};

enum { REQUESTS = sizeof groupwise_requests / sizeof groupwise_requests[0] };

/* ---- recognition ---- */

enum match { MATCH_NO, MATCH_PART, MATCH_WHOLE };

/* Take `with` off the front of *v. */
static enum match take(struct view *v, struct view with)
{
    struct view part = view_slice(*v, 0, with.len);

    if (!view_starts(with, part))
        return MATCH_NO;
    *v = view_from(*v, part.len);
    return part.len == with.len ? MATCH_WHOLE : MATCH_PART;
}

/* "word HTTP/1.0" CR LF */
static enum match take_word(struct view *v, const struct groupwise_request **out)
{
    enum match best = MATCH_NO;

    for (unsigned i = 0; i < REQUESTS; i++) {
        struct view rest = *v;
        enum match m = take(&rest, groupwise_requests[i].word);
        if (m == MATCH_WHOLE)
            m = take(&rest, VIEW(" HTTP/1.0\r\n"));
        if (m == MATCH_WHOLE) {
            *v = rest;
            *out = &groupwise_requests[i];
            return m;
        }
        best = m == MATCH_PART ? MATCH_PART : best;
    }
    return best;
}

/* Up to the fields. MATCH_WHOLE: *v holds what follows the empty line. */
static enum match take_head(struct view *v, const struct groupwise_request **out)
{
    enum match m = take(v, VIEW("POST /"));

    if (m == MATCH_WHOLE)
        m = take_word(v, out);
    if (m != MATCH_WHOLE)
        return m;
    if (v->len > 0 && v->at[0] == 'H') {
        struct view line;
        m = take(v, VIEW("Host: "));
        if (m != MATCH_WHOLE)
            return m;
        if (!view_line(v, &line))
            return v->len < HOST_BYTES ? MATCH_PART : MATCH_NO;
    }
    return take(v, VIEW("\r\n"));
}

static enum im_answer groupwise_probe(const struct sample *s, struct finding *out)
{
    struct view v = s->bytes[FROM_CLIENT];
    const struct groupwise_request *request = NULL;
    struct text value = TEXT(out->value);

    if (v.len == 0 && s->bytes[FROM_SERVER].len > 0)
        return IM_NO; /* the client speaks first */
    enum match m = take_head(&v, &request);
    if (m == MATCH_WHOLE)
        m = take(&v, VIEW("&tag=NM_A_"));
    if (m != MATCH_WHOLE)
        return m == MATCH_PART ? IM_MORE : IM_NO;
    text_string(&value, "request ");
    text_printable(&value, request->word);
    return IM_YES;
}

static bool groupwise_starts(uint8_t first, enum flow_dir from)
{
    return from == FROM_CLIENT && first == 'P';
}

/* ---- following ---- */

struct groupwise_state {
    char account[64];
    bool proxy_told;
};

static void unescape(struct view v, struct text *t)
{
    while (v.len > 0) {
        struct view part = view_slice(v, 0, view_find_byte(v, '+', 0));
        text_percent(t, part);
        if (part.len < v.len)
            text_char(t, ' ');
        v = view_from(v, part.len + 1);
    }
}

/* The value of the first field with this tag. */
static bool find_field(struct view fields, struct view tag, struct text *out)
{
    struct view name = view_of(NULL, 0);

    while (fields.len > 0) {
        struct view pair = view_token(&fields, '&');
        struct view key = view_token(&pair, '=');
        if (view_equal(key, VIEW("tag")))
            name = pair;
        else if (view_equal(key, VIEW("val")) && view_equal(name, tag)) {
            unescape(pair, out);
            return true;
        }
    }
    return false;
}

static void follow(struct groupwise_state *st, struct session *s, const struct groupwise_request *request,
                   struct view fields)
{
    char peer_buffer[VALUE_BYTES], octets[TEXT_BYTES], buffer[2 * TEXT_BYTES];
    struct text peer = TEXT(peer_buffer), said = TEXT(octets), text = TEXT(buffer);
    struct im_detail detail = { .outgoing = true };

    if (request->activity < 0)
        return;
    if (request->activity == ACTIVITY_LOGIN && find_field(fields, VIEW("NM_A_SZ_USERID"), &peer)) {
        struct text account = TEXT(st->account);
        text_printable(&account, view_of(peer_buffer, peer.len));
        if (find_field(fields, VIEW("NM_A_SZ_USER_AGENT"), &said))
            session_client(s, view_of(octets, said.len));
    }
    detail.account = view_string(st->account);
    if (request->activity == ACTIVITY_CHAT) {
        if (!st->proxy_told)
            session_delivery(s, DELIVERY_SERVER_PROXY);
        st->proxy_told = true;
        if (find_field(fields, VIEW("NM_A_SZ_DN"), &peer))
            detail.peer = view_of(peer_buffer, peer.len);
        if (find_field(fields, VIEW("NM_A_SZ_MESSAGE_TEXT"), &said))
            text_8bit(&text, view_of(octets, said.len));
        detail.text = view_of(buffer, text.len);
    }
    session_activity(s, (enum activity)request->activity, &detail);
}

static size_t groupwise_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct view left = in;

    if (from == FROM_SERVER)
        return in.len;
    while (left.len > 0) {
        const struct groupwise_request *request = NULL;
        struct view v = view_slice(left, 0, REQUEST_BYTES), fields;
        enum match m = take_head(&v, &request);
        if (m == MATCH_NO ||
            (left.len >= REQUEST_BYTES && (m == MATCH_PART || view_find_byte(v, '\n', 0) == v.len))) {
            session_anomaly(s, ANOMALY_MALFORMED, VIEW("GroupWise request"));
            session_settle(s);
            break;
        }
        if (m == MATCH_PART || !view_line(&v, &fields))
            break;
        follow(state, s, request, fields);
        left = view_from(left, view_slice(left, 0, REQUEST_BYTES).len - v.len);
    }
    return in.len - left.len;
}

extern const struct parser parser_groupwise;

const struct parser parser_groupwise = {
    .protocol = PROTOCOL_GROUPWISE,
    .service = "groupwise",
    .on = PARSER_TCP,
    .starts = groupwise_starts,
    .probe = groupwise_probe,
    .state_size = sizeof(struct groupwise_state),
    .feed = groupwise_feed,
};
