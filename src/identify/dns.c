/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS over UDP and TCP on any port, and its multicast kin mDNS and LLMNR.
 *
 * A message is a header of 12 octets (id, flags, four counts), then questions (name, type, class) and
 * resource records (name, type, class, time to live, length, data) in three sections (RFC 1035 section 4.1).
 * A name is a row of labels; a length octet with its two high bits set is a pointer to an earlier place of
 * the message instead (4.1.4). TCP puts a length of 16 bits before each message (4.2.2). mDNS (RFC 6762, port
 * 5353) may ask nothing and only answer, and keeps the high bit of the class for itself (section 18); LLMNR
 * (RFC 4795, port 5355) has the same format.
 *
 * What is learnt: each name asked for; the addresses that answer it, told for the name asked (through CNAME
 * records, whose order does not matter) and for the record's own name; address hints of HTTPS and SVCB
 * records (RFC 9460 section 7.3); and the names of machines on private addresses, from PTR records, mDNS and
 * LLMNR. An address that multicast gives for a name is no proof of a service, since any neighbour may give
 * it.
 *
 * Off its ports a message must be read exactly to its end and ask something that resolvers ask; NetBIOS names
 * (RFC 1002), which look much the same, are left alone. Limits: pointers lead backwards only and 16 deep at
 * most, 64 records and 8 aliases of a message are looked at, three messages in a row that make no sense end
 * it.
 */
#include "base/cursor.h"
#include "identify/parser.h"

enum {
    HEADER_BYTES = 12,
    NAME_BYTES = 256, /* RFC 1035 section 2.3.4: 255 octets on the wire, less as text */
    LABEL_LIMIT = 63,
    POINTER_LIMIT = 16,
    QUESTION_LIMIT = 32,
    RECORD_LIMIT = 64,
    ALIAS_LIMIT = 8,
    NONSENSE_LIMIT = 3,
    PORT_DNS = 53,
    PORT_MDNS = 5353,
    PORT_MDNS_SYSTEMS = 5354, /* mDNSResponder of small systems */
    PORT_LLMNR = 5355,
};

enum { /* RFC 1035 section 4.1.1 */
       FLAG_RESPONSE = 0x8000,
       FLAGS_OPCODE = 0x7800,
       FLAG_TRUNCATED = 0x0200,
       FLAG_ZERO = 0x0040,
       FLAGS_RCODE = 0x000f,
};

enum { /* IANA "Resource Record (RR) TYPEs" */
       TYPE_A = 1,
       TYPE_CNAME = 5,
       TYPE_PTR = 12,
       TYPE_AAAA = 28,
       TYPE_NETBIOS = 32,
       TYPE_SRV = 33, /* NBSTAT of NetBIOS has the same number */
       TYPE_SVCB = 64,
       TYPE_HTTPS = 65,
};

enum {
    CLASS_INTERNET = 1,
    CLASS_CHAOS = 3,
    CLASS_HESIOD = 4,
    CLASS_NONE = 254,
    CLASS_ANY = 255,
    CLASS_MASK = 0x7fff
};

enum { SVCB_ECH = 5, SVCB_IPV4HINT = 4, SVCB_IPV6HINT = 6 }; /* RFC 9460 section 14.3.2 */

struct dns_header {
    uint16_t id, flags;
    uint16_t questions, answers, authorities, additionals;
};

/* A name as text without its final dot: what is neither printable nor part of a label shows as '?'. */
struct dns_name {
    char text[NAME_BYTES];
    size_t len;
    bool hostlike; /* letters, digits, '-' and '_' only */
    bool netbios;  /* its first label is 32 letters from A to P (RFC 1001 section 14.1) */
};

struct dns_record {
    struct dns_name name;
    uint16_t type, class;
    uint32_t ttl_s;
    struct view message; /* for names inside the data */
    struct cursor data;
};

struct dns {
    uint32_t skip[2]; /* bytes of an over-long TCP message still to come */
    uint8_t nonsense; /* TCP: messages in a row that could not be read */
};

