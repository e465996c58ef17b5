/* SPDX-License-Identifier: Apache-2.0 */
/* QUIC: the RFCs' packets, and packets sealed here with the keys that those have proved right. */
#include "conversation.h"
#include "handshake.h"
#include "identify/quic_initial.h"
#include "rfc_quic.h"
#include <openssl/evp.h>
#include <stdio.h>

extern const struct parser parser_quic;

static const uint16_t extensions[] = { 0x0000, 0x0010, 0x000d, 0x002b, 0x0033, 0x0039, 0xffff };
static const uint16_t signatures[] = { 0x0403, 0x0804, 0 };
static const uint16_t tls13[] = { 0x0304, 0 };

static struct bytes datagrams[12];
static struct step steps[12];
static unsigned sent;
static struct outcome out;
static struct bytes hello; /* ClientHello with its handshake head */

static void clear(void)
{
    memset(datagrams, 0, sizeof datagrams);
    sent = 0;
}

static struct bytes *datagram(enum flow_dir from)
{
    steps[sent].from = from;
    return &datagrams[sent++];
}

static void run(void)
{
    for (unsigned i = 0; i < sent; i++)
        steps[i].bytes = all(&datagrams[i]);
    converse_udp(&parser_quic, steps, sent, &out);
}

static void put_hex(struct bytes *b, const char *hex)
{
    for (; *hex != '\0'; hex += 2) {
        unsigned octet = 0;
        assert_int_equal(sscanf(hex, "%2x", &octet), 1);
        put_number(b, octet, 1);
    }
}

static void make_hello(const char *name, size_t key_share)
{
    hello.len = 0;
    put_hello(&hello, &(struct hello_parts){ .extensions = extensions,
                                             .name = name,
                                             .protocols = "h3",
                                             .versions = tls13,
                                             .signatures = signatures,
                                             .key_share = key_share,
                                             .transport = VIEW("\x01\x02\x40\x64"
                                                               "\x71\x29\x0a"
                                                               "Chrome/130") });
}

/* Two octets of varint. */
static void put_varint(struct bytes *b, uint64_t n)
{
    put_number(b, 0x4000 | n, 2);
}

/* A CRYPTO frame with the piece [from, to) of the hello. */
static void put_crypto(struct bytes *b, size_t from, size_t to)
{
    struct view piece = view_slice(all(&hello), from, to);

    put_number(b, 6, 1);
    put_varint(b, from);
    put_varint(b, piece.len);
    put(b, piece);
}

/* Seal an Initial with packet number 5 in two octets. `key_id`: the id that keys come from; `id`: the one it
 * names. */
static void put_initial(struct bytes *b, uint32_t number, struct view key_id, struct view id,
                        struct view token, struct view frames)
{
    const struct quic_version *v = quic_version_find(number);
    struct quic_keys keys;
    uint8_t sealed[1500], nonce[12], mask[32];
    size_t begin = b->len;
    int n = 0;

    assert_non_null(v);
    quic_keys_derive(v, key_id, false, &keys);
    put_number(b, v->second ? 0xd1 : 0xc1, 1);
    put_number(b, number, 4);
    put_number(b, id.len, 1);
    put(b, id);
    put_number(b, 0, 1);
    put_varint(b, token.len);
    put(b, token);
    put_varint(b, 2 + frames.len + 16);
    size_t at = b->len;
    put_number(b, 5, 2);
    memcpy(nonce, keys.iv, sizeof nonce);
    nonce[11] ^= 5;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, keys.key, nonce);
    EVP_EncryptUpdate(c, NULL, &n, b->at + begin, (int)(b->len - begin));
    EVP_EncryptUpdate(c, sealed, &n, frames.at, (int)frames.len);
    EVP_EncryptFinal_ex(c, sealed, &n);
    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, sealed + frames.len);
    put(b, view_of(sealed, frames.len + 16));
    EVP_EncryptInit_ex(c, EVP_aes_128_ecb(), NULL, keys.guard, NULL);
    EVP_EncryptUpdate(c, mask, &n, b->at + at + 4, 16);
    EVP_CIPHER_CTX_free(c);
    b->at[begin] ^= mask[0] & 15;
    b->at[at] ^= mask[1];
    b->at[at + 1] ^= mask[2];
}

