/* SPDX-License-Identifier: Apache-2.0 */
/* From rules with terms to values with sets of rules; from networks to a table of places. */
#include "base/hash.h"
#include "policy/rules.h"
#include <endian.h>
#include <stdlib.h>

bool policy_room(void *array, uint32_t count, uint32_t *room, size_t size)
{
    void *old, *grown;

    if (count < *room)
        return true;
    uint32_t wanted = *room == 0 ? 32 : *room * 2;
    memcpy(&old, array, sizeof old);
    grown = realloc(old, wanted * size);
    if (grown == NULL)
        return false;
    memcpy(array, &grown, sizeof grown);
    *room = wanted;
    return true;
}

bool policy_add_user(struct policy *p, struct view name, uint32_t *out)
{
    uint32_t before = p->users.count;

    if (!policy_room(&p->persons, before, &p->person_room, sizeof *p->persons) ||
        !names_add(&p->users, name, out))
        return false;
    if (p->users.count > before)
        p->persons[*out] = (struct person){ .trained_until = -1 };
    return true;
}

bool policy_add_group(struct policy *p, struct view name, uint32_t *out)
{
    uint32_t before = p->groups.count;

    if (!policy_room(&p->group, before, &p->group_room, sizeof *p->group) ||
        !names_add(&p->groups, name, out))
        return false;
    if (p->groups.count > before)
        p->group[*out] = (struct group){ .line = 0 };
    return true;
}

bool policy_add_membership(struct policy *p, uint32_t user, uint32_t group)
{
    if (!policy_room(&p->memberships, p->membership_count, &p->membership_room, sizeof *p->memberships))
        return false;
    p->memberships[p->membership_count++] = (struct membership){ user, group };
    p->group[group].filled = true;
    return true;
}

bool policy_add_member(struct places *places, const struct ip_addr *network, unsigned bits, enum axis_id axis,
                       uint32_t value)
{
    if (!policy_room(&places->members, places->member_count, &places->member_room, sizeof *places->members))
        return false;
    places->members[places->member_count++] =
        (struct member){ .network = *network, .bits = (uint8_t)bits, .axis = (uint8_t)axis, .value = value };
    return true;
}

enum axis_id policy_key_axis(enum policy_key k)
{
    static const enum axis_id axes[POLICY_KEY_COUNT] = {
        [POLICY_KEY_SERVICE] = WHAT,
        [POLICY_KEY_VENDOR] = WHAT,
        [POLICY_KEY_CLASS] = WHAT,
        [POLICY_KEY_PROTOCOL] = PROTOCOL,
        [POLICY_KEY_ACTIVITY] = ACTIVITY,
        [POLICY_KEY_DELIVERY] = DELIVERY,
        [POLICY_KEY_PORT_AGILE] = PORT_AGILE,
        [POLICY_KEY_GROUP] = GROUP,
        [POLICY_KEY_USER] = USER,
        [POLICY_KEY_NETWORK] = NETWORK,
        [POLICY_KEY_SERVER] = SERVER,
        [POLICY_KEY_HOURS] = COMPARED,
        [POLICY_KEY_ACKNOWLEDGED] = ACKNOWLEDGED,
        [POLICY_KEY_TRAINED] = TRAINED,
        [POLICY_KEY_CLIENT_VERSION_BELOW] = COMPARED,
    };

    return axes[k];
}

/* --- places --- */

/* Addresses in order are numbers in order. */
static hash_wide address_value(const struct ip_addr *ip)
{
    return (hash_wide)be64toh(ip->word[0]) << 64 | be64toh(ip->word[1]);
}

static int by_network(const void *a, const void *b)
{
    const struct member *x = a, *y = b;

    if (!ip_equal(&x->network, &y->network))
        return address_value(&x->network) < address_value(&y->network) ? -1 : 1;
    return (int)x->bits - (int)y->bits;
}

static int by_network_and_value(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int order = by_network(a, b);

    if (order != 0 || x->axis != y->axis)
        return order != 0 ? order : (int)x->axis - (int)y->axis;
    return (x->value > y->value) - (x->value < y->value);
}

/* The innermost of `from` and the places around it that holds the network (or address) given. */
static uint32_t holder(const struct places *p, uint32_t from, const struct ip_addr *ip, unsigned bits)
{
    while (from != NAME_NONE && (p->places[from].bits > bits ||
                                 !ip_in_network(ip, &p->places[from].network, p->places[from].bits)))
        from = p->places[from].parent;
    return from;
}

/* The first `bits` of an address. */
static struct ip_addr network_of(const struct ip_addr *ip, unsigned bits)
{
    const hash_wide mask = bits == 0 ? 0 : ~(hash_wide)0 << (128 - bits), value = address_value(ip) & mask;

    return (struct ip_addr){ .word = { htobe64((uint64_t)(value >> 64)), htobe64((uint64_t)value) } };
}

static struct place_slot *find_slot(const struct place_table *t, const struct ip_addr *network)
{
    uint32_t at = (uint32_t)hash_words(network->word[0], network->word[1], 0) & t->mask;

