/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making packets. Each is written from its front to its back into a `struct made`, whose lengths and
 * checksums are filled in at the end. What is known of a flow comes out of its decoded packet; only ICMP
 * errors and changes in place read the packet itself, with the parser of IP headers below, which refuses what
 * it does not know for certain: a wrong checksum would be worse than no packet.
 *
 * Sources: IPv4 RFC 791, RFC 6864 (identification 0 with "do not fragment"); IPv6 RFC 8200, section 8.1 on
 * the pseudo-header; TCP RFC 9293, RFC 5961; UDP RFC 768; ICMP RFC 792, RFC 1122 section 3.2.2, RFC 1812
 * section 4.3.2; ICMPv6 RFC 4443; DNS RFC 1035, EDNS RFC 6891, RFC 8914.
 */
#include "enforce/forge.h"
#include "base/cursor.h"

enum {
    TCP = 6,
    UDP = 17,
    ICMP = 1,
    ICMPV6 = 58,
    IPV4_BYTES = 20,
    IPV6_BYTES = 40,
    TCP_BYTES = 20,
    UDP_BYTES = 8,
    ICMP_BYTES = 8,
    HOPS = 64,
    SEGMENT_BYTES = 1220, /* of data: with headers the least that a link for IPv6 carries */
    ICMP_MOST = 576,      /* RFC 1812 section 4.3.2.3 */
    ICMPV6_MOST = 1280,   /* RFC 4443 section 2.4 (c) */
};

/* ---- checksums (RFC 1071) ---- */

/* Of 16-bit words in the order of memory, so that the result is stored as it is. All pieces of a sum but the
 * last have an even length. */
static uint64_t sum(uint64_t n, const uint8_t *at, size_t len)
{
    for (; len >= 4; at += 4, len -= 4) {
        uint32_t word;
        memcpy(&word, at, 4);
        n += word;
    }
    if (len > 0) {
        uint8_t last[4] = { 0 };
        uint32_t word;
        memcpy(last, at, len);
        memcpy(&word, last, 4);
        n += word;
    }
    return n;
}

static void put_sum(uint8_t at[2], uint64_t n)
{
    while (n >> 16 != 0)
        n = (n & 0xffff) + (n >> 16);
    uint16_t word = (uint16_t)~n;
    memcpy(at, &word, 2);
}

static void put16(uint8_t at[2], size_t n)
{
    at[0] = (uint8_t)(n >> 8);
    at[1] = (uint8_t)n;
}

/* An IP header, as far as checksums need it. */
struct ends {
    const uint8_t *addresses; /* source, destination */
    bool v4;
    uint8_t protocol;
};

/* The sum of what a transport's checksum covers. */
static uint64_t transport_sum(const struct ends *e, const uint8_t *at, size_t len)
{
    uint8_t behind[8] = { (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8),
                          (uint8_t)len, [7] = e->protocol };

    return sum(sum(sum(0, e->addresses, e->v4 ? 8 : 32), behind, sizeof behind), at, len);
}

/* Where in its header each transport has its checksum. */
static size_t checksum_at(uint8_t protocol)
{
    return protocol == TCP ? 16 : protocol == UDP ? 6 : 2;
}

static void put_transport_sum(const struct ends *e, uint8_t *at, size_t len)
{
    uint8_t *field = at + checksum_at(e->protocol);

    put16(field, 0);
    put_sum(field, e->protocol == ICMP ? sum(0, at, len) : transport_sum(e, at, len));
    if (e->protocol == UDP && field[0] == 0 && field[1] == 0)
        put16(field, 0xffff); /* 0 says that there is none */
}

/* ---- a packet that is being made ---- */

struct made {
    uint8_t *at;   /* IP header */
    size_t header; /* its length */
    size_t len;    /* of all so far */
    uint8_t protocol;
};

static bool is_one_machine(const struct ip_addr *ip)
{
    const uint8_t *o = ip->octet;

    if (ip_is_zero(ip))
        return false;
    return ip_is_v4(ip) ? o[12] > 0 && o[12] < 224 : o[0] != 0xff;
}

