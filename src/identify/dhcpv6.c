/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DHCPv6 (RFC 8415): the name that a machine gives itself, for the addresses that it is lent.
 *
 *     message   type 1, transaction 3, options                                     (section 8)
 *     relayed   type 12 or 13, hops 1, link address 16, peer address 16, options    (section 9)
 *     option    code 2, length 2, value                                             (section 21.1)
 *
 * Options read: 1 the client's identifier (DUID), 9 a relayed message, whole, 3 and 4 addresses lent (IA_NA:
 * identifier 4, T1 4, T2 4, options; IA_TA: identifier 4, options), in them 5 an address (16, preferred for
 * 4, valid for 4, options), 39 the client's full name (flags 1, DNS labels: RFC 4704 section 4), and 79, by
 * which the first relay tells the client's hardware address (type 2, address: RFC 6939).
 *
 * REQUEST, RENEW, REBIND and REPLY teach; of them a REPLY tells how long the lease is valid. Client and
 * server speak from addresses of their own to a group or to each other, so that REQUEST and REPLY are mostly
 * different flows; between a relay and a server they are one, and a REPLY without a name is told that of the
 * request of the same transaction. RELEASE and DECLINE end what is known of an address. The hardware address
 * in a DUID is not used: it may be that of another card, or of a machine long gone.
 *
 * The format has no constant. A message is one when its options, to the last octet, are well formed and one
 * of them is a DUID of a known type whose length fits (section 11): 48 bits of structure at least. So the
 * messages of a client that does not identify itself (INFORMATION-REQUEST may) are not recognised.
 */
#include "base/cursor.h"
#include "identify/dhcp.h"
#include "identify/parser.h"

enum { /* section 7.3 */
       REQUEST = 3,
       RENEW = 5,
       REBIND = 6,
       REPLY = 7,
       RELEASE = 8,
       DECLINE = 9,
       LAST_TYPE = 11,
       RELAY_FORWARD = 12,
       RELAY_REPLY = 13,
};

enum { /* section 21, RFC 4704, RFC 6939 */
       OPTION_CLIENT = 1,
       OPTION_IA_NA = 3,
       OPTION_IA_TA = 4,
       OPTION_ADDRESS = 5,
       OPTION_RELAYED = 9,
       OPTION_NAME = 39,
       OPTION_HARDWARE = 79,
       LAST_OPTION = 255, /* 148 are assigned today */
};

enum {
    RELAYS = 8,    /* HOP_COUNT_LIMIT, section 7.6 */
    ADDRESSES = 8, /* of a message; more are passed over */
    NAME_BYTES = 256,
    MAC_BYTES = 6,
    HARDWARE_ETHERNET = 1,
    NONSENSE_LIMIT = 3,
};

struct dhcpv6_message {
    uint8_t type;
    uint32_t transaction;
    bool identified; /* by a DUID */
    struct view mac; /* empty: not told */
    struct ip_addr address[ADDRESSES];
    uint32_t valid_s[ADDRESSES];
    unsigned addresses;
    char name[NAME_BYTES]; /* empty: none given */
};

struct dhcpv6 {
    char name[NAME_BYTES]; /* of the last request */
    uint32_t transaction;  /* its number */
    uint8_t nonsense;
};

/* One option off the front. False: the end, or not well formed (then c->bad). */
static bool next_option(struct cursor *c, uint16_t *code, struct cursor *value)
{
    if (cursor_left(c) == 0)
        return false;
    *code = cursor_u16(c);
    *value = cursor_block16(c);
    if (*code == 0 || *code > LAST_OPTION)
        c->bad = true;
    return !c->bad;
}

/* Section 11: by link layer and time, by enterprise number, by link layer, by UUID (RFC 6355). */
static bool is_duid(struct cursor value)
{
    size_t len = cursor_left(&value);

    switch (cursor_u16(&value)) {
    case 1: return len >= 9 && len <= 28 && cursor_u16(&value) < 256;
    case 2: return len >= 7 && len <= 130;
    case 3: return len >= 5 && len <= 24 && cursor_u16(&value) < 256;
    case 4: return len == 18;
    default: return false;
    }
}

/* The addresses of an IA. False: not well formed. */
static bool read_lent(struct dhcpv6_message *m, struct cursor ia, size_t head)
{
    struct cursor value;
    uint16_t code;

    cursor_skip(&ia, head);
    while (next_option(&ia, &code, &value)) {
        if (code != OPTION_ADDRESS)
            continue;
        struct view address = cursor_take(&value, 16);
        cursor_skip(&value, 4);
        uint32_t valid_s = cursor_u32(&value);
        if (value.bad)
            return false;
        if (m->addresses < ADDRESSES) {
            m->address[m->addresses] = ip_from_v6(address.at);
            m->valid_s[m->addresses++] = valid_s;
        }
    }
    return cursor_done(&ia);
}