    while (t->slots[at].place != 0 && !ip_equal(&t->slots[at].network, network))
        at = (at + 1) & t->mask;
    return &t->slots[at];
}

/* Who is at a place, and what lies around it. Those around it come before it and are known. */
static void fill_slot(const struct places *p, uint32_t number, struct place_slot *out)
{
    const struct place *at = &p->places[number];
    const struct place_slot *wider = at->parent != NAME_NONE ? places_look(p, &at->network) : NULL;
    bool users = false, others = false;
    struct place_slot s = { .network = at->network, .place = number + 1, .user = NAME_NONE };

    for (uint32_t i = 0; i < at->count; i++) {
        const struct member *m = &p->members[at->first + i];
        others |= m->axis != USER;
        if (m->axis != USER)
            continue;
        s.user = users ? NAME_NONE : m->value;
        users = true;
    }
    if (!users && wider != NULL)
        s.user = wider->user;
    s.around = others ? number : wider != NULL ? wider->around : NAME_NONE;
    *out = s;
}

static bool index_places(struct places *p)
{
    uint32_t counts[129] = { 0 };
    size_t slots = 0;

    for (uint32_t i = 0; i < p->place_count; i++)
        counts[p->places[i].bits]++;
    for (unsigned bits = 129; bits-- > 0;) {
        uint32_t room = 2;
        while (room < counts[bits] * 2)
            room *= 2;
        if (counts[bits] == 0)
            continue;
        p->tables[p->table_count++] = (struct place_table){ .bits = bits, .mask = room - 1 };
        slots += room;
    }
    p->slots = calloc(slots, sizeof *p->slots);
    if (p->slots == NULL)
        return false;
    struct place_slot *next = p->slots;
    for (unsigned t = 0; t < p->table_count; t++) {
        p->tables[t].slots = next;
        next += p->tables[t].mask + 1;
    }
    for (uint32_t i = 0; i < p->place_count; i++)
        for (unsigned t = 0; t < p->table_count; t++)
            if (p->tables[t].bits == p->places[i].bits)
                fill_slot(p, i, find_slot(&p->tables[t], &p->places[i].network));
    return true;
}

static bool compile_places(struct places *p)
{
    if (p->member_count == 0)
        return true;
    qsort(p->members, p->member_count, sizeof *p->members, by_network_and_value);
    p->places = malloc(p->member_count * sizeof *p->places);
    if (p->places == NULL)
        return false;
    for (uint32_t i = 0; i < p->member_count; i++) {
        const struct member *m = &p->members[i];
        if (i == 0 || by_network(m, m - 1) != 0) {
            uint32_t before = p->place_count > 0 ? p->place_count - 1 : NAME_NONE;
            p->places[p->place_count++] = (struct place){
                .network = m->network,
                .bits = m->bits,
                .parent = holder(p, before, &m->network, m->bits),
                .first = i,
            };
        }
        p->places[p->place_count - 1].count++;
    }
    return index_places(p);
}

void places_fetch(const struct places *p, const struct ip_addr *ip)
{
    if (p->table_count == 0)
        return;
    const struct place_table *t = &p->tables[0];
    struct ip_addr network = network_of(ip, t->bits);
    __builtin_prefetch(&t->slots[(uint32_t)hash_words(network.word[0], network.word[1], 0) & t->mask]);
}

const struct place_slot *places_look(const struct places *p, const struct ip_addr *ip)
{
    for (unsigned t = 0; t < p->table_count; t++) {
        struct ip_addr network = network_of(ip, p->tables[t].bits);
        const struct place_slot *s = find_slot(&p->tables[t], &network);
        if (s->place != 0)
            return s;
    }
    return NULL;
}

const struct place *places_find(const struct places *p, const struct ip_addr *ip)
{
    const struct place_slot *s = places_look(p, ip);

    return s != NULL ? &p->places[s->place - 1] : NULL;
}

/* --- sets --- */

static void set_bit(uint64_t *bits, uint32_t n)
{
    bits[n / 64] |= (uint64_t)1 << (n % 64);
}
static void clear_bit(uint64_t *bits, uint32_t n)
{
    bits[n / 64] &= ~((uint64_t)1 << (n % 64));
}

static bool make_values(struct policy *p)
{
    const uint32_t counts[AXES] = {
        [WHAT] = p->what_count,
        [PROTOCOL] = PROTOCOL_COUNT,
        [ACTIVITY] = ACTIVITY_SETS,
        [DELIVERY] = DELIVERY_COUNT,
        [PORT_AGILE] = 2,
        [GROUP] = p->groups.count,
        [USER] = p->users.count,
        [NETWORK] = p->networks.count,
        [SERVER] = p->servers.count,
        [ACKNOWLEDGED] = 2,
        [TRAINED] = 2,
    };
    uint32_t at = 0;

    for (unsigned a = 0; a < AXES; a++) {
        p->axes[a].value_count = counts[a];
        p->axes[a].values = calloc(counts[a] + 1, sizeof *p->axes[a].values);
        if (p->axes[a].values == NULL)
            return false;
    }
    for (uint32_t i = 0; i < p->term_count; i++)
        p->axes[term_axis(p->terms[i])].values[term_value(p->terms[i])].count++;
    for (unsigned a = 0; a < AXES; a++)
        for (uint32_t v = 0; v < counts[a]; v++) {
            struct rule_set *s = &p->axes[a].values[v];
            s->first = at;
            at += s->count;
            s->count = 0; /* counted again while the list is written */
        }
    return true;
}

