/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OICQ, the protocol of QQ's desktop clients, over UDP and TCP.
 *
 * Framing, big endian, one packet a datagram; over TCP each packet has its length (itself included) before
 * it:
 *
 *     02  version[2]  command[2]  sequence[2]  number[4]  ...  ciphertext  03
 *
 * `version` is the client program's; the server answers with a version of its own and, in old versions,
 * without the number. The body is encrypted with TEA in blocks of 8 octets, so content cannot be read;
 * command and number can. Log out (0001), which is all that some captures hold, has eight zero octets where
 * others have a key or a ticket.
 *
 * Sources: Wireshark's and libpurple's command names (facts only), nDPI's versions; the newer commands from
 * open descriptions of the 2009 to 2013 protocol.
 *
 * Recognised by 02 and 03 at the ends, a command of the table, a QQ number, and one more mark: the zero
 * octets of log out, the fixed octets of newer clients, or a second packet that repeats version and number,
 * or a command that its answer repeats with its sequence. Over TCP the length must fit as well.
 */
#include "base/cursor.h"
#include "identify/parser.h"

enum {
    MARK_BEGIN = 0x02,
    MARK_END = 0x03,
    HEAD_BYTES = 11,
    LEAST_BYTES = 12,
    FIRST_NUMBER = 10001, /* QQ numbers begin here */
    LARGEST_BYTES = 4096, /* of a TCP packet */
    COMMAND_LOGOUT = 0x0001,
    SERVER_VERSION = 0x0100,
};

struct oicq_packet {
    uint16_t version, command, sequence;
    uint32_t number;
    struct view body; /* behind the number, without the final 03 */
};

static const struct oicq_command {
    uint16_t number;
    int8_t activity; /* enum activity, or -1 */
} oicq_commands[] = {
    { 0x0001, ACTIVITY_LOGIN },    /* log out */
    { 0x0002, ACTIVITY_PRESENCE }, /* keep alive; groups in newer versions */
    { 0x0004, -1 },                /* change own details */
    { 0x0005, -1 },                /* search */
    { 0x0006, -1 },                /* details of a user */
    { 0x0009, ACTIVITY_PRESENCE }, /* add a friend */
    { 0x000a, ACTIVITY_PRESENCE }, /* remove a friend */
    { 0x000b, ACTIVITY_PRESENCE }, /* authorise */
    { 0x000d, ACTIVITY_PRESENCE }, /* status */
    { 0x0012, -1 },                /* system message seen */
    { 0x0016, ACTIVITY_CHAT },     /* send */
    { 0x0017, ACTIVITY_CHAT },     /* receive */
    { 0x001a, -1 },
    { 0x001c, ACTIVITY_PRESENCE }, /* remove oneself from a list */
    { 0x001d, -1 },                /* key for files */
    { 0x0021, -1 },
    { 0x0022, ACTIVITY_LOGIN },    /* log in */
    { 0x0026, ACTIVITY_PRESENCE }, /* friends */
    { 0x0027, ACTIVITY_PRESENCE }, /* friends on line */
    { 0x0029, -1 },
    { 0x0030, -1 },             /* group */
    { 0x0031, ACTIVITY_LOGIN }, /* ask for a server */
    { 0x003c, -1 },
    { 0x003d, -1 },
    { 0x003e, -1 },
    { 0x0058, ACTIVITY_PRESENCE }, /* groups of friends; keep alive in newer versions */
    { 0x005c, -1 },
    { 0x0062, ACTIVITY_LOGIN }, /* login token */
    { 0x0065, -1 },
    { 0x0067, -1 },
    { 0x0080, ACTIVITY_PRESENCE }, /* system message */
    { 0x0081, ACTIVITY_PRESENCE }, /* status of a friend */
    { 0x0091, ACTIVITY_LOGIN },    /* find a login server */
    { 0x00a8, -1 },
    { 0x00b5, ACTIVITY_PRESENCE },
    { 0x00ba, ACTIVITY_LOGIN }, /* picture code */
    { 0x00cd, ACTIVITY_CHAT },  /* send, newer */
    { 0x00ce, ACTIVITY_CHAT },  /* receive, newer */
    { 0x00dd, ACTIVITY_LOGIN }, /* password */
    { 0x00e3, ACTIVITY_LOGIN },
    { 0x00e5, ACTIVITY_LOGIN },
    { 0x00ec, ACTIVITY_PRESENCE }, /* status, newer */
    { 0x0825, ACTIVITY_LOGIN },
    { 0x0826, ACTIVITY_LOGIN },
    { 0x0827, ACTIVITY_LOGIN },
    { 0x0828, ACTIVITY_LOGIN },
    { 0x0829, ACTIVITY_LOGIN },
    { 0x0836, ACTIVITY_LOGIN },
};

