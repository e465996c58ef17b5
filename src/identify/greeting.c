/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Well-known protocols that are not IM, by the server's greeting or the client's first message. A flow that
 * is one of them is settled at once: no other parser looks at the mails, files and tables in it that speak of
 * IM.
 *
 * Three kinds:
 *   greeted   the server speaks first, in a line (SMTP, FTP, POP3, IMAP, NNTP). The line names the protocol,
 *             or the client's first command does: "220 ready" may be SMTP or FTP until EHLO or USER comes
 *   fixed     constant octets from one side (SSH, VNC, AMQP, BitTorrent, PostgreSQL)
 *   shaped    lengths and constants that must agree (RDP, SMB, LDAP, MySQL, Redis, RTSP, Telnet)
 *
 * All look at the beginning of the connection, which must have been seen, and need 32 bits or more of it.
 *
 * Sources   RFC 4253 section 4.2 (SSH), 5321 section 4.2 (SMTP), 959 (FTP), 1939 (POP3), 9051 section 7.1
 *           (IMAP), 3977 section 5.1 (NNTP), 855 (Telnet), 2326 (RTSP), 4511 sections 4.2 and 4.14 (LDAP),
 *           6143 section 7.1.1 (RFB), 1002 section 4.3 (NetBIOS sessions); MS-RDPBCGR section 2.2.1.1;
 *           MS-CIFS section 2.2.3.1, MS-SMB2 section 2.2.1; PostgreSQL manual, "Message Formats"; MySQL
 *           source documentation, "HandshakeV10"; Redis, "RESP protocol specification"; BEP 3 (BitTorrent);
 *           AMQP 0-9-1 section 2.2.4, AMQP 1.0 section 2.2
 */
#include "base/cursor.h"
#include "identify/parser.h"

enum { LINE_BYTES = 512, TAG_BYTES = 32, WORDS = 12 };

static void found(struct finding *out, const char *what)
{
    struct text value = TEXT(out->value);

    text_string(&value, what);
}

/* The side that should speak first has not, or nobody saw who did. */
static bool spoke_second(const struct sample *s, enum flow_dir first)
{
    return s->midstream || (s->bytes[first].len == 0 && s->bytes[dir_other(first)].len > 0);
}

/* ---- greeted ---- */

struct greeted {
    const char *beginnings[4];   /* of the server's first line */
    const char *word;            /* in that line, it settles the matter */
    const char *other;           /* this word, without `word`: another protocol */
    const char *commands[WORDS]; /* else the client's first line must begin with one of these words */
    bool tagged;                 /* which follows a tag */
};

static enum im_answer beginning_fits(const struct greeted *g, struct view in)
{
    enum im_answer best = IM_NO;

    for (unsigned i = 0; i < 4 && g->beginnings[i] != NULL; i++) {
        struct view with = view_string(g->beginnings[i]);
        if (view_starts(in, with))
            return IM_YES;
        if (view_starts(with, in))
            best = IM_MORE;
    }
    return best;
}

/* Does `in` begin with one of the commands, as a whole word? */
static enum im_answer command_fits(const struct greeted *g, struct view in)
{
    enum im_answer best = IM_NO;

    if (g->tagged) {
        struct view tag = view_token(&in, ' ');
        if (in.len == 0)
            return tag.len < TAG_BYTES ? IM_MORE : IM_NO;
    }
    for (unsigned i = 0; i < WORDS && g->commands[i] != NULL; i++) {
        struct view word = view_string(g->commands[i]);
        if (in.len <= word.len) {
            if (view_starts_nocase(word, in))
                best = IM_MORE;
        } else if (view_starts_nocase(in, word) && (in.at[word.len] == ' ' || in.at[word.len] == '\r')) {
            return IM_YES;
        }
    }
    return best;
}

static enum im_answer greeted_probe(const struct sample *s, const struct greeted *g)
{
    struct view server = s->bytes[FROM_SERVER], client = s->bytes[FROM_CLIENT], line;

