/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first bytes of clients, for the drill. Nobody signs in and nothing is said: greetings, hellos,
 * questions.
 *
 * Sources: TLS 1.3 RFC 8446 section 4.1.2 and 4.2; QUIC RFC 9000 section 17.2.2 and RFC 9001 section 5; HTTP
 * RFC 9112; DNS RFC 1035; IRC RFC 2812; XMPP RFC 6120 section 4.7; SIP for presence RFC 3261, RFC 3856;
 * OSCAR, MSNP, YMSG and MRIM as told in src/im/.
 */
#include "cli/drill.h"
#include "identify/quic_initial.h"
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>

const struct drill_way *drill_way(enum drill_method m)
{
    static const struct drill_way ways[DRILL_METHOD_COUNT] = {
#define X(id, ...) [DRILL_##id] = { __VA_ARGS__ },
        DRILL_METHODS(X)
#undef X
    };
    return &ways[m];
}

/* ---- writing ---- */

struct out {
    uint8_t *at;
    size_t len;
};

static void put(struct out *o, const void *bytes, size_t len)
{
    if (len > DRILL_OPENING_BYTES - o->len)
        return; /* no opening is as long */
    memcpy(o->at + o->len, bytes, len);
    o->len += len;
}

static void put8(struct out *o, size_t n)
{
    put(o, &(uint8_t){ (uint8_t)n }, 1);
}

static void put16(struct out *o, size_t n)
{
    put8(o, n >> 8);
    put8(o, n);
}

static void put32(struct out *o, size_t n)
{
    put16(o, n >> 16);
    put16(o, n);
}

static void put_text(struct out *o, const char *text)
{
    put(o, text, strlen(text));
}

static void put_random(struct out *o, size_t len)
{
    uint8_t bytes[64];

    if (RAND_bytes(bytes, (int)len) != 1)
        memset(bytes, 0x5a, len); /* nothing of it is secret */
    put(o, bytes, len);
}

/* A length of two octets is filled in later: for what was put since `from`. */
static size_t open16(struct out *o)
{
    put16(o, 0);
    return o->len;
}

static void close16(struct out *o, size_t from)
{
    size_t n = o->len - from;

    o->at[from - 2] = (uint8_t)(n >> 8);
    o->at[from - 1] = (uint8_t)n;
}

/* ---- TLS and QUIC ---- */

static size_t open_extension(struct out *o, unsigned type)
{
    put16(o, type);
    return open16(o);
}

static void put_extensions(struct out *o, const char *name, bool quic)
{
    size_t e = open_extension(o, 0), list = open16(o); /* server name, RFC 6066 */
    put8(o, 0);
    size_t host = open16(o);
    put_text(o, name);
    close16(o, host);
    close16(o, list);
    close16(o, e);
    e = open_extension(o, 10); /* groups: x25519, secp256r1 */
    put(o, "\x00\x04\x00\x1d\x00\x17", 6);
    close16(o, e);
    e = open_extension(o, 13); /* signatures */
    put(o, "\x00\x0c\x04\x03\x08\x04\x04\x01\x05\x03\x08\x05\x05\x01", 14);
    close16(o, e);
    e = open_extension(o, 16); /* ALPN, RFC 7301 */
    if (quic)
        put(o, "\x00\x03\x02h3", 5);
    else
        put(o, "\x00\x0c\x02h2\x08http/1.1", 14);
    close16(o, e);
    e = open_extension(o, 43); /* versions */
    if (quic)
        put(o, "\x02\x03\x04", 3);
    else
        put(o, "\x04\x03\x04\x03\x03", 5);
    close16(o, e);
    e = open_extension(o, 45); /* of pre-shared keys */
    put(o, "\x01\x01", 2);
    close16(o, e);
    e = open_extension(o, 51); /* key share: of x25519 any 32 octets are one */
    put(o, "\x00\x24\x00\x1d\x00\x20", 6);
    put_random(o, 32);
    close16(o, e);
    if (quic) {
        e = open_extension(o, 57); /* transport parameters: initial source connection id, empty; max data */
        put(o, "\x0f\x00\x04\x04\x80\x10\x00\x00", 8);
        close16(o, e);
    }
}

