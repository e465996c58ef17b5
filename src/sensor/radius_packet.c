/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and answering one packet of RADIUS accounting. */
#include "sensor/radius_packet.h"
#include "base/cursor.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>

enum { ACCOUNTING_REQUEST = 4, ACCOUNTING_RESPONSE = 5 };

enum { /* RFC 2865, RFC 2866, RFC 3162, RFC 6911 */
       USER_NAME = 1,
       FRAMED_IP_ADDRESS = 8,
       CALLING_STATION_ID = 31,
       ACCT_STATUS_TYPE = 40,
       ACCT_DELAY_TIME = 41,
       FRAMED_IPV6_PREFIX = 97,
       FRAMED_IPV6_ADDRESS = 168,
};

static int hex_digit(uint8_t c)
{
    uint8_t lower = ascii_lower(c);

    if (c >= '0' && c <= '9')
        return c - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool radius_parse_mac(struct view v, uint8_t out[6])
{
    struct cursor c = cursor_open(v);
    uint8_t octets[6] = { 0 };
    unsigned digits = 0;

    while (cursor_left(&c) > 0) {
        uint8_t byte = cursor_u8(&c);
        int digit = hex_digit(byte);
        if (digit < 0 && (digits == 0 || digits % 2 != 0 || (byte != '-' && byte != ':' && byte != '.')))
            return false;
        if (digit < 0)
            continue;
        if (digits == 12)
            return false;
        octets[digits / 2] = (uint8_t)(octets[digits / 2] << 4 | digit);
        digits++;
    }
    if (digits != 12 || v.len > 17)
        return false;
    memcpy(out, octets, sizeof octets);
    return true;
}

static void add_address(struct radius_request *r, struct ip_addr addr)
{
    if (r->addresses < RADIUS_ADDRESSES && !ip_is_zero(&addr))
        r->address[r->addresses++] = addr;
}

/* 255.255.255.255 and .254 leave the choice to others (RFC 2865 section 5.8). */
static void read_ipv4(struct radius_request *r, struct cursor value)
{
    struct cursor peek = value;

    if (cursor_left(&value) == 4 && cursor_u32(&peek) < 0xfffffffe)
        add_address(r, ip_from_v4(cursor_rest(&value).at));
}

/* Reserved 1, bits 1, prefix (RFC 3162 section 2.3): one address when it is all of 128 bits. */
static void read_ipv6_prefix(struct radius_request *r, struct cursor value)
{
    cursor_skip(&value, 1);
    if (cursor_u8(&value) == 128 && cursor_left(&value) == 16)
        add_address(r, ip_from_v6(cursor_rest(&value).at));
}

static void read_attribute(struct radius_request *r, uint8_t type, struct cursor value)
{
    switch (type) {
    case USER_NAME: r->user = cursor_rest(&value); return;
    case CALLING_STATION_ID: r->has_mac = radius_parse_mac(cursor_rest(&value), r->mac); return;
    case ACCT_STATUS_TYPE: r->status = cursor_left(&value) == 4 ? cursor_u32(&value) : 0; return;
    case ACCT_DELAY_TIME: r->delay_s = cursor_left(&value) == 4 ? cursor_u32(&value) : 0; return;
    case FRAMED_IP_ADDRESS: read_ipv4(r, value); return;
    case FRAMED_IPV6_PREFIX: read_ipv6_prefix(r, value); return;
    case FRAMED_IPV6_ADDRESS:
        if (cursor_left(&value) == 16)
            add_address(r, ip_from_v6(cursor_rest(&value).at));
        return;
    default: return;
    }
}

/* The packet without the padding behind its length (RFC 2865 section 3). Empty: too short. */
static struct view without_padding(struct view packet)
{
    struct cursor c = cursor_open(packet);

    cursor_skip(&c, 2);
    uint16_t length = cursor_u16(&c);
    bool fits =
        !c.bad && length >= RADIUS_HEADER_BYTES && length <= RADIUS_MOST_BYTES && length <= packet.len;
    return view_slice(packet, 0, fits ? length : 0);
}

bool radius_read(struct view packet, struct radius_request *out)
{
    struct cursor c = cursor_open(without_padding(packet));
    uint8_t code = cursor_u8(&c);

    *out = (struct radius_request){ .user = view_of(NULL, 0) };
    out->identifier = cursor_u8(&c);
    cursor_skip(&c, 2);
    struct view authenticator = cursor_take(&c, RADIUS_AUTHENTICATOR_BYTES);
    if (c.bad || code != ACCOUNTING_REQUEST)
        return false;
    memcpy(out->authenticator, authenticator.at, sizeof out->authenticator);
    while (cursor_left(&c) > 0) {
        uint8_t type = cursor_u8(&c), length = cursor_u8(&c);
        struct cursor value = cursor_sub(&c, length >= 2 ? length - 2u : SIZE_MAX);
        if (c.bad)
            return false;
        read_attribute(out, type, value);
    }
    return true;
}

/* MD5 of a packet with this in the place of its authenticator, and the secret behind it. */
static bool digest(struct view packet, const uint8_t *authenticator, struct view secret,
                   uint8_t out[RADIUS_AUTHENTICATOR_BYTES])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    struct view rest = view_from(packet, RADIUS_HEADER_BYTES);
    bool ok = md != NULL && EVP_DigestInit_ex(md, EVP_md5(), NULL) == 1 &&
              EVP_DigestUpdate(md, packet.at, 4) == 1 &&
              EVP_DigestUpdate(md, authenticator, RADIUS_AUTHENTICATOR_BYTES) == 1 &&
              EVP_DigestUpdate(md, rest.at, rest.len) == 1 &&
              EVP_DigestUpdate(md, secret.at, secret.len) == 1 && EVP_DigestFinal_ex(md, out, NULL) == 1;

    EVP_MD_CTX_free(md);
    return ok;
}

bool radius_is_authentic(struct view packet, struct view secret)
{
    static const uint8_t zeros[RADIUS_AUTHENTICATOR_BYTES];
    uint8_t want[RADIUS_AUTHENTICATOR_BYTES];
    struct view whole = without_padding(packet);

    return whole.len > 0 && digest(whole, zeros, secret, want) &&
           CRYPTO_memcmp(want, whole.at + 4, sizeof want) == 0;
}

bool radius_answer(const struct radius_request *r, struct view secret, uint8_t out[RADIUS_HEADER_BYTES])
{
    const uint8_t head[4] = { ACCOUNTING_RESPONSE, r->identifier, 0, RADIUS_HEADER_BYTES };

    memcpy(out, head, sizeof head);
    memset(out + sizeof head, 0, RADIUS_AUTHENTICATOR_BYTES);
    return digest(view_of(out, RADIUS_HEADER_BYTES), r->authenticator, secret, out + sizeof head);
}
