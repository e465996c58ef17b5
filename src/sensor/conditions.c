/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions: when they begin, when they are over. */
#include "sensor/conditions.h"
#include "base/log.h"

static void check(struct condition *c, const char *key, const char *what, uint64_t limit, uint64_t count,
                  const char *to_do, uint64_t now_s)
{
    uint64_t more = count > c->last ? count - c->last : 0;

    if (!c->on && more >= limit) {
        *c = (struct condition){ .on = true, .before = c->last, .began_s = now_s, .seen_s = now_s };
        log_warning(key, "%s=%llu in a second: %s", what, (unsigned long long)more, to_do);
    } else if (c->on && more >= limit) {
        c->seen_s = now_s;
    } else if (c->on && now_s - c->seen_s >= CONDITION_QUIET_S) {
        c->on = false;
        log_notice(key, "over after seconds=%llu; %s=%llu meanwhile",
                   (unsigned long long)(c->seen_s - c->began_s + 1), what,
                   (unsigned long long)(count - c->before));
    }
    c->last = count;
}

unsigned conditions_check(struct conditions *c, const struct sensor_status *s, uint64_t now_s)
{
    unsigned held = 0;

#define X(id, key, what, limit, counter, to_do)                                                              \
    check(&c->of[CONDITION_##id], key, what, limit, counter, to_do, now_s);
    CONDITIONS(X)
#undef X
    for (unsigned i = 0; i < CONDITION_COUNT; i++)
        held += c->of[i].on;
    return held;
}