    if (spoke_second(s, FROM_SERVER))
        return IM_NO;
    enum im_answer answer = beginning_fits(g, server);
    if (answer != IM_YES)
        return answer;
    server = view_slice(server, 0, LINE_BYTES);
    if (!view_line(&server, &line))
        return server.len < LINE_BYTES ? IM_MORE : IM_NO;
    if (view_find_nocase(line, view_string(g->word)) < line.len)
        return IM_YES;
    if (view_find_nocase(line, view_string(g->other)) < line.len)
        return IM_NO;
    client = view_slice(client, 0, LINE_BYTES);
    return command_fits(g, client);
}

/* A table's empty word is found nowhere. */
#define NOWHERE "\n"

static enum im_answer smtp_probe(const struct sample *s, struct finding *out)
{
    static const struct greeted smtp = {
        .beginnings = { "220 ", "220-", "554 " },
        .word = "SMTP",
        .other = "FTP",
        .commands = { "EHLO", "HELO", "STARTTLS" },
    };

    found(out, "SMTP greeting");
    return greeted_probe(s, &smtp);
}

static enum im_answer ftp_probe(const struct sample *s, struct finding *out)
{
    static const struct greeted ftp = {
        .beginnings = { "220 ", "220-" },
        .word = "FTP",
        .other = "SMTP",
        .commands = { "USER", "AUTH", "FEAT", "OPTS", "SYST", "CLNT", "HOST", "QUIT" },
    };

    found(out, "FTP greeting");
    return greeted_probe(s, &ftp);
}

static enum im_answer pop3_probe(const struct sample *s, struct finding *out)
{
    static const struct greeted pop3 = {
        .beginnings = { "+OK ", "+OK\r" },
        .word = "POP",
        .other = NOWHERE,
        .commands = { "USER", "CAPA", "AUTH", "STLS", "APOP", "QUIT" },
    };

    found(out, "POP3 greeting");
    return greeted_probe(s, &pop3);
}

static enum im_answer imap_probe(const struct sample *s, struct finding *out)
{
    static const struct greeted imap = {
        .beginnings = { "* OK ", "* PREAUTH ", "* BYE " },
        .word = "IMAP",
        .other = NOWHERE,
        .tagged = true,
        .commands = { "CAPABILITY", "STARTTLS", "LOGIN", "AUTHENTICATE", "ID", "NOOP", "LOGOUT" },
    };

    found(out, "IMAP greeting");
    return greeted_probe(s, &imap);
}

static enum im_answer nntp_probe(const struct sample *s, struct finding *out)
{
    static const struct greeted nntp = {
        .beginnings = { "200 ", "201 " },
        .word = "NNTP",
        .other = NOWHERE,
        .commands = { "MODE READER", "CAPABILITIES", "GROUP", "AUTHINFO", "LIST", "STARTTLS", "IHAVE" },
    };

    found(out, "NNTP greeting");
    return greeted_probe(s, &nntp);
}

static bool text_starts(uint8_t first, enum flow_dir from)
{
    return from == FROM_SERVER && (first == '2' || first == '5' || first == '+' || first == '*');
}

/* ---- fixed ---- */

enum { ANY_SIDE = 2 };

/* Constant octets at the beginning of one side. */
static enum im_answer fixed(const struct sample *s, unsigned side, struct view octets)
{
    enum im_answer best = IM_NO;

    for (unsigned d = 0; d < 2; d++) {
        struct view in = view_slice(s->bytes[d], 0, octets.len);
        if ((side != ANY_SIDE && side != d) || (in.len == 0 && s->bytes[!d].len > 0))
            continue;
        if (view_equal(in, octets))
            return IM_YES;
        if (view_starts(octets, in))
            best = IM_MORE;
    }
    return s->midstream && best != IM_YES ? IM_NO : best;
}

