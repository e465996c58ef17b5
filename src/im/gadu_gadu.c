/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gadu-Gadu (GG): client to server, and the greeting of its file relay.
 *
 * Framing: type le32, length le32, body. The server speaks first, with a seed for the password's hash:
 *
 *     01 00 00 00  04 00 00 00  seed[4]
 *
 * and the client answers with one of the logins below. The number of a user ("uin") is the account. Text is
 * windows-1250; from GG 8 on HTML in UTF-8 stands before it; from GG 11 on messages are protocol buffers
 * (1 number, 4 time, 5 plain text, 6 HTML). A message of class 1 has waited for its receiver.
 *
 * Contacts: the client's list is numbers (0f, 10, 0d, 0e), the server answers who is there; lists that the
 * server keeps (reply 10) are lines of fields between semicolons.
 *
 * Files and voice (DCC7) are arranged over the server: 23 asks for an id, 20 offers (kind 1 voice, 4 file,
 * name, size), 21 accepts from a place on, 22 refuses, 1f tells where: "address port" for a direct leg, else
 * the id of the relay. Who comes to the relay is greeted with be ba de c0 and the 8 octets of the id, on a
 * direct leg with the id alone, both ways; then the sender sends the file, bare. The token is "gg " and the
 * id in hex. A direct leg has no signature: only one that was announced is taken for one (parser_gadu_dcc).
 *
 * Sources: the public description of the protocol by the authors of libgadu (toxygen.net/libgadu/protocol),
 * packet numbers and lengths; the field order of login 83 as password tools read it.
 *
 * Recognised by the greeting with a known packet behind it, by a login on its own, or by three known packets
 * in a row (mid-stream). Limits: bodies beyond 8 KiB are skipped.
 */
#include "base/cursor.h"
#include "identify/parser.h"
#include "im/transcode.h"

enum {
    HEAD_BYTES = 8,
    BODY_BYTES = 8192,     /* read whole up to here */
    LARGEST_BYTES = 65535, /* larger is not a packet of this protocol */
    CHAIN = 3,             /* packets in a row that prove the protocol */
    NO_KIND = 0xff,        /* octets of one that no client knows */
    KIND_VOICE = 1,
    KIND_FILE = 4,
    ROUTE_DIRECT = 1,
    TEXT_BYTES = 3 * BODY_BYTES, /* a character of windows-1250 is up to three octets */
    ID_BYTES = 8,
    CLASS_WAITED = 0x01,
    CLASS_PROGRAM = 0x10, /* between programs: an invitation to a direct connection */
    MAX_FIELDS = 16,      /* of a protocol buffer */
};

/* Greeting of the relay, as le32. */
#define RELAY_MAGIC UINT32_C(0xc0debabe)

/* A leg that carries a file, direct or over the relay. */
struct gadu_leg {
    bool greeted[2], told, relay, sending, done;
    uint8_t sender; /* who sends it, once `sending` */
    uint32_t file;
    uint64_t at, size;
};

struct gadu_state {
    char account[16];
    bool is_leg;
    struct gadu_leg leg;
    uint32_t skip[2]; /* octets of a large body, by enum flow_dir */
    bool login_told, proxy_told;
};

struct gadu_context {
    struct gadu_state *st;
    struct session *s;
    struct view body;
    bool outgoing;
};

/* ---- bodies ---- */

static struct view number_text(char *buffer, size_t size, uint32_t number)
{
    struct text t = text_over(buffer, size);

    text_decimal(&t, number);
    return view_of(buffer, t.len);
}

static void keep_account(const struct gadu_context *c, struct view uin)
{
    struct text t = TEXT(c->st->account);

    text_printable(&t, uin);
}

static void on_login(const struct gadu_context *c)
{
    struct cursor body = cursor_open(c->body);
    char digits[16];

    keep_account(c, number_text(digits, sizeof digits, cursor_le32(&body)));
}

