/* SPDX-License-Identifier: Apache-2.0 */
/* DHCP messages built from RFC 2131: who calls himself what, at which address. */
#include "conversation.h"
#include "test.h"

extern const struct parser parser_dhcp;

static struct outcome out;

enum { FIXED_BYTES = 236 };

struct message {
    uint8_t bytes[600];
    size_t len;
};

static struct step build(struct message *m, uint8_t op, uint8_t client, uint8_t yours, struct view options)
{
    memset(m, 0, sizeof *m);
    m->bytes[0] = op;
    m->bytes[1] = 1;
    m->bytes[2] = 6;
    memcpy(m->bytes + 4, "\xca\xfe\0\1", 4);
    m->bytes[28] = 2; /* the hardware address: 02 and zeros */
    if (client > 0)
        memcpy(m->bytes + 12, (const uint8_t[]){ 10, 0, 0, client }, 4);
    if (yours > 0)
        memcpy(m->bytes + 16, (const uint8_t[]){ 10, 0, 0, yours }, 4);
    memcpy(m->bytes + FIXED_BYTES, "\x63\x82\x53\x63", 4);
    memcpy(m->bytes + FIXED_BYTES + 4, options.at, options.len);
    m->len = FIXED_BYTES + 4 + options.len;
    return (struct step){ op == 1 ? FROM_CLIENT : FROM_SERVER, view_of(m->bytes, m->len) };
}

static void test_a_request_tells_the_name_for_the_address_it_wants(void **state)
{
    struct message m;
    struct step step = build(&m, 1, 0, 0, VIEW("\x35\1\3\0\x0c\3lap\x32\4\x0a\0\0\7\xff"));

    (void)state;
    converse_udp(&parser_dhcp, &step, 1, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.finding.value, "DHCP message of type 3");
    assert_string_equal(out.record.text, "mac 10.0.0.7 020000000000\nhost 10.0.0.7 lap\n");
}

static void test_a_renewal_and_the_grant_of_another_address(void **state)
{
    struct message a, b, c;
    struct step steps[] = {
        build(&a, 1, 8, 0, VIEW("\x35\1\3\x0c\3lap\xff")),
        build(&b, 2, 0, 9, VIEW("\x35\1\5\xff")),
        build(&c, 2, 0, 9,
              VIEW("\x35\1\5\x33\4\0\0\x0e\x10\x0c\4"
                   "desk\xff")),
    };

    (void)state;
    converse_udp(&parser_dhcp, steps, 3, &out);
    assert_string_equal(out.record.text, "mac 10.0.0.8 020000000000\nhost 10.0.0.8 lap\n"
                                         "mac 10.0.0.9 020000000000\nhost 10.0.0.9 lap\n"
                                         "mac 10.0.0.9 020000000000\nhost 10.0.0.9 desk for 3600\n");
    b.bytes[7] = 2; /* an answer to somebody else's request */
    converse_udp(&parser_dhcp, steps, 2, &out);
    assert_string_equal(out.record.text,
                        "mac 10.0.0.8 020000000000\nhost 10.0.0.8 lap\nmac 10.0.0.9 020000000000\n");
}

static void test_the_full_name_comes_as_text_or_as_labels(void **state)
{
    struct message a, b, c;
    struct step steps[] = {
        build(&a, 1, 8, 0, VIEW("\x35\1\3\x51\x0b\0\0\0lap.corp\x0c\3lap\xff")),
        build(&b, 1, 8, 0, VIEW("\x35\1\3\x51\x0d\4\0\0\3lap\4corp\0\xff")),
        build(&c, 1, 8, 0, VIEW("\x35\1\3\x0c\3l\x1bp\x51\3\0\0\0\xff")),
    };

    (void)state;
    converse_udp(&parser_dhcp, steps, 3, &out);
    assert_string_equal(out.record.text, "mac 10.0.0.8 020000000000\nhost 10.0.0.8 lap.corp\n"
                                         "mac 10.0.0.8 020000000000\nhost 10.0.0.8 lap.corp\n"
                                         "mac 10.0.0.8 020000000000\nhost 10.0.0.8 l?p\n");
}

