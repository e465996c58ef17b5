/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telegram's MTProto: TCP 443, 80, 5222, or inside the WebSocket of web.telegram.org; found on any port and
 * address.
 *
 * The client says by its first bytes how messages are framed; little-endian, both directions:
 *
 *     abridged      ef, then        length8 in words, or 7f and length24 in words
 *     intermediate  eeeeeeee, then  length32
 *     padded        dddddddd, then  length32, up to 15 bytes of it padding
 *     full          no tag          length32 (of all)  sequence32 from 0  message  CRC-32 of all before
 *     bare          no tag          one message, the body of a POST (mtproto-transports, HTTP)
 *
 * A message begins with the 64-bit id of the key it is encrypted with. It is 24 bytes and a multiple of 16
 * long; with id 0 it is clear (message id64, length32, constructor32): the key exchange of a first login,
 * which begins with req_pq or req_pq_multi. The top bit of a length asks for, or from the server is, a quick
 * acknowledgement.
 *
 * Obfuscated transport (all clients today) encrypts this with AES-256-CTR. The stream begins with 64 random
 * bytes: 8 to 39 are the key, 40 to 55 the counter; their own cipher text shows the tag at 56 to 59
 * (abridged: efefefef). The server's direction uses the same bytes backwards. Chance finds a tag 3 times in
 * 2^32, and the first length must make sense as well. Behind an MTProxy secret the key is not on the wire:
 * not provable, nor is a connection from its middle. Only the 16 bytes of key stream that are needed are
 * computed.
 *
 * AES is libcrypto's block function, not EVP: it needs no heap, and measured 0.27 against 0.83 microseconds
 * for the check. The auth key id is a person's pseudonym and is never told.
 *
 * Sources: core.telegram.org/mtproto/mtproto-transports, core.telegram.org/mtproto/description and /auth_key;
 * github.com/tdlib/td td/mtproto/TcpTransport.cpp (2026-07), also for the starts that clients avoid.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* the block function, see above */
#include "base/cursor.h"
#include "identify/parser.h"
#include "im/random.h"
#include <openssl/aes.h>
#include <stdio.h>
#include <zlib.h>

enum transport { ABRIDGED, INTERMEDIATE, PADDED, FULL, BARE };

enum {
    START_BYTES = 64, /* of the obfuscated transport */
    KEY_AT = 8,
    KEY_BYTES = 32,
    COUNTER_BYTES = 16,
    TAG_AT = 56,
    TEXT_BYTES = 12, /* as much text at the start is no key */
    KEY_ID_BYTES = 8,
    FRAME_BYTES_MAX = 1 << 25,     /* parts of files have a mebibyte */
    FULL_BYTES_MAX = 8192,         /* of a first frame that is checked whole */
    BARE_BYTES = 64,               /* a first message of the key exchange is shorter, behind its key id */
    FILE_BYTES = 16384,            /* frames from here on are parts of files */
    HEAD_BYTES = 4 + KEY_ID_BYTES, /* longest head of a frame */
};

static const char *const transport_names[] = { "abridged", "intermediate", "padded intermediate", "full",
                                               "over HTTP" };

/* One direction's key stream. */
struct keys {
    AES_KEY schedule;
    uint8_t counter[COUNTER_BYTES];
};

struct way {
    uint64_t offset; /* of the next byte in the stream */
    uint32_t skip;   /* bytes of the frame under way */
};

struct mtproto {
    bool begun, obfuscated;
    uint8_t transport;
    bool login, chat, file;
    struct keys keys[2];
    struct way way[2];
};

extern const struct parser parser_mtproto;

static bool mtproto_starts(uint8_t first, enum flow_dir from)
{
    (void)first; /* may be any */
    return from == FROM_CLIENT;
}

/* ---- the obfuscated transport ---- */

/* `start`: the 64 bytes, in the order in which this direction reads them. */
static void keys_init(struct keys *k, struct view start)
{
    struct cursor c = cursor_open(start);

    cursor_skip(&c, KEY_AT);
    (void)AES_set_encrypt_key(cursor_take(&c, KEY_BYTES).at, 8 * KEY_BYTES, &k->schedule);
    memcpy(k->counter, cursor_take(&c, COUNTER_BYTES).at, COUNTER_BYTES);
}

/* Block number `n` of the key stream. */
static void keys_block(const struct keys *k, uint64_t n, uint8_t out[AES_BLOCK_SIZE])
{
    uint8_t counter[COUNTER_BYTES];

    for (int i = COUNTER_BYTES - 1; i >= 0; i--) {
        n += k->counter[i];
        counter[i] = (uint8_t)n;
        n >>= 8;
    }
    AES_encrypt(counter, out, &k->schedule);
}

/* Decrypt the first bytes of `in`, at most HEAD_BYTES, which lie at `offset` of the stream. Returns how many.
 */