/* Begin one from `src` to `dst`. False: between these ends goes none. */
static bool begin(struct made *m, uint8_t *out, uint8_t protocol, const struct ip_addr *src,
                  const struct ip_addr *dst)
{
    bool v4 = ip_is_v4(dst);

    if (v4 != ip_is_v4(src) || !is_one_machine(src) || !is_one_machine(dst))
        return false;
    *m = (struct made){ .at = out, .header = v4 ? IPV4_BYTES : IPV6_BYTES, .protocol = protocol };
    m->len = m->header;
    memset(out, 0, m->header);
    if (v4) {
        out[0] = 0x45;
        out[6] = 0x40; /* do not fragment */
        out[8] = HOPS;
        out[9] = protocol;
        memcpy(out + 12, src->octet + 12, 4);
        memcpy(out + 16, dst->octet + 12, 4);
    } else {
        out[0] = 0x60;
        out[6] = protocol;
        out[7] = HOPS;
        memcpy(out + 8, src->octet, 16);
        memcpy(out + 24, dst->octet, 16);
    }
    return true;
}

static void add(struct made *m, const void *bytes, size_t len)
{
    memcpy(m->at + m->len, bytes, len);
    m->len += len;
}

static void add16(struct made *m, size_t n)
{
    put16(m->at + m->len, n);
    m->len += 2;
}

static void add32(struct made *m, uint32_t n)
{
    add16(m, n >> 16);
    add16(m, n & 0xffff);
}

static size_t finish(struct made *m)
{
    bool v4 = m->header == IPV4_BYTES;
    struct ends e = { m->at + (v4 ? 12 : 8), v4, m->protocol };

    if (v4) {
        put16(m->at + 2, m->len);
        put_sum(m->at + 10, sum(0, m->at, IPV4_BYTES));
    } else {
        put16(m->at + 4, m->len - IPV6_BYTES);
    }
    put_transport_sum(&e, m->at + m->header, m->len - m->header);
    return m->len;
}

/* ---- TCP ---- */

static void add_tcp(struct made *m, uint16_t from, uint16_t to, uint32_t seq, uint32_t ack, uint8_t flags,
                    uint16_t window)
{
    add16(m, from);
    add16(m, to);
    add32(m, seq);
    add32(m, ack);
    add16(m, 0x5000u | flags);
    add16(m, window);
    add32(m, 0); /* checksum, urgent pointer */
}

/* Sequence number behind what the packet holds. */
static uint32_t seq_behind(const struct packet *p)
{
    return p->seq + p->payload_len + ((p->tcp_flags & TCP_SYN) != 0) + ((p->tcp_flags & TCP_FIN) != 0);
}

size_t forge_reset(const struct packet *p, enum forge_way way, bool reached, uint8_t out[FORGE_BYTES])
{
    bool acks = (p->tcp_flags & TCP_ACK) != 0;
    struct made m;

    if (p->l4 != TCP || (p->tcp_flags & TCP_RST) != 0 || p->tunnels > 0)
        return 0;
    if (way == FORGE_TO_SENDER) {
        if (!begin(&m, out, TCP, &p->dst, &p->src))
            return 0;
        add_tcp(&m, p->dst_port, p->src_port, acks ? p->ack : 0, seq_behind(p), TCP_RST | TCP_ACK, 0);
    } else {
        if (!begin(&m, out, TCP, &p->src, &p->dst))
            return 0;
        add_tcp(&m, p->src_port, p->dst_port, reached ? seq_behind(p) : p->seq, acks ? p->ack : 0,
                (uint8_t)(TCP_RST | (acks ? TCP_ACK : 0)), 0);
    }
    return finish(&m);
}

size_t forge_answer(const struct packet *p, struct view answer, uint8_t out[FORGE_BYTES])
{
    uint32_t seq = p->ack;
    size_t used = 0, done = 0;

    if (p->l4 != TCP || (p->tcp_flags & (TCP_SYN | TCP_RST | TCP_ACK)) != TCP_ACK || p->payload_len == 0 ||
        p->tunnels > 0 || answer.len == 0)
        return 0;
    answer = view_slice(answer, 0, FORGE_ANSWER_BYTES);
    while (done < answer.len) {
        struct view piece = view_slice(answer, done, done + SEGMENT_BYTES);
        bool last = done + piece.len == answer.len;
        struct made m;
        if (!begin(&m, out + used, TCP, &p->dst, &p->src))
            return 0;
        add_tcp(&m, p->dst_port, p->src_port, seq, seq_behind(p),
                (uint8_t)(TCP_ACK | (last ? TCP_PSH | TCP_FIN : 0)), 65535);
        add(&m, piece.at, piece.len);
        used += finish(&m);
        done += piece.len;
        seq += (uint32_t)piece.len;
    }
    return used;
}

