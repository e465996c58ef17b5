/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses whose traffic the kernel drops by itself: where a service is blocked for everybody, the addresses
 * of its servers, as decisions and answers of DNS tell them, go into sets of nftables, each with its
 * time-out; and, where it is wanted, into a map of an XDP program that drops before a packet costs anything.
 *
 * An address that also stands for a name of another service, or of none, is never put in: a false block stops
 * a bank's business.
 */
#pragma once
#include "base/address.h"
#include "base/error.h"

struct endpoints;

struct endpoints_config {
    bool nft;                 /* sets of the table that enforce/ruleset.h made */
    char xdp[16];             /* interface to drop at; empty: none */
    uint32_t least_s, most_s; /* bounds of time-outs; 0: 60, 86,400 */
    uint32_t entries;         /* at a time, at most; 0: 65,536 */
};

/* What takes privilege to open: by one process, for another. Descriptors, -1: none. */
struct endpoints_grant {
    int netlink;     /* to the sets */
    int map, counts; /* of the program */
    int link;        /* when nobody has it open any more, the program is off the interface */
};
enum { ENDPOINTS_FDS = 4 };

/* Opens the netlink socket, loads and attaches the program: CAP_NET_ADMIN, CAP_BPF. False: all are closed. */
bool endpoints_open(const struct endpoints_config *config, struct endpoints_grant *out,
                    struct imw_error_info *err) IMW_MUST_USE;
unsigned endpoints_grant_fds(struct endpoints_grant *g, int *out[ENDPOINTS_FDS]);

/* Takes the grant's descriptors over; false: it does not. The kernel asks for CAP_NET_ADMIN with every change
 * of the sets. */
bool endpoints_new(const struct endpoints_config *config, struct endpoints_grant *take,
                   struct endpoints **out, struct imw_error_info *err) IMW_MUST_USE;
void endpoints_free(struct endpoints *e); /* takes the program off; entries of sets go with their table */

/* Any thread. Told again, an address stays for longer. What was put in is sent by endpoints_flush(), some
 * times a second. True: it was not there. */
bool endpoints_block(struct endpoints *e, const struct ip_addr *addr, uint32_t for_s);
bool endpoints_release(struct endpoints *e, const struct ip_addr *addr); /* true: it was there */
/* All: the policy has changed. */
void endpoints_clear(struct endpoints *e);
/* By one thread. False: err says what the kernel refused; it is tried again with the next. */
bool endpoints_flush(struct endpoints *e, struct imw_error_info *err);

struct endpoints_counters {
    uint64_t entries, added, refused; /* refused: no room */
    uint64_t dropped_packets;         /* by XDP */
};
void endpoints_counters(struct endpoints *e, struct endpoints_counters *out);
