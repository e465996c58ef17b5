/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of blocked addresses, and how it is brought to the kernel: elements of two sets of nftables by
 * netlink (the kernel's include/uapi/linux/netfilter/nf_tables.h; no program is run, the sandbox has none),
 * and entries of the XDP program's map.
 *
 * An element that is there keeps its time-out when it is added again (but from Linux 6.12 on), and one that
 * is not there cannot be deleted. So one that may be there is added, deleted and added again, all in one
 * transaction: no packet sees it missing.
 *
 * Whoever blocks or releases waits for no system call: entries are changed under a lock and marked as
 * pending; the flush takes some, sends them without the lock, and then says what has become of them. An entry
 * that was changed meanwhile is pending again.
 */
#include "enforce/endpoints.h"
#include "base/hash.h"
#include "base/netlink.h"
#include "enforce/endpoints_kernel.h"
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Made by bpftool while we are built; its style is its own. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-function"
#include "endpoints_kernel.skel.h"
#pragma GCC diagnostic pop

enum {
    ENTRIES = 65536,
    LEAST_S = 60,
    MOST_S = 86400,
    BATCH = 256,         /* entries in one transaction */
    MESSAGE_BYTES = 128, /* of one element: 108 for IPv6 */
    SWEPT = 4096,        /* entries looked at for their end in one flush */
    EXPIRED_MS = 1000,   /* an entry is forgotten so long after its end: then the kernel's is gone for sure */
    SOCKET_BYTES = 1 << 20,
    NONE = 0, /* entry 0 is not used */
};

struct entry {
    struct ip_addr addr;
    uint64_t until_ms; /* CLOCK_MONOTONIC */
    uint32_t next;     /* in its bucket, or of the free ones */
    bool used;
    bool pending; /* stands in the list of those */
    bool gone;    /* is to be taken out */
    bool sent;    /* the kernel has it, or had it until its end */
};

/* Entries on their way, as they were when they were taken. */
struct batch {
    unsigned count;
    uint64_t cleared;
    bool clear;
    struct {
        uint32_t at;
        struct entry was;
    } item[BATCH];
};

struct message {
    size_t used, last; /* bytes; where the last message begins */
    _Alignas(MNL_ALIGNTO) uint8_t bytes[(3 * BATCH + 8) * MESSAGE_BYTES];
};

struct endpoints {
    struct endpoints_config config;
    struct endpoints_grant fd;
    uint64_t seed;
    /* Of the flush alone. */
    uint32_t swept, sequence;
    struct batch batch;
    struct message message;

    pthread_mutex_t lock; /* of all below */
    struct entry *entry;  /* 1 to config.entries */
    uint32_t *bucket, mask;
    uint32_t *pending, pending_count;
    uint32_t fresh, free_first, used;
    bool clear;       /* the kernel's are all to go first */
    uint64_t cleared; /* how often */
    uint64_t added, refused;
};

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- the table, under its lock ---- */

static uint32_t *bucket_of(const struct endpoints *e, const struct ip_addr *addr)
{
    return &e->bucket[hash_words(addr->word[0], addr->word[1], e->seed) & e->mask];
}

static uint32_t find(const struct endpoints *e, const struct ip_addr *addr)
{
    uint32_t at = *bucket_of(e, addr);

    while (at != NONE && !ip_equal(&e->entry[at].addr, addr))
        at = e->entry[at].next;
    return at;
}

static void forget(struct endpoints *e, uint32_t at)
{
    uint32_t *link = bucket_of(e, &e->entry[at].addr);

    while (*link != at)
        link = &e->entry[*link].next;
    *link = e->entry[at].next;
    e->entry[at] = (struct entry){ .next = e->free_first };
    e->free_first = at;
    e->used--;
}

static uint32_t make(struct endpoints *e, const struct ip_addr *addr)
{
    uint32_t at = e->free_first, *bucket = bucket_of(e, addr);

    if (at != NONE)
        e->free_first = e->entry[at].next;
    else if (e->fresh <= e->config.entries)
        at = e->fresh++;
    else
        return NONE;
    e->entry[at] = (struct entry){ .addr = *addr, .next = *bucket, .used = true };
    *bucket = at;
    e->used++;
    return at;
}

static void pend(struct endpoints *e, uint32_t at)
{
    if (!e->entry[at].pending)
        e->pending[e->pending_count++] = at;
    e->entry[at].pending = true;
}

bool endpoints_block(struct endpoints *e, const struct ip_addr *addr, uint32_t for_s)
{
    if (for_s < e->config.least_s)
        for_s = e->config.least_s;
    if (for_s > e->config.most_s)
        for_s = e->config.most_s;
    uint64_t until_ms = now_ms() + (uint64_t)for_s * 1000;

    pthread_mutex_lock(&e->lock);
    uint32_t at = find(e, addr);
    bool is_new = at == NONE || e->entry[at].gone || e->entry[at].until_ms <= now_ms();
    if (at == NONE) {
        at = make(e, addr);
        if (at == NONE)
            e->refused++;
        else
            e->added++;
    }
    struct entry *x = &e->entry[at];
    if (at != NONE && (x->gone || until_ms >= x->until_ms + 1000)) { /* less is not worth a message */
        x->until_ms = until_ms;
        x->gone = false;
        pend(e, at);
    }
    pthread_mutex_unlock(&e->lock);
    return is_new && at != NONE;
}

bool endpoints_release(struct endpoints *e, const struct ip_addr *addr)
{
    pthread_mutex_lock(&e->lock);
    uint32_t at = find(e, addr);
    bool was_there = at != NONE && !e->entry[at].gone;
    if (at != NONE) {
        e->entry[at].gone = true;
        pend(e, at);
    }
    pthread_mutex_unlock(&e->lock);
    return was_there;
}

void endpoints_clear(struct endpoints *e)
{
    pthread_mutex_lock(&e->lock);
    memset(e->bucket, 0, ((size_t)e->mask + 1) * sizeof *e->bucket);
    memset(e->entry, 0, ((size_t)e->config.entries + 1) * sizeof *e->entry);
    e->pending_count = e->used = 0;
    e->fresh = 1;
    e->free_first = NONE;
    e->clear = true;
    e->cleared++;
    pthread_mutex_unlock(&e->lock);
}

/* ---- what is sent ---- */

static void take(struct endpoints *e, struct batch *b)
{
    *b = (struct batch){ .count = 0 };
    pthread_mutex_lock(&e->lock);
    b->cleared = e->cleared;
    b->clear = e->clear;
    while (b->count < BATCH && e->pending_count > 0) {
        uint32_t at = e->pending[--e->pending_count];
        e->entry[at].pending = false;
        b->item[b->count].at = at;
        b->item[b->count++].was = e->entry[at];
    }
    pthread_mutex_unlock(&e->lock);
}

static void settle(struct endpoints *e, const struct batch *b, bool sent)
{
    pthread_mutex_lock(&e->lock);
    if (b->cleared == e->cleared) { /* else none of them is there any more */
        if (sent)
            e->clear = false;
        for (unsigned i = 0; i < b->count; i++) {
            uint32_t at = b->item[i].at;
            struct entry *x = &e->entry[at];

            if (!sent) {
                pend(e, at);
            } else {
                x->sent = !b->item[i].was.gone;
                if (b->item[i].was.gone && !x->pending)
                    forget(e, at);
            }
        }
    }
    pthread_mutex_unlock(&e->lock);
}

/* ---- nftables ---- */

static struct nlmsghdr *put(struct endpoints *e, struct message *m, uint16_t type, uint16_t flags,
                            uint8_t family, uint16_t subsystem)
{
    struct nlmsghdr *h = mnl_nlmsg_put_header(m->bytes + m->used);
    struct nfgenmsg *head = mnl_nlmsg_put_extra_header(h, sizeof *head);

    h->nlmsg_type = type;
    h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    h->nlmsg_seq = ++e->sequence;
    head->nfgen_family = family;
    head->res_id = htons(subsystem);
    return h;
}

static void end(struct message *m, const struct nlmsghdr *h)
{
    m->last = m->used;
    m->used += h->nlmsg_len; /* all that we put is aligned */
}

/* Elements of a set to be added or deleted; `addr` NULL: all that are in it, to be deleted. */
static void put_element(struct endpoints *e, struct message *m, bool add, bool v4, const struct ip_addr *addr,
                        uint64_t for_ms)
{
    uint16_t type = add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM;
    struct nlmsghdr *h =
        put(e, m, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), add ? NLM_F_CREATE : 0, NFPROTO_INET, 0);

    mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, "imward");
    mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, v4 ? "blocked4" : "blocked6");
    if (addr != NULL) {
        struct nlattr *list = mnl_attr_nest_start(h, NFTA_SET_ELEM_LIST_ELEMENTS);
        struct nlattr *one = mnl_attr_nest_start(h, NFTA_LIST_ELEM);
        struct nlattr *key = mnl_attr_nest_start(h, NFTA_SET_ELEM_KEY);
        mnl_attr_put(h, NFTA_DATA_VALUE, v4 ? 4 : 16, addr->octet + (v4 ? 12 : 0));
        mnl_attr_nest_end(h, key);
        if (add)
            mnl_attr_put_u64(h, NFTA_SET_ELEM_TIMEOUT, htobe64(for_ms));
        mnl_attr_nest_end(h, one);
        mnl_attr_nest_end(h, list);
    }
    end(m, h);
}

