/* SPDX-License-Identifier: Apache-2.0 */
/* The inspection driver with all parsers: who stays a candidate, and which announced legs a flow meets. */
#include "identify/inspect.h"
#include "identify/knowledge.h"
#include "im/registry.h"
#include "packet/packet.h"
#include "test.h"

struct bench {
    struct catalog *catalog;
    struct knowledge *knowledge;
    struct inspector *inspector;
    struct counters counters;
    struct flow flow;
    uint32_t sent[2];
};

static const uint8_t client_addr[4] = { 10, 0, 0, 1 }, server_addr[4] = { 192, 0, 2, 1 };

static int begin(void **state)
{
    static struct bench b;
    struct imw_error_info err;

    b = (struct bench){ .knowledge = knowledge_new(0) };
    assert_non_null(b.knowledge);
    assert_true(catalog_builtin(&b.catalog, &err));
    struct inspector_config config = {
        .catalog = b.catalog, .knowledge = b.knowledge, .max_inspections = 64, .max_records = 64
    };
    config.parsers = parsers_all(&config.parser_count);
    assert_true(inspector_new(&config, &b.counters, &b.inspector, &err));
    *state = &b;
    return 0;
}

static int end(void **state)
{
    struct bench *b = *state;

    inspector_free(b->inspector);
    knowledge_free(b->knowledge);
    catalog_close(b->catalog);
    return 0;
}

/* A TCP flow to this port, its handshake seen, begins at this time. */
static void open_flow(struct bench *b, uint16_t port, uint64_t time_us)
{
    b->sent[0] = b->sent[1] = 0;
    b->flow = (struct flow){
        .key = { .addr = { ip_from_v4(client_addr), ip_from_v4(server_addr) },
                 .port = { 40000, port },
                 .l4 = L4_TCP },
        .flags = FLOW_SYN | FLOW_SYN_ACK,
        .start_seq = { 1, 1 },
        .first_us = time_us,
    };
    inspector_open(b->inspector, &b->flow, time_us);
}

static void say(struct bench *b, enum flow_dir from, struct view bytes)
{
    struct packet p = { .src = b->flow.key.addr[from],
                        .dst = b->flow.key.addr[dir_other(from)],
                        .l4 = L4_TCP,
                        .src_port = b->flow.key.port[from],
                        .dst_port = b->flow.key.port[dir_other(from)],
                        .tcp_flags = TCP_ACK | TCP_PSH,
                        .seq = 1 + b->sent[from],
                        .ack = 1 + b->sent[dir_other(from)],
                        .payload = bytes,
                        .payload_len = (uint32_t)bytes.len,
                        .time_us = b->flow.first_us };

    b->sent[from] += (uint32_t)bytes.len;
    inspector_packet(b->inspector, &b->flow, from, &p);
}

static void close_flow(struct bench *b, uint64_t time_us)
{
    inspector_close(b->inspector, &b->flow, time_us);
    inspector_drop_record(b->inspector, &b->flow);
}

static const char *service(const struct bench *b)
{
    return b->flow.service != 0 ? catalog_service(b->catalog, b->flow.service)->slug : "";
}

static void test_the_answer_of_the_server_leaves_parsers_whose_client_begins(void **state)
{
    struct bench *b = *state;

    open_flow(b, 1080, 1000000);
    say(b, FROM_CLIENT, VIEW("\5\1\0"));
    say(b, FROM_SERVER, VIEW("\5\0"));
    say(b, FROM_CLIENT, VIEW("\5\1\0\1\xc0\0\2\7\x14\x46"));
    say(b, FROM_SERVER, VIEW("\5\0\0\1\0\0\0\0\0\0"));
    assert_int_equal(b->flow.app, PROTOCOL_SOCKS);
    say(b, FROM_CLIENT, VIEW("VER 1 MSNP12 CVR0\r\n"));
    assert_string_equal(service(b), "msn");
    close_flow(b, 2000000);

    open_flow(b, 8080, 1000000); /* WeChat's older link needs both heads */
    say(b, FROM_CLIENT, VIEW("\0\0\0\x10\0\x10\0\1\0\0\0\6\0\0\0\1"));
    say(b, FROM_SERVER, VIEW("\0\0\0\x10\0\x10\0\1\x3b\x9a\xca\6\0\0\0\1"));
    assert_string_equal(service(b), "wechat");
    close_flow(b, 2000000);
}

static void announce(struct bench *b, uint64_t time_us, bool server)
{
    struct expectation e = { .l4 = L4_TCP,
                             .addr = ip_from_v4(server_addr),
                             .port = 4443,
                             .activity = ACTIVITY_FILE,
                             .protocol = PROTOCOL_OFT,
                             .server = server };
    uint16_t number = 1;

    while (strcmp(catalog_service(b->catalog, number)->slug, "oscar") != 0)
        number++;
    knowledge_expect(b->knowledge, &e, number, 95, time_us);
}

static void test_a_leg_is_not_met_before_it_was_announced(void **state)
{
    struct bench *b = *state;

    announce(b, 5000000, false);
    open_flow(b, 4443, 4000000);
    close_flow(b, 9000000);
    assert_string_equal(service(b), "");
    announce(b, 6000000, false); /* again: it is known since the first time */
    open_flow(b, 4443, 5500000);
    close_flow(b, 9000000);
    assert_string_equal(service(b), "oscar");
    assert_int_equal(b->flow.delivery, DELIVERY_PEER);
    assert_int_equal(b->flow.activities, 1 << ACTIVITY_FILE);
}

static void test_an_announcement_that_is_learnt_late_is_met_at_the_end(void **state)
{
    struct bench *b = *state;

    open_flow(b, 4443, 5000000);
    announce(b, 4000000, false); /* by a worker that has come so far only now */
    assert_string_equal(service(b), "");
    close_flow(b, 9000000);
    assert_string_equal(service(b), "oscar");
    assert_int_equal(b->flow.delivery, DELIVERY_PEER);
}

static void test_a_redirect_to_another_server_is_no_direct_leg(void **state)
{
    struct bench *b = *state;

    announce(b, 4000000, true);
    open_flow(b, 4443, 5000000);
    close_flow(b, 9000000);
    assert_string_equal(service(b), "oscar");
    assert_int_equal(b->flow.delivery, DELIVERY_SERVER_PROXY);
    assert_int_equal(b->flow.activities & 1 << ACTIVITY_FILE, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_answer_of_the_server_leaves_parsers_whose_client_begins),
        TEST(test_a_leg_is_not_met_before_it_was_announced),
        TEST(test_an_announcement_that_is_learnt_late_is_met_at_the_end),
        TEST(test_a_redirect_to_another_server_is_no_direct_leg),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
