/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kerberos (RFC 4120): who signed in at which machine. The names are in clear, what proves them is not.
 *
 * A message is DER (section 5.1) under a tag of its own, which holds one SEQUENCE; over TCP its length in 4
 * octets comes first, of which the uppermost bit is 0 (section 7.2.2):
 *
 *     AS-REQ  6a, TGS-REQ 6c:  SEQUENCE { [1] 5, [2] message type, ... }             (section 5.4.1)
 *     AS-REP  6b, TGS-REP 6d:  SEQUENCE { [0] 5, [1] message type, [2] data before the authentication,
 * perhaps, [3] realm, [4] name of the client, [5] ticket, [6] ... } (section 5.4.2) KRB-ERROR 7e: SEQUENCE {
 * [0] 5, [1] 30, ... }                       (section 5.9.1) name                     SEQUENCE { [0] type,
 * [1] SEQUENCE OF GeneralString }  (section 5.2.2)
 *
 * Only an AS-REP teaches: the server sends it to who has shown that he knows the key (or need not), with the
 * name as the directory writes it. AS-REQs tell what was typed, and TGS-REPs to a server may name the user on
 * whose behalf it asked. The realm is left out. A name that ends in $ is a machine's account, "host/NAME" a
 * machine's service; both name the machine. Anonymous clients (RFC 8062) are passed over.
 *
 * Recognised on any port by tag, lengths that agree, version 5 and type: 80 bits. Messages may be longer than
 * what is kept of a stream, since tickets carry the groups of a user; the name stands before the ticket, so
 * the first HEAD_BYTES are looked at and the rest is counted off.
 */
#include "base/cursor.h"
#include "identify/parser.h"

enum { /* DER tags: application and context class, constructed */
       TAG_AS_REQ = 0x6a,
       TAG_AS_REP = 0x6b,
       TAG_TGS_REQ = 0x6c,
       TAG_TGS_REP = 0x6d,
       TAG_ERROR = 0x7e,
       TAG_INTEGER = 0x02,
       TAG_STRING = 0x1b,
       TAG_SEQUENCE = 0x30,
       TAG_FIELD = 0xa0, /* and its number */
};

enum {
    VERSION = 5,
    LENGTH_BYTES = 4, /* before a message over TCP */
    PROBE_BYTES = 24, /* the longest beginning up to the message type */
    MESSAGE_MOST = 1 << 20,
    HEAD_BYTES = 8192,
    NAME_PARTS = 4,
    NAME_BYTES = 128,
    NONSENSE_LIMIT = 3,
};

struct kerberos {
    uint32_t left; /* of the message over TCP that is being counted off */
    uint8_t nonsense;
};

/* ---- DER (X.690 section 8.1, 10.1) ---- */

struct element {
    struct cursor value; /* bad: not there, or of another tag */
    uint32_t length;     /* of the value, as announced */
    uint32_t size;       /* with tag and length */
};

/* Take the next element, which must have this tag. `open`: it may go on behind the bytes at hand, as the
 * outermost of a message do of which only the beginning is looked at. */
static struct element element(struct cursor *c, uint8_t tag, bool open)
{
    uint8_t found = cursor_u8(c), first = cursor_u8(c);
    struct element e = { .length = first };

    switch (first) {
    case 0x81: e.length = cursor_u8(c); break;
    case 0x82: e.length = cursor_u16(c); break;
    case 0x83: e.length = cursor_u24(c); break;
    default: c->bad |= first >= 0x80; break;
    }
    c->bad |= found != tag;
    e.size = e.length + 2 + (first > 0x80 ? first & 3u : 0);
    e.value = cursor_sub(c, open && e.length > cursor_left(c) ? cursor_left(c) : e.length);
    return e;
}

static struct cursor whole(struct cursor *c, uint8_t tag)
{
    return element(c, tag, false).value;
}