static void put_entry(struct endpoints *e, struct message *m, const struct entry *x, uint64_t now)
{
    uint64_t for_ms = x->until_ms > now ? x->until_ms - now : 1;
    bool v4 = ip_is_v4(&x->addr);

    if (x->gone && !x->sent)
        return;
    put_element(e, m, true, v4, &x->addr, for_ms);
    if (x->sent)
        put_element(e, m, false, v4, &x->addr, 0);
    if (x->sent && !x->gone)
        put_element(e, m, true, v4, &x->addr, for_ms);
}

/* The kernel answers while it takes the message, so all answers are there. Returns its error, 0: done. */
static int answer(int fd)
{
    _Alignas(MNL_ALIGNTO) uint8_t bytes[16 << 10];
    int error = EIO; /* not even one */

    for (;;) {
        ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        struct view rest = view_of(bytes, n > 0 ? (size_t)n : 0);
        const struct nlmsghdr *h;
        int told;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 && errno != EAGAIN ? errno : error;
        while ((h = netlink_message(&rest)) != NULL)
            if (netlink_error(h, &told) && (error == EIO || told != 0))
                error = told;
    }
}

static bool send_sets(struct endpoints *e, const struct batch *b, struct imw_error_info *err)
{
    struct message *m = &e->message;
    uint64_t now = now_ms();

    m->used = 0;
    end(m, put(e, m, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
    size_t empty = m->used;
    for (unsigned v4 = 0; v4 < 2 && b->clear; v4++)
        put_element(e, m, false, v4 == 1, NULL, 0);
    for (unsigned i = 0; i < b->count; i++)
        put_entry(e, m, &b->item[i].was, now);
    if (m->used == empty)
        return true;
    /* The last one is acknowledged when all are done; the end of a batch is not, before Linux 6.10. */
    ((struct nlmsghdr *)(void *)(m->bytes + m->last))->nlmsg_flags |= NLM_F_ACK;
    end(m, put(e, m, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
    int error = send(e->fd.netlink, m->bytes, m->used, 0) < 0 ? errno : answer(e->fd.netlink);
    if (error == 0)
        return true;
    return error_set(err, IMW_ERROR_SYSTEM, "addresses to block: %s%s", strerror(error),
                     error == ENOENT  ? "; sets blocked4 and blocked6 of table inet imward are not there"
                     : error == EPERM ? "; CAP_NET_ADMIN is needed"
                                      : "");
}

/* ---- XDP ---- */

static void key_of(const struct ip_addr *addr, struct endpoints_key *out)
{
    memcpy(out, addr->octet, sizeof *out);
}

static bool send_map(struct endpoints *e, const struct batch *b, struct imw_error_info *err)
{
    struct endpoints_key key;
    int failed = 0;

    while (b->clear && bpf_map_get_next_key(e->fd.map, NULL, &key) == 0 && failed == 0)
        failed = bpf_map_delete_elem(e->fd.map, &key);
    for (unsigned i = 0; i < b->count && failed == 0; i++) {
        const struct entry *x = &b->item[i].was;
        struct endpoints_value value = { x->until_ms * 1000000 };

        key_of(&x->addr, &key);
        failed = x->gone ? bpf_map_delete_elem(e->fd.map, &key)
                         : bpf_map_update_elem(e->fd.map, &key, &value, BPF_ANY);
        if (x->gone && failed == -ENOENT)
            failed = 0;
    }
    return failed == 0 || error_set(err, IMW_ERROR_SYSTEM, "addresses to drop at '%s': %s", e->config.xdp,
                                    strerror(-failed));
}

/* Forget entries whose time is over; the sets do so by themselves. */
static void sweep(struct endpoints *e)
{
    uint64_t now = now_ms();

    pthread_mutex_lock(&e->lock);
    for (unsigned i = 0; i < SWEPT && i < e->config.entries; i++) {
        e->swept = e->swept + 1 < e->fresh ? e->swept + 1 : 1;
        const struct entry *x = &e->entry[e->swept];
        struct endpoints_key key;

        if (!x->used || x->pending || x->until_ms + EXPIRED_MS > now)
            continue;
        key_of(&x->addr, &key);
        if (e->fd.map >= 0)
            bpf_map_delete_elem(e->fd.map, &key);
        forget(e, e->swept);
    }
    pthread_mutex_unlock(&e->lock);
}

bool endpoints_flush(struct endpoints *e, struct imw_error_info *err)
{
    struct batch *b = &e->batch;
    bool sent = true;

    sweep(e);
    do {
        take(e, b);
        if (b->count == 0 && !b->clear)
            return true;
        sent = (e->fd.netlink < 0 || send_sets(e, b, err)) && (e->fd.map < 0 || send_map(e, b, err));
        settle(e, b, sent);
    } while (sent);
    return false;
}

void endpoints_counters(struct endpoints *e, struct endpoints_counters *out)
{
    uint32_t zero = 0;

    pthread_mutex_lock(&e->lock);
    *out = (struct endpoints_counters){ .entries = e->used, .added = e->added, .refused = e->refused };
    pthread_mutex_unlock(&e->lock);
    if (e->fd.counts >= 0)
        (void)bpf_map_lookup_elem(e->fd.counts, &zero, &out->dropped_packets);
}

/* ---- beginning and end ---- */

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
    (void)level, (void)format, (void)args;
    return 0;
}

static uint32_t entries_of(const struct endpoints_config *config)
{
    return config->entries == 0 || config->entries > 1u << 24 ? ENTRIES : config->entries;
}

/* In the driver, or else in the kernel's generic place. Returns a descriptor, or -errno. */
static int attach(int program, unsigned interface)
{
    struct bpf_link_create_opts options = { .sz = sizeof options, .flags = XDP_FLAGS_DRV_MODE };
    int link = bpf_link_create(program, (int)interface, BPF_XDP, &options);

    if (link < 0 && link != -EBUSY && link != -EEXIST && link != -EPERM) {
        options.flags = XDP_FLAGS_SKB_MODE;
        link = bpf_link_create(program, (int)interface, BPF_XDP, &options);
    }
    return link;
}

static bool open_xdp(const struct endpoints_config *config, struct endpoints_grant *g,
                     struct imw_error_info *err)
{
    unsigned interface = if_nametoindex(config->xdp);

    if (interface == 0)
        return error_set(err, IMW_ERROR_VALUE, "there is no interface '%s'", config->xdp);
    libbpf_set_print(quiet);
    struct endpoints_kernel *k = endpoints_kernel__open();
    if (k == NULL)
        return error_set(err, IMW_ERROR_SYSTEM, "XDP on '%s': %s", config->xdp, strerror(errno));
    /* Twice: some are over, yet not taken out. */
    bpf_map__set_max_entries(k->maps.blocked, 2 * entries_of(config));
    int failed = endpoints_kernel__load(k);
    if (failed == 0) {
        g->map = dup(bpf_map__fd(k->maps.blocked));
        g->counts = dup(bpf_map__fd(k->maps.dropped));
        g->link = attach(bpf_program__fd(k->progs.endpoints_xdp), interface);
        failed = g->link < 0 ? g->link : 0;
    }
    endpoints_kernel__destroy(k);
    if (failed == -EBUSY || failed == -EEXIST)
        return error_set(
            err, IMW_ERROR_SYSTEM,
            "'%s' has an XDP program already: end what uses it ('ip link show dev %s' tells), or go "
            "without XDP",
            config->xdp, config->xdp);
    if (failed == -EPERM || failed == -EACCES)
        return error_set(err, IMW_ERROR_SYSTEM,
                         "no permission for XDP on '%s': run as root, or with CAP_BPF and CAP_NET_ADMIN",
                         config->xdp);
    if (failed != 0 || g->map < 0 || g->counts < 0)
        return error_set(err, IMW_ERROR_SYSTEM, "XDP on '%s': %s; go without XDP", config->xdp,
                         strerror(failed != 0 ? -failed : ENOMEM));
    return true;
}

static bool open_netlink(struct endpoints_grant *g, struct imw_error_info *err)
{
    struct sockaddr_nl own = { .nl_family = AF_NETLINK };
    int bytes = SOCKET_BYTES, yes = 1;

    g->netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    if (g->netlink >= 0 && bind(g->netlink, (const struct sockaddr *)&own, sizeof own) == 0 &&
        setsockopt(g->netlink, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) == 0 &&
        setsockopt(g->netlink, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) == 0 &&
        setsockopt(g->netlink, SOL_NETLINK, NETLINK_CAP_ACK, &yes, sizeof yes) == 0)
        return true;
    return error_set(err, IMW_ERROR_SYSTEM, "sets of nftables: %s%s", strerror(errno),
                     errno == EPERM ? ": run as root, or with CAP_NET_ADMIN" : "");
}

unsigned endpoints_grant_fds(struct endpoints_grant *g, int *out[ENDPOINTS_FDS])
{
    out[0] = &g->netlink;
    out[1] = &g->map;
    out[2] = &g->counts;
    out[3] = &g->link;
    return ENDPOINTS_FDS;
}

static void close_all(struct endpoints_grant *g)
{
    int *fds[ENDPOINTS_FDS];

    for (unsigned i = 0; i < endpoints_grant_fds(g, fds); i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
}

bool endpoints_open(const struct endpoints_config *config, struct endpoints_grant *out,
                    struct imw_error_info *err)
{
    *out = (struct endpoints_grant){ -1, -1, -1, -1 };
    if ((!config->nft || open_netlink(out, err)) && (config->xdp[0] == '\0' || open_xdp(config, out, err)))
        return true;
    close_all(out);
    return false;
}

bool endpoints_new(const struct endpoints_config *config, struct endpoints_grant *take,
                   struct endpoints **out, struct imw_error_info *err)
{
    struct endpoints *e = calloc(1, sizeof *e);
    uint32_t buckets = 64;

    if (e == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for addresses to block");
    e->config = *config;
    e->config.entries = entries_of(config);
    if (e->config.least_s == 0)
        e->config.least_s = LEAST_S;
    if (e->config.most_s == 0)
        e->config.most_s = MOST_S;
    while (buckets < e->config.entries)
        buckets *= 2;
    e->mask = buckets - 1;
    e->fresh = 1;
    e->fd = (struct endpoints_grant){ -1, -1, -1, -1 };
    pthread_mutex_init(&e->lock, NULL);
    if (getrandom(&e->seed, sizeof e->seed, GRND_NONBLOCK) != sizeof e->seed)
        e->seed = now_ms(); /* at boot; who makes collisions only makes us slower */
    e->bucket = calloc(buckets, sizeof *e->bucket);
    e->entry = calloc((size_t)e->config.entries + 1, sizeof *e->entry);
    e->pending = calloc((size_t)e->config.entries + 1, sizeof *e->pending);
    if (e->bucket == NULL || e->entry == NULL || e->pending == NULL) {
        endpoints_free(e);
        return error_set(err, IMW_ERROR_MEMORY, "no memory for addresses to block");
    }
    e->fd = *take;
    *take = (struct endpoints_grant){ -1, -1, -1, -1 };
    *out = e;
    return true;
}

void endpoints_free(struct endpoints *e)
{
    if (e == NULL)
        return;
    close_all(&e->fd);
    pthread_mutex_destroy(&e->lock);
    free(e->bucket);
    free(e->entry);
    free(e->pending);
    free(e);
}
