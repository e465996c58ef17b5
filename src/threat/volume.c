/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Use out of the usual, of services whose content cannot be read: how much a user sends, and when.
 *
 * Reasoning. Each user of each service has a history of the bytes sent on each active day (the last 32 of
 * them) and of the hours in which it was used. A day is out of the usual when it is above the median by
 * `factor` times the median absolute deviation, which a few odd days do not move (Hampel; the deviation
 * counts as a tenth of the median at least, since very even users would alarm at once), and above `floor`,
 * below which nobody cares. An hour is out of the usual when more than `quiet` was sent in it, and neither it
 * nor the hours beside it (summer time moves one) were ever used before. Nothing is said before `days` active
 * days.
 *
 * Bytes are those of the transport's payload from client to server. A flow is counted when it ends, evenly
 * over the hours that it lasted; what lies before midnight (UTC) of the day it ends counts on that day.
 *
 * What it cannot know: what was sent (a long call, or a film of the holidays, looks like a leak); who sat at
 * the machine; slow growth, which the median follows; users that share an address, and those whose address
 * changes and is not told (policy: who). It only ever points at something to be asked about: low severity.
 */
#include "base/address.h"
#include "base/hash.h"
#include "threat/aid.h"
#include "threat/party.h"
#include <stdlib.h>

enum { VOLUME, HOURS };
enum { DAYS, FACTOR, FLOOR_MIB, QUIET_KIB, THRESHOLDS };

static const struct threshold thresholds[] = {
    /* Two working weeks: each weekday twice. */
    [DAYS] = { "days", 10, 3, 32, "days", "active days that make a history" },
    [FACTOR] = { "factor", 8, 2, 100, "deviations", "above the median of the days" },
    [FLOOR_MIB] = { "floor", 50, 1, 1 << 20, "MiB", "a day with less is never told of" },
    [QUIET_KIB] = { "quiet", 1024, 1, 1 << 20, "KiB", "sent in an hour that was never used before" },
};

extern const struct detector detector_volume;

enum {
    HABITS = 1 << 15,
    WAYS = 8,
    HISTORY = 32,
    DAY_HOURS = 24,
    USED_KIB = 4, /* an hour with less counts as unused: a program that keeps its connection */
};

static const uint64_t hour_us = UINT64_C(3600000000), day_us = UINT64_C(86400000000);

/* One user of one service. */
struct habit {
    uint64_t key, last_us; /* key 0: empty */
    uint64_t day;          /* since 1970, of `today` */
    uint64_t today_bytes[DAY_HOURS];
    uint32_t history_kib[HISTORY];
    uint32_t days;            /* active ones so far */
    bool told;                /* today's volume */
    uint16_t used[DAY_HOURS]; /* days on which it was used in this hour */
};

struct volume {
    uint64_t value[THRESHOLDS];
    const struct threat_world *world;
    uint64_t forgotten;
    struct habit habit[HABITS];
};

static void *start(const struct detector_settings *settings, const struct threat_world *world,
                   struct imw_error_info *err)
{
    struct volume *v = calloc(1, sizeof *v); /* touched as it is used */

    if (v == NULL) {
        (void)error_set(err, IMW_ERROR_MEMORY, "no memory for the detector of volume");
        return NULL;
    }
    memcpy(v->value, settings->value, sizeof v->value);
    v->world = world;
    return v;
}

/* The user; else the machine, by its name; else by its address. */
static void name_of(const struct scene *s, struct text *out)
{
    if (s->client != NULL && s->client->user[0] != '\0')
        text_string(out, s->client->user);
    else if (s->client != NULL && s->client->host[0] != '\0')
        text_string(out, s->client->host);
    else
        text_address(out, &s->flow->key.addr[FROM_CLIENT]);
}

static struct habit *habit_of(struct volume *v, uint64_t key, uint64_t day)
{
    struct habit *set = &v->habit[key % (HABITS / WAYS) * WAYS], *place = set;

    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].key == key)
            return &set[i];
        if (set[i].last_us < place->last_us)
            place = &set[i];
    }
    v->forgotten += place->key != 0;
    *place = (struct habit){ .key = key, .day = day };
    return place;
}

static uint64_t sum_of(const struct habit *h)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < DAY_HOURS; i++)
        sum += h->today_bytes[i];
    return sum;
}

/* The day is over: it becomes history. */
static void turn_day(struct habit *h, uint64_t day)
{
    uint64_t kib = sum_of(h) / 1024;

    if (kib >= USED_KIB) {
        h->history_kib[h->days++ % HISTORY] = kib > UINT32_MAX ? UINT32_MAX : (uint32_t)kib;
        for (unsigned i = 0; i < DAY_HOURS; i++)
            if (h->today_bytes[i] / 1024 >= USED_KIB && h->used[i] < UINT16_MAX)
                h->used[i]++;
    }
    memset(h->today_bytes, 0, sizeof h->today_bytes);
    h->told = false;
    h->day = day;
}

/* Evenly over the hours of today. */
static void spread(struct habit *h, uint64_t from_us, uint64_t to_us, uint64_t bytes)
{
    uint64_t midnight = to_us / day_us * day_us;
    unsigned first = from_us > midnight ? (unsigned)((from_us - midnight) / hour_us) : 0;
    unsigned last = (unsigned)((to_us - midnight) / hour_us), count = last - first + 1;

    for (unsigned i = first; i <= last; i++)
        h->today_bytes[i] += bytes / count;
    h->today_bytes[last] += bytes % count;
}

