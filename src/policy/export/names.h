/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalog's names as a tree of verdicts, for targets that work on names; private to the folder.
 *
 * The catalog lets the longest entry decide on a host. So a name under one that is blocked may not be: it is
 * another service's, has another role, is shared, or is under `not_below`. A target must get both, the names
 * that are blocked and the exceptions below them, and nothing that says again what a name above it says.
 */
#pragma once
#include "policy/export/plan.h"

struct export_name {
    struct view name;  /* lower-case A-labels; where there is a `start`, what must follow it */
    struct view start; /* empty, or "pics-": only names below `name` that begin so */
    bool exact;        /* for itself, not for what is below */
    bool taken;        /* what was asked for: this name; else an exception from a name above */
    unsigned level;    /* how many of the list are above it; taken ones are even, exceptions odd */
};

struct export_names {
    struct export_name *at; /* parents before what is below them, the same order for the same catalog */
    unsigned count;
};

/* Of names of this service and role: are they to be taken? */
typedef bool export_take(const void *context, uint16_t service, enum server_role role);

/* True: caller owns *out, export_names_free(). Shared names are never taken. */
bool export_names_new(const struct catalog *c, export_take *take, const void *context,
                      struct export_names *out, struct imw_error_info *err) IMW_MUST_USE;
/* The same with every entry, also those that say again what a name above them says; `level` is not set. */
bool export_names_all(const struct catalog *c, export_take *take, const void *context,
                      struct export_names *out, struct imw_error_info *err) IMW_MUST_USE;
void export_names_free(struct export_names *n);
/* The order of the list. */
int export_name_compare(const struct export_name *a, const struct export_name *b);

/*
 * The roles of each service on which a rule with this action decides for everybody, by service number, as far
 * as a target that can ask for `can` can tell. NULL without memory. Caller frees.
 */
uint32_t *export_roles(const struct export_plan *p, uint32_t can, enum policy_action action);
/* An export_take for what that gave. */
bool export_take_roles(const void *roles, uint16_t service, enum server_role role);

/* Is `name` below `parent`, and not the same? */
bool export_is_below(struct view name, struct view parent);
/* `name` without its first label; empty where there is no more. */
struct view export_parent(struct view name);
/* A host name: labels of letters, digits, '-' and '_'. */
bool export_is_host(struct view name);

/* For the head of a target that has no words for them: names that are taken by how they begin. */
void export_print_starts(const struct export_names *n, const char *comment, FILE *out);
