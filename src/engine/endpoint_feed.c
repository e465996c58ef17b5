/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker that puts an address in, and one that meanwhile finds it to be another's, cannot miss each other:
 * the one puts it in, then looks whether it is another's; the other notes that it is, then takes it out.
 *
 * Workers do not log. What they did is kept in a short list until the thread that keeps house tells it.
 */
#include "engine/endpoint_feed.h"
#include "base/log.h"
#include "base/map.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>

enum {
    OTHERS = 1 << 16,  /* addresses that are remembered for being something else's */
    OTHERS_S = 86400,  /* for so long */
    CHANGES = 64,      /* told of at a time; the log leaves more out, too */
    SURE = 100,        /* confidence of what is taken from a flow */
    FAILED_AGAIN = 50, /* a flush that failed is told of again after so many */
};

struct change {
    struct ip_addr addr;
    bool out;
    uint32_t for_s;
    char service[48], rule[64];
};

struct endpoint_feed {
    struct endpoint_feed_config config;
    struct map *others; /* addresses to nothing */
    _Atomic uint64_t serial;
    unsigned failures;

    pthread_mutex_t lock; /* of what follows */
    struct change changes[CHANGES];
    unsigned change_count;
};

bool endpoint_feed_new(const struct endpoint_feed_config *config, struct endpoint_feed **out,
                       struct imw_error_info *err)
{
    struct endpoint_feed *e = calloc(1, sizeof *e);
    uint64_t seed = 0;

    (void)!getrandom(&seed, sizeof seed, GRND_NONBLOCK);
    if (e != NULL)
        e->others = map_new(OTHERS, seed);
    if (e == NULL || e->others == NULL) {
        free(e);
        return error_set(err, IMW_ERROR_MEMORY, "no memory for addresses to block");
    }
    e->config = *config;
    atomic_init(&e->serial, 1);
    pthread_mutex_init(&e->lock, NULL);
    *out = e;
    return true;
}

