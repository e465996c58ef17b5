/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ClientHello and ServerHello.
 *
 *     ClientHello (RFC 8446 section 4.1.2)      version16 random[32] session8 [DTLS: cookie8] ciphers16
 *                                               compressions8 [extensions16]
 *     ServerHello (RFC 8446 section 4.1.3)      version16 random[32] session8 cipher16 compression8
 * [extensions16]
 *
 * where 8 and 16 are blocks behind a length of one or two octets. The version that is meant stands in the
 * extension supported_versions where there is one, since middleboxes forced TLS 1.3 to say 1.2 in the old
 * place.
 *
 * Extensions read: server_name (RFC 6066 section 3), signature_algorithms, ALPN (RFC 7301),
 * supported_versions, QUIC transport parameters (RFC 9001 section 8.2), encrypted_client_hello
 * (draft-ietf-tls-esni-13 and later), encrypted_server_name (drafts -01 to -06). One that is broken inside
 * counts as empty: the name of a broken ClientHello is still evidence, and clients that grease do strange
 * things.
 *
 * Chrome and others send a made-up ECH extension with every hello (GREASE ECH, section 6.2 there), which
 * cannot be told from a real one. What can be told is the outer name: names that ECH fronts use and no web
 * site does.
 */
#include "identify/hello.h"

enum {
    EXT_SERVER_NAME = 0,
    EXT_SIGNATURES = 13,
    EXT_ALPN = 16,
    EXT_VERSIONS = 43,
    EXT_TRANSPORT = 0x39,
    EXT_TRANSPORT_DRAFT = 0xffa5,
    EXT_ECH = 0xfe0d,
    EXT_ESNI = 0xffce,

    ECH_OUTER = 0, /* ECHClientHelloType; the inner hello is never in clear */
    NAME_HOST = 0, /* RFC 6066: the only type of name */
    RANDOM_BYTES = 32,
    PORT_DOT = 853,
};

static const struct {
    uint16_t version;
    const char *name;
} versions[] = {
    { 0x0002, "SSLv2" },    { 0x0300, "SSLv3" },    { 0x0301, "TLSv1.0" },  { 0x0302, "TLSv1.1" },
    { 0x0303, "TLSv1.2" },  { 0x0304, "TLSv1.3" },  { 0xfeff, "DTLSv1.0" }, { 0xfefd, "DTLSv1.2" },
    { 0xfefc, "DTLSv1.3" }, { 0x0100, "DTLSv0.9" }, /* OpenSSL before DTLS 1.0, still sent by AnyConnect */
};

/* ALPN names that say more than "a web server" (registry: IANA, TLS ALPN protocol IDs). */
static const struct {
    const char *protocol;
    const char *service; /* NULL: a hint */
    enum hint hint;
} alpn_words[] = {
    { "xmpp-client", "xmpp", 0 },                      /* XEP-0368 */
    { "xmpp-server", "xmpp", 0 }, { "irc", "irc", 0 }, /* IANA registry: IRCv3 */
    { "dot", NULL, HINT_DOT },                         /* RFC 7858 */
    { "doq", NULL, HINT_DOQ },                         /* RFC 9250 */
};

/* Public DNS resolvers over HTTPS: each from its operator's own set-up page. */
static const char *const doh_hosts[] = {
    "dns.google", /* developers.google.com/speed/public-dns/docs/doh */
    "dns64.dns.google",
    "cloudflare-dns.com", /* developers.cloudflare.com/1.1.1.1/encryption/dns-over-https */
    "dns.quad9.net",      /* quad9.net/service/service-addresses-and-features */
    "dns9.quad9.net",
    "dns10.quad9.net",
    "dns11.quad9.net",
    "doh.opendns.com", /* support.opendns.com: Using DNS over HTTPS with OpenDNS */
    "doh.familyshield.opendns.com",
    "dns.nextdns.io",  /* nextdns.io */
    "dns.adguard.com", /* adguard-dns.io/en/public-dns.html */
    "dns.adguard-dns.com",
    "unfiltered.adguard-dns.com",
    "family.adguard-dns.com",
    "doh.cleanbrowsing.org", /* cleanbrowsing.org/guides/dnsoverhttps */
    "freedns.controld.com",  /* controld.com/free-dns */
    "dns.mullvad.net",       /* mullvad.net/help/dns-over-https-and-dns-over-tls */
    "doh.dns.sb",            /* dns.sb/doh */
    "doh.pub",               /* dnspod.com: Public DNS */
    "dns.alidns.com",        /* alidns.com */
    "wikimedia-dns.org",     /* meta.wikimedia.org/wiki/Wikimedia_DNS */
    "doh.libredns.gr",       /* libredns.gr */
};

/* Operators whose resolver names are sub-domains, one a customer or client program. */
static const char *const doh_parents[] = {
    "cloudflare-dns.com", /* mozilla.cloudflare-dns.com, chrome.cloudflare-dns.com, security. … */
    "dns.nextdns.io",
};

