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

/* Before each name: its number (four bytes) and its length, so that a look-up has all in one place. */
enum { HEAD_BYTES = 5 };

static uint32_t number_at(const struct names *n, uint32_t start)
{
    uint32_t number;

    memcpy(&number, n->text + start - HEAD_BYTES, sizeof number);
    return number;
}

static struct view name_at(const struct names *n, uint32_t start)
{
    return view_of(n->text + start, (uint8_t)n->text[start - 1]);
}

/* The slot that holds `name`, or the free one where it would go. Half of the hash stands in the slot, so that
 * the texts of others are hardly ever looked at. */
static uint32_t find_slot(const struct names *n, struct view name, uint64_t hash)
{
    uint32_t mask = n->room * 2 - 1;

    for (uint32_t at = (uint32_t)hash & mask;; at = (at + 1) & mask) {
        uint64_t slot = n->slots[at];
        if (slot == 0 || (slot >> 32 == hash >> 32 && view_equal_nocase(name_at(n, (uint32_t)slot), name)))
            return at;
    }
}

uint64_t names_fetch(const struct names *n, struct view name)
{
    uint64_t hash = name.len <= NAME_BYTES ? hash_name(name) : 0;

    if (n->count > 0)
        __builtin_prefetch(&n->slots[(uint32_t)hash & (n->room * 2 - 1)]);
    return hash;
}

uint32_t names_find_fetched(const struct names *n, struct view name, uint64_t fetched)
{
    if (n->count == 0 || name.len > NAME_BYTES)
        return NAME_NONE;
    uint32_t start = (uint32_t)n->slots[find_slot(n, name, fetched)];
    return start != 0 ? number_at(n, start) : NAME_NONE;
}

uint32_t names_find(const struct names *n, struct view name)
{
    return names_find_fetched(n, name, names_fetch(n, name));
}

static bool grow(struct names *n)
{
    uint32_t room = n->room == 0 ? 16 : n->room * 2, mask = room * 2 - 1;
    uint32_t *start = realloc(n->start, room * sizeof *start);
    uint64_t *slots = calloc((size_t)room * 2, sizeof *slots);

    if (start != NULL)
        n->start = start;
    if (start == NULL || slots == NULL) {
        free(slots);
        return false;
    }
    for (uint32_t i = 0; i < n->count; i++) {
        uint64_t hash = hash_name(name_at(n, start[i]));
        uint32_t at = (uint32_t)hash & mask;
        while (slots[at] != 0)
            at = (at + 1) & mask;
        slots[at] = hash >> 32 << 32 | start[i];
    }
    free(n->slots);
    n->slots = slots;
    n->room = room;
    return true;
}

/* Behind the others. Returns where it begins; 0: no memory. */
static uint32_t keep(struct names *n, struct view name)
{
    size_t needed = n->text_len + HEAD_BYTES + name.len + 1;

    if (needed > n->text_room) {
        char *text = needed * 2 <= UINT32_MAX ? realloc(n->text, needed * 2) : NULL;
        if (text == NULL)
            return 0;
        n->text = text;
        n->text_room = needed * 2;
    }
    uint32_t start = (uint32_t)n->text_len + HEAD_BYTES;
    memcpy(n->text + n->text_len, &n->count, sizeof n->count);
    n->text[start - 1] = (char)(uint8_t)name.len;
    if (name.len > 0)
        memcpy(n->text + start, name.at, name.len);
    n->text[start + name.len] = '\0';
    n->text_len = needed;
    return start;
}

bool names_add(struct names *n, struct view name, uint32_t *out)
{
    if (name.len > NAME_BYTES || (n->count == n->room && !grow(n)))
        return false;
    uint64_t hash = hash_name(name);
    uint32_t slot = find_slot(n, name, hash);
    if (n->slots[slot] == 0) {
        uint32_t start = keep(n, name);
        if (start == 0)
            return false;
        n->slots[slot] = hash >> 32 << 32 | start;
        n->start[n->count++] = start;
    }
    *out = number_at(n, (uint32_t)n->slots[slot]);
    return true;
}
