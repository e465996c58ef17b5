/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that hop over ports, and programs that only stand on another one. */
#include "stage.h"

extern const struct detector detector_port_agility;

enum { OTHER_PORT, HOPPING };

static void flow(struct stage *g, const char *client, uint16_t port, bool agile)
{
    stage_wait(g, 20000);
    stage_flow(g, "oscar", PROTOCOL_OSCAR, client, "192.0.2.1", port);
    g->scene.port_agile = agile;
    stage_end(g);
}

static void test_own_ports_are_nothing(void **state)
{
    struct stage g;

    (void)state;
    stage_start(&g, &detector_port_agility, NULL);
    for (uint16_t port = 5190; port <= 5193; port++)
        flow(&g, "10.0.0.1", port, false);
    stage_expect_nothing(&g);
    stage_stop(&g);
}

static void test_one_other_port_is_low_and_a_ladder_is_medium(void **state)
{
    struct stage g;

    (void)state;
    stage_start(&g, &detector_port_agility, NULL);
    flow(&g, "10.0.0.1", 5190, false);
    stage_expect_nothing(&g);
    flow(&g, "10.0.0.1", 23, true);
    stage_expect(&g, OTHER_PORT, SEVERITY_LOW);
    flow(&g, "10.0.0.1", 20, true);
    stage_expect(&g, HOPPING, SEVERITY_MEDIUM);
    assert_non_null(strstr(g.seen, "5190 -> 23 -> 20"));
    stage_stop(&g);
}

static void test_look_alikes_of_hopping(void **state)
{
    struct stage g;

    (void)state;
    stage_start(&g, &detector_port_agility, NULL);
    for (uint16_t client = 1; client <= 5; client++) { /* several machines, one port each */
        char name[16];
        snprintf(name, sizeof name, "10.0.0.%u", client);
        flow(&g, name, (uint16_t)(20 + client), true);
        stage_expect(&g, OTHER_PORT, SEVERITY_LOW);
    }
    for (uint16_t port = 20; port < 30; port++) { /* one machine, over a day */
        stage_wait(&g, 2 * 3600 * 1000);
        flow(&g, "10.0.1.1", port, true);
        stage_expect(&g, OTHER_PORT, SEVERITY_LOW);
    }
    for (uint16_t port = 20000; port < 20100; port += 10) /* a program that takes any port */
        flow(&g, "10.0.2.1", port, true);
    stage_expect(&g, OTHER_PORT, SEVERITY_LOW);
    g.raised = 0;
    for (uint16_t port = 5190; port <= 5193; port++) /* its own, and one setting that was tried */
        flow(&g, "10.0.4.1", port, false);
    flow(&g, "10.0.4.1", 443, true);
    stage_expect(&g, OTHER_PORT, SEVERITY_LOW);
    stage_flow(&g, "oscar", PROTOCOL_OFT, "10.0.3.1", "192.0.2.1", 25); /* direct */
    g.flow.delivery = DELIVERY_PEER;
    stage_end(&g);
    stage_expect_nothing(&g);
    stage_stop(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_ports_are_nothing),
        cmocka_unit_test(test_one_other_port_is_low_and_a_ladder_is_medium),
        cmocka_unit_test(test_look_alikes_of_hopping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
