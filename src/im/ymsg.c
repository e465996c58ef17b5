/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YMSG: Yahoo! Messenger, all versions, to the server, to a peer and inside HTTP.
 *
 * Framing. A header of 20 octets, big-endian: "YMSG", version 16, vendor 16, length of the body 16, service
 * 16, status 32, session 32. Old clients write the version the other way round. The body is pairs, key and
 * value, each ended by c0 80; keys are decimal numbers, and what they mean mostly does not depend on the
 * service.
 *
 * States. 4c (is anyone there), 57 asks for a challenge, 54 answers it, 55 or f1 brings the buddy list. Then
 * 06 messages, 18 to 1d conferences, 96 to a8 chat rooms, 46 a file by HTTP, dc dd de a file since version 15
 * (offer, where, accepted), 4a voice, 50 webcam.
 *
 * Peers. 4f tells the other side, through the server, an address (base64 of a decimal number, octets
 * reversed) on which port 5101 listens. The direct connection speaks YMSG too: it begins with 4d or 4f, the
 * word PEERTOPEER and both names, but no address.
 *
 * Messages. Key 14 is the text, 97 says that it is UTF-8, else it is in the code page of the sender's
 * country: what is no UTF-8 is read as ISO 8859-1. Messages kept while the user was offline come several in a
 * frame (status 5), each with the second at which it was written (15).
 *
 * Contacts. 55 has lines "group:buddy,buddy" (87, 88 ignored); f1 has 65 for a group, 7 for a buddy, and 302
 * says what comes (318 a group, 319 buddies, 320 ignored ones). 01 to 04, c6 and f0 tell presence: 7 buddy,
 * 10 status, 47 how far away, several buddies in a frame.
 *
 * Files. They go by HTTP: an URL (20) that the receiver fetches, is announced under "http HOST/PATH" (port
 * left out, host in lower case). Since version 15 the offer (dc) has an id (265), and later frames (dd, de)
 * tell either such an URL (250) or a token (251) for Yahoo's relay, which both sides show in /relay?token=:
 * "yahoo TOKEN"; what the offer said waits under "yahoo offer ID". http.c finds them. An upload (POST
 * /notifyft) is a 46 frame with name and size, then "29 c0 80" and the bytes, no more framed.
 *
 * Before YMSG: "YPNS" from the client, "YHOO" from the server, a header of 104 octets, little-endian: length
 * of all at 8, service at 12 (the same numbers), names of 36 octets at 32 and 68, then text.
 *
 * Sources. Pidgin libpurple/protocols/yahoo: yahoo_packet.h, libymsg.c, yahoo_filexfer.c (services, keys);
 * libyahoo2.sourceforge.net/ymsg-9.txt; Ethereal packet-yhoo.c (the older header).
 * Limits. Frames over FRAME_BYTES are skipped; MAX_PAIRS of a frame are read; buddies of a list are as many.
 */
#include "base/address.h"
#include "base/cursor.h"
#include "identify/authority.h"
#include "identify/parser.h"
#include "im/transcode.h"

enum {
    YMSG_HEAD = 20,
    YHOO_HEAD = 104,
    FRAME_BYTES = PARSER_MESSAGE_BYTES,
    TEXT_BYTES = 8192,
    NAME_BYTES = 64,
    MAX_PAIRS = 2048,
    TOKEN_BYTES = 768,
    SCAN_BYTES = 256, /* mid-stream: a frame begins within these */
    PEER_PORT = 5101,
    NO_SERVICE = 0x7f,  /* octets of a number that is none */
    STATUS_OFFLINE = 5, /* of a frame with messages that were kept */
    LISTED = 1024,      /* buddies in one line of a list */
};

enum { MESSAGE = 0x06, FILE_BY_HTTP = 0x46, PEER_FILE = 0x4d, PEER_TO_PEER = 0x4f };

struct name {
    uint8_t len;
    char at[NAME_BYTES];
};

/* An upload of the client: bytes that follow a frame. */
struct upload {
    bool wanted; /* the frame came, the bytes did not begin yet */
    uint8_t name_len;
    uint32_t file;
    uint64_t at, size;
    struct name peer;
    char name[200];
};

struct ymsg {
    struct {
        uint32_t skip; /* of a frame that is too long */
        bool lost;     /* where frames begin is not known */
    } side[2];
    bool begun, login_told, client_told;
    struct name account;
    struct upload upload;
};

/* One call of feed. */
struct talk {
    struct ymsg *y;
    struct session *s;
    enum flow_dir from;
};

