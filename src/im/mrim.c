/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MRIM, the protocol of Mail.ru Agent: client to server, and its direct file legs.
 *
 * Framing, all little endian: a header of 44 octets and a body.
 *
 *     magic DEADBEEF  version (major << 16 | minor)  sequence  command  body length  from address  from port
 *     reserved[16]
 *
 * A string ("LPS") is its length in 32 bits and its octets: windows-1251, or UTF-16 in newer versions where
 * the protocol says Unicode. The client begins with HELLO; LOGIN2 holds account and password; messages go out
 * as MESSAGE and come as MESSAGE_ACK. A file is offered with the addresses where the sender listens; over
 * that leg, or over a relay that both sides greet with PROXY_HELLO, both say "MRA_FT_HELLO account" NUL and
 * "MRA_FT_GET_FILE name".
 *
 * Sources: Mail.ru's published proto.h (2006) and the command lists of open clients.
 *
 * Recognised by the magic and a major version of 1. The first octet EF is also the first of Telegram's
 * abridged transport; the three behind it and the version tell them apart. Limits: bodies beyond 8 KiB are
 * skipped.
 */
#include "base/cursor.h"
#include "identify/parser.h"

enum {
    HEAD_BYTES = 44,
    BODY_BYTES = 8192,        /* read whole up to here */
    LARGEST_BYTES = 16 << 20, /* larger is not believed */
    NAME_BYTES = 64,
    MAX_ADDRESSES = 8,
    MESSAGE_TYPING = 0x400,     /* flag of MESSAGE */
    MESSAGE_UNICODE_MINOR = 16, /* from version 1.16 on text is UTF-16 */
};

struct mrim_state {
    char account[NAME_BYTES];
    uint32_t skip[2]; /* octets of a large body, by enum flow_dir */
    bool version_told, proxy_told;
};

struct mrim_context {
    struct mrim_state *st;
    struct session *s;
    struct cursor *body;
    uint32_t minor;
    bool outgoing;
};

static struct view take_string(struct cursor *c)
{
    return cursor_take(c, cursor_le32(c));
}

static struct im_detail detail_of(const struct mrim_context *c)
{
    return (struct im_detail){ .account = view_string(c->st->account), .outgoing = c->outgoing };
}

/* UTF-16 made into octets for people: what is not Latin becomes '?'. */
static struct view narrow(struct text *out, struct view wide)
{
    struct cursor c = cursor_open(wide);

    while (cursor_left(&c) >= 2 && !out->cut) {
        uint16_t unit = cursor_le16(&c);
        text_char(out, unit < 0x80 ? (char)unit : '?');
    }
    return view_of(out->at, out->len);
}

/* ---- commands ---- */

static void on_login(const struct mrim_context *c)
{
    struct view account = take_string(c->body);
    struct text kept = TEXT(c->st->account);

    if (c->body->bad || account.len == 0)
        return;
    text_printable(&kept, account);
    struct im_detail detail = detail_of(c);
    session_activity(c->s, ACTIVITY_LOGIN, &detail);
}

static void on_presence(const struct mrim_context *c)
{
    session_activity(c->s, ACTIVITY_PRESENCE, NULL);
}

/* Out: flags, peer, text, formatted text. In: an id before the flags. */
static void on_message(const struct mrim_context *c)
{
    struct im_detail detail = detail_of(c);
    char buffer[512];
    struct text t = TEXT(buffer);

    if (!c->outgoing)
        cursor_skip(c->body, 4);
    uint32_t flags = cursor_le32(c->body);
    detail.peer = take_string(c->body);
    detail.text = take_string(c->body);
    if (c->body->bad)
        return;
    if (c->minor >= MESSAGE_UNICODE_MINOR)
        detail.text = narrow(&t, detail.text);
    if ((flags & MESSAGE_TYPING) != 0) {
        detail.text = view_of(NULL, 0);
        session_activity(c->s, ACTIVITY_PRESENCE, &detail);
        return;
    }
    if (!c->st->proxy_told)
        session_delivery(c->s, DELIVERY_SERVER_PROXY);
    c->st->proxy_told = true;
    session_activity(c->s, ACTIVITY_CHAT, &detail);
}

