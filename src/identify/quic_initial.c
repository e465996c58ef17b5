/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QUIC long headers and the protection of Initial packets.
 *
 *     first8 version32 dcid8 scid8                                            all versions, RFC 8999
 *     ... token length packet-number content tag[16]                          Initial, RFC 9000
 * section 17.2.2
 *     ... length packet-number content tag[16]                                0-RTT, Handshake
 *     ... token tag[16]                                                       Retry: to the end of the
 * datagram
 *
 * dcid8 and scid8 are blocks behind one octet of length, token a block behind a varint.
 *
 * Keys (RFC 9001 section 5.2; version 2: RFC 9369 section 3.3.2), all by HKDF with SHA-256:
 *
 *     initial = Extract(salt of the version, dcid of the client's first Initial)
 *     secret  = Expand-Label(initial, "client in" or "server in", 32)
 *     key, iv, hp = Expand-Label(secret, "quic key", 16), ("quic iv", 12), ("quic hp", 16)
 *
 * The low bits of the first byte and the packet number are masked with AES-ECB(hp, 16 octets that begin four
 * behind the packet number's beginning), section 5.4; content is AES-128-GCM with the iv XOR packet number as
 * nonce and the unmasked header as associated data, section 5.3.
 *
 * Salts: of version 1 and 2 from the RFCs; drafts from draft-ietf-quic-tls-22, -23, -29, -33 section 5.2; the
 * Google versions from QUICHE (quic/core/crypto/crypto_utils.cc); mvfst uses those of the drafts it was made
 * from (facebook/mvfst, quic/QuicConstants.h and FizzCryptoFactory.cpp).
 *
 * Measured with OpenSSL 3.0: keys of a connection take 9 us by HMAC() and 1.9 us by the SHA-256 functions
 * below EVP, an AES key and one block 0.6 us by EVP and 0.16 us below. Only GCM, where the content is long,
 * goes through EVP.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "identify/quic_initial.h"
#include <openssl/aes.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

enum {
    LONG_HEADER = 0x80,
    FIXED_BIT = 0x40,
    SALT_BYTES = 20,
    TAG_BYTES = 16,
    SAMPLE_AT = 4, /* behind the beginning of the packet number */
    SAMPLE_BYTES_AES = 16,
    BLOCK_BYTES = 64, /* of SHA-256 */
};

#define SALT_22 "\x7f\xbc\xdb\x0e\x7c\x66\xbb\xe9\x19\x3a\x96\xcd\x21\x51\x9e\xbd\x7a\x02\x64\x4a"
#define SALT_23 "\xc3\xee\xf7\x12\xc7\x2e\xbb\x5a\x11\xa7\xd2\x43\x2b\xb4\x63\x65\xbe\xf9\xf5\x02"
#define SALT_29 "\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99"
#define SALT_V1 "\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a"
#define SALT_V2 "\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9"
#define SALT_V2_DRAFT "\xa7\x07\xc2\x03\xa5\x9b\x47\x18\x4a\x1d\x62\xca\x57\x04\x06\xea\x7a\xe3\xe5\xd3"
#define SALT_Q050 "\x50\x45\x74\xef\xd0\x66\xfe\x2f\x9d\x94\x5c\xfc\xdb\xd3\xa7\xf0\xd3\xb5\x6b\x45"
#define SALT_T050 "\x7f\xf5\x79\xe5\xac\xd0\x72\x91\x55\x80\x30\x4c\x43\xa2\x36\x7c\x60\x48\x83\x10"
#define SALT_T051 "\x7a\x4e\xde\xf4\xe7\xcc\xee\x5f\xa4\x50\x6c\x19\x12\x4f\xc8\xcc\xda\x6e\x03\x3d"

static const struct quic_version versions[] = {
    { 0x00000001, 0x00000001, "QUIC v1", SALT_V1, false, false },
    { 0x6b3343cf, 0x6b3343cf, "QUIC v2", SALT_V2, true, false },
    { 0x709a50c4, 0x709a50c4, "QUIC v2 draft", SALT_V2_DRAFT, true, false },
    { 0xff000016, 0xff000016, "QUIC draft-", SALT_22, false, false },
    { 0xff000017, 0xff00001c, "QUIC draft-", SALT_23, false, false },
    { 0xff00001d, 0xff000020, "QUIC draft-", SALT_29, false, false },
    { 0xff000021, 0xff000022, "QUIC draft-", SALT_V1, false, false },
    { 0xfaceb001, 0xfaceb001, "QUIC mvfst", SALT_22, false, false },
    { 0xfaceb002, 0xfaceb002, "QUIC mvfst", SALT_23, false, false },
    { 0xfaceb003, 0xfaceb004, "QUIC mvfst v1", SALT_V1, false, false },
    { 0xfaceb00e, 0xfaceb013, "QUIC mvfst", SALT_23, false, false },
    { 0x51303530, 0x51303530, "QUIC Q050", SALT_Q050, false, true },
    { 0x54303530, 0x54303530, "QUIC T050", SALT_T050, false, true },
    { 0x54303531, 0x54303531, "QUIC T051", SALT_T051, false, false },
};

const struct quic_version *quic_version_find(uint32_t number)
{
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++)
        if (number >= versions[i].first && number <= versions[i].last)
            return &versions[i];
    return NULL;
}

bool quic_version_plausible(uint32_t number)
{
    return quic_version_find(number) != NULL || (number & 0x0f0f0f0f) == 0x0a0a0a0a ||
           number >> 8 == 0xff0000 || number >> 8 == 0xff0200 || number >> 8 == 0xfaceb0 ||
           number >> 16 == 0x5130 || number >> 16 == 0x5430;
}

void quic_version_name(const struct quic_version *v, uint32_t number, struct text *out)
{
    text_string(out, v->name);
    if (number >> 8 == 0xff0000)
        text_decimal(out, number & 0xff);
}

uint64_t quic_varint(struct cursor *c)
{
    uint8_t first = cursor_u8(c);
    uint64_t n = first & 0x3f;

    for (unsigned more = (1u << (first >> 6)) - 1; more > 0; more--)
        n = n << 8 | cursor_u8(c);
    return n;
}

bool quic_invariant_read(struct cursor *c, struct quic_invariant *out)
{
    out->first = cursor_u8(c);
    out->number = cursor_u32(c);
    out->dcid = cursor_take(c, cursor_u8(c));
    out->scid = cursor_take(c, cursor_u8(c));
    return !c->bad && (out->first & LONG_HEADER) != 0 && out->dcid.len <= QUIC_CID_BYTES &&
           out->scid.len <= QUIC_CID_BYTES;
}

bool quic_packet_read(struct cursor *c, struct quic_packet *out)
{
    struct cursor begin = *c;

    if (!quic_invariant_read(c, &out->head) || (out->head.first & FIXED_BIT) == 0)
        return false;
    out->version = quic_version_find(out->head.number);
    if (out->version == NULL)
        return false;
    unsigned bits = out->head.first >> 4 & 3;
    out->type = (enum quic_type)(out->version->second ? (bits + 3) & 3 : bits);
    out->token = view_of(NULL, 0);
    if (out->type == QUIC_RETRY) {
        if (cursor_left(c) < TAG_BYTES)
            return false;
        out->token = cursor_take(c, cursor_left(c) - TAG_BYTES);
        out->guarded = cursor_rest(c);
        out->clear = view_slice(cursor_peek(&begin), 0, cursor_left(&begin) - out->guarded.len);
        return true;
    }
    if (out->type == QUIC_INITIAL) {
        uint64_t token = quic_varint(c);
        out->token = cursor_take(c, token < SIZE_MAX ? (size_t)token : SIZE_MAX);
    }
    uint64_t len = quic_varint(c);
    out->clear = view_slice(cursor_peek(&begin), 0, cursor_left(&begin) - cursor_left(c));
    out->guarded = cursor_take(c, len < SIZE_MAX ? (size_t)len : SIZE_MAX);
    return !c->bad && out->guarded.len >= SAMPLE_AT + SAMPLE_BYTES_AES;
}

/* HMAC-SHA256 (RFC 2104) of `message` and one octet more, for keys of at most a block. */
static void hmac(struct view key, struct view message, const char *last, uint8_t out[SHA256_DIGEST_LENGTH])
{
    uint8_t inner[BLOCK_BYTES], outer[BLOCK_BYTES];
    SHA256_CTX sha;

    for (size_t i = 0; i < BLOCK_BYTES; i++) {
        uint8_t k = i < key.len ? key.at[i] : 0;
        inner[i] = k ^ 0x36;
        outer[i] = k ^ 0x5c;
    }
    SHA256_Init(&sha);
    SHA256_Update(&sha, inner, sizeof inner);
    SHA256_Update(&sha, message.at, message.len);
    SHA256_Update(&sha, last, last != NULL ? 1 : 0);
    SHA256_Final(out, &sha);
    SHA256_Init(&sha);
    SHA256_Update(&sha, outer, sizeof outer);
    SHA256_Update(&sha, out, SHA256_DIGEST_LENGTH);
    SHA256_Final(out, &sha);
}

/* HKDF-Expand-Label (RFC 8446 section 7.1) with empty context, up to 32 octets: a single round of
 * HKDF-Expand. */
static void expand(const uint8_t secret[SHA256_DIGEST_LENGTH], const char *label, uint8_t *out, uint8_t size)
{
    char bytes[64];
    struct text info = TEXT(bytes);
    uint8_t round[SHA256_DIGEST_LENGTH];

    text_char(&info, '\0');
    text_char(&info, (char)size);
    text_char(&info, (char)(view_string("tls13 ").len + view_string(label).len));
    text_string(&info, "tls13 ");
    text_string(&info, label);
    text_char(&info, '\0');
    hmac(view_of(secret, SHA256_DIGEST_LENGTH), view_of(bytes, info.len), "\x01", round);
    memcpy(out, round, size);
}

void quic_keys_derive(const struct quic_version *v, struct view dcid, bool server, struct quic_keys *out)
{
    uint8_t initial[SHA256_DIGEST_LENGTH], secret[SHA256_DIGEST_LENGTH];

    hmac(view_of(v->salt, SALT_BYTES), dcid, NULL, initial);
    expand(initial, server ? "server in" : "client in", secret, sizeof secret);
    expand(secret, v->second ? "quicv2 key" : "quic key", out->key, sizeof out->key);
    expand(secret, v->second ? "quicv2 iv" : "quic iv", out->iv, sizeof out->iv);
    expand(secret, v->second ? "quicv2 hp" : "quic hp", out->guard, sizeof out->guard);
}

/* AES-128-GCM. `number` is the packet number's octets, unmasked. */
static bool open_content(const struct quic_keys *keys, uint8_t first, struct view clear, struct view number,
                         struct view sealed, uint8_t *plain)
{
    struct view content = view_slice(sealed, 0, sealed.len - TAG_BYTES);
    struct view tag = view_from(sealed, content.len);
    struct view clear_rest = view_from(clear, 1);
    uint8_t nonce[sizeof keys->iv], expected[TAG_BYTES];
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n = 0;

    memcpy(nonce, keys->iv, sizeof nonce);
    for (size_t i = 0; i < number.len; i++)
        nonce[sizeof nonce - number.len + i] ^= number.at[i];
    memcpy(expected, tag.at, sizeof expected);
    bool ok = c != NULL && EVP_DecryptInit_ex(c, EVP_aes_128_gcm(), NULL, keys->key, nonce) == 1 &&
              EVP_DecryptUpdate(c, NULL, &n, &first, 1) == 1 &&
              EVP_DecryptUpdate(c, NULL, &n, clear_rest.at, (int)clear_rest.len) == 1 &&
              EVP_DecryptUpdate(c, NULL, &n, number.at, (int)number.len) == 1 &&
              EVP_DecryptUpdate(c, plain, &n, content.at, (int)content.len) == 1 &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, expected) == 1 &&
              EVP_DecryptFinal_ex(c, plain, &n) == 1;
    EVP_CIPHER_CTX_free(c);
    return ok;
}

bool quic_packet_open(const struct quic_keys *keys, const struct quic_packet *p,
                      uint8_t buffer[QUIC_PLAIN_BYTES], struct view *out_plain)
{
    struct view sample = view_slice(p->guarded, SAMPLE_AT, SAMPLE_AT + SAMPLE_BYTES_AES);
    uint8_t mask[16], number[4];
    AES_KEY aes;

    if (sample.len < SAMPLE_BYTES_AES || p->guarded.len > QUIC_PLAIN_BYTES ||
        AES_set_encrypt_key(keys->guard, 128, &aes) != 0)
        return false;
    AES_encrypt(sample.at, mask, &aes);
    uint8_t first = (uint8_t)(p->head.first ^ (mask[0] & 0x0f));
    size_t number_len = (size_t)(first & 3) + 1;
    for (size_t i = 0; i < number_len; i++)
        number[i] = p->guarded.at[i] ^ mask[1 + i];
    struct view sealed = view_from(p->guarded, number_len);
    if (!open_content(keys, first, p->clear, view_of(number, number_len), sealed, buffer))
        return false;
    *out_plain = view_of(buffer, sealed.len - TAG_BYTES);
    return true;
}
