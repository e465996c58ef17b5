/* SPDX-License-Identifier: Apache-2.0 */
/* DTLS: records, fragments over datagrams, cookies. */
#include "conversation.h"
#include "handshake.h"
#include "identify/dtls.h"

extern const struct parser parser_dtls;

static const uint16_t extensions[] = { 0x0000, 0x000d, 0x002b, 0x0033, 0xffff };
static const uint16_t signatures[] = { 0x0403, 0 };
static const uint16_t dtls13[] = { 0xfefc, 0xfefd, 0 };

static struct bytes datagrams[8];
static struct step steps[8];
static unsigned sent;
static struct outcome out;

static void clear(void)
{
    memset(datagrams, 0, sizeof datagrams);
    sent = 0;
}

/* Begin a datagram. */
static struct bytes *datagram(enum flow_dir from)
{
    steps[sent].from = from;
    return &datagrams[sent++];
}

static void put_record(struct bytes *b, uint8_t type, uint16_t version, uint16_t epoch, uint64_t seq,
                       struct view v)
{
    put_number(b, type, 1);
    put_number(b, version, 2);
    put_number(b, epoch, 2);
    put_number(b, seq, 6);
    put_number(b, v.len, 2);
    put(b, v);
}

/* The piece [from, to) of a message, in a record of its own. */
static void put_fragment(struct bytes *b, uint8_t type, uint16_t seq, struct view body, size_t from,
                         size_t to)
{
    struct bytes f = { 0 };
    struct view piece = view_slice(body, from, to);

    put_number(&f, type, 1);
    put_number(&f, body.len, 3);
    put_number(&f, seq, 2);
    put_number(&f, from, 3);
    put_number(&f, piece.len, 3);
    put(&f, piece);
    put_record(b, 22, 0xfefd, 0, (uint64_t)seq * 10 + from % 10, all(&f));
}

static void hello_body(struct bytes *body, const char *cookie, size_t key_share, const char *name)
{
    body->len = 0;
    put_hello_body(body, &(struct hello_parts){ .version = 0xfefd,
                                                .dtls = true,
                                                .cookie = cookie,
                                                .name = name,
                                                .extensions = extensions,
                                                .versions = dtls13,
                                                .signatures = signatures,
                                                .key_share = key_share });
}

static void run(void)
{
    for (unsigned i = 0; i < sent; i++)
        steps[i].bytes = all(&datagrams[i]);
    converse_udp(&parser_dtls, steps, sent, &out);
}

static void test_a_hello_in_one_datagram_gives_name_and_fingerprint(void **state)
{
    struct bytes body;

    (void)state;
    clear();
    hello_body(&body, "", 32, "vpn.example.org");
    put_fragment(datagram(FROM_CLIENT), HELLO_CLIENT, 0, all(&body), 0, body.len);
    run();
    assert_int_equal(out.answer, IM_YES);
    assert_true(recorder_has(&out.record, "name sni vpn.example.org"));
    assert_int_equal(recorder_count(&out.record, "ja4 dd3d020400_"), 1);
    assert_true(recorder_has(&out.record, "version DTLSv1.3"));
}

static void test_cookie_exchange_tells_the_hello_once(void **state)
{
    struct bytes body, answer = { 0 };

    (void)state;
    clear();
    hello_body(&body, "", 32, "vpn.example.org");
    put_fragment(datagram(FROM_CLIENT), HELLO_CLIENT, 0, all(&body), 0, body.len);
    put_fragment(datagram(FROM_SERVER), HELLO_VERIFY, 0,
                 VIEW("\xfe\xff\x04"
                      "cook"),
                 0, 7);
    hello_body(&body, "cook", 32, "vpn.example.org");
    put_fragment(datagram(FROM_CLIENT), HELLO_CLIENT, 1, all(&body), 0, body.len);
    put_server_hello_body(&answer, 0xfefd, NULL);
    put_fragment(datagram(FROM_SERVER), HELLO_SERVER, 1, all(&answer), 0, answer.len);
    run();
    assert_int_equal(recorder_count(&out.record, "name"), 1);
    assert_int_equal(recorder_count(&out.record, "ja4"), 1);
    assert_true(recorder_has(&out.record, "version DTLSv1.2"));
    assert_false(out.record.settled);
}

static void test_fragments_out_of_order_repeated_and_overlapping_are_joined(void **state)
{
    struct bytes body;

    (void)state;
    clear();
    hello_body(&body, "", 1216, "call.example.org");
    assert_true(body.len > 1200);
    put_fragment(datagram(FROM_CLIENT), HELLO_CLIENT, 0, all(&body), 900, body.len);
    put_fragment(datagram(FROM_CLIENT), HELLO_CLIENT, 0, all(&body), 0, 500);
    put_fragment(datagram(FROM_CLIENT), HELLO_CLIENT, 0, all(&body), 0, 500);
    run();
    assert_int_equal(out.answer, IM_YES);
    assert_int_equal(recorder_count(&out.record, "name"), 0);
    put_fragment(datagram(FROM_CLIENT), HELLO_CLIENT, 0, all(&body), 450, 950);
    run();
    assert_true(recorder_has(&out.record, "name sni call.example.org"));
}

