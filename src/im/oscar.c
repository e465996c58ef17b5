/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OSCAR: AIM and ICQ between client and server.
 *
 * Framing. FLAP, the same both ways: `2a`, channel (1 sign on, 2 data, 3 error, 4 sign off, 5 keep-alive),
 * sequence number, length of what follows, all big-endian. Channel 2 holds a SNAC: family, subtype, flags,
 * request number, then fields and TLVs (type, length, value). With flag 8000 a block of TLVs comes before the
 * fields.
 *
 * States. Both sides begin on channel 1 with the version 00000001. The client adds, to the authorizer, its
 * name and roasted password (or goes on with SNAC 0017), to the message server (BOS) the cookie that the
 * authorizer gave. Then SNACs flow both ways until channel 4.
 *
 * Messages are ICBMs (0004/0006 sent, 0004/0007 received): channel 1 text, 2 rendezvous, 4 old ICQ. A
 * rendezvous proposes a capability (GUID) and tells at which addresses its sender listens: the direct leg,
 * see oft.c, which finds by the token "oft " and the cookie of the rendezvous in hex who sends what to whom.
 * Rooms are family 000e on a connection of their own. Buddy lists are family 0013, before that 0003.
 *
 * Mid-stream, and after lost bytes, a data frame is known by its SNAC header: family and subtype that exist
 * and no unknown flag are 50 bits of structure.
 *
 * Limits. Frames over FRAME_BYTES are skipped; text over TEXT_BYTES is cut. FLAP inside TLS is not seen here.
 *
 * Sources. Pidgin libpurple/protocols/oscar: snactypes.h, oscar.h, family_icbm.c, family_locate.c
 * (constants); the field layouts as in the OSCAR documentation at iserverd.khstu.ru/oscar/.
 */
#include "im/oscar.h"
#include "base/address.h"
#include "base/cursor.h"
#include "identify/parser.h"
#include "im/transcode.h"

enum {
    FLAP_HEAD = 6,
    SNAC_HEAD = 10,
    FRAME_BYTES = PARSER_MESSAGE_BYTES,
    TEXT_BYTES = 12288,
    SCAN_BYTES = 256, /* mid-stream: a frame begins within these */
    NAME_BYTES = 64,
    FILE_NAME_BYTES = 256,
    NO_CAPABILITY = 0xff, /* octets of one that nobody has */
    MAX_GROUPS = 64,      /* of a buddy list, whose names are told */
    MAX_FRAGMENTS = 32,   /* of one message */
    MAX_SUBTYPE = 0x30,
};

enum { CHANNEL_SIGN_ON = 1, CHANNEL_DATA = 2, CHANNEL_SIGN_OFF = 4, CHANNEL_KEEP_ALIVE = 5 };

/* A name kept over frames. */
struct name {
    uint8_t len;
    char at[NAME_BYTES];
};

struct oscar {
    struct {
        uint32_t skip; /* bytes of a frame that is too long */
        bool lost;     /* where frames begin is not known */
    } side[2];
    bool delivery_told, broker_told, login_told;
    struct name account, room;
};
_Static_assert(sizeof(struct oscar) <= PARSER_STATE_BYTES, "fits the slab");

/* One call of feed. */
struct talk {
    struct oscar *o;
    struct session *s;
    enum flow_dir from;
};

/* ---- TLVs ---- */

static bool tlv_next(struct cursor *c, uint16_t *out_type, struct view *out_value)
{
    uint16_t type = cursor_u16(c);
    struct view value = cursor_take(c, cursor_u16(c));

    if (c->bad)
        return false;
    *out_type = type;
    *out_value = value;
    return true;
}

/* The value of the first TLV of a type; an empty view where there is none. */
static struct view tlv_find(struct view tlvs, uint16_t type)
{
    struct cursor c = cursor_open(tlvs);
    uint16_t t;
    struct view value;

    while (tlv_next(&c, &t, &value))
        if (t == type)
            return value;
    return view_of(NULL, 0);
}

static bool tlv_has(struct view tlvs, uint16_t type)
{
    struct cursor c = cursor_open(tlvs);
    uint16_t t;
    struct view value;

    while (tlv_next(&c, &t, &value))
        if (t == type)
            return true;
    return false;
}

/* A number of two octets, 0 where there is none. */
static uint16_t tlv_u16(struct view tlvs, uint16_t type)
{
    struct cursor c = cursor_open(tlv_find(tlvs, type));

    return cursor_u16(&c);
}

/* ---- telling ---- */

static struct view name_view(const struct name *n)
{
    return view_of(n->at, n->len);
}

static void name_set(struct name *n, struct view v)
{
    struct text t = TEXT(n->at);

    text_8bit(&t, v);
    n->len = (uint8_t)t.len;
}

static bool is_number(struct view v)
{
    uint64_t n;

    return view_decimal(v, UINT32_MAX, &n);
}

/* The local user is known: a number is an ICQ account, anything else a screen name of AIM. */
static void learn_account(struct talk *t, struct view account)
{
    if (t->o->account.len > 0 || account.len == 0)
        return;
    name_set(&t->o->account, account);
    session_version(t->s, is_number(account) ? VIEW("ICQ") : VIEW("AIM"));
}

static void tell_login(struct talk *t)
{
    struct im_detail detail = { .account = name_view(&t->o->account), .outgoing = true };

    if (t->o->account.len == 0) {
        session_activity(t->s, ACTIVITY_LOGIN, NULL);
    } else if (!t->o->login_told) {
        session_activity(t->s, ACTIVITY_LOGIN, &detail);
        t->o->login_told = true;
    }
}

