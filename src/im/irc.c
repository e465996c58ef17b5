/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IRC: client connections, and the links between servers.
 *
 * Framing: text lines that end with CR LF or LF (RFC 1459 and RFC 2812 section 2.3):
 *
 *     [@tags SPACE] [:prefix SPACE] command {SPACE param} [SPACE :last param]
 *
 * of at most 512 octets with the line end, and 8191 more for the tags of IRCv3 (ircv3.net/specs/extensions/
 * message-tags). A command is a word or three digits. A client registers with CAP, PASS, NICK and USER; the
 * server greets with NOTICE and the numerics 001 to 005. A message may hold a request of the client-to-client
 * protocol between two octets of 01; of these, DCC offers a direct connection (dcc.c).
 *
 * Copies of messages. A server with echo-message sends the client its own lines back; a bouncer plays what
 * was said before: in a batch (ircv3.net, "chathistory", "znc.in/playback"), or, to clients without batches,
 * between two lines of its own user "***" (wiki.znc.in/Buffer_Playback). The time of a line is in its tag
 * (server-time).
 *
 * Contacts are who is seen in rooms (JOIN, NAMES, WHO), their real names (WHO, WHOIS, extended-join) and that
 * they left. The real name of the user is the one that USER gave.
 *
 * Recognised by points, since many protocols have lines with USER, PASS, PING or QUIT: every line so far must
 * be a well-formed message with a command that IRC knows, and lines that only IRC has must add up to two
 * points. One line is enough where it is peculiar (PRIVMSG, CAP, 001, nick!user@host), else two (NICK and
 * USER). Twitch chat is IRC; it differs by its tags and capabilities only.
 *
 * Limits: the text of a line beyond 512 octets is not read; names are kept up to 63 octets; of NAMES 64 a
 * room; 4 batches at a time.
 */
#include "identify/parser.h"
#include "im/dcc.h"
#include "im/stamp.h"
#include "im/transcode.h"

/* A view of a literal as an initialiser of static data. */
#define WORD(literal)                                                                                        \
    {                                                                                                        \
        (const uint8_t *)(literal), sizeof(literal) - 1                                                      \
    }

enum {
    LINE_BYTES = 512,
    TAG_BYTES = 8191,
    MAX_PARAMS = 15,  /* RFC 2812 section 2.3 */
    PROBE_LINES = 24, /* of one direction, without two points: not IRC */
    NAME_BYTES = 64,
    ENOUGH = 2, /* points */
    BATCHES = 4,
    BATCH_BYTES = 24, /* of a batch's name */
    NAMES_OF_ROOM = 64,
};

struct irc_message {
    struct view tags, prefix, command;
    struct view param[MAX_PARAMS];
    unsigned params;
    uint64_t numeric; /* 0: the command is a word */
};

struct irc_state {
    char nick[NAME_BYTES], real_name[NAME_BYTES];
    char batch[BATCHES][BATCH_BYTES]; /* open ones that play what was said before; empty: none */
    struct dcc_offers offers;
    uint16_t names; /* of the room that is being told */
    bool played;    /* a bouncer without batches plays what was said before */
    bool nick_known, user_known;
    bool login_told, proxy_told;
    bool skip[2]; /* inside a line that was too long or lost its beginning, by enum flow_dir */
};

/* ---- messages ---- */

/* The next word of *line, after any spaces. */
static struct view next_word(struct view *line)
{
    while (line->len > 0 && line->at[0] == ' ')
        *line = view_from(*line, 1);
    return view_token(line, ' ');
}

