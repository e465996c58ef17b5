/* SPDX-License-Identifier: Apache-2.0 */
/* The content pipeline of a running sensor. */
#include "sensor/carried.h"
#include "base/log.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

bool carried_load(struct carried_content *c, const struct sensor_config *config, struct imw_error_info *err)
{
    struct content_settings usual;

    if (config->policy != NULL && !rules_load(config->catalog, config->policy, NULL, &c->settings, err))
        return false;
    const struct content_settings *settings = carried_settings(c, &usual);
    /* The sandbox lets us write below folders that are there when it begins. */
    if (settings->vault.path != NULL && mkdir(settings->vault.path, 0700) != 0 && errno != EEXIST)
        return error_errno(err, settings->vault.path);
    return !settings->leaks.wanted || documents_new(&c->documents, err);
}

const struct content_settings *carried_settings(const struct carried_content *c,
                                                struct content_settings *usual)
{
    settings_default(usual);
    return c->settings != NULL ? policy_content(c->settings->policy) : usual;
}

static void on_file(void *context, const struct file_event *e)
{
    const struct carried_content *c = context;

    event_writer_wait_for_content(c->writer); /* no packet waits for the content thread */
    (void)event_put_file(c->writer, e);
}

static void on_alert(void *context, const struct alert_event *e)
{
    const struct carried_content *c = context;

    event_writer_wait_for_content(c->writer);
    (void)event_put_alert(c->writer, e);
}

static void on_judged(void *context, uint32_t file, const struct scan_result *result)
{
    const struct carried_content *c = context;

    c->judged(c->judged_context, file, result);
}

static void on_problem(void *context, const struct imw_error_info *err)
{
    char line[768];

    (void)context;
    log_error("content_failed", "%s", error_format(err, line, sizeof line));
}

static bool is_inside(void *context, const struct ip_addr *addr)
{
    return policy_is_inside(context, addr);
}

bool carried_start(struct carried_content *c, const struct sensor_config *config, const struct rules *rules,
                   struct event_writer *writer, struct imw_error_info *err)
{
    struct content_settings usual;
    const struct content_settings *settings = carried_settings(c, &usual);
    struct pipeline_config pipeline = { .workers = config->live.workers,
                                        .settings = settings,
                                        .files = settings->scan.wanted || settings->leaks.wanted ||
                                                 settings->vault.path != NULL,
                                        .threats = true,
                                        .documents = c->documents,
                                        .spool = config->spool,
                                        .rules = rules,
                                        .file = on_file,
                                        .alert = on_alert,
                                        .problem = on_problem,
                                        .context = c };

    c->writer = writer;
    pipeline.judged = c->judged != NULL ? on_judged : NULL;
    if (c->settings != NULL) {
        pipeline.detectors = policy_detectors(c->settings->policy);
        pipeline.world = (struct threat_world){ .is_inside = is_inside, .context = c->settings->policy };
    }
    return pipeline_new(&pipeline, &c->pipeline, err);
}

/* The settings as text; the caller's to free. NULL without memory. */
static char *settings_text(const struct policy *p)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL)
        return NULL;
    policy_print_settings(p, out);
    fclose(out);
    return text;
}

void carried_compare(struct carried_content *c, const struct rules *now)
{
    if (c->settings == NULL || now->policy == NULL || now->serial == c->compared)
        return;
    c->compared = now->serial;
    char *held = settings_text(c->settings->policy), *asked = settings_text(now->policy);
    if (held != NULL && asked != NULL && strcmp(held, asked) != 0)
        log_warning("content_settings",
                    "inside, scan, leaks, vault or detect have changed: they hold from the "
                    "next start; until then those of the last one do");
    free(held);
    free(asked);
}

void carried_stop(struct carried_content *c)
{
    if (c->pipeline != NULL)
        pipeline_stop(c->pipeline);
}

void carried_free(struct carried_content *c)
{
    pipeline_free(c->pipeline);
    documents_free(c->documents);
    rules_free(c->settings);
}