/* Is the next element field `number` of a SEQUENCE? */
static bool at_field(const struct cursor *c, unsigned number)
{
    struct cursor peek = *c;

    return cursor_u8(&peek) == TAG_FIELD + number;
}

/* Field `number`, which must be a small number. */
static uint8_t small_field(struct cursor *c, unsigned number)
{
    struct cursor field = whole(c, (uint8_t)(TAG_FIELD + number));
    struct cursor value = whole(&field, TAG_INTEGER);
    uint8_t n = cursor_u8(&value);

    if (!cursor_done(&field) || !cursor_done(&value))
        c->bad = true;
    return n;
}

/* ---- messages ---- */

/* The message type behind a tag, and the number of the first field. */
static const struct {
    uint8_t tag, type, field;
} messages[] = {
    { TAG_AS_REQ, 10, 1 },  { TAG_AS_REP, 11, 0 }, { TAG_TGS_REQ, 12, 1 },
    { TAG_TGS_REP, 13, 0 }, { TAG_ERROR, 30, 0 },
};

/* Open a message of `length` octets, of which the beginning is at hand; *out_fields is behind the type. 0: it
 * is none. */
static uint8_t open_message(struct view beginning, uint32_t length, struct cursor *out_fields)
{
    struct cursor c = cursor_open(beginning), peek = c;
    uint8_t tag = cursor_u8(&peek);

    for (unsigned i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        if (messages[i].tag != tag)
            continue;
        struct element outer = element(&c, tag, true);
        struct element inner = element(&outer.value, TAG_SEQUENCE, true);
        struct cursor fields = inner.value;
        if (outer.size != length || inner.size != outer.length ||
            small_field(&fields, messages[i].field) != VERSION ||
            small_field(&fields, messages[i].field + 1u) != messages[i].type || fields.bad)
            return 0;
        *out_fields = fields;
        return tag;
    }
    return 0;
}

/* A name, its parts with strokes between them. False: none that can be read, or an anonymous one. */
static bool read_name(struct cursor *fields, struct text *out)
{
    struct cursor field = whole(fields, TAG_FIELD + 4);
    struct cursor name = whole(&field, TAG_SEQUENCE);

    (void)small_field(&name, 0);
    struct cursor list = whole(&name, TAG_FIELD + 1);
    struct cursor parts = whole(&list, TAG_SEQUENCE);
    for (unsigned n = 0; cursor_left(&parts) > 0; n++) {
        struct cursor part = whole(&parts, TAG_STRING);
        if (parts.bad || n == NAME_PARTS || cursor_left(&part) == 0)
            return false;
        if (n > 0)
            text_char(out, '/');
        text_printable(out, cursor_rest(&part));
    }
    return !fields->bad && cursor_done(&field) && cursor_done(&parts) && out->len > 0 && !out->cut &&
           !view_starts(view_of(out->at, out->len), VIEW("WELLKNOWN/"));
}

/* Tell who signed in, of the fields of an AS-REP. */
static void sign_in(struct session *s, enum flow_dir from, struct cursor fields)
{
    const struct ip_addr *client = session_address(s, from == FROM_CLIENT); /* who is answered */
    char buffer[NAME_BYTES];
    struct text text = TEXT(buffer);

    if (at_field(&fields, 2))
        (void)whole(&fields, TAG_FIELD + 2);
    struct cursor realm = whole(&fields, TAG_FIELD + 3);
    (void)whole(&realm, TAG_STRING);
    if (!cursor_done(&realm) || !read_name(&fields, &text))
        return;
    struct view name = view_of(buffer, text.len);
    if (name.at[name.len - 1] == '$')
        session_learn_host(s, WHO_KERBEROS, client, view_slice(name, 0, name.len - 1), 0);
    else if (view_starts(name, VIEW("host/")))
        session_learn_host(s, WHO_KERBEROS, client, view_from(name, 5), 0);
    else
        session_learn_user(s, WHO_KERBEROS, client, name, 0);
}