static const struct view id = { (const uint8_t *)"\x01\x02\x03\x04\x05\x06\x07\x08", 8 };

/* A datagram of the client, of full size, with these frames. */
static void send_frames(uint32_t number, struct bytes *frames)
{
    while (frames->len < 1170)
        put_number(frames, 0, 1);
    put_initial(datagram(FROM_CLIENT), number, id, id, view_of(NULL, 0), all(frames));
}

static void test_rfc9001_initial_is_opened(void **state)
{
    (void)state;
    clear();
    put_hex(datagram(FROM_CLIENT), rfc9001_client_initial);
    run();
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.finding.value, "QUIC v1 Initial");
    assert_true(recorder_has(&out.record, "version QUIC v1"));
    assert_true(recorder_has(&out.record, "name quic-sni example.com"));
    assert_int_equal(recorder_count(&out.record, "ja4 q13d0211an_"), 1);
    assert_true(out.record.settled);
}

static void test_rfc9369_initial_is_opened(void **state)
{
    (void)state;
    clear();
    put_hex(datagram(FROM_CLIENT), rfc9369_client_initial);
    run();
    assert_int_equal(out.answer, IM_YES);
    assert_true(recorder_has(&out.record, "version QUIC v2"));
    assert_true(recorder_has(&out.record, "name quic-sni example.com"));
}

static void assert_hex(struct view v, const char *hex)
{
    char text[128];
    struct text t = TEXT(text);

    text_hex(&t, v);
    assert_string_equal(text, hex);
}

static void test_keys_of_the_rfcs(void **state)
{
    static const struct view dcid = { (const uint8_t *)"\x83\x94\xc8\xf0\x3e\x51\x57\x08", 8 };
    struct quic_keys k;

    (void)state;
    quic_keys_derive(quic_version_find(1), dcid, true, &k);
    assert_hex(view_of(k.key, 16), "cf3a5331653c364c88f0f379b6067e37");
    assert_hex(view_of(k.iv, 12), "0ac1493ca1905853b0bba03e");
    assert_hex(view_of(k.guard, 16), "c206b8d9b9f0f37644430b490eeaa314");
    quic_keys_derive(quic_version_find(0x6b3343cf), dcid, true, &k);
    assert_hex(view_of(k.key, 16), "82db637861d55e1d011f19ea71d5d2a7");
    /* draft-ietf-quic-tls-29 appendix A.1 */
    quic_keys_derive(quic_version_find(0xff00001d), dcid, true, &k);
    assert_hex(view_of(k.key, 16), "149d0b1662ab871fbe63c49b5e655a5d");
    assert_hex(view_of(k.iv, 12), "bab2b12a4c76016ace47856d");
}

static void test_servers_initial_is_opened_with_the_servers_keys(void **state)
{
    static const struct view dcid = { (const uint8_t *)"\x83\x94\xc8\xf0\x3e\x51\x57\x08", 8 };
    uint8_t buffer[QUIC_PLAIN_BYTES];
    struct bytes b = { 0 };
    struct quic_packet p;
    struct quic_keys k;
    struct view plain;

    (void)state;
    put_hex(&b, rfc9001_server_initial);
    struct cursor c = cursor_open(all(&b));
    assert_true(quic_packet_read(&c, &p));
    quic_keys_derive(p.version, dcid, true, &k);
    assert_true(quic_packet_open(&k, &p, buffer, &plain));
    assert_true(view_starts(plain, VIEW("\x02\0\0\0\0\x06\0\x40\x5a\x02\0\0\x56")));
    b.at[60] ^= 1;
    assert_false(quic_packet_open(&k, &p, buffer, &plain));
}