static void write_lists(struct policy *p)
{
    for (uint32_t r = 0; r < p->rule_names.count; r++)
        for (uint32_t i = 0; i < p->rules[r].term_count; i++) {
            uint32_t term = p->terms[p->rules[r].first_term + i];
            struct rule_set *s = &p->axes[term_axis(term)].values[term_value(term)];
            p->lists[s->first + s->count++] = r;
        }
}

/* The sets of rules that do not ask. */
static void write_any(struct policy *p)
{
    for (unsigned a = 0; a < AXES; a++)
        memcpy(p->axes[a].any, p->all, p->words * sizeof *p->all);
    for (uint32_t r = 0; r < p->rule_names.count; r++)
        for (unsigned k = 0; k < POLICY_KEY_COUNT; k++) {
            enum axis_id a = policy_key_axis((enum policy_key)k);
            if ((p->rules[r].keys >> k & 1) == 0 || a == COMPARED)
                continue;
            p->axes[a].asked = true;
            clear_bit(p->axes[a].any, r);
        }
}

/* Is the list of a value worth a set of bits? */
static bool wants_bits(const struct policy *p, enum axis_id axis, const struct rule_set *s)
{
    return s->count > (axis < SEVERAL ? p->words / 4 : 0); /* a rule of a list costs as much as some words */
}

static void write_bits(struct policy *p, uint64_t *bits)
{
    for (unsigned a = 0; a < AXES; a++)
        for (uint32_t v = 0; v < p->axes[a].value_count; v++) {
            struct rule_set *s = &p->axes[a].values[v];
            if (!wants_bits(p, (enum axis_id)a, s))
                continue;
            memcpy(bits, p->axes[a].any, p->words * sizeof *bits);
            for (uint32_t i = 0; i < s->count; i++)
                set_bit(bits, p->lists[s->first + i]);
            s->bits = bits;
            bits += p->words;
        }
}

static size_t count_bits(const struct policy *p)
{
    size_t n = 0;

    for (unsigned a = 0; a < AXES; a++)
        for (uint32_t v = 0; v < p->axes[a].value_count; v++)
            n += wants_bits(p, (enum axis_id)a, &p->axes[a].values[v]);
    return n;
}

static void write_quiet(struct policy *p)
{
    for (uint32_t w = 0; w < p->words; w++) {
        p->quiet[w] = p->all[w];
        for (unsigned a = 0; a < SEVERAL; a++)
            p->quiet[w] &= p->axes[a].any[w];
        if (p->quiet[w] != 0)
            set_bit(p->quiet_words, w);
    }
}

/* --- people --- */

static int by_user(const void *a, const void *b)
{
    const struct membership *x = a, *y = b;

    return x->user != y->user ? (x->user < y->user ? -1 : 1) : (x->group > y->group) - (x->group < y->group);
}

static void compile_people(struct policy *p)
{
    if (p->membership_count > 0)
        qsort(p->memberships, p->membership_count, sizeof *p->memberships, by_user);
    for (uint32_t i = 0; i < p->membership_count; i++) {
        struct person *person = &p->persons[p->memberships[i].user];
        if (person->group_count < NEAR_GROUPS)
            person->near_groups[person->group_count] = p->memberships[i].group;
        if (person->group_count++ == 0)
            person->first_group = i;
    }
    for (uint32_t u = 0; u < p->users.count; u++)
        p->persons[u].asked = p->axes[USER].values[u].count > 0;
}

bool policy_compile(struct policy *p)
{
    p->words = (p->rule_names.count / 64 / STRIDE_WORDS + 1) * STRIDE_WORDS;
    p->lists = malloc((p->term_count + 1) * sizeof *p->lists);
    if (p->lists == NULL || !make_values(p) || !compile_places(&p->clients) || !compile_places(&p->remotes))
        return false;
    write_lists(p);
    compile_people(p);
    p->bits = calloc((AXES + 3 + count_bits(p)) * p->words, sizeof *p->bits);
    if (p->bits == NULL)
        return false;
    p->all = p->bits;
    p->quiet = p->bits + p->words;
    p->compared = p->bits + 2 * p->words;
    for (unsigned a = 0; a < AXES; a++)
        p->axes[a].any = p->bits + (a + 3) * p->words;
    for (uint32_t r = 0; r < p->rule_names.count; r++) {
        p->rules[r].name = names_text(&p->rule_names, r);
        set_bit(p->all, r);
        if (p->rules[r].exception ||
            (p->rules[r].keys & (1u << POLICY_KEY_HOURS | 1u << POLICY_KEY_CLIENT_VERSION_BELOW)) != 0)
            set_bit(p->compared, r);
    }
    write_any(p);
    write_quiet(p);
    write_bits(p, p->bits + (AXES + 3) * p->words);
    return true;
}