/* The fields that are read, and their keys; the text's own encoding is told by its octets. */
enum field {
    SELF,
    SELF_TOO,
    FROM,
    TO,
    WHO,
    SAID,
    ROOM,
    FILE_NAME,
    FILE_SIZE,
    URL,
    HOST,
    ROUTE,
    ADDRESS,
    VERSION,
    KIND,
    TIME,
    OFFER,
    TOKEN,
    FIELD_COUNT
};
static const struct {
    uint16_t key;
    enum field field;
} keys[] = {
    { 0, SELF_TOO }, { 1, SELF },   { 3, WHO },        { 4, FROM },       { 5, TO },        { 12, ADDRESS },
    { 14, SAID },    { 20, URL },   { 27, FILE_NAME }, { 28, FILE_SIZE }, { 49, KIND },     { 57, ROOM },
    { 69, TO },      { 104, ROOM }, { 109, WHO },      { 117, SAID },     { 135, VERSION }, { 249, ROUTE },
    { 250, HOST },   { 15, TIME },  { 265, OFFER },    { 251, TOKEN },
};

/* A frame, or one of several messages in it. */
struct note {
    uint16_t service;
    struct view number; /* the service's, as it stands in the frame */
    uint32_t status;
    struct view field[FIELD_COUNT];
};

/* ---- telling ---- */

static struct view name_view(const struct name *n)
{
    return view_of(n->at, n->len);
}

static void learn_account(struct talk *t, struct view name)
{
    if (t->y->account.len > 0)
        return;
    struct text text = TEXT(t->y->account.at);
    text_8bit(&text, name);
    t->y->account.len = (uint8_t)text.len;
}

static struct im_detail detail_of(const struct talk *t, const struct note *n)
{
    bool out = t->from == FROM_CLIENT;
    struct view from = n->field[FROM].len > 0 ? n->field[FROM] : n->field[WHO];

    return (struct im_detail){ .account = name_view(&t->y->account),
                               .peer = out ? n->field[TO] : from,
                               .room = n->field[ROOM],
                               .outgoing = out };
}

/* All message text passes here. */
static void tell_message(struct talk *t, const struct note *n)
{
    struct im_detail detail = detail_of(t, n);
    char buffer[TEXT_BYTES];
    struct text text = TEXT(buffer);

    if (n->field[SAID].len == 0)
        return;
    text_8bit(&text, n->field[SAID]);
    detail.text = view_of(buffer, text.len);
    detail.markup = MARKUP_YAHOO;
    uint64_t written_s;
    if (n->status == STATUS_OFFLINE && view_decimal(n->field[TIME], UINT32_MAX, &written_s))
        detail.sent_us = written_s * 1000000;
    detail.again =
        t->from == FROM_SERVER && detail.room.len > 0 && view_equal_nocase(detail.peer, detail.account);
    session_activity(t->s, ACTIVITY_CHAT, &detail);
}

static void tell_login(struct talk *t, const struct note *n)
{
    struct im_detail detail = { .account = name_view(&t->y->account), .outgoing = true };

    if (t->from != FROM_CLIENT)
        return;
    if (t->y->login_told || detail.account.len == 0) {
        session_activity(t->s, ACTIVITY_LOGIN, NULL);
    } else {
        session_activity(t->s, ACTIVITY_LOGIN, &detail);
        t->y->login_told = true;
    }
    if (n->field[VERSION].len > 0 && !t->y->client_told) {
        char buffer[64];
        struct text text = TEXT(buffer);
        text_string(&text, "Yahoo! Messenger ");
        text_8bit(&text, n->field[VERSION]);
        session_client(t->s, view_of(buffer, text.len));
        t->y->client_told = true;
    }
}

/* A room or conference: joined, invited to. */
static void tell_room(struct talk *t, const struct note *n)
{
    struct im_detail detail = detail_of(t, n);

    session_activity(t->s, ACTIVITY_CHAT, n->field[ROOM].len > 0 ? &detail : NULL);
}

/* Make a frame void: neither the server nor a client knows its service then. */
static bool is_forbidden(struct talk *t, const struct note *n, enum activity a,
                         const struct im_detail *detail)
{
    return session_forbidden(t->s, a, detail, n->number, NO_SERVICE);
}

static void tell_call(struct talk *t, const struct note *n)
{
    struct im_detail detail = detail_of(t, n);

    (void)is_forbidden(t, n, ACTIVITY_CALL, &detail);
    session_activity(t->s, ACTIVITY_CALL, &detail);
}

/* ---- direct legs ---- */

/* Expect a leg at "http://a.b.c.d:port/…" or "a.b.c.d:port". False: a name, or nothing. */
static bool expect_at(struct talk *t, struct view where, uint16_t port, enum protocol protocol)
{
    if (view_starts_nocase(where, VIEW("http://")))
        where = view_from(where, 7);
    struct view number = view_token(&where, '/');
    struct view host = view_token(&number, ':');
    struct expectation e = { .l4 = L4_TCP,
                             .activity = ACTIVITY_FILE,
                             .protocol = protocol,
                             .server = protocol == PROTOCOL_HTTP /* Yahoo's relay */ };
    uint64_t own_port = port;

    if (!ip_parse(host, &e.addr) || (number.len > 0 && !view_decimal(number, 65535, &own_port)))
        return false;
    e.port = (uint16_t)own_port;
    session_expect(t->s, &e);
    return true;
}

