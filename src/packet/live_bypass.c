/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bypass: a table in the kernel of flows that nobody needs to see. live_kernel.bpf.c looks each frame up
 * in it, counts and drops; here flows are put in, read and taken out, one system call each. No privilege is
 * needed for that but the table's descriptor (Linux 6.0; before, unprivileged_bpf_disabled forbids it: then
 * the bypass is off, with a line in the log).
 */
#include "base/log.h"
#include "packet/live_kernel.h"
#include "packet/live_method.h"
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <time.h>

/* Is the first end of `f` the higher one? Then it is the second in the key. */
static bool key_of(const struct live_flow *f, struct live_key *out)
{
    const uint64_t *a = f->addr[0].word, *b = f->addr[1].word;
    uint16_t port[2] = { htons(f->port[0]), htons(f->port[1]) };
    bool swap = a[0] != b[0] ? a[0] > b[0] : a[1] != b[1] ? a[1] > b[1] : port[0] > port[1];

    *out = (struct live_key){ .l4 = f->l4 };
    for (unsigned i = 0; i < 2; i++) {
        memcpy(out->addr[i], f->addr[swap ? 1 - i : i].octet, sizeof out->addr[i]);
        out->port[i] = port[swap ? 1 - i : i];
    }
    return swap;
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* After a failed call: the kernel lets only the privileged in. */
static void check_refused(struct live *l, int failed)
{
    if ((failed == -EPERM || failed == -EACCES) && !atomic_exchange(&l->bypass_off, true))
        log_warning("bypass_off",
                    "the kernel refuses its table to an unprivileged process: every packet is seen "
                    "(Linux 6.0 allows it, or kernel.unprivileged_bpf_disabled=0)");
}

void live_bypass_begin(struct live *l)
{
    struct live_key none = { .l4 = 0 };
    struct live_count count;

    if (l->grant.bypass)
        check_refused(l, bpf_map_lookup_elem(l->grant.bypass_map, &none, &count));
}

bool live_can_bypass(const struct live *l)
{
    return l->grant.bypass && !atomic_load_explicit(&l->bypass_off, memory_order_relaxed);
}

bool live_bypass(struct live *l, const struct live_flow *f)
{
    struct live_count none = { .last_ns = 0 };
    struct live_key key;

    if (!live_can_bypass(l))
        return false;
    (void)key_of(f, &key);
    int failed = bpf_map_update_elem(l->grant.bypass_map, &key, &none, BPF_NOEXIST);
    if (failed == -EEXIST)
        return true;
    if (failed == 0) {
        atomic_fetch_add_explicit(&l->bypassed_flows, 1, memory_order_relaxed);
        return true;
    }
    check_refused(l, failed);
    if (failed == -E2BIG || failed == -ENOMEM)
        atomic_fetch_add_explicit(&l->bypass_full, 1, memory_order_relaxed);
    return false;
}

bool live_bypass_read(struct live *l, const struct live_flow *f, bool end, struct live_bypassed *out)
{
    struct live_count count;
    struct live_key key;

    if (!l->grant.bypass)
        return false;
    bool swap = key_of(f, &key);
    int failed = end ? bpf_map_lookup_and_delete_elem(l->grant.bypass_map, &key, &count)
                     : bpf_map_lookup_elem(l->grant.bypass_map, &key, &count);
    if (failed != 0) {
        check_refused(l, failed);
        return false;
    }
    *out = (struct live_bypassed){ .last_us = 0 };
    for (unsigned i = 0; i < 2; i++) {
        out->packets[i] = count.packets[swap ? 1 - i : i];
        out->bytes[i] = count.bytes[swap ? 1 - i : i];
    }
    if (count.last_ns > 0) /* a clock that was set meanwhile does not matter: its place now is what counts */
        out->last_us = (clock_ns(CLOCK_REALTIME) - (clock_ns(CLOCK_MONOTONIC) - count.last_ns)) / 1000;
    return true;
}

void live_bypass_count(struct live *l, struct live_counters *c)
{
    uint32_t zero = 0;

    c->bypassed_flows = atomic_load_explicit(&l->bypassed_flows, memory_order_relaxed);
    c->bypass_full = atomic_load_explicit(&l->bypass_full, memory_order_relaxed);
    c->bypassed_packets = c->bypassed_bytes = 0;
    if (!l->grant.bypass || bpf_map_lookup_elem(l->grant.bypass_totals, &zero, l->totals) != 0)
        return;
    for (unsigned i = 0; i < LIVE_CPUS; i++) {
        c->bypassed_packets += l->totals[i].packets;
        c->bypassed_bytes += l->totals[i].bytes;
    }
}
