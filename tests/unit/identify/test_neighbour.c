/* SPDX-License-Identifier: Apache-2.0 */
/* What flows teach about each other: pairs of machines, client sockets, addresses; and for how long. */
#include "catalog_folder.h"
#include "identify/decide.h"

enum { CHAT = 1, OTHER = 2, SECOND = 1000000 };

static const char chat_yaml[] = HEAD(
    "chat") "country: CH\nprotocols: [viber]\nports: {tcp: [443, 4244], udp: [7985]}\n"
            "ranges:\n  - {networks: [198.51.100.0/24], role: call, l4: udp, ports: [19302-19309], shared: true}\n"
            "  - {networks: [198.51.100.9/32], role: chat}\n";
static const char other_yaml[] = HEAD("other") "country: CH\nprotocols: [tls]\nports: {tcp: [443]}\n";

struct bench {
    struct decision_context context;
    struct catalog *catalog;
    struct known_evidence found;
};

static int set_up(void **state)
{
    static struct bench b;
    struct folder f = folder_new();
    struct imw_error_info err = { 0 };

    folder_write(&f, "chat.yaml", chat_yaml);
    folder_write(&f, "other.yaml", other_yaml);
    if (!catalog_open(f.path, &b.catalog, &err))
        fail_msg("%s:%u %s: %s", err.file, err.line, err.key, err.text);
    folder_remove(&f);
    b.context = (struct decision_context){ b.catalog, knowledge_new(0), SECOND };
    assert_non_null(b.context.knowledge);
    assert_int_equal(catalog_find(b.catalog, VIEW("chat")), CHAT);
    *state = &b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;

    knowledge_free(b->context.knowledge);
    catalog_close(b->catalog);
    return 0;
}

static struct ip_addr address(uint8_t last)
{
    return ip_from_v4((const uint8_t[]){ 192, 0, 2, last });
}

static struct flow flow(uint8_t l4, uint8_t client, uint16_t client_port, uint8_t server,
                        uint16_t server_port)
{
    return (struct flow){ .key = { .addr = { address(client), address(server) },
                                   .port = { client_port, server_port },
                                   .l4 = l4 } };
}

/* A UDP flow between 1:40000 and 9:7985 that a service's own protocol proved. */
static void prove(struct bench *b, uint16_t service, enum delivery d)
{
    struct flow f = flow(L4_UDP, 1, 40000, 9, 7985);
    struct record r = { .evidence = { { service, EVIDENCE_PAYLOAD, 100, "" } }, .evidence_count = 1 };

    f.service = service;
    f.confidence = 100;
    f.delivery = (uint8_t)d;
    decide_by_payload_ends(&b->context, &f, &r);
}

static bool neighbour(struct bench *b, const struct flow *f)
{
    return decide_by_neighbour(&b->context, f, &b->found);
}

static void test_tcp_beside_a_proved_call_is_the_services(void **state)
{
    struct bench *b = *state;
    struct flow f = flow(L4_TCP, 1, 40001, 9, 443);

    assert_false(neighbour(b, &f));
    prove(b, CHAT, DELIVERY_SERVER_PROXY);
    assert_true(neighbour(b, &f));
    assert_int_equal(b->found.service, CHAT);
    assert_int_equal(b->found.kind, EVIDENCE_NEIGHBOUR);
    f.app = PROTOCOL_TLS;
    assert_true(neighbour(b, &f));
}

static void test_tcp_beside_a_call_is_nobodys_when_it_speaks_for_itself(void **state)
{
    struct bench *b = *state;
    struct flow named = flow(L4_TCP, 1, 40001, 9, 443), ssh = named;
    struct flow port = flow(L4_TCP, 1, 40001, 9, 25565), client = flow(L4_TCP, 2, 40001, 9, 443);

    prove(b, CHAT, DELIVERY_SERVER_PROXY);
    named.app = PROTOCOL_TLS;
    named.named = true;
    ssh.app = PROTOCOL_SSH;
    assert_false(neighbour(b, &named));
    assert_false(neighbour(b, &ssh));
    assert_false(neighbour(b, &port));
    assert_false(neighbour(b, &client));
}

static void test_a_peer_of_a_call_proves_nothing_but_the_call(void **state)
{
    struct bench *b = *state;
    struct flow f = flow(L4_TCP, 1, 40001, 9, 443);

    prove(b, CHAT, DELIVERY_PEER);
    assert_false(neighbour(b, &f));
}

static void test_two_services_on_one_pair_prove_neither(void **state)
{
    struct bench *b = *state;
    struct flow f = flow(L4_TCP, 1, 40001, 9, 443);

    prove(b, CHAT, DELIVERY_SERVER_PROXY);
    prove(b, OTHER, DELIVERY_SERVER_PROXY);
    assert_false(neighbour(b, &f));
}