/* "address:port;address:port;" where the other side listens. */
static void expect_addresses(const struct mrim_context *c, struct view list, enum activity activity)
{
    struct expectation e = { .l4 = L4_TCP, .activity = activity, .protocol = PROTOCOL_MRIM };

    for (unsigned i = 0; i < MAX_ADDRESSES && list.len > 0; i++) {
        struct view port = view_token(&list, view_find_byte(list, ';', 0) < list.len ? ';' : ',');
        struct view host = view_token(&port, ':');
        uint64_t number;
        if (!ip_parse(host, &e.addr) || ip_is_zero(&e.addr) || !view_decimal(port, UINT16_MAX, &number) ||
            number == 0)
            continue;
        e.port = (uint16_t)number;
        session_delivery(c->s, DELIVERY_SERVER_BROKER);
        session_expect(c->s, &e);
    }
}

/* peer, id, size of all, then inside one string: "name;size;", the same in Unicode, "address:port;" */
static void on_file(const struct mrim_context *c)
{
    struct im_detail detail = detail_of(c);

    detail.peer = take_string(c->body);
    cursor_skip(c->body, 4);
    detail.size = cursor_le32(c->body);
    struct cursor inner = cursor_sub(c->body, cursor_le32(c->body));
    detail.file = take_string(&inner);
    (void)take_string(&inner);
    struct view addresses = take_string(&inner);
    if (c->body->bad)
        return;
    detail.file = view_token(&detail.file, ';'); /* the first of several */
    session_activity(c->s, ACTIVITY_FILE, &detail);
    if (!inner.bad)
        expect_addresses(c, addresses, ACTIVITY_FILE);
}

/* peer, id, addresses */
static void on_call(const struct mrim_context *c)
{
    struct im_detail detail = detail_of(c);

    detail.peer = take_string(c->body);
    cursor_skip(c->body, 4);
    struct view addresses = take_string(c->body);
    if (detail.peer.len == 0)
        return;
    session_activity(c->s, ACTIVITY_CALL, &detail);
    if (!c->body->bad)
        expect_addresses(c, addresses, ACTIVITY_CALL);
}

static void on_relay(const struct mrim_context *c)
{
    session_delivery(c->s, DELIVERY_SERVER_PROXY);
    session_activity(c->s, ACTIVITY_FILE, NULL);
}

enum { COMMAND_PROXY_HELLO_ACK = 0x1047, COMMAND_TLS_ACK = 0x1087 };

static const struct mrim_command {
    uint16_t number;
    void (*act)(const struct mrim_context *c);
} mrim_commands[] = {
    { 0x1003, on_login },    /* LOGIN */
    { 0x1008, on_message },  /* MESSAGE */
    { 0x1009, on_message },  /* MESSAGE_ACK */
    { 0x100f, on_presence }, /* USER_STATUS */
    { 0x1015, on_presence }, /* USER_INFO */
    { 0x1022, on_presence }, /* CHANGE_STATUS */
    { 0x1026, on_file },     /* FILE_TRANSFER */
    { 0x1037, on_presence }, /* CONTACT_LIST2 */
    { 0x1038, on_login },    /* LOGIN2 */
    { 0x1044, on_relay },    /* PROXY */
    { COMMAND_PROXY_HELLO_ACK, on_relay },
    { 0x1049, on_call },  /* CALL */
    { 0x1078, on_login }, /* LOGIN3 */
};

/* ---- recognition ---- */

static const uint8_t mrim_magic[] = { 0xef, 0xbe, 0xad, 0xde };

static enum im_answer probe_side(struct view bytes, struct finding *out)
{
    static const uint8_t hello[] = "MRA_FT_HELLO ";
    struct view magic = view_of(mrim_magic, sizeof mrim_magic);
    struct view leg = view_of(hello, sizeof hello - 1);
    struct text value = TEXT(out->value);

    if (bytes.len == 0)
        return IM_MORE;
    if (view_starts(bytes, leg)) {
        text_string(&value, "file leg");
        return IM_YES;
    }
    if (view_starts(leg, bytes) || view_starts(magic, bytes))
        return IM_MORE;
    if (!view_starts(bytes, magic))
        return IM_NO;
    if (bytes.len < 20)
        return IM_MORE;
    struct cursor c = cursor_open(bytes);
    cursor_skip(&c, 4);
    uint32_t version = cursor_le32(&c);
    cursor_skip(&c, 4);
    uint32_t command = cursor_le32(&c);
    if (version >> 16 != 1 || command >> 8 != 0x10 || cursor_le32(&c) > LARGEST_BYTES)
        return IM_NO;
    text_format(&value, "version 1.%u, command %04x", version & 0xffff, command);
    return IM_YES;
}