/* Who says something, and to whom: the rest of a message is for the caller to fill in. */
static struct im_detail detail_with(const struct talk *t, struct view peer)
{
    return (struct im_detail){ .account = name_view(&t->o->account),
                               .peer = peer,
                               .outgoing = t->from == FROM_CLIENT };
}

/* All message text passes here. What has none (a sound, a picture alone) is still a message. */
static void tell_message(struct talk *t, struct im_detail *detail, const struct text *said)
{
    detail->text = view_of(said->at, said->len);
    session_activity(t->s, ACTIVITY_CHAT, detail);
}

/* AIM writes HTML always; between numbers of ICQ text is plain, unless a later ICQ wrote tags. */
static enum markup markup_of(struct view peer, const struct text *said)
{
    bool tagged = said->len > 0 && said->at[0] == '<';

    return tagged || !is_number(peer) ? MARKUP_HTML : MARKUP_NONE;
}

static void tell_contact(struct talk *t, struct im_contact *contact)
{
    contact->account = name_view(&t->o->account);
    if (contact->peer.len > 0)
        session_contact(t->s, contact);
}

/* The client program, from the TLVs of a sign-on: a text and, where that has no version, four numbers. */
static void tell_client(struct talk *t, struct view tlvs)
{
    struct view id = tlv_find(tlvs, 0x03);
    char buffer[128];
    struct text text = TEXT(buffer);
    bool has_version = false;

    if (id.len == 0)
        return;
    for (size_t i = 0; i < id.len; i++)
        has_version |= id.at[i] >= '0' && id.at[i] <= '9';
    text_8bit(&text, id);
    if (!has_version && tlv_has(tlvs, 0x17))
        text_format(&text, " %u.%u.%u.%u", tlv_u16(tlvs, 0x17), tlv_u16(tlvs, 0x18), tlv_u16(tlvs, 0x19),
                    tlv_u16(tlvs, 0x1a));
    session_client(t->s, view_of(buffer, text.len));
}

/* A redirect to "address:port" or "address": where names are given, DNS and the next sign-on tell. */
static void expect_server(struct talk *t, struct view where, enum activity activity)
{
    struct view port = where;
    struct view host = view_token(&port, ':');
    struct expectation e = { .l4 = L4_TCP, .activity = activity, .protocol = PROTOCOL_OSCAR, .server = true };
    uint64_t number = session_port(t->s, true);

    if (!ip_parse(host, &e.addr) || (port.len > 0 && !view_decimal(port, 65535, &number)))
        return;
    e.port = (uint16_t)number;
    session_expect(t->s, &e);
}

/* ---- families 0001 and 0017: sign-on ---- */

static void read_login(struct talk *t, struct view tlvs)
{
    learn_account(t, tlv_find(tlvs, 0x01));
    tell_client(t, tlvs);
    tell_login(t);
}

static void read_login_reply(struct talk *t, struct view tlvs)
{
    learn_account(t, tlv_find(tlvs, 0x01));
    expect_server(t, tlv_find(tlvs, 0x05), ACTIVITY_LOGIN);
}

static void read_key_request(struct talk *t, struct view tlvs)
{
    learn_account(t, tlv_find(tlvs, 0x01));
}

static void read_redirect(struct talk *t, struct view tlvs)
{
    enum activity activity = tlv_u16(tlvs, 0x0d) == 0x000e ? ACTIVITY_CHAT : ACTIVITY_PRESENCE;

    expect_server(t, tlv_find(tlvs, 0x05), activity);
}

static void read_self_info(struct talk *t, struct view body)
{
    struct cursor c = cursor_open(body);
    struct view name = cursor_take(&c, cursor_u8(&c));

    learn_account(t, name);
    if (!t->o->login_told)
        tell_login(t);
}

/* ---- family 0004: messages ---- */

void oscar_text(struct text *t, uint16_t charset, struct view v)
{
    if (charset == 2)
        text_utf16(t, v, true);
    else if (charset == 3)
        text_windows(t, 1252, v); /* ISO 8859-1 it says */
    else
        text_8bit(t, v); /* ASCII it says, what the sender's Windows had it is */
}

/* A character set by its name, as rooms and invitations have it. */
static uint16_t charset_number(struct view name)
{
    return view_starts_nocase(name, VIEW("unicode")) ? 2 : 0;
}

/* Channel 1, TLV 2: fragments of type, version, length; type 1 is text behind two character set numbers. TLV
 * 16 is when it was sent, of one that waited for its receiver. */
static void read_text(struct talk *t, struct view peer, struct view tlvs)
{
    struct cursor fragments = cursor_open(tlv_find(tlvs, 0x02));
    char buffer[TEXT_BYTES];
    struct text text = TEXT(buffer);

    for (unsigned n = 0; n < MAX_FRAGMENTS && cursor_left(&fragments) > 0; n++) {
        uint8_t type = cursor_u8(&fragments);
        cursor_skip(&fragments, 1);
        struct cursor body = cursor_block16(&fragments);
        uint16_t charset = cursor_u16(&body);
        cursor_skip(&body, 2);
        if (type == 1)
            oscar_text(&text, charset, cursor_rest(&body));
    }
    struct im_detail detail = detail_with(t, peer);
    struct cursor sent = cursor_open(tlv_find(tlvs, 0x16));
    if (t->from == FROM_SERVER)
        detail.sent_us = cursor_u32(&sent) * (uint64_t)1000000;
    detail.markup = markup_of(peer, &text);
    tell_message(t, &detail, &text);
}

/* Old messages of ICQ, by type: all fields of the text are what is said, or the last one is. */
enum {
    ICQ_TEXT = 0x01,
    ICQ_PAGE = 0x04,
    ICQ_AUTH_ASKED = 0x06,
    ICQ_AUTH_REFUSED = 0x07,
    ICQ_ADDED = 0x0c,
    ICQ_WEB = 0x0d,
    ICQ_MAIL = 0x0e,
    ICQ_CONTACTS = 0x13
};

