/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the detectors what happens, and passes their alerts on unless the same was said shortly before. */
#include "base/hash.h"
#include "threat/threat.h"
#include <stdlib.h>

#define D(file) extern const struct detector detector_##file;
#include "threat/detectors.def"
#undef D

#define D(file) &detector_##file,
static const struct detector *const detectors[] = {
#include "threat/detectors.def"
    NULL
};
#undef D

enum {
    COUNT = sizeof detectors / sizeof detectors[0] - 1,
    SUPPRESS_S = 3600,
    SUBJECTS = 1 << 14, /* of which it is known when they were told last */
    WAYS = 4,
};

struct told {
    uint64_t subject; /* hash of detector, kind and subject; 0: empty */
    uint64_t at_us, held_back;
};

struct threats {
    struct threats_config config;
    struct detector_settings settings[COUNT + 1];
    void *state[COUNT + 1];
    uint64_t second; /* of the traffic's time, when the detectors were told last */
    struct threats_status status;
    struct told told[SUBJECTS];
};

unsigned threats_detector_count(void)
{
    return COUNT;
}

const struct detector *threats_detector(unsigned i)
{
    return detectors[i];
}

void threats_defaults(struct detector_settings *out)
{
    for (unsigned i = 0; i < COUNT; i++) {
        out[i] = (struct detector_settings){ .suppress_s = SUPPRESS_S };
        for (unsigned v = 0; v < detectors[i]->threshold_count; v++)
            out[i].value[v] = detectors[i]->thresholds[v].usual;
    }
}

bool threats_new(const struct threats_config *config, struct threats **out, struct imw_error_info *err)
{
    struct threats *t = calloc(1, sizeof *t);

    if (t == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for threat detectors");
    t->config = *config;
    if (config->settings != NULL)
        memcpy(t->settings, config->settings, COUNT * sizeof t->settings[0]);
    else
        threats_defaults(t->settings);
    for (unsigned i = 0; i < COUNT; i++) {
        if (t->settings[i].off)
            continue;
        t->state[i] = detectors[i]->start(&t->settings[i], &t->config.world, err);
        if (t->state[i] == NULL) {
            threats_free(t);
            return false;
        }
    }
    *out = t;
    return true;
}

void threats_free(struct threats *t)
{
    if (t == NULL)
        return;
    for (unsigned i = 0; i < COUNT; i++)
        if (t->state[i] != NULL)
            detectors[i]->stop(t->state[i]);
    free(t);
}

static void pass_time(struct threats *t, uint64_t now_us)
{
    if (now_us / 1000000 <= t->second)
        return;
    t->second = now_us / 1000000;
    for (unsigned i = 0; i < COUNT; i++)
        if (t->state[i] != NULL && detectors[i]->on_time != NULL)
            detectors[i]->on_time(t->state[i], t, now_us);
}

/* Tell every detector that runs and listens. */
#define TELL(t, s, hook, ...)                                                                                \
    do {                                                                                                     \
        pass_time((t), (s)->time_us);                                                                        \
        for (unsigned i = 0; i < COUNT; i++)                                                                 \
            if ((t)->state[i] != NULL && detectors[i]->hook != NULL)                                         \
                detectors[i]->hook((t)->state[i], __VA_ARGS__);                                              \
    } while (0)

void threats_message(struct threats *t, const struct scene *s, const struct carried_message *m)
{
    TELL(t, s, on_message, t, s, m);
}

void threats_file(struct threats *t, const struct scene *s, const struct carried_file *f)
{
    TELL(t, s, on_file, t, s, f);
}

void threats_activity(struct threats *t, const struct scene *s, enum activity a, const struct im_detail *d)
{
    TELL(t, s, on_activity, t, s, a, d);
}

void threats_contact(struct threats *t, const struct scene *s, const struct im_contact *c)
{
    TELL(t, s, on_contact, t, s, c);
}

void threats_anomaly(struct threats *t, const struct scene *s, enum anomaly a, struct view value)
{
    TELL(t, s, on_anomaly, t, s, a, value);
}

void threats_ticket(struct threats *t, const struct scene *s, uint64_t hash)
{
    TELL(t, s, on_ticket, t, s, hash);
}

void threats_flow(struct threats *t, const struct scene *s)
{
    TELL(t, s, on_flow, t, s);
}

void threats_leaks(struct threats *t, const struct scene *s, const struct leaked *l)
{
    TELL(t, s, on_leaks, t, s, l);
}

void threats_scanners(struct threats *t, const struct scene *s, const struct scanner_status *status)
{
    TELL(t, s, on_scanners, t, s, status);
}

/* The place of a subject: its own, else the oldest of a few. */
static struct told *told_of(struct threats *t, const struct alert *a)
{
    uint64_t hash = hash_bytes(view_string(a->subject), a->detector->id + a->kind);
    struct told *set = &t->told[hash % (SUBJECTS / WAYS) * WAYS], *place = set;

    hash += hash == 0;
    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].subject == hash)
            return &set[i];
        if (set[i].at_us < place->at_us)
            place = &set[i];
    }
    *place = (struct told){ .subject = hash };
    return place;
}

void threats_raise(struct threats *t, const struct scene *s, const struct alert *a)
{
    struct told *told = told_of(t, a);
    uint64_t pause_us = SUPPRESS_S * (uint64_t)1000000;

    for (unsigned i = 0; i < COUNT; i++)
        if (detectors[i] == a->detector && t->settings[i].suppress_s != 0)
            pause_us = t->settings[i].suppress_s * (uint64_t)1000000;
    /* Captures may be read in any order: an earlier time is another occasion, too. */
    uint64_t away_us = s->time_us > told->at_us ? s->time_us - told->at_us : told->at_us - s->time_us;
    if (told->at_us != 0 && away_us < pause_us) {
        told->held_back++;
        t->status.suppressed++;
        return;
    }
    t->status.raised++;
    t->config.alert(t->config.context, s, a, told->held_back);
    told->at_us = s->time_us;
    told->held_back = 0;
}

void threats_status(const struct threats *t, struct threats_status *out)
{
    *out = t->status;
}
