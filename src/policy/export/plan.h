/* SPDX-License-Identifier: Apache-2.0 */
/* A policy flattened for export; private to the folder. Made by plan.c, read by the targets. */
#pragma once
#include "policy/export/export.h"

/* A condition of a rule that a plan carries as it is; the others are bits of enum policy_key in `asked`. */
struct plan_network {
    struct ip_addr ip;
    unsigned bits;
};

/* Names and addresses of one service, by role, as the catalog has them: catalog_each(). */
struct plan_service {
    uint16_t number;
    const struct catalog_service *service;
};

/* One rule, for one service that it holds for. Roles that it does not hold for are left out of `roles`:
 * a rule on files only takes ROLE_MEDIA. */
struct plan_row {
    unsigned rule; /* number, from 1; 0: the default */
    const char *rule_name;
    enum policy_action action;
    uint16_t service;                   /* number in the catalog */
    uint32_t roles;                     /* bits of enum role: whose names and ranges */
    uint8_t activities;                 /* bits, all where the rule does not ask */
    uint32_t asked;                     /* bits of enum policy_key of all its conditions */
    const struct plan_network *clients; /* whose traffic: networks of network, group, user; */
    unsigned client_count;              /* 0 and no such key asked: everybody's */
};

const struct plan_row *plan_rows(const struct export_plan *p,
                                 unsigned *out_count); /* rules in order, services within */
const struct policy *plan_policy(const struct export_plan *p);
const struct catalog *plan_catalog(const struct export_plan *p);

/* The services that are blocked for everybody, whatever the client, hour or person, by rules that a target
 * which can only ask for `can` (bits of enum policy_key) is able to express; for lists of names. Roles as in
 * plan_row. Returns how many; *out is the plan's. */
unsigned plan_blocked(struct export_plan *p, uint32_t can, const struct plan_row **out);

/*
 * The head: from which policy (version), catalog and program this was made and when, then what is not
 * expressed, rule by rule, for a target that can ask for `can`. Each line behind `comment` ("# ", ";; ", "//
 * ").
 */
void plan_print_head(const struct export_plan *p, const struct export_options *o, const char *target,
                     uint32_t can, const char *comment, FILE *out);
