/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NateOn (SK Communications), the messenger of its clients up to version 5.
 *
 * Framing: lines that end with CR LF: a word of four letters, a transaction number, and words; octets that
 * would end them are escaped with '%'. The client asks a first server which one to use, and signs in there:
 *
 *     PVER 1 4.0 4.0           versions of protocol and client; the server answers alike
 *     AUTH 2 DES
 *     REQS 3 DES account       which server: REQS 3 dp1:1 address port
 *     LSIN 4 account hash MD5 4.0 UTF8
 *     ONST 5 O 0               status           CTOC 7 account N length    a command for a friend, then its
 * octets RESS 8                   a chat server    ENTR, MESG, WHSP ...       there
 *     MESG 6 account MSG font%09colour%09style%09text        what is said; TYPING in the place of MSG
 *
 * Sources: the protocol as the open server for old clients and published client plug-ins show it (facts
 * only).
 *
 * Recognised by the PVER line, or by LSIN with a hash, at the start of the client's stream; the server's PVER
 * answer counts as well. Mid-stream two commands with their numbers are enough. Limits: lines of 2 KiB.
 */
#include "base/text.h"
#include "identify/parser.h"
#include "im/transcode.h"

/* A view of a literal as an initialiser of static data. */
#define WORD(literal)                                                                                        \
    {                                                                                                        \
        (const uint8_t *)(literal), sizeof(literal) - 1                                                      \
    }

enum {
    LINE_BYTES = 2048,
    WORD_BYTES = 4,
    MAX_WORDS = 8,
    NAME_BYTES = 64,
    TABS = 3,               /* before the text of a message: font, colour, style */
    MIDSTREAM_BYTES = 1024, /* looked at where the beginning was not seen */
    MIDSTREAM_LINES = 8,
    MIDSTREAM_COMMANDS = 2,
};

struct nateon_line {
    struct view word;
    struct view argument[MAX_WORDS]; /* the transaction number first */
    unsigned arguments;
};

static void read_line(struct view line, struct nateon_line *out)
{
    *out = (struct nateon_line){ .word = view_token(&line, ' ') };
    while (line.len > 0 && out->arguments < MAX_WORDS)
        out->argument[out->arguments++] = view_token(&line, ' ');
}

/* "4.0", "3.871", "4.1.2485" */
static bool is_version(struct view v)
{
    unsigned dots = 0;

    for (size_t i = 0; i < v.len; i++) {
        dots += v.at[i] == '.';
        if (v.at[i] != '.' && (v.at[i] < '0' || v.at[i] > '9'))
            return false;
    }
    return v.len >= 3 && v.len <= 16 && dots > 0 && v.at[0] != '.';
}

static bool is_hash(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if ((v.at[i] < '0' || v.at[i] > '9') && (ascii_lower(v.at[i]) < 'a' || ascii_lower(v.at[i]) > 'f'))
            return false;
    return v.len >= 32;
}

/* ---- recognition ---- */

static bool is_opening(const struct nateon_line *l)
{
    uint64_t number;

    if (l->arguments < 2 || !view_decimal(l->argument[0], UINT32_MAX, &number))
        return false;
    if (view_equal(l->word, VIEW("PVER")))
        return is_version(l->argument[1]) && (l->arguments == 2 || is_version(l->argument[2]));
    return view_equal(l->word, VIEW("LSIN")) && l->arguments >= 4 && is_hash(l->argument[2]);
}

static enum im_answer probe_side(struct view v, struct finding *out)
{
    struct nateon_line l;
    struct view line;

    if (!view_starts(VIEW("PVER "), view_slice(v, 0, 5)) && !view_starts(VIEW("LSIN "), view_slice(v, 0, 5)))
        return IM_NO;
    if (!view_line(&v, &line))
        return v.len < LINE_BYTES ? IM_MORE : IM_NO;
    read_line(line, &l);
    if (line.len >= LINE_BYTES || !is_opening(&l))
        return IM_NO;
    struct text value = TEXT(out->value);
    text_printable(&value, l.word);
    if (view_equal(l.word, VIEW("PVER"))) {
        text_string(&value, ", version ");
        text_printable(&value, l.argument[1]);
    }
    return IM_YES;
}

