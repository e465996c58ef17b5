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
 * "MRA_FT_GET_FILE name", upon which the other side sends the file, bare. The token is "mrim SENDER NAME".
 *
 * Sources: Mail.ru's published proto.h (2006) and the command lists of open clients.
 *
 * Recognised by the magic and a major version of 1. The first octet EF is also the first of Telegram's
 * abridged transport; the three behind it and the version tell them apart. Limits: bodies beyond 8 KiB are
 * skipped.
 */
#include "base/cursor.h"
#include "identify/parser.h"
#include "im/transcode.h"

enum {
    HEAD_BYTES = 44,
    NO_COMMAND = 0xff,        /* octets of a number that is none */
    BODY_BYTES = 8192,        /* read whole up to here */
    LARGEST_BYTES = 16 << 20, /* larger is not believed */
    NAME_BYTES = 64,
    TEXT_BYTES = 3 * BODY_BYTES / 2, /* a unit of two octets is up to three */
    FILE_NAME_BYTES = 256,
    TOKEN_BYTES = NAME_BYTES + FILE_NAME_BYTES,
    MAX_FILES = 16,     /* of one offer */
    MAX_GROUPS = 32,    /* of a contact list, whose names are told */
    MAX_CONTACTS = 500, /* read of a list */
    GROUP_NAME_BYTES = 64,
    MAX_ADDRESSES = 8,
    MESSAGE_AUTHORIZE = 0x08, /* flags of MESSAGE */
    MESSAGE_TYPING = 0x400,
    MESSAGE_OLD_CHARACTERS = 0x200000, /* windows-1251 all the same */
    MESSAGE_UNICODE_MINOR = 16,        /* from version 1.16 on text is UTF-16 */
};

struct mrim_state {
    char account[NAME_BYTES];
    uint32_t skip[2]; /* octets of a large body, by enum flow_dir */
    bool version_told, proxy_told;
    struct mrim_leg {
        char hello[2][NAME_BYTES]; /* who greeted, by enum flow_dir */
        uint8_t sender;            /* of the file that is under way */
        uint32_t file;
        uint64_t at, size;
    } leg;
};

struct mrim_context {
    struct mrim_state *st;
    struct session *s;
    struct cursor *body;
    struct view number; /* the command's */
    uint32_t minor;
    bool outgoing;
};

/* Make a command void: neither the server nor a client knows its number then. */
static bool is_forbidden(const struct mrim_context *c, enum activity a, const struct im_detail *detail)
{
    return session_forbidden(c->s, a, detail, c->number, NO_COMMAND);
}

static struct view take_string(struct cursor *c)
{
    return cursor_take(c, cursor_le32(c));
}

static struct im_detail detail_of(const struct mrim_context *c)
{
    return (struct im_detail){ .account = view_string(c->st->account), .outgoing = c->outgoing };
}

/* Text as this version writes it. */
static void add_text(const struct mrim_context *c, struct text *t, struct view v)
{
    if (c->minor >= MESSAGE_UNICODE_MINOR)
        text_utf16(t, v, false);
    else
        text_windows(t, 1251, view_slice(v, 0, view_find_byte(v, '\0', 0)));
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
    char buffer[TEXT_BYTES];
    struct text t = TEXT(buffer);

    if (!c->outgoing)
        cursor_skip(c->body, 4);
    uint32_t flags = cursor_le32(c->body);
    detail.peer = take_string(c->body);
    struct view said = take_string(c->body);
    if (c->body->bad)
        return;
    if ((flags & MESSAGE_TYPING) != 0) {
        session_activity(c->s, ACTIVITY_PRESENCE, &detail);
        return;
    }
    if ((flags & MESSAGE_OLD_CHARACTERS) != 0)
        text_windows(&t, 1251, said);
    else if ((flags & MESSAGE_AUTHORIZE) == 0) /* that one is in base64, with the asker's name */
        add_text(c, &t, said);
    detail.text = view_of(buffer, t.len);
    if (!c->st->proxy_told)
        session_delivery(c->s, DELIVERY_SERVER_PROXY);
    c->st->proxy_told = true;
    session_activity(c->s, ACTIVITY_CHAT, &detail);
}

/* ---- the contact list ---- */

/* Fields as a mask says: u a number, s a string, z octets up to NUL. The strings that are asked for are found
 * by their place among all fields. */