static void test_a_client_socket_serves_one_program(void **state)
{
    struct bench *b = *state;
    struct flow same = flow(L4_UDP, 1, 40000, 7, 5000), other = flow(L4_UDP, 1, 40002, 7, 5000);

    prove(b, CHAT, DELIVERY_SERVER_PROXY);
    assert_true(neighbour(b, &same));
    assert_false(neighbour(b, &other));
    same.app = PROTOCOL_DNS;
    assert_false(neighbour(b, &same));
}

static void test_flows_of_one_call_share_a_service(void **state)
{
    struct bench *b = *state;
    uint64_t call = call_digest(VIEW("uAuA:uB12"));

    assert_int_equal(call, call_digest(VIEW("uB12:uAuA")));
    assert_false(decide_by_call(&b->context, call, &b->found));
    knowledge_prove_call(b->context.knowledge, call, CHAT, PROTOCOL_STUN, SECOND);
    assert_true(decide_by_call(&b->context, call, &b->found));
    assert_int_equal(b->found.service, CHAT);
    assert_false(decide_by_call(&b->context, call_digest(VIEW("uAuA:uB13")), &b->found));
    assert_int_equal(call_digest(VIEW("a:b")), 0); /* too short to be one call's only */
    knowledge_prove_call(b->context.knowledge, 0, CHAT, PROTOCOL_STUN, SECOND);
    assert_false(decide_by_call(&b->context, 0, &b->found));
    knowledge_prove_call(b->context.knowledge, call, OTHER, PROTOCOL_STUN, SECOND);
    assert_false(decide_by_call(&b->context, call, &b->found));
}

static void test_what_was_proved_expires(void **state)
{
    struct bench *b = *state;
    struct flow f = flow(L4_TCP, 1, 40001, 9, 443);

    prove(b, CHAT, DELIVERY_SERVER_PROXY);
    b->context.now_us = 3600ull * SECOND;
    assert_false(neighbour(b, &f));
}

static void test_an_address_of_two_services_stands_for_none(void **state)
{
    struct bench *b = *state;
    struct flow f = flow(L4_TCP, 1, 40001, 9, 443);
    struct ip_addr server = address(9);

    assert_false(decide_by_address(&b->context, &f, &b->found));
    knowledge_learn_address(b->context.knowledge, &server,
                            &(struct known_address){ CHAT, ROLE_CHAT, "a.example" }, 60, SECOND);
    assert_true(decide_by_address(&b->context, &f, &b->found));
    assert_int_equal(b->found.service, CHAT);
    assert_string_equal(b->found.value, "a.example");
    knowledge_learn_address(b->context.knowledge, &server,
                            &(struct known_address){ 0, ROLE_ANY, "b.example" }, 60, SECOND);
    assert_false(decide_by_address(&b->context, &f, &b->found));
}

static void test_a_call_with_shared_servers_of_calls_is_the_services(void **state)
{
    struct bench *b = *state;
    struct flow f = flow(L4_UDP, 1, 40000, 9, 19305), proof = flow(L4_UDP, 1, 40000, 9, 5000);

    f.key.addr[FROM_SERVER] = ip_from_v4((const uint8_t[]){ 198, 51, 100, 1 });
    f.app = PROTOCOL_STUN;
    assert_false(decide_by_address(&b->context, &f, &b->found)); /* anybody may ask for its address here */
    f.activities = 1 << ACTIVITY_CALL;
    assert_true(decide_by_address(&b->context, &f, &b->found));
    assert_int_equal(b->found.service, CHAT);
    assert_int_equal(b->found.kind, EVIDENCE_SHARED_RANGE);
    assert_true(b->found.confidence >= DECIDE_ALONE);
    f.key.port[FROM_SERVER] = 443;
    assert_false(decide_by_address(&b->context, &f, &b->found));
    proof.key.addr[FROM_SERVER] = ip_from_v4((const uint8_t[]){ 198, 51, 100, 9 });
    assert_true(decide_by_address(&b->context, &proof, &b->found));
    assert_int_equal(b->found.kind, EVIDENCE_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(test_tcp_beside_a_proved_call_is_the_services),
        T(test_tcp_beside_a_call_is_nobodys_when_it_speaks_for_itself),
        T(test_a_peer_of_a_call_proves_nothing_but_the_call),
        T(test_two_services_on_one_pair_prove_neither),
        T(test_a_client_socket_serves_one_program),
        T(test_flows_of_one_call_share_a_service),
        T(test_what_was_proved_expires),
        T(test_an_address_of_two_services_stands_for_none),
        T(test_a_call_with_shared_servers_of_calls_is_the_services),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
