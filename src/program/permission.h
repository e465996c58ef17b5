/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may do what. A route of the API asks for one permission (src/console/routes.def); a role is a set of
 * them; a token has a part of its owner's, by scopes, which are the permissions' names. The table is
 * src/program/permissions.def.
 */
#pragma once
#include "base/error.h"

/* id, name, what it allows */
#define ROLES(X)                                                                                             \
    X(ENGINEER, "engineer", "sensors, rules, technical detail; no names")                                    \
    X(COMPLIANCE, "compliance", "usage, incidents, policy; names by four eyes")                              \
    X(MANAGER, "manager", "their own team, by name of the team only")                                        \
    X(EMPLOYEE, "employee", "what is known about themselves")                                                \
    X(EXAMINER, "examiner", "reads all but names and text, for a limited time")                              \
    X(ADMINISTRATOR, "administrator", "accounts, settings, backups; no usage")

enum role {
#define X(id, name, help) ROLE_##id,
    ROLES(X)
#undef X
        ROLE_COUNT
};

enum permission {
#define P(id, name, roles, token) PERMISSION_##id,
#include "program/permissions.def"
#undef P
    PERMISSION_COUNT
};

const char *role_name(enum role r);
const char *permission_name(enum permission p);
/* Bits of `roles` ("compliance engineer"). False: a word is no role. */
bool roles_parse(const char *text, unsigned *out_roles);
/* Bits of the permissions of these roles. */
uint64_t permissions_of(unsigned roles);
/* Bits of scopes ("usage:read policy:read"). False: a word is none, or may not be a token's. */
bool scopes_parse(const char *text, uint64_t *out);

/* Who acts: a person with a session, a program with a token, or the system. */
struct actor {
    int64_t account; /* 0: the system, or nobody yet */
    char name[128];  /* "anna", "system", "token:backup of anna" */
    unsigned roles;
    uint64_t permissions;
    int64_t person;     /* whose team a manager sees, and whose facts an employee; 0: not known */
    uint64_t strong_us; /* when who it is was last proved; 0: never (tokens) */
    bool token;
    bool restricted; /* must change the password, or has no second factor yet where one is asked for: self
                        only */
};
static inline bool actor_is(const struct actor *a, enum role r)
{
    return (a->roles >> r & 1) != 0;
}
static inline bool actor_may(const struct actor *a, enum permission p)
{
    return (a->permissions >> p & 1) != 0;
}
