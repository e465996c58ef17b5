/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live capture, as far as it is the same for AF_PACKET and AF_XDP: finding the interface, opening workers,
 * and watching whether the interface is up, down or gone.
 *
 * An interface is known by its index. Down, the index stays, and the sockets work again when it is up. Gone,
 * the index is never used again: a new one of the same name is another interface and needs a new grant. We
 * look only when there are no frames, some times a second.
 */
#include "base/log.h"
#include "base/thread.h"
#include "packet/live_kernel.h"
#include "packet/live_method.h"
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* <net/if_arp.h> has not all of <linux/if_arp.h>, which it excludes. */
#ifndef ARPHRD_IP6GRE
#define ARPHRD_IP6GRE 823
#endif
#ifndef ARPHRD_RAWIP
#define ARPHRD_RAWIP 519
#endif

enum {
    STATE_MS = 100, /* the interface is looked at no more often */
};

static const struct live_methods *const methods[] = { &live_packet_methods, &live_xdp_methods };

/* ---- the interface ---- */

/* Interfaces whose frames begin with IP get LINK_RAW: AF_PACKET tells where IP begins. */
static const struct {
    uint16_t hardware; /* ARPHRD_ */
    uint16_t link;     /* LINKTYPE_ */
} links[] = {
    { ARPHRD_ETHER, LINK_ETHERNET },    { ARPHRD_LOOPBACK, LINK_ETHERNET }, { ARPHRD_NONE, LINK_RAW },
    { ARPHRD_RAWIP, LINK_RAW },         { ARPHRD_PPP, LINK_RAW },           { ARPHRD_TUNNEL, LINK_RAW },
    { ARPHRD_TUNNEL6, LINK_RAW },       { ARPHRD_SIT, LINK_RAW },           { ARPHRD_IPGRE, LINK_RAW },
    { ARPHRD_IP6GRE, LINK_RAW },        { ARPHRD_IEEE80211, 105 },          { ARPHRD_IEEE80211_PRISM, 119 },
    { ARPHRD_IEEE80211_RADIOTAP, 127 },
};

static bool interface_unknown(const char *name, struct imw_error_info *err)
{
    char list[160];
    struct text t = TEXT(list);
    struct if_nameindex *all = if_nameindex();

    for (struct if_nameindex *one = all; one != NULL && one->if_index != 0; one++) {
        if (one != all)
            text_string(&t, ", ");
        text_string(&t, one->if_name);
    }
    if_freenameindex(all);
    if (strcmp(name, "any") == 0)
        return error_set(err, IMW_ERROR_VALUE,
                         "'any' is no interface: name one; for several, join them (bond, bridge) or run a "
                         "sensor for each; there are: %s%s",
                         list, t.cut ? " ..." : "");
    return error_set(err, IMW_ERROR_VALUE, "there is no interface '%s'; there are: %s%s", name, list,
                     t.cut ? " ..." : "");
}

/* Through any socket; needs no privilege. False with err->code 0: it is no more. */
static bool interface_look(int fd, const char *name, struct live_interface *out, struct imw_error_info *err)
{
    struct ifreq r = { .ifr_name = "" };

    for (size_t i = 0; i < sizeof r.ifr_name - 1 && name[i] != '\0'; i++)
        r.ifr_name[i] = name[i];
    if (ioctl(fd, SIOCGIFINDEX, &r) != 0)
        return interface_unknown(name, err);
    out->index = (unsigned)r.ifr_ifindex;
    if (ioctl(fd, SIOCGIFFLAGS, &r) != 0)
        return interface_unknown(name, err);
    out->up = (r.ifr_flags & IFF_UP) != 0;
    out->joins = (r.ifr_flags & IFF_MASTER) != 0;
    out->loopback = (r.ifr_flags & IFF_LOOPBACK) != 0;
    if (ioctl(fd, SIOCGIFHWADDR, &r) != 0)
        return interface_unknown(name, err);
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        if (links[i].hardware == r.ifr_hwaddr.sa_family) {
            out->link = links[i].link;
            return true;
        }
    return error_set(
        err, IMW_ERROR_VALUE,
        "interface '%s' is of hardware type %u, whose frames are not decoded: capture on an Ethernet, "
        "802.11 or IP interface",
        name, (unsigned)r.ifr_hwaddr.sa_family);
}

static bool interface_find(const char *name, struct live_interface *out, struct imw_error_info *err)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 ? interface_look(fd, name, out, err) : error_errno(err, name);

    if (fd >= 0)
        close(fd);
    return ok;
}