static size_t keys_read(const struct keys *k, uint64_t offset, struct view in, uint8_t out[HEAD_BYTES])
{
    uint8_t block[AES_BLOCK_SIZE];
    size_t n = in.len < HEAD_BYTES ? in.len : HEAD_BYTES;
    struct cursor c = cursor_open(in);

    for (size_t i = 0; i < n; i++) {
        if (i == 0 || (offset + i) % AES_BLOCK_SIZE == 0)
            keys_block(k, (offset + i) / AES_BLOCK_SIZE, block);
        out[i] = cursor_u8(&c) ^ block[(offset + i) % AES_BLOCK_SIZE];
    }
    return n;
}

/* Does the stream prove itself obfuscated? Needs its first 64 bytes. */
static bool find_tag(struct view start, struct keys *k, enum transport *out)
{
    static const uint8_t tags[] = { [ABRIDGED] = 0xef, [INTERMEDIATE] = 0xee, [PADDED] = 0xdd };
    uint8_t tag[HEAD_BYTES];

    keys_init(k, start);
    (void)keys_read(k, TAG_AT, view_slice(start, TAG_AT, START_BYTES), tag);
    for (unsigned t = ABRIDGED; t <= PADDED; t++)
        if (tag[0] == tags[t] && tag[1] == tags[t] && tag[2] == tags[t] && tag[3] == tags[t]) {
            *out = (enum transport)t;
            return true;
        }
    return false;
}

/* ---- frames ---- */

struct frame_head {
    uint32_t len; /* of the message, 0: a quick acknowledgement */
    uint64_t key_id;
    bool has_key_id; /* false: shorter than that, an error code */
};

/* Take a head of abridged, intermediate or padded framing, key id included. */
static enum im_answer take_frame(struct cursor *c, enum transport transport, enum flow_dir from,
                                 struct frame_head *out)
{
    uint32_t len;

    *out = (struct frame_head){ 0 };
    if (transport == ABRIDGED) {
        uint8_t first = cursor_u8(c);
        if (from == FROM_SERVER && (first & 0x80) != 0) {
            cursor_skip(c, 3);
            return c->bad ? IM_MORE : IM_YES;
        }
        len = first & 0x7f;
        if (len == 0x7f) {
            struct cursor words = cursor_sub(c, 3);
            len = cursor_u8(&words);
            len |= (uint32_t)cursor_u8(&words) << 8;
            len |= (uint32_t)cursor_u8(&words) << 16;
        }
        len *= 4;
    } else {
        len = cursor_le32(c);
        if (from == FROM_SERVER && (len & 0x80000000u) != 0)
            return IM_YES;
        len &= 0x7fffffffu;
    }
    if (c->bad)
        return IM_MORE;
    if (len < 4 || len > FRAME_BYTES_MAX || (transport == INTERMEDIATE && len % 4 != 0))
        return IM_NO;
    out->len = len;
    out->has_key_id = len >= KEY_ID_BYTES + 16; /* errors are 4 bytes, and padding */
    if (out->has_key_id) {
        out->key_id = cursor_le64(c);
        out->len -= KEY_ID_BYTES;
    }
    return c->bad ? IM_MORE : IM_YES;
}

/* Is this the beginning of a message's data after key id 0: message id, length, and a first step of the
 * exchange? */
static enum im_answer is_key_exchange(struct cursor *c, uint32_t len)
{
    static const uint32_t req_pq = 0x60469778, req_pq_multi = 0xbe7e8ef1;

    cursor_skip(c, 8);
    uint32_t data = cursor_le32(c), constructor = cursor_le32(c);
    if (c->bad)
        return IM_MORE;
    return data + 12 <= len && (constructor == req_pq || constructor == req_pq_multi) ? IM_YES : IM_NO;
}

/* Can a message have this length, key id included? */
static bool is_message_length(uint32_t len, enum transport transport)
{
    return len >= 40 && (transport == PADDED || len % 16 == 8);
}

/* ---- probing ---- */

/* A clear start with a tag. Two messages with one key id are proof where the tag alone is not. */
static enum im_answer probe_tagged(const struct sample *s, enum transport transport, struct cursor *c)
{
    struct frame_head first, next;
    enum im_answer answer = take_frame(c, transport, FROM_CLIENT, &first);

