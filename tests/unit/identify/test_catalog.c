/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups: label boundaries, the longest name, the narrowest range; damaged images; the built-in catalog. */
#include "catalog_folder.h"
#include "identify/catalog.h"
#include "identify/catalog_format.h"

static const char chat_yaml[] =
    HEAD("chat") "country: CH\n"
                 "protocols: [tls, quic]\n"
                 "domains:\n"
                 "  - names: [chat.example, deep.chat.example]\n"
                 "    role: chat\n"
                 "    source: the vendor\n"
                 "  - names: [media.chat.example]\n"
                 "    role: media\n"
                 "  - {names: [only.example.net], role: login, exact: true}\n"
                 "  - {names: [cdn.example.org], role: web, shared: true}\n"
                 "  - {names: [chat.*.cdn.example.org, pics-*.host.example], role: media}\n"
                 "  - names: [B\xc3\xbc"
                 "cher.example]\n"
                 "not_below: [blog.chat.example, shop.chat.example]\n"
                 "ranges:\n"
                 "  - {networks: [192.0.2.0/24, \"2001:db8::/32\"], role: any, shared: true}\n"
                 "  - {networks: [192.0.2.64/26], role: call, l4: udp, ports: [3478, 8000-8010]}\n"
                 "  - {networks: [192.0.2.64/26], role: chat}\n"
                 "  - {networks: [192.0.2.255/32, 255.255.255.0/24, \"2001:db8:1::/48\"], role: login}\n"
                 "ports: {tcp: [5222, 6000-6010], udp: [3478]}\n"
                 "agents:\n"
                 "  - match: [Chat/, Chat/2, \"*InnerChat \"]\n"
                 "paths:\n"
                 "  - {match: [/chat/, /chat/files/], role: chat}\n"
                 "  - {match: [/chat/files/up], role: media}\n"
                 "ja4:\n"
                 "  - match: [t13d1516h2_8daaf6152771_b0da82dd1658]\n";

static const char other_yaml[] = HEAD("other") "domains:\n"
                                               "  - names: [shop.chat.example]\n"
                                               "ranges:\n"
                                               "  - networks: [192.0.2.80/28]\n";

static int open_small(void **state)
{
    struct folder f = folder_new();
    struct imw_error_info err = { 0 };
    struct catalog *c;

    folder_write(&f, "chat.yaml", chat_yaml);
    folder_write(&f, "other.yaml", other_yaml);
    if (!catalog_open(f.path, &c, &err))
        fail_msg("%s:%u %s: %s", err.file, err.line, err.key, err.text);
    folder_remove(&f);
    *state = c;
    return 0;
}

static int close_small(void **state)
{
    catalog_close(*state);
    return 0;
}

/* The entry that `host` matches, or "". */
static const char *name_entry(const struct catalog *c, const char *host)
{
    static char entry[512];
    struct catalog_hit hit;

    if (!catalog_match_name(c, view_string(host), &hit))
        return "";
    snprintf(entry, sizeof entry, "%.*s", (int)hit.entry.len, (const char *)hit.entry.at);
    return entry;
}

static const char *address_entry(const struct catalog *c, const char *address, uint8_t l4, uint16_t port)
{
    static char entry[512];
    struct catalog_hit hit;
    struct ip_addr ip;

    assert_true(ip_parse(view_string(address), &ip));
    if (!catalog_match_address(c, &ip, l4, port, &hit))
        return "";
    snprintf(entry, sizeof entry, "%.*s", (int)hit.entry.len, (const char *)hit.entry.at);
    return entry;
}

static void test_a_name_matches_itself_and_what_is_below_on_label_boundaries(void **state)
{
    const struct catalog *c = *state;

    assert_string_equal(name_entry(c, "chat.example"), "chat.example");
    assert_string_equal(name_entry(c, "a.b.chat.example"), "chat.example");
    assert_string_equal(name_entry(c, "notchat.example"), "");
    assert_string_equal(name_entry(c, "chat.example.evil.test"), "");
    assert_string_equal(name_entry(c, "hat.example"), "");
    assert_string_equal(name_entry(c, "example"), "");
}

