/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mumble: the ping by which its server list asks for version, users and delay, over UDP.
 *
 *     request   00000000 ident[8]                                                    12 octets
 *     answer    00 major minor patch, ident[8], users[4], most users[4], bandwidth[4]  24 octets
 *
 * Control is TLS over TCP and voice is encrypted (OCB-AES): both are left to the names they show. One
 * datagram of twelve octets proves nothing: the answer must repeat the ident and hold a version and numbers
 * that fit.
 *
 * Source: Mumble's protocol documentation, "UDP ping packet".
 */
#include "base/cursor.h"
#include "identify/parser.h"

enum {
    REQUEST_BYTES = 12,
    ANSWER_BYTES = 24,
    MOST_USERS = 100000,
    MOST_MAJOR = 3,
    LEAST_BANDWIDTH = 1000, /* bits a second and user */
};

struct ping {
    uint32_t version;
    struct view ident;
    uint32_t users, most, bandwidth;
};

static bool read_answer(struct view v, struct ping *out)
{
    struct cursor c = cursor_open(v);

    out->version = cursor_u32(&c);
    out->ident = cursor_take(&c, 8);
    out->users = cursor_u32(&c);
    out->most = cursor_u32(&c);
    out->bandwidth = cursor_u32(&c);
    uint32_t major = out->version >> 16;
    return cursor_done(&c) && major >= 1 && major <= MOST_MAJOR && out->users <= out->most && out->most > 0 &&
           out->most <= MOST_USERS && out->bandwidth >= LEAST_BANDWIDTH;
}

static bool is_request(struct view v, uint16_t len)
{
    struct cursor c = cursor_open(v);

    return len == REQUEST_BYTES && cursor_u32(&c) == 0;
}

static enum im_answer mumble_probe(const struct sample *s, struct finding *out)
{
    struct text value = TEXT(out->value);
    struct ping ping;

    if (is_request(s->datagram, (uint16_t)s->datagram.len))
        return s->head_count < SAMPLE_HEADS ? IM_MORE : IM_NO;
    if (!read_answer(s->datagram, &ping))
        return IM_NO;
    for (unsigned i = 0; i < s->head_count; i++) {
        const struct datagram_head *h = &s->heads[i];
        struct view head = view_of(h->data, h->kept);
        if (h->from == s->from || !is_request(head, h->len) ||
            !view_equal(view_slice(head, 4, REQUEST_BYTES), ping.ident))
            continue;
        text_format(&value, "ping answer, version %u.%u.%u", ping.version >> 16, ping.version >> 8 & 0xff,
                    ping.version & 0xff);
        return IM_YES;
    }
    return IM_NO;
}

static bool mumble_starts(uint8_t first, enum flow_dir from)
{
    (void)from;
    return first == 0;
}

static size_t mumble_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    char text[24];
    struct text version = TEXT(text);
    struct ping ping;

    (void)state;
    if (from == FROM_SERVER && read_answer(in, &ping)) {
        text_format(&version, "%u.%u.%u", ping.version >> 16, ping.version >> 8 & 0xff, ping.version & 0xff);
        session_version(s, view_of(text, version.len));
        session_activity(s, ACTIVITY_PRESENCE, NULL);
        session_settle(s);
    }
    return in.len;
}

extern const struct parser parser_mumble;

const struct parser parser_mumble = {
    .protocol = PROTOCOL_MUMBLE,
    .service = "mumble",
    .on = PARSER_UDP,
    .starts = mumble_starts,
    .probe = mumble_probe,
    .feed = mumble_feed,
};