static bool is_letter(uint8_t c)
{
    return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

static bool all_letters(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if (!is_letter(v.at[i]))
            return false;
    return v.len > 0;
}

/* Read a line without its end. False: not a message of IRC. */
static bool read_message(struct view line, struct irc_message *out)
{
    struct irc_message m = { 0 };

    if (line.len > 0 && line.at[0] == '@') {
        m.tags = view_from(view_token(&line, ' '), 1);
        if (m.tags.len >= TAG_BYTES)
            return false;
    }
    struct view head =
        view_slice(line, 0, view_find(line, VIEW(" :"))); /* the last parameter may hold anything */
    if (line.len > LINE_BYTES - 2 || view_find_byte(head, '\0', 0) < head.len ||
        view_find_byte(head, '\r', 0) < head.len)
        return false;
    if (line.len > 0 && line.at[0] == ':') {
        m.prefix = view_from(view_token(&line, ' '), 1);
        if (m.prefix.len == 0)
            return false;
    }
    m.command = next_word(&line);
    if (!all_letters(m.command) &&
        (m.command.len != 3 || !view_decimal(m.command, 999, &m.numeric) || m.numeric == 0))
        return false;
    while (line.len > 0 && m.params < MAX_PARAMS) {
        while (line.len > 0 && line.at[0] == ' ')
            line = view_from(line, 1);
        if (line.len == 0)
            break;
        if (line.at[0] == ':' || m.params == MAX_PARAMS - 1) {
            m.param[m.params++] = view_from(line, line.at[0] == ':');
            break;
        }
        m.param[m.params++] = view_token(&line, ' ');
    }
    *out = m;
    return true;
}

static bool is_channel(struct view name)
{
    return name.len > 1 && view_find_byte(VIEW("#&+!"), name.at[0], 0) < 4;
}

/* A nick may hold anything but what would end it or make it an address (servers differ; bots use digits
 * first). */
static bool is_nick(struct view name)
{
    if (name.len == 0 || name.len >= NAME_BYTES || is_channel(name))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] <= ' ' || name.at[i] == 0x7f ||
            view_find_byte(VIEW("!@,:=/;\"<>()"), name.at[i], 0) < 12)
            return false;
    return true;
}

/* The nick of "nick!user@host". Empty: the prefix is a server's, or a nick alone. */
static struct view user_of(struct view prefix)
{
    size_t bang = view_find_byte(prefix, '!', 0);
    size_t at = view_find_byte(prefix, '@', bang);
    struct view nick = view_slice(prefix, 0, bang);

    return bang < prefix.len && at < prefix.len && at > bang + 1 && at + 1 < prefix.len && is_nick(nick)
               ? nick
               : view_of(NULL, 0);
}

/* ---- recognition ---- */

/* What the first parameter must be for the points to count. */
enum irc_first { FIRST_ANY, FIRST_NICK, FIRST_CHANNEL, FIRST_CAP };

static const struct irc_command {
    struct view name;
    uint8_t min_params;
    uint8_t points;
    uint8_t first; /* enum irc_first */
} irc_commands[] = {
#define C(name, min, points, first)                                                                          \
    {                                                                                                        \
        WORD(name), min, points, FIRST_##first                                                               \
    }
    C("NICK", 1, 1, NICK),
    C("USER", 4, 1, ANY),
    C("CAP", 1, 2, CAP),
    C("PRIVMSG", 2, 2, ANY),
    C("NOTICE", 2, 1, ANY),
    C("JOIN", 1, 1, CHANNEL),
    C("PART", 1, 1, CHANNEL),
    C("TOPIC", 1, 1, CHANNEL),
    C("NAMES", 0, 0, ANY),
    C("MODE", 1, 0, ANY),
    C("PASS", 1, 0, ANY),
    C("PING", 0, 0, ANY),
    C("PONG", 0, 0, ANY),
    C("QUIT", 0, 0, ANY),
    C("KICK", 2, 0, ANY),
    C("INVITE", 0, 0, ANY),
    C("WHO", 0, 0, ANY),
    C("WHOIS", 1, 0, ANY),
    C("WHOWAS", 1, 0, ANY),
    C("USERHOST", 1, 0, ANY),
    C("ISON", 1, 0, ANY),
    C("AWAY", 0, 0, ANY),
    C("LIST", 0, 0, ANY),
    C("MOTD", 0, 0, ANY),
    C("LUSERS", 0, 0, ANY),
    C("VERSION", 0, 0, ANY),
    C("STATS", 0, 0, ANY),
    C("LINKS", 0, 0, ANY),
    C("TIME", 0, 0, ANY),
    C("ADMIN", 0, 0, ANY),
    C("OPER", 2, 0, ANY),
    C("ERROR", 1, 0, ANY),
    C("AUTHENTICATE", 1, 0, ANY),
    C("ACCOUNT", 1, 0, ANY),
    C("STARTTLS", 0, 0, ANY),
    C("TAGMSG", 1, 1, ANY),
    C("BATCH", 1, 0, ANY),
    C("CHGHOST", 2, 0, ANY),
    C("SETNAME", 1, 0, ANY),
    C("MONITOR", 1, 0, ANY),
    C("WATCH", 0, 0, ANY),
    C("SILENCE", 0, 0, ANY),
    C("KNOCK", 1, 0, ANY),
    C("WALLOPS", 1, 0, ANY),
    C("KILL", 2, 0, ANY),
    C("PROTOCTL", 1, 1, ANY),
    C("CAPAB", 1, 1, ANY),
    C("SERVER", 3, 1, ANY),
    C("SVINFO", 4, 1, ANY),
    C("SERVICE", 6, 1, ANY),
    C("WEBIRC", 4, 1, ANY),
    C("SQUERY", 2, 0, ANY),
    C("SQUIT", 2, 0, ANY),
    C("NICKSERV", 1, 0, ANY),
    C("CHANSERV", 1, 0, ANY),
    C("GLOBALUSERSTATE", 0, 1, ANY),
    C("USERSTATE", 1, 1, CHANNEL),
    C("ROOMSTATE", 1, 1, CHANNEL),
    C("CLEARCHAT", 1, 1, CHANNEL),
    C("CLEARMSG", 1, 1, CHANNEL),
    C("USERNOTICE", 1, 1, CHANNEL),
    C("HOSTTARGET", 1, 1, CHANNEL),
    C("RECONNECT", 0, 1, ANY),
#undef C
};

