/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threat detectors: each is one file with its reasoning, its thresholds and what it cannot know. They run on
 * the content thread, off the packet path, and are told of everything that happens on IM flows in the order
 * in which it is seen; they raise alerts.
 *
 * A detector is one `const struct detector`, in threat/detectors.def. Its state is its own, bounded, and
 * forgotten when it stops. Time is the traffic's: nothing reads the clock.
 */
#pragma once
#include "base/error.h"
#include "content/leak.h"
#include "content/scan.h"
#include "identify/inspect.h"

/* Where something happened. Borrowed for the call. */
struct scene {
    uint64_t time_us, flow_id;
    const struct flow *flow;     /* NULL: it is about no flow (the age of signatures) */
    const struct record *record; /* NULL: nothing was noted */
    const struct catalog *catalog;
    const struct known_who *client, *server; /* NULL: not known */
    const char *file;                        /* capture's name; NULL: live */
    bool port_agile;
};

/* A message. Empty views where not known. */
struct carried_message {
    struct view from, to, room; /* accounts: sender, receiver or room */
    struct view display;        /* the sender's name as shown */
    struct view text;           /* plain UTF-8 (content/plain.h) */
    uint64_t sent_us;           /* when it was written; where that is not told, the scene's time */
    bool outgoing;              /* from the flow's client */
    bool again;                 /* a copy of one sent before */
};

/* A file that came to its end, scanned or not. */
struct carried_file {
    struct view name, from, to, room;
    uint64_t size;
    const uint8_t *sha256;          /* NULL: not worked out */
    const struct scan_result *scan; /* NULL: not scanned yet */
    bool outgoing, whole;
};

/* What the search for leaks found in a message or in a file: one of the two is NULL. Detectors are told where
 * it found something. */
struct leaked {
    const struct carried_message *message;
    const struct carried_file *file;
    const struct leak_finding *finding; /* the first `told` of `count` */
    unsigned count, told;
    const char *unsearched; /* why not all of the text was searched; NULL: it was */
};

/* 1 is the worst, as in Suricata. */
enum severity { SEVERITY_HIGH = 1, SEVERITY_MEDIUM = 2, SEVERITY_LOW = 3 };

enum { ALERT_EVIDENCE = 12 };

/* One alert, all of it text for people; borrowed for the call. */
struct alert {
    const struct detector *detector;
    unsigned kind; /* within the detector, from 0: its signature_id is detector->id + kind */
    enum severity severity;
    const char *title;  /* what kind of thing: "worm spreading over buddy lists"; the EVE signature */
    const char *seen;   /* what was seen, with numbers */
    const char *why;    /* why that is a threat */
    const char *advice; /* what to do */
    struct {
        const char *key;
        const char *value;
    } evidence[ALERT_EVIDENCE];
    unsigned evidence_count;
    const char *subject; /* whom or what it is about (account, address): what suppression counts by */
};

/* One threshold of a detector, as the policy file may set it. */
struct threshold {
    const char *name; /* "buddies" */
    uint64_t usual, least, most;
    const char *unit, *help;
};

enum { DETECTOR_THRESHOLDS = 12, DETECTOR_LISTS = 4 };

/* A list of a detector's that the policy may give: a file of lines. */
struct detector_list {
    const char *name, *help;
};

/* What the policy says of one detector. */
struct detector_settings {
    bool off;
    uint64_t value[DETECTOR_THRESHOLDS]; /* in the order of its thresholds */
    const char *path[DETECTOR_LISTS];    /* NULL: not given */
    uint32_t suppress_s;                 /* the same subject again within: counted, not told; 0: 3600 */
};

/* What a detector may know of the institution. */
struct threat_world {
    /* Networks of our own; an address in private space is ours anyhow. NULL: none given. */
    bool (*is_inside)(void *context, const struct ip_addr *addr);
    void *context;
};

struct threats;

struct detector {
    const char *name; /* in the policy file and in events: "worm" */
    unsigned id;      /* signature_id of its first kind of alert: hundreds apart, never used again */
    const char *help; /* one line */
    const struct threshold *thresholds;
    unsigned threshold_count;
    const struct detector_list *lists;
    unsigned list_count;
    /* State, or NULL and err (a list that cannot be read: file and line). */
    void *(*start)(const struct detector_settings *settings, const struct threat_world *world,
                   struct imw_error_info *err);
    void (*stop)(void *state);
    /* Each may be NULL. */
    void (*on_message)(void *state, struct threats *t, const struct scene *s,
                       const struct carried_message *m);
    void (*on_file)(void *state, struct threats *t, const struct scene *s, const struct carried_file *f);
    void (*on_activity)(void *state, struct threats *t, const struct scene *s, enum activity a,
                        const struct im_detail *d);
    void (*on_contact)(void *state, struct threats *t, const struct scene *s, const struct im_contact *c);
    void (*on_anomaly)(void *state, struct threats *t, const struct scene *s, enum anomaly a,
                       struct view value);
    /* The client showed a cookie or ticket (its hash) to be let in without a password. */
    void (*on_ticket)(void *state, struct threats *t, const struct scene *s, uint64_t hash);
    void (*on_flow)(void *state, struct threats *t, const struct scene *s); /* a flow ended */
    void (*on_leaks)(void *state, struct threats *t, const struct scene *s, const struct leaked *l);
    /* How the virus scanners are, now and then; the scene has a time only (flow is NULL). */
    void (*on_scanners)(void *state, struct threats *t, const struct scene *s,
                        const struct scanner_status *status);
    /* Traffic's time went on; at most once a second of it. */
    void (*on_time)(void *state, struct threats *t, uint64_t now_us);
};

struct threats_config {
    const struct detector_settings *settings; /* threats_detector_count() of them; NULL: all as usual */
    struct threat_world world;
    void (*alert)(void *context, const struct scene *s, const struct alert *a, uint64_t suppressed);
    void *context;
};

bool threats_new(const struct threats_config *config, struct threats **out,
                 struct imw_error_info *err) IMW_MUST_USE;
void threats_free(struct threats *t);

/* All detectors, in the order of detectors.def. */
unsigned threats_detector_count(void);
const struct detector *threats_detector(unsigned i);
/* The usual settings of each. */
void threats_defaults(struct detector_settings *out);

void threats_message(struct threats *t, const struct scene *s, const struct carried_message *m);
void threats_file(struct threats *t, const struct scene *s, const struct carried_file *f);
void threats_activity(struct threats *t, const struct scene *s, enum activity a, const struct im_detail *d);
void threats_contact(struct threats *t, const struct scene *s, const struct im_contact *c);
void threats_anomaly(struct threats *t, const struct scene *s, enum anomaly a, struct view value);
void threats_ticket(struct threats *t, const struct scene *s, uint64_t hash);
void threats_flow(struct threats *t, const struct scene *s);
void threats_leaks(struct threats *t, const struct scene *s, const struct leaked *l);
void threats_scanners(struct threats *t, const struct scene *s, const struct scanner_status *status);

/* By detectors: raise an alert. The same kind about the same subject within the time of suppression is
 * counted, and the count told with the next. */
void threats_raise(struct threats *t, const struct scene *s, const struct alert *a);

struct threats_status {
    uint64_t raised, suppressed;
};
void threats_status(const struct threats *t, struct threats_status *out);