/* The best answer to several beginnings. */
static enum im_answer fixed_any(const struct sample *s, unsigned side, const struct view *octets,
                                size_t count)
{
    enum im_answer best = IM_NO;

    for (size_t i = 0; i < count && best != IM_YES; i++) {
        enum im_answer answer = fixed(s, side, octets[i]);
        best = answer != IM_NO ? answer : best;
    }
    return best;
}

#define OCTETS(literal)                                                                                      \
    {                                                                                                        \
        (const uint8_t *)(literal), sizeof(literal) - 1                                                      \
    }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool ssh_starts(uint8_t first, enum flow_dir from)
{
    return (void)from, first == 'S';
}

static enum im_answer ssh_probe(const struct sample *s, struct finding *out)
{
    static const struct view versions[] = { OCTETS("SSH-2.0-"), OCTETS("SSH-1.99-"), OCTETS("SSH-1.5-") };

    found(out, "SSH version exchange");
    return fixed_any(s, ANY_SIDE, versions, COUNT(versions));
}

static bool vnc_starts(uint8_t first, enum flow_dir from)
{
    return from == FROM_SERVER && first == 'R';
}

static enum im_answer vnc_probe(const struct sample *s, struct finding *out)
{
    static const struct view versions[] = { OCTETS("RFB 003."), OCTETS("RFB 004.") };

    found(out, "RFB protocol version");
    return fixed_any(s, FROM_SERVER, versions, COUNT(versions));
}

static bool amqp_starts(uint8_t first, enum flow_dir from)
{
    return from == FROM_CLIENT && first == 'A';
}

static enum im_answer amqp_probe(const struct sample *s, struct finding *out)
{
    static const struct view headers[] = {
        OCTETS("AMQP\0\0\x09\x01"),     OCTETS("AMQP\x01\x01\0\x0a"), OCTETS("AMQP\x01\x01\x08\0"),
        OCTETS("AMQP\x01\x01\x00\x09"), OCTETS("AMQP\0\1\0\0"),       OCTETS("AMQP\2\1\0\0"),
        OCTETS("AMQP\3\1\0\0"),
    };

    found(out, "AMQP protocol header");
    return fixed_any(s, FROM_CLIENT, headers, COUNT(headers));
}

static bool bittorrent_starts(uint8_t first, enum flow_dir from)
{
    return (void)from, first == 19;
}

static enum im_answer bittorrent_probe(const struct sample *s, struct finding *out)
{
    found(out, "BitTorrent handshake");
    return fixed(s, ANY_SIDE,
                 VIEW("\x13"
                      "BitTorrent protocol"));
}

static bool postgres_starts(uint8_t first, enum flow_dir from)
{
    return from == FROM_CLIENT && first == 0;
}

static enum im_answer postgres_probe(const struct sample *s, struct finding *out)
{
    static const struct view requests[] = {
        /* SSLRequest, GSSENCRequest, CancelRequest */
        OCTETS("\0\0\0\x08\x04\xd2\x16\x2f"),
        OCTETS("\0\0\0\x08\x04\xd2\x16\x30"),
        OCTETS("\0\0\0\x10\x04\xd2\x16\x2e"),
    };
    struct cursor c = cursor_open(s->bytes[FROM_CLIENT]);

    found(out, "PostgreSQL start-up");
    enum im_answer answer = fixed_any(s, FROM_CLIENT, requests, COUNT(requests));
    if (answer != IM_NO || s->midstream || cursor_left(&c) == 0)
        return answer;
    /* StartupMessage: length32, version 3.0, "user" and other names and values. */
    uint32_t len = cursor_u32(&c);
    if (c.bad)
        return s->bytes[FROM_CLIENT].at[0] == 0 ? IM_MORE : IM_NO;
    if (len < 16 || len > 10000)
        return IM_NO;
    struct view rest = view_slice(cursor_peek(&c), 0, 9);
    struct view start = VIEW("\0\3\0\0user\0");
    if (!view_starts(start, rest))
        return IM_NO;
    return rest.len == start.len ? IM_YES : IM_MORE;
}

/* ---- shaped ---- */

