/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MSNP: MSN and Windows Live Messenger, versions 2 to 21, between client and server.
 *
 * Framing. Lines of words, ended by CR LF: a command of three letters (or an error of three digits), mostly a
 * transaction number, arguments. Some commands, in some directions, end in a length, and so many octets
 * follow the line: the table below has how many words such a line has at least.
 *
 * States. Notification server: VER (versions), CVR (client program), USR (login by MD5, TWN or SSO), then
 * lists and presence. XFR sends the client to another server: of notification (NS) or a switchboard (SB) for
 * a conversation; RNG invites to one. Switchboard: USR or ANS with a key, CAL, JOI and IRO for who is there,
 * MSG for what is said, BYE. From version 21 messages go through the notification server too (SDG).
 *
 * A MSG is headers, an empty line and a body. Its Content-Type tells: text, typing, an invitation of the old
 * kind (text/x-msmsgsinvite: file name and size, then address and port, see msnftp.c) or a P2P frame (see
 * msnslp.c).
 *
 * Who speaks to whom. A switchboard's members come with IRO and JOI and go with BYE; one is the peer, several
 * are a room, which is called by its members. P4-Context gives another name to show than the line has. Long
 * texts come in several messages with one Message-ID (Chunks, Chunk), which are put together; the last of
 * them, lost, takes the text with it only where nothing follows. Nudges, winks and ink have no text and are
 * no messages.
 *
 * Files. The old invitation announces its file under "msnftp COOKIE RECEIVER" and "msnftp COOKIE" once ACCEPT
 * gives the cookie (AuthCookie) with which the receiver will ask for it on the direct leg. P2P: msnslp.c.
 *
 * The same lines go through the HTTP gateway: the HTTP parser gives bodies to an inner stream, which may
 * begin anywhere in the conversation. So lines are known by their own form, whichever side sends first.
 *
 * Sources. hypothetic.org/docs/msn (all of sitev1); Pidgin libpurple/protocols/msn: notification.c,
 * switchboard.c (commands with payload); msnpiki (versions 13 to 21).
 * Limits. LINE_BYTES and PAYLOAD_BYTES: a longer payload is skipped. MEMBERS of a switchboard are named,
 * INVITES wait for their acceptance, the oldest goes first. A text in parts is told in pieces of CHUNK_BYTES.
 */
#include "base/address.h"
#include "base/cursor.h"
#include "base/hash.h"
#include "identify/parser.h"
#include "im/msnslp.h"
#include "im/transcode.h"

enum {
    LINE_BYTES = 4000,
    PAYLOAD_BYTES = PARSER_MESSAGE_BYTES - LINE_BYTES,
    MAX_WORDS = 12,
    NAME_BYTES = 80,
    PROBE_LINE_BYTES = 512,
    PROBE_LINES = 8, /* looked at mid-stream */
    MEMBERS = 6,
    INVITES = 4,
    FILE_NAME_BYTES = 200,
    CHUNK_BYTES = 2400,
    LISTED = 1024, /* contacts in one list */
};

struct name {
    uint8_t len;
    char at[NAME_BYTES];
};

/* An old invitation that waits for its acceptance. */
struct invite {
    uint64_t cookie, size;
    bool used, outgoing;
    uint8_t name_len;
    char name[FILE_NAME_BYTES];
};

/* A text that comes in several messages. */
struct chunks {
    uint64_t id; /* hash of its Message-ID, 0: none is under way */
    uint16_t len;
    uint8_t left; /* parts that are still to come */
    bool is_text;
    struct name peer, display;
    char text[CHUNK_BYTES];
};

struct msnp {
    struct {
        uint32_t skip; /* of a payload that is too long */
        bool lost;     /* where lines begin is not known */
    } side[2];
    bool delivery_told;
    uint8_t member_count, invite_next;
    struct name account, display; /* the local user */
    struct name called;           /* who was called into the switchboard last */
    struct name member[MEMBERS];  /* who is in it */
    struct invite invite[INVITES];
    struct msn_p2p p2p;
    struct chunks chunks[2];
};
_Static_assert(sizeof(struct msnp) <= PARSER_STATE_BYTES, "fits the slab");

struct words {
    unsigned count;
    struct view at[MAX_WORDS]; /* at[0] is the command; words beyond the limit are in none */
    struct view last;
};

/* One call of feed. */
struct talk {
    struct msnp *m;
    struct session *s;
    enum flow_dir from;
    char room[MEMBERS * (NAME_BYTES + 1)];
};

static struct view word(const struct words *w, unsigned i)
{
    return i < w->count && i < MAX_WORDS ? w->at[i] : view_of(NULL, 0);
}

static void split(struct view line, struct words *out)
{
    *out = (struct words){ 0 };
    while (line.len > 0) {
        out->last = view_token(&line, ' ');
        if (out->count < MAX_WORDS)
            out->at[out->count] = out->last;
        out->count++;
    }
}

/* "1:bob@example.org;epid={…}" is "bob@example.org": network number in front, device behind. */
static struct view plain_name(struct view v)
{
    struct view name = v, network = view_token(&name, ':');
    uint64_t number;

    if (name.len > 0 && view_decimal(network, 32, &number))
        v = name;
    return view_slice(v, 0, view_find_byte(v, ';', 0));
}

static bool is_address(struct view v)
{
    size_t at = view_find_byte(v, '@', 0);

    return at > 0 && at + 1 < v.len;
}

static struct view name_view(const struct name *n)
{
    return view_of(n->at, n->len);
}

static void name_set(struct name *n, struct view v)
{
    struct text t = TEXT(n->at);

    text_printable(&t, plain_name(v));
    n->len = (uint8_t)t.len;
}

static void learn_account(struct talk *t, struct view name)
{
    if (t->m->account.len == 0)
        name_set(&t->m->account, name);
}

