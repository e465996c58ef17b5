/* SPDX-License-Identifier: Apache-2.0 */
/* The ranges of the catalog without overlap: which service an address is taken for; private to the folder. */
#pragma once
#include "policy/export/spans.h"

/* A piece of the address space that one range of a service has, as catalog_match_address() finds it. */
struct plan_range {
    struct ip_span span;
    bool ported; /* on some ports of `l4` only; such pieces come before others of the same addresses */
    uint8_t l4;  /* 6 or 17 where it is ported */
    uint16_t first_port, last_port;
    uint16_t service;
    enum server_role role;
    bool shared; /* with other services: never blocked */
};

/* Sorted by address. True: the caller frees *out. False without memory. */
bool plan_ranges(const struct catalog *c, struct plan_range **out, unsigned *out_count) IMW_MUST_USE;

/*
 * For lists of addresses that know no ports: the addresses that are blocked for everybody, after
 * plan_blocked(). Left out is what must pass on some port. *out_ported: how many pieces are blocked on some
 * ports only, and so are left out. True: the caller frees out->at.
 */
struct plan_place {
    struct ip_span span;
    const struct plan_row *row; /* of plan_blocked() */
};
bool plan_blocked_addresses(const struct export_plan *p, struct plan_place **out, unsigned *out_count,
                            unsigned *out_ported) IMW_MUST_USE;