    if (answer != IM_YES)
        return answer;
    if (!first.has_key_id)
        return IM_NO;
    if (first.key_id == 0)
        return is_key_exchange(c, first.len);
    if (!is_message_length(first.len + KEY_ID_BYTES, transport))
        return IM_NO;
    if (transport != ABRIDGED)
        return IM_YES;
    cursor_skip(c, first.len);
    if (take_frame(c, transport, FROM_CLIENT, &next) == IM_YES && next.has_key_id)
        return next.key_id == first.key_id ? IM_YES : IM_NO;
    struct cursor server = cursor_open(s->bytes[FROM_SERVER]);
    do
        answer = take_frame(&server, transport, FROM_SERVER, &next);
    while (answer == IM_YES && next.len == 0); /* quick acknowledgements */
    if (answer == IM_YES && next.has_key_id)
        return next.key_id == first.key_id ? IM_YES : IM_NO;
    return answer == IM_NO ? IM_NO : IM_MORE;
}

/* The full transport: the first frame, whole, with its check sum. */
static enum im_answer probe_full(struct view v)
{
    struct cursor c = cursor_open(v);
    uint32_t len = cursor_le32(&c), sequence = cursor_le32(&c);

    if (len < 12 + KEY_ID_BYTES + 16 || len > FULL_BYTES_MAX || len % 4 != 0 || sequence != 0)
        return IM_NO;
    struct view message = cursor_take(&c, len - 12);
    uint32_t sum = cursor_le32(&c);
    if (c.bad)
        return IM_MORE;
    if (sum != crc32(0, view_slice(v, 0, len - 4).at, (uInt)(len - 4)))
        return IM_NO;
    struct cursor m = cursor_open(message);
    if (cursor_le64(&m) != 0)
        return is_message_length(len - 12, FULL) ? IM_YES : IM_NO;
    return is_key_exchange(&m, len - 12 - KEY_ID_BYTES) == IM_YES ? IM_YES : IM_NO;
}

static enum im_answer probe_obfuscated(struct view v, enum transport *out)
{
    struct keys k;
    uint8_t head[HEAD_BYTES];
    struct frame_head first;

    if (v.len < START_BYTES)
        return IM_MORE;
    if (!looks_random(view_slice(v, 0, START_BYTES)) || !find_tag(v, &k, out))
        return IM_NO;
    struct view rest = view_from(v, START_BYTES);
    struct cursor c = cursor_open(view_of(head, keys_read(&k, START_BYTES, rest, head)));
    return take_frame(&c, *out, FROM_CLIENT, &first);
}

/* Text, or the beginning of TLS: what clients take care not to begin with. */
static bool is_other(struct view v)
{
    struct cursor c = cursor_open(v);

    if (view_starts(v, VIEW("\x16\x03")) || view_starts(v, VIEW("GET ")) || view_starts(v, VIEW("POST")) ||
        view_starts(v, VIEW("HEAD")) || view_starts(v, VIEW("OPTI")))
        return true;
    for (unsigned i = 0; i < TEXT_BYTES; i++) {
        uint8_t byte = cursor_u8(&c);
        if (byte >= 0x7f || (byte < ' ' && byte != '\r' && byte != '\n' && byte != '\t'))
            return false;
    }
    return !c.bad;
}

/* Recognise the transport in the client's first bytes. */
static enum im_answer find_transport(const struct sample *s, enum transport *out, bool *out_obfuscated)
{
    struct view v = s->bytes[FROM_CLIENT];
    struct cursor c = cursor_open(v);

    *out_obfuscated = false;
    if (cursor_left(&c) == 0)
        return s->bytes[FROM_SERVER].len > 0 ? IM_NO : IM_MORE;
    if (is_other(v))
        return IM_NO;
    if (view_starts(v, VIEW("\xef"))) {
        cursor_skip(&c, 1);
        return probe_tagged(s, *out = ABRIDGED, &c);
    }
    uint32_t tag = cursor_u32(&c);
    if (tag == 0xeeeeeeee || tag == 0xdddddddd)
        return probe_tagged(s, *out = tag == 0xeeeeeeee ? INTERMEDIATE : PADDED, &c);
    uint32_t second = cursor_u32(&c);
    if (c.bad)
        return s->bytes[FROM_SERVER].len > 0 ? IM_NO : IM_MORE;
    if (tag == 0 && second == 0) { /* key id 0: nothing but the key exchange can be told */
        *out = BARE;
        return is_key_exchange(&c, BARE_BYTES);
    }
    if (second == 0) { /* never in the obfuscated transport */
        *out = FULL;
        return probe_full(v);
    }
    *out_obfuscated = true;
    enum im_answer answer = probe_obfuscated(v, out);
    return answer == IM_MORE && s->bytes[FROM_SERVER].len > 0 ? IM_NO : answer;
}

static enum im_answer mtproto_probe(const struct sample *s, struct finding *out)
{
    enum transport transport = ABRIDGED;
    bool obfuscated;

    enum im_answer answer = find_transport(s, &transport, &obfuscated);
    if (answer == IM_YES)
        snprintf(out->value, sizeof out->value, "MTProto %s%s", obfuscated ? "obfuscated, " : "",
                 transport_names[transport]);
    return answer;
}