static void test_certificate_names_the_server(void **state)
{
    struct bytes body, answer = { 0 }, chain = { 0 };

    (void)state;
    clear();
    hello_body(&body, "", 32, NULL);
    put_fragment(datagram(FROM_CLIENT), HELLO_CLIENT, 0, all(&body), 0, body.len);
    put_server_hello_body(&answer, 0xfefd, NULL);
    put_chain(&chain, "im.example", NULL);
    struct bytes *flight = datagram(FROM_SERVER);
    put_fragment(flight, HELLO_SERVER, 0, all(&answer), 0, answer.len);
    put_fragment(flight, HELLO_CERTIFICATE, 1, all(&chain), 0, 60);
    put_fragment(datagram(FROM_SERVER), HELLO_CERTIFICATE, 1, all(&chain), 60, chain.len);
    run();
    assert_true(recorder_has(&out.record, "name certificate im.example"));
    assert_true(out.record.settled);
}

static void test_encrypted_records_settle(void **state)
{
    (void)state;
    clear();
    put_record(datagram(FROM_CLIENT), 23, 0xfefd, 1, 77, VIEW("encrypted"));
    run();
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.record.text, "settle\n");
}

static void test_anyconnect_is_dtls_before_1_0(void **state)
{
    struct bytes body = { 0 }, f = { 0 };

    (void)state;
    clear();
    put_hello_body(&body, &(struct hello_parts){ .version = 0x0100, .dtls = true, .cookie = "" });
    put_number(&f, HELLO_CLIENT, 1);
    put_number(&f, body.len, 3);
    put_number(&f, 0, 5);
    put_number(&f, body.len, 3);
    put(&f, all(&body));
    put_record(datagram(FROM_CLIENT), 22, 0x0100, 0, 0, all(&f));
    run();
    assert_int_equal(out.answer, IM_YES);
    assert_true(recorder_has(&out.record, "version DTLSv0.9"));
}

static void test_no_prefix_of_a_datagram_is_dtls(void **state)
{
    struct bytes body, whole = { 0 };

    (void)state;
    hello_body(&body, "", 32, "vpn.example.org");
    put_fragment(&whole, HELLO_CLIENT, 0, all(&body), 0, body.len);
    assert_true(dtls_recognise(all(&whole)));
    for (size_t n = 0; n < whole.len; n++)
        assert_false(dtls_recognise(view_of(whole.at, n)));
}

static void test_near_misses_are_not_dtls(void **state)
{
    static const struct {
        size_t at;
        uint8_t octet;
    } changes[] = {
        { 0, 24 },    { 0, 0x80 }, { 1, 3 },  { 2, 0xfe }, { 3, 1 },
        { 5, 1 }, /* type, version, epoch, seq */
        { 11, 0xff }, { 13, 9 },   { 14, 1 }, { 20, 1 },   { 24, 0xff }
    }; /* length, message, fragment */
    struct bytes body, whole;

    (void)state;
    hello_body(&body, "", 32, "vpn.example.org");
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        whole.len = 0;
        put_fragment(&whole, HELLO_CLIENT, 0, all(&body), 0, body.len);
        whole.at[changes[i].at] = changes[i].octet;
        assert_false(dtls_recognise(all(&whole)));
    }
    whole.len = 0;
    put_record(&whole, 23, 0xfefd, 1, 77, VIEW("encrypted"));
    put_number(&whole, 0, 1); /* records do not fill the datagram */
    assert_false(dtls_recognise(all(&whole)));
    whole.len = 0;
    put_record(&whole, 23, 0xfefd, 0, 77, VIEW("data in clear"));
    assert_false(dtls_recognise(all(&whole)));
}

static void test_reading_ends_after_a_number_of_datagrams(void **state)
{
    static struct dtls_state d;
    static struct recorder recorder;
    struct bytes heartbeat = { 0 };
    unsigned n = 1;

    (void)state;
    recorder_init(&recorder);
    put_fragment(&heartbeat, HELLO_VERIFY, 0,
                 VIEW("\xfe\xff\x04"
                      "cook"),
                 0, 7);
    while (!dtls_read(&d, recorder_session(&recorder), FROM_SERVER, all(&heartbeat)))
        n++;
    assert_int_equal(n, 48);
    assert_false(recorder.settled); /* that is for its caller to do */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_hello_in_one_datagram_gives_name_and_fingerprint),
        cmocka_unit_test(test_cookie_exchange_tells_the_hello_once),
        cmocka_unit_test(test_fragments_out_of_order_repeated_and_overlapping_are_joined),
        cmocka_unit_test(test_certificate_names_the_server),
        cmocka_unit_test(test_encrypted_records_settle),
        cmocka_unit_test(test_anyconnect_is_dtls_before_1_0),
        cmocka_unit_test(test_no_prefix_of_a_datagram_is_dtls),
        cmocka_unit_test(test_near_misses_are_not_dtls),
        cmocka_unit_test(test_reading_ends_after_a_number_of_datagrams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