static void broker(struct talk *t, bool announced)
{
    if (announced)
        session_delivery(t->s, DELIVERY_SERVER_BROKER);
}

/* The other side's address for a direct connection: base64 of a decimal number, its low octet first. */
static void tell_peer(struct talk *t, const struct note *n)
{
    char buffer[32];
    struct text text = TEXT(buffer);
    struct expectation e = {
        .l4 = L4_TCP, .port = PEER_PORT, .activity = ACTIVITY_CHAT, .protocol = PROTOCOL_YMSG_PEER
    };
    uint64_t number;

    text_base64(&text, n->field[ADDRESS]);
    struct view decimal = view_of(buffer, text.len);
    bool negative = decimal.len > 0 && decimal.at[0] == '-'; /* written as a signed number by some */
    if (!view_decimal(view_from(decimal, negative), UINT32_MAX, &number) || number == 0)
        return;
    uint32_t ip = negative ? (uint32_t)-number : (uint32_t)number;
    const uint8_t octets[4] = { (uint8_t)ip, (uint8_t)(ip >> 8), (uint8_t)(ip >> 16), (uint8_t)(ip >> 24) };
    e.addr = ip_from_v4(octets);
    session_expect(t->s, &e);
    broker(t, true);
}

/* "http HOST/PATH" of an URL; empty: it is none. */
static struct view url_token(char *buffer, size_t size, struct view url)
{
    struct text token = text_over(buffer, size);
    struct view host, path;

    if (!authority_of_url(url, &host, &path))
        return view_of(NULL, 0);
    authority_token(&token, host, path.len > 0 ? path : VIEW("/"));
    return view_of(buffer, token.len);
}

static struct view named_token(char *buffer, size_t size, const char *kind, struct view id)
{
    struct text token = text_over(buffer, size);

    text_string(&token, kind);
    text_percent(&token, id);
    return view_of(buffer, token.len);
}

static void announce(struct talk *t, struct view token, const struct im_file *f)
{
    if (token.len > 0 && session_wants_files(t->s))
        session_announce(t->s, token, f);
}

static struct im_file file_of(const struct im_detail *detail)
{
    return (struct im_file){ .name = detail->file,
                             .account = detail->account,
                             .peer = detail->peer,
                             .size = detail->size,
                             .outgoing = detail->outgoing };
}

static void upload_expect(struct talk *t, const struct im_file *f)
{
    struct upload *u = &t->y->upload;
    struct text name = TEXT(u->name), peer = TEXT(u->peer.at);

    text_8bit(&name, f->name);
    text_8bit(&peer, f->peer);
    u->name_len = (uint8_t)name.len;
    u->peer.len = (uint8_t)peer.len;
    u->size = f->size;
    u->at = 0;
    u->wanted = f->size > 0;
}

/* A file by HTTP: at Yahoo's server, or at an address, which is then the sender's. */
static void tell_file(struct talk *t, const struct note *n)
{
    struct im_detail detail = detail_of(t, n);
    char buffer[TOKEN_BYTES];

    if (n->field[FILE_NAME].len == 0 && n->field[URL].len == 0)
        return;
    detail.file = n->field[FILE_NAME];
    (void)view_decimal(n->field[FILE_SIZE], UINT64_MAX, &detail.size);
    bool upload = n->service == FILE_BY_HTTP && n->field[URL].len == 0 && t->from == FROM_CLIENT;
    bool forbidden = !upload && is_forbidden(t, n, ACTIVITY_FILE, &detail); /* an upload is to be cut */
    session_activity(t->s, ACTIVITY_FILE, &detail);
    if (forbidden)
        return;
    struct im_file f = file_of(&detail);
    announce(t, url_token(buffer, sizeof buffer, n->field[URL]), &f);
    if (n->field[OFFER].len > 0)
        announce(t, named_token(buffer, sizeof buffer, "yahoo offer ", n->field[OFFER]), &f);
    if (upload)
        upload_expect(t, &f);
    broker(t, expect_at(t, n->field[URL], 80, PROTOCOL_YMSG_PEER));
}

