/* SPDX-License-Identifier: Apache-2.0 */
/* ClientHello, ServerHello, JA4 and certificates, apart from what carries them. */
#include "handshake.h"
#include "identify/certificate.h"
#include "recorder.h"

/* The example of technical_details/JA4.md, with GREASE values where Chrome puts them. */
static const uint16_t ja4_ciphers[] = { 0x1a1a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f,
                                        0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
                                        0x009c, 0x009d, 0x002f, 0x0035, 0 };
static const uint16_t ja4_extensions[] = { 0x3a3a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017,
                                           0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b, 0xff01,
                                           0x000b, 0x000a, 0x0015, 0xdada, 0xffff };
static const uint16_t ja4_signatures[] = {
    0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0
};
static const uint16_t ja4_versions[] = { 0xcaca, 0x0304, 0x0303, 0 };

static const struct hello_parts ja4_parts = { .ciphers = ja4_ciphers,
                                              .extensions = ja4_extensions,
                                              .name = "example.org",
                                              .protocols = "h2 http/1.1",
                                              .versions = ja4_versions,
                                              .signatures = ja4_signatures };

static struct bytes b;
static struct recorder recorder;

/* The JA4 of these parts. */
static const char *ja4_of(const struct hello_parts *p, enum hello_carrier carrier)
{
    static char ja4[HELLO_JA4_BYTES];
    struct client_hello h;

    b.len = 0;
    put_hello_body(&b, p);
    assert_true(client_hello_read(all(&b), carrier, &h));
    assert_true(client_hello_ja4(&h, ja4));
    return ja4;
}

