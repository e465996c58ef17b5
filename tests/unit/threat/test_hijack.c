/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions taken over, and what only looks so. */
#include "stage.h"

extern const struct detector detector_hijack;

enum { INJECTED, SPOOFED, BLIND, TWO_PLACES, MANY_PLACES, TICKET };

#define MSN(g, client) stage_flow((g), "msn", PROTOCOL_MSNP, (client), "207.46.1.1", 1863)

static void test_bytes_that_differ_on_an_im_session_are_injected(void **state)
{
    struct stage g;

    (void)state;
    stage_start(&g, &detector_hijack, NULL);
    MSN(&g, "10.0.0.1");
    stage_anomaly(&g, ANOMALY_TCP_CONFLICT);
    stage_expect(&g, INJECTED, SEVERITY_HIGH);
    stage_anomaly(&g, ANOMALY_TCP_CONFLICT); /* the same flow: counted, not told */
    stage_expect_nothing(&g);
    stage_stop(&g);
}

static void test_one_sign_alone_is_no_alarm(void **state)
{
    struct stage g;

    (void)state;
    stage_start(&g, &detector_hijack, NULL);
    MSN(&g, "10.0.0.1");
    stage_anomaly(&g, ANOMALY_TTL_CHANGE);
    stage_anomaly(&g, ANOMALY_TTL_CHANGE);
    MSN(&g, "10.0.0.2");
    stage_anomaly(&g, ANOMALY_SEQUENCE_JUMP);
    MSN(&g, "10.0.0.3");
    stage_anomaly(&g, ANOMALY_RESET_IGNORED);
    stage_anomaly(&g, ANOMALY_MALFORMED);
    MSN(&g, "10.0.0.4");
    stage_anomaly(&g, ANOMALY_TTL_CHANGE);
    stage_wait(&g, 61000);
    stage_anomaly(&g, ANOMALY_SEQUENCE_JUMP);
    stage_expect_nothing(&g);
    stage_stop(&g);
}

static void test_two_signs_together_are_spoofing(void **state)
{
    struct stage g;

    (void)state;
    stage_start(&g, &detector_hijack, NULL);
    MSN(&g, "10.0.0.1");
    stage_anomaly(&g, ANOMALY_SEQUENCE_JUMP);
    stage_wait(&g, 30000);
    stage_anomaly(&g, ANOMALY_TTL_CHANGE);
    stage_expect(&g, SPOOFED, SEVERITY_MEDIUM);
    stage_stop(&g);
}

static void test_many_jumps_are_a_blind_search(void **state)
{
    struct stage g;

    (void)state;
    stage_start(&g, &detector_hijack, NULL);
    MSN(&g, "10.0.0.1");
    for (unsigned i = 0; i < 7; i++)
        stage_anomaly(&g, ANOMALY_SEQUENCE_JUMP);
    stage_expect_nothing(&g);
    stage_anomaly(&g, ANOMALY_SEQUENCE_JUMP);
    stage_expect(&g, BLIND, SEVERITY_MEDIUM);
    stage_stop(&g);
}

/* Signed in at one address, then at another; the first goes on (or not). */
static void two_places(struct stage *g, const char *service, enum protocol protocol, const char *a,
                       const char *b, bool goes_on, bool same_user)
{
    struct flow flows[2];
    uint64_t ids[2];
    struct record record;

    stage_start(g, &detector_hijack, NULL);
    snprintf(g->client.user, sizeof g->client.user, "bob");
    for (unsigned i = 0; i < 2; i++) {
        stage_flow(g, service, protocol, i == 0 ? a : b, "207.46.1.1", 1863);
        g->scene.client = same_user ? &g->client : NULL;
        stage_login(g, "bob@example.org");
        flows[i] = g->flow;
        ids[i] = g->scene.flow_id;
        record = g->record;
        stage_wait(g, 10000);
    }
    for (unsigned minute = 0; minute < 3; minute++) {
        for (unsigned i = goes_on ? 0 : 1; i < 2; i++) {
            g->flow = flows[i];
            g->record = record;
            g->scene.flow_id = ids[i];
            stage_message(g, "bob@example.org", "alice@example.org", true);
        }
        stage_wait(g, 60000);
    }
}