static enum live_answer interface_state(struct live *l, struct live_worker *w)
{
    uint64_t now = clock_ms();
    struct ifreq r = { .ifr_ifindex = (int)l->interface.index };

    if (w->state_ms != 0 && now - w->state_ms < STATE_MS)
        return w->state;
    w->state_ms = now;
    if (ioctl(l->control, SIOCGIFNAME, &r) != 0)
        w->state = LIVE_GONE;
    else
        w->state =
            ioctl(l->control, SIOCGIFFLAGS, &r) == 0 && (r.ifr_flags & IFF_UP) != 0 ? LIVE_QUIET : LIVE_DOWN;
    return w->state;
}

/* LIVE_FRAMES: look, there may be some. Else how the interface is, after `wait_ms` or a signal. */
static enum live_answer frames_wait(struct live *l, struct live_worker *w, int wait_ms)
{
    struct pollfd p = { .fd = w->fd, .events = POLLIN };
    int error = 0;
    socklen_t size = sizeof error;

    if (poll(&p, 1, wait_ms) > 0) {
        if ((p.revents & POLLERR) != 0) { /* it went down; asking takes the error away */
            (void)getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &size);
            w->state_ms = 0;
        }
        if ((p.revents & POLLIN) != 0)
            return LIVE_FRAMES;
    }
    return interface_state(l, w);
}

/* ---- grants ---- */

unsigned live_grant_fds(struct live_grant *g, int *out[LIVE_GRANT_FDS])
{
    int *const others[] = { &g->bypass_map, &g->bypass_totals, &g->filter, &g->fanout,
                            &g->xsk_map,    &g->xdp_link,      &g->control };
    unsigned n = 0;

    for (unsigned i = 0; i < LIVE_WORKERS; i++)
        out[n++] = &g->sockets[i];
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++)
        out[n++] = others[i];
    return n;
}

static void grant_clear(struct live_grant *g)
{
    int *fds[LIVE_GRANT_FDS];

    *g = (struct live_grant){ .bypass = false };
    for (unsigned i = live_grant_fds(g, fds); i-- > 0;)
        *fds[i] = -1;
}

void live_grant_close(struct live_grant *g)
{
    int *fds[LIVE_GRANT_FDS];

    for (unsigned i = live_grant_fds(g, fds); i-- > 0;)
        if (*fds[i] >= 0)
            close(*fds[i]);
    grant_clear(g);
}

static bool workers_fit(const struct live_config *config, struct imw_error_info *err)
{
    if (config->workers == 0 || config->workers > LIVE_WORKERS)
        return error_set(err, IMW_ERROR_VALUE, "%u workers: 1 to %u are possible", config->workers,
                         (unsigned)LIVE_WORKERS);
    return true;
}

bool live_grant_open(const struct live_config *config, struct live_grant *out, struct imw_error_info *err)
{
    struct live_interface interface;
    struct live_grant g;

    grant_clear(&g);
    if (!workers_fit(config, err) || !interface_find(config->interface, &interface, err))
        return false;
    if (config->method == LIVE_XDP && interface.joins) /* a frame's queue is that of the card it came by */
        return error_set(err, IMW_ERROR_VALUE,
                         "'%s' joins other interfaces, off which AF_XDP gets no frames: go without XDP, or "
                         "watch each of them with a sensor of its own",
                         config->interface);
    g.ifindex = interface.index;
    if (!methods[config->method]->grant(config, &interface, &g, err)) {
        live_grant_close(&g);
        return false;
    }
    *out = g;
    return true;
}

/* ---- workers ---- */

/* Take a worker as far as it can be taken now. The first error is told where `err` is given. */
static bool worker_advance(struct live *l, unsigned i, struct imw_error_info *err)
{
    struct live_worker *w = &l->worker[i];

    if (!w->joined) {
        /* In their order: the kernel counts them in the order in which they come. */
        if (atomic_load(&l->joined) != i || !l->methods->join(l, i, err))
            return false;
        w->joined = true;
        atomic_store(&l->joined, i + 1);
    }
    if (atomic_load(&l->joined) != l->workers || !l->methods->open(l, i, err))
        return false;
    w->open = true;
    return true;
}

