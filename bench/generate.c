/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a large capture for the benchmark: many clients, a realistic mix of instant messaging and everything
 * else, flows interleaved. The same arguments give the same bytes.
 *
 *     generate FLOWS SEED OUTPUT.pcap
 *
 * Writes OUTPUT.pcap and, beside it, OUTPUT.pcap.truth: how many flows of which service are in it.
 * The protocols are built from their specifications; QUIC Initials are really encrypted (RFC 9001).
 */
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ACTIVE_FLOWS = 6000, /* flows that are open at a time */
    CLIENTS = 4000,
    MESSAGE_BYTES = 2048,
    SEGMENT_BYTES = 1400,
};

enum kind {
    TLS_WEB,
    TLS_IM,
    QUIC_WEB,
    QUIC_IM,
    DNS_WEB,
    DNS_IM,
    HTTP,
    SSH,
    SMTP,
    NTP,
    NOISE_TCP,
    NOISE_UDP,
    IRC,
    XMPP,
    OSCAR,
    MSNP,
    YMSG,
    WHATSAPP,
    TELEGRAM,
    CALL,
    KINDS
};

/* How many of a thousand flows. */
static const struct {
    const char *name, *service;
    unsigned share;
} mix[KINDS] = {
    [TLS_WEB] = { "tls", "-", 300 },
    [TLS_IM] = { "tls", "im", 80 },
    [QUIC_WEB] = { "quic", "-", 100 },
    [QUIC_IM] = { "quic", "im", 20 },
    [DNS_WEB] = { "dns", "-", 170 },
    [DNS_IM] = { "dns", "im", 30 },
    [HTTP] = { "http", "-", 60 },
    [SSH] = { "ssh", "-", 10 },
    [SMTP] = { "smtp", "-", 15 },
    [NTP] = { "ntp", "-", 35 },
    [NOISE_TCP] = { "tcp", "-", 25 },
    [NOISE_UDP] = { "udp", "-", 45 },
    [IRC] = { "irc", "irc", 10 },
    [XMPP] = { "xmpp", "xmpp", 10 },
    [OSCAR] = { "oscar", "oscar", 10 },
    [MSNP] = { "msnp", "msn", 10 },
    [YMSG] = { "ymsg", "yahoo", 10 },
    [WHATSAPP] = { "whatsapp", "whatsapp", 20 },
    [TELEGRAM] = { "mtproto", "telegram", 20 },
    [CALL] = { "stun", "whatsapp", 20 },
};

static const char *const web_names[] = {
    "www.example.com",           "cdn.example.net",           "static.images.example.org",
    "api.bank.example",          "updates.vendor.example",    "mail.example.com",
    "login.microsoftonline.com", "www.wikipedia.org",         "fonts.gstatic.com",
    "news.example.co.uk",        "telemetry.vendor.example",  "video.stream.example",
    "notwhatsapp.com",           "whatsapp.com.evil.example",
};
static const char *const im_names[] = {
    "g.whatsapp.net", "mmg.whatsapp.net",    "web.telegram.org",       "chat.signal.org",
    "cdn.signal.org", "long.weixin.qq.com",  "edge-mqtt.facebook.com", "gateway.discord.gg",
    "slack.com",      "teams.microsoft.com", "web.whatsapp.com",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- randomness ---- */

static uint64_t random_state;

static uint64_t random_u64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state * 0x2545f4914f6cdd1du;
}

static unsigned below(unsigned n)
{
    return (unsigned)(random_u64() >> 33) % n;
}

static void random_bytes(uint8_t *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        at[i] = (uint8_t)(random_u64() >> 24);
}

/* ---- messages ---- */

struct message {
    uint8_t bytes[MESSAGE_BYTES];
    size_t len;
};

static void put(struct message *m, const void *bytes, size_t n)
{
    if (n > sizeof m->bytes - m->len)
        n = sizeof m->bytes - m->len;
    memcpy(m->bytes + m->len, bytes, n);
    m->len += n;
}

static void put_text(struct message *m, const char *text)
{
    put(m, text, strlen(text));
}

static void put_u8(struct message *m, unsigned n)
{
    put(m, &(uint8_t){ (uint8_t)n }, 1);
}

