/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that are not the vendor's, and all those that are, or need not be. */
#include "stage.h"

extern const struct detector detector_server;

enum { CLOSED, FOREIGN };

/* A flow proved by these kinds of evidence. */
static void flow(struct stage *g, const char *service, enum protocol protocol, const char *server,
                 enum evidence_kind first, enum evidence_kind second)
{
    stage_flow(g, service, protocol, "10.0.0.1", server, 443);
    g->record.evidence_count = first == second ? 1 : 2;
    g->record.evidence[0].service = g->record.evidence[1].service = g->flow.service;
    g->record.evidence[0].kind = (uint8_t)first;
    g->record.evidence[1].kind = (uint8_t)second;
    stage_end(g);
}

#define PROVED EVIDENCE_PAYLOAD, EVIDENCE_PAYLOAD

static void test_services_that_were_closed(void **state)
{
    struct stage g;

    (void)state;
    stage_start(&g, &detector_server, NULL);
    flow(&g, "msn", PROTOCOL_MSNP, "192.0.2.1", PROVED);
    stage_expect(&g, CLOSED, SEVERITY_LOW);
    flow(&g, "oscar", PROTOCOL_OSCAR, "10.0.0.9", PROVED);
    stage_expect(&g, CLOSED, SEVERITY_LOW);
    assert_non_null(strstr(g.seen, "a machine of ours"));
    stage_flow(&g, "oscar", PROTOCOL_OFT, "10.0.0.1", "192.0.2.7", 4443); /* a direct leg */
    g.flow.delivery = DELIVERY_PEER;
    g.record.evidence_count = 1;
    g.record.evidence[0].service = g.flow.service;
    stage_end(&g);
    stage_expect_nothing(&g);
    stage_stop(&g);
}

static void test_a_vendors_servers_and_others(void **state)
{
    struct stage g;

    (void)state;
    stage_start(&g, &detector_server, NULL);
    flow(&g, "telegram", PROTOCOL_MTPROTO, "149.154.167.51", PROVED);
    flow(&g, "telegram", PROTOCOL_MTPROTO, "192.0.2.1", EVIDENCE_PAYLOAD, EVIDENCE_SNI);
    flow(&g, "telegram", PROTOCOL_TLS, "192.0.2.1", EVIDENCE_SNI, EVIDENCE_SNI);
    stage_expect_nothing(&g);
    flow(&g, "telegram", PROTOCOL_MTPROTO, "192.0.2.1", PROVED);
    stage_expect(&g, FOREIGN, SEVERITY_LOW);
    stage_stop(&g);
}

static void test_services_that_anybody_serves(void **state)
{
    struct stage g;

    (void)state;
    stage_start(&g, &detector_server, NULL);
    flow(&g, "irc", PROTOCOL_IRC, "192.0.2.1", PROVED);
    flow(&g, "xmpp", PROTOCOL_XMPP, "192.0.2.1", PROVED);
    flow(&g, "mumble", PROTOCOL_MUMBLE, "192.0.2.1", PROVED);
    flow(&g, "qq", PROTOCOL_OICQ, "192.0.2.1", PROVED); /* whose ranges nobody publishes */
    stage_expect_nothing(&g);
    stage_stop(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_services_that_were_closed),
        cmocka_unit_test(test_a_vendors_servers_and_others),
        cmocka_unit_test(test_services_that_anybody_serves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
