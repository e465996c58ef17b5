/* SPDX-License-Identifier: Apache-2.0 */
/* What is forged, looked at with a checksum and a reader of its own. That the kernel and programs take it is
 * shown by test_inject.c. */
#include "enforce/forge.h"
#include "packet/frames.h"
#include "test.h"

#define A4 "\x0a\x01\x02\x03"
#define B4 "\xc0\x00\x02\x09"
#define A6 "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0a"
#define B6 "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0b"
#define SYN_HEADER(flags) "\x01\x02\x03\x04\x05\x06\x07\x08\x50" flags "\x20\x00\x00\x00\x00\x00"

enum { LINK_RAW = 101, TCP = 6, UDP = 17, FIN_PSH_ACK = TCP_FIN | TCP_PSH | TCP_ACK };
enum { SEQ = 0x01020304, ACK = 0x05060708, CLIENT = 40000, SERVER = 5222 };

static struct build b;
static uint8_t out[FORGE_BYTES];

/* ---- packets that are seen ---- */

static struct packet decode_ip(struct view ip)
{
    struct counters counters = { 0 };
    struct frame frame = { .data = ip, .wire_len = (uint32_t)ip.len, .link = LINK_RAW };
    struct packet p = { 0 };

    assert_int_equal(decode(&frame, NULL, &counters, &p), DECODE_PACKET);
    return p;
}

static void wrap_ip(bool v4, uint8_t protocol)
{
    if (v4)
        wrap_ipv4(&b, protocol, A4, B4);
    else
        wrap_ipv6(&b, protocol, A6, B6);
}

static struct packet tcp_packet(bool v4, struct view payload)
{
    build_start(&b, payload);
    wrap_tcp(&b, CLIENT, SERVER);
    wrap_ip(v4, TCP);
    return decode_ip(build_view(&b));
}

/* Without payload and options, with these flags. */
static struct packet tcp_flags(bool v4, uint8_t flags)
{
    build_start(&b, VIEW(SYN_HEADER("\x02")));
    wrap16(&b, SERVER);
    wrap16(&b, CLIENT);
    b.bytes[b.at + 13] = flags;
    wrap_ip(v4, TCP);
    return decode_ip(build_view(&b));
}

static struct packet udp_packet(bool v4, struct view payload)
{
    build_start(&b, payload);
    wrap_udp(&b, CLIENT, 53);
    wrap_ip(v4, UDP);
    return decode_ip(build_view(&b));
}

/* ---- a checksum of our own: octet by octet, as RFC 1071 section 4.1 says it ---- */

static uint32_t words(uint32_t n, const uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        n += i % 2 == 0 ? (uint32_t)at[i] << 8 : at[i];
    while (n > 0xffff)
        n = (n >> 16) + (n & 0xffff);
    return n;
}

/* All checksums of the packet are right, those with the pseudo-header too. `header`: of IP, with extensions.
 */
static void check_sums_behind(const uint8_t *ip, size_t len, size_t header, uint8_t protocol)
{
    bool v4 = ip[0] >> 4 == 4;
    uint32_t n = protocol;
    size_t segment = len - header;

    if (v4)
        assert_int_equal(words(0, ip, header), 0xffff);
    n = words(n, ip + (v4 ? 12 : 8), v4 ? 8 : 32);
    n += (uint32_t)(segment >> 16) + (uint32_t)(segment & 0xffff);
    if (protocol == 1) /* ICMP of IPv4 has none */
        n = 0;
    assert_int_equal(words(n, ip + header, segment), 0xffff);
}

static void check_sums(const uint8_t *ip, size_t len)
{
    bool v4 = ip[0] >> 4 == 4;

    assert_int_equal((v4 ? 0 : 40) + view_u16(view_of(ip, len), v4 ? 2 : 4), len);
    check_sums_behind(ip, len, v4 ? 20 : 40, ip[v4 ? 9 : 6]);
}

static struct packet forged(size_t len)
{
    assert_true(len > 0);
    check_sums(out, len);
    return decode_ip(view_of(out, len));
}