static const struct irc_command *find_command(struct view name)
{
    for (size_t i = 0; i < sizeof irc_commands / sizeof irc_commands[0]; i++)
        if (view_equal_nocase(irc_commands[i].name, name))
            return &irc_commands[i];
    return NULL;
}

static bool is_cap(struct view word)
{
    static const struct view words[] = { WORD("LS"),  WORD("LIST"), WORD("REQ"), WORD("END"),
                                         WORD("ACK"), WORD("NAK"),  WORD("NEW"), WORD("DEL") };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (view_equal_nocase(words[i], word))
            return true;
    return false;
}

static bool first_fits(const struct irc_message *m, enum irc_first first)
{
    switch (first) {
    case FIRST_NICK: return is_nick(m->param[0]);
    case FIRST_CHANNEL: return is_channel(m->param[0]);
    case FIRST_CAP: /* the server puts the nick, or "*", first */
        return is_cap(m->param[0]) || (m->params > 1 && is_cap(m->param[1]));
    default: return true;
    }
}

/* Words of users that a server passes on with their sender only. A file that quotes a client's lines has them
 * bare. */
static bool is_users_own(const struct irc_message *m)
{
    static const struct view words[] = { WORD("USER"), WORD("JOIN"), WORD("PRIVMSG") };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (view_equal_nocase(words[i], m->command))
            return true;
    return m->params == 1 && view_equal_nocase(m->command, VIEW("NICK")); /* a link's NICK tells more */
}

/* Points of one line, or -1 where it is not IRC's. */
static int line_points(struct view line, bool from_server)
{
    struct irc_message m;

    if (!read_message(line, &m) || (from_server && m.prefix.len == 0 && is_users_own(&m)))
        return -1;
    if (m.numeric != 0) {
        if (m.prefix.len == 0 || m.params < 2)
            return -1;
        return m.numeric == 1 ? 2 : 1;
    }
    const struct irc_command *c = find_command(m.command);
    if (c == NULL || m.params < c->min_params)
        return -1;
    if (user_of(m.prefix).len > 0)
        return 2;
    if (!first_fits(&m, c->first))
        return c->first == FIRST_CAP || c->first == FIRST_NICK ? -1 : 0;
    /* ":host NOTICE AUTH :*** Looking up your hostname" */
    if (view_equal_nocase(m.command, VIEW("NOTICE")) && view_starts(m.param[1], VIEW("***")))
        return 2;
    return c->points;
}