static void test_case_final_dot_and_port_do_not_matter(void **state)
{
    const struct catalog *c = *state;

    assert_string_equal(name_entry(c, "WWW.Chat.EXAMPLE"), "chat.example");
    assert_string_equal(name_entry(c, "CHAT.EXAMPLE."), "chat.example");
    assert_string_equal(name_entry(c, "chat.example:443"), "chat.example");
    assert_string_equal(name_entry(c, "chat.example.:443"), "chat.example");
    assert_string_equal(name_entry(c, "*.chat.example"), "chat.example");
    assert_string_equal(name_entry(c, "_xmpp-client._tcp.chat.example"), "chat.example");
}

static void test_what_is_no_domain_name_matches_nothing(void **state)
{
    static const char *const none[] = { "",
                                        ".",
                                        "..",
                                        "chat..example",
                                        ".chat.example",
                                        "chat.example..",
                                        "chat.example:",
                                        "chat.example:https",
                                        "chat.example:1:2",
                                        "192.0.2.1",
                                        "[2001:db8::1]",
                                        "2001:db8::1",
                                        "chat.example/",
                                        "ch at.chat.example",
                                        "x@chat.example",
                                        "chat.example:99999" };
    char longest[300];

    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_string_equal(name_entry(*state, none[i]), "");
    assert_string_equal(name_entry(*state, "b\xc3\xbc"
                                           "cher.example"),
                        "");
    memset(longest, 'a', 64);
    memcpy(longest + 64, ".chat.example", sizeof ".chat.example");
    assert_string_equal(name_entry(*state, longest), "");
    assert_string_equal(name_entry(*state, longest + 1), "chat.example"); /* a label of 63 */
}

static void test_the_longest_names_that_there_are(void **state)
{
    char host[300];
    size_t at = 0;

    for (unsigned i = 0; i < 120; i++, at += 2)
        memcpy(host + at, "a.", 2);
    memcpy(host + at, "chat.example", sizeof "chat.example"); /* 252 octets */
    assert_string_equal(name_entry(*state, host), "chat.example");
    memcpy(host + at, "b.chat.example", sizeof "b.chat.example");
    assert_string_equal(name_entry(*state, host), "");
}

static void test_the_longest_entry_wins(void **state)
{
    const struct catalog *c = *state;
    struct catalog_hit hit;

    assert_string_equal(name_entry(c, "x.media.chat.example"), "media.chat.example");
    assert_string_equal(name_entry(c, "media.x.chat.example"), "chat.example");
    assert_true(catalog_match_name(c, VIEW("media.chat.example"), &hit));
    assert_int_equal(hit.role, ROLE_MEDIA);
    assert_int_equal(hit.strength, STRENGTH_PROOF);
    assert_int_equal(hit.service, catalog_find(c, VIEW("chat")));
    assert_true(catalog_match_name(c, VIEW("chat.example"), &hit));
    assert_true(view_equal(hit.source, VIEW("the vendor")));
}

static void test_exact_excluded_and_claimed_names(void **state)
{
    const struct catalog *c = *state;
    struct catalog_hit hit;

    assert_string_equal(name_entry(c, "only.example.net"), "only.example.net");
    assert_string_equal(name_entry(c, "x.only.example.net"), "");
    assert_string_equal(name_entry(c, "blog.chat.example"), "");
    assert_string_equal(name_entry(c, "a.blog.chat.example"), "");
    assert_string_equal(name_entry(c, "ablog.chat.example"), "chat.example");
    assert_true(
        catalog_match_name(c, VIEW("shop.chat.example"), &hit)); /* excluded by one, claimed by the other */
    assert_int_equal(hit.service, catalog_find(c, VIEW("other")));
}

