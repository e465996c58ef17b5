/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statements that a connection keeps prepared, found by their text. A program has some hundred texts;
 * those with lists of any length ("in (?, ?, ?)") make more, so the one not used for longest makes place.
 */
#include "base/hash.h"
#include "store/db_driver.h"
#include <stdlib.h>

/* Text of ours: nobody prepares collisions. */
static uint64_t statement_hash(const char *sql, const char *types)
{
    return hash_bytes(view_string(sql), hash_bytes(view_string(types), 1));
}

struct statement *statements_find(struct statements *s, const char *sql, const char *types)
{
    const uint64_t hash = statement_hash(sql, types);

    for (unsigned i = 0; i < STATEMENTS_MOST; i++) {
        struct statement *at = &s->at[i];

        if (at->sql != NULL && at->hash == hash && strcmp(at->sql, sql) == 0 &&
            strcmp(at->types, types) == 0) {
            at->used = ++s->clock;
            return at;
        }
    }
    return NULL;
}

struct statement *statements_place(struct statements *s)
{
    struct statement *oldest = NULL;

    for (unsigned i = 0; i < STATEMENTS_MOST; i++) {
        struct statement *at = &s->at[i];

        if (at->sql == NULL)
            return at;
        if (!at->busy && (oldest == NULL || at->used < oldest->used))
            oldest = at;
    }
    return oldest;
}

bool statement_set(struct statements *s, struct statement *at, const char *sql, const char *types)
{
    at->sql = strdup(sql);
    at->types = strdup(types);
    if (at->sql == NULL || at->types == NULL) {
        statement_clear(at);
        return false;
    }
    at->hash = statement_hash(sql, types);
    at->used = ++s->clock;
    at->busy = false;
    return true;
}

void statement_clear(struct statement *at)
{
    free(at->sql);
    free(at->types);
    *at = (struct statement){ 0 };
}
