/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MQTT: the message bus of devices and, inside TLS or WebSocket, of some IM services. The protocol alone
 * proves none.
 *
 * A packet is type and flags in one octet, a length of 7 bits an octet (up to four, bit 7: more follow), the
 * body. The client's first packet is CONNECT: protocol name, level, connect flags, keep-alive16, from level 5
 * on properties, then client identifier, will topic and message, user name and password as far as flags say;
 * each a string behind its length16. The packet must be used up to its last octet.
 *
 * Limits   a CONNECT of more than 4 KiB (a large will) is not recognised
 * Sources  MQTT 3.1 section 3.1; OASIS MQTT 3.1.1 section 3.1; OASIS MQTT 5.0 section 3.1
 */
#include "base/cursor.h"
#include "identify/parser.h"

enum {
    CONNECT = 0x10,
    CONNECT_BYTES = 4096,
    FLAG_RESERVED = 0x01,
    FLAG_WILL = 0x04,
    FLAG_WILL_QOS = 0x18,
    FLAG_WILL_RETAIN = 0x20,
    FLAG_PASSWORD = 0x40,
    FLAG_USER = 0x80,
};

/* A length of 7 bits an octet, 1.5.5 of MQTT 5.0. */
static uint32_t length_read(struct cursor *c)
{
    uint32_t n = 0;

    for (unsigned shift = 0; shift <= 21; shift += 7) {
        uint8_t octet = cursor_u8(c);
        n |= (uint32_t)(octet & 0x7f) << shift;
        if ((octet & 0x80) == 0)
            return n;
    }
    c->bad = true;
    return 0;
}

static const char *version_of(struct view name, uint8_t level)
{
    if (view_equal(name, VIEW("MQIsdp")))
        return level == 3 ? "MQTT 3.1" : NULL;
    if (!view_equal(name, VIEW("MQTT")))
        return NULL;
    return level == 4 ? "MQTT 3.1.1" : level == 5 ? "MQTT 5.0" : NULL;
}

/* A will of a quality that exists, and no quality or retaining without a will; 3.1.2.6 and 3.1.2.7. */
static bool flags_fit(uint8_t flags)
{
    if ((flags & FLAG_RESERVED) != 0 || (flags & FLAG_WILL_QOS) == FLAG_WILL_QOS)
        return false;
    return (flags & FLAG_WILL) != 0 || (flags & (FLAG_WILL_QOS | FLAG_WILL_RETAIN)) == 0;
}

static bool body_read(struct view body, const char **out_version, struct view *out_client)
{
    struct cursor c = cursor_open(body);
    struct cursor name = cursor_block16(&c);
    uint8_t level = cursor_u8(&c), flags = cursor_u8(&c);

    cursor_skip(&c, 2); /* keep-alive */
    *out_version = version_of(cursor_rest(&name), level);
    if (*out_version == NULL || !flags_fit(flags))
        return false;
    if (level == 5)
        cursor_skip(&c, length_read(&c));
    struct cursor client = cursor_block16(&c);
    *out_client = cursor_rest(&client);
    if ((flags & FLAG_WILL) != 0) {
        if (level == 5)
            cursor_skip(&c, length_read(&c));
        (void)cursor_block16(&c);
        (void)cursor_block16(&c);
    }
    if ((flags & FLAG_USER) != 0)
        (void)cursor_block16(&c);
    if ((flags & FLAG_PASSWORD) != 0)
        (void)cursor_block16(&c);
    return cursor_done(&c);
}

/* Could a body begin so? Compares the name as far as it is there. */
static bool name_fits(struct view body)
{
    const struct view now = VIEW("\0\4MQTT"), old = VIEW("\0\6MQIsdp");

    return view_starts(now, view_slice(body, 0, now.len)) || view_starts(old, view_slice(body, 0, old.len));
}

static bool mqtt_starts(uint8_t first, enum flow_dir from)
{
    return from == FROM_CLIENT && first == CONNECT;
}

static enum im_answer mqtt_probe(const struct sample *s, struct finding *out)
{
    struct cursor c = cursor_open(s->bytes[FROM_CLIENT]);
    struct view client = view_of(NULL, 0);
    const char *version = NULL;

    if (cursor_left(&c) == 0)
        return s->bytes[FROM_SERVER].len == 0 ? IM_MORE : IM_NO; /* the client speaks first */
    if (cursor_u8(&c) != CONNECT)
        return IM_NO;
    struct cursor look = c;
    uint32_t len = length_read(&c);
    if (c.bad)
        return cursor_left(&look) < 4 ? IM_MORE : IM_NO;
    if (len > CONNECT_BYTES || !name_fits(cursor_peek(&c)))
        return IM_NO;
    struct view body = cursor_take(&c, len);
    if (c.bad)
        return IM_MORE;
    if (!body_read(body, &version, &client))
        return IM_NO;
    struct text value = TEXT(out->value);
    text_string(&value, version);
    text_string(&value, " client ");
    text_printable(&value, client);
    return IM_YES;
}

extern const struct parser parser_mqtt;
const struct parser parser_mqtt = {
    .protocol = PROTOCOL_MQTT,
    .on = PARSER_TCP,
    .starts = mqtt_starts,
    .probe = mqtt_probe,
};