static bool rdp_starts(uint8_t first, enum flow_dir from)
{
    return from == FROM_CLIENT && first == 3;
}

/* TPKT 03 00 len16, X.224 connection request (length, e0, 0000, reference16, class 00), then a routing cookie
 * or a negotiation request (01 flags 0800). */
static enum im_answer rdp_probe(const struct sample *s, struct finding *out)
{
    struct cursor c = cursor_open(view_slice(s->bytes[FROM_CLIENT], 0, 19));

    found(out, "RDP connection request");
    if (spoke_second(s, FROM_CLIENT))
        return IM_NO;
    uint16_t tpkt = cursor_u16(&c);
    if (!c.bad && tpkt != 0x0300)
        return IM_NO;
    uint16_t len = cursor_u16(&c);
    uint8_t x224 = cursor_u8(&c), type = cursor_u8(&c);
    if (!c.bad && (len < 19 || x224 != len - 5 || type != 0xe0))
        return IM_NO;
    uint16_t destination = cursor_u16(&c);
    cursor_skip(&c, 2);
    uint8_t class = cursor_u8(&c);
    struct view data = cursor_take(&c, 8);
    if (c.bad)
        return IM_MORE;
    if (destination != 0 || class != 0)
        return IM_NO;
    bool negotiation = data.at[0] == 1 && data.at[2] == 8 && data.at[3] == 0;
    return negotiation || view_equal(data, VIEW("Cookie: ")) ? IM_YES : IM_NO;
}

static bool smb_starts(uint8_t first, enum flow_dir from)
{
    return from == FROM_CLIENT && (first == 0 || first == 0x81);
}

/* A session message 00 len24 with an SMB head in it, or a session request 81 00 0044 with two coded names. */
static enum im_answer smb_probe(const struct sample *s, struct finding *out)
{
    static const struct view heads[] = { OCTETS("\xffSMB"), OCTETS("\xfeSMB"), OCTETS("\xfdSMB") };
    struct cursor c = cursor_open(s->bytes[FROM_CLIENT]);
    struct view request = VIEW("\x81\0\0\x44\x20");

    found(out, "SMB message");
    if (spoke_second(s, FROM_CLIENT))
        return IM_NO;
    if (view_starts(s->bytes[FROM_CLIENT], request)) {
        cursor_skip(&c, request.len);
        for (unsigned i = 0; i < 32 && cursor_left(&c) > 0; i++) {
            uint8_t half = cursor_u8(&c); /* RFC 1001 section 14.1: half-octets as letters from A on */
            if (half < 'A' || half > 'P')
                return IM_NO;
        }
        return s->bytes[FROM_CLIENT].len >= request.len + 32 ? IM_YES : IM_MORE;
    }
    if (view_starts(request, s->bytes[FROM_CLIENT]))
        return IM_MORE;
    if (cursor_u8(&c) != 0)
        return IM_NO;
    uint32_t len = cursor_u24(&c);
    if (c.bad)
        return IM_MORE;
    struct view head = view_slice(cursor_peek(&c), 0, 4);
    for (unsigned i = 0; i < COUNT(heads); i++)
        if (len >= 32 && view_starts(heads[i], head))
            return head.len == 4 ? IM_YES : IM_MORE;
    return IM_NO;
}

static bool ldap_starts(uint8_t first, enum flow_dir from)
{
    return from == FROM_CLIENT && first == 0x30;
}

/* A BER length of the forms in use: short, 81 to 84. */
static uint32_t ber_length(struct cursor *c)
{
    uint8_t first = cursor_u8(c);
    uint32_t n = first;

    if (first >= 0x80) {
        n = 0;
        for (unsigned i = 0; i < (first & 0x7fu) && i < 5; i++)
            n = n << 8 | cursor_u8(c);
        c->bad |= first == 0x80 || first > 0x84;
    }
    return n;
}

/* SEQUENCE { messageID INTEGER, then [APPLICATION 0] { version 3, name, authentication }, or [APPLICATION 23]
 * { StartTLS } }. */
