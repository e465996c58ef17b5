/* SPDX-License-Identifier: Apache-2.0 */
/* What must never give a yes: other protocols, and random bytes in quantity. For the tests of single parsers.
 */
#pragma once
#include "conversation.h"
#include "test.h"

enum { DECOY_ROUNDS = 100000, DECOY_BYTES = 600 };

static inline uint64_t decoy_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static inline void decoy_fill(uint64_t *seed, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(decoy_random(seed) >> 32);
}

/* Random streams of random lengths, on the ports that parsers look at, mid-stream every other time. */
static inline void assert_no_yes_to_random_streams(const struct parser *p)
{
    static const uint16_t ports[] = { 443, 5222, 4244, 8080 };
    static uint8_t bytes[2][DECOY_BYTES];
    uint64_t seed = 0x1bad5eed;

    for (unsigned i = 0; i < DECOY_ROUNDS; i++) {
        struct finding finding = { 0 };
        struct sample s = { .l4 = L4_TCP,
                            .midstream = (i & 1) != 0,
                            .port = { 40000, ports[i / 2 % 4] },
                            .bytes = { view_of(NULL, 0), view_of(NULL, 0) } };
        enum im_answer answer = IM_MORE;
        for (unsigned d = 0; d < 2 && answer == IM_MORE; d++) {
            size_t n = decoy_random(&seed) % DECOY_BYTES;
            decoy_fill(&seed, bytes[d], n);
            s.from = (enum flow_dir)d;
            s.bytes[d] = view_of(bytes[d], n);
            answer = p->probe(&s, &finding);
        }
        if (answer == IM_YES)
            fail_msg("round %u: %s", i, finding.value);
    }
}

/* Random datagrams; the first bytes of a flow's datagrams are alike every other time, as with many protocols.
 */
static inline void assert_no_yes_to_random_datagrams(const struct parser *p)
{
    static struct datagram_head heads[SAMPLE_HEADS];
    static uint8_t bytes[DECOY_BYTES];
    uint64_t seed = 0x2bad5eed;

    for (unsigned i = 0; i < DECOY_ROUNDS; i++) {
        struct sample s = { .l4 = L4_UDP, .port = { 40000, 3478 }, .heads = heads };
        unsigned count = 1 + (unsigned)(decoy_random(&seed) % SAMPLE_HEADS);
        enum im_answer answer = IM_MORE;
        struct finding finding = { 0 };
        for (s.head_count = 1; s.head_count <= count && answer == IM_MORE; s.head_count++) {
            struct datagram_head *h = &heads[s.head_count - 1];
            size_t n = 1 + decoy_random(&seed) % (DECOY_BYTES - 1), alike = (i & 1) * (i / 2 % 12);
            decoy_fill(&seed, bytes + alike, n > alike ? n - alike : 0);
            s.from = (enum flow_dir)(decoy_random(&seed) >> 63);
            *h = (struct datagram_head){ .from = (uint8_t)s.from,
                                         .len = (uint16_t)n,
                                         .kept = (uint8_t)(n < SAMPLE_HEAD_BYTES ? n : SAMPLE_HEAD_BYTES) };
            memcpy(h->data, bytes, h->kept);
            s.bytes[0] = s.bytes[1] = view_of(NULL, 0);
            s.datagram = view_of(bytes, n);
            answer = p->probe(&s, &finding);
        }
        if (answer == IM_YES)
            fail_msg("round %u: %s", i, finding.value);
    }
}

