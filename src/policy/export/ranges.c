/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges of the catalog are networks: two of them nest or have nothing in common. So the address space is
 * cut at their borders, and each piece asks the networks that hold it from the narrowest on: those with ports
 * take their ports, and the first without takes the rest.
 */
#include "policy/export/ranges.h"
#include "policy/rules.h"
#include <stdlib.h>

enum { NEST = 129, PORT_PIECES = 64 };

/* A range as it is written: "52.112.0.0/14 udp 3478-3481". */
struct written {
    struct ip_span span;
    uint8_t l4; /* 0: either */
    uint16_t first_port, last_port;
    uint16_t service;
    enum server_role role;
    bool shared;
};

struct reading {
    struct written *at;
    uint32_t count, room;
    uint16_t service;
    bool failed;
};

static void read_ports(struct view v, struct written *w)
{
    uint64_t first, last;
    struct view from = view_token(&v, '-');

    if (!view_decimal(from, UINT16_MAX, &first))
        return;
    if (!view_decimal(v, UINT16_MAX, &last))
        last = first;
    w->first_port = (uint16_t)first;
    w->last_port = (uint16_t)last;
}

static void read_range(void *context, const char *kind, enum server_role role, enum strength strength,
                       struct view entry, struct view source)
{
    struct reading *r = context;
    struct ip_addr ip;
    unsigned bits;

    (void)source;
    if (strcmp(kind, "range") != 0 || !ip_parse_network(view_token(&entry, ' '), &ip, &bits))
        return;
    if (!policy_room(&r->at, r->count, &r->room, sizeof *r->at)) {
        r->failed = true;
        return;
    }
    struct written *w = &r->at[r->count++];
    *w = (struct written){ .span = ip_network_span(&ip, bits),
                           .last_port = UINT16_MAX,
                           .service = r->service,
                           .role = role,
                           .shared = strength == STRENGTH_SHARED };
    if (view_starts(entry, VIEW("tcp")) || view_starts(entry, VIEW("udp"))) {
        w->l4 = entry.at[0] == 't' ? 6 : 17;
        (void)view_token(&entry, ' ');
    }
    read_ports(entry, w);
}

/* The wider first, and of the same network the one with the most ports. */
static int by_span(const void *a, const void *b)
{
    const struct written *x = a, *y = b;
    unsigned x_ports = x->last_port - x->first_port, y_ports = y->last_port - y->first_port;

    if (x->span.first != y->span.first)
        return x->span.first < y->span.first ? -1 : 1;
    if (x->span.last != y->span.last)
        return x->span.last > y->span.last ? -1 : 1;
    if (x_ports != y_ports)
        return x_ports > y_ports ? -1 : 1;
    return (x->l4 != 0) - (y->l4 != 0);
}

struct sweep {
    struct plan_range *out;
    uint32_t count, room;
    const struct written *open[NEST * 8];
    unsigned depth;
    hash_wide at;
    bool ended;
};

static bool add(struct sweep *s, const struct plan_range *r)
{
    if (!policy_room(&s->out, s->count, &s->room, sizeof *s->out))
        return false;
    s->out[s->count++] = *r;
    return true;
}

/* Ports that are taken already, of one l4. */
struct taken {
    struct {
        uint8_t l4;
        uint16_t first, last;
    } at[PORT_PIECES];
    unsigned count;
};

/* What is left of the ports from `first` on is the piece's; then they are taken. */
static bool take_ports(struct sweep *s, struct taken *t, struct plan_range piece, uint16_t last)
{
    unsigned before = t->count;
    uint32_t at = piece.first_port;

    while (at <= last) {
        uint32_t end = last, next = (uint32_t)last + 1;
        for (unsigned i = 0; i < before; i++) {
            if (t->at[i].l4 != piece.l4 || t->at[i].last < at || t->at[i].first > end)
                continue;
            if (t->at[i].first <= at) {
                end = at; /* nothing here */
                next = (uint32_t)t->at[i].last + 1;
                at = next;
                break;
            }
            end = t->at[i].first - 1u;
            next = end + 1;
        }
        if (at >= next)
            continue;
        piece.first_port = (uint16_t)at;
        piece.last_port = (uint16_t)end;
        if (!add(s, &piece))
            return false;
        if (t->count < PORT_PIECES) {
            t->at[t->count].l4 = piece.l4;
            t->at[t->count].first = piece.first_port;
            t->at[t->count++].last = piece.last_port;
        }
        at = next;
    }
    return true;
}

