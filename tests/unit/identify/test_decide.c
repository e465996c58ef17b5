/* SPDX-License-Identifier: Apache-2.0 */
/* From evidence to a decision: what decides alone, what together, what not at all. */
#include "identify/decide.h"
#include "rig.h"

static const uint64_t start = UINT64_C(1700000000) * 1000000;

struct case_of {
    struct flow flow;
    struct record record;
};

static void give(struct case_of *c, uint16_t service, enum evidence_kind kind, unsigned confidence)
{
    record_add(&c->record, service, kind, confidence, VIEW("value"));
    decide(&c->flow, &c->record);
}

static void test_weak_evidence_never_decides_alone(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < EVIDENCE_COUNT; kind++) {
        for (unsigned confidence = 1; confidence < DECIDE_ALONE; confidence++) {
            struct case_of c = { 0 };
            for (unsigned times = 0; times < 5; times++) /* however often it comes */
                give(&c, 1, (enum evidence_kind)kind, confidence);
            assert_int_equal(c.flow.service, 0);
        }
    }
}

static void test_weak_hints_decide_nothing_however_many_agree(void **state)
{
    struct case_of c = { 0 };

    (void)state;
    give(&c, 1, EVIDENCE_SNI, 33);
    give(&c, 1, EVIDENCE_HTTP_AGENT, 30);
    give(&c, 1, EVIDENCE_HTTP_PATH, 59);
    assert_int_equal(c.flow.service, 0);
    give(&c, 1, EVIDENCE_RANGE, 60);
    assert_int_equal(c.flow.service, 1);
    assert_int_equal(c.flow.confidence, 60);
}

static void test_the_first_decision_stands_unless_more_is_worth_more(void **state)
{
    struct case_of c = { 0 };

    (void)state;
    give(&c, 1, EVIDENCE_RANGE, 80);
    give(&c, 2, EVIDENCE_RANGE, 80);
    assert_int_equal(c.flow.service, 1);
    give(&c, 2, EVIDENCE_SNI, 100);
    assert_int_equal(c.flow.service, 2);
    assert_int_equal(c.flow.confidence, 100);
    give(&c, 1, EVIDENCE_PAYLOAD, 100);
    assert_int_equal(c.flow.service, 2);
}

static void test_of_one_kind_the_strongest_counts(void **state)
{
    struct case_of c = { 0 };

    (void)state;
    give(&c, 1, EVIDENCE_HTTP_HOST, 33);
    give(&c, 1, EVIDENCE_HTTP_HOST, 100);
    give(&c, 1, EVIDENCE_HTTP_HOST, 33);
    assert_int_equal(c.flow.service, 1);
    assert_int_equal(c.flow.confidence, 100);
    assert_int_equal(c.record.evidence_count, 1);
}

static void test_a_record_full_of_hints_has_room_for_proof(void **state)
{
    struct case_of c = { 0 };

    (void)state;
    for (uint16_t service = 1; service <= RECORD_EVIDENCE + 2; service++)
        give(&c, service, EVIDENCE_HTTP_AGENT, 30);
    assert_int_equal(c.record.evidence_count, RECORD_EVIDENCE);
    give(&c, 9, EVIDENCE_PAYLOAD, 100);
    assert_int_equal(c.flow.service, 9);
    assert_int_equal(c.record.evidence_count, RECORD_EVIDENCE);
    for (uint16_t service = 20; service < 30; service++) /* and proof is not pushed out */
        give(&c, service, EVIDENCE_HTTP_AGENT, 30);
    bool there = false;
    for (unsigned i = 0; i < RECORD_EVIDENCE; i++)
        there |= c.record.evidence[i].service == 9;
    assert_true(there);
}

static void test_values_are_printable_and_cut(void **state)
{
    struct record r = { 0 };
    char longest[200];

    (void)state;
    memset(longest, 'x', sizeof longest);
    record_add(&r, 1, EVIDENCE_SNI, 255, view_of(longest, sizeof longest));
    assert_int_equal(strlen(r.evidence[0].value), RECORD_VALUE_BYTES - 1);
    assert_int_equal(r.evidence[0].confidence, 100);
    record_add(&r, 2, EVIDENCE_SNI, 50, VIEW("a\nb\0c"));
    assert_string_equal(r.evidence[1].value, "a?b?c");
}

/* ---- addresses ---- */

struct place {
    struct decision_context context;
    struct flow flow;
    uint16_t chat, other;
};

