/* SPDX-License-Identifier: Apache-2.0 */
/* Telegram's transports; the obfuscated ones are made here with another interface of libcrypto than the
 * parser's. */
#include "builder.h"
#include <openssl/evp.h>
#include <zlib.h>

extern const struct parser parser_mtproto;

enum way_of_framing { ABRIDGED, INTERMEDIATE, PADDED };

static const uint64_t key_id = 0x1122334455667788;
static struct outcome out;
static struct builder client, server, more;

static void reset(void)
{
    client = server = more = (struct builder){ 0 };
    client.seed = 11, server.seed = 12, more.seed = 13;
}

/* A message of `n` bytes behind its length. */
static void build_frame(struct builder *b, enum way_of_framing framing, uint64_t id, size_t n)
{
    size_t padding = framing == PADDED ? n % 15 : 0;

    if (framing == ABRIDGED && n / 4 < 0x7f) {
        build_le(b, 1, n / 4);
    } else if (framing == ABRIDGED) {
        build_le(b, 1, 0x7f);
        build_le(b, 3, n / 4);
    } else {
        build_le(b, 4, n + padding);
    }
    build_le(b, 8, id);
    build_random(b, n - 8 + padding);
}

/* The first step of a key exchange. */
static void build_key_exchange(struct builder *b, enum way_of_framing framing, uint32_t constructor)
{
    if (framing == ABRIDGED)
        build_le(b, 1, 40 / 4);
    else
        build_le(b, 4, 40);
    build_le(b, 8, 0);
    build_le(b, 8, 0x51e57ac42770964a);
    build_le(b, 4, 20);
    build_le(b, 4, constructor);
    build_random(b, 16);
}

/* Encrypt bytes [from, len) of `b` with AES-256-CTR, whose stream begins `skip` bytes earlier. */
static void encrypt(struct builder *b, size_t from, const uint8_t *key, const uint8_t *counter, size_t skip)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t nothing[64] = { 0 }, ignored[64];
    int n;

    assert_non_null(ctx);
    assert_int_equal(EVP_EncryptInit_ex(ctx, EVP_aes_256_ctr(), NULL, key, counter), 1);
    assert_int_equal(EVP_EncryptUpdate(ctx, ignored, &n, nothing, (int)skip), 1);
    assert_int_equal(EVP_EncryptUpdate(ctx, b->bytes + from, &n, b->bytes + from, (int)(b->len - from)), 1);
    EVP_CIPHER_CTX_free(ctx);
}

/*
 * Obfuscate what the three hold. Returns the client's start and its `first` bytes; `more` lies behind it. The
 * low half of the counter is ff, so that it is seen to carry.
 */
static struct view obfuscate(enum way_of_framing framing, size_t first)
{
    static const uint8_t tags[] = { 0xef, 0xee, 0xdd };
    static struct builder stream;
    uint8_t start[64], backwards[64];

    stream = (struct builder){ .seed = 77 };
    build_random(&stream, 64);
    memset(stream.bytes + 48, 0xff, 8);
    memset(stream.bytes + 56, tags[framing], 4);
    memcpy(start, stream.bytes, 64);
    for (unsigned i = 0; i < 64; i++)
        backwards[i] = start[63 - i];
    build_view(&stream, built(&client));
    build_view(&stream, built(&more));
    encrypt(&stream, 0, start + 8, start + 40, 0);
    memcpy(stream.bytes, start, 56);
    encrypt(&server, 0, backwards + 8, backwards + 40, 0);
    return view_slice(built(&stream), 0, 64 + first);
}

static void test_obfuscated_transports_are_proved_and_followed(void **state)
{
    static const char *const names[] = { "abridged", "intermediate", "padded intermediate" };

    (void)state;
    for (enum way_of_framing f = ABRIDGED; f <= PADDED; f++) {
        char value[64];
        reset();
        build_key_exchange(&client, f, 0xbe7e8ef1);
        build_frame(&server, f, 0, 100);
        build_frame(&server, f, key_id, 600);
        build_frame(&more, f, key_id, 104);
        build_frame(&more, f, key_id, 20008);
        struct view first = obfuscate(f, client.len);
        const struct step steps[] = { { FROM_CLIENT, first },
                                      said(FROM_SERVER, &server),
                                      { FROM_CLIENT, view_of(first.at + first.len, more.len) } };
        if (f == PADDED)
            check_laws(&parser_mtproto, steps, 3, &out);
        else
            converse(&parser_mtproto, steps, 3, &out);
        assert_int_equal(out.answer, IM_YES);
        struct text t = TEXT(value);
        text_format(&t, "MTProto obfuscated, %s", names[f]);
        assert_string_equal(out.finding.value, value);
        assert_string_equal(out.record.text,
                            "delivery server-proxy\nactivity login\nactivity chat\nactivity file\nsettle\n");
    }
}

