/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tox: its distributed hash table over UDP.
 *
 * A node's packets begin with a kind and the node's public key, then a random nonce and what is encrypted to
 * the receiver (toktok.ltd/spec, "DHT Packet", "RPC Services"):
 *
 *     00 ping request, 01 answer         82 octets    kind, key[32], nonce[24], 25 encrypted
 *     02 nodes request                  113           kind, key[32], nonce[24], 56 encrypted
 *     04 nodes answer                    82 + n       one to four nodes of 39 or 51 octets
 *
 * There is no constant beside the kind. What proves it is the key: three packets of these sizes, two of which
 * come from one side and agree in all 32 octets of a key that looks random while their nonces differ, and one
 * that comes from the other side.
 */
#include "identify/parser.h"

enum {
    KEY_BYTES = 32,
    NONCE_SEEN = SAMPLE_HEAD_BYTES - 1 - KEY_BYTES, /* of the nonce in a head */
    PING_BYTES = 82,
    REQUEST_BYTES = 113,
    NODES_BYTES = 82,
    NODE_V4_BYTES = 39,
    NODE_V6_BYTES = 51,
    MOST_NODES = 4,
    NEEDED = 3,           /* datagrams */
    LEAST_DIFFERENT = 16, /* values of octets in a key: a random one has about 30 */
};

/* Is this the size of a nodes answer with one to four nodes of either family? */
static bool is_nodes_size(size_t len)
{
    for (size_t v4 = 0; v4 <= MOST_NODES; v4++)
        for (size_t v6 = 0; v4 + v6 <= MOST_NODES; v6++)
            if (v4 + v6 > 0 && len == NODES_BYTES + v4 * NODE_V4_BYTES + v6 * NODE_V6_BYTES)
                return true;
    return false;
}

static bool fits(uint8_t kind, size_t len)
{
    switch (kind) {
    case 0x00:
    case 0x01: return len == PING_BYTES;
    case 0x02: return len == REQUEST_BYTES;
    case 0x04: return is_nodes_size(len);
    default: return false;
    }
}

static struct view key_of(const struct datagram_head *h)
{
    return view_slice(view_of(h->data, h->kept), 1, 1 + KEY_BYTES);
}

static bool looks_random(struct view key)
{
    bool seen[256] = { false };
    unsigned different = 0;

    for (size_t i = 0; i < key.len; i++) {
        different += !seen[key.at[i]];
        seen[key.at[i]] = true;
    }
    return different >= LEAST_DIFFERENT;
}

/* Two packets of one node. */
static bool same_node(const struct datagram_head *a, const struct datagram_head *b)
{
    struct view nonce_a = view_from(view_of(a->data, a->kept), 1 + KEY_BYTES);
    struct view nonce_b = view_from(view_of(b->data, b->kept), 1 + KEY_BYTES);

    return a->from == b->from && nonce_a.len == NONCE_SEEN && !view_equal(nonce_a, nonce_b) &&
           view_equal(key_of(a), key_of(b)) && looks_random(key_of(a));
}

static enum im_answer tox_probe(const struct sample *s, struct finding *out)
{
    bool pair = false, sides[2] = { false, false };
    struct text value = TEXT(out->value);

    if (s->datagram.len < PING_BYTES || !fits(s->datagram.at[0], s->datagram.len))
        return IM_NO;
    for (unsigned i = 0; i < s->head_count; i++) {
        const struct datagram_head *h = &s->heads[i];
        if (h->kept == 0 || !fits(h->data[0], h->len))
            return IM_NO;
        sides[h->from & 1] = true;
        for (unsigned j = 0; j < i && !pair; j++)
            pair = same_node(&s->heads[j], h);
    }
    if (s->head_count < NEEDED || !pair || !sides[0] || !sides[1])
        return s->head_count < SAMPLE_HEADS ? IM_MORE : IM_NO;
    text_string(&value, "DHT packets of one key");
    return IM_YES;
}

static bool tox_starts(uint8_t first, enum flow_dir from)
{
    (void)from;
    return first <= 0x04;
}

static size_t tox_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    (void)state;
    (void)from;
    session_delivery(s, DELIVERY_PEER);
    session_activity(s, ACTIVITY_PRESENCE, NULL);
    session_settle(s);
    return in.len;
}

extern const struct parser parser_tox;

const struct parser parser_tox = {
    .protocol = PROTOCOL_TOX,
    .service = "tox",
    .on = PARSER_UDP,
    .starts = tox_starts,
    .probe = tox_probe,
    .feed = tox_feed,
};
