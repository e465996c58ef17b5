/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters that all roles share: what changed, and who is alive. A page of shared memory, made before the
 * roles are forked; a role that was taken over can make browsers ask once more, and that is all.
 */
#include "console/serve.h"
#include <stdatomic.h>
#include <sys/mman.h>

struct changes {
    _Atomic uint64_t told[CHANGE_COUNT];
    _Atomic uint64_t alive_ms[CONSOLE_ROLE_COUNT];
};

struct changes *changes_new(void)
{
    void *at = mmap(NULL, sizeof(struct changes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return at != MAP_FAILED ? at : NULL;
}

void changes_tell(struct changes *c, enum change what)
{
    if (c != NULL)
        atomic_fetch_add_explicit(&c->told[what], 1, memory_order_release);
}

uint64_t changes_seen(const struct changes *c, enum change what)
{
    return c != NULL ? atomic_load_explicit(&c->told[what], memory_order_acquire) : 0;
}

void changes_alive(struct changes *c, enum console_role role, uint64_t now_ms)
{
    if (c != NULL)
        atomic_store_explicit(&c->alive_ms[role], now_ms, memory_order_release);
}

uint64_t changes_alive_ms(const struct changes *c, enum console_role role)
{
    return c != NULL ? atomic_load_explicit(&c->alive_ms[role], memory_order_acquire) : 0;
}

void changes_forget(struct changes *c, enum console_role role)
{
    changes_alive(c, role, 0);
}