static void test_an_account_at_two_places_while_the_older_goes_on(void **state)
{
    struct stage g;

    (void)state;
    two_places(&g, "msn", PROTOCOL_MSNP, "10.0.0.1", "10.0.0.2", true, false);
    stage_expect(&g, TWO_PLACES, SEVERITY_MEDIUM);
    stage_stop(&g);
    two_places(&g, "yahoo", PROTOCOL_YMSG, "10.0.0.1", "192.0.2.77", true, false);
    stage_expect(&g, TWO_PLACES, SEVERITY_MEDIUM);
    assert_non_null(strstr(g.seen, "not ours"));
    stage_stop(&g);
    two_places(&g, "oscar", PROTOCOL_OSCAR, "10.0.0.1", "10.0.0.2", true, false);
    stage_expect(&g, TWO_PLACES, SEVERITY_LOW);
    stage_stop(&g);
}

static void test_both_sides_of_a_nat_are_one_place(void **state)
{
    struct stage g;
    struct flow sides[2];

    (void)state;
    stage_start(&g, &detector_hijack, NULL);
    for (unsigned i = 0; i < 2; i++) {
        stage_flow(&g, "oscar", PROTOCOL_OSCAR, i == 0 ? "10.0.0.1" : "192.0.2.77", "207.46.1.1", 5190);
        stage_login(&g, "bob");
        sides[i] = g.flow;
        stage_wait(&g, 1);
    }
    struct record record = g.record;
    uint64_t id = g.scene.flow_id;
    for (unsigned i = 0; i < 20; i++, stage_wait(&g, i % 2 ? 60000 : 1)) {
        g.flow = sides[i % 2];
        g.record = record;
        g.scene.flow_id = id - 1 + i % 2;
        stage_message(&g, "bob", "alice", true);
    }
    stage_expect_nothing(&g);
    stage_stop(&g);
}

static void test_moving_to_another_place_is_no_alarm(void **state)
{
    struct stage g;

    (void)state;
    two_places(&g, "msn", PROTOCOL_MSNP, "10.0.0.1", "10.0.0.2", false, false);
    stage_expect_nothing(&g);
    stage_stop(&g);
}

static void test_a_service_may_take_a_while_to_sign_the_older_off(void **state)
{
    struct stage g;
    struct flow older;
    struct record record;

    (void)state;
    stage_start(&g, &detector_hijack, NULL);
    MSN(&g, "10.0.0.1");
    stage_login(&g, "bob@example.org");
    older = g.flow;
    record = g.record;
    stage_wait(&g, 10000);
    MSN(&g, "10.0.0.2");
    stage_login(&g, "bob@example.org");
    stage_wait(&g, 30000);
    g.flow = older;
    g.record = record;
    g.scene.flow_id--;
    stage_message(&g, "bob@example.org", "alice@example.org", true);
    MSN(&g, "10.0.0.2");
    g.scene.flow_id--; /* and the newer goes on */
    g.record = record;
    for (unsigned i = 0; i < 10; i++, stage_wait(&g, 60000))
        stage_message(&g, "bob@example.org", "alice@example.org", true);
    stage_expect_nothing(&g);
    stage_stop(&g);
}

static void test_two_machines_of_one_person_and_protocols_for_several_devices(void **state)
{
    struct stage g;

    (void)state;
    two_places(&g, "msn", PROTOCOL_MSNP, "10.0.0.1", "10.0.0.2", true, true);
    stage_expect_nothing(&g);
    stage_stop(&g);
    two_places(&g, "xmpp", PROTOCOL_XMPP, "10.0.0.1", "10.0.0.2", true, false);
    stage_expect_nothing(&g);
    stage_stop(&g);
    two_places(&g, "msn", PROTOCOL_MSNP, "10.0.0.1", "10.0.0.1", true, false); /* a NAT, or two programs */
    stage_expect_nothing(&g);
    stage_stop(&g);
}

