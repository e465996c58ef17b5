/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of what the console reads before it knows who asks, and of messages between its roles: the
 * first byte says which. */
#include "console/dispatch.h"
#include "console/handover.h"
#include "console/link.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_target(struct view in)
{
    const char *parts[CALL_PARTS];
    struct target t;
    unsigned allowed;

    if (!target_parse(in, &t))
        return;
    for (unsigned i = 0; i < t.count; i++)
        if (t.segments[i][0] == '\0' || strchr(t.segments[i], '/') != NULL ||
            strcmp(t.segments[i], "..") == 0)
            abort();
    const struct route *r = route_find(METHOD_GET, &t, parts, &allowed);
    if (r != NULL && (allowed & 1u << METHOD_GET) == 0)
        abort();
    json_decref(query_parse(t.query, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sockaddr_storage from;
    socklen_t from_size;
    uint64_t id = 0;

    if (size == 0)
        return 0;
    struct view in = view_of(data + 1, size - 1);
    switch (data[0] % 4) {
    case 0: try_target(in); break;
    case 1: json_decref(body_parse(in, NULL)); break;
    case 2: {
        json_t *message = link_parse(in, &id);
        if (message != NULL && id == 0)
            abort();
        json_decref(message);
        break;
    }
    default: (void)handover_parse(in, &from, &from_size); break;
    }
    return 0;
}
