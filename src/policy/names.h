/* SPDX-License-Identifier: Apache-2.0 */
/* Names to numbers, from 0 on in the order in which they came; the case of ASCII letters does not count. */
#pragma once
#include "base/view.h"

enum { NAME_BYTES = 255 }; /* longest name */
#define NAME_NONE UINT32_MAX

struct names {
    char *text; /* all names as first written, each behind its number and length, and with a NUL */
    size_t text_len, text_room;
    uint32_t *start;      /* of each name in `text` */
    uint64_t *slots;      /* open addressing: half of the hash << 32 | start; 0: free */
    uint32_t count, room; /* slots are twice `room` */
};

void names_fini(struct names *n);
/* The number of `name`, made if it is new (then it is n->count - 1). False without memory, or when too long.
 */
bool names_add(struct names *n, struct view name, uint32_t *out) IMW_MUST_USE;
uint32_t names_find(const struct names *n, struct view name); /* NAME_NONE: no such */
/* The same in two steps: the first asks for the memory that the second needs. */
uint64_t names_fetch(const struct names *n, struct view name);
uint32_t names_find_fetched(const struct names *n, struct view name, uint64_t fetched);
const char *names_text(const struct names *n, uint32_t number);