/* Can these bytes, without a line end yet, begin a line of IRC? */
static bool could_begin(struct view part)
{
    size_t limit = LINE_BYTES;

    if (part.len > 0 && part.at[0] == '@') {
        if (view_find_byte(part, ' ', 0) == part.len)
            return part.len <= TAG_BYTES;
        (void)view_token(&part, ' ');
    }
    if (part.len > limit)
        return false;
    if (part.len > 0 && part.at[0] == ':') {
        if (view_find_byte(part, ' ', 0) == part.len)
            return true;
        (void)view_token(&part, ' ');
        if (part.len > 0 && part.at[0] >= '0' && part.at[0] <= '9')
            return true;
    }
    bool ended = view_find_byte(part, ' ', 0) < part.len;
    struct view word = view_token(&part, ' ');
    if (!ended && word.len > 0 && word.at[word.len - 1] == '\r')
        word.len--, ended = true;
    for (size_t i = 0; i < sizeof irc_commands / sizeof irc_commands[0]; i++) {
        struct view name = irc_commands[i].name;
        if (ended ? view_equal_nocase(name, word) : view_starts_nocase(name, word))
            return true;
    }
    return false;
}

struct irc_score {
    int points;
    struct view best; /* the line that gave most */
    int best_points;
    bool server_signs; /* lines that only a server sends */
};

/* Add up the lines of one direction. False: not IRC. */
static bool score(struct view bytes, bool from_server, bool midstream, struct irc_score *out)
{
    struct view line;
    unsigned lines = 0;

    while (out->points < ENOUGH && view_line(&bytes, &line)) {
        if (line.len == 0 && lines > 0)
            continue;
        int points = line_points(line, from_server && !midstream);
        if (points < 0 && !(midstream && lines == 0)) /* mid-stream, the first line may be the end of one */
            return false;
        if (points > out->best_points) {
            out->best = line;
            out->best_points = points;
            out->server_signs = line.at[0] == ':';
        }
        out->points += points > 0 ? points : 0;
        if (++lines > PROBE_LINES)
            return false;
    }
    return out->points >= ENOUGH ||
           (midstream && lines == 0 ? bytes.len <= LINE_BYTES + TAG_BYTES : could_begin(bytes));
}

static enum im_answer irc_probe(const struct sample *s, struct finding *out)
{
    struct irc_score side[2] = { 0 };

    for (int d = 0; d < 2; d++)
        if (!score(s->bytes[d], d == FROM_SERVER, s->midstream, &side[d]))
            return IM_NO;
    if (side[0].points + side[1].points < ENOUGH)
        return IM_MORE;
    const struct irc_score *best = &side[side[1].best_points > side[0].best_points];
    struct irc_message m;
    struct text value = TEXT(out->value);
    if (read_message(best->best, &m)) {
        text_printable(&value, m.command);
        text_string(&value, m.numeric != 0 ? " reply" : " message");
        text_string(&value, s->midstream ? ", mid-stream" : "");
    }
    out->reversed = s->midstream && side[0].server_signs && !side[1].server_signs;
    return IM_YES;
}

static bool irc_starts(uint8_t first, enum flow_dir from)
{
    struct view letters = from == FROM_CLIENT ? VIEW("acjmnopqstuw:@") : VIEW("acenpsv:@");

    return view_find_byte(letters, ascii_lower(first), 0) < letters.len;
}

/* ---- following ---- */

/* The value of a tag (message-tags), as it is written. */
static struct view tag_value(struct view tags, struct view key)
{
    while (tags.len > 0) {
        struct view value = view_token(&tags, ';');
        struct view name = view_token(&value, '=');
        if (view_equal(name, key))
            return value;
    }
    return view_of(NULL, 0);
}

/* The place of an open batch, or of a free one for the empty name; BATCHES: none. */
static unsigned find_batch(const struct irc_state *st, struct view name)
{
    unsigned i = 0;

    while (i < BATCHES && !view_equal(view_string(st->batch[i]), name))
        i++;
    return i;
}

/* Is this a line that was said before? */
static bool is_played(const struct irc_state *st, const struct irc_message *m)
{
    struct view batch = tag_value(m->tags, VIEW("batch"));

    return st->played || (batch.len > 0 && find_batch(st, batch) < BATCHES);
}