static void put_u16(struct message *m, unsigned n)
{
    put(m, (uint8_t[]){ (uint8_t)(n >> 8), (uint8_t)n }, 2);
}

static void put_u32(struct message *m, uint32_t n)
{
    put_u16(m, n >> 16);
    put_u16(m, n & 0xffff);
}

static void put_random(struct message *m, size_t n)
{
    uint8_t bytes[MESSAGE_BYTES];

    n = n < sizeof bytes ? n : sizeof bytes;
    random_bytes(bytes, n);
    put(m, bytes, n);
}

static void set_u16(struct message *m, size_t at, size_t n)
{
    m->bytes[at] = (uint8_t)(n >> 8);
    m->bytes[at + 1] = (uint8_t)n;
}

/* RFC 8446 section 4.1.2; a third of the hellos carry a post-quantum key share and fill two segments. */
static void client_hello(struct message *m, const char *name, bool quic)
{
    static const uint16_t ciphers[] = {
        0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8
    };
    size_t handshake = m->len, share = !quic && below(3) == 0 ? 1216 : 32;

    put_u8(m, 1);
    put(m, "\0\0\0", 3);
    put_u16(m, 0x0303);
    put_random(m, 32);
    put_u8(m, quic ? 0 : 32);
    put_random(m, quic ? 0 : 32);
    put_u16(m, sizeof ciphers);
    for (size_t i = 0; i < COUNT(ciphers); i++)
        put_u16(m, ciphers[i]);
    put(m, "\1\0", 2);
    size_t extensions = m->len;
    put_u16(m, 0);
    put_u16(m, 0);
    put_u16(m, (unsigned)strlen(name) + 5);
    put_u16(m, (unsigned)strlen(name) + 3);
    put_u8(m, 0);
    put_u16(m, (unsigned)strlen(name));
    put_text(m, name);
    put(m, "\0\x10\0\x05\0\x03\x02h2", 9);
    put(m, "\0\x2b\0\x03\x02\x03\x04", 7);
    put(m, "\0\x0a\0\x06\0\x04\x11\xec\0\x1d", 10);
    put(m, "\0\x0d\0\x08\0\x06\x04\x03\x08\x04\x04\x01", 12);
    put_u16(m, 51);
    put_u16(m, (unsigned)share + 6);
    put_u16(m, (unsigned)share + 4);
    put_u16(m, share > 32 ? 0x11ec : 0x1d);
    put_u16(m, (unsigned)share);
    put_random(m, share);
    if (quic)
        put(m, "\0\x39\0\x04\x01\x02\x67\x10", 8);
    set_u16(m, extensions, m->len - extensions - 2);
    set_u16(m, handshake + 2, m->len - handshake - 4);
}

static void tls_record(struct message *m, unsigned type, size_t len)
{
    put_u8(m, type);
    put_u16(m, 0x0303);
    put_u16(m, (unsigned)len);
    put_random(m, len);
}

/* RFC 8446 section 4.1.3, version 1.3 chosen. */
static void server_hello(struct message *m)
{
    put(m, "\x16\x03\x03\0\x7a\2\0\0\x76\3\3", 11);
    put_random(m, 32);
    put_u8(m, 32);
    put_random(m, 32);
    put(m, "\x13\1\0\0\x2e\0\x2b\0\2\3\4\0\x33\0\x24\0\x1d\0\x20", 19);
    put_random(m, 32);
}

static void tls_client_hello(struct message *m, const char *name)
{
    put(m, "\x16\x03\x01\0\0", 5);
    client_hello(m, name, false);
    set_u16(m, 3, m->len - 5);
}

/* ---- QUIC Initial, RFC 9001 section 5 ---- */

static void expand_label(const uint8_t *secret, size_t secret_len, const char *label, uint8_t *out,
                         size_t len)
{
    uint8_t info[64];
    size_t n = 0, label_len = strlen(label);
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;

    info[n++] = (uint8_t)(len >> 8);
    info[n++] = (uint8_t)len;
    info[n++] = (uint8_t)(label_len + 6);
    memcpy(info + n, "tls13 ", 6);
    memcpy(info + n + 6, label, label_len);
    n += 6 + label_len;
    info[n++] = 0;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int("mode", &mode),
        OSSL_PARAM_construct_utf8_string("digest", "SHA256", 0),
        OSSL_PARAM_construct_octet_string("key", (void *)(uintptr_t)secret, secret_len),
        OSSL_PARAM_construct_octet_string("info", info, n),
        OSSL_PARAM_construct_end(),
    };
    if (EVP_KDF_derive(context, out, len, params) <= 0)
        abort();
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
}

