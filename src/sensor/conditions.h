/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions that someone should know of: something is lost, or a limit is reached. Once a second the
 * counters are looked at; the log says when a condition begins, with what to do, and, when nothing of it was
 * seen for a while, that it is over and what it cost. However long it lasts, that is two lines.
 */
#pragma once
#include "sensor/status.h"

/* id, key in the log, what is counted, how many more in a second make it one, the counter, what to do */
#define CONDITIONS(X)                                                                                         \
    X(KERNEL_DROPS, "kernel_drops", "packets", 1, s->live.dropped,                                            \
      "a ring of the kernel is full: more --workers, a larger --ring-mib, or less else on this machine")      \
    X(TABLE_FULL, "flow_table_full", "flows_ended_early", 1, s->counters.n[COUNT_FLOWS_EVICTED],              \
      "raise --max-flows; many flows of one packet are a flood or a scan: the idlest are ended first")        \
    X(INSPECT_FULL, "inspection_full", "flows_not_inspected", 1, s->counters.n[COUNT_INSPECT_FULL],           \
      "more flows are inspected at a time than there is memory for: more --workers")                          \
    X(FRAGMENTS, "fragments_dropped", "fragments", 100, s->counters.n[COUNT_FRAGMENTS_DROPPED],               \
      "fragments that do not make datagrams: a flood, or half of the traffic does not come to the port")      \
    X(EVENTS_LOST, "events_lost", "events", 1, s->events.lost,                                                \
      "an event ring is full: the outputs are slower than the events; a faster disk, or fewer events")        \
    X(CONTENT_LOST, "content_lost", "records", 1, s->counters.n[COUNT_CONTENT_LOST],                          \
      "messages and pieces of files come faster than they are looked into: a faster disk, fewer leak rules")  \
    X(FILES_REFUSED, "files_refused", "files", 1, s->content.files_refused,                                   \
      "too many files at a time, or the spool is full: raise the policy's scan.spool_limit, or give it room") \
    X(NOT_KEPT, "vault_failed", "messages_and_files", 1, s->content.not_kept,                                 \
      "the vault could not keep what the policy wants kept: content_failed in this log says why")             \
    X(GATE_WAITS, "gateway_waits", "packets", 1, s->counters.n[COUNT_GATE_HELD_TOO_LONG],                     \
      "the scanner or the rest of a message did not come in time: they pass or are cut as --fail says")       \
    X(GATE_ANSWERS, "gateway_answers", "packets", 1, s->counters.n[COUNT_GATE_FORGED_FAILED],                 \
      "no reset or answer could be sent (no route back?): what is blocked is dropped, and its ends wait")     \
    X(BYPASS_FULL, "bypass_full", "flows_not_bypassed", 1, s->live.bypass_full,                               \
      "the kernel's table of bypassed flows is full: the others go on as before")

enum {
#define X(id, ...) CONDITION_##id,
    CONDITIONS(X)
#undef X
        CONDITION_COUNT
};

enum { CONDITION_QUIET_S = 10 }; /* without more of it, it is over */

struct conditions {
    struct condition {
        bool on;
        uint64_t last;            /* the counter, at the last look */
        uint64_t before;          /* when it began */
        uint64_t began_s, seen_s; /* by the caller's clock */
    } of[CONDITION_COUNT];
};

/* Once a second, `now_s` of a clock that only grows. Returns how many conditions hold. */
unsigned conditions_check(struct conditions *c, const struct sensor_status *s, uint64_t now_s);
