/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as records in a ring: all facts copied, so that nothing borrowed outlives the packet, but the
 * catalog, which event_writer_drained() tells when it may go. Made by the worker, read by the writer of
 * events.
 *
 * Message text is never copied: what is not in the ring cannot reach an event. What leaks were found comes
 * masked.
 */
#pragma once
#include "event/event.h"
#include "event/ring.h"

enum {
    PACK_VALUE_BYTES = 256, /* of a text, as many as an event has of it */
    PACK_SENTENCE_BYTES = 1024,
    PACK_FINDINGS = 32, /* of a file, told in its event */
};

enum packed_type { PACKED_FLOW, PACKED_ACTIVITY, PACKED_STATS, PACKED_FILE, PACKED_ALERT, PACKED_ENFORCED };

/* False: no room; counted by the ring. */
bool pack_flow(struct ring *r, const struct flow_event *e);
bool pack_activity(struct ring *r, const struct activity_event *e);
bool pack_enforced(struct ring *r, const struct enforced_event *e);
bool pack_file(struct ring *r, const struct file_event *e);
bool pack_alert(struct ring *r, const struct alert_event *e);
bool pack_stats(struct ring *r, const struct counters *counters, uint64_t time_us);

/* An event of any type. */
struct event {
    enum packed_type type;
    union {
        struct flow_event flow;
        struct activity_event activity;
        struct enforced_event enforced;
        struct file_event file;
        struct alert_event alert;
        struct {
            const struct counters *counters;
            uint64_t time_us;
        } stats;
    };
    struct im_detail detail;     /* of an activity, which points to it */
    struct activity_event where; /* of what was stopped; likewise */
    struct scene scene;          /* of a file or an alert; likewise */
    struct carried_file carried;
    struct leaked leaked;
    struct alert raised;
};

/* The event of a record; it points into the record and into *out. */
void unpack(const void *record, struct event *out);
/* By unpack(): files and alerts. */
void unpack_content(const void *record, struct event *out);