static void put_client_hello(struct out *o, const char *name, bool quic)
{
    put(o, "\x01\x00", 2);
    size_t body = open16(o);
    put16(o, 0x0303);
    put_random(o, 32);
    put8(o, quic ? 0 : 32);
    put_random(o, quic ? 0 : 32);
    size_t suites = open16(o);
    put(o, "\x13\x01\x13\x02\x13\x03", 6);
    if (!quic)
        put(o, "\xc0\x2b\xc0\x2f\xc0\x2c\xc0\x30", 8);
    close16(o, suites);
    put(o, "\x01\x00", 2); /* no compression */
    size_t extensions = open16(o);
    put_extensions(o, name, quic);
    close16(o, extensions);
    close16(o, body);
}

static void put_tls(struct out *o, const char *name)
{
    put(o, "\x16\x03\x01", 3);
    size_t record = open16(o);
    put_client_hello(o, name, false);
    close16(o, record);
}

enum { QUIC_BYTES = 1200, QUIC_TAG = 16, QUIC_NUMBER = 4, QUIC_SAMPLE = 16 };

/* AES-128-GCM over the content, then the mask over the packet number and the first byte. */
static bool seal(uint8_t *packet, size_t header, const uint8_t *plain, size_t plain_len,
                 const struct quic_keys *k)
{
    uint8_t *sealed = packet + header, mask[QUIC_SAMPLE];
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n = 0;

    /* The packet number is 0: the nonce is the iv. */
    bool done = c != NULL && EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, k->key, k->iv) == 1 &&
                EVP_EncryptUpdate(c, NULL, &n, packet, (int)header) == 1 &&
                EVP_EncryptUpdate(c, sealed, &n, plain, (int)plain_len) == 1 &&
                EVP_EncryptFinal_ex(c, sealed + plain_len, &n) == 1 &&
                EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, QUIC_TAG, sealed + plain_len) == 1 &&
                EVP_CIPHER_CTX_reset(c) == 1 &&
                EVP_EncryptInit_ex(c, EVP_aes_128_ecb(), NULL, k->guard, NULL) == 1 &&
                /* The sample begins four octets behind the beginning of the packet number. */
                EVP_EncryptUpdate(c, mask, &n, packet + header - QUIC_NUMBER + 4, QUIC_SAMPLE) == 1;
    EVP_CIPHER_CTX_free(c);
    if (!done)
        return false;
    packet[0] ^= mask[0] & 0x0f;
    for (size_t i = 0; i < QUIC_NUMBER; i++)
        packet[header - QUIC_NUMBER + i] ^= mask[1 + i];
    return true;
}

static bool put_quic(struct out *o, const char *name)
{
    uint8_t hello[DRILL_OPENING_BYTES], plain[QUIC_BYTES] = { 0 };
    struct out h = { hello, 0 }, p = { plain, 0 };
    struct quic_keys keys;

    put8(o, 0xc0 | (QUIC_NUMBER - 1));
    put32(o, 1);
    put8(o, 8);
    put_random(o, 8);
    quic_keys_derive(quic_version_find(1), view_of(o->at + 6, 8), false, &keys);
    put(o, "\x00\x00", 2); /* no id of its own, no token */
    size_t header = o->len + 2 + QUIC_NUMBER;
    put16(o, 0x4000u | (QUIC_BYTES - header + QUIC_NUMBER));
    put32(o, 0);
    put_client_hello(&h, name, true);
    put(&p, "\x06\x00", 2); /* CRYPTO, from 0 on */
    put16(&p, 0x4000u | h.len);
    if (h.len > QUIC_BYTES - header - QUIC_TAG - p.len)
        return false;
    put(&p, hello, h.len); /* the rest of the plain text is PADDING */
    o->len = QUIC_BYTES;
    return seal(o->at, header, plain, QUIC_BYTES - header - QUIC_TAG, &keys);
}

