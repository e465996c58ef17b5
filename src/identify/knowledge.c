/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared maps. Who is at an address: its last few facts are kept, each with its time, and what holds at a
 * moment is worked out when it is asked, from the facts before that moment. So a flow that ended before the
 * address changed hands is the machine's before, and it does not matter in which order workers, who are not
 * equally far in a capture, tell what they see. To forget is a fact, too: of no source.
 */
#include "identify/knowledge.h"
#include "base/hash.h"
#include "base/map.h"
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    ADDRESS_ENTRIES = 1 << 16,
    LEG_ENTRIES = 1 << 14,
    END_ENTRIES = 1 << 16,
    HOST_ENTRIES = 1 << 17, /* of hosts, of users and of hardware addresses */
    WHO_FACTS = 4,          /* of each at an address: the newest */
    ADDRESS_GRACE_S = 3600, /* programs keep using an answer after its time to live */
    ADDRESS_MOST_S = 86400,
    LEG_LIFETIME_S = 120,
    END_LIFETIME_S = 600,
    HOST_LIFETIME_S = 86400,
    MAC_SETTLED_S = 60, /* seen again so soon, a hardware address is not written again */
    FILE_ENTRIES = 4096,
    FILE_WAYS = 8, /* places of an entry */
    FILE_LIFETIME_S = 7200,
};

struct knowledge {
    struct map *addresses, *legs, *ends, *hosts, *users, *macs;
    atomic_bool any_port;         /* some leg was announced without its port */
    atomic_bool any_file;         /* some file was announced: else its megabytes are never touched */
    atomic_flag announcing;       /* held by who looks a leg up to announce it again: seldom, and shortly */
    atomic_flag telling;          /* the same of who is at an address */
    atomic_flag filing;           /* and of who tells of a file, or asks */
    struct announced_file *files; /* in sets of FILE_WAYS */
    uint64_t seed;
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

struct who_key {
    struct ip_addr addr;
    uint64_t slot; /* below WHO_FACTS */
};

struct who_value {
    uint64_t since_us;             /* told first */
    uint32_t again_s;              /* and last, so many seconds later */
    uint32_t for_s;                /* and holds so long after that */
    uint8_t source;                /* enum who_source; WHO_NONE: forgotten then */
    char name[WHO_NAME_BYTES - 1]; /* zeros behind it; of hardware addresses the six octets */
};

struct who_facts {
    unsigned count;
    struct who_value fact[WHO_FACTS]; /* oldest first */
    unsigned slot[WHO_FACTS];         /* where each is */
};

struct leg_value {
    struct known_leg leg;
    struct ip_addr other; /* zero: any */
    uint64_t since_us;
};
_Static_assert(sizeof(struct end_key) <= MAP_KEY_BYTES, "fits a key");
_Static_assert(sizeof(struct pair_key) <= MAP_KEY_BYTES && sizeof(struct pair_key) > sizeof(struct end_key),
               "fits");
_Static_assert(sizeof(struct who_value) <= MAP_VALUE_BYTES, "fits a value");
_Static_assert(sizeof(struct leg_value) <= MAP_VALUE_BYTES, "fits a value");
_Static_assert(sizeof(struct known_address) <= MAP_VALUE_BYTES, "fits a value");

struct knowledge *knowledge_new(uint64_t seed)
{
    struct knowledge *k = calloc(1, sizeof *k);

    if (k == NULL)
        return NULL;
    atomic_flag_clear(&k->announcing);
    atomic_flag_clear(&k->telling);
    atomic_flag_clear(&k->filing);
    k->seed = seed;
    k->files = calloc(FILE_ENTRIES, sizeof *k->files);
    k->addresses = map_new(ADDRESS_ENTRIES, seed + 1);
    k->legs = map_new(LEG_ENTRIES, seed + 2);
    k->ends = map_new(END_ENTRIES, seed + 3);
    k->hosts = map_new(HOST_ENTRIES, seed + 4);
    k->users = map_new(HOST_ENTRIES, seed + 5);
    k->macs = map_new(HOST_ENTRIES, seed + 6);
    if (k->addresses == NULL || k->legs == NULL || k->ends == NULL || k->hosts == NULL || k->users == NULL ||
        k->macs == NULL || k->files == NULL) {
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
    map_free(k->users);
    map_free(k->macs);
    free(k->files);
    free(k);
}

void knowledge_forget(struct knowledge *k)
{
    map_clear(k->addresses);
    map_clear(k->legs);
    map_clear(k->ends);
    map_clear(k->hosts);
    map_clear(k->users);
    map_clear(k->macs);
    if (atomic_exchange(&k->any_file, false))
        memset(k->files, 0, FILE_ENTRIES * sizeof *k->files);
}

static uint64_t seconds(uint64_t s)
{
    return s * 1000000;
}

static void hold(atomic_flag *flag)
{
    while (atomic_flag_test_and_set_explicit(flag, memory_order_acquire))
        sched_yield();
}

static void let_go(atomic_flag *flag)
{
    atomic_flag_clear_explicit(flag, memory_order_release);
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
        { service, (uint8_t)e->activity, (uint8_t)e->protocol, confidence, e->server, e->relay },
        e->other,
        now_us,
    };
    uint64_t expiry_us = now_us + seconds(e->lifetime_s > 0 ? e->lifetime_s : LEG_LIFETIME_S);
    struct end_key key;

