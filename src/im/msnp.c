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
 * The same lines go through the HTTP gateway: the HTTP parser gives bodies to an inner stream, which may
 * begin anywhere in the conversation. So lines are known by their own form, whichever side sends first.
 *
 * Sources. hypothetic.org/docs/msn (all of sitev1); Pidgin libpurple/protocols/msn: notification.c,
 * switchboard.c (commands with payload); msnpiki (versions 13 to 21).
 * Limits. LINE_BYTES and PAYLOAD_BYTES: a longer payload is skipped.
 */
#include "base/address.h"
#include "base/cursor.h"
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
};

struct name {
    uint8_t len;
    char at[NAME_BYTES];
};

struct msnp {
    struct {
        uint32_t skip; /* of a payload that is too long */
        bool lost;     /* where lines begin is not known */
    } side[2];
    bool delivery_told;
    struct name account, peer; /* peer: who came into the switchboard last */
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
    if (v.len > 2 && v.at[1] == ':')
        v = view_from(v, 2);
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

static struct msn_people people(const struct talk *t, struct view peer)
{
    return (struct msn_people){ name_view(&t->m->account), peer.len > 0 ? peer : name_view(&t->m->peer),
                                t->from == FROM_CLIENT };
}

static struct im_detail detail_of(const struct msn_people *who)
{
    return (struct im_detail){ .account = who->account, .peer = who->peer, .outgoing = who->outgoing };
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
        if (view_equal(word(w, 2), VIEW("OK")))
            learn_account(t, word(w, 3));
    } else if (view_equal(word(w, 3), VIEW("I"))) {
        name_set(&t->m->account, word(w, 4));
        struct im_detail detail = { .account = name_view(&t->m->account), .outgoing = true };
        session_activity(t->s, ACTIVITY_LOGIN, &detail);
    } else if (is_address(word(w, 2))) {
        learn_account(t, word(w, 2));
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

/* CAL n account, JOI account nick, IRO n i of account nick: who is in the conversation. */
static void read_cal(struct talk *t, const struct words *w)
{
    if (t->from == FROM_CLIENT && is_address(word(w, 2)))
        name_set(&t->m->peer, word(w, 2));
    session_activity(t->s, ACTIVITY_CHAT, NULL);
}

static void read_joi(struct talk *t, const struct words *w)
{
    if (t->from == FROM_SERVER && is_address(word(w, 1)))
        name_set(&t->m->peer, word(w, 1));
}

static void read_iro(struct talk *t, const struct words *w)
{
    if (t->from == FROM_SERVER && is_address(word(w, 4)))
        name_set(&t->m->peer, word(w, 4));
}

/* ---- payloads ---- */

/* All message text passes here. */
static void tell_message(struct talk *t, const struct msn_people *who, struct view body)
{
    struct im_detail detail = detail_of(who);
    char buffer[PAYLOAD_BYTES];
    struct text text = TEXT(buffer);

    text_8bit(&text, body);
    detail.text = view_of(buffer, text.len);
    session_activity(t->s, ACTIVITY_CHAT, &detail);
}

static void broker(struct talk *t, bool announced)
{
    if (announced)
        session_delivery(t->s, DELIVERY_SERVER_BROKER);
}

/* The old invitation: INVITE tells what, ACCEPT where its sender listens. */
static void read_invitation(struct talk *t, const struct msn_people *who, struct view body)
{
    struct view command = msn_field(body, VIEW("Invitation-Command"));
    enum activity activity = msn_application(msn_field(body, VIEW("Application-GUID")));
    struct im_detail detail = detail_of(who);

    if (view_equal_nocase(command, VIEW("INVITE")) && activity != ACTIVITY_COUNT) {
        detail.file = msn_field(body, VIEW("Application-File"));
        (void)view_decimal(msn_field(body, VIEW("Application-FileSize")), UINT64_MAX, &detail.size);
        session_activity(t->s, activity, &detail);
    } else if (view_equal_nocase(command, VIEW("ACCEPT"))) {
        struct view port = msn_field(body, VIEW("Port"));
        bool outside = msn_expect(t->s, msn_field(body, VIEW("IP-Address")), port, PROTOCOL_MSNFTP);
        bool inside = msn_expect(t->s, msn_field(body, VIEW("IP-Address-Internal")), port, PROTOCOL_MSNFTP);
        broker(t, outside || inside);
    }
}

/* A P2P frame, with the number of its application behind it. */
static void read_p2p(struct talk *t, const struct msn_people *who, struct view body)
{
    struct cursor footer = cursor_open(view_from(body, body.len >= 4 ? body.len - 4 : body.len));

    broker(t, msn_p2p_read(t->s, who, body, cursor_u32(&footer)));
}

static void read_typing(struct talk *t, const struct msn_people *who, struct view body)
{
    (void)who;
    (void)body;
    session_activity(t->s, ACTIVITY_PRESENCE, NULL);
}

/* Ink, nudges and winks: a message without text. */
static void read_gesture(struct talk *t, const struct msn_people *who, struct view body)
{
    struct im_detail detail = detail_of(who);

    (void)body;
    session_activity(t->s, ACTIVITY_CHAT, &detail);
}

static const struct {
    const char *type; /* Content-Type begins so */
    void (*read)(struct talk *t, const struct msn_people *who, struct view body);
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

/* MSG account nick length from the server, MSG n kind length from the client. */
static void read_msg(struct talk *t, const struct words *w, struct view payload)
{
    struct view headers = cut_headers(&payload);
    struct view type = msn_field(headers, VIEW("Content-Type"));
    struct view named = word(w, t->from == FROM_SERVER ? 1 : 2); /* of a client only UUM names someone */
    struct msn_people who = people(t, is_address(named) ? plain_name(named) : view_of(NULL, 0));

    if (type.len == 0 && msn_field(headers, VIEW("Chunk")).len > 0)
        tell_message(t, &who, payload); /* the next part of a long text */
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++)
        if (view_starts_nocase(type, view_string(contents[i].type)))
            contents[i].read(t, &who, payload);
}

/* SDG: blocks of headers (routing, reliability, messaging), then what Content-Length counts. */
static void read_sdg(struct talk *t, const struct words *w, struct view payload)
{
    struct view routing = cut_headers(&payload);
    cut_headers(&payload);
    struct view messaging = cut_headers(&payload);
    struct view kind = msn_field(messaging, VIEW("Message-Type"));
    bool out = t->from == FROM_CLIENT;
    struct msn_people who = people(t, plain_name(msn_field(routing, out ? VIEW("To") : VIEW("From"))));

    (void)w;
    if (view_equal_nocase(kind, VIEW("Text")))
        tell_message(t, &who, payload);
    else if (view_starts_nocase(kind, VIEW("Control/")))
        session_activity(t->s, ACTIVITY_PRESENCE, NULL);
    else if (view_equal_nocase(kind, VIEW("Signal/P2P")))
        broker(t, msn_slp_read(t->s, &who, payload));
}

/* UUN n account kind length, UBN account kind length: MSNSLP past the switchboard. */
static void read_uun(struct talk *t, const struct words *w, struct view payload)
{
    struct msn_people who = people(t, plain_name(word(w, t->from == FROM_CLIENT ? 2 : 1)));

    if (view_find(payload, VIEW("MSNSLP/1.0")) < payload.len)
        broker(t, msn_slp_read(t->s, &who, payload));
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
    { "ADC", ACTIVITY_PRESENCE, 0, NULL, NULL },  { "ADD", ACTIVITY_PRESENCE, 0, NULL, NULL },
    { "ADG", ACTIVITY_PRESENCE, 0, NULL, NULL },  { "ADL", ACTIVITY_PRESENCE, 3, NULL, NULL },
    { "ANS", ACTIVITY_COUNT, 0, read_ans, NULL }, { "BLP", ACTIVITY_PRESENCE, 0, NULL, NULL },
    { "BPR", ACTIVITY_PRESENCE, 0, NULL, NULL },  { "BYE", ACTIVITY_COUNT, 0, NULL, NULL },
    { "CAL", ACTIVITY_COUNT, 0, read_cal, NULL }, { "CHG", ACTIVITY_PRESENCE, 0, NULL, NULL },
    { "CHL", ACTIVITY_PRESENCE, 0, NULL, NULL },  { "CVR", ACTIVITY_COUNT, 0, read_cvr, NULL },
    { "DEL", ACTIVITY_PRESENCE, 3, NULL, NULL },  { "FLN", ACTIVITY_PRESENCE, 0, NULL, NULL },
    { "FQY", ACTIVITY_PRESENCE, 3, NULL, NULL },  { "GCF", ACTIVITY_COUNT, 3, NULL, NULL },
    { "GTC", ACTIVITY_PRESENCE, 0, NULL, NULL },  { "ILN", ACTIVITY_PRESENCE, 0, NULL, NULL },
    { "INF", ACTIVITY_COUNT, 0, NULL, NULL },     { "IPG", ACTIVITY_COUNT, 2, NULL, NULL },
    { "IRO", ACTIVITY_COUNT, 0, read_iro, NULL }, { "JOI", ACTIVITY_COUNT, 0, read_joi, NULL },
    { "LSG", ACTIVITY_PRESENCE, 0, NULL, NULL },  { "LST", ACTIVITY_PRESENCE, 0, NULL, NULL },
    { "MSG", ACTIVITY_COUNT, 4, NULL, read_msg }, { "NFY", ACTIVITY_PRESENCE, 3, NULL, NULL },
    { "NLN", ACTIVITY_PRESENCE, 0, NULL, NULL },  { "NOT", ACTIVITY_COUNT, 2, NULL, NULL },
    { "OUT", ACTIVITY_COUNT, 0, NULL, NULL },     { "PAG", ACTIVITY_COUNT, 3, NULL, NULL },
    { "PNG", ACTIVITY_PRESENCE, 0, NULL, NULL },  { "PRP", ACTIVITY_PRESENCE, 0, NULL, NULL },
    { "PUT", ACTIVITY_PRESENCE, 3, NULL, NULL },  { "QNG", ACTIVITY_PRESENCE, 0, NULL, NULL },
    { "QRY", ACTIVITY_PRESENCE, 4, NULL, NULL },  { "REA", ACTIVITY_PRESENCE, 0, NULL, NULL },
    { "REG", ACTIVITY_PRESENCE, 0, NULL, NULL },  { "REM", ACTIVITY_PRESENCE, 0, NULL, NULL },
    { "RMG", ACTIVITY_PRESENCE, 0, NULL, NULL },  { "RML", ACTIVITY_PRESENCE, 3, NULL, NULL },
    { "RNG", ACTIVITY_CHAT, 0, read_rng, NULL },  { "SBP", ACTIVITY_PRESENCE, 0, NULL, NULL },
    { "SBS", ACTIVITY_COUNT, 0, NULL, NULL },     { "SDG", ACTIVITY_COUNT, 3, NULL, read_sdg },
    { "SND", ACTIVITY_COUNT, 0, NULL, NULL },     { "SYN", ACTIVITY_PRESENCE, 0, NULL, NULL },
    { "UBM", ACTIVITY_COUNT, 5, NULL, read_msg }, { "UBN", ACTIVITY_COUNT, 4, NULL, read_uun },
    { "UBX", ACTIVITY_PRESENCE, 3, NULL, NULL },  { "URL", ACTIVITY_COUNT, 0, NULL, NULL },
    { "USR", ACTIVITY_COUNT, 0, read_usr, NULL }, { "UUM", ACTIVITY_COUNT, 6, NULL, read_msg },
    { "UUN", ACTIVITY_COUNT, 5, NULL, read_uun }, { "UUX", ACTIVITY_PRESENCE, 3, NULL, NULL },
    { "VER", ACTIVITY_COUNT, 0, read_ver, NULL }, { "XFR", ACTIVITY_COUNT, 0, read_xfr, NULL },
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
    struct talk t = { state, s, from };
    struct cursor c = cursor_open(in);
    uint32_t *skip = &t.m->side[from].skip;

    while (cursor_left(&c) > 0) {
        if (*skip > 0)
            cursor_drain(&c, skip);
        else if (!feed_line(&t, &c))
            break;
    }
    return in.len - cursor_left(&c);
}

static bool gap(void *state, struct session *s, enum flow_dir from, uint64_t lost)
{
    struct msnp *m = state;

    (void)s;
    (void)lost;
    m->side[from].skip = 0;
    m->side[from].lost = true;
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
