/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector as a role of `imward serve`. It takes no messages of other roles; its certificate and key are
 * in DATA/keys/collector, the authority's key is not. When its certificate was made anew (SIGHUP) it ends,
 * and is started again; sensors come back by themselves.
 */
#include "base/log.h"
#include "base/thread.h"
#include "console/collector.h"
#include "console/serve.h"
#include <stdio.h>

static void alive(void *context)
{
    const struct role_context *c = context;

    changes_alive(c->changes, CONSOLE_COLLECTOR, clock_ms());
}

static bool confine(void *context, struct imw_error_info *err)
{
    return role_confine(context, NULL, 0, err);
}

int collector_main(const struct role_context *context)
{
    struct imw_error_info err = { 0 };
    char ca[512], own[512], line[768];
    int signals = role_signals(&err);
    struct role_context own_context = *context;
    const struct collector_config config = { .listener = context->listener,
                                             .signals = signals,
                                             .database = context->config->database,
                                             .ca = ca,
                                             .own = own,
                                             .changes = context->changes,
                                             .alive = alive,
                                             .context = &own_context };

    snprintf(ca, sizeof ca, "%s/keys/collector/ca.pem", context->config->data);
    snprintf(own, sizeof own, "%s/keys/collector/collector.pem", context->config->data);
    if (signals >= 0 && collector_run(&config, confine, &err))
        return ROLE_DONE;
    log_error("role_start", "role=collector: %s", error_format(&err, line, sizeof line));
    return ROLE_FAILED;
}