/* A display name on a line: percent-encoded UTF-8. */
static void name_decode(struct name *n, struct view v)
{
    char raw[NAME_BYTES];
    struct text decoded = TEXT(raw), t = TEXT(n->at);

    text_percent(&decoded, v);
    text_printable(&t, view_of(raw, decoded.len));
    n->len = (uint8_t)t.len;
}

/* ---- who is there ---- */

static void member_add(struct msnp *m, struct view account)
{
    struct name name;

    name_set(&name, account);
    bool known = view_equal_nocase(name_view(&name), name_view(&m->account));
    for (unsigned i = 0; i < m->member_count && !known; i++)
        known = view_equal_nocase(name_view(&name), name_view(&m->member[i]));
    if (!known && m->member_count < MEMBERS)
        m->member[m->member_count++] = name;
}

static void member_remove(struct msnp *m, struct view account)
{
    for (unsigned i = 0; i < m->member_count; i++)
        if (view_equal_nocase(plain_name(account), name_view(&m->member[i]))) {
            m->called = m->member[i]; /* what is said now he may still get later */
            m->member[i] = m->member[--m->member_count];
            return;
        }
}

/* The room of several is called by all but the local user. */
static struct view room_name(struct talk *t)
{
    struct text room = TEXT(t->room);

    for (unsigned i = 0; i < t->m->member_count; i++) {
        if (i > 0)
            text_char(&room, ',');
        text_add(&room, name_view(&t->m->member[i]));
    }
    return view_of(t->room, room.len);
}

/* `peer`: whom the line names, or empty. */
static struct msn_people people(struct talk *t, struct view peer)
{
    const struct msnp *m = t->m;
    struct msn_people who = { .account = name_view(&m->account),
                              .peer = peer,
                              .outgoing = t->from == FROM_CLIENT };

    if (m->member_count > 1)
        who.room = room_name(t);
    else if (peer.len == 0)
        who.peer = name_view(m->member_count == 1 ? &m->member[0] : &m->called);
    if (who.outgoing)
        who.display = name_view(&m->display);
    return who;
}

static struct im_detail detail_of(const struct msn_people *who)
{
    bool same = view_equal_nocase(who->display, who->outgoing ? who->account : who->peer);

    return (struct im_detail){ .account = who->account,
                               .peer = who->peer,
                               .room = who->room,
                               .display = same ? view_of(NULL, 0) : who->display,
                               .outgoing = who->outgoing };
}

/* ---- lines ---- */

static void read_ver(struct talk *t, const struct words *w)
{
    if (t->from == FROM_SERVER && view_starts(word(w, 2), VIEW("MSNP")))
        session_version(t->s, word(w, 2)); /* what the server chose */
}

/* CVR n locale system version architecture PROGRAM VERSION brand [account] */
static void read_cvr(struct talk *t, const struct words *w)
{
    char buffer[96];
    struct text text = TEXT(buffer);

    if (t->from != FROM_CLIENT || w->count < 8)
        return;
    text_printable(&text, word(w, 6));
    text_char(&text, ' ');
    text_printable(&text, word(w, 7));
    session_client(t->s, view_of(buffer, text.len));
    if (is_address(word(w, 9)))
        learn_account(t, word(w, 9));
}

/* USR n TWN I account; to a switchboard USR n account key; the server's USR n OK account … */
static void read_usr(struct talk *t, const struct words *w)
{
    if (t->from == FROM_SERVER) {
        if (!view_equal(word(w, 2), VIEW("OK")))
            return;
        learn_account(t, word(w, 3));
        uint64_t number; /* later notification servers say 1 here, and no name */
        if (!view_decimal(word(w, 4), UINT32_MAX, &number))
            name_decode(&t->m->display, word(w, 4));
    } else if (view_equal(word(w, 3), VIEW("I"))) {
        name_set(&t->m->account, word(w, 4));
        struct im_detail detail = { .account = name_view(&t->m->account), .outgoing = true };
        session_activity(t->s, ACTIVITY_LOGIN, &detail);
    } else if (view_equal(word(w, 2), VIEW("TWN")) && view_equal(word(w, 3), VIEW("S"))) {
        session_ticket(t->s, word(w, 4));
    } else if (is_address(word(w, 2))) {
        learn_account(t, word(w, 2));
        session_ticket(t->s, word(w, 3)); /* the key that XFR gave to this user alone */
        session_activity(t->s, ACTIVITY_CHAT, NULL);
    }
}

static void read_ans(struct talk *t, const struct words *w)
{
    if (t->from == FROM_CLIENT && is_address(word(w, 2))) {
        learn_account(t, word(w, 2));
        session_activity(t->s, ACTIVITY_CHAT, NULL);
    }
}

static void expect_server(struct talk *t, struct view where, enum activity activity)
{
    struct view port = where, host = view_token(&port, ':');
    struct expectation e = { .l4 = L4_TCP, .activity = activity, .protocol = PROTOCOL_MSNP, .server = true };
    uint64_t number;

    if (!ip_parse(host, &e.addr) || !view_decimal(port, 65535, &number))
        return;
    e.port = (uint16_t)number;
    session_expect(t->s, &e);
}

/* XFR n NS address:port …, XFR n SB address:port CKI key */
static void read_xfr(struct talk *t, const struct words *w)
{
    if (t->from == FROM_SERVER)
        expect_server(t, word(w, 3), view_equal(word(w, 2), VIEW("SB")) ? ACTIVITY_CHAT : ACTIVITY_LOGIN);
}

/* RNG session address:port CKI key account nick */
static void read_rng(struct talk *t, const struct words *w)
{
    if (t->from == FROM_SERVER)
        expect_server(t, word(w, 2), ACTIVITY_CHAT);
}

/* CAL n account, JOI account nick, IRO n i of account nick, BYE account: who is in the conversation. */
static void read_cal(struct talk *t, const struct words *w)
{
    if (t->from == FROM_CLIENT && is_address(word(w, 2)))
        name_set(&t->m->called, word(w, 2));
    session_activity(t->s, ACTIVITY_CHAT, NULL);
}

