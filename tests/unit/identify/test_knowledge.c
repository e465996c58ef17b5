/* SPDX-License-Identifier: Apache-2.0 */
/* What traffic teaches about traffic: addresses from DNS, legs to come, proved ends, names of machines. */
#include "identify/knowledge.h"
#include "test.h"

static const uint64_t second = 1000000, start = UINT64_C(1700000000) * 1000000;

static struct ip_addr address(uint8_t last)
{
    const uint8_t octets[4] = { 192, 0, 2, last };

    return ip_from_v4(octets);
}

static struct flow_key key(uint8_t client, uint16_t client_port, uint8_t server, uint16_t server_port)
{
    return (struct flow_key){ .addr = { address(client), address(server) },
                              .port = { client_port, server_port },
                              .l4 = L4_TCP };
}

static int begin(void **state)
{
    *state = knowledge_new();
    return *state != NULL ? 0 : -1;
}

static int end(void **state)
{
    knowledge_free(*state);
    return 0;
}

static void test_an_address_is_known_for_its_time_to_live_and_a_while(void **state)
{
    struct knowledge *k = *state;
    struct ip_addr a = address(1);
    struct known_address known = { .service = 3, .name = "chat.example" }, out;

    knowledge_learn_address(k, &a, &known, 60, start);
    assert_true(knowledge_address(k, &a, start + 60 * second, &out));
    assert_int_equal(out.service, 3);
    assert_string_equal(out.name, "chat.example");
    assert_true(knowledge_address(k, &a, start + 3000 * second, &out)); /* programs keep it */
    assert_false(knowledge_address(k, &a, start + 4000 * second, &out));
    knowledge_learn_address(k, &a, &known, UINT32_MAX, start);
    assert_false(knowledge_address(k, &a, start + 100000 * second, &out));
}

static void test_an_address_of_two_names_proves_neither_in_any_order(void **state)
{
    struct knowledge *k = *state;
    struct known_address chat = { .service = 3, .name = "chat.example" }, bank = { .name = "bank.example" },
                         out;
    struct ip_addr a = address(1), b = address(2), c = address(3);

    knowledge_learn_address(k, &a, &bank, 60, start); /* first of all, when nothing is known yet */
    knowledge_learn_address(k, &a, &chat, 60, start);
    assert_true(knowledge_address(k, &a, start, &out));
    assert_int_equal(out.service, 0);
    knowledge_learn_address(k, &b, &chat, 60, start);
    knowledge_learn_address(k, &b, &bank, 60, start);
    assert_true(knowledge_address(k, &b, start, &out));
    assert_int_equal(out.service, 0);
    knowledge_learn_address(k, &b, &chat, 60, start); /* and it stays so */
    assert_true(knowledge_address(k, &b, start, &out));
    assert_int_equal(out.service, 0);
    knowledge_learn_address(k, &c, &chat, 60, start);
    knowledge_learn_address(k, &c, &chat, 60, start);
    assert_true(knowledge_address(k, &c, start, &out));
    assert_int_equal(out.service, 3);
}

static void test_a_leg_is_met_by_either_end(void **state)
{
    struct knowledge *k = *state;
    struct expectation e = {
        .l4 = L4_TCP, .addr = address(1), .port = 5190, .activity = ACTIVITY_FILE, .protocol = PROTOCOL_OFT
    };
    struct flow_key to = key(2, 40000, 1, 5190), from = key(1, 5190, 2, 40000), port = key(2, 40000, 1, 5191),
                    udp = key(2, 40000, 1, 5190);
    struct known_leg leg;

    assert_false(knowledge_expected(k, &to, start, &leg));
    knowledge_expect(k, &e, 7, 95, start);
    assert_true(knowledge_expected(k, &to, start, &leg));
    assert_int_equal(leg.service, 7);
    assert_int_equal(leg.protocol, PROTOCOL_OFT);
    assert_int_equal(leg.activity, ACTIVITY_FILE);
    assert_true(knowledge_expected(k, &from, start, &leg));
    assert_false(knowledge_expected(k, &port, start, &leg));
    udp.l4 = L4_UDP;
    assert_false(knowledge_expected(k, &udp, start, &leg));
    assert_false(knowledge_expected(k, &to, start + 121 * second, &leg));
}

static void test_the_other_end_of_a_leg_must_fit_where_it_is_known(void **state)
{
    struct knowledge *k = *state;
    struct expectation e = { .addr = address(1), .port = 5190, .other = address(2) };
    struct flow_key good = key(2, 40000, 1, 5190), bad = key(3, 40000, 1, 5190);
    struct known_leg leg;

    knowledge_expect(k, &e, 7, 95, start);
    assert_true(knowledge_expected(k, &good, start, &leg));
    good.l4 = L4_UDP; /* l4 0: both */
    assert_true(knowledge_expected(k, &good, start, &leg));
    assert_false(knowledge_expected(k, &bad, start, &leg));
}