void endpoint_feed_free(struct endpoint_feed *e)
{
    if (e == NULL)
        return;
    map_free(e->others);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

/* ---- which addresses ---- */

static struct view key_of(const struct ip_addr *addr)
{
    return view_of(addr->octet, sizeof addr->octet);
}

static bool is_inside(const struct endpoint_feed *e, const struct ip_addr *addr)
{
    static const uint8_t carrier[4] = { 100, 64, 0, 0 }; /* RFC 6598: between a provider and its customers */
    struct ip_addr shared = ip_from_v4(carrier);

    if (ip_is_private(addr) || ip_in_network(addr, &shared, 96 + 10))
        return true;
    for (unsigned i = 0; i < e->config.inside_count; i++)
        if (ip_in_network(addr, &e->config.inside[i].addr, e->config.inside[i].bits))
            return true;
    return false;
}

static bool is_of_others(const struct endpoint_feed *e, uint16_t service, const struct ip_addr *addr,
                         uint64_t now_us)
{
    uint8_t value[MAP_VALUE_BYTES];
    struct known_address known;

    return map_get(e->others, key_of(addr), now_us, value) ||
           (knowledge_address(e->config.knowledge, addr, now_us, &known) && known.service != service);
}

static void note_change(struct endpoint_feed *e, const struct ip_addr *addr, const char *service,
                        const char *rule, uint32_t for_s)
{
    pthread_mutex_lock(&e->lock);
    if (e->change_count < CHANGES) {
        struct change *c = &e->changes[e->change_count++];
        struct text slug = TEXT(c->service), name = TEXT(c->rule);

        *c = (struct change){ .addr = *addr, .out = service == NULL, .for_s = for_s };
        if (service != NULL) {
            text_printable(&slug, view_string(service));
            text_printable(&name, view_string(rule));
        }
    }
    pthread_mutex_unlock(&e->lock);
}

static void release(struct endpoint_feed *e, const struct ip_addr *addr)
{
    if (endpoints_release(e->config.endpoints, addr))
        note_change(e, addr, NULL, NULL, 0);
}

static void note_other(struct endpoint_feed *e, const struct ip_addr *addr, uint64_t now_us)
{
    map_put(e->others, key_of(addr), view_of(NULL, 0), now_us, now_us + OTHERS_S * UINT64_C(1000000));
    release(e, addr);
}

static void put_in(struct endpoint_feed *e, const struct rules *rules, uint16_t service,
                   const struct ip_addr *addr, uint32_t for_s, uint64_t now_us)
{
    const char *rule;

    if (rules->serial != atomic_load_explicit(&e->serial, memory_order_acquire) ||
        !rules_blocks_everybody(rules, service, &rule) || is_inside(e, addr) ||
        is_of_others(e, service, addr, now_us))
        return;
    if (for_s > e->config.for_s)
        for_s = e->config.for_s;
    if (endpoints_block(e->config.endpoints, addr, for_s))
        note_change(e, addr, catalog_service(rules->catalog, service)->slug, rule, for_s);
    if (is_of_others(e, service, addr, now_us))
        release(e, addr);
}

/* ---- what workers see ---- */

/* Did the client itself name the service, in clear, to its server? */
static bool named_in_clear(const struct flow *f, const struct record *note)
{
    if (note == NULL || (f->app != PROTOCOL_TLS && f->app != PROTOCOL_QUIC) || f->confidence < SURE ||
        f->delivery == DELIVERY_PEER || (f->flags & FLOW_MIDSTREAM) != 0)
        return false;
    for (unsigned i = 0; i < note->evidence_count && i < RECORD_EVIDENCE; i++)
        if (note->evidence[i].service == f->service && note->evidence[i].confidence >= SURE &&
            (note->evidence[i].kind == EVIDENCE_SNI || note->evidence[i].kind == EVIDENCE_QUIC_SNI))
            return true;
    return false;
}

void endpoint_feed_blocked(struct endpoint_feed *e, const struct rules *rules, const struct flow *f,
                           const struct record *note, uint64_t now_us)
{
    if (is_inside(e, &f->key.addr[FROM_CLIENT]) && named_in_clear(f, note))
        put_in(e, rules, f->service, &f->key.addr[FROM_SERVER], e->config.for_s, now_us);
}

void endpoint_feed_passed(struct endpoint_feed *e, const struct flow *f, uint64_t now_us)
{
    const struct ip_addr *addr = &f->key.addr[FROM_SERVER];

    if (!is_inside(e, addr))
        note_other(e, addr, now_us);
}

void endpoint_feed_learnt(struct endpoint_feed *e, const struct rules *rules, const struct flow *f,
                          const struct ip_addr *addr, const struct known_address *known, uint32_t ttl_s,
                          uint64_t now_us)
{
    const char *rule;

    if (is_inside(e, addr))
        return;
    if (!rules_blocks_everybody(rules, known->service, &rule))
        note_other(e, addr, now_us);
    else if (is_inside(e, &f->key.addr[FROM_CLIENT]) && !ip_equal(addr, &f->key.addr[FROM_SERVER]))
        put_in(e, rules, known->service, addr, ttl_s, now_us);
}

/* ---- the thread that keeps house ---- */

void endpoint_feed_follow(struct endpoint_feed *e, const struct rules *rules)
{
    struct endpoints_counters before;

    if (atomic_load(&e->serial) == rules->serial)
        return;
    endpoints_counters(e->config.endpoints, &before);
    endpoints_clear(e->config.endpoints);
    atomic_store_explicit(&e->serial, rules->serial, memory_order_release);
    log_notice("endpoints_cleared", "entries=%llu: the rules have changed, and addresses are learnt anew",
               (unsigned long long)before.entries);
}

static void tell(const struct change *c)
{
    char address[64];
    struct text t = TEXT(address);

    text_address(&t, &c->addr);
    if (c->out)
        log_notice("endpoint_released", "address=%s: it stands for something else too", address);
    else
        log_notice("endpoint_blocked", "address=%s service=%s rule=\"%s\" for=%us", address, c->service,
                   c->rule, c->for_s);
}

void endpoint_feed_tend(struct endpoint_feed *e)
{
    struct change changes[CHANGES];
    struct imw_error_info err;
    char line[768];

    pthread_mutex_lock(&e->lock);
    unsigned count = e->change_count;
    memcpy(changes, e->changes, count * sizeof *changes);
    e->change_count = 0;
    pthread_mutex_unlock(&e->lock);
    for (unsigned i = 0; i < count; i++)
        tell(&changes[i]);
    if (endpoints_flush(e->config.endpoints, &err))
        e->failures = 0;
    else if (e->failures++ % FAILED_AGAIN == 0)
        log_warning("endpoints_failed", "%s: tried again; until then all goes through the gateway",
                    error_format(&err, line, sizeof line));
}