static void read_joi(struct talk *t, const struct words *w)
{
    if (t->from == FROM_SERVER && is_address(word(w, 1)))
        member_add(t->m, word(w, 1));
}

static void read_iro(struct talk *t, const struct words *w)
{
    if (t->from == FROM_SERVER && is_address(word(w, 4)))
        member_add(t->m, word(w, 4));
}

static void read_bye(struct talk *t, const struct words *w)
{
    if (t->from == FROM_SERVER)
        member_remove(t->m, word(w, 1));
}

/* ---- contacts ---- */

static enum presence presence_of(struct view state)
{
    static const struct {
        char name[4];
        enum presence presence;
    } states[] = {
        { "NLN", PRESENCE_ONLINE }, { "BSY", PRESENCE_BUSY },    { "PHN", PRESENCE_BUSY },
        { "IDL", PRESENCE_AWAY },   { "AWY", PRESENCE_AWAY },    { "BRB", PRESENCE_AWAY },
        { "LUN", PRESENCE_AWAY },   { "HDN", PRESENCE_OFFLINE }, { "FLN", PRESENCE_OFFLINE },
    };

    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (view_equal(state, view_of(states[i].name, 3)))
            return states[i].presence;
    return PRESENCE_UNKNOWN;
}

static void tell_contact(struct talk *t, struct view account, struct view display, enum presence presence,
                         bool removed)
{
    struct name shown;
    struct im_contact c = { .account = name_view(&t->m->account),
                            .peer = plain_name(account),
                            .presence = presence,
                            .removed = removed };

    name_decode(&shown, display);
    if (!view_equal_nocase(name_view(&shown), c.peer))
        c.display = name_view(&shown);
    if (is_address(c.peer))
        session_contact(t->s, &c);
}

/* NLN state account [network] nick …; ILN n and the same. Networks are 1, 2, 4 and 32. */
static void tell_presence(struct talk *t, const struct words *w, unsigned at)
{
    struct view nick = word(w, at + 2);
    uint64_t network;

    if (view_decimal(nick, 32, &network) && w->count > at + 4)
        nick = word(w, at + 3);
    if (t->from == FROM_SERVER)
        tell_contact(t, word(w, at + 1), nick, presence_of(word(w, at)), false);
}

static void read_nln(struct talk *t, const struct words *w)
{
    tell_presence(t, w, 1);
}

static void read_iln(struct talk *t, const struct words *w)
{
    tell_presence(t, w, 2);
}

static void read_fln(struct talk *t, const struct words *w)
{
    if (t->from == FROM_SERVER)
        tell_contact(t, word(w, 1), view_of(NULL, 0), PRESENCE_OFFLINE, false);
}

enum { LIST_FORWARD = 1, LIST_BLOCKED = 4 }; /* others tell who has the user in his own list */

/* LST n list version i of account nick; since MSNP8 LST account nick lists …, since MSNP10 LST N=account
 * F=nick C=id lists … */
static void read_lst(struct talk *t, const struct words *w)
{
    struct view account = word(w, 1), nick = word(w, 2);
    uint64_t lists = 0;

    if (t->from != FROM_SERVER)
        return;
    for (unsigned i = 2; i < w->count && i < MAX_WORDS; i++)
        if (view_decimal(w->at[i], 31, &lists))
            break;
    if (view_equal(nick, VIEW("FL")) || view_equal(nick, VIEW("BL"))) {
        lists = view_equal(nick, VIEW("FL")) ? LIST_FORWARD : LIST_BLOCKED;
        account = word(w, 6);
        nick = word(w, 7);
    }
    if (view_starts(account, VIEW("N=")))
        account = view_from(account, 2);
    if (view_starts(nick, VIEW("F=")))
        nick = view_from(nick, 2);
    if ((lists & (LIST_FORWARD | LIST_BLOCKED)) != 0)
        tell_contact(t, account, nick, PRESENCE_UNKNOWN, (lists & LIST_BLOCKED) != 0);
}

/* The server repeats ADC n list N=account F=nick; ADD, REM n list version account [nick]. */
static void read_change(struct talk *t, const struct words *w)
{
    struct view list = word(w, 2), account = word(w, 3), nick = word(w, 4);
    bool removed = view_equal(word(w, 0), VIEW("REM")), blocks = view_equal(list, VIEW("BL"));

    if (t->from != FROM_SERVER || !(blocks || view_equal(list, VIEW("FL"))))
        return;
    if (!view_starts(account, VIEW("N="))) {
        account = word(w, 4);
        nick = removed ? view_of(NULL, 0) : word(w, 5);
    } else {
        account = view_from(account, 2);
        nick = view_starts(nick, VIEW("F=")) ? view_from(nick, 2) : view_of(NULL, 0);
    }
    tell_contact(t, account, nick, PRESENCE_UNKNOWN, removed != blocks);
}

/* The value of name="…" in an element. */
static struct view attribute(struct view element, struct view name)
{
    struct view v = view_from(element, view_find(element, name) + name.len);

    return view_slice(v, 0, view_find_byte(v, '"', 0));
}

/* ADL and RML: <ml><d n="example.org"><c n="bob" l="3" t="1" f="Bob"/></d></ml>, domain and name apart. */
static void read_list(struct talk *t, const struct words *w, struct view payload)
{
    bool removed = view_equal(word(w, 0), VIEW("RML"));
    struct view domain = view_of(NULL, 0);

    (void)view_token(&payload, '<');
    for (unsigned n = 0; n < LISTED && payload.len > 0; n++) {
        struct view element = view_token(&payload, '<'), name = attribute(element, VIEW(" n=\""));
        char buffer[2 * NAME_BYTES];
        struct text account = TEXT(buffer);
        uint64_t lists = 0;

        if (view_starts(element, VIEW("d ")))
            domain = name;
        if (!view_starts(element, VIEW("c ")) || name.len == 0)
            continue;
        text_add(&account, name);
        text_char(&account, '@');
        text_add(&account, domain);
        (void)view_decimal(attribute(element, VIEW(" l=\"")), 255, &lists);
        if ((lists & (LIST_FORWARD | LIST_BLOCKED)) == 0)
            continue;
        tell_contact(t, view_of(buffer, account.len), attribute(element, VIEW(" f=\"")), PRESENCE_UNKNOWN,
                     removed != ((lists & LIST_BLOCKED) != 0));
    }
}

