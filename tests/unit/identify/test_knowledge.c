/* SPDX-License-Identifier: Apache-2.0 */
/* What traffic teaches about traffic: addresses from DNS, legs to come, proved ends, names of machines. */
#include "identify/knowledge.h"
#include "test.h"
#include <pthread.h>

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
    *state = knowledge_new(0);
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

static struct known_who known_at(const struct knowledge *k, const struct ip_addr *a, uint64_t now_us)
{
    struct known_who who = { .host = "?", .user = "?" };

    if (!knowledge_who(k, a, now_us, &who))
        who = (struct known_who){ 0 };
    return who;
}

static void test_a_more_trusted_name_holds_until_it_expires(void **state)
{
    struct knowledge *k = *state;
    struct ip_addr a = address(1);

    knowledge_learn_host(k, WHO_MDNS, &a, VIEW("bonjour"), 0, start);
    knowledge_learn_host(k, WHO_DHCP, &a, VIEW("lease"), 100, start + second);
    knowledge_learn_host(k, WHO_MDNS, &a, VIEW("bonjour"), 0, start + 2 * second);
    assert_string_equal(known_at(k, &a, start + 3 * second).host, "lease");
    assert_int_equal(known_at(k, &a, start + 3 * second).host_source, WHO_DHCP);
    assert_string_equal(known_at(k, &a, start + 102 * second).host, "");
    knowledge_learn_host(k, WHO_MDNS, &a, VIEW("bonjour"), 0, start + 102 * second);
    assert_string_equal(known_at(k, &a, start + 103 * second).host, "bonjour");
}

static void test_another_machine_ends_what_was_known_of_the_one_before(void **state)
{
    struct knowledge *k = *state;
    const uint8_t one[6] = { 2, 0, 0, 0, 0, 1 }, two[6] = { 2, 0, 0, 0, 0, 2 };
    struct ip_addr a = address(1);

    knowledge_learn_mac(k, &a, one, start);
    knowledge_learn_host(k, WHO_DHCP, &a, VIEW("pc-1"), 0, start);
    knowledge_learn_user(k, WHO_PUSH, &a, VIEW("alice"), 0, start + 10 * second);
    knowledge_learn_mac(k, &a, one, start + 100 * second);
    assert_string_equal(known_at(k, &a, start + 100 * second).user, "alice");
    assert_memory_equal(known_at(k, &a, start + 100 * second).mac, one, 6);
    knowledge_learn_mac(k, &a, two, start + 200 * second);
    assert_string_equal(known_at(k, &a, start + 200 * second).user, "");
    assert_string_equal(known_at(k, &a, start + 200 * second).host, "");
    assert_memory_equal(known_at(k, &a, start + 200 * second).mac, two, 6);
    /* nobody is trusted who is gone */
    knowledge_learn_host(k, WHO_NETBIOS, &a, VIEW("PC-2"), 0, start + 201 * second);
    assert_string_equal(known_at(k, &a, start + 202 * second).host, "PC-2");
    /* a flow that ended before is the first machine's, whenever it is reported */
    assert_string_equal(known_at(k, &a, start + 199 * second).user, "alice");
    assert_string_equal(known_at(k, &a, start + 199 * second).host, "pc-1");
    assert_memory_equal(known_at(k, &a, start + 199 * second).mac, one, 6);
    assert_string_equal(known_at(k, &a, start + 5 * second).user, "");
}

static void test_a_hardware_address_of_a_group_or_of_zeros_is_none(void **state)
{
    struct knowledge *k = *state;
    const uint8_t zero[6] = { 0 }, all[6] = { 255, 255, 255, 255, 255, 255 }, one[6] = { 2, 0, 0, 0, 0, 1 };
    struct ip_addr a = address(1), nobody = { 0 };
    struct known_who who;

    knowledge_learn_mac(k, &a, zero, start);
    knowledge_learn_mac(k, &a, all, start);
    knowledge_learn_mac(k, &nobody, one, start);
    assert_false(knowledge_who(k, &a, start, &who));
    assert_false(knowledge_who(k, &nobody, start, &who));
}