/* Their fields are parted by fe, which no character set of theirs has: one a line. */
static void icq_fields(struct text *t, struct view fields)
{
    for (bool first = true; fields.len > 0 && !t->cut; first = false) {
        if (!first)
            text_char(t, '\n');
        text_8bit(t, view_token(&fields, 0xfe));
    }
}

/* What an old ICQ message of this type says; false: nothing that somebody wrote. */
static bool icq_says(struct talk *t, struct view peer, uint8_t type, struct view said, struct text *out)
{
    struct im_contact contact = { .peer = peer,
                                  .display = view_slice(said, 0, view_find_byte(said, 0xfe, 0)) };

    switch (type) {
    case ICQ_TEXT:
    case ICQ_PAGE:
    case ICQ_WEB:
    case ICQ_MAIL:
    case ICQ_CONTACTS: icq_fields(out, said); return true;
    case ICQ_AUTH_ASKED: /* nick, names, address, then why */
        while (view_find_byte(said, 0xfe, 0) < said.len)
            view_token(&said, 0xfe);
        text_8bit(out, said);
        return true;
    case ICQ_AUTH_REFUSED: text_8bit(out, said); return true;
    case ICQ_ADDED: tell_contact(t, &contact); return false;
    default: return false;
    }
}

/* An old ICQ message: type, flags, text that ends with NUL. */
static void read_icq_text(struct talk *t, struct view peer, struct cursor *c, uint64_t sent_us)
{
    uint8_t type = cursor_u8(c);
    cursor_skip(c, 1);
    struct view said = cursor_take(c, cursor_le16(c));
    char buffer[TEXT_BYTES];
    struct text text = TEXT(buffer);
    struct im_detail detail = detail_with(t, peer);

    said = view_slice(said, 0, view_find_byte(said, '\0', 0));
    if (c->bad || !icq_says(t, peer, type, said, &text))
        return;
    detail.sent_us = sent_us;
    tell_message(t, &detail, &text);
}

/* Channel 4, TLV 5: the sender's number, then the message. */
static void read_icq_channel(struct talk *t, struct view peer, struct view tlvs)
{
    struct cursor c = cursor_open(tlv_find(tlvs, 0x05));

    cursor_skip(&c, 4);
    read_icq_text(t, peer, &c, 0);
}

/* ---- family 0004, channel 2: rendezvous ---- */

static const struct oscar_capability capabilities[] = {
    { 0x0100, ACTIVITY_CALL, PROTOCOL_UNKNOWN, true },      /* video */
    { 0x0101, ACTIVITY_CALL, PROTOCOL_UNKNOWN, true },      /* live video */
    { 0x0102, ACTIVITY_CALL, PROTOCOL_UNKNOWN, true },      /* camera */
    { 0x0103, ACTIVITY_CALL, PROTOCOL_UNKNOWN, true },      /* microphone */
    { 0x0104, ACTIVITY_CALL, PROTOCOL_UNKNOWN, true },      /* audio */
    { 0x0105, ACTIVITY_CALL, PROTOCOL_UNKNOWN, true },      /* iChat */
    { 0x1341, ACTIVITY_CALL, PROTOCOL_UNKNOWN, true },      /* talk */
    { 0x1343, ACTIVITY_FILE, PROTOCOL_OFT, true },          /* send file */
    { 0x1345, ACTIVITY_CHAT, PROTOCOL_ODC, true },          /* direct IM */
    { 0x1346, ACTIVITY_PRESENCE, PROTOCOL_UNKNOWN, false }, /* buddy icon */
    { 0x1348, ACTIVITY_FILE, PROTOCOL_OFT, true },          /* get file */
    { 0x1349, ACTIVITY_CHAT, PROTOCOL_UNKNOWN, false },     /* ICQ message through the server */
    { 0x134b, ACTIVITY_PRESENCE, PROTOCOL_UNKNOWN, false }, /* send buddy list */
};
static const struct oscar_capability chat_invitation = { 0x2420, ACTIVITY_CHAT, PROTOCOL_UNKNOWN, false };

const struct oscar_capability *oscar_capability(struct view guid)
{
    struct cursor c = cursor_open(guid);
    uint16_t first = cursor_u16(&c), number = cursor_u16(&c);
    struct view rest = cursor_take(&c, 6);

    if (view_starts(guid, VIEW("\x74\x8f\x24\x20\x62\x87\x11\xd1\x82\x22")))
        return &chat_invitation;
    if (first != 0x0946 || !view_equal(rest, VIEW("\x4c\x7f\x11\xd1\x82\x22")))
        return NULL;
    for (size_t i = 0; i < sizeof capabilities / sizeof capabilities[0]; i++)
        if (capabilities[i].number == number)
            return &capabilities[i];
    return NULL;
}

/* Expect the direct leg at each address that the proposal names: 2 proposer, 3 client, 4 verified by the
 * server. */
static void expect_direct(struct talk *t, const struct oscar_capability *cap, struct view tlvs)
{
    struct expectation e = { .activity = cap->activity, .protocol = cap->direct };
    struct ip_addr seen[3];
    unsigned seen_count = 0;

    e.port = tlv_u16(tlvs, 0x05);
    e.l4 = cap->direct != PROTOCOL_UNKNOWN ? L4_TCP : 0;
    for (uint16_t type = 2; type <= 4; type++) {
        struct view address = tlv_find(tlvs, type);
        bool known = false;

        if (address.len != 4)
            continue;
        e.addr = ip_from_v4(address.at);
        for (unsigned i = 0; i < seen_count; i++)
            known |= ip_equal(&seen[i], &e.addr);
        if (known || ip_is_zero(&e.addr))
            continue;
        seen[seen_count++] = e.addr;
        session_expect(t->s, &e);
    }
    if (seen_count > 0 && !t->o->broker_told) {
        session_delivery(t->s, DELIVERY_SERVER_BROKER);
        t->o->broker_told = true;
    }
}