static void initial_secret(const uint8_t *id, size_t id_len, uint8_t out[32])
{
    static const uint8_t salt[] = { 0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                                    0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a };
    unsigned len = 32;
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    int mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int("mode", &mode),
        OSSL_PARAM_construct_utf8_string("digest", "SHA256", 0),
        OSSL_PARAM_construct_octet_string("key", (void *)(uintptr_t)id, id_len),
        OSSL_PARAM_construct_octet_string("salt", (void *)(uintptr_t)salt, sizeof salt),
        OSSL_PARAM_construct_end(),
    };
    if (EVP_KDF_derive(context, out, len, params) <= 0)
        abort();
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
}

static void quic_initial(struct message *m, const char *name)
{
    enum { DATAGRAM = 1200, TAG = 16, NUMBER = 4 };
    uint8_t secret[32], client[32], key[16], iv[12], hp[16], id[8], mask[32];
    struct message plain = { .len = 0 };
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int n;

    random_bytes(id, sizeof id);
    initial_secret(id, sizeof id, secret);
    expand_label(secret, 32, "client in", client, 32);
    expand_label(client, 32, "quic key", key, 16);
    expand_label(client, 32, "quic iv", iv, 12);
    expand_label(client, 32, "quic hp", hp, 16);

    put(m, "\xc3\0\0\0\1\x08", 6);
    put(m, id, 8);
    put(m, "\0\0", 2);
    size_t header = m->len + 2 + NUMBER, body = DATAGRAM - header - TAG;
    put_u16(m, 0x4000 | (unsigned)(body + TAG + NUMBER));
    put_u32(m, 1);
    put(&plain, "\x06\0\x40\0", 4);
    client_hello(&plain, name, true);
    plain.bytes[2] = (uint8_t)(0x40 | (plain.len - 4) >> 8);
    plain.bytes[3] = (uint8_t)(plain.len - 4);
    memset(plain.bytes + plain.len, 0, body - plain.len);
    iv[11] ^= 1;
    EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), NULL, key, iv);
    EVP_EncryptUpdate(context, NULL, &n, m->bytes, (int)m->len);
    EVP_EncryptUpdate(context, m->bytes + m->len, &n, plain.bytes, (int)body);
    m->len += body;
    EVP_EncryptFinal_ex(context, m->bytes + m->len, &n);
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG, m->bytes + m->len);
    m->len += TAG;
    EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), NULL, hp, NULL);
    EVP_EncryptUpdate(context, mask, &n, m->bytes + header, 16);
    m->bytes[0] ^= mask[0] & 0x0f;
    for (int i = 0; i < NUMBER; i++)
        m->bytes[header - NUMBER + (size_t)i] ^= mask[1 + i];
    EVP_CIPHER_CTX_free(context);
}

/* ---- DNS, RFC 1035 ---- */

static void dns(struct message *m, const char *name, unsigned id, bool answer)
{
    put_u16(m, id);
    put_u16(m, answer ? 0x8180 : 0x0100);
    put_u16(m, 1);
    put_u16(m, answer);
    put_u32(m, 0);
    for (const char *at = name; *at != '\0';) {
        size_t len = strcspn(at, ".");
        put_u8(m, (unsigned)len);
        put(m, at, len);
        at += len + (at[len] == '.');
    }
    put_u8(m, 0);
    put_u32(m, 0x00010001);
    if (answer) {
        put_u16(m, 0xc00c);
        put_u32(m, 0x00010001);
        put_u32(m, 300);
        put_u16(m, 4);
        put_u8(m, 203);
        put_u8(m, 0);
        put_u8(m, 113);
        put_random(m, 1);
    }
}

