/* SPDX-License-Identifier: Apache-2.0 */
/* What the server says of itself, and the stream of changes. */
#include "console/routes.h"

void health_show(struct call *c)
{
    call_json(c, 200, json_pack("{s:b, s:s}", "ok", 1, "version", IMWARD_VERSION));
}

void openapi_show(struct call *c)
{
    call_bytes(c, "application/yaml", view_of(openapi_text, openapi_text_len));
}

void stream_open(struct call *c)
{
    if (c->signed_in == NULL)
        call_problem(c, 403, NULL,
                     "the stream is for browsers that are signed in; a program asks GET /events");
    else
        call_stream(c);
}