/* Where the file of an offer is: route 3 is Yahoo's relay, the others are one of the two. */
static void tell_file_route(struct talk *t, const struct note *n)
{
    bool relayed = view_equal(n->field[ROUTE], VIEW("3"));
    struct view name = n->field[FILE_NAME];
    struct announced_file a;
    char buffer[TOKEN_BYTES];

    struct im_detail detail = detail_of(t, n);
    bool forbidden = is_forbidden(t, n, ACTIVITY_FILE, &detail);
    session_activity(t->s, ACTIVITY_FILE, NULL);
    if (forbidden)
        return;
    if (relayed)
        (void)expect_at(t, n->field[HOST], 80, PROTOCOL_HTTP);
    else
        broker(t, expect_at(t, n->field[HOST], 0, PROTOCOL_YMSG_PEER));
    if (!session_wants_files(t->s) || n->field[OFFER].len == 0 ||
        !session_announced(t->s, named_token(buffer, sizeof buffer, "yahoo offer ", n->field[OFFER]), &a))
        return;
    struct im_file f = announced_view(&a);
    if (name.len > 0 && !view_equal(name, f.name)) { /* another one of the same offer */
        f.name = name;
        f.size = 0;
    }
    announce(t, url_token(buffer, sizeof buffer, n->field[HOST]), &f);
    if (relayed && n->field[TOKEN].len > 0)
        announce(t, named_token(buffer, sizeof buffer, "yahoo ", n->field[TOKEN]), &f);
}

/* 4d is a file, or the hello of a direct connection. */
static void tell_peer_file(struct talk *t, const struct note *n)
{
    if (!view_equal(n->field[KIND], VIEW("PEERTOPEER")))
        tell_file(t, n);
}

/* ---- services ---- */

struct service {
    uint16_t number;
    enum activity activity; /* ACTIVITY_COUNT: told by `tell` */
    void (*tell)(struct talk *t, const struct note *n);
};

static const struct service services[] = {
    { 0x01, ACTIVITY_PRESENCE, NULL }, /* buddies that signed in */
    { 0x02, ACTIVITY_PRESENCE, NULL },
    { 0x03, ACTIVITY_PRESENCE, NULL }, /* away */
    { 0x04, ACTIVITY_PRESENCE, NULL }, /* back */
    { MESSAGE, ACTIVITY_COUNT, tell_message },
    { 0x07, ACTIVITY_PRESENCE, NULL },
    { 0x08, ACTIVITY_PRESENCE, NULL },
    { 0x0a, ACTIVITY_PRESENCE, NULL },
    { 0x0c, ACTIVITY_COUNT, tell_room }, /* invited to a chat */
    { 0x0f, ACTIVITY_PRESENCE, NULL },   /* new contact */
    { 0x12, ACTIVITY_PRESENCE, NULL },   /* ping */
    { 0x15, ACTIVITY_PRESENCE, NULL },
    { 0x18, ACTIVITY_COUNT, tell_room }, /* conference: invited */
    { 0x19, ACTIVITY_COUNT, tell_room }, /* entered */
    { 0x1c, ACTIVITY_COUNT, tell_room }, /* one more invited */
    { 0x1d, ACTIVITY_COUNT, tell_message },
    { 0x1e, ACTIVITY_COUNT, tell_room },
    { 0x20, ACTIVITY_COUNT, tell_message }, /* old chat rooms */
    { FILE_BY_HTTP, ACTIVITY_COUNT, tell_file },
    { 0x4a, ACTIVITY_COUNT, tell_call },  /* voice */
    { 0x4b, ACTIVITY_PRESENCE, NULL },    /* typing */
    { 0x4c, ACTIVITY_COUNT, tell_login }, /* first packet of a login */
    { PEER_FILE, ACTIVITY_COUNT, tell_peer_file },
    { PEER_TO_PEER, ACTIVITY_COUNT, tell_peer },
    { 0x50, ACTIVITY_COUNT, tell_call }, /* webcam */
    { 0x54, ACTIVITY_COUNT, tell_login },
    { 0x55, ACTIVITY_PRESENCE, NULL }, /* buddy list */
    { 0x57, ACTIVITY_COUNT, tell_login },
    { 0x6d, ACTIVITY_PRESENCE, NULL },
    { 0x83, ACTIVITY_PRESENCE, NULL }, /* buddies added, removed, refused */
    { 0x84, ACTIVITY_PRESENCE, NULL },
    { 0x85, ACTIVITY_PRESENCE, NULL },
    { 0x86, ACTIVITY_PRESENCE, NULL },
    { 0x89, ACTIVITY_PRESENCE, NULL },
    { 0x8a, ACTIVITY_PRESENCE, NULL },   /* keep-alive */
    { 0x96, ACTIVITY_COUNT, tell_room }, /* chat rooms: begun */
    { 0x97, ACTIVITY_COUNT, tell_room },
    { 0x98, ACTIVITY_COUNT, tell_room },    /* joined */
    { 0x9d, ACTIVITY_COUNT, tell_room },    /* invited */
    { 0xa8, ACTIVITY_COUNT, tell_message }, /* said */
    { 0xb9, ACTIVITY_PRESENCE, NULL },
    { 0xba, ACTIVITY_PRESENCE, NULL },
    { 0xbc, ACTIVITY_PRESENCE, NULL }, /* pictures of buddies */
    { 0xbd, ACTIVITY_PRESENCE, NULL },
    { 0xbe, ACTIVITY_PRESENCE, NULL },
    { 0xc1, ACTIVITY_PRESENCE, NULL },
    { 0xc2, ACTIVITY_PRESENCE, NULL },
    { 0xc5, ACTIVITY_PRESENCE, NULL }, /* status */
    { 0xc6, ACTIVITY_PRESENCE, NULL },
    { 0xc7, ACTIVITY_PRESENCE, NULL },
    { 0xd0, ACTIVITY_CHAT, NULL }, /* audible: a figure that speaks */
    { 0xd6, ACTIVITY_PRESENCE, NULL },
    { 0xdc, ACTIVITY_COUNT, tell_file },
    { 0xdd, ACTIVITY_COUNT, tell_file_route },
    { 0xde, ACTIVITY_COUNT, tell_file_route },
    { 0xe7, ACTIVITY_PRESENCE, NULL },
    { 0xf0, ACTIVITY_PRESENCE, NULL },
    { 0xf1, ACTIVITY_PRESENCE, NULL },
    { 0x226, ACTIVITY_COUNT, tell_login },   /* by the web */
    { 0x2ea, ACTIVITY_COUNT, tell_message }, /* SMS */
};