void oscar_token(struct text *t, struct view cookie)
{
    text_string(t, "oft ");
    text_hex(t, cookie);
}

/* The direct leg carries the cookie: who sends what to whom. */
static void announce(struct talk *t, struct view cookie, const struct im_detail *detail)
{
    char buffer[32];
    struct text token = TEXT(buffer);
    struct im_file file = { .name = detail->file,
                            .account = detail->account,
                            .peer = detail->peer,
                            .size = detail->size,
                            .outgoing = detail->outgoing };

    oscar_token(&token, cookie);
    session_announce(t->s, view_of(buffer, token.len), &file);
}

/* What a file proposal carries in TLV 2711: one or many, count, size of all, name; 2712 is the character set
 * of the name. */
static void read_file_offer(struct text *name, struct im_detail *detail, struct view inner)
{
    struct cursor c = cursor_open(tlv_find(inner, 0x2711));

    cursor_skip(&c, 4);
    detail->size = cursor_u32(&c);
    oscar_file_name(name, charset_number(tlv_find(inner, 0x2712)), cursor_rest(&c));
    detail->file = view_of(name->at, name->len);
}

/* A proposal of a capability that nobody has is refused by who receives it. */
static bool is_forbidden(struct talk *t, const struct oscar_capability *cap, const struct im_detail *detail,
                         struct view guid)
{
    bool leg =
        cap->activity == ACTIVITY_FILE || cap->activity == ACTIVITY_CALL || cap->direct == PROTOCOL_ODC;

    return leg && session_forbidden(t->s, cap->activity, detail, guid, NO_CAPABILITY);
}

/* An invitation to a room: exchange, name of the room, instance. The words said with it are TLV 0c, their
 * character set 0d. */
static void read_room_offer(struct talk *t, struct view peer, struct view tlvs)
{
    struct cursor c = cursor_open(tlv_find(tlvs, 0x2711));

    cursor_skip(&c, 2);
    struct im_detail detail = detail_with(t, peer);
    detail.room = cursor_take(&c, cursor_u8(&c));
    detail.markup = MARKUP_HTML;
    char buffer[TEXT_BYTES];
    struct text text = TEXT(buffer);

    oscar_text(&text, charset_number(tlv_find(tlvs, 0x0d)), tlv_find(tlvs, 0x0c));
    tell_message(t, &detail, &text);
}

/* A message between ICQ clients, little-endian: two headers that tell their length, then as on channel 4 with
 * a status and a priority between. */
static void read_relayed(struct talk *t, struct view peer, struct view data)
{
    struct cursor c = cursor_open(data);
    cursor_skip(&c, cursor_le16(&c));
    cursor_skip(&c, cursor_le16(&c));
    uint8_t type = cursor_u8(&c);
    cursor_skip(&c, 5);
    struct view said = cursor_take(&c, cursor_le16(&c));
    char buffer[TEXT_BYTES];
    struct text text = TEXT(buffer);
    struct im_detail detail = detail_with(t, peer);

    said = view_slice(said, 0, view_find_byte(said, '\0', 0));
    if (c.bad || !icq_says(t, peer, type, said, &text))
        return;
    detail.markup = view_starts(said, VIEW("{\\rtf")) ? MARKUP_RTF : MARKUP_NONE;
    tell_message(t, &detail, &text);
}

static void read_rendezvous(struct talk *t, struct view peer, struct view tlvs)
{
    struct cursor c = cursor_open(tlv_find(tlvs, 0x05));
    uint16_t kind = cursor_u16(&c);
    struct view cookie = cursor_take(&c, 8);
    struct view guid = cursor_take(&c, 16);
    const struct oscar_capability *cap = oscar_capability(guid);
    struct view inner = cursor_rest(&c);
    struct im_detail detail = detail_with(t, peer);
    char buffer[FILE_NAME_BYTES];
    struct text name = TEXT(buffer);

    if (c.bad || cap == NULL || kind != 0) /* 1 cancels, 2 accepts */
        return;
    bool proxied = tlv_has(inner, 0x10); /* its port is then a password for the proxy */
    if (cap->activity == ACTIVITY_FILE)
        read_file_offer(&name, &detail, inner);
    bool forbidden = is_forbidden(t, cap, &detail, guid);
    if (cap->has_direct_leg && !proxied && !forbidden)
        expect_direct(t, cap, inner); /* before the offer is told: who judges it asks how it goes */
    if (tlv_u16(inner, 0x0a) > 1) {
        session_activity(t->s, cap->activity, NULL); /* the same offer again, with other addresses */
    } else if (cap == &chat_invitation) {
        read_room_offer(t, peer, inner);
    } else if (cap->number == 0x1349) {
        read_relayed(t, peer, tlv_find(inner, 0x2711));
    } else if (cap->activity == ACTIVITY_FILE) {
        session_activity(t->s, ACTIVITY_FILE, &detail);
        if (!forbidden)
            announce(t, cookie, &detail);
    } else {
        if (cap->direct == PROTOCOL_ODC && !forbidden)
            announce(t, cookie, &detail);
        session_activity(t->s, cap->activity, cap->activity == ACTIVITY_PRESENCE ? NULL : &detail);
    }
}

