/* SPDX-License-Identifier: Apache-2.0 */
/* Direct connections across the border, and those that do not cross it. */
#include "stage.h"

extern const struct detector detector_exposed;

enum { OPENED_FROM_OUTSIDE, OPENED_FROM_INSIDE, OFFERED };

static void leg(struct stage *g, const char *client, const char *server, enum activity a)
{
    stage_flow(g, "oscar", PROTOCOL_OFT, client, server, 4443);
    g->flow.delivery = DELIVERY_PEER;
    g->flow.activities = (uint8_t)(1 << a);
    stage_end(g);
}

static void test_legs(void **state)
{
    struct stage g;

    (void)state;
    stage_start(&g, &detector_exposed, NULL);
    leg(&g, "203.0.113.5", "10.0.0.1", ACTIVITY_FILE);
    stage_expect(&g, OPENED_FROM_OUTSIDE, SEVERITY_MEDIUM);
    leg(&g, "198.51.100.7", "203.0.113.5", ACTIVITY_FILE); /* ours by the policy */
    stage_expect(&g, OPENED_FROM_INSIDE, SEVERITY_LOW);
    assert_non_null(strstr(g.evidence, "inside=198.51.100.7\n"));
    leg(&g, "10.0.0.1", "10.0.0.2", ACTIVITY_FILE);
    leg(&g, "203.0.113.5", "203.0.113.6", ACTIVITY_FILE);
    leg(&g, "10.0.0.1", "203.0.113.6", ACTIVITY_CALL);
    g.flow.delivery = DELIVERY_SERVER_PROXY;
    stage_end(&g);
    stage_flow(&g, "oscar", PROTOCOL_OFT, "203.0.113.9", "10.0.0.9", 4443); /* nobody answered */
    g.flow.delivery = DELIVERY_PEER;
    g.flow.activities = 1 << ACTIVITY_FILE;
    g.flow.packets[FROM_SERVER] = 0;
    stage_end(&g);
    stage_expect_nothing(&g);
    stage_stop(&g);
}

static void offer(struct stage *g, const char *client, const char *server, enum delivery delivery,
                  bool outgoing)
{
    struct im_detail d = { .file = VIEW("plan.pdf"), .peer = VIEW("al"), .outgoing = outgoing };

    stage_flow(g, "oscar", PROTOCOL_OSCAR, client, server, 5190);
    g->flow.delivery = (uint8_t)delivery;
    threats_activity(g->threats, &g->scene, ACTIVITY_FILE, &d);
}

static void test_offers(void **state)
{
    struct stage g;

    (void)state;
    stage_start(&g, &detector_exposed, NULL);
    offer(&g, "10.0.0.1", "192.0.2.1", DELIVERY_SERVER_PROXY, true); /* through the server */
    offer(&g, "10.0.0.1", "192.0.2.1", DELIVERY_SERVER_BROKER, false);
    offer(&g, "10.0.0.1", "10.9.9.9", DELIVERY_SERVER_BROKER, true); /* our own server */
    offer(&g, "203.0.113.1", "192.0.2.1", DELIVERY_SERVER_BROKER, true);
    stage_expect_nothing(&g);
    offer(&g, "10.0.0.1", "192.0.2.1", DELIVERY_SERVER_BROKER, true);
    stage_expect(&g, OFFERED, SEVERITY_LOW);
    stage_stop(&g);
}

/* Captures are read in any order. */
static void test_the_same_is_told_again_when_its_time_is_another(void **state)
{
    struct stage g;

    (void)state;
    stage_start(&g, &detector_exposed, NULL);
    offer(&g, "10.0.0.1", "192.0.2.1", DELIVERY_SERVER_BROKER, true);
    stage_expect(&g, OFFERED, SEVERITY_LOW);
    g.scene.time_us -= 600000000;
    offer(&g, "10.0.0.1", "192.0.2.1", DELIVERY_SERVER_BROKER, true);
    stage_expect_nothing(&g);
    g.scene.time_us -= UINT64_C(86400000000);
    offer(&g, "10.0.0.1", "192.0.2.1", DELIVERY_SERVER_BROKER, true);
    stage_expect(&g, OFFERED, SEVERITY_LOW);
    stage_stop(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_legs),
        cmocka_unit_test(test_offers),
        cmocka_unit_test(test_the_same_is_told_again_when_its_time_is_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
