/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telegram calls over a reflector: UDP, ports 500 to 600 and 1400 of its servers; found on any port.
 *
 * Every datagram, in both directions, begins with the call's 16-byte peer tag. What the client has to say to
 * the reflector itself, and its answer, follow with 12 bytes of ff where a packet for the other user has its
 * cipher text:
 *
 *     tag[16]  ff x 12  ff ff ff ff            who am I, to learn the public address
 *     tag[16]  ff x 12  fe ff ff ff  id64      ping
 *     tag[16]  ff x 12  c7 72 15 c0  ...       answer: time, id, address, port
 *
 * The 96 one-bits after a random tag are the proof; calls begin with them, and packets that only share their
 * tag are waited through. Calls of newer clients by WebRTC begin with STUN instead: see the parser of STUN.
 *
 * Sources: libtgvoip VoIPController.cpp and tests/MockReflector.cpp (public domain), tgcalls
 * ReflectorPort.cpp (read for the format); nDPI telegram.c (run of 12 ff).
 */
#include "base/cursor.h"
#include "im/call.h"
#include "im/random.h"
#include <stdio.h>

enum { TAG_BYTES = 16, MARK_BYTES = 12, REQUEST_BYTES_MIN = 32, DATAGRAMS_MAX = 12 };

extern const struct parser parser_telegram_call;

static enum im_answer telegram_call_probe(const struct sample *s, struct finding *out)
{
    const struct view mark = VIEW("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
    struct cursor c = cursor_open(s->datagram);
    struct view tag = cursor_take(&c, TAG_BYTES);

    if (s->datagram.len < REQUEST_BYTES_MIN || !looks_random(tag) ||
        !view_equal(tag, view_slice(head_view(&s->heads[0]), 0, TAG_BYTES)))
        return IM_NO;
    if (!view_equal(cursor_take(&c, MARK_BYTES), mark))
        return s->head_count < DATAGRAMS_MAX ? IM_MORE : IM_NO;
    snprintf(out->value, sizeof out->value, "Telegram reflector request");
    return IM_YES;
}

static size_t telegram_call_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    (void)state;
    (void)from;
    return call_feed(s, DELIVERY_SERVER_PROXY, in);
}

const struct parser parser_telegram_call = {
    .protocol = PROTOCOL_TELEGRAM_CALL,
    .service = "telegram",
    .on = PARSER_UDP,
    .probe = telegram_call_probe,
    .feed = telegram_call_feed,
};