static void test_every_version_that_is_encrypted_so_is_opened(void **state)
{
    static const struct {
        uint32_t number;
        const char *line;
    } cases[] = { { 1, "version QUIC v1" },
                  { 0x6b3343cf, "version QUIC v2" },
                  { 0xff000016, "version QUIC draft-22" },
                  { 0xff00001b, "version QUIC draft-27" },
                  { 0xff00001d, "version QUIC draft-29" },
                  { 0xff000022, "version QUIC draft-34" },
                  { 0xfaceb001, "version QUIC mvfst" },
                  { 0xfaceb002, "version QUIC mvfst" },
                  { 0xfaceb003, "version QUIC mvfst v1" },
                  { 0x54303531, "version QUIC T051" } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bytes frames = { 0 };
        clear();
        make_hello("web.im.example", 32);
        put_crypto(&frames, 0, hello.len);
        send_frames(cases[i].number, &frames);
        run();
        assert_int_equal(out.answer, IM_YES);
        assert_true(recorder_has(&out.record, cases[i].line));
        assert_true(recorder_has(&out.record, "name quic-sni web.im.example"));
        assert_true(recorder_has(&out.record, "client Chrome/130"));
    }
}

static void test_shuffled_repeated_and_mixed_frames_are_joined(void **state)
{
    struct bytes frames = { 0 };

    (void)state;
    clear();
    make_hello("web.im.example", 400);
    put_number(&frames, 1, 1); /* PING */
    put_crypto(&frames, 300, hello.len);
    put(&frames, VIEW("\0\0\0\x01\x02\x05\x40\x10\x01\0\0\x01")); /* PADDING, PING, ACK of two ranges */
    put_crypto(&frames, 1, 90);
    put_crypto(&frames, 50, 310);
    put(&frames, VIEW("\x03\x05\x40\x10\0\0\x01\x02\x03")); /* ACK with ECN counts */
    put_crypto(&frames, 0, 1);
    send_frames(1, &frames);
    run();
    assert_true(recorder_has(&out.record, "name quic-sni web.im.example"));
}

static void test_a_post_quantum_hello_over_two_datagrams_in_either_order_is_read(void **state)
{
    (void)state;
    make_hello("web.im.example", 1216);
    for (unsigned order = 0; order < 2; order++) {
        struct bytes first = { 0 }, second = { 0 };
        clear();
        put_crypto(&first, 700, 900);
        put_crypto(&first, 0, 700);
        put_crypto(&second, 880, hello.len);
        send_frames(1, order == 0 ? &first : &second);
        run();
        assert_int_equal(out.answer, IM_YES);
        assert_int_equal(recorder_count(&out.record, "name"), 0);
        send_frames(1, order == 0 ? &second : &first);
        run();
        assert_true(recorder_has(&out.record, "name quic-sni web.im.example"));
    }
}

static void test_packets_that_share_a_datagram_are_all_read(void **state)
{
    struct bytes first = { 0 }, second = { 0 };
    struct bytes *d;

    (void)state;
    clear();
    make_hello("web.im.example", 32);
    put_crypto(&first, 40, hello.len);
    put_crypto(&second, 0, 40);
    while (second.len < 1000)
        put_number(&second, 0, 1);
    d = datagram(FROM_CLIENT);
    put_initial(d, 1, id, id, view_of(NULL, 0), all(&first));
    put(d, VIEW("\xd3\0\0\0\x01\x08\x01\x02\x03\x04\x05\x06\x07\x08\0\x40\x18"
                "0-RTT: it is not opened!"));
    put_initial(d, 1, id, id, view_of(NULL, 0), all(&second));
    run();
    assert_true(recorder_has(&out.record, "name quic-sni web.im.example"));
}

static void test_a_later_initial_names_the_servers_id_and_keeps_the_keys(void **state)
{
    static const struct view server_id = { (const uint8_t *)"\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8", 8 };
    struct bytes first = { 0 }, second = { 0 };

    (void)state;
    clear();
    make_hello("web.im.example", 32);
    put_crypto(&first, 0, 60);
    send_frames(1, &first);
    put_crypto(&second, 60, hello.len);
    while (second.len < 1170)
        put_number(&second, 0, 1);
    put_initial(datagram(FROM_CLIENT), 1, id, server_id, view_of(NULL, 0), all(&second));
    run();
    assert_true(recorder_has(&out.record, "name quic-sni web.im.example"));
}