/* Outer names that only fronts for ECH use (net4people/bbs issue 417 on GitHub). */
static const char *const ech_fronts[] = { "cloudflare-ech.com" };

const char *hello_version_name(uint16_t version)
{
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++)
        if (versions[i].version == version)
            return versions[i].name;
    return NULL;
}

/* The host name of a server_name extension; empty where there is none. */
static struct view read_name(struct view extension)
{
    struct cursor c = cursor_open(extension);
    struct cursor list = cursor_block16(&c);

    while (cursor_left(&list) > 0) {
        uint8_t type = cursor_u8(&list);
        struct view name = cursor_take(&list, cursor_u16(&list));
        if (type == NAME_HOST && !list.bad && name.len <= HELLO_NAME_BYTES)
            return name;
    }
    return view_of(NULL, 0);
}

/* What a block of 16-bit length holds, where it fills the extension. */
static struct view read_block16(struct view extension)
{
    struct cursor c = cursor_open(extension);
    struct cursor block = cursor_block16(&c);

    return cursor_done(&c) && !block.bad ? cursor_peek(&block) : view_of(NULL, 0);
}

/* Is TLS or DTLS version `a` newer than `b`? DTLS counts downwards. */
static bool newer(uint16_t a, uint16_t b)
{
    return (a & 0x8000) != 0 ? a < b : a > b;
}

/* The highest known version of a client's supported_versions, or `legacy`. */
static uint16_t read_versions(struct view extension, uint16_t legacy)
{
    struct cursor c = cursor_open(extension);
    struct cursor list = cursor_block8(&c);
    uint16_t highest = 0;

    while (cursor_left(&list) >= 2) {
        uint16_t v = cursor_u16(&list);
        if (v >> 8 == 0x7f) /* TLS 1.3 drafts */
            v = 0x0304;
        if (hello_version_name(v) != NULL && (highest == 0 || newer(v, highest)))
            highest = v;
    }
    return highest != 0 ? highest : legacy;
}

static void read_extension(struct client_hello *h, uint16_t type, struct view content)
{
    struct cursor c = cursor_open(content);

    switch (type) {
    case EXT_SERVER_NAME:
        h->has_name = true;
        h->name = read_name(content);
        break;
    case EXT_SIGNATURES: h->signatures = read_block16(content); break;
    case EXT_ALPN: h->protocols = read_block16(content); break;
    case EXT_VERSIONS: h->version = read_versions(content, h->version); break;
    case EXT_TRANSPORT:
    case EXT_TRANSPORT_DRAFT: h->transport = content; break;
    case EXT_ECH: h->has_ech = cursor_left(&c) > 0 && cursor_u8(&c) == ECH_OUTER; break;
    case EXT_ESNI: h->has_esni = true; break;
    default: break;
    }
}

static bool plausible_version(uint16_t version, enum hello_carrier carrier)
{
    if (carrier == HELLO_DTLS)
        return version >> 8 == 0xfe || version == 0x0100;
    return version >= 0x0300 && version <= 0x0304;
}

static struct client_hello empty_hello(enum hello_carrier carrier)
{
    struct view none = view_of(NULL, 0);

    return (struct client_hello){ .carrier = carrier,
                                  .ciphers = none,
                                  .extensions = none,
                                  .signatures = none,
                                  .protocols = none,
                                  .transport = none,
                                  .name = none };
}

bool client_hello_read(struct view body, enum hello_carrier carrier, struct client_hello *out)
{
    struct cursor c = cursor_open(body);
    struct client_hello h = empty_hello(carrier);

    h.version = cursor_u16(&c);
    cursor_skip(&c, RANDOM_BYTES);
    struct cursor session = cursor_block8(&c);
    if (carrier == HELLO_DTLS)
        (void)cursor_block8(&c); /* cookie */
    h.ciphers = cursor_take(&c, cursor_u16(&c));
    struct cursor compressions = cursor_block8(&c);
    if (c.bad || !plausible_version(h.version, carrier) || cursor_left(&session) > 32 ||
        h.ciphers.len % 2 != 0 || cursor_left(&compressions) == 0)
        return false;
    if (cursor_left(&c) > 0) { /* none before RFC 3546 */
        h.extensions = cursor_take(&c, cursor_u16(&c));
        if (!cursor_done(&c))
            return false;
    }
    struct cursor list = cursor_open(h.extensions);
    while (cursor_left(&list) > 0) {
        uint16_t type = cursor_u16(&list);
        struct view content = cursor_take(&list, cursor_u16(&list));
        if (list.bad)
            return false;
        read_extension(&h, type, content);
    }
    *out = h;
    return true;
}