/* Login of GG 10.5: a protocol buffer; field 1 is the language, field 2 is 00, count of digits, digits. */
static void on_login105(const struct gadu_context *c)
{
    struct cursor body = cursor_open(c->body);

    cursor_skip(&body, 1);
    (void)cursor_block8(&body);
    if (cursor_u8(&body) != 0x12)
        return;
    struct cursor field = cursor_block8(&body);
    cursor_skip(&field, 1);
    struct cursor digits = cursor_block8(&field);
    uint64_t number;
    if (cursor_done(&field) && view_decimal(cursor_peek(&digits), UINT32_MAX, &number))
        keep_account(c, cursor_peek(&digits));
}

static void on_welcome(const struct gadu_context *c)
{
    struct im_detail detail = { .account = view_string(c->st->account), .outgoing = true };

    if (!c->st->login_told)
        session_activity(c->s, ACTIVITY_LOGIN, &detail);
    c->st->login_told = true;
}

static void on_presence(const struct gadu_context *c)
{
    session_activity(c->s, ACTIVITY_PRESENCE, NULL);
}

/* ---- messages ---- */

static void tell_chat(const struct gadu_context *c, struct im_detail *detail)
{
    detail->account = view_string(c->st->account);
    detail->outgoing = c->outgoing;
    if (!c->st->proxy_told)
        session_delivery(c->s, DELIVERY_SERVER_PROXY);
    c->st->proxy_told = true;
    session_activity(c->s, ACTIVITY_CHAT, detail);
}

static struct view until_nul(struct view v)
{
    return view_slice(v, 0, view_find_byte(v, '\0', 0));
}

/* Out: peer, sequence, class. In: a time before the class. False: nothing that somebody wrote. */
static bool read_message_head(const struct gadu_context *c, struct cursor *body, struct im_detail *detail,
                              char *digits, size_t size)
{
    detail->peer = number_text(digits, size, cursor_le32(body));
    cursor_skip(body, 4);
    uint64_t time = c->outgoing ? 0 : cursor_le32(body);
    uint32_t class = cursor_le32(body);

    if ((class & CLASS_WAITED) != 0)
        detail->sent_us = time * 1000000;
    return !body->bad && (class & CLASS_PROGRAM) == 0;
}

static void on_message(const struct gadu_context *c)
{
    struct cursor body = cursor_open(c->body);
    struct im_detail detail = { 0 };
    char digits[16], buffer[TEXT_BYTES];
    struct text text = TEXT(buffer);

    if (!read_message_head(c, &body, &detail, digits, sizeof digits))
        return;
    text_windows(&text, 1250, until_nul(cursor_rest(&body)));
    detail.text = view_of(buffer, text.len);
    tell_chat(c, &detail);
}

/* As above, then the offsets of the plain text and of its attributes, then HTML and plain text. */
static void on_message80(const struct gadu_context *c)
{
    struct cursor body = cursor_open(c->body);
    struct im_detail detail = { 0 };
    char digits[16], buffer[TEXT_BYTES];
    struct text text = TEXT(buffer);

    bool said = read_message_head(c, &body, &detail, digits, sizeof digits);
    uint32_t plain = cursor_le32(&body);
    cursor_skip(&body, 4);
    if (body.bad || !said)
        return;
    size_t head = c->body.len - cursor_left(&body);
    struct view html = until_nul(view_slice(c->body, head, plain));
    if (html.len > 0) {
        text_8bit(&text, html);
        detail.markup = MARKUP_HTML;
    } else {
        text_windows(&text, 1250, until_nul(view_from(c->body, plain)));
    }
    detail.text = view_of(buffer, text.len);
    tell_chat(c, &detail);
}

/* A number as protocol buffers have it: 00, count of digits, digits. */
static struct view buffer_number(struct view v)
{
    struct cursor c = cursor_open(v);
    uint64_t number;