static void test_after_a_retry_keys_come_from_the_new_id(void **state)
{
    static const struct view server_id = { (const uint8_t *)"\xf0\x67\xa5\x50\x2a\x42\x62\xb5", 8 };
    struct bytes first = { 0 }, second = { 0 };

    (void)state;
    clear();
    make_hello("web.im.example", 32);
    put_crypto(&first, 0, 60);
    send_frames(1, &first);
    put_hex(datagram(FROM_SERVER), rfc9001_retry);
    put_crypto(&second, 0, hello.len);
    while (second.len < 1150)
        put_number(&second, 0, 1);
    put_initial(datagram(FROM_CLIENT), 1, server_id, server_id, VIEW("token"), all(&second));
    run();
    assert_true(recorder_has(&out.record, "name quic-sni web.im.example"));
    assert_int_equal(recorder_count(&out.record, "version"), 1);
}

static void test_initials_that_no_key_opens_end_it(void **state)
{
    struct bytes frames = { 0 };

    (void)state;
    clear();
    make_hello("web.im.example", 32);
    put_crypto(&frames, 0, hello.len);
    for (unsigned i = 0; i < 5; i++) {
        send_frames(1, &frames);
        datagrams[i].at[500] ^= 1;
    }
    run();
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.record.text, "version QUIC v1\nsettle\n");
}

static void test_a_hello_longer_than_the_limit_ends_it(void **state)
{
    struct bytes frames = { 0 };

    (void)state;
    clear();
    make_hello("web.im.example", 6000);
    put_crypto(&frames, 0, 1000);
    send_frames(1, &frames);
    run();
    assert_string_equal(out.record.text, "version QUIC v1\nsettle\n");
}

/* A CHLO of Google QUIC: PAD, SNI, VER, UAID. */
static void put_chlo(struct bytes *b, const char *name, const char *agent)
{
    const struct {
        const char *tag, *value;
        size_t len;
    } values[] = { { "PAD\0", NULL, 700 },
                   { "SNI\0", name, strlen(name) },
                   { "VER\0", "Q043", 4 },
                   { "UAID", agent, strlen(agent) } };
    uint32_t end = 0;

    put(b, VIEW("CHLO\x04\0\0\0"));
    for (unsigned i = 0; i < 4; i++) {
        end += (uint32_t)values[i].len;
        put(b, view_of(values[i].tag, 4));
        for (unsigned shift = 0; shift < 32; shift += 8)
            put_number(b, end >> shift & 0xff, 1);
    }
    for (unsigned i = 0; i < 4; i++) {
        if (values[i].value == NULL)
            put_fill(b, '-', values[i].len);
        else
            put(b, view_of(values[i].value, values[i].len));
    }
}