bool client_hello_read_v2(struct view body, struct client_hello *out)
{
    struct cursor c = cursor_open(body);
    struct client_hello h = empty_hello(HELLO_TLS);

    uint8_t type = cursor_u8(&c);
    h.version = cursor_u16(&c);
    uint16_t ciphers = cursor_u16(&c);
    uint16_t session = cursor_u16(&c);
    uint16_t challenge = cursor_u16(&c);
    cursor_skip(&c, ciphers);
    cursor_skip(&c, session);
    cursor_skip(&c, challenge);
    if (!cursor_done(&c) || type != HELLO_CLIENT || hello_version_name(h.version) == NULL ||
        h.version > 0x0304 || h.version == 0x0100 || ciphers == 0 || ciphers % 3 != 0 ||
        (session != 0 && session != 16) || challenge < 16 || challenge > 32)
        return false;
    h.old_format = true;
    *out = h;
    return true;
}

bool server_hello_read(struct view body, struct server_hello *out)
{
    struct cursor c = cursor_open(body);
    struct server_hello h = { .protocols = view_of(NULL, 0) };

    h.version = cursor_u16(&c);
    cursor_skip(&c, RANDOM_BYTES);
    struct cursor session = cursor_block8(&c);
    cursor_skip(&c, 3); /* cipher, compression */
    if (c.bad || cursor_left(&session) > 32 || hello_version_name(h.version) == NULL)
        return false;
    struct cursor list = cursor_left(&c) > 0 ? cursor_block16(&c) : c;
    if (!cursor_done(&c))
        return false;
    while (cursor_left(&list) > 0) {
        uint16_t type = cursor_u16(&list);
        struct view content = cursor_take(&list, cursor_u16(&list));
        if (list.bad)
            return false;
        if (type == EXT_ALPN)
            h.protocols = read_block16(content);
        struct cursor in = cursor_open(content);
        uint16_t chosen = type == EXT_VERSIONS ? cursor_u16(&in) : 0;
        if (chosen >> 8 == 0x7f) /* TLS 1.3 drafts */
            chosen = 0x0304;
        if (hello_version_name(chosen) != NULL)
            h.version = chosen;
    }
    *out = h;
    return true;
}

void hello_tell_protocols(struct session *s, struct view protocols)
{
    struct cursor list = cursor_open(protocols);

    while (cursor_left(&list) > 0) {
        struct view name = cursor_take(&list, cursor_u8(&list));
        if (list.bad)
            return;
        for (size_t i = 0; i < sizeof alpn_words / sizeof alpn_words[0]; i++) {
            if (!view_equal(name, view_string(alpn_words[i].protocol)))
                continue;
            char value[32];
            struct text t = TEXT(value);
            text_string(&t, "ALPN ");
            text_printable(&t, name);
            if (alpn_words[i].service == NULL) {
                session_hint(s, alpn_words[i].hint, view_string(value));
                continue;
            }
            session_evidence(s, &(struct evidence){ .kind = EVIDENCE_PAYLOAD,
                                                    .service = alpn_words[i].service,
                                                    .value = view_string(value) });
        }
    }
}

static bool is_listed(struct view name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (view_equal_nocase(name, view_string(list[i])))
            return true;
    return false;
}

static bool is_doh(struct view name)
{
    if (is_listed(name, doh_hosts, sizeof doh_hosts / sizeof doh_hosts[0]))
        return true;
    struct view parent = view_from(name, view_find_byte(name, '.', 0) + 1);
    return is_listed(parent, doh_parents, sizeof doh_parents / sizeof doh_parents[0]);
}

/* Signs of hiding. DTLS is spoken without names by every browser call, so a missing one says nothing there.
 */
static void tell_hints(const struct client_hello *h, struct session *s)
{
    if (h->has_ech && is_listed(h->name, ech_fronts, sizeof ech_fronts / sizeof ech_fronts[0]))
        session_hint(s, HINT_ECH, h->name);
    else if (h->has_ech)
        session_trace(s, "encrypted ClientHello extension, real or made up");
    if (h->has_esni)
        session_hint(s, HINT_ESNI, h->name);
    if (h->name.len == 0 && !h->has_esni && h->carrier != HELLO_DTLS)
        session_hint(s, HINT_NO_SNI, view_of(NULL, 0));
    if (is_doh(h->name))
        session_hint(s, HINT_DOH, h->name);
    if (h->carrier == HELLO_TLS && session_port(s, true) == PORT_DOT)
        session_hint(s, HINT_DOT, h->name);
}

bool client_hello_tell(const struct client_hello *h, struct session *s, enum evidence_kind kind)
{
    char ja4[HELLO_JA4_BYTES];
    const char *version = hello_version_name(h->version);
    bool hit = false;

    if (version != NULL && h->carrier != HELLO_QUIC)
        session_version(s, view_string(version));
    if (h->name.len > 0)
        hit = session_name(s, kind, h->name);
    if (!h->old_format && session_wants_ja4(s) && client_hello_ja4(h, ja4))
        session_ja4(s, view_string(ja4));
    hello_tell_protocols(s, h->protocols);
    tell_hints(h, s);
    return hit;
}