    cursor_skip(&c, 1);
    struct cursor digits = cursor_block8(&c);
    bool good = cursor_done(&c) && view_decimal(cursor_peek(&digits), UINT32_MAX, &number);
    return good ? cursor_peek(&digits) : view_of(NULL, 0);
}

static uint64_t varint(struct cursor *c)
{
    uint64_t n = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t octet = cursor_u8(c);
        n |= (uint64_t)(octet & 0x7f) << shift;
        if ((octet & 0x80) == 0)
            break;
    }
    return n;
}

static void on_message110(const struct gadu_context *c)
{
    struct cursor body = cursor_open(c->body);
    struct im_detail detail = { 0 };
    char buffer[TEXT_BYTES];
    struct text text = TEXT(buffer);
    struct view plain = view_of(NULL, 0), html = plain;

    for (unsigned n = 0; n < MAX_FIELDS && cursor_left(&body) > 0; n++) {
        uint64_t key = varint(&body);
        struct view value = view_of(NULL, 0);
        if ((key & 7) == 2)
            value = cursor_take(&body, (size_t)varint(&body));
        else if ((key & 7) == 0)
            (void)varint(&body);
        else
            cursor_skip(&body, (key & 7) == 5 ? 4 : 8);
        if (key == (1 << 3 | 2))
            detail.peer = buffer_number(value);
        else if (key == (5 << 3 | 2))
            plain = value;
        else if (key == (6 << 3 | 2))
            html = value;
    }
    if (!body.bad && detail.peer.len > 0) {
        text_8bit(&text, html.len > 0 ? html : plain);
        detail.markup = html.len > 0 ? MARKUP_HTML : MARKUP_NONE;
        detail.text = view_of(buffer, text.len);
    }
    tell_chat(c, &detail);
}

/* ---- contacts ---- */

static void tell_contact(const struct gadu_context *c, uint32_t uin, enum presence presence, bool removed)
{
    char digits[16];
    struct im_contact contact = { .account = view_string(c->st->account),
                                  .peer = number_text(digits, sizeof digits, uin),
                                  .presence = presence,
                                  .removed = removed };

    if (uin != 0)
        session_contact(c->s, &contact);
}

static enum presence presence_of(uint32_t status)
{
    switch (status & 0xff) {
    case 0x01: /* not there, and with a description */
    case 0x15: return PRESENCE_OFFLINE;
    case 0x02:
    case 0x04:
    case 0x17: /* likes to talk */
    case 0x18: return PRESENCE_ONLINE;
    case 0x03:
    case 0x05: return PRESENCE_AWAY;
    case 0x21: /* not to be disturbed */
    case 0x22: return PRESENCE_BUSY;
    default: return PRESENCE_UNKNOWN;
    }
}

/* The client's list: a number and a kind each; kind 4 is blocked. */
static void on_list(const struct gadu_context *c)
{
    struct cursor body = cursor_open(c->body);

    session_activity(c->s, ACTIVITY_PRESENCE, NULL);
    while (cursor_left(&body) >= 5) {
        uint32_t uin = cursor_le32(&body);
        bool blocked = (cursor_u8(&body) & 0x04) != 0;
        tell_contact(c, uin, PRESENCE_UNKNOWN, blocked);
    }
}

static void on_list_removal(const struct gadu_context *c)
{
    struct cursor body = cursor_open(c->body);

    session_activity(c->s, ACTIVITY_PRESENCE, NULL);
    tell_contact(c, cursor_le32(&body), PRESENCE_UNKNOWN, true);
}

/* Number, status; GG 6 and 7 have flags in the number and one octet of status. */
static void on_status(const struct gadu_context *c)
{
    struct cursor body = cursor_open(c->body);
    uint32_t uin = cursor_le32(&body);

    session_activity(c->s, ACTIVITY_PRESENCE, NULL);
    if (!c->outgoing)
        tell_contact(c, uin, presence_of(cursor_le32(&body)), false);
}

