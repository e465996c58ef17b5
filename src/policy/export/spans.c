/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of addresses: what rules on clients and nested ranges come down to. */
#include "policy/export/spans.h"
#include "policy/rules.h"
#include <endian.h>

#define MAPPED_FIRST ((hash_wide)0xffff << 32)
#define MAPPED_LAST (MAPPED_FIRST | UINT32_MAX)
#define SPAN_MAX (~(hash_wide)0)

hash_wide ip_number(const struct ip_addr *ip)
{
    return (hash_wide)be64toh(ip->word[0]) << 64 | be64toh(ip->word[1]);
}

struct ip_addr ip_of_number(hash_wide n)
{
    return (struct ip_addr){ .word = { htobe64((uint64_t)(n >> 64)), htobe64((uint64_t)n) } };
}

struct ip_span ip_network_span(const struct ip_addr *ip, unsigned bits)
{
    hash_wide below = bits >= 128 ? 0 : SPAN_MAX >> bits, first = ip_number(ip) & ~below;

    return (struct ip_span){ first, first | below };
}

bool ip_spans_add(struct ip_spans *s, hash_wide first, hash_wide last)
{
    if (s->count > 0 && s->at[s->count - 1].last != SPAN_MAX && s->at[s->count - 1].last + 1 == first) {
        s->at[s->count - 1].last = last;
        return true;
    }
    if (!policy_room(&s->at, s->count, &s->room, sizeof *s->at))
        return false;
    s->at[s->count++] = (struct ip_span){ first, last };
    return true;
}

bool ip_spans_minus(const struct ip_spans *a, const struct ip_spans *b, struct ip_spans *out)
{
    uint32_t j = 0;

    for (uint32_t i = 0; i < a->count; i++) {
        hash_wide first = a->at[i].first, last = a->at[i].last;
        bool left = true;
        while (j < b->count && b->at[j].last < first)
            j++;
        for (uint32_t k = j; left && k < b->count && b->at[k].first <= last; k++) {
            if (b->at[k].first > first && !ip_spans_add(out, first, b->at[k].first - 1))
                return false;
            left = b->at[k].last < last;
            if (left)
                first = b->at[k].last + 1;
        }
        if (left && !ip_spans_add(out, first, last))
            return false;
    }
    return true;
}

bool ip_spans_join(const struct ip_spans *a, const struct ip_spans *b, struct ip_spans *out)
{
    uint32_t i = 0, j = 0;

    while (i < a->count || j < b->count) {
        bool from_a = j == b->count || (i < a->count && a->at[i].first <= b->at[j].first);
        struct ip_span s = from_a ? a->at[i++] : b->at[j++];
        struct ip_span *before = out->count > 0 ? &out->at[out->count - 1] : NULL;
        if (before != NULL && s.first <= before->last) {
            if (s.last > before->last)
                before->last = s.last;
        } else if (!ip_spans_add(out, s.first, s.last)) {
            return false;
        }
    }
    return true;
}

/* Networks from `first` to `last`, each as large as its place allows. */
static unsigned cut(hash_wide first, hash_wide last, struct plan_network *out, unsigned count)
{
    for (;;) {
        unsigned bits = 128;
        hash_wide below = 0;
        while (bits > 0 && (first & (below << 1 | 1)) == 0 && (below << 1 | 1) <= last - first) {
            below = below << 1 | 1;
            bits--;
        }
        out[count++] = (struct plan_network){ ip_of_number(first), bits };
        if (first + below == last)
            return count;
        first += below + 1;
    }
}

unsigned ip_span_networks(struct ip_span s, struct plan_network out[static SPAN_NETWORKS])
{
    unsigned count = 0;

    if (s.first < MAPPED_FIRST)
        count = cut(s.first, s.last < MAPPED_FIRST ? s.last : MAPPED_FIRST - 1, out, count);
    if (s.first <= MAPPED_LAST && s.last >= MAPPED_FIRST)
        count = cut(s.first > MAPPED_FIRST ? s.first : MAPPED_FIRST,
                    s.last < MAPPED_LAST ? s.last : MAPPED_LAST, out, count);
    if (s.last > MAPPED_LAST)
        count = cut(s.first > MAPPED_LAST ? s.first : MAPPED_LAST + 1, s.last, out, count);
    return count;
}

void text_network(struct text *t, const struct plan_network *n)
{
    unsigned before = ip_is_v4(&n->ip) ? 96 : 0;

    text_address(t, &n->ip);
    if (n->bits < 128)
        text_format(t, "/%u", n->bits - before);
}
