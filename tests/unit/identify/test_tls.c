/* SPDX-License-Identifier: Apache-2.0 */
/* TLS: one flow's records, whole, cut and from either side alone. */
#include "conversation.h"
#include "handshake.h"

extern const struct parser parser_tls;

static const uint16_t extensions[] = { 0x0000, 0x0010, 0x000d, 0x002b, 0x0033, 0xffff };
static const uint16_t nameless[] = { 0x0010, 0x000d, 0x0033, 0xffff };
static const uint16_t signatures[] = { 0x0403, 0x0804, 0 };
static const uint16_t tls13[] = { 0x8a8a, 0x0304, 0x0303, 0 };

static const struct hello_parts browser = { .extensions = extensions,
                                            .name = "chat.example.org",
                                            .protocols = "h2 http/1.1",
                                            .versions = tls13,
                                            .signatures = signatures,
                                            .key_share = 32 };

static struct bytes client, server;
static struct outcome out;

static void clear(void)
{
    client.len = server.len = 0;
}

/* One record. */
static void put_record(struct bytes *b, uint8_t type, uint16_t version, struct view content)
{
    put_number(b, type, 1);
    put_number(b, version, 2);
    put_number(b, content.len, 2);
    put(b, content);
}

/* A handshake message of `type`, in records of at most `cut` octets. */
static void put_message(struct bytes *b, uint8_t type, struct view body, size_t cut)
{
    struct bytes message = { 0 };

    put_number(&message, type, 1);
    put_number(&message, body.len, 3);
    put(&message, body);
    for (size_t at = 0; at < message.len; at += cut)
        put_record(b, 22, 0x0303, view_slice(all(&message), at, at + cut));
}

static void put_client_hello(const struct hello_parts *p, size_t cut)
{
    struct bytes body = { 0 };

    put_hello_body(&body, p);
    put_message(&client, HELLO_CLIENT, all(&body), cut);
}

static void put_server_hello(uint16_t version, const char *protocol)
{
    struct bytes body = { 0 };

    put_server_hello_body(&body, version, protocol);
    put_message(&server, HELLO_SERVER, all(&body), 16384);
}

/* The clear part of a TLS 1.2 server's flight. */
static void put_server_flight(const char *common, const char *names, size_t cut)
{
    struct bytes chain = { 0 };

    put_server_hello(0x0303, NULL);
    put_chain(&chain, common, names);
    put_message(&server, HELLO_CERTIFICATE, all(&chain), cut);
    put_message(&server, 12, VIEW("key exchange"), cut);
    put_message(&server, HELLO_SERVER_DONE, view_of(NULL, 0), cut);
}

/* The client's first flight, then the server's: laws kept, *out the outcome. */
static void run(void)
{
    struct step steps[2] = { { FROM_CLIENT, all(&client) }, { FROM_SERVER, all(&server) } };

    check_laws(&parser_tls, steps, 2, &out);
    assert_int_equal(out.answer, IM_YES);
}

static void run_client(void)
{
    struct step step = { FROM_CLIENT, all(&client) };

    check_laws(&parser_tls, &step, 1, &out);
    assert_int_equal(out.answer, IM_YES);
}

static void test_tls13_gives_name_fingerprint_and_version(void **state)
{
    (void)state;
    clear();
    put_client_hello(&browser, 16384);
    put_server_hello(0x0304, NULL);
    put_record(&server, 20, 0x0303, VIEW("\x01"));
    put_record(&server, 23, 0x0303, VIEW("encrypted"));
    run();
    assert_true(recorder_has(&out.record, "name sni chat.example.org"));
    assert_int_equal(recorder_count(&out.record, "ja4 t13d0205h2_"), 1);
    assert_true(recorder_has(&out.record, "version TLSv1.3"));
    assert_true(out.record.settled);
    assert_int_equal(recorder_count(&out.record, "name"), 1);
    assert_string_equal(out.finding.value, "TLS ClientHello");
}

static void test_a_hello_spread_over_records_is_read(void **state)
{
    static const size_t cuts[] = { 7, 40, 300 };
    struct hello_parts p = browser;

    (void)state;
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        clear();
        p.key_share = i < 2 ? 32 : 1184 + 32;
        put_client_hello(&p, cuts[i]);
        run_client();
        assert_true(recorder_has(&out.record, "name sni chat.example.org"));
    }
}