static void read_full_name(struct dhcpv6_message *m, struct view labels)
{
    struct text name = TEXT(m->name);

    text_labels(&name, labels);
}

/* The options of a message of a client or server. */
static bool read_options(struct dhcpv6_message *m, struct cursor *c)
{
    struct cursor value;
    uint16_t code;

    while (next_option(c, &code, &value)) {
        if (code == OPTION_CLIENT && !m->identified)
            m->identified = is_duid(value);
        else if (code == OPTION_IA_NA && !read_lent(m, value, 12))
            return false;
        else if (code == OPTION_IA_TA && !read_lent(m, value, 4))
            return false;
        else if (code == OPTION_NAME)
            read_full_name(m, view_from(cursor_peek(&value), 1));
    }
    return cursor_done(c);
}

/* Open what a relay wrapped; *c is then the message inside. */
static bool unwrap(struct dhcpv6_message *m, struct cursor *c)
{
    struct cursor value, inner = { 0 };
    bool found = false;
    uint16_t code;

    cursor_skip(c, 1 + 16 + 16);
    while (next_option(c, &code, &value)) {
        if (code == OPTION_RELAYED && !found) {
            inner = value;
            found = true;
        } else if (code == OPTION_HARDWARE && cursor_left(&value) == 2 + MAC_BYTES &&
                   cursor_u16(&value) == HARDWARE_ETHERNET) {
            m->mac = cursor_rest(&value);
        }
    }
    if (!cursor_done(c) || !found)
        return false;
    *c = inner;
    return true;
}

/* Read a message. False: it is no DHCPv6. */
static bool read_message(struct view in, struct dhcpv6_message *out)
{
    struct cursor c = cursor_open(in);
    uint8_t type = cursor_u8(&c);

    *out = (struct dhcpv6_message){ 0 };
    for (unsigned relays = 0; type == RELAY_FORWARD || type == RELAY_REPLY; relays++) {
        if (relays == RELAYS || !unwrap(out, &c))
            return false;
        type = cursor_u8(&c);
    }
    out->type = type;
    out->transaction = cursor_u24(&c);
    return type > 0 && type <= LAST_TYPE && read_options(out, &c) && out->identified;
}

static bool dhcpv6_starts(uint8_t first, enum flow_dir from)
{
    (void)from;
    return first > 0 && first <= RELAY_REPLY;
}

static enum im_answer dhcpv6_probe(const struct sample *s, struct finding *out)
{
    struct text value = TEXT(out->value);
    struct dhcpv6_message m;

    if (ip_is_v4(&s->addr[FROM_CLIENT]) || !read_message(s->datagram, &m))
        return IM_NO;
    text_format(&value, "DHCPv6 message of type %u", m.type);
    return IM_YES;
}

static void learn(struct session *s, const struct dhcpv6_message *m, const char *name)
{
    for (unsigned i = 0; i < m->addresses; i++) {
        if (m->type == REPLY && m->valid_s[i] == 0) /* taken back: section 18.2.10.1 */
            session_forget_who(s, &m->address[i]);
        if (m->type == REPLY && m->valid_s[i] == 0)
            continue;
        if (m->mac.len == MAC_BYTES)
            session_learn_mac(s, &m->address[i], m->mac.at);
        if (name[0] != '\0')
            session_learn_host(s, WHO_DHCPV6, &m->address[i], view_string(name),
                               m->type == REPLY ? m->valid_s[i] : 0);
    }
}

static size_t dhcpv6_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct dhcpv6 *d = state;
    struct dhcpv6_message m;

    (void)from;
    if (!read_message(in, &m)) {
        if (++d->nonsense >= NONSENSE_LIMIT)
            session_settle(s);
        return in.len;
    }
    d->nonsense = 0;
    if (m.type == REQUEST || m.type == RENEW || m.type == REBIND) {
        learn(s, &m, m.name);
        memcpy(d->name, m.name, sizeof d->name);
        d->transaction = m.transaction;
    } else if (m.type == REPLY) {
        bool same = m.name[0] == '\0' && m.transaction == d->transaction;
        learn(s, &m, same ? d->name : m.name);
    } else if (m.type == RELEASE || m.type == DECLINE) {
        for (unsigned i = 0; i < m.addresses; i++)
            session_forget_who(s, &m.address[i]);
    }
    return in.len;
}

extern const struct parser parser_dhcpv6;
const struct parser parser_dhcpv6 = {
    .protocol = PROTOCOL_DHCPV6,
    .on = PARSER_UDP,
    .starts = dhcpv6_starts,
    .probe = dhcpv6_probe,
    .state_size = sizeof(struct dhcpv6),
    .feed = dhcpv6_feed,
};