static void test_names_by_their_start_are_stronger_than_what_they_end_with(void **state)
{
    const struct catalog *c = *state;
    struct catalog_hit hit;

    assert_string_equal(name_entry(c, "chat.ams1.cdn.example.org"), "chat.*.cdn.example.org");
    assert_string_equal(name_entry(c, "chat.a.b.cdn.example.org"), "chat.*.cdn.example.org");
    assert_string_equal(name_entry(c, "chats.ams1.cdn.example.org"), "cdn.example.org");
    assert_string_equal(name_entry(c, "chat.cdn.example.org"), "cdn.example.org");
    assert_string_equal(name_entry(c, "cdn.example.org"), "cdn.example.org");
    assert_string_equal(name_entry(c, "pics-7.host.example"), "pics-*.host.example");
    assert_string_equal(name_entry(c, "pics.host.example"), "");
    assert_string_equal(name_entry(c, "my-pics-7.host.example"), "");
    assert_string_equal(name_entry(c, "host.example"), "");
    assert_true(catalog_match_name(c, VIEW("x.cdn.example.org"), &hit));
    assert_int_equal(hit.strength, STRENGTH_SHARED);
}

static void test_u_labels_of_the_files_are_a_labels_in_the_catalog(void **state)
{
    assert_string_equal(name_entry(*state, "shop.XN--Bcher-kva.example"), "xn--bcher-kva.example");
}

static void test_the_narrowest_range_that_fits_wins(void **state)
{
    const struct catalog *c = *state;

    assert_string_equal(address_entry(c, "192.0.2.1", 6, 443), "192.0.2.0/24");
    assert_string_equal(address_entry(c, "192.0.2.64", 6, 443), "192.0.2.64/26");
    assert_string_equal(address_entry(c, "192.0.2.64", 17, 443), "192.0.2.64/26");
    assert_string_equal(address_entry(c, "192.0.2.64", 17, 3478), "192.0.2.64/26 udp 3478");
    assert_string_equal(address_entry(c, "192.0.2.64", 17, 8010), "192.0.2.64/26 udp 8000-8010");
    assert_string_equal(address_entry(c, "192.0.2.64", 17, 8011), "192.0.2.64/26");
    assert_string_equal(address_entry(c, "192.0.2.80", 17, 3478), "192.0.2.80/28");
    assert_string_equal(address_entry(c, "192.0.2.95", 6, 1), "192.0.2.80/28");
    assert_string_equal(address_entry(c, "192.0.2.96", 6, 1), "192.0.2.64/26");
    assert_string_equal(address_entry(c, "192.0.2.128", 6, 1), "192.0.2.0/24");
    assert_string_equal(address_entry(c, "192.0.2.255", 6, 1), "192.0.2.255/32");
}

static void test_addresses_at_the_borders(void **state)
{
    const struct catalog *c = *state;

    assert_string_equal(address_entry(c, "192.0.1.255", 6, 1), "");
    assert_string_equal(address_entry(c, "192.0.3.0", 6, 1), "");
    assert_string_equal(address_entry(c, "0.0.0.0", 6, 1), "");
    assert_string_equal(address_entry(c, "255.255.254.255", 6, 1), "");
    assert_string_equal(address_entry(c, "255.255.255.0", 6, 1), "255.255.255.0/24");
    assert_string_equal(address_entry(c, "255.255.255.255", 6, 1), "255.255.255.0/24");
    assert_string_equal(address_entry(c, "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", 6, 1), "");
    assert_string_equal(address_entry(c, "2001:db8::", 6, 1), "2001:db8::/32");
    assert_string_equal(address_entry(c, "2001:db8:1::", 6, 1), "2001:db8:1::/48");
    assert_string_equal(address_entry(c, "2001:db8:1:ffff:ffff:ffff:ffff:ffff", 6, 1), "2001:db8:1::/48");
    assert_string_equal(address_entry(c, "2001:db8:2::", 6, 1), "2001:db8::/32");
    assert_string_equal(address_entry(c, "2001:db9::", 6, 1), "");
    assert_string_equal(address_entry(c, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 6, 1), "");
}

