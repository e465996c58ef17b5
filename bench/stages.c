/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the time of reading goes: the same capture up to one stage of the engine, then up to the next.
 *
 *     stages read|decode|flow FILE
 *
 * read takes the frames, decode also finds the packets in them, flow also their flows and timers. What the
 * whole program takes beyond that is inspection and events.
 */
#include "flow/flow.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BATCH = 64, MAX_FLOWS = 1000000 };

static void ended(void *context, struct flow *f, enum flow_end why)
{
    uint64_t *count = context;

    (void)f;
    (void)why;
    ++*count;
}

int main(int argc, char **argv)
{
    int stage = argc != 3                        ? -1
                : strcmp(argv[1], "read") == 0   ? 0
                : strcmp(argv[1], "decode") == 0 ? 1
                : strcmp(argv[1], "flow") == 0   ? 2
                                                 : -1;
    static struct counters counters;
    struct flow_table_config config = { .max_flows = MAX_FLOWS };
    struct imw_error_info err;
    struct flow_table *flows;
    struct capture *c;
    struct frame frames[BATCH];
    struct packet packets[BATCH];
    uint32_t hashes[BATCH];
    uint64_t total = 0, flow_count = 0, now_us = 0;
    unsigned n;

    if (stage < 0) {
        fputs("usage: stages read|decode|flow FILE\n", stderr);
        return 2;
    }
    if (!capture_open(argv[2], &c, &err) ||
        !flow_table_new(&config, &counters, ended, &flow_count, &flows, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    clock_t start = clock();
    while ((n = capture_read(c, frames, BATCH)) > 0) {
        unsigned ready = 0;
        total += n;
        for (unsigned i = 0; stage >= 1 && i < n; i++) {
            if (decode(&frames[i], NULL, &counters, &packets[ready]) != DECODE_PACKET)
                continue;
            hashes[ready] = flow_hash(&packets[ready], 0);
            ready++;
        }
        for (unsigned i = 0; stage >= 2 && i < ready; i++) {
            enum flow_dir from;
            bool is_new;
            if (i + 12 < ready)
                flow_table_prefetch(flows, hashes[i + 12]);
            if (i + 8 < ready)
                flow_table_prefetch_entry(flows, hashes[i + 8]);
            flow_table_find(flows, &packets[i], hashes[i], &from, &is_new);
            now_us = packets[i].time_us > now_us ? packets[i].time_us : now_us;
        }
        if (stage >= 2)
            flow_table_advance(flows, now_us);
    }
    if (stage >= 2)
        flow_table_flush(flows);
    printf("%s: %llu frames, %llu flows, %.3f s of processor\n", argv[1], (unsigned long long)total,
           (unsigned long long)flow_count, (double)(clock() - start) / CLOCKS_PER_SEC);
    flow_table_free(flows);
    capture_close(c);
    return 0;
}