/* The addresses up to `last`, which the open networks hold. */
static bool pass(struct sweep *s, hash_wide last)
{
    struct taken taken = { .count = 0 };
    bool ok = true;

    if (s->ended || s->at > last)
        return true;
    for (unsigned i = s->depth; ok && i-- > 0;) {
        const struct written *w = s->open[i];
        struct plan_range piece = { .span = { s->at, last },
                                    .first_port = w->first_port,
                                    .last_port = w->last_port,
                                    .service = w->service,
                                    .role = w->role,
                                    .shared = w->shared };
        bool any = w->first_port == 0 && w->last_port == UINT16_MAX;
        if (any && w->l4 == 0) {
            ok = add(s, &piece);
            break;
        }
        piece.ported = true;
        for (unsigned k = 0; ok && k < 2; k++) {
            piece.l4 = k == 0 ? 6 : 17;
            piece.first_port = w->first_port;
            ok = (w->l4 != 0 && w->l4 != piece.l4) || take_ports(s, &taken, piece, w->last_port);
        }
    }
    s->ended = last == ~(hash_wide)0;
    s->at = last + 1;
    return ok;
}

static bool sweep_ranges(struct sweep *s, const struct written *at, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct ip_span span = at[i].span;
        for (; s->depth > 0 && s->open[s->depth - 1]->span.last < span.first; s->depth--)
            if (!pass(s, s->open[s->depth - 1]->span.last))
                return false;
        if (s->depth > 0 && s->at < span.first && !pass(s, span.first - 1))
            return false;
        s->at = span.first;
        if (s->depth < sizeof s->open / sizeof s->open[0])
            s->open[s->depth++] = &at[i];
    }
    for (; s->depth > 0; s->depth--)
        if (!pass(s, s->open[s->depth - 1]->span.last))
            return false;
    return true;
}

bool plan_ranges(const struct catalog *c, struct plan_range **out, unsigned *out_count)
{
    struct reading r = { .at = NULL };
    struct sweep s = { .out = NULL };

    for (unsigned n = 1; n <= catalog_count(c); n++) {
        r.service = (uint16_t)n;
        catalog_each(c, r.service, read_range, &r);
    }
    if (!r.failed && r.count > 0)
        qsort(r.at, r.count, sizeof *r.at, by_span);
    bool ok = !r.failed && sweep_ranges(&s, r.at, r.count);
    free(r.at);
    if (!ok) {
        free(s.out);
        return false;
    }
    *out = s.out;
    *out_count = s.count;
    return true;
}

/* --- lists without ports --- */

static const struct plan_row *blocker(const struct export_plan *p, const struct plan_range *r)
{
    return r->shared ? NULL : plan_blocker(p, r->service, r->role);
}

static bool add_place(struct plan_place **places, uint32_t *count, uint32_t *room, struct ip_span span,
                      const struct plan_row *row)
{
    struct plan_place *before = *count > 0 ? &(*places)[*count - 1] : NULL;

    if (before != NULL && before->row == row && before->span.last + 1 == span.first) {
        before->span.last = span.last;
        return true;
    }
    if (!policy_room(places, *count, room, sizeof **places))
        return false;
    (*places)[(*count)++] = (struct plan_place){ span, row };
    return true;
}

bool plan_blocked_addresses(const struct export_plan *p, struct plan_place **out, unsigned *out_count,
                            unsigned *out_ported)
{
    struct plan_range *ranges;
    struct plan_place *places = NULL;
    uint32_t count = 0, room = 0;
    unsigned n;

    if (!plan_ranges(plan_catalog(p), &ranges, &n))
        return false;
    *out_ported = 0;
    bool ok = true, passes = false;
    for (unsigned i = 0; ok && i < n;
         i++) { /* pieces with ports come first, then the rest of the addresses */
        const struct plan_row *row = blocker(p, &ranges[i]);
        if (i > 0 && ranges[i].span.first != ranges[i - 1].span.first)
            passes = false;
        if (ranges[i].ported) {
            *out_ported += row != NULL;
            passes |= row == NULL;
        } else if (row != NULL && !passes) {
            ok = add_place(&places, &count, &room, ranges[i].span, row);
        }
    }
    free(ranges);
    if (!ok) {
        free(places);
        return false;
    }
    *out = places;
    *out_count = count;
    return true;
}
