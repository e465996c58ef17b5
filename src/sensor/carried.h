/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The content pipeline (engine/pipeline.h) of a running sensor: what the policy wants done with messages and
 * files, and where alerts and files' events go. Its settings are read once, before the sandbox is closed, and
 * hold until the sensor ends; rules and catalog follow reloads.
 */
#pragma once
#include "engine/engine.h"
#include "event/writer.h"
#include "sensor/sensor.h"

struct carried_content {
    struct rules *settings;      /* whose policy the pipeline borrows from; none of its rules is asked */
    struct documents *documents; /* NULL: nobody searches them */
    struct pipeline *pipeline;
    struct event_writer *writer;
    /* Told of the verdict on each file; NULL: nobody. */
    void (*judged)(void *context, uint32_t file, const struct scan_result *result);
    void *judged_context;
    uint64_t compared; /* serial of the rules that carried_compare() saw last */
};

/* Read the settings, and start what could not be started later: before the sandbox and any thread. */
bool carried_load(struct carried_content *c, const struct sensor_config *config,
                  struct imw_error_info *err) IMW_MUST_USE;
/* They are there also where there is no policy. */
const struct content_settings *carried_settings(const struct carried_content *c,
                                                struct content_settings *usual);

/* Start the threads; `rules` are those of the engine, which is made with c->pipeline after this. c->judged is
 * set before. */
bool carried_start(struct carried_content *c, const struct sensor_config *config, const struct rules *rules,
                   struct event_writer *writer, struct imw_error_info *err) IMW_MUST_USE;
/* After a reload: say in the log where the new policy asks for settings that hold from the next start only.
 */
void carried_compare(struct carried_content *c, const struct rules *now);
/* Work off what is left; the writer must run. */
void carried_stop(struct carried_content *c);
void carried_free(struct carried_content *c);
