/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DHCP: which machine has an address, and the name that it gives itself, for the analyst who asks whose it
 * was.
 *
 * A message is BOOTP's fixed part (RFC 951 section 3): op, htype, hlen, hops, xid32, secs16, flags16, four
 * addresses (client's, "yours", next server's, relay's), hardware address[16], server's name[64], boot
 * file[128]; then the cookie 63 82 53 63 and options of code, length, value until 255 (RFC 2131 section 3,
 * RFC 2132 section 2). Option 12 is the host name, 81 the full name (flags, two octets, then ASCII or, with
 * flag E, DNS labels: RFC 4702 section 2), 53 the message type, 50 the address that the client asks for, 51
 * for how many seconds it is lent (RFC 2132 section 9.2).
 *
 * Hardware address and name are learnt for the address that a client asks for or renews (REQUEST), and for
 * the one a server grants (ACK), which is told the name of the request of the same xid where it does not
 * repeat it: until the lease ends, where the ACK is seen and names it. Another machine at an address ends
 * what was known of the one before; RELEASE and DECLINE end it, too. Options in the fixed fields (overload,
 * option 52) are not followed. Three messages in a row that make no sense end it.
 */
#include "identify/dhcp.h"
#include "base/cursor.h"
#include "identify/parser.h"

enum {
    OP_REQUEST = 1,
    OP_REPLY = 2,
    HARDWARE_BYTES = 16,
    HARDWARE_ETHERNET = 1,
    MAC_BYTES = 6,
    COOKIE = 0x63825363,
    NONSENSE_LIMIT = 3,
    NAME_BYTES = 256
};

enum { /* RFC 2132, RFC 4702 */
       OPTION_PAD = 0,
       OPTION_HOST = 12,
       OPTION_ADDRESS = 50,
       OPTION_LEASE = 51,
       OPTION_TYPE = 53,
       OPTION_FQDN = 81,
       OPTION_END = 255,
       FQDN_LABELS = 4, /* flag E */
};

enum { /* IANA "DHCP Message Type 53 Values" */
       DHCP_REQUEST = 3,
       DHCP_DECLINE = 4,
       DHCP_ACK = 5,
       DHCP_RELEASE = 7,
       DHCP_LAST = 18,
};

struct dhcp_message {
    uint32_t xid;
    uint8_t type;
    struct ip_addr client, yours, asked;
    uint32_t lease_s;      /* 0: not told */
    struct view mac;       /* empty: not Ethernet's */
    char name[NAME_BYTES]; /* empty: none given */
};

struct dhcp {
    char name[NAME_BYTES]; /* of the last request */
    uint32_t xid;          /* its number */
    uint8_t nonsense;
};

void text_labels(struct text *t, struct view v)
{
    struct cursor c = cursor_open(v);

    while (cursor_left(&c) > 0) {
        struct cursor label = cursor_block8(&c);
        if (c.bad || cursor_left(&label) == 0)
            return;
        if (t->len > 0)
            text_char(t, '.');
        text_printable(t, cursor_rest(&label));
    }
}

static void read_option(struct dhcp_message *m, uint8_t code, struct cursor value)
{
    char full[NAME_BYTES];
    struct text name = TEXT(full);

    switch (code) {
    case OPTION_TYPE: m->type = cursor_u8(&value); return;
    case OPTION_ADDRESS:
        if (cursor_left(&value) == 4)
            m->asked = ip_from_v4(cursor_take(&value, 4).at);
        return;
    case OPTION_LEASE:
        if (cursor_left(&value) == 4)
            m->lease_s = cursor_u32(&value);
        return;
    case OPTION_HOST:
        text_printable(&name, cursor_rest(&value));
        if (m->name[0] == '\0')
            memcpy(m->name, full, sizeof m->name);
        return;
    case OPTION_FQDN: /* says more than the host name */
        if ((cursor_u8(&value) & FQDN_LABELS) != 0)
            text_labels(&name, view_from(cursor_peek(&value), 2)); /* two octets of no use between them */
        else
            text_printable(&name, view_from(cursor_peek(&value), 2));
        if (full[0] != '\0')
            memcpy(m->name, full, sizeof m->name);
        return;
    default: return;
    }
}

/* Read a message. False: it is no DHCP. */
static bool read_message(struct view in, struct dhcp_message *out)
{
    struct cursor c = cursor_open(in);
    uint8_t op = cursor_u8(&c), hardware = cursor_u8(&c), hardware_len = cursor_u8(&c);

    *out = (struct dhcp_message){ 0 };
    cursor_skip(&c, 1);
    out->xid = cursor_u32(&c);
    cursor_skip(&c, 4);
    struct view client = cursor_take(&c, 4), yours = cursor_take(&c, 4);
    cursor_skip(&c, 8);
    struct view mac = cursor_take(&c, HARDWARE_BYTES);
    cursor_skip(&c, 64 + 128);
    if (cursor_u32(&c) != COOKIE || (op != OP_REQUEST && op != OP_REPLY) || hardware == 0 ||
        hardware_len > HARDWARE_BYTES)
        return false;
    out->client = ip_from_v4(client.at);
    out->yours = ip_from_v4(yours.at);
    out->mac = view_slice(mac, 0, hardware == HARDWARE_ETHERNET && hardware_len == MAC_BYTES ? MAC_BYTES : 0);
    while (cursor_left(&c) > 0) {
        uint8_t code = cursor_u8(&c);
        if (code == OPTION_PAD)
            continue;
        if (code == OPTION_END)
            break;
        struct cursor value = cursor_block8(&c);
        if (c.bad)
            return false;
        read_option(out, code, value);
    }
    return out->type > 0 && out->type <= DHCP_LAST;
}

static bool dhcp_starts(uint8_t first, enum flow_dir from)
{
    (void)from;
    return first == OP_REQUEST || first == OP_REPLY;
}

static enum im_answer dhcp_probe(const struct sample *s, struct finding *out)
{
    struct text value = TEXT(out->value);
    struct dhcp_message m;

    if (!read_message(s->datagram, &m))
        return IM_NO;
    text_format(&value, "DHCP message of type %u", m.type);
    return IM_YES;
}

static void learn(struct session *s, const struct ip_addr *ip, const struct dhcp_message *m, const char *name)
{
    if (ip_is_zero(ip))
        return;
    if (m->mac.len == MAC_BYTES)
        session_learn_mac(s, ip, m->mac.at);
    if (name[0] != '\0')
        session_learn_host(s, WHO_DHCP, ip, view_string(name), m->type == DHCP_ACK ? m->lease_s : 0);
}

static size_t dhcp_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct dhcp *d = state;
    struct dhcp_message m;

    (void)from;
    if (!read_message(in, &m)) {
        if (++d->nonsense >= NONSENSE_LIMIT)
            session_settle(s);
        return in.len;
    }
    d->nonsense = 0;
    if (m.type == DHCP_REQUEST) {
        learn(s, ip_is_zero(&m.client) ? &m.asked : &m.client, &m, m.name);
        memcpy(d->name, m.name, sizeof d->name);
        d->xid = m.xid;
    } else if (m.type == DHCP_ACK) {
        bool same = m.name[0] == '\0' && m.xid == d->xid;
        learn(s, ip_is_zero(&m.yours) ? &m.client : &m.yours, &m, same ? d->name : m.name);
    } else if (m.type == DHCP_RELEASE || m.type == DHCP_DECLINE) {
        session_forget_who(s, m.type == DHCP_RELEASE ? &m.client : &m.asked);
    }
    return in.len;
}

extern const struct parser parser_dhcp;
const struct parser parser_dhcp = {
    .protocol = PROTOCOL_DHCP,
    .on = PARSER_UDP,
    .starts = dhcp_starts,
    .probe = dhcp_probe,
    .state_size = sizeof(struct dhcp),
    .feed = dhcp_feed,
};