static int order(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Of an odd number the middle one, else the upper of the two in the middle: nothing here hangs on half of
 * one. */
static uint32_t median(uint32_t *numbers, unsigned count)
{
    qsort(numbers, count, sizeof numbers[0], order);
    return numbers[count / 2];
}

/* What a day may have, in KiB. */
static uint64_t limit_of(const struct volume *v, const struct habit *h, uint32_t *out_median)
{
    uint32_t days[HISTORY], away[HISTORY];
    unsigned count = h->days < HISTORY ? h->days : HISTORY;

    memcpy(days, h->history_kib, count * sizeof days[0]);
    uint32_t middle = median(days, count);
    for (unsigned i = 0; i < count; i++)
        away[i] = days[i] > middle ? days[i] - middle : middle - days[i];
    uint64_t deviation = median(away, count);
    deviation = deviation > middle / 10 ? deviation : middle / 10;
    *out_median = middle;
    return middle + v->value[FACTOR] * deviation;
}

static void tell(const struct volume *v, struct threats *t, const struct scene *s, unsigned kind,
                 const char *who, const char *seen, const char *usual, const char *today)
{
    const struct catalog_service *service =
        s->catalog != NULL ? catalog_service(s->catalog, s->flow->service) : NULL;
    char subject[128], forgotten[24];
    struct text subject_text = TEXT(subject), forgotten_text = TEXT(forgotten);

    text_decimal(&forgotten_text, v->forgotten);
    text_format(&subject_text, "%s %u", who, s->flow->service);
    threats_raise(t, s,
                  &(struct alert){ .detector = &detector_volume,
                                   .kind = kind,
                                   .severity = SEVERITY_LOW,
                                   .title = kind == VOLUME ? "far more sent than this user usually sends"
                                                           : "use in hours in which this user never did",
                                   .seen = seen,
                                   .why = "files that leave, or somebody else at the account, show like this",
                                   .advice = "ask the user; look at what else the machine did then",
                                   .evidence = { { "user", who },
                                                 { "service", service != NULL ? service->slug : "" },
                                                 { "usual", usual },
                                                 { "seen", today },
                                                 { "forgotten", forgotten } },
                                   .evidence_count = 5,
                                   .subject = subject });
}

static void judge_volume(const struct volume *v, struct threats *t, const struct scene *s, struct habit *h,
                         const char *who)
{
    char seen[300], usual[64], today[64];
    struct text seen_text = TEXT(seen), usual_text = TEXT(usual), today_text = TEXT(today);
    uint64_t kib = sum_of(h) / 1024;
    uint32_t middle;

    if (h->told || kib <= v->value[FLOOR_MIB] * 1024 || kib <= limit_of(v, h, &middle))
        return;
    h->told = true;
    text_format(&usual_text, "%u KiB a day, of %u days", middle, h->days < HISTORY ? h->days : HISTORY);
    text_format(&today_text, "%llu KiB", (unsigned long long)kib);
    text_format(&seen_text, "%s has sent %s today; usual: %s", who, today, usual);
    tell(v, t, s, VOLUME, who, seen, usual, today);
}

static void judge_hour(const struct volume *v, struct threats *t, const struct scene *s,
                       const struct habit *h, unsigned hour, const char *who)
{
    char seen[300], usual[160] = "", now[64];
    struct text seen_text = TEXT(seen), usual_text = TEXT(usual), now_text = TEXT(now);
    uint64_t kib = h->today_bytes[hour] / 1024;

    if (kib < v->value[QUIET_KIB] || h->used[hour] != 0 || h->used[(hour + 1) % DAY_HOURS] != 0 ||
        h->used[(hour + DAY_HOURS - 1) % DAY_HOURS] != 0)
        return;
    for (unsigned i = 0; i < DAY_HOURS; i++)
        if (h->used[i] != 0)
            text_format(&usual_text, "%s%02u", usual_text.len > 0 ? " " : "", i);
    text_format(&now_text, "%02u:00 to %02u:59 UTC, %llu KiB", hour, hour, (unsigned long long)kib);
    text_format(&seen_text, "%s sent in hours never used on %u days before: %s", who, h->days, now);
    tell(v, t, s, HOURS, who, seen, usual, now);
}

static void on_flow(void *state, struct threats *t, const struct scene *s)
{
    struct volume *v = state;
    char who[PARTY_NAME_BYTES];
    struct text who_text = TEXT(who);
    const struct ip_addr *client = s->flow != NULL ? &s->flow->key.addr[FROM_CLIENT] : NULL;

    if (client == NULL || s->flow->service == 0 || s->flow->payload[FROM_CLIENT] == 0 ||
        !is_ours(v->world, client))
        return;
    name_of(s, &who_text);
    uint64_t day = s->time_us / day_us, first_us = s->flow->first_us;
    struct habit *h = habit_of(v, hash_words(hash_bytes(view_string(who), 1), s->flow->service, 0) | 1, day);
    if (day > h->day)
        turn_day(h, day);
    if (day < h->day)
        return; /* flows of yesterday that are told late */
    h->last_us = s->time_us;
    spread(h, first_us < s->time_us ? first_us : s->time_us, s->time_us, s->flow->payload[FROM_CLIENT]);
    if (h->days < v->value[DAYS])
        return;
    judge_volume(v, t, s, h, who);
    judge_hour(v, t, s, h, (unsigned)(s->time_us % day_us / hour_us), who);
}

const struct detector detector_volume = {
    .name = "volume",
    .id = 4700,
    .help = "far more sent than usual, or at hours never used, by user and service",
    .thresholds = thresholds,
    .threshold_count = THRESHOLDS,
    .start = start,
    .stop = free,
    .on_flow = on_flow,
};