_Static_assert(FORGE_ANSWER_BYTES + (FORGE_ANSWER_BYTES / SEGMENT_BYTES + 1) * (IPV6_BYTES + TCP_BYTES) <=
                   FORGE_BYTES,
               "the longest answer must fit");

/* ---- DNS ---- */

enum {
    DNS_BYTES = 12,
    DNS_NAME_BYTES = 255,
    DNS_RECORDS = 8, /* behind the question, that are looked at */
    DNS_OPT = 41,
    DNS_QUERY = 0x8000,   /* bit is 0 in a question */
    DNS_KEPT = 0x7910,    /* operation code, "recursion desired", "checking disabled" */
    DNS_NO_NAME = 0x8083, /* answer, recursion available, name error */
    DNS_BLOCKED = 15,     /* RFC 8914 section 4.16 */
    DNS_EDE = 15,         /* the option "extended DNS error" */
    DNS_UDP_BYTES = 1232,
};

/* Skip a name without compression. */
static bool skip_name(struct cursor *c)
{
    for (size_t len = 1; len <= DNS_NAME_BYTES;) {
        uint8_t label = cursor_u8(c);
        cursor_skip(c, label);
        if (c->bad || label > 63)
            return false;
        if (label == 0)
            return true;
        len += label + 1u;
    }
    return false;
}

/* Is one of the `n` records to come that of EDNS? */
static bool has_edns(struct cursor *c, unsigned n)
{
    for (unsigned i = 0; i < n && i < DNS_RECORDS && skip_name(c); i++) {
        uint16_t type = cursor_u16(c);
        cursor_skip(c, 6);
        (void)cursor_block16(c);
        if (c->bad || type == DNS_OPT)
            return !c->bad;
    }
    return false;
}

size_t forge_no_such_name(const struct packet *p, uint8_t out[FORGE_BYTES])
{
    struct cursor c = cursor_open(p->payload);
    struct made m;

    if (p->l4 != UDP || p->tunnels > 0)
        return 0;
    uint16_t id = cursor_u16(&c), flags = cursor_u16(&c), questions = cursor_u16(&c);
    unsigned records = cursor_u16(&c);
    records += cursor_u16(&c);
    records += cursor_u16(&c);
    const uint8_t *question = c.at;
    if (c.bad || (flags & DNS_QUERY) != 0 || questions != 1 || !skip_name(&c))
        return 0;
    cursor_skip(&c, 4);
    if (c.bad || !begin(&m, out, UDP, &p->dst, &p->src))
        return 0;
    size_t question_bytes = (size_t)(c.at - question);
    bool edns = has_edns(&c, records);

    add16(&m, p->dst_port);
    add16(&m, p->src_port);
    add32(&m, 0); /* length, checksum */
    add16(&m, id);
    add16(&m, (flags & DNS_KEPT) | DNS_NO_NAME);
    add16(&m, 1);
    add32(&m, 0);
    add16(&m, edns);
    add(&m, question, question_bytes);
    if (edns) {
        add(&m, "", 1); /* the root */
        add16(&m, DNS_OPT);
        add16(&m, DNS_UDP_BYTES);
        add32(&m, 0);
        add16(&m, 6);
        add16(&m, DNS_EDE);
        add16(&m, 2);
        add16(&m, DNS_BLOCKED);
    }
    put16(m.at + m.header + 4, m.len - m.header);
    return finish(&m);
}

/* ---- packets from the IP header on ---- */

enum {
    NEXT_HOP_BY_HOP = 0,
    NEXT_ROUTING = 43,
    NEXT_FRAGMENT = 44,
    NEXT_OPTIONS = 60,
    NEXT_MOBILITY = 135,
    EXTENSIONS = 16,
    IPV4_LOOSE_ROUTE = 131,
    IPV4_STRICT_ROUTE = 137,
};

struct ip_head {
    struct ip_addr src, dst;
    bool v4;
    uint8_t protocol;
    bool fragment, first; /* a part; or all of it, or the first part */
    bool routed;          /* goes by way of others: the destination is not that of the checksum */
    size_t transport;     /* where it begins */
    uint64_t end;         /* where it ends, as the header says: may be more than there is */
};