static void on_status60(const struct gadu_context *c)
{
    struct cursor body = cursor_open(c->body);
    uint32_t uin = cursor_le32(&body) & 0xffffff;

    session_activity(c->s, ACTIVITY_PRESENCE, NULL);
    tell_contact(c, uin, presence_of(cursor_u8(&body)), false);
}

/* Of GG 8: number, status, features, address, port, image size, unknown, flags, length of a description. */
static void on_statuses80(const struct gadu_context *c)
{
    struct cursor body = cursor_open(c->body);

    session_activity(c->s, ACTIVITY_PRESENCE, NULL);
    while (cursor_left(&body) > 0) {
        uint32_t uin = cursor_le32(&body), status = cursor_le32(&body);
        cursor_skip(&body, 16);
        cursor_skip(&body, cursor_le32(&body));
        if (!body.bad)
            tell_contact(c, uin, presence_of(status), false);
    }
}

/* "first;last;nick;shown;telephone;group;number;..." */
static void read_kept_contact(const struct gadu_context *c, struct view line)
{
    enum { SHOWN = 3, GROUP = 5, NUMBER = 6, COUNT = 7 };
    struct view field[COUNT];
    uint64_t number;
    char shown[256], group[256];
    struct text shown_text = TEXT(shown), group_text = TEXT(group);

    for (unsigned i = 0; i < COUNT; i++)
        field[i] = view_token(&line, ';');
    if (!view_decimal(field[NUMBER], UINT32_MAX, &number))
        return;
    text_windows(&shown_text, 1250, field[SHOWN]);
    text_windows(&group_text, 1250, field[GROUP]);
    struct im_contact contact = { .account = view_string(c->st->account),
                                  .peer = field[NUMBER],
                                  .display = view_of(shown, shown_text.len),
                                  .group = view_of(group, group_text.len) };
    session_contact(c->s, &contact);
}

/* The list that the server keeps: a kind, then lines. */
static void on_kept_list(const struct gadu_context *c)
{
    struct view left = view_from(c->body, 1), line;

    session_activity(c->s, ACTIVITY_PRESENCE, NULL);
    while (view_line(&left, &line))
        read_kept_contact(c, line);
}

/* ---- files ---- */

static struct view leg_token(struct text *t, struct view id)
{
    text_string(t, "gg ");
    text_hex(t, id);
    return view_of(t->at, t->len);
}

static enum activity activity_of(uint32_t kind)
{
    return kind == KIND_VOICE ? ACTIVITY_CALL : ACTIVITY_FILE;
}

/* id[8], from, to, kind, name[255], size of 64 bits, hash[20] */
static void on_offer(const struct gadu_context *c)
{
    struct cursor body = cursor_open(c->body);
    struct im_detail detail = { .outgoing = c->outgoing };
    char account[16], peer[16], name_buffer[3 * 256], token_buffer[32];
    struct text shown = TEXT(name_buffer), token = TEXT(token_buffer);

    struct view id = cursor_take(&body, ID_BYTES);
    uint32_t from = cursor_le32(&body);
    uint32_t to = cursor_le32(&body);
    struct view kind_bytes = cursor_take(&body, 4);
    struct view name = cursor_take(&body, 255);
    uint64_t size = cursor_le64(&body);
    if (body.bad)
        return;
    struct cursor number = cursor_open(kind_bytes);
    uint32_t kind = cursor_le32(&number);
    detail.account = number_text(account, sizeof account, c->outgoing ? from : to);
    detail.peer = number_text(peer, sizeof peer, c->outgoing ? to : from);
    if (kind != KIND_VOICE) {
        text_windows(&shown, 1250, until_nul(name));
        detail.file = view_of(name_buffer, shown.len);
        detail.size = size;
    }
    bool forbidden = session_forbidden(c->s, activity_of(kind), &detail, kind_bytes, NO_KIND);
    session_activity(c->s, activity_of(kind), &detail);
    struct im_file file = { .name = detail.file,
                            .account = detail.account,
                            .peer = detail.peer,
                            .size = size,
                            .outgoing = c->outgoing };
    if (kind == KIND_FILE && !forbidden)
        session_announce(c->s, leg_token(&token, id), &file);
}

