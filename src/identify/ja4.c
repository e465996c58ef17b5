/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JA4: a name for the program that sent a ClientHello, made of what it offers.
 *
 *     t13d1516h2_8daaf6152771_e5627efa2ab1
 *     |||| | |   |            SHA-256 of extensions (sorted, without server_name and ALPN) _ signature
 * algorithms
 *     |||| | |   SHA-256 of cipher suites, sorted
 *     |||| | first and last character of the first ALPN name
 *     |||| number of extensions
 *     ||number of cipher suites, after d (has server_name) or i
 *     |version
 *     t TLS, q QUIC, d DTLS
 *
 * Numbers are hashed as four hexadecimal digits between commas; hashes are cut to twelve digits and are zeros
 * where there is nothing to hash. GREASE values (RFC 8701) are left out everywhere.
 *
 * Source: technical_details/JA4.md of github.com/FoxIO-LLC/ja4 (the TLS client part, BSD 3-Clause).
 *
 * SHA-256 is called below EVP: EVP_Digest takes four times as long for texts of this size (0.43 against 0.10
 * us), and allocates.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "identify/hello.h"
#include <openssl/sha.h>

enum {
    LIST_MOST = 256, /* cipher suites, extensions, signature algorithms: the registry holds no more */
    HASH_DIGITS = 12,
    EXT_SERVER_NAME = 0,
    EXT_ALPN = 16,
};

struct list {
    uint16_t value[LIST_MOST];
    size_t count;
    bool full;
};

static void list_add(struct list *l, uint16_t value)
{
    if (hello_is_grease(value))
        return;
    if (l->count == LIST_MOST) {
        l->full = true;
        return;
    }
    l->value[l->count++] = value;
}

static void list_read(struct list *l, struct view numbers)
{
    struct cursor c = cursor_open(numbers);

    l->count = 0;
    l->full = false;
    while (cursor_left(&c) >= 2)
        list_add(l, cursor_u16(&c));
}

static void list_read_extensions(struct list *l, struct view extensions)
{
    struct cursor c = cursor_open(extensions);

    l->count = 0;
    l->full = false;
    while (cursor_left(&c) > 0) {
        list_add(l, cursor_u16(&c));
        (void)cursor_block16(&c);
    }
}

/* By insertion: lists hold some twenty numbers. */
static void list_sort(struct list *l)
{
    for (size_t i = 1; i < l->count; i++) {
        uint16_t v = l->value[i];
        size_t at = i;
        for (; at > 0 && l->value[at - 1] > v; at--)
            l->value[at] = l->value[at - 1];
        l->value[at] = v;
    }
}

static void hash_list(SHA256_CTX *sha, const struct list *l, char before_first, bool without_name_and_alpn)
{
    static const char digits[] = "0123456789abcdef";
    char separator = before_first;

    for (size_t i = 0; i < l->count; i++) {
        uint16_t v = l->value[i];
        if (without_name_and_alpn && (v == EXT_SERVER_NAME || v == EXT_ALPN))
            continue;
        char word[5] = { separator, digits[v >> 12], digits[v >> 8 & 15], digits[v >> 4 & 15],
                         digits[v & 15] };
        SHA256_Update(sha, separator != '\0' ? word : word + 1, separator != '\0' ? 5 : 4);
        separator = ',';
    }
}

static void add_hash(struct text *t, SHA256_CTX *sha, bool empty)
{
    uint8_t hash[SHA256_DIGEST_LENGTH];

    SHA256_Final(hash, sha);
    text_char(t, '_');
    if (empty)
        text_string(t, "000000000000");
    else
        text_hex(t, view_of(hash, HASH_DIGITS / 2));
}

static const char *version_code(uint16_t version)
{
    static const struct {
        uint16_t version;
        const char *code;
    } codes[] = { { 0x0304, "13" }, { 0x0303, "12" }, { 0x0302, "11" }, { 0x0301, "10" }, { 0x0300, "s3" },
                  { 0x0002, "s2" }, { 0xfeff, "d1" }, { 0xfefd, "d2" }, { 0xfefc, "d3" } };

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].version == version)
            return codes[i].code;
    return "00";
}

static bool is_alphanumeric(uint8_t c)
{
    uint8_t low = ascii_lower(c);

    return (c >= '0' && c <= '9') || (low >= 'a' && low <= 'z');
}

/* First and last character of the first protocol; of its hexadecimal form where one of them is neither letter
 * nor digit. */
static void add_protocol(struct text *t, struct view protocols)
{
    static const char digits[] = "0123456789abcdef";
    struct cursor c = cursor_open(protocols);
    struct view name = cursor_take(&c, cursor_u8(&c));

    if (name.len == 0) {
        text_string(t, "00");
        return;
    }
    uint8_t first = name.at[0], last = name.at[name.len - 1];
    bool plain = is_alphanumeric(first) && is_alphanumeric(last);
    text_char(t, plain ? (char)first : digits[first >> 4]);
    text_char(t, plain ? (char)last : digits[last & 15]);
}

static unsigned capped(size_t count)
{
    return count < 99 ? (unsigned)count : 99;
}

bool client_hello_ja4(const struct client_hello *h, char out[HELLO_JA4_BYTES])
{
    struct list ciphers, extensions, signatures;
    size_t unnamed = 0; /* extensions that are hashed */
    SHA256_CTX sha;

    list_read(&ciphers, h->ciphers);
    list_read_extensions(&extensions, h->extensions);
    list_read(&signatures, h->signatures);
    if (ciphers.full || extensions.full || signatures.full)
        return false;
    struct text t = text_over(out, HELLO_JA4_BYTES);
    list_sort(&ciphers);
    list_sort(&extensions);
    for (size_t i = 0; i < extensions.count; i++)
        unnamed += extensions.value[i] != EXT_SERVER_NAME && extensions.value[i] != EXT_ALPN;

    text_format(&t, "%c%s%c%02u%02u", (char)h->carrier, version_code(h->version), h->has_name ? 'd' : 'i',
                capped(ciphers.count), capped(extensions.count));
    add_protocol(&t, h->protocols);
    SHA256_Init(&sha);
    hash_list(&sha, &ciphers, '\0', false);
    add_hash(&t, &sha, ciphers.count == 0);
    SHA256_Init(&sha);
    hash_list(&sha, &extensions, '\0', true);
    hash_list(&sha, &signatures, '_', false);
    add_hash(&t, &sha, unnamed == 0);
    return true;
}
