/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing live_kernel.bpf.c into the kernel, with privilege (CAP_BPF; CAP_NET_ADMIN for AF_XDP). What
 * remains of it are descriptors in the grant: programs and tables live as long as one of them is open, or a
 * socket uses them.
 *
 * AF_PACKET works without: then there is no bypass, and the kernel's own hash spreads the frames. AF_XDP does
 * not.
 */
#include "packet/live_kernel.h"
#include "packet/live_method.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* Made by bpftool while we are built; its style is its own. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-function"
#include "live_kernel.skel.h"
#pragma GCC diagnostic pop

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
    (void)level, (void)format, (void)args;
    return 0;
}

static bool keep(int fd, int *out)
{
    *out = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return *out >= 0;
}

static bool keep_program(const struct bpf_program *p, int *out)
{
    return !bpf_program__autoload(p) || keep(bpf_program__fd(p), out);
}

/* Into the kernel with what is wanted of it. NULL: errno says why. */
static struct live_kernel *load(const struct live_config *config, const struct live_interface *interface,
                                bool spread, bool bypass)
{
    bool xdp = config->method == LIVE_XDP;
    struct live_kernel *k = live_kernel__open();
    uint64_t seed = 0;

    if (k == NULL)
        return NULL;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed)
        seed = 0x2545f4914f6cdd1d; /* at boot; who can choose where flows go gains little */
    k->rodata->seed = seed;
    k->rodata->ethernet = interface->link == LINK_ETHERNET;
    k->rodata->skip_outgoing = interface->loopback;
    k->rodata->bypass_on = bypass;
    bpf_program__set_autoload(k->progs.live_fanout, spread);
    bpf_program__set_autoload(k->progs.live_filter, !xdp && bypass);
    bpf_program__set_autoload(k->progs.live_xdp, xdp);
    bpf_map__set_autocreate(k->maps.sockets, xdp);
    /* live_xdp names the tables also where it has no use for them: it gets small ones. */
    bpf_map__set_autocreate(k->maps.bypass, bypass || xdp);
    bpf_map__set_autocreate(k->maps.totals, bypass || xdp);
    if (bypass)
        bpf_map__set_max_entries(k->maps.bypass,
                                 config->bypass_flows > 0 ? config->bypass_flows : LIVE_BYPASS_FLOWS);
    int failed = live_kernel__load(k);
    if (failed != 0) {
        live_kernel__destroy(k);
        errno = -failed;
        return NULL;
    }
    return k;
}

/* Put live_xdp before the interface, in the driver or else in the kernel's generic place. */
static bool attach(const struct live_kernel *k, const struct live_config *config,
                   const struct live_interface *interface, struct live_grant *g, struct imw_error_info *err)
{
    struct bpf_link_create_opts options = { .sz = sizeof options, .flags = XDP_FLAGS_DRV_MODE };
    int program = bpf_program__fd(k->progs.live_xdp);
    int link = bpf_link_create(program, (int)interface->index, BPF_XDP, &options);

    if (link < 0 && link != -EBUSY && link != -EEXIST && link != -EPERM) {
        options.flags = XDP_FLAGS_SKB_MODE;
        link = bpf_link_create(program, (int)interface->index, BPF_XDP, &options);
        if (link >= 0)
            snprintf(g->note, sizeof g->note,
                     "the driver of '%s' has no XDP: the kernel's generic one is used, "
                     "which is slower",
                     config->interface);
    }
    g->xdp_link = link >= 0 ? link : -1;
    if (link == -EBUSY || link == -EEXIST)
        return error_set(
            err, IMW_ERROR_SYSTEM,
            "'%s' has an XDP program already: end what uses it ('ip link show dev %s' tells), or go "
            "without XDP",
            config->interface, config->interface);
    return link >= 0 || error_set(err, IMW_ERROR_SYSTEM, "XDP on '%s': %s; go without XDP", config->interface,
                                  strerror(-link));
}

static const char *why_not(int error)
{
    if (error == EPERM || error == EACCES)
        return "no permission: run as root or with CAP_BPF and CAP_NET_ADMIN";
    return error == ENOMEM || error == E2BIG ? "no memory in the kernel: ask for fewer flows"
                                             : strerror(error);
}

/* AF_PACKET: why there is less than was asked for. */
static void note(struct live_grant *g, bool bypass, bool spread, int error)
{
    snprintf(g->note, sizeof g->note, "no %s%s%s (%s)", bypass ? "bypass" : "",
             bypass && spread ? ", and no " : "", spread ? "eBPF spread over workers: the kernel's hash" : "",
             why_not(error));
}

bool live_load(const struct live_config *config, const struct live_interface *interface, struct live_grant *g,
               struct imw_error_info *err)
{
    bool xdp = config->method == LIVE_XDP, ethernet = interface->link == LINK_ETHERNET;
    bool bypass = config->bypass && ethernet;
    /* What our program finds ends in; for others the kernel's hash is better. */
    bool spread = !xdp && config->workers > 1 && (ethernet || interface->link == LINK_RAW);

    if (config->bypass && !ethernet)
        snprintf(g->note, sizeof g->note, "no bypass: it reads Ethernet frames only");
    if (!xdp && !bypass && !spread)
        return true;
    libbpf_set_print(quiet);
    struct live_kernel *k = load(config, interface, spread, bypass);
    if (k == NULL && bypass) { /* perhaps the table is what is too much */
        note(g, true, false, errno);
        bypass = false;
        if (xdp || spread)
            k = load(config, interface, spread, false);
    }
    if (k == NULL) {
        if (xdp)
            return error_set(err, IMW_ERROR_SYSTEM, "XDP on '%s': %s", config->interface, why_not(errno));
        if (spread)
            note(g, config->bypass && ethernet, true, errno);
        return true;
    }
    bool ok =
        keep_program(k->progs.live_fanout, &g->fanout) && keep_program(k->progs.live_filter, &g->filter);
    if (ok && bypass)
        ok = keep(bpf_map__fd(k->maps.bypass), &g->bypass_map) &&
             keep(bpf_map__fd(k->maps.totals), &g->bypass_totals);
    if (ok && xdp)
        ok = keep(bpf_map__fd(k->maps.sockets), &g->xsk_map);
    if (!ok)
        error_errno(err, config->interface);
    if (ok && xdp)
        ok = attach(k, config, interface, g, err);
    g->bypass = ok && bypass;
    live_kernel__destroy(k);
    return ok;
}