/* ---- payloads ---- */

/* All message text passes here. */
static void tell_message(struct talk *t, const struct msn_people *who, struct view headers, struct view body)
{
    struct im_detail detail = detail_of(who);
    char buffer[PAYLOAD_BYTES];
    struct text text = TEXT(buffer);

    (void)headers;
    text_8bit(&text, body);
    detail.text = view_of(buffer, text.len);
    session_activity(t->s, ACTIVITY_CHAT, &detail);
}

/* The parts of a long text that came: all of them, or as many as will. */
static void tell_chunks(struct talk *t)
{
    struct chunks *c = &t->m->chunks[t->from];
    struct msn_people who = people(t, name_view(&c->peer));

    who.display = name_view(&c->display);
    if (c->id != 0 && c->is_text && c->len > 0)
        tell_message(t, &who, view_of(NULL, 0), view_of(c->text, c->len));
    c->len = 0;
}

static void chunk_add(struct talk *t, struct view part)
{
    struct chunks *c = &t->m->chunks[t->from];

    for (size_t at = 0; at < part.len && c->is_text; at += CHUNK_BYTES) {
        struct view piece = view_slice(part, at, at + CHUNK_BYTES);
        if (piece.len > (size_t)(CHUNK_BYTES - c->len))
            tell_chunks(t);
        memcpy(c->text + c->len, piece.at, piece.len);
        c->len = (uint16_t)(c->len + piece.len);
    }
    if (c->left > 0)
        c->left--;
    if (c->left == 0) {
        tell_chunks(t);
        c->id = 0;
    }
}

/* The first message of several has all headers and says how many there are. */
static void chunks_begin(struct talk *t, const struct msn_people *who, struct view headers, uint64_t count,
                         bool is_text)
{
    struct chunks *c = &t->m->chunks[t->from];

    tell_chunks(t);
    c->id = hash_bytes(msn_field(headers, VIEW("Message-ID")), 0);
    c->left = (uint8_t)count;
    c->is_text = is_text;
    struct text display = TEXT(c->display.at);
    text_printable(&display, who->display);
    c->display.len = (uint8_t)display.len;
    name_set(&c->peer, who->outgoing ? view_of(NULL, 0) : who->peer);
}

/* The rest of a text whose beginning was not seen is told as it is. */
static void read_chunk(struct talk *t, const struct msn_people *who, struct view headers, struct view body)
{
    struct chunks *c = &t->m->chunks[t->from];

    if (c->id != 0 && c->id == hash_bytes(msn_field(headers, VIEW("Message-ID")), 0)) {
        chunk_add(t, body);
        return;
    }
    tell_chunks(t);
    c->id = 0;
    tell_message(t, who, headers, body);
}

static void broker(struct talk *t, bool announced)
{
    if (announced)
        session_delivery(t->s, DELIVERY_SERVER_BROKER);
}

/* The old invitation: INVITE tells what, ACCEPT where its sender listens. */
static void read_offer(struct talk *t, const struct msn_people *who, struct view body)
{
    struct view application = msn_field(body, VIEW("Application-GUID"));
    enum activity activity = msn_application(application);
    struct im_detail detail = detail_of(who);
    struct invite *invite = &t->m->invite[t->m->invite_next];
    uint64_t cookie;

    if (activity == ACTIVITY_COUNT)
        return;
    detail.file = msn_field(body, VIEW("Application-File"));
    (void)view_decimal(msn_field(body, VIEW("Application-FileSize")), UINT64_MAX, &detail.size);
    bool forbidden = activity != ACTIVITY_PRESENCE &&
                     session_forbidden(t->s, activity, &detail, application, MSN_NO_APPLICATION);
    session_activity(t->s, activity, &detail);
    if (activity != ACTIVITY_FILE || forbidden ||
        !view_decimal(msn_field(body, VIEW("Invitation-Cookie")), UINT64_MAX, &cookie))
        return;
    struct text name = TEXT(invite->name);
    invite->cookie = cookie;
    text_8bit(&name, detail.file);
    invite->name_len = (uint8_t)name.len;
    invite->size = detail.size;
    invite->outgoing = who->outgoing;
    invite->used = true;
    t->m->invite_next = (uint8_t)((t->m->invite_next + 1) % INVITES);
}

/* The file of this invitation will come where the receiver shows this cookie. */
static void announce_file(struct talk *t, const struct msn_people *who, const struct invite *invite,
                          struct view cookie)
{
    struct im_file f = { .name = view_of(invite->name, invite->name_len),
                         .account = who->account,
                         .peer = who->peer,
                         .room = who->room,
                         .size = invite->size,
                         .outgoing = invite->outgoing };
    struct view receiver = invite->outgoing ? who->peer : who->account;
    char buffer[NAME_BYTES + 64];
    struct text token = TEXT(buffer);

    text_string(&token, "msnftp ");
    text_add(&token, view_slice(cookie, 0, 32));
    session_announce(t->s, view_of(buffer, token.len), &f);
    text_char(&token, ' ');
    text_add(&token, receiver);
    session_announce(t->s, view_of(buffer, token.len), &f);
}