static enum im_answer ldap_probe(const struct sample *s, struct finding *out)
{
    struct view in = view_slice(s->bytes[FROM_CLIENT], 0, 64);
    struct cursor c = cursor_open(in);

    found(out, "LDAP bind or StartTLS");
    if (spoke_second(s, FROM_CLIENT) || (in.len > 0 && cursor_u8(&c) != 0x30))
        return IM_NO;
    uint32_t whole = ber_length(&c);
    size_t before = cursor_left(&c);
    if (cursor_u8(&c) != 2 && !c.bad) /* INTEGER */
        return IM_NO;
    struct cursor id = cursor_block8(&c);
    size_t id_len = cursor_left(&id);
    uint8_t operation = cursor_u8(&c);
    uint32_t len = ber_length(&c);
    size_t used = before - cursor_left(&c);
    if (c.bad)
        return in.len < 24 ? IM_MORE : IM_NO;
    if (id_len == 0 || id_len > 4 || len + used != whole)
        return IM_NO;
    struct view bind = VIEW("\2\1\3\4"), tls = VIEW("\x80\x16"
                                                    "1.3.6.1.4.1.1466.20037");
    struct view want = operation == 0x60 ? bind : tls;
    struct view got = view_slice(cursor_peek(&c), 0, want.len);
    if ((operation != 0x60 && operation != 0x77) || !view_starts(want, got))
        return IM_NO;
    return got.len == want.len ? IM_YES : IM_MORE;
}

enum { MYSQL_LEN_MIN = 40 };