/* obfuscated2, core.telegram.org/mtproto/mtproto-transports: the key is in the first 64 bytes. */
static void obfuscated2(struct message *m)
{
    uint8_t head[64], stream[64] = { 0 };
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int n;

    do
        random_bytes(head, sizeof head);
    while (head[0] == 0xef || (head[4] | head[5] | head[6] | head[7]) == 0 || head[0] == 0x16);
    EVP_EncryptInit_ex(context, EVP_aes_256_ctr(), NULL, head + 8, head + 40);
    EVP_EncryptUpdate(context, stream, &n, stream, 64);
    for (int i = 56; i < 60; i++)
        head[i] = stream[i] ^ 0xef;
    put(m, head, 64);
    /* one abridged frame of 40 bytes */
    uint8_t frame[41] = { 10 };
    random_bytes(frame + 1, 40);
    EVP_EncryptUpdate(context, frame, &n, frame, sizeof frame);
    put(m, frame, sizeof frame);
    EVP_CIPHER_CTX_free(context);
}

/* ---- flows ---- */

struct flow {
    enum kind kind;
    const char *name;
    uint8_t client[4], server[4];
    uint16_t client_port, server_port;
    unsigned step, bulk, bulk_done;
    uint32_t seq[2];
    unsigned id;
    struct message pending; /* rest of a message longer than a segment */
    size_t pending_at;
    bool udp, done;
};

static FILE *out;
static uint64_t now_us = 1790000000000000u, packets;

static void put_le(uint8_t *at, uint32_t n)
{
    at[0] = (uint8_t)n;
    at[1] = (uint8_t)(n >> 8);
    at[2] = (uint8_t)(n >> 16);
    at[3] = (uint8_t)(n >> 24);
}

static void frame(struct flow *f, int from, unsigned tcp_flags, const uint8_t *payload, size_t len)
{
    size_t l4 = f->udp ? 8 : 20, ip_len = 20 + l4 + len, total = 14 + ip_len;
    uint8_t h[16 + 14 + 20 + 20] = { 0 }, *p = h + 16;

    now_us += below(40);
    put_le(h, (uint32_t)(now_us / 1000000));
    put_le(h + 4, (uint32_t)(now_us % 1000000));
    put_le(h + 8, (uint32_t)total);
    put_le(h + 12, (uint32_t)total);
    memcpy(p, from == 0 ? "\2\0\0\0\0\1\2\0\0\0\0\2" : "\2\0\0\0\0\2\2\0\0\0\0\1", 12);
    p[12] = 8;
    p += 14;
    p[0] = 0x45;
    p[2] = (uint8_t)(ip_len >> 8);
    p[3] = (uint8_t)ip_len;
    p[8] = 64;
    p[9] = f->udp ? 17 : 6;
    memcpy(p + 12, from == 0 ? f->client : f->server, 4);
    memcpy(p + 16, from == 0 ? f->server : f->client, 4);
    p += 20;
    uint16_t a = from == 0 ? f->client_port : f->server_port, b = from == 0 ? f->server_port : f->client_port;
    p[0] = (uint8_t)(a >> 8);
    p[1] = (uint8_t)a;
    p[2] = (uint8_t)(b >> 8);
    p[3] = (uint8_t)b;
    if (f->udp) {
        p[4] = (uint8_t)((8 + len) >> 8);
        p[5] = (uint8_t)(8 + len);
    } else {
        for (int i = 0; i < 4; i++) {
            p[4 + i] = (uint8_t)(f->seq[from] >> (24 - 8 * i));
            p[8 + i] = (uint8_t)(f->seq[1 - from] >> (24 - 8 * i));
        }
        p[12] = 0x50;
        p[13] = (uint8_t)tcp_flags;
        p[14] = 0xff;
        f->seq[from] += (uint32_t)len + ((tcp_flags & 3) != 0);
    }
    fwrite(h, 1, 16 + 14 + 20 + l4, out);
    fwrite(payload, 1, len, out);
    packets++;
}

