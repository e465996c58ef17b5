/* SPDX-License-Identifier: Apache-2.0 */
/* What the control socket (control.c) and the HTTP listener (metrics.c) have in common. */
#pragma once
#include "base/log.h"
#include "sensor/control.h"

/* The status, with what the servers counted. */
void server_status(const struct control_calls *calls, struct sensor_status *out);

/* The answer to {"command":"rules"}: a page that begins with rule `from`. NULL without memory. */
struct json_t *control_rules(const struct control_calls *calls, uint64_t from, bool dead);

/* Text as a JSON string: printable, at most 1 KiB of it. NULL without memory. */
struct json_t *server_text(const char *text);