static bool read_masked(struct cursor *c, struct view mask, struct view *strings, uint32_t *numbers,
                        unsigned count)
{
    for (size_t i = 0; i < mask.len; i++) {
        struct view text = view_of(NULL, 0);
        uint32_t number = 0;
        if (mask.at[i] == 'u') {
            number = cursor_le32(c);
        } else if (mask.at[i] == 's') {
            text = take_string(c);
        } else if (mask.at[i] == 'z') {
            struct view left = cursor_peek(c);
            text = cursor_take(c, view_find_byte(left, '\0', 0));
            cursor_skip(c, 1);
        } else {
            return false;
        }
        if (i < count) {
            strings[i] = text;
            numbers[i] = number;
        }
    }
    return !c->bad;
}

static enum presence presence_of(uint32_t status)
{
    if ((status & 0x80000000u) != 0)
        return PRESENCE_UNKNOWN;
    return status == 0 ? PRESENCE_OFFLINE : status == 2 ? PRESENCE_AWAY : PRESENCE_ONLINE;
}

/* Status, count of groups, masks of a group and of a contact, groups (flags, name), contacts (flags, group,
 * account, name, server's flags, status ...) up to the end. */
static void on_contacts(const struct mrim_context *c)
{
    enum { FIELDS = 6, GROUP_NAME = 1, GROUP = 1, ACCOUNT = 2, NAME = 3, STATUS = 5 };
    char groups[MAX_GROUPS][GROUP_NAME_BYTES], shown[FILE_NAME_BYTES];
    struct view strings[FIELDS];
    uint32_t numbers[FIELDS];

    session_activity(c->s, ACTIVITY_PRESENCE, NULL);
    if (cursor_le32(c->body) != 0)
        return;
    uint32_t group_count = cursor_le32(c->body);
    struct view group_mask = take_string(c->body), contact_mask = take_string(c->body);
    if (group_count > MAX_GROUPS || !view_starts(group_mask, VIEW("us")) ||
        !view_starts(contact_mask, VIEW("uussuu")))
        return;
    for (uint32_t g = 0; g < group_count; g++) {
        struct text name = TEXT(groups[g]);
        if (!read_masked(c->body, group_mask, strings, numbers, FIELDS))
            return;
        add_text(c, &name, strings[GROUP_NAME]);
    }
    for (unsigned n = 0; n < MAX_CONTACTS && cursor_left(c->body) > 0; n++) {
        struct text name = TEXT(shown);
        if (!read_masked(c->body, contact_mask, strings, numbers, FIELDS))
            return;
        add_text(c, &name, strings[NAME]);
        struct im_contact contact = { .account = view_string(c->st->account),
                                      .peer = strings[ACCOUNT],
                                      .display = view_of(shown, name.len),
                                      .presence = presence_of(numbers[STATUS]) };
        if (numbers[GROUP] < group_count)
            contact.group = view_string(groups[numbers[GROUP]]);
        if (contact.peer.len > 0)
            session_contact(c->s, &contact);
    }
}

/* ---- legs to come ---- */

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

static struct view leg_token(struct text *t, struct view sender, struct view name)
{
    text_string(t, "mrim ");
    text_add(t, sender);
    text_char(t, ' ');
    text_add(t, name);
    return view_of(t->at, t->len);
}