static void test_google_quic_in_clear_gives_name_and_program(void **state)
{
    static const struct {
        struct view head;
        const char *line;
    } cases[] = {
        { { (const uint8_t *)"\x0d\x01\x02\x03\x04\x05\x06\x07\x08Q035\x01", 14 }, "version QUIC Q035" },
        { { (const uint8_t *)"\x09\x01\x02\x03\x04\x05\x06\x07\x08Q043\x01", 14 }, "version QUIC Q043" },
        { { (const uint8_t *)"\xc3Q046\x50\x01\x02\x03\x04\x05\x06\x07\x08\0\0\0\x01", 18 },
          "version QUIC Q046" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clear();
        struct bytes *d = datagram(FROM_CLIENT);
        put(d, cases[i].head);
        put(d, VIEW("hash of 12 b"
                    "\xa0\x01\x04\0"));
        put_chlo(d, "chat.im.example", "Chrome/70.0 Windows NT 10.0");
        run();
        assert_int_equal(out.answer, IM_YES);
        assert_true(recorder_has(&out.record, cases[i].line));
        assert_true(recorder_has(&out.record, "name quic-sni chat.im.example"));
        assert_true(recorder_has(&out.record, "client Chrome/70.0 Windows NT 10.0"));
        assert_true(out.record.settled);
    }
}

static void test_q050_is_encrypted_with_a_chlo_inside(void **state)
{
    struct bytes frames = { 0 };

    (void)state;
    clear();
    hello.len = 0;
    put_chlo(&hello, "chat.im.example", "Chrome/83");
    put_crypto(&frames, 0, hello.len);
    frames.at[0] = 8; /* CRYPTO of Google's own frames */
    send_frames(0x51303530, &frames);
    run();
    assert_int_equal(out.answer, IM_YES);
    assert_true(recorder_has(&out.record, "version QUIC Q050"));
    assert_true(recorder_has(&out.record, "name quic-sni chat.im.example"));
    assert_true(recorder_has(&out.record, "client Chrome/83"));
}

static void test_version_negotiation_with_a_known_version_is_quic(void **state)
{
    (void)state;
    clear();
    struct bytes *d = datagram(FROM_SERVER);
    put(d, VIEW("\x9a\0\0\0\0\x04"
                "abcd"
                "\x08"
                "efghijkl"
                "\x1a\x2a\x3a\x4a"
                "\0\0\0\x01"
                "\xff\0\0\x1d"));
    run();
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.finding.value, "QUIC version negotiation");
    put_number(d, 0, 1);
    run();
    assert_int_equal(out.answer, IM_NO);
    d->len -= 13; /* greasing only */
    run();
    assert_int_equal(out.answer, IM_NO);
    clear();
    put(datagram(FROM_SERVER), VIEW("\x9a\0\0\0\0\x04"
                                    "abcd"
                                    "\x08"
                                    "efghijkl"
                                    "\0\0\0\x01"
                                    "text"));
    run();
    assert_int_equal(out.answer, IM_NO);
}

static void test_small_packets_need_a_second_one_of_the_same_connection(void **state)
{
    static const char first[] = "\xe3\0\0\0\x01\x08\x01\x02\x03\x04\x05\x06\x07\x08\0\x1a"
                                "handshake packet, sealed..";
    static const char second[] = "\xe1\0\0\0\x01\0\x08\x01\x02\x03\x04\x05\x06\x07\x08\x1a"
                                 "handshake packet, sealed..";
    static const char other[] = "\xe1\0\0\0\x01\0\x08\x31\x32\x03\x04\x05\x06\x07\x08\x1a"
                                "handshake packet, sealed..";

    (void)state;
    clear();
    put(datagram(FROM_CLIENT), view_of(first, sizeof first - 1));
    run();
    assert_int_equal(out.answer, IM_MORE);
    put(datagram(FROM_SERVER), view_of(other, sizeof other - 1));
    run();
    assert_int_equal(out.answer, IM_MORE);
    put(datagram(FROM_SERVER), view_of(second, sizeof second - 1));
    run();
    assert_int_equal(out.answer, IM_YES);
}

static void test_unknown_versions_are_a_perhaps_and_then_nothing(void **state)
{
    (void)state;
    clear();
    for (unsigned i = 0; i < 7; i++) {
        struct bytes *d = datagram(FROM_CLIENT);
        put(d, VIEW("\xc3\0\0\0\x07\x08\x01\x02\x03\x04\x05\x06\x07\x08\0\0"));
        put_fill(d, 0xee, 1200);
        run();
        assert_int_equal(out.answer, i < 6 ? IM_MORE : IM_NO);
    }
}

