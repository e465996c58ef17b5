/* SPDX-License-Identifier: Apache-2.0 */
/* Four shared maps. */
#include "identify/knowledge.h"
#include "base/map.h"
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    ADDRESS_ENTRIES = 1 << 16,
    LEG_ENTRIES = 1 << 14,
    END_ENTRIES = 1 << 16,
    HOST_ENTRIES = 1 << 14,
    ADDRESS_GRACE_S = 3600, /* programs keep using an answer after its time to live */
    ADDRESS_MOST_S = 86400,
    LEG_LIFETIME_S = 120,
    END_LIFETIME_S = 600,
    HOST_LIFETIME_S = 86400,
};

struct knowledge {
    struct map *addresses, *legs, *ends, *hosts;
    atomic_bool any_port;   /* some leg was announced without its port */
    atomic_flag announcing; /* held by who looks a leg up to announce it again: seldom, and shortly */
};

struct end_key {
    struct ip_addr addr;
    uint16_t port;
    uint8_t l4;
    uint8_t zero[5];
};

/* Longer than an end's: never taken for one. */
struct pair_key {
    struct ip_addr addr[2];
};

struct host_value {
    uint64_t since_us;
    uint8_t source; /* enum who_source */
    char name[WHO_NAME_BYTES];
};

struct leg_value {
    struct known_leg leg;
    struct ip_addr other; /* zero: any */
    uint64_t since_us;
};
_Static_assert(sizeof(struct end_key) <= MAP_KEY_BYTES, "fits a key");
_Static_assert(sizeof(struct pair_key) <= MAP_KEY_BYTES && sizeof(struct pair_key) > sizeof(struct end_key),
               "fits");
_Static_assert(sizeof(struct host_value) <= MAP_VALUE_BYTES, "fits a value");
_Static_assert(sizeof(struct leg_value) <= MAP_VALUE_BYTES, "fits a value");
_Static_assert(sizeof(struct known_address) <= MAP_VALUE_BYTES, "fits a value");

struct knowledge *knowledge_new(void)
{
    struct knowledge *k = calloc(1, sizeof *k);

    if (k == NULL)
        return NULL;
    atomic_flag_clear(&k->announcing);
    k->addresses = map_new(ADDRESS_ENTRIES, 1);
    k->legs = map_new(LEG_ENTRIES, 2);
    k->ends = map_new(END_ENTRIES, 3);
    k->hosts = map_new(HOST_ENTRIES, 4);
    if (k->addresses == NULL || k->legs == NULL || k->ends == NULL || k->hosts == NULL) {
        knowledge_free(k);
        return NULL;
    }
    return k;
}

void knowledge_free(struct knowledge *k)
{
    if (k == NULL)
        return;
    map_free(k->addresses);
    map_free(k->legs);
    map_free(k->ends);
    map_free(k->hosts);
    free(k);
}

void knowledge_forget(struct knowledge *k)
{
    map_clear(k->addresses);
    map_clear(k->legs);
    map_clear(k->ends);
    map_clear(k->hosts);
}

static uint64_t seconds(uint64_t s)
{
    return s * 1000000;
}

static struct view address_key(const struct ip_addr *addr)
{
    return view_of(addr->octet, sizeof addr->octet);
}

void knowledge_learn_address(struct knowledge *k, const struct ip_addr *addr,
                             const struct known_address *known, uint32_t ttl_s, uint64_t now_us)
{
    struct known_address before, now = *known;

    if (ip_is_zero(addr))
        return;
    if (knowledge_address(k, addr, now_us, &before) && before.service != known->service)
        now.service = 0; /* shared by two services, or with something else */
    uint64_t life_s = ttl_s < ADDRESS_MOST_S ? ttl_s : ADDRESS_MOST_S;
    map_put(k->addresses, address_key(addr), view_of(&now, sizeof now), now_us,
            now_us + seconds(life_s + ADDRESS_GRACE_S));
}

bool knowledge_address(const struct knowledge *k, const struct ip_addr *addr, uint64_t now_us,
                       struct known_address *out)
{
    uint8_t value[MAP_VALUE_BYTES];

    if (map_is_empty(k->addresses) || !map_get(k->addresses, address_key(addr), now_us, value))
        return false;
    memcpy(out, value, sizeof *out);
    return true;
}

static struct view end_key(struct end_key *key, uint8_t l4, const struct ip_addr *addr, uint16_t port)
{
    *key = (struct end_key){ .addr = *addr, .port = port, .l4 = l4 };
    return view_of(key, sizeof *key);
}

/* A leg that was announced before is known since then. */
static void announce(struct knowledge *k, struct view key, struct leg_value value, uint64_t now_us,
                     uint64_t expiry_us)
{
    uint8_t bytes[MAP_VALUE_BYTES];
    struct leg_value before;

    if (map_get(k->legs, key, now_us, bytes)) {
        memcpy(&before, bytes, sizeof before);
        if (before.leg.service == value.leg.service && before.since_us < now_us)
            value.since_us = before.since_us;
    }
    map_put(k->legs, key, view_of(&value, sizeof value), now_us, expiry_us);
}