/* First messages of other protocols on TCP, by the client. */
static const struct view decoy_streams[] = {
#define DECOY(literal)                                                                                       \
    {                                                                                                        \
        (const uint8_t *)(literal), sizeof(literal) - 1                                                      \
    }
    DECOY("GET / HTTP/1.1\r\nHost: web.telegram.org\r\nUser-Agent: WhatsApp/2.23 WA ED\r\n\r\n"),
    DECOY("POST /mmtls/1a2b3c4d HTTP/1.1\r\nHost: short.weixin.qq.com\r\n\r\n"),
    DECOY("EHLO WAkakao.example\r\nMAIL FROM:<a@b.example>\r\n"),
    DECOY("SSH-2.0-OpenSSH_9.6\r\n\0\0\5\x1c\6\x14 0123456789abcdef"),
    DECOY("\x16\3\1\0\x20\1\0\0\x1c\3\3 0123456789abcdef0123456789abcdef\0\0\2\x13\1\1\0"),
    DECOY("\x17\3\3\0\x20 0123456789abcdef0123456789abcdef\x17\3\3\0\x20 0123456789abcdef"),
    DECOY("\x13"
          "BitTorrent protocol\0\0\0\0\0\0\0\0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    DECOY("<?xml version='1.0'?><stream:stream to='example.org' xmlns='jabber:client'>"),
    DECOY("\0\x1d\x12\x34\1\0\0\1\0\0\0\0\0\0\3www\7example\3org\0\0\1\0\1"),
    DECOY("\x10\x1e\0\4MQTT\4\2\0\x3c\0\x12"
          "dkdkdkdkdkdkdkdkdk"),
    DECOY("\0\0\0\x10\0\x10\0\1\0\0\0\2\0\0\0\1\0\0\0\x10\0\x10\0\1\0\0\0\2\0\0\0\2"),
    DECOY("\x0e\0\x38\x7b\xb2\x9a\x10\x3c\x5d\x9e\x80\x1a\x44\x7f\x21\xe4\0\0\0\1\x6a\x8a\x11\x02"),
    DECOY("\0\1\0\0\5\0\0\0\2\0\0\0 a little-endian table of 256, 5, 2 is not a key exchange .............."),
    DECOY("\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0"),
#undef DECOY
};

/* First datagrams of other protocols. */
static const struct view decoy_datagrams[] = {
#define DECOY(literal)                                                                                       \
    {                                                                                                        \
        (const uint8_t *)(literal), sizeof(literal) - 1                                                      \
    }
    DECOY("\x12\x34\1\0\0\1\0\0\0\0\0\0\3www\7example\3org\0\0\1\0\1"), /* DNS */
    DECOY("\xb6\x13\1\0\0\1\0\0\0\0\0\0\3www\7example\3org\0\0\1\0\1"), /* DNS, id like LINE's */
    DECOY("\x80\x78\x12\x34\0\0\xab\xcd\x11\x22\x33\x44 0123456789abcdef0123456789abcdef"),   /* RTP */
    DECOY("\x90\x60\x12\x34\0\0\xab\xcd\x11\x22\x33\x44\xbe\xde\0\1\x10\xff\0\0 0123456789"), /* RTP,
                                                                                                 extension */
    DECOY("\x80\xc8\0\6\x11\x22\x33\x44\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),            /* RTCP */
    DECOY("\0\1\0\0\x21\x12\xa4\x42"
          "abcdefghijkl"), /* STUN */
    DECOY("\0\1\0\x18\x21\x12\xa4\x42"
          "abcdefghijkl\1\1\0\x14"
          "12345678901234567890"), /* STUN, other text */
    DECOY(
        "\xc3\0\0\0\1\x08\x83\x94\xc8\xf0\x3e\x51\x57\x08\0\0\x44\x9e\x7b\x9a\xec\x34\xd1\xb1\xc9\x8d\xd7\x68\x9f"
        "\xb8\xec\x11\xd2\x42\xb1\x23\xdc\x9b\xd8"),                                     /* QUIC Initial */
    DECOY("\x41\x02\x12\x34\x11\x22\x33\x44\0\0\0\0\0\1\0\0\x56\x78\0\0"),               /* uTP */
    DECOY("\x23\0\x0a\xec\0\0\0\0\0\0\x1c\x07LOCL\xe5\x6a\x11\x22\x33\x44\x55\x66"),     /* NTP */
    DECOY("OPTIONS sip:zoom@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1\r\n\r\n"), /* SIP */
    DECOY(
        "\1\0\0\0\x8a\x91\x2c\x44\x0b\xe1\x72\x5f\x93\x21\xd8\x4e\x65\xa0\x17\xfb\x30\xc9\x56\x8d\x7e\x12\xb4\x03"
        "\xdf\x68\x95\x2a\xc1\x4f\x86\xe0\x39\x7d\xa5\x1c"),                         /* WireGuard */
    DECOY("\x38\x11\x22\x33\x44\x55\x66\x77\x88\0\0\0\0\0"),                         /* OpenVPN */
    DECOY("\x16\xfe\xff\0\0\0\0\0\0\0\0\0\x10\1\0\0\4\0\0\0\0\0\0\0\4\xfe\xfd\1\2"), /* DTLS */
    DECOY("\x40\1\0\4\x21\x12\xa4\x42"),                                             /* TURN channel */
    DECOY("\xff\xff\xff\xff"
          "getstatus\n"),                                                      /* Quake */
    DECOY("\1\1\6\0\x39\x03\xf3\x26\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), /* BOOTP */
    DECOY("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"),         /* BitTorrent DHT */
    DECOY("\x01"),                                                             /* a byte */
#undef DECOY
};

static inline void assert_no_yes_to_other_streams(const struct parser *p)
{
    for (size_t i = 0; i < sizeof decoy_streams / sizeof decoy_streams[0]; i++) {
        const struct step steps[] = { { FROM_CLIENT, decoy_streams[i] },
                                      { FROM_SERVER, decoy_streams[i] },
                                      { FROM_CLIENT, decoy_streams[i] } };
        static struct outcome out;
        converse(p, steps, 3, &out);
        assert_int_not_equal(out.answer, IM_YES);
        converse(p, steps + 1, 2, &out);
        assert_int_not_equal(out.answer, IM_YES);
    }
}

static inline void assert_no_yes_to_other_datagrams(const struct parser *p)
{
    for (size_t i = 0; i < sizeof decoy_datagrams / sizeof decoy_datagrams[0]; i++)
        for (size_t j = 0; j < sizeof decoy_datagrams / sizeof decoy_datagrams[0]; j++) {
            struct step steps[2 * SAMPLE_HEADS];
            static struct outcome out;
            for (unsigned n = 0; n < 2 * SAMPLE_HEADS; n++)
                steps[n] = (struct step){ (enum flow_dir)(n & 1), decoy_datagrams[(n & 1) != 0 ? i : j] };
            converse_udp(p, steps, 2 * SAMPLE_HEADS, &out);
            if (out.answer == IM_YES)
                fail_msg("decoys %zu and %zu: %s", i, j, out.finding.value);
        }
}