static void read_accept(struct talk *t, const struct msn_people *who, struct view body)
{
    struct view port = msn_field(body, VIEW("Port")), auth = msn_field(body, VIEW("AuthCookie"));
    bool outside = msn_expect(t->s, msn_field(body, VIEW("IP-Address")), port, PROTOCOL_MSNFTP);
    bool inside = msn_expect(t->s, msn_field(body, VIEW("IP-Address-Internal")), port, PROTOCOL_MSNFTP);
    uint64_t cookie;

    broker(t, outside || inside);
    if (auth.len == 0 || !session_wants_files(t->s) ||
        !view_decimal(msn_field(body, VIEW("Invitation-Cookie")), UINT64_MAX, &cookie))
        return;
    for (unsigned i = 0; i < INVITES; i++)
        if (t->m->invite[i].used && t->m->invite[i].cookie == cookie)
            announce_file(t, who, &t->m->invite[i], auth);
}

static void read_invitation(struct talk *t, const struct msn_people *who, struct view headers,
                            struct view body)
{
    struct view command = msn_field(body, VIEW("Invitation-Command"));

    (void)headers;
    if (view_equal_nocase(command, VIEW("INVITE")))
        read_offer(t, who, body);
    else if (view_equal_nocase(command, VIEW("ACCEPT")))
        read_accept(t, who, body);
}

/* A P2P frame, with the number of its application behind it: for one, whom P2P-Dest names, also in a room. */
static void read_p2p(struct talk *t, const struct msn_people *who, struct view headers, struct view body)
{
    struct cursor c = cursor_open(body);
    struct view frame = cursor_take(&c, body.len >= 4 ? body.len - 4 : 0);
    struct view for_whom = plain_name(msn_field(headers, VIEW("P2P-Dest")));
    struct msn_people pair = *who;

    pair.room = view_of(NULL, 0);
    if (who->outgoing && is_address(for_whom))
        pair.peer = for_whom;
    broker(t, msn_p2p_read(t->s, &t->m->p2p, &pair, frame, cursor_u32(&c)));
}

static void read_typing(struct talk *t, const struct msn_people *who, struct view headers, struct view body)
{
    (void)who;
    (void)headers;
    (void)body;
    session_activity(t->s, ACTIVITY_PRESENCE, NULL);
}

/* Ink, nudges and winks: nothing that could be read. */
static void read_gesture(struct talk *t, const struct msn_people *who, struct view headers, struct view body)
{
    (void)who;
    (void)headers;
    (void)body;
    session_activity(t->s, ACTIVITY_CHAT, NULL);
}

static const struct {
    const char *type; /* Content-Type begins so */
    void (*read)(struct talk *t, const struct msn_people *who, struct view headers, struct view body);
} contents[] = {
    { "text/plain", tell_message },
    { "text/x-msmsgscontrol", read_typing },
    { "text/x-msmsgsinvite", read_invitation },
    { "application/x-msnmsgrp2p", read_p2p },
    { "text/x-msnmsgr-datacast", read_gesture },
    { "application/x-ms-ink", read_gesture },
    { "image/gif", read_gesture },
};

/* Cut the lines before the first empty line off the front of *v. */
static struct view cut_headers(struct view *v)
{
    size_t end = view_find(*v, VIEW("\r\n\r\n"));
    struct view headers = view_slice(*v, 0, end);

    *v = view_from(*v, end + 4);
    return headers;
}

static void read_content(struct talk *t, const struct msn_people *who, struct view headers, struct view body)
{
    struct view type = msn_field(headers, VIEW("Content-Type"));
    bool is_text = view_starts_nocase(type, VIEW("text/plain"));
    uint64_t count = 0;

    if (type.len == 0 && msn_field(headers, VIEW("Chunk")).len > 0) {
        read_chunk(t, who, headers, body);
    } else if (view_decimal(msn_field(headers, VIEW("Chunks")), UINT8_MAX, &count) && count > 1) {
        chunks_begin(t, who, headers, count, is_text);
        chunk_add(t, body);
    } else {
        for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++)
            if (view_starts_nocase(type, view_string(contents[i].type)))
                contents[i].read(t, who, headers, body);
    }
}

/* MSG account nick length from the server, MSG n kind length from the client. */
static void read_msg(struct talk *t, const struct words *w, struct view payload)
{
    bool is_msg = view_equal(word(w, 0), VIEW("MSG")), in = t->from == FROM_SERVER;
    struct view headers = cut_headers(&payload), shown = msn_field(headers, VIEW("P4-Context"));
    struct view named = word(w, in ? 1 : 2); /* of a client only UUM names someone */
    struct name nick;

    named = is_address(named) ? plain_name(named) : view_of(NULL, 0);
    if (in && is_msg && named.len > 0)
        member_add(t->m, named);
    struct msn_people who = people(t, named);
    name_decode(&nick, in && is_msg ? word(w, 2) : view_of(NULL, 0));
    if (in)
        who.display = name_view(&nick);
    if (shown.len > 0)
        who.display = shown;
    read_content(t, &who, headers, payload);
}

/* A conversation of several since version 21: its number stands in the place of a name. */
static bool is_thread(struct view address)
{
    return view_starts(address, VIEW("10:")) || view_starts(address, VIEW("19:"));
}

/* SDG: blocks of headers (routing, reliability, messaging), then what Content-Length counts. */
static void read_sdg(struct talk *t, const struct words *w, struct view payload)
{
    struct view routing = cut_headers(&payload);
    cut_headers(&payload);
    struct view messaging = cut_headers(&payload);
    struct view kind = msn_field(messaging, VIEW("Message-Type"));
    struct view to = msn_field(routing, VIEW("To")), from = msn_field(routing, VIEW("From"));
    bool out = t->from == FROM_CLIENT;
    struct msn_people who = people(t, plain_name(out ? to : from));

    (void)w;
    if (is_thread(to)) {
        who.room = view_slice(view_from(to, 3), 0, view_find_byte(view_from(to, 3), ';', 0));
        who.peer = out ? view_of(NULL, 0) : who.peer;
    }
    if (msn_field(messaging, VIEW("IM-Display-Name")).len > 0)
        who.display = msn_field(messaging, VIEW("IM-Display-Name"));
    if (view_equal_nocase(kind, VIEW("Text")))
        tell_message(t, &who, messaging, payload);
    else if (view_starts_nocase(kind, VIEW("Control/")))
        session_activity(t->s, ACTIVITY_PRESENCE, NULL);
    else if (view_equal_nocase(kind, VIEW("Signal/P2P")))
        broker(t, msn_slp_read(t->s, &t->m->p2p, &who, payload));
}

