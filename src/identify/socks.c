/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SOCKS 4, 4a and 5: a client asks a proxy for a connection to somewhere, then the stream is that connection.
 *
 *   4   client  04 command port16 address[4] user NUL                  (socks4.protocol, Y.-D. Lee)
 *   4a  the same with address 0.0.0.x, x not 0, and a host name NUL behind the user    (socks4a.protocol)
 *       server  00 reply port16 address[4]; reply 5a: granted
 *   5   client  05 count methods[count]      server  05 method        (RFC 1928 section 3)
 *       method 2: client 01 len user len password, server 01 status   (RFC 1929 section 2)
 *       method 1: 01 type len16 token both ways                       (GSSAPI, RFC 1961 section 3)
 *       client  05 command 00 type address port16                     (RFC 1928 section 4)
 *       server  05 reply 00 type address port16; reply 0: granted     (section 6)
 *
 * The two directions are read apart from each other, since a client may send all it has at once and a capture
 * may show the answer first: what the client says after its request and the server after its reply stays
 * unconsumed until both are read, and then belongs to the protocol that is carried. Only CONNECT carries a
 * stream; BIND and UDP ASSOCIATE end here, and so does GSSAPI with encryption (RFC 1961 section 4).
 *
 * XMPP file transfers speak SOCKS 5 with a target that is no host: 40 hexadecimal digits, the SHA-1 of
 * session and parties, port 0 (XEP-0065 section 5.3.2). That hash is the name by which the parser of what
 * follows (bytestream.c) finds the file's announcement.
 */
#include "base/cursor.h"
#include "identify/parser.h"

enum { CMD_CONNECT = 1, CMD_BIND = 2, CMD_UDP = 3 };
enum { METHOD_NONE = 0, METHOD_GSSAPI = 1, METHOD_PASSWORD = 2, METHOD_REFUSED = 0xff };
enum { ADDRESS_V4 = 1, ADDRESS_NAME = 3, ADDRESS_V6 = 4 };
enum {
    AUTH_VERSION = 1,
    GSSAPI_AUTH = 1,
    GSSAPI_PROTECTION = 2,
    GRANTED_4 = 0x5a,
    LAST_4 = 0x5d,
    METHODS_LIMIT = 16
};
enum { TEXT_LIMIT = 255 }; /* of a user or host name of version 4, which have no length */

enum step { STEP_MORE, STEP_DONE, STEP_BAD };

/* Where each direction is. */
enum phase { PHASE_GREETING, PHASE_TALK, PHASE_END };

struct socks {
    uint8_t version;  /* 4 or 5, once the client's first byte was read */
    uint8_t phase[2]; /* enum phase, by direction; PHASE_END: the request or the reply was read */
    bool gssapi_offered, method_known;
    uint8_t method;
    uint8_t command;
    bool granted;
    bool bytestream; /* of XMPP */
};

struct target {
    char host[TEXT_LIMIT + 1];
    uint16_t port;
    bool address; /* given as an address, not as a name */
};

/* ---- messages ---- */

/* Bytes up to a NUL, which is used up. */
static enum step read_string(struct cursor *c, struct view *out)
{
    struct view v = cursor_peek(c);
    size_t len = view_find_byte(v, '\0', 0);

    if (len > TEXT_LIMIT)
        return STEP_BAD;
    if (len == v.len)
        return STEP_MORE;
    *out = cursor_take(c, len);
    cursor_skip(c, 1);
    return STEP_DONE;
}

static bool is_text(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if (v.at[i] < 0x21 || v.at[i] == 0x7f)
            return false;
    return true;
}