/* peer, id[8], place: the receiver has so many octets. */
static void on_accept(const struct gadu_context *c)
{
    struct cursor body = cursor_open(c->body);
    char buffer[32];
    struct text token = TEXT(buffer);
    struct announced_file told;

    cursor_skip(&body, 4);
    struct view name = leg_token(&token, cursor_take(&body, ID_BYTES));
    uint32_t offset = cursor_le32(&body);
    if (body.bad || offset == 0 || !session_announced(c->s, name, &told) || offset > told.size)
        return;
    struct im_file file = announced_view(&told);
    file.offset = offset;
    session_announce(c->s, name, &file);
}

/* peer, route, id[8], where[32]: "address port" */
static void on_route(const struct gadu_context *c)
{
    struct cursor body = cursor_open(c->body);
    struct expectation e = { .l4 = L4_TCP, .activity = ACTIVITY_FILE, .protocol = PROTOCOL_GADU_GADU };
    uint64_t port;

    cursor_skip(&body, 4);
    uint32_t route = cursor_le32(&body);
    cursor_skip(&body, 8);
    struct view where = cursor_take(&body, 32);
    if (body.bad)
        return;
    if (route != ROUTE_DIRECT) {
        session_delivery(c->s, DELIVERY_SERVER_PROXY);
        return;
    }
    where = view_slice(where, 0, view_find_byte(where, '\0', 0));
    struct view host = view_token(&where, ' ');
    if (!ip_parse(host, &e.addr) || !view_decimal(where, UINT16_MAX, &port) || port == 0 ||
        ip_is_zero(&e.addr))
        return;
    e.port = (uint16_t)port;
    session_delivery(c->s, DELIVERY_SERVER_BROKER);
    session_expect(c->s, &e);
}

/* ---- packets ---- */

enum { OUT = 1, IN = 2, BOTH = 3 };

static const struct gadu_packet {
    uint16_t type;
    uint8_t way; /* OUT, IN */
    bool login;
    uint16_t min, max; /* length of the body */
    void (*act)(const struct gadu_context *c);
} gadu_packets[] = {
    { 0x01, IN, false, 4, 4, NULL },
    { 0x02, OUT, false, 4, 1024, on_presence },
    { 0x02, IN, false, 8, 1024, on_status },
    { 0x03, IN, false, 0, 16, on_welcome },
    { 0x05, IN, false, 12, 12, NULL },
    { 0x07, BOTH, false, 0, 4, NULL },
    { 0x08, BOTH, false, 0, 4, NULL },
    { 0x09, IN, false, 0, 16, NULL },
    { 0x0a, IN, false, 17, 8192, on_message },
    { 0x0b, OUT, false, 13, 8192, on_message },
    { 0x0b, IN, false, 0, 4, NULL },
    { 0x0c, OUT, true, 20, 512, on_login },
    { 0x0d, OUT, false, 5, 5, on_list },
    { 0x0e, OUT, false, 5, 5, on_list_removal },
    { 0x0f, OUT, false, 5, 2000, on_list },
    { 0x0f, IN, false, 14, 8192, on_status60 },
    { 0x10, OUT, false, 5, 2000, on_list },
    { 0x10, IN, false, 1, 8192, on_kept_list },
    { 0x11, IN, false, 14, 8192, on_presence },
    { 0x12, OUT, false, 0, 0, on_presence },
    { 0x13, OUT, true, 28, 512, on_login },
    { 0x14, OUT, false, 5, 4096, NULL },
    { 0x14, IN, false, 0, 8, on_welcome },
    { 0x15, OUT, true, 31, 512, on_login },
    { 0x17, IN, false, 14, 8192, on_status60 },
    { 0x18, IN, false, 14, 8192, on_presence },
    { 0x19, OUT, true, 92, 512, on_login },
    { 0x1f, BOTH, false, 48, 80, on_route },
    { 0x20, BOTH, false, 280, 320, on_offer },
    { 0x21, BOTH, false, 12, 24, on_accept },
    { 0x22, BOTH, false, 12, 20, NULL },
    { 0x23, BOTH, false, 4, 12, NULL },
    { 0x25, BOTH, false, 12, 16, NULL },
    { 0x29, OUT, true, 92, 1024, on_login },
    { 0x2d, OUT, false, 20, 16384, on_message80 },
    { 0x2e, IN, false, 24, 16384, on_message80 },
    { 0x31, OUT, true, 96, 1024, on_login },
    { 0x35, IN, false, 0, 16, on_welcome },
    { 0x36, IN, false, 28, 4096, on_statuses80 },
    { 0x37, IN, false, 28, 65535, on_statuses80 },
    { 0x38, OUT, false, 8, 1024, on_presence },
    { 0x43, IN, false, 0, 16, NULL },
    { 0x46, OUT, false, 4, 4, NULL },
    { 0x59, BOTH, false, 6, 6, on_presence },
    { 0x63, OUT, false, 8, 1024, on_presence },
    { 0x78, OUT, false, 0, 4096, on_presence },
    { 0x7d, OUT, false, 8, 16384, on_message110 },
    { 0x7e, IN, false, 8, 16384, on_message110 },
    { 0x83, OUT, true, 30, 1024, on_login105 },
    { 0x84, IN, false, 1, 128, on_welcome },
};