static struct view name_view(const struct dns_name *n)
{
    return view_of(n->text, n->len);
}

/* ---- names ---- */

static bool is_host_byte(uint8_t b)
{
    uint8_t lower = ascii_lower(b);

    return (lower >= 'a' && lower <= 'z') || (b >= '0' && b <= '9') || b == '-' || b == '_';
}

/* Add a label to a name. A dot inside it must not make two labels of it. */
static void add_label(struct dns_name *n, struct text *t, struct view label)
{
    bool netbios = label.len == 32;

    if (t->len > 0)
        text_char(t, '.');
    for (size_t i = 0; i < label.len; i++) {
        n->hostlike = n->hostlike && is_host_byte(label.at[i]);
        netbios = netbios && label.at[i] >= 'A' && label.at[i] <= 'P';
    }
    if (t->len == 0)
        n->netbios = netbios;
    while (label.len > 0) {
        size_t dot = view_find_byte(label, '.', 0);
        text_printable(t, view_slice(label, 0, dot));
        if (dot < label.len)
            text_char(t, '?');
        label = view_from(label, dot + 1);
    }
}

/*
 * Read a name at the cursor, which is over `message` or a part of it. False: it is malformed. Each pointer
 * must lead to before the last one, so there are no loops; the bound of the first is generous inside a
 * record's data.
 */
static bool read_name(struct view message, struct cursor *c, struct dns_name *out)
{
    struct cursor at = *c;
    struct text t = TEXT(out->text);
    size_t wire = 0;
    unsigned pointers = 0;
    size_t before = message.len - cursor_left(c);

    out->hostlike = true;
    out->netbios = false;
    for (;;) {
        uint8_t len = cursor_u8(&at);
        if (len >= 0xc0) {
            size_t target = (size_t)(len & 0x3f) << 8 | cursor_u8(&at);
            if (pointers++ == 0)
                *c = at;
            if (at.bad || target >= before || target < HEADER_BYTES || pointers > POINTER_LIMIT)
                return false;
            before = target;
            at = cursor_open(view_from(message, target));
            continue;
        }
        struct view label = cursor_take(&at, len);
        wire += len + 1u;
        if (at.bad || len > LABEL_LIMIT || wire >= NAME_BYTES)
            return false;
        if (len == 0)
            break;
        add_label(out, &t, label);
    }
    out->len = t.len;
    if (pointers == 0)
        *c = at;
    return true;
}

/* ---- questions and records ---- */

static bool read_header(struct cursor *c, struct dns_header *out)
{
    out->id = cursor_u16(c);
    out->flags = cursor_u16(c);
    out->questions = cursor_u16(c);
    out->answers = cursor_u16(c);
    out->authorities = cursor_u16(c);
    out->additionals = cursor_u16(c);
    return !c->bad;
}

static bool class_is_known(uint16_t class)
{
    class &= CLASS_MASK;
    return class == CLASS_INTERNET || class == CLASS_CHAOS || class == CLASS_HESIOD || class == CLASS_NONE ||
           class == CLASS_ANY;
}

static bool read_question(struct view message, struct cursor *c, struct dns_name *out_name,
                          uint16_t *out_type)
{
    bool named = read_name(message, c, out_name);

    *out_type = cursor_u16(c);
    uint16_t class = cursor_u16(c);
    bool netbios = out_name->netbios && (*out_type == TYPE_NETBIOS || *out_type == TYPE_SRV);
    return named && !c->bad && class_is_known(class) && !netbios;
}

static bool read_record(struct view message, struct cursor *c, struct dns_record *out)
{
    if (!read_name(message, c, &out->name))
        return false;
    out->type = cursor_u16(c);
    out->class = cursor_u16(c);
    out->ttl_s = cursor_u32(c);
    out->message = message;
    out->data = cursor_block16(c);
    return !c->bad;
}

/* ---- probe ---- */