/* UUN n account kind length, UBN account kind length: MSNSLP past the switchboard. */
static void read_uun(struct talk *t, const struct words *w, struct view payload)
{
    struct msn_people who = people(t, plain_name(word(w, t->from == FROM_CLIENT ? 2 : 1)));

    if (view_find(payload, VIEW("MSNSLP/1.0")) < payload.len)
        broker(t, msn_slp_read(t->s, &t->m->p2p, &who, payload));
}

/* ---- commands ---- */

struct command {
    char name[4];
    enum activity activity; /* ACTIVITY_COUNT: none, or told by the functions */
    unsigned payload_words; /* a line of so many words or more ends in the length of its payload; 0: never */
    void (*line)(struct talk *t, const struct words *w);
    void (*payload)(struct talk *t, const struct words *w, struct view payload);
};

static const struct command commands[] = {
    { "ADC", ACTIVITY_PRESENCE, 0, read_change, NULL }, { "ADD", ACTIVITY_PRESENCE, 0, read_change, NULL },
    { "ADG", ACTIVITY_PRESENCE, 0, NULL, NULL },        { "ADL", ACTIVITY_PRESENCE, 3, NULL, read_list },
    { "ANS", ACTIVITY_COUNT, 0, read_ans, NULL },       { "BLP", ACTIVITY_PRESENCE, 0, NULL, NULL },
    { "BPR", ACTIVITY_PRESENCE, 0, NULL, NULL },        { "BYE", ACTIVITY_COUNT, 0, read_bye, NULL },
    { "CAL", ACTIVITY_COUNT, 0, read_cal, NULL },       { "CHG", ACTIVITY_PRESENCE, 0, NULL, NULL },
    { "CHL", ACTIVITY_PRESENCE, 0, NULL, NULL },        { "CVR", ACTIVITY_COUNT, 0, read_cvr, NULL },
    { "DEL", ACTIVITY_PRESENCE, 3, NULL, NULL },        { "FLN", ACTIVITY_PRESENCE, 0, read_fln, NULL },
    { "FQY", ACTIVITY_PRESENCE, 3, NULL, NULL },        { "GCF", ACTIVITY_COUNT, 3, NULL, NULL },
    { "GTC", ACTIVITY_PRESENCE, 0, NULL, NULL },        { "ILN", ACTIVITY_PRESENCE, 0, read_iln, NULL },
    { "INF", ACTIVITY_COUNT, 0, NULL, NULL },           { "IPG", ACTIVITY_COUNT, 2, NULL, NULL },
    { "IRO", ACTIVITY_COUNT, 0, read_iro, NULL },       { "JOI", ACTIVITY_COUNT, 0, read_joi, NULL },
    { "LSG", ACTIVITY_PRESENCE, 0, NULL, NULL },        { "LST", ACTIVITY_PRESENCE, 0, read_lst, NULL },
    { "MSG", ACTIVITY_COUNT, 4, NULL, read_msg },       { "NFY", ACTIVITY_PRESENCE, 3, NULL, NULL },
    { "NLN", ACTIVITY_PRESENCE, 0, read_nln, NULL },    { "NOT", ACTIVITY_COUNT, 2, NULL, NULL },
    { "OUT", ACTIVITY_COUNT, 0, NULL, NULL },           { "PAG", ACTIVITY_COUNT, 3, NULL, NULL },
    { "PNG", ACTIVITY_PRESENCE, 0, NULL, NULL },        { "PRP", ACTIVITY_PRESENCE, 0, NULL, NULL },
    { "PUT", ACTIVITY_PRESENCE, 3, NULL, NULL },        { "QNG", ACTIVITY_PRESENCE, 0, NULL, NULL },
    { "QRY", ACTIVITY_PRESENCE, 4, NULL, NULL },        { "REA", ACTIVITY_PRESENCE, 0, NULL, NULL },
    { "REG", ACTIVITY_PRESENCE, 0, NULL, NULL },        { "REM", ACTIVITY_PRESENCE, 0, read_change, NULL },
    { "RMG", ACTIVITY_PRESENCE, 0, NULL, NULL },        { "RML", ACTIVITY_PRESENCE, 3, NULL, read_list },
    { "RNG", ACTIVITY_CHAT, 0, read_rng, NULL },        { "SBP", ACTIVITY_PRESENCE, 0, NULL, NULL },
    { "SBS", ACTIVITY_COUNT, 0, NULL, NULL },           { "SDG", ACTIVITY_COUNT, 3, NULL, read_sdg },
    { "SND", ACTIVITY_COUNT, 0, NULL, NULL },           { "SYN", ACTIVITY_PRESENCE, 0, NULL, NULL },
    { "UBM", ACTIVITY_COUNT, 5, NULL, read_msg },       { "UBN", ACTIVITY_COUNT, 4, NULL, read_uun },
    { "UBX", ACTIVITY_PRESENCE, 3, NULL, NULL },        { "URL", ACTIVITY_COUNT, 0, NULL, NULL },
    { "USR", ACTIVITY_COUNT, 0, read_usr, NULL },       { "UUM", ACTIVITY_COUNT, 6, NULL, read_msg },
    { "UUN", ACTIVITY_COUNT, 5, NULL, read_uun },       { "UUX", ACTIVITY_PRESENCE, 3, NULL, NULL },
    { "VER", ACTIVITY_COUNT, 0, read_ver, NULL },       { "XFR", ACTIVITY_COUNT, 0, read_xfr, NULL },
};

static const struct command *command_find(struct view name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (view_equal(view_of(commands[i].name, 3), name))
            return &commands[i];
    return NULL;
}

static bool is_error(struct view name)
{
    uint64_t n;

    return name.len == 3 && view_decimal(name, 999, &n);
}

