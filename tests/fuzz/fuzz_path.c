/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of the whole packet path: the input is a capture. It goes through the engine with one worker
 * and tiny limits; every flow, IM or not, is written as an event and entered into the table, which is
 * printed. At the end all memory of inspection must have come back. The engine is made once: captures do not
 * know of each other.
 */
#include "engine/engine.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct output {
    struct table *table;
};

static void on_flow(void *context, const struct flow_event *e)
{
    const struct output *out = context;
    char line[EVE_LINE_BYTES];
    size_t len = eve_flow(e, line);

    if (len < 2 || line[len - 1] != '\n' || line[len - 2] != '}' || !table_add(out->table, e))
        abort();
}

static void on_activity(void *context, const struct activity_event *e)
{
    char line[EVE_LINE_BYTES];

    (void)context;
    (void)eve_activity(e, line);
}

static struct engine *engine_of(struct output *out)
{
    static struct engine *engine;
    struct rules *rules;
    struct imw_error_info err;

    if (engine != NULL)
        return engine;
    if (!rules_load(NULL, NULL, NULL, &rules, &err))
        abort();
    struct engine_config config = { .rules = rules,
                                    .workers = 1,
                                    .max_flows = 8,
                                    .max_inspections = 6,
                                    .all_flows = true,
                                    .flow = on_flow,
                                    .activity = on_activity,
                                    .context = out };
    if (!engine_new(&config, &engine, &err))
        abort();
    return engine;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct output out;
    static FILE *nowhere;
    struct engine *e = engine_of(&out);
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    struct imw_error_info err;
    struct capture *c;
    char path[32];

    if (nowhere == NULL && (nowhere = fopen("/dev/null", "we")) == NULL)
        abort();
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (capture_open(path, &c, &err)) {
        out.table = table_new(true);
        if (out.table == NULL)
            abort();
        (void)engine_read(e, c, "fuzz.pcap", &err);
        table_print(out.table, nowhere, true);
        table_free(out.table);
        capture_close(c);
        if (engine_memory(e).inspect_used != 0)
            abort();
    }
    close(fd);
    return 0;
}
