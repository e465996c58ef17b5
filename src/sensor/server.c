/* SPDX-License-Identifier: Apache-2.0 */
/* The status with the servers' own counts, and text for answers. */
#include "sensor/server.h"
#include "base/json_value.h"

void server_status(const struct control_calls *calls, struct sensor_status *out)
{
    *out = (struct sensor_status){ .method = "", .state = "" };
    calls->status(calls->context, out);
    if (calls->counts == NULL)
        return;
    out->control.requests = calls->counts->requests;
    out->control.malformed = calls->counts->malformed;
    out->control.refused = calls->counts->refused;
    out->control.slow = calls->counts->slow;
    out->control.scrapes = calls->counts->scrapes;
}

json_t *server_text(const char *text)
{
    char clean[1024];
    struct text t = TEXT(clean);

    text_printable(&t, view_string(text));
    return json_stringn(clean, t.len);
}