static bool is_own_nick(const struct irc_state *st, struct view nick)
{
    return nick.len > 0 && view_equal_nocase(nick, view_string(st->nick));
}

/* A request between two octets of 01. True: it was one and is dealt with. */
static bool ctcp(struct irc_state *st, struct session *s, bool notice, struct im_detail *detail)
{
    struct view text = detail->text;

    if (text.len > 0 && text.at[0] == 1)
        text = view_slice(text, 1, view_find_byte(text, 1, 1));
    else if (!view_starts(text, VIEW("DCC "))) /* some clients leave the quoting out */
        return false;
    struct view word = view_token(&text, ' ');
    if (view_equal_nocase(word, VIEW("ACTION"))) {
        detail->text = text;
        return false;
    }
    detail->text = view_of(NULL, 0);
    if (view_equal_nocase(word, VIEW("DCC")) && !notice && !detail->again)
        dcc_request(&st->offers, s, text, detail);
    else if (view_equal_nocase(word, VIEW("VERSION")) && notice && detail->outgoing && text.len > 0)
        session_client(s, text);
    return true;
}

/* Whose line it is: `account` is the user on the flow's client side. */
static void set_people(const struct irc_state *st, const struct irc_message *m, struct im_detail *detail)
{
    struct view sender = user_of(m->prefix);

    detail->account = view_string(st->nick);
    if (detail->outgoing && sender.len > 0)
        detail->account = sender;
    else if (!detail->outgoing)
        detail->peer = sender;
}

/* A bouncer's own user tells where what it plays begins and ends. True: it was one of its lines. */
static bool bouncer_speaks(struct irc_state *st, const struct irc_message *m)
{
    if (!view_equal(user_of(m->prefix), VIEW("***")))
        return false;
    if (view_starts(m->param[1], VIEW("Buffer Playback...")))
        st->played = true;
    else if (view_starts(m->param[1], VIEW("Playback Complete.")))
        st->played = false;
    return true;
}

static void on_message(struct irc_state *st, struct session *s, const struct irc_message *m, bool outgoing)
{
    struct im_detail detail = { .outgoing = outgoing };
    char buffer[2 * LINE_BYTES];
    struct text text = TEXT(buffer);
    bool notice = view_equal_nocase(m->command, VIEW("NOTICE"));

    if (m->params < 2 || m->param[1].len == 0 || (!outgoing && bouncer_speaks(st, m)))
        return;
    set_people(st, m, &detail);
    if (!outgoing && m->prefix.len > 0 && detail.peer.len == 0)
        return; /* the server itself speaks */
    if (!outgoing && m->prefix.len == 0 && notice)
        return;
    detail.again = !outgoing && is_played(st, m);
    if (!outgoing && is_own_nick(st, detail.peer) && !is_own_nick(st, m->param[0])) {
        detail.again = detail.outgoing = true; /* the client's own line comes back */
        detail.peer = view_of(NULL, 0);
    }
    if (is_channel(m->param[0]))
        detail.room = m->param[0];
    else if (detail.outgoing)
        detail.peer = m->param[0];
    if (detail.outgoing)
        detail.display = view_string(st->real_name);
    detail.sent_us = outgoing ? 0 : stamp_us(tag_value(m->tags, VIEW("time")));
    detail.text = m->param[1];
    if (ctcp(st, s, notice, &detail))
        return;
    if (!st->proxy_told)
        session_delivery(s, DELIVERY_SERVER_PROXY);
    st->proxy_told = true;
    text_8bit(&text, detail.text);
    detail.text = view_of(buffer, text.len);
    detail.markup = MARKUP_IRC;
    session_activity(s, ACTIVITY_CHAT, &detail);
}

/* "BATCH +name type ..." and "BATCH -name". */
static void on_batch(struct irc_state *st, struct session *s, const struct irc_message *m, bool outgoing)
{
    (void)s;
    if (outgoing || m->params == 0 || m->param[0].len < 2 || m->param[0].len > BATCH_BYTES)
        return;
    struct view name = view_from(m->param[0], 1);
    bool plays = m->params > 1 && (view_equal_nocase(m->param[1], VIEW("chathistory")) ||
                                   view_equal_nocase(m->param[1], VIEW("znc.in/playback")));
    bool begins = m->param[0].at[0] == '+' && plays;
    unsigned i = find_batch(st, begins ? view_of(NULL, 0) : name);
    if (i == BATCHES || (!begins && m->param[0].at[0] != '-'))
        return;
    struct text kept = TEXT(st->batch[i]);
    if (begins)
        text_add(&kept, name);
}