static int enter(void **state)
{
    static struct place p;
    struct catalog *catalog = rig_catalog();
    const uint8_t client_end[4] = { 10, 0, 0, 1 }, server_end[4] = { 192, 0, 2, 1 };

    p = (struct place){ .context = { catalog, knowledge_new(0), start } };
    p.flow.key = (struct flow_key){ .addr = { ip_from_v4(client_end), ip_from_v4(server_end) },
                                    .port = { 40000, 443 },
                                    .l4 = L4_TCP };
    p.chat = catalog_find(catalog, VIEW("chat"));
    p.other = catalog_find(catalog, VIEW("other"));
    *state = &p;
    return p.context.knowledge != NULL ? 0 : -1;
}

static int leave(void **state)
{
    struct place *p = *state;

    knowledge_free(p->context.knowledge);
    catalog_close((struct catalog *)(uintptr_t)p->context.catalog);
    return 0;
}

static void learn(const struct place *p, const struct ip_addr *addr, uint16_t service)
{
    struct known_address known = { .service = service, .role = ROLE_CHAT, .name = "www.chat.example" };

    knowledge_learn_address(p->context.knowledge, addr, &known, 60, start);
}

static void test_a_learnt_address_decides_for_a_silent_flow(void **state)
{
    struct place *p = *state;
    struct known_evidence out;

    assert_false(decide_by_address(&p->context, &p->flow, &out));
    learn(p, &p->flow.key.addr[FROM_SERVER], p->chat);
    assert_true(decide_by_address(&p->context, &p->flow, &out));
    assert_int_equal(out.service, p->chat);
    assert_int_equal(out.kind, EVIDENCE_DNS_ADDRESS);
    assert_string_equal(out.value, "www.chat.example");
    assert_int_equal(p->flow.role, ROLE_CHAT);
    p->flow.named = true; /* a name of its own comes before */
    assert_false(decide_by_address(&p->context, &p->flow, &out));
    p->flow.named = false;
    p->flow.app = PROTOCOL_SSH; /* so does a protocol that is not chat's */
    assert_false(decide_by_address(&p->context, &p->flow, &out));
    p->flow.app = PROTOCOL_TLS;
    assert_true(decide_by_address(&p->context, &p->flow, &out));
}

static void test_an_ambiguous_address_does_not_decide(void **state)
{
    struct place *p = *state;
    struct known_evidence out;

    learn(p, &p->flow.key.addr[FROM_SERVER], 0);
    learn(p, &p->flow.key.addr[FROM_SERVER], p->chat);
    assert_false(decide_by_address(&p->context, &p->flow, &out));
}

static void test_a_clients_address_counts_only_where_ends_are_unsure(void **state)
{
    struct place *p = *state;
    struct known_evidence out;

    learn(p, &p->flow.key.addr[FROM_CLIENT], p->chat);
    assert_false(decide_by_address(&p->context, &p->flow, &out));
    p->flow.flags = FLOW_MIDSTREAM;
    assert_true(decide_by_address(&p->context, &p->flow, &out));
    p->flow.flags = 0;
    p->flow.key.l4 = L4_UDP;
    assert_true(decide_by_address(&p->context, &p->flow, &out));
}

static void test_a_shared_range_does_not_decide(void **state)
{
    const uint8_t own[4] = { 198, 51, 100, 9 }, shared[4] = { 203, 0, 113, 9 };
    struct place *p = *state;
    struct known_evidence out;

    p->flow.key.addr[FROM_SERVER] = ip_from_v4(shared);
    assert_false(decide_by_address(&p->context, &p->flow, &out));
    p->flow.key.addr[FROM_SERVER] = ip_from_v4(own);
    assert_true(decide_by_address(&p->context, &p->flow, &out));
    assert_int_equal(out.kind, EVIDENCE_RANGE);
    assert_string_equal(out.value, "198.51.100.0/24");
}

/* ---- expectations and neighbours ---- */

static void test_an_announced_leg_is_peer_to_peer(void **state)
{
    struct place *p = *state;
    struct expectation e = { .addr = p->flow.key.addr[FROM_SERVER],
                             .port = 443,
                             .activity = ACTIVITY_FILE,
                             .protocol = PROTOCOL_OFT };
    struct known_evidence out;

    assert_false(decide_by_expectation(&p->context, &p->flow, &out));
    knowledge_expect(p->context.knowledge, &e, p->chat, 95, start);
    assert_true(decide_by_expectation(&p->context, &p->flow, &out));
    assert_int_equal(out.service, p->chat);
    assert_int_equal(p->flow.delivery, DELIVERY_PEER);
    assert_int_equal(p->flow.activities, 1 << ACTIVITY_FILE);
    assert_int_equal(p->flow.protocol, PROTOCOL_OFT);
}