static void test_the_age_is_since_it_was_told_last(void **state)
{
    struct knowledge *k = *state;
    struct ip_addr a = address(1);

    knowledge_learn_user(k, WHO_RADIUS, &a, VIEW("alice"), 0, start);
    assert_false(known_at(k, &a, start - second).user[0] != '\0'); /* not known yet */
    knowledge_learn_user(k, WHO_RADIUS, &a, VIEW("alice"), 0, start + 600 * second);
    assert_int_equal(known_at(k, &a, start + 700 * second).user_us, start + 600 * second);
    assert_int_equal(known_at(k, &a, start + 500 * second).user_us, start);
    knowledge_learn_user(k, WHO_RADIUS, &a, VIEW("bob"), 0, start + 800 * second);
    assert_string_equal(known_at(k, &a, start + 799 * second).user, "alice");
    assert_string_equal(known_at(k, &a, start + 800 * second).user, "bob");
}

static void test_a_session_that_ended_has_no_user(void **state)
{
    struct knowledge *k = *state;
    struct ip_addr a = address(1), b = address(2);
    struct known_who who;

    knowledge_forget_user(k, &b, start); /* of whom nothing was known */
    assert_false(knowledge_who(k, &b, start, &who));
    knowledge_learn_user(k, WHO_RADIUS, &a, VIEW("alice"), 0, start);
    knowledge_learn_host(k, WHO_DHCP, &a, VIEW("pc-1"), 0, start);
    knowledge_forget_user(k, &a, start + 9 * second);
    assert_string_equal(known_at(k, &a, start + 9 * second).user, "");
    assert_string_equal(known_at(k, &a, start + 9 * second).host, "pc-1");
    assert_string_equal(known_at(k, &a, start + 8 * second).user, "alice");
    knowledge_learn_user(k, WHO_KERBEROS, &a, VIEW("bob"), 0, start + 20 * second);
    assert_string_equal(known_at(k, &a, start + 15 * second).user, "");
    assert_string_equal(known_at(k, &a, start + 8 * second).user, "alice");
    knowledge_forget_who(k, &a, start + 30 * second);
    assert_false(knowledge_who(k, &a, start + 30 * second, &who));
    assert_string_equal(known_at(k, &a, start + 29 * second).user, "bob");
    assert_string_equal(known_at(k, &a, start + 29 * second).host, "pc-1");
}

struct teller {
    struct knowledge *k;
    uint8_t number;
};

static void *tell_much(void *argument)
{
    const struct teller *t = argument;
    const uint8_t mac[6] = { 2, 0, 0, 0, 0, t->number };
    const char name[2] = { (char)('a' + t->number), '\0' };

    for (unsigned i = 0; i < 20000; i++) {
        struct ip_addr a = address((uint8_t)(1 + i % 3));
        knowledge_learn_mac(t->k, &a, mac, start + i * second);
        knowledge_learn_host(t->k, WHO_DHCP, &a, view_string(name), 0, start + i * second);
        knowledge_learn_user(t->k, WHO_RADIUS, &a, view_string(name), 0, start + i * second);
        struct known_who who = known_at(t->k, &a, start + i * second);
        if (strlen(who.user) > 1 || strlen(who.host) > 1)
            return argument;
    }
    return NULL;
}

static void test_several_threads_tell_and_ask_at_once(void **state)
{
    struct teller tellers[3];
    pthread_t threads[3];
    void *wrong;

    for (uint8_t i = 0; i < 3; i++) {
        tellers[i] = (struct teller){ *state, i };
        assert_int_equal(pthread_create(&threads[i], NULL, tell_much, &tellers[i]), 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
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
    knowledge_learn_user(k, WHO_PUSH, &a, VIEW("alice"), 0, start);
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
        cmocka_unit_test_setup_teardown(test_a_more_trusted_name_holds_until_it_expires, begin, end),
        cmocka_unit_test_setup_teardown(test_another_machine_ends_what_was_known_of_the_one_before, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_a_hardware_address_of_a_group_or_of_zeros_is_none, begin, end),
        cmocka_unit_test_setup_teardown(test_the_age_is_since_it_was_told_last, begin, end),
        cmocka_unit_test_setup_teardown(test_a_session_that_ended_has_no_user, begin, end),
        cmocka_unit_test_setup_teardown(test_several_threads_tell_and_ask_at_once, begin, end),
        cmocka_unit_test_setup_teardown(test_all_is_forgotten_with_the_capture, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
