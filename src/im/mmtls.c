/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WeChat: MMTLS records, and the long link that came before them; on any port.
 *
 * MMTLS is Tencent's variant of TLS 1.3. It runs bare on TCP 80, 8080 and 443 (long link) and in the bodies
 * of HTTP POST to /mmtls/... (short link); there it comes here as an inner stream. Records, both directions:
 *
 *     type (15 alert, 16 handshake, 17 data, 19 resumption and heartbeat)  version f1 03 or f1 04  length16
 * body
 *
 * A handshake message in the clear begins with its own length in 32 bits, so a ClientHello's record proves
 * itself; else two record heads are needed, chained or one from each side: 21 bits each, and the ends must
 * fit.
 *
 * The older long link: both sides send packets with a head of 16 bytes, all big-endian:
 *
 *     length32  head-length16 = 16  version16 = 1  command32  sequence32  body
 *
 * The same head is used by other push services (goim, Bilibili), but the answer of WeChat repeats the
 * sequence and adds 1,000,000,000 to the command: that is the proof.
 *
 * Sources: github.com/citizenlab/wechat-security-report docs/mmtls-layer (record types, versions,
 * ClientHello); a published analysis of WeChat 4.1 for Windows (records 15 to 19 with f1 04; keep-alive
 * 00000010 00100001 00000006 ffffffff); github.com/Tencent/mars for the older head.
 */
#include "base/cursor.h"
#include "identify/parser.h"
#include <stdio.h>

enum {
    RECORD_HEAD_BYTES = 5,
    RECORD_BYTES_MAX = 0x4800, /* 2^14 and the growth that TLS allows */
    LINK_HEAD_BYTES = 16,
    LINK_BYTES_MAX = 1 << 24,
    ANSWER = 1000000000, /* added to a command in its answer */
    COMMAND_MAX = 1 << 20,
    COMMAND_NOOP = 6,
};

enum { ALERT = 0x15, HANDSHAKE = 0x16, DATA = 0x17, RESUMPTION = 0x19 };

struct record {
    uint8_t type, minor;
    uint16_t len;
};

struct link_head {
    uint32_t len, command, sequence;
};

struct mmtls {
    bool link, login, chat;
    uint32_t skip[2];
};

extern const struct parser parser_mmtls;

static bool is_record_type(uint8_t type)
{
    return (type >= ALERT && type <= DATA) || type == RESUMPTION;
}

static bool mmtls_starts(uint8_t first, enum flow_dir from)
{
    (void)from;
    return is_record_type(first) || first == 0;
}

/* A record head from the front of `c`. */
static enum im_answer take_record(struct cursor *c, struct record *out)
{
    struct view there = cursor_peek(c);

    out->type = cursor_u8(c);
    uint16_t version = cursor_u16(c);
    out->minor = (uint8_t)version;
    out->len = cursor_u16(c);
    if (c->bad) {
        struct cursor part = cursor_open(there);
        uint8_t type = cursor_u8(&part);
        bool fits = part.bad || is_record_type(type);
        uint8_t major = cursor_u8(&part);
        fits &= part.bad || major == 0xf1;
        uint8_t minor = cursor_u8(&part);
        fits &= part.bad || minor == 3 || minor == 4;
        return fits ? IM_MORE : IM_NO;
    }
    bool good = is_record_type(out->type) && version >> 8 == 0xf1 && (out->minor == 3 || out->minor == 4) &&
                out->len > 0 && out->len <= RECORD_BYTES_MAX;
    return good ? IM_YES : IM_NO;
}

/* Heads of records in one direction. A handshake message whose length fits its record counts as one more. */
static enum im_answer count_records(struct view v, unsigned *heads, uint8_t *minor)
{
    struct cursor c = cursor_open(v);

    for (unsigned i = 0; i < 2 && cursor_left(&c) > 0; i++) {
        struct record r;
        enum im_answer answer = take_record(&c, &r);
        if (answer != IM_YES)
            return answer;
        *heads += 1;
        *minor = r.minor;
        struct cursor body = cursor_open(view_slice(cursor_peek(&c), 0, r.len));
        bool handshake = r.type == HANDSHAKE || r.type == RESUMPTION;
        if (i == 0 && handshake && r.len > 8 && cursor_u32(&body) == r.len - 4u)
            *heads += 1;
        cursor_skip(&c, r.len);
    }
    return IM_YES;
}