static const struct gadu_packet *find_packet(uint32_t type, uint32_t length, bool outgoing)
{
    for (size_t i = 0; i < sizeof gadu_packets / sizeof gadu_packets[0]; i++) {
        const struct gadu_packet *p = &gadu_packets[i];
        if (p->type == type && (p->way & (outgoing ? OUT : IN)) != 0 && length >= p->min && length <= p->max)
            return p;
    }
    return NULL;
}

/* ---- recognition ---- */

/* A login's fixed octets: the kind of hash (1 or 2), or the shape of the protocol buffer. */
static bool is_login_body(uint32_t type, struct view body)
{
    struct cursor c = cursor_open(body);
    uint32_t uin = cursor_le32(&c);

    switch (type) {
    case 0x19:
    case 0x29: {
        uint8_t hash = cursor_u8(&c);
        return uin != 0 && (hash == 1 || hash == 2);
    }
    case 0x31: {
        struct view language = cursor_take(&c, 2);
        uint8_t hash = cursor_u8(&c);
        return uin != 0 && language.len == 2 && language.at[0] >= 'a' && language.at[0] <= 'z' &&
               language.at[1] >= 'a' && language.at[1] <= 'z' && (hash == 1 || hash == 2);
    }
    case 0x83: return view_starts(body, VIEW("\x0a\x02")) && body.len > 4 && body.at[4] == 0x12;
    default: return false; /* the old ones have nothing of the kind: they need the greeting */
    }
}

struct gadu_score {
    unsigned packets;
    bool greeting, login, bad;
};

/* Part of a header: its type is one of this direction, its high octets are zero. */
static bool could_begin(struct view part, bool outgoing)
{
    bool known = false;

    for (size_t i = 0; i < sizeof gadu_packets / sizeof gadu_packets[0]; i++)
        known |= gadu_packets[i].type == part.at[0] && (gadu_packets[i].way & (outgoing ? OUT : IN)) != 0;
    for (size_t i = 1; i < part.len; i++)
        known &= i == 4 || i == 5 || part.at[i] == 0;
    return known;
}

/* Walk the packets of one direction as far as they are there. */
static struct gadu_score score(struct view bytes, bool outgoing)
{
    struct gadu_score score = { 0 };
    struct cursor c = cursor_open(bytes);