static enum im_answer mrim_probe(const struct sample *s, struct finding *out)
{
    enum im_answer client = probe_side(s->bytes[FROM_CLIENT], out);
    enum im_answer server = client == IM_YES ? IM_MORE : probe_side(s->bytes[FROM_SERVER], out);

    if (client == IM_YES || server == IM_YES)
        return IM_YES;
    return client == IM_NO || server == IM_NO ? IM_NO : IM_MORE;
}

static bool mrim_starts(uint8_t first, enum flow_dir from)
{
    (void)from;
    return first == 0xef || first == 'M';
}

/* ---- following ---- */

static void tell_version(struct mrim_state *st, struct session *s, uint32_t minor)
{
    char version[16];
    struct text t = TEXT(version);

    if (st->version_told)
        return;
    st->version_told = true;
    text_string(&t, "1.");
    text_decimal(&t, minor);
    session_version(s, view_of(version, t.len));
}

/* The two lines of text that begin a file leg, and the file behind them. */
static size_t feed_leg(struct session *s, struct view in)
{
    static const uint8_t get[] = "MRA_FT_GET_FILE ";
    struct im_detail detail = { .file = view_of(NULL, 0) };
    size_t end = view_find_byte(in, '\0', 0);

    if (end == in.len)
        return in.len > BODY_BYTES ? in.len : 0;
    struct view line = view_slice(in, 0, end);
    if (view_starts(line, view_of(get, sizeof get - 1))) {
        detail.file = view_from(line, sizeof get - 1);
        session_activity(s, ACTIVITY_FILE, &detail);
        session_settle(s);
    } else {
        session_delivery(s, DELIVERY_PEER);
    }
    return end + 1;
}

/* One packet. True: the stream changes over to TLS behind it. */
static bool follow(struct mrim_state *st, struct session *s, bool outgoing, uint32_t minor, uint32_t command,
                   struct cursor *body)
{
    struct mrim_context context = { st, s, body, minor, outgoing };

    tell_version(st, s, minor);
    for (size_t i = 0; i < sizeof mrim_commands / sizeof mrim_commands[0]; i++)
        if (mrim_commands[i].number == command && mrim_commands[i].act != NULL)
            mrim_commands[i].act(&context);
    if (command == COMMAND_TLS_ACK)
        session_upgrade(s, PROTOCOL_TLS);
    return command == COMMAND_TLS_ACK;
}

static size_t mrim_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct mrim_state *st = state;
    size_t used = st->skip[from] < in.len ? st->skip[from] : in.len;

    st->skip[from] -= (uint32_t)used;
    for (;;) {
        struct view left = view_from(in, used);
        struct cursor c = cursor_open(left);
        struct view magic = cursor_take(&c, sizeof mrim_magic);
        if (c.bad)
            return used;
        if (!view_equal(magic, view_of(mrim_magic, sizeof mrim_magic))) {
            size_t n = view_starts(magic, VIEW("MRA_")) ? feed_leg(s, left) : 0;
            if (n == 0 && !view_starts(magic, VIEW("MRA_")))
                session_settle(s); /* a file on a relayed leg */
            return used + n;
        }
        uint32_t version = cursor_le32(&c);
        cursor_skip(&c, 4);
        uint32_t command = cursor_le32(&c);
        uint32_t length = cursor_le32(&c);
        cursor_skip(&c, HEAD_BYTES - 20);
        if (c.bad)
            return used;
        if (length > BODY_BYTES) {
            size_t here = cursor_left(&c) < length ? cursor_left(&c) : length;
            st->skip[from] = length - (uint32_t)here;
            used += HEAD_BYTES + here;
            continue;
        }
        struct cursor body = cursor_sub(&c, length);
        if (c.bad)
            return used;
        used += HEAD_BYTES + length;
        if (follow(st, s, from == FROM_CLIENT, version & 0xffff, command, &body))
            return used;
    }
}

extern const struct parser parser_mrim;

const struct parser parser_mrim = {
    .protocol = PROTOCOL_MRIM,
    .service = "mra",
    .on = PARSER_TCP,
    .starts = mrim_starts,
    .probe = mrim_probe,
    .state_size = sizeof(struct mrim_state),
    .feed = mrim_feed,
};
