/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read the names out of an X.509 certificate.
 *
 *     Certificate ::= SEQUENCE { tbsCertificate, algorithm, signature }         RFC 5280 section 4.1
 *     TBSCertificate ::= SEQUENCE { [0] version OPTIONAL, serial, algorithm, issuer, validity, subject,
 *                                   key, [1] OPTIONAL, [2] OPTIONAL, [3] extensions OPTIONAL }
 *
 * The subject's common name comes first, for it is what the certificate is chiefly for; then subjectAltName.
 * Where a certificate serves many sites (content networks put a hundred unrelated customers into one), the
 * further names do not say which one is visited, and are not used: see MOST_NAMES.
 *
 * DER (ITU-T X.690) is read as far as needed: one-octet tags, definite lengths of at most three octets.
 */
#include "identify/certificate.h"

enum {
    TAG_BOOLEAN = 0x01,
    TAG_OCTETS = 0x04,
    TAG_OID = 0x06,
    TAG_SEQUENCE = 0x30,
    TAG_SET = 0x31,
    TAG_VERSION = 0xa0,    /* [0] of TBSCertificate */
    TAG_EXTENSIONS = 0xa3, /* [3] of TBSCertificate */
    TAG_DNS_NAME = 0x82,   /* [2] of GeneralName */

    MOST_NAMES = 16,
};

#define OID_COMMON_NAME "\x55\x04\x03" /* id-at-commonName, RFC 5280 appendix A.1 */
#define OID_ALT_NAME "\x55\x1d\x11"    /* id-ce-subjectAltName, section 4.2.1.6 */

struct names {
    struct view common;          /* of the subject, or empty */
    struct view dns[MOST_NAMES]; /* subjectAltName */
    unsigned count;              /* of them there are, may be more than MOST_NAMES */
    bool covered;                /* one of them is the name asked for */
};

/* The next element; bad where there is none. */
static struct cursor der_next(struct cursor *c, uint8_t *tag)
{
    *tag = cursor_u8(c);
    size_t len = cursor_u8(c);
    if (len == 0x81)
        len = cursor_u8(c);
    else if (len == 0x82)
        len = cursor_u16(c);
    else if (len == 0x83)
        len = cursor_u24(c);
    else if (len >= 0x80)
        c->bad = true;
    return cursor_sub(c, len);
}

/* The next element, which has to have this tag. */
static struct cursor der_expect(struct cursor *c, uint8_t expected)
{
    uint8_t tag;
    struct cursor in = der_next(c, &tag);

    if (tag != expected)
        c->bad = in.bad = true;
    return in;
}

/* The common name in a Name ::= SEQUENCE OF SET OF SEQUENCE { type, value }; the last one, the most specific.
 */
static struct view read_common_name(struct cursor name)
{
    struct view found = view_of(NULL, 0);

    while (cursor_left(&name) > 0) {
        struct cursor set = der_expect(&name, TAG_SET);
        struct cursor pair = der_expect(&set, TAG_SEQUENCE);
        struct cursor type = der_expect(&pair, TAG_OID);
        uint8_t string;
        struct cursor value = der_next(&pair, &string);
        if (!value.bad && view_equal(cursor_peek(&type), VIEW(OID_COMMON_NAME)))
            found = cursor_peek(&value);
    }
    return found;
}

/* Is `pattern`, which may begin with "*.", the name `host` (RFC 6125 section 6.4.3)? */
static bool covers(struct view pattern, struct view host)
{
    if (!view_starts(pattern, VIEW("*.")))
        return view_equal_nocase(pattern, host);
    return view_equal_nocase(view_from(pattern, 1), view_from(host, view_find_byte(host, '.', 0)));
}

static void read_alt_names(struct cursor octets, struct view asked, struct names *out)
{
    struct cursor list = der_expect(&octets, TAG_SEQUENCE);

    while (cursor_left(&list) > 0) {
        uint8_t tag;
        struct cursor in = der_next(&list, &tag);
        if (in.bad || tag != TAG_DNS_NAME)
            continue;
        struct view name = cursor_peek(&in);
        out->covered = out->covered || covers(name, asked);
        if (out->count < MOST_NAMES)
            out->dns[out->count] = name;
        out->count++;
    }
}

/* Extensions ::= SEQUENCE OF SEQUENCE { type, critical BOOLEAN DEFAULT FALSE, value OCTET STRING } */
static void read_extensions(struct cursor in, struct view asked, struct names *out)
{
    struct cursor list = der_expect(&in, TAG_SEQUENCE);

    while (cursor_left(&list) > 0) {
        struct cursor extension = der_expect(&list, TAG_SEQUENCE);
        struct cursor type = der_expect(&extension, TAG_OID);
        uint8_t tag;
        struct cursor value = der_next(&extension, &tag);
        if (tag == TAG_BOOLEAN)
            value = der_next(&extension, &tag);
        if (tag == TAG_OCTETS && !value.bad && view_equal(cursor_peek(&type), VIEW(OID_ALT_NAME)))
            read_alt_names(value, asked, out);
    }
}

static bool read_names(struct view der, struct view asked, struct names *out)
{
    struct cursor file = cursor_open(der);
    struct cursor certificate = der_expect(&file, TAG_SEQUENCE);
    struct cursor tbs = der_expect(&certificate, TAG_SEQUENCE);
    uint8_t tag;

    (void)der_next(&tbs, &tag); /* version, or the serial number of version 1 */
    if (tag == TAG_VERSION)
        (void)der_next(&tbs, &tag);
    (void)der_expect(&tbs, TAG_SEQUENCE); /* algorithm */
    (void)der_expect(&tbs, TAG_SEQUENCE); /* issuer */
    (void)der_expect(&tbs, TAG_SEQUENCE); /* validity */
    struct cursor subject = der_expect(&tbs, TAG_SEQUENCE);
    if (tbs.bad)
        return false;
    out->common = read_common_name(subject);
    out->covered = covers(out->common, asked);
    (void)der_expect(&tbs, TAG_SEQUENCE); /* key */
    while (cursor_left(&tbs) > 0) {
        struct cursor in = der_next(&tbs, &tag);
        if (tag == TAG_EXTENSIONS && !in.bad)
            read_extensions(in, asked, out);
    }
    return true;
}

/* A host name of two labels at least; the common name may be anything ("WebRTC", "John Doe"). */
static bool is_host(struct view v)
{
    bool dot = false;

    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = v.at[i], low = ascii_lower(c);
        if (!((low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
            return false;
        dot = dot || c == '.';
    }
    return dot;
}

/* Look up one name; of a wildcard, the domain it stands for. */
static bool tell(struct session *s, struct view name)
{
    if (view_starts(name, VIEW("*.")))
        name = view_from(name, 2);
    return is_host(name) && session_name(s, EVIDENCE_CERTIFICATE, name);
}

bool certificate_tell(struct view der, struct view asked, struct session *s)
{
    struct names names = { .common = view_of(NULL, 0) };

    if (!read_names(der, asked, &names) || (asked.len > 0 && names.covered))
        return false;
    if (tell(s, names.common))
        return true;
    if (names.count > MOST_NAMES)
        return false;
    for (unsigned i = 0; i < names.count; i++)
        if (!view_equal_nocase(names.dns[i], names.common) && tell(s, names.dns[i]))
            return true;
    return false;
}