    while (score.packets < CHAIN && cursor_left(&c) > 0) {
        struct view part = cursor_peek(&c);
        uint32_t type = cursor_le32(&c);
        uint32_t length = cursor_le32(&c);
        if (c.bad) {
            score.bad = !could_begin(part, outgoing);
            return score;
        }
        if (find_packet(type, length, outgoing) == NULL) {
            score.bad = true;
            return score;
        }
        struct view body = cursor_take(&c, length);
        if (c.bad)
            return score;
        score.packets += length > 0; /* an empty one is a number and zeros, as other protocols have */
        score.greeting |= type == 1;
        score.login |= is_login_body(type, body);
    }
    return score;
}

/* Greeting of the relay: magic and the id of the transfer. */
static enum im_answer probe_relay(struct view bytes)
{
    static const uint8_t magic[] = { 0xbe, 0xba, 0xde, 0xc0 };
    struct view start = view_slice(bytes, 0, sizeof magic);

    if (!view_starts(view_of(magic, sizeof magic), start))
        return IM_NO;
    return bytes.len >= 12 ? IM_YES : IM_MORE;
}

static enum im_answer gadu_probe(const struct sample *s, struct finding *out)
{
    struct text value = TEXT(out->value);

    for (int d = 0; d < 2; d++) {
        enum im_answer relay = s->bytes[d].len > 0 ? probe_relay(s->bytes[d]) : IM_NO;
        if (relay == IM_YES)
            text_string(&value, "relay greeting");
        if (relay != IM_NO)
            return relay;
    }
    struct gadu_score client = score(s->bytes[FROM_CLIENT], true);
    struct gadu_score server = score(s->bytes[FROM_SERVER], false);
    if (client.bad || server.bad)
        return IM_NO;
    if (client.login || (server.greeting && (client.packets > 0 || server.packets > 1)) ||
        (s->midstream && (client.packets >= CHAIN || server.packets >= CHAIN))) {
        text_string(&value, client.login      ? "login"
                            : server.greeting ? "greeting and login"
                                              : "packets, mid-stream");
        return IM_YES;
    }
    if (client.packets > 0 && s->bytes[FROM_SERVER].len == 0 && !s->midstream)
        return client.packets >= CHAIN ? IM_NO : IM_MORE;
    return client.packets >= CHAIN && server.packets >= CHAIN ? IM_NO : IM_MORE;
}

static bool gadu_starts(uint8_t first, enum flow_dir from)
{
    if (first == 0xbe)
        return true;
    for (size_t i = 0; i < sizeof gadu_packets / sizeof gadu_packets[0]; i++)
        if (gadu_packets[i].type == first)
            return from == FROM_SERVER ? first == 0x01 : gadu_packets[i].login;
    return false;
}

/* ---- legs ---- */

/* The id that a side greets with: of a file that was announced? */
static bool begin_leg(struct gadu_leg *l, struct session *s, enum flow_dir from, struct view id)
{
    char buffer[32];
    struct text token = TEXT(buffer);
    struct announced_file told;

    l->greeted[from] = true;
    if (l->told)
        return true;
    session_delivery(s, l->relay ? DELIVERY_SERVER_PROXY : DELIVERY_PEER);
    session_activity(s, ACTIVITY_FILE, NULL); /* which file has been told by the server's connection */
    if (!session_announced(s, leg_token(&token, id), &told))
        return false;
    struct im_file file = announced_view(&told);
    l->told = true;
    l->at = told.offset;
    l->size = told.size;
    l->file = session_file_begin(s, &file);
    l->done = l->at >= l->size;
    if (l->done)
        session_file_end(s, l->file, true);
    return true;
}