/* ---- the parser ---- */

static bool is_tag(uint8_t byte)
{
    return (byte >= TAG_AS_REQ && byte <= TAG_TGS_REP) || byte == TAG_ERROR;
}

/* With its tag over UDP, with the uppermost octet of its length over TCP. */
static bool kerberos_starts(uint8_t first, enum flow_dir from)
{
    (void)from;
    return first == 0 || is_tag(first);
}

static const char *message_name(uint8_t tag)
{
    return tag == TAG_AS_REQ || tag == TAG_AS_REP ? "Kerberos sign-in"
           : tag == TAG_ERROR                     ? "Kerberos error"
                                                  : "Kerberos ticket";
}

static enum im_answer probe_stream(struct view bytes, uint8_t *out_tag)
{
    struct cursor c = cursor_open(bytes), fields;
    uint32_t length = cursor_u32(&c);
    struct cursor peek = c;

    if (bytes.len > 0 && bytes.at[0] != 0)
        return IM_NO;
    if (!c.bad && (length < PROBE_BYTES || length > MESSAGE_MOST))
        return IM_NO;
    if (cursor_left(&c) > 0 && !is_tag(cursor_u8(&peek)))
        return IM_NO;
    if (cursor_left(&c) < PROBE_BYTES)
        return IM_MORE;
    *out_tag = open_message(cursor_peek(&c), length, &fields);
    return *out_tag != 0 ? IM_YES : IM_NO;
}

static enum im_answer kerberos_probe(const struct sample *s, struct finding *out)
{
    struct text value = TEXT(out->value);
    struct cursor fields;
    uint8_t tag = 0;
    enum im_answer answer;

    if (s->l4 == L4_UDP) {
        tag = open_message(s->datagram, (uint32_t)s->datagram.len, &fields);
        answer = tag != 0 ? IM_YES : IM_NO;
    } else {
        answer = probe_stream(s->bytes[s->bytes[FROM_CLIENT].len > 0 ? FROM_CLIENT : FROM_SERVER], &tag);
    }
    if (answer == IM_YES)
        text_string(&value, message_name(tag));
    return answer;
}

/* A message, or the beginning of a long one. */
static void read_message(struct kerberos *k, struct session *s, enum flow_dir from, struct view beginning,
                         uint32_t length)
{
    struct cursor fields;
    uint8_t tag = open_message(beginning, length, &fields);

    if (tag == TAG_AS_REP)
        sign_in(s, from, fields);
    k->nonsense = tag != 0 ? 0 : (uint8_t)(k->nonsense + 1);
    if (k->nonsense >= NONSENSE_LIMIT)
        session_settle(s);
}

static size_t kerberos_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct kerberos *k = (struct kerberos *)state + (session_is_udp(s) ? 0 : from);
    struct cursor c = cursor_open(in);

    if (session_is_udp(s)) {
        read_message(k, s, from, in, (uint32_t)in.len);
        return in.len;
    }
    for (;;) {
        cursor_drain(&c, &k->left);
        size_t used = in.len - cursor_left(&c);
        uint32_t length = cursor_u32(&c);
        if (c.bad)
            return used;
        if (length > MESSAGE_MOST) {
            session_settle(s);
            return in.len;
        }
        size_t head = length < HEAD_BYTES ? length : HEAD_BYTES;
        if (cursor_left(&c) < head)
            return used;
        read_message(k, s, from, view_slice(cursor_peek(&c), 0, head), length);
        k->left = length;
    }
}

extern const struct parser parser_kerberos;
const struct parser parser_kerberos = {
    .protocol = PROTOCOL_KERBEROS,
    .on = PARSER_TCP | PARSER_UDP,
    .starts = kerberos_starts,
    .probe = kerberos_probe,
    .state_size = 2 * sizeof(struct kerberos),
    .feed = kerberos_feed,
};