/* One line of each conversation: what is said at this step, by whom; false when the opening is over. */
static bool opening(struct flow *f, unsigned step, struct message *m, int *from)
{
    char line[256];

    *from = step % 2 != 0;
    switch (f->kind) {
    case TLS_WEB:
    case TLS_IM:
        if (step == 0)
            tls_client_hello(m, f->name);
        else if (step == 1)
            server_hello(m), tls_record(m, 20, 1), tls_record(m, 23, 1200);
        else if (step == 2)
            tls_record(m, 20, 1), tls_record(m, 23, 53);
        return step < 3;
    case QUIC_WEB:
    case QUIC_IM:
        if (step == 0) {
            quic_initial(m, f->name);
        } else {
            put_u8(m, 0xc0 | below(16));
            put(m, "\0\0\0\1\0\x08", 6);
            put_random(m, 1186);
        }
        return step < 2;
    case DNS_WEB:
    case DNS_IM: dns(m, f->name, f->id, step == 1); return step < 2;
    case HTTP:
        if (step == 0)
            snprintf(line, sizeof line,
                     "GET /page/%u HTTP/1.1\r\nHost: %s\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n\r\n",
                     f->id, f->name);
        else
            snprintf(line, sizeof line,
                     "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %u\r\n\r\n",
                     f->bulk * SEGMENT_BYTES);
        put_text(m, line);
        return step < 2;
    case SSH:
        *from = 1 - *from;
        put_text(m, *from ? "SSH-2.0-OpenSSH_9.2p1\r\n" : "SSH-2.0-OpenSSH_9.7\r\n");
        return step < 2;
    case SMTP: {
        static const char *const lines[] = {
            "220 mail.example.com ESMTP ready\r\n",
            "EHLO client.example.com\r\n",
            "250-mail.example.com\r\n250 SIZE 1000000\r\n",
            "MAIL FROM:<a@example.com>\r\n",
            "250 OK\r\n",
            "DATA\r\n",
            "354 go on\r\n",
            "Subject: NICK and USER of irc, PRIVMSG #x :hello, YMSG, MSNP18\r\n\r\nhi\r\n.\r\n"
        };
        *from = 1 - *from;
        if (step < COUNT(lines))
            put_text(m, lines[step]);
        return step < COUNT(lines);
    }
    case NTP:
        put_u8(m, *from ? 0x24 : 0x23);
        put_random(m, 47);
        return step < 2;
    case NOISE_TCP:
    case NOISE_UDP: put_random(m, 40 + below(600)); return step < 4;
    case IRC: {
        static const char *const lines[] = { "NICK anna%u\r\nUSER anna 0 * :Anna\r\n",
                                             ":irc.example.net 001 anna%u :Welcome\r\n",
                                             "JOIN #desk\r\n",
                                             ":anna!a@h JOIN #desk\r\n",
                                             "PRIVMSG #desk :hello number %u\r\n",
                                             ":bob!b@h PRIVMSG #desk :hi\r\n" };
        if (step < COUNT(lines)) {
            snprintf(line, sizeof line, lines[step], f->id);
            put_text(m, line);
        }
        return step < COUNT(lines);
    }
    case XMPP: {
        static const char *const lines[] = {
            "<?xml version='1.0'?><stream:stream to='chat.example.org' xmlns='jabber:client' "
            "xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>",
            "<?xml version='1.0'?><stream:stream from='chat.example.org' id='x1' xmlns='jabber:client' "
            "xmlns:stream='http://etherx.jabber.org/streams' version='1.0'><stream:features/>",
            "<message to='bob@chat.example.org' type='chat'><body>hello</body></message>",
            "<message from='bob@chat.example.org' type='chat'><body>hi</body></message>"
        };
        if (step < COUNT(lines))
            put_text(m, lines[step]);
        return step < COUNT(lines);
    }
    case OSCAR:
        if (step < 2) {
            put_u8(m, 0x2a);
            put_u8(m, 1);
            put_u16(m, f->id);
            put_u16(m, 4);
            put_u32(m, 1);
        } else {
            put_u8(m, 0x2a);
            put_u8(m, 2);
            put_u16(m, f->id + step);
            put_u16(m, 10 + 20);
            put(m, "\0\x01\0\x17\0\0\0\0\0\x17", 10);
            put(m, "\0\x01\0\x04\0\x13\0\x04\0\x02\0\x01\0\x03\0\x01\0\x04\0\x01", 20);
        }
        return step < 4;
    case MSNP: {
        static const char *const lines[] = {
            "VER 1 MSNP12 MSNP11 CVR0\r\n",
            "VER 1 MSNP12\r\n",
            "CVR 2 0x0409 winnt 5.1 i386 MSNMSGR 7.5.0322 msmsgs anna@example.com\r\n",
            "CVR 2 7.5.0322 7.5.0322 1.0.0000 http://msgr.example http://msgr.example\r\n",
            "USR 3 TWN I anna@example.com\r\n",
            "USR 3 TWN S ct=1\r\n"
        };
        if (step < COUNT(lines))
            put_text(m, lines[step]);
        return step < COUNT(lines);
    }
    case YMSG: {
        static const char body[] = "1\xc0\x80"
                                   "anna\xc0\x80"
                                   "5\xc0\x80"
                                   "bob\xc0\x80"
                                   "14\xc0\x80"
                                   "hello\xc0\x80";
        put_text(m, "YMSG");
        put_u32(m, 0x00100000);
        put_u16(m, sizeof body - 1);
        put_u16(m, step < 2 ? 0x57 : 0x06);
        put_u32(m, step == 0 ? 0 : 1);
        put_u32(m, f->id);
        put(m, body, sizeof body - 1);
        return step < 4;
    }
    case WHATSAPP:
        if (step == 0) {
            put(m, "WA\x05\x03\0\0\x24\x12\x22\x0a\x20", 11);
            put_random(m, 32);
        } else {
            put_u8(m, 0);
            put_u16(m, 350);
            put_random(m, 350);
        }
        return step < 3;
    case TELEGRAM:
        if (step == 0)
            obfuscated2(m);
        else
            put_random(m, 120);
        return step < 3;
    case CALL:
        if (step < 2) {
            put_u16(m, step == 0 ? 0x0001 : 0x0101);
            put_u16(m, 12 + 8);
            put_u32(m, 0x2112a442);
            put_random(m, 12);
            put(m, "\x40\0\0\x08", 4);
            put_random(m, 8);
            put(m, "\x80\x22\0\x04", 4);
            put_text(m, "test");
        } else {
            put_u8(m, 0x80);
            put_u8(m, 120);
            put_u16(m, step);
            put_u32(m, step * 960);
            put_u32(m, f->id);
            put_random(m, 80);
        }
        return step < 6;
    case KINDS: break;
    }
    return false;
}

