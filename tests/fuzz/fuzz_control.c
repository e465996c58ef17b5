/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of the control socket: the input is a request line, then a status as a client may get it from
 * a program that is no sensor. An answer is one line, an object with "ok"; names that are learnt are short
 * and printable; what is read from a lying status can be shown.
 */
#include "../unit/sensor/pretend.h"
#include "base/json_value.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool learn_checked(void *context, const struct ip_addr *addr, struct view user, struct view host,
                          uint32_t for_s, struct imw_error_info *err)
{
    (void)context;
    (void)addr;
    (void)err;
    if (user.len >= WHO_NAME_BYTES || host.len >= WHO_NAME_BYTES || user.len + host.len == 0 ||
        for_s > 366 * 86400)
        abort();
    for (size_t i = 0; i < user.len; i++)
        if (user.at[i] < 0x20)
            abort();
    return true;
}

static void answer_is_one_object(const char *answer)
{
    json_error_t why;
    json_t *object = json_loads(answer, 0, &why);

    if (object == NULL || !json_is_boolean(json_object_get(object, "ok")) ||
        strchr(answer, '\n') != answer + strlen(answer) - 1)
        abort();
    json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rules *rules;
    struct pretend p = { .started_us = 1, .now_us = 61000001, .workers = 2, .services = 2 };
    struct control_calls calls = pretend_calls(&p);
    struct sensor_status s;
    char why[256];

    if (rules == NULL) /* once: they never change */
        rules = pretend_rules_new(NULL);
    p.rules = rules;
    calls.learn = learn_checked;
    calls.context = &p;
    char *answer = control_handle(&calls, view_of(data, size));
    if (answer == NULL)
        abort();
    answer_is_one_object(answer);
    free(answer);

    json_t *object = json_loadb((const char *)data, size, 0, NULL);
    status_read(object, &s);
    json_decref(object);
    (void)status_is_healthy(&s, why);
    if (s.worker_count > ENGINE_WORKERS_MAX || s.events.service_count > TOP_SERVICES ||
        s.events.output_count > OUTPUTS_MAX)
        abort();
    free(status_prometheus(&s));
    char *json = status_json(&s);
    if (json == NULL)
        abort();
    free(json);
    return 0;
}