static void prove(struct place *p, enum evidence_kind kind, unsigned confidence)
{
    struct record r = { 0 };

    p->flow.service = p->chat;
    record_add(&r, p->chat, kind, confidence, VIEW("x"));
    decide_by_payload_ends(&p->context, &p->flow, &r);
    p->flow.service = 0;
}

static void test_a_neighbour_of_what_was_spoken_is_decided(void **state)
{
    struct place *p = *state;
    struct known_evidence out;

    prove(p, EVIDENCE_SNI, 100); /* a name proves a flow, not its server's port */
    prove(p, EVIDENCE_PAYLOAD, 50);
    assert_false(decide_by_neighbour(&p->context, &p->flow, &out));
    prove(p, EVIDENCE_PAYLOAD, 100);
    p->flow.key.port[FROM_CLIENT]++;
    assert_true(decide_by_neighbour(&p->context, &p->flow, &out));
    assert_int_equal(out.service, p->chat);
    assert_int_equal(out.kind, EVIDENCE_NEIGHBOUR);
    p->flow.app = PROTOCOL_TLS; /* it speaks for itself */
    assert_false(decide_by_neighbour(&p->context, &p->flow, &out));
}

static void test_a_clients_udp_socket_is_one_programs(void **state)
{
    const uint8_t relay[4] = { 192, 0, 2, 77 };
    struct place *p = *state;
    struct known_evidence out;

    p->flow.key.l4 = L4_UDP;
    prove(p, EVIDENCE_STUN, 95);
    p->flow.key.addr[FROM_SERVER] = ip_from_v4(relay);
    p->flow.app = PROTOCOL_RTP;
    assert_true(decide_by_neighbour(&p->context, &p->flow, &out));
    p->flow.key.port[FROM_CLIENT]++; /* and a relay serves many */
    assert_false(decide_by_neighbour(&p->context, &p->flow, &out));
}

/* ---- the rest ---- */

static void test_names_are_fronted_by_another_registration(void **state)
{
    (void)state;
    assert_true(name_is_fronted("cdn.front.example", VIEW("www.hidden.example")));
    assert_false(name_is_fronted("a.chat.example", VIEW("b.chat.example:8443")));
    assert_false(name_is_fronted("A.CHAT.example", VIEW("b.chat.EXAMPLE")));
    assert_false(name_is_fronted("192.0.2.1", VIEW("b.chat.example")));
    assert_false(name_is_fronted("a.chat.example", VIEW("[2001:db8::1]")));
    assert_false(name_is_fronted("", VIEW("b.chat.example")));
}

static void test_the_shape_of_a_call_is_its_rate(void **state)
{
    struct flow f = { .key = { .l4 = L4_UDP }, .first_us = start, .packets = { 150, 150 } };

    (void)state;
    decide_rest(&f, NULL, start + 60000000);
    assert_int_equal(f.activities & 1 << ACTIVITY_CALL, 0);
    decide_rest(&f, NULL, start + 10000000);
    assert_int_equal(f.activities & 1 << ACTIVITY_CALL, 1 << ACTIVITY_CALL);
    assert_int_equal(f.delivery, DELIVERY_SERVER_PROXY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weak_evidence_never_decides_alone),
        cmocka_unit_test(test_weak_hints_decide_nothing_however_many_agree),
        cmocka_unit_test(test_the_first_decision_stands_unless_more_is_worth_more),
        cmocka_unit_test(test_of_one_kind_the_strongest_counts),
        cmocka_unit_test(test_a_record_full_of_hints_has_room_for_proof),
        cmocka_unit_test(test_values_are_printable_and_cut),
        cmocka_unit_test_setup_teardown(test_a_learnt_address_decides_for_a_silent_flow, enter, leave),
        cmocka_unit_test_setup_teardown(test_an_ambiguous_address_does_not_decide, enter, leave),
        cmocka_unit_test_setup_teardown(test_a_clients_address_counts_only_where_ends_are_unsure, enter,
                                        leave),
        cmocka_unit_test_setup_teardown(test_a_shared_range_does_not_decide, enter, leave),
        cmocka_unit_test_setup_teardown(test_an_announced_leg_is_peer_to_peer, enter, leave),
        cmocka_unit_test_setup_teardown(test_a_neighbour_of_what_was_spoken_is_decided, enter, leave),
        cmocka_unit_test_setup_teardown(test_a_clients_udp_socket_is_one_programs, enter, leave),
        cmocka_unit_test(test_names_are_fronted_by_another_registration),
        cmocka_unit_test(test_the_shape_of_a_call_is_its_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