static void test_other_udp_is_not_quic(void **state)
{
    static const struct view decoys[] = {
        { (const uint8_t *)"\x80\x60\x12\x34\0\0\0\x01\0\0\0\x01"
                           "rtp payload",
          23 },
        { (const uint8_t *)"\xc3\0\0\0\x01\x15"
                           "twenty-one octets id.."
                           "\0",
          29 },
        { (const uint8_t *)"\xc3\0\0\0\x01\x08\x01\x02\x03\x04\x05\x06\x07\x08\0\0\x4f\xff"
                           "cut",
          21 },
        { (const uint8_t *)"\x83\0\0\0\x01\x08\x01\x02\x03\x04\x05\x06\x07\x08\0\0\x14"
                           "no fixed bit, no QUIC",
          38 },
        { (const uint8_t *)"\x09\x01\x02\x03\x04\x05\x06\x07\x08Q099\x01 CHLO", 19 },
        { (const uint8_t *)"\x0b\x01\x02\x03\x04\x05\x06\x07\x08Q043\x01 CHLO", 19 },
        { (const uint8_t *)"\xff\xff\xff\xffgetstatus", 13 },
        { (const uint8_t *)"\xc0", 1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof decoys / sizeof decoys[0]; i++) {
        clear();
        put(datagram(FROM_CLIENT), decoys[i]);
        run();
        assert_int_equal(out.answer, IM_NO);
    }
}

/* A little generator, so that runs repeat. */
static uint8_t next_octet(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint8_t)(*seed >> 33);
}

static void test_random_datagrams_are_never_quic(void **state)
{
    uint64_t seed = 20260101;

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        clear();
        struct bytes *d = datagram(FROM_CLIENT);
        while (d->len < 1208)
            put_number(d, next_octet(&seed), 1);
        d->at[0] |= 0xc0;
        struct datagram_head head = { .len = 1208 };
        struct sample s = { .l4 = L4_UDP, .datagram = all(d), .heads = &head, .head_count = 1 };
        struct finding f = { 0 };
        assert_int_not_equal(parser_quic.probe(&s, &f), IM_YES);
    }
}

static void test_no_frames_overrun(void **state)
{
    static const uint8_t likely[] = { 0, 1, 2, 3, 6, 8, 0x1c, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff };
    static const uint32_t numbers[] = { 1, 0x51303530 };
    uint64_t seed = 7;

    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        struct bytes frames = { 0 };
        clear();
        while (frames.len < 60u + round % 200) {
            uint8_t octet = next_octet(&seed);
            put_number(&frames, octet % 3 != 0 ? likely[octet % sizeof likely] : octet, 1);
        }
        for (uint8_t i = 0; i < 3; i++) /* then the packet's end, at any place in a frame */
            frames.at[frames.len - 1 - i] = likely[next_octet(&seed) % sizeof likely];
        put_initial(datagram(FROM_CLIENT), numbers[round % 2], id, id, view_of(NULL, 0), all(&frames));
        put_fill(&datagrams[0], 0, 1200 - datagrams[0].len);
        run();
        assert_int_equal(out.answer, IM_YES);
        assert_int_equal(recorder_count(&out.record, "name"), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc9001_initial_is_opened),
        cmocka_unit_test(test_rfc9369_initial_is_opened),
        cmocka_unit_test(test_keys_of_the_rfcs),
        cmocka_unit_test(test_servers_initial_is_opened_with_the_servers_keys),
        cmocka_unit_test(test_every_version_that_is_encrypted_so_is_opened),
        cmocka_unit_test(test_shuffled_repeated_and_mixed_frames_are_joined),
        cmocka_unit_test(test_a_post_quantum_hello_over_two_datagrams_in_either_order_is_read),
        cmocka_unit_test(test_packets_that_share_a_datagram_are_all_read),
        cmocka_unit_test(test_a_later_initial_names_the_servers_id_and_keeps_the_keys),
        cmocka_unit_test(test_after_a_retry_keys_come_from_the_new_id),
        cmocka_unit_test(test_initials_that_no_key_opens_end_it),
        cmocka_unit_test(test_a_hello_longer_than_the_limit_ends_it),
        cmocka_unit_test(test_google_quic_in_clear_gives_name_and_program),
        cmocka_unit_test(test_q050_is_encrypted_with_a_chlo_inside),
        cmocka_unit_test(test_version_negotiation_with_a_known_version_is_quic),
        cmocka_unit_test(test_small_packets_need_a_second_one_of_the_same_connection),
        cmocka_unit_test(test_unknown_versions_are_a_perhaps_and_then_nothing),
        cmocka_unit_test(test_other_udp_is_not_quic),
        cmocka_unit_test(test_random_datagrams_are_never_quic),
        cmocka_unit_test(test_no_frames_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