static const struct service *service_find(uint16_t number)
{
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++)
        if (services[i].number == number)
            return &services[i];
    return NULL;
}

static void tell(struct talk *t, const struct note *n)
{
    const struct service *service = service_find(n->service);

    if (service == NULL)
        return;
    if (service->activity != ACTIVITY_COUNT)
        session_activity(t->s, service->activity, NULL);
    if (service->tell != NULL)
        service->tell(t, n);
}

/* ---- pairs ---- */

static const struct view pair_end = { (const uint8_t *)"\xc0\x80", 2 };

/* Cut key and value off the front of *body. False: no more, or not pairs. */
static bool pair_next(struct view *body, uint64_t *out_key, struct view *out_value)
{
    size_t key_len = view_find(*body, pair_end);
    struct view value = view_from(*body, key_len + 2);
    size_t value_len = view_find(value, pair_end);

    if (value.len == value_len || !view_decimal(view_slice(*body, 0, key_len), UINT16_MAX, out_key))
        return false;
    *out_value = view_slice(value, 0, value_len);
    *body = view_from(value, value_len + 2);
    return true;
}

static enum field field_of(uint64_t key)
{
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (keys[i].key == key)
            return keys[i].field;
    return FIELD_COUNT;
}

static void note_init(struct note *n, uint16_t service, struct view number)
{
    n->service = service;
    n->number = number;
    n->status = 0;
    for (unsigned i = 0; i < FIELD_COUNT; i++)
        n->field[i] = view_of(NULL, 0);
}

enum { NEXT_RECORD = 31 };

/* Fill the note with the first value of each field; messages kept while offline come several in a frame. */
static void read_pairs(struct talk *t, struct view body, struct note *n)
{
    struct view value;
    uint64_t key;

    for (unsigned i = 0; i < MAX_PAIRS && pair_next(&body, &key, &value); i++) {
        enum field field = field_of(key);

        if ((field == FROM || key == NEXT_RECORD) && n->service == MESSAGE && n->field[SAID].len > 0) {
            tell(t, n);
            n->field[FROM] = n->field[SAID] = n->field[TIME] = view_of(NULL, 0);
        }
        if (field != FIELD_COUNT && n->field[field].len == 0)
            n->field[field] = value;
    }
}

/* ---- contacts ---- */

/* One buddy, as the pairs of a frame tell of him. */
struct buddy {
    struct view name, group;
    uint64_t status, away;
    bool online, off;
};

enum {
    KEY_BUDDY = 7,
    KEY_STATUS = 10,
    KEY_FLAGS = 13,
    KEY_AWAY = 47,
    KEY_GROUP = 65,
    KEY_LIST = 87,
    KEY_IGNORED = 88
};
enum { KEY_BLOCK = 302, BLOCK_IGNORED = 320, STATUS_GONE = 0x5a55aa56, STATUS_CUSTOM = 99 };

/* Services that tell of buddies, and what of them. */
static const struct {
    uint16_t service;
    enum { LISTS, PRESENT, LEFT, ADDED, TAKEN_OFF, IGNORED } what;
    enum flow_dir from;
} contact_services[] = {
    { 0x01, PRESENT, FROM_SERVER },   { 0x02, LEFT, FROM_SERVER },    { 0x03, PRESENT, FROM_SERVER },
    { 0x04, PRESENT, FROM_SERVER },   { 0xc6, PRESENT, FROM_SERVER }, { 0xf0, PRESENT, FROM_SERVER },
    { 0x55, LISTS, FROM_SERVER },     { 0xf1, LISTS, FROM_SERVER },   { 0x83, ADDED, FROM_CLIENT },
    { 0x84, TAKEN_OFF, FROM_CLIENT }, { 0x85, IGNORED, FROM_CLIENT },
};