static void read_icbm(struct talk *t, struct cursor *c, uint16_t channel, struct view peer)
{
    struct view tlvs = cursor_rest(c);

    if (c->bad)
        return;
    if (channel == 1)
        read_text(t, peer, tlvs);
    else if (channel == 2)
        read_rendezvous(t, peer, tlvs);
    else if (channel == 4)
        read_icq_channel(t, peer, tlvs);
}

/* Sent: cookie, channel, name of the peer, TLVs. */
static void read_icbm_out(struct talk *t, struct view body)
{
    struct cursor c = cursor_open(body);

    cursor_skip(&c, 8);
    uint16_t channel = cursor_u16(&c);
    struct view peer = cursor_take(&c, cursor_u8(&c));
    read_icbm(t, &c, channel, peer);
}

/* Received: as sent, but between the name and the TLVs are a warning level and the counted TLVs of the
 * sender. */
static void read_icbm_in(struct talk *t, struct view body)
{
    struct cursor c = cursor_open(body);
    uint16_t type;
    struct view value;

    cursor_skip(&c, 8);
    uint16_t channel = cursor_u16(&c);
    struct view peer = cursor_take(&c, cursor_u8(&c));
    cursor_skip(&c, 2);
    for (uint16_t left = cursor_u16(&c); left > 0 && tlv_next(&c, &type, &value); left--)
        ;
    read_icbm(t, &c, channel, peer);
}

/* ---- family 000e: rooms ---- */

static void read_room_info(struct talk *t, struct view body)
{
    struct cursor c = cursor_open(body);

    cursor_skip(&c, 2);
    struct view cookie = cursor_take(&c, cursor_u8(&c));
    cursor_skip(&c, 5); /* instance, detail level, count of TLVs */
    struct view name = tlv_find(cursor_rest(&c), 0xd3);
    if (!c.bad)
        name_set(&t->o->room, name.len > 0 ? name : cookie);
    session_activity(t->s, ACTIVITY_CHAT, NULL);
}

/* A message in a room: cookie, channel, TLV 3 who (not in one's own), TLV 5 with 1 text and 2 character
 * set. The room sends everyone's back to everyone. */
static void read_room_message(struct talk *t, struct view body)
{
    struct view tlvs = view_from(body, 10);
    struct view message = tlv_find(tlvs, 0x05);
    struct cursor who = cursor_open(tlv_find(tlvs, 0x03));
    struct view peer = cursor_take(&who, cursor_u8(&who));
    struct view charset = tlv_find(message, 0x02);
    char buffer[TEXT_BYTES];
    struct text text = TEXT(buffer);

    if (t->from == FROM_SERVER && peer.len == 0)
        return; /* the echo of one's own message has a sender too: without one it is no message */
    struct im_detail detail = detail_with(t, peer);
    detail.room = name_view(&t->o->room);
    detail.markup = MARKUP_HTML;
    detail.again = t->from == FROM_SERVER && oscar_same_name(peer, detail.account);
    oscar_text(&text, charset_number(charset), tlv_find(message, 0x01));
    tell_message(t, &detail, &text);
}

bool oscar_same_name(struct view a, struct view b)
{
    size_t i = 0, j = 0;

    for (;;) {
        while (i < a.len && a.at[i] == ' ')
            i++;
        while (j < b.len && b.at[j] == ' ')
            j++;
        if (i == a.len || j == b.len)
            return i == a.len && j == b.len;
        if (ascii_lower(a.at[i++]) != ascii_lower(b.at[j++]))
            return false;
    }
}

void oscar_file_name(struct text *t, uint16_t charset, struct view v)
{
    size_t begin = t->len;

    oscar_text(t, charset, charset == 2 ? v : view_slice(v, 0, view_find_byte(v, '\0', 0)));
    for (size_t i = begin; i < t->len; i++)
        if (t->at[i] == '\x01')
            t->at[i] = '/';
}

/* ---- family 0003: who is there ---- */

static void read_old_list(struct talk *t, struct view body, bool removed)
{
    struct cursor c = cursor_open(body);

    while (cursor_left(&c) > 0) {
        struct im_contact contact = { .removed = removed };
        contact.peer = cursor_take(&c, cursor_u8(&c));
        if (!c.bad)
            tell_contact(t, &contact);
    }
}

static void read_old_add(struct talk *t, struct view body)
{
    session_activity(t->s, ACTIVITY_PRESENCE, NULL);
    read_old_list(t, body, false);
}

static void read_old_remove(struct talk *t, struct view body)
{
    read_old_list(t, body, true);
}

/* TLV 1: class of the user, 20 is away; TLV 6: status of ICQ: 1 away, 4 not available, 2 and 10 busy. */
static enum presence presence_of(uint16_t class, uint32_t status)
{
    if ((status & 0x12) != 0)
        return PRESENCE_BUSY;
    return (class & 0x20) != 0 || (status & 0x05) != 0 ? PRESENCE_AWAY : PRESENCE_ONLINE;
}

/* Users, each: name, warning level, count of TLVs, TLVs. */
static void read_presence(struct talk *t, struct view body, bool gone)
{
    struct cursor c = cursor_open(body);

    session_activity(t->s, ACTIVITY_PRESENCE, NULL);
    while (cursor_left(&c) > 0) {
        struct im_contact contact = { .peer = cursor_take(&c, cursor_u8(&c)) };
        uint16_t class = 0, type;
        uint32_t status = 0;
        struct view value;
        cursor_skip(&c, 2);
        for (uint16_t left = cursor_u16(&c); left > 0 && tlv_next(&c, &type, &value); left--) {
            struct cursor number = cursor_open(value);
            if (type == 0x01)
                class = cursor_u16(&number);
            else if (type == 0x06)
                status = cursor_u32(&number);
        }
        contact.presence = gone ? PRESENCE_OFFLINE : presence_of(class, status);
        if (!c.bad)
            tell_contact(t, &contact);
    }
}