    if (ip_is_zero(&e->addr))
        return;
    if (e->port == 0)
        atomic_store_explicit(&k->any_port, true, memory_order_relaxed);
    hold(&k->announcing);
    for (unsigned l4 = L4_TCP; l4 <= L4_UDP; l4 += L4_UDP - L4_TCP)
        if (e->l4 == 0 || e->l4 == l4)
            announce(k, end_key(&key, (uint8_t)l4, &e->addr, e->port), value, now_us, expiry_us);
    let_go(&k->announcing);
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

/* The places where a token may be. */
static struct announced_file *file_set(const struct knowledge *k, struct view token, uint64_t *out_number)
{
    uint64_t number = hash_bytes(token, k->seed);

    *out_number = number != 0 ? number : 1; /* 0: empty */
    return &k->files[*out_number % (FILE_ENTRIES / FILE_WAYS) * FILE_WAYS];
}

void knowledge_announce(struct knowledge *k, struct view token, const struct announced_file *f)
{
    uint64_t number;
    struct announced_file *set = file_set(k, token, &number), *place = set;

    hold(&k->filing);
    for (unsigned i = 0; i < FILE_WAYS;
         i++) { /* its own, else the oldest; an empty one is as old as can be */
        if (set[i].token == number) {
            place = &set[i];
            break;
        }
        if (set[i].since_us < place->since_us)
            place = &set[i];
    }
    *place = *f;
    place->token = number;
    atomic_store(&k->any_file, true);
    let_go(&k->filing);
}

bool knowledge_announced(struct knowledge *k, struct view token, uint64_t now_us, struct announced_file *out)
{
    uint64_t number;
    bool found = false;

    if (!atomic_load_explicit(&k->any_file, memory_order_relaxed))
        return false;
    const struct announced_file *set = file_set(k, token, &number);
    hold(&k->filing);
    for (unsigned i = 0; i < FILE_WAYS && !found; i++) {
        found = set[i].token == number && now_us <= set[i].since_us + seconds(FILE_LIFETIME_S);
        if (found)
            *out = set[i];
    }
    let_go(&k->filing);
    return found;
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

/* ---- who is at an address ---- */

static struct view who_key(struct who_key *key, const struct ip_addr *addr, unsigned slot)
{
    *key = (struct who_key){ *addr, slot };
    return view_of(key, sizeof *key);
}

static void facts_of(const struct map *m, const struct ip_addr *addr, uint64_t now_us, struct who_facts *out)
{
    uint8_t bytes[MAP_VALUE_BYTES];
    struct who_value value;
    struct who_key key;

    out->count = 0;
    for (unsigned slot = 0; slot < WHO_FACTS && !map_is_empty(m); slot++) {
        if (!map_get(m, who_key(&key, addr, slot), now_us, bytes))
            continue;
        memcpy(&value, bytes, sizeof value);
        unsigned at = out->count++;
        for (; at > 0 && out->fact[at - 1].since_us > value.since_us; at--) {
            out->fact[at] = out->fact[at - 1];
            out->slot[at] = out->slot[at - 1];
        }
        out->fact[at] = value;
        out->slot[at] = slot;
    }
}

static uint64_t last_told_us(const struct who_value *v)
{
    return v->since_us + seconds(v->again_s);
}

static bool holds(const struct who_value *v, uint64_t now_us)
{
    return v->source != WHO_NONE && last_told_us(v) + seconds(v->for_s) >= now_us;
}

/* What holds at this time of the facts since `from_us`: the newest, but for those less trusted than one that
 * still held then. Its index, or WHO_FACTS. */
static unsigned holding(const struct who_facts *facts, uint64_t from_us, uint64_t now_us)
{
    unsigned best = WHO_FACTS;

    for (unsigned i = 0; i < facts->count && facts->fact[i].since_us <= now_us; i++) {
        const struct who_value *f = &facts->fact[i];
        if (f->since_us < from_us)
            continue;
        if (best == WHO_FACTS || f->source == WHO_NONE || f->source >= facts->fact[best].source ||
            !holds(&facts->fact[best], f->since_us))
            best = i;
    }
    return best < WHO_FACTS && holds(&facts->fact[best], now_us) ? best : WHO_FACTS;
}

/* A slot for a new fact: a free one, or that of the oldest. False: it is older than all of them. */
static bool free_slot(const struct who_facts *facts, uint64_t now_us, unsigned *out)
{
    bool taken[WHO_FACTS + 1] = { false };
    unsigned slot = 0;

    if (facts->count == WHO_FACTS) {
        *out = facts->slot[0];
        return facts->fact[0].since_us <= now_us;
    }
    for (unsigned i = 0; i < facts->count; i++)
        taken[facts->slot[i]] = true;
    while (taken[slot])
        slot++;
    *out = slot;
    return true;
}

static bool says_the_same(const struct who_value *a, const struct who_value *b)
{
    return a->source == b->source && memcmp(a->name, b->name, sizeof a->name) == 0;
}

/* Index of the first fact after this time. */
static unsigned after(const struct who_facts *facts, uint64_t now_us)
{
    unsigned i = 0;

    while (i < facts->count && facts->fact[i].since_us <= now_us)
        i++;
    return i;
}

/* It was told from the one time to the other. */
static void span(struct who_value *v, uint64_t first_us, uint64_t last_us)
{
    uint64_t again_s = (last_us - first_us) / 1000000;

    v->since_us = first_us;
    v->again_s = again_s < UINT32_MAX ? (uint32_t)again_s : UINT32_MAX;
}

/* Put a fact down about the machine that is there since `from_us`. Held: k->telling. */
static void tell(struct map *m, const struct ip_addr *addr, struct who_value *fresh, uint64_t from_us,
                 uint64_t now_us)
{
    struct who_facts facts;
    struct who_key key;
    unsigned slot;

    facts_of(m, addr, now_us, &facts);
    unsigned at = holding(&facts, from_us, now_us), next = after(&facts, now_us);
    if (at < WHO_FACTS && fresh->source != WHO_NONE && facts.fact[at].source > fresh->source)
        return;
    fresh->since_us = now_us;
    if (at < WHO_FACTS && says_the_same(&facts.fact[at], fresh)) { /* again */
        if (last_told_us(&facts.fact[at]) > now_us)
            return;
        span(fresh, facts.fact[at].since_us, now_us);
        slot = facts.slot[at];
    } else if (next < facts.count &&
               says_the_same(&facts.fact[next], fresh)) { /* a worker ahead was told it */
        span(fresh, now_us, last_told_us(&facts.fact[next]));
        slot = facts.slot[next];
    } else if (!free_slot(&facts, now_us, &slot)) {
        return;
    }
    map_put(m, who_key(&key, addr, slot), view_of(fresh, sizeof *fresh), now_us,
            now_us + seconds((uint64_t)fresh->for_s + HOST_LIFETIME_S));
}

/* Since when the machine is there that is there now: it took the place of another, as far as is known. */
static uint64_t machine_since_us(const struct who_facts *macs, uint64_t now_us)
{
    uint64_t since_us = 0;

    for (unsigned i = 1; i < macs->count && macs->fact[i].since_us <= now_us; i++)
        if (memcmp(macs->fact[i].name, macs->fact[i - 1].name, 6) != 0)
            since_us = macs->fact[i].since_us;
    return since_us;
}

static void tell_name(struct knowledge *k, struct map *m, enum who_source source, const struct ip_addr *addr,
                      struct view name, uint32_t for_s, uint64_t now_us)
{
    struct who_value value = { .source = (uint8_t)source, .for_s = for_s > 0 ? for_s : HOST_LIFETIME_S };
    char printable[WHO_NAME_BYTES];
    struct text t = TEXT(printable);
    struct who_facts macs;

    text_printable(&t, name);
    if (t.len == 0 || ip_is_zero(addr))
        return;
    memcpy(value.name, printable, t.len);
    hold(&k->telling);
    facts_of(k->macs, addr, now_us, &macs);
    tell(m, addr, &value, machine_since_us(&macs, now_us), now_us);
    let_go(&k->telling);
}

void knowledge_learn_host(struct knowledge *k, enum who_source source, const struct ip_addr *addr,
                          struct view host, uint32_t for_s, uint64_t now_us)
{
    tell_name(k, k->hosts, source, addr, host, for_s, now_us);
}

void knowledge_learn_user(struct knowledge *k, enum who_source source, const struct ip_addr *addr,
                          struct view user, uint32_t for_s, uint64_t now_us)
{
    tell_name(k, k->users, source, addr, user, for_s, now_us);
}

void knowledge_learn_mac(struct knowledge *k, const struct ip_addr *addr, const uint8_t mac[6],
                         uint64_t now_us)
{
    static const uint8_t none[6];
    struct who_value value = { .source = WHO_SOURCE_COUNT, .for_s = HOST_LIFETIME_S };
    struct who_facts facts;

    if (ip_is_zero(addr) || (mac[0] & 1) != 0 || memcmp(mac, none, sizeof none) == 0)
        return; /* of a group of machines, or of none */
    memcpy(value.name, mac, 6);
    facts_of(k->macs, addr, now_us, &facts);
    unsigned at = holding(&facts, 0, now_us);
    const struct who_value *old = at < WHO_FACTS ? &facts.fact[at] : NULL;
    if (old != NULL && memcmp(old->name, mac, 6) == 0 && last_told_us(old) + seconds(MAC_SETTLED_S) > now_us)
        return;
    hold(&k->telling);
    tell(k->macs, addr, &value, 0, now_us);
    let_go(&k->telling);
}

static void forget(struct map *m, const struct ip_addr *addr, uint64_t now_us)
{
    struct who_value nobody = { .source = WHO_NONE };

    if (!ip_is_zero(addr))
        tell(m, addr, &nobody, 0, now_us);
}

void knowledge_forget_user(struct knowledge *k, const struct ip_addr *addr, uint64_t now_us)
{
    hold(&k->telling);
    forget(k->users, addr, now_us);
    let_go(&k->telling);
}

void knowledge_forget_who(struct knowledge *k, const struct ip_addr *addr, uint64_t now_us)
{
    hold(&k->telling);
    forget(k->hosts, addr, now_us);
    forget(k->users, addr, now_us);
    forget(k->macs, addr, now_us);
    let_go(&k->telling);
}

/* When was it told last, as far as one could know by then? */
static uint64_t known_us(const struct who_value *v, uint64_t now_us)
{
    return last_told_us(v) <= now_us ? last_told_us(v) : v->since_us;
}

/* What holds of these; NULL: nothing. */
static const struct who_value *name_at(const struct map *m, const struct ip_addr *addr, uint64_t from_us,
                                       uint64_t now_us, struct who_facts *facts)
{
    facts_of(m, addr, now_us, facts);
    unsigned at = holding(facts, from_us, now_us);

    return at < WHO_FACTS ? &facts->fact[at] : NULL;
}

bool knowledge_who(const struct knowledge *k, const struct ip_addr *addr, uint64_t now_us,
                   struct known_who *out)
{
    struct known_who who = { 0 };
    struct who_facts macs, hosts, users;
    const struct who_value *mac = name_at(k->macs, addr, 0, now_us, &macs);
    uint64_t from_us = machine_since_us(&macs, now_us);
    const struct who_value *host = name_at(k->hosts, addr, from_us, now_us, &hosts),
                           *user = name_at(k->users, addr, from_us, now_us, &users);

    if (mac != NULL)
        memcpy(who.mac, mac->name, sizeof who.mac);
    if (host != NULL) {
        memcpy(who.host, host->name, sizeof host->name);
        who.host_source = host->source;
        who.host_us = known_us(host, now_us);
    }
    if (user != NULL) {
        memcpy(who.user, user->name, sizeof user->name);
        who.user_source = user->source;
        who.user_us = known_us(user, now_us);
    }
    if (mac == NULL && host == NULL && user == NULL)
        return false;
    *out = who;
    return true;
}