/* Types that resolvers ask for, in order. */
static bool type_is_asked(uint16_t type)
{
    static const uint16_t asked[] = {
        1, 2, 5, 6, 12, 15, 16, 28, 33, 35, 43, 46, 48, 52, 64, 65, 99, 255, 257
    };

    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        if (asked[i] == type)
            return true;
    return false;
}

static bool header_is_sane(const struct dns_header *h, bool multicast)
{
    bool response = (h->flags & FLAG_RESPONSE) != 0;

    if ((h->flags & (FLAGS_OPCODE | FLAG_ZERO)) != 0 || h->questions > QUESTION_LIMIT)
        return false;
    if (multicast)
        return h->questions > 0 || (response && h->answers > 0);
    if (h->questions == 0)
        return false;
    if (response)
        return (h->flags & FLAGS_RCODE) <= 10; /* RFC 6895 section 2.3: the assigned ones that fit a header */
    return (h->flags & FLAGS_RCODE) == 0 && h->answers == 0 && h->authorities == 0 && h->additionals <= 2;
}

/* Can all records be read, with nothing left behind them? */
static bool records_fill(struct view message, struct cursor *c, const struct dns_header *h)
{
    uint32_t records = (uint32_t)h->answers + h->authorities + h->additionals;
    struct dns_record record;

    if (records > RECORD_LIMIT)
        return false;
    while (records-- > 0)
        if (!read_record(message, c, &record))
            return false;
    return cursor_done(c);
}

/* Is this a DNS message? `strict`: no port says so, the bytes must say it alone. */
static bool is_message(struct view message, bool multicast, bool strict)
{
    struct cursor c = cursor_open(message);
    struct dns_header h;
    struct dns_name name;
    uint16_t type;

    if (!read_header(&c, &h) || !header_is_sane(&h, multicast))
        return false;
    for (uint16_t i = 0; i < h.questions; i++)
        if (!read_question(message, &c, &name, &type) || (strict && !(name.hostlike && type_is_asked(type))))
            return false;
    if (h.questions == 0) { /* mDNS only */
        struct dns_record first;
        return read_record(message, &c, &first) && class_is_known(first.class);
    }
    return !strict || records_fill(message, &c, &h);
}

static bool is_port_of_dns(uint16_t port)
{
    return port == PORT_DNS || port == PORT_MDNS || port == PORT_MDNS_SYSTEMS || port == PORT_LLMNR;
}

static bool is_port_of_multicast(uint16_t port)
{
    return port == PORT_MDNS || port == PORT_MDNS_SYSTEMS || port == PORT_LLMNR;
}

/* The first message of a TCP stream: what a client asks is short. */
static enum im_answer probe_stream(const struct sample *s)
{
    bool client = s->bytes[FROM_CLIENT].len > 0;
    struct view in = s->bytes[client ? FROM_CLIENT : FROM_SERVER];
    struct cursor c = cursor_open(in);
    size_t len = cursor_u16(&c);

    if ((in.len > 0 && in.at[0] > (client ? 1 : 15)) || (!c.bad && len < HEADER_BYTES + 5))
        return IM_NO;
    struct cursor head = c;
    struct dns_header h;
    if (!read_header(&head, &h))
        return IM_MORE;
    if (!header_is_sane(&h, false))
        return IM_NO;
    struct view message = cursor_take(&c, len);
    if (c.bad)
        return IM_MORE;
    return is_message(message, false, true) ? IM_YES : IM_NO;
}

static enum im_answer dns_probe(const struct sample *s, struct finding *out)
{
    struct text value = TEXT(out->value);
    enum im_answer answer;

    if (s->l4 == L4_TCP) {
        answer = probe_stream(s);
    } else {
        bool multicast = is_port_of_multicast(s->port[0]) || is_port_of_multicast(s->port[1]);
        bool known = is_port_of_dns(s->port[0]) || is_port_of_dns(s->port[1]);
        answer = is_message(s->datagram, multicast, !known) ? IM_YES : IM_NO;
    }
    if (answer == IM_YES)
        text_string(&value, "DNS message");
    return answer;
}

