/* SPDX-License-Identifier: Apache-2.0 */
/* A stand for one detector: it runs alone, is told of messages, and its alerts are kept. */
#pragma once
#include "test.h"
#include "threat/threat.h"
#include <stdio.h>
#include <stdlib.h>

enum { STAND_ALERTS = 64, STAND_EVIDENCE = 800 };

struct stand_alert {
    unsigned id;
    enum severity severity;
    uint64_t time_us;
    char title[128], seen[512], subject[256];
    char evidence[ALERT_EVIDENCE][STAND_EVIDENCE]; /* "key=value" */
};

struct stand {
    struct threats *threats;
    struct flow flow;
    struct scene scene;
    struct known_who client;
    unsigned count; /* of alerts */
    struct stand_alert alert[STAND_ALERTS];
    void (*check)(struct stand *s); /* at each alert */
    void *context;
};

static inline void stand_alert(void *context, const struct scene *scene, const struct alert *a,
                               uint64_t suppressed)
{
    struct stand *s = context;
    (void)suppressed;
    if (getenv("STAND_SHOW") != NULL) {
        printf("# %llu %s: %s\n", (unsigned long long)(scene->time_us / 1000000), a->title, a->seen);
        for (unsigned i = 0; i < a->evidence_count; i++)
            printf("#     %s: %s\n", a->evidence[i].key, a->evidence[i].value);
    }
    if (s->count < STAND_ALERTS) {
        struct stand_alert *k = &s->alert[s->count];
        *k = (struct stand_alert){
            a->detector->id + a->kind, a->severity, scene->time_us, "", "", "", { "" }
        };
        snprintf(k->title, sizeof k->title, "%s", a->title);
        snprintf(k->seen, sizeof k->seen, "%s", a->seen);
        snprintf(k->subject, sizeof k->subject, "%s", a->subject);
        assert_true(a->why != NULL && a->advice != NULL && a->evidence_count <= ALERT_EVIDENCE);
        for (unsigned i = 0; i < a->evidence_count; i++)
            snprintf(k->evidence[i], sizeof k->evidence[i], "%s=%s", a->evidence[i].key,
                     a->evidence[i].value);
    }
    s->count++;
    if (s->check != NULL)
        s->check(s);
}

/* Alone the detector of this name, with its usual thresholds but for what `change` sets. */
static inline struct stand *stand_try(const char *name,
                                      void (*change)(const struct detector *d, struct detector_settings *s),
                                      struct imw_error_info *err)
{
    struct stand *s = calloc(1, sizeof *s);
    unsigned count = threats_detector_count();
    struct detector_settings *settings = calloc(count, sizeof *settings);
    bool found = false;

    assert_non_null(s);
    assert_non_null(settings);
    threats_defaults(settings);
    for (unsigned i = 0; i < count; i++) {
        settings[i].off = strcmp(threats_detector(i)->name, name) != 0;
        found |= !settings[i].off;
        if (!settings[i].off && change != NULL)
            change(threats_detector(i), &settings[i]);
    }
    assert_true(found);
    struct threats_config config = { .settings = settings, .alert = stand_alert, .context = s };
    bool ok = threats_new(&config, &s->threats, err);
    free(settings);
    if (!ok) {
        free(s);
        return NULL;
    }
    s->flow = (struct flow){ .service = 7, .key = { .l4 = L4_TCP } };
    s->flow.key.addr[0] = ip_from_v4((const uint8_t[]){ 10, 0, 0, 7 });
    s->flow.key.addr[1] = ip_from_v4((const uint8_t[]){ 192, 0, 2, 1 });
    s->scene = (struct scene){ .time_us = 1780000000000000, .flow_id = 1, .flow = &s->flow };
    return s;
}

static inline struct stand *stand_of(const char *name)
{
    struct imw_error_info err = { 0 };
    struct stand *s = stand_try(name, NULL, &err);
    if (s == NULL)
        fail_msg("%s", err.text);
    return s;
}

static inline void stand_free(struct stand *s)
{
    threats_free(s->threats);
    free(s);
}

static inline void stand_wait(struct stand *s, uint64_t ms)
{
    s->scene.time_us += ms * 1000;
}

/* A message from one to another, as it passes on the sender's connection. */
static inline void say(struct stand *s, const char *from, const char *to, const char *text)
{
    struct carried_message m = { .from = view_string(from),
                                 .to = view_string(to),
                                 .room = view_of(NULL, 0),
                                 .display = view_of(NULL, 0),
                                 .text = view_string(text),
                                 .outgoing = true };
    threats_message(s->threats, &s->scene, &m);
}

/* The same, as it passes on the receiver's. */
static inline void hear(struct stand *s, const char *from, const char *to, const char *text)
{
    struct carried_message m = { .from = view_string(from),
                                 .to = view_string(to),
                                 .room = view_of(NULL, 0),
                                 .display = view_of(NULL, 0),
                                 .text = view_string(text) };
    threats_message(s->threats, &s->scene, &m);
}

static inline void say_in_room(struct stand *s, const char *from, const char *room, const char *text)
{
    struct carried_message m = { .from = view_string(from),
                                 .to = view_of(NULL, 0),
                                 .room = view_string(room),
                                 .display = view_of(NULL, 0),
                                 .text = view_string(text),
                                 .outgoing = true };
    threats_message(s->threats, &s->scene, &m);
}

/* The value of an alert's evidence; "" where it has none. */
static inline const char *evidence_of(const struct stand *s, unsigned alert, const char *key)
{
    for (unsigned i = 0; i < ALERT_EVIDENCE; i++)
        if (strncmp(s->alert[alert].evidence[i], key, strlen(key)) == 0 &&
            s->alert[alert].evidence[i][strlen(key)] == '=')
            return s->alert[alert].evidence[i] + strlen(key) + 1;
    return "";
}
