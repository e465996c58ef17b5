/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DCC: direct connections between users of IRC. Offers, which come as lines of IRC, and the connections
 * themselves.
 *
 *     SEND name address port [size [token]]     address: a 32-bit number in decimal, dotted quad or IPv6
 *     CHAT chat address port [token]            port 0: the other side is asked to listen; it answers with
 *     RESUME|ACCEPT name port position [token]  the same words and token, its own address and port
 *     XMIT protocol address port [name [size]]  SSEND, SCHAT: inside TLS; TSEND: without acknowledgements
 *
 * A leg has no signature. It is known by its address and port, and so is what it carries; four tokens lead
 * from the leg to the offer (session_announce):
 *
 *     dcc ADDRESS:PORT            who listens sends the file
 *     dcc-reverse ADDRESS:PORT    who connects sends it
 *     dcc-xmit ADDRESS:PORT       who listens sends it, behind a header
 *     dcc-chat ADDRESS:PORT       lines; `outgoing`: the local user listens
 *
 * On a file's leg the sender's bytes are the file, from the agreed offset on, and nothing else; the receiver
 * counts them in numbers of 4 or 8 octets, which tell nothing new. XMIT begins with 4 octets of time from the
 * sender, to which the receiver answers with the offset in 4. A chat is lines that end with LF; requests
 * (CTCP) in it stand between octets of 01, as in IRC. A leg that begins with a ClientHello is TLS, whatever
 * was said of it.
 *
 * The end of a file is its announced size. Bytes beyond it are told as an anomaly. A file whose size was not
 * announced has no end that could be told from a broken connection. Lost bytes keep the file's place.
 *
 * An offer that the policy forbids is made void by its words: what arrives is a request of a kind that no
 * client knows, and no port.
 *
 * Sources: modern.ircdocs.horse/dcc; irchelp.org "The DCC protocol"; mirc.com, DCC Resume and Reverse DCC.
 * Limits: lines of 8 KiB in chats; 8 offers of a conversation that ACCEPT can refer to.
 */
#include "im/dcc.h"
#include "identify/parser.h"
#include "im/transcode.h"

/* A view of a literal as an initialiser of static data. */
#define WORD(literal)                                                                                        \
    {                                                                                                        \
        (const uint8_t *)(literal), sizeof(literal) - 1                                                      \
    }

enum {
    TOKEN_BYTES = 80,
    NAME_BYTES = 96,
    LINE_BYTES = 8192,
    HELLO_BYTES = 9, /* of TLS that are looked at */
    OFFER_VOID = 'x',
    OFFER_SECONDS = 600 /* clients wait this long for the user to say yes */
};

/* ---- offers ---- */

enum leg_kind { LEG_SEND, LEG_REVERSE, LEG_XMIT, LEG_CHAT, LEG_KINDS };

static const struct view leg_words[LEG_KINDS] = { WORD("dcc "), WORD("dcc-reverse "), WORD("dcc-xmit "),
                                                  WORD("dcc-chat ") };

struct leg_token {
    char text[TOKEN_BYTES];
};

static struct view leg_token(struct leg_token *token, enum leg_kind kind, const struct ip_addr *addr,
                             uint16_t port)
{
    struct text t = TEXT(token->text);

    text_add(&t, leg_words[kind]);
    text_address(&t, addr);
    text_char(&t, ':');
    text_decimal(&t, port);
    return view_of(token->text, t.len);
}

/* The next word of *line, after any spaces. */
static struct view next_word(struct view *line)
{
    while (line->len > 0 && line->at[0] == ' ')
        *line = view_from(*line, 1);
    return view_token(line, ' ');
}

/* The name of an offer: a word, or text between quotes. */
static struct view offer_name(struct view *rest)
{
    while (rest->len > 0 && rest->at[0] == ' ')
        *rest = view_from(*rest, 1);
    if (rest->len > 0 && rest->at[0] == '"') {
        *rest = view_from(*rest, 1);
        return view_token(rest, '"');
    }
    return view_token(rest, ' ');
}