static void read_arrival(struct talk *t, struct view body)
{
    read_presence(t, body, false);
}

static void read_departure(struct talk *t, struct view body)
{
    read_presence(t, body, true);
}

/* ---- family 0013: the buddy list that the server keeps ---- */

enum { ITEM_BUDDY = 0, ITEM_GROUP = 1, ITEM_DENIED = 3, ITEM_IGNORED = 0x0e };

struct item {
    struct view name, tlvs;
    uint16_t group, type;
};

static bool item_next(struct cursor *c, struct item *out)
{
    out->name = cursor_take(c, cursor_u16(c));
    out->group = cursor_u16(c);
    cursor_skip(c, 2);
    out->type = cursor_u16(c);
    out->tlvs = cursor_take(c, cursor_u16(c));
    return !c->bad;
}

/* Items of the list. Groups are items too, which may come behind their members. */
static void read_items(struct talk *t, struct cursor c, unsigned count, bool removed)
{
    struct item groups[MAX_GROUPS], item;
    unsigned known = 0;
    struct cursor again = c;

    for (unsigned n = 0; n < count && known < MAX_GROUPS && item_next(&c, &item); n++)
        if (item.type == ITEM_GROUP && item.name.len > 0)
            groups[known++] = item;
    for (unsigned n = 0; n < count && item_next(&again, &item); n++) {
        struct im_contact contact = { .peer = item.name, .display = tlv_find(item.tlvs, 0x131) };
        for (unsigned g = 0; g < known; g++)
            if (groups[g].group == item.group)
                contact.group = groups[g].name;
        contact.removed = removed || item.type != ITEM_BUDDY;
        if (item.type == ITEM_BUDDY || (item.type == ITEM_DENIED && !removed) ||
            (item.type == ITEM_IGNORED && !removed))
            tell_contact(t, &contact);
    }
}

/* Version, count, items, time. */
static void read_list(struct talk *t, struct view body)
{
    struct cursor c = cursor_open(body);

    cursor_skip(&c, 1);
    uint16_t count = cursor_u16(&c);
    session_activity(t->s, ACTIVITY_PRESENCE, NULL);
    read_items(t, c, count, false);
}

static void read_list_change(struct talk *t, struct view body)
{
    read_items(t, cursor_open(body), UINT16_MAX, false);
}

static void read_list_removal(struct talk *t, struct view body)
{
    read_items(t, cursor_open(body), UINT16_MAX, true);
}

/* Somebody asks to be let onto a list: name, why. */
static void read_auth_request(struct talk *t, struct view body)
{
    struct cursor c = cursor_open(body);
    struct im_detail detail = detail_with(t, cursor_take(&c, cursor_u8(&c)));
    struct view why = cursor_take(&c, cursor_u16(&c));
    char buffer[TEXT_BYTES];
    struct text text = TEXT(buffer);

    if (c.bad || why.len == 0)
        return;
    text_8bit(&text, why);
    tell_message(t, &detail, &text);
}

/* ---- family 0015: ICQ ---- */

/* Year, month, day, hour, minute of UTC; 0 where there is no such day. Days since 1970 by the calendar that
 * begins with March, so that the day of a leap year comes last. */
static uint64_t icq_time(struct cursor *c)
{
    uint32_t year = cursor_le16(c), month = cursor_u8(c), day = cursor_u8(c), hour = cursor_u8(c),
             minute = cursor_u8(c);

    if (year < 1990 || year > 2100 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 ||
        minute > 59)
        return 0;
    year -= month < 3;
    uint32_t months = (month + 9) % 12;
    uint64_t days =
        year * (uint64_t)365 + year / 4 - year / 100 + year / 400 + (months * 153 + 2) / 5 + day - 1;
    return ((days - 719468) * 1440 + hour * 60 + minute) * 60000000;
}

/* TLV 1, little-endian: length, own number, command, sequence. Command 41 is a message kept while offline. */
static void read_icq(struct talk *t, struct view body)
{
    struct cursor c = cursor_open(tlv_find(body, 0x01));
    char own[16], sender[16];
    struct text own_text = TEXT(own), sender_text = TEXT(sender);

    cursor_skip(&c, 2);
    text_decimal(&own_text, cursor_le32(&c));
    uint16_t command = cursor_le16(&c);
    cursor_skip(&c, 2);
    if (c.bad)
        return;
    learn_account(t, view_of(own, own_text.len));
    if (command != 0x41 || t->from != FROM_SERVER)
        return;
    text_decimal(&sender_text, cursor_le32(&c));
    uint64_t sent_us = icq_time(&c);
    read_icq_text(t, view_of(sender, sender_text.len), &c, sent_us);
}

/* ---- SNACs ---- */

enum sender { CLIENT_ONLY, SERVER_ONLY, EITHER };

struct snac {
    uint16_t family, subtype;
    enum sender sender;
    enum activity activity; /* ACTIVITY_COUNT: what `read` tells */
    void (*read)(struct talk *t, struct view body);
};