static bool mysql_starts(uint8_t first, enum flow_dir from)
{
    return from == FROM_SERVER && first >= MYSQL_LEN_MIN;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* The server's handshake: len24le, 00, protocol 0a, version text and NUL, thread32, 8 octets of salt, 00. */
static enum im_answer mysql_probe(const struct sample *s, struct finding *out)
{
    struct view in = view_slice(s->bytes[FROM_SERVER], 0, 128);
    struct cursor c = cursor_open(in);

    found(out, "MySQL handshake");
    if (spoke_second(s, FROM_SERVER))
        return IM_NO;
    uint8_t len = cursor_u8(&c);
    uint32_t rest = cursor_u24(&c);
    uint8_t protocol = cursor_u8(&c), digit = cursor_u8(&c), next = cursor_u8(&c);
    if (c.bad)
        return in.len < 4 || (rest == 0 && (in.len < 5 || protocol == 10)) ? IM_MORE : IM_NO;
    if (rest != 0 || protocol != 10 || len < MYSQL_LEN_MIN)
        return IM_NO;
    if (!is_digit(digit) || (next != '.' && !is_digit(next))) /* "8.0.36", "11.4.2-MariaDB" */
        return IM_NO;
    size_t end = view_find_byte(cursor_peek(&c), 0, 0);
    if (end > 64)
        return IM_NO;
    cursor_skip(&c, end + 1 + 4 + 8);
    uint8_t filler = cursor_u8(&c);
    if (c.bad)
        return IM_MORE;
    return filler == 0 ? IM_YES : IM_NO;
}

static bool redis_starts(uint8_t first, enum flow_dir from)
{
    return from == FROM_CLIENT && first == '*';
}

/* A command is an array of strings: "*2\r\n$4\r\nAUTH\r\n…". */
static enum im_answer redis_probe(const struct sample *s, struct finding *out)
{
    struct view rest = view_slice(s->bytes[FROM_CLIENT], 0, 64), first, second, word;
    uint64_t count, len;

    found(out, "Redis command");
    if (spoke_second(s, FROM_CLIENT) || (rest.len > 0 && rest.at[0] != '*'))
        return IM_NO;
    if (!view_line(&rest, &first))
        return rest.len < 10 ? IM_MORE : IM_NO;
    if (first.len == 0 || !view_decimal(view_from(first, 1), 1 << 20, &count) || count == 0)
        return IM_NO;
    if (!view_line(&rest, &second))
        return rest.len < 6 && (rest.len == 0 || rest.at[0] == '$') ? IM_MORE : IM_NO;
    if (second.len < 2 || second.at[0] != '$' || !view_decimal(view_from(second, 1), 20, &len) || len < 3)
        return IM_NO;
    if (!view_line(&rest, &word))
        return rest.len < len + 2 ? IM_MORE : IM_NO;
    for (size_t i = 0; i < word.len; i++)
        if (ascii_lower(word.at[i]) < 'a' || ascii_lower(word.at[i]) > 'z')
            return IM_NO;
    return word.len == len ? IM_YES : IM_NO;
}

static bool rtsp_starts(uint8_t first, enum flow_dir from)
{
    return from == FROM_CLIENT && view_find_byte(VIEW("ODSAP"), first, 0) < 5;
}

/* A request line, "DESCRIBE rtsp://host/path RTSP/1.0". */
static enum im_answer rtsp_probe(const struct sample *s, struct finding *out)
{
    static const char *const methods[] = { "OPTIONS rtsp://", "DESCRIBE rtsp://", "SETUP rtsp://",
                                           "ANNOUNCE rtsp://", "PLAY rtsp://" };
    struct view in = s->bytes[FROM_CLIENT];
    enum im_answer best = IM_NO;

    found(out, "RTSP request");
    if (spoke_second(s, FROM_CLIENT))
        return IM_NO;
    for (unsigned i = 0; i < COUNT(methods); i++) {
        if (view_starts(in, view_string(methods[i])))
            return IM_YES;
        if (view_starts(view_string(methods[i]), in))
            best = IM_MORE;
    }
    return best;
}

static bool telnet_starts(uint8_t first, enum flow_dir from)
{
    return (void)from, first == 0xff;
}

/* Three option negotiations in a row: IAC, WILL to DONT, an option of the first 50. Both sides may begin. */
static enum im_answer telnet_probe(const struct sample *s, struct finding *out)
{
    struct view in = s->bytes[s->bytes[FROM_SERVER].len > 0 ? FROM_SERVER : FROM_CLIENT];
    struct cursor c = cursor_open(view_slice(in, 0, 9));

    found(out, "Telnet option negotiation");
    if (s->midstream)
        return IM_NO;
    for (unsigned i = 0; cursor_left(&c) > 0; i++) {
        uint8_t octet = cursor_u8(&c);
        bool fits = i % 3 == 0 ? octet == 0xff : i % 3 == 1 ? octet >= 0xfb && octet <= 0xfe : octet < 50;
        if (!fits)
            return IM_NO;
    }
    return in.len >= 9 ? IM_YES : IM_MORE;
}

/* ---- the parsers: nothing is followed ---- */

#define GREETING(id, name, first)                                                                            \
    extern const struct parser parser_##name;                                                                \
    const struct parser parser_##name = {                                                                    \
        .protocol = PROTOCOL_##id,                                                                           \
        .on = PARSER_TCP,                                                                                    \
        .starts = first,                                                                                     \
        .probe = name##_probe,                                                                               \
    };

GREETING(SSH, ssh, ssh_starts)
GREETING(SMTP, smtp, text_starts)
GREETING(FTP, ftp, text_starts)
GREETING(POP3, pop3, text_starts)
GREETING(IMAP, imap, text_starts)
GREETING(NNTP, nntp, text_starts)
GREETING(VNC, vnc, vnc_starts)
GREETING(AMQP, amqp, amqp_starts)
GREETING(BITTORRENT, bittorrent, bittorrent_starts)
GREETING(POSTGRES, postgres, postgres_starts)
GREETING(RDP, rdp, rdp_starts)
GREETING(SMB, smb, smb_starts)
GREETING(LDAP, ldap, ldap_starts)
GREETING(MYSQL, mysql, mysql_starts)
GREETING(REDIS, redis, redis_starts)
GREETING(RTSP, rtsp, rtsp_starts)
GREETING(TELNET, telnet, telnet_starts)
