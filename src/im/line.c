/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LINE calls: UDP, high ports of its servers; found on any port.
 *
 * Signalling of a call and its media keys use packets of one form, media itself is RTP between them:
 *
 *     11010 or 11011 (5 bits)  length of what follows the next two bytes (11 bits)  sequence16  ...
 *     b6  type  length16  ...                                                       older clients
 *
 * The length of every packet fits the datagram's, and a side's sequence numbers go up by one. Two packets of
 * one side are 5 + 11 + 5 + 11 + 16 bits; three packets with a fitting length, one of them such a successor
 * or from the other side with another one, are asked for. Of the older form, three packets (24 bits each),
 * two types or more.
 *
 * Source: nDPI line.c (first bytes d0, d8, d9, da, db, b6 13, b6 07, b6 09, b6 18; byte 3 counts); length and
 * sequence by comparing packets with each other.
 */
#include "base/cursor.h"
#include "im/call.h"
#include <stdio.h>

enum {
    PACKETS = 3,
    DATAGRAMS_MAX = 10,
    HEAD_BYTES = 4,
    OLD_FIRST = 0xb6,
    RTP_FIRST = 0x80,
    RTP_MASK = 0xc0,
};

struct line_packet {
    bool new_form, old_form;
    uint16_t sequence;
    uint8_t type; /* of the old form */
};

extern const struct parser parser_line_call;

static bool line_starts(uint8_t first, enum flow_dir from)
{
    (void)from;
    return (first & 0xf0) == 0xd0 || first == OLD_FIRST;
}

static struct line_packet read_packet(const struct datagram_head *h)
{
    struct cursor c = cursor_open(head_view(h));
    uint16_t first = cursor_u16(&c), second = cursor_u16(&c);
    size_t rest = c.bad ? 0 : h->len - HEAD_BYTES;

    return (struct line_packet){
        .new_form = !c.bad && first >> 12 == 0xd && (first & 0x7ff) == rest,
        .old_form = !c.bad && first >> 8 == OLD_FIRST && second == rest,
        .sequence = second,
        .type = (uint8_t)first,
    };
}

/* Packets whose sequence number is the one after another packet's of their side. */
static unsigned successors(const struct sample *s)
{
    unsigned n = 0;

    for (unsigned i = 1; i < s->head_count; i++)
        for (unsigned j = 0; j < i; j++) {
            struct line_packet a = read_packet(&s->heads[j]), b = read_packet(&s->heads[i]);
            n += a.new_form && b.new_form && s->heads[i].from == s->heads[j].from &&
                 b.sequence == (uint16_t)(a.sequence + 1);
        }
    return n;
}

static enum im_answer line_probe(const struct sample *s, struct finding *out)
{
    unsigned of_new = 0, of_old = 0, types = 0;
    struct line_packet first = read_packet(&s->heads[0]);

    for (unsigned i = 0; i < s->head_count; i++) {
        struct line_packet p = read_packet(&s->heads[i]);
        struct cursor c = cursor_open(head_view(&s->heads[i]));
        bool rtp = i > 0 && (cursor_u8(&c) & RTP_MASK) == RTP_FIRST;
        if (!p.new_form && !p.old_form && !rtp)
            return IM_NO;
        of_new += p.new_form;
        of_old += p.old_form;
        types += p.old_form && p.type != first.type;
    }
    if ((of_new >= PACKETS && successors(s) > 0) || (of_old >= PACKETS && types > 0)) {
        snprintf(out->value, sizeof out->value, "LINE call signalling");
        return IM_YES;
    }
    return s->head_count < DATAGRAMS_MAX ? IM_MORE : IM_NO;
}

static size_t line_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    (void)state;
    (void)from;
    return call_feed(s, DELIVERY_UNKNOWN, in);
}

const struct parser parser_line_call = {
    .protocol = PROTOCOL_LINE_CALL,
    .service = "line",
    .on = PARSER_UDP,
    .starts = line_starts,
    .probe = line_probe,
    .feed = line_feed,
};
