/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's rules that bring packets to the gateway: made at its start, taken down at its end. nftables
 * (table inet imward); where the kernel has no nft queue, the queue alone is a rule of iptables-nft. Needs
 * CAP_NET_ADMIN and runs programs (nft, iptables-nft-restore): by the opener.
 *
 *     forward, priority mangle       marked PASS of this generation: passes; DROP: dropped; else: queue
 *     forward, priority mangle + 1   a packet with our mark: saved to its connection; DROP: dropped
 *     sets                           addresses whose traffic is dropped (endpoints.h)
 *
 * All that two addresses send each other by TCP comes to one queue of several, and by UDP: with iptables and
 * with nft the kernel chooses by a hash of the addresses, the lower first, and the protocol.
 *
 * Where the kernel has flow tables, connections that pass are put into one.
 */
#pragma once
#include "base/error.h"
#include "enforce/mark.h"

enum ruleset_kind { RULESET_AUTO, RULESET_NFT, RULESET_IPTABLES };

enum { RULESET_INTERFACES = 16 };

struct ruleset_config {
    enum ruleset_kind kind;
    uint16_t first_queue, queues;
    bool fail_open;  /* no gateway, no room: packets pass; false: they are dropped */
    bool bridge;     /* frames between ports of a bridge (br_netfilter) */
    bool flow_table; /* use one, where the kernel can */
    bool endpoints;  /* make the address sets */
    /* Interfaces between which packets are looked at, with `bridge` its ports too; none: all that are
     * forwarded. */
    char interfaces[RULESET_INTERFACES][16];
    unsigned interface_count;
};

struct ruleset_info {
    enum ruleset_kind kind; /* that was taken */
    bool flow_table;
    unsigned generation; /* to begin with: no connection of an earlier run bears it */
    char note[160];      /* what the kernel lacks, and what was done instead; empty: nothing */
};

/* Rules left by an earlier run are replaced. False: err says what the kernel or nft said, and nothing stays.
 */
bool ruleset_install(const struct ruleset_config *config, struct ruleset_info *out,
                     struct imw_error_info *err) IMW_MUST_USE;
/* In one step: from now on only connections of this generation pass unasked. */
bool ruleset_switch(const struct ruleset_config *config, const struct ruleset_info *info, unsigned generation,
                    struct imw_error_info *err) IMW_MUST_USE;
/* Take the rules down, whichever gateway made them. False: they may be there still, err says why. */
bool ruleset_clear(struct imw_error_info *err);
