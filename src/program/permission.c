/* SPDX-License-Identifier: Apache-2.0 */
/* Roles, permissions and scopes, out of their tables. */
#include "program/permission.h"
#include <assert.h>

static const char *const roles[] = {
#define X(id, name, help) name,
    ROLES(X)
#undef X
};
/* Letters of permissions.def, in the order of ROLES. */
static const char letters[] = "ECMYXA";

static const struct {
    const char *name, *roles;
    bool token;
} permissions[] = {
#define P(id, name, roles, token) { name, roles, token },
#include "program/permissions.def"
#undef P
};

static_assert(sizeof letters - 1 == ROLE_COUNT, "a letter a role");
static_assert(PERMISSION_COUNT <= 64, "a bit a permission");

const char *role_name(enum role r)
{
    return roles[r];
}

const char *permission_name(enum permission p)
{
    return permissions[p].name;
}

/* The next word of *text, words being apart by spaces; empty at the end. */
static struct view next_word(struct view *text)
{
    while (text->len > 0 && text->at[0] == ' ')
        *text = view_from(*text, 1);
    return view_token(text, ' ');
}

bool roles_parse(const char *text, unsigned *out_roles)
{
    struct view left = view_string(text), word;
    unsigned found = 0;

    while ((word = next_word(&left)).len > 0) {
        unsigned r = 0;
        while (r < ROLE_COUNT && !view_equal(word, view_string(roles[r])))
            r++;
        if (r == ROLE_COUNT)
            return false;
        found |= 1u << r;
    }
    *out_roles = found;
    return true;
}

uint64_t permissions_of(unsigned of)
{
    uint64_t found = 0;

    for (unsigned p = 0; p < PERMISSION_COUNT; p++)
        for (unsigned r = 0; r < ROLE_COUNT; r++)
            if ((of >> r & 1) != 0 && strchr(permissions[p].roles, letters[r]) != NULL)
                found |= UINT64_C(1) << p;
    return found | UINT64_C(1) << PERMISSION_PUBLIC;
}

bool scopes_parse(const char *text, uint64_t *out)
{
    struct view left = view_string(text), word;
    uint64_t found = 0;

    while ((word = next_word(&left)).len > 0) {
        unsigned p = 0;
        while (p < PERMISSION_COUNT &&
               !(permissions[p].token && view_equal(word, view_string(permissions[p].name))))
            p++;
        if (p == PERMISSION_COUNT)
            return false;
        found |= UINT64_C(1) << p;
    }
    *out = found;
    return true;
}
