/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of ruleset.c: the rules as text for nft and for iptables-nft-restore. Nothing is run here.
 *
 * Chains without rules in table inet imward are notes to who comes later, also after a gateway that was
 * killed: "generation_7", and what was found at the start and is put back at the end ("was_..."). They are
 * where the rules are, so neither is ever without the other.
 */
#pragma once
#include "base/text.h"
#include "enforce/ruleset.h"

#define RULESET_CHAIN "IMWARD" /* of iptables; IMWARD-TO and IMWARD-ASK belong to it */

enum { RULESET_TEXT_BYTES = 24 << 10 };

/* Numbers fit, names hold nothing that nft or iptables would take for something else. */
bool ruleset_check(const struct ruleset_config *config, struct imw_error_info *err) IMW_MUST_USE;

/* For nft: in one transaction everything of ours is replaced. `notes`: names of chains to make, NULL ends. */
void ruleset_nft_install(struct text *t, const struct ruleset_config *config, const struct ruleset_info *info,
                         unsigned generation, const char *const notes[]);
/* For nft: the rules of generation `from` become those of `to`. */
void ruleset_nft_switch(struct text *t, const struct ruleset_config *config, const struct ruleset_info *info,
                        unsigned from, unsigned to);
/* For nft -c: can this kernel do it? */
void ruleset_nft_probe_queue(struct text *t);
void ruleset_nft_probe_flow_table(struct text *t, const struct ruleset_config *config);

/* For iptables-nft-restore --noflush, of either family. `jumps`: rules of FORWARD to our chain that are there
 * already. */
void ruleset_iptables_install(struct text *t, const struct ruleset_config *config, unsigned generation,
                              unsigned jumps);
void ruleset_iptables_switch(struct text *t, const struct ruleset_config *config, unsigned generation);
void ruleset_iptables_remove(struct text *t, unsigned jumps);