/* ---- following ---- */

/* Set the keys from the client's first bytes and step over what stands before its first frame. */
static bool begin(struct mtproto *m, struct view in)
{
    struct sample s = { .l4 = L4_TCP, .bytes = { in, view_of(NULL, 0) } };
    enum transport transport = ABRIDGED;

    (void)find_transport(&s, &transport, &m->obfuscated);
    m->transport = (uint8_t)transport;
    m->begun = true;
    m->way[FROM_CLIENT].skip = m->obfuscated           ? START_BYTES
                               : transport == ABRIDGED ? 1
                               : transport == FULL     ? 0
                                                       : 4;
    if (!m->obfuscated)
        return true;
    if (in.len < START_BYTES)
        return false;
    uint8_t backwards[START_BYTES];
    struct cursor c = cursor_open(in);
    for (unsigned i = START_BYTES; i > 0; i--)
        backwards[i - 1] = cursor_u8(&c);
    keys_init(&m->keys[FROM_CLIENT], in);
    keys_init(&m->keys[FROM_SERVER], view_of(backwards, START_BYTES));
    return true;
}

/* A frame's head at the front of `in`; returns its bytes, 0: not whole or no sense (then *out_lost). */
static size_t read_head(const struct mtproto *m, enum flow_dir from, struct view in, struct frame_head *out,
                        bool *out_lost)
{
    uint8_t clear[HEAD_BYTES];
    struct view head = view_slice(in, 0, HEAD_BYTES);

    if (m->obfuscated)
        head = view_of(clear, keys_read(&m->keys[from], m->way[from].offset, in, clear));
    struct cursor c = cursor_open(head);
    enum im_answer answer = take_frame(&c, (enum transport)m->transport, from, out);
    *out_lost = answer == IM_NO;
    return answer == IM_YES ? head.len - cursor_left(&c) : 0;
}

/* The full transport's head: length of all, sequence, key id. */
static size_t read_full_head(struct view in, struct frame_head *out, bool *out_lost)
{
    struct cursor c = cursor_open(in);

    *out = (struct frame_head){ .len = cursor_le32(&c) };
    cursor_skip(&c, 4);
    if (c.bad)
        return 0;
    *out_lost = out->len < 16 || out->len > FRAME_BYTES_MAX;
    out->len -= 8;
    out->has_key_id = out->len >= KEY_ID_BYTES + 16;
    if (out->has_key_id) {
        out->key_id = cursor_le64(&c);
        out->len -= KEY_ID_BYTES;
    }
    return c.bad || *out_lost ? 0 : in.len - cursor_left(&c);
}

static void tell_once(struct session *s, bool *told, enum activity a)
{
    if (!*told)
        session_activity(s, a, NULL);
    *told = true;
}

static void tell_frame(struct mtproto *m, struct session *s, const struct frame_head *f)
{
    if (!f->has_key_id)
        return;
    if (f->key_id == 0)
        tell_once(s, &m->login, ACTIVITY_LOGIN);
    else if (f->len >= FILE_BYTES)
        tell_once(s, &m->file, ACTIVITY_FILE);
    else
        tell_once(s, &m->chat, ACTIVITY_CHAT);
}

static size_t mtproto_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct mtproto *m = state;
    struct way *way = &m->way[from];
    struct view rest = in;

    if (!m->begun) {
        if (from == FROM_SERVER)
            return 0; /* the client's start has the keys */
        if (!begin(m, in)) {
            session_settle(s);
            return in.len;
        }
        session_delivery(s, DELIVERY_SERVER_PROXY);
        if (m->transport == BARE) {
            tell_once(s, &m->login, ACTIVITY_LOGIN);
            session_settle(s);
            return in.len;
        }
    }
    while (rest.len > 0) {
        size_t used = rest.len < way->skip ? rest.len : way->skip;
        if (used > 0) {
            way->skip -= (uint32_t)used;
        } else {
            struct frame_head f = { 0 };
            bool lost = false;
            used =
                m->transport == FULL ? read_full_head(rest, &f, &lost) : read_head(m, from, rest, &f, &lost);
            if (lost) {
                session_settle(s);
                return in.len;
            }
            if (used == 0)
                break;
            tell_frame(m, s, &f);
            way->skip = f.len;
        }
        way->offset += used;
        rest = view_from(rest, used);
    }
    if (m->login && m->chat && m->file)
        session_settle(s);
    return in.len - rest.len;
}

const struct parser parser_mtproto = {
    .protocol = PROTOCOL_MTPROTO,
    .service = "telegram",
    .on = PARSER_TCP | PARSER_BODY,
    .starts = mtproto_starts,
    .probe = mtproto_probe,
    .state_size = sizeof(struct mtproto),
    .feed = mtproto_feed,
};
