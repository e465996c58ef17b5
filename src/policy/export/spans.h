/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of addresses as sorted, disjoint spans; private to the folder. IPv4 lies where its mapped form does.
 */
#pragma once
#include "base/hash.h"
#include "policy/export/plan.h"

struct ip_span {
    hash_wide first, last;
};

struct ip_spans {
    struct ip_span *at;
    uint32_t count, room;
};

enum { SPAN_NETWORKS = 256 }; /* at most so many networks make one span */

/* Addresses in order are numbers in order. */
hash_wide ip_number(const struct ip_addr *ip);
struct ip_addr ip_of_number(hash_wide n);
struct ip_span ip_network_span(const struct ip_addr *ip, unsigned bits);

/* A span behind all others; one that it touches becomes one with it. False without memory. */
bool ip_spans_add(struct ip_spans *s, hash_wide first, hash_wide last) IMW_MUST_USE;
/* What is in `a` and not in `b`, added to *out. */
bool ip_spans_minus(const struct ip_spans *a, const struct ip_spans *b, struct ip_spans *out) IMW_MUST_USE;
/* What is in either. */
bool ip_spans_join(const struct ip_spans *a, const struct ip_spans *b, struct ip_spans *out) IMW_MUST_USE;
/* The fewest networks that make the span; each is of one family. Returns how many. */
unsigned ip_span_networks(struct ip_span s, struct plan_network out[static SPAN_NETWORKS]);

/* "10.0.0.0/8"; an address alone without its length. */
void text_network(struct text *t, const struct plan_network *n);