static enum presence presence_of(const struct buddy *b, bool left)
{
    uint64_t status = b->status;

    if (left || b->off || status == 12 || status == STATUS_GONE)
        return PRESENCE_OFFLINE;
    if (status == STATUS_CUSTOM)
        return b->away == 0 ? PRESENCE_ONLINE : PRESENCE_AWAY;
    return status == 0 ? PRESENCE_ONLINE : status == 2 || status == 6 ? PRESENCE_BUSY : PRESENCE_AWAY;
}

static void tell_contact(struct talk *t, struct view name, struct view group, enum presence presence,
                         bool removed)
{
    char buffers[2][NAME_BYTES];
    struct text peer = TEXT(buffers[0]), of = TEXT(buffers[1]);

    if (name.len == 0)
        return;
    text_8bit(&peer, name);
    text_8bit(&of, group);
    struct im_contact c = { .account = name_view(&t->y->account),
                            .peer = view_of(buffers[0], peer.len),
                            .group = view_of(buffers[1], of.len),
                            .presence = presence,
                            .removed = removed };
    session_contact(t->s, &c);
}

/* "Friends:bob,carol" and more lines; of ignored ones only the names. */
static void read_old_list(struct talk *t, struct view value, bool ignored)
{
    for (unsigned n = 0; n < LISTED && value.len > 0; n++) {
        struct view line = view_token(&value, '\n'), group = view_of(NULL, 0);
        if (!ignored)
            group = view_token(&line, ':');
        for (unsigned i = 0; i < LISTED && line.len > 0; i++)
            tell_contact(t, view_token(&line, ','), group, PRESENCE_UNKNOWN, ignored);
    }
}

/* The buddy whose pairs are read is told when another one begins, and at the end. */
static void tell_buddy(struct talk *t, int what, const struct buddy *b, bool ignored)
{
    bool present = what == PRESENT || what == LEFT;

    tell_contact(t, b->name, b->group, present ? presence_of(b, what == LEFT) : PRESENCE_UNKNOWN,
                 what == TAKEN_OFF || (what == LISTS && ignored) || (what == IGNORED && b->online));
}

static void read_buddies(struct talk *t, int what, struct view body)
{
    struct buddy b = { .name = view_of(NULL, 0), .group = view_of(NULL, 0) };
    bool ignored = false;
    struct view value;
    uint64_t key, number;

    for (unsigned i = 0; i < MAX_PAIRS && pair_next(&body, &key, &value); i++) {
        bool decimal = view_decimal(value, UINT32_MAX, &number);

        bool next = key == KEY_BUDDY || key == KEY_BLOCK || (key == KEY_GROUP && what == LISTS);

        if (next) {
            tell_buddy(t, what, &b, ignored);
            b = (struct buddy){ .name = key == KEY_BUDDY ? value : view_of(NULL, 0), .group = b.group };
        }
        if (key == KEY_BLOCK && decimal)
            ignored = number == BLOCK_IGNORED;
        else if (key == KEY_GROUP)
            b.group = value;
        else if (key == KEY_STATUS && decimal)
            b.status = number;
        else if (key == KEY_AWAY && decimal)
            b.away = number;
        else if (key == KEY_FLAGS && decimal)
            b.off = number == 0, b.online = number == 1;
        else if ((key == KEY_LIST || key == KEY_IGNORED) && what == LISTS)
            read_old_list(t, value, key == KEY_IGNORED);
        if (ignored)
            b.group = view_of(NULL, 0);
    }
    tell_buddy(t, what, &b, ignored);
}

static void read_contacts(struct talk *t, uint16_t service, struct view body)
{
    for (size_t i = 0; i < sizeof contact_services / sizeof contact_services[0]; i++)
        if (contact_services[i].service == service && contact_services[i].from == t->from)
            read_buddies(t, (int)contact_services[i].what, body);
}

/* ---- frames ---- */

struct header {
    size_t head_len, body_len;
    unsigned version; /* 0: before YMSG */
    uint16_t service;
    uint32_t status;
};

/* 9 is written 0009 or 0900. */
static unsigned plain_version(uint16_t raw)
{
    unsigned version = raw > 0xff && (raw & 0xff) == 0 ? raw >> 8 : raw;

    return version >= 5 && version <= 0x70 ? version : 0;
}

static bool begins_as(struct view v, struct view mark)
{
    return view_starts(mark, view_slice(v, 0, mark.len));
}

/* The header at the front of `v`, all of it and the first octet of the body. */
static enum im_answer header_read(struct view v, struct header *out)
{
    struct cursor c = cursor_open(v);

