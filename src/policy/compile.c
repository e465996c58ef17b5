/* SPDX-License-Identifier: Apache-2.0 */
/* From rules with terms to values with sets of rules; from networks to a table that is searched by halving.
 */
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
    return true;
}

/* The last network that begins at or before `ip` is the one that holds it, or lies in it. */
const struct place *places_find(const struct places *p, const struct ip_addr *ip)
{
    const hash_wide wanted = address_value(ip);
    uint32_t low = 0,
             high = p->place_count; /* all before `low` begin at or before, all from `high` on after */

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (address_value(&p->places[middle].network) <= wanted)
            low = middle + 1;
        else
            high = middle;
    }
    uint32_t found = holder(p, low > 0 ? low - 1 : NAME_NONE, ip, 128);
    return found != NAME_NONE ? &p->places[found] : NULL;
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

/* Sets of bits for the values with long lists. */
static void write_bits(struct policy *p, uint64_t *bits)
{
    for (unsigned a = 0; a < AXES; a++)
        for (uint32_t v = 0; v < p->axes[a].value_count; v++) {
            struct rule_set *s = &p->axes[a].values[v];
            if (s->count <= p->words)
                continue;
            memcpy(bits, p->axes[a].any, p->words * sizeof *bits);
            for (uint32_t i = 0; i < s->count; i++)
                set_bit(bits, p->lists[s->first + i]);
            s->bits = bits;
            bits += p->words;
        }
}

static size_t long_lists(const struct policy *p)
{
    size_t n = 0;

    for (unsigned a = 0; a < AXES; a++)
        for (uint32_t v = 0; v < p->axes[a].value_count; v++)
            n += p->axes[a].values[v].count > p->words;
    return n;
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
        if (person->group_count++ == 0)
            person->first_group = i;
    }
}

bool policy_compile(struct policy *p)
{
    p->words = (p->rule_names.count / 64 / STRIDE_WORDS + 1) * STRIDE_WORDS;
    p->lists = malloc((p->term_count + 1) * sizeof *p->lists);
    if (p->lists == NULL || !make_values(p) || !compile_places(&p->clients) || !compile_places(&p->remotes))
        return false;
    compile_people(p);
    write_lists(p);
    p->bits = calloc((AXES + 1 + long_lists(p)) * p->words, sizeof *p->bits);
    if (p->bits == NULL)
        return false;
    p->all = p->bits;
    for (unsigned a = 0; a < AXES; a++)
        p->axes[a].any = p->bits + (a + 1) * p->words;
    for (uint32_t r = 0; r < p->rule_names.count; r++)
        set_bit(p->all, r);
    write_any(p);
    write_bits(p, p->bits + (AXES + 1) * p->words);
    return true;
}