static const struct oicq_command *find_command(uint16_t number)
{
    for (size_t i = 0; i < sizeof oicq_commands / sizeof oicq_commands[0]; i++)
        if (oicq_commands[i].number == number)
            return &oicq_commands[i];
    return NULL;
}

/* Client versions run from QQ 99 to the last of this protocol; the server says 0100. */
static bool is_version(uint16_t version)
{
    return version == SERVER_VERSION || (version >> 8 >= 0x04 && version >> 8 <= 0x3f);
}

static bool read_packet(struct view v, struct oicq_packet *out)
{
    struct cursor c = cursor_open(v);

    if (cursor_u8(&c) != MARK_BEGIN || v.len < LEAST_BYTES || v.at[v.len - 1] != MARK_END)
        return false;
    out->version = cursor_u16(&c);
    out->command = cursor_u16(&c);
    out->sequence = cursor_u16(&c);
    out->number = cursor_u32(&c);
    out->body = cursor_take(&c, v.len - HEAD_BYTES - 1);
    return !c.bad && is_version(out->version) && find_command(out->command) != NULL;
}

/* Eight zero octets and whole blocks behind them. */
static bool is_logout(const struct oicq_packet *p)
{
    static const uint8_t zero[8];

    return p->command == COMMAND_LOGOUT && p->number >= FIRST_NUMBER && p->body.len >= sizeof zero + 16 &&
           p->body.len % 8 == 0 && view_starts(p->body, view_of(zero, sizeof zero));
}

/* What the programs from 2009 on put behind the number: 02 or 03, three zero octets, version marks 01 01. */
static bool is_newer(const struct oicq_packet *p)
{
    static const uint8_t login[] = { 0x03, 0x00, 0x00, 0x00, 0x01, 0x01, 0x01, 0x00, 0x00 };
    static const uint8_t other[] = { 0x02, 0x00, 0x00, 0x00, 0x01, 0x01, 0x01, 0x00, 0x00 };

    return p->number >= FIRST_NUMBER && (view_starts(p->body, view_of(login, sizeof login)) ||
                                         view_starts(p->body, view_of(other, sizeof other)));
}

/* The start of a packet as kept of an earlier datagram; its end cannot be looked at. */
static bool read_head(const struct datagram_head *h, struct oicq_packet *out)
{
    struct cursor c = cursor_open(view_of(h->data, h->kept));

    *out = (struct oicq_packet){ 0 };
    if (h->len < LEAST_BYTES || cursor_u8(&c) != MARK_BEGIN)
        return false;
    out->version = cursor_u16(&c);
    out->command = cursor_u16(&c);
    out->sequence = cursor_u16(&c);
    out->number = cursor_u32(&c);
    return !c.bad && is_version(out->version) && find_command(out->command) != NULL;
}

/* Does an earlier packet go with this one: the same program and number again, or the request that this
 * answers? */
static bool goes_with(const struct oicq_packet *p, enum flow_dir from, const struct oicq_packet *earlier,
                      enum flow_dir earlier_from)
{
    if (from == earlier_from)
        return p->version == earlier->version && p->number == earlier->number && p->number >= FIRST_NUMBER &&
               p->sequence != earlier->sequence;
    return p->command == earlier->command && p->sequence == earlier->sequence;
}

static enum im_answer tell(const struct oicq_packet *p, struct finding *out)
{
    struct text value = TEXT(out->value);

    text_format(&value, "QQ command %04x, client version %04x", p->command, p->version);
    return IM_YES;
}

static enum im_answer probe_datagram(const struct sample *s, struct finding *out)
{
    struct oicq_packet p, earlier;
    unsigned known = s->head_count;

    if (!read_packet(s->datagram, &p))
        return IM_NO;
    if (is_logout(&p) || is_newer(&p))
        return tell(&p, out);
    /* the newest datagram is the last of the heads, unless they were full before it */
    if (known > 0 && known < SAMPLE_HEADS)
        known--;
    for (unsigned i = 0; i < known; i++)
        if (read_head(&s->heads[i], &earlier) &&
            goes_with(&p, s->from, &earlier, (enum flow_dir)s->heads[i].from))
            return tell(&p, out);
    return s->head_count < SAMPLE_HEADS ? IM_MORE : IM_NO;
}