/* A command with its transaction number and more: 40 bits. */
static bool is_command(struct view line)
{
    static const struct view words[] = {
        WORD("PVER"), WORD("AUTH"), WORD("REQS"), WORD("LSIN"), WORD("CONF"), WORD("ONST"), WORD("NTFY"),
        WORD("CTOC"), WORD("RESS"), WORD("MESG"), WORD("WHSP"), WORD("INFY"), WORD("ADDB"), WORD("GLST"),
    };
    struct nateon_line l;
    uint64_t number;
    bool known = false;

    read_line(line, &l);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        known |= view_equal(l.word, words[i]);
    return known && l.arguments >= 2 && view_decimal(l.argument[0], UINT32_MAX, &number);
}

static bool is_text(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if ((v.at[i] < ' ' && v.at[i] != '\r' && v.at[i] != '\n' && v.at[i] != '\t') || v.at[i] == 0x7f)
            return false;
    return true;
}

/* Without the opening: two commands among the first lines of both sides together. */
static enum im_answer probe_midstream(const struct sample *s, struct finding *out)
{
    unsigned commands = 0;
    bool more = true;

    for (int d = 0; d < 2; d++) {
        struct view left = view_slice(s->bytes[d], 0, MIDSTREAM_BYTES), line;
        unsigned lines = 0;
        if (!is_text(view_slice(left, 0, WORD_BYTES)))
            return IM_NO;
        while (lines < MIDSTREAM_LINES && view_line(&left, &line)) {
            commands += is_command(line);
            lines++;
        }
        more &= lines < MIDSTREAM_LINES && s->bytes[d].len < MIDSTREAM_BYTES;
    }
    if (commands < MIDSTREAM_COMMANDS)
        return more ? IM_MORE : IM_NO;
    struct text value = TEXT(out->value);
    text_string(&value, "commands, mid-stream");
    return IM_YES;
}

static enum im_answer nateon_probe(const struct sample *s, struct finding *out)
{
    if (s->midstream)
        return probe_midstream(s, out);
    for (int d = 0; d < 2; d++) {
        enum im_answer answer = s->bytes[d].len > 0 ? probe_side(s->bytes[d], out) : IM_MORE;
        if (answer != IM_MORE)
            return answer;
    }
    return IM_MORE;
}

static bool nateon_starts(uint8_t first, enum flow_dir from)
{
    return first == 'P' || (first == 'L' && from == FROM_CLIENT);
}

/* ---- following ---- */

struct nateon_state {
    char account[NAME_BYTES];
    bool login_told, version_told, proxy_told;
    bool skip[2]; /* inside a line that is too long, by enum flow_dir */
};

struct nateon_context {
    struct nateon_state *st;
    struct session *s;
    const struct nateon_line *line;
    bool outgoing;
};

static struct im_detail detail_of(const struct nateon_context *c)
{
    return (struct im_detail){ .account = view_string(c->st->account), .outgoing = c->outgoing };
}

static void on_version(const struct nateon_context *c)
{
    if (c->st->version_told || !c->outgoing || c->line->arguments < 2)
        return;
    c->st->version_told = true;
    session_version(c->s, c->line->argument[1]);
    if (c->line->arguments > 2)
        session_client(c->s, c->line->argument[2]);
}

/* The client names its account in REQS and in LSIN. */
static void on_account(const struct nateon_context *c)
{
    bool request = view_equal(c->line->word, VIEW("REQS"));
    unsigned at = request ? 2 : 1;
    struct text account = TEXT(c->st->account);

    if (!c->outgoing || c->line->arguments <= at)
        return;
    text_printable(&account, c->line->argument[at]);
    struct im_detail detail = detail_of(c);
    if (!c->st->login_told)
        session_activity(c->s, ACTIVITY_LOGIN, &detail);
    c->st->login_told = true;
}