/* Greetings, then the file from whoever sends more than its greeting. */
static size_t leg_feed(struct gadu_leg *l, struct session *s, enum flow_dir from, struct view in)
{
    struct cursor c = cursor_open(in);

    if (!l->greeted[from]) {
        cursor_skip(&c, l->relay ? 4 : 0);
        struct view id = cursor_take(&c, ID_BYTES);
        if (c.bad)
            return 0;
        if (!begin_leg(l, s, from, id))
            session_settle(s);
    }
    if (!l->told || l->done || cursor_left(&c) == 0 || (l->sending && l->sender != from))
        return in.len;
    struct view bytes = view_slice(cursor_rest(&c), 0, (size_t)(l->size - l->at));
    l->sender = (uint8_t)from;
    l->sending = true;
    session_file_bytes(s, l->file, l->at, bytes);
    l->at += bytes.len;
    l->done = l->at == l->size;
    if (l->done)
        session_file_end(s, l->file, true);
    return in.len;
}

static bool leg_gap(struct gadu_leg *l, struct session *s, enum flow_dir from, uint64_t lost)
{
    if (!l->told || !l->sending || l->done || l->sender != from || lost > l->size - l->at)
        return false;
    l->at += lost;
    l->done = l->at == l->size;
    if (l->done)
        session_file_end(s, l->file, true);
    return true;
}

static size_t dcc_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    return leg_feed(state, s, from, in);
}

static bool dcc_gap(void *state, struct session *s, enum flow_dir from, uint64_t lost)
{
    return leg_gap(state, s, from, lost);
}

/* ---- following ---- */

static size_t gadu_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct gadu_state *st = state;
    struct cursor c = cursor_open(in);
    size_t used = 0;

    if (st->is_leg)
        return leg_feed(&st->leg, s, from, in);
    if (st->skip[from] > 0) {
        used = st->skip[from] < in.len ? st->skip[from] : in.len;
        st->skip[from] -= (uint32_t)used;
        cursor_skip(&c, used);
    }
    for (;;) {
        uint32_t type = cursor_le32(&c);
        uint32_t length = cursor_le32(&c);
        if (c.bad)
            return used;
        if (type == RELAY_MAGIC) {
            st->is_leg = st->leg.relay = true;
            return used + leg_feed(&st->leg, s, from, view_from(in, used));
        }
        if (length > LARGEST_BYTES || type > UINT16_MAX) {
            session_anomaly(s, ANOMALY_MALFORMED, VIEW("Gadu-Gadu header"));
            session_settle(s); /* not a packet: nothing behind it can be found */
            return used;
        }
        if (length > BODY_BYTES) {
            used += HEAD_BYTES;
            size_t here = in.len - used < length ? in.len - used : length;
            st->skip[from] = length - (uint32_t)here;
            used += here;
            cursor_skip(&c, here);
            continue;
        }
        struct gadu_context context = { st, s, cursor_take(&c, length), from == FROM_CLIENT };
        if (c.bad)
            return used;
        const struct gadu_packet *p = find_packet(type, length, context.outgoing);
        if (p != NULL && p->act != NULL)
            p->act(&context);
        used += HEAD_BYTES + length;
    }
}

static bool gadu_gap(void *state, struct session *s, enum flow_dir from, uint64_t lost)
{
    struct gadu_state *st = state;

    return st->is_leg && leg_gap(&st->leg, s, from, lost);
}

extern const struct parser parser_gadu_gadu, parser_gadu_dcc;

const struct parser parser_gadu_gadu = {
    .protocol = PROTOCOL_GADU_GADU,
    .service = "gadu-gadu",
    .on = PARSER_TCP,
    .starts = gadu_starts,
    .probe = gadu_probe,
    .state_size = sizeof(struct gadu_state),
    .feed = gadu_feed,
    .gap = gadu_gap,
};

const struct parser parser_gadu_dcc = {
    .protocol = PROTOCOL_GADU_GADU,
    .service = "gadu-gadu",
    .on = PARSER_TCP,
    .starts = parser_starts_never,
    .probe = parser_probes_never,
    .state_size = sizeof(struct gadu_leg),
    .feed = dcc_feed,
    .gap = dcc_gap,
};
