/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table of names that grows and is never emptied. */
#include "policy/names.h"
#include "base/hash.h"
#include <stdlib.h>

void names_fini(struct names *n)
{
    free(n->text);
    free(n->start);
    free(n->slots);
    *n = (struct names){ 0 };
}

const char *names_text(const struct names *n, uint32_t number)
{
    return n->text + n->start[number];
}

static uint64_t hash_name(struct view name)
{
    uint8_t lower[NAME_BYTES];

    for (size_t i = 0; i < name.len; i++)
        lower[i] = ascii_lower(name.at[i]);
    return hash_bytes(view_of(lower, name.len), 0);
}

/* The slot that holds `name`, or the free one where it would go. */
static uint32_t find_slot(const struct names *n, struct view name)
{
    uint32_t mask = n->room * 2 - 1;

    for (uint32_t at = (uint32_t)hash_name(name) & mask;; at = (at + 1) & mask)
        if (n->slots[at] == 0 || view_equal_nocase(view_string(names_text(n, n->slots[at] - 1)), name))
            return at;
}

uint32_t names_find(const struct names *n, struct view name)
{
    if (n->count == 0 || name.len > NAME_BYTES)
        return NAME_NONE;
    return n->slots[find_slot(n, name)] - 1; /* a free slot: 0 - 1 is NAME_NONE */
}

static bool grow(struct names *n)
{
    uint32_t room = n->room == 0 ? 16 : n->room * 2;
    uint32_t *start = realloc(n->start, room * sizeof *start);
    uint32_t *slots = calloc((size_t)room * 2, sizeof *slots);

    if (start != NULL)
        n->start = start;
    if (start == NULL || slots == NULL) {
        free(slots);
        return false;
    }
    free(n->slots);
    n->slots = slots;
    n->room = room;
    for (uint32_t i = 0; i < n->count; i++)
        n->slots[find_slot(n, view_string(names_text(n, i)))] = i + 1;
    return true;
}

bool names_add(struct names *n, struct view name, uint32_t *out)
{
    if (name.len > NAME_BYTES || (n->count == n->room && !grow(n)))
        return false;
    uint32_t slot = find_slot(n, name);
    if (n->slots[slot] == 0) {
        if (n->text_len + name.len + 1 > n->text_room) {
            size_t room = (n->text_len + name.len + 1) * 2;
            char *text = realloc(n->text, room);
            if (text == NULL)
                return false;
            n->text = text;
            n->text_room = room;
        }
        memcpy(n->text + n->text_len, name.at, name.len);
        n->text[n->text_len + name.len] = '\0';
        n->start[n->count] = (uint32_t)n->text_len;
        n->text_len += name.len + 1;
        n->slots[slot] = ++n->count;
    }
    *out = n->slots[slot] - 1;
    return true;
}