static void test_any_port_needs_both_addresses(void **state)
{
    struct knowledge *k = *state;
    struct expectation alone = { .l4 = L4_TCP, .addr = address(1) },
                       both = { .l4 = L4_TCP, .addr = address(2), .other = address(3) },
                       none = { .port = 5190 };
    struct flow_key one = key(9, 40000, 1, 5190), zero = key(9, 40000, 1, 0), pair = key(3, 40000, 2, 6000),
                    third = key(4, 40000, 2, 6000);
    struct known_leg leg;

    knowledge_expect(k, &alone, 7, 95, start);
    knowledge_expect(k, &both, 8, 95, start);
    knowledge_expect(k, &none, 9, 95, start);
    assert_false(knowledge_expected(k, &one, start, &leg));
    assert_false(knowledge_expected(k, &zero, start, &leg)); /* port 0 on the wire is not "any" */
    assert_true(knowledge_expected(k, &pair, start, &leg));
    assert_int_equal(leg.service, 8);
    assert_false(knowledge_expected(k, &third, start, &leg));
}

static void test_an_end_of_two_services_proves_neither(void **state)
{
    struct knowledge *k = *state;
    struct ip_addr a = address(1);
    struct known_leg leg;

    knowledge_prove_end(k, L4_UDP, &a, 40000, 3, PROTOCOL_RTP, start);
    assert_true(knowledge_proved_end(k, L4_UDP, &a, 40000, start, &leg));
    assert_int_equal(leg.service, 3);
    assert_false(knowledge_proved_end(k, L4_TCP, &a, 40000, start, &leg));
    assert_false(knowledge_proved_end(k, L4_UDP, &a, 40001, start, &leg));
    knowledge_prove_end(k, L4_UDP, &a, 40000, 4, PROTOCOL_RTP, start);
    assert_true(knowledge_proved_end(k, L4_UDP, &a, 40000, start, &leg));
    assert_int_equal(leg.service, 0);
    assert_false(knowledge_proved_end(k, L4_UDP, &a, 40000, start + 601 * second, &leg));
}

static void test_names_of_machines_are_printable_and_cut(void **state)
{
    struct knowledge *k = *state;
    struct ip_addr a = address(1), nobody = { 0 };
    struct known_who who;

    knowledge_learn_host(k, WHO_DHCP, &a, VIEW("de\x1bsk\xff"), 0, start);
    assert_true(knowledge_who(k, &a, start, &who));
    assert_string_equal(who.host, "de?sk?");
    knowledge_learn_host(k, WHO_DHCP, &a,
                         VIEW("0123456789012345678901234567890123456789012345678901234567890123456789"), 0,
                         start);
    assert_true(knowledge_who(k, &a, start, &who));
    assert_int_equal(strlen(who.host), 63);
    knowledge_learn_host(k, WHO_DHCP, &nobody, VIEW("none"), 0, start);
    assert_false(knowledge_who(k, &nobody, start, &who));
}

static void test_all_is_forgotten_with_the_capture(void **state)
{
    struct knowledge *k = *state;
    struct known_address known = { .service = 3 }, out;
    struct expectation e = { .addr = address(1), .port = 5190 };
    struct flow_key flow = key(2, 40000, 1, 5190);
    struct ip_addr a = address(1);
    struct known_leg leg;
    struct known_who who;

    knowledge_learn_address(k, &a, &known, 60, start);
    knowledge_expect(k, &e, 7, 95, start);
    knowledge_prove_end(k, L4_TCP, &a, 5190, 3, 0, start);
    knowledge_learn_host(k, WHO_DHCP, &a, VIEW("desk"), 0, start);
    knowledge_forget(k);
    assert_false(knowledge_address(k, &a, start, &out));
    assert_false(knowledge_expected(k, &flow, start, &leg));
    assert_false(knowledge_proved_end(k, L4_TCP, &a, 5190, start, &leg));
    assert_false(knowledge_who(k, &a, start, &who));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_address_is_known_for_its_time_to_live_and_a_while, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_an_address_of_two_names_proves_neither_in_any_order, begin, end),
        cmocka_unit_test_setup_teardown(test_a_leg_is_met_by_either_end, begin, end),
        cmocka_unit_test_setup_teardown(test_the_other_end_of_a_leg_must_fit_where_it_is_known, begin, end),
        cmocka_unit_test_setup_teardown(test_any_port_needs_both_addresses, begin, end),
        cmocka_unit_test_setup_teardown(test_an_end_of_two_services_proves_neither, begin, end),
        cmocka_unit_test_setup_teardown(test_names_of_machines_are_printable_and_cut, begin, end),
        cmocka_unit_test_setup_teardown(test_all_is_forgotten_with_the_capture, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