/* Does a packet with these options take a way that its sender chose? */
static bool is_source_routed(struct view options)
{
    struct cursor c = cursor_open(options);

    while (cursor_left(&c) > 0) {
        uint8_t kind = cursor_u8(&c);
        if (kind == 0)
            break;
        if (kind == 1)
            continue;
        if (kind == IPV4_LOOSE_ROUTE || kind == IPV4_STRICT_ROUTE)
            return true;
        uint8_t len = cursor_u8(&c);
        if (len < 2)
            return true; /* nobody knows */
        cursor_skip(&c, len - 2u);
    }
    return false;
}

static bool read_ipv4(struct view ip, struct ip_head *out)
{
    if (ip.len < IPV4_BYTES)
        return false;
    size_t header = (ip.at[0] & 15u) * 4;
    uint16_t total = view_u16(ip, 2), fragmentation = view_u16(ip, 6);
    if (header < IPV4_BYTES || header > ip.len || (total != 0 && total < header))
        return false;
    *out = (struct ip_head){
        .src = ip_from_v4(ip.at + 12),
        .dst = ip_from_v4(ip.at + 16),
        .v4 = true,
        .protocol = ip.at[9],
        .fragment = (fragmentation & 0x3fff) != 0,
        .first = (fragmentation & 0x1fff) == 0,
        .routed = is_source_routed(view_slice(ip, IPV4_BYTES, header)),
        .transport = header,
        .end = total != 0 ? total : ip.len, /* 0: longer than the field can say */
    };
    return true;
}

static bool read_ipv6(struct view ip, struct ip_head *out)
{
    struct cursor c = cursor_open(view_from(ip, IPV6_BYTES));

    if (ip.len < IPV6_BYTES)
        return false;
    uint16_t length = view_u16(ip, 4);
    *out = (struct ip_head){
        .src = ip_from_v6(ip.at + 8),
        .dst = ip_from_v6(ip.at + 24),
        .protocol = ip.at[6],
        .first = true,
        .end = length != 0 ? IPV6_BYTES + (uint64_t)length : ip.len, /* 0: a jumbogram */
    };
    for (unsigned i = 0; i < EXTENSIONS; i++) {
        out->transport = ip.len - cursor_left(&c);
        bool options = out->protocol == NEXT_HOP_BY_HOP || out->protocol == NEXT_OPTIONS ||
                       out->protocol == NEXT_ROUTING || out->protocol == NEXT_MOBILITY;
        if (!out->first || (!options && out->protocol != NEXT_FRAGMENT))
            return out->transport <= out->end;
        uint8_t next = cursor_u8(&c), units = cursor_u8(&c);
        if (out->protocol == NEXT_FRAGMENT) {
            uint16_t fragmentation = cursor_u16(&c);
            out->fragment = (fragmentation & 0xfff9) != 0;
            out->first = fragmentation >> 3 == 0;
            cursor_skip(&c, 4);
        } else {
            struct cursor rest = cursor_sub(&c, units * 8u + 6u);
            cursor_skip(&rest, 1); /* the type of routing */
            if (out->protocol == NEXT_ROUTING && cursor_u8(&rest) != 0)
                out->routed = true;
        }
        if (c.bad)
            return false;
        out->protocol = next;
    }
    return false;
}

static bool read_ip(struct view ip, struct ip_head *out)
{
    uint8_t version = ip.len > 0 ? ip.at[0] >> 4 : 0;

    return version == 4 ? read_ipv4(ip, out) : version == 6 && read_ipv6(ip, out);
}

/* ---- ICMP ---- */

/* Errors are not answered with errors: RFC 1122 section 3.2.2, RFC 4443 section 2.4 (e). */
static bool is_error(const struct ip_head *h, uint8_t type)
{
    if (h->protocol == ICMP && h->v4)
        return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
    return h->protocol == ICMPV6 && !h->v4 && (type < 128 || type == 137 /* redirect */);
}

size_t forge_unreachable(struct view ip, uint8_t out[FORGE_BYTES])
{
    struct ip_head h;
    struct made m;

    if (!read_ip(ip, &h) || !h.first)
        return 0;
    ip = view_slice(ip, 0, (size_t)h.end); /* without what fills up a frame */
    if (h.transport >= ip.len || is_error(&h, ip.at[h.transport]))
        return 0;
    if (!begin(&m, out, h.v4 ? ICMP : ICMPV6, &h.dst, &h.src))
        return 0;
    bool ports = h.protocol == TCP || h.protocol == UDP;
    uint8_t v4[2] = { 3, ports ? 3 : 13 }, v6[2] = { 1, ports ? 4 : 1 };
    struct view head = view_slice(ip, 0, (h.v4 ? ICMP_MOST : ICMPV6_MOST) - m.header - ICMP_BYTES);
    add(&m, h.v4 ? v4 : v6, 2);
    add16(&m, 0);
    add32(&m, 0);
    add(&m, head.at, head.len);
    return finish(&m);
}