    if (begins_as(v, VIEW("YHOO1.0")) || begins_as(v, VIEW("YPNS1."))) {
        cursor_skip(&c, 8);
        uint32_t len = cursor_le32(&c), service = cursor_le32(&c);
        if (c.bad)
            return IM_MORE;
        if (len < YHOO_HEAD || len > FRAME_BYTES || service == 0 || service > 0xff)
            return IM_NO;
        *out = (struct header){ YHOO_HEAD, len - YHOO_HEAD, 0, (uint16_t)service, 0 };
        return IM_YES;
    }
    if (!begins_as(v, VIEW("YMSG")))
        return IM_NO;
    cursor_skip(&c, 4);
    unsigned version = plain_version(cursor_u16(&c));
    if (!c.bad && version == 0)
        return IM_NO;
    cursor_skip(&c, 2);
    uint16_t body_len = cursor_u16(&c), service = cursor_u16(&c);
    if (!c.bad && (service == 0 || service > 0x7ff))
        return IM_NO;
    uint32_t status = cursor_u32(&c);
    cursor_skip(&c, 4);
    uint8_t first = body_len > 0 ? cursor_u8(&c) : '0';
    if (c.bad)
        return IM_MORE;
    *out = (struct header){ YMSG_HEAD, body_len, version, service, status };
    return first >= '0' && first <= '9' ? IM_YES : IM_NO;
}

/* Once: the version, and whether this is a direct connection, which its first frame tells. */
static void begin(struct talk *t, const struct header *h, const struct note *n)
{
    bool peer = (n->service == PEER_FILE || n->service == PEER_TO_PEER) && n->field[ADDRESS].len == 0 &&
                n->field[FROM].len > 0 && n->field[TO].len > 0 &&
                view_equal(n->field[KIND], VIEW("PEERTOPEER"));
    char buffer[16];
    struct text text = TEXT(buffer);

    if (t->y->begun)
        return;
    t->y->begun = true;
    if (h->version == 0)
        text_string(&text, "YHOO1");
    else
        text_format(&text, "YMSG%u", h->version);
    session_version(t->s, view_of(buffer, text.len));
    session_delivery(t->s, peer ? DELIVERY_PEER : DELIVERY_SERVER_PROXY);
    if (peer && t->from == FROM_CLIENT)
        learn_account(t, n->field[FROM]);
}

static void read_ymsg(struct talk *t, const struct header *h, struct view head, struct view body)
{
    struct note n;

    note_init(&n, h->service, view_slice(head, 10, 12));
    n.status = h->status;
    read_pairs(t, body, &n);
    if (t->from == FROM_CLIENT)
        learn_account(t, n.field[SELF].len > 0 ? n.field[SELF] : n.field[SELF_TOO]);
    else if (n.service == MESSAGE)
        learn_account(t, n.field[TO]);
    begin(t, h, &n);
    tell(t, &n);
    read_contacts(t, h->service, body);
}

static struct view until_nul(struct view v)
{
    return view_slice(v, 0, view_find_byte(v, '\0', 0));
}

/* The old frame: the user's own name is the first of the two. */
static void read_yhoo(struct talk *t, const struct header *h, struct view head, struct view body)
{
    struct note n;

    note_init(&n, h->service, view_slice(head, 12, 16));
    learn_account(t, until_nul(view_slice(head, 32, 68)));
    n.field[SAID] = until_nul(body);
    begin(t, h, &n);
    if (h->service == 1 && t->from == FROM_CLIENT)
        tell_login(t, &n);
    else
        tell(t, &n);
}

/* How far there is no header; where one is, *out_found. */
static size_t find_frame(struct view v, bool *out_found)
{
    struct header h;

    for (size_t at = view_find_byte(v, 'Y', 0); at < v.len; at = view_find_byte(v, 'Y', at + 1)) {
        enum im_answer answer = header_read(view_from(v, at), &h);
        *out_found = answer == IM_YES;
        if (answer != IM_NO)
            return at;
    }
    *out_found = false;
    return v.len;
}

/* The bytes of an upload, which follow its frame. False: wait for more. */
static bool feed_upload(struct talk *t, struct cursor *c)
{
    const struct view mark = VIEW("29\xc0\x80");
    struct upload *u = &t->y->upload;
    struct view v = cursor_peek(c);

    if (!u->wanted) {
        uint64_t left = u->size - u->at;
        struct view piece = cursor_take(c, v.len < left ? v.len : (size_t)left);
        session_file_bytes(t->s, u->file, u->at, piece);
        u->at += piece.len;
        if (u->at == u->size)
            session_file_end(t->s, u->file, true);
        return true;
    }
    if (v.len < mark.len && view_starts(mark, v))
        return false;
    u->wanted = false;
    if (view_starts(v, mark)) {
        struct im_file f = { .name = view_of(u->name, u->name_len),
                             .account = name_view(&t->y->account),
                             .peer = name_view(&u->peer),
                             .size = u->size,
                             .outgoing = true };
        cursor_skip(c, mark.len);
        u->file = session_file_begin(t->s, &f);
    } else {
        u->at = u->size; /* a frame follows: there are no bytes */
    }
    return true;
}