static void test_another_tag_key_or_first_length_is_no_proof(void **state)
{
    (void)state;
    for (size_t at = 8; at < 60; at += 3) {
        reset();
        build_frame(&client, INTERMEDIATE, key_id, 104);
        struct view first = obfuscate(INTERMEDIATE, client.len);
        static struct builder changed;
        changed = (struct builder){ 0 };
        build_view(&changed, first);
        changed.bytes[at] ^= 0x10;
        assert_int_equal(probe_bytes(&parser_mtproto, built(&changed)), IM_NO);
    }
    reset();
    build_le(&client, 4, 0x7f000000);
    build_random(&client, 60);
    assert_int_equal(probe_bytes(&parser_mtproto, obfuscate(INTERMEDIATE, client.len)), IM_NO);
}

static void test_a_start_is_known_where_the_syn_was_not_seen(void **state)
{
    struct finding finding = { 0 };

    (void)state;
    reset();
    build_frame(&client, ABRIDGED, key_id, 104);
    struct sample s = { .l4 = L4_TCP,
                        .midstream = true,
                        .bytes = { obfuscate(ABRIDGED, client.len), view_of(NULL, 0) } };
    assert_int_equal(parser_mtproto.probe(&s, &finding), IM_YES);
}

static void test_the_server_never_speaks_first(void **state)
{
    (void)state;
    reset();
    build_frame(&client, ABRIDGED, key_id, 104);
    struct view first = obfuscate(ABRIDGED, client.len);
    const struct step steps[] = { { FROM_CLIENT, view_slice(first, 0, 40) },
                                  SERVER("220 example.org"),
                                  { FROM_CLIENT, view_from(first, 40) } };
    converse(&parser_mtproto, steps, 3, &out);
    assert_int_equal(out.answer, IM_NO);
}

static void test_a_key_exchange_in_the_clear_is_known(void **state)
{
    static const struct view tags[] = { { (const uint8_t *)"\xef", 1 },
                                        { (const uint8_t *)"\xee\xee\xee\xee", 4 },
                                        { (const uint8_t *)"\xdd\xdd\xdd\xdd", 4 } };

    (void)state;
    for (enum way_of_framing f = ABRIDGED; f <= PADDED; f++)
        for (unsigned i = 0; i < 2; i++) {
            reset();
            build_view(&client, tags[f]);
            build_key_exchange(&client, f, i == 0 ? 0xbe7e8ef1 : 0x60469778);
            build_frame(&server, f, 0, 84);
            build_frame(&more, f, key_id, 120);
            const struct step steps[] = { said(FROM_CLIENT, &client), said(FROM_SERVER, &server),
                                          said(FROM_CLIENT, &more) };
            check_laws(&parser_mtproto, steps, 3, &out);
            assert_int_equal(out.answer, IM_YES);
            assert_string_equal(out.record.text, "delivery server-proxy\nactivity login\nactivity chat\n");
        }
    reset();
    build_bytes(&client, "\xef");
    build_key_exchange(&client, ABRIDGED, 0xbe7e8ef2);
    assert_int_equal(probe_bytes(&parser_mtproto, built(&client)), IM_NO);
}

