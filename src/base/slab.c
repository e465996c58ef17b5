/* SPDX-License-Identifier: Apache-2.0 */
/* Slabs over one reserved mapping. */
#include "base/slab.h"
#include <assert.h>
#include <sys/mman.h>

/*
 * Under AddressSanitizer what is given back may not be touched until it is given out again, but for its first
 * cache line: that holds the list, and the mark by which the flow table knows entries that are gone.
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
enum { VISIBLE_BYTES = 64 };

static void hide(const struct slab *s, uint32_t handle)
{
    if (s->size > VISIBLE_BYTES)
        __asan_poison_memory_region((uint8_t *)slab_at(s, handle) + VISIBLE_BYTES, s->size - VISIBLE_BYTES);
}

static void show(const struct slab *s, uint32_t first, uint32_t count)
{
    __asan_unpoison_memory_region(slab_at(s, first), s->size * count);
}
#else
static void hide(const struct slab *s, uint32_t handle)
{
    (void)s;
    (void)handle;
}

static void show(const struct slab *s, uint32_t first, uint32_t count)
{
    (void)s;
    (void)first;
    (void)count;
}
#endif

bool slab_init(struct slab *s, size_t object_size, uint32_t limit, struct imw_error_info *err)
{
    size_t align = object_size >= 64 ? 64 : 8;
    size_t size = (object_size + align - 1) / align * align;
    size_t bytes = size * ((size_t)limit + 1);
    void *base =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (base == MAP_FAILED)
        return error_set(err, IMW_ERROR_MEMORY, "cannot reserve %zu bytes for %u objects", bytes, limit);
    *s = (struct slab){ .base = base, .size = size, .limit = limit, .fresh = 1 };
    return true;
}

void slab_use_huge_pages(struct slab *s)
{
    (void)madvise(s->base, s->size * ((size_t)s->limit + 1), MADV_HUGEPAGE); /* where the kernel offers it */
}

void slab_fini(struct slab *s)
{
    if (s->base != NULL) {
        show(s, 0, s->peak + 1);
        munmap(s->base, s->size * ((size_t)s->limit + 1));
    }
    *s = (struct slab){ 0 };
}

uint32_t slab_get(struct slab *s)
{
    uint32_t handle = s->free_first;

    if (handle != 0) {
        memcpy(&s->free_first, slab_at(s, handle), sizeof s->free_first);
        __builtin_prefetch(slab_at(s, s->free_first), 1); /* the next one to be given out */
    } else if (s->fresh <= s->limit)
        handle = s->fresh++;
    else
        return 0;
    if (++s->used > s->peak)
        s->peak = s->used;
    show(s, handle, 1);
    return handle;
}

void slab_put(struct slab *s, uint32_t handle)
{
    assert(handle != 0 && handle < s->fresh && s->used > 0);
    memcpy(slab_at(s, handle), &s->free_first, sizeof s->free_first);
    s->free_first = handle;
    s->used--;
    hide(s, handle);
}