static void test_an_address_given_back_or_refused_is_nobodys(void **state)
{
    struct message a, b;
    struct step steps[] = {
        build(&a, 1, 8, 0, VIEW("\x35\1\7\xff")),
        build(&b, 1, 0, 0, VIEW("\x35\1\4\x32\4\x0a\0\0\7\xff")),
    };

    (void)state;
    converse_udp(&parser_dhcp, steps, 2, &out);
    assert_string_equal(out.record.text, "forget 10.0.0.8\nforget 10.0.0.7\n");
}

static void test_hardware_that_is_no_ethernet_has_no_mac(void **state)
{
    struct message m;
    struct step step = build(&m, 1, 8, 0, VIEW("\x35\1\3\x0c\3lap\xff"));

    (void)state;
    m.bytes[1] = 32; /* InfiniBand, RFC 4390 */
    converse_udp(&parser_dhcp, &step, 1, &out);
    assert_string_equal(out.record.text, "host 10.0.0.8 lap\n");
    m.bytes[1] = 1;
    m.bytes[2] = 5;
    converse_udp(&parser_dhcp, &step, 1, &out);
    assert_string_equal(out.record.text, "host 10.0.0.8 lap\n");
}

static void test_offers_and_zero_addresses_teach_nothing(void **state)
{
    struct message a, b;
    struct step steps[] = {
        build(&a, 1, 0, 0, VIEW("\x35\1\1\x0c\3lap\xff")),
        build(&b, 1, 0, 0, VIEW("\x35\1\3\x0c\3lap\xff")),
    };

    (void)state;
    converse_udp(&parser_dhcp, steps, 2, &out);
    assert_int_equal(out.answer, IM_YES);
    assert_string_equal(out.record.text, "");
}

static void test_near_misses_are_no_dhcp(void **state)
{
    struct message m;
    struct step step = build(&m, 1, 0, 0, VIEW("\x35\1\3\xff"));

    (void)state;
    converse_udp(&parser_dhcp, &step, 1, &out);
    assert_int_equal(out.answer, IM_YES);
    for (size_t len = 0; len < m.len - 1; len++) {
        struct step prefix = { FROM_CLIENT, view_of(m.bytes, len) };
        converse_udp(&parser_dhcp, &prefix, 1, &out);
        assert_int_equal(out.answer, IM_NO);
    }
    m.bytes[FIXED_BYTES] ^= 1;
    converse_udp(&parser_dhcp, &step, 1, &out);
    assert_int_equal(out.answer, IM_NO);
    step = build(&m, 3, 0, 0, VIEW("\x35\1\3\xff"));
    converse_udp(&parser_dhcp, &step, 1, &out);
    assert_int_equal(out.answer, IM_NO);
    step = build(&m, 1, 0, 0, VIEW("\x35\1\x63\xff"));
    converse_udp(&parser_dhcp, &step, 1, &out);
    assert_int_equal(out.answer, IM_NO);
}

static void test_three_messages_of_nonsense_end_it(void **state)
{
    struct message m;
    struct step steps[] = { build(&m, 1, 0, 0, VIEW("\x35\1\3\xff")), CLIENT("\1\1"), CLIENT("\1"),
                            CLIENT("") };

    (void)state;
    converse_udp(&parser_dhcp, steps, 3, &out);
    assert_false(out.record.settled);
    converse_udp(&parser_dhcp, steps, 4, &out);
    assert_true(out.record.settled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_tells_the_name_for_the_address_it_wants),
        cmocka_unit_test(test_a_renewal_and_the_grant_of_another_address),
        cmocka_unit_test(test_the_full_name_comes_as_text_or_as_labels),
        cmocka_unit_test(test_an_address_given_back_or_refused_is_nobodys),
        cmocka_unit_test(test_hardware_that_is_no_ethernet_has_no_mac),
        cmocka_unit_test(test_offers_and_zero_addresses_teach_nothing),
        cmocka_unit_test(test_near_misses_are_no_dhcp),
        cmocka_unit_test(test_three_messages_of_nonsense_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