/* SNACs that tell something. A sender that is sure also tells client from server mid-stream. */
static const struct snac snacs[] = {
    { 0x0001, 0x0005, SERVER_ONLY, ACTIVITY_COUNT, read_redirect },
    { 0x0001, 0x000f, SERVER_ONLY, ACTIVITY_COUNT, read_self_info },
    { 0x0001, 0x0011, CLIENT_ONLY, ACTIVITY_PRESENCE, NULL },
    { 0x0001, 0x001e, CLIENT_ONLY, ACTIVITY_PRESENCE, NULL },
    { 0x0002, 0x0004, CLIENT_ONLY, ACTIVITY_PRESENCE, NULL },
    { 0x0002, 0x0006, SERVER_ONLY, ACTIVITY_PRESENCE, NULL },
    { 0x0003, 0x0004, CLIENT_ONLY, ACTIVITY_COUNT, read_old_add },
    { 0x0003, 0x0005, CLIENT_ONLY, ACTIVITY_COUNT, read_old_remove },
    { 0x0003, 0x000b, SERVER_ONLY, ACTIVITY_COUNT, read_arrival },
    { 0x0003, 0x000c, SERVER_ONLY, ACTIVITY_COUNT, read_departure },
    { 0x0004, 0x0006, CLIENT_ONLY, ACTIVITY_COUNT, read_icbm_out },
    { 0x0004, 0x0007, SERVER_ONLY, ACTIVITY_COUNT, read_icbm_in },
    { 0x0004, 0x0014, EITHER, ACTIVITY_PRESENCE, NULL }, /* typing */
    { 0x000e, 0x0002, SERVER_ONLY, ACTIVITY_COUNT, read_room_info },
    { 0x000e, 0x0003, SERVER_ONLY, ACTIVITY_PRESENCE, NULL },
    { 0x000e, 0x0004, SERVER_ONLY, ACTIVITY_PRESENCE, NULL },
    { 0x000e, 0x0005, CLIENT_ONLY, ACTIVITY_COUNT, read_room_message },
    { 0x000e, 0x0006, SERVER_ONLY, ACTIVITY_COUNT, read_room_message },
    { 0x0013, 0x0004, CLIENT_ONLY, ACTIVITY_PRESENCE, NULL },
    { 0x0013, 0x0005, CLIENT_ONLY, ACTIVITY_PRESENCE, NULL },
    { 0x0013, 0x0006, SERVER_ONLY, ACTIVITY_COUNT, read_list },
    { 0x0013, 0x0007, CLIENT_ONLY, ACTIVITY_PRESENCE, NULL },
    { 0x0013, 0x0008, EITHER, ACTIVITY_COUNT, read_list_change },
    { 0x0013, 0x0009, EITHER, ACTIVITY_COUNT, read_list_change },
    { 0x0013, 0x000a, EITHER, ACTIVITY_COUNT, read_list_removal },
    { 0x0013, 0x0018, CLIENT_ONLY, ACTIVITY_COUNT, read_auth_request },
    { 0x0013, 0x0019, SERVER_ONLY, ACTIVITY_COUNT, read_auth_request },
    { 0x0015, 0x0002, CLIENT_ONLY, ACTIVITY_COUNT, read_icq },
    { 0x0015, 0x0003, SERVER_ONLY, ACTIVITY_COUNT, read_icq },
    { 0x0017, 0x0002, CLIENT_ONLY, ACTIVITY_COUNT, read_login },
    { 0x0017, 0x0003, SERVER_ONLY, ACTIVITY_COUNT, read_login_reply },
    { 0x0017, 0x0006, CLIENT_ONLY, ACTIVITY_COUNT, read_key_request },
};

/* Families 0001 to 0010, and those above that exist. */
static bool family_exists(uint16_t family)
{
    static const uint16_t others[] = { 0x0013, 0x0015, 0x0017, 0x0018, 0x0022, 0x0024, 0x0025 };

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (others[i] == family)
            return true;
    return family >= 0x0001 && family <= 0x0010;
}

static const struct snac *snac_find(uint16_t family, uint16_t subtype)
{
    for (size_t i = 0; i < sizeof snacs / sizeof snacs[0]; i++)
        if (snacs[i].family == family && snacs[i].subtype == subtype)
            return &snacs[i];
    return NULL;
}

static void read_snac(struct talk *t, struct view frame)
{
    struct cursor c = cursor_open(frame);
    uint16_t family = cursor_u16(&c), subtype = cursor_u16(&c), flags = cursor_u16(&c);

    cursor_skip(&c, 4);
    if ((flags & 0x8000) != 0)
        cursor_skip(&c, cursor_u16(&c));
    const struct snac *snac = snac_find(family, subtype);
    if (c.bad || snac == NULL || (snac->sender == CLIENT_ONLY && t->from != FROM_CLIENT) ||
        (snac->sender == SERVER_ONLY && t->from != FROM_SERVER))
        return;
    if (snac->activity != ACTIVITY_COUNT)
        session_activity(t->s, snac->activity, NULL);
    if (snac->read != NULL)
        snac->read(t, cursor_rest(&c));
}

/* ---- FLAP ---- */

/* Sign-on: version, then the TLVs of the oldest login (1 name, 2 password) or a cookie (6). */
static void read_sign_on(struct talk *t, struct view body)
{
    struct view tlvs = view_from(body, 4);

    if (t->from != FROM_CLIENT)
        return;
    if (tlv_has(tlvs, 0x02))
        read_login(t, tlvs);
    else if (tlv_has(tlvs, 0x06)) {
        tell_client(t, tlvs);
        tell_login(t);
        session_ticket(t->s, tlv_find(tlvs, 0x06));
    }
}

static void read_frame(struct talk *t, uint8_t channel, struct view body)
{
    if (!t->o->delivery_told)
        session_delivery(t->s, DELIVERY_SERVER_PROXY);
    t->o->delivery_told = true;
    if (channel == CHANNEL_SIGN_ON)
        read_sign_on(t, body);
    else if (channel == CHANNEL_DATA)
        read_snac(t, body);
    else if (channel == CHANNEL_SIGN_OFF && t->from == FROM_SERVER)
        read_login_reply(t, body); /* the oldest login is answered so */
    else if (channel == CHANNEL_KEEP_ALIVE)
        session_activity(t->s, ACTIVITY_PRESENCE, NULL);
}