static void test_abridged_messages_in_the_clear_need_one_key_twice(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        reset();
        build_bytes(&client, "\xef");
        build_frame(&client, ABRIDGED, key_id, 104);
        assert_int_equal(probe_bytes(&parser_mtproto, built(&client)), IM_MORE);
        build_bytes(&server, "\xa1\xb2\xc3\xd4"); /* a quick acknowledgement */
        build_frame(&server, ABRIDGED, key_id + i, 1000);
        const struct step steps[] = { said(FROM_CLIENT, &client), said(FROM_SERVER, &server) };
        check_laws(&parser_mtproto, steps, 2, &out);
        assert_int_equal(out.answer, i == 0 ? IM_YES : IM_NO);
        build_frame(&client, ABRIDGED, key_id + i, 72);
        assert_int_equal(probe_bytes(&parser_mtproto, built(&client)), i == 0 ? IM_YES : IM_NO);
    }
}

static void test_a_key_exchange_as_the_body_of_a_post(void **state)
{
    (void)state;
    reset();
    for (int i = 0; i < 2; i++) {
        client.len = 0;
        build_le(&client, 8, 0);
        build_le(&client, 8, 0x51e57ac42770964a);
        build_le(&client, 4, 20);
        build_le(&client, 4, i == 0 ? 0xbe7e8ef1 : 0xbe7e8ef2);
        build_random(&client, 16);
        const struct step steps[] = { said(FROM_CLIENT, &client) };
        check_laws(&parser_mtproto, steps, 1, &out);
        assert_int_equal(out.answer, i == 0 ? IM_YES : IM_NO);
    }
}

static void test_intermediate_messages_in_the_clear(void **state)
{
    (void)state;
    reset();
    build_bytes(&client, "\xee\xee\xee\xee");
    build_frame(&client, INTERMEDIATE, key_id, 104);
    assert_int_equal(probe_bytes(&parser_mtproto, built(&client)), IM_YES);
    reset();
    build_bytes(&client, "\xee\xee\xee\xee");
    build_frame(&client, INTERMEDIATE, key_id, 100); /* no cipher text of AES is so long */
    assert_int_equal(probe_bytes(&parser_mtproto, built(&client)), IM_NO);
}

/* A frame of the full transport. */
static void build_full(struct builder *b, uint32_t sequence, uint64_t id, size_t n)
{
    size_t at = b->len;

    build_le(b, 4, n + 12);
    build_le(b, 4, sequence);
    build_le(b, 8, id);
    build_random(b, n - 8);
    build_le(b, 4, crc32(0, b->bytes + at, (uInt)(n + 8)));
}

static void test_the_full_transport_is_proved_by_its_check_sum(void **state)
{
    (void)state;
    reset();
    build_full(&client, 0, key_id, 104);
    build_full(&server, 0, key_id, 88);
    build_full(&more, 1, key_id, 16408);
    const struct step steps[] = { said(FROM_CLIENT, &client), said(FROM_SERVER, &server),
                                  said(FROM_CLIENT, &more) };
    check_laws(&parser_mtproto, steps, 3, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.finding.value, "MTProto full");
    assert_string_equal(out.record.text, "delivery server-proxy\nactivity chat\nactivity file\n");
    client.bytes[50] ^= 1;
    assert_int_equal(probe_bytes(&parser_mtproto, built(&client)), IM_NO);
}

static void test_decoys_say_no(void **state)
{
    (void)state;
    assert_no_yes_to_other_streams(&parser_mtproto);
    assert_no_yes_to_random_streams(&parser_mtproto);
    assert_int_equal(probe_bytes(&parser_mtproto, VIEW("\xef\x01\x02")), IM_NO);
    assert_int_equal(probe_bytes(&parser_mtproto, VIEW("GET ")), IM_NO);
    assert_int_equal(probe_bytes(&parser_mtproto, VIEW("\x16\3")), IM_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_obfuscated_transports_are_proved_and_followed),
        cmocka_unit_test(test_another_tag_key_or_first_length_is_no_proof),
        cmocka_unit_test(test_a_start_is_known_where_the_syn_was_not_seen),
        cmocka_unit_test(test_the_server_never_speaks_first),
        cmocka_unit_test(test_a_key_exchange_in_the_clear_is_known),
        cmocka_unit_test(test_abridged_messages_in_the_clear_need_one_key_twice),
        cmocka_unit_test(test_a_key_exchange_as_the_body_of_a_post),
        cmocka_unit_test(test_intermediate_messages_in_the_clear),
        cmocka_unit_test(test_the_full_transport_is_proved_by_its_check_sum),
        cmocka_unit_test(test_decoys_say_no),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
