/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of the policy: the input is a policy. What loads is checked, printed and asked about flows of
 * each service; the explanation must agree with the decision: exactly the rules before it are told, each with
 * a reason. What it says of content keeps to the limits that docs/policy.md gives.
 */
#include "library_leaks.h"
#include "policy/policy.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore_warning(void *context, const char *file, unsigned line, const char *text)
{
    (void)context;
    if (file[0] == '\0' || line == 0 || text[0] == '\0')
        abort();
}

static void count_reason(void *context, const struct policy_reason *r)
{
    unsigned *told = context;

    if (r->number != ++*told || (r->failed == 0 && !r->expired) || (r->unknown & ~r->failed) != 0)
        abort();
}

static void ask(const struct policy *p, const struct policy_facts *f)
{
    struct policy_verdict v, again;
    unsigned told = 0;

    policy_judge(p, f, &v);
    policy_explain(p, f, count_reason, &told, &again);
    if ((v.means != POLICY_MEANS_AUTO && v.action != POLICY_BLOCK) ||
        (v.throttle != 0 && v.action == POLICY_BLOCK))
        abort();
    if ((v.keep_messages_s | v.keep_files_s) != 0 && policy_content(p)->vault.path == NULL)
        abort();
    if (v.number != again.number || v.action != again.action || v.expired != again.expired ||
        told != (v.number > 0 ? v.number - 1 : policy_rules(p)))
        abort();
}

static void look_at_content(const struct policy *p)
{
    const struct content_settings *s = policy_content(p);
    const struct detector_settings *d = policy_detectors(p);
    FILE *nowhere = fopen("/dev/null", "we");

    if (nowhere == NULL)
        abort();
    policy_print(p, nowhere);
    if (strlen(policy_version(p)) < 12 ||
        policy_enforce(p)->block_unscanned != (s->scan.fallback == SCAN_FALLBACK_BLOCK))
        abort();
    fclose(nowhere);
    if (s->scan.parallel < 1 || s->scan.parallel > 64 || s->scan.timeout_ms < 1000 || s->leaks.least < 1 ||
        s->scan.spool_bytes < s->scan.file_bytes || (s->vault.path == NULL) != (s->vault.key == NULL))
        abort();
    for (unsigned i = 0; i < threats_detector_count(); i++)
        for (unsigned t = 0; t < threats_detector(i)->threshold_count; t++)
            if (d[i].value[t] < threats_detector(i)->thresholds[t].least ||
                d[i].value[t] > threats_detector(i)->thresholds[t].most)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct catalog *catalog;
    struct policy *p;
    struct imw_error_info err = { 0 };

    if (catalog == NULL && !catalog_builtin(&catalog, NULL))
        abort();
    if (!policy_parse("fuzz", view_of(data, size), catalog, &p, &err))
        return err.code == IMW_OK ? abort(), 0 : 0;
    policy_check(p, UINT64_C(1795429800000000), ignore_warning, NULL);
    look_at_content(p);
    for (unsigned i = 0; i <= catalog_count(catalog); i += 7) {
        uint8_t octets[4] = { 10, (uint8_t)i, 0, 1 };
        struct ip_addr client = ip_from_v4(octets), server = client;
        struct policy_facts f = {
            .client = i % 3 != 0 ? &client : NULL,
            .server = &server,
            .service = (uint16_t)i,
            .class = CLASS_IM,
            .protocol = (enum protocol)(i % PROTOCOL_COUNT),
            .activities = (uint8_t)(i % 64),
            .delivery = (enum delivery)(i % DELIVERY_COUNT),
            .port_agile = i % 2 != 0,
            .server_name = VIEW("a.b.example"),
            .client_version = VIEW("ICQ 6.5"),
            .user = i % 5 == 0 ? VIEW("adams") : VIEW(""),
            .time_us = UINT64_C(1795429800000000) + i * UINT64_C(40000000000),
        };
        ask(p, &f);
    }
    policy_free(p);
    return 0;
}
