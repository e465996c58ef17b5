/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RTP, the carrier of voice and video, where nothing before it in the flow says what it is.
 *
 * Header (RFC 3550 section 5.1): version 2 in two bits, padding, extension, count of sources in four; marker
 * and payload type; seq16; timestamp32; ssrc32; the sources; with the extension bit an extension of id16 and
 * its length in words. RTCP shares the flow (RFC 5761 section 4): its types 192 to 223 stand where marker and
 * payload type do, then its length in words less one.
 *
 * RTP has no constant but two bits, so it is known by its shape: three datagrams of one source, numbers
 * rising. It proves no service; STUN in the same flow may, so the flow is followed as STUN's are. Limit:
 * eight datagrams are asked.
 */
#include "identify/rtp.h"
#include "base/cursor.h"
#include "identify/stun.h"

enum {
    HEADER_BYTES = 12,
    VERSION_2 = 0x80,
    RTCP_FIRST = 192,
    RTCP_LAST = 223,
    LOSS_LIMIT = 32,
    ENOUGH = 3,
    ASK_LIMIT = 8
};

/* Assigned ones below 35 (RFC 3551 section 6, tables 4 and 5), and the dynamic ones. */
static bool payload_type_is_sane(uint8_t type)
{
    static const uint64_t assigned = 0x79607fff9;

    return type >= 96 || (type < 35 && (assigned >> type & 1) != 0);
}

bool rtp_read(struct view head, size_t len, struct rtp_head *out)
{
    struct cursor c = cursor_open(head);
    uint8_t first = cursor_u8(&c), second = cursor_u8(&c);

    out->payload_type = second & 0x7f;
    out->seq = cursor_u16(&c);
    cursor_skip(&c, 4);
    out->ssrc = cursor_u32(&c);
    size_t header = HEADER_BYTES + 4u * (first & 0x0f);
    if (c.bad || (first & 0xc0) != VERSION_2 || !payload_type_is_sane(out->payload_type) || header > len)
        return false;
    if ((first & 0x10) != 0) {
        cursor_skip(&c, header - HEADER_BYTES + 2);
        header += 4 + 4u * cursor_u16(&c);
    }
    return header <= len;
}

bool rtcp_looks(struct view head, size_t len)
{
    struct cursor c = cursor_open(head);
    uint8_t first = cursor_u8(&c), type = cursor_u8(&c);
    size_t bytes = 4u * (cursor_u16(&c) + 1u);

    return !c.bad && (first & 0xc0) == VERSION_2 && type >= RTCP_FIRST && type <= RTCP_LAST && bytes <= len;
}

bool rtp_follows(const struct rtp_head *a, const struct rtp_head *b)
{
    uint16_t step = (uint16_t)(b->seq - a->seq);

    return a->ssrc == b->ssrc && a->payload_type == b->payload_type && step > 0 && step < LOSS_LIMIT;
}

static bool rtp_starts(uint8_t first, enum flow_dir from)
{
    (void)from;
    return (first & 0xc0) == VERSION_2;
}

static enum im_answer rtp_probe(const struct sample *s, struct finding *out)
{
    struct rtp_head last[2] = { 0 };
    unsigned run[2] = { 0, 0 };
    struct text value = TEXT(out->value);

    for (unsigned i = 0; i < s->head_count; i++) {
        const struct datagram_head *h = &s->heads[i];
        struct view head = view_of(h->data, h->kept);
        enum flow_dir from = h->from;
        struct rtp_head rtp;

        if (rtcp_looks(head, h->len))
            continue;
        if (!rtp_read(head, h->len, &rtp))
            return IM_NO;
        run[from] = run[from] > 0 && rtp_follows(&last[from], &rtp) ? run[from] + 1 : 1;
        last[from] = rtp;
        if (run[from] >= ENOUGH) {
            text_format(&value, "RTP of payload type %u", rtp.payload_type);
            return IM_YES;
        }
    }
    return s->head_count < ASK_LIMIT ? IM_MORE : IM_NO;
}

extern const struct parser parser_rtp;
const struct parser parser_rtp = {
    .protocol = PROTOCOL_RTP,
    .on = PARSER_UDP,
    .starts = rtp_starts,
    .probe = rtp_probe,
    .state_size = sizeof(struct stun),
    .feed = stun_feed,
};
