/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Viber: the chat connection (TCP 4244, 5242, 443) and calls over Viber's servers (UDP 7985, 7987); on any
 * port.
 *
 * TCP, little-endian, both directions; the length counts itself:
 *
 *     length16  counter16  0000  encrypted                                       counters go up by one
 *     length16  token32  fc ff  kind8  80  ....  000000000000  ...               the client's first
 *
 * The hello is 24 bytes or more; its two constants and six zero bytes prove it. A connection whose beginning
 * was not seen is accepted on Viber's own ports only, when four packets of one direction are a chain.
 *
 * UDP: every datagram begins with an identifier of the call leg (16 bit), a type and a zero. Several types
 * carry the same 8-byte token, each at a place of its own, and type 0b repeats the 8-byte time of a type 09.
 * Two datagrams of different types with one identifier that agree in such a value are a proof of 64 bits and
 * more.
 *
 * Sources: nDPI viber.c (fc ff and 80 of the hello; UDP types 01, 03, 09, 19, 1b and their lengths) and
 * packets compared with each other (places of token and time). What the datagrams of type 03, 0e and 11 hold
 * is not known.
 */
#include "base/cursor.h"
#include "im/call.h"
#include "im/random.h"
#include <stdio.h>

enum {
    HELLO_BYTES_MIN = 24,
    HELLO_BYTES_MAX = 2048,
    PACKET_BYTES_MIN = 8,
    CHAIN_PACKETS = 4,
    LEG_DATAGRAMS_MAX = 8, /* that are looked at before giving up */
    VALUE_BYTES = 8,
};

static const uint16_t viber_ports[] = { 4244, 5242, 5243 };

/* Where a type of datagram has its value; `len` 0: any. Values of one family can be compared. */
static const struct leg_type {
    uint8_t type;
    char family;
    uint8_t at;
    uint16_t len;
} leg_types[] = {
    { 0x01, 't', 6, 0 },  { 0x0c, 't', 6, 0 },  { 0x09, 't', 12, 20 }, { 0x19, 't', 4, 34 },
    { 0x1a, 't', 4, 20 }, { 0x1b, 't', 4, 34 }, { 0x09, 'c', 4, 20 },  { 0x0b, 'c', 4, 34 },
};

/* Types that are seen; 01 is followed by 05 00. */
static bool is_leg_type(struct view head)
{
    static const uint8_t types[] = { 0x01, 0x03, 0x09, 0x0b, 0x0c, 0x0e, 0x11, 0x19, 0x1a, 0x1b };
    struct cursor c = cursor_open(head);

    cursor_skip(&c, 2);
    uint8_t type = cursor_u8(&c), zero = cursor_u8(&c);
    uint16_t second = cursor_u16(&c);
    return !c.bad && zero == 0 && memchr(types, type, sizeof types) != NULL &&
           (type != 0x01 || second == 0x0500);
}

struct viber {
    unsigned packets; /* of the client */
    uint32_t skip;
};

extern const struct parser parser_viber;

/* The client's first packet on TCP. */
static enum im_answer hello(struct view v)
{
    struct cursor c = cursor_open(v);
    uint16_t length = cursor_le16(&c);
    bool wrong = !c.bad && (length < HELLO_BYTES_MIN || length > HELLO_BYTES_MAX);

    cursor_skip(&c, 4);
    uint16_t mark = cursor_u16(&c);
    wrong |= !c.bad && mark != 0xfcff;
    cursor_skip(&c, 1);
    uint8_t form = cursor_u8(&c);
    wrong |= !c.bad && form != 0x80;
    cursor_skip(&c, 4);
    uint32_t zero = cursor_u32(&c);
    wrong |= zero != 0 || cursor_u16(&c) != 0;
    return wrong ? IM_NO : c.bad ? IM_MORE : IM_YES;
}

/* Packets in a chain from the first byte, up to CHAIN_PACKETS. False: not a chain. */
static bool chain(struct view v, unsigned *out_packets)
{
    struct cursor c = cursor_open(v);
    uint16_t expected = 0;

    for (*out_packets = 0; *out_packets < CHAIN_PACKETS && cursor_left(&c) >= 6; *out_packets += 1) {
        uint16_t length = cursor_le16(&c), counter = cursor_le16(&c);
        if (length < PACKET_BYTES_MIN || cursor_u16(&c) != 0 || (*out_packets > 0 && counter != expected))
            return false;
        expected = (uint16_t)(counter + 1);
        if (length - 6u > cursor_left(&c))
            return true;
        cursor_skip(&c, length - 6u);
    }
    return true;
}

static bool is_viber_port(uint16_t port)
{
    for (size_t i = 0; i < sizeof viber_ports / sizeof viber_ports[0]; i++)
        if (port == viber_ports[i])
            return true;
    return false;
}