static void check_ends(const struct packet *p, const struct packet *seen, bool turned)
{
    assert_true(ip_equal(&p->src, turned ? &seen->dst : &seen->src));
    assert_true(ip_equal(&p->dst, turned ? &seen->src : &seen->dst));
    assert_int_equal(p->src_port, turned ? seen->dst_port : seen->src_port);
    assert_int_equal(p->dst_port, turned ? seen->src_port : seen->dst_port);
}

/* ---- resets ---- */

static void test_forge_reset_has_the_exact_next_number(void **state)
{
    (void)state;
    for (int v4 = 0; v4 < 2; v4++) {
        struct packet seen = tcp_packet(v4, VIEW("hello"));
        struct packet p = forged(forge_reset(&seen, FORGE_TO_SENDER, false, out));
        check_ends(&p, &seen, true);
        assert_int_equal(p.tcp_flags, TCP_RST | TCP_ACK);
        assert_int_equal(p.seq, ACK);
        assert_int_equal(p.ack, SEQ + 5);
        p = forged(forge_reset(&seen, FORGE_TO_RECEIVER, false, out));
        check_ends(&p, &seen, false);
        assert_int_equal(p.tcp_flags & TCP_RST, TCP_RST);
        assert_int_equal(p.seq, SEQ);
        p = forged(forge_reset(&seen, FORGE_TO_RECEIVER, true, out));
        assert_int_equal(p.seq, SEQ + 5);
        assert_int_equal(p.payload_len, 0);
    }
}

static void test_forge_reset_counts_syn_and_fin(void **state)
{
    (void)state;
    struct packet seen = tcp_flags(true, TCP_SYN);
    struct packet p = forged(forge_reset(&seen, FORGE_TO_SENDER, false, out));
    assert_int_equal(p.tcp_flags, TCP_RST | TCP_ACK); /* in SYN-SENT the acknowledgement counts */
    assert_int_equal(p.seq, 0);
    assert_int_equal(p.ack, SEQ + 1);
    p = forged(forge_reset(&seen, FORGE_TO_RECEIVER, true, out));
    assert_int_equal(p.tcp_flags, TCP_RST);
    assert_int_equal(p.seq, SEQ + 1);
    seen = tcp_flags(false, TCP_SYN | TCP_ACK);
    p = forged(forge_reset(&seen, FORGE_TO_RECEIVER, false, out));
    assert_int_equal(p.tcp_flags, TCP_RST | TCP_ACK);
    assert_int_equal(p.ack, ACK);
    seen = tcp_flags(true, TCP_FIN | TCP_ACK);
    p = forged(forge_reset(&seen, FORGE_TO_RECEIVER, true, out));
    assert_int_equal(p.seq, SEQ + 1);
}

static void test_forge_reset_of_what_has_none(void **state)
{
    (void)state;
    struct packet seen = tcp_flags(true, TCP_RST | TCP_ACK);
    assert_int_equal(forge_reset(&seen, FORGE_TO_SENDER, false, out), 0);
    seen = udp_packet(true, VIEW("x"));
    assert_int_equal(forge_reset(&seen, FORGE_TO_SENDER, false, out), 0);
    seen = tcp_packet(true, VIEW("x"));
    seen.tunnels = 1;
    assert_int_equal(forge_reset(&seen, FORGE_TO_SENDER, false, out), 0);
    assert_int_equal(forge_reset(&seen, FORGE_TO_RECEIVER, false, out), 0);
    seen = tcp_packet(true, VIEW("x"));
    seen.src = (struct ip_addr){ 0 };
    assert_int_equal(forge_reset(&seen, FORGE_TO_SENDER, false, out), 0);
    assert_true(ip_parse(VIEW("239.1.2.3"), &seen.src));
    assert_int_equal(forge_reset(&seen, FORGE_TO_SENDER, false, out), 0);
    assert_true(ip_parse(VIEW("ff02::1"), &seen.src));
    assert_int_equal(forge_reset(&seen, FORGE_TO_SENDER, false, out), 0);
}

/* The payload announced counts, not what a cut frame holds; and numbers wrap. */
static void test_forge_reset_of_a_long_packet_at_the_wrap(void **state)
{
    (void)state;
    struct packet seen = tcp_packet(true, VIEW("x"));
    seen.payload_len = 60000;
    seen.seq = 0xfffffff0;
    struct packet p = forged(forge_reset(&seen, FORGE_TO_SENDER, false, out));
    assert_int_equal(p.ack, 60000 - 16);
}