/* ---- the others ---- */

static void put_dns(struct out *o, const char *name)
{
    struct view rest = view_string(name);

    put_random(o, 2);
    put(o, "\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 10);
    while (rest.len > 0) {
        struct view label = view_token(&rest, '.');
        put8(o, label.len);
        put(o, label.at, label.len);
    }
    put(o, "\x00\x00\x01\x00\x01", 5);
}

static void put_oscar(struct out *o)
{
    put(o, "\x2a\x01\x00\x01", 4);
    size_t frame = open16(o);
    put(o,
        "\x00\x00\x00\x01" /* version */
        "\x00\x01\x00\x0b" /* name */
        "imwarddrill"
        "\x00\x03\x00\x0c" /* client */
        "imward drill",
        35);
    close16(o, frame);
}

static void put_ymsg(struct out *o)
{
    put(o, "YMSG\x00\x10\x00\x00", 8);
    size_t length = open16(o);
    put16(o, 0x57); /* asks for a challenge */
    put32(o, 0);
    put32(o, 0);
    size_t body = o->len;
    put(o, "1\xc0\x80imwarddrill\xc0\x80", 16);
    o->at[length - 2] = 0;
    o->at[length - 1] = (uint8_t)(o->len - body);
}

static void put_mrim(struct out *o)
{
    put(o, "\xef\xbe\xad\xde\x15\x00\x01\x00\x01\x00\x00\x00\x01\x10\x00\x00", 16);
    for (unsigned i = 0; i < 28; i++) /* no body, no address */
        put8(o, 0);
}

static void put_simple(struct out *o)
{
    put_text(o, "SUBSCRIBE sip:drill@drill.invalid SIP/2.0\r\n"
                "Via: SIP/2.0/TCP drill.invalid;branch=z9hG4bKimwarddrill\r\n"
                "Max-Forwards: 70\r\n"
                "From: <sip:drill@drill.invalid>;tag=imward\r\n"
                "To: <sip:drill@drill.invalid>\r\n"
                "Call-ID: imward@drill.invalid\r\n"
                "CSeq: 1 SUBSCRIBE\r\n"
                "Contact: <sip:drill@drill.invalid>\r\n"
                "Event: presence\r\n"
                "Accept: application/pidf+xml\r\n"
                "Expires: 0\r\n"
                "Content-Length: 0\r\n\r\n");
}

size_t drill_opening(enum drill_method m, const char *name, bool neutral, uint8_t out[DRILL_OPENING_BYTES])
{
    struct out o = { out, 0 };
    char text[DRILL_OPENING_BYTES];

    if (neutral)
        name = DRILL_NEUTRAL;
    if (neutral && drill_way(m)->service != NULL)
        m = DRILL_HTTP;
    switch (m) {
    case DRILL_TLS: put_tls(&o, name); break;
    case DRILL_QUIC:
        if (!put_quic(&o, name))
            return 0;
        break;
    case DRILL_HTTP:
        snprintf(text, sizeof text,
                 "GET / HTTP/1.1\r\nHost: %s\r\nUser-Agent: imward-drill\r\nAccept: */*\r\n"
                 "Connection: close\r\n\r\n",
                 name);
        put_text(&o, text);
        break;
    case DRILL_DNS: put_dns(&o, name); break;
    case DRILL_IRC: put_text(&o, "NICK imwarddrill\r\nUSER imward 0 * :imward drill\r\n"); break;
    case DRILL_XMPP:
        put_text(&o, "<?xml version='1.0'?><stream:stream to='drill.invalid' version='1.0' "
                     "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>");
        break;
    case DRILL_OSCAR: put_oscar(&o); break;
    case DRILL_MSNP: put_text(&o, "VER 1 MSNP21 MSNP18 CVR0\r\n"); break;
    case DRILL_YMSG: put_ymsg(&o); break;
    case DRILL_MRIM: put_mrim(&o); break;
    case DRILL_SIMPLE: put_simple(&o); break;
    case DRILL_METHOD_COUNT: break;
    }
    return o.len;
}