/* Do these bytes, at least FLAP_HEAD + SNAC_HEAD, begin with a data frame whose SNAC header is sane? */
static bool is_data_frame(struct view v)
{
    struct cursor c = cursor_open(v);
    uint8_t mark = cursor_u8(&c), channel = cursor_u8(&c);
    cursor_skip(&c, 2);
    uint16_t len = cursor_u16(&c), family = cursor_u16(&c), subtype = cursor_u16(&c), flags = cursor_u16(&c);

    return !c.bad && mark == 0x2a && channel == CHANNEL_DATA && len >= SNAC_HEAD && family_exists(family) &&
           subtype >= 1 && subtype <= MAX_SUBTYPE && (flags & 0x7ffe) == 0;
}

/* Offset of the first data frame; without one, how far there is none. */
static size_t find_frame(struct view v, bool *out_found)
{
    size_t at = view_find_byte(v, 0x2a, 0);

    while (at + FLAP_HEAD + SNAC_HEAD <= v.len && !is_data_frame(view_from(v, at)))
        at = view_find_byte(v, 0x2a, at + 1);
    *out_found = at + FLAP_HEAD + SNAC_HEAD <= v.len;
    return at;
}

static size_t feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct oscar *o = state;
    struct talk t = { o, s, from };
    struct cursor c = cursor_open(in);
    uint32_t *skip = &o->side[from].skip;
    bool *lost = &o->side[from].lost;

    while (cursor_left(&c) > 0) {
        if (*skip > 0) {
            cursor_drain(&c, skip);
            continue;
        }
        if (*lost) {
            bool found;
            cursor_skip(&c, find_frame(cursor_peek(&c), &found));
            if (!found)
                break;
            *lost = false;
        }
        struct cursor frame = cursor_open(cursor_peek(&c));
        uint8_t mark = cursor_u8(&frame), channel = cursor_u8(&frame);
        cursor_skip(&frame, 2);
        uint16_t len = cursor_u16(&frame);
        if (frame.bad)
            break;
        if (mark != 0x2a || channel < CHANNEL_SIGN_ON || channel > CHANNEL_KEEP_ALIVE) {
            *lost = true;
            session_anomaly(s, ANOMALY_MALFORMED, VIEW("FLAP header"));
            continue;
        }
        if (FLAP_HEAD + len > FRAME_BYTES) {
            *skip = FLAP_HEAD + (uint32_t)len;
            continue;
        }
        struct view body = cursor_take(&frame, len);
        if (frame.bad)
            break;
        cursor_skip(&c, FLAP_HEAD + len);
        read_frame(&t, channel, body);
    }
    return in.len - cursor_left(&c);
}

static bool gap(void *state, struct session *s, enum flow_dir from, uint64_t lost)
{
    struct oscar *o = state;

    (void)s;
    (void)lost;
    o->side[from].skip = 0;
    o->side[from].lost = true;
    return true;
}

/* ---- recognising ---- */

static bool starts(uint8_t first, enum flow_dir from)
{
    (void)from;
    return first == 0x2a;
}

/* The first frame of either side: channel 1, version 1. */
static enum im_answer probe_sign_on(struct view v, struct finding *out)
{
    struct cursor c = cursor_open(v);
    uint8_t mark = cursor_u8(&c), channel = cursor_u8(&c);

    if ((v.len > 0 && mark != 0x2a) || (!c.bad && channel != CHANNEL_SIGN_ON))
        return IM_NO;
    cursor_skip(&c, 2);
    uint16_t len = cursor_u16(&c);
    if (!c.bad && (len < 4 || len > FRAME_BYTES / 4))
        return IM_NO;
    uint32_t version = cursor_u32(&c);
    if (c.bad)
        return IM_MORE;
    if (version != 1)
        return IM_NO;
    struct text value = TEXT(out->value);
    text_string(&value, "FLAP sign-on");
    return IM_YES;
}

/* Mid-stream: the first data frame within SCAN_BYTES. */
static enum im_answer probe_midstream(struct view v, enum flow_dir from, struct finding *out)
{
    bool found;
    size_t at = find_frame(view_slice(v, 0, SCAN_BYTES), &found);

    if (!found)
        return v.len < SCAN_BYTES ? IM_MORE : IM_NO;
    struct cursor c = cursor_open(view_from(v, at + FLAP_HEAD));
    uint16_t family = cursor_u16(&c), subtype = cursor_u16(&c);
    const struct snac *snac = snac_find(family, subtype);
    struct text value = TEXT(out->value);

    if (snac != NULL && snac->sender != EITHER)
        out->reversed = (snac->sender == CLIENT_ONLY) != (from == FROM_CLIENT);
    text_format(&value, "FLAP with SNAC %04x/%04x", family, subtype);
    return IM_YES;
}

static enum im_answer probe(const struct sample *s, struct finding *out)
{
    enum im_answer answer = IM_MORE;

    for (unsigned d = FROM_CLIENT; d <= FROM_SERVER; d++) {
        if (s->bytes[d].len == 0)
            continue;
        enum im_answer a = probe_sign_on(s->bytes[d], out);
        if (a == IM_NO && s->midstream)
            a = probe_midstream(s->bytes[d], (enum flow_dir)d, out);
        if (a == IM_YES)
            return IM_YES;
        if (a == IM_NO)
            answer = IM_NO;
    }
    return answer;
}

extern const struct parser parser_oscar;

const struct parser parser_oscar = {
    .protocol = PROTOCOL_OSCAR,
    .service = "oscar",
    .on = PARSER_TCP,
    .starts = starts,
    .probe = probe,
    .state_size = sizeof(struct oscar),
    .feed = feed,
    .gap = gap,
};
