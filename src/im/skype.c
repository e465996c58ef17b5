/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Skype's own peer-to-peer protocol, in use until 2014 and longer: UDP, one port of each user, any port.
 *
 *     id16  flags4 type4  ...
 *     type 2   payload      iv32  crc32  obfuscated
 *     type 7   refusal      the address that the sender is seen at  seed32                11 bytes
 *     type 3   resent       number8  seed32  ...
 *     type 5   error, with the same fields as a refusal
 *     type d   sound
 *     type f   fragment
 *
 * The obfuscation's key is made from both public addresses, so a user behind a NAT is refused at first: the
 * refusal repeats the id of the payload, and the payload is sent again with the refusal's seed. Those three
 * datagrams are the proof (two ids, a seed, three types, a length: 80 bits and more). Two are enough where
 * the address in the refusal is the client's own. Flows in which nothing is refused cannot be proved, nor can
 * TCP.
 *
 * Source: github.com/matthiasbock/OpenSkype, wiki "Skype's UDP Format" and skypeudp.py (2014).
 */
#include "base/cursor.h"
#include "identify/parser.h"
#include <stdio.h>

enum {
    PAYLOAD = 0x2,
    RESENT = 0x3,
    ERROR = 0x5,
    REFUSAL = 0x7,
    SOUND = 0xd,
    FRAGMENT = 0xf,
    REFUSAL_BYTES = 11,
    PAYLOAD_BYTES_MIN = 12,
    SOUND_DATAGRAMS = 10, /* that make a call */
    DATAGRAMS_MAX = 12,
};

struct skype {
    bool known;
    unsigned sound;
};

struct skype_head {
    uint16_t id, len;
    uint8_t type;
    struct view seed, address;
};

extern const struct parser parser_skype;

static struct skype_head read_head(const struct datagram_head *h)
{
    struct cursor c = cursor_open(view_of(h->data, h->kept));
    struct skype_head s = { .len = h->len };

    s.id = cursor_u16(&c);
    s.type = cursor_u8(&c) & 0x0f;
    if (s.type == REFUSAL)
        s.address = cursor_take(&c, 4);
    else
        cursor_skip(&c, 1);
    s.seed = cursor_take(&c, 4);
    if (c.bad || (s.type == REFUSAL && s.len != REFUSAL_BYTES))
        s.type = 0;
    return s;
}

static bool is_known_type(const struct skype_head *h)
{
    return h->type == PAYLOAD || h->type == RESENT || h->type == ERROR || h->type == SOUND ||
           h->type == FRAGMENT || h->type == REFUSAL;
}

/* Does a refusal of the other side answer datagram `asked`, and is it believed? */
static bool is_refused(const struct sample *s, unsigned asked)
{
    struct skype_head payload = read_head(&s->heads[asked]);
    uint8_t from = s->heads[asked].from;

    for (unsigned i = asked + 1; i < s->head_count; i++) {
        struct skype_head refusal = read_head(&s->heads[i]);
        if (s->heads[i].from == from || refusal.type != REFUSAL || refusal.id != payload.id)
            continue;
        struct ip_addr seen_at = ip_from_v4(refusal.address.at);
        if (ip_equal(&seen_at, &s->addr[from]))
            return true;
        for (unsigned j = i + 1; j < s->head_count; j++) {
            struct skype_head again = read_head(&s->heads[j]);
            if (s->heads[j].from == from && again.type == RESENT && again.id == payload.id &&
                view_equal(again.seed, refusal.seed))
                return true;
        }
    }
    return false;
}

static enum im_answer skype_probe(const struct sample *s, struct finding *out)
{
    for (unsigned i = 0; i < s->head_count; i++) {
        struct skype_head h = read_head(&s->heads[i]);
        if (!is_known_type(&h) || (i == 0 && (h.type != PAYLOAD || h.len < PAYLOAD_BYTES_MIN)))
            return IM_NO;
        if (h.type == PAYLOAD && is_refused(s, i)) {
            snprintf(out->value, sizeof out->value, "Skype refusal");
            return IM_YES;
        }
    }
    return s->head_count < DATAGRAMS_MAX ? IM_MORE : IM_NO;
}

/* Users keep each other's places in the network; sound makes it a call. */
static size_t skype_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct skype *k = state;
    struct cursor c = cursor_open(in);

    (void)from;
    if (!k->known)
        session_activity(s, ACTIVITY_PRESENCE, NULL);
    k->known = true;
    cursor_skip(&c, 2);
    k->sound += (cursor_u8(&c) & 0x0f) == SOUND;
    if (k->sound == SOUND_DATAGRAMS) {
        session_activity(s, ACTIVITY_CALL, NULL);
        session_settle(s);
    }
    return in.len;
}

const struct parser parser_skype = {
    .protocol = PROTOCOL_SKYPE,
    .service = "skype",
    .on = PARSER_UDP,
    .probe = skype_probe,
    .state_size = sizeof(struct skype),
    .feed = skype_feed,
};
