/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KakaoTalk's LOCO: TCP 443 (booking), 8080, 9001, 5223 and others; found on any port.
 *
 * The client begins with the key for what follows, encrypted for the server; then both sides send packets:
 *
 *     key-length32 = 256  key-encryption32 (5, 12, 15 ...)  cipher32 (2: AES-CFB128, 3: AES-GCM)  encrypted
 * key length32  [IV or nonce]  encrypted packet                 repeated; little-endian
 *
 * Inside, or bare in very old clients, a packet has a head of 22 bytes: id32 status16 method[11] type8
 * length32, and a BSON body, which begins with its own length again.
 *
 * Clients of 2015 used one IV for all packets, so the head of an answer, which repeats id, status and method
 * of the request, is the same cipher text. That proves a connection whose beginning was not seen: two
 * requests whose answers begin with their own 16 bytes, all with one status and different ids.
 *
 * Sources: github.com/storycraft/node-kakao (packet and crypto, 2023); KakaoTalk LOCO analyses of 2012
 * (bft.pe.kr) for the bare form.
 */
#include "base/cursor.h"
#include "identify/parser.h"
#include "im/random.h"
#include <stdio.h>

enum {
    KEY_BYTES = 256,
    HELLO_BYTES = 12 + KEY_BYTES,
    KEY_ENCRYPTION_MAX = 63,
    CIPHER_MAX = 7,
    HEAD_BYTES = 22,
    METHOD_BYTES = 11,
    PACKET_BYTES_MAX = 1 << 24,
    ECHO_BYTES = 16,
    OLD_BYTES_MAX = 1 << 16, /* of packets that are guessed at */
    PAIRS = 2,
    PAIR_PACKETS_MAX = 32, /* packets of the server that are compared */
};

static const char *const methods[] = {
    "CHECKIN",   "GETCONF",    "LOGINLIST", "BOOKING", "NCHATLIST",
    "LCHATLIST", "CHATONROOM", "WRITE",     "MSG",     "PING",
};

struct loco {
    bool hello, bare;
    unsigned packets; /* of the client */
    uint32_t skip;
};

extern const struct parser parser_loco;

static bool loco_starts(uint8_t first, enum flow_dir from)
{
    (void)first; /* may be any */
    return from == FROM_CLIENT;
}

/* The key must look like one; eight samples of 32 bytes. */
static bool is_key(struct view key)
{
    for (size_t at = 0; at < KEY_BYTES; at += 32)
        if (!looks_random(view_slice(key, at, at + 32)))
            return false;
    return true;
}

static enum im_answer probe_hello(struct view v, struct finding *out)
{
    struct cursor c = cursor_open(v);
    uint32_t length = cursor_le32(&c);
    bool wrong = !c.bad && length != KEY_BYTES;
    uint32_t encryption = cursor_le32(&c);
    wrong |= !c.bad && (encryption == 0 || encryption > KEY_ENCRYPTION_MAX);
    uint32_t cipher = cursor_le32(&c);
    wrong |= !c.bad && (cipher == 0 || cipher > CIPHER_MAX);
    if (wrong)
        return IM_NO;
    struct view key = cursor_take(&c, KEY_BYTES);
    uint32_t packet = cursor_le32(&c);
    if (c.bad)
        return IM_MORE;
    if (!is_key(key) || packet < HEAD_BYTES || packet > PACKET_BYTES_MAX)
        return IM_NO;
    snprintf(out->value, sizeof out->value, "LOCO key exchange, types %u and %u", encryption, cipher);
    return IM_YES;
}

/* Which known method is this field, padded with NULs? NULL: none. */
static const char *find_method(struct view field)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        struct view name = view_string(methods[i]);
        struct view padding = view_slice(VIEW("\0\0\0\0\0\0\0\0\0\0\0"), name.len, METHOD_BYTES);
        if (view_starts(field, name) && view_equal(view_from(field, name.len), padding))
            return methods[i];
    }
    return NULL;
}

/* A packet that is not encrypted; its BSON body repeats the length. */
static enum im_answer probe_bare(struct view v, struct finding *out)
{
    struct cursor c = cursor_open(v);

    cursor_skip(&c, 4);
    uint16_t status = cursor_le16(&c);
    struct view field = cursor_take(&c, METHOD_BYTES);
    bool wrong = status != 0 || (field.len > 0 && find_method(field) == NULL);
    uint8_t type = cursor_u8(&c);
    uint32_t length = cursor_le32(&c);
    uint32_t body = cursor_le32(&c);
    if (wrong || (!c.bad && (type != 0 || length != body || length > PACKET_BYTES_MAX)))
        return IM_NO;
    if (c.bad)
        return IM_MORE;
    snprintf(out->value, sizeof out->value, "LOCO %s", find_method(field));
    return IM_YES;
}