static void flow_begin(struct flow *f)
{
    unsigned draw = below(1000), kind = 0;
    static const uint16_t agile[] = { 23, 20, 25, 80, 443, 5190, 6667, 5222 };

    while (draw >= mix[kind].share)
        draw -= mix[kind++].share;
    memset(f, 0, sizeof *f);
    f->kind = (enum kind)kind;
    f->udp = kind == QUIC_WEB || kind == QUIC_IM || kind == DNS_WEB || kind == DNS_IM || kind == NTP ||
             kind == NOISE_UDP || kind == CALL;
    bool im = strcmp(mix[kind].service, "-") != 0;
    f->name = im ? im_names[below(COUNT(im_names))] : web_names[below(COUNT(web_names))];
    unsigned client = below(CLIENTS);
    memcpy(f->client, (uint8_t[]){ 10, 20, (uint8_t)(client >> 8), (uint8_t)client }, 4);
    /* A server speaks one protocol. */
    memcpy(
        f->server,
        (uint8_t[]){ 198, (uint8_t)(18 + below(2)), (uint8_t)(kind * 12 + below(12)), (uint8_t)below(256) },
        4);
    f->client_port = (uint16_t)(20000 + below(45000));
    f->server_port = kind == DNS_WEB || kind == DNS_IM ? 53
                     : kind == NTP                     ? 123
                     : kind == HTTP                    ? 80
                     : kind == SSH                     ? 22
                     : kind == SMTP                    ? 25
                     : kind >= IRC && kind <= YMSG     ? agile[below(COUNT(agile))]
                     : kind == CALL                    ? 3478
                     : f->udp && kind == NOISE_UDP     ? (uint16_t)(1024 + below(60000))
                                                       : 443;
    f->id = below(60000);
    f->seq[0] = (uint32_t)random_u64();
    f->seq[1] = (uint32_t)random_u64();
    static const bool has_bulk[KINDS] = {
        [TLS_WEB] = true, [TLS_IM] = true, [QUIC_WEB] = true,  [QUIC_IM] = true,
        [HTTP] = true,    [SSH] = true,    [NOISE_TCP] = true, [CALL] = true
    };
    if (has_bulk[kind])
        f->bulk = below(8) == 0 ? below(150) : below(16);
}