/* ---- answers ---- */

static void test_forge_answer_is_cut_into_segments_that_join(void **state)
{
    static uint8_t answer[FORGE_BYTES], got[FORGE_BYTES];
    size_t lengths[] = { 1, 1219, 1220, 1221, 5001, FORGE_ANSWER_BYTES, FORGE_BYTES };

    (void)state;
    for (size_t i = 0; i < sizeof answer; i++)
        answer[i] = (uint8_t)(i * 7 + i / 251);
    for (size_t i = 0; i < 2 * sizeof lengths / sizeof lengths[0]; i++) {
        bool v4 = i % 2 == 0;
        struct packet seen = tcp_packet(v4, VIEW("GET / HTTP/1.1\r\n\r\n"));
        size_t given = lengths[i / 2], want = given > FORGE_ANSWER_BYTES ? FORGE_ANSWER_BYTES : given;
        size_t len = forge_answer(&seen, view_of(answer, given), out), at = 0, filled = 0;
        while (at < len) {
            struct view rest = view_of(out + at, len - at);
            size_t one = v4 ? view_u16(rest, 2) : 40u + view_u16(rest, 4);
            check_sums(out + at, one);
            struct packet p = decode_ip(view_slice(rest, 0, one));
            check_ends(&p, &seen, true);
            assert_int_equal(p.seq, ACK + filled);
            assert_int_equal(p.ack, SEQ + 18);
            assert_true(one <= 1280);
            memcpy(got + filled, p.payload.at, p.payload.len);
            filled += p.payload.len;
            at += one;
            assert_int_equal(p.tcp_flags, at == len ? FIN_PSH_ACK : TCP_ACK);
        }
        assert_int_equal(at, len);
        assert_int_equal(filled, want);
        assert_memory_equal(got, answer, want);
    }
}

static void test_forge_answer_needs_a_request(void **state)
{
    (void)state;
    struct packet seen = tcp_flags(true, TCP_ACK);
    assert_int_equal(forge_answer(&seen, VIEW("HTTP/1.1 403 No\r\n\r\n"), out), 0);
    seen = tcp_flags(true, TCP_SYN);
    seen.payload_len = 4;
    assert_int_equal(forge_answer(&seen, VIEW("HTTP/1.1 403 No\r\n\r\n"), out), 0);
    seen = tcp_packet(true, VIEW("GET /"));
    assert_int_equal(forge_answer(&seen, VIEW(""), out), 0);
}

/* ---- DNS ---- */

#define QUESTION "\x03www\x08whatsapp\x03net\x00\x00\x1c\x00\x01"
#define DNS_HEAD(records) "\xab\xcd\x01\x10\x00\x01\x00\x00\x00\x00\x00" records

static void test_forge_no_such_name_has_the_question(void **state)
{
    (void)state;
    for (int v4 = 0; v4 < 2; v4++) {
        struct packet seen = udp_packet(v4, VIEW(DNS_HEAD("\x00") QUESTION));
        struct packet p = forged(forge_no_such_name(&seen, out));
        struct view want = VIEW("\xab\xcd\x81\x93\x00\x01\x00\x00\x00\x00\x00\x00" QUESTION);
        check_ends(&p, &seen, true);
        assert_int_equal(p.payload.len, want.len);
        assert_memory_equal(p.payload.at, want.at, want.len);
    }
}

static void test_forge_no_such_name_says_why_in_edns(void **state)
{
    (void)state;
    struct packet seen =
        udp_packet(true, VIEW(DNS_HEAD("\x01") QUESTION "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"));
    struct packet p = forged(forge_no_such_name(&seen, out));
    struct view want = VIEW("\xab\xcd\x81\x93\x00\x01\x00\x00\x00\x00\x00\x01" QUESTION
                            "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x06\x00\x0f\x00\x02\x00\x0f");
    assert_int_equal(p.payload.len, want.len);
    assert_memory_equal(p.payload.at, want.at, want.len);
}