/* The next packet's first bytes; its rest is skipped. False: no further packet that is there that far. */
static bool next_packet(struct cursor *c, struct view *out_start, bool *out_bad)
{
    uint32_t length = cursor_le32(c);

    if (c->bad)
        return false;
    *out_bad = length < HEAD_BYTES || length > OLD_BYTES_MAX;
    *out_start = view_slice(cursor_peek(c), 0, ECHO_BYTES);
    cursor_skip(c, length);
    return !*out_bad && out_start->len == ECHO_BYTES;
}

/* Is there a packet of the client that begins with these bytes? */
static bool was_asked(struct view client, struct view start)
{
    struct cursor c = cursor_open(client);
    struct view asked;
    bool bad;

    while (next_packet(&c, &asked, &bad))
        if (view_equal(asked, start))
            return true;
    return false;
}

static enum im_answer probe_midstream(const struct sample *s, struct finding *out)
{
    struct cursor c = cursor_open(s->bytes[FROM_CLIENT]);
    struct view first = { 0 }, start;
    unsigned pairs = 0;
    bool bad = false;

    (void)next_packet(&c, &start, &bad);
    if (bad)
        return IM_NO;
    c = cursor_open(s->bytes[FROM_SERVER]);
    for (unsigned i = 0; i < PAIR_PACKETS_MAX && next_packet(&c, &start, &bad); i++) {
        if (!looks_random(start))
            return IM_NO;
        if (!was_asked(s->bytes[FROM_CLIENT], start))
            continue;
        bool same_id = pairs > 0 && view_equal(view_slice(start, 0, 4), view_slice(first, 0, 4));
        bool same_status = pairs == 0 || view_equal(view_slice(start, 4, 6), view_slice(first, 4, 6));
        if (!same_status)
            return IM_NO;
        first = pairs == 0 ? start : first;
        pairs += !same_id;
    }
    if (bad)
        return IM_NO;
    snprintf(out->value, sizeof out->value, "LOCO answers that repeat their requests");
    out->confidence = 90;
    return pairs >= PAIRS ? IM_YES : IM_MORE;
}

static enum im_answer loco_probe(const struct sample *s, struct finding *out)
{
    struct view client = s->bytes[FROM_CLIENT];

    if (client.len == 0 && !s->midstream)
        return s->bytes[FROM_SERVER].len > 0 ? IM_NO : IM_MORE;
    enum im_answer answer = probe_hello(client, out);
    if (answer == IM_NO)
        answer = probe_bare(client, out);
    return answer == IM_NO && s->midstream ? probe_midstream(s, out) : answer;
}

/* One packet head of the client: the first of a connection signs in, what follows is the conversation. */
static bool follow_packet(struct loco *l, struct session *s, struct cursor *c)
{
    if (l->bare) {
        cursor_skip(c, HEAD_BYTES - 4);
        l->skip = cursor_le32(c);
    } else {
        l->skip = cursor_le32(c);
    }
    if (c->bad)
        return false;
    l->packets++;
    if (l->packets == 1) {
        session_activity(s, ACTIVITY_LOGIN, NULL);
        session_delivery(s, DELIVERY_SERVER_PROXY);
    } else if (l->packets == 3) {
        session_activity(s, ACTIVITY_CHAT, NULL);
        session_settle(s);
    }
    return true;
}

static size_t loco_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct loco *l = state;
    struct cursor c = cursor_open(in);

    if (from == FROM_SERVER)
        return in.len;
    if (!l->hello) {
        struct finding ignored = { 0 };
        bool key = probe_hello(in, &ignored) == IM_YES;
        l->hello = true;
        l->bare = !key && probe_bare(in, &ignored) == IM_YES;
        cursor_skip(&c, key ? HELLO_BYTES : 0);
    }
    while (l->packets < 3) {
        struct view rest = view_slice(cursor_peek(&c), 0, l->skip);
        cursor_skip(&c, rest.len);
        l->skip -= (uint32_t)rest.len;
        struct cursor ahead = c;
        if (l->skip > 0 || !follow_packet(l, s, &ahead))
            break;
        c = ahead;
    }
    return in.len - cursor_left(&c);
}

const struct parser parser_loco = {
    .protocol = PROTOCOL_LOCO,
    .service = "kakaotalk",
    .on = PARSER_TCP,
    .starts = loco_starts,
    .probe = loco_probe,
    .state_size = sizeof(struct loco),
    .feed = loco_feed,
};
