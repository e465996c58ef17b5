/* SPDX-License-Identifier: Apache-2.0 */
/* Handshake messages, written field by field from the RFCs, for the tests of TLS, DTLS and QUIC. */
#pragma once
#include "identify/hello.h"
#include "test.h"

/* Bytes being written; `open` reserves a length of 1 to 3 octets that `close` fills in. */
struct bytes {
    size_t len;
    uint8_t at[20000];
};

static inline void put(struct bytes *b, struct view v)
{
    assert_true(b->len + v.len <= sizeof b->at);
    memcpy(b->at + b->len, v.at, v.len);
    b->len += v.len;
}

static inline void put_number(struct bytes *b, uint64_t n, unsigned octets)
{
    while (octets-- > 0) {
        uint8_t octet = (uint8_t)(n >> 8 * octets);
        put(b, view_of(&octet, 1));
    }
}

static inline void put_fill(struct bytes *b, uint8_t octet, size_t count)
{
    while (count-- > 0)
        put(b, view_of(&octet, 1));
}

static inline size_t open_length(struct bytes *b, unsigned octets)
{
    put_fill(b, 0, octets);
    return b->len;
}

static inline void close_length(struct bytes *b, size_t from, unsigned octets)
{
    size_t n = b->len - from;

    for (unsigned i = 0; i < octets; i++)
        b->at[from - 1 - i] = (uint8_t)(n >> 8 * i);
}

static inline struct view all(const struct bytes *b)
{
    return view_of(b->at, b->len);
}

/* What a ClientHello is made of; zeroes and NULL leave a part out. */
struct hello_parts {
    uint16_t version;           /* 0: 0x0303 */
    const uint16_t *ciphers;    /* ends with 0; NULL: two of TLS 1.3 */
    const uint16_t *extensions; /* in this order, ends with 0xffff; those below get content, others none */
    const char *name;           /* server_name */
    const char *protocols;      /* ALPN, names between spaces */
    const uint16_t *versions;   /* supported_versions, ends with 0 */
    const uint16_t *signatures; /* ends with 0 */
    struct view transport;      /* QUIC transport parameters */
    size_t key_share;           /* octets of a made-up key share: a post-quantum one has about 1,200 */
    bool dtls;                  /* with a cookie */
    const char *cookie;
};

static inline void put_list(struct bytes *b, const uint16_t *numbers, unsigned octets)
{
    size_t at = open_length(b, octets);

    for (; *numbers != 0; numbers++)
        put_number(b, *numbers, 2);
    close_length(b, at, octets);
}

static inline void put_protocols(struct bytes *b, const char *words)
{
    struct view left = view_string(words);
    size_t at = open_length(b, 2);

    while (left.len > 0) {
        struct view word = view_token(&left, ' ');
        put_number(b, word.len, 1);
        put(b, word);
    }
    close_length(b, at, 2);
}

static inline void put_extension(struct bytes *b, uint16_t type, const struct hello_parts *p)
{
    put_number(b, type, 2);
    size_t at = open_length(b, 2);
    if (type == 0 && p->name != NULL) {
        size_t list = open_length(b, 2);
        put_number(b, 0, 1);
        size_t name = open_length(b, 2);
        put(b, view_string(p->name));
        close_length(b, name, 2);
        close_length(b, list, 2);
    } else if (type == 0x000d && p->signatures != NULL) {
        put_list(b, p->signatures, 2);
    } else if (type == 0x0010 && p->protocols != NULL) {
        put_protocols(b, p->protocols);
    } else if (type == 0x002b && p->versions != NULL) {
        put_list(b, p->versions, 1);
    } else if (type == 0x0033) {
        put_number(b, p->key_share + 4, 2);
        put_number(b, 0x11ec, 2);
        put_number(b, p->key_share, 2);
        put_fill(b, 0xa5, p->key_share);
    } else if (type == 0xfe0d) {
        put_number(b, 0, 1); /* outer */
        put_fill(b, 0xec, 200);
    } else if (type == 0x0039) {
        put(b, p->transport);
    }
    close_length(b, at, 2);
}

static inline void put_hello_body(struct bytes *b, const struct hello_parts *p)
{
    static const uint16_t some_ciphers[] = { 0x1301, 0x1302, 0 };

    put_number(b, p->version != 0 ? p->version : 0x0303, 2);
    put_fill(b, 0x5a, 32);
    put_number(b, 0, 1); /* session */
    if (p->dtls) {
        size_t cookie = open_length(b, 1);
        put(b, view_string(p->cookie));
        close_length(b, cookie, 1);
    }
    put_list(b, p->ciphers != NULL ? p->ciphers : some_ciphers, 2);
    put_number(b, 0x0100, 2); /* compression: one method, none */
    if (p->extensions == NULL)
        return;
    size_t at = open_length(b, 2);
    for (const uint16_t *e = p->extensions; *e != 0xffff; e++)
        put_extension(b, *e, p);
    close_length(b, at, 2);
}

