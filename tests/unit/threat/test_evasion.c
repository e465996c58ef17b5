/* SPDX-License-Identifier: Apache-2.0 */
/* Machines that hide, and browsers. */
#include "stage.h"

extern const struct detector detector_evasion;

enum { FRONTED, PROXIED, TURNED };

static void flow(struct stage *g, const char *service, unsigned hints)
{
    stage_flow(g, service, service != NULL ? PROTOCOL_XMPP : PROTOCOL_TLS, "10.0.0.1", "192.0.2.1", 443);
    g->flow.activities = service != NULL ? 1 << ACTIVITY_CHAT : 0;
    g->record.hints = (uint16_t)hints;
    stage_end(g);
    stage_wait(g, 60000);
}

#define BIT(hint) (1u << HINT_##hint)

static void test_im_that_hides_itself(void **state)
{
    struct stage g;

    (void)state;
    stage_start(&g, &detector_evasion, NULL);
    flow(&g, "signal", BIT(ECH) | BIT(NO_SNI));
    stage_expect_nothing(&g);
    flow(&g, "signal", BIT(FRONTING));
    stage_expect(&g, FRONTED, SEVERITY_MEDIUM);
    flow(&g, "xmpp", BIT(PROXY));
    stage_expect(&g, PROXIED, SEVERITY_LOW);
    stage_flow(&g, "msn", PROTOCOL_MSNP, "10.0.0.1", "10.0.0.254", 3128); /* the institution's proxy */
    g.record.hints = BIT(PROXY);
    stage_end(&g);
    stage_expect_nothing(&g);
    stage_stop(&g);
}

static void test_a_machine_that_turns_to_hiding(void **state)
{
    struct stage g;

    (void)state;
    stage_start(&g, &detector_evasion, NULL);
    for (unsigned i = 0; i < 40; i++)
        flow(&g, i % 4 == 0 ? "xmpp" : NULL, 0);
    flow(&g, NULL, BIT(DOH));
    stage_expect_nothing(&g);
    flow(&g, NULL, BIT(ECH));
    stage_expect(&g, TURNED, SEVERITY_LOW);
    flow(&g, NULL, BIT(ECH) | BIT(DOH));
    stage_expect_nothing(&g);
    stage_stop(&g);
}

/* The flow of IM ended first, but is told of last. */
static void test_a_turn_told_out_of_order(void **state)
{
    struct stage g;

    (void)state;
    stage_start(&g, &detector_evasion, NULL);
    for (unsigned i = 0; i < 40; i++)
        flow(&g, NULL, 0);
    uint64_t ended_us = g.scene.time_us - 1000000;
    flow(&g, NULL, BIT(DOH));
    flow(&g, NULL, BIT(ECH));
    stage_expect_nothing(&g);
    g.scene.time_us = ended_us;
    flow(&g, "xmpp", 0);
    stage_expect(&g, TURNED, SEVERITY_LOW);
    stage_stop(&g);
}

static void test_browsers_that_hide_names_anyway(void **state)
{
    struct stage g;

    (void)state;
    stage_start(&g, &detector_evasion, NULL); /* always did */
    for (unsigned i = 0; i < 40; i++)
        flow(&g, i % 4 == 1 ? "xmpp" : NULL, i % 4 == 0 ? BIT(DOH) : i % 4 == 2 ? BIT(ECH) : 0);
    stage_expect_nothing(&g);
    stage_stop(&g);
    stage_start(&g, &detector_evasion, NULL); /* begins its day with IM, then the browser */
    flow(&g, "xmpp", 0);
    flow(&g, NULL, BIT(DOH));
    flow(&g, NULL, BIT(ECH));
    stage_expect_nothing(&g);
    stage_stop(&g);
    stage_start(&g, &detector_evasion, NULL); /* no IM at all */
    for (unsigned i = 0; i < 40; i++)
        flow(&g, NULL, 0);
    flow(&g, NULL, BIT(DOT));
    flow(&g, NULL, BIT(ECH));
    stage_expect_nothing(&g);
    stage_stop(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_im_that_hides_itself),
        cmocka_unit_test(test_a_machine_that_turns_to_hiding),
        cmocka_unit_test(test_a_turn_told_out_of_order),
        cmocka_unit_test(test_browsers_that_hide_names_anyway),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