static void test_agents_paths_and_fingerprints(void **state)
{
    const struct catalog *c = *state;
    struct catalog_hit hit;

    assert_true(catalog_match_agent(c, VIEW("Chat/2.1 (x)"), &hit));
    assert_true(view_equal(hit.entry, VIEW("Chat/2")));
    assert_true(catalog_match_agent(c, VIEW("Chat/1"), &hit));
    assert_true(view_equal(hit.entry, VIEW("Chat/")));
    assert_true(catalog_match_agent(c, VIEW("Mozilla/5.0 InnerChat 3"), &hit));
    assert_false(catalog_match_agent(c, VIEW("chat/1"), &hit));
    assert_false(catalog_match_agent(c, VIEW("Chat"), &hit));
    assert_false(catalog_match_agent(c, VIEW("MyChat/1"), &hit));
    assert_false(catalog_match_agent(c, VIEW(""), &hit));
    assert_true(catalog_match_path(c, VIEW("/chat/files/upload?x"), &hit));
    assert_int_equal(hit.role, ROLE_MEDIA);
    assert_true(
        catalog_match_path(c, VIEW("/chat/files/z"), &hit)); /* sorts after …/up, its kin is the parent */
    assert_true(view_equal(hit.entry, VIEW("/chat/files/")));
    assert_true(catalog_match_path(c, VIEW("/chat/z"), &hit));
    assert_false(catalog_match_path(c, VIEW("/chats"), &hit));
    assert_true(catalog_match_ja4(c, VIEW("t13d1516h2_8daaf6152771_b0da82dd1658"), &hit));
    assert_false(catalog_match_ja4(c, VIEW("t13d1516h2_8daaf6152771_b0da82dd1659"), &hit));
    assert_false(catalog_match_ja4(c, VIEW("t13d1516h2_8daaf6152771_b0da82dd16"), &hit));
}

static void test_own_ports(void **state)
{
    const struct catalog *c = *state;
    uint16_t chat = catalog_find(c, VIEW("chat")), other = catalog_find(c, VIEW("other"));

    assert_true(catalog_own_port(c, chat, 6, 5222) && catalog_own_port(c, chat, 17, 3478));
    assert_false(catalog_own_port(c, chat, 6, 443) || catalog_own_port(c, chat, 17, 443)); /* those of TLS */
    assert_true(catalog_own_port(c, chat, 6, 6000) && catalog_own_port(c, chat, 6, 6010));
    assert_false(catalog_own_port(c, chat, 6, 5999) || catalog_own_port(c, chat, 6, 6011));
    assert_false(catalog_own_port(c, chat, 17, 5222) || catalog_own_port(c, chat, 6, 80));
    assert_false(catalog_own_port(c, other, 6, 443) || catalog_own_port(c, 0, 6, 443) ||
                 catalog_own_port(c, 99, 6, 443));
}

static void test_services_have_numbers_from_one(void **state)
{
    const struct catalog *c = *state;
    const struct catalog_service *s = catalog_service(c, catalog_find(c, VIEW("chat")));

    assert_int_equal(catalog_count(c), 2);
    assert_string_equal(s->slug, "chat");
    assert_string_equal(s->vendor_country, "CH");
    assert_true(s->end_to_end);
    assert_null(catalog_service(c, 0));
    assert_null(catalog_service(c, 3));
    assert_int_equal(catalog_find(c, VIEW("cha")), 0);
    assert_int_equal(catalog_find(c, VIEW("chatt")), 0);
    assert_true(view_equal(catalog_version(c), VIEW("2026.11.22")));
    assert_int_equal(catalog_built(c), 1795305600); /* 2026-11-22T00:00:00Z */
}

static void count_entry(void *context, const char *kind, enum server_role role, enum strength strength,
                        struct view entry, struct view source)
{
    unsigned *count = context;

    (void)role, (void)strength, (void)entry, (void)source;
    count[strcmp(kind, "domain") == 0 ? 0 : strcmp(kind, "port") == 0 ? 1 : 2]++;
}

static void test_each_gives_all_entries_of_the_service_and_no_other(void **state)
{
    unsigned chat[3] = { 0 }, other[3] = { 0 };

    catalog_each(*state, catalog_find(*state, VIEW("chat")), count_entry, chat);
    catalog_each(*state, catalog_find(*state, VIEW("other")), count_entry, other);
    assert_int_equal(chat[0], 8);
    assert_int_equal(chat[1], 3);
    assert_int_equal(other[0] + other[1] + other[2], 2);
}