/* With its handshake head. */
static inline void put_hello(struct bytes *b, const struct hello_parts *p)
{
    put_number(b, HELLO_CLIENT, 1);
    size_t at = open_length(b, 3);
    put_hello_body(b, p);
    close_length(b, at, 3);
}

/* A ServerHello body that chooses `version`, by extension where that is 1.3. */
static inline void put_server_hello_body(struct bytes *b, uint16_t version, const char *protocol)
{
    bool by_extension = version == 0x0304 || version == 0xfefc;

    put_number(b, by_extension ? (version == 0x0304 ? 0x0303 : 0xfefd) : version, 2);
    put_fill(b, 0x33, 32);
    put_number(b, 0, 1);
    put_number(b, 0xc02f, 2);
    put_number(b, 0, 1);
    size_t at = open_length(b, 2);
    if (by_extension) {
        put_number(b, 0x002b, 2);
        put_number(b, 2, 2);
        put_number(b, version, 2);
    }
    if (protocol != NULL) {
        put_number(b, 0x0010, 2);
        size_t content = open_length(b, 2);
        put_protocols(b, protocol);
        close_length(b, content, 2);
    }
    close_length(b, at, 2);
}

/* One DER element whose content is `content`. */
static inline void put_der(struct bytes *b, uint8_t tag, struct view content)
{
    put_number(b, tag, 1);
    if (content.len < 0x80)
        put_number(b, content.len, 1);
    else
        put_number(b, 0x820000 | content.len, 3);
    put(b, content);
}

/* Name ::= one attribute: commonName */
static inline void put_der_name(struct bytes *b, const char *common)
{
    struct bytes pair = { 0 }, sequence = { 0 }, set = { 0 };

    put_der(&pair, 0x06, VIEW("\x55\x04\x03"));
    put_der(&pair, 0x0c, view_string(common));
    put_der(&sequence, 0x30, all(&pair));
    put_der(&set, 0x31, all(&sequence));
    put_der(b, 0x30, all(&set));
}

/* [3] extensions: basicConstraints (critical) and subjectAltName with these names, between spaces. */
static inline void put_der_extensions(struct bytes *b, const char *names)
{
    struct bytes list = { 0 }, one = { 0 }, general = { 0 }, sequence = { 0 }, outer = { 0 };
    struct view left = view_string(names);

    put_der(&one, 0x06, VIEW("\x55\x1d\x13"));
    put_der(&one, 0x01, VIEW("\xff"));
    put_der(&one, 0x04, VIEW("\x30\x00"));
    put_der(&list, 0x30, all(&one));
    put_der(&general, 0x81, VIEW("root@decoy.example")); /* rfc822Name: not a host */
    while (left.len > 0)
        put_der(&general, 0x82, view_token(&left, ' '));
    put_der(&sequence, 0x30, all(&general));
    one.len = 0;
    put_der(&one, 0x06, VIEW("\x55\x1d\x11"));
    put_der(&one, 0x04, all(&sequence));
    put_der(&list, 0x30, all(&one));
    put_der(&outer, 0x30, all(&list));
    put_der(b, 0xa3, all(&outer));
}

/* A certificate for `common` with `names` between spaces as subjectAltName (NULL: none). */
static inline void put_certificate(struct bytes *b, const char *common, const char *names)
{
    struct bytes tbs = { 0 }, certificate = { 0 };

    put_der(&tbs, 0xa0, VIEW("\x02\x01\x02"));
    put_der(&tbs, 0x02, VIEW("\x01\x02\x03"));
    put_der(&tbs, 0x30, VIEW("\x06\x03\x2a\x03\x04"));
    put_der_name(&tbs, "issuer.decoy.example");
    put_der(&tbs, 0x30,
            VIEW("\x17\x0d"
                 "250101000000Z"
                 "\x17\x0d"
                 "260101000000Z"));
    put_der_name(&tbs, common);
    put_der(&tbs, 0x30, VIEW("\x03\x01\x00"));
    if (names != NULL)
        put_der_extensions(&tbs, names);
    put_der(&certificate, 0x30, all(&tbs));
    put_der(&certificate, 0x30, VIEW("\x06\x03\x2a\x03\x04"));
    put_der(&certificate, 0x03, VIEW("\x00\x01\x02\x03"));
    put_der(b, 0x30, all(&certificate));
}

/* The body of a Certificate message: that one, and something behind it as its issuer. */
static inline void put_chain(struct bytes *b, const char *common, const char *names)
{
    size_t list = open_length(b, 3);
    size_t own = open_length(b, 3);

    put_certificate(b, common, names);
    close_length(b, own, 3);
    size_t issuer = open_length(b, 3);
    put_certificate(b, "other.decoy.example", "another.decoy.example");
    close_length(b, issuer, 3);
    close_length(b, list, 3);
}
