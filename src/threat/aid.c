/* SPDX-License-Identifier: Apache-2.0 */
/* See aid.h. */
#include "threat/aid.h"
#include "base/hash.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- a table ---- */

enum { WAYS = 4 };

struct recalled {
    uint64_t key; /* 0: empty */
    uint64_t touched_us;
};

bool recall_init(struct recall *r, uint32_t entries, size_t value_bytes, struct imw_error_info *err)
{
    r->sets = 1;
    while (r->sets * WAYS < entries)
        r->sets *= 2;
    r->stride = sizeof(struct recalled) + (value_bytes + 15) / 16 * 16;
    r->at = calloc((size_t)r->sets * WAYS, r->stride);
    return r->at != NULL || error_set(err, IMW_ERROR_MEMORY, "no memory for a threat detector");
}

void recall_fini(struct recall *r)
{
    free(r->at);
    r->at = NULL;
}

static struct recalled *recalled_at(const struct recall *r, uint64_t key, unsigned way)
{
    return (void *)(r->at + ((hash_words(key, 0, 7) & (r->sets - 1)) * WAYS + way) * r->stride);
}

void *recall_find(const struct recall *r, uint64_t key)
{
    key += key == 0;
    for (unsigned i = 0; i < WAYS; i++)
        if (recalled_at(r, key, i)->key == key)
            return recalled_at(r, key, i) + 1;
    return NULL;
}

void *recall_get(struct recall *r, uint64_t key, uint64_t now_us)
{
    key += key == 0;
    struct recalled *place = recalled_at(r, key, 0);

    for (unsigned i = 0; i < WAYS; i++) {
        struct recalled *at = recalled_at(r, key, i);
        if (at->key == key) {
            at->touched_us = now_us;
            return at + 1;
        }
        if (at->touched_us < place->touched_us)
            place = at;
    }
    memset(place, 0, r->stride);
    place->key = key;
    place->touched_us = now_us;
    return place + 1;
}

uint64_t key_of(uint16_t service, struct view text)
{
    char lower[256];
    size_t n = text.len < sizeof lower ? text.len : sizeof lower;

    for (size_t i = 0; i < n; i++)
        lower[i] = (char)ascii_lower(text.at[i]);
    return hash_bytes(view_of(lower, n), service);
}

uint64_t key_of_address(const struct ip_addr *a)
{
    return hash_words(a->word[0], a->word[1], 3);
}

/* ---- how often lately ---- */

uint32_t rate_add(struct rate *r, uint64_t now_us, uint64_t span_us, uint32_t n)
{
    if (now_us >= r->since_us + 2 * span_us)
        *r = (struct rate){ .since_us = now_us };
    else if (now_us >= r->since_us + span_us)
        *r = (struct rate){ .since_us = r->since_us + span_us, .before = r->now };
    r->now += n;
    uint64_t into = now_us > r->since_us ? now_us - r->since_us : 0;
    return r->now + (uint32_t)(r->before * (span_us - (into < span_us ? into : span_us)) / span_us);
}

/* ---- who and where ---- */

bool is_ours(const struct threat_world *world, const struct ip_addr *a)
{
    return ip_is_private(a) || (world->is_inside != NULL && world->is_inside(world->context, a));
}

bool is_history(const struct scene *s, const struct carried_message *m)
{
    enum { AT_ONCE_US = 60000000 };

    return m->again || (m->sent_us != 0 && m->sent_us < s->time_us && s->time_us - m->sent_us > AT_ONCE_US);
}

struct shown_address show_address(const struct ip_addr *a)
{
    struct shown_address out;
    struct text t = TEXT(out.text);

    text_address(&t, a);
    return out;
}

struct shown_text show_text(struct view v)
{
    struct shown_text out;
    struct text t = TEXT(out.text);

    text_printable(&t, v);
    return out;
}

struct identity identity_of(const struct known_who *who)
{
    static const uint8_t none[6];
    struct identity out = { 0 };

    if (who == NULL)
        return out;
    if (who->user[0] != '\0')
        out.user = key_of(0, view_string(who->user));
    if (who->host[0] != '\0')
        out.host = key_of(0, view_string(who->host));
    if (memcmp(who->mac, none, sizeof none) != 0)
        out.mac = hash_bytes(view_of(who->mac, sizeof who->mac), 0);
    return out;
}

bool identity_same(const struct identity *a, const struct identity *b)
{
    return (a->user != 0 && a->user == b->user) || (a->host != 0 && a->host == b->host) ||
           (a->mac != 0 && a->mac == b->mac);
}

const char *service_of(const struct scene *s)
{
    const struct catalog_service *of =
        s->flow != NULL && s->catalog != NULL ? catalog_service(s->catalog, s->flow->service) : NULL;

    return of != NULL ? of->slug : "";
}

/* ---- alerts ---- */

void report_begin(struct report *r, const struct detector *d, unsigned kind, enum severity severity,
                  const char *title, const char *why, const char *advice)
{
    r->alert = (struct alert){ .detector = d,
                               .kind = kind,
                               .severity = severity,
                               .title = title,
                               .seen = r->seen,
                               .why = why,
                               .advice = advice,
                               .subject = r->subject };
    r->seen[0] = r->subject[0] = '\0';
}

void report_seen(struct report *r, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(r->seen, sizeof r->seen, format, args);
    va_end(args);
}

void report_subject(struct report *r, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(r->subject, sizeof r->subject, format, args);
    va_end(args);
}

void report_evidence(struct report *r, const char *key, const char *format, ...)
{
    unsigned n = r->alert.evidence_count;
    va_list args;

    if (n == ALERT_EVIDENCE)
        return;
    va_start(args, format);
    vsnprintf(r->value[n], sizeof r->value[n], format, args);
    va_end(args);
    if (r->value[n][0] == '\0')
        return;
    r->alert.evidence[n].key = key;
    r->alert.evidence[n].value = r->value[n];
    r->alert.evidence_count++;
}

void report_ends(struct report *r, const struct scene *s)
{
    const struct flow_key *k = &s->flow->key;

    report_evidence(r, "client", "%s:%u", show_address(&k->addr[FROM_CLIENT]).text, k->port[FROM_CLIENT]);
    report_evidence(r, "server", "%s:%u", show_address(&k->addr[FROM_SERVER]).text, k->port[FROM_SERVER]);
    if (s->record != NULL)
        report_evidence(r, "account", "%s", s->record->account);
}

void report_raise(struct report *r, struct threats *t, const struct scene *s)
{
    threats_raise(t, s, &r->alert);
}