/* ---- who is there ---- */

static void tell_contact(const struct irc_state *st, struct session *s, struct view nick, struct view room,
                         struct view real_name, enum presence presence)
{
    struct im_contact c = { .account = view_string(st->nick),
                            .peer = nick,
                            .display = real_name,
                            .group = room,
                            .presence = presence };

    if (nick.len > 0 && !is_own_nick(st, nick))
        session_contact(s, &c);
}

static void on_quit(struct irc_state *st, struct session *s, const struct irc_message *m, bool outgoing)
{
    if (!outgoing && !is_played(st, m))
        tell_contact(st, s, user_of(m->prefix), view_of(NULL, 0), view_of(NULL, 0), PRESENCE_OFFLINE);
}

static void on_room(struct irc_state *st, struct session *s, const struct irc_message *m, bool outgoing)
{
    struct im_detail detail = { .outgoing = outgoing };

    if (m->params == 0)
        return;
    set_people(st, m, &detail);
    detail.room = m->param[0];
    session_activity(s, ACTIVITY_PRESENCE, &detail);
    if (!outgoing && view_equal_nocase(m->command, VIEW("JOIN")) && !is_played(st, m))
        tell_contact(st, s, detail.peer, detail.room, m->params > 2 ? m->param[2] : view_of(NULL, 0),
                     PRESENCE_ONLINE); /* the third parameter is extended-join's */
}

static void tell_login(struct irc_state *st, struct session *s)
{
    struct im_detail detail = { .account = view_string(st->nick), .outgoing = true };

    if (!st->login_told)
        session_activity(s, ACTIVITY_LOGIN, &detail);
    st->login_told = true;
}

static void keep_nick(struct irc_state *st, struct view nick)
{
    struct text kept = TEXT(st->nick);

    text_printable(&kept, nick);
    st->nick_known = true;
}

static void on_nick(struct irc_state *st, struct session *s, const struct irc_message *m, bool outgoing)
{
    struct view sender = user_of(m->prefix);

    if (m->params == 0)
        return;
    if (!outgoing && sender.len > 0 && is_own_nick(st, sender)) {
        keep_nick(st, m->param[0]);
    } else if (!outgoing && sender.len > 0 && !is_played(st, m)) {
        tell_contact(st, s, sender, view_of(NULL, 0), view_of(NULL, 0), PRESENCE_OFFLINE);
        tell_contact(st, s, m->param[0], view_of(NULL, 0), view_of(NULL, 0), PRESENCE_ONLINE);
    }
    if (!outgoing || m->prefix.len > 0 || st->login_told)
        return; /* later ones are wishes, which the server grants or not */
    keep_nick(st, m->param[0]);
    if (st->user_known)
        tell_login(st, s);
}

static void on_user(struct irc_state *st, struct session *s, const struct irc_message *m, bool outgoing)
{
    struct text real_name = TEXT(st->real_name);

    if (!outgoing)
        return;
    st->user_known = true;
    if (m->params > 3)
        text_printable(&real_name, m->param[3]);
    if (st->nick_known)
        tell_login(st, s);
}

static const struct {
    struct view name;
    void (*act)(struct irc_state *st, struct session *s, const struct irc_message *m, bool outgoing);
} irc_actions[] = {
    { WORD("PRIVMSG"), on_message }, { WORD("NOTICE"), on_message }, { WORD("JOIN"), on_room },
    { WORD("PART"), on_room },       { WORD("TOPIC"), on_room },     { WORD("NICK"), on_nick },
    { WORD("USER"), on_user },       { WORD("QUIT"), on_quit },      { WORD("BATCH"), on_batch },
};

