/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signs in the headers of a TCP connection that somebody else sends in the name of one side. Whoever injects
 * does not stop the true sender, who goes on where he was: so nothing is told before things went back to what
 * they were. A change that lasts has other reasons (another route, bytes that the capture lost).
 *
 * - Sequence jump: a segment more than 16 MiB away from the newest byte of its side, and after it one that
 *   goes on near that byte. 16 MiB is more than the receive window that systems grow to by themselves (Linux
 *   6 MiB, Windows 16 MiB), so neither a retransmission nor a full window is that far; of blind guesses at a
 *   sequence number less than one in a hundred is nearer. Three segments that follow each other elsewhere are
 *   a stream that went on while the capture did not. Several strays, each elsewhere, before it goes on are
 *   as many jumps (eight at most): so looks a search for the right number.
 * - TTL change: twelve segments of data in a row came with one TTL, then one to three with another that is
 *   two hops away or more (or one hop, twice), then the first again. A route change moves all that follows;
 *   routers that spread packets over several ways show it before twelve are equal, or again and again: a
 *   side whose TTL moved more than eight times is believed nothing any more. Only data that is new counts:
 *   keep-alives, probes and resets come from boxes on the way as well.
 * - Reset ignored: new bytes of a side a second or more after its RST, beyond the RST's number. What was on
 *   its way when the reset came is faster.
 *
 * Numbers are compared modulo 2^32 (RFC 9293 section 3.4). Cannot know: an injection with the TTL of the true
 * sender and numbers that fit shows only where bytes come twice and differ (flow/stream.c).
 */
#include "identify/tamper.h"

enum {
    FAR_BYTES = 16 << 20,
    FAR_MOVED = 3, /* strays in a row that are the stream's new place */
    TTL_STABLE = 12,
    TTL_ODD = 3, /* more in a row: the route changed */
    TTL_MOVES = 8,
    RESET_US = 1000000,
};

static int32_t distance(uint32_t from, uint32_t seq)
{
    return (int32_t)(seq - from);
}

static bool is_far(int32_t ahead)
{
    return ahead > FAR_BYTES || ahead < -FAR_BYTES;
}

static void found(struct tamper_found *out, enum anomaly a, int64_t by)
{
    out->of[out->count].anomaly = a;
    out->of[out->count++].by = by;
}

static void see_ttl(struct tamper_side *s, uint8_t ttl, struct tamper_found *out)
{
    if (ttl == s->ttl) {
        int away = s->odd_ttl - ttl;
        bool was_odd = s->odd > 0, near = away == 1 || away == -1;
        s->odd = 0;
        if (!was_odd)
            s->same = s->same < TTL_STABLE ? (uint8_t)(s->same + 1) : s->same;
        else if (s->moves <= TTL_MOVES && (!near || ++s->near_returns > 1))
            found(out, ANOMALY_TTL_CHANGE, away);
        return;
    }
    if (s->odd == 0 && s->moves < UINT8_MAX)
        s->moves++;
    s->odd = s->same == TTL_STABLE ? (uint8_t)(s->odd + 1) : 0;
    s->odd_ttl = ttl;
    if (s->odd > 0 && s->odd <= TTL_ODD)
        return;
    s->ttl = ttl; /* not settled yet, or another route */
    s->same = 1;
    s->odd = 0;
}

/* Is this near its side's newest byte, and new? Follows the stream to a place where it goes on. */
static bool see_place(struct tamper_side *s, const struct packet *p, struct tamper_found *out)
{
    uint32_t end = p->seq + p->payload_len;
    int32_t ahead = distance(s->end, p->seq);

    if (!s->started) {
        s->started = true;
        s->end = end;
        return true;
    }
    if (is_far(ahead)) {
        bool follows = s->far > 0 && !is_far(distance(s->far_end, p->seq));
        s->far = follows ? (uint8_t)(s->far + 1) : 1;
        s->strays = follows || s->strays == TAMPER_STRAYS ? s->strays : (uint8_t)(s->strays + 1);
        s->far_end = end;
        if (s->far == FAR_MOVED) {
            s->far = 0;
            s->strays = 0;
            s->end = end;
        }
        return true;
    }
    for (; s->strays > 0; s->strays--)
        found(out, ANOMALY_SEQUENCE_JUMP, distance(s->end, s->far_end));
    s->far = 0;
    bool is_new = distance(s->end, end) > 0;
    if (is_new)
        s->end = end;
    return is_new;
}

void tamper_segment(struct tamper *t, enum flow_dir from, const struct packet *p, struct tamper_found *out)
{
    struct tamper_side *s = &t->side[from];

    out->count = 0;
    if ((p->tcp_flags & (TCP_RST | TCP_SYN)) != 0)
        return;
    if (!see_place(s, p, out))
        return;
    see_ttl(s, p->ttl, out);
    if (s->reset_us != 0 && p->time_us >= s->reset_us + RESET_US && s->far == 0 &&
        distance(s->reset_seq, s->end) > 0) {
        found(out, ANOMALY_RESET_IGNORED, (int64_t)((p->time_us - s->reset_us) / 1000));
        s->reset_us = 0;
    }
}

void tamper_reset(struct tamper *t, enum flow_dir from, const struct packet *p)
{
    struct tamper_side *s = &t->side[from];

    if (!s->started || is_far(distance(s->end, p->seq)))
        return; /* no stack would take it */
    s->reset_us = p->time_us;
    s->reset_seq = p->seq;
}