void knowledge_expect(struct knowledge *k, const struct expectation *e, uint16_t service, uint8_t confidence,
                      uint64_t now_us)
{
    struct leg_value value = {
        { service, (uint8_t)e->activity, (uint8_t)e->protocol, confidence, e->server },
        e->other,
        now_us,
    };
    uint64_t expiry_us = now_us + seconds(e->lifetime_s > 0 ? e->lifetime_s : LEG_LIFETIME_S);
    struct end_key key;

    if (ip_is_zero(&e->addr))
        return;
    if (e->port == 0)
        atomic_store_explicit(&k->any_port, true, memory_order_relaxed);
    while (atomic_flag_test_and_set_explicit(&k->announcing, memory_order_acquire))
        sched_yield();
    for (unsigned l4 = L4_TCP; l4 <= L4_UDP; l4 += L4_UDP - L4_TCP)
        if (e->l4 == 0 || e->l4 == l4)
            announce(k, end_key(&key, (uint8_t)l4, &e->addr, e->port), value, now_us, expiry_us);
    atomic_flag_clear_explicit(&k->announcing, memory_order_release);
}

bool knowledge_expected(const struct knowledge *k, const struct flow_key *key, uint64_t now_us,
                        struct known_leg *out)
{
    uint8_t bytes[MAP_VALUE_BYTES];
    struct leg_value value;
    struct end_key end;

    if (map_is_empty(k->legs))
        return false;

    unsigned rounds = atomic_load_explicit(&k->any_port, memory_order_relaxed) ? 2 : 1;

    for (unsigned any_port = 0; any_port < rounds; any_port++) {
        for (int d = FROM_SERVER; d >= FROM_CLIENT; d--) {
            uint16_t port = any_port ? 0 : key->port[d];
            if (!any_port && port == 0)
                continue; /* would be taken for any port */
            if (!map_get(k->legs, end_key(&end, key->l4, &key->addr[d], port), now_us, bytes))
                continue;
            memcpy(&value, bytes, sizeof value);
            if (value.since_us > now_us)
                continue;
            if (any_port && ip_is_zero(&value.other))
                continue; /* an address alone is too little */
            if (!ip_is_zero(&value.other) && !ip_equal(&value.other, &key->addr[1 - d]))
                continue;
            *out = value.leg;
            return true;
        }
    }
    return false;
}

/* What is proved under a key of the map of ends. */
static bool proved(const struct knowledge *k, struct view key, uint64_t now_us, struct known_leg *out)
{
    uint8_t bytes[MAP_VALUE_BYTES];

    if (map_is_empty(k->ends) || !map_get(k->ends, key, now_us, bytes))
        return false;
    memcpy(out, bytes, sizeof *out);
    return true;
}

static void prove(struct knowledge *k, struct view key, uint16_t service, uint8_t protocol, uint64_t now_us)
{
    struct known_leg leg = { .service = service, .protocol = protocol }, before;

    if (proved(k, key, now_us, &before) && before.service != service)
        leg.service = 0; /* two services: proves neither */
    map_put(k->ends, key, view_of(&leg, sizeof leg), now_us, now_us + seconds(END_LIFETIME_S));
}

void knowledge_prove_end(struct knowledge *k, uint8_t l4, const struct ip_addr *addr, uint16_t port,
                         uint16_t service, uint8_t protocol, uint64_t now_us)
{
    struct end_key key;

    prove(k, end_key(&key, l4, addr, port), service, protocol, now_us);
}

bool knowledge_proved_end(const struct knowledge *k, uint8_t l4, const struct ip_addr *addr, uint16_t port,
                          uint64_t now_us, struct known_leg *out)
{
    struct end_key key;

    return proved(k, end_key(&key, l4, addr, port), now_us, out);
}

/* Whichever of the two comes first. */
static struct view pair_key(struct pair_key *key, const struct ip_addr *a, const struct ip_addr *b)
{
    bool turn = memcmp(a, b, sizeof *a) > 0;

    *key = (struct pair_key){ { turn ? *b : *a, turn ? *a : *b } };
    return view_of(key, sizeof *key);
}

void knowledge_prove_pair(struct knowledge *k, const struct ip_addr *a, const struct ip_addr *b,
                          uint16_t service, uint8_t protocol, uint64_t now_us)
{
    struct pair_key key;

    prove(k, pair_key(&key, a, b), service, protocol, now_us);
}

bool knowledge_proved_pair(const struct knowledge *k, const struct ip_addr *a, const struct ip_addr *b,
                           uint64_t now_us, struct known_leg *out)
{
    struct pair_key key;

    return proved(k, pair_key(&key, a, b), now_us, out);
}

void knowledge_prove_call(struct knowledge *k, uint64_t call, uint16_t service, uint8_t protocol,
                          uint64_t now_us)
{
    prove(k, view_of(&call, sizeof call), service, protocol, now_us);
}

bool knowledge_proved_call(const struct knowledge *k, uint64_t call, uint64_t now_us, struct known_leg *out)
{
    return proved(k, view_of(&call, sizeof call), now_us, out);
}

void knowledge_learn_host(struct knowledge *k, enum who_source source, const struct ip_addr *addr,
                          struct view host, uint32_t for_s, uint64_t now_us)
{
    struct host_value value = { .since_us = now_us, .source = (uint8_t)source };
    struct text t = TEXT(value.name);

    text_printable(&t, host);
    if (t.len > 0 && !ip_is_zero(addr))
        map_put(k->hosts, address_key(addr), view_of(&value, sizeof value), now_us,
                now_us + seconds(for_s != 0 ? for_s : HOST_LIFETIME_S));
}

bool knowledge_who(const struct knowledge *k, const struct ip_addr *addr, uint64_t now_us,
                   struct known_who *out)
{
    uint8_t bytes[MAP_VALUE_BYTES];
    struct host_value value;

    if (map_is_empty(k->hosts) || !map_get(k->hosts, address_key(addr), now_us, bytes))
        return false;
    memcpy(&value, bytes, sizeof value);
    *out = (struct known_who){ .host_us = value.since_us, .host_source = value.source };
    memcpy(out->host, value.name, sizeof out->host);
    return true;
}