enum {
    REPLY_WELCOME = 1,
    REPLY_MYINFO = 4,
    REPLY_WHOIS = 311, /* me nick user host * :real name */
    REPLY_WHO = 352,   /* me room user host server nick H|G... :hops real name */
    REPLY_NAMES = 353, /* me symbol room :[@+]nick[!user@host] ... */
    REPLY_NAMES_END = 366,
    REPLY_STARTTLS = 670
};

static void on_names(struct irc_state *st, struct session *s, const struct irc_message *m)
{
    struct view list = m->param[3];

    while (list.len > 0 && st->names < NAMES_OF_ROOM) {
        struct view name = next_word(&list);
        while (name.len > 0 && view_find_byte(VIEW("~&@%+!"), name.at[0], 0) < 6) /* ranks */
            name = view_from(name, 1);
        name = view_slice(name, 0, view_find_byte(name, '!', 0)); /* userhost-in-names */
        if (!is_nick(name))
            continue;
        st->names++;
        tell_contact(st, s, name, m->param[2], view_of(NULL, 0), PRESENCE_ONLINE);
    }
}

static void on_who(struct irc_state *st, struct session *s, const struct irc_message *m)
{
    struct view real_name = m->param[7], flags = m->param[6];

    (void)view_token(&real_name, ' '); /* hops */
    tell_contact(st, s, m->param[5], is_channel(m->param[1]) ? m->param[1] : view_of(NULL, 0), real_name,
                 flags.len > 0 && flags.at[0] == 'G' ? PRESENCE_AWAY : PRESENCE_ONLINE);
}

static void on_numeric(struct irc_state *st, struct session *s, const struct irc_message *m)
{
    if (m->numeric == REPLY_NAMES && m->params > 3)
        on_names(st, s, m);
    else if (m->numeric == REPLY_NAMES_END)
        st->names = 0;
    else if (m->numeric == REPLY_WHO && m->params > 7)
        on_who(st, s, m);
    else if (m->numeric == REPLY_WHOIS && m->params > 5)
        tell_contact(st, s, m->param[1], view_of(NULL, 0), m->param[5], PRESENCE_ONLINE);
    if (m->numeric == REPLY_WELCOME && m->params > 0) {
        keep_nick(st, m->param[0]); /* the server may have changed it */
        tell_login(st, s);
    } else if (m->numeric == REPLY_MYINFO && m->params > 2) {
        session_version(s, m->param[2]);
    } else if (m->numeric == REPLY_STARTTLS) {
        session_upgrade(s, PROTOCOL_TLS);
    }
}

/* One line. True: the stream changes over to TLS behind it. */
static bool follow_line(struct irc_state *st, struct session *s, enum flow_dir from, struct view line)
{
    struct irc_message m;

    if (!read_message(line, &m))
        return false;
    if (m.numeric != 0) {
        if (from == FROM_SERVER)
            on_numeric(st, s, &m);
        return from == FROM_SERVER && m.numeric == REPLY_STARTTLS;
    }
    for (size_t i = 0; i < sizeof irc_actions / sizeof irc_actions[0]; i++)
        if (view_equal_nocase(irc_actions[i].name, m.command))
            irc_actions[i].act(st, s, &m, from == FROM_CLIENT);
    return false;
}

static size_t irc_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct irc_state *st = state;
    struct view left = in, line;

    while (view_line(&left, &line)) {
        bool whole = !st->skip[from];
        st->skip[from] = false;
        if (whole && follow_line(st, s, from, line))
            return in.len - left.len;
    }
    if (left.len > LINE_BYTES + TAG_BYTES) {
        st->skip[from] = true;
        session_anomaly(s, ANOMALY_OVERLONG, VIEW("IRC line"));
        return in.len;
    }
    return in.len - left.len;
}

static bool irc_gap(void *state, struct session *s, enum flow_dir from, uint64_t lost)
{
    struct irc_state *st = state;

    (void)s;
    (void)lost;
    st->skip[from] = true;
    return true;
}

extern const struct parser parser_irc;

const struct parser parser_irc = {
    .protocol = PROTOCOL_IRC,
    .service = "irc",
    .on = PARSER_TCP,
    .starts = irc_starts,
    .probe = irc_probe,
    .state_size = sizeof(struct irc_state),
    .feed = irc_feed,
    .gap = irc_gap,
};