static void test_ja4_of_the_published_example(void **state)
{
    (void)state;
    assert_string_equal(ja4_of(&ja4_parts, HELLO_TLS), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    assert_string_equal(ja4_of(&ja4_parts, HELLO_QUIC), "q13d1516h2_8daaf6152771_e5627efa2ab1");
}

static void test_ja4_without_signature_algorithms_ends_without_underscore(void **state)
{
    struct hello_parts p = ja4_parts;

    (void)state;
    p.signatures = NULL; /* the extension is there and empty: the published hash of that list */
    assert_string_equal(ja4_of(&p, HELLO_TLS), "t13d1516h2_8daaf6152771_6d807ffa2a79");
}

static void test_ja4_of_nothing_is_zeros(void **state)
{
    static const uint16_t none[] = { 0x0a0a, 0 };

    (void)state;
    assert_string_equal(ja4_of(&(struct hello_parts){ .version = 0x0301, .ciphers = none }, HELLO_TLS),
                        "t10i000000_000000000000_000000000000");
}

static void test_ja4_writes_alpn_that_is_no_text_in_hexadecimal(void **state)
{
    static const struct {
        const char *alpn, *expected;
    } cases[] = { { "\xab", "ab" },
                  { "\xab\xcd", "ad" },
                  { "0\xab", "3b" },
                  { "01\xab\xcd", "3d" },
                  { "0\xab\xcd"
                    "1",
                    "01" },
                  { "http/1.1", "h1" },
                  { "q", "qq" },
                  { "", "00" } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hello_parts p = ja4_parts;
        p.protocols = cases[i].alpn;
        assert_memory_equal(ja4_of(&p, HELLO_TLS) + 8, cases[i].expected, 2);
    }
}

static void test_ja4_of_dtls_and_of_old_versions(void **state)
{
    static const uint16_t dtls13[] = { 0xfefd, 0xfefc, 0 };
    struct hello_parts p = { .version = 0xfefd,
                             .dtls = true,
                             .cookie = "",
                             .extensions = ja4_extensions,
                             .versions = dtls13,
                             .name = "a.example" };

    (void)state;
    assert_memory_equal(ja4_of(&p, HELLO_DTLS), "dd3d0216", 8);
    p.versions = NULL;
    assert_memory_equal(ja4_of(&p, HELLO_DTLS), "dd2d0216", 8);
    assert_memory_equal(ja4_of(&(struct hello_parts){ .version = 0x0300 }, HELLO_TLS), "ts3i0200", 8);
}

static void test_ja4_caps_counts_at_99(void **state)
{
    uint16_t many[121];
    struct hello_parts p = ja4_parts;

    (void)state;
    for (size_t i = 0; i < 120; i++)
        many[i] = (uint16_t)(0xc100 + i);
    many[120] = 0;
    p.ciphers = many;
    assert_memory_equal(ja4_of(&p, HELLO_TLS), "t13d9916", 8);
}

static void test_a_list_longer_than_any_has_no_ja4(void **state)
{
    uint16_t many[400];
    char ja4[HELLO_JA4_BYTES] = "untouched";
    struct client_hello h;

    (void)state;
    for (size_t i = 0; i < 399; i++)
        many[i] = (uint16_t)(0xc100 + i);
    many[399] = 0;
    b.len = 0;
    put_hello_body(&b, &(struct hello_parts){ .ciphers = many });
    assert_true(client_hello_read(all(&b), HELLO_TLS, &h));
    assert_false(client_hello_ja4(&h, ja4));
    assert_string_equal(ja4, "untouched");
}

static void test_no_prefix_of_a_hello_is_a_hello(void **state)
{
    struct client_hello h;

    (void)state;
    b.len = 0;
    put_hello_body(&b, &ja4_parts);
    assert_true(client_hello_read(all(&b), HELLO_TLS, &h));
    assert_true(view_equal(h.name, VIEW("example.org")));
    assert_int_equal(h.version, 0x0304);
    /* but for the one that ends where extensions begin, which is a hello of SSL 3.0 */
    size_t bare = 2 + 32 + 1 + 2 + 2 * (sizeof ja4_ciphers / sizeof ja4_ciphers[0] - 1) + 2;
    for (size_t n = 0; n < b.len; n++)
        assert_int_equal(client_hello_read(view_of(b.at, n), HELLO_TLS, &h), n == bare);
    put_number(&b, 0, 1);
    assert_false(client_hello_read(all(&b), HELLO_TLS, &h));
}

static void test_a_broken_name_is_no_name(void **state)
{
    struct client_hello h;

    (void)state;
    b.len = 0;
    put_hello_body(&b, &ja4_parts);
    size_t at = view_find(all(&b), VIEW("example.org"));
    b.at[at - 1]++; /* one octet more than there is */
    assert_true(client_hello_read(all(&b), HELLO_TLS, &h));
    assert_int_equal(h.name.len, 0);
    assert_true(h.has_name);
}

/* What client_hello_tell says of a hello with these extensions. */
static const struct recorder *told(const struct hello_parts *p, enum hello_carrier carrier)
{
    struct client_hello h;

    b.len = 0;
    put_hello_body(&b, p);
    assert_true(client_hello_read(all(&b), carrier, &h));
    recorder_init(&recorder);
    client_hello_tell(&h, recorder_session(&recorder), EVIDENCE_SNI);
    return &recorder;
}

static void test_alpn_of_an_im_protocol_is_evidence(void **state)
{
    static const uint16_t extensions[] = { 0, 16, 0xffff };

    (void)state;
    assert_true(recorder_has(told(&(struct hello_parts){ .extensions = extensions,
                                                         .name = "a.example",
                                                         .protocols = "xmpp-client" },
                                  HELLO_TLS),
                             "evidence payload xmpp ALPN xmpp-client"));
    assert_true(recorder_has(
        told(&(struct hello_parts){ .extensions = extensions, .name = "a.example", .protocols = "h2 irc" },
             HELLO_TLS),
        "evidence payload irc ALPN irc"));
    assert_int_equal(recorder_count(told(&(struct hello_parts){ .extensions = extensions,
                                                                .name = "a.example",
                                                                .protocols = "h2 xmpp-clients ircd" },
                                         HELLO_TLS),
                                    "evidence"),
                     0);
}

static void test_resolvers_are_hinted(void **state)
{
    static const uint16_t extensions[] = { 0, 16, 0xffff };
    static const struct {
        const char *name, *alpn, *line;
    } cases[] = { { "dns.google", "h2", "hint doh dns.google" },
                  { "Mozilla.Cloudflare-DNS.com", "h2", "hint doh Mozilla.Cloudflare-DNS.com" },
                  { "ab12cd.dns.nextdns.io", "h2", "hint doh ab12cd.dns.nextdns.io" },
                  { "r.example", "dot", "hint dot ALPN dot" },
                  { "r.example", "doq", "hint doq ALPN doq" } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_true(recorder_has(told(&(struct hello_parts){ .extensions = extensions,
                                                             .name = cases[i].name,
                                                             .protocols = cases[i].alpn },
                                      HELLO_TLS),
                                 cases[i].line));
    assert_int_equal(recorder_count(told(&(struct hello_parts){ .extensions = extensions,
                                                                .protocols = "h2",
                                                                .name = "notcloudflare-dns.com" },
                                         HELLO_TLS),
                                    "hint"),
                     0);
}

static void test_a_missing_name_is_hinted_but_not_in_dtls(void **state)
{
    static const uint16_t extensions[] = { 10, 0xffff };

    (void)state;
    assert_true(
        recorder_has(told(&(struct hello_parts){ .extensions = extensions }, HELLO_TLS), "hint no-sni"));
    assert_true(
        recorder_has(told(&(struct hello_parts){ .extensions = extensions }, HELLO_QUIC), "hint no-sni"));
    assert_int_equal(recorder_count(told(&(struct hello_parts){ .version = 0xfefd,
                                                                .dtls = true,
                                                                .cookie = "",
                                                                .extensions = extensions },
                                         HELLO_DTLS),
                                    "hint"),
                     0);
}

static void test_ech_is_hinted_only_with_the_name_of_a_front(void **state)
{
    static const uint16_t ech[] = { 0, 0xfe0d, 0xffff }, plain[] = { 0, 0xffff }, esni[] = { 0xffce, 0xffff };

    (void)state;
    assert_true(recorder_has(
        told(&(struct hello_parts){ .extensions = ech, .name = "cloudflare-ech.com" }, HELLO_TLS),
        "hint ech cloudflare-ech.com"));
    assert_int_equal(
        recorder_count(told(&(struct hello_parts){ .extensions = ech, .name = "example.org" }, HELLO_TLS),
                       "hint"),
        0);
    assert_int_equal(
        recorder_count(
            told(&(struct hello_parts){ .extensions = plain, .name = "cloudflare-ech.com" }, HELLO_TLS),
            "hint"),
        0);
    assert_true(recorder_has(told(&(struct hello_parts){ .extensions = esni }, HELLO_TLS), "hint esni"));
    assert_false(recorder_has(&recorder, "hint no-sni"));
}

static void test_server_hello_says_version_and_protocol(void **state)
{
    struct server_hello h;

    (void)state;
    b.len = 0;
    put_server_hello_body(&b, 0x0303, "xmpp-client");
    assert_true(server_hello_read(all(&b), &h));
    assert_int_equal(h.version, 0x0303);
    assert_true(view_equal(h.protocols, VIEW("\x0bxmpp-client")));
    b.len = 0;
    put_server_hello_body(&b, 0x0304, NULL);
    assert_true(server_hello_read(all(&b), &h));
    assert_int_equal(h.version, 0x0304);
    for (size_t n = 0; n < b.len; n++)
        assert_int_equal(server_hello_read(view_of(b.at, n), &h), n == 2 + 32 + 1 + 3);
}

/* The names that a certificate gives, with no hit. */
static const struct recorder *names_of(const char *common, const char *names, const char *asked)
{
    b.len = 0;
    put_certificate(&b, common, names);
    recorder_init(&recorder);
    assert_false(certificate_tell(all(&b), view_string(asked), recorder_session(&recorder)));
    return &recorder;
}

static void test_certificate_gives_common_name_then_alternative_names(void **state)
{
    (void)state;
    names_of("*.web.example", "*.web.example web.example *.cdn.web.example", "");
    assert_string_equal(recorder.text, "name certificate web.example\nname certificate web.example\n"
                                       "name certificate cdn.web.example\n");
}

static void test_certificate_stops_at_the_first_hit(void **state)
{
    (void)state;
    b.len = 0;
    put_certificate(&b, "a.example", "b.example c.example");
    recorder_init(&recorder);
    recorder.known_names = true;
    assert_true(certificate_tell(all(&b), view_of(NULL, 0), recorder_session(&recorder)));
    assert_string_equal(recorder.text, "name certificate a.example\n");
}

static void test_certificate_for_the_name_asked_says_nothing_new(void **state)
{
    (void)state;
    assert_string_equal(names_of("*.social.example", "social.example im.example", "www.social.example")->text,
                        "");
    assert_string_equal(names_of("other.example", "social.example im.example", "SOCIAL.example")->text, "");
    /* a server that ignored the name */
    assert_int_equal(recorder_count(names_of("im.example", NULL, "social.example"), "name"), 1);
    /* a wildcard is for one label */
    assert_int_equal(recorder_count(names_of("*.social.example", NULL, "a.b.social.example"), "name"), 1);
}

static void test_certificate_of_many_sites_gives_its_common_name_only(void **state)
{
    (void)state;
    names_of("cdn.example",
             "a.example b.example c.example d.example e.example f.example g.example h.example i.example "
             "j.example k.example l.example m.example n.example o.example p.example q.example",
             "");
    assert_string_equal(recorder.text, "name certificate cdn.example\n");
}

static void test_common_names_that_are_no_hosts_are_not_looked_up(void **state)
{
    (void)state;
    assert_string_equal(names_of("WebRTC", NULL, "")->text, "");
    assert_string_equal(names_of("Jane Doe, Dept. 5", NULL, "")->text, "");
}

static void test_no_prefix_of_a_certificate_overruns(void **state)
{
    (void)state;
    b.len = 0;
    put_certificate(&b, "a.example", "b.example");
    for (size_t n = 0; n < b.len; n++) {
        uint8_t *tight = test_malloc(n + 1);
        memcpy(tight, b.at, n);
        recorder_init(&recorder);
        (void)certificate_tell(view_of(tight, n), view_of(NULL, 0), recorder_session(&recorder));
        test_free(tight);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ja4_of_the_published_example),
        cmocka_unit_test(test_ja4_without_signature_algorithms_ends_without_underscore),
        cmocka_unit_test(test_ja4_of_nothing_is_zeros),
        cmocka_unit_test(test_ja4_writes_alpn_that_is_no_text_in_hexadecimal),
        cmocka_unit_test(test_ja4_of_dtls_and_of_old_versions),
        cmocka_unit_test(test_ja4_caps_counts_at_99),
        cmocka_unit_test(test_a_list_longer_than_any_has_no_ja4),
        cmocka_unit_test(test_no_prefix_of_a_hello_is_a_hello),
        cmocka_unit_test(test_a_broken_name_is_no_name),
        cmocka_unit_test(test_alpn_of_an_im_protocol_is_evidence),
        cmocka_unit_test(test_resolvers_are_hinted),
        cmocka_unit_test(test_a_missing_name_is_hinted_but_not_in_dtls),
        cmocka_unit_test(test_ech_is_hinted_only_with_the_name_of_a_front),
        cmocka_unit_test(test_server_hello_says_version_and_protocol),
        cmocka_unit_test(test_certificate_gives_common_name_then_alternative_names),
        cmocka_unit_test(test_certificate_stops_at_the_first_hit),
        cmocka_unit_test(test_certificate_for_the_name_asked_says_nothing_new),
        cmocka_unit_test(test_certificate_of_many_sites_gives_its_common_name_only),
        cmocka_unit_test(test_common_names_that_are_no_hosts_are_not_looked_up),
        cmocka_unit_test(test_no_prefix_of_a_certificate_overruns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