/* Ask an opened image everything: it must not read outside, whatever its content. */
static void use_all(const struct catalog *c)
{
    struct catalog_hit hit;
    unsigned count[3] = { 0 };
    struct ip_addr ip = { .octet = { 0 } };

    for (unsigned i = 0; i <= catalog_count(c) + 1; i++) {
        catalog_each(c, (uint16_t)i, count_entry, count);
        (void)catalog_own_port(c, (uint16_t)i, 6, 443);
    }
    name_entry(c, "chat.ams1.cdn.example.org");
    name_entry(c, "a.b.c.media.chat.example");
    for (unsigned i = 0; i < 256; i++) {
        ip.octet[0] = (uint8_t)i;
        (void)catalog_match_address(c, &ip, 6, 443, &hit);
        uint8_t v4[4] = { (uint8_t)i, 0, 2, 64 };
        struct ip_addr ip4 = ip_from_v4(v4);
        (void)catalog_match_address(c, &ip4, 17, 3478, &hit);
    }
    (void)catalog_match_agent(c, VIEW("Chat/2 InnerChat "), &hit);
    (void)catalog_match_path(c, VIEW("/chat/files/z"), &hit);
    (void)catalog_match_ja4(c, VIEW("t13d1516h2_8daaf6152771_b0da82dd1658"), &hit);
    (void)catalog_find(c, VIEW("other"));
    (void)catalog_version(c);
}

static uint8_t *small_image(size_t *out_size)
{
    struct folder f = folder_new();
    uint8_t *image;

    folder_write(&f, "chat.yaml", chat_yaml);
    folder_write(&f, "other.yaml", other_yaml);
    assert_true(catalog_compile_image(f.path, &image, out_size, NULL));
    folder_remove(&f);
    return image;
}

static void test_a_flipped_byte_anywhere_is_refused(void **state)
{
    size_t size;
    uint8_t *image = small_image(&size);
    struct imw_error_info err;
    struct catalog *c;

    (void)state;
    for (size_t i = 0; i < size; i++) {
        image[i] ^= 0x41;
        assert_false(catalog_open_image("test", image, size, false, &c, &err));
        assert_int_equal(err.code, IMW_ERROR_FORMAT);
        image[i] ^= 0x41;
    }
    assert_true(catalog_open_image("test", image, size, true, &c, &err));
    catalog_close(c);
}

static void test_a_damaged_image_with_a_good_digest_is_refused_or_harmless(void **state)
{
    static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
    size_t size;
    uint8_t *image = small_image(&size);
    unsigned opened = 0;
    struct catalog *c;

    (void)state;
    for (size_t i = 0; i < size; i++) {
        for (size_t k = 0; k < sizeof values; k++) {
            uint8_t *copy = malloc(size);
            assert_non_null(copy);
            memcpy(copy, image, size);
            copy[i] = values[k];
            assert_true(catalog_digest(copy, size, copy + offsetof(struct catalog_header, digest)));
            if (!catalog_open_image("test", copy, size, true, &c, NULL))
                continue;
            opened++;
            use_all(c);
            catalog_close(c);
        }
    }
    assert_true(opened > 0);
    free(image);
}

static void test_a_cut_image_is_refused(void **state)
{
    size_t size;
    uint8_t *image = small_image(&size);
    struct catalog *c;

    (void)state;
    for (size_t len = 0; len < size; len++) {
        uint8_t *copy = malloc(len > 0 ? len : 1);
        assert_non_null(copy);
        memcpy(copy, image, len);
        if (len >= sizeof(struct catalog_header)) {
            memcpy(copy + offsetof(struct catalog_header, size), &(uint64_t){ len }, sizeof(uint64_t));
            assert_true(catalog_digest(copy, len, copy + offsetof(struct catalog_header, digest)));
        }
        assert_false(catalog_open_image("test", copy, len, true, &c, NULL));
    }
    free(image);
}

static void test_a_foreign_file_is_refused_with_its_name(void **state)
{
    struct folder f = folder_new();
    struct imw_error_info err = { 0 };
    struct catalog *c;
    char path[256];

    (void)state;
    snprintf(path, sizeof path, "%s/catalog.yaml", f.path);
    assert_false(catalog_open(path, &c, &err));
    assert_string_equal(err.file, path);
    assert_false(catalog_open("/nonexistent", &c, &err));
    assert_int_equal(err.code, IMW_ERROR_SYSTEM);
    assert_false(catalog_open("/dev/null", &c, &err));
    assert_int_equal(err.code, IMW_ERROR_FORMAT);
    folder_remove(&f);
}

