/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the counters, from their table. */
#include "base/counters.h"

static const struct {
    const char *name, *help;
} table[COUNTER_COUNT] = {
#define X(id, name, what) [COUNT_##id] = { name, what },
    COUNTERS(X)
#undef X
};

const char *counter_name(enum counter which)
{
    return table[which].name;
}

const char *counter_help(enum counter which)
{
    return table[which].help;
}

void counters_sum(struct counters *sum, const struct counters *add)
{
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        sum->n[i] += add->n[i];
}
