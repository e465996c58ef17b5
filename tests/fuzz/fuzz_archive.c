/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an archive, with small limits: what is visited keeps within them. */
#include "content/archive.h"
#include <stdlib.h>
#include <time.h>

enum { MEMBERS = 50, BYTES = 1 << 20, SECONDS = 5 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
    unsigned members;
    uint64_t bytes;
};

static bool visit(void *context, const struct archive_member *m)
{
    struct sum *s = context;

    s->members++;
    s->bytes += m->content.len;
    for (size_t i = 0; i < m->name.len; i++)
        s->bytes += m->name.at[i] == 0; /* all of it can be read */
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct spool *spool = NULL;
    struct archive_report report;
    struct sum sum = { 0 };
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    const struct archive_limits limits = { .depth = 3,
                                           .members = MEMBERS,
                                           .ratio = 100,
                                           .bytes = BYTES,
                                           .deadline_ms = ((int64_t)now.tv_sec + SECONDS) * 1000 };
    if (!spool_new(NULL, BYTES, 4 * BYTES, &spool, NULL))
        abort();
    struct spool_file *beside = spool_open(spool);
    archive_walk(view_of(data, size), beside, &limits, visit, &sum, &report);
    if (sum.members > MEMBERS || report.members > MEMBERS)
        abort();
    spool_close(beside);
    spool_free(spool);
    return 0;
}
