/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imo calls: UDP; found on any port.
 *
 * Little is known of the protocol, so three shapes of its datagrams are matched, and only two that answer
 * each other are taken for proof (40 bits of constants and two exact lengths):
 *
 *     09 02 ...        10 bytes, from one side
 *     00 09 03 ...     11 bytes, from the other
 *     88 49 1a 00 ...  1099 bytes, with one of the other two
 *
 * Source: nDPI imo.c. Its rule of two equal one-byte datagrams is no proof and not used.
 */
#include "base/cursor.h"
#include "im/call.h"
#include <stdio.h>

enum { DATAGRAMS_MAX = 8 };

extern const struct parser parser_imo;

static const struct shape {
    struct view start;
    uint16_t len;
} shapes[] = {
    { { (const uint8_t *)"\x09\x02", 2 }, 10 },
    { { (const uint8_t *)"\x00\x09\x03", 3 }, 11 },
    { { (const uint8_t *)"\x88\x49\x1a\x00", 4 }, 1099 },
};

enum { SHAPES = sizeof shapes / sizeof shapes[0] };

/* Which shape is it? SHAPES: none. */
static unsigned find_shape(const struct datagram_head *h)
{
    unsigned i = 0;

    while (i < SHAPES && !(h->len == shapes[i].len && view_starts(head_view(h), shapes[i].start)))
        i++;
    return i;
}

static bool is_probe_byte(const struct datagram_head *h)
{
    return h->len == 1;
}

static enum im_answer imo_probe(const struct sample *s, struct finding *out)
{
    bool from_seen[SHAPES] = { false };
    uint8_t from[SHAPES] = { 0 };

    for (unsigned i = 0; i < s->head_count; i++) {
        unsigned shape = find_shape(&s->heads[i]);
        if (shape == SHAPES && !is_probe_byte(&s->heads[i]))
            return IM_NO;
        if (shape == SHAPES)
            continue;
        from_seen[shape] = true;
        from[shape] = s->heads[i].from;
    }
    bool answered = from_seen[0] && from_seen[1] && from[0] != from[1];
    if (answered || (from_seen[2] && (from_seen[0] || from_seen[1]))) {
        snprintf(out->value, sizeof out->value, "imo call datagrams");
        return IM_YES;
    }
    return s->head_count < DATAGRAMS_MAX ? IM_MORE : IM_NO;
}

static size_t imo_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    (void)state;
    (void)from;
    return call_feed(s, DELIVERY_UNKNOWN, in);
}

const struct parser parser_imo = {
    .protocol = PROTOCOL_IMO,
    .service = "imo",
    .on = PARSER_UDP,
    .probe = imo_probe,
    .feed = imo_feed,
};