static bool workers_start(const struct live_config *config, struct live *l, struct imw_error_info *err)
{
    for (unsigned i = 0; i < l->workers; i++) {
        l->worker[i].fd = l->grant.sockets[i];
        if (!l->methods->begin(config, l, i, err))
            return false;
    }
    if (!l->interface.up)
        return true; /* live_read() goes on with it */
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < l->workers; i++) {
            struct imw_error_info why = { .code = IMW_OK };

            if (!l->worker[i].open && !worker_advance(l, i, &why) && why.code != IMW_OK) {
                if (err != NULL)
                    *err = why;
                return false;
            }
        }
    return true;
}

/* All but the grant. */
static void live_dispose(struct live *l)
{
    for (unsigned i = 0; l->worker != NULL && i < l->workers; i++)
        l->methods->end(&l->worker[i]);
    pthread_mutex_destroy(&l->counting);
    free(l->worker);
    free(l->totals);
    free(l);
}

bool live_new(const struct live_config *config, struct live_grant *take, struct live **out,
              struct imw_error_info *err)
{
    struct ifreq r = { .ifr_ifindex = (int)take->ifindex };

    if (!workers_fit(config, err))
        return false;
    struct live *l = calloc(1, sizeof *l);
    if (l == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the capture");
    l->methods = methods[config->method];
    l->workers = config->workers;
    l->grant = *take;
    l->fanout = -1;
    l->control = take->control >= 0 ? take->control : take->sockets[0];
    pthread_mutex_init(&l->counting, NULL);
    l->worker = aligned_alloc(64, l->workers * sizeof *l->worker);
    l->totals = calloc(LIVE_CPUS, sizeof *l->totals);
    if (l->worker == NULL || l->totals == NULL) {
        error_set(err, IMW_ERROR_MEMORY, "no memory for the capture");
        goto failed;
    }
    memset(l->worker, 0, l->workers * sizeof *l->worker);
    if (ioctl(l->control, SIOCGIFNAME, &r) != 0) {
        error_set(err, IMW_ERROR_SYSTEM, "interface '%s' is no more", config->interface);
        goto failed;
    }
    if (!interface_look(l->control, r.ifr_name, &l->interface, err) || !workers_start(config, l, err))
        goto failed;
    live_bypass_begin(l);
    *out = l;
    return true;
failed:
    live_dispose(l);
    return false;
}

void live_free(struct live *l)
{
    if (l == NULL)
        return;
    struct live_grant g = l->grant;
    live_dispose(l);
    live_grant_close(&g);
}

/* The interface was down when we began, or another worker has not come as far. */
static enum live_answer worker_not_open(struct live *l, unsigned worker, int wait_ms)
{
    struct live_worker *w = &l->worker[worker];
    enum live_answer state = interface_state(l, w);
    int sleep_ms = wait_ms < 0 || wait_ms > STATE_MS ? STATE_MS : wait_ms;

    if (state == LIVE_QUIET && worker_advance(l, worker, NULL))
        return LIVE_QUIET;
    if (state != LIVE_GONE)
        (void)poll(NULL, 0, sleep_ms);
    return state;
}

enum live_answer live_read(struct live *l, unsigned worker, struct frame *out, unsigned max, int wait_ms,
                           unsigned *out_count)
{
    struct live_worker *w = &l->worker[worker];
    uint64_t deadline = 0;

    if (!w->open)
        return worker_not_open(l, worker, wait_ms);
    /* poll() may tell of frames that the kernel has not handed over yet: look again, until the time is over.
     */
    for (bool last = false;;) {
        unsigned n = l->methods->take(l, w, out, max);
        if (n > 0) {
            *out_count = n;
            return LIVE_FRAMES;
        }
        if (last)
            return LIVE_QUIET;
        uint64_t now = clock_ms();
        if (deadline == 0)
            deadline = wait_ms < 0 ? UINT64_MAX : now + (uint64_t)wait_ms;
        last = now >= deadline;
        enum live_answer answer = frames_wait(l, w, wait_ms < 0 ? -1 : last ? 0 : (int)(deadline - now));
        if (answer != LIVE_FRAMES)
            return answer;
    }
}

void live_counters(struct live *l, struct live_counters *out)
{
    pthread_mutex_lock(&l->counting);
    l->methods->count(l, &l->counters);
    *out = l->counters;
    live_bypass_count(l, out);
    for (unsigned i = 0; i < l->workers; i++)
        out->dropped += atomic_load_explicit(&l->worker[i].broken, memory_order_relaxed);
    pthread_mutex_unlock(&l->counting);
}
