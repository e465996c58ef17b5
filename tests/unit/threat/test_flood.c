/* SPDX-License-Identifier: Apache-2.0 */
/* Floods, and busy people. */
#include "stage.h"

extern const struct detector detector_flood;

enum { SENDING, RECEIVING, GUESSING, SPRAYING, MALFORMED, CONNECTING };

static void start(struct stage *g)
{
    stage_start(g, &detector_flood, NULL);
    stage_flow(g, "xmpp", PROTOCOL_XMPP, "10.0.0.1", "192.0.2.1", 5222);
}

static void test_a_sender_at_a_machines_rate(void **state)
{
    struct stage g;

    (void)state;
    start(&g);
    for (unsigned i = 0; i < 99; i++, stage_wait(&g, 100))
        stage_message(&g, "bob@example.org", i % 2 ? "al@example.org" : "jo@example.org", true);
    stage_expect_nothing(&g);
    stage_message(&g, "BOB@example.org", "jo@example.org", true);
    stage_expect(&g, SENDING, SEVERITY_MEDIUM);
    stage_stop(&g);
}

static void test_a_rate_goes_on_over_the_edge_of_a_window(void **state)
{
    struct stage g;

    (void)state;
    start(&g);
    stage_message(&g, "bob", "al", true);
    stage_wait(&g, 55000);
    for (unsigned i = 0; i < 60; i++, stage_wait(&g, 80))
        stage_message(&g, "bob", "al", true);
    stage_expect_nothing(&g);
    stage_wait(&g, 1000);
    for (unsigned i = 0; i < 60; i++, stage_wait(&g, 80))
        stage_message(&g, "bob", "al", true);
    stage_expect(&g, SENDING, SEVERITY_MEDIUM);
    stage_stop(&g);
}

static void test_people_history_and_full_rooms(void **state)
{
    struct stage g;

    (void)state;
    start(&g);
    for (unsigned i = 0; i < 400; i++, stage_wait(&g, 1500)) /* 40 a minute, ten minutes long */
        stage_message(&g, "bob@example.org", "al@example.org", i % 2);
    for (unsigned i = 0; i < 1000; i++) { /* archive, echoes */
        struct carried_message m = {
            .from = VIEW("bob"), .to = VIEW("al"), .text = VIEW("hi"), .again = true
        };
        threats_message(g.threats, &g.scene, &m);
        m.again = false;
        m.sent_us = 1;
        threats_message(g.threats, &g.scene, &m);
    }
    for (unsigned i = 0; i < 1000; i++) { /* a room of many */
        char nick[16];
        snprintf(nick, sizeof nick, "nick%u", i % 50);
        struct carried_message m = { .from = view_string(nick), .room = VIEW("#imward"), .text = VIEW("hi") };
        threats_message(g.threats, &g.scene, &m);
        stage_wait(&g, 100);
    }
    stage_expect_nothing(&g);
    stage_stop(&g);
}

static void test_a_message_to_a_room_is_seen_by_many(void **state)
{
    struct stage g;
    struct carried_message m = { .from = VIEW("bob"), .room = VIEW("#imward"), .text = VIEW("hi") };

    (void)state;
    start(&g);
    for (unsigned i = 0; i < 400; i++) { /* four messages, a hundred receivers */
        threats_message(g.threats, &g.scene, &m);
        stage_wait(&g, 10);
        g.scene.flow_id = 1000 + i % 100;
    }
    stage_expect_nothing(&g);
    for (unsigned i = 0; i < 120; i++, stage_wait(&g, 100)) /* one receiver */
        threats_message(g.threats, &g.scene, &m);
    stage_expect(&g, SENDING, SEVERITY_MEDIUM);
    stage_stop(&g);
}

/* As the pipeline tells of them: a message without a time of its own was sent now. */
static void test_messages_that_tell_when_they_were_sent(void **state)
{
    struct stage g;

    (void)state;
    start(&g);
    for (unsigned i = 0; i < 120; i++, stage_wait(&g, 100)) {
        struct carried_message m = { .from = VIEW("bob@example.org"),
                                     .to = VIEW("al@example.org"),
                                     .text = VIEW("hi"),
                                     .sent_us = g.scene.time_us / 1000000 * 1000000,
                                     .outgoing = true };
        threats_message(g.threats, &g.scene, &m);
    }
    stage_expect(&g, SENDING, SEVERITY_MEDIUM);
    stage_stop(&g);
}

