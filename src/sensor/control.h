/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket: a Unix stream socket on which whoever may open it (its mode, and SO_PEERCRED: root or
 * the sensor's own user or group) asks and orders. One JSON object a line each way:
 *
 *     {"command":"status"}                       the whole of struct sensor_status
 *     {"command":"reload"}                       catalog and policy; answers when in force, or why not
 *     {"command":"reopen"}                       event files, after they were moved away
 *     {"command":"learn","address":"10.1.2.3","user":"alice","host":"pc-17","for_s":3600}
 *     {"command":"stop"}                         as SIGTERM
 *
 * answers {"ok":true,...} or {"ok":false,"error":"..."}. And the HTTP listener for /metrics (Prometheus text
 * format 0.0.4) and /healthz.
 */
#pragma once
#include "sensor/status.h"

/* What the server calls; from its own thread. */
struct control_calls {
    void (*status)(void *context, struct sensor_status *out);
    bool (*reload)(void *context, struct imw_error_info *err);
    void (*reopen)(void *context);
    void (*stop)(void *context);
    bool (*learn)(void *context, const struct ip_addr *addr, struct view user, struct view host,
                  uint32_t for_s, struct imw_error_info *err);
    void *context;
};

struct control;

/* Bind and listen (while it may), path NULL: no socket; and start the thread. */
bool control_new(const char *path, const struct control_calls *calls, struct control **out,
                 struct imw_error_info *err) IMW_MUST_USE;
void control_free(struct control *c); /* ends the thread, removes the socket */

/* Client side: send one request line, get the answer line (malloc'd, caller frees). */
bool control_ask(const char *path, const char *request, char **out_answer,
                 struct imw_error_info *err) IMW_MUST_USE;

struct metrics;

/* Listen on "ADDRESS:PORT" (loopback unless it says otherwise) with a thread of its own. */
bool metrics_new(const char *listen, const struct control_calls *calls, struct metrics **out,
                 struct imw_error_info *err) IMW_MUST_USE;
void metrics_free(struct metrics *m);

/* The forms, as malloc'd text, NULL without memory. */
char *status_json(const struct sensor_status *s);
char *status_prometheus(const struct sensor_status *s);
/* Is the sensor well? Up, events written, catalog not older than a limit ...; *out_why: one line. */
bool status_is_healthy(const struct sensor_status *s, char out_why[256]);
