/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the gateway needs of the kernel, opened by the opener: queues, sockets for what is sent back, and the
 * rules that bring packets to the queues. Of `imward watch --reset` it is the sockets alone.
 *
 * Rules go with an orderly end. When a process dies, they go too where the gateway fails open; where it fails
 * closed they stay, and nothing passes until it runs again.
 */
#pragma once
#include "enforce/endpoints.h"
#include "enforce/passive.h"
#include "enforce/ruleset.h"
#include "packet/queue.h"

/* How something is enforced. */
struct guard_config {
    bool inline_; /* the gateway; false: beside the wire */
    bool fail_open;
    struct ruleset_config rules;
    struct endpoints_config endpoints;               /* where rules.endpoints; most_s: for how long */
    struct passive_network inside[PASSIVE_NETWORKS]; /* besides private networks: of `endpoints` */
    unsigned inside_count;
    bool reset, dry_run; /* watch: forge resets; only count them */
    struct passive_network never[PASSIVE_NETWORKS];
    unsigned never_count;
    uint32_t resets_s; /* at most so many a second; 0: as usual */
};

/* Descriptors, -1: none. Plain data but for them: guard_grant_fds(). */
struct guard_grant {
    int queues[QUEUES_MAX];
    int connections; /* socket of packet/conntrack.h */
    struct inject_grant inject;
    struct endpoints_grant endpoints;
    unsigned generation;
    char note[160];
};
enum { GUARD_FDS = QUEUES_MAX + 1 + INJECT_FDS + ENDPOINTS_FDS };

struct gatekeeper {
    const struct guard_config *config;
    struct ruleset_info info;
    bool installed;
};

/* False: err says what is missing and what to do; nothing stays. */
bool gatekeeper_open(struct gatekeeper *k, const struct guard_config *config, struct guard_grant *out,
                     struct imw_error_info *err) IMW_MUST_USE;
/* Connections that were passed come back to be judged anew. */
void gatekeeper_switch(struct gatekeeper *k, unsigned generation);
/* `orderly`: nobody died. */
void gatekeeper_close(struct gatekeeper *k, bool orderly);

void guard_grant_none(struct guard_grant *g);
void guard_grant_close(struct guard_grant *g);
unsigned guard_grant_fds(struct guard_grant *g, int *out[GUARD_FDS]);