/* Letters, digits and what else names of machines hold. */
static bool is_host(struct view v)
{
    for (size_t i = 0; i < v.len; i++) {
        uint8_t b = ascii_lower(v.at[i]);
        if (!((b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || b == '.' || b == '-' || b == '_' ||
              b == ':'))
            return false;
    }
    return v.len > 0;
}

static void set_address(struct target *t, const struct ip_addr *ip)
{
    struct text host = TEXT(t->host);

    text_address(&host, ip);
    t->address = true;
}

static enum step read_request4(struct cursor *c, uint8_t *out_command, struct target *out)
{
    struct text host = TEXT(out->host);
    uint8_t version = cursor_u8(c), command = cursor_u8(c);
    struct view user, name;

    out->port = cursor_u16(c);
    struct view octets = cursor_take(c, 4);
    if (c->bad)
        return STEP_MORE;
    if (version != 4 || (command != CMD_CONNECT && command != CMD_BIND) || out->port == 0)
        return STEP_BAD;
    enum step step = read_string(c, &user);
    if (step != STEP_DONE)
        return step;
    struct ip_addr ip = ip_from_v4(octets.at);
    bool by_name = octets.at[0] == 0 && octets.at[1] == 0 && octets.at[2] == 0 && octets.at[3] != 0;
    if (!is_text(user) || (octets.at[0] == 0 && !by_name))
        return STEP_BAD;
    *out_command = command;
    out->address = !by_name;
    if (!by_name) {
        set_address(out, &ip);
        return STEP_DONE;
    }
    step = read_string(c, &name);
    if (step == STEP_DONE && !is_host(name))
        return STEP_BAD;
    if (step == STEP_DONE)
        text_add(&host, name);
    return step;
}

static enum step read_reply4(struct cursor *c, bool *out_granted)
{
    uint8_t version = cursor_u8(c), reply = cursor_u8(c);

    if (!c->bad && (version != 0 || reply < GRANTED_4 || reply > LAST_4))
        return STEP_BAD;
    cursor_skip(c, 6);
    *out_granted = reply == GRANTED_4;
    return c->bad ? STEP_MORE : STEP_DONE;
}

/* Command or reply of version 5: they have the same form. */
static enum step read_message5(struct cursor *c, uint8_t *out_code, struct target *out)
{
    struct text host = TEXT(out->host);
    uint8_t version = cursor_u8(c);

    *out_code = cursor_u8(c);
    if (!c->bad && version != 5)
        return STEP_BAD;
    uint8_t reserved = cursor_u8(c), type = cursor_u8(c);
    if (c->bad)
        return STEP_MORE;
    if (reserved != 0 || (type != ADDRESS_V4 && type != ADDRESS_NAME && type != ADDRESS_V6))
        return STEP_BAD;
    size_t len = type == ADDRESS_V4 ? 4 : type == ADDRESS_V6 ? 16 : cursor_u8(c);
    struct view address = cursor_take(c, len);
    out->port = cursor_u16(c);
    if (c->bad)
        return STEP_MORE;
    out->address = type != ADDRESS_NAME;
    if (out->address) {
        struct ip_addr ip = type == ADDRESS_V4 ? ip_from_v4(address.at) : ip_from_v6(address.at);
        set_address(out, &ip);
    } else {
        text_printable(&host, address);
    }
    return STEP_DONE;
}

static enum step read_request5(struct cursor *c, uint8_t *out_command, struct target *out)
{
    enum step step = read_message5(c, out_command, out);

    if (step == STEP_DONE && (*out_command < CMD_CONNECT || *out_command > CMD_UDP ||
                              (!out->address && !is_host(view_string(out->host)))))
        return STEP_BAD;
    return step;
}

/* The methods that a client offers; each once. */
static enum step read_greeting(struct cursor *c, struct view *out_methods)
{
    uint8_t version = cursor_u8(c), count = cursor_u8(c);

    if (!c->bad && (version != 5 || count == 0 || count > METHODS_LIMIT))
        return STEP_BAD;
    *out_methods = cursor_take(c, count);
    if (c->bad)
        return STEP_MORE;
    for (size_t i = 0; i < out_methods->len; i++)
        if (view_find_byte(*out_methods, out_methods->at[i], i + 1) < out_methods->len ||
            out_methods->at[i] == METHOD_REFUSED)
            return STEP_BAD;
    return STEP_DONE;
}

static enum step read_password(struct cursor *c)
{
    uint8_t version = cursor_u8(c);
    struct cursor user = cursor_block8(c), password = cursor_block8(c);

    (void)user;
    (void)password; /* read over: nobody's business */
    return !c->bad && version != AUTH_VERSION ? STEP_BAD : c->bad ? STEP_MORE : STEP_DONE;
}

/* A GSSAPI frame; type 3 carries the encrypted rest, of which nothing can be read. */
static enum step read_gssapi(struct cursor *c)
{
    uint8_t version = cursor_u8(c), type = cursor_u8(c);

    if (!c->bad && (version != AUTH_VERSION || type < GSSAPI_AUTH || type > GSSAPI_PROTECTION))
        return STEP_BAD;
    size_t len = cursor_u16(c);
    if (!c->bad && len > PARSER_MESSAGE_BYTES / 2)
        return STEP_BAD;
    cursor_skip(c, len);
    return c->bad ? STEP_MORE : STEP_DONE;
}

/* ---- probe ---- */

static bool socks_starts(uint8_t first, enum flow_dir from)
{
    /* A server of version 4 begins its reply with 00. */
    return first == 5 || first == (from == FROM_CLIENT ? 4 : 0);
}

static enum im_answer to_answer(enum step step)
{
    return step == STEP_DONE ? IM_YES : step == STEP_MORE ? IM_MORE : IM_NO;
}

/* A request by address has too little structure alone: the reply must fit as well. */
static enum im_answer probe4(struct view client, struct view server)
{
    struct cursor c = cursor_open(client), answer = cursor_open(server);
    struct target target;
    uint8_t command;
    bool granted;
    enum step step = read_request4(&c, &command, &target);

    if (step != STEP_DONE)
        return to_answer(step);
    if (!target.address)
        return IM_YES;
    return to_answer(read_reply4(&answer, &granted));
}

/* A greeting needs the server's choice among what was offered, or the request behind it. */
static enum im_answer probe5(struct view client, struct view server)
{
    struct cursor c = cursor_open(client), answer = cursor_open(server);
    struct view methods;
    struct target target;
    uint8_t command;
    enum step step = read_greeting(&c, &methods);

    if (step != STEP_DONE)
        return to_answer(step);
    uint8_t version = cursor_u8(&answer), method = cursor_u8(&answer);
    if (!answer.bad)
        return version == 5 && view_find_byte(methods, method, 0) < methods.len ? IM_YES : IM_NO;
    if (server.len == 1 && server.at[0] != 5)
        return IM_NO;
    if (view_starts(cursor_peek(&c), VIEW("\1"))) /* a password or token sent ahead */
        return IM_MORE;
    return to_answer(read_request5(&c, &command, &target));
}

static enum im_answer socks_probe(const struct sample *s, struct finding *out)
{
    struct view client = s->bytes[FROM_CLIENT], server = s->bytes[FROM_SERVER];
    struct text value = TEXT(out->value);

    if (s->midstream || (client.len == 0 && server.len > 0))
        return IM_NO;
    if (client.len == 0)
        return IM_MORE;
    bool four = client.at[0] == 4;
    enum im_answer answer = four ? probe4(client, server) : probe5(client, server);
    if (answer == IM_YES)
        text_string(&value, four ? "SOCKS 4 request" : "SOCKS 5 greeting");
    return answer;
}

/* ---- feed ---- */

static bool is_bytestream_target(const struct target *t)
{
    struct view host = view_string(t->host);

    for (size_t i = 0; i < host.len; i++) {
        uint8_t b = ascii_lower(host.at[i]);
        if (!((b >= '0' && b <= '9') || (b >= 'a' && b <= 'f')))
            return false;
    }
    return host.len == 40 && t->port == 0;
}

static void tell_request(struct socks *k, struct session *s, const struct target *t)
{
    char buffer[300];
    struct text value = TEXT(buffer);

    session_version(s, view_string(k->version == 4 ? "SOCKS4" : "SOCKS5"));
    if (is_bytestream_target(t)) {
        k->bytestream = true;
        session_evidence(s, &(struct evidence){ .kind = EVIDENCE_PAYLOAD,
                                                .service = "xmpp",
                                                .value = VIEW("SOCKS5 bytestream") });
        session_name(s, EVIDENCE_TUNNEL_TARGET, view_string(t->host));
        session_activity(s, ACTIVITY_FILE, NULL);
        return;
    }
    text_format(&value, "%s:%u", t->host, t->port);
    session_hint(s, HINT_PROXY, view_of(buffer, value.len));
    session_name(s, EVIDENCE_TUNNEL_TARGET, view_string(t->host));
    if (k->command != CMD_CONNECT)
        session_trace(s, "socks: %s", k->command == CMD_BIND ? "BIND" : "UDP ASSOCIATE");
}

/* The client's next message. */
static enum step client_step(struct socks *k, struct session *s, struct cursor *c)
{
    struct target target = { .port = 0 };
    struct view methods, ahead = cursor_peek(c);
    enum step step;

    if (k->version == 0 && ahead.len > 0)
        k->version = ahead.at[0] == 4 ? 4 : 5;
    if (k->version == 5 && k->phase[FROM_CLIENT] == PHASE_GREETING) {
        step = read_greeting(c, &methods);
        if (step == STEP_DONE) {
            k->gssapi_offered = view_find_byte(methods, METHOD_GSSAPI, 0) < methods.len;
            k->phase[FROM_CLIENT] = PHASE_TALK;
        }
        return step;
    }
    if (k->version == 5 && view_starts(ahead, VIEW("\1"))) {
        if (!k->method_known && k->gssapi_offered)
            return STEP_MORE; /* which of the two it is only the server's choice tells */
        return k->method_known && k->method == METHOD_GSSAPI ? read_gssapi(c) : read_password(c);
    }
    step = k->version == 4 ? read_request4(c, &k->command, &target) : read_request5(c, &k->command, &target);
    if (step == STEP_DONE) {
        k->phase[FROM_CLIENT] = PHASE_END;
        tell_request(k, s, &target);
    }
    return step;
}

/* The server's next message. */
static enum step server_step(struct socks *k, struct cursor *c)
{
    struct view ahead = cursor_peek(c);
    struct target bound;
    uint8_t code;
    enum step step;

    if (k->version != 5 && ahead.len > 0 && ahead.at[0] == 0) {
        step = read_reply4(c, &k->granted);
    } else if (k->phase[FROM_SERVER] == PHASE_GREETING) {
        uint8_t version = cursor_u8(c);
        k->method = cursor_u8(c);
        if (c->bad)
            return STEP_MORE;
        k->method_known = true;
        k->phase[FROM_SERVER] = PHASE_TALK;
        return version == 5 && k->method != METHOD_REFUSED ? STEP_DONE : STEP_BAD;
    } else if (view_starts(ahead, VIEW("\1"))) {
        if (k->method == METHOD_GSSAPI)
            return read_gssapi(c);
        cursor_skip(c, 1);
        return cursor_u8(c) != 0 ? STEP_BAD : c->bad ? STEP_MORE : STEP_DONE;
    } else {
        step = read_message5(c, &code, &bound);
        k->granted = step == STEP_DONE && code == 0;
    }
    if (step == STEP_DONE)
        k->phase[FROM_SERVER] = PHASE_END;
    return step;
}

/* Both sides are through: what follows is the connection itself. */
static void finish(struct socks *k, struct session *s)
{
    if (!k->granted || k->command != CMD_CONNECT)
        session_settle(s);
    else
        session_upgrade(s, k->bytestream ? PROTOCOL_XMPP_BYTESTREAM : PROTOCOL_UNKNOWN);
}

static size_t socks_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct socks *k = state;
    struct cursor c = cursor_open(in);

    while (cursor_left(&c) > 0 && k->phase[from] != PHASE_END) {
        struct cursor next = c;
        enum step step = from == FROM_CLIENT ? client_step(k, s, &next) : server_step(k, &next);
        if (step == STEP_BAD) {
            session_trace(s, "socks: refused, or beyond what can be read");
            session_settle(s);
            return in.len;
        }
        if (step == STEP_MORE)
            break;
        c = next;
    }
    size_t used = in.len - cursor_left(&c);
    if (used > 0 && k->phase[FROM_CLIENT] == PHASE_END && k->phase[FROM_SERVER] == PHASE_END)
        finish(k, s);
    return used;
}

extern const struct parser parser_socks;
const struct parser parser_socks = {
    .protocol = PROTOCOL_SOCKS,
    .on = PARSER_TCP,
    .starts = socks_starts,
    .probe = socks_probe,
    .state_size = sizeof(struct socks),
    .feed = socks_feed,
};