/* The next packet of a TCP stream. *out_more: it may still come. */
static bool next_packet(struct view *bytes, struct oicq_packet *out, bool *out_more)
{
    struct cursor c = cursor_open(*bytes);
    uint16_t length = cursor_u16(&c);
    uint8_t mark = cursor_u8(&c);

    *out_more = false;
    if (c.bad) {
        *out_more = bytes->len < 2 || length <= LARGEST_BYTES;
        return false;
    }
    if (mark != MARK_BEGIN || length < LEAST_BYTES + 2 || length > LARGEST_BYTES)
        return false;
    if (bytes->len < length) {
        *out_more = true;
        return false;
    }
    if (!read_packet(view_slice(*bytes, 2, length), out))
        return false;
    *bytes = view_from(*bytes, length);
    return true;
}

static enum im_answer probe_stream(const struct sample *s, struct finding *out)
{
    struct view rest[2] = { s->bytes[0], s->bytes[1] };
    struct oicq_packet first[2], p;
    bool have[2] = { false, false }, more;

    for (int d = 0; d < 2; d++) {
        while (rest[d].len > 0) {
            if (!next_packet(&rest[d], &p, &more)) {
                if (!more)
                    return IM_NO;
                break;
            }
            if (is_logout(&p) || is_newer(&p))
                return tell(&p, out);
            for (int e = 0; e <= d; e++)
                if (have[e] && goes_with(&p, (enum flow_dir)d, &first[e], (enum flow_dir)e))
                    return tell(&p, out);
            if (have[d] && p.version != SERVER_VERSION)
                return IM_NO; /* two packets of one client that do not go together */
            if (have[d])
                continue; /* old servers do not repeat the number */
            first[d] = p;
            have[d] = true;
        }
    }
    return have[0] && have[1] && !s->midstream ? IM_NO
                                               : IM_MORE; /* mid-stream the first two may be strangers */
}

static enum im_answer oicq_probe(const struct sample *s, struct finding *out)
{
    return s->l4 == L4_UDP ? probe_datagram(s, out) : probe_stream(s, out);
}

/* 02 begins a datagram; over TCP the length does, and its high octet is small. */
static bool oicq_starts(uint8_t first, enum flow_dir from)
{
    (void)from;
    return first <= LARGEST_BYTES >> 8;
}

/* ---- following ---- */

struct oicq_state {
    uint32_t number; /* account of the client */
    uint8_t told;    /* ACTIVITY_ bits */
};

/* One event an activity and flow is enough: the content is encrypted. */
static void follow(struct oicq_state *st, struct session *s, enum flow_dir from, const struct oicq_packet *p)
{
    const struct oicq_command *command = find_command(p->command);
    char digits[16];
    struct text t = TEXT(digits);

    if (from == FROM_CLIENT && st->number == 0 && p->number >= FIRST_NUMBER) {
        char version[8];
        struct text v = TEXT(version);
        st->number = p->number;
        text_format(&v, "%04x", p->version);
        session_version(s, view_of(version, v.len));
    }
    if (command == NULL || command->activity < 0)
        return;
    enum activity activity = (enum activity)command->activity;
    if ((st->told & 1u << activity) != 0)
        return;
    st->told |= (uint8_t)(1u << activity);
    if (st->number != 0)
        text_decimal(&t, st->number);
    struct im_detail detail = { .account = view_of(digits, t.len), .outgoing = from == FROM_CLIENT };
    if (activity == ACTIVITY_CHAT)
        session_delivery(s, DELIVERY_SERVER_PROXY);
    session_activity(s, activity, &detail);
}

static size_t oicq_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct view left = in;
    struct oicq_packet p;
    bool more;

    if (session_is_udp(s)) {
        if (read_packet(in, &p))
            follow(state, s, from, &p);
        return in.len;
    }
    while (next_packet(&left, &p, &more))
        follow(state, s, from, &p);
    if (left.len > 0 && !more)
        session_settle(s);
    return in.len - left.len;
}

extern const struct parser parser_oicq;

const struct parser parser_oicq = {
    .protocol = PROTOCOL_OICQ,
    .service = "qq",
    .on = PARSER_TCP | PARSER_UDP,
    .starts = oicq_starts,
    .probe = oicq_probe,
    .state_size = sizeof(struct oicq_state),
    .feed = oicq_feed,
};