/* ---- what a message tells ---- */

/* The names that stand for the one asked: it and what CNAME records lead to. */
struct aliases {
    struct dns_name name[ALIAS_LIMIT];
    unsigned count;
};

static bool is_alias(const struct aliases *a, const struct dns_name *name)
{
    for (unsigned i = 0; i < a->count; i++)
        if (view_equal_nocase(name_view(&a->name[i]), name_view(name)))
            return true;
    return false;
}

/* Follow the CNAME records among `count` answers until no new name is found. */
static void follow_aliases(struct aliases *a, struct view message, struct cursor answers, unsigned count)
{
    for (unsigned known = 0; known != a->count && a->count < ALIAS_LIMIT;) {
        struct cursor c = answers;
        struct dns_record r;

        known = a->count;
        for (unsigned i = 0; i < count && a->count < ALIAS_LIMIT && read_record(message, &c, &r); i++) {
            struct dns_name *target = &a->name[a->count];
            if (r.type == TYPE_CNAME && is_alias(a, &r.name) && read_name(message, &r.data, target) &&
                !is_alias(a, target))
                a->count++;
        }
    }
}

/* An address for the record's name, and for the name asked where that one led here. */
static void learn(struct session *s, const struct aliases *a, const struct dns_record *r,
                  const struct ip_addr *ip)
{
    const struct dns_name *asked = is_alias(a, &r->name) ? &a->name[0] : &r->name;

    session_learn_address(s, name_view(asked), name_view(&r->name), ip, r->ttl_s);
}

/* Read an address that fills the cursor's next octets. */
static bool read_address(struct cursor *c, bool v6, struct ip_addr *out)
{
    struct view octets = cursor_take(c, v6 ? 16 : 4);

    if (c->bad)
        return false;
    *out = v6 ? ip_from_v6(octets.at) : ip_from_v4(octets.at);
    return true;
}

/* An HTTPS or SVCB record: priority, target, then parameters (RFC 9460 section 2.2). */
static void service_record(struct session *s, const struct aliases *a, struct dns_record *r)
{
    uint16_t priority = cursor_u16(&r->data);
    struct dns_name target;
    struct ip_addr ip;

    if (!read_name(r->message, &r->data, &target))
        return;
    session_trace(s, "dns: %s is served by %s, priority %u", r->name.text,
                  target.len > 0 ? target.text : "itself", priority);
    while (cursor_left(&r->data) > 0) {
        uint16_t key = cursor_u16(&r->data);
        struct cursor value = cursor_block16(&r->data);
        if (r->data.bad)
            return;
        if (key == SVCB_ECH)
            session_trace(s, "dns: %s offers a key for ECH", r->name.text);
        if (key != SVCB_IPV4HINT && key != SVCB_IPV6HINT)
            continue;
        while (read_address(&value, key == SVCB_IPV6HINT, &ip))
            learn(s, a, r, &ip);
    }
}

/* "4.3.2.1.in-addr.arpa" (RFC 1035 section 3.5). IPv6 gives no name here: its machines change addresses
 * daily. */
static bool reversed_address(const struct dns_name *name, struct ip_addr *out)
{
    static const struct view arpa = { (const uint8_t *)"in-addr.arpa", 12 };
    struct view rest = name_view(name);
    uint8_t octets[4];

    for (int i = 3; i >= 0; i--) {
        struct view digits = view_token(&rest, '.');
        uint64_t n;
        if (!view_decimal(digits, 255, &n))
            return false;
        octets[i] = (uint8_t)n;
    }
    *out = ip_from_v4(octets);
    return view_equal_nocase(rest, arpa);
}