/* Take one frame off the front. False: it is not whole yet. */
static bool feed_frame(struct talk *t, struct cursor *c)
{
    bool *lost = &t->y->side[t->from].lost;
    struct header h;

    if (*lost) {
        bool found;
        cursor_skip(c, find_frame(cursor_peek(c), &found));
        *lost = !found;
        return found;
    }
    enum im_answer answer = header_read(cursor_peek(c), &h);
    if (answer == IM_MORE)
        return false;
    if (answer == IM_NO) {
        *lost = true;
        session_anomaly(t->s, ANOMALY_MALFORMED, VIEW("YMSG header"));
        return true;
    }
    if (h.head_len + h.body_len > FRAME_BYTES) {
        t->y->side[t->from].skip = (uint32_t)(h.head_len + h.body_len);
        return true;
    }
    struct cursor frame = *c;
    struct view head = cursor_take(&frame, h.head_len), body = cursor_take(&frame, h.body_len);
    if (frame.bad)
        return false;
    *c = frame;
    if (h.version == 0)
        read_yhoo(t, &h, head, body);
    else
        read_ymsg(t, &h, head, body);
    return true;
}

static bool uploads(const struct ymsg *y, enum flow_dir from)
{
    return from == FROM_CLIENT && (y->upload.wanted || y->upload.at < y->upload.size);
}

static size_t feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct talk t = { state, s, from };
    struct cursor c = cursor_open(in);
    uint32_t *skip = &t.y->side[from].skip;

    while (cursor_left(&c) > 0) {
        bool more = true;
        if (*skip > 0)
            cursor_drain(&c, skip);
        else
            more = uploads(t.y, from) ? feed_upload(&t, &c) : feed_frame(&t, &c);
        if (!more)
            break;
    }
    return in.len - cursor_left(&c);
}

static bool gap(void *state, struct session *s, enum flow_dir from, uint64_t lost)
{
    struct ymsg *y = state;
    uint32_t skip = y->side[from].skip;

    (void)s;
    if (uploads(y, from)) {
        bool inside = !y->upload.wanted && y->upload.size - y->upload.at > lost;
        y->upload.at = inside ? y->upload.at + lost : y->upload.size;
        y->upload.wanted = false;
        if (inside)
            return true;
    }
    y->side[from].lost |= lost > skip;
    y->side[from].skip = lost > skip ? 0 : skip - (uint32_t)lost;
    return true;
}

/* ---- recognising ---- */

static bool starts(uint8_t first, enum flow_dir from)
{
    (void)from;
    return first == 'Y';
}

/* Message and typing begin with key 4 from the server and with 0 or 1 from the client. */
static bool is_reversed(struct view body, const struct header *h, enum flow_dir from)
{
    struct view value;
    uint64_t key;

    if ((h->service != MESSAGE && h->service != 0x4b) || !pair_next(&body, &key, &value))
        return false;
    return from == FROM_CLIENT ? key == 4 : key <= 1;
}

static enum im_answer recognise(struct view v, enum flow_dir from, bool midstream, struct finding *out)
{
    struct header h;
    enum im_answer answer = header_read(v, &h);

    if (answer == IM_NO && midstream) {
        bool found;
        v = view_from(v, find_frame(view_slice(v, 0, SCAN_BYTES), &found));
        answer = found ? header_read(v, &h) : IM_NO;
    }
    if (answer != IM_YES)
        return answer;
    struct text value = TEXT(out->value);
    if (h.version == 0)
        text_format(&value, "YHOO, service %02x", h.service);
    else
        text_format(&value, "YMSG version %u, service %02x", h.version, h.service);
    out->reversed = midstream && is_reversed(view_from(v, h.head_len), &h, from);
    return IM_YES;
}

static enum im_answer probe(const struct sample *s, struct finding *out)
{
    unsigned refused = 0, open = 0;

    for (unsigned d = FROM_CLIENT; d <= FROM_SERVER; d++) {
        if (s->bytes[d].len == 0)
            continue;
        enum im_answer a = recognise(s->bytes[d], (enum flow_dir)d, s->midstream, out);
        if (a == IM_YES)
            return IM_YES;
        if (a == IM_NO && (!s->midstream || s->bytes[d].len >= SCAN_BYTES))
            refused++;
        else
            open++;
    }
    return refused > 0 && (open == 0 || !s->midstream) ? IM_NO : IM_MORE;
}

extern const struct parser parser_ymsg;

const struct parser parser_ymsg = {
    .protocol = PROTOCOL_YMSG,
    .service = "yahoo",
    .on = PARSER_TCP | PARSER_BODY,
    .starts = starts,
    .probe = probe,
    .state_size = sizeof(struct ymsg),
    .feed = feed,
    .gap = gap,
};