static void test_forge_no_such_name_of_what_is_no_question(void **state)
{
    struct view none[] = {
        VIEW(""),
        VIEW("\xab\xcd"),
        VIEW("\xab\xcd\x81\x00\x00\x01\x00\x00\x00\x00\x00\x00" QUESTION), /* an answer */
        VIEW("\xab\xcd\x01\x00\x00\x02\x00\x00\x00\x00\x00\x00" QUESTION QUESTION),
        VIEW("\xab\xcd\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
        VIEW(DNS_HEAD("\x00") "\x03www\x08whatsapp\x03net\x00\x00\x1c\x00"),
        VIEW(DNS_HEAD("\x00") "\x03www\xc0\x0c\x00\x1c\x00\x01"), /* compressed */
        VIEW(DNS_HEAD("\x00") "\x3fwww"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        struct packet seen = udp_packet(true, none[i]);
        assert_int_equal(forge_no_such_name(&seen, out), 0);
    }
    struct packet seen = tcp_packet(true, VIEW(DNS_HEAD("\x00") QUESTION));
    assert_int_equal(forge_no_such_name(&seen, out), 0);
}

/* ---- ICMP ---- */

static void check_icmp(const char *type_and_code, size_t len, size_t quoted)
{
    bool v4 = out[0] >> 4 == 4;
    struct view seen = build_view(&b);
    size_t header = v4 ? 20 : 40;

    assert_int_equal(len, header + 8 + quoted);
    check_sums(out, len);
    assert_int_equal(out[v4 ? 9 : 6], v4 ? 1 : 58);
    assert_memory_equal(out + (v4 ? 12 : 8), v4 ? B4 : B6, v4 ? 4 : 16);
    assert_memory_equal(out + (v4 ? 16 : 24), v4 ? A4 : A6, v4 ? 4 : 16);
    assert_memory_equal(out + header, type_and_code, 2);
    assert_memory_equal(out + header + 8, seen.at, quoted);
}

static void test_forge_unreachable_quotes_the_packet(void **state)
{
    static const uint8_t bulk[3000] = "bulk";

    (void)state;
    (void)udp_packet(true, VIEW("hello"));
    check_icmp("\x03\x03", forge_unreachable(build_view(&b), out), 33);
    append(&b, VIEW("\0\0\0\0\0")); /* what fills up a frame */
    check_icmp("\x03\x03", forge_unreachable(build_view(&b), out), 33);
    (void)udp_packet(false, VIEW("hello"));
    check_icmp("\x01\x04", forge_unreachable(build_view(&b), out), 53);
    (void)udp_packet(true, view_of(bulk, sizeof bulk));
    check_icmp("\x03\x03", forge_unreachable(build_view(&b), out), 576 - 28);
    (void)udp_packet(false, view_of(bulk, sizeof bulk));
    check_icmp("\x01\x04", forge_unreachable(build_view(&b), out), 1280 - 48);
    build_start(&b, VIEW("\x08\x00\x00\x00\x00\x01\x00\x01ping")); /* no ports */
    wrap_ip(true, 1);
    check_icmp("\x03\x0d", forge_unreachable(build_view(&b), out), 32);
    build_start(&b, VIEW("\x80\x00\x00\x00\x00\x01\x00\x01ping"));
    wrap_ip(false, 58);
    check_icmp("\x01\x01", forge_unreachable(build_view(&b), out), 52);
}

/* Behind headers of options, of destinations and of fragments that are none. */
static void test_forge_unreachable_reads_extension_headers(void **state)
{
    (void)state;
    build_start(&b, VIEW("hello"));
    wrap_udp(&b, 1, 2);
    WRAP(&b, "\x11\x00\x00\x00\x00\x00\x00\x01");                                 /* whole, RFC 6946 */
    WRAP(&b, "\x2c\x01\x01\x0c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"); /* destination options */
    WRAP(&b, "\x3c\x00\x01\x04\x00\x00\x00\x00");                                 /* hop by hop */
    wrap_ip(false, 0);
    check_icmp("\x01\x04", forge_unreachable(build_view(&b), out), 40 + 32 + 13);
}

static void test_forge_unreachable_is_silent_where_it_must_be(void **state)
{
    (void)state;
    build_start(&b, VIEW("\x03\x01\x00\x00\x00\x00\x00\x00 error"));
    wrap_ip(true, 1);
    assert_int_equal(forge_unreachable(build_view(&b), out), 0);
    build_start(&b, VIEW("\x01\x04\x00\x00\x00\x00\x00\x00 error"));
    wrap_ip(false, 58);
    assert_int_equal(forge_unreachable(build_view(&b), out), 0);
    build_start(&b, VIEW("second fragment"));
    wrap_ipv4_part(&b, UDP, A4, B4, 7, 0x00b9);
    assert_int_equal(forge_unreachable(build_view(&b), out), 0);
    build_start(&b, VIEW("\x11\x00\x05\xc8\x00\x00\x00\x01second fragment"));
    wrap_ip(false, 44);
    assert_int_equal(forge_unreachable(build_view(&b), out), 0);
    const char *receivers[] = { "\xff\xff\xff\xff", "\xe0\x00\x00\xfb", "\x00\x00\x00\x00" };
    for (size_t i = 0; i < 3; i++) {
        build_start(&b, VIEW("hello"));
        wrap_udp(&b, 1, 2);
        wrap_ipv4(&b, UDP, A4, receivers[i]);
        assert_int_equal(forge_unreachable(build_view(&b), out), 0);
        b.at += 20;
        wrap_ipv4(&b, UDP, receivers[i], B4);
        assert_int_equal(forge_unreachable(build_view(&b), out), 0);
    }
    (void)udp_packet(false, VIEW("hello"));
    struct view whole = build_view(&b);
    for (size_t n = 0; n <= 40; n++)
        assert_int_equal(forge_unreachable(view_slice(whole, 0, n), out), 0);
}

/* ---- overwriting ---- */

static uint8_t copy[BUILD_BYTES];

/* Overwrite in what is built; all checksums must be right, and nothing else be changed. */
static void check_overwritten(const struct packet *p, size_t header, size_t offset, size_t count)
{
    struct view whole = build_view(&b);
    size_t payload = whole.len - p->payload_len;

    memcpy(copy, whole.at, whole.len);
    assert_true(forge_overwrite(copy, whole.len, p, offset, count, '-'));
    check_sums_behind(copy, whole.len, header, p->l4);
    for (size_t i = 0; i < p->payload_len; i++)
        assert_int_equal(copy[payload + i], i >= offset && i < offset + count ? '-' : whole.at[payload + i]);
    size_t field = header + (p->l4 == TCP ? 16u : 6u);
    for (size_t i = whole.at[0] >> 4 == 4 ? 12 : 0; i < payload; i++)
        if (i != field && i != field + 1)
            assert_int_equal(copy[i], whole.at[i]);
}

static void test_forge_overwrite_puts_checksums_right(void **state)
{
    (void)state;
    for (int v4 = 0; v4 < 2; v4++) {
        struct packet p = tcp_packet(v4, VIEW("PRIVMSG bob :DCC SEND a 1 2 3"));
        check_overwritten(&p, v4 ? 20 : 40, 13, 3);
        check_overwritten(&p, v4 ? 20 : 40, 0, 29);
        check_overwritten(&p, v4 ? 20 : 40, 28, 1);
        check_overwritten(&p, v4 ? 20 : 40, 29, 0);
        struct packet u = udp_packet(v4, VIEW("odd length!"));
        b.bytes[b.at + (v4 ? 20 : 40) + 6] = 1; /* has a checksum */
        check_overwritten(&u, v4 ? 20 : 40, 4, 6);
    }
}

/* Up to 64 KiB, with what the kernel leaves to the card: the checksum field holds the pseudo-header's sum. */
static void test_forge_overwrite_of_packets_for_the_card_to_cut(void **state)
{
    static uint8_t bulk[65535 - 60 - 20];

    (void)state;
    for (size_t i = 0; i < sizeof bulk; i++)
        bulk[i] = (uint8_t)(i * 31 + i / 509);
    for (int v4 = 0; v4 < 2; v4++) {
        struct packet p = tcp_packet(v4, view_of(bulk, sizeof bulk));
        size_t header = v4 ? 20 : 40, segment = build_len(&b) - header;
        uint32_t part = words((uint32_t)(TCP + segment), &b.bytes[b.at + (v4 ? 12 : 8)], v4 ? 8 : 32);
        b.bytes[b.at + header + 16] = (uint8_t)(part >> 8);
        b.bytes[b.at + header + 17] = (uint8_t)part;
        check_overwritten(&p, header, 40001, 999);
        /* The length is left out where it does not fit. */
        memset(&b.bytes[b.at + (v4 ? 2 : 4)], 0, 2);
        p = decode_ip(build_view(&b));
        check_overwritten(&p, header, 0, sizeof bulk);
    }
}

static void test_forge_overwrite_reads_options_and_extensions(void **state)
{
    (void)state;
    build_start(&b, VIEW("hello"));
    wrap_tcp(&b, CLIENT, SERVER);
    WRAP(&b, "\x94\x04\x00\x00"); /* router alert */
    wrap_ip(true, TCP);
    b.bytes[b.at] = 0x46;
    struct packet p = decode_ip(build_view(&b));
    check_overwritten(&p, 24, 1, 3);
    build_start(&b, VIEW("hello"));
    wrap_tcp(&b, CLIENT, SERVER);
    WRAP(&b, "\x06\x00\x01\x04\x00\x00\x00\x00");
    WRAP(&b, "\x3c\x00\x05\x02\x00\x00\x01\x00");
    wrap_ip(false, 0);
    p = decode_ip(build_view(&b));
    check_overwritten(&p, 56, 1, 3);
}

static void test_forge_overwrite_leaves_a_datagram_without_checksum(void **state)
{
    (void)state;
    struct packet p = udp_packet(true, VIEW("hello"));
    memcpy(copy, build_view(&b).at, build_len(&b));
    assert_true(forge_overwrite(copy, build_len(&b), &p, 0, 5, '-'));
    assert_int_equal(view_u16(view_of(copy, 28), 26), 0);
    assert_memory_equal(copy + 28, "-----", 5);
    assert_int_equal(words(0, copy, 20), 0xffff);
}

/* ---- windows ---- */

/* A segment with these options: whole words. */
static struct packet segment_with(bool v4, uint8_t flags, struct view options)
{
    build_start(&b, options);
    wrap_tcp(&b, CLIENT, SERVER);
    b.bytes[b.at + 12] = (uint8_t)(0x80 + (options.len / 4 << 4)); /* behind a time stamp */
    b.bytes[b.at + 13] = flags;
    wrap_ip(v4, TCP);
    return decode_ip(build_view(&b));
}

static void test_forge_window_scale(void **state)
{
    const struct {
        struct view options;
        uint8_t flags;
        unsigned scale;
    } of[] = {
        { VIEW("\x02\x04\x05\xb4\x01\x03\x03\x07"), TCP_SYN | TCP_ACK, 7 },
        { VIEW("\x01\x01\x01\x03\x03\xff\x00\x00"), TCP_SYN, 14 }, /* RFC 7323 section 2.3 */
        { VIEW("\x01\x03\x03\x07"), TCP_ACK, 0 },                  /* no SYN */
        { VIEW("\x00\x03\x03\x07"), TCP_SYN, 0 },                  /* behind their end */
        { VIEW("\x05\x00\x03\x03\x07\x00\x00\x00"), TCP_SYN, 0 },  /* no length */
        { VIEW("\x01\x01\x03\x03"), TCP_SYN, 0 },                  /* cut */
        { VIEW("\x01\x01\x01\x03"), TCP_SYN, 0 },
        { VIEW("\x02\x20\x03\x03"), TCP_SYN, 0 },
        { VIEW(""), TCP_SYN, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        for (int v4 = 0; v4 < 2; v4++) {
            struct packet p = segment_with(v4, of[i].flags, of[i].options);
            assert_int_equal(forge_window_scale(build_view(&b), &p), of[i].scale);
            for (size_t cut = 0; cut < build_len(&b); cut++)
                assert_int_equal(forge_window_scale(view_slice(build_view(&b), 0, cut), &p), 0);
        }
}

static void test_forge_window_lowers(void **state)
{
    (void)state;
    for (int v4 = 0; v4 < 2; v4++) {
        struct packet p = segment_with(v4, TCP_ACK, view_of(NULL, 0));
        size_t at = v4 ? 20 : 40;
        struct view whole;

        b.bytes[b.at + at + 14] = 0x04; /* 1,024 */
        b.bytes[b.at + at + 15] = 0;
        whole = build_view(&b);
        memcpy(copy, whole.at, whole.len);
        assert_false(forge_window(copy, whole.len, &p, 1024));
        assert_memory_equal(copy, whole.at, whole.len);
        assert_false(forge_window(copy, whole.len - 1, &p, 512));
        assert_memory_equal(copy, whole.at, whole.len);
        assert_true(forge_window(copy, whole.len, &p, 512));
        assert_int_equal(view_u16(view_of(copy, whole.len), at + 14), 512);
        check_sums_behind(copy, whole.len, at, TCP);
        p.tunnels = 1;
        assert_false(forge_window(copy, whole.len, &p, 1));
    }
}

static void check_refused(const struct packet *p, size_t offset, size_t count)
{
    struct view whole = build_view(&b);

    memcpy(copy, whole.at, whole.len);
    assert_false(forge_overwrite(copy, whole.len, p, offset, count, '-'));
    assert_memory_equal(copy, whole.at, whole.len);
}

static void test_forge_overwrite_refuses_what_it_cannot_do(void **state)
{
    (void)state;
    struct packet p = tcp_packet(true, VIEW("hello")), other;
    check_refused(&p, 0, 6);
    check_refused(&p, 6, 0);
    check_refused(&p, 5, 1);
    check_refused(&p, SIZE_MAX, 2);
    check_refused(&p, 2, SIZE_MAX);
    other = p;
    other.src_port++;
    check_refused(&other, 0, 1);
    other = p;
    other.dst.octet[15]++;
    check_refused(&other, 0, 1);
    other = p;
    other.l4 = UDP;
    check_refused(&other, 0, 1);
    other = p;
    other.tunnels = 1;
    check_refused(&other, 0, 1);
    b.bytes[b.at + 6] = 0x20; /* more fragments */
    check_refused(&p, 0, 1);
    b.bytes[b.at + 6] = 0x40;
    b.bytes[b.at + 3]++; /* longer than what is there */
    check_refused(&p, 0, 1);
    build_start(&b, VIEW("hello"));
    wrap_tcp(&b, CLIENT, SERVER);
    WRAP(&b, "\x83\x07\x04\x01\x02\x03\x04\x00"); /* goes by way of another */
    wrap_ip(true, TCP);
    b.bytes[b.at] = 0x47;
    check_refused(&p, 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forge_reset_has_the_exact_next_number),
        cmocka_unit_test(test_forge_reset_counts_syn_and_fin),
        cmocka_unit_test(test_forge_reset_of_what_has_none),
        cmocka_unit_test(test_forge_reset_of_a_long_packet_at_the_wrap),
        cmocka_unit_test(test_forge_answer_is_cut_into_segments_that_join),
        cmocka_unit_test(test_forge_answer_needs_a_request),
        cmocka_unit_test(test_forge_no_such_name_has_the_question),
        cmocka_unit_test(test_forge_no_such_name_says_why_in_edns),
        cmocka_unit_test(test_forge_no_such_name_of_what_is_no_question),
        cmocka_unit_test(test_forge_unreachable_quotes_the_packet),
        cmocka_unit_test(test_forge_unreachable_reads_extension_headers),
        cmocka_unit_test(test_forge_unreachable_is_silent_where_it_must_be),
        cmocka_unit_test(test_forge_window_scale),
        cmocka_unit_test(test_forge_window_lowers),
        cmocka_unit_test(test_forge_overwrite_puts_checksums_right),
        cmocka_unit_test(test_forge_overwrite_of_packets_for_the_card_to_cut),
        cmocka_unit_test(test_forge_overwrite_reads_options_and_extensions),
        cmocka_unit_test(test_forge_overwrite_leaves_a_datagram_without_checksum),
        cmocka_unit_test(test_forge_overwrite_refuses_what_it_cannot_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