static void answer_record(struct session *s, const struct aliases *a, struct dns_record *r, bool multicast)
{
    struct dns_name target;
    struct ip_addr ip;

    switch (r->type) {
    case TYPE_A:
    case TYPE_AAAA:
        if (!read_address(&r->data, r->type == TYPE_AAAA, &ip) || !cursor_done(&r->data))
            return;
        if (!multicast)
            learn(s, a, r, &ip);
        else if (ip_is_private(&ip) && r->name.len > 0)
            session_learn_host(s, WHO_MDNS, &ip, name_view(&r->name), 0);
        return;
    case TYPE_PTR:
        if (reversed_address(&r->name, &ip) && ip_is_private(&ip) &&
            read_name(r->message, &r->data, &target) && target.len > 0)
            session_learn_host(s, WHO_MDNS, &ip, name_view(&target), 0);
        return;
    case TYPE_SVCB:
    case TYPE_HTTPS:
        if (!multicast)
            service_record(s, a, r);
        return;
    default: return;
    }
}

static void question(struct session *s, const struct dns_name *name)
{
    if (name->len > 0 && session_name(s, EVIDENCE_DNS_QUERY, name_view(name)))
        session_activity(s, ACTIVITY_LOOKUP, NULL);
}

/* Tell what a message says. False: it is none. */
static bool tell(struct session *s, struct view message)
{
    bool multicast =
        is_port_of_multicast(session_port(s, false)) || is_port_of_multicast(session_port(s, true));
    struct cursor c = cursor_open(message);
    struct aliases aliases = { .count = 0 };
    struct dns_header h;
    struct dns_record r;
    struct dns_name name;
    uint16_t type;

    if (!read_header(&c, &h) || (h.flags & (FLAGS_OPCODE | FLAG_ZERO)) != 0 || h.questions > QUESTION_LIMIT)
        return false;
    for (uint16_t i = 0; i < h.questions; i++) {
        if (!read_question(message, &c, &name, &type))
            return false;
        question(s, &name);
        if (i == 0) {
            aliases.name[0] = name;
            aliases.count = 1;
        }
    }
    if ((h.flags & FLAG_RESPONSE) == 0 || (h.flags & FLAGS_RCODE) != 0)
        return true;
    /* The other sections of a unicast answer hold names that nobody asked for. */
    uint32_t count = multicast ? (uint32_t)h.answers + h.authorities + h.additionals : h.answers;
    count = count < RECORD_LIMIT ? count : RECORD_LIMIT;
    follow_aliases(&aliases, message, c, count);
    for (uint32_t i = 0; i < count && read_record(message, &c, &r); i++)
        if ((r.class & CLASS_MASK) == CLASS_INTERNET)
            answer_record(s, &aliases, &r, multicast);
    return true;
}

/* ---- feed ---- */

static void one_message(struct dns *d, struct session *s, struct view message)
{
    if (tell(s, message)) {
        d->nonsense = 0;
    } else if (++d->nonsense >= NONSENSE_LIMIT) {
        session_trace(s, "dns: %u messages in a row make no sense", d->nonsense);
        session_settle(s);
    }
}

static size_t dns_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct dns *d = state;
    struct cursor c = cursor_open(in);

    if (session_is_udp(s)) {
        one_message(d, s, in);
        return in.len;
    }
    while (cursor_left(&c) > 0 && d->nonsense < NONSENSE_LIMIT) {
        if (d->skip[from] > 0) {
            cursor_drain(&c, &d->skip[from]);
            continue;
        }
        struct cursor next = c;
        uint16_t len = cursor_u16(&next);
        if (next.bad)
            break;
        if (len > PARSER_MESSAGE_BYTES - 2) { /* a zone transfer: longer than what may be left for later */
            d->skip[from] = len;
            c = next;
            continue;
        }
        struct view message = cursor_take(&next, len);
        if (next.bad)
            break;
        one_message(d, s, message);
        c = next;
    }
    return in.len - cursor_left(&c);
}

extern const struct parser parser_dns;
const struct parser parser_dns = {
    .protocol = PROTOCOL_DNS,
    .on = PARSER_TCP | PARSER_UDP,
    .probe = dns_probe,
    .state_size = sizeof(struct dns),
    .feed = dns_feed,
    .stateless = true, /* its state is for TCP */
};