static void test_a_message_seen_on_both_ways_is_one(void **state)
{
    struct stage g;

    (void)state;
    start(&g);
    for (unsigned i = 0; i < 80; i++, stage_wait(&g, 100)) {
        stage_message(&g, "bob@example.org", "al@example.org", true);
        stage_message(&g, "bob@example.org", "al@example.org", false);
    }
    stage_expect_nothing(&g);
    stage_stop(&g);
}

static void test_a_receiver_of_many(void **state)
{
    struct stage g;

    (void)state;
    start(&g);
    for (unsigned i = 0; i < 200; i++, stage_wait(&g, 100)) {
        char nick[16];
        stage_expect_nothing(&g);
        snprintf(nick, sizeof nick, "nick%u", i % 50);
        stage_message(&g, nick, "al@example.org", false);
    }
    stage_expect(&g, RECEIVING, SEVERITY_MEDIUM);
    stage_stop(&g);
}

static void test_guessing_and_reconnecting(void **state)
{
    struct stage g;

    (void)state;
    start(&g);
    for (unsigned i = 0; i < 100; i++, stage_wait(&g, 30000)) /* a bad line */
        stage_login(&g, "bob@example.org");
    stage_expect_nothing(&g);
    for (unsigned i = 0; i < 20; i++, stage_wait(&g, 3000))
        stage_login(&g, "al@example.org");
    stage_expect(&g, GUESSING, SEVERITY_MEDIUM);
    stage_stop(&g);
}

static void many_accounts(struct stage *g, const char *client, const char *server)
{
    start(g);
    stage_flow(g, "xmpp", PROTOCOL_XMPP, client, server, 5222);
    for (unsigned i = 0; i < 20; i++, stage_wait(g, 1000)) {
        char account[24];
        snprintf(account, sizeof account, "user%u@example.org", i);
        stage_expect_nothing(g);
        stage_login(g, account);
    }
}

static void test_many_accounts_from_outside_and_an_office_in_the_morning(void **state)
{
    struct stage g;

    (void)state;
    many_accounts(&g, "203.0.113.9", "198.51.100.5");
    stage_expect(&g, SPRAYING, SEVERITY_MEDIUM);
    stage_stop(&g);
    many_accounts(&g, "198.51.100.1", "192.0.2.1");
    stage_expect_nothing(&g);
    stage_stop(&g);
}

static void test_malformed_messages(void **state)
{
    struct stage g;

    (void)state;
    start(&g);
    for (unsigned i = 0; i < 100; i++, stage_wait(&g, 10000))
        stage_anomaly(&g, i % 2 ? ANOMALY_MALFORMED : ANOMALY_OVERLONG);
    for (unsigned i = 0; i < 100; i++)
        stage_anomaly(&g, ANOMALY_TTL_CHANGE);
    stage_expect_nothing(&g);
    for (unsigned i = 0; i < 20; i++, stage_wait(&g, 100)) /* over several connections */
        stage_anomaly(&g, ANOMALY_MALFORMED), g.scene.flow_id++;
    stage_expect(&g, MALFORMED, SEVERITY_MEDIUM);
    stage_stop(&g);
}

static void connections(struct stage *g, enum protocol app)
{
    start(g);
    for (unsigned i = 0; i < 200; i++, stage_wait(g, 100)) {
        stage_expect_nothing(g);
        stage_flow(g, "xmpp", PROTOCOL_XMPP, "10.0.0.7", "192.0.2.1", 5222);
        g->flow.app = (uint16_t)app;
        stage_end(g);
    }
}

static void test_connections(void **state)
{
    struct stage g;

    (void)state;
    connections(&g, PROTOCOL_XMPP);
    stage_expect(&g, CONNECTING, SEVERITY_MEDIUM);
    stage_stop(&g);
    connections(&g, PROTOCOL_TLS); /* a browser */
    stage_expect_nothing(&g);
    stage_stop(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sender_at_a_machines_rate),
        cmocka_unit_test(test_a_rate_goes_on_over_the_edge_of_a_window),
        cmocka_unit_test(test_people_history_and_full_rooms),
        cmocka_unit_test(test_a_message_to_a_room_is_seen_by_many),
        cmocka_unit_test(test_messages_that_tell_when_they_were_sent),
        cmocka_unit_test(test_a_message_seen_on_both_ways_is_one),
        cmocka_unit_test(test_a_receiver_of_many),
        cmocka_unit_test(test_guessing_and_reconnecting),
        cmocka_unit_test(test_many_accounts_from_outside_and_an_office_in_the_morning),
        cmocka_unit_test(test_malformed_messages),
        cmocka_unit_test(test_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