static void test_a_session_that_ended_is_not_at_a_place_any_more(void **state)
{
    struct stage g;

    (void)state;
    stage_start(&g, &detector_hijack, NULL);
    for (unsigned i = 1; i <= 6; i++) {
        char client[16];
        snprintf(client, sizeof client, "10.0.0.%u", i);
        stage_flow(&g, "xmpp", PROTOCOL_XMPP, client, "192.0.2.1", 5222);
        stage_login(&g, "bob@example.org");
        stage_wait(&g, 1000);
        stage_end(&g);
    }
    stage_expect_nothing(&g);
    for (unsigned i = 1; i <= 4; i++) {
        char client[16];
        snprintf(client, sizeof client, "10.0.0.%u", i);
        stage_expect_nothing(&g);
        stage_flow(&g, "xmpp", PROTOCOL_XMPP, client, "192.0.2.1", 5222);
        stage_login(&g, "bob@example.org");
    }
    stage_expect(&g, MANY_PLACES, SEVERITY_LOW);
    stage_stop(&g);
}

static void test_a_ticket_shown_by_somebody_else(void **state)
{
    struct stage g;

    (void)state;
    stage_start(&g, &detector_hijack, NULL);
    MSN(&g, "10.0.0.1");
    threats_ticket(g.threats, &g.scene, 77);
    stage_wait(&g, 600000);
    threats_ticket(g.threats, &g.scene, 77); /* the owner again */
    stage_expect_nothing(&g);
    stage_wait(&g, 5000);
    MSN(&g, "10.0.0.9");
    threats_ticket(g.threats, &g.scene, 78); /* one of his own */
    stage_expect_nothing(&g);
    threats_ticket(g.threats, &g.scene, 77);
    stage_expect(&g, TICKET, SEVERITY_HIGH);
    assert_non_null(strstr(g.evidence, "owner=10.0.0.1\n"));
    stage_stop(&g);
}

static void test_tickets_that_only_look_stolen(void **state)
{
    struct stage g;

    (void)state;
    stage_start(&g, &detector_hijack, NULL);
    MSN(&g, "10.0.0.1");
    threats_ticket(g.threats, &g.scene, 1);
    stage_wait(&g, 1); /* behind the NAT and before it */
    MSN(&g, "198.51.100.1");
    threats_ticket(g.threats, &g.scene, 1);
    MSN(&g, "2001:db8::1"); /* the other family of the same machine */
    threats_ticket(g.threats, &g.scene, 1);
    stage_expect_nothing(&g);
    snprintf(g.client.host, sizeof g.client.host, "laptop"); /* it went from cable to radio */
    for (unsigned i = 0; i < 2; i++) {
        MSN(&g, i == 0 ? "10.0.0.5" : "10.0.1.5");
        g.scene.client = &g.client;
        threats_ticket(g.threats, &g.scene, 2);
        stage_wait(&g, 60000);
    }
    stage_expect_nothing(&g);
    MSN(&g, "10.0.0.1");
    threats_ticket(g.threats, &g.scene, 3);
    stage_wait(&g, UINT64_C(25) * 3600 * 1000); /* over, and given to another */
    MSN(&g, "10.0.0.2");
    threats_ticket(g.threats, &g.scene, 3);
    stage_expect_nothing(&g);
    stage_stop(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_that_differ_on_an_im_session_are_injected),
        cmocka_unit_test(test_one_sign_alone_is_no_alarm),
        cmocka_unit_test(test_two_signs_together_are_spoofing),
        cmocka_unit_test(test_many_jumps_are_a_blind_search),
        cmocka_unit_test(test_an_account_at_two_places_while_the_older_goes_on),
        cmocka_unit_test(test_both_sides_of_a_nat_are_one_place),
        cmocka_unit_test(test_moving_to_another_place_is_no_alarm),
        cmocka_unit_test(test_a_service_may_take_a_while_to_sign_the_older_off),
        cmocka_unit_test(test_two_machines_of_one_person_and_protocols_for_several_devices),
        cmocka_unit_test(test_a_session_that_ended_is_not_at_a_place_any_more),
        cmocka_unit_test(test_a_ticket_shown_by_somebody_else),
        cmocka_unit_test(test_tickets_that_only_look_stolen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