static void test_the_built_in_catalog_knows_the_services_and_not_the_portals(void **state)
{
    static const char *const names[][2] = {
        { "g.whatsapp.net", "whatsapp" },
        { "media-ams2-1.cdn.whatsapp.net", "whatsapp" },
        { "venus.web.telegram.org", "telegram" },
        { "chat.signal.org", "signal" },
        { "szextshort.weixin.qq.com", "wechat" },
        { "work.weixin.qq.com", "wecom" },
        { "qq.com", "" },
        { "www.qq.com", "" },
        { "im.qq.com", "qq" },
        { "gateway.discord.gg", "discord" },
        { "edge-mqtt.facebook.com", "messenger" },
        { "graph.facebook.com", "" },
        { "www.facebook.com", "" },
        { "instagram.fbcn1-1.fna.fbcdn.net", "instagram" },
        { "scontent.fbcn1-1.fna.fbcdn.net", "" },
        { "scs.msg.yahoo.com", "yahoo" },
        { "mail.yahoo.com", "" },
        { "emea.ng.msg.teams.microsoft.com", "teams" },
        { "outlook.office.com", "" },
        { "login.microsoftonline.com", "" },
        { "mtalk.google.com", "" },
        { "stun.l.google.com", "" },
        { "chat.google.com", "google-chat" },
        { "mail.google.com", "" },
        { "gsp-ssl.ls.apple.com", "" },
        { "us05web.zoom.us", "zoom" },
        { "notwhatsapp.com", "" },
        { "whatsapp.com.evil.test", "" },
        { "WHATSAPP.COM.", "whatsapp" },
        { "whatsapp.com:443", "whatsapp" },
    };
    struct catalog *c;

    (void)state;
    assert_true(catalog_builtin(&c, NULL));
    assert_true(catalog_count(c) >= 60);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct catalog_hit hit;
        bool found = catalog_match_name(c, view_string(names[i][0]), &hit);
        const char *slug = found ? catalog_service(c, hit.service)->slug : "";
        if (strcmp(slug, names[i][1]) != 0)
            fail_msg("%s is '%s', not '%s'", names[i][0], slug, names[i][1]);
    }
    assert_string_equal(address_entry(c, "149.154.167.51", 6, 443), "149.154.160.0/20");
    assert_string_equal(address_entry(c, "8.8.8.8", 17, 53), "");
    catalog_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_name_matches_itself_and_what_is_below_on_label_boundaries),
        cmocka_unit_test(test_case_final_dot_and_port_do_not_matter),
        cmocka_unit_test(test_what_is_no_domain_name_matches_nothing),
        cmocka_unit_test(test_the_longest_names_that_there_are),
        cmocka_unit_test(test_the_longest_entry_wins),
        cmocka_unit_test(test_exact_excluded_and_claimed_names),
        cmocka_unit_test(test_names_by_their_start_are_stronger_than_what_they_end_with),
        cmocka_unit_test(test_u_labels_of_the_files_are_a_labels_in_the_catalog),
        cmocka_unit_test(test_the_narrowest_range_that_fits_wins),
        cmocka_unit_test(test_addresses_at_the_borders),
        cmocka_unit_test(test_agents_paths_and_fingerprints),
        cmocka_unit_test(test_own_ports),
        cmocka_unit_test(test_services_have_numbers_from_one),
        cmocka_unit_test(test_each_gives_all_entries_of_the_service_and_no_other),
        cmocka_unit_test(test_a_flipped_byte_anywhere_is_refused),
        cmocka_unit_test(test_a_damaged_image_with_a_good_digest_is_refused_or_harmless),
        cmocka_unit_test(test_a_cut_image_is_refused),
        cmocka_unit_test(test_a_foreign_file_is_refused_with_its_name),
        cmocka_unit_test(test_the_built_in_catalog_knows_the_services_and_not_the_portals),
    };

    return cmocka_run_group_tests(tests, open_small, close_small);
}