/* The flow's next packet. */
static void flow_step(struct flow *f)
{
    enum { SYN = 2, ACK = 16, PSH = 8, FIN = 1 };
    int from = 0;

    if (f->pending_at < f->pending.len) {
        size_t n = f->pending.len - f->pending_at;
        frame(f, 0, PSH | ACK, f->pending.bytes + f->pending_at, n < SEGMENT_BYTES ? n : SEGMENT_BYTES);
        f->pending_at = f->pending.len;
        return;
    }
    unsigned step = f->step++;
    if (!f->udp && step < 3) {
        frame(f, step == 1, step == 0 ? SYN : step == 1 ? SYN | ACK : ACK, NULL, 0);
        return;
    }
    struct message m = { .len = 0 };
    if (opening(f, f->udp ? step : step - 3, &m, &from)) {
        if (m.len > SEGMENT_BYTES && !f->udp && from == 0) {
            frame(f, from, ACK, m.bytes, SEGMENT_BYTES);
            memcpy(f->pending.bytes, m.bytes + SEGMENT_BYTES, m.len - SEGMENT_BYTES);
            f->pending.len = m.len - SEGMENT_BYTES;
            f->pending_at = 0;
        } else {
            frame(f, from, PSH | ACK, m.bytes, m.len);
        }
    } else if (f->bulk_done < f->bulk) {
        uint8_t bulk[SEGMENT_BYTES] = { 0x17, 3, 3, 5, 0x73 };
        random_bytes(bulk + 5, 64);
        if (f->udp)
            bulk[0] = (uint8_t)(f->kind == CALL ? 0x80 : 0x40 | (bulk[5] & 0x3f));
        bool ack = f->bulk_done % 3 == 2 && !f->udp;
        frame(f, ack ? 0 : 1, ACK, bulk, ack ? 0 : f->kind == CALL ? 92 : SEGMENT_BYTES);
        f->bulk_done++;
    } else if (!f->udp && f->bulk_done < f->bulk + 3) {
        unsigned end = f->bulk_done++ - f->bulk;
        frame(f, end == 1, end < 2 ? FIN | ACK : ACK, NULL, 0);
    } else {
        f->done = true;
    }
}

int main(int argc, char **argv)
{
    static struct flow active[ACTIVE_FLOWS];
    static const uint8_t head[24] = { 0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0,
                                      0,    0,    0,    0,    0, 0, 0, 4, 0, 1 };
    uint64_t begun[KINDS] = { 0 }, total = 0;

    if (argc != 4) {
        fputs("usage: generate FLOWS SEED OUTPUT.pcap\n", stderr);
        return 2;
    }
    uint64_t flows = strtoull(argv[1], NULL, 10);
    random_state = strtoull(argv[2], NULL, 10) * 0x9e3779b97f4a7c15u + 1;
    out = fopen(argv[3], "wb");
    if (out == NULL) {
        perror(argv[3]);
        return 1;
    }
    setvbuf(out, NULL, _IOFBF, 1 << 20);
    fwrite(head, 1, sizeof head, out);
    unsigned open = 0;
    for (unsigned i = 0; i < ACTIVE_FLOWS && total < flows; i++, total++, open++) {
        flow_begin(&active[i]);
        begun[active[i].kind]++;
    }
    unsigned used = open;
    while (open > 0) {
        struct flow *f = &active[below(used)];
        if (f->done)
            continue;
        flow_step(f);
        if (!f->done)
            continue;
        if (total < flows) {
            flow_begin(f);
            begun[f->kind]++;
            total++;
        } else {
            open--;
            *f = active[used - 1];
            used--;
        }
    }
    char path[4096];
    snprintf(path, sizeof path, "%s.truth", argv[3]);
    FILE *truth = fopen(path, "w");
    if (truth == NULL || fclose(out) != 0) {
        perror(path);
        return 1;
    }
    fprintf(truth, "packets\t%llu\nflows\t%llu\n", (unsigned long long)packets, (unsigned long long)total);
    for (unsigned k = 0; k < KINDS; k++)
        fprintf(truth, "%s\t%s\t%llu\n", mix[k].name, mix[k].service, (unsigned long long)begun[k]);
    return fclose(truth) != 0;
}
