/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of the sensor link: the input as a sensor sends it, then as a collector does. What is read is
 * within its limits, a frame is used up whole, and what is no batch is written as it was read.
 */
#include "event/collector_wire.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void batch_is_bounded(const struct collector_frame *f)
{
    struct view lines;

    if (f->plain > COLLECTOR_PLAIN_BYTES || f->packed.len > COLLECTOR_PACKED_BYTES)
        abort();
    uint8_t *plain = malloc(f->plain); /* to the octet, for the sanitizer */
    if (plain != NULL && collector_unpack(f, plain, &lines) &&
        (lines.len != f->plain || lines.at[lines.len - 1] != '\n'))
        abort();
    free(plain);
}

static void is_written_as_read(const struct collector_frame *f, struct view in)
{
    uint8_t out[COLLECTOR_REPLY_BYTES];

    if (!view_equal(view_of(out, collector_frame_write(f, out)), in))
        abort();
}

static void read_as(struct view in, bool from_sensor)
{
    struct collector_frame f;
    size_t used;

    while (collector_frame_parse(in, from_sensor, &f, &used) == WIRE_FRAME) {
        if (used == 0 || used > in.len)
            abort();
        if (f.type == COLLECTOR_BATCH)
            batch_is_bounded(&f);
        else
            is_written_as_read(&f, view_slice(in, 0, used));
        in = view_from(in, used);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_as(view_of(data, size), true);
    read_as(view_of(data, size), false);
    return 0;
}