/* ---- changes in place ---- */

/* Where the payload begins and ends. False: not all there. */
static bool find_payload(struct view segment, uint8_t protocol, struct view *out_segment, size_t *out_header)
{
    if (protocol == TCP) {
        if (segment.len < TCP_BYTES)
            return false;
        *out_header = (segment.at[12] >> 4) * 4u;
        if (*out_header < TCP_BYTES)
            return false;
    } else {
        if (segment.len < UDP_BYTES)
            return false;
        size_t len = view_u16(segment, 4);
        if ((len != 0 && len < UDP_BYTES) || len > segment.len)
            return false;
        *out_header = UDP_BYTES;
        segment = view_slice(segment, 0, len != 0 ? len : segment.len);
    }
    *out_segment = segment;
    return *out_header <= segment.len;
}

/* The transport's segment of the packet that `p` is the decoding of, in `all`, where it is whole and plain.
 */
static bool find_segment(struct view all, const struct packet *p, struct ip_head *h, struct view *segment,
                         size_t *header)
{
    if (p->tunnels > 0 || (p->l4 != TCP && p->l4 != UDP) || !read_ip(all, h) || h->fragment || h->routed ||
        h->protocol != p->l4 || h->end > all.len || !ip_equal(&h->src, &p->src) ||
        !ip_equal(&h->dst, &p->dst))
        return false;
    return find_payload(view_slice(all, h->transport, (size_t)h->end), h->protocol, segment, header) &&
           view_u16(*segment, 0) == p->src_port && view_u16(*segment, 2) == p->dst_port;
}

/* All of a packet's checksums anew; its segment has `len` bytes. */
static void put_sums(uint8_t *ip, const struct ip_head *h, size_t len)
{
    uint8_t *at = ip + h->transport;

    if (h->v4) {
        put16(ip + 10, 0);
        put_sum(ip + 10, sum(0, ip, h->transport));
    }
    bool none = h->v4 && h->protocol == UDP && at[6] == 0 && at[7] == 0;
    if (!none)
        put_transport_sum(&(struct ends){ ip + (h->v4 ? 12 : 8), h->v4, h->protocol }, at, len);
}

bool forge_overwrite(uint8_t *ip, size_t len, const struct packet *p, size_t offset, size_t count,
                     uint8_t with)
{
    struct view segment;
    struct ip_head h;
    size_t header;

    if (!find_segment(view_of(ip, len), p, &h, &segment, &header))
        return false;
    if (offset > segment.len - header || count > segment.len - header - offset)
        return false;
    memset(ip + h.transport + header + offset, with, count);
    put_sums(ip, &h, segment.len);
    return true;
}

unsigned forge_window_scale(struct view ip, const struct packet *p)
{
    enum { END = 0, NOTHING = 1, WINDOW_SCALE = 3, LARGEST = 14 };
    struct view segment;
    struct ip_head h;
    size_t header;

    if (p->l4 != TCP || (p->tcp_flags & TCP_SYN) == 0 || !find_segment(ip, p, &h, &segment, &header))
        return 0;
    struct cursor c = cursor_open(view_slice(segment, TCP_BYTES, header));
    while (cursor_left(&c) > 0) {
        uint8_t kind = cursor_u8(&c);
        if (kind == END)
            break;
        if (kind == NOTHING)
            continue;
        uint8_t bytes = cursor_u8(&c); /* with these two */
        if (bytes < 2)
            break;
        if (kind == WINDOW_SCALE && bytes == 3) {
            uint8_t scale = cursor_u8(&c);
            return scale < LARGEST ? scale : LARGEST;
        }
        cursor_skip(&c, bytes - 2u);
    }
    return 0;
}

bool forge_window(uint8_t *ip, size_t len, const struct packet *p, uint16_t most)
{
    struct view segment;
    struct ip_head h;
    size_t header;

    if (p->l4 != TCP || !find_segment(view_of(ip, len), p, &h, &segment, &header) ||
        view_u16(segment, 14) <= most)
        return false;
    put16(ip + h.transport + 14, most);
    put_sums(ip, &h, segment.len);
    return true;
}