static bool offer_address(struct view word, struct ip_addr *out)
{
    uint64_t n;

    if (!view_decimal(word, UINT32_MAX, &n))
        return ip_parse(word, out);
    *out = ip_from_v4(
        (const uint8_t[]){ (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n });
    return true;
}

static const struct dcc_kind {
    struct view word;
    enum activity activity;
    enum leg_kind leg;
    bool has_address; /* else about an earlier offer */
} dcc_kinds[] = {
    { WORD("SEND"), ACTIVITY_FILE, LEG_SEND, true },    { WORD("SSEND"), ACTIVITY_FILE, LEG_SEND, true },
    { WORD("TSEND"), ACTIVITY_FILE, LEG_SEND, true },   { WORD("STSEND"), ACTIVITY_FILE, LEG_SEND, true },
    { WORD("CHAT"), ACTIVITY_CHAT, LEG_CHAT, true },    { WORD("SCHAT"), ACTIVITY_CHAT, LEG_CHAT, true },
    { WORD("XMIT"), ACTIVITY_FILE, LEG_XMIT, true },    { WORD("RESUME"), ACTIVITY_FILE, LEG_SEND, false },
    { WORD("ACCEPT"), ACTIVITY_FILE, LEG_SEND, false },
};

static struct dcc_offer *offer_find(struct dcc_offers *offers, uint16_t port, uint64_t token)
{
    for (unsigned back = 1; back <= DCC_OFFERS; back++) { /* the newest first */
        struct dcc_offer *o = &offers->offer[(offers->next + DCC_OFFERS - back) % DCC_OFFERS];
        if (o->port == port && (port != 0 || (o->token == token && token != 0)))
            return o;
    }
    return NULL;
}

static struct dcc_offer *offer_add(struct dcc_offers *offers)
{
    struct dcc_offer *o = &offers->offer[offers->next];

    offers->next = (uint8_t)((offers->next + 1) % DCC_OFFERS);
    *o = (struct dcc_offer){ .port = 0 };
    return o;
}

static void offer_announce(struct session *s, const struct dcc_offer *o, enum leg_kind leg,
                           const struct im_file *file)
{
    const struct ip_addr *own = session_address(s, false);
    struct leg_token token;

    session_announce(s, leg_token(&token, leg, &o->addr, o->port), file);
    if (o->own)
        session_announce(s, leg_token(&token, leg, own, o->port), file);
}

/* Expect the leg. The address may be the outer one of a translation: the offerer's own is expected as well.
 */
static void offer_expect(struct session *s, const struct dcc_offer *o, enum activity a)
{
    struct expectation e = { .l4 = L4_TCP,
                             .addr = o->addr,
                             .port = o->port,
                             .activity = a,
                             .protocol = PROTOCOL_DCC,
                             .lifetime_s = OFFER_SECONDS };

    session_expect(s, &e);
    if (o->own) {
        e.addr = *session_address(s, false);
        session_expect(s, &e);
    }
}

/* The sender agrees to go on at an offset: what was announced is announced again with it. */
static void accept_offset(struct dcc_offers *offers, struct session *s, struct view rest)
{
    uint64_t port, offset, number = 0;
    struct announced_file a;
    struct leg_token token;

    if (!view_decimal(next_word(&rest), UINT16_MAX, &port) ||
        !view_decimal(next_word(&rest), UINT64_MAX, &offset))
        return;
    (void)view_decimal(next_word(&rest), UINT64_MAX, &number);
    struct dcc_offer *o = offer_find(offers, (uint16_t)port, number);
    if (o == NULL)
        return;
    o->offset = offset;
    if (port == 0 || !session_announced(s, leg_token(&token, LEG_SEND, &o->addr, o->port), &a))
        return;
    a.offset = offset;
    struct im_file file = announced_view(&a);
    offer_announce(s, o, LEG_SEND, &file);
}

static const struct dcc_kind *find_kind(struct view word)
{
    for (size_t i = 0; i < sizeof dcc_kinds / sizeof dcc_kinds[0]; i++)
        if (view_equal_nocase(dcc_kinds[i].word, word))
            return &dcc_kinds[i];
    return NULL;
}

/* What stands behind the name of an offer. */
struct offer_words {
    struct ip_addr addr;
    uint64_t port, token;
    bool good;           /* address and port */
    struct view void_by; /* the request up to the end of its port */
};

/* From where `words` begin to the last word before `rest`, which is what follows. */
static struct view words_before(struct view words, struct view rest)
{
    return view_trim(view_slice(words, 0, words.len - rest.len));
}

static void read_offer(const struct dcc_kind *kind, struct view request, struct im_detail *detail,
                       struct offer_words *out)
{
    struct view whole = request;

    memset(out, 0, sizeof *out);
    (void)next_word(&request); /* the kind */
    struct view name = offer_name(&request);
    out->good = offer_address(next_word(&request), &out->addr);
    out->good = view_decimal(next_word(&request), UINT16_MAX, &out->port) && out->good;
    out->void_by = words_before(whole, request);
    if (kind->leg == LEG_XMIT)
        name = offer_name(&request);
    if (kind->activity == ACTIVITY_FILE) {
        detail->file = name;
        (void)view_decimal(next_word(&request), UINT64_MAX, &detail->size);
    }
    if (kind->leg != LEG_XMIT)
        (void)view_decimal(next_word(&request), UINT64_MAX, &out->token);
}

void dcc_request(struct dcc_offers *offers, struct session *s, struct view request, struct im_detail *detail)
{
    struct view whole = request;
    const struct dcc_kind *kind = find_kind(next_word(&request));
    struct offer_words words;
    bool asked = detail->outgoing;

    if (kind == NULL)
        return;
    if (!kind->has_address) {
        bool accepted = view_equal_nocase(kind->word, VIEW("ACCEPT"));
        detail->file = offer_name(&request);
        struct view rest = request;
        (void)next_word(&rest); /* the port */
        bool forbidden = session_forbidden(s, kind->activity, detail, words_before(whole, rest), OFFER_VOID);
        session_activity(s, kind->activity, detail);
        if (accepted && !forbidden)
            accept_offset(offers, s, request);
        return;
    }
    read_offer(kind, whole, detail, &words);
    bool answers = words.token != 0 && words.port != 0; /* to a reversed offer: the file comes back */
    if (answers && kind->leg == LEG_SEND)
        detail->outgoing = !asked;
    bool forbidden = session_forbidden(s, kind->activity, detail, words.void_by, OFFER_VOID);
    if (words.good && !forbidden &&
        !offers->broker_told) { /* before the offer is told: who judges it asks how it goes */
        session_delivery(s, DELIVERY_SERVER_BROKER);
        offers->broker_told = true;
    }
    session_activity(s, kind->activity, detail);
    if (!words.good || forbidden)
        return;
    const struct dcc_offer *reversed = answers ? offer_find(offers, 0, words.token) : NULL;
    uint64_t offset = reversed != NULL ? reversed->offset : 0;
    if (words.port == 0) {
        offer_add(offers)->token = words.token;
        return;
    }
    if (ip_is_zero(&words.addr))
        return;
    struct dcc_offer *o = offer_add(offers);
    o->addr = words.addr;
    o->port = (uint16_t)words.port;
    o->own = asked && !ip_equal(session_address(s, false), &words.addr);
    struct im_file file = { .name = detail->file,
                            .account = detail->account,
                            .peer = detail->peer,
                            .size = detail->size,
                            .offset = offset,
                            .outgoing = detail->outgoing };
    offer_announce(s, o, answers && kind->leg == LEG_SEND ? LEG_REVERSE : kind->leg, &file);
    offer_expect(s, o, kind->activity);
}

/* ---- legs ---- */

struct dcc_leg {
    bool known;         /* what the leg carries has been looked up */
    bool no_hello[2];   /* this side's first bytes are no ClientHello */
    bool skip[2];       /* inside a line that was too long or lost its beginning */
    bool local_listens; /* chat: the local user's side is the one that listens */
    bool ended;
    uint8_t kind;    /* enum leg_kind */
    uint8_t server;  /* enum flow_dir: the side that listens */
    uint8_t head[2]; /* octets of XMIT's header that are still to come */
    uint32_t file;
    uint64_t place, size;
    struct dcc_offers offers; /* made in a chat */
    char account[NAME_BYTES], peer[NAME_BYTES];
};

static bool leg_look_up(struct session *s, struct dcc_leg *leg, struct announced_file *out)
{
    struct announced_file a;
    struct leg_token token;
    bool found = false;

    for (unsigned side = 0; side < 2; side++)
        for (unsigned kind = 0; kind < LEG_KINDS; kind++) {
            bool server = side == 0; /* who listens is the flow's server, but where its SYN was not seen */
            struct view name =
                leg_token(&token, (enum leg_kind)kind, session_address(s, server), session_port(s, server));
            if (!session_announced(s, name, &a) || (found && a.since_us <= out->since_us))
                continue;
            *out = a;
            found = true;
            leg->kind = (uint8_t)kind;
            leg->server = server ? FROM_SERVER : FROM_CLIENT;
        }
    return found;
}

static enum flow_dir sender_of(const struct dcc_leg *leg)
{
    enum flow_dir listens = leg->server;

    return leg->kind == LEG_REVERSE ? dir_other(listens) : listens;
}

/* False: nothing is known of this leg, or nobody wants what is on it. */
static bool leg_begin(struct dcc_leg *leg, struct session *s)
{
    struct announced_file a;

    leg->known = true;
    if (!leg_look_up(s, leg, &a)) {
        session_trace(s, "dcc: what this leg carries was not announced");
        return false;
    }
    if (leg->kind == LEG_CHAT) {
        struct text account = TEXT(leg->account), peer = TEXT(leg->peer);
        text_string(&account, a.account);
        text_string(&peer, a.peer);
        leg->local_listens = a.outgoing;
        return true;
    }
    if (!session_wants_files(s))
        return false;
    if (leg->kind == LEG_XMIT)
        leg->head[0] = leg->head[1] = 4;
    struct im_file file = announced_view(&a);
    leg->place = a.offset;
    leg->size = a.size;
    leg->file = session_file_begin(s, &file);
    return leg->file != 0;
}

/* Does this side begin with a ClientHello (RFC 8446 section 4.1.2) that fills its record? IM_MORE: so far. */
static enum im_answer hello_begins(struct view in)
{
    static const uint8_t head[] = { 0x16, 3 };
    struct view start = view_of(head, sizeof head);

    if (in.len < sizeof head)
        return view_starts(start, in) ? IM_MORE : IM_NO;
    if (!view_starts(in, start) || (in.len > 2 && in.at[2] > 4) || (in.len > 5 && in.at[5] != 1) ||
        (in.len > 6 && in.at[6] != 0))
        return IM_NO;
    if (in.len < HELLO_BYTES)
        return IM_MORE;
    return view_u16(in, 3) == view_u16(in, 7) + 4 ? IM_YES : IM_NO;
}

/* The header of XMIT: used up; the receiver's is the offset. Returns its length, 0: it is not there whole. */
static size_t take_header(struct dcc_leg *leg, enum flow_dir from, struct view in)
{
    size_t n = leg->head[from];

    if (in.len < n)
        return 0;
    leg->head[from] = 0;
    if (from != sender_of(leg) && leg->place == 0)
        leg->place = view_u32(in, 0);
    return n;
}

static void take_bytes(struct dcc_leg *leg, struct session *s, struct view in)
{
    uint64_t room = leg->size == 0           ? UINT64_MAX - leg->place
                    : leg->size > leg->place ? leg->size - leg->place
                                             : 0;
    struct view piece = view_slice(in, 0, room < in.len ? (size_t)room : in.len);

    session_file_bytes(s, leg->file, leg->place, piece);
    leg->place += piece.len;
    if (leg->size > 0 && leg->place >= leg->size && !leg->ended) {
        session_file_end(s, leg->file, true);
        leg->ended = true;
    }
    if (piece.len < in.len) {
        session_anomaly(s, ANOMALY_OVERLONG, VIEW("DCC file"));
        session_settle(s);
    }
}

/* One line of a chat. */
static void chat_line(struct dcc_leg *leg, struct session *s, enum flow_dir from, struct view line)
{
    static const struct view request = WORD("CTCP_MESSAGE "), reply = WORD("CTCP_REPLY ");
    char buffer[LINE_BYTES + LINE_BYTES / 2];
    struct text text = TEXT(buffer);
    struct im_detail detail = { .account = view_string(leg->account),
                                .peer = view_string(leg->peer),
                                .outgoing = (from == leg->server) == leg->local_listens };

    if (view_starts(line, reply)) /* irssi marks requests in chats so */
        return;
    if (view_starts(line, request))
        line = view_from(line, request.len);
    if (line.len > 0 && line.at[0] == 1) {
        line = view_slice(line, 1, view_find_byte(line, 1, 1));
        struct view word = view_token(&line, ' ');
        if (view_equal_nocase(word, VIEW("DCC")))
            dcc_request(&leg->offers, s, line, &detail);
        if (!view_equal_nocase(word, VIEW("ACTION")))
            return;
    }
    if (line.len == 0)
        return;
    text_8bit(&text, line);
    detail.text = view_of(buffer, text.len);
    detail.markup = MARKUP_IRC;
    session_activity(s, ACTIVITY_CHAT, &detail);
}

static size_t take_lines(struct dcc_leg *leg, struct session *s, enum flow_dir from, struct view in)
{
    struct view left = in, line;

    while (view_line(&left, &line)) {
        if (!leg->skip[from] && line.len <= LINE_BYTES)
            chat_line(leg, s, from, line);
        leg->skip[from] = false;
    }
    if (left.len <= LINE_BYTES)
        return in.len - left.len;
    leg->skip[from] = true;
    return in.len;
}

static size_t dcc_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct dcc_leg *leg = state;
    size_t used = 0;

    if (!leg->no_hello[from]) {
        enum im_answer hello = hello_begins(in);
        if (hello == IM_YES)
            session_upgrade(s, PROTOCOL_TLS);
        if (hello != IM_NO)
            return 0;
        leg->no_hello[from] = true;
    }
    if (!leg->known && !leg_begin(leg, s)) {
        session_settle(s);
        return in.len;
    }
    if (leg->kind == LEG_CHAT)
        return take_lines(leg, s, from, in);
    if (leg->head[from] > 0) {
        used = take_header(leg, from, in);
        if (used == 0)
            return 0;
    }
    if (from == sender_of(leg) && in.len > used)
        take_bytes(leg, s, view_from(in, used));
    return in.len;
}

static bool dcc_gap(void *state, struct session *s, enum flow_dir from, uint64_t lost)
{
    struct dcc_leg *leg = state;

    leg->no_hello[from] = true;
    leg->skip[from] = true;
    if (!leg->known && !leg_begin(leg, s))
        return false;
    if (leg->kind != LEG_CHAT && from == sender_of(leg) && lost > leg->head[from]) {
        leg->place += lost - leg->head[from];
        leg->head[from] = 0;
    }
    return true;
}

extern const struct parser parser_dcc;

const struct parser parser_dcc = {
    .protocol = PROTOCOL_DCC,
    .service = "irc",
    .on = PARSER_TCP,
    .starts = parser_starts_never,
    .probe = parser_probes_never,
    .state_size = sizeof(struct dcc_leg),
    .feed = dcc_feed,
    .gap = dcc_gap,
};
