/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One person's days: signal_judge.h. Medians, since a single busy or empty day says nothing. Questions come
 * in the order of what rules most people out; each has its verdict, so that "no signal" can be explained,
 * too.
 */
#include "program/signal_judge.h"
#include <stdlib.h>

enum {
    SILENT_PERCENT = 20, /* of what was expected: no more than that is silence */
    VERY_SILENT_PERCENT = 5,
    MEDIUM_PERCENT = 10,
    BACK_PERCENT = 50, /* of what was expected: a signal ends */
    STRONG_PEERS = 800,
    MEDIUM_PEERS = 700,
    PUBLIC_LEAST_PERCENT = 50, /* of the usual use of public IM */
    PUBLIC_RISE_PERCENT = 150,
};

static int by_value(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

uint32_t judge_median10(uint32_t *values, unsigned count)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof *values, by_value);
    if (count % 2 == 1)
        return values[count / 2] * 10;
    return (values[count / 2 - 1] + values[count / 2]) * 5;
}

static bool is_active(const struct judge_day *d)
{
    return d->messages > 0 || (d->flows >= JUDGE_ACTIVE_FLOWS && d->bytes_out >= JUDGE_ACTIVE_BYTES);
}

static unsigned active_days(const struct judge_day *days, unsigned count)
{
    unsigned n = 0;

    for (unsigned i = 0; i < count; i++)
        n += is_active(&days[i]);
    return n;
}

static uint64_t approved_sum(const struct judge_day *days, unsigned count)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < count; i++)
        sum += days[i].approved;
    return sum;
}

/* What the window holds, and what it would have held. */
static void measure(const struct judge_case *c, uint32_t usual10, struct judge_finding *f)
{
    const int peers = c->peers < 0 || c->peers > 1000 ? 1000 : c->peers;
    uint64_t seen = approved_sum(c->now, c->now_count);

    f->usual10 = usual10;
    f->expected = (uint32_t)((uint64_t)usual10 * c->now_count * (unsigned)peers / 10000);
    f->seen = seen > UINT32_MAX ? UINT32_MAX : (uint32_t)seen;
    f->active_days = active_days(c->now, c->now_count);
    for (unsigned i = 0; i < c->now_count; i++) {
        f->messages += c->now[i].messages;
        f->flows += c->now[i].flows;
        f->stopped += c->now[i].stopped;
    }
}

static uint32_t flows_median10(const struct judge_day *days, unsigned count)
{
    uint32_t values[JUDGE_BASELINE];

    for (unsigned i = 0; i < count; i++)
        values[i] = days[i].flows + days[i].messages;
    return judge_median10(values, count);
}

/* A whole week before that was as silent, with public IM. */
static bool was_so(const struct judge_case *c, uint32_t usual10)
{
    for (unsigned end = c->before_count; end >= JUDGE_WINDOW; end -= JUDGE_WINDOW) {
        const struct judge_day *week = c->before + end - JUDGE_WINDOW;
        if (approved_sum(week, JUDGE_WINDOW) * 1000 <= (uint64_t)usual10 * JUDGE_WINDOW * SILENT_PERCENT &&
            active_days(week, JUDGE_WINDOW) >= JUDGE_ACTIVE_DAYS)
            return true;
    }
    return false;
}

static unsigned level_of(const struct judge_case *c, const struct judge_finding *f)
{
    const uint64_t percent = (uint64_t)f->seen * 100;
    const int peers = c->peers < 0 ? 0 : c->peers; /* nobody to compare with is no proof that others wrote */

    if (c->excepted)
        return 3;
    if (percent <= (uint64_t)f->expected * VERY_SILENT_PERCENT && peers >= STRONG_PEERS &&
        f->public_usual10 >= 0 &&
        (uint64_t)flows_median10(c->now, c->now_count) * 100 >=
            (uint64_t)f->public_usual10 * PUBLIC_RISE_PERCENT)
        return 1;
    return percent <= (uint64_t)f->expected * MEDIUM_PERCENT && peers >= MEDIUM_PEERS ? 2 : 3;
}

static enum judge_verdict judge(const struct judge_case *c, struct judge_finding *f)
{
    uint32_t values[JUDGE_BASELINE];
    unsigned wrote = 0;

    if (c->before_count < JUDGE_BASELINE_LEAST || c->now_count < JUDGE_WINDOW)
        return JUDGE_TOO_FEW_DAYS;
    for (unsigned i = 0; i < c->before_count; i++) {
        values[i] = c->before[i].approved;
        wrote += values[i] > 0;
    }
    measure(c, judge_median10(values, c->before_count), f);
    f->public_usual10 = c->public_known ? (int32_t)flows_median10(c->before, c->before_count) : -1;
    if (f->usual10 < JUDGE_HABIT * 10 || wrote * 100 < c->before_count * JUDGE_HABIT_PERCENT)
        return JUDGE_NO_HABIT;
    if (c->peers >= 0 && c->peers < JUDGE_PEERS_LEAST)
        return JUDGE_PEERS_QUIET;
    if ((uint64_t)f->seen * 100 > (uint64_t)f->expected * SILENT_PERCENT)
        return JUDGE_NOT_SILENT;
    if (f->active_days < JUDGE_ACTIVE_DAYS)
        return JUDGE_NOT_ACTIVE;
    if (f->public_usual10 > 0 && (uint64_t)flows_median10(c->now, c->now_count) * 100 <
                                     (uint64_t)f->public_usual10 * PUBLIC_LEAST_PERCENT)
        return JUDGE_LESS_ACTIVE;
    return was_so(c, f->usual10) ? JUDGE_WAS_SO : JUDGE_SIGNAL;
}

void signal_judge(const struct judge_case *c, struct judge_finding *out)
{
    *out = (struct judge_finding){ .public_usual10 = -1 };
    out->verdict = judge(c, out);
    if (out->verdict == JUDGE_SIGNAL)
        out->level = level_of(c, out);
}

bool signal_goes_on(uint32_t usual10, const struct judge_case *c, struct judge_finding *out)
{
    *out = (struct judge_finding){ .public_usual10 = -1 };
    measure(c, usual10, out);
    if (out->active_days < JUDGE_ACTIVE_DAYS)
        out->verdict = JUDGE_NOT_ACTIVE;
    else if ((uint64_t)out->seen * 100 > (uint64_t)out->expected * BACK_PERCENT)
        out->verdict = JUDGE_NOT_SILENT;
    return out->verdict == JUDGE_SIGNAL;
}

const char *judge_verdict_name(enum judge_verdict v)
{
    static const char *const names[JUDGE_VERDICTS] = {
        [JUDGE_SIGNAL] = "signal",           [JUDGE_TOO_FEW_DAYS] = "too few days",
        [JUDGE_NO_HABIT] = "no habit",       [JUDGE_NOT_SILENT] = "not silent",
        [JUDGE_NOT_ACTIVE] = "not active",   [JUDGE_LESS_ACTIVE] = "less active",
        [JUDGE_PEERS_QUIET] = "peers quiet", [JUDGE_WAS_SO] = "was so before",
    };

    return v < JUDGE_VERDICTS ? names[v] : "";
}