/* Three capital letters or digits: a command, known or not, or an error. */
static bool is_command(struct view name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!(name.at[i] >= 'A' && name.at[i] <= 'Z') && !(name.at[i] >= '0' && name.at[i] <= '9'))
            return false;
    return name.len == 3;
}

/* Octets that follow a line. An error's are announced by a third word. */
static uint64_t payload_length(const struct command *command, const struct words *w)
{
    unsigned least = command != NULL ? command->payload_words : is_error(word(w, 0)) ? 3 : 0;
    uint64_t n = 0;

    if (least > 0 && w->count >= least)
        (void)view_decimal(w->last, UINT32_MAX, &n);
    return n;
}

static void read_command(struct talk *t, const struct command *command, const struct words *w,
                         struct view payload)
{
    if (!t->m->delivery_told)
        session_delivery(t->s, DELIVERY_SERVER_PROXY);
    t->m->delivery_told = true;
    if (command == NULL)
        return;
    if (command->activity != ACTIVITY_COUNT)
        session_activity(t->s, command->activity, NULL);
    if (command->line != NULL)
        command->line(t, w);
    if (command->payload != NULL && payload.len > 0)
        command->payload(t, w, payload);
}

/* ---- feed ---- */

/* Take one line with its payload off the front. False: it is not whole yet. */
static bool feed_line(struct talk *t, struct cursor *c)
{
    struct view left = cursor_peek(c), rest = view_slice(left, 0, LINE_BYTES), line;
    size_t limit = rest.len;
    struct words w;

    if (!view_line(&rest, &line)) {
        if (limit < LINE_BYTES)
            return false;
        t->m->side[t->from].lost = true;
        session_anomaly(t->s, ANOMALY_OVERLONG, VIEW("MSNP line"));
        cursor_skip(c, LINE_BYTES);
        return true;
    }
    size_t line_len = limit - rest.len;
    split(line, &w);
    const struct command *command = command_find(word(&w, 0));
    if (!is_command(word(&w, 0)) || (t->m->side[t->from].lost && command == NULL)) {
        t->m->side[t->from].lost = true;
        cursor_skip(c, line_len);
        return true;
    }
    uint64_t payload_len = payload_length(command, &w);
    if (payload_len > PAYLOAD_BYTES) {
        t->m->side[t->from].skip = (uint32_t)payload_len;
        payload_len = 0;
    }
    if (left.len - line_len < payload_len)
        return false;
    t->m->side[t->from].lost = false;
    cursor_skip(c, line_len + (size_t)payload_len);
    read_command(t, command, &w, view_slice(left, line_len, line_len + (size_t)payload_len));
    return true;
}

static size_t feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct talk t;
    struct cursor c = cursor_open(in);

    t.m = state;
    t.s = s;
    t.from = from;
    uint32_t *skip = &t.m->side[from].skip;

    while (cursor_left(&c) > 0) {
        if (*skip > 0)
            cursor_drain(&c, skip);
        else if (!feed_line(&t, &c))
            break;
    }
    session_midway(s, from, t.m->chunks[from].id != 0);
    return in.len - cursor_left(&c);
}

static bool gap(void *state, struct session *s, enum flow_dir from, uint64_t lost)
{
    struct msnp *m = state;
    uint32_t skip = m->side[from].skip;

    (void)s;
    m->side[from].lost |= lost > skip;
    m->side[from].skip = lost > skip ? 0 : skip - (uint32_t)lost;
    return true;
}

/* ---- recognising ---- */

static bool is_decimal(struct view v)
{
    uint64_t n;

    return view_decimal(v, UINT32_MAX, &n);
}

/* A switchboard's key: numbers with points between. */
static bool is_key(struct view v)
{
    struct view second = v, first = view_token(&second, '.');
    uint64_t n;

    return view_decimal(first, UINT64_MAX, &n) && view_decimal(view_token(&second, '.'), UINT64_MAX, &n);
}

static bool is_status(struct view v)
{
    static const char states[][4] = { "NLN", "BSY", "IDL", "BRB", "AWY", "PHN", "LUN" };

    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (view_equal(v, view_of(states[i], 3)))
            return true;
    return false;
}

static bool opens_ver(const struct words *w)
{
    struct view version = word(w, 2);

    return is_decimal(word(w, 1)) && view_starts(version, VIEW("MSNP")) && is_decimal(view_from(version, 4));
}

static bool opens_usr(const struct words *w)
{
    return w->count == 4 && is_decimal(word(w, 1)) && is_address(word(w, 2)) && is_key(word(w, 3));
}

/* How one signs in at the notification server. */
static bool opens_sign_in(const struct words *w)
{
    struct view way = word(w, 2), stage = word(w, 3);
    bool known = view_equal(way, VIEW("TWN")) || view_equal(way, VIEW("SSO")) || view_equal(way, VIEW("MD5"));

    return w->count >= 5 && is_decimal(word(w, 1)) && known &&
           ((view_equal(stage, VIEW("I")) && is_address(word(w, 4))) ||
            (view_equal(stage, VIEW("S")) && !view_equal(way, VIEW("MD5"))));
}

/* The client is sent to another server: "NS" or "SB", address and port. */
static bool opens_xfr(const struct words *w)
{
    struct view host = word(w, 3), address = view_token(&host, ':');
    struct ip_addr ip;
    bool known = view_equal(word(w, 2), VIEW("NS")) || view_equal(word(w, 2), VIEW("SB"));

    return w->count >= 4 && is_decimal(word(w, 1)) && known && ip_parse(address, &ip) && is_decimal(host);
}

static bool opens_ans(const struct words *w)
{
    return w->count == 5 && is_decimal(word(w, 1)) && is_address(word(w, 2)) && is_key(word(w, 3)) &&
           is_decimal(word(w, 4));
}

static bool opens_msg_out(const struct words *w)
{
    return w->count == 4 && is_decimal(word(w, 1)) && word(w, 2).len == 1 && is_decimal(word(w, 3));
}

