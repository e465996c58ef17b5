/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy flattened for export; private to the folder. Made by plan.c, read by the targets.
 *
 * What `can` says, bits of enum policy_key: which conditions a target is able to ask for, besides service,
 * vendor, class and activity, which every plan answers by rows and roles. NETWORK, GROUP and USER: the target
 * looks at the client's address, plan_row.clients. ACTIVITY has a meaning of its own: the target answers
 * look-ups of names (DNS), so that a rule on look-ups takes the names of every role.
 */
#pragma once
#include "policy/export/export.h"

#define PLAN_BIT(key) ((uint32_t)1 << POLICY_KEY_##key)
#define PLAN_CLIENTS (PLAN_BIT(NETWORK) | PLAN_BIT(GROUP) | PLAN_BIT(USER))
#define PLAN_LOOKUPS PLAN_BIT(ACTIVITY)
#define PLAN_LOGINS ((uint32_t)1 << 31) /* the target also knows people who logged in to it */
#define PLAN_ALL_ROLES (((uint32_t)1 << SERVER_ROLE_COUNT) - 1)

/* A network, as of ip_parse_network(). */
struct plan_network {
    struct ip_addr ip;
    unsigned bits;
};

/* One rule, for one service that it holds for. Roles that it does not hold for are left out of `roles`:
 * a rule on files only takes ROLE_MEDIA. Rules whose exception has ended have no rows. */
struct plan_row {
    unsigned rule; /* number, from 1; 0: the default */
    const char *rule_name;
    enum policy_action action;
    enum policy_means means;
    uint16_t service;                   /* number in the catalog */
    uint32_t roles;                     /* bits of enum server_role: whose names and ranges; may be none */
    uint8_t activities;                 /* bits, all where the rule does not ask */
    uint32_t asked;                     /* bits of enum policy_key of all its conditions */
    const struct plan_network *clients; /* whose traffic: networks of network, group, user, disjoint; */
    unsigned client_count;              /* 0 and no such key asked: everybody's; asked: nobody's */
};

/* Rules in order, services within. The default stands at the end, for all services. */
const struct plan_row *plan_rows(const struct export_plan *p, unsigned *out_count);
const struct policy *plan_policy(const struct export_plan *p);
const struct catalog *plan_catalog(const struct export_plan *p);

/* Can a target which can only ask for `can` express the row? */
bool plan_row_fits(const struct plan_row *r, uint32_t can);
/* The roles that a row holds for in such a target. */
uint32_t plan_row_roles(const struct plan_row *r, uint32_t can);
/* Is the row for all clients? */
bool plan_row_for_all(const struct plan_row *r);
/* Does the row's rule hold for this protocol? */
bool plan_row_has_protocol(const struct export_plan *p, const struct plan_row *r, enum protocol protocol);

/*
 * For targets that look at clients: the rows that decide, in order, on a service's names or ranges of one
 * role; the last is for all. `medium` is the protocol in which the name is seen: a rule on files does not
 * hold for the look-up of a name. PROTOCOL_UNKNOWN: only addresses are seen; then a rule which lets pass one
 * protocol ends it all, since nothing behind it may be blocked by address. *out is the plan's, until this is
 * called again.
 */
unsigned plan_steps(const struct export_plan *p, uint32_t can, enum protocol medium, uint16_t service,
                    enum server_role role, const struct plan_row *const **out);

/* A name as the catalog has it; sorted so that names above others can be found: `above` is the number of the
 * nearest one, PLAN_NONE: none. */
#define PLAN_NONE UINT32_MAX
enum plan_name_form {
    PLAN_NAME_BELOW, /* itself and all names below it */
    PLAN_NAME_EXACT, /* itself only */
    PLAN_NAME_START, /* "start*.rest": names below "rest" that begin with "start" */
};
struct plan_entry {
    struct view text, rest; /* `rest`: what a START stands below, else the text */
    struct view start;      /* of a START */
    enum plan_name_form form;
    enum server_role role;
    bool shared;      /* with other services: never blocked */
    uint16_t service; /* 0: of none */
    uint32_t above;
};
const struct plan_entry *plan_entries(const struct export_plan *p, unsigned *out_count);

/* The services that are blocked for everybody, whatever the client, hour or person, by rules that a target
 * which can only ask for `can` is able to express; for lists of names. What an earlier rule allows to
 * everybody is not in it. Roles are those that the row decides. Returns how many; *out is the plan's, until
 * this or plan_names() is called again. */
unsigned plan_blocked(const struct export_plan *p, uint32_t can, const struct plan_row **out);

/* Of the last answer of plan_blocked() or plan_names(): the row that blocks a role of a service; NULL: none.
 */
const struct plan_row *plan_blocker(const struct export_plan *p, uint16_t service, enum server_role role);

/* A name of the catalog that matters to a list of blocked names. The longest that fits decides, and of the
 * same rest a START before others. */
struct plan_name {
    struct view name;        /* as in the catalog: lower case, A-labels */
    struct view start, rest; /* of START: "start" and "rest", without what stands between */
    enum plan_name_form form;
    uint16_t service;           /* 0: of none */
    const struct plan_row *row; /* of plan_blocked(), that blocks it; NULL: it must pass */
    bool covered;               /* a blocked name above it blocks it, too */
    bool divided;               /* it is blocked, but a name below it must pass */
};

/*
 * The names that plan_blocked() blocks, and those below them that must pass: of services that are not
 * blocked, shared with others, or of no service. Shared names are never blocked. A target that can except
 * names writes both; one that cannot leaves out what is `divided`, and tells (plan_print_divided()).
 */
unsigned plan_names(const struct export_plan *p, uint32_t can, const struct plan_name **out);

static inline bool plan_is_below(struct view name, struct view above)
{
    return name.len > above.len && name.at[name.len - above.len - 1] == '.' &&
           view_equal(view_from(name, name.len - above.len), above);
}

/*
 * The head: from which policy (version), catalog and program this was made and when, then what is not
 * expressed, rule by rule, for a target that can ask for `can`. Each line behind `comment` ("# ", ";; ", "//
 * ").
 */
void plan_print_head(const struct export_plan *p, const struct export_options *o, const char *target,
                     uint32_t can, const char *comment, FILE *out);
/* The first part of the head alone: what this was made from. */
void plan_print_origin(const struct export_plan *p, const struct export_options *o, const char *target,
                       const char *comment, FILE *out);
/* More of the head: the names that are left out because a name below them must pass, and which. */
void plan_print_divided(const struct plan_name *names, unsigned count, const char *comment, FILE *out);