/* Take a head of the older long link. */
static enum im_answer take_link_head(struct cursor *c, struct link_head *out)
{
    out->len = cursor_u32(c);
    uint16_t head = cursor_u16(c), version = cursor_u16(c);
    out->command = cursor_u32(c);
    out->sequence = cursor_u32(c);
    if (c->bad)
        return IM_MORE;
    return out->len >= LINK_HEAD_BYTES && out->len <= LINK_BYTES_MAX && head == LINK_HEAD_BYTES &&
                   version == 1
               ? IM_YES
               : IM_NO;
}

static enum im_answer probe_link(const struct sample *s, struct finding *out)
{
    struct cursor ask = cursor_open(s->bytes[FROM_CLIENT]), tell = cursor_open(s->bytes[FROM_SERVER]);
    struct link_head asked, told;
    enum im_answer answer = take_link_head(&ask, &asked);

    if (answer != IM_YES)
        return answer;
    if (asked.command == 0 || asked.command > COMMAND_MAX)
        return IM_NO;
    answer = take_link_head(&tell, &told);
    if (answer != IM_YES)
        return answer;
    if (told.command != asked.command + ANSWER || told.sequence != asked.sequence)
        return IM_NO;
    snprintf(out->value, sizeof out->value, "WeChat long link, command %u", asked.command);
    return IM_YES;
}

static enum im_answer mmtls_probe(const struct sample *s, struct finding *out)
{
    struct view client = s->bytes[FROM_CLIENT];
    unsigned heads = 0;
    uint8_t minor = 0;

    if (view_starts(client, VIEW("\0")))
        return probe_link(s, out);
    for (unsigned d = 0; d < 2; d++)
        if (count_records(s->bytes[d], &heads, &minor) == IM_NO)
            return IM_NO;
    if (heads < 2)
        return IM_MORE;
    snprintf(out->value, sizeof out->value, "MMTLS records, version f1%02x", minor);
    return IM_YES;
}

static void tell_once(struct session *s, bool *told, enum activity a)
{
    if (!*told)
        session_activity(s, a, NULL);
    *told = true;
}

/* One head of either kind. False: not whole, or not sense. */
static bool follow_head(struct mmtls *m, struct session *s, struct cursor *c, uint32_t *skip)
{
    bool login, chat;

    if (m->link) {
        struct link_head h;
        if (take_link_head(c, &h) != IM_YES)
            return false;
        chat = h.command % ANSWER != COMMAND_NOOP && h.len > LINK_HEAD_BYTES;
        login = true;
        *skip = h.len - LINK_HEAD_BYTES;
    } else {
        struct record r;
        if (take_record(c, &r) != IM_YES)
            return false;
        login = r.type == HANDSHAKE || r.type == RESUMPTION;
        chat = r.type == DATA;
        *skip = r.len;
    }
    if (login)
        tell_once(s, &m->login, ACTIVITY_LOGIN);
    if (chat)
        tell_once(s, &m->chat, ACTIVITY_CHAT);
    return true;
}

static size_t mmtls_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct mmtls *m = state;
    struct cursor c = cursor_open(in);

    if (!m->login && !m->chat)
        m->link = view_starts(in, VIEW("\0"));
    for (;;) {
        struct view rest = view_slice(cursor_peek(&c), 0, m->skip[from]);
        cursor_skip(&c, rest.len);
        m->skip[from] -= (uint32_t)rest.len;
        struct cursor ahead = c;
        if (m->skip[from] > 0 || cursor_left(&c) < (m->link ? (size_t)LINK_HEAD_BYTES : RECORD_HEAD_BYTES))
            break;
        if (!follow_head(m, s, &ahead, &m->skip[from]) || (m->login && m->chat)) {
            session_delivery(s, DELIVERY_SERVER_PROXY);
            session_settle(s);
            return in.len;
        }
        c = ahead;
    }
    return in.len - cursor_left(&c);
}

const struct parser parser_mmtls = {
    .protocol = PROTOCOL_MMTLS,
    .service = "wechat",
    .on = PARSER_TCP | PARSER_BODY,
    .starts = mmtls_starts,
    .probe = mmtls_probe,
    .state_size = sizeof(struct mmtls),
    .feed = mmtls_feed,
};