static void test_a_post_quantum_hello_in_one_byte_segments_is_read(void **state)
{
    struct hello_parts p = browser;

    (void)state;
    clear();
    p.key_share = 1184 + 32;
    put_client_hello(&p, 16384);
    put_server_hello(0x0304, NULL);
    run();
    assert_true(recorder_has(&out.record, "name sni chat.example.org"));
    assert_true(out.record.settled);
}

static void test_more_records_than_any_client_makes_end_it(void **state)
{
    (void)state;
    clear();
    put_client_hello(&browser, 2);
    run_client();
    assert_true(out.record.settled);
    assert_int_equal(recorder_count(&out.record, "name"), 0);
}

static void test_a_message_longer_than_the_limit_ends_it(void **state)
{
    struct hello_parts p = browser;

    (void)state;
    clear();
    p.key_share = 12300;
    put_client_hello(&p, 16384);
    converse(&parser_tls, &(struct step){ FROM_CLIENT, all(&client) }, 1, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_true(out.record.settled);
    assert_int_equal(recorder_count(&out.record, "name"), 0);
    clear();
    p.key_share = 12000;
    put_client_hello(&p, 16384);
    converse(&parser_tls, &(struct step){ FROM_CLIENT, all(&client) }, 1, &out);
    assert_true(recorder_has(&out.record, "name sni chat.example.org"));
}

static void test_certificate_names_the_server_where_the_client_does_not(void **state)
{
    (void)state;
    clear();
    put_client_hello(&(struct hello_parts){ .extensions = nameless, .protocols = "http/1.1" }, 16384);
    put_server_flight("*.im.example", "im.example", 16384);
    run();
    assert_true(recorder_has(&out.record, "hint no-sni"));
    assert_true(recorder_has(&out.record, "version TLSv1.2"));
    assert_true(recorder_has(&out.record, "name certificate im.example"));
    assert_false(recorder_has(&out.record, "name certificate other.decoy.example"));
    assert_true(out.record.settled);
}

static void test_certificate_cut_by_records_is_read(void **state)
{
    (void)state;
    clear();
    put_client_hello(&(struct hello_parts){ .extensions = nameless }, 16384);
    put_server_flight("im.example", NULL, 50);
    run();
    assert_true(recorder_has(&out.record, "name certificate im.example"));
}

static void test_certificate_is_not_asked_where_it_is_for_the_name(void **state)
{
    (void)state;
    clear();
    put_client_hello(&browser, 16384);
    put_server_flight("*.example.org", "im.example", 16384);
    run();
    assert_int_equal(recorder_count(&out.record, "name certificate"), 0);
    assert_true(out.record.settled);
}

static void test_a_known_name_settles_at_once(void **state)
{
    struct recorder *r = &out.record;

    (void)state;
    clear();
    put_client_hello(&browser, 16384);
    put_client_hello(&browser, 16384);
    recorder_init(r);
    r->known_names = true;
    void *zeroed = test_calloc(1, parser_tls.state_size);
    (void)parser_tls.feed(zeroed, recorder_session(r), FROM_CLIENT, all(&client));
    test_free(zeroed);
    assert_true(r->settled);
    assert_int_equal(recorder_count(r, "name"), 1);
    assert_int_equal(recorder_count(r, "version"), 1);
}

static void test_server_alone_is_recognised_and_named(void **state)
{
    (void)state;
    clear();
    put_record(&server, 21, 0x0303, VIEW("\x01\x70")); /* unrecognized_name */
    put_server_hello(0x0302, "xmpp-client");
    struct bytes chain = { 0 };
    put_chain(&chain, "im.example", NULL);
    put_message(&server, HELLO_CERTIFICATE, all(&chain), 16384);
    struct step step = { FROM_SERVER, all(&server) };
    check_laws(&parser_tls, &step, 1, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.record.text, "version TLSv1.1\nevidence payload xmpp ALPN xmpp-client\n"
                                         "name certificate im.example\nsettle\n");
    assert_string_equal(out.finding.value, "TLS ServerHello");
}

static void test_the_clients_own_certificate_is_not_the_servers(void **state)
{
    struct bytes chain = { 0 };

    (void)state;
    clear();
    put_client_hello(&(struct hello_parts){ .extensions = nameless }, 16384);
    put_chain(&chain, "client.example", NULL);
    put_message(&client, HELLO_CERTIFICATE, all(&chain), 16384);
    put_message(&client, HELLO_CLIENT_KEY, VIEW("secret"), 16384);
    put_record(&client, 20, 0x0303, VIEW("\x01"));
    put_record(&client, 22, 0x0303, VIEW("finished, encrypted"));
    run_client();
    assert_int_equal(recorder_count(&out.record, "name"), 0);
    assert_false(out.record.settled);
}

static void test_a_resumed_session_settles_at_the_servers_cipher_change(void **state)
{
    (void)state;
    clear();
    put_client_hello(&(struct hello_parts){ .extensions = nameless }, 16384);
    put_server_hello(0x0303, NULL);
    put_record(&server, 20, 0x0303, VIEW("\x01"));
    run();
    assert_true(out.record.settled);
}

static void test_application_data_settles(void **state)
{
    (void)state;
    clear();
    put_client_hello(&browser, 16384);
    put_record(&client, 23, 0x0303, VIEW("early data"));
    run_client();
    assert_true(out.record.settled);
    assert_true(recorder_has(&out.record, "name sni chat.example.org"));
}

static void test_a_client_alone_settles_after_a_while(void **state)
{
    (void)state;
    clear();
    put_client_hello(&browser, 16384);
    put_message(&client, HELLO_CLIENT_KEY, VIEW("secret"), 16384);
    put_fill(&client, 0x17, 16500);
    converse(&parser_tls, &(struct step){ FROM_CLIENT, all(&client) }, 1, &out);
    assert_true(out.record.settled);
}

static void test_ssl2_format_hello_is_read(void **state)
{
    static const char hello[] =
        "\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10"
        "\x00\x00\x39\x00\x00\x38\x00\x00\x35\x00\x00\x33\x00\x00\x32\x00\x00\x2f\x07\x00\xc0"
        "0123456789abcdef";

    (void)state;
    clear();
    put(&client, view_of(hello, sizeof hello - 1));
    put_server_flight("im.example", NULL, 16384);
    run();
    assert_true(recorder_has(&out.record, "version TLSv1.0"));
    assert_true(recorder_has(&out.record, "name certificate im.example"));
    client.at[1]++; /* lengths no longer add up */
    assert_int_equal(probe_bytes(&parser_tls, all(&client)), IM_NO);
}

static void test_port_853_is_dns_over_tls(void **state)
{
    struct recorder *r = &out.record;

    (void)state;
    clear();
    put_client_hello(&browser, 16384);
    recorder_init(r);
    r->port[FROM_SERVER] = 853;
    void *zeroed = test_calloc(1, parser_tls.state_size);
    (void)parser_tls.feed(zeroed, recorder_session(r), FROM_CLIENT, all(&client));
    test_free(zeroed);
    assert_true(recorder_has(r, "hint dot chat.example.org"));
}

/* The probe's answer to a conversation whose beginning was not seen. */
static enum im_answer midstream(struct view from_client, struct view from_server, struct finding *f)
{
    struct sample s = { .l4 = L4_TCP, .midstream = true, .bytes = { from_client, from_server } };

    memset(f, 0, sizeof *f);
    return parser_tls.probe(&s, f);
}

static void test_two_chained_records_midstream_are_tls(void **state)
{
    struct view none = view_of(NULL, 0);
    struct finding f;

    (void)state;
    clear();
    put_record(&client, 23, 0x0303, VIEW("some bytes of application data"));
    size_t one = client.len;
    put_record(&client, 23, 0x0303, VIEW("more"));
    assert_int_equal(midstream(all(&client), none, &f), IM_YES);
    for (size_t n = 1; n < one + 5; n++)
        assert_int_equal(midstream(view_of(client.at, n), none, &f), IM_MORE);
    /* one of each side will do, of one version */
    put_record(&server, 23, 0x0303, VIEW("answer"));
    assert_int_equal(midstream(view_of(client.at, one), all(&server), &f), IM_YES);
    server.at[2] = 1;
    assert_int_equal(midstream(view_of(client.at, one), all(&server), &f), IM_MORE);
    /* a chain that breaks is none */
    client.at[one] = 0x41;
    assert_int_equal(midstream(all(&client), none, &f), IM_NO);
    client.at[one] = 23;
    client.at[4]++;
    assert_int_equal(midstream(all(&client), none, &f), IM_NO);
}

static void test_midstream_hello_tells_who_the_client_is(void **state)
{
    struct view none = view_of(NULL, 0);
    struct finding f;

    (void)state;
    clear();
    put_client_hello(&browser, 16384);
    put_server_hello(0x0303, NULL);
    assert_int_equal(midstream(all(&client), none, &f), IM_YES);
    assert_false(f.reversed);
    assert_int_equal(midstream(none, all(&client), &f), IM_YES);
    assert_true(f.reversed);
    assert_int_equal(midstream(none, all(&server), &f), IM_YES);
    assert_false(f.reversed);
    assert_int_equal(midstream(all(&server), none, &f), IM_YES);
    assert_true(f.reversed);
}

static void test_decoys_are_not_tls(void **state)
{
    static const struct view decoys[] = {
        { (const uint8_t *)"GET / HTTP/1.1\r\nHost: tls.example\r\n\r\n", 36 },
        { (const uint8_t *)"\x16\x03\x01 SMTP", 8 }, /* a length of 0x2053, then text */
        { (const uint8_t *)"\x16\x03\x01\x00\x30\x02\x00\x00\x2c\x03\x03",
          11 }, /* ServerHello from the client */
        { (const uint8_t *)"\x16\x03\x01\x00\x30\x01\x00\x00\x05\x03\x03", 11 }, /* hello of five octets */
        { (const uint8_t *)"\x16\x03\x01\x00\x30\x01\x00\x00\x2c\x05\x03", 11 }, /* version 5.3 */
        { (const uint8_t *)"\x16\xf1\x04\x00\x30\x01\x00\x00\x2c\x03\x03", 11 }, /* mmtls */
        { (const uint8_t *)"\x17\x03\x03\x00\x04"
                           "data",
          9 }, /* data first */
        { (const uint8_t *)"\x16\x03\x01\xff\xff\x01", 6 },
        { (const uint8_t *)"\x80\x2e\x02\x03\x01", 5 },
        { (const uint8_t *)"\x31\x51\x54\x56\x30\x00\x00", 7 }, /* fbzero */
    };

    (void)state;
    for (size_t i = 0; i < sizeof decoys / sizeof decoys[0]; i++)
        assert_int_equal(probe_bytes(&parser_tls, decoys[i]), IM_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls13_gives_name_fingerprint_and_version),
        cmocka_unit_test(test_a_hello_spread_over_records_is_read),
        cmocka_unit_test(test_a_post_quantum_hello_in_one_byte_segments_is_read),
        cmocka_unit_test(test_more_records_than_any_client_makes_end_it),
        cmocka_unit_test(test_a_message_longer_than_the_limit_ends_it),
        cmocka_unit_test(test_certificate_names_the_server_where_the_client_does_not),
        cmocka_unit_test(test_certificate_cut_by_records_is_read),
        cmocka_unit_test(test_certificate_is_not_asked_where_it_is_for_the_name),
        cmocka_unit_test(test_a_known_name_settles_at_once),
        cmocka_unit_test(test_server_alone_is_recognised_and_named),
        cmocka_unit_test(test_the_clients_own_certificate_is_not_the_servers),
        cmocka_unit_test(test_a_resumed_session_settles_at_the_servers_cipher_change),
        cmocka_unit_test(test_application_data_settles),
        cmocka_unit_test(test_a_client_alone_settles_after_a_while),
        cmocka_unit_test(test_ssl2_format_hello_is_read),
        cmocka_unit_test(test_port_853_is_dns_over_tls),
        cmocka_unit_test(test_two_chained_records_midstream_are_tls),
        cmocka_unit_test(test_midstream_hello_tells_who_the_client_is),
        cmocka_unit_test(test_decoys_are_not_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