static void on_presence(const struct nateon_context *c)
{
    session_activity(c->s, ACTIVITY_PRESENCE, NULL);
}

static void on_message(const struct nateon_context *c)
{
    struct im_detail detail = detail_of(c);

    if (c->line->arguments < 2)
        return;
    detail.peer = c->line->argument[1];
    if (c->line->arguments > 2 && view_equal(c->line->argument[2], VIEW("TYPING"))) {
        session_activity(c->s, ACTIVITY_PRESENCE, &detail);
        return;
    }
    char octets[LINE_BYTES], buffer[2 * LINE_BYTES];
    struct text plain = TEXT(octets), text = TEXT(buffer);
    if (c->line->arguments > 3 && view_equal(c->line->argument[2], VIEW("MSG")))
        text_percent(&plain, c->line->argument[3]);
    struct view said = view_of(octets, plain.len);
    for (unsigned tabs = 0; tabs < TABS && view_find_byte(said, '\t', 0) < said.len; tabs++)
        (void)view_token(&said, '\t');
    text_8bit(&text, said);
    detail.text = view_of(buffer, text.len);
    if (!c->st->proxy_told)
        session_delivery(c->s, DELIVERY_SERVER_PROXY);
    c->st->proxy_told = true;
    session_activity(c->s, ACTIVITY_CHAT, &detail);
}

static const struct {
    struct view word;
    void (*act)(const struct nateon_context *c);
} nateon_words[] = {
    { WORD("PVER"), on_version },  { WORD("REQS"), on_account },  { WORD("LSIN"), on_account },
    { WORD("ONST"), on_presence }, { WORD("LIST"), on_presence }, { WORD("GLST"), on_presence },
    { WORD("INFY"), on_presence }, { WORD("NTFY"), on_presence }, { WORD("ADDB"), on_presence },
    { WORD("MESG"), on_message },  { WORD("WHSP"), on_message },  { WORD("CMSG"), on_message },
    { WORD("IMSG"), on_message },
};

static void follow_line(struct nateon_state *st, struct session *s, bool outgoing, struct view line)
{
    struct nateon_line l;
    struct nateon_context context = { st, s, &l, outgoing };
    uint64_t number;

    read_line(line, &l);
    if (l.word.len != WORD_BYTES || l.arguments == 0 || !view_decimal(l.argument[0], UINT32_MAX, &number))
        return; /* what a command carries, not a command */
    for (size_t i = 0; i < sizeof nateon_words / sizeof nateon_words[0]; i++)
        if (view_equal(nateon_words[i].word, l.word))
            nateon_words[i].act(&context);
}

static size_t nateon_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct nateon_state *st = state;
    struct view left = in, line;

    while (view_line(&left, &line)) {
        bool whole = !st->skip[from] && line.len < LINE_BYTES;
        st->skip[from] = false;
        if (whole)
            follow_line(st, s, from == FROM_CLIENT, line);
    }
    if (left.len > LINE_BYTES) {
        st->skip[from] = true;
        return in.len;
    }
    return in.len - left.len;
}

static bool nateon_gap(void *state, struct session *s, enum flow_dir from, uint64_t lost)
{
    struct nateon_state *st = state;

    (void)s;
    (void)lost;
    st->skip[from] = true;
    return true;
}

extern const struct parser parser_nateon;

const struct parser parser_nateon = {
    .protocol = PROTOCOL_NATEON,
    .service = "nateon",
    .on = PARSER_TCP,
    .starts = nateon_starts,
    .probe = nateon_probe,
    .state_size = sizeof(struct nateon_state),
    .feed = nateon_feed,
    .gap = nateon_gap,
};
