/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fixed-size objects behind 32-bit handles. Address space for `limit` objects is reserved once and touched
 * only as it is used, so a generous limit costs nothing; after slab_init nothing comes from the heap. Handle
 * 0 is never given out and stands for "none". One thread.
 */
#pragma once
#include "base/error.h"

struct slab {
    uint8_t *base;       /* object h lies at base + h * size */
    size_t size;         /* of an object, a multiple of 64 where it is 64 or more, else of 8 */
    uint32_t limit;      /* most objects at a time */
    uint32_t fresh;      /* handles from here on were never used */
    uint32_t free_first; /* list of returned objects, linked through their first four bytes */
    uint32_t used, peak;
};

bool slab_init(struct slab *s, size_t object_size, uint32_t limit, struct imw_error_info *err);

/* For a slab that will be used densely and at random: ask for huge pages, which spare TLB misses but are
 * cleared whole as soon as one object in them is touched. */
void slab_use_huge_pages(struct slab *s);

void slab_fini(struct slab *s);

/* A handle, or 0 when all are in use. The object's content is undefined. */
uint32_t slab_get(struct slab *s);
void slab_put(struct slab *s, uint32_t handle);

static inline void *slab_at(const struct slab *s, uint32_t handle)
{
    return s->base + (size_t)handle * s->size;
}