/* "name;size;name;size;" */
static void announce_files(const struct mrim_context *c, const struct im_detail *detail, struct view list)
{
    for (unsigned i = 0; i < MAX_FILES && list.len > 0; i++) {
        char token[TOKEN_BYTES], shown[FILE_NAME_BYTES];
        struct text token_text = TEXT(token), name_text = TEXT(shown);
        struct view name = view_token(&list, ';');
        struct im_file file = { .account = detail->account, .peer = detail->peer, .outgoing = c->outgoing };
        if (!view_decimal(view_token(&list, ';'), UINT32_MAX, &file.size))
            return;
        text_windows(&name_text, 1251, name);
        file.name = view_of(shown, name_text.len);
        struct view sender = c->outgoing ? detail->account : detail->peer;
        session_announce(c->s, leg_token(&token_text, sender, name), &file);
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
    char buffer[FILE_NAME_BYTES];
    struct text name = TEXT(buffer);
    struct view list = detail.file;
    text_windows(&name, 1251, view_token(&detail.file, ';')); /* the first of several */
    detail.file = view_of(buffer, name.len);
    bool forbidden = is_forbidden(c, ACTIVITY_FILE, &detail);
    if (!forbidden)
        announce_files(c, &detail, list);
    session_activity(c->s, ACTIVITY_FILE, &detail);
    if (!inner.bad && !forbidden)
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
    bool forbidden = is_forbidden(c, ACTIVITY_CALL, &detail);
    session_activity(c->s, ACTIVITY_CALL, &detail);
    if (!c->body->bad && !forbidden)
        expect_addresses(c, addresses, ACTIVITY_CALL);
}

static void on_proxy(const struct mrim_context *c)
{
    struct im_detail detail = detail_of(c);

    if (!is_forbidden(c, ACTIVITY_FILE, &detail))
        session_delivery(c->s, DELIVERY_SERVER_PROXY);
    session_activity(c->s, ACTIVITY_FILE, NULL);
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
    { 0x1037, on_contacts }, /* CONTACT_LIST2 */
    { 0x1038, on_login },    /* LOGIN2 */
    { 0x1044, on_proxy },    /* PROXY */
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

/* The receiver asks for a file: the other side sends it, where we know how long it is. */
static void begin_file(struct mrim_leg *l, struct session *s, enum flow_dir from, struct view name)
{
    char token[TOKEN_BYTES];
    struct text text = TEXT(token);
    struct announced_file told;
    struct im_detail detail = { .file = name };
    enum flow_dir sender = from == FROM_CLIENT ? FROM_SERVER : FROM_CLIENT;

    session_activity(s, ACTIVITY_FILE, &detail);
    if (l->hello[sender][0] == '\0' ||
        !session_announced(s, leg_token(&text, view_string(l->hello[sender]), name), &told)) {
        session_settle(s);
        return;
    }
    struct im_file file = announced_view(&told);
    l->sender = (uint8_t)sender;
    l->at = 0;
    l->size = told.size;
    l->file = session_file_begin(s, &file);
    if (l->size == 0)
        session_file_end(s, l->file, true);
}

/* The lines of text that begin a file leg. Returns what is used up of them. */
static size_t feed_leg(struct mrim_leg *l, struct session *s, enum flow_dir from, struct view in)
{
    struct view get = VIEW("MRA_FT_GET_FILE "), hello = VIEW("MRA_FT_HELLO ");
    size_t end = view_find_byte(in, '\0', 0);

    if (end == in.len)
        return in.len > BODY_BYTES ? in.len : 0;
    struct view line = view_slice(in, 0, end);
    if (view_starts(line, get)) {
        begin_file(l, s, from, view_from(line, get.len));
    } else {
        struct text name = TEXT(l->hello[from]);
        if (view_starts(line, hello))
            text_add(&name, view_from(line, hello.len));
        session_delivery(s, DELIVERY_PEER);
    }
    return end + 1;
}

/* Bytes of the file that is under way; 0: these are none. */
static size_t feed_file(struct mrim_leg *l, struct session *s, enum flow_dir from, struct view in)
{
    if (l->at == l->size || l->sender != from)
        return 0;
    in = view_slice(in, 0, l->size - l->at < in.len ? (size_t)(l->size - l->at) : in.len);
    session_file_bytes(s, l->file, l->at, in);
    l->at += in.len;
    if (l->at == l->size)
        session_file_end(s, l->file, true);
    return in.len;
}

static bool mrim_gap(void *state, struct session *s, enum flow_dir from, uint64_t lost)
{
    struct mrim_leg *l = &((struct mrim_state *)state)->leg;

    if (l->sender != from || lost > l->size - l->at || l->at == l->size)
        return false;
    l->at += lost;
    if (l->at == l->size)
        session_file_end(s, l->file, true);
    return true;
}

/* One packet. True: the stream changes over to TLS behind it. */
static bool follow(struct mrim_state *st, struct session *s, bool outgoing, uint32_t minor,
                   struct view number, struct cursor *body)
{
    struct mrim_context context = { st, s, body, number, minor, outgoing };
    struct cursor c = cursor_open(number);
    uint32_t command = cursor_le32(&c);

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
        used += feed_file(&st->leg, s, from, view_from(in, used));
        struct view left = view_from(in, used);
        struct cursor c = cursor_open(left);
        struct view magic = cursor_take(&c, sizeof mrim_magic);
        if (c.bad)
            return used;
        if (!view_equal(magic, view_of(mrim_magic, sizeof mrim_magic))) {
            size_t n = view_starts(magic, VIEW("MRA_")) ? feed_leg(&st->leg, s, from, left) : 0;
            if (n == 0 && !view_starts(magic, VIEW("MRA_")))
                session_settle(s); /* a file on a relayed leg */
            used += n;
            if (n == 0)
                return used;
            continue;
        }
        uint32_t version = cursor_le32(&c);
        cursor_skip(&c, 4);
        struct view command = cursor_take(&c, 4);
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
    .gap = mrim_gap,
};