static bool opens_msg_in(const struct words *w)
{
    return w->count == 4 && (is_address(word(w, 1)) || view_equal(word(w, 1), VIEW("Hotmail"))) &&
           is_decimal(word(w, 3));
}

static bool opens_nln(const struct words *w)
{
    return w->count >= 4 && is_status(word(w, 1)) && is_address(word(w, 2));
}

static bool opens_iln(const struct words *w)
{
    return w->count >= 5 && is_decimal(word(w, 1)) && is_status(word(w, 2)) && is_address(word(w, 3));
}

static bool opens_ubx(const struct words *w)
{
    return w->count >= 3 && is_address(word(w, 1)) && is_decimal(w->last);
}

static bool opens_rng(const struct words *w)
{
    return w->count >= 7 && is_decimal(word(w, 1)) && view_equal(word(w, 3), VIEW("CKI")) &&
           is_key(word(w, 4)) && is_address(word(w, 5));
}

enum sender { CLIENT_ONLY, SERVER_ONLY, EITHER };

/* Lines that prove the protocol; what follows the line where the line alone is not enough. */
static const struct opening {
    char name[4];
    enum sender sender;
    bool (*fits)(const struct words *w);
    const char *payload;
} openings[] = {
    { "VER", EITHER, opens_ver, "" },
    { "USR", CLIENT_ONLY, opens_usr, "" },
    { "USR", EITHER, opens_sign_in, "" },
    { "XFR", SERVER_ONLY, opens_xfr, "" },
    { "ANS", CLIENT_ONLY, opens_ans, "" },
    { "MSG", CLIENT_ONLY, opens_msg_out, "MIME-Version: 1.0\r\n" },
    { "MSG", SERVER_ONLY, opens_msg_in, "MIME-Version: 1.0\r\n" },
    { "NLN", SERVER_ONLY, opens_nln, "" },
    { "ILN", SERVER_ONLY, opens_iln, "" },
    { "UBX", SERVER_ONLY, opens_ubx, "<Data>" },
    { "RNG", SERVER_ONLY, opens_rng, "" },
};
enum { OPENING_COUNT = sizeof openings / sizeof openings[0] };

static bool can_open(struct view v)
{
    for (size_t i = 0; i < OPENING_COUNT; i++)
        if (view_equal(view_slice(v, 0, 3), view_slice(view_of(openings[i].name, 3), 0, v.len)))
            return v.len < 4 || v.at[3] == ' ';
    return false;
}

/* Does this line, with what follows it, prove MSNP? IM_NO: not this one. */
static enum im_answer check_opening(const struct words *w, struct view rest, enum flow_dir from,
                                    bool midstream, struct finding *out)
{
    enum im_answer answer = IM_NO;

    for (size_t i = 0; i < OPENING_COUNT; i++) {
        const struct opening *o = &openings[i];
        struct view payload = view_string(o->payload);
        bool other_side = o->sender != EITHER && (o->sender == CLIENT_ONLY) != (from == FROM_CLIENT);

        if (!view_equal(word(w, 0), view_of(o->name, 3)) || !o->fits(w) || (other_side && !midstream))
            continue;
        if (view_starts(rest, payload)) {
            struct text value = TEXT(out->value);
            text_printable(&value, word(w, 0));
            if (view_starts(word(w, 2), VIEW("MSNP"))) {
                text_char(&value, ' ');
                text_printable(&value, word(w, 2));
            }
            out->reversed = other_side;
            return IM_YES;
        }
        if (view_starts(payload, rest))
            answer = IM_MORE;
    }
    return answer;
}

/* Does one side's beginning prove MSNP? Its first line must; mid-stream other known lines may come before. */
static enum im_answer recognise(struct view v, enum flow_dir from, bool midstream, struct finding *out)
{
    for (unsigned n = 0; n < PROBE_LINES; n++) {
        struct view rest = view_slice(v, 0, PROBE_LINE_BYTES), line;
        size_t limit = rest.len;
        struct words w;

        if (!midstream && !can_open(v))
            return IM_NO;
        if (!view_line(&rest, &line)) {
            bool can_be = limit < 3 || command_find(view_slice(v, 0, 3)) != NULL;
            return can_be && limit < PROBE_LINE_BYTES ? IM_MORE : IM_NO;
        }
        split(line, &w);
        v = view_from(v, limit - rest.len);
        enum im_answer answer = check_opening(&w, v, from, midstream, out);
        const struct command *command = command_find(word(&w, 0));
        if (answer != IM_NO || !midstream || command == NULL)
            return answer;
        uint64_t payload_len = payload_length(command, &w);
        if (payload_len > PAYLOAD_BYTES)
            return IM_NO;
        if (v.len <= payload_len)
            return IM_MORE;
        v = view_from(v, (size_t)payload_len);
    }
    return IM_NO;
}

static bool starts(uint8_t first, enum flow_dir from)
{
    (void)from;
    return can_open(view_of(&first, 1));
}

/* Mid-stream one side may begin inside a message: the other can still prove it. */
static enum im_answer probe(const struct sample *s, struct finding *out)
{
    unsigned sides = 0, refused = 0;

    for (unsigned d = FROM_CLIENT; d <= FROM_SERVER; d++) {
        if (s->bytes[d].len == 0)
            continue;
        enum im_answer a = recognise(s->bytes[d], (enum flow_dir)d, s->midstream, out);
        if (a == IM_YES)
            return IM_YES;
        sides++;
        refused += a == IM_NO;
    }
    return refused == 0 || (s->midstream && refused < sides) ? IM_MORE : IM_NO;
}

extern const struct parser parser_msnp;

const struct parser parser_msnp = {
    .protocol = PROTOCOL_MSNP,
    .service = "msn",
    .on = PARSER_TCP | PARSER_BODY,
    .starts = starts,
    .probe = probe,
    .state_size = sizeof(struct msnp),
    .feed = feed,
    .gap = gap,
};