static enum im_answer probe_midstream(const struct sample *s, struct finding *out)
{
    unsigned of_client, of_server;
    bool client_fits = chain(s->bytes[FROM_CLIENT], &of_client);
    bool server_fits = chain(s->bytes[FROM_SERVER], &of_server);

    bool port = is_viber_port(s->port[FROM_CLIENT]) || is_viber_port(s->port[FROM_SERVER]);
    if (!client_fits || !server_fits || !port)
        return IM_NO;
    if (of_client < CHAIN_PACKETS && of_server < CHAIN_PACKETS)
        return IM_MORE;
    out->confidence = 90;
    out->reversed = is_viber_port(s->port[FROM_CLIENT]);
    snprintf(out->value, sizeof out->value, "chain of Viber packets");
    return IM_YES;
}

static enum im_answer probe_tcp(const struct sample *s, struct finding *out)
{
    struct view client = s->bytes[FROM_CLIENT];

    if (client.len == 0 && s->bytes[FROM_SERVER].len > 0 && !s->midstream)
        return IM_NO;
    enum im_answer answer = hello(client);
    if (s->midstream && answer != IM_YES && (answer == IM_NO || client.len == 0))
        return probe_midstream(s, out);
    if (answer == IM_YES)
        snprintf(out->value, sizeof out->value, "Viber hello");
    return answer;
}

/* The value of `family` in a datagram; false: its type has none. */
static bool leg_value(const struct datagram_head *h, char family, uint8_t *out_type, struct view *out_value)
{
    struct cursor c = cursor_open(head_view(h));

    cursor_skip(&c, 2);
    *out_type = cursor_u8(&c);
    for (size_t i = 0; i < sizeof leg_types / sizeof leg_types[0]; i++) {
        const struct leg_type *t = &leg_types[i];
        if (t->type != *out_type || t->family != family || (t->len != 0 && t->len != h->len))
            continue;
        *out_value = view_slice(head_view(h), t->at, t->at + VALUE_BYTES);
        return out_value->len == VALUE_BYTES && !view_equal(*out_value, VIEW("\0\0\0\0\0\0\0\0"));
    }
    return false;
}

/* Do two datagrams of different types agree in a value? */
static bool agree(const struct datagram_head *a, const struct datagram_head *b)
{
    for (const char *family = "tc"; *family != '\0'; family++) {
        uint8_t type_a, type_b;
        struct view value_a, value_b;
        if (leg_value(a, *family, &type_a, &value_a) && leg_value(b, *family, &type_b, &value_b) &&
            type_a != type_b && view_equal(value_a, value_b))
            return true;
    }
    return false;
}

static enum im_answer probe_udp(const struct sample *s, struct finding *out)
{
    for (unsigned i = 0; i < s->head_count; i++) {
        struct view head = head_view(&s->heads[i]), id = view_slice(head, 0, 2);
        if (!is_leg_type(head) || !view_equal(id, view_slice(head_view(&s->heads[0]), 0, 2)))
            return IM_NO;
        for (unsigned j = 0; j < i; j++) {
            if (!agree(&s->heads[j], &s->heads[i]))
                continue;
            snprintf(out->value, sizeof out->value, "Viber call leg");
            return IM_YES;
        }
    }
    return s->head_count < LEG_DATAGRAMS_MAX ? IM_MORE : IM_NO;
}

static enum im_answer viber_probe(const struct sample *s, struct finding *out)
{
    return s->l4 == L4_UDP ? probe_udp(s, out) : probe_tcp(s, out);
}

/* The hello signs in; packets that follow carry messages. */
static size_t feed_tcp(struct viber *v, struct session *s, struct view in)
{
    struct cursor c = cursor_open(in);

    for (;;) {
        struct view rest = view_slice(cursor_peek(&c), 0, v->skip);
        cursor_skip(&c, rest.len);
        v->skip -= (uint32_t)rest.len;
        if (v->skip > 0 || cursor_left(&c) < PACKET_BYTES_MIN)
            return in.len - cursor_left(&c);
        struct view packet = cursor_peek(&c);
        v->skip = cursor_le16(&c);
        v->skip -= v->skip > 2 ? 2 : v->skip;
        if (v->packets++ == 0 && hello(packet) != IM_NO) {
            session_activity(s, ACTIVITY_LOGIN, NULL);
            session_delivery(s, DELIVERY_SERVER_PROXY);
            continue;
        }
        session_activity(s, ACTIVITY_CHAT, NULL);
        session_settle(s);
        return in.len;
    }
}

static size_t viber_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    if (session_is_udp(s))
        return call_feed(s, DELIVERY_UNKNOWN, in);
    return from == FROM_CLIENT ? feed_tcp(state, s, in) : in.len;
}

const struct parser parser_viber = {
    .protocol = PROTOCOL_VIBER,
    .service = "viber",
    .on = PARSER_TCP | PARSER_UDP,
    .probe = viber_probe,
    .state_size = sizeof(struct viber),
    .feed = viber_feed,
};
